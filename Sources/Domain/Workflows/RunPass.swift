import Expressions
import Kernel
import Policies

/// One event being applied: the state as it changes, and the actions so far.
struct RunPass {
    var state: RunState
    let now: Moment
    let environment: RunEnvironment
    var actions: [RunAction] = []
    private var moves: [Move] = []
    private var movesUsed = 0

    private enum Move {
        case enter(Int)
        case leave(Int, output: JSONValue, Directive?)
        case fail(Int, StepError)
        case end
    }

    init(state: RunState, now: Moment, environment: RunEnvironment) {
        self.state = state
        self.now = now
        self.environment = environment
    }

    var definition: WorkflowDefinition { environment.definition }

    mutating func apply(_ event: RunEvent) throws(Refusal) {
        switch event {
        case .start(let input): start(input)
        case .workFinished(let key, let result): finishWork(key, result)
        case .personDecided(let decision): try decide(decision)
        case .timerFired(let key): fire(key)
        case .retried(let key, let person): try retry(key, by: person)
        case .cancelled(let person, let reason): try cancel(by: person, reason: reason)
        }
        run()
        settle()
    }

    // MARK: Events

    private mutating func start(_ input: JSONValue) {
        guard state.phase == .pending else { return ignore("A start came for a run that has started.") }
        state.input = input
        state.startedAt = now
        state.seed = environment.hash(input)
        state.phase = .running
        record(
            "run.started", "", "The run started.",
            ["definition": .string(definition.name), "version": .string(definition.version)])
        guard input.weight <= RunBounds.dataBytesMax else {
            return fault(
                StepError(kind: .engine, type: "DATA_LIMIT", title: "Too much data", detail: "The input is too large.", step: ""))
        }
        for (duty, person) in definition.chain {
            do throws(ExpressionFailure) {
                let named = try person.value(bindings())
                for person in named.array?.compactMap(\.string) ?? [named.string].compactMap(\.self) {
                    state.acts.append(DutySeparation.Act(duty: duty, person: person))
                }
            } catch {
                return fault(engineError("EXPRESSION", "Who did '\(duty)' cannot be told: \(error.message)", step: ""))
            }
        }
        moves.append(.enter(0))
    }

    private mutating func finishWork(_ key: String, _ result: WorkResult) {
        guard let place = place(ofWork: key), case .work(let request, let dead) = state.active[place].wait,
            let id = definition.idByPath[state.active[place].path]
        else { return ignore("A result came for work that nobody waits for (\(key)).") }
        let path = state.active[place].path
        switch result {
        case .completed(let output):
            guard output.weight <= RunBounds.dataBytesMax else {
                moves.append(.fail(id, engineError("DATA_LIMIT", "The result of '\(request.title)' is too large.", step: path)))
                return
            }
            moves.append(.leave(id, output: output, nil))
        case .refused(let code, let message):
            moves.append(.fail(id, StepError(kind: .refused, type: code, title: request.title, detail: message, step: path)))
        case .mismatch(let differences):
            moves.append(
                .fail(
                    id,
                    StepError(
                        kind: .mismatch, type: "ERP_MISMATCH", title: request.title,
                        detail: "What was read back differs from what was sent.", step: path, data: differences)))
        case .needsDecision(let question):
            moves.append(
                .fail(
                    id,
                    StepError(
                        kind: .question, type: "ERP_QUESTION", title: request.title, detail: question.message, step: path,
                        data: question.json)))
        case .dead(let code, let message):
            guard dead == nil else { return ignore("A dead letter came twice (\(key)).") }
            state.active[place].wait = .work(request, dead: DeadCause(code: code, message: message))
            record("task.dead", path, "\(request.title) failed after all attempts: \(message)", ["code": .string(code)])
            actions.append(
                .incident(
                    alert: "dead-letter",
                    facts: [
                        "task": key, "kind": request.kind.rawValue, "connection": request.connection, "code": code,
                        "message": message,
                    ]))
        }
    }

    private func place(ofWork key: String) -> Int? {
        state.active.firstIndex { if case .work(let request, _) = $0.wait { request.key == key } else { false } }
    }

