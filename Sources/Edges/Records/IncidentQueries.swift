package import Kernel
package import Postgres

/// An incident as it lies in the table; `machine` is the state of the pure machine in the room Incidents.
package struct IncidentRow: Sendable {
    package let tenant: TenantID
    package let id: IncidentID
    package let lane: Int32
    package let number: Int64
    package let alert: String
    package let fingerprint: String
    package let title: String
    package var severity: String
    package var state: String
    package var facts: JSONValue
    package var machine: JSONValue
    package var occurrences: Int32
    package let run: RunID?
    package let openedAt: Moment
    package var acknowledgedAt: Moment?
    package var acknowledgedBy: PersonID?
    package var resolvedAt: Moment?
    package var resolvedBy: PersonID?
    /// The incident that goes on for it.
    package var mergedInto: IncidentID?

    package init(
        tenant: TenantID, id: IncidentID, lane: Int32, number: Int64, alert: String, fingerprint: String, title: String,
        severity: String,
        state: String, facts: JSONValue, machine: JSONValue, run: RunID?, openedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.number = number
        self.alert = alert
        self.fingerprint = fingerprint
        self.title = title
        self.severity = severity
        self.state = state
        self.facts = facts
        self.machine = machine
        occurrences = 1
        self.run = run
        self.openedAt = openedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: IncidentID.self)
        lane = try row.get("lane", as: Int32.self)
        number = try row.get("number", as: Int64.self)
        alert = try row.get("alert", as: String.self)
        fingerprint = try row.get("fingerprint", as: String.self)
        title = try row.get("title", as: String.self)
        severity = try row.get("severity", as: String.self)
        state = try row.get("state", as: String.self)
        facts = try row.get("facts", as: JSONValue.self)
        machine = try row.get("machine", as: JSONValue.self)
        occurrences = try row.get("occurrences", as: Int32.self)
        run = try row.get("run_id", as: RunID?.self)
        openedAt = try row.get("opened_at", as: Moment.self)
        acknowledgedAt = try row.get("acknowledged_at", as: Moment?.self)
        acknowledgedBy = try row.get("acknowledged_by", as: PersonID?.self)
        resolvedAt = try row.get("resolved_at", as: Moment?.self)
        resolvedBy = try row.get("resolved_by", as: PersonID?.self)
        mergedInto = try row.get("merged_into", as: IncidentID?.self)
    }
}

package struct IncidentEntryRow: Sendable {
    package let tenant: TenantID
    package let incident: IncidentID
    package let seq: Int32
    package let at: Moment
    package let kind: String
    package let person: PersonID?
    package let text: String

    package init(tenant: TenantID, incident: IncidentID, seq: Int32, at: Moment, kind: String, person: PersonID?, text: String) {
        self.tenant = tenant
        self.incident = incident
        self.seq = seq
        self.at = at
        self.kind = kind
        self.person = person
        self.text = text
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        incident = try row.get("incident_id", as: IncidentID.self)
        seq = try row.get("seq", as: Int32.self)
        at = try row.get("at", as: Moment.self)
        kind = try row.get("kind", as: String.self)
        person = try row.get("person_id", as: PersonID?.self)
        text = try row.get("text", as: String.self)
    }
}

