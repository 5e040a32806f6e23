internal import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Telemetry
internal import Tenancy

/// Looks after tenants whose runs have no contract in force, or soon will not: engineers are told once, and once when it is over.
///
/// Several servers may look at once. A gap is a row, and its change and the command to the lane are one transaction.
package struct ContractWatch: Sendable {
    package static let pauseSeconds: Int64 = 60
    /// How far ahead a gap is told of: time to have the next version signed.
    package static let aheadDays: Int64 = 14
    /// A workflow of which no run began for so long needs no contract.
    package static let inUseDays: Int64 = 31
    static let tellAgainSeconds: Int64 = 24 * 3600

    /// Runs that no contract governs, from an instant on that is at most `aheadDays` away.
    package struct Gap: Sendable, Equatable {
        package let workflow: String
        package let from: Moment
    }

    private let platform: Platform
    private let scopes: ScopeDirectory
    private let desk: CommandDesk

    package init(platform: Platform, scopes: ScopeDirectory, desk: CommandDesk) {
        self.platform = platform
        self.scopes = scopes
        self.desk = desk
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.contracts, every: .seconds(ContractWatch.pauseSeconds), failure: "contracts were not looked at") {
            try await look()
            return false
        }
    }

    /// All tenants once; one that cannot be read keeps no other from being looked at.
    package func look() async throws {
        var standing = 0
        for scope in try await scopes.all() where scope.kind == "tenant" {
            do {
                standing += try await look(at: scope).count
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.logger.warning(
                    "a tenant's contracts were not looked at", metadata: ["tenant": "\(scope.slug)", "error": "\(error)"])
            }
        }
        platform.metrics.gauge("countersign_contract_gaps", "Workflows whose runs have no contract, or soon none.").set(
            Double(standing))
    }

    /// One tenant; answers the gaps that stand.
    @discardableResult
    package func look(at scope: ScopeRow) async throws -> [Gap] {
        let now = platform.clock.now
        let gaps = try await gaps(of: scope.id)
        let told = try await platform.store.withTenant(scope.id) { [platform] tx in
            var commands: [CommandRow] = []
            for gap in gaps {
                let raised = try await tx.query(
                    ContractQueries.raiseGap(
                        tenant: scope.id, workflow: gap.workflow, now: now,
                        tellBefore: now.adding(seconds: -ContractWatch.tellAgainSeconds)))
                guard !raised.isEmpty else { continue }
                let facts = ["workflow": gap.workflow, "from": gap.from <= now ? "now" : gap.from.text(fraction: 0)]
                commands.append(
                    platform.incidentCommand(
                        "raise", AlertName.contractGap.rawValue, facts, scope: scope,
                        key: "\(gap.workflow)/\(now.microseconds)", at: now))
            }
            for row in try await tx.query(ContractQueries.clearGaps(tenant: scope.id, besides: gaps.map(\.workflow))) {
                let workflow = try row.get("workflow", as: String.self)
                commands.append(
                    platform.incidentCommand(
                        "clear", AlertName.contractGap.rawValue, ["workflow": workflow],
                        text: "A contract is in force for the next \(ContractWatch.aheadDays) days, or no run begins any more.",
                        scope: scope, key: "\(workflow)/\(now.microseconds)", at: now))
            }
            for command in commands { _ = try await tx.query(CommandQueries.insert(command)) }
            return commands.count
        }
        if told > 0 { desk.nudge(lane: scope.lane) }
        return gaps
    }

    /// The workflows in use with no contract now or within `aheadDays`.
    package func gaps(of tenant: TenantID) async throws -> [Gap] {
        let now = platform.clock.now
        let since = now.adding(seconds: -ContractWatch.inUseDays * 86_400)
        let found = try await platform.store.withTenant(tenant) { tx in
            try await tx.pipeline([
                ContractQueries.workflowsInUse(tenant: tenant, since: since), ContractQueries.periods(tenant: tenant),
            ])
        }
        let periods = try found[1].map(ContractPeriodRow.init).map {
            ContractPeriod(workflow: $0.workflow.isEmpty ? nil : $0.workflow, from: $0.from, to: $0.to)
        }
        let end = now.adding(seconds: ContractWatch.aheadDays * 86_400)
        return try found[0].compactMap { row in
            let workflow = try row.get("workflow", as: String.self)
            return ContractPeriod.firstGap(in: periods, workflow: workflow, from: now, before: end).map {
                Gap(workflow: workflow, from: $0)
            }
        }
    }
}
