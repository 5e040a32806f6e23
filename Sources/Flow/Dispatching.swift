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
    /// More is ready than the waiters could take at once, and one of them could take more.
    var hasMore = false
    /// Commands look at writes that guardrails stopped.
    var hasStopped = false
    /// A write has to wait until another worker's hold on its connection ends.
    var retryAt: Moment?
}

extension LaneEngine {
    /// Leases ready tasks to the workers that wait, in the lane's own transaction, so that no other owner can give them away.
    func grant(_ batch: inout LaneBatch, waiters: [WorkerDesk.Waiter], tx: Transaction) async throws -> Grants {
        var grants = Grants()
        guard !waiters.isEmpty else { return grants }
        for waiter in waiters {
            let worker = waiter.worker
            let connections = batch.assets[worker.tenant]?.all("connection").map(\.name) ?? []
            let blocked = try await tx.query(
                ConnectionWriterQueries.heldByOthers(
                    lane: batch.lane, tenant: worker.tenant, worker: worker.incarnation, now: batch.now)
            ).first?.get("until", as: Moment?.self)
            let kinds = blocked == nil ? waiter.kinds : waiter.kinds.filter { $0 != WorkRequest.Kind.erpWrite.rawValue }
            if let blocked { grants.retryAt = [grants.retryAt, blocked].compactMap(\.self).min() }
            let taken = try await tx.query(
                ReadyQueries.take(
                    lane: batch.lane, tenant: worker.tenant, kinds: kinds, connections: connections, limit: waiter.capacity))
            guard !taken.isEmpty else { continue }
            let ids = try taken.map { try $0.get("task_id", as: TaskID.self) }
            let waits = try taken.map { batch.now.microseconds - (try $0.get("ready_at", as: Moment.self)).microseconds }
            for wait in waits { startDelay.observe(Double(max(0, wait)) / 1_000_000) }
            try await loadMissing(ids, tenant: worker.tenant, batch: &batch, tx: tx)
            let free = try await guardWrites(ids, of: worker.tenant, batch: &batch, tx: tx)
            grants.leases[waiter.id] = free.compactMap { lease($0, to: worker, batch: &batch) }
            grants.hasStopped = grants.hasStopped || free.count < ids.count
            if ids.count == waiter.capacity { grants.hasMore = true }
        }
        try await saveLeases(&batch, tx: tx)
        return grants
    }

    private func loadMissing(_ ids: [TaskID], tenant: TenantID, batch: inout LaneBatch, tx: Transaction) async throws {
        let known = ids.filter { batch.tasks[$0] == nil }.compactMap { batch.memory.run(of: $0) }
        _ = try await batch.recall(known.map { (tenant, $0) }, tx: tx)
        let missing = ids.filter { batch.tasks[$0] == nil }
        guard !missing.isEmpty else { return }
        let tenants = Array(repeating: tenant, count: missing.count)
        for row in try await tx.query(TaskQueries.load(lane: batch.lane, tenants: tenants, ids: missing)).map(TaskRow.init) {
            batch.tasks[row.id] = row
        }
        let runs = Set(missing.compactMap { batch.tasks[$0]?.run }).filter { batch.runs[$0] == nil }
        guard !runs.isEmpty else { return }
        let wanted = Array(runs)
        let rows = try await tx.query(
            RunQueries.load(lane: batch.lane, tenants: Array(repeating: tenant, count: wanted.count), ids: wanted))
        for row in try rows.map(RunRow.init) { batch.runs[row.id] = row }
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
        batch.setTimer(task.tenant, subject: "lease", id: id.anySubject, key: "lease", at: expiresAt.adding(milliseconds: 50))
        batch.touched.insert(task.tenant)
        let trace = task.run.flatMap { batch.runs[$0]?.traceparent } ?? task.request["traceparent"]?.string
        return GrantedLease(
            token: token, task: task, attempt: attempt, phase: phase.rawValue, expiresAt: expiresAt, traceparent: trace)
    }

    private func saveLeases(_ batch: inout LaneBatch, tx: Transaction) async throws {
        guard !batch.newLeases.isEmpty else {
            if !batch.ordered.isEmpty { try await batch.flush(tx: tx, queueIDs: []) }
            return
        }
        var statements = [LeaseQueries.insert(batch.newLeases)]
        var writers: [String: LeaseRow] = [:]
        for lease in batch.newLeases where lease.kind == WorkRequest.Kind.erpWrite.rawValue {
            guard let connection = lease.connection else { continue }
            let key = "\(lease.tenant)/\(connection)"
            if writers[key].map({ $0.expiresAt < lease.expiresAt }) ?? true { writers[key] = lease }
        }
        for lease in writers.values {
            statements.append(
                ConnectionWriterQueries.take(
                    lane: batch.lane, tenant: lease.tenant, connection: lease.connection ?? "", worker: lease.worker,
                    now: batch.now,
                    until: lease.expiresAt))
        }
        _ = try await tx.pipeline(statements)
        batch.newLeases = []
        try await batch.flush(tx: tx, queueIDs: [])
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

    /// Settle seconds of every connection of a tenant, by name.
    static func settleSeconds(in current: TenantAssets) -> [String: Int] {
        var out: [String: Int] = [:]
        for row in current.all("connection") {
            var issues: [AssetIssue] = []
            if let document = ConnectionDocument.parse(row.content, issues: &issues) { out[row.name] = document.settleSeconds }
        }
        return out
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

    /// The connection as the worker needs it: `{name, mapping, config, spent?}` and its secrets, opened for this moment only.
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
        var configuration: JSONObject = ["name": .string(name), "mapping": connector.content, "config": row.content]
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
