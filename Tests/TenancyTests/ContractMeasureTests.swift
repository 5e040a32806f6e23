import Kernel
import ServiceLevels
import Testing

@testable import Tenancy

@Suite("what an objective of a contract measures")
struct ContractMeasureTests {
    private func read(_ objectives: [JSONValue]) -> (contract: ContractDocument?, issues: [String]) {
        var issues: [AssetIssue] = []
        let contract = ContractDocument.parse(
            [
                "kind": "contract", "name": "care", "version": "1", "title": "Care", "calendar": "office",
                "effectiveFrom": "2026-01-01T00:00:00Z", "objectives": .array(objectives),
            ], issues: &issues)
        return (contract, issues.map { "\($0.pointer): \($0.message)" })
    }

    @Test("a name says what is measured, or `measures` does beside a name of one's own")
    func named() throws {
        let (contract, issues) = read([
            ["name": "first-response", "title": "Answer", "target": "30m"],
            ["name": "end-urgent", "measures": "resolution", "severities": ["sev1"], "title": "Urgent", "target": "2h"],
            ["name": "end-usual", "measures": "resolution", "severities": ["sev2", "sev3"], "title": "Usual", "target": "8h"],
            ["name": "touchless", "title": "Touchless", "budget": ["atLeast": "0.8"]],
            ["name": "posting", "title": "Posting", "target": "2h"],
        ])
        #expect(issues.isEmpty)
        let found = try #require(contract)
        #expect(found.objectives.map(\.measures) == [.firstResponse, .resolution, .resolution, .touchless, .runClock])
        #expect(found.objective(measuring: .resolution, severity: "sev1")?.name == "end-urgent")
        #expect(found.objective(measuring: .resolution, severity: "sev3")?.name == "end-usual")
        #expect(found.objective(measuring: .resolution, severity: "sev4") == nil)
        #expect(found.objectives[3].targetSeconds == 0 && found.objectives[0].metric == .firstResponse)
    }

    @Test("what does not fit the measure is refused at its place")
    func refused() {
        let cases: [(JSONValue, String)] = [
            (["name": "touchless", "title": "T", "target": "2h", "budget": ["atLeast": "0.8"]], "/objectives/0/target"),
            (["name": "touchless", "title": "T"], "/objectives/0:"),
            (["name": "posting", "measures": "resolution", "title": "T", "target": "2h"], "/objectives/0/name"),
            (["name": "resolution", "measures": "first-response", "title": "T", "target": "2h"], "/objectives/0/measures"),
            (["name": "posting", "title": "T", "target": "2h", "severities": ["sev1"]], "/objectives/0/severities"),
            (
                ["name": "resolution", "title": "T", "target": "2h", "cutOff": "15:00", "pauseReasons": []],
                "/objectives/0/cutOff"
            ),
            (["name": "first-response", "title": "T"], "/objectives/0:"),
        ]
        for (objective, place) in cases {
            let issues = read([objective]).issues
            #expect(issues.contains { $0.hasPrefix(place) }, "\(objective.text): \(issues)")
        }
    }

    @Test("two objectives of one measure are never about the same incident")
    func overlap() {
        let urgent: JSONValue = [
            "name": "end-urgent", "measures": "resolution", "severities": ["sev1", "sev2"], "title": "A", "target": "1h",
        ]
        let usual: JSONValue = [
            "name": "end-usual", "measures": "resolution", "severities": ["sev2"], "title": "B", "target": "2h",
        ]
        #expect(read([urgent, usual]).issues == ["/objectives/1: `end-urgent` measures resolution of the same cases."])
        let all: JSONValue = ["name": "resolution", "title": "All", "target": "2h"]
        #expect(read([urgent, all]).issues == ["/objectives/1: `end-urgent` measures resolution of the same cases."])
    }
}
