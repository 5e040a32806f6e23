import Kernel

/// A number of FEEL: a decimal of 34 significant digits with an exponent, as IEEE 754 decimal128, rounded half to even.
///
/// `ExactDecimal` refuses what it cannot hold exactly, which is right for money; FEEL divides and raises to powers, so it
/// rounds, and where it rounds is fixed by its standard.
struct FEELNumber: Sendable, Comparable, Hashable, CustomStringConvertible {
    static let digitsMax = 34
    static let exponents = -6176...6111
    /// The exponent of `**` is whole and within this either way.
    static let powerMax: Int64 = 999_999_999
    /// Plain digits are written up to this many; beyond it an exponent is.
    static let plainDigitsMax = 60

    let isNegative: Bool
    let coefficient: UInt128
    let exponent: Int

    static let zero = FEELNumber(0)
    static let one = FEELNumber(1)

    init(_ whole: Int64) {
        isNegative = whole < 0
        coefficient = UInt128(whole.magnitude)
        exponent = 0
    }

    init(_ decimal: ExactDecimal) {
        // At most 38 digits, of which 34 are kept; no scale leaves the range of exponents.
        self =
            FEELNumber(isNegative: decimal.isNegative, rounding: decimal.mantissa.magnitude, exponent: -decimal.scale)
            ?? .zero
    }

    private init(isNegative: Bool, exact coefficient: UInt128, exponent: Int) {
        self.isNegative = isNegative && coefficient != 0
        self.coefficient = coefficient
        self.exponent = exponent
    }

    /// Rounds up to 38 digits to 34; `isMore` says that a little was cut off below them. Nil past the largest number.
    private init?(isNegative: Bool, rounding wide: UInt128, exponent: Int, isMore: Bool = false) {
        var value = wide
        var power = exponent
        let extra = FEELNumber.digits(of: wide) - FEELNumber.digitsMax
        if extra > 0 {
            (value, power) = (FEELNumber.dropping(extra, of: wide, isMore: isMore), power + extra)
            if value == tenTo(FEELNumber.digitsMax) { (value, power) = (tenTo(FEELNumber.digitsMax - 1), power + 1) }
        }
        if value == 0 { power = min(max(power, FEELNumber.exponents.lowerBound), FEELNumber.exponents.upperBound) }
        if power < FEELNumber.exponents.lowerBound {
            let lost = FEELNumber.exponents.lowerBound - power
            value = lost > FEELNumber.digitsMax ? 0 : FEELNumber.dropping(lost, of: value, isMore: isMore)
            power = FEELNumber.exponents.lowerBound
        }
        while power > FEELNumber.exponents.upperBound, FEELNumber.digits(of: value) < FEELNumber.digitsMax {
            (value, power) = (value * 10, power - 1)
        }
        guard power <= FEELNumber.exponents.upperBound else { return nil }
        self.init(isNegative: isNegative, exact: value, exponent: power)
    }

    private static func dropping(_ count: Int, of value: UInt128, isMore: Bool) -> UInt128 {
        let (kept, rest) = value.quotientAndRemainder(dividingBy: tenTo(count))
        let half = tenTo(count) / 2
        let goesUp = rest > half || rest == half && (isMore || kept & 1 == 1)
        return goesUp ? kept + 1 : kept
    }

