import Kernel
import TestBasics
import Testing

@testable import Workflows

extension Seeded {
    mutating func roll(_ sides: Int) -> Int { int(0...sides - 1) }
}

@Suite("Any order of events")
struct SimulationTests {
    static let runs = 60
    static let eventsMax = 80

    @Test("no order of events posts twice, posts unsigned, or leaves a run waiting for nothing")
    func anyOrder() throws {
        let seed: UInt64 = 20_260_714
        print("simulation seed \(seed), \(SimulationTests.runs) runs")
        var outcomes: [String: Int] = [:]
        for number in 0..<SimulationTests.runs {
            var dice = Seeded(seed: seed &+ UInt64(number))
            var story = try Story(&dice)
            for _ in 0..<SimulationTests.eventsMax where !story.desk.state.phase.isFinal { try story.turn(&dice) }
            try story.finish(&dice)
            outcomes[story.desk.outcome ?? "open", default: 0] += 1
            try story.judge("seed \(seed &+ UInt64(number))")
        }
        print(
            "simulation outcomes: \(outcomes.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))")
        #expect(outcomes["open"] == nil)
        #expect(outcomes["faulted"] == nil)
        #expect((outcomes["posted"] ?? 0) > 0)
        #expect((outcomes["rejected"] ?? 0) > 0)
    }
}

/// One random life of an invoice.
struct Story {
    var desk: Desk
    private let recorder: PersonID
    private var postings = 0

    init(_ dice: inout Seeded) throws {
        desk = try Desk()
        let gross = dice.pick(["12.50", "952.00", "1000.00", "1000.01", "48310.00", "250000.00"]) ?? "952.00"
        desk.ledger.orderedPrice = dice.roll(3) == 0 ? "900.00" : gross
        if dice.roll(4) == 0 { desk.ledger.receivedQuantity = nil }
        if dice.roll(6) == 0 { desk.ledger.hasOrder = false }
        if dice.roll(8) == 0 { desk.ledger.supplier = nil }
        recorder = dice.pick(Person.all) ?? Person.maya
        try desk.receive(
            gross: gross, recordedBy: recorder, order: dice.roll(5) == 0 ? nil : "PO-7",
            duplicates: dice.roll(6) == 0 ? [["invoice": "x", "number": "R", "score": 80, "reasons": [], "exact": false]] : [],
            findings: dice.roll(6) == 0 ? [["rule": "BR-CO-15", "severity": "fatal", "message": "wrong"]] : [],
            entity: dice.roll(12) == 0 ? "" : "DE01")
    }

    /// Sends one random event; refusals are part of life.
    mutating func turn(_ dice: inout Seeded) throws {
        let event = event(&dice)
        let before = desk.state
        let writesBefore = desk.writes.count
        var wasTaken = false
        do throws(Refusal) {
            try desk.send(event)
            wasTaken = true
        } catch {
            #expect(desk.state == before, "a refusal changed the state: \(error)")
        }
        if wasTaken { try watch(event, writesBefore: writesBefore) }
        let text = desk.state.json.text
        let stored = try RunState(json: JSONValue(parsing: text))
        #expect(stored == desk.state)
        #expect(stored.json.text == text)
        if !desk.state.phase.isFinal {
            let waits =
                desk.tasks.count + desk.requests.count + RunMachine.deadTasks(for: desk.state).count
                + RunMachine.timers(for: desk.state).count
            #expect(waits > 0, "the run waits for nothing")
        }
    }

    private mutating func watch(_ event: RunEvent, writesBefore: Int) throws {
        let writes = desk.writes
        if writes.count > writesBefore {
            #expect(postings == 0, "a write was dispatched after the bill had been posted")
            #expect(Set(writes.map(\.idempotencyKey)).count == 1, "one effect, one key")
            try checkSignatures()
        }
        if case .workFinished(let key, .completed) = event, writes.contains(where: { $0.key == key }),
            desk.state.phase == .completed
        {
            postings = 1
        }
    }

