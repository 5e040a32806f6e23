package import Kernel
package import Postgres

/// Work leased to a worker or asked of a person.
package struct TaskRow: Sendable {
    package let tenant: TenantID
    package let id: TaskID
    package let lane: Int32
    /// `worker` or `person`.
    package let taskClass: String
    package let kind: String
    package let key: String
    package let title: String
    package let run: RunID?
    package let document: DocumentID?
    package let connection: String?
    package let idempotencyKey: String
    package var request: JSONValue
    package var progress: JSONValue
    package var state: String
    package var attemptsUsed: Int32
    package var objectHash: String?
    package var claimedBy: PersonID?
    package var claimedAt: Moment?
    package let createdAt: Moment
    package var updatedAt: Moment
    package var finishedAt: Moment?
    package var outcome: String?
    package var lastError: String?

    package init(
        tenant: TenantID, id: TaskID, lane: Int32, taskClass: String, kind: String, key: String, title: String, run: RunID?,
        document: DocumentID?, connection: String?, idempotencyKey: String, request: JSONValue, progress: JSONValue,
        state: String,
        objectHash: String? = nil, createdAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.taskClass = taskClass
        self.kind = kind
        self.key = key
        self.title = title
        self.run = run
        self.document = document
        self.connection = connection
        self.idempotencyKey = idempotencyKey
        self.request = request
        self.progress = progress
        self.state = state
        attemptsUsed = 0
        self.objectHash = objectHash
        self.createdAt = createdAt
        updatedAt = createdAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: TaskID.self)
        lane = try row.get("lane", as: Int32.self)
        taskClass = try row.get("class", as: String.self)
        kind = try row.get("kind", as: String.self)
        key = try row.get("key", as: String.self)
        title = try row.get("title", as: String.self)
        run = try row.get("run_id", as: RunID?.self)
        document = try row.get("document_id", as: DocumentID?.self)
        connection = try row.get("connection", as: String?.self)
        idempotencyKey = try row.get("idempotency_key", as: String.self)
        request = try row.get("request", as: JSONValue.self)
        progress = try row.get("progress", as: JSONValue.self)
        state = try row.get("state", as: String.self)
        attemptsUsed = try row.get("attempts_used", as: Int32.self)
        objectHash = try row.get("object_hash", as: String?.self)
        claimedBy = try row.get("claimed_by", as: PersonID?.self)
        claimedAt = try row.get("claimed_at", as: Moment?.self)
        createdAt = try row.get("created_at", as: Moment.self)
        updatedAt = try row.get("updated_at", as: Moment.self)
        finishedAt = try row.get("finished_at", as: Moment?.self)
        outcome = try row.get("outcome", as: String?.self)
        lastError = try row.get("last_error", as: String?.self)
    }
}

/// A live lease; its row's existence is the only thing that says so.
package struct LeaseRow: Sendable {
    package let tenant: TenantID
    package let task: TaskID
    package let lane: Int32
    package let attempt: Int32
    package let tokenHash: [UInt8]
    package let epoch: Int64
    package let worker: String
    package let kind: String
    package let connection: String?
    package let phase: String
    package let leasedAt: Moment
    package let expiresAt: Moment

    package init(
        tenant: TenantID, task: TaskID, lane: Int32, attempt: Int32, tokenHash: [UInt8], epoch: Int64, worker: String,
        kind: String,
        connection: String?, phase: String, leasedAt: Moment, expiresAt: Moment
    ) {
        self.tenant = tenant
        self.task = task
        self.lane = lane
        self.attempt = attempt
        self.tokenHash = tokenHash
        self.epoch = epoch
        self.worker = worker
        self.kind = kind
        self.connection = connection
        self.phase = phase
        self.leasedAt = leasedAt
        self.expiresAt = expiresAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        task = try row.get("task_id", as: TaskID.self)
        lane = try row.get("lane", as: Int32.self)
        attempt = try row.get("attempt", as: Int32.self)
        tokenHash = try row.get("token_hash", as: [UInt8].self)
        epoch = try row.get("epoch", as: Int64.self)
        worker = try row.get("worker", as: String.self)
        kind = try row.get("kind", as: String.self)
        connection = try row.get("connection", as: String?.self)
        phase = try row.get("phase", as: String.self)
        leasedAt = try row.get("leased_at", as: Moment.self)
        expiresAt = try row.get("expires_at", as: Moment.self)
    }
}

