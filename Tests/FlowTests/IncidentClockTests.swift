import Incidents
import Kernel
import Postgres
import Records
import ServiceLevels
import Tenancy
import TestKit
import Testing

@testable import Flow

@Suite("clocks of incidents, live")
struct IncidentClockTests {
    private static let minute: Int64 = 60

    /// A firm that was promised an answer within 30 minutes, and an end within 4 hours or, for the worst, within one.
    private func firm() async throws -> Stage {
        let stage = try await Stage.make()
        var terms = SampleConfiguration.ContractTerms()
        terms.version = "2"
        terms.promises = [
            [
                "name": "first-response", "title": "First answer", "target": "30m", "warnPercents": [50],
                "budget": ["atLeast": "0.5", "quietBelowCases": 5],
            ],
            ["name": "resolution-urgent", "measures": "resolution", "severities": ["sev1"], "title": "Urgent", "target": "1h"],
            [
                "name": "resolution-usual", "measures": "resolution", "severities": ["sev2", "sev3", "sev4"], "title": "Usual",
                "target": "4h",
            ],
        ]
        try await stage.publish(
            SampleConfiguration.tenant(
                await stage.firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, contract: terms))
        return stage
    }

    @discardableResult
    private func raise(_ stage: Stage, _ key: String = "1") async throws -> IncidentRow {
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        try await alerting.raise(
            "erp-circuit-open", facts: ["connection": "erp-\(key)", "code": "auth"], scope: scope,
            key: "\(key)/\(Entropy.system.next())")
        try await stage.pump()
        return try #require(try await stage.incidents().max { $0.number < $1.number })
    }

    private func clock(_ stage: Stage, _ objective: String, of incident: IncidentRow) async throws -> ClockRow? {
        try await stage.house.looking.clocks(incident.tenant, incident: incident.id).first { $0.objective == objective }
    }

    private func ruth(_ stage: Stage) async throws -> Actor { try await stage.firm.actor("ruth") }

    /// The same as a machine.
    private func key(_ stage: Stage) async throws -> Actor {
        let person = try await ruth(stage)
        return Actor(
            tenant: person.tenant, person: person.person, natural: person.natural, name: "a key", roles: person.roles,
            approvalLimit: nil, isMachine: true)
    }

    @Test("the answer counts from the opening to a person's; the end is its own clock, and both are of no run")
    func answered() async throws {
        let stage = try await firm()
        let incident = try await raise(stage)
        let begun = try #require(try await clock(stage, "first-response", of: incident))
        #expect(begun.run == nil && begun.subject == .incident(incident.id) && begun.startedAt == incident.openedAt)
        #expect(try await clock(stage, "resolution-usual", of: incident)?.state == "running")
        #expect(try await clock(stage, "resolution-urgent", of: incident) == nil)
        stage.move(seconds: 10 * Self.minute)
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        _ = try await alerting.note(incident.id, text: "I look at it.", as: key(stage), scope: scope)
        try await stage.pump()
        #expect(try await clock(stage, "first-response", of: incident)?.state == "running", "a machine is no answer")
        stage.move(seconds: 10 * Self.minute)
        _ = try await alerting.acknowledge(incident.id, as: ruth(stage), scope: scope)
        try await stage.pump()
        let answered = try #require(try await clock(stage, "first-response", of: incident))
        #expect(answered.state == "stopped" && answered.outcome == "met")
        #expect(answered.elapsedSeconds == 20 * Self.minute)
        stage.move(seconds: 100 * Self.minute)
        _ = try await alerting.resolve(incident.id, reason: "It answers.", as: ruth(stage), scope: scope)
        try await stage.pump()
        let over = try #require(try await clock(stage, "resolution-usual", of: incident))
        #expect(over.outcome == "met" && over.elapsedSeconds == 120 * Self.minute)
        // The month counts them.
        let house = await stage.house
        let budgets = try await Budgeting(
            platform: house.platform, scopes: house.scopes, assets: house.assets, desk: house.desk
        ).budgets(of: scope.id)
        #expect(budgets.first { $0.objective.name == "first-response" }?.reading.budget.counts == CaseCounts(good: 1, bad: 0))
    }

