import Kernel
import Postgres
import Records
import Seals
import ServiceLevels
import Tenancy
import Testing

@testable import Flow

@Suite("maintenance while the server runs, and corrections of clocks")
struct MaintenanceTests {
    private static let hour: Int64 = 3600

    private func maintaining(_ stage: Stage) async -> Maintaining {
        let house = await stage.house
        return Maintaining(platform: house.platform, assets: house.assets, scopes: house.scopes, desk: house.desk)
    }

    private func correcting(_ stage: Stage) async -> Correcting {
        let house = await stage.house
        return Correcting(platform: house.platform, looking: house.looking, desk: house.desk)
    }

    private func refusal(_ body: () async throws -> Void) async throws -> String {
        do {
            try await body()
        } catch let refusal as Refusal {
            return refusal.reason
        }
        throw Fault("being refused", "it went through", isRetryable: false)
    }

    /// A run whose approval clock runs for four hours from half past eight, with an hour of notice owed.
    private func story() async throws -> (stage: Stage, due: Moment) {
        let stage = try await Stage.make(approvalTarget: "4h")
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        return (stage, try #require(try await clock(stage).dueAt))
    }

    private func clock(_ stage: Stage) async throws -> ClockRow {
        try #require(try await stage.house.looking.clocks(await stage.firm.id, limit: 5).map(\.clock).first)
    }

    @Test("what is announced in time moves the due date at once, what is moved or cancelled moves it back")
    func announced() async throws {
        let (stage, due) = try await story()
        let (desk, firm) = (await maintaining(stage), await stage.firm)
        let ruth = try firm.actor("ruth")
        let from = stage.now.adding(seconds: Self.hour + 60)
        let row = try await desk.announce(
            title: "Database", from: from, to: from.adding(seconds: Self.hour), as: ruth, scope: firm.scope)
        try await stage.pump()
        #expect(try await clock(stage).dueAt == due.adding(seconds: Self.hour))
        // Half an hour of notice is too late: it is announced, and counted.
        let late = stage.now.adding(seconds: 1800)
        _ = try await desk.announce(title: "Late", from: late, to: late.adding(seconds: 600), as: ruth, scope: firm.scope)
        try await stage.pump()
        #expect(try await clock(stage).dueAt == due.adding(seconds: Self.hour))
        // Moved by half an hour beyond what was told: told now, an hour and more before.
        let moved = try await desk.change(
            row.id, title: nil, from: nil, to: from.adding(seconds: Self.hour + 1800), as: ruth, scope: firm.scope)
        #expect(moved.announcedAt == stage.now)
        try await stage.pump()
        #expect(try await clock(stage).dueAt == due.adding(seconds: Self.hour + 1800))
        stage.move(to: from.adding(seconds: 600))
        _ = try await desk.cancel(row.id, reason: "Done sooner", as: ruth, scope: firm.scope)
        try await stage.pump()
        #expect(try await clock(stage).dueAt == due.adding(seconds: 600), "what has been of it stays left out")
        #expect(
            try await refusal { _ = try await desk.cancel(row.id, reason: "x", as: ruth, scope: firm.scope) }
                == "maintenance.over")
        let listed = try await desk.between(stage.now.adding(seconds: -86_400), stage.now, for: firm.id)
        #expect(listed.map(\.title) == ["Late", "Database"])
    }

