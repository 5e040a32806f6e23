package import Kernel
package import Postgres

extension Subject {
    package enum Maintenance {}
}

/// An announced maintenance.
package typealias MaintenanceID = ID<Subject.Maintenance>

/// Maintenance as it was announced: by the operator or a partner to all of theirs, or to one tenant.
package struct MaintenanceRow: Sendable, Equatable {
    /// The scope to which it was announced; it holds for everything below.
    package let tenant: TenantID
    package let id: MaintenanceID
    package var title: String
    /// When people were told of it as it now stands.
    package var announcedAt: Moment
    package var startsAt: Moment
    package var endsAt: Moment
    package let announcedBy: PersonID
    package var changedAt: Moment
    package var cancelledAt: Moment?
    package var reason: String
    package var revision: Int32

    package init(
        tenant: TenantID, id: MaintenanceID, title: String, announcedAt: Moment, startsAt: Moment, endsAt: Moment,
        announcedBy: PersonID
    ) {
        self.tenant = tenant
        self.id = id
        self.title = title
        self.announcedAt = announcedAt
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.announcedBy = announcedBy
        changedAt = announcedAt
        reason = ""
        revision = 1
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: MaintenanceID.self)
        title = try row.get("title", as: String.self)
        announcedAt = try row.get("announced_at", as: Moment.self)
        startsAt = try row.get("starts_at", as: Moment.self)
        endsAt = try row.get("ends_at", as: Moment.self)
        announcedBy = try row.get("announced_by", as: PersonID.self)
        changedAt = try row.get("changed_at", as: Moment.self)
        cancelledAt = try row.get("cancelled_at", as: Moment?.self)
        reason = try row.get("reason", as: String.self)
        revision = try row.get("revision", as: Int32.self)
    }
}

/// Announced maintenance.
package enum MaintenanceQueries {
    /// Windows of one scope that clocks and pages look at.
    package static let windowsMax = 1000

    private static let columns: SQL = """
        m.tenant_id, m.id, m.title, m.announced_at, m.starts_at, m.ends_at, m.announced_by, m.changed_at, m.cancelled_at,
        m.reason, m.revision
        """

    /// What ended at `since` or later, or is to come, the latest first; the cancelled too.
    package static func all(tenant: TenantID, since: Moment) -> SQL {
        """
        SELECT \(columns) FROM maintenance m WHERE m.tenant_id = \(tenant) AND m.ends_at >= \(since)
        ORDER BY m.starts_at DESC, m.id LIMIT \(Int64(windowsMax))
        """
    }

    /// What goes on or is to come in a stretch of time and was not cancelled, the earliest first.
    package static func between(tenant: TenantID, from: Moment, to: Moment) -> SQL {
        """
        SELECT \(columns) FROM maintenance m
        WHERE m.tenant_id = \(tenant) AND m.cancelled_at IS NULL AND m.ends_at > \(from) AND m.starts_at < \(to)
        ORDER BY m.starts_at, m.id LIMIT \(Int64(windowsMax))
        """
    }

    package static func lock(tenant: TenantID, id: MaintenanceID) -> SQL {
        "SELECT \(columns) FROM maintenance m WHERE m.tenant_id = \(tenant) AND m.id = \(id) FOR UPDATE"
    }

    package static func insert(_ row: MaintenanceRow) -> SQL {
        """
        INSERT INTO maintenance (tenant_id, id, title, announced_at, starts_at, ends_at, announced_by, changed_at, reason,
            revision)
        VALUES (\(row.tenant), \(row.id), \(row.title), \(row.announcedAt), \(row.startsAt), \(row.endsAt), \(row.announcedBy),
            \(row.changedAt), \(row.reason), \(row.revision))
        """
    }

    package static func update(_ row: MaintenanceRow) -> SQL {
        """
        UPDATE maintenance SET title = \(row.title), announced_at = \(row.announcedAt), starts_at = \(row.startsAt),
            ends_at = \(row.endsAt), changed_at = \(row.changedAt), cancelled_at = \(optional: row.cancelledAt),
            reason = \(row.reason), revision = \(row.revision)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    /// Runs whose clocks run, oldest first (`run_id`): what maintenance moves.
    package static func runsWithOpenClocks(tenant: TenantID, limit: Int) -> SQL {
        """
        SELECT DISTINCT c.run_id FROM clock c WHERE c.tenant_id = \(tenant) AND c.stopped_at IS NULL
            AND c.run_id IS NOT NULL
        ORDER BY c.run_id LIMIT \(Int64(limit))
        """
    }

    /// What else has clocks that run (`run_id`, `incident_id`, `onboarding_id`).
    package static func othersWithOpenClocks(tenant: TenantID, limit: Int) -> SQL {
        """
        SELECT DISTINCT c.run_id, c.incident_id, c.onboarding_id FROM clock c
        WHERE c.tenant_id = \(tenant) AND c.stopped_at IS NULL AND c.run_id IS NULL
        ORDER BY c.incident_id, c.onboarding_id LIMIT \(Int64(limit))
        """
    }
}
