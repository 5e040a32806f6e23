import Kernel
import Testing

@testable import Workflows

@Suite("What the language of workflows says")
struct LanguageTests {
    @Test("a loop goes through its items in order, and each turn has a path of its own")
    func loop() throws {
        var run = try Small(
            #"[{"all": {"for": {"each": "line", "in": "input.lines"}, "do": ["# + Small.read("ask", #", "if": "line != 'skip'""#)
                + "]}}]")
        try run.send(.start(input: ["lines": ["a", "skip", "b"]]))
        #expect(run.tasks == ["all/do:0/ask#1"])
        try run.finish("all/do:0/ask#1")
        #expect(run.tasks == ["all/do:2/ask#1"])
        try run.finish("all/do:2/ask#1")
        #expect(run.state.outcome == "done")
        #expect(run.steps("step.skipped") == ["all/do:1/ask"])
        #expect(run.state.visits.keys.contains { $0.contains(":") } == false, "turns are forgotten when they are over")
    }

    @Test("turns side by side are bounded, and what they give is in the order of the items")
    func parallelLoop() throws {
        var run = try Small(
            #"[{"all": {"for": {"in": "[1, 2, 3]", "parallel": 2}, "do": ["# + Small.read("ask")
                + #"], "export": {"found": "output"}}}]"#)
        try run.send(.start(input: [:]))
        #expect(run.tasks == ["all/do:0/ask#1", "all/do:1/ask#1"])
        try run.finish("all/do:1/ask#1", "two")
        #expect(run.tasks == ["all/do:0/ask#1", "all/do:2/ask#1"])
        try run.finish("all/do:2/ask#1", "three")
        try run.finish("all/do:0/ask#1", "one")
        #expect(run.state.outcome == "done")
        #expect(run.state.context["found"] == ["one", "two", "three"])
    }

    @Test("a turn that fails cancels the others, or lets those that are open finish", arguments: ["cancel", "wait"])
    func loopFailure(onError: String) throws {
        var run = try Small(
            #"[{"all": {"for": {"in": "[1, 2, 3]", "parallel": 2, "onError": "\#(onError)"}, "do": ["# + Small.read("ask")
                + "]}}]")
        try run.send(.start(input: [:]))
        try run.send(.workFinished(key: "all/do:0/ask#1", .refused(code: "NO", message: "no")))
        if onError == "wait" {
            #expect(run.tasks == ["all/do:1/ask#1"], "no other turn is started")
            try run.finish("all/do:1/ask#1")
        } else {
            #expect(run.actions.contains(.withdraw(key: "all/do:1/ask#1", reason: "The step failed.")))
        }
        #expect(run.state.phase == .faulted)
    }

    @Test("the first branch of a race ends the others")
    func race() throws {
        var run = try Small(
            #"[{"both": {"fork": {"compete": true, "branches": ["# + Small.read("left") + ", " + Small.read("right")
                + #"]}, "export": {"won": "output"}}}]"#)
        try run.send(.start(input: [:]))
        #expect(run.tasks == ["both/left#1", "both/right#1"])
        try run.finish("both/right#1", "fast")
        #expect(run.actions.contains(.withdraw(key: "both/left#1", reason: "Another branch was first.")))
        #expect(run.state.outcome == "done")
        #expect(run.state.context["won"] == "fast")
    }

    @Test("a try begins again after growing pauses, with the run's own jitter, and then gives up")
    func retry() throws {
        let steps =
            #"[{"t": {"try": ["# + Small.read("ask") + #"], "catch": {"errors": {"kinds": ["refused"]}, "retry": {"#
            + #""delay": {"seconds": 10}, "backoff": {"exponential": {"factorPercent": 300, "cap": {"seconds": 60}}}, "#
            + #""jitter": {"from": {"seconds": 1}, "to": {"seconds": 5}}, "limit": {"attempt": {"count": 4}}}, "#
            + #""do": [{"note": {"set": {"gaveUp": true}}}]}}}]"#
        var run = try Small(steps)
        try run.send(.start(input: [:]))
        var pauses: [Int64] = []
        for attempt in 1...4 {
            #expect(run.tasks == ["t/try/ask#\(attempt)"])
            try run.send(.workFinished(key: "t/try/ask#\(attempt)", .refused(code: "BUSY", message: "later")))
            if let timer = run.timers.first { pauses.append(timer.at.milliseconds(since: run.now)) }
            if attempt < 4 { try run.passTime() }
        }
        #expect(pauses.count == 3)
        for (pause, plain) in zip(pauses, [Int64(10_000), 30_000, 60_000]) {
            #expect((plain + 1000...plain + 5000).contains(pause), "\(pause)")
        }
        #expect(run.state.context["gaveUp"] == true)
        #expect(run.state.outcome == "done")
        // The same run has the same pauses again.
        var again = try Small(steps)
        try again.send(.start(input: [:]))
        try again.send(.workFinished(key: "t/try/ask#1", .refused(code: "BUSY", message: "later")))
        #expect(again.timers.first?.at.milliseconds(since: again.now) == pauses.first)
    }

    @Test("no attempt follows when the time for all of them is over, and the error goes on without a handler")
    func retryDuration() throws {
        var run = try Small(
            #"[{"t": {"try": ["# + Small.read("ask")
                + #"], "catch": {"retry": {"delay": "PT20S", "limit": {"duration": "PT30S"}}}}}]"#)
        try run.send(.start(input: [:]))
        try run.send(.workFinished(key: "t/try/ask#1", .refused(code: "BUSY", message: "later")))
        try run.passTime()
        try run.send(.workFinished(key: "t/try/ask#2", .refused(code: "BUSY", message: "later")))
        #expect(run.state.phase == .faulted)
    }

    @Test("a step that takes too long is given up, and what it waited for is taken back")
    func timeout() throws {
        var run = try Small(
            #"[{"t": {"try": ["# + Small.read("ask", #", "timeout": {"minutes": 5}"#)
                + #"], "catch": {"errors": {"kinds": ["timeout"]}, "as": "late", "do": [{"s": {"set": {"x": 1}}}]}}}]"#)
        try run.send(.start(input: [:]))
        #expect(run.timers.map(\.key) == ["t/try/ask#1/timeout"])
        #expect(run.timers.first?.at == run.now.adding(seconds: 300))
        try run.passTime()
        #expect(run.actions.contains(.withdraw(key: "t/try/ask#1", reason: "The step took too long.")))
        #expect(run.state.context["late"]?["kind"] == "timeout")
        #expect(run.state.outcome == "done")
    }

    @Test("a timeout that is not needed is cancelled")
    func timeoutCancelled() throws {
        var run = try Small("[" + Small.read("ask", #", "timeout": "PT5M""#) + #", {"w": {"wait": {"minutes": 1}}}]"#)
        try run.send(.start(input: [:]))
        let answer = try run.send(.workFinished(key: "ask#1", .completed(1)))
        #expect(answer.contains(.cancelTimer(key: "ask#1/timeout")))
        #expect(run.timers.map(\.key) == ["w#1"])
    }

    @Test("what was done before an error is undone, the last first, and each knows what it gave")
    func compensation() throws {
        let undo = #", "compensate": [{"u": {"set": {"undone": "${ context.undone + [given] }"}}}]"#
        var run = try Small(
            #"[{"b": {"set": {"undone": []}}}, {"t": {"try": ["# + Small.read("first", undo) + ", "
                + Small.read("second", undo) + ", " + Small.read("third", undo)
                + #"], "catch": {"compensate": true, "do": [{"s": {"set": {"x": 1}}}]}}}]"#)
        try run.send(.start(input: [:]))
        try run.finish("t/try/first#1", "one")
        try run.finish("t/try/second#1", "two")
        try run.send(.workFinished(key: "t/try/third#1", .refused(code: "NO", message: "no")))
        #expect(run.state.context["undone"] == ["two", "one"])
        #expect(run.state.context["x"] == 1)
        #expect(run.state.outcome == "done")
        #expect(run.steps("step.undoing") == ["t/try/second", "t/try/first"])
    }

    @Test("undoing may ask others, and what cannot be undone goes outwards")
    func compensationWaits() throws {
        let undo = #", "compensate": ["# + Small.read("back") + "]"
        var run = try Small(
            #"[{"t": {"try": ["# + Small.read("first", undo)
                + #", {"no": {"raise": {"type": "X", "title": "x"}}}], "catch": {"compensate": true}}}]"#)
        try run.send(.start(input: [:]))
        try run.finish("t/try/first#1")
        #expect(run.tasks == ["t/try/first/compensate/back#1"])
        try run.send(.workFinished(key: "t/try/first/compensate/back#1", .refused(code: "GONE", message: "gone")))
        #expect(run.state.phase == .faulted)
        #expect(
            run.actions.contains { if case .incident("run-faulted", let facts) = $0 { facts["type"] == "GONE" } else { false } })
    }

    @Test("a write inside a loop names what makes it its own, and nothing may cut a write off")
    func writesAreSafe() throws {
        let write =
            #"{"w": {"call": "erp.write", "with": {"connection": "erp", "object": "bill", "key": 1, "bill": 1}}}"#
        func problems(_ steps: String) throws -> [String] { try Small.parse(steps).issues.map(\.pointer) }
        #expect(try problems(#"[{"l": {"for": {"in": "[1]"}, "do": [\#(write)]}}]"#) == ["/do/0/l/do/0/w"])
        #expect(
            try problems(#"[{"f": {"fork": {"compete": true, "onError": "wait", "branches": [\#(write)]}}}]"#)
                == ["/do/0/f/fork/branches/0/w"])
        #expect(try problems(#"[{"d": {"do": [\#(write)], "timeout": {"seconds": 5}}}]"#) == ["/do/0/d/do/0/w"])
    }
}
