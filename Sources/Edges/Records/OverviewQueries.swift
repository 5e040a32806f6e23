package import Kernel
package import Postgres

/// Counts of one tenant for pages that span tenants; no payload.
package struct TenantSummaryRow: Sendable {
    package let tenant: TenantID
    package let runsOpen: Int32
    package let waitingOnPeople: Int32
    package let exceptionsOpen: Int32
    package let incidentsOpen: Int32
    package let worstSeverity: String?
    package let clocksAtRisk: Int32
    package let clocksBreached: Int32
    package let postedToday: Int32
    package let tasksReady: Int32
    package let oldestReadyAt: Moment?
    package let deadTasks: Int32
    package let updatedAt: Moment

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        runsOpen = try row.get("runs_open", as: Int32.self)
        waitingOnPeople = try row.get("waiting_on_people", as: Int32.self)
        exceptionsOpen = try row.get("exceptions_open", as: Int32.self)
        incidentsOpen = try row.get("incidents_open", as: Int32.self)
        worstSeverity = try row.get("worst_severity", as: String?.self)
        clocksAtRisk = try row.get("clocks_at_risk", as: Int32.self)
        clocksBreached = try row.get("clocks_breached", as: Int32.self)
        postedToday = try row.get("posted_today", as: Int32.self)
        tasksReady = try row.get("tasks_ready", as: Int32.self)
        oldestReadyAt = try row.get("oldest_ready_at", as: Moment?.self)
        deadTasks = try row.get("dead_tasks", as: Int32.self)
        updatedAt = try row.get("updated_at", as: Moment.self)
    }
}

