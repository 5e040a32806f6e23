import Finance
import Kernel
import Testing

@Suite("Matching invoices with orders and receipts")
struct MatchTests {
    private func codes(_ result: MatchResult) -> [ExceptionCode] { result.holds.map(\.code) }

    @Test("an invoice that asks for what was ordered is matched")
    func straight() throws {
        let result = InvoiceMatch.match(try .sample(), order: try .sample(), receipts: [], tolerances: [])
        #expect(result.result == .matched)
        #expect(result.mode == "2-way")
        #expect(result.lines == [MatchResult.Line(line: "1", orderLine: "10", result: .matched)])
    }

    @Test("an invoice without order, and a credit note, are not matched at all")
    func notApplicable() throws {
        #expect(InvoiceMatch.match(try .sample(orderRef: nil), order: nil, receipts: [], tolerances: []).result == .notApplicable)
        #expect(
            InvoiceMatch.match(try .sample(kind: .creditNote), order: try .sample(), receipts: [], tolerances: []).result
                == .notApplicable)
    }

    @Test("an order that is named and not found holds the invoice")
    func missingOrder() throws {
        let result = InvoiceMatch.match(try .sample(), order: nil, receipts: [], tolerances: [])
        #expect(codes(result) == [.orderMissing])
        #expect(result.holds[0].actual == "PO-1")
    }

    @Test("a higher price is held with both figures, the variance and the row that said so")
    func price() throws {
        let row = Tolerance(id: "price.standard", version: 3, check: .price, absMinor: 200, pct: decimal("2"))
        let line = try InvoiceLine.sample(price: "10.50", net: "105.00")
        let result = InvoiceMatch.match(try .sample(lines: [line]), order: try .sample(), receipts: [], tolerances: [row])
        #expect(codes(result) == [.priceOver])
        let hold = result.holds[0]
        #expect(hold.line == "1" && hold.expected == "100.00" && hold.actual == "105.00")
        #expect(hold.varianceMinor == 500 && hold.variancePercentText == "5.00")
        #expect(hold.toleranceId == "price.standard" && hold.toleranceVersion == 3)
    }

    @Test("a variance equal to the limit passes, one cent more does not")
    func limit() throws {
        let row = Tolerance(id: "t", version: 1, check: .price, absMinor: 500)
        for (net, expected) in [("105.00", MatchResult.Outcome.matched), ("105.01", .held)] {
            let result = InvoiceMatch.match(
                try .sample(lines: [.sample(net: net)]), order: try .sample(), receipts: [], tolerances: [row])
            #expect(result.result == expected, "\(net)")
        }
    }

    @Test("not checked is not zero")
    func nullIsNotZero() throws {
        let dear = try Invoice.sample(lines: [.sample(net: "900.00")])
        let unchecked = Tolerance(id: "t", version: 1, check: .price, absMinor: nil, pct: nil)
        let zero = Tolerance(id: "t", version: 1, check: .price, absMinor: 0)
        #expect(InvoiceMatch.match(dear, order: try .sample(), receipts: [], tolerances: [unchecked]).result == .matched)
        #expect(InvoiceMatch.match(dear, order: try .sample(), receipts: [], tolerances: [zero]).result == .held)
        #expect(
            InvoiceMatch.match(dear, order: try .sample(), receipts: [], tolerances: []).holds.first?.toleranceId
                == "builtin.exact")
    }

    @Test("`all` needs both limits broken, `any` only one")
    func combine() throws {
        let invoice = try Invoice.sample(lines: [.sample(net: "104.00")])
        func result(_ combine: Tolerance.Combine) throws -> MatchResult.Outcome {
            let row = Tolerance(id: "t", version: 1, check: .price, absMinor: 1000, pct: decimal("2"), combine: combine)
            return InvoiceMatch.match(invoice, order: try .sample(), receipts: [], tolerances: [row]).result
        }
        #expect(try result(.any) == .held)
        #expect(try result(.all) == .matched)
    }

    @Test("the most specific scope wins, whatever the order of the rows")
    func scopes() throws {
        let general = Tolerance(id: "general", version: 9, check: .price, absMinor: 0)
        let entity = Tolerance(
            id: "entity", version: 1, scope: .init(entity: "DE01", currency: euro), check: .price, absMinor: 100)
        let supplier = Tolerance(id: "supplier", version: 1, scope: .init(supplier: "S-1002"), check: .price, absMinor: 300)
        let other = Tolerance(id: "other", version: 1, scope: .init(supplier: "S-9"), check: .price, absMinor: 90_000)
        let subject = MatchSubject(entity: "DE01", supplier: "S-1002", currency: euro)
        let invoice = try Invoice.sample(lines: [.sample(net: "104.00")])
        for rows in [[general, entity, supplier, other], [other, supplier, entity, general]] {
            let result = InvoiceMatch.match(invoice, order: try .sample(), receipts: [], tolerances: rows, subject: subject)
            #expect(result.holds.map(\.toleranceId) == ["supplier"])
        }
    }

    @Test("a lower price passes unless a row looks downwards")
    func under() throws {
        let invoice = try Invoice.sample(lines: [.sample(net: "80.00")])
        #expect(InvoiceMatch.match(invoice, order: try .sample(), receipts: [], tolerances: []).result == .matched)
        let both = Tolerance(id: "t", version: 1, check: .price, direction: .both, pct: decimal("5"))
        let result = InvoiceMatch.match(invoice, order: try .sample(), receipts: [], tolerances: [both])
        #expect(codes(result) == [.priceUnder])
        #expect(result.holds[0].varianceMinor == -2000)
    }

    @Test("more than ordered is held, counting what was invoiced before and the over-delivery that was agreed")
    func overOrder() throws {
        let order = try PurchaseOrder.sample(lines: [.sample(invoiced: "1")])
        let result = InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: [])
        #expect(codes(result) == [.quantityOverOrder])
        #expect(result.holds[0].varianceMinor == 1000)
        let agreed = try PurchaseOrder.sample(lines: [.sample(invoiced: "1", over: "10")])
        #expect(InvoiceMatch.match(try .sample(), order: agreed, receipts: [], tolerances: []).result == .matched)
    }

    @Test("two lines that draw on one order line are counted together")
    func together() throws {
        let lines = [
            try InvoiceLine.sample(id: "1", quantity: "6", net: "60.00"),
            try InvoiceLine.sample(id: "2", quantity: "6", net: "60.00"),
        ]
        let result = InvoiceMatch.match(try .sample(lines: lines), order: try .sample(), receipts: [], tolerances: [])
        #expect(codes(result) == [.quantityOverOrder])
        #expect(result.holds[0].line == "2")
    }

    @Test("where a receipt is due, nothing passes before the goods are there")
    func receiptMissing() throws {
        let order = try PurchaseOrder.sample(lines: [.sample(needsReceipt: true)])
        let result = InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: [])
        #expect(result.mode == "3-way")
        #expect(codes(result) == [.receiptMissing])
        let reversed = [try GoodsReceipt.sample(quantity: "10", status: .reversed)]
        #expect(codes(InvoiceMatch.match(try .sample(), order: order, receipts: reversed, tolerances: [])) == [.receiptMissing])
    }

    @Test("only accepted goods count, over several receipts")
    func accepted() throws {
        let order = try PurchaseOrder.sample(lines: [.sample(needsReceipt: true)])
        let enough = [try GoodsReceipt.sample(quantity: "4"), try GoodsReceipt.sample(quantity: "8", accepted: "6")]
        #expect(InvoiceMatch.match(try .sample(), order: order, receipts: enough, tolerances: []).result == .matched)
        let short = [try GoodsReceipt.sample(quantity: "10", accepted: "7")]
        let result = InvoiceMatch.match(try .sample(), order: order, receipts: short, tolerances: [])
        #expect(codes(result) == [.quantityOverReceipt])
        #expect(result.holds[0].varianceMinor == 3000 && result.holds[0].expected == "7 C62")
    }

    @Test("another unit of measure is a hold of its own and no figures are compared")
    func units() throws {
        let order = try PurchaseOrder.sample(lines: [.sample(unit: "KGM")])
        let result = InvoiceMatch.match(try .sample(lines: [.sample(net: "900.00")]), order: order, receipts: [], tolerances: [])
        #expect(codes(result) == [.unitMismatch])
    }

    @Test("currency, supplier, closed and unreleased orders hold the whole invoice")
    func wholeOrder() throws {
        let pound = Currency("GBP")!
        #expect(
            codes(InvoiceMatch.match(try .sample(), order: try .sample(currency: pound), receipts: [], tolerances: [])) == [
                .orderCurrency
            ])
        #expect(
            codes(InvoiceMatch.match(try .sample(), order: try .sample(status: .closed), receipts: [], tolerances: [])) == [
                .orderClosed
            ])
        #expect(
            codes(InvoiceMatch.match(try .sample(), order: try .sample(status: .draft), receipts: [], tolerances: [])) == [
                .orderNotReleased
            ])
        let subject = MatchSubject(supplier: "S-7", currency: euro)
        #expect(
            codes(InvoiceMatch.match(try .sample(), order: try .sample(), receipts: [], tolerances: [], subject: subject)) == [
                .orderSupplier
            ])
    }

    @Test("a blanket order is measured by its ceiling")
    func blanket() throws {
        let order = try PurchaseOrder.sample(lines: [.sample(quantity: "1", limit: "99.99")])
        #expect(codes(InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: [])) == [.amountOverBlanket])
    }

    @Test("an invoice older than its order is looked at where a row says so, by amount and days")
    func early() throws {
        var order = try PurchaseOrder.sample()
        order.orderDate = day("2026-06-03")
        #expect(InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: []).result == .matched)
        let loose = Tolerance(id: "t", version: 1, check: .early, absMinor: 20_000)
        #expect(InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: [loose]).result == .matched)
        let strict = Tolerance(id: "t", version: 1, check: .early, absMinor: 19_999)
        #expect(codes(InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: [strict])) == [.dateTooEarly])
    }

    @Test("a line finds its order line by reference, by item code, or because there is only one")
    func finding() throws {
        let order = try PurchaseOrder.sample(lines: [.sample(lineNo: "00010", item: "A"), .sample(lineNo: "00020", item: "B")])
        #expect(InvoiceMatch.match(try .sample(), order: order, receipts: [], tolerances: []).lines[0].orderLine == "00010")
        var byItem = try InvoiceLine.sample(orderLine: nil)
        byItem.sellerItemId = "B"
        #expect(
            InvoiceMatch.match(try .sample(lines: [byItem]), order: order, receipts: [], tolerances: []).lines[0].orderLine
                == "00020")
        let lost = try InvoiceLine.sample(orderLine: nil)
        #expect(
            codes(InvoiceMatch.match(try .sample(lines: [lost]), order: order, receipts: [], tolerances: [])) == [.orderMissing])
        #expect(
            InvoiceMatch.match(try .sample(lines: [lost]), order: try .sample(), receipts: [], tolerances: []).result == .matched)
    }

    @Test("the input and the result travel as JSON, and a hold names its title")
    func json() throws {
        let input = InvoiceMatch.Input(
            invoice: try .sample(lines: [.sample(net: "105.00")]), order: try .sample(), receipts: [try .sample(quantity: "10")],
            tolerances: [Tolerance(id: "t", version: 1, check: .price, absMinor: 0)])
        let again = try InvoiceMatch.Input(json: JSONValue(parsing: input.json.text))
        #expect(again == input)
        let result = InvoiceMatch.match(again)
        #expect(try MatchResult(json: JSONValue(parsing: result.json.text)) == result)
        #expect(result.json["holds"]?[0]?["title"]?.string == "Price above the order")
        #expect(input.json["tolerances"]?[0]?["pct"] == .null)
    }

    @Test("no figures, however large, stop the server", arguments: [1, 2, 3])
    func huge(seed: UInt64) throws {
        var line = try InvoiceLine.sample(quantity: "999999999999999999999999.999999", net: "999999999999999.99")
        line.priceBaseQuantity = try pieces("0.000001")
        var order = try PurchaseOrder.sample(lines: [
            .sample(quantity: "0.000001", price: "999999999999999.99999999", needsReceipt: true)
        ])
        order.lines[0].priceBaseQuantity = try pieces(seed == 1 ? "0.000001" : "999999999999")
        let receipts = seed == 3 ? [try GoodsReceipt.sample(quantity: "999999999999999999999999")] : []
        let result = InvoiceMatch.match(try .sample(lines: [line]), order: order, receipts: receipts, tolerances: [])
        #expect(result.result == .held)
    }
}
