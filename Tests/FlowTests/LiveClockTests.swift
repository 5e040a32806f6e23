import Kernel
import Records
import ServiceLevels
import Tenancy
import Testing

@testable import Flow

@Suite("clocks of exceptions and payments")
struct LiveClockTests {
    private static let hour: Int64 = 3600

    /// A firm whose contract promises something for exceptions and for payments; service time is every hour, in London.
    private func firm() async throws -> Stage {
        let stage = try await Stage.make()
        var terms = SampleConfiguration.ContractTerms()
        terms.version = "2"
        terms.promises = [
            [
                "name": "exception-age", "title": "Exceptions", "target": "4h", "warnPercents": [], "pauseReasons": [],
                "budget": ["atLeast": "0.5", "quietBelowCases": 5],
            ],
            [
                "name": "payment-release", "title": "Payment release", "target": "2h", "cutOff": "15:00", "warnPercents": [],
                "pauseReasons": [],
            ],
        ]
        try await stage.publish(
            SampleConfiguration.tenant(
                await stage.firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, contract: terms))
        return stage
    }

    private func clock(_ stage: Stage, _ objective: String, of run: RunID) async throws -> ClockRow? {
        try await stage.house.looking.clocks(stage.firm.id, run: run).first { $0.objective == objective }
    }

    @Test("an exception has a clock while it waits; the next one of the run is a case of its own, and a miss stays a miss")
    func exceptions() async throws {
        let stage = try await firm()
        stage.ledger.change { $0.refusals = 1000 }
        try await stage.receive(SampleDocument())
        try await stage.work()
        let run = try await stage.run().id
        let first = try #require(try await stage.requests("exception").first)
        #expect(try await clock(stage, "exception-age", of: run)?.state == "running")
        stage.move(seconds: Self.hour)
        try await stage.pump()
        // It is answered in time, and comes again at once: the ERP still refuses.
        guard case .done = try await stage.decide("retry", on: first, by: "ruth", reason: "It is open.") else {
            throw Fault("answering", isRetryable: false)
        }
        try await stage.work()
        let again = try #require(try await clock(stage, "exception-age", of: run))
        #expect(again.state == "running" && again.outcome == "open" && again.elapsedSeconds < 60)
        #expect(again.dueAt.map { $0.seconds - stage.now.seconds > 3 * Self.hour } == true, "it has its whole target")
        stage.move(seconds: 5 * Self.hour)
        try await stage.pump()
        #expect(try await clock(stage, "exception-age", of: run)?.outcome == "breached")
        #expect(try await stage.incidents().contains { $0.alert == "sla-breach" })
        stage.ledger.change { $0.refusals = 0 }
        let second = try #require(try await stage.requests("exception").first)
        guard case .done = try await stage.decide("retry", on: second, by: "ruth", reason: "It is open.") else {
            throw Fault("answering", isRetryable: false)
        }
        try await stage.work()
        let over = try #require(try await clock(stage, "exception-age", of: run))
        #expect(over.state == "stopped" && over.outcome == "breached")
        #expect(try await stage.run().outcome == "posted")
        // The month has both: one kept, one missed.
        let house = await stage.house
        let budgets = try await Budgeting(
            platform: house.platform, scopes: house.scopes, assets: house.assets, desk: house.desk
        ).budgets(of: await stage.firm.id)
        let counted = try #require(budgets.first { $0.objective.name == "exception-age" })
        #expect(counted.reading.budget.counts == CaseCounts(good: 1, bad: 1))
    }

    @Test("an exception that comes and goes within one second leaves no clock that runs on")
    func atOnce() async throws {
        let stage = try await firm()
        stage.ledger.change { $0.refusals = 2 }
        try await stage.receive(SampleDocument())
        try await stage.work()
        for _ in 0..<2 {
            let waiting = try #require(try await stage.requests("exception").first)
            try await stage.decide("retry", on: waiting, by: "ruth", reason: "It is open.")
            try await stage.work()
        }
        let run = try await stage.run()
        #expect(run.outcome == "posted")
        let over = try #require(try await clock(stage, "exception-age", of: run.id))
        #expect(over.state == "stopped" && over.outcome == "met")
    }

    @Test("an exception that nobody answered because its run was cancelled is no case")
    func cancelled() async throws {
        let stage = try await firm()
        stage.ledger.change { $0.refusals = 1000 }
        try await stage.receive(SampleDocument())
        try await stage.work()
        let run = try await stage.run()
        #expect(try await clock(stage, "exception-age", of: run.id)?.state == "running")
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.cancel(
            run.id, reason: "not wanted", key: "\(Entropy.system.next())", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        let over = try #require(try await clock(stage, "exception-age", of: run.id))
        #expect(over.state == "cancelled" && over.outcome == "open")
    }

    @Test("a payment has until the cut-off that its lead reaches, and one that is withheld is no case")
    func payments() async throws {
        let stage = try await firm()
        try await stage.receive(SampleDocument())
        try await stage.work()
        let posted = try #require(try await stage.runs().first { $0.outcome == "posted" })
        // 14:00 in London is an hour before 15:00, so tomorrow's holds: 25 hours of service.
        stage.move(to: try #require(Moment("2026-07-20T13:00:00Z")))
        try await stage.askForPayment(posted, by: "ruth")
        try await stage.work()
        let run = try #require(try await stage.runs().first { $0.workflow == "payment-release" }).id
        let started = try #require(try await clock(stage, "payment-release", of: run))
        #expect(started.dueAt?.text(fraction: 0) == "2026-07-21T14:00:00Z")
        #expect(started.targetSeconds == 25 * Self.hour)
        stage.move(to: try #require(Moment("2026-07-21T13:59:00Z")))
        try await stage.pump()
        let request = try #require(try await stage.requests("approval").first)
        try await stage.decide("approve", on: request, by: "tessa")
        try await stage.work()
        let released = try #require(try await clock(stage, "payment-release", of: run))
        #expect(released.state == "stopped" && released.outcome == "met")
    }

    @Test("a payment that nobody may release any more has no outcome")
    func withheld() async throws {
        let stage = try await firm()
        try await stage.receive(SampleDocument())
        try await stage.work()
        let posted = try #require(try await stage.runs().first { $0.outcome == "posted" })
        try await stage.askForPayment(posted, by: "ruth")
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        try await stage.decide("reject", on: request, by: "tessa", reason: "Not this month.")
        try await stage.work()
        let run = try #require(try await stage.runs().first { $0.workflow == "payment-release" })
        #expect(run.outcome == "withheld")
        let clock = try #require(try await clock(stage, "payment-release", of: run.id))
        #expect(clock.state == "cancelled" && clock.outcome == "open")
    }
}
