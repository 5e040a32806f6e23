import Expressions
package import Kernel
import Policies

/// A workflow of one version, as another one names it.
package struct WorkflowReference: Sendable, Hashable {
    package let name: String
    package let version: String

    package init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    /// `name@version`.
    package var key: String { "\(name)@\(version)" }

    /// Nil when the text is not of that form.
    package init?(key: String) {
        guard let at = key.firstIndex(of: "@"), at != key.startIndex, key.index(after: at) != key.endIndex else { return nil }
        name = String(key[..<at])
        version = String(key[key.index(after: at)...])
    }
}

extension RunState {
    /// Whether a step waits for the workflow that it ran under this key.
    package func waitsForChild(_ key: String) -> Bool {
        active.contains { if case .child(let child) = $0.wait { child.key == key } else { false } }
    }
}

struct SubworkflowCall: Sendable {
    let workflow: WorkflowReference
    let input: Template
}

/// A step that waits for another workflow.
struct ChildWait: Sendable, Equatable {
    let key: String
    let workflow: WorkflowReference
}

/// The run that waits for this one, and what this one has to know of it.
package struct ParentNote: Sendable, Equatable {
    package let run: RunID
    /// Key of the waiting step: its path, `#`, visit.
    package let key: String
    /// How deep this run lies; that of a document is at 1, what it runs at 2.
    package let depth: Int
    /// Duties that people did out there.
    let acts: [DutySeparation.Act]

    package init(run: RunID, request: ChildRequest) {
        self.init(run: run, key: request.key, depth: request.depth, acts: request.acts)
    }

    init(run: RunID, key: String, depth: Int, acts: [DutySeparation.Act]) {
        self.run = run
        self.key = key
        self.depth = depth
        self.acts = acts
    }

    package var json: JSONValue {
        ["run": JSONValue(run), "key": .string(key), "depth": JSONValue(depth), "acts": .array(acts.map(\.json))]
    }

    package init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "run around this one")
        self.init(
            run: try fields.id("run"), key: try fields.string("key"), depth: try fields.int("depth"),
            acts: try readList(fields, "acts") { item throws(Refusal) in try DutySeparation.Act(json: item) })
    }
}

/// What a step asks for that runs another workflow.
package struct ChildRequest: Sendable, Equatable {
    /// Unique in the run: step path, `#`, visit.
    package let key: String
    package let workflow: WorkflowReference
    package let title: String
    package let input: JSONValue
    package let depth: Int
    let acts: [DutySeparation.Act]
}

/// How a workflow ended that a step ran.
package struct ChildResult: Sendable, Equatable {
    package let run: RunID
    /// One of its own, or `faulted`, or `cancelled`.
    package let outcome: String
    package let output: JSONValue
    /// Duties that people did on the chain, those of before included.
    let acts: [DutySeparation.Act]

    package init(run: RunID, outcome: String, output: JSONValue, state: RunState) {
        self.init(run: run, outcome: outcome, output: output, acts: state.acts)
    }

    init(run: RunID, outcome: String, output: JSONValue, acts: [DutySeparation.Act]) {
        self.run = run
        self.outcome = outcome
        self.output = output
        self.acts = acts
    }

    var json: JSONValue {
        ["run": JSONValue(run), "outcome": .string(outcome), "output": output, "acts": .array(acts.map(\.json))]
    }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "result of a run")
        self.init(
            run: try fields.id("run"), outcome: try fields.string("outcome"), output: fields.value("output"),
            acts: try readList(fields, "acts") { item throws(Refusal) in try DutySeparation.Act(json: item) })
    }
}

extension DutySeparation.Act {
    var json: JSONValue { ["duty": .string(duty), "person": .string(person)] }

    init(json: JSONValue) throws(Refusal) {
        let fields = try Fields(json, "act")
        self.init(duty: try fields.string("duty"), person: try fields.string("person"))
    }
}

extension DefinitionParser {
    /// `run: {workflow: {name, version, input}}`.
    mutating func subworkflowAction(_ task: AssetReader) -> StepAction? {
        guard let json = task.object["run"], let run = AssetReader(json, at: task.path("run"), "run", issues: &issues) else {
            return nil
        }
        run.close(["workflow"], issues: &issues)
        guard let inner = run.object["workflow"] else {
            run.missing("workflow", issues: &issues)
            return nil
        }
        guard let workflow = AssetReader(inner, at: run.path("workflow"), "workflow", issues: &issues) else { return nil }
        workflow.close(["name", "version", "input"], issues: &issues)
        let name = workflow.name("name", issues: &issues)
        let version = workflow.text("version", issues: &issues)
        guard let name, let version, let input = template("input", of: workflow, isRequired: true) else { return nil }
        if version == "latest" {
            issues.append(
                AssetIssue(
                    workflow.path("version"), "The version of a workflow that runs inside another is fixed.",
                    remedy: "Name the version that this one was written for."))
        }
        let reference = WorkflowReference(name: name, version: version)
        if !workflows.contains(reference) { workflows.append(reference) }
        return .run(SubworkflowCall(workflow: reference, input: input))
    }
}

