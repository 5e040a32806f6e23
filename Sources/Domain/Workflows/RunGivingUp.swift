import Kernel

/// What people do about work that failed: giving a dead task up for good, and not waiting for the next attempt.
extension RunPass {
    /// The type of the error with which a step fails whose work was given up by a person.
    static let discardedType = "DISCARDED"

    mutating func discard(_ key: String, by person: PersonID, reason text: String) throws(Refusal) {
        try checkOpen()
        let reason = try reason(text)
        guard let place = place(ofWork: key), case .work(let request, let dead?) = state.active[place].wait else {
            throw Refusal(.conflict, reason: "task.not-dead", "This task is not waiting for a replay.", facts: ["task": key])
        }
        let path = state.active[place].path
        record(
            "task.discarded", path, "\(request.title) was given up: \(reason)",
            ["by": JSONValue(person), "reason": .string(reason), "code": .string(dead.code)])
        actions.append(
            .audit(
                action: "task.discarded",
                facts: [
                    "task": .string(key), "person": JSONValue(person), "reason": .string(reason), "code": .string(dead.code),
                    "message": .string(dead.message),
                ]))
        moves.append(
            .fail(
                path: path,
                StepError(
                    kind: .refused, type: RunPass.discardedType, title: request.title, detail: reason, step: path,
                    data: ["code": .string(dead.code), "message": .string(dead.message)])))
    }

    /// The next attempt of a `try` is made now.
    mutating func hurry(_ path: String, by person: PersonID) throws(Refusal) {
        try checkOpen()
        guard let activation = activation(at: path), case .attempt(let attempt) = activation.wait, let timer = attempt.timer,
            let node = node(at: path)
        else {
            throw Refusal(
                .conflict, reason: "step.not-failed", "Nothing in that step waits to be tried again.", facts: ["step": path])
        }
        actions.append(.cancelTimer(key: timer.key))
        record("step.retried-by-person", path, "\(node.title) is tried again now.", ["by": JSONValue(person)])
        actions.append(.audit(action: "step.retried", facts: ["step": .string(path), "person": JSONValue(person)]))
        tryAgain(activation, attempt)
    }
}
