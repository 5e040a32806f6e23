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
        } catch {
            release()
            throw error
        }
    }

    func leave(_ event: CircuitBreaker.Event) {
        breaker.handle(event, at: clock.now)
        release()
    }

    private func release() {
        if waiting.isEmpty { inUse -= 1 } else { waiting.removeFirst().resume() }
    }

    private static let tooLate = ExchangeFailure(
        code: "no-time", message: "The lease ends before the connection's limits let the request out.", mayHaveBeenSent: false)
}