package enum TaskQueries {
    private static let columns: SQL = """
        k.tenant_id, k.id, k.lane, k.class, k.kind, k.key, k.title, k.run_id, k.document_id, k.connection, k.idempotency_key,
        k.request, k.progress, k.state, k.attempts_used, k.object_hash, k.claimed_by, k.claimed_at, k.created_at, k.updated_at,
        k.finished_at, k.outcome, k.last_error
        """

    /// Row by row (`OFFSET 0`): while the table's statistics are old, a plan for all at once may read the whole table.
    package static func load(lane: Int32, tenants: [TenantID], ids: [TaskID]) -> SQL {
        """
        SELECT k.* FROM unnest(\(tenants), \(ids)) AS wanted(tenant_id, id), LATERAL (
            SELECT \(columns) FROM task k
            WHERE k.tenant_id = wanted.tenant_id AND k.id = wanted.id AND k.lane = \(lane) OFFSET 0) AS k
        """
    }

    /// The unfinished tasks of the runs named.
    package static func loadOpen(lane: Int32, tenants: [TenantID], runs: [RunID]) -> SQL {
        """
        SELECT k.* FROM unnest(\(tenants), \(runs)) AS wanted(tenant_id, run_id), LATERAL (
            SELECT \(columns) FROM task k
            WHERE k.tenant_id = wanted.tenant_id AND k.run_id = wanted.run_id AND k.lane = \(lane) OFFSET 0) AS k
        WHERE k.finished_at IS NULL
        """
    }

    package static func insert(_ tasks: [TaskRow]) -> SQL {
        """
        INSERT INTO task (tenant_id, id, lane, class, kind, key, title, run_id, document_id, connection, idempotency_key, request,
                          progress, state, attempts_used, object_hash, created_at, updated_at, finished_at, outcome, last_error)
        SELECT * FROM unnest(\(tasks.map(\.tenant)), \(tasks.map(\.id)), \(tasks.map(\.lane)), \(tasks.map(\.taskClass)),
            \(tasks.map(\.kind)), \(tasks.map(\.key)), \(tasks.map(\.title)), \(tasks.map(\.run)), \(tasks.map(\.document)),
            \(tasks.map(\.connection)), \(tasks.map(\.idempotencyKey)), \(tasks.map(\.request)), \(tasks.map(\.progress)),
            \(tasks.map(\.state)), \(tasks.map(\.attemptsUsed)), \(tasks.map(\.objectHash)), \(tasks.map(\.createdAt)),
            \(tasks.map(\.updatedAt)), \(tasks.map(\.finishedAt)), \(tasks.map(\.outcome)), \(tasks.map(\.lastError)))
        """
    }

    package static func update(lane: Int32, _ tasks: [TaskRow]) -> SQL {
        """
        UPDATE task k SET progress = n.progress, state = n.state, attempts_used = n.attempts_used, updated_at = n.updated_at,
                          finished_at = n.finished_at, outcome = n.outcome, last_error = n.last_error
        FROM unnest(\(tasks.map(\.tenant)), \(tasks.map(\.id)), \(tasks.map(\.progress)), \(tasks.map(\.state)),
            \(tasks.map(\.attemptsUsed)), \(tasks.map(\.updatedAt)), \(tasks.map(\.finishedAt)), \(tasks.map(\.outcome)),
            \(tasks.map(\.lastError)))
            AS n(tenant_id, id, progress, state, attempts_used, updated_at, finished_at, outcome, last_error)
        WHERE k.lane = \(lane) AND k.tenant_id = n.tenant_id AND k.id = n.id
        """
    }

    package static func replaceRequest(lane: Int32, _ task: TaskRow) -> SQL {
        """
        UPDATE task SET request = \(task.request), object_hash = \(optional: task.objectHash), updated_at = \(task.updatedAt)
        WHERE lane = \(lane) AND tenant_id = \(task.tenant) AND id = \(task.id)
        """
    }

    package static func find(tenant: TenantID, id: TaskID) -> SQL {
        "SELECT \(columns) FROM task k WHERE k.tenant_id = \(tenant) AND k.id = \(id)"
    }

    package static func ofRun(tenant: TenantID, run: RunID, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM task k WHERE k.tenant_id = \(tenant) AND k.run_id = \(run)
        ORDER BY k.created_at, k.id LIMIT \(limit)
        """
    }

    /// What people are asked, oldest first, of the kinds named; `openOnly` leaves out what has ended.
    package static func ofPeople(tenant: TenantID, kinds: [String], openOnly: Bool, after: (Moment, TaskID)?, limit: Int) -> SQL {
        let open: SQL = openOnly ? "AND k.finished_at IS NULL" : ""
        let cursor: SQL = after.map { "AND (k.created_at, k.id) > (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM task k WHERE k.tenant_id = \(tenant) AND k.class = 'person'
                AND k.kind = ANY(\(kinds)) \(open) \(cursor)
            ORDER BY k.created_at, k.id LIMIT \(limit)
            """
    }

    /// Which dead letters are meant; what is nil is not asked.
    package struct DeadFilter: Sendable {
        package var kind: String?
        package var connection: String?
        /// The code of the cause.
        package var code: String?
        package var run: RunID?
        /// Nil for all; otherwise only these.
        package var ids: [TaskID]?

        package init(
            kind: String? = nil, connection: String? = nil, code: String? = nil, run: RunID? = nil, ids: [TaskID]? = nil
        ) {
            self.kind = kind
            self.connection = connection
            self.code = code
            self.run = run
            self.ids = ids
        }
    }

    /// Dead letters, newest first.
    package static func dead(tenant: TenantID, _ filter: DeadFilter, before: (Moment, TaskID)?, limit: Int) -> SQL {
        let kind: SQL = filter.kind.map { "AND k.kind = \($0)" } ?? ""
        let connection: SQL = filter.connection.map { "AND k.connection = \($0)" } ?? ""
        let code: SQL = filter.code.map { "AND k.outcome = \($0)" } ?? ""
        let run: SQL = filter.run.map { "AND k.run_id = \($0)" } ?? ""
        let ids: SQL = filter.ids.map { "AND k.id = ANY(\($0))" } ?? ""
        let cursor: SQL = before.map { "AND (k.created_at, k.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM task k WHERE k.tenant_id = \(tenant) AND k.class = 'worker' AND k.is_dead
                \(kind) \(connection) \(code) \(run) \(ids) \(cursor)
            ORDER BY k.created_at DESC, k.id DESC LIMIT \(limit)
            """
    }

    /// How many dead letters there are of each kind, connection and cause.
    package static func deadCounts(tenant: TenantID) -> SQL {
        """
        SELECT kind, connection, outcome, count(*) AS n, min(finished_at) AS oldest FROM task
        WHERE tenant_id = \(tenant) AND class = 'worker' AND is_dead
        GROUP BY kind, connection, outcome ORDER BY n DESC, kind LIMIT 100
        """
    }

    /// What the run's history tells about one task, oldest first.
    package static func attempts(tenant: TenantID, run: RunID, task: TaskID, limit: Int) -> SQL {
        """
        SELECT tenant_id, run_id, seq, at, type, step, summary, person_id, data FROM history
        WHERE tenant_id = \(tenant) AND run_id = \(run) AND data->>'task' = \(task.text) ORDER BY seq LIMIT \(limit)
        """
    }

    /// One row when the person got the claim (or had it, or the former claim is older than `staleBefore`).
    package static func claim(tenant: TenantID, id: TaskID, by person: PersonID, now: Moment, staleBefore: Moment) -> SQL {
        """
        UPDATE task SET claimed_by = \(person), claimed_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND class = 'person' AND finished_at IS NULL
          AND (claimed_by IS NULL OR claimed_by = \(person) OR claimed_at < \(staleBefore)) RETURNING id
        """
    }

    /// Frees what these people have claimed and will not answer.
    package static func releaseClaims(tenant: TenantID, of people: [PersonID]) -> SQL {
        """
        UPDATE task SET claimed_by = NULL, claimed_at = NULL
        WHERE tenant_id = \(tenant) AND claimed_by = ANY(\(people)) AND finished_at IS NULL
        """
    }

    /// Unfinished work by the connection it goes through.
    package static func openByConnection(tenant: TenantID) -> SQL {
        """
        SELECT connection, count(*) AS n FROM task
        WHERE tenant_id = \(tenant) AND finished_at IS NULL AND connection IS NOT NULL GROUP BY connection ORDER BY connection
        """
    }

    package static func releaseClaim(tenant: TenantID, id: TaskID, by person: PersonID) -> SQL {
        """
        UPDATE task SET claimed_by = NULL, claimed_at = NULL
        WHERE tenant_id = \(tenant) AND id = \(id) AND claimed_by = \(person) RETURNING id
        """
    }
}

package enum ReadyQueries {
    package static func insert(lane: Int32, tenants: [TenantID], tasks: [TaskID], priorities: [Int32], at: Moment) -> SQL {
        """
        INSERT INTO queue.ready (lane, ready_at, tenant_id, task_id, priority)
        SELECT \(lane), \(at), * FROM unnest(\(tenants), \(tasks), \(priorities))
        """
    }

    /// Takes up to `limit` ready tasks of one tenant out of a lane's queue, the most urgent first, of the kinds the worker can
    /// do and through the connections that there are; work for a connection that was removed stays until it is there again.
    ///
    /// Writes stay while another worker may still write for the tenant.
    ///
    /// The rows leave the hot table for good: their leases are inserted in the same transaction, and a lost lease puts a new row
    /// back. So the queue holds only what is ready and its index never carries dead weight. The lane's fence keeps others away,
    /// which is why no row is locked before it is deleted, and the queue is walked in the order of its key no further than
    /// needed.
    package static func take(
        lane: Int32, tenant: TenantID, worker: String, kinds: [String], connections: [String], now: Moment, limit: Int
    ) -> SQL {
        """
        WITH taken AS MATERIALIZED (
            SELECT r.priority, r.id FROM queue.ready r, LATERAL (
                SELECT k.kind, k.connection FROM task k WHERE k.tenant_id = r.tenant_id AND k.id = r.task_id OFFSET 0) AS k
            WHERE r.lane = \(lane) AND r.tenant_id = \(tenant) AND k.kind = ANY(\(kinds))
              AND NOT EXISTS (SELECT FROM work_stop s WHERE s.lane = \(lane) AND s.tenant_id = \(tenant)
                    AND s.released_at IS NULL AND s.kind <> 'connection')
              AND (k.connection IS NULL OR k.connection = ANY(\(connections)) AND k.connection <> ALL (ARRAY(
                SELECT s.connection FROM work_stop s WHERE s.lane = \(lane) AND s.tenant_id = \(tenant)
                    AND s.released_at IS NULL AND s.kind = 'connection')))
              AND (k.kind <> 'erp.write' OR NOT EXISTS (
                SELECT FROM connection_writer w WHERE w.lane = \(lane) AND w.tenant_id = \(tenant) AND w.worker <> \(worker)
                    AND w.expires_at > \(now)))
            ORDER BY r.priority, r.id LIMIT \(limit))
        DELETE FROM queue.ready q USING taken
        WHERE q.lane = \(lane) AND q.tenant_id = \(tenant) AND q.priority = taken.priority AND q.id = taken.id
        RETURNING q.task_id, q.ready_at
        """
    }

    package static func tenants() -> SQL { "SELECT DISTINCT tenant_id FROM queue.ready LIMIT 5000" }

    /// Ready work per tenant of a lane: how much, and how old.
    package static func waiting(lane: Int32) -> SQL {
        "SELECT tenant_id, count(*) AS n, min(ready_at) AS oldest FROM queue.ready WHERE lane = \(lane) GROUP BY tenant_id"
    }
}

package enum LeaseQueries {
    private static let columns: SQL = """
        l.tenant_id, l.task_id, l.lane, l.attempt, l.token_hash, l.epoch, l.worker, l.kind, l.connection, l.phase,
            l.leased_at, l.expires_at
        """

    package static func insert(_ leases: [LeaseRow]) -> SQL {
        """
        INSERT INTO lease (tenant_id, task_id, lane, attempt, token_hash, epoch, worker, kind, connection, phase, leased_at,
            expires_at)
        SELECT * FROM unnest(\(leases.map(\.tenant)), \(leases.map(\.task)), \(leases.map(\.lane)), \(leases.map(\.attempt)),
            \(leases.map(\.tokenHash)), \(leases.map(\.epoch)), \(leases.map(\.worker)), \(leases.map(\.kind)),
            \(leases.map(\.connection)), \(leases.map(\.phase)), \(leases.map(\.leasedAt)), \(leases.map(\.expiresAt)))
        """
    }

    package static func load(lane: Int32, tenants: [TenantID], tasks: [TaskID]) -> SQL {
        """
        SELECT l.* FROM unnest(\(tenants), \(tasks)) AS wanted(tenant_id, task_id), LATERAL (
            SELECT \(columns) FROM lease l
            WHERE l.tenant_id = wanted.tenant_id AND l.task_id = wanted.task_id AND l.lane = \(lane) OFFSET 0) AS l
        """
    }

    package static func delete(lane: Int32, tenants: [TenantID], tasks: [TaskID]) -> SQL {
        """
        DELETE FROM lease l USING unnest(\(tenants), \(tasks)) AS gone(tenant_id, task_id)
        WHERE l.lane = \(lane) AND l.tenant_id = gone.tenant_id AND l.task_id = gone.task_id
        """
    }

    package static func find(tenant: TenantID, task: TaskID) -> SQL {
        "SELECT \(columns) FROM lease l WHERE l.tenant_id = \(tenant) AND l.task_id = \(task)"
    }

    /// Each is looked up by itself: the table is small, and full of rows that have just been deleted, so that a plan for all at
    /// once may read it whole.
    package static func find(tenant: TenantID, tasks: [TaskID]) -> SQL {
        """
        SELECT l.* FROM unnest(\(tasks)) AS wanted(task_id), LATERAL (
            SELECT \(columns) FROM lease l WHERE l.tenant_id = \(tenant) AND l.task_id = wanted.task_id OFFSET 0) AS l
        """
    }

    /// Live leases of one incarnation of a worker.
    package static func ofWorkers(lane: Int32, tenants: [TenantID], workers: [String]) -> SQL {
        """
        SELECT \(columns) FROM lease l JOIN unnest(\(tenants), \(workers)) AS gone(tenant_id, worker) USING (tenant_id, worker)
        WHERE l.lane = \(lane)
        """
    }

    package static func ofTenant(_ tenant: TenantID) -> SQL {
        "SELECT \(columns) FROM lease l WHERE l.tenant_id = \(tenant) ORDER BY l.leased_at LIMIT 500"
    }

    /// Live leases of a tenant by connection and kind, for the limits of dispatch.
    package static func running(lane: Int32, tenant: TenantID) -> SQL {
        """
        SELECT coalesce(l.connection, '') AS connection, l.kind, l.worker, count(*) AS n FROM lease l
        WHERE l.lane = \(lane) AND l.tenant_id = \(tenant) GROUP BY 1, 2, 3
        """
    }

    /// Moves the end of leases that the worker named and still holds; the timers of the old end find the lease alive and go
    /// again.
    package static func extend(lane: Int32, tenant: TenantID, worker: String, tokenHashes: [[UInt8]], until: Moment) -> SQL {
        """
        UPDATE lease SET expires_at = greatest(expires_at, \(until))
        WHERE lane = \(lane) AND tenant_id = \(tenant) AND worker = \(worker) AND token_hash = ANY(\(tokenHashes))
        RETURNING token_hash, expires_at
        """
    }
}

/// One writing worker per ERP connection: a database lease that a new worker gets only when the former one's has run out.
package enum ConnectionWriterQueries {
    /// Until when other workers may still write for this tenant, null when none may; and the connections whose work is stopped,
    /// with an empty one where all of it is.
    package static func heldByOthers(lane: Int32, tenant: TenantID, worker: String, now: Moment) -> SQL {
        """
        SELECT max(expires_at) AS until, ARRAY(
            SELECT coalesce(s.connection, '') FROM work_stop s
            WHERE s.lane = \(lane) AND s.tenant_id = \(tenant) AND s.released_at IS NULL) AS stopped
        FROM connection_writer WHERE lane = \(lane) AND tenant_id = \(tenant) AND worker <> \(worker) AND expires_at > \(now)
        """
    }

    /// The hold lasts as long as the writes under it: a heartbeat for a write moves both, one for anything else neither.
    package static func extend(lane: Int32, tenant: TenantID, worker: String, tokenHashes: [[UInt8]], until: Moment) -> SQL {
        """
        UPDATE connection_writer w SET expires_at = greatest(w.expires_at, \(until))
        WHERE w.lane = \(lane) AND w.tenant_id = \(tenant) AND w.worker = \(worker) AND EXISTS (
            SELECT 1 FROM lease l WHERE l.lane = w.lane AND l.tenant_id = w.tenant_id AND l.worker = w.worker
                AND l.connection = w.connection AND l.kind = 'erp.write' AND l.token_hash = ANY(\(tokenHashes)))
        """
    }

    /// The worker's process has ended: its holds end with the last write that it may still have under way, or now.
    package static func release(lane: Int32, tenant: TenantID, worker: String, now: Moment) -> SQL {
        """
        UPDATE connection_writer w SET expires_at = coalesce(
            (SELECT max(l.expires_at) FROM lease l WHERE l.lane = w.lane AND l.tenant_id = w.tenant_id AND l.worker = w.worker
                AND l.connection = w.connection AND l.kind = 'erp.write'), \(now))
        WHERE w.lane = \(lane) AND w.tenant_id = \(tenant) AND w.worker = \(worker) AND w.expires_at > \(now)
        """
    }

    package static func take(lane: Int32, tenant: TenantID, connection: String, worker: String, now: Moment, until: Moment) -> SQL
    {
        """
        INSERT INTO connection_writer (tenant_id, connection, lane, worker, expires_at)
        VALUES (\(tenant), \(connection), \(lane), \(worker), \(until))
        ON CONFLICT (tenant_id, connection) DO UPDATE SET worker = excluded.worker,
            expires_at = greatest(connection_writer.expires_at, excluded.expires_at)
        WHERE connection_writer.worker = excluded.worker OR connection_writer.expires_at <= \(now)
        RETURNING worker
        """
    }
}
