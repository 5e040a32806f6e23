import Kernel
import Testing

@testable import Workflows

@Suite("What people do with a run as a whole")
struct LifecycleTests {
    private static let steps = "[" + ["one", "two", "three"].map { Small.read($0) }.joined(separator: ", ") + "]"

    @Test("a paused run takes no step, keeps what machines send, and goes on with it")
    func pause() throws {
        var run = try Small(LifecycleTests.steps)
        try run.send(.start(input: [:]))
        try run.send(.paused(by: Person.ruth, reason: "the ERP is being moved"))
        #expect(run.state.isPaused)
        try run.finish("one#1")
        #expect(run.tasks == ["one#1"])
        #expect(throws: Refusal.self) { try run.send(.paused(by: Person.ruth, reason: "again")) }
        #expect(throws: Refusal.self) { try run.send(.retried(key: "one#1", by: Person.ruth)) }
        let answer = try run.send(.resumed(by: Person.ruth))
        #expect(run.tasks == ["two#1"])
        #expect(answer.contains { if case .audit("run.resumed", _) = $0 { true } else { false } })
        #expect(throws: Refusal.self) { try run.send(.resumed(by: Person.ruth)) }
    }

    @Test("a paused run can be cancelled")
    func cancelPaused() throws {
        var run = try Small(LifecycleTests.steps)
        try run.send(.start(input: [:]))
        try run.send(.paused(by: Person.ruth, reason: "wrong tenant"))
        try run.send(.cancelled(by: Person.ruth, reason: "wrong tenant"))
        #expect(run.state.phase == .cancelled)
        #expect(!run.state.isPaused)
    }

    @Test("a step that waits for a machine is skipped with a reason, and the reason is audited")
    func skip() throws {
        var run = try Small(LifecycleTests.steps)
        try run.send(.start(input: [:]))
        #expect(throws: Refusal.self) { try run.send(.skipped(step: "one", by: Person.ruth, reason: " ")) }
        #expect(throws: Refusal.self) { try run.send(.skipped(step: "two", by: Person.ruth, reason: "not needed")) }
        let answer = try run.send(.skipped(step: "one", by: Person.ruth, reason: "not needed"))
        #expect(answer.contains(.withdraw(key: "one#1", reason: "The step was skipped.")))
        #expect(run.tasks == ["two#1"])
        let audit = answer.compactMap { if case .audit("step.skipped-by-person", let facts) = $0 { facts } else { nil } }
        #expect(audit.first?["reason"] == "not needed")
    }

    @Test("neither a signature nor a write can be skipped")
    func neverSkipped() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "5000.00"
        try desk.receive(gross: "5000.00")
        try desk.work()
        let sign = try #require(desk.state.waitingSteps.first)
        func skip(_ step: String) -> String? {
            reason { () throws(Refusal) in try desk.send(.skipped(step: step, by: Person.ruth, reason: "hurry")) }
        }
        #expect(skip(sign) == "step.decision")
        try desk.decide("approve", by: Person.petra)
        let write = try #require(desk.state.waitingSteps.first)
        #expect(skip(write) == "step.write")
        let rewound = reason { () throws(Refusal) in
            try desk.send(.rewound(step: "invoice/try/decide", by: Person.ruth, reason: "again"))
        }
        #expect(rewound == "run.posting")
    }

    @Test("going back takes back what is open, keeps what was recorded, and asks anew")
    func rewind() throws {
        var run = try Small(
            "[" + Small.read("one", #", "export": {"one": "output"}"#) + ", " + Small.read("two") + ", "
                + Small.read("three") + "]")
        try run.send(.start(input: [:]))
        try run.finish("one#1", "first")
        try run.finish("two#1")
        #expect(throws: Refusal.self) { try run.send(.rewound(step: "four", by: Person.ruth, reason: "typo")) }
        try run.send(.rewound(step: "two", by: Person.ruth, reason: "the order was corrected"))
        #expect(run.actions.contains(.withdraw(key: "three#1", reason: "The run went back.")))
        #expect(run.tasks == ["two#2"])
        #expect(run.state.context["one"] == "first")
        try run.finish("two#2")
        try run.finish("three#2")
        #expect(run.state.outcome == "done")
    }

    @Test("an approval that was signed is asked again after going back, and no bill is sent on the old signature")
    func rewindApproval() throws {
        var desk = try Desk()
        desk.ledger.orderedPrice = "48310.00"
        try desk.receive(gross: "48310.00")
        try desk.work()
        try desk.decide("approve", by: Person.jonas)
        try desk.send(.rewound(step: "invoice/try/match", by: Person.ruth, reason: "the receipt was booked late"))
        try desk.work()
        let key = try #require(desk.requests.first?.key)
        let given = RunMachine.signatures(for: desk.state, key: key)
        #expect(given == [])
        try desk.decide("approve", by: Person.petra)
        #expect(desk.writes.isEmpty)
    }

    @Test("work that a person gives up fails its step, and the definition says what follows")
    func discarded() throws {
        var run = try Small(
            #"[{"t": {"try": [\#(Small.read("one"))], "catch": {"errors": {"kinds": ["refused"]}, "as": "why", "#
                + #""do": [\#(Small.read("instead"))]}}}]"#)
        try run.send(.start(input: [:]))
        let key = try #require(run.tasks.first)
        func discard(_ why: String) throws { try run.send(.discarded(key: key, by: Person.ruth, reason: why)) }
        #expect(throws: Refusal.self) { try discard("it is not dead yet") }
        try run.send(.workFinished(key: key, .dead(code: "ERP_DOWN", message: "no answer")))
        #expect(throws: Refusal.self) { try discard(" ") }
        try discard("entered by hand")
        let facts = run.actions.compactMap { if case .audit("task.discarded", let facts) = $0 { facts } else { nil } }
        #expect(facts.first?["reason"] == "entered by hand")
        #expect(facts.first?["code"] == "ERP_DOWN")
        #expect(run.state.context["why"]?["type"] == "DISCARDED")
        try run.finish(try #require(run.tasks.first))
        #expect(run.state.outcome == "done")
    }

    @Test("a step that would be tried again later is tried again now, once")
    func hurried() throws {
        var run = try Small(
            #"[{"t": {"try": [\#(Small.read("one"))], "catch": {"errors": {"kinds": ["refused"]}, "#
                + #""retry": {"delay": {"minutes": 10}, "limit": {"attempt": {"count": 3}}}}}}]"#)
        try run.send(.start(input: [:]))
        #expect(throws: Refusal.self) { try run.send(.stepRetried(step: "t", by: Person.ruth)) }
        let first = try #require(run.tasks.first)
        try run.send(.workFinished(key: first, .refused(code: "CLOSED", message: "the period is closed")))
        #expect(run.tasks == [])
        let timer = try #require(run.timers.first)
        let answer = try run.send(.stepRetried(step: "t", by: Person.ruth))
        #expect(answer.contains(.cancelTimer(key: timer.key)))
        #expect(run.tasks.count == 1 && run.tasks.first != first)
        #expect(run.timers.isEmpty)
        try run.send(.timerFired(key: timer.key))
        #expect(run.tasks.count == 1)
    }
}
