import Kernel
import Testing

@testable import ServiceLevels

@Suite("The explain document")
struct ExplainTests {
    static let clock = """
        {"kind": "clock", "calendar": {"timezone": "Europe/Paris", "week": {"mon": [["08:30", "12:00"], ["13:00", "18:00"]]}},
         "contract": {"targetSeconds": 14400, "warnPercents": [75]},
         "events": [{"at": "2026-07-06T06:00:00Z", "type": "start"},
                    {"at": "2026-07-06T11:30:00Z", "type": "pause", "reason": "supplier"}],
         "asOf": "2026-07-06T20:00:00Z"}
        """

    @Test("an answer has all its fields in the documented order")
    func fields() throws {
        let answer = try explained(Self.clock)
        #expect(
            answer.object?.keys == [
                "elapsedSeconds", "dueAt", "overdueFrom", "state", "outcome", "breachedAt", "remainingSeconds", "warnings",
                "cycles",
                "contractVersion",
            ])
        #expect(answer["elapsedSeconds"]?.int == 14_400)
        #expect(answer["dueAt"]?.string == "2026-07-06T11:30:00Z")
        #expect(answer["overdueFrom"] == .null)
        #expect(answer["warnings"]?.text == #"{"75":"2026-07-06T09:30:00Z"}"#)
    }

    @Test("the trace covers start to asOf without gaps and adds up to what was counted")
    func trace() throws {
        let answer = try explained(Self.clock, trace: true)
        let rows = try #require(answer["trace"]?.array).map { row in
            [row["from"]?.string, row["to"]?.string, row["counted"].map { $0.text }, row["reason"]?.string].map { $0 ?? "?" }
        }
        #expect(
            rows == [
                ["2026-07-06T06:00:00Z", "2026-07-06T06:30:00Z", "false", "outside_service_hours"],
                ["2026-07-06T06:30:00Z", "2026-07-06T10:00:00Z", "true", "service"],
                ["2026-07-06T10:00:00Z", "2026-07-06T11:00:00Z", "false", "outside_service_hours"],
                ["2026-07-06T11:00:00Z", "2026-07-06T11:30:00Z", "true", "service"],
                ["2026-07-06T11:30:00Z", "2026-07-06T16:00:00Z", "false", "paused: supplier"],
                ["2026-07-06T16:00:00Z", "2026-07-06T20:00:00Z", "false", "outside_service_hours"],
            ])
    }

    @Test("an array of documents gives an array of answers, of any kinds")
    func arrays() throws {
        let answers = try explained("[\(Self.clock), {\"kind\": \"dedup\", \"events\": [[0, \"trigger\", \"a\"]]}]")
        #expect(answers.array?.count == 2)
        #expect(answers[1]?["incidents"] == 1)
        #expect(try explained("[]") == [])
    }

    @Test(
        "what is wrong with a document is named with its place and a way out",
        arguments: [
            (#""targetSeconds": 14400"#, #""targetSecond": 14400"#, "/contract/targetSecond", "Did you mean targetSeconds?"),
            (#""targetSeconds": 14400"#, #""targetSeconds": 1.5"#, "/contract/targetSeconds", "Write it without fraction"),
            (#""targetSeconds": 14400"#, #""targetSeconds": 0"#, "/contract/targetSeconds", "Write it without fraction"),
            (#""08:30", "12:00""#, #""8:30", "12:00""#, "/calendar/week/mon/0/0", "HH:MM"),
            (#""08:30", "12:00""#, #""08:30", "24:01""#, "/calendar/week/mon/0/1", "HH:MM"),
            (#""08:30", "12:00""#, #""08:30""#, "/calendar/week/mon/0", "[\"08:30\", \"12:00\"]"),
            (#""mon""#, #""monday""#, "/calendar/week/monday", "Known are mon, tue"),
            ("Europe/Paris", "Europe/Pariss", "/calendar/timezone", "IANA"),
            ("Europe/Paris", "../../etc/passwd", "/calendar/timezone", "IANA"),
            (#""type": "start""#, #""type": "begin""#, "/events/0/type", "Use one of them"),
            (#""type": "pause""#, #""type": "pauze""#, "/events/1/type", "Did you mean pause?"),
            (#""type": "start""#, #""type": "start", "targetSeconds": 5"#, "/events/0/targetSeconds", "Remove it"),
            (#""type": "start""#, #""type": "retarget""#, "/events/0/targetSeconds", "Give a whole number"),
            (#""type": "start""#, #""type": "respond""#, "/events/0/actor", "Give a text"),
            ("2026-07-06T20:00:00Z", "2026-07-06 20:00", "/asOf", "offset"),
            ("2026-07-06T20:00:00Z", "2426-07-06T20:00:00Z", "/asOf", "nearer"),
            (#""kind": "clock""#, #""kind": "clocks""#, "/kind", "Use clock, availability"),
            (#""warnPercents": [75]"#, #""warnPercents": [0]"#, "/contract/warnPercents/0", "from 1")
                as (String, String, String, String),
            (#""warnPercents": [75]"#, #""reopen": "again""#, "/contract/reopen", "Use one of them"),
            (#""warnPercents": [75]"#, #""metric": "first-response""#, "/contract/metric", "first_response"),
            (#"[["08:30", "12:00"], ["13:00", "18:00"]]"#, "[]", "/calendar/week", "Give at least one window"),
        ])
    func refusals(change: (String, String, String, String)) throws {
        let (part, wrong, pointer, hint) = change
        let text = Self.clock.replacing(part, with: wrong)
        #expect(text != Self.clock)
        do {
            let answer = try explained(text)
            Issue.record("answered \(answer.text)")
        } catch let refusal as Refusal {
            #expect(refusal.reason == "sla.document")
            #expect(refusal.facts["pointer"] == pointer)
            #expect(refusal.message.contains(hint), "\(refusal.message)")
        }
    }

    @Test("in an array the place begins with the number of the document")
    func refusalInArray() throws {
        let broken = Self.clock.replacing("mon", with: "mo")
        #expect(throws: Refusal.self) { try explained("[\(Self.clock), \(broken)]") }
        var issues: [AssetIssue] = []
        _ = SLAExplain.explain(try JSONValue(parsing: "[\(Self.clock), \(broken)]"), issues: &issues)
        #expect(issues.contains { $0.pointer == "/1/calendar/week/mo" && $0.remedy == "Did you mean mon?" })
    }

    @Test("every problem of a document is collected, not only the first")
    func allProblems() throws {
        var issues: [AssetIssue] = []
        let text =
            #"{"kind": "availability", "target": "1.2", "tears": [], "outages": [{"start": 5}], "period": {"month": "2026-13"}}"#
        let answer = SLAExplain.explain(try JSONValue(parsing: text), issues: &issues)
        #expect(answer == nil)
        let pointers = Set(issues.map(\.pointer))
        #expect(
            pointers.isSuperset(of: ["/tears", "/target", "/calendar", "/outages/0/start", "/outages/0/end", "/period/timezone"]))
    }

    @Test("a burn rate for another period than thirty days is refused")
    func otherPeriod() throws {
        let text = #"{"kind": "burnRate", "objective": "0.999", "period": "28d", "errorRatio": {}}"#
        #expect(throws: Refusal.self) { try explained(text) }
    }

    @Test("a clock that started before any version of its contract is refused")
    func noVersion() throws {
        let text = Self.clock.replacing(
            #"{"targetSeconds": 14400, "warnPercents": [75]}"#,
            with: #"{"versions": [{"effectiveFrom": "2027-01-01T00:00:00Z", "targetSeconds": 60}]}"#)
        do {
            _ = try explained(text)
            Issue.record("answered")
        } catch let refusal as Refusal {
            #expect(refusal.facts["pointer"] == "/contract")
            #expect(refusal.message.contains("in force"))
        }
    }

    @Test(
        "touchless: cases are runs that ended; the first touch decides, and a run that failed by itself is no good one",
        arguments: [
            // Three of four are 0.75: kept for 0.75, and under 0.8 the credit.
            (
                "0.75",
                [#"{"ended":"completed"}"#, #"{"ended":"completed"}"#, #"{"ended":"completed"}"#, #"{"ended":"faulted"}"#],
                #"{"n":4,"met":3,"missed":1,"kept":true,"creditPercent":5,"causes":{"faulted":1,"untouched":3}}"#
            ),
            // A completed run that somebody answered for is not untouched: one of two.
            (
                "0.8", [#"{"ended":"completed","touched":"request"}"#, #"{"ended":"completed"}"#],
                #"{"n":2,"met":1,"missed":1,"kept":false,"creditPercent":5,"causes":{"request":1,"untouched":1}}"#
            ),
            // Nothing ended, so there is no share.
            ("0.8", [], #"{"n":0,"met":0,"missed":0,"kept":null,"creditPercent":0,"causes":{}}"#),
        ])
    func touchless(atLeast: String, runs: [String], expected: String) throws {
        let document =
            #"{"kind":"touchless","atLeast":"\#(atLeast)","tiers":[{"below":"0.8","creditPercent":"5"}],"runs":["#
            + runs.joined(separator: ",") + "]}"
        #expect(try explained(document) == JSONValue(parsing: expected))
    }
}
