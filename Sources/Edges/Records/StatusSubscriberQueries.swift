package import Kernel
package import Postgres

extension Subject {
    package enum StatusSubscriber {}
    package enum StatusDelivery {}
}

package typealias StatusSubscriberID = ID<Subject.StatusSubscriber>
package typealias StatusDeliveryID = ID<Subject.StatusDelivery>

/// Somebody, or something, that wants to be told what a status page says.
package struct StatusSubscriberRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: StatusSubscriberID
    /// `mail` or `webhook`.
    package let channel: String
    package var sealed: [UInt8]
    package var version: Int32
    package var fingerprint: String
    /// None for the whole page.
    package var components: [StatusComponentID]
    /// What the next confirmation makes of them; nil when nothing is asked.
    package var wanted: [StatusComponentID]?
    /// `asked`, `active` or `stopped`.
    package var state: String
    package var why: String
    package let madeAt: Moment
    package var madeBy: PersonID?
    package var person: PersonID?
    package var confirmHash: [UInt8]?
    package var confirmUntil: Moment?
    package let stopHash: [UInt8]
    package var asks: Int32
    package var asksFrom: Moment
    package var askedAt: Moment
    package var confirmedAt: Moment?
    package var endedAt: Moment?
    package var failures: Int32
    package var overlapUntil: Moment?

    package init(
        tenant: TenantID, id: StatusSubscriberID, channel: String, sealed: [UInt8], fingerprint: String, stopHash: [UInt8],
        at now: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.channel = channel
        self.sealed = sealed
        version = 1
        self.fingerprint = fingerprint
        components = []
        state = "asked"
        why = ""
        madeAt = now
        self.stopHash = stopHash
        asks = 0
        asksFrom = now
        askedAt = now
        failures = 0
    }

    package init(_ row: Row) throws {
        func ids(_ json: JSONValue?) -> [StatusComponentID]? {
            json?.array?.compactMap { $0.string.flatMap { StatusComponentID($0) } }
        }
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: StatusSubscriberID.self)
        channel = try row.get("channel", as: String.self)
        sealed = try row.get("sealed", as: [UInt8].self)
        version = try row.get("version", as: Int32.self)
        fingerprint = try row.get("fingerprint", as: String.self)
        components = ids(try row.get("components", as: JSONValue.self)) ?? []
        wanted = ids(try row.get("wanted", as: JSONValue?.self))
        state = try row.get("state", as: String.self)
        why = try row.get("why", as: String.self)
        madeAt = try row.get("made_at", as: Moment.self)
        madeBy = try row.get("made_by", as: PersonID?.self)
        person = try row.get("person_id", as: PersonID?.self)
        confirmHash = try row.get("confirm_hash", as: [UInt8]?.self)
        confirmUntil = try row.get("confirm_until", as: Moment?.self)
        stopHash = try row.get("stop_hash", as: [UInt8].self)
        asks = try row.get("asks", as: Int32.self)
        asksFrom = try row.get("asks_from", as: Moment.self)
        askedAt = try row.get("asked_at", as: Moment.self)
        confirmedAt = try row.get("confirmed_at", as: Moment?.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
        failures = try row.get("failures", as: Int32.self)
        overlapUntil = try row.get("overlap_until", as: Moment?.self)
    }
}

