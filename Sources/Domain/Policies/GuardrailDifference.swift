import Expressions
import Kernel

extension PolicyDifference {
    /// What changed between two versions of guardrails.
    static func guardrails(_ old: Guardrails, _ new: Guardrails) -> [String] {
        entries("Rule", old.rules, new.rules, id: \.id, label: { "\($0.label); \(words($0))" }) { before, after in
            var out: [String] = []
            if before.acts != after.acts { out.append("it is about \(acts(after)), and was about \(acts(before))") }
            if words(before.term) != words(after.term) {
                out.append("it is \(words(after.term)), and was \(words(before.term))")
            }
            if effect(before) != effect(after) { out.append("its effect is \(effect(after)), and was \(effect(before))") }
            if before.reason != after.reason { out.append("it says `\(after.reason)`") }
            return out
        }
    }

    private static func acts(_ rule: Guardrails.Rule) -> String { rule.acts.map(\.rawValue).joined(separator: " and ") }

    private static func effect(_ rule: Guardrails.Rule) -> String {
        guard let signers = rule.signers else { return rule.effect.rawValue }
        return "\(rule.effect.rawValue) by \(signers.quorum) × \(signers.role)"
    }

    private static func words(_ rule: Guardrails.Rule) -> String { "\(words(rule.term)): \(effect(rule))" }

    private static func words(_ term: Guardrails.Term) -> String {
        func limits(_ money: [Money]) -> String { money.map(\.description).joined(separator: ", ") }
        switch term {
        case .amount(let money, let per): return "at most \(limits(money)) per \(per.rawValue)"
        case .allowed(let subject, let values): return "only the \(subject.rawValue) \(values.joined(separator: ", "))"
        case .order(let above): return "no act without an order above \(limits(above))"
        case .coolingOff(let days): return "\(days) days after the supplier's account changed"
        case .derived: return "no act on what a model derived"
        case .condition(let condition): return "where `\(condition.source)`"
        }
    }
}

extension Guardrails.Rule {
    /// The rule in one line, for lists: `at most EUR 250000.00 per day; approval by 2 × controller`.
    package var sentence: String { PolicyDifference.sentence(self) }
}

extension PolicyDifference {
    fileprivate static func sentence(_ rule: Guardrails.Rule) -> String {
        "\(acts(rule)): \(words(rule.term)); \(effect(rule))"
    }
}
