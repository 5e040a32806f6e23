package import Kernel
package import Postgres

/// What lists and headings show of a run; it costs the same however much the run knows.
package struct RunSummary: Sendable {
    package let tenant: TenantID
    package let id: RunID
    package let workflow: String
    package var workflowVersion: String
    package let document: DocumentID?
    package let invoice: InvoiceID?
    package let subject: String
    package let counterparty: String
    package let amountMinor: Int64?
    package let currency: String?
    package var phase: String
    package var step: String
    package var waitingOn: String
    package var outcome: String?
    package let startedAt: Moment
    package var updatedAt: Moment
    package var finishedAt: Moment?
    package let traceparent: String?

    package init(
        tenant: TenantID, id: RunID, workflow: String, workflowVersion: String, document: DocumentID?, invoice: InvoiceID?,
        subject: String, counterparty: String, amountMinor: Int64?, currency: String?, startedAt: Moment, traceparent: String?
    ) {
        self.tenant = tenant
        self.id = id
        self.workflow = workflow
        self.workflowVersion = workflowVersion
        self.document = document
        self.invoice = invoice
        self.subject = subject
        self.counterparty = counterparty
        self.amountMinor = amountMinor
        self.currency = currency
        phase = "pending"
        step = ""
        waitingOn = ""
        self.startedAt = startedAt
        updatedAt = startedAt
        self.traceparent = traceparent
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: RunID.self)
        workflow = try row.get("workflow", as: String.self)
        workflowVersion = try row.get("workflow_version", as: String.self)
        document = try row.get("document_id", as: DocumentID?.self)
        invoice = try row.get("invoice_id", as: InvoiceID?.self)
        subject = try row.get("subject", as: String.self)
        counterparty = try row.get("counterparty", as: String.self)
        amountMinor = try row.get("amount_minor", as: Int64?.self)
        currency = try row.get("currency", as: String?.self)
        phase = try row.get("phase", as: String.self)
        step = try row.get("step", as: String.self)
        waitingOn = try row.get("waiting_on", as: String.self)
        outcome = try row.get("outcome", as: String?.self)
        startedAt = try row.get("started_at", as: Moment.self)
        updatedAt = try row.get("updated_at", as: Moment.self)
        finishedAt = try row.get("finished_at", as: Moment?.self)
        traceparent = try row.get("traceparent", as: String?.self)
    }
}

/// A workflow in progress as it lies in the table: its summary, whose fields it has, and what the engine needs besides.
@dynamicMemberLookup
package struct RunRow: Sendable {
    package var summary: RunSummary
    package let lane: Int32
    package private(set) var pinned: JSONValue
    /// `pinned` as text: what batches find a run's configuration by.
    package private(set) var pinnedText: String
    /// Replaced as a whole, by `put(state:)`.
    package private(set) var state: JSONValue
    /// The state is not what the table has.
    package private(set) var hasNewState = false
    package var historyCount: Int32
    /// How it was touched first; nil while nobody has.
    package var touched: String?

    package init(_ summary: RunSummary, lane: Int32, pinned: JSONValue, state: JSONValue) {
        self.summary = summary
        self.lane = lane
        self.pinned = pinned
        pinnedText = pinned.text
        self.state = state
        historyCount = 0
    }

    package init(_ row: Row) throws {
        summary = try RunSummary(row)
        lane = try row.get("lane", as: Int32.self)
        pinned = try row.get("pinned", as: JSONValue.self)
        pinnedText = pinned.text
        state = try row.get("state", as: JSONValue.self)
        historyCount = try row.get("history_count", as: Int32.self)
        touched = try row.get("touched", as: String?.self)
    }

    package mutating func put(state new: JSONValue) {
        state = new
        hasNewState = true
    }

    /// The run goes by other versions from now on.
    package mutating func put(pinned new: JSONValue, version: String) {
        pinned = new
        pinnedText = new.text
        summary.workflowVersion = version
    }

    package mutating func isStored() { hasNewState = false }

    package subscript<Field>(dynamicMember field: KeyPath<RunSummary, Field>) -> Field { summary[keyPath: field] }

    package subscript<Field>(dynamicMember field: WritableKeyPath<RunSummary, Field>) -> Field {
        get { summary[keyPath: field] }
        set { summary[keyPath: field] = newValue }
    }
}

/// One line of a run's append-only history.
package struct HistoryRow: Sendable {
    package let tenant: TenantID
    package let run: RunID
    package let seq: Int32
    package let at: Moment
    package let type: String
    package let step: String
    package let summary: String
    package let person: PersonID?
    package let data: JSONValue

    package init(
        tenant: TenantID, run: RunID, seq: Int32, at: Moment, type: String, step: String, summary: String, person: PersonID?,
        data: JSONValue
    ) {
        self.tenant = tenant
        self.run = run
        self.seq = seq
        self.at = at
        self.type = type
        self.step = step
        self.summary = summary
        self.person = person
        self.data = data
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        run = try row.get("run_id", as: RunID.self)
        seq = try row.get("seq", as: Int32.self)
        at = try row.get("at", as: Moment.self)
        type = try row.get("type", as: String.self)
        step = try row.get("step", as: String.self)
        summary = try row.get("summary", as: String.self)
        person = try row.get("person_id", as: PersonID?.self)
        data = try row.get("data", as: JSONValue.self)
    }
}

