package import Kernel
internal import Postgres
package import Records
internal import Workflows

/// What an operation would do to each run and each dead letter, and how far operations are.
extension Operating {
    /// One item as the preview finds it.
    struct Found: Sendable {
        struct Obstacle: Sendable {
            let reason: String
            let message: String
            let step: String

            var json: JSONValue {
                ["reason": .string(reason), "message": .string(message), "step": .string(step)]
            }

            init(_ refusal: Refusal) {
                reason = refusal.reason
                message = refusal.message
                step = refusal.facts["step"] ?? ""
            }
        }

        let run: RunID?
        let task: TaskID?
        let subject: String
        let counterparty: String
        let amount: Money?
        var risk = "standard"
        /// What the object stood at; part of what the confirmation is bound to.
        let stands: String
        var obstacle: Obstacle?
        /// What will happen, in a sentence.
        var effect = ""
        var payload: JSONValue = [:]
        var needsSecond = false
    }

    // MARK: Runs

    func runs(_ request: Request, _ scope: ScopeRow) async throws -> [Found] {
        let rows = try await platform.store.withTenant(scope.id) { tx -> [RunRow] in
            let ids = try await tx.query(
                OperationQueries.runs(tenant: scope.id, request.runs, limit: Operating.itemsMax + 1)
            ).map { try $0.get("id", as: RunID.self) }
            guard ids.count <= Operating.itemsMax else { throw Operating.tooMany }
            let rows = try await tx.query(RunQueries.rows(tenant: scope.id, ids: ids)).map(RunRow.init)
            return rows.sorted { ($0.startedAt, $0.id.text) < ($1.startedAt, $1.id.text) }
        }
        if let ids = request.runs.ids, Set(ids).count != rows.count {
            throw Refusal(
                .notFound, reason: "not-found", "\(Set(ids).count - rows.count) of the runs named are not here.",
                facts: ["field": "select/ids"])
        }
        let target = request.kind == .migrate ? try await Target(request, rows, self, scope) : nil
        var found: [Found] = []
        for row in rows { found.append(try await look(at: row, request, target)) }
        // A mapping that fits none of them is a slip of the pen, and no property of the runs.
        if let first = found.first?.obstacle, found.allSatisfy({ $0.obstacle?.reason == "migration.mapping" }) {
            throw Refusal(.unprocessable, reason: first.reason, first.message, facts: ["field": "mapping"])
        }
        return found
    }

    /// The version that runs shall go over to.
    private final class Target {
        /// A candidate takes open runs when its rollout lets it take new ones: that step has a permission and people of its own.
        private static func requireTrust(
            in version: String, of name: String, _ operating: Operating, _ scope: ScopeRow
        ) async throws {
            let stages = try await operating.platform.store.withTenant(scope.id) { tx in
                try await tx.query(RolloutQueries.all(tenant: scope.id)).map(RolloutRow.init)
                    .filter { sameBytes($0.workflow, name) && sameBytes($0.version, version) }.map(\.stage)
            }
            guard stages.contains(where: { ["pilot", "live"].contains($0) }) else {
                throw Refusal(
                    .unprocessable, reason: "operation.candidate",
                    "Version \(version) of \(name) is a candidate that takes no new runs now, so open ones do not go over to it.",
                    facts: ["field": "version", "stage": stages.first ?? "none"])
            }
        }

        let row: AssetRow
        let tenant: TenantAssets
        var migrations: [AssetID: RunMigration] = [:]
        let mapping: [String: String]

        init(_ request: Request, _ rows: [RunRow], _ operating: Operating, _ scope: ScopeRow) async throws {
            let names = Set(rows.map(\.workflow))
            guard names.count <= 1, let name = request.runs.workflow ?? names.first else {
                throw Refusal(
                    .unprocessable, reason: "operation.workflow",
                    "The runs are of several workflows; choose those of one.", facts: ["field": "select/workflow"])
            }
            let version = request.version ?? ""
            let published = try await operating.assets.version("workflow", name, version, for: scope.id)
            let row: AssetRow
            if let published {
                row = published
            } else if let tried = try await operating.assets.version("candidate", name, version, for: scope.id) {
                try await Target.requireTrust(in: version, of: name, operating, scope)
                row = tried
            } else {
                throw Refusal(
                    .unprocessable, reason: "operation.version", "The workflow \(name) has no version \(version) here.",
                    facts: ["field": "version"])
            }
            self.row = row
            tenant = try await operating.assets.current(for: scope.id)
            mapping = request.mapping
        }
    }

    private func look(at row: RunRow, _ request: Request, _ target: Target?) async throws -> Found {
        var found = Found(
            run: row.id, task: nil, subject: row.subject, counterparty: row.counterparty, amount: row.amount,
            stands: "\(row.workflowVersion)#\(row.historyCount)")
        do {
            let pinned = try Operating.pins(of: row)
            let context = try await context(pinned)
            let state = try RunState(json: row.state)
            found.needsSecond = context.environment.definition.secondPerson.contains(request.kind.rawValue)
            found.risk = Operating.risk(of: state)
            if let target {
                try await consider(migration: row, state, pinned, context, target, &found)
            } else {
                try consider(request, state, context, &found)
            }
        } catch let refusal as Refusal {
            found.obstacle = Found.Obstacle(refusal)
        }
        return found
    }

