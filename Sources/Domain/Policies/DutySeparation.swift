package import Kernel

/// Which duties one natural person may not combine.
///
/// A dynamic rule forbids using both on one chain of objects (this invoice, its holds, its payment); a static rule forbids
/// holding both. Persons are compared as human beings: two accounts of one person are one person.
package struct DutySeparation: Sendable {
    package static let rulesMax = 200

    package enum Mode: String, Sendable, CaseIterable { case dynamic, `static` }
    package enum Severity: String, Sendable, CaseIterable { case critical, high, medium }

    package struct Rule: Sendable, Equatable {
        package let id: String
        package let duty: String
        package let conflicts: String
        package let mode: Mode
        package let severity: Severity
        /// Said to who did `duty` and now wants `conflicts`: what happened and the way out.
        package let message: String
        /// Said the other way round.
        package let reverseMessage: String
    }

    /// One thing a person did on the chain.
    package struct Act: Sendable, Hashable {
        package let duty: String
        /// The natural person, by any stable identifier.
        package let person: String

        package init(duty: String, person: String) {
            self.duty = duty
            self.person = person
        }
    }

    package let rules: [Rule]

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> DutySeparation? {
        reader.close(Policy.commonMembers + ["rules"], issues: &issues)
        var rules: [Rule] = []
        for item in reader.list("rules", upTo: rulesMax, isRequired: true, issues: &issues) {
            guard let rule = AssetReader(item.value, at: item.pointer, "rule", issues: &issues) else { continue }
            rule.close(["id", "duty", "conflicts", "mode", "severity", "message", "reverseMessage"], issues: &issues)
            let id = rule.text("id", issues: &issues)
            let duty = rule.name("duty", issues: &issues)
            let conflicts = rule.name("conflicts", issues: &issues)
            let mode = rule.choice("mode", Mode.self, otherwise: .dynamic, issues: &issues)
            let severity = rule.choice("severity", Severity.self, otherwise: .high, issues: &issues)
            let message = rule.text("message", issues: &issues)
            let reverse = rule.optionalText("reverseMessage", issues: &issues)
            guard let id, let duty, let conflicts, let mode, let severity, let message else { continue }
            if rules.contains(where: { $0.id == id }) {
                issues.append(
                    AssetIssue(rule.path("id"), "The rule `\(id)` is written twice.", remedy: "Give each rule its own id."))
            }
            rules.append(
                Rule(
                    id: id, duty: duty, conflicts: conflicts, mode: mode, severity: severity, message: message,
                    reverseMessage: reverse ?? message))
        }
        if rules.isEmpty { issues.append(AssetIssue(reader.pointer, "There is no rule.", remedy: "Add `rules`.")) }
        return DutySeparation(rules: rules)
    }

    /// Refuses with the rule's id when the person already did on the chain what conflicts with the duty.
    package func permit(duty: String, by person: String, chain: [Act]) throws(Refusal) {
        guard let conflict = conflict(duty: duty, by: person, chain: chain) else { return }
        throw Refusal(
            .forbidden, reason: "sod.\(conflict.rule.id)", conflict.message,
            facts: [
                "rule": conflict.rule.id, "duty": duty, "conflictsWith": conflict.act.duty, "person": person,
                "severity": conflict.rule.severity.rawValue,
            ])
    }

    package func permit(duty: String, by person: PersonID, chain: [Act]) throws(Refusal) {
        try permit(duty: duty, by: person.text, chain: chain)
    }

    /// Ids of the dynamic rules that a duty takes part in: the receipt says that these were asked.
    package func rulesAsked(about duty: String) -> [String] {
        rules.filter { $0.mode == .dynamic && ($0.duty == duty || $0.conflicts == duty) }.map(\.id)
    }

    /// Static rules that a person holding these duties breaks.
    package func staticConflicts(among duties: Set<String>) -> [Rule] {
        rules.filter { $0.mode == .static && duties.contains($0.duty) && duties.contains($0.conflicts) }
    }

    private func conflict(duty: String, by person: String, chain: [Act]) -> (rule: Rule, act: Act, message: String)? {
        for rule in rules where rule.mode == .dynamic {
            for act in chain where sameBytes(act.person, person) {
                if rule.conflicts == duty && rule.duty == act.duty { return (rule, act, rule.message) }
                if rule.duty == duty && rule.conflicts == act.duty { return (rule, act, rule.reverseMessage) }
            }
        }
        return nil
    }

    /// For tests and previews: `{duty, person, chain: [{duty, person}]}` gives `{permitted, rule?, message?}`; `{duties: […]}`
    /// gives the static conflicts.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        if let duties = input["duties"]?.array {
            let found = staticConflicts(among: Set(duties.compactMap(\.string)))
            return PolicyAnswer(
                outcome: ["permitted": .bool(found.isEmpty), "conflicts": .array(found.map { .string($0.id) })],
                rulesFired: found.map { PolicyDecision.Rule(id: $0.id, label: $0.message) }, inputsUsed: input)
        }
        guard let duty = input["duty"]?.string, let person = input["person"]?.string, let chain = input["chain"]?.array else {
            throw Refusal(.invalid, reason: "policy.input", "Duty separation asks for a duty, a person and the chain of acts.")
        }
        var acts: [Act] = []
        for item in chain {
            guard let duty = item["duty"]?.string, let person = item["person"]?.string else {
                throw Refusal(.invalid, reason: "policy.input", "An act names a duty and a person.")
            }
            acts.append(Act(duty: duty, person: person))
        }
        guard let conflict = conflict(duty: duty, by: person, chain: acts) else {
            return PolicyAnswer(outcome: ["permitted": true], rulesFired: [], inputsUsed: input)
        }
        return PolicyAnswer(
            outcome: ["permitted": false, "rule": .string(conflict.rule.id), "message": .string(conflict.message)],
            rulesFired: [PolicyDecision.Rule(id: conflict.rule.id, label: conflict.message)], inputsUsed: input)
    }
}