    /// Reads `-? digits [. digits] [e digits]` or `-? . digits`; nil for anything else. More than 34 digits are rounded.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        var at = 0
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { at += 1 }
        var value: UInt128 = 0
        var power = 0
        var digits = 0
        var isPastPoint = false
        var isMore = false
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "."), !isPastPoint {
                isPastPoint = true
            } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                digits += 1
                if value < tenTo(36) {
                    value = value * 10 + UInt128(byte - UInt8(ascii: "0"))
                    if isPastPoint { power -= 1 }
                } else {
                    isMore = isMore || byte != UInt8(ascii: "0")
                    if !isPastPoint { power += 1 }
                }
            } else {
                break
            }
            at += 1
        }
        guard digits > 0, bytes[at - 1] != UInt8(ascii: ".") else { return nil }
        if at < bytes.count {
            guard bytes[at] | 0x20 == UInt8(ascii: "e") else { return nil }
            let tail = bytes[(at + 1)...]
            let sign = tail.first == UInt8(ascii: "+") ? tail.dropFirst() : tail
            guard sign.count <= 6, let shift = Int(String(decoding: sign, as: UTF8.self)) else { return nil }
            power += shift
        }
        self.init(isNegative: isNegative, rounding: value, exponent: power, isMore: isMore)
    }

    var isZero: Bool { coefficient == 0 }
    var negated: FEELNumber { FEELNumber(isNegative: !isNegative, exact: coefficient, exponent: exponent) }
    var magnitude: FEELNumber { FEELNumber(isNegative: false, exact: coefficient, exponent: exponent) }

    /// The number when it is whole and fits 64 bits.
    var wholeNumber: Int64? {
        let plain = normalized
        guard plain.exponent >= 0 else { return plain.isZero ? 0 : nil }
        guard plain.exponent <= 18 else { return nil }
        let (value, overflow) = plain.coefficient.multipliedReportingOverflow(by: tenTo(plain.exponent))
        guard !overflow, let whole = Int64(exactly: value) else { return nil }
        return isNegative ? -whole : whole
    }

    /// Without trailing zeros in the coefficient.
    var normalized: FEELNumber {
        var value = coefficient
        var power = exponent
        guard value != 0 else { return FEELNumber(isNegative: false, exact: 0, exponent: 0) }
        while power < FEELNumber.exponents.upperBound {
            let (quotient, remainder) = value.quotientAndRemainder(dividingBy: 10)
            guard remainder == 0 else { break }
            (value, power) = (quotient, power + 1)
        }
        return FEELNumber(isNegative: isNegative, exact: value, exponent: power)
    }

    var description: String {
        let digits = Array(String(coefficient))
        let sign = isNegative ? "-" : ""
        if exponent >= 0, digits.count + exponent <= FEELNumber.plainDigitsMax {
            return sign + String(digits) + String(repeating: "0", count: isZero ? 0 : exponent)
        }
        if exponent < 0, -exponent <= FEELNumber.plainDigitsMax {
            let padded = Array(repeating: Character("0"), count: max(0, 1 - exponent - digits.count)) + digits
            return sign + String(padded.dropLast(-exponent)) + "." + String(padded.suffix(-exponent))
        }
        return sign + String(digits) + "E" + (exponent < 0 ? "" : "+") + String(exponent)
    }

    static func == (lhs: FEELNumber, rhs: FEELNumber) -> Bool {
        let (left, right) = (lhs.normalized, rhs.normalized)
        return left.coefficient == right.coefficient && left.exponent == right.exponent && left.isNegative == right.isNegative
    }

    func hash(into hasher: inout Hasher) {
        let plain = normalized
        hasher.combine(plain.coefficient)
        hasher.combine(plain.exponent)
        hasher.combine(plain.isNegative)
    }

    static func < (lhs: FEELNumber, rhs: FEELNumber) -> Bool {
        guard let difference = lhs.adding(rhs.negated) else { return lhs.isNegative }
        return difference.isNegative
    }

    /// How many digits a coefficient has; 0 has one.
    static func digits(of value: UInt128) -> Int {
        var count = 1
        while count < 39, value >= tenTo(count) { count += 1 }
        return count
    }
}

/// Arithmetic; nil past the largest number, which FEEL answers with null.
extension FEELNumber {
    func adding(_ other: FEELNumber) -> FEELNumber? {
        if isZero { return other.isZero && other.exponent > exponent ? self : other }
        if other.isZero { return self }
        let (large, small) = exponent >= other.exponent ? (self, other) : (other, self)
        var top = large.coefficient
        var power = large.exponent
        // Room to the 37th digit gives three guard digits below the 34 that are kept.
        while power > small.exponent, top < tenTo(36) { (top, power) = (top * 10, power - 1) }
        let shift = power - small.exponent
        var low = small.coefficient
        var isMore = false
        if shift > 0 {
            let (kept, rest) = shift > 38 ? (0, low) : low.quotientAndRemainder(dividingBy: tenTo(shift))
            (low, isMore) = (kept, rest != 0)
        }
        if large.isNegative == small.isNegative {
            return FEELNumber(isNegative: large.isNegative, rounding: top + low, exponent: power, isMore: isMore)
        }
        guard top >= low else { return FEELNumber(isNegative: small.isNegative, rounding: low - top, exponent: power) }
        return FEELNumber(
            isNegative: large.isNegative, rounding: top - low - (isMore ? 1 : 0), exponent: power, isMore: isMore)
    }

