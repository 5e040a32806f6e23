internal import Finance
internal import Kernel

/// A sample document in CII D16B.
struct SampleCII {
    private let invoice: SampleInvoice
    private let figures: SampleFigures

    init(_ invoice: SampleInvoice, _ figures: SampleFigures) {
        self.invoice = invoice
        self.figures = figures
    }

    var text: String {
        let spaces =
            " xmlns:rsm=\"urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100\""
            + " xmlns:ram=\"urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100\""
            + " xmlns:udt=\"urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100\""
        var out = SampleMarkup()
        out.group("rsm:CrossIndustryInvoice", spaces) { out in
            out.group("rsm:ExchangedDocumentContext") {
                $0.group("ram:GuidelineSpecifiedDocumentContextParameter") { $0.leaf("ram:ID", "urn:cen.eu:en16931:2017") }
            }
            out.group("rsm:ExchangedDocument") { out in
                out.leaf("ram:ID", invoice.number)
                out.leaf("ram:TypeCode", invoice.kind == .creditNote ? "381" : "380")
                date("ram:IssueDateTime", invoice.issueDate, &out)
                if let note = invoice.note { out.group("ram:IncludedNote") { $0.leaf("ram:Content", note) } }
            }
            out.group("rsm:SupplyChainTradeTransaction") { out in
                for (line, net) in zip(invoice.lines, figures.nets) { self.line(line, net, &out) }
                agreement(&out)
                out.group("ram:ApplicableHeaderTradeDelivery") { _ in }
                settlement(&out)
            }
        }
        return out.text
    }

    private func date(_ name: String, _ date: CivilDate, _ out: inout SampleMarkup) {
        let digits = String(date.description.filter { $0 != "-" })
        out.group(name) { $0.leaf("udt:DateTimeString", digits, " format=\"102\"") }
    }

    private func agreement(_ out: inout SampleMarkup) {
        out.group("ram:ApplicableHeaderTradeAgreement") { out in
            out.leaf("ram:BuyerReference", invoice.buyerReference)
            out.group("ram:SellerTradeParty") { party(invoice.seller, &$0) }
            out.group("ram:BuyerTradeParty") { party(invoice.buyer, &$0) }
            if let order = invoice.orderRef {
                out.group("ram:BuyerOrderReferencedDocument") { $0.leaf("ram:IssuerAssignedID", order) }
            }
        }
    }

    private func party(_ party: SampleParty, _ out: inout SampleMarkup) {
        out.leaf("ram:Name", party.name)
        out.group("ram:DefinedTradeContact") {
            $0.group("ram:EmailURIUniversalCommunication") { $0.leaf("ram:URIID", party.email) }
        }
        out.group("ram:PostalTradeAddress") { out in
            out.leaf("ram:PostcodeCode", party.postCode)
            out.leaf("ram:LineOne", party.street)
            out.leaf("ram:CityName", party.city)
            out.leaf("ram:CountryID", party.country)
        }
        out.group("ram:URIUniversalCommunication") { $0.leaf("ram:URIID", party.email, " schemeID=\"EM\"") }
        out.group("ram:SpecifiedTaxRegistration") { $0.leaf("ram:ID", party.vatId, " schemeID=\"VA\"") }
    }

    private func tax(
        _ name: String, _ category: TaxCategory, _ rate: ExactDecimal, _ group: SampleFigures.Group?, _ out: inout SampleMarkup
    ) {
        out.group(name) { out in
            out.leaf("ram:CalculatedAmount", group?.tax.description)
            out.leaf("ram:TypeCode", "VAT")
            out.leaf("ram:BasisAmount", group?.taxable.description)
            out.leaf("ram:CategoryCode", category.rawValue)
            if category != .o { out.leaf("ram:RateApplicablePercent", rate.description) }
        }
    }

