package import Kernel
internal import Records

/// What a part of this process did last, kept in memory until it is written down with the others'.
package final class Beats: Sendable {
    /// A loop of the server that has to go round.
    package enum Part: String, Sendable, CaseIterable {
        /// Holds lanes, and with them all timers.
        case lanes = "lane keeper"
        case counts
        case digests
        case pager = "page delivery"
        case sealer
        case retention = "retention job"
        case watch = "own watch"
        case budgets = "error budgets"
        case reports = "monthly reports"
        case postmortems = "post-mortem reminders"
        case contracts
        case onboardings
        /// Writes these very beats and judges everybody's.
        case heartbeats
        case statusPages = "status pages"
        case statusMail = "status subscriptions"
        case webhooks = "webhook delivery"
        /// Reads the packs that auditors ask for.
        case evidence = "evidence packs"
        /// Builds reports and sends them.
        case reportWork = "report delivery"

        /// How often it goes round, and how much longer it may take once: several times what a loaded machine was seen to need.
        var promise: (every: Int32, grace: Int32) {
            switch self {
            case .lanes, .counts, .digests, .pager, .sealer, .watch, .webhooks: (15, 60)
            case .budgets: (30, 120)
            case .contracts, .onboardings: (60, 240)
            // A month of a million rows takes minutes.
            case .reportWork, .evidence: (60, 1800)
            case .reports: (600, 600)
            case .heartbeats, .statusPages, .statusMail: (15, 60)
            // They look once an hour, and the one may have many months to go through.
            case .retention, .postmortems: (3600, 3600)
            }
        }
    }

    private let last = Locked<[Part: Moment]>([:])

    package init() {}

    /// The part has done what it is there for.
    package func note(_ part: Part, at now: Moment) { last.withLock { $0[part] = now } }

    /// The latest of each part that has lived in this process.
    func all() -> [NewBeat] {
        last.withLock { $0 }.sorted { $0.key.rawValue < $1.key.rawValue }.map { part, at in
            NewBeat(
                kind: "part", subject: part.rawValue, everySeconds: part.promise.every, graceSeconds: part.promise.grace, at: at)
        }
    }
}
