package import Kernel

/// A party as an invoice describes it: seller BG-4, buyer BG-7, payee BG-10, tax representative BG-11, place of delivery BG-13.
package struct PartyDetails: Hashable, Sendable, JSONCoded {
    /// BT-27, BT-44, BT-59, BT-62, BT-70.
    package var legalName: String
    package var tradingName: String?
    /// BT-29, BT-46, BT-60, BT-71.
    package var identifiers: [Identifier]
    /// BT-31, BT-48, BT-63, as written.
    package var vatId: String?
    /// BT-30, BT-47, BT-61.
    package var legalId: Identifier?
    /// BT-32: the number at the local tax office, not a VAT number.
    package var taxRegistrationId: String?
    /// BT-34, BT-49: where e-invoices are sent.
    package var endpoint: Identifier?
    package var address: Address?
    package var contact: Contact?

    package init(
        legalName: String, tradingName: String? = nil, identifiers: [Identifier] = [], vatId: String? = nil,
        legalId: Identifier? = nil,
        taxRegistrationId: String? = nil, endpoint: Identifier? = nil, address: Address? = nil, contact: Contact? = nil
    ) {
        self.legalName = legalName
        self.tradingName = tradingName
        self.identifiers = identifiers
        self.vatId = vatId
        self.legalId = legalId
        self.taxRegistrationId = taxRegistrationId
        self.endpoint = endpoint
        self.address = address
        self.contact = contact
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        legalName = try fields.required("legalName")
        tradingName = try fields.optional("tradingName")
        identifiers = try fields.list("identifiers", max: 100)
        vatId = try fields.optional("vatId")
        legalId = try fields.optional("legalId")
        taxRegistrationId = try fields.optional("taxRegistrationId")
        endpoint = try fields.optional("endpoint")
        address = try fields.optional("address")
        contact = try fields.optional("contact")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "legalName": .string(legalName), "tradingName": tradingName?.json, "identifiers": identifiers.json,
            "vatId": vatId?.json,
            "legalId": legalId?.json, "taxRegistrationId": taxRegistrationId?.json, "endpoint": endpoint?.json,
            "address": address?.json, "contact": contact?.json,
        ])
    }
}
