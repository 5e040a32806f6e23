import Expressions
import Kernel
import Policies

/// Errors: how far they go, what is tried again, what is undone.
extension RunPass {
    mutating func fail(_ path: String, _ error: StepError) {
        guard let node = node(at: path) else { return fault(error) }
        withdraw(under: path, reason: "The step failed.")
        record("step.failed", path, "\(error.title): \(error.detail)", error.json)
        guard let parent = node.parent else { return fault(error) }
        let around = RunPass.parent(of: path)
        if node.isCompensation { return failUndoing(path, error) }
        switch definition.nodes[parent].action {
        case .attempt(let rule) where node.id == rule.body: caught(error, rule, parent, around)
        case .fork(let rule) where rule.waitsForAll:
            finishBranch(node.name, of: around, rule, output: .null, failure: error)
        case .loop(let rule) where rule.waitsForAll: finishTurn(path, of: around, rule, output: .null, failure: error)
        default: moves.append(.fail(path: around, error))
        }
    }

    private mutating func caught(_ error: StepError, _ rule: AttemptRule, _ id: Int, _ path: String) {
        guard takes(error, rule, path) else {
            moves.append(.fail(path: path, error))
            return
        }
        guard let activation = activation(at: path), case .attempt(var attempt) = activation.wait else {
            return handle(error, rule, path)
        }
        attempt.failed += 1
        attempt.error = error
        if let pause = pause(after: attempt, error, rule, activation) {
            let timer = TimerNote(
                key: "\(path)#\(activation.visit)/retry-\(attempt.failed)", at: now.adding(milliseconds: pause))
            attempt.timer = timer
            wait(.attempt(attempt), at: path)
            actions.append(.setTimer(key: timer.key, at: timer.at))
            record("step.retrying", path, "Attempt \(attempt.failed + 1) follows.", ["at": timer.at.exactJSON])
            return
        }
        let body = RunPass.child(definition.nodes[rule.body].name, of: path)
        let undoing = rule.undoes ? state.undo.filter { $0.path.hasPrefix(body + "/") } : []
        guard !undoing.isEmpty else { return handle(error, rule, path) }
        state.undo.removeAll { $0.path.hasPrefix(body + "/") }
        attempt.undoing = undoing
        wait(.attempt(attempt), at: path)
        undoNext(path)
    }

    /// The handler is asked; without one an error that was tried again goes on outwards, and any other is let be.
    private mutating func handle(_ error: StepError, _ rule: AttemptRule, _ path: String) {
        let data = activation(at: path)?.data ?? .null
        guard let handler = rule.handler else {
            if rule.retry != nil || definition.flow == .context {
                moves.append(.fail(path: path, error))
            } else {
                moves.append(.leave(path: path, output: data, nil))
            }
            return
        }
        if definition.flow == .context {
            state.context[rule.errorName] = error.json
            enqueueEnter(handler, in: path, given: data)
        } else {
            enqueueEnter(handler, in: path, given: data, locals: [rule.errorName: problem(error)])
        }
    }

    /// The error as plain Serverless Workflow writes it, with the pointer of the step.
    func problem(_ error: StepError) -> JSONValue { error.problem(instance: node(at: error.step)?.pointer ?? "") }

    private func takes(_ error: StepError, _ rule: AttemptRule, _ path: String) -> Bool {
        let filter = rule.filter
        guard filter.types.isEmpty || filter.types.contains(error.type), filter.kinds.isEmpty || filter.kinds.contains(error.kind)
        else { return false }
        if !filter.members.isEmpty {
            let written = problem(error)
            for (name, value) in filter.members {
                let has = written[name] ?? .null
                guard
                    has == value
                        || name == "type" && has.string.map(StepError.normalised) == value.string.map(StepError.normalised)
                else { return false }
            }
        }
        return agrees(filter.when, filter.exceptWhen, error, rule.errorName, path)
    }

    /// A filter that cannot be evaluated takes nothing: the error goes on outwards and is seen there.
    private func agrees(
        _ when: CompiledExpression?, _ exceptWhen: CompiledExpression?, _ error: StepError, _ name: String, _ path: String
    ) -> Bool {
        guard when != nil || exceptWhen != nil else { return true }
        var bindings = bindings(at: path)
        if definition.flow == .context {
            var context = state.context
            context[name] = error.json
            bindings["context"] = CELValue(.object(context))
        } else {
            bindings[name] = CELValue(problem(error))
        }
        do throws(ExpressionFailure) {
            if let when, try !holds(when, bindings) { return false }
            if let exceptWhen, try holds(exceptWhen, bindings) { return false }
            return true
        } catch { return false }
    }

    // MARK: Trying again

    /// Milliseconds until the next attempt; nil when there is none.
    private func pause(
        after attempt: AttemptWait, _ error: StepError, _ rule: AttemptRule, _ activation: Activation
    ) -> Int64? {
        guard let retry = rule.retry, attempt.failed < retry.attemptsMax,
            agrees(retry.when, retry.exceptWhen, error, rule.errorName, activation.path)
        else { return nil }
        let draw = RunPass.draw("\(state.seed)/\(activation.path)#\(activation.visit)/\(attempt.failed)")
        let pause = retry.pauseMilliseconds(afterAttempt: attempt.failed, draw: draw)
        if let duration = retry.durationMilliseconds, now.milliseconds(since: attempt.since) + pause > duration { return nil }
        return pause
    }

    /// A number that is the run's own, and the same in every replay (FNV-1a, then one round of mixing).
    static func draw(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        return hash ^ (hash >> 31)
    }

    mutating func tryAgain(_ activation: Activation, _ attempt: AttemptWait) {
        guard case .attempt(let rule) = node(at: activation.path)?.action else { return }
        var attempt = attempt
        attempt.timer = nil
        attempt.error = nil
        wait(.attempt(attempt), at: activation.path)
        enqueueEnter(rule.body, in: activation.path, given: activation.data)
    }

    // MARK: Undoing

    /// Undoes the step that was completed last; when none is left, the handler of the `try` is asked.
    private mutating func undoNext(_ path: String) {
        guard let activation = activation(at: path), case .attempt(var attempt) = activation.wait,
            case .attempt(let rule) = node(at: path)?.action, let error = attempt.error
        else { return }
        guard let note = attempt.undoing?.popLast() else {
            attempt.undoing = nil
            attempt.error = nil
            wait(.attempt(attempt), at: path)
            return handle(error, rule, path)
        }
        wait(.attempt(attempt), at: path)
        guard let undone = node(at: note.path), let body = undone.compensation else { return undoNext(path) }
        record("step.undoing", note.path, "\(undone.title) is undone.")
        actions.append(.audit(action: "step.undone", facts: ["step": .string(note.path), "because": .string(error.type)]))
        enqueueEnter(body, in: note.path, given: .null, locals: ["given": note.output])
    }

    /// The `try` that is being undone around a path.
    private func undoer(of path: String) -> String? {
        state.active.last { activation in
            guard case .attempt(let attempt) = activation.wait, attempt.undoing != nil else { return false }
            return activation.path.isEmpty || path.hasPrefix(activation.path + "/")
        }?.path
    }

    mutating func goOnUndoing(_ path: String) {
        guard let undoer = undoer(of: path) else { return }
        undoNext(undoer)
    }

    /// What cannot be undone is no longer in the run's hands: the error of the undoing goes outwards.
    private mutating func failUndoing(_ path: String, _ error: StepError) {
        guard let undoer = undoer(of: path) else { return fault(error) }
        moves.append(.fail(path: undoer, error))
    }
}
