package import Kernel
package import Postgres

extension Subject {
    package enum Schedule: Sendable {}
}

/// The times at which a workflow of a tenant begins.
package typealias ScheduleID = ID<Subject.Schedule>

/// How far a schedule of a tenant has been kept.
package struct ScheduleRow: Sendable {
    package static let active = "active"
    package static let paused = "paused"
    package static let retired = "retired"

    package let tenant: TenantID
    package let id: ScheduleID
    package let lane: Int32
    package let workflow: String
    package var version: String
    package var state: String
    package var rule: JSONValue
    package var fingerprint: String
    package var zoneVersion: String
    /// Every time up to this instant has been settled.
    package var settledThrough: Moment
    /// Times so far.
    package var number: Int64
    package var nextAt: Moment?
    /// Why it cannot be planned; empty when it can.
    package var trouble: String
    package var reason: String
    package var changedBy: PersonID?
    package var changedAt: Moment

    /// One that begins now and has had no time yet.
    package init(
        tenant: TenantID, id: ScheduleID, lane: Int32, workflow: String, version: String, rule: JSONValue, fingerprint: String,
        zoneVersion: String, from: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.workflow = workflow
        self.version = version
        state = ScheduleRow.active
        self.rule = rule
        self.fingerprint = fingerprint
        self.zoneVersion = zoneVersion
        settledThrough = from
        number = 0
        trouble = ""
        reason = ""
        changedAt = from
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: ScheduleID.self)
        lane = try row.get("lane", as: Int32.self)
        workflow = try row.get("workflow", as: String.self)
        version = try row.get("version", as: String.self)
        state = try row.get("state", as: String.self)
        rule = try row.get("rule", as: JSONValue.self)
        fingerprint = try row.get("fingerprint", as: String.self)
        zoneVersion = try row.get("zone_version", as: String.self)
        settledThrough = try row.get("settled_through", as: Moment.self)
        number = try row.get("number", as: Int64.self)
        nextAt = try row.get("next_at", as: Moment?.self)
        trouble = try row.get("trouble", as: String.self)
        reason = try row.get("reason", as: String.self)
        changedBy = try row.get("changed_by", as: PersonID?.self)
        changedAt = try row.get("changed_at", as: Moment.self)
    }
}

