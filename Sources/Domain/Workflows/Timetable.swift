import Expressions
package import Kernel

/// Bounds of schedules.
package enum ScheduleBounds {
    /// A week.
    package static let everyMinutesMax = 10_080
    package static let timesOfDayMax = 24
    package static let monthDaysMax = 31
    /// A month has at most 23 days from Monday to Friday, and calendars may have more.
    package static let businessDayMax = 31
    /// Runs of one schedule that are open side by side.
    package static let openRunsMax = 20
    /// Times of one schedule that wait for its runs to end.
    package static let waitingMax = 100
    /// Times that are made up for at once after an interruption.
    package static let catchUpMax = 100
    /// A time that is settled later than this was missed, and the schedule says what follows.
    package static let lateSeconds: Int64 = 300
    /// How far the next time is looked for. A rule without one in two years is one that never fires.
    static let horizonDays = 800
    /// Times before this many days are not counted any more when a schedule comes back after an interruption.
    static let lookBackDays: Int64 = 366
    /// Dates before a local one at which its times may still lie, seen from UTC.
    static let slackDays = 2
}

/// When runs of a workflow begin by themselves. A pure value: the same instant gives the same next one, on every machine with
/// the same zone data.
///
/// Local times are wall time. A time that clocks skip is the instant at which they jump; one that they show twice is the first of
/// the two; one of a date that a zone leaves out altogether is none. Two times that fall on one instant are one.
package struct Timetable: Sendable {
    package enum Days: Sendable, Equatable {
        /// Monday is 1 and Sunday is 7.
        case week(Set<Int>)
        /// Days of the month, and whether its last one is among them. A month that lacks a day has no time for it.
        case month(Set<Int>, last: Bool)
        /// Days on which a calendar offers service: all of them, or the n-th and the last of each month.
        case business(calendar: String, places: Set<Int>, last: Bool)
    }

    package enum Rule: Sendable {
        /// Whenever so many minutes of UTC have passed since 1970 that the number divides them: no clock change moves it.
        case every(minutes: Int)
        /// Minutes of the day, ascending, on these days.
        case at(minutes: [Int], Days, zone: ZoneRules)
    }

    package let rule: Rule

    package init(_ rule: Rule) { self.rule = rule }

    package var calendar: String? {
        if case .at(_, .business(let calendar, _, _), _) = rule { calendar } else { nil }
    }

    package var zone: ZoneRules? {
        if case .at(_, _, let zone) = rule { zone } else { nil }
    }

    /// The zone data that its times come from.
    package var zoneVersion: String { zone.map { "\($0.identifier) \($0.version)" } ?? "UTC" }

    /// The first time after an instant; nil when there is none within `ScheduleBounds.horizonDays`.
    package func next(after moment: Moment, isBusinessDay: (CivilDate) -> Bool) -> Moment? {
        var found: Moment?
        walk(after: moment, through: nil, isBusinessDay) {
            found = $0
            return false
        }
        return found
    }

    /// The first `count` times after an instant.
    package func times(after moment: Moment, count: Int, isBusinessDay: (CivilDate) -> Bool) -> [Moment] {
        var found: [Moment] = []
        while found.count < count, let next = next(after: found.last ?? moment, isBusinessDay: isBusinessDay) {
            found.append(next)
        }
        return found
    }

    /// The times in `(after, through]`: the last `keep` of them, how many there are, and the first.
    ///
    /// Those that lie more than `ScheduleBounds.lookBackDays` back are not counted.
    package func due(
        after: Moment, through: Moment, keep: Int, isBusinessDay: (CivilDate) -> Bool
    ) -> DueTimes {
        let earliest = max(after, through.adding(seconds: -ScheduleBounds.lookBackDays * 86_400))
        var due = DueTimes(count: 0, first: nil, last: [])
        guard earliest < through else { return due }
        walk(after: earliest, through: through, isBusinessDay) { time in
            due.first = due.first ?? time
            due.count += 1
            due.last.append(time)
            // Cut now and then, and not at every time.
            if due.last.count > 2 * keep + 64 { due.last.removeFirst(due.last.count - keep) }
            return true
        }
        due.last = Array(due.last.suffix(keep))
        return due
    }

    /// Gives the times after an instant in order until it is told to stop.
    private func walk(
        after: Moment, through: Moment?, _ isBusinessDay: (CivilDate) -> Bool, _ take: (Moment) -> Bool
    ) {
        switch rule {
        case .every(let minutes):
            let step = Int64(minutes) * 60
            var second = (after.seconds.floorDivided(by: step) + 1) * step
            while through.map({ Moment(seconds: second) <= $0 }) ?? true {
                guard take(Moment(seconds: second)) else { return }
                second += step
            }
        case .at(let minutes, let days, let zone):
            var month = MonthOfBusiness()
            let first = zone.localTime(at: after).date.adding(days: -ScheduleBounds.slackDays)
            let end = through.map { zone.localTime(at: $0).date.adding(days: ScheduleBounds.slackDays) }
            var last = after
            var date = first
            var left = end.map { $0.daysSince1970 - first.daysSince1970 + 1 } ?? ScheduleBounds.horizonDays
            while left > 0 {
                if days.contains(date, &month, isBusinessDay), Timetable.exists(date, in: zone) {
                    for minute in minutes {
                        let time = zone.instant(of: date, secondOfDay: minute * 60)
                        guard time > last else { continue }
                        if let through, time > through { return }
                        last = time
                        guard take(time) else { return }
                    }
                }
                date = date.adding(days: 1)
                left -= 1
            }
        }
    }

    /// A zone that changed the side of the date line has no clock that shows the date it left out.
    private static func exists(_ date: CivilDate, in zone: ZoneRules) -> Bool {
        zone.localTime(at: zone.instant(of: date, secondOfDay: 0)).date == date
    }
}

