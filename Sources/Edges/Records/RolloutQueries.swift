package import Kernel
package import Postgres

extension Subject {
    package enum Rollout: Sendable {}
}

/// A version of a workflow that comes into use for one tenant.
package typealias RolloutID = ID<Subject.Rollout>

/// Where a rollout of a tenant stands.
package struct RolloutRow: Sendable {
    package let tenant: TenantID
    package let id: RolloutID
    package let lane: Int32
    package let workflow: String
    package let version: String
    package var stage: String
    package var isHeld: Bool
    /// The last verdict with its figures; an empty object before the first.
    package var verdict: JSONValue
    package var reason: String
    package var changedBy: PersonID?
    package let startedAt: Moment
    package var stageSince: Moment

    package init(
        tenant: TenantID, id: RolloutID, lane: Int32, workflow: String, version: String, stage: String, startedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.workflow = workflow
        self.version = version
        self.stage = stage
        isHeld = false
        verdict = [:]
        reason = ""
        changedBy = nil
        self.startedAt = startedAt
        stageSince = startedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: RolloutID.self)
        lane = try row.get("lane", as: Int32.self)
        workflow = try row.get("workflow", as: String.self)
        version = try row.get("version", as: String.self)
        stage = try row.get("stage", as: String.self)
        isHeld = try row.get("is_held", as: Bool.self)
        verdict = try row.get("verdict", as: JSONValue.self)
        reason = try row.get("reason", as: String.self)
        changedBy = try row.get("changed_by", as: PersonID?.self)
        startedAt = try row.get("started_at", as: Moment.self)
        stageSince = try row.get("stage_since", as: Moment.self)
    }
}

/// What a shadow found.
package struct ComparisonRow: Sendable {
    package let tenant: TenantID
    package let run: RunID
    package let lane: Int32
    package let rollout: RolloutID
    package let at: Moment
    package let verdict: String
    package let subject: String
    package let amountMinor: Int64?
    package let currency: String?
    package let kinds: [String]
    package let report: JSONValue

    package init(
        tenant: TenantID, run: RunID, lane: Int32, rollout: RolloutID, at: Moment, verdict: String, subject: String,
        amountMinor: Int64?, currency: String?, kinds: [String], report: JSONValue
    ) {
        self.tenant = tenant
        self.run = run
        self.lane = lane
        self.rollout = rollout
        self.at = at
        self.verdict = verdict
        self.subject = subject
        self.amountMinor = amountMinor
        self.currency = currency
        self.kinds = kinds
        self.report = report
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        run = try row.get("run_id", as: RunID.self)
        lane = try row.get("lane", as: Int32.self)
        rollout = try row.get("rollout_id", as: RolloutID.self)
        at = try row.get("at", as: Moment.self)
        verdict = try row.get("verdict", as: String.self)
        subject = try row.get("subject", as: String.self)
        amountMinor = try row.get("amount_minor", as: Int64?.self)
        currency = try row.get("currency", as: String?.self)
        report = try row.get("report", as: JSONValue.self)
        kinds = (report["differences"]?.array ?? []).compactMap { $0["kind"]?.string }
    }
}

