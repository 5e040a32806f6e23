package import Kernel
internal import Logging
internal import Postgres
internal import Records

/// Owns lanes: claims those without an owner, renews its own, and runs one loop per lane until the lane is lost or the server
/// stops. Servers on one database have equal shares, give or take a lane: who has more gives some up, who has less takes what is
/// free.
package final class Timekeeper: Sendable {
    private let platform: Platform
    private let signals: Locked<[Int32: Signal]>
    private let makeBatch: @Sendable (Int32, Int64) -> LaneBatchRunner

    package init(platform: Platform, engine: LaneEngine) {
        self.platform = platform
        signals = Locked([:])
        makeBatch = { lane, epoch in LaneBatchRunner(engine: engine, lane: lane, epoch: epoch) }
    }

    /// Something waits in this lane. Lanes of other replicas hear it from the database.
    package func wake(_ lane: Int32) {
        signals.withLock { $0[lane] }?.raise()
    }

    /// Runs until cancelled. A database that is away is waited for; lanes are claimed again when it is back.
    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            var owned: [Int32: (epoch: Int64, task: Task<Void, Never>)] = [:]
            defer { for lane in owned.values { lane.task.cancel() } }
            var isPrepared = false
            while !Task.isCancelled {
                do {
                    if !isPrepared {
                        try await prepare()
                        isPrepared = true
                    }
                    let held = try await hold()
                    platform.beats.note(.lanes, at: platform.clock.now)
                    for (lane, loop) in owned where held[lane] != loop.epoch {
                        loop.task.cancel()
                        owned[lane] = nil
                    }
                    for (lane, epoch) in held where owned[lane] == nil {
                        let signal = Signal()
                        signals.withLock { $0[lane] = signal }
                        let runner = makeBatch(lane, epoch)
                        let task = Task { await runner.run(signal: signal) }
                        group.addTask {
                            await withTaskCancellationHandler {
                                await task.value
                            } onCancel: {
                                task.cancel()
                            }
                        }
                        owned[lane] = (epoch, task)
                    }
                } catch is CancellationError {
                    break
                } catch let refusal as Refusal {
                    throw refusal
                } catch {
                    platform.logger.warning("lanes not renewed", metadata: ["error": "\(error)"])
                }
                // Cancellation ends the loop by its condition.
                try? await Task.sleep(for: .milliseconds(platform.settings.laneLeaseSeconds * 1000 / 3))
            }
            for lane in owned.values { lane.task.cancel() }
        }
    }

    /// Makes the lanes, and refuses a database or a pool that they do not fit: a lane that nobody may hold would stand still
    /// for ever, and lanes without connections would starve the rest of the server.
    private func prepare() async throws {
        let settings = platform.settings
        try settings.check(connections: platform.store.connectionsMax)
        let lanes = try await platform.store.withLane(0) { tx in
            _ = try await tx.execute(LaneQueries.ensure(count: settings.laneCount))
            return try await tx.query(LaneQueries.count()).only().get("n", as: Int64.self)
        }
        guard lanes <= Int64(settings.laneCount) else {
            throw Refusal(
                .conflict, reason: "lanes.count",
                "This database has \(lanes) lanes, and this server is set for \(settings.laneCount). Lanes are never given up; "
                    + "set at least as many.")
        }
    }

    /// Gives the lanes back, so that another replica needs not wait for their leases to run out.
    package func release() async throws {
        try await platform.store.withLane(0) { [platform] tx in
            _ = try await tx.execute(LaneQueries.release(owner: platform.settings.replica))
            _ = try await tx.execute(LaneQueries.leave(owner: platform.settings.replica))
        }
    }

    /// The most lanes that one of so many servers holds.
    static func share(lanes: Int32, replicas: Int64) -> Int { Int((Int64(lanes) + max(1, replicas) - 1) / max(1, replicas)) }

    /// Renews what this server holds, gives up what is more than its share, takes what is free up to it; answers the epochs.
    func hold() async throws -> [Int32: Int64] {
        let now = platform.clock.now
        let until = now.adding(seconds: platform.settings.laneLeaseSeconds)
        let owner = platform.settings.replica
        return try await platform.store.withLane(0) { [platform] tx in
            _ = try await tx.execute(LaneQueries.announce(owner: owner, until: until))
            _ = try await tx.execute(LaneQueries.forgetReplicas(now: now))
            let replicas = try await tx.query(LaneQueries.replicas(now: now)).only().get("n", as: Int64.self)
            let share = Timekeeper.share(lanes: platform.settings.laneCount, replicas: replicas)
            var held: [Int32: Int64] = [:]
            for row in try await tx.query(LaneQueries.renew(owner: owner, now: now, until: until)) {
                held[try row.get("lane", as: Int32.self)] = try row.get("epoch", as: Int64.self)
            }
            let excess = Array(held.keys.sorted().dropFirst(share))
            if !excess.isEmpty { _ = try await tx.execute(LaneQueries.giveUp(owner: owner, lanes: excess)) }
            for lane in excess { held[lane] = nil }
            guard held.count < share else { return held }
            for row in try await tx.query(LaneQueries.claim(owner: owner, limit: share - held.count, now: now, until: until)) {
                held[try row.get("lane", as: Int32.self)] = try row.get("epoch", as: Int64.self)
            }
            return held
        }
    }

    /// Tenants with ready work, over all lanes; whoever starts workers asks this after a restart and now and then.
    package func tenantsWithReadyWork() async throws -> [TenantID] {
        try await platform.store.withLane(0) { tx in
            try await tx.query(ReadyQueries.tenants()).map { try $0.get("tenant_id", as: TenantID.self) }
        }
    }

    /// The slow poll: lanes that hold commands of other replicas, or whose earliest timer nobody here has heard of.
    package func poll() async throws {
        let rows = try await platform.store.withLane(0) { tx in try await tx.query(LaneQueries.pending()) }
        let now = platform.clock.now
        for row in rows {
            let due = try row.get("next_timer", as: Moment?.self)
            if try row.get("has_commands", as: Bool.self) || due.map({ $0 <= now }) ?? false {
                wake(try row.get("lane", as: Int32.self))
            }
        }
    }
}

