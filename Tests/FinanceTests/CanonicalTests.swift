import Finance
import Kernel
import Testing

@Suite("Canonical objects")
struct CanonicalTests {
    private func full() throws -> Invoice {
        var invoice = try Invoice.sample()
        invoice.typeCode = "380"
        invoice.dueDate = day("2026-07-01")
        invoice.period = Period(start: day("2026-05-01"))
        invoice.notes = ["Delivered free"]
        invoice.precedingInvoices = [PrecedingInvoice(number: "RE-1", issueDate: day("2026-01-02"))]
        invoice.seller.identifiers = [Identifier(scheme: "iso6523:0088", value: "4012345000009")]
        invoice.seller.contact = Contact(name: "Desk", email: "desk@altmark-pack.example")
        invoice.deliverTo = Delivery(name: "Lager 2", date: day("2026-05-30"))
        invoice.discounts = [PaymentDiscount(pct: try Percent(decimal("2")), untilDate: day("2026-06-11"))]
        invoice.paymentInstructions = [
            PaymentInstruction(
                meansCode: "58", account: AccountDetails(id: Identifier(scheme: "iban", value: "DE89370400440532013000")))
        ]
        invoice.allowancesCharges = [AllowanceCharge(isCharge: false, amount: try eur("1.00"), reason: "Bonus", taxCategory: .s)]
        invoice.attachments = [Attachment(ref: "A1", mime: "application/pdf", name: "a.pdf")]
        invoice.lines[0].coding = [
            LineCoding(account: "4400", dims: [("costCentre", "100")], amount: try eur("100.00"), origin: "rule:1")
        ]
        invoice.lines[0].classifications = [Classification(listId: "STI", value: "123")]
        invoice.validation = Validation(
            ruleSet: "EN 16931", ruleSetVersion: "1.3.16",
            findings: [
                Finding(rule: "BR-CO-10", severity: .fatal, message: "no", term: "BT-106", line: 3, column: 4, expected: "1")
            ])
        invoice.match = MatchSummary(
            mode: "2-way", result: .matched, lines: [MatchResult.Line(line: "1", orderLine: "10", result: .matched)])
        invoice.duplicateOf = InvoiceID(high: 5, low: 6)
        return invoice
    }

    @Test("an invoice comes back from JSON as it was, to the byte")
    func roundTrip() throws {
        let invoice = try full()
        let again = try Invoice(json: JSONValue(parsing: invoice.json.text))
        #expect(again == invoice)
        #expect(again.json.bytes == invoice.json.bytes)
    }

    @Test("suppliers, orders and receipts come back as they were")
    func others() throws {
        let supplier = Supplier(
            number: "S-1", legalName: "X", address: Address(country: Country("DE")!),
            bankAccounts: [Identifier(scheme: "iban", value: "DE89370400440532013000")], riskTier: .low, holds: ["bank-change"])
        #expect(try Supplier(json: JSONValue(parsing: supplier.json.text)) == supplier)
        let order = try PurchaseOrder.sample(lines: [
            .sample(needsReceipt: true, invoiced: "2.5", over: "5", limit: "10.00", item: "A")
        ])
        #expect(try PurchaseOrder(json: JSONValue(parsing: order.json.text)) == order)
        let receipt = try GoodsReceipt.sample(quantity: "4", accepted: "3")
        #expect(try GoodsReceipt(json: JSONValue(parsing: receipt.json.text)) == receipt)
    }

    @Test("amounts keep the text the document wrote")
    func text() throws {
        var invoice = try Invoice.sample()
        invoice.totals.payable = try eur("119.000")
        #expect(try Invoice(json: invoice.json).totals.payable.text == "119.000")
    }

