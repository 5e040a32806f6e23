import Evidence
import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing

@testable import Flow

/// A house whose time goes by in months, and its keeper.
private struct Years: Sendable {
    let stage: Stage
    let database: TestDatabase

    func keeping(_ change: (inout KeepingSettings) -> Void = { _ in }) async -> Keeping {
        let house = await stage.house
        var settings = KeepingSettings()
        change(&settings)
        return Keeping(
            platform: house.platform, scopes: house.scopes, assets: house.assets, alerting: house.alerting, settings: settings)
    }

    func move(months: Int) {
        stage.move(to: HistoryMonth(of: stage.now).adding(months: months).starts.adding(seconds: 13 * 86_400))
    }

    /// Everything that is written so far is in a checkpoint that has left the database.
    func seal() async throws {
        let (house, lane) = (await stage.house, await stage.lane)
        var settings = SealingSettings()
        settings.checkpointSeconds = 0
        let sealing = Sealing(
            platform: house.platform, scopes: house.scopes, alerting: house.alerting, signing: SigningRing(.ephemeral()),
            sinks: [],
            settings: settings)
        let isSealed = try await eventually {
            _ = try await sealing.look(lane: lane)
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            let left = try await admin.query(
                """
                SELECT count(*) FROM audit_entry a
                WHERE a.tenant_id IN (SELECT tenant_id FROM scope WHERE lane = \(lane)) AND NOT EXISTS (SELECT FROM audit_seal s
                    WHERE s.tenant_id = a.tenant_id AND s.entry_id = a.id
                      AND s.seq < (SELECT max(size) FROM audit_checkpoint c
                        WHERE c.tenant_id = a.tenant_id AND c.published_at IS NOT NULL))
                """
            ).only().get(0, as: Int64.self)
            await admin.close()
            stage.move(seconds: 1)
            return left == 0
        }
        #expect(isSealed, "the sealer comes to rest")
    }

    func month(_ text: String, in plan: KeepingPlan) throws -> KeepingPlan.Month {
        try #require(plan.months.first { $0.month.description == text }, "\(plan.months.map(\.month))")
    }

    /// Publishes a tenant's file with a term of its own.
    /// A session and a link that have run out, and of each run an operation and an act under guardrails.
    func leaveRecords(about runs: [RunID]) async throws {
        let (firm, now) = (await stage.firm, stage.now)
        let maya = try firm.actor("maya").person
        let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
        _ = try await admin.query(
            """
            INSERT INTO session (tenant_id, id, token_hash, person_id, created_at, seen_at, expires_at)
            VALUES (\(firm.id), gen_random_uuid(), '\\x01', \(maya), \(now), \(now), \(now))
            """)
        _ = try await admin.query(
            """
            INSERT INTO sign_in_link (tenant_id, id, token_hash, person_id, made_at, expires_at)
            VALUES (\(firm.id), gen_random_uuid(), decode(repeat('01', 32), 'hex'), \(maya), \(now), \(now))
            """)
        _ = try await admin.query(
            "UPDATE run SET phase = 'cancelled', finished_at = \(now) WHERE finished_at IS NULL AND id = ANY(\(runs))")
        for run in runs {
            _ = try await admin.query(
                """
                WITH made AS (
                    INSERT INTO operation (tenant_id, id, kind, state, parameters, selection, hash, preview, needs_second,
                        made_by, made_by_natural, made_at, expires_at)
                    VALUES (\(firm.id), gen_random_uuid(), 'pause', 'previewed', '{}', '{}', 'h', '{}', false, \(maya), \(maya),
                        \(now), \(now)) RETURNING id)
                INSERT INTO operation_item (tenant_id, operation_id, ordinal, run_id, subject, risk, command_id, payload)
                SELECT \(firm.id), made.id, 0, \(run), 'R', 'standard', gen_random_uuid(), '{}' FROM made
                """)
            _ = try await admin.query(
                """
                INSERT INTO guardrail_act (tenant_id, id, lane, kind, run_id, day, supplier, state, facts, bound, at, changed_at)
                VALUES (\(firm.id), \(run), \(firm.scope.lane), 'posting', \(run), '2026-01-01', 'S', 'done', '{}', '[]', \(now),
                    \(now))
                """)
        }
        await admin.close()
    }

