import Incidents
import Kernel
import Seals
import ServiceLevels
import Testing

@testable import Reports

/// March 2026 in Berlin, by hand. Service is owed Monday to Friday from 09:00 to 17:00; until the 28th Berlin is one hour before
/// UTC, from the 29th on two.
///
/// Approval cycle, eight hours:
/// - a1 Mon 2 Mar 09:00–16:00: 7 h, met.
/// - a2 Fri 6 Mar 16:00 – Tue 10 Mar 10:00: Fri 1 h, Mon 8 h, Tue 1 h = 10 h. Eight hours are used up on Mon 9 Mar at 16:00,
///   which is 15:00 UTC: missed then.
/// - a3 Fri 27 Mar 16:00 – Mon 30 Mar 16:00: Fri 1 h, Mon 7 h = 8 h exactly: met, across the change of clocks.
/// - a4 cancelled after an hour: no case.
/// - a5 Tue 31 Mar 16:00, stopped in April: open at the end.
/// - a6 Fri 27 Feb 16:00 – Mon 2 Mar 12:00: 1 h + 3 h, met in March.
/// - a7 decided in February: not of this month.
/// So 3 of 4 met: 0.75, at least 0.75: kept, and not under the tier 0.75: no credit.
///
/// Posting, two hours: p1 1 h met; p2 Thu 5 Mar 10:00–13:00, used up at 12:00 (11:00 UTC): missed. 1 of 2, under 0.9, not under
/// 0.5: 5 percent.
///
/// Availability: 22 weekdays of 8 h are 633,600 s. The maintenance of Wed 11 Mar 09:00–11:00 was announced 70 h before: 7,200 s
/// go, 626,400 stay. The outage 08:30–09:30 of Mon 16 Mar lies inside service from 09:00: 1,800 s. 624,600 / 626,400 is
/// under 0.999: missed, 10 percent.
///
/// Credits: the highest of 0, 5 and 10 is 10, capped at 8: 8 % of 1,200.50 is 96.04.
///
/// Incidents of March: two. Answered after 600 and 1,200 s: median 600, ninth decile 1,200. Ended in March: one, after 3,600 s.
@Suite("A month worked by hand")
struct WorkedMonthTests {
    private static func built() throws -> (terms: ReportTerms, tally: MonthTally, incidents: IncidentTally) {
        let terms = try ReportTerms.march()
        var tally = MonthTally(terms)
        for line in ClockLine.march { tally.take(line, terms: terms, calendar: terms.calendar) }
        var incidents = IncidentTally()
        for item in IncidentTally.Case.march { incidents.take(item, terms: terms) }
        return (terms, tally, incidents)
    }

    private static func document(
        _ texts: ReportTexts = ReportTexts()
    ) throws -> (document: JSONValue, lines: [[UInt8]]) {
        let (terms, tally, incidents) = try built()
        var lines = [try terms.json.canonicalBytes()]
        let calendar: JSONValue = ["kind": "calendar", "id": "office", "calendar": terms.calendar.json]
        lines.append(try calendar.canonicalBytes())
        for line in ClockLine.march where line.clock != "a7" { lines.append(try line.json.canonicalBytes()) }
        for item in IncidentTally.Case.march { lines.append(try item.json.canonicalBytes()) }
        var chain = DataChain(sha256: sha256)
        for line in lines { chain.take(line) }
        let facts = ReportFacts(
            number: 7, revision: 1, tenant: "meridian", tenantName: "Meridian", language: "en",
            builtAt: moment("2026-04-02T06:00:00Z"), dataHash: chain.hash.hexText, dataLines: chain.lines, trend: [],
            amends: .null)
        return (try ReportDocument.json(facts, terms, tally, incidents, texts), lines)
    }

