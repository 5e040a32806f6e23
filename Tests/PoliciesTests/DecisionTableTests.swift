import Kernel
import Testing

@testable import Policies

@Suite("Decision tables")
struct DecisionTableTests {
    @Test(
        "a cell takes what it says",
        arguments: [
            ("-", "decimal", "17", true), (">= 100", "decimal", "100", true), (">= 100", "decimal", "99.99", false),
            ("[0..100]", "decimal", "100.00", true), ("[0..100)", "decimal", "100", false), ("]0..100]", "decimal", "0", false),
            ("(0..100)", "decimal", "0.01", true), ("5, 7, > 9", "decimal", "7", true), ("5, 7, > 9", "decimal", "8", false),
            ("not(5, 7)", "decimal", "6", true), ("not(5, 7)", "decimal", "5.0", false), ("-3", "decimal", "-3", true),
            ("hold", "string", "hold", true), ("\"a, b\", c", "string", "a, b", true),
            ("not(hold, reject)", "string", "pass", true),
            ("not(hold, reject)", "string", "reject", false), ("true", "bool", "true", true), ("true", "bool", "false", false),
            ("[2026-01-01..2026-12-31]", "date", "2026-07-14", true), ("< 2026-01-01", "date", "2026-01-01", false),
        ])
    func cells(cell: String, type: String, value: String, expected: Bool) throws {
        let column = try #require(ColumnType(rawValue: type))
        let test = try CellTest.parse(.string(cell), column)
        let given: JSONValue = column == .bool ? .bool(value == "true") : .string(value)
        #expect(test.takes(try #require(CellValue(given, column))) == expected)
    }

    @Test("what is no cell is refused", arguments: ["", ">= x", "[5..1]", "]5..5[", "1,,2", "\"open", ">"])
    func badCells(cell: String) {
        #expect(throws: CellProblem.self) { try CellTest.parse(.string(cell), .decimal) }
    }

    @Test("a gap is found, with an amount that falls into it")
    func gap() throws {
        let issues = try table(hitPolicy: "UNIQUE", rules: [("small", "<= 100", "-"), ("large", "> 200", "-")]).issues
        #expect(issues.count == 1)
        #expect(issues.first?.message.contains("No rule applies when amount is between 100 and 200") ?? false, "\(issues)")
        #expect(issues.first?.message.contains("such as {\"amount\":\"150\"") ?? false, "\(issues)")
    }

