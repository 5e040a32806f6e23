import Finance
package import Kernel

/// What the tests of a policy exercise: how many there are, and which of its rules none of them fires.
package struct PolicyCoverage: Sendable, Equatable {
    package let policy: String
    package let tests: Int
    package let rules: [String]
    package let fired: [String]

    package var neverFired: [String] { rules.filter { !fired.contains($0) } }

    /// `ap-route: 3 tests, 3 of 6 rules fired; never: …`.
    package var sentence: String {
        let never = neverFired
        let tail = never.isEmpty ? "" : "; never: \(never.joined(separator: ", "))"
        return
            "\(policy): \(tests) \(tests == 1 ? "test" : "tests"), \(rules.count - never.count) of \(rules.count) rules fired"
            + tail
    }

    package var json: JSONValue {
        [
            "policy": .string(policy), "tests": JSONValue(tests), "rules": JSONValue(rules.count),
            "neverFired": .array(neverFired.map(JSONValue.string)),
        ]
    }
}

extension Policy {
    /// Ids of everything that can be named as fired, in the order of the file.
    package var ruleIDs: [String] {
        switch body {
        case .decisionTable(let table): table.rules.map(\.id) + (table.otherwise == nil ? [] : ["otherwise"])
        case .approvalMatrix(let matrix): matrix.rows.map(\.id) + ["otherwise"]
        case .tolerances(let table): table.rows.map(\.tolerance.id)
        case .dutySeparation(let duties): duties.rules.map(\.id)
        case .formula: ["formula"]
        case .guardrails(let guardrails): guardrails.rules.map(\.id)
        }
    }

    package var coverage: PolicyCoverage {
        var fired: [String] = []
        // A test whose input is refused fires nothing.
        for test in tests { fired += (try? decide(test.input))?.rulesFired.map(\.id) ?? [] }
        return PolicyCoverage(policy: name, tests: tests.count, rules: ruleIDs, fired: fired)
    }
}

/// One case of a policy's own tests: an input and what has to come out.
struct PolicyCase: Sendable {
    static let casesMax = 500

    let name: String
    let input: JSONValue
    let outcome: JSONValue?
    let rules: [String]?
    let refused: String?

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> [PolicyCase] {
        let items = reader.list("tests", upTo: casesMax, isRequired: false, issues: &issues)
        if items.isEmpty {
            issues.append(
                AssetIssue(
                    reader.pointer, "A policy without tests cannot be trusted after its next change.",
                    remedy: "Add `tests` with an `input` and what to `expect`.", severity: .warning))
        }
        return items.compactMap { item in
            guard let test = AssetReader(item.value, at: item.pointer, "test", issues: &issues) else { return nil }
            test.close(["name", "input", "expect"], issues: &issues)
            let name = test.text("name", issues: &issues)
            guard let input = test.object["input"], let expected = test.object["expect"] else {
                test.missing(test.object["input"] == nil ? "input" : "expect", issues: &issues)
                return nil
            }
            guard let expect = AssetReader(expected, at: test.path("expect"), "expectation", issues: &issues), let name else {
                return nil
            }
            expect.close(["outcome", "rules", "refused"], issues: &issues)
            let rules = expect.object["rules"] == nil ? nil : expect.texts("rules", upTo: 200, issues: &issues)
            let refused = expect.optionalText("refused", issues: &issues)
            if expect.object.isEmpty {
                issues.append(
                    AssetIssue(expect.pointer, "The test expects nothing.", remedy: "Add `outcome`, `rules` or `refused`."))
            }
            return PolicyCase(name: name, input: input, outcome: expect.object["outcome"], rules: rules, refused: refused)
        }
    }

    func run(_ policy: Policy, pointer: String) -> AssetIssue? {
        do throws(Refusal) {
            let decision = try policy.decide(input)
            if let refused { return failed(pointer, "gave \(decision.outcome.text) instead of the refusal `\(refused)`") }
            if let outcome, outcome != decision.outcome { return failed(pointer, "gave \(decision.outcome.text)") }
            let fired = decision.rulesFired.map(\.id)
            if let rules, rules != fired { return failed(pointer, "fired \(fired.joined(separator: ", "))") }
            return nil
        } catch {
            if let refused, refused == error.reason { return nil }
            return failed(pointer, "was refused: \(error.message) (`\(error.reason)`)")
        }
    }

    private func failed(_ pointer: String, _ what: String) -> AssetIssue {
        AssetIssue(
            pointer, "The test \"\(name)\" \(what).", remedy: "Correct the rule, or the test when the rule is what you want.")
    }
}
