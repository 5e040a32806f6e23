package import Kernel
package import Postgres

extension Subject {
    package enum Webhook {}
    package enum WebhookMessage {}
}

/// An endpoint of a tenant.
package typealias WebhookID = ID<Subject.Webhook>
/// An event for endpoints; the same at all of them.
package typealias WebhookMessageID = ID<Subject.WebhookMessage>

/// An address of a tenant's own system with the events that it wants. The secrets are sealed.
package struct WebhookRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: WebhookID
    package let lane: Int32
    package var name: String
    package var url: String
    package var events: [String]
    /// `active`, `paused`, `disabled` or `removed`.
    package var state: String
    /// Why it is not active: `asked`, `failing` or `gone`.
    package var reason: String
    package var failingSince: Moment?
    package var failures: Int32
    package var deliveredAt: Moment?
    package var secretVersion: Int32
    package var secret: [UInt8]
    /// The secret before, and until when it signs as well.
    package var previous: [UInt8]?
    package var previousUntil: Moment?
    package let madeBy: PersonID
    package let madeAt: Moment
    package var changedAt: Moment

    package init(
        tenant: TenantID, id: WebhookID, lane: Int32, name: String, url: String, events: [String], secret: [UInt8],
        madeBy: PersonID, madeAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.name = name
        self.url = url
        self.events = events
        state = "active"
        reason = ""
        failures = 0
        secretVersion = 1
        self.secret = secret
        self.madeBy = madeBy
        self.madeAt = madeAt
        changedAt = madeAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: WebhookID.self)
        lane = try row.get("lane", as: Int32.self)
        name = try row.get("name", as: String.self)
        url = try row.get("url", as: String.self)
        events = try row.get("events", as: [String].self)
        state = try row.get("state", as: String.self)
        reason = try row.get("reason", as: String.self)
        failingSince = try row.get("failing_since", as: Moment?.self)
        failures = try row.get("failures", as: Int32.self)
        deliveredAt = try row.get("delivered_at", as: Moment?.self)
        secretVersion = try row.get("secret_version", as: Int32.self)
        secret = try row.get("secret", as: [UInt8].self)
        previous = try row.get("previous", as: [UInt8]?.self)
        previousUntil = try row.get("previous_until", as: Moment?.self)
        madeBy = try row.get("made_by", as: PersonID.self)
        madeAt = try row.get("made_at", as: Moment.self)
        changedAt = try row.get("changed_at", as: Moment.self)
    }
}

/// An event as it is written for all endpoints that want it.
package struct WebhookFact: Sendable, Equatable {
    package let tenant: TenantID
    package let id: WebhookMessageID
    package let lane: Int32
    package let sequence: Int64
    package let type: String
    package let subject: String
    package let at: Moment
    package let data: JSONValue

    package init(
        tenant: TenantID, id: WebhookMessageID, lane: Int32, sequence: Int64, type: String, subject: String, at: Moment,
        data: JSONValue
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.sequence = sequence
        self.type = type
        self.subject = subject
        self.at = at
        self.data = data
    }
}

