import Kernel
import Policies
import Testing

@testable import Workflows

@Suite("Tasks of people, and their forms")
struct TaskFormTests {
    static let form = """
        {"properties": {
            "account": {"type": "string", "title": "Account", "minLength": 4, "maxLength": 10},
            "amount": {"type": "string", "format": "decimal", "description": "Without tax."},
            "due": {"type": "string", "format": "date"},
            "way": {"type": "string", "enum": ["transfer", "card"]},
            "parts": {"type": "integer", "minimum": 1, "maximum": 12},
            "urgent": {"type": "boolean"}},
         "required": ["account", "amount"]}
        """
    static let task = """
        [{"fill": {"call": "human.task", "with": {"role": "approver", "object": {"number": "R-1"}, "form": \(form),
            "resolutions": [{"name": "filled", "label": "Filled in", "consequence": "It goes on."},
                {"name": "impossible", "label": "It cannot be told", "consequence": "It is asked again.", "takesForm": false}]},
            "deadlines": [{"name": "late", "afterSeconds": 60, "action": "escalate", "role": "controller"}],
            "export": {"given": "has(output.values) ? output.values : {}", "way": "output.resolution"}}}]
        """

    private static func started() throws -> Small {
        let head: JSONObject = ["duties": "ap-duty-separation"]
        var small = try Small(task, head: head)
        try small.send(.start(input: [:]))
        return small
    }

    private func answer(
        _ small: inout Small, _ verdict: String, _ values: JSONValue?, as roles: Set<String> = ["approver"]
    ) throws {
        let request = try #require(RunMachine.openRequests(for: small.state).first)
        try small.send(
            .personDecided(
                PersonDecision(
                    taskKey: request.key, person: Person.jonas, roles: roles, verdict: verdict, reason: nil,
                    objectHash: request.objectHash, natural: Person.jonas, values: values)))
    }

    /// Two of the people asked have to name the same account.
    private static func counted() throws -> Small {
        var small = try Small(
            task.replacing(#""role": "approver","#, with: #""role": "approver", "quorum": 2,"#),
            head: ["duties": "ap-duty-separation"])
        try small.send(.start(input: [:]))
        return small
    }

    private func answer(
        _ small: inout Small, _ verdict: String, _ values: JSONValue?, by person: PersonID, natural: PersonID? = nil
    ) throws {
        let request = try #require(RunMachine.openRequests(for: small.state).first)
        try small.send(
            .personDecided(
                PersonDecision(
                    taskKey: request.key, person: person, roles: ["approver"], verdict: verdict, reason: nil,
                    objectHash: request.objectHash, natural: natural ?? person, values: values)))
    }

    @Test("a task that two have to answer is done when two different people answer alike")
    func quorum() throws {
        var small = try TaskFormTests.counted()
        let (right, wrong): (JSONValue, JSONValue) = (
            ["account": "4711", "amount": "1.00"], ["account": "4712", "amount": "1.00"]
        )
        try answer(&small, "filled", right, by: Person.jonas)
        #expect(small.state.phase == .waiting)
        try answer(&small, "filled", wrong, by: Person.maya)
        #expect(small.state.phase == .waiting, "two answers that differ are not two alike")
        let refusal = #expect(throws: Refusal.self) {
            try answer(&small, "filled", wrong, by: PersonID(high: 9, low: 9), natural: Person.maya)
        }
        #expect(refusal?.reason == "sod.distinct-signers", "another account of the same human being is no other person")
        try answer(&small, "filled", right, by: Person.petra)
        #expect(small.state.phase == .completed && small.state.context["given"] == right)
        let receipts = small.actions.compactMap { if case .audit("task.answered", let facts) = $0 { facts } else { nil } }
        #expect(receipts.map { $0["alike"]?.int } == [1, 1, 2])
        #expect(!receipts.contains { $0.text.contains("4711") }, "the log does not tell again what was filled in")
    }

    @Test("people who disagree about the way out are not counted together")
    func quorumOfResolutions() throws {
        var small = try TaskFormTests.counted()
        try answer(&small, "impossible", nil, by: Person.jonas)
        try answer(&small, "filled", ["account": "4711", "amount": "1.00"], by: Person.maya)
        #expect(small.state.phase == .waiting)
        try answer(&small, "impossible", nil, by: Person.petra)
        #expect(small.state.context["way"] == "impossible")
    }

