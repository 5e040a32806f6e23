package import Kernel

/// Something that leaves the house: a posting into a ledger, or the release of a payment. What guardrails are asked about.
package struct GuardedAct: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable { case posting, payment }

    package let kind: Kind
    /// The size of what is posted or paid; nil when it cannot be told exactly.
    package let amount: Money?
    /// Code of the legal entity; empty when none is named.
    package let entity: String
    /// The ledger's number of the supplier; empty when none is named.
    package let supplier: String
    /// Name of the connection that is written to; empty for a payment, which writes to none.
    package let connection: String
    package let workflow: String
    /// Whether a purchase order is named.
    package let hasOrder: Bool
    /// Whether something that it rests on was derived by a model.
    package let isDerived: Bool
    /// Whole days since the supplier's bank account was seen to change; nil when no change was seen.
    package let accountDays: Int?
    /// The canonical invoice, or null.
    package let invoice: JSONValue
    /// What the same tenant posted or paid before on this day, in minor units of the act's currency.
    package let dayBefore: Int128
    package let supplierDayBefore: Int128

    package init(
        kind: Kind, amount: Money?, entity: String, supplier: String, connection: String, workflow: String, hasOrder: Bool,
        isDerived: Bool, accountDays: Int?, invoice: JSONValue, dayBefore: Int128, supplierDayBefore: Int128
    ) {
        self.kind = kind
        self.amount = amount
        self.entity = entity
        self.supplier = supplier
        self.connection = connection
        self.workflow = workflow
        self.hasOrder = hasOrder
        self.isDerived = isDerived
        self.accountDays = accountDays
        self.invoice = invoice
        self.dayBefore = dayBefore
        self.supplierDayBefore = supplierDayBefore
    }

    /// The mark that a value bears which a model derived: `aiDerived: true` beside it.
    package static let derivedMark = "aiDerived"
    /// How deep marks are looked for; what lies deeper counts as marked.
    static let derivedDepthMax = 100

    /// Whether a value or one inside it bears the mark.
    package static func isDerived(_ value: JSONValue, depth: Int = 0) -> Bool {
        guard depth < derivedDepthMax else { return true }
        switch value {
        case .object(let object):
            return object[derivedMark] == .bool(true) || object.contains { isDerived($0.value, depth: depth + 1) }
        case .array(let items): return items.contains { isDerived($0, depth: depth + 1) }
        default: return false
        }
    }

    /// What a signature past a guardrail is bound to: all that the act is, but not the sums around it, which move.
    package var object: JSONValue {
        .object([
            "act": .string(kind.rawValue), "amount": amount.map { .string($0.decimalText) } ?? .null,
            "currency": amount.map { .string($0.currency.code) } ?? .null, "entity": .string(entity),
            "supplier": .string(supplier), "connection": .string(connection), "workflow": .string(workflow),
            "order": .bool(hasOrder), "derived": .bool(isDerived),
        ])
    }

    /// As receipts keep it and tests write it; the invoice goes along only where a rule reads it.
    package func json(withInvoice: Bool) -> JSONValue {
        var members = object.object ?? [:]
        members["accountDays"] = accountDays.map { JSONValue($0) } ?? .null
        if let currency = amount?.currency {
            members["dayBefore"] = .string(GuardedAct.text(dayBefore, currency))
            members["supplierDayBefore"] = .string(GuardedAct.text(supplierDayBefore, currency))
        }
        if withInvoice { members["invoice"] = invoice }
        return .object(members)
    }

    static func text(_ minor: Int128, _ currency: Currency) -> String {
        ExactDecimal(mantissa: minor, scale: currency.minorDigits).description
    }

    static let members = [
        "act", "amount", "currency", "entity", "supplier", "connection", "workflow", "order", "derived", "accountDays",
        "dayBefore", "supplierDayBefore", "invoice",
    ]

    /// Reads an input; what is absent is unknown. Refuses what is no act with `policy.input`.
    package init(input: JSONValue) throws(Refusal) {
        guard let kind = input["act"]?.string.flatMap(Kind.init(rawValue:)) else {
            throw GuardedAct.unreadable("`act` has to be posting or payment")
        }
        for member in input.object ?? [:] where !GuardedAct.members.contains(member.key) {
            throw GuardedAct.unreadable("`\(member.key.prefix(60))` is no part of an act")
        }
        var currency: Currency?
        if let code = input["currency"]?.string {
            guard let known = Currency(code) else { throw GuardedAct.unreadable("`\(code.prefix(20))` is no currency") }
            currency = known
        }
        func minor(_ name: String) throws(Refusal) -> Int64? {
            guard let value = input[name], value != .null else { return nil }
            guard let text = value.string, let currency else {
                throw GuardedAct.unreadable("`\(name)` is an amount in quotes, beside a currency")
            }
            return try Amount(text, currency: currency).money().minorUnits
        }
        var amount: Money?
        if let units = try minor("amount"), let currency {
            amount = try Money(minorUnits: Int64(units.magnitude), currency: currency)
        }
        self.init(
            kind: kind, amount: amount, entity: input["entity"]?.string ?? "", supplier: input["supplier"]?.string ?? "",
            connection: input["connection"]?.string ?? "", workflow: input["workflow"]?.string ?? "",
            hasOrder: input["order"]?.bool ?? false, isDerived: input["derived"]?.bool ?? false,
            accountDays: input["accountDays"]?.int, invoice: input["invoice"] ?? .null,
            dayBefore: Int128(try minor("dayBefore") ?? 0), supplierDayBefore: Int128(try minor("supplierDayBefore") ?? 0))
    }

    private static func unreadable(_ what: String) -> Refusal {
        Refusal(.invalid, reason: "policy.input", "Guardrails are asked about an act, and \(what).")
    }
}
