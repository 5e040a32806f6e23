package import Kernel

/// Two- and three-way matching: each invoice line against its order line and, where one is due, against what was received.
///
/// Nothing is rejected and nothing is corrected: what strays further than the tolerances allow becomes a typed hold with both
/// figures. Tax plays no part. Order of lines does not matter to the sums, which are kept per order line.
package enum InvoiceMatch {
    /// Everything matching asks for, so that a workflow can pass it as JSON.
    package struct Input: Hashable, Sendable, JSONCoded {
        package var invoice: Invoice
        package var order: PurchaseOrder?
        package var receipts: [GoodsReceipt]
        package var tolerances: [Tolerance]
        package var subject: MatchSubject

        package init(
            invoice: Invoice, order: PurchaseOrder?, receipts: [GoodsReceipt] = [], tolerances: [Tolerance] = [],
            subject: MatchSubject? = nil
        ) {
            self.invoice = invoice
            self.order = order
            self.receipts = receipts
            self.tolerances = tolerances
            self.subject = subject ?? MatchSubject(supplier: order?.supplier, currency: invoice.currency)
        }

        package init(json: JSONValue, at pointer: String) throws(Refusal) {
            var fields = try JSONFields(json, at: pointer)
            let invoice: Invoice = try fields.required("invoice")
            self.init(
                invoice: invoice, order: try fields.optional("order"), receipts: try fields.list("receipts"),
                tolerances: try fields.list("tolerances"), subject: try fields.optional("subject"))
            try fields.finish()
        }

        package var json: JSONValue {
            .object([
                "invoice": invoice.json, "order": order?.json, "receipts": receipts.json, "tolerances": tolerances.json,
                "subject": subject.json,
            ])
        }
    }

    package static func match(
        _ invoice: Invoice, order: PurchaseOrder?, receipts: [GoodsReceipt], tolerances: [Tolerance], subject: MatchSubject? = nil
    ) -> MatchResult {
        match(Input(invoice: invoice, order: order, receipts: receipts, tolerances: tolerances, subject: subject))
    }

    package static func match(_ input: Input) -> MatchResult {
        let invoice = input.invoice
        // A credit note is matched against the invoice it reverses, not against the order.
        guard invoice.kind != .creditNote else { return MatchResult(mode: "none", result: .notApplicable, holds: [], lines: []) }
        guard let order = input.order else { return withoutOrder(invoice) }
        var holds = orderHolds(input, order)
        holds += earlyHolds(input, order)
        let isThreeWay = order.lines.contains(where: \.grRequired)
        var lines: [MatchResult.Line] = []
        if !holds.contains(where: { $0.code == .orderCurrency }) {
            var ledger = OrderLedger(order: order, receipts: input.receipts)
            for line in invoice.lines {
                let matcher = LineMatch(line: line, input: input, order: order)
                let found = matcher.holds(&ledger)
                lines.append(
                    MatchResult.Line(
                        line: line.id, orderLine: matcher.orderLine?.lineNo, result: found.isEmpty ? .matched : .held))
                holds += found
            }
        }
        return MatchResult(
            mode: isThreeWay ? "3-way" : "2-way", result: holds.isEmpty ? .matched : .held, holds: holds, lines: lines)
    }

    private static func withoutOrder(_ invoice: Invoice) -> MatchResult {
        guard let number = invoice.orderRef else {
            return MatchResult(mode: "none", result: .notApplicable, holds: [], lines: [])
        }
        let hold = Hold(
            code: .orderMissing, message: "Order \(number) is named on the invoice and was not found.", actual: number)
        return MatchResult(mode: "2-way", result: .held, holds: [hold], lines: [])
    }

    /// An invoice older than its order: somebody bought first and asked afterwards.
    private static func earlyHolds(_ input: Input, _ order: PurchaseOrder) -> [Hold] {
        let invoice = input.invoice
        let days = order.orderDate.daysSince1970 - invoice.issueDate.daysSince1970
        guard days > 0, let row = Tolerance.governing(.early, isOver: true, subject: input.subject, rows: input.tolerances) else {
            return []
        }
        do {
            let weight = try invoice.totals.taxExclusive.value.magnitude.multiplied(by: ExactDecimal(Int64(days)))
            guard row.isBroken(variance: weight, percent: nil, currency: invoice.currency), row.action != .pass else { return [] }
        } catch {
            // Beyond the range of decimals is beyond every limit.
        }
        return [
            Hold(
                code: .dateTooEarly, message: "The invoice is dated \(days) days before the order.",
                expected: order.orderDate.description,
                actual: invoice.issueDate.description, toleranceId: row.id, toleranceVersion: row.version, action: row.action)
        ]
    }

    private static func orderHolds(_ input: Input, _ order: PurchaseOrder) -> [Hold] {
        var holds: [Hold] = []
        if order.status == .closed || order.status == .cancelled {
            holds.append(
                Hold(
                    code: .orderClosed, message: "Order \(order.number) is \(order.status.rawValue).",
                    actual: order.status.rawValue))
        }
        if order.status == .draft || order.approvalStatus == .pending || order.approvalStatus == .rejected {
            holds.append(Hold(code: .orderNotReleased, message: "Order \(order.number) has not been released."))
        }
        if order.currency != input.invoice.currency {
            holds.append(
                Hold(
                    code: .orderCurrency,
                    message: "The order is in \(order.currency) and the invoice in \(input.invoice.currency).",
                    expected: order.currency.code, actual: input.invoice.currency.code))
        }
        if let supplier = input.subject.supplier, supplier != order.supplier {
            holds.append(
                Hold(
                    code: .orderSupplier, message: "Order \(order.number) was placed with another supplier.",
                    expected: order.supplier,
                    actual: supplier))
        }
        return holds
    }
}

/// What each order line has left, while the lines of one invoice draw on it.
struct OrderLedger {
    private(set) var drawn: [String: ExactDecimal] = [:]
    private(set) var value: [String: ExactDecimal] = [:]
    let received: [String: ExactDecimal]

    /// Receipts count by accepted quantity and only in the order line's unit; without any receipt the ERP's own running total
    /// on the order line counts.
    init(order: PurchaseOrder, receipts: [GoodsReceipt]) {
        var sums: [String: ExactDecimal] = [:]
        for line in order.lines {
            let key = lineKey(line.lineNo)
            let rows = receipts.filter { $0.status == .posted }.flatMap(\.lines).filter {
                $0.poRef.number == order.number && lineKey($0.poRef.lineNo) == key && $0.quantity.unit == line.quantity.unit
            }
            // A sum past the range of decimals counts as nothing received, which can only hold the invoice.
            let sum = rows.reduce(ExactDecimal.zero as ExactDecimal?) { total, row in
                // A sum out of range compares with nothing, so the line counts as not checked.
                total.flatMap { try? $0.adding(row.acceptedQty ?? row.quantity.value) }
            }
            sums[key] = rows.isEmpty ? line.receivedQty ?? .zero : sum ?? .zero
        }
        received = sums
    }

    mutating func draw(_ quantity: ExactDecimal, worth amount: ExactDecimal, from line: OrderLine) throws(Refusal) {
        let key = lineKey(line.lineNo)
        drawn[key] = try (drawn[key] ?? .zero).adding(quantity)
        value[key] = try (value[key] ?? .zero).adding(amount)
    }
}

/// Line numbers are compared without leading zeros: `00010` and `10` are the same line.
func lineKey(_ lineNo: String) -> String {
    let kept = lineNo.drop { $0 == "0" }
    return kept.isEmpty ? lineNo : String(kept)
}
