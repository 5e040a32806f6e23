import Kernel
import Testing

@testable import ServiceLevels

/// Service Monday to Friday, 09:00 to 17:00 in Berlin; July is two hours ahead of UTC.
@Suite("calendars that are published in the place of others")
struct SuccessionTests {
    private static let office = [ServiceWindow(from: 9 * 3600, to: 17 * 3600)]
    private static let morning = [ServiceWindow(from: 9 * 3600, to: 12 * 3600)]

    private func calendar(
        _ windows: [ServiceWindow] = office, holidays: [String: [ServiceWindow]] = [:], zone: String = "Europe/Berlin"
    ) throws -> ServiceCalendar {
        ServiceCalendar(
            zone: try ZoneRules.load(zone), week: Dictionary(uniqueKeysWithValues: (1...5).map { ($0, windows) }),
            overrides: try Dictionary(
                uniqueKeysWithValues: holidays.map { (try #require(CivilDate($0.key)), $0.value) }))
    }

    private func due(_ calendar: ServiceCalendar) throws -> String? {
        // Wednesday 8 July 2026, 15:00 local, a target of eight hours.
        SLAClock.read(
            calendar: calendar, terms: ClockTerms(targetSeconds: 8 * 3600), maintenance: [],
            events: [ClockEvent(.start, at: try at("2026-07-08T13:00:00Z"))], asOf: try at("2026-07-08T14:00:00Z")
        ).dueAt?.text(fraction: 0)
    }

    @Test("a holiday that is published while a clock runs counts from then on")
    func holiday() throws {
        // Two hours on Wednesday, six on Thursday: 15:00 local. With Thursday off: Friday 15:00.
        let first = try calendar()
        #expect(try due(first) == "2026-07-09T13:00:00Z")
        let second = try calendar(holidays: ["2026-07-09": []])
        #expect(try due(first.followed(by: second, publishedAt: try at("2026-07-08T18:00:00Z"))) == "2026-07-10T13:00:00Z")
        // Published on Thursday at 11:00 local: the two hours until then stay counted, four remain for Friday: 13:00.
        #expect(try due(first.followed(by: second, publishedAt: try at("2026-07-09T09:00:00Z"))) == "2026-07-10T11:00:00Z")
        // Published when the day was over it changes nothing.
        #expect(try due(first.followed(by: second, publishedAt: try at("2026-07-09T20:00:00Z"))) == "2026-07-09T13:00:00Z")
    }

    @Test("a holiday that is taken back is a day of service again, and a third version stands on the second")
    func takenBack() throws {
        let first = try calendar(holidays: ["2026-07-09": []])
        #expect(try due(first) == "2026-07-10T13:00:00Z")
        let second = try calendar()
        let back = first.followed(by: second, publishedAt: try at("2026-07-08T18:00:00Z"))
        #expect(try due(back) == "2026-07-09T13:00:00Z")
        let third = try calendar(Self.morning)
        // Mornings only, from Wednesday 21:00 local: three hours on Thursday and three on Friday: 12:00 local.
        #expect(try due(back.followed(by: third, publishedAt: try at("2026-07-08T19:00:00Z"))) == "2026-07-10T10:00:00Z")
    }

    @Test("another zone is another calendar")
    func zone() throws {
        let other = try calendar(holidays: ["2026-07-09": []], zone: "Europe/Madrid")
        #expect(try due(calendar().followed(by: other, publishedAt: try at("2026-07-08T18:00:00Z"))) == "2026-07-09T13:00:00Z")
    }

    @Test("what the explain document lists gives the same calendar", arguments: ["2026-07-08T18:00:00Z", "2026-07-09T09:00:00Z"])
    func explained(publishedAt: String) throws {
        let made = try calendar().followed(by: try calendar(holidays: ["2026-07-09": []]), publishedAt: try at(publishedAt))
        let (calendar, revisions) = made.explained
        let events: JSONValue = [["at": "2026-07-08T13:00:00Z", "type": "start"]]
        let document: JSONValue = [
            "kind": "clock", "calendar": calendar, "calendarRevisions": .array(revisions),
            "contract": ["targetSeconds": 28_800], "events": events, "asOf": "2026-07-08T14:00:00Z",
        ]
        let answer = try SLAExplain.explain(document)
        #expect(answer["dueAt"]?.string == (try due(made)))
    }
}
