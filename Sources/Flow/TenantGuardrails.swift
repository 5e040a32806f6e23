internal import Kernel
package import Policies
internal import Records
internal import Seals

/// The guardrails of one tenant: those of the operator, of its partner and its own, which all bind together.
///
/// They are those in force now and not those of a run's start: a run that goes on for weeks is bound by what holds today.
package struct TenantGuardrails: Sendable {
    package struct Level: Sendable {
        /// Kind and short name of the scope: `operator`, `partner vela`.
        package let scope: String
        package let name: String
        package let version: String
        /// Nil for one that cannot be read, which holds every act until it can.
        package let policy: Policy?
    }

    /// Nearest first.
    package let levels: [Level]
    /// For the days that sums are kept by.
    let zone: ZoneRules?

    /// Nil when no scope of the line has any.
    init?(_ rows: [(scope: ScopeRow, asset: AssetRow)], timeZone: String, read: (AssetRow) -> Policy?) {
        let own = rows.filter { $0.asset.kind == "policy" && $0.asset.content["kind"]?.string == Policy.Kind.guardrails.rawValue }
        guard !own.isEmpty else { return nil }
        levels = own.map { scope, asset in
            Level(
                scope: scope.kind == "operator" ? "operator" : "\(scope.kind) \(scope.slug)", name: asset.name,
                version: asset.version, policy: read(asset).flatMap { $0.guardrails == nil ? nil : $0 })
        }
        zone = try? ZoneRules.load(timeZone)  // checked when the tenant was applied; days are those of Greenwich without it
    }

    /// Whether a rule asks what the run as a whole carries.
    var asksForMarks: Bool {
        levels.contains { $0.policy?.guardrails?.rules.contains { $0.term.check == .derived } ?? false }
    }

    var readsInvoice: Bool { levels.contains { $0.policy?.guardrails?.readsInvoice ?? false } }

    func day(of now: Moment) -> CivilDate { zone?.localTime(at: now).date ?? CivilDate(utc: now) }

    func midnight(after day: CivilDate) -> Moment {
        let next = day.adding(days: 1)
        return zone?.instant(of: next, secondOfDay: 0) ?? Moment(seconds: Int64(next.daysSince1970) * 86_400)
    }

    /// Everything that binds an act now.
    func findings(about act: GuardedAct) -> [GuardFinding] {
        levels.flatMap { level -> [GuardFinding] in
            guard let guardrails = level.policy?.guardrails else { return [GuardFinding(unreadable: level)] }
            return guardrails.bind(act).map { GuardFinding($0, of: level) }
        }
    }

    /// What each policy that bound the act says, for the audit log.
    func receipts(about act: GuardedAct, salt: String, hash: (JSONValue) -> String) -> [JSONValue] {
        levels.compactMap { level in
            guard let decision = level.policy?.guarding(act), !decision.rulesFired.isEmpty else { return nil }
            return decision.receipt(salt: salt, hash: hash)
        }
    }

    /// An act as its row keeps it. An invoice that a condition reads is kept with its run, here as a fingerprint.
    func facts(of act: GuardedAct) -> JSONValue {
        guard case .object(var members) = act.json(withInvoice: false) else { return .null }
        if readsInvoice {
            // Amounts are text, so the invoice always has a canonical form.
            members["invoice"] = ["fingerprint": .string((try? ObjectHash.hexText(of: act.invoice)) ?? "")]
        }
        return .object(members)
    }
}

/// A rule that bound an act.
struct GuardFinding: Sendable, Equatable {
    let scope: String
    let policy: String
    let version: String
    let rule: String
    let label: String
    let effect: Guardrails.Effect
    let role: String?
    let quorum: Int
    let reason: String
    let check: Guardrails.Check?
    /// Whether a new day may lift it.
    let isOfDay: Bool

    init(_ rule: Guardrails.Rule, of level: TenantGuardrails.Level) {
        scope = level.scope
        policy = level.name
        version = level.version
        self.rule = rule.id
        label = rule.label
        effect = rule.effect
        role = rule.signers?.role
        quorum = rule.signers?.quorum ?? 0
        reason = rule.reason
        check = rule.term.check
        if case .amount(_, let per) = rule.term { isOfDay = per != .act } else { isOfDay = false }
    }

    init(unreadable level: TenantGuardrails.Level) {
        scope = level.scope
        policy = level.name
        version = level.version
        rule = "unreadable"
        label = "The guardrails \(level.name) of \(level.scope) cannot be read"
        effect = .hold
        role = nil
        quorum = 0
        reason = "Nothing is written or paid under rules that cannot be read. The engineers publish them anew; then look again."
        check = nil
        isOfDay = false
    }

    /// What a signature past it names: another version of the rule asks again.
    var key: String { "\(scope)/\(policy)@\(version)/\(rule)" }

    var json: JSONValue {
        .object([
            "scope": .string(scope), "policy": .string(policy), "version": .string(version), "rule": .string(rule),
            "label": .string(label), "effect": .string(effect.rawValue), "role": role.map(JSONValue.string),
            "quorum": role.map { _ in JSONValue(quorum) }, "reason": .string(reason),
        ])
    }
}

/// What becomes of an act.
enum GuardJudgement: Sendable, Equatable {
    case clear
    /// Waits for people or for the day; these bind it.
    case waits([GuardFinding])
    /// Does not happen; with the words for whoever waits for it.
    case barred([GuardFinding], String)

    /// `verdict` is what people said of the act so far: `{decision, rules, facts, reason}`. It speaks for just those facts.
    init(_ findings: [GuardFinding], verdict: JSONValue?, factsHash: String) {
        let speaks = verdict?["facts"]?.string == factsHash
        if speaks, verdict?["decision"]?.string == "declined", !findings.isEmpty {
            self = .barred(findings, verdict?["reason"]?.string ?? "")
            return
        }
        let signed = speaks ? (verdict?["rules"]?.array ?? []).compactMap(\.string) : []
        let left = findings.filter { $0.effect != .approval || !signed.contains($0.key) }
        if let forbidden = left.first(where: { $0.effect == .forbid }) {
            self = .barred(left, "\(forbidden.label). \(forbidden.reason)")
        } else {
            self = left.isEmpty ? .clear : .waits(left)
        }
    }
}
