package import Kernel

extension ServiceCalendar {
    /// Whether service begins on that date: its own windows count, and not the hours after midnight of the evening before.
    ///
    /// A revision governs the dates that begin at or after its publication (R12).
    package func isBusinessDay(_ date: CivilDate) -> Bool {
        let start = zone.instant(of: date, secondOfDay: 0)
        let weekday = date.weekday
        // The latest word about the date itself goes before any word about its day of the week.
        for revision in revisions.reversed() where revision.publishedAt <= start {
            if let windows = revision.overrides[date] { return !windows.isEmpty }
        }
        if let windows = overrides[date] { return !windows.isEmpty }
        for revision in revisions.reversed() where revision.publishedAt <= start {
            if let week = revision.week { return week[weekday]?.isEmpty == false }
        }
        return week[weekday]?.isEmpty == false
    }
}
