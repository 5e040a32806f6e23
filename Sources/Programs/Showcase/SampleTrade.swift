internal import Finance
package import Kernel

/// A purchase from the order to the invoice: what the ledger knows of it, and the document that the supplier sends.
///
/// The number of a trade decides everything about it, amounts included: two trades of one tenant and size have different sums,
/// since
/// equal sums of one supplier in one week are, rightly, taken for duplicates.
package struct SampleTrade: Sendable {
    /// Net worth of the goods, aimed at the bands of the approval matrix.
    package enum Size: Int, Sendable, CaseIterable {
        /// Below 1,000: nobody has to sign.
        case small
        /// Below 10,000: one signature.
        case middle
        /// Below 100,000: two signatures.
        case large

        var worth: ExactDecimal { ExactDecimal([400, 4_200, 31_000][rawValue]) }
    }

    /// How invoice, order and receipt go together.
    package enum Fit: Sendable, CaseIterable {
        case agrees
        /// The supplier invoices a tenth more per piece than was ordered.
        case dearer
        /// A third of what is invoiced has not arrived.
        case shortDelivery
        /// There is no order at all, which is an elevated risk.
        case withoutOrder
    }

    /// Numbers from here on repeat earlier sums.
    package static let numbersMax = 20_000

    package let tenant: SampleTenant
    package let invoice: SampleInvoice
    /// Orders and receipts for the ledger; empty without an order.
    package let ledgerData: JSONValue

    package init(_ tenant: SampleTenant, number: Int, size: Size = .small, fit: Fit = .agrees, today: CivilDate) throws(Refusal) {
        self.tenant = tenant
        let goods = tenant.goods[number % tenant.goods.count]
        let text = SampleTrade.padded(number)
        let order = "PO-\(today.year)-\(text)"
        let quantity = try size.worth.divided(by: goods.price, scale: 0, rounding: .down)
        let tenth = try goods.price.multiplied(by: ExactDecimal(mantissa: 11, scale: 1)).rounded(scale: 2, .halfUp)
        let price = fit == .dearer ? tenth : goods.price
        let freight = ExactDecimal(mantissa: Int128(500 + number % SampleTrade.numbersMax), scale: 2)
        let hasOrder = fit != .withoutOrder
        invoice = SampleInvoice(
            number: "\(tenant.numberPrefix)-\(today.year)-\(text)", issueDate: today.adding(days: -1),
            dueDate: today.adding(days: 29),
            seller: goods.supplier, buyer: goods.buyer, orderRef: hasOrder ? order : nil,
            buyerReference: hasOrder ? nil : "KST-4711",
            currency: tenant.currency,
            lines: [
                SampleLine(
                    id: "1", name: goods.name, quantity: quantity, unit: goods.unit, price: price, rate: goods.rate,
                    orderLineRef: hasOrder ? "1" : nil, itemCode: goods.item),
                SampleLine(
                    id: "2", name: tenant.freight, quantity: .one, price: freight, rate: goods.rate,
                    orderLineRef: hasOrder ? "2" : nil,
                    itemCode: SampleTrade.freightItem(goods.rate)),
            ])
        guard hasOrder else {
            ledgerData = [:]
            return
        }
        let supplier = JSONValue.string(goods.supplier.number ?? "")
        let arrived =
            fit == .shortDelivery
            ? try quantity.multiplied(by: ExactDecimal(2)).divided(by: ExactDecimal(3), scale: 0, rounding: .down) : quantity
        let goodsNet = try quantity.multiplied(by: goods.price).rounded(scale: 2, .halfUp)
        ledgerData = [
            "orders": [
                [
                    "number": .string(order), "supplierNumber": supplier,
                    "orderDate": .string(today.adding(days: -20).description), "company": .string(goods.buyer.entityCode),
                    "currency": .string(tenant.currency.code), "state": "open",
                    "lines": [
                        SampleTrade.orderLine(
                            "1", goods.name, goods.item, quantity, goods.unit, goods.price, goodsNet, rate: goods.rate,
                            needsReceipt: true),
                        SampleTrade.orderLine(
                            "2", tenant.freight, SampleTrade.freightItem(goods.rate), .one, "C62", freight, freight,
                            rate: goods.rate,
                            needsReceipt: false),
                    ],
                ]
            ],
            "receipts": [
                [
                    "number": .string("GR-\(today.year)-\(text)"), "orderNumber": .string(order), "supplierNumber": supplier,
                    "receiptDate": .string(today.adding(days: -3).description), "deliveryNote": .string("LS \(text)"),
                    "state": "posted",
                    "lines": [
                        [
                            "orderLine": "1", "quantity": .string(arrived.description), "unit": .string(goods.unit),
                            "accepted": .string(arrived.description), "rejected": "0",
                        ]
                    ],
                ]
            ],
        ]
    }

    /// Freight follows the rate of what is carried, and an ERP keeps one rate an item.
    private static func freightItem(_ rate: ExactDecimal) -> String { "FR-\(rate)" }

    private static func orderLine(
        _ number: String, _ name: String, _ item: String, _ quantity: ExactDecimal, _ unit: String, _ price: ExactDecimal,
        _ net: ExactDecimal, rate: ExactDecimal, needsReceipt: Bool
    ) -> JSONValue {
        [
            "line": .string(number), "description": .string(name), "item": .string(item),
            "quantity": .string(quantity.description),
            "unit": .string(unit), "unitPrice": .string(price.description), "netAmount": .string(net.description),
            "taxRate": .string(rate.description), "receiptRequired": .bool(needsReceipt), "received": "0", "invoiced": "0",
            "invoicedAmount": "0",
        ]
    }

    /// Whether the tax comes to exactly half a cent more. EN 16931 rounds it away from zero and Tryton to even, so that its bill
    /// differs by a cent and waits for a person, as it should.
    package var hasHalfCentOfTax: Bool {
        get throws(Refusal) {
            let rate = invoice.lines.first?.rate ?? .zero
            return try SampleFigures(invoice).taxExclusive.multiplied(by: rate).mantissa % 100 == 50
        }
    }

    /// The sum to pay, as people say it: `EUR 512.34`.
    package var grossText: String {
        get throws(Refusal) { "\(tenant.currency.code) \(try SampleFigures(invoice).taxInclusive)" }
    }

    package var fileName: String { "\(invoice.number).xml" }

    static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
}
