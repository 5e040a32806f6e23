package import Kernel
package import Postgres

extension Subject {
    package enum Postmortem: Sendable {}
}

package typealias PostmortemID = ID<Subject.Postmortem>

/// A post-mortem; `machine` is the state of the pure machine in the room Incidents.
package struct PostmortemRow: Sendable {
    package let tenant: TenantID
    package let id: PostmortemID
    package var state: String
    package var machine: JSONValue
    package let draftedBy: PersonID
    package let draftedAt: Moment
    package var publishedAt: Moment?
    /// The day on which the next open action is due.
    package var nextDue: CivilDate?

    package init(
        tenant: TenantID, id: PostmortemID, state: String, machine: JSONValue, draftedBy: PersonID, draftedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.state = state
        self.machine = machine
        self.draftedBy = draftedBy
        self.draftedAt = draftedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: PostmortemID.self)
        state = try row.get("state", as: String.self)
        machine = try row.get("machine", as: JSONValue.self)
        draftedBy = try row.get("drafted_by", as: PersonID.self)
        draftedAt = try row.get("drafted_at", as: Moment.self)
        publishedAt = try row.get("published_at", as: Moment?.self)
        nextDue = try row.get("next_due", as: CivilDate?.self)
    }
}

/// Post-mortems, their incidents and the reminders about them.
package enum PostmortemQueries {
    private static let columns: SQL =
        "p.tenant_id, p.id, p.state, p.machine, p.drafted_by, p.drafted_at, p.published_at, p.next_due"

    package static func insert(_ row: PostmortemRow) -> SQL {
        """
        INSERT INTO postmortem (tenant_id, id, state, machine, drafted_by, drafted_at)
        VALUES (\(row.tenant), \(row.id), \(row.state), \(row.machine), \(row.draftedBy), \(row.draftedAt))
        """
    }

    /// Answers the incidents that were not told in another one before.
    package static func tell(tenant: TenantID, id: PostmortemID, incidents: [IncidentID]) -> SQL {
        """
        INSERT INTO postmortem_incident (tenant_id, incident_id, postmortem_id)
        SELECT \(tenant), incident_id, \(id) FROM unnest(\(incidents)) AS told(incident_id)
        ON CONFLICT DO NOTHING RETURNING incident_id
        """
    }

    package static func find(tenant: TenantID, id: PostmortemID) -> SQL {
        "SELECT \(columns) FROM postmortem p WHERE p.tenant_id = \(tenant) AND p.id = \(id)"
    }

    package static func lock(tenant: TenantID, id: PostmortemID) -> SQL {
        "SELECT \(columns) FROM postmortem p WHERE p.tenant_id = \(tenant) AND p.id = \(id) FOR UPDATE"
    }

    package static func update(_ row: PostmortemRow) -> SQL {
        """
        UPDATE postmortem SET state = \(row.state), machine = \(row.machine), published_at = \(optional: row.publishedAt),
            next_due = \(optional: row.nextDue)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    /// The one that tells an incident; no row where none does.
    package static func of(incident: IncidentID, tenant: TenantID) -> SQL {
        """
        SELECT \(columns) FROM postmortem p JOIN postmortem_incident t ON t.tenant_id = p.tenant_id AND t.postmortem_id = p.id
        WHERE p.tenant_id = \(tenant) AND t.incident_id = \(incident)
        """
    }

    package static func incidents(of id: PostmortemID, tenant: TenantID) -> SQL {
        """
        SELECT incident_id FROM postmortem_incident WHERE tenant_id = \(tenant) AND postmortem_id = \(id)
        ORDER BY incident_id
        """
    }

    /// All, the newest first.
    package static func page(tenant: TenantID, before: (Moment, PostmortemID)?, limit: Int) -> SQL {
        let older: SQL = before.map { "AND (p.drafted_at, p.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM postmortem p WHERE p.tenant_id = \(tenant) \(older)
            ORDER BY p.drafted_at DESC, p.id DESC LIMIT \(limit)
            """
    }

    /// Those with an open action that is due on the day or before, the longest due first.
    package static func due(tenant: TenantID, by day: CivilDate, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM postmortem p WHERE p.tenant_id = \(tenant) AND p.next_due <= \(day)
        ORDER BY p.next_due, p.id LIMIT \(limit)
        """
    }

    /// Severe incidents that are over since, and told in no published post-mortem; the longest over first.
    package static func untold(tenant: TenantID, since: Moment, severities: [String], limit: Int) -> SQL {
        """
        SELECT i.id, i.number, i.title, i.severity, i.resolved_at, i.machine, p.id AS postmortem_id
        FROM incident i LEFT JOIN postmortem_incident t ON t.tenant_id = i.tenant_id AND t.incident_id = i.id
            LEFT JOIN postmortem p ON p.tenant_id = t.tenant_id AND p.id = t.postmortem_id
        WHERE i.tenant_id = \(tenant) AND i.state = 'resolved' AND i.merged_into IS NULL AND i.resolved_at >= \(since)
          AND i.severity = ANY(\(severities)) AND (p.id IS NULL OR p.state <> 'published')
        ORDER BY i.resolved_at, i.id LIMIT \(limit)
        """
    }

    /// Notes a reminder; no row when somebody was reminded of the same since `again`.
    package static func remind(tenant: TenantID, incident: IncidentID, action: Int, now: Moment, again: Moment) -> SQL {
        """
        INSERT INTO postmortem_reminder (tenant_id, incident_id, action, reminded_at)
        VALUES (\(tenant), \(incident), \(Int32(clamping: action)), \(now))
        ON CONFLICT (tenant_id, incident_id, action) DO UPDATE SET reminded_at = excluded.reminded_at
            WHERE postmortem_reminder.reminded_at <= \(again)
        RETURNING incident_id
        """
    }
}
