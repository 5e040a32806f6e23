package import Kernel
package import Postgres

extension Subject {
    package enum WorkStop: Sendable {}
}

package typealias WorkStopID = ID<Subject.WorkStop>

/// Work that somebody has stopped, and why; open until somebody lets it go on.
package struct WorkStopRow: Sendable {
    package let tenant: TenantID
    package let id: WorkStopID
    package let lane: Int32
    /// `tenant`, `worker`, `connection`, or `suspension` while the tenant itself is suspended.
    package let kind: String
    /// Only of one connection.
    package let connection: String?
    package let reason: String
    package let placedBy: PersonID
    package let placedAt: Moment
    package let releasedBy: PersonID?
    package let releasedAt: Moment?
    package let releaseReason: String?

    package init(
        tenant: TenantID, id: WorkStopID, lane: Int32, kind: String, connection: String?, reason: String, placedBy: PersonID,
        placedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.kind = kind
        self.connection = connection
        self.reason = reason
        self.placedBy = placedBy
        self.placedAt = placedAt
        releasedBy = nil
        releasedAt = nil
        releaseReason = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: WorkStopID.self)
        lane = try row.get("lane", as: Int32.self)
        kind = try row.get("kind", as: String.self)
        connection = try row.get("connection", as: String?.self)
        reason = try row.get("reason", as: String.self)
        placedBy = try row.get("placed_by", as: PersonID.self)
        placedAt = try row.get("placed_at", as: Moment.self)
        releasedBy = try row.get("released_by", as: PersonID?.self)
        releasedAt = try row.get("released_at", as: Moment?.self)
        releaseReason = try row.get("release_reason", as: String?.self)
    }
}

/// Work that is stopped. What workers are given looks here in its own statements (`ReadyQueries.take`).
package enum WorkStopQueries {
    /// No row when the same is stopped already.
    package static func place(_ row: WorkStopRow) -> SQL {
        """
        INSERT INTO work_stop (tenant_id, id, lane, kind, connection, reason, placed_by, placed_at)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.kind), \(optional: row.connection), \(row.reason), \(row.placedBy),
            \(row.placedAt))
        ON CONFLICT DO NOTHING RETURNING *
        """
    }

    /// One row when it was open.
    package static func release(tenant: TenantID, id: WorkStopID, by person: PersonID, at now: Moment, reason: String) -> SQL {
        """
        UPDATE work_stop SET released_by = \(person), released_at = \(now), release_reason = \(reason)
        WHERE tenant_id = \(tenant) AND id = \(id) AND released_at IS NULL RETURNING *
        """
    }

    package static func find(tenant: TenantID, id: WorkStopID) -> SQL {
        "SELECT * FROM work_stop WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    /// All that is stopped now; each at most once.
    package static func open(tenant: TenantID) -> SQL {
        "SELECT * FROM work_stop WHERE tenant_id = \(tenant) AND released_at IS NULL ORDER BY placed_at, id LIMIT 500"
    }

    /// The newest first, those that are over as well.
    package static func page(tenant: TenantID, before: (Moment, WorkStopID)?, limit: Int) -> SQL {
        let older: SQL = before.map { "AND (placed_at, id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT * FROM work_stop WHERE tenant_id = \(tenant) \(older) ORDER BY placed_at DESC, id DESC LIMIT \(limit)
            """
    }

    /// What workers hold now, and what waits for them; of one connection, or of all.
    package static func touched(tenant: TenantID, connection: String?) -> SQL {
        let only: SQL = connection.map { "AND connection = \($0)" } ?? ""
        return """
            SELECT count(*) FILTER (WHERE state = 'ready') AS ready, count(*) FILTER (WHERE state = 'leased') AS leased
            FROM task WHERE tenant_id = \(tenant) AND class = 'worker' AND finished_at IS NULL \(only)
            """
    }

    /// As report: the tenants whose workers are sent home.
    package static func sentHome() -> SQL {
        "SELECT tenant_id FROM work_stop WHERE kind IN ('worker', 'suspension') AND released_at IS NULL LIMIT 5000"
    }
}
