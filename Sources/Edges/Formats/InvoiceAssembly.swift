internal import Finance
internal import Kernel

/// Makes a canonical invoice out of what a document writes, strictly: nothing is coerced, and what is missing or unreadable is a
/// finding with its place. The rule ids of missing terms are those of EN 16931.
struct InvoiceAssembly {
    private(set) var findings: [Finding] = []
    private let written: WrittenInvoice
    /// The document's currency, once it is known to be one.
    private let currency: Currency?
    /// Set when the invoice cannot be made.
    private var isIncomplete = false

    init(_ written: WrittenInvoice) {
        self.written = written
        currency = written.currency.flatMap { Currency($0.text) }
    }

    /// The invoice, or nil when a required term is missing or unreadable; the findings tell in either case.
    mutating func invoice() -> Invoice? {
        let number = text(written.number, "BR-02", "BT-1", "the invoice number")
        let issueDate = required(written.issueDate, "BR-03", "BT-2", "the issue date") { CivilDate($0) }
        let kind = required(written.typeCode, "BR-04", "BT-3", "the type of document") { InvoiceAssembly.kind(of: $0) }
        let known = required(written.currency, "BR-05", "BT-5", "the currency") { Currency($0) }
        let seller = party(written.seller, "BR-06", "BT-27", "the seller's name")
        let buyer = party(written.buyer, "BR-07", "BT-44", "the buyer's name")
        let totals = known == nil ? nil : totals()
        let breakdown = known == nil ? [] : written.breakdown.filter(\.isVAT).compactMap { taxRow($0) }
        let lines = known == nil ? [] : lines()
        guard !isIncomplete, let number, let issueDate, let kind, let known, let seller, let buyer, let totals else { return nil }
        var out = Invoice(
            kind: kind, number: number, issueDate: issueDate, currency: known, seller: seller, buyer: buyer, totals: totals,
            taxBreakdown: breakdown, lines: lines)
        header(&out)
        parties(&out)
        payment(&out)
        out.allowancesCharges = written.adjustments.compactMap { adjustment($0, isOfLine: false) }
        out.attachments = written.documents.compactMap { attachment($0) }
        return isIncomplete ? nil : out
    }

    /// UNTDID 1001, coarsely: whatever is none of the others asks for money, and is an invoice.
    static func kind(of code: String) -> Invoice.Kind? {
        guard !code.isEmpty, code.utf8.count <= 3, code.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else {
            return nil
        }
        return switch code {
        case "81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "502", "503", "532": .creditNote
        case "84", "383": .debitNote
        case "384": .corrected
        case "386": .prepayment
        case "389", "527", "471": .selfBilled
        default: .invoice
        }
    }

    // MARK: Terms

    private mutating func report(
        _ rule: String, _ message: String, term: String? = nil, at node: XMLNode? = nil, actual: String? = nil,
        severity: Finding.Severity = .fatal
    ) {
        findings.append(
            Finding(
                rule: rule, severity: severity, message: message, term: term, path: node?.path, line: node?.line,
                column: node?.column, actual: actual.map { String($0.prefix(100)) }))
    }

    private mutating func invalid(_ what: Written, _ term: String, _ why: String) {
        report(
            ExceptionCode.documentInvalid.rawValue, "\(what.text.prefix(60)) (\(term)) \(why).", term: term, at: what.node,
            actual: what.text)
    }

    private mutating func required<T>(
        _ what: Written?, _ rule: String, _ term: String, _ name: String, in place: XMLNode? = nil, _ read: (String) -> T?
    ) -> T? {
        guard let what else {
            report(rule, "There is no \(term), \(name).", term: term, at: place ?? written.root)
            isIncomplete = true
            return nil
        }
        if let value = read(what.text) { return value }
        invalid(what, term, "is not readable as \(name)")
        isIncomplete = true
        return nil
    }

    private mutating func text(
        _ what: Written?, _ rule: String, _ term: String, _ name: String, in place: XMLNode? = nil
    ) -> String? {
        required(what, rule, term, name, in: place) { $0.utf8.count <= JSONFields.textBytesMax ? $0 : nil }
    }

