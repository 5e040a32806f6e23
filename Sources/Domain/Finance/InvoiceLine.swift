package import Kernel

/// One line of an invoice: BG-25 and what hangs below it.
package struct InvoiceLine: Hashable, Sendable, JSONCoded {
    /// BT-126.
    package var id: String
    /// BT-127.
    package var note: String?
    /// BT-129 with BT-130.
    package var quantity: Quantity
    /// BT-131.
    package var netAmount: Amount
    /// BT-132.
    package var orderLineRef: String?
    /// BT-133.
    package var accountingRef: String?
    /// BG-26.
    package var period: Period?
    /// BG-27 and BG-28.
    package var allowancesCharges: [AllowanceCharge]
    /// BT-146, for `priceBaseQuantity` units.
    package var unitPrice: Amount
    /// BT-148.
    package var grossPrice: Amount?
    /// BT-147.
    package var priceDiscount: Amount?
    /// BT-149; one when absent.
    package var priceBaseQuantity: Quantity?
    /// BT-151.
    package var taxCategory: TaxCategory?
    /// BT-152.
    package var taxRate: Percent?
    /// BT-153.
    package var name: String
    /// BT-154.
    package var description: String?
    /// BT-155.
    package var sellerItemId: String?
    /// BT-156.
    package var buyerItemId: String?
    /// BT-157.
    package var gtin: String?
    /// BT-158.
    package var classifications: [Classification]
    package var coding: [LineCoding]

    package init(id: String, quantity: Quantity, netAmount: Amount, unitPrice: Amount, name: String) {
        self.id = id
        self.quantity = quantity
        self.netAmount = netAmount
        self.unitPrice = unitPrice
        self.name = name
        allowancesCharges = []
        classifications = []
        coding = []
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        self.init(
            id: try fields.required("id"), quantity: try fields.required("quantity"), netAmount: try fields.required("netAmount"),
            unitPrice: try fields.required("unitPrice"), name: try fields.required("name"))
        note = try fields.optional("note")
        orderLineRef = try fields.optional("orderLineRef")
        accountingRef = try fields.optional("accountingRef")
        period = try fields.optional("period")
        allowancesCharges = try fields.list("allowancesCharges", max: Invoice.allowancesMax)
        grossPrice = try fields.optional("grossPrice")
        priceDiscount = try fields.optional("priceDiscount")
        priceBaseQuantity = try fields.optional("priceBaseQuantity")
        taxCategory = try fields.optional("taxCategory")
        taxRate = try fields.optional("taxRate")
        description = try fields.optional("description")
        sellerItemId = try fields.optional("sellerItemId")
        buyerItemId = try fields.optional("buyerItemId")
        gtin = try fields.optional("gtin")
        classifications = try fields.list("classifications", max: Invoice.attachmentsMax)
        coding = try fields.list("coding", max: Invoice.attachmentsMax)
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "id": id.json, "note": note?.json, "quantity": quantity.json, "netAmount": netAmount.json,
            "orderLineRef": orderLineRef?.json, "accountingRef": accountingRef?.json, "period": period?.json,
            "allowancesCharges": allowancesCharges.json, "unitPrice": unitPrice.json, "grossPrice": grossPrice?.json,
            "priceDiscount": priceDiscount?.json, "priceBaseQuantity": priceBaseQuantity?.json, "taxCategory": taxCategory?.json,
            "taxRate": taxRate?.json, "name": name.json, "description": description?.json, "sellerItemId": sellerItemId?.json,
            "buyerItemId": buyerItemId?.json, "gtin": gtin?.json, "classifications": classifications.json, "coding": coding.json,
        ])
    }
}

/// What kind of thing an item is, in somebody's list: BT-158.
package struct Classification: Hashable, Sendable, JSONCoded {
    package var listId: String?
    package var value: String

    package init(listId: String? = nil, value: String) {
        self.listId = listId
        self.value = value
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        listId = try fields.optional("listId")
        value = try fields.required("value")
        try fields.finish()
    }

    package var json: JSONValue { .object(["listId": listId?.json, "value": value.json]) }
}

/// Where a line goes in the ledger, and who said so.
package struct LineCoding: Hashable, Sendable, JSONCoded {
    package var account: String
    /// Cost centre, project and so on, by the tenant's own names.
    package var dims: [(name: String, value: String)]
    package var taxCode: String?
    package var amount: Amount?
    /// The rule, person or model that proposed it.
    package var origin: String?

    package init(
        account: String, dims: [(name: String, value: String)] = [], taxCode: String? = nil, amount: Amount? = nil,
        origin: String? = nil
    ) {
        self.account = account
        self.dims = dims
        self.taxCode = taxCode
        self.amount = amount
        self.origin = origin
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        account = try fields.required("account")
        taxCode = try fields.optional("taxCode")
        amount = try fields.optional("amount")
        origin = try fields.optional("origin")
        dims = []
        if let raw = fields.raw("dims") {
            guard case .object(let members) = raw, members.count <= Invoice.attachmentsMax else {
                throw .json("type", at: pointer + "/dims", "An object of dimension names and values is due here.")
            }
            for member in members {
                dims.append((name: member.key, value: try String(json: member.value, at: pointer + "/dims/" + member.key)))
            }
        }
        try fields.finish()
    }

    package var json: JSONValue {
        let members = JSONObject(dims.map { (key: $0.name, value: JSONValue.string($0.value)) })
        return .object([
            "account": account.json, "dims": .object(members), "taxCode": taxCode?.json, "amount": amount?.json,
            "origin": origin?.json,
        ])
    }

    package static func == (lhs: LineCoding, rhs: LineCoding) -> Bool { lhs.json == rhs.json }
    package func hash(into hasher: inout Hasher) { hasher.combine(json) }
}
