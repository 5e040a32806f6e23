internal import Incidents
internal import Kernel
internal import Logging
internal import Postgres
package import Records
internal import Telemetry
internal import Tenancy

/// The bounds and paces of keeping; every number has its reason beside it.
package struct KeepingSettings: Sendable {
    /// Months that are there before they begin: enough for a quarter in which nobody looks.
    package var monthsAhead = 3
    /// Months taken away in one look, each in a transaction of its own.
    package var monthsPerLook = 2
    /// Runs whose lines are removed in one transaction, and transactions of one tenant in one look.
    package var runsPerBatch = 200
    package var batchesPerLook = 20
    /// Where only a straggler keeps a month, the lines of its other runs go one by one after so many months more.
    package var stragglerMonths = 2
    /// Lines of the feed in one transaction.
    package var feedBatch = 5000
    /// Records of other kinds in one transaction.
    package var recordBatch = 500
    /// How long a sign-in or its link is remembered after its end: long enough to look into what somebody did with it.
    package var signInDays = 90
    /// Lines outside all months that one look counts and places.
    package var unplacedMax = 100_000
    /// How long everybody may have to wait for a month that is taken away; a later look tries again.
    package var lockTimeoutMilliseconds = 200
    /// A month's lines are counted before it goes.
    package var statementTimeoutMilliseconds = 600_000
    /// Between two looks, and after one that had to leave something.
    package var pauseSeconds: Int64 = 3600
    package var shortPauseSeconds: Int64 = 30

    package init() {}
}

