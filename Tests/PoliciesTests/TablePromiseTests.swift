import Kernel
import Testing

@testable import Policies

@Suite("What a decision table promises at publish time")
struct TablePromiseTests {
    @Test("a sum of money is compared within its currency only")
    func money() throws {
        let (policy, issues) = parse(
            columns: [("sum", "money")],
            rules: [
                (["sum": "> 1000.00 EUR, > 900.00 GBP"], ["level": "high"]),
                (["sum": "[0..1000.00] EUR, [0..900.00] GBP"], ["level": "low"]),
            ], otherwise: ["level": "high"])
        #expect(issues.isEmpty, "\(issues)")
        let table = try #require(policy)
        func level(_ amount: String, _ currency: String) throws -> JSONValue? {
            try table.decide(["sum": ["amount": .string(amount), "currency": .string(currency)]]).outcome["level"]
        }
        #expect(try level("1000.00", "EUR") == "low")
        #expect(try level("1000.01", "EUR") == "high")
        #expect(try level("950.00", "GBP") == "high")
        #expect(try level("1.00", "USD") == "high")
        #expect(throws: Refusal.self) { try level("1.00", "ABC") }
        #expect(throws: Refusal.self) { try table.decide(["sum": "1000.00"]) }
    }

    @Test("a gap between sums is found in the currency that has it")
    func moneyGap() {
        let issues = parse(
            columns: [("sum", "money")],
            rules: [(["sum": "not(EUR)"], ["level": "high"]), (["sum": "<= 10 EUR, > 20 EUR"], ["level": "low"])]
        ).issues
        let example = "{\"sum\":{\"amount\":\"15\",\"currency\":\"EUR\"}}"
        #expect(
            issues.map(\.message) == ["No rule applies when sum is between 10 EUR and 20 EUR, such as \(example)."], "\(issues)")
    }

    @Test("an outcome that falls while the amount rises is told with both inputs")
    func monotone() {
        let rules: [([String: JSONValue], [String: JSONValue])] = [
            (["amount": "< 100"], ["signatures": 2]), (["amount": ">= 100", "risky": "true"], ["signatures": 3]),
            (["amount": ">= 100", "risky": "false"], ["signatures": 1]),
        ]
        let columns = [("amount", "decimal"), ("risky", "bool")]
        #expect(parse(columns: columns, rules: rules).issues.isEmpty)
        let promised = parse(columns: columns, rules: rules, monotone: ["input": "amount", "output": "signatures"]).issues
        #expect(
            promised.map(\.message) == [
                "`signatures` goes from 2 to 1 when amount rises: from {\"amount\":\"99\",\"risky\":false} "
                    + "to {\"amount\":\"100\",\"risky\":false}."
            ])
        let misspelt = parse(columns: columns, rules: rules, monotone: ["input": "amont", "output": "signatures"]).issues
        #expect(misspelt.map(\.remedy) == ["Did you mean `amount`?"])
        let unordered = parse(columns: columns, rules: rules, monotone: ["input": "risky", "output": "signatures"]).issues
        #expect(unordered.map(\.pointer) == ["/monotone/0/input"])
    }

    @Test("a rule that always loses to a more important one is told, and one that ties is not")
    func priority() {
        let rules: [([String: JSONValue], [String: JSONValue])] = [
            (["amount": "-"], ["level": "high"]), (["amount": "> 5"], ["level": "low"]), (["amount": "> 9"], ["level": "high"]),
        ]
        let issues = parse(hitPolicy: "P", columns: [("amount", "number")], rules: rules, values: ["high", "low"]).issues
        #expect(issues.map(\.message) == ["The rule `r1` can never apply: `r0` takes all that it takes."])
        let silent = parse(hitPolicy: "OUTPUT ORDER", columns: [("amount", "number")], rules: rules).issues
        #expect(silent.map(\.pointer) == ["/outputs"])
    }

    @Test(
        "the letters of DMN stand for the hit policies, with their figures",
        arguments: [
            ("F", "\"1\""), ("P", "\"3\""), ("R", "[\"1\",\"2\",\"3\"]"), ("O", "[\"3\",\"2\",\"1\"]"),
            ("C", "[\"1\",\"2\",\"3\"]"),
            ("C+", "\"6\""), ("C<", "\"1\""), ("C>", "\"3\""), ("C#", "3"),
        ])
    func letters(letter: String, expected: String) throws {
        let rules: [([String: JSONValue], [String: JSONValue])] = [
            (["amount": "> 0"], ["level": "1"]), (["amount": "> 1"], ["level": "2"]), (["amount": "-"], ["level": "3"]),
        ]
        let policy = try #require(
            parse(hitPolicy: letter, columns: [("amount", "number")], rules: rules, values: ["3", "2", "1"]).policy)
        let outcome = try policy.decide(["amount": "5"]).outcome
        let plain: JSONValue =
            outcome.array.map { .array($0.map { $0["level"] ?? .null }) }
            ?? (outcome.object == nil ? outcome : outcome["level"] ?? .null)
        #expect(plain.text == expected)
    }

    @Test("an enum lists what it can be, and other names of types mean the same")
    func types() {
        #expect(
            parse(columns: [("risk", "enum")], rules: [(["risk": "-"], ["level": "x"])]).issues.map(\.pointer) == [
                "/inputs/0/type"
            ])
        #expect(parse(columns: [("ok", "boolean"), ("n", "number")], rules: [(["ok": "-"], ["level": "x"])]).issues.isEmpty)
    }

    @Test("a column may be written in FEEL over what is given, with terms between")
    func feel() throws {
        let json: JSONValue = [
            "kind": "decision-table", "name": "small", "version": "1", "title": "Small",
            "given": [["name": "Monthly Salary", "type": "decimal"]],
            "terms": [["name": "Yearly Salary", "feel": "12 * Monthly Salary"]],
            "inputs": [["name": "yearly", "type": "decimal", "feel": "Yearly Salary"]], "outputs": [["name": "level"]],
            "rules": [
                ["id": "low", "label": "Low", "when": ["yearly": "< 24000"], "then": ["level": "low"]],
                ["id": "high", "label": "High", "when": ["yearly": ">= 24000"], "then": ["level": "high"]],
            ],
        ]
        var issues: [AssetIssue] = []
        let policy = try #require(Policy.parse(json, issues: &issues))
        #expect(issues.allSatisfy { $0.severity == .warning }, "\(issues)")
        let decision = try policy.decide(["Monthly Salary": "2000.00"])
        #expect(decision.outcome == ["level": "high"])
        #expect(decision.inputsUsed == ["yearly": "24000.00"])
        #expect(throws: Refusal.self) { try policy.decide(["Monthly Salary": "much"]) }
        var members = try #require(json.object)
        members["terms"] = [["name": "Yearly Salary", "feel": "12 * Monthly Celery"]]
        issues = []
        _ = Policy.parse(.object(members), issues: &issues)
        #expect(issues.contains { $0.pointer == "/terms/0/feel" }, "\(issues)")
    }

    private func parse(
        hitPolicy: String = "UNIQUE", columns: [(String, String)], rules: [([String: JSONValue], [String: JSONValue])],
        otherwise: [String: JSONValue]? = nil, values: [String]? = nil, monotone: JSONValue? = nil
    ) -> (policy: Policy?, issues: [AssetIssue]) {
        func object(_ members: [String: JSONValue]) -> JSONValue {
            .object(JSONObject(members.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }))
        }
        let json = JSONValue.object([
            "kind": "decision-table", "name": "small", "version": "1", "title": "Small", "hitPolicy": .string(hitPolicy),
            "inputs": .array(
                columns.map { ["name": .string($0.0), "type": .string($0.1), "expression": .string("input.\($0.0)")] }),
            "outputs": [
                .object([
                    "name": .string(rules[0].1.keys.first ?? ""), "values": values.map { .array($0.map(JSONValue.string)) },
                ])
            ],
            "rules": .array(
                rules.enumerated().map { number, rule in
                    ["id": .string("r\(number)"), "label": "A rule", "when": object(rule.0), "then": object(rule.1)]
                }), "otherwise": otherwise.map(object), "monotone": monotone.map { [$0] },
        ])
        var issues: [AssetIssue] = []
        let policy = Policy.parse(json, issues: &issues)
        return (policy, issues.filter { $0.severity == .error })
    }
}