package enum IncidentQueries {
    private static let columns: SQL = """
        i.tenant_id, i.id, i.lane, i.number, i.alert, i.fingerprint, i.title, i.severity, i.state, i.facts, i.machine,
            i.occurrences,
        i.run_id, i.opened_at, i.acknowledged_at, i.acknowledged_by, i.resolved_at, i.resolved_by, i.merged_into
        """

    /// The last incident of each fingerprint named, whatever its state, and those that they were merged into; locked in one
    /// order, for people change incidents outside the lane.
    package static func latest(lane: Int32, tenant: TenantID, fingerprints: [String]) -> SQL {
        """
        WITH RECURSIVE last AS (
            SELECT DISTINCT ON (fingerprint) id, merged_into FROM incident
            WHERE lane = \(lane) AND tenant_id = \(tenant) AND fingerprint = ANY(\(fingerprints))
            ORDER BY fingerprint, opened_at DESC, id DESC),
        chain AS (
            SELECT id, merged_into FROM last
            UNION
            SELECT n.id, n.merged_into FROM chain c
                JOIN incident n ON n.lane = \(lane) AND n.tenant_id = \(tenant) AND n.id = c.merged_into)
        SELECT \(columns) FROM incident i
        WHERE i.lane = \(lane) AND i.tenant_id = \(tenant) AND i.id IN (SELECT id FROM chain)
        ORDER BY i.id FOR UPDATE OF i
        """
    }

    package static func highestNumber(lane: Int32, tenant: TenantID) -> SQL {
        "SELECT coalesce(max(number), 0) AS number FROM incident WHERE lane = \(lane) AND tenant_id = \(tenant)"
    }

    /// Exceptions of documents with this code since then.
    package static func exceptionsSince(lane: Int32, tenant: TenantID, code: String, since: Moment) -> SQL {
        """
        SELECT count(*) AS n FROM task WHERE lane = \(lane) AND tenant_id = \(tenant) AND class = 'person'
            AND created_at >= \(since)
          AND kind = 'exception' AND run_id IS NULL AND request->>'code' = \(code)
        """
    }

    package static func insert(_ row: IncidentRow) -> SQL {
        """
        INSERT INTO incident (tenant_id, id, lane, number, alert, fingerprint, title, severity, state, facts, machine,
            occurrences,
                              run_id, opened_at, acknowledged_at, acknowledged_by, resolved_at, resolved_by)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.number), \(row.alert), \(row.fingerprint), \(row.title),
            \(row.severity),
                \(row.state), \(row.facts), \(row.machine), \(row.occurrences), \(optional: row.run), \(row.openedAt),
                    \(optional: row.acknowledgedAt),
                \(optional: row.acknowledgedBy), \(optional: row.resolvedAt), \(optional: row.resolvedBy))
        """
    }

    package static func update(_ row: IncidentRow) -> SQL {
        """
        UPDATE incident SET severity = \(row.severity), state = \(row.state), facts = \(row.facts), machine = \(row.machine),
            occurrences = \(row.occurrences), acknowledged_at = \(optional: row.acknowledgedAt),
                acknowledged_by = \(optional: row.acknowledgedBy),
            resolved_at = \(optional: row.resolvedAt), resolved_by = \(optional: row.resolvedBy),
            merged_into = \(optional: row.mergedInto)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    package static func lock(tenant: TenantID, id: IncidentID) -> SQL {
        "SELECT \(columns) FROM incident i WHERE i.tenant_id = \(tenant) AND i.id = \(id) FOR UPDATE"
    }

    /// The same without waiting: refused at once where somebody else holds it.
    package static func lockNow(tenant: TenantID, id: IncidentID) -> SQL {
        "SELECT \(columns) FROM incident i WHERE i.tenant_id = \(tenant) AND i.id = \(id) FOR UPDATE NOWAIT"
    }

    /// The open incident of a fingerprint, besides one.
    package static func standing(tenant: TenantID, fingerprint: String, besides id: IncidentID) -> SQL {
        """
        SELECT number FROM incident WHERE tenant_id = \(tenant) AND fingerprint = \(fingerprint) AND state <> 'resolved'
            AND id <> \(id)
        """
    }

    /// The incidents named, locked for the lane: people change them outside it.
    package static func lock(lane: Int32, tenants: [TenantID], ids: [IncidentID]) -> SQL {
        """
        SELECT \(columns) FROM incident i JOIN unnest(\(tenants), \(ids)) AS wanted(tenant_id, id) USING (tenant_id, id)
        WHERE i.lane = \(lane) FOR UPDATE OF i
        """
    }

    package static func find(tenant: TenantID, id: IncidentID) -> SQL {
        "SELECT \(columns) FROM incident i WHERE i.tenant_id = \(tenant) AND i.id = \(id)"
    }

    package static func page(tenant: TenantID, openOnly: Bool, before: (Moment, IncidentID)?, limit: Int) -> SQL {
        let open: SQL = openOnly ? "AND i.state <> 'resolved'" : ""
        let cursor: SQL = before.map { "AND (i.opened_at, i.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM incident i WHERE i.tenant_id = \(tenant) \(open) \(cursor)
            ORDER BY i.opened_at DESC, i.id DESC LIMIT \(limit)
            """
    }

    /// The earliest opening and the earliest acknowledgement among an incident `i` and those merged into it: they are one
    /// trouble.
    static let begun: SQL = """
        least(i.opened_at, (SELECT min((a->>'openedAt')::timestamptz) FROM jsonb_array_elements(i.machine->'absorbed') a))
            AS opened_at,
        least(i.acknowledged_at, (SELECT min((a->>'acknowledgedAt')::timestamptz)
            FROM jsonb_array_elements(i.machine->'absorbed') a)) AS acknowledged_at
        """

    /// When the incidents since then were opened, answered and ended, those that are one trouble once; the newest first.
    package static func instants(tenant: TenantID, since: Moment, limit: Int) -> SQL {
        """
        SELECT \(begun), i.resolved_at FROM incident i
        WHERE i.tenant_id = \(tenant) AND i.merged_into IS NULL AND i.opened_at >= \(since)
        ORDER BY i.opened_at DESC, i.id DESC LIMIT \(limit)
        """
    }

    /// Adds one line after the last; the incident's row is locked by the caller, so numbers cannot collide.
    package static func append(
        lane: Int32, tenant: TenantID, incident: IncidentID, at: Moment, kind: String, person: PersonID?, text: String
    ) -> SQL {
        """
        INSERT INTO incident_entry (tenant_id, incident_id, seq, lane, at, kind, person_id, text)
        SELECT \(tenant), \(incident), coalesce(max(seq), 0) + 1, \(lane), \(at), \(kind), \(optional: person), \(text)
        FROM incident_entry WHERE tenant_id = \(tenant) AND incident_id = \(incident)
        """
    }

    package static func entries(tenant: TenantID, incident: IncidentID, limit: Int) -> SQL {
        """
        SELECT tenant_id, incident_id, seq, at, kind, person_id, text FROM incident_entry
        WHERE tenant_id = \(tenant) AND incident_id = \(incident) ORDER BY seq LIMIT \(limit)
        """
    }

    /// Links a run that an alert was about; later ones of a very large trouble are counted by the incident and not linked.
    ///
    /// `via` is the merged incident through which it came; what came by itself stays when that one is taken out again.
    package static func link(
        lane: Int32, tenant: TenantID, incident: IncidentID, run: RunID, via: IncidentID? = nil, at: Moment, max: Int
    ) -> SQL {
        let again: SQL = via == nil ? "(tenant_id, incident_id, run_id) DO UPDATE SET via = NULL" : "DO NOTHING"
        return """
            INSERT INTO incident_run (tenant_id, incident_id, run_id, via, lane, linked_at)
            SELECT \(tenant), \(incident), \(run), \(optional: via), \(lane), \(at)
            WHERE (SELECT count(*) FROM incident_run WHERE tenant_id = \(tenant) AND incident_id = \(incident)) < \(max)
            ON CONFLICT \(again)
            """
    }

    /// The runs of a merged incident are found at its survivor as well, up to as many as one may have.
    package static func lend(tenant: TenantID, from merged: IncidentID, to survivor: IncidentID, max: Int) -> SQL {
        """
        INSERT INTO incident_run (tenant_id, incident_id, run_id, via, lane, linked_at)
        SELECT tenant_id, \(survivor), run_id, \(merged), lane, linked_at FROM incident_run
        WHERE tenant_id = \(tenant) AND incident_id = \(merged) ORDER BY linked_at, run_id
        LIMIT greatest(0, \(max) - (SELECT count(*) FROM incident_run WHERE tenant_id = \(tenant) AND incident_id = \(survivor)))
        ON CONFLICT DO NOTHING
        """
    }

    /// Runs that came to the survivor for a merged incident are its own again.
    package static func giveBack(tenant: TenantID, to merged: IncidentID, from survivor: IncidentID, max: Int) -> SQL {
        """
        INSERT INTO incident_run (tenant_id, incident_id, run_id, lane, linked_at)
        SELECT tenant_id, \(merged), run_id, lane, linked_at FROM incident_run
        WHERE tenant_id = \(tenant) AND incident_id = \(survivor) AND via = \(merged) ORDER BY linked_at, run_id LIMIT \(max)
        ON CONFLICT DO NOTHING
        """
    }

    /// Takes the runs back that came by a merged incident.
    package static func takeBack(tenant: TenantID, of merged: IncidentID, from survivor: IncidentID) -> SQL {
        "DELETE FROM incident_run WHERE tenant_id = \(tenant) AND incident_id = \(survivor) AND via = \(merged)"
    }

    /// The runs of an incident, the first linked first.
    package static func runs(tenant: TenantID, incident: IncidentID, limit: Int) -> SQL {
        """
        SELECT run_id FROM incident_run WHERE tenant_id = \(tenant) AND incident_id = \(incident)
        ORDER BY linked_at, run_id LIMIT \(limit)
        """
    }

    /// In the order in which they were opened, so that a reader who comes back for the rest misses none.
    package static func export(tenant: TenantID, after: (Moment, IncidentID)?, limit: Int) -> SQL {
        let later: SQL = after.map { "AND (i.opened_at, i.id) > (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM incident i WHERE i.tenant_id = \(tenant) \(later)
            ORDER BY i.opened_at, i.id LIMIT \(limit)
            """
    }
}
