import Kernel
import TestBasics
import Testing

@testable import Workflows

/// Helpers of the tests about schedules.
enum SampleSchedule {
    static func parse(_ schedule: JSONValue, head: JSONObject = [:]) throws -> (schedule: Schedule?, issues: [AssetIssue]) {
        var head = head
        head["schedule"] = schedule
        let (definition, issues) = try Small.parse(#"[{"keep": {"set": {"a": "1"}}}]"#, head: head)
        return (definition?.schedule, issues)
    }

    static func timetable(_ schedule: JSONValue) throws -> Timetable {
        let (found, issues) = try parse(schedule)
        #expect(issues.isEmpty, "\(issues)")
        return try #require(found).timetable
    }

    /// The next times as the zone's clocks show them.
    static func times(_ schedule: JSONValue, after: String, count: Int) throws -> [String] {
        let table = try timetable(schedule)
        let start = try #require(Moment(after))
        return table.times(after: start, count: count) { $0.weekday <= 5 }.map(table.spoken)
    }
}

@Suite("when workflows begin by themselves")
struct TimetableTests {
    @Test("a time that clocks skip is the instant of their jump, and a time that they show twice is the first of the two")
    func daylight() throws {
        let night: JSONValue = ["at": ["02:30"], "zone": "Europe/Berlin"]
        #expect(
            try SampleSchedule.times(night, after: "2026-03-28T00:00:00Z", count: 3) == [
                "2026-03-28 02:30 CET +01:00", "2026-03-29 03:00 CEST +02:00", "2026-03-30 02:30 CEST +02:00",
            ])
        #expect(
            try SampleSchedule.times(night, after: "2026-10-24T12:00:00Z", count: 2) == [
                "2026-10-25 02:30 CEST +02:00", "2026-10-26 02:30 CET +01:00",
            ])
        let table = try SampleSchedule.timetable(night)
        let first = try #require(Moment("2026-10-25T00:30:00Z"))
        #expect(table.next(after: first) { _ in true } == Moment("2026-10-26T01:30:00Z"), "not again an hour later")
    }

    @Test("times that fall on one instant are one time")
    func collapsed() throws {
        let several: JSONValue = ["at": ["02:00", "02:30", "03:00"], "zone": "Europe/Berlin"]
        #expect(
            try SampleSchedule.times(several, after: "2026-03-29T00:30:00Z", count: 2) == [
                "2026-03-29 03:00 CEST +02:00", "2026-03-30 02:00 CEST +02:00",
            ])
    }

    @Test("where clocks jump over midnight the evening's time is the first instant of the next day")
    func overMidnight() throws {
        #expect(
            try SampleSchedule.times(
                ["at": ["23:30"], "days": ["sat"], "zone": "America/Nuuk"], after: "2026-03-27T00:00:00Z", count: 2) == [
                    "2026-03-29 00:00 -01:00", "2026-04-04 23:30 -01:00",
                ])
    }

    @Test("a date that a zone leaves out has no times")
    func datelessDay() throws {
        #expect(
            try SampleSchedule.times(
                ["at": ["09:00"], "days": ["fri", "sat"], "zone": "Pacific/Apia"], after: "2011-12-29T00:00:00Z", count: 2) == [
                    "2011-12-31 09:00 +14:00", "2012-01-06 09:00 +14:00",
                ])
    }

    @Test("month ends, days that a month lacks, and leap days")
    func months() throws {
        let ends: JSONValue = ["at": ["18:00"], "days": ["ofMonth": ["last"]], "zone": "UTC"]
        #expect(
            try SampleSchedule.times(ends, after: "2028-01-31T18:00:00Z", count: 3) == [
                "2028-02-29 18:00 UTC +00:00", "2028-03-31 18:00 UTC +00:00", "2028-04-30 18:00 UTC +00:00",
            ])
        let late: JSONValue = ["at": ["18:00"], "days": ["ofMonth": [30]], "zone": "UTC"]
        #expect(
            try SampleSchedule.times(late, after: "2026-01-30T18:00:00Z", count: 2) == [
                "2026-03-30 18:00 UTC +00:00", "2026-04-30 18:00 UTC +00:00",
            ])
    }

    @Test("the n-th and the last business day of a month")
    func businessDays() throws {
        let days: JSONValue = [
            "at": ["07:30"], "days": ["business": "weekdays", "nth": [1, "last"]], "zone": "Europe/Berlin",
        ]
        // August 2026 begins on a Saturday; May ends on a Sunday.
        #expect(
            try SampleSchedule.times(days, after: "2026-05-20T00:00:00Z", count: 2) == [
                "2026-05-29 07:30 CEST +02:00", "2026-06-01 07:30 CEST +02:00",
            ])
        #expect(
            try SampleSchedule.times(days, after: "2026-07-31T12:00:00Z", count: 2) == [
                "2026-08-03 07:30 CEST +02:00", "2026-08-31 07:30 CEST +02:00",
            ])
        let never = try SampleSchedule.timetable(days)
        #expect(never.next(after: Moment(seconds: 0), isBusinessDay: { _ in false }) == nil)
    }

    @Test("the rule of a zone holds beyond the years that its data spell out")
    func farAway() throws {
        let daily: JSONValue = ["at": ["02:30"], "zone": "Europe/Berlin"]
        // In 2110 the last Sunday of March is the 30th, and of October the 26th.
        #expect(
            try SampleSchedule.times(daily, after: "2110-03-29T12:00:00Z", count: 1) == ["2110-03-30 03:00 CEST +02:00"])
        #expect(
            try SampleSchedule.times(daily, after: "2110-10-25T12:00:00Z", count: 1) == ["2110-10-26 02:30 CEST +02:00"])
    }

    @Test("a pace counts minutes of UTC, whatever clocks do")
    func pace() throws {
        #expect(
            try SampleSchedule.times(["every": "PT90M"], after: "2026-03-29T00:00:00Z", count: 3) == [
                "2026-03-29 01:30 UTC +00:00", "2026-03-29 03:00 UTC +00:00", "2026-03-29 04:30 UTC +00:00",
            ])
        let table = try SampleSchedule.timetable(["every": ["minutes": 1]])
        let start = Moment(seconds: 1_783_000_000)
        let due = table.due(after: start, through: start.adding(seconds: 86_400 * 900), keep: 3) { _ in true }
        #expect(due.count == 366 * 1440, "a year back, and no further")
        #expect(due.last.count == 3 && due.last.last == start.adding(seconds: 86_400 * 900 - 40))
    }

    // MARK: Properties

    /// Looks at every minute of the zone's clocks, and never at instants of its rules.
    private static func scanned(
        _ minutes: [Int], zone: ZoneRules, from: Moment, days: Int, fits: (CivilDate) -> Bool
    ) -> [Moment] {
        var told: Set<String> = []
        var found: [Moment] = []
        var last: CivilDate?
        for minute in 0..<(days * 1440) {
            let at = from.adding(seconds: Int64(minute) * 60)
            let local = zone.localTime(at: at)
            func tell(_ date: CivilDate, through limit: Int) {
                for minute in minutes where minute * 60 <= limit && fits(date) && told.insert("\(date) \(minute)").inserted {
                    if found.last != at { found.append(at) }
                }
            }
            // What the clocks of a day never reached comes with the first minute of the next.
            if let last, last < local.date { tell(last, through: 86_400) }
            tell(local.date, through: local.secondOfDay)
            last = local.date
        }
        return found
    }

    @Test("the next times are those that somebody finds who looks at the clocks every minute")
    func minuteOracle() throws {
        var random = Seeded("next times against every minute")
        let names = [
            "Europe/Berlin", "America/New_York", "America/Nuuk", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia",
            "Africa/Casablanca", "Asia/Kolkata",
        ]
        for round in 0..<24 {
            let zone = try ZoneRules.load(names[random.int(0...names.count - 1)])
            var from = Moment(
                seconds: Int64(random.int(1_200_000_000...(round % 6 == 5 ? 4_400_000_000 : 1_900_000_000))) / 60 * 60)
            // Most of what can go wrong is where clocks change.
            for day in 0..<400
            where zone.offsetSeconds(at: from.adding(seconds: Int64(day) * 86_400)) != zone.offsetSeconds(at: from) {
                from = from.adding(seconds: Int64(day - 6) * 86_400)
                break
            }
            let minutes = Set((0..<random.int(1...4)).map { _ in random.int(0...287) * 5 }).sorted()
            let places = Set((0..<3).map { _ in random.int(1...22) })
            let choice = random.int(0...2)
            let days: Timetable.Days =
                switch choice {
                case 0: .week(Set((0..<4).map { _ in random.int(1...7) }))
                case 1: .month(Set((0..<8).map { _ in random.int(1...31) }), last: true)
                default: .business(calendar: "c", places: places, last: true)
                }
            let isOpen: (CivilDate) -> Bool = { $0.weekday != 7 && $0.day % 9 != 0 }
            let fits: (CivilDate) -> Bool = { date in
                switch days {
                case .week(let wanted): return wanted.contains(date.weekday)
                case .month(let wanted, _): return wanted.contains(date.day) || date.adding(days: 1).day == 1
                case .business:
                    guard isOpen(date) else { return false }
                    let before = (1..<32).prefix { $0 < date.day }.filter { isOpen(date.adding(days: -$0)) }.count
                    var rest = date.adding(days: 1)
                    while rest.month == date.month, !isOpen(rest) { rest = rest.adding(days: 1) }
                    return places.contains(before + 1) || rest.month != date.month
                }
            }
            let table = Timetable(.at(minutes: minutes, days, zone: zone))
            let oracle = TimetableTests.scanned(minutes, zone: zone, from: from, days: 24, fits: fits)
            // The first days of the scan do not know what came before them.
            let start = from.adding(seconds: 3 * 86_400)
            let wanted = oracle.filter { $0 > start }
            let given = table.times(after: start, count: wanted.count, isBusinessDay: isOpen)
            #expect(given == wanted, "\(zone.identifier) from \(start) at \(minutes) on \(days)")
            let end = from.adding(seconds: 24 * 86_400 - 60)
            let due = table.due(after: start, through: end, keep: 5, isBusinessDay: isOpen)
            #expect(due.count == wanted.count && due.first == wanted.first && due.last == Array(wanted.suffix(5)))
        }
    }
}

