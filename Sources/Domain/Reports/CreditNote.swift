package import Kernel

/// A credit of a signed report as a thing of its own, until it stands on a bill or the customer gives it up.
///
/// The signature proposes it with the amount that was signed; nobody writes an amount by hand. Who wrote on the report or signed
/// it does not approve its credit, so two people at least stand behind the money, and the customer alone can waive it.
package struct CreditNoteLife: Sendable, Equatable {
    package enum Phase: String, Sendable, CaseIterable {
        case proposed
        case approved
        /// It stands on a bill.
        case applied
        case waived
        /// A later revision of the report was signed before anybody approved it.
        case replaced

        /// What stays given or given up when a revision comes to another sum.
        package var isDecided: Bool {
            switch self {
            case .approved, .applied, .waived: true
            case .proposed, .replaced: false
            }
        }
    }

    package enum Event: Sendable, Equatable {
        case approved(by: PersonID)
        /// With the number of the bill that it lowers.
        case applied(by: PersonID)
        case waived(by: PersonID)
        case replaced
    }

    package private(set) var phase: Phase
    /// The human beings who wrote on the report or signed it.
    package let involved: Set<PersonID>

    package init(phase: Phase = .proposed, involved: Set<PersonID>) {
        self.phase = phase
        self.involved = involved
    }

    /// The word for the audit log.
    package mutating func handle(_ event: Event) throws(Refusal) -> String {
        switch event {
        case .approved(let person):
            try expect([.proposed])
            guard !involved.contains(person) else {
                throw Refusal(
                    .forbidden, reason: "credit.own",
                    "You wrote on the report of this credit or signed it, so somebody else has to approve it.",
                    facts: ["rule": "sod.credit"])
            }
            phase = .approved
            return "credit.approved"
        case .applied:
            try expect([.approved])
            phase = .applied
            return "credit.applied"
        case .waived:
            try expect([.proposed, .approved])
            phase = .waived
            return "credit.waived"
        case .replaced:
            try expect([.proposed])
            phase = .replaced
            return "credit.replaced"
        }
    }

    private func expect(_ wanted: [Phase]) throws(Refusal) {
        guard wanted.contains(phase) else {
            throw Refusal(
                .conflict, reason: "credit.state",
                "The credit is \(phase.rawValue), and this needs one that is "
                    + "\(wanted.map(\.rawValue).joined(separator: " or ")).",
                facts: ["state": phase.rawValue])
        }
    }
}

/// What a credit comes to.
package struct CreditSum: Sendable, Equatable {
    /// Of the month's fee.
    package let percent: ExactDecimal
    /// Nil where the contract names no fee.
    package let amount: Money?

    package init(percent: ExactDecimal, amount: Money?) {
        self.percent = percent
        self.amount = amount
    }

    /// What the figures of a report come to; nil without a credit.
    package init?(standing: JSONValue) throws(Refusal) {
        guard let text = standing["creditPercent"]?.string, let percent = ExactDecimal(text) else { return nil }
        let amount = standing["creditAmount"]?.string.flatMap { ExactDecimal($0) }
        let currency = standing["creditCurrency"]?.string.flatMap { Currency($0) }
        if let amount, let currency {
            self.init(percent: percent, amount: try amount.money(currency))
        } else {
            self.init(percent: percent, amount: nil)
        }
    }

    /// What a revision adds to what has been decided of the same month; nil when it adds nothing. Nothing is ever taken back:
    /// what was approved was promised.
    package func beyond(_ decided: [CreditSum]) throws(Refusal) -> CreditSum? {
        var share = percent
        for one in decided { share = try share.subtracting(one.percent) }
        guard let amount else { return share > .zero ? CreditSum(percent: share.normalized, amount: nil) : nil }
        let before = try Money.sum(decided.compactMap(\.amount), currency: amount.currency)
        let rest = try Money(minorUnits: amount.minorUnits - before.minorUnits, currency: amount.currency)
        guard rest.minorUnits > 0 else { return nil }
        return CreditSum(percent: max(share, .zero).normalized, amount: rest)
    }

    package var json: JSONValue {
        [
            "percent": .string(percent.normalized.description), "amount": amount.map { .string($0.decimalText) } ?? .null,
            "currency": amount.map { .string($0.currency.code) } ?? .null,
        ]
    }
}
