package import Kernel

/// A policy asset of one version; immutable once published.
package struct Policy: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case decisionTable = "decision-table"
        case approvalMatrix = "approval-matrix"
        case tolerances
        case dutySeparation = "duty-separation"
        case formula
    }

    package enum Body: Sendable {
        case decisionTable(DecisionTable)
        case approvalMatrix(ApprovalMatrix)
        case tolerances(ToleranceTable)
        case dutySeparation(DutySeparation)
        case formula(FormulaPolicy)
    }

    package let name: String
    package let version: String
    package let title: String
    package let body: Body
    let tests: [PolicyCase]

    package var kind: Kind {
        switch body {
        case .decisionTable: .decisionTable
        case .approvalMatrix: .approvalMatrix
        case .tolerances: .tolerances
        case .dutySeparation: .dutySeparation
        case .formula: .formula
        }
    }

    package var dutySeparation: DutySeparation? {
        if case .dutySeparation(let rules) = body { rules } else { nil }
    }

    package var tolerances: ToleranceTable? {
        if case .tolerances(let table) = body { table } else { nil }
    }

    static let commonMembers = ["kind", "name", "version", "title", "description", "tests"]

    /// Reads an asset; nil only when it is unusable. Publish-time checks are part of the reading.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> Policy? {
        guard let reader = AssetReader(json, at: "", "policy", issues: &issues) else { return nil }
        let kind = reader.choice("kind", Kind.self, otherwise: nil, issues: &issues)
        let name = reader.name("name", issues: &issues)
        let version = reader.text("version", issues: &issues)
        let title = reader.text("title", issues: &issues)
        _ = reader.optionalText("description", issues: &issues)
        let tests = PolicyCase.parse(reader, issues: &issues)
        guard let kind else { return nil }
        let body: Body?
        switch kind {
        case .decisionTable: body = DecisionTable.parse(reader, issues: &issues).map(Body.decisionTable)
        case .approvalMatrix: body = ApprovalMatrix.parse(reader, issues: &issues).map(Body.approvalMatrix)
        case .tolerances: body = ToleranceTable.parse(reader, issues: &issues).map(Body.tolerances)
        case .dutySeparation: body = DutySeparation.parse(reader, issues: &issues).map(Body.dutySeparation)
        case .formula: body = FormulaPolicy.parse(reader, issues: &issues).map(Body.formula)
        }
        guard let body, let name, let version, let title else { return nil }
        return Policy(name: name, version: version, title: title, body: body, tests: tests)
    }

    /// Decides for one input. Refusals: `policy.input` when the input lacks what the policy asks for, `policy.gap` when no rule
    /// applies, `policy.conflict` when rules contradict each other.
    package func decide(_ input: JSONValue) throws(Refusal) -> PolicyDecision {
        let answer: PolicyAnswer
        switch body {
        case .decisionTable(let table): answer = try table.decide(input)
        case .approvalMatrix(let matrix): answer = try matrix.decide(input)
        case .tolerances(let table): answer = try table.decide(input)
        case .dutySeparation(let rules): answer = try rules.decide(input)
        case .formula(let formula): answer = try formula.decide(input)
        }
        return PolicyDecision(
            policy: name, version: version, outcome: answer.outcome, rulesFired: answer.rulesFired, inputsUsed: answer.inputsUsed)
    }

    /// Runs the cases that the asset brings along; an issue for each that comes out otherwise.
    package func runTests() -> [AssetIssue] {
        tests.enumerated().compactMap { number, test in test.run(self, pointer: "/tests/\(number)") }
    }
}

/// What one kind of policy answers, before name and version are put to it.
struct PolicyAnswer {
    let outcome: JSONValue
    let rulesFired: [PolicyDecision.Rule]
    let inputsUsed: JSONValue
}

/// What a policy decided, and why.
package struct PolicyDecision: Sendable, Equatable {
    package struct Rule: Sendable, Equatable {
        package let id: String
        package let label: String

        package init(id: String, label: String) {
            self.id = id
            self.label = label
        }
    }

    package let policy: String
    package let version: String
    package let outcome: JSONValue
    package let rulesFired: [Rule]
    package let inputsUsed: JSONValue

    package init(policy: String, version: String, outcome: JSONValue, rulesFired: [Rule], inputsUsed: JSONValue) {
        self.policy = policy
        self.version = version
        self.outcome = outcome
        self.rulesFired = rulesFired
        self.inputsUsed = inputsUsed
    }

    package var json: JSONValue {
        [
            "policy": .string(policy), "version": .string(version), "outcome": outcome,
            "rules": .array(rulesFired.map { ["id": .string($0.id), "label": .string($0.label)] }), "inputs": inputsUsed,
        ]
    }

    /// The decision with the hash of itself, for the audit log. `hash` answers the hexadecimal SHA-256 of the canonical form.
    package func receipt(hash: (JSONValue) -> String) -> JSONValue {
        guard case .object(var members) = json else { return json }
        members["hash"] = .string(hash(json))
        return .object(members)
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
