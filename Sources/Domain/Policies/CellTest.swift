import Kernel

/// The type of an input column.
enum ColumnType: String, Sendable, CaseIterable {
    case decimal, string, bool, date
    /// `{amount, currency}`; amounts of different currencies are never compared.
    case money
    /// Other names of the same: `number`, `boolean`, and `enum`, which is a text with `values`.
    case number, boolean, `enum`

    /// The type without its other names.
    var plain: ColumnType {
        switch self {
        case .number: .decimal
        case .boolean: .bool
        case .enum: .string
        case .decimal, .string, .bool, .date, .money: self
        }
    }
}

/// A cell of a decision table: which values of its column it takes.
///
/// The grammar is small on purpose, so that coverage can be proven: `-` (any), a comparison (`>= 100`), an interval (`[0..100]`,
/// `]0..100]`), a value, a list of these with commas, and `not(…)` around such a list. Sums of money name their currency at
/// the end: `> 1000.00 EUR`, or a currency alone for any amount of it.
enum CellTest: Sendable, Equatable {
    case any
    /// Decimals, and dates as days since 1970.
    case ordered([Interval], isNegated: Bool)
    case words([String], isNegated: Bool)
    case flag(Bool)
    case money([Sum], isNegated: Bool)

    /// Amounts of one currency.
    struct Sum: Sendable, Equatable {
        let currency: String
        let interval: Interval
    }

    struct Interval: Sendable, Equatable {
        struct End: Sendable, Equatable {
            let value: ExactDecimal
            let isClosed: Bool
        }

        let low: End?
        let high: End?

        func contains(_ value: ExactDecimal) -> Bool {
            if let low, low.isClosed ? value < low.value : value <= low.value { return false }
            if let high, high.isClosed ? value > high.value : value >= high.value { return false }
            return true
        }
    }

    static let partsMax = 200

    var isAny: Bool { self == .any }

    func takes(_ value: CellValue) -> Bool {
        switch (self, value) {
        case (.any, _): true
        case (.ordered(let intervals, let isNegated), .ordered(let number)):
            intervals.contains { $0.contains(number) } != isNegated
        case (.words(let words, let isNegated), .word(let word)): words.contains { sameBytes($0, word) } != isNegated
        case (.flag(let wanted), .flag(let flag)): wanted == flag
        case (.money(let sums, let isNegated), .money(let amount, let currency)):
            sums.contains { sameBytes($0.currency, currency) && $0.interval.contains(amount) } != isNegated
        default: false
        }
    }

    /// Nil with a sentence when the cell cannot be read.
    static func parse(_ json: JSONValue, _ type: ColumnType) throws(CellProblem) -> CellTest {
        switch json {
        case .bool(let flag) where type == .bool: return .flag(flag)
        case .number(let number) where type == .decimal:
            guard let value = ExactDecimal(number.text) else { throw CellProblem("The number cannot be read exactly.") }
            return .ordered([exactly(value)], isNegated: false)
        case .string(let text): return try parse(text.trimmed, type)
        default: throw CellProblem("The cell does not fit a column of type \(type.rawValue).")
        }
    }

    private static func parse(_ text: String, _ type: ColumnType) throws(CellProblem) -> CellTest {
        if text == "-" { return .any }
        var body = text
        var isNegated = false
        if text.hasPrefix("not("), text.hasSuffix(")") {
            isNegated = true
            body = String(text.dropFirst(4).dropLast()).trimmed
        }
        let parts = try split(body)
        guard !parts.isEmpty, parts.count <= partsMax, !parts.contains("") else {
            throw CellProblem("The cell lists nothing, or too much.")
        }
        switch type {
        case .bool:
            guard parts.count == 1, !isNegated, parts[0] == "true" || parts[0] == "false" else {
                throw CellProblem("A bool cell is true, false or -.")
            }
            return .flag(parts[0] == "true")
        case .string: return .words(parts.map(unquoted), isNegated: isNegated)
        case .money:
            var sums: [Sum] = []
            for part in parts { sums.append(try sum(part)) }
            return .money(sums, isNegated: isNegated)
        case .decimal, .date, .number, .boolean, .enum:
            var intervals: [Interval] = []
            for part in parts { intervals.append(try interval(part, type)) }
            return .ordered(intervals, isNegated: isNegated)
        }
    }

    /// Cuts at commas outside quotes.
    private static func split(_ text: String) throws(CellProblem) -> [String] {
        var parts: [String] = []
        var current = ""
        var isQuoted = false
        for scalar in text.unicodeScalars {
            if scalar == "\"" { isQuoted.toggle() }
            if scalar == ",", !isQuoted {
                parts.append(current.trimmed)
                current = ""
            } else {
                current.unicodeScalars.append(scalar)
            }
        }
        guard !isQuoted else { throw CellProblem("A quote is not closed.") }
        parts.append(current.trimmed)
        return parts
    }

