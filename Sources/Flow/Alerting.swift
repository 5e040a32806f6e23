package import Incidents
package import Kernel
internal import Postgres
package import Records
internal import Telemetry

extension LaneEngine {
    /// Opens, repeats or reopens incidents for the alerts that a batch found: one incident a fingerprint, whatever raised it.
    ///
    /// Opening one may find that nobody is on call, which is an alert in its turn, and the last of the kind.
    func raiseIncidents(_ batch: inout LaneBatch, unreadable: [String: String], tx: Transaction) async throws {
        while !batch.raised.isEmpty {
            let alerts = batch.raised
            batch.raised = []
            try await raise(alerts, &batch, unreadable: unreadable, tx: tx)
        }
    }

    private func raise(
        _ alerts: [LaneBatch.RaisedAlert], _ batch: inout LaneBatch, unreadable: [String: String], tx: Transaction
    ) async throws {
        for (tenant, alerts) in Dictionary(grouping: alerts, by: \.tenant) {
            let raised = alerts.compactMap { item in
                AlertName(rawValue: item.alert).map { name in
                    let said = name == .inboundAlert ? item.facts["severity"].flatMap { Severity(rawValue: $0) } : nil
                    return Alert(name, tenant: tenant, severity: said, facts: item.facts, run: item.run)
                }
            }
            var due: [Alert] = []
            for alert in raised where try await reachesThreshold(alert, batch: batch, tx: tx) { due.append(alert) }
            guard !due.isEmpty else { continue }
            let fingerprints = Array(Set(due.map(\.fingerprint)))
            let rows = try await tx.query(IncidentQueries.latest(lane: batch.lane, tenant: tenant, fingerprints: fingerprints))
                .map(IncidentRow.init)
            var known = Known(rows)
            var number =
                try await tx.query(IncidentQueries.highestNumber(lane: batch.lane, tenant: tenant)).first?.get(
                    "number", as: Int64.self) ?? 0
            for alert in due {
                let found = try await known.answering(alert.fingerprint, tx: tx)
                let (row, marks) = try await take(alert, known: found, number: &number, batch: &batch, tx: tx)
                try await measure(row, marks, &batch, unreadable: unreadable, tx: tx)
                known.keep(row, for: alert.fingerprint)
            }
        }
    }

    /// Ends the incidents of troubles that are over by themselves. Where somebody has taken one on, they are told and end it.
    func clearIncidents(_ batch: inout LaneBatch, unreadable: [String: String], tx: Transaction) async throws {
        for (item, text) in batch.cleared {
            guard let fingerprint = item.fingerprint else { continue }
            var known = Known(
                try await tx.query(
                    IncidentQueries.latest(lane: batch.lane, tenant: item.tenant, fingerprints: [fingerprint])
                ).map(IncidentRow.init))
            guard let row = try await known.answering(fingerprint, tx: tx) else { continue }
            var open = try OpenIncident(row)
            guard open.machine.isOpen else { continue }
            // Of several troubles in one, the end of one is not the end of all.
            let isAll = open.machine.absorbed.isEmpty
            let actions = try open.machine.handle(
                open.machine.phase == .triggered && isAll
                    ? .resolved(by: .system, reason: text) : .noted(by: .system, text: text), at: batch.now)
            batch.follow(actions, &open)
            let after = Alerting.merged(open.machine, into: row)
            _ = try await tx.pipeline([IncidentQueries.update(after)] + open.statements)
            let marks = IncidentMark.marks(of: actions, open.machine, isHuman: false)
            try await measure(after, marks, &batch, unreadable: unreadable, tx: tx)
            batch.touched.insert(item.tenant)
            let word = open.machine.isOpen ? "incident.noted" : "incident.resolved"
            batch.enter(
                item.tenant, action: word, object: (type: "incident", id: row.id.text), run: row.run, by: nil,
                facts: ["alert": .string(row.alert), "state": .string(after.state), "text": .string(text)])
            batch.tell(
                item.tenant, word, run: row.run, ["incident": JSONValue(row.id), "state": .string(after.state)])
        }
        batch.cleared = []
    }

    /// Some alerts mean something only when they come in numbers; the ones of this batch count as well.
    private func reachesThreshold(_ alert: Alert, batch: LaneBatch, tx: Transaction) async throws -> Bool {
        guard let threshold = alert.name.definition.threshold else { return true }
        let since = batch.now.adding(seconds: -threshold.windowSeconds)
        let stored =
            try await tx.query(
                IncidentQueries.exceptionsSince(
                    lane: batch.lane, tenant: alert.tenant, code: alert.facts["code"] ?? "", since: since)
            ).first?.get("n", as: Int64.self) ?? 0
        let fresh = batch.newTasks.compactMap { batch.tasks[$0] }.filter {
            $0.tenant == alert.tenant && $0.run == nil && $0.kind == "exception"
        }.count
        return Int(stored) + fresh >= threshold.count
    }