    private static let held = Refusal(
        .unavailable, reason: "run.held", "The run is held, because what it is pinned to cannot be read.")

    /// A held run tells its cause itself.
    private static func pins(of row: RunRow) throws -> PinnedAssets {
        guard row.phase != LaneBatch.heldPhase else { throw held }
        do {
            return try PinnedAssets(json: row.pinned)
        } catch is Fault {
            throw held
        }
    }

    private func context(_ pinned: PinnedAssets) async throws -> RunContext {
        do {
            return try await assets.context(for: pinned)
        } catch let fault as Fault where !fault.isRetryable {
            throw Operating.held
        }
    }

    /// The engine itself is asked, on a copy of the run that is thrown away.
    private func consider(
        _ request: Request, _ state: RunState, _ context: RunContext, _ found: inout Found
    ) throws(Refusal) {
        let nobody = PersonID(high: 0, low: 0)
        let event: RunEvent =
            switch request.kind {
            case .pause: .paused(by: nobody, reason: request.reason ?? "")
            case .resume: .resumed(by: nobody)
            case .cancel, .migrate, .retry, .discard: .cancelled(by: nobody, reason: request.reason ?? "")
            }
        let signed = RunMachine.openRequests(for: state).reduce(0) {
            $0 + RunMachine.signatures(for: state, key: $1.key).count
        }
        var trial = RunMachine(state)
        let actions = try trial.handle(event, at: platform.clock.now, in: context.environment)
        let withdrawn = actions.count { if case .withdraw = $0 { true } else { false } }
        switch request.kind {
        case .cancel:
            found.effect = "Ends here; \(withdrawn) open, \(signed) signatures lost."
        case .pause: found.effect = "Takes no step until somebody lets it go on."
        case .resume, .migrate, .retry, .discard: found.effect = "Goes on, with all that came meanwhile."
        }
    }

    private func consider(
        migration row: RunRow, _ state: RunState, _ pinned: PinnedAssets, _ context: RunContext, _ target: Target,
        _ found: inout Found
    ) async throws {
        let goal = try assets.pins(moving: pinned, to: target.row, in: target.tenant)
        guard goal != pinned else {
            throw Refusal(.conflict, reason: "migration.same", "The run goes by these versions already.")
        }
        let there = try await self.context(goal)
        let migration: RunMigration
        if let known = target.migrations[pinned.workflow.asset] {
            migration = known
        } else {
            migration = try RunMigration(
                from: context.environment.definition, to: there.environment.definition, mapping: target.mapping)
            target.migrations[pinned.workflow.asset] = migration
        }
        let obstacles = migration.obstacles(to: state)
        if let first = obstacles.first {
            let more = obstacles.count > 1 ? " (and \(obstacles.count - 1) more)" : ""
            throw Refusal(.conflict, reason: first.reason, first.message + more, facts: ["step": first.step])
        }
        let places = migration.waitingSteps(of: state).joined(separator: ", ")
        found.effect = "Goes on at \(places) by version \(there.environment.definition.version)."
        found.payload = ["pins": goal.json, "mapping": Operating.json(target.mapping)]
    }

    /// A write that is under way weighs most; otherwise what people are asked says how it is.
    private static func risk(of state: RunState) -> String {
        if RunMachine.tasks(for: state).contains(where: { $0.kind.isWrite }) { return "writing" }
        return RunMachine.openRequests(for: state).first?.riskClass ?? "standard"
    }

    // MARK: Dead letters

