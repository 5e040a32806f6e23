import Incidents
import Kernel
import Testing

@Suite("Incidents")
struct IncidentTests {
    @Test("a breach at night: paged, taken on, mitigated, resolved, and the timeline tells it in order")
    func oneNight() throws {
        var story = Story()
        #expect(story.actions.contains(.page(.opened(.high))) && story.actions.contains(.startEscalation))
        let taken = try story.happens(.acknowledged(by: Sample.tomas))
        #expect(taken.contains(.stopEscalation))
        #expect(taken.contains(.wake(at: story.now.adding(seconds: Incident.acknowledgementSeconds))))
        #expect(story.incident.assignee == Sample.tomas.person)
        try story.happens(.noted(by: Sample.tomas, text: "  The approver is on holiday.  "))
        let eased = try story.happens(.mitigated(by: Sample.tomas, text: "Their deputy has it now."))
        #expect(eased.contains(.cancelWake))
        try story.happens(.resolved(by: Sample.tomas, reason: "Approved by the deputy at 03:40."))
        #expect(story.kinds == [.opened, .acknowledged, .noted, .mitigated, .resolved])
        #expect(story.timeline[2].text == "The approver is on holiday.")
        #expect(story.incident.phase == .resolved && story.incident.resolvedBy == Sample.tomas)
        #expect(story.incident.acknowledgedAt == Sample.start.adding(seconds: 60))
    }

    @Test("three hundred late invoices behind one dead ERP are one incident that counts, with a timeline that can be read")
    func manyRepeats() throws {
        var story = Story()
        for number in 2...300 { try story.happens(.repeated(Sample.breach("R-\(number)")), after: 1) }
        #expect(story.incident.alertCount == 300)
        #expect(story.kinds.count { $0 == .repeated } == Incident.repetitionsRecordedMax - 1 + 3)
        #expect(!story.actions.dropFirst(3).contains(.page(.opened(.high))))
    }

    @Test("the same trouble soon after the resolution reopens the incident, later it is a new one")
    func reopening() throws {
        let window = AlertName.slaBreach.definition.reopenWindowSeconds
        var story = Story()
        try story.happens(.resolved(by: Sample.tomas, reason: "Done."))
        let resolved = story.now
        #expect(story.incident.taking(alertAt: resolved.adding(seconds: window)) == .reopens)
        #expect(story.incident.taking(alertAt: resolved.adding(seconds: window + 1)) == .opensNew)
        var late = story
        #expect(throws: Refusal.self) { try late.happens(.repeated(Sample.breach()), after: window + 1) }
        let again = try story.happens(.repeated(Sample.breach()), after: window)
        #expect(again.contains(.page(.returned(.high))) && again.contains(.startEscalation))
        #expect(story.incident.phase == .triggered && story.incident.reopenCount == 1 && story.incident.resolvedAt == nil)
        #expect(story.incident.taking(alertAt: story.now) == .repeats)
    }

    @Test("a mitigation that does not hold wakes people again")
    func mitigationFails() throws {
        var story = Story()
        try story.happens(.mitigated(by: Sample.tomas, text: "Restarted."))
        #expect(story.incident.acknowledgedAt == story.now)
        let again = try story.happens(.repeated(Sample.breach()))
        #expect(again.contains(.page(.returned(.high))))
        #expect(story.incident.phase == .triggered && story.incident.reopenCount == 0 && story.incident.mitigatedAt == nil)
    }

    @Test("an acknowledgement that nobody follows up lapses, and the escalation begins anew")
    func lapse() throws {
        var story = Story()
        try story.happens(.acknowledged(by: Sample.tomas))
        #expect(try story.happens(.acknowledgementLapsed, after: Incident.acknowledgementSeconds - 1).isEmpty)
        let lapsed = try story.happens(.acknowledgementLapsed, after: 1)
        #expect(lapsed.contains(.page(.lapsed(.high))) && lapsed.contains(.startEscalation))
        #expect(story.incident.phase == .triggered && story.incident.acknowledgedBy == nil)
        #expect(story.incident.acknowledgedAt != nil, "the first acknowledgement stays a fact")
        #expect(try story.happens(.acknowledgementLapsed).isEmpty, "a timer that comes twice is nothing")
        try story.happens(.acknowledged(by: Sample.saskia))
        #expect(story.incident.acknowledgedBy == Sample.saskia)
    }