package enum RolloutQueries {
    private static let columns: SQL = """
        o.tenant_id, o.id, o.lane, o.workflow, o.version, o.stage, o.is_held, o.verdict, o.reason, o.changed_by, o.started_at,
        o.stage_since
        """

    /// Where the rollouts of these tenants stand, locked: whoever starts a run by one must not miss that it was rolled back.
    package static func lock(lane: Int32, tenants: [TenantID]) -> SQL {
        """
        SELECT \(columns) FROM rollout o WHERE o.lane = \(lane) AND o.tenant_id = ANY(\(tenants))
        ORDER BY o.tenant_id, o.id FOR UPDATE
        """
    }

    package static func all(tenant: TenantID) -> SQL {
        "SELECT \(columns) FROM rollout o WHERE o.tenant_id = \(tenant) ORDER BY o.workflow, o.started_at DESC, o.id"
    }

    package static func put(_ row: RolloutRow) -> SQL {
        """
        INSERT INTO rollout (tenant_id, id, lane, workflow, version, stage, is_held, verdict, reason, changed_by, started_at,
                             stage_since)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.workflow), \(row.version), \(row.stage), \(row.isHeld),
                \(row.verdict), \(row.reason), \(optional: row.changedBy), \(row.startedAt), \(row.stageSince))
        ON CONFLICT (tenant_id, id) DO UPDATE SET stage = excluded.stage, is_held = excluded.is_held,
            verdict = excluded.verdict, reason = excluded.reason, changed_by = excluded.changed_by,
            stage_since = excluded.stage_since
        """
    }

    package static func insertRuns(
        lane: Int32, tenants: [TenantID], runs: [RunID], rollouts: [RolloutID], arms: [String], at now: Moment
    ) -> SQL {
        """
        INSERT INTO rollout_run (tenant_id, run_id, lane, rollout_id, arm, started_at)
        SELECT tenant_id, run_id, \(lane), rollout_id, arm, \(now)
        FROM unnest(\(tenants), \(runs), \(rollouts), \(arms)) AS started(tenant_id, run_id, rollout_id, arm)
        """
    }

    /// Events in their order.
    package static func note(
        lane: Int32, tenants: [TenantID], runs: [RunID], events: [JSONValue], at now: Moment
    ) -> SQL {
        """
        INSERT INTO shadow_event (tenant_id, run_id, lane, at, event)
        SELECT tenant_id, run_id, \(lane), \(now), event
        FROM unnest(\(tenants), \(runs), \(events)) WITH ORDINALITY AS told(tenant_id, run_id, event, place) ORDER BY place
        """
    }

    /// What the runs named were told, in their order; of each at most `limit` (`run_id`, `at`, `event`).
    package static func journals(lane: Int32, tenants: [TenantID], runs: [RunID], limit: Int) -> SQL {
        """
        SELECT j.* FROM unnest(\(tenants), \(runs)) AS wanted(tenant_id, run_id), LATERAL (
            SELECT e.run_id, e.at, e.event FROM shadow_event e
            WHERE e.tenant_id = wanted.tenant_id AND e.run_id = wanted.run_id AND e.lane = \(lane)
            ORDER BY e.id LIMIT \(limit)) AS j
        """
    }

    package static func forget(lane: Int32, tenants: [TenantID], runs: [RunID]) -> SQL {
        """
        DELETE FROM shadow_event e USING unnest(\(tenants), \(runs)) AS told(tenant_id, run_id)
        WHERE e.tenant_id = told.tenant_id AND e.run_id = told.run_id AND e.lane = \(lane)
        """
    }

    package static func compared(_ row: ComparisonRow) -> SQL {
        """
        INSERT INTO shadow_comparison (tenant_id, run_id, lane, rollout_id, at, verdict, subject, amount_minor, currency, kinds,
                                       report)
        VALUES (\(row.tenant), \(row.run), \(row.lane), \(row.rollout), \(row.at), \(row.verdict), \(row.subject),
                \(optional: row.amountMinor), \(optional: row.currency), \(row.kinds), \(row.report))
        ON CONFLICT (tenant_id, run_id) DO NOTHING
        """
    }

    /// What the runs of a rollout came to that began at `since` or later, by the version that they went by: one row (`arm`,
    /// `ended`, `touchless`, `exceptions`, `faults`, `late`, `median`) for each. Of each version the newest `limit` runs count.
    package static func figures(tenant: TenantID, rollout: RolloutID, since: Moment, limit: Int) -> SQL {
        """
        SELECT arms.arm, count(*) AS ended, count(*) FILTER (WHERE NOT was.asked AND r.phase = 'completed') AS touchless,
               count(*) FILTER (WHERE was.excepted) AS exceptions, count(*) FILTER (WHERE r.phase = 'faulted') AS faults,
               count(*) FILTER (WHERE was.late) AS late,
               (percentile_disc(0.5) WITHIN GROUP (ORDER BY
                   floor(extract(epoch FROM r.finished_at - r.started_at))))::bigint AS median
        FROM unnest(ARRAY['live', 'candidate']) AS arms(arm),
            LATERAL (
                SELECT m.run_id FROM rollout_run m
                WHERE m.tenant_id = \(tenant) AND m.rollout_id = \(rollout) AND m.arm = arms.arm AND m.started_at >= \(since)
                ORDER BY m.started_at DESC LIMIT \(limit)) AS m
            JOIN run r ON r.tenant_id = \(tenant) AND r.id = m.run_id,
            LATERAL (
                SELECT EXISTS (SELECT 1 FROM task t WHERE t.tenant_id = \(tenant) AND t.run_id = r.id AND t.class = 'person')
                           AS asked,
                       EXISTS (SELECT 1 FROM task t WHERE t.tenant_id = \(tenant) AND t.run_id = r.id AND t.kind = 'exception')
                           AS excepted,
                       EXISTS (SELECT 1 FROM clock c
                               WHERE c.tenant_id = \(tenant) AND c.run_id = r.id AND c.outcome = 'breached') AS late) AS was
        WHERE r.finished_at IS NOT NULL
            -- One that went over to another version says nothing of the one it began by.
            AND (r.workflow_version = (SELECT o.version FROM rollout o WHERE o.tenant_id = \(tenant) AND o.id = \(rollout)))
                = (arms.arm = 'candidate')
        GROUP BY arms.arm
        """
    }

    /// How many comparisons since then found what (`verdict`, `n`).
    package static func verdicts(tenant: TenantID, rollout: RolloutID, since: Moment) -> SQL {
        """
        SELECT s.verdict, count(*) AS n FROM shadow_comparison s
        WHERE s.tenant_id = \(tenant) AND s.rollout_id = \(rollout) AND s.at >= \(since) GROUP BY s.verdict
        """
    }

    /// In what comparisons differ, and what is at stake (`kind`, `n`, `currency`, `minor`).
    package static func kinds(tenant: TenantID, rollout: RolloutID) -> SQL {
        """
        SELECT kind, s.currency, count(*) AS n, coalesce(sum(s.amount_minor), 0)::bigint AS minor
        FROM shadow_comparison s, unnest(s.kinds) AS kind
        WHERE s.tenant_id = \(tenant) AND s.rollout_id = \(rollout) GROUP BY kind, s.currency ORDER BY kind, s.currency
        """
    }

    /// Comparisons, newest first; of one verdict or of all.
    package static func comparisons(
        tenant: TenantID, rollout: RolloutID, verdict: String?, before: (Moment, RunID)?, limit: Int
    ) -> SQL {
        let wanted: SQL = verdict.map { "AND s.verdict = \($0)" } ?? ""
        let cursor: SQL = before.map { "AND (s.at, s.run_id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT s.tenant_id, s.run_id, s.lane, s.rollout_id, s.at, s.verdict, s.subject, s.amount_minor, s.currency, s.report
            FROM shadow_comparison s WHERE s.tenant_id = \(tenant) AND s.rollout_id = \(rollout) \(wanted) \(cursor)
            ORDER BY s.at DESC, s.run_id DESC LIMIT \(limit)
            """
    }
}
