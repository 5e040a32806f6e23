package import Kernel

/// A runbook while it is followed: the steps as they stood when it was started, and what became of each.
///
/// A step with an effect is shown, confirmed by the hash of what was shown, and then done; the caller carries the effect out in
/// the transaction that stores the confirmation, so it happens once or not at all. A drill shows and never does.
package struct RunbookExecution: Sendable, Hashable {
    /// What was shown is confirmed while it is young.
    package static let shownSeconds: Int64 = 900
    package static let reasonScalarsMax = 1000

    package enum Phase: String, Sendable, Hashable, CaseIterable { case running, finished, abandoned }

    package enum State: String, Sendable, Hashable, CaseIterable {
        case open
        /// Its preview lies there to be confirmed.
        case shown
        case done, skipped, failed
        /// Done, and taken back.
        case undone

        package var isSettled: Bool { self != .open && self != .shown }
    }

    /// Somebody, as whom and as which natural person they came in.
    package struct Person: Sendable, Hashable {
        package let id: PersonID
        package let natural: PersonID

        package init(id: PersonID, natural: PersonID) {
            self.id = id
            self.natural = natural
        }
    }

    /// What a verb would do, as it was shown.
    package struct Preview: Sendable, Hashable {
        /// Of everything shown; a confirmation names it.
        package let hash: String
        /// What the verb was given, without secrets.
        package let parameters: [String: String]
        /// `{effect, counts, examples …}` for people; also the answer of a check.
        package let content: JSONValue
        /// The operation that it was asked of, where it is about many runs or dead letters.
        package let operation: String?
        package let needsSecond: Bool
        /// It takes back what was done before.
        package let isUndo: Bool
        package let at: Moment
        package let by: Person

        package init(
            hash: String, parameters: [String: String], content: JSONValue, operation: String? = nil, needsSecond: Bool,
            isUndo: Bool = false, at: Moment, by: Person
        ) {
            self.hash = hash
            self.parameters = parameters
            self.content = content
            self.operation = operation
            self.needsSecond = needsSecond
            self.isUndo = isUndo
            self.at = at
            self.by = by
        }

        package var expiresAt: Moment { at.adding(seconds: RunbookExecution.shownSeconds) }
    }

    /// How a step ended.
    package struct Ending: Sendable, Hashable {
        package let at: Moment
        package let by: Person
        /// Of a skipped or failed one; empty otherwise.
        package let reason: String
        /// Of what was confirmed; empty where nothing was.
        package let hash: String
        /// The operation that carries it out, where one does.
        package let operation: String?
    }

    package struct Step: Sendable, Hashable {
        package let number: Int
        package let title: String
        package let verb: Runbook.Verb
        package let text: String
        package let needsSecond: Bool
        /// As the runbook and the incident's facts give them.
        package let parameters: [String: String]
        package fileprivate(set) var state: State = .open
        package fileprivate(set) var preview: Preview?
        package fileprivate(set) var ending: Ending?

        init(
            number: Int, title: String, verb: Runbook.Verb, text: String, needsSecond: Bool, parameters: [String: String],
            state: State = .open, preview: Preview? = nil, ending: Ending? = nil
        ) {
            self.number = number
            self.title = title
            self.verb = verb
            self.text = text
            self.needsSecond = needsSecond
            self.parameters = parameters
            self.state = state
            self.preview = preview
            self.ending = ending
        }

        /// Done by an operation that another can take back, or a stop.
        package var isCompensable: Bool {
            state == .done && verb.opposite != nil && (ending?.operation != nil || verb.isStop)
        }
    }

    package enum Event: Sendable, Hashable {
        case shown(step: Int, Preview)
        /// The effect is carried out in the same breath.
        case confirmed(step: Int, hash: String, by: Person)
        /// Of a step that has no effect, and of any step of a drill once it was shown.
        case done(step: Int, by: Person)
        case skipped(step: Int, by: Person, reason: String)
        case failed(step: Int, by: Person, reason: String)
        /// A step that was skipped, failed or was taken back is to be done after all.
        case again(step: Int, by: Person)
        case abandoned(by: Person, reason: String)
    }

    package internal(set) var phase: Phase = .running
    package let alert: AlertName
    package let title: String
    /// Of the runbook's content, so that nobody has to guess which version was followed.
    package let version: String
    package let isDrill: Bool
    package let startedAt: Moment
    package let startedBy: Person
    package internal(set) var endedAt: Moment?
    package internal(set) var steps: [Step]

    /// Takes the runbook's steps as they are now; `facts` are the incident's, with `run` for its run.
    package init(
        _ runbook: Runbook, version: String, isDrill: Bool, facts: [String: String], at now: Moment, by person: Person
    ) {
        alert = runbook.alert
        title = runbook.title
        self.version = version
        self.isDrill = isDrill
        startedAt = now
        startedBy = person
        steps = runbook.steps.map { step in
            Step(
                number: step.number, title: step.title, verb: step.verb, text: step.text, needsSecond: step.needsSecond,
                parameters: RunbookExecution.parameters(of: step, facts: facts))
        }
    }

    init(
        phase: Phase, alert: AlertName, title: String, version: String, isDrill: Bool, startedAt: Moment, startedBy: Person,
        endedAt: Moment?, steps: [Step]
    ) {
        self.phase = phase
        self.alert = alert
        self.title = title
        self.version = version
        self.isDrill = isDrill
        self.startedAt = startedAt
        self.startedBy = startedBy
        self.endedAt = endedAt
        self.steps = steps
    }

    private static func parameters(of step: Runbook.Step, facts: [String: String]) -> [String: String] {
        var out: [String: String] = [:]
        for parameter in step.verb.parameters where parameter.form != .secret {
            let value: String?
            if let given = step.arguments[parameter.name] {
                value = given.hasPrefix("{") ? facts[String(given.dropFirst().dropLast())] : given
            } else {
                value = parameter.fact.flatMap { facts[$0] }
            }
            if let value, !value.isEmpty { out[parameter.name] = value }
        }
        return out
    }

    /// The step that is next; nil at the end.
    package var current: Step? { phase == .running ? steps.first { !$0.state.isSettled } : nil }

    package func step(_ number: Int) throws(Refusal) -> Step {
        guard steps.indices.contains(number - 1) else {
            throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
        }
        return steps[number - 1]
    }

    /// What a verb is given: what stands in the runbook, and what the person says instead.
    package func parameters(
        of number: Int, saying said: [String: String], secrets: Bool = false
    ) throws(Refusal) -> [String: String] {
        let step = try step(number)
        let known = step.verb.parameters.filter { secrets || $0.form != .secret }
        for name in said.keys.sorted() where !known.contains(where: { $0.name == name }) {
            throw Refusal(
                .unprocessable, reason: "runbook.parameter",
                known.isEmpty
                    ? "\(step.verb.rawValue) takes no parameters."
                    : "\(cut(name, 60)) is no parameter of \(step.verb.rawValue); it takes "
                        + known.map(\.name).joined(separator: ", ") + ".", facts: ["field": cut(name, 60)])
        }
        var out: [String: String] = [:]
        for parameter in known {
            let value = said[parameter.name] ?? step.parameters[parameter.name] ?? ""
            try parameter.check(value)
            guard value.contains(where: { !$0.isWhitespace }) else {
                guard parameter.isRequired else { continue }
                throw Refusal(
                    .unprocessable, reason: "runbook.parameter",
                    "\(step.verb.rawValue) has to know \(parameter.name); neither the runbook nor the incident says it.",
                    facts: ["field": parameter.name])
            }
            out[parameter.name] = value
        }
        return out
    }
}

