package import Kernel

/// An invoice in our own words, whatever syntax it came in. Business term numbers (BT, BG) are those of EN 16931.
///
/// It says what the document says: amounts keep their written text, and nothing is corrected. Whether the figures agree with
/// each other is what `validation` and the checks of `InvoiceArithmetic` tell.
package struct Invoice: Hashable, Sendable, JSONCoded {
    package static let linesMax = 10_000
    package static let allowancesMax = 1_000
    package static let attachmentsMax = 100

    package enum Kind: String, Sendable, CaseIterable, JSONCoded {
        case invoice
        case creditNote = "credit_note"
        case prepayment
        case corrected
        case selfBilled = "self_billed"
        case debitNote = "debit_note"
    }

    package enum Direction: String, Sendable, CaseIterable, JSONCoded { case payable, receivable }

    package enum Status: String, Sendable, CaseIterable, JSONCoded {
        case received, parsed, invalid
        case inException = "in_exception"
        case coded
        case inApproval = "in_approval"
        case approved, posted, scheduled, paid
        case partiallyPaid = "partially_paid"
        case rejected, void
    }

    package var kind: Kind
    /// BT-3 as written (UNTDID 1001), of which `kind` is the coarse reading.
    package var typeCode: String?
    package var direction: Direction
    /// BT-1.
    package var number: String
    /// BT-2.
    package var issueDate: CivilDate
    /// BT-9.
    package var dueDate: CivilDate?
    /// BT-7.
    package var taxPointDate: CivilDate?
    /// BG-14.
    package var period: Period?
    /// BT-5.
    package var currency: Currency
    /// BT-6.
    package var taxCurrency: Currency?
    /// BT-111.
    package var taxTotalInTaxCurrency: Amount?
    /// BT-24: the specification the sender claims to follow.
    package var specification: String?
    /// BT-22.
    package var notes: [String]
    /// BT-10.
    package var buyerReference: String?
    /// BT-11.
    package var projectRef: String?
    /// BT-12.
    package var contractRef: String?
    /// BT-13.
    package var orderRef: String?
    /// BG-3.
    package var precedingInvoices: [PrecedingInvoice]
    /// BT-15.
    package var receiptRef: String?
    /// BG-4.
    package var seller: PartyDetails
    /// BG-7.
    package var buyer: PartyDetails
    /// BG-10.
    package var payee: PartyDetails?
    /// BG-11.
    package var taxRepresentative: PartyDetails?
    /// BG-13.
    package var deliverTo: Delivery?
    /// BT-20.
    package var paymentTermsText: String?
    package var discounts: [PaymentDiscount]
    /// BG-16.
    package var paymentInstructions: [PaymentInstruction]
    /// BG-20 and BG-21.
    package var allowancesCharges: [AllowanceCharge]
    /// BG-22.
    package var totals: Totals
    /// BG-23.
    package var taxBreakdown: [TaxBreakdown]
    /// BG-24.
    package var attachments: [Attachment]
    /// BG-25.
    package var lines: [InvoiceLine]
    package var validation: Validation?
    package var match: MatchSummary?
    package var duplicateOf: InvoiceID?
    package var status: Status

    /// Everything required, everything else empty; callers set what they know.
    package init(
        kind: Kind, direction: Direction = .payable, number: String, issueDate: CivilDate, currency: Currency,
        seller: PartyDetails,
        buyer: PartyDetails, totals: Totals, taxBreakdown: [TaxBreakdown], lines: [InvoiceLine], status: Status = .parsed
    ) {
        self.kind = kind
        self.direction = direction
        self.number = number
        self.issueDate = issueDate
        self.currency = currency
        self.seller = seller
        self.buyer = buyer
        self.totals = totals
        self.taxBreakdown = taxBreakdown
        self.lines = lines
        self.status = status
        notes = []
        precedingInvoices = []
        discounts = []
        paymentInstructions = []
        allowancesCharges = []
        attachments = []
    }
}

