import Kernel
import Testing

@testable import Workflows

@Suite("Expressions against the data of a run")
struct DataTypesTests {
    private func issues(
        _ steps: String, policies: [String: JSONValue] = [:], outcome: String = "'done'"
    ) throws -> [AssetIssue] {
        let json = try JSONValue(
            parsing: #"{"kind": "workflow", "name": "w", "version": "1", "outcome": "\#(outcome)", "do": \#(steps)}"#)
        return DataTypes.issues(in: json, input: CanonicalTypes.invoiceInput) { policies[$0] }
    }

    @Test(
        "a misspelt member of what the run is started with is found before any run",
        arguments: [
            (#"[{"a": {"if": "size(input.duplicate) > 0", "set": {"x": 1}}}]"#, "/do/0/a/if", "Did you mean 'duplicates'?"),
            (
                #"[{"a": {"set": {"x": "${ input.invoice.totals.taxInclusiv }"}}}]"#, "/do/0/a/set/x",
                "Did you mean 'taxInclusive'?"
            ),
            (#"[{"a": {"if": "input.invoice.number > 5", "set": {"x": 1}}}]"#, "/do/0/a/if", ">(string, int)"),
            (#"[{"a": {"if": "input.invoice.number", "set": {"x": 1}}}]"#, "/do/0/a/if", "bool is expected"),
            (
                #"[{"a": {"call": "exception.open", "with": {"object": {"n": "to ${ input.entity.cod }"}}}}]"#,
                "/do/0/a/with/object/n", "Did you mean 'code'?"
            ),
            (
                #"[{"a": {"if": "input.invoice.lines.exists(l, l.netAmount.amunt == '1')", "set": {"x": 1}}}]"#, "/do/0/a/if",
                "Did you mean 'amount'?"
            ),
            (
                #"[{"a": {"if": "money(input.invoice.totals.payable) > 10.5", "set": {"x": 1}}}]"#, "/do/0/a/if",
                "double cannot meet"
            ),
        ])
    func input(steps: String, pointer: String, message: String) throws {
        let found = try issues(steps)
        #expect(found.map(\.pointer) == [pointer])
        #expect(found.first?.message.contains(message) == true, "\(found)")
    }

    @Test("what steps keep is known to the others, with its type")
    func context() throws {
        let kept = #"{"a": {"set": {"answer": "yes", "limit": "${ money('5', 'EUR') }"}}}"#
        #expect(try issues("[\(kept), {\"b\": {\"if\": \"context.answer == 'yes'\", \"set\": {\"x\": 1}}}]").isEmpty)
        let misspelt = try issues("[\(kept), {\"b\": {\"if\": \"context.anser == 'yes'\", \"set\": {\"x\": 1}}}]")
        #expect(misspelt.first?.message.contains("Did you mean 'answer'?") == true)
        let mixed = try issues("[\(kept), {\"b\": {\"if\": \"context.limit > 5\", \"set\": {\"x\": 1}}}]")
        #expect(mixed.first?.message.contains("There is no >(money, int)") == true)
        let match = #"{"m": {"call": "match", "with": {}, "export": {"match": "output"}}}"#
        #expect(try issues("[\(match), {\"b\": {\"if\": \"size(context.match.holds) > 0\", \"set\": {\"x\": 1}}}]").isEmpty)
        let hold = try issues("[\(match), {\"b\": {\"if\": \"size(context.match.hold) > 0\", \"set\": {\"x\": 1}}}]")
        #expect(hold.first?.message.contains("Did you mean 'holds'?") == true)
    }

    @Test("a policy gets what it asks for")
    func policies() throws {
        let policy: JSONValue = [
            "inputs": [
                ["name": "risky", "type": "bool", "expression": "input.isRisky"],
                ["name": "amount", "type": "decimal", "expression": "input.amount"],
            ]
        ]
        func call(_ input: String) -> String {
            #"[{"a": {"call": "policy.decide", "with": {"policy": "route", "input": \#(input)}}}]"#
        }
        let right = call(#"{"isRisky": "${ size(input.duplicates) > 0 }", "amount": "${ input.case.gross.amount }"}"#)
        #expect(try issues(right, policies: ["route": policy]).isEmpty)
        let misnamed = try issues(call(#"{"isRiski": true, "amount": "1"}"#), policies: ["route": policy])
        #expect(misnamed.map(\.pointer) == ["/do/0/a/with/input"])
        #expect(misnamed.first?.message.contains("cannot read its input `risky`") == true)
        let mistyped = try issues(call(#"{"isRisky": "yes", "amount": "1"}"#), policies: ["route": policy])
        #expect(mistyped.first?.message.contains("a bool is expected") == true)
    }
}
