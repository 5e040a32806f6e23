import Handoff
import Incidents
import Kernel
import Postgres
import Records
import Reports
import Seals
import ServiceLevels
import Tenancy
import TestKit
import Testing

@testable import Flow

/// The game day of `docs/operating/game-day.md`: an ERP goes down at 16:50 on the evening before Christmas Eve. Every figure here
/// stands there with its working; a change of one is a change of the other.
@Suite("the game day")
struct GameDayTests {
    private static let zone = "Europe/Berlin"

    /// A wall time of that December in Berlin.
    private static func at(_ day: Int, _ time: String) throws -> Moment {
        try #require(Moment("2026-12-\(day)T\(time):00+01:00"))
    }

    private static let calendar: JSONValue = [
        "kind": "calendar", "name": "game-day", "version": "1", "title": "Office of the game day", "timezone": .string(zone),
        "week": [
            "mon": [["09:00", "17:00"]], "tue": [["09:00", "17:00"]], "wed": [["09:00", "17:00"]], "thu": [["09:00", "17:00"]],
            "fri": [["09:00", "17:00"]],
        ],
        "overrides": ["2026-12-24": [["09:00", "12:00"]], "2026-12-25": []],
    ]

    private static func contract() -> JSONValue {
        func objective(_ name: String, _ target: String) -> JSONValue {
            [
                "name": .string(name), "title": .string(name), "target": .string(target), "warnPercents": [50],
                "pauseReasons": [], "budget": ["atLeast": "0.9"], "credits": [["below": "0.9", "creditPercent": "5"]],
            ]
        }
        return [
            "kind": "contract", "name": "managed-ap", "version": "2", "title": "Managed accounts payable",
            "calendar": "game-day", "effectiveFrom": "2026-01-01T00:00:00+01:00",
            "objectives": [objective("approval-cycle", "20h"), objective("posting", "2h")],
            "availability": [
                "target": "0.99", "alerts": ["erp-circuit-open"],
                "credits": [["below": "0.99", "creditPercent": "10"], ["below": "0.98", "creditPercent": "25"]],
            ],
            "credits": ["fee": "2000.00", "currency": "EUR", "capPercent": "50"],
            "reporting": ["recipients": ["controller@firm.example"]],
        ]
    }

    private static let runbook: Applying.Asset = {
        let steps = [
            "1. **Ask whether it is planned** `guidance`: Look in the notes.",
            "2. **Tell the ERP's keepers** `guidance`: Time, address, words of the answer.",
            "3. **Let it find its way back** `guidance`: Nobody has to close the circuit.",
        ].joined(separator: "\n")
        let body = Runbook.Section.allCases.map { "## \($0.rawValue)\n\n\($0 == .steps ? steps : "Words.")\n" }
            .joined(separator: "\n")
        return Applying.Asset(
            scope: .operator, kind: "runbook", name: "erp-circuit-open", version: "1",
            content: [
                "alert": "erp-circuit-open",
                "matter": [
                    "alert": "erp-circuit-open", "title": "An ERP does not answer", "severity": "sev2", "owner": "Platform",
                    "author": "tomas", "approver": "ines", "reviewed": "2026-06-01", "expires": "2027-05-01",
                    "tested": "2026-06-02", "summary": "Calls are held back until it does.",
                ], "body": .string(body),
            ])
    }()

    /// The one game day: everything that happens, in order.
    private final class Day: Sendable {
        let stage: Stage
        let incidents = Locked<[String: IncidentRow]>([:])

        init(_ stage: Stage) { self.stage = stage }

        /// Every wake-up up to an instant at its own time, as a server that runs would have them.
        func until(_ moment: Moment) async throws {
            for _ in 0..<500 {
                let lane = await stage.lane
                let next = try await stage.store.withLane(lane) { tx in
                    try await tx.query(TimerQueries.next(lane: lane)).first?.get("due_at", as: Moment.self)
                }
                guard let next, next < moment else { break }
                stage.move(to: next)
                try await stage.pump()
            }
            stage.move(to: moment)
            try await stage.pump()
        }

