import Glibc
import Kernel
import Policies
import TestBasics
import Testing

@testable import Workflows

/// Runs of the payment release among messages that come late, twice, in another order or never, timers that fire when nobody
/// expects them, and people who decide at the same moment.
@Suite("Any order of what a payment is told")
struct PaymentSimulationTests {
    static let runs = 150
    static let stepsMax = 120

    @Test("no order of events releases a payment twice, unsigned, by somebody with another hand in it, or against the ERP")
    func anyOrder() throws {
        let seed = Seeded("payments in any order").seed
        var outcomes: [String: Int] = [:]
        var tally: [String: Int] = [:]
        let began = ContinuousClock.now
        for number in 0..<PaymentSimulationTests.runs {
            var dice = Seeded(seed: seed &+ UInt64(number))
            var story = try PaymentStory(&dice)
            for _ in 0..<PaymentSimulationTests.stepsMax where !story.isOver { try story.step(&dice) }
            try story.finish()
            outcomes[story.machine.state.outcome ?? "open", default: 0] += 1
            tally.merge(story.tally, uniquingKeysWith: +)
            try story.judge("seed \(seed &+ UInt64(number))")
        }
        let events = tally.values.reduce(0, +)
        let milliseconds = max(1, Int((ContinuousClock.now - began) / .milliseconds(1)))
        print(
            "payment simulation: \(Self.runs) runs, \(events) events, \(events * 1000 / milliseconds) a second: "
                + (Array(tally) + Array(outcomes)).sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
                .joined(separator: ", "))
        #expect(Set(outcomes.keys) == ["released", "withheld"])
        #expect(tally.count == 8, "something never happened: \(tally.keys.sorted())")
    }

    /// `COUNTERSIGN_RECORD=1` keeps the histories of this version, for later ones to replay; those that are there stay.
    @Test("runs of this version can be recorded for later ones")
    func recorded() throws {
        var runs: [JSONValue] = []
        for number in 0..<10 {
            var dice = Seeded(seed: 4_711 &+ UInt64(number))
            var story = try PaymentStory(&dice)
            for _ in 0..<60 where !story.isOver { try story.step(&dice) }
            try story.finish()
            runs.append(story.recording)
        }
        #expect(Set(runs.compactMap { $0["state"]?["outcome"]?.string }).count == 2)
        let folder = "\(Checkout.root)/Tests/Fixtures/histories"
        guard getenv("COUNTERSIGN_RECORD") != nil, access("\(folder)/payment-release-1.0.json", F_OK) != 0 else { return }
        var pinned = JSONObject()
        for name in ["payment-release"] + PaymentStory.policies { pinned[name] = try Library.json(name) }
        try write(.object(pinned), to: "\(folder)/payment-release-1.0-pinned.json")
        try write(["recordedBy": "0.1.0", "runs": .array(runs)], to: "\(folder)/payment-release-1.0.json")
    }

    private func write(_ value: JSONValue, to path: String) throws {
        let bytes = Array((value.text + "\n").utf8)
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        try #require(file >= 0)
        #expect(Glibc.write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }
}

/// One payment with an ERP, a post that is not reliable, and people.
struct PaymentStory {
    static let policies = ["ap-duty-separation", "ap-payment-release"]
    private static let people = (1...8).map { PersonID(high: 1, low: UInt64($0)) }
    /// Captured, approved and asked for the payment.
    private static let hands: [(duty: String, person: PersonID)] = [
        ("enter-invoice", people[0]), ("approve-invoice", people[1]), ("propose-payment", people[2]),
    ]
    private static let account = "DE89370400440532013000"

    private static func roles(_ person: PersonID) -> Set<String> {
        // Those with another hand hold the roles as well, so that only the rule can bar them.
        switch person {
        case people[6], people[7]: ["controller"]
        case people[2]: ["treasurer", "controller"]
        default: ["treasurer"]
        }
    }

