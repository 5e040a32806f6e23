import Kernel
import Testing

@testable import Incidents

@Suite("what a status page says of a component")
struct StatusTests {
    private static let now = Moment("2026-07-14T08:30:00Z") ?? Moment(seconds: 0)

    private func found(
        _ source: StatusSource, beats: Int = 0, missed: Int = 0, _ troubles: [StatusEvidence.Trouble] = []
    ) -> StatusState? {
        var evidence = StatusEvidence()
        (evidence.beats, evidence.missed, evidence.troubles) = (beats, missed, troubles)
        return StatusRule.found(source, evidence)
    }

    @Test("the machine finds the worst of signs of life and incidents, and says nothing where it knows nothing")
    func finds() throws {
        let link = StatusSource(.connection, "erp")
        #expect(found(link) == nil)
        #expect(found(link, beats: 2) == .operational)
        #expect(found(link, beats: 2, missed: 1) == .partialOutage)
        #expect(found(link, beats: 2, missed: 2) == .majorOutage)
        #expect(found(link, beats: 1, [.init(.sev4)]) == .operational)
        #expect(found(link, beats: 1, [.init(.sev3)]) == .degraded)
        #expect(found(link, beats: 1, [.init(.sev3), .init(.sev1)]) == .majorOutage)
        #expect(found(link, beats: 1, [.init(.sev1, isMitigated: true)]) == .degraded)
        #expect(found(link, [.init(.sev2)]) == .partialOutage, "an incident is known without a sign of life")
        #expect(found(StatusSource(.workflow, "accounts-payable")) == .operational)
        #expect(found(StatusSource(.hand), beats: 1, missed: 1, [.init(.sev1)]) == .operational)
        #expect(found(StatusSource(.platform)) == nil)
    }

    @Test("planned work stands before a hand, a hand before the machine, and a hand's time ends")
    func orders() {
        let later = Self.now.adding(seconds: 60)
        func state(
            found: StatusState? = .majorOutage, set: StatusOverride? = nil, _ impacts: [StatusImpact] = [],
            isPlanned: Bool = false, at now: Moment = Self.now
        ) -> StatusState? {
            StatusRule.state(found: found, set: set, disruptions: impacts, isUnderMaintenance: isPlanned, at: now)
        }
        #expect(state(set: StatusOverride(.operational), isPlanned: true) == .maintenance)
        #expect(state(set: StatusOverride(.degraded, until: later), [.critical]) == .degraded)
        #expect(state(set: StatusOverride(.degraded, until: later), at: later) == .majorOutage)
        #expect(state(found: .operational, [.none, .minor]) == .degraded)
        #expect(state(found: .operational, [.none]) == .operational)
        #expect(state(found: nil, [.major]) == .partialOutage)
        #expect(state(found: nil) == nil)
    }

    @Test("the uptime is an exact share of what was measured, without planned work, and nothing where nothing was")
    func uptime() {
        func span(_ from: Int64, _ to: Int64, _ state: StatusState) -> StatusHistory.Span {
            StatusHistory.Span(from: Self.now.adding(seconds: from), to: Self.now.adding(seconds: to), state: state)
        }
        let empty = StatusHistory([], days: 90, today: Self.now)
        #expect(empty.days.count == 90 && empty.upText == nil && empty.days.allSatisfy { $0.worst == nil })
        // Nine hours before today's half past eight lie in yesterday.
        let spans = [
            span(-43_200, -36_000, .operational), span(-36_000, -32_400, .majorOutage), span(-32_400, -30_000, .maintenance),
            span(-30_000, -600, .degraded), span(-600, 0, .partialOutage),
        ]
        let history = StatusHistory(spans, days: 90, today: Self.now)
        #expect(history.counted == 7_200 + 3_600 + 29_400 + 600)
        #expect(history.up == 7_200 + 29_400)
        #expect(history.upText == "89.70 %")
        #expect(history.days.suffix(2).map(\.worst) == [.majorOutage, .partialOutage])
        #expect(history.days.reduce(0) { $0 + $1.counted } == history.counted, "days add up to the whole")
        let almost = StatusHistory(
            [span(-20_000, -1, .operational), span(-1, 0, .majorOutage)], days: 1, today: Self.now)
        #expect(almost.upText == "99.99 %", "a second of an outage never rounds to nothing")
    }

    @Test("the same spans in any cut and order give the same history")
    func additive() {
        let whole = [
            StatusHistory.Span(
                from: Self.now.adding(seconds: -200_000), to: Self.now.adding(seconds: -100_000), state: .operational),
            StatusHistory.Span(from: Self.now.adding(seconds: -100_000), to: Self.now, state: .partialOutage),
        ]
        let cut = whole.flatMap { span in
            stride(from: span.from.seconds, to: span.to.seconds, by: 977).map { from in
                StatusHistory.Span(
                    from: Moment(seconds: from), to: Moment(seconds: min(from + 977, span.to.seconds)), state: span.state)
            }
        }
        let expected = StatusHistory(whole, days: 5, today: Self.now)
        #expect(StatusHistory(cut.reversed(), days: 5, today: Self.now) == expected)
    }

    @Test(
        "a text that would break out of its line or turn its direction is refused with what is wrong",
        arguments: ["a\r\nBcc: x@y.example", "a\u{202E}b", "a\u{0}b", "a\u{85}b", "", "   ", String(repeating: "x", count: 151)])
    func hostile(text: String) {
        #expect(throws: Refusal.self) { try StatusBounds.checked(text, "title", max: StatusBounds.titleScalarsMax) }
    }

    @Test("paragraphs keep their lines, and both ends are cut")
    func kept() throws {
        #expect(try StatusBounds.checked(" a\r\n\nb \n", "text", max: 10, mayBreak: true) == "a\n\nb")
        #expect(
            try StatusBounds.checked("<b>ü</b>", "title", max: 10) == "<b>ü</b>", "what is shown is escaped where it is shown")
    }

    @Test(
        "a source is read as it is written", arguments: ["hand", "platform", "platform:sealer", "connection:erp", "workflow:ap"])
    func sources(text: String) throws {
        #expect(try StatusSource(text: text).text == text)
    }

    @Test(
        "a source that cannot be is refused",
        arguments: ["", "connection", "connection:", "hand:x", "tenant:other", "workflow:a\n"])
    func wrongSources(text: String) {
        #expect(throws: Refusal.self) { try StatusSource(text: text) }
    }

    @Test("every word of a page stands in every language, and each has a template for each phase")
    func words() {
        for phase in StatusPhase.allCases {
            #expect(Set(StatusLanguage.allCases.map { StatusWords($0).template(phase) }).count == StatusLanguage.allCases.count)
        }
        for state in StatusState.allCases {
            for language in StatusLanguage.allCases { #expect(!StatusWords(language).word(state).isEmpty) }
        }
    }

    @Test("a rule covers its severity and worse, and a rule without words of its own is refused")
    func rule() throws {
        let rule = try StatusPublishingRule(json: ["from": "sev2", "title": "T", "opening": "O", "closing": "C"])
        #expect(rule.covers(.sev1) && rule.covers(.sev2) && !rule.covers(.sev3))
        #expect(try StatusPublishingRule(json: rule.json) == rule)
        #expect(throws: Refusal.self) { try StatusPublishingRule(json: ["from": "sev2", "title": "T", "opening": "O"]) }
        #expect(throws: Refusal.self) {
            try StatusPublishingRule(json: ["from": "sev2", "title": "T", "opening": "O", "closing": "C", "also": "x"])
        }
    }
}