/// What became of a time of a schedule, or of several that were left out together.
package struct ScheduleTimeRow: Sendable {
    package static let started = "started"
    package static let waiting = "waiting"
    package static let skipped = "skipped"
    package static let missed = "missed"
    package static let refused = "refused"

    package let tenant: TenantID
    package let schedule: ScheduleID
    /// The last of them.
    package let nominal: Moment
    package let lane: Int32
    package let number: Int64
    package let firstNominal: Moment
    package let count: Int32
    package var outcome: String
    package var reason: String
    package let version: String
    package let zoneVersion: String
    package var settledAt: Moment
    package var run: RunID?
    package var endedAt: Moment?

    package init(
        _ schedule: ScheduleRow, nominal: Moment, number: Int64, first: Moment? = nil, count: Int32 = 1, outcome: String,
        reason: String = "", at now: Moment, run: RunID? = nil
    ) {
        tenant = schedule.tenant
        self.schedule = schedule.id
        self.nominal = nominal
        lane = schedule.lane
        self.number = number
        firstNominal = first ?? nominal
        self.count = count
        self.outcome = outcome
        self.reason = reason
        version = schedule.version
        zoneVersion = schedule.zoneVersion
        settledAt = now
        self.run = run
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        schedule = try row.get("schedule_id", as: ScheduleID.self)
        nominal = try row.get("nominal", as: Moment.self)
        lane = try row.get("lane", as: Int32.self)
        number = try row.get("number", as: Int64.self)
        firstNominal = try row.get("first_nominal", as: Moment.self)
        count = try row.get("count", as: Int32.self)
        outcome = try row.get("outcome", as: String.self)
        reason = try row.get("reason", as: String.self)
        version = try row.get("version", as: String.self)
        zoneVersion = try row.get("zone_version", as: String.self)
        settledAt = try row.get("settled_at", as: Moment.self)
        run = try row.get("run_id", as: RunID?.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

package enum ScheduleQueries {
    private static let columns: SQL = """
        s.tenant_id, s.id, s.lane, s.workflow, s.version, s.state, s.rule, s.fingerprint, s.zone_version, s.settled_through,
        s.number, s.next_at, s.trouble, s.reason, s.changed_by, s.changed_at
        """
    private static let timeColumns: SQL = """
        t.tenant_id, t.schedule_id, t.nominal, t.lane, t.number, t.first_nominal, t.count, t.outcome, t.reason, t.version,
        t.zone_version, t.settled_at, t.run_id, t.ended_at
        """

    /// The schedules of these tenants, locked.
    package static func lock(lane: Int32, tenants: [TenantID]) -> SQL {
        """
        SELECT \(columns) FROM schedule s WHERE s.lane = \(lane) AND s.tenant_id = ANY(\(tenants))
        ORDER BY s.tenant_id, s.id FOR UPDATE
        """
    }

    /// Times of these tenants that wait, or whose run was not seen to end; `finished_at` says when it did.
    package static func open(lane: Int32, tenants: [TenantID]) -> SQL {
        """
        SELECT \(timeColumns), r.finished_at
        FROM schedule_time t LEFT JOIN run r ON r.tenant_id = t.tenant_id AND r.id = t.run_id
        WHERE t.lane = \(lane) AND t.tenant_id = ANY(\(tenants))
            AND (t.outcome = 'waiting' OR t.outcome = 'started' AND t.ended_at IS NULL)
        ORDER BY t.tenant_id, t.schedule_id, t.nominal
        """
    }

    package static func all(tenant: TenantID) -> SQL {
        "SELECT \(columns) FROM schedule s WHERE s.tenant_id = \(tenant) ORDER BY s.workflow"
    }

    package static func put(_ row: ScheduleRow) -> SQL {
        """
        INSERT INTO schedule (tenant_id, id, lane, workflow, version, state, rule, fingerprint, zone_version, settled_through,
                              number, next_at, trouble, reason, changed_by, changed_at)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.workflow), \(row.version), \(row.state), \(row.rule),
                \(row.fingerprint), \(row.zoneVersion), \(row.settledThrough), \(row.number), \(optional: row.nextAt),
                \(row.trouble), \(row.reason), \(optional: row.changedBy), \(row.changedAt))
        ON CONFLICT (tenant_id, id) DO UPDATE SET version = excluded.version, state = excluded.state, rule = excluded.rule,
            fingerprint = excluded.fingerprint, zone_version = excluded.zone_version,
            settled_through = excluded.settled_through, number = excluded.number, next_at = excluded.next_at,
            trouble = excluded.trouble, reason = excluded.reason, changed_by = excluded.changed_by,
            changed_at = excluded.changed_at
        """
    }

    /// A time that waited changes its outcome; one that has begun is only seen to end.
    package static func putTime(_ row: ScheduleTimeRow) -> SQL {
        """
        INSERT INTO schedule_time (tenant_id, schedule_id, nominal, lane, number, first_nominal, count, outcome, reason, version,
                                   zone_version, settled_at, run_id, ended_at)
        VALUES (\(row.tenant), \(row.schedule), \(row.nominal), \(row.lane), \(row.number), \(row.firstNominal), \(row.count),
                \(row.outcome), \(row.reason), \(row.version), \(row.zoneVersion), \(row.settledAt), \(optional: row.run),
                \(optional: row.endedAt))
        ON CONFLICT (tenant_id, schedule_id, nominal) DO UPDATE SET outcome = excluded.outcome, reason = excluded.reason,
            settled_at = excluded.settled_at, run_id = excluded.run_id, ended_at = excluded.ended_at
        """
    }

    /// The start of a run was refused.
    package static func refuse(
        lane: Int32, tenant: TenantID, schedule: ScheduleID, run: RunID, reason: String, at now: Moment
    )
        -> SQL
    {
        """
        UPDATE schedule_time t SET outcome = 'refused', reason = \(reason), ended_at = \(now)
        WHERE t.lane = \(lane) AND t.tenant_id = \(tenant) AND t.schedule_id = \(schedule) AND t.run_id = \(run)
            AND t.outcome = 'started'
        """
    }

    /// Forgets what became of times up to a number, but not of those that are still open.
    package static func forget(lane: Int32, tenant: TenantID, schedule: ScheduleID, through number: Int64) -> SQL {
        """
        DELETE FROM schedule_time t
        WHERE t.lane = \(lane) AND t.tenant_id = \(tenant) AND t.schedule_id = \(schedule) AND t.number <= \(number)
            AND NOT (t.outcome = 'waiting' OR t.outcome = 'started' AND t.ended_at IS NULL)
        """
    }

    /// What became of the times of a schedule, latest first.
    package static func times(tenant: TenantID, schedule: ScheduleID, before: Moment?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND t.nominal < \($0)" } ?? ""
        return """
            SELECT \(timeColumns) FROM schedule_time t WHERE t.tenant_id = \(tenant) AND t.schedule_id = \(schedule) \(cursor)
            ORDER BY t.nominal DESC LIMIT \(limit)
            """
    }
}
