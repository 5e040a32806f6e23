package import Kernel

/// Finds zone rules by their IANA name; given by the caller, since this room reads no files.
package typealias ZoneSource = @Sendable (_ identifier: String) throws(Refusal) -> ZoneRules

extension CELTimestamp {
    var totalNanos: Int128 {
        let whole: Int128 = Int128(seconds) * 1_000_000_000
        return whole + Int128(nanos)
    }

    func adding(_ span: Int128) throws(NoValue) -> CELTimestamp {
        let total: Int128 = totalNanos + span
        var (whole, rest) = total.quotientAndRemainder(dividingBy: 1_000_000_000)
        if rest < 0 {
            whole -= 1
            rest += 1_000_000_000
        }
        guard let seconds = Int64(exactly: whole), let sum = CELTimestamp(seconds: seconds, nanos: Int64(rest)) else {
            throw NoValue("timestamp out of range")
        }
        return sum
    }

    /// Reads RFC 3339 with any offset and up to nine fraction digits.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 40 else { return nil }
        // The fraction is cut out, since `Moment` keeps microseconds only.
        var plain = bytes
        var nanos: Int64 = 0
        if bytes[19] == UInt8(ascii: ".") {
            var end = 20
            var scale: Int64 = 100_000_000
            while end < bytes.count, isDigit(bytes[end]) {
                guard end < 29 else { return nil }
                nanos += Int64(bytes[end] - UInt8(ascii: "0")) * scale
                scale /= 10
                end += 1
            }
            guard end > 20 else { return nil }
            plain.removeSubrange(19..<end)
        }
        guard let moment = Moment(String(decoding: plain, as: UTF8.self)) else { return nil }
        self.init(seconds: moment.seconds, nanos: nanos)
    }

    /// RFC 3339 in UTC with as many fraction digits as needed, in threes.
    package var text: String {
        let base = Moment(seconds: seconds).text(fraction: 0)
        guard nanos > 0 else { return base }
        var digits = String(nanos)
        digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return base.dropLast() + "." + digits + "Z"
    }

    /// One part of the civil date and time in a zone: a fixed offset such as `+02:00`, `UTC`, or an IANA name.
    func part(_ part: TimePart, zone: String?, _ zones: ZoneSource?) throws(NoValue) -> Int64 {
        if part == .milliseconds { return nanos / 1_000_000 }
        let local = seconds + Int64(try offsetSeconds(zone, zones))
        let day = local.floorDivided(by: 86_400)
        let second = local - day * 86_400
        let date = CivilDate(daysSince1970: Int(day))
        switch part {
        case .fullYear: return Int64(date.year)
        case .month: return Int64(date.month - 1)
        case .dayOfYear:
            guard let first = CivilDate(year: date.year, month: 1, day: 1) else { throw NoValue("timestamp out of range") }
            return Int64(Int(day) - first.daysSince1970)
        case .dayOfMonth: return Int64(date.day - 1)
        case .date: return Int64(date.day)
        case .dayOfWeek: return Int64(date.weekday % 7)
        case .hours: return second / 3600
        case .minutes: return second / 60 % 60
        case .seconds: return second % 60
        case .milliseconds: return nanos / 1_000_000
        }
    }

    private func offsetSeconds(_ zone: String?, _ zones: ZoneSource?) throws(NoValue) -> Int {
        guard let zone, zone != "UTC", zone != "" else { return 0 }
        if let fixed = CELTimestamp.fixedOffset(zone) { return fixed }
        guard let zones else { throw NoValue("named time zones are not available here") }
        let rules = try Operators.exact { () throws(Refusal) in try zones(zone) }
        return rules.offsetSeconds(at: Moment(seconds: seconds))
    }

    /// `[+-]hh:mm`.
    private static func fixedOffset(_ text: String) -> Int? {
        var bytes = Array(text.utf8)
        var sign = 1
        if let first = bytes.first, first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
            sign = first == UInt8(ascii: "-") ? -1 : 1
            bytes.removeFirst()
        }
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":"), let hours = Int(String(decoding: bytes[0..<2], as: UTF8.self)),
            let minutes = Int(String(decoding: bytes[3..<5], as: UTF8.self)), hours < 24, minutes < 60, hours >= 0, minutes >= 0
        else { return nil }
        return sign * (hours * 60 + minutes) * 60
    }
}

