package import Kernel
package import Postgres

extension Subject {
    package enum Operation: Sendable {}
}

package typealias OperationID = ID<Subject.Operation>

/// Something done to many runs, or to many dead letters, in one go.
package struct OperationRow: Sendable {
    package let tenant: TenantID
    package let id: OperationID
    package let kind: String
    /// `previewed`, `confirmed` or `withdrawn`.
    package let state: String
    package let parameters: JSONValue
    package let selection: JSONValue
    package let hash: String
    /// Counts and examples as they were shown.
    package let preview: JSONValue
    /// Somebody else has to confirm than who asked.
    package let needsSecond: Bool
    package let madeBy: PersonID
    package let madeByNatural: PersonID
    package let madeAt: Moment
    package let expiresAt: Moment
    package let settledBy: PersonID?
    package let settledAt: Moment?

    package init(
        tenant: TenantID, id: OperationID, kind: String, parameters: JSONValue, selection: JSONValue, hash: String,
        preview: JSONValue, needsSecond: Bool, madeBy: PersonID, madeByNatural: PersonID, madeAt: Moment, expiresAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.kind = kind
        state = "previewed"
        self.parameters = parameters
        self.selection = selection
        self.hash = hash
        self.preview = preview
        self.needsSecond = needsSecond
        self.madeBy = madeBy
        self.madeByNatural = madeByNatural
        self.madeAt = madeAt
        self.expiresAt = expiresAt
        settledBy = nil
        settledAt = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: OperationID.self)
        kind = try row.get("kind", as: String.self)
        state = try row.get("state", as: String.self)
        parameters = try row.get("parameters", as: JSONValue.self)
        selection = try row.get("selection", as: JSONValue.self)
        hash = try row.get("hash", as: String.self)
        preview = try row.get("preview", as: JSONValue.self)
        needsSecond = try row.get("needs_second", as: Bool.self)
        madeBy = try row.get("made_by", as: PersonID.self)
        madeByNatural = try row.get("made_by_natural", as: PersonID.self)
        madeAt = try row.get("made_at", as: Moment.self)
        expiresAt = try row.get("expires_at", as: Moment.self)
        settledBy = try row.get("settled_by", as: PersonID?.self)
        settledAt = try row.get("settled_at", as: Moment?.self)
    }
}

/// One run or one dead letter of an operation.
package struct OperationItemRow: Sendable {
    package let ordinal: Int32
    package let run: RunID?
    package let task: TaskID?
    package let subject: String
    package let risk: String
    /// Why it is left alone; nil where the operation is done to it.
    package let obstacle: JSONValue?
    package let command: CommandID
    package let payload: JSONValue
    /// What the lane answered; nil while it has not.
    package let answer: JSONValue?

    package init(
        ordinal: Int32, run: RunID?, task: TaskID?, subject: String, risk: String, obstacle: JSONValue?, command: CommandID,
        payload: JSONValue
    ) {
        self.ordinal = ordinal
        self.run = run
        self.task = task
        self.subject = subject
        self.risk = risk
        self.obstacle = obstacle
        self.command = command
        self.payload = payload
        answer = nil
    }

    package init(_ row: Row) throws {
        ordinal = try row.get("ordinal", as: Int32.self)
        run = try row.get("run_id", as: RunID?.self)
        task = try row.get("task_id", as: TaskID?.self)
        subject = try row.get("subject", as: String.self)
        risk = try row.get("risk", as: String.self)
        obstacle = try row.get("obstacle", as: JSONValue?.self)
        command = try row.get("command_id", as: CommandID.self)
        payload = try row.get("payload", as: JSONValue.self)
        answer = try row.get("answer", as: JSONValue?.self)
    }
}