/// An earlier invoice this one refers to, such as the one a credit note reverses: BG-3.
package struct PrecedingInvoice: Hashable, Sendable, JSONCoded {
    /// BT-25.
    package var number: String
    /// BT-26.
    package var issueDate: CivilDate?

    package init(number: String, issueDate: CivilDate? = nil) {
        self.number = number
        self.issueDate = issueDate
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        number = try fields.required("number")
        issueDate = try fields.optional("issueDate")
        try fields.finish()
    }

    package var json: JSONValue { .object(["number": number.json, "issueDate": issueDate?.json]) }
}

/// The totals of a document: BG-22.
package struct Totals: Hashable, Sendable, JSONCoded {
    /// BT-106.
    package var lineNet: Amount
    /// BT-107.
    package var allowances: Amount?
    /// BT-108.
    package var charges: Amount?
    /// BT-109.
    package var taxExclusive: Amount
    /// BT-110.
    package var tax: Amount?
    /// BT-112.
    package var taxInclusive: Amount
    /// BT-113.
    package var prepaid: Amount?
    /// BT-114.
    package var rounding: Amount?
    /// BT-115.
    package var payable: Amount

    package init(
        lineNet: Amount, allowances: Amount? = nil, charges: Amount? = nil, taxExclusive: Amount, tax: Amount? = nil,
        taxInclusive: Amount, prepaid: Amount? = nil, rounding: Amount? = nil, payable: Amount
    ) {
        self.lineNet = lineNet
        self.allowances = allowances
        self.charges = charges
        self.taxExclusive = taxExclusive
        self.tax = tax
        self.taxInclusive = taxInclusive
        self.prepaid = prepaid
        self.rounding = rounding
        self.payable = payable
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        lineNet = try fields.required("lineNet")
        allowances = try fields.optional("allowances")
        charges = try fields.optional("charges")
        taxExclusive = try fields.required("taxExclusive")
        tax = try fields.optional("tax")
        taxInclusive = try fields.required("taxInclusive")
        prepaid = try fields.optional("prepaid")
        rounding = try fields.optional("rounding")
        payable = try fields.required("payable")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "lineNet": lineNet.json, "allowances": allowances?.json, "charges": charges?.json, "taxExclusive": taxExclusive.json,
            "tax": tax?.json, "taxInclusive": taxInclusive.json, "prepaid": prepaid?.json, "rounding": rounding?.json,
            "payable": payable.json,
        ])
    }
}

/// One row of the tax breakdown: BG-23.
package struct TaxBreakdown: Hashable, Sendable, JSONCoded {
    /// BT-118.
    package var category: TaxCategory
    /// BT-119.
    package var rate: Percent?
    /// BT-116.
    package var taxable: Amount
    /// BT-117.
    package var tax: Amount
    /// BT-121.
    package var exemptionCode: String?
    /// BT-120.
    package var exemptionText: String?

    package init(
        category: TaxCategory, rate: Percent? = nil, taxable: Amount, tax: Amount, exemptionCode: String? = nil,
        exemptionText: String? = nil
    ) {
        self.category = category
        self.rate = rate
        self.taxable = taxable
        self.tax = tax
        self.exemptionCode = exemptionCode
        self.exemptionText = exemptionText
    }

    package init(json: JSONValue, at pointer: String) throws(Refusal) {
        var fields = try JSONFields(json, at: pointer)
        category = try fields.required("category")
        rate = try fields.optional("rate")
        taxable = try fields.required("taxable")
        tax = try fields.required("tax")
        exemptionCode = try fields.optional("exemptionCode")
        exemptionText = try fields.optional("exemptionText")
        try fields.finish()
    }

    package var json: JSONValue {
        .object([
            "category": category.json, "rate": rate?.json, "taxable": taxable.json, "tax": tax.json,
            "exemptionCode": exemptionCode?.json, "exemptionText": exemptionText?.json,
        ])
    }
}