enum TimePart: String, Sendable, CaseIterable {
    case fullYear = "getFullYear"
    case month = "getMonth"
    case dayOfYear = "getDayOfYear"
    case dayOfMonth = "getDayOfMonth"
    case date = "getDate"
    case dayOfWeek = "getDayOfWeek"
    case hours = "getHours"
    case minutes = "getMinutes"
    case seconds = "getSeconds"
    case milliseconds = "getMilliseconds"
}

extension CELDuration {
    /// Reads `1h30m`, `1.5s`, `-3ms`, `10us`, `7ns`: one sign, then numbers with units.
    init?(_ text: String) {
        var bytes = Array(text.utf8)[...]
        var isNegative = false
        if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            isNegative = first == UInt8(ascii: "-")
            bytes.removeFirst()
        }
        guard !bytes.isEmpty, bytes.count <= 64 else { return nil }
        if bytes.elementsEqual([UInt8(ascii: "0")]) {
            self.init(nanos: 0)
            return
        }
        var total: Int128 = 0
        while !bytes.isEmpty {
            let number = bytes.prefix { isDigit($0) || $0 == UInt8(ascii: ".") }
            bytes = bytes.dropFirst(number.count)
            let unit = bytes.prefix { !isDigit($0) && $0 != UInt8(ascii: ".") }
            bytes = bytes.dropFirst(unit.count)
            guard let scale = CELDuration.unit(String(decoding: unit, as: UTF8.self)),
                let nanos = CELDuration.nanos(number, scale: scale)
            else { return nil }
            total += nanos
        }
        self.init(totalNanos: isNegative ? -total : total)
    }

    private static func unit(_ name: String) -> Int128? {
        switch name {
        case "h": 3_600_000_000_000
        case "m": 60_000_000_000
        case "s": 1_000_000_000
        case "ms": 1_000_000
        case "us", "\u{B5}s", "\u{3BC}s": 1000
        case "ns": 1
        default: nil
        }
    }

    /// `12.5` units of `scale` nanoseconds; digits below a nanosecond are cut.
    private static func nanos(_ digits: ArraySlice<UInt8>, scale: Int128) -> Int128? {
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.contains(where: { !$0.isEmpty }) else { return nil }
        var total: Int128 = 0
        if !parts[0].isEmpty {
            guard let whole = Int64(String(decoding: parts[0], as: UTF8.self)) else { return nil }
            total = Int128(whole) * scale
        }
        if parts.count == 2 {
            var rest: Int128 = scale
            for digit in parts[1].prefix(18) {
                rest /= 10
                total += Int128(digit - UInt8(ascii: "0")) * rest
            }
        }
        return total
    }

    /// Seconds with as many fraction digits as needed: `90s`, `1.5s`.
    package var text: String {
        let magnitude = nanos.magnitude
        let whole = String(magnitude / 1_000_000_000)
        var digits = String(magnitude % 1_000_000_000)
        digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return (nanos < 0 ? "-" : "") + whole + (digits.isEmpty ? "" : "." + digits) + "s"
    }

    func part(_ part: TimePart) throws(NoValue) -> Int64 {
        switch part {
        case .hours: return nanos / 3_600_000_000_000
        case .minutes: return nanos / 60_000_000_000
        case .seconds: return nanos / 1_000_000_000
        case .milliseconds: return nanos / 1_000_000 % 1000
        case .fullYear, .month, .dayOfYear, .dayOfMonth, .date, .dayOfWeek: throw NoValue("a duration has no \(part.rawValue)")
        }
    }
}
