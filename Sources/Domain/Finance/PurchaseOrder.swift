package import Kernel

/// What was ordered, as the ERP knows it.
package struct PurchaseOrder: Hashable, Sendable, JSONCoded {
    package enum Status: String, Sendable, CaseIterable, JSONCoded { case draft, open, closed, cancelled }
    package enum ApprovalStatus: String, Sendable, CaseIterable, JSONCoded { case pending, approved, rejected }

    package var number: String
    /// The supplier's number in the ERP.
    package var supplier: String
    package var orderDate: CivilDate
    package var currency: Currency
    package var lines: [OrderLine]
    /// Absent where the ERP has no order approval.
    package var approvalStatus: ApprovalStatus?
    package var status: Status

    package init(
        number: String, supplier: String, orderDate: CivilDate, currency: Currency, lines: [OrderLine],
        approvalStatus: ApprovalStatus? = nil, status: Status = .open
    ) {
        self.number = number
        self.supplier = supplier
        self.orderDate = orderDate
        self.currency = currency
        self.lines = lines
        self.approvalStatus = approvalStatus
        self.status = status
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        number = try fields.required("number")
        supplier = try fields.required("supplier")
        orderDate = try fields.required("orderDate")
        currency = try fields.required("currency")
        lines = try fields.list("lines")
        approvalStatus = try fields.optional("approvalStatus")
        status = try fields.optional("status") ?? .open
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "number": number.json, "supplier": supplier.json, "orderDate": orderDate.json, "currency": currency.json,
            "lines": lines.json, "approvalStatus": approvalStatus?.json, "status": status.json,
        ])
    }
}

/// One line of an order, with how much of it has come and has been invoiced before.
package struct OrderLine: Hashable, Sendable, JSONCoded {
    package var lineNo: String
    package var description: String?
    package var itemCode: String?
    package var quantity: Quantity
    /// For `priceBaseQuantity` units.
    package var unitPrice: Amount
    /// One when absent.
    package var priceBaseQuantity: Quantity?
    package var netAmount: Amount
    package var taxCode: String?
    package var accountAssignments: [LineCoding]
    package var overDeliveryPct: Percent?
    package var underDeliveryPct: Percent?
    package var unlimitedOver: Bool
    /// A receipt is due before the line may be paid: three-way matching.
    package var grRequired: Bool
    /// Each receipt is matched on its own.
    package var grBased: Bool
    /// In the unit of `quantity`, before this invoice.
    package var receivedQty: ExactDecimal?
    package var invoicedQty: ExactDecimal?
    package var invoicedAmount: Amount?
    /// A blanket order's ceiling.
    package var limitAmount: Amount?
    package var finalInvoice: Bool

    package init(
        lineNo: String, description: String? = nil, itemCode: String? = nil, quantity: Quantity, unitPrice: Amount,
        priceBaseQuantity: Quantity? = nil, netAmount: Amount, taxCode: String? = nil, accountAssignments: [LineCoding] = [],
        overDeliveryPct: Percent? = nil, underDeliveryPct: Percent? = nil, unlimitedOver: Bool = false, grRequired: Bool = false,
        grBased: Bool = false, receivedQty: ExactDecimal? = nil, invoicedQty: ExactDecimal? = nil, invoicedAmount: Amount? = nil,
        limitAmount: Amount? = nil, finalInvoice: Bool = false
    ) {
        self.lineNo = lineNo
        self.description = description
        self.itemCode = itemCode
        self.quantity = quantity
        self.unitPrice = unitPrice
        self.priceBaseQuantity = priceBaseQuantity
        self.netAmount = netAmount
        self.taxCode = taxCode
        self.accountAssignments = accountAssignments
        self.overDeliveryPct = overDeliveryPct
        self.underDeliveryPct = underDeliveryPct
        self.unlimitedOver = unlimitedOver
        self.grRequired = grRequired
        self.grBased = grBased
        self.receivedQty = receivedQty
        self.invoicedQty = invoicedQty
        self.invoicedAmount = invoicedAmount
        self.limitAmount = limitAmount
        self.finalInvoice = finalInvoice
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        lineNo = try fields.required("lineNo")
        description = try fields.optional("description")
        itemCode = try fields.optional("itemCode")
        quantity = try fields.required("quantity")
        unitPrice = try fields.required("unitPrice")
        priceBaseQuantity = try fields.optional("priceBaseQuantity")
        netAmount = try fields.required("netAmount")
        taxCode = try fields.optional("taxCode")
        accountAssignments = try fields.list("accountAssignments", max: Invoice.attachmentsMax)
        overDeliveryPct = try fields.optional("overDeliveryPct")
        underDeliveryPct = try fields.optional("underDeliveryPct")
        unlimitedOver = try fields.optional("unlimitedOver") ?? false
        grRequired = try fields.optional("grRequired") ?? false
        grBased = try fields.optional("grBased") ?? false
        receivedQty = try fields.optional("receivedQty")
        invoicedQty = try fields.optional("invoicedQty")
        invoicedAmount = try fields.optional("invoicedAmount")
        limitAmount = try fields.optional("limitAmount")
        finalInvoice = try fields.optional("finalInvoice") ?? false
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "lineNo": lineNo.json, "description": description?.json, "itemCode": itemCode?.json, "quantity": quantity.json,
            "unitPrice": unitPrice.json, "priceBaseQuantity": priceBaseQuantity?.json, "netAmount": netAmount.json,
            "taxCode": taxCode?.json, "accountAssignments": accountAssignments.json, "overDeliveryPct": overDeliveryPct?.json,
            "underDeliveryPct": underDeliveryPct?.json, "unlimitedOver": unlimitedOver.json, "grRequired": grRequired.json,
            "grBased": grBased.json, "receivedQty": receivedQty?.json, "invoicedQty": invoicedQty?.json,
            "invoicedAmount": invoicedAmount?.json, "limitAmount": limitAmount?.json, "finalInvoice": finalInvoice.json,
        ])
    }
}
