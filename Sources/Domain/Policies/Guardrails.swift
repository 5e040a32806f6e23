package import Expressions
package import Kernel

/// Rules that bind every act of a tenant, whatever its workflows say. The engine asks them, not a definition.
package struct Guardrails: Sendable {
    package static let rulesMax = 100
    package static let valuesMax = 200
    package static let daysMax = 3650
    package static let quorumMax = 10

    /// What happens to an act that a rule binds, from the mildest to the hardest.
    package enum Effect: String, Sendable, CaseIterable {
        /// It waits until people of a role have signed for it.
        case approval
        /// It waits until the rule no longer binds it; nobody can sign it past.
        case hold
        /// It does not happen.
        case forbid

        var weight: Int { Effect.allCases.firstIndex(of: self) ?? 0 }
    }

    package enum Check: String, Sendable, CaseIterable {
        case amount, allowed, order
        case coolingOff = "cooling-off"
        case derived, condition
    }

    package enum Period: String, Sendable, CaseIterable {
        case act, day
        case supplierDay = "supplier-day"
    }

    package enum Subject: String, Sendable, CaseIterable { case currency, entity, connection }

    package enum Term: Sendable {
        /// At most so much. An act in a currency without a limit is bound, since nothing says how much of it is too much.
        case amount(limits: [Money], per: Period)
        case allowed(of: Subject, values: [String])
        /// A purchase order is needed above so much; a currency without a limit needs one always.
        case order(above: [Money])
        /// The supplier's account changed less than so many days ago.
        case coolingOff(days: Int)
        case derived
        /// Binds where it is true, and where it cannot be evaluated.
        case condition(CompiledExpression)

        package var check: Check {
            switch self {
            case .amount: .amount
            case .allowed: .allowed
            case .order: .order
            case .coolingOff: .coolingOff
            case .derived: .derived
            case .condition: .condition
            }
        }
    }

    /// Who signs an act past a rule.
    package struct Signers: Sendable, Equatable {
        package let role: String
        package let quorum: Int
    }

    package struct Rule: Sendable {
        package let id: String
        package let label: String
        package let acts: [GuardedAct.Kind]
        package let term: Term
        package let effect: Effect
        /// Set where the effect is an approval.
        package let signers: Signers?
        /// Said to people: why, and what to do.
        package let reason: String
        /// Into the file.
        let pointer: String
    }

    package let rules: [Rule]

    /// Whether a rule asks for sums of the day.
    package var keepsSums: Bool {
        rules.contains { if case .amount(_, let per) = $0.term { per != .act } else { false } }
    }

    package var readsInvoice: Bool { rules.contains { $0.term.check == .condition } }

    /// The rules that bind an act, in the order of the file.
    package func bind(_ act: GuardedAct) -> [Rule] {
        rules.filter { $0.acts.contains(act.kind) && Guardrails.binds($0.term, act) }
    }

    private static func binds(_ term: Term, _ act: GuardedAct) -> Bool {
        switch term {
        case .amount(let limits, let per):
            let before: Int128 =
                switch per {
                case .act: 0
                case .day: act.dayBefore
                case .supplierDay: act.supplierDayBefore
                }
            return isBeyond(act.amount, limits, before: before)
        case .allowed(let subject, let values):
            // A payment writes through no connection, so there is none to be forbidden.
            if subject == .connection, act.kind == .payment { return false }
            let value =
                switch subject {
                case .currency: act.amount?.currency.code ?? ""
                case .entity: act.entity
                case .connection: act.connection
                }
            return !values.contains { sameBytes($0, value) }
        case .order(let above): return !act.hasOrder && isBeyond(act.amount, above, before: 0)
        case .coolingOff(let days): return act.accountDays.map { $0 < days } ?? false
        case .derived: return act.isDerived
        case .condition(let condition):
            do throws(ExpressionFailure) {
                return try condition.value(bindings(act)).json() != .bool(false)
            } catch {
                return true
            }
        }
    }

    private static func isBeyond(_ amount: Money?, _ limits: [Money], before: Int128) -> Bool {
        guard let amount, let limit = limits.first(where: { $0.currency == amount.currency }) else { return true }
        return before + Int128(amount.minorUnits.magnitude) > Int128(limit.minorUnits)
    }

    // MARK: Conditions

    /// What a condition can name. The invoice's members are known to the room of workflows, which checks them again.
    static let scope = ExpressionScope([("act", actType), ("invoice", .dyn)])

    package static let actType = CELType.record(
        RecordType(
            "act",
            ["kind", "amount", "currency", "entity", "supplier", "connection", "workflow"].map {
                RecordType.Field($0, .string)
            } + [RecordType.Field("order", .bool), RecordType.Field("derived", .bool)]))

    private static func bindings(_ act: GuardedAct) -> [String: CELValue] {
        var known = act.object.object ?? [:]
        known["kind"] = .string(act.kind.rawValue)
        known["act"] = nil
        // A condition over an amount that cannot be told fails, and so binds.
        if act.amount == nil {
            known["amount"] = nil
            known["currency"] = nil
        }
        return ["act": CELValue(.object(known)), "invoice": CELValue(act.invoice)]
    }

    /// For tests and previews: `{effect, approvals}` with the effect `none` where no rule binds.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        let act = try GuardedAct(input: input)
        if readsInvoice, input["invoice"] == nil {
            throw Refusal(.invalid, reason: "policy.input", "A condition of these guardrails reads the invoice; give one.")
        }
        return answer(about: act, input: input)
    }

    func answer(about act: GuardedAct, input: JSONValue) -> PolicyAnswer {
        let bound = bind(act)
        let effect = bound.map(\.effect).max { $0.weight < $1.weight }
        let approvals = bound.compactMap(\.signers).map { signers -> JSONValue in
            ["role": .string(signers.role), "quorum": JSONValue(signers.quorum)]
        }
        return PolicyAnswer(
            outcome: ["effect": .string(effect?.rawValue ?? "none"), "approvals": .array(approvals)],
            rulesFired: bound.map { PolicyDecision.Rule(id: $0.id, label: $0.label) }, inputsUsed: input)
    }
}

extension Policy {
    package var guardrails: Guardrails? {
        if case .guardrails(let rules) = body { rules } else { nil }
    }

    /// What guardrails say about an act, for its receipt; nil for other policies.
    package func guarding(_ act: GuardedAct) -> PolicyDecision? {
        guard let guardrails else { return nil }
        let answer = guardrails.answer(about: act, input: act.json(withInvoice: guardrails.readsInvoice))
        return PolicyDecision(
            policy: name, version: version, outcome: answer.outcome, rulesFired: answer.rulesFired, inputsUsed: answer.inputsUsed,
            personal: guardrails.readsInvoice ? ["invoice"] : [])
    }
}
