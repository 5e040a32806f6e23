/// An ISO 4217 currency: three upper-case ASCII letters and the digits of its minor unit.
package struct Currency: Hashable, Sendable, CustomStringConvertible {
    package let code: String
    package let minorDigits: Int

    /// Nil for anything that is not a listed ISO 4217 alphabetic code.
    package init?(_ code: some StringProtocol) {
        guard let digits = Currency.minorDigits(of: String(code)) else { return nil }
        self.code = String(code)
        minorDigits = digits
    }

    package var description: String { code }
}

/// An amount in the currency's minor unit: 12.30 EUR is 1230. At most 10^15 units either way, checked on entry.
package struct Money: Hashable, Sendable, CustomStringConvertible {
    package static let unitsMax: Int64 = 1_000_000_000_000_000

    package let minorUnits: Int64
    package let currency: Currency

    /// Throws a refusal when the amount is beyond 10^15 minor units.
    package init(minorUnits: Int64, currency: Currency) throws(Refusal) {
        guard minorUnits.magnitude <= UInt64(Money.unitsMax) else {
            throw Refusal(.invalid, reason: "money.range", "An amount may have at most 10^15 minor units of \(currency).")
        }
        self.minorUnits = minorUnits
        self.currency = currency
    }

    private init(checked minorUnits: Int64, _ currency: Currency) {
        self.minorUnits = minorUnits
        self.currency = currency
    }

    package static func zero(_ currency: Currency) -> Money { Money(checked: 0, currency) }

    /// Adds two amounts of one currency inside one checked object; document values go through `sum(_:)`.
    ///
    /// Mixing currencies is a bug in the caller, since converting needs a rate and a date. Hence a trap and not an error.
    package static func + (lhs: Money, rhs: Money) -> Money {
        precondition(lhs.currency == rhs.currency, "adding \(lhs.currency) to \(rhs.currency)")
        return Money(checked: lhs.minorUnits + rhs.minorUnits, lhs.currency)
    }

    package static func - (lhs: Money, rhs: Money) -> Money {
        precondition(lhs.currency == rhs.currency, "subtracting \(rhs.currency) from \(lhs.currency)")
        return Money(checked: lhs.minorUnits - rhs.minorUnits, lhs.currency)
    }

    /// The sum of values that came from a document; a refusal when currencies differ or the range is left.
    package static func sum(_ amounts: some Sequence<Money>, currency: Currency) throws(Refusal) -> Money {
        var total: Int64 = 0
        for amount in amounts {
            guard amount.currency == currency else {
                throw Refusal(
                    .invalid, reason: "money.currency", "An amount in \(amount.currency) stands among amounts in \(currency).")
            }
            let (next, overflow) = total.addingReportingOverflow(amount.minorUnits)
            guard !overflow else { throw Refusal(.invalid, reason: "money.range", "A sum leaves the range of amounts.") }
            total = next
        }
        return try Money(minorUnits: total, currency: currency)
    }

    /// Plain decimal with the currency's digits and no grouping: `48310.00`.
    package var decimalText: String { ExactDecimal(mantissa: Int128(minorUnits), scale: currency.minorDigits).description }

    /// Code before the amount: `EUR 48310.00`.
    package var description: String { "\(currency.code) \(decimalText)" }
}
