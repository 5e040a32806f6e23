import Kernel
import Policies
import Testing

@testable import Workflows

@Suite("Workflow definitions")
struct DefinitionTests {
    @Test("the accounts-payable workflow is published without an issue")
    func libraryIsClean() throws {
        let definition = try Library.workflow()
        #expect(definition.name == "accounts-payable")
        #expect(definition.policies == ["ap-approval", "ap-duty-separation", "ap-route", "ap-tolerances"])
        #expect(definition.connections == ["erp"])
        #expect(definition.objectives == ["approval-cycle", "posting"])
        #expect(definition.roles == ["ap-clerk", "controller"])
    }

    @Test("the diagram of accounts payable goes from decide to close, with one gate and the way of a rejection")
    func diagram() throws {
        let diagram = WorkflowDiagram(try Library.workflow())
        #expect(diagram.nodes.map(\.title) == ["Decide", "Match", "Approve", "Post", "Close", "Rejected"])
        #expect(diagram.nodes.map(\.column) == [0, 1, 2, 3, 4, 4])
        #expect(diagram.nodes.map(\.row) == [0, 0, 0, 0, 0, 1])
        #expect(diagram.nodes.filter(\.isGate).map(\.title) == ["Approve"])
        #expect(diagram.edges.filter { $0.kind == .next }.count == 4)
        #expect(diagram.edges.filter { $0.kind == .failure }.count == 4)
        #expect(diagram.node(of: "invoice/try/approve/sign")?.title == "Approve")
        #expect(diagram.node(of: "invoice/catch/rejected/tell-clerk/try/tell")?.title == "Rejected")
    }

