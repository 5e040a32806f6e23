import Kernel
import TestBasics
import Testing

@testable import ServiceLevels

/// A random clock on whole minutes around a change of clocks.
private struct Scenario {
    let calendar: ServiceCalendar
    let terms: ClockTerms
    let maintenance: [MaintenanceWindow]
    let events: [ClockEvent]
    let from: Int64
    let asOf: Int64

    /// A zone, and a second shortly before each of some changes in it.
    static let places: [(zone: String, around: [String])] = [
        ("Europe/Berlin", ["2026-03-29T01:00:00Z", "2026-10-25T01:00:00Z"]),
        ("America/New_York", ["2026-03-08T07:00:00Z", "2026-11-01T06:00:00Z"]),
        ("Australia/Lord_Howe", ["2026-04-04T15:00:00Z", "2026-10-03T15:30:00Z"]),
        ("Asia/Kathmandu", ["2026-06-01T00:00:00Z", "1985-12-31T18:30:00Z"]),
        ("America/Sao_Paulo", ["2017-10-15T03:00:00Z", "2018-02-18T02:00:00Z", "2018-11-04T03:00:00Z"]),
        ("America/St_Johns", ["2006-04-02T03:31:00Z", "2006-10-29T02:31:00Z"]),
        ("Pacific/Apia", ["2011-12-30T10:00:00Z"]),
        ("UTC", ["2026-07-01T00:00:00Z"]),
    ]

    init(_ dice: inout Seeded) throws {
        let place = Scenario.places[dice.int(0...Scenario.places.count - 1)]
        let change = try at(place.around[dice.int(0...place.around.count - 1)]).seconds
        let start = change - Int64(dice.int(0...4 * 1440)) * 60
        from = start - start % 60
        asOf = from + Int64(dice.int(0...8 * 1440)) * 60
        let end = asOf
        let zone = try ZoneRules.load(place.zone)
        let today = zone.localTime(at: Moment(seconds: change)).date
        var overrides: [CivilDate: [ServiceWindow]] = [:]
        for _ in 0..<dice.int(0...2) { overrides[today.adding(days: dice.int(-4...4))] = Scenario.windows(&dice) }
        var revisions: [ServiceCalendar.Revision] = []
        if dice.isLucky(oneIn: 3) {
            revisions.append(
                ServiceCalendar.Revision(
                    publishedAt: Moment(seconds: from + Int64(dice.int(0...6 * 1440)) * 60),
                    week: dice.isLucky(oneIn: 2) ? Scenario.week(&dice) : nil,
                    overrides: [today.adding(days: dice.int(-3...3)): Scenario.windows(&dice)]))
        }
        calendar = ServiceCalendar(zone: zone, week: Scenario.week(&dice), overrides: overrides, revisions: revisions)
        terms = ClockTerms(
            targetSeconds: Int64(dice.int(1...3_000)) * 60, warnPercents: [50, 80, 150],
            pauseReasons: dice.isLucky(oneIn: 2) ? ["a", "b"] : nil,
            maintenanceNoticeSeconds: dice.isLucky(oneIn: 2) ? 86_400 : nil)
        let first = from
        func minute(_ dice: inout Seeded) -> Moment {
            Moment(seconds: first + Int64(dice.int(0...max(1, Int((end - first) / 60)))) * 60)
        }
        maintenance = (0..<dice.int(0...2)).map { _ in
            let opening = minute(&dice)
            return MaintenanceWindow(
                announcedAt: opening.adding(seconds: -Int64(dice.int(0...2)) * 86_400), start: opening,
                end: opening.adding(seconds: Int64(dice.int(0...600)) * 60))
        }
        var events = [ClockEvent(.start, at: Moment(seconds: from))]
        for _ in 0..<dice.int(0...8) {
            let reason = ["a", "b", "c"][dice.int(0...2)]
            let kinds: [ClockEvent.Kind] = [
                .pause(reason: reason), .resume(reason: reason), .pause(reason: "a"), .resume(reason: "a"), .stop, .reopen,
                .retarget(seconds: Int64(dice.int(1...3_000)) * 60), .start,
            ]
            events.append(ClockEvent(kinds[dice.int(0...kinds.count - 1)], at: minute(&dice)))
        }
        self.events = events
    }

