import Assets
import Kernel
import TestBasics
import Testing
import Workflows

@Suite("Plain Serverless Workflow")
struct PlainWorkflowTests {
    private static func yaml(_ text: String) -> Result<JSONValue, AssetIssue> {
        let read = YAMLSource.read(Array(text.utf8), path: "definition.yaml")
        guard let document = read.document else {
            return .failure(AssetIssue("", read.issues.first?.message ?? "nothing", remedy: ""))
        }
        return .success(document.json)
    }

    @Test("the published scenarios that need no network pass")
    func published() throws {
        guard let folder = Checkout.published("vectors/sw") else { return }
        let tally = try PlainConformance.run(directory: folder, yaml: PlainWorkflowTests.yaml)
        print("plain Serverless Workflow: \(tally.summary)")
        #expect(tally.failures.map { "\($0.id): \($0.why)" } == [])
        #expect(tally.passed >= 12)
    }

    @Test("samples of our own pass, and a wrong expectation is told")
    func samples() throws {
        let folder = "\(Checkout.root)/Tests/Fixtures/plain-workflows"
        let tally = try PlainConformance.run(directory: folder, yaml: PlainWorkflowTests.yaml)
        let wrong = "wrong on purpose"
        #expect(tally.failures.filter { $0.id != wrong }.map { "\($0.id): \($0.why)" } == [])
        #expect(tally.failures.contains { $0.id == wrong })
        #expect(tally.passed >= 12)
        #expect(tally.skipped == 1)
    }

    private static let small = """
        kind: workflow
        name: small
        version: "1.0"
        title: Small
        outcomes: [few, many]
        outcome: "size(context.seen) > 2 ? 'many' : 'few'"
        output:
          seen: "${ context.seen }"
          by: "${ input.by }"
        do:
          - begin:
              set:
                seen: []
          - each:
              for:
                each: name
                in: input.names
              do:
                - note:
                    if: name != input.by
                    set:
                      seen: "${ context.seen + [name] }"
          - check:
              try:
                - sure:
                    if: size(context.seen) == 0
                    raise:
                      type: NOBODY
                      title: Nobody is here
              catch:
                errors:
                  types: [NOBODY]
                as: problem
                do:
                  - mark:
                      set:
                        seen: "${ [context.problem.title] }"
        """

    private func outcome(_ definition: WorkflowDefinition, _ input: JSONValue) throws -> JSONValue {
        let environment = RunEnvironment(
            definition: definition, policies: [:], hash: { $0.text }, serviceInstant: { $1.adding(seconds: $0) })
        var machine = RunMachine()
        let actions = try machine.handle(.start(input: input), at: Moment(seconds: 0), in: environment)
        return actions.compactMap { if case .finish(_, let output) = $0 { output } else { nil } }.last ?? .null
    }

    @Test("what is exported runs as plain Serverless Workflow to the same end")
    func export() throws {
        let json = try PlainWorkflowTests.yaml(PlainWorkflowTests.small).get()
        var issues: [AssetIssue] = []
        let own = try #require(WorkflowDefinition.parse(json, issues: &issues), "\(issues)")
        let plain = try #require(PlainExport.plain(json, issues: &issues), "\(issues)")
        #expect(plain["document"]?["version"] == "1.0.0")
        let read = try #require(WorkflowDefinition.parse(plain, issues: &issues), "\(issues)")
        #expect(issues.isEmpty, "\(issues)")
        for names: JSONValue in [["a", "b", "me", "c"], ["me"], []] {
            let input: JSONValue = ["names": names, "by": "me"]
            let (here, there) = (try outcome(own, input), try outcome(read, input))
            #expect(here["seen"] == there["seen"], "\(here.text) \(there.text)")
            #expect(here["by"] == "me" && there["by"] == "me")
            #expect(there["outcome"] == ((names.array?.count ?? 0) > 3 ? "many" : "few"))
        }
    }

    @Test("what plain Serverless Workflow cannot say is told with its place, and nothing is written")
    func exportRefused() throws {
        let bytes = try FileBytes.read(
            "\(Checkout.root)/Tenants/operator/library/workflows/accounts-payable.yaml", maxBytes: 4_000_000)
        let read = try WorkflowFile.read(
            bytes, path: "ap.yaml", library: "\(Checkout.root)/Tenants/operator/library/patterns")
        let document = try #require(read.document, "\(read.issues)")
        var issues: [AssetIssue] = []
        #expect(PlainExport.plain(document.json, issues: &issues) == nil)
        #expect(issues.contains { $0.pointer == "/duties" })
        #expect(issues.contains { $0.pointer.hasSuffix("/deadlines") && document.mark(for: $0.pointer).line > 1 })
    }

