import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing

@testable import Flow

/// Guardrails of a story's tenant, and what is kept of them.
extension Stage {
    static func limit(
        _ id: String, _ amount: String, per: String = "act", acts: [JSONValue] = ["posting"], effect: String, role: String? = nil,
        quorum: Int = 1
    ) -> JSONValue {
        .object([
            "id": .string(id), "label": .string("The rule \(id)"), "acts": .array(acts), "check": "amount", "per": .string(per),
            "limits": [["amount": .string(amount), "currency": "EUR"]], "effect": .string(effect),
            "role": role.map(JSONValue.string), "quorum": role.map { _ in JSONValue(quorum) },
            "reason": "It is too much.",
        ])
    }

    static func guardrails(_ rules: [JSONValue], name: String = "house-guardrails", version: String = "1.0") -> JSONValue {
        [
            "kind": "guardrails", "name": .string(name), "version": .string(version), "title": "Guardrails",
            "rules": .array(rules),
        ]
    }

    /// Publishes guardrails for the first firm, beside what it has.
    func guarded(
        by rules: [JSONValue], version: String = "1.0", workflow: String = "accounts-payable", beside: [Applying.Asset] = []
    ) async throws {
        try await publish(
            content: Stage.guardrails(rules, version: version), version: version, workflow: workflow, beside: beside)
    }

    func publish(
        content: JSONValue, version: String, workflow: String = "accounts-payable", beside: [Applying.Asset] = []
    ) async throws {
        let slug = firm.scope.slug
        try await publish(
            SampleConfiguration.tenant(slug, approvalTarget: "20h", settleSeconds: 25, workflow: workflow) + beside + [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "policy", name: "house-guardrails",
                    version: version, content: content)
            ])
        house.assets.invalidate()
    }

    static func make(guardedBy rules: [JSONValue]) async throws -> Stage {
        let stage = try await Stage.make()
        try await stage.guarded(by: rules)
        return stage
    }

    func acts() async throws -> [GuardrailActRow] {
        try await house.looking.guardedActs(firm.id, boundOnly: false, limit: 500).map(\.act)
    }

    /// Cases about guardrails that are open.
    func cases() async throws -> [TaskRow] {
        try await requests("approval").filter(GuardCase.isOne) + (try await requests("exception").filter(GuardCase.isOne))
    }

    /// Sums as they are kept against sums of what counts, by kind, day, currency and supplier; empty when they agree.
    func miscounts() async throws -> [String] {
        let id = firm.id
        return try await store.withTenant(id) { tx in
            let rows = try await tx.query(
                """
                WITH counted AS (
                    SELECT a.kind, a.day, a.currency, s.supplier, sum(a.amount_minor) AS amount FROM guardrail_act a,
                        LATERAL (SELECT '' AS supplier UNION SELECT a.supplier) AS s
                    WHERE a.tenant_id = \(id) AND a.state IN ('reserved', 'done') AND a.currency IS NOT NULL GROUP BY 1, 2, 3, 4),
                kept AS (SELECT kind, day, currency, supplier, amount_minor AS amount FROM guardrail_total
                    WHERE tenant_id = \(id) AND amount_minor <> 0)
                SELECT coalesce(c.kind, k.kind) || ' ' || coalesce(c.day, k.day)::text || ' ' || coalesce(c.supplier, k.supplier)
                    || ': ' || coalesce(c.amount, 0)::text || ' counts, ' || coalesce(k.amount, 0)::text || ' is kept' AS line
                FROM counted c FULL JOIN kept k USING (kind, day, currency, supplier)
                WHERE c.amount IS DISTINCT FROM k.amount
                """)
            return try rows.map { try $0.get("line", as: String.self) }
        }
    }

    /// The largest sum of a day that counts, in minor units.
    func largestDay(_ kind: String) async throws -> Int64 {
        let id = firm.id
        return try await store.withTenant(id) { tx in
            let row = try await tx.query(
                """
                SELECT coalesce(max(amount), 0)::bigint AS most FROM (SELECT sum(amount_minor) AS amount FROM guardrail_act
                WHERE tenant_id = \(id) AND kind = \(kind) AND state IN ('reserved', 'done') GROUP BY day) AS d
                """
            ).only()
            return try row.get("most", as: Int64.self)
        }
    }
}