    private mutating func retry(_ key: String, by person: PersonID) throws(Refusal) {
        guard let place = place(ofWork: key), case .work(let request, .some) = state.active[place].wait else {
            throw Refusal(.conflict, reason: "task.not-dead", "This task is not waiting for a replay.", facts: ["task": key])
        }
        state.active[place].wait = .work(request, dead: nil)
        record("task.retried", state.active[place].path, "\(request.title) is tried again.", ["by": JSONValue(person)])
        actions.append(.audit(action: "task.retried", facts: ["task": .string(key), "person": JSONValue(person)]))
        actions.append(.dispatch(request))
    }

    private mutating func cancel(by person: PersonID, reason: String) throws(Refusal) {
        guard !state.phase.isFinal else { throw Refusal(.conflict, reason: "run.finished", "This run has already ended.") }
        let isWriting = state.active.contains { if case .work(let request, _) = $0.wait { request.kind.isWrite } else { false } }
        guard !isWriting else {
            throw Refusal(
                .conflict, reason: "run.posting",
                "The invoice is being posted, so the run cannot be cancelled now. Wait for the answer; then reverse it there."
            )
        }
        withdrawAll(reason: "The run was cancelled.")
        state.phase = .cancelled
        state.outcome = "cancelled"
        record("run.cancelled", "", "The run was cancelled: \(reason)", ["by": JSONValue(person)])
        actions.append(.audit(action: "run.cancelled", facts: ["person": JSONValue(person), "reason": .string(reason)]))
        cancelClocks()
        closePayment()
        actions.append(.finish(outcome: "cancelled", output: ["reason": .string(reason)]))
    }

    private mutating func fire(_ key: String) {
        for place in state.active.indices {
            switch state.active[place].wait {
            case .timer(key, _):
                guard let id = definition.idByPath[state.active[place].path] else { continue }
                moves.append(.leave(id, output: .null, nil))
                return
            case .person(let person):
                guard let deadline = person.request.deadlines.first(where: { $0.key == key && !person.passed.contains($0.name) })
                else { continue }
                return pass(deadline, of: person, at: place)
            case .timer, .inside, .work: continue
            }
        }
        ignore("A timer fired that nothing waits for (\(key)).")
    }

    // MARK: Moves

    mutating func enqueueLeave(_ id: Int, output: JSONValue) { moves.append(.leave(id, output: output, nil)) }
    mutating func enqueueFail(_ id: Int, _ error: StepError) { moves.append(.fail(id, error)) }

    private mutating func run() {
        while !moves.isEmpty, !state.phase.isFinal {
            movesUsed += 1
            guard movesUsed <= RunBounds.movesPerHandleMax else {
                moves.removeAll()
                return fault(
                    engineError("LOOP_LIMIT", "One event caused more than \(RunBounds.movesPerHandleMax) moves.", step: ""))
            }
            switch moves.removeFirst() {
            case .enter(let id): enter(id)
            case .leave(let id, let output, let directive): leave(id, output, directive)
            case .fail(let id, let error): fail(id, error)
            case .end: end()
            }
        }
    }

    /// Running while a machine is at work, waiting otherwise; a run that waits for nothing is broken and says so.
    private mutating func settle() {
        guard !state.phase.isFinal, state.phase != .pending else { return }
        let waits = state.active.filter { if case .inside = $0.wait { false } else { true } }
        if waits.isEmpty { return fault(engineError("STALLED", "The run waits for nothing.", step: "")) }
        let isWorking = waits.contains { if case .work(_, dead: nil) = $0.wait { true } else { false } }
        state.phase = isWorking ? .running : .waiting
    }

    private mutating func enter(_ id: Int) {
        let node = definition.nodes[id]
        do throws(ExpressionFailure) {
            if let condition = node.condition, try !holds(condition) {
                record("step.skipped", node.path, "\(node.title) was not needed.")
                return follow(id, .proceed, .null)
            }
        } catch {
            moves.append(.fail(id, engineError("EXPRESSION", error.description, step: node.path)))
            return
        }
        let visit = (state.visits[node.path] ?? 0) + 1
        guard visit <= RunBounds.visitsMax else {
            moves.append(
                .fail(id, engineError("LOOP_LIMIT", "The step was entered \(RunBounds.visitsMax) times.", step: node.path)))
            return
        }
        state.visits[node.path] = visit
        state.active.append(Activation(path: node.path, visit: visit, wait: .inside(done: [], failure: nil)))
        if id != 0 { record("step.entered", node.path, node.title, visit > 1 ? ["visit": JSONValue(visit)] : .null) }
        move(clocks: node.onEnter)
        do throws(StepError) { try act(node, visit) } catch { moves.append(.fail(id, error)) }
    }

