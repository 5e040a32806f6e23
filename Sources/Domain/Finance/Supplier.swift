package import Kernel

/// Who we buy from, as the ERP's master data knows them.
package struct Supplier: Hashable, Sendable, JSONCoded {
    package enum Status: String, Sendable, CaseIterable, JSONCoded {
        case draft, active
        case onHold = "on_hold"
        case blocked
    }

    package enum RiskTier: String, Sendable, CaseIterable, JSONCoded { case low, med, high }

    /// The ERP's own number, by which orders and bills refer to it.
    package var number: String
    package var legalName: String
    package var tradingName: String?
    package var identifiers: [Identifier]
    /// BT-31.
    package var vatId: String?
    /// BT-30.
    package var legalId: Identifier?
    package var address: Address
    package var contacts: [Contact]
    package var defaultCurrency: Currency?
    package var paymentTermsId: String?
    /// UNTDID 4461.
    package var paymentMethod: String?
    /// The accounts on file, by which an invoice's account is compared.
    package var bankAccounts: [Identifier]
    package var category: String?
    package var riskTier: RiskTier?
    package var status: Status
    /// Reason codes of what stops work for this supplier at present.
    package var holds: [String]

    package init(
        number: String, legalName: String, tradingName: String? = nil, identifiers: [Identifier] = [], vatId: String? = nil,
        legalId: Identifier? = nil, address: Address, contacts: [Contact] = [], defaultCurrency: Currency? = nil,
        paymentTermsId: String? = nil, paymentMethod: String? = nil, bankAccounts: [Identifier] = [], category: String? = nil,
        riskTier: RiskTier? = nil, status: Status = .active, holds: [String] = []
    ) {
        self.number = number
        self.legalName = legalName
        self.tradingName = tradingName
        self.identifiers = identifiers
        self.vatId = vatId
        self.legalId = legalId
        self.address = address
        self.contacts = contacts
        self.defaultCurrency = defaultCurrency
        self.paymentTermsId = paymentTermsId
        self.paymentMethod = paymentMethod
        self.bankAccounts = bankAccounts
        self.category = category
        self.riskTier = riskTier
        self.status = status
        self.holds = holds
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        number = try fields.required("number")
        legalName = try fields.required("legalName")
        tradingName = try fields.optional("tradingName")
        identifiers = try fields.list("identifiers", max: 100)
        vatId = try fields.optional("vatId")
        legalId = try fields.optional("legalId")
        address = try fields.required("address")
        contacts = try fields.list("contacts", max: 100)
        defaultCurrency = try fields.optional("defaultCurrency")
        paymentTermsId = try fields.optional("paymentTermsId")
        paymentMethod = try fields.optional("paymentMethod")
        bankAccounts = try fields.list("bankAccounts", max: 100)
        category = try fields.optional("category")
        riskTier = try fields.optional("riskTier")
        status = try fields.optional("status") ?? .active
        holds = try fields.list("holds", max: 100)
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "number": number.json, "legalName": legalName.json, "tradingName": tradingName?.json, "identifiers": identifiers.json,
            "vatId": vatId?.json, "legalId": legalId?.json, "address": address.json, "contacts": contacts.json,
            "defaultCurrency": defaultCurrency?.json, "paymentTermsId": paymentTermsId?.json,
            "paymentMethod": paymentMethod?.json,
            "bankAccounts": bankAccounts.json, "category": category?.json, "riskTier": riskTier?.json, "status": status.json,
            "holds": holds.json,
        ])
    }
}
