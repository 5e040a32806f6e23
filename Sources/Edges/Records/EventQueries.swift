package import Kernel
package import Postgres

extension Subject {
    package enum Event: Sendable {}
}

package typealias EventID = ID<Subject.Event>

/// An event that reached a tenant, from one of its runs or from outside.
package struct ReceivedEventRow: Sendable {
    package let tenant: TenantID
    package let id: EventID
    package let lane: Int32
    /// `source` and `id` of the event: a second delivery has the same.
    package let source: String
    package let eventID: String
    package let type: String
    /// The event in the JSON form of CloudEvents.
    package let content: JSONValue
    /// The run that sent it.
    package let run: RunID?
    package let receivedAt: Moment
    /// Until then it may be taken.
    package let expiresAt: Moment
    /// Until then a second delivery is known.
    package let forgetAt: Moment
    package var taken: Int32
    /// The run that took it for itself.
    package var consumedBy: RunID?
    /// Its place among the tenant's events; 0 while it is not stored.
    package let position: Int64

    package init(
        tenant: TenantID, id: EventID, lane: Int32, source: String, eventID: String, type: String, content: JSONValue,
        run: RunID?, receivedAt: Moment, expiresAt: Moment, forgetAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.source = source
        self.eventID = eventID
        self.type = type
        self.content = content
        self.run = run
        self.receivedAt = receivedAt
        self.expiresAt = expiresAt
        self.forgetAt = forgetAt
        taken = 0
        consumedBy = nil
        position = 0
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: EventID.self)
        lane = try row.get("lane", as: Int32.self)
        source = try row.get("source", as: String.self)
        eventID = try row.get("event_id", as: String.self)
        type = try row.get("type", as: String.self)
        content = try row.get("content", as: JSONValue.self)
        run = try row.get("run_id", as: RunID?.self)
        receivedAt = try row.get("received_at", as: Moment.self)
        expiresAt = try row.get("expires_at", as: Moment.self)
        forgetAt = try row.get("forget_at", as: Moment.self)
        taken = try row.get("taken", as: Int32.self)
        consumedBy = try row.get("consumed_by", as: RunID?.self)
        position = try row.get("position", as: Int64.self)
    }
}

/// A filter of a step of a run that waits for events.
package struct SubscriptionRow: Sendable {
    package let tenant: TenantID
    package let run: RunID
    package let step: String
    package let place: Int32
    package let type: String
    package let reading: String
    package let key: String
    /// What the event has to have, by what is read of it: `{reads, values}`.
    package let sought: JSONValue
    /// `one` or `all`.
    package let takes: String
    package let since: Moment
    /// An event that came before this is not wanted.
    package let looksFrom: Moment

    package init(
        tenant: TenantID, run: RunID, step: String, place: Int32, type: String, reading: String, key: String, sought: JSONValue,
        takes: String, since: Moment, looksFrom: Moment
    ) {
        self.tenant = tenant
        self.run = run
        self.step = step
        self.place = place
        self.type = type
        self.reading = reading
        self.key = key
        self.sought = sought
        self.takes = takes
        self.since = since
        self.looksFrom = looksFrom
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        run = try row.get("run_id", as: RunID.self)
        step = try row.get("step", as: String.self)
        place = try row.get("place", as: Int32.self)
        type = try row.get("type", as: String.self)
        reading = try row.get("reading", as: String.self)
        key = try row.get("key", as: String.self)
        sought = try row.get("sought", as: JSONValue.self)
        takes = try row.get("takes", as: String.self)
        since = try row.get("since", as: Moment.self)
        looksFrom = try row.get("looks_from", as: Moment.self)
    }
}

/// A way of reading events of a type.
package struct EventReadingRow: Sendable {
    package let tenant: TenantID
    package let id: String
    package let type: String
    package let content: JSONValue
    package let madeAt: Moment

    package init(tenant: TenantID, id: String, type: String, content: JSONValue, madeAt: Moment) {
        self.tenant = tenant
        self.id = id
        self.type = type
        self.content = content
        self.madeAt = madeAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: String.self)
        type = try row.get("type", as: String.self)
        content = try row.get("content", as: JSONValue.self)
        madeAt = try row.get("made_at", as: Moment.self)
    }
}

