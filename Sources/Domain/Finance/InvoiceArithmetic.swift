internal import Kernel

/// The arithmetic of EN 16931: BR-CO-10 to BR-CO-17, BR-S-08 and BR-S-09, computed exactly.
///
/// Each rule stands alone: it speaks where its own figures are and is silent elsewhere. Rounding is XPath's `round`, half towards
/// positive infinity, because the official rules are written in XPath: a credit of -0.125 rounds to -0.12 there.
package enum InvoiceArithmetic {
    package static let ruleSet = "EN 16931"
    /// The edition of the official rules whose verdicts these repeat.
    package static let ruleSetVersion = "1.3.16"
    package static let rules = [
        "BR-CO-10", "BR-CO-11", "BR-CO-12", "BR-CO-13", "BR-CO-14", "BR-CO-15", "BR-CO-16", "BR-CO-17", "BR-S-08", "BR-S-09",
    ]

    /// All that is wrong, in the order of the rules; empty when every rule is satisfied or does not apply.
    package static func findings(_ figures: DeclaredFigures) -> [Finding] {
        var check = ArithmeticCheck(figures: figures)
        check.run()
        return check.findings
    }
}

struct ArithmeticCheck {
    typealias Figure = DeclaredFigures.Figure

    let figures: DeclaredFigures
    private(set) var findings: [Finding] = []

    init(figures: DeclaredFigures) { self.figures = figures }

    mutating func run() {
        if figures.hasTotals {
            attempt("BR-CO-10") { check throws(Refusal) in try check.lineTotal() }
            attempt("BR-CO-11") { check throws(Refusal) in
                try check.partTotal(
                    "BR-CO-11", "BT-107", check.figures.allowances, check.figures.documentAllowances, "allowances")
            }
            attempt("BR-CO-12") { check throws(Refusal) in
                try check.partTotal("BR-CO-12", "BT-108", check.figures.charges, check.figures.documentCharges, "charges")
            }
            attempt("BR-CO-13") { check throws(Refusal) in try check.withoutTax() }
        }
        attempt("BR-CO-14") { check throws(Refusal) in try check.taxTotals() }
        attempt("BR-CO-15") { check throws(Refusal) in try check.withTax() }
        if figures.hasTotals { attempt("BR-CO-16") { check throws(Refusal) in try check.payable() } }
        for row in figures.breakdown {
            attempt("BR-CO-17") { check throws(Refusal) in try check.categoryTax(row) }
        }
        for row in figures.breakdown where row.category == "S" && row.isVAT {
            attempt("BR-S-08") { check throws(Refusal) in try check.standardTaxable(row) }
        }
        for row in figures.breakdown where row.category == "S" && row.isVAT {
            attempt("BR-S-09") { check throws(Refusal) in try check.standardTax(row) }
        }
    }

    /// Figures beyond the range of decimals are as wrong as figures that do not add up, and are reported under the rule.
    private mutating func attempt(_ rule: String, _ body: (inout ArithmeticCheck) throws(Refusal) -> Void) {
        do {
            try body(&self)
        } catch {
            report(rule, "The figures are too large to be added up.", at: nil)
        }
    }

    private mutating func report(
        _ rule: String, _ message: String, term: String? = nil, at figure: Figure?, expected: ExactDecimal? = nil
    ) {
        findings.append(
            Finding(
                rule: rule, ruleSet: InvoiceArithmetic.ruleSet + " " + InvoiceArithmetic.ruleSetVersion, severity: .fatal,
                message: message, term: term, line: figure?.line, column: figure?.column, expected: expected?.description,
                actual: figure?.text))
    }

    private func shown(_ figure: Figure?) -> String { figure?.text ?? "nothing" }

    private func cents(_ value: ExactDecimal) -> ExactDecimal { value.rounded(scale: 2, .halfTowardPositive) }

    private func sum(_ parts: some Sequence<Figure?>) throws(Refusal) -> ExactDecimal {
        var total = ExactDecimal.zero
        for case let part? in parts {
            guard let value = part.value else {
                throw Refusal(.invalid, reason: "figure.form", "\(part.text) is not a number.")
            }
            total = try total.adding(value)
        }
        return total
    }