    /// Of the records that are left; kinds of which none is left do not appear.
    func counts() async throws -> [String: Int64] {
        let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
        var counts: [String: Int64] = [:]
        for row in try await admin.query(
            """
            SELECT 'session' AS name, count(*) AS n FROM session UNION ALL SELECT 'sign_in_link', count(*) FROM sign_in_link
            UNION ALL SELECT 'operation', count(*) FROM operation UNION ALL SELECT 'operation_item', count(*) FROM operation_item
            UNION ALL SELECT 'guardrail_act', count(*) FROM guardrail_act
            """)
        {
            let count = try row.get("n", as: Int64.self)
            if count > 0 { counts[try row.get("name", as: String.self)] = count }
        }
        await admin.close()
        return counts
    }

    func publish(months: Int, for firm: Firm) async throws {
        let house = await stage.house
        let bundle = SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25).map { asset in
            guard asset.kind == "tenant", var file = asset.content.object else { return asset }
            file["retention"] = ["documentsYears": 10, "historyMonths": JSONValue(months)]
            return Applying.Asset(
                scope: asset.scope, kind: asset.kind, name: asset.name, version: "months-\(months)", content: .object(file))
        }
        _ = try await house.applying.apply(bundle, by: nil)
        house.assets.invalidate()
    }
}

@Suite("history that is past its time")
struct KeepingTests {
    private static let years = RetentionTerms.historyMonthsRange.upperBound

