package import Kernel

/// Token buckets by credential: a caller in a hurry slows itself and nobody else.
package final class RateLimiter: Sendable {
    package static let perSecond = 100.0
    package static let burst = 400.0
    /// Buckets that are not full; beyond, callers who are new share one.
    package static let callersMax = 20_000
    /// An address may have so many callers at the full pace, or so many receivers.
    package static let addressSize = 10.0
    /// Longer than any short name of a tenant.
    static let receiverMax = 64
    /// How long an answer to a caller in a hurry is held back, and for how many at a time.
    package static let heldMilliseconds = 1_000
    package static let heldMax = 1_000

    private struct Bucket {
        var tokens: Double
        var at: Moment
        let size: Double

        /// As full as a new one, so it need not be kept.
        func isFull(at now: Moment) -> Bool { tokens + gain(at: now) >= RateLimiter.burst * size }

        func gain(at now: Moment) -> Double {
            Double(max(0, now.microseconds - at.microseconds)) / 1_000_000 * RateLimiter.perSecond * size
        }
    }

    private struct State {
        var buckets: [String: Bucket] = [:]
        /// When full ones were last taken out.
        var sweptAt: Moment?

        /// Takes out what is as good as new, once a second at most: it looks at every bucket.
        mutating func sweep(at now: Moment) {
            guard sweptAt.map({ now.milliseconds(since: $0) >= 1_000 }) ?? true else { return }
            sweptAt = now
            buckets = buckets.filter { !$0.value.isFull(at: now) }
        }
    }

    private let state = Locked(State())
    private let held = Locked(0)
    private let clock: WallClock
    private let callersMax: Int

    package init(clock: WallClock, callersMax: Int = RateLimiter.callersMax) {
        self.clock = clock
        self.callersMax = callersMax
    }

    /// Buckets that a request takes from, each with how many times the usual it holds. Who shows no credential is known by the
    /// address. Senders of alerts and signs of life often share one, a proxy's or a monitor's, so there each receiver has a
    /// bucket of its own. The address has a larger one over all of them: made-up credentials and ever new receivers gain nothing.
    private static func buckets(of request: WebRequest) -> [(key: String, size: Double)] {
        let address = "anonymous \(request.client)"
        let whole = (key: "\(address), whole", size: addressSize)
        let parts = request.path.split(separator: "/", maxSplits: 4)
        if parts.count > 3, parts[0] == "api", ["inbound", "beats"].contains(parts[2]) {
            return [whole, ("\(address) \(parts[3].prefix(RateLimiter.receiverMax))", 1)]
        }
        guard let credential = request.headers["authorization"] ?? request.headers["cookie"] else { return [(address, 1)] }
        return [whole, (credential, 1)]
    }

    package func admit(_ request: WebRequest) throws(Refusal) {
        let now = clock.now
        let isAdmitted = state.withLock { state -> Bool in
            RateLimiter.buckets(of: request).allSatisfy { caller, size in
                if state.buckets.count >= callersMax { state.sweep(at: now) }
                let isCrowded = state.buckets.count >= callersMax && state.buckets[caller] == nil
                let (key, size) = isCrowded ? ("everybody else", RateLimiter.addressSize) : (caller, size)
                var bucket = state.buckets[key] ?? Bucket(tokens: RateLimiter.burst * size, at: now, size: size)
                bucket.tokens = min(RateLimiter.burst * bucket.size, bucket.tokens + bucket.gain(at: now)) - 1
                bucket.at = now
                let isLeft = bucket.tokens >= 0
                bucket.tokens = max(0, bucket.tokens)
                state.buckets[key] = bucket
                return isLeft
            }
        }
        guard isAdmitted else {
            throw Refusal(
                .tooMany, reason: "rate", "Too many requests in a short time. Nothing was carried out.",
                facts: ["retryAfterSeconds": "1"])
        }
    }

    /// Holds a refusal back, so that a caller who waits for answers sends no faster than it may. So many are held at most; who
    /// comes beyond is answered at once.
    package func hold() async {
        let isHeld = held.withLock { held -> Bool in
            guard held < RateLimiter.heldMax else { return false }
            held += 1
            return true
        }
        guard isHeld else { return }
        // A cancelled wait means that the server stops, and the answer goes out at once.
        try? await Task.sleep(for: .milliseconds(RateLimiter.heldMilliseconds))
        held.withLock { $0 -= 1 }
    }
}
