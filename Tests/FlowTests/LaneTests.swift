import Handoff
import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

@Suite("lanes")
struct LaneTests {
    @Test("a server that lost its lane applies nothing any more")
    func fence() async throws {
        let stage = try await Stage.make()
        let (former, formerEpoch, lane) = (await stage.house, await stage.epoch, await stage.lane)
        let firm = await stage.firm
        _ = try await former.intake.receive(
            SampleDocument().bytes, fileName: "r.xml", channel: .api, scope: firm.scope, recordedBy: nil, trace: nil)
        try await stage.restart()
        await #expect(throws: LaneLost.self) { _ = try await former.engine.applyBatch(lane: lane, epoch: formerEpoch) }
        #expect(try await stage.books().unfinished == [0, 1, 0])
        let epoch = await stage.epoch
        #expect(epoch > formerEpoch)
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
    }

    @Test("a new server goes on where the former one ended")
    func restart() async throws {
        let stage = try await Stage.make()
        try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
        try await stage.restart()
        try await stage.work()
        try await stage.restart()
        let request = try #require(try await stage.requests("approval").first)
        guard case .done = try await stage.decide("approve", on: request, by: "jonas") else { return #expect(Bool(false)) }
        let write = try #require(try await stage.lease().first)
        try await stage.restart()
        // The worker outlived its server and repeats its report to the next one.
        #expect(try await stage.report(try await stage.attempt(write)) != .stale)
        try await stage.work()
        let books = try await stage.books()
        #expect(books.runs == ["R-1 completed posted"])
        #expect(books.bills == ["R-1"])
    }

    @Test("two tenants share a lane and nothing else")
    func twoTenants() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let (one, two) = (try await stage.open(), try await stage.open())
            try await stage.receive(SampleDocument(number: "R-1"), firm: one)
            try await stage.receive(SampleDocument(number: "R-1"), firm: two)
            try await stage.receive(SampleDocument(number: "R-2", gross: "12000.00", order: "PO-12000.00"), firm: two)
            // The first tenant's worker is given the first tenant's work only.
            for lease in try await stage.lease(one) {
                let foreign = try await stage.house.posting.receive(
                    [WorkReport(token: lease.token, outcome: .absent, telemetry: [])], from: await stage.identity(two))
                #expect(foreign == [.stale])
                try await stage.report(try await stage.attempt(lease, firm: one), firm: one)
            }
            try await stage.work()
            #expect(try await stage.books(one).runs == ["R-1 completed posted"])
            #expect(try await stage.books(two).runs == ["R-1 completed posted", "R-2 waiting "])
            #expect(stage.ledger.bills(of: one.id).count == 1)
            #expect(stage.ledger.bills(of: two.id).count == 1)
            #expect(try await stage.requests("approval", firm: one).isEmpty)
            #expect(try await stage.requests("exception", firm: two).isEmpty, "the other tenant's invoice is no duplicate")
        }
    }

    @Test("a flood of arrivals of one tenant keeps neither another's arrivals nor work that has begun waiting")
    func turns() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let (one, two) = (try await stage.open(), try await stage.open())
            let (house, lane, epoch) = (await stage.house, await stage.lane, await stage.epoch)
            try await stage.receive(SampleDocument(number: "R-0"), firm: one)
            let reading = try #require(try await stage.lease(one).first)
            func receive(_ number: String, _ firm: Firm) async throws {
                _ = try await house.intake.receive(
                    SampleDocument(number: number).bytes, fileName: "r.xml", channel: .api, scope: firm.scope, recordedBy: nil,
                    trace: nil)
            }
            for number in 1...LaneEngine.beginningsMax + 4 { try await receive("F-\(number)", one) }
            try await receive("R-1", two)
            let report = try await stage.attempt(reading, firm: one)
            #expect(try await house.posting.receive([report], from: await stage.identity(one)) == [.pending])
            let outcome = try await house.engine.applyBatch(lane: lane, epoch: epoch)
            #expect(outcome.hasMore)
            #expect(try await stage.books(two).unfinished[0] == 1, "the other tenant's document is to be read")
            #expect(try await stage.books(one).unfinished[0] == Int64(LaneEngine.beginningsMax - 1))
            #expect(try await stage.books(one).unfinished[2] == 0, "the report was applied, and its lease ended")
            try await stage.work()
            #expect(try await stage.books(one).runs.count == LaneEngine.beginningsMax + 5)
        }
    }

    @Test("a tenant whose workers are far behind begins one thing at a time, and others as before")
    func heldBack() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let (one, two) = (try await stage.open(), try await stage.open())
            let (house, lane, epoch) = (await stage.house, await stage.lane, await stage.epoch)
            let behind = Int32(LaneEngine.readyBeforeBeginningMax)
            try await stage.store.withLane(lane) { tx in
                _ = try await tx.execute(
                    """
                    INSERT INTO queue.ready (lane, ready_at, tenant_id, task_id, priority)
                    SELECT \(lane), now(), \(one.id), gen_random_uuid(), 20 FROM generate_series(1, \(behind))
                    """)
            }
            for number in 1...3 {
                for firm in [one, two] {
                    _ = try await house.intake.receive(
                        SampleDocument(number: "R-\(number)").bytes, fileName: "r.xml", channel: .api, scope: firm.scope,
                        recordedBy: nil, trace: nil)
                }
            }
            let outcome = try await house.engine.applyBatch(lane: lane, epoch: epoch)
            #expect(outcome.isHeldBack && outcome.hasMore)
            #expect(try await stage.books(one).unfinished[0] == 1)
            #expect(try await stage.books(two).unfinished[0] == 3)
            try await stage.pump()
            #expect(try await stage.books(one).unfinished[0] == 3, "what is held back is not forgotten")
        }
    }

    @Test("work that becomes ready while a worker waits is leased in the transaction that made it, and never queued")
    func leasedAtOnce() async throws {
        let stage = try await Stage.make()
        let (house, lane, epoch) = (await stage.house, await stage.lane, await stage.epoch)
        let worker = await stage.identity(await stage.firm)
        _ = try await house.intake.receive(
            SampleDocument().bytes, fileName: "r.xml", channel: .api, scope: await stage.firm.scope, recordedBy: nil, trace: nil)
        let poll = Task {
            await house.workers.lease(worker, kinds: [WorkKind.documentRead.rawValue], capacity: 4, waitMilliseconds: 60_000)
        }
        while !house.workers.hasWaiters(lane: lane) { await Task.yield() }
        let outcome = try await house.engine.applyBatch(lane: lane, epoch: epoch)
        #expect(outcome.ready.isEmpty && outcome.size == 1)
        let lease = try #require(await poll.value.first)
        #expect(lease.kind == .documentRead && lease.attempt == 1)
        #expect(try await stage.books().unfinished == [1, 0, 1])
        try await stage.report(try await stage.attempt(lease))
        try await stage.work()
        #expect(try await stage.books().runs == ["R-1 completed posted"])
    }

    @Test("a process without lanes learns an answer from the row when nobody tells it")
    func untold() async throws {
        let stage = try await Stage.make()
        let given = await stage.house.platform
        var settings = given.settings
        settings.answerWaitMilliseconds = 6000
        let platform = Platform(
            store: given.store, clock: given.clock, entropy: .system, secrets: given.secrets, metrics: given.metrics,
            spans: given.spans, logger: given.logger, settings: settings)
        // The lane is another process's: it wakes, applies, and tells its own desk.
        let desk = CommandDesk(platform: platform) { _ in Task { try await stage.pump() } }
        let firm = await stage.firm
        let command = CommandRow(
            tenant: firm.id, id: platform.newID(), lane: firm.scope.lane, idempotencyKey: "elsewhere", kind: "incident.raise",
            payload: ["alert": "queue-age", "facts": ["age": "1 s"]], createdAt: stage.now)
        guard case .done(let answer) = try await desk.send(command) else { return #expect(Bool(false)) }
        #expect(answer["status"]?.string == "raised")
    }

    @Test("servers on one database have equal shares of the lanes, and take over those of one that leaves or dies")
    func shares() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            let time = Locked(stage.now)
            let given = await stage.house.platform
            func server(_ name: String) async -> Timekeeper {
                var settings = FlowSettings(replica: name)
                settings.laneCount = 8
                let platform = Platform(
                    store: given.store, clock: WallClock { time.withLock(\.self) }, entropy: .system, secrets: given.secrets,
                    metrics: given.metrics, spans: given.spans, logger: given.logger, settings: settings)
                let assets = await stage.house.assets
                let engine = LaneEngine(
                    platform: platform, assets: assets, workers: WorkerDesk { _ in },
                    leaseFactory: LeaseFactory(platform: platform, assets: assets), resolve: { _ in }, changed: { _ in },
                    wanted: { _ in })
                return Timekeeper(platform: platform, engine: engine)
            }
            try await database.store.withLane(0) { _ = try await $0.execute(LaneQueries.ensure(count: 8)) }
            let (one, two, three) = (await server("one"), await server("two"), await server("three"))
            #expect(try await one.hold().count == 8)
            #expect(try await two.hold().isEmpty, "nothing is free yet")
            let kept = try await one.hold()
            let taken = try await two.hold()
            #expect(kept.count == 4 && taken.count == 4)
            #expect(Set(kept.keys).isDisjoint(with: taken.keys))
            #expect(taken.values.allSatisfy { $0 == 2 }, "another owner is another epoch")
            _ = try await three.hold()
            #expect(try await one.hold().count == 3)
            #expect(try await two.hold().count == 3)
            #expect(try await three.hold().count == 2)
            #expect(try await one.hold() == kept.filter { $0.key <= kept.keys.sorted()[2] }, "what is kept keeps its epoch")

            try await three.release()
            #expect(try await one.hold().count == 4)
            #expect(try await two.hold().count == 4)
            // The second one dies: its lanes are free when their lease is over, and not before.
            #expect(try await one.hold().count == 4)
            time.withLock { $0 = $0.adding(seconds: 2 * FlowSettings(replica: "").laneLeaseSeconds) }
            #expect(try await one.hold().count == 8)
        }
    }

    @Test("a running server answers a decision as soon as its lane has committed it")
    func running() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            try await stage.receive(SampleDocument(gross: "4800.00", order: "PO-4800.00"))
            try await stage.work()
            let request = try #require(try await stage.requests("approval").first)
            let firm = await stage.firm
            stage.move(seconds: 60)

            let woken = Locked<Timekeeper?>(nil)
            var settings = FlowSettings(replica: "running")
            settings.laneCount = 1
            let given = await stage.house.platform
            let platform = Platform(
                store: given.store, clock: given.clock, entropy: .system, secrets: given.secrets, metrics: given.metrics,
                spans: given.spans,
                logger: given.logger, settings: settings)
            let desk = CommandDesk(platform: platform) { lane in woken.withLock { $0 }?.wake(lane) }
            let assets = await stage.house.assets
            let engine = LaneEngine(
                platform: platform, assets: assets, workers: WorkerDesk { _ in },
                leaseFactory: LeaseFactory(platform: platform, assets: assets),
                resolve: { desk.resolve($0) }, changed: { _ in }, wanted: { _ in })
            let timekeeper = Timekeeper(platform: platform, engine: engine)
            woken.withLock { $0 = timekeeper }
            let loop = Task { try await timekeeper.run() }
            let decision = Approving.Decision(
                task: request.id, verdict: "approve", reason: nil, objectHash: request.objectHash ?? "", key: "k")
            let approving = Approving(platform: platform, desk: desk)
            let actor = try firm.actor("jonas")
            let isAnswered = try await eventually {
                if case .done = try await approving.decide(decision, as: actor, scope: firm.scope) { true } else { false }
            }
            #expect(isAnswered)
            loop.cancel()
            try await loop.value
            try await timekeeper.release()
            let owner = try await database.store.withLane(0) {
                try await $0.query("SELECT owner FROM queue.lane WHERE lane = 0").only().get("owner", as: String?.self)
            }
            #expect(owner == nil)
        }
    }
}
