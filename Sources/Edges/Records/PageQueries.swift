package import Kernel
package import Postgres

extension Subject {
    package enum Page {}
    package enum Swap {}
}

package typealias PageID = ID<Subject.Page>
package typealias SwapID = ID<Subject.Swap>

/// One message to one person by one channel.
package struct PageRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: PageID
    package let lane: Int32
    package let incident: IncidentID?
    package let person: PersonID
    package let personName: String
    package let channel: String
    package let kind: String
    package let layer: String
    package let reason: String
    package var state: String
    package var attemptsUsed: Int32
    package let decidedAt: Moment
    package let dueAt: Moment
    package var endedAt: Moment?

    package init(
        tenant: TenantID, id: PageID, lane: Int32, incident: IncidentID?, person: PersonID, personName: String, channel: String,
        kind: String, layer: String, reason: String, decidedAt: Moment, dueAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.incident = incident
        self.person = person
        self.personName = personName
        self.channel = channel
        self.kind = kind
        self.layer = layer
        self.reason = reason
        self.decidedAt = decidedAt
        self.dueAt = dueAt
        state = "queued"
        attemptsUsed = 0
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: PageID.self)
        lane = try row.get("lane", as: Int32.self)
        incident = try row.get("incident_id", as: IncidentID?.self)
        person = try row.get("person_id", as: PersonID.self)
        personName = try row.get("person_name", as: String.self)
        channel = try row.get("channel", as: String.self)
        kind = try row.get("kind", as: String.self)
        layer = try row.get("layer", as: String.self)
        reason = try row.get("reason", as: String.self)
        state = try row.get("state", as: String.self)
        attemptsUsed = try row.get("attempts_used", as: Int32.self)
        decidedAt = try row.get("decided_at", as: Moment.self)
        dueAt = try row.get("due_at", as: Moment.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// One try to deliver a page, and what was answered.
package struct PageAttemptRow: Sendable, Equatable {
    package let tenant: TenantID
    package let page: PageID
    package let attempt: Int32
    package let at: Moment
    /// `accepted`, `refused` or `unreached`.
    package let outcome: String
    package let answer: String
    package let milliseconds: Int32

    package init(
        tenant: TenantID, page: PageID, attempt: Int32, at: Moment, outcome: String, answer: String, milliseconds: Int32
    ) {
        self.tenant = tenant
        self.page = page
        self.attempt = attempt
        self.at = at
        self.outcome = outcome
        self.answer = answer
        self.milliseconds = milliseconds
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        page = try row.get("page_id", as: PageID.self)
        attempt = try row.get("attempt", as: Int32.self)
        at = try row.get("at", as: Moment.self)
        outcome = try row.get("outcome", as: String.self)
        answer = try row.get("answer", as: String.self)
        milliseconds = try row.get("milliseconds", as: Int32.self)
    }
}

package enum PageQueries {
    private static let columns: SQL = """
        p.tenant_id, p.id, p.lane, p.incident_id, p.person_id, p.person_name, p.channel, p.kind, p.layer, p.reason, p.state,
        p.attempts_used, p.decided_at, p.due_at, p.ended_at
        """

    package static func insert(_ page: PageRow) -> SQL {
        """
        INSERT INTO page (tenant_id, id, lane, incident_id, person_id, person_name, channel, kind, layer, reason, state,
                          attempts_used, decided_at, due_at, ended_at)
        VALUES (\(page.tenant), \(page.id), \(page.lane), \(optional: page.incident), \(page.person), \(page.personName),
                \(page.channel), \(page.kind), \(page.layer), \(page.reason), \(page.state), \(page.attemptsUsed),
                \(page.decidedAt), \(page.dueAt), \(optional: page.endedAt))
        """
    }

    package static func enqueue(_ page: PageRow) -> SQL {
        """
        INSERT INTO queue.page (lane, due_at, tenant_id, page_id)
        VALUES (\(page.lane), \(page.dueAt), \(page.tenant), \(page.id))
        """
    }

    /// Whether a page is due that nobody has taken (`waits`).
    package static func waits(now: Moment) -> SQL {
        "SELECT EXISTS (SELECT FROM queue.page WHERE due_at <= \(now)) AS waits"
    }

    /// Takes pages that are due, at most so many of one tenant with those of it that are under way already (`open`), and hides
    /// them until `until`: who took them may die.
    ///
    /// Tenants take turns, so that the flood of one is never before the page of another.
    package static func claim(
        now: Moment, until: Moment, perTenant: Int, open: [(tenant: TenantID, count: Int)] = [], limit: Int
    ) -> SQL {
        """
        UPDATE queue.page p SET due_at = \(until) FROM (
            SELECT w.lane, w.id FROM (
                SELECT lane, id, tenant_id, due_at, row_number() OVER (PARTITION BY tenant_id ORDER BY due_at, id) AS place
                FROM queue.page WHERE due_at <= \(now)) w
            LEFT JOIN unnest(\(open.map(\.tenant)), \(open.map { Int64($0.count) })) AS o(tenant_id, n)
                ON o.tenant_id = w.tenant_id
            WHERE w.place <= \(perTenant) - coalesce(o.n, 0) ORDER BY w.place, w.due_at, w.id LIMIT \(limit)) taken
        WHERE p.lane = taken.lane AND p.id = taken.id AND p.due_at <= \(now)
        RETURNING p.lane, p.tenant_id, p.page_id
        """
    }

    /// The earliest page that waits.
    package static func nextDue() -> SQL { "SELECT due_at FROM queue.page ORDER BY due_at LIMIT 1" }

    package static func lock(lane: Int32, tenant: TenantID, id: PageID) -> SQL {
        "SELECT \(columns) FROM page p WHERE p.lane = \(lane) AND p.tenant_id = \(tenant) AND p.id = \(id) FOR UPDATE"
    }

    package static func find(lane: Int32, tenant: TenantID, id: PageID) -> SQL {
        "SELECT \(columns) FROM page p WHERE p.lane = \(lane) AND p.tenant_id = \(tenant) AND p.id = \(id)"
    }

    package static func settle(_ page: PageRow) -> SQL {
        """
        UPDATE page SET state = \(page.state), attempts_used = \(page.attemptsUsed), ended_at = \(optional: page.endedAt)
        WHERE lane = \(page.lane) AND tenant_id = \(page.tenant) AND id = \(page.id)
        """
    }

    package static func insertAttempt(lane: Int32, _ row: PageAttemptRow) -> SQL {
        """
        INSERT INTO page_attempt (tenant_id, page_id, attempt, lane, at, outcome, answer, milliseconds)
        VALUES (\(row.tenant), \(row.page), \(row.attempt), \(lane), \(row.at), \(row.outcome), \(row.answer),
                \(row.milliseconds))
        """
    }

    package static func postpone(lane: Int32, page: PageID, until: Moment) -> SQL {
        "UPDATE queue.page SET due_at = \(until) WHERE lane = \(lane) AND page_id = \(page)"
    }

    package static func dequeue(lane: Int32, page: PageID) -> SQL {
        "DELETE FROM queue.page WHERE lane = \(lane) AND page_id = \(page)"
    }

    package static func ofIncident(tenant: TenantID, incident: IncidentID, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM page p WHERE p.tenant_id = \(tenant) AND p.incident_id = \(incident)
        ORDER BY p.decided_at, p.id LIMIT \(limit)
        """
    }

    /// Test pages of the scope, the newest first.
    package static func tests(tenant: TenantID, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM page p WHERE p.tenant_id = \(tenant) AND p.kind = 'test'
        ORDER BY p.decided_at DESC, p.id DESC LIMIT \(limit)
        """
    }

    package static func attempts(tenant: TenantID, pages: [PageID]) -> SQL {
        """
        SELECT tenant_id, page_id, attempt, at, outcome, answer, milliseconds FROM page_attempt
        WHERE tenant_id = \(tenant) AND page_id = ANY(\(pages)) ORDER BY page_id, attempt LIMIT 2000
        """
    }
}

/// An exchange of a shift between two engineers.
package struct SwapRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: SwapID
    package let rota: String
    package let layer: Int32
    package let from: Moment
    package let to: Moment
    package let giver: PersonID
    package let taker: PersonID
    package let reason: String
    package let state: String
    package let askedAt: Moment
    package let answeredAt: Moment?

    package init(
        tenant: TenantID, id: SwapID, rota: String, layer: Int32, from: Moment, to: Moment, giver: PersonID, taker: PersonID,
        reason: String, askedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.rota = rota
        self.layer = layer
        self.from = from
        self.to = to
        self.giver = giver
        self.taker = taker
        self.reason = reason
        self.askedAt = askedAt
        state = "asked"
        answeredAt = nil
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: SwapID.self)
        rota = try row.get("rota", as: String.self)
        layer = try row.get("layer", as: Int32.self)
        from = try row.get("from_at", as: Moment.self)
        to = try row.get("to_at", as: Moment.self)
        giver = try row.get("giver_id", as: PersonID.self)
        taker = try row.get("taker_id", as: PersonID.self)
        reason = try row.get("reason", as: String.self)
        state = try row.get("state", as: String.self)
        askedAt = try row.get("asked_at", as: Moment.self)
        answeredAt = try row.get("answered_at", as: Moment?.self)
    }
}