/// One lane's loop: sleeps until something is due, applies a batch, and again.
struct LaneBatchRunner: Sendable {
    let engine: LaneEngine
    let lane: Int32
    let epoch: Int64

    /// Milliseconds that a lane rests for each event of a batch, and at most. What comes meanwhile shares the next transaction,
    /// whose fixed costs (its statements, its commit, the ways to and fro) are a good part of a small batch's. Under load this
    /// makes events come through sooner; a lane with little to do never rests.
    static let restPerEvent: Int64 = 3
    static let restMax: Int64 = 30
    /// A batch of one came alone, and the next may be long in coming.
    static let restsFrom = 2

    static func rest(after size: Int) -> Int64 {
        size < restsFrom ? 0 : min(restMax, Int64(size) * restPerEvent)
    }

    func run(signal: Signal) async {
        // Whoever stops owning a lane keeps nothing of it in mind.
        defer { engine.memories.forget(lane: lane, epoch: epoch) }
        var pause: Int64 = 0
        var failures = 0
        while !Task.isCancelled {
            await signal.wait(milliseconds: pause)
            guard !Task.isCancelled else { return }
            do {
                let outcome = try await engine.applyBatch(lane: lane, epoch: epoch)
                failures = 0
                let rest = outcome.isHeldBack ? LaneBatchRunner.restMax : LaneBatchRunner.rest(after: outcome.size)
                // Cancellation ends the loop by its condition.
                if rest > 0 { try? await Task.sleep(for: .milliseconds(rest)) }
                if outcome.hasMore {
                    pause = 0
                } else {
                    let now = engine.platform.clock.now
                    let untilTimer = outcome.nextTimer.map { max(1, $0.milliseconds(since: now) + 1) } ?? 60_000
                    pause = min(untilTimer, 60_000)
                }
            } catch LaneLost.lane {
                engine.platform.logger.info("lane lost", metadata: ["lane": "\(lane)", "epoch": "\(epoch)"])
                return
            } catch is CancellationError {
                return
            } catch {
                failures += 1
                pause = min(5000, 50 << Int64(min(failures, 7)))
                engine.platform.logger.warning(
                    "batch not applied", metadata: ["lane": "\(lane)", "failures": "\(failures)", "error": "\(error)"])
            }
        }
    }
}

/// This replica does not hold the lane any longer; its batch was not applied.
enum LaneLost: Error { case lane }