    /// Texts beyond the bound are reported and left out, never cut.
    private mutating func text(_ what: Written?, _ term: String) -> String? {
        guard let what else { return nil }
        guard what.text.utf8.count <= JSONFields.textBytesMax else {
            invalid(what, term, "has more than \(JSONFields.textBytesMax) bytes")
            return nil
        }
        return what.text
    }

    private mutating func date(_ what: Written?, _ term: String) -> CivilDate? {
        guard let what else { return nil }
        if let date = CivilDate(what.text) { return date }
        invalid(what, term, "is not a date")
        return nil
    }

    /// An amount in its own currency where the document writes one, else in the document's.
    private mutating func amount(_ what: Written?, _ term: String, in other: Currency? = nil) -> Amount? {
        guard let what, let wanted = other ?? currency else { return nil }
        if let code = what.node.attribute("currencyID"), code != wanted.code {
            invalid(what, term, "is in \(code) and not in \(wanted)")
            return nil
        }
        do {
            return try Amount(InvoiceAssembly.withoutIdleZeros(what.text), currency: wanted)
        } catch {
            invalid(what, term, "is not an amount: plain digits with a point, at most 15 before it and 8 after it")
            return nil
        }
    }

    /// Programs write prices such as `10.000000000000000000`. Zeros past the eighth decimal are taken off, which changes no
    /// value; everything else stays as it was written.
    static func withoutIdleZeros(_ text: String) -> String {
        guard let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { return text }
        let tail = text.utf8[point...].dropFirst(1 + Amount.decimalsMax)
        guard !tail.isEmpty, tail.allSatisfy({ $0 == UInt8(ascii: "0") }) else { return text }
        return String(text[..<tail.startIndex])
    }

    private mutating func total(_ what: Written?, _ rule: String?, _ term: String, _ name: String) -> Amount? {
        guard what != nil || rule != nil else { return nil }
        guard what != nil else {
            report(rule ?? "", "There is no \(term), \(name).", term: term, at: written.totals?.node ?? written.root)
            isIncomplete = true
            return nil
        }
        guard let amount = amount(what, term) else {
            isIncomplete = true
            return nil
        }
        if let what, amount.value.normalized.scale > amount.currency.minorDigits {
            invalid(what, term, "has more decimals than \(amount.currency), which has \(amount.currency.minorDigits)")
        }
        return amount
    }

    private mutating func percent(_ what: Written?, _ term: String) -> Percent? {
        guard let what else { return nil }
        do {
            if let value = DeclaredFigures.Figure.value(of: what.text) { return try Percent(value) }
        } catch {
            invalid(what, term, "is not a percentage from 0 to 100 with at most \(Percent.decimalsMax) decimals")
            return nil
        }
        invalid(what, term, "is not a number")
        return nil
    }

    private mutating func category(_ what: Written?, _ term: String) -> TaxCategory? {
        guard let what else { return nil }
        if let category = TaxCategory(rawValue: what.text) { return category }
        invalid(what, term, "is not a tax category")
        return nil
    }

    private mutating func period(_ start: Written?, _ end: Written?, _ first: String, _ last: String) -> Period? {
        guard start != nil || end != nil else { return nil }
        return Period(start: date(start, first), end: date(end, last))
    }

    // MARK: Groups

    private mutating func header(_ out: inout Invoice) {
        out.typeCode = written.typeCode?.text
        out.dueDate = date(written.dueDate, "BT-9")
        out.taxPointDate = date(written.taxPointDate, "BT-7")
        out.period = period(written.periodStart, written.periodEnd, "BT-73", "BT-74")
        if let code = written.taxCurrency {
            out.taxCurrency = Currency(code.text)
            if out.taxCurrency == nil { invalid(code, "BT-6", "is not a currency") }
        }
        if let other = out.taxCurrency {
            out.taxTotalInTaxCurrency = amount(written.taxTotalInTaxCurrency?.amount, "BT-111", in: other)
        }
        out.specification = text(written.specification, "BT-24")
        out.notes = written.notes.prefix(Invoice.attachmentsMax).compactMap { text($0, "BT-22") }
        out.buyerReference = text(written.buyerReference, "BT-10")
        out.projectRef = text(written.projectRef, "BT-11")
        out.contractRef = text(written.contractRef, "BT-12")
        out.orderRef = text(written.orderRef, "BT-13")
        out.receiptRef = text(written.receiptRef, "BT-15")
        out.precedingInvoices = written.preceding.compactMap { earlier in
            text(earlier.number, "BT-25").map { PrecedingInvoice(number: $0, issueDate: date(earlier.issueDate, "BT-26")) }
        }
    }

