package import Kernel
package import Postgres

/// What removes history that is past its time.
package enum KeepingQueries {
    /// Of the advisory lock between what removes history and what forbids to.
    static let lock: (first: Int32, second: Int32) = (0x4B33, 1)

    /// One keeper at a time until the transaction ends, or the word that another one is at it (`is_leader`). Holds are placed
    /// before or after, and never between a look and what follows from it.
    package static func lead() -> SQL {
        "SELECT pg_try_advisory_xact_lock(\(lock.first), \(lock.second)) AS is_leader"
    }

    /// The owner of the tables reads as the keeper, until `own`.
    package static func become() -> SQL { "SELECT set_config('role', 'countersign_keeper', true)" }
    package static func own() -> SQL { "SELECT set_config('role', 'none', true)" }

    /// Waits no longer than this for a lock that everybody would then wait for.
    package static func hurry(milliseconds: Int) -> SQL {
        "SELECT set_config('lock_timeout', \(String(milliseconds)), true)"
    }

    /// The months there are, the oldest first (`month`, `lines`, `bytes`).
    package static func months() -> SQL {
        """
        SELECT replace(substr(c.relname::text, 9), '_', '-') AS month, c.reltuples::bigint AS lines,
            pg_total_relation_size(c.oid) AS bytes
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'public.history'::regclass AND c.relname <> 'history_rest' ORDER BY 1
        """
    }

    /// Lines that lie in no month, by the month they belong to (`starts`, `lines`); the first `limit` of them.
    package static func unplaced(limit: Int) -> SQL {
        """
        SELECT date_trunc('month', history_instant(r.run_id), 'UTC') AS starts, count(*) AS lines
        FROM (SELECT run_id FROM history_rest LIMIT \(limit)) AS r GROUP BY 1 ORDER BY 1
        """
    }

    /// Makes the month that begins then, with what lay in none; `made` is false when it is there.
    package static func make(_ month: HistoryMonth) -> SQL { "SELECT history_make(\(month.starts)) AS made" }

    /// Takes the month away; `dropped` is false when somebody else did.
    package static func drop(_ month: HistoryMonth) -> SQL { "SELECT history_drop(\(month.description)) AS dropped" }

    /// What keeps a month, for each tenant of which anything does.
    package static func obstacles(_ month: HistoryMonth, _ terms: [KeepingTerm], now: Moment) -> SQL {
        """
        SELECT * FROM (
            SELECT t.tenant_id,
                EXISTS (SELECT FROM run r WHERE r.tenant_id = t.tenant_id AND r.id >= \(month.lowest) AND r.id < \(month.beyond)
                    AND r.finished_at IS NULL) AS unfinished,
                EXISTS (SELECT FROM run r WHERE r.tenant_id = t.tenant_id AND r.id >= \(month.lowest) AND r.id < \(month.beyond)
                    AND r.finished_at >= \(now) - make_interval(months => t.months)) AS recent,
                EXISTS (SELECT FROM legal_hold h WHERE h.tenant_id = t.tenant_id AND h.released_at IS NULL
                    AND EXISTS (SELECT FROM run r WHERE r.tenant_id = t.tenant_id AND r.id >= \(month.lowest)
                        AND r.id < \(month.beyond) AND (h.run_id IS NULL OR r.id = h.run_id))) AS held
            FROM unnest(\(terms.map(\.tenant)), \(terms.map { Int32($0.months) })) AS t(tenant_id, months)) AS found
        WHERE unfinished OR recent OR held
        """
    }

    /// Tenants with an audit entry about a run of the month that no published checkpoint covers.
    package static func unsealed(_ month: HistoryMonth, tenants: [TenantID]) -> SQL {
        """
        SELECT t.tenant_id FROM unnest(\(tenants)) AS t(tenant_id),
            LATERAL (SELECT coalesce(max(c.size), 0) AS size FROM audit_checkpoint c
                WHERE c.tenant_id = t.tenant_id AND c.published_at IS NOT NULL) AS proven
        WHERE EXISTS (SELECT FROM audit_entry a WHERE a.tenant_id = t.tenant_id AND a.run_id >= \(month.lowest)
            AND a.run_id < \(month.beyond) AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.tenant_id = t.tenant_id
                AND s.entry_id = a.id AND s.seq < proven.size))
        """
    }

    /// What goes with a month, by tenant (`runs`, `lines`).
    package static func contents(_ month: HistoryMonth) -> SQL {
        """
        SELECT tenant_id, count(*) AS runs, sum(n)::bigint AS lines FROM (
            SELECT tenant_id, run_id, count(*) AS n FROM history
            WHERE run_id >= \(month.lowest) AND run_id < \(month.beyond) GROUP BY tenant_id, run_id) AS run_lines
        GROUP BY tenant_id
        """
    }

    /// The tenant's next finished runs past `months`, in the order in which they ended, after those that were seen to.
    package static func due(tenant: TenantID, months: Int, now: Moment, limit: Int) -> SQL {
        """
        SELECT r.id, r.finished_at,
            EXISTS (SELECT FROM legal_hold h WHERE h.tenant_id = \(tenant) AND h.released_at IS NULL
                AND (h.run_id IS NULL OR h.run_id = r.id)) AS held,
            NOT EXISTS (SELECT FROM audit_entry a WHERE a.tenant_id = \(tenant) AND a.run_id = r.id
                AND NOT EXISTS (SELECT FROM audit_seal s WHERE s.tenant_id = \(tenant) AND s.entry_id = a.id
                    AND s.seq < proven.size)) AS sealed
        FROM (SELECT coalesce(max(c.size), 0) AS size FROM audit_checkpoint c
                WHERE c.tenant_id = \(tenant) AND c.published_at IS NOT NULL) AS proven,
            (SELECT coalesce(m.finished_at, '-infinity') AS finished_at,
                coalesce(m.run_id, '00000000-0000-0000-0000-000000000000') AS run_id
                FROM (SELECT 1) AS one LEFT JOIN retention_mark m ON m.tenant_id = \(tenant)) AS mark,
            run r
        WHERE r.tenant_id = \(tenant) AND r.finished_at < \(now) - make_interval(months => \(Int32(months)))
          AND r.finished_at >= mark.finished_at AND (r.finished_at, r.id) > (mark.finished_at, mark.run_id)
        ORDER BY r.finished_at, r.id LIMIT \(limit)
        """
    }

    package static func removeLines(tenant: TenantID, runs: [RunID]) -> SQL {
        "DELETE FROM history WHERE tenant_id = \(tenant) AND run_id = ANY(\(runs))"
    }

    /// The runs up to this one, in the order in which they ended, are seen to.
    package static func mark(tenant: TenantID, finishedAt: Moment, run: RunID) -> SQL {
        """
        INSERT INTO retention_mark (tenant_id, finished_at, run_id) VALUES (\(tenant), \(finishedAt), \(run))
        ON CONFLICT (tenant_id) DO UPDATE SET finished_at = excluded.finished_at, run_id = excluded.run_id
        """
    }

    /// Takes the oldest lines of the live feed away, as far as they are older than `before`.
    package static func trimFeed(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM outbox WHERE tenant_id = \(tenant) AND at < \(before) AND NOT EXISTS (
                SELECT FROM legal_hold h WHERE h.tenant_id = \(tenant) AND h.released_at IS NULL AND h.run_id IS NULL)
          AND id IN (SELECT o.id FROM outbox o WHERE o.tenant_id = \(tenant) ORDER BY o.id LIMIT \(limit))
        """
    }

    // MARK: Records that name people or their work

    /// Sessions that ended, or ran out, before then.
    package static func forgetSessions(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM session WHERE tenant_id = \(tenant) AND id IN (
            SELECT s.id FROM session s WHERE s.tenant_id = \(tenant) AND coalesce(s.ended_at, s.expires_at) < \(before)
            LIMIT \(limit))
        """
    }

    /// Links that were used, or ran out, before then.
    package static func forgetLinks(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM sign_in_link WHERE tenant_id = \(tenant) AND id IN (
            SELECT l.id FROM sign_in_link l WHERE l.tenant_id = \(tenant) AND coalesce(l.used_at, l.expires_at) < \(before)
            LIMIT \(limit))
        """
    }

    /// What subscribers of a status page were told, as old as that, with the proof of each try.
    package static func forgetDeliveries(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM status_delivery WHERE tenant_id = \(tenant) AND id IN (
            SELECT d.id FROM status_delivery d WHERE d.tenant_id = \(tenant) AND d.ended_at < \(before) LIMIT \(limit))
        """
    }

    /// Subscriptions that were ended before then, that never were confirmed, or whose page has been off since then; what they
    /// were told goes along.
    package static func forgetSubscribers(tenant: TenantID, now: Moment, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM status_subscriber WHERE tenant_id = \(tenant) AND id IN (
            SELECT s.id FROM status_subscriber s JOIN status_page p ON p.tenant_id = s.tenant_id
            WHERE s.tenant_id = \(tenant)
              AND (s.ended_at < \(before) OR (s.state = 'asked' AND s.confirm_until < \(now))
                OR (p.audience = 'off' AND p.changed_at < \(before)))
            LIMIT \(limit))
        """
    }

    /// Comparisons of versions, as old as that, of runs that nobody holds.
    package static func forgetComparisons(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM shadow_comparison WHERE tenant_id = \(tenant) AND run_id IN (
            SELECT s.run_id FROM shadow_comparison s WHERE s.tenant_id = \(tenant) AND s.at < \(before)
              AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.tenant_id = \(tenant) AND h.released_at IS NULL
                AND (h.run_id IS NULL OR h.run_id = s.run_id))
            ORDER BY s.at LIMIT \(limit))
        """
    }

    /// Operations as old as that, with their items, where nobody holds a run that they were about.
    package static func forgetOperations(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        WITH due AS (
            SELECT o.id FROM operation o WHERE o.tenant_id = \(tenant) AND o.made_at < \(before)
              AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.tenant_id = \(tenant) AND h.released_at IS NULL
                AND (h.run_id IS NULL OR h.run_id IN (SELECT i.run_id FROM operation_item i
                    WHERE i.tenant_id = \(tenant) AND i.operation_id = o.id)))
            ORDER BY o.made_at, o.id LIMIT \(limit)),
        items AS (DELETE FROM operation_item i USING due WHERE i.tenant_id = \(tenant) AND i.operation_id = due.id)
        DELETE FROM operation o USING due WHERE o.tenant_id = \(tenant) AND o.id = due.id
        """
    }

    /// Acts under guardrails, as old as that, of runs that have ended and that nobody holds. The sums of days stay.
    package static func forgetActs(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM guardrail_act WHERE tenant_id = \(tenant) AND id IN (
            SELECT a.id FROM guardrail_act a WHERE a.tenant_id = \(tenant) AND a.at < \(before)
              AND NOT EXISTS (SELECT FROM run r WHERE r.tenant_id = \(tenant) AND r.id = a.run_id
                AND (r.finished_at IS NULL OR r.finished_at >= \(before)))
              AND NOT EXISTS (SELECT FROM legal_hold h WHERE h.tenant_id = \(tenant) AND h.released_at IS NULL
                AND (h.run_id IS NULL OR h.run_id = a.run_id))
            ORDER BY a.at, a.id LIMIT \(limit))
        """
    }

    /// Answers that were kept for a repetition of their request, as old as that.
    package static func forgetAnswers(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM idempotency WHERE tenant_id = \(tenant) AND (principal, route, key) IN (
            SELECT i.principal, i.route, i.key FROM idempotency i WHERE i.tenant_id = \(tenant) AND i.created_at < \(before)
            ORDER BY i.created_at LIMIT \(limit))
        """
    }
}
