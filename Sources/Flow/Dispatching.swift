internal import Handoff
package import Kernel
internal import Logging
internal import Postgres
internal import Records
internal import Seals
internal import Tenancy
internal import Telemetry
internal import Workflows

/// A lease as the lane wrote it, before the connection's configuration and secrets are added outside the transaction.
package struct GrantedLease: Sendable {
    let token: String
    let task: TaskRow
    let attempt: Int
    let phase: String
    let expiresAt: Moment
    let traceparent: String?
}

/// What a lane granted in one batch.
struct Grants: Sendable {
    var leases: [UInt64: [GrantedLease]] = [:]
    /// Commands look at writes that guardrails stopped.
    var hasStopped = false
    /// A write has to wait until another worker's hold on its connection ends.
    var retryAt: Moment?
}

/// A worker that waits, with what the queue has for it; taken out of the queue as the batch begins.
struct WorkOffer: Sendable {
    let waiter: WorkerDesk.Waiter
    /// Those that there are and whose work nobody has stopped; work for others stays where it is.
    var connections: [String]
    /// Somebody has stopped all work of the tenant, or sent its worker home.
    var isStopped = false
    /// Until when another worker may still write for the tenant.
    var blockedUntil: Moment?
    var tasks: [TaskID] = []
    /// Since when each was ready.
    var readyAt: [Moment] = []

    func statements(lane: Int32, now: Moment) -> [SQL] {
        let worker = waiter.worker
        return [
            ConnectionWriterQueries.heldByOthers(lane: lane, tenant: worker.tenant, worker: worker.incarnation, now: now),
            ReadyQueries.take(
                lane: lane, tenant: worker.tenant, worker: worker.incarnation, kinds: waiter.kinds, connections: connections,
                now: now, limit: waiter.capacity),
        ]
    }

    /// The answers of `statements`.
    mutating func read(held: Rows, taken: Rows) throws {
        blockedUntil = try held.first?.get("until", as: Moment?.self)
        let stopped = try held.first?.get("stopped", as: [String].self) ?? []
        isStopped = stopped.contains("")
        connections.removeAll { name in stopped.contains { sameBytes($0, name) } }
        tasks = try taken.map { try $0.get("task_id", as: TaskID.self) }
        readyAt = try taken.map { try $0.get("ready_at", as: Moment.self) }
    }

    /// Whether the worker can do this work now.
    func fits(_ task: TaskRow) -> Bool {
        !isStopped && task.tenant == waiter.worker.tenant && waiter.kinds.contains(task.kind)
            && (blockedUntil == nil || task.kind != WorkRequest.Kind.erpWrite.rawValue)
            && (task.connection.map { connection in connections.contains { sameBytes($0, connection) } } ?? true)
    }
}

extension LaneBatch {
    /// Takes what became ready in this batch and need not go through the queue, the most urgent first, because a worker has
    /// room for it. Only when the queue had less for that worker than it can take, so that nothing is overtaken.
    mutating func takeReady(for offer: WorkOffer, room: Int) -> [TaskID] {
        guard room > 0, !ready.isEmpty else { return [] }
        let fitting = ready.indices.filter { index in tasks[ready[index].task].map(offer.fits) ?? false }
        let chosen = fitting.sorted { (ready[$0].priority, $0) < (ready[$1].priority, $1) }.prefix(room)
        let ids = chosen.map { ready[$0].task }
        for index in chosen.sorted(by: >) { ready.remove(at: index) }
        return ids
    }
}

extension LaneEngine {
    /// The workers that wait, each with the connections that its tenant has.
    func offers(to waiters: [WorkerDesk.Waiter]) throws(Unprepared) -> [WorkOffer] {
        var missing = Unprepared()
        var offers: [WorkOffer] = []
        for waiter in waiters {
            guard let current = assets.known(waiter.worker.tenant) else {
                missing.tenants.insert(waiter.worker.tenant)
                continue
            }
            offers.append(WorkOffer(waiter: waiter, connections: current.all("connection").map(\.name)))
        }
        guard missing.isEmpty else { throw missing }
        return offers
    }

    /// Leases ready tasks to the workers that wait, in the lane's own transaction, so that no other owner can give them away.
    /// To be called before the flush, which then writes a task that became ready and was leased at once a single time.
    func grant(_ batch: inout LaneBatch, offers: [WorkOffer], tx: Transaction) async throws -> Grants {
        var grants = Grants()
        guard !offers.isEmpty else { return grants }
        // Guardrails judge by what this batch found out of suppliers and gave back.
        try await batch.writeActs(tx: tx)
        for offer in offers {
            let waiter = offer.waiter
            if let blocked = offer.blockedUntil { grants.retryAt = [grants.retryAt, blocked].compactMap(\.self).min() }
            for since in offer.readyAt {
                startDelay.observe(Double(max(0, batch.now.microseconds - since.microseconds)) / 1_000_000)
            }
            let fresh = batch.takeReady(for: offer, room: waiter.capacity - offer.tasks.count)
            for _ in fresh { startDelay.observe(0) }
            let ids = offer.tasks + fresh
            guard !ids.isEmpty else { continue }
            let free = try await guardWrites(ids, of: waiter.worker.tenant, batch: &batch, tx: tx)
            grants.leases[waiter.id] = free.compactMap { lease($0, to: waiter.worker, batch: &batch) }
            grants.hasStopped = grants.hasStopped || free.count < ids.count
        }
        return grants
    }

