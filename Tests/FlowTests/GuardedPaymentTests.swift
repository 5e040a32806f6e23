import Kernel
import Records
import Testing
import Workflows

@testable import Flow

@Suite("guardrails over payments")
struct GuardedPaymentTests {
    /// A posted invoice whose payment Ruth has asked for and Tessa has signed.
    private func signed(_ stage: Stage, gross: String = "952.00", number: String = "R-1") async throws -> RunRow {
        try await stage.receive(SampleDocument(number: number, gross: gross, order: "PO-\(gross)"))
        try await stage.work()
        let run = try #require(try await stage.runs().first { $0.outcome == "posted" && $0.subject == number })
        try await stage.askForPayment(run, by: "ruth")
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first { !GuardCase.isOne($0) })
        try await stage.decide("approve", on: request, by: "tessa")
        try await stage.work()
        return run
    }

    private func payment(_ stage: Stage, of run: RunRow) async throws -> PaymentRow {
        let (releasing, firm) = (await stage.house.releasing, await stage.firm)
        let invoice = try #require(run.invoice)
        return try #require(try await releasing.payment(firm.id, invoice: invoice))
    }

    @Test("a payment that a rule binds waits before the money leaves, and is released once when it was signed for")
    func waits() async throws {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("size", "900.00", acts: ["payment"], effect: "approval", role: "treasurer")])
        let run = try await signed(stage)
        #expect(try await payment(stage, of: run).state == "asked")
        let waiting = try #require(try await stage.cases().first)
        guard case .refused(let own) = try await stage.decide("approve", on: waiting, by: "tessa") else {
            return #expect(Bool(false))
        }
        #expect(own.reason == "sod.guardrail", "she signed the release itself")
        try await stage.restart()
        try await stage.decide("approve", on: waiting, by: "theo")
        try await stage.work()
        #expect(try await payment(stage, of: run).state == "released")
        let books = try await stage.books()
        #expect(books.audit.contains("payment.released × 1"))
        #expect(books.unfinished == [0, 0, 0])
        #expect(try await stage.acts().filter { $0.kind == "payment" }.map(\.state) == ["done"])
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("the payments of a day stop at the sum of the day, and go on when the day is over")
    func day() async throws {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("day", "1500.00", per: "day", acts: ["payment"], effect: "hold")])
        let first = try await signed(stage)
        let second = try await signed(stage, gross: "700.00", number: "R-2")
        #expect(try await payment(stage, of: first).state == "released")
        #expect(try await payment(stage, of: second).state == "asked")
        #expect(try await stage.cases().count == 1)
        try await stage.workUntil("the next day") { try await self.payment(stage, of: second).state == "released" }
        #expect(try await stage.cases().isEmpty)
        #expect(try await stage.largestDay("payment") <= 150_000)
        #expect(try await stage.miscounts().isEmpty)
    }

    @Test("a payment that is forbidden ends withheld, and can be asked for again")
    func forbidden() async throws {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("size", "900.00", acts: ["payment"], effect: "forbid")])
        let run = try await signed(stage)
        let row = try await payment(stage, of: run)
        #expect(row.state == "withheld")
        #expect(row.record == nil)
        #expect(try await stage.runs().contains { $0.outcome == "withheld" })
        #expect(try await stage.askForPayment(run, by: "ruth").isNew)
    }

    @Test("an account that changed a few days ago asks for a signature, and no longer does when the days have passed")
    func coolingOff() async throws {
        let cooling: JSONValue = [
            "id": "cooling", "label": "The account has just changed", "acts": ["payment"], "check": "cooling-off", "days": 3,
            "effect": "hold", "reason": "Call the supplier.",
        ]
        let stage = try await Stage.make(guardedBy: [cooling])
        try await stage.receive(SampleDocument(number: "R-0", gross: "400.00", order: "PO-400.00"))
        try await stage.work()
        stage.ledger.change { $0.account = "DE02120300000000202051" }
        try await stage.receive(SampleDocument(number: "R-00", gross: "410.00", order: "PO-410.00"))
        try await stage.work()
        stage.ledger.change { $0.account = "DE89370400440532013000" }
        let run = try await signed(stage)
        #expect(try await payment(stage, of: run).state == "asked")
        #expect(try await stage.cases().count == 1)
        stage.move(seconds: 3 * 86_400)
        try await stage.workUntil("the days have passed") { try await self.payment(stage, of: run).state == "released" }
        #expect(try await stage.cases().isEmpty)
    }

    @Test("a run that is cancelled while its payment waits leaves no case and no sum behind")
    func cancelled() async throws {
        let stage = try await Stage.make(
            guardedBy: [Stage.limit("size", "900.00", acts: ["payment"], effect: "approval", role: "treasurer")])
        let run = try await signed(stage)
        let waiting = try #require(try await stage.cases().first)
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.cancel(
            try #require(waiting.run), reason: "Asked for in error.", key: "c", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.work()
        #expect(try await stage.cases().isEmpty)
        #expect(try await payment(stage, of: run).state == "withheld")
        #expect(try await stage.books().unfinished == [0, 0, 0])
        #expect(try await stage.miscounts().isEmpty)
    }
}
