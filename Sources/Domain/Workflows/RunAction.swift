package import Kernel

/// What the shell around a run has to do, in this order, in the transaction that saves the new state.
package enum RunAction: Sendable, Equatable {
    /// Makes work ready for the tenant's worker. The same key may come again after a person asked for a retry.
    case dispatch(WorkRequest)
    /// Puts a request into an inbox; an `ask` with a key already open replaces what is shown and who may answer.
    case ask(HumanRequest)
    /// One more signature under an open approval.
    case signed(key: String, SignatureNote)
    /// A request ended by an answer: `approved`, `rejected` or the resolution's name.
    case close(key: String, outcome: String, by: PersonID?)
    /// Work or a request that nobody needs any longer.
    case withdraw(key: String, reason: String)
    case setTimer(key: String, at: Moment)
    case cancelTimer(key: String)
    case record(HistoryNote)
    /// An audit entry: a decision, a receipt, a person's act.
    case audit(action: String, facts: JSONValue)
    case clock(objective: String, ClockChange)
    case notify(topic: String, facts: JSONValue)
    /// An event of the run, in the JSON form of CloudEvents, for whoever listens.
    case emit(event: JSONValue)
    /// Another workflow begins inside this run.
    case startChild(ChildRequest)
    /// What a step was running is not needed any longer.
    case abandonChild(key: String, reason: String)
    /// Pausing and resuming reach what runs inside.
    case steerChild(key: String, RunEvent)
    case incident(alert: String, facts: [String: String])
    /// The invoice's payment is released, or the run ends without having released it.
    case payment(RunPayment)
    /// The run is over; its outcome is one of the definition's, or `cancelled`, or `faulted`.
    case finish(outcome: String, output: JSONValue)
}

/// What happens to a service-level clock of the run.
package enum ClockChange: Sendable, Equatable {
    case start
    case stop
    case pause(reason: String)
    case resume(reason: String)
    /// The run ended without the event the clock waits for; it counts neither as met nor as missed.
    case cancel
}

/// One line of a run's history.
package struct HistoryNote: Sendable, Equatable {
    /// `run.started`, `step.entered`, `step.completed`, `policy.decided`, `match.held`, `event.ignored` and their like.
    package let type: String
    /// Path of the step, empty for the run as a whole.
    package let step: String
    /// A sentence for people.
    package let summary: String
    package let data: JSONValue
    /// The run has left a step that does something; steps that only hold others do not count.
    package let isTransition: Bool

    package init(type: String, step: String, summary: String, data: JSONValue = .null, isTransition: Bool = false) {
        self.type = type
        self.step = step
        self.summary = summary
        self.data = data
        self.isTransition = isTransition
    }
}

/// A signature as the signature lines show it.
package struct SignatureNote: Sendable, Equatable {
    package let person: PersonID
    package let natural: PersonID
    /// The role in which the person signed.
    package let role: String
    package let label: String
    package let at: Moment
    /// Counted from 0.
    package let round: Int
    /// This is signature `count` of the `of` that the approval needs over all rounds.
    package let count: Int
    package let of: Int
    /// Hash of what was answered to a task that several have to answer alike.
    package let answer: String?
    /// For whom a deputy signed.
    package let behalf: PersonDecision.Behalf?

    /// The human beings whose signature this is; neither gives another one.
    package var naturals: [PersonID] { [natural] + (behalf.map { [$0.natural] } ?? []) }

    package init(
        person: PersonID, natural: PersonID, role: String, label: String, at: Moment, round: Int, count: Int, of: Int,
        answer: String? = nil, behalf: PersonDecision.Behalf? = nil
    ) {
        self.answer = answer
        self.behalf = behalf
        self.person = person
        self.natural = natural
        self.role = role
        self.label = label
        self.at = at
        self.round = round
        self.count = count
        self.of = of
    }
}

/// Work for the tenant's worker.
package struct WorkRequest: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case documentRead = "document.read"
        case erpRead = "erp.read"
        case erpWrite = "erp.write"
        case notify

        /// True when an attempt may change something outside, so that a lost answer leaves doubt.
        package var isWrite: Bool { self == .erpWrite }
    }

    /// Unique in the run: step path, `#`, visit.
    package let key: String
    package let kind: Kind
    package let title: String
    /// Name of the connection, empty when the work needs none.
    package let connection: String
    package let input: JSONValue
    /// The same for every attempt and every visit of a write, so that the other side can recognise it.
    package let idempotencyKey: String
    package let retry: RetryPolicy
    /// Bound of one attempt.
    package let timeoutSeconds: Int

    package init(
        key: String, kind: Kind, title: String, connection: String, input: JSONValue, idempotencyKey: String, retry: RetryPolicy,
        timeoutSeconds: Int
    ) {
        self.key = key
        self.kind = kind
        self.title = title
        self.connection = connection
        self.input = input
        self.idempotencyKey = idempotencyKey
        self.retry = retry
        self.timeoutSeconds = timeoutSeconds
    }
}

/// How often and how far apart an attempt is repeated.
package struct RetryPolicy: Sendable, Equatable {
    package static let attemptsCeiling = 50
    package static let standard = RetryPolicy(
        attemptsMax: 6, initialSeconds: 2, factorPercent: 200, capSeconds: 300, jitterPercent: 20)

    package let attemptsMax: Int
    package let initialSeconds: Int
    /// Each pause is this share of the one before: 200 doubles it.
    package let factorPercent: Int
    package let capSeconds: Int
    /// A pause is stretched by up to this share of itself.
    package let jitterPercent: Int

    package init(attemptsMax: Int, initialSeconds: Int, factorPercent: Int, capSeconds: Int, jitterPercent: Int) {
        self.attemptsMax = attemptsMax
        self.initialSeconds = initialSeconds
        self.factorPercent = factorPercent
        self.capSeconds = capSeconds
        self.jitterPercent = jitterPercent
    }

    /// Milliseconds to wait after the `attempt`-th failure (counted from 1); `draw` is a random number given by the caller.
    package func pauseMilliseconds(afterAttempt attempt: Int, draw: UInt64) -> Int64 {
        let cap = Int64(capSeconds) * 1000
        var pause = min(Int64(initialSeconds) * 1000, cap)
        var step = 1
        while step < attempt, pause < cap {
            pause = min(pause * Int64(factorPercent) / 100, cap)
            step += 1
        }
        let stretchMax = UInt64(pause) * UInt64(jitterPercent) / 100
        return pause + Int64(stretchMax == 0 ? 0 : draw % (stretchMax + 1))
    }
}
