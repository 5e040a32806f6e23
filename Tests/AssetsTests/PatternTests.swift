import Kernel
import Tenancy
import TestBasics
import Testing
import Workflows

@testable import Assets

@Suite("Patterns of workflows")
struct PatternTests {
    static let workflow = "operator/library/workflows/pay.yaml"
    static let ask = "operator/library/patterns/ask.yaml"
    static let askAboutPay = "operator/library/patterns/ask-about-pay.yaml"

    /// Asks a role of its parameters, and reminds it.
    static let askText = """
        kind: pattern
        name: ask
        version: "1.0"
        title: Ask somebody
        parameters:
          role: {type: name, default: clerk}
          why: {type: object}
          seconds: {type: integer, min: 60, max: 3600, default: 600}
          subject: {type: text, max: 40}
        step:
          call: exception.open
          with:
            code: ASKED
            role: {parameter: role}
            title: {parameter: subject}
            object: {what: "for $[role]"}
            evidence: {parameter: why}
            resolutions:
              - name: done
                label: Done
                consequence: It goes on.
          deadlines:
            - name: reminder
              afterSeconds: {parameter: seconds}
              action: notify
          export:
            answer: output.resolution

        """

    /// Stands on the first and fixes what it is about.
    static let aboutText = """
        kind: pattern
        name: ask-about-pay
        version: "2.0"
        title: Ask about a payment
        parameters:
          subject: {type: text, default: "About a payment"}
        step:
          title: Ask about it
          extends: ask@1.0
          with:
            subject: {parameter: subject}
            why: {number: "${input.case.number}"}

        """

    static let use = """
          - question:
              if: input.case.number != ''
              extends: ask-about-pay@2.0
              with:
                subject: Look at this
              export:
                seen: "true"
          - post:
        """

    static func tree(
        use: String = PatternTests.use, ask: String = askText, about: String = aboutText, head: (String, String)? = nil
    ) -> [String: String?] {
        var pay = (SampleTree.files[workflow] ?? "").replacing("  - post:", with: use)
        pay = pay.replacing("version: \"1\"", with: "version: \"1\"\nduties: apart")
        if let head { pay = pay.replacing(head.0, with: head.1) }
        return [
            workflow: pay, PatternTests.ask: ask, askAboutPay: about,
            "operator/library/policies/apart.yaml": """
            kind: duty-separation
            name: apart
            version: "1"
            title: Apart
            rules:
              - id: P01
                duty: enter
                conflicts: sign
                mode: dynamic
                severity: high
                message: You entered it, so someone else has to sign it.
                reverseMessage: You signed it, so someone else has to enter it.
            tests:
              - name: who entered does not sign
                input: {duty: sign, person: maya, chain: [{duty: enter, person: maya}]}
                expect: {rules: [P01]}

            """,
        ]
    }

