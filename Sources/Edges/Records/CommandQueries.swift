package import Kernel
package import Postgres

/// Something that a run, a task or an incident has to take note of; a row, applied by the lane's owner in its next batch.
package struct CommandRow: Sendable {
    package let tenant: TenantID
    package let id: CommandID
    package let lane: Int32
    /// Unique per tenant: the same key again is the same command, whose answer is given again.
    package let idempotencyKey: String
    package let kind: String
    package let run: RunID?
    package let task: TaskID?
    package let payload: JSONValue
    package let traceparent: String?
    package let createdAt: Moment

    /// It begins work that nobody waits in the middle of: a document or a run, unless a run has ordered it.
    package var begins: Bool {
        kind == "document.read" || kind == "run.start" && payload["parent"] == nil
    }

    package init(
        tenant: TenantID, id: CommandID, lane: Int32, idempotencyKey: String, kind: String, run: RunID? = nil,
        task: TaskID? = nil,
        payload: JSONValue, traceparent: String? = nil, createdAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.idempotencyKey = idempotencyKey
        self.kind = kind
        self.run = run
        self.task = task
        self.payload = payload
        self.traceparent = traceparent
        self.createdAt = createdAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: CommandID.self)
        lane = try row.get("lane", as: Int32.self)
        idempotencyKey = try row.get("idempotency_key", as: String.self)
        kind = try row.get("kind", as: String.self)
        run = try row.get("run_id", as: RunID?.self)
        task = try row.get("task_id", as: TaskID?.self)
        payload = try row.get("payload", as: JSONValue.self)
        traceparent = try row.get("traceparent", as: String?.self)
        createdAt = try row.get("created_at", as: Moment.self)
    }
}

