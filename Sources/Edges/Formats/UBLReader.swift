/// Where the business terms of EN 16931 stand in UBL 2.1 Invoice and CreditNote.
enum UBLReader {
    static let invoiceSpace = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
    static let creditNoteSpace = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2"
    static let prefixes = [
        "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
        "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
    ]

    static func read(_ tree: XMLTree, isCreditNote: Bool) -> WrittenInvoice {
        let root = XMLView(tree, prefixes: prefixes).root
        var out = WrittenInvoice(root: root)
        out.isCreditNote = isCreditNote
        header(root, &out)
        references(root, &out)
        parties(root, &out)
        payment(root, &out)
        figures(root, &out)
        out.lines = root.all(isCreditNote ? "cac:CreditNoteLine" : "cac:InvoiceLine").map { line($0, isCreditNote: isCreditNote) }
        return out
    }

    private static func header(_ root: XMLNode, _ out: inout WrittenInvoice) {
        out.specification = Written(root.at("cbc:CustomizationID"))
        out.number = Written(root.at("cbc:ID"))
        out.issueDate = Written(root.at("cbc:IssueDate"))
        out.typeCode = Written(root.at(out.isCreditNote ? "cbc:CreditNoteTypeCode" : "cbc:InvoiceTypeCode"))
        out.currency = Written(root.at("cbc:DocumentCurrencyCode"))
        out.taxCurrency = Written(root.at("cbc:TaxCurrencyCode"))
        out.taxPointDate = Written(root.at("cbc:TaxPointDate"))
        // A credit note has no due date of its own in UBL 2.1; it stands with the means of payment.
        out.dueDate = Written(root.at("cbc:DueDate")) ?? Written(root.at("cac:PaymentMeans", "cbc:PaymentDueDate"))
        out.notes = root.all("cbc:Note").compactMap { Written($0) }
        out.periodStart = Written(root.at("cac:InvoicePeriod", "cbc:StartDate"))
        out.periodEnd = Written(root.at("cac:InvoicePeriod", "cbc:EndDate"))
    }

    private static func references(_ root: XMLNode, _ out: inout WrittenInvoice) {
        out.buyerReference = Written(root.at("cbc:BuyerReference"))
        out.projectRef = Written(root.at("cac:ProjectReference", "cbc:ID"))
        out.contractRef = Written(root.at("cac:ContractDocumentReference", "cbc:ID"))
        out.orderRef = Written(root.at("cac:OrderReference", "cbc:ID"))
        out.receiptRef = Written(root.at("cac:ReceiptDocumentReference", "cbc:ID"))
        out.preceding = root.all("cac:BillingReference").compactMap { $0.at("cac:InvoiceDocumentReference") }.map {
            (number: Written($0.at("cbc:ID")), issueDate: Written($0.at("cbc:IssueDate")))
        }
        for reference in root.all("cac:AdditionalDocumentReference") {
            switch reference.at("cbc:DocumentTypeCode")?.text {
            case "50": out.projectRef = out.projectRef ?? Written(reference.at("cbc:ID"))
            case "130": continue
            default: out.documents.append(document(reference))
            }
        }
    }

    private static func document(_ reference: XMLNode) -> WrittenInvoice.SupportingDocument {
        let embedded = reference.at("cac:Attachment", "cbc:EmbeddedDocumentBinaryObject")
        return WrittenInvoice.SupportingDocument(
            ref: Written(reference.at("cbc:ID")), description: Written(reference.at("cbc:DocumentDescription")),
            mime: embedded?.attribute("mimeCode"), fileName: embedded?.attribute("filename"), embedded: embedded)
    }

    private static func parties(_ root: XMLNode, _ out: inout WrittenInvoice) {
        out.seller = root.at("cac:AccountingSupplierParty", "cac:Party").map(party)
        out.buyer = root.at("cac:AccountingCustomerParty", "cac:Party").map(party)
        out.payee = root.at("cac:PayeeParty").map(party)
        out.taxRepresentative = root.at("cac:TaxRepresentativeParty").map(party)
        if let delivery = root.at("cac:Delivery") {
            out.deliveryDate = Written(delivery.at("cbc:ActualDeliveryDate"))
            out.deliveryName = Written(delivery.at("cac:DeliveryParty", "cac:PartyName", "cbc:Name"))
            out.deliveryLocation = identifier(delivery.at("cac:DeliveryLocation", "cbc:ID"))
            out.deliveryAddress = delivery.at("cac:DeliveryLocation", "cac:Address").map(address)
        }
    }

