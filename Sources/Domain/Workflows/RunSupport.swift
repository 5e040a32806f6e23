import Expressions
import Kernel
import Policies

/// What the moves of a pass have in common: bindings, records, clocks, withdrawals.
extension RunPass {
    func bindings(output: JSONValue? = nil, context: JSONObject? = nil) -> [String: CELValue] {
        var out: [String: CELValue] = [
            "input": CELValue(state.input), "context": CELValue(.object(context ?? state.context)),
            "run": CELValue([
                "definition": .string(definition.name), "version": .string(definition.version),
                "startedAt": JSONValue(state.startedAt),
            ]),
        ]
        if let output { out["output"] = CELValue(output) }
        return out
    }

    func holds(_ condition: CompiledExpression, context: JSONObject? = nil) throws(ExpressionFailure) -> Bool {
        guard case .bool(let flag) = try condition.value(bindings(context: context)) else {
            throw ExpressionFailure(.evaluation, "A condition has to give true or false.", at: 0)
        }
        return flag
    }

    func evaluated(_ template: Template, _ bindings: [String: CELValue], _ node: StepNode) throws(StepError) -> JSONValue {
        do throws(ExpressionFailure) {
            return try template.value(bindings)
        } catch {
            throw engineError("EXPRESSION", error.description, step: node.path)
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

    /// Takes back what waits in a step and in all steps inside it.
    mutating func withdraw(under path: String, reason: String) {
        let isInside: (Activation) -> Bool = { $0.path == path || $0.path.hasPrefix(path + "/") || path.isEmpty }
        // The step that failed has been answered itself; only what others still wait for is taken back.
        for activation in state.active where isInside(activation) && activation.path != path { withdraw(activation, reason) }
        if let own = state.active.first(where: { $0.path == path }), case .person(let person) = own.wait {
            cancelDeadlines(person)
        }
        state.active.removeAll(where: isInside)
    }

    private mutating func withdraw(_ activation: Activation, _ reason: String) {
        switch activation.wait {
        case .inside: break
        case .work(let request, _): actions.append(.withdraw(key: request.key, reason: reason))
        case .person(let person):
            cancelDeadlines(person)
            actions.append(.withdraw(key: person.request.key, reason: reason))
        case .timer(let key, _): actions.append(.cancelTimer(key: key))
        }
    }

    mutating func cancelDeadlines(_ person: PersonWait) {
        for deadline in person.request.deadlines where !person.passed.contains(deadline.name) {
            actions.append(.cancelTimer(key: deadline.key))
        }
    }
}
