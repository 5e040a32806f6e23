import Kernel
import Records
import ServiceLevels
import Tenancy
import Testing

@testable import Flow

@Suite("a calendar that is published while clocks run")
struct RevisedCalendarTests {
    private func office(_ slug: String, _ version: String, holidays: [String]) -> Applying.Asset {
        let day: JSONValue = [["09:00", "17:00"]]
        return Applying.Asset(
            scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "calendar", name: "office", version: version,
            content: [
                "kind": "calendar", "name": "office", "version": .string(version), "title": "Office", "timezone": "Europe/Berlin",
                "week": ["mon": day, "tue": day, "wed": day, "thu": day, "fri": day],
                "overrides": .object(JSONObject(holidays.map { (key: $0, value: .array([])) })),
            ])
    }

    @Test("moves what is due and its warnings at once, keeps what was counted, and explains itself")
    func holiday() async throws {
        let stage = try await Stage.make()
        let slug = await stage.firm.scope.slug
        var terms = SampleConfiguration.ContractTerms()
        (terms.version, terms.calendar) = ("2", "office")
        let firm = SampleConfiguration.tenant(slug, approvalTarget: "10h", settleSeconds: 25, contract: terms)
        try await stage.publish(firm + [office(slug, "1", holidays: [])])
        // Monday 20 July 2026, 10:00 local: seven hours today, three tomorrow: Tuesday 12:00 local.
        stage.move(to: try #require(Moment("2026-07-20T08:00:00Z")))
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        func clock() async throws -> ClockRow {
            try #require(
                try await stage.house.looking.clocks(stage.firm.id, run: try await stage.run().id).first {
                    $0.objective == "approval-cycle"
                })
        }
        let before = try await clock()
        #expect(before.dueAt?.seconds == before.startedAt.seconds + 26 * 3600)
        stage.move(to: try #require(Moment("2026-07-20T16:00:00Z")))
        try await stage.publish(firm + [office(slug, "2", holidays: ["2026-07-21"])])
        try await stage.pump()
        let after = try await clock()
        #expect(after.dueAt?.seconds == before.startedAt.seconds + 50 * 3600, "Tuesday is free")
        #expect(after.elapsedSeconds == 7 * 3600 - (before.startedAt.seconds - 1_784_534_400))
        // What was due under the first version passes without a breach, and the second's is met late.
        stage.move(to: try #require(Moment("2026-07-21T12:00:00Z")))
        try await stage.pump()
        #expect(try await clock().outcome == "open")
        stage.move(to: try #require(Moment("2026-07-22T10:30:00Z")))
        try await stage.pump()
        let late = try await clock()
        #expect(late.outcome == "breached" && late.breachedAt?.seconds == before.startedAt.seconds + 50 * 3600)
    }
}
