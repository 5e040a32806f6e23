import Kernel
import TestBasics
import Testing

@testable import Workflows

@Suite("A run goes over to another version of its workflow")
struct MigrationTests {
    private static func list(_ steps: String...) -> String { "[" + steps.joined(separator: ", ") + "]" }

    private static func write(_ name: String, _ more: String = "") -> String {
        #"{"\#(name)": {"call": "erp.write", "with": {"connection": "erp", "object": "bill", "key": 1, "bill": 1}\#(more)}}"#
    }

    private static let ask =
        #"{"ask": {"call": "human.task", "with": {"role": "ap-clerk", "object": {"n": 1}, "resolutions": "#
        + #"[{"name": "go", "label": "Go", "consequence": "It goes on."}]}}}"#

    /// A run of the first version that has started, and what version 2 would make of it.
    private func started(
        _ old: String, _ new: String, mapping: [String: String] = [:], upTo keys: [String] = []
    ) throws -> (run: Small, next: Small, migration: RunMigration) {
        var run = try Small(old, head: ["duties": "sod"])
        let next = try Small(new, head: ["version": "2", "duties": "sod"])
        try run.send(.start(input: [:]))
        for key in keys { try run.finish(key, "done") }
        let migration = try RunMigration(from: run.environment.definition, to: next.environment.definition, mapping: mapping)
        return (run, next, migration)
    }

    private func reasons(
        _ old: String, _ new: String, mapping: [String: String] = [:], upTo keys: [String] = []
    ) throws -> [String] {
        let (run, _, migration) = try started(old, new, mapping: mapping, upTo: keys)
        return migration.obstacles(to: run.state).map(\.reason)
    }

    /// The run as it goes on under the second version.
    private func moved(
        _ old: String, _ new: String, mapping: [String: String] = [:], upTo keys: [String] = []
    ) throws -> Small {
        var (run, next, migration) = try started(old, new, mapping: mapping, upTo: keys)
        next.actions = try run.machine.migrate(
            by: migration, person: Person.ruth, reason: "the supplier changed", at: run.now, in: next.environment)
        next.machine = run.machine
        next.now = run.now
        return next
    }

    @Test("what is open keeps its key, and the run goes on by the new version's steps")
    func goesOn() throws {
        let one = Small.read("one"), two = Small.read("two"), three = Small.read("three")
        var run = try moved(Self.list(one, two), Self.list(one, two, three), upTo: ["one#1"])
        #expect(run.tasks == ["two#1"])
        try run.finish("two#1")
        #expect(run.tasks == ["three#1"])
        try run.finish("three#1")
        #expect(run.state.outcome == "done")
        #expect(run.notes.contains { $0.type == "run.migrated" && $0.data["to"] == "2" })
    }

    @Test("it is in the audit log who moved the run, from where to where, and why")
    func audited() throws {
        let run = try moved(Self.list(Small.read("one")), Self.list(Small.read("one"), Small.read("two")))
        let facts = run.actions.compactMap { if case .audit("run.migrated", let facts) = $0 { facts } else { nil } }
        #expect(facts.first?["reason"] == "the supplier changed")
        #expect(facts.first?["from"] == "1")
        #expect(facts.first?["to"] == "2")
        #expect(facts.first?["person"] == JSONValue(Person.ruth))
    }

    @Test("a step that was renamed is named by the mapping, and what is inside it goes along")
    func renamed() throws {
        let old = #"[{"fetch": {"do": [\#(Small.read("one")), \#(Small.read("two"))]}}]"#
        let new = #"[{"gather": {"do": [\#(Small.read("one")), \#(Small.read("two"))]}}]"#
        #expect(Set(try reasons(old, new, upTo: ["fetch/one#1"])) == ["step.gone"])
        var run = try moved(old, new, mapping: ["fetch": "gather"], upTo: ["fetch/one#1"])
        #expect(run.state.waitingSteps == ["gather/two"])
        #expect(run.tasks == ["fetch/two#1"])
        try run.finish("fetch/two#1")
        #expect(run.state.outcome == "done")
    }

