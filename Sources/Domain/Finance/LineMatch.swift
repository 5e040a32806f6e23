internal import Kernel

/// One invoice line against its order line.
struct LineMatch {
    let line: InvoiceLine
    let order: PurchaseOrder
    let orderLine: OrderLine?
    let subject: MatchSubject
    let tolerances: [Tolerance]
    let currency: Currency

    init(line: InvoiceLine, input: InvoiceMatch.Input, order: PurchaseOrder) {
        self.line = line
        self.order = order
        subject = input.subject
        tolerances = input.tolerances
        currency = input.invoice.currency
        orderLine = LineMatch.orderLine(for: line, in: order)
    }

    /// By the reference on the line; else by an item code that only one order line has; else the order's only line.
    static func orderLine(for line: InvoiceLine, in order: PurchaseOrder) -> OrderLine? {
        if let ref = line.orderLineRef {
            return order.lines.first { lineKey($0.lineNo) == lineKey(ref) }
        }
        for item in [line.buyerItemId, line.sellerItemId].compactMap({ $0 }) {
            let same = order.lines.filter { $0.itemCode == item }
            if same.count == 1 { return same[0] }
        }
        return order.lines.count == 1 ? order.lines[0] : nil
    }

    func holds(_ ledger: inout OrderLedger) -> [Hold] {
        guard let orderLine else {
            let wanted = line.orderLineRef.map { "line \($0)" } ?? "a line"
            return [
                Hold(
                    code: .orderMissing, line: line.id,
                    message: "Order \(order.number) has not \(wanted) that fits “\(line.name)”.",
                    actual: line.orderLineRef)
            ]
        }
        let unit = line.quantity.unit
        let units = [orderLine.quantity.unit, line.priceBaseQuantity?.unit ?? unit, orderLine.priceBaseQuantity?.unit ?? unit]
        guard let foreign = units.first(where: { $0 != unit }) else {
            do {
                return try figures(orderLine, &ledger)
            } catch {
                return [Hold(code: .documentInvalid, line: line.id, message: "The figures are too large to compare.")]
            }
        }
        return [
            Hold(
                code: .unitMismatch, line: line.id, message: "The order counts in \(foreign) and the invoice in \(unit).",
                expected: foreign, actual: unit)
        ]
    }

    private func figures(_ orderLine: OrderLine, _ ledger: inout OrderLedger) throws(Refusal) -> [Hold] {
        let key = lineKey(orderLine.lineNo)
        let before = ledger.drawn[key] ?? .zero
        try ledger.draw(line.quantity.value, worth: line.netAmount.value, from: orderLine)
        var holds: [Hold] = []
        if orderLine.limitAmount == nil {
            holds += try priceHolds(orderLine)
            holds += try orderQuantityHolds(orderLine, drawn: ledger.drawn[key] ?? .zero)
        } else {
            holds += try blanketHolds(orderLine, worth: ledger.value[key] ?? .zero)
        }
        if orderLine.grRequired {
            holds += try receiptHolds(orderLine, received: ledger.received[key] ?? .zero, drawnBefore: before)
        }
        return holds
    }

    private func value(of quantity: ExactDecimal, _ orderLine: OrderLine) throws(Refusal) -> ExactDecimal {
        let base = orderLine.priceBaseQuantity?.value ?? .one
        return try quantity.multiplied(by: orderLine.unitPrice.value).divided(by: base, scale: 6, rounding: .halfUp)
    }

    private func priceHolds(_ orderLine: OrderLine) throws(Refusal) -> [Hold] {
        let expected = try value(of: line.quantity.value, orderLine).rounded(scale: currency.minorDigits, .halfUp)
        let variance = try line.netAmount.value.subtracting(expected)
        guard !variance.isZero else { return [] }
        let code: ExceptionCode = variance.isNegative ? .priceUnder : .priceOver
        let side = variance.isNegative ? "below" : "above"
        return try hold(
            .price, code, expected: "\(expected)", actual: line.netAmount.text, variance: variance, base: expected,
            message: "\(line.netAmount.text) \(currency) is \(side) \(expected) \(currency), the quantity at the order price.")
    }