    /// One task to one worker: a fresh token, an epoch above all earlier ones, and an end that leaves room after the transfer.
    private func lease(_ id: TaskID, to worker: WorkerIdentity, batch: inout LaneBatch) -> GrantedLease? {
        guard let task = batch.tasks[id], task.state == "ready", task.finishedAt == nil,
            let machine = try? TaskMachine(json: task.progress),  // a task without readable progress is left for a person to see
            case .ready(let phase) = machine.phase
        else { return nil }
        let timeout = task.request["timeoutSeconds"]?.int ?? LaneBatch.readingTimeoutSeconds
        let expiresAt = batch.now.adding(seconds: Int64(timeout) + batch.margin)
        let attemptEpoch = machine.lastEpoch + 1
        let secret = Base62.random(count: 32, entropy: platform.entropy)
        let token = "\(id.text).\(secret)"
        batch.step(id, .leased(epoch: attemptEpoch, expiresAt: expiresAt))
        batch.tasks[id]?.state = "leased"
        let attempt = Int(batch.tasks[id]?.attemptsUsed ?? 1)
        let row = LeaseRow(
            tenant: task.tenant, task: id, lane: batch.lane, attempt: Int32(attempt), tokenHash: SHA256.hash(Array(token.utf8)),
            epoch: attemptEpoch, worker: worker.incarnation, kind: task.kind, connection: task.connection, phase: phase.rawValue,
            leasedAt: batch.now, expiresAt: expiresAt)
        batch.newLeases.append(row)
        // The timer of an earlier lease has fired, or went with that lease: there is none to be cancelled.
        batch.timers.append(
            TimerQueries.New(
                dueAt: expiresAt.adding(milliseconds: 50), tenant: task.tenant, subject: "lease", subjectID: id.anySubject,
                key: "lease"))
        batch.touched.insert(task.tenant)
        let trace = task.run.flatMap { batch.runs[$0]?.traceparent } ?? task.request["traceparent"]?.string
        return GrantedLease(
            token: token, task: task, attempt: attempt, phase: phase.rawValue, expiresAt: expiresAt, traceparent: trace)
    }

    var startDelay: Histogram {
        platform.metrics.histogram(
            "countersign_task_start_seconds", "From ready to leased.",
            buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5, 30])
    }
}

/// Completes leases with what lies outside the lane: the connection's configuration and its secrets.
package final class LeaseFactory: Sendable {
    private let platform: Platform
    private let assets: AssetLibrary

    package init(platform: Platform, assets: AssetLibrary) {
        self.platform = platform
        self.assets = assets
    }

    func leases(_ granted: [GrantedLease], for worker: WorkerIdentity) async -> [WorkLease] {
        var out: [WorkLease] = []
        // Leases of one batch mostly share their connection, whose secrets cost a transaction and their opening.
        var connections: [String?: (configuration: JSONValue, secrets: [String: String])] = [:]
        for lease in granted {
            do {
                let name = lease.task.connection
                let connection =
                    if let known = connections[name] { known } else { try await connection(name, tenant: worker.tenant) }
                connections[name] = connection
                out.append(
                    WorkLease(
                        token: lease.token, task: lease.task.id, run: lease.task.run, attempt: lease.attempt,
                        kind: WorkKind(rawValue: lease.task.kind) ?? .notify,
                        phase: WorkLease.Phase(rawValue: lease.phase) ?? .full,
                        idempotencyKey: lease.task.idempotencyKey, input: lease.task.request["input"] ?? .null,
                        connection: connection.configuration, secrets: connection.secrets, expiresAt: lease.expiresAt,
                        traceparent: lease.traceparent))
            } catch {
                // The lease stands in the database and ends by itself; the task is then leased again.
                platform.logger.error("lease not delivered", metadata: ["task": "\(lease.task.id)", "error": "\(error)"])
            }
        }
        return out
    }

    /// The connection as the worker needs it: `{name, version, mapping, config, spent?}` and its secrets, opened for this moment
    /// only.
    package func connection(
        _ name: String?, tenant: TenantID
    ) async throws -> (configuration: JSONValue, secrets: [String: String]) {
        guard let name else { return (.null, [:]) }
        let current = try await assets.current(for: tenant)
        guard let row = current.row("connection", name) else { throw Fault("find connection \(name)", isRetryable: false) }
        var issues: [AssetIssue] = []
        guard let document = ConnectionDocument.parse(row.content, issues: &issues),
            let connector = current.row("connector", document.connector)
        else { throw Fault("read connection \(name)", issues.first?.description ?? "", isRetryable: false) }
        let (stored, spent) = try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.pipeline([
                SecretQueries.all(tenant: tenant), ConnectionStatusQueries.spent(tenant: tenant, connection: name),
            ])
            return (rows[0], rows[1])
        }
        let values = try platform.secrets.opened(stored, of: tenant)
        var secrets: [String: String] = [:]
        for (role, reference) in document.secrets { secrets[role] = values[reference] }
        var configuration: JSONObject = [
            "name": .string(name), "version": .string("\(row.id)/\(connector.id)"), "mapping": connector.content,
            "config": row.content,
        ]
        // A worker that has just begun knows nothing of what was spent before it.
        if let today = spent.first {
            configuration["spent"] = [
                "day": .string(try today.get("spent_day", as: CivilDate.self).description),
                "count": JSONValue(Int(try today.get("spent", as: Int32.self))),
            ]
        }
        return (.object(configuration), secrets)
    }
}

extension SecretBox {
    /// The secrets of a scope by name, opened for this moment only.
    func opened(_ rows: Rows, of scope: TenantID) throws -> [String: String] {
        var values: [String: String] = [:]
        for secret in rows {
            let reference = try secret.get("name", as: String.self)
            let version = try secret.get("version", as: Int32.self)
            let place = SecretPlace(
                tenant: scope, table: "connection_secret", column: "sealed", row: reference, version: Int(version))
            values[reference] = String(decoding: try open(try secret.get("sealed", as: [UInt8].self), at: place), as: UTF8.self)
        }
        return values
    }
}
