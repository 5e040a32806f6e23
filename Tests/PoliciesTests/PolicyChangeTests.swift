import Kernel
import Testing

@testable import Policies

@Suite("A policy's next version")
struct PolicyChangeTests {
    @Test("a change is told as what moves: rules, thresholds, approvers")
    func meaning() throws {
        let old = try PolicyLibraryTests.policy("ap-approval")
        let new = try changed("ap-approval") { json in
            var rows = json["rows"]?.array ?? []
            // Small invoices end lower, the next band begins there and asks for the controller.
            rows[0] = replaced(rows[0], "upTo", "500.00")
            rows[1] = replaced(
                replaced(rows[1], "over", "500.00"), "steps", [["role": "controller", "quorum": 1, "label": "Controller"]])
            json["rows"] = .array(rows)
        }
        #expect(
            PolicyDifference.sentences(from: old, to: new) == [
                "Band `standard-small`: it ends at 500.00, and did at 1000.00.",
                "Band `standard-middle`: it starts over 500.00, and did over 1000.00.",
                "Band `standard-middle`: it asks for 1 × controller, and asked for 1 × approver.",
            ])
        #expect(PolicyDifference.sentences(from: old, to: old).isEmpty)
    }

    @Test("new and vanished rules, outcomes and orders of a table are told")
    func tableMeaning() throws {
        let old = try PolicyLibraryTests.policy("ap-route")
        let new = try changed("ap-route") { json in
            var rules = json["rules"]?.array ?? []
            rules[3] = replaced(rules[3], "when", ["supplierRisk": "high, med"])
            rules.swapAt(0, 1)
            rules.remove(at: 4)
            json["rules"] = .array(rules)
        }
        #expect(
            PolicyDifference.sentences(from: old, to: new) == [
                "Rule `risky-supplier`: supplierRisk has to be high, med, and was high.",
                "Rule `without-order` is gone: There is no order to compare with.",
                "The order changes to `cleared-duplicate`, `accepted-findings`, `accepted-difference`, `risky-supplier`, "
                    + "`ordinary`.",
            ])
    }

    @Test("recorded decisions are replayed: counts, what became of what, the amount at stake, examples")
    func impact() throws {
        let old = try PolicyLibraryTests.policy("ap-approval")
        let new = try changed("ap-approval") { json in
            var rows = json["rows"]?.array ?? []
            rows[0] = replaced(rows[0], "upTo", "500.00")
            rows[1] = replaced(rows[1], "over", "500.00")
            json["rows"] = .array(rows)
        }
        var impact = PolicyImpact(of: new, earlier: ["1.0": old])
        for (amount, currency) in [
            ("400.00", "EUR"), ("500.01", "EUR"), ("1000.00", "EUR"), ("700.00", "GBP"), ("5000.00", "EUR"),
        ] {
            impact.add(
                try recorded(
                    old, ["amount": .string(amount), "currency": .string(currency), "risk": "standard"], amount, currency))
        }
        impact.add(
            PolicyImpact.Recorded(
                receipt: ["version": "1.0", "inputs": ["fingerprint": "ab"], "outcome": .null], at: Moment(seconds: 0), run: "",
                subject: "", counterparty: "", amount: nil))
        #expect([impact.decisions, impact.unchanged, impact.changed, impact.refused, impact.untold] == [6, 2, 3, 0, 1])
        let report = impact.json
        #expect(
            report["atStake"] == [
                ["currency": "EUR", "amount": "1500.01", "count": 2], ["currency": "GBP", "amount": "700.00", "count": 1],
            ])
        #expect(report["kinds"] == [["from": "no signature", "to": "1 × approver", "count": 3]])
        #expect(report["examples"]?[0]?["subject"] == "R-500.01")
        #expect(report["untoldReasons"] == [["reason": "the inputs are kept as a fingerprint only", "count": 1]])
    }

    @Test("a table is replayed by what its columns read, and what was not recorded is not invented")
    func tableImpact() throws {
        let old = try PolicyLibraryTests.policy("ap-route")
        let input: JSONValue = [
            "hasFatalFinding": false, "hasDuplicate": false, "isOverridden": false, "isMatched": true, "supplierRisk": "med",
        ]
        let renamed = try changed("ap-route") { json in
            var inputs = json["inputs"]?.array ?? []
            inputs[4] = replaced(inputs[4], "name", "tier")
            json["inputs"] = .array(inputs)
            var rules = json["rules"]?.array ?? []
            rules[3] = replaced(rules[3], "when", ["tier": "high, med"])
            json["rules"] = .array(rules)
        }
        var impact = PolicyImpact(of: renamed, earlier: ["1.0": old])
        impact.add(try recorded(old, input, "10.00", "EUR"))
        #expect(impact.changed == 1)
        let derived = try changed("ap-route") { json in
            var inputs = json["inputs"]?.array ?? []
            inputs[3] = replaced(inputs[3], "expression", "input.isMatched && !input.isOverridden")
            json["inputs"] = .array(inputs)
        }
        impact = PolicyImpact(of: derived, earlier: ["1.0": old])
        impact.add(try recorded(old, input, "10.00", "EUR"))
        #expect(impact.unchanged == 1)
        let curious = try changed("ap-route") { json in
            var inputs = json["inputs"]?.array ?? []
            inputs[3] = replaced(inputs[3], "expression", "input.isForeign")
            json["inputs"] = .array(inputs)
        }
        impact = PolicyImpact(of: curious, earlier: ["1.0": old])
        impact.add(try recorded(old, input, "10.00", "EUR"))
        #expect(impact.untold == 1)
    }

    @Test("a receipt keeps the fingerprint of what belongs to a person, another in every run")
    func personal() throws {
        let policy = try changed("ap-route") { json in
            var inputs = json["inputs"]?.array ?? []
            inputs[4] = replaced(inputs[4], "personal", true)
            json["inputs"] = .array(inputs)
        }
        let decision = try policy.decide([
            "hasFatalFinding": false, "hasDuplicate": false, "isOverridden": false, "isMatched": true, "supplierRisk": "high",
        ])
        let receipt = decision.receipt(salt: "one") { $0.text }
        let fingerprint = try #require(receipt["inputs"]?["supplierRisk"]?["fingerprint"]?.string)
        #expect(fingerprint != decision.receipt(salt: "two") { $0.text }["inputs"]?["supplierRisk"]?["fingerprint"]?.string)
        #expect(receipt["inputs"]?["matched"] == true)
        #expect(receipt["outcome"] == ["risk": "elevated"])
        var impact = PolicyImpact(of: policy, earlier: ["1.0": policy])
        impact.add(
            PolicyImpact.Recorded(
                receipt: receipt, at: Moment(seconds: 0), run: "", subject: "", counterparty: "", amount: nil))
        #expect(impact.untold == 1)
    }

    @Test("the tests of a policy say which rules none of them fires")
    func coverage() throws {
        let coverage = try PolicyLibraryTests.policy("ap-route").coverage
        #expect(coverage.neverFired == ["accepted-findings", "cleared-duplicate", "risky-supplier"])
        #expect(
            coverage.sentence
                == "ap-route: 3 tests, 3 of 6 rules fired; never: accepted-findings, cleared-duplicate, risky-supplier")
    }

    private func recorded(
        _ policy: Policy, _ input: JSONValue, _ amount: String, _ currency: String
    ) throws -> PolicyImpact.Recorded {
        let code = try #require(Currency(currency))
        let money = try #require(ExactDecimal(amount)).money(code)
        return PolicyImpact.Recorded(
            receipt: try policy.decide(input).receipt { String($0.text.utf8.count) }, at: Moment(seconds: 0), run: "run",
            subject: "R-\(amount)", counterparty: "Nordlicht", amount: money)
    }

    private func replaced(_ value: JSONValue, _ name: String, _ member: JSONValue) -> JSONValue {
        guard case .object(var object) = value else { return value }
        object[name] = member
        return .object(object)
    }

    /// A version of a library policy with something else in it, and no tests.
    private func changed(_ name: String, _ change: (inout JSONObject) -> Void) throws -> Policy {
        var json = try #require(PolicyLibraryTests.json(name).object)
        change(&json)
        json["tests"] = []
        json["version"] = "2.0"
        var issues: [AssetIssue] = []
        let policy = Policy.parse(.object(json), issues: &issues)
        #expect(issues.allSatisfy { $0.severity == .warning }, "\(issues)")
        return try #require(policy)
    }
}
