import Expressions
package import Kernel

/// A lower level may make the rules of an upper one stricter, and never looser.
extension Guardrails {
    /// Rules of `lower` that pretend to take back what `upper` says under the same id; pointers are into the lower file.
    ///
    /// The engine asks the rules of all levels whatever is found here: a looser rule would have no effect, and its author would
    /// believe that it had.
    package static func loosenings(of lower: Guardrails, under upper: Guardrails, from scope: String) -> [AssetIssue] {
        lower.rules.flatMap { rule -> [AssetIssue] in
            guard let above = upper.rules.first(where: { $0.id == rule.id }) else { return [] }
            return Guardrails.loosened(rule, under: above).map { member, what in
                AssetIssue(
                    "\(rule.pointer)/\(member)", "The rule `\(rule.id)` of \(scope) cannot be loosened here: \(what).",
                    remedy: "Make it as strict as there or stricter, or leave it out: the rule of \(scope) binds all the same.")
            }
        }
    }

    private static func loosened(_ rule: Rule, under above: Rule) -> [(member: String, what: String)] {
        var found: [(member: String, what: String)] = []
        if let gone = above.acts.first(where: { !rule.acts.contains($0) }) {
            found.append(("acts", "it leaves out \(gone.rawValue)"))
        }
        if rule.effect.weight < above.effect.weight {
            found.append(("effect", "\(rule.effect.rawValue) is milder than \(above.effect.rawValue)"))
        }
        if let own = rule.signers, let given = above.signers, rule.effect == above.effect {
            if own.role != given.role { found.append(("role", "\(given.role) has to sign, not \(own.role)")) }
            if own.quorum < given.quorum {
                found.append(("quorum", "\(given.quorum) have to sign, and \(own.quorum) is less"))
            }
        }
        return found + loosened(rule.term, under: above.term)
    }

    private static func loosened(_ term: Term, under above: Term) -> [(member: String, what: String)] {
        switch (term, above) {
        case (.amount(let own, let per), .amount(let given, let perAbove)):
            guard per == perAbove else { return [("per", "it counts per \(perAbove.rawValue), not per \(per.rawValue)")] }
            return loosened(own, under: given)
        case (.order(let own), .order(let given)): return loosened(own, under: given)
        case (.allowed(let own, let values), .allowed(let given, let valuesAbove)):
            guard own == given else { return [("of", "it is about the \(given.rawValue), not the \(own.rawValue)")] }
            let more = values.filter { value in !valuesAbove.contains { sameBytes($0, value) } }
            return more.isEmpty ? [] : [("values", "it does not allow \(more.joined(separator: ", "))")]
        case (.coolingOff(let own), .coolingOff(let given)):
            return own < given ? [("days", "\(own) days are fewer than \(given)")] : []
        case (.derived, .derived): return []
        case (.condition(let own), .condition(let given)):
            return own.source == given.source
                ? [] : [("when", "two conditions cannot be compared; give the new one an id of its own")]
        default: return [("check", "it checks \(above.check.rawValue); give another check an id of its own")]
        }
    }

    private static func loosened(_ own: [Money], under above: [Money]) -> [(member: String, what: String)] {
        for (index, limit) in own.enumerated() {
            guard let given = above.first(where: { $0.currency == limit.currency }) else {
                return [("limits/\(index)/currency", "it has no limit in \(limit.currency), so every act in it is bound")]
            }
            if limit.minorUnits > given.minorUnits {
                return [("limits/\(index)/amount", "\(limit) is more than \(given)")]
            }
        }
        return []
    }
}
