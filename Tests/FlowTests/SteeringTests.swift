import Kernel
import Records
import TestKit
import Testing
import Workflows

@testable import Flow

@Suite("what people do with a run as a whole")
struct SteeringTests {
    private func steer(
        _ run: RunRow, _ stage: Stage, key: String = "\(Entropy.system.next())",
        _ event: (PersonID) -> RunEvent
    ) async throws -> CommandDesk.Answer {
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let actor = try firm.actor("ruth")
        _ = try await approving.steer(run.id, event(actor.person), key: key, as: actor, scope: firm.scope)
        try await stage.pump()
        return try await approving.steer(run.id, event(actor.person), key: key, as: actor, scope: firm.scope)
    }

    private func reason(_ answer: CommandDesk.Answer) -> String {
        if case .refused(let refusal) = answer { refusal.reason } else { "\(answer)" }
    }

    @Test("a paused run is seen as such, decides nothing, and goes on with what came meanwhile")
    func pause() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let request = try #require(try await stage.requests("approval").first)
        let run = try await stage.run()
        guard case .done(let paused) = try await steer(run, stage, { .paused(by: $0, reason: "The ERP is being moved.") })
        else { return #expect(Bool(false)) }
        #expect(paused["status"] == "paused")
        #expect(try await stage.run().phase == "paused")
        #expect(reason(try await stage.decide("approve", on: request, by: "jonas")) == "run.paused")
        #expect(reason(try await steer(run, stage, { .paused(by: $0, reason: "again") })) == "run.paused")
        guard case .done(let resumed) = try await steer(run, stage, { .resumed(by: $0) }) else { return #expect(Bool(false)) }
        #expect(resumed["status"] == "waiting")
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
        let audit = try await stage.books().audit
        #expect(audit.contains { $0.hasPrefix("run.paused") } && audit.contains { $0.hasPrefix("run.resumed") })
    }

    @Test("going back asks for the signature anew, and the bill is posted once")
    func rewind() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let first = try #require(try await stage.requests("approval").first)
        let run = try await stage.run()
        let step = String(first.key.prefix { $0 != "#" })
        #expect(reason(try await steer(run, stage, { .skipped(step: step, by: $0, reason: "hurry") })) == "step.decision")
        guard case .done = try await steer(run, stage, { .rewound(step: "invoice/try/match", by: $0, reason: "a late receipt") })
        else { return #expect(Bool(false)) }
        try await stage.work()
        let second = try #require(try await stage.requests("approval").first)
        #expect(second.id != first.id)
        #expect(reason(try await stage.decide("approve", on: first, by: "jonas")) == "request.closed")
        guard case .done = try await stage.decide("approve", on: second, by: "jonas") else { return #expect(Bool(false)) }
        try await stage.work()
        #expect(try await stage.books().bills == ["R-1"])
    }

    @Test("an event that no step takes is told to its sender, and the same request again changes nothing")
    func event() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.work()
        let run = try await stage.run()
        let event: JSONValue = ["specversion": "1.0", "id": "1", "source": "/bank", "type": "bank.paid"]
        guard case .done(let answer) = try await steer(run, stage, key: "one", { _ in .eventArrived(event) }) else {
            return #expect(Bool(false))
        }
        #expect(answer["event"] == "ignored")
        let count = try await stage.run().historyCount
        guard case .done(let again) = try await steer(run, stage, key: "one", { _ in .eventArrived(event) }) else {
            return #expect(Bool(false))
        }
        #expect(again == answer)
        #expect(try await stage.run().historyCount == count)
    }
}
