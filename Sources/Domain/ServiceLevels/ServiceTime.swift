import Kernel

/// One state of a calendar, prepared for asking what a civil date offers, in seconds of its day.
///
/// A date's service time is its weekly windows and what spills in from the evening before (R4). An override replaces all of it
/// (R5); the spill of an overridden date into the next one stays, whether it comes from the week or from the override itself.
struct ServicePattern: Sendable {
    /// By ISO weekday minus one, the spill of the day before included.
    private let weekly: [[Range<Int>]]
    /// By days since 1970.
    private let overridden: [Int: [Range<Int>]]
    private let overrideSpill: [Int: [Range<Int>]]

    init(week: [Int: [ServiceWindow]], overrides: [CivilDate: [ServiceWindow]]) {
        weekly = (1...7).map { day in
            let evening = week[day == 1 ? 7 : day - 1] ?? []
            return ServicePattern.merged((week[day] ?? []).map(\.own) + evening.map(\.spill))
        }
        var own: [Int: [Range<Int>]] = [:]
        var spill: [Int: [Range<Int>]] = [:]
        for (date, windows) in overrides {
            let day = date.daysSince1970
            own[day] = ServicePattern.merged(windows.map(\.own))
            let over = ServicePattern.merged(windows.map(\.spill))
            if !over.isEmpty { spill[day] = over }
        }
        overridden = own
        overrideSpill = spill
    }

    /// Ascending, disjoint parts of `[0, 86 400)`.
    func parts(ofDay day: Int) -> [Range<Int>] {
        if let parts = overridden[day] { return parts }
        // Day 0 was a Thursday, the fourth of the week.
        let weekday = ((day + 3) % 7 + 7) % 7
        guard let spill = overrideSpill[day - 1] else { return weekly[weekday] }
        return ServicePattern.merged(weekly[weekday] + spill)
    }

    private static func merged(_ parts: [Range<Int>]) -> [Range<Int>] {
        var out: [Range<Int>] = []
        for part in parts.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = out.last, part.lowerBound <= last.upperBound {
                out[out.count - 1] = last.lowerBound..<max(last.upperBound, part.upperBound)
            } else {
                out.append(part)
            }
        }
        return out
    }
}

/// The service time of a calendar in `[from, until)`, day by day: ascending, disjoint spans, made only when asked for.
///
/// Neighbouring spans may touch (a calendar that never closes gives one a day), so that nothing is scanned ahead of need.
struct ServiceIntervals: Sequence, IteratorProtocol {
    private let calendar: ServiceCalendar
    private let from: Int64
    private let until: Int64
    private var day: Int
    private var ready: [Span] = []
    private var readyIndex = 0
    /// No zone is further from UTC than RFC 9636 permits, 26 hours; a day of slack more costs one empty turn.
    private static let slackSeconds: Int64 = 50 * 3600

    init(calendar: ServiceCalendar, from: Int64, until: Int64) {
        self.calendar = calendar
        self.from = from
        self.until = until
        // The date before the local one: where clocks go back over midnight, it may still be running.
        day = calendar.zone.localTime(at: Moment(seconds: from)).date.daysSince1970 - 1
    }

    mutating func next() -> Span? {
        while readyIndex == ready.count {
            guard Int64(day) * 86_400 - ServiceIntervals.slackSeconds < until else { return nil }
            ready.removeAll(keepingCapacity: true)
            readyIndex = 0
            fill()
            day += 1
        }
        defer { readyIndex += 1 }
        return ready[readyIndex]
    }

    /// The spans of one civil date, each calendar state giving its own share of it (R12).
    private mutating func fill() {
        let earliest = Int64(day) * 86_400 - ServiceIntervals.slackSeconds
        let latest = Int64(day + 1) * 86_400 + ServiceIntervals.slackSeconds
        let patterns = calendar.patterns
        var index = firstPattern(at: earliest)
        while index < patterns.count && patterns[index].from < latest {
            let governsUntil = index + 1 < patterns.count ? patterns[index + 1].from : Int64.max
            let low = Swift.max(from, patterns[index].from)
            let high = Swift.min(until, governsUntil)
            for part in patterns[index].pattern.parts(ofDay: day) where low < high {
                let date = CivilDate(daysSince1970: day)
                let start = Swift.max(low, calendar.zone.instant(of: date, secondOfDay: part.lowerBound).seconds)
                let end = Swift.min(high, calendar.zone.instant(of: date, secondOfDay: part.upperBound).seconds)
                if start < end { ready.append(Span(start: start, end: end)) }
            }
            index += 1
        }
    }

    /// The last state that begins at or before `second`.
    private func firstPattern(at second: Int64) -> Int {
        var (low, high) = (0, calendar.patterns.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if calendar.patterns[middle].from <= second { low = middle } else { high = middle }
        }
        return low
    }
}

/// A walk along the time line that says of every stretch whether it is open, closed or under excluded maintenance.
struct ServiceWalk {
    enum Kind: Hashable, Sendable { case open, closed, maintenance }

    private(set) var position: Int64
    private var intervals: ServiceIntervals
    private var current: Span?
    private let maintenance: [Span]
    private var maintenanceIndex = 0

    /// `maintenance` ascending and disjoint.
    init(calendar: ServiceCalendar, maintenance: [Span], from: Int64, until: Int64) {
        position = from
        intervals = ServiceIntervals(calendar: calendar, from: from, until: until)
        self.maintenance = maintenance
    }

    /// The next stretch of one kind that ends at `limit` at the latest; nil at the limit.
    mutating func step(to limit: Int64) -> (span: Span, kind: Kind)? {
        guard position < limit else { return nil }
        while current.map({ $0.end <= position }) ?? true {
            guard let next = intervals.next() else {
                current = nil
                break
            }
            current = next
        }
        let start = position
        guard let open = current, open.start < limit else {
            position = limit
            return (Span(start: start, end: limit), .closed)
        }
        guard open.start <= start else {
            position = open.start
            return (Span(start: start, end: position), .closed)
        }
        while maintenanceIndex < maintenance.count && maintenance[maintenanceIndex].end <= start { maintenanceIndex += 1 }
        var end = min(open.end, limit)
        var kind = Kind.open
        if maintenanceIndex < maintenance.count {
            let window = maintenance[maintenanceIndex]
            if window.start <= start {
                kind = .maintenance
                end = min(end, window.end)
            } else {
                end = min(end, window.start)
            }
        }
        position = end
        return (Span(start: start, end: end), kind)
    }
}
