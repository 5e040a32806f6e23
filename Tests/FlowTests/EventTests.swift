import Kernel
import Policies
import Postgres
import Records
import Tenancy
import TestKit
import Testing
import Workflows

@testable import Flow

@Suite("events between runs and from outside")
struct EventTests {
    /// Waits for the payment of its invoice; `extra` are further members of the step.
    private static func waiter(_ name: String, _ extra: JSONObject = [:], correlates: Bool = true) -> JSONValue {
        var filter: JSONObject = ["with": ["type": "bank.paid"]]
        if correlates {
            filter["correlate"] = ["invoice": ["from": "event.data.invoice", "expect": "${ input.invoice }"]]
        }
        var listen: JSONObject = ["to": ["one": .object(filter)]]
        for member in extra { listen[member.key] = member.value }
        return [
            "kind": "workflow", "name": .string(name), "version": "1", "title": "Wait for the bank", "outcomes": ["paid"],
            "outcome": "'paid'", "output": ["amount": "${ context.amount }"],
            "do": [["hear": ["listen": .object(listen), "export": ["amount": "output[0].amount"]]]],
        ]
    }

    private static let teller: JSONValue = [
        "kind": "workflow", "name": "teller", "version": "1", "title": "Tell what was paid", "outcomes": ["told"],
        "outcome": "'told'",
        "do": [
            [
                "tell": [
                    "emit": [
                        "kept": ["hours": 2],
                        "event": [
                            "with": ["type": "bank.paid", "data": ["invoice": "${ input.invoice }", "amount": "9.00"]]
                        ],
                    ]
                ]
            ]
        ],
    ]

    private static func stage(_ workflows: [JSONValue] = [waiter("waiter")]) async throws -> Stage {
        let stage = try await Stage.make()
        let firm = await stage.firm
        let scope = Scope.tenant(firm.scope.slug, partner: SampleConfiguration.partner)
        let assets = workflows.map { content in
            Applying.Asset(
                scope: scope, kind: "workflow", name: content["name"]?.string ?? "", version: "1", content: content)
        }
        try await stage.publish(
            SampleConfiguration.tenant(firm.scope.slug, approvalTarget: "20h", settleSeconds: 25) + assets)
        return stage
    }

    /// Stores the start of a run without letting the lane see it.
    private func store(_ workflow: String, _ invoice: String, _ stage: Stage) async throws -> RunID {
        let (house, firm) = (await stage.house, await stage.firm)
        let run: RunID = house.platform.newID()
        _ = try await house.desk.send(
            CommandRow(
                tenant: firm.id, id: house.platform.newID(), lane: firm.scope.lane, idempotencyKey: "run.start/\(run)",
                kind: "run.start", run: run, payload: ["workflow": .string(workflow), "input": ["invoice": .string(invoice)]],
                createdAt: stage.now))
        return run
    }

    private func begin(_ workflow: String, _ invoice: String, _ stage: Stage) async throws -> RunID {
        let run = try await store(workflow, invoice, stage)
        try await stage.pump()
        return run
    }

    private static func event(_ id: String, _ invoice: String, amount: String = "9.00", expires: Moment? = nil) -> JSONValue {
        .object([
            "specversion": "1.0", "id": .string(id), "source": "/bank", "type": "bank.paid",
            "expirytime": expires.map { JSONValue($0) },
            "data": ["invoice": .string(invoice), "amount": .string(amount)],
        ])
    }

    @discardableResult
    private func send(_ event: JSONValue, _ stage: Stage, key: String = "\(Entropy.system.next())") async throws -> JSONValue {
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let actor = try firm.actor("ruth")
        _ = try await approving.send(event: event, key: key, as: actor, scope: firm.scope)
        try await stage.pump()
        switch try await approving.send(event: event, key: key, as: actor, scope: firm.scope) {
        case .done(let answer): return answer
        case .refused(let refusal): return ["refused": .string(refusal.reason)]
        case .pending: return ["refused": "pending"]
        }
    }

