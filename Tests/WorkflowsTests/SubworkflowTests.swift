import Kernel
import Policies
import TestBasics
import Testing

@testable import Workflows

@Suite("Workflows inside workflows")
struct SubworkflowTests {
    static let parent = RunID(high: 7, low: 7)
    static let child = RunID(high: 7, low: 8)
    static let steps = """
        [{"check": {"run": {"workflow": {"name": "supplier-check", "version": "1.2", "input": {"number": "${ input.number }"}}},
            "export": {"seen": "output.output.seen", "how": "output.outcome"}}},
         {"after": {"set": {"done": true}}}]
        """
    static let caught = """
        [{"guard": {"try": [{"check": {"run": {"workflow": {"name": "w", "version": "1", "input": {}}}}}],
            "catch": {"errors": {"kinds": ["run"]}, "as": "trouble", "do": [{"note": {"set": {"noted": true}}}]}}}]
        """

    private static func result(_ outcome: String, _ output: JSONValue, acts: [DutySeparation.Act] = []) -> ChildResult {
        ChildResult(run: child, outcome: outcome, output: output, acts: acts)
    }

    private func requests(_ small: Small) -> [ChildRequest] {
        small.actions.compactMap { if case .startChild(let request) = $0 { request } else { nil } }
    }

    @Test("a step runs another workflow of the version it names and gives on what that left behind")
    func awaited() throws {
        var small = try Small(SubworkflowTests.steps)
        #expect(small.environment.definition.workflows == [WorkflowReference(name: "supplier-check", version: "1.2")])
        try small.send(.start(input: ["number": "S-1"]))
        let request = try #require(requests(small).first)
        #expect(request.key == "check#1" && request.workflow.key == "supplier-check@1.2" && request.depth == 2)
        #expect(request.input == ["number": "S-1"])
        #expect(small.state.phase == .waiting)
        try small.send(.childEnded(key: "check#1", SubworkflowTests.result("approved", ["seen": 3])))
        #expect(small.state.phase == .completed)
        #expect(small.state.context["seen"] == 3 && small.state.context["how"] == "approved")
        #expect(small.notes.contains { $0.type == "run.child-ended" && $0.data["run"]?.string == SubworkflowTests.child.text })
        try small.send(.childEnded(key: "check#1", SubworkflowTests.result("approved", [:])))
        #expect(small.notes.last?.type == "event.ignored")
    }

    @Test("one that faults or is cancelled is an error of the step, with its own type, that a try takes")
    func failures() throws {
        for (outcome, output, type) in [
            ("faulted", ["error": ["type": "ERP_REJECTED", "title": "No", "detail": "why"]] as JSONValue, "ERP_REJECTED"),
            ("cancelled", ["reason": "not wanted"], "CANCELLED"),
        ] {
            var small = try Small(SubworkflowTests.caught)
            try small.send(.start(input: [:]))
            try small.send(.childEnded(key: "guard/try/check#1", SubworkflowTests.result(outcome, output)))
            #expect(small.state.phase == .completed)
            #expect(small.state.context["trouble"]?["type"]?.string == type)
            #expect(small.state.context["trouble"]?["kind"] == "run")
            #expect(small.state.context["noted"] == true)
        }
        var open = try Small(SubworkflowTests.steps)
        try open.send(.start(input: ["number": "S-1"]))
        try open.send(.childEnded(key: "check#1", SubworkflowTests.result("faulted", [:])))
        #expect(open.state.phase == .faulted)
    }

    @Test("duties done outside count inside, and those done inside count outside afterwards")
    func duties() throws {
        let earlier = DutySeparation.Act(duty: "enter-invoice", person: "maya")
        let later = DutySeparation.Act(duty: "approve-invoice", person: "jonas")
        var inner = try Small(
            SubworkflowTests.steps,
            inside: ParentNote(run: SubworkflowTests.parent, key: "check#1", depth: 2, acts: [earlier]))
        try inner.send(.start(input: ["number": "S-1"]))
        #expect(requests(inner).first?.acts == [earlier] && requests(inner).first?.depth == 3)
        try inner.send(.childEnded(key: "check#1", SubworkflowTests.result("done", ["seen": 1], acts: [earlier, later])))
        #expect(inner.state.actsOnChain == [earlier, later])
    }

    @Test("runs inside runs stop at their bound")
    func depth() throws {
        var inner = try Small(
            SubworkflowTests.steps,
            inside: ParentNote(run: SubworkflowTests.parent, key: "check#1", depth: RunBounds.runsDeepMax, acts: []))
        try inner.send(.start(input: ["number": "S-1"]))
        #expect(inner.state.phase == .faulted && requests(inner).isEmpty)
    }

