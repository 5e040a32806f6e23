internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Tenancy

/// What an incident asks for besides its lines, in the form in which a change by a person hands it to the lane.
struct FollowUp: Sendable, Equatable {
    /// Why people are told anew, from the first layer on; nil when they are not.
    var wakes: String?
    /// Who is told because it is theirs now.
    var assigned: PersonID?

    /// Nil when the actions are lines only.
    init?(_ actions: [Incident.Action]) {
        var asksForMore = false
        for action in actions {
            switch action {
            case .record: continue
            case .page(let page):
                if case .assigned(let person, _) = page { assigned = person }
                wakes = Paging.why(page) ?? wakes
            case .startEscalation, .stopEscalation, .wake, .cancelWake: break
            }
            asksForMore = true
        }
        guard asksForMore else { return nil }
    }

    init(json: JSONValue) {
        wakes = json["wakes"]?.string
        assigned = json["assigned"]?.string.flatMap { PersonID($0) }
    }

    func json(of incident: IncidentID) -> JSONValue {
        .object([
            "incident": JSONValue(incident), "wakes": wakes.map(JSONValue.string), "assigned": assigned.map { JSONValue($0) },
        ])
    }
}

enum Paging {
    /// What a page says.
    enum Kind: String, Sendable, CaseIterable {
        /// Trouble that somebody has to answer.
        case page
        /// Trouble that can wait; nothing follows when nobody answers.
        case notice
        /// To services that keep incidents themselves: somebody has taken it on.
        case answered
        /// To services that keep incidents themselves: it is over.
        case over
        /// Nothing is wrong.
        case test
    }

    /// Pages of one incident that are shown.
    static let shownMax = 500
    static let lapseTimer = "lapse"
    private static let escalatePrefix = "escalate/"

    static func escalateTimer(_ layer: Int) -> String { "\(escalatePrefix)\(layer)" }

    static func layer(of key: String) -> Int? {
        key.hasPrefix(escalatePrefix) ? Int(key.dropFirst(escalatePrefix.count)) : nil
    }

    /// In words for the timeline; nil for pages that go to one person.
    static func why(_ page: Incident.Page) -> String? {
        switch page {
        case .opened: "it was opened"
        case .worsened: "it became worse"
        case .returned: "it has returned"
        case .lapsed: "nobody followed up"
        case .assigned, .dutyManager: nil
        }
    }
}

/// An incident while a batch works on it: the machine, its row, and the statements that its changes have come to.
struct OpenIncident {
    var machine: Incident
    var row: IncidentRow
    var statements: [SQL] = []

    init(_ row: IncidentRow) throws(Refusal) {
        machine = try Incident(json: row.machine)
        self.row = row
    }

    init(machine: Incident, row: IncidentRow) {
        self.machine = machine
        self.row = row
    }
}

/// Paging inside a batch. Only what is urgent wakes somebody; the rest is on the board. Every page is a row of the outbox and a
/// line of the timeline, written in the transaction that decided it; who has not answered in time is followed by the next layer.
extension LaneBatch {
    /// Carries out what the machine asked: lines, pages, and the timers that come after them.
    mutating func follow(_ actions: [Incident.Action], _ open: inout OpenIncident) {
        var why = ""
        for action in actions {
            switch action {
            case .record(let entry):
                open.statements.append(line(entry.kind, entry.text, by: entry.actor.person, at: entry.at, open.row))
            case .page(let wanted):
                why = Paging.why(wanted) ?? why
                switch wanted {
                case .opened, .returned, .lapsed: continue  // the escalation that comes with it tells the first layer
                case .worsened:
                    if open.machine.phase == .triggered { startEscalation(because: why, &open) }
                case .assigned(let person, _): page(assignee: person, &open)
                case .dutyManager: pageDutyManager(&open)
                }
            case .startEscalation: startEscalation(because: why, &open)
            case .stopEscalation:
                stopEscalation(open.row)
                tellServices(open.machine.phase, &open)
            case .wake(let at):
                setTimer(open.row.tenant, subject: "incident", id: anyID(open.row), key: Paging.lapseTimer, at: at)
            case .cancelWake: cancelTimer(id: anyID(open.row), key: Paging.lapseTimer)
            }
        }
    }

    /// A person changed an incident outside the lane; its timers are set by what is true of it now.
    mutating func followUp(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.payload["incident"]?.string.flatMap({ IncidentID($0) }), let row = incidents[id] else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        var open = try OpenIncident(row)
        let wanted = FollowUp(json: command.payload)
        if open.machine.phase == .triggered {
            if let why = wanted.wakes { startEscalation(because: why, &open) }
        } else {
            stopEscalation(row)
            tellServices(open.machine.phase, &open)
        }
        if let person = wanted.assigned { page(assignee: person, &open) }
        if let lapsesAt = open.machine.lapsesAt {
            setTimer(row.tenant, subject: "incident", id: anyID(row), key: Paging.lapseTimer, at: lapsesAt)
        } else {
            cancelTimer(id: anyID(row), key: Paging.lapseTimer)
        }
        keep(open)
        return ["incident": JSONValue(id), "status": .string(row.state)]
    }

