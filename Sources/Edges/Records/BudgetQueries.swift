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

/// A run that an objective without a clock has judged.
package struct JudgedRunRow: Sendable {
    package static let untouched = "untouched"

    package let tenant: TenantID
    package let run: RunID
    package let objective: String
    package let contractAsset: AssetID
    package let contractVersion: String
    /// `untouched`, or how it was touched, or how it ended without an effect.
    package let cause: String
    package let at: Moment

    package var isGood: Bool { cause == JudgedRunRow.untouched }

    package init(
        tenant: TenantID, run: RunID, objective: String, contractAsset: AssetID, contractVersion: String, cause: String,
        at: Moment
    ) {
        self.tenant = tenant
        self.run = run
        self.objective = objective
        self.contractAsset = contractAsset
        self.contractVersion = contractVersion
        self.cause = cause
        self.at = at
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        run = try row.get("run_id", as: RunID.self)
        objective = try row.get("objective", as: String.self)
        contractAsset = try row.get("contract_asset", as: AssetID.self)
        contractVersion = try row.get("contract_version", as: String.self)
        cause = try row.get("cause", as: String.self)
        at = try row.get("judged_at", as: Moment.self)
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

    /// Keeps how runs were judged, each once, and counts those that were not judged before: a run that comes back to life and
    /// ends again is no second case.
    package static func judge(lane: Int32, _ rows: [JudgedRunRow]) -> SQL {
        """
        WITH fresh AS (
            INSERT INTO judged_run (tenant_id, run_id, objective, lane, contract_asset, contract_version, is_good, cause,
                                    judged_at)
            SELECT n.tenant_id, n.run_id, n.objective, \(lane), n.asset, n.version, n.is_good, n.cause, n.at
            FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.run)), \(rows.map(\.objective)), \(rows.map(\.contractAsset)),
                \(rows.map(\.contractVersion)), \(rows.map(\.isGood)), \(rows.map(\.cause)), \(rows.map(\.at)))
                AS n(tenant_id, run_id, objective, asset, version, is_good, cause, at)
            ON CONFLICT DO NOTHING RETURNING tenant_id, objective, judged_at, is_good)
        INSERT INTO slo_minute (tenant_id, objective, minute, lane, good, bad)
        SELECT tenant_id, objective, date_trunc('minute', judged_at), \(lane), count(*) FILTER (WHERE is_good),
            count(*) FILTER (WHERE NOT is_good)
        FROM fresh GROUP BY 1, 2, 3
        ON CONFLICT (tenant_id, objective, minute)
            DO UPDATE SET good = slo_minute.good + excluded.good, bad = slo_minute.bad + excluded.bad
        """
    }

    /// How a run was judged, by every objective that did.
    package static func judged(tenant: TenantID, run: RunID) -> SQL {
        """
        SELECT tenant_id, run_id, objective, contract_asset, contract_version, cause, judged_at FROM judged_run
        WHERE tenant_id = \(tenant) AND run_id = \(run) ORDER BY objective
        """
    }

    /// The runs judged last, those that were touched first.
    package static func judged(tenant: TenantID, objective: String, since: Moment, limit: Int) -> SQL {
        """
        SELECT tenant_id, run_id, objective, contract_asset, contract_version, cause, judged_at FROM judged_run
        WHERE tenant_id = \(tenant) AND objective = \(objective) AND judged_at >= \(since)
        ORDER BY is_good, judged_at DESC, run_id DESC LIMIT \(Int64(limit))
        """
    }

    /// Per objective: how many runs were judged since `since`, and how (`objective`, `n`, `met`, `breached`).
    package static func judgedAttainment(tenant: TenantID, since: Moment) -> SQL {
        """
        SELECT objective, count(*) AS n, count(*) FILTER (WHERE is_good) AS met, count(*) FILTER (WHERE NOT is_good) AS breached
        FROM judged_run WHERE tenant_id = \(tenant) AND judged_at >= \(since) GROUP BY objective ORDER BY objective
        """
    }

    /// By cause (`cause`, `n`), the most frequent first.
    package static func causes(tenant: TenantID, objective: String, since: Moment) -> SQL {
        """
        SELECT cause, count(*) AS n FROM judged_run
        WHERE tenant_id = \(tenant) AND objective = \(objective) AND judged_at >= \(since)
        GROUP BY cause ORDER BY n DESC, cause LIMIT 50
        """
    }

    /// Those of a contract in a time, in the order in which they were judged, after one.
    package static func judged(
        tenant: TenantID, contract: AssetID, from: Moment, to: Moment, after run: RunID?, limit: Int
    ) -> SQL {
        let later: SQL =
            run.map {
                """
                AND (judged_at, run_id) > (SELECT p.judged_at, p.run_id FROM judged_run p
                    WHERE p.tenant_id = \(tenant) AND p.run_id = \($0) AND p.contract_asset = \(contract) LIMIT 1)
                """
            } ?? ""
        return """
            SELECT tenant_id, run_id, objective, contract_asset, contract_version, cause, judged_at FROM judged_run
            WHERE tenant_id = \(tenant) AND contract_asset = \(contract) AND judged_at >= \(from) AND judged_at < \(to) \(later)
            ORDER BY judged_at, run_id LIMIT \(Int64(limit))
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