    @Test("cancelling, a timeout and going back reach the run inside; pausing and resuming do as well")
    func passedDown() throws {
        func abandoned(_ small: Small) -> [String] {
            small.actions.compactMap { if case .abandonChild(let key, _) = $0 { key } else { nil } }
        }
        var small = try Small(SubworkflowTests.steps)
        try small.send(.start(input: ["number": "S-1"]))
        try small.send(.paused(by: Person.ruth, reason: "look first"))
        try small.send(.childEnded(key: "check#1", SubworkflowTests.result("done", ["seen": 1])))
        #expect(small.state.phase == .waiting)
        try small.send(.resumed(by: Person.ruth))
        #expect(small.state.phase == .completed)
        let steered = small.actions.compactMap { if case .steerChild("check#1", let event) = $0 { event } else { nil } }
        #expect(steered.count == 2)

        var cancelled = try Small(SubworkflowTests.steps)
        try cancelled.send(.start(input: ["number": "S-1"]))
        #expect(throws: Refusal.self) { try cancelled.send(.skipped(step: "check", by: Person.ruth, reason: "no")) }
        try cancelled.send(.cancelled(by: Person.ruth, reason: "no"))
        #expect(abandoned(cancelled) == ["check#1"])

        var late = try Small(SubworkflowTests.steps.replacing("\"export\"", with: "\"timeout\": \"PT1H\", \"export\""))
        try late.send(.start(input: ["number": "S-1"]))
        try late.passTime()
        #expect(abandoned(late) == ["check#1"] && late.state.phase == .faulted)

        var back = try Small(SubworkflowTests.steps)
        try back.send(.start(input: ["number": "S-1"]))
        try back.send(.rewound(step: "check", by: Person.ruth, reason: "again"))
        #expect(abandoned(back) == ["check#1"] && requests(back).map(\.key) == ["check#1", "check#2"])
    }

    @Test("a run that nobody waits for ends at once, but never in the middle of a write")
    func abandoned() throws {
        let note = ParentNote(run: SubworkflowTests.parent, key: "x#1", depth: 2, acts: [])
        var reading = try Small("[\(Small.read("a"))]", inside: note)
        try reading.send(.start(input: [:]))
        try reading.send(.abandoned(reason: "The step took too long."))
        #expect(reading.state.phase == .cancelled && reading.state.parent == note)

        let write = #"{"w": {"call": "erp.write", "with": {"connection": "erp", "object": "bill", "key": "k", "bill": {}}}}"#
        var writing = try Small("[\(write), \(Small.read("b"))]", inside: note)
        try writing.send(.start(input: [:]))
        try writing.send(.abandoned(reason: "The step took too long."))
        #expect(writing.state.phase == .running && writing.tasks == ["w#1"])
        try writing.send(.workFinished(key: "w#1", .dead(code: "X", message: "no answer")))
        #expect(!writing.state.phase.isFinal, "a write in doubt is looked at by a person first")
        try writing.send(.retried(key: "w#1", by: Person.ruth))
        try writing.finish("w#1", ["externalId": "B-1"])
        #expect(writing.state.phase == .cancelled && writing.tasks.isEmpty)
        #expect(writing.notes.contains { $0.type == "work.answered" && $0.data["output"]?["externalId"] == "B-1" })
    }

    @Test(
        "what cannot be is refused with its place",
        arguments: [
            (#"{"name": "w", "input": {}}"#, "lacks `version`", "/do/0/x/run/workflow"),
            (#"{"name": "w", "version": "latest", "input": {}}"#, "is fixed", "/do/0/x/run/workflow/version"),
            (#"{"name": "W!", "version": "1", "input": {}}"#, "is no name", "/do/0/x/run/workflow/name"),
            (#"{"name": "w", "version": "1"}"#, "lacks `input`", "/do/0/x/run/workflow"),
            (
                #"{"name": "w", "version": "1", "input": {}, "await": false}"#, "has no member `await`",
                "/do/0/x/run/workflow/await"
            ),
            (#"{"name": "w", "version": "1", "input": "${ nothing.a }"}"#, "nothing", "/do/0/x/run/workflow/input"),
        ])
    func refused(workflow: String, message: String, pointer: String) throws {
        let issues = try Small.parse(#"[{"x": {"run": {"workflow": \#(workflow)}}}]"#).issues
        #expect(issues.contains { $0.message.contains(message) && $0.pointer == pointer }, "\(issues)")
    }

    @Test("a workflow does not run beside other steps, where duties would be out of sight")
    func beside() throws {
        let run = #"{"run": {"workflow": {"name": "w", "version": "1", "input": {}}}}"#
        let branches = #"[{"a": \#(run)}, {"b": {"set": {"x": 1}}}]"#
        let fork = #"[{"f": {"fork": {"onError": "wait", "branches": \#(branches)}}}]"#
        let issues = try Small.parse(fork).issues
        #expect(issues.contains { $0.message.contains("cannot run beside other steps") }, "\(issues)")
    }
}