package enum EventQueries {
    private static let columns: SQL = """
        e.tenant_id, e.id, e.lane, e.source, e.event_id, e.type, e.content, e.run_id, e.received_at, e.expires_at, e.forget_at,
        e.taken, e.consumed_by, e.position
        """

    // MARK: The lane

    /// Events that were received already, by their source and id.
    package static func known(lane: Int32, tenants: [TenantID], sources: [String], ids: [String]) -> SQL {
        """
        SELECT e.tenant_id, e.id, e.source, e.event_id
        FROM unnest(\(tenants), \(sources), \(ids)) AS asked(tenant_id, source, event_id)
            JOIN received_event e USING (tenant_id, source, event_id)
        WHERE e.lane = \(lane)
        """
    }

    package static func load(lane: Int32, tenants: [TenantID], ids: [EventID]) -> SQL {
        """
        SELECT \(columns) FROM unnest(\(tenants), \(ids)) AS asked(tenant_id, id) JOIN received_event e USING (tenant_id, id)
        WHERE e.lane = \(lane)
        """
    }

    /// How many events each tenant has that may still be taken.
    package static func keptCounts(lane: Int32, tenants: [TenantID], now: Moment) -> SQL {
        """
        SELECT e.tenant_id, count(*) AS n FROM received_event e
        WHERE e.lane = \(lane) AND e.tenant_id = ANY(\(tenants)) AND e.expires_at > \(now) GROUP BY e.tenant_id
        """
    }

    /// The ways in which events of these types are read.
    package static func readings(lane: Int32, tenants: [TenantID], types: [String], limit: Int) -> SQL {
        """
        SELECT r.tenant_id, r.id, r.type, r.content, r.made_at
        FROM (SELECT DISTINCT * FROM unnest(\(tenants), \(types)) AS t(tenant_id, type)) AS asked
            CROSS JOIN LATERAL (
                SELECT * FROM event_reading r
                WHERE r.tenant_id = asked.tenant_id AND r.type = asked.type AND r.lane = \(lane)
                ORDER BY r.id LIMIT \(limit)) AS r
        """
    }

    /// A place in the line of those who wait.
    package struct Line: Sendable {
        package let since: Moment
        package let run: RunID
        package let step: String
        package let place: Int32

        package init(since: Moment, run: RunID, step: String, place: Int32) {
            self.since = since
            self.run = run
            self.step = step
            self.place = place
        }
    }

    /// One question for those who wait: `mark` comes back with each row, so that it is known whose answer it is.
    package struct Sought: Sendable {
        package let mark: Int64
        package let tenant: TenantID
        package let reading: String
        package let key: String
        package let after: Line?

        package init(mark: Int64, tenant: TenantID, reading: String, key: String, after: Line?) {
            self.mark = mark
            self.tenant = tenant
            self.reading = reading
            self.key = key
            self.after = after
        }
    }

    /// Those who wait, longest first, up to `limit` for each question.
    package static func waiting(lane: Int32, _ sought: [Sought], limit: Int) -> SQL {
        let first = Line(since: Moment(microseconds: 0), run: RunID(high: 0, low: 0), step: "", place: -1)
        let after = sought.map { $0.after ?? first }
        return """
            SELECT q.mark, s.*
            FROM unnest(\(sought.map(\.mark)), \(sought.map(\.tenant)), \(sought.map(\.reading)), \(sought.map(\.key)),
                        \(after.map(\.since)), \(after.map(\.run)), \(after.map(\.step)), \(after.map(\.place)))
                    AS q(mark, tenant_id, reading, key, since, run_id, step, place)
                CROSS JOIN LATERAL (
                    SELECT s.tenant_id, s.run_id, s.step, s.place, s.type, s.reading, s.key, s.sought, s.takes, s.since,
                           s.looks_from
                    FROM event_subscription s
                    WHERE s.tenant_id = q.tenant_id AND s.reading = q.reading AND s.key = q.key AND s.lane = \(lane)
                      AND (s.since, s.run_id, s.step, s.place) > (q.since, q.run_id, q.step, q.place)
                    ORDER BY s.since, s.run_id, s.step, s.place LIMIT \(limit)) AS s
            """
    }

    /// Events that are kept and may be what these runs wait for, oldest first: by their keys, and those that came before anybody
    /// read their type this way.
    package static func kept(
        lane: Int32, marks: [Int64], tenants: [TenantID], runs: [RunID], after: [Int64], now: Moment, limit: Int
    ) -> SQL {
        """
        SELECT q.mark, found.*
        FROM unnest(\(marks), \(tenants), \(runs), \(after)) AS q(mark, tenant_id, run_id, after)
            CROSS JOIN LATERAL (
                SELECT \(columns), bool_or(s.takes = 'all') AS is_shared, bool_or(s.takes = 'one') AS is_single
                FROM event_subscription s JOIN received_event e ON e.tenant_id = s.tenant_id
                     AND e.received_at >= s.looks_from AND e.expires_at > \(now) AND e.position > q.after
                     AND (s.takes = 'all' OR e.consumed_by IS NULL)
                WHERE s.tenant_id = q.tenant_id AND s.run_id = q.run_id AND s.lane = \(lane) AND e.lane = \(lane)
                  AND (e.id IN (SELECT k.event_id FROM event_key k
                                WHERE k.tenant_id = s.tenant_id AND k.reading = s.reading AND k.key = s.key)
                       OR e.type = s.type AND e.received_at <= (SELECT r.made_at FROM event_reading r
                                                               WHERE r.tenant_id = s.tenant_id AND r.id = s.reading))
                GROUP BY e.tenant_id, e.id ORDER BY e.position LIMIT \(limit)) AS found
        """
    }

    package static func insert(_ rows: [ReceivedEventRow]) -> SQL {
        """
        INSERT INTO received_event (tenant_id, id, lane, source, event_id, type, content, run_id, received_at, expires_at,
                                    forget_at, taken, consumed_by)
        SELECT tenant_id, id, lane, source, event_id, type, content, run_id, received_at, expires_at, forget_at, taken,
               consumed_by
        FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.id)), \(rows.map(\.lane)), \(rows.map(\.source)), \(rows.map(\.eventID)),
            \(rows.map(\.type)), \(rows.map(\.content)), \(rows.map(\.run)), \(rows.map(\.receivedAt)), \(rows.map(\.expiresAt)),
            \(rows.map(\.forgetAt)), \(rows.map(\.taken)), \(rows.map(\.consumedBy))) WITH ORDINALITY
            AS e(tenant_id, id, lane, source, event_id, type, content, run_id, received_at, expires_at, forget_at, taken,
                 consumed_by, place)
        ORDER BY place
        """
    }

    package static func update(lane: Int32, _ rows: [ReceivedEventRow]) -> SQL {
        """
        UPDATE received_event e SET taken = n.taken, consumed_by = n.consumed_by
        FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.id)), \(rows.map(\.taken)), \(rows.map(\.consumedBy)))
            AS n(tenant_id, id, taken, consumed_by)
        WHERE e.lane = \(lane) AND e.tenant_id = n.tenant_id AND e.id = n.id
        """
    }

    package static func insertKeys(
        lane: Int32, tenants: [TenantID], readings: [String], keys: [String], events: [EventID]
    ) -> SQL {
        """
        INSERT INTO event_key (tenant_id, reading, key, event_id, lane)
        SELECT tenant_id, reading, key, event_id, \(lane)
        FROM unnest(\(tenants), \(readings), \(keys), \(events)) AS k(tenant_id, reading, key, event_id)
        """
    }

    package static func forget(lane: Int32, tenants: [TenantID], ids: [EventID]) -> SQL {
        """
        DELETE FROM received_event e USING unnest(\(tenants), \(ids)) AS gone(tenant_id, id)
        WHERE e.lane = \(lane) AND e.tenant_id = gone.tenant_id AND e.id = gone.id
        """
    }

    package static func insertReadings(lane: Int32, _ rows: [EventReadingRow]) -> SQL {
        """
        INSERT INTO event_reading (tenant_id, id, lane, type, content, made_at)
        SELECT tenant_id, id, \(lane), type, content, made_at
        FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.id)), \(rows.map(\.type)), \(rows.map(\.content)),
            \(rows.map(\.madeAt))) AS r(tenant_id, id, type, content, made_at)
        ON CONFLICT (tenant_id, id) DO NOTHING
        """
    }

    package static func unsubscribe(
        lane: Int32, tenants: [TenantID], runs: [RunID], steps: [String], places: [Int32]
    ) -> SQL {
        """
        DELETE FROM event_subscription s
        USING unnest(\(tenants), \(runs), \(steps), \(places)) AS gone(tenant_id, run_id, step, place)
        WHERE s.lane = \(lane) AND s.tenant_id = gone.tenant_id AND s.run_id = gone.run_id AND s.step = gone.step
          AND s.place = gone.place
        """
    }

    package static func subscribe(lane: Int32, _ rows: [SubscriptionRow]) -> SQL {
        """
        INSERT INTO event_subscription (tenant_id, run_id, step, place, lane, type, reading, key, sought, takes, since,
                                        looks_from)
        SELECT tenant_id, run_id, step, place, \(lane), type, reading, key, sought, takes, since, looks_from
        FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.run)), \(rows.map(\.step)), \(rows.map(\.place)), \(rows.map(\.type)),
            \(rows.map(\.reading)), \(rows.map(\.key)), \(rows.map(\.sought)), \(rows.map(\.takes)), \(rows.map(\.since)),
            \(rows.map(\.looksFrom)))
            AS s(tenant_id, run_id, step, place, type, reading, key, sought, takes, since, looks_from)
        """
    }

    // MARK: People

    /// A tenant's events, newest first; with `onlyKept`, those that may still be taken.
    package static func page(
        tenant: TenantID, onlyKept: Bool, type: String?, before: (Moment, EventID)?, now: Moment, limit: Int
    ) -> SQL {
        let kept: SQL = onlyKept ? "AND e.expires_at > \(now) AND e.consumed_by IS NULL" : ""
        let kind: SQL = type.map { "AND e.type = \($0)" } ?? ""
        let older: SQL = before.map { "AND (e.received_at, e.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT \(columns) FROM received_event e WHERE e.tenant_id = \(tenant) \(kept) \(kind) \(older)
            ORDER BY e.received_at DESC, e.id DESC LIMIT \(limit)
            """
    }

    /// What a run waits for.
    package static func subscriptions(tenant: TenantID, run: RunID) -> SQL {
        """
        SELECT s.tenant_id, s.run_id, s.step, s.place, s.type, s.reading, s.key, s.sought, s.takes, s.since, s.looks_from
        FROM event_subscription s WHERE s.tenant_id = \(tenant) AND s.run_id = \(run) ORDER BY s.step, s.place
        """
    }
}
