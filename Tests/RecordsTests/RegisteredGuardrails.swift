import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    static let guardrails: [RegisteredStatement] = [
        engine("GuardrailQueries.load", GuardrailQueries.load(lane: 1, tenant: one.id, ids: [one.guardrailAct.id])),
        engine(
            "GuardrailQueries.totals",
            GuardrailQueries.totals(lane: 1, tenant: one.id, kind: "posting", day: one.guardrailAct.day, suppliers: ["s"])),
        engine("GuardrailQueries.changes", GuardrailQueries.changes(lane: 1, tenant: one.id, suppliers: ["s"])),
        engine("GuardrailQueries.put", GuardrailQueries.put([one.guardrailAct], at: now)),
        engine("GuardrailQueries.count", GuardrailQueries.count(lane: 1, [one.guardrailAct])),
        engine(
            "GuardrailQueries.finish",
            GuardrailQueries.finish(
                lane: 1, tenants: [one.id], ids: [one.guardrailAct.id], states: ["returned"], at: now)),
        engine(
            "GuardrailQueries.judge",
            GuardrailQueries.judge(lane: 1, tenant: one.id, id: one.guardrailAct.id, verdict: [:], at: now)),
        engine("GuardrailQueries.observe", GuardrailQueries.observe(lane: 1, [one.supplierAccount], at: now)),
        app(
            "GuardrailQueries.page",
            GuardrailQueries.page(tenant: one.id, run: nil, boundOnly: false, before: nil, limit: 5)),
        app(
            "GuardrailQueries.page",
            GuardrailQueries.page(
                tenant: one.id, run: one.run, boundOnly: true, before: (now, one.guardrailAct.id), limit: 5)),
        app("GuardrailQueries.counts", GuardrailQueries.counts(tenant: one.id, since: now)),
        app("GuardrailQueries.day", GuardrailQueries.day(tenant: one.id, day: one.guardrailAct.day)),
    ]
}

extension SampleTenant {
    var guardrailAct: GuardrailActRow {
        GuardrailActRow(
            tenant: id, id: AnyID(high: run.high, low: run.low), lane: lane, kind: "payment", run: run,
            day: CivilDate(utc: Self.now), supplier: "s", currency: "EUR", amountMinor: 1, state: "reserved", facts: [:],
            bound: [], at: Self.now)
    }

    var supplierAccount: SupplierAccountRow {
        SupplierAccountRow(tenant: id, supplier: "s", connection: "erp", fingerprint: "f")
    }
}
