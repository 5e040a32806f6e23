import Kernel
import Testing

@testable import Workflows

@Suite("Events that runs send and wait for")
struct EventTests {
    private static let listener =
        #"{"paid": {"listen": {"to": {"one": {"with": {"type": "bank.paid"}, "correlate": {"invoice": "#
        + #"{"from": "event.data.invoice", "expect": "input.number"}}}}}, "export": {"paid": "output[0].amount"}}}"#

    private func event(_ id: String, _ invoice: String, type: String = "bank.paid", amount: String = "1.00") -> RunEvent {
        .eventArrived([
            "specversion": "1.0", "id": .string(id), "source": "/bank", "type": .string(type),
            "data": ["invoice": .string(invoice), "amount": .string(amount)],
        ])
    }

    @Test("only the event about this invoice ends the waiting")
    func correlation() throws {
        var run = try Small("[\(EventTests.listener)]")
        try run.send(.start(input: ["number": "R-1"]))
        #expect(run.state.phase == .waiting)
        try run.send(event("1", "R-2"))
        #expect(run.state.phase == .waiting)
        try run.send(event("2", "R-1", type: "bank.rejected"))
        #expect(run.state.phase == .waiting)
        try run.send(event("3", "R-1", amount: "7.00"))
        #expect(run.state.outcome == "done")
        #expect(run.state.context["paid"] == "7.00")
    }

