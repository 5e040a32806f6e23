import Handoff
import Kernel
import Records
import Testing

@testable import Flow

@Suite("the payment of a posted invoice")
struct PaymentTests {
    /// A stage on which Maya's invoice was posted without a hand.
    private func posted(gross: String = "952.00") async throws -> (Stage, RunRow) {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: gross, order: "PO-\(gross)"))
        try await stage.work()
        if let request = try await stage.requests("approval").first {
            try await stage.decide("approve", on: request, by: "jonas")
            try await stage.work()
        }
        let run = try await stage.run()
        #expect(run.outcome == "posted")
        return (stage, run)
    }

    private func payment(_ stage: Stage, of run: RunRow) async throws -> PaymentRow {
        let (releasing, firm) = (await stage.house.releasing, await stage.firm)
        let invoice = try #require(run.invoice)
        return try #require(try await releasing.payment(firm.id, invoice: invoice))
    }

    @Test("it is released by somebody who had no other hand in it, after the ERP was asked twice, and once only")
    func released() async throws {
        let (stage, run) = try await posted()
        let asked = try await stage.askForPayment(run, by: "ruth")
        #expect(asked.isNew)
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        #expect(request.request["object"]?["payTo"] == ["DE89370400440532013000"])
        #expect(request.request["evidence"]?["compared"]?.array?.count == 3)
        guard case .done = try await stage.decide("approve", on: request, by: "tessa") else { return #expect(Bool(false)) }
        #expect(try await payment(stage, of: run).state == "asked", "the ERP has not been asked again yet")
        try await stage.work()
        let row = try await payment(stage, of: run)
        #expect(row.state == "released")
        #expect(row.record?["amount"]?["amount"]?.string == "952.00")
        #expect(row.record?["signers"]?.array?.count == 1)
        let books = try await stage.books()
        #expect(books.runs.sorted() == ["R-1 completed posted", "R-1 completed released"])
        #expect(books.audit.contains("payment.asked × 1"))
        #expect(books.audit.contains("payment.released × 1"))
        #expect(books.bills == ["R-1"], "nothing is written to the ledger by a release")
        // Twice a bill and a supplier, besides the supplier and the order of the posting.
        let reads = await stage.ledger.calls(stage.firm.id).filter { $0.hasPrefix("erp.read") }
        #expect(reads.count == 3 + 4)
        let again = await #expect(throws: Refusal.self) { try await stage.askForPayment(run, by: "ruth") }
        #expect(again?.reason == "payment.released")
    }

    @Test("a reference that was changed in the ledger is an exception before anybody is asked to sign")
    func changedReference() async throws {
        let (stage, run) = try await posted()
        stage.ledger.change { $0.changed = ["number": "R-1-NEW"] }
        try await stage.askForPayment(run, by: "ruth")
        try await stage.work()
        #expect(try await stage.requests("approval").isEmpty)
        let request = try #require(try await stage.requests("exception").first)
        #expect(request.request["code"]?.string == "PAYMENT_DRIFT")
        #expect(
            request.request["object"]?["differences"] == [["field": "number", "asked": "R-1", "found": "R-1-NEW"]])
        // Looking again finds the same; once it was put right, the payment goes on to the person.
        try await stage.decide("retry", on: request, by: "ruth", reason: "Asked the ledger's keepers.")
        try await stage.work()
        let second = try #require(try await stage.requests("exception").first)
        #expect(second.id != request.id)
        stage.ledger.change { $0.changed = [:] }
        try await stage.decide("retry", on: second, by: "ruth", reason: "It was taken back.")
        try await stage.work()
        #expect(try await stage.requests("exception").isEmpty)
        #expect(try await stage.requests("approval").count == 1)
    }

    @Test("an account that changed while the request waited stops the payment after the signature, and nothing is paid")
    func changedAccount() async throws {
        let (stage, run) = try await posted()
        try await stage.askForPayment(run, by: "ruth")
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        stage.ledger.change { $0.account = "DE02120300000000202051" }
        try await stage.decide("approve", on: request, by: "tessa")
        try await stage.work()
        #expect(try await payment(stage, of: run).state == "asked")
        let exception = try #require(try await stage.requests("exception").first)
        let fields = (exception.request["object"]?["differences"]?.array ?? []).compactMap { $0["field"]?.string }
        #expect(fields == ["bankAccounts", "payTo"])
        try await stage.decide("withhold", on: exception, by: "ruth", reason: "The supplier knows of no new account.")
        try await stage.work()
        let row = try await payment(stage, of: run)
        #expect(row.state == "withheld")
        #expect(row.record == nil)
        let books = try await stage.books()
        #expect(!books.audit.contains { $0.hasPrefix("payment.released") })
        #expect(books.runs.sorted() == ["R-1 completed posted", "R-1 completed withheld"])
        // What was withheld can be asked for again, by a run of its own.
        stage.ledger.change { $0.account = "DE89370400440532013000" }
        let again = try await stage.askForPayment(run, by: "ruth")
        #expect(again.isNew)
        #expect(again.run != row.run)
    }

    @Test("a bill that somebody paid or cancelled in the ledger, or deleted there, is not released", arguments: ["paid", "gone"])
    func settledElsewhere(how: String) async throws {
        let (stage, run) = try await posted()
        stage.ledger.change { state in
            if how == "gone" { state.bills = [] } else { state.billState = how }
        }
        try await stage.askForPayment(run, by: "ruth")
        try await stage.work()
        let exception = try #require(try await stage.requests("exception").first)
        let fields = (exception.request["object"]?["differences"]?.array ?? []).compactMap { $0["field"]?.string }
        #expect(fields == [how == "gone" ? "bill" : "state"])
    }

    @Test("nobody releases what they recorded, approved or asked for, and nobody asks for what they approved")
    func separated() async throws {
        let (stage, run) = try await posted(gross: "4200.00")
        let approver = await #expect(throws: Refusal.self) { try await stage.askForPayment(run, by: "jonas") }
        #expect(approver?.reason == "sod.P12")
        try await stage.askForPayment(run, by: "tessa")
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        guard case .refused(let own) = try await stage.decide("approve", on: request, by: "tessa") else {
            return #expect(Bool(false))
        }
        #expect(own.reason == "sod.A08")
        // Whoever asks is told before the click as well.
        let (looking, firm) = (await stage.house.looking, await stage.firm)
        let released = try #require(request.run)
        let paying = try await looking.run(firm.id, released)
        let objection = try await looking.objection(to: try firm.actor("tessa"), signing: request, run: paying)
        #expect(objection?.reason == "sod.A08")
        #expect(try await looking.objection(to: try firm.actor("theo"), signing: request, run: paying) == nil)
        for (person, rule) in [("maya", "sod.A06"), ("jonas", "sod.A07")] {
            let barred = try Deciding.treasurer(firm.actor(person))
            #expect(try await looking.objection(to: barred, signing: request, run: paying)?.reason == rule)
        }
    }

    @Test("of many who ask at once one starts the run, and the others are told of it")
    func race() async throws {
        let (stage, run) = try await posted()
        let (releasing, firm) = (await stage.house.releasing, await stage.firm)
        let asked = try await withThrowingTaskGroup(of: Releasing.Asked.self) { group in
            for person in ["ruth", "tessa", "theo", "maya", "petra"] {
                let actor = try firm.actor(person)
                group.addTask { try await releasing.ask(run.id, as: actor, scope: firm.scope) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(asked.filter(\.isNew).count == 1)
        #expect(Set(asked.map(\.run)).count == 1)
        try await stage.work()
        #expect(try await stage.runs().count == 2)
    }

    @Test("a server that ends at any moment releases a payment once")
    func restarted() async throws {
        let (stage, run) = try await posted()
        try await stage.askForPayment(run, by: "ruth")
        try await stage.restart()
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        try await stage.decide("approve", on: request, by: "tessa")
        let lease = try #require(try await stage.lease().first)
        try await stage.restart()
        await stage.replaceWorker()
        #expect(lease.kind == .erpRead)
        try await stage.workUntil("the release") { try await self.payment(stage, of: run).state == "released" }
        #expect(try await stage.books().audit.contains("payment.released × 1"))
    }

    private func day(_ number: Int) throws -> CivilDate { try #require(CivilDate("2026-07-\(number)")) }

    @Test("the list says what is due and what was asked for, and a day asks for all that is due by then")
    func listed() async throws {
        let (stage, run) = try await posted()
        let (releasing, firm) = (await stage.house.releasing, await stage.firm)
        let open = try await releasing.payables(firm.id, isOpenOnly: true)
        #expect(open.map(\.state) == ["due"])
        #expect(open.map(\.postedRun) == [run.id])
        let early = try await releasing.ask(
            dueBy: try day(30), as: try firm.actor("ruth"), scope: firm.scope)
        #expect(early.asked.isEmpty)
        let barred = try await releasing.ask(
            dueBy: try day(31), as: try firm.actor("ruth"), scope: firm.scope)
        #expect(barred.asked.map(\.isNew) == [true])
        #expect(barred.leftOut.isEmpty)
        #expect(try await releasing.payables(firm.id, isOpenOnly: true).isEmpty)
        #expect(try await releasing.payables(firm.id).map(\.state) == ["asked"])
    }

    @Test("what was not posted cannot be asked for")
    func unposted() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4200.00", order: "PO-4200.00"))
        try await stage.work()
        let run = try await stage.run()
        let refusal = await #expect(throws: Refusal.self) { try await stage.askForPayment(run, by: "ruth") }
        #expect(refusal?.reason == "payment.not-posted")
    }

    @Test("a run that is cancelled leaves the payment free")
    func cancelled() async throws {
        let (stage, run) = try await posted()
        let asked = try await stage.askForPayment(run, by: "ruth")
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        _ = try await approving.cancel(
            asked.run, reason: "Asked for in error.", key: "c1", as: try firm.actor("ruth"), scope: firm.scope)
        try await stage.pump()
        #expect(try await payment(stage, of: run).state == "withheld")
    }
}

private enum Deciding {
    /// The same human being, were they treasurer as well: the rule has to bar them all the same.
    static func treasurer(_ actor: Actor) -> Actor {
        Actor(
            tenant: actor.tenant, person: actor.person, natural: actor.natural, name: actor.name, roles: ["treasurer"],
            approvalLimit: nil)
    }
}
