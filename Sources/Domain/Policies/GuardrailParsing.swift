import Expressions
import Kernel

extension Guardrails {
    private static let ruleMembers = ["id", "label", "acts", "check", "effect", "role", "quorum", "reason"]

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> Guardrails? {
        reader.close(Policy.commonMembers + ["rules"], issues: &issues)
        var rules: [Rule] = []
        let items = reader.list("rules", upTo: rulesMax, isRequired: true, issues: &issues)
        for item in items {
            guard let object = AssetReader(item.value, at: item.pointer, "rule", issues: &issues),
                let rule = parseRule(object, issues: &issues)
            else { continue }
            if rules.contains(where: { $0.id == rule.id }) {
                issues.append(
                    AssetIssue(object.path("id"), "The rule `\(rule.id)` is written twice.", remedy: "Give each rule its own id.")
                )
            }
            rules.append(rule)
        }
        if items.isEmpty { issues.append(AssetIssue(reader.pointer, "There is no rule.", remedy: "Add `rules`.")) }
        return Guardrails(rules: rules)
    }

    private static func parseRule(_ rule: AssetReader, issues: inout [AssetIssue]) -> Rule? {
        let id = rule.name("id", issues: &issues)
        let label = rule.text("label", issues: &issues)
        let reason = rule.text("reason", issues: &issues)
        let effect = rule.choice("effect", Effect.self, otherwise: nil, issues: &issues)
        let acts = parseActs(rule, issues: &issues)
        guard let check = rule.choice("check", Check.self, otherwise: nil, issues: &issues) else { return nil }
        let term = parseTerm(check, rule, issues: &issues)
        let signers = effect.flatMap { parseSigners($0, rule, issues: &issues) }
        guard let id, let label, let reason, let effect, let term, effect != .approval || signers != nil else { return nil }
        return Rule(
            id: id, label: label, acts: acts, term: term, effect: effect, signers: signers, reason: reason, pointer: rule.pointer)
    }

    private static func parseActs(_ rule: AssetReader, issues: inout [AssetIssue]) -> [GuardedAct.Kind] {
        guard rule.object["acts"] != nil else { return GuardedAct.Kind.allCases }
        var acts: [GuardedAct.Kind] = []
        for (index, text) in rule.texts("acts", upTo: GuardedAct.Kind.allCases.count, issues: &issues).enumerated() {
            guard let kind = GuardedAct.Kind(rawValue: text) else {
                let near = AssetReader.nearest(to: text, among: GuardedAct.Kind.allCases.map(\.rawValue))
                issues.append(
                    AssetIssue(
                        "\(rule.path("acts"))/\(index)", "There is no act `\(text.prefix(60))`.",
                        remedy: near.map { "Did you mean `\($0)`?" } ?? "Write posting or payment."))
                continue
            }
            acts.append(kind)
        }
        if acts.isEmpty {
            issues.append(
                AssetIssue(
                    rule.path("acts"), "The rule is about no act.", remedy: "Name posting or payment, or remove `acts` for both.")
            )
        }
        return acts
    }

    private static func parseSigners(_ effect: Effect, _ rule: AssetReader, issues: inout [AssetIssue]) -> Signers? {
        guard effect == .approval else {
            for name in ["role", "quorum"] where rule.object[name] != nil {
                issues.append(
                    AssetIssue(
                        rule.path(name), "Nobody signs past a rule whose effect is `\(effect.rawValue)`.",
                        remedy: "Remove `\(name)`, or make the effect `approval`."))
            }
            return nil
        }
        let role = rule.name("role", issues: &issues)
        let quorum = rule.int("quorum", in: 1...quorumMax, otherwise: 1, issues: &issues)
        guard let role, let quorum else { return nil }
        return Signers(role: role, quorum: quorum)
    }

    private static func parseTerm(_ check: Check, _ rule: AssetReader, issues: inout [AssetIssue]) -> Term? {
        func close(_ own: String...) { rule.close(ruleMembers + own, issues: &issues) }
        switch check {
        case .amount:
            close("limits", "per")
            let per = rule.choice("per", Period.self, otherwise: nil, issues: &issues)
            guard let limits = parseLimits(rule, issues: &issues), let per else { return nil }
            return .amount(limits: limits, per: per)
        case .allowed:
            close("of", "values")
            guard let subject = rule.choice("of", Subject.self, otherwise: nil, issues: &issues) else { return nil }
            return .allowed(of: subject, values: parseValues(subject, rule, issues: &issues))
        case .order:
            close("limits")
            return parseLimits(rule, issues: &issues).map { .order(above: $0) }
        case .coolingOff:
            close("days")
            return rule.int("days", in: 1...daysMax, otherwise: nil, issues: &issues).map { .coolingOff(days: $0) }
        case .derived:
            close()
            return .derived
        case .condition:
            close("when")
            guard let text = rule.text("when", issues: &issues) else { return nil }
            return CompiledExpression.compile(text, in: scope, wanted: .bool, pointer: rule.path("when"), issues: &issues)
                .map { .condition($0) }
        }
    }

    private static func parseValues(_ subject: Subject, _ rule: AssetReader, issues: inout [AssetIssue]) -> [String] {
        guard rule.object["values"] != nil else {
            rule.missing("values", issues: &issues)
            return []
        }
        let values = rule.texts("values", upTo: valuesMax, issues: &issues)
        if subject == .currency {
            for (index, code) in values.enumerated() where Currency(code) == nil {
                issues.append(
                    AssetIssue(
                        "\(rule.path("values"))/\(index)", "`\(code.prefix(20))` is no currency.",
                        remedy: "Use a code of ISO 4217, such as EUR."))
            }
        }
        if values.isEmpty {
            issues.append(
                AssetIssue(rule.path("values"), "Nothing is allowed, so everything is bound.", remedy: "Name what is allowed."))
        }
        return values
    }

    private static func parseLimits(_ rule: AssetReader, issues: inout [AssetIssue]) -> [Money]? {
        var limits: [Money] = []
        for item in rule.list("limits", upTo: valuesMax, isRequired: true, issues: &issues) {
            guard let limit = AssetReader(item.value, at: item.pointer, "limit", issues: &issues) else { continue }
            limit.close(["amount", "currency"], issues: &issues)
            guard let text = limit.text("amount", issues: &issues), let code = limit.text("currency", issues: &issues) else {
                continue
            }
            guard let currency = Currency(code) else {
                issues.append(
                    AssetIssue(
                        limit.path("currency"), "`\(code.prefix(20))` is no currency.",
                        remedy: "Use a code of ISO 4217, such as EUR."))
                continue
            }
            do throws(Refusal) {
                let money = try Amount(text, currency: currency).money()
                guard money.minorUnits >= 0 else {
                    issues.append(AssetIssue(limit.path("amount"), "A limit is not below zero.", remedy: "Write its size."))
                    continue
                }
                if limits.contains(where: { $0.currency == currency }) {
                    issues.append(
                        AssetIssue(limit.pointer, "\(code) has a limit already.", remedy: "Keep one limit for each currency."))
                }
                limits.append(money)
            } catch {
                issues.append(
                    AssetIssue(
                        limit.path("amount"), error.message,
                        remedy: "Write digits in quotes, with at most \(currency.minorDigits) decimals."))
            }
        }
        if limits.isEmpty, rule.object["limits"] != nil {
            issues.append(
                AssetIssue(rule.path("limits"), "There is no limit that can be used.", remedy: "Write an amount and a currency."))
        }
        return limits.isEmpty ? nil : limits
    }
}