    private func orderQuantityHolds(_ orderLine: OrderLine, drawn: ExactDecimal) throws(Refusal) -> [Hold] {
        guard !orderLine.unlimitedOver else { return [] }
        let extra = try orderLine.quantity.value.multiplied(by: orderLine.overDeliveryPct?.value ?? .zero)
            .divided(by: ExactDecimal(100), scale: Quantity.decimalsMax, rounding: .down)
        let allowed = try orderLine.quantity.value.adding(extra)
        let asked = try (orderLine.invoicedQty ?? .zero).adding(drawn)
        guard asked > allowed else { return [] }
        let excess = try min(asked.subtracting(allowed), line.quantity.value.magnitude)
        let unit = line.quantity.unit
        return try hold(
            .quantityOrder, .quantityOverOrder, expected: "\(allowed.normalized) \(unit)", actual: "\(asked.normalized) \(unit)",
            variance: value(of: excess, orderLine), base: value(of: allowed, orderLine),
            message: "\(asked.normalized) \(unit) invoiced in all, \(allowed.normalized) \(unit) ordered.")
    }

    private func receiptHolds(_ orderLine: OrderLine, received: ExactDecimal, drawnBefore: ExactDecimal) throws(Refusal) -> [Hold]
    {
        let unit = line.quantity.unit
        if received.isZero {
            let worth = line.netAmount.value
            return try hold(
                .noReceipt, .receiptMissing, expected: "\(line.quantity.value.normalized) \(unit)", actual: "0 \(unit)",
                variance: worth, base: .zero, message: "Nothing of order line \(orderLine.lineNo) has been received.")
        }
        let used = try (orderLine.invoicedQty ?? .zero).adding(drawnBefore)
        let available = try max(received.subtracting(used), .zero)
        guard line.quantity.value > available else { return [] }
        let excess = try line.quantity.value.subtracting(available)
        return try hold(
            .quantityReceipt, .quantityOverReceipt, expected: "\(available.normalized) \(unit)",
            actual: "\(line.quantity.value.normalized) \(unit)", variance: value(of: excess, orderLine),
            base: value(of: available, orderLine),
            message:
                "\(line.quantity.value.normalized) \(unit) invoiced, \(available.normalized) \(unit) received and open."
        )
    }

    private func blanketHolds(_ orderLine: OrderLine, worth: ExactDecimal) throws(Refusal) -> [Hold] {
        guard let limit = orderLine.limitAmount else { return [] }
        let asked = try (orderLine.invoicedAmount?.value ?? .zero).adding(worth)
        guard asked > limit.value else { return [] }
        return try hold(
            .blanket, .amountOverBlanket, expected: limit.text, actual: "\(asked)", variance: asked.subtracting(limit.value),
            base: limit.value, message: "\(asked) \(currency) invoiced in all against a ceiling of \(limit.text) \(currency).")
    }

    /// A hold when the governing tolerance is broken, otherwise nothing. `base` is what the percentage is of.
    private func hold(
        _ check: Tolerance.Check, _ code: ExceptionCode, expected: String, actual: String, variance: ExactDecimal,
        base: ExactDecimal,
        message: String
    ) throws(Refusal) -> [Hold] {
        let isOver = !variance.isNegative
        guard let row = Tolerance.governing(check, isOver: isOver, subject: subject, rows: tolerances) else { return [] }
        var percent: ExactDecimal?
        if !base.isZero {
            percent = try variance.multiplied(by: ExactDecimal(100)).divided(by: base.magnitude, scale: 6, rounding: .halfUp)
        }
        guard row.isBroken(variance: variance, percent: percent, currency: currency), row.action != .pass else { return [] }
        let minor = try variance.rounded(scale: currency.minorDigits, .halfUp).money(currency).minorUnits
        return [
            Hold(
                code: code, line: line.id, message: message, expected: expected, actual: actual, varianceMinor: minor,
                variancePercentText: percent.map { "\($0.rounded(scale: 2, .halfUp))" }, toleranceId: row.id,
                toleranceVersion: row.version, action: row.action)
        ]
    }
}