    private func take(
        _ alert: Alert, known: IncidentRow?, number: inout Int64, batch: inout LaneBatch, tx: Transaction
    ) async throws -> (IncidentRow, [IncidentMark]) {
        if let known {
            var machine = try Incident(json: known.machine)
            if Alerting.isRepetition(alert, of: machine, known, at: batch.now) { return (known, []) }
            if machine.taking(alertAt: batch.now) != .opensNew {
                let actions = try machine.handle(.repeated(alert), at: batch.now)
                var open = OpenIncident(machine: machine, row: known)
                batch.follow(actions, &open)
                let row = Alerting.merged(open.machine, into: known)
                _ = try await tx.pipeline(
                    [IncidentQueries.update(row)] + open.statements + link(alert, to: row, open.machine, batch))
                announce(row, alert: alert, isNew: false, batch: &batch)
                return (row, IncidentMark.marks(of: actions, open.machine, isHuman: false))
            }
        }
        let (machine, actions) = Incident.open(alert, at: batch.now)
        number += 1
        let row = IncidentRow(
            tenant: alert.tenant, id: batch.newID(), lane: batch.lane, number: number, alert: alert.name.rawValue,
            fingerprint: alert.fingerprint,
            title: alert.title, severity: alert.severity.rawValue, state: machine.phase.rawValue,
            facts: Alerting.facts(of: alert),
            machine: machine.json,
            run: alert.run, openedAt: batch.now)
        var open = OpenIncident(machine: machine, row: row)
        batch.follow(actions, &open)
        let opened = Alerting.merged(open.machine, into: row)
        _ = try await tx.pipeline(
            [IncidentQueries.insert(opened)] + open.statements + link(alert, to: opened, open.machine, batch))
        announce(opened, alert: alert, isNew: true, batch: &batch)
        return (opened, IncidentMark.marks(of: actions, open.machine, isHuman: false))
    }

    /// The clocks of an incident that the lane itself has changed.
    private func measure(
        _ row: IncidentRow, _ marks: [IncidentMark], _ batch: inout LaneBatch, unreadable: [String: String], tx: Transaction
    ) async throws {
        guard !marks.isEmpty, batch.governing[row.tenant] != nil || row.openedAt < batch.now else { return }
        if !marks.contains(where: { $0.kind == .opened }) {
            try await loadClocks(of: [(row.tenant, .incident(row.id))], &batch, unreadable: unreadable, tx: tx)
        }
        batch.measure(row, try Incident(json: row.machine), marks)
    }

    /// The runs of an incident are found again by their ids, also those of its later alerts.
    private func link(_ alert: Alert, to row: IncidentRow, _ machine: Incident, _ batch: LaneBatch) -> [SQL] {
        alert.run.map { run in
            [
                IncidentQueries.link(
                    lane: batch.lane, tenant: row.tenant, incident: row.id, run: run,
                    via: alert.fingerprint == machine.fingerprint
                        ? nil : machine.absorbed.last { $0.fingerprint == alert.fingerprint }.map { $0.via ?? $0.incident },
                    at: batch.now, max: Alerting.linkedRunsMax)
            ]
        } ?? []
    }

    private func announce(_ row: IncidentRow, alert: Alert, isNew: Bool, batch: inout LaneBatch) {
        batch.touched.insert(row.tenant)
        batch.tell(
            row.tenant, isNew ? "incident.opened" : "incident.repeated", run: row.run,
            ["incident": JSONValue(row.id), "alert": .string(row.alert), "severity": .string(row.severity)])
        if isNew {
            batch.enter(
                row.tenant, action: "incident.opened", object: (type: "incident", id: row.id.text), run: row.run, by: nil,
                facts: ["alert": .string(row.alert), "title": .string(row.title), "severity": .string(row.severity)])
        }
        platform.metrics.counter("countersign_alerts_total", "Alerts raised.", labels: ["alert"]).add(1, alert.name.rawValue)
    }
}

extension LaneBatch {
    /// A part of the server outside the lane (a watchdog, the supervisor) asks for an incident.
    mutating func raiseAsked(_ command: CommandRow) -> JSONValue {
        let alert = asked(command)
        // Over and back within one batch is not over: what is raised takes back an end of the same trouble that came before.
        if let fingerprint = alert.fingerprint { cleared.removeAll { $0.alert.fingerprint == fingerprint } }
        raised.append(alert)
        return ["status": "raised"]
    }

