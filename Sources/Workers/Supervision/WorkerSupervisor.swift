internal import CLinux
internal import Glibc
package import Kernel
package import Logging

/// Keeps the workers that are wanted alive. Each tenant has at most one process at a time; its session token dies with it.
package final class WorkerSupervisor: Sendable {
    /// A worker as pages and the handoff see it.
    package struct Status: Sendable {
        package let charge: WorkerCharge
        package let incarnation: String
        package let phase: WorkerLifecycle.Phase
        package let pid: Int32?
        package let level: String?
        package let residentBytes: Int64?
        package let restarts: Int
        package let startedAt: Moment?
        package let detail: String
    }

    private struct Worker {
        let charge: WorkerCharge
        var lifecycle = WorkerLifecycle()
        var process: WorkerProcess?
        var session = ""
        var incarnation = ""
        var startedAt: Moment?
        var startTime = ""
        var detail = ""
    }

    private struct State {
        var workers: [TenantID: Worker] = [:]
        var sessions: [String: TenantID] = [:]
        var isStopping = false
    }

    private let state = Locked(State())
    private let settings: WorkerSettings
    private let paces: WorkerLifecycle.Paces
    private let ledger: ProcessLedger
    private let clock: WallClock
    private let entropy: Entropy
    private let logger: Logger
    /// Descriptor that receives the workers' log lines.
    private let log: Int32
    /// Told of every change worth showing.
    private let changed: @Sendable (Status) -> Void

    package init(
        settings: WorkerSettings, paces: WorkerLifecycle.Paces = .init(), ledger: ProcessLedger, clock: WallClock,
        entropy: Entropy,
        logger: Logger, log: Int32 = 2, changed: @escaping @Sendable (Status) -> Void = { _ in }
    ) {
        self.settings = settings
        self.paces = paces
        self.ledger = ledger
        self.clock = clock
        self.entropy = entropy
        self.logger = logger
        self.log = log
        self.changed = changed
    }

    /// Ends what a previous life of this server left running. To be called before the first lease.
    package func endOrphans() async -> Int { await ledger.endOrphans() }

    /// There is work for this worker; starts it when it does not run.
    package func want(_ charge: WorkerCharge) {
        handle(charge.tenant, .wanted) { state in
            guard !state.isStopping else { return }
            if state.workers[charge.tenant]?.charge != charge, state.workers[charge.tenant]?.process == nil {
                var worker = Worker(charge: charge)
                worker.lifecycle = state.workers[charge.tenant]?.lifecycle ?? WorkerLifecycle()
                state.workers[charge.tenant] = worker
            }
        }
    }

    /// The same for a worker that runs already, which is then kept; false when it has to be started.
    package func wantsAgain(_ tenant: TenantID) -> Bool {
        guard state.withLock({ $0.workers[tenant]?.lifecycle.phase.isRunning ?? false }) else { return false }
        handle(tenant, .wanted)
        return true
    }

    /// The tenant and incarnation behind a session token; nil when it is not a living worker's.
    package func identify(_ session: String) -> (tenant: TenantID, slug: String, incarnation: String)? {
        state.withLock { state in
            guard let tenant = state.sessions[session], let worker = state.workers[tenant] else { return nil }
            return (tenant, worker.charge.slug, worker.incarnation)
        }
    }

    package func greeted(_ tenant: TenantID) { handle(tenant, .greeted) }

    package func beat(_ tenant: TenantID, isBusy: Bool) { handle(tenant, .beat(isBusy: isBusy)) }

    package func isDraining(_ tenant: TenantID) -> Bool {
        state.withLock { state in
            if case .draining = state.workers[tenant]?.lifecycle.phase { return true }
            return state.isStopping
        }
    }

    /// Whether the worker achieved what its tenant demands.
    package func mayWork(_ tenant: TenantID) -> Bool {
        state.withLock { state in
            guard let worker = state.workers[tenant], let level = worker.process?.level else { return false }
            return level >= worker.charge.requiredLevel
        }
    }

    package func statuses() -> [Status] {
        state.withLock { state in state.workers.values.map(WorkerSupervisor.status) }
    }

    /// Ends a worker; it is started again when it is wanted.
    package func replace(_ tenant: TenantID) { handle(tenant, .stop) }

    /// Reaps, times out and restarts until cancelled; then ends all workers and waits for them.
    package func run() async {
        while !Task.isCancelled {
            reap()
            for tenant in state.withLock({ Array($0.workers.keys) }) { handle(tenant, .tick) }
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(100))
        }
        await stopAll()
    }

    private func stopAll() async {
        let pids = state.withLock { state -> [Int32] in
            state.isStopping = true
            // A worker whose lifeline ends gives up its work within two seconds.
            for (tenant, worker) in state.workers {
                if let process = worker.process { close(process.lifeline) }
                state.workers[tenant]?.process = worker.process.map {
                    WorkerProcess(pid: $0.pid, lifeline: -1, level: $0.level, isOwnUser: $0.isOwnUser)
                }
            }
            return state.workers.values.compactMap { $0.process?.pid }
        }
        var waited = 0
        while waited < 400, state.withLock({ $0.workers.values.contains { $0.process != nil } }) {
            reap()
            waited += 1
            // The surrounding task is cancelled already, so a plain pause of the thread's turn is what is left.
            await Task.yield()
            usleep(10_000)
        }
        for pid in pids where ProcessLedger.startTime(of: pid) != nil { kill(pid, SIGKILL) }
        reap()
    }

    // MARK: Carrying out

    private func handle(_ tenant: TenantID, _ event: WorkerLifecycle.Event, prepare: (inout State) -> Void = { _ in }) {
        let now = clock.now
        let (actions, status) = state.withLock { state -> ([WorkerLifecycle.Action], Status?) in
            prepare(&state)
            guard var worker = state.workers[tenant] else { return ([], nil) }
            let before = worker.lifecycle.phase
            let actions = worker.lifecycle.handle(event, at: now, paces: paces)
            state.workers[tenant] = worker
            let after = worker.lifecycle.phase
            // That it is still busy, or beats, is said by whoever looks at all workers now and then.
            let isNews = before != after && !(before.isRunning && after.isRunning)
            return (actions, isNews ? WorkerSupervisor.status(worker) : nil)
        }
        for action in actions { carryOut(action, tenant) }
        if let status, actions.isEmpty { changed(status) }
    }

    private func carryOut(_ action: WorkerLifecycle.Action, _ tenant: TenantID) {
        switch action {
        case .spawn: spawn(tenant)
        case .drain: break  // the worker learns it from its next lease or heartbeat
        case .kill:
            guard
                let (pid, slug) = state.withLock({ state in
                    state.workers[tenant].flatMap { worker in worker.process.map { ($0.pid, worker.charge.slug) } }
                })
            else { return }
            logger.warning("worker killed", metadata: ["tenant": "\(slug)", "pid": "\(pid)"])
            kill(pid, SIGKILL)
        }
    }

    private func spawn(_ tenant: TenantID) {
        guard let charge = state.withLock({ $0.workers[tenant]?.charge }) else { return }
        let session = entropy.bytes(32).hexText
        let incarnation = "\(charge.slug)-\(String(entropy.next(), radix: 36))"
        // Known before the process is: its hello may come sooner than the spawn returns.
        state.withLock { state in
            if let old = state.workers[tenant]?.session { state.sessions[old] = nil }
            state.sessions[session] = tenant
            state.workers[tenant]?.session = session
            state.workers[tenant]?.incarnation = incarnation
            state.workers[tenant]?.startedAt = clock.now
        }
        do throws(Fault) {
            let process = try WorkerProcess.spawn(charge, session: session, settings: settings, log: log)
            state.withLock { state in
                state.workers[tenant]?.process = process
                state.workers[tenant]?.startTime = ProcessLedger.startTime(of: process.pid) ?? ""
                state.workers[tenant]?.detail = process.isOwnUser ? "own user" : "shared user"
            }
            saveLedger()
            logger.info(
                "worker started", metadata: ["tenant": "\(charge.slug)", "pid": "\(process.pid)", "level": "\(process.level)"])
        } catch {
            state.withLock { state in
                state.sessions[session] = nil
                state.workers[tenant]?.detail = error.description
            }
            logger.error("worker not started", metadata: ["tenant": "\(charge.slug)", "error": "\(error)"])
            handle(tenant, .spawnFailed)
        }
        if let status = state.withLock({ $0.workers[tenant].map(WorkerSupervisor.status) }) { changed(status) }
    }

    private func reap() {
        let running = state.withLock { state in state.workers.compactMap { tenant, worker in worker.process.map { (tenant, $0) } }
        }
        for (tenant, process) in running {
            var status: Int32 = 0
            let result = cs_reap(process.pid, &status)
            guard result != 0 else { continue }
            if process.lifeline >= 0 { close(process.lifeline) }
            state.withLock { state in
                if let session = state.workers[tenant]?.session { state.sessions[session] = nil }
                state.workers[tenant]?.process = nil
                state.workers[tenant]?.detail = "ended with \(status)"
            }
            saveLedger()
            let slug = state.withLock { $0.workers[tenant]?.charge.slug } ?? ""
            logger.info("worker ended", metadata: ["tenant": "\(slug)", "pid": "\(process.pid)", "status": "\(status)"])
            handle(tenant, .exited)
            if let status = state.withLock({ $0.workers[tenant].map(WorkerSupervisor.status) }) { changed(status) }
        }
    }

    private func saveLedger() {
        let entries = state.withLock { state in
            state.workers.values.compactMap { worker in
                worker.process.map { ProcessLedger.Entry(pid: $0.pid, startTime: worker.startTime, program: settings.worker) }
            }
        }
        do throws(Fault) {
            try ledger.write(entries)
        } catch {
            logger.error("the list of workers could not be written", metadata: ["error": "\(error)"])
        }
    }

    private static func status(_ worker: Worker) -> Status {
        Status(
            charge: worker.charge, incarnation: worker.incarnation, phase: worker.lifecycle.phase, pid: worker.process?.pid,
            level: worker.process?.level, residentBytes: worker.process.flatMap { ProcessLedger.residentBytes(of: $0.pid) },
            restarts: worker.lifecycle.restarts, startedAt: worker.startedAt, detail: worker.detail)
    }
}