    @Test("an event that comes before its step is kept for it, but not for ever")
    func buffering() throws {
        let steps = #"[{"w": {"wait": {"hours": 2}}}, \#(EventTests.listener)]"#
        var run = try Small(steps)
        try run.send(.start(input: ["number": "R-1"]))
        try run.send(event("1", "R-1"))
        try run.passTime()
        #expect(run.state.outcome == "done")
        let short = steps.replacing(#""listen": {"#, with: #""listen": {"kept": {"hours": 1}, "#)
        var other = try Small(short)
        try other.send(.start(input: ["number": "R-1"]))
        try other.send(event("1", "R-1"))
        try other.passTime()
        #expect(other.state.phase == .waiting, "what came two hours ago is too old")
        #expect(other.state.inbox.isEmpty)
    }

    @Test("an event that is delivered twice counts once")
    func deduplication() throws {
        var run = try Small(
            #"[{"two": {"listen": {"to": {"all": [{"with": {"type": "bank.paid"}}, {"with": {"type": "bank.paid"}}]}}}}]"#)
        try run.send(.start(input: [:]))
        try run.send(event("1", "R-1"))
        try run.send(event("1", "R-1"))
        #expect(run.state.phase == .waiting)
        try run.send(event("2", "R-1"))
        #expect(run.state.outcome == "done")
    }

    @Test("the first event binds those that have to be about the same thing")
    func firstBinds() throws {
        let filter = #"{"with": {"type": "T"}, "correlate": {"order": {"from": "event.data.invoice"}}}"#
        var run = try Small(
            #"[{"both": {"listen": {"to": {"all": [\#(filter.replacing("T", with: "a")), "#
                + #"\#(filter.replacing("T", with: "b"))]}}}}]"#)
        try run.send(.start(input: [:]))
        try run.send(event("1", "R-1", type: "a"))
        try run.send(event("2", "R-2", type: "b"))
        #expect(run.state.phase == .waiting)
        try run.send(event("3", "R-1", type: "b"))
        #expect(run.state.outcome == "done")
    }

    private func offered(_ event: RunEvent, _ takes: Subscription.Takes = .all) -> RunEvent {
        if case .eventArrived(let json) = event { .eventOffered(json, takes) } else { event }
    }

    private func keys(_ run: Small) -> [JSONValue] {
        RunMachine.subscriptions(for: run.state, of: run.environment.definition).map { [$0.reading.json, $0.key] }
    }

    @Test("what a run waits for is told by the keys that an event will have")
    func subscription() throws {
        var run = try Small("[\(EventTests.listener)]")
        #expect(keys(run).isEmpty)
        try run.send(.start(input: ["number": "R-1"]))
        #expect(keys(run) == [[[["expression": "event.data.invoice"]], ["R-1"]]])
        let found = RunMachine.subscriptions(for: run.state, of: run.environment.definition)
        let reading = try #require(EventReading(json: found[0].reading.json))
        #expect(reading.key(of: ["data": ["invoice": "R-1"]]) == ["R-1"])
        #expect(reading.key(of: ["data": ["invoice": "R-2"]]) == ["R-2"])
        #expect(reading.key(of: ["data": [:]]) == nil, "what cannot be read is not waited for")
        try run.send(event("1", "R-1"))
        #expect(keys(run).isEmpty)
    }

    @Test("a correlation that reads more than the event is left to the run, which decides alone")
    func ownReading() throws {
        let steps = EventTests.listener.replacing("event.data.invoice", with: "event.data.invoice + context.tail")
            .replacing("input.number", with: "${ input.number + 'x' }")
        var run = try Small(#"[{"s": {"set": {"tail": "x"}}}, \#(steps)]"#)
        try run.send(.start(input: ["number": "R-1"]))
        #expect(keys(run) == [[[], []]], "any event of the type has to be offered")
        try run.send(offered(event("1", "R-2")))
        #expect(run.state.phase == .waiting)
        try run.send(offered(event("2", "R-1")))
        #expect(run.state.outcome == "done")
    }

    @Test("the first of two events about one thing makes the run wait for the other by its value")
    func boundSubscription() throws {
        let filter = #"{"with": {"type": "T"}, "correlate": {"order": {"from": "event.data.invoice"}}}"#
        var run = try Small(
            #"[{"both": {"listen": {"to": {"all": [\#(filter.replacing("T", with: "a")), "#
                + #"\#(filter.replacing("T", with: "b"))]}}}}]"#)
        try run.send(.start(input: [:]))
        #expect(keys(run) == [[[], []], [[], []]])
        try run.send(offered(event("1", "R-1", type: "a")))
        #expect(keys(run) == [[[["expression": "event.data.invoice"]], ["R-1"]]])
    }

    @Test("an event for all ends every step that waits for it, and a run takes it once")
    func offeredToAll() throws {
        let branch = #"{"listen": {"to": {"one": {"with": {"type": "bank.paid"}}}}}"#
        var run = try Small(
            #"[{"f": {"fork": {"branches": [{"a": \#(branch)}, {"b": \#(branch)}]}}}, {"again": \#(branch)}]"#)
        try run.send(.start(input: [:]))
        #expect(run.state.waitingSteps.count == 2)
        try run.send(offered(event("1", "R-1")))
        #expect(run.state.waitingSteps == ["again"])
        let before = run.state
        let actions = try run.send(offered(event("1", "R-1")))
        #expect(actions.isEmpty && run.state == before)
        try run.send(offered(event("2", "R-1")))
        #expect(run.state.outcome == "done")
    }

    @Test("an event for one alone ends one step, and only one that takes events for itself")
    func offeredToOne() throws {
        let one = #"{"listen": {"consume": "one", "to": {"one": {"with": {"type": "bank.paid"}}}}}"#
        let all = #"{"listen": {"to": {"one": {"with": {"type": "bank.paid"}}}}}"#
        var run = try Small(
            #"[{"f": {"fork": {"branches": [{"a": \#(one)}, {"b": \#(one)}, {"c": \#(all)}]}}}]"#)
        try run.send(.start(input: [:]))
        try run.send(offered(event("1", "R-1"), .one))
        #expect(run.state.waitingSteps.count == 2)
        try run.send(offered(event("2", "R-1"), .one))
        try run.send(offered(event("3", "R-1"), .one))
        #expect(run.state.waitingSteps.count == 1)
        try run.send(offered(event("4", "R-1")))
        #expect(run.state.outcome == "done")
    }

    @Test("an event that is offered and not taken leaves no trace in the run")
    func notTaken() throws {
        var run = try Small("[\(EventTests.listener)]")
        try run.send(.start(input: ["number": "R-1"]))
        let before = run.state
        for other in [event("1", "R-2"), event("2", "R-1", type: "bank.rejected")] {
            #expect(try run.send(offered(other)).isEmpty)
        }
        #expect(run.state == before)
    }

    @Test(
        "what begins a run is told with its place when it is wrong",
        arguments: [
            (#"{"evry": "PT5M"}"#, "evry", "no member"), (#"{}"#, "", "says when"),
            (#"{"on": {"with": {"source": "/bank"}}}"#, "on/with", "lacks `type`"),
            (#"{"on": {"with": {"type": "${ input.x }"}}}"#, "on/with/type", "Nothing is known yet"),
            (#"{"on": {"with": {"type": "t"}, "when": "input.x == 1"}}"#, "on/when", "input"),
        ])
    func beginning(schedule: String, place: String, message: String) throws {
        let pointer = "/schedule" + (place.isEmpty ? "" : "/" + place)
        let issues = try Small.parse(
            #"[{"s": {"set": {"x": 1}}}]"#, head: ["schedule": JSONValue(parsing: schedule)]
        ).issues
        #expect(issues.contains { $0.pointer == pointer && $0.message.contains(message) }, "\(issues)")
    }

    @Test("how long an event is of use is written into it")
    func expiry() throws {
        var run = try Small(
            #"[{"tell": {"emit": {"kept": {"hours": 2}, "event": {"with": {"type": "invoice.seen"}}}}}]"#)
        let answer = try run.send(.start(input: [:]))
        let sent = answer.compactMap { if case .emit(let event) = $0 { event } else { nil } }.first
        #expect(sent?["expirytime"]?.string.flatMap { Moment($0) } == run.now.adding(seconds: 7200))
    }

    @Test("an event that is sent has an id that is the same in every replay")
    func emission() throws {
        let steps =
            #"[{"tell": {"emit": {"event": {"with": {"type": "invoice.seen", "data": {"n": "${ input.number }"}}}}}}]"#
        func sent() throws -> JSONValue? {
            var run = try Small(steps)
            let answer = try run.send(.start(input: ["number": "R-1"]))
            return answer.compactMap { if case .emit(let event) = $0 { event } else { nil } }.first
        }
        let event = try #require(try sent())
        #expect(event["data"]?["n"] == "R-1")
        #expect(event["specversion"] == "1.0")
        #expect(event == (try sent()))
    }

    @Test(
        "what is wrong with events and times is told with its place",
        arguments: [
            (#"[{"a": {"listen": {"to": {"one": {"when": "true"}}}}}]"#, "/do/0/a/listen/to/one", "lacks `with`"),
            (#"[{"a": {"listen": {"to": {"any": []}}}}]"#, "/do/0/a/listen/to/any", "listens to nothing"),
            (#"[{"a": {"emit": {"event": {"with": {"source": "x"}}}}}]"#, "/do/0/a/emit/event/with", "lacks `type`"),
            (
                #"[{"a": {"emit": {"event": {"with": {"type": "x", "Bad-Name": 1}}}}}]"#,
                "/do/0/a/emit/event/with/Bad-Name", "no attribute"
            ),
            (
                #"[{"a": {"listen": {"consume": "some", "to": {"one": {"with": {"type": "x"}}}}}}]"#, "/do/0/a/listen/consume",
                "one run takes"
            ),
            (
                #"[{"a": {"emit": {"kept": {"days": 31}, "event": {"with": {"type": "x"}}}}}]"#, "/do/0/a/emit/kept",
                "30 days at most"
            ),
            (#"[{"a": {"wait": "P1M"}}]"#, "/do/0/a/wait", "no length of time"),
            (#"[{"a": {"wait": {"minutes": 0}}}]"#, "/do/0/a/wait/minutes", "from 1 to"),
            (#"[{"a": {"wait": {"seconds": 1}, "timeout": {"after": {"secs": 1}}}}]"#, "/do/0/a/timeout/after/secs", "no member"),
            (
                #"[{"a": {"for": {"in": "[1]", "each": "input"}, "do": [{"s": {"set": {"x": 1}}}]}}]"#, "/do/0/a/for",
                "name of a value"
            ),
            (#"[{"a": {"for": {"in": "[1]"}, "do": [{"s": {"set": {"x": "${ itm }"}}}]}}]"#, "/do/0/a/do/0/s/set/x", "itm"),
            (
                #"[{"a": {"try": [{"s": {"set": {"x": 1}}}], "catch": {"retry": {"delay": "PT1S"}}}}]"#,
                "/do/0/a/catch/retry", "Nothing ends"
            ),
            (#"[{"a": {"fork": {"branches": []}}}]"#, "/do/0/a/fork", "no branch"),
        ])
    func located(steps: String, pointer: String, message: String) throws {
        let issues = try Small.parse(steps).issues
        #expect(issues.contains { $0.pointer == pointer && $0.message.contains(message) }, "\(issues)")
    }

    @Test(
        "lengths of time are read exactly",
        arguments: [
            ("PT5S", 5000), ("PT0.25S", 250), ("P1DT12H", 129_600_000), ("PT5M30S", 330_000), ("P", nil), ("PT", nil),
            ("P1Y", nil), ("PT1.5M", nil), ("5S", nil), ("PT5S5M", nil), ("PT99999999999999999999S", nil),
        ] as [(String, Int64?)])
    func durations(text: String, milliseconds: Int64?) {
        #expect(DefinitionParser.iso8601(text) == milliseconds)
    }
}