    @Test("a missed answer is said in the incident's own timeline, counts as missed, and opens no incident about the incident")
    func missed() async throws {
        let stage = try await firm()
        let incident = try await raise(stage)
        let before = try await stage.incidents().count
        stage.move(seconds: 16 * Self.minute)
        try await stage.pump()
        stage.move(seconds: 20 * Self.minute)
        try await stage.pump()
        let clock = try #require(try await clock(stage, "first-response", of: incident))
        #expect(clock.outcome == "breached" && clock.breachedAt?.seconds == incident.openedAt.seconds + 30 * Self.minute)
        #expect(try await !stage.incidents().contains { $0.alert == "sla-breach" || $0.alert == "sla-risk" })
        #expect(try await stage.incidents().count >= before)
        let lines = try await stage.house.looking.incidentEntries(incident.tenant, incident.id)
        #expect(lines.count { $0.kind == "promise" } == 2, "a warning and a miss")
        #expect(try await stage.books().audit.contains("sla.breached × 1"))
    }

    @Test("a severity goes over to its own promise with all counted time, and back")
    func severity() async throws {
        let stage = try await firm()
        let incident = try await raise(stage)
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        stage.move(seconds: 90 * Self.minute)
        _ = try await alerting.change(
            incident.id, .severity(.sev1, reason: "All tenants."), as: ruth(stage), scope: scope)
        try await stage.pump()
        #expect(try await clock(stage, "resolution-usual", of: incident)?.state == "cancelled")
        let urgent = try #require(try await clock(stage, "resolution-urgent", of: incident))
        #expect(urgent.outcome == "breached" && urgent.elapsedSeconds == 90 * Self.minute)
        #expect(urgent.breachedAt.map { $0.seconds - incident.openedAt.seconds } == 90 * Self.minute, "dated at the change")
        stage.move(seconds: 10 * Self.minute)
        _ = try await alerting.change(
            incident.id, .severity(.sev3, reason: "One tenant."), as: ruth(stage), scope: scope)
        try await stage.pump()
        let usual = try #require(try await clock(stage, "resolution-usual", of: incident))
        #expect(usual.state == "running" && usual.elapsedSeconds == 100 * Self.minute && usual.stoppedAt == nil)
    }

    @Test("a merged incident has no running clock; taken out again it has them back, with the answer given meanwhile")
    func merged() async throws {
        let stage = try await firm()
        let first = try await raise(stage)
        let second = try await raise(stage, "2")
        let (alerting, scope) = (await stage.house.alerting, await stage.firm.scope)
        stage.move(seconds: 5 * Self.minute)
        _ = try await alerting.merge(first.id, into: second.id, reason: "One ERP.", as: ruth(stage), scope: scope)
        try await stage.pump()
        #expect(try await clock(stage, "first-response", of: first)?.state == "cancelled")
        #expect(try await clock(stage, "resolution-usual", of: first)?.state == "cancelled")
        #expect(try await clock(stage, "first-response", of: second)?.state == "running")
        stage.move(seconds: 5 * Self.minute)
        _ = try await alerting.acknowledge(second.id, as: ruth(stage), scope: scope)
        stage.move(seconds: 60 * Self.minute)
        _ = try await alerting.unmerge(first.id, reason: "Two systems.", as: ruth(stage), scope: scope)
        try await stage.pump()
        let response = try #require(try await clock(stage, "first-response", of: first))
        #expect(response.outcome == "met" && response.elapsedSeconds == 10 * Self.minute)
        let end = try #require(try await clock(stage, "resolution-usual", of: first))
        #expect(end.state == "running" && end.elapsedSeconds == 70 * Self.minute && end.stoppedAt == nil)
    }

    @Test("two people correct an incident's clock: it was answered by telephone")
    func corrected() async throws {
        let stage = try await firm()
        let incident = try await raise(stage)
        stage.move(seconds: 40 * Self.minute)
        try await stage.pump()
        let (house, scope) = (await stage.house, await stage.firm.scope)
        let clock = try #require(try await clock(stage, "first-response", of: incident))
        #expect(clock.outcome == "breached")
        let correcting = Correcting(platform: house.platform, looking: house.looking, desk: house.desk)
        let asked = try await correcting.ask(
            Correcting.Change(
                add: [
                    [
                        "at": JSONValue(incident.openedAt.adding(seconds: 12 * Self.minute)), "type": "respond",
                        "actor": "human",
                    ]
                ], remove: [], reason: "By telephone at 12 minutes."), of: clock.id, as: ruth(stage), scope: scope)
        #expect(asked.run == nil)
        _ = try await correcting.confirm(
            asked.id, hash: asked.hash, as: stage.firm.actor("tessa"), scope: scope)
        try await stage.pump()
        let after = try #require(try await self.clock(stage, "first-response", of: incident))
        #expect(after.outcome == "met" && after.elapsedSeconds == 12 * Self.minute)
        let lines = try await house.looking.incidentEntries(incident.tenant, incident.id)
        #expect(lines.contains { $0.text.contains("corrected by two people") })
    }
}