    private func settlement(_ out: inout SampleMarkup) {
        out.group("ram:ApplicableHeaderTradeSettlement") { out in
            if invoice.seller.iban != nil { out.leaf("ram:PaymentReference", invoice.number) }
            out.leaf("ram:InvoiceCurrencyCode", invoice.currency.code)
            payment(&out)
            for group in figures.groups { tax("ram:ApplicableTradeTax", group.category, group.rate, group, &out) }
            for adjustment in invoice.adjustments { self.adjustment(adjustment, &out) }
            if let due = invoice.dueDate { out.group("ram:SpecifiedTradePaymentTerms") { date("ram:DueDateDateTime", due, &$0) } }
            totals(&out)
            if let earlier = invoice.precedingNumber {
                out.group("ram:InvoiceReferencedDocument") { $0.leaf("ram:IssuerAssignedID", earlier) }
            }
        }
    }

    private func payment(_ out: inout SampleMarkup) {
        guard let iban = invoice.seller.iban else { return }
        out.group("ram:SpecifiedTradeSettlementPaymentMeans") { out in
            out.leaf("ram:TypeCode", invoice.currency.code == "EUR" ? "58" : "30")
            out.group("ram:PayeePartyCreditorFinancialAccount") { out in
                out.leaf("ram:IBANID", iban)
                out.leaf("ram:AccountName", invoice.seller.name)
            }
            if let bic = invoice.seller.bic {
                out.group("ram:PayeeSpecifiedCreditorFinancialInstitution") { $0.leaf("ram:BICID", bic) }
            }
        }
    }

    private func adjustment(_ adjustment: SampleAdjustment, _ out: inout SampleMarkup) {
        out.group("ram:SpecifiedTradeAllowanceCharge") { out in
            out.group("ram:ChargeIndicator") { $0.leaf("udt:Indicator", adjustment.isCharge ? "true" : "false") }
            out.leaf("ram:ActualAmount", SampleUBL.plain(adjustment.amount, invoice.currency))
            out.leaf("ram:Reason", adjustment.reason)
            tax("ram:CategoryTradeTax", adjustment.category, adjustment.rate, nil, &out)
        }
    }

    private func totals(_ out: inout SampleMarkup) {
        out.group("ram:SpecifiedTradeSettlementHeaderMonetarySummation") { out in
            out.leaf("ram:LineTotalAmount", figures.lineNet.description)
            if !figures.charges.isZero { out.leaf("ram:ChargeTotalAmount", figures.charges.description) }
            if !figures.allowances.isZero { out.leaf("ram:AllowanceTotalAmount", figures.allowances.description) }
            out.leaf("ram:TaxBasisTotalAmount", figures.taxExclusive.description)
            out.leaf("ram:TaxTotalAmount", figures.tax.description, " currencyID=\"\(invoice.currency.code)\"")
            out.leaf("ram:GrandTotalAmount", figures.taxInclusive.description)
            out.leaf("ram:TotalPrepaidAmount", invoice.prepaid.map { SampleUBL.plain($0, invoice.currency) })
            out.leaf("ram:DuePayableAmount", figures.payable.description)
        }
    }

    private func line(_ line: SampleLine, _ net: ExactDecimal, _ out: inout SampleMarkup) {
        out.group("ram:IncludedSupplyChainTradeLineItem") { out in
            out.group("ram:AssociatedDocumentLineDocument") { $0.leaf("ram:LineID", line.id) }
            out.group("ram:SpecifiedTradeProduct") { out in
                out.leaf("ram:SellerAssignedID", line.itemCode)
                out.leaf("ram:Name", line.name)
            }
            out.group("ram:SpecifiedLineTradeAgreement") { out in
                if let ref = line.orderLineRef { out.group("ram:BuyerOrderReferencedDocument") { $0.leaf("ram:LineID", ref) } }
                out.group("ram:NetPriceProductTradePrice") { $0.leaf("ram:ChargeAmount", line.price.description) }
            }
            out.group("ram:SpecifiedLineTradeDelivery") {
                $0.leaf("ram:BilledQuantity", line.quantity.description, " unitCode=\"\(line.unit)\"")
            }
            out.group("ram:SpecifiedLineTradeSettlement") { out in
                tax("ram:ApplicableTradeTax", line.category, line.rate, nil, &out)
                out.group("ram:SpecifiedTradeSettlementLineMonetarySummation") { $0.leaf("ram:LineTotalAmount", net.description) }
            }
        }
    }
}
