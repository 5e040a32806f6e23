package import Kernel
package import Postgres

/// A write or a payment under guardrails.
package struct GuardrailActRow: Sendable {
    package let tenant: TenantID
    /// Derived from the key by which the ledger recognises a write, or the run of a payment.
    package let id: AnyID
    package let lane: Int32
    /// `posting` or `payment`.
    package let kind: String
    package let run: RunID
    package let day: CivilDate
    package let supplier: String
    package let currency: String?
    package let amountMinor: Int64?
    /// `bound`, `reserved`, `done` or `returned`; `reserved` and `done` count.
    package let state: String
    package let facts: JSONValue
    /// `[{scope, policy, version, rule, label, effect, reason}]`.
    package let bound: JSONValue
    package let verdict: JSONValue?
    package let at: Moment

    package init(
        tenant: TenantID, id: AnyID, lane: Int32, kind: String, run: RunID, day: CivilDate, supplier: String, currency: String?,
        amountMinor: Int64?, state: String, facts: JSONValue, bound: JSONValue, at: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.kind = kind
        self.run = run
        self.day = day
        self.supplier = supplier
        self.currency = currency
        self.amountMinor = amountMinor
        self.state = state
        self.facts = facts
        self.bound = bound
        verdict = nil
        self.at = at
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: AnyID.self)
        lane = try row.get("lane", as: Int32.self)
        kind = try row.get("kind", as: String.self)
        run = try row.get("run_id", as: RunID.self)
        day = try row.get("day", as: CivilDate.self)
        supplier = try row.get("supplier", as: String.self)
        currency = try row.get("currency", as: String?.self)
        amountMinor = try row.get("amount_minor", as: Int64?.self)
        state = try row.get("state", as: String.self)
        facts = try row.get("facts", as: JSONValue.self)
        bound = try row.get("bound", as: JSONValue.self)
        verdict = try row.get("verdict", as: JSONValue?.self)
        at = try row.get("at", as: Moment.self)
    }
}

/// The accounts that a supplier was seen with.
package struct SupplierAccountRow: Sendable {
    package let tenant: TenantID
    package let supplier: String
    package let connection: String
    package let fingerprint: String

    package init(tenant: TenantID, supplier: String, connection: String, fingerprint: String) {
        self.tenant = tenant
        self.supplier = supplier
        self.connection = connection
        self.fingerprint = fingerprint
    }
}

