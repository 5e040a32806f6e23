extension ExactDecimal {
    /// What happens to digits that do not fit. Half means exactly half of the last kept digit.
    package enum Rounding: Sendable, CaseIterable {
        /// Half away from zero: commercial rounding, what EN 16931 and invoices use.
        case halfUp
        /// Half to the even neighbour.
        case halfEven
        /// Half towards positive infinity: `round()` of XPath and of the EN 16931 rules written in it.
        case halfTowardPositive
        /// Towards zero.
        case down
        /// Away from zero.
        case up
        case floor, ceiling
    }

    /// The sum at the larger of both scales; `decimal.range` when it needs more than 38 digits.
    package func adding(_ other: ExactDecimal) throws(Refusal) -> ExactDecimal {
        if let sum = sum(with: other) { return sum }
        guard let sum = normalized.sum(with: other.normalized) else { throw .decimalRange }
        return sum
    }

    package func subtracting(_ other: ExactDecimal) throws(Refusal) -> ExactDecimal { try adding(other.negated) }

    /// The product at the sum of both scales; `decimal.range` when it needs more than 38 digits or decimals.
    package func multiplied(by other: ExactDecimal) throws(Refusal) -> ExactDecimal {
        if let product = product(with: other) { return product }
        guard let product = normalized.product(with: other.normalized) else { throw .decimalRange }
        return product
    }

    /// The quotient with `scale` decimals (0 to 38), rounded once from the exact value; `decimal.zero-divisor` for zero.
    package func divided(by other: ExactDecimal, scale wanted: Int, rounding: Rounding) throws(Refusal) -> ExactDecimal {
        precondition(wanted >= 0 && wanted <= ExactDecimal.scaleMax, "a scale of \(wanted)")
        guard !other.isZero else {
            throw Refusal(.invalid, reason: "decimal.zero-divisor", "A number cannot be divided by zero.")
        }
        let divisor = other.mantissa.magnitude
        let isNegative = self.isNegative != other.isNegative
        let shift = wanted + other.scale - scale
        guard shift >= 0 else {
            return try dividedCoarsely(by: divisor, shift: -shift, isNegative: isNegative, scale: wanted, rounding: rounding)
        }
        var (quotient, rest) = mantissa.magnitude.quotientAndRemainder(dividingBy: divisor)
        var remaining = shift
        while remaining > 0 {
            let step = min(remaining, ExactDecimal.scaleMax)
            let power = powerOfTen(step)
            // rest < divisor, so the next `step` digits are under 10^step and the wide division cannot trap.
            let wide = rest.multipliedFullWidth(by: power)
            let (digits, left) = divisor.dividingFullWidth((high: wide.high, low: wide.low))
            let (scaled, overflow) = quotient.multipliedReportingOverflow(by: power)
            let (next, carry) = scaled.addingReportingOverflow(digits)
            guard !overflow, !carry else { throw .decimalRange }
            quotient = next
            rest = left
            remaining -= step
        }
        return try ExactDecimal.rounded(
            quotient, rest: rest, of: divisor, isNegative: isNegative, scale: wanted, rounding: rounding)
    }

    /// The value with exactly `scale` decimals. Asking for more decimals than there are pads with zeros as far as 38 digits
    /// go, so the value never changes and nothing is refused.
    package func rounded(scale wanted: Int, _ rounding: Rounding) -> ExactDecimal {
        precondition(wanted >= 0 && wanted <= ExactDecimal.scaleMax, "a scale of \(wanted)")
        if wanted >= scale {
            var value = mantissa.magnitude
            var digits = scale
            while digits < wanted, value < powerOfTen(37) {
                value = value * 10
                digits += 1
            }
            return ExactDecimal(mantissa: isNegative ? -Int128(value) : Int128(value), scale: digits)
        }
        let divisor = powerOfTen(scale - wanted)
        let (quotient, rest) = mantissa.magnitude.quotientAndRemainder(dividingBy: divisor)
        let goesUp = rounding.goesUp(isOdd: quotient & 1 == 1, rest: rest, of: divisor, isNegative: isNegative)
        let value = Int128(goesUp ? quotient + 1 : quotient)
        return ExactDecimal(mantissa: isNegative ? -value : value, scale: wanted)
    }

    /// The amount in minor units when the value has no more decimals than the currency; otherwise `money.inexact`.
    package func money(_ currency: Currency) throws(Refusal) -> Money {
        let plain = normalized
        guard plain.scale <= currency.minorDigits else {
            throw Refusal(
                .invalid, reason: "money.inexact",
                "\(self) has more than \(currency.minorDigits) decimals, all that \(currency) has.")
        }
        let power = Int128(powerOfTen(currency.minorDigits - plain.scale))
        let (units, overflow) = plain.mantissa.multipliedReportingOverflow(by: power)
        guard !overflow, let minorUnits = Int64(exactly: units) else {
            throw Refusal(.invalid, reason: "money.range", "An amount may have at most 10^15 minor units of \(currency).")
        }
        return try Money(minorUnits: minorUnits, currency: currency)
    }

    private init?(checked mantissa: Int128, scale: Int) {
        guard scale <= ExactDecimal.scaleMax, mantissa.magnitude < powerOfTen(38) else { return nil }
        self.init(mantissa: mantissa, scale: scale)
    }

    private func sum(with other: ExactDecimal) -> ExactDecimal? {
        let wide = max(scale, other.scale)
        let (left, leftOver) = mantissa.multipliedReportingOverflow(by: Int128(powerOfTen(wide - scale)))
        let (right, rightOver) = other.mantissa.multipliedReportingOverflow(by: Int128(powerOfTen(wide - other.scale)))
        guard !leftOver, !rightOver else { return nil }
        let (total, totalOver) = left.addingReportingOverflow(right)
        return totalOver ? nil : ExactDecimal(checked: total, scale: wide)
    }

    private func product(with other: ExactDecimal) -> ExactDecimal? {
        let (value, overflow) = mantissa.multipliedReportingOverflow(by: other.mantissa)
        return overflow ? nil : ExactDecimal(checked: value, scale: scale + other.scale)
    }

    /// `|mantissa| / (divisor * 10^shift)`: the quotient has fewer decimals than the dividend.
    private func dividedCoarsely(
        by divisor: UInt128, shift: Int, isNegative: Bool, scale wanted: Int, rounding: Rounding
    ) throws(Refusal) -> ExactDecimal {
        let (whole, overflow) = divisor.multipliedReportingOverflow(by: powerOfTen(shift))
        let value = mantissa.magnitude
        // Past 2^128 the divisor is more than twice any mantissa: the quotient is 0 and the rest under half.
        let (quotient, rest) = overflow ? (0, value) : value.quotientAndRemainder(dividingBy: whole)
        return try ExactDecimal.rounded(
            quotient, rest: rest, of: overflow ? UInt128.max : whole, isNegative: isNegative, scale: wanted, rounding: rounding)
    }

    private static func rounded(
        _ quotient: UInt128, rest: UInt128, of divisor: UInt128, isNegative: Bool, scale: Int, rounding: Rounding
    ) throws(Refusal) -> ExactDecimal {
        guard quotient < powerOfTen(38) else { throw .decimalRange }
        let goesUp = rounding.goesUp(isOdd: quotient & 1 == 1, rest: rest, of: divisor, isNegative: isNegative)
        let value = Int128(goesUp ? quotient + 1 : quotient)
        guard let result = ExactDecimal(checked: isNegative ? -value : value, scale: scale) else { throw .decimalRange }
        return result
    }
}

extension ExactDecimal.Rounding {
    /// Whether the magnitude grows by one in its last place, given that `rest` of `divisor` was left over.
    fileprivate func goesUp(isOdd: Bool, rest: UInt128, of divisor: UInt128, isNegative: Bool) -> Bool {
        guard rest > 0 else { return false }
        let missing = divisor - rest
        let isHalf = rest == missing
        let isMore = rest > missing
        return switch self {
        case .halfUp: isHalf || isMore
        case .halfEven: isMore || isHalf && isOdd
        case .halfTowardPositive: isMore || isHalf && !isNegative
        case .down: false
        case .up: true
        case .floor: isNegative
        case .ceiling: !isNegative
        }
    }
}

extension Refusal {
    fileprivate static let decimalRange = Refusal(
        .invalid, reason: "decimal.range", "A result needs more than 38 digits, more than we compute with.")
}
