import Kernel
import Postgres
import Records
import Reports
import ServiceLevels
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("runs that nobody touches")
struct TouchlessTests {
    private func firm() async throws -> Stage {
        let stage = try await Stage.make()
        var terms = SampleConfiguration.ContractTerms()
        terms.version = "2"
        terms.promises = [
            [
                "name": "touchless", "title": "Touchless", "budget": ["atLeast": "0.5", "quietBelowCases": 2],
                "credits": [["below": "0.8", "creditPercent": "5"]],
            ]
        ]
        try await stage.publish(
            SampleConfiguration.tenant(
                await stage.firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, contract: terms))
        return stage
    }

    private func judged(_ stage: Stage) async throws -> [String] {
        let firm = await stage.firm
        return try await stage.house.platform.store.withTenant(firm.id) { tx in
            try await tx.query(
                BudgetQueries.judged(tenant: firm.id, objective: "touchless", since: Stage.start, limit: 50)
            ).map { try JudgedRunRow($0).cause }
        }
    }

    private func counts(_ stage: Stage) async throws -> CaseCounts? {
        let house = await stage.house
        return try await Budgeting(
            platform: house.platform, scopes: house.scopes, assets: house.assets, desk: house.desk
        ).budgets(of: await stage.firm.id).first?.reading.budget.counts
    }

    @Test("a run that went through by itself is a good case")
    func touched() async throws {
        let stage = try await firm()
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.run().outcome == "posted")
        #expect(try await stage.run().touched == nil)
        #expect(try await judged(stage) == ["untouched"])
        #expect(try await counts(stage) == CaseCounts(good: 1, bad: 0))
    }

    @Test("a run that was posted after somebody approved it is a bad case: an approval is a touch")
    func approved() async throws {
        let stage = try await firm()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        #expect(try await judged(stage).isEmpty, "it has not ended")
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.run().outcome == "posted")
        #expect(try await judged(stage) == ["request"])
        #expect(try await counts(stage) == CaseCounts(good: 0, bad: 1))
    }

    @Test("a run that asked a person and was cancelled is a bad case, and the first touch is kept")
    func cancelled() async throws {
        let stage = try await firm()
        stage.ledger.change { $0.refusals = 1000 }
        try await stage.receive(SampleDocument())
        try await stage.work()
        let run = try await stage.run()
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.cancel(
            run.id, reason: "not wanted", key: "\(Entropy.system.next())", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        #expect(try await judged(stage) == ["request"], "the first touch is kept")
    }
}
