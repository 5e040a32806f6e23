import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("what the folder no longer holds")
struct RetirementTests {
    private func folder(
        _ stage: Stage, people: String = "2", without left: Set<String> = [], besides kinds: Set<String> = []
    ) async -> [Applying.Asset] {
        SampleConfiguration.tenant(
            await stage.firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, peopleVersion: people, without: left
        ).filter { !kinds.contains($0.kind) }
    }

    @Test("a person who is not named any more loses sessions, keys, roles and claims at once")
    func person() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        let (house, firm) = (await stage.house, await stage.firm)
        let (jonas, petra) = (try firm.actor("jonas"), try firm.actor("petra"))
        try await house.approving.claim(request.id, as: jonas, scope: firm.scope)
        let signingIn = SigningIn(platform: house.platform, hasher: PasswordHasher())
        let key = try await signingIn.makeKey(.init(name: "k", days: 30), for: jonas.person, in: firm.id, by: nil).text
        let token = SecretToken()
        let (now, session) = (stage.now, house.platform.newID(ID<Subject.Session>.self))
        try await stage.store.withTenant(firm.id) { tx in
            try await tx.execute(
                SessionQueries.open(
                    tenant: firm.id, id: session, tokenHash: token.hash, person: jonas.person,
                    place: SessionPlace(agent: "", address: ""), now: now, expiresAt: now.adding(seconds: 3600),
                    isPending: false))
        }
        #expect(try await signingIn.identity(sessionToken: token.text) != nil)
        #expect(try await signingIn.identity(apiKey: key.text) != nil)

        let outcome = try await house.applying.apply(await folder(stage, without: ["jonas"]), by: nil)
        #expect(outcome.peopleDisabled == 1)
        #expect(try await signingIn.identity(sessionToken: token.text) == nil)
        #expect(try await signingIn.identity(apiKey: key.text) == nil)
        let row = try #require(try await house.looking.people(firm.id).first { $0.slug == "jonas" })
        #expect(row.state == "disabled")
        #expect(row.roles["grants"]?.array?.isEmpty == true)
        // The claim would have lasted for half an hour.
        try await house.approving.claim(request.id, as: petra, scope: firm.scope)
        let deciders = try #require(try await house.looking.deciders(of: request, run: try await stage.run()))
        #expect(deciders.next.map(\.name) == ["Petra Vogel"])

        // Named again, they begin anew: what they held before is not theirs again.
        let again = try await house.applying.apply(await folder(stage, people: "3"), by: nil)
        #expect(again.peopleDisabled == 0)
        #expect(try await house.looking.people(firm.id).first { $0.slug == "jonas" }?.state == "active")
        #expect(try await signingIn.identity(sessionToken: token.text) == nil)
        #expect(try await signingIn.identity(apiKey: key.text) == nil)
    }

    @Test("a contract that was removed binds the runs that began under it and no later one")
    func contract() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(number: "R-1", gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let first = try await stage.run()
        let (house, firm) = (await stage.house, await stage.firm)
        let published = try await house.applying.current().filter { $0.scope.id == firm.id }
        #expect(published.first { $0.asset.kind == "contract" }?.inUse == 1)
        #expect(published.first { $0.asset.kind == "tenant" }?.inUse == 0)

        let outcome = try await house.applying.apply(await folder(stage, people: "1", besides: ["contract"]), by: nil)
        #expect(outcome.retired == ["\(Scope.tenant(firm.scope.slug, partner: "").path)/contract/managed-ap@1"])
        #expect(outcome.published.isEmpty)
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        try await stage.receive(SampleDocument(number: "R-2", gross: "4700.00", order: "PO-4700.00"))
        try await stage.work()
        let second = try #require(try await stage.runs().first { $0.subject == "R-2" })
        #expect(try await house.looking.clocks(firm.id, run: first.id).count == 2)
        #expect(try await house.looking.clocks(firm.id, run: second.id).isEmpty)
        #expect(second.pinned["contract"]?.isNull ?? true)

        let nothing = try await house.applying.apply(await folder(stage, people: "1", besides: ["contract"]), by: nil)
        #expect(nothing.retired.isEmpty && nothing.published.isEmpty, "applying twice changes nothing")
        let before = try await stage.books().audit
        let back = try await house.applying.apply(await folder(stage, people: "1"), by: nil)
        #expect(back.published.isEmpty && back.retired.isEmpty, "the version was there all along")
        #expect(back.restored == outcome.retired)
        #expect(try await stage.books().audit != before, "what is in force again is on record")
        #expect(try await house.applying.current().contains { $0.scope.id == firm.id && $0.asset.kind == "contract" })
    }

    @Test("work for a connection that was removed waits, and goes on when it is there again")
    func connection() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument())
        for lease in try await stage.lease() { try await stage.report(try await stage.attempt(lease)) }
        let house = await stage.house
        _ = try await house.applying.apply(await folder(stage, people: "1", besides: ["connection"]), by: nil)
        stage.move(seconds: 6)
        #expect(try await stage.lease().isEmpty)
        stage.move(seconds: 600)
        #expect(try await stage.lease().isEmpty)
        #expect(try await stage.incidents().allSatisfy { $0.alert != "dead-letter" }, "no attempt is spent on waiting")
        _ = try await house.applying.apply(await folder(stage, people: "1"), by: nil)
        stage.move(seconds: 6)
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
    }

    @Test("a scope that the bundle does not name, and runbooks when it brings none, are left as they are")
    func untouched() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let runbook = Applying.Asset(
                scope: .operator, kind: "runbook", name: "queue-age", version: "1", content: ["alert": "queue-age"])
            _ = try await stage.house.applying.apply(try SampleConfiguration.upper() + [runbook], by: nil)
            try await stage.open()
            let before = try await stage.house.applying.current().count
            let outcome = try await stage.house.applying.apply(try SampleConfiguration.upper(), by: nil)
            #expect(outcome.retired.isEmpty)
            #expect(try await stage.house.applying.current().count == before)
            let other = Applying.Asset(
                scope: .operator, kind: "runbook", name: "sla-risk", version: "1", content: ["alert": "sla-risk"])
            let replaced = try await stage.house.applying.apply(try SampleConfiguration.upper() + [other], by: nil)
            #expect(replaced.retired == ["operator/runbook/queue-age@1"])
        }
    }
}
