/// A text where it stands in the document.
struct Written: Sendable {
    let text: String
    let node: XMLNode

    init(text: String, node: XMLNode) {
        self.text = text
        self.node = node
    }

    /// Nil for an absent element and for an empty one, which says as little.
    init?(_ node: XMLNode?) {
        guard let node else { return nil }
        let text = node.text
        guard !text.isEmpty else { return nil }
        self.init(text: text, node: node)
    }
}

/// An identifier as written, with the scheme the document names.
struct WrittenIdentifier: Sendable {
    let scheme: String?
    let value: Written
}

/// An invoice exactly as its document writes it, before anything is believed: texts with their places, everything optional.
///
/// Both syntaxes are read into this one shape, so that what makes an invoice valid is decided once.
struct WrittenInvoice: Sendable {
    struct Address: Sendable {
        var line1: Written?
        var line2: Written?
        var city: Written?
        var postCode: Written?
        var subdivision: Written?
        var country: Written?
    }

    struct Party: Sendable {
        var node: XMLNode
        var name: Written?
        var tradingName: Written?
        var identifiers: [WrittenIdentifier] = []
        var vatId: Written?
        var taxRegistrationId: Written?
        var legalId: WrittenIdentifier?
        var endpoint: WrittenIdentifier?
        var address: Address?
        var contactName: Written?
        var contactPhone: Written?
        var contactEmail: Written?

        init(node: XMLNode) { self.node = node }
    }

    struct Adjustment: Sendable {
        var node: XMLNode
        var isCharge: Bool?
        var amount: Written?
        var baseAmount: Written?
        var percent: Written?
        var reasonCode: Written?
        var reason: Written?
        var taxes: [(category: Written?, rate: Written?)] = []

        init(node: XMLNode) { self.node = node }
    }

    struct Breakdown: Sendable {
        var node: XMLNode
        var taxable: Written?
        var tax: Written?
        var category: Written?
        var rate: Written?
        var isVAT = false
        var exemptionCode: Written?
        var exemptionText: Written?

        init(node: XMLNode) { self.node = node }
    }

    struct TaxTotal: Sendable {
        var amount: Written?
        var currency: String?
        /// Indices into `breakdown`.
        var rows: Range<Int>
    }

    struct Payment: Sendable {
        var meansCode: Written?
        var remittanceRef: Written?
        var account: Written?
        var accountName: Written?
        var bic: Written?
        var card: Written?
        var mandate: Written?
    }

    struct SupportingDocument: Sendable {
        var ref: Written?
        var description: Written?
        var mime: String?
        var fileName: String?
        /// Base64 as written.
        var embedded: XMLNode?
    }

    struct Line: Sendable {
        var node: XMLNode
        var id: Written?
        var note: Written?
        var quantity: Written?
        var unit: String?
        var netAmount: Written?
        var orderLineRef: Written?
        var accountingRef: Written?
        var periodStart: Written?
        var periodEnd: Written?
        var adjustments: [Adjustment] = []
        var unitPrice: Written?
        var grossPrice: Written?
        var priceDiscount: Written?
        var baseQuantity: Written?
        var baseUnit: String?
        var taxes: [(category: Written?, rate: Written?)] = []
        var name: Written?
        var description: Written?
        var sellerItemId: Written?
        var buyerItemId: Written?
        var standardItemId: WrittenIdentifier?
        var classifications: [(list: String?, value: Written)] = []

        init(node: XMLNode) { self.node = node }
    }

    struct Totals: Sendable {
        var node: XMLNode
        var lineNet: Written?
        var allowances: Written?
        var charges: Written?
        var taxExclusive: Written?
        var taxInclusive: Written?
        var prepaid: Written?
        var rounding: Written?
        var payable: Written?

        init(node: XMLNode) { self.node = node }
    }

    var root: XMLNode
    var isCreditNote = false
    var isCII = false
    var number: Written?
    var issueDate: Written?
    var typeCode: Written?
    var currency: Written?
    var taxCurrency: Written?
    var taxPointDate: Written?
    var dueDate: Written?
    var buyerReference: Written?
    var projectRef: Written?
    var contractRef: Written?
    var orderRef: Written?
    var receiptRef: Written?
    var specification: Written?
    var notes: [Written] = []
    var periodStart: Written?
    var periodEnd: Written?
    var preceding: [(number: Written?, issueDate: Written?)] = []
    var seller: Party?
    var buyer: Party?
    var payee: Party?
    var taxRepresentative: Party?
    var deliveryName: Written?
    var deliveryLocation: WrittenIdentifier?
    var deliveryDate: Written?
    var deliveryAddress: Address?
    var paymentTerms: Written?
    var discounts: [(percent: Written?, days: Written?)] = []
    var payments: [Payment] = []
    var adjustments: [Adjustment] = []
    var totals: Totals?
    var taxTotals: [TaxTotal] = []
    var breakdown: [Breakdown] = []
    var documents: [SupportingDocument] = []
    var lines: [Line] = []

    init(root: XMLNode) { self.root = root }

    /// The tax total in the document's currency, BT-110; one without a currency counts as such.
    var taxTotal: TaxTotal? {
        taxTotals.first { $0.amount != nil && ($0.currency == nil || $0.currency == currency?.text) }
    }

    /// The tax total in the accounting currency, BT-111.
    var taxTotalInTaxCurrency: TaxTotal? {
        guard let taxCurrency, taxCurrency.text != currency?.text else { return nil }
        return taxTotals.first { $0.amount != nil && $0.currency == taxCurrency.text }
    }

    /// Header terms as written, in the order of their numbers.
    var terms: [(term: String, text: String)] {
        let known: [(String, Written?)] = [
            ("BT-1", number), ("BT-2", issueDate), ("BT-3", typeCode), ("BT-5", currency), ("BT-6", taxCurrency),
            ("BT-7", taxPointDate), ("BT-9", dueDate), ("BT-10", buyerReference), ("BT-11", projectRef), ("BT-12", contractRef),
            ("BT-13", orderRef), ("BT-15", receiptRef), ("BT-20", paymentTerms), ("BT-24", specification),
            ("BT-27", seller?.name),
            ("BT-30", seller?.legalId?.value), ("BT-31", seller?.vatId), ("BT-44", buyer?.name), ("BT-47", buyer?.legalId?.value),
            ("BT-48", buyer?.vatId), ("BT-83", payments.first?.remittanceRef), ("BT-84", payments.first?.account),
            ("BT-106", totals?.lineNet), ("BT-107", totals?.allowances), ("BT-108", totals?.charges),
            ("BT-109", totals?.taxExclusive), ("BT-110", taxTotal?.amount), ("BT-111", taxTotalInTaxCurrency?.amount),
            ("BT-112", totals?.taxInclusive), ("BT-113", totals?.prepaid), ("BT-114", totals?.rounding),
            ("BT-115", totals?.payable),
        ]
        var out = known.compactMap { term, written in written.map { (term: term, text: $0.text) } }
        out.append((term: "lines", text: String(lines.count)))
        return out
    }
}