package enum OperationQueries {
    private static let columns: SQL = """
        o.tenant_id, o.id, o.kind, o.state, o.parameters, o.selection, o.hash, o.preview, o.needs_second, o.made_by,
        o.made_by_natural, o.made_at, o.expires_at, o.settled_by, o.settled_at
        """

    /// Which runs are meant; what is nil or empty is not asked.
    package struct RunFilter: Sendable {
        package var phases: [String] = []
        package var workflow: String?
        package var version: String?
        package var search: String?
        package var ids: [RunID]?

        package init() {}
    }

    /// The ids of the runs that are meant, oldest first; without ids, only unfinished ones.
    package static func runs(tenant: TenantID, _ filter: RunFilter, limit: Int) -> SQL {
        let phases: SQL = filter.phases.isEmpty ? "" : "AND r.phase = ANY(\(filter.phases))"
        let workflow: SQL = filter.workflow.map { "AND r.workflow = \($0)" } ?? ""
        let version: SQL = filter.version.map { "AND r.workflow_version = \($0)" } ?? ""
        let search: SQL =
            filter.search.map {
                "AND (strpos(lower(r.subject), lower(\($0))) > 0 OR strpos(lower(r.counterparty), lower(\($0))) > 0)"
            } ?? ""
        let which: SQL = filter.ids.map { "AND r.id = ANY(\($0))" } ?? "AND r.finished_at IS NULL"
        return """
            SELECT r.id FROM run r WHERE r.tenant_id = \(tenant) \(which) \(phases) \(workflow) \(version) \(search)
            ORDER BY r.started_at, r.id LIMIT \(limit)
            """
    }

    package static func insert(_ row: OperationRow) -> SQL {
        """
        INSERT INTO operation (tenant_id, id, kind, state, parameters, selection, hash, preview, needs_second, made_by,
                               made_by_natural, made_at, expires_at)
        VALUES (\(row.tenant), \(row.id), \(row.kind), \(row.state), \(row.parameters), \(row.selection), \(row.hash),
                \(row.preview), \(row.needsSecond), \(row.madeBy), \(row.madeByNatural), \(row.madeAt), \(row.expiresAt))
        """
    }

    package static func insert(tenant: TenantID, operation: OperationID, _ items: [OperationItemRow]) -> SQL {
        """
        INSERT INTO operation_item (tenant_id, operation_id, ordinal, run_id, task_id, subject, risk, obstacle, command_id,
                                    payload)
        SELECT \(tenant), \(operation), * FROM unnest(\(items.map(\.ordinal)), \(items.map(\.run)), \(items.map(\.task)),
            \(items.map(\.subject)), \(items.map(\.risk)), \(items.map(\.obstacle)), \(items.map(\.command)),
            \(items.map(\.payload)))
        """
    }

    package static func find(tenant: TenantID, id: OperationID) -> SQL {
        "SELECT \(columns) FROM operation o WHERE o.tenant_id = \(tenant) AND o.id = \(id)"
    }

    /// Operations, newest first.
    package static func page(tenant: TenantID, kinds: [String], before: (Moment, OperationID)?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND (o.made_at, o.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM operation o WHERE o.tenant_id = \(tenant) AND o.kind = ANY(\(kinds)) \(cursor)
            ORDER BY o.made_at DESC, o.id DESC LIMIT \(limit)
            """
    }

    /// One row (`id`) when it was still open: of two who settle it at once, one does.
    package static func settle(
        tenant: TenantID, id: OperationID, as state: String, hash: String, by person: PersonID, at now: Moment
    ) -> SQL {
        """
        UPDATE operation SET state = \(state), settled_by = \(person), settled_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND state = 'previewed' AND hash = \(hash) RETURNING id
        """
    }

    /// Items from `after` on, with the answers of their commands. `state` is `waiting`, `done`, `refused` or `left`.
    package static func items(
        tenant: TenantID, operation: OperationID, state: String?, after: Int32, limit: Int
    ) -> SQL {
        let wanted: SQL =
            switch state {
            case "waiting": "AND i.obstacle IS NULL AND c.answer IS NULL"
            case "done": "AND c.answer IS NOT NULL AND c.answer->'refused' IS NULL"
            case "refused": "AND c.answer->'refused' IS NOT NULL"
            case "left": "AND i.obstacle IS NOT NULL"
            default: ""
            }
        return """
            SELECT i.ordinal, i.run_id, i.task_id, i.subject, i.risk, i.obstacle, i.command_id, i.payload, c.answer
            FROM operation_item i LEFT JOIN command c ON c.tenant_id = i.tenant_id AND c.id = i.command_id
            WHERE i.tenant_id = \(tenant) AND i.operation_id = \(operation) AND i.ordinal > \(after) \(wanted)
            ORDER BY i.ordinal LIMIT \(limit)
            """
    }

    /// How far operations are: one row (`operation_id`, `total`, `left_out`, `done`, `refused`) each.
    package static func progress(tenant: TenantID, operations: [OperationID]) -> SQL {
        """
        SELECT i.operation_id, count(*) AS total, count(i.obstacle) AS left_out,
               count(*) FILTER (WHERE c.answer IS NOT NULL AND c.answer->'refused' IS NULL) AS done,
               count(*) FILTER (WHERE c.answer->'refused' IS NOT NULL) AS refused
        FROM operation_item i LEFT JOIN command c ON c.tenant_id = i.tenant_id AND c.id = i.command_id
        WHERE i.tenant_id = \(tenant) AND i.operation_id = ANY(\(operations)) GROUP BY i.operation_id
        """
    }
}
