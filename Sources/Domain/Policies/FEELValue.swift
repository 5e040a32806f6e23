import Kernel

/// A value of FEEL. What cannot be computed is null: FEEL knows no exceptions.
indirect enum FEELValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    case number(FEELNumber)
    case string(String)
    case date(CivilDate)
    /// Seconds of the day, to the microsecond, and the offset from UTC in seconds when one is written.
    case time(microseconds: Int64, offsetSeconds: Int64?)
    /// Local microseconds since 1970, and the offset.
    case dateTime(microseconds: Int64, offsetSeconds: Int64?)
    case months(Int64)
    case microseconds(Int64)
    case list([FEELValue])
    case context(FEELContext)
    case range(FEELRange)

    static let itemsMax = 10_000
    static let textBytesMax = 100_000

    static func == (lhs: FEELValue, rhs: FEELValue) -> Bool { FEELValue.equality(lhs, rhs) == true }

    /// Three-valued: nil for values of different kinds, unless one of them is null.
    static func equality(_ left: FEELValue, _ right: FEELValue) -> Bool? {
        switch (left, right) {
        case (.null, .null): return true
        case (.null, _), (_, .null): return false
        case (.boolean(let first), .boolean(let second)): return first == second
        case (.string(let first), .string(let second)): return sameBytes(first, second)
        case (.list(let first), .list(let second)):
            guard first.count == second.count else { return false }
            return zip(first, second).allSatisfy { equality($0, $1) == true }
        case (.context(let first), .context(let second)):
            guard first.entries.count == second.entries.count else { return false }
            return first.entries.allSatisfy { entry in
                second[entry.name].map { equality(entry.value, $0) == true } ?? false
            }
        case (.range(let first), .range(let second)):
            return first.low == second.low && first.high == second.high && first.isLowClosed == second.isLowClosed
                && first.isHighClosed == second.isHighClosed
        default: return order(left, right).map { $0 == 0 }
        }
    }

    /// -1, 0 or 1; nil for what has no order, such as a number and a text.
    static func order(_ left: FEELValue, _ right: FEELValue) -> Int? {
        func sign<Value: Comparable>(_ first: Value, _ second: Value) -> Int { first == second ? 0 : (first < second ? -1 : 1) }
        switch (left, right) {
        case (.number(let first), .number(let second)): return sign(first, second)
        case (.string(let first), .string(let second)):
            if sameBytes(first, second) { return 0 }
            return first.unicodeScalars.lexicographicallyPrecedes(second.unicodeScalars) ? -1 : 1
        case (.date(let first), .date(let second)): return sign(first, second)
        case (.months(let first), .months(let second)): return sign(first, second)
        case (.microseconds(let first), .microseconds(let second)): return sign(first, second)
        case (.time(let first, let firstOffset), .time(let second, let secondOffset)),
            (.dateTime(let first, let firstOffset), .dateTime(let second, let secondOffset)):
            guard (firstOffset == nil) == (secondOffset == nil) else { return nil }
            return sign(first - (firstOffset ?? 0) * 1_000_000, second - (secondOffset ?? 0) * 1_000_000)
        default: return nil
        }
    }

    /// As JSON: numbers as exact decimal text, as everywhere in policies; dates and durations in ISO 8601.
    var json: JSONValue {
        switch self {
        case .null, .range: .null
        case .boolean(let flag): .bool(flag)
        case .list(let items): .array(items.map(\.json))
        case .context(let context): .object(JSONObject(context.entries.map { (key: $0.name, value: $0.value.json) }))
        case .number, .string, .date, .time, .dateTime, .months, .microseconds: .string(text)
        }
    }

    /// As `string()` writes it.
    var text: String {
        switch self {
        case .null: "null"
        case .boolean(let flag): flag ? "true" : "false"
        case .number(let number): number.description
        case .string(let text): text
        case .date(let date): date.description
        case .time(let microseconds, let offset): FEELClock.time(microseconds) + FEELClock.zone(offset)
        case .dateTime(let microseconds, let offset): FEELClock.dateTime(microseconds) + FEELClock.zone(offset)
        case .months(let months): FEELClock.months(months)
        case .microseconds(let microseconds): FEELClock.duration(microseconds)
        case .list(let items): "[" + items.map(\.quoted).joined(separator: ", ") + "]"
        case .context(let context):
            "{" + context.entries.map { "\($0.name): \($0.value.quoted)" }.joined(separator: ", ") + "}"
        case .range(let range):
            (range.isLowClosed ? "[" : "(") + range.low.quoted + ".." + range.high.quoted + (range.isHighClosed ? "]" : ")")
        }
    }

    private var quoted: String { if case .string(let text) = self { "\"\(text)\"" } else { text } }

    /// What a JSON value of a policy's input is in FEEL: numbers and decimal texts keep their kind as written.
    init(_ json: JSONValue) {
        switch json {
        case .null: self = .null
        case .bool(let flag): self = .boolean(flag)
        case .number(let number): self = FEELNumber(number.text).map(FEELValue.number) ?? .null
        case .string(let text): self = .string(text)
        case .array(let items): self = .list(items.map { FEELValue($0) })
        case .object(let object):
            self = .context(FEELContext(object.map { (name: $0.key, value: FEELValue($0.value)) }))
        }
    }
}

