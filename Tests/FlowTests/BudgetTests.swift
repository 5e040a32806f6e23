import Kernel
import Postgres
import Records
import ServiceLevels
import Testing

@testable import Flow

@Suite("error budgets of a tenant")
struct BudgetTests {
    private static let hour: Int64 = 3600

    private func story(_ atLeast: String? = "0.9", target: String = "4h") async throws -> Stage {
        let stage = try await Stage.make(approvalTarget: target)
        var terms = SampleConfiguration.ContractTerms()
        terms.version = "2"
        terms.atLeast = atLeast
        let slug = await stage.firm.scope.slug
        try await stage.publish(
            SampleConfiguration.tenant(slug, approvalTarget: target, settleSeconds: 25, contract: terms))
        return stage
    }

    private func budgeting(_ stage: Stage) async -> Budgeting {
        let house = await stage.house
        return Budgeting(platform: house.platform, scopes: house.scopes, assets: house.assets, desk: house.desk)
    }

    private func budget(_ stage: Stage) async throws -> ErrorBudget {
        try #require(try await budgeting(stage).budgets(of: stage.firm.id).first).reading.budget
    }

    /// Cases as a lane counts them, decided now.
    private func decide(_ stage: Stage, good: Int64, bad: Int64) async throws {
        let (firm, lane, now) = (await stage.firm, await stage.lane, stage.now)
        try await stage.store.withLane(lane) { tx in
            _ = try await tx.query(
                BudgetQueries.count(
                    lane: lane,
                    [DecidedCases(tenant: firm.id, objective: "approval-cycle", at: now, good: good, bad: bad)]))
        }
    }

    /// One look, with what it asks of the lane.
    @discardableResult
    private func look(_ stage: Stage) async throws -> [BudgetAlarm] {
        let alarms = try await budgeting(stage).look(at: stage.firm.scope)
        try await stage.pump()
        return alarms
    }

    private func open(_ stage: Stage) async throws -> [String] {
        try await stage.incidents().filter { $0.state != "resolved" && $0.alert.hasPrefix("slo-") }.map(\.alert).sorted()
    }

    @Test("a clock that ends in time is a good case, one that is late a bad one, counted when its breach came")
    func counted() async throws {
        let stage = try await story()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        #expect(try await budget(stage).counts == CaseCounts())
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return }
        try await stage.pump()
        #expect(try await budget(stage).counts == CaseCounts(good: 1))

