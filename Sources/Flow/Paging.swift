internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import ServiceLevels
internal import Tenancy

/// Who is told of trouble, one layer after the other: the rota in force for a tenant, with the operator's people behind it.
struct OnCall: Sendable {
    struct Layer: Sendable {
        let title: String
        let rota: Rota
    }

    let layers: [Layer]
    let escalateAfterSeconds: Int64
    let channels: [String]
    private let dutyManager: String
    private let staff: [String: PersonRow]

    /// Nil when no rota is published; of several the first by name answers for everything.
    init?(_ assets: TenantAssets) {
        var issues: [AssetIssue] = []
        guard let row = assets.all("on-call").first, let document = OnCallDocument.parse(row.content, issues: &issues),
            let zone = try? ZoneRules.load(document.timeZone)  // its shape has checked the name; a zone taken away since is a gap
        else { return nil }
        let start = Rota.LocalTime(date: document.start, secondOfDay: document.handOverSecond)
        layers = document.allLayers.map { layer in
            let turns = Rota.Layer(
                start: start, turnDays: document.rotation == .daily ? 1 : 7, users: layer.people, restriction: nil)
            return Layer(title: layer.title, rota: Rota(zone: zone, layers: [turns], overrides: []))
        }
        escalateAfterSeconds = Int64(document.escalateAfterSeconds)
        channels = document.channels.map(\.rawValue)
        dutyManager = document.dutyManager
        staff = assets.staff
    }

    /// Nil before the rota begins, and when the person has left.
    func person(of layer: Int, at now: Moment) -> PersonRow? { layers[layer].rota.onCall(at: now).flatMap { staff[$0] } }

    var manager: PersonRow? { staff[dutyManager] }
}

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
            case .stopEscalation: stopEscalation(open.row)
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
                guard open.machine.phase == .triggered, open.machine.urgency == .high else { return }
                climb(to: layer, because: "nobody answered", &open)
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

    private mutating func keep(_ open: OpenIncident) {
        let row = Alerting.merged(open.machine, into: open.row)
        incidents[row.id] = row
        incidentStatements.append(IncidentQueries.update(row))
        incidentStatements += open.statements
        touched.insert(row.tenant)
    }

    // MARK: Layers

    private mutating func startEscalation(because why: String, _ open: inout OpenIncident) {
        stopEscalation(open.row)
        guard open.machine.urgency == .high else { return }
        climb(to: 0, because: why, &open)
    }

    private mutating func stopEscalation(_ row: IncidentRow) {
        for layer in 1...OnCallDocument.layersMax { cancelTimer(id: anyID(row), key: Paging.escalateTimer(layer)) }
    }

    /// Tells the first layer from `first` on in which somebody is on call; past the last it is the duty manager's.
    private mutating func climb(to first: Int, because why: String, _ open: inout OpenIncident) {
        guard let onCall = assets[open.row.tenant].flatMap({ OnCall($0) }) else {
            open.statements.append(line(.unpaged, "Nobody was paged: no rota is published.", open.row))
            return
        }
        for layer in first..<max(first, onCall.layers.count) {
            let title = onCall.layers[layer].title
            if layer > 0 { record(.escalated(level: title), &open) }
            guard let person = onCall.person(of: layer, at: now) else {
                open.statements.append(line(.unpaged, "Nobody is on call in \(title).", open.row))
                continue
            }
            page(person, as: title, attempt: layer + 1, because: why, channels: onCall.channels, &open)
            setTimer(
                open.row.tenant, subject: "incident", id: anyID(open.row), key: Paging.escalateTimer(layer + 1),
                at: now.adding(seconds: onCall.escalateAfterSeconds))
            return
        }
        do throws(Refusal) {
            follow(try open.machine.handle(.escalationExhausted, at: now), &open)
        } catch {
            preconditionFailure("an escalation that ends is never refused: \(error.reason)")
        }
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
        page(
            manager, as: "duty manager", attempt: onCall.layers.count + 1, because: "nobody answered", channels: onCall.channels,
            &open)
    }

    private mutating func page(assignee id: PersonID, _ open: inout OpenIncident) {
        guard let current = assets[open.row.tenant], let person = current.staff.values.first(where: { $0.id == id }) else {
            return
        }
        page(
            person, as: "assignee", attempt: 1, because: "it was assigned",
            channels: OnCall(current)?.channels ?? [OnCallDocument.Channel.console.rawValue], &open)
    }

    /// One page: the outbox row by which the channel delivers it, and the line that proves it.
    private mutating func page(
        _ person: PersonRow, as title: String, attempt: Int, because why: String, channels: [String],
        _ open: inout OpenIncident
    ) {
        for channel in channels {
            tell(
                open.row.tenant, "incident.paged", run: open.row.run,
                [
                    "incident": JSONValue(open.row.id), "number": JSONValue(open.row.number), "person": JSONValue(person.id),
                    "name": .string(person.name), "channel": .string(channel), "layer": .string(title),
                    "attempt": JSONValue(attempt), "at": JSONValue(now), "reason": .string(why),
                ])
            open.statements.append(
                line(.paged, "Paged \(person.name) by \(channel) as \(title), attempt \(attempt): \(why).", open.row))
        }
    }

    private func line(
        _ kind: TimelineEntry.Kind, _ text: String, by person: PersonID? = nil, at moment: Moment? = nil, _ row: IncidentRow
    ) -> SQL {
        IncidentQueries.append(
            lane: lane, tenant: row.tenant, incident: row.id, at: moment ?? now, kind: kind.rawValue, person: person, text: text)
    }

    private func anyID(_ row: IncidentRow) -> AnyID { row.id.anySubject }
}
