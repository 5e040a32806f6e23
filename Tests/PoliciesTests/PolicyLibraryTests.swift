import Kernel
import Testing

@testable import Policies

@Suite("The policies of the library")
struct PolicyLibraryTests {
    @Test(
        "every policy is published without an issue and passes its own tests",
        arguments: ["ap-approval", "ap-duty-separation", "ap-route", "ap-tolerances"])
    func published(name: String) throws {
        let policy = try PolicyLibraryTests.policy(name)
        #expect(policy.name == name)
        #expect(policy.tests.count >= 3)
        #expect(policy.runTests().isEmpty, "\(policy.runTests())")
    }

    @Test("a test that expects something else is told with what came out")
    func failingTest() throws {
        var json = try #require(PolicyLibraryTests.json("ap-route").object)
        json["tests"] = [
            [
                "name": "a dream",
                "input": [
                    "hasFatalFinding": true, "hasDuplicate": false, "isOverridden": false, "isMatched": true,
                    "supplierRisk": "low",
                ], "expect": ["outcome": ["risk": "standard"]],
            ]
        ]
        var issues: [AssetIssue] = []
        let policy = try #require(Policy.parse(.object(json), issues: &issues))
        #expect(policy.runTests().map(\.message) == ["The test \"a dream\" gave {\"risk\":\"elevated\"}."])
        #expect(policy.runTests().map(\.pointer) == ["/tests/0"])
    }

    @Test("a decision carries the rule, the version, the inputs it used, and a hash of all that")
    func receipt() throws {
        let policy = try PolicyLibraryTests.policy("ap-approval")
        let decision = try policy.decide([
            "amount": "1000.01", "currency": "EUR", "entity": "DE01", "risk": "standard", "note": "unused",
        ])
        #expect(decision.rulesFired.map(\.id) == ["standard-middle"])
        #expect(decision.version == "1.0")
        #expect(decision.inputsUsed["note"] == nil)
        let receipt = decision.receipt { String($0.text.utf8.count) }
        #expect(receipt["hash"]?.string == String(decision.json.text.utf8.count))
        #expect(receipt["outcome"]?["signatures"] == 1)
    }

    @Test("the more an invoice asks, the more people sign, over any amount")
    func monotonous() throws {
        let policy = try PolicyLibraryTests.policy("ap-approval")
        for risk in ["standard", "elevated", "unheard-of"] {
            for currency in ["EUR", "GBP", "JPY"] {
                var before = 0
                for amount in [
                    "0", "0.01", "999.99", "1000.00", "1000.01", "10000", "10000.01", "100000", "100000.01", "999999999999",
                ] {
                    let outcome = try policy.decide([
                        "amount": .string(amount), "currency": .string(currency), "risk": .string(risk),
                    ]).outcome
                    let signatures = try #require(outcome["signatures"]?.int)
                    #expect(signatures >= before, "\(risk) \(currency) \(amount)")
                    before = signatures
                }
            }
        }
    }

    static func policy(_ name: String) throws -> Policy {
        var issues: [AssetIssue] = []
        let policy = try #require(Policy.parse(try json(name), issues: &issues), "\(issues)")
        #expect(issues.isEmpty, "\(issues)")
        return policy
    }

    static func json(_ name: String, from file: String = #filePath) throws -> JSONValue {
        let folder = "/" + file.split(separator: "/").dropLast(2).joined(separator: "/") + "/Fixtures/library"
        return try JSONValue(parsing: try FileBytes.read("\(folder)/\(name).json", maxBytes: 1_000_000))
    }
}
