import Kernel
import Records
import Testing

@testable import Flow

@Suite("promises and incidents")
struct ServiceLevelTests {
    private static let hour: Int64 = 3600

    /// An invoice that waits for a signature, on a promise of four hours.
    private func waiting(_ stage: Stage, number: String) async throws {
        try await stage.receive(SampleDocument(number: number, gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
    }

    private func pass(_ stage: Stage, hours: Int64) async throws {
        for _ in 0..<hours {
            stage.move(seconds: Self.hour)
            try await stage.pump()
        }
    }

    @Test("a promise warns, is broken once, and the incident counts what follows")
    func breach() async throws {
        let stage = try await Stage.make(approvalTarget: "4h")
        try await waiting(stage, number: "R-1")
        #expect(try await stage.incidents().isEmpty)
        try await pass(stage, hours: 3)
        #expect(try await stage.incidents().map(\.alert) == ["sla-risk"])
        #expect(try await stage.books().clocks == ["approval-cycle running open"])
        try await pass(stage, hours: 2)
        let breach = try #require(try await stage.incidents().first { $0.alert == "sla-breach" })
        #expect(breach.occurrences == 1)
        #expect(breach.state == "triggered")
        #expect(try await stage.books().clocks == ["approval-cycle running breached"])
        try await pass(stage, hours: 3)
        #expect(try await stage.incidents().first { $0.alert == "sla-breach" }?.occurrences == 1, "one breach is told once")
        #expect(try await stage.books().audit.contains("sla.breached × 1"))

        try await waiting(stage, number: "R-2")
        try await pass(stage, hours: 5)
        let repeated = try #require(try await stage.incidents().first { $0.alert == "sla-breach" })
        #expect(repeated.id == breach.id)
        #expect(repeated.occurrences == 2)
        #expect(try await stage.incidents().count { $0.alert == "sla-breach" } == 1)

        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().clocks.contains("approval-cycle stopped breached"), "a breach stays a breach")
    }

    @Test("the same trouble soon after its resolution reopens the incident, later it opens another")
    func reopened() async throws {
        let stage = try await Stage.make(approvalTarget: "4h")
        try await waiting(stage, number: "R-1")
        try await pass(stage, hours: 5)
        let first = try #require(try await stage.incidents().first { $0.alert == "sla-breach" })
        let (alerting, firm) = (await stage.house.alerting, await stage.firm)
        let actor = try firm.actor("ruth")
        let acknowledged = try await alerting.acknowledge(first.id, as: actor, scope: firm.scope)
        #expect(acknowledged.state == "acknowledged")
        #expect(acknowledged.acknowledgedBy == actor.person)
        try await waiting(stage, number: "R-2")
        try await pass(stage, hours: 3)
        let resolved = try await alerting.resolve(first.id, reason: "The approver is back.", as: actor, scope: firm.scope)
        #expect(resolved.state == "resolved")
        #expect(resolved.resolvedAt != nil)
        // R-2 breaks its promise two hours after the resolution: inside the window of four.
        try await pass(stage, hours: 2)
        let again = try #require(try await stage.incidents().first { $0.id == first.id })
        #expect(again.state == "triggered")
        #expect(again.resolvedAt == nil)
        #expect(again.occurrences == 2)
        _ = try await alerting.resolve(first.id, reason: "Signed.", as: actor, scope: firm.scope)
        try await pass(stage, hours: 3)
        try await waiting(stage, number: "R-3")
        try await pass(stage, hours: 5)
        let breaches = try await stage.incidents().filter { $0.alert == "sla-breach" }
        #expect(breaches.count == 2)
        #expect(Set(breaches.map(\.number)).count == 2)
        let lines = try await stage.house.looking.incidentEntries(firm.id, first.id)
        #expect(lines.map(\.seq) == Array(1...Int32(lines.count)))
        #expect(lines.contains { $0.person == actor.person })
    }

    @Test("clocks are late after a standstill but dated truly")
    func standstill() async throws {
        let stage = try await Stage.make(approvalTarget: "4h")
        try await waiting(stage, number: "R-1")
        let started = try await stage.run().startedAt
        try await stage.restart()
        stage.move(seconds: 30 * Self.hour)
        try await stage.pump()
        let clock = try #require(try await stage.house.looking.clocks(stage.firm.id, run: try await stage.run().id).first)
        #expect(clock.outcome == "breached")
        let due = started.adding(seconds: 4 * Self.hour)
        let at = try #require(clock.breachedAt)
        #expect(abs(at.seconds(since: due)) <= 1, "\(at) for \(due)")
    }

    @Test("unreadable documents become an incident only when they come in numbers")
    func flood() async throws {
        let stage = try await Stage.make()
        for number in 1...4 {
            try await stage.receive(bytes: Array("broken \(number)".utf8))
            try await stage.work()
        }
        #expect(try await stage.incidents().isEmpty)
        try await stage.receive(bytes: Array("broken 5".utf8))
        try await stage.work()
        #expect(try await stage.incidents().map(\.alert) == ["document-unreadable-flood"])
    }
}
