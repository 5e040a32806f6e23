import Handoff
import Kernel
import Records
import Testing

@testable import Flow

@Suite("what workers tell of their connections")
struct ConnectionTests {
    private func tell(
        _ stage: Stage, _ circuit: ConnectionNews.Circuit = .closed, since: Moment? = nil, spent: Int = 0, perDay: Int = 0,
        name: String = "erp", day: CivilDate? = nil
    ) async throws {
        let (watch, worker) = (await stage.house.watch, await stage.identity(stage.firm))
        let news = ConnectionNews(
            name: name, circuit: circuit, code: circuit == .closed ? nil : "timed-out", since: since,
            retryAt: since?.adding(seconds: 5), spentToday: spent, perDay: perDay, day: day ?? CivilDate(utc: stage.now))
        try await watch.take([news], from: worker)
        try await stage.pump()
    }

    private func open(_ stage: Stage) async throws -> [String] {
        try await stage.incidents().filter { $0.state != "resolved" && $0.alert.hasPrefix("erp-") }.map(\.alert).sorted()
    }

    @Test("an open circuit opens one incident, however often it is told, and the answer of the system ends it")
    func circuit() async throws {
        let stage = try await Stage.make()
        let since = stage.now
        try await tell(stage, .open, since: since)
        stage.move(seconds: 5)
        try await tell(stage, .probing, since: since)
        stage.move(seconds: 5)
        try await tell(stage, .open, since: since)
        #expect(try await stage.incidents().map(\.alert) == ["erp-circuit-open"])
        #expect(try await stage.incidents().first?.occurrences == 1)
        #expect(try await stage.incidents().first?.facts["code"]?.string == "timed-out")
        stage.move(seconds: 60)
        try await tell(stage, .closed)
        #expect(try await open(stage) == [])
        // Away again within the hour is the same trouble.
        stage.move(seconds: 60)
        try await tell(stage, .open, since: stage.now)
        #expect(try await stage.incidents().map(\.occurrences) == [2])
        #expect(try await open(stage) == ["erp-circuit-open"])
    }

    @Test("an incident that somebody has taken on is told of the answer and stays theirs")
    func takenOn() async throws {
        let stage = try await Stage.make()
        try await tell(stage, .open, since: stage.now)
        let incident = try #require(try await stage.incidents().first)
        let (alerting, firm) = (await stage.house.alerting, await stage.firm)
        _ = try await alerting.acknowledge(incident.id, as: try firm.actor("ruth"), scope: firm.scope)
        stage.move(seconds: 60)
        try await tell(stage, .closed)
        #expect(try await stage.incidents().map(\.state) == ["acknowledged"])
        let (looking, id) = (await stage.house.looking, incident.id)
        let lines = try await looking.incidentEntries(firm.id, id)
        #expect(lines.contains { $0.text.contains("answers again") })
    }

    @Test("four fifths of a day's requests are a warning, all of them an incident, and a new day ends both")
    func budget() async throws {
        let stage = try await Stage.make()
        try await tell(stage, spent: 79, perDay: 100)
        #expect(try await open(stage) == [])
        stage.move(seconds: 5)
        try await tell(stage, spent: 80, perDay: 100)
        #expect(try await open(stage) == ["erp-budget-short"])
        stage.move(seconds: 5)
        try await tell(stage, spent: 100, perDay: 100)
        stage.move(seconds: 5)
        try await tell(stage, spent: 100, perDay: 100)
        #expect(try await open(stage) == ["erp-budget-short", "erp-budget-spent"])
        #expect(try await stage.incidents().allSatisfy { $0.occurrences == 1 })
        stage.move(seconds: 86_400)
        try await tell(stage, spent: 1, perDay: 100)
        #expect(try await open(stage) == [])
    }

    @Test("what was spent today is told to the next worker with its first lease, and yesterday's count is not")
    func restarted() async throws {
        let stage = try await Stage.make()
        try await tell(stage, spent: 41, perDay: 100)
        // A worker that has just begun knows only of its own.
        stage.move(seconds: 5)
        await stage.replaceWorker()
        try await tell(stage, spent: 2, perDay: 100)
        try await stage.restart()
        try await stage.receive(SampleDocument())
        for lease in try await stage.lease() { try await stage.report(try await stage.attempt(lease)) }
        let lease = try #require(try await stage.lease().first)
        #expect(lease.kind == .erpRead)
        #expect(lease.connection["spent"]?["count"]?.int == 41)
        #expect(lease.connection["spent"]?["day"]?.string == CivilDate(utc: stage.now).description)
        // News that were sent before midnight and come after it are about yesterday.
        let yesterday = CivilDate(utc: stage.now)
        stage.move(seconds: 86_400)
        try await tell(stage, spent: 3, perDay: 100)
        stage.move(seconds: 5)
        try await tell(stage, spent: 99, perDay: 100, day: yesterday)
        let rows = try await stage.house.watch.all(stage.firm.id)
        #expect(rows["erp"]?.spent == 3)
        #expect(try await open(stage) == [])
    }

    @Test("a worker cannot tell of connections that its tenant does not have")
    func foreign() async throws {
        let stage = try await Stage.make()
        try await tell(stage, .open, since: stage.now, name: "somebody-else")
        #expect(try await stage.incidents().isEmpty)
        #expect(try await stage.house.watch.all(stage.firm.id).isEmpty)
    }
}