    private mutating func lineTotal() throws(Refusal) {
        let total = cents(try sum(figures.lines.map(\.amount)))
        guard let declared = figures.lineNet else {
            return report(
                "BR-CO-10", "The sum of line amounts (BT-106) is missing; the lines add up to \(total).", term: "BT-106", at: nil,
                expected: total)
        }
        guard declared.value != total else { return }
        report(
            "BR-CO-10", "The lines add up to \(total) and not to \(declared.text) (BT-106).", term: "BT-106", at: declared,
            expected: total)
    }

    private mutating func partTotal(
        _ rule: String, _ term: String, _ declared: Figure?, _ parts: [DeclaredFigures.Taxed], _ name: String
    ) throws(Refusal) {
        if declared == nil && parts.isEmpty { return }
        let total = cents(try sum(parts.map(\.amount)))
        guard let declared else {
            return report(
                rule, "The \(name) of the document add up to \(total), and \(term) is missing.", term: term, at: nil,
                expected: total)
        }
        guard declared.value != total else { return }
        report(
            rule, "The \(name) of the document add up to \(total) and not to \(declared.text) (\(term)).", term: term,
            at: declared, expected: total)
    }

    private mutating func withoutTax() throws(Refusal) {
        guard let net = figures.lineNet?.value else {
            return report(
                "BR-CO-13", "BT-109 cannot be checked: the sum of line amounts (BT-106) is missing.", term: "BT-109",
                at: figures.taxExclusive)
        }
        var total = net
        if let allowances = figures.allowances { total = try total.subtracting(try sum([allowances])) }
        if let charges = figures.charges { total = try total.adding(try sum([charges])) }
        let isPlain = figures.allowances == nil && figures.charges == nil && figures.binding == .ubl
        let expected = isPlain ? total : cents(total)
        guard figures.taxExclusive?.value != expected else { return }
        report(
            "BR-CO-13",
            "Lines, allowances and charges give \(expected) and not \(shown(figures.taxExclusive)) (BT-109).",
            term: "BT-109", at: figures.taxExclusive, expected: expected)
    }

    private mutating func taxTotals() throws(Refusal) {
        for total in figures.taxTotals {
            switch figures.binding {
            case .ubl: guard !total.subtotals.isEmpty else { continue }
            case .cii: guard total.currency == figures.currency else { continue }
            }
            let expected = cents(try sum(total.subtotals))
            guard total.amount?.value != expected else { continue }
            report(
                "BR-CO-14",
                "The tax of the breakdown adds up to \(expected) and not to \(total.amount?.text ?? "nothing") (BT-110).",
                term: "BT-110", at: total.amount, expected: expected)
        }
    }

    private mutating func withTax() throws(Refusal) {
        guard let currency = figures.currency else { return }
        let exclusive = figures.taxExclusive?.value
        let inclusive = figures.taxInclusive?.value
        if figures.binding == .cii, let exclusive, inclusive == exclusive { return }
        let taxes = figures.taxTotals.filter { $0.currency == currency && $0.amount != nil }
        guard taxes.count == 1, let tax = taxes[0].amount else {
            let seen = taxes.isEmpty ? "none" : "\(taxes.count)"
            return report(
                "BR-CO-15", "One tax total in \(currency) (BT-110) is due, and there is \(seen).", term: "BT-112",
                at: figures.taxInclusive)
        }
        guard let exclusive, let value = tax.value else {
            return report(
                "BR-CO-15", "BT-112 cannot be checked: BT-109 or BT-110 is missing.", term: "BT-112", at: figures.taxInclusive)
        }
        let expected = cents(try exclusive.adding(value))
        guard inclusive != expected else { return }
        report(
            "BR-CO-15",
            "\(shown(figures.taxExclusive)) and \(tax.text) tax are \(expected) and not \(shown(figures.taxInclusive)) (BT-112).",
            term: "BT-112", at: figures.taxInclusive, expected: expected)
    }

