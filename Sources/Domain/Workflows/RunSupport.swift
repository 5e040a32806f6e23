import Expressions
import Kernel
import Policies

/// What the moves of a pass have in common: bindings, records, clocks, withdrawals.
extension RunPass {
    /// What expressions of a step can name. `data` stands for what the step was given, where it is something else.
    func bindings(
        at path: String, data: JSONValue? = nil, output: JSONValue? = nil
    ) -> [String: CELValue] {
        var out: [String: CELValue] =
            switch definition.flow {
            case .context:
                [
                    "input": CELValue(state.input), "context": CELValue(.object(state.context)),
                    "run": CELValue([
                        "definition": .string(definition.name), "version": .string(definition.version),
                        "startedAt": JSONValue(state.startedAt),
                    ]),
                ]
            case .document: documentBindings(at: path, data: data)
            }
        if definition.hasLocals {
            for activation in state.active where !activation.locals.isEmpty && RunPass.holds(path, in: activation.path) {
                for member in activation.locals { out[member.key] = CELValue(member.value) }
            }
        }
        if let output { out["output"] = CELValue(output) }
        return out
    }

    private func documentBindings(at path: String, data: JSONValue?) -> [String: CELValue] {
        let given = activation(at: path)?.data
        let node = node(at: path)
        return [
            "data": CELValue(data ?? given ?? .null), "input": CELValue(given ?? data ?? .null),
            "context": CELValue(.object(state.context)),
            "workflow": CELValue([
                "name": .string(definition.name), "version": .string(definition.version), "input": state.input,
                "startedAt": JSONValue(state.startedAt),
            ]),
            "task": CELValue(["name": .string(node?.name ?? ""), "reference": .string(node?.pointer ?? "")]),
            "runtime": CELValue(["name": "countersign"]),
        ]
    }

    /// Whether a path is that of a step, or of one inside it.
    static func holds(_ path: String, in container: String) -> Bool {
        guard path.utf8.count != container.utf8.count else { return path == container }
        return container.isEmpty || path.hasPrefix(container + "/")
    }

    func holds(
        _ condition: CompiledExpression, at path: String, data: JSONValue? = nil, locals: JSONObject = [:]
    ) throws(ExpressionFailure) -> Bool {
        var bindings = bindings(at: path, data: data)
        for member in locals { bindings[member.key] = CELValue(member.value) }
        return try holds(condition, bindings)
    }

    func holds(_ condition: CompiledExpression, _ bindings: [String: CELValue]) throws(ExpressionFailure) -> Bool {
        guard case .bool(let flag) = try condition.value(bindings) else {
            throw ExpressionFailure(.evaluation, "A condition has to give true or false.", at: 0)
        }
        return flag
    }

    func evaluated(
        _ template: Template, _ bindings: [String: CELValue], at path: String
    ) throws(StepError) -> JSONValue {
        do throws(ExpressionFailure) {
            return try template.value(bindings)
        } catch {
            throw engineError("EXPRESSION", error.description, step: path)
        }
    }

    func engineError(_ type: String, _ detail: String, step: String) -> StepError {
        StepError(kind: .engine, type: type, title: "The workflow cannot go on", detail: detail, step: step)
    }

    mutating func record(_ type: String, _ step: String, _ summary: String, _ data: JSONValue = .null) {
        actions.append(.record(HistoryNote(type: type, step: step, summary: summary, data: data)))
    }

    mutating func ignore(_ summary: String) { record("event.ignored", "", summary) }

    /// Only changes that make sense are passed on, so that a step that is entered twice starts its clock once.
    mutating func move(clocks rules: [ClockRule]) {
        for rule in rules {
            let standing = state.clocks[rule.objective]
            switch (rule.change, standing) {
            // Starting what was stopped reopens it; the contract says what that means for the counted time.
            case (.start, nil), (.start, .stopped), (.resume, .paused): state.clocks[rule.objective] = .running
            case (.pause, .running): state.clocks[rule.objective] = .paused
            case (.stop, .running), (.stop, .paused): state.clocks[rule.objective] = .stopped
            default: continue
            }
            actions.append(.clock(objective: rule.objective, rule.change))
        }
    }

    mutating func cancelClocks() {
        for objective in state.clocks.keys.sorted() where state.clocks[objective] != .stopped {
            state.clocks[objective] = .stopped
            actions.append(.clock(objective: objective, .cancel))
        }
    }

    mutating func withdrawAll(reason: String) {
        for activation in state.active { withdraw(activation, reason) }
        state.active.removeAll()
    }

    /// Takes back what waits in a step and in all steps inside it, and forgets the moves that were still to be made there.
    mutating func withdraw(under path: String, reason: String, includingItself: Bool = false) {
        // The step that failed has been answered itself; only what others still wait for is taken back.
        for activation in state.active where RunPass.holds(activation.path, in: path) {
            if activation.path != path || includingItself {
                withdraw(activation, reason)
            } else {
                for timer in activation.timers { actions.append(.cancelTimer(key: timer.key)) }
            }
        }
        state.active.removeAll { RunPass.holds($0.path, in: path) }
        forgetMoves { RunPass.holds($0, in: path) }
    }

    /// The same for the steps inside it alone.
    mutating func withdraw(inside path: String, reason: String) {
        let isInside: (String) -> Bool = { $0 != path && RunPass.holds($0, in: path) }
        for activation in state.active where isInside(activation.path) { withdraw(activation, reason) }
        state.active.removeAll { isInside($0.path) }
        forgetMoves(isInside)
    }

    private mutating func forgetMoves(_ isGone: (String) -> Bool) {
        moves.removeAll { move in
            switch move {
            case .enter(_, let path, _, _), .leave(let path, _, _), .fail(let path, _): isGone(path)
            case .end: false
            }
        }
    }

    private mutating func withdraw(_ activation: Activation, _ reason: String) {
        for timer in activation.timers { actions.append(.cancelTimer(key: timer.key)) }
        switch activation.wait {
        case .inside, .loop, .attempt, .listening, .timer: break
        case .work(let request, _): actions.append(.withdraw(key: request.key, reason: reason))
        case .person(let person): actions.append(.withdraw(key: person.request.key, reason: reason))
        case .child(let child): actions.append(.abandonChild(key: child.key, reason: reason))
        }
    }

    mutating func cancelDeadlines(_ person: PersonWait) {
        for deadline in person.request.deadlines where !person.passed.contains(deadline.name) {
            actions.append(.cancelTimer(key: deadline.key))
        }
    }
}
