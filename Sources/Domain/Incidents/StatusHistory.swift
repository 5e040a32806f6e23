package import Kernel

/// What a component was over time, day by day, and which part of the time it was up.
package struct StatusHistory: Sendable, Hashable {
    /// What it was from one instant to the next.
    package struct Span: Sendable, Hashable {
        package let from: Moment
        package let to: Moment
        package let state: StatusState

        package init(from: Moment, to: Moment, state: StatusState) {
            self.from = from
            self.to = to
            self.state = state
        }
    }

    /// A day of UTC.
    package struct Day: Sendable, Hashable {
        package let date: CivilDate
        /// The worst of the day; nil without data.
        package let worst: StatusState?
        /// Seconds that count, and those of them that were up. Planned work does not count.
        package let counted: Int64
        package let up: Int64

        package var downSeconds: Int64 { counted - up }
    }

    package static let daySeconds: Int64 = 86_400

    /// Oldest first, today last.
    package let days: [Day]
    package let counted: Int64
    package let up: Int64

    /// Spans do not overlap; what lies outside the days is left out.
    package init(_ spans: [Span], days length: Int, today: Moment) {
        let last = today.seconds - today.seconds.modulo(StatusHistory.daySeconds)
        var days: [Day] = []
        for index in (0..<max(1, length)).reversed() {
            let from = last - Int64(index) * StatusHistory.daySeconds
            days.append(StatusHistory.day(from: Moment(seconds: from), spans))
        }
        self.days = days
        counted = days.reduce(0) { $0 + $1.counted }
        up = days.reduce(0) { $0 + $1.up }
    }

    private static func day(from: Moment, _ spans: [Span]) -> Day {
        let to = from.adding(seconds: daySeconds)
        var (counted, up): (Int64, Int64) = (0, 0)
        var states: [StatusState] = []
        for span in spans where span.from < to && from < span.to {
            // Whole seconds, each counted once: both ends are cut down alike.
            let seconds = min(span.to, to).seconds - max(span.from, from).seconds
            states.append(span.state)
            guard let isUp = span.state.isUp else { continue }
            counted += seconds
            if isUp { up += seconds }
        }
        return Day(date: CivilDate(utc: from), worst: StatusState.worst(states), counted: counted, up: up)
    }

    /// Hundredths of a percent, cut and never rounded up; nil without data.
    package var upBasisPoints: Int64? { counted > 0 ? up * 10_000 / counted : nil }

    /// `99.98 %`; nil without data.
    package var upText: String? {
        upBasisPoints.map { points in
            let rest = points % 100
            return "\(points / 100).\(rest < 10 ? "0" : "")\(rest) %"
        }
    }
}

extension Int64 {
    /// Never negative.
    fileprivate func modulo(_ divisor: Int64) -> Int64 {
        let rest = self % divisor
        return rest < 0 ? rest + divisor : rest
    }
}
