package import Kernel

/// Where and when goods or services were delivered: BG-13.
package struct Delivery: Hashable, Sendable, JSONCoded {
    /// BT-70.
    package var name: String?
    /// BT-71.
    package var location: Identifier?
    /// BT-72.
    package var date: CivilDate?
    /// BG-15.
    package var address: Address?

    package init(name: String? = nil, location: Identifier? = nil, date: CivilDate? = nil, address: Address? = nil) {
        self.name = name
        self.location = location
        self.date = date
        self.address = address
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        name = try fields.optional("name")
        location = try fields.optional("location")
        date = try fields.optional("date")
        address = try fields.optional("address")
        try fields.finish()
    }

    package var json: JSONValue {
        .object(["name": name?.json, "location": location?.json, "date": date?.json, "address": address?.json])
    }
}

/// Less to pay when paid early.
package struct PaymentDiscount: Hashable, Sendable, JSONCoded {
    package var pct: Percent
    package var untilDate: CivilDate?

    package init(pct: Percent, untilDate: CivilDate? = nil) {
        self.pct = pct
        self.untilDate = untilDate
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        pct = try fields.required("pct")
        untilDate = try fields.optional("untilDate")
        try fields.finish()
    }

    package var json: JSONValue { .object(["pct": pct.json, "untilDate": untilDate?.json]) }
}

/// A bank account as the document names it: BG-17.
package struct AccountDetails: Hashable, Sendable, JSONCoded {
    /// BT-84; scheme `iban` when it reads as one, otherwise `bban`.
    package var id: Identifier
    /// BT-85.
    package var name: String?
    /// BT-86.
    package var bic: String?

    package init(id: Identifier, name: String? = nil, bic: String? = nil) {
        self.id = id
        self.name = name
        self.bic = bic
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        id = try fields.required("id")
        name = try fields.optional("name")
        bic = try fields.optional("bic")
        try fields.finish()
    }

    package var json: JSONValue { .object(["id": id.json, "name": name?.json, "bic": bic?.json]) }
}

/// One way to pay: BG-16 to BG-19.
package struct PaymentInstruction: Hashable, Sendable, JSONCoded {
    /// BT-81 (UNTDID 4461): 30 credit transfer, 58 SEPA credit transfer, 59 SEPA direct debit.
    package var meansCode: String
    /// BT-83.
    package var remittanceRef: String?
    package var account: AccountDetails?
    /// BT-87, at most the last digits.
    package var cardLast4: String?
    /// BT-89.
    package var mandate: String?

    package init(
        meansCode: String, remittanceRef: String? = nil, account: AccountDetails? = nil, cardLast4: String? = nil,
        mandate: String? = nil
    ) {
        self.meansCode = meansCode
        self.remittanceRef = remittanceRef
        self.account = account
        self.cardLast4 = cardLast4
        self.mandate = mandate
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        meansCode = try fields.required("meansCode")
        remittanceRef = try fields.optional("remittanceRef")
        account = try fields.optional("account")
        cardLast4 = try fields.optional("cardLast4")
        mandate = try fields.optional("mandate")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "meansCode": meansCode.json, "remittanceRef": remittanceRef?.json, "account": account?.json,
            "cardLast4": cardLast4?.json,
            "mandate": mandate?.json,
        ])
    }
}

/// A deduction or an addition, of the document (BG-20, BG-21) or of a line (BG-27, BG-28).
package struct AllowanceCharge: Hashable, Sendable, JSONCoded {
    package var isCharge: Bool
    package var amount: Amount
    package var baseAmount: Amount?
    package var pct: Percent?
    package var reasonCode: String?
    package var reason: String?
    package var taxCategory: TaxCategory?
    package var taxRate: Percent?

    package init(
        isCharge: Bool, amount: Amount, baseAmount: Amount? = nil, pct: Percent? = nil, reasonCode: String? = nil,
        reason: String? = nil, taxCategory: TaxCategory? = nil, taxRate: Percent? = nil
    ) {
        self.isCharge = isCharge
        self.amount = amount
        self.baseAmount = baseAmount
        self.pct = pct
        self.reasonCode = reasonCode
        self.reason = reason
        self.taxCategory = taxCategory
        self.taxRate = taxRate
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        isCharge = try fields.required("isCharge")
        amount = try fields.required("amount")
        baseAmount = try fields.optional("baseAmount")
        pct = try fields.optional("pct")
        reasonCode = try fields.optional("reasonCode")
        reason = try fields.optional("reason")
        taxCategory = try fields.optional("taxCategory")
        taxRate = try fields.optional("taxRate")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "isCharge": isCharge.json, "amount": amount.json, "baseAmount": baseAmount?.json, "pct": pct?.json,
            "reasonCode": reasonCode?.json, "reason": reason?.json, "taxCategory": taxCategory?.json, "taxRate": taxRate?.json,
        ])
    }
}

/// A supporting document that travels inside the invoice or is linked from it: BG-24.
package struct Attachment: Hashable, Sendable, JSONCoded {
    /// BT-122.
    package var ref: String
    package var mime: String?
    /// Lower-case hexadecimal, of the embedded bytes; absent when there are none.
    package var sha256: String?
    /// The file name, or BT-123 when the file has none.
    package var name: String?

    package init(ref: String, mime: String? = nil, sha256: String? = nil, name: String? = nil) {
        self.ref = ref
        self.mime = mime
        self.sha256 = sha256
        self.name = name
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        ref = try fields.required("ref")
        mime = try fields.optional("mime")
        sha256 = try fields.optional("sha256")
        name = try fields.optional("name")
        try fields.finish()
    }

    package var json: JSONValue { .object(["ref": ref.json, "mime": mime?.json, "sha256": sha256?.json, "name": name?.json]) }
}
