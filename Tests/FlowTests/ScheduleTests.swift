import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing
import Workflows

@testable import Flow

/// A tenant whose workflow begins by itself.
struct ScheduledFirm {
    let stage: Stage

    /// Rests for so many minutes, and says what it was begun with.
    static func workflow(
        _ schedule: JSONValue?, version: String = "1", rests minutes: Int = 0, member: JSONObject = [:]
    ) -> JSONValue {
        var json: JSONObject = [
            "kind": "workflow", "name": "check", "version": .string(version), "title": "Daily check", "outcomes": ["checked"],
            "outcome": "'checked'",
            "do": minutes == 0
                ? [["keep": ["set": ["n": "${ input.schedule.number }"]]]] : [["rest": ["wait": ["minutes": JSONValue(minutes)]]]]
                ,
        ]
        if let schedule { json["schedule"] = schedule }
        for one in member { json[one.key] = one.value }
        return .object(json)
    }

    static let daily: JSONValue = ["at": ["12:00"], "zone": "Europe/Berlin"]

    /// The stage begins on a Tuesday at 08:30 UTC, which is 10:30 in Berlin.
    static func open(_ workflow: JSONValue) async throws -> ScheduledFirm {
        let firm = ScheduledFirm(stage: try await Stage.make())
        try await firm.publish(workflow)
        return firm
    }

    func publish(_ workflow: JSONValue?, calendars: [JSONValue] = []) async throws {
        let slug = await stage.firm.scope.slug
        let scope = Scope.tenant(slug, partner: SampleConfiguration.partner)
        func asset(_ kind: String, _ content: JSONValue) -> Applying.Asset {
            Applying.Asset(
                scope: scope, kind: kind, name: content["name"]?.string ?? "", version: content["version"]?.string ?? "1",
                content: content)
        }
        let assets = [workflow].compactMap(\.self).map { asset("workflow", $0) } + calendars.map { asset("calendar", $0) }
        try await stage.publish(SampleConfiguration.tenant(slug, approvalTarget: "20h", settleSeconds: 25) + assets)
        try await stage.pump()
    }

    var scheduling: Scheduling {
        get async {
            let house = await stage.house
            return Scheduling(platform: house.platform, assets: house.assets, desk: house.desk, scopes: house.scopes)
        }
    }

    var row: ScheduleRow {
        get async throws { try await scheduling.one("check", stage.firm.scope, next: 1).row }
    }

    /// Outcomes and local times, earliest first: `started 14 12:00`.
    var times: [String] {
        get async throws {
            let shown = try await scheduling.one("check", stage.firm.scope, next: 1)
            return try await scheduling.times(shown.row.id, stage.firm.scope, limit: 200).reversed().map { time in
                "\(time.outcome) \(shown.spoken(time.nominal).dropFirst(8).prefix(8))"
                    + (time.count > 1 ? " of \(time.count)" : "")
            }
        }
    }

    var runs: [RunRow] { get async throws { try await stage.runs().sorted { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) } } }

    var timers: Int64 {
        get async throws {
            let (lane, id) = (await stage.lane, try await row.id)
            let subject = AnyID(high: id.high, low: id.low)
            return try await stage.store.withLane(lane) { tx in
                try await tx.query("SELECT count(*) AS n FROM queue.timer WHERE subject_id = \(subject)").only()
                    .get("n", as: Int64.self)
            }
        }
    }

    /// Goes to a time of the day in Berlin, so many days from the first, stopping wherever something is due.
    func go(_ days: Int, _ hour: Int, _ minute: Int = 0) async throws {
        let end = Moment(seconds: Stage.start.seconds / 86_400 * 86_400).adding(
            seconds: Int64(days) * 86_400 + Int64(hour - 2) * 3600 + Int64(minute) * 60)
        while stage.now < end { try await stage.rest(atMost: end.seconds(since: stage.now) - 1, otherwise: 86_400) }
    }

    func turn(_ act: Scheduling.Act, by name: String = "ruth") async throws -> CommandDesk.Answer {
        let (scheduling, firm) = (await scheduling, await stage.firm)
        let (actor, key) = (try firm.actor(name), "\(Entropy.system.next())")
        func send() async throws -> CommandDesk.Answer {
            try await scheduling.turn("check", act, reason: "The books are closed.", key: key, as: actor, scope: firm.scope)
        }
        _ = try await send()
        try await stage.pump()
        return try await send()
    }

    func audited(_ action: String) async throws -> [String] {
        try await stage.books().audit.filter { $0.hasPrefix(action) }
    }
}

