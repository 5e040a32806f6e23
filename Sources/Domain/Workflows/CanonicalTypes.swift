package import Expressions
import Finance

/// The canonical objects as expressions see them: amounts are `{amount, currency}` with the amount as text, dates and
/// percentages are text, lists are always there, other members may be missing.
package enum CanonicalTypes {
    private typealias Field = RecordType.Field

    private static func required(_ names: String, _ type: CELType = .string, upTo countMax: Int? = nil) -> [Field] {
        names.split(separator: " ").map { Field(String($0), type, countMax: countMax) }
    }

    private static func optional(_ names: String, _ type: CELType = .string) -> [Field] {
        names.split(separator: " ").map { Field(String($0), type, isRequired: false) }
    }

    private static func record(_ name: String, _ fields: [Field]...) -> CELType {
        .record(RecordType(name, fields.flatMap { $0 }))
    }

    package static let amount = record("amount", required("amount currency"))
    private static let quantity = record("quantity", required("value unit"))
    private static let identifier = record("identifier", required("scheme value"))
    private static let period = record("period", optional("start end"))
    private static let contact = record("contact", optional("name phone email"))
    private static let address = record("address", required("country"), optional("line1 line2 city postCode subdivision"))

    private static let party = record(
        "party", required("legalName"), required("identifiers", .list(identifier), upTo: 100),
        optional("tradingName vatId taxRegistrationId"), optional("legalId endpoint", identifier), optional("address", address),
        optional("contact", contact))

    private static let allowance = record(
        "allowance", required("isCharge", .bool), required("amount", amount), optional("baseAmount", amount),
        optional("pct reasonCode reason taxCategory taxRate"))

    private static let coding = record(
        "coding", required("account"), optional("dims", .map(.string, .string)), optional("taxCode origin"),
        optional("amount", amount))

    private static let invoiceLine = record(
        "invoice line", required("id name"), required("quantity", quantity), required("netAmount unitPrice", amount),
        optional("note orderLineRef accountingRef taxCategory taxRate description sellerItemId buyerItemId gtin"),
        optional("period", period), optional("grossPrice priceDiscount", amount), optional("priceBaseQuantity", quantity),
        required("allowancesCharges", .list(allowance), upTo: Invoice.allowancesMax),
        required(
            "classifications", .list(record("classification", required("value"), optional("listId"))),
            upTo: Invoice.attachmentsMax),
        required("coding", .list(coding), upTo: Invoice.attachmentsMax))

    private static let totals = record(
        "totals", required("lineNet taxExclusive taxInclusive payable", amount),
        optional("allowances charges tax prepaid rounding", amount))

    private static let taxBreakdown = record(
        "tax breakdown", required("category"), required("taxable tax", amount), optional("rate exemptionCode exemptionText"))

    private static let account = record("account", required("id", identifier), optional("name bic"))

    private static let payment = record(
        "payment instruction", required("meansCode"), optional("remittanceRef cardLast4 mandate"), optional("account", account))

    package static let finding = record(
        "finding", required("rule severity message"), optional("ruleSet term path expected actual"), optional("line column", .int)
    )

    private static let matchLine = record("match line", required("line result"), optional("orderLine"))

    package static let match = record(
        "match", required("mode result"), required("lines", .list(matchLine), upTo: Invoice.linesMax),
        required(
            "holds",
            .list(
                record(
                    "hold", required("code title message action"),
                    optional("line expected actual variancePercentText toleranceId"),
                    optional("varianceMinor toleranceVersion", .int)))))

    package static let invoice = record(
        "invoice", required("kind direction number issueDate currency status"), required("seller buyer", party),
        required("totals", totals), required("lines", .list(invoiceLine), upTo: Invoice.linesMax),
        required("taxBreakdown", .list(taxBreakdown), upTo: Invoice.allowancesMax),
        required("notes", .list(.string), upTo: Invoice.attachmentsMax),
        required(
            "precedingInvoices", .list(record("preceding invoice", required("number"), optional("issueDate"))),
            upTo: Invoice.allowancesMax),
        required(
            "discounts", .list(record("discount", required("pct"), optional("untilDate"))), upTo: Invoice.attachmentsMax),
        required("paymentInstructions", .list(payment), upTo: Invoice.attachmentsMax),
        required("allowancesCharges", .list(allowance), upTo: Invoice.allowancesMax),
        required(
            "attachments", .list(record("attachment", required("ref"), optional("mime sha256 name"))),
            upTo: Invoice.attachmentsMax),
        optional("typeCode dueDate taxPointDate taxCurrency specification buyerReference projectRef contractRef orderRef"),
        optional("receiptRef paymentTermsText duplicateOf"), optional("taxTotalInTaxCurrency", amount),
        optional("period", period), optional("payee taxRepresentative", party),
        optional(
            "deliverTo",
            record("delivery", optional("name date"), optional("location", identifier), optional("address", address))),
        optional(
            "validation",
            record("validation", required("ruleSet ruleSetVersion"), required("findings", .list(finding)))),
        optional("match", record("match summary", required("mode result"), required("lines", .list(matchLine)))))

    package static let supplier = record(
        "supplier", required("number legalName status"), required("address", address),
        required("identifiers bankAccounts", .list(identifier), upTo: 100), required("contacts", .list(contact), upTo: 100),
        required("holds", .list(.string), upTo: 100),
        optional("tradingName vatId defaultCurrency paymentTermsId paymentMethod category riskTier"),
        optional("legalId", identifier))

    private static let orderLine = record(
        "order line", required("lineNo"), required("quantity", quantity), required("unitPrice netAmount", amount),
        required("accountAssignments", .list(coding), upTo: Invoice.attachmentsMax),
        required("unlimitedOver grRequired grBased finalInvoice", .bool),
        optional("description itemCode taxCode overDeliveryPct underDeliveryPct receivedQty invoicedQty"),
        optional("priceBaseQuantity", quantity), optional("invoicedAmount limitAmount", amount))

    package static let order = record(
        "order", required("number supplier orderDate currency status"), required("lines", .list(orderLine)),
        optional("approvalStatus"))

    package static let receipt = record(
        "receipt", required("number supplier receiptDate status"), optional("deliveryNote"),
        required(
            "lines",
            .list(
                record(
                    "receipt line", required("poRef", record("order line reference", required("number lineNo"))),
                    required("quantity", quantity), optional("acceptedQty rejectedQty reason")))))

    private static let duplicate = record(
        "duplicate", required("invoice number"), required("score", .int), required("reasons", .list(.string), upTo: 100),
        required("exact", .bool))

    /// What a run over an invoice is started with.
    package static let invoiceInput = record(
        "input", required("invoice", invoice), required("findings", .list(finding)), required("duplicates", .list(duplicate)),
        required("entity", record("entity", required("code name currency"))),
        required(
            "document", record("document", required("id sha256 fileName channel receivedAt"), optional("recordedBy"))),
        required(
            "case",
            record(
                "case", required("supplierName number currency"), required("gross", amount), optional("grossMinor", .int))))

    /// What every run knows of itself.
    package static let run = record("run", required("definition version startedAt"))

    /// What a workflow may be about, by the word that its `subject` says.
    package static let inputs: [String: CELType] = ["invoice": invoiceInput]
}
