internal import Expressions
internal import Kernel
internal import Logging
internal import Policies
internal import Postgres
internal import Records
internal import Seals
internal import Tenancy
internal import Workflows

/// Events between the runs of a tenant, and from outside. All of a tenant lies in one lane, so that an event, what it ends in the
/// runs that take it, and what is kept of it are one transaction.
///
/// An arriving event is offered to those whose filters its keys fit, found by an index, longest waiting first; each run decides
/// by its own conditions. A run that begins to wait looks at what is kept. Whichever comes first, a run takes an event once.
extension LaneBatch {
    static let forgetTimer = "forget"

    static func hash(_ json: JSONValue) -> String {
        // What has no canonical form has one key, which only makes more runs be asked.
        (try? ObjectHash.hexText(of: json)) ?? ""
    }

    // MARK: Loading

    /// What commands about events need; answers the runs that they may touch.
    mutating func loadEvents(_ commands: [CommandRow], tx: Transaction) async throws -> [(TenantID, RunID)] {
        let arriving = commands.filter { $0.kind == "event.receive" }
        let offering = commands.filter { $0.kind == "event.offer" }
        let looking = commands.filter { $0.kind == "event.look" && $0.run != nil }
        if !looking.isEmpty { try await loadKept(looking, tx: tx) }
        guard !arriving.isEmpty || !offering.isEmpty else { return [] }
        let asked = offering.compactMap { command in
            command.payload["event"]?.string.flatMap { EventID($0) }.map { (command: command, event: $0) }
        }
        let marks = arriving.map { command in
            EventBook.Mark(
                tenant: command.tenant, source: command.payload["event"]?["source"]?.string ?? "",
                id: command.payload["event"]?["id"]?.string ?? "")
        }
        let first = try await tx.pipeline([
            EventQueries.known(lane: lane, tenants: marks.map(\.tenant), sources: marks.map(\.source), ids: marks.map(\.id)),
            EventQueries.load(lane: lane, tenants: asked.map(\.command.tenant), ids: asked.map(\.event)),
            EventQueries.keptCounts(lane: lane, tenants: Array(Set(marks.map(\.tenant))), now: now),
        ])
        for row in first[0] {
            let mark = EventBook.Mark(
                tenant: try row.get("tenant_id", as: TenantID.self), source: try row.get("source", as: String.self),
                id: try row.get("event_id", as: String.self))
            eventBook.known[mark] = try row.get("id", as: EventID.self)
        }
        for row in try first[1].map(ReceivedEventRow.init) { eventBook.rows[row.id] = row }
        for row in first[2] {
            eventBook.keptCounts[try row.get("tenant_id", as: TenantID.self)] = try row.get("n", as: Int64.self)
        }
        var about = arriving.map { (command: $0, event: $0.payload["event"] ?? .null) }
        about += asked.compactMap { pair in eventBook.rows[pair.event].map { (command: pair.command, event: $0.content) } }
        return try await loadLine(about, tx: tx)
    }

