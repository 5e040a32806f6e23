import Incidents
import Kernel
import TestBasics
import Testing

@Suite("a runbook while it is followed")
struct RunbookExecutionTests {
    private static let tomas = RunbookExecution.Person(id: PersonID(high: 2, low: 1), natural: PersonID(high: 9, low: 1))
    private static let saskia = RunbookExecution.Person(id: PersonID(high: 2, low: 2), natural: PersonID(high: 9, low: 2))
    /// Another account of Tomas.
    private static let double = RunbookExecution.Person(id: PersonID(high: 2, low: 3), natural: PersonID(high: 9, low: 1))

    private static func execution(isDrill: Bool = false, facts: [String: String] = [:]) throws -> RunbookExecution {
        let steps = """
            1. **Take it on** `guidance`: Say so.
            2. **Pause** `pause-runs workflow={workflow} reason=trouble`: All of them.
            3. **Cancel** `cancel-runs`: The wrong ones.
            4. **Look** `test-connection`: Does it answer?
            """
        let body = RunbookTests.body.replacing(
            "1. **Take it on** `guidance`: `countersign acknowledge incident ID`. Others\n   see it.\n"
                + "2. **Try it again** `retry-step`: `countersign retry task ID`.", with: steps)
        let runbook = try #require(RunbookTests.read(body: body).runbook)
        return RunbookExecution(
            runbook, version: "7", isDrill: isDrill, facts: facts, at: Sample.start, by: tomas)
    }

    private static func preview(
        _ hash: String = "h", by person: RunbookExecution.Person = tomas, second: Bool = false, undo: Bool = false,
        at moment: Moment = Sample.start
    ) -> RunbookExecution.Preview {
        RunbookExecution.Preview(
            hash: hash, parameters: ["reason": "trouble"], content: ["effect": "They stop."], operation: "op",
            needsSecond: second,
            isUndo: undo, at: moment, by: person)
    }

    private func reason(_ execution: RunbookExecution, _ event: RunbookExecution.Event, after seconds: Int64 = 1) -> String {
        var trial = execution
        do throws(Refusal) {
            try trial.handle(event, at: Sample.start.adding(seconds: seconds))
            return ""
        } catch {
            #expect(trial == execution, "what is refused changes nothing")
            return error.reason
        }
    }

