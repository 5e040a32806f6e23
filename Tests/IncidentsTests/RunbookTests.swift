import Incidents
import Kernel
import TestBasics
import Testing

@Suite("Runbooks")
struct RunbookTests {
    static let matter: JSONValue = [
        "alert": "queue-age", "title": "Work waits", "severity": "sev3", "owner": "Platform on call", "author": "ana",
        "approver": "ben",
        "reviewed": "2026-05-01", "expires": "2027-05-01", "tested": "2026-05-02", "summary": "See what waits.",
    ]
    static let body = """

        ## What is happening

        Work waits.

        ## What is safe

        Waiting.

        ## First look

        - `countersign get tasks`

        ## Steps

        1. **Take it on** `guidance`: `countersign acknowledge incident ID`. Others
           see it.
        2. **Try it again** `retry-step`: `countersign retry task ID`.

        ## How you know it is over

        Nothing waits.

        ## If it is not over

        Call.

        ## Afterwards

        `countersign resolve incident ID --reason "…"`.

        """

    static func read(
        file: String = "queue-age.md", _ changes: [String: JSONValue?] = [:], body: String = body, asOf: String? = nil
    ) -> (runbook: Runbook?, issues: [RunbookIssue]) {
        var object = matter.object ?? [:]
        for (key, value) in changes { object[key] = value }
        var issues: [RunbookIssue] = []
        let date = asOf.flatMap { CivilDate($0) }
        let runbook = Runbook.parse(fileName: file, matter: .object(object), body: body, asOf: date, issues: &issues)
        return (runbook, issues)
    }

    @Test("a runbook is read into sections and numbered steps")
    func reading() throws {
        let (found, issues) = Self.read(asOf: "2026-06-01")
        #expect(issues.isEmpty)
        let runbook = try #require(found)
        #expect(runbook.alert == .queueAge && runbook.severity == .sev3)
        #expect(runbook.steps.map(\.title) == ["Take it on", "Try it again"])
        #expect(runbook.steps.map(\.verb) == [.guidance, .retryStep])
        #expect(runbook.steps[0].text == "`countersign acknowledge incident ID`. Others see it.")
        #expect(runbook.steps.map(\.line) == [16, 18])
        #expect(runbook.sections[.happening] == "Work waits.")
        #expect(runbook.sections.count == Runbook.Section.allCases.count)
    }

    @Test("a runbook may be relied on until the day it expires, and is still there afterwards")
    func expiry() throws {
        #expect(Self.read(asOf: "2027-04-30").issues.isEmpty)
        #expect(Self.read(asOf: "2027-05-01").issues.map(\.place) == [.matter(pointer: "/expires")])
        let runbook = try #require(Self.read().runbook)
        #expect(!runbook.isExpired(on: try #require(CivilDate("2027-04-30"))))
        #expect(runbook.isExpired(on: try #require(CivilDate("2027-05-01"))))
    }

    @Test(
        "what is wrong with the front matter is named with its place",
        arguments: [
            (["approver": "ana"], "/approver"), (["approver": nil], "/approver"), (["expires": "2027-05-03"], "/expires"),
            (["expires": "2026-05-01"], "/expires"), (["severity": "high"], "/severity"), (["severity": "sev1"], "/severity"),
            (["alert": "queue-aged"], "/alert"),
            (["reviewed": "1.5.2026"], "/reviewed"), (["reviewer": "ben"], "/reviewer"), (["title": ""], "/title"),
            (["tested": "2026-13-01"], "/tested"), (["summary": 5], "/summary"), (["tested": "2026-07-01"], "/tested"),
        ] as [([String: JSONValue?], String)])
    func frontMatter(changes: [String: JSONValue?], pointer: String) {
        let (runbook, issues) = Self.read(changes, asOf: "2026-06-01")
        #expect(runbook == nil)
        #expect(Set(issues.map(\.place)) == [.matter(pointer: pointer)])
        #expect(issues.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test("the file is named after its alert")
    func fileName() {
        #expect(Self.read(file: "queue_age.md").issues.map(\.place) == [.file])
    }

    @Test(
        "what is wrong with the body is named with its line",
        arguments: [
            ("`retry-step`", "`reboot`", 18), ("2. **Try", "3. **Try", 18), ("**Take it on** ", "Take it on ", 16),
            ("countersign retry task", "countersign delete task", 18), ("countersign get tasks", "countersign get secrets", 12),
            ("countersign get tasks", "countersign", 12), ("Waiting.\n", "\n", 6), ("## Afterwards", "## After", 28),
            ("## What is safe", "## First look", 10),
        ])
    func bodies(part: String, wrong: String, line: Int) {
        let body = Self.body.replacing(part, with: wrong)
        #expect(body != Self.body)
        let (runbook, issues) = Self.read(body: body)
        #expect(runbook == nil)
        #expect(issues.contains { $0.place == .body(line: line) }, "\(issues)")
    }

    @Test("a missing section is named, and so are steps that are none")
    func missing() {
        let cut = Self.body.replacing("## What is safe\n\nWaiting.\n\n", with: "")
        #expect(Self.read(body: cut).issues.map(\.message) == ["The section What is safe is missing."])
        let stepless = Self.body.replacing("1. **", with: "- **").replacing("2. **", with: "- **")
        #expect(Self.read(body: stepless).issues.map(\.message) == ["There is no step."])
        #expect(Self.read(body: String(repeating: "x", count: 70_000)).issues.count == 1)
        #expect(Self.read(body: "").issues.count == Runbook.Section.allCases.count)
    }

    @Test("every alert has a runbook of this house, and every runbook an alert", arguments: AlertName.allCases)
    func ours(alert: AlertName) throws {
        let folder = Checkout.root + "/Runbooks"
        #expect(
            try FileBytes.names(in: folder).filter { $0.hasSuffix(".md") && $0 != "README.md" }.count == AlertName.allCases.count)
        let text = String(decoding: try FileBytes.read(folder + "/" + alert.runbookFile, maxBytes: 100_000), as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let end = try #require(lines.dropFirst().firstIndex(of: "---"))
        // The front matter of our own files is flat, `name: value` or `name: "value"`, which needs no YAML.
        var matter: JSONObject = [:]
        for line in lines[1..<end] {
            let colon = try #require(line.firstIndex(of: ":"))
            let value = line[line.index(colon, offsetBy: 2)...]
            matter[String(line[..<colon])] =
                Int(value).map { JSONValue($0) }
                ?? .string(value.first == "\"" ? String(value.dropFirst().dropLast()) : String(value))
        }
        var issues: [RunbookIssue] = []
        let body = lines[(end + 1)...].joined(separator: "\n")
        let found = Runbook.parse(
            fileName: alert.runbookFile, matter: .object(matter), body: body, asOf: CivilDate("2026-11-22"), issues: &issues)
        #expect(issues.isEmpty, "\(issues)")
        let runbook = try #require(found)
        #expect(runbook.alert == alert && runbook.severity == alert.definition.severity)
        #expect(runbook.steps.count >= 4 && runbook.steps[0].text.contains("countersign acknowledge incident ID"))
    }
}
