/// The yearly rule of a TZif footer: a POSIX `TZ` string with the extended hours of RFC 9636 (-167 to 167).
struct PosixZoneRule: Sendable {
    struct Change {
        let at: Int64
        let offset: Int
        let abbreviation: String
    }

    private enum Day: Sendable {
        /// 1 to 365, 29 February never counted.
        case julian(Int)
        /// 0 to 365, 29 February counted.
        case ordinal(Int)
        /// Month, week 1 to 5 (5 is the last), weekday with Sunday 0.
        case weekday(month: Int, week: Int, day: Int)
    }

    private struct Daylight: Sendable {
        let name: String
        let offset: Int
        let start, end: Day
        let startSecond, endSecond: Int
    }

    private let standardName: String
    private let standardOffset: Int
    private let daylight: Daylight?

    var hasDaylight: Bool { daylight != nil }

    /// Nil for what is no such string. Daylight time without dates is refused: the default dates differ between systems.
    init?(_ text: String) {
        var scanner = RuleScanner(text)
        guard let name = scanner.name(), let west = scanner.clock(hoursMax: 24) else { return nil }
        standardName = name
        standardOffset = -west
        guard !scanner.isAtEnd else {
            daylight = nil
            return
        }
        guard let daylightName = scanner.name() else { return nil }
        var offset = standardOffset + 3600
        if !scanner.isNext(",") {
            guard let west = scanner.clock(hoursMax: 24) else { return nil }
            offset = -west
        }
        guard scanner.take(","), let start = PosixZoneRule.day(&scanner), let startSecond = PosixZoneRule.second(&scanner),
            scanner.take(","), let end = PosixZoneRule.day(&scanner), let endSecond = PosixZoneRule.second(&scanner),
            scanner.isAtEnd
        else { return nil }
        daylight = Daylight(
            name: daylightName, offset: offset, start: start, end: end, startSecond: startSecond, endSecond: endSecond)
    }

    /// Both changes of a year in order. Where an end meets the next start (daylight all year) the start comes last and wins.
    func changes(in year: Int) -> [Change] {
        guard let daylight else { return [] }
        let startDay = PosixZoneRule.dayNumber(daylight.start, in: year) * 86_400
        let endDay = PosixZoneRule.dayNumber(daylight.end, in: year) * 86_400
        let start = startDay + Int64(daylight.startSecond) - Int64(standardOffset)
        let end = endDay + Int64(daylight.endSecond) - Int64(daylight.offset)
        let on = Change(at: start, offset: daylight.offset, abbreviation: daylight.name)
        let off = Change(at: end, offset: standardOffset, abbreviation: standardName)
        return start < end ? [on, off] : [off, on]
    }

    func span(at second: Int64) -> ZoneSpan {
        guard daylight != nil else { return ZoneSpan(offset: standardOffset, abbreviation: standardName, end: nil) }
        let local = second + Int64(standardOffset)
        let year = CivilDate(daysSince1970: Int(local.floorDivided(by: 86_400))).year
        // Extended hours can push a change into the neighbouring year, hence three years of changes around the instant.
        let around = (year - 1...year + 1).flatMap(changes(in:)).enumerated()
            .sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
        guard let index = around.lastIndex(where: { $0.at <= second }) else {
            return ZoneSpan(offset: standardOffset, abbreviation: standardName, end: around.first?.at)
        }
        let current = around[index]
        let next = around[(index + 1)...].first { $0.at > second }
        return ZoneSpan(offset: current.offset, abbreviation: current.abbreviation, end: next?.at)
    }

    private static func dayNumber(_ day: Day, in year: Int) -> Int64 {
        let newYear = dayNumber(year: year, month: 1, day: 1)
        let isLeap = CivilDate.days(in: 2, of: year) == 29
        switch day {
        case .julian(let number): return newYear + Int64(number - 1) + (isLeap && number >= 60 ? 1 : 0)
        case .ordinal(let number): return newYear + Int64(number)
        case .weekday(let month, let week, let weekday):
            let first = dayNumber(year: year, month: month, day: 1)
            // 1970-01-01 was a Thursday, weekday 4.
            let firstWeekday = Int((first + 4) - (first + 4).floorDivided(by: 7) * 7)
            var day = 1 + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
            if day > CivilDate.days(in: month, of: year) { day -= 7 }
            return first + Int64(day - 1)
        }
    }

    /// Days since 1970 of any year, also those that `CivilDate` does not print.
    private static func dayNumber(year: Int, month: Int, day: Int) -> Int64 {
        let cycles = Int64(year - 2000).floorDivided(by: 400)
        let inCycle = year - Int(cycles) * 400
        guard let date = CivilDate(year: inCycle, month: month, day: day) else { return 0 }
        return Int64(date.daysSince1970) + cycles * 146_097
    }

    private static func day(_ scanner: inout RuleScanner) -> Day? {
        if scanner.take("M") {
            guard let month = scanner.number(1...12), scanner.take("."), let week = scanner.number(1...5), scanner.take("."),
                let day = scanner.number(0...6)
            else { return nil }
            return .weekday(month: month, week: week, day: day)
        }
        if scanner.take("J") { return scanner.number(1...365).map(Day.julian) }
        return scanner.number(0...365).map(Day.ordinal)
    }

    /// The local second of the change, 02:00 when not given.
    private static func second(_ scanner: inout RuleScanner) -> Int? {
        scanner.take("/") ? scanner.clock(hoursMax: 167) : 7200
    }
}

private struct RuleScanner {
    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    var isAtEnd: Bool { at == bytes.count }

    func isNext(_ character: Unicode.Scalar) -> Bool { at < bytes.count && UInt32(bytes[at]) == character.value }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard isNext(character) else { return false }
        at += 1
        return true
    }

    /// Three letters or more, or anything of letters, digits and signs between angle brackets.
    mutating func name() -> String? {
        let isQuoted = take("<")
        let start = at
        while at < bytes.count, isNameByte(bytes[at], isQuoted: isQuoted) { at += 1 }
        let name = String(decoding: bytes[start..<at], as: UTF8.self)
        guard name.utf8.count >= 3, !isQuoted || take(">") else { return nil }
        return name
    }

    private func isNameByte(_ byte: UInt8, isQuoted: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"): isQuoted
        default: false
        }
    }

    mutating func number(_ range: ClosedRange<Int>) -> Int? {
        var value = 0
        let start = at
        while at < bytes.count, at - start < 3, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") {
            value = value * 10 + Int(bytes[at] - UInt8(ascii: "0"))
            at += 1
        }
        return at > start && range.contains(value) ? value : nil
    }

    /// `[+-]hh[:mm[:ss]]` in seconds.
    mutating func clock(hoursMax: Int) -> Int? {
        let isNegative = take("-")
        if !isNegative { _ = take("+") }
        guard let hours = number(0...hoursMax) else { return nil }
        var seconds = hours * 3600
        if take(":") {
            guard let minutes = number(0...59) else { return nil }
            seconds += minutes * 60
            if take(":") {
                guard let rest = number(0...59) else { return nil }
                seconds += rest
            }
        }
        return isNegative ? -seconds : seconds
    }
}