/// Times that have come since a schedule was looked at.
package struct DueTimes: Sendable, Equatable {
    package var count: Int
    package var first: Moment?
    /// The latest, ascending.
    package var last: [Moment]
}

/// The business days of one month, which are asked for once.
private struct MonthOfBusiness {
    private var year = 0
    private var month = 0
    private var days: [Int] = []

    mutating func days(of date: CivilDate, _ isBusinessDay: (CivilDate) -> Bool) -> [Int] {
        guard date.year != year || date.month != month else { return days }
        (year, month) = (date.year, date.month)
        let first = date.adding(days: 1 - date.day)
        days = (1...CivilDate.days(in: date.month, of: date.year)).filter { isBusinessDay(first.adding(days: $0 - 1)) }
        return days
    }
}

extension Timetable.Days {
    fileprivate func contains(
        _ date: CivilDate, _ month: inout MonthOfBusiness, _ isBusinessDay: (CivilDate) -> Bool
    ) -> Bool {
        switch self {
        case .week(let days): return days.contains(date.weekday)
        case .month(let days, let last):
            return days.contains(date.day) || last && date.day == CivilDate.days(in: date.month, of: date.year)
        case .business(_, let places, let last):
            guard !places.isEmpty || last else { return isBusinessDay(date) }
            let open = month.days(of: date, isBusinessDay)
            guard let place = open.firstIndex(of: date.day) else { return false }
            return places.contains(place + 1) || last && place == open.count - 1
        }
    }
}

/// What becomes of a time at which an earlier run of the schedule has not ended.
package enum Overlap: String, Sendable, CaseIterable {
    /// The time is left out.
    case skip
    /// It begins when the earlier ones have ended; so many wait at most.
    case queue
    /// The earlier run is ended, and the new one begins when it has; what it is writing is not cut off.
    case cancelRunning
    /// It begins beside them; so many are open at most.
    case allow
}

/// What becomes of times that passed while nothing here ran.
package enum CatchUp: String, Sendable, CaseIterable {
    case none
    case last
    /// In order; only the latest so many.
    case all
}

/// When runs of a workflow begin by themselves, and what becomes of times that cannot be kept.
package struct Schedule: Sendable {
    package let timetable: Timetable
    package let overlap: Overlap
    /// Runs side by side, or times that wait.
    package let overlapMax: Int
    package let catchUp: CatchUp
    package let catchUpMax: Int
    /// Makes the run's input from `schedule.nominal`, `schedule.number` and `schedule.date`; nil gives those.
    let input: Template?
    /// What it was read from, so that it can be kept and read again.
    package let json: JSONValue

    /// What a run is begun with: the time that it stands for, the number of that time, and the local date.
    package func input(nominal: Moment, number: Int64) throws(Refusal) -> JSONValue {
        let date = timetable.zone.map { $0.localTime(at: nominal).date } ?? CivilDate(utc: nominal)
        let facts: JSONValue = [
            "nominal": JSONValue(nominal), "number": JSONValue(number), "date": .string(date.description),
        ]
        guard let input else { return ["schedule": facts] }
        do {
            return try input.value(["schedule": CELValue(facts)])
        } catch {
            throw Refusal(
                .unprocessable, reason: "schedule.input", "The run's input could not be made: \(error)",
                facts: ["nominal": nominal.description])
        }
    }
}
