import Kernel

/// A person gives those who are asked more time. The request stays as it is; what happens while it is open happens later.
extension RunPass {
    mutating func extend(_ step: String, by seconds: Int64, _ by: PersonID, reason text: String) throws(Refusal) {
        try checkOpen()
        let reason = try reason(text)
        guard (1...RunBounds.extensionSecondsMax).contains(seconds) else {
            throw Refusal(
                .invalid, reason: "deadline.extension",
                "A deadline is extended by 1 second to \(RunBounds.extensionSecondsMax / 86_400) days.",
                facts: ["field": "seconds"])
        }
        var hasMoved = false
        for place in state.active.indices {
            let activation = state.active[place]
            guard case .person(var waiting) = activation.wait, step.isEmpty || sameBytes(activation.path, step) else { continue }
            let coming = waiting.request.deadlines.filter { !waiting.passed.contains($0.name) }
            guard !coming.isEmpty else { continue }
            hasMoved = true
            waiting.request = waiting.request.extended(by: seconds, besides: waiting.passed)
            state.active[place].wait = .person(waiting)
            for deadline in waiting.request.deadlines where coming.contains(where: { $0.key == deadline.key }) {
                actions.append(.cancelTimer(key: deadline.key))
                actions.append(.setTimer(key: deadline.key, at: deadline.at))
            }
            actions.append(.ask(waiting.request))
            let facts: JSONObject = [
                "request": .string(waiting.request.key), "person": JSONValue(by), "seconds": JSONValue(seconds),
                "deadlines": .array(coming.map { .string($0.name) }), "reason": .string(reason),
            ]
            record(
                "deadline.extended", activation.path,
                "The deadlines \(coming.map(\.name).joined(separator: ", ")) come \(seconds) s later: \(reason)", .object(facts))
            actions.append(.audit(action: "request.extended", facts: .object(facts)))
        }
        guard hasMoved else {
            throw Refusal(
                .conflict, reason: "deadline.none",
                "No open request \(step.isEmpty ? "of the run" : "there") has a deadline to come.",
                facts: ["step": step])
        }
    }
}

extension HumanRequest {
    /// The request with all deadlines but those that have passed so much later.
    fileprivate func extended(by seconds: Int64, besides passed: [String]) -> HumanRequest {
        let moved = deadlines.map { deadline in
            passed.contains(deadline.name)
                ? deadline
                : Deadline(key: deadline.key, name: deadline.name, at: deadline.at.adding(seconds: seconds), act: deadline.act)
        }
        return HumanRequest(
            key: key, kind: kind, title: title, code: code, object: object, objectHash: objectHash, rounds: rounds,
            resolutions: resolutions, deadlines: moved, evidence: evidence, riskClass: riskClass, form: form)
    }
}
