import Kernel
import Records
import Tenancy
import Testing

@testable import Flow

@Suite("deputies sign")
struct DelegationTests {
    private func refusal(_ answer: CommandDesk.Answer) -> String {
        if case .refused(let refusal) = answer { refusal.reason } else { "\(answer)" }
    }

    private func give(
        _ stage: Stage, from giver: String, to deputy: String, cap: Int64? = nil, by maker: String? = nil
    ) async throws -> DelegationRow {
        let firm = await stage.firm
        let wish = Delegating.Wish(
            giver: giver, deputy: deputy, startsAt: nil, endsAt: stage.now.adding(seconds: 10 * 86_400), workflows: [],
            cap: try cap.map { try Money(minorUnits: $0, currency: try #require(Currency("EUR"))) }, reason: "Away")
        return try await stage.house.looking.delegating.make(
            wish, as: try firm.actor(maker ?? giver), mayForOthers: maker != nil, scope: firm.scope)
    }

    /// The deputy's answer under the delegation.
    private func decide(
        _ stage: Stage, _ verdict: String, on task: TaskRow, by deputy: String, under row: DelegationRow, reason: String? = nil
    ) async throws -> CommandDesk.Answer {
        let (house, firm) = (await stage.house, await stage.firm)
        let actor = try await house.looking.delegating.standing(
            in: row.id, as: try firm.actor(deputy), workflow: "accounts-payable", scope: firm.scope)
        let decision = Approving.Decision(
            task: task.id, verdict: verdict, reason: reason, objectHash: task.objectHash ?? "",
            key: "\(Entropy.system.next())")
        let first = try await house.approving.decide(decision, as: actor, scope: firm.scope)
        guard first == .pending else { return first }
        try await stage.pump()
        return try await house.approving.decide(decision, as: actor, scope: firm.scope)
    }

    /// A large invoice that Maya recorded and two approvers have to sign.
    private func large() async throws -> (Stage, TaskRow) {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "48310.00", order: "PO-48310.00"), by: "maya")
        try await stage.work()
        return (stage, try #require(try await stage.requests("approval").first))
    }

    @Test("a deputy and whom they stand for are one signature, and the log, the receipt and the request say for whom it was")
    func oneSignature() async throws {
        let (stage, request) = try await large()
        let petras = try await give(stage, from: "petra", to: "tessa")
        let jonass = try await give(stage, from: "jonas", to: "tessa")
        guard case .done = try await decide(stage, "approve", on: request, by: "tessa", under: petras) else {
            return #expect(Bool(false))
        }
        #expect(refusal(try await stage.decide("approve", on: request, by: "petra")) == "sod.distinct-signers")
        #expect(
            refusal(try await decide(stage, "approve", on: request, by: "tessa", under: jonass)) == "sod.distinct-signers")
        guard case .done(let last) = try await stage.decide("approve", on: request, by: "jonas") else {
            return #expect(Bool(false))
        }
        #expect(last["outcome"]?.string == "approved")
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
        let (house, firm) = (await stage.house, await stage.firm)
        let (tessa, petra) = (try firm.actor("tessa").person, try firm.actor("petra").person)
        let signature = try await house.looking.task(firm.id, request.id).progress["signatures"]?[0]
        #expect(signature?["person"]?.string == tessa.text && signature?["onBehalfOf"]?.string == petra.text)
        let entries = try await house.looking.audit(firm.id, run: try #require(request.run))
        let signed = try #require(entries.first { $0.action == "approval.signed" })
        #expect(signed.actor == tessa.text && signed.onBehalfOf == petra)
        #expect(signed.content["delegation"]?.string == petras.id.text)
    }

    @Test("duties are looked at for both: what either of them recorded, the deputy does not approve")
    func duties() async throws {
        let (stage, request) = try await large()
        let mayas = try await give(stage, from: "maya", to: "tessa")
        #expect(refusal(try await decide(stage, "approve", on: request, by: "tessa", under: mayas)).hasPrefix("sod."))
        _ = try await stage.house.looking.delegating.revoke(
            mayas.id, as: try await stage.firm.actor("maya"), mayForOthers: false, scope: await stage.firm.scope)
        let petras = try await give(stage, from: "petra", to: "maya")
        #expect(refusal(try await decide(stage, "approve", on: request, by: "maya", under: petras)).hasPrefix("sod."))
        #expect(try await stage.books().audit.allSatisfy { !$0.hasPrefix("approval.signed") })
    }

    @Test("the cap bounds the deputy and not the giver, and a rejection for somebody has its reason")
    func cap() async throws {
        let (stage, request) = try await large()
        let small = try await give(stage, from: "petra", to: "tessa", cap: 4_831_0_00 - 1)
        #expect(refusal(try await decide(stage, "approve", on: request, by: "tessa", under: small)) == "approval.limit")
        guard case .done = try await stage.decide("approve", on: request, by: "petra") else { return #expect(Bool(false)) }
        let answer = try await decide(stage, "reject", on: request, by: "tessa", under: small, reason: "Ordered twice.")
        guard case .done(let rejected) = answer else { return #expect(Bool(false), "\(answer)") }
        #expect(rejected["outcome"]?.string == "rejected")
    }

    @Test("what was taken back, is over, or belongs to another deputy lets nobody sign")
    func ended() async throws {
        let (stage, request) = try await large()
        let (house, firm) = (await stage.house, await stage.firm)
        let row = try await give(stage, from: "petra", to: "tessa")
        await #expect {
            _ = try await decide(stage, "approve", on: request, by: "theo", under: row)
        } throws: { ($0 as? Refusal)?.reason == "delegation.none" }
        stage.move(seconds: 10 * 86_400)
        await #expect {
            _ = try await decide(stage, "approve", on: request, by: "tessa", under: row)
        } throws: { ($0 as? Refusal)?.reason == "delegation.ended" }
        let next = try await give(stage, from: "petra", to: "theo")
        await #expect {
            _ = try await house.looking.delegating.revoke(
                next.id, as: try firm.actor("tessa"), mayForOthers: false, scope: firm.scope)
        } throws: { ($0 as? Refusal)?.reason == "delegation.others" }
        _ = try await house.looking.delegating.revoke(
            next.id, as: try firm.actor("theo"), mayForOthers: false, scope: firm.scope)
        await #expect {
            _ = try await decide(stage, "approve", on: request, by: "theo", under: next)
        } throws: { ($0 as? Refusal)?.reason == "delegation.ended" }
        let audit = try await stage.books().audit
        #expect(audit.contains("delegation.made × 2") && audit.contains("delegation.revoked × 1"), "\(audit)")
    }

