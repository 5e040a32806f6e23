import Kernel

/// The typed readings of a single value. Nothing is coerced that could change its meaning: a number stays its exact text.
enum ScalarForm: String, Sendable, CaseIterable {
    case text
    /// Document amount; with a `currency` it becomes `{amount, currency}`.
    case amount
    /// With a `unit` it becomes `{value, unit}`.
    case quantity
    case decimal
    case integer
    case date
    case instant
    case flag
    /// A JSON number with exactly the digits of the text, for systems that want numbers.
    case number
    /// A decimal without trailing zeros, in which equal numbers are equal texts: for keys and comparisons.
    case shortest
    /// Parts of a date or time, for systems that take times to pieces.
    case year, month, day, hour, minute, second, microsecond

    static let amountWholeDigitsMax = 15
    static let amountDecimalsMax = 8
    static let textBytesMax = 20_000

    /// The value in this form, or a sentence about what is wrong with it.
    func read(_ value: JSONValue) -> Result<JSONValue, ValuePath.Problem> {
        switch self {
        case .text: return text(value)
        case .amount, .decimal, .quantity: return exact(value).map { .string($0) }
        case .number: return exact(value).map { .number(JSONNumber(unchecked: $0)) }
        case .integer:
            guard case .success(let digits) = exact(value), let whole = Int64(digits) else {
                return wrong(value, "a whole number")
            }
            return .success(JSONValue(whole))
        case .shortest:
            return exact(value).map { .string(ExactDecimal($0).map { String(describing: $0.normalized) } ?? $0) }
        case .date:
            guard let date = ScalarForm.date(value) else { return wrong(value, "a date such as 2026-07-14") }
            return .success(.string(date.description))
        case .instant:
            guard let moment = ScalarForm.moment(value) else { return wrong(value, "a time in RFC 3339") }
            return .success(JSONValue(moment))
        case .year, .month, .day, .hour, .minute, .second, .microsecond: return part(of: value)
        case .flag:
            guard let flag = value.bool else { return wrong(value, "true or false") }
            return .success(.bool(flag))
        }
    }

    /// `2026-07-14`, with or without a time behind it, or an object of `year`, `month` and `day`.
    private static func date(_ value: JSONValue) -> CivilDate? {
        if let text = value.string {
            guard text.utf8.count >= 10, text.utf8.count == 10 || text.utf8.dropFirst(10).first == UInt8(ascii: "T") else {
                return nil
            }
            return CivilDate(text.prefix(10))
        }
        guard let year = value["year"]?.int, let month = value["month"]?.int, let day = value["day"]?.int else { return nil }
        return CivilDate(year: year, month: month, day: day)
    }

    /// RFC 3339, or an object with `hour`, `minute`, `second` and perhaps `microsecond` besides the date, in UTC.
    private static func moment(_ value: JSONValue) -> Moment? {
        if let moment = value.moment { return moment }
        guard let date = date(value), value.object != nil, let hour = value["hour"]?.int, (0...23).contains(hour),
            let minute = value["minute"]?.int, (0...59).contains(minute), let second = value["second"]?.int,
            (0...59).contains(second)
        else { return nil }
        let micros = value["microsecond"]?.int ?? 0
        guard (0...999_999).contains(micros) else { return nil }
        let seconds = Int64(date.daysSince1970) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
        return Moment(microseconds: seconds * 1_000_000 + Int64(micros))
    }

    private func part(of value: JSONValue) -> Result<JSONValue, ValuePath.Problem> {
        let moment = ScalarForm.moment(value)
        let inDay = moment.map { $0.microseconds - $0.seconds.floorDivided(by: 86_400) * 86_400_000_000 }
        let day = moment.map { CivilDate(daysSince1970: Int($0.seconds.floorDivided(by: 86_400))) } ?? ScalarForm.date(value)
        guard let day else { return wrong(value, "a date or a time") }
        switch self {
        case .year: return .success(JSONValue(day.year))
        case .month: return .success(JSONValue(day.month))
        case .day: return .success(JSONValue(day.day))
        default: break
        }
        guard let inDay else { return wrong(value, "a time in RFC 3339") }
        let seconds = inDay / 1_000_000
        switch self {
        case .hour: return .success(JSONValue(Int(seconds / 3600)))
        case .minute: return .success(JSONValue(Int(seconds / 60 % 60)))
        case .second: return .success(JSONValue(Int(seconds % 60)))
        default: return .success(JSONValue(Int(inDay % 1_000_000)))
        }
    }