    @Test("steps are taken in order: guidance is done, an effect is shown and confirmed, and the end is noticed")
    func order() throws {
        var execution = try Self.execution(facts: ["workflow": "accounts-payable", "connection": "bc"])
        #expect(execution.current?.number == 1)
        #expect(execution.steps[1].parameters == ["workflow": "accounts-payable", "reason": "trouble"])
        #expect(reason(execution, .shown(step: 2, Self.preview())) == "runbook.order")
        #expect(reason(execution, .shown(step: 1, Self.preview())) == "runbook.guidance")
        try execution.handle(.done(step: 1, by: Self.tomas), at: Sample.start)
        #expect(reason(execution, .done(step: 2, by: Self.tomas)) == "runbook.confirm")
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.tomas)) == "runbook.not-shown")
        try execution.handle(.shown(step: 2, Self.preview()), at: Sample.start)
        #expect(reason(execution, .confirmed(step: 2, hash: "x", by: Self.tomas)) == "runbook.hash")
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.tomas), after: 900) == "runbook.expired")
        try execution.handle(.confirmed(step: 2, hash: "h", by: Self.tomas), at: Sample.start)
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.tomas)) == "runbook.settled")
        try execution.handle(.skipped(step: 3, by: Self.tomas, reason: "None is wrong."), at: Sample.start)
        #expect(reason(execution, .done(step: 4, by: Self.tomas)) == "runbook.not-shown")
        #expect(reason(execution, .failed(step: 4, by: Self.tomas, reason: " ")) == "runbook.reason")
        try execution.handle(.shown(step: 4, Self.preview()), at: Sample.start)
        try execution.handle(.done(step: 4, by: Self.tomas), at: Sample.start)
        #expect(execution.phase == .finished && execution.endedAt == Sample.start && execution.current == nil)
        #expect(try RunbookExecution(json: execution.json) == execution)
    }

    @Test("what needs a second person is not confirmed by the first, nor by another account of theirs")
    func second() throws {
        var execution = try Self.execution()
        try execution.handle(.skipped(step: 1, by: Self.tomas, reason: "no"), at: Sample.start)
        try execution.handle(.shown(step: 2, Self.preview(second: true)), at: Sample.start)
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.tomas)) == "runbook.second-person")
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.double)) == "runbook.second-person")
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.saskia)) == "")
        #expect(execution.steps[2].needsSecond, "cancelling takes two, whatever the runbook says")
    }

    @Test("a drill is looked through to its end and confirms nothing")
    func drill() throws {
        var execution = try Self.execution(isDrill: true)
        try execution.handle(.done(step: 1, by: Self.tomas), at: Sample.start)
        #expect(reason(execution, .done(step: 2, by: Self.tomas)) == "runbook.not-shown")
        try execution.handle(.shown(step: 2, Self.preview()), at: Sample.start)
        #expect(reason(execution, .confirmed(step: 2, hash: "h", by: Self.saskia)) == "runbook.drill")
        try execution.handle(.done(step: 2, by: Self.tomas), at: Sample.start)
        #expect(execution.steps[1].ending?.operation == nil && !execution.steps[1].isCompensable)
    }

    @Test("what was paused can be taken back once it was shown, and then be done again; an end ends it")
    func undo() throws {
        var execution = try Self.execution()
        try execution.handle(.done(step: 1, by: Self.tomas), at: Sample.start)
        #expect(reason(execution, .shown(step: 1, Self.preview(undo: true))) == "runbook.guidance")
        #expect(reason(execution, .shown(step: 2, Self.preview(undo: true))) == "runbook.no-way-back")
        try execution.handle(.shown(step: 2, Self.preview()), at: Sample.start)
        try execution.handle(.confirmed(step: 2, hash: "h", by: Self.tomas), at: Sample.start)
        try execution.handle(.shown(step: 2, Self.preview("u", undo: true)), at: Sample.start)
        #expect(execution.steps[1].state == .done, "looking takes nothing back")
        try execution.handle(.confirmed(step: 2, hash: "u", by: Self.tomas), at: Sample.start)
        #expect(execution.steps[1].state == .undone)
        try execution.handle(.again(step: 2, by: Self.tomas), at: Sample.start)
        #expect(execution.current?.number == 2 && execution.steps[1].preview == nil)
        try execution.handle(.abandoned(by: Self.tomas, reason: "Called for help."), at: Sample.start)
        #expect(reason(execution, .done(step: 1, by: Self.tomas)) == "runbook.over")
        #expect(try RunbookExecution(json: execution.json) == execution)
    }

    @Test("what a verb is told has to be known to it, has to fit, and has to be there")
    func parameters() throws {
        let execution = try Self.execution()
        func refused(_ step: Int, _ said: [String: String]) -> String {
            do throws(Refusal) {
                _ = try execution.parameters(of: step, saying: said)
                return ""
            } catch { return "\(error.reason) \(error.facts["field"] ?? "")" }
        }
        #expect(refused(2, [:]) == "")
        #expect(refused(2, ["reason": ""]) == "runbook.parameter reason")
        #expect(refused(2, ["colour": "red"]) == "runbook.parameter colour")
        #expect(refused(2, ["workflow": "two words"]) == "runbook.parameter workflow")
        #expect(refused(4, [:]) == "runbook.parameter connection")
        #expect(refused(9, [:]) == "not-found ")
    }

    @Test(
        "a step that cannot be carried out is found before anybody needs it",
        arguments: [
            ("pause-everything", "is no verb"), ("retry-step colour=red", "no parameter"), ("retry-step run", "no parameter"),
            ("retry-step run=1 run=2", "stands twice"), ("guidance second-person", "changes nothing"),
            ("retry-step run={run", "no value"), ("rotate-secret value=hunter2", "no parameter"),
            ("test-connection second-person", "changes nothing"),
        ])
    func lint(wrong: String, words: String) {
        let (runbook, issues) = RunbookTests.read(body: RunbookTests.body.replacing("`retry-step`", with: "`\(wrong)`"))
        #expect(runbook == nil)
        #expect(issues.contains { $0.place == .body(line: 18) && $0.message.contains(words) }, "\(issues)")
    }

    @Test("drills are asked for in whole days, a week to a year", arguments: [(7, true), (366, true), (6, false), (367, false)])
    func drilledEvery(days: Int, fits: Bool) {
        let (runbook, issues) = RunbookTests.read(["drilledEvery": JSONValue(days)])
        #expect((runbook?.drilledEvery == days) == fits)
        #expect(issues.map(\.place) == (fits ? [] : [.matter(pointer: "/drilledEvery")]))
    }
}