extension RunbookExecution {
    /// Applies one event, or refuses it and changes nothing.
    package mutating func handle(_ event: Event, at now: Moment) throws(Refusal) {
        guard phase != .abandoned else {
            throw Refusal(.conflict, reason: "runbook.over", "This execution was given up; start another.")
        }
        switch event {
        case .shown(let number, let preview): try show(number, preview)
        case .confirmed(let number, let hash, let person): try confirm(number, hash: hash, by: person, at: now)
        case .done(let number, let person):
            let step = try next(number)
            guard step.verb.way != .effect || isDrill else {
                throw Refusal(
                    .conflict, reason: "runbook.confirm",
                    "\(step.verb.rawValue) is shown and then confirmed; what somebody did by hand is skipped, with the reason.",
                    facts: ["step": "\(number)"])
            }
            guard step.verb.way == .reader || step.state == .shown else {
                throw Refusal(
                    .conflict, reason: "runbook.not-shown", "Step \(number) was not looked at yet.", facts: ["step": "\(number)"])
            }
            end(number, as: .done, by: person, at: now)
        case .skipped(let number, let person, let reason):
            _ = try next(number)
            end(number, as: .skipped, by: person, reason: try RunbookExecution.judged(reason), at: now)
        case .failed(let number, let person, let reason):
            _ = try next(number)
            end(number, as: .failed, by: person, reason: try RunbookExecution.judged(reason), at: now)
        case .again(let number, _):
            let step = try step(number)
            guard phase == .running, [.skipped, .failed, .undone].contains(step.state) else {
                throw Refusal(
                    .conflict, reason: "runbook.settled", "Step \(number) is \(step.state.rawValue) and stays so.",
                    facts: ["step": "\(number)"])
            }
            steps[number - 1].state = .open
            steps[number - 1].preview = nil
            steps[number - 1].ending = nil
        case .abandoned(_, let reason):
            guard phase == .running else {
                throw Refusal(.conflict, reason: "runbook.over", "This execution is \(phase.rawValue) already.")
            }
            _ = try RunbookExecution.judged(reason)
            phase = .abandoned
            endedAt = now
        }
    }