    /// The keys of events under every way in which their types are read, and who waits for them.
    private mutating func loadLine(
        _ about: [(command: CommandRow, event: JSONValue)], tx: Transaction
    ) async throws -> [(TenantID, RunID)] {
        let types = about.map { $0.event["type"]?.string ?? "" }
        let found = try await tx.query(
            EventQueries.readings(
                lane: lane, tenants: about.map(\.command.tenant), types: types, limit: EventBounds.readingsMax)
        ).map(EventReadingRow.init)
        let readings = found.compactMap { row in EventReading(json: row.content).map { (row: row, reading: $0) } }
        var sought: [EventQueries.Sought] = []
        for (place, item) in about.enumerated() {
            for (row, reading) in readings
            where row.tenant == item.command.tenant && sameBytes(row.type, types[place]) {
                guard let values = reading.key(of: item.event) else { continue }
                let key = LaneBatch.hash(values)
                eventBook.keys[item.command.id, default: []].append((reading: row.id, key: key))
                sought.append(
                    EventQueries.Sought(
                        mark: Int64(place), tenant: row.tenant, reading: row.id, key: key,
                        after: LaneBatch.line(item.command.payload["after"])))
            }
        }
        guard !sought.isEmpty else { return [] }
        // One more than is offered to, so that it is seen whether others wait behind them.
        let rows = try await tx.query(EventQueries.waiting(lane: lane, sought, limit: EventBounds.offersMax + 1))
        for row in rows {
            let place = Int(try row.get("mark", as: Int64.self))
            eventBook.line[about[place].command.id, default: []].append(try SubscriptionRow(row))
        }
        var runs: [(TenantID, RunID)] = []
        for (id, line) in eventBook.line {
            let sorted = line.sorted { LaneBatch.order($0) < LaneBatch.order($1) }
            eventBook.line[id] = sorted
            runs += sorted.prefix(EventBounds.offersMax).map { ($0.tenant, $0.run) }
        }
        return runs
    }

    private static func order(_ row: SubscriptionRow) -> (Moment, RunID, String, Int32) {
        (row.since, row.run, row.step, row.place)
    }

    private mutating func loadKept(_ looking: [CommandRow], tx: Transaction) async throws {
        let rows = try await tx.query(
            EventQueries.kept(
                lane: lane, marks: looking.indices.map { Int64($0) }, tenants: looking.map(\.tenant),
                runs: looking.compactMap(\.run), after: looking.map { $0.payload["after"]?.int64 ?? 0 }, now: now,
                limit: EventBounds.looksMax))
        for row in rows {
            let event = try ReceivedEventRow(row)
            if eventBook.rows[event.id] == nil { eventBook.rows[event.id] = event }
            var takes: [Subscription.Takes] = []
            if try row.get("is_shared", as: Bool.self) { takes.append(.all) }
            if try row.get("is_single", as: Bool.self) { takes.append(.one) }
            let place = Int(try row.get("mark", as: Int64.self))
            eventBook.looks[looking[place].id, default: []].append(EventBook.Kept(event: event.id, takes: takes))
        }
    }

    // MARK: Events that come

    /// Something that a run sends is a command of its own, written in the transaction that sends it.
    mutating func send(_ event: JSONValue, from run: RunRow, _ state: RunState) {
        do throws(Refusal) {
            _ = try CheckedEvent(event)
        } catch {
            return note(run.id, type: "event.not-sent", step: "", summary: error.message, by: nil)
        }
        // A run inside another begins none: the one around it may have been begun by an event, and nobody would count.
        let hops = state.parent == nil ? (state.input["hops"]?.int ?? 0) + 1 : EventBounds.hopsMax + 1
        let id: CommandID = newID()
        ordered.append(
            CommandRow(
                tenant: run.tenant, id: id, lane: lane, idempotencyKey: "event.receive/\(id)", kind: "event.receive",
                payload: [
                    "event": event, "run": JSONValue(run.id), "hops": JSONValue(hops),
                    "acts": LaneBatch.acts(state.actsOnChain),
                ], traceparent: run.traceparent, createdAt: now))
    }

    /// Who did what, each once, as an event carries it to the runs that it begins.
    private static func acts(_ acts: [DutySeparation.Act]) -> JSONValue {
        var seen: Set<DutySeparation.Act> = []
        return .array(acts.filter { seen.insert($0).inserted }.map { ["duty": .string($0.duty), "person": .string($0.person)] })
    }

