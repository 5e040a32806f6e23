import Finance
import Kernel

let euro = Currency("EUR")!

func eur(_ text: String) throws -> Amount { try Amount(text, currency: euro) }
func decimal(_ text: String) -> ExactDecimal { ExactDecimal(text)! }
func pieces(_ text: String, _ unit: String = "C62") throws -> Quantity { try Quantity(decimal(text), unit: unit) }
func day(_ text: String) -> CivilDate { CivilDate(text)! }

extension Invoice {
    /// One line of goods at 19 %; tests say what they care about.
    static func sample(
        number: String = "RE-4711", lines: [InvoiceLine]? = nil, kind: Invoice.Kind = .invoice, orderRef: String? = "PO-1",
        currency: Currency = euro
    ) throws -> Invoice {
        func amount(_ text: String) throws -> Amount { try Amount(text, currency: currency) }
        let germany = Country("DE")!
        var invoice = Invoice(
            kind: kind, number: number, issueDate: day("2026-06-01"), currency: currency,
            seller: PartyDetails(legalName: "Altmark Verpackungen AG", vatId: "DE269188406", address: Address(country: germany)),
            buyer: PartyDetails(legalName: "Brightwater Foods GmbH", address: Address(country: germany)),
            totals: Totals(
                lineNet: try amount("100.00"), taxExclusive: try amount("100.00"), tax: try amount("19.00"),
                taxInclusive: try amount("119.00"), payable: try amount("119.00")),
            taxBreakdown: [
                TaxBreakdown(
                    category: .s, rate: try Percent(Self.nineteen), taxable: try amount("100.00"), tax: try amount("19.00"))
            ],
            lines: try lines ?? [.sample()])
        invoice.orderRef = orderRef
        return invoice
    }

    static let nineteen = ExactDecimal(19)
}

extension InvoiceLine {
    static func sample(
        id: String = "1", quantity: String = "10", unit: String = "C62", price: String = "10.00", net: String = "100.00",
        orderLine: String? = "10"
    ) throws -> InvoiceLine {
        var line = InvoiceLine(
            id: id, quantity: try pieces(quantity, unit), netAmount: try eur(net), unitPrice: try eur(price), name: "Folding box")
        line.orderLineRef = orderLine
        line.taxCategory = .s
        line.taxRate = try Percent(Invoice.nineteen)
        return line
    }
}

extension PurchaseOrder {
    static func sample(
        lines: [OrderLine]? = nil, status: PurchaseOrder.Status = .open, currency: Currency = euro, supplier: String = "S-1002"
    ) throws -> PurchaseOrder {
        PurchaseOrder(
            number: "PO-1", supplier: supplier, orderDate: day("2026-05-01"), currency: currency, lines: try lines ?? [.sample()],
            status: status)
    }
}

extension OrderLine {
    static func sample(
        lineNo: String = "10", quantity: String = "10", unit: String = "C62", price: String = "10.00", needsReceipt: Bool = false,
        invoiced: String? = nil, over: String? = nil, limit: String? = nil, item: String? = nil
    ) throws -> OrderLine {
        OrderLine(
            lineNo: lineNo, itemCode: item, quantity: try pieces(quantity, unit), unitPrice: try eur(price),
            netAmount: try eur("100.00"),
            overDeliveryPct: try over.map { try Percent(decimal($0)) }, grRequired: needsReceipt,
            invoicedQty: invoiced.map(decimal), limitAmount: try limit.map(eur))
    }
}

extension GoodsReceipt {
    static func sample(
        quantity: String, accepted: String? = nil, lineNo: String = "10", status: GoodsReceipt.Status = .posted
    ) throws -> GoodsReceipt {
        GoodsReceipt(
            number: "GR-1", supplier: "S-1002", receiptDate: day("2026-05-20"),
            lines: [
                ReceiptLine(
                    poRef: OrderLineRef(number: "PO-1", lineNo: lineNo), quantity: try pieces(quantity),
                    acceptedQty: accepted.map(decimal))
            ], status: status)
    }
}
