import Expressions
import Kernel
import Policies

/// From step to step: entering, leaving, and where the run goes on.
extension RunPass {
    mutating func enter(_ id: Int, _ path: String, _ given: JSONValue, _ locals: JSONObject) {
        let node = definition.nodes[id]
        do throws(ExpressionFailure) {
            if let condition = node.condition, try !holds(condition, at: path, data: given) {
                record("step.skipped", path, "\(node.title) was not needed.")
                return follow(node, path, .proceed, given)
            }
        } catch {
            moves.append(.fail(path: path, engineError("EXPRESSION", error.description, step: path)))
            return
        }
        let visit = (state.visits[path] ?? 0) + 1
        guard visit <= RunBounds.visitsMax else {
            moves.append(
                .fail(path: path, engineError("LOOP_LIMIT", "The step was entered \(RunBounds.visitsMax) times.", step: path)))
            return
        }
        state.visits[path] = visit
        var activation = Activation(path: path, visit: visit, wait: .inside(done: [], failure: nil))
        activation.locals = locals
        state.active.append(activation)
        if id != 0 { record("step.entered", path, node.title, visit > 1 ? ["visit": JSONValue(visit)] : .null) }
        move(clocks: node.onEnter)
        do throws(StepError) {
            if definition.flow == .document { try give(given, to: node, at: path) }
            if let limit = node.timeout { try setTimeout(limit, node, path, visit) }
            try act(node, path, visit)
        } catch { moves.append(.fail(path: path, error)) }
    }

    private mutating func give(_ given: JSONValue, to node: StepNode, at path: String) throws(StepError) {
        var data = given
        if let from = node.inputFrom { data = try evaluated(from, bindings(at: path, data: given), at: path) }
        guard data.weight <= RunBounds.dataBytesMax else {
            throw engineError("DATA_LIMIT", "What the step is given is too large.", step: path)
        }
        change(at: path) { $0.data = data }
    }

    private mutating func setTimeout(_ rule: WaitRule, _ node: StepNode, _ path: String, _ visit: Int) throws(StepError) {
        let timer = TimerNote(key: "\(path)#\(visit)/timeout", at: try due(rule, at: path))
        change(at: path) { $0.timeout = timer }
        actions.append(.setTimer(key: timer.key, at: timer.at))
    }

    mutating func change(at path: String, _ body: (inout Activation) -> Void) {
        guard let place = state.active.lastIndex(where: { $0.path == path }) else { return }
        body(&state.active[place])
    }

    func activation(at path: String) -> Activation? { state.active.last { $0.path == path } }

    static func child(_ name: String, of path: String) -> String { path.isEmpty ? name : "\(path)/\(name)" }

