import Kernel

/// What the world answered to a live run, by what it was asked: a candidate that asks the very same is given it.
struct ShadowAnswers {
    private struct Answer {
        let index: Int
        let at: Moment
        let event: RunEvent
    }

    /// By fingerprint of the question, one queue for every time that it was asked.
    private var queues: [String: [[Answer]]] = [:]
    private var placeOfKey: [String: (print: String, queue: Int)] = [:]
    /// Which queue a question of the candidate has been given.
    private var given: [String: (print: String, queue: Int)] = [:]
    private var taken: [String: Int] = [:]
    private let hash: (JSONValue) -> String

    init(hash: @escaping (JSONValue) -> String) { self.hash = hash }

    /// A question's key with its fingerprint, if the action is one.
    func question(_ action: RunAction) -> (key: String, print: String)? {
        switch action {
        case .dispatch(let request):
            (
                request.key,
                hash(["work": .string(request.kind.rawValue), "connection": .string(request.connection), "input": request.input])
            )
        case .ask(let request):
            (
                request.key,
                hash([
                    "person": .string(request.kind.rawValue), "code": JSONValue(request.code),
                    "object": .string(request.objectHash),
                ])
            )
        case .startChild(let request): (request.key, hash(["child": .string(request.workflow.key), "input": request.input]))
        case .signed, .close, .withdraw, .setTimer, .cancelTimer, .record, .audit, .clock, .notify, .emit, .abandonChild,
            .steerChild, .incident, .payment, .finish:
            nil
        }
    }

    /// The live run asked something.
    mutating func asked(_ action: RunAction) {
        guard let (key, print) = question(action), placeOfKey[key] == nil else { return }
        placeOfKey[key] = (print, queues[print, default: []].count)
        queues[print, default: []].append([])
    }

    /// The live run was answered; false when the event is about no question.
    mutating func answered(_ event: RunEvent, at: Moment, index: Int) -> Bool {
        guard let key = event.questionKey, let place = placeOfKey[key] else { return false }
        queues[place.print]?[place.queue].append(Answer(index: index, at: at, event: event))
        return true
    }

    /// The candidate asks: whether the live run asked the same, and not more often.
    mutating func give(_ key: String, print: String) -> Bool {
        if given[key] != nil { return true }
        let next = taken[print] ?? 0
        guard next < queues[print]?.count ?? 0 else { return false }
        taken[print] = next + 1
        given[key] = (print, next)
        return true
    }

    /// The next answer to a question of the candidate.
    func next(for key: String) -> (index: Int, at: Moment, event: RunEvent)? {
        guard let place = given[key], let answer = queues[place.print]?[place.queue].first else { return nil }
        return (answer.index, answer.at, answer.event.about(key))
    }

    mutating func consume(_ key: String) {
        guard let place = given[key], queues[place.print]?[place.queue].isEmpty == false else { return }
        queues[place.print]?[place.queue].removeFirst()
    }
}

extension RunEvent {
    /// The question that an event answers, or that a person sends again.
    var questionKey: String? {
        switch self {
        case .workFinished(let key, _), .retried(let key, _), .discarded(let key, _, _), .childEnded(let key, _): key
        case .personDecided(let decision): decision.taskKey
        case .start, .timerFired, .cancelled, .eventArrived, .eventOffered, .paused, .resumed, .skipped, .rewound, .stepRetried,
            .deadlinesExtended, .abandoned:
            nil
        }
    }

    /// The same answer to a question of another key.
    func about(_ key: String) -> RunEvent {
        switch self {
        case .workFinished(_, let result): .workFinished(key: key, result)
        case .retried(_, let person): .retried(key: key, by: person)
        case .discarded(_, let person, let reason): .discarded(key: key, by: person, reason: reason)
        case .childEnded(_, let result): .childEnded(key: key, result)
        case .personDecided(let decision):
            .personDecided(
                PersonDecision(
                    taskKey: key, person: decision.person, roles: decision.roles, verdict: decision.verdict,
                    reason: decision.reason, objectHash: decision.objectHash, natural: decision.natural,
                    values: decision.values, behalf: decision.behalf))
        case .start, .timerFired, .cancelled, .eventArrived, .eventOffered, .paused, .resumed, .skipped, .rewound, .stepRetried,
            .deadlinesExtended, .abandoned:
            self
        }
    }
}