    @Test("only one person takes an incident on; saying it twice changes nothing")
    func acknowledgingTwice() throws {
        var story = Story()
        try story.happens(.acknowledged(by: Sample.tomas))
        let before = story.incident
        #expect(try story.happens(.acknowledged(by: Sample.tomas)).isEmpty)
        #expect(story.incident == before)
        let refusal = #expect(throws: Refusal.self) { try story.happens(.acknowledged(by: Sample.saskia)) }
        #expect(refusal?.reason == "incident.acknowledged" && refusal?.code == .conflict)
        #expect(story.incident == before)
        let passed = try story.happens(.assigned(to: #require(Sample.saskia.person), by: Sample.tomas))
        #expect(passed.contains(.page(.assigned(PersonID(high: 2, low: 2), .high))))
    }

    @Test("nobody answers: each level is recorded, and at the end the duty manager is called")
    func escalation() throws {
        var story = Story()
        try story.happens(.escalated(level: "second line"))
        let last = try story.happens(.escalationExhausted)
        #expect(last.contains(.page(.dutyManager)))
        #expect(story.kinds == [.opened, .escalated, .escalationExhausted])
        try story.happens(.acknowledged(by: Sample.saskia))
        #expect(
            try story.happens(.escalated(level: "third line")).isEmpty, "an escalation that arrives after the answer is nothing")
        #expect(try story.happens(.escalationExhausted).isEmpty)
    }

    @Test("what is resolved takes notes and nothing else, until it is reopened")
    func resolved() throws {
        var story = Story()
        try story.happens(.resolved(by: .system, reason: "The circuit closed by itself."))
        let events: [Incident.Event] = [
            .acknowledged(by: Sample.tomas), .mitigated(by: Sample.tomas, text: "x"), .resolved(by: Sample.tomas, reason: "x"),
            .assigned(to: PersonID(high: 2, low: 1), by: Sample.tomas), .prioritised(as: .p1, by: Sample.tomas),
            .severityChanged(to: .sev1, by: Sample.tomas, reason: "x"),
        ]
        for event in events {
            let before = story.incident
            #expect(throws: Refusal.self) { try story.happens(event) }
            #expect(story.incident == before)
        }
        try story.happens(.noted(by: Sample.tomas, text: "Post-mortem on Thursday."))
        try story.happens(.reopened(by: Sample.tomas, reason: "It has not."))
        #expect(story.incident.phase == .triggered && story.incident.reopenCount == 1)
        #expect(throws: Refusal.self) { try story.happens(.reopened(by: Sample.tomas, reason: "Again.")) }
    }

    @Test("raising the severity wakes people, lowering it does not; both need a reason")
    func severities() throws {
        var story = Story(Alert(.queueAge, tenant: Sample.tenant))
        #expect(story.incident.severity == .sev3 && story.incident.urgency == .low && story.incident.priority == .p3)
        let taken = try story.happens(.acknowledged(by: Sample.tomas))
        #expect(!taken.contains { if case .wake = $0 { true } else { false } }, "what wakes nobody lapses never")
        let raised = try story.happens(.severityChanged(to: .sev1, by: Sample.tomas, reason: "All tenants."))
        #expect(raised.contains(.page(.worsened(.high))))
        #expect(raised.contains(.wake(at: story.now.adding(seconds: Incident.acknowledgementSeconds))))
        let lowered = try story.happens(.severityChanged(to: .sev4, by: Sample.tomas, reason: "Only a test."))
        #expect(lowered.contains(.cancelWake) && !lowered.contains { if case .page = $0 { true } else { false } })
        #expect(throws: Refusal.self) { try story.happens(.severityChanged(to: .sev2, by: Sample.tomas, reason: "  ")) }
    }

    @Test("an alert that is worse than the incident raises it")
    func worseAlert() throws {
        var story = Story()
        let actions = try story.happens(.repeated(Sample.breach(severity: .sev1)))
        #expect(story.incident.severity == .sev1 && actions.contains(.page(.worsened(.high))))
        #expect(try story.happens(.repeated(Sample.breach(severity: .sev4))).count == 1)
        #expect(story.incident.severity == .sev1)
    }

    @Test("no entry of the timeline precedes an earlier one, whatever the wall clock does")
    func clockSkew() throws {
        var story = Story()
        try story.happens(.acknowledged(by: Sample.tomas), after: 600)
        try story.happens(.resolved(by: Sample.tomas, reason: "Done."), after: -400)
        #expect(story.timeline.map(\.at) == story.timeline.map(\.at).sorted())
        #expect(story.incident.resolvedAt == Sample.start.adding(seconds: 600))
    }

    @Test("too much text is refused, and no text is no reason")
    func texts() throws {
        var story = Story()
        #expect(throws: Refusal.self) { try story.happens(.resolved(by: Sample.tomas, reason: "")) }
        #expect(throws: Refusal.self) { try story.happens(.noted(by: Sample.tomas, text: String(repeating: "a", count: 4_001))) }
        try story.happens(.noted(by: Sample.tomas, text: String(repeating: "a", count: 4_000)))
    }

    @Test("the stored state reads back as it was, after every event of any story")
    func coding() throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        print("seed of incident coding: \(seed)")
        var state = seed
        func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % sides
        }
        for _ in 0..<100 {
            var story = Story()
            for _ in 0..<30 {
                let actor = [Sample.tomas, Sample.saskia, .system][roll(3)]
                let events: [Incident.Event] = [
                    .repeated(Sample.breach(severity: Severity.allCases[roll(4)])), .acknowledged(by: actor),
                    .acknowledgementLapsed,
                    .assigned(to: PersonID(high: 2, low: UInt64(roll(3))), by: actor), .noted(by: actor, text: "é|\"x\""),
                    .severityChanged(to: Severity.allCases[roll(4)], by: actor, reason: "why"),
                    .prioritised(as: Priority.allCases[roll(4)], by: actor), .escalated(level: "two"), .escalationExhausted,
                    .mitigated(by: actor, text: "t"), .resolved(by: actor, reason: "r"), .reopened(by: actor, reason: "r"),
                ]
                // A refusal leaves the state as it was, which is checked like any other.
                _ = try? story.happens(events[roll(events.count)], after: Int64(roll(4000)))
                let text = story.incident.json.text
                let read = try Incident(json: JSONValue(parsing: text))
                #expect(read == story.incident && read.json.text == text)
                #expect((story.incident.resolvedAt != nil) == (story.incident.phase == .resolved))
                #expect((story.incident.lapsesAt == nil) || story.incident.phase == .acknowledged)
            }
            for entry in story.timeline { #expect(try TimelineEntry(json: entry.json) == entry) }
        }
    }

