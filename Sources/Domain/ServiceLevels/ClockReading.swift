package import Kernel

/// What a clock says at one instant; see `SLAClock`. All instants are whole seconds of UTC.
package struct ClockReading: Hashable, Sendable {
    package enum State: String, Sendable, CaseIterable {
        case notStarted = "not_started"
        case running, paused, stopped, cancelled
    }

    package enum Outcome: String, Sendable, CaseIterable { case open, met, breached }

    /// A cycle that a restart has ended (R10).
    package struct Cycle: Hashable, Sendable {
        package let startedAt: Moment
        package let stoppedAt: Moment
        package let elapsedSeconds: Int64
        package let outcome: Outcome

        package init(startedAt: Moment, stoppedAt: Moment, elapsedSeconds: Int64, outcome: Outcome) {
            self.startedAt = startedAt
            self.stoppedAt = stoppedAt
            self.elapsedSeconds = elapsedSeconds
            self.outcome = outcome
        }
    }

    package struct Warning: Hashable, Sendable {
        package let percent: Int
        /// When counted time reached the threshold; nil while it has not.
        package let firedAt: Moment?

        package init(percent: Int, firedAt: Moment?) {
            self.percent = percent
            self.firedAt = firedAt
        }
    }

    /// Why an interval was counted or not.
    package enum Reason: Hashable, Sendable {
        /// Counted: service was owed.
        case service
        /// Counted although the matter was closed: the contract counts through (R10).
        case countedThrough
        case outsideServiceHours
        /// The listed reasons that were active, in order.
        case paused([String])
        case maintenance
        case stopped
        case cancelled

        package var text: String {
            switch self {
            case .service: "service"
            case .countedThrough: "counted_through"
            case .outsideServiceHours: "outside_service_hours"
            case .paused(let reasons): reasons == [""] ? "paused" : "paused: " + reasons.joined(separator: ", ")
            case .maintenance: "maintenance"
            case .stopped: "stopped"
            case .cancelled: "cancelled"
            }
        }
    }

    /// One interval of the explanation, half-open.
    package struct TraceInterval: Hashable, Sendable {
        package let from: Moment
        package let to: Moment
        package let isCounted: Bool
        package let reason: Reason

        package init(from: Moment, to: Moment, isCounted: Bool, reason: Reason) {
            self.from = from
            self.to = to
            self.isCounted = isCounted
            self.reason = reason
        }
    }

    /// Of the current cycle; nil before the start.
    package let startedAt: Moment?
    /// The counted seconds of the current cycle.
    package let elapsedSeconds: Int64
    /// In force at the instant of the reading.
    package let targetSeconds: Int64
    package let dueAt: Moment?
    package let overdueFrom: Moment?
    package let state: State
    package let outcome: Outcome
    package let breachedAt: Moment?
    package let warnings: [Warning]
    /// The cycles before the current one.
    package let cycles: [Cycle]
    /// Counted from 1.
    package let contractVersion: Int
    /// The earliest future second at which a warning or the breach will be a fact if the clock runs on; nil when nothing can
    /// happen by itself. A breach is a fact one second after `overdueFrom`: at `overdueFrom` the target is used up, not exceeded.
    package let nextWakeUp: Moment?
    /// From the start to the instant of the reading without gaps; empty unless asked for.
    package let trace: [TraceInterval]
    /// When the current cycle was stopped or the clock cancelled; nil while it runs.
    package let stoppedAt: Moment?

    package init(
        startedAt: Moment?, elapsedSeconds: Int64, targetSeconds: Int64, dueAt: Moment?, overdueFrom: Moment?, state: State,
        outcome: Outcome, breachedAt: Moment?, warnings: [Warning], cycles: [Cycle], contractVersion: Int, nextWakeUp: Moment?,
        trace: [TraceInterval], stoppedAt: Moment? = nil
    ) {
        self.startedAt = startedAt
        self.elapsedSeconds = elapsedSeconds
        self.targetSeconds = targetSeconds
        self.dueAt = dueAt
        self.overdueFrom = overdueFrom
        self.state = state
        self.outcome = outcome
        self.breachedAt = breachedAt
        self.warnings = warnings
        self.cycles = cycles
        self.contractVersion = contractVersion
        self.nextWakeUp = nextWakeUp
        self.trace = trace
        self.stoppedAt = stoppedAt
    }

    /// Negative after the breach.
    package var remainingSeconds: Int64 { targetSeconds - elapsedSeconds }

    /// The answer of the explain document; `trace` only when asked for.
    package func json(trace isTraced: Bool = false) -> JSONValue {
        var answer: JSONObject = [
            "elapsedSeconds": JSONValue(elapsedSeconds), "dueAt": instantJSON(dueAt), "overdueFrom": instantJSON(overdueFrom),
            "state": .string(state.rawValue), "outcome": .string(outcome.rawValue), "breachedAt": instantJSON(breachedAt),
            "remainingSeconds": JSONValue(remainingSeconds),
            "warnings": .object(JSONObject(warnings.map { (key: String($0.percent), value: instantJSON($0.firedAt)) })),
            "cycles": .array(cycles.map(\.json)), "contractVersion": JSONValue(contractVersion),
        ]
        if isTraced { answer["trace"] = .array(trace.map(\.json)) }
        return .object(answer)
    }
}

extension ClockReading.Cycle {
    package var json: JSONValue {
        [
            "startedAt": instantJSON(startedAt), "stoppedAt": instantJSON(stoppedAt), "elapsedSeconds": JSONValue(elapsedSeconds),
            "outcome": .string(outcome.rawValue),
        ]
    }
}

extension ClockReading.TraceInterval {
    package var json: JSONValue {
        ["from": instantJSON(from), "to": instantJSON(to), "counted": .bool(isCounted), "reason": .string(reason.text)]
    }
}

/// `YYYY-MM-DDTHH:MM:SSZ` or null, as every answer writes an instant.
func instantJSON(_ moment: Moment?) -> JSONValue { moment.map { .string($0.text(fraction: 0)) } ?? .null }
