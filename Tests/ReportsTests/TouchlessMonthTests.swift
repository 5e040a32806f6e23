import Incidents
import Kernel
import Seals
import ServiceLevels
import Testing

@testable import Reports

@Suite("a month of runs that nobody should touch")
struct TouchlessMonthTests {
    private func terms(_ share: String, incidents: Bool = false) throws -> ReportTerms {
        let march = try ReportTerms.march()
        var objectives = [
            ReportTerms.Objective(
                name: "touchless", title: "Touchless", terms: nil,
                share: ServiceShare(try #require(ExactDecimal(share)), quietBelowCases: 2),
                tiers: [
                    Availability.Tier(
                        below: try #require(ExactDecimal("0.8")), creditPercent: try #require(ExactDecimal("5")))
                ])
        ]
        if incidents {
            objectives.append(
                ReportTerms.Objective(
                    name: "first-response", title: "First answer",
                    terms: ClockTerms(targetSeconds: 1800, metric: .firstResponse), share: nil, tiers: []))
        }
        return try ReportTerms(
            tenant: march.tenant, contract: march.contract, version: march.version, title: march.title, month: march.month,
            zone: march.zone, objectives: objectives, maintenance: [], availability: nil, calendar: march.calendar,
            credits: nil, exclusions: [])
    }

    private func line(_ run: String, _ cause: String, _ at: String = "2026-03-10T10:00:00Z") -> RunLine {
        RunLine(run: run, objective: "touchless", cause: cause, at: moment(at))
    }

    @Test(
        "the share is of all runs that ended: three of four are 75 %, kept for 0.75, missed for 0.76, and a credit under 0.8",
        arguments: [("0.75", true), ("0.76", false)])
    func share(promised: String, isKept: Bool) throws {
        let terms = try terms(promised)
        var tally = MonthTally(terms)
        for (run, cause) in [("a", "untouched"), ("b", "untouched"), ("c", "request"), ("d", "untouched")] {
            tally.take(line(run, cause), terms: terms)
        }
        let figures = try ReportFigures(terms, tally, IncidentTally(), justified: [:])
        let one = figures.objectives[0]
        #expect([one.met, one.missed, one.n, one.targetSeconds] == [3, 1, 4, 0])
        #expect(one.isKept == isKept && one.creditPercent == ExactDecimal("5"))
        #expect(tally.breaches.isEmpty && tally.missedClocks(terms) == 0, "touched runs are counted and not listed")
    }

    @Test("a run counts in the month in which it ended: the last second of March is March's, the first of April is not")
    func edges() throws {
        let terms = try terms("0.5")
        var tally = MonthTally(terms)
        // In Berlin March ends at 22:00 UTC, since clocks have changed on the 29th.
        let taken = [
            tally.take(line("a", "untouched", "2026-03-31T21:59:59Z"), terms: terms),
            tally.take(line("b", "request", "2026-03-31T22:00:00Z"), terms: terms),
            tally.take(line("c", "request", "2026-02-28T22:59:59Z"), terms: terms),
        ]
        #expect(taken == [true, false, false])
        #expect(tally.counts["touchless"] == MonthTally.Count(met: 1))
    }

    @Test("a month without a run has no share, and is neither kept nor missed")
    func none() throws {
        let terms = try terms("0.9")
        let figures = try ReportFigures(terms, MonthTally(terms), IncidentTally(), justified: [:])
        #expect(figures.objectives[0].isKept == nil && figures.objectives[0].n == 0)
    }

    @Test("the head of the data says what is judged without a clock, and old heads read as they did")
    func head() throws {
        let terms = try terms("0.9", incidents: true)
        let again = try ReportTerms(json: terms.json)
        #expect(
            again.json == terms.json && again.objectives[0].terms == nil && again.objectives[1].terms?.metric == .firstResponse)
    }

    @Test("a miss of an incident's clock names the incident by its number, also when it is read again")
    func incidentMiss() throws {
        let terms = try terms("0.9", incidents: true)
        var tally = MonthTally(terms)
        // Half an hour, from Monday 10:00 in Berlin to 10:30; answered at 10:40.
        let clock = ClockLine(
            clock: "c1", subject: CaseSubject("incident", "INC-12"), objective: "first-response", calendar: "office",
            events: [
                ClockEvent(.start, at: moment("2026-03-09T09:00:00Z")),
                ClockEvent(.respond(isHuman: true), at: moment("2026-03-09T09:40:00Z")),
            ], recordedBreachAt: nil)
        #expect(try ClockLine(json: clock.json) == clock)
        #expect(clock.json["incident"]?.string == "INC-12" && clock.json["run"] == nil)
        tally.take(clock, terms: terms, calendar: terms.calendar)
        let miss = try #require(tally.breaches.first)
        #expect(miss.key == "c1@2026-03-09T09:30:00Z" && miss.subject == CaseSubject("incident", "INC-12"))
        #expect(try MonthTally(json: tally.json) == tally)
        #expect(tally.missedClocks(terms) == 1)
    }

    @Test("the customer computes the share again from the attached runs")
    func verified() throws {
        let terms = try terms("0.5")
        var tally = MonthTally(terms)
        let runs = [line("a", "untouched"), line("b", "retried")]
        for run in runs { tally.take(run, terms: terms) }
        let lines = try ([terms.json] + runs.map(\.json)).map { try $0.canonicalBytes() }
        var chain = DataChain(sha256: sha256)
        for line in lines { chain.take(line) }
        let facts = ReportFacts(
            number: 1, revision: 1, tenant: terms.tenant, tenantName: "Firm", language: "en",
            builtAt: moment("2026-04-02T08:00:00Z"), dataHash: chain.hash.hexText, dataLines: chain.lines, trend: [],
            amends: .null)
        let document = try ReportDocument.json(facts, terms, tally, IncidentTally(), ReportTexts())
        func differences(_ lines: [[UInt8]]) throws -> [String] {
            var check = try ReportVerification(document: document, sha256: sha256)
            for line in lines { try check.take(line) }
            return try check.differences().map(\.place)
        }
        #expect(try differences(lines).isEmpty)
        let nicer = String(decoding: lines[2], as: UTF8.self).replacing("retried", with: "untouched")
        #expect(try differences([lines[0], lines[1], Array(nicer.utf8)]).contains("/figures" + "/objectives/touchless/met"))
    }
}
