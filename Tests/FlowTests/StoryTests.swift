import Handoff
import Kernel
import Records
import Testing

@testable import Flow

@Suite("an invoice on its way")
struct StoryTests {
    @Test("a document names its run as soon as the run can be found, and not before")
    func namesItsRun() async throws {
        let stage = try await Stage.make()
        let receipt = try await stage.receive(SampleDocument())
        let (house, firm) = (await stage.house, await stage.firm)
        let lease = try #require(try await stage.lease().first)
        // The worker's report is stored; the lane has not come to it yet.
        _ = try await house.posting.receive([try await stage.attempt(lease)], from: await stage.identity(firm))
        let early = try await house.looking.document(firm.id, receipt.document.id)
        #expect(early.state == "canonical")
        #expect(early.run == nil)
        try await stage.pump()
        let run = try #require(try await house.looking.document(firm.id, receipt.document.id).run)
        #expect(try await house.looking.run(firm.id, run).subject == "R-1")
    }

    @Test("who buys and who sells is told by the VAT number, however it is spaced")
    func spacedNumbers() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(buyer: "BW Foods", buyerVAT: "DE 742 039.156"))
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
        // The same number from the same seller under another name, another date and another amount.
        try await stage.receive(
            SampleDocument(gross: "12.00", order: "PO-12.00", supplier: "Elbe Papier", supplierVAT: "DE 136-695-976"))
        try await stage.work()
        let run = try #require(try await stage.runs().first { $0.amountMinor == 1200 })
        let found = try #require(run.state["input"]?["duplicates"]?.array?.first)
        #expect(found["exact"]?.bool == true)
    }

    @Test("a small invoice that agrees with its order goes from arrival to the ledger without a hand")
    func straightThrough() async throws {
        let stage = try await Stage.make()
        let receipt = try await stage.receive(SampleDocument())
        #expect(receipt.isNew)
        try await stage.work()
        let books = try await stage.books()
        #expect(books.runs == ["R-1 completed posted"])
        #expect(books.bills == ["R-1"])
        #expect(books.clocks == ["approval-cycle stopped met", "posting stopped met"])
        #expect(books.unfinished == [0, 0, 0])
        let run = try await stage.run()
        let told = try await stage.history(run)
        for type in ["document.received", "document.read", "run.started", "policy.decided", "attempt.completed"] {
            #expect(told.contains(type), "\(type) in \(told)")
        }
        #expect(
            Set(books.audit.map { String($0.prefix { $0 != " " }) }).isSuperset(of: [
                "document.received", "document.canonical", "run.finished",
            ]))
        let document = try await stage.house.looking.document(stage.firm.id, receipt.document.id)
        #expect(document.state == "canonical")
        #expect(document.run == run.id)
        let stored = try await stage.house.looking.documentBytes(stage.firm.id, receipt.document.id)
        #expect(stored == SampleDocument().bytes)
    }

    @Test("the same bytes again are the same document and start nothing")
    func sameBytes() async throws {
        let stage = try await Stage.make()
        let first = try await stage.receive(SampleDocument())
        try await stage.work()
        let again = try await stage.receive(SampleDocument(), by: "ruth")
        #expect(!again.isNew)
        #expect(again.document.id == first.document.id)
        try await stage.work()
        let books = try await stage.books()
        #expect(books.runs.count == 1)
        #expect(books.bills == ["R-1"])
        #expect(books.audit.contains("document.repeated × 1"))
    }

    @Test("an invoice that says the same as an earlier one waits for a person, and a rejection posts nothing")
    func duplicate() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument())
        try await stage.work()
        stage.move(seconds: 60)
        try await stage.receive(SampleDocument(remark: "sent again"))
        try await stage.work()
        let request = try #require(try await stage.requests("exception").first)
        #expect(request.request["code"]?.string == "DUP_EXACT")
        let answer = try await stage.decide("reject", on: request, by: "ruth", reason: "It is the one of last week.")
        guard case .done = answer else { return #expect(Bool(false), "\(answer)") }
        try await stage.workUntil("the end of the second run") { try await stage.runs().allSatisfy { $0.finishedAt != nil } }
        let books = try await stage.books()
        #expect(books.bills == ["R-1"])
        #expect(books.runs == ["R-1 completed posted", "R-1 completed rejected"])
    }

    @Test("a file that cannot be read waits for a person, and can be read again")
    func unreadable() async throws {
        let stage = try await Stage.make()
        stage.ledger.change { $0.unreadable = 1 }
        let receipt = try await stage.receive(SampleDocument())
        try await stage.work()
        #expect(try await stage.house.looking.document(stage.firm.id, receipt.document.id).state == "unreadable")
        #expect(try await stage.runs().isEmpty)
        let request = try #require(try await stage.requests("exception").first)
        #expect(request.request["code"]?.string == "DOC_UNREADABLE")
        let without = try await stage.decide("set-aside", on: request, by: "maya")
        guard case .refused(let refusal) = without else { return #expect(Bool(false), "\(without)") }
        #expect(refusal.reason == "request.reason")
        guard case .done = try await stage.decide("read-again", on: request, by: "maya") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
        #expect(try await stage.house.looking.document(stage.firm.id, receipt.document.id).state == "canonical")
        let late = try await stage.decide("read-again", on: request, by: "ruth")
        guard case .refused(let closed) = late else { return #expect(Bool(false), "\(late)") }
        #expect(closed.reason == "request.closed")
    }

    @Test("bytes that are no invoice are kept, refused with a place, and harm nothing")
    func garbage() async throws {
        let stage = try await Stage.make()
        try await stage.receive(bytes: Array("<html>no</html>".utf8))
        try await stage.receive(bytes: SampleDocument(gross: "12,00").bytes)
        try await stage.work()
        let codes = try await stage.requests("exception").map { $0.request["code"]?.string ?? "" }.sorted()
        #expect(codes == ["DOC_INVALID", "DOC_UNREADABLE"])
        #expect(try await stage.runs().isEmpty)
    }

    @Test("a bill that the ledger refuses waits for a person, and a retry posts it once")
    func refusedByTheLedger() async throws {
        let stage = try await Stage.make()
        stage.ledger.change { $0.refusals = 1 }
        try await stage.receive(SampleDocument())
        try await stage.work()
        let request = try #require(try await stage.requests("exception").first)
        #expect(request.request["code"]?.string == "ERP_REJECTED")
        #expect(try await stage.run().waitingOn != "")
        guard case .done = try await stage.decide("retry", on: request, by: "maya", reason: "It is mended.") else {
            return #expect(Bool(false))
        }
        try await stage.work()
        let books = try await stage.books()
        #expect(books.bills == ["R-1"])
        #expect(books.runs == ["R-1 completed posted"])
    }

    @Test("what the ledger asks before it posts is confirmed by a person, and the ledger hears the receipt in the audit log")
    func questionOfTheLedger() async throws {
        let stage = try await Stage.make()
        stage.ledger.change { $0.question = "similar" }
        try await stage.receive(SampleDocument())
        try await stage.work()
        let request = try #require(try await stage.requests("exception").first)
        #expect(request.request["code"]?.string == "ERP_QUESTION")
        #expect(try await stage.books().bills.isEmpty)
        guard case .refused(let refusal) = try await stage.decide("confirm", on: request, by: "maya", reason: "It is another.")
        else { return #expect(Bool(false)) }
        #expect(refusal.reason == "request.role")
        guard case .done = try await stage.decide("confirm", on: request, by: "ruth", reason: "It is another.") else {
            return #expect(Bool(false))
        }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
        let run = try await stage.run()
        let receipts = try await stage.house.looking.audit(stage.firm.id, run: run.id)
            .filter { $0.action == "exception.resolved" }.compactMap { $0.content["hash"]?.string }
        #expect(stage.ledger.confirmations() == receipts)
        #expect(receipts.count == 1)
    }

    @Test("an unknown supplier waits until the ledger knows it")
    func unknownSupplier() async throws {
        let stage = try await Stage.make()
        stage.ledger.change { $0.knowsSupplier = false }
        try await stage.receive(SampleDocument())
        try await stage.work()
        let request = try #require(try await stage.requests("exception").first)
        #expect(request.request["code"]?.string == "SUPPLIER_UNKNOWN")
        stage.ledger.change { $0.knowsSupplier = true }
        guard case .done = try await stage.decide("retry", on: request, by: "maya", reason: "It is mended.") else {
            return #expect(Bool(false))
        }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
    }

    @Test("a person may end a run, and nothing is posted afterwards")
    func cancelled() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let run = try await stage.run()
        let actor = try await stage.firm.actor("ruth")
        let scope = await stage.firm.scope
        let approving = await stage.house.approving
        _ = try await approving.cancel(run.id, reason: "Sent in error.", key: "c1", as: actor, scope: scope)
        try await stage.pump()
        try await stage.work()
        let books = try await stage.books()
        #expect(books.runs == ["R-1 cancelled cancelled"])
        #expect(books.bills.isEmpty)
        #expect(books.unfinished == [0, 0, 0])
        #expect(books.clocks.allSatisfy { !$0.contains("running") }, "\(books.clocks)")
    }
}