    private static func identifier(_ node: XMLNode?) -> WrittenIdentifier? {
        Written(node).map { WrittenIdentifier(scheme: $0.node.attribute("schemeID"), value: $0) }
    }

    private static func party(_ node: XMLNode) -> WrittenInvoice.Party {
        var out = WrittenInvoice.Party(node: node)
        let tradingName = Written(node.at("cac:PartyName", "cbc:Name"))
        let legalName = Written(node.at("cac:PartyLegalEntity", "cbc:RegistrationName"))
        // Payee and tax representative have a party name only.
        out.name = legalName ?? tradingName
        out.tradingName = legalName == nil ? nil : tradingName
        out.identifiers = node.all("cac:PartyIdentification").compactMap { identifier($0.at("cbc:ID")) }
        out.legalId = identifier(node.at("cac:PartyLegalEntity", "cbc:CompanyID"))
        out.endpoint = identifier(node.at("cbc:EndpointID"))
        for scheme in node.all("cac:PartyTaxScheme") {
            let number = Written(scheme.at("cbc:CompanyID"))
            if scheme.at("cac:TaxScheme", "cbc:ID")?.text.uppercased() == "VAT" {
                out.vatId = out.vatId ?? number
            } else {
                out.taxRegistrationId = out.taxRegistrationId ?? number
            }
        }
        out.address = node.at("cac:PostalAddress").map(address)
        out.contactName = Written(node.at("cac:Contact", "cbc:Name"))
        out.contactPhone = Written(node.at("cac:Contact", "cbc:Telephone"))
        out.contactEmail = Written(node.at("cac:Contact", "cbc:ElectronicMail"))
        return out
    }

    private static func address(_ node: XMLNode) -> WrittenInvoice.Address {
        WrittenInvoice.Address(
            line1: Written(node.at("cbc:StreetName")), line2: Written(node.at("cbc:AdditionalStreetName")),
            city: Written(node.at("cbc:CityName")), postCode: Written(node.at("cbc:PostalZone")),
            subdivision: Written(node.at("cbc:CountrySubentity")),
            country: Written(node.at("cac:Country", "cbc:IdentificationCode")))
    }

    private static func payment(_ root: XMLNode, _ out: inout WrittenInvoice) {
        out.paymentTerms = Written(root.at("cac:PaymentTerms", "cbc:Note"))
        out.payments = root.all("cac:PaymentMeans").map { means in
            WrittenInvoice.Payment(
                meansCode: Written(means.at("cbc:PaymentMeansCode")), remittanceRef: Written(means.at("cbc:PaymentID")),
                account: Written(means.at("cac:PayeeFinancialAccount", "cbc:ID")),
                accountName: Written(means.at("cac:PayeeFinancialAccount", "cbc:Name")),
                bic: Written(means.at("cac:PayeeFinancialAccount", "cac:FinancialInstitutionBranch", "cbc:ID")),
                card: Written(means.at("cac:CardAccount", "cbc:PrimaryAccountNumberID")),
                mandate: Written(means.at("cac:PaymentMandate", "cbc:ID")))
        }
    }

    private static func figures(_ root: XMLNode, _ out: inout WrittenInvoice) {
        out.adjustments = root.all("cac:AllowanceCharge").map(adjustment)
        for total in root.all("cac:TaxTotal") {
            let start = out.breakdown.count
            out.breakdown += total.all("cac:TaxSubtotal").map(breakdown)
            let amount = Written(total.at("cbc:TaxAmount"))
            out.taxTotals.append(
                WrittenInvoice.TaxTotal(
                    amount: amount, currency: amount?.node.attribute("currencyID"), rows: start..<out.breakdown.count))
        }
        guard let sums = root.at("cac:LegalMonetaryTotal") else { return }
        var totals = WrittenInvoice.Totals(node: sums)
        totals.lineNet = Written(sums.at("cbc:LineExtensionAmount"))
        totals.allowances = Written(sums.at("cbc:AllowanceTotalAmount"))
        totals.charges = Written(sums.at("cbc:ChargeTotalAmount"))
        totals.taxExclusive = Written(sums.at("cbc:TaxExclusiveAmount"))
        totals.taxInclusive = Written(sums.at("cbc:TaxInclusiveAmount"))
        totals.prepaid = Written(sums.at("cbc:PrepaidAmount"))
        totals.rounding = Written(sums.at("cbc:PayableRoundingAmount"))
        totals.payable = Written(sums.at("cbc:PayableAmount"))
        out.totals = totals
    }