    private static let environment = Result<RunEnvironment, any Error> {
        var issues: [AssetIssue] = []
        let definition = try #require(WorkflowDefinition.parse(try Library.json("payment-release"), issues: &issues))
        var policies: [String: Policy] = [:]
        for name in PaymentStory.policies { policies[name] = Policy.parse(try Library.json(name), issues: &issues) }
        #expect(issues.isEmpty, "\(issues)")
        return RunEnvironment(
            definition: definition, policies: policies, hash: { stableHash($0) },
            serviceInstant: { seconds, start in start.adding(seconds: seconds) })
    }

    private(set) var machine = RunMachine()
    private let environment: RunEnvironment
    private var now = Moment("2026-07-14T08:30:00Z") ?? Moment(seconds: 0)
    private var taken: [(event: RunEvent, at: Moment)] = []
    private var hashes: [JSONValue] = []
    private var actions: [RunAction] = []
    /// Said and not yet heard.
    private var post: [RunEvent] = []
    /// Timers that were set once, whether they still count or not.
    private var timers: Set<String> = []
    private var hasDrifted = false
    private(set) var tally: [String: Int] = [:]

    var isOver: Bool { machine.state.phase.isFinal }

    init(_ dice: inout Seeded) throws {
        environment = try PaymentStory.environment.get()
        let gross: JSONValue = ["amount": dice.isLucky(oneIn: 3) ? "48310.00" : "952.00", "currency": "EUR"]
        hasDrifted = dice.isLucky(oneIn: 4)
        let chain = PaymentStory.hands.map { ["duty": .string($0.duty), "person": JSONValue($0.person)] as JSONValue }
        try send(
            .start(input: [
                "document": ["id": "0190a000-0000-7000-8000-000000000001", "sha256": "aa"],
                "invoice": [
                    "number": "R-1", "issueDate": "2026-07-01", "dueDate": "2026-07-31",
                    "paymentInstructions": [["meansCode": "58", "account": ["id": ["value": .string(PaymentStory.account)]]]],
                ],
                "supplier": [
                    "number": "S-100", "legalName": "Elbe Papier GmbH",
                    "bankAccounts": [["value": .string(PaymentStory.account)]],
                ],
                "entity": ["code": "DE01"], "case": ["supplierName": "Elbe Papier GmbH", "number": "R-1", "gross": gross],
                "payment": [
                    "invoice": "0190a000-0000-7000-8000-000000000002", "externalId": "B-1",
                    "approved": ["fingerprint": "f", "fields": ["number": "R-1"]],
                ], "chain": .array(chain),
            ]))
    }

    /// Answers false when the event was refused, which changes nothing.
    @discardableResult
    private mutating func send(_ event: RunEvent) throws -> Bool {
        now = now.adding(seconds: 60)
        let before = machine.state
        do throws(Refusal) {
            let done = try machine.handle(event, at: now, in: environment)
            taken.append((event, now))
            hashes.append(.string(stableHash(.array(done.map { .string(line($0)) }))))
            actions += done
        } catch {
            #expect(machine.state == before, "a refusal changed the state: \(error)")
            return false
        }
        timers.formUnion(RunMachine.timers(for: machine.state).map(\.key))
        return true
    }

    private mutating func note(_ what: String) { tally[what, default: 0] += 1 }

    private func answer(_ request: WorkRequest) -> RunEvent {
        let account = hasDrifted ? "DE02120300000000202051" : PaymentStory.account
        let output: JSONValue =
            switch request.input["object"]?.string {
            case "bill":
                [
                    "found": true, "bill": ["externalId": "B-1", "state": "posted"], "fields": ["number": "R-1"],
                    "fingerprint": "f", "differences": [],
                ]
            case "supplier":
                [
                    "found": true,
                    "supplier": ["number": "S-100", "status": "active", "bankAccounts": [["value": .string(account)]]],
                ]
            default: [:]
            }
        return .workFinished(key: request.key, .completed(output))
    }

