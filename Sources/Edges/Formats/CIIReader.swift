/// Where the business terms of EN 16931 stand in the Cross Industry Invoice D16B.
enum CIIReader {
    static let space = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
    static let prefixes = [
        "rsm": space,
        "ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
        "udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
        "qdt": "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
    ]

    static func read(_ tree: XMLTree) -> WrittenInvoice {
        let root = XMLView(tree, prefixes: prefixes).root
        var out = WrittenInvoice(root: root)
        out.isCII = true
        header(root, &out)
        guard let transaction = root.at("rsm:SupplyChainTradeTransaction") else { return out }
        if let agreement = transaction.at("ram:ApplicableHeaderTradeAgreement") { agree(agreement, &out) }
        if let delivery = transaction.at("ram:ApplicableHeaderTradeDelivery") { deliver(delivery, &out) }
        if let settlement = transaction.at("ram:ApplicableHeaderTradeSettlement") {
            settle(settlement, &out)
            figures(settlement, &out)
        }
        out.lines = transaction.all("ram:IncludedSupplyChainTradeLineItem").map(line)
        return out
    }

    /// Dates are written as `format="102"`, YYYYMMDD; they become ISO dates, anything else stays as it is and fails later.
    private static func date(_ node: XMLNode?) -> Written? {
        let inner = node?.at("udt:DateTimeString") ?? node?.at("qdt:DateTimeString") ?? node?.at("udt:DateString")
        guard let written = Written(inner) else { return nil }
        let text = written.text.utf8.map { $0 }
        guard text.count == 8, written.node.attribute("format") == nil || written.node.attribute("format") == "102" else {
            return written
        }
        func part(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
        return Written(text: part(0..<4) + "-" + part(4..<6) + "-" + part(6..<8), node: written.node)
    }

    private static func header(_ root: XMLNode, _ out: inout WrittenInvoice) {
        out.specification = Written(
            root.at("rsm:ExchangedDocumentContext", "ram:GuidelineSpecifiedDocumentContextParameter", "ram:ID"))
        guard let document = root.at("rsm:ExchangedDocument") else { return }
        out.number = Written(document.at("ram:ID"))
        out.typeCode = Written(document.at("ram:TypeCode"))
        out.issueDate = date(document.at("ram:IssueDateTime"))
        out.notes = document.all("ram:IncludedNote").compactMap { Written($0.at("ram:Content")) }
    }

    private static func agree(_ node: XMLNode, _ out: inout WrittenInvoice) {
        out.buyerReference = Written(node.at("ram:BuyerReference"))
        out.seller = node.at("ram:SellerTradeParty").map(party)
        out.buyer = node.at("ram:BuyerTradeParty").map(party)
        out.taxRepresentative = node.at("ram:SellerTaxRepresentativeTradeParty").map(party)
        out.orderRef = Written(node.at("ram:BuyerOrderReferencedDocument", "ram:IssuerAssignedID"))
        out.contractRef = Written(node.at("ram:ContractReferencedDocument", "ram:IssuerAssignedID"))
        out.projectRef = Written(node.at("ram:SpecifiedProcuringProject", "ram:ID"))
        for reference in node.all("ram:AdditionalReferencedDocument") {
            // 50 is a tender, 130 the object invoiced; 916 and anything else supports the invoice.
            if ["50", "130"].contains(reference.at("ram:TypeCode")?.text ?? "") { continue }
            let embedded = reference.at("ram:AttachmentBinaryObject")
            out.documents.append(
                WrittenInvoice.SupportingDocument(
                    ref: Written(reference.at("ram:IssuerAssignedID")), description: Written(reference.at("ram:Name")),
                    mime: embedded?.attribute("mimeCode"), fileName: embedded?.attribute("filename"), embedded: embedded))
        }
    }

    private static func deliver(_ node: XMLNode, _ out: inout WrittenInvoice) {
        out.receiptRef = Written(node.at("ram:ReceivingAdviceReferencedDocument", "ram:IssuerAssignedID"))
        out.deliveryDate = date(node.at("ram:ActualDeliverySupplyChainEvent", "ram:OccurrenceDateTime"))
        guard let place = node.at("ram:ShipToTradeParty") else { return }
        out.deliveryName = Written(place.at("ram:Name"))
        out.deliveryLocation = identifier(place.at("ram:GlobalID")) ?? identifier(place.at("ram:ID"))
        out.deliveryAddress = place.at("ram:PostalTradeAddress").map(address)
    }

    private static func settle(_ node: XMLNode, _ out: inout WrittenInvoice) {
        out.currency = Written(node.at("ram:InvoiceCurrencyCode"))
        out.taxCurrency = Written(node.at("ram:TaxCurrencyCode"))
        out.taxPointDate = date(node.at("ram:ApplicableTradeTax", "ram:TaxPointDate"))
        out.payee = node.at("ram:PayeeTradeParty").map(party)
        out.periodStart = date(node.at("ram:BillingSpecifiedPeriod", "ram:StartDateTime"))
        out.periodEnd = date(node.at("ram:BillingSpecifiedPeriod", "ram:EndDateTime"))
        out.preceding = node.all("ram:InvoiceReferencedDocument").map {
            (number: Written($0.at("ram:IssuerAssignedID")), issueDate: date($0.at("ram:FormattedIssueDateTime")))
        }
        let terms = node.all("ram:SpecifiedTradePaymentTerms")
        out.paymentTerms = terms.lazy.compactMap { Written($0.at("ram:Description")) }.first
        out.dueDate = terms.lazy.compactMap { date($0.at("ram:DueDateDateTime")) }.first
        out.discounts = terms.compactMap { $0.at("ram:ApplicableTradePaymentDiscountTerms") }.map {
            (percent: Written($0.at("ram:CalculationPercent")), days: Written($0.at("ram:BasisPeriodMeasure")))
        }
        let remittance = Written(node.at("ram:PaymentReference"))
        let mandate = terms.lazy.compactMap { Written($0.at("ram:DirectDebitMandateID")) }.first
        out.payments = node.all("ram:SpecifiedTradeSettlementPaymentMeans").map { means in
            let account = means.at("ram:PayeePartyCreditorFinancialAccount")
            return WrittenInvoice.Payment(
                meansCode: Written(means.at("ram:TypeCode")), remittanceRef: remittance,
                account: Written(account?.at("ram:IBANID")) ?? Written(account?.at("ram:ProprietaryID")),
                accountName: Written(account?.at("ram:AccountName")),
                bic: Written(means.at("ram:PayeeSpecifiedCreditorFinancialInstitution", "ram:BICID")),
                card: Written(means.at("ram:ApplicableTradeSettlementFinancialCard", "ram:ID")), mandate: mandate)
        }
    }

    private static func figures(_ node: XMLNode, _ out: inout WrittenInvoice) {
        out.adjustments = node.all("ram:SpecifiedTradeAllowanceCharge").map(adjustment)
        out.breakdown = node.all("ram:ApplicableTradeTax").map(breakdown)
        guard let sums = node.at("ram:SpecifiedTradeSettlementHeaderMonetarySummation") else { return }
        out.taxTotals = sums.all("ram:TaxTotalAmount").map { amount in
            WrittenInvoice.TaxTotal(
                amount: Written(amount), currency: amount.attribute("currencyID"), rows: 0..<out.breakdown.count)
        }
        var totals = WrittenInvoice.Totals(node: sums)
        totals.lineNet = Written(sums.at("ram:LineTotalAmount"))
        totals.allowances = Written(sums.at("ram:AllowanceTotalAmount"))
        totals.charges = Written(sums.at("ram:ChargeTotalAmount"))
        totals.taxExclusive = Written(sums.at("ram:TaxBasisTotalAmount"))
        totals.taxInclusive = Written(sums.at("ram:GrandTotalAmount"))
        totals.prepaid = Written(sums.at("ram:TotalPrepaidAmount"))
        totals.rounding = Written(sums.at("ram:RoundingAmount"))
        totals.payable = Written(sums.at("ram:DuePayableAmount"))
        out.totals = totals
    }

    private static func identifier(_ node: XMLNode?) -> WrittenIdentifier? {
        Written(node).map { WrittenIdentifier(scheme: $0.node.attribute("schemeID"), value: $0) }
    }

    private static func party(_ node: XMLNode) -> WrittenInvoice.Party {
        var out = WrittenInvoice.Party(node: node)
        out.name = Written(node.at("ram:Name"))
        out.identifiers = (node.all("ram:ID") + node.all("ram:GlobalID")).compactMap { identifier($0) }
        out.legalId = identifier(node.at("ram:SpecifiedLegalOrganization", "ram:ID"))
        out.tradingName = Written(node.at("ram:SpecifiedLegalOrganization", "ram:TradingBusinessName"))
        out.endpoint = identifier(node.at("ram:URIUniversalCommunication", "ram:URIID"))
        for registration in node.all("ram:SpecifiedTaxRegistration") {
            guard let id = registration.at("ram:ID"), let number = Written(id) else { continue }
            switch id.attribute("schemeID") {
            case "VA": out.vatId = out.vatId ?? number
            case "FC": out.taxRegistrationId = out.taxRegistrationId ?? number
            default: continue
            }
        }
        out.address = node.at("ram:PostalTradeAddress").map(address)
        if let contact = node.at("ram:DefinedTradeContact") {
            out.contactName = Written(contact.at("ram:PersonName")) ?? Written(contact.at("ram:DepartmentName"))
            out.contactPhone = Written(contact.at("ram:TelephoneUniversalCommunication", "ram:CompleteNumber"))
            out.contactEmail = Written(contact.at("ram:EmailURIUniversalCommunication", "ram:URIID"))
        }
        return out
    }

    private static func address(_ node: XMLNode) -> WrittenInvoice.Address {
        WrittenInvoice.Address(
            line1: Written(node.at("ram:LineOne")), line2: Written(node.at("ram:LineTwo")),
            city: Written(node.at("ram:CityName")),
            postCode: Written(node.at("ram:PostcodeCode")), subdivision: Written(node.at("ram:CountrySubDivisionName")),
            country: Written(node.at("ram:CountryID")))
    }

    private static func adjustment(_ node: XMLNode) -> WrittenInvoice.Adjustment {
        var out = WrittenInvoice.Adjustment(node: node)
        out.isCharge = UBLReader.flag(node.at("ram:ChargeIndicator", "udt:Indicator")?.text)
        out.amount = Written(node.at("ram:ActualAmount"))
        out.baseAmount = Written(node.at("ram:BasisAmount"))
        out.percent = Written(node.at("ram:CalculationPercent"))
        out.reasonCode = Written(node.at("ram:ReasonCode"))
        out.reason = Written(node.at("ram:Reason"))
        out.taxes = taxes(node.all("ram:CategoryTradeTax"))
        return out
    }

    private static func taxes(_ nodes: [XMLNode]) -> [(category: Written?, rate: Written?)] {
        nodes.map { (category: Written($0.at("ram:CategoryCode")), rate: Written($0.at("ram:RateApplicablePercent"))) }
    }

    private static func breakdown(_ node: XMLNode) -> WrittenInvoice.Breakdown {
        var out = WrittenInvoice.Breakdown(node: node)
        out.taxable = Written(node.at("ram:BasisAmount"))
        out.tax = Written(node.at("ram:CalculatedAmount"))
        out.category = Written(node.at("ram:CategoryCode"))
        out.rate = Written(node.at("ram:RateApplicablePercent"))
        out.isVAT = node.at("ram:TypeCode")?.text.uppercased() == "VAT"
        out.exemptionCode = Written(node.at("ram:ExemptionReasonCode"))
        out.exemptionText = Written(node.at("ram:ExemptionReason"))
        return out
    }

    private static func line(_ node: XMLNode) -> WrittenInvoice.Line {
        var out = WrittenInvoice.Line(node: node)
        out.id = Written(node.at("ram:AssociatedDocumentLineDocument", "ram:LineID"))
        out.note = Written(node.at("ram:AssociatedDocumentLineDocument", "ram:IncludedNote", "ram:Content"))
        if let product = node.at("ram:SpecifiedTradeProduct") {
            out.name = Written(product.at("ram:Name"))
            out.description = Written(product.at("ram:Description"))
            out.sellerItemId = Written(product.at("ram:SellerAssignedID"))
            out.buyerItemId = Written(product.at("ram:BuyerAssignedID"))
            out.standardItemId = identifier(product.at("ram:GlobalID"))
            out.classifications = product.all("ram:DesignatedProductClassification").compactMap { group in
                Written(group.at("ram:ClassCode")).map { (list: $0.node.attribute("listID"), value: $0) }
            }
        }
        if let agreement = node.at("ram:SpecifiedLineTradeAgreement") { price(agreement, &out) }
        out.quantity = Written(node.at("ram:SpecifiedLineTradeDelivery", "ram:BilledQuantity"))
        out.unit = out.quantity?.node.attribute("unitCode")
        guard let settlement = node.at("ram:SpecifiedLineTradeSettlement") else { return out }
        out.netAmount = Written(settlement.at("ram:SpecifiedTradeSettlementLineMonetarySummation", "ram:LineTotalAmount"))
        out.taxes = taxes(settlement.all("ram:ApplicableTradeTax"))
        out.adjustments = settlement.all("ram:SpecifiedTradeAllowanceCharge").map(adjustment)
        out.periodStart = date(settlement.at("ram:BillingSpecifiedPeriod", "ram:StartDateTime"))
        out.periodEnd = date(settlement.at("ram:BillingSpecifiedPeriod", "ram:EndDateTime"))
        out.accountingRef = Written(settlement.at("ram:ReceivableSpecifiedTradeAccountingAccount", "ram:ID"))
        return out
    }

    private static func price(_ agreement: XMLNode, _ out: inout WrittenInvoice.Line) {
        out.orderLineRef = Written(agreement.at("ram:BuyerOrderReferencedDocument", "ram:LineID"))
        let net = agreement.at("ram:NetPriceProductTradePrice")
        let gross = agreement.at("ram:GrossPriceProductTradePrice")
        out.unitPrice = Written(net?.at("ram:ChargeAmount"))
        out.grossPrice = Written(gross?.at("ram:ChargeAmount"))
        out.priceDiscount = Written(gross?.at("ram:AppliedTradeAllowanceCharge", "ram:ActualAmount"))
        out.baseQuantity = Written(net?.at("ram:BasisQuantity")) ?? Written(gross?.at("ram:BasisQuantity"))
        out.baseUnit = out.baseQuantity?.node.attribute("unitCode")
    }
}