    /// Runs that the event begins: each has an id of its own making, so that the same event never begins two of a workflow.
    private mutating func begin(by event: ReceivedEventRow, _ command: CommandRow) -> [RunID] {
        let hops = command.payload["hops"]?.int ?? 0
        var begun: [RunID] = []
        for (workflow, beginning) in eventBook.beginnings[event.tenant] ?? [] where beginning.takes(event.content) {
            guard hops <= EventBounds.hopsMax else {
                logLines.append(
                    (
                        message: "an event began no run",
                        metadata: [
                            "tenant": "\(slug(of: event.tenant))", "event": "\(event.id)", "workflow": "\(workflow)",
                            "hops": "\(hops)",
                        ]
                    ))
                continue
            }
            let id = RunID.derived(from: "begin/\(event.tenant)/\(event.id)/\(workflow)") { SHA256.hash($0) }.dated(as: event.id)
            ordered.append(
                CommandRow(
                    tenant: event.tenant, id: newID(), lane: lane, idempotencyKey: "run.start/\(id)", kind: "run.start", run: id,
                    payload: [
                        "workflow": .string(workflow),
                        "input": [
                            "event": event.content, "hops": JSONValue(hops), "chain": command.payload["acts"] ?? [],
                        ],
                        "summary": [
                            "number": event.content["subject"] ?? .string(event.eventID), "supplierName": .string(event.source),
                        ],
                    ], traceparent: command.traceparent, createdAt: now))
            begun.append(id)
        }
        return begun
    }

    mutating func receiveEvent(_ command: CommandRow) throws(Refusal) -> JSONValue {
        let event = try CheckedEvent(command.payload["event"] ?? .null)
        let mark = EventBook.Mark(tenant: command.tenant, source: event.source, id: event.id)
        if let known = eventBook.known[mark] { return ["event": JSONValue(known), "status": "known"] }
        let sender = command.payload["run"]?.string.flatMap { RunID($0) }
        let person = command.payload["by"]?.string.flatMap { PersonID($0) }
        let kept = eventBook.keptCounts[command.tenant] ?? 0
        let isFull = kept >= EventBounds.keptMax
        guard !isFull || sender != nil else {
            throw Refusal(
                .tooMany, reason: "events.full",
                "\(EventBounds.keptMax) events wait to be taken already. Send it again when some have been.")
        }
        if let expiresAt = event.expiresAt, expiresAt <= now, sender == nil {
            throw Refusal(
                .unprocessable, reason: "event.expired", "The event was of use until \(expiresAt) only.",
                facts: ["field": Subscription.expiryAttribute])
        }
        let longest = now.adding(seconds: RunBounds.eventKeptSecondsMax)
        let expiresAt = isFull ? now : min(event.expiresAt ?? now.adding(seconds: RunBounds.eventKeptSeconds), longest)
        let known = now.adding(seconds: isFull ? EventBounds.knownUnkeptSeconds : EventBounds.knownSeconds)
        let row = ReceivedEventRow(
            tenant: command.tenant, id: newID(), lane: lane, source: event.source, eventID: event.id, type: event.type,
            content: event.json, run: sender, receivedAt: now, expiresAt: expiresAt, forgetAt: max(known, expiresAt))
        eventBook.known[mark] = row.id
        eventBook.rows[row.id] = row
        eventBook.new.append(row.id)
        eventBook.keptCounts[command.tenant] = kept + 1
        for (reading, key) in eventBook.keys[command.id] ?? [] {
            eventBook.newKeys.append(EventBook.Key(tenant: row.tenant, reading: reading, key: key, event: row.id))
        }
        setTimer(row.tenant, subject: "event", id: row.id.anySubject, key: LaneBatch.forgetTimer, at: row.forgetAt)
        let takers = offer(row.id, along: command)
        let begun = begin(by: row, command)
        eventBook.rows[row.id]?.taken += Int32(begun.count)
        if let person {
            enter(
                row.tenant, action: "event.received", object: (type: "event", id: row.id.text), run: nil, by: person,
                facts: ["type": .string(row.type), "source": .string(row.source), "id": .string(row.eventID)])
        }
        return [
            "event": JSONValue(row.id), "status": .string(takers.isEmpty && begun.isEmpty ? "kept" : "taken"),
            "runs": .array((takers + begun).map { JSONValue($0) }), "expiresAt": JSONValue(expiresAt),
        ]
    }

