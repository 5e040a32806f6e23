import Kernel
import ServiceLevels
import TestBasics
import Testing

@testable import Reports

@Suite("Counts of random months agree with counting by hand")
struct TallyPropertyTests {
    /// A clock around the clock without pauses: whoever reads it needs no calendar.
    private struct Plain {
        let start: Int64
        let stop: Int64?
        let isCancelled: Bool
    }

    private static let target: Int64 = 3600

    private static func terms(_ month: String = "2026-05") throws -> ReportTerms {
        let zone = try ZoneRules.load("UTC")
        return try ReportTerms(
            tenant: "t", contract: "c", version: "1", title: "C", month: month, zone: zone,
            objectives: [
                ReportTerms.Objective(
                    name: "posting", title: "Posting", terms: ClockTerms(targetSeconds: target),
                    share: ServiceShare(decimal("0.9")),
                    tiers: [])
            ], maintenance: [], availability: nil, calendar: .always(in: zone), credits: nil, exclusions: ["customer"])
    }

    private static func clocks(_ dice: inout Seeded, _ period: Span) -> [Plain] {
        (0..<Int.random(in: 0...60, using: &dice)).map { _ in
            let start = Int64.random(in: period.start - 10_000...period.end + 2000, using: &dice)
            let hasEnded = Int.random(in: 0..<10, using: &dice) > 0
            return Plain(
                start: start, stop: hasEnded ? start + Int64.random(in: 0...8000, using: &dice) : nil,
                isCancelled: Int.random(in: 0..<8, using: &dice) == 0)
        }
    }

    private static func line(_ plain: Plain, _ index: Int) -> ClockLine {
        var events = [ClockEvent(.start, at: Moment(seconds: plain.start))]
        if let stop = plain.stop { events.append(ClockEvent(plain.isCancelled ? .cancel : .stop, at: Moment(seconds: stop))) }
        return ClockLine(
            clock: "\(1000 + index)", subject: CaseSubject("run", "r"), objective: "posting", calendar: "always", events: events, recordedBreachAt: nil)
    }

    @Test("met, missed, open and cancelled are what a plain reading of the clocks says, in any order and over any interruption")
    func agreesWithOracle() throws {
        var dice = Seeded("counts of a month")
        let terms = try TallyPropertyTests.terms()
        for _ in 0..<200 {
            let plains = TallyPropertyTests.clocks(&dice, terms.period)
            var expected = MonthTally.Count()
            for one in plains where one.start < terms.period.end {
                let breach = one.start + TallyPropertyTests.target
                // What happens in or after the last second's end has not happened yet.
                let stop = one.stop.flatMap { $0 < terms.period.end ? $0 : nil }
                if (stop.map { $0 > breach } ?? true) && breach < terms.period.end {
                    if breach >= terms.period.start { expected.breached += 1 }
                } else if let stop {
                    guard stop >= terms.period.start else { continue }
                    if one.isCancelled { expected.cancelled += 1 } else { expected.met += 1 }
                } else {
                    expected.open += 1
                }
            }
            var lines = plains.enumerated().map { TallyPropertyTests.line($0.element, $0.offset) }
            var tally = MonthTally(terms)
            for line in lines { tally.take(line, terms: terms, calendar: terms.calendar) }
            #expect(tally.counts["posting"] == expected)
            lines.shuffle(using: &dice)
            var other = MonthTally(terms)
            for (index, line) in lines.enumerated() {
                other.take(line, terms: terms, calendar: terms.calendar)
                if index % 7 == 3 { other = try MonthTally(json: other.json) }
            }
            #expect(other == tally)
            try exclusions(tally, terms, &dice)
        }
    }

    @Test("a target that is used up around the end of a month is missed in exactly one of the two", arguments: -2...2)
    func atTheEnd(offset: Int64) throws {
        let (may, june) = (try TallyPropertyTests.terms(), try TallyPropertyTests.terms("2026-06"))
        let plain = Plain(
            start: may.period.end - TallyPropertyTests.target + offset, stop: may.period.end + 7200, isCancelled: false)
        let missed = try [may, june].map { terms in
            var tally = MonthTally(terms)
            tally.take(TallyPropertyTests.line(plain, 1), terms: terms, calendar: terms.calendar)
            return try #require(tally.counts["posting"])
        }
        #expect(missed.map(\.breached) == (offset < 0 ? [1, 0] : [0, 1]))
        #expect(missed.map(\.open) == (offset < 0 ? [0, 0] : [1, 0]))
    }

    /// No set of exclusions lifts a share above one or counts a case that was not there.
    private func exclusions(
        _ tally: MonthTally, _ terms: ReportTerms, _ dice: inout Seeded
    ) throws {
        let chosen = tally.breaches.filter { _ in Bool.random(using: &dice) }
        let justified = Dictionary(
            uniqueKeysWithValues: chosen.map { ($0.key, Justification(cause: "customer", text: "x", isExcluded: true)) })
        let before = try ReportFigures(terms, tally, IncidentTally(), justified: [:]).objectives[0]
        let after = try ReportFigures(terms, tally, IncidentTally(), justified: justified).objectives[0]
        #expect(after.met <= after.n)
        #expect(after.met == before.met)
        #expect(after.n + after.excluded == before.n)
        #expect(after.excluded == Int64(chosen.count))
        #expect((after.isKept == nil) == (after.n == 0))
    }
}