    private func withYears(_ body: (Years) async throws -> Void) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            try await body(Years(stage: stage, database: database))
        }
    }

    @Test("months are there before they begin, and what came too early is given its own and told of")
    func ahead() async throws {
        try await withYears { years in
            let stage = years.stage
            try await stage.receive(SampleDocument())
            try await stage.work()
            let run = try await stage.run()
            let before = try await stage.history(run)
            // The stage lives in a month that the migration of today did not make.
            let first = try await years.keeping().look()
            #expect(first.unplaced > 0)
            let now = HistoryMonth(of: stage.now)
            #expect(Set(first.made).isSuperset(of: (0...3).map { now.adding(months: $0) }) || first.made.contains(now))
            #expect(try await stage.history(run) == before)
            let second = try await years.keeping().look()
            #expect(second == Keeping.Outcome())
            let top = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let told = try await stage.store.withTenant(top.id) { tx in
                try await tx.query(
                    "SELECT payload FROM command WHERE tenant_id = \(top.id) AND kind = 'incident.raise'"
                ).map { try $0.get("payload", as: JSONValue.self)["alert"]?.string }
            }
            #expect(told == ["history-unplaced"])
        }
    }

    @Test("a month goes when its runs have ended, their time is over and their audit entries are sealed, and never before")
    func dropped() async throws {
        try await withYears { years in
            let stage = years.stage
            let keeping = await years.keeping()
            try await stage.receive(SampleDocument())
            try await stage.work()
            let run = try await stage.run()
            let month = HistoryMonth(of: stage.now).description
            #expect(run.finishedAt != nil)
            _ = try await keeping.look()
            #expect(try years.month(month, in: try await keeping.plan()).obstacles.map(\.reason) == [.current])

            years.move(months: 131)
            var plan = try await keeping.plan()
            #expect(try years.month(month, in: plan).obstacles.map(\.reason) == [.recent])
            years.move(months: 3)
            plan = try await keeping.plan()
            #expect(try years.month(month, in: plan).obstacles.map(\.reason) == [.unsealed])
            #expect(try await keeping.look().dropped.map(\.description).contains(month) == false)

            try await years.seal()
            #expect(try years.month(month, in: try await keeping.plan()).isDue)
            #expect(try await stage.history(run).isEmpty == false)
            let outcome = try await keeping.look()
            #expect(outcome.dropped.map(\.description).contains(month))
            #expect(try await stage.history(run).isEmpty)
            // The run itself stays, and so does the word of what was removed.
            #expect(try await stage.run().id == run.id)
            let firm = await stage.firm
            let entries = try await stage.store.withTenant(firm.id) { tx in
                try await tx.query(
                    "SELECT content FROM audit_entry WHERE tenant_id = \(firm.id) AND action = 'history.removed'"
                ).map { try $0.get("content", as: JSONValue.self) }
            }
            #expect(entries.count == 1)
            #expect(entries.first?["month"]?.string == month)
            #expect(entries.first?["runs"]?.int == 1)
            #expect((entries.first?["lines"]?.int ?? 0) > 5)
        }
    }

    @Test("a month stays for a run that has not ended, and for one that somebody holds")
    func kept() async throws {
        try await withYears { years in
            let stage = years.stage
            let (firm, house) = (await stage.firm, await stage.house)
            let keeping = await years.keeping()
            _ = try await keeping.look()
            // One waits for its signature, one is posted.
            try await stage.receive(SampleDocument(number: "R-2", gross: "60000.00", order: "PO-60000.00"))
            try await stage.receive(SampleDocument())
            try await stage.work()
            let month = HistoryMonth(of: stage.now).description
            let open = try #require(try await stage.runs().first { $0.finishedAt == nil })
            let posted = try #require(try await stage.runs().first { $0.finishedAt != nil })
            let maya = try firm.actor("maya")
            let hold = try await house.holding.place(on: posted.id, reason: "The tax office asked.", as: maya, scope: firm.scope)

            years.move(months: 140)
            try await years.seal()
            let reasons = try years.month(month, in: try await keeping.plan()).obstacles.map(\.reason)
            #expect(reasons == [.unfinished, .held])
            // A straggler keeps the month and not the others; the one that is held stays nevertheless.
            #expect(try await keeping.look().dropped.map(\.description).contains(month) == false)
            #expect(try await stage.history(posted).isEmpty == false)
            #expect(try await stage.history(open).isEmpty == false)

            let refusal = await #expect(throws: Refusal.self) {
                _ = try await house.holding.release(hold.id, reason: " ", as: maya, scope: firm.scope)
            }
            #expect(refusal?.reason == "hold.reason")
            _ = try await house.holding.release(hold.id, reason: "The case is closed.", as: maya, scope: firm.scope)
            try await years.seal()
            let outcome = try await keeping.look()
            #expect(outcome.linesRemoved > 5)
            #expect(try await stage.history(posted).isEmpty)
            #expect(try await stage.history(open).isEmpty == false)
            let again = await #expect(throws: Refusal.self) {
                _ = try await house.holding.release(hold.id, reason: "Once more.", as: maya, scope: firm.scope)
            }
            #expect(again?.reason == "hold.released")
            #expect(try await stage.books().audit.contains("hold.placed × 1"))
            #expect(try await stage.books().audit.contains("hold.released × 1"))
        }
    }

    @Test("a tenant that keeps less than its neighbour loses its own lines only, and none while all of it is held")
    func shorter() async throws {
        try await withYears { years in
            let stage = years.stage
            let brief = await stage.firm
            let long = try await stage.open()
            try await years.publish(months: 6, for: brief)
            let keeping = await years.keeping { $0.runsPerBatch = 1 }
            _ = try await keeping.look()
            for firm in [brief, long] {
                for number in ["R-1", "R-2", "R-3"] {
                    try await stage.receive(SampleDocument(number: number), firm: firm)
                }
            }
            try await stage.work()
            #expect(try await stage.runs(brief).count == 3)
            let house = await stage.house
            let hold = try await house.holding.place(on: nil, reason: "A dispute.", as: brief.actor("maya"), scope: brief.scope)
            years.move(months: 8)
            try await years.seal()
            #expect(try await keeping.look().linesRemoved == 0)
            _ = try await house.holding.release(hold.id, reason: "It is settled.", as: brief.actor("maya"), scope: brief.scope)
            let ended = try await stage.runs(brief).filter { $0.finishedAt != nil }
            #expect(!ended.isEmpty)
            try await years.seal()
            #expect(try await keeping.look().linesRemoved > 5)
            for run in ended { #expect(try await stage.history(run).isEmpty) }
            for run in try await stage.runs(long) { #expect(try await stage.history(run).isEmpty == false) }
            // What is removed is gone once; the next look finds nothing to do.
            #expect(try await keeping.look().linesRemoved == 0)
        }
    }

    @Test("a hold on another tenant's run finds nothing there")
    func foreign() async throws {
        try await withYears { years in
            let stage = years.stage
            let one = await stage.firm
            let two = try await stage.open()
            try await stage.receive(SampleDocument())
            try await stage.work()
            let run = try await stage.run()
            let holding = await stage.house.holding
            let refusal = await #expect(throws: Refusal.self) {
                _ = try await holding.place(on: run.id, reason: "Mine.", as: try two.actor("maya"), scope: two.scope)
            }
            #expect(refusal?.reason == "not-found")
            _ = try await holding.place(on: run.id, reason: "Ours.", as: try one.actor("maya"), scope: one.scope)
            #expect(try await holding.holds(in: two.id, openOnly: false, limit: 9).isEmpty)
            #expect(try await holding.holds(over: run.id, in: one.id).map(\.reason) == ["Ours."])
        }
    }

    @Test("nobody who writes waits for a month that is taken away, and of several keepers one takes it")
    func besideWriters() async throws {
        try await withYears { years in
            let stage = years.stage
            let keeping = await years.keeping { $0.lockTimeoutMilliseconds = 50 }
            _ = try await keeping.look()
            try await stage.receive(SampleDocument())
            try await stage.work()
            let run = try await stage.run()
            let month = HistoryMonth(of: stage.now).description
            years.move(months: 140)
            try await years.seal()
            #expect(try years.month(month, in: try await keeping.plan()).isDue)
            let lane = await stage.lane
            // A writer is in the middle of its transaction: the keeper gives way.
            try await stage.store.withLane(lane) { tx in
                let line = HistoryRow(
                    tenant: run.tenant, run: RunID(at: stage.now, entropy: .system), seq: 1, at: stage.now, type: "run.started",
                    step: "", summary: "It began.", person: nil, data: [:])
                _ = try await tx.execute(RunQueries.insertHistory(lane: lane, [line]))
                let outcome = try await keeping.look()
                #expect(outcome.hasMore && outcome.dropped.isEmpty)
            }
            let outcomes = try await withThrowingTaskGroup(of: Keeping.Outcome.self) { group in
                for _ in 0..<4 { group.addTask { try await keeping.look() } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.flatMap(\.dropped).filter { $0.description == month }.count == 1)
            #expect(try await stage.history(run).isEmpty)
        }
    }

    @Test("sign-ins, operations and guarded acts go with their time, and what somebody holds stays")
    func records() async throws {
        try await withYears { years in
            let stage = years.stage
            try await stage.receive(SampleDocument(number: "R-1"))
            try await stage.receive(SampleDocument(number: "R-2"))
            try await stage.work()
            let firm = await stage.firm
            let (free, held) = (try await stage.runs()[0], try await stage.runs()[1])
            try await years.leaveRecords(about: [free.id, held.id])
            let hold = try await stage.house.holding.place(
                on: held.id, reason: "The tax office asked.", as: try firm.actor("maya"), scope: firm.scope)
            #expect(try await years.keeping().look().recordsRemoved == 0)

            // A quarter later sign-ins are forgotten, and nothing else is.
            years.move(months: 4)
            #expect(try await years.keeping { $0.recordBatch = 1 }.look().recordsRemoved == 2)
            #expect(try await years.counts() == ["guardrail_act": 2, "operation": 2, "operation_item": 2])

            years.move(months: 140)
            #expect(try await years.keeping().look().recordsRemoved == 2)
            #expect(try await years.counts() == ["guardrail_act": 1, "operation": 1, "operation_item": 1])
            _ = try await stage.house.holding.release(
                hold.id, reason: "The case is closed.", as: try firm.actor("maya"), scope: firm.scope)
            #expect(try await years.keeping().look().recordsRemoved == 2)
            #expect(try await years.counts() == [:])
            #expect(try await stage.books().audit.contains("records.removed × 3"))
        }
    }

    @Test("the live feed forgets what is older than the operator says")
    func feed() async throws {
        try await withYears { years in
            let stage = years.stage
            try await stage.receive(SampleDocument())
            try await stage.work()
            let firm = await stage.firm
            let keeping = await years.keeping { $0.feedBatch = 3 }
            #expect(try await keeping.look().feedLinesRemoved == 0)
            stage.move(seconds: 31 * 86_400)
            #expect(try await keeping.look().feedLinesRemoved > 3)
            let left = try await stage.store.withTenant(firm.id) {
                try await $0.query(OutboxQueries.after(tenant: firm.id, 0, limit: 500)).count
            }
            #expect(left == 0)
        }
    }
}

@Suite("rows that change often")
struct HotRowTests {
    @Test("the rows of runs and tasks are changed in place, for no index has to follow")
    func inPlace() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            // A row has room for its next version where the last but one has been left; all at once nobody has.
            for number in 1...30 {
                try await stage.receive(SampleDocument(number: "R-\(number)"))
                try await stage.work()
            }
            #expect(try await stage.runs().count == 30)
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            // Each connection tells its counts when it ends, or by and by.
            await database.store.close()
            let isCounted = try await eventually {
                let row = try await admin.query(
                    "SELECT coalesce(sum(n_tup_upd), 0)::bigint FROM pg_stat_user_tables WHERE relname IN ('run', 'task')"
                ).only()
                return try row.get(0, as: Int64.self) >= 60
            }
            #expect(isCounted)
            for row in try await admin.query(
                "SELECT relname::text, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname IN ('run', 'task')")
            {
                let (name, all, inPlace) = try row.decode(String.self, Int64.self, Int64.self)
                print("\(name): \(inPlace) of \(all) updates in place")
                // A row enters and leaves the lists of what is open by updates that cannot be; the others are.
                #expect(inPlace * 10 >= all * (name == "run" ? 6 : 5), "\(name): \(inPlace) of \(all)")
            }
            await admin.close()
        }
    }
}
