package import Kernel
internal import Postgres
package import Records

/// Legal holds: what must not be removed, whatever its time, until somebody says so.
package struct Holding: Sendable {
    package static let reasonCharactersMax = 500

    private let platform: Platform

    package init(platform: Platform) { self.platform = platform }

    /// Keeps one run, or with nil everything of the tenant. A removal that is under way ends first.
    package func place(on run: RunID?, reason: String, as actor: Actor, scope: ScopeRow) async throws -> HoldRow {
        try Holding.check(reason)
        let hold = HoldRow(
            tenant: scope.id, id: platform.newID(), run: run, reason: reason, placedBy: actor.person, placedAt: platform.clock.now
        )
        return try await platform.store.withTenant(scope.id) { tx in
            if let run, try await tx.query(RunQueries.summaries(tenant: scope.id, ids: [run])).isEmpty { throw Holding.notFound }
            _ = try await tx.pipeline([
                HoldQueries.wait(), HoldQueries.place(hold),
                entry(hold, "hold.placed", reason: reason, as: actor, scope: scope, at: hold.placedAt),
            ])
            return hold
        }
    }

    /// Lets what a hold kept go its way again. Another hold on the same goes on.
    package func release(_ id: HoldID, reason: String, as actor: Actor, scope: ScopeRow) async throws -> HoldRow {
        try Holding.check(reason)
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            let released = try await tx.query(
                HoldQueries.release(tenant: scope.id, id: id, by: actor.person, at: now, reason: reason))
            guard let row = released.first else {
                guard try await tx.query(HoldQueries.find(tenant: scope.id, id: id)).isEmpty else {
                    throw Refusal(.conflict, reason: "hold.released", "This hold has been released.")
                }
                throw Holding.notFound
            }
            let hold = try HoldRow(row)
            _ = try await tx.pipeline([
                HoldQueries.lookAgain(tenant: scope.id, run: hold.run),
                entry(hold, "hold.released", reason: reason, as: actor, scope: scope, at: now),
            ])
            return hold
        }
    }

    /// The newest first.
    package func holds(
        in scope: TenantID, openOnly: Bool, before: (Moment, HoldID)? = nil, limit: Int
    ) async throws -> [HoldRow] {
        try await platform.store.withTenant(scope) { tx in
            try await tx.query(HoldQueries.page(tenant: scope, openOnly: openOnly, before: before, limit: limit)).map(
                HoldRow.init)
        }
    }

    /// Those that keep this run.
    package func holds(over run: RunID, in scope: TenantID) async throws -> [HoldRow] {
        try await platform.store.withTenant(scope) { tx in
            try await tx.query(HoldQueries.over(tenant: scope, run: run)).map(HoldRow.init)
        }
    }

    private func entry(
        _ hold: HoldRow, _ action: String, reason: String, as actor: Actor, scope: ScopeRow, at now: Moment
    ) -> SQL {
        AuditQueries.insert([
            AuditRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "person", actor: actor.person.text,
                action: action, objectType: "hold", objectID: hold.id.text, run: hold.run,
                content: ["reason": .string(reason), "covers": hold.run.map { .string($0.text) } ?? "everything"])
        ])
    }

    private static let notFound = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    private static func check(_ reason: String) throws(Refusal) {
        guard (1...reasonCharactersMax).contains(reason.unicodeScalars.count), reason.contains(where: { !$0.isWhitespace }) else {
            throw Refusal(
                .invalid, reason: "hold.reason", "Say why in 1 to \(reasonCharactersMax) characters.", facts: ["field": "reason"])
        }
    }
}