    /// The next layer is due, or an acknowledgement has lapsed; what was answered meanwhile makes either nothing.
    mutating func fireIncident(_ id: IncidentID, key: String) {
        guard let row = incidents[id] else { return }
        do throws(Refusal) {
            var open = try OpenIncident(row)
            if let layer = Paging.layer(of: key) {
                guard open.machine.phase == .triggered else { return }
                if layer == 0 {
                    // Its maintenance is over; another may have begun.
                    startEscalation(because: "its maintenance is over", &open)
                } else if open.machine.urgency == .high {
                    climb(to: layer, because: "nobody answered", &open)
                }
            } else {
                follow(try open.machine.handle(.acknowledgementLapsed, at: now), &open)
            }
            keep(open)
        } catch {
            logLines.append(
                (
                    message: "an incident could not be followed up",
                    metadata: ["incident": "\(id)", "tenant_id": "\(row.tenant)", "reason": "\(error.reason)"]
                ))
        }
    }

    mutating func keep(_ open: OpenIncident) {
        let row = Alerting.merged(open.machine, into: open.row)
        incidents[row.id] = row
        incidentStatements.append(IncidentQueries.update(row))
        incidentStatements += open.statements
        touched.insert(row.tenant)
    }

    // MARK: Layers

    private mutating func startEscalation(because why: String, _ open: inout OpenIncident) {
        stopEscalation(open.row)
        if let maintenance = announced(open) {
            open.statements.append(
                line(
                    .unpaged,
                    "Nobody is told before \(maintenance.end.text(fraction: 0)): \(maintenance.title) was announced.", open.row))
            // What is still there then is told of: a silence always has its end.
            setTimer(
                open.row.tenant, subject: "incident", id: anyID(open.row), key: Paging.escalateTimer(0), at: maintenance.end)
            return
        }
        guard open.machine.urgency == .high else { return tellQuietly(because: why, &open) }
        climb(to: 0, because: why, &open)
    }

    /// What is not urgent waits for the digests of those who want one; otherwise it is told to whoever has the turn, outside of
    /// the quiet hours, where the rota wants that at all.
    private mutating func tellQuietly(because why: String, _ open: inout OpenIncident) {
        guard let current = assets[open.row.tenant], let onCall = OnCall(current) else { return }
        let gathered = onCall.digested(current)
        guard gathered.isEmpty else {
            for person in gathered {
                open.statements.append(
                    DigestQueries.note(
                        lane: lane, tenant: open.row.tenant, incident: open.row.id, person: person.id, why: why, at: now))
                open.statements.append(line(.paged, "\(person.name) reads of it in the next digest: \(why).", open.row))
            }
            return
        }
        guard let person = onCall.person(onTurnIn: 0, at: now),
            let due = onCall.document.quietUntil(now, zone: onCall.zone)
        else { return }
        page(
            person, as: onCall.document.layers[0].title, attempt: 1, because: why,
            channels: onCall.document.channels.filter { $0 != .console }, kind: .notice, due: due, &open)
    }

    /// The announced maintenance that it falls into, the one that ends last. The worst trouble is never expected.
    private func announced(_ open: OpenIncident) -> ContractDocument.Maintenance? {
        guard open.machine.severity != .sev1, let current = assets[open.row.tenant] else { return nil }
        return current.maintenance(at: now).max { ($0.end, $0.title) < ($1.end, $1.title) }
    }

    private mutating func stopEscalation(_ row: IncidentRow) {
        for step in 0...OnCallDocument.stepsMax { cancelTimer(id: anyID(row), key: Paging.escalateTimer(step)) }
    }

    /// Tells the first layer from `first` on in which somebody is on call; past the last it is the duty manager's.
    private mutating func climb(to first: Int, because why: String, _ open: inout OpenIncident) {
        guard let onCall = assets[open.row.tenant].flatMap({ OnCall($0) }) else {
            open.statements.append(line(.unpaged, "Nobody was paged: no rota is published.", open.row))
            return
        }
        var step = first
        while let index = onCall.document.layer(atStep: step) {
            let layer = onCall.document.layers[index]
            if step > 0 { record(.escalated(level: layer.title), &open) }
            let people = onCall.people(toldBy: index, number: open.row.number, at: now)
            step += 1
            guard !people.isEmpty else {
                noteGap(in: layer, of: onCall, &open)
                continue
            }
            for person in people {
                page(person, as: layer.title, attempt: step, because: why, channels: onCall.document.channels, &open)
            }
            setTimer(
                open.row.tenant, subject: "incident", id: anyID(open.row), key: Paging.escalateTimer(step),
                at: now.adding(seconds: Int64(layer.answerSeconds)))
            return
        }
        do throws(Refusal) {
            follow(try open.machine.handle(.escalationExhausted, at: now), &open)
        } catch {
            preconditionFailure("an escalation that ends is never refused: \(error.reason)")
        }
    }

