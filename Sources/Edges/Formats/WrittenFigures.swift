internal import Finance
internal import Kernel

extension DeclaredFigures.Figure {
    init(_ written: Written) {
        self.init(
            text: written.text, value: Self.value(of: written.text), line: written.node.line, column: written.node.column)
    }
}

extension DeclaredFigures {
    /// The figures as the document writes them.
    init(_ written: WrittenInvoice) {
        self.init(binding: written.isCII ? .cii : .ubl)
        currency = written.currency?.text
        breakdown = written.breakdown.map { row in
            Breakdown(
                taxable: row.taxable.map(Figure.init), tax: row.tax.map(Figure.init), category: row.category?.text,
                rate: row.rate.map(Figure.init), isVAT: row.isVAT, line: row.node.line, column: row.node.column)
        }
        taxTotals = written.taxTotals.map { total in
            TaxTotal(amount: total.amount.map(Figure.init), currency: total.currency, subtotals: breakdown[total.rows].map(\.tax))
        }
        lines = written.lines.map { Taxed(amount: $0.netAmount.map(Figure.init), taxes: Self.taxes($0.taxes)) }
        for row in written.adjustments {
            let taxed = Taxed(amount: row.amount.map(Figure.init), taxes: Self.taxes(row.taxes))
            switch row.isCharge {
            case true?: documentCharges.append(taxed)
            case false?: documentAllowances.append(taxed)
            case nil: continue
            }
        }
        guard let totals = written.totals else { return }
        hasTotals = true
        lineNet = totals.lineNet.map(Figure.init)
        allowances = totals.allowances.map(Figure.init)
        charges = totals.charges.map(Figure.init)
        taxExclusive = totals.taxExclusive.map(Figure.init)
        taxInclusive = totals.taxInclusive.map(Figure.init)
        prepaid = totals.prepaid.map(Figure.init)
        rounding = totals.rounding.map(Figure.init)
        payable = totals.payable.map(Figure.init)
    }

    private static func taxes(_ pairs: [(category: Written?, rate: Written?)]) -> [(category: String, rate: ExactDecimal?)] {
        pairs.compactMap { pair in
            pair.category.map { (category: $0.text, rate: pair.rate.flatMap { Figure.value(of: $0.text) }) }
        }
    }
}