    @Test("a step gets what its pattern gives, with the values of its place, its own members, and the defaults")
    func resolved() throws {
        let (tree, issues) = SampleTree.load(PatternTests.tree())
        #expect(issues.isEmpty, "\(issues)")
        let step = try #require(tree.visible(.workflow, "pay", from: .operator)?.document.json.at("/do/1/question"))
        #expect(
            step == [
                "if": "input.case.number != ''", "title": "Ask about it", "call": "exception.open",
                "with": [
                    "code": "ASKED", "role": "clerk", "title": "Look at this", "object": ["what": "for clerk"],
                    "evidence": ["number": "${input.case.number}"],
                    "resolutions": [["name": "done", "label": "Done", "consequence": "It goes on."]],
                ],
                "deadlines": [["name": "reminder", "afterSeconds": 600, "action": "notify"]],
                "export": ["answer": "output.resolution", "seen": "true"],
            ], "\(step.prettyText)")
    }

    @Test("what a pattern makes wrong is told at the place of use and at the line of the pattern")
    func bothPlaces() {
        let broken = PatternTests.askText.replacing("output.resolution", with: "output.resolution +")
        let found = SampleTree.issues(PatternTests.tree(ask: broken))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.file == PatternTests.workflow && found.first?.line == 16, "\(found)")
        let message = found.first?.message ?? ""
        #expect(message.contains("`ask@1.0` (") && message.contains("patterns/ask.yaml:27:13)"), "\(message)")
        #expect(
            message.contains("which is used by `ask-about-pay@2.0` (") && message.contains("ask-about-pay.yaml:9:12)"),
            "\(message)")
        // What the place itself gives is wrong where it stands, and nowhere else.
        let own = SampleTree.issues(
            PatternTests.tree(use: PatternTests.use.replacing("seen: \"true\"", with: "seen: \"true +\"")))
        #expect(own.count == 1 && own.first?.line == 20 && own.first?.message.contains("pattern") == false, "\(own)")
    }

    @Test(
        "a wrong use is refused where it stands",
        arguments: [
            (
                "extends: ask-about-pay@2.0", "extends: ask-about-pay@2.1", 16, "no pattern `ask-about-pay@2.1`",
                "ask-about-pay@2.0"
            ),
            ("extends: ask-about-pay@2.0", "extends: ask-abuot-pay@2.0", 16, "no pattern", "Did you mean `ask-about-pay@2.0`?"),
            ("extends: ask-about-pay@2.0", "extends: 7", 16, "names a pattern and its version", "name@version"),
            ("subject: Look at this", "subejct: Look at this", 18, "no parameter `subejct`", "Did you mean `subject`?"),
            ("subject: Look at this", "subject: [1]", 18, "`subject` has to be a text", "takes that only"),
            (
                "subject: Look at this", "subject: It is more than the forty characters it may be", 18,
                "it takes 0 to 40", "takes that only"
            ),
            ("seen: \"true\"", "answer: \"true\"", 20, "exports `answer` already", "Rename"),
            ("export:\n        seen: \"true\"", "deadlines: []", 19, "gives `deadlines` already", "Remove it"),
        ])
    func misuse(old: String, new: String, line: Int, message: String, remedy: String) {
        let found = SampleTree.issues(PatternTests.tree(use: PatternTests.use.replacing(old, with: new)))
        #expect(found.count == 1, "\(found)")
        #expect(found.first?.file == PatternTests.workflow && found.first?.line == line, "\(found)")
        #expect(found.first?.message.contains(message) == true && found.first?.remedy.contains(remedy) == true, "\(found)")
    }

    @Test(
        "a wrong pattern is refused in its own file",
        arguments: [
            ("role: {parameter: role}", "role: {parameter: rloe}", "no parameter `rloe`", "Did you mean `role`?"),
            ("for $[role]", "for $[subject]", "cannot stand inside a text", "{parameter: subject}"),
            ("for $[role]", "for $[nobody]", "no parameter `nobody`", "under `parameters`"),
            (
                "seconds: {type: integer", "unused: {type: value, default: 1}\n  seconds: {type: integer", "Nothing uses",
                "remove it"
            ),
            ("default: 600}", "default: 5}", "whole number from 60 to 3600", "default that the parameter takes"),
            ("type: name,", "type: nmae,", "has to be one of", "Did you mean `name`?"),
            ("default: clerk", "default: \"$[why]\"", "has to be a name", "default"),
            ("min: 60, max: 3600", "min: 600, max: 60", "`min` is above `max`", "Exchange"),
            ("step:\n", "workflow: {}\nstep:\n", "one step or one workflow", "not both"),
            ("type: object}", "type: choice}", "`values` belongs", "List the values"),
        ])
    func brokenPattern(old: String, new: String, message: String, remedy: String) {
        let found = SampleTree.issues(PatternTests.tree(ask: PatternTests.askText.replacing(old, with: new)))
        let own = found.filter { $0.file == PatternTests.ask }
        #expect(own.contains { $0.message.contains(message) && $0.remedy.contains(remedy) }, "\(found)")
    }

    @Test("patterns that contain themselves are refused, and those that grow without end stop at their bound")
    func cycles() {
        let round = PatternTests.askText.replacing(
            "step:\n  call: exception.open\n", with: "step:\n  extends: ask-about-pay@2.0\n  call: exception.open\n")
        let found = SampleTree.issues(PatternTests.tree(ask: round))
        #expect(found.contains { $0.file == PatternTests.workflow && $0.message.contains("contains itself") }, "\(found)")

        var patterns: [WorkflowPattern] = []
        var issues: [AssetIssue] = []
        // Each gives the next one twice the list: 2 to the power of 7 items of the first.
        for level in 1...7 {
            let inner: JSONValue =
                level == 7
                ? ["set": ["list": ["parameter": "list"]]]
                : [
                    "extends": .string("grow-\(level + 1)@1"),
                    "with": ["list": .array(Array(repeating: ["parameter": "list"], count: 20))],
                ]
            let json: JSONValue = [
                "kind": "pattern", "name": .string("grow-\(level)"), "version": "1", "title": "Grow",
                "parameters": ["list": ["type": "value"]], "step": inner,
            ]
            if let pattern = WorkflowPattern.parse(json, issues: &issues) { patterns.append(pattern) }
        }
        #expect(issues.isEmpty, "\(issues)")
        let use: JSONValue = ["do": [["x": ["extends": "grow-1@1", "with": ["list": [1, 2, 3]]]]]]
        let grown = PatternExpansion.expand(use, among: patterns)
        #expect(grown.problems.contains { $0.issue.message.contains("too large or too deep") }, "\(grown.problems)")
    }

    @Test("a whole workflow can come from a pattern, and says only its head itself")
    func wholeWorkflow() throws {
        let original = SampleTree.files[PatternTests.workflow] ?? ""
        let cut = try #require(original.firstRange(of: "outcomes:"))
        let body = original[cut.lowerBound...].split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
            .replacing("connection: erp", with: "connection: {parameter: ledger}")
        let pattern =
            "kind: pattern\nname: payer\nversion: \"3\"\ntitle: Pays\nparameters:\n  ledger: {type: name}\nworkflow:\n\(body)\n"
        let file = original[..<cut.lowerBound] + "extends: payer@3\nwith: {ledger: erp}\n"
        let (tree, issues) = SampleTree.load([
            PatternTests.workflow: String(file), "operator/library/patterns/payer.yaml": pattern,
        ])
        #expect(issues.isEmpty, "\(issues)")
        let plain = SampleTree.load().tree.visible(.workflow, "pay", from: .operator)?.document.json
        #expect(tree.visible(.workflow, "pay", from: .operator)?.document.json == plain)
        let bundle = try ConfigurationBundle(tree) { $0 }
        #expect(!bundle.entries.contains { $0.kind == .pattern })
        let wrong = SampleTree.issues([
            PatternTests.workflow: String(file).replacing("ledger: erp", with: "ledger: bank"),
            "operator/library/patterns/payer.yaml": pattern,
        ])
        #expect(wrong.contains { $0.message.contains("needs a connection `bank`") }, "\(wrong)")
    }

    @Test("two versions of a pattern stand side by side, each in a file that names it")
    func versions() {
        var files = PatternTests.tree()
        files["operator/library/patterns/ask@1.1.yaml"] = PatternTests.askText.replacing("\"1.0\"", with: "\"1.1\"")
        #expect(SampleTree.issues(files).isEmpty)
        files["operator/library/patterns/ask@1.1.yaml"] = PatternTests.askText.replacing("\"1.0\"", with: "\"1.2\"")
        #expect(SampleTree.issues(files).map(\.line) == [3])
    }

    @Test("data that looks like a pattern stays data in a workflow that uses none")
    func plainData() {
        let json: JSONValue = [
            "do": [
                [
                    "x": [
                        "set": ["extends": "a@1", "value": ["parameter": "p"], "text": "$[q]", "do": [["y": ["extends": "a@1"]]]]
                    ]
                ]
            ]
        ]
        let (expansion, problems) = PatternExpansion.expand(json, among: [])
        #expect(problems.isEmpty && !expansion.isChanged && expansion.json == json)
    }

    @Test("no damage of a pattern or of its use stops the check: each is told with its place")
    func mutations() {
        let seed: UInt64 = 20_261_123
        var dice = Seeded(seed: seed)
        let rounds = 150
        var refused = 0
        for round in 0..<rounds {
            var (use, ask, about) = (PatternTests.use, PatternTests.askText, PatternTests.aboutText)
            switch round % 3 {
            case 0: use = Mutation.mutated(use, &dice)
            case 1: ask = Mutation.mutated(ask, &dice)
            default: about = Mutation.mutated(about, &dice)
            }
            let found = SampleTree.issues(PatternTests.tree(use: use, ask: ask, about: about))
            #expect(found.allSatisfy { $0.line > 0 && !$0.message.isEmpty && !$0.remedy.isEmpty }, "seed \(seed), round \(round)")
            refused += found.isEmpty ? 0 : 1
        }
        print("mutations of patterns: seed \(seed), \(refused) refused of \(rounds)")
        #expect(refused > rounds / 4 && refused < rounds)
    }
}
