package import Kernel

/// Stops calling a system that does not answer, and tries again with a single request.
///
/// A rejected login opens it at once: repeating a rotated password locks the tenant out of its own ERP.
package struct CircuitBreaker: Sendable, Equatable {
    /// Failures in a row, weighted: a transport failure counts 2, an overloaded answer 1, since 503 alone often means contention.
    package static let weightMax = 10
    package static let openSecondsFirst: Int64 = 5
    package static let openSecondsMax: Int64 = 120

    package enum Phase: Sendable, Equatable {
        case closed(weight: Int)
        case open(until: Moment, openings: Int)
        /// One request is out to see.
        case probing(openings: Int)
    }

    package enum Event: Sendable, Equatable {
        case answered
        case overloaded
        case unreachable
        case loginRejected
        /// The request ended without saying anything about the other side: cancelled, or never sent for reasons of our own.
        case inconclusive
    }

    package private(set) var phase: Phase = .closed(weight: 0)

    package init() {}

    /// Nil when a request may go out now; else the seconds to wait.
    package mutating func admit(at now: Moment) -> Int? {
        switch phase {
        case .closed: return nil
        case .probing: return 1
        case .open(let until, let openings):
            guard now >= until else { return max(1, Int(until.seconds(since: now)) + 1) }
            phase = .probing(openings: openings)
            return nil
        }
    }

    /// Somebody has reason to think that it works now: the next request goes out, alone, to see.
    package mutating func allowTrial(at now: Moment) {
        if case .open(_, let openings) = phase { phase = .open(until: now, openings: openings) }
    }

    package mutating func handle(_ event: Event, at now: Moment) {
        switch (phase, event) {
        case (.closed(let weight), .overloaded): count(weight + 1, at: now)
        case (.closed(let weight), .unreachable): count(weight + 2, at: now)
        case (.closed, .loginRejected): open(1, at: now)
        case (.closed, .inconclusive): break
        case (.probing(let openings), .overloaded), (.probing(let openings), .unreachable),
            (.probing(let openings), .loginRejected):
            open(openings + 1, at: now)
        case (.probing(let openings), .inconclusive): phase = .open(until: now, openings: openings)
        case (.closed, .answered), (.probing, .answered): phase = .closed(weight: 0)
        // Late news of requests that were out when it opened.
        case (.open, .answered), (.open, .overloaded), (.open, .unreachable), (.open, .loginRejected), (.open, .inconclusive):
            break
        }
    }

    private mutating func count(_ weight: Int, at now: Moment) {
        if weight >= CircuitBreaker.weightMax { open(1, at: now) } else { phase = .closed(weight: weight) }
    }

    private mutating func open(_ openings: Int, at now: Moment) {
        let seconds = min(CircuitBreaker.openSecondsFirst << Int64(min(openings - 1, 10)), CircuitBreaker.openSecondsMax)
        phase = .open(until: now.adding(seconds: seconds), openings: openings)
    }
}

/// Requests a second, with bursts of one second's worth.
package struct TokenBucket: Sendable, Equatable {
    private let perSecond: Int64
    /// In millionths of a token, so that time in microseconds adds up exactly.
    private var level: Int64
    private var at: Moment

    package init(perSecond: Int, at now: Moment) {
        self.perSecond = Int64(perSecond)
        level = Int64(perSecond) * 1_000_000
        at = now
    }

    /// Takes a token, or says how many microseconds to wait for it; a clock that steps back gives nothing and takes nothing.
    package mutating func take(at now: Moment) -> Int64? {
        let passed = min(max(0, now.microseconds - at.microseconds), 1_000_000)
        level = min(level + passed * perSecond, perSecond * 1_000_000)
        at = now
        guard level >= 1_000_000 else { return (1_000_000 - level + perSecond - 1) / perSecond }
        level -= 1_000_000
        return nil
    }
}
