import Handoff
import Kernel
import Records
import Tenancy
import Testing
import Workflows

@testable import Flow

@Suite("guardrails bind every run, whatever its workflow says")
struct GuardrailTests {
    private func reason(_ answer: CommandDesk.Answer) -> String {
        if case .refused(let refusal) = answer { refusal.reason } else { "" }
    }

    @Test("a posting above the limit never reaches the ledger, and the run hears why")
    func forbidden() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("size", "900.00", effect: "forbid")])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.house.looking.guardedActs(stage.firm.id, limit: 10).map(\.act.state) == ["bound"])
        let exception = try #require(try await stage.requests("exception").first)
        #expect(exception.request["code"]?.string == "ERP_REJECTED", "the workflow's own way of hearing of a refusal")
        #expect(exception.request["evidence"]?["error"]?["type"]?.string == "GUARDRAIL")
        let run = try await stage.run()
        #expect(try await stage.history(run).contains("guardrail.bound"))
        let decision = try #require(
            try await stage.house.looking.decisions(stage.firm.id, policy: "house-guardrails", limit: 5).first)
        #expect(decision.receipt["outcome"]?["effect"] == "forbid")
        #expect(decision.receipt["rules"]?[0]?["id"] == "size")
        // Asking again changes nothing: it is judged again and stays what it is.
        try await stage.decide("retry", on: exception, by: "ruth", reason: "Once more.")
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("what is within the limit goes its way and is counted once")
    func within() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("size", "952.00", effect: "forbid")])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.run().outcome == "posted")
        let act = try #require(try await stage.acts().first)
        #expect(act.state == "done")
        #expect(act.amountMinor == 95_200)
        #expect(act.supplier == "S-100")
        #expect(try await stage.house.looking.guardedToday(stage.firm.id).map(\.amount) == ["952.00"])
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("a posting waits for as many different signatures as the rule asks, none of whom had a hand in the run")
    func signed() async throws {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("size", "900.00", effect: "approval", role: "approver", quorum: 2)])
        try await stage.receive(SampleDocument())
        try await stage.work()
        let waiting = try #require(try await stage.cases().first)
        #expect(waiting.kind == "approval")
        #expect(try await stage.books().bills.isEmpty)
        #expect(reason(try await stage.decide("approve", on: waiting, by: "tessa")) == "request.role")
        #expect(reason(try await stage.decide("approve", on: waiting, by: "maya")) == "sod.guardrail", "she recorded it")
        #expect(reason(try await stage.decide("approve", on: waiting, by: "jonas", hash: "another")) == "request.changed")
        let (looking, firm) = (await stage.house.looking, await stage.firm)
        let run = try await stage.run()
        #expect(try await looking.objection(to: try firm.actor("maya"), signing: waiting, run: run)?.reason == "sod.guardrail")
        #expect(try await looking.objection(to: try firm.actor("jonas"), signing: waiting, run: run) == nil)
        guard case .done = try await stage.decide("approve", on: waiting, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty, "one of two")
        #expect(reason(try await stage.decide("approve", on: waiting, by: "jonas")) == "sod.distinct-signers")
        guard case .done = try await stage.decide("approve", on: waiting, by: "petra") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.run().outcome == "posted")
        #expect(try await stage.cases().isEmpty)
        let audit = try await stage.books().audit
        for entry in ["guardrail.opened × 1", "guardrail.signed × 2", "guardrail.approved × 1"] {
            #expect(audit.contains(entry), "\(entry) in \(audit)")
        }
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("a signature past a guardrail needs a limit that reaches as far as any other")
    func beyondLimit() async throws {
        let stage = try await Stage.make(limits: ["jonas": ("100.00", "EUR")])
        let slug = await stage.firm.scope.slug
        let scope = Scope.tenant(slug, partner: SampleConfiguration.partner)
        try await stage.publish(
            SampleConfiguration.tenant(
                slug, approvalTarget: "20h", settleSeconds: 25, limits: ["jonas": ("100.00", "EUR")]) + [
                    Applying.Asset(
                        scope: scope, kind: "policy", name: "house-guardrails", version: "1.0",
                        content: Stage.guardrails([
                            Stage.limit("size", "900.00", effect: "approval", role: "approver")
                        ]))
                ])
        await stage.house.assets.invalidate()
        try await stage.receive(SampleDocument())
        try await stage.work()
        let waiting = try #require(try await stage.cases().first)
        #expect(reason(try await stage.decide("approve", on: waiting, by: "jonas")) == "approval.limit")
    }

    @Test("who declines ends the act with a reason; asked for again, people are asked again")
    func declined() async throws {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("size", "900.00", effect: "approval", role: "approver")])
        try await stage.receive(SampleDocument())
        try await stage.work()
        let waiting = try #require(try await stage.cases().first)
        #expect(reason(try await stage.decide("reject", on: waiting, by: "jonas")) == "request.reason")
        try await stage.decide("reject", on: waiting, by: "jonas", reason: "Nobody ordered this.")
        try await stage.work()
        let exception = try #require(try await stage.requests("exception").first)
        let detail = try #require(exception.request["evidence"]?["error"]?["detail"]?.string)
        #expect(detail.contains("Nobody ordered this."))
        try await stage.decide("retry", on: exception, by: "ruth", reason: "It was ordered by phone.")
        try await stage.work()
        let second = try #require(try await stage.cases().first)
        #expect(second.id != waiting.id)
        try await stage.decide("approve", on: second, by: "petra")
        try await stage.work()
        #expect(try await stage.run().outcome == "posted")
    }

    @Test("what is too much for the day waits for the next, without anybody's hand, and nobody can sign it past")
    func nextDay() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("day", "1500.00", per: "day", effect: "hold")])
        try await stage.receive(SampleDocument())
        try await stage.work()
        try await stage.receive(SampleDocument(number: "R-2", gross: "700.00", order: "PO-700.00"))
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
        let waiting = try #require(try await stage.cases().first)
        #expect(waiting.kind == "exception")
        #expect(reason(try await stage.decide("approve", on: waiting, by: "ruth")) == "request.verdict")
        try await stage.decide(GuardStop.lookAgain, on: waiting, by: "ruth")
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
        #expect(try await stage.cases().count == 1, "it is still too much today")
        try await stage.workUntil("the next day") { try await stage.books().bills == ["R-1", "R-2"] }
        #expect(try await stage.cases().isEmpty)
        #expect(Set(try await stage.acts().map(\.day)).count == 2)
        #expect(try await stage.largestDay("posting") <= 150_000)
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("a write that the ledger refuses gives back what it took, so that another fits into the day")
    func givenBack() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("day", "1000.00", per: "day", effect: "forbid")])
        stage.ledger.change { $0.refusals = 1 }
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.acts().map(\.state) == ["returned"])
        try await stage.receive(SampleDocument(number: "R-2", gross: "700.00", order: "PO-700.00"))
        try await stage.work()
        #expect(try await stage.books().bills == ["R-2"])
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("a write of which nobody knows whether it happened keeps its place in the day until a search tells")
    func inDoubt() async throws {
        let stage = try await Stage.make(guardedBy: [Stage.limit("day", "1000.00", per: "day", effect: "forbid")])
        try await stage.receive(SampleDocument())
        var write: WorkLease?
        for _ in 0..<50 where write == nil {
            for lease in try await stage.lease() {
                if lease.kind == .erpWrite {
                    write = lease
                } else {
                    try await stage.report(try await stage.attempt(lease))
                }
            }
        }
        _ = try await stage.attempt(try #require(write))
        await stage.replaceWorker()
        #expect(try await stage.acts().map(\.state) == ["reserved"])
        try await stage.receive(SampleDocument(number: "R-2", gross: "700.00", order: "PO-700.00"))
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"], "the second one would be too much if the first is there")
        try await stage.workUntil("the search") { try await stage.acts().contains { $0.state == "done" } }
        #expect(try await stage.books().bills == ["R-1"])
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("rules of all levels bind together: one of the tenant's that is milder takes nothing back")
    func levels() async throws {
        let stage = try await Stage.make()
        let slug = await stage.firm.scope.slug
        try await stage.guarded(by: [Stage.limit("size", "900.00", effect: "forbid")])
        // As a tenant's own file under another name would say it: nothing of the first is lost.
        try await stage.guarded(
            by: [Stage.limit("size", "900.00", effect: "forbid")], version: "1.0",
            beside: [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "policy", name: "own-guardrails",
                    version: "1",
                    content: Stage.guardrails(
                        [Stage.limit("size", "5000.00", effect: "approval", role: "approver")],
                        name: "own-guardrails", version: "1"))
            ])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        let listed = try await stage.house.looking.guardrails(stage.firm.id)
        #expect(listed.map(\.policy).sorted() == ["house-guardrails", "own-guardrails"])
        #expect(listed.first { $0.policy == "house-guardrails" }?.bound == 1)
        #expect(listed.first { $0.policy == "own-guardrails" }?.bound == 0)
    }

    @Test("guardrails that cannot be read hold every act until they can")
    func unreadable() async throws {
        let stage = try await Stage.make()
        try await stage.publish(
            content: ["kind": "guardrails", "name": "house-guardrails", "rules": "none"], version: "1.0")
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        let waiting = try #require(try await stage.cases().first)
        try await stage.guarded(by: [Stage.limit("size", "5000.00", effect: "forbid")], version: "2.0")
        try await stage.decide(GuardStop.lookAgain, on: waiting, by: "ruth")
        try await stage.work()
        #expect(try await stage.run().outcome == "posted")
    }

    @Test("what a model derived needs a person, and an invoice without an order does above the limit")
    func marksAndOrders() async throws {
        let derived: JSONValue = [
            "id": "derived", "label": "Derived", "check": "derived", "effect": "approval", "role": "approver", "reason": "Look.",
        ]
        let order: JSONValue = [
            "id": "order", "label": "Without an order", "check": "order", "acts": ["posting"],
            "limits": [["amount": "100.00", "currency": "EUR"]], "effect": "approval", "role": "approver", "reason": "Look.",
        ]
        let stage = try await Stage.make(guardedBy: [derived, order])
        try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.run().outcome == "posted", "it has an order, and nothing was derived")
        let marked = SampleDocument(number: "R-2", gross: "300.00", order: "PO-300.00")
        var content = try #require(try JSONValue(parsing: marked.bytes).object)
        content["findings"] = [["rule": "read", "severity": "information", "message": "derived", "aiDerived": true]]
        try await stage.receive(bytes: JSONValue.object(content).bytes)
        try await stage.work()
        let waiting = try #require(try await stage.cases().first)
        #expect(waiting.request["object"]?["rules"]?[0]?.string?.hasSuffix("/derived") == true)
    }
}
