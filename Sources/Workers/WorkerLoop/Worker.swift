package import Curl
package import Handoff
package import Kernel

/// One worker's life: hello, then leasing, working, reporting and beating until it is drained or the server is gone.
///
/// The worker decides nothing about retries or order; it holds leases, and what it cannot report it forgets, since the server
/// settles every lease that ends without a report.
package actor Worker {
    package enum Ending: String, Sendable {
        case drained
        /// The lifeline broke: whatever is under way is given up.
        case serverGone = "server-gone"
        /// The server does not know this session; another incarnation has taken over.
        case disowned
    }

    /// An empty answer that came sooner than this was not waited for, so the next question is not asked at once either.
    static let emptyAnswerMilliseconds: Int64 = 50
    static let pauseMilliseconds: UInt64 = 250
    /// With all hands full only asks are looked for, this often.
    static let fullPauseMilliseconds: UInt64 = 1_000
    static let backoffMillisecondsMax: UInt64 = 2_000
    static let reportBatch = 64

    private let bootstrap: WorkerBootstrap
    private let client: CurlClient
    private let handoff: HandoffClient
    private let runner: TaskRunner
    private let log: WorkerLog
    private let clock: WallClock
    private let entropy: Entropy

    private var held: [String: HeldLease] = [:]
    private var tasks: [String: Task<Void, Never>] = [:]
    private var reports: [String: WorkReport] = [:]
    private var answers: [String: AskAnswer] = [:]
    private var asksOpen = 0
    private var isDraining = false
    private var ending: Ending?
    /// Who waits for something to change: the leasing and the reporting loop, each with its own bell.
    private var slotBell = Bell()
    private var reportBell = Bell()
    private var endBell = Bell()

    package init(
        bootstrap: WorkerBootstrap, client: CurlClient, documents: any DocumentOpening, clock: WallClock = .system,
        entropy: Entropy = .system
    ) {
        self.init(
            bootstrap: bootstrap, client: client, documents: documents, clock: clock, entropy: entropy,
            log: WorkerLog(tenant: bootstrap.slug))
    }

    init(
        bootstrap: WorkerBootstrap, client: CurlClient, documents: any DocumentOpening, clock: WallClock, entropy: Entropy,
        log: WorkerLog
    ) {
        self.bootstrap = bootstrap
        self.client = client
        self.clock = clock
        self.entropy = entropy
        self.log = log
        handoff = HandoffClient(client: client, socket: bootstrap.socket, session: bootstrap.session)
        runner = TaskRunner(client: client, handoff: handoff, documents: documents, log: log, clock: clock, entropy: entropy)
    }

    /// What this worker does: the platform worker serves no tenant's systems.
    private var kinds: [WorkKind] {
        bootstrap.platform ? [.notify, .telemetryExport] : [.documentRead, .erpRead, .erpWrite, .notify]
    }

    /// Works until the end, and says which one it was. All that was under way is over or given up when it returns.
    package func run() async -> Ending {
        guard let welcome = await greet() else { return close() }
        ProcessFigures.releaseUnusedPages()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.leaseLoop(waitMilliseconds: welcome.leaseWaitSeconds * 1000) }
            group.addTask { await self.reportLoop() }
            group.addTask { await self.heartbeatLoop(seconds: welcome.heartbeatSeconds) }
            await endBell.wait()
            group.cancelAll()
        }
        return close()
    }

    /// The server is gone: nothing new, and nothing old either.
    package func serverGone() { end(.serverGone) }

    /// Takes nothing new and ends when everything is reported.
    package func drain() {
        isDraining = true
        slotBell.ring()
        endIfDrained()
    }

    private func end(_ how: Ending) {
        if ending == nil {
            ending = how
            log(how == .drained ? .info : .warning, "worker ends", ["reason": how.rawValue, "leases": "\(held.count)"])
        }
        endBell.ring()
        slotBell.ring()
        reportBell.ring()
    }

    private func close() -> Ending {
        for task in tasks.values { task.cancel() }
        return ending ?? .serverGone
    }

    private func endIfDrained() {
        if isDraining, tasks.isEmpty, asksOpen == 0, reports.isEmpty, answers.isEmpty { end(.drained) }
    }

    // MARK: hello

    private func greet() async -> WorkerWelcome? {
        let hello = WorkerHello(pid: Int(WorkerProgram.processID), level: bootstrap.level, kinds: kinds)
        var attempts: UInt64 = 0
        while ending == nil {
            do throws(HandoffClient.Failure) {
                return try await handoff.hello(hello)
            } catch {
                if error.isUnknownSession { end(.disowned) }
                if attempts == 0 { log(.warning, "the server does not answer the greeting", ["error": "\(error)"]) }
            }
            attempts += 1
            await pause(backoff(attempts))
        }
        return nil
    }

    // MARK: leasing

    private func leaseLoop(waitMilliseconds: Int) async {
        var failures: UInt64 = 0
        while ending == nil, !isDraining {
            let free = max(0, bootstrap.capacity - tasks.count)
            let asked = clock.now
            do throws(HandoffClient.Failure) {
                let answer = try await handoff.lease(
                    LeaseRequest(capacity: free, kinds: free > 0 ? kinds : [], waitMilliseconds: free > 0 ? waitMilliseconds : 0))
                failures = 0
                take(answer)
                if free == 0, !isDraining {
                    await slotBell.wait(milliseconds: Worker.fullPauseMilliseconds)
                } else if answer.leases.isEmpty, answer.asks.isEmpty,
                    clock.now.milliseconds(since: asked) < Worker.emptyAnswerMilliseconds
                {
                    await pause(Worker.pauseMilliseconds)
                }
            } catch {
                guard !Task.isCancelled else { return }
                if error.isUnknownSession { return end(.disowned) }
                failures += 1
                if failures == 1 { log(.warning, "no lease", ["hop": "lease", "error": "\(error)"]) }
                await pause(backoff(failures))
            }
        }
    }

    private func take(_ answer: LeaseAnswer) {
        for lease in answer.leases where tasks[lease.token] == nil && reports[lease.token] == nil { start(lease) }
        for ask in answer.asks { start(ask) }
        if answer.drain { drain() }
    }

    private func start(_ lease: WorkLease) {
        let lease = HeldLease(lease)
        let token = lease.lease.token
        held[token] = lease
        tasks[token] = Task {
            let began = ContinuousClock.now
            let report = await runner.run(lease)
            finish(lease.lease, report, took: ContinuousClock.now - began)
        }
    }

    private func finish(_ lease: WorkLease, _ report: WorkReport, took: Duration) {
        tasks[lease.token] = nil
        // Lost while it ran: the outcome belongs to nobody, and the server settles it.
        if held[lease.token] != nil {
            reports[lease.token] = report
            log(
                .info, "task ended",
                [
                    "hop": lease.kind.rawValue, "task": lease.task.text, "run": lease.run?.text, "attempt": "\(lease.attempt)",
                    "milliseconds": "\(took.components.seconds * 1000 + took.components.attoseconds / 1_000_000_000_000_000)",
                    "outcome": report.outcome.json["outcome"]?.string, "code": report.outcome.json["code"]?.string,
                    "trace": lease.traceparent.flatMap(TraceParent.init)?.traceText,
                ])
            reportBell.ring()
        }
        slotBell.ring()
        endIfDrained()
    }

    private func start(_ ask: WorkAsk) {
        asksOpen += 1
        Task {
            let answer = await runner.answer(ask)
            asksOpen -= 1
            answers[answer.id] = answer
            reportBell.ring()
        }
    }

    // MARK: reporting

    /// Repeats a report until it has a verdict: the server recognises its token, so a repetition changes nothing.
    private func reportLoop() async {
        var failures: UInt64 = 0
        while ending == nil {
            if reports.isEmpty, answers.isEmpty {
                await reportBell.wait()
                continue
            }
            // After a message that was refused they go one by one, to find the one at fault.
            let limit = failures > 0 ? 1 : Worker.reportBatch
            let sent = Array(reports.values.prefix(limit))
            let told = Array(answers.values.prefix(limit))
            do throws(HandoffClient.Failure) {
                let answer = try await handoff.report(ReportRequest(reports: sent, answers: told))
                failures = 0
                for entry in answer.verdicts { settle(entry) }
                for answer in told { answers[answer.id] = nil }
                endIfDrained()
            } catch {
                guard !Task.isCancelled else { return }
                if error.isUnknownSession { return end(.disowned) }
                failures += 1
                if failures == 1 {
                    log(.warning, "report not taken", ["hop": "report", "error": "\(error)", "count": "\(sent.count)"])
                }
                if error.isMessageAtFault, failures > 1 { drop(sent, told, "\(error)") }
                await pause(backoff(failures))
            }
        }
    }

    private func settle(_ entry: ReportAnswer.Entry) {
        if entry.verdict == .stale {
            log(.warning, "report came too late", ["hop": "report", "verdict": entry.verdict.rawValue])
        }
        reports[entry.token] = nil
        held[entry.token] = nil
    }

    /// The server will never take this message; its lease ends by itself and is settled there.
    private func drop(_ sent: [WorkReport], _ told: [AskAnswer], _ reason: String) {
        for report in sent {
            log(.error, "report given up", ["hop": "report", "task": held[report.token]?.lease.task.text, "error": reason])
            reports[report.token] = nil
            held[report.token] = nil
        }
        for answer in told { answers[answer.id] = nil }
        endIfDrained()
    }

    // MARK: heartbeats

    private func heartbeatLoop(seconds: Int) async {
        while ending == nil {
            await pause(UInt64(seconds) * 1_000)
            guard ending == nil, !Task.isCancelled else { return }
            if held.isEmpty { ProcessFigures.releaseUnusedPages() }
            let beat = Heartbeat(
                leases: Array(held.keys.prefix(HandoffTerms.capacityMax)), residentBytes: ProcessFigures.residentBytes,
                openTransfers: client.openTransfers, cpuMicroseconds: ProcessFigures.cpuMicroseconds,
                connections: await runner.news())
            do throws(HandoffClient.Failure) {
                let answer = try await handoff.heartbeat(beat)
                for entry in answer.extended { held[entry.token]?.extend(to: entry.expiresAt) }
                for token in answer.lost { lose(token) }
                if answer.drain { drain() }
            } catch {
                if error.isUnknownSession { return end(.disowned) }
                // The next beat comes soon, and the leasing loop tells of a server that is away.
            }
        }
    }

    private func lose(_ token: String) {
        guard let lease = held.removeValue(forKey: token) else { return }
        log(.warning, "lease lost", ["task": lease.lease.task.text, "attempt": "\(lease.lease.attempt)"])
        reports[token] = nil
        tasks[token]?.cancel()
    }

    // MARK: pauses

    /// 100 ms, doubling, half of it by chance.
    private func backoff(_ failures: UInt64) -> UInt64 {
        let full = min(Worker.backoffMillisecondsMax, 100 << min(failures - 1, 10))
        return full / 2 + entropy.next() % (full / 2 + 1)
    }

    /// Cancellation only makes it shorter; the loops look for themselves whether they go on.
    private func pause(_ milliseconds: UInt64) async {
        try? await Task.sleep(nanoseconds: milliseconds * 1_000_000)  // a cut pause is no failure
    }
}

/// Wakes a loop that waits for something to do. A ring that comes before the wait is not lost.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())

    func ring() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            defer { state.waiter = nil }
            state.isRung = state.waiter == nil
            return state.waiter
        }
        waiter?.resume()
    }

    /// One waiter at a time; ends early when the task is cancelled.
    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRung = state.withLock { state -> Bool in
                    guard !state.isRung else {
                        state.isRung = false
                        return true
                    }
                    state.waiter = continuation
                    return false
                }
                if isRung { continuation.resume() }
            }
        } onCancel: {
            ring()
        }
    }

    func wait(milliseconds: UInt64) async {
        let alarm = Task {
            // A cancelled alarm means that the bell rang first.
            guard (try? await Task.sleep(nanoseconds: milliseconds * 1_000_000)) != nil else { return }
            ring()
        }
        await wait()
        alarm.cancel()
    }
}
