package import Kernel

/// What came in, as the warehouse booked it.
package struct GoodsReceipt: Hashable, Sendable, JSONCoded {
    package enum Status: String, Sendable, CaseIterable, JSONCoded { case posted, reversed }

    package var number: String
    package var supplier: String
    package var receiptDate: CivilDate
    package var deliveryNote: String?
    package var lines: [ReceiptLine]
    package var status: Status

    package init(
        number: String, supplier: String, receiptDate: CivilDate, deliveryNote: String? = nil, lines: [ReceiptLine],
        status: Status = .posted
    ) {
        self.number = number
        self.supplier = supplier
        self.receiptDate = receiptDate
        self.deliveryNote = deliveryNote
        self.lines = lines
        self.status = status
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        number = try fields.required("number")
        supplier = try fields.required("supplier")
        receiptDate = try fields.required("receiptDate")
        deliveryNote = try fields.optional("deliveryNote")
        lines = try fields.list("lines")
        status = try fields.optional("status") ?? .posted
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "number": number.json, "supplier": supplier.json, "receiptDate": receiptDate.json, "deliveryNote": deliveryNote?.json,
            "lines": lines.json, "status": status.json,
        ])
    }
}

/// One line of a receipt: how much of which order line came, and how much of that was accepted.
package struct ReceiptLine: Hashable, Sendable, JSONCoded {
    package var poRef: OrderLineRef
    package var quantity: Quantity
    /// What counts for matching; the whole quantity when nobody inspected it.
    package var acceptedQty: ExactDecimal?
    package var rejectedQty: ExactDecimal?
    package var reason: String?

    package init(
        poRef: OrderLineRef, quantity: Quantity, acceptedQty: ExactDecimal? = nil, rejectedQty: ExactDecimal? = nil,
        reason: String? = nil
    ) {
        self.poRef = poRef
        self.quantity = quantity
        self.acceptedQty = acceptedQty
        self.rejectedQty = rejectedQty
        self.reason = reason
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        poRef = try fields.required("poRef")
        quantity = try fields.required("quantity")
        acceptedQty = try fields.optional("acceptedQty")
        rejectedQty = try fields.optional("rejectedQty")
        reason = try fields.optional("reason")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "poRef": poRef.json, "quantity": quantity.json, "acceptedQty": acceptedQty?.json, "rejectedQty": rejectedQty?.json,
            "reason": reason?.json,
        ])
    }
}

/// An order's number and the number of one of its lines.
package struct OrderLineRef: Hashable, Sendable, JSONCoded {
    package var number: String
    package var lineNo: String

    package init(number: String, lineNo: String) {
        self.number = number
        self.lineNo = lineNo
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        number = try fields.required("number")
        lineNo = try fields.required("lineNo")
        try fields.finish()
    }

    package var json: JSONValue { .object(["number": number.json, "lineNo": lineNo.json]) }
}