    private mutating func act(_ node: StepNode, _ visit: Int) throws(StepError) {
        let bindings = bindings()
        switch node.action {
        case .sequence(let children): moves.append(children.first.map(Move.enter) ?? .leave(node.id, output: .null, nil))
        case .set(let values):
            for (name, template) in values { state.context[name] = try evaluated(template, bindings, node) }
            moves.append(.leave(node.id, output: .null, nil))
        case .choose(let cases): moves.append(.leave(node.id, output: .null, try choice(cases, node)))
        case .decide(let name, let template):
            moves.append(.leave(node.id, output: try decidePolicy(name, try evaluated(template, bindings, node), node), nil))
        case .match(let name, let template):
            moves.append(.leave(node.id, output: try match(name, try evaluated(template, bindings, node), node), nil))
        case .work(let call): try dispatch(call, node, visit)
        case .human(let call): try ask(call, node, visit)
        case .release(let template):
            try release(try evaluated(template, bindings, node), node)
            moves.append(.leave(node.id, output: .null, nil))
        case .fork(let branches, _): moves.append(contentsOf: branches.map(Move.enter))
        case .attempt(let body, _, _, _): moves.append(.enter(body))
        case .raise(let type, let title, let detail):
            throw StepError(
                kind: .raised, type: try evaluated(type, bindings, node).string ?? "RAISED",
                title: try evaluated(title, bindings, node).string ?? node.title,
                detail: try evaluated(detail, bindings, node).string ?? "", step: node.path)
        case .wait(let rule):
            let key = "\(node.path)#\(visit)"
            let at = try due(rule, node)
            wait(.timer(key: key, at: at), at: node.path)
            actions.append(.setTimer(key: key, at: at))
        }
    }

    private func due(_ rule: WaitRule, _ node: StepNode) throws(StepError) -> Moment {
        switch rule {
        case .seconds(let seconds): return now.adding(seconds: seconds)
        case .serviceSeconds(let seconds): return environment.serviceInstant(seconds, now)
        case .until(let template):
            guard let moment = try evaluated(template, bindings(), node).moment,
                moment.seconds(since: now) <= Int64(RunBounds.waitSecondsMax)
            else { throw engineError("EXPRESSION", "The time to wait for is no instant within a year.", step: node.path) }
            return max(moment, now)
        }
    }

    private func choice(_ cases: [SwitchCase], _ node: StepNode) throws(StepError) -> Directive? {
        for item in cases {
            guard let when = item.when else { return item.then == .proceed ? nil : item.then }
            do throws(ExpressionFailure) {
                if try holds(when) { return item.then == .proceed ? nil : item.then }
            } catch {
                throw engineError("EXPRESSION", "The case '\(item.name)': \(error.description)", step: node.path)
            }
        }
        return nil
    }

    mutating func wait(_ wait: Activation.Wait, at path: String) {
        guard let place = state.active.firstIndex(where: { $0.path == path }) else { return }
        state.active[place].wait = wait
    }

    private mutating func leave(_ id: Int, _ raw: JSONValue, _ directive: Directive?) {
        let node = definition.nodes[id]
        guard let place = state.active.firstIndex(where: { $0.path == node.path }) else { return }
        var output = raw
        do throws(ExpressionFailure) {
            if let transform = node.outputAs { output = try transform.value(bindings(output: output)).json() }
            for (name, expression) in node.exports { state.context[name] = try expression.value(bindings(output: output)).json() }
        } catch {
            moves.append(.fail(id, engineError("EXPRESSION", error.description, step: node.path)))
            return
        }
        if !node.exports.isEmpty || { if case .set = node.action { true } else { false } }(),
            JSONValue.object(state.context).weight > RunBounds.dataBytesMax
        {
            moves.append(.fail(id, engineError("DATA_LIMIT", "The context of the run grew too large.", step: node.path)))
            return
        }
        state.active.remove(at: place)
        move(clocks: node.onExit)
        if id != 0 { record("step.completed", node.path, node.title) }
        follow(id, directive ?? node.then, output)
    }

