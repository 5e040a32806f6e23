import Kernel
import Records
import Reports
import ServiceLevels
import Testing

@testable import Flow

@Suite("monthly reports that nobody asked for")
struct ReportDraftingTests {
    private static let hour: Int64 = 3600

    private struct Bureau: Sendable {
        let platform: Platform
        let scopes: ScopeDirectory
        let desk: ReportDesk
        let building: ReportBuilding
        let scope: ScopeRow

        init(_ stage: Stage) async {
            scope = await stage.firm.scope
            let house = await stage.house
            (platform, scopes) = (house.platform, house.scopes)
            desk = ReportDesk(platform: house.platform, assets: house.assets, wake: {})
            building = ReportBuilding(platform: house.platform, assets: house.assets)
        }

        /// A server that has just started: it remembers nothing of what others looked at.
        func server() -> ReportDrafting { ReportDrafting(platform: platform, scopes: scopes, desk: desk) }

        /// Suites share a database, and their stories have different times: each looks at its own firm alone.
        func look() async throws { try await server().look(at: scope) }
    }

    private func story(_ atLeast: String? = nil, target: String = "4h") async throws -> Stage {
        let stage = try await Stage.make(approvalTarget: target)
        guard let atLeast else { return stage }
        var terms = SampleConfiguration.ContractTerms()
        (terms.version, terms.atLeast) = ("2", atLeast)
        try await stage.publish(
            SampleConfiguration.tenant(
                await stage.firm.scope.slug, approvalTarget: target, settleSeconds: 25, contract: terms))
        return stage
    }

    /// An approval that is asked for and signed `seconds` later.
    private func approval(_ stage: Stage, _ number: Int, after seconds: Int64) async throws {
        try await stage.receive(
            SampleDocument(number: "R-\(number)", gross: "48\(number)0.00", order: "PO-48\(number)0.00"))
        try await stage.work()
        stage.move(seconds: seconds)
        try await stage.pump()
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else {
            throw Fault("signing", isRetryable: false)
        }
        try await stage.work()
    }

    /// The reports of a story's firm, the oldest month first.
    private func reports(_ bureau: Bureau, _ stage: Stage) async throws -> [ReportStanding] {
        try await bureau.desk.page(await stage.firm.id, limit: 50).reversed()
    }

