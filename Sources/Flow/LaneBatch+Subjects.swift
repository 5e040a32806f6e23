internal import Kernel
internal import Postgres
internal import Records
internal import ServiceLevels
internal import Tenancy

/// The contract that clocks of one subject count by, with the calendar it names: both as they were pinned.
struct PinnedPromise: Sendable {
    struct Key: Hashable, Sendable {
        let contract: AssetID
        let calendar: AssetID

        init(_ row: ClockRow) { (contract, calendar) = (row.contractAsset, row.calendarAsset) }

        init(contract: AssetID, calendar: AssetID) { (self.contract, self.calendar) = (contract, calendar) }
    }

    let key: Key
    let contract: ContractDocument
    let calendar: ServiceCalendar
    /// Nil for one that was pinned before.
    let period: ContractPeriod?
}

extension ClockRow {
    /// A clock of what is no run, begun under a promise.
    init(_ subject: ClockSubject, of tenant: TenantID, id: ClockID, lane: Int32, name: String, _ promise: PinnedPromise, at: Moment) {
        self.init(
            tenant: tenant, id: id, lane: lane, subject: subject, objective: name, contractAsset: promise.key.contract,
            contractVersion: promise.contract.version, calendarAsset: promise.key.calendar,
            zoneVersion: promise.calendar.zone.version, targetSeconds: 1, events: [], startedAt: at)
    }
}

/// Clocks of what is no run. Their events come to the lane as commands, from whatever transaction changed the subject.
///
/// A new kind of subject needs three things: a case of `ClockSubject` with its column, a case of `ContractMeasure`, and in each
/// transaction that starts or stops its clock the command of `LaneBatch.measureCommand`. Warnings, breaches, reports, budgets
/// and credits follow from the clock. What a breach does besides is said in `breach(_:)`.
extension LaneBatch {
    static let clockMeasure = "clock.measure"

    /// The command that gives events to the clocks of a subject, one for each objective of its measure; a `start` begins them
    /// under the contract in force then, or not at all where none promises it. The same event twice is once.
    static func measureCommand(
        _ id: CommandID, _ subject: ClockSubject, measuring measure: ContractMeasure, _ events: [ClockEvent], scope: ScopeRow,
        key: String, at now: Moment
    ) -> CommandRow {
        CommandRow(
            tenant: scope.id, id: id, lane: scope.lane, idempotencyKey: "\(clockMeasure)/\(key)", kind: clockMeasure,
            payload: [
                "subject": subject.json, "measures": .string(measure.rawValue), "events": .array(events.map(\.json)),
            ], createdAt: now)
    }

    /// What a command about clocks is about, when that is no run.
    static func subject(of command: CommandRow) -> ClockSubject? {
        if command.kind == incidentMeasure {
            return command.payload["incident"]?.string.flatMap { IncidentID($0) }.map { .incident($0) }
        }
        guard ["clock.read", "clock.correct", clockMeasure].contains(command.kind), command.run == nil else { return nil }
        return ClockSubject(json: command.payload["subject"])
    }

    mutating func measureSubject(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let subject = LaneBatch.subject(of: command),
            let measure = command.payload["measures"]?.string.flatMap({ ContractMeasure(rawValue: $0) })
        else { throw Refusal(.invalid, reason: "clock.measure", "A clock needs its subject and what it measures.") }
        var events: [ClockEvent] = []
        for event in command.payload["events"]?.array ?? [] { events.append(try ClockEvent(json: event)) }
        let startedAt = events.first { $0.kind == .start }?.at
        guard let promise = promise(of: subject, in: command.tenant, at: startedAt ?? command.createdAt) else {
            return ["clocks": 0]
        }
        var told = 0
        for objective in promise.contract.objectives(measuring: measure) {
            let known = clocks[subject]?.first { $0.objective == objective.name }
            guard known != nil || startedAt != nil else { continue }
            let before = Set((known?.events.array ?? []).compactMap { try? ClockEvent(json: $0) })  // ours always read
            put(before.union(events), for: objective.name, of: subject, in: command.tenant, promise, at: startedAt ?? now)
            told += 1
        }
        return ["clocks": JSONValue(told)]
    }

    /// The promise that a subject's clocks are pinned to, else the one in force at an instant for no workflow in particular.
    func promise(of subject: ClockSubject, in tenant: TenantID, at moment: Moment) -> PinnedPromise? {
        if let row = clocks[subject]?.first { return promises[PinnedPromise.Key(row)] }
        return governing[tenant].flatMap { $0.period?.covers(moment) == true ? $0 : nil }
    }

