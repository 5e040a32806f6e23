/// What a document says: a number as it was written, and its currency.
///
/// It is kept apart from `Money` because a document may be wrong: `12.345 EUR` can be shown, hashed and disputed, but it is
/// not money until somebody says what to do with the third decimal.
package struct Amount: Hashable, Sendable, CustomStringConvertible {
    package static let wholeDigitsMax = 15
    package static let decimalsMax = 8

    /// Exactly as written; trailing zeros are kept.
    package let text: String
    package let currency: Currency
    package let value: ExactDecimal

    /// Takes `^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,8})?$` without a negative zero; anything else is refused as `amount.form`.
    package init(_ text: String, currency: Currency) throws(Refusal) {
        guard let value = ExactDecimal(text), value.scale <= Amount.decimalsMax,
            text.utf8.prefix(while: { $0 != UInt8(ascii: ".") }).drop(while: { $0 == UInt8(ascii: "-") }).count
                <= Amount.wholeDigitsMax,
            !(value.isZero && text.utf8.first == UInt8(ascii: "-"))
        else {
            throw Refusal(
                .invalid, reason: "amount.form",
                "An amount is written as plain digits with a point, at most 15 before it and 8 after it, such as 48310.00.")
        }
        self.text = text
        self.currency = currency
        self.value = value
    }

    /// Money as a document of ours writes it, with the currency's decimals.
    package init(_ money: Money) {
        text = money.decimalText
        currency = money.currency
        value = ExactDecimal(money)
    }

    /// The same amount in minor units; `amount.scale` when it has decimals that the currency has not, `money.range` past 10^15.
    package func money() throws(Refusal) -> Money {
        guard value.normalized.scale <= currency.minorDigits else {
            throw Refusal(
                .invalid, reason: "amount.scale",
                "\(text) has more decimals than \(currency), which has \(currency.minorDigits).",
                facts: ["amount": text, "currency": currency.code])
        }
        return try value.money(currency)
    }

    package var description: String { "\(currency.code) \(text)" }

    package static func == (lhs: Amount, rhs: Amount) -> Bool { lhs.text == rhs.text && lhs.currency == rhs.currency }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(text)
        hasher.combine(currency)
    }
}