    private func run(_ id: RunID, _ stage: Stage) async throws -> RunRow {
        try #require(try await stage.runs().first { $0.id == id })
    }

    private func events(_ stage: Stage) async throws -> [ReceivedEventRow] {
        try await stage.house.looking.events(await stage.firm.id, onlyKept: false, limit: 200)
    }

    private func waits(_ id: RunID, _ stage: Stage) async throws -> [SubscriptionRow] {
        try await stage.house.looking.subscriptions(await stage.firm.id, run: id)
    }

    private func steer(_ run: RunID, _ stage: Stage, _ event: (PersonID) -> RunEvent) async throws {
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let actor = try firm.actor("ruth")
        _ = try await approving.steer(run, event(actor.person), key: "\(Entropy.system.next())", as: actor, scope: firm.scope)
        try await stage.pump()
    }

    @Test("an event reaches the run that waits for its invoice, and leaves the others as they were")
    func correlated() async throws {
        let stage = try await EventTests.stage()
        let first = try await begin("waiter", "R-1", stage)
        let second = try await begin("waiter", "R-2", stage)
        #expect(try await waits(second, stage).map(\.keys) == [["event.data.invoice is R-2"]])
        let before = try await run(first, stage).historyCount
        let answer = try await send(EventTests.event("1", "R-2", amount: "7.00"), stage)
        #expect(answer["status"] == "taken" && answer["runs"] == [JSONValue(second)])
        let ended = try await run(second, stage)
        #expect(ended.outcome == "paid" && ended.state["context"]?["amount"] == "7.00")
        #expect(try await run(first, stage).historyCount == before)
        #expect(try await run(first, stage).phase == "waiting")
        #expect(try await waits(second, stage).isEmpty, "who has ended waits for nothing")
        #expect(try await stage.books().audit.contains("event.received × 1"))
    }

    @Test("what one run sends another takes, whichever of them begins first")
    func betweenRuns() async throws {
        let stage = try await EventTests.stage([EventTests.waiter("waiter"), EventTests.teller])
        let early = try await begin("waiter", "R-1", stage)
        let teller = try await begin("teller", "R-1", stage)
        #expect(try await run(early, stage).outcome == "paid")
        #expect(try await run(teller, stage).outcome == "told")
        let late = try await begin("waiter", "R-1", stage)
        #expect(try await run(late, stage).outcome == "paid")
        let kept = try #require(try await events(stage).first)
        #expect(kept.run == teller && kept.taken == 2 && kept.consumedBy == nil)
        #expect(kept.expiresAt == kept.receivedAt.adding(seconds: 7200))
    }

    @Test("an event and a run that waits for it, applied in one batch, find each other")
    func sameBatch() async throws {
        let stage = try await EventTests.stage()
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        for order in [true, false] {
            let invoice = "R-\(order)"
            func post() async throws {
                _ = try await approving.send(
                    event: EventTests.event(invoice, invoice), key: invoice, as: try firm.actor("ruth"), scope: firm.scope)
            }
            if order { try await post() }
            let run = try await store("waiter", invoice, stage)
            if !order { try await post() }
            try await stage.pump()
            #expect(try await self.run(run, stage).outcome == "paid", "event first: \(order)")
        }
    }

    @Test("an event is kept for a run that begins to wait later, and no longer than it says")
    func kept() async throws {
        let stage = try await EventTests.stage([EventTests.waiter("waiter"), EventTests.waiter("modern", ["kept": "PT0S"])])
        let until = stage.now.adding(seconds: 600)
        #expect(try await send(EventTests.event("1", "R-1", expires: until), stage)["status"] == "kept")
        stage.move(seconds: 590)
        let modern = try await begin("modern", "R-1", stage)
        #expect(try await run(modern, stage).phase == "waiting", "it wants nothing that came before")
        let timely = try await begin("waiter", "R-1", stage)
        #expect(try await run(timely, stage).outcome == "paid")
        stage.move(seconds: 20)
        let late = try await begin("waiter", "R-1", stage)
        #expect(try await run(late, stage).phase == "waiting")
        #expect(try await events(stage).count == 1, "it is known for longer than it is kept")
        stage.move(seconds: EventBounds.knownSeconds)
        try await stage.pump()
        #expect(try await events(stage).isEmpty)
        #expect(try await send(EventTests.event("2", "R-1", expires: stage.now), stage)["refused"] == "event.expired")
    }

