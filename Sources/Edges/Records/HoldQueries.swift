package import Kernel
package import Postgres

extension Subject {
    package enum Hold {}
}

/// A legal hold.
package typealias HoldID = ID<Subject.Hold>

/// Who forbids that something is removed, and why.
package struct HoldRow: Sendable {
    package let tenant: TenantID
    package let id: HoldID
    /// Nil for everything of the tenant.
    package let run: RunID?
    package let reason: String
    package let placedBy: PersonID
    package let placedAt: Moment
    package let releasedBy: PersonID?
    package let releasedAt: Moment?
    package let releaseReason: String?

    package init(tenant: TenantID, id: HoldID, run: RunID?, reason: String, placedBy: PersonID, placedAt: Moment) {
        self.tenant = tenant
        self.id = id
        self.run = run
        self.reason = reason
        self.placedBy = placedBy
        self.placedAt = placedAt
        releasedBy = nil
        releasedAt = nil
        releaseReason = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: HoldID.self)
        run = try row.get("run_id", as: RunID?.self)
        reason = try row.get("reason", as: String.self)
        placedBy = try row.get("placed_by", as: PersonID.self)
        placedAt = try row.get("placed_at", as: Moment.self)
        releasedBy = try row.get("released_by", as: PersonID?.self)
        releasedAt = try row.get("released_at", as: Moment?.self)
        releaseReason = try row.get("release_reason", as: String?.self)
    }
}

/// What must not be removed, whatever its time.
package enum HoldQueries {
    /// Lets a removal that is under way end first; the caller's transaction keeps the next one waiting.
    package static func wait() -> SQL {
        "SELECT pg_advisory_xact_lock_shared(\(KeepingQueries.lock.first), \(KeepingQueries.lock.second))"
    }

    package static func place(_ hold: HoldRow) -> SQL {
        """
        INSERT INTO legal_hold (tenant_id, id, run_id, reason, placed_by, placed_at)
        VALUES (\(hold.tenant), \(hold.id), \(hold.run), \(hold.reason), \(hold.placedBy), \(hold.placedAt))
        """
    }

    /// One row when the hold was open.
    package static func release(tenant: TenantID, id: HoldID, by person: PersonID, at now: Moment, reason: String) -> SQL {
        """
        UPDATE legal_hold SET released_by = \(person), released_at = \(now), release_reason = \(reason)
        WHERE tenant_id = \(tenant) AND id = \(id) AND released_at IS NULL RETURNING *
        """
    }

    /// What the hold had covered is looked at again.
    package static func lookAgain(tenant: TenantID, run: RunID?) -> SQL {
        """
        UPDATE retention_mark SET run_id = '00000000-0000-0000-0000-000000000000', finished_at = least(finished_at,
            coalesce((SELECT r.finished_at FROM run r WHERE r.tenant_id = \(tenant) AND r.id = \(run)), '-infinity'))
        WHERE tenant_id = \(tenant)
        """
    }

    package static func find(tenant: TenantID, id: HoldID) -> SQL {
        "SELECT * FROM legal_hold WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    /// The newest first.
    package static func page(tenant: TenantID, openOnly: Bool, before: (Moment, HoldID)?, limit: Int) -> SQL {
        let open: SQL = openOnly ? "AND released_at IS NULL" : ""
        let cursor: SQL = before.map { "AND (placed_at, id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT * FROM legal_hold WHERE tenant_id = \(tenant) \(open) \(cursor)
            ORDER BY placed_at DESC, id DESC LIMIT \(limit)
            """
    }

    /// Those that keep this run.
    package static func over(tenant: TenantID, run: RunID) -> SQL {
        """
        SELECT * FROM legal_hold WHERE tenant_id = \(tenant) AND released_at IS NULL AND (run_id IS NULL OR run_id = \(run))
        ORDER BY placed_at LIMIT 20
        """
    }
}