/// Workflows inside a run: each is a run of its own, under the version that was named.
extension RunPass {
    mutating func startChild(
        _ call: SubworkflowCall, _ node: StepNode, _ path: String, _ visit: Int
    ) throws(StepError) {
        let depth = (state.parent?.depth ?? 1) + 1
        guard depth <= RunBounds.runsDeepMax else {
            throw engineError(
                "DEPTH_LIMIT", "Runs stand more than \(RunBounds.runsDeepMax) deep inside one another.", step: path)
        }
        let input = try evaluated(call.input, bindings(at: path), at: path)
        let key = "\(path)#\(visit)"
        wait(.child(ChildWait(key: key, workflow: call.workflow)), at: path)
        actions.append(
            .startChild(
                ChildRequest(
                    key: key, workflow: call.workflow, title: node.title, input: input, depth: depth, acts: state.acts)))
    }

    /// What it left behind is what the step gives; one that faulted or was cancelled is an error of the step.
    mutating func finishChild(_ key: String, _ result: ChildResult) {
        let place = state.active.firstIndex { if case .child(let child) = $0.wait { child.key == key } else { false } }
        guard let place, case .child(let child) = state.active[place].wait else {
            return ignore("A run ended that nobody waits for (\(key)).")
        }
        let path = state.active[place].path
        for act in result.acts where !state.acts.contains(act) { state.acts.append(act) }
        record(
            "run.child-ended", path, "\(child.workflow.key) ended: \(result.outcome).",
            ["run": JSONValue(result.run), "outcome": .string(result.outcome)])
        let facts: JSONValue = ["run": JSONValue(result.run), "outcome": .string(result.outcome), "output": result.output]
        switch result.outcome {
        case "faulted":
            let error = result.output["error"]
            moves.append(
                .fail(
                    path: path,
                    StepError(
                        kind: .run, type: error?["type"]?.string ?? "FAULTED", title: error?["title"]?.string ?? "It faulted",
                        detail: error?["detail"]?.string ?? "", step: path, data: facts)))
        case "cancelled":
            moves.append(
                .fail(
                    path: path,
                    StepError(
                        kind: .run, type: "CANCELLED", title: "\(child.workflow.name) was cancelled",
                        detail: result.output["reason"]?.string ?? "", step: path, data: facts)))
        default:
            guard facts.weight <= RunBounds.dataBytesMax else {
                moves.append(
                    .fail(path: path, engineError("DATA_LIMIT", "What \(child.workflow.key) gave is too large.", step: path)))
                return
            }
            moves.append(.leave(path: path, output: facts, nil))
        }
    }

    mutating func steerChildren(_ event: RunEvent) {
        for activation in state.active {
            if case .child(let child) = activation.wait { actions.append(.steerChild(key: child.key, event)) }
        }
    }

    // MARK: As the one inside

    /// Nobody waits for this run any longer. What it is writing is not cut off; it ends when that has been answered.
    mutating func abandon(_ reason: String) {
        guard !state.phase.isFinal, state.phase != .pending else { return ignore("The run was over when it was abandoned.") }
        guard state.ending == nil else { return ignore("The run was abandoned twice.") }
        let isWriting: (Activation) -> Bool = { if case .work(let request, _) = $0.wait { request.kind.isWrite } else { false } }
        guard state.active.contains(where: isWriting) else { return endCancelled(by: nil, reason: reason) }
        let writing = state.active.filter(isWriting)
        state.active.removeAll(where: isWriting)
        withdrawAll(reason: reason)
        state.active = writing
        for timer in writing.flatMap(\.timers) { actions.append(.cancelTimer(key: timer.key)) }
        for place in state.active.indices { state.active[place].timeout = nil }
        state.pause = nil
        state.ending = reason
        record("run.ending", "", "The run ends when what it is writing has been answered: \(reason)")
    }

    /// The answer to a write of a run that is ending: it is recorded, and nothing follows from it. False for one that is dead,
    /// which a person has to look at first.
    mutating func endedWriting(_ request: WorkRequest, _ result: WorkResult, at place: Int, _ reason: String) -> Bool {
        if case .dead = result { return false }
        record("work.answered", state.active[place].path, "\(request.title) was answered.", result.json)
        state.active.remove(at: place)
        if state.active.isEmpty { endCancelled(by: nil, reason: reason) }
        return true
    }
}
