package import Kernel
package import Postgres

/// Cases of an objective that were decided in one minute; what is taken back has a minus.
package struct DecidedCases: Hashable, Sendable {
    package let tenant: TenantID
    package let objective: String
    /// Any instant of the minute.
    package let at: Moment
    package let good: Int64
    package let bad: Int64

    package init(tenant: TenantID, objective: String, at: Moment, good: Int64, bad: Int64) {
        self.tenant = tenant
        self.objective = objective
        self.at = at
        self.good = good
        self.bad = bad
    }
}

/// What error budgets are computed from.
package enum BudgetQueries {
    /// Adds what a batch decided. The batch's owner is the only writer of its tenants' rows.
    package static func count(lane: Int32, _ cases: [DecidedCases]) -> SQL {
        """
        INSERT INTO slo_minute (tenant_id, objective, minute, lane, good, bad)
        SELECT n.tenant_id, n.objective, date_trunc('minute', n.at), \(lane), sum(n.good)::bigint, sum(n.bad)::bigint
        FROM unnest(\(cases.map(\.tenant)), \(cases.map(\.objective)), \(cases.map(\.at)), \(cases.map(\.good)),
            \(cases.map(\.bad))) AS n(tenant_id, objective, at, good, bad)
        GROUP BY 1, 2, 3
        ON CONFLICT (tenant_id, objective, minute)
            DO UPDATE SET good = slo_minute.good + excluded.good, bad = slo_minute.bad + excluded.bad
        """
    }

    /// The minutes from `recent` on one by one, and those from `since` until then by their day, counted from `since`
    /// (`objective`, `starts`, `good`, `bad`).
    package static func minutes(tenant: TenantID, since: Moment, recent: Moment) -> SQL {
        """
        SELECT objective, minute AS starts, good, bad FROM slo_minute
        WHERE tenant_id = \(tenant) AND minute >= \(recent)
        UNION ALL
        SELECT objective, \(since) + make_interval(secs => floor(extract(epoch FROM minute - \(since)) / 86400) * 86400),
            sum(good)::bigint, sum(bad)::bigint
        FROM slo_minute WHERE tenant_id = \(tenant) AND minute >= \(since) AND minute < \(recent) GROUP BY 1, 2
        ORDER BY 1, 2
        """
    }

    /// Minutes nobody asks about any longer.
    package static func trim(tenant: TenantID, before: Moment) -> SQL {
        "DELETE FROM slo_minute WHERE tenant_id = \(tenant) AND minute < \(before)"
    }

    /// One row when the alarm was not up, or when it was told of before `tellBefore`; whoever gets it tells.
    package static func raise(tenant: TenantID, objective: String, alarm: String, now: Moment, tellBefore: Moment) -> SQL {
        """
        INSERT INTO slo_alarm AS a (tenant_id, objective, alarm, since, told_at)
        VALUES (\(tenant), \(objective), \(alarm), \(now), \(now))
        ON CONFLICT (tenant_id, objective, alarm) DO UPDATE SET told_at = excluded.told_at WHERE a.told_at < \(tellBefore)
        RETURNING since
        """
    }

    /// One row when the alarm was up; whoever gets it says that it is over.
    package static func clear(tenant: TenantID, objective: String, alarm: String) -> SQL {
        """
        DELETE FROM slo_alarm WHERE tenant_id = \(tenant) AND objective = \(objective) AND alarm = \(alarm) RETURNING since
        """
    }

    /// The alarms that are up, the oldest first (`objective`, `alarm`, `since`).
    package static func alarms(tenant: TenantID) -> SQL {
        "SELECT objective, alarm, since FROM slo_alarm WHERE tenant_id = \(tenant) ORDER BY since, objective, alarm"
    }
}
