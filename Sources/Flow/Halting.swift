package import Kernel
internal import Postgres
package import Records
internal import Tenancy
internal import Workflows

/// Stops work that goes out of the house, and lets it go on: of a whole tenant, of its worker, or of one connection.
///
/// What is stopped is not given to workers; it waits in its place and loses nothing. What a worker holds already it finishes.
/// People go on deciding, and the clocks of contracts go on: a stop is ours and no excuse.
package struct Halting: Sendable {
    package static let reasonCharactersMax = 500
    package static let listedMax = 100

    package enum Kind: String, Sendable, CaseIterable {
        /// Nothing begins and no work is given out.
        case tenant
        /// No work is given out, the worker ends when it has finished what it holds, and none is started.
        case worker
        /// Nothing is sent to one connection, but a test by a person.
        case connection

        /// The permission it takes.
        package var permission: String { self == .tenant ? "runs.manage" : "incidents.manage" }
    }

    private let platform: Platform
    private let desk: CommandDesk
    private let assets: AssetLibrary

    package init(platform: Platform, desk: CommandDesk, assets: AssetLibrary) {
        self.platform = platform
        self.desk = desk
        self.assets = assets
    }

    private static let nothing = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Looking

    /// What is stopped now.
    package func open(_ tenant: TenantID) async throws -> [WorkStopRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(WorkStopQueries.open(tenant: tenant)).map(WorkStopRow.init)
        }
    }

    /// The newest first, those that are over as well.
    package func page(
        _ tenant: TenantID, before: (Moment, WorkStopID)? = nil, limit: Int
    ) async throws -> [WorkStopRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                WorkStopQueries.page(tenant: tenant, before: before, limit: min(limit, Halting.listedMax))
            ).map(WorkStopRow.init)
        }
    }

    package func find(_ id: WorkStopID, in tenant: TenantID) async throws -> WorkStopRow {
        let found = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(WorkStopQueries.find(tenant: tenant, id: id)).first.map(WorkStopRow.init)
        }
        guard let found else { throw Halting.nothing }
        return found
    }

    /// The stop of this kind that is open; nil when there is none.
    func standing(_ kind: Kind, _ connection: String?, _ tenant: TenantID) async throws -> WorkStopRow? {
        try await open(tenant).first { $0.kind == kind.rawValue && ($0.connection ?? "") == (connection ?? "") }
    }

    /// Tasks that wait, and tasks that a worker holds and finishes.
    func touched(_ connection: String?, _ tenant: TenantID) async throws -> (waiting: Int, held: Int) {
        try await platform.store.withTenant(tenant) { tx in
            let row = try await tx.query(WorkStopQueries.touched(tenant: tenant, connection: connection)).first
            func count(_ name: String) throws -> Int { Int(try row?.get(name, as: Int64.self) ?? 0) }
            return (try count("ready"), try count("leased"))
        }
    }

    /// Whether a workflow of the tenant wants two people for it, as it does for pausing and resuming runs.
    func needsSecond(_ kind: Kind, releasing: Bool, _ tenant: TenantID) async throws -> Bool {
        guard kind == .tenant else { return false }
        let act = releasing ? "resume" : "pause"
        return try await assets.current(for: tenant).all("workflow").contains { row in
            var issues: [AssetIssue] = []
            return WorkflowDefinition.parse(row.content, issues: &issues)?.secondPerson.contains(act) ?? false
        }
    }

    func requireConnection(_ name: String?, _ tenant: TenantID) async throws {
        guard let name, try await assets.current(for: tenant).row("connection", name) != nil else {
            throw Refusal(
                .unprocessable, reason: "stop.no-connection", "There is no connection \(name ?? "without a name") here.",
                facts: ["field": "connection"])
        }
    }

    // MARK: Doing

    /// Stops it. Where a workflow asks for a second person, a runbook is the way: there one shows and another confirms.
    package func place(
        _ kind: Kind, connection: String? = nil, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> WorkStopRow {
        try Halting.check(reason)
        if kind == .connection {
            try await requireConnection(connection, scope.id)
        } else if connection != nil {
            throw Refusal(
                .invalid, reason: "stop.connection", "Only a stop of kind connection names one.", facts: ["field": "connection"])
        }
        try await requireNobodyElse(kind, releasing: false, scope)
        let placed = try await platform.store.withTenant(scope.id) { [self] tx in
            try await place(kind, connection: connection, reason: reason, as: actor, scope: scope, tx: tx)
        }
        desk.nudge(lane: scope.lane)
        return placed
    }

    /// The same within the caller's transaction, who nudges the lane afterwards.
    func place(
        _ kind: Kind, connection: String?, reason: String, as actor: Actor, scope: ScopeRow, tx: Transaction
    ) async throws -> WorkStopRow {
        let row = WorkStopRow(
            tenant: scope.id, id: platform.newID(), lane: scope.lane, kind: kind.rawValue, connection: connection, reason: reason,
            placedBy: actor.person, placedAt: platform.clock.now)
        guard let placed = try await tx.query(WorkStopQueries.place(row)).first.map(WorkStopRow.init) else {
            throw Refusal(
                .conflict, reason: "stop.standing", "This is stopped already.", facts: ["kind": kind.rawValue])
        }
        try await tell("stop.placed", placed, reason: reason, as: actor, at: placed.placedAt, tx: tx)
        return placed
    }

    /// Lets it go on. Of two who do so at once, one does.
    package func release(_ id: WorkStopID, reason: String, as actor: Actor, scope: ScopeRow) async throws -> WorkStopRow {
        try Halting.check(reason)
        let found = try await find(id, in: scope.id)
        guard found.kind != Suspending.stopKind else {
            throw Refusal(
                .conflict, reason: "stop.suspension", "The tenant is suspended. Its work goes on when the operator resumes it.")
        }
        guard let kind = Kind(rawValue: found.kind) else { throw Halting.nothing }
        try await requireNobodyElse(kind, releasing: true, scope)
        let released = try await platform.store.withTenant(scope.id) { [self] tx in
            try await release(found, reason: reason, as: actor, scope: scope, tx: tx)
        }
        desk.nudge(lane: scope.lane)
        return released
    }

    func release(
        _ row: WorkStopRow, reason: String, as actor: Actor, scope: ScopeRow, tx: Transaction
    ) async throws -> WorkStopRow {
        let now = platform.clock.now
        let released = try await tx.query(
            WorkStopQueries.release(tenant: scope.id, id: row.id, by: actor.person, at: now, reason: reason)
        ).first.map(WorkStopRow.init)
        guard let released else {
            throw Refusal(.conflict, reason: "stop.released", "This goes on already; somebody has let it.")
        }
        try await tell("stop.released", released, reason: reason, as: actor, at: now, tx: tx)
        return released
    }

    private func requireNobodyElse(_ kind: Kind, releasing: Bool, _ scope: ScopeRow) async throws {
        guard try await needsSecond(kind, releasing: releasing, scope.id) else { return }
        throw Refusal(
            .forbidden, reason: "stop.second-person",
            "A workflow here takes two people for this. Do it by a runbook, where one shows and another confirms.",
            facts: ["kind": kind.rawValue])
    }

    private func tell(
        _ action: String, _ row: WorkStopRow, reason: String, as actor: Actor, at now: Moment, tx: Transaction
    ) async throws {
        _ = try await tx.pipeline([
            AuditQueries.insert([
                AuditRow(
                    tenant: row.tenant, id: platform.newID(), lane: row.lane, at: now, actorKind: "person",
                    actor: actor.person.text, action: action, objectType: "work-stop", objectID: row.id.text, run: nil,
                    content: [
                        "kind": .string(row.kind), "connection": JSONValue(row.connection), "reason": .string(reason),
                    ])
            ]),
            OutboxQueries.insert([
                OutboxRow(
                    tenant: row.tenant, lane: row.lane, at: now, topic: action, run: nil,
                    facts: ["stop": JSONValue(row.id), "kind": .string(row.kind), "connection": JSONValue(row.connection)])
            ]),
        ])
    }

    private static func check(_ reason: String) throws(Refusal) {
        guard (1...reasonCharactersMax).contains(reason.unicodeScalars.count), reason.contains(where: { !$0.isWhitespace }) else {
            throw Refusal(
                .invalid, reason: "stop.reason", "Say why in 1 to \(reasonCharactersMax) characters.", facts: ["field": "reason"])
        }
    }
}
