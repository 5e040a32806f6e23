package import Incidents
package import Kernel
internal import Postgres
package import Records
internal import ServiceLevels
internal import Tenancy
internal import Workflows

/// What pages and the API read: one bounded list or one object at a time, in the tenant's own transaction.
package struct Looking: Sendable {
    package static let pageMax = 200

    let platform: Platform
    let assets: AssetLibrary

    package init(platform: Platform, assets: AssetLibrary) {
        self.platform = platform
        self.assets = assets
    }

    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    private func rows<Value: Sendable>(
        _ tenant: TenantID, _ sql: SQL, _ make: @escaping @Sendable (Row) throws -> Value
    ) async throws -> [Value] {
        try await platform.store.withTenant(tenant) { tx in try await tx.query(sql).map(make) }
    }

    private func one<Value: Sendable>(
        _ tenant: TenantID, _ sql: SQL, _ make: @escaping @Sendable (Row) throws -> Value
    ) async throws -> Value {
        guard let value = try await rows(tenant, sql, make).first else { throw Looking.nothing }
        return value
    }

    // MARK: Runs

    package func runs(
        _ tenant: TenantID, phases: [String] = [], search: String? = nil, before: (Moment, RunID)? = nil, limit: Int
    ) async throws -> [RunSummary] {
        try await rows(
            tenant,
            RunQueries.page(tenant: tenant, phases: phases, search: search, before: before, limit: min(limit, Looking.pageMax)),
            RunSummary.init)
    }

    /// The runs named, by their ids.
    package func runs(_ tenant: TenantID, ids: Set<RunID>) async throws -> [RunID: RunSummary] {
        let found = try await rows(tenant, RunQueries.summaries(tenant: tenant, ids: Array(ids)), RunSummary.init)
        return Dictionary(found.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package func runCounts(_ tenant: TenantID) async throws -> [String: Int] {
        let counts = try await rows(tenant, RunQueries.countByPhase(tenant: tenant)) { row in
            (try row.get("phase", as: String.self), Int(try row.get("n", as: Int64.self)))
        }
        return Dictionary(counts, uniquingKeysWith: +)
    }

    package func run(_ tenant: TenantID, _ id: RunID) async throws -> RunRow {
        try await one(tenant, RunQueries.find(tenant: tenant, id: id), RunRow.init)
    }

    package func history(_ tenant: TenantID, run: RunID, after: Int32 = 0, limit: Int = 500) async throws -> [HistoryRow] {
        try await rows(tenant, RunQueries.history(tenant: tenant, run: run, after: after, limit: limit), HistoryRow.init)
    }

    package func history(_ tenant: TenantID, run: RunID, type: String, limit: Int) async throws -> [HistoryRow] {
        try await rows(tenant, RunQueries.history(tenant: tenant, run: run, type: type, limit: limit), HistoryRow.init)
    }

    package func tasks(_ tenant: TenantID, run: RunID) async throws -> [TaskRow] {
        try await rows(tenant, TaskQueries.ofRun(tenant: tenant, run: run, limit: Looking.pageMax), TaskRow.init)
    }

    package func clocks(_ tenant: TenantID, run: RunID) async throws -> [ClockRow] {
        try await rows(tenant, ClockQueries.ofRun(tenant: tenant, run: run), ClockRow.init)
    }

    /// The pinned configuration of a run, for its diagram and the reading of its clocks; nil when it cannot be read, for which
    /// the run is held.
    package func context(of run: RunRow) async throws -> RunContext? {
        do {
            return try await assets.context(for: PinnedAssets(json: run.pinned))
        } catch let fault as Fault where !fault.isRetryable {
            return nil
        }
    }

    /// Who decides for whom.
    package var delegating: Delegating { Delegating(platform: platform, assets: assets) }

    // MARK: Requests to people, dead letters

    package func requests(
        _ tenant: TenantID, kinds: [String], openOnly: Bool = true, after: (Moment, TaskID)? = nil, limit: Int
    ) async throws -> [TaskRow] {
        try await rows(
            tenant,
            TaskQueries.ofPeople(
                tenant: tenant, kinds: kinds, openOnly: openOnly, after: after, limit: min(limit, Looking.pageMax)), TaskRow.init)
    }

    package func task(_ tenant: TenantID, _ id: TaskID) async throws -> TaskRow {
        try await one(tenant, TaskQueries.find(tenant: tenant, id: id), TaskRow.init)
    }

    /// Who could sign an open approval now; nil when this is none, or no longer open.
    package func deciders(of task: TaskRow, run: RunRow) async throws -> Deciders? {
        guard task.finishedAt == nil, run.phase != LaneBatch.heldPhase, let context = try await context(of: run) else {
            return nil
        }
        return Deciders(
            request: task.key, state: try RunState(json: run.state), context: context,
            roster: try await assets.current(for: run.tenant).roster, amount: run.amount, at: platform.clock.now)
    }

    /// Why the engine would not take this person's signature under an open approval now; nil when it would, or when this is none.
    package func objection(to actor: Actor, signing task: TaskRow, run: RunRow) async throws -> Refusal? {
        guard task.finishedAt == nil, task.kind == HumanRequest.Kind.approval.rawValue, run.phase != LaneBatch.heldPhase,
            let context = try await context(of: run)
        else { return nil }
        if GuardCase.isOne(task) { return try objection(of: actor, toCase: task, state: try RunState(json: run.state)) }
        let written = task.request["rounds"]?.array ?? []
        let asked = written.flatMap { ($0["roles"]?.array ?? []).compactMap(\.string) }
        // The engine itself is asked, on a copy of the run that is thrown away; once as if every round were this person's,
        // since who has a duty in the way should hear so before the round has come.
        for roles in [actor.roles.union(asked), actor.roles] {
            var trial = RunMachine(try RunState(json: run.state))
            let decision = PersonDecision(
                taskKey: task.key, person: actor.person, roles: roles, verdict: "approve", reason: nil,
                objectHash: task.objectHash ?? "", natural: actor.natural, behalf: actor.behalf)
            do throws(Refusal) {
                _ = try trial.handle(.personDecided(decision), at: platform.clock.now, in: context.environment)
            } catch {
                return error
            }
        }
        return nil
    }

    /// Dead letters, newest first.
    package func deadTasks(
        _ tenant: TenantID, _ filter: TaskQueries.DeadFilter = TaskQueries.DeadFilter(), before: (Moment, TaskID)? = nil,
        limit: Int
    ) async throws -> [TaskRow] {
        try await rows(
            tenant, TaskQueries.dead(tenant: tenant, filter, before: before, limit: min(limit, Looking.pageMax)), TaskRow.init)
    }

    /// Dead letters of one kind, connection and cause.
    package struct DeadCount: Sendable {
        package let kind: String
        package let connection: String?
        package let code: String
        package let count: Int
        package let oldest: Moment
    }

    package func deadCounts(_ tenant: TenantID) async throws -> [DeadCount] {
        try await rows(tenant, TaskQueries.deadCounts(tenant: tenant)) { row in
            DeadCount(
                kind: try row.get("kind", as: String.self), connection: try row.get("connection", as: String?.self),
                code: try row.get("outcome", as: String?.self) ?? "", count: Int(try row.get("n", as: Int64.self)),
                oldest: try row.get("oldest", as: Moment.self))
        }
    }

    /// What the history of its run tells of a task: each attempt with its answer.
    package func attempts(_ tenant: TenantID, of task: TaskRow) async throws -> [HistoryRow] {
        guard let run = task.run else { return [] }
        return try await rows(
            tenant, TaskQueries.attempts(tenant: tenant, run: run, task: task.id, limit: Looking.pageMax), HistoryRow.init)
    }

    /// Unfinished runs of one version of a workflow.
    package struct OpenVersion: Sendable {
        package let workflow: String
        package let version: String
        package let count: Int
        package let oldest: Moment
    }

    package func openVersions(_ tenant: TenantID) async throws -> [OpenVersion] {
        try await rows(tenant, RunQueries.openByVersion(tenant: tenant)) { row in
            OpenVersion(
                workflow: try row.get("workflow", as: String.self), version: try row.get("workflow_version", as: String.self),
                count: Int(try row.get("n", as: Int64.self)), oldest: try row.get("oldest", as: Moment.self))
        }
    }

    // MARK: Documents and invoices

    package func documents(_ tenant: TenantID, before: (Moment, DocumentID)? = nil, limit: Int) async throws -> [DocumentRow] {
        try await rows(
            tenant, DocumentQueries.page(tenant: tenant, before: before, limit: min(limit, Looking.pageMax)), DocumentRow.init)
    }

    package func document(_ tenant: TenantID, _ id: DocumentID) async throws -> DocumentRow {
        try await one(tenant, DocumentQueries.find(tenant: tenant, id: id), DocumentRow.init)
    }

    package func documentBytes(_ tenant: TenantID, _ id: DocumentID) async throws -> [UInt8] {
        try await rows(tenant, DocumentQueries.chunks(tenant: tenant, document: id)) { try $0.get("bytes", as: [UInt8].self) }
            .flatMap(\.self)
    }

    package func invoice(_ tenant: TenantID, _ id: InvoiceID) async throws -> InvoiceRow {
        try await one(tenant, InvoiceQueries.find(tenant: tenant, id: id), InvoiceRow.init)
    }

    // MARK: Service levels, incidents, audit

    package struct ListedClock: Sendable {
        package let clock: ClockRow
        /// Of its run.
        package let subject: String?
        package let counterparty: String?
        /// Of its incident.
        package let incident: (number: Int64, title: String)?
    }

    package func clocks(
        _ tenant: TenantID, outcome: String? = nil, before: (Moment, ClockID)? = nil, limit: Int
    ) async throws -> [ListedClock] {
        try await rows(
            tenant, ClockQueries.page(tenant: tenant, outcome: outcome, before: before, limit: min(limit, Looking.pageMax))
        ) { row in
            ListedClock(
                clock: try ClockRow(row), subject: try row.get("subject", as: String?.self),
                counterparty: try row.get("counterparty", as: String?.self),
                incident: try row.get("incident_number", as: Int64?.self).map {
                    (number: $0, title: try row.get("incident_title", as: String.self))
                })
        }
    }

    /// The clocks of the runs named.
    package func clocks(_ tenant: TenantID, runs: [RunID]) async throws -> [ClockRow] {
        try await rows(tenant, ClockQueries.ofRuns(tenant: tenant, runs: runs), ClockRow.init)
    }

    /// The clocks of an incident, the first begun first.
    package func clocks(_ tenant: TenantID, incident: IncidentID) async throws -> [ClockRow] {
        try await rows(tenant, ClockQueries.ofIncident(tenant: tenant, incident: incident), ClockRow.init)
    }

    package func clock(_ tenant: TenantID, _ id: ClockID) async throws -> ClockRow {
        try await one(tenant, ClockQueries.find(tenant: tenant, id: id), ClockRow.init)
    }

    /// One objective over a time: `met + breached + open = n`. Without a target its runs had to go untouched.
    package struct Attainment: Sendable {
        package let objective: String
        package let targetSeconds: Int64
        package let n: Int
        package let met: Int
        package let breached: Int
        package let open: Int
    }

    package func attainment(_ tenant: TenantID, since: Moment) async throws -> [Attainment] {
        let timed = try await rows(tenant, ClockQueries.attainment(tenant: tenant, since: since)) { row in
            Attainment(
                objective: try row.get("objective", as: String.self),
                targetSeconds: try row.get("target_seconds", as: Int64.self),
                n: Int(try row.get("n", as: Int64.self)), met: Int(try row.get("met", as: Int64.self)),
                breached: Int(try row.get("breached", as: Int64.self)), open: Int(try row.get("open", as: Int64.self)))
        }
        let judged = try await rows(tenant, BudgetQueries.judgedAttainment(tenant: tenant, since: since)) { row in
            Attainment(
                objective: try row.get("objective", as: String.self), targetSeconds: 0,
                n: Int(try row.get("n", as: Int64.self)), met: Int(try row.get("met", as: Int64.self)),
                breached: Int(try row.get("breached", as: Int64.self)), open: 0)
        }
        return timed + judged
    }

    package func incidents(
        _ tenant: TenantID, openOnly: Bool, before: (Moment, IncidentID)? = nil, limit: Int
    ) async throws -> [IncidentRow] {
        try await rows(
            tenant, IncidentQueries.page(tenant: tenant, openOnly: openOnly, before: before, limit: min(limit, Looking.pageMax)),
            IncidentRow.init)
    }

    /// The oldest first.
    package func incidentsExported(
        _ tenant: TenantID, after: (Moment, IncidentID)? = nil, limit: Int
    ) async throws -> [IncidentRow] {
        try await rows(
            tenant, IncidentQueries.export(tenant: tenant, after: after, limit: min(limit, Looking.pageMax)), IncidentRow.init)
    }

    /// The runs that the alerts of an incident were about, the first linked first.
    package func runs(of incident: IncidentID, _ tenant: TenantID) async throws -> [RunID] {
        try await rows(
            tenant, IncidentQueries.runs(tenant: tenant, incident: incident, limit: Alerting.linkedRunsMax)
        ) { try $0.get("run_id", as: RunID.self) }
    }

    /// How fast the incidents of the last days were answered and ended, of at most so many.
    package static let figuresDays: Int64 = 90
    private static let figuresMax = 10_000

    package func responseFigures(_ tenant: TenantID, at now: Moment) async throws -> ResponseFigures {
        let since = now.adding(seconds: -Looking.figuresDays * 86_400)
        return ResponseFigures(
            try await rows(
                tenant, IncidentQueries.instants(tenant: tenant, since: since, limit: Looking.figuresMax)
            ) { row in
                ResponseFigures.Case(
                    openedAt: try row.get("opened_at", as: Moment.self),
                    acknowledgedAt: try row.get("acknowledged_at", as: Moment?.self),
                    resolvedAt: try row.get("resolved_at", as: Moment?.self))
            })
    }

    package func incident(_ tenant: TenantID, _ id: IncidentID) async throws -> IncidentRow {
        try await one(tenant, IncidentQueries.find(tenant: tenant, id: id), IncidentRow.init)
    }

    package func incidentEntries(_ tenant: TenantID, _ id: IncidentID) async throws -> [IncidentEntryRow] {
        try await rows(tenant, IncidentQueries.entries(tenant: tenant, incident: id, limit: 500), IncidentEntryRow.init)
    }

    /// An entry as pages list it.
    package struct ListedEntry: Sendable {
        package let id: AuditEntryID
        package let number: Int64
        package let at: Moment
        package let actorKind: String
        package let actor: String
        package let action: String
        package let objectType: String
        package let objectID: String
        package let run: RunID?
        package let content: JSONValue
        /// The person for whom a deputy acted.
        package let onBehalfOf: PersonID?

        init(_ row: Row) throws {
            id = try row.get("id", as: AuditEntryID.self)
            number = try row.get("number", as: Int64.self)
            at = try row.get("at", as: Moment.self)
            actorKind = try row.get("actor_kind", as: String.self)
            actor = try row.get("actor_id", as: String.self)
            action = try row.get("action", as: String.self)
            objectType = try row.get("object_type", as: String.self)
            objectID = try row.get("object_id", as: String.self)
            run = try row.get("run_id", as: RunID?.self)
            content = try row.get("content", as: JSONValue.self)
            onBehalfOf = try row.get("on_behalf_of", as: PersonID?.self)
        }
    }

    /// One page of the audit log, newest first. `who` narrows to an actor or a person on whose behalf somebody acted: an id, or a
    /// part of a person's name, short name or address, or an actor that is no person as the log writes it. `behalf` narrows
    /// in the same way to those for whom somebody acted.
    package func audit(
        _ tenant: TenantID, _ search: AuditQueries.Search = AuditQueries.Search(), who: String? = nil, behalf: String? = nil,
        before: (Moment, AuditEntryID)? = nil, limit: Int
    ) async throws -> [ListedEntry] {
        var search = search
        if let who, !who.isEmpty { search.actors = try await named(who, tenant).map(\.text) + [who] }
        if let behalf, !behalf.isEmpty {
            search.behalf = try await named(behalf, tenant) + [PersonID(behalf)].compactMap(\.self)
        }
        return try await rows(
            tenant, AuditQueries.page(tenant: tenant, search, before: before, limit: min(limit, Looking.pageMax)),
            ListedEntry.init)
    }

    private func named(_ text: String, _ tenant: TenantID) async throws -> [PersonID] {
        let wanted = text.lowercased()
        return try await people(tenant).filter { person in
            [person.name, person.slug, person.email].contains { $0.lowercased().contains(wanted) }
        }.map(\.id)
    }

    /// Acts that the log has, each once.
    package func auditActions(_ tenant: TenantID) async throws -> [String] {
        try await rows(tenant, AuditQueries.actions(tenant: tenant, limit: Looking.actionsMax)) {
            try $0.get("action", as: String.self)
        }
    }

    /// More kinds of acts than there are.
    private static let actionsMax = 1000

    /// One entry, and those before and after it about the same object.
    package func auditEntry(
        _ id: AuditEntryID, _ tenant: TenantID
    ) async throws -> (entry: ListedEntry, earlier: AuditEntryID?, later: AuditEntryID?) {
        guard let entry = try await rows(tenant, AuditQueries.one(tenant: tenant, id: id), ListedEntry.init).first else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        func beside(_ isLater: Bool) async throws -> AuditEntryID? {
            try await rows(
                tenant,
                AuditQueries.beside(
                    tenant: tenant, type: entry.objectType, object: entry.objectID, at: entry.at, id: entry.id, isLater: isLater)
            ) { try $0.get("id", as: AuditEntryID.self) }.first
        }
        return (entry, try await beside(false), try await beside(true))
    }

    package func audit(_ tenant: TenantID, run: RunID) async throws -> [ListedEntry] {
        try await rows(tenant, AuditQueries.ofRun(tenant: tenant, run: run, limit: 500), ListedEntry.init)
    }

    // MARK: People, workers, live feed

    package func people(_ tenant: TenantID) async throws -> [PersonRow] {
        try await rows(tenant, ScopeQueries.people(tenant: tenant), PersonRow.init)
    }

    package struct WorkerStatus: Sendable {
        package let tenant: TenantID
        package let state: String
        package let pid: Int32?
        package let level: String?
        package let residentBytes: Int64?
        package let restarts: Int32
        package let startedAt: Moment?
        package let seenAt: Moment
        package let detail: String

        /// The server that keeps a worker writes down every few seconds how it is. What it last said is no longer true of one
        /// that it has been silent about for so long.
        package static let lostSeconds: Int64 = 60
        package static let lost = "lost"

        init(_ row: Row, at now: Moment) throws {
            tenant = try row.get("tenant_id", as: TenantID.self)
            let said = try row.get("state", as: String.self)
            let seenAt = try row.get("seen_at", as: Moment.self)
            state = said != "stopped" && now.seconds(since: seenAt) > WorkerStatus.lostSeconds ? WorkerStatus.lost : said
            self.seenAt = seenAt
            pid = try row.get("pid", as: Int32?.self)
            level = try row.get("level", as: String?.self)
            residentBytes = try row.get("resident_bytes", as: Int64?.self)
            restarts = try row.get("restarts", as: Int32.self)
            startedAt = try row.get("started_at", as: Moment?.self)
            detail = try row.get("detail", as: String.self)
        }
    }

    /// All tenants' workers, for the operator.
    package func workers() async throws -> [WorkerStatus] {
        let now = platform.clock.now
        return try await platform.store.withReport { tx in
            try await tx.query(OverviewQueries.workers()).map { try WorkerStatus($0, at: now) }
        }
    }

    package func worker(_ tenant: TenantID) async throws -> WorkerStatus? {
        let now = platform.clock.now
        return try await rows(tenant, OverviewQueries.worker(tenant: tenant)) { try WorkerStatus($0, at: now) }.first
    }

    /// All tenants' counts, for the operator and partners; no payload.
    package func summaries() async throws -> [TenantSummaryRow] {
        try await platform.store.withReport { tx in try await tx.query(OverviewQueries.all()).map(TenantSummaryRow.init) }
    }

    package func summary(_ tenant: TenantID) async throws -> TenantSummaryRow? {
        try await rows(tenant, OverviewQueries.one(tenant: tenant), TenantSummaryRow.init).first
    }

    /// One line of the live feed.
    package struct FeedItem: Sendable {
        package let id: Int64
        package let at: Moment
        package let topic: String
        package let run: RunID?
        package let facts: JSONValue
    }

    package func feed(_ tenant: TenantID, after: Int64, limit: Int = 200) async throws -> [FeedItem] {
        try await rows(tenant, OutboxQueries.after(tenant: tenant, after, limit: limit)) { row in
            FeedItem(
                id: try row.get("id", as: Int64.self), at: try row.get("at", as: Moment.self),
                topic: try row.get("topic", as: String.self),
                run: try row.get("run_id", as: RunID?.self), facts: try row.get("facts", as: JSONValue.self))
        }
    }

    package func feedPosition(_ tenant: TenantID) async throws -> Int64 {
        try await rows(tenant, OutboxQueries.latest(tenant: tenant)) { try $0.get("id", as: Int64.self) }.first ?? 0
    }
}
