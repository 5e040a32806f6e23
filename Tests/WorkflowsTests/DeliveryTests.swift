import Kernel
import TestBasics
import Testing

@testable import Workflows

/// What a run left behind that others see: what was posted, signed, audited and measured.
private struct Books: Equatable {
    var outcome: String?
    var effects: Set<String> = []
    var audits: [String] = []
    var clocks: [String] = []

    init(_ desk: Desk) {
        outcome = desk.outcome
        for action in desk.actions {
            switch action {
            case .dispatch(let request) where request.kind.isWrite: effects.insert(request.idempotencyKey)
            // Instants are left out: a delay moves them, and nothing else.
            case .audit(let name, let facts): audits.append("\(name) \(facts["step"]?.string ?? facts["request"]?.string ?? "")")
            case .clock(let objective, let change): clocks.append("\(objective) \(change)")
            default: break
            }
        }
        audits.sort()
    }
}

@Suite("Deliveries that go wrong")
struct DeliveryTests {
    static let runs = 60

    /// How one event is delivered.
    private enum Delivery: CaseIterable {
        case once, twice, lateAgain, delayed
        /// The server dies before the commit: nothing of the event is left, and it comes again.
        case lostBefore
        /// The server dies after the commit: the event was taken, and comes again.
        case lostAfter
    }

    @Test("delivered twice, late, again or in the middle of a crash, a run has the books of the undisturbed run")
    func disturbed() throws {
        let seed: UInt64 = 20_261_123
        var events = 0
        for number in 0..<DeliveryTests.runs {
            var dice = Seeded(seed: seed &+ UInt64(number))
            let gross = dice.pick(["12.50", "952.00", "1000.01", "48310.00"]) ?? "952.00"
            let ordered = dice.roll(3) == 0 ? "900.00" : gross
            let plain = try run(gross, ordered) { _ in .once }
            let other = try run(gross, ordered) { _ in dice.pick(Delivery.allCases) ?? .once }
            #expect(Books(plain) == Books(other), "seed \(seed), run \(number)")
            events += other.taken.count
        }
        print("deliveries: seed \(seed), \(DeliveryTests.runs) runs, \(events) events")
    }

    private func run(_ gross: String, _ ordered: String, _ delivery: (Int) -> Delivery) throws -> Desk {
        var desk = try Desk()
        desk.ledger.orderedPrice = ordered
        // Recorded by nobody, so that the clerk may clear what does not fit and others sign.
        try desk.receive(gross: gross, recordedBy: nil)
        for turn in 0..<200 where !desk.state.phase.isFinal {
            let event = try #require(next(desk))
            switch delivery(turn) {
            case .once: try desk.send(event)
            case .twice:
                try desk.send(event)
                again(event, &desk)
            case .lateAgain:
                try desk.send(event)
                if let earlier = desk.taken.dropLast().last { again(earlier.event, &desk) }
            case .delayed:
                desk.now = desk.now.adding(seconds: 30)
                try desk.send(event)
            case .lostBefore:
                var lost = desk
                try lost.send(event)
                // Its state was never stored; the event comes again to what was.
                desk.machine = RunMachine(try RunState(json: JSONValue(parsing: desk.state.json.text)))
                try desk.send(event)
            case .lostAfter:
                try desk.send(event)
                desk.machine = RunMachine(try RunState(json: JSONValue(parsing: desk.state.json.text)))
                again(event, &desk)
            }
        }
        #expect(desk.state.phase.isFinal)
        return desk
    }

    /// A second delivery changes nothing but the history; a person's is refused.
    private func again(_ event: RunEvent, _ desk: inout Desk) {
        let before = desk.state
        do throws(Refusal) { try desk.send(event) } catch {
            #expect(["request.closed", "request.role", "sod.distinct-signers"].contains(error.reason))
        }
        #expect(desk.state == before)
    }

    /// What happens next in an undisturbed life: work is answered, people who may decide do.
    private func next(_ desk: Desk) -> RunEvent? {
        if let task = desk.tasks.first { return .workFinished(key: task.key, .completed(desk.ledger.answer(task))) }
        guard let request = desk.requests.first else { return nil }
        let signed = Set(RunMachine.signatures(for: desk.state, key: request.key).map(\.natural))
        let roles = Set(request.rounds.flatMap(\.roles))
        let person = Person.all.first {
            !signed.contains($0) && !Person.roles($0).isDisjoint(with: roles)
        }
        guard let person else { return nil }
        let verdict = request.kind == .approval ? "approve" : request.resolutions.first?.name ?? ""
        return .personDecided(
            PersonDecision(
                taskKey: request.key, person: person, roles: Person.roles(person), verdict: verdict, reason: "because",
                objectHash: request.objectHash, natural: person))
    }
}