    @Test("an event that is delivered twice changes nothing the second time")
    func twice() async throws {
        let stage = try await EventTests.stage()
        _ = try await send(EventTests.event("1", "R-1"), stage)
        let first = try await begin("waiter", "R-1", stage)
        #expect(try await run(first, stage).outcome == "paid")
        let again = try await send(EventTests.event("1", "R-1"), stage)
        #expect(again["status"] == "known")
        try await stage.restart()
        #expect(try await send(EventTests.event("1", "R-1"), stage)["status"] == "known")
        #expect(try await events(stage).count == 1)
        let row = try #require(try await events(stage).first)
        #expect(row.taken == 1)
    }

    @Test("an event for one run alone goes to the one that has waited longest, and the next event to the next")
    func forOne() async throws {
        let stage = try await EventTests.stage([EventTests.waiter("queue", ["consume": "one"], correlates: false)])
        var runs: [RunID] = []
        for _ in 0..<3 {
            runs.append(try await begin("queue", "any", stage))
            stage.move(seconds: 1)
        }
        #expect(try await send(EventTests.event("1", "x"), stage)["runs"] == [JSONValue(runs[0])])
        #expect(try await send(EventTests.event("2", "x"), stage)["runs"] == [JSONValue(runs[1])])
        #expect(try await run(runs[2], stage).phase == "waiting")
        try await steer(runs[2], stage) { .paused(by: $0, reason: "Wait.") }
        #expect(try await send(EventTests.event("3", "x"), stage)["status"] == "kept", "a paused run takes nothing from others")
        let other = try await begin("queue", "any", stage)
        #expect(try await run(other, stage).outcome == "paid")
        try await steer(runs[2], stage) { .resumed(by: $0) }
        #expect(try await run(runs[2], stage).phase == "waiting", "what another took is gone")
        #expect(try await events(stage).allSatisfy { $0.consumedBy != nil && $0.taken == 1 })
    }

    @Test("a paused run keeps what came for all, and takes it when it goes on")
    func paused() async throws {
        let stage = try await EventTests.stage([
            EventTests.waiter("waiter"), EventTests.waiter("queue", ["consume": "one"]),
        ])
        let shared = try await begin("waiter", "R-1", stage)
        let single = try await begin("queue", "R-2", stage)
        for run in [shared, single] { try await steer(run, stage) { .paused(by: $0, reason: "Month end.") } }
        try await send(EventTests.event("1", "R-1"), stage)
        try await send(EventTests.event("2", "R-2"), stage)
        try await stage.restart()
        for run in [shared, single] {
            #expect(try await self.run(run, stage).phase == "paused")
            try await steer(run, stage) { .resumed(by: $0) }
            #expect(try await self.run(run, stage).outcome == "paid")
        }
    }

    @Test("all runs that wait get an event, however many they are, and each gets it once")
    func many() async throws {
        let stage = try await EventTests.stage([EventTests.waiter("crowd", correlates: false)])
        let count = EventBounds.offersMax * 2 + 3
        var runs: [RunID] = []
        for _ in 0..<count { runs.append(try await store("crowd", "any", stage)) }
        try await stage.pump()
        try await send(EventTests.event("1", "x"), stage)
        let rows = try await stage.runs()
        #expect(rows.filter { $0.outcome == "paid" }.count == count)
        for run in rows {
            #expect(try await stage.history(run).filter { $0 == "event.taken" }.count == 1)
        }
        #expect(try await events(stage).map(\.taken) == [Int32(count)])
    }