    /// A layer with nobody in it is a trouble of its own; that trouble is not told of itself.
    private mutating func noteGap(in layer: OnCallDocument.Layer, of onCall: OnCall, _ open: inout OpenIncident) {
        open.statements.append(line(.unpaged, "Nobody is on call in \(layer.title).", open.row))
        guard open.row.alert != AlertName.onCallGap.rawValue else { return }
        raised.append(
            RaisedAlert(
                tenant: open.row.tenant, alert: AlertName.onCallGap.rawValue,
                facts: ["rota": onCall.document.name, "layer": layer.title, "at": now.text(fraction: 0)], run: nil))
    }

    private mutating func record(_ event: Incident.Event, _ open: inout OpenIncident) {
        do throws(Refusal) {
            follow(try open.machine.handle(event, at: now), &open)
        } catch {
            preconditionFailure("what the product records itself is never refused: \(error.reason)")
        }
    }

    private mutating func pageDutyManager(_ open: inout OpenIncident) {
        guard let onCall = assets[open.row.tenant].flatMap({ OnCall($0) }), let manager = onCall.manager else {
            open.statements.append(line(.unpaged, "There is no duty manager to call.", open.row))
            return
        }
        let document = onCall.document
        page(
            manager, as: "duty manager", attempt: document.layers.count * (document.repeats + 1) + 1, because: "nobody answered",
            channels: document.channels, &open)
    }

    /// Tells the one who has it, or whoever is on call from the first layer on while nobody has.
    mutating func remind(because why: String, _ open: inout OpenIncident) {
        if open.machine.phase == .triggered {
            startEscalation(because: why, &open)
        } else if let person = open.machine.assignee {
            page(assignee: person, because: why, &open)
        }
    }

    private mutating func page(assignee id: PersonID, because why: String = "it was assigned", _ open: inout OpenIncident) {
        guard let current = assets[open.row.tenant], let person = current.staff.values.first(where: { $0.id == id }) else {
            return
        }
        page(
            person, as: "assignee", attempt: 1, because: why,
            channels: OnCall(current)?.document.channels ?? [.console], &open)
    }

    // MARK: Pages

    /// One page by each channel, and the line that says so. The console shows it at once; the others are sent from the rows.
    private mutating func page(
        _ person: PersonRow, as title: String, attempt: Int, because why: String, channels: [PageChannel],
        kind: Paging.Kind = .page, due: Moment? = nil, _ open: inout OpenIncident
    ) {
        for channel in channels {
            var row = PageRow(
                tenant: open.row.tenant, id: newID(), lane: lane, incident: open.row.id, person: person.id,
                personName: person.name, channel: channel.rawValue, kind: kind.rawValue, layer: title, reason: why,
                decidedAt: now, dueAt: due ?? now)
            if channel == .console {
                row.state = "delivered"
                row.endedAt = now
            }
            open.statements.append(PageQueries.insert(row))
            if row.state == "queued" { open.statements.append(PageQueries.enqueue(row)) }
            tell(
                open.row.tenant, "incident.paged", run: open.row.run,
                [
                    "incident": JSONValue(open.row.id), "number": JSONValue(open.row.number), "person": JSONValue(person.id),
                    "name": .string(person.name), "channel": .string(channel.rawValue), "layer": .string(title),
                    "attempt": JSONValue(attempt), "at": JSONValue(now), "reason": .string(why),
                ])
            let words =
                kind == .notice
                ? "\(person.name) is told by \(channel.rawValue), since it can wait: \(why)."
                : "Paged \(person.name) by \(channel.rawValue) as \(title), attempt \(attempt): \(why)."
            open.statements.append(line(.paged, words, open.row))
        }
    }

    /// Services that keep incidents themselves hear that one was answered or is over.
    private mutating func tellServices(_ phase: Incident.Phase, _ open: inout OpenIncident) {
        guard open.machine.urgency == .high, phase != .triggered, let onCall = assets[open.row.tenant].flatMap({ OnCall($0) }),
            onCall.document.channels.contains(.pagerduty), let person = onCall.manager
        else { return }
        let row = PageRow(
            tenant: open.row.tenant, id: newID(), lane: lane, incident: open.row.id, person: person.id, personName: person.name,
            channel: PageChannel.pagerduty.rawValue,
            kind: (phase == .resolved ? Paging.Kind.over : .answered).rawValue, layer: onCall.document.title,
            reason: "it is \(phase.rawValue)", decidedAt: now, dueAt: now)
        open.statements += [PageQueries.insert(row), PageQueries.enqueue(row)]
    }

    private func line(
        _ kind: TimelineEntry.Kind, _ text: String, by person: PersonID? = nil, at moment: Moment? = nil, _ row: IncidentRow
    ) -> SQL {
        IncidentQueries.append(
            lane: lane, tenant: row.tenant, incident: row.id, at: moment ?? now, kind: kind.rawValue, person: person, text: text)
    }

    private func anyID(_ row: IncidentRow) -> AnyID { row.id.anySubject }
}
