internal import Kernel

/// Every reason for which an invoice stops and somebody has to look.
///
/// The raw values are what the store, the API and the policies use; the words are what a person reads. The set grows, values
/// are never renamed.
package enum ExceptionCode: String, Sendable, CaseIterable, JSONCoded {
    case duplicateExact = "DUP_EXACT"
    case duplicateProbable = "DUP_PROBABLE"
    case documentUnreadable = "DOC_UNREADABLE"
    case documentInvalid = "DOC_INVALID"
    case supplierUnknown = "SUPPLIER_UNKNOWN"
    case supplierBlocked = "SUPPLIER_BLOCKED"
    case supplierSanctionHit = "SUPPLIER_SANCTION_HIT"
    case entityUnknown = "ENTITY_UNKNOWN"
    case orderMissing = "PO_MISSING"
    case orderClosed = "PO_CLOSED"
    case orderNotReleased = "PO_NOT_RELEASED"
    case orderCurrency = "PO_CURRENCY"
    case orderSupplier = "PO_SUPPLIER"
    case unitMismatch = "UNIT_MISMATCH"
    case priceOver = "PRICE_OVER"
    case priceUnder = "PRICE_UNDER"
    case quantityOverReceipt = "QTY_OVER_RECEIPT"
    case quantityOverOrder = "QTY_OVER_ORDER"
    case receiptMissing = "RECEIPT_MISSING"
    case amountOverBlanket = "AMOUNT_OVER_BLANKET"
    case dateTooEarly = "DATE_TOO_EARLY"
    case taxCode = "TAX_CODE"
    case taxArithmetic = "TAX_ARITHMETIC"
    case taxId = "TAX_ID"
    case bankInvalid = "BANK_INVALID"
    case bankMismatch = "BANK_MISMATCH"
    case bankChangePending = "BANK_CHANGE_PENDING"
    case codingMissing = "CODING_MISSING"
    case budget = "BUDGET"
    case approverMissing = "APPROVER_MISSING"
    case dutyConflict = "SOD_CONFLICT"
    case periodClosed = "PERIOD_CLOSED"
    case erpRejected = "ERP_REJECTED"
    case erpQuestion = "ERP_QUESTION"
    case paymentDrift = "PAYMENT_DRIFT"
    case erpDuplicate = "ERP_DUPLICATE"
    case paymentRejected = "PAYMENT_REJECTED"
    case paymentReturned = "PAYMENT_RETURNED"

    /// Whether work stops until somebody decides, or goes on with a note.
    package enum Severity: String, Sendable, CaseIterable, JSONCoded { case block, warn }

    /// Who looks first; the tenant's own rules may send it elsewhere.
    package enum Owner: String, Sendable, CaseIterable, JSONCoded {
        case clerk, buyer, controller, treasurer
        case supplierMaintenance = "supplier-maintenance"
        case taxDesk = "tax"
        case administrator = "admin"
    }

    package struct Entry: Sendable {
        package let title: String
        package let owner: Owner
        package let severity: Severity
        /// What a person can do about it, one sentence.
        package let remedy: String
    }

    package var title: String { entry.title }
    package var owner: Owner { entry.owner }
    package var severity: Severity { entry.severity }
    package var remedy: String { entry.remedy }

    package var entry: Entry {
        switch self {
        case .duplicateExact, .duplicateProbable, .documentUnreadable, .documentInvalid, .entityUnknown: documentEntry
        case .supplierUnknown, .supplierBlocked, .supplierSanctionHit, .bankInvalid, .bankMismatch, .bankChangePending:
            supplierEntry
        case .orderMissing, .orderClosed, .orderNotReleased, .orderCurrency, .orderSupplier, .unitMismatch, .priceOver,
            .priceUnder, .quantityOverReceipt, .quantityOverOrder, .receiptMissing, .amountOverBlanket, .dateTooEarly:
            orderEntry
        case .taxCode, .taxArithmetic, .taxId, .codingMissing, .budget, .approverMissing, .dutyConflict, .periodClosed:
            ledgerEntry
        case .erpRejected, .erpQuestion, .erpDuplicate, .paymentDrift, .paymentRejected, .paymentReturned: outcomeEntry
        }
    }

    private var documentEntry: Entry {
        switch self {
        case .duplicateExact:
            Entry(
                "Already recorded", .clerk, .block, "Reject this copy, or void the earlier one and say why this one replaces it.")
        case .duplicateProbable:
            Entry(
                "Looks like a duplicate", .clerk, .block,
                "Compare both documents, then reject this one or confirm that it is a different invoice.")
        case .documentUnreadable:
            Entry(
                "The file cannot be read", .clerk, .block, "Ask the supplier for a readable file, or enter the invoice by hand.")
        case .documentInvalid:
            Entry(
                "The invoice contradicts itself", .clerk, .block,
                "Send it back to the supplier with the findings, or accept it with a reason.")
        default:
            Entry("Unknown legal entity", .clerk, .block, "Choose the legal entity that was invoiced, or send the document back.")
        }
    }

    private var supplierEntry: Entry {
        switch self {
        case .supplierUnknown:
            Entry(
                "Unknown supplier", .supplierMaintenance, .block,
                "Create the supplier in the ERP or choose the right one, then try again.")
        case .supplierBlocked:
            Entry(
                "The supplier is blocked", .supplierMaintenance, .block,
                "Find out why the supplier is blocked before anything is paid.")
        case .supplierSanctionHit:
            Entry(
                "Possible sanctions hit", .controller, .block,
                "Have the hit reviewed and cleared by compliance; do not pay meanwhile.")
        case .bankInvalid:
            Entry(
                "The bank account number is wrong", .treasurer, .block,
                "Ask the supplier for the right account by the contact on file.")
        case .bankMismatch:
            Entry(
                "The bank account is not on file", .treasurer, .block,
                "Call the supplier on the number on file before you change the account.")
        default:
            Entry(
                "A bank change is open", .treasurer, .block,
                "Wait until the change is confirmed by two people and has cooled off.")
        }
    }

    private var orderEntry: Entry {
        switch self {
        case .orderMissing:
            Entry("No purchase order found", .buyer, .block, "Add the order number or treat it as an invoice without order.")
        case .orderClosed:
            Entry("The purchase order is closed", .buyer, .block, "Reopen the order or ask for another order number.")
        case .orderNotReleased: Entry("The purchase order is not released", .buyer, .block, "Have the order released first.")
        case .orderCurrency:
            Entry(
                "Currency differs from the order", .buyer, .block, "Agree the currency with the supplier, or correct the order.")
        case .orderSupplier:
            Entry("The order belongs to another supplier", .buyer, .block, "Check the order number with the supplier.")
        case .unitMismatch:
            Entry("Different units of measure", .buyer, .block, "Agree the unit with the supplier, or correct the order line.")
        case .priceOver:
            Entry("Price above the order", .buyer, .block, "Accept the price with a reason, or ask for a credit note.")
        case .priceUnder: Entry("Price below the order", .buyer, .warn, "Check that the right item was invoiced.")
        case .quantityOverReceipt:
            Entry(
                "More invoiced than received", .buyer, .block,
                "Wait for the missing receipt, or accept the received quantity only.")
        case .quantityOverOrder:
            Entry("More invoiced than ordered", .buyer, .block, "Extend the order, or ask for a credit note.")
        case .receiptMissing: Entry("Nothing received yet", .buyer, .block, "Book the receipt when the goods are there.")
        case .amountOverBlanket:
            Entry("Above the order's ceiling", .buyer, .block, "Raise the ceiling of the blanket order, or reject the excess.")
        default: Entry("Invoiced too early", .buyer, .warn, "Check the delivery date that was agreed.")
        }
    }

    private var ledgerEntry: Entry {
        switch self {
        case .taxCode: Entry("No tax code fits", .taxDesk, .block, "Choose the tax code for this category, rate and country.")
        case .taxArithmetic:
            Entry("The tax does not add up", .taxDesk, .block, "Send the invoice back with the figures that differ.")
        case .taxId: Entry("The VAT number is wrong", .taxDesk, .warn, "Ask the supplier for the right VAT number.")
        case .codingMissing: Entry("Account or cost centre missing", .clerk, .block, "Code the lines that have no account.")
        case .budget: Entry("Over budget", .controller, .block, "Release the budget or reject the invoice.")
        case .approverMissing:
            Entry("Nobody may approve this", .administrator, .block, "Name a person with the right limit for this step.")
        case .dutyConflict:
            Entry("Duties must be separated", .controller, .block, "Ask a person who has not acted on this invoice.")
        default: Entry("The period is closed", .controller, .block, "Post into the open period, or have this one reopened.")
        }
    }

    private var outcomeEntry: Entry {
        switch self {
        case .erpRejected: Entry("The ERP refused it", .clerk, .block, "Correct what the ERP names, then try again.")
        case .erpQuestion: Entry("The ERP asks before it goes on", .controller, .block, "Read its words, then confirm or reject.")
        case .erpDuplicate:
            Entry("The ERP has it already", .clerk, .block, "Compare with the bill in the ERP, then reject this one.")
        case .paymentDrift:
            Entry(
                "The bill is not what was approved", .controller, .block,
                "Find out who changed it and why; put it right in the ERP and compare again, or withhold the payment.")
        case .paymentRejected:
            Entry("The bank refused the payment", .treasurer, .block, "Correct what the bank names, then release again.")
        default: Entry("The payment came back", .treasurer, .block, "Verify the account with the supplier before you pay again.")
        }
    }
}

extension ExceptionCode.Entry {
    fileprivate init(_ title: String, _ owner: ExceptionCode.Owner, _ severity: ExceptionCode.Severity, _ remedy: String) {
        self.title = title
        self.owner = owner
        self.severity = severity
        self.remedy = remedy
    }
}
