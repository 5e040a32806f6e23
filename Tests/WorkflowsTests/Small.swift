import Kernel
import Policies
import Testing

@testable import Workflows

/// A definition of a few steps, and one run of it.
struct Small {
    var machine = RunMachine()
    let environment: RunEnvironment
    var now = Desk.start
    var actions: [RunAction] = []

    init(_ steps: String, head: JSONObject = [:]) throws {
        let (definition, issues) = try Small.parse(steps, head: head)
        #expect(issues.isEmpty, "\(issues)")
        environment = RunEnvironment(
            definition: try #require(definition), policies: [:], hash: { stableHash($0) },
            serviceInstant: { $1.adding(seconds: $0 * 2) })
    }

    static func parse(
        _ steps: String, head: JSONObject = [:]
    ) throws -> (definition: WorkflowDefinition?, issues: [AssetIssue]) {
        var json: JSONObject = [
            "kind": "workflow", "name": "small", "version": "1", "title": "Small", "outcomes": ["done"], "outcome": "'done'",
        ]
        for member in head { json[member.key] = member.value }
        json["do"] = try JSONValue(parsing: steps)
        var issues: [AssetIssue] = []
        let definition = WorkflowDefinition.parse(.object(json), issues: &issues)
        return (definition, issues)
    }

    /// Sends an event; the state goes through its stored form, so that every test tests that too.
    /// The same as a run inside another one.
    init(_ steps: String, inside parent: ParentNote) throws {
        try self.init(steps)
        machine = RunMachine(RunState(inside: parent))
    }

    @discardableResult
    mutating func send(_ event: RunEvent, after seconds: Int64 = 0) throws -> [RunAction] {
        now = now.adding(seconds: seconds)
        let stored = try RunState(json: JSONValue(parsing: machine.state.json.text))
        #expect(stored == machine.state)
        machine = RunMachine(stored)
        let answer = try machine.handle(
            try RunEvent(json: JSONValue(parsing: event.json.text)), at: now, in: environment)
        actions += answer
        return answer
    }

    mutating func finish(_ key: String, _ output: JSONValue = [:]) throws {
        try send(.workFinished(key: key, .completed(output)))
    }

    /// The earliest timer fires when it is due.
    mutating func passTime() throws {
        let timer = try #require(timers.min { $0.at < $1.at })
        now = timer.at
        try send(.timerFired(key: timer.key))
    }

    var state: RunState { machine.state }
    var tasks: [String] { RunMachine.tasks(for: state).map(\.key) }
    var timers: [(key: String, at: Moment)] { RunMachine.timers(for: state) }
    var notes: [HistoryNote] { actions.compactMap { if case .record(let note) = $0 { note } else { nil } } }
    func steps(_ type: String) -> [String] { notes.filter { $0.type == type }.map(\.step) }

    /// A step that reads from the ERP.
    static func read(_ name: String, _ more: String = "") -> String {
        #"{"\#(name)": {"call": "erp.read", "with": {"connection": "erp", "object": "order", "key": "k"}\#(more)}}"#
    }
}