    /// What was asked for is over.
    mutating func clearAsked(_ command: CommandRow) -> JSONValue {
        cleared.append((alert: asked(command), text: command.payload["text"]?.string ?? "It is over."))
        return ["status": "cleared"]
    }

    private func asked(_ command: CommandRow) -> RaisedAlert {
        var facts: [String: String] = [:]
        for member in command.payload["facts"]?.object ?? [:] { facts[member.key] = member.value.string }
        return RaisedAlert(
            tenant: command.tenant, alert: command.payload["alert"]?.string ?? "", facts: facts, run: command.run)
    }
}

/// What engineers do with incidents: lock, load, handle, save, with the timeline and the audit entry in one transaction.
package struct Alerting: Sendable {
    /// Runs of one incident that are found again; the count of its alerts goes on.
    package static let linkedRunsMax = 200

    let platform: Platform
    let desk: CommandDesk

    package init(platform: Platform, desk: CommandDesk) {
        self.platform = platform
        self.desk = desk
    }

    /// The same words of an outside sender again within this are its repetition, and later a new occurrence.
    static let repetitionSeconds: Int64 = 60

    static func isRepetition(_ alert: Alert, of machine: Incident, _ row: IncidentRow, at now: Moment) -> Bool {
        alert.name == .inboundAlert && [.triggered, .acknowledged].contains(machine.phase) && facts(of: alert) == row.facts
            && now.seconds - machine.lastAlertAt.seconds < repetitionSeconds
    }

    /// In the order of their names, as incidents keep them.
    static func facts(of alert: Alert) -> JSONValue {
        .object(JSONObject(alert.facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }))
    }

    package func acknowledge(_ id: IncidentID, as actor: Actor, scope: ScopeRow) async throws -> IncidentRow {
        try await change(id, .acknowledged(by: .person(actor.person)), action: "incident.acknowledged", as: actor, scope: scope)
    }

    package func resolve(_ id: IncidentID, reason: String, as actor: Actor, scope: ScopeRow) async throws -> IncidentRow {
        try await change(
            id, .resolved(by: .person(actor.person), reason: reason), action: "incident.resolved", as: actor, scope: scope)
    }

    package func note(_ id: IncidentID, text: String, as actor: Actor, scope: ScopeRow) async throws -> IncidentRow {
        try await change(id, .noted(by: .person(actor.person), text: text), action: "incident.noted", as: actor, scope: scope)
    }

    /// What an engineer may change of an incident besides taking it on and ending it.
    package enum Change: Sendable {
        /// Tenants no longer suffer; what made them suffer is still to be mended.
        case mitigated(text: String)
        case reopened(reason: String)
        case severity(Severity, reason: String)
        case priority(Priority)
        case assigned(PersonID)

        fileprivate var action: String {
            switch self {
            case .mitigated: "incident.mitigated"
            case .reopened: "incident.reopened"
            case .severity: "incident.severity-changed"
            case .priority: "incident.priority-changed"
            case .assigned: "incident.assigned"
            }
        }

        fileprivate func event(by actor: IncidentActor) -> Incident.Event {
            switch self {
            case .mitigated(let text): .mitigated(by: actor, text: text)
            case .reopened(let reason): .reopened(by: actor, reason: reason)
            case .severity(let severity, let reason): .severityChanged(to: severity, by: actor, reason: reason)
            case .priority(let priority): .prioritised(as: priority, by: actor)
            case .assigned(let person): .assigned(to: person, by: actor)
            }
        }
    }

    package func change(_ id: IncidentID, _ change: Change, as actor: Actor, scope: ScopeRow) async throws -> IncidentRow {
        try await self.change(id, change.event(by: .person(actor.person)), action: change.action, as: actor, scope: scope)
    }

    /// Raises an alert from outside the lane; the lane's owner opens the incident. The key keeps one trouble one command.
    package func raise(_ alert: String, facts: [String: String], scope: ScopeRow, key: String) async throws {
        let members = facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
        _ = try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, idempotencyKey: "incident.raise/\(alert)/\(key)",
                kind: "incident.raise",
                payload: ["alert": .string(alert), "facts": .object(JSONObject(members))], createdAt: platform.clock.now))
    }

    private func change(
        _ id: IncidentID, _ event: Incident.Event, action: String, as actor: Actor, scope: ScopeRow
    ) async throws -> IncidentRow {
        let now = platform.clock.now
        let changed = try await platform.store.withTenant(scope.id) { tx in
            try await change(id, event, action: action, as: actor, scope: scope, at: now, tx: tx)
        }
        desk.nudge(lane: changed.lane)
        return changed
    }

    /// The same within a transaction of the caller, who nudges the lane afterwards.
    func change(
        _ id: IncidentID, _ event: Incident.Event, action: String, as actor: Actor, scope: ScopeRow, at now: Moment,
        tx: Transaction
    ) async throws -> IncidentRow {
        guard let row = try await tx.query(IncidentQueries.lock(tenant: scope.id, id: id)).first.map(IncidentRow.init) else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        if case .reopened = event { try await requireAlone(row, tx) }
        var machine = try Incident(json: row.machine)
        let actions = try machine.handle(event, at: now)
        return try await store(actions, of: machine, row, action: action, as: actor, at: now, tx: tx)
    }

    /// Two incidents of one trouble are never open at once.
    func requireAlone(_ row: IncidentRow, _ tx: Transaction) async throws {
        let standing = try await tx.query(
            IncidentQueries.standing(tenant: row.tenant, fingerprint: row.fingerprint, besides: row.id)
        ).first?.get("number", as: Int64.self)
        guard let standing else { return }
        throw Refusal(
            .conflict, reason: "incident.taken-over", "INC-\(standing) is open for the same trouble; work on that one.",
            facts: ["number": "\(standing)"])
    }

    /// Stores what a person changed: the row, its lines, the audit entry, and what the lane has to do about it.
    func store(
        _ actions: [Incident.Action], of machine: Incident, _ row: IncidentRow, action: String, facts: JSONObject = [:],
        answeredAt: Moment? = nil, as actor: Actor, at now: Moment, tx: Transaction
    ) async throws -> IncidentRow {
        let (tenant, id) = (row.tenant, row.id)
        let after = Alerting.merged(machine, into: row)
        var content = facts
        content["state"] = .string(after.state)
        var statements = [IncidentQueries.update(after)]
        statements += Alerting.entries(actions, of: after, lane: row.lane)
        statements.append(
            AuditQueries.insert([
                AuditRow(
                    tenant: tenant, id: platform.newID(), lane: row.lane, at: now, actorKind: "person", actor: actor.person.text,
                    action: action, objectType: "incident", objectID: id.text, run: row.run, content: .object(content))
            ]))
        let told = [
            OutboxRow(
                tenant: tenant, lane: row.lane, at: now, topic: action, run: row.run,
                facts: ["incident": JSONValue(id), "state": .string(after.state)])
        ]
        statements.append(OutboxQueries.insert(told))
        statements += WebhookFeed.statements(told) { platform.newID() }
        if let follow = FollowUp(actions) {
            let command: CommandID = platform.newID()
            statements.append(
                CommandQueries.insert(
                    CommandRow(
                        tenant: tenant, id: command, lane: row.lane, idempotencyKey: "incident.follow/\(command)",
                        kind: "incident.follow", payload: follow.json(of: id), createdAt: now)))
        }
        let marks = IncidentMark.marks(of: actions, machine, isHuman: !actor.isMachine).map { $0.answered(at: answeredAt) }
        let measured = LaneBatch.measureCommand(platform.newID(), id, marks, tenant: tenant, lane: row.lane, at: now)
        if let measured { statements.append(CommandQueries.insert(measured)) }
        _ = try await tx.pipeline(statements)
        return after
    }

    static func merged(_ machine: Incident, into row: IncidentRow) -> IncidentRow {
        var row = row
        row.state = machine.phase.rawValue
        row.severity = machine.severity.rawValue
        row.machine = machine.json
        row.occurrences = Int32(machine.alertCount)
        row.acknowledgedAt = machine.acknowledgedAt
        row.acknowledgedBy = machine.acknowledgedBy?.person
        row.resolvedAt = machine.phase == .resolved ? machine.resolvedAt : nil
        row.resolvedBy = machine.phase == .resolved ? machine.resolvedBy?.person : nil
        row.mergedInto = machine.merge?.survivor
        return row
    }

    /// The lines that the machine wants in the timeline.
    static func entries(_ actions: [Incident.Action], of row: IncidentRow, lane: Int32) -> [SQL] {
        actions.compactMap { action in
            guard case .record(let entry) = action else { return nil }
            return IncidentQueries.append(
                lane: lane, tenant: row.tenant, incident: row.id, at: entry.at, kind: entry.kind.rawValue,
                person: entry.actor.person, text: entry.text)
        }
    }
}
