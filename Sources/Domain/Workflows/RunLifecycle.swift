import Kernel

/// What people do with a run as a whole: pausing it, leaving a step out, going back.
extension RunPass {
    /// While a run is paused people are told so, and what machines send is kept in order. True when the event is to be applied.
    mutating func holdBack(_ event: RunEvent) throws(Refusal) -> Bool {
        switch event {
        case .resumed, .cancelled, .abandoned: return true
        case .start, .workFinished, .timerFired, .eventArrived, .eventOffered, .childEnded:
            guard var pause = state.pause else { return true }
            guard pause.kept.count < RunBounds.pausedEventsMax else {
                ignore("More came than a paused run keeps.")
                return false
            }
            pause.kept.append(event)
            state.pause = pause
            return false
        case .personDecided, .retried, .paused, .skipped, .rewound, .discarded, .stepRetried, .deadlinesExtended:
            throw Refusal(
                .conflict, reason: "run.paused", "This run is paused: \(state.pause?.reason ?? ""). Resume it first.")
        }
    }

    func checkOpen() throws(Refusal) {
        guard !state.phase.isFinal else { throw Refusal(.conflict, reason: "run.finished", "This run has already ended.") }
    }

    func reason(_ text: String) throws(Refusal) -> String {
        guard !text.allSatisfy(\.isWhitespace) else {
            throw Refusal(.invalid, reason: "run.reason", "Say why; the reason is kept with the run.")
        }
        guard text.unicodeScalars.count <= PersonDecision.reasonScalarsMax else {
            throw Refusal(
                .tooLarge, reason: "run.reason", "A reason may have at most \(PersonDecision.reasonScalarsMax) characters.")
        }
        return text
    }

    private mutating func tell(_ type: String, _ step: String, _ sentence: String, by person: PersonID, reason: String) {
        record(type, step, sentence, ["by": JSONValue(person), "reason": .string(reason)])
        actions.append(
            .audit(
                action: type, facts: ["step": .string(step), "person": JSONValue(person), "reason": .string(reason)]))
    }

    mutating func pause(by person: PersonID, reason text: String) throws(Refusal) {
        try checkOpen()
        let reason = try reason(text)
        state.pause = PauseNote(by: person, at: now, reason: reason, kept: [])
        tell("run.paused", "", "The run was paused: \(reason)", by: person, reason: reason)
        steerChildren(.paused(by: person, reason: "The run around it was paused: \(reason.prefix(500))"))
    }

    /// What was kept is applied in the order in which it came, as if it came now.
    mutating func resume(by person: PersonID) throws(Refusal) {
        guard let pause = state.pause else {
            throw Refusal(.conflict, reason: "run.not-paused", "This run is not paused.")
        }
        state.pause = nil
        tell("run.resumed", "", "The run goes on.", by: person, reason: pause.reason)
        steerChildren(.resumed(by: person))
        for event in pause.kept {
            // Only what machines send is kept, and that is never refused.
            try apply(event)
        }
        settle()
    }

    /// Lets a step be. Approvals and exceptions are decided, not skipped, and a write that may be under way is waited for.
    mutating func skip(_ path: String, by person: PersonID, reason text: String) throws(Refusal) {
        try checkOpen()
        let reason = try reason(text)
        guard let activation = activation(at: path), activation.waits, let node = node(at: path) else {
            throw Refusal(
                .conflict, reason: "step.not-waiting", "No step of that name waits for anything.", facts: ["step": path])
        }
        switch activation.wait {
        case .person:
            throw Refusal(
                .forbidden, reason: "step.decision",
                "What a person has to decide cannot be skipped. Decide it, or cancel the run.",
                facts: ["step": path])
        case .work(let request, _) where request.kind.isWrite:
            throw Refusal(
                .forbidden, reason: "step.write", "A write cannot be skipped: what follows would take it for done.",
                facts: ["step": path])
        case .child:
            throw Refusal(
                .forbidden, reason: "step.run",
                "A workflow that runs inside cannot be skipped. Cancel that run; the step then fails and says so.",
                facts: ["step": path])
        case .attempt:
            throw Refusal(.conflict, reason: "step.not-waiting", "The step will be tried again by itself.", facts: ["step": path])
        case .work, .timer, .listening, .inside, .loop: break
        }
        tell("step.skipped-by-person", path, "\(node.title) was skipped: \(reason)", by: person, reason: reason)
        let data = activation.data
        withdraw(under: path, reason: "The step was skipped.", includingItself: true)
        follow(node, path, node.then, data)
    }

    /// Takes back what the run is at, and enters again a step it has been through. What was recorded stays, writes keep their
    /// keys, so that the other side recognises them, and people are asked anew.
    mutating func rewind(to path: String, by person: PersonID, reason text: String) throws(Refusal) {
        try checkOpen()
        let reason = try reason(text)
        let around = RunPass.parent(of: path)
        guard !path.isEmpty, let node = node(at: path), state.visits[path] != nil, let container = activation(at: around),
            let parent = node.parent, case .sequence = definition.nodes[parent].action
        else {
            throw Refusal(
                .conflict, reason: "step.not-reachable",
                "The run has not been through a step of that name in a list that is still open.", facts: ["step": path])
        }
        let isWriting = state.active.contains { activation in
            guard case .work(let request, _) = activation.wait else { return false }
            return request.kind.isWrite && RunPass.holds(activation.path, in: around)
        }
        guard !isWriting else {
            throw Refusal(
                .conflict, reason: "run.posting",
                "Something is being written, so the run cannot go back now. Wait for the answer.")
        }
        withdraw(inside: around, reason: "The run went back.")
        tell("run.rewound", path, "The run went back to \(node.title): \(reason)", by: person, reason: reason)
        enqueueEnter(node.id, in: around, given: container.data)
    }
}