        func approve(_ number: String) async throws {
            let request = try #require(try await stage.requests("approval").first { $0.request.text.contains(number) })
            guard case .done = try await stage.decide("approve", on: request, by: "jonas") else {
                throw Fault("approving \(number)", isRetryable: false)
            }
            try await stage.pump()
        }

        func tell(_ circuit: ConnectionNews.Circuit, since: Moment?) async throws {
            let (watch, worker) = (await stage.house.watch, await stage.identity(stage.firm))
            let news = ConnectionNews(
                name: "erp", circuit: circuit, code: circuit == .closed ? nil : "timed-out", since: since,
                retryAt: since?.adding(seconds: 30), spentToday: 0, perDay: 0, day: CivilDate(utc: stage.now))
            try await watch.take([news], from: worker)
            try await stage.pump()
        }

        func incident(_ alert: String) async throws -> IncidentRow {
            try #require(try await stage.incidents().first { $0.alert == alert }, "\(alert)")
        }

        func colleague(_ slug: String) async throws -> Actor {
            let upper = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let person = try #require(try await stage.house.looking.people(upper.id).first { $0.slug == slug })
            return Actor(
                tenant: upper.id, person: person.id, natural: person.natural, name: person.name, roles: [], approvalLimit: nil)
        }

        func clock(_ number: String) async throws -> ClockRow {
            let run = try #require(try await stage.runs().first { $0.subject == number })
            return try #require(
                try await stage.house.looking.clocks(run.tenant, run: run.id).first { $0.objective == "posting" })
        }