    private mutating func parties(_ out: inout Invoice) {
        out.payee = written.payee.flatMap { party($0, "BR-17", "BT-59", "the payee's name", isRequired: false) }
        out.taxRepresentative = written.taxRepresentative.flatMap {
            party($0, "BR-18", "BT-62", "the tax representative's name", isRequired: false)
        }
        let delivery = Delivery(
            name: text(written.deliveryName, "BT-70"),
            location: written.deliveryLocation.map { identifier($0, prefix: "iso6523:") },
            date: date(written.deliveryDate, "BT-72"), address: written.deliveryAddress.flatMap { address($0, "BT-80") })
        if delivery != Delivery() { out.deliverTo = delivery }
    }

    private mutating func party(
        _ what: WrittenInvoice.Party?, _ rule: String, _ term: String, _ name: String, isRequired: Bool = true
    ) -> PartyDetails? {
        guard let what, let legalName = what.name else {
            report(rule, "There is no \(term), \(name).", term: term, at: what?.node ?? written.root)
            if isRequired { isIncomplete = true }
            return nil
        }
        guard let checked = text(legalName, rule, term, name) else { return nil }
        var out = PartyDetails(legalName: checked)
        out.tradingName = text(what.tradingName, "BT-28")
        out.identifiers = what.identifiers.prefix(Invoice.attachmentsMax).map { identifier($0, prefix: "iso6523:") }
        out.vatId = text(what.vatId, "BT-31")
        out.legalId = what.legalId.map { identifier($0, prefix: "iso6523:") }
        out.taxRegistrationId = text(what.taxRegistrationId, "BT-32")
        out.endpoint = what.endpoint.map { identifier($0, prefix: "eas:") }
        out.address = what.address.flatMap { address($0, "BT-40") }
        let contact = Contact(
            name: text(what.contactName, "BT-41"), phone: text(what.contactPhone, "BT-42"),
            email: text(what.contactEmail, "BT-43"))
        if contact != Contact() { out.contact = contact }
        return out
    }

    private func identifier(_ what: WrittenIdentifier, prefix: String) -> Identifier {
        Identifier(
            scheme: what.scheme.map { prefix + $0 } ?? Identifier.unqualified,
            value: String(what.value.text.prefix(JSONFields.textBytesMax / 4)))
    }

    private mutating func address(_ what: WrittenInvoice.Address, _ term: String) -> Address? {
        guard let code = what.country else { return nil }
        guard let country = Country(code.text) else {
            invalid(code, term, "is not a country code")
            return nil
        }
        return Address(
            line1: text(what.line1, term), line2: text(what.line2, term), city: text(what.city, term),
            postCode: text(what.postCode, term), subdivision: text(what.subdivision, term), country: country)
    }

    private mutating func payment(_ out: inout Invoice) {
        out.paymentTermsText = text(written.paymentTerms, "BT-20")
        for discount in written.discounts.prefix(Invoice.attachmentsMax) {
            guard let percent = percent(discount.percent, "BT-20") else { continue }
            let days = discount.days.flatMap { Int($0.text) }.flatMap { (0...3660).contains($0) ? $0 : nil }
            out.discounts.append(PaymentDiscount(pct: percent, untilDate: days.map { out.issueDate.adding(days: $0) }))
        }
        for payment in written.payments.prefix(Invoice.attachmentsMax) {
            guard let code = text(payment.meansCode, "BT-81") else {
                report(
                    "BR-49", "There is no BT-81, the means of payment.", term: "BT-81", at: payment.account?.node ?? written.root)
                continue
            }
            let account = text(payment.account, "BT-84").map { number in
                let scheme = BankAccountNumber.check(number) == .notAnIBAN ? "bban" : "iban"
                return AccountDetails(
                    id: Identifier(scheme: scheme, value: number), name: text(payment.accountName, "BT-85"),
                    bic: text(payment.bic, "BT-86"))
            }
            out.paymentInstructions.append(
                PaymentInstruction(
                    meansCode: code, remittanceRef: text(payment.remittanceRef, "BT-83"), account: account,
                    cardLast4: text(payment.card, "BT-87").map { String($0.suffix(4)) }, mandate: text(payment.mandate, "BT-89")))
        }
    }