    func multiplied(by other: FEELNumber) -> FEELNumber? {
        let isNegative = self.isNegative != other.isNegative
        let power = exponent + other.exponent
        let product = coefficient.multipliedFullWidth(by: other.coefficient)
        if product.high == 0, product.low < tenTo(38) {
            return FEELNumber(isNegative: isNegative, rounding: product.low, exponent: power)
        }
        // Both factors are under 10^34, so the quotient by 10^34 is too.
        let (top, rest) = tenTo(FEELNumber.digitsMax).dividingFullWidth((high: product.high, low: product.low))
        let room = 38 - FEELNumber.digits(of: top)
        let step = min(room, FEELNumber.digitsMax)
        let (more, left) = rest.quotientAndRemainder(dividingBy: tenTo(FEELNumber.digitsMax - step))
        return FEELNumber(
            isNegative: isNegative, rounding: top * tenTo(step) + more, exponent: power + FEELNumber.digitsMax - step,
            isMore: left != 0)
    }

    /// Nil for a divisor of zero too.
    func divided(by other: FEELNumber) -> FEELNumber? {
        guard !other.isZero else { return nil }
        let isNegative = self.isNegative != other.isNegative
        var (quotient, rest) = coefficient.quotientAndRemainder(dividingBy: other.coefficient)
        var power = exponent - other.exponent
        while rest != 0, quotient < tenTo(36) {
            let (digit, left) = (rest * 10).quotientAndRemainder(dividingBy: other.coefficient)
            (quotient, rest, power) = (quotient * 10 + digit, left, power - 1)
        }
        return FEELNumber(isNegative: isNegative, rounding: quotient, exponent: power, isMore: rest != 0)
    }

    /// A whole power; nil for another one, and for zero to a negative one.
    func raised(to other: FEELNumber) -> FEELNumber? {
        guard let whole = other.wholeNumber, abs(whole) <= FEELNumber.powerMax else { return nil }
        if isZero, whole < 0 { return nil }
        var result = FEELNumber.one
        var base = self
        var left = whole.magnitude
        while left > 0 {
            if left & 1 == 1 {
                guard let next = result.multiplied(by: base) else { return whole < 0 ? .zero : nil }
                result = next
            }
            left >>= 1
            guard left > 0 else { break }
            guard let square = base.multiplied(by: base) else { return whole < 0 ? .zero : nil }
            base = square
        }
        return whole < 0 ? FEELNumber.one.divided(by: result) : result
    }

    /// With exactly `scale` digits after the point, if that many can be held.
    func rounded(scale: Int, _ rule: ExactDecimal.Rounding) -> FEELNumber? {
        let drop = -scale - exponent
        guard drop > 0 else { return self }
        let unit = FEELNumber(isNegative: isNegative, exact: 1, exponent: -scale)
        let (kept, rest) = drop > 38 ? (0, coefficient) : coefficient.quotientAndRemainder(dividingBy: tenTo(drop))
        let half: UInt128 = drop > 38 ? .max : tenTo(drop) / 2
        let goesUp =
            switch rule {
            case .halfUp: rest >= half && rest != 0
            case .halfEven: rest > half || rest == half && rest != 0 && kept & 1 == 1
            case .halfTowardPositive: rest > half || rest == half && rest != 0 && !isNegative
            case .down: false
            case .up: rest != 0
            case .floor: rest != 0 && isNegative
            case .ceiling: rest != 0 && !isNegative
            }
        let whole = FEELNumber(isNegative: isNegative, exact: kept, exponent: -scale)
        return goesUp ? whole.adding(unit) : whole
    }
}

/// 10^0 to 10^38.
private func tenTo(_ exponent: Int) -> UInt128 { powersOfTen[exponent] }

private let powersOfTen: [UInt128] = {
    var table: [UInt128] = [1]
    while table.count < 39 { table.append(table[table.count - 1] * 10) }
    return table
}()