    static func week(_ dice: inout Seeded) -> [Int: [ServiceWindow]] {
        var week: [Int: [ServiceWindow]] = [:]
        for day in 1...7 where !dice.isLucky(oneIn: 5) { week[day] = windows(&dice) }
        return week
    }

    /// Edges on quarters of an hour, with a liking for those that clock changes touch.
    static func windows(_ dice: inout Seeded) -> [ServiceWindow] {
        (0..<dice.int(0...2)).map { _ in
            let edges = (0..<2).map { _ in
                dice.isLucky(oneIn: 3)
                    ? [0, 900, 3600, 7200, 8100, 9000, 10_800, 86_400][dice.int(0...7)] : dice.int(0...96) * 900
            }
            return ServiceWindow(from: edges[0], to: edges[1])
        }
    }

    func reading(_ events: [ClockEvent]? = nil, asOf moment: Int64? = nil, isTraced: Bool = false) -> ClockReading {
        SLAClock.read(
            calendar: calendar, terms: terms, maintenance: maintenance, events: events ?? self.events,
            asOf: Moment(seconds: moment ?? asOf), isTraced: isTraced)
    }
}

@Suite("Properties of the clock")
struct ClockPropertyTests {
    /// Random clocks, one after another, from one printed seed.
    private func scenarios(
        _ count: Int, for property: String, _ body: (Scenario, _ turn: Int, inout Seeded) throws -> Void
    ) throws {
        var dice = Seeded(property)
        for turn in 0..<count { try body(try Scenario(&dice), turn, &dice) }
    }