    @Test("a stored state that is damaged is refused and named")
    func damagedState() throws {
        var object = try #require(Story().incident.json.object)
        object["phase"] = "resolved"
        #expect(throws: Refusal.self) { try Incident(json: .object(object)) }
        object["phase"] = "asleep"
        let refusal = #expect(throws: Refusal.self) { try Incident(json: .object(object)) }
        #expect(refusal?.facts["member"] == "phase")
    }
}

@Suite("Alerts")
struct AlertTests {
    @Test("two tenants never share an incident, and neither do two causes")
    func fingerprints() {
        let facts = ["connection": "erp", "kind": "erp.write", "code": "timeout", "task": "1"]
        let one = Alert(.deadLetter, tenant: Sample.tenant, facts: facts)
        #expect(one.fingerprint != Alert(.deadLetter, tenant: Sample.other, facts: facts).fingerprint)
        #expect(
            one.fingerprint == Alert(.deadLetter, tenant: Sample.tenant, facts: facts.merging(["task": "2"]) { $1 }).fingerprint)
        #expect(
            one.fingerprint
                != Alert(.deadLetter, tenant: Sample.tenant, facts: facts.merging(["code": "refused"]) { $1 }).fingerprint)
        #expect(one.fingerprint != Alert(.runFaulted, tenant: Sample.tenant, facts: facts).fingerprint)
    }

    @Test("what others write cannot forge another fingerprint")
    func forging() {
        let sly = Alert(.deadLetter, tenant: Sample.tenant, facts: ["connection": "a|kind=b", "kind": "", "code": "c"])
        let plain = Alert(.deadLetter, tenant: Sample.tenant, facts: ["connection": "a", "kind": "b", "code": "c"])
        #expect(sly.fingerprint != plain.fingerprint)
    }

    @Test("an alert can always be raised: missing facts, long facts, many facts")
    func alwaysRaised() {
        for name in AlertName.allCases {
            let bare = Alert(name, tenant: Sample.tenant)
            #expect(!bare.title.isEmpty && !bare.title.contains("{") && bare.severity == name.definition.severity)
            let facts = Dictionary(
                uniqueKeysWithValues: name.definition.fingerprintFacts.map { ($0, String(repeating: "é", count: 5_000)) })
            let long = Alert(name, tenant: Sample.tenant, facts: facts)
            #expect(long.title.utf8.count <= Alert.titleBytesMax)
            #expect(long.fingerprint.utf8.count <= 600)
        }
        let many = Alert(
            .queueAge, tenant: Sample.tenant, facts: Dictionary(uniqueKeysWithValues: (0..<100).map { ("f\($0)", "x") }))
        #expect(many.facts.count == Alert.factsMax)
    }

    @Test("titles speak of objectives in words")
    func titles() {
        #expect(Sample.breach("R-7, Acme").title == "The approval cycle target was missed: R-7, Acme")
        #expect(
            Alert(.deadLetter, tenant: Sample.tenant, facts: ["title": "Post the bill", "connection": "erp", "code": "timeout"])
                .title
                == "Post the bill was given up on erp: timeout")
    }
}
