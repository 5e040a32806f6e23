import Kernel
import Testing

@testable import Workflows

@Suite("A candidate runs beside the live version on paper")
struct ShadowTests {
    private static func list(_ steps: String...) -> String { "[" + steps.joined(separator: ", ") + "]" }

    private static func write(_ name: String, bill: String = "1") -> String {
        #"{"\#(name)": {"call": "erp.write", "with": {"connection": "erp", "object": "bill", "key": 1, "bill": \#(bill)}}}"#
    }

    private static func approve(_ name: String, role: String = "ap-clerk", then quorum: Int = 1, object: String = "1") -> String {
        #"{"\#(name)": {"call": "human.approve", "with": {"steps": [{"role": "\#(role)", "quorum": \#(quorum)}], "#
            + #""duty": "approve-invoice", "object": {"n": \#(object)}}}}"#
    }

    private func environment(_ steps: String, version: String = "1") throws -> RunEnvironment {
        let (definition, issues) = try Small.parse(
            steps, head: ["version": .string(version), "duties": "ap-duty-separation"])
        #expect(issues.isEmpty, "\(issues)")
        return RunEnvironment(
            definition: try #require(definition), policies: try Library.policies(), hash: { stableHash($0) },
            serviceInstant: { $1.adding(seconds: $0) })
    }

    /// A live run of these steps: machines answer what they are asked, and Ruth signs what people are asked.
    private func lived(_ live: RunEnvironment) throws -> [RecordedEvent] {
        var machine = RunMachine()
        var now = Desk.start
        var journal: [RecordedEvent] = []
        func send(_ event: RunEvent) throws {
            now = now.adding(seconds: 60)
            _ = try machine.handle(event, at: now, in: live)
            journal.append(RecordedEvent(at: now, event: event))
        }
        try send(.start(input: ["case": ["number": "R-1"]]))
        var left = 50
        while !machine.state.phase.isFinal, left > 0 {
            left -= 1
            if let task = RunMachine.tasks(for: machine.state).first {
                try send(.workFinished(key: task.key, .completed(["found": true])))
            } else if let request = RunMachine.openRequests(for: machine.state).first {
                try send(
                    .personDecided(
                        PersonDecision(
                            taskKey: request.key, person: Person.ruth, roles: ["ap-clerk", "controller"], verdict: "approve",
                            reason: nil, objectHash: request.objectHash, natural: Person.ruth)))
            }
        }
        #expect(machine.state.phase == .completed)
        return journal
    }

    private func compared(_ live: String, _ candidate: String) throws -> ShadowReport {
        let environment = try environment(live)
        return ShadowRun.compare(
            live: environment, candidate: try self.environment(candidate, version: "2"), journal: try lived(environment))
    }

    @Test("the same steps under another version do the same")
    func same() throws {
        let steps = Self.list(Small.read("one"), Self.approve("sign"), Self.write("post"))
        let report = try compared(steps, steps)
        #expect(report.verdict == .same, "\(report.json.text)")
        #expect(report.differences.isEmpty && report.unknowns.isEmpty)
    }

    @Test("steps that are only called otherwise are no difference, and are told")
    func renamed() throws {
        let report = try compared(
            Self.list(Small.read("one"), Self.write("post")), Self.list(Small.read("look"), Self.write("post")))
        #expect(report.verdict == .same, "\(report.json.text)")
        #expect(report.liveOnlySteps == ["one"] && report.candidateOnlySteps == ["look"])
    }

    @Test("another write is a difference, and what the other side would answer to it is not guessed")
    func otherWrite() throws {
        let report = try compared(
            Self.list(Self.write("post"), Small.read("after")), Self.list(Self.write("post", bill: "2"), Small.read("after")))
        #expect(report.verdict == .different)
        #expect(report.differences.map(\.kind) == ["write"])
        #expect(report.unknowns.count == 1)
    }

    @Test("a read that the live run never made is unknown, and nothing after it counts")
    func otherRead() throws {
        let other =
            #"{"more": {"call": "erp.read", "with": {"connection": "erp", "object": "supplier", "key": "k"}}}"#
        let report = try compared(
            Self.list(Small.read("one"), Self.write("post")), Self.list(Small.read("one"), other, Self.write("post")))
        #expect(report.verdict == .unknown, "\(report.json.text)")
        #expect(report.differences.isEmpty)
        #expect(report.unknowns.count == 1)
    }

    @Test("a question asked once more than the live run asked it is unknown")
    func askedTwice() throws {
        let report = try compared(Self.list(Small.read("one")), Self.list(Small.read("one"), Small.read("again")))
        #expect(report.verdict == .unknown)
    }

    @Test("a candidate that wants another approver would not have let this one sign")
    func approver() throws {
        let report = try compared(
            Self.list(Self.approve("sign"), Self.write("post")),
            Self.list(Self.approve("sign", role: "cfo"), Self.write("post")))
        #expect(report.verdict == .different)
        #expect(report.differences.contains { $0.kind == "approval" })
        #expect(report.differences.contains { $0.kind == "refused" && $0.candidate["reason"] == "request.role" })
        #expect(!report.differences.contains { $0.kind == "write" }, "the write is not reached, so it is not known")
    }

    @Test("a candidate that wants a second signature waits for it in vain")
    func second() throws {
        let report = try compared(Self.list(Self.approve("sign")), Self.list(Self.approve("sign", then: 2)))
        #expect(report.verdict == .different)
        #expect(report.differences.map(\.kind) == ["approval"])
        #expect(report.unknowns.count == 1)
    }

    @Test("a candidate that leaves a write out ends without it")
    func leftOut() throws {
        let report = try compared(Self.list(Small.read("one"), Self.write("post")), Self.list(Small.read("one")))
        #expect(report.verdict == .different)
        #expect(report.differences.map(\.kind) == ["write"])
        #expect(report.differences.first?.candidate == .null)
    }

    @Test("time goes on for a candidate that only waits")
    func waits() throws {
        let report = try compared(
            Self.list(Small.read("one")), Self.list(Small.read("one"), #"{"later": {"wait": {"days": 3}}}"#))
        #expect(report.verdict == .same, "\(report.json.text)")
    }

    @Test("a run that a person took another way is not compared")
    func steered() throws {
        let live = try environment(Self.list(Small.read("one")))
        let journal = try lived(live)
        let skipped = RecordedEvent(at: Desk.start, event: .skipped(step: "one", by: Person.ruth, reason: "no need"))
        let report = ShadowRun.compare(live: live, candidate: live, journal: journal + [skipped])
        #expect(report.verdict == .incomparable)
        #expect(ShadowRun.compare(live: live, candidate: live, journal: []).verdict == .incomparable)
    }
}