package enum OverviewQueries {
    /// Counts the tenant anew and stores the result, in the tenant's own transaction. `dayStart` is the tenant's local midnight.
    /// Work that somebody has stopped has no age, and counts anew from when it may go on.
    /// Every count says what an index of open things says too, so that none grows with what has ended.
    package static func refresh(tenant: TenantID, dayStart: Moment, now: Moment) -> SQL {
        """
        INSERT INTO tenant_summary (tenant_id, runs_open, waiting_on_people, exceptions_open, incidents_open, worst_severity,
            clocks_at_risk, clocks_breached, posted_today, tasks_ready, oldest_ready_at, dead_tasks, updated_at)
        SELECT \(tenant),
            (SELECT count(*) FROM run WHERE tenant_id = \(tenant) AND finished_at IS NULL),
            (SELECT count(*) FROM task WHERE tenant_id = \(tenant) AND class = 'person' AND kind = 'approval'
                AND finished_at IS NULL),
            (SELECT count(*) FROM task WHERE tenant_id = \(tenant) AND class = 'person' AND kind = 'exception'
                AND finished_at IS NULL),
            (SELECT count(*) FROM incident WHERE tenant_id = \(tenant) AND state <> 'resolved'),
            (SELECT min(severity) FROM incident WHERE tenant_id = \(tenant) AND state <> 'resolved'),
            (SELECT count(*) FROM clock WHERE tenant_id = \(tenant) AND outcome = 'open' AND warned_at IS NOT NULL
                AND stopped_at IS NULL),
            (SELECT count(*) FROM clock WHERE tenant_id = \(tenant) AND outcome = 'breached' AND stopped_at IS NULL),
            (SELECT count(*) FROM run WHERE tenant_id = \(tenant) AND outcome = 'posted' AND finished_at >= \(dayStart)),
            (SELECT count(*) FROM task WHERE tenant_id = \(tenant) AND class = 'worker' AND state = 'ready'
                AND finished_at IS NULL),
            (SELECT greatest(min(updated_at), (SELECT max(released_at) FROM work_stop WHERE tenant_id = \(tenant)))
                FROM task t WHERE tenant_id = \(tenant) AND class = 'worker' AND state = 'ready' AND finished_at IS NULL
                AND NOT EXISTS (SELECT FROM work_stop s WHERE s.tenant_id = \(tenant) AND s.released_at IS NULL
                    AND (s.kind <> 'connection' OR s.connection = t.connection))
                HAVING min(updated_at) IS NOT NULL),
            (SELECT count(*) FROM task WHERE tenant_id = \(tenant) AND class = 'worker' AND is_dead),
            \(now)
        ON CONFLICT (tenant_id) DO UPDATE SET runs_open = excluded.runs_open, waiting_on_people = excluded.waiting_on_people,
            exceptions_open = excluded.exceptions_open, incidents_open = excluded.incidents_open,
                worst_severity = excluded.worst_severity,
            clocks_at_risk = excluded.clocks_at_risk, clocks_breached = excluded.clocks_breached,
                posted_today = excluded.posted_today,
            tasks_ready = excluded.tasks_ready, oldest_ready_at = excluded.oldest_ready_at, dead_tasks = excluded.dead_tasks,
            updated_at = excluded.updated_at
        """
    }

    /// As report: all scopes with their counts.
    package static func all() -> SQL {
        "SELECT t.* FROM tenant_summary t ORDER BY t.tenant_id LIMIT 5000"
    }

    package static func one(tenant: TenantID) -> SQL {
        "SELECT t.* FROM tenant_summary t WHERE t.tenant_id = \(tenant)"
    }

    package static func putWorker(
        tenant: TenantID, state: String, pid: Int32?, level: String?, residentBytes: Int64?, restarts: Int32, startedAt: Moment?,
        seenAt: Moment,
        detail: String
    ) -> SQL {
        """
        INSERT INTO worker_status (tenant_id, state, pid, level, resident_bytes, restarts, started_at, seen_at, detail)
        VALUES (\(tenant), \(state), \(optional: pid), \(optional: level), \(optional: residentBytes), \(restarts),
            \(optional: startedAt), \(seenAt), \(detail))
        ON CONFLICT (tenant_id) DO UPDATE SET state = excluded.state, pid = excluded.pid, level = excluded.level,
            resident_bytes = excluded.resident_bytes, restarts = excluded.restarts, started_at = excluded.started_at,
            seen_at = excluded.seen_at, detail = excluded.detail
        RETURNING restart_asked_at
        """
    }

    /// Whoever keeps the worker replaces it when it was started before this instant. No row where no worker was ever started.
    package static func askRestart(tenant: TenantID, at now: Moment) -> SQL {
        "UPDATE worker_status SET restart_asked_at = \(now) WHERE tenant_id = \(tenant) RETURNING state"
    }

    /// Says of a worker as last seen by an earlier server that it does not run.
    package static func forgetWorker(tenant: TenantID) -> SQL {
        """
        UPDATE worker_status SET state = 'stopped', pid = NULL, resident_bytes = NULL, restarts = 0, started_at = NULL,
            detail = ''
        WHERE tenant_id = \(tenant)
        """
    }

    package static func workers() -> SQL {
        """
        SELECT tenant_id, state, pid, level, resident_bytes, restarts, started_at, seen_at, detail FROM worker_status
        ORDER BY tenant_id LIMIT 5000
        """
    }

    package static func worker(tenant: TenantID) -> SQL {
        """
        SELECT tenant_id, state, pid, level, resident_bytes, restarts, started_at, seen_at, detail FROM worker_status
        WHERE tenant_id = \(tenant)
        """
    }
}

/// Answers kept for `Idempotency-Key`, per person and route.
package enum IdempotencyQueries {
    /// One row when the key is new; the caller then does the work and calls `finish` in the same or a later transaction.
    package static func begin(
        tenant: TenantID, principal: PersonID, route: String, key: String, fingerprint: [UInt8], now: Moment
    ) -> SQL {
        """
        INSERT INTO idempotency (tenant_id, principal, route, key, fingerprint, created_at)
        VALUES (\(tenant), \(principal), \(route), \(key), \(fingerprint), \(now))
        ON CONFLICT (tenant_id, principal, route, key) DO NOTHING RETURNING key
        """
    }

    package static func find(tenant: TenantID, principal: PersonID, route: String, key: String) -> SQL {
        """
        SELECT fingerprint, status, answer, created_at FROM idempotency
        WHERE tenant_id = \(tenant) AND principal = \(principal) AND route = \(route) AND key = \(key)
        """
    }

    package static func finish(
        tenant: TenantID, principal: PersonID, route: String, key: String, status: Int32, answer: JSONValue
    ) -> SQL {
        """
        UPDATE idempotency SET status = \(status), answer = \(answer)
        WHERE tenant_id = \(tenant) AND principal = \(principal) AND route = \(route) AND key = \(key)
        """
    }

    package static func forget(tenant: TenantID, principal: PersonID, route: String, key: String) -> SQL {
        """
        DELETE FROM idempotency
        WHERE tenant_id = \(tenant) AND principal = \(principal) AND route = \(route) AND key = \(key) AND status IS NULL
        """
    }
}