package enum RunQueries {
    private static let summary: SQL = """
        r.tenant_id, r.id, r.workflow, r.workflow_version, r.document_id, r.invoice_id, r.subject, r.counterparty, r.amount_minor,
        r.currency, r.phase, r.step, r.waiting_on, r.outcome, r.started_at, r.updated_at, r.finished_at, r.traceparent
        """
    private static let columns: SQL = "\(summary), r.lane, r.pinned, r.state, r.history_count, r.touched"

    /// The runs named, of one lane.
    package static func load(lane: Int32, tenants: [TenantID], ids: [RunID]) -> SQL {
        """
        SELECT r.* FROM unnest(\(tenants), \(ids)) AS wanted(tenant_id, id), LATERAL (
            SELECT \(columns) FROM run r
            WHERE r.tenant_id = wanted.tenant_id AND r.id = wanted.id AND r.lane = \(lane) OFFSET 0) AS r
        """
    }

    /// Those of the runs named whose row is still as the transaction named beside it wrote it (`id`).
    package static func unchanged(lane: Int32, tenants: [TenantID], ids: [RunID], writers: [String]) -> SQL {
        """
        SELECT r.id FROM unnest(\(tenants), \(ids), \(writers)) AS known(tenant_id, id, writer), LATERAL (
            SELECT r.id FROM run r
            WHERE r.tenant_id = known.tenant_id AND r.id = known.id AND r.lane = \(lane) AND r.xmin = known.writer::xid
            OFFSET 0) AS r
        """
    }

    /// The transaction that is running, as `xmin` has it (`writer`).
    package static func writer() -> SQL { "SELECT pg_current_xact_id()::xid::text AS writer" }

    package static func find(tenant: TenantID, id: RunID) -> SQL {
        "SELECT \(columns) FROM run r WHERE r.tenant_id = \(tenant) AND r.id = \(id)"
    }

    /// The runs named, as lists show them; what does not exist is left out.
    package static func summaries(tenant: TenantID, ids: [RunID]) -> SQL {
        "SELECT \(summary) FROM run r WHERE r.tenant_id = \(tenant) AND r.id = ANY(\(ids))"
    }

    /// The runs named, with all that they know; what does not exist is left out.
    package static func rows(tenant: TenantID, ids: [RunID]) -> SQL {
        "SELECT \(columns) FROM run r WHERE r.tenant_id = \(tenant) AND r.id = ANY(\(ids))"
    }

    package static func insert(_ runs: [RunRow]) -> SQL {
        """
        INSERT INTO run (tenant_id, id, lane, workflow, workflow_version, pinned, document_id, invoice_id, subject, counterparty,
                         amount_minor, currency, phase, step, waiting_on, outcome, state, history_count, started_at, updated_at,
                         finished_at, traceparent, touched)
        SELECT * FROM unnest(\(runs.map(\.tenant)), \(runs.map(\.id)), \(runs.map(\.lane)), \(runs.map(\.workflow)),
            \(runs.map(\.workflowVersion)), \(runs.map(\.pinned)), \(runs.map(\.document)), \(runs.map(\.invoice)),
            \(runs.map(\.subject)), \(runs.map(\.counterparty)), \(runs.map(\.amountMinor)), \(runs.map(\.currency)),
            \(runs.map(\.phase)), \(runs.map(\.step)), \(runs.map(\.waitingOn)), \(runs.map(\.outcome)), \(runs.map(\.state)),
            \(runs.map(\.historyCount)), \(runs.map(\.startedAt)), \(runs.map(\.updatedAt)), \(runs.map(\.finishedAt)),
            \(runs.map(\.traceparent)), \(runs.map(\.touched)))
        """
    }

    package static func update(lane: Int32, _ runs: [RunRow]) -> SQL {
        """
        UPDATE run r SET phase = n.phase, step = n.step, waiting_on = n.waiting_on, outcome = n.outcome, state = n.state,
                         history_count = n.history_count, updated_at = n.updated_at, finished_at = n.finished_at,
                         touched = n.touched
        FROM unnest(\(runs.map(\.tenant)), \(runs.map(\.id)), \(runs.map(\.phase)), \(runs.map(\.step)), \(runs.map(\.waitingOn)),
            \(runs.map(\.outcome)), \(runs.map(\.state)), \(runs.map(\.historyCount)), \(runs.map(\.updatedAt)),
            \(runs.map(\.finishedAt)), \(runs.map(\.touched))) AS n(tenant_id, id, phase, step, waiting_on, outcome, state,
                history_count, updated_at, finished_at, touched)
        WHERE r.lane = \(lane) AND r.tenant_id = n.tenant_id AND r.id = n.id
        """
    }

    /// Runs whose machine has not moved: the state, which is most of a row, stays where it is.
    package static func touch(lane: Int32, _ runs: [RunRow]) -> SQL {
        """
        UPDATE run r SET phase = n.phase, step = n.step, waiting_on = n.waiting_on, history_count = n.history_count,
                         updated_at = n.updated_at, touched = n.touched
        FROM unnest(\(runs.map(\.summary.tenant)), \(runs.map(\.summary.id)), \(runs.map(\.summary.phase)),
            \(runs.map(\.summary.step)), \(runs.map(\.summary.waitingOn)), \(runs.map(\.historyCount)),
            \(runs.map(\.summary.updatedAt)), \(runs.map(\.touched)))
            AS n(tenant_id, id, phase, step, waiting_on, history_count, updated_at, touched)
        WHERE r.lane = \(lane) AND r.tenant_id = n.tenant_id AND r.id = n.id
        """
    }

    /// These runs go by other versions from now on.
    package static func repin(lane: Int32, _ runs: [RunRow]) -> SQL {
        """
        UPDATE run r SET workflow_version = n.version, pinned = n.pinned
        FROM unnest(\(runs.map(\.tenant)), \(runs.map(\.id)), \(runs.map(\.workflowVersion)), \(runs.map(\.pinned)))
            AS n(tenant_id, id, version, pinned)
        WHERE r.lane = \(lane) AND r.tenant_id = n.tenant_id AND r.id = n.id
        """
    }

    package static func insertHistory(lane: Int32, _ rows: [HistoryRow]) -> SQL {
        """
        INSERT INTO history (lane, tenant_id, run_id, seq, at, type, step, summary, person_id, data)
        SELECT \(lane), * FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.run)), \(rows.map(\.seq)), \(rows.map(\.at)),
            \(rows.map(\.type)),
            \(rows.map(\.step)), \(rows.map(\.summary)), \(rows.map(\.person)), \(rows.map(\.data)))
        """
    }

    /// A run's history from `after` on, oldest first.
    package static func history(tenant: TenantID, run: RunID, after: Int32, limit: Int) -> SQL {
        """
        SELECT tenant_id, run_id, seq, at, type, step, summary, person_id, data FROM history
        WHERE tenant_id = \(tenant) AND run_id = \(run) AND seq > \(after) ORDER BY seq LIMIT \(limit)
        """
    }

    /// The lines of one type, oldest first.
    package static func history(tenant: TenantID, run: RunID, type: String, limit: Int) -> SQL {
        """
        SELECT tenant_id, run_id, seq, at, type, step, summary, person_id, data FROM history
        WHERE tenant_id = \(tenant) AND run_id = \(run) AND type = \(type) ORDER BY seq LIMIT \(limit)
        """
    }

    /// One page of runs, newest first; `phases` empty means all. The cursor is the last row's start and id.
    package static func page(tenant: TenantID, phases: [String], search: String?, before: (Moment, RunID)?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND (r.started_at, r.id) < (\($0.0), \($0.1))" } ?? ""
        let phase: SQL = phases.isEmpty ? "" : "AND r.phase = ANY(\(phases))"
        let text: SQL =
            search.map { "AND (strpos(lower(r.subject), lower(\($0))) > 0 OR strpos(lower(r.counterparty), lower(\($0))) > 0)" }
            ?? ""
        return """
            SELECT \(summary) FROM run r WHERE r.tenant_id = \(tenant) \(phase) \(text) \(cursor)
            ORDER BY r.started_at DESC, r.id DESC LIMIT \(limit)
            """
    }

    /// Unfinished runs by the versions they are pinned to: one row (`asset`, `n`) for each version.
    package static func openByPin(tenant: TenantID) -> SQL {
        """
        WITH open AS (SELECT pinned FROM run WHERE tenant_id = \(tenant) AND finished_at IS NULL)
        SELECT pin.asset::uuid AS asset, count(*) AS n FROM (
            SELECT pinned->'workflow'->>'asset' AS asset FROM open
            UNION ALL SELECT pinned->'contract'->>'asset' FROM open
            UNION ALL SELECT pinned->'calendar'->>'asset' FROM open
            UNION ALL SELECT policy.value->>'asset' FROM open, jsonb_each(pinned->'policies') AS policy
            UNION ALL SELECT nested.value->>'asset' FROM open, jsonb_each(pinned->'workflows') AS nested) AS pin
        WHERE pin.asset IS NOT NULL GROUP BY pin.asset
        """
    }

    /// Unfinished runs by workflow and version.
    package static func openByVersion(tenant: TenantID) -> SQL {
        """
        SELECT workflow, workflow_version, count(*) AS n, min(started_at) AS oldest FROM run
        WHERE tenant_id = \(tenant) AND finished_at IS NULL
        GROUP BY workflow, workflow_version ORDER BY workflow, workflow_version LIMIT 200
        """
    }

    package static func countByPhase(tenant: TenantID) -> SQL {
        "SELECT phase, count(*) AS n FROM run WHERE tenant_id = \(tenant) GROUP BY phase"
    }
}
