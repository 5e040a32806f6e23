import Kernel
import Records
import Testing

@testable import Flow

@Suite("people sign")
struct ApprovalTests {
    private func refusal(_ answer: CommandDesk.Answer) -> String {
        if case .refused(let refusal) = answer { refusal.reason } else { "\(answer)" }
    }

    @Test("two people sign a large invoice, neither of them its recorder, and nobody twice")
    func twoSignatures() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "48310.00", order: "PO-48310.00"), by: "maya")
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        #expect(try await stage.books().bills.isEmpty)
        let own = try await stage.decide("approve", on: request, by: "maya")
        #expect(refusal(own).hasPrefix("sod."), "\(own)")
        guard case .done(let first) = try await stage.decide("approve", on: request, by: "jonas") else {
            return #expect(Bool(false))
        }
        #expect(first["status"]?.string == "open")
        #expect(refusal(try await stage.decide("approve", on: request, by: "jonas")) == "sod.distinct-signers")
        #expect(refusal(try await stage.decide("approve", on: request, by: "ruth")) == "request.role")
        try await stage.work()
        #expect(try await stage.books().bills.isEmpty)
        guard case .done(let second) = try await stage.decide("approve", on: request, by: "petra") else {
            return #expect(Bool(false))
        }
        #expect(second["outcome"]?.string == "approved")
        try await stage.work()
        let books = try await stage.books()
        #expect(books.bills == ["R-1"])
        #expect(books.audit.contains("approval.signed × 2"))
        #expect(refusal(try await stage.decide("approve", on: request, by: "petra")) == "request.closed")
        let signatures = try await stage.house.looking.task(stage.firm.id, request.id).progress["signatures"]?.array ?? []
        #expect(signatures.count == 2)
    }

    @Test("a signature under an object that was not shown is refused")
    func staleHash() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        #expect(
            refusal(try await stage.decide("approve", on: request, by: "jonas", hash: String(repeating: "0", count: 64)))
                == "request.changed")
        #expect(refusal(try await stage.decide("approve", on: request, by: "jonas", hash: "")) == "request.changed")
        #expect(try await stage.books().audit.allSatisfy { !$0.hasPrefix("approval.signed") })
    }

    @Test("a repeated decision is one decision, with the first answer")
    func repeated() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "48310.00", order: "PO-48310.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        let first = try await stage.decide("approve", on: request, by: "jonas", key: "k-1")
        let again = try await stage.decide("approve", on: request, by: "jonas", key: "k-1")
        #expect(first == again)
        try await stage.pump()
        #expect(try await stage.books().audit.contains("approval.signed × 1"))
        guard case .done = first else { return #expect(Bool(false), "\(first)") }
    }

    @Test("a rejection needs a reason, ends the run and posts nothing")
    func rejection() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        #expect(refusal(try await stage.decide("reject", on: request, by: "jonas")) == "request.reason")
        guard case .done = try await stage.decide("reject", on: request, by: "jonas", reason: "Wrong cost centre.") else {
            return #expect(Bool(false))
        }
        try await stage.work()
        let books = try await stage.books()
        #expect(books.runs == ["R-1 completed rejected"])
        #expect(books.bills.isEmpty)
    }

    @Test("people of another tenant cannot decide, and learn nothing")
    func strangers() async throws {
        let (stage, other) = (try await Stage.make(), try await Stage.make())
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        let refusal = await #expect(throws: Refusal.self) { try await other.decide("approve", on: request, by: "jonas") }
        #expect(refusal?.reason == "not-found")
        // Even a command that names the foreign task, as only a broken receiver could send it, reaches nothing.
        let firm = await other.firm
        let command = CommandRow(
            tenant: firm.id, id: await other.house.platform.newID(), lane: firm.scope.lane, idempotencyKey: "forged",
            kind: "person.decide",
            run: request.run, task: request.id, payload: [:], createdAt: other.now)
        _ = try await other.house.desk.send(command)
        try await other.pump()
        let answer = try await other.house.desk.send(command)
        #expect(self.refusal(answer) == "not-found")
        #expect(try await stage.requests("approval").count == 1)
    }

    @Test("a claim keeps colleagues informed, lapses, and gives no right")
    func claims() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        try await approving.claim(request.id, as: try firm.actor("jonas"), scope: firm.scope)
        let refusal = await #expect(throws: Refusal.self) {
            try await approving.claim(request.id, as: try firm.actor("petra"), scope: firm.scope)
        }
        #expect(refusal?.reason == "request.claimed")
        stage.move(seconds: 1801)
        try await approving.claim(request.id, as: try firm.actor("petra"), scope: firm.scope)
        let gone = await #expect(throws: Refusal.self) {
            try await approving.release(request.id, as: try firm.actor("jonas"), scope: firm.scope)
        }
        #expect(gone?.reason == "request.not-claimed")
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
    }
}
