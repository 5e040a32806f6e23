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