        try await stage.receive(SampleDocument(number: "R-2", gross: "4810.00", order: "PO-4810.00"))
        try await stage.work()
        stage.move(seconds: 5 * Self.hour)
        try await stage.pump()
        #expect(try await budget(stage).counts == CaseCounts(good: 1, bad: 1))
        let clocks = try await stage.house.looking.clocks(stage.firm.id, outcome: "breached", limit: 10)
        let breached = try #require(clocks.first?.clock.breachedAt)
        let minutes = try #require(try await budgeting(stage).budgets(of: stage.firm.id).first).minutes
        #expect(minutes.contains { $0.minute == MinuteCount.minute(of: breached) && $0.counts.bad == 1 })
        // Its late end changes nothing.
        let late = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: late, by: "jonas") else { return }
        try await stage.pump()
        #expect(try await budget(stage).counts == CaseCounts(good: 1, bad: 1))
    }

    @Test("a decision that is taken back is taken out of its minute, and a breach stays")
    func takenBack() throws {
        let at = Moment(seconds: 1_784_000_000)
        func row(_ outcome: String, stopped: Moment? = nil, breached: Moment? = nil) -> ClockRow {
            var row = ClockRow(
                tenant: TenantID(high: 1, low: 1), id: ClockID(high: 1, low: 2), lane: 1, subject: .run(RunID(high: 1, low: 3)),
                objective: "posting", contractAsset: AssetID(high: 1, low: 4), contractVersion: "1",
                calendarAsset: AssetID(high: 1, low: 4), zoneVersion: "z", targetSeconds: 60, events: [], startedAt: at)
            (row.outcome, row.stoppedAt, row.breachedAt) = (outcome, stopped, breached)
            return row
        }
        func decided(_ old: ClockRow, _ new: ClockRow) -> [[Int64]] {
            Measuring.decisions(from: old, to: new).map { [$0.at.seconds - at.seconds, $0.good, $0.bad] }
        }
        let met = row("met", stopped: at.adding(seconds: 60))
        let late = row("breached", breached: at.adding(seconds: 90))
        #expect(decided(row("open"), met) == [[60, 1, 0]])
        #expect(decided(met, row("open")) == [[60, -1, 0]])
        #expect(decided(met, late) == [[60, -1, 0], [90, 0, 1]])
        #expect(decided(row("open"), late) == [[90, 0, 1]])
        #expect(decided(late, late).isEmpty)
        // A clock that begins anew is another case, and the earlier one stays what it was.
        #expect(Measuring.decisions(from: met, to: row("open"), isAnew: true).isEmpty)
        #expect(Measuring.decisions(from: late, to: row("open"), isAnew: true).isEmpty)
        #expect(decided(row("open"), row("open", stopped: at)).isEmpty)
    }

    @Test("a fast burn opens one incident, says so once, and ends it when the short window is quiet")
    func burns() async throws {
        let stage = try await story("0.99")
        try await decide(stage, good: 80, bad: 20)
        #expect(try await look(stage) == [.fastBurn, .slowBurn, .spent])
        #expect(try await open(stage) == ["slo-budget-spent", "slo-fast-burn", "slo-slow-burn"])
        stage.move(seconds: 60)
        try await look(stage)
        try await look(stage)
        let fast = try #require(try await stage.incidents().first { $0.alert == "slo-fast-burn" })
        #expect(fast.occurrences == 1)
        #expect(fast.facts["pair"]?.string == "1h/5m@14.4")
        #expect(fast.title.contains("20.00 times too fast"))
        stage.move(seconds: 3 * Self.hour)
        try await look(stage)
        #expect(try await open(stage) == ["slo-budget-spent", "slo-slow-burn"])
        stage.move(seconds: 4 * 86_400)
        try await decide(stage, good: 5000, bad: 0)
        #expect(try await look(stage) == [])
        #expect(try await open(stage) == [])
    }

    @Test("what goes on is told again after an hour")
    func again() async throws {
        let stage = try await story("0.99")
        try await decide(stage, good: 80, bad: 20)
        try await look(stage)
        stage.move(seconds: Budgeting.tellAgainSeconds + 60)
        try await decide(stage, good: 80, bad: 20)
        try await look(stage)
        #expect(try await stage.incidents().first { $0.alert == "slo-fast-burn" }?.occurrences == 2)
    }

    @Test("an objective that promises every case has no budget")
    func none() async throws {
        let stage = try await story(nil)
        try await decide(stage, good: 0, bad: 20)
        #expect(try await budgeting(stage).budgets(of: stage.firm.id).isEmpty)
        #expect(try await look(stage) == [])
    }

    @Test("days and minutes add up to the same month, and a new month begins with nothing")
    func months() async throws {
        let stage = try await story("0.9")
        for day in 0..<6 {
            try await decide(stage, good: 10, bad: Int64(day % 2))
            stage.move(seconds: 86_400 - 7)
        }
        #expect(try await budget(stage).counts == CaseCounts(good: 60, bad: 3))
        // The contract has the months of its reports' zone.
        stage.move(to: try #require(Moment("2026-07-31T23:59:59Z")))
        #expect(try await budget(stage).counts == CaseCounts(good: 60, bad: 3))
        stage.move(to: try #require(Moment("2026-08-01T00:00:01Z")))
        #expect(try await budget(stage).counts == CaseCounts())
    }
}

@Suite("signs of life")
struct HeartbeatTests {
    private func heartbeats(_ stage: Stage) async -> Heartbeats {
        let house = await stage.house
        return Heartbeats(platform: house.platform, scopes: house.scopes, desk: house.desk)
    }

    private func alerts(_ stage: Stage, _ name: String) async throws -> [IncidentRow] {
        try await stage.incidents().filter { $0.alert == name }
    }

    private func worker(_ stage: Stage, _ state: String) async throws {
        let (firm, now) = (await stage.firm, stage.now)
        try await stage.store.withTenant(firm.id) { tx in
            _ = try await tx.query(
                OverviewQueries.putWorker(
                    tenant: firm.id, state: state, pid: 1, level: "L1", residentBytes: 1, restarts: 0, startedAt: Stage.start,
                    seenAt: now, detail: ""))
        }
    }

    private func look(_ stage: Stage, _ watch: Heartbeats) async throws {
        let (firm, now) = (await stage.firm, stage.now)
        let life = try await stage.store.withReport { tx in
            try await tx.query(OverviewQueries.workers()).map(WorkerLife.init).first { $0.tenant == firm.id }
        }
        _ = try await watch.look(at: firm.scope, worker: life, now: now)
        try await stage.pump()
    }

    @Test("a worker whose server died is lost to whoever looks, and one that was stopped is stopped")
    func lost() async throws {
        let stage = try await Stage.make()
        let firm = await stage.firm
        func state() async throws -> String? { try await stage.house.looking.worker(firm.id)?.state }
        try await worker(stage, "running")
        #expect(try await state() == "running")
        stage.move(seconds: Looking.WorkerStatus.lostSeconds)
        #expect(try await state() == "running")
        stage.move(seconds: 1)
        #expect(try await state() == Looking.WorkerStatus.lost)
        #expect(try await stage.house.looking.workers().first { $0.tenant == firm.id }?.state == Looking.WorkerStatus.lost)
        try await worker(stage, "stopped")
        stage.move(seconds: 3600)
        #expect(try await state() == "stopped")
    }

    @Test("a worker that falls silent opens one incident, which its next sign of life ends")
    func silent() async throws {
        let stage = try await Stage.make()
        let watch = await heartbeats(stage)
        try await worker(stage, "running")
        try await look(stage, watch)
        stage.move(seconds: 50)
        try await look(stage, watch)
        #expect(try await alerts(stage, "heartbeat-missed").isEmpty)
        stage.move(seconds: 20)
        try await look(stage, watch)
        try await look(stage, watch)
        let incident = try #require(try await alerts(stage, "heartbeat-missed").first)
        #expect(incident.occurrences == 1 && incident.facts["kind"]?.string == "worker")
        #expect(try await watch.all(stage.firm.id).first?.missedAt != nil)
        stage.move(seconds: 5)
        try await worker(stage, "running")
        try await look(stage, watch)
        #expect(try await alerts(stage, "heartbeat-missed").map(\.state) == ["resolved"])
    }

    @Test("a worker that was sent home promises nothing, and what it missed before is over")
    func sentHome() async throws {
        let stage = try await Stage.make()
        let watch = await heartbeats(stage)
        try await worker(stage, "running")
        try await look(stage, watch)
        stage.move(seconds: 90)
        try await look(stage, watch)
        #expect(try await alerts(stage, "heartbeat-missed").map(\.state) == ["triggered"])
        try await worker(stage, "stopped")
        try await look(stage, watch)
        #expect(try await alerts(stage, "heartbeat-missed").map(\.state) == ["resolved"])
        #expect(try await watch.all(stage.firm.id).isEmpty)
        stage.move(seconds: 3600)
        try await look(stage, watch)
        #expect(try await alerts(stage, "heartbeat-missed").map(\.occurrences) == [1])
    }

    @Test("nobody is judged for a time in which no server listened")
    func nobodyListened() async throws {
        let stage = try await Stage.make()
        try await worker(stage, "running")
        try await look(stage, await heartbeats(stage))
        stage.move(seconds: 7200)
        let later = await heartbeats(stage)
        try await look(stage, later)
        #expect(try await alerts(stage, "heartbeat-missed").isEmpty)
        stage.move(seconds: 70)
        try await look(stage, later)
        #expect(try await alerts(stage, "heartbeat-missed").count == 1)
    }

    @Test("a job reports with its secret; another secret, another job and an ended one are not found")
    func jobs() async throws {
        let stage = try await Stage.make()
        let house = await stage.house
        let jobs = Jobs(platform: house.platform, scopes: house.scopes)
        let (firm, watch) = (await stage.firm, await heartbeats(stage))
        let actor = try firm.actor("ruth")
        let made = try await jobs.make(name: "Backup", everySeconds: 3600, graceSeconds: 600, as: actor, scope: firm.scope)
        let secret = try #require(made.path.split(separator: "/").last.map(String.init))
        stage.move(seconds: 3600)
        try await jobs.ping(scope: firm.scope.slug, id: made.row.id, token: secret)
        #expect(try await watch.all(firm.id).first?.beatenAt == stage.now)
        for (slug, id, token) in [
            (firm.scope.slug, made.row.id, String(secret.dropLast()) + "!"), ("nobody", made.row.id, secret),
            (firm.scope.slug, HeartbeatID(high: 7, low: 7), secret),
        ] {
            await #expect(throws: Refusal.self) { try await jobs.ping(scope: slug, id: id, token: token) }
        }
        // It falls silent, and reports at last.
        stage.move(seconds: 4201)
        try await look(stage, watch)
        #expect(try await alerts(stage, "job-silent").map(\.state) == ["triggered"])
        #expect(try await alerts(stage, "job-silent").first?.title.contains("Backup") == true)
        try await jobs.ping(scope: firm.scope.slug, id: made.row.id, token: secret)
        stage.move(seconds: 10)
        try await jobs.ping(scope: firm.scope.slug, id: made.row.id, token: secret)
        try await look(stage, watch)
        #expect(try await alerts(stage, "job-silent").map(\.state) == ["resolved"])
        // A new address makes the old one worthless, and an ended job has none.
        let again = try await jobs.rotate(made.row.id, as: actor, scope: firm.scope)
        await #expect(throws: Refusal.self) {
            try await jobs.ping(scope: firm.scope.slug, id: made.row.id, token: secret)
        }
        let renewed = try #require(again.path.split(separator: "/").last.map(String.init))
        try await jobs.ping(scope: firm.scope.slug, id: made.row.id, token: renewed)
        _ = try await jobs.end(made.row.id, as: actor, scope: firm.scope)
        await #expect(throws: Refusal.self) {
            try await jobs.ping(scope: firm.scope.slug, id: made.row.id, token: renewed)
        }
        let audit = try await stage.books().audit
        for word in ["heartbeat.made", "heartbeat.rotated", "heartbeat.ended"] {
            #expect(audit.contains { $0.hasPrefix(word) }, "\(audit)")
        }
    }

    @Test("a restart gives a silent job no more time; a report that was due while no server listened is excused once")
    func restarts() async throws {
        let stage = try await Stage.make()
        let house = await stage.house
        let (firm, jobs) = (await stage.firm, Jobs(platform: house.platform, scopes: house.scopes))
        _ = try await jobs.make(
            name: "Backup", everySeconds: 3600, graceSeconds: 60, as: try firm.actor("ruth"), scope: firm.scope)
        // Servers come and go, and one was always there.
        stage.move(seconds: 3650)
        let next = await heartbeats(stage)
        stage.move(seconds: 20)
        try await look(stage, next)
        #expect(try await alerts(stage, "job-silent").count == 1)

        // Another job, made now; the platform is away for an hour from in half an hour on, when its report is due.
        let night = try await jobs.make(
            name: "Night", everySeconds: 3600, graceSeconds: 60, as: try firm.actor("ruth"), scope: firm.scope)
        let due = stage.now.adding(seconds: 3600)
        let query = HeartbeatQueries.takeMissed(
            tenant: firm.id, now: due.adding(seconds: 1800), judgedFrom: due,
            deaf: (due.adding(seconds: -1800), due.adding(seconds: 900)),
            tellBefore: Stage.start)
        let excused = try await stage.store.withTenant(firm.id) { tx in try await tx.query(query).map(HeartbeatRow.init) }
        #expect(!excused.contains { $0.id == night.row.id })
        let later = HeartbeatQueries.takeMissed(
            tenant: firm.id, now: due.adding(seconds: 3661), judgedFrom: due,
            deaf: (due.adding(seconds: -1800), due.adding(seconds: 900)), tellBefore: Stage.start)
        let missed = try await stage.store.withTenant(firm.id) { tx in try await tx.query(later).map(HeartbeatRow.init) }
        #expect(missed.contains { $0.id == night.row.id })
    }

    @Test("two jobs cannot have one name, and promises have bounds")
    func bounds() async throws {
        let stage = try await Stage.make()
        let house = await stage.house
        let jobs = Jobs(platform: house.platform, scopes: house.scopes)
        let firm = await stage.firm
        let actor = try firm.actor("ruth")
        _ = try await jobs.make(name: "Backup", everySeconds: 60, graceSeconds: 0, as: actor, scope: firm.scope)
        for (name, every, grace) in [("Backup", 60, 0), ("", 60, 0), ("x", 59, 0), ("x", 60, -1), ("a\nb", 60, 0)] {
            await #expect(throws: Refusal.self) {
                try await jobs.make(name: name, everySeconds: every, graceSeconds: grace, as: actor, scope: firm.scope)
            }
        }
    }
}
