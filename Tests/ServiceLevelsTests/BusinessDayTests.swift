import Kernel
import Testing

@testable import ServiceLevels

@Suite("business days of a calendar")
struct BusinessDayTests {
    private func calendar(_ extra: JSONObject = [:]) throws -> ServiceCalendar {
        var json: JSONObject = [
            "timezone": "Europe/Berlin",
            "week": ["mon": [["08:00", "18:00"]], "tue": [["08:00", "18:00"]], "fri": [["22:00", "06:00"]]],
        ]
        for member in extra { json[member.key] = member.value }
        var issues: [AssetIssue] = []
        let found = ServiceCalendar.parse(.object(json), issues: &issues)
        return try #require(found, "\(issues)")
    }

    private func days(_ calendar: ServiceCalendar, _ dates: String...) -> [Bool] {
        dates.compactMap { CivilDate($0) }.map(calendar.isBusinessDay)
    }

    @Test("a day counts when service begins on it, and not for the hours after midnight of the evening before")
    func week() throws {
        // 2026-03-02 is a Monday.
        #expect(try days(calendar(), "2026-03-02", "2026-03-04", "2026-03-06", "2026-03-07") == [true, false, true, false])
    }

    @Test("a date that the calendar names goes before its day of the week")
    func override() throws {
        let named = try calendar(["overrides": ["2026-03-02": [], "2026-03-04": [["10:00", "11:00"]]]])
        #expect(days(named, "2026-03-02", "2026-03-04", "2026-03-09") == [false, true, true])
    }

    @Test("a revision holds for the days that begin once it is published")
    func revision() throws {
        let revised = try calendar([
            "overrides": ["2026-03-16": []],
            "revisions": [
                ["publishedAt": "2026-03-09T12:00:00Z", "week": ["wed": [["08:00", "12:00"]]]],
                ["publishedAt": "2026-03-10T00:00:00Z", "overrides": ["2026-03-11": []]],
            ],
        ])
        #expect(days(revised, "2026-03-09", "2026-03-10", "2026-03-11", "2026-03-18") == [true, false, false, true])
        #expect(days(revised, "2026-03-16", "2026-03-17") == [false, false])
    }
}