    /// Goes on along the line of those who wait for an event.
    mutating func offerOn(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.payload["event"]?.string.flatMap({ EventID($0) }), eventBook.rows[id] != nil else {
            // It was forgotten meanwhile; nobody waits for an answer.
            return ["runs": []]
        }
        return ["runs": .array(offer(id, along: command).map { JSONValue($0) })]
    }

    /// Offers an event to those who were found for a command; the runs that took it.
    private mutating func offer(_ id: EventID, along command: CommandRow) -> [RunID] {
        let line = eventBook.line[command.id] ?? []
        var takers: [RunID] = []
        for waiting in line.prefix(EventBounds.offersMax) {
            guard let takes = Subscription.Takes(rawValue: waiting.takes) else { continue }
            if offer(id, to: waiting.run, takes) { takers.append(waiting.run) }
        }
        if line.count > EventBounds.offersMax, let last = line.prefix(EventBounds.offersMax).last {
            let next: CommandID = newID()
            ordered.append(
                CommandRow(
                    tenant: command.tenant, id: next, lane: lane, idempotencyKey: "event.offer/\(next)", kind: "event.offer",
                    payload: ["event": JSONValue(id), "after": LaneBatch.json(last)], traceparent: command.traceparent,
                    createdAt: now))
        }
        return takers
    }

    private static func json(_ row: SubscriptionRow) -> JSONValue {
        [
            "since": .string(row.since.text(fraction: 6)), "run": JSONValue(row.run), "step": .string(row.step),
            "place": JSONValue(Int(row.place)),
        ]
    }

    private static func line(_ json: JSONValue?) -> EventQueries.Line? {
        guard let json, let since = json["since"]?.string.flatMap({ Moment($0) }),
            let run = json["run"]?.string.flatMap({ RunID($0) }), let step = json["step"]?.string,
            let place = json["place"]?.int.flatMap({ Int32(exactly: $0) })
        else { return nil }
        return EventQueries.Line(since: since, run: run, step: step, place: place)
    }

    /// Whether the run took it. One that is paused or held keeps what is for all; what is for one alone goes to another, or
    /// waits until the run can take it.
    private mutating func offer(_ id: EventID, to run: RunID, _ takes: Subscription.Takes) -> Bool {
        guard let event = eventBook.rows[id], let row = runs[run], row.tenant == event.tenant, row.finishedAt == nil,
            takes == .all || event.consumedBy == nil
        else { return false }
        let offered = RunEvent.eventOffered(event.content, takes)
        if let context = contexts[row.pinnedText], let state = states[run] ?? (try? RunState(json: row.state)) {  // else held
            if state.isPaused, takes == .one { return false }
            var trial = RunMachine(state)
            // An offer is never refused; a run that it leaves as it is does not take it.
            guard (try? trial.handle(offered, at: now, in: context.environment)) != nil, trial.state != state else {
                return false
            }
        } else if takes == .one {
            return false
        }
        // Held runs park it, others have just been asked.
        guard (try? advance(run, offered, by: nil)) != nil else { return false }
        eventBook.rows[id]?.taken += 1
        if takes == .one { eventBook.rows[id]?.consumedBy = run }
        eventBook.changed.insert(id)
        return true
    }

    // MARK: Runs that wait

    typealias Standing = (state: RunState, definition: WorkflowDefinition)

