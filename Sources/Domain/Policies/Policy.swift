package import Kernel

/// A policy asset of one version; immutable once published.
package struct Policy: Sendable {
    package enum Kind: String, Sendable, CaseIterable {
        case decisionTable = "decision-table"
        case approvalMatrix = "approval-matrix"
        case tolerances
        case dutySeparation = "duty-separation"
        case formula
        case guardrails
    }

    package enum Body: Sendable {
        case decisionTable(DecisionTable)
        case approvalMatrix(ApprovalMatrix)
        case tolerances(ToleranceTable)
        case dutySeparation(DutySeparation)
        case formula(FormulaPolicy)
        case guardrails(Guardrails)
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
        case .guardrails: .guardrails
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
        case .guardrails: body = Guardrails.parse(reader, issues: &issues).map(Body.guardrails)
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
        case .guardrails(let rules): answer = try rules.decide(input)
        }
        return PolicyDecision(
            policy: name, version: version, outcome: answer.outcome, rulesFired: answer.rulesFired, inputsUsed: answer.inputsUsed,
            personal: answer.personal)
    }

    /// Runs the cases that the asset brings along; an issue for each that comes out otherwise.
    package func runTests() -> [AssetIssue] {
        tests.enumerated().compactMap { number, test in test.run(self, pointer: "/tests/\(number)") }
    }
}
