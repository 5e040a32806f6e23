internal import Incidents
package import Kernel
internal import Logging
internal import Postgres
package import Records
package import ServiceLevels
internal import Telemetry
package import Tenancy

/// One objective of a tenant's contract with its error budget, read now.
package struct ObjectiveBudget: Sendable {
    package let contract: ContractDocument
    package let objective: ContractDocument.Objective
    package let share: ServiceShare
    /// Where the months of the contract begin.
    package let zone: String
    /// The period's first day there.
    package let firstDay: CivilDate
    /// What it was read from.
    package let minutes: [MinuteCount]
    package let reading: BudgetReading

    /// From which anybody can compute the reading again.
    package var document: JSONValue {
        BudgetReading.document(share: share, period: reading.period, minutes: minutes, asOf: reading.asOf)
    }
}

/// Looks after error budgets: reads what the lanes counted, and tells engineers once when a budget burns, will not last or is
/// spent, and once when that is over.
///
/// Several servers may look at once. An alarm is a row, and its change and the command to the lane are one transaction, so each
/// alarm is told of by one of them.
package struct Budgeting: Sendable {
    package static let pauseSeconds: Int64 = 20
    /// What goes on is told again after so long, in case somebody ended the incident and not the trouble.
    static let tellAgainSeconds: Int64 = 3600
    /// Longer than the longest period and any report of it.
    static let keptDays: Int64 = 400

    private let platform: Platform
    private let scopes: ScopeDirectory
    private let assets: AssetLibrary
    private let desk: CommandDesk

    package init(platform: Platform, scopes: ScopeDirectory, assets: AssetLibrary, desk: CommandDesk) {
        self.platform = platform
        self.scopes = scopes
        self.assets = assets
        self.desk = desk
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.budgets, every: .seconds(Budgeting.pauseSeconds), failure: "budgets were not looked at") {
            try await look()
            return false
        }
    }

    /// All tenants once; one that cannot be read keeps no other from being looked at.
    package func look() async throws {
        var standing: [String: Int] = [:]
        for scope in try await scopes.all() where scope.kind == "tenant" {
            do {
                for alarm in try await look(at: scope) { standing[alarm.rawValue, default: 0] += 1 }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.logger.warning(
                    "a tenant's budgets were not looked at", metadata: ["tenant": "\(scope.slug)", "error": "\(error)"])
            }
        }
        let gauge = platform.metrics.gauge("countersign_budget_alarms", "Alarms of error budgets that stand.", labels: ["alarm"])
        for alarm in BudgetAlarm.allCases { gauge.set(Double(standing[alarm.rawValue] ?? 0), alarm.rawValue) }
    }

    /// One tenant; answers the alarms that stand.
    @discardableResult
    package func look(at scope: ScopeRow) async throws -> [BudgetAlarm] {
        let now = platform.clock.now
        // Once a day, a while after midnight UTC.
        if now.seconds % 86_400 < 2 * Budgeting.pauseSeconds { try await trim(scope.id) }
        let budgets = try await budgets(of: scope.id)
        let wanted = budgets.flatMap { budget in
            BudgetAlarm.allCases.filter { budget.reading.alarms.contains($0) }.map { (budget: budget, alarm: $0) }
        }
        let told = try await platform.store.withTenant(scope.id) { [platform] tx in
            var commands: [CommandRow] = []
            for (budget, alarm) in wanted {
                let raised = try await tx.query(
                    BudgetQueries.raise(
                        tenant: scope.id, objective: budget.objective.name, alarm: alarm.rawValue, now: now,
                        tellBefore: now.adding(seconds: -Budgeting.tellAgainSeconds)))
                guard !raised.isEmpty else { continue }
                commands.append(
                    platform.incidentCommand(
                        "raise", alarm.rawValue, Budgeting.facts(budget, alarm), scope: scope,
                        key: "\(budget.objective.name)/\(now.microseconds)", at: now))
            }
            for row in try await tx.query(BudgetQueries.alarms(tenant: scope.id)) {
                let objective = try row.get("objective", as: String.self)
                let alarm = try row.get("alarm", as: String.self)
                guard !wanted.contains(where: { $0.budget.objective.name == objective && $0.alarm.rawValue == alarm }),
                    try await !tx.query(BudgetQueries.clear(tenant: scope.id, objective: objective, alarm: alarm)).isEmpty
                else { continue }
                commands.append(
                    platform.incidentCommand(
                        "clear", alarm, ["objective": objective], text: Budgeting.over(alarm), scope: scope,
                        key: "\(objective)/\(now.microseconds)", at: now))
            }
            for command in commands { _ = try await tx.query(CommandQueries.insert(command)) }
            return commands.count
        }
        if told > 0 { desk.nudge(lane: scope.lane) }
        return wanted.map(\.alarm)
    }

    private static func over(_ alarm: String) -> String {
        alarm == BudgetAlarm.spent.rawValue
            ? "A new period has begun, or the cases since then brought the share back."
            : "The budget no longer burns at this pace."
    }

    /// What a person needs first, and what the fingerprint needs.
    static func facts(_ budget: ObjectiveBudget, _ alarm: BudgetAlarm) -> [String: String] {
        let reading = budget.reading
        var facts = [
            "objective": budget.objective.name, "atLeast": budget.share.text,
            "n": "\(reading.budget.counts.total)", "bad": "\(reading.budget.counts.bad)",
            "spent": "\(ExactDecimal(mantissa: Int128(reading.budget.spentPermille), scale: 1)) %",
        ]
        if let judged = reading.firing(alarm) {
            facts["pair"] = judged.pair.name
            facts["burn"] = ExactDecimal(mantissa: Int128(judged.longBurn), scale: 2).description
            facts["judgedBy"] = judged.isBySlices ? "slices of time" : "cases"
        }
        if let end = reading.usedUpAt { facts["usedUpAt"] = end.text(fraction: 0) }
        return facts
    }

    /// The budgets of the contract in force, in the order of the contract; empty when it has none.
    package func budgets(of tenant: TenantID) async throws -> [ObjectiveBudget] {
        let now = platform.clock.now
        guard let (contract, calendar) = try await assets.promise(to: tenant, at: now) else { return [] }
        let shared = contract.objectives.filter { $0.share != nil }
        guard !shared.isEmpty else { return [] }
        let zone = try Measuring.months(of: contract, calendar: calendar)
        let local = zone.localTime(at: now).date
        guard let first = CivilDate(year: local.year, month: local.month, day: 1) else { return [] }
        let period = Availability.month(first, in: zone)
        let recent = Moment(seconds: MinuteCount.minute(of: now.adding(seconds: -BudgetReading.lookbackSeconds)))
        let rows = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                BudgetQueries.minutes(tenant: tenant, since: Moment(seconds: period.start), recent: recent)
            ).map { row in
                (
                    objective: try row.get("objective", as: String.self),
                    count: MinuteCount(
                        minute: try row.get("starts", as: Moment.self).seconds,
                        counts: CaseCounts(good: try row.get("good", as: Int64.self), bad: try row.get("bad", as: Int64.self)))
                )
            }
        }
        return shared.compactMap { objective in
            objective.share.map { share in
                let minutes = rows.filter { $0.objective == objective.name }.map(\.count)
                return ObjectiveBudget(
                    contract: contract, objective: objective, share: share, zone: zone.identifier, firstDay: first,
                    minutes: minutes,
                    reading: BudgetReading(share: share, period: period, minutes: minutes, asOf: now))
            }
        }
    }

    /// Removes counts that no period and no report asks about.
    func trim(_ tenant: TenantID) async throws {
        let before = platform.clock.now.adding(seconds: -Budgeting.keptDays * 86_400)
        _ = try await platform.store.withTenant(tenant) { tx in
            try await tx.execute(BudgetQueries.trim(tenant: tenant, before: before))
        }
    }
}

extension Platform {
    /// A command that raises or clears an incident, for a transaction that decides so.
    func incidentCommand(
        _ deed: String, _ alert: String, _ facts: [String: String], text: String? = nil, scope: ScopeRow, key: String,
        at now: Moment
    ) -> CommandRow {
        let members = facts.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue.string($0.value)) }
        return CommandRow(
            tenant: scope.id, id: newID(), lane: scope.lane, idempotencyKey: "incident.\(deed)/\(alert)/\(key)",
            kind: "incident.\(deed)",
            payload: .object([
                "alert": .string(alert), "facts": .object(JSONObject(members)), "text": text.map(JSONValue.string),
            ]), createdAt: now)
    }
}