    @Test(
        "anything but the strict form is refused with the place",
        arguments: [
            (#"{"number":7}"#, "/number"), (#"{"surprise":1}"#, "/surprise"), (#"{"issueDate":"2026-02-30"}"#, "/issueDate"),
            (#"{"currency":"EURO"}"#, "/currency"), (#"{"kind":"letter"}"#, "/kind"),
            (#"{"totals":{"payable":{"amount":119.0,"currency":"EUR"}}}"#, "/totals/payable/amount"),
            (#"{"totals":{"payable":{"amount":"-0","currency":"EUR"}}}"#, "/totals/payable/amount"),
            (#"{"totals":{"payable":{"amount":"1e3","currency":"EUR"}}}"#, "/totals/payable/amount"),
        ])
    func strict(patch: String, pointer: String) throws {
        var object = try #require(try Invoice.sample().json.object)
        for member in try #require(try JSONValue(parsing: patch).object) {
            if let inner = member.value.object, var old = object[member.key]?.object {
                for part in inner { old[part.key] = part.value }
                object[member.key] = .object(old)
            } else {
                object[member.key] = member.value
            }
        }
        do {
            _ = try Invoice(json: .object(object))
            Issue.record("\(patch) was taken")
        } catch {
            #expect(error.facts["pointer"] == pointer)
        }
    }

    @Test("every exception says what it is, whose it is and what to do")
    func exceptions() throws {
        #expect(Set(ExceptionCode.allCases.map(\.title)).count == ExceptionCode.allCases.count)
        for code in ExceptionCode.allCases {
            #expect(!code.title.isEmpty && code.remedy.hasSuffix("."), "\(code)")
        }
        #expect(ExceptionCode.priceUnder.severity == .warn)
        #expect(ExceptionCode.bankMismatch.owner == .treasurer)
    }

    @Test("quantities and percentages stay in their bounds")
    func bounds() throws {
        #expect(throws: Refusal.self) { try pieces("1.0000001") }
        #expect(throws: Refusal.self) { try Percent(decimal("100.01")) }
        #expect(throws: Refusal.self) { try Percent(decimal("-1")) }
        #expect(throws: Refusal.self) { try Percent(decimal("1.00001")) }
    }
}

@Suite("Arithmetic of EN 16931")
struct ArithmeticTests {
    private func broken(_ change: (inout Invoice) throws -> Void) throws -> [String] {
        var invoice = try Invoice.sample()
        try change(&invoice)
        return InvoiceArithmetic.findings(DeclaredFigures(invoice)).map(\.rule)
    }

    @Test("a right invoice breaks no rule and each wrong figure breaks its own")
    func figures() throws {
        #expect(try broken { _ in }.isEmpty)
        #expect(try broken { $0.totals.lineNet = try eur("100.01") } == ["BR-CO-10", "BR-CO-13"])
        #expect(try broken { $0.totals.allowances = try eur("1.00") } == ["BR-CO-11", "BR-CO-13"])
        #expect(try broken { $0.totals.charges = try eur("1.00") } == ["BR-CO-12", "BR-CO-13"])
        #expect(try broken { $0.totals.taxExclusive = try eur("99.99") } == ["BR-CO-13", "BR-CO-15"])
        #expect(try broken { $0.totals.tax = try eur("19.01") } == ["BR-CO-14", "BR-CO-15"])
        #expect(try broken { $0.totals.taxInclusive = try eur("119.01") } == ["BR-CO-15", "BR-CO-16"])
        #expect(try broken { $0.totals.payable = try eur("120.00") } == ["BR-CO-16"])
        #expect(try broken { $0.totals.tax = nil } == ["BR-CO-15"])
    }

    @Test("tax may stray by less than one whole unit")
    func strayingTax() throws {
        for (tax, rules) in [
            ("19.99", []), ("20.00", ["BR-CO-17", "BR-S-09"]), ("18.01", []), ("18.00", ["BR-CO-17", "BR-S-09"]),
        ] {
            let seen = try broken { $0.taxBreakdown[0].tax = try eur(tax) }
            #expect(seen.filter { $0 != "BR-CO-14" } == rules, "\(tax)")
        }
    }

    @Test("the taxable amount must be founded on lines of its rate")
    func taxable() throws {
        #expect(try broken { $0.taxBreakdown[0].taxable = try eur("101.00") }.contains("BR-S-08"))
        #expect(try !broken { $0.taxBreakdown[0].taxable = try eur("100.99") }.contains("BR-S-08"))
        #expect(try broken { $0.lines[0].taxRate = try Percent(decimal("7")) } == ["BR-S-08"])
    }

    @Test("half a cent of a credit rounds towards the positive, as XPath does")
    func rounding() throws {
        let seen = try broken { invoice in
            invoice.lines[0].netAmount = try eur("-0.125")
            invoice.totals.lineNet = try eur("-0.12")
        }
        #expect(!seen.contains("BR-CO-10"))
    }

    @Test("figures beyond all range are a finding and no trap")
    func range() {
        var figures = DeclaredFigures(binding: .ubl)
        figures.hasTotals = true
        let nines = String(repeating: "9", count: 30)
        figures.lines = Array(
            repeating: .init(amount: .init(text: nines, value: DeclaredFigures.Figure.value(of: nines)), taxes: []), count: 3)
        figures.breakdown = [
            .init(
                taxable: .init(text: nines, value: ExactDecimal(nines)), tax: .init(text: "x", value: nil), category: "S",
                rate: .init(text: nines, value: ExactDecimal(nines)), isVAT: true)
        ]
        #expect(!InvoiceArithmetic.findings(figures).isEmpty)
    }

    @Test(
        "a figure may be written as XML Schema permits",
        arguments: [(".00", "0"), ("+5", "5"), ("007.50", "7.5"), ("5.", "5"), ("-.5", "-0.5")])
    func lexical(text: String, value: String) {
        #expect(DeclaredFigures.Figure.value(of: text) == ExactDecimal(value))
    }

    @Test("what is no number is none", arguments: ["", ".", "-", "1e3", "1,5", "1 000", "NaN", "--1", "1.2.3"])
    func noNumber(text: String) {
        #expect(DeclaredFigures.Figure.value(of: text) == nil)
    }
}