/// Named values in order. A name occurs once.
struct FEELContext: Sendable {
    private(set) var entries: [(name: String, value: FEELValue)]

    init(_ entries: [(name: String, value: FEELValue)] = []) { self.entries = entries }

    subscript(name: String) -> FEELValue? {
        get { entries.first { sameBytes($0.name, name) }?.value }
        set {
            entries.removeAll { sameBytes($0.name, name) }
            if let newValue { entries.append((name: name, value: newValue)) }
        }
    }
}

/// An interval; an end that is null is open to that side.
struct FEELRange: Sendable {
    let low: FEELValue
    let high: FEELValue
    let isLowClosed: Bool
    let isHighClosed: Bool

    /// Nil when the value cannot be compared with the ends.
    func contains(_ value: FEELValue) -> Bool? {
        if low != .null {
            guard let order = FEELValue.order(value, low) else { return nil }
            if order < 0 || order == 0 && !isLowClosed { return false }
        }
        if high != .null {
            guard let order = FEELValue.order(value, high) else { return nil }
            if order > 0 || order == 0 && !isHighClosed { return false }
        }
        return true
    }
}

/// ISO 8601 both ways, for the temporal values of FEEL.
enum FEELClock {
    static let perSecond: Int64 = 1_000_000
    static let perDay: Int64 = 86_400 * perSecond
    /// Whole units of one part of a duration.
    static let partMax: Int64 = 1_000_000
    /// Some three thousand years either way; sums and products of durations past it are null, so that none can overflow.
    static let microsecondsMax: Int64 = 100_000_000_000_000_000
    static let monthsMax: Int64 = 12 * partMax

    /// A duration within the bounds, else null.
    static func duration(checked microseconds: Int64?) -> FEELValue {
        guard let microseconds, (-microsecondsMax...microsecondsMax).contains(microseconds) else { return .null }
        return .microseconds(microseconds)
    }

    static func months(checked months: Int64?) -> FEELValue {
        guard let months, (-monthsMax...monthsMax).contains(months) else { return .null }
        return .months(months)
    }

    /// A local instant within the years 1 to 9999, else null.
    static func instant(_ microseconds: Int64, _ offset: Int64?) -> FEELValue {
        let days = microseconds.floorDivided(by: perDay)
        guard (-719_162...2_932_896).contains(days) else { return .null }
        return .dateTime(microseconds: microseconds, offsetSeconds: offset)
    }