        /// Who was paged for the ERP, and when in Berlin.
        func pages(_ incident: IncidentRow) async throws -> [String] {
            let id = await stage.firm.id
            let zone = try ZoneRules.load(GameDayTests.zone)
            return try await stage.store.withTenant(id) { tx in
                try await tx.query(
                    "SELECT facts FROM outbox WHERE tenant_id = \(id) AND topic = 'incident.paged' ORDER BY id"
                ).compactMap { row in
                    let facts = try row.get("facts", as: JSONValue.self)
                    guard facts["incident"]?.string == incident.id.text, let at = facts["at"]?.moment else { return nil }
                    let second = zone.localTime(at: at).secondOfDay
                    return
                        "\(facts["name"]?.string ?? "") \(second / 3600):\(second / 60 % 60 < 10 ? "0" : "")\(second / 60 % 60)"
                }
            }
        }
    }

    private func gameDay(_ body: @Sendable (Day) async throws -> Void) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            _ = try await stage.house.applying.apply(
                try SampleConfiguration.upperOnCall() + [
                    Applying.Asset(scope: .operator, kind: "calendar", name: "game-day", version: "1", content: Self.calendar),
                    Self.runbook,
                ], by: nil)
            try await stage.open()
            let slug = await stage.firm.scope.slug
            try await stage.publish(
                SampleConfiguration.tenant(slug, approvalTarget: "20h", settleSeconds: 25).filter { $0.kind != "contract" } + [
                    Applying.Asset(
                        scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "contract", name: "managed-ap",
                        version: "2", content: SampleConfiguration.signed(Self.contract()))
                ])
            try await body(Day(stage))
        }
    }

    @Test("an ERP goes down before a holiday: clocks, warnings, pages, runbook, recovery, breach, budget and credit")
    func wholeDay() async throws {
        try await gameDay { day in
            let stage = day.stage
            stage.move(to: try Self.at(23, "15:30"))
            for (number, gross) in [("R-1", "4800.00"), ("R-2", "4810.00")] {
                try await stage.receive(SampleDocument(number: number, gross: gross, order: "PO-\(gross)"))
            }
            try await stage.work()

            // 16:50: the ledger is away. The worker holds its calls back, so nobody asks it for anything until it is back.
            let down = try Self.at(23, "16:50")
            try await day.until(down)
            try await day.tell(.open, since: down)
            let opened = try await day.incident("erp-circuit-open")
            #expect(opened.severity == "sev2" && opened.openedAt == down)
            #expect(try await day.pages(opened) == ["Saskia Brandt 16:50"])

            // 16:52: the first invoice is approved; its promise of two hours begins eight minutes before the office closes.
            try await day.until(try Self.at(23, "16:52"))
            try await day.approve("R-1")
            #expect(try await day.clock("R-1").dueAt == Self.at(24, "10:52"))

            // Nobody answers for a quarter of an hour; the second line does at 17:08.
            try await day.until(try Self.at(23, "17:08"))
            #expect(try await day.pages(opened) == ["Saskia Brandt 16:50", "Bela Kis 17:05"])
            let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
            let bela = try await day.colleague("bela")
            _ = try await alerting.acknowledge(opened.id, as: bela, scope: scope)
            try await stage.pump()
            let taken = try await day.incident("erp-circuit-open")
            let answered = try #require(taken.acknowledgedAt).seconds(since: taken.openedAt)
            #expect(answered == 1_080)

            // The runbook, step by step, and what is safe over the night.
            let guiding = await stage.house.guiding
            let asker = Guiding.Asker(try await stage.firm.actor("ruth"), in: scope) { _ in true }
            let followed = try await guiding.start(opened.id, as: asker)
            for step in 1...3 { _ = try await guiding.settle(followed.row.id, step: step, .done, as: asker) }
            #expect(try await guiding.find(followed.row.id, in: scope.id).state.phase == .finished)
            _ = try await alerting.change(
                opened.id, .mitigated(text: "Calls are held back, nothing is lost; its keepers know."), as: bela, scope: scope)
            try await stage.pump()
            try await secondDay(day, opened)
        }
    }

    /// Christmas Eve, on which the office is open from nine to twelve.
    private func secondDay(_ day: Day, _ opened: IncidentRow) async throws {
        let stage = day.stage
        try await day.until(try Self.at(24, "09:10"))
        #expect(try await day.clock("R-1").elapsedSeconds == 0, "stored figures are of the last event; readings are of now")
        try await day.approve("R-2")
        // Nobody was called in the night, for the incident is mitigated.
        #expect(try await day.pages(opened).count == 2)

        // 09:52: half of the first promise is used up; 10:10: half of the second.
        try await day.until(try Self.at(24, "09:53"))
        let risk = try await day.incident("sla-risk")
        let warned = try Self.at(24, "09:52")
        #expect(risk.openedAt == warned && risk.occurrences == 1)
        try await day.until(try Self.at(24, "10:11"))
        #expect(try await day.incident("sla-risk").occurrences == 2)
        #expect(try await day.clock("R-2").warnedAt == Self.at(24, "10:10"))

        // 10:52: the first promise is missed at the first second that is more than two hours.
        try await day.until(try Self.at(24, "10:57"))
        let late = try await day.clock("R-1")
        let missed = try Self.at(24, "10:52")
        #expect(late.outcome == "breached" && late.breachedAt == missed)
        #expect(try await day.incident("sla-breach").occurrences == 1)

        // 10:58: the ledger answers, the waiting work goes on by itself.
        let back = try Self.at(24, "10:58")
        try await day.until(back)
        try await day.tell(.closed, since: nil)
        try await stage.work()
        #expect(stage.now == back)
        let (first, second) = (try await day.clock("R-1"), try await day.clock("R-2"))
        #expect(first.elapsedSeconds == 7_560 && first.outcome == "breached" && first.stoppedAt == back)
        #expect(second.elapsedSeconds == 6_480 && second.outcome == "met" && second.stoppedAt == back)
        let bills = stage.ledger.bills(of: await stage.firm.id).map(\.number).sorted()
        #expect(bills == ["R-1", "R-2"], "each was posted once")
        // What somebody has taken on is theirs to end; until then it is an outage.
        #expect(try await day.incident("erp-circuit-open").resolvedAt == nil)
        _ = try await stage.house.alerting.resolve(
            opened.id, reason: "The ledger answers, and both invoices are posted.", as: try await day.colleague("bela"),
            scope: await stage.firm.scope)
        try await stage.pump()
        #expect(try await day.incident("erp-circuit-open").resolvedAt == back)
        try await figures(day, back)
    }

    /// What the month's report will say of it.
    private func figures(_ day: Day, _ back: Moment) async throws {
        let house = await day.stage.house
        let budgeting = Budgeting(platform: house.platform, scopes: house.scopes, assets: house.assets, desk: house.desk)
        let posting = try #require(
            try await budgeting.budgets(of: day.stage.firm.id).first { $0.objective.name == "posting" })
        #expect(posting.reading.budget.counts == CaseCounts(good: 1, bad: 1))
        #expect(posting.reading.budget.spentPermille == 5_000)
        // Two cases are few: one bad slice of five minutes is no trend, so nobody is called a second time.
        #expect(posting.reading.alarms.isEmpty && posting.reading.budget.isQuiet)

        var issues: [AssetIssue] = []
        let calendar = try #require(ServiceCalendar.parse(Self.calendar, issues: &issues))
        let availability = try SLAExplain.explain([
            "kind": "availability", "calendar": calendar.json, "period": ["month": "2026-12", "timezone": .string(Self.zone)],
            "target": "0.99", "tiers": [["below": "0.99", "creditPercent": 10], ["below": "0.98", "creditPercent": 25]],
            "creditCapPercent": 50, "outages": [["start": "2026-12-23T16:50:00+01:00", "end": .string(back.text(fraction: 0))]],
            "maintenance": [], "maintenanceNoticeSeconds": 0,
        ])
        #expect(
            availability == [
                "agreedSeconds": 615_600, "downtimeSeconds": 7_680, "met": false, "creditPercent": 10,
            ])
        try await report(day)
    }

    /// The report that the server drafts when the year is over.
    private func report(_ day: Day) async throws {
        let (house, scope) = (await day.stage.house, await day.stage.firm.scope)
        day.stage.move(to: try #require(Moment("2027-01-01T01:00:00+01:00")))
        try await day.stage.pump()
        let desk = ReportDesk(platform: house.platform, assets: house.assets, wake: {})
        let drafting = ReportDrafting(platform: house.platform, scopes: house.scopes, desk: desk)
        #expect(try await drafting.look(at: scope) == 1)
        let drafted = try #require(try await desk.page(scope.id, limit: 5).first)
        let building = ReportBuilding(platform: house.platform, assets: house.assets)
        _ = try await building.build(drafted.id, of: scope.id)
        let document = try #require(try await desk.shown(scope.id, drafted.id).document)
        let figures = document["figures"]
        let objectives = try #require(figures?["objectives"]?.array)
        #expect(objectives.map { $0["name"]?.string } == ["approval-cycle", "posting"])
        #expect(objectives.map { [$0["n"]?.int, $0["met"]?.int, $0["missed"]?.int] } == [[2, 2, 0], [2, 1, 1]])
        #expect(objectives.map { $0["kept"]?.bool } == [true, false])
        let missed = try #require(document["breaches"]?.array)
        #expect(missed.map { $0["breachedAt"]?.string } == ["2026-12-24T09:52:00Z"])
        #expect(missed.map { $0["elapsedSeconds"]?.int } == [7_560])
        #expect(
            [figures?["availability"]?["agreedSeconds"]?.int, figures?["availability"]?["downtimeSeconds"]?.int]
                == [615_600, 7_680])
        #expect(figures?["availability"]?["met"]?.bool == false)
        #expect(figures?["credits"]?["percent"]?.string == "10" && figures?["credits"]?["isCapped"]?.bool == false)
        #expect(figures?["credits"]?["amount"]?.string == "200.00" && figures?["credits"]?["currency"]?.string == "EUR")
        // Whoever gets it counts again, from the attached data alone.
        var check = try ReportVerification(document: document) { SHA256.hash($0) }
        for line in try #require(try await desk.chunk(scope.id, drafted.id, 1)).split(separator: "\n") {
            try check.take(Array(line.utf8))
        }
        for line in (try await desk.chunk(scope.id, drafted.id, 2) ?? "").split(separator: "\n") {
            try check.take(Array(line.utf8))
        }
        #expect(try check.differences().isEmpty)
    }
}