@Suite("schedules as they are written")
struct ScheduleParsingTests {
    @Test("what is read is kept and read again alike")
    func roundTrip() throws {
        let written: JSONValue = [
            "at": ["16:00", "07:30"], "days": ["mon", "fri"], "zone": "Europe/Berlin",
            "overlap": ["policy": "queue", "most": 3], "catchUp": ["policy": "all", "most": 7],
            "input": ["day": "${ schedule.date }", "at": "${ schedule.nominal }", "n": "${ schedule.number }"],
        ]
        let (found, issues) = try SampleSchedule.parse(written)
        #expect(issues.isEmpty, "\(issues)")
        let first = try #require(found)
        let again = try #require(Schedule.read(first.json))
        for schedule in [first, again] {
            #expect(schedule.overlap == .queue && schedule.overlapMax == 3)
            #expect(schedule.catchUp == .all && schedule.catchUpMax == 7)
            #expect(schedule.timetable.words == "at 07:30, 16:00 on Mon, Fri (Europe/Berlin)")
            // Local, it is the next day already.
            let input = try schedule.input(nominal: try #require(Moment("2026-03-01T23:30:00Z")), number: 4)
            #expect(input == ["day": "2026-03-02", "at": "2026-03-01T23:30:00.000Z", "n": 4])
        }
    }

    @Test("an event and times may begin the same workflow")
    func both() throws {
        let schedule: JSONValue = ["on": ["with": ["type": "bank.paid"]], "every": "PT1H"]
        let (definition, issues) = try Small.parse(
            #"[{"keep": {"set": {"a": "1"}}}]"#, head: ["schedule": schedule])
        #expect(issues.isEmpty && definition?.beginning != nil && definition?.schedule != nil, "\(issues)")
        #expect(definition?.schedule?.json["on"] == nil)
    }

    @Test(
        "what is wrong is told at its place",
        arguments: [
            (#"{}"#, "/schedule"), (#"{"every": "PT90S"}"#, "/schedule/every"), (#"{"every": "P8D"}"#, "/schedule/every"),
            (#"{"every": "PT1H", "zone": "UTC"}"#, "/schedule/zone"), (#"{"at": ["07:30"]}"#, "/schedule"),
            (#"{"at": ["7:30"], "zone": "UTC"}"#, "/schedule/at/0"), (#"{"at": ["24:00"], "zone": "UTC"}"#, "/schedule/at/0"),
            (#"{"at": [450], "zone": "UTC"}"#, "/schedule/at/0"), (#"{"at": [], "zone": "UTC"}"#, "/schedule/at"),
            (#"{"at": ["07:30", "07:30"], "zone": "UTC"}"#, "/schedule/at/1"),
            (#"{"at": ["07:30"], "zone": "Europe/Nowhere"}"#, "/schedule/zone"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": []}"#, "/schedule/days"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": ["monday"]}"#, "/schedule/days/0"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": {}}"#, "/schedule/days"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": {"ofMonth": [32]}}"#, "/schedule/days/ofMonth/0"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": {"ofMonth": []}}"#, "/schedule/days/ofMonth"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": {"ofMonth": [1], "nth": [1]}}"#, "/schedule/days/nth"),
            (#"{"at": ["07:30"], "zone": "UTC", "days": {"business": "c", "nth": [0]}}"#, "/schedule/days/nth/0"),
            (#"{"every": "PT1H", "overlap": "skp"}"#, "/schedule/overlap"),
            (#"{"every": "PT1H", "overlap": {"policy": "queue", "most": 101}}"#, "/schedule/overlap/most"),
            (#"{"every": "PT1H", "overlap": {"policy": "skip", "most": 2}}"#, "/schedule/overlap/most"),
            (#"{"every": "PT1H", "catchUp": "all"}"#, "/schedule/catchUp"),
            (#"{"every": "PT1H", "input": "${ run.id }"}"#, "/schedule/input"),
            (#"{"every": "PT1H", "evry": 1}"#, "/schedule/evry"),
        ])
    func located(_ text: String, _ pointer: String) throws {
        let (_, issues) = try SampleSchedule.parse(try JSONValue(parsing: text))
        #expect(issues.map(\.pointer) == [pointer], "\(issues)")
        #expect(issues.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test("a schedule cannot end runs alone where that takes two people")
    func twoPeople() throws {
        let schedule: JSONValue = ["every": "PT1H", "overlap": "cancelRunning"]
        #expect(try SampleSchedule.parse(schedule).issues.isEmpty)
        let guarded = try SampleSchedule.parse(schedule, head: ["secondPerson": ["cancel"]])
        #expect(guarded.issues.map(\.pointer) == ["/schedule/overlap"], "\(guarded.issues)")
    }

    @Test("an input that cannot be made is refused, and says why")
    func input() throws {
        let (found, issues) = try SampleSchedule.parse(["every": "PT1H", "input": ["n": "${ 10 / (schedule.number - 1) }"]])
        #expect(issues.isEmpty, "\(issues)")
        let schedule = try #require(found)
        #expect(throws: Refusal.self) { try schedule.input(nominal: Moment(seconds: 0), number: 1) }
        #expect(try schedule.input(nominal: Moment(seconds: 0), number: 3) == ["n": 5])
    }
}
