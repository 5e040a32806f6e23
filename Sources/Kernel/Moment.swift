/// An instant in microseconds since 1970-01-01T00:00:00Z, leap seconds ignored; PostgreSQL's `timestamptz` resolution.
package struct Moment: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let microseconds: Int64

    package init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    package init(seconds: Int64) {
        microseconds = seconds * 1_000_000
    }

    /// Whole seconds, rounded towards the past.
    package var seconds: Int64 { microseconds.floorDivided(by: 1_000_000) }

    package static func < (lhs: Moment, rhs: Moment) -> Bool { lhs.microseconds < rhs.microseconds }

    package func adding(seconds: Int64) -> Moment { Moment(microseconds: microseconds + seconds * 1_000_000) }
    package func adding(milliseconds: Int64) -> Moment { Moment(microseconds: microseconds + milliseconds * 1000) }

    /// Seconds from `earlier` to here, rounded towards zero; negative when `earlier` is later.
    package func seconds(since earlier: Moment) -> Int64 { (microseconds - earlier.microseconds) / 1_000_000 }
    package func milliseconds(since earlier: Moment) -> Int64 { (microseconds - earlier.microseconds) / 1000 }

    /// RFC 3339 in UTC with milliseconds, or whole seconds when there are none: `2026-07-14T08:30:00Z`.
    package var description: String { text(fraction: microseconds % 1_000_000 == 0 ? 0 : 3) }

    /// RFC 3339 in UTC with `fraction` digits (0, 3 or 6), cut and not rounded.
    package func text(fraction: Int) -> String {
        let second = seconds
        let day = second.floorDivided(by: 86_400)
        let inDay = second - day * 86_400
        var out = CivilDate(daysSince1970: Int(day)).description
        out += "T" + twoDigits(inDay / 3600) + ":" + twoDigits(inDay / 60 % 60) + ":" + twoDigits(inDay % 60)
        let micros = microseconds - second * 1_000_000
        if fraction == 3 { out += "." + padded(micros / 1000, 3) }
        if fraction == 6 { out += "." + padded(micros, 6) }
        return out + "Z"
    }

    /// Reads RFC 3339 with any offset and up to nine fraction digits (digits past the sixth are cut).
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40, let date = CivilDate(String(decoding: bytes[0..<10], as: UTF8.self)) else {
            return nil
        }
        guard bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]), let second = number(bytes[17..<19]),
            hour < 24, minute < 60, second < 60
        else { return nil }
        var at = 19
        var micros: Int64 = 0
        if bytes[at] == UInt8(ascii: ".") {
            at += 1
            var scale: Int64 = 100_000
            let start = at
            while at < bytes.count, let digit = number(bytes[at..<at + 1]) {
                micros += digit * scale
                scale /= 10
                at += 1
            }
            guard at > start, at - start <= 9 else { return nil }
        }
        guard at < bytes.count else { return nil }
        var offset: Int64 = 0
        switch bytes[at] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            guard at + 1 == bytes.count else { return nil }
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            guard at + 6 == bytes.count, bytes[at + 3] == UInt8(ascii: ":"), let hours = number(bytes[at + 1..<at + 3]),
                let minutes = number(bytes[at + 4..<at + 6]), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * 60
            if bytes[at] == UInt8(ascii: "-") { offset = -offset }
        default: return nil
        }
        let day = Int64(date.daysSince1970) * 86_400
        let seconds = day + hour * 3600 + minute * 60 + second - offset
        // An offset can carry a date of the first or last year out of the years that we print.
        guard seconds >= -62_135_596_800, seconds < 253_402_300_800 else { return nil }
        microseconds = seconds * 1_000_000 + micros
    }
}

/// A civil date of the proleptic Gregorian calendar, without zone; years 0001 to 9999.
package struct CivilDate: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let year: Int
    package let month: Int
    package let day: Int

    /// Nil when the date does not exist, such as 30 February.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= CivilDate.days(in: month, of: year) else {
            return nil
        }
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day of an instant by the clock of Greenwich.
    package init(utc moment: Moment) { self.init(daysSince1970: Int(moment.seconds.floorDivided(by: 86_400))) }

    /// Reads `YYYY-MM-DD` and nothing else.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), let year = number(bytes[0..<4]),
            let month = number(bytes[5..<7]), let day = number(bytes[8..<10])
        else { return nil }
        self.init(year: Int(year), month: Int(month), day: Int(day))
    }

    /// Howard Hinnant's `civil_from_days`.
    package init(daysSince1970 days: Int) {
        let shifted = Int64(days) + 719_468
        let era = shifted.floorDivided(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * monthIndex + 2) / 5 + 1)
        month = Int(monthIndex < 10 ? monthIndex + 3 : monthIndex - 9)
        year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    }

    package var daysSince1970: Int {
        let shiftedYear = Int64(month <= 2 ? year - 1 : year)
        let era = shiftedYear.floorDivided(by: 400)
        let yearOfEra = shiftedYear - era * 400
        let monthIndex = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * monthIndex + 2) / 5 + Int64(day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return Int(era * 146_097 + dayOfEra - 719_468)
    }

    /// ISO 8601: Monday is 1 and Sunday is 7.
    package var weekday: Int { Int((Int64(daysSince1970) + 3) - (Int64(daysSince1970) + 3).floorDivided(by: 7) * 7) + 1 }

    package func adding(days: Int) -> CivilDate { CivilDate(daysSince1970: daysSince1970 + days) }

    package var description: String { padded(Int64(year), 4) + "-" + twoDigits(Int64(month)) + "-" + twoDigits(Int64(day)) }

    package static func < (lhs: CivilDate, rhs: CivilDate) -> Bool {
        (lhs.year, lhs.month, lhs.day) < (rhs.year, rhs.month, rhs.day)
    }

    package static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}

extension Int64 {
    /// Division rounded towards negative infinity.
    package func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor != 0 && (self < 0) != (divisor < 0) ? quotient - 1 : quotient
    }
}

private func number(_ digits: ArraySlice<UInt8>) -> Int64? {
    var value: Int64 = 0
    for byte in digits {
        guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
        value = value * 10 + Int64(byte - UInt8(ascii: "0"))
    }
    return value
}

private func twoDigits(_ value: Int64) -> String { padded(value, 2) }

private func padded(_ value: Int64, _ width: Int) -> String {
    let text = String(value)
    return text.utf8.count >= width ? text : String(repeating: "0", count: width - text.utf8.count) + text
}
