package import Kernel

/// What duplicate checking needs to know of an invoice: this one, or one that was recorded before.
package struct DuplicateCandidate: Hashable, Sendable, JSONCoded {
    /// Numbers of credit notes live beside those of invoices, and a credit note is no duplicate of what it reverses.
    package enum DocumentClass: String, Sendable, CaseIterable, JSONCoded {
        case invoice
        case creditNote = "credit_note"
    }

    package var invoice: InvoiceID
    /// The legal entity's code.
    package var entity: String
    /// The supplier's number, or that of the group it belongs to.
    package var supplier: String
    package var number: String
    package var documentClass: DocumentClass
    package var issueDate: CivilDate
    package var gross: Amount
    package var iban: String?
    package var vatId: String?
    /// `order/line/quantity` of what was invoiced.
    package var orderLines: [String]
    /// A voided invoice bars its number and nothing else.
    package var isVoided: Bool
    /// Fully reversed by a credit note: likeness says nothing any more.
    package var isNetted: Bool

    package init(
        invoice: InvoiceID, entity: String, supplier: String, number: String, documentClass: DocumentClass, issueDate: CivilDate,
        gross: Amount, iban: String? = nil, vatId: String? = nil, orderLines: [String] = [], isVoided: Bool = false,
        isNetted: Bool = false
    ) {
        self.invoice = invoice
        self.entity = entity
        self.supplier = supplier
        self.number = number
        self.documentClass = documentClass
        self.issueDate = issueDate
        self.gross = gross
        self.iban = iban
        self.vatId = vatId
        self.orderLines = orderLines
        self.isVoided = isVoided
        self.isNetted = isNetted
    }

    /// What an invoice looks like to the check.
    package init(_ invoice: Invoice, id: InvoiceID, entity: String, supplier: String) {
        self.init(
            invoice: id, entity: entity, supplier: supplier, number: invoice.number,
            documentClass: invoice.kind == .creditNote ? .creditNote : .invoice, issueDate: invoice.issueDate,
            gross: invoice.totals.taxInclusive, iban: invoice.paymentInstructions.compactMap(\.account?.id.value).first,
            vatId: invoice.seller.vatId,
            orderLines: invoice.lines.compactMap { line in
                guard let order = invoice.orderRef, let ref = line.orderLineRef else { return nil }
                return "\(order)/\(ref)/\(line.quantity.value.normalized)"
            })
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            invoice: try fields.required("invoice"), entity: try fields.required("entity"),
            supplier: try fields.required("supplier"),
            number: try fields.required("number"), documentClass: try fields.required("documentClass"),
            issueDate: try fields.required("issueDate"), gross: try fields.required("gross"), iban: try fields.optional("iban"),
            vatId: try fields.optional("vatId"), orderLines: try fields.list("orderLines"),
            isVoided: try fields.optional("isVoided") ?? false, isNetted: try fields.optional("isNetted") ?? false)
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "invoice": invoice.json, "entity": entity.json, "supplier": supplier.json, "number": number.json,
            "documentClass": documentClass.json, "issueDate": issueDate.json, "gross": gross.json, "iban": iban?.json,
            "vatId": vatId?.json, "orderLines": orderLines.json, "isVoided": isVoided.json, "isNetted": isNetted.json,
        ])
    }
}

/// One earlier invoice that this one may repeat, how sure that is and why.
package struct DuplicateMatch: Hashable, Sendable, JSONCoded {
    package var invoice: InvoiceID
    package var number: String
    /// 0 to 100; an exact match is 100.
    package var score: Int
    package var reasons: [String]
    package var exact: Bool

    package init(invoice: InvoiceID, number: String, score: Int, reasons: [String], exact: Bool) {
        self.invoice = invoice
        self.number = number
        self.score = score
        self.reasons = reasons
        self.exact = exact
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        invoice = try fields.required("invoice")
        number = try fields.required("number")
        score = try fields.required("score")
        reasons = try fields.list("reasons", max: 100)
        exact = try fields.required("exact")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "invoice": invoice.json, "number": number.json, "score": score.json, "reasons": reasons.json, "exact": exact.json,
        ])
    }
}