/// One event for one endpoint, and how far it has come.
package struct WebhookMessageRow: Sendable, Equatable {
    package let tenant: TenantID
    package let endpoint: WebhookID
    package let id: WebhookMessageID
    package let sequence: Int64
    package let lane: Int32
    package let type: String
    package let subject: String
    package let at: Moment
    package let data: JSONValue
    /// `queued`, `held`, `delivered` or `failed`.
    package var state: String
    /// All attempts, and those since it was last put on its way.
    package var attempts: Int32
    package var attemptsUsed: Int32
    package var nextAt: Moment?
    package var endedAt: Moment?

    /// As it is first written, on its way.
    package init(_ fact: WebhookFact, to endpoint: WebhookID) {
        tenant = fact.tenant
        self.endpoint = endpoint
        id = fact.id
        sequence = fact.sequence
        lane = fact.lane
        type = fact.type
        subject = fact.subject
        at = fact.at
        data = fact.data
        state = "queued"
        attempts = 0
        attemptsUsed = 0
        nextAt = fact.at
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        endpoint = try row.get("endpoint_id", as: WebhookID.self)
        id = try row.get("id", as: WebhookMessageID.self)
        sequence = try row.get("sequence", as: Int64.self)
        lane = try row.get("lane", as: Int32.self)
        type = try row.get("type", as: String.self)
        subject = try row.get("subject", as: String.self)
        at = try row.get("at", as: Moment.self)
        data = try row.get("data", as: JSONValue.self)
        state = try row.get("state", as: String.self)
        attempts = try row.get("attempts", as: Int32.self)
        attemptsUsed = try row.get("attempts_used", as: Int32.self)
        nextAt = try row.get("next_at", as: Moment?.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// One attempt, and what was answered.
package struct WebhookAttemptRow: Sendable, Equatable {
    package let tenant: TenantID
    package let endpoint: WebhookID
    package let message: WebhookMessageID
    package let attempt: Int32
    package let at: Moment
    /// `delivered`, `failed`, `gone`, `unreached` or `refused`.
    package let outcome: String
    package let status: Int32?
    package let milliseconds: Int32
    package let answer: String

    package init(
        tenant: TenantID, endpoint: WebhookID, message: WebhookMessageID, attempt: Int32, at: Moment, outcome: String,
        status: Int32?, milliseconds: Int32, answer: String
    ) {
        self.tenant = tenant
        self.endpoint = endpoint
        self.message = message
        self.attempt = attempt
        self.at = at
        self.outcome = outcome
        self.status = status
        self.milliseconds = milliseconds
        self.answer = answer
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        endpoint = try row.get("endpoint_id", as: WebhookID.self)
        message = try row.get("message_id", as: WebhookMessageID.self)
        attempt = try row.get("attempt", as: Int32.self)
        at = try row.get("at", as: Moment.self)
        outcome = try row.get("outcome", as: String.self)
        status = try row.get("status", as: Int32?.self)
        milliseconds = try row.get("milliseconds", as: Int32.self)
        answer = try row.get("answer", as: String.self)
    }
}

package enum WebhookQueries {
    private static let columns: SQL = """
        e.tenant_id, e.id, e.lane, e.name, e.url, e.events, e.state, e.reason, e.failing_since, e.failures, e.delivered_at,
        e.secret_version, e.secret, e.previous, e.previous_until, e.made_by, e.made_at, e.changed_at
        """

    /// Those that are not removed.
    package static func all(tenant: TenantID) -> SQL {
        """
        SELECT \(columns) FROM webhook_endpoint e WHERE e.tenant_id = \(tenant) AND e.state <> 'removed'
        ORDER BY e.name LIMIT 200
        """
    }

    package static func find(tenant: TenantID, id: WebhookID) -> SQL {
        "SELECT \(columns) FROM webhook_endpoint e WHERE e.tenant_id = \(tenant) AND e.id = \(id) AND e.state <> 'removed'"
    }

    /// Whoever writes an event goes on meanwhile: only other changes wait.
    package static func lock(tenant: TenantID, id: WebhookID) -> SQL {
        """
        SELECT \(columns) FROM webhook_endpoint e WHERE e.tenant_id = \(tenant) AND e.id = \(id) AND e.state <> 'removed'
        FOR NO KEY UPDATE
        """
    }

    /// The tenant's makers wait for each other, so that their number and names hold.
    package static func numbering(tenant: TenantID) -> SQL {
        "SELECT pg_advisory_xact_lock(hashtextextended('webhook/' || \(tenant)::text, 0))::text AS held"
    }

    package static func insert(_ row: WebhookRow) -> SQL {
        """
        INSERT INTO webhook_endpoint (tenant_id, id, lane, name, url, events, state, reason, secret_version, secret, made_by,
            made_at, changed_at)
        VALUES (\(row.tenant), \(row.id), \(row.lane), \(row.name), \(row.url), \(row.events), \(row.state), \(row.reason),
            \(row.secretVersion), \(row.secret), \(row.madeBy), \(row.madeAt), \(row.changedAt))
        """
    }

    package static func update(_ row: WebhookRow) -> SQL {
        """
        UPDATE webhook_endpoint SET name = \(row.name), url = \(row.url), events = \(row.events), state = \(row.state),
            reason = \(row.reason), failing_since = \(optional: row.failingSince), failures = \(row.failures),
            delivered_at = \(optional: row.deliveredAt), secret_version = \(row.secretVersion), secret = \(row.secret),
            previous = \(optional: row.previous), previous_until = \(optional: row.previousUntil), changed_at = \(row.changedAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    // MARK: Events

    /// Writes events for every endpoint that wants them, and puts those for active ones on their way.
    package static func tell(_ facts: [WebhookFact]) -> SQL {
        """
        WITH told AS (
            INSERT INTO webhook_message (tenant_id, endpoint_id, id, sequence, lane, type, subject, at, data, state, next_at)
            SELECT f.tenant_id, e.id, f.id, f.sequence, f.lane, f.type, f.subject, f.at, f.data,
                CASE e.state WHEN 'active' THEN 'queued' ELSE 'held' END, CASE e.state WHEN 'active' THEN f.at END
            FROM unnest(\(facts.map(\.tenant)), \(facts.map(\.id)), \(facts.map(\.sequence)), \(facts.map(\.lane)),
                \(facts.map(\.type)), \(facts.map(\.subject)), \(facts.map(\.at)), \(facts.map(\.data)))
                AS f(tenant_id, id, sequence, lane, type, subject, at, data)
            JOIN webhook_endpoint e ON e.tenant_id = f.tenant_id AND e.lane = f.lane AND e.state <> 'removed'
                AND f.type = ANY(e.events)
            RETURNING lane, tenant_id, endpoint_id, id, at, state)
        INSERT INTO queue.webhook (lane, due_at, tenant_id, endpoint_id, message_id)
        SELECT lane, at, tenant_id, endpoint_id, id FROM told WHERE state = 'queued'
        """
    }

    /// One event for one endpoint, whatever it wants; a test.
    package static func send(_ fact: WebhookFact, to endpoint: WebhookID) -> SQL {
        """
        WITH told AS (
            INSERT INTO webhook_message (tenant_id, endpoint_id, id, sequence, lane, type, subject, at, data, state, next_at)
            VALUES (\(fact.tenant), \(endpoint), \(fact.id), \(fact.sequence), \(fact.lane), \(fact.type), \(fact.subject),
                \(fact.at), \(fact.data), 'queued', \(fact.at))
            RETURNING lane, tenant_id, endpoint_id, id, at)
        INSERT INTO queue.webhook (lane, due_at, tenant_id, endpoint_id, message_id)
        SELECT lane, at, tenant_id, endpoint_id, id FROM told
        """
    }

    private static let messageColumns: SQL = """
        m.tenant_id, m.endpoint_id, m.id, m.sequence, m.lane, m.type, m.subject, m.at, m.data, m.state, m.attempts,
        m.attempts_used, m.next_at, m.ended_at
        """

    package static func message(tenant: TenantID, endpoint: WebhookID, id: WebhookMessageID) -> SQL {
        """
        SELECT \(messageColumns) FROM webhook_message m
        WHERE m.tenant_id = \(tenant) AND m.endpoint_id = \(endpoint) AND m.id = \(id)
        """
    }

    package static func lockMessage(tenant: TenantID, endpoint: WebhookID, id: WebhookMessageID) -> SQL {
        """
        SELECT \(messageColumns) FROM webhook_message m
        WHERE m.tenant_id = \(tenant) AND m.endpoint_id = \(endpoint) AND m.id = \(id) FOR UPDATE
        """
    }

    /// One page of the log, newest first.
    package static func page(
        tenant: TenantID, endpoint: WebhookID, state: String?, before: (Moment, WebhookMessageID)?, limit: Int
    ) -> SQL {
        let byState: SQL = state.map { "AND m.state = \($0)" } ?? ""
        let cursor: SQL = before.map { "AND (m.at, m.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(messageColumns) FROM webhook_message m
            WHERE m.tenant_id = \(tenant) AND m.endpoint_id = \(endpoint) \(byState) \(cursor)
            ORDER BY m.at DESC, m.id DESC LIMIT \(limit)
            """
    }

    package static func attempts(tenant: TenantID, endpoint: WebhookID, messages: [WebhookMessageID]) -> SQL {
        """
        SELECT tenant_id, endpoint_id, message_id, attempt, at, outcome, status, milliseconds, answer FROM webhook_attempt
        WHERE tenant_id = \(tenant) AND endpoint_id = \(endpoint) AND message_id = ANY(\(messages))
        ORDER BY message_id, attempt LIMIT 2000
        """
    }

    /// How many messages of a time are in which state (`state`, `n`).
    package static func count(tenant: TenantID, endpoint: WebhookID, from: Moment, to: Moment) -> SQL {
        """
        SELECT state, count(*) AS n FROM webhook_message
        WHERE tenant_id = \(tenant) AND endpoint_id = \(endpoint) AND at >= \(from) AND at < \(to) GROUP BY state
        """
    }

    /// Puts messages of a time on their way again, in their order; what is on its way already goes on as it is. Rows of what was
    /// put back.
    package static func replay(
        tenant: TenantID, endpoint: WebhookID, from: Moment, to: Moment, states: [String], now: Moment, limit: Int
    ) -> SQL {
        """
        WITH again AS (
            UPDATE webhook_message SET state = 'queued', attempts_used = 0, next_at = \(now), ended_at = NULL
            WHERE tenant_id = \(tenant) AND endpoint_id = \(endpoint) AND id IN (
                SELECT m.id FROM webhook_message m
                WHERE m.tenant_id = \(tenant) AND m.endpoint_id = \(endpoint) AND m.at >= \(from) AND m.at < \(to)
                  AND m.state <> 'queued' AND m.state = ANY(\(states)) ORDER BY m.at, m.id LIMIT \(limit) FOR UPDATE)
            RETURNING lane, tenant_id, endpoint_id, id, at)
        INSERT INTO queue.webhook (lane, due_at, tenant_id, endpoint_id, message_id)
        SELECT lane, \(now), tenant_id, endpoint_id, id FROM again ORDER BY at, id
        ON CONFLICT (endpoint_id, message_id) DO NOTHING RETURNING message_id
        """
    }

    /// The same for one message.
    package static func replayOne(tenant: TenantID, endpoint: WebhookID, id: WebhookMessageID, now: Moment) -> SQL {
        """
        WITH again AS (
            UPDATE webhook_message SET state = 'queued', attempts_used = 0, next_at = \(now), ended_at = NULL
            WHERE tenant_id = \(tenant) AND endpoint_id = \(endpoint) AND id = \(id) AND state <> 'queued'
            RETURNING lane, tenant_id, endpoint_id, id)
        INSERT INTO queue.webhook (lane, due_at, tenant_id, endpoint_id, message_id)
        SELECT lane, \(now), tenant_id, endpoint_id, id FROM again
        ON CONFLICT (endpoint_id, message_id) DO NOTHING RETURNING message_id
        """
    }

    /// What was on its way is kept until the endpoint is active again.
    package static func hold(tenant: TenantID, endpoint: WebhookID) -> [SQL] {
        [
            """
            UPDATE webhook_message SET state = 'held', next_at = NULL
            WHERE tenant_id = \(tenant) AND endpoint_id = \(endpoint) AND state = 'queued'
            """,
            "DELETE FROM queue.webhook WHERE tenant_id = \(tenant) AND endpoint_id = \(endpoint)",
        ]
    }

    /// Forgets what happened before then.
    package static func prune(tenant: TenantID, before: Moment, limit: Int) -> SQL {
        """
        DELETE FROM webhook_message WHERE tenant_id = \(tenant) AND (endpoint_id, id) IN (
            SELECT m.endpoint_id, m.id FROM webhook_message m WHERE m.tenant_id = \(tenant) AND m.at < \(before)
              AND m.state <> 'queued' LIMIT \(limit))
        """
    }

    // MARK: Delivering

    /// Takes what is due: of every endpoint at most `perEndpoint`, of every tenant at most `perTenant`, both with what is under
    /// way already, and hides it until `until`: who took it may die.
    ///
    /// Endpoints are found one after the other through the index, so that what piles up for one costs the others nothing.
    package static func claim(
        now: Moment, until: Moment, perEndpoint: Int, perTenant: Int, open: [(tenant: TenantID, endpoint: WebhookID, count: Int)],
        limit: Int
    ) -> SQL {
        """
        WITH RECURSIVE place AS (
            (SELECT tenant_id, endpoint_id FROM queue.webhook ORDER BY endpoint_id LIMIT 1)
            UNION ALL
            SELECT n.tenant_id, n.endpoint_id FROM place, LATERAL (
                SELECT w.tenant_id, w.endpoint_id FROM queue.webhook w WHERE w.endpoint_id > place.endpoint_id
                ORDER BY w.endpoint_id LIMIT 1) n),
        busy AS (SELECT * FROM unnest(\(open.map(\.tenant)), \(open.map(\.endpoint)), \(open.map { Int64($0.count) }))
            AS o(tenant_id, endpoint_id, n)),
        due AS (
            SELECT d.lane, d.id, d.due_at, p.tenant_id,
                row_number() OVER (PARTITION BY p.tenant_id ORDER BY d.turn, d.due_at, d.id) AS turn
            FROM place p, LATERAL (
                SELECT w.lane, w.id, w.due_at, row_number() OVER (ORDER BY w.due_at, w.id) AS turn FROM queue.webhook w
                WHERE w.endpoint_id = p.endpoint_id AND w.due_at <= \(now) ORDER BY w.due_at, w.id
                LIMIT greatest(0, \(perEndpoint) - coalesce(
                    (SELECT sum(b.n) FROM busy b WHERE b.endpoint_id = p.endpoint_id), 0)::bigint)) d)
        UPDATE queue.webhook q SET due_at = \(until) FROM (
            SELECT d.lane, d.id FROM due d
            WHERE d.turn <= \(perTenant) - coalesce((SELECT sum(b.n) FROM busy b WHERE b.tenant_id = d.tenant_id), 0)
            ORDER BY d.turn, d.due_at, d.id LIMIT \(limit)) taken
        WHERE q.lane = taken.lane AND q.id = taken.id AND q.due_at <= \(now)
        RETURNING q.lane, q.tenant_id, q.endpoint_id, q.message_id
        """
    }

    package static func settle(_ row: WebhookMessageRow) -> SQL {
        """
        UPDATE webhook_message SET state = \(row.state), attempts = \(row.attempts), attempts_used = \(row.attemptsUsed),
            next_at = \(optional: row.nextAt), ended_at = \(optional: row.endedAt)
        WHERE tenant_id = \(row.tenant) AND endpoint_id = \(row.endpoint) AND id = \(row.id)
        """
    }

    package static func insertAttempt(lane: Int32, _ row: WebhookAttemptRow) -> SQL {
        """
        INSERT INTO webhook_attempt (tenant_id, endpoint_id, message_id, attempt, lane, at, outcome, status, milliseconds, answer)
        VALUES (\(row.tenant), \(row.endpoint), \(row.message), \(row.attempt), \(lane), \(row.at), \(row.outcome),
            \(optional: row.status), \(row.milliseconds), \(row.answer))
        """
    }

    package static func postpone(endpoint: WebhookID, message: WebhookMessageID, until: Moment) -> SQL {
        "UPDATE queue.webhook SET due_at = \(until) WHERE endpoint_id = \(endpoint) AND message_id = \(message)"
    }

    package static func dequeue(endpoint: WebhookID, message: WebhookMessageID) -> SQL {
        "DELETE FROM queue.webhook WHERE endpoint_id = \(endpoint) AND message_id = \(message)"
    }
}
