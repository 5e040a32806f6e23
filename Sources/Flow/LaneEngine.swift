package import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Seals
internal import Telemetry
internal import Workflows

/// Applies what waits in a lane: many runs advance in one transaction, acknowledged after its commit.
package final class LaneEngine: Sendable {
    /// Runs and documents that one batch begins: a tenth of a second's work, so that a flood of arrivals stays in many small
    /// transactions, between which others have their turn.
    static let beginningsMax = 16
    /// A tenant with this many tasks before its workers begins little until they have caught up: some seconds' work for one.
    static let readyBeforeBeginningMax = 256

    package let platform: Platform
    let assets: AssetLibrary
    let workers: WorkerDesk
    let leaseFactory: LeaseFactory
    let memories = LaneMemories()
    /// Told after each commit: answers for senders, lanes to wake, topics for live views.
    let committed: @Sendable (BatchOutcome) -> Void

    struct BatchOutcome: Sendable {
        var hasMore = false
        /// Commands and timers that were applied.
        var size = 0
        /// A tenant may begin little at a time, because its workers are far behind.
        var isHeldBack = false
        var nextTimer: Moment?
        var answers: [(id: CommandID, answer: JSONValue)] = []
        var tenants: Set<TenantID> = []
        /// Tenants whose work became ready in this batch; their workers are wanted.
        var ready: Set<TenantID> = []
    }

    package init(
        platform: Platform, assets: AssetLibrary, workers: WorkerDesk, leaseFactory: LeaseFactory,
        resolve: @escaping @Sendable ([(id: CommandID, answer: JSONValue)]) -> Void,
        changed: @escaping @Sendable (Set<TenantID>) -> Void,
        wanted: @escaping @Sendable (TenantID) -> Void
    ) {
        self.platform = platform
        self.assets = assets
        self.workers = workers
        self.leaseFactory = leaseFactory
        committed = { outcome in
            if !outcome.answers.isEmpty { resolve(outcome.answers) }
            if !outcome.tenants.isEmpty { changed(outcome.tenants) }
            for tenant in outcome.ready { wanted(tenant) }
        }
    }

    /// One batch of a lane, under its fence. Throws `LaneLost` when another replica owns the lane by now.
    func applyBatch(lane: Int32, epoch: Int64) async throws -> BatchOutcome {
        let waiters = workers.reserve(lane: lane)
        let memory = memories.take(lane: lane, epoch: epoch)
        do {
            let (outcome, granted, remembered) = try await prepared { unreadable in
                try await transact(lane: lane, epoch: epoch, waiters: waiters, unreadable: unreadable, memory: memory)
            }
            memories.keep(remembered, lane: lane, epoch: epoch)
            committed(outcome)
            for waiter in waiters {
                let leases = granted[waiter.id] ?? []
                workers.settle(waiter.id, leases.isEmpty ? [] : await leaseFactory.leases(leases, for: waiter.worker))
            }
            return outcome
        } catch {
            for waiter in waiters { workers.settle(waiter.id, []) }
            throw error
        }
    }

    private func transact(
        lane: Int32, epoch: Int64, waiters: [WorkerDesk.Waiter], unreadable: [String: String], memory: LaneMemory
    ) async throws -> (BatchOutcome, [UInt64: [GrantedLease]], LaneMemory) {
        let settings = platform.settings
        return try await platform.store.withLane(lane) { [self] tx in
            let now = platform.clock.now
            var offers = try self.offers(to: waiters)
            let first = try await tx.pipeline(
                [
                    LaneQueries.fence(lane: lane, owner: settings.replica, epoch: epoch),
                    TimerQueries.takeDue(lane: lane, now: now, limit: settings.batchMax),
                    CommandQueries.pending(lane: lane, limit: settings.batchMax),
                    CommandQueries.beginning(
                        lane: lane, limit: LaneEngine.beginningsMax, readyMax: LaneEngine.readyBeforeBeginningMax),
                ] + offers.flatMap { $0.statements(lane: lane, now: now) })
            guard first[0].count == 1 else { throw LaneLost.lane }
            let timers = try first[1].map(TimerQueries.Due.init).sorted { ($0.dueAt, $0.id) < ($1.dueAt, $1.id) }
            let queued = Array(first[2]) + Array(first[3])
            let commands = try queued.map(CommandRow.init)
            for index in offers.indices { try offers[index].read(held: first[4 + 2 * index], taken: first[5 + 2 * index]) }
            var batch = LaneBatch(
                lane: lane, epoch: epoch, now: now, entropy: platform.entropy, margin: settings.leaseMarginSeconds)
            batch.memory = memory
            try await batch.load(commands: commands, timers: timers, offers: offers, tx: tx)
            try await loadRollouts(&batch, commands: commands, tx: tx)
            try await loadSchedules(&batch, commands: commands, timers: timers, tx: tx)
            let served = Set(commands.map(\.tenant) + timers.map(\.tenant) + waiters.map(\.worker.tenant))
            try equip(&batch, tenants: served, commands: commands, unreadable: unreadable)
            try await loadOthers(&batch, unreadable: unreadable, tx: tx)
            for command in commands { batch.apply(command) }
            for timer in timers { batch.apply(timer) }
            try await guardStops(&batch, tx: tx)
            try await guardPayments(&batch, tx: tx)
            try await batch.writeIncidents(tx: tx)
            try await raiseIncidents(&batch, unreadable: unreadable, tx: tx)
            try await clearIncidents(&batch, unreadable: unreadable, tx: tx)
            try await batch.writeIncidents(tx: tx)
            let granted = try await grant(&batch, offers: offers, tx: tx)
            var outcome = BatchOutcome()
            outcome.isHeldBack = try first[3].contains { try $0.get("is_held_back", as: Bool.self) }
            outcome.hasMore =
                first[2].count == settings.batchMax || first[3].count == LaneEngine.beginningsMax || outcome.isHeldBack
                || timers.count == settings.batchMax || granted.hasStopped || !batch.requeued.isEmpty || !batch.ordered.isEmpty
                || !batch.endedWorkers.isEmpty  // who waits may have looked before that freed their connections
            outcome.ready = Set(batch.ready.map(\.tenant))
            let next = try await batch.flush(
                tx: tx, queueIDs: try queued.map { try $0.get("queue_id", as: Int64.self) })
            outcome.size = commands.count + timers.count
            outcome.nextTimer = [next, granted.retryAt].compactMap(\.self).min()
            outcome.answers = batch.answers.map { (id: $0.id, answer: $0.answer) }
            outcome.tenants = batch.touched
            observeGuardrails(batch)
            observe(batch, commands: commands.count, timers: timers.count)
            return (outcome, granted.leases, batch.remembering())
        }
    }

    private func observe(_ batch: LaneBatch, commands: Int, timers: Int) {
        platform.metrics.counter("countersign_commands_applied_total", "Commands applied by lanes.").add(Double(commands))
        platform.metrics.counter("countersign_timers_fired_total", "Timers fired by lanes.").add(Double(timers))
        platform.metrics.counter("countersign_run_events_total", "Events applied to runs.").add(Double(batch.events))
        platform.metrics.counter("countersign_transitions_total", "Steps that runs have left.").add(Double(batch.transitions))
        for entry in batch.spans { platform.spans.add(entry) }
        for line in batch.logLines {
            platform.logger.info("\(line.message)", metadata: line.metadata)
        }
    }
}
