import Kernel
import Testing

@testable import Assets

@Suite("Runbook files")
struct RunbookFileTests {
    private static let good = """
        ---
        alert: worker-missing
        title: A worker has gone quiet
        severity: sev2
        owner: Platform
        author: Tomas Reyl
        approver: Ines Okafor
        reviewed: 2026-02-01
        expires: 2027-01-31
        tested: 2026-02-03
        summary: The worker of a tenant sends no heartbeat.
        ---
        # A worker has gone quiet

        ## What is happening
        The worker stopped.

        ## What is safe
        Everything that was accepted.

        ## First look
        Look at the list of workers.

        ## Steps
        1. **Wait** `guidance`: It restarts by itself.

        ## How you know it is over
        It is back.

        ## If it is not over
        Call the duty manager.

        ## Afterwards
        Write down what happened.

        """

    private func read(_ text: String, name: String = "worker-missing.md", today: String? = nil) -> [LocatedIssue] {
        RunbookFile.read(Array(text.utf8), path: "Runbooks/\(name)", today: today.flatMap { CivilDate($0) }).issues
    }

    @Test("a good runbook becomes an asset of the operator")
    func good() throws {
        let found = RunbookFile.read(Array(Self.good.utf8), path: "Runbooks/worker-missing.md", today: CivilDate("2026-03-01"))
        #expect(found.issues.isEmpty, "\(found.issues.map(\.description))")
        let asset = try #require(found.asset)
        #expect(asset.name == "worker-missing")
        #expect(asset.reading != nil)
        #expect(asset.document.json["body"]?.string?.hasPrefix("# A worker") == true)
    }

    @Test("problems in front matter and body are found on their lines")
    func lines() {
        let approved = read(Self.good.replacing("approver: Ines Okafor", with: "approver: Tomas Reyl"))
        #expect(approved.map { "\($0.line):\($0.column)" } == ["7:1"])
        let verb = read(Self.good.replacing("`guidance`", with: "`reboot`"))
        #expect(verb.map(\.line).contains(25), "\(verb.map(\.description))")
        let yaml = read(Self.good.replacing("owner: Platform", with: "owner: no"))
        #expect(yaml.map { "\($0.line):\($0.column)" } == ["5:8"])
    }

    @Test("an expired runbook fails the check of the day")
    func expired() {
        #expect(read(Self.good, today: "2027-01-30").isEmpty)
        #expect(read(Self.good, today: "2027-01-31").map(\.line) == [9])
    }

    @Test("a file without front matter, or under another name, is refused")
    func form() {
        #expect(read("# Hello\n").map(\.line) == [1])
        #expect(read(Self.good, name: "worker-gone.md").count == 1)
        #expect(read("---\nalert: x\n").count == 1)
    }

    @Test("an alert without a runbook is an issue")
    func missing() {
        let alerts = RunbookFile.missing(in: "Runbooks", names: []).map {
            String($0.file.dropFirst("Runbooks/".count).dropLast(".md".count))
        }
        let issues = RunbookFile.missing(in: "Runbooks", names: alerts.filter { $0 != "queue-age" })
        #expect(issues.map(\.file) == ["Runbooks/queue-age.md"])
    }
}