/// What the lane asks and writes; it alone does, in the transaction of whatever it does besides.
package enum GuardrailQueries {
    private static let columns: SQL = """
        a.tenant_id, a.id, a.lane, a.kind, a.run_id, a.day, a.supplier, a.currency, a.amount_minor, a.state, a.facts, a.bound,
        a.verdict, a.at
        """

    package static func load(lane: Int32, tenant: TenantID, ids: [AnyID]) -> SQL {
        "SELECT \(columns) FROM guardrail_act a WHERE a.lane = \(lane) AND a.tenant_id = \(tenant) AND a.id = ANY(\(ids))"
    }

    /// The sums of a day for these suppliers, and the day's own under the empty name; locked, whoever else should come.
    package static func totals(lane: Int32, tenant: TenantID, kind: String, day: CivilDate, suppliers: [String]) -> SQL {
        """
        SELECT currency, supplier, amount_minor::text AS amount FROM guardrail_total
        WHERE lane = \(lane) AND tenant_id = \(tenant) AND kind = \(kind) AND day = \(day) AND supplier = ANY(\(suppliers + [""]))
        ORDER BY currency, supplier FOR UPDATE
        """
    }

    /// When the accounts of suppliers changed last; none for those that were never seen to change.
    package static func changes(lane: Int32, tenant: TenantID, suppliers: [String]) -> SQL {
        """
        SELECT supplier, max(changed_at) AS changed_at FROM supplier_account
        WHERE lane = \(lane) AND tenant_id = \(tenant) AND supplier = ANY(\(suppliers)) AND changed_at IS NOT NULL
        GROUP BY supplier
        """
    }

    /// Acts as they are judged now. What people said of them stays, and so does what bound them when nothing does any more.
    package static func put(_ rows: [GuardrailActRow], at now: Moment) -> SQL {
        """
        INSERT INTO guardrail_act AS a (tenant_id, id, lane, kind, run_id, day, supplier, currency, amount_minor, state, facts,
            bound, at, changed_at)
        SELECT n.*, \(now) FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.id)), \(rows.map(\.lane)), \(rows.map(\.kind)),
            \(rows.map(\.run)), \(rows.map(\.day)), \(rows.map(\.supplier)), \(rows.map(\.currency)),
            \(rows.map(\.amountMinor)), \(rows.map(\.state)), \(rows.map(\.facts)), \(rows.map(\.bound)), \(rows.map(\.at))) AS n
        ON CONFLICT (tenant_id, id) DO UPDATE SET day = excluded.day, supplier = excluded.supplier,
            currency = excluded.currency, amount_minor = excluded.amount_minor, state = excluded.state, facts = excluded.facts,
            bound = CASE WHEN excluded.bound = '[]' THEN a.bound ELSE excluded.bound END, changed_at = excluded.changed_at
        """
    }

    /// Adds what the rows reserve to the sums of their days.
    package static func count(lane: Int32, _ rows: [GuardrailActRow]) -> SQL {
        """
        INSERT INTO guardrail_total AS t (tenant_id, kind, day, currency, supplier, lane, amount_minor)
        SELECT n.tenant_id, n.kind, n.day, n.currency, s.supplier, \(lane), sum(n.amount)
        FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.kind)), \(rows.map(\.day)), \(rows.map(\.currency)),
            \(rows.map(\.supplier)), \(rows.map(\.amountMinor))) AS n(tenant_id, kind, day, currency, supplier, amount),
            LATERAL (SELECT '' AS supplier UNION SELECT n.supplier) AS s
        WHERE n.currency IS NOT NULL GROUP BY 1, 2, 3, 4, 5
        ON CONFLICT (tenant_id, kind, day, currency, supplier) DO UPDATE SET amount_minor = t.amount_minor + excluded.amount_minor
        """
    }

    /// Ends reservations: `done` where the effect is there, `returned` where it is not and the sums are given back, `undone`
    /// where it was taken back, whether its answer had come or not. What counts no longer stays, so nothing is given back twice.
    package static func finish(lane: Int32, tenants: [TenantID], ids: [AnyID], states: [String], at now: Moment) -> SQL {
        """
        WITH ended AS (
            UPDATE guardrail_act a SET state = CASE n.state WHEN 'done' THEN 'done' ELSE 'returned' END, changed_at = \(now)
            FROM unnest(\(tenants), \(ids), \(states)) AS n(tenant_id, id, state)
            WHERE a.lane = \(lane) AND a.tenant_id = n.tenant_id AND a.id = n.id
                AND (a.state = 'reserved' OR a.state = 'done' AND n.state = 'undone')
            RETURNING a.tenant_id, a.kind, a.day, a.currency, a.supplier, a.amount_minor, a.state),
        gone AS (
            SELECT e.tenant_id, e.kind, e.day, e.currency, s.supplier, sum(e.amount_minor) AS amount
            FROM ended e, LATERAL (SELECT '' AS supplier UNION SELECT e.supplier) AS s
            WHERE e.state = 'returned' AND e.currency IS NOT NULL GROUP BY 1, 2, 3, 4, 5)
        UPDATE guardrail_total t SET amount_minor = t.amount_minor - gone.amount FROM gone
        WHERE t.lane = \(lane) AND t.tenant_id = gone.tenant_id AND t.kind = gone.kind AND t.day = gone.day
            AND t.currency = gone.currency AND t.supplier = gone.supplier
        """
    }

    /// What people said of an act.
    package static func judge(lane: Int32, tenant: TenantID, id: AnyID, verdict: JSONValue, at now: Moment) -> SQL {
        """
        UPDATE guardrail_act SET verdict = \(verdict), changed_at = \(now)
        WHERE lane = \(lane) AND tenant_id = \(tenant) AND id = \(id)
        """
    }

    /// What a ledger said of its suppliers. The first sight of one is no change; nothing is written where nothing changed.
    package static func observe(lane: Int32, _ rows: [SupplierAccountRow], at now: Moment) -> SQL {
        """
        INSERT INTO supplier_account AS s (tenant_id, supplier, connection, lane, fingerprint, first_seen_at)
        SELECT n.tenant_id, n.supplier, n.connection, \(lane), n.fingerprint, \(now)
        FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.supplier)), \(rows.map(\.connection)), \(rows.map(\.fingerprint)))
            AS n(tenant_id, supplier, connection, fingerprint)
        ON CONFLICT (tenant_id, supplier, connection) DO UPDATE SET fingerprint = excluded.fingerprint, changed_at = \(now)
        WHERE s.fingerprint <> excluded.fingerprint
        """
    }

    // MARK: For people

    /// One page of acts, newest first; those of a run, those that something bound, or all. With what their runs are about.
    package static func page(
        tenant: TenantID, run: RunID?, boundOnly: Bool, before: (Moment, AnyID)?, limit: Int
    ) -> SQL {
        let ofRun: SQL = run.map { "AND a.run_id = \($0)" } ?? ""
        let bound: SQL = boundOnly ? "AND a.bound <> '[]'" : ""
        let cursor: SQL = before.map { "AND (a.at, a.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns), r.subject, r.counterparty FROM guardrail_act a
            LEFT JOIN run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
            WHERE a.tenant_id = \(tenant) \(ofRun) \(bound) \(cursor) ORDER BY a.at DESC, a.id DESC LIMIT \(limit)
            """
    }

    /// How many acts each rule bound since then, and how many of them went through in the end.
    package static func counts(tenant: TenantID, since: Moment) -> SQL {
        """
        SELECT b.value ->> 'scope' AS scope, b.value ->> 'policy' AS policy, b.value ->> 'rule' AS rule, count(*) AS bound,
            count(*) FILTER (WHERE a.state IN ('reserved', 'done')) AS through
        FROM guardrail_act a, LATERAL jsonb_array_elements(a.bound) AS b
        WHERE a.tenant_id = \(tenant) AND a.at >= \(since) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """
    }

    /// The sums of a day, without those of single suppliers.
    package static func day(tenant: TenantID, day: CivilDate) -> SQL {
        """
        SELECT kind, currency, amount_minor::text AS amount FROM guardrail_total
        WHERE tenant_id = \(tenant) AND day = \(day) AND supplier = '' ORDER BY kind, currency
        """
    }
}