    private mutating func follow(_ id: Int, _ directive: Directive, _ output: JSONValue) {
        guard let parent = definition.nodes[id].parent else {
            moves.append(.end)
            return
        }
        switch definition.nodes[parent].action {
        case .sequence(let children):
            switch directive {
            case .proceed:
                let position = (children.firstIndex(of: id) ?? children.count - 1) + 1
                moves.append(position < children.count ? .enter(children[position]) : .leave(parent, output: output, nil))
            case .exit: moves.append(.leave(parent, output: output, nil))
            case .end: moves.append(.end)
            case .jump(let target): moves.append(.enter(target))
            }
        case .fork(let branches, _): finishBranch(id, of: parent, branches, failure: nil)
        default: moves.append(.leave(parent, output: output, nil))
        }
    }

    private mutating func finishBranch(_ id: Int, of fork: Int, _ branches: [Int], failure: StepError?) {
        let path = definition.nodes[fork].path
        guard let place = state.active.firstIndex(where: { $0.path == path }),
            case .inside(var done, let known) = state.active[place].wait
        else { return }
        done.append(definition.nodes[id].name)
        let first = known ?? failure
        state.active[place].wait = .inside(done: done, failure: first)
        guard done.count == branches.count else { return }
        if let first { moves.append(.fail(fork, first)) } else { moves.append(.leave(fork, output: .null, nil)) }
    }

    private mutating func fail(_ id: Int, _ error: StepError) {
        let node = definition.nodes[id]
        withdraw(under: node.path, reason: "The step failed.")
        record("step.failed", node.path, "\(error.title): \(error.detail)", error.json)
        guard let parent = node.parent else { return fault(error) }
        switch definition.nodes[parent].action {
        case .attempt(let body, let handler, let filter, let name) where id == body && takes(error, filter, name):
            state.context[name] = error.json
            moves.append(.enter(handler))
        case .fork(let branches, waitsForAll: true): finishBranch(id, of: parent, branches, failure: error)
        default: moves.append(.fail(parent, error))
        }
    }

    private func takes(_ error: StepError, _ filter: ErrorFilter, _ name: String) -> Bool {
        guard filter.types.isEmpty || filter.types.contains(error.type), filter.kinds.isEmpty || filter.kinds.contains(error.kind)
        else {
            return false
        }
        guard let when = filter.when else { return true }
        var context = state.context
        context[name] = error.json
        // A filter that cannot be evaluated takes nothing: the error goes on outwards and is seen there.
        return (try? holds(when, context: context)) ?? false
    }

    private mutating func end() {
        let output: JSONValue
        do throws(ExpressionFailure) {
            guard let outcome = try definition.outcome.value(bindings()).json().string, definition.outcomes.contains(outcome)
            else {
                return fault(engineError("OUTCOME", "The outcome is none of those the definition lists.", step: ""))
            }
            output = try definition.output?.value(bindings()) ?? ["outcome": .string(outcome)]
            state.outcome = outcome
        } catch {
            return fault(engineError("EXPRESSION", "The outcome: \(error.description)", step: ""))
        }
        withdrawAll(reason: "The run ended.")
        state.phase = .completed
        record("run.completed", "", "The run ended: \(state.outcome ?? "").")
        cancelClocks()
        closePayment()
        actions.append(.finish(outcome: state.outcome ?? "", output: output))
    }

    mutating func fault(_ error: StepError) {
        withdrawAll(reason: "The run faulted.")
        moves.removeAll()
        state.phase = .faulted
        state.outcome = "faulted"
        record("run.faulted", error.step, "\(error.title): \(error.detail)", error.json)
        actions.append(.audit(action: "run.faulted", facts: error.json))
        actions.append(.incident(alert: "run-faulted", facts: ["step": error.step, "type": error.type, "message": error.detail]))
        cancelClocks()
        closePayment()
        actions.append(.finish(outcome: "faulted", output: ["error": error.json]))
    }
}