    @Test("the figures are those of the calculation above")
    func figures() throws {
        let (terms, tally, incidents) = try WorkedMonthTests.built()
        let figures = try ReportFigures(terms, tally, incidents, justified: [:])
        let approval = figures.objectives[0]
        #expect([approval.met, approval.missed, approval.cancelled, approval.openAtEnd] == [3, 1, 1, 1])
        #expect(approval.isKept == true)
        #expect(approval.creditPercent == .zero)
        let posting = figures.objectives[1]
        #expect([posting.met, posting.missed, posting.cancelled, posting.openAtEnd] == [1, 1, 0, 0])
        #expect(posting.isKept == false)
        #expect(posting.creditPercent == decimal("5"))
        #expect(figures.availability?.agreedSeconds == 626_400)
        #expect(figures.availability?.excludedSeconds == 7200)
        #expect(figures.availability?.downtimeSeconds == 1800)
        #expect(figures.availability?.isMet == false)
        #expect(figures.credits?.earnedPercent == decimal("10"))
        #expect(figures.credits?.percent == decimal("8"))
        let amount = try Money(minorUnits: 9604, currency: euro)
        #expect(figures.credits?.amount == amount)
        #expect(figures.incidents == 2)
        #expect(figures.response.toAcknowledge.medianSeconds == 600)
        #expect(figures.response.toAcknowledge.ninthDecileSeconds == 1200)
        #expect([figures.response.toResolve.n, figures.response.toResolve.excluded] == [1, 1])
        #expect(tally.clocks == 8)
    }

    @Test(
        "a month leaves out as much announced maintenance as the contract allows it, also when it is computed again",
        arguments: [(Int64?.none, true), (3600, true), (1800, true), (900, false), (0, false)])
    func maintenance(capSeconds: Int64?, isMet: Bool) throws {
        // Wed 11 Mar, 09:00 to 11:30: two and a half hours of a target of two. Announced in time are 09:00 to 11:00, of which
        // all, an hour, or half an hour bring it to at most two hours; a quarter does not: used up at 11:15.
        let march = try ReportTerms.march()
        let posting = ReportTerms.Objective(
            name: "posting", title: "Posting",
            terms: ClockTerms(targetSeconds: 7200, metric: .posting, maintenanceNoticeSeconds: 3600), share: nil, tiers: [],
            maintenanceCapSeconds: capSeconds)
        let terms = try ReportTerms(
            tenant: march.tenant, contract: march.contract, version: march.version, title: march.title, month: march.month,
            zone: march.zone, objectives: [posting], maintenance: march.maintenance, availability: nil,
            calendar: march.calendar, credits: nil, exclusions: [])
        let line = ClockLine.made("m1", "posting", [("2026-03-11T08:00:00Z", .start), ("2026-03-11T10:30:00Z", .stop)])
        let again = try ReportTerms(json: terms.json)
        for terms in [terms, again] {
            var tally = MonthTally(terms)
            tally.take(line, terms: terms, calendar: terms.calendar)
            let posting = try ReportFigures(terms, tally, IncidentTally(), justified: [:]).objectives[0]
            #expect([posting.met, posting.missed] == (isMet ? [1, 0] : [0, 1]))
            if !isMet {
                #expect(tally.breaches[0].breachedAt == moment(capSeconds == 0 ? "2026-03-11T10:00:00Z" : "2026-03-11T10:15:00Z"))
            }
        }
    }

    @Test("missed clocks are dated truly and explained to the second")
    func misses() throws {
        let (_, tally, _) = try WorkedMonthTests.built()
        #expect(tally.breaches.map(\.key) == ["p2@2026-03-05T11:00:00Z", "a2@2026-03-09T15:00:00Z"])
        let approval = try #require(tally.breaches.last)
        #expect(approval.elapsedSeconds == 36_000)
        let counted = (approval.trace.array ?? []).filter { $0["counted"]?.bool == true }
        let seconds = counted.reduce(Int64(0)) { sum, one in
            sum + (one["to"]?.moment?.seconds ?? 0) - (one["from"]?.moment?.seconds ?? 0)
        }
        #expect(seconds == 36_000)
    }

