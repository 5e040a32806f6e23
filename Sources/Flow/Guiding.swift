package import Incidents
package import Kernel
internal import Postgres
package import Records
internal import Seals

/// Runbooks while they are followed: starting one for an incident or as a drill, showing what a step would do, doing what was
/// confirmed, and what became of it.
///
/// The effect of a step is stored in the transaction that stores its confirmation: a server that dies between them has done both
/// or neither, and a confirmation that is sent twice finds the step settled.
package struct Guiding: Sendable {
    package static let listedMax = 100

    /// Who asks, and which permissions they hold where the incident is.
    package struct Asker: Sendable {
        package let actor: Actor
        package let scope: ScopeRow
        let may: @Sendable (String) -> Bool

        package init(_ actor: Actor, in scope: ScopeRow, may: @escaping @Sendable (String) -> Bool) {
            self.actor = actor
            self.scope = scope
            self.may = may
        }

        var person: RunbookExecution.Person { RunbookExecution.Person(id: actor.person, natural: actor.natural) }
    }

    /// An execution with the state that its row carries.
    package struct Followed: Sendable {
        package fileprivate(set) var row: RunbookExecutionRow
        package fileprivate(set) var state: RunbookExecution

        init(_ row: RunbookExecutionRow) throws(Refusal) {
            self.row = row
            state = try RunbookExecution(json: row.machine)
        }
    }

    let platform: Platform
    let desk: CommandDesk
    let assets: AssetLibrary
    let alerting: Alerting
    let operating: Operating
    let applying: Applying
    let asking: Asking
    let status: StatusDesk
    /// Stops of work, which the verbs and the API share.
    package let halting: Halting

    package init(
        platform: Platform, desk: CommandDesk, assets: AssetLibrary, alerting: Alerting, operating: Operating,
        applying: Applying, asking: Asking
    ) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
        self.alerting = alerting
        self.operating = operating
        self.applying = applying
        self.asking = asking
        status = StatusDesk(platform: platform)
        halting = Halting(platform: platform, desk: desk, assets: assets)
    }

    static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Reading

    /// The published runbook of an alert; refused where there is none, or where it cannot be read any more.
    package func runbook(of alert: String, for tenant: TenantID) async throws -> (runbook: Runbook, version: String) {
        guard AlertName(rawValue: alert) != nil else { throw Guiding.nothing }
        guard let row = try await assets.current(for: tenant).row("runbook", alert) else {
            throw Refusal(.unprocessable, reason: "runbook.missing", "No runbook is published for \(alert).")
        }
        guard let runbook = Guiding.read(row) else {
            throw Refusal(
                .unprocessable, reason: "runbook.unreadable",
                "The runbook of \(alert) was published for an earlier version of the product. Publish it again.")
        }
        return (runbook, row.version)
    }

    static func read(_ row: AssetRow) -> Runbook? {
        var issues: [RunbookIssue] = []
        return Runbook.parse(
            fileName: "\(row.name).md", matter: row.content["matter"] ?? .null, body: row.content["body"]?.string ?? "",
            issues: &issues)
    }

    package func find(_ id: RunbookExecutionID, in tenant: TenantID) async throws -> Followed {
        let row = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(RunbookQueries.find(tenant: tenant, id: id)).first.map(RunbookExecutionRow.init)
        }
        guard let row else { throw Guiding.nothing }
        return try Followed(row)
    }

    /// The executions of an incident, or of all; the newest first.
    package func list(
        _ tenant: TenantID, incident: IncidentID? = nil, before: (Moment, RunbookExecutionID)? = nil, limit: Int
    ) async throws -> [Followed] {
        let sql =
            incident.map { RunbookQueries.executions(of: $0, tenant: tenant, limit: min(limit, Guiding.listedMax)) }
            ?? RunbookQueries.page(tenant: tenant, before: before, limit: min(limit, Guiding.listedMax))
        let rows = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(sql).map(RunbookExecutionRow.init)
        }
        return try rows.map { try Followed($0) }
    }

    /// One published runbook, with when it was drilled and when that is due again.
    package struct Published: Sendable {
        package let runbook: Runbook
        package let version: String
        /// The last drill here, or the day on which its author tried it.
        package let drilled: CivilDate
        package let due: CivilDate

        package func isDue(on date: CivilDate) -> Bool { due <= date }

        /// How old the last drill is; none in the future is younger than today.
        package func ageDays(on date: CivilDate) -> Int { max(0, date.daysSince1970 - drilled.daysSince1970) }
    }

    /// Every published runbook that can be read, by alert.
    package func published(for scope: ScopeRow) async throws -> [Published] {
        let rows = try await assets.current(for: scope.id).all("runbook")
        let drills = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(RunbookQueries.lastDrills(tenant: scope.id)).map { row in
                (try row.get("alert", as: String.self), try row.get("ended_at", as: Moment.self))
            }
        }
        let last = Dictionary(drills, uniquingKeysWith: { first, _ in first })
        return rows.compactMap { row in
            guard let runbook = Guiding.read(row) else { return nil }
            let drilled = last[row.name].map { max(CivilDate(utc: $0), runbook.tested) } ?? runbook.tested
            return Published(
                runbook: runbook, version: row.version, drilled: drilled,
                due: drilled.adding(days: runbook.drilledEvery ?? Runbook.drillDaysUsual))
        }.sorted { $0.runbook.alert.rawValue < $1.runbook.alert.rawValue }
    }

    /// Drills only: the newest first, or from a place on in the order in which they were begun.
    package func drills(_ tenant: TenantID, limit: Int) async throws -> [Followed] {
        try await drills(RunbookQueries.newestDrills(tenant: tenant, limit: min(limit, Guiding.listedMax)), tenant)
    }

    package func drills(
        _ tenant: TenantID, after: (Moment, RunbookExecutionID)?, limit: Int
    ) async throws -> [Followed] {
        try await drills(
            RunbookQueries.drills(tenant: tenant, after: after, limit: min(limit, Guiding.listedMax)), tenant)
    }

    private func drills(_ sql: SQL, _ tenant: TenantID) async throws -> [Followed] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(sql).map(RunbookExecutionRow.init)
        }.map { try Followed($0) }
    }

    // MARK: Starting

    /// Begins to follow the runbook of an incident, or takes up what a colleague has begun.
    package func start(_ incident: IncidentID, as asker: Asker) async throws -> Followed {
        let scope = asker.scope
        let found = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(IncidentQueries.find(tenant: scope.id, id: incident)).first.map(IncidentRow.init)
        }
        guard let found else { throw Guiding.nothing }
        guard found.state != "resolved" else {
            throw Refusal(
                .conflict, reason: "runbook.resolved", "The incident is resolved. Reopen it, or follow the runbook as a drill.")
        }
        if let open = try await list(scope.id, incident: incident, limit: 1).first, open.state.phase == .running { return open }
        var facts: [String: String] = [:]
        for member in found.facts.object ?? [:] { facts[member.key] = member.value.string }
        if let run = found.run { facts["run"] = run.text }
        return try await start(found.alert, incident: incident, facts: facts, as: asker)
    }

    /// Begins a drill: everything is shown and nothing is done.
    package func drill(_ alert: String, as asker: Asker) async throws -> Followed {
        try await start(alert, incident: nil, facts: [:], as: asker)
    }

    private func start(
        _ alert: String, incident: IncidentID?, facts: [String: String], as asker: Asker
    ) async throws -> Followed {
        let scope = asker.scope
        let (runbook, version) = try await runbook(of: alert, for: scope.id)
        let now = platform.clock.now
        let state = RunbookExecution(
            runbook, version: version, isDrill: incident == nil, facts: facts, at: now, by: asker.person)
        let row = RunbookExecutionRow(
            tenant: scope.id, id: platform.newID(), incident: incident, alert: alert,
            isDrill: state.isDrill, state: state.phase.rawValue, machine: state.json, startedBy: asker.actor.person,
            startedAt: now)
        let isFirst = try await platform.store.withTenant(scope.id) { [self] tx in
            guard try await tx.query(RunbookQueries.insert(row)).count == 1 else { return false }
            try await tell(
                row, "runbook.started", "The runbook \(runbook.title), version \(version), is followed.",
                ["version": .string(version), "drill": .bool(state.isDrill)], by: asker, at: now, tx: tx)
            return true
        }
        guard !isFirst, let incident else { return try Followed(row) }
        // Somebody was faster; both follow the same one.
        guard let open = try await list(scope.id, incident: incident, limit: 1).first else { throw Guiding.nothing }
        return open
    }

    // MARK: Steps without an effect

    package enum Settling: Sendable {
        case done
        case skipped(reason: String)
        case failed(reason: String)
        case again
    }

    package func settle(
        _ id: RunbookExecutionID, step: Int, _ settling: Settling, as asker: Asker
    ) async throws -> Followed {
        let person = asker.person
        let (event, word, reason): (RunbookExecution.Event, String, String) =
            switch settling {
            case .done: (.done(step: step, by: person), "done", "")
            case .skipped(let reason): (.skipped(step: step, by: person, reason: reason), "skipped", reason)
            case .failed(let reason): (.failed(step: step, by: person, reason: reason), "failed", reason)
            case .again: (.again(step: step, by: person), "to be done again", "")
            }
        return try await change(id, event, as: asker) { state in
            let title = try state.step(step).title
            return (
                "runbook.step-settled", "Step \(step), \(title): \(word)\(reason.isEmpty ? "." : ", because \(reason)")",
                ["step": JSONValue(step), "as": .string(word), "reason": .string(reason)]
            )
        }
    }

    package func abandon(_ id: RunbookExecutionID, reason: String, as asker: Asker) async throws -> Followed {
        try await change(id, .abandoned(by: asker.person, reason: reason), as: asker) { _ in
            ("runbook.abandoned", "The runbook is given up: \(reason)", ["reason": .string(reason)])
        }
    }

    // MARK: Storing

    /// What is told of a change: the action, the line of the timeline, and what the audit entry keeps.
    typealias Told = (action: String, line: String, facts: JSONObject)

    private func change(
        _ id: RunbookExecutionID, _ event: RunbookExecution.Event, as asker: Asker,
        _ told: @escaping @Sendable (RunbookExecution) throws -> Told
    ) async throws -> Followed {
        try await platform.store.withTenant(asker.scope.id) { [self] tx in
            try await change(id, event, as: asker, tx: tx, told)
        }
    }

    /// Locks, handles, stores and tells; what the machine refuses leaves nothing behind.
    func change(
        _ id: RunbookExecutionID, _ event: RunbookExecution.Event, as asker: Asker, tx: Transaction,
        _ told: @Sendable (RunbookExecution) throws -> Told
    ) async throws -> Followed {
        let now = platform.clock.now
        let tenant = asker.scope.id
        guard
            let row = try await tx.query(RunbookQueries.lock(tenant: tenant, id: id)).first.map(RunbookExecutionRow.init)
        else { throw Guiding.nothing }
        var followed = try Followed(row)
        try followed.state.handle(event, at: now)
        followed.row.state = followed.state.phase.rawValue
        followed.row.machine = followed.state.json
        followed.row.endedAt = followed.state.endedAt
        try await tx.execute(RunbookQueries.update(followed.row))
        let (action, line, facts) = try told(followed.state)
        try await tell(followed.row, action, line, facts, by: asker, at: now, tx: tx)
        return followed
    }

    private func tell(
        _ row: RunbookExecutionRow, _ action: String, _ line: String, _ facts: JSONObject, by asker: Asker, at now: Moment,
        tx: Transaction
    ) async throws {
        var content = facts
        content["alert"] = .string(row.alert)
        content["incident"] = JSONValue(row.incident?.text)
        var statements: [SQL] = []
        if let incident = row.incident {
            // The timeline numbers its lines; whoever writes one holds the incident.
            statements.append(IncidentQueries.lock(tenant: row.tenant, id: incident))
            statements.append(
                IncidentQueries.append(
                    lane: asker.scope.lane, tenant: row.tenant, incident: incident, at: now,
                    kind: TimelineEntry.Kind.runbook.rawValue,
                    person: asker.actor.person, text: line))
        }
        statements.append(
            AuditQueries.insert([
                AuditRow(
                    tenant: row.tenant, id: platform.newID(), lane: asker.scope.lane, at: now, actorKind: "person",
                    actor: asker.actor.person.text, action: action, objectType: "runbook-execution", objectID: row.id.text,
                    run: nil, content: .object(content))
            ]))
        statements.append(
            OutboxQueries.insert([
                OutboxRow(
                    tenant: row.tenant, lane: asker.scope.lane, at: now, topic: "incident.runbook", run: nil,
                    facts: ["execution": JSONValue(row.id), "incident": JSONValue(row.incident?.text)])
            ]))
        _ = try await tx.pipeline(statements)
    }
}
