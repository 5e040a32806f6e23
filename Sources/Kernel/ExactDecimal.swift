/// An exact decimal number: `mantissa / 10^scale`. Prices, quantities, rates and everything between two amounts.
///
/// Two values are equal when their numbers are, whatever their scales (`1.50 == 1.5`); the description keeps the scale.
/// Every operation is exact or refuses with `decimal.range`; rounding happens only where it is named.
package struct ExactDecimal: Sendable, Comparable, Hashable, CustomStringConvertible {
    /// 10^38 is the last power of ten below 2^127, so a fraction can always be brought to any permitted scale.
    package static let scaleMax = 38
    package static let mantissaDigitsMax = 38
    /// What the reader of text takes; wider than any amount, price or rate in the formats we know.
    package static let textDigitsMax = 30

    /// The mantissa as two words: Swift 6.3.1 crashes at run time when an async closure captures an `Int128` beside other values.
    private let high: Int64
    private let low: UInt64
    /// From 0 to 38.
    package let scale: Int

    /// Always under 10^38 either way.
    package var mantissa: Int128 { Int128(high) << 64 | Int128(low) }

    package static let zero = ExactDecimal(mantissa: 0, scale: 0)
    package static let one = ExactDecimal(mantissa: 1, scale: 0)

    /// The caller promises a scale of 0 to 38 and a mantissa of at most 38 digits.
    package init(mantissa: Int128, scale: Int) {
        precondition(scale >= 0 && scale <= ExactDecimal.scaleMax, "a scale of \(scale)")
        precondition(mantissa.magnitude < powerOfTen(38), "a mantissa of more than 38 digits")
        high = Int64(truncatingIfNeeded: mantissa >> 64)
        low = UInt64(truncatingIfNeeded: mantissa)
        self.scale = scale
    }

    package init(_ whole: Int64) {
        self.init(mantissa: Int128(whole), scale: 0)
    }

    package init(_ money: Money) {
        self.init(mantissa: Int128(money.minorUnits), scale: money.currency.minorDigits)
    }

    /// Reads `-?(0|[1-9][0-9]*)(\.[0-9]+)?` with at most 30 digits, without exponent, sign `+` or grouping; anything else is nil.
    package init?(_ text: String) {
        var copy = text
        guard let parsed = copy.withUTF8(ExactDecimal.parse) else { return nil }
        self = parsed
    }

    package init?(_ text: some StringProtocol) { self.init(String(text)) }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> ExactDecimal? {
        var at = 0
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { at += 1 }
        let start = at
        var point: Int?
        var digits = 0
        var mantissa: Int128 = 0
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: ".") {
                guard point == nil, at > start else { return nil }
                point = at
            } else {
                guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9"), digits < textDigitsMax else { return nil }
                digits += 1
                mantissa = mantissa * 10
                mantissa = mantissa + Int128(byte - UInt8(ascii: "0"))
            }
            at += 1
        }
        let wholeDigits = (point ?? at) - start
        let decimals = digits - wholeDigits
        guard wholeDigits == 1 || wholeDigits > 1 && bytes[start] != UInt8(ascii: "0"), point == nil || decimals > 0 else {
            return nil
        }
        return ExactDecimal(mantissa: isNegative ? -mantissa : mantissa, scale: decimals)
    }

    package var isNegative: Bool { mantissa < 0 }
    package var isZero: Bool { mantissa == 0 }
    package var negated: ExactDecimal { ExactDecimal(mantissa: -mantissa, scale: scale) }
    package var magnitude: ExactDecimal { mantissa < 0 ? negated : self }

    /// The same number without trailing zeros in its fraction.
    package var normalized: ExactDecimal {
        var value = mantissa
        var digits = scale
        while digits > 0 {
            let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { break }
            value = quotient
            digits -= 1
        }
        return ExactDecimal(mantissa: value, scale: digits)
    }

    /// The number when it is whole and fits 64 bits.
    package var wholeNumber: Int64? {
        let plain = normalized
        return plain.scale == 0 ? Int64(exactly: plain.mantissa) : nil
    }

    /// Plain digits with exactly `scale` of them after the point; never an exponent, never `-0`.
    package var description: String {
        let digits = String(mantissa.magnitude)
        let sign = mantissa < 0 ? "-" : ""
        guard scale > 0 else { return sign + digits }
        let count = digits.utf8.count
        let padded = count > scale ? digits : String(repeating: "0", count: scale + 1 - count) + digits
        let split = padded.index(padded.endIndex, offsetBy: -scale)
        return sign + padded[..<split] + "." + padded[split...]
    }

    package static func == (lhs: ExactDecimal, rhs: ExactDecimal) -> Bool {
        lhs.scale == rhs.scale ? lhs.mantissa == rhs.mantissa : lhs.order(against: rhs) == 0
    }

    package static func < (lhs: ExactDecimal, rhs: ExactDecimal) -> Bool { lhs.order(against: rhs) < 0 }

    package func hash(into hasher: inout Hasher) {
        let plain = normalized
        hasher.combine(plain.mantissa)
        hasher.combine(plain.scale)
    }

    /// -1, 0 or 1. Whole parts first, then fractions at the larger scale: no step can leave the range.
    private func order(against other: ExactDecimal) -> Int {
        let (mine, myRest) = mantissa.quotientAndRemainder(dividingBy: Int128(powerOfTen(scale)))
        let (theirs, theirRest) = other.mantissa.quotientAndRemainder(dividingBy: Int128(powerOfTen(other.scale)))
        if mine != theirs { return mine < theirs ? -1 : 1 }
        let wide = max(scale, other.scale)
        let left: Int128 = myRest * Int128(powerOfTen(wide - scale))
        let right: Int128 = theirRest * Int128(powerOfTen(wide - other.scale))
        return left == right ? 0 : (left < right ? -1 : 1)
    }
}

/// 10^0 to 10^38.
func powerOfTen(_ exponent: Int) -> UInt128 { powersOfTen[exponent] }

private let powersOfTen: [UInt128] = {
    var table: [UInt128] = [1]
    while table.count < 39 {
        let last: UInt128 = table[table.count - 1]
        table.append(last * 10)
    }
    return table
}()
