package import Kernel

/// What all tasks of one connection share in this process: rate, concurrency, and whether the other side is there at all.
package actor ConnectionPace {
    /// Tasks waiting for their turn; more than that and the worker should not have leased them.
    static let waitersMax = 1_024

    private let clock: WallClock
    private var limits: ConnectorLimits
    private var bucket: TokenBucket
    private var breaker = CircuitBreaker()
    private var inUse = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var writing = 0
    private var waitingWriters: [CheckedContinuation<Void, Never>] = []
    private var budget = DayBudget()
    /// Why the circuit opened last, and when.
    private var trouble: (code: String, at: Moment)?

    package init(limits: ConnectorLimits, clock: WallClock = .system) {
        self.limits = limits
        self.clock = clock
        bucket = TokenBucket(perSecond: limits.ratePerSecond, at: clock.now)
    }

    /// Takes over changed limits of the connection.
    package func adopt(_ changed: ConnectorLimits) {
        guard changed != limits else { return }
        limits = changed
        bucket = TokenBucket(perSecond: limits.ratePerSecond, at: clock.now)
    }

    package var phase: CircuitBreaker.Phase { breaker.phase }

    /// The next request may go out even when the circuit is open: a person tests, or the connection was changed.
    package func allowTrial() { breaker.allowTrial(at: clock.now) }

    /// What other workers of this connection spent today, as the server counts it; the larger number holds.
    package func adoptSpent(_ count: Int, on day: CivilDate) { budget.adopt(count, on: day, at: clock.now) }

    /// How the connection is, for heartbeats and pages.
    package var condition: ConnectionCondition {
        let circuit: ConnectionCondition.Circuit
        var retryAt: Moment?
        switch breaker.phase {
        case .closed: circuit = .closed
        case .probing: circuit = .probing
        case .open(let until, _):
            circuit = .open
            retryAt = until
        }
        return ConnectionCondition(
            circuit: circuit, code: circuit == .closed ? nil : trouble?.code, since: circuit == .closed ? nil : trouble?.at,
            retryAt: retryAt, spentToday: budget.spent(at: clock.now), day: CivilDate(utc: clock.now), perDay: limits.perDay)
    }

    /// Waits until this attempt may write; followed by one `leaveWriting`.
    func enterWriting() async {
        guard writing >= limits.writers else { return writing += 1 }
        await withCheckedContinuation { waitingWriters.append($0) }
    }

    func leaveWriting() {
        if waitingWriters.isEmpty { writing -= 1 } else { waitingWriters.removeFirst().resume() }
    }

    /// Waits for a turn until `deadline`; every success is followed by one `leave`.
    func enter(until deadline: Moment) async throws(ExchangeFailure) {
        if inUse >= limits.concurrency {
            guard waiting.count < ConnectionPace.waitersMax else { throw ConnectionPace.tooLate }
            // Handed over by `leave`, so `inUse` already counts us afterwards.
            await withCheckedContinuation { waiting.append($0) }
        } else {
            inUse += 1
        }
        do throws(ExchangeFailure) {
            if let seconds = breaker.admit(at: clock.now) {
                throw ExchangeFailure(
                    code: "circuit-open", message: "The system did not answer lately; it is tried again in \(seconds) s.",
                    mayHaveBeenSent: false, retryAfterSeconds: seconds)
            }
            if let seconds = budget.refusal(perDay: limits.perDay, at: clock.now) {
                breaker.handle(.inconclusive, at: clock.now)
                throw ExchangeFailure(
                    code: "budget",
                    message: "The \(limits.perDay) requests a day of this connection are spent; it goes on in \(seconds) s.",
                    mayHaveBeenSent: false, retryAfterSeconds: seconds)
            }
            while let pause = bucket.take(at: clock.now) {
                guard clock.now.microseconds + pause < deadline.microseconds else {
                    breaker.handle(.inconclusive, at: clock.now)
                    throw ConnectionPace.tooLate
                }
                do {
                    try await Task.sleep(nanoseconds: UInt64(pause) * 1000)
                } catch {
                    breaker.handle(.inconclusive, at: clock.now)
                    throw ExchangeFailure(code: "cancelled", message: "The task was given up.", mayHaveBeenSent: false)
                }
            }
            budget.spend(at: clock.now)
        } catch {
            release()
            throw error
        }
    }

    /// `code` says what went wrong, for whoever is told of an open circuit.
    func leave(_ event: CircuitBreaker.Event, code: String = "") {
        let wasClosed = if case .closed = breaker.phase { true } else { false }
        breaker.handle(event, at: clock.now)
        if wasClosed, case .open = breaker.phase { trouble = (code, clock.now) }
        release()
    }

    private func release() {
        if waiting.isEmpty { inUse -= 1 } else { waiting.removeFirst().resume() }
    }

    private static let tooLate = ExchangeFailure(
        code: "no-time", message: "The lease ends before the connection's limits let the request out.", mayHaveBeenSent: false)
}

/// How a connection is at this moment, as its worker knows it.
package struct ConnectionCondition: Sendable, Equatable {
    package enum Circuit: String, Sendable, CaseIterable { case closed, open, probing }

    package let circuit: Circuit
    /// What the failures that opened the circuit were: `auth`, `connect-failed`, `timed-out`.
    package let code: String?
    package let since: Moment?
    package let retryAt: Moment?
    /// Requests since midnight UTC that this worker knows of.
    package let spentToday: Int
    /// The day by the clock of Greenwich that the count is about.
    package let day: CivilDate
    /// 0 is no bound.
    package let perDay: Int

    package init(
        circuit: Circuit, code: String?, since: Moment?, retryAt: Moment?, spentToday: Int, day: CivilDate, perDay: Int
    ) {
        self.circuit = circuit
        self.code = code
        self.since = since
        self.retryAt = retryAt
        self.spentToday = spentToday
        self.day = day
        self.perDay = perDay
    }

    /// From four fifths on somebody should know, while there is still something left.
    package var isBudgetShort: Bool { perDay > 0 && spentToday * 5 >= perDay * 4 }
}

/// Requests of one day by the clock of Greenwich.
struct DayBudget: Sendable, Equatable {
    private var day: Int64 = 0
    private var count = 0

    func spent(at now: Moment) -> Int { DayBudget.day(of: now) == day ? count : 0 }

    /// Seconds until the next day when nothing is left.
    func refusal(perDay: Int, at now: Moment) -> Int? {
        guard perDay > 0, spent(at: now) >= perDay else { return nil }
        return Int((DayBudget.day(of: now) + 1) * 86_400 - now.seconds)
    }

    mutating func spend(at now: Moment) {
        count = spent(at: now) + 1
        day = DayBudget.day(of: now)
    }

    mutating func adopt(_ known: Int, on date: CivilDate, at now: Moment) {
        guard Int64(date.daysSince1970) == DayBudget.day(of: now) else { return }
        count = max(spent(at: now), known)
        day = DayBudget.day(of: now)
    }

    private static func day(of now: Moment) -> Int64 { now.seconds.floorDivided(by: 86_400) }
}
