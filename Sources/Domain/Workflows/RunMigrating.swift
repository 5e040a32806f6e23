package import Kernel

/// What a run stands in and what it is past, step by step.
extension RunMigration {
    /// What keeps one open step from going over.
    func standing(_ activation: Activation, _ state: RunState) -> [Obstacle] {
        let path = activation.path
        guard let id = from.id(of: path), let target = counterparts[id] else {
            return [
                Obstacle(
                    reason: "step.gone", step: path,
                    message: "The run is inside \(path), which has no counterpart in version \(to.version).")
            ]
        }
        guard let there = moved(path) else {
            return [
                Obstacle(
                    reason: "step.moved", step: path,
                    message: "\(path) stands in another list in version \(to.version), and the run is inside the one around it.")
            ]
        }
        var found: [Obstacle] = []
        func refuse(_ reason: String, _ message: String) {
            found.append(Obstacle(reason: reason, step: path, message: message))
        }
        if from.nodes[id].isCompensation { refuse("step.undoing", "\(path) is being undone; wait until that is over.") }
        switch (activation.wait, to.nodes[target].action) {
        case (.inside(let done, _), .fork(let rule)):
            let names = rule.branches.map { to.nodes[$0].name }.sorted()
            let carried = branches(of: id).compactMap { counterparts[$0].map { to.nodes[$0].name } }.sorted()
            if names != carried || done.contains(where: { finished($0, id) == nil }) {
                refuse("step.branches", "The branches of \(path) are others in version \(to.version).")
            }
        case (.loop, .loop(let rule)):
            guard case .loop(let now) = from.nodes[id].action else { break }
            if now.each != rule.each || now.at != rule.at || (now.turnsOpenMax == 1) != (rule.turnsOpenMax == 1)
                || counterparts[now.body] != rule.body
            {
                refuse("step.loop", "The loop \(path) goes through its items in another way in version \(to.version).")
            }
        case (.person(let person), .human(let call)):
            if person.duty != call.duty {
                refuse("step.duty", "Signing \(path) is another duty in version \(to.version). Take the run back behind it.")
            }
        case (.attempt(let attempt), _):
            if attempt.undoing != nil { refuse("step.undoing", "\(path) is being undone; wait until that is over.") }
        case (.listening(let listening), .listen(let rule)):
            if listening.wanted.count != rule.filters.count {
                refuse("step.listen", "\(path) waits for other events in version \(to.version).")
            }
        case (.child(let child), .run(let call)):
            if child.workflow != call.workflow {
                refuse(
                    "step.workflow",
                    "\(path) waits for \(child.workflow.key), and version \(to.version) runs \(call.workflow.key) there.")
            }
        default: break
        }
        if activation.timeout != nil, to.nodes[target].timeout == nil {
            refuse("step.timeout", "\(path) has a time limit that version \(to.version) does not have.")
        }
        return found + gatesBefore(there, target, in: state) + data(before: target, state)
    }

    private func branches(of fork: Int) -> [Int] {
        if case .fork(let rule) = from.nodes[fork].action { rule.branches } else { [] }
    }

    /// The name in the other version of a branch that is done.
    private func finished(_ name: String, _ fork: Int) -> String? {
        branches(of: fork).first { from.nodes[$0].name == name }.flatMap { counterparts[$0] }.map { to.nodes[$0].name }
    }

    /// Steps of the same list that come before a step in the other version, with all that is in them.
    private func behind(_ target: Int) -> [StepNode] {
        guard let parent = to.nodes[target].parent, case .sequence(let children) = to.nodes[parent].action,
            let place = children.firstIndex(of: target)
        else { return [] }
        let before = children[..<place].map { to.nodes[$0].path }
        return to.nodes.filter { node in before.contains { RunPass.holds(node.path, in: $0) } && !node.isCompensation }
    }

    /// Decisions and writes of the other version that the run would never meet, since it is past them.
    private func gatesBefore(_ path: String, _ target: Int, in state: RunState) -> [Obstacle] {
        let carried = Set(counterparts.values)
        return behind(target).compactMap { node in
            guard node.action.isGate, !carried.contains(node.id) else { return nil }
            return Obstacle(
                reason: "step.passed", step: path,
                message: "Version \(to.version) has '\(node.title)' before this point, and the run is past it. "
                    + "Take the run back first.")
        }
    }

