package import Kernel
package import Postgres

/// A calendar month in UTC. The history of the runs that began in it is one table, which goes as a whole.
package struct HistoryMonth: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let year: Int
    /// 1 to 12.
    package let month: Int

    private init(index: Int) {
        year = index / 12
        month = index % 12 + 1
    }

    private var index: Int { year * 12 + month - 1 }

    /// The month of an instant.
    package init(of moment: Moment) {
        let date = CivilDate(utc: moment)
        self.init(index: date.year * 12 + date.month - 1)
    }

    /// Reads `YYYY-MM`; anything else is nil.
    package init?(_ text: some StringProtocol) {
        guard let date = CivilDate(text + "-01") else { return nil }
        self.init(index: date.year * 12 + date.month - 1)
    }

    package func adding(months: Int) -> HistoryMonth { HistoryMonth(index: index + months) }

    package var starts: Moment {
        let days = CivilDate(year: year, month: month, day: 1)?.daysSince1970 ?? 0
        return Moment(seconds: Int64(days) * 86_400)
    }

    /// The first instant that is no longer in it.
    package var ends: Moment { adding(months: 1).starts }

    /// No run that begins in it has a lower id.
    package var lowest: RunID { HistoryMonth.lowest(at: starts) }

    /// The first id after all of its runs'.
    package var beyond: RunID { HistoryMonth.lowest(at: ends) }

    private static func lowest(at moment: Moment) -> RunID {
        RunID(high: UInt64(max(0, moment.microseconds / 1000)) << 16, low: 0)
    }

    package var description: String { String(CivilDate(utc: starts).description.prefix(7)) }

    package static func < (lhs: HistoryMonth, rhs: HistoryMonth) -> Bool { lhs.index < rhs.index }
}

/// A month as it lies in the database.
package struct StoredMonth: Sendable {
    package let month: HistoryMonth
    /// As of the last analysis; negative before the first one.
    package let lines: Int64
    package let bytes: Int64

    package init(_ row: Row) throws {
        let text = try row.get("month", as: String.self)
        guard let month = HistoryMonth(text) else {
            throw Fault("reading the months of history", "\(text) is none", isRetryable: false)
        }
        self.month = month
        lines = try row.get("lines", as: Int64.self)
        bytes = try row.get("bytes", as: Int64.self)
    }
}

/// How long a tenant's history is kept, in months after the end of a run.
package struct KeepingTerm: Sendable, Equatable {
    package let tenant: TenantID
    package let months: Int

    package init(tenant: TenantID, months: Int) {
        self.tenant = tenant
        self.months = months
    }
}

/// Why a month stays, as far as one tenant's runs of it go.
package struct MonthObstacles: Sendable {
    package let tenant: TenantID
    /// A run of it has not ended.
    package let isUnfinished: Bool
    /// A run of it ended less than the tenant's term ago.
    package let isRecent: Bool
    /// A legal hold covers a run of it.
    package let isHeld: Bool

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        isUnfinished = try row.get("unfinished", as: Bool.self)
        isRecent = try row.get("recent", as: Bool.self)
        isHeld = try row.get("held", as: Bool.self)
    }
}

/// A finished run that is past its tenant's term.
package struct DueRun: Sendable {
    package let id: RunID
    package let finishedAt: Moment
    package let isHeld: Bool
    /// All audit entries of it are in a checkpoint that has left the database.
    package let isSealed: Bool

    package init(_ row: Row) throws {
        id = try row.get("id", as: RunID.self)
        finishedAt = try row.get("finished_at", as: Moment.self)
        isHeld = try row.get("held", as: Bool.self)
        isSealed = try row.get("sealed", as: Bool.self)
    }
}