    @Test("what a partner announces holds for its tenants, and a breach that was told stays")
    func above() async throws {
        let (stage, due) = try await story()
        let (desk, firm) = (await maintaining(stage), await stage.firm)
        let scopes = await stage.house.scopes
        let partner = try #require(try await scopes.all().first { $0.id == firm.scope.parent })
        let ines = Actor(
            tenant: partner.id, person: PersonID(high: 7, low: 7), natural: PersonID(high: 7, low: 8), name: "Ines Okafor",
            roles: [], approvalLimit: nil)
        // Stages share their partner, so this is far ahead of every other story's day.
        let from = due.adding(seconds: 300 * 86_400)
        let row = try await desk.announce(
            title: "Network", from: from, to: from.adding(seconds: 60), as: ines, scope: partner)
        #expect(try await desk.all(firm.id).contains { $0.id == row.id })
        let cancelled = try await desk.cancel(row.id, reason: "Not needed", as: ines, scope: partner)
        #expect(cancelled.cancelledAt == stage.now)
        stage.move(to: due.adding(seconds: 60))
        try await stage.pump()
        let at = try #require(try await clock(stage).breachedAt)
        let next = stage.now.adding(seconds: 2 * Self.hour)
        _ = try await desk.announce(
            title: "After", from: next, to: next.adding(seconds: 60), as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        let after = try await clock(stage)
        #expect(after.outcome == "breached" && after.breachedAt == at)
    }

    @Test("a clock's past changes by two people, keeps what was there, and takes a breach and its case back")
    func corrected() async throws {
        let (stage, due) = try await story()
        let (desk, firm) = (await correcting(stage), await stage.firm)
        stage.move(to: due.adding(seconds: 60))
        try await stage.pump()
        let broken = try await clock(stage)
        #expect(broken.outcome == "breached")
        let start = broken.startedAt
        let target: JSONValue = [
            "at": JSONValue(start.adding(seconds: 60)), "type": "retarget", "targetSeconds": 36_000,
        ]
        let (ruth, jonas) = (try firm.actor("ruth"), try firm.actor("jonas"))
        func ask(
            _ add: [JSONValue], _ remove: [Int] = [], _ reason: String = "The priority was never entered"
        ) async throws
            -> CorrectionRow
        {
            try await desk.ask(.init(add: add, remove: remove, reason: reason), of: broken.id, as: ruth, scope: firm.scope)
        }
        #expect(try await refusal { _ = try await ask([]) } == "correction.nothing")
        #expect(try await refusal { _ = try await ask([target], [], " ") } == "correction.reason")
        #expect(try await refusal { _ = try await ask([target], [9]) } == "correction.remove")
        #expect(try await refusal { _ = try await ask([], [1]) } == "correction.start")
        #expect(try await refusal { _ = try await ask([["at": "yesterday", "type": "pause"]]) } == "correction.event")
        let future: JSONValue = ["at": JSONValue(stage.now.adding(seconds: 60)), "type": "stop"]
        #expect(try await refusal { _ = try await ask([future]) } == "correction.future")

        let asked = try await ask([target])
        #expect(asked.original["reading"]?["outcome"] == "breached" && asked.corrected["reading"]?["outcome"] == "open")
        #expect(try await clock(stage).outcome == "breached", "nothing has changed yet")
        #expect(try await refusal { _ = try await ask([target]) } == "correction.open")
        func confirm(_ actor: Actor, _ hash: String) async throws {
            _ = try await desk.confirm(asked.id, hash: hash, as: actor, scope: firm.scope)
        }
        #expect(try await refusal { try await confirm(ruth, asked.hash) } == "correction.second-person")
        #expect(try await refusal { try await confirm(jonas, "0") } == "correction.hash")
        try await confirm(jonas, asked.hash)
        try await stage.pump()
        let after = try await clock(stage)
        #expect(after.outcome == "open" && after.breachedAt == nil && after.dueAt == start.adding(seconds: 36_000))
        #expect(try await refusal { try await confirm(jonas, asked.hash) } == "correction.settled")
        let kept = try #require(try await desk.all(firm.id, clock: broken.id).first)
        #expect(kept.state == "confirmed" && kept.original["events"] == broken.events && kept.settledBy == jonas.person)
        let counted = try await stage.store.withTenant(firm.id) { tx in
            try await tx.query(
                "SELECT sum(bad)::bigint AS bad FROM slo_minute WHERE tenant_id = \(firm.id) AND objective = 'approval-cycle'"
            ).only().get("bad", as: Int64.self)
        }
        #expect(counted == 0, "the case is no longer counted as missed")
        // It is late for good when the corrected target has passed.
        stage.move(to: start.adding(seconds: 36_060))
        try await stage.pump()
        #expect(try await clock(stage).breachedAt == start.adding(seconds: 36_000))
    }
}
