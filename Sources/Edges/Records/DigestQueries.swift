package import Kernel
package import Postgres

extension Subject {
    package enum Digest: Sendable {}
}

package typealias DigestID = ID<Subject.Digest>

/// One mail with what waited for a person until a time of their rota.
package struct DigestRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: DigestID
    package let rota: String
    package let person: PersonID
    package let personName: String
    package let dueAt: Moment
    /// `due`, `delivered` or `failed`.
    package var state: String
    package var items: Int32
    package var attemptsUsed: Int32
    package var nextAt: Moment
    /// The mail server's words at the last attempt.
    package var answer: String
    package var endedAt: Moment?

    package init(
        tenant: TenantID, id: DigestID, rota: String, person: PersonID, personName: String, dueAt: Moment, nextAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.rota = rota
        self.person = person
        self.personName = personName
        self.dueAt = dueAt
        self.nextAt = nextAt
        state = "due"
        items = 0
        attemptsUsed = 0
        answer = ""
        endedAt = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: DigestID.self)
        rota = try row.get("rota", as: String.self)
        person = try row.get("person_id", as: PersonID.self)
        personName = try row.get("person_name", as: String.self)
        dueAt = try row.get("due_at", as: Moment.self)
        state = try row.get("state", as: String.self)
        items = try row.get("items", as: Int32.self)
        attemptsUsed = try row.get("attempts_used", as: Int32.self)
        nextAt = try row.get("next_at", as: Moment.self)
        answer = try row.get("answer", as: String.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// Something that can wait, as a digest tells of it.
package struct DigestItemRow: Sendable {
    package let incident: IncidentID
    package let number: Int64
    package let title: String
    package let severity: String
    package let state: String
    package let why: String
    package let notedAt: Moment

    package init(_ row: Row) throws {
        incident = try row.get("incident_id", as: IncidentID.self)
        number = try row.get("number", as: Int64.self)
        title = try row.get("title", as: String.self)
        severity = try row.get("severity", as: String.self)
        state = try row.get("state", as: String.self)
        why = try row.get("why", as: String.self)
        notedAt = try row.get("noted_at", as: Moment.self)
    }
}

/// Digests, and what waits to be told in one.
package enum DigestQueries {
    private static let columns: SQL = """
        tenant_id, id, rota, person_id, person_name, due_at, state, items, attempts_used, next_at, answer, ended_at
        """

    /// Keeps something for a person's next digest; the same incident in one batch once.
    package static func note(
        lane: Int32, tenant: TenantID, incident: IncidentID, person: PersonID, why: String, at: Moment
    ) -> SQL {
        """
        INSERT INTO digest_item (tenant_id, incident_id, person_id, noted_at, lane, why)
        VALUES (\(tenant), \(incident), \(person), \(at), \(lane), \(why)) ON CONFLICT DO NOTHING
        """
    }

    /// For whom something of this tenant waits that was noted until then.
    package static func waiting(tenant: TenantID, people: [PersonID], until: [Moment]) -> SQL {
        """
        SELECT DISTINCT i.person_id FROM digest_item i JOIN unnest(\(people), \(until)) AS wanted(person_id, until)
            ON wanted.person_id = i.person_id
        WHERE i.tenant_id = \(tenant) AND i.digest_id IS NULL AND i.noted_at <= wanted.until
        """
    }

    /// No row when this time of the person's has its digest already.
    package static func insert(_ row: DigestRow) -> SQL {
        """
        INSERT INTO digest (tenant_id, id, rota, person_id, person_name, due_at, state, next_at)
        VALUES (\(row.tenant), \(row.id), \(row.rota), \(row.person), \(row.personName), \(row.dueAt), 'due', \(row.nextAt))
        ON CONFLICT DO NOTHING RETURNING id
        """
    }

    /// Digests that are to be sent now, hidden from others until `until`.
    package static func claim(tenant: TenantID, now: Moment, until: Moment, limit: Int) -> SQL {
        """
        UPDATE digest SET next_at = \(until) WHERE tenant_id = \(tenant) AND id IN (
            SELECT id FROM digest WHERE tenant_id = \(tenant) AND state = 'due' AND next_at <= \(now)
            ORDER BY due_at, id LIMIT \(limit) FOR UPDATE SKIP LOCKED)
        RETURNING \(columns)
        """
    }

    /// Puts what waits for the person into the digest; what is in one already stays in it.
    package static func take(tenant: TenantID, digest: DigestID, person: PersonID, until: Moment) -> SQL {
        """
        UPDATE digest_item SET digest_id = \(digest)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND digest_id IS NULL AND noted_at <= \(until)
        """
    }

    /// What of this tenant is in a digest, the worst and then the first noted before.
    package static func items(tenant: TenantID, digest: DigestID, limit: Int) -> SQL {
        """
        SELECT d.incident_id, i.number, i.title, i.severity, i.state, d.why, d.noted_at
        FROM digest_item d JOIN incident i ON i.tenant_id = d.tenant_id AND i.id = d.incident_id
        WHERE d.tenant_id = \(tenant) AND d.digest_id = \(digest)
        ORDER BY i.severity, d.noted_at, d.incident_id LIMIT \(limit)
        """
    }

    /// What of this tenant waits for a person's next digest, in the order in which it is told.
    package static func pending(tenant: TenantID, person: PersonID, limit: Int) -> SQL {
        """
        SELECT d.incident_id, i.number, i.title, i.severity, i.state, d.why, d.noted_at
        FROM digest_item d JOIN incident i ON i.tenant_id = d.tenant_id AND i.id = d.incident_id
        WHERE d.tenant_id = \(tenant) AND d.person_id = \(person) AND d.digest_id IS NULL
        ORDER BY i.severity, d.noted_at, d.incident_id LIMIT \(limit)
        """
    }

    package static func settle(_ row: DigestRow) -> SQL {
        """
        UPDATE digest SET state = \(row.state), items = \(row.items), attempts_used = \(row.attemptsUsed),
            next_at = \(row.nextAt), answer = \(row.answer), ended_at = \(optional: row.endedAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id) AND state = 'due'
        """
    }

    /// The newest first.
    package static func page(tenant: TenantID, limit: Int) -> SQL {
        "SELECT \(columns) FROM digest WHERE tenant_id = \(tenant) ORDER BY due_at DESC, id DESC LIMIT \(limit)"
    }
}