    static func time(_ microseconds: Int64) -> String {
        let seconds = microseconds / perSecond
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let whole = "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
        let rest = microseconds % perSecond
        guard rest > 0 else { return whole }
        var digits = String(String(perSecond + rest).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    static func dateTime(_ microseconds: Int64) -> String {
        let days = microseconds.floorDivided(by: perDay)
        return "\(CivilDate(daysSince1970: Int(days)))T\(time(microseconds - days * perDay))"
    }

    static func zone(_ offset: Int64?) -> String {
        guard let offset else { return "" }
        guard offset != 0 else { return "Z" }
        return (offset < 0 ? "-" : "+") + time(abs(offset) * perSecond).prefix(5)
    }

    static func months(_ months: Int64) -> String {
        let (years, rest) = abs(months).quotientAndRemainder(dividingBy: 12)
        let body = (years > 0 ? "\(years)Y" : "") + (rest > 0 || years == 0 ? "\(rest)M" : "")
        return (months < 0 ? "-P" : "P") + body
    }

    static func duration(_ microseconds: Int64) -> String {
        guard microseconds != 0 else { return "PT0S" }
        let size = abs(microseconds)
        let (days, rest) = size.quotientAndRemainder(dividingBy: perDay)
        let seconds = rest / perSecond
        var clock = ""
        if seconds / 3600 > 0 { clock += "\(seconds / 3600)H" }
        if seconds / 60 % 60 > 0 { clock += "\(seconds / 60 % 60)M" }
        let fraction = time(rest % (60 * perSecond)).dropFirst(6)
        if rest % (60 * perSecond) > 0 { clock += (fraction.hasPrefix("0") ? fraction.dropFirst() : fraction) + "S" }
        return (microseconds < 0 ? "-P" : "P") + (days > 0 ? "\(days)D" : "") + (clock.isEmpty ? "" : "T" + clock)
    }

    /// `HH:MM:SS[.fraction][Z|±HH:MM]`.
    static func readTime(_ text: some StringProtocol) -> FEELValue? {
        let (body, offset, isSound) = cutZone(String(text))
        guard isSound, let micro = clock(body) else { return nil }
        return .time(microseconds: micro, offsetSeconds: offset)
    }

    /// A date, `T` and a time.
    static func readDateTime(_ text: String) -> FEELValue? {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let date = CivilDate(parts[0]) else { return nil }
        let days = Int64(date.daysSince1970) * perDay
        guard parts.count == 2 else { return .dateTime(microseconds: days, offsetSeconds: nil) }
        guard case .time(let micro, let offset)? = readTime(parts[1]) else { return nil }
        return .dateTime(microseconds: days + micro, offsetSeconds: offset)
    }

    private static func cutZone(_ text: String) -> (String, Int64?, isSound: Bool) {
        if text.hasSuffix("Z") { return (String(text.dropLast()), 0, true) }
        guard let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) else { return (text, nil, true) }
        guard let offset = clock(text[text.index(after: sign)...] + ":00"), offset <= 14 * 3600 * perSecond else {
            return ("", nil, false)
        }
        return (String(text[..<sign]), (text[sign] == "-" ? -1 : 1) * offset / perSecond, true)
    }

    private static func clock(_ text: some StringProtocol) -> Int64? {
        let parts = String(text).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 2, parts[1].utf8.count == 2, parts[2].utf8.count >= 2,
            let hours = Int64(parts[0]), let minutes = Int64(parts[1]), (0..<24).contains(hours), (0..<60).contains(minutes),
            let seconds = seconds(parts[2]), (0..<60 * perSecond).contains(seconds)
        else { return nil }
        return (hours * 3600 + minutes * 60) * perSecond + seconds
    }

    private static func seconds(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts[0].utf8.count <= 9, let whole = Int64(parts[0]), whole >= 0 else { return nil }
        guard parts.count == 2 else { return whole * perSecond }
        let digits = parts[1].prefix(6)
        guard !digits.isEmpty, parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let fraction = Int64(digits) else {
            return nil
        }
        return (0..<6 - digits.utf8.count).reduce(fraction) { value, _ in value * 10 } + whole * perSecond
    }

    /// `P1Y2M` or `P3DT4H5M6.7S`, with a minus in front for negative ones; never a mix of months and days.
    static func readDuration(_ text: String) -> FEELValue? {
        let isNegative = text.hasPrefix("-")
        let body = isNegative ? text.dropFirst() : Substring(text)
        guard body.hasPrefix("P"), body.utf8.count > 2 else { return nil }
        var number = ""
        var isClock = false
        var months: Int64?
        var micro: Int64?
        for character in body.dropFirst() {
            switch character {
            case "0"..."9", ".": number.append(character)
            case "T" where !isClock && number.isEmpty: isClock = true
            default:
                guard let value = seconds(Substring(number)), value <= partMax * perSecond else { return nil }
                number = ""
                guard character == "S" || value % perSecond == 0 else { return nil }
                let whole = value / perSecond
                switch (character, isClock) {
                case ("Y", false): months = (months ?? 0) + whole * 12
                case ("M", false): months = (months ?? 0) + whole
                case ("D", false): micro = (micro ?? 0) + whole * perDay
                case ("H", true): micro = (micro ?? 0) + whole * 3600 * perSecond
                case ("M", true): micro = (micro ?? 0) + whole * 60 * perSecond
                case ("S", true): micro = (micro ?? 0) + value
                default: return nil
                }
            }
        }
        guard number.isEmpty, (months == nil) != (micro == nil) else { return nil }
        if let months { return FEELClock.months(checked: isNegative ? -months : months) }
        return duration(checked: micro.map { isNegative ? -$0 : $0 })
    }
}