    @Test("a run inside a step without a counterpart stays, and the refusal leaves it as it was")
    func gone() throws {
        var (run, next, migration) = try started(Self.list(Small.read("one")), Self.list(Small.read("other")))
        let before = run.state
        let reason = reason { () throws(Refusal) in
            _ = try run.machine.migrate(
                by: migration, person: Person.ruth, reason: "x", at: run.now, in: next.environment)
        }
        #expect(reason == "step.gone")
        #expect(run.state == before)
    }

    @Test("a new decision or write that the run is past is an obstacle, and one that is still ahead is none")
    func passedGate() throws {
        let one = Small.read("one"), two = Small.read("two")
        #expect(try reasons(Self.list(one, two), Self.list(one, Self.ask, two), upTo: ["one#1"]) == ["step.passed"])
        #expect(try reasons(Self.list(one, two), Self.list(Self.write("book"), one, two), upTo: ["one#1"]) == ["step.passed"])
        #expect(try reasons(Self.list(one, two), Self.list(one, two, Self.ask), upTo: ["one#1"]) == [])
    }

    @Test("data that the new version keeps behind the run's back is an obstacle")
    func missingData() throws {
        let plain = Small.read("one"), two = Small.read("two")
        let keeping = Small.read("one", #", "export": {"order": "output"}"#)
        #expect(try reasons(Self.list(plain, two), Self.list(keeping, two), upTo: ["one#1"]) == ["data.missing"])
        #expect(try reasons(Self.list(plain, two), Self.list(keeping, two)) == [])
    }

    @Test("a write that was sent keeps its step's name, or has a key of its own in both versions")
    func writeKeys() throws {
        let two = Small.read("two")
        let own = #", "idempotencyKey": "${ 'bill-1' }""#
        let mapping = ["book": "post"]
        #expect(
            try reasons(
                Self.list(Self.write("book"), two), Self.list(Self.write("post"), two), mapping: mapping, upTo: ["book#1"])
                == ["write.key"])
        #expect(
            try reasons(
                Self.list(Self.write("book", own), two), Self.list(Self.write("post", own), two), mapping: mapping,
                upTo: ["book#1"]) == [])
        #expect(
            try reasons(Self.list(Self.write("book"), two), Self.list(two), upTo: ["book#1"]) == ["write.gone"])
    }

    @Test("a key is never made twice, though a step comes to have the name of another")
    func freshKeys() throws {
        let one = Small.read("one"), two = Small.read("two")
        // What was `one` is `first` now, and a new `one` comes after it.
        var run = try moved(Self.list(one, two), Self.list(Small.read("first"), one, two), mapping: ["one": "first"])
        #expect(run.tasks == ["one#1"])
        try run.finish("one#1")
        #expect(run.tasks == ["one#2"])
        try run.finish("one#2")
        #expect(run.tasks == ["two#1"])
    }

    @Test("branches that are done stay done, and other branches are an obstacle")
    func branches() throws {
        func fork(_ names: String...) -> String {
            #"[{"both": {"fork": {"branches": [\#(names.map { Small.read($0) }.joined(separator: ", "))]}}}]"#
        }
        #expect(try reasons(fork("a", "b"), fork("a", "b", "c"), upTo: ["both/a#1"]) == ["step.branches"])
        var run = try moved(fork("a", "b"), fork("x", "b"), mapping: ["both/a": "both/x"], upTo: ["both/a#1"])
        try run.finish("both/b#1")
        #expect(run.state.outcome == "done")
    }

    @Test("the turns of a loop that are open go on in the renamed loop, and the rest of the items follow")
    func loops() throws {
        func loop(_ name: String, each: String = "line") -> String {
            #"[{"\#(name)": {"for": {"each": "\#(each)", "in": "[1, 2]"}, "do": [\#(Small.read("look"))]}}]"#
        }
        #expect(try reasons(loop("lines"), loop("lines", each: "row")) == ["step.loop"])
        var run = try moved(loop("lines"), loop("rows"), mapping: ["lines": "rows"])
        let first = try #require(run.tasks.first)
        try run.finish(first)
        let second = try #require(run.tasks.first)
        #expect(second.hasPrefix("rows/"))
        try run.finish(second)
        #expect(run.state.outcome == "done")
    }

    @Test("a mapping that names what is not there is refused with the nearest name")
    func badMapping() throws {
        let old = try Small(Self.list(Small.read("order"), Self.ask), head: ["duties": "sod"])
        let new = try Small(Self.list(Small.read("order"), Self.ask), head: ["version": "2", "duties": "sod"])
        let (from, to) = (old.environment.definition, new.environment.definition)
        func refused(_ mapping: [String: String]) -> String {
            do throws(Refusal) {
                _ = try RunMigration(from: from, to: to, mapping: mapping)
                return ""
            } catch { return error.message }
        }
        #expect(refused(["ordr": "order"]).contains("Did you mean order?"))
        #expect(refused(["order": "odrer"]).contains("Did you mean order?"))
        #expect(refused(["order": "ask"]).contains("different kinds"))
        #expect(refused(["order": "order", "ask": "order"]).contains("different kinds"))
    }

    @Test("a paused run takes what was kept for it along")
    func paused() throws {
        let one = Small.read("one"), two = Small.read("two")
        var (run, next, migration) = try started(Self.list(one), Self.list(one, two))
        try run.send(.paused(by: Person.ruth, reason: "the workflow is being changed"))
        try run.finish("one#1")
        _ = try run.machine.migrate(by: migration, person: Person.ruth, reason: "new", at: run.now, in: next.environment)
        next.machine = run.machine
        next.now = run.now
        #expect(next.state.isPaused)
        try next.send(.resumed(by: Person.ruth))
        #expect(next.tasks == ["two#1"])
    }

    @Test("a run that has ended stays with the version it ended under")
    func ended() throws {
        #expect(
            try reasons(Self.list(Small.read("one")), Self.list(Small.read("one")), upTo: ["one#1"]) == ["run.finished"])
    }

    @Test("a seeded thousand of runs and versions: what goes over ends, and asks for nothing twice")
    func property() throws {
        var dice = Seeded("what goes over to another version ends")
        let seed = dice.seed
        var went = 0
        for _ in 0..<1000 {
            let count = Int(dice.next() % 5) + 2
            let names = (0..<count).map { "s\($0)" }
            let done = Int(dice.next() % UInt64(count))
            var later = names
            if dice.next() % 2 == 0 { later.insert("extra", at: Int(dice.next() % UInt64(later.count + 1))) }
            if dice.next() % 3 == 0 { later.remove(at: Int(dice.next() % UInt64(later.count))) }
            let old = "[" + names.map { Small.read($0) }.joined(separator: ", ") + "]"
            let new = "[" + later.map { Small.read($0) }.joined(separator: ", ") + "]"
            var (run, next, migration) = try started(old, new, upTo: names.prefix(done).map { "\($0)#1" })
            let isPossible = later.contains(names[done])
            #expect(migration.obstacles(to: run.state).isEmpty == isPossible, "seed \(seed)")
            guard isPossible else { continue }
            _ = try run.machine.migrate(by: migration, person: Person.ruth, reason: "x", at: run.now, in: next.environment)
            next.machine = run.machine
            next.now = run.now
            var asked: Set<String> = Set(names.prefix(done).map { "\($0)#1" })
            while let key = next.tasks.first {
                #expect(asked.insert(key).inserted, "seed \(seed)")
                try next.finish(key)
            }
            #expect(next.state.outcome == "done", "seed \(seed)")
            went += 1
        }
        print("migration property: seed \(seed), \(went) of 1000 went over")
    }
}
