internal import Incidents
internal import Kernel
internal import Postgres
internal import Records
internal import ServiceLevels
internal import Tenancy

/// The clocks of a tenant's incidents: how soon a person answers, and how soon it is over.
extension LaneBatch {
    static let incidentMeasure = "incident.measure"

    /// What a change outside of the lane hands over for the clocks; nil when it says nothing to them.
    static func measureCommand(
        _ id: CommandID, _ incident: IncidentID, _ marks: [IncidentMark], tenant: TenantID, lane: Int32, at now: Moment
    ) -> CommandRow? {
        guard !marks.isEmpty else { return nil }
        return CommandRow(
            tenant: tenant, id: id, lane: lane, idempotencyKey: "\(incidentMeasure)/\(id)", kind: incidentMeasure,
            payload: ["incident": JSONValue(incident), "marks": .array(marks.map(\.json))], createdAt: now)
    }

    /// A person changed an incident outside the lane.
    mutating func measureIncident(_ command: CommandRow) throws(Refusal) -> JSONValue {
        guard let id = command.payload["incident"]?.string.flatMap({ IncidentID($0) }), let row = incidents[id] else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        let machine = try Incident(json: row.machine)
        measure(row, machine, (command.payload["marks"]?.array ?? []).compactMap { IncidentMark(json: $0) })
        return ["incident": JSONValue(id), "clocks": JSONValue(clocks[.incident(id)]?.count ?? 0)]
    }

    /// Gives the clocks of an incident what has happened to it; they are in the batch. Nothing where nothing is promised.
    mutating func measure(_ row: IncidentRow, _ machine: Incident, _ marks: [IncidentMark]) {
        let subject = ClockSubject.incident(row.id)
        guard !marks.isEmpty, let promise = promise(of: subject, in: row.tenant, at: machine.openedAt) else { return }
        let promised = promise.contract.objectives.filter(\.measures.isAboutIncidents)
        guard !promised.isEmpty else { return }
        var known: [String: Set<ClockEvent>] = [:]
        for clock in clocks[subject] ?? [] {
            known[clock.objective] = Set((clock.events.array ?? []).compactMap { try? ClockEvent(json: $0) })  // ours always read
        }
        var told = IncidentClocks(
            openedAt: machine.openedAt, answeredAt: machine.acknowledgedAt,
            promises: promised.map {
                IncidentPromise(
                    name: $0.name, isFirstResponse: $0.measures == .firstResponse, severities: $0.severities.map(Set.init),
                    targetSeconds: Int64($0.targetSeconds))
            }, events: known)
        for mark in marks { told.take(mark.change) }
        // Of two changes the later one may be told first; what is true now has the last word.
        let standing = IncidentMark(
            .changed, at: max(now, marks.last?.at ?? now), severity: machine.severity, isMerged: machine.merge != nil)
        told.take(standing.change)
        for objective in promised {
            guard let events = told.events[objective.name] else { continue }
            put(events, for: objective.name, of: subject, in: row.tenant, promise, at: machine.openedAt)
        }
    }

    /// One line of an incident's timeline.
    mutating func addLine(_ text: String, to incident: IncidentID, of tenant: TenantID, by person: PersonID?) {
        incidentStatements.append(
            IncidentQueries.append(
                lane: lane, tenant: tenant, incident: incident, at: now, kind: TimelineEntry.Kind.promise.rawValue,
                person: person, text: text))
    }

    /// A target of an incident was passed: no incident about an incident. It is said in its timeline, and while it is urgent and
    /// open the one who has it is told, or whoever is on call from the first layer on where nobody has.
    mutating func breach(_ row: ClockRow, of incident: IncidentID, _ told: String) {
        addLine(told, to: incident, of: row.tenant, by: nil)
        guard let found = incidents[incident], var open = try? OpenIncident(found),  // one that does not read pages nobody
            open.machine.isOpen, open.machine.urgency == .high
        else { return }
        remind(because: "its target was passed", &open)
        keep(open)
    }

    /// Changes of incidents, ahead of the flush and of alerts, which may be about the same ones.
    mutating func writeIncidents(tx: Transaction) async throws {
        guard !incidentStatements.isEmpty else { return }
        let statements = incidentStatements
        incidentStatements = []
        _ = try await tx.pipeline(statements)
    }
}

extension IncidentMark {
    /// As clocks take it.
    var change: IncidentClocks.Change {
        let kind: IncidentClocks.Change.Kind =
            switch kind {
            case .opened: .opened
            case .answered(let isHuman): .answered(isHuman: isHuman)
            case .resolved: .resolved
            case .reopened: .reopened
            case .changed: .changed
            case .released(let moment): .released(answeredAt: moment)
            }
        return IncidentClocks.Change(kind, at: at, severity: severity.rawValue, isMerged: isMerged)
    }
}
