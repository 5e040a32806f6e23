internal import Kernel

/// Checks of tax and bank numbers on an invoice: findings, never refusals, since a wrong number is a matter for a person.
package enum PartyChecks {
    /// `TAX_ID` warnings for seller, buyer and tax representative, `BANK_INVALID` for the accounts to pay into.
    package static func findings(for invoice: Invoice) -> [Finding] {
        var out: [Finding] = []
        let numbers: [(term: String, who: String, number: String?)] = [
            ("BT-31", "seller", invoice.seller.vatId), ("BT-48", "buyer", invoice.buyer.vatId),
            ("BT-63", "tax representative", invoice.taxRepresentative?.vatId),
        ]
        for (term, who, number) in numbers {
            if let number { out += taxFinding(number, of: who, term: term) }
        }
        for instruction in invoice.paymentInstructions {
            if let account = instruction.account { out += bankFinding(account.id.value, meansCode: instruction.meansCode) }
        }
        return out
    }

    static func taxFinding(_ number: String, of who: String, term: String) -> [Finding] {
        let problem: String
        switch TaxNumber.check(number) {
        case .valid, .unchecked: return []
        case .wrongForm: problem = "has not the form of a VAT number"
        case .wrongCheckDigit: problem = "has a wrong check digit"
        }
        return [
            Finding(
                rule: ExceptionCode.taxId.rawValue, severity: .warning, message: "The \(who)'s VAT number \(number) \(problem).",
                term: term, actual: number)
        ]
    }

    /// The whole number is not repeated in the message: findings are shown and logged more widely than account numbers may be.
    static func bankFinding(_ account: String, meansCode: String) -> [Finding] {
        let isSEPA = meansCode == "58" || meansCode == "59"
        let problem: String
        switch BankAccountNumber.check(account) {
        case .valid: return []
        case .notAnIBAN:
            guard isSEPA else { return [] }
            problem = "is not an IBAN, which a SEPA payment needs"
        case .wrongLength(let expected, let actual): problem = "has \(actual) characters where its country's have \(expected)"
        case .wrongCheckDigits: problem = "has wrong check digits"
        }
        let ending = account.suffix(4)
        return [
            Finding(
                rule: ExceptionCode.bankInvalid.rawValue, severity: isSEPA ? .fatal : .warning,
                message: "The account ending in \(ending) \(problem).", term: "BT-84")
        ]
    }
}
