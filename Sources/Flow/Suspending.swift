package import Kernel
internal import Postgres
package import Records
package import Tenancy

/// Suspends a tenant and resumes it.
///
/// Not to be mixed up with pausing its work (`Halting`): there the tenant's people go on, and an engineer may let it go on. Here
/// the operator shuts the tenant: its people and keys are not let in, its worker ends when it has finished what it holds, and
/// nothing begins. All that is its own stays where it is, what arrives for it waits, and the clocks of its contracts go on.
package struct Suspending: Sendable {
    /// How a tenant stands; the rest is nil while it is active.
    package struct Standing: Sendable {
        package let phase: TenantLife.Phase
        package let since: Moment?
        package let reason: String?
        package let by: PersonID?
    }

    /// Under this kind its work is stopped.
    package static let stopKind = "suspension"

    private let platform: Platform
    private let desk: CommandDesk
    private let scopes: ScopeDirectory

    package init(platform: Platform, desk: CommandDesk, scopes: ScopeDirectory) {
        self.platform = platform
        self.desk = desk
        self.scopes = scopes
    }

    package func standing(_ scope: ScopeRow) async throws -> Standing {
        try Suspending.check(scope)
        return try await platform.store.withTenant(scope.id) { tx in
            let phase = try Suspending.phase(try await tx.query(TenantLifeQueries.state(tenant: scope.id)))
            let stop = try await Suspending.stop(of: scope.id, tx: tx)
            return Standing(phase: phase, since: stop?.placedAt, reason: stop?.reason, by: stop?.placedBy)
        }
    }

    package func suspend(reason: String, as actor: Actor, scope: ScopeRow) async throws -> Standing {
        try await turn(.suspended, reason: reason, as: actor, scope: scope)
    }

    /// All goes on where it was.
    package func resume(reason: String, as actor: Actor, scope: ScopeRow) async throws -> Standing {
        try await turn(.resumed, reason: reason, as: actor, scope: scope)
    }

    private func turn(
        _ event: TenantLife.Event, reason: String, as actor: Actor, scope: ScopeRow
    ) async throws -> Standing {
        try Suspending.check(scope)
        try TenantLife.check(reason: reason)
        let now = platform.clock.now
        let standing = try await platform.store.withTenant(scope.id) { [platform] tx in
            var life = TenantLife(try Suspending.phase(try await tx.query(TenantLifeQueries.lock(tenant: scope.id))))
            let action = try life.handle(event)
            try await tx.execute(TenantLifeQueries.set(tenant: scope.id, state: life.phase.rawValue))
            let stop = WorkStopRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, kind: Suspending.stopKind, connection: nil,
                reason: reason, placedBy: actor.person, placedAt: now)
            switch action {
            case .stopWork:
                _ = try await tx.query(WorkStopQueries.place(stop))
            case .letWorkGoOn:
                guard let open = try await Suspending.stop(of: scope.id, tx: tx) else { break }
                _ = try await tx.query(
                    WorkStopQueries.release(tenant: scope.id, id: open.id, by: actor.person, at: now, reason: reason))
            }
            let word = life.phase == .suspended ? "tenant.suspended" : "tenant.resumed"
            _ = try await tx.pipeline([
                AuditQueries.insert([
                    AuditRow(
                        tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person",
                        actor: actor.person.text, action: word, objectType: "scope", objectID: scope.id.text, run: nil,
                        content: ["reason": .string(reason)])
                ]),
                OutboxQueries.insert([
                    OutboxRow(tenant: scope.id, lane: scope.lane, at: now, topic: word, run: nil, facts: [:])
                ]),
            ])
            return life.phase == .suspended
                ? Standing(phase: .suspended, since: now, reason: reason, by: actor.person)
                : Standing(phase: .active, since: nil, reason: nil, by: nil)
        }
        scopes.invalidate()
        desk.nudge(lane: scope.lane)
        return standing
    }

    private static func check(_ scope: ScopeRow) throws(Refusal) {
        guard scope.kind == "tenant" else {
            throw Refusal(.unprocessable, reason: "tenant.scope", "Only a tenant is suspended, no operator and no partner.")
        }
    }

    private static func phase(_ rows: Rows) throws -> TenantLife.Phase {
        let text = try rows.first?.get("state", as: String.self) ?? ""
        guard let phase = TenantLife.Phase(rawValue: text) else {
            throw Fault("reading a tenant's state", "it is \(text)", isRetryable: false)
        }
        return phase
    }

    private static func stop(of tenant: TenantID, tx: Transaction) async throws -> WorkStopRow? {
        try await tx.query(WorkStopQueries.open(tenant: tenant)).map(WorkStopRow.init).first { $0.kind == stopKind }
    }
}
