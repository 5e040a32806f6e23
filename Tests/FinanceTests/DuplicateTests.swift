import Finance
import Kernel
import Testing

@Suite("Duplicates")
struct DuplicateTests {
    @Test(
        "the same number is recognised however it is written",
        arguments: [
            ("RE-00 123/a", "RE00123A"), ("00042", "42"), ("0000", "0000"), ("ＲＥ４７１１", "RE4711"), ("re①²", "RE12"),
            ("No. 7", "NO7"), ("№7", "NO7"), ("Straße 5", "STRASSE5"), ("caf\u{E9} 1", "CAF1"), ("cafe\u{301} 1", "CAF1"),
            ("---", ""),
        ])
    func normalized(text: String, expected: String) {
        #expect(InvoiceNumber.normalized(text) == expected)
    }

    @Test("one slip of the hand is recognised and two are not")
    func slips() {
        #expect(InvoiceNumber.differByOneSlip("RE4711", "RE4712"))
        #expect(InvoiceNumber.differByOneSlip("RE4711", "RE471"))
        #expect(InvoiceNumber.differByOneSlip("RE4711", "RE47119"))
        #expect(InvoiceNumber.differByOneSlip("RE4171", "RE4711"))
        #expect(!InvoiceNumber.differByOneSlip("RE4711", "RE4711"))
        #expect(!InvoiceNumber.differByOneSlip("RE4711", "RE4722"))
        #expect(!InvoiceNumber.differByOneSlip("RE12", "RE3412"))
    }

    @Test("copy marks are taken off", arguments: ["RE-4711", "RE-4711A", "RE-4711-1", "RE-4711 COPY", "RE4711 Kopie"])
    func suffixes(text: String) {
        #expect(InvoiceNumber.withoutSuffix(text) == "RE4711")
    }

    private func candidate(
        _ low: UInt64, number: String = "RE-4711", supplier: String = "S-1", entity: String = "DE01", gross: String = "119.00",
        date: String = "2026-06-01", kind: DuplicateCandidate.DocumentClass = .invoice, iban: String? = nil,
        isVoided: Bool = false,
        isNetted: Bool = false
    ) throws -> DuplicateCandidate {
        DuplicateCandidate(
            invoice: InvoiceID(high: 1, low: low), entity: entity, supplier: supplier, number: number, documentClass: kind,
            issueDate: day(date), gross: try eur(gross), iban: iban, isVoided: isVoided, isNetted: isNetted)
    }

    @Test("the same number of the same supplier is an exact duplicate whatever else differs")
    func exact() throws {
        let found = DuplicateCheck.matches(
            try candidate(2, number: "re 4711", gross: "5.00"), among: [try candidate(1, date: "2025-01-01")])
        #expect(found.map(\.exact) == [true])
        #expect(found[0].score == 100)
    }

    @Test("the number of a voided invoice stays barred")
    func voided() throws {
        let found = DuplicateCheck.matches(try candidate(2), among: [try candidate(1, isVoided: true)])
        #expect(found[0].reasons == ["same number of a voided invoice"])
    }

    @Test("a credit note is no duplicate of the invoice it reverses")
    func creditNote() throws {
        #expect(DuplicateCheck.matches(try candidate(2, kind: .creditNote), among: [try candidate(1)]).isEmpty)
    }

    @Test("same supplier, amount and week make a probable duplicate and the reasons are named")
    func probable() throws {
        let found = DuplicateCheck.matches(try candidate(2, number: "X9"), among: [try candidate(1, date: "2026-06-05")])
        #expect(found.count == 1)
        #expect(found[0].exact == false)
        #expect(found[0].reasons == ["same supplier", "same gross amount", "dates within 7 days"])
    }

    @Test("next month's rent is no duplicate, nor is the next number of the same week")
    func ordinaryBusiness() throws {
        #expect(
            DuplicateCheck.matches(
                try candidate(2, number: "RENT-07", date: "2026-07-01"), among: [try candidate(1, number: "RENT-06")]
            ).isEmpty)
        #expect(
            DuplicateCheck.matches(
                try candidate(2, number: "2026-7", date: "2026-07-01"), among: [try candidate(1, number: "2026-6")]
            ).isEmpty)
        #expect(DuplicateCheck.matches(try candidate(2, number: "RE-4712", gross: "77.10"), among: [try candidate(1)]).isEmpty)
    }

    @Test("the same invoice sent to two entities of one tenant is found")
    func acrossEntities() throws {
        let found = DuplicateCheck.matches(try candidate(2, entity: "AT01"), among: [try candidate(1)])
        #expect(found.map(\.exact) == [false])
    }

    @Test("an invoice under another supplier number but with the same account is found")
    func sameAccount() throws {
        let iban = "DE89370400440532013000"
        let found = DuplicateCheck.matches(
            try candidate(2, number: "RE-4711-1", supplier: "S-9", iban: "DE89 3704 0044 0532 0130 00"),
            among: [try candidate(1, iban: iban)])
        #expect(found.first?.reasons.contains("same bank account") == true)
    }

    @Test("a netted invoice no longer makes others suspicious, and no invoice is its own duplicate")
    func netted() throws {
        #expect(DuplicateCheck.matches(try candidate(2, number: "X9"), among: [try candidate(1, isNetted: true)]).isEmpty)
        #expect(DuplicateCheck.matches(try candidate(1), among: [try candidate(1)]).isEmpty)
    }

    @Test("duplicates travel as JSON")
    func json() throws {
        let one = try candidate(1, iban: "X")
        #expect(try DuplicateCandidate(json: JSONValue(parsing: one.json.text)) == one)
        let match = DuplicateMatch(invoice: one.invoice, number: "1", score: 80, reasons: ["a"], exact: false)
        #expect(try DuplicateMatch(json: JSONValue(parsing: match.json.text)) == match)
    }
}
