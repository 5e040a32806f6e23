import Kernel
import Testing

@testable import ServiceLevels

@Suite("Calendars, contracts and durations")
struct CalendarTests {
    @Test("a calendar asset with revisions is read, and written as it was read")
    func roundTrip() throws {
        let text = """
            {"timezone": "Europe/Berlin", "week": {"mon": [["09:00", "17:00"]], "fri": [["22:00", "06:00"]]},
             "overrides": {"2026-12-24": [["09:00", "12:00"]], "2026-12-25": []},
             "revisions": [{"publishedAt": "2026-07-01T00:00:00Z", "week": {"tue": [["09:00", "24:00"]]},
                            "overrides": {"2026-07-14": []}}]}
            """
        let json = try JSONValue(parsing: text)
        var issues: [AssetIssue] = []
        let calendar = try #require(ServiceCalendar.parse(json, issues: &issues))
        #expect(issues.isEmpty)
        #expect(calendar.json == json)
        #expect(calendar.zone.version != "")
    }

    @Test("an asset may carry its kind and name, and nothing that a calendar does not know")
    func assetMembers() throws {
        var issues: [AssetIssue] = []
        let json: JSONValue = [
            "kind": "calendar", "name": "x", "timezone": "UTC", "week": ["mon": [["00:00", "24:00"]]], "holidays": [],
        ]
        #expect(ServiceCalendar.parse(json, issues: &issues) != nil)
        #expect(issues.map(\.pointer) == ["/holidays"])
    }

    @Test("ages are counted in service time")
    func ages() throws {
        let calendar = try officeHours()
        let friday = try at("2026-07-10T14:00:00Z")
        #expect(calendar.serviceSeconds(from: friday, to: try at("2026-07-13T08:00:00Z")) == 7200)
        #expect(calendar.serviceSeconds(from: friday, to: friday) == 0)
        #expect(calendar.serviceSeconds(from: friday.adding(seconds: 5), to: friday) == 0)
        #expect(calendar.instant(afterServiceSeconds: 7200, from: friday) == (try at("2026-07-13T08:00:00Z")))
        #expect(calendar.instant(afterServiceSeconds: 3600, from: friday) == (try at("2026-07-10T15:00:00Z")))
        #expect(calendar.isOpen(at: friday))
        #expect(!calendar.isOpen(at: try at("2026-07-10T15:00:00Z")))
    }

    @Test("a calendar that closes for good has no due date, and the clock still answers")
    func closesForGood() throws {
        let zone = try ZoneRules.load("UTC")
        let closing = ServiceCalendar.Revision(publishedAt: try at("2026-07-07T00:00:00Z"), week: [:], overrides: [:])
        let calendar = ServiceCalendar(zone: zone, week: ServiceCalendar.always(in: zone).week, revisions: [closing])
        let start = try at("2026-07-06T00:00:00Z")
        let reading = SLAClock.read(
            calendar: calendar, terms: ClockTerms(targetSeconds: 100_000), events: [ClockEvent(.start, at: start)],
            asOf: start.adding(seconds: 500_000))
        #expect(reading.elapsedSeconds == 86_400)
        #expect(reading.dueAt == nil && reading.overdueFrom == nil && reading.nextWakeUp == nil)
        #expect(calendar.instant(afterServiceSeconds: 100_000, from: start) == nil)
    }

    @Test("a clock of thirty years is read without walking its seconds")
    func thirtyYears() throws {
        let start = try at("1996-01-01T00:00:00Z")
        let reading = SLAClock.read(
            calendar: try aroundTheClock(), terms: ClockTerms(targetSeconds: 3600, warnPercents: [50]),
            events: [ClockEvent(.start, at: start)], asOf: try at("2026-01-01T00:00:00Z"))
        #expect(reading.elapsedSeconds == 10_958 * 86_400)
        #expect(reading.breachedAt == start.adding(seconds: 3600))
    }

    @Test("fractions of a second belong to the second in which they lie")
    func fractions() throws {
        let events = [
            ClockEvent(.start, at: try at("2026-05-05T10:00:00.900Z")), ClockEvent(.stop, at: try at("2026-05-05T11:00:00.100Z")),
        ]
        let reading = SLAClock.read(
            calendar: try aroundTheClock(), terms: ClockTerms(targetSeconds: 3600), events: events,
            asOf: try at("2026-05-05T12:00:00Z"))
        #expect(reading.elapsedSeconds == 3600 && reading.outcome == .met)
    }

    @Test("the clock wakes for each warning and then for the breach, one second after the target is used up")
    func wakeUps() throws {
        let start = try at("2026-05-05T10:00:00Z")
        let terms = ClockTerms(targetSeconds: 3600, warnPercents: [75, 50])
        var seen: [String] = []
        var now = start
        while let next = SLAClock.read(
            calendar: try aroundTheClock(), terms: terms, events: [ClockEvent(.start, at: start)], asOf: now
        ).nextWakeUp {
            seen.append(next.description)
            now = next
        }
        #expect(seen == ["2026-05-05T10:30:00Z", "2026-05-05T10:45:00Z", "2026-05-05T11:00:01Z"])
    }

