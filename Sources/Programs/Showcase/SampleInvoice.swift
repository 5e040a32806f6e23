package import Finance
package import Kernel

/// One line of a sample document; its net amount is quantity times price, rounded half up.
package struct SampleLine: Sendable, Hashable {
    package var id: String
    package var name: String
    package var quantity: ExactDecimal
    /// UN/ECE Recommendation 20.
    package var unit: String
    package var price: ExactDecimal
    package var category: TaxCategory
    /// In percent.
    package var rate: ExactDecimal
    package var orderLineRef: String?
    package var itemCode: String?

    package init(
        id: String, name: String, quantity: ExactDecimal, unit: String = "C62", price: ExactDecimal, category: TaxCategory = .s,
        rate: ExactDecimal = ExactDecimal(19), orderLineRef: String? = nil, itemCode: String? = nil
    ) {
        self.id = id
        self.name = name
        self.quantity = quantity
        self.unit = unit
        self.price = price
        self.category = category
        self.rate = rate
        self.orderLineRef = orderLineRef
        self.itemCode = itemCode
    }
}

/// A deduction from or an addition to the whole sample document, under one tax rate.
package struct SampleAdjustment: Sendable, Hashable {
    package var isCharge: Bool
    package var amount: ExactDecimal
    package var reason: String
    package var category: TaxCategory
    package var rate: ExactDecimal

    package init(
        isCharge: Bool, amount: ExactDecimal, reason: String, category: TaxCategory = .s, rate: ExactDecimal = ExactDecimal(19)
    ) {
        self.isCharge = isCharge
        self.amount = amount
        self.reason = reason
        self.category = category
        self.rate = rate
    }
}

/// An invoice or credit note of ours with right totals, to be written as UBL or CII.
package struct SampleInvoice: Sendable, Hashable {
    package enum Kind: Sendable, Hashable { case invoice, creditNote }
    package enum Syntax: Sendable, Hashable, CaseIterable { case ubl, cii }

    package var number: String
    package var issueDate: CivilDate
    package var dueDate: CivilDate?
    package var seller: SampleParty
    package var buyer: SampleParty
    package var orderRef: String?
    package var buyerReference: String?
    package var currency: Currency
    package var lines: [SampleLine]
    package var adjustments: [SampleAdjustment]
    package var prepaid: ExactDecimal?
    package var kind: Kind
    /// The invoice a credit note reverses.
    package var precedingNumber: String?
    package var note: String?

    package init(
        number: String, issueDate: CivilDate, dueDate: CivilDate? = nil, seller: SampleParty, buyer: SampleParty,
        orderRef: String? = nil, buyerReference: String? = nil, currency: Currency, lines: [SampleLine],
        adjustments: [SampleAdjustment] = [], prepaid: ExactDecimal? = nil, kind: Kind = .invoice, precedingNumber: String? = nil,
        note: String? = nil
    ) {
        self.number = number
        self.issueDate = issueDate
        self.dueDate = dueDate
        self.seller = seller
        self.buyer = buyer
        self.orderRef = orderRef
        self.buyerReference = buyerReference
        self.currency = currency
        self.lines = lines
        self.adjustments = adjustments
        self.prepaid = prepaid
        self.kind = kind
        self.precedingNumber = precedingNumber
        self.note = note
    }

    /// The document as UBL 2.1 Invoice or CreditNote.
    package var ubl: String { get throws(Refusal) { try SampleUBL(self, SampleFigures(self)).text } }

    /// The document as Cross Industry Invoice D16B.
    package var cii: String { get throws(Refusal) { try SampleCII(self, SampleFigures(self)).text } }

    package func text(_ syntax: Syntax) throws(Refusal) -> String {
        switch syntax {
        case .ubl: try ubl
        case .cii: try cii
        }
    }
}

/// The sums of a sample document, computed once for both syntaxes.
package struct SampleFigures: Sendable, Hashable {
    package struct Group: Sendable, Hashable {
        package var category: TaxCategory
        package var rate: ExactDecimal
        package var taxable: ExactDecimal
        package var tax: ExactDecimal
    }

    /// Net amount of each line, in order.
    package var nets: [ExactDecimal]
    package var lineNet: ExactDecimal
    package var allowances: ExactDecimal
    package var charges: ExactDecimal
    package var taxExclusive: ExactDecimal
    package var groups: [Group]
    package var tax: ExactDecimal
    package var taxInclusive: ExactDecimal
    package var payable: ExactDecimal

    package init(_ invoice: SampleInvoice) throws(Refusal) {
        let digits = min(invoice.currency.minorDigits, 2)
        func cents(_ value: ExactDecimal) -> ExactDecimal { value.rounded(scale: digits, .halfUp) }
        var groups: [Group] = []
        func add(_ amount: ExactDecimal, _ category: TaxCategory, _ rate: ExactDecimal) throws(Refusal) {
            if let index = groups.firstIndex(where: { $0.category == category && $0.rate == rate }) {
                groups[index].taxable = try groups[index].taxable.adding(amount)
            } else {
                groups.append(Group(category: category, rate: rate, taxable: amount, tax: cents(.zero)))
            }
        }
        var nets: [ExactDecimal] = []
        var lineNet = cents(.zero)
        for line in invoice.lines {
            let net = cents(try line.quantity.multiplied(by: line.price))
            nets.append(net)
            lineNet = try lineNet.adding(net)
            try add(net, line.category, line.rate)
        }
        var allowances = cents(.zero)
        var charges = cents(.zero)
        for adjustment in invoice.adjustments {
            let amount = cents(adjustment.amount)
            if adjustment.isCharge { charges = try charges.adding(amount) } else { allowances = try allowances.adding(amount) }
            try add(adjustment.isCharge ? amount : amount.negated, adjustment.category, adjustment.rate)
        }
        var tax = cents(.zero)
        for index in groups.indices {
            groups[index].tax = cents(
                try groups[index].taxable.multiplied(by: groups[index].rate).multiplied(by: ExactDecimal(mantissa: 1, scale: 2)))
            tax = try tax.adding(groups[index].tax)
        }
        self.nets = nets
        self.lineNet = lineNet
        self.allowances = allowances
        self.charges = charges
        self.groups = groups
        self.tax = tax
        taxExclusive = try lineNet.subtracting(allowances).adding(charges)
        taxInclusive = try taxExclusive.adding(tax)
        payable = try taxInclusive.subtracting(cents(invoice.prepaid ?? .zero))
    }
}
