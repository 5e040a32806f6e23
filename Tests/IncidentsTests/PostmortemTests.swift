import Kernel
import Testing

@testable import Incidents

@Suite("post-mortems")
struct PostmortemTests {
    private static let now = Sample.start
    private static let today = CivilDate(utc: Sample.start)
    private static let tomas = Postmortem.Person(id: PersonID(high: 2, low: 1), natural: PersonID(high: 9, low: 1))
    /// The same person in another scope.
    private static let tomasElsewhere = Postmortem.Person(id: PersonID(high: 3, low: 1), natural: PersonID(high: 9, low: 1))
    private static let saskia = Postmortem.Person(id: PersonID(high: 2, low: 2), natural: PersonID(high: 9, low: 2))

    private static func facts(_ title: String = "The ERP does not answer") -> PostmortemFacts {
        let trouble = PostmortemFacts.Trouble(
            id: IncidentID(high: 1, low: 7), number: 7, title: title, alert: "erp-circuit-open", severity: .sev2, alerts: 3,
            openedAt: now, acknowledgedAt: now.adding(seconds: 250), resolvedAt: now.adding(seconds: 7500))
        return PostmortemFacts(
            troubles: [trouble],
            lines: [PostmortemFacts.Line(at: now, incident: 7, kind: "noted", who: "Ruth | CFO", text: "It\nis | away")],
            told: [
                PostmortemFacts.Told(person: "Tomas", channel: "mail", state: "delivered", decidedAt: now, attempts: 1),
                PostmortemFacts.Told(person: "Bela", channel: "mail", state: "failed", decidedAt: now, attempts: 6),
            ], followed: [], runs: [Sample.run],
            clocks: [PostmortemFacts.Clocks(objective: "approval", breached: 2, met: 1, open: 0)], takenAt: now)
    }

    private static func draft() -> Postmortem { Postmortem(facts: facts().json, sections: facts().draft, by: tomas) }

    private static func written() throws -> Postmortem {
        var one = draft()
        try one.handle(.wrote(.cause, text: " A certificate had ended. ", by: tomas), at: now)
        try one.handle(.wrote(.lessons, text: "Watch certificates.", by: tomas), at: now)
        try one.handle(.promised(title: "Watch them", owner: saskia.id, due: today.adding(days: 3), by: tomas), at: now)
        return one
    }

    private func reason(_ act: () throws -> Void) -> String {
        do {
            try act()
            return ""
        } catch { return (error as? Refusal)?.reason ?? "\(error)" }
    }

    @Test("a draft says what the facts say by themselves, and leaves cause and lessons to people")
    func drafted() {
        let one = Self.draft()
        #expect(one.missing == [.cause, .lessons])
        #expect(one.sections[.summary]?.contains("INC-7, sev2: The ERP does not answer") == true)
        #expect(one.sections[.summary]?.contains("taken on after 4 m 10 s, over after 2 h 05 m.") == true)
        #expect(one.sections[.impact] == "1 runs are linked. Targets missed: approval 2.")
        #expect(one.sections[.response]?.contains("2 messages in all, 1 of them not delivered") == true)
    }

