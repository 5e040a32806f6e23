import Finance
import Kernel
import Testing

@testable import Policies

@Suite("Approval matrices, tolerances and duty separation")
struct MatrixAndDutyTests {
    @Test("a band that asks for fewer signatures than the one below it is refused")
    func fallingSignatures() throws {
        let issues = try matrix([("small", nil, "100", 2), ("large", "100", nil, 1)])
        #expect(issues.map(\.message) == ["A higher amount needs fewer signatures: `large` asks for 1, `small` below it for 2."])
    }

    @Test("bands that overlap are refused, bands that meet are not")
    func overlap() throws {
        #expect(
            try matrix([("small", nil, "100", 0), ("large", "50", nil, 1)]).map(\.message) == [
                "The rows `small` and `large` overlap."
            ])
        #expect(try matrix([("small", nil, "100", 0), ("large", "100", nil, 3)]).isEmpty)
    }

    @Test("a gap falls to the rest, and that may not be weaker than the band below")
    func gapIsWeaker() throws {
        let issues = try matrix([("small", nil, "100", 3), ("large", "200", nil, 3)], otherwise: 1)
        #expect(issues.contains { $0.message.contains("`otherwise` asks for 1") }, "\(issues)")
        #expect(try matrix([("small", nil, "100", 0), ("large", "200", nil, 3)], otherwise: 3).isEmpty)
    }

    @Test("a limit of nothing and no limit are told apart")
    func nullIsNotZero() throws {
        let table = try #require(
            tolerances([["id": "a", "label": "A", "check": "price", "absMinor": nil, "pct": "0"]]).policy?.tolerances)
        #expect(table.tolerances.first?.absMinor == nil)
        #expect(table.tolerances.first?.pct == .zero)
    }

    @Test("two tolerances for the same thing are refused, and a check that does not exist")
    func badTolerances() throws {
        let twice = try tolerances([
            ["id": "a", "label": "A", "check": "price", "absMinor": 1],
            ["id": "b", "label": "B", "check": "price", "direction": "both", "absMinor": 2],
        ]).issues
        #expect(twice.map(\.pointer) == ["/rows/1"])
        let unknown = try tolerances([["id": "a", "label": "A", "check": "prices"]]).issues
        #expect(unknown.map(\.remedy) == ["Did you mean `price`?"])
        let scope = try tolerances([["id": "a", "label": "A", "check": "price", "scope": ["currency": "XYZ"]]]).issues
        #expect(scope.map(\.pointer) == ["/rows/0/scope/currency"])
    }

    @Test("the rule speaks to the person, whichever duty came first")
    func bothWays() throws {
        let duties = try #require(PolicyLibraryTests.policy("ap-duty-separation").dutySeparation)
        func refusal(_ duty: String, after done: String) -> Refusal? {
            do throws(Refusal) {
                try duties.permit(duty: duty, by: "maya", chain: [DutySeparation.Act(duty: done, person: "maya")])
                return nil
            } catch { return error }
        }
        #expect(
            refusal("approve-invoice", after: "enter-invoice")?.message
                == "You recorded this invoice, so someone else has to approve it.")
        #expect(
            refusal("enter-invoice", after: "approve-invoice")?.message
                == "You approved this invoice, so someone else has to record it.")
        #expect(refusal("approve-invoice", after: "enter-invoice")?.facts["rule"] == "P10")
        #expect(refusal("approve-invoice", after: "approve-invoice") == nil)
        // A static rule forbids holding both, which is judged when roles are granted and not here.
        #expect(refusal("release-payment", after: "maintain-supplier") == nil)
        #expect(duties.staticConflicts(among: ["release-payment", "maintain-supplier"]).map(\.id) == ["P02"])
    }

    @Test("persons are compared by their bytes")
    func exactPersons() throws {
        let duties = try #require(PolicyLibraryTests.policy("ap-duty-separation").dutySeparation)
        try duties.permit(
            duty: "approve-invoice", by: "amélie", chain: [DutySeparation.Act(duty: "enter-invoice", person: "ame\u{301}lie")])
    }

    private func matrix(_ rows: [(String, String?, String?, Int)], otherwise: Int = 5) throws -> [AssetIssue] {
        func steps(_ count: Int) -> JSONValue {
            count == 0 ? [] : [["role": "approver", "quorum": JSONValue(count), "label": "Approvers"]]
        }
        let json: JSONValue = [
            "kind": "approval-matrix", "name": "small", "version": "1", "title": "Small",
            "rows": .array(
                rows.map { row in
                    .object([
                        "id": .string(row.0), "label": .string(row.0), "currencies": ["EUR"], "over": row.1.map(JSONValue.string),
                        "upTo": row.2.map(JSONValue.string), "steps": steps(row.3),
                    ])
                }), "otherwise": ["label": "The rest", "steps": steps(otherwise)],
        ]
        var issues: [AssetIssue] = []
        _ = Policy.parse(json, issues: &issues)
        return issues.filter { $0.severity == .error }
    }

    private func tolerances(_ rows: [JSONValue]) throws -> (policy: Policy?, issues: [AssetIssue]) {
        var issues: [AssetIssue] = []
        let policy = Policy.parse(
            ["kind": "tolerances", "name": "small", "version": "1", "title": "Small", "rows": .array(rows)], issues: &issues)
        return (policy, issues.filter { $0.severity == .error })
    }
}