/// One word to one subscriber.
package struct StatusDeliveryRow: Sendable, Equatable {
    package let tenant: TenantID
    package let id: StatusDeliveryID
    package let subscriber: StatusSubscriberID
    /// `confirm`, `update`, `reminder` or `test`.
    package let kind: String
    package let key: String
    package let notice: StatusNoticeID?
    package let number: Int32?
    /// `due`, `delivered`, `failed` or `withdrawn`.
    package var state: String
    package var attemptsUsed: Int32
    package let madeAt: Moment
    package var nextAt: Moment
    package var endedAt: Moment?

    package init(
        tenant: TenantID, id: StatusDeliveryID, subscriber: StatusSubscriberID, kind: String, key: String, at now: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.subscriber = subscriber
        self.kind = kind
        self.key = key
        notice = nil
        number = nil
        state = "due"
        attemptsUsed = 0
        madeAt = now
        nextAt = now
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: StatusDeliveryID.self)
        subscriber = try row.get("subscriber_id", as: StatusSubscriberID.self)
        kind = try row.get("kind", as: String.self)
        key = try row.get("key", as: String.self)
        notice = try row.get("notice_id", as: StatusNoticeID?.self)
        number = try row.get("number", as: Int32?.self)
        state = try row.get("state", as: String.self)
        attemptsUsed = try row.get("attempts_used", as: Int32.self)
        madeAt = try row.get("made_at", as: Moment.self)
        nextAt = try row.get("next_at", as: Moment.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// One try, and what came of it.
package struct StatusAttemptRow: Sendable, Equatable {
    package let tenant: TenantID
    package let delivery: StatusDeliveryID
    package let attempt: Int32
    package let at: Moment
    /// `accepted`, `refused` or `unreached`.
    package let outcome: String
    /// The other side's number, or a word of ours for why there is none.
    package let code: String
    package let milliseconds: Int32

    package init(
        tenant: TenantID, delivery: StatusDeliveryID, attempt: Int32, at: Moment, outcome: String, code: String,
        milliseconds: Int32
    ) {
        self.tenant = tenant
        self.delivery = delivery
        self.attempt = attempt
        self.at = at
        self.outcome = outcome
        self.code = code
        self.milliseconds = milliseconds
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        delivery = try row.get("delivery_id", as: StatusDeliveryID.self)
        attempt = try row.get("attempt", as: Int32.self)
        at = try row.get("at", as: Moment.self)
        outcome = try row.get("outcome", as: String.self)
        code = try row.get("code", as: String.self)
        milliseconds = try row.get("milliseconds", as: Int32.self)
    }
}

package enum StatusSubscriberQueries {
    private static let columns: SQL = """
        s.tenant_id, s.id, s.channel, s.sealed, s.version, s.fingerprint, s.components, s.wanted, s.state, s.why, s.made_at,
        s.made_by, s.person_id, s.confirm_hash, s.confirm_until, s.stop_hash, s.asks, s.asks_from, s.asked_at, s.confirmed_at,
        s.ended_at, s.failures, s.overlap_until
        """
    private static let deliveryColumns: SQL = """
        d.tenant_id, d.id, d.subscriber_id, d.kind, d.key, d.notice_id, d.number, d.state, d.attempts_used, d.made_at, d.next_at,
        d.ended_at
        """

    private static func json(_ ids: [StatusComponentID]) -> JSONValue { .array(ids.map { .string($0.text) }) }

    // MARK: Subscribers

    /// Whose subscription a link is (`tenant_id`, `id`); asked before anybody is known.
    package static func owner(tokenHash: [UInt8]) -> SQL {
        """
        SELECT s.tenant_id, s.id FROM status_subscriber s WHERE s.confirm_hash = \(tokenHash) OR s.stop_hash = \(tokenHash)
        LIMIT 1
        """
    }

    /// With every form that the fingerprint has under the keys that still open.
    package static func find(tenant: TenantID, channel: String, fingerprints: [String]) -> SQL {
        """
        SELECT \(columns) FROM status_subscriber s
        WHERE s.tenant_id = \(tenant) AND s.channel = \(channel) AND s.fingerprint = ANY(\(fingerprints)) FOR UPDATE
        """
    }

    package static func lock(tenant: TenantID, id: StatusSubscriberID) -> SQL {
        "SELECT \(columns) FROM status_subscriber s WHERE s.tenant_id = \(tenant) AND s.id = \(id) FOR UPDATE"
    }

    package static func insert(_ row: StatusSubscriberRow) -> SQL {
        """
        INSERT INTO status_subscriber (tenant_id, id, channel, sealed, version, fingerprint, components, wanted, state, why,
            made_at, made_by, person_id, confirm_hash, confirm_until, stop_hash, asks, asks_from, asked_at, confirmed_at,
            ended_at, failures, overlap_until)
        VALUES (\(row.tenant), \(row.id), \(row.channel), \(row.sealed), \(row.version), \(row.fingerprint),
            \(json(row.components)), \(optional: row.wanted.map(json)), \(row.state), \(row.why), \(row.madeAt),
            \(optional: row.madeBy), \(optional: row.person), \(optional: row.confirmHash), \(optional: row.confirmUntil),
            \(row.stopHash), \(row.asks), \(row.asksFrom), \(row.askedAt), \(optional: row.confirmedAt),
            \(optional: row.endedAt), \(row.failures), \(optional: row.overlapUntil))
        """
    }

    package static func update(_ row: StatusSubscriberRow) -> SQL {
        """
        UPDATE status_subscriber SET sealed = \(row.sealed), version = \(row.version), fingerprint = \(row.fingerprint),
            components = \(json(row.components)), wanted = \(optional: row.wanted.map(json)), state = \(row.state),
            why = \(row.why), made_by = \(optional: row.madeBy), person_id = \(optional: row.person),
            confirm_hash = \(optional: row.confirmHash), confirm_until = \(optional: row.confirmUntil), asks = \(row.asks),
            asks_from = \(row.asksFrom), asked_at = \(row.askedAt), confirmed_at = \(optional: row.confirmedAt),
            ended_at = \(optional: row.endedAt), failures = \(row.failures), overlap_until = \(optional: row.overlapUntil)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    /// How many there are: `asked`, `active`, `stopped`, and how many were asked since then (`lately`).
    package static func counts(tenant: TenantID, since: Moment) -> SQL {
        """
        SELECT count(*) FILTER (WHERE s.state = 'asked') AS asked, count(*) FILTER (WHERE s.state = 'active') AS active,
            count(*) FILTER (WHERE s.state = 'stopped') AS stopped, count(*) FILTER (WHERE s.asked_at > \(since)) AS lately
        FROM status_subscriber s WHERE s.tenant_id = \(tenant)
        """
    }

    /// Newest first.
    package static func page(tenant: TenantID, before: (Moment, StatusSubscriberID)?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND (s.made_at, s.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM status_subscriber s WHERE s.tenant_id = \(tenant) \(cursor)
            ORDER BY s.made_at DESC, s.id DESC LIMIT \(limit)
            """
    }

    // MARK: Deliveries

    /// A word to everybody whom it concerns, once each by its key. On a page for people who are signed in, `knownOnly` leaves
    /// out who came by the open form at another time.
    package static func tell(
        tenant: TenantID, kind: String, key: String, notice: StatusNoticeID, number: Int32?, components: [StatusComponentID],
        knownOnly: Bool, at now: Moment
    ) -> SQL {
        let concerned: SQL =
            components.isEmpty
            ? "" : "AND (s.components = '[]' OR jsonb_exists_any(s.components, \(components.map(\.text))))"
        let known: SQL = knownOnly ? "AND (s.person_id IS NOT NULL OR s.made_by IS NOT NULL)" : ""
        return """
            INSERT INTO status_delivery (tenant_id, id, subscriber_id, kind, key, notice_id, number, state, made_at, next_at)
            SELECT s.tenant_id, gen_random_uuid(), s.id, \(kind), \(key), \(notice), \(optional: number), 'due', \(now), \(now)
            FROM status_subscriber s WHERE s.tenant_id = \(tenant) AND s.state = 'active' \(concerned) \(known)
            ON CONFLICT (tenant_id, subscriber_id, key) DO NOTHING
            """
    }

    /// A word to one.
    package static func insert(_ row: StatusDeliveryRow) -> SQL {
        """
        INSERT INTO status_delivery (tenant_id, id, subscriber_id, kind, key, state, made_at, next_at)
        VALUES (\(row.tenant), \(row.id), \(row.subscriber), \(row.kind), \(row.key), \(row.state), \(row.madeAt), \(row.nextAt))
        ON CONFLICT (tenant_id, subscriber_id, key) DO NOTHING
        """
    }

    /// Who has something to send (`tenant_id`); asked of all at once.
    package static func owing(now: Moment, limit: Int) -> SQL {
        """
        SELECT DISTINCT d.tenant_id FROM status_delivery d WHERE d.state = 'due' AND d.next_at <= \(now) LIMIT \(limit)
        """
    }

    /// Takes what is due and hides it until then: who took it may die. Confirmations are first, since somebody waits for them.
    package static func claim(tenant: TenantID, now: Moment, until: Moment, limit: Int) -> SQL {
        """
        UPDATE status_delivery d SET next_at = \(until) WHERE d.tenant_id = \(tenant) AND d.id IN (
            SELECT w.id FROM status_delivery w WHERE w.tenant_id = \(tenant) AND w.state = 'due' AND w.next_at <= \(now)
            ORDER BY w.kind, w.next_at, w.id LIMIT \(limit) FOR UPDATE SKIP LOCKED)
        RETURNING \(deliveryColumns)
        """
    }

    package static func lockDelivery(tenant: TenantID, id: StatusDeliveryID) -> SQL {
        "SELECT \(deliveryColumns) FROM status_delivery d WHERE d.tenant_id = \(tenant) AND d.id = \(id) FOR UPDATE"
    }

    package static func settle(_ row: StatusDeliveryRow) -> SQL {
        """
        UPDATE status_delivery SET state = \(row.state), attempts_used = \(row.attemptsUsed), next_at = \(row.nextAt),
            ended_at = \(optional: row.endedAt)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }

    /// Whatever of these kinds is still due to somebody who does not want it any more.
    package static func withdraw(tenant: TenantID, subscriber: StatusSubscriberID, kinds: [String], at now: Moment) -> SQL {
        """
        UPDATE status_delivery SET state = 'withdrawn', ended_at = \(now)
        WHERE tenant_id = \(tenant) AND subscriber_id = \(subscriber) AND kind = ANY(\(kinds)) AND state = 'due'
        """
    }

    package static let kinds = ["confirm", "update", "reminder", "test"]

    package static func insertAttempt(_ row: StatusAttemptRow) -> SQL {
        """
        INSERT INTO status_attempt (tenant_id, delivery_id, attempt, at, outcome, code, milliseconds)
        VALUES (\(row.tenant), \(row.delivery), \(row.attempt), \(row.at), \(row.outcome), \(row.code), \(row.milliseconds))
        """
    }

    /// Newest first.
    package static func deliveries(tenant: TenantID, before: (Moment, StatusDeliveryID)?, limit: Int) -> SQL {
        let cursor: SQL = before.map { "AND (d.made_at, d.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(deliveryColumns) FROM status_delivery d WHERE d.tenant_id = \(tenant) \(cursor)
            ORDER BY d.made_at DESC, d.id DESC LIMIT \(limit)
            """
    }

    package static func attempts(tenant: TenantID, deliveries: [StatusDeliveryID]) -> SQL {
        """
        SELECT a.tenant_id, a.delivery_id, a.attempt, a.at, a.outcome, a.code, a.milliseconds FROM status_attempt a
        WHERE a.tenant_id = \(tenant) AND a.delivery_id = ANY(\(deliveries)) ORDER BY a.delivery_id, a.attempt
        """
    }
}
