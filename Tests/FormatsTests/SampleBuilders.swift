import Finance
import Formats
import Kernel
import Showcase
import TestBasics

let euro = Currency("EUR")!

extension SampleInvoice {
    static func plain(number: String = "RE-2026-0117", kind: Kind = .invoice) -> SampleInvoice {
        SampleInvoice(
            number: number, issueDate: CivilDate("2026-06-01")!, dueDate: CivilDate("2026-07-01")!, seller: .nordhafenCold,
            buyer: .brightwaterGermany, orderRef: "PO-4500017", currency: euro,
            lines: [
                SampleLine(
                    id: "1", name: "Tiefkühllagerung & Umschlag", quantity: ExactDecimal("12.5")!, unit: "HUR",
                    price: ExactDecimal("48.90")!, orderLineRef: "10", itemCode: "KL-1"),
                SampleLine(
                    id: "2", name: "Paletten <Euro>", quantity: ExactDecimal(40), price: ExactDecimal("7.3333")!,
                    rate: ExactDecimal(7),
                    orderLineRef: "20"),
            ], kind: kind, note: "Vielen Dank")
    }

    static func random(_ random: inout Seeded) -> SampleInvoice {
        func decimal(_ most: Int64, scale: Int) -> ExactDecimal {
            ExactDecimal(
                mantissa: Int128(Int64.random(in: 1...most, using: &random)), scale: Int.random(in: 0...scale, using: &random))
        }
        let currency = Currency(["EUR", "GBP", "USD", "JPY", "SEK"].randomElement(using: &random)!)!
        let rates: [(TaxCategory, ExactDecimal)] = [
            (.s, ExactDecimal(19)), (.s, ExactDecimal(7)), (.s, ExactDecimal("5.5")!), (.s, ExactDecimal("20.00")!), (.z, .zero),
            (.e, .zero),
        ]
        let lines = (1...Int.random(in: 1...12, using: &random)).map { index in
            let (category, rate) = rates.randomElement(using: &random)!
            return SampleLine(
                id: String(index),
                name: ["Kabel 3×1,5 mm²", "Señalización", "Crates & \"boxes\"", "貨物"].randomElement(using: &random)!,
                quantity: decimal(99_999, scale: 3), unit: ["C62", "KGM", "HUR", "MTR"].randomElement(using: &random)!,
                price: decimal(9_999_999, scale: 4), category: category, rate: rate,
                orderLineRef: Bool.random(using: &random) ? String(index * 10) : nil,
                itemCode: Bool.random(using: &random) ? "IT-\(index)" : nil)
        }
        var invoice = SampleInvoice(
            number: "R-\(random.next() % 1_000_000)",
            issueDate: CivilDate("2026-01-01")!.adding(days: Int.random(in: 0..<365, using: &random)),
            seller: SampleParty.suppliers.randomElement(using: &random)!,
            buyer: SampleParty.buyers.randomElement(using: &random)!,
            orderRef: Bool.random(using: &random) ? "PO-\(random.next() % 100_000)" : nil, currency: currency, lines: lines,
            kind: Bool.random(using: &random) ? .invoice : .creditNote)
        if Bool.random(using: &random) { invoice.dueDate = invoice.issueDate.adding(days: 30) }
        if Bool.random(using: &random), let line = lines.first {
            invoice.adjustments = [
                SampleAdjustment(
                    isCharge: Bool.random(using: &random), amount: decimal(99_999, scale: 2), reason: "Freight",
                    category: line.category,
                    rate: line.rate)
            ]
        }
        if Bool.random(using: &random) { invoice.prepaid = ExactDecimal(Int64.random(in: 0...50, using: &random)) }
        return invoice
    }
}
