internal import Kernel

/// Counts attempts before they are carried out, so that many at once are counted as many.
///
/// What is counted is a name of our making (an account as a stranger sees it, an account from a browser it knows, an address),
/// whether or not such an account exists: who is told to wait learns nothing. A stranger's guesses never make the rightful
/// person wait in a browser that knows them. Counts are kept in memory, each process its own.
package final class AttemptLedger: Sendable {
    /// How long a name rests that reached its bound; then its count begins anew.
    package static let pauseSeconds: Int64 = 60
    /// An attempt this old says nothing any more.
    static let forgetSeconds: Int64 = 3600
    /// Each entry cost somebody the time of a hash, so this is never reached in an hour; beyond it the oldest go.
    static let namesMax = 50_000

    private struct Count {
        var attempts: Int
        var at: Moment
    }

    private let counts = Locked<[String: Count]>([:])

    package init() {}

    /// Counts one attempt under each name; refuses `sign-in.paused` when any of them is at its bound and its pause not over.
    func begin(_ names: [(name: String, max: Int)], now: Moment) throws(Refusal) {
        let isFree = counts.withLock { counts -> Bool in
            AttemptLedger.trim(&counts, now)
            func isFull(_ name: (name: String, max: Int)) -> Bool { counts[name.name].map { $0.attempts >= name.max } ?? false }
            func isResting(_ name: (name: String, max: Int)) -> Bool {
                isFull(name) && counts[name.name].map { now.seconds(since: $0.at) < AttemptLedger.pauseSeconds } ?? false
            }
            guard !names.contains(where: isResting) else { return false }
            for name in names {
                let before = isFull(name) ? 0 : counts[name.name]?.attempts ?? 0
                counts[name.name] = Count(attempts: before + 1, at: now)
            }
            return true
        }
        guard isFree else {
            throw Refusal(
                .tooMany, reason: "sign-in.paused", "Too many attempts. Try again in a minute.",
                facts: ["retryAfterSeconds": "\(AttemptLedger.pauseSeconds)"])
        }
    }

    /// The attempt was right: what was counted under this name is over.
    func clear(_ name: String) { counts.withLock { $0[name] = nil } }

    /// The attempt was not carried out, and does not count.
    func giveBack(_ names: [(name: String, max: Int)]) {
        counts.withLock { counts in
            for (name, _) in names {
                guard let count = counts[name] else { continue }
                counts[name] = count.attempts > 1 ? Count(attempts: count.attempts - 1, at: count.at) : nil
            }
        }
    }

    private static func trim(_ counts: inout [String: Count], _ now: Moment) {
        guard counts.count >= namesMax else { return }
        counts = counts.filter { now.seconds(since: $0.value.at) < forgetSeconds }
        guard counts.count >= namesMax else { return }
        let kept = counts.sorted { $0.value.at > $1.value.at }.prefix(namesMax / 2)
        counts = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
}