    @Test("the drawing of the library's workflow names every stage and escapes what it shows")
    func drawing() throws {
        var issues: [AssetIssue] = []
        let text = PlainWorkflowTests.small.replacing("title: Small", with: "title: \"<Small> & co\"")
        let definition = try #require(
            WorkflowDefinition.parse(try PlainWorkflowTests.yaml(text).get(), issues: &issues), "\(issues)")
        let svg = WorkflowDrawing(definition).svg
        #expect(svg.contains("&lt;Small&gt; &amp; co"))
        #expect(svg.hasPrefix("<svg") && svg.hasSuffix("</svg>"))
        #expect(svg.contains(">for</text>"))
    }

    @Test("no YAML makes the parser stop: what is wrong has a place, and what is right can be run")
    func mutations() throws {
        let seed: UInt64 = 4_812_026
        var dice = Seeded(seed: seed)
        let ap = String(
            decoding: try FileBytes.read(
                "\(Checkout.root)/Tenants/operator/library/workflows/accounts-payable.yaml", maxBytes: 4_000_000), as: UTF8.self)
        var (unreadable, refused, taken) = (0, 0, 0)
        let rounds = 1200
        for round in 0..<rounds {
            let text = Mutation.mutated(round % 20 == 0 ? ap : PlainWorkflowTests.small, &dice)
            let read = YAMLSource.read(Array(text.utf8), path: "mutated.yaml")
            guard let document = read.document else {
                #expect(!read.issues.isEmpty, "seed \(seed), round \(round): unreadable without a reason")
                unreadable += 1
                continue
            }
            var issues: [AssetIssue] = []
            let definition = WorkflowDefinition.parse(document.json, issues: &issues)
            guard let definition, issues.isEmpty else {
                #expect(!issues.isEmpty, "seed \(seed), round \(round): refused without a reason")
                #expect(
                    issues.allSatisfy { !$0.message.isEmpty && !$0.remedy.isEmpty && document.mark(for: $0.pointer).line > 0 })
                refused += 1
                continue
            }
            _ = try outcome(definition, ["names": ["a", "b"], "by": "a"])
            _ = WorkflowDrawing(definition).svg
            taken += 1
        }
        print("mutations: seed \(seed), \(unreadable) unreadable, \(refused) refused, \(taken) taken of \(rounds)")
        #expect(refused > 0 && taken > 0 && unreadable > 0)
    }
}

/// Small damages of a YAML text.
enum Mutation {
    private static let words = [
        "for", "in", "do", "try", "catch", "retry", "listen", "emit", "fork", "compete", "then: end", "then: begin", "timeout",
        "P1D", "-1", "99999999999999999999", "null", "[]", "{}", "${", "}", "\"", "'", ": ", "- ", "context.seen", "true",
        "parallel: 3", "compensate: true", "wait: PT1S", "é", "\u{202E}", "\t",
        "&a", "*a", "!!int", "1e999",
        "extends: ask@1.0", "{parameter: role}", "$[why]", "run: {workflow: {name: w, version: \"1\", input: {}}}",
    ]

    static func mutated(_ text: String, _ dice: inout Seeded) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for _ in 0..<dice.int(1...2) {
            let place = dice.int(0...lines.count - 1)
            let other = dice.int(0...lines.count - 1)
            let word = words[dice.int(0...words.count - 1)]
            switch dice.int(0...7) {
            case 0: lines.remove(at: place)
            case 1: lines.insert(lines[other], at: place)
            case 2: lines.swapAt(place, other)
            case 3: lines[place] = "  " + lines[place]
            case 4: lines[place] = lines[place].hasPrefix("  ") ? String(lines[place].dropFirst(2)) : lines[place]
            case 5: lines[place] = (lines[place].split(separator: ":").first.map(String.init) ?? "") + ": " + word
            case 6: lines[place] = String(repeating: " ", count: lines[place].prefix { $0 == " " }.count) + word
            default:
                let characters = Array(lines[place])
                let at = characters.isEmpty ? 0 : dice.int(0...characters.count - 1)
                lines[place] = String(characters[..<at]) + word + String(characters[at...])
            }
            if lines.isEmpty { lines = [""] }
        }
        return lines.joined(separator: "\n")
    }
}
