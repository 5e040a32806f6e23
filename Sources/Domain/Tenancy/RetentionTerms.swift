package import Kernel

/// How long the operator keeps what happened in runs, for every tenant that does not say otherwise.
package struct RetentionTerms: Sendable, Equatable {
    /// Thirty years at most, as for documents.
    package static let historyMonthsRange = 1...360
    package static let feedDaysRange = 1...400

    /// Months after the end of a run; nil keeps its history as long as its documents.
    package let historyMonths: Int?
    /// Days for which a live view can take up what it missed.
    package let feedDays: Int

    package init(historyMonths: Int? = nil, feedDays: Int = 30) {
        self.historyMonths = historyMonths
        self.feedDays = feedDays
    }

    /// Of an operator file; what it leaves out is as unless given.
    package init(_ json: JSONValue?) {
        self.init(historyMonths: json?["historyMonths"]?.int, feedDays: json?["feedDays"]?.int ?? 30)
    }

    /// For a tenant with this file. Without a word about history it is kept as long as documents are: full calendar years after
    /// the year of arrival.
    package func months(of tenant: TenantDocument) -> Int {
        tenant.historyMonths ?? historyMonths
            ?? min(RetentionTerms.historyMonthsRange.upperBound, (tenant.retentionYears + 1) * 12)
    }

    static let shape = ObjectShape(
        "the operator's retention", "How long history and the live feed are kept.",
        [
            optional(
                "historyMonths", .integer(historyMonthsRange),
                "months for which a run's history is kept after its end; as long as its documents unless given."),
            optional(
                "feedDays", .integer(feedDaysRange), "days for which a live view can take up what it missed; 30 unless given."),
        ])
}
