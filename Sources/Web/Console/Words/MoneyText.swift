package import Kernel

/// Writes amounts and counts the way a reader's locale groups them: code before, no symbol, a minus sign that is one.
package struct MoneyText: Hashable, Sendable {
    /// What separates thousands and the fraction.
    private let group: String
    private let point: String

    /// `locale` is a BCP 47 tag; its language decides, `de-CH` excepted. An unknown one writes as English does.
    package init(locale: String = "en") {
        let language = locale.prefix { $0 != "-" && $0 != "_" }.lowercased()
        switch (locale, language) {
        case ("de-CH", _): (group, point) = ("’", ".")
        case (_, "de"), (_, "nl"), (_, "es"), (_, "it"), (_, "da"), (_, "pt"), (_, "tr"): (group, point) = (".", ",")
        case (_, "fr"), (_, "sv"), (_, "nb"), (_, "no"), (_, "fi"), (_, "pl"), (_, "cs"): (group, point) = ("\u{202F}", ",")
        default: (group, point) = (",", ".")
        }
    }

    /// `EUR 48,310.00`.
    package func text(_ money: Money) -> String {
        "\(money.currency.code) \(plain(money))"
    }

    /// `48,310.00`, for a column whose head names the currency.
    package func plain(_ money: Money) -> String {
        grouped(money.decimalText)
    }

    /// A document's own amount with its own digits: `EUR 1,200.5000`.
    package func text(_ amount: Amount) -> String {
        "\(amount.currency.code) \(grouped(amount.text))"
    }

    package func plain(_ amount: Amount) -> String { grouped(amount.text) }

    /// A quantity, rate or price.
    package func text(_ value: ExactDecimal) -> String { grouped(value.description) }

    /// A count: `1,284`.
    package func count(_ value: Int) -> String { grouped(String(value)) }

    /// A difference, with its sign and a thin gap: `+ 0.44`, `− 528.00`, `0`.
    package func difference(_ value: ExactDecimal) -> String {
        if value.isZero { return grouped(value.description) }
        let text = grouped(value.description)
        return value.isNegative ? "− " + text.dropFirst() : "+ " + text
    }

    /// Groups plain decimal text; text that is no plain decimal is given back as it is.
    package func grouped(_ plain: String) -> String {
        let isNegative = plain.hasPrefix("-")
        let digits = isNegative ? plain.dropFirst() : plain[...]
        guard digits.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2E }) else { return plain }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first else { return plain }
        var out = isNegative ? "−" : ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index) % 3 == 0 { out += group }
            out.append(digit)
        }
        return parts.count == 2 ? out + point + parts[1] : out
    }
}