    @Test("nobody names a deputy for somebody else but who looks after people, and they not themselves")
    func others() async throws {
        let stage = try await Stage.make()
        await #expect {
            _ = try await give(stage, from: "petra", to: "tessa", by: "tessa")
        } throws: { ($0 as? Refusal)?.reason == "delegation.others" }
        let firm = await stage.firm
        let wish = Delegating.Wish(
            giver: "petra", deputy: "tessa", startsAt: nil, endsAt: stage.now.adding(seconds: 60), workflows: [], cap: nil,
            reason: "Away")
        let desk = await stage.house.looking.delegating
        await #expect {
            _ = try await desk.make(wish, as: try firm.actor("jonas"), mayForOthers: false, scope: firm.scope)
        } throws: { ($0 as? Refusal)?.reason == "delegation.others" }
        #expect(try await give(stage, from: "petra", to: "tessa", by: "jonas").madeBy == firm.actor("jonas").person)
    }

    @Test("of two who close a circle at one time, one is refused")
    func circle() async throws {
        let stage = try await Stage.make()
        let made = await withTaskGroup(of: Bool.self) { group in
            for (giver, deputy) in [("petra", "tessa"), ("tessa", "petra")] {
                // The other one's refusal is what is counted.
                group.addTask { (try? await give(stage, from: giver, to: deputy)) != nil }
            }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(made == 1)
    }

    @Test("somebody who is no longer an approver has nothing that a deputy could use")
    func rightsOfNow() async throws {
        let (stage, request) = try await large()
        let firm = await stage.firm
        let row = try await give(stage, from: "petra", to: "tessa")
        _ = try await stage.house.applying.apply(
            SampleConfiguration.tenant(
                firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, peopleVersion: "2", without: ["petra"]), by: nil)
        await #expect {
            _ = try await decide(stage, "approve", on: request, by: "tessa", under: row)
        } throws: { ($0 as? Refusal)?.reason == "delegation.person" }
    }
}
