package import Kernel

/// An instant as a page shows it: words for people, the exact instant for machines.
package struct Stamp: Hashable, Sendable {
    /// RFC 3339 in UTC, for `datetime` and for the switch of zones.
    package let iso: String
    package let text: String

    package init(iso: String, text: String) {
        self.iso = iso
        self.text = text
    }
}

/// Writes instants in one zone, relative to one `now`, so that a page is a pure function of its model.
package struct TimeText: Sendable {
    package let zone: ZoneRules
    package let now: Moment

    package init(zone: ZoneRules, now: Moment) {
        self.zone = zone
        self.now = now
    }

    /// The zone's abbreviation now, for a column head: `CET`.
    package var zoneName: String { zone.abbreviation(at: now) }

    /// The day it is in the zone.
    package var today: CivilDate { zone.localTime(at: now).date }

    /// Today as `14:52`, another day as `17 Nov 10:42`, another year as `17 Nov 2025 10:42`.
    package func stamp(_ moment: Moment, seconds: Bool = false) -> Stamp {
        let local = zone.localTime(at: moment)
        let clock = TimeText.clock(local.secondOfDay, seconds: seconds)
        let text = local.date == today ? clock : "\(day(local.date)) \(clock)"
        return Stamp(iso: moment.text(fraction: 0), text: text)
    }

    /// Always with the day: `17 Nov 08:12`, for columns in which rows must line up.
    package func dayAndTime(_ moment: Moment) -> Stamp {
        let local = zone.localTime(at: moment)
        return Stamp(
            iso: moment.text(fraction: 0), text: "\(day(local.date)) \(TimeText.clock(local.secondOfDay, seconds: false))")
    }

    /// `14:52:10`.
    package func clock(_ moment: Moment, seconds: Bool = true) -> String {
        TimeText.clock(zone.localTime(at: moment).secondOfDay, seconds: seconds)
    }

    /// `Tuesday 17 November 2026, 14:48 CET`.
    package func full(_ moment: Moment) -> String {
        let local = zone.localTime(at: moment)
        let weekday = TimeText.weekdays[local.date.weekday - 1]
        let month = TimeText.months[local.date.month - 1]
        let clock = TimeText.clock(local.secondOfDay, seconds: false)
        return "\(weekday) \(local.date.day) \(month) \(local.date.year), \(clock) \(zone.abbreviation(at: moment))"
    }

    /// `17 Nov`, with the year when it is not this one.
    package func day(_ date: CivilDate) -> String {
        let year = zone.localTime(at: now).date.year
        let short = "\(date.day) \(TimeText.months[date.month - 1].prefix(3))"
        return date.year == year ? short : "\(short) \(date.year)"
    }

    private static func clock(_ second: Int, seconds: Bool) -> String {
        let text = two(second / 3600) + ":" + two(second / 60 % 60)
        return seconds ? text + ":" + two(second % 60) : text
    }

    private static func two(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December",
    ]
    private static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
}