    /// Before anything is written, as many different people signed as the policy asked for, and none of them recorded the
    /// invoice.
    private func checkSignatures() throws {
        let decisions = desk.audits("policy.decided").compactMap { $0["receipt"] }.filter {
            $0["policy"]?.string == "ap-approval"
        }
        let needed = try #require(decisions.last?["outcome"]?["signatures"]?.int)
        let signers = desk.actions.compactMap { if case .signed(_, let note) = $0 { note.natural } else { nil } }
        #expect(Set(signers).count >= needed, "\(signers.count) of \(needed) signatures")
        #expect(!signers.contains(recorder), "the recorder signed")
        if needed == 0 { #expect(decisions.last?["outcome"]?["row"]?.string == "standard-small") }
    }

    private mutating func event(_ dice: inout Seeded) -> RunEvent {
        switch dice.roll(20) {
        case 0: return dice.pick(desk.taken.map(\.event)) ?? .timerFired(key: "nobody")
        case 1: return .timerFired(key: dice.pick(RunMachine.timers(for: desk.state).map(\.key)) ?? "nobody")
        case 2: return .workFinished(key: "decide/none#1", .completed(.null))
        case 3:
            return .retried(key: dice.pick(RunMachine.deadTasks(for: desk.state).map(\.request.key)) ?? "none", by: Person.ruth)
        case 4 where dice.roll(10) == 0: return .cancelled(by: Person.ruth, reason: "dice")
        case 5...12: return work(&dice)
        default: return decision(&dice)
        }
    }

    private mutating func work(_ dice: inout Seeded) -> RunEvent {
        guard let task = dice.pick(desk.tasks) else { return decision(&dice) }
        switch dice.roll(10) {
        case 0: return .workFinished(key: task.key, .refused(code: "ERP_REJECTED", message: "no"))
        case 1: return .workFinished(key: task.key, .dead(code: "UNREACHABLE", message: "gone"))
        case 2 where task.kind.isWrite: return .workFinished(key: task.key, .mismatch(["gross": "differs"]))
        default: return .workFinished(key: task.key, .completed(desk.ledger.answer(task)))
        }
    }

    private mutating func decision(_ dice: inout Seeded) -> RunEvent {
        let person = dice.pick(Person.all) ?? Person.ruth
        let request = dice.pick(desk.requests)
        let verdicts =
            request.map { $0.kind == .approval ? ["approve", "approve", "approve", "reject"] : $0.resolutions.map(\.name) } ?? [
                "approve"
            ]
        if dice.roll(5) == 0, let supplier = Ledger().supplier {
            desk.ledger.supplier = supplier
            desk.ledger.receivedQuantity = "1"
        }
        return .personDecided(
            PersonDecision(
                taskKey: request?.key ?? "none#1", person: person, roles: Person.roles(person),
                verdict: dice.pick(verdicts) ?? "approve",
                reason: dice.roll(6) == 0 ? nil : "because", objectHash: dice.roll(12) == 0 ? "old" : request?.objectHash ?? "",
                natural: person))
    }

    /// Lets a run that outlived the dice come to its end: dead letters are replayed, people who may decide do.
    mutating func finish(_ dice: inout Seeded) throws {
        desk.ledger = Ledger()
        for _ in 0..<200 where !desk.state.phase.isFinal {
            if let dead = RunMachine.deadTasks(for: desk.state).first {
                try desk.send(.retried(key: dead.request.key, by: Person.ruth))
            } else if !desk.tasks.isEmpty {
                let before = desk.writes.count
                let task = desk.tasks[0]
                let event = RunEvent.workFinished(key: task.key, .completed(desk.ledger.answer(task)))
                try desk.send(event)
                try watch(event, writesBefore: before)
            } else if let request = desk.requests.first {
                try reject(request)
            }
        }
    }

    private mutating func reject(_ request: HumanRequest) throws {
        for person in Person.all where !Person.roles(person).isDisjoint(with: request.rounds.flatMap(\.roles)) {
            do throws(Refusal) {
                try desk.decide("reject", by: person, reason: "the dice are done", key: request.key)
                return
            } catch {
                // Not offered here, or not this person's round: someone else may; else the clerk tries again.
            }
        }
        for person in Person.all {
            do throws(Refusal) {
                try desk.decide("retry", by: person, reason: "again", key: request.key)
                return
            } catch {
                // The next one.
            }
        }
    }

    /// The recorded events give the same state again, byte for byte, from their stored form.
    func judge(_ name: String) throws {
        #expect(desk.state.phase.isFinal, "\(name): the run never ended")
        var again = RunMachine()
        for (event, at) in desk.taken {
            let stored = try RunEvent(json: JSONValue(parsing: event.json.text))
            #expect(stored == event)
            _ = try again.handle(stored, at: at, in: desk.environment)
        }
        #expect(again.state.json.bytes == desk.state.json.bytes, "\(name): the replay differs")
    }
}
