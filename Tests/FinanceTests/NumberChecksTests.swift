import Finance
import Kernel
import Testing

@Suite("Bank and tax numbers")
struct NumberChecksTests {
    @Test(
        "published example accounts are valid however they are spaced",
        arguments: [
            "DE89 3704 0044 0532 0130 00", "GB29NWBK60161331926819", "fr14 2004 1010 0505 0001 3M02 606", "BE68539007547034",
            "NL91ABNA0417164300", "ES91 2100 0418 4502 0005 1332", "AT61 1904 3002 3457 3201", "IT60X0542811101000000123456",
            "PL61109010140000071219812874", "CH93-0076-2011-6238-5295-7", "NO93 8601 1117 947", "MT84MALT011000012345MTLCAST001S",
        ])
    func validAccounts(text: String) {
        #expect(BankAccountNumber.check(text) == .valid)
    }

    @Test("one wrong digit in an account is always noticed")
    func accountDigits() {
        let right = Array("DE89370400440532013000".utf8)
        for position in 4..<right.count {
            for digit in UInt8(ascii: "0")...UInt8(ascii: "9") where digit != right[position] {
                var wrong = right
                wrong[position] = digit
                #expect(BankAccountNumber.check(String(decoding: wrong, as: UTF8.self)) == .wrongCheckDigits)
            }
        }
    }

    @Test("what is no account gets its own answer and nothing traps")
    func notAccounts() {
        #expect(BankAccountNumber.check("") == .notAnIBAN)
        #expect(BankAccountNumber.check("IBAN") == .notAnIBAN)
        #expect(BankAccountNumber.check("12345678") == .notAnIBAN)
        #expect(BankAccountNumber.check("XX89370400440532013000") == .notAnIBAN)
        #expect(BankAccountNumber.check("DE8937040044053201300\u{661}") == .notAnIBAN)
        #expect(BankAccountNumber.check("DE893704004405320130") == .wrongLength(expected: 22, actual: 20))
        #expect(BankAccountNumber.make(country: "DE", domestic: "370400440532013000") == "DE89370400440532013000")
        #expect(BankAccountNumber.make(country: "DE", domestic: "1") == nil)
    }

    @Test(
        "published VAT numbers of nine countries are valid",
        arguments: [
            "DE136695976", "DE 136,695 976".replacing(","), "ATU13585627", "FR40303265045", "FR23334175221", "FRK7399859412",
            "NL004495445B01", "NL002455799B11", "BE0428759497", "BE 0428.759.497", "IT00743110157", "ESB58378431", "ES54362315K",
            "ESX2482300W", "PL8567346215", "PL 856-734-62-15", "GB980780684", "GBGD001", "GBHA500",
        ])
    func validTax(text: String) {
        #expect(TaxNumber.check(text) == .valid, "\(text)")
    }

    @Test(
        "a mistyped VAT number is noticed",
        arguments: [
            "DE136695978", "ATU13585626", "FR84323140391", "NL123456789B90", "BE0431150351", "IT00743110158", "ESB64717839",
            "ES54362315Z", "PL8567346216", "GB802311781",
        ])
    func wrongTax(text: String) {
        #expect(TaxNumber.check(text) == .wrongCheckDigit, "\(text)")
    }

    @Test(
        "a VAT number of another shape is of the wrong form",
        arguments: [
            "", "D", "DE", "DE12345678", "ATX13585627", "FRIO303265045", "NL12345678B01", "1234567890", "DE/12/345/67890",
            "GBXX001",
        ])
    func oddTax(text: String) {
        #expect(TaxNumber.check(text) == .wrongForm, "\(text)")
    }

    @Test("countries without a rule here are left unchecked")
    func uncheckedTax() {
        #expect(TaxNumber.check("SE123451234501") == .unchecked)
        #expect(TaxNumber.check("NO987654321MVA") == .unchecked)
    }

    @Test("wrong numbers on an invoice become findings that do not repeat the account")
    func findings() throws {
        var invoice = try Invoice.sample()
        invoice.seller.vatId = "DE269188407"
        invoice.paymentInstructions = [
            PaymentInstruction(
                meansCode: "58", account: AccountDetails(id: Identifier(scheme: "iban", value: "DE89370400440532013001")))
        ]
        let findings = PartyChecks.findings(for: invoice)
        #expect(findings.map(\.rule) == ["TAX_ID", "BANK_INVALID"])
        #expect(findings.map(\.severity) == [.warning, .fatal])
        #expect(!findings[1].message.contains("370400440532"))
    }
}

extension String {
    fileprivate func replacing(_ character: Character) -> String { String(filter { $0 != character }) }
}
