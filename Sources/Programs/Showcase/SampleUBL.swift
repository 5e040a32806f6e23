internal import Finance
internal import Kernel

/// A sample document in UBL 2.1.
struct SampleUBL {
    private let invoice: SampleInvoice
    private let figures: SampleFigures
    private var isCredit: Bool { invoice.kind == .creditNote }
    private var money: String { " currencyID=\"\(invoice.currency.code)\"" }

    init(_ invoice: SampleInvoice, _ figures: SampleFigures) {
        self.invoice = invoice
        self.figures = figures
    }

    var text: String {
        let name = isCredit ? "CreditNote" : "Invoice"
        let spaces =
            " xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:\(name)-2\""
            + " xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\""
            + " xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\""
        var out = SampleMarkup()
        out.group(name, spaces) { out in
            header(&out)
            out.group("cac:AccountingSupplierParty") { $0.group("cac:Party") { party(invoice.seller, &$0) } }
            out.group("cac:AccountingCustomerParty") { $0.group("cac:Party") { party(invoice.buyer, &$0) } }
            payment(&out)
            for adjustment in invoice.adjustments { self.adjustment(adjustment, &out) }
            tax(&out)
            totals(&out)
            for (line, net) in zip(invoice.lines, figures.nets) { self.line(line, net, &out) }
        }
        return out.text
    }

    private func header(_ out: inout SampleMarkup) {
        out.leaf("cbc:CustomizationID", "urn:cen.eu:en16931:2017")
        out.leaf("cbc:ID", invoice.number)
        out.leaf("cbc:IssueDate", invoice.issueDate.description)
        if !isCredit { out.leaf("cbc:DueDate", invoice.dueDate?.description) }
        out.leaf(isCredit ? "cbc:CreditNoteTypeCode" : "cbc:InvoiceTypeCode", isCredit ? "381" : "380")
        out.leaf("cbc:Note", invoice.note)
        out.leaf("cbc:DocumentCurrencyCode", invoice.currency.code)
        out.leaf("cbc:BuyerReference", invoice.buyerReference)
        if let order = invoice.orderRef { out.group("cac:OrderReference") { $0.leaf("cbc:ID", order) } }
        if let earlier = invoice.precedingNumber {
            out.group("cac:BillingReference") { $0.group("cac:InvoiceDocumentReference") { $0.leaf("cbc:ID", earlier) } }
        }
    }

    private func party(_ party: SampleParty, _ out: inout SampleMarkup) {
        out.leaf("cbc:EndpointID", party.email, " schemeID=\"EM\"")
        out.group("cac:PostalAddress") { out in
            out.leaf("cbc:StreetName", party.street)
            out.leaf("cbc:CityName", party.city)
            out.leaf("cbc:PostalZone", party.postCode)
            out.group("cac:Country") { $0.leaf("cbc:IdentificationCode", party.country) }
        }
        out.group("cac:PartyTaxScheme") { out in
            out.leaf("cbc:CompanyID", party.vatId)
            out.group("cac:TaxScheme") { $0.leaf("cbc:ID", "VAT") }
        }
        out.group("cac:PartyLegalEntity") { $0.leaf("cbc:RegistrationName", party.name) }
        out.group("cac:Contact") { $0.leaf("cbc:ElectronicMail", party.email) }
    }

    private func payment(_ out: inout SampleMarkup) {
        guard let iban = invoice.seller.iban else { return }
        out.group("cac:PaymentMeans") { out in
            out.leaf("cbc:PaymentMeansCode", invoice.currency.code == "EUR" ? "58" : "30")
            if isCredit { out.leaf("cbc:PaymentDueDate", invoice.dueDate?.description) }
            out.leaf("cbc:PaymentID", invoice.number)
            out.group("cac:PayeeFinancialAccount") { out in
                out.leaf("cbc:ID", iban)
                out.leaf("cbc:Name", invoice.seller.name)
                if let bic = invoice.seller.bic { out.group("cac:FinancialInstitutionBranch") { $0.leaf("cbc:ID", bic) } }
            }
        }
    }

    private func category(_ name: String, _ category: TaxCategory, _ rate: ExactDecimal, _ out: inout SampleMarkup) {
        out.group(name) { out in
            out.leaf("cbc:ID", category.rawValue)
            if category != .o { out.leaf("cbc:Percent", rate.description) }
            out.group("cac:TaxScheme") { $0.leaf("cbc:ID", "VAT") }
        }
    }

    private func adjustment(_ adjustment: SampleAdjustment, _ out: inout SampleMarkup) {
        out.group("cac:AllowanceCharge") { out in
            out.leaf("cbc:ChargeIndicator", adjustment.isCharge ? "true" : "false")
            out.leaf("cbc:AllowanceChargeReason", adjustment.reason)
            out.leaf("cbc:Amount", SampleUBL.plain(adjustment.amount, invoice.currency), money)
            category("cac:TaxCategory", adjustment.category, adjustment.rate, &out)
        }
    }

    static func plain(_ amount: ExactDecimal, _ currency: Currency) -> String {
        amount.rounded(scale: min(currency.minorDigits, 2), .halfUp).description
    }

    private func tax(_ out: inout SampleMarkup) {
        out.group("cac:TaxTotal") { out in
            out.leaf("cbc:TaxAmount", figures.tax.description, money)
            for group in figures.groups {
                out.group("cac:TaxSubtotal") { out in
                    out.leaf("cbc:TaxableAmount", group.taxable.description, money)
                    out.leaf("cbc:TaxAmount", group.tax.description, money)
                    category("cac:TaxCategory", group.category, group.rate, &out)
                }
            }
        }
    }

    private func totals(_ out: inout SampleMarkup) {
        out.group("cac:LegalMonetaryTotal") { out in
            out.leaf("cbc:LineExtensionAmount", figures.lineNet.description, money)
            out.leaf("cbc:TaxExclusiveAmount", figures.taxExclusive.description, money)
            out.leaf("cbc:TaxInclusiveAmount", figures.taxInclusive.description, money)
            if !figures.allowances.isZero { out.leaf("cbc:AllowanceTotalAmount", figures.allowances.description, money) }
            if !figures.charges.isZero { out.leaf("cbc:ChargeTotalAmount", figures.charges.description, money) }
            out.leaf("cbc:PrepaidAmount", invoice.prepaid.map { SampleUBL.plain($0, invoice.currency) }, money)
            out.leaf("cbc:PayableAmount", figures.payable.description, money)
        }
    }

    private func line(_ line: SampleLine, _ net: ExactDecimal, _ out: inout SampleMarkup) {
        out.group(isCredit ? "cac:CreditNoteLine" : "cac:InvoiceLine") { out in
            out.leaf("cbc:ID", line.id)
            out.leaf(
                isCredit ? "cbc:CreditedQuantity" : "cbc:InvoicedQuantity", line.quantity.description,
                " unitCode=\"\(line.unit)\"")
            out.leaf("cbc:LineExtensionAmount", net.description, money)
            if let ref = line.orderLineRef { out.group("cac:OrderLineReference") { $0.leaf("cbc:LineID", ref) } }
            out.group("cac:Item") { out in
                out.leaf("cbc:Name", line.name)
                if let code = line.itemCode { out.group("cac:SellersItemIdentification") { $0.leaf("cbc:ID", code) } }
                category("cac:ClassifiedTaxCategory", line.category, line.rate, &out)
            }
            out.group("cac:Price") { $0.leaf("cbc:PriceAmount", line.price.description, money) }
        }
    }
}
