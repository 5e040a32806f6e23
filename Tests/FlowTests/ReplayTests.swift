import Kernel
import Postgres
import Records
import Seals
import Testing

@testable import Flow

@Suite("Decisions on record")
struct ReplayTests {
    @Test("every decision of a policy leaves a receipt that anyone can compute again")
    func receipts() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument())
        try await stage.work()
        let house = await stage.house
        let decisions = try await house.looking.decisions(stage.firm.id, limit: 50)
        let policies = decisions.compactMap { $0.receipt["policy"]?.string }
        #expect(Set(policies) == ["ap-tolerances", "ap-route", "ap-approval"])
        for decision in decisions {
            guard case .object(var members) = decision.receipt, let hash = members["hash"]?.string else {
                Issue.record("no receipt: \(decision.receipt.text)")
                continue
            }
            members["hash"] = nil
            #expect(try hash == ObjectHash.hexText(of: .object(members)))
            #expect(members["version"]?.string == "1.0")
            #expect(decision.subject == "R-1")
        }
        #expect(try await house.looking.decisions(stage.firm.id, policy: "ap-route", limit: 50).count == 1)
    }

    @Test("a stricter version is replayed over what was decided, and nothing changes by asking")
    func impact() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument())
        try await stage.work()
        let house = await stage.house
        let before = try await stage.books().audit
        let row = try #require(try await house.assets.current(for: stage.firm.id).row("policy", "ap-approval"))
        guard case .object(var content) = row.content else { return }
        #expect(try await house.looking.impact(of: row.content, tenant: stage.firm.id)["unchanged"] == 1)
        // Whatever it was, from now on a controller signs it.
        content["version"] = "2.0"
        content["rows"] = []
        content["tests"] = []
        content["otherwise"] = [
            "label": "Always a controller", "steps": [["role": "controller", "quorum": 1, "label": "Controller"]],
        ]
        let report = try await house.looking.impact(of: .object(content), tenant: stage.firm.id)
        #expect(report["changed"] == 1)
        #expect(report["kinds"]?[0]?["to"] == "1 × controller")
        #expect(report["atStake"]?[0]?["count"] == 1)
        #expect(report["isComplete"] == true)
        #expect(report["meaning"]?.array?.isEmpty == false)
        #expect(try await stage.books().audit == before)
        let later = house.platform.clock.now.adding(seconds: 86_400)
        #expect(try await house.looking.impact(of: row.content, tenant: stage.firm.id, since: later)["decisions"] == 0)
    }

    @Test("what is no policy is refused with its place")
    func unsound() async throws {
        let stage = try await Stage.make()
        let house = await stage.house
        let refusal = await #expect(throws: Refusal.self) {
            try await house.looking.impact(of: ["kind": "approval-matrix", "name": "x"], tenant: stage.firm.id)
        }
        #expect(refusal?.reason == "policy.unsound")
    }
}