    private func text(_ value: JSONValue) -> Result<JSONValue, ValuePath.Problem> {
        switch value {
        case .string(let text):
            guard text.utf8.count <= ScalarForm.textBytesMax else {
                return wrong(value, "a text of at most \(ScalarForm.textBytesMax) bytes")
            }
            return .success(.string(text))
        // Codes arrive as numbers from some systems; their written text is the code.
        case .number(let number): return .success(.string(number.text))
        case .bool(let flag): return .success(.string(flag ? "true" : "false"))
        case .null, .array, .object: return wrong(value, "a text")
        }
    }

    private func exact(_ value: JSONValue) -> Result<String, ValuePath.Problem> {
        let written: String? =
            switch value {
            case .string(let text): text
            case .number(let number): number.text
            case .null, .bool, .array, .object: nil
            }
        guard let written, let plain = ScalarForm.plain(written) else {
            return .failure(problem(value, "an exact decimal number"))
        }
        let digits = plain.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        let decimals = digits.count == 2 ? digits[1].utf8.count : 0
        guard digits[0].utf8.count <= ScalarForm.amountWholeDigitsMax, decimals <= ScalarForm.amountDecimalsMax else {
            let bounds = "\(ScalarForm.amountWholeDigitsMax) digits before and \(ScalarForm.amountDecimalsMax) after the point"
            return .failure(problem(value, "a number of at most \(bounds)"))
        }
        return .success(plain)
    }

    /// The number without exponent and without "-0"; trailing zeros stay as written. Nil when it is none or cannot be kept
    /// exactly.
    static func plain(_ text: String) -> String? {
        guard text.utf8.count <= 64 else { return nil }
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        guard var mantissa = parts.first.map(String.init), ExactDecimal(mantissa) != nil else { return nil }
        if parts.count == 2 {
            guard parts[1].utf8.count <= 4, let exponent = Int(parts[1].hasPrefix("+") ? parts[1].dropFirst() : parts[1]),
                let shifted = shift(mantissa, by: exponent)
            else { return nil }
            mantissa = shifted
        }
        guard mantissa.hasPrefix("-"), let value = ExactDecimal(mantissa), value.isZero else { return mantissa }
        return String(mantissa.dropFirst())
    }

    /// Moves the point; only where that leaves at most 15 digits before and 8 after it.
    private static func shift(_ mantissa: String, by exponent: Int) -> String? {
        guard abs(exponent) <= 30 else { return nil }
        let isNegative = mantissa.hasPrefix("-")
        let parts = mantissa.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        var whole = String(parts[0])
        var fraction = parts.count == 2 ? String(parts[1]) : ""
        for _ in 0..<max(0, exponent) { whole.append(fraction.isEmpty ? "0" : fraction.removeFirst()) }
        for _ in 0..<max(0, -exponent) { fraction.insert(whole.isEmpty ? "0" : whole.removeLast(), at: fraction.startIndex) }
        whole = String(whole.drop { $0 == "0" })
        if whole.isEmpty { whole = "0" }
        let out = (isNegative ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
        return ExactDecimal(out) == nil ? nil : out
    }

    private func wrong<T>(_ value: JSONValue, _ expected: String) -> Result<T, ValuePath.Problem> {
        .failure(problem(value, expected))
    }

    /// Names the type found and never the value, which may be a bank account.
    private func problem(_ value: JSONValue, _ expected: String) -> ValuePath.Problem {
        let found =
            switch value {
            case .null: "nothing"
            case .bool: "true or false"
            case .number(let number):
                number.text.utf8.count > 40 ? "a number of \(number.text.utf8.count) characters" : "a number"
            case .string: "a text of another form"
            case .array: "a list"
            case .object: "an object"
            }
        return ValuePath.Problem("\(expected) is due, and \(found) stands there")
    }
}