    private func figures(_ bureau: Bureau, _ stage: Stage, _ report: SLAReportID) async throws -> JSONValue {
        let tenant = await stage.firm.id
        _ = try await bureau.building.build(report, of: tenant)
        let document = try #require(try await bureau.desk.shown(tenant, report).document)
        return try #require(
            document["figures"]?["objectives"]?.array?.first { $0["name"]?.string == "approval-cycle" })
    }

    @Test(
        "the report of a month has the cases of its error budget and judges them by the same share",
        arguments: [("0.6", true), ("0.7", false)])
    func agrees(atLeast: String, isKept: Bool) async throws {
        let stage = try await story(atLeast)
        try await approval(stage, 1, after: Self.hour)
        try await approval(stage, 2, after: 5 * Self.hour)
        try await approval(stage, 3, after: Self.hour)
        stage.move(to: try #require(Moment("2026-07-31T23:59:00Z")))
        try await stage.pump()
        let house = await stage.house
        let budgets = try await Budgeting(
            platform: house.platform, scopes: house.scopes, assets: house.assets, desk: house.desk
        ).budgets(of: await stage.firm.id)
        let budget = try #require(budgets.first)
        #expect(budget.reading.budget.counts == CaseCounts(good: 2, bad: 1))
        stage.move(to: try #require(Moment("2026-08-01T02:00:00Z")))
        let bureau = await Bureau(stage)
        try await bureau.look()
        let report = try #require(try await reports(bureau, stage).last)
        let figures = try await figures(bureau, stage, report.id)
        #expect(figures["met"]?.int64 == budget.reading.budget.counts.good)
        #expect(figures["missed"]?.int64 == budget.reading.budget.counts.bad)
        #expect(figures["n"]?.int64 == budget.reading.budget.counts.total)
        #expect(figures["kept"]?.bool == !budget.reading.budget.isSpent && figures["kept"]?.bool == isKept)
        #expect(figures["atLeast"]?.string == budget.share.share.description)
        #expect(
            try await bureau.desk.shown(await stage.firm.id, report.id).row.terms["from"]?.moment
                == Moment(seconds: budget.reading.period.start))
    }

    @Test("a month is drafted once, by whoever looks first, and nobody is its author")
    func once() async throws {
        let stage = try await story()
        try await approval(stage, 1, after: Self.hour)
        let bureau = await Bureau(stage)
        let server = bureau.server()
        stage.move(to: try #require(Moment("2026-08-01T00:59:59Z")))
        try await server.look(at: bureau.scope)
        #expect(try await reports(bureau, stage).isEmpty)
        stage.move(to: try #require(Moment("2026-08-01T01:00:00Z")))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for one in [server, bureau.server(), bureau.server()] { group.addTask { _ = try await one.look(at: bureau.scope) } }
            try await group.waitForAll()
        }
        try await server.look(at: bureau.scope)
        let all = try await reports(bureau, stage)
        #expect(all.map(\.month) == ["2026-07"] && all.map(\.number) == [1])
        let row = try await bureau.desk.shown(await stage.firm.id, try #require(all.first).id).row
        #expect(row.authors.isEmpty && row.draftedBy == nil)
        #expect(try await stage.books().audit.contains("report.begun × 1"))
    }

    @Test("a month waits for the clocks that its lane has still to judge, and no longer than a day")
    func waits() async throws {
        let stage = try await story()
        stage.move(to: try #require(Moment("2026-07-31T18:00:00Z")))
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        // Its four hours end at 22:00, and nobody has looked at the clock since.
        let bureau = await Bureau(stage)
        stage.move(to: try #require(Moment("2026-08-01T23:00:00Z")))
        let server = bureau.server()
        try await server.look(at: bureau.scope)
        #expect(try await reports(bureau, stage).isEmpty)
        stage.move(to: try #require(Moment("2026-08-02T00:00:01Z")))
        try await server.look(at: bureau.scope)
        let report = try #require(try await reports(bureau, stage).last)
        #expect(try await figures(bureau, stage, report.id)["missed"]?.int == 1)
    }

    @Test("what was left out while no server ran is made up for, from a tenant's first clock on")
    func catchesUp() async throws {
        let stage = try await story()
        try await approval(stage, 1, after: Self.hour)
        stage.move(to: try #require(Moment("2026-09-20T08:00:00Z")))
        let bureau = await Bureau(stage)
        try await bureau.look()
        #expect(try await reports(bureau, stage).map(\.month) == ["2026-07", "2026-08"])
        #expect(try await reports(bureau, stage).map(\.number) == [1, 2])
    }

    @Test("a case that is decided after its contract was replaced stands on the report of the contract that it was promised by")
    func versions() async throws {
        let stage = try await story(target: "700h")
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        var terms = SampleConfiguration.ContractTerms()
        terms.version = "2"
        try await stage.publish(
            SampleConfiguration.tenant(
                await stage.firm.scope.slug, approvalTarget: "4h", settleSeconds: 25, contract: terms))
        stage.move(to: try #require(Moment("2026-09-02T08:00:00Z")))
        try await stage.pump()
        let bureau = await Bureau(stage)
        try await bureau.look()
        let all = try await reports(bureau, stage)
        #expect(Set(all.map { "\($0.month) \($0.contractVersion)" }) == ["2026-07 1", "2026-07 2", "2026-08 1", "2026-08 2"])
        for one in all {
            let figures = try await figures(bureau, stage, one.id)
            let isOld = one.contractVersion == "1"
            #expect(figures["missed"]?.int == (isOld && one.month == "2026-08" ? 1 : 0), "\(one.month) \(one.contractVersion)")
            #expect(figures["openAtEnd"]?.int == (isOld && one.month == "2026-07" ? 1 : 0), "\(one.month) \(one.contractVersion)")
        }
        // In September nothing runs by the old one any more.
        stage.move(to: try #require(Moment("2026-10-02T08:00:00Z")))
        try await bureau.look()
        #expect(try await reports(bureau, stage).filter { $0.month == "2026-09" }.map(\.contractVersion) == ["2"])
    }

    @Test("a text that was never signed has no report, whatever its dates say")
    func unsigned() async throws {
        let stage = try await story()
        try await approval(stage, 1, after: Self.hour)
        var terms = SampleConfiguration.ContractTerms()
        (terms.version, terms.isSigned) = ("2", false)
        try await stage.publish(
            SampleConfiguration.tenant(
                await stage.firm.scope.slug, approvalTarget: "1h", settleSeconds: 25, contract: terms))
        stage.move(to: try #require(Moment("2026-08-02T08:00:00Z")))
        try await stage.pump()
        let bureau = await Bureau(stage)
        try await bureau.look()
        #expect(try await reports(bureau, stage).map(\.contractVersion) == ["1"])
    }

    @Test("months are those that may be over somewhere on earth, over the end of a year too")
    func months() throws {
        func months(_ text: String) throws -> [String] {
            ReportDrafting.months(before: try #require(Moment(text)))
        }
        #expect(try months("2026-02-10T00:00:00Z") == ["2025-11", "2025-12", "2026-01"])
        #expect(try months("2026-01-31T09:59:59Z") == ["2025-10", "2025-11", "2025-12"])
        #expect(try months("2026-01-31T10:00:00Z") == ["2025-11", "2025-12", "2026-01"])
    }
}