    /// The path of the step around; the outermost list is around the outermost steps.
    static func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }

    mutating func enqueueEnter(_ id: Int, in path: String, given: JSONValue, locals: JSONObject = [:]) {
        moves.append(
            .enter(id, path: RunPass.child(definition.nodes[id].name, of: path), given: given, locals: locals))
    }

    private mutating func act(_ node: StepNode, _ path: String, _ visit: Int) throws(StepError) {
        let bindings = bindings(at: path)
        let data = definition.flow == .document ? activation(at: path)?.data ?? .null : .null
        switch node.action {
        case .sequence(let children):
            if let first = children.first {
                enqueueEnter(first, in: path, given: data)
            } else {
                moves.append(.leave(path: path, output: data, nil))
            }
        case .set(let values):
            for (name, template) in values { state.context[name] = try evaluated(template, bindings, at: path) }
            moves.append(.leave(path: path, output: .null, nil))
        case .give(let template): moves.append(.leave(path: path, output: try evaluated(template, bindings, at: path), nil))
        case .choose(let cases): moves.append(.leave(path: path, output: data, try choice(cases, bindings, at: path)))
        case .decide(let name, let template):
            moves.append(
                .leave(path: path, output: try decidePolicy(name, try evaluated(template, bindings, at: path), path), nil))
        case .match(let name, let template):
            moves.append(
                .leave(path: path, output: try match(name, try evaluated(template, bindings, at: path), node, path), nil))
        case .work(let call): try dispatch(call, node, path, visit)
        case .human(let call): try ask(call, node, path, visit)
        case .release(let template):
            try release(try evaluated(template, bindings, at: path), at: path)
            moves.append(.leave(path: path, output: .null, nil))
        case .fork(let rule): for branch in rule.branches { enqueueEnter(branch, in: path, given: data) }
        case .loop(let rule): try open(rule, path, data)
        case .attempt(let rule):
            if rule.retry != nil || rule.undoes {
                wait(.attempt(AttemptWait(failed: 0, since: now, error: nil, timer: nil, undoing: nil)), at: path)
            }
            enqueueEnter(rule.body, in: path, given: data)
        case .raise(let rule):
            throw StepError(
                kind: .raised, type: try evaluated(rule.type, bindings, at: path).string ?? "RAISED",
                title: try evaluated(rule.title, bindings, at: path).string ?? node.title,
                detail: try evaluated(rule.detail, bindings, at: path).string ?? "", step: path,
                status: try rule.status.map { status throws(StepError) in try evaluated(status, bindings, at: path).int }
                    ?? nil)
        case .wait(let rule):
            let key = "\(path)#\(visit)"
            let at = try due(rule, at: path)
            wait(.timer(key: key, at: at), at: path)
            actions.append(.setTimer(key: key, at: at))
        case .emit(let template, let kept): try emit(template, kept, path, visit)
        case .listen(let rule): try listen(rule, path)
        case .run(let call): try startChild(call, node, path, visit)
        }
    }

    private func due(_ rule: WaitRule, at path: String) throws(StepError) -> Moment {
        switch rule {
        case .milliseconds(let milliseconds): return now.adding(milliseconds: milliseconds)
        case .serviceSeconds(let seconds): return environment.serviceInstant(seconds, now)
        case .until(let template):
            guard let moment = try evaluated(template, bindings(at: path), at: path).moment,
                moment.seconds(since: now) <= Int64(RunBounds.waitSecondsMax)
            else { throw engineError("EXPRESSION", "The time to wait for is no instant within a year.", step: path) }
            return max(moment, now)
        }
    }

    private func choice(
        _ cases: [SwitchCase], _ bindings: [String: CELValue], at path: String
    ) throws(StepError) -> Directive? {
        for item in cases {
            guard let when = item.when else { return item.then == .proceed ? nil : item.then }
            do throws(ExpressionFailure) {
                if try holds(when, bindings) { return item.then == .proceed ? nil : item.then }
            } catch {
                throw engineError("EXPRESSION", "The case '\(item.name)': \(error.description)", step: path)
            }
        }
        return nil
    }

    mutating func wait(_ wait: Activation.Wait, at path: String) { change(at: path) { $0.wait = wait } }

    // MARK: Leaving

    mutating func leave(_ path: String, _ raw: JSONValue, _ directive: Directive?) {
        guard let place = state.active.lastIndex(where: { $0.path == path }), let node = node(at: path) else { return }
        var output = raw
        do throws(StepError) {
            output = try handOver(raw, of: node, at: path)
            try remember(node, path, output)
        } catch {
            moves.append(.fail(path: path, error))
            return
        }
        let left = state.active.remove(at: place)
        if let timeout = left.timeout { actions.append(.cancelTimer(key: timeout.key)) }
        move(clocks: node.onExit)
        if node.id != 0 {
            let note = HistoryNote(
                type: "step.completed", step: path, summary: node.title, isTransition: !node.action.holdsSteps)
            actions.append(.record(note))
        }
        if node.isCompensation { return goOnUndoing(path) }
        follow(node, path, directive ?? node.then, output)
    }

    /// What the step gives on, with what it puts into the context.
    private mutating func handOver(_ raw: JSONValue, of node: StepNode, at path: String) throws(StepError) -> JSONValue {
        var output = raw
        do throws(ExpressionFailure) {
            if let transform = node.outputAs {
                output = try transform.value(bindings(at: path, data: output, output: output))
            }
            for (name, expression) in node.exports {
                state.context[name] = try expression.value(bindings(at: path, output: output)).json()
            }
            if let export = node.exportAs {
                guard case .object(let context) = try export.value(bindings(at: path, data: output, output: output)) else {
                    throw ExpressionFailure(.evaluation, "The context has to be an object.", at: 0)
                }
                state.context = context
            }
        } catch {
            throw engineError("EXPRESSION", error.description, step: path)
        }
        var changesContext = !node.exports.isEmpty || node.exportAs != nil
        if case .set = node.action { changesContext = true }
        if changesContext, JSONValue.object(state.context).weight > RunBounds.dataBytesMax {
            throw engineError("DATA_LIMIT", "The context of the run grew too large.", step: path)
        }
        return output
    }

    /// A step that can be undone is kept in mind.
    private mutating func remember(_ node: StepNode, _ path: String, _ output: JSONValue) throws(StepError) {
        guard node.compensation != nil else { return }
        state.undo.removeAll { $0.path == path }
        guard state.undo.count < RunBounds.undoMax else {
            throw engineError("UNDO_LIMIT", "More than \(RunBounds.undoMax) steps would have to be undone.", step: path)
        }
        state.undo.append(UndoNote(path: path, output: output))
    }

    mutating func follow(_ node: StepNode, _ path: String, _ directive: Directive, _ output: JSONValue) {
        guard let parent = node.parent else {
            moves.append(.end(output))
            return
        }
        let around = RunPass.parent(of: path)
        switch definition.nodes[parent].action {
        case .sequence(let children):
            switch directive {
            case .proceed:
                let position = (children.firstIndex(of: node.id) ?? children.count - 1) + 1
                if position < children.count {
                    enqueueEnter(children[position], in: around, given: output)
                } else {
                    moves.append(.leave(path: around, output: output, nil))
                }
            case .exit: moves.append(.leave(path: around, output: output, nil))
            case .end: moves.append(.end(output))
            case .jump(let target): enqueueEnter(target, in: around, given: output)
            }
        case .fork(let rule): finishBranch(node.name, of: around, rule, output: output, failure: nil)
        case .loop(let rule): finishTurn(path, of: around, rule, output: output, failure: nil)
        default: moves.append(.leave(path: around, output: output, nil))
        }
    }

    mutating func end(_ last: JSONValue) {
        var output = last
        do throws(ExpressionFailure) {
            if let expression = definition.outcome {
                guard let outcome = try expression.value(bindings(at: "")).json().string, definition.outcomes.contains(outcome)
                else {
                    return fault(engineError("OUTCOME", "The outcome is none of those the definition lists.", step: ""))
                }
                output = try definition.output?.value(bindings(at: "")) ?? ["outcome": .string(outcome)]
                state.outcome = outcome
            } else {
                if let transform = definition.output { output = try transform.value(bindings(at: "", data: output)) }
                state.outcome = WorkflowDefinition.plainOutcome
            }
        } catch {
            return fault(engineError("EXPRESSION", "The outcome: \(error.description)", step: ""))
        }
        withdrawAll(reason: "The run ended.")
        moves.removeAll()
        state.phase = .completed
        record("run.completed", "", "The run ended: \(state.outcome ?? "").")
        cancelClocks()
        closePayment()
        actions.append(.finish(outcome: state.outcome ?? "", output: output))
    }
}