    @Test("a quorum is from 1 to 10")
    func quorumBounds() throws {
        for (quorum, isSound) in [("0", false), ("1", true), ("10", true), ("11", false), ("\"two\"", false)] {
            let steps = TaskFormTests.task.replacing(#""role": "approver","#, with: #""role": "approver", "quorum": \#(quorum),"#)
            let issues = try Small.parse(steps, head: ["duties": "ap-duty-separation"]).issues
            #expect(issues.contains { $0.pointer == "/do/0/fill/with/quorum" } == !isSound, "\(quorum): \(issues)")
        }
    }

    @Test("what is filled in reaches the run, bound into the receipt")
    func filled() throws {
        var small = try TaskFormTests.started()
        let values: JSONValue = [
            "account": "4711", "amount": "1250.00", "due": "2026-03-31", "way": "card", "parts": 3, "urgent": true,
        ]
        try answer(&small, "filled", values)
        #expect(small.state.phase == .completed)
        #expect(small.state.context["given"] == values)
        let receipt = small.actions.compactMap { if case .audit("task.resolved", let facts) = $0 { facts } else { nil } }.first
        #expect(receipt?["valuesHash"]?.string == stableHash(values))
        #expect(receipt?.text.contains("4711") == false, "the log does not tell again what was filled in")
    }

    @Test(
        "what is wrong is told field by field, and the task stays open",
        arguments: [
            (#"{"amount": "1"}"#, ["account"]), (#"{"account": "471", "amount": "1"}"#, ["account"]),
            (#"{"account": "47110815471", "amount": "1"}"#, ["account"]), (#"{"account": 4711, "amount": "1"}"#, ["account"]),
            (#"{"account": "4711", "amount": "1,5"}"#, ["amount"]), (#"{"account": "4711", "amount": 1}"#, ["amount"]),
            (#"{"account": "4711", "amount": "1", "due": "2026-02-30"}"#, ["due"]),
            (#"{"account": "4711", "amount": "1", "way": "cash"}"#, ["way"]),
            (#"{"account": "4711", "amount": "1", "parts": 13}"#, ["parts"]),
            (#"{"account": "4711", "amount": "1", "parts": "3"}"#, ["parts"]),
            (#"{"account": "4711", "amount": "1", "urgent": "yes"}"#, ["urgent"]),
            (#"{"account": "4711", "amount": "1", "other": 1}"#, ["other"]),
            (#"{"account": "4711", "amount": "1", "way": "cash", "parts": 0}"#, ["way", "parts"]),
        ])
    func wrong(values: String, fields: [String]) throws {
        var small = try TaskFormTests.started()
        let given = try JSONValue(parsing: values)
        do {
            try answer(&small, "filled", given)
            Issue.record("\(values) was taken")
        } catch let refusal as Refusal {
            #expect(refusal.reason == "request.form")
            for field in fields { #expect(refusal.facts["values.\(field)"]?.isEmpty == false, "\(refusal.facts)") }
            #expect(refusal.facts["field"] == "values.\(fields.first == "way" ? "way" : fields[0])")
        }
        #expect(RunMachine.openRequests(for: small.state).count == 1)
        #expect(throws: Refusal.self) { try answer(&small, "filled", nil) }
        #expect(throws: Refusal.self) { try answer(&small, "filled", [1]) }
    }

    @Test("an answer that takes no form needs none, and takes none")
    func withoutForm() throws {
        var small = try TaskFormTests.started()
        #expect(throws: Refusal.self) { try answer(&small, "impossible", ["account": "4711"]) }
        try answer(&small, "impossible", nil)
        #expect(small.state.context["way"] == "impossible" && small.state.context["given"] == [:])
    }

    @Test("a task that was escalated still has its form")
    func escalated() throws {
        var small = try TaskFormTests.started()
        try small.passTime()
        #expect(RunMachine.openRequests(for: small.state).first?.form?.fields.count == 6)
        #expect(throws: Refusal.self) { try answer(&small, "filled", [:], as: ["controller"]) }
        try answer(&small, "filled", ["account": "4711", "amount": "1"], as: ["controller"])
        #expect(small.state.phase == .completed)
    }

    @Test("what a page's fields say becomes what a program would send")
    func entered() throws {
        var issues: [AssetIssue] = []
        let form = try #require(TaskForm.parse(try JSONValue(parsing: TaskFormTests.form), at: "", issues: &issues))
        let values = form.values(entered: ["account": "4711", "amount": "1.5", "parts": "3", "urgent": "true", "due": ""])
        #expect(values == ["account": "4711", "amount": "1.5", "parts": 3, "urgent": true])
        #expect(form.problems(in: values).isEmpty)
        let wrong = form.values(entered: ["account": "4711", "amount": "1.5", "parts": "three"])
        #expect(form.problems(in: wrong).map(\.field) == ["parts"])
    }

    @Test(
        "a form that cannot be is refused with its place",
        arguments: [
            (#"{"properties": {}}"#, "1 to 20 fields", "properties"),
            (#"{"properties": {"a": {"type": "number"}}}"#, "a string", "properties/a/type"),
            (#"{"properties": {"a": {"type": "string", "format": "email"}}}"#, "a string", "properties/a/format"),
            (#"{"properties": {"a": {"type": "string", "minimum": 1}}}"#, "no member `minimum`", "properties/a/minimum"),
            (#"{"properties": {"a": {"type": "string", "minLength": 9, "maxLength": 3}}}"#, "above the most", "properties/a"),
            (#"{"properties": {"a": {"type": "string", "enum": []}}}"#, "nothing to choose", "properties/a/enum"),
            (#"{"properties": {"a-b": {"type": "string"}}}"#, "name of a field", "properties/a-b"),
            (#"{"properties": {"a": {"type": "string"}}, "required": ["b"]}"#, "no field `b`", "required/0"),
            (#"{"required": []}"#, "lacks `properties`", ""), (#"[]"#, "has to be a mapping", ""),
        ])
    func refused(form: String, message: String, pointer: String) throws {
        let steps = TaskFormTests.task.replacing(TaskFormTests.form, with: form)
        let issues = try Small.parse(steps, head: ["duties": "ap-duty-separation"]).issues
        #expect(
            issues.contains {
                $0.message.contains(message) && $0.pointer == "/do/0/fill/with/form" + (pointer.isEmpty ? "" : "/\(pointer)")
            }, "\(issues)")
    }
}
