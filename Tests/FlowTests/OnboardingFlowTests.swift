import Kernel
import Postgres
import Records
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("tenants that come, and tenants that are suspended")
struct OnboardingFlowTests {
    private static let ines = PersonID(high: 7, low: 7)

    private func onboardings(_ stage: Stage) async -> Onboardings {
        let house = await stage.house
        return Onboardings(platform: house.platform, assets: house.assets, scopes: house.scopes)
    }

    private func suspending(_ stage: Stage) async -> Suspending {
        let house = await stage.house
        return Suspending(platform: house.platform, desk: house.desk, scopes: house.scopes)
    }

    private func actor(_ scope: ScopeRow, isMachine: Bool = false) -> Actor {
        Actor(
            tenant: scope.id, person: Self.ines, natural: PersonID(high: 7, low: 8), name: "Ines Okafor",
            roles: ["operator-admin"], approvalLimit: nil, isMachine: isMachine)
    }

    private func reason(_ act: () async throws -> some Any) async throws -> String {
        do {
            _ = try await act()
            return ""
        } catch let refusal as Refusal { return refusal.reason }
    }

    private func actions(_ stage: Stage, _ tenant: TenantID) async throws -> [String] {
        try await stage.store.withTenant(tenant) { tx in
            try await tx.query(
                """
                SELECT action || coalesce(' ' || (content ->> 'step'), '') AS told FROM audit_entry
                WHERE tenant_id = \(tenant) AND (action LIKE 'onboarding.%' OR action LIKE 'tenant.%') ORDER BY at, id
                """
            ).column(as: String.self)
        }
    }

    @Test("what the product records settles steps at the time of the fact, once, and the first governed case ends it")
    func byFacts() async throws {
        let stage = try await Stage.make()
        let (firm, desk) = (await stage.firm, await onboardings(stage))
        let first = try await desk.one(firm.scope)
        #expect(first.state.startedAt == Stage.start, "it begins when the tenant is first applied")
        let expected: Set<Onboarding.Step> = [.configuration, .people, .secrets, .contract]
        #expect(Set(first.state.settled.keys) == expected)
        #expect(first.state.settled.values.allSatisfy { $0.how == .fact && $0.at <= stage.now })
        #expect(first.state.next == .signIn)

        stage.move(seconds: 600)
        try await stage.receive(SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00"))
        let received = stage.now
        try await stage.work()
        try await stage.rest()
        #expect(try await stage.run().phase == "completed")
        let finished = try #require(try await stage.run().finishedAt)
        stage.move(seconds: 5000)
        // Two servers look at once, one of them again after a restart; each step is told once.
        async let one = desk.one(firm.scope)
        async let two = desk.one(firm.scope)
        _ = try await (one, two)
        try await stage.restart()
        let last = try await onboardings(stage).one(firm.scope)
        #expect(last.state.completedAt == finished, "the time of the case, not of the look")
        #expect(last.state.settled[.document]?.at == received)
        #expect(last.state.settled[.document]?.by == firm.people["maya"]?.id)
        let told = try await actions(stage, firm.id)
        #expect(told.filter { $0 == "onboarding.completed" }.count == 1)
        #expect(told.filter { $0.hasPrefix("onboarding.step-done") }.count == Set(told).count - 2, "\(told)")
        #expect(told.contains("onboarding.begun"))
        // Applying again begins nothing anew.
        try await stage.publish(
            SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25))
        #expect(try await actions(stage, firm.id) == told)
    }

    private static let promise: JSONValue = [
        "name": "onboarding", "measures": "onboarding", "title": "Onboarding", "target": "20h", "pauseReasons": [],
    ]

    private func clocks(_ stage: Stage) async throws -> [ClockRow] {
        let tenant = await stage.firm.id
        return try await stage.store.withTenant(tenant) { tx in
            try await tx.query("SELECT * FROM clock WHERE tenant_id = \(tenant) AND onboarding_id IS NOT NULL").map(ClockRow.init)
        }
    }

    @Test(
        "the onboarding is a promise of the contract, from its beginning to the end of the first case, however late anybody looks"
    )
    func promised() async throws {
        try await TestDatabase.with(template: .flow) { database in try await promised(Stage(store: database.store)) }
    }

