import Kernel
import Testing

@testable import ServiceLevels

/// The rules again, as slowly and plainly as they can be written: one look at the local clock every minute.
///
/// Of each local date it remembers the latest time its clock has shown. A window is open from the first showing of `from` or
/// later to the first showing of `to` or later (R2), so it is open exactly while that latest time lies inside. Nothing here asks
/// the zone for the instant of a wall time, which is what the real code does.
struct MinuteOracle {
    let calendar: ServiceCalendar
    let first: Int64
    /// Whether each minute from `first` on is service time.
    let isOpen: [Bool]

    init(calendar: ServiceCalendar, from start: Int64, until end: Int64) {
        self.calendar = calendar
        first = start
        var open: [Bool] = []
        var latest: [CivilDate: Int] = [:]
        // Two days of warming up, so that the first date's clock has been watched from its beginning.
        var second = start - 2 * 86_400
        var today = calendar.zone.localTime(at: Moment(seconds: second)).date
        while second < end {
            let local = calendar.zone.localTime(at: Moment(seconds: second))
            // Where clocks go back over midnight, the new date has begun and stays.
            today = max(today, local.date)
            if local.date == today { latest[today] = max(latest[today] ?? 0, local.secondOfDay) }
            if second >= start { open.append(MinuteOracle.isOpen(calendar, today, latest[today] ?? 0, at: second)) }
            second += 60
        }
        isOpen = open
    }

    private static func isOpen(_ calendar: ServiceCalendar, _ date: CivilDate, _ time: Int, at second: Int64) -> Bool {
        var week = calendar.week
        var overrides = calendar.overrides
        for revision in calendar.revisions where revision.publishedAt.seconds <= second {
            week = revision.week ?? week
            for (date, windows) in revision.overrides { overrides[date] = windows }
        }
        func within(_ windows: [ServiceWindow], spilled: Bool) -> Bool {
            windows.contains { window in
                if window.to > window.from { return !spilled && window.from <= time && time < window.to }
                return spilled ? time < window.to : window.from <= time
            }
        }
        if let today = overrides[date] { return within(today, spilled: false) }
        let before = date.adding(days: -1)
        return within(week[date.weekday] ?? [], spilled: false) || within(week[before.weekday] ?? [], spilled: true)
            || within(overrides[before] ?? [], spilled: true)
    }

    func isOpen(at second: Int64) -> Bool { isOpen[Int((second - first) / 60)] }

    func seconds(from start: Int64, to end: Int64) -> Int64 {
        var total: Int64 = 0
        for second in stride(from: start, to: end, by: 60) where isOpen(at: second) { total += 60 }
        return total
    }
}

/// A clock that resumes, played minute by minute; events, maintenance, targets and the end all on whole minutes.
struct MinuteClock {
    var elapsed: Int64 = 0
    var breachedAt: Int64?
    var dueAt: Int64?
    var isRunning = false
    var isPaused = false
    var hasStopped = false

    init(
        _ oracle: MinuteOracle, terms: ClockTerms, maintenance: [MaintenanceWindow], events: [ClockEvent], until end: Int64
    ) {
        let order = ["start", "reopen", "retarget", "resume", "pause", "respond", "stop", "cancel"]
        var reasons: Set<String> = []
        var target = terms.targetSeconds
        var reaches: [(elapsed: Int64, at: Int64)] = []
        let first = events.map(\.at.seconds).min() ?? end
        for second in stride(from: first, through: end, by: 60) {
            let now = events.filter { $0.at.seconds == second }
            for word in order {
                for event in now where event.type == word {
                    switch event.kind {
                    case .start: if !hasStopped { isRunning = true }
                    case .reopen:
                        if hasStopped { isRunning = true }
                        hasStopped = false
                    case .retarget(let seconds):
                        target = seconds
                        if elapsed > target && breachedAt == nil { breachedAt = second }
                    case .resume(let reason): reasons.remove(reason)
                    case .pause(let reason): reasons.insert(reason)
                    case .respond: break
                    case .stop:
                        if isRunning { hasStopped = true }
                        isRunning = false
                    case .cancel: break
                    }
                }
            }
            isPaused = reasons.contains { terms.pauseReasons?.contains($0) ?? true }
            let isExcluded = maintenance.contains { window in
                terms.maintenanceNoticeSeconds.map { window.isAnnounced(noticeSeconds: $0) } == true
                    && window.start.seconds <= second
                    && second < window.end.seconds
            }
            guard second < end, isRunning, !isPaused, !isExcluded, oracle.isOpen(at: second) else { continue }
            // The last instant that was not over the target, which may lie inside this minute.
            if breachedAt == nil && elapsed + 60 > target { breachedAt = second + target - elapsed }
            reaches.append((elapsed, second))
            elapsed += 60
        }
        if let reach = reaches.first(where: { $0.elapsed + 60 >= target }) { dueAt = reach.at + target - reach.elapsed }
    }
}