    @Test("branches stand under each other and meet again")
    func forkDiagram() throws {
        let definition = try #require(
            parse(
                """
                [{"both": {"fork": {"branches": [{"left": {"do": [{"a": {"title": "A", "call": "erp.read", "with":
                {"connection": "erp", "object": "order", "key": {}}}}]}}, {"right": {"do": [{"b": {"call": "erp.read", "with":
                {"connection": "erp", "object": "supplier", "key": {}}}}]}}]}}}, {"after": {"wait": {"seconds": 5}}}]
                """
            ).definition)
        let diagram = WorkflowDiagram(definition)
        #expect(diagram.nodes.map(\.row) == [0, 1, 0])
        #expect(diagram.nodes.map(\.column) == [0, 0, 1])
        #expect(diagram.edges.count == 2)
        #expect(diagram.rows == 2)
    }

    @Test(
        "what is wrong in a definition is told with its place",
        arguments: [
            (#"[{"a": {"sett": {}}}]"#, "/do/0/a/sett", "`sett`"),
            (#"[{"a": {"set": {"x": 1}, "raise": {"type": "X", "title": "t"}}}]"#, "/do/0/a", "two things"),
            (#"[{"a": {"set": {"x": 1}, "then": "b"}}]"#, "/do/0/a/then", "no step `b`"),
            (#"[{"a": {"set": {"x": 1}, "then": "end"}}, {"b": {"set": {"x": 2}}}]"#, "/do/1/b", "Nothing leads to"),
            (#"[{"a": {"set": {"x": 1}}}, {"b": {"set": {"x": 2}, "then": "a"}}]"#, "/do/0/a", "never come to an end"),
            (#"[{"a": {"set": {"x": "${ contxt.y }"}}}]"#, "/do/0/a/set/x", "no 'contxt.y'"),
            (#"[{"a": {"set": {"x": "${ size(1, 2) }"}}}]"#, "/do/0/a/set/x", "takes 1 argument"),
            (#"[{"a": {"set": {"x": "${ 1 + "}}}]"#, "/do/0/a/set/x", "not closed"),
            (#"[{"a": {"if": "1 +", "set": {"x": 1}}}]"#, "/do/0/a/if", "wrong at character"),
            (#"[{"a": {"call": "erp.reed", "with": {}}}]"#, "/do/0/a/call", "one of"),
            (#"[{"a": {"call": "erp.read", "with": {"connection": "erp", "object": "order"}}}]"#, "/do/0/a/with", "lacks `key`"),
            (#"[{"a": {"wait": {"seconds": 0}}}]"#, "/do/0/a/wait/seconds", "from 1 to"),
            (#"[{"A b": {"set": {}}}]"#, "/do/0/A b", "is no name"),
            (
                #"[{"a": {"call": "human.task", "with": {"role": "clerk", "object": 1, "#
                    + #""resolutions": [{"name": "ok", "label": "OK", "consequence": "Goes on."}]}}}]"#,
                "", "separates their duties"
            ),
            (
                #"[{"f": {"fork": {"branches": [{"b": {"do": [{"w": {"call": "erp.write", "#
                    + #""with": {"connection": "erp", "object": "bill", "key": 1, "bill": 1}}}]}}]}}}]"#,
                "/do/0/f/fork/branches/0/b/do/0/w", "cancelled half-way"
            ),
            (
                #"[{"f": {"fork": {"branches": [{"b": {"do": [{"s": {"set": {"x": 1}, "then": "end"}}]}}]}}}]"#,
                "/do/0/f/fork/branches/0/b/do/0/s", "cannot end"
            ),
            (
                #"[{"t": {"try": [{"s": {"set": {"x": 1}}}], "#
                    + #""catch": {"errors": {"kinds": ["refuse"]}, "do": [{"h": {"set": {"x": 2}}}]}}}]"#,
                "/do/0/t/catch/errors/kinds", "no kind"
            ),
            ("[]", "/do", "empty"),
        ])
    func mistakes(steps: String, pointer: String, message: String) throws {
        let issues = try parse(steps).issues
        #expect(issues.contains { $0.pointer == pointer && $0.message.contains(message) }, "\(issues)")
        #expect(issues.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test("a misspelt member is met with the nearest known one")
    func nearestName() throws {
        let issues = try parse(#"[{"a": {"set": {"x": 1}, "titel": "A"}}]"#).issues
        #expect(issues.map(\.remedy) == ["Did you mean `title`?"])
    }

    @Test("a loop that a person could turn for ever is bounded, and the run says so")
    func boundedLoop() throws {
        let definition = try #require(
            parse(
                #"[{"a": {"set": {"x": 1}}}, "#
                    + #"{"b": {"switch": [{"again": {"when": "context.x == 1", "then": "a"}}, {"out": {"then": "end"}}]}}]"#
            ).definition)
        var machine = RunMachine()
        let environment = RunEnvironment(
            definition: definition, policies: [:], hash: { stableHash($0) }, serviceInstant: { $1.adding(seconds: $0) })
        let actions = try machine.handle(.start(input: [:]), at: Desk.start, in: environment)
        #expect(machine.state.phase == .faulted)
        #expect(actions.contains { if case .incident("run-faulted", _) = $0 { true } else { false } })
    }

    @Test("a branch that fails cancels the others, or waits for them when the author says so", arguments: ["cancel", "wait"])
    func forkFailure(onError: String) throws {
        let definition = try #require(
            parse(
                """
                [{"t": {"try": [{"both": {"fork": {"onError": "\(onError)", "branches": [
                {"left": {"do": [{"a": {"call": "erp.read", "with": {"connection": "erp", "object": "order", "key": {}}}}]}},
                {"right": {"do": [{"b": {"call": "erp.read", "with":
                {"connection": "erp", "object": "supplier", "key": {}}}}]}}]}}}],
                "catch": {"do": [{"h": {"wait": {"seconds": 60}}}]}}}]
                """
            ).definition)
        var machine = RunMachine()
        let environment = RunEnvironment(
            definition: definition, policies: [:], hash: { stableHash($0) }, serviceInstant: { $1.adding(seconds: $0) })
        _ = try machine.handle(.start(input: [:]), at: Desk.start, in: environment)
        #expect(RunMachine.tasks(for: machine.state).count == 2)
        let actions = try machine.handle(
            .workFinished(key: "t/try/both/left/a#1", .refused(code: "NO", message: "no")), at: Desk.start, in: environment)
        let other = "t/try/both/right/b#1"
        #expect(actions.contains(.withdraw(key: other, reason: "The step failed.")) == (onError == "cancel"))
        #expect(RunMachine.tasks(for: machine.state).map(\.key) == (onError == "cancel" ? [] : [other]))
        if onError == "wait" {
            _ = try machine.handle(.workFinished(key: other, .completed(.null)), at: Desk.start, in: environment)
        }
        #expect(RunMachine.timers(for: machine.state).map(\.key) == ["t/catch/h#1"])
        _ = try machine.handle(.timerFired(key: "t/catch/h#1"), at: Desk.start.adding(seconds: 60), in: environment)
        #expect(machine.state.outcome == "done")
    }

    private func parse(_ steps: String) throws -> (definition: WorkflowDefinition?, issues: [AssetIssue]) {
        let json: JSONValue = [
            "kind": "workflow", "name": "small", "version": "1", "title": "Small", "outcomes": ["done"], "outcome": "'done'",
            "do": try JSONValue(parsing: steps),
        ]
        var issues: [AssetIssue] = []
        let definition = WorkflowDefinition.parse(json, issues: &issues)
        return (definition, issues)
    }
}