    /// Replaces the events of one clock, or begins it with them, and reads it.
    mutating func put(
        _ events: Set<ClockEvent>, for name: String, of subject: ClockSubject, in tenant: TenantID, _ promise: PinnedPromise,
        at startedAt: Moment
    ) {
        guard let objective = promise.contract.objectives.first(where: { $0.name == name }) else { return }
        let isNew = !(clocks[subject] ?? []).contains { $0.objective == name }
        if isNew {
            let row = ClockRow(subject, of: tenant, id: newID(), lane: lane, name: name, promise, at: startedAt)
            newClocks.append(row.id)
            clocks[subject, default: []].append(row)
            promises[promise.key] = promise
        }
        guard var row = clocks[subject]?.first(where: { $0.objective == name }) else { return }
        let ordered = ClockEvent.ordered(events)
        let before = Set((row.events.array ?? []).compactMap { try? ClockEvent(json: $0) })  // ours always read
        guard isNew || before != events else { return }
        row.events = .array(ordered.map(\.json))
        let rules = rules(
            of: objective, contract: promise.contract, calendar: calendar(of: promise, in: tenant), tenant: tenant)
        // The commands of one subject come in order, but what they tell of may lie a moment behind.
        recount(row, from: nil, rules, asOf: max(now, ordered.last?.at ?? now))
        let told = ordered.filter { !before.contains($0) }.map(\.type)
        enter(
            tenant, action: isNew ? "clock.started" : "clock.\(told.last ?? "resumed")",
            object: (type: "clock", id: row.id.text), run: nil, by: nil,
            facts: [
                "objective": .string(name), "contract": .string(row.contractVersion),
                "events": .array(told.map(JSONValue.string)),
            ])
    }

    /// The calendar of a promise, with what was published in its place since.
    func calendar(of promise: PinnedPromise, in tenant: TenantID) -> ServiceCalendar {
        assets[tenant]?.revised(promise.calendar, asset: promise.key.calendar) ?? promise.calendar
    }
}

extension LaneEngine {
    /// Loads the clocks of what is no run and what they are pinned to; from memory, and what is not there is read outside of
    /// the transaction (`Unprepared`). Incidents are locked, for their timelines are written to.
    func loadOthers(_ batch: inout LaneBatch, unreadable: [String: String], tx: Transaction) async throws {
        try await loadClocks(of: batch.others, &batch, unreadable: unreadable, tx: tx)
        let unlocked = batch.others.compactMap { tenant, subject in subject.incident.map { (tenant, $0) } }
            .filter { batch.incidents[$0.1] == nil }
        guard !unlocked.isEmpty else { return }
        let locked = try await tx.query(
            IncidentQueries.lock(lane: batch.lane, tenants: unlocked.map(\.0), ids: unlocked.map(\.1)))
        for row in locked {
            let incident = try IncidentRow(row)
            batch.incidents[incident.id] = incident
        }
    }

    /// The clocks of these, unless they are in the batch.
    func loadClocks(
        of subjects: [(TenantID, ClockSubject)], _ batch: inout LaneBatch, unreadable: [String: String], tx: Transaction
    ) async throws {
        let wanted = subjects.filter { batch.clocks[$0.1] == nil }
        guard !wanted.isEmpty else { return }
        let rows = try await tx.query(
            ClockQueries.loadOthers(
                lane: batch.lane, tenants: Array(Set(wanted.map(\.0))), incidents: wanted.compactMap(\.1.incident),
                onboardings: wanted.compactMap(\.1.onboarding)))
        for row in rows {
            let clock = try ClockRow(row)
            batch.clocks[clock.subject, default: []].append(clock)
        }
        var missing = Unprepared()
        for (_, subject) in wanted {
            for clock in batch.clocks[subject] ?? [] {
                let key = PinnedPromise.Key(clock)
                guard batch.promises[key] == nil else { continue }
                if let known = assets.promise(contract: key.contract, calendar: key.calendar) {
                    batch.promises[key] = known
                } else if unreadable[key.contract.text] == nil {
                    missing.promises[key] = clock.tenant
                }
            }
        }
        guard missing.isEmpty else { throw missing }
    }
}

extension AssetLibrary {
    /// The contract that governs what is no run of a tenant, parsed; nil in a gap, or where it promises nothing of the kind.
    func governing(in current: TenantAssets, at now: Moment) -> PinnedPromise? {
        guard let chosen = GoverningContract.choose(from: current.contracts, workflow: nil, at: now),
            let calendar = current.row("calendar", chosen.calendar), let counted = self.calendar(calendar),
            let document = contract(chosen.row), document.objectives.contains(where: { $0.measures != .runClock })
        else { return nil }
        return PinnedPromise(
            key: PinnedPromise.Key(contract: chosen.row.id, calendar: calendar.id), contract: document, calendar: counted,
            period: chosen.period)
    }

    /// What is in memory of a pinned promise.
    func promise(contract: AssetID, calendar: AssetID) -> PinnedPromise? {
        guard let row = known(contract), let other = known(calendar), let document = self.contract(row),
            let counted = self.calendar(other)
        else { return nil }
        return PinnedPromise(
            key: PinnedPromise.Key(contract: contract, calendar: calendar), contract: document, calendar: counted, period: nil)
    }
}