/// Deterministic duplicate rules: an exact key, and a score that names its reasons. It looks across the entities of one tenant.
package enum DuplicateCheck {
    /// A probable duplicate scores at least this: three of {party, number, amount, date} reach it, two do not, and neither does
    /// the next number of the same supplier in the same week, which is ordinary business.
    package static let probableScore = 75
    package static let daysNear = 7

    /// Equal keys are the same invoice: entity, supplier, class of document and the normalised number, so that the store can
    /// keep them unique. A number of which nothing is left is compared as it was written.
    package static func exactKey(
        entity: String, supplier: String, documentClass: DuplicateCandidate.DocumentClass, number: String
    ) -> String {
        let plain = InvoiceNumber.normalized(number)
        return "\(entity)/\(supplier)/\(documentClass.rawValue)/\(plain.isEmpty ? "=" + number : plain)"
    }

    package static func exactKey(_ candidate: DuplicateCandidate) -> String {
        exactKey(
            entity: candidate.entity, supplier: candidate.supplier, documentClass: candidate.documentClass,
            number: candidate.number)
    }

    /// What among `earlier` this invoice may repeat: the surest first, ties by id; the invoice itself is left out.
    package static func matches(_ invoice: DuplicateCandidate, among earlier: [DuplicateCandidate]) -> [DuplicateMatch] {
        let key = exactKey(invoice)
        let found = earlier.compactMap { other -> DuplicateMatch? in
            guard other.invoice != invoice.invoice, other.documentClass == invoice.documentClass else { return nil }
            if exactKey(other) == key {
                let reason = other.isVoided ? "same number of a voided invoice" : "same number of the same supplier"
                return DuplicateMatch(invoice: other.invoice, number: other.number, score: 100, reasons: [reason], exact: true)
            }
            guard !other.isVoided, !other.isNetted else { return nil }
            let (score, reasons) = likeness(invoice, other)
            guard score >= probableScore else { return nil }
            return DuplicateMatch(invoice: other.invoice, number: other.number, score: score, reasons: reasons, exact: false)
        }
        return found.sorted { ($1.exact ? 1 : 0, $1.score, $0.invoice) < ($0.exact ? 1 : 0, $0.score, $1.invoice) }
    }

    static func likeness(_ one: DuplicateCandidate, _ other: DuplicateCandidate) -> (score: Int, reasons: [String]) {
        var score = 0
        var reasons: [String] = []
        func add(_ points: Int, _ reason: String) {
            score += points
            reasons.append(reason)
        }
        if one.supplier == other.supplier {
            add(30, "same supplier")
        } else if same(one.iban, other.iban, by: BankAccountNumber.normalized) {
            add(30, "same bank account")
        } else if same(one.vatId, other.vatId, by: TaxNumber.normalized) {
            add(30, "same VAT number")
        }
        let (mine, theirs) = (InvoiceNumber.normalized(one.number), InvoiceNumber.normalized(other.number))
        if mine == theirs {
            add(30, "same number")
        } else if InvoiceNumber.withoutSuffix(one.number) == theirs || mine == InvoiceNumber.withoutSuffix(other.number) {
            add(25, "same number but for a suffix")
        } else if InvoiceNumber.differByOneSlip(mine, theirs) {
            // Little by itself: next month's rent has the next number and the same amount.
            add(14, "numbers differ by one slip")
        }
        if one.gross.currency == other.gross.currency {
            if one.gross.value == other.gross.value {
                add(30, "same gross amount")
            } else if withinOnePercent(one.gross.value, other.gross.value) {
                add(20, "gross amounts within 1 %")
            }
        }
        if abs(one.issueDate.daysSince1970 - other.issueDate.daysSince1970) <= daysNear {
            add(15, "dates within \(daysNear) days")
        }
        if !one.orderLines.isEmpty, !Set(one.orderLines).isDisjoint(with: other.orderLines) {
            add(20, "same order line and quantity")
        }
        return (min(score, 99), reasons)
    }

    private static func same(_ lhs: String?, _ rhs: String?, by normalize: (String) -> String) -> Bool {
        guard let lhs, let rhs, !lhs.isEmpty else { return false }
        return normalize(lhs) == normalize(rhs)
    }

    private static func withinOnePercent(_ lhs: ExactDecimal, _ rhs: ExactDecimal) -> Bool {
        do {
            let difference = try lhs.subtracting(rhs).magnitude
            return try difference.multiplied(by: ExactDecimal(100)) <= max(lhs.magnitude, rhs.magnitude)
        } catch {
            return false
        }
    }
}