    /// Begins by an event, and sends one that begins it again.
    private static let echo: JSONValue = [
        "kind": "workflow", "name": "echo", "version": "1", "title": "Echo", "outcomes": ["told"], "outcome": "'told'",
        "schedule": ["on": ["with": ["type": "bank.paid"], "when": "event.data.invoice != 'R-0'"]],
        "do": [
            [
                "tell": [
                    "emit": ["event": ["with": ["type": "bank.paid", "data": "${ input.event.data }"]]]
                ]
            ]
        ],
    ]

    @Test("an event begins a run, once, and a chain of runs that begin each other comes to its end")
    func begins() async throws {
        let stage = try await EventTests.stage([EventTests.echo])
        #expect(try await send(EventTests.event("0", "R-0"), stage)["status"] == "kept")
        #expect(try await stage.runs().isEmpty)
        #expect(try await send(EventTests.event("1", "R-1"), stage)["status"] == "taken")
        let runs = try await stage.runs()
        #expect(runs.count == EventBounds.hopsMax + 1)
        let today = UInt64(stage.now.microseconds / 1000)
        #expect(
            runs.allSatisfy { $0.id.high >> 16 <= today && $0.id.high >> 16 > today - 86_400_000 }, "their ids bear their time")
        let sender = try await stage.firm.actor("ruth").natural.text
        #expect(
            try runs.allSatisfy { row in
                try RunState(json: row.state).actsOnChain.map { [$0.duty, $0.person] } == [["send-event", sender]]
            }, "who sent the first of them has a hand in all of them, once")
        #expect(runs.allSatisfy { $0.outcome == "told" && $0.state["input"]?["event"]?["data"]?["invoice"] == "R-1" })
        #expect(try await send(EventTests.event("1", "R-1"), stage)["status"] == "known")
        #expect(try await stage.runs().count == runs.count)
    }

    @Test("a tenant keeps a bounded number of events, and says so")
    func bounded() async throws {
        let stage = try await EventTests.stage()
        let (lane, tenant, now) = (await stage.lane, await stage.firm.id, stage.now)
        try await stage.store.withLane(lane) { tx in
            _ = try await tx.execute(
                """
                INSERT INTO received_event (tenant_id, id, lane, source, event_id, type, content, received_at, expires_at,
                                            forget_at)
                SELECT \(tenant), gen_random_uuid(), \(lane), '/many', n::text, 'other', '{}', \(now), \(now.adding(seconds: 60)),
                       \(now.adding(seconds: 60)) FROM generate_series(1, \(EventBounds.keptMax)) AS n
                """)
        }
        #expect(try await send(EventTests.event("1", "R-1"), stage)["refused"] == "events.full")
        stage.move(seconds: 61)
        #expect(try await send(EventTests.event("2", "R-1"), stage)["status"] == "kept")
    }

    @Test(
        "what is no event is refused before anything is stored",
        arguments: [
            [:] as JSONValue, ["specversion": "1.0", "id": "1", "source": "/bank"],
            ["specversion": "0.3", "id": "1", "source": "/bank", "type": "t"],
            ["specversion": "1.0", "id": "1", "source": "/bank", "type": "t", "expirytime": "soon"],
            ["specversion": "1.0", "id": "1", "source": "/bank", "type": "t", "data": ["deep": ["a\u{0}b"]]],
        ])
    func form(event: JSONValue) async throws {
        let stage = try await EventTests.stage()
        let (approving, firm) = (await stage.house.approving, await stage.firm)
        let refusal = await #expect(throws: Refusal.self) {
            _ = try await approving.send(event: event, key: "k", as: try firm.actor("ruth"), scope: firm.scope)
        }
        #expect(refusal?.reason == "event.form")
        #expect(try await events(stage).isEmpty)
    }
}
