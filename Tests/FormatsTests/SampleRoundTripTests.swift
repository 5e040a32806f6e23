import Finance
import Formats
import Kernel
import Showcase
import TestBasics
import Testing

@Suite("Samples through both syntaxes")
struct SampleRoundTripTests {
    @Test("a plain sample reads as what it was made of, in both syntaxes", arguments: SampleInvoice.Syntax.allCases)
    func plain(syntax: SampleInvoice.Syntax) throws {
        let sample = SampleInvoice.plain()
        let reading = DocumentOpener.open(try sample.bytes(syntax))
        #expect(reading.rejection == nil)
        #expect(reading.findings.isEmpty, "\(reading.findings)")
        let invoice = try #require(reading.invoice)
        #expect(invoice.number == "RE-2026-0117" && invoice.kind == .invoice && invoice.typeCode == "380")
        #expect(invoice.seller.legalName == "Nordhafen Kühllogistik GmbH" && invoice.seller.address?.city == "Bremerhaven")
        #expect(invoice.lines[1].name == "Paletten <Euro>" && invoice.lines[0].quantity.description == "12.5 HUR")
        #expect(
            invoice.totals.lineNet.text == "904.58" && invoice.totals.tax?.text == "136.67"
                && invoice.totals.payable.text == "1041.25")
        #expect(invoice.paymentInstructions[0].account?.id == Identifier(scheme: "iban", value: "DE44500105175407324931"))
        #expect(invoice.status == .parsed && invoice.notes == ["Vielen Dank"])
    }

    @Test(
        "random invoices come out alike from UBL and CII, with right arithmetic, and survive JSON",
        arguments: [20_260_714, 42, 7])
    func random(seed: UInt64) throws {
        var random = Seeded(seed: seed)
        for round in 0..<100 {
            let sample = SampleInvoice.random(&random)
            let ubl = DocumentOpener.open(try sample.bytes(.ubl))
            let cii = DocumentOpener.open(try sample.bytes(.cii))
            let one = try #require(ubl.invoice, "seed \(seed) round \(round): \(ubl.rejection?.message ?? "")")
            let other = try #require(cii.invoice, "seed \(seed) round \(round): \(cii.rejection?.message ?? "")")
            #expect(one == other, "seed \(seed) round \(round)")
            let figures = try SampleFigures(sample)
            #expect(one.totals.payable.text == figures.payable.description, "seed \(seed) round \(round)")
            #expect(one.lines.map(\.netAmount.text) == figures.nets.map(\.description), "seed \(seed) round \(round)")
            let wrong = ubl.findings.filter { InvoiceArithmetic.rules.contains($0.rule) }
            #expect(wrong.isEmpty, "seed \(seed) round \(round): \(wrong)")
            #expect(try DocumentReading(json: JSONValue(parsing: ubl.json.text)) == ubl, "seed \(seed) round \(round)")
        }
    }

    @Test("each fault gets its own answer, with a place where there is one", arguments: SampleInvoice.Syntax.allCases)
    func faults(syntax: SampleInvoice.Syntax) throws {
        let sample = SampleInvoice.plain()
        func open(_ fault: SampleFault) throws -> DocumentReading { DocumentOpener.open(try sample.bytes(syntax, fault: fault)) }
        #expect(try open(.wrongSum).findings.map(\.rule) == ["BR-CO-16"])
        #expect(try open(.wrongSum).invoice?.status == .invalid)
        for (fault, reason) in [
            (SampleFault.malformed, "xml.malformed"), (.doctype, "xml.doctype"), (.billionLaughs, "xml.doctype"),
            (.wrongEncoding, "xml.encoding"), (.truncated, "xml.malformed"),
        ] {
            let rejection = try #require(try open(fault).rejection)
            #expect(rejection.reason == reason && rejection.code == .documentUnreadable, "\(fault)")
            #expect((rejection.line ?? 0) > 0 && (rejection.column ?? 0) > 0, "\(fault)")
        }
        #expect(try open(.wrongVAT).findings.map(\.rule) == ["TAX_ID"])
        #expect(try open(.wrongIBAN).findings.map(\.rule) == ["BANK_INVALID"])
        #expect(try open(.unknownSupplier).invoice?.seller.legalName == SampleParty.stranger.name)
        let copy = try #require(try open(.duplicateNumber).invoice?.number)
        #expect(copy != sample.number && InvoiceNumber.normalized(copy) == InvoiceNumber.normalized(sample.number))
    }

    @Test("every sample company has a right VAT number and account")
    func parties() {
        for party in SampleParty.suppliers + SampleParty.buyers + [.stranger] {
            #expect(TaxNumber.check(party.vatId) == .valid, "\(party.name)")
            if let iban = party.iban { #expect(BankAccountNumber.check(iban) == .valid, "\(party.name)") }
        }
    }
}
