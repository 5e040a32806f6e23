package import Kernel

/// Which step of another version of a workflow stands for which step of this one, and whether a run can go over to it.
///
/// Steps of equal path and kind stand for each other by themselves; others are named. A step that is renamed takes the steps
/// inside it along. What a run is asked or has sent stays as it was asked and sent: requests, writes, timers and their keys go
/// over unchanged, so that nobody is asked twice and nothing is written twice.
package struct RunMigration: Sendable {
    /// Steps that one mapping may name.
    package static let namedMax = 200

    /// Why a run cannot go over.
    package struct Obstacle: Sendable, Hashable {
        /// Stable, for counts and programs.
        package let reason: String
        /// The step it is about, as the run writes it; empty when it is about the run as a whole.
        package let step: String
        package let message: String

        package var json: JSONValue {
            ["reason": .string(reason), "step": .string(step), "message": .string(message)]
        }
    }

    package let from: WorkflowDefinition
    package let to: WorkflowDefinition
    /// Counterparts by the number of the step in `from`.
    let counterparts: [Int: Int]

    /// Refuses a mapping that names what is not there, or lets steps of different kinds stand for each other.
    package init(
        from: WorkflowDefinition, to: WorkflowDefinition, mapping: [String: String] = [:]
    ) throws(Refusal) {
        func refusal(_ path: String, _ message: String) -> Refusal {
            Refusal(.unprocessable, reason: "migration.mapping", message, facts: ["field": "mapping/\(path)"])
        }
        guard sameBytes(from.name, to.name) else {
            throw Refusal(
                .unprocessable, reason: "migration.workflow", "A run moves between versions of one workflow, not to another one.")
        }
        guard mapping.count <= RunMigration.namedMax else {
            throw Refusal(
                .tooLarge, reason: "migration.mapping", "A mapping names at most \(RunMigration.namedMax) steps.",
                facts: ["field": "mapping"])
        }
        var taken: [String: String] = [:]
        for (old, new) in mapping.sorted(by: { $0.key < $1.key }) {
            guard let left = from.idByPath[old], left != 0 else {
                let near = nearestName(to: old, among: from.idByPath.keys.sorted()).map { " Did you mean \($0)?" } ?? ""
                throw refusal(old, "Version \(from.version) has no step \(old).\(near)")
            }
            guard let right = to.idByPath[new], right != 0 else {
                let near = nearestName(to: new, among: to.idByPath.keys.sorted()).map { " Did you mean \($0)?" } ?? ""
                throw refusal(old, "Version \(to.version) has no step \(new).\(near)")
            }
            guard from.nodes[left].action.isOfTheKind(of: to.nodes[right].action) else {
                throw refusal(old, "\(old) and \(new) are steps of different kinds.")
            }
            if let other = taken[new] { throw refusal(old, "\(other) and \(old) cannot both become \(new).") }
            taken[new] = old
        }
        self.from = from
        self.to = to
        counterparts = RunMigration.pairs(from, to, mapping)
    }

    /// The longest named path around a step says where it goes; a step that something else was given to is not taken again.
    private static func pairs(
        _ from: WorkflowDefinition, _ to: WorkflowDefinition, _ mapping: [String: String]
    ) -> [Int: Int] {
        var pairs = [0: 0]
        var taken: Set<Int> = [0]
        for (old, new) in mapping {
            guard let left = from.idByPath[old], let right = to.idByPath[new] else { continue }
            pairs[left] = right
            taken.insert(right)
        }
        for node in from.nodes where pairs[node.id] == nil {
            var around = node.path
            var goal = node.path
            while !around.isEmpty {
                if let new = mapping[around] {
                    goal = new + node.path.dropFirst(around.count)
                    break
                }
                around = RunPass.parent(of: around)
            }
            guard let right = to.idByPath[goal], !taken.contains(right),
                node.action.isOfTheKind(of: to.nodes[right].action), node.isCompensation == to.nodes[right].isCompensation
            else { continue }
            pairs[node.id] = right
            taken.insert(right)
        }
        return pairs
    }

    /// Everything that keeps a run from going over, in the order of its open steps; empty when it can.
    package func obstacles(to state: RunState) -> [Obstacle] {
        guard !state.phase.isFinal, state.phase != .pending else {
            return [Obstacle(reason: "run.finished", step: "", message: "The run has already ended.")]
        }
        var found = wholeRun(state)
        for activation in state.active { found += standing(activation, state) }
        for note in state.undo where !canUndo(note) {
            found.append(
                Obstacle(
                    reason: "step.undo", step: note.path,
                    message: "What \(note.path) has done could no longer be undone, since it has no counterpart that can be."))
        }
        found += missed(by: state)
        var seen: Set<Obstacle> = []
        return found.filter { seen.insert($0).inserted }
    }

    private func wholeRun(_ state: RunState) -> [Obstacle] {
        var found: [Obstacle] = []
        if from.flow != to.flow {
            found.append(
                Obstacle(
                    reason: "workflow.flow", step: "",
                    message: "One version is plain Serverless Workflow and the other is not; their data do not fit."))
        }
        let duties = Set(from.chain.map(\.duty))
        for (duty, _) in to.chain where !duties.contains(duty) {
            found.append(
                Obstacle(
                    reason: "workflow.chain", step: "",
                    message: "Version \(to.version) knows who did '\(duty)' from the start of a run, and this run does not."))
        }
        for (objective, standing) in state.clocks.sorted(by: { $0.key < $1.key })
        where standing != .stopped && !to.objectives.contains(objective) {
            found.append(
                Obstacle(
                    reason: "workflow.clock", step: "",
                    message: "The clock '\(objective)' is running, and nothing in version \(to.version) would stop it."))
        }
        return found
    }

    private func canUndo(_ note: UndoNote) -> Bool {
        guard let id = from.id(of: note.path), let target = counterparts[id], moved(note.path) != nil else { return false }
        return to.nodes[target].compensation != nil
    }

    /// Where the run waits once it has gone over, by the names of the other version.
    package func waitingSteps(of state: RunState) -> [String] { state.waitingSteps.map { moved($0) ?? $0 } }

    /// The path of a step in the other version, with the numbers of turns; nil without a counterpart in the same place.
    func moved(_ path: String) -> String? {
        guard !path.isEmpty else { return "" }
        guard let id = from.id(of: path), let target = counterparts[id], let around = moved(RunPass.parent(of: path)),
            let parent = to.nodes[target].parent, RunMigration.place(of: to.nodes[parent].path) == RunMigration.place(of: around)
        else { return nil }
        let last = path.split(separator: "/").last ?? ""
        let turn = last.firstIndex(of: ":").map { String(last[$0...]) } ?? ""
        return RunPass.child(to.nodes[target].name + turn, of: around)
    }

    private static func place(of path: String) -> String { WorkflowDefinition.written(path) }
}

extension StepAction {
    /// Whether a step may stand for another: it does the same thing, on the same connection or to the same people.
    func isOfTheKind(of other: StepAction) -> Bool {
        switch (self, other) {
        case (.work(let left), .work(let right)): left.kind == right.kind && sameBytes(left.connection, right.connection)
        case (.human(let left), .human(let right)): left.kind == right.kind
        case (.sequence, .sequence), (.set, .set), (.give, .give), (.choose, .choose), (.decide, .decide), (.match, .match),
            (.fork, .fork), (.loop, .loop), (.attempt, .attempt), (.raise, .raise), (.wait, .wait), (.release, .release),
            (.emit, .emit), (.listen, .listen), (.run, .run):
            true
        // Different kinds; a kind that is not named above is carried over by nothing until somebody has thought about it.
        default: false
        }
    }
}