    private func promised(_ stage: Stage) async throws {
        var terms = SampleConfiguration.ContractTerms()
        terms.promises = [Self.promise]
        let firm = try await stage.open(contract: terms)
        stage.move(seconds: 60)
        _ = try await onboardings(stage).one(firm.scope)
        try await stage.pump()
        let begun = try #require(try await clocks(stage).first)
        #expect(begun.objective == "onboarding" && begun.stoppedAt == nil)
        #expect(begun.startedAt == Stage.start, "the contract governs already, so it counts from the beginning")
        stage.move(seconds: 7200)
        try await stage.receive(SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00"))
        try await stage.work()
        try await stage.rest()
        let finished = try #require(try await stage.run().finishedAt)
        stage.move(seconds: 90_000)
        _ = try await onboardings(stage).one(firm.scope)
        _ = try await onboardings(stage).one(firm.scope)
        try await stage.pump()
        let found = try await clocks(stage)
        #expect(found.count == 1 && found.first?.stoppedAt == finished, "at the time of the case, however late anybody looked")
        #expect(found.first?.outcome == "met")
    }

    @Test("a person confirms what cannot be seen and skips what may be left out; a key and a wrong step are refused")
    func byPeople() async throws {
        let stage = try await Stage.make()
        let (scope, desk) = (await stage.firm.scope, await onboardings(stage))
        let ines = actor(scope)
        #expect(
            try await reason { try await desk.confirm(.document, reason: "Soon.", as: ines, scope: scope) } == "onboarding.fact")
        #expect(
            try await reason { try await desk.skip(.document, reason: "Later.", as: ines, scope: scope) } == "onboarding.needed")
        let key = actor(scope, isMachine: true)
        #expect(
            try await reason { try await desk.skip(.brand, reason: "No.", as: key, scope: scope) } == "onboarding.machine")
        _ = try await desk.skip(.brand, reason: "They wear their partner's.", as: ines, scope: scope)
        let standing = try await desk.confirm(.access, reason: "Their IT agreed.", as: ines, scope: scope)
        #expect(standing.state.settled[.access] == .init(.confirmed, at: stage.now, by: Self.ines, reason: "Their IT agreed."))
        #expect(try await reason { try await desk.skip(.access, reason: "No.", as: ines, scope: scope) } == "onboarding.settled")
        try await desk.noteTest(of: "erp", by: Self.ines, in: scope.id)
        #expect(try await desk.one(scope).state.settled[.connectionTest]?.how == .fact)
        let told = try await actions(stage, scope.id)
        #expect(told.contains("onboarding.step-skipped brand") && told.contains("onboarding.step-done access"))
    }

    @Test("the onboarding of a registered tenant counts from its registration; a name is registered once and may be taken back")
    func registered() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store)
            try await stage.open()
            let desk = await onboardings(stage)
            let house = try #require(try await stage.house.scopes.all().first { $0.kind == "operator" })
            let (ines, partner) = (actor(house), SampleConfiguration.partner)
            func register(_ slug: String, partner: String) async throws -> RegistrationRow {
                try await desk.register(slug: slug, name: "Ostwerk", partner: partner, as: ines, scope: house)
            }
            let row = try await register("ostwerk", partner: partner)
            #expect(try await reason { try await register("ostwerk", partner: partner) } == "registration.taken")
            #expect(try await reason { try await register("Ost Werk", partner: partner) } == "registration.slug")
            #expect(try await reason { try await register("westwerk", partner: "nobody") } == "registration.partner")
            let taken = await stage.firm.scope.slug
            #expect(try await reason { try await register(taken, partner: partner) } == "registration.taken")
            let gone = try await register("westwerk", partner: partner)
            _ = try await desk.withdraw(gone.id, reason: "They went elsewhere.", as: ines, scope: house)
            #expect(try await desk.registrations(house).map(\.slug) == ["ostwerk"])

            stage.move(seconds: 86_400)
            try await stage.publish(SampleConfiguration.tenant("ostwerk", approvalTarget: "20h", settleSeconds: 25))
            let scope = try #require(try await stage.house.scopes.scope(slug: "ostwerk"))
            let standing = try await desk.one(scope)
            #expect(standing.state.startedAt == row.registeredAt && standing.row.startedBy == Self.ines)
            #expect(try await desk.registrations(house).isEmpty, "it has come")
            #expect(
                try await reason { try await desk.withdraw(row.id, reason: "Too late.", as: ines, scope: house) } == "not-found")
        }
    }

    @Test("a suspended tenant begins nothing and loses nothing; only resuming it lets it go on, where it was")
    func suspended() async throws {
        let stage = try await Stage.make()
        let (firm, desk) = (await stage.firm, await suspending(stage))
        try await stage.receive(SampleDocument(number: "R-1", gross: "480.00", order: "PO-480.00"))
        let ines = actor(firm.scope)
        let standing = try await desk.suspend(reason: "Their board has asked.", as: ines, scope: firm.scope)
        #expect(standing.phase == .suspended && standing.reason == "Their board has asked.")
        #expect(
            try await reason { try await desk.suspend(reason: "Again.", as: ines, scope: firm.scope) }
                == "tenant.suspended-already")
        try await stage.work()
        #expect(try await stage.runs().isEmpty && stage.ledger.bills(of: firm.id).isEmpty)
        let home = try await stage.store.withReport { tx in
            try await tx.query(WorkStopQueries.sentHome()).column(as: TenantID.self)
        }
        #expect(home.contains(firm.id), "its worker ends")
        let halting = await stage.house.guiding.halting
        let stop = try #require(try await halting.open(firm.id).first)
        let release = try await reason {
            try await halting.release(stop.id, reason: "Go on.", as: try firm.actor("ruth"), scope: firm.scope)
        }
        #expect(release == "stop.suspension", "an engineer cannot let it go on")
        // Applying its folder changes nothing of that.
        try await stage.publish(SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25))
        #expect(try await desk.standing(firm.scope).phase == .suspended)
        try await stage.restart()
        #expect(try await stage.house.scopes.isSuspended(firm.id))
        _ = try await suspending(stage).resume(reason: "Agreed.", as: ines, scope: firm.scope)
        try await stage.work()
        try await stage.rest()
        #expect(try await stage.run().phase == "completed")
        let told = try await actions(stage, firm.id)
        #expect(told.filter { $0.hasPrefix("tenant.") }.sorted() == ["tenant.resumed", "tenant.suspended"])
    }
}