    /// Names that steps behind the run keep in the other version and did not keep in this one.
    private func data(before target: Int, _ state: RunState) -> [Obstacle] {
        let origins = Dictionary(counterparts.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
        var found: [Obstacle] = []
        for node in behind(target) {
            let kept = Set(origins[node.id].map { from.nodes[$0].keptNames } ?? [])
            for name in node.keptNames where state.context[name] == nil && !kept.contains(name) {
                found.append(
                    Obstacle(
                        reason: "data.missing", step: to.nodes[target].path,
                        message: "Version \(to.version) keeps '\(name)' in \(node.path), which the run is past. "
                            + "Take the run back first."))
            }
        }
        return found
    }

    /// Writes the run has sent, whose own keys are made from the name of their step: under another name they would be sent anew.
    func missed(by state: RunState) -> [Obstacle] {
        var found: [Obstacle] = []
        for path in state.visits.keys.sorted() {
            guard let id = from.id(of: path), case .work(let call) = from.nodes[id].action, call.kind.isWrite else { continue }
            guard let target = counterparts[id], case .work(let other) = to.nodes[target].action else {
                found.append(
                    Obstacle(
                        reason: "write.gone", step: path,
                        message: "The run has written in \(path), which has no counterpart in version \(to.version)."))
                continue
            }
            let isNamed = call.idempotencyKey != nil && other.idempotencyKey != nil
            if !isNamed, moved(path) != path || (call.idempotencyKey == nil) != (other.idempotencyKey == nil) {
                found.append(
                    Obstacle(
                        reason: "write.key", step: path,
                        message: "The run has written in \(path), and in version \(to.version) the same write would have "
                            + "another key. Keep the name of the step, or give it an idempotencyKey in both."))
            }
        }
        return found
    }

    /// The state as the other version has it. Keys of requests, work and timers stay; how often a step was entered is counted
    /// under both names, so that no key is ever made twice.
    func carried(_ state: RunState) -> RunState {
        var after = state
        after.active = state.active.map { activation in
            var made = Activation(
                path: moved(activation.path) ?? activation.path, visit: activation.visit, wait: activation.wait)
            made.data = activation.data
            made.locals = activation.locals
            made.outputs = activation.outputs
            made.timeout = activation.timeout
            if case .inside(let done, let failure) = activation.wait, let id = from.id(of: activation.path) {
                made.wait = .inside(done: done.map { finished($0, id) ?? $0 }, failure: failure)
                if case .fork = from.nodes[id].action {
                    made.outputs = JSONObject(
                        activation.outputs.members.map { (key: finished($0.key, id) ?? $0.key, value: $0.value) })
                }
            }
            return made
        }
        after.undo = state.undo.map { UndoNote(path: moved($0.path) ?? $0.path, output: $0.output) }
        for (path, count) in state.visits {
            guard let there = moved(path), there != path else { continue }
            after.visits[there] = max(after.visits[there] ?? 0, count)
        }
        return after
    }
}

extension RunMachine {
    /// The run goes over to another version. Refused with the first obstacle, and with how many there are.
    package mutating func migrate(
        by migration: RunMigration, person: PersonID, reason: String, at now: Moment, in environment: RunEnvironment
    ) throws(Refusal) -> [RunAction] {
        let obstacles = migration.obstacles(to: state)
        if let first = obstacles.first {
            let more = obstacles.count > 1 ? " (and \(obstacles.count - 1) more)" : ""
            throw Refusal(
                .conflict, reason: first.reason, first.message + more,
                facts: ["step": first.step, "obstacles": "\(obstacles.count)"])
        }
        var pass = RunPass(state: migration.carried(state), now: now, environment: environment)
        try pass.tellMigration(migration, state, by: person, reason: reason)
        state = pass.state
        return pass.actions
    }
}

extension RunPass {
    fileprivate mutating func tellMigration(
        _ migration: RunMigration, _ before: RunState, by person: PersonID, reason text: String
    ) throws(Refusal) {
        let reason = try self.reason(text)
        let renamed = before.openSteps.filter { migration.moved($0) != $0 }
        let steps = JSONObject(renamed.map { (key: $0, value: .string(migration.moved($0) ?? "")) })
        let versions: JSONObject = ["from": .string(migration.from.version), "to": .string(migration.to.version)]
        var facts: JSONObject = ["by": JSONValue(person), "reason": .string(reason), "steps": .object(steps)]
        for member in versions { facts[member.key] = member.value }
        record(
            "run.migrated", "", "The run went over from version \(migration.from.version) to \(migration.to.version): \(reason)",
            .object(facts))
        facts["person"] = JSONValue(person)
        facts["by"] = nil
        actions.append(.audit(action: "run.migrated", facts: .object(facts)))
    }
}

extension StepAction {
    /// Whether a person or a rule decides here, or something leaves the house: what no run may slip past. A workflow that is
    /// run inside may do any of that.
    var isGate: Bool {
        switch self {
        case .human, .decide, .match, .release, .run: true
        case .work(let call): call.kind.isWrite
        case .sequence, .set, .give, .choose, .fork, .loop, .attempt, .raise, .wait, .emit, .listen: false
        }
    }
}

extension StepNode {
    /// Names that the step puts into the context.
    var keptNames: [String] {
        guard case .set(let values) = action else { return exports.map(\.name) }
        return exports.map(\.name) + values.map(\.name)
    }
}
