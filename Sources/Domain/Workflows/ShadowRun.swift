package import Kernel

/// What became of a candidate that was given everything that a live run was told.
package struct ShadowReport: Sendable, Equatable {
    package enum Verdict: String, Sendable, CaseIterable {
        /// The candidate would have done the same, as far as it matters outside.
        case same
        case different
        /// Nothing differs so far, and the candidate asks what the live run never did.
        case unknown
        /// The two cannot be compared; the reason says why.
        case incomparable
    }

    package struct Difference: Sendable, Equatable {
        /// `decision`, `approval`, `question`, `write`, `notice`, `event`, `child`, `outcome` or `refused`.
        package let kind: String
        package let name: String
        /// Null where that side has nothing of the kind.
        package let live: JSONValue
        package let candidate: JSONValue

        package var json: JSONValue {
            ["kind": .string(kind), "name": .string(name), "live": live, "candidate": candidate]
        }
    }

    package static let differencesMax = 50
    package static let unknownsMax = 50

    package let verdict: Verdict
    package let differences: [Difference]
    /// What the candidate would have asked and nobody answered, as sentences.
    package let unknowns: [String]
    /// Steps that only one of the two went through.
    package let liveOnlySteps: [String]
    package let candidateOnlySteps: [String]
    package let reason: String

    package init(incomparable reason: String) {
        verdict = .incomparable
        differences = []
        unknowns = []
        liveOnlySteps = []
        candidateOnlySteps = []
        self.reason = reason
    }

    init(differences: [Difference], unknowns: [String], live: [String], candidate: [String]) {
        verdict = !differences.isEmpty ? .different : unknowns.isEmpty ? .same : .unknown
        self.differences = Array(differences.prefix(ShadowReport.differencesMax))
        self.unknowns = Array(unknowns.prefix(ShadowReport.unknownsMax))
        liveOnlySteps = live.filter { !candidate.contains($0) }
        candidateOnlySteps = candidate.filter { !live.contains($0) }
        reason = ""
    }

    package var json: JSONValue {
        [
            "verdict": .string(verdict.rawValue), "differences": .array(differences.map(\.json)),
            "unknowns": .array(unknowns.map(JSONValue.string)),
            "liveOnlySteps": .array(liveOnlySteps.map(JSONValue.string)),
            "candidateOnlySteps": .array(candidateOnlySteps.map(JSONValue.string)), "reason": .string(reason),
        ]
    }
}

