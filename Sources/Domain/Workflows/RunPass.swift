import Expressions
import Kernel
import Policies

/// One event being applied: the state as it changes, and the actions so far.
struct RunPass {
    var state: RunState
    let now: Moment
    let environment: RunEnvironment
    var actions: [RunAction] = []
    var moves: [Move] = []
    private var movesUsed = 0

    /// Steps are named by their paths as the run writes them, with the numbers of turns in loops.
    enum Move {
        /// `given` is what the step before gave (document flow).
        case enter(Int, path: String, given: JSONValue, locals: JSONObject)
        case leave(path: String, output: JSONValue, Directive?)
        case fail(path: String, StepError)
        case end(JSONValue)
    }

    init(state: RunState, now: Moment, environment: RunEnvironment) {
        self.state = state
        self.now = now
        self.environment = environment
    }

    var definition: WorkflowDefinition { environment.definition }

    mutating func apply(_ event: RunEvent) throws(Refusal) {
        if state.pause != nil {
            guard try holdBack(event) else { return }
        }
        switch event {
        case .start(let input): start(input)
        case .workFinished(let key, let result): finishWork(key, result)
        case .personDecided(let decision): try decide(decision)
        case .timerFired(let key): fire(key)
        case .retried(let key, let person): try retry(key, by: person)
        case .cancelled(let person, let reason): try cancel(by: person, reason: reason)
        case .eventArrived(let event): take(event)
        case .eventOffered(let event, let takes): takeOffered(event, for: takes)
        case .paused(let person, let reason): try pause(by: person, reason: reason)
        case .resumed(let person): return try resume(by: person)
        case .skipped(let step, let person, let reason): try skip(step, by: person, reason: reason)
        case .rewound(let step, let person, let reason): try rewind(to: step, by: person, reason: reason)
        case .discarded(let key, let person, let reason): try discard(key, by: person, reason: reason)
        case .stepRetried(let step, let person): try hurry(step, by: person)
        case .deadlinesExtended(let step, let seconds, let person, let reason):
            try extend(step, by: seconds, person, reason: reason)
        case .childEnded(let key, let result): finishChild(key, result)
        case .abandoned(let reason): abandon(reason)
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
        if definition.beginning != nil { state.acts += RunPass.brought(by: input) }
        for (duty, person) in definition.chain {
            do throws(ExpressionFailure) {
                let named = try person.value(bindings(at: ""))
                for person in named.array?.compactMap(\.string) ?? [named.string].compactMap(\.self) {
                    state.acts.append(DutySeparation.Act(duty: duty, person: person))
                }
            } catch {
                return fault(engineError("EXPRESSION", "Who did '\(duty)' cannot be told: \(error.message)", step: ""))
            }
        }
        moves.append(.enter(0, path: "", given: input, locals: [:]))
    }

    /// Who did what before the event that began the run, its sender included; no definition can leave them out.
    private static func brought(by input: JSONValue) -> [DutySeparation.Act] {
        (input["chain"]?.array ?? []).compactMap { act in
            guard let duty = act["duty"]?.string, let person = act["person"]?.string else { return nil }
            return DutySeparation.Act(duty: duty, person: person)
        }
    }

    private mutating func finishWork(_ key: String, _ result: WorkResult) {
        guard let place = place(ofWork: key), case .work(let request, let dead) = state.active[place].wait
        else { return ignore("A result came for work that nobody waits for (\(key)).") }
        let path = state.active[place].path
        if let reason = state.ending, endedWriting(request, result, at: place, reason) { return }
        switch result {
        case .completed(let output):
            guard output.weight <= RunBounds.dataBytesMax else {
                moves.append(
                    .fail(path: path, engineError("DATA_LIMIT", "The result of '\(request.title)' is too large.", step: path)))
                return
            }
            moves.append(.leave(path: path, output: output, nil))
        case .refused(let code, let message):
            moves.append(
                .fail(
                    path: path,
                    StepError(kind: .refused, type: code, title: request.title, detail: message, step: path)))
        case .mismatch(let differences):
            moves.append(
                .fail(
                    path: path,
                    StepError(
                        kind: .mismatch, type: "ERP_MISMATCH", title: request.title,
                        detail: "What was read back differs from what was sent.", step: path, data: differences)))
        case .needsDecision(let question):
            moves.append(
                .fail(
                    path: path,
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

    func place(ofWork key: String) -> Int? {
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
        endCancelled(by: person, reason: reason)
    }

    mutating func endCancelled(by person: PersonID?, reason: String) {
        withdrawAll(reason: "The run was cancelled.")
        moves.removeAll()
        state.phase = .cancelled
        state.outcome = "cancelled"
        state.pause = nil
        record("run.cancelled", "", "The run was cancelled: \(reason)", person.map { ["by": JSONValue($0)] } ?? .null)
        actions.append(.audit(action: "run.cancelled", facts: ["person": JSONValue(person), "reason": .string(reason)]))
        cancelClocks()
        closePayment()
        actions.append(.finish(outcome: "cancelled", output: ["reason": .string(reason)]))
    }

    mutating func fire(_ key: String) {
        for place in state.active.indices {
            let activation = state.active[place]
            if activation.timeout?.key == key { return giveUp(activation) }
            switch activation.wait {
            case .timer(key, _):
                moves.append(.leave(path: activation.path, output: activation.data, nil))
                return
            case .person(let person):
                guard let deadline = person.request.deadlines.first(where: { $0.key == key && !person.passed.contains($0.name) })
                else { continue }
                return pass(deadline, of: person, at: place)
            case .attempt(let attempt):
                guard attempt.timer?.key == key else { continue }
                return tryAgain(activation, attempt)
            case .timer, .inside, .work, .loop, .listening, .child: continue
            }
        }
        ignore("A timer fired that nothing waits for (\(key)).")
    }

    /// The step took longer than it may.
    private mutating func giveUp(_ activation: Activation) {
        guard let node = node(at: activation.path) else { return }
        withdraw(under: activation.path, reason: "The step took too long.", includingItself: true)
        let error = StepError(
            kind: .timeout, type: "TIMEOUT", title: node.title, detail: "The step took longer than it may.",
            step: activation.path)
        moves.append(.fail(path: activation.path, error))
    }

    // MARK: Moves

    mutating func enqueueLeave(_ path: String, output: JSONValue) { moves.append(.leave(path: path, output: output, nil)) }

    func node(at path: String) -> StepNode? { definition.id(of: path).map { definition.nodes[$0] } }

    mutating func run() {
        while !moves.isEmpty, !state.phase.isFinal {
            movesUsed += 1
            guard movesUsed <= RunBounds.movesPerHandleMax else {
                moves.removeAll()
                return fault(
                    engineError("LOOP_LIMIT", "One event caused more than \(RunBounds.movesPerHandleMax) moves.", step: ""))
            }
            switch moves.removeFirst() {
            case .enter(let id, let path, let given, let locals): enter(id, path, given, locals)
            case .leave(let path, let output, let directive): leave(path, output, directive)
            case .fail(let path, let error): fail(path, error)
            case .end(let output): end(output)
            }
        }
    }

    /// Running while a machine is at work, waiting otherwise; a run that waits for nothing is broken and says so.
    mutating func settle() {
        guard !state.phase.isFinal, state.phase != .pending else { return }
        let waits = state.active.filter(\.waits)
        if waits.isEmpty { return fault(engineError("STALLED", "The run waits for nothing.", step: "")) }
        let isWorking = waits.contains { if case .work(_, dead: nil) = $0.wait { true } else { false } }
        state.phase = isWorking ? .running : .waiting
    }

    mutating func fault(_ error: StepError) {
        withdrawAll(reason: "The run faulted.")
        moves.removeAll()
        state.pause = nil
        state.phase = .faulted
        state.outcome = "faulted"
        record("run.faulted", error.step, "\(error.title): \(error.detail)", error.json)
        actions.append(.audit(action: "run.faulted", facts: error.json))
        actions.append(.incident(alert: "run-faulted", facts: ["step": error.step, "type": error.type, "message": error.detail]))
        cancelClocks()
        closePayment()
        let written = definition.flow == .context ? error.json : problem(error)
        actions.append(.finish(outcome: "faulted", output: ["error": written]))
    }
}
