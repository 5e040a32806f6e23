package import Kernel
package import Postgres

extension Subject {
    package enum RunbookExecution: Sendable {}
}

package typealias RunbookExecutionID = ID<Subject.RunbookExecution>

/// A runbook that is or was followed; `machine` is the state of the pure machine in the room Incidents.
package struct RunbookExecutionRow: Sendable {
    package let tenant: TenantID
    package let id: RunbookExecutionID
    /// Nil for a drill.
    package let incident: IncidentID?
    package let alert: String
    package let isDrill: Bool
    /// `running`, `finished` or `abandoned`.
    package var state: String
    package var machine: JSONValue
    package let startedBy: PersonID
    package let startedAt: Moment
    package var endedAt: Moment?

    package init(
        tenant: TenantID, id: RunbookExecutionID, incident: IncidentID?, alert: String, isDrill: Bool,
        state: String, machine: JSONValue, startedBy: PersonID, startedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.incident = incident
        self.alert = alert
        self.isDrill = isDrill
        self.state = state
        self.machine = machine
        self.startedBy = startedBy
        self.startedAt = startedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: RunbookExecutionID.self)
        incident = try row.get("incident_id", as: IncidentID?.self)
        alert = try row.get("alert", as: String.self)
        isDrill = try row.get("is_drill", as: Bool.self)
        state = try row.get("state", as: String.self)
        machine = try row.get("machine", as: JSONValue.self)
        startedBy = try row.get("started_by", as: PersonID.self)
        startedAt = try row.get("started_at", as: Moment.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// Executions of runbooks.
package enum RunbookQueries {
    private static let columns: SQL = """
        tenant_id, id, incident_id, alert, is_drill, state, machine, started_by, started_at, ended_at
        """

    /// No row when somebody follows the runbook of this incident already.
    package static func insert(_ row: RunbookExecutionRow) -> SQL {
        """
        INSERT INTO runbook_execution (tenant_id, id, incident_id, alert, is_drill, state, machine, started_by, started_at)
        VALUES (\(row.tenant), \(row.id), \(optional: row.incident), \(row.alert), \(row.isDrill), \(row.state),
            \(row.machine), \(row.startedBy), \(row.startedAt))
        ON CONFLICT DO NOTHING RETURNING id
        """
    }

    package static func find(tenant: TenantID, id: RunbookExecutionID) -> SQL {
        "SELECT \(columns) FROM runbook_execution WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    package static func lock(tenant: TenantID, id: RunbookExecutionID) -> SQL {
        "SELECT \(columns) FROM runbook_execution WHERE tenant_id = \(tenant) AND id = \(id) FOR UPDATE"
    }

    package static func update(_ row: RunbookExecutionRow) -> SQL {
        """
        UPDATE runbook_execution SET state = \(row.state), machine = \(row.machine), ended_at = \(optional: row.endedAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    /// Of one incident, the newest first.
    package static func executions(of incident: IncidentID, tenant: TenantID, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM runbook_execution WHERE tenant_id = \(tenant) AND incident_id = \(incident)
        ORDER BY started_at DESC, id DESC LIMIT \(limit)
        """
    }

    /// All, the newest first.
    package static func page(tenant: TenantID, before: (Moment, RunbookExecutionID)?, limit: Int) -> SQL {
        let older: SQL = before.map { "AND (started_at, id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM runbook_execution WHERE tenant_id = \(tenant) \(older)
            ORDER BY started_at DESC, id DESC LIMIT \(limit)
            """
    }

    /// Drills in the order in which they were begun, so that a reader who comes back for the rest misses none.
    package static func drills(tenant: TenantID, after: (Moment, RunbookExecutionID)?, limit: Int) -> SQL {
        let later: SQL = after.map { "AND (started_at, id) > (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM runbook_execution WHERE tenant_id = \(tenant) AND is_drill \(later)
            ORDER BY started_at, id LIMIT \(limit)
            """
    }

    /// The last drill of each alert, finished or not; the newest first.
    package static func newestDrills(tenant: TenantID, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM runbook_execution WHERE tenant_id = \(tenant) AND is_drill
        ORDER BY started_at DESC, id DESC LIMIT \(limit)
        """
    }

    /// When each alert was drilled to the end for the last time.
    package static func lastDrills(tenant: TenantID) -> SQL {
        """
        SELECT alert, max(ended_at) AS ended_at FROM runbook_execution
        WHERE tenant_id = \(tenant) AND is_drill AND state = 'finished' GROUP BY alert
        """
    }
}