    private static func taxes(_ nodes: [XMLNode]) -> [(category: Written?, rate: Written?)] {
        nodes.map { (category: Written($0.at("cbc:ID")), rate: Written($0.at("cbc:Percent"))) }
    }

    private static func adjustment(_ node: XMLNode) -> WrittenInvoice.Adjustment {
        var out = WrittenInvoice.Adjustment(node: node)
        out.isCharge = flag(node.at("cbc:ChargeIndicator")?.text)
        out.amount = Written(node.at("cbc:Amount"))
        out.baseAmount = Written(node.at("cbc:BaseAmount"))
        out.percent = Written(node.at("cbc:MultiplierFactorNumeric"))
        out.reasonCode = Written(node.at("cbc:AllowanceChargeReasonCode"))
        out.reason = Written(node.at("cbc:AllowanceChargeReason"))
        out.taxes = taxes(node.all("cac:TaxCategory"))
        return out
    }

    private static func breakdown(_ node: XMLNode) -> WrittenInvoice.Breakdown {
        var out = WrittenInvoice.Breakdown(node: node)
        out.taxable = Written(node.at("cbc:TaxableAmount"))
        out.tax = Written(node.at("cbc:TaxAmount"))
        let category = node.at("cac:TaxCategory")
        out.category = Written(category?.at("cbc:ID"))
        out.rate = Written(category?.at("cbc:Percent"))
        out.isVAT = category?.at("cac:TaxScheme", "cbc:ID")?.text.uppercased() == "VAT"
        out.exemptionCode = Written(category?.at("cbc:TaxExemptionReasonCode"))
        out.exemptionText = Written(category?.at("cbc:TaxExemptionReason"))
        return out
    }

    private static func line(_ node: XMLNode, isCreditNote: Bool) -> WrittenInvoice.Line {
        var out = WrittenInvoice.Line(node: node)
        out.id = Written(node.at("cbc:ID"))
        out.note = Written(node.at("cbc:Note"))
        out.quantity = Written(node.at(isCreditNote ? "cbc:CreditedQuantity" : "cbc:InvoicedQuantity"))
        out.unit = out.quantity?.node.attribute("unitCode")
        out.netAmount = Written(node.at("cbc:LineExtensionAmount"))
        out.accountingRef = Written(node.at("cbc:AccountingCost"))
        out.orderLineRef = Written(node.at("cac:OrderLineReference", "cbc:LineID"))
        out.periodStart = Written(node.at("cac:InvoicePeriod", "cbc:StartDate"))
        out.periodEnd = Written(node.at("cac:InvoicePeriod", "cbc:EndDate"))
        out.adjustments = node.all("cac:AllowanceCharge").map(adjustment)
        if let price = node.at("cac:Price") {
            out.unitPrice = Written(price.at("cbc:PriceAmount"))
            out.baseQuantity = Written(price.at("cbc:BaseQuantity"))
            out.baseUnit = out.baseQuantity?.node.attribute("unitCode")
            out.priceDiscount = Written(price.at("cac:AllowanceCharge", "cbc:Amount"))
            out.grossPrice = Written(price.at("cac:AllowanceCharge", "cbc:BaseAmount"))
        }
        guard let item = node.at("cac:Item") else { return out }
        out.name = Written(item.at("cbc:Name"))
        out.description = Written(item.at("cbc:Description"))
        out.sellerItemId = Written(item.at("cac:SellersItemIdentification", "cbc:ID"))
        out.buyerItemId = Written(item.at("cac:BuyersItemIdentification", "cbc:ID"))
        out.standardItemId = identifier(item.at("cac:StandardItemIdentification", "cbc:ID"))
        out.taxes = taxes(item.all("cac:ClassifiedTaxCategory"))
        out.classifications = item.all("cac:CommodityClassification").compactMap { group in
            Written(group.at("cbc:ItemClassificationCode")).map { (list: $0.node.attribute("listID"), value: $0) }
        }
        return out
    }

    /// XML Schema booleans; nil for anything else.
    static func flag(_ text: String?) -> Bool? {
        switch text {
        case "true", "1": true
        case "false", "0": false
        default: nil
        }
    }
}