    func letters(_ request: Request, _ scope: ScopeRow) async throws -> [Found] {
        let rows = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(
                TaskQueries.dead(tenant: scope.id, request.letters, before: nil, limit: Operating.itemsMax + 1)
            ).map(TaskRow.init)
        }
        guard rows.count <= Operating.itemsMax else { throw Operating.tooMany }
        let ids = Set(rows.compactMap(\.run))
        let runs = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(RunQueries.rows(tenant: scope.id, ids: Array(ids))).map(RunRow.init)
        }
        let byID = Dictionary(runs.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var found: [Found] = []
        // Oldest first: that is the order in which they are sent again.
        for row in rows.reversed() { found.append(try await letter(row, byID, request.kind)) }
        return found
    }

    private func letter(_ row: TaskRow, _ runs: [RunID: RunRow], _ kind: Kind) async throws -> Found {
        let run = row.run.flatMap { runs[$0] }
        var found = Found(
            run: row.run, task: row.id, subject: run?.subject ?? row.title, counterparty: run?.counterparty ?? "",
            amount: run?.amount, risk: row.kind == WorkRequest.Kind.erpWrite.rawValue ? "writing" : "standard",
            stands: "\(row.attemptsUsed)#\(row.updatedAt.microseconds)",
            effect: kind == .retry
                ? "\(row.title): tried again, attempts counted anew; a write begins with a search."
                : "\(row.title): given up, and its step fails.")
        guard let run else { return found }
        do {
            let pinned = try Operating.pins(of: run)
            let context = try await context(pinned)
            found.needsSecond = context.environment.definition.secondPerson.contains(kind.rawValue)
            guard kind == .retry else { return found }
            var trial = RunMachine(try RunState(json: run.state))
            let nobody = PersonID(high: 0, low: 0)
            _ = try trial.handle(.retried(key: row.key, by: nobody), at: platform.clock.now, in: context.environment)
        } catch let refusal as Refusal {
            found.obstacle = Found.Obstacle(refusal)
        }
        return found
    }

    // MARK: The whole

    /// Counts by risk and obstacle, amounts at stake, and some examples of both sides.
    static func summary(_ found: [Found]) -> JSONValue {
        func counted(_ name: String, _ words: [String]) -> JSONValue {
            let counts = Dictionary(words.map { ($0, 1) }, uniquingKeysWith: +)
            return .array(
                counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map {
                    [name: .string($0.key), "count": JSONValue($0.value)]
                })
        }
        let possible = found.filter { $0.obstacle == nil }
        let left = found.filter { $0.obstacle != nil }
        var sums: [Currency: (minor: Int64, count: Int)] = [:]
        // At most a thousand amounts of at most 10^15 each.
        for amount in possible.compactMap(\.amount) {
            let known = sums[amount.currency] ?? (0, 0)
            sums[amount.currency] = (known.minor + amount.minorUnits, known.count + 1)
        }
        func example(_ one: Found) -> JSONValue {
            .object([
                "run": one.run.map { JSONValue($0) }, "task": one.task.map { JSONValue($0) }, "subject": .string(one.subject),
                "counterparty": .string(one.counterparty), "risk": .string(one.risk),
                "effect": one.obstacle == nil ? .string(one.effect) : nil, "obstacle": one.obstacle?.json,
            ])
        }
        return [
            "total": JSONValue(found.count), "possible": JSONValue(possible.count), "left": JSONValue(left.count),
            "risks": counted("risk", possible.map(\.risk)),
            "obstacles": counted("reason", left.compactMap { $0.obstacle?.reason }),
            "amounts": .array(
                sums.sorted { $0.key.code < $1.key.code }.map { currency, sum in
                    [
                        "amount": .string(ExactDecimal(mantissa: Int128(sum.minor), scale: currency.minorDigits).description),
                        "currency": .string(currency.code), "count": JSONValue(sum.count),
                    ]
                }),
            "examples": .array((possible.prefix(examplesMax) + left.prefix(examplesMax)).map(example)),
        ]
    }

    /// How far an operation is.
    package struct Progress: Sendable, Equatable {
        package let total: Int
        /// Left alone, as the preview said.
        package let left: Int
        package let done: Int
        package let refused: Int

        package init(total: Int = 0, left: Int = 0, done: Int = 0, refused: Int = 0) {
            self.total = total
            self.left = left
            self.done = done
            self.refused = refused
        }

        package var waiting: Int { total - left - done - refused }
    }

    package func find(_ id: OperationID, scope: ScopeRow) async throws -> OperationRow {
        let row = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(OperationQueries.find(tenant: scope.id, id: id)).first.map(OperationRow.init)
        }
        guard let row else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
        return row
    }

    package func page(
        _ tenant: TenantID, kinds: [Kind], before: (Moment, OperationID)?, limit: Int
    ) async throws -> [OperationRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                OperationQueries.page(
                    tenant: tenant, kinds: kinds.map(\.rawValue), before: before, limit: min(limit, Looking.pageMax))
            ).map(OperationRow.init)
        }
    }

    package func progress(_ tenant: TenantID, of ids: [OperationID]) async throws -> [OperationID: Progress] {
        try await platform.store.withTenant(tenant) { tx in
            var out: [OperationID: Progress] = [:]
            for row in try await tx.query(OperationQueries.progress(tenant: tenant, operations: ids)) {
                func count(_ name: String) throws -> Int { Int(try row.get(name, as: Int64.self)) }
                out[try row.get("operation_id", as: OperationID.self)] = Progress(
                    total: try count("total"), left: try count("left_out"), done: try count("done"),
                    refused: try count("refused"))
            }
            return out
        }
    }

    package func items(
        _ tenant: TenantID, _ id: OperationID, state: String? = nil, after: Int32 = -1, limit: Int
    ) async throws -> [OperationItemRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                OperationQueries.items(
                    tenant: tenant, operation: id, state: state, after: after, limit: min(limit, Looking.pageMax))
            ).map(OperationItemRow.init)
        }
    }
}