@Suite("workflows that begin at times")
struct ScheduleTests {
    @Test("a run begins at its time, once, with the time it stands for, and the next time is planned with it")
    func begins() async throws {
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(ScheduledFirm.daily))
        #expect(try await firm.row.nextAt == Moment("2026-07-14T10:00:00Z"))
        #expect(try await firm.runs.isEmpty)
        try await firm.go(0, 12, 5)
        let run = try #require(try await firm.runs.first)
        #expect(run.outcome == "checked" && run.subject == "2026-07-14 12:00")
        #expect(run.id == PlannedSchedule.run(run.tenant, "check", try #require(Moment("2026-07-14T10:00:00Z"))))
        let history = try await firm.stage.house.looking.history(run.tenant, run: run.id, after: 0, limit: 50)
        let began = try #require(history.first { $0.type == "schedule.began" })
        #expect(began.data["number"] == 1 && began.data["zoneVersion"]?.string?.hasPrefix("Europe/Berlin ") == true)
        try await firm.stage.pump()
        try await firm.stage.restart()
        try await firm.stage.pump()
        #expect(try await firm.runs.count == 1)
        #expect(try await firm.row.nextAt == Moment("2026-07-15T10:00:00Z"))
        #expect(try await firm.timers == 1)
        try await firm.go(2, 12, 5)
        #expect(try await firm.times == ["started 14 12:00", "started 15 12:00", "started 16 12:00"])
        #expect(try await firm.runs.map { $0.state["context"]?["n"] } == [1, 2, 3])
        #expect(try await firm.audited("schedule.") == ["schedule.planned × 1"])
    }

    @Test("business days are those of the calendar, and a calendar that is changed moves the times that come")
    func business() async throws {
        func calendar(_ version: String, _ overrides: JSONObject) -> JSONValue {
            [
                "kind": "calendar", "name": "mill", "version": .string(version), "title": "Mill", "timezone": "Europe/Berlin",
                "week": ["mon": [["08:00", "18:00"]], "fri": [["08:00", "18:00"]]], "overrides": .object(overrides),
            ]
        }
        let workflow = ScheduledFirm.workflow(["at": ["12:00"], "zone": "Europe/Berlin", "days": ["business": "mill"]])
        let firm = try await ScheduledFirm.open(workflow)
        let trouble = try await firm.row
        #expect(trouble.trouble.contains("mill") && trouble.nextAt == nil)
        try await firm.publish(workflow, calendars: [calendar("1", [:])])
        #expect(try await firm.row.trouble.isEmpty)
        #expect(try await firm.row.nextAt == Moment("2026-07-17T10:00:00Z"))
        try await firm.publish(workflow, calendars: [calendar("2", ["2026-07-15": [["08:00", "10:00"]], "2026-07-17": []])])
        #expect(try await firm.row.nextAt == Moment("2026-07-15T10:00:00Z"))
        try await firm.go(8, 1)
        #expect(try await firm.times == ["started 15 12:00", "started 20 12:00"])
    }

    @Test("while a run is open: the time is left out, waits, ends the run, or begins beside it")
    func overlap() async throws {
        // A run takes 90 minutes, and a time comes every hour.
        func play(_ overlap: JSONValue, through hour: Int) async throws -> ScheduledFirm {
            let schedule: JSONValue = ["every": "PT1H", "overlap": overlap]
            let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(schedule, rests: 90))
            try await firm.go(0, hour, 10)
            return firm
        }
        let skip = try await play("skip", through: 15)
        #expect(
            try await skip.times == [
                "started 14 09:00", "skipped 14 10:00", "started 14 11:00", "skipped 14 12:00", "started 14 13:00",
            ])
        #expect(try await skip.audited("schedule.skipped") == ["schedule.skipped × 2"])
        let queue = try await play(["policy": "queue", "most": 1], through: 15)
        // At 12:00 the time of 11:00 waits, since the run of 10:00 began at 10:30.
        #expect(
            try await queue.times == [
                "started 14 09:00", "started 14 10:00", "started 14 11:00", "skipped 14 12:00", "waiting 14 13:00",
            ])
        #expect(try await queue.runs.map { $0.startedAt.seconds % 86_400 / 60 } == [540, 630, 720])
        let allow = try await play(["policy": "allow", "most": 2], through: 14)
        #expect(try await allow.times.allSatisfy { $0.hasPrefix("started") })
        #expect(try await allow.runs.filter { $0.finishedAt == nil }.count == 2)
        let ending = try await play("cancelRunning", through: 13)
        #expect(try await ending.times.allSatisfy { $0.hasPrefix("started") })
        #expect(try await ending.runs.map(\.phase) == ["cancelled", "cancelled", "waiting"])
    }

    @Test(
        "after an interruption none, one or the latest of the missed times is made up for",
        arguments: [
            ("none", ["missed 17 12:00 of 4"]), ("last", ["missed 16 12:00 of 3", "started 17 12:00"]),
            ("all", ["missed 15 12:00 of 2", "started 16 12:00", "started 17 12:00"]),
        ])
    func catchUp(_ policy: String, _ wanted: [String]) async throws {
        var schedule = try #require(ScheduledFirm.daily.object)
        schedule["catchUp"] = policy == "all" ? ["policy": "all", "most": 2] : .string(policy)
        schedule["overlap"] = "queue"
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(.object(schedule)))
        // Nothing runs for three days and a half.
        firm.stage.move(seconds: 86_400 * 3 + 43_200)
        try await firm.stage.restart()
        try await firm.stage.pump()
        #expect(try await firm.times == wanted)
        #expect(try await firm.row.number == 4)
        #expect(try await firm.audited("schedule.missed") == ["schedule.missed × 1"])
        let last = try await firm.runs.compactMap { $0.state["context"]?["n"] }.last
        #expect(last == (policy == "none" ? nil : 4))
        #expect(try await firm.row.nextAt == Moment("2026-07-18T10:00:00Z"))
        let days = try await firm.runs.map { Moment(microseconds: Int64($0.id.high >> 16) * 1000).text(fraction: 0).prefix(10) }
        let started = wanted.filter { $0.hasPrefix("started") }.map { "2026-07-\($0.split(separator: " ")[1])" }
        #expect(days.map(String.init) == started, "the ids bear the time, by which history is kept")
    }

    @Test("a time that is a few minutes late was not missed")
    func slightlyLate() async throws {
        var schedule = try #require(ScheduledFirm.daily.object)
        schedule["catchUp"] = "none"
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(.object(schedule)))
        firm.stage.move(to: try #require(Moment("2026-07-14T10:05:00Z")))
        try await firm.stage.pump()
        #expect(try await firm.times == ["started 14 12:00"])
    }

    @Test("a person pauses a schedule with a reason, and its times are left out until somebody resumes it")
    func pauses() async throws {
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(ScheduledFirm.daily))
        guard case .done(let paused) = try await firm.turn(.pause) else { return #expect(Bool(false), "not paused") }
        #expect(paused["state"] == "paused")
        guard case .refused(let twice) = try await firm.turn(.pause) else { return #expect(Bool(false), "paused twice") }
        #expect(twice.reason == "schedule.paused")
        try await firm.go(1, 13)
        #expect(try await firm.runs.isEmpty)
        #expect(try await firm.timers == 0)
        guard case .done(let resumed) = try await firm.turn(.resume) else { return #expect(Bool(false), "not resumed") }
        #expect(resumed["next"] == "2026-07-16T10:00:00.000Z")
        try await firm.go(2, 13)
        #expect(try await firm.times == ["skipped 15 12:00 of 2", "started 16 12:00"])
        #expect(try await firm.row.number == 3)
        #expect(
            try await firm.audited("schedule.") == [
                "schedule.paused × 1", "schedule.planned × 1", "schedule.resumed × 1", "schedule.skipped × 1",
            ])
        let scheduling = await firm.scheduling
        let (scope, actor) = (await firm.stage.firm.scope, try await firm.stage.firm.actor("ruth"))
        await #expect(throws: Refusal.self) {
            _ = try await scheduling.turn("check", .pause, reason: "  ", key: "k", as: actor, scope: scope)
        }
        await #expect(throws: Refusal.self) {
            _ = try await scheduling.turn("other", .pause, reason: "Why", key: "k", as: actor, scope: scope)
        }
    }

    @Test("a changed rule holds from its publication, and no time is lost or comes twice")
    func changes() async throws {
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(ScheduledFirm.daily))
        try await firm.go(0, 11)
        // The clock passes noon while nothing runs, and then the rule changes.
        firm.stage.move(to: try #require(Moment("2026-07-14T10:02:00Z")))
        try await firm.publish(ScheduledFirm.workflow(["at": ["12:01", "12:03"], "zone": "Europe/Berlin"], version: "2"))
        #expect(try await firm.times == ["started 14 12:00"], "promised by the rule before")
        try await firm.go(0, 12, 30)
        #expect(try await firm.times == ["started 14 12:00", "started 14 12:03"], "12:01 was over when it was published")
        #expect(try await firm.runs.map(\.workflowVersion).last == "2")
        // Another version with the same rule changes no time.
        try await firm.publish(
            ScheduledFirm.workflow(["at": ["12:01", "12:03"], "zone": "Europe/Berlin"], version: "3", rests: 1))
        #expect(try await firm.timers == 1)
        try await firm.go(1, 12, 30)
        #expect(try await firm.times.suffix(2) == ["started 15 12:01", "started 15 12:03"])
        #expect(try await firm.row.number == 4)
    }

    @Test("a workflow that is taken away begins nothing more, and coming back makes up for nothing")
    func retires() async throws {
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(ScheduledFirm.daily))
        try await firm.publish(nil)
        #expect(try await firm.row.state == ScheduleRow.retired)
        #expect(try await firm.timers == 0)
        try await firm.go(1, 13)
        #expect(try await firm.runs.isEmpty)
        try await firm.publish(ScheduledFirm.workflow(ScheduledFirm.daily))
        #expect(try await firm.row.state == ScheduleRow.active)
        try await firm.go(2, 13)
        #expect(try await firm.times == ["started 16 12:00"])
        // The same version without its schedule.
        try await firm.publish(ScheduledFirm.workflow(nil, version: "2"))
        #expect(try await firm.row.state == ScheduleRow.retired)
    }

    @Test("what the library changes is seen without anybody telling the tenant's lane")
    func library() async throws {
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(ScheduledFirm.daily))
        let id = await firm.stage.firm.id
        try await firm.stage.store.withLane(await firm.stage.lane) { tx in
            _ = try await tx.execute("UPDATE schedule SET fingerprint = 'of older zone data' WHERE tenant_id = \(id)")
        }
        let scheduling = await firm.scheduling
        try await scheduling.look(await firm.stage.firm.scope)
        try await firm.stage.pump()
        #expect(try await firm.row.fingerprint != "of older zone data")
        let before = try await firm.stage.books().audit
        try await scheduling.look(await firm.stage.firm.scope)
        try await firm.stage.pump()
        #expect(try await firm.stage.books().audit == before, "nothing has changed since")
    }

    @Test("a suspended tenant's times are left out, and say so")
    func suspended() async throws {
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(ScheduledFirm.daily))
        let id = await firm.stage.firm.id
        try await firm.stage.store.withTenant(id) { tx in
            _ = try await tx.execute("UPDATE scope SET state = 'suspended' WHERE tenant_id = \(id)")
        }
        await firm.stage.house.assets.invalidate()
        try await firm.go(0, 13)
        #expect(try await firm.times == ["skipped 14 12:00"])
        #expect(try await firm.runs.isEmpty)
    }

    @Test("a run whose input cannot be made is refused with its reason, and the next time comes")
    func refused() async throws {
        var schedule = try #require(ScheduledFirm.daily.object)
        schedule["input"] = ["schedule": ["number": "${ 6 / (schedule.number - 1) }", "date": "x"]]
        let firm = try await ScheduledFirm.open(ScheduledFirm.workflow(.object(schedule)))
        try await firm.go(1, 13)
        #expect(try await firm.times == ["refused 14 12:00", "started 15 12:00"])
        #expect(try await firm.runs.map { $0.state["context"]?["n"] } == [6])
    }

    @Test("cut at any commit, before or after it, a time begins its run once and the next time is planned")
    func cut() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            let line = try await CuttingLine(to: database.dsn, by: admin)
            await admin.close()
            let through = Store(Store.Settings(directDSN: line.dsn, direct: ConnectionPool.Limits(connectionsMax: 4)))
            func play(_ cut: CuttingLine.Cut?, at number: Int) async throws -> Int {
                let firm = ScheduledFirm(stage: Stage(store: database.store, through: through))
                try await firm.stage.open()
                try await firm.publish(ScheduledFirm.workflow(ScheduledFirm.daily))
                line.plan(cut, at: number)
                for _ in 0..<5 {
                    do {
                        try await firm.go(1, 13)
                        try await firm.stage.pump()
                        break
                    } catch is Refusal {
                        Issue.record("refused")
                    } catch {
                        try await firm.stage.restart()
                        try await firm.stage.pump()
                    }
                }
                let commits = line.commits
                line.plan()
                let what: Comment = "\(String(describing: cut)) commit \(number)"
                #expect(try await firm.times == ["started 14 12:00", "started 15 12:00"], what)
                #expect(try await firm.runs.map { $0.state["context"]?["n"] } == [1, 2], what)
                #expect(try await firm.timers == 1, what)
                #expect(try await firm.row.nextAt == Moment("2026-07-16T10:00:00Z"), what)
                return commits
            }
            let commits = try await play(nil, at: 0)
            #expect(commits >= 4)
            for number in 1...commits {
                for cut in CuttingLine.Cut.allCases { _ = try await play(cut, at: number) }
            }
            await through.close()
            line.close()
        }
    }
}