    @Test("a paused or stopped clock has nothing to wake for")
    func noWakeUp() throws {
        let start = try at("2026-05-05T10:00:00Z")
        for kind in [ClockEvent.Kind.pause(reason: "x"), .stop, .cancel] {
            let events = [ClockEvent(.start, at: start), ClockEvent(kind, at: start.adding(seconds: 60))]
            let reading = SLAClock.read(
                calendar: try aroundTheClock(), terms: ClockTerms(targetSeconds: 3600), events: events,
                asOf: start.adding(seconds: 90))
            #expect(reading.nextWakeUp == nil)
        }
    }

    @Test("events are written as they are read")
    func eventCoding() throws {
        let moment = try at("2026-05-05T10:00:00.123456Z")
        let kinds: [ClockEvent.Kind] = [
            .start, .reopen, .retarget(seconds: 60), .resume(reason: "waiting"), .pause(reason: ""), .respond(isHuman: true),
            .respond(isHuman: false), .stop, .cancel,
        ]
        for kind in kinds {
            let event = ClockEvent(kind, at: moment)
            #expect(try ClockEvent(json: JSONValue(parsing: event.json.text)) == event)
        }
        #expect(throws: Refusal.self) { try ClockEvent(json: ["type": "start"]) }
    }

    @Test("an objective is read with its target in words or seconds")
    func objectives() throws {
        var issues: [AssetIssue] = []
        let json: JSONValue = [
            "name": "approval-cycle", "target": "4h 30m", "warnPercents": [90, 75], "pauseReasons": ["supplier"],
        ]
        let objective = try #require(SLAObjective.parse(json, issues: &issues))
        #expect(issues.isEmpty)
        #expect(objective.name == .approvalCycle && objective.targetSeconds == 16_200 && objective.warnPercents == [75, 90])
        #expect(SLAObjective.parse(objective.json, issues: &issues) == objective)
        for (wrong, pointer) in [
            (["name": "approval", "targetSeconds": 5], "/name"), (["name": "posting", "target": "2 days"], "/target"),
            (["name": "posting"], "/targetSeconds"), (["name": "posting", "target": "1h", "targetSeconds": 5], "/target"),
        ] as [(JSONValue, String)] {
            var issues: [AssetIssue] = []
            #expect(SLAObjective.parse(wrong, issues: &issues) == nil)
            #expect(issues.first?.pointer == pointer)
        }
    }

    @Test("a contract is written as it is read")
    func contractCoding() throws {
        let one = """
            {"targetSeconds":60,"warnPercents":[75],"reopen":"restart","metric":"posting","pauseReasons":["a"],
            "maintenance":{"noticeSeconds":5}}
            """
        let several = """
            {"versions":[{"effectiveFrom":"2026-01-01T00:00:00Z","targetSeconds":60,"reopen":"resume","metric":"resolution"}]}
            """
        for text in [one.replacing("\n", with: ""), several] {
            var issues: [AssetIssue] = []
            let contract = try #require(ServiceContract.parse(try JSONValue(parsing: text), issues: &issues))
            #expect(contract.json.text == text && issues.isEmpty)
        }
        var issues: [AssetIssue] = []
        let twice = """
            {"versions": [{"effectiveFrom": "2026-01-01T00:00:00Z", "targetSeconds": 6},
                          {"effectiveFrom": "2026-01-01T01:00:00+01:00", "targetSeconds": 7}]}
            """
        #expect(ServiceContract.parse(try JSONValue(parsing: twice), issues: &issues) == nil)
        #expect(issues.first?.pointer == "/versions")
    }

    @Test(
        "durations read as the console says them",
        arguments: [
            (7_980, "2 h 13 m", "2 h 13 m"), (780, "13 m", "13 m"), (45, "45 s", "45 s"), (0, "0 s", "0 s"),
            (61, "1 m 1 s", "1 m 1 s"),
            (187_200, "52 h", "2 d 4 h"), (532_800, "148 h", "6 d 4 h"), (-3_900, "−1 h 5 m", "−1 h 5 m"),
            (7_199, "1 h 59 m", "1 h 59 m"),
        ])
    func durations(seconds: Int64, service: String, wall: String) {
        #expect(ServiceDuration.text(seconds) == service)
        #expect(ServiceDuration.wallText(seconds) == wall)
    }

    @Test("durations in files are hours, minutes and seconds, and nothing else")
    func durationParsing() {
        #expect(ServiceDuration.seconds(of: "4h") == 14_400)
        #expect(ServiceDuration.seconds(of: "4h 30m") == 16_200)
        #expect(ServiceDuration.seconds(of: "90m15s") == 5_415)
        for wrong in ["", "h", "4", "2d", "30m 4h", "4h4h", "0h", " 4h", "4h 30", "-4h", "99999999999h", "4 h"] {
            #expect(ServiceDuration.seconds(of: wrong) == nil, "\(wrong)")
        }
    }
}
