import Kernel
import Records
import ServiceLevels
import Tenancy
import Testing

@testable import Flow

@Suite("what a contract says about reopening and maintenance")
struct ClockTermsTests {
    private static let hour: Int64 = 3600

    /// Asks for a signature, waits two hours, and asks again: the clock is stopped between.
    private static let twice: JSONValue = {
        func sign(_ title: String) -> JSONValue {
            [
                "title": .string(title), "call": "human.approve",
                "measure": ["enter": [["start": "approval-cycle"]], "exit": [["stop": "approval-cycle"]]],
                "with": [
                    "duty": "approve-invoice",
                    "steps": [["role": "approver", "quorum": 1, "label": "Approver"]], "riskClass": "standard",
                    "object": ["number": "${ input.case.number }", "again": .string(title)], "evidence": [:],
                ],
            ]
        }
        return [
            "kind": "workflow", "name": "twice", "version": "1", "title": "Twice", "outcomes": ["done"], "outcome": "'done'",
            "duties": "ap-duty-separation",
            "do": [
                ["first": sign("Sign")], ["pause": ["title": "Pause", "wait": ["seconds": 7200]]], ["again": sign("Sign again")],
            ],
        ]
    }()

    private func story(_ terms: SampleConfiguration.ContractTerms, target: String = "20h") async throws -> Stage {
        let stage = try await Stage.make(approvalTarget: target, workflow: "twice")
        var terms = terms
        terms.version = "2"
        let slug = await stage.firm.scope.slug
        try await stage.publish(
            SampleConfiguration.tenant(slug, approvalTarget: target, settleSeconds: 25, workflow: "twice", contract: terms) + [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "twice", version: "1",
                    content: Self.twice)
            ])
        try await stage.receive(SampleDocument())
        try await stage.work()
        let troubles = try await stage.incidents().map(\.title)
        #expect(troubles.isEmpty, "\(troubles)")
        return stage
    }

    private func clock(_ stage: Stage) async throws -> ClockRow {
        try #require(try await stage.house.looking.clocks(stage.firm.id, run: try await stage.run().id).first)
    }

    private func sign(_ stage: Stage) async throws {
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else {
            throw Fault("signing", isRetryable: false)
        }
    }

    @Test(
        "a clock that is started again is reopened as its contract says",
        arguments: [("resume", 2 * hour), ("restart", hour), ("count_through", 4 * hour)])
    func reopening(word: String, counted: Int64) async throws {
        var terms = SampleConfiguration.ContractTerms()
        terms.reopen = word
        let stage = try await story(terms)
        stage.move(seconds: Self.hour)
        try await sign(stage)
        let stopped = try await clock(stage)
        #expect(stopped.state == "stopped" && stopped.elapsedSeconds == Self.hour)
        stage.move(seconds: 2 * Self.hour)
        try await stage.pump()
        #expect(try await clock(stage).state == "running")
        #expect(try await clock(stage).stoppedAt == nil)
        stage.move(seconds: Self.hour)
        try await sign(stage)
        let clock = try await clock(stage)
        #expect(clock.state == "stopped")
        #expect(clock.elapsedSeconds == counted, "\(clock.events.text)")
        #expect(try await stage.books().audit.contains("clock.started × 2"))
    }

    @Test("maintenance that was announced in time is not counted, and what is announced while a clock runs reaches it")
    func maintenance() async throws {
        let stage = try await story(SampleConfiguration.ContractTerms(), target: "4h")
        let started = try await clock(stage)
        let due = try #require(started.dueAt)
        #expect(due.seconds(since: started.startedAt) == 4 * Self.hour)
        // The stories begin at 08:30 UTC; announced now for 10:00 to 12:00, with more than the hour of notice that is owed.
        var terms = SampleConfiguration.ContractTerms()
        terms.version = "3"
        terms.maintenance = [
            ("2026-07-14T08:31:00Z", "2026-07-14T10:00:00Z", "2026-07-14T12:00:00Z"),
            // Too late to matter: half an hour of notice.
            ("2026-07-14T12:00:00Z", "2026-07-14T12:30:00Z", "2026-07-14T13:00:00Z"),
        ]
        let slug = await stage.firm.scope.slug
        try await stage.publish(
            SampleConfiguration.tenant(slug, approvalTarget: "4h", settleSeconds: 25, workflow: "twice", contract: terms) + [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "twice", version: "1",
                    content: Self.twice)
            ])
        stage.move(to: due.adding(seconds: 60))
        try await stage.pump()
        let later = try await clock(stage)
        #expect(later.outcome == "open", "the wake-up of the first due date finds the clock in time")
        #expect(later.dueAt == due.adding(seconds: 2 * Self.hour))
        #expect(try await stage.incidents().allSatisfy { $0.alert != "sla-breach" })
        stage.move(to: due.adding(seconds: 2 * Self.hour + 2))
        try await stage.pump()
        let broken = try await clock(stage)
        #expect(broken.outcome == "breached")
        let at = try #require(broken.breachedAt)

        // Maintenance that is announced afterwards as if it had been known does not take the breach back.
        terms.version = "4"
        terms.maintenance.append(("2026-07-13T08:00:00Z", "2026-07-14T13:00:00Z", "2026-07-14T14:00:00Z"))
        try await stage.publish(
            SampleConfiguration.tenant(slug, approvalTarget: "4h", settleSeconds: 25, workflow: "twice", contract: terms) + [
                Applying.Asset(
                    scope: .tenant(slug, partner: SampleConfiguration.partner), kind: "workflow", name: "twice", version: "1",
                    content: Self.twice)
            ])
        try await sign(stage)
        let after = try await clock(stage)
        #expect(after.outcome == "breached" && after.breachedAt == at)
    }

    @Test("the figures and the explanation come from the same terms")
    func terms() throws {
        let objective = ContractDocument.Objective(
            name: "posting", title: "Posting", targetSeconds: 60, warnPercents: [], pauseReasons: [], reopen: "restart",
            maintenanceNoticeSeconds: 90)
        let terms = Measuring.terms(of: objective)
        #expect(terms.reopening == .restart && terms.maintenanceNoticeSeconds == 90)
        #expect(terms.json["reopen"]?.string == "restart")
    }
}