    /// One thing happens somewhere.
    mutating func step(_ dice: inout Seeded) throws {
        switch dice.int(0...19) {
        case 0...6:
            guard let task = dice.pick(RunMachine.tasks(for: machine.state)) else { return }
            // What was answered long ago may arrive long after the ERP has changed.
            post.append(answer(task))
            note("answered")
        case 7...12:
            guard let at = post.indices.randomElement(using: &dice) else { return }
            let event = post.remove(at: at)
            note("delivered")
            if dice.isLucky(oneIn: 5) {
                post.append(event)
                note("doubled")
            }
            try send(event)
        case 13:
            guard let at = post.indices.randomElement(using: &dice) else { return }
            post.remove(at: at)
            note("lost")
        case 14:
            guard let key = dice.pick(timers.sorted()) else { return }
            note("timer")
            try send(.timerFired(key: key))
        case 15:
            hasDrifted = dice.isLucky(oneIn: 3)
            note("ERP changed")
        default:
            guard let request = dice.pick(RunMachine.openRequests(for: machine.state)) else { return }
            let verdicts =
                request.kind == .approval ? ["approve", "approve", "approve", "reject"] : ["retry", "retry", "withhold"]
            for person in PaymentStory.people.shuffled(using: &dice).prefix(dice.isLucky(oneIn: 3) ? 2 : 1) {
                note("decided")
                let event = decision(request, by: person, dice.pick(verdicts) ?? "approve")
                if dice.isLucky(oneIn: 4) { post.append(event) } else { try send(event) }
            }
            note("asked")
        }
        if !isOver {
            let waits = RunMachine.tasks(for: machine.state).count + RunMachine.openRequests(for: machine.state).count
            #expect(waits > 0, "the run waits for nothing")
        }
    }

    private func decision(_ request: HumanRequest, by person: PersonID, _ verdict: String) -> RunEvent {
        .personDecided(
            PersonDecision(
                taskKey: request.key, person: person, roles: PaymentStory.roles(person), verdict: verdict, reason: "because",
                objectHash: request.objectHash, natural: person))
    }

    /// The ERP is put right, and everybody does their work.
    mutating func finish() throws {
        hasDrifted = false
        for _ in 0..<100 where !isOver {
            if let task = RunMachine.tasks(for: machine.state).first {
                try send(answer(task))
            } else if let request = RunMachine.openRequests(for: machine.state).first {
                let verdict = request.kind == .approval ? "approve" : "retry"
                for person in PaymentStory.people where try send(decision(request, by: person, verdict)) { break }
            }
        }
    }

    private var releases: [JSONValue] {
        actions.compactMap { if case .payment(let payment) = $0 { payment.record } else { nil } }
    }

    func judge(_ name: String) throws {
        #expect(isOver, "\(name): the run never ended")
        #expect(releases.count == (machine.state.outcome == "released" ? 1 : 0), "\(name): \(releases.count) releases")
        let hands = Set(PaymentStory.hands.map { JSONValue($0.person) })
        for release in releases {
            let signers = release["signers"]?.array ?? []
            let isLarge = machine.state.input["case"]?["gross"]?["amount"]?.string == "48310.00"
            #expect(Set(signers).count == (isLarge ? 2 : 1), "\(name): \(signers.count) signatures")
            #expect(Set(signers).isDisjoint(with: hands), "\(name): released by somebody with another hand in it")
        }
        try judgeLastLook(name)
        var again = RunMachine()
        for (event, at) in taken {
            let stored = try RunEvent(json: JSONValue(parsing: event.json.text))
            #expect(stored == event)
            _ = try again.handle(stored, at: at, in: environment)
        }
        #expect(again.state.json.bytes == machine.state.json.bytes, "\(name): the replay differs")
    }

    /// What the ERP said of the supplier last, after the last signature, is what was approved.
    private func judgeLastLook(_ name: String) throws {
        guard machine.state.outcome == "released" else { return }
        var accounts: [String] = []
        for (event, _) in taken {
            if case .personDecided = event { accounts = [] }
            if case .workFinished(_, .completed(let output)) = event, let supplier = output["supplier"] {
                accounts.append(supplier["bankAccounts"]?[0]?["value"]?.string ?? "")
            }
        }
        #expect(accounts.contains(PaymentStory.account), "\(name): released without a look after the signature")
    }

    /// What a server of this version would have left behind.
    var recording: JSONValue {
        let steps = zip(taken, hashes).map { item, hash -> JSONValue in
            ["at": JSONValue(item.at), "event": item.event.json, "actions": hash]
        }
        return ["steps": .array(steps), "state": machine.state.json]
    }
}
