package import Kernel
internal import Postgres
package import Records
internal import Tenancy
package import Workflows

/// What people see of rollouts and do with them.
package struct RollingOut: Sendable {
    package static let reasonScalarsMax = 1000
    package static let comparisonsMax = 200

    package enum Act: String, Sendable, CaseIterable {
        case promote, rollback, hold, release
    }

    /// A rollout with what was counted for it.
    package struct Shown: Sendable {
        package let rollout: Rollout
        package let row: RolloutRow
        /// Whether a run has begun since it was published; until then it stands where its file says.
        package let hasBegun: Bool
        package let liveVersion: String
        package let candidate: RolloutFigures
        package let live: RolloutFigures
        /// Why no run can go by the candidate; nil when some can.
        package let obstacle: String?

        /// Where it stands, as the page and the answer name it.
        package var stage: Rollout.Stage { Rollout.Stage(rawValue: row.stage) ?? .rolledBack }

        package var verdict: RolloutVerdict {
            RolloutVerdict(of: rollout, in: stage, candidate: candidate, live: live, isHeld: row.isHeld)
        }
    }

    /// In how many comparisons something differs, and what those are about in money.
    package struct Stake: Sendable {
        package let kind: String
        package let count: Int
        package let amount: Money?
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let desk: CommandDesk

    package init(platform: Platform, assets: AssetLibrary, desk: CommandDesk) {
        self.platform = platform
        self.assets = assets
        self.desk = desk
    }

    /// The rollouts that are configured for a tenant, by the name of the workflow.
    package func all(_ scope: ScopeRow) async throws -> [Shown] {
        let current = try await assets.current(for: scope.id)
        let configured = assets.rollouts(in: current)
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { [assets] tx in
            var known: [RolloutID: RolloutRow] = [:]
            for row in try await tx.query(RolloutQueries.all(tenant: scope.id)).map(RolloutRow.init) { known[row.id] = row }
            var found: [Shown] = []
            for one in configured {
                let row =
                    known[one.id]
                    ?? RolloutRow(
                        tenant: scope.id, id: one.id, lane: scope.lane, workflow: one.rollout.name,
                        version: one.rollout.candidate,
                        stage: one.rollout.stage.rawValue, startedAt: now)
                let figures = try await RolloutFigures.count(one.rollout, row, at: now, tx: tx)
                var obstacle: String?
                do {
                    _ = try assets.pins(in: current, workflow: one.candidate, at: now)
                } catch let refusal as Refusal {
                    obstacle = refusal.message
                }
                found.append(
                    Shown(
                        rollout: one.rollout, row: row, hasBegun: known[one.id] != nil,
                        liveVersion: current.row("workflow", one.rollout.name)?.version ?? "", candidate: figures.candidate,
                        live: figures.live, obstacle: obstacle))
            }
            return found
        }
    }

    package func one(_ name: String, _ scope: ScopeRow) async throws -> Shown {
        guard let found = try await all(scope).first(where: { sameBytes($0.rollout.name, name) }) else {
            throw Refusal(.notFound, reason: "rollout.none", "No rollout of that name is configured here.")
        }
        return found
    }

    package func stakes(_ rollout: RolloutID, _ scope: ScopeRow) async throws -> [Stake] {
        try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(RolloutQueries.kinds(tenant: scope.id, rollout: rollout)).map { row in
                let currency = try row.get("currency", as: String?.self).flatMap { Currency($0) }
                let minor = try row.get("minor", as: Int64.self)
                return Stake(
                    kind: try row.get("kind", as: String.self), count: Int(try row.get("n", as: Int64.self)),
                    // The columns were derived from documents; a sum out of range counts as untold.
                    amount: currency.flatMap { try? Money(minorUnits: minor, currency: $0) })
            }
        }
    }

    /// Comparisons, newest first; of one verdict, or of all.
    package func comparisons(
        _ rollout: RolloutID, _ scope: ScopeRow, verdict: String? = nil, before: (Moment, RunID)? = nil, limit: Int
    ) async throws -> [ComparisonRow] {
        let limit = max(1, min(limit, RollingOut.comparisonsMax))
        return try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(
                RolloutQueries.comparisons(tenant: scope.id, rollout: rollout, verdict: verdict, before: before, limit: limit)
            ).map(ComparisonRow.init)
        }
    }

    /// A person decides. `stage` is the one that was on the screen; a decision about another is refused.
    package func turn(
        _ name: String, _ act: Act, stage: String, reason: String, key: String, as actor: Actor, scope: ScopeRow
    ) async throws -> CommandDesk.Answer {
        guard !actor.isMachine else {
            throw Refusal(
                .forbidden, reason: "rollout.machine", "\(actor.name) is a machine. Which version runs is a person's decision.")
        }
        guard !reason.allSatisfy(\.isWhitespace), reason.unicodeScalars.count <= RollingOut.reasonScalarsMax else {
            throw Refusal(
                .invalid, reason: "rollout.reason", "Say why, in 1 to \(RollingOut.reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        let shown = try await one(name, scope)
        return try await desk.send(
            CommandRow(
                tenant: scope.id, id: platform.newID(), lane: scope.lane,
                idempotencyKey: "rollout.turn/\(actor.person)/\(key)", kind: "rollout.turn",
                payload: [
                    "rollout": JSONValue(shown.row.id), "act": .string(act.rawValue), "stage": .string(stage),
                    "by": JSONValue(actor.person), "reason": .string(reason),
                ], createdAt: platform.clock.now))
    }
}
