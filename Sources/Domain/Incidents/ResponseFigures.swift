package import Kernel

/// How fast trouble was answered and ended: the median and the ninth decile of whole incidents, never a mean, which one bad
/// night would decide.
package struct ResponseFigures: Sendable, Hashable {
    /// One of the two intervals over the incidents in which it came to its end.
    package struct Interval: Sendable, Hashable {
        /// Incidents that are counted.
        package let n: Int
        /// Incidents in which it has not ended, left out and said.
        package let excluded: Int
        /// By the nearest rank, so it is a time that an incident really took; nil without a case.
        package let medianSeconds: Int64?
        package let ninthDecileSeconds: Int64?

        init(_ seconds: [Int64], of total: Int) {
            let sorted = seconds.sorted()
            n = sorted.count
            excluded = total - sorted.count
            medianSeconds = Interval.rank(1, 2, of: sorted)
            ninthDecileSeconds = Interval.rank(9, 10, of: sorted)
        }

        /// The smallest value that at least `part`/`whole` of the values do not exceed.
        private static func rank(_ part: Int, _ whole: Int, of sorted: [Int64]) -> Int64? {
            sorted.isEmpty ? nil : sorted[(sorted.count * part + whole - 1) / whole - 1]
        }

        package var json: JSONValue {
            .object([
                "n": JSONValue(n), "excluded": JSONValue(excluded), "medianSeconds": medianSeconds.map { JSONValue($0) } ?? .null,
                "p90Seconds": ninthDecileSeconds.map { JSONValue($0) } ?? .null,
            ])
        }
    }

    /// One incident's instants; an acknowledgement is a person's, so what ended by itself before anybody looked has none.
    package struct Case: Sendable, Hashable {
        package let openedAt: Moment
        package let acknowledgedAt: Moment?
        package let resolvedAt: Moment?

        package init(openedAt: Moment, acknowledgedAt: Moment?, resolvedAt: Moment?) {
            self.openedAt = openedAt
            self.acknowledgedAt = acknowledgedAt
            self.resolvedAt = resolvedAt
        }
    }

    /// From the first alert to the first acknowledgement by a person.
    package let toAcknowledge: Interval
    /// From the first alert to the last resolution.
    package let toResolve: Interval

    package init(_ cases: [Case]) {
        toAcknowledge = Interval(
            cases.compactMap { item in item.acknowledgedAt.map { $0.seconds(since: item.openedAt) } }, of: cases.count)
        toResolve = Interval(
            cases.compactMap { item in item.resolvedAt.map { $0.seconds(since: item.openedAt) } }, of: cases.count)
    }

    package var json: JSONValue { ["acknowledge": toAcknowledge.json, "resolve": toResolve.json] }
}
