package import Handoff
package import Kernel

/// A worker process as the server knows it after it has said hello with its session token.
package struct WorkerIdentity: Sendable, Hashable {
    package let tenant: TenantID
    package let slug: String
    package let lane: Int32
    /// This incarnation of the process; a restarted worker is another.
    package let incarnation: String

    package init(tenant: TenantID, slug: String, lane: Int32, incarnation: String) {
        self.tenant = tenant
        self.slug = slug
        self.lane = lane
        self.incarnation = incarnation
    }
}

/// Workers that wait for work: a lane reserves them, leases tasks to them inside its transaction, and hands the leases over
/// after the commit.
package final class WorkerDesk: Sendable {
    struct Waiter: Sendable {
        let id: UInt64
        let worker: WorkerIdentity
        let kinds: [String]
        let capacity: Int
    }

    private struct Entry {
        let waiter: Waiter
        let continuation: CheckedContinuation<[WorkLease], Never>
        var isReserved = false
        var isOver = false
    }

    private struct State {
        var nextID: UInt64 = 1
        var isStopping = false
        var entries: [UInt64: Entry] = [:]
    }

    private let state = Locked(State())
    private let wake: @Sendable (Int32) -> Void

    package init(wake: @escaping @Sendable (Int32) -> Void) { self.wake = wake }

    /// Waits for work of the worker's tenant; empty when there was none in that time.
    package func lease(_ worker: WorkerIdentity, kinds: [String], capacity: Int, waitMilliseconds: Int64) async -> [WorkLease] {
        guard capacity > 0 else { return [] }
        let id = state.withLock { state -> UInt64 in
            defer { state.nextID += 1 }
            return state.nextID
        }
        let alarm = Locked<Task<Void, Never>?>(nil)
        defer { alarm.withLock { $0 }?.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter(id: id, worker: worker, kinds: kinds, capacity: capacity)
                let isStopping = state.withLock { state -> Bool in
                    if !state.isStopping { state.entries[id] = Entry(waiter: waiter, continuation: continuation) }
                    return state.isStopping
                }
                guard !isStopping else { return continuation.resume(returning: []) }
                // Set only now: an alarm that rings before the wait has begun would end nothing, and the worker would wait on.
                let timeout = Task { [weak self] in
                    // A cancelled sleep means that work came first.
                    try? await Task.sleep(for: .milliseconds(waitMilliseconds))
                    self?.giveUp(id)
                }
                alarm.withLock { $0 = timeout }
                wake(worker.lane)
                if Task.isCancelled { giveUp(id) }
            }
        } onCancel: {
            giveUp(id)
        }
    }

    /// The waiters of a lane, held until `deliver` or `release`; at most one a tenant and batch, so that tenants take turns.
    func reserve(lane: Int32) -> [Waiter] {
        state.withLock { state in
            let chosen = state.entries.values.filter { !$0.isReserved && !$0.isOver && $0.waiter.worker.lane == lane }.sorted {
                $0.waiter.id < $1.waiter.id
            }
            for entry in chosen { state.entries[entry.waiter.id]?.isReserved = true }
            return chosen.map(\.waiter)
        }
    }

    func hasWaiters(lane: Int32) -> Bool {
        state.withLock { state in state.entries.values.contains { !$0.isReserved && !$0.isOver && $0.waiter.worker.lane == lane }
        }
    }

    /// Hands leases to a reserved waiter; without any it goes on waiting.
    func settle(_ id: UInt64, _ leases: [WorkLease]) {
        let done = state.withLock { state -> Entry? in
            guard var entry = state.entries[id] else { return nil }
            if !leases.isEmpty || entry.isOver { return state.entries.removeValue(forKey: id) }
            entry.isReserved = false
            state.entries[id] = entry
            return nil
        }
        done?.continuation.resume(returning: leases)
    }

    /// Ends the waits of a tenant's worker, so that it comes back at once and takes what it is asked.
    package func interrupt(_ tenant: TenantID) {
        let ids = state.withLock { state in state.entries.values.filter { $0.waiter.worker.tenant == tenant }.map(\.waiter.id) }
        for id in ids { giveUp(id) }
    }

    /// The process has ended: what it asked before must not be answered with work that nobody does. A wait that is in a batch's
    /// hands at this moment may still be; the end of the worker, told to the lane after this, takes that lease back.
    package func dismiss(_ incarnation: String) {
        let ids = state.withLock { state in
            state.entries.values.filter { $0.waiter.worker.incarnation == incarnation }.map(\.waiter.id)
        }
        for id in ids { giveUp(id) }
    }

    /// The server stops: who waits is answered now, who comes later at once, so that no open poll holds the stop up.
    package func stop() {
        let ids = state.withLock { state in
            state.isStopping = true
            return Array(state.entries.keys)
        }
        for id in ids { giveUp(id) }
    }

    private func giveUp(_ id: UInt64) {
        let done = state.withLock { state -> Entry? in
            guard let entry = state.entries[id] else { return nil }
            guard entry.isReserved else { return state.entries.removeValue(forKey: id) }
            state.entries[id]?.isOver = true
            return nil
        }
        done?.continuation.resume(returning: [])
    }
}