    @Test("a minute-by-minute look at local clocks counts the same service time, around every change of clocks")
    func agreesWithTheOracle() throws {
        try scenarios(200, for: "agreesWithTheOracle") { scenario, turn, _ in
            let oracle = MinuteOracle(calendar: scenario.calendar, from: scenario.from, until: scenario.asOf + 60)
            let slow = MinuteClock(
                oracle, terms: scenario.terms, maintenance: scenario.maintenance, events: scenario.events, until: scenario.asOf)
            let reading = scenario.reading()
            let label = "turn \(turn) in \(scenario.calendar.zone.identifier)"
            #expect(
                scenario.calendar.serviceSeconds(from: Moment(seconds: scenario.from), to: Moment(seconds: scenario.asOf))
                    == oracle.seconds(from: scenario.from, to: scenario.asOf), "service time, \(label)")
            #expect(reading.elapsedSeconds == slow.elapsed, "elapsed, \(label)")
            #expect(reading.breachedAt?.seconds == slow.breachedAt, "breach, \(label)")
            #expect((reading.state == .running) == (slow.isRunning && !slow.isPaused), "state, \(label)")
            #expect((reading.outcome == .breached) == (slow.breachedAt != nil), "outcome, \(label)")
            if let due = slow.dueAt { #expect(reading.dueAt?.seconds == due, "due, \(label)") }
            if reading.state == .paused, slow.dueAt == nil { #expect(reading.dueAt == nil, "due while paused, \(label)") }
        }
    }

    @Test("service time adds up: from a to c is from a to b and from b to c")
    func additivity() throws {
        try scenarios(300, for: "additivity") { scenario, _, dice in
            let moments = (0..<3).map { _ in Moment(seconds: scenario.from + Int64(dice.int(0...700_000))) }.sorted()
            let parts = [(0, 1), (1, 2), (0, 2)].map { scenario.calendar.serviceSeconds(from: moments[$0.0], to: moments[$0.1]) }
            #expect(parts[0] + parts[1] == parts[2])
        }
    }

    @Test("counted time never falls as time passes, and a breach once seen keeps its date")
    func monotonicity() throws {
        try scenarios(150, for: "monotonicity") { scenario, _, _ in
            var elapsed: Int64 = 0
            var breachedAt: Moment?
            for second in stride(from: scenario.from, through: scenario.asOf, by: 7 * 3600 + 13) {
                let reading = scenario.reading(asOf: second)
                #expect(reading.elapsedSeconds >= elapsed)
                elapsed = reading.elapsedSeconds
                if let seen = breachedAt { #expect(reading.breachedAt == seen) }
                breachedAt = reading.breachedAt
                #expect((reading.outcome == .breached) == (breachedAt != nil))
                if let breachedAt { #expect(breachedAt.seconds <= second) }
            }
        }
    }

    @Test("the order and the number of arrivals do not matter")
    func shuffling() throws {
        try scenarios(300, for: "shuffling") { scenario, _, dice in
            let expected = scenario.reading(isTraced: true)
            let events = (scenario.events + scenario.events.filter { _ in dice.isLucky(oneIn: 3) }).shuffled(using: &dice)
            #expect(scenario.reading(events, isTraced: true) == expected)
        }
    }

    @Test("the trace has no gaps, changes at every border, and its counted seconds are the elapsed time")
    func traces() throws {
        try scenarios(300, for: "traces") { scenario, _, _ in
            let reading = scenario.reading(isTraced: true)
            var position = Moment(seconds: scenario.from)
            var counted: Int64 = 0
            for interval in reading.trace {
                #expect(interval.from == position && interval.from < interval.to)
                if interval.isCounted { counted += interval.to.seconds - interval.from.seconds }
                position = interval.to
            }
            #expect(position == Moment(seconds: scenario.asOf))
            #expect(counted == reading.elapsedSeconds)
            for (left, right) in zip(reading.trace, reading.trace.dropFirst()) {
                #expect(left.isCounted != right.isCounted || left.reason != right.reason)
            }
        }
    }

    @Test("when nothing else happens, the clock does what it said it would, and sleeps until then")
    func projection() throws {
        var woken = 0
        try scenarios(300, for: "projection") { scenario, _, _ in
            let now = scenario.reading()
            guard let wakeUp = now.nextWakeUp else {
                #expect(now.state != .running || now.outcome == .breached || now.overdueFrom == nil)
                return
            }
            woken += 1
            #expect(now.state == .running && wakeUp.seconds > scenario.asOf)
            func facts(_ reading: ClockReading) -> [Moment?] { reading.warnings.map(\.firedAt) + [reading.breachedAt] }
            let before = scenario.reading(scenario.events.filter { $0.at.seconds <= scenario.asOf }, asOf: wakeUp.seconds - 1)
            let after = scenario.reading(scenario.events.filter { $0.at.seconds <= scenario.asOf }, asOf: wakeUp.seconds)
            #expect(facts(before) == facts(now), "something happened before the wake-up")
            #expect(facts(after) != facts(now), "nothing happened at the wake-up")
            #expect(after.dueAt == now.dueAt && after.overdueFrom == now.overdueFrom)
        }
        #expect(woken > 50)
    }

    @Test("a stop does not move the due date")
    func stopsKeepTheDueDate() throws {
        try scenarios(300, for: "stopsKeepTheDueDate") { scenario, _, dice in
            let running = scenario.events.filter { $0.type != "stop" && $0.type != "reopen" }
            let stopped = running + [ClockEvent(.stop, at: Moment(seconds: scenario.asOf - 60 * Int64(dice.int(0...500))))]
            let (with, without) = (scenario.reading(stopped), scenario.reading(running))
            guard with.state == .stopped, with.targetSeconds == without.targetSeconds else { return }
            #expect(with.dueAt == without.dueAt)
            #expect(with.overdueFrom == without.overdueFrom)
        }
    }
}
