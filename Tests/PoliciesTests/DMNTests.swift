import Kernel
import Testing

@testable import Policies

@Suite("Decision models")
struct DMNTests {
    @Test("a decision asks what it needs, computes between, and answers by its table")
    func chain() throws {
        let model = try #require(read(DMNTests.loan).model)
        func answer(_ inputs: JSONValue) throws -> FEELValue {
            guard case .context(let context) = FEELValue(inputs) else { return .null }
            var decisions = DMNDecisions(model, inputs: context)
            return try decisions.answer(try #require(model.decision(named: "Approval")))
        }
        #expect(try answer(["Monthly Salary": 2000, "Status": "EMPLOYED"]) == .string("yes"))
        #expect(try answer(["Monthly Salary": .number(JSONNumber(unchecked: "1999.99")), "Status": "EMPLOYED"]) == .string("no"))
        #expect(try answer(["Monthly Salary": 9000, "Status": "UNHEARD-OF"]) == .string("no"))
    }

    @Test("a decision becomes a policy that decides the same")
    func imported() throws {
        let model = try #require(read(DMNTests.loan).model)
        var problems: [DMNProblem] = []
        let made = DMNImport.policies(of: model, decision: "Approval", problems: &problems)
        #expect(problems.isEmpty, "\(problems)")
        let content = try #require(made.first?.content)
        #expect(made.map(\.name) == ["approval"])
        var issues: [AssetIssue] = []
        let policy = try #require(Policy.parse(content, issues: &issues))
        #expect(issues.allSatisfy { $0.severity == .warning }, "\(issues)")
        #expect(try policy.decide(["Monthly Salary": "2000", "Status": "EMPLOYED"]).outcome == ["Approval": "yes"])
        #expect(try policy.decide(["Monthly Salary": "1999.99", "Status": "EMPLOYED"]).outcome == ["Approval": "no"])
    }

    @Test("what is wrong with a model is told with its place", arguments: problemCases)
    func problems(_ one: ProblemCase) {
        let found = read(one.root).problems
        #expect(found.contains { $0.message.contains(one.message) && $0.line == one.line }, "\(found)")
    }

    @Test("any change of a sound model gives an answer or a place, over seeded changes")
    func mutated() throws {
        let seed: UInt64 = 0x0D3A
        print("decision model seed \(seed)")
        var dice = Dice(seed: seed)
        let text = DMNTests.loan.text
        for _ in 0..<1500 {
            guard let json = try? JSONValue(parsing: dice.changed(text)), let root = XMLOutline(json: json) else { continue }
            var problems: [DMNProblem] = []
            guard let model = DMNModel.parse(root, problems: &problems) else {
                #expect(!problems.isEmpty)
                continue
            }
            _ = DMNImport.policies(of: model, problems: &problems)
            var decisions = DMNDecisions(model, inputs: FEELContext([(name: "Status", value: .string("EMPLOYED"))]))
            // A computation over its budget is an answer here too.
            for decision in model.decisions { _ = try? decisions.answer(decision) }
        }
    }

    struct ProblemCase: Sendable, CustomTestStringConvertible {
        let message: String
        let line: Int
        let root: JSONValue
        var testDescription: String { message }
    }

    static let problemCases: [ProblemCase] = [
        ProblemCase(message: "no decision model", line: 1, root: element("invoice", 1)),
        ProblemCase(
            message: "cannot be read: A value has to stand here", line: 4,
            root: model([decision("A", literal("1 + ) 2", line: 4))])),
        ProblemCase(message: "needs its own answer", line: 2, root: model([decision("A", literal("A"), needs: ["A"])])),
        ProblemCase(message: "which does not exist", line: 2, root: model([decision("A", literal("1"), needs: ["gone"])])),
        ProblemCase(message: "imports another", line: 7, root: model([element("import", 7), decision("A", literal("1"))])),
        ProblemCase(
            message: "no hit policy", line: 5,
            root: model([decision("A", element("decisionTable", 5, ["hitPolicy": "LAST"]))])),
        ProblemCase(
            message: "has 0 conditions and 1 answers", line: 9,
            root: model([
                decision(
                    "A",
                    element(
                        "decisionTable", 5, [:],
                        [
                            element("input", 6, [:], [element("inputExpression", 6, [:], [element("text", 6, [:], [], "a")])]),
                            element("output", 7),
                            element("rule", 9, [:], [element("outputEntry", 9, [:], [element("text", 9, [:], [], "1")])]),
                        ]))
            ])),
        ProblemCase(message: "beyond level 2", line: 3, root: model([decision("A", element("filter", 3))])),
    ]

    static let loan = model([
        element(
            "itemDefinition", 2, ["name": "tStatus"],
            [
                element("typeRef", 2, [:], [], "string"),
                element("allowedValues", 2, [:], [element("text", 2, [:], [], "\"EMPLOYED\", \"STUDENT\"")]),
            ]),
        element(
            "inputData", 3, ["name": "Monthly Salary", "id": "i1"],
            [element("variable", 3, ["name": "Monthly Salary", "typeRef": "number"])]),
        element(
            "inputData", 3, ["name": "Status", "id": "i2"], [element("variable", 3, ["name": "Status", "typeRef": "tStatus"])]),
        decision("Yearly Salary", literal("12 * Monthly Salary"), needs: ["i1"]),
        decision(
            "Approval",
            element(
                "decisionTable", 5, ["hitPolicy": "FIRST"],
                [
                    element(
                        "input", 6, [:],
                        [element("inputExpression", 6, ["typeRef": "number"], [element("text", 6, [:], [], "Yearly Salary")])]),
                    element(
                        "input", 6, [:],
                        [element("inputExpression", 6, ["typeRef": "tStatus"], [element("text", 6, [:], [], "Status")])]),
                    element("output", 7, [:], [element("defaultOutputEntry", 7, [:], [element("text", 7, [:], [], "\"no\"")])]),
                    element(
                        "rule", 8, [:],
                        [
                            element("inputEntry", 8, [:], [element("text", 8, [:], [], ">= 24000")]),
                            element("inputEntry", 8, [:], [element("text", 8, [:], [], "\"EMPLOYED\", \"STUDENT\"")]),
                            element("outputEntry", 8, [:], [element("text", 8, [:], [], "\"yes\"")]),
                        ]),
                ]), needs: ["Yearly Salary", "i2"]),
    ])

    private static func model(_ children: [JSONValue]) -> JSONValue {
        guard case .object(var root) = element("definitions", 1, ["name": "Loans"], children) else { return .null }
        root["s"] = "https://www.omg.org/spec/DMN/20230324/MODEL/"
        return .object(root)
    }

    private static func decision(_ name: String, _ logic: JSONValue, needs: [String] = []) -> JSONValue {
        element(
            "decision", 2, ["name": name, "id": name],
            needs.map { need in
                element(
                    "informationRequirement", 2, [:],
                    [element(need.hasPrefix("i") ? "requiredInput" : "requiredDecision", 2, ["href": "#\(need)"])])
            } + [logic])
    }

    private static func literal(_ text: String, line: Int = 3) -> JSONValue {
        element("literalExpression", line, [:], [element("text", line, [:], [], text)])
    }

    private static func element(
        _ name: String, _ line: Int, _ attributes: [String: String] = [:], _ children: [JSONValue] = [], _ text: String = ""
    ) -> JSONValue {
        [
            "n": .string(name), "l": JSONValue(line), "c": 1, "t": .string(text), "x": .array(children),
            "a": .object(JSONObject(attributes.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })),
        ]
    }

    private func read(_ json: JSONValue) -> (model: DMNModel?, problems: [DMNProblem]) {
        guard let root = XMLOutline(json: json) else { return (nil, []) }
        var problems: [DMNProblem] = []
        let model = DMNModel.parse(root, problems: &problems)
        return (model, problems)
    }
}