    private mutating func show(_ number: Int, _ preview: Preview) throws(Refusal) {
        let step = try preview.isUndo ? step(number) : next(number)
        guard step.verb.way != .reader else {
            throw Refusal(
                .conflict, reason: "runbook.guidance", "Step \(number) is for you to do; the product does nothing in it.",
                facts: ["step": "\(number)"])
        }
        guard !preview.isUndo || (step.isCompensable && !isDrill) else {
            throw Refusal(
                .conflict, reason: "runbook.no-way-back", "What step \(number) did cannot be taken back.",
                facts: ["step": "\(number)"])
        }
        steps[number - 1].preview = preview
        if !preview.isUndo { steps[number - 1].state = .shown }
    }

    private mutating func confirm(_ number: Int, hash: String, by person: Person, at now: Moment) throws(Refusal) {
        let step = try step(number)
        guard !isDrill else {
            throw Refusal(
                .conflict, reason: "runbook.drill", "This is a drill: it shows and changes nothing. Say that the step is done.",
                facts: ["step": "\(number)"])
        }
        guard step.verb.way == .effect, let preview = step.preview, preview.isUndo ? step.isCompensable : step.state == .shown
        else {
            throw Refusal(
                .conflict, reason: step.state.isSettled ? "runbook.settled" : "runbook.not-shown",
                step.state.isSettled
                    ? "Step \(number) is \(step.state.rawValue) already." : "Step \(number) was not shown yet; look first.",
                facts: ["step": "\(number)"])
        }
        if !preview.isUndo { _ = try next(number) }
        guard preview.hash == hash else {
            throw Refusal(
                .stale, reason: "runbook.hash", "This is not what was shown. Look at step \(number) again and confirm its hash.",
                facts: ["step": "\(number)"])
        }
        guard now < preview.expiresAt else {
            throw Refusal(
                .stale, reason: "runbook.expired",
                "What was shown is older than \(RunbookExecution.shownSeconds / 60) minutes. Look again.",
                facts: ["step": "\(number)"])
        }
        guard !preview.needsSecond || preview.by.natural != person.natural else {
            throw Refusal(
                .forbidden, reason: "runbook.second-person",
                "You asked for this, so someone else has to confirm it.", facts: ["step": "\(number)"])
        }
        end(
            number, as: preview.isUndo ? .undone : .done, by: person, hash: hash, operation: preview.operation, at: now)
    }

    /// Steps are taken in their order; one that does not fit is skipped, with the reason.
    private func next(_ number: Int) throws(Refusal) -> Step {
        let step = try step(number)
        guard let current else {
            throw Refusal(.conflict, reason: "runbook.over", "This execution is \(phase.rawValue) already.")
        }
        guard !step.state.isSettled else {
            throw Refusal(
                .conflict, reason: "runbook.settled", "Step \(number) is \(step.state.rawValue) already.",
                facts: ["step": "\(number)"])
        }
        guard current.number == number else {
            throw Refusal(
                .conflict, reason: "runbook.order", "Step \(current.number) comes first. Do it, or skip it and say why.",
                facts: ["step": "\(current.number)"])
        }
        return step
    }

    private mutating func end(
        _ number: Int, as state: State, by person: Person, reason: String = "", hash: String = "", operation: String? = nil,
        at now: Moment
    ) {
        steps[number - 1].state = state
        steps[number - 1].ending = Ending(at: now, by: person, reason: reason, hash: hash, operation: operation)
        if state == .undone { steps[number - 1].preview = nil }
        if phase == .running, steps.allSatisfy(\.state.isSettled) {
            phase = .finished
            endedAt = now
        }
    }

    private static func judged(_ reason: String) throws(Refusal) -> String {
        guard reason.contains(where: { !$0.isWhitespace }) else {
            throw Refusal(
                .unprocessable, reason: "runbook.reason", "Say why; it is kept with the step.", facts: ["field": "reason"])
        }
        guard reason.unicodeScalars.count <= reasonScalarsMax else {
            throw Refusal(
                .tooLarge, reason: "runbook.reason", "A reason may have at most \(reasonScalarsMax) characters.",
                facts: ["field": "reason"])
        }
        return reason
    }
}

extension RunbookExecution.Preview {
    /// What was shown; without the right to see runs, without the examples, which name their invoices.
    package func content(mayReadRuns: Bool) -> JSONValue {
        guard !mayReadRuns, var object = content.object else { return content }
        object["examples"] = nil
        return .object(object)
    }
}