package enum CommandQueries {
    /// Adds the command and its queue entry, or neither when the key is known. One row (`id`) when it was added.
    package static func insert(_ command: CommandRow) -> SQL {
        """
        WITH added AS (
            INSERT INTO command (tenant_id, id, lane, idempotency_key, kind, run_id, task_id, payload, traceparent, created_at)
            VALUES (\(command.tenant), \(command.id), \(command.lane), \(command.idempotencyKey), \(command.kind),
                \(optional: command.run),
                    \(optional: command.task), \(command.payload), \(optional: command.traceparent), \(command.createdAt))
            ON CONFLICT (tenant_id, idempotency_key) DO NOTHING RETURNING tenant_id, id, lane),
        queued AS (
            INSERT INTO queue.command (lane, tenant_id, command_id, begins)
            SELECT lane, tenant_id, id, \(command.begins) FROM added)
        SELECT id FROM added
        """
    }

    /// Adds commands and queues them in their order; those whose key is known already are left out. Answers what was added.
    package static func insert(_ commands: [CommandRow]) -> SQL {
        """
        WITH given AS (
            SELECT * FROM unnest(\(commands.map(\.tenant)), \(commands.map(\.id)), \(commands.map(\.lane)),
                \(commands.map(\.idempotencyKey)), \(commands.map(\.kind)), \(commands.map(\.run)), \(commands.map(\.task)),
                \(commands.map(\.payload)), \(commands.map(\.traceparent)), \(commands.map(\.createdAt)),
                \(commands.map(\.begins)))
                WITH ORDINALITY AS c(tenant_id, id, lane, idempotency_key, kind, run_id, task_id, payload, traceparent,
                    created_at, begins, place)),
        added AS (
            INSERT INTO command (tenant_id, id, lane, idempotency_key, kind, run_id, task_id, payload, traceparent, created_at)
            SELECT tenant_id, id, lane, idempotency_key, kind, run_id, task_id, payload, traceparent, created_at FROM given
            ON CONFLICT (tenant_id, idempotency_key) DO NOTHING RETURNING id),
        queued AS (
            INSERT INTO queue.command (lane, tenant_id, command_id, begins)
            SELECT lane, tenant_id, id, begins FROM given JOIN added USING (id) ORDER BY place)
        SELECT id FROM added
        """
    }

    /// Adds commands without queueing them: they wait for `requeue`.
    package static func keep(_ commands: [CommandRow]) -> SQL {
        """
        INSERT INTO command (tenant_id, id, lane, idempotency_key, kind, run_id, task_id, payload, traceparent, created_at)
        SELECT * FROM unnest(\(commands.map(\.tenant)), \(commands.map(\.id)), \(commands.map(\.lane)),
            \(commands.map(\.idempotencyKey)), \(commands.map(\.kind)), \(commands.map(\.run)), \(commands.map(\.task)),
            \(commands.map(\.payload)), \(commands.map(\.traceparent)), \(commands.map(\.createdAt)))
        """
    }

    /// Queues commands that were taken out of the queue without an answer.
    package static func requeue(lane: Int32, tenants: [TenantID], ids: [CommandID]) -> SQL {
        """
        INSERT INTO queue.command (lane, tenant_id, command_id, begins)
        SELECT c.lane, c.tenant_id, c.id, c.kind = 'document.read' OR c.kind = 'run.start' AND NOT c.payload ? 'parent'
        FROM command c
            JOIN unnest(\(tenants), \(ids)) AS due(tenant_id, id) USING (tenant_id, id)
        WHERE c.lane = \(lane) AND c.applied_at IS NULL
        """
    }

    private static let columns: SQL = """
        q.id AS queue_id, c.tenant_id, c.id, c.lane, c.idempotency_key, c.kind, c.run_id, c.task_id, c.payload, c.traceparent,
        c.created_at
        """

    /// The first `limit` commands of a lane that go on with work that has begun, in the order in which they were queued.
    package static func pending(lane: Int32, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM queue.command q JOIN command c ON c.tenant_id = q.tenant_id AND c.id = q.command_id
        WHERE q.lane = \(lane) AND NOT q.begins ORDER BY q.id LIMIT \(limit)
        """
    }

    /// Commands of a lane that begin work, at most `limit`. Its tenants take turns, each in the order of its own; one that has
    /// `readyMax` tasks or more waiting for its workers begins one thing at a time (`is_held_back`), since more would only
    /// lengthen that queue. Where somebody has stopped the tenant's work nothing begins.
    package static func beginning(lane: Int32, limit: Int, readyMax: Int) -> SQL {
        """
        WITH RECURSIVE waiting AS (
            (SELECT q.tenant_id FROM queue.command q WHERE q.lane = \(lane) AND q.begins ORDER BY q.tenant_id LIMIT 1)
            UNION ALL
            SELECT (SELECT q.tenant_id FROM queue.command q WHERE q.lane = \(lane) AND q.begins AND q.tenant_id > w.tenant_id
                    ORDER BY q.tenant_id LIMIT 1)
            FROM waiting w WHERE w.tenant_id IS NOT NULL),
        paced AS MATERIALIZED (
            SELECT w.tenant_id, (SELECT count(*) FROM (
                SELECT FROM queue.ready r WHERE r.lane = \(lane) AND r.tenant_id = w.tenant_id LIMIT \(readyMax)) AS r)
                >= \(readyMax) AS is_held_back
            FROM waiting w WHERE w.tenant_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM work_stop s WHERE s.lane = \(lane) AND s.tenant_id = w.tenant_id AND s.released_at IS NULL
                    AND s.kind IN ('tenant', 'suspension')))
        SELECT \(columns), p.is_held_back FROM paced p CROSS JOIN LATERAL (
            SELECT n.*, row_number() OVER (ORDER BY n.id) AS turn FROM (
                SELECT q.id, q.command_id FROM queue.command q
                WHERE q.lane = \(lane) AND q.begins AND q.tenant_id = p.tenant_id
                ORDER BY q.id LIMIT CASE WHEN p.is_held_back THEN 1 ELSE \(limit) END) AS n) AS q
            CROSS JOIN LATERAL (
                SELECT c.* FROM command c WHERE c.tenant_id = p.tenant_id AND c.id = q.command_id OFFSET 0) AS c
        ORDER BY q.turn, q.id LIMIT \(limit)
        """
    }

    package static func dequeue(lane: Int32, queueIDs: [Int64]) -> SQL {
        "DELETE FROM queue.command WHERE lane = \(lane) AND id = ANY(\(queueIDs))"
    }

    package static func answer(lane: Int32, tenants: [TenantID], ids: [CommandID], answers: [JSONValue], at: Moment) -> SQL {
        """
        UPDATE command c SET applied_at = \(at), answer = done.answer
        FROM unnest(\(tenants), \(ids), \(answers)) AS done(tenant_id, id, answer)
        WHERE c.lane = \(lane) AND c.tenant_id = done.tenant_id AND c.id = done.id
        """
    }

    /// Which of these keys a command has already. Each is looked up by itself: a plan made while the table was small would read
    /// all the commands of the tenant for ever.
    package static func known(tenant: TenantID, idempotencyKeys: [String]) -> SQL {
        """
        SELECT asked.idempotency_key FROM unnest(\(idempotencyKeys)) AS asked(idempotency_key), LATERAL (
            SELECT FROM command c WHERE c.tenant_id = \(tenant) AND c.idempotency_key = asked.idempotency_key OFFSET 0) AS c
        """
    }

    package static func find(tenant: TenantID, idempotencyKey: String) -> SQL {
        """
        SELECT id, applied_at, answer FROM command
        WHERE tenant_id = \(tenant) AND idempotency_key = \(idempotencyKey)
        """
    }
}
