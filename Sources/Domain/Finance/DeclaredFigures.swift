package import Kernel

/// The figures a document declares, as far as it declares them, for the arithmetic of EN 16931.
///
/// It is looser than `Invoice` on purpose: the rules must give their verdict on a document that lacks everything else, so every
/// figure may be absent, and may be present and unreadable.
package struct DeclaredFigures: Sendable {
    /// The rules were written twice, once per syntax, and differ in a few places.
    package enum Binding: Sendable { case ubl, cii }

    /// A number where one was written; `value` is nil when what was written is none.
    package struct Figure: Sendable {
        package var text: String
        package var value: ExactDecimal?
        package var line: Int?
        package var column: Int?

        package init(text: String, value: ExactDecimal?, line: Int? = nil, column: Int? = nil) {
            self.text = text
            self.value = value
            self.line = line
            self.column = column
        }

        package init(_ amount: Amount) { self.init(text: amount.text, value: amount.value) }

        /// Reads what XML Schema calls a decimal: a sign, leading zeros and a bare point are permitted, an exponent is not.
        package static func value(of text: some StringProtocol) -> ExactDecimal? {
            if let plain = ExactDecimal(text) { return plain }
            var bytes = Array(text.utf8)
            let isNegative = bytes.first == UInt8(ascii: "-")
            if isNegative || bytes.first == UInt8(ascii: "+") { bytes.removeFirst() }
            let whole = bytes.prefix { $0 != UInt8(ascii: ".") }
            let fraction = bytes.dropFirst(whole.count + 1)
            guard whole.allSatisfy(isDigit), fraction.allSatisfy(isDigit), whole.count + fraction.count > 0 else { return nil }
            let significant = whole.drop { $0 == UInt8(ascii: "0") }
            let head = significant.isEmpty ? "0" : String(decoding: significant, as: UTF8.self)
            let tail = fraction.isEmpty ? "" : "." + String(decoding: fraction, as: UTF8.self)
            return ExactDecimal((isNegative ? "-" : "") + head + tail)
        }
    }

    /// A line, allowance or charge with the tax it falls under.
    package struct Taxed: Sendable {
        package var amount: Figure?
        /// Category and rate pairs; normally one.
        package var taxes: [(category: String, rate: ExactDecimal?)]

        package init(amount: Figure?, taxes: [(category: String, rate: ExactDecimal?)]) {
            self.amount = amount
            self.taxes = taxes
        }
    }

    package struct Breakdown: Sendable {
        /// BT-116.
        package var taxable: Figure?
        /// BT-117.
        package var tax: Figure?
        /// BT-118.
        package var category: String?
        /// BT-119.
        package var rate: Figure?
        /// Whether the row is about VAT; other taxes (GST) share the element.
        package var isVAT: Bool
        package var line: Int?
        package var column: Int?

        package init(
            taxable: Figure?, tax: Figure?, category: String?, rate: Figure?, isVAT: Bool, line: Int? = nil, column: Int? = nil
        ) {
            self.taxable = taxable
            self.tax = tax
            self.category = category
            self.rate = rate
            self.isVAT = isVAT
            self.line = line
            self.column = column
        }
    }

    /// BT-110 or BT-111, with the sum of the breakdown that hangs under it.
    package struct TaxTotal: Sendable {
        package var amount: Figure?
        package var currency: String?
        package var subtotals: [Figure?]

        package init(amount: Figure?, currency: String?, subtotals: [Figure?]) {
            self.amount = amount
            self.currency = currency
            self.subtotals = subtotals
        }
    }

    package var binding: Binding
    /// BT-5.
    package var currency: String?
    /// Whether there is a group of totals at all; several rules speak only where there is one.
    package var hasTotals = false
    package var lineNet: Figure?
    package var allowances: Figure?
    package var charges: Figure?
    package var taxExclusive: Figure?
    package var taxInclusive: Figure?
    package var prepaid: Figure?
    package var rounding: Figure?
    package var payable: Figure?
    package var taxTotals: [TaxTotal] = []
    package var breakdown: [Breakdown] = []
    package var lines: [Taxed] = []
    package var documentAllowances: [Taxed] = []
    package var documentCharges: [Taxed] = []

    package init(binding: Binding) { self.binding = binding }

    /// The figures of a canonical invoice, for one that came without a document.
    package init(_ invoice: Invoice) {
        self.init(binding: .ubl)
        currency = invoice.currency.code
        hasTotals = true
        lineNet = Figure(invoice.totals.lineNet)
        allowances = invoice.totals.allowances.map(Figure.init)
        charges = invoice.totals.charges.map(Figure.init)
        taxExclusive = Figure(invoice.totals.taxExclusive)
        taxInclusive = Figure(invoice.totals.taxInclusive)
        prepaid = invoice.totals.prepaid.map(Figure.init)
        rounding = invoice.totals.rounding.map(Figure.init)
        payable = Figure(invoice.totals.payable)
        breakdown = invoice.taxBreakdown.map { row in
            Breakdown(
                taxable: Figure(row.taxable), tax: Figure(row.tax), category: row.category.rawValue,
                rate: row.rate.map { Figure(text: $0.description, value: $0.value) }, isVAT: true)
        }
        if let tax = invoice.totals.tax {
            taxTotals = [TaxTotal(amount: Figure(tax), currency: currency, subtotals: breakdown.map(\.tax))]
        }
        lines = invoice.lines.map { line in
            Taxed(amount: Figure(line.netAmount), taxes: line.taxCategory.map { [($0.rawValue, line.taxRate?.value)] } ?? [])
        }
        for row in invoice.allowancesCharges {
            let taxed = Taxed(
                amount: Figure(row.amount), taxes: row.taxCategory.map { [($0.rawValue, row.taxRate?.value)] } ?? [])
            if row.isCharge { documentCharges.append(taxed) } else { documentAllowances.append(taxed) }
        }
    }
}