    private static func unquoted(_ text: String) -> String {
        text.hasPrefix("\"") && text.hasSuffix("\"") && text.utf8.count >= 2 ? String(text.dropFirst().dropLast()) : text
    }

    private static func exactly(_ value: ExactDecimal) -> Interval {
        Interval(low: Interval.End(value: value, isClosed: true), high: Interval.End(value: value, isClosed: true))
    }

    private static func sum(_ text: String) throws(CellProblem) -> Sum {
        let currency = String(text.unicodeScalars.suffix(3))
        guard Currency(currency) != nil else {
            throw CellProblem("`\(text)` does not end in a currency; write an amount as > 1000.00 EUR.")
        }
        let amount = String(text.unicodeScalars.dropLast(3)).trimmed
        let interval = amount.isEmpty ? Interval(low: nil, high: nil) : try interval(amount, .decimal)
        return Sum(currency: currency, interval: interval)
    }

    private static func interval(_ text: String, _ type: ColumnType) throws(CellProblem) -> Interval {
        for (sign, isLow, isClosed) in [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)]
        where text.hasPrefix(sign) {
            let end = Interval.End(value: try number(String(text.dropFirst(sign.utf8.count)).trimmed, type), isClosed: isClosed)
            return isLow ? Interval(low: end, high: nil) : Interval(low: nil, high: end)
        }
        guard let first = text.unicodeScalars.first, let last = text.unicodeScalars.last, "[](".unicodeScalars.contains(first),
            "[])".unicodeScalars.contains(last), text.utf8.count > 2
        else { return exactly(try number(text, type)) }
        let inner = String(text.dropFirst().dropLast())
        let pieces = inner.splitTwo(at: "..")
        guard let pieces else { throw CellProblem("An interval is written as [low..high].") }
        let low = Interval.End(value: try number(pieces.0.trimmed, type), isClosed: first == "[")
        let high = Interval.End(value: try number(pieces.1.trimmed, type), isClosed: last == "]")
        guard low.value < high.value || (low.value == high.value && low.isClosed && high.isClosed) else {
            throw CellProblem("The interval is empty.")
        }
        return Interval(low: low, high: high)
    }

    private static func number(_ text: String, _ type: ColumnType) throws(CellProblem) -> ExactDecimal {
        switch type {
        case .date:
            guard let date = CivilDate(text) else { throw CellProblem("`\(text)` is no date; write YYYY-MM-DD.") }
            return ExactDecimal(Int64(date.daysSince1970))
        case .decimal, .string, .bool, .money, .number, .boolean, .enum:
            guard let value = ExactDecimal(text) else { throw CellProblem("`\(text)` is no decimal number.") }
            return value
        }
    }
}

/// The value of an input, in the form its column compares.
enum CellValue: Sendable, Equatable {
    case ordered(ExactDecimal)
    case word(String)
    case flag(Bool)
    case money(ExactDecimal, String)

    /// Nil when the JSON value does not fit the column.
    init?(_ json: JSONValue, _ type: ColumnType) {
        switch (type, json) {
        case (.decimal, .string(let text)):
            guard let value = ExactDecimal(text) else { return nil }
            self = .ordered(value)
        case (.decimal, .number(let number)):
            guard let value = ExactDecimal(number.text) else { return nil }
            self = .ordered(value)
        case (.date, .string(let text)):
            guard let date = CivilDate(text) else { return nil }
            self = .ordered(ExactDecimal(Int64(date.daysSince1970)))
        case (.string, .string(let text)): self = .word(text)
        case (.bool, .bool(let flag)): self = .flag(flag)
        case (.money, .object(let sum)):
            guard let amount = sum["amount"]?.string.flatMap({ ExactDecimal($0) }), let currency = sum["currency"]?.string,
                Currency(currency) != nil
            else { return nil }
            self = .money(amount, currency)
        default: return nil
        }
    }
}

struct CellProblem: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

extension String {
    var trimmed: String {
        var scalars = Substring(self).unicodeScalars
        while let first = scalars.first, first == " " || first == "\t" { scalars.removeFirst() }
        while let last = scalars.last, last == " " || last == "\t" { scalars.removeLast() }
        return String(scalars)
    }

    /// The text before and after the first occurrence of `mark`.
    fileprivate func splitTwo(at mark: String) -> (String, String)? {
        let bytes = Array(utf8)
        let wanted = Array(mark.utf8)
        guard bytes.count >= wanted.count else { return nil }
        for start in 0...(bytes.count - wanted.count) where bytes[start..<start + wanted.count].elementsEqual(wanted) {
            return (
                String(decoding: bytes[..<start], as: UTF8.self),
                String(decoding: bytes[(start + wanted.count)...], as: UTF8.self)
            )
        }
        return nil
    }
}