    @Test("it is submitted when all is written and something is promised, and published by somebody who has written none of it")
    func reviewed() throws {
        var one = Self.draft()
        #expect(reason { try one.handle(.submitted(by: Self.tomas), at: Self.now) } == "postmortem.incomplete")
        one = try Self.written()
        #expect(one.sections[.cause] == "A certificate had ended.")
        #expect(reason { try one.handle(.published(by: Self.saskia, hash: "h"), at: Self.now) } == "postmortem.not-submitted")
        try one.handle(.submitted(by: Self.tomas), at: Self.now)
        #expect(
            reason { try one.handle(.wrote(.cause, text: "Else", by: Self.saskia), at: Self.now) } == "postmortem.locked")
        for author in [Self.tomas, Self.tomasElsewhere] {
            #expect(
                reason { try one.handle(.published(by: author, hash: "h"), at: Self.now) } == "postmortem.second-person")
        }
        try one.handle(.published(by: Self.saskia, hash: "h"), at: Self.now)
        #expect(one.phase == .published && one.hash == "h")
        for event: Postmortem.Event in [
            .wrote(.cause, text: "Else", by: Self.saskia), .looked(facts: [:], by: Self.saskia),
            .promised(title: "More", owner: Self.saskia.id, due: Self.today, by: Self.saskia),
            .submitted(by: Self.tomas),
        ] {
            #expect(reason { try one.handle(event, at: Self.now) } == "postmortem.locked")
        }
        #expect(reason { try one.handle(.returned(by: Self.tomas, reason: "No"), at: Self.now) } == "postmortem.not-submitted")
    }

    @Test("a reviewer who helps to write is an author from then on")
    func helper() throws {
        var one = try Self.written()
        try one.handle(.submitted(by: Self.tomas), at: Self.now)
        try one.handle(.returned(by: Self.saskia, reason: "Which certificate?"), at: Self.now)
        #expect(one.phase == .draft && one.returnedBecause == "Which certificate?")
        try one.handle(.wrote(.cause, text: "That of the gateway.", by: Self.saskia), at: Self.now)
        try one.handle(.submitted(by: Self.tomas), at: Self.now)
        #expect(one.returnedBecause.isEmpty)
        #expect(
            reason { try one.handle(.published(by: Self.saskia, hash: "h"), at: Self.now) } == "postmortem.second-person")
    }

    @Test("an action is settled once, after publishing as well, is overdue the day after its day, and none is due in the past")
    func actions() throws {
        var one = try Self.written()
        let yesterday = Self.today.adding(days: -1)
        #expect(
            reason {
                try one.handle(.promised(title: "Late", owner: Self.saskia.id, due: yesterday, by: Self.tomas), at: Self.now)
            } == "postmortem.due")
        try one.handle(.submitted(by: Self.tomas), at: Self.now)
        let before = one.locked
        try one.handle(.published(by: Self.saskia, hash: "h"), at: Self.now)
        #expect(!one.actions[0].isOverdue(on: Self.today.adding(days: 3)))
        #expect(one.actions[0].isOverdue(on: Self.today.adding(days: 4)))
        try one.handle(
            .moved(action: 1, owner: Self.tomas.id, due: Self.today.adding(days: 9), reason: "Away.", by: Self.saskia),
            at: Self.now)
        #expect(one.actions[0].owner == Self.tomas.id && !one.actions[0].isOverdue(on: Self.today.adding(days: 4)))
        try one.handle(.settled(action: 1, as: .done, note: "It is watched.", by: Self.saskia), at: Self.now)
        #expect(
            reason { try one.handle(.settled(action: 1, as: .dropped, note: "No.", by: Self.saskia), at: Self.now) }
                == "postmortem.settled")
        #expect(
            reason { try one.handle(.settled(action: 2, as: .done, note: "x", by: Self.saskia), at: Self.now) } == "not-found")
        #expect(
            reason { try one.handle(.settled(action: 0, as: .done, note: "x", by: Self.saskia), at: Self.now) } == "not-found")
        #expect(one.locked == before, "what becomes of actions does not touch what is locked")
    }

    @Test("what is stored is what is read")
    func roundTrip() throws {
        var one = try Self.written()
        try one.handle(.submitted(by: Self.tomas), at: Self.now)
        try one.handle(.published(by: Self.saskia, hash: "h"), at: Self.now)
        try one.handle(.settled(action: 1, as: .dropped, note: "Moot.", by: Self.saskia), at: Self.now)
        #expect(try Postmortem(json: one.json) == one)
        #expect(try Postmortem(json: Self.draft().json) == Self.draft())
        #expect(throws: Refusal.self) { try Postmortem(json: ["phase": "draft"]) }
    }

    @Test("the document keeps its tables and headings, whatever people write")
    func document() throws {
        var one = Self.draft()
        try one.handle(.wrote(.cause, text: "# Not a heading\nsecond", by: Self.tomas), at: Self.now)
        let text = one.markdown { _ in "Tomas" }
        #expect(text.contains("\n\\# Not a heading\nsecond"))
        #expect(text.contains("| Ruth \\| CFO | It is \\| away |"))
        #expect(text.hasPrefix("# Post-mortem of INC-7\n"))
    }

    @Test("severe trouble has to be told within days, other trouble where somebody wants it")
    func rule() {
        #expect(PostmortemRule.due(.sev1, resolvedAt: Self.now) == Self.today.adding(days: 5))
        #expect(PostmortemRule.due(.sev2, resolvedAt: Self.now) == Self.today.adding(days: 10))
        #expect(PostmortemRule.due(.sev3, resolvedAt: Self.now) == nil)
    }
}