    private mutating func totals() -> Totals? {
        let what = written.totals
        let lineNet = total(what?.lineNet, "BR-12", "BT-106", "the sum of line amounts")
        let taxExclusive = total(what?.taxExclusive, "BR-13", "BT-109", "the total without tax")
        let taxInclusive = total(what?.taxInclusive, "BR-14", "BT-112", "the total with tax")
        let payable = total(what?.payable, "BR-15", "BT-115", "the amount due")
        let allowances = total(what?.allowances, nil, "BT-107", "")
        let charges = total(what?.charges, nil, "BT-108", "")
        let tax = total(written.taxTotal?.amount, nil, "BT-110", "")
        let prepaid = total(what?.prepaid, nil, "BT-113", "")
        let rounding = total(what?.rounding, nil, "BT-114", "")
        guard let lineNet, let taxExclusive, let taxInclusive, let payable else { return nil }
        return Totals(
            lineNet: lineNet, allowances: allowances, charges: charges, taxExclusive: taxExclusive, tax: tax,
            taxInclusive: taxInclusive, prepaid: prepaid, rounding: rounding, payable: payable)
    }

    private mutating func taxRow(_ what: WrittenInvoice.Breakdown) -> TaxBreakdown? {
        let category = required(what.category, "BR-47", "BT-118", "a tax category", in: what.node) { TaxCategory(rawValue: $0) }
        let taxable = amount(what.taxable, "BT-116")
        let tax = amount(what.tax, "BT-117")
        if what.taxable == nil { report("BR-45", "There is no BT-116, the taxable amount.", term: "BT-116", at: what.node) }
        if what.tax == nil { report("BR-46", "There is no BT-117, the tax of a category.", term: "BT-117", at: what.node) }
        guard let category, let taxable, let tax else {
            isIncomplete = true
            return nil
        }
        return TaxBreakdown(
            category: category, rate: percent(what.rate, "BT-119"), taxable: taxable, tax: tax,
            exemptionCode: text(what.exemptionCode, "BT-121"), exemptionText: text(what.exemptionText, "BT-120"))
    }

    private mutating func adjustment(_ what: WrittenInvoice.Adjustment, isOfLine: Bool) -> AllowanceCharge? {
        let term = isOfLine ? "BT-136" : "BT-92"
        guard let isCharge = what.isCharge, let amount = amount(what.amount, term) else {
            if what.isCharge == nil || what.amount == nil {
                report("BR-31", "An allowance or charge lacks its amount or its indicator.", term: term, at: what.node)
            }
            isIncomplete = true
            return nil
        }
        return AllowanceCharge(
            isCharge: isCharge, amount: amount, baseAmount: self.amount(what.baseAmount, isOfLine ? "BT-137" : "BT-93"),
            pct: percent(what.percent, isOfLine ? "BT-138" : "BT-94"), reasonCode: text(what.reasonCode, "BT-98"),
            reason: text(what.reason, "BT-97"), taxCategory: category(what.taxes.first?.category, "BT-95"),
            taxRate: percent(what.taxes.first?.rate, "BT-96"))
    }

    private mutating func attachment(_ what: WrittenInvoice.SupportingDocument) -> Attachment? {
        guard let ref = text(what.ref, "BT-122") else { return nil }
        var out = Attachment(ref: ref, mime: what.mime, name: what.fileName ?? text(what.description, "BT-123"))
        if let node = what.embedded {
            let digits = node.bytes.filter { !isXMLSpace($0) }
            if let bytes = Base64.decode(String(decoding: digits, as: UTF8.self)) {
                out.sha256 = Digest256.hash(bytes).hexText
            } else {
                report(
                    ExceptionCode.documentInvalid.rawValue, "The attachment \(ref) is not readable as Base64.", term: "BT-125",
                    at: node, severity: .warning)
            }
        }
        return out
    }