    @Test("a justified exclusion takes its case out of both sides, and only for a cause that the contract lists")
    func exclusion() throws {
        let (terms, tally, incidents) = try WorkedMonthTests.built()
        let key = "a2@2026-03-09T15:00:00Z"
        let allowed = ReportTexts(justified: [key: Justification(cause: "customer", text: "No answer.", isExcluded: true)])
        try allowed.check(breaches: tally.breaches, exclusions: terms.exclusions)
        let figures = try ReportFigures(terms, tally, incidents, justified: allowed.justified)
        #expect([figures.objectives[0].met, figures.objectives[0].n, figures.objectives[0].excluded] == [3, 3, 1])
        for (key, cause) in [(key, "staffing"), ("a1@2026-03-09T15:00:00Z", "customer"), (key, "weather")] {
            let wrong = ReportTexts(justified: [key: Justification(cause: cause, text: "No.", isExcluded: true)])
            #expect(throws: Refusal.self) { try wrong.check(breaches: tally.breaches, exclusions: terms.exclusions) }
        }
    }

    @Test("the customer computes the same from the attached data, and is told where a figure was changed")
    func verification() throws {
        let key = "a2@2026-03-09T15:00:00Z"
        let texts = ReportTexts(justified: [key: Justification(cause: "customer", text: "No answer.", isExcluded: true)])
        let (document, lines) = try WorkedMonthTests.document(texts)
        func check(_ document: JSONValue, _ lines: [[UInt8]]) throws -> [String] {
            var check = try ReportVerification(document: document, sha256: sha256)
            for line in lines { try check.take(line) }
            return try check.differences().map(\.place)
        }
        #expect(try check(document, lines).isEmpty)
        // A clock that was left out of the data, a figure that was made nicer, and an exclusion that was not permitted.
        #expect(try check(document, Array(lines.dropLast(4) + lines.suffix(3))).contains("/dataHash"))
        let nicer = document.text.replacing("\"missed\":1", with: "\"missed\":0")
        #expect(
            try check(try JSONValue(parsing: Array(nicer.utf8)), lines) == [
                "/figures" + "/objectives/posting/missed"
            ])
        let excused = document.text.replacing("\"cause\":\"customer\"", with: "\"cause\":\"staffing\"")
        #expect(
            try check(try JSONValue(parsing: Array(excused.utf8)), lines).contains(
                "/figures" + "/objectives/approval-cycle/excluded"))
    }

    @Test("data that is no data is refused with its line")
    func badData() throws {
        let (document, lines) = try WorkedMonthTests.document()
        for (bad, place) in [("{", 1), ("{\"kind\":\"clock\"}", 1), ("{\"kind\":\"poem\"}", 1)] {
            var check = try ReportVerification(document: document, sha256: sha256)
            #expect { try check.take(Array(bad.utf8)) } throws: { ($0 as? Refusal)?.facts["line"] == "\(place)" }
        }
        var check = try ReportVerification(document: document, sha256: sha256)
        try check.take(lines[0])
        #expect { try check.take(lines[2]) } throws: { ($0 as? Refusal)?.facts["line"] == "2" }
        #expect(throws: Refusal.self) { try ReportVerification(document: ["kind": "poem"], sha256: sha256) }
    }

    @Test("recommendations follow from the figures")
    func advice() throws {
        let (document, _) = try WorkedMonthTests.document()
        let codes = (document["advice"]?.array ?? []).compactMap { $0["code"]?.string }
        #expect(
            codes == [
                "objective-missed", "availability-missed", "objective-close", "few-cases", "few-cases", "unexplained",
            ])
    }

    @Test("terms survive their JSON")
    func termsRoundTrip() throws {
        let terms = try ReportTerms.march()
        #expect(try ReportTerms(json: terms.json).json == terms.json)
        var tally = MonthTally(terms)
        for line in ClockLine.march { tally.take(line, terms: terms, calendar: terms.calendar) }
        #expect(try MonthTally(json: tally.json) == tally)
    }
}