    @Test("an overlap is found, with the rules that both apply")
    func overlap() throws {
        let issues = try table(hitPolicy: "UNIQUE", rules: [("small", "<= 100", "-"), ("large", ">= 100", "-")]).issues
        #expect(
            issues.map(\.message) == [
                "The rules `small` and `large` both apply when amount is 100 and currency is anything else, "
                    + "such as {\"amount\":\"100\",\"currency\":\"other\"}."
            ])
    }

    @Test("an open column of words has a rest that has to be covered")
    func openWords() throws {
        let issues = try table(hitPolicy: "UNIQUE", rules: [("euro", "-", "EUR"), ("pound", "-", "GBP")]).issues
        #expect(issues.contains { $0.message.contains("currency is anything else") }, "\(issues)")
    }

    @Test("a rule that stands behind a wider one can never apply")
    func shadowed() throws {
        let issues = try table(hitPolicy: "FIRST", rules: [("all", "-", "-"), ("never", "> 5", "EUR")]).issues
        #expect(issues.map(\.message) == ["The rule `never` can never apply: `all` takes all that it takes."])
        #expect(issues.map(\.pointer) == ["/rules/1"])
    }

    @Test("contradictions under ANY are found, agreement is not one")
    func any() throws {
        #expect(try table(hitPolicy: "ANY", rules: [("all", "-", "-"), ("some", "> 5", "-")]).issues.isEmpty == false)
        let same = try table(hitPolicy: "ANY", rules: [("all", "-", "-"), ("some", "> 5", "-")], outcomes: ["x", "x"])
        #expect(same.issues.isEmpty, "\(same.issues)")
    }

    @Test("each hit policy answers in its own way")
    func hitPolicies() throws {
        let rules = [("one", "> 0", "-"), ("two", "> 10", "-"), ("three", "-", "-")]
        let outcomes = ["b", "a", "c"]
        func decide(_ hitPolicy: String, aggregate: String? = nil, outcomes: [String] = outcomes) throws -> JSONValue {
            let table = try table(
                hitPolicy: hitPolicy, rules: rules, outcomes: outcomes, values: ["a", "b", "c"], aggregate: aggregate)
            return try #require(table.policy).decide(["amount": "20", "currency": "EUR"]).outcome
        }
        #expect(try decide("FIRST") == ["result": "b"])
        #expect(try decide("PRIORITY") == ["result": "a"])
        #expect(try decide("RULE ORDER") == [["result": "b"], ["result": "a"], ["result": "c"]])
        #expect(try decide("OUTPUT ORDER") == [["result": "a"], ["result": "b"], ["result": "c"]])
        #expect(try decide("COLLECT") == [["result": "b"], ["result": "a"], ["result": "c"]])
        #expect(try decide("COLLECT", aggregate: "count") == 3)
    }

    @Test("figures are collected exactly")
    func aggregates() throws {
        for (aggregate, expected) in [("sum", "0.3"), ("min", "0.1"), ("max", "0.2")] {
            let table = try table(
                hitPolicy: "COLLECT", rules: [("one", "> 0", "-"), ("two", "> 10", "-")], outcomes: ["0.1", "0.2"],
                aggregate: aggregate)
            #expect(try #require(table.policy).decide(["amount": "20", "currency": "EUR"]).outcome == .string(expected))
        }
    }

    @Test("an input that is no number is refused and never guessed")
    func badInput() throws {
        let policy = try #require(table(hitPolicy: "FIRST", rules: [("all", "-", "-")]).policy)
        #expect(throws: Refusal.self) { try policy.decide(["amount": "12abc", "currency": "EUR"]) }
        #expect(throws: Refusal.self) { try policy.decide(["currency": "EUR"]) }
    }

    @Test("what coverage proves, evaluation confirms, over random tables")
    func coverageAgrees() throws {
        let seed: UInt64 = 4711
        print("decision table seed \(seed)")
        var state = seed
        func roll(_ sides: UInt64) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % sides)
        }
        let cells = ["-", "< 2", "<= 2", "[2..4]", "(2..4)", "> 4", ">= 4", "3", "not(3)", "not([2..4])"]
        let words = ["-", "EUR", "GBP", "not(EUR)"]
        for _ in 0..<200 {
            let rules = (0...roll(4)).map { ("r\($0)", cells[roll(10)], words[roll(4)]) }
            let found = try table(hitPolicy: "UNIQUE", rules: rules, outcomes: rules.map { _ in "x" })
            let policy = try #require(found.policy)
            var isClean = true
            for amount in ["1", "2", "2.5", "3", "3.5", "4", "5"] {
                for currency in ["EUR", "GBP", "JPY"] {
                    do throws(Refusal) {
                        _ = try policy.decide(["amount": .string(amount), "currency": .string(currency)])
                    } catch { isClean = false }
                }
            }
            let claims = found.issues.filter { !$0.message.contains("can never apply") }
            #expect(claims.isEmpty == isClean, "\(rules): \(found.issues)")
        }
    }

    private func table(
        hitPolicy: String, rules: [(String, String, String)], outcomes: [String]? = nil, values: [String]? = nil,
        aggregate: String? = nil
    ) throws -> (policy: Policy?, issues: [AssetIssue]) {
        let json = JSONValue.object([
            "kind": "decision-table", "name": "small", "version": "1", "title": "Small", "hitPolicy": .string(hitPolicy),
            "aggregate": aggregate.map(JSONValue.string),
            "inputs": [
                ["name": "amount", "type": "decimal", "expression": "input.amount"],
                ["name": "currency", "type": "string", "expression": "input.currency"],
            ],
            "outputs": [.object(["name": "result", "values": values.map { .array($0.map(JSONValue.string)) }])],
            "rules": .array(
                rules.enumerated().map { number, rule in
                    [
                        "id": .string(rule.0), "label": .string(rule.0),
                        "when": ["amount": .string(rule.1), "currency": .string(rule.2)],
                        "then": ["result": .string(outcomes?[number] ?? rule.0)],
                    ]
                }), "tests": [],
        ])
        var issues: [AssetIssue] = []
        let policy = Policy.parse(json, issues: &issues)
        return (policy, issues.filter { $0.severity == .error })
    }
}