package enum SwapQueries {
    private static let columns: SQL =
        "tenant_id, id, rota, layer, from_at, to_at, giver_id, taker_id, reason, state, asked_at, answered_at"

    package static func insert(_ row: SwapRow) -> SQL {
        """
        INSERT INTO on_call_swap (tenant_id, id, rota, layer, from_at, to_at, giver_id, taker_id, reason, state, asked_at)
        VALUES (\(row.tenant), \(row.id), \(row.rota), \(row.layer), \(row.from), \(row.to), \(row.giver), \(row.taker),
                \(row.reason), \(row.state), \(row.askedAt))
        """
    }

    package static func lock(tenant: TenantID, id: SwapID) -> SQL {
        "SELECT \(columns) FROM on_call_swap WHERE tenant_id = \(tenant) AND id = \(id) FOR UPDATE"
    }

    package static func answer(tenant: TenantID, id: SwapID, state: String, at: Moment) -> SQL {
        "UPDATE on_call_swap SET state = \(state), answered_at = \(at) WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    /// What is not over yet, in the order in which it was asked; a later one beats an earlier one.
    package static func upcoming(tenant: TenantID, after: Moment, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM on_call_swap WHERE tenant_id = \(tenant) AND to_at > \(after)
        ORDER BY asked_at, id LIMIT \(limit)
        """
    }
}