/// Sees to it that history has its months, and that it goes when its time is over: whole months at once, and the lines of single
/// runs where a tenant keeps less than others.
///
/// A month goes when every tenant's runs of it have ended and are past that tenant's term, no legal hold covers one of them, and
/// the audit entries about them are in a checkpoint that has left the database. Each step is a transaction of its own under an
/// advisory lock, so several servers may look at once and a stop at any instant leaves nothing half done.
package struct Keeping: Sendable {
    package let settings: KeepingSettings
    private let platform: Platform
    private let scopes: ScopeDirectory
    private let assets: AssetLibrary
    private let alerting: Alerting?

    /// Without `alerting` trouble is told in the report only.
    package init(
        platform: Platform, scopes: ScopeDirectory, assets: AssetLibrary, alerting: Alerting?,
        settings: KeepingSettings = KeepingSettings()
    ) {
        self.platform = platform
        self.scopes = scopes
        self.assets = assets
        self.alerting = alerting
        self.settings = settings
    }

    /// Runs until cancelled.
    package func run() async {
        var hasMore = false
        await platform.rounds(.retention, failure: "history was not seen to") {
            hasMore = try await look().hasMore
            return false
        } rest: { isWell in
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .seconds(isWell && !hasMore ? settings.pauseSeconds : settings.shortPauseSeconds))
        }
    }

    /// What one look did.
    package struct Outcome: Sendable, Equatable {
        package var made: [HistoryMonth] = []
        package var dropped: [HistoryMonth] = []
        package var linesRemoved = 0
        package var feedLinesRemoved = 0
        /// Records of other kinds: sign-ins, comparisons, operations, acts under guardrails.
        package var recordsRemoved = 0
        /// Answers kept for repetitions of their request.
        package var answersRemoved = 0
        /// Lines found outside all months, most of which have theirs by now.
        package var unplaced = 0
        /// Something was left for a soon look: a lock not got, or more than one look does.
        package var hasMore = false
    }

    /// All that is due.
    package func look() async throws -> Outcome {
        var outcome = Outcome()
        try await make(&outcome)
        let terms = try await terms()
        let plan = try await plan(terms)
        for month in plan.months.filter(\.isDue).prefix(settings.monthsPerLook) {
            if try await drop(month.month, terms) { outcome.dropped.append(month.month) } else { outcome.hasMore = true }
        }
        if plan.months.count(where: \.isDue) > settings.monthsPerLook { outcome.hasMore = true }
        for term in terms.tenants { try await removeLines(term, terms, &outcome) }
        for scope in terms.scopes { try await forgetAnswers(scope, &outcome) }
        for scope in terms.scopes {
            try await trimFeed(scope, days: terms.feedDays, &outcome)
            try await forget(scope, months: terms.months(of: scope.id), &outcome)
        }
        note(outcome, plan)
        if outcome.unplaced > 0, let alerting, let scope = terms.scopes.first(where: { $0.kind == "operator" }) {
            let day = platform.clock.now.seconds / 86_400
            try await alerting.raise(
                "history-unplaced", facts: ["lines": "\(outcome.unplaced)"], scope: scope, key: "\(scope.slug)/\(day)")
        }
        return outcome
    }

    private func note(_ outcome: Outcome, _ plan: KeepingPlan) {
        let metrics = platform.metrics
        metrics.gauge("countersign_history_months", "Months of history in the database.").set(
            Double(plan.months.count - outcome.dropped.count))
        metrics.gauge("countersign_history_unplaced_lines", "Lines of history that were found outside all months.").set(
            Double(outcome.unplaced))
        metrics.gauge("countersign_history_months_due", "Months of history that are past their time and still there.").set(
            Double(plan.months.count(where: \.isDue) - outcome.dropped.count))
        metrics.counter("countersign_history_months_dropped_total", "Months of history taken away.").add(
            Double(outcome.dropped.count))
        metrics.counter("countersign_history_lines_removed_total", "Lines of history removed run by run.").add(
            Double(outcome.linesRemoved))
        metrics.counter("countersign_feed_lines_removed_total", "Lines of the live feed removed.").add(
            Double(outcome.feedLinesRemoved))
        metrics.counter("countersign_idempotency_removed_total", "Answers kept for repetitions that were removed.").add(
            Double(outcome.answersRemoved))
        metrics.counter("countersign_retention_records_removed_total", "Records removed besides history and feed.").add(
            Double(outcome.recordsRemoved))
    }

    // MARK: Months to come

    private func make(_ outcome: inout Outcome) async throws {
        let first = HistoryMonth(of: platform.clock.now)
        let last = first.adding(months: settings.monthsAhead)
        let (known, unplaced) = try await stock()
        outcome.unplaced = unplaced.reduce(0) { $0 + $1.lines }
        var wanted = Set((0...settings.monthsAhead).map { first.adding(months: $0) })
        // What bears a time that can be gets its month; the rest stays where it is and is told of.
        for place in unplaced where place.month <= last && place.month.year >= KeepingPlan.yearMin { wanted.insert(place.month) }
        for month in wanted.subtracting(known.map(\.month)).sorted() {
            let made = try await alone("making the month \(month) of history") { tx in
                try await tx.query(KeepingQueries.make(month)).only().get("made", as: Bool.self)
            }
            if made == true { outcome.made.append(month) } else { outcome.hasMore = true }
        }
    }

    private func stock() async throws -> (months: [StoredMonth], unplaced: [(month: HistoryMonth, lines: Int)]) {
        let read = try await platform.store.withKeeper { [settings] tx in
            try await tx.pipeline([KeepingQueries.months(), KeepingQueries.unplaced(limit: settings.unplacedMax)])
        }
        return (
            try read[0].map(StoredMonth.init),
            try read[1].map {
                (HistoryMonth(of: try $0.get("starts", as: Moment.self)), Int(try $0.get("lines", as: Int64.self)))
            }
        )
    }

    /// A change of the tables, when no other server is at it and the locks are to be had at once; nil otherwise.
    private func alone<Value: Sendable>(
        _ what: String, _ body: @Sendable (Transaction) async throws -> Value?
    ) async throws -> Value? {
        do {
            let options = TransactionOptions(statementTimeoutMilliseconds: settings.statementTimeoutMilliseconds)
            return try await platform.store.withSchema(options: options) { [settings] tx in
                let lead = try await tx.pipeline([
                    KeepingQueries.hurry(milliseconds: settings.lockTimeoutMilliseconds), KeepingQueries.lead(),
                ])
                guard try lead[1].only().get("is_leader", as: Bool.self) else { return nil }
                return try await body(tx)
            }
        } catch let fault as Fault where fault.isRetryable {
            platform.logger.debug("put off", metadata: ["what": "\(what)", "cause": "\(fault)"])
            return nil
        }
    }

    // MARK: Months that are over

    private func drop(_ month: HistoryMonth, _ terms: KeepingTerms) async throws -> Bool {
        let now = platform.clock.now
        let isGone = try await alone("taking the month \(month) of history away") { [platform] tx -> Bool? in
            _ = try await tx.query(KeepingQueries.become())
            guard try await Keeping.obstacles(month, terms, now: now, tx).isEmpty else { return nil }
            let contents = try await tx.query(KeepingQueries.contents(month))
            // Of a tenant that was not asked about, nobody knows what has to stay.
            let asked = Set(terms.tenants.map(\.tenant))
            guard try contents.allSatisfy({ asked.contains(try $0.get("tenant_id", as: TenantID.self)) }) else { return nil }
            let entries = try contents.map { row in
                let tenant = try row.get("tenant_id", as: TenantID.self)
                return AuditRow(
                    tenant: tenant, id: platform.newID(), lane: terms.lane(of: tenant), at: now, actorKind: "system",
                    actor: "keeping", action: "history.removed", objectType: "month", objectID: month.description, run: nil,
                    content: [
                        "month": .string(month.description), "runs": JSONValue(try row.get("runs", as: Int64.self)),
                        "lines": JSONValue(try row.get("lines", as: Int64.self)), "by": "month",
                        "keptMonths": JSONValue(terms.months(of: tenant)),
                    ])
            }
            if !entries.isEmpty { _ = try await tx.query(AuditQueries.insert(entries)) }
            let done = try await tx.pipeline([KeepingQueries.own(), KeepingQueries.drop(month)])
            return try done[1].only().get("dropped", as: Bool.self)
        }
        return isGone == true
    }

    /// What keeps a month: tenants and their reasons; empty when it can go. Cheap questions are asked first.
    private static func obstacles(
        _ month: HistoryMonth, _ terms: KeepingTerms, now: Moment, _ tx: Transaction
    ) async throws -> [KeepingPlan.Obstacle] {
        guard month.ends < now else { return [KeepingPlan.Obstacle(tenant: nil, reason: .current)] }
        let rows = try await tx.query(KeepingQueries.obstacles(month, terms.tenants, now: now)).map(MonthObstacles.init)
        guard rows.isEmpty else {
            return rows.flatMap { row in
                [
                    row.isUnfinished ? KeepingPlan.Reason.unfinished : nil, row.isRecent ? .recent : nil,
                    row.isHeld ? .held : nil,
                ].compactMap(\.self).map { KeepingPlan.Obstacle(tenant: row.tenant, reason: $0) }
            }
        }
        return try await tx.query(KeepingQueries.unsealed(month, tenants: terms.tenants.map(\.tenant))).map {
            KeepingPlan.Obstacle(tenant: try $0.get("tenant_id", as: TenantID.self), reason: .unsealed)
        }
    }

    /// What there is, and what a look would do about it. Changes nothing.
    package func plan() async throws -> KeepingPlan { try await plan(try await terms()) }

    private func plan(_ terms: KeepingTerms) async throws -> KeepingPlan {
        let now = platform.clock.now
        let (stored, unplaced) = try await stock()
        return try await platform.store.withKeeper { tx in
            var plan = KeepingPlan(at: now, unplaced: unplaced.reduce(0) { $0 + $1.lines }, feedDays: terms.feedDays)
            for month in stored {
                let obstacles = try await Keeping.obstacles(month.month, terms, now: now, tx)
                plan.months.append(
                    KeepingPlan.Month(month: month.month, lines: max(0, month.lines), bytes: month.bytes, obstacles: obstacles))
            }
            for term in terms.tenants {
                plan.tenants.append((slug: terms.slug(of: term.tenant), id: term.tenant, months: term.months))
            }
            return plan
        }
    }

    // MARK: Single runs

    /// Removes the lines of a tenant's runs that are past its term, where a month does not take them along.
    private func removeLines(_ term: KeepingTerm, _ terms: KeepingTerms, _ outcome: inout Outcome) async throws {
        let now = platform.clock.now
        let months = term.months < terms.longest ? term.months : term.months + settings.stragglerMonths
        for _ in 0..<settings.batchesPerLook {
            let batch = try await platform.store.withKeeper { [settings, platform] tx -> (lines: Int, isFull: Bool)? in
                guard try await tx.query(KeepingQueries.lead()).only().get("is_leader", as: Bool.self) else { return nil }
                let due = try await tx.query(
                    KeepingQueries.due(tenant: term.tenant, months: months, now: now, limit: settings.runsPerBatch)
                ).map(DueRun.init)
                // What is not sealed yet is so in a moment, and those after it wait for it.
                let settled = due.prefix { $0.isHeld || $0.isSealed }
                guard let last = settled.last else { return (0, false) }
                let gone = settled.filter { !$0.isHeld }.map(\.id)
                let removed = try await tx.query(KeepingQueries.removeLines(tenant: term.tenant, runs: gone)).affected
                var statements = [KeepingQueries.mark(tenant: term.tenant, finishedAt: last.finishedAt, run: last.id)]
                if removed > 0 {
                    statements.append(
                        AuditQueries.insert([
                            AuditRow(
                                tenant: term.tenant, id: platform.newID(), lane: terms.lane(of: term.tenant), at: now,
                                actorKind: "system", actor: "keeping", action: "history.removed", objectType: "runs",
                                objectID: last.id.text, run: nil,
                                content: [
                                    "runs": JSONValue(gone.count), "lines": JSONValue(removed), "by": "run",
                                    "endedUntil": JSONValue(last.finishedAt), "keptMonths": JSONValue(term.months),
                                ])
                        ]))
                }
                _ = try await tx.pipeline(statements)
                return (removed, due.count == settings.runsPerBatch)
            }
            guard let batch else { break }
            outcome.linesRemoved += batch.lines
            guard batch.isFull else { return }
        }
        outcome.hasMore = true
    }

    private func trimFeed(_ scope: ScopeRow, days: Int, _ outcome: inout Outcome) async throws {
        let before = platform.clock.now.adding(seconds: -Int64(days) * 86_400)
        for _ in 0..<settings.batchesPerLook {
            let removed = try await platform.store.withKeeper { [settings] tx in
                try await tx.execute(KeepingQueries.trimFeed(tenant: scope.id, before: before, limit: settings.feedBatch))
            }
            outcome.feedLinesRemoved += removed
            guard removed == settings.feedBatch else { return }
        }
        outcome.hasMore = true
    }

    /// Takes away answers that are kept for repetitions no longer. They are a convenience of a day and no record, so the audit
    /// log says nothing of them, and several servers may be at it at once.
    private func forgetAnswers(_ scope: ScopeRow, _ outcome: inout Outcome) async throws {
        let before = platform.clock.now.adding(seconds: -Idempotency.keptSeconds)
        for _ in 0..<settings.batchesPerLook {
            let removed = try await platform.store.withKeeper { [settings] tx in
                try await tx.execute(
                    KeepingQueries.forgetAnswers(tenant: scope.id, before: before, limit: settings.recordBatch))
            }
            outcome.answersRemoved += removed
            guard removed == settings.recordBatch else { return }
        }
        outcome.hasMore = true
    }

    /// Takes away what names people or their work and is past its time. The audit log keeps the word of it, and how much it was.
    private func forget(_ scope: ScopeRow, months: Int, _ outcome: inout Outcome) async throws {
        let now = platform.clock.now
        let kept = HistoryMonth(of: now).adding(months: -months).starts
        let signIns = now.adding(seconds: -Int64(settings.signInDays) * 86_400)
        let unread = now.adding(seconds: -Int64(StatusSubscriptionBounds.forgetDays) * 86_400)
        let limit = settings.recordBatch
        let kinds: [(name: String, sql: SQL)] = [
            ("sessions", KeepingQueries.forgetSessions(tenant: scope.id, before: signIns, limit: limit)),
            ("signInLinks", KeepingQueries.forgetLinks(tenant: scope.id, before: signIns, limit: limit)),
            ("comparisons", KeepingQueries.forgetComparisons(tenant: scope.id, before: kept, limit: limit)),
            ("operations", KeepingQueries.forgetOperations(tenant: scope.id, before: kept, limit: limit)),
            ("guardedActs", KeepingQueries.forgetActs(tenant: scope.id, before: kept, limit: limit)),
            ("statusDeliveries", KeepingQueries.forgetDeliveries(tenant: scope.id, before: kept, limit: limit)),
            ("statusSubscribers", KeepingQueries.forgetSubscribers(tenant: scope.id, now: now, before: unread, limit: limit)),
        ]
        for _ in 0..<settings.batchesPerLook {
            let removed = try await platform.store.withKeeper { [platform] tx -> [Int] in
                guard try await tx.query(KeepingQueries.lead()).only().get("is_leader", as: Bool.self) else { return [] }
                let removed = try await tx.pipeline(kinds.map(\.sql)).map(\.affected)
                guard removed.contains(where: { $0 > 0 }) else { return removed }
                var content: JSONObject = ["by": "record", "keptMonths": JSONValue(months)]
                for (kind, count) in zip(kinds, removed) where count > 0 { content[kind.name] = JSONValue(count) }
                _ = try await tx.query(
                    AuditQueries.insert([
                        AuditRow(
                            tenant: scope.id, id: platform.newID(), lane: scope.lane, at: now, actorKind: "system",
                            actor: "keeping", action: "records.removed", objectType: "records", objectID: now.description,
                            run: nil, content: .object(content))
                    ]))
                return removed
            }
            outcome.recordsRemoved += removed.reduce(0, +)
            guard removed.contains(limit) else { return }
        }
        outcome.hasMore = true
    }

    // MARK: Terms

    /// The terms of all tenants, as published now.
    private func terms() async throws -> KeepingTerms {
        let scopes = try await scopes.all()
        var own = RetentionTerms()
        if let top = scopes.first(where: { $0.kind == "operator" }) {
            own = RetentionTerms(try await assets.current(for: top.id).all("operator").first?.content["retention"])
        }
        var terms = KeepingTerms(scopes: scopes, feedDays: own.feedDays)
        for scope in scopes where scope.kind == "tenant" {
            let document = try await assets.current(for: scope.id).tenant
            // Nobody's word about a tenant keeps everything of it.
            let months = document.map(own.months) ?? RetentionTerms.historyMonthsRange.upperBound
            terms.tenants.append(KeepingTerm(tenant: scope.id, months: months))
        }
        return terms
    }
}

/// How long everybody's history is kept.
private struct KeepingTerms: Sendable {
    let scopes: [ScopeRow]
    var tenants: [KeepingTerm] = []
    var feedDays = RetentionTerms().feedDays

    init(scopes: [ScopeRow], feedDays: Int = RetentionTerms().feedDays) {
        self.scopes = scopes
        self.feedDays = feedDays
    }

    var longest: Int { tenants.map(\.months).max() ?? RetentionTerms.historyMonthsRange.upperBound }

    func months(of tenant: TenantID) -> Int { tenants.first { $0.tenant == tenant }?.months ?? longest }
    func lane(of tenant: TenantID) -> Int32 { scopes.first { $0.id == tenant }?.lane ?? 0 }
    func slug(of tenant: TenantID) -> String { scopes.first { $0.id == tenant }?.slug ?? tenant.text }
}