    private mutating func payable() throws(Refusal) {
        guard let inclusive = figures.taxInclusive?.value else {
            return report(
                "BR-CO-16", "BT-115 cannot be checked: the total with tax (BT-112) is missing.", term: "BT-115",
                at: figures.payable)
        }
        var expected = inclusive
        if let prepaid = figures.prepaid { expected = try expected.subtracting(try sum([prepaid])) }
        // UBL's rule takes the rounding amount off what is payable before it compares, CII's adds it to what is due.
        let rounding = try sum([figures.rounding])
        if figures.binding == .ubl, figures.prepaid != nil { expected = cents(expected) }
        var declared = figures.payable?.value
        if figures.binding == .ubl, figures.rounding != nil { declared = cents(try (declared ?? .zero).subtracting(rounding)) }
        if figures.binding == .cii { expected = try expected.adding(rounding) }
        guard figures.payable == nil || declared != expected else { return }
        let due = figures.binding == .ubl ? try expected.adding(rounding) : expected
        report(
            "BR-CO-16",
            "With prepayment and rounding \(due) is due and not \(figures.payable?.text ?? "nothing") (BT-115).",
            term: "BT-115", at: figures.payable, expected: due)
    }

    private mutating func categoryTax(_ row: DeclaredFigures.Breakdown) throws(Refusal) {
        let rate = row.isVAT ? row.rate?.value : nil
        guard let rate, !rate.rounded(scale: 0, .halfTowardPositive).isZero else {
            if let tax = row.tax?.value, tax.rounded(scale: 0, .halfTowardPositive).isZero { return }
            let why = rate == nil ? "without a VAT rate" : "at \(row.rate?.text ?? "0") %"
            return report(
                "BR-CO-17", "There is tax of \(row.tax?.text ?? "nothing") (BT-117) \(why).", term: "BT-117", at: row.tax,
                expected: .zero)
        }
        try taxOfRow("BR-CO-17", row, rate: rate, isInclusive: figures.binding == .cii)
    }

    private mutating func standardTax(_ row: DeclaredFigures.Breakdown) throws(Refusal) {
        guard let rate = row.rate?.value else {
            return report("BR-S-09", "The standard rate (BT-119) is missing.", term: "BT-117", at: row.tax)
        }
        try taxOfRow("BR-S-09", row, rate: rate, isInclusive: false)
    }

    /// Tax may stray from base times rate by less than one whole unit, since it may have been rounded per line.
    private mutating func taxOfRow(
        _ rule: String, _ row: DeclaredFigures.Breakdown, rate: ExactDecimal, isInclusive: Bool
    ) throws(Refusal) {
        guard let taxable = row.taxable?.value, let tax = row.tax?.value else {
            return report(
                rule, "The tax of a rate cannot be checked: base (BT-116) or tax (BT-117) is missing.", term: "BT-117",
                at: row.tax)
        }
        let product = try taxable.magnitude.multiplied(by: rate)
        let expected = cents(try product.multiplied(by: ExactDecimal(mantissa: 1, scale: 2)))
        let distance = try tax.magnitude.subtracting(expected).magnitude
        if distance < .one || (isInclusive && distance == .one) { return }
        report(
            rule,
            "\(row.taxable?.text ?? "") at \(row.rate?.text ?? "") % is \(expected) and not \(row.tax?.text ?? "") (BT-117).",
            term: "BT-117", at: row.tax, expected: expected)
    }

    private mutating func standardTaxable(_ row: DeclaredFigures.Breakdown) throws(Refusal) {
        guard let rate = row.rate?.value else { return }
        func amounts(_ parts: [DeclaredFigures.Taxed]) -> [Figure?] {
            parts.filter { part in part.taxes.contains { $0.category == "S" && $0.rate == rate } }.map(\.amount)
        }
        let lines = amounts(figures.lines)
        let charges = amounts(figures.documentCharges)
        let allowances = amounts(figures.documentAllowances)
        var total = try sum(lines)
        total = try total.adding(try sum(charges)).subtracting(try sum(allowances))
        let isFounded = figures.binding == .cii || !(lines.isEmpty && charges.isEmpty && allowances.isEmpty)
        if isFounded, let taxable = row.taxable?.value, try taxable.subtracting(total).magnitude < .one { return }
        report(
            "BR-S-08",
            "Lines, charges and allowances at \(rate) % add up to \(total) and not to \(shown(row.taxable)) (BT-116).",
            term: "BT-116", at: row.taxable, expected: total)
    }
}