    // MARK: Lines

    private mutating func lines() -> [InvoiceLine] {
        guard !written.lines.isEmpty else {
            report("BR-16", "There are no invoice lines.", term: "BG-25", at: written.root)
            return []
        }
        guard written.lines.count <= Invoice.linesMax else {
            report(
                ExceptionCode.documentInvalid.rawValue,
                "There are \(written.lines.count) lines, more than the \(Invoice.linesMax) permitted.", term: "BG-25",
                at: written.root)
            isIncomplete = true
            return []
        }
        return written.lines.compactMap { line($0) }
    }

    private mutating func line(_ what: WrittenInvoice.Line) -> InvoiceLine? {
        let id = text(what.id, "BR-21", "BT-126", "a line's number", in: what.node)
        let name = text(what.name, "BR-25", "BT-153", "the name of what a line is about", in: what.node)
        let quantity = quantity(what.quantity, unit: what.unit, in: what.node)
        let net = lineAmount(what.netAmount, "BR-24", "BT-131", "a line's net amount", in: what.node)
        let price = lineAmount(what.unitPrice, "BR-26", "BT-146", "a line's price", in: what.node)
        guard let id, let name, let quantity, let net, let price else { return nil }
        var out = InvoiceLine(id: id, quantity: quantity, netAmount: net, unitPrice: price, name: name)
        out.note = text(what.note, "BT-127")
        out.orderLineRef = text(what.orderLineRef, "BT-132")
        out.accountingRef = text(what.accountingRef, "BT-133")
        out.period = period(what.periodStart, what.periodEnd, "BT-134", "BT-135")
        out.allowancesCharges = what.adjustments.compactMap { adjustment($0, isOfLine: true) }
        out.grossPrice = amount(what.grossPrice, "BT-148")
        out.priceDiscount = amount(what.priceDiscount, "BT-147")
        if let base = what.baseQuantity {
            if let value = DeclaredFigures.Figure.value(of: base.text), !value.isNegative, !value.isZero {
                // A base without its own unit counts in the line's.
                out.priceBaseQuantity = made(base, "BT-149") { () throws(Refusal) in
                    try Quantity(value, unit: what.baseUnit ?? quantity.unit)
                }
            } else {
                invalid(base, "BT-149", "is not a quantity above zero")
                isIncomplete = true
            }
        }
        out.taxCategory = category(what.taxes.first?.category, "BT-151")
        out.taxRate = percent(what.taxes.first?.rate, "BT-152")
        out.description = text(what.description, "BT-154")
        out.sellerItemId = text(what.sellerItemId, "BT-155")
        out.buyerItemId = text(what.buyerItemId, "BT-156")
        out.gtin = text(what.standardItemId?.value, "BT-157")
        out.classifications = what.classifications.prefix(Invoice.attachmentsMax).compactMap { item in
            text(item.value, "BT-158").map { Classification(listId: item.list, value: $0) }
        }
        return out
    }

    private mutating func lineAmount(
        _ what: Written?, _ rule: String, _ term: String, _ name: String, in place: XMLNode
    ) -> Amount? {
        if what == nil { report(rule, "There is no \(term), \(name).", term: term, at: place) }
        guard let amount = amount(what, term) else {
            isIncomplete = true
            return nil
        }
        return amount
    }

    private mutating func quantity(_ what: Written?, unit: String?, in place: XMLNode) -> Quantity? {
        guard
            let value = required(
                what, "BR-22", "BT-129", "a line's quantity", in: place, { DeclaredFigures.Figure.value(of: $0) }),
            let what
        else { return nil }
        guard let unit else {
            report("BR-23", "There is no BT-130, the unit of a line's quantity.", term: "BT-130", at: what.node)
            isIncomplete = true
            return nil
        }
        return made(what, "BT-129") { () throws(Refusal) in try Quantity(value, unit: unit) }
    }

    private mutating func made<T>(_ what: Written, _ term: String, _ make: () throws(Refusal) -> T) -> T? {
        do {
            return try make()
        } catch {
            report(ExceptionCode.documentInvalid.rawValue, error.message, term: term, at: what.node, actual: what.text)
            isIncomplete = true
            return nil
        }
    }
}