/// A candidate beside a live run that has ended, on paper: the same machine, given what the live run was told and at the same
/// instants. A pure function, so nothing can leak out of it.
package struct ShadowRun {
    /// Events and timers that the candidate may take; a run of production takes far fewer.
    package static let eventsMax = 5000

    private let candidate: RunEnvironment
    private var machine = RunMachine()
    private var side = ShadowSide()
    private var answers: ShadowAnswers
    /// Events that are about no question, such as those from outside.
    private var common: [(index: Int, at: Moment, event: RunEvent)] = []
    private var now: Moment
    private var unanswered: [String: String] = [:]
    private var differences: [ShadowReport.Difference] = []

    /// Compares; `journal` are all events of the live run in their order.
    package static func compare(
        live: RunEnvironment, candidate: RunEnvironment, journal: [RecordedEvent]
    ) -> ShadowReport {
        guard let first = journal.first, case .start = first.event else {
            return ShadowReport(incomparable: "The beginning of the live run was not recorded.")
        }
        guard journal.count <= eventsMax else {
            return ShadowReport(incomparable: "The live run took more than \(eventsMax) events.")
        }
        var shadow = ShadowRun(candidate, first.at)
        var machine = RunMachine()
        var lived = ShadowSide()
        for (index, entry) in journal.enumerated() {
            if let obstacle = shadow.note(entry, index) { return ShadowReport(incomparable: obstacle) }
            do throws(Refusal) {
                let actions = try machine.handle(entry.event, at: entry.at, in: live)
                lived.add(actions, hash: live.hash)
                for action in actions { shadow.answers.asked(action) }
            } catch {
                return ShadowReport(incomparable: "The live run cannot be told again: \(error.message)")
            }
        }
        guard machine.state.phase.isFinal else { return ShadowReport(incomparable: "The live run has not ended.") }
        shadow.go(until: journal[journal.count - 1].at)
        return shadow.report(against: lived)
    }

    private init(_ candidate: RunEnvironment, _ start: Moment) {
        self.candidate = candidate
        now = start
        answers = ShadowAnswers(hash: candidate.hash)
    }

    /// Keeps an event of the live run for the candidate; answers why the two cannot be compared, if so.
    private mutating func note(_ entry: RecordedEvent, _ index: Int) -> String? {
        switch entry.event {
        case .skipped, .rewound: return "A person took the live run another way, by skipping a step or going back."
        case .abandoned: return "The run around it ended."
        case .start, .eventArrived, .eventOffered, .cancelled: common.append((index, entry.at, entry.event))
        case .workFinished, .retried, .discarded, .childEnded, .personDecided:
            _ = answers.answered(entry.event, at: entry.at, index: index)
        // The candidate has timers of its own, and a pause is about the live run.
        case .timerFired, .paused, .resumed, .stepRetried, .deadlinesExtended: break
        }
        return nil
    }

    // MARK: The candidate

    private mutating func go(until end: Moment) {
        var left = ShadowRun.eventsMax
        while left > 0, !machine.state.phase.isFinal, let next = next(until: end) {
            left -= 1
            now = max(now, next.at)
            if let key = next.key { answers.consume(key) } else if next.isCommon { common.removeFirst() }
            take(next.event)
        }
    }

    private func next(until end: Moment) -> (at: Moment, event: RunEvent, key: String?, isCommon: Bool)? {
        var best: (at: Moment, index: Int, event: RunEvent, key: String?, isCommon: Bool)?
        func offer(_ at: Moment, _ index: Int, _ event: RunEvent, _ key: String?, isCommon: Bool) {
            let at = max(at, now)
            guard let known = best else { return best = (at, index, event, key, isCommon) }
            if (at, index) < (known.at, known.index) { best = (at, index, event, key, isCommon) }
        }
        if let event = common.first { offer(event.at, event.index, event.event, nil, isCommon: true) }
        for key in openKeys {
            if let answer = answers.next(for: key) { offer(answer.at, answer.index, answer.event, key, isCommon: false) }
        }
        for timer in RunMachine.timers(for: machine.state) {
            // What is not known cannot be waited for; and after the end of the live run only time itself goes on.
            guard timer.at <= end || openKeys.isEmpty else { continue }
            offer(timer.at, Int.max, .timerFired(key: timer.key), nil, isCommon: false)
        }
        return best.map { ($0.at, $0.event, $0.key, $0.isCommon) }
    }

    /// Questions of the candidate that wait for an answer.
    private var openKeys: [String] {
        machine.state.active.compactMap { activation in
            switch activation.wait {
            case .work(let request, _): request.key
            case .person(let person): person.request.key
            case .child(let child): child.key
            case .inside, .timer, .loop, .attempt, .listening: nil
            }
        }
    }

    private mutating func take(_ event: RunEvent) {
        do throws(Refusal) {
            let actions = try machine.handle(event, at: now, in: candidate)
            side.add(actions, hash: candidate.hash)
            for action in actions {
                guard let (key, print) = answers.question(action) else { continue }
                if !answers.give(key, print: print) { unanswered[key] = ShadowRun.words(action) }
            }
        } catch {
            // A person may do under the live version what the candidate does not let them do.
            differences.append(
                ShadowReport.Difference(
                    kind: "refused", name: event.questionKey ?? "", live: "accepted",
                    candidate: ["reason": .string(error.reason), "message": .string(error.message)]))
        }
    }

    private static func words(_ action: RunAction) -> String {
        switch action {
        case .dispatch(let request):
            request.kind.isWrite
                ? "What \(request.connection) answers to \(request.title), which the live run did not write like that."
                : "What is answered to \(request.title) (\(request.kind.rawValue)), which the live run did not ask."
        case .ask(let request):
            "What people answer to \(request.title), which they were not shown like that."
        case .startChild(let request): "How \(request.workflow.key) ends, which the live run did not begin with that input."
        default: ""
        }
    }

    // MARK: The comparison

    private func report(against live: ShadowSide) -> ShadowReport {
        var unknowns = machine.state.phase.isFinal ? [] : unanswered.filter { openKeys.contains($0.key) }.map(\.value).sorted()
        if !machine.state.phase.isFinal, unknowns.isEmpty {
            let waiting = machine.state.waitingSteps.joined(separator: ", ")
            unknowns = ["What comes after \(waiting), for which the live run has no answer left."]
        }
        var found = differences
        for kind in ShadowSide.Kind.allCases {
            let mine = side.items.filter { $0.kind == kind }
            let theirs = live.items.filter { $0.kind == kind }
            for name in (theirs + mine).map(\.name).uniqued {
                found += compare(kind, name, theirs.filter { $0.name == name }, mine.filter { $0.name == name })
            }
        }
        return ShadowReport(differences: found, unknowns: unknowns, live: live.steps, candidate: side.steps)
    }

    /// The items of one name, one by one in their order. What a candidate that got stuck has not come to is not held against it.
    private func compare(
        _ kind: ShadowSide.Kind, _ name: String, _ live: [ShadowSide.Item], _ mine: [ShadowSide.Item]
    ) -> [ShadowReport.Difference] {
        var found: [ShadowReport.Difference] = []
        for place in 0..<max(live.count, mine.count) {
            let (left, right) = (live.dropFirst(place).first, mine.dropFirst(place).first)
            if left?.content == right?.content { continue }
            if right == nil, !machine.state.phase.isFinal { continue }
            found.append(
                ShadowReport.Difference(
                    kind: kind.rawValue, name: name, live: left?.content ?? .null, candidate: right?.content ?? .null))
        }
        return found
    }
}

extension Sequence<String> {
    /// Each once, in the order of their first appearance.
    fileprivate var uniqued: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}