    /// What a run waits for is kept as its state says. Whoever begins to wait looks at what has come already.
    mutating func resubscribe(_ id: RunID, from before: Standing, to after: Standing) {
        guard before.definition.listens || after.definition.listens, let run = runs[id] else { return }
        let old = Set(RunMachine.subscriptions(for: before.state, of: before.definition))
        let current = RunMachine.subscriptions(for: after.state, of: after.definition)
        let fresh = current.filter { !old.contains($0) }
        for gone in old.subtracting(current) {
            eventBook.subscriptions.updateValue(
                nil,
                forKey: EventBook.Place(tenant: run.tenant, run: id, step: gone.step, place: Int32(gone.place)))
        }
        for one in fresh {
            let content = one.reading.json
            let reading = LaneBatch.hash(["type": .string(one.type), "reads": content])
            eventBook.newReadings["\(run.tenant) \(reading)"] = EventReadingRow(
                tenant: run.tenant, id: reading, type: one.type, content: content, madeAt: now)
            let row = SubscriptionRow(
                tenant: run.tenant, run: id, step: one.step, place: Int32(one.place), type: one.type, reading: reading,
                key: LaneBatch.hash(one.key), sought: ["reads": content, "values": one.key], takes: one.takes.rawValue,
                since: now,
                looksFrom: now.adding(seconds: -one.keptSeconds))
            eventBook.subscriptions[EventBook.Place(tenant: run.tenant, run: id, step: one.step, place: Int32(one.place))] = row
        }
        let isBack = before.state.isPaused && !after.state.isPaused && !current.isEmpty
        if !fresh.isEmpty || isBack { orderLook(id, tenant: run.tenant) }
    }

    /// The next batch looks whether something is kept for the run; once for all that it began to wait for in this one.
    mutating func orderLook(_ id: RunID, tenant: TenantID, after position: Int64 = 0) {
        guard eventBook.looksOrdered.insert(id).inserted else { return }
        let command: CommandID = newID()
        ordered.append(
            CommandRow(
                tenant: tenant, id: command, lane: lane, idempotencyKey: "event.look/\(command)", kind: "event.look", run: id,
                payload: ["after": JSONValue(position)], createdAt: now))
    }

    /// Gives a run what is kept for it. A paused run is looked at again when it goes on, a held one when it is released.
    mutating func look(_ command: CommandRow) -> JSONValue {
        let kept = eventBook.looks[command.id] ?? []
        guard let id = command.run, let run = runs[id], !kept.isEmpty,
            ![LaneBatch.heldPhase, LaneBatch.pausedPhase].contains(run.phase)
        else { return ["taken": 0] }
        var taken = 0
        for one in kept {
            for takes in one.takes where offer(one.event, to: id, takes) { taken += 1 }
        }
        if kept.count == EventBounds.looksMax, let last = kept.last.flatMap({ eventBook.rows[$0.event] }) {
            orderLook(id, tenant: run.tenant, after: last.position)
        }
        return ["taken": JSONValue(taken)]
    }

    // MARK: Writing

    func appendEvents(to statements: inout [SQL]) {
        let book = eventBook
        let made = Set(book.new)
        if !book.new.isEmpty { statements.append(EventQueries.insert(book.new.compactMap { book.rows[$0] })) }
        let changed = book.changed.subtracting(made).sorted().compactMap { book.rows[$0] }
        if !changed.isEmpty { statements.append(EventQueries.update(lane: lane, changed)) }
        if !book.newKeys.isEmpty {
            statements.append(
                EventQueries.insertKeys(
                    lane: lane, tenants: book.newKeys.map(\.tenant), readings: book.newKeys.map(\.reading),
                    keys: book.newKeys.map(\.key), events: book.newKeys.map(\.event)))
        }
        if !book.forgotten.isEmpty {
            statements.append(
                EventQueries.forget(
                    lane: lane, tenants: book.forgotten.map(\.tenant), ids: book.forgotten.map(\.event)))
        }
        if !book.newReadings.isEmpty {
            let rows = book.newReadings.sorted { $0.key < $1.key }.map(\.value)
            statements.append(EventQueries.insertReadings(lane: lane, rows))
        }
        guard !book.subscriptions.isEmpty else { return }
        let places = Array(book.subscriptions.keys)
        statements.append(
            EventQueries.unsubscribe(
                lane: lane, tenants: places.map(\.tenant), runs: places.map(\.run), steps: places.map(\.step),
                places: places.map(\.place)))
        let rows = book.subscriptions.values.compactMap(\.self)
        if !rows.isEmpty { statements.append(EventQueries.subscribe(lane: lane, rows)) }
    }
}
