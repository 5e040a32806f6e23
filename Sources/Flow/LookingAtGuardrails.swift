package import Kernel
internal import Policies
internal import Postgres
package import Records
internal import Workflows

/// Guardrails for people: which there are, what they bound, and how much of a day's sums is used. Reads only.
extension Looking {
    /// Days that pages and lists look back.
    package static let guardrailDays = 30
    static let guardrailPageMax = 500

    /// One act under guardrails, with what its run is about.
    package struct ListedAct: Sendable {
        package let act: GuardrailActRow
        package let subject: String
        package let counterparty: String

        init(_ row: Row) throws {
            act = try GuardrailActRow(row)
            subject = try row.get("subject", as: String?.self) ?? ""
            counterparty = try row.get("counterparty", as: String?.self) ?? ""
        }
    }

    /// A rule in force, and what it bound.
    package struct ListedGuardrail: Sendable {
        package let scope: String
        package let policy: String
        package let version: String
        package let rule: String
        package let label: String
        package let sentence: String
        package let effect: String
        package let reason: String
        package let bound: Int
        /// How many of these went through in the end.
        package let through: Int
    }

    /// The sum of what counts on a day.
    package struct DaySum: Sendable {
        package let kind: String
        /// In units of the currency.
        package let amount: String
        package let currency: String
    }

    /// Every rule that binds the tenant now, nearest level first, with what it bound in the last days.
    package func guardrails(_ tenant: TenantID) async throws -> [ListedGuardrail] {
        guard let guardrails = try await assets.current(for: tenant).guardrails else { return [] }
        let since = platform.clock.now.adding(seconds: Int64(Looking.guardrailDays) * -86_400)
        let rows = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(GuardrailQueries.counts(tenant: tenant, since: since))
        }
        var counts: [String: (bound: Int, through: Int)] = [:]
        for row in rows {
            let key = [
                try row.get("scope", as: String.self), try row.get("policy", as: String.self),
                try row.get("rule", as: String.self),
            ].joined(separator: "/")
            counts[key] = (Int(try row.get("bound", as: Int64.self)), Int(try row.get("through", as: Int64.self)))
        }
        return guardrails.levels.flatMap { level -> [ListedGuardrail] in
            func listed(
                _ rule: String, _ label: String, _ sentence: String, _ effect: String, _ reason: String
            ) -> ListedGuardrail {
                let count = counts["\(level.scope)/\(level.name)/\(rule)"] ?? (0, 0)
                return ListedGuardrail(
                    scope: level.scope, policy: level.name, version: level.version, rule: rule, label: label, sentence: sentence,
                    effect: effect, reason: reason, bound: count.bound, through: count.through)
            }
            guard let rules = level.policy?.guardrails?.rules else {
                let finding = GuardFinding(unreadable: level)
                return [listed(finding.rule, finding.label, "every act is held", finding.effect.rawValue, finding.reason)]
            }
            return rules.map { listed($0.id, $0.label, $0.sentence, $0.effect.rawValue, $0.reason) }
        }
    }

    /// One page of acts, newest first.
    package func guardedActs(
        _ tenant: TenantID, run: RunID? = nil, boundOnly: Bool = true, before: (Moment, AnyID)? = nil, limit: Int
    ) async throws -> [ListedAct] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(
                GuardrailQueries.page(
                    tenant: tenant, run: run, boundOnly: boundOnly, before: before, limit: min(limit, Looking.guardrailPageMax))
            ).map(ListedAct.init)
        }
    }

    /// What counts today, by the tenant's own day.
    package func guardedToday(_ tenant: TenantID) async throws -> [DaySum] {
        guard let guardrails = try await assets.current(for: tenant).guardrails else { return [] }
        let day = guardrails.day(of: platform.clock.now)
        return try await platform.store.withTenant(tenant) { tx in
            try await tx.query(GuardrailQueries.day(tenant: tenant, day: day))
        }.compactMap { row in
            let code = try row.get("currency", as: String.self)
            guard let currency = Currency(code), let minor = Int128(try row.get("amount", as: String.self)) else { return nil }
            return DaySum(
                kind: try row.get("kind", as: String.self),
                amount: ExactDecimal(mantissa: minor, scale: currency.minorDigits).description, currency: code)
        }
    }

    /// Why the engine would not take this person's signature under a case about a guardrail.
    func objection(of actor: Actor, toCase task: TaskRow, state: RunState) throws -> Refusal? {
        guard task.kind == HumanRequest.Kind.approval.rawValue else { return nil }
        let request = try HumanRequest(json: task.request)
        do throws(Refusal) {
            _ = try GuardCase.permit(
                PersonDecision(
                    taskKey: task.key, person: actor.person, roles: actor.roles, verdict: "approve", reason: nil,
                    objectHash: task.objectHash ?? "", natural: actor.natural, behalf: actor.behalf), task, request, state: state)
            return nil
        } catch {
            return error
        }
    }

    /// Acts as decisions that a new version of their guardrails can be asked about, those that nothing bound too.
    func guardedDecisions(
        _ policy: String, tenant: TenantID, since: Moment?, limit: Int
    ) async throws -> (
        decisions: [PolicyImpact.Recorded], isComplete: Bool
    ) {
        var out: [PolicyImpact.Recorded] = []
        var cursor: (Moment, AnyID)?
        while out.count < limit {
            let wanted = min(Looking.guardrailPageMax, limit - out.count)
            let page = try await guardedActs(tenant, boundOnly: false, before: cursor, limit: wanted)
            for listed in page {
                if let since, listed.act.at < since { return (out, true) }
                out.append(listed.recorded(of: policy))
            }
            guard let last = page.last, page.count == wanted else { return (out, true) }
            cursor = (last.act.at, last.act.id)
        }
        return (out, false)
    }
}

extension Looking.ListedAct {
    /// What the policy of that name made of the act.
    fileprivate func recorded(of policy: String) -> PolicyImpact.Recorded {
        let own = (act.bound.array ?? []).filter { $0["policy"]?.string == policy }
        let effects = own.compactMap { $0["effect"]?.string }
        let effect = ["forbid", "hold", "approval"].first { effects.contains($0) } ?? "none"
        let approvals = own.filter { $0["role"] != nil }.map { finding -> JSONValue in
            ["role": finding["role"] ?? .null, "quorum": finding["quorum"] ?? 1]
        }
        var amount: Money?
        if let minor = act.amountMinor, let currency = act.currency.flatMap({ Currency($0) }) {
            amount = try? Money(minorUnits: minor, currency: currency)  // the column was an amount; one out of range is untold
        }
        return PolicyImpact.Recorded(
            receipt: [
                "policy": .string(policy), "version": own.first?["version"] ?? "",
                "outcome": ["effect": .string(effect), "approvals": .array(approvals)], "inputs": act.facts,
                "rules": .array(own.map { ["id": $0["rule"] ?? "", "label": $0["label"] ?? ""] }),
            ], at: act.at, run: act.run.text, subject: subject, counterparty: counterparty, amount: amount)
    }
}
