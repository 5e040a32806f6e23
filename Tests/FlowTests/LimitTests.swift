import Kernel
import Records
import Testing

@testable import Flow

@Suite("approval limits")
struct LimitTests {
    /// An invoice of that amount, recorded by Maya, which waits for signatures.
    private func waiting(_ stage: Stage, gross: String) async throws -> TaskRow {
        try await stage.receive(SampleDocument(gross: gross, order: "PO-\(gross)"), by: "maya")
        try await stage.work()
        return try #require(try await stage.requests("approval").first)
    }

    private func refusal(_ answer: CommandDesk.Answer) throws -> Refusal {
        guard case .refused(let refusal) = answer else { throw Fault("expecting a refusal", "\(answer)", isRetryable: false) }
        return refusal
    }

    @Test("a signature over the person's limit is refused with both amounts, and a colleague signs")
    func overTheLimit() async throws {
        let stage = try await Stage.make(limits: ["jonas": ("4799.99", "EUR")])
        let request = try await waiting(stage, gross: "4800.00")
        let refused = try refusal(try await stage.decide("approve", on: request, by: "jonas"))
        #expect(refused.reason == "approval.limit")
        #expect(refused.code == .forbidden)
        #expect(refused.message.contains("EUR 4799.99") && refused.message.contains("EUR 4800.00"), "\(refused.message)")
        #expect(try await stage.books().audit.allSatisfy { !$0.hasPrefix("approval.signed") })
        #expect(try await stage.incidents().isEmpty, "a colleague may sign")
        guard case .done = try await stage.decide("approve", on: request, by: "petra") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
    }

    @Test("a limit of exactly the amount reaches it, and nobody needs a limit to reject")
    func atTheLimit() async throws {
        let stage = try await Stage.make(limits: ["jonas": ("4800.00", "EUR"), "petra": ("1.00", "EUR")])
        let first = try await waiting(stage, gross: "4800.00")
        guard case .done = try await stage.decide("approve", on: first, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.receive(SampleDocument(number: "R-2", gross: "4700.00", order: "PO-4700.00"))
        try await stage.work()
        let second = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("reject", on: second, by: "petra", reason: "Not ours.") else {
            return #expect(Bool(false))
        }
    }

    @Test("a limit does not reach into another currency, however high it is")
    func otherCurrency() async throws {
        let stage = try await Stage.make(limits: ["jonas": ("900000.00", "USD")])
        let request = try await waiting(stage, gross: "4800.00")
        let refused = try refusal(try await stage.decide("approve", on: request, by: "jonas"))
        #expect(refused.reason == "approval.limit-currency")
        #expect(refused.message.contains("USD 900000.00") && refused.message.contains("EUR 4800.00"), "\(refused.message)")
    }

    @Test("who may not decide at all hears that, and not how far their limit reaches")
    func otherReasonsFirst() async throws {
        let stage = try await Stage.make(limits: ["maya": ("1.00", "EUR"), "ruth": ("1.00", "EUR")])
        let request = try await waiting(stage, gross: "4800.00")
        #expect(try refusal(try await stage.decide("approve", on: request, by: "ruth")).reason == "request.role")
        #expect(try refusal(try await stage.decide("approve", on: request, by: "maya")).reason.hasPrefix("sod."))
    }

    @Test("a decision that does not say how far its author may go is not taken")
    func unsaid() async throws {
        let stage = try await Stage.make()
        let request = try await waiting(stage, gross: "4800.00")
        let (firm, house) = (await stage.firm, await stage.house)
        let actor = try firm.actor("jonas")
        let command = CommandRow(
            tenant: firm.id, id: house.platform.newID(), lane: firm.scope.lane, idempotencyKey: "unsaid", kind: "person.decide",
            run: request.run, task: request.id,
            payload: [
                "task": .string(request.key), "person": JSONValue(actor.person), "roles": ["approver"], "verdict": "approve",
                "objectHash": .string(request.objectHash ?? ""), "natural": JSONValue(actor.natural),
            ], createdAt: stage.now)
        _ = try await house.desk.send(command)
        try await stage.pump()
        #expect(try refusal(try await house.desk.send(command)).reason == "approval.limit-form")
    }

    @Test("an approval that no limit reaches is an incident at once, and open until a limit is mended")
    func nobody() async throws {
        let stage = try await Stage.make(limits: ["jonas": ("100.00", "EUR"), "petra": ("100.00", "USD")])
        // Maya has no limit, and recorded it.
        let request = try await waiting(stage, gross: "4800.00")
        let incident = try #require(try await stage.incidents().first)
        #expect(incident.alert == "approval-unstaffed")
        #expect(incident.title.contains("EUR 4800.00"), "\(incident.title)")
        #expect(try await stage.history(try await stage.run()).contains("approval.unstaffed"))
        let deciders = try #require(try await stage.house.looking.deciders(of: request, run: try await stage.run()))
        #expect(deciders.next.isEmpty)
        try await stage.publish(
            SampleConfiguration.tenant(
                stage.firm.scope.slug, approvalTarget: "20h", settleSeconds: 25, limits: ["jonas": ("5000.00", "EUR")],
                peopleVersion: "2"))
        let after = try #require(try await stage.house.looking.deciders(of: request, run: try await stage.run()))
        #expect(Set(after.next.map(\.name)) == ["Jonas Weber", "Petra Vogel"])
        #expect(after.missing == nil)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
    }

    @Test("two signatures need two people whose limits reach, and the recorder is none of them")
    func oneOfTwo() async throws {
        let short = try await Stage.make(limits: ["petra": ("10000.00", "EUR")])
        let request = try await waiting(short, gross: "48310.00")
        #expect(try await short.incidents().map(\.alert) == ["approval-unstaffed"])
        let deciders = try #require(try await short.house.looking.deciders(of: request, run: try await short.run()))
        #expect(deciders.next.map(\.name) == ["Jonas Weber"], "the first of two can still be had")
        #expect(deciders.missing != nil)

        let enough = try await Stage.make(limits: ["petra": ("50000.00", "EUR")])
        let open = try await waiting(enough, gross: "48310.00")
        #expect(try await enough.incidents().isEmpty)
        guard case .done = try await enough.decide("approve", on: open, by: "jonas") else { return #expect(Bool(false)) }
        let left = try #require(try await enough.house.looking.deciders(of: open, run: try await enough.run()))
        #expect(left.next.map(\.name) == ["Petra Vogel"], "nobody signs twice")
        #expect(try await enough.incidents().isEmpty)
    }
}
