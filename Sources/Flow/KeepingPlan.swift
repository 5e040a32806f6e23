package import Kernel
package import Records

/// What there is of history, how long it is kept, and which months would go now; for people who look before they act.
package struct KeepingPlan: Sendable {
    /// No run of ours began earlier; lines that say so bear an id that is none.
    package static let yearMin = 2020

    /// Why a month stays.
    package enum Reason: String, Sendable, CaseIterable {
        /// It is not over.
        case current
        case unfinished, recent, held, unsealed

        package var words: String {
            switch self {
            case .current: "is not over"
            case .unfinished: "has runs that have not ended"
            case .recent: "has runs that ended less than the tenant's term ago"
            case .held: "has runs under legal hold"
            case .unsealed: "has audit entries that no published checkpoint covers"
            }
        }
    }

    package struct Obstacle: Sendable, Equatable {
        /// Nil where the month stays for everybody.
        package let tenant: TenantID?
        package let reason: Reason
    }

    package struct Month: Sendable {
        package let month: HistoryMonth
        /// As of the last analysis.
        package let lines: Int64
        package let bytes: Int64
        package let obstacles: [Obstacle]

        package var isDue: Bool { obstacles.isEmpty }
    }

    package let at: Moment
    package var months: [Month] = []
    /// Lines that lie in no month.
    package let unplaced: Int
    package var tenants: [(slug: String, id: TenantID, months: Int)] = []
    package let feedDays: Int

    init(at: Moment, unplaced: Int, feedDays: Int) {
        self.at = at
        self.unplaced = unplaced
        self.feedDays = feedDays
    }

    package func slug(of tenant: TenantID) -> String { tenants.first { $0.id == tenant }?.slug ?? tenant.text }

    /// `tenants` narrows what is told of tenants to those; nil tells of all.
    package func json(seeing tenants: Set<TenantID>? = nil) -> JSONValue {
        func isSeen(_ tenant: TenantID) -> Bool { tenants?.contains(tenant) ?? true }
        return [
            "at": JSONValue(at), "unplacedLines": JSONValue(unplaced), "feedDays": JSONValue(feedDays),
            "months": .array(
                months.map { month in
                    let hidden = month.obstacles.contains { $0.tenant.map { !isSeen($0) } ?? false }
                    // How much there is of everybody is not one tenant's to know.
                    let seesSize = tenants == nil
                    return .object([
                        "month": .string(month.month.description), "lines": seesSize ? .some(JSONValue(month.lines)) : .none,
                        "bytes": seesSize ? .some(JSONValue(month.bytes)) : .none, "due": .bool(month.isDue),
                        "keptForOthers": .bool(hidden),
                        "kept": .array(
                            month.obstacles.filter { $0.tenant.map(isSeen) ?? true }.map { obstacle in
                                .object([
                                    "tenant": obstacle.tenant.map { .string(slug(of: $0)) },
                                    "reason": .string(obstacle.reason.rawValue), "text": .string(obstacle.reason.words),
                                ])
                            }),
                    ])
                }),
            "tenants": .array(
                self.tenants.filter { isSeen($0.id) }.map {
                    ["tenant": .string($0.slug), "historyMonths": JSONValue($0.months)]
                }),
        ]
    }
}
