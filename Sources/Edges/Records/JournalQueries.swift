package import Kernel
package import Postgres

/// An audit entry as it is written, in the transaction it describes.
package struct AuditRow: Sendable {
    package let tenant: TenantID
    package let id: AuditEntryID
    package let lane: Int32
    package let at: Moment
    package let actorKind: String
    package let actor: String
    package let action: String
    package let objectType: String
    package let objectID: String
    package let run: RunID?
    package let content: JSONValue
    /// The person for whom a deputy acted.
    package let onBehalfOf: PersonID?

    package init(
        tenant: TenantID, id: AuditEntryID, lane: Int32, at: Moment, actorKind: String, actor: String, action: String,
        objectType: String, objectID: String, run: RunID?, content: JSONValue, onBehalfOf: PersonID? = nil
    ) {
        self.tenant = tenant
        self.id = id
        self.lane = lane
        self.at = at
        self.actorKind = actorKind
        self.actor = actor
        self.action = action
        self.objectType = objectType
        self.objectID = objectID
        self.run = run
        self.content = content
        self.onBehalfOf = onBehalfOf
    }
}

/// What the outbox tells: a topic and the facts that a reader needs to fetch the rest.
package struct OutboxRow: Sendable {
    package let tenant: TenantID
    package let lane: Int32
    package let at: Moment
    package let topic: String
    package let run: RunID?
    package let facts: JSONValue

    package init(tenant: TenantID, lane: Int32, at: Moment, topic: String, run: RunID?, facts: JSONValue) {
        self.tenant = tenant
        self.lane = lane
        self.at = at
        self.topic = topic
        self.run = run
        self.facts = facts
    }
}

package enum AuditQueries {
    package static func insert(_ rows: [AuditRow]) -> SQL {
        """
        INSERT INTO audit_entry (tenant_id, id, lane, at, actor_kind, actor_id, action, object_type, object_id, run_id, content,
            on_behalf_of)
        SELECT * FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.id)), \(rows.map(\.lane)), \(rows.map(\.at)),
            \(rows.map(\.actorKind)), \(rows.map(\.actor)), \(rows.map(\.action)), \(rows.map(\.objectType)),
            \(rows.map(\.objectID)), \(rows.map(\.run)), \(rows.map(\.content)), \(rows.map(\.onBehalfOf)))
        """
    }

    /// What a person looks for in the log; what is nil does not narrow.
    package struct Search: Sendable {
        package var action: String?
        /// Any of these acts; an empty list finds nothing.
        package var actions: [String]?
        package var object: String?
        package var objectType: String?
        package var run: RunID?
        /// Actors by their id, or persons on whose behalf somebody acted; an empty list finds nothing.
        package var actors: [String]?
        /// Only what was done on behalf of one of these persons.
        package var behalf: [PersonID]?
        package var from: Moment?
        package var to: Moment?

        package init(
            action: String? = nil, object: String? = nil, actors: [String]? = nil, from: Moment? = nil, to: Moment? = nil
        ) {
            self.action = action
            self.object = object
            self.actors = actors
            self.from = from
            self.to = to
        }
    }

    private static let columns: SQL =
        "id, number, at, actor_kind, actor_id, on_behalf_of, action, object_type, object_id, run_id, content"

    /// One page of entries, newest first.
    package static func page(
        tenant: TenantID, _ search: Search, before: (Moment, AuditEntryID)?, limit: Int
    ) -> SQL {
        var narrowed: SQL = ""
        func narrow(_ condition: SQL?) { if let condition { narrowed.append("AND \(condition) ") } }
        narrow(search.action.map { "action = \($0)" })
        narrow(search.actions.map { "action = ANY(\($0))" })
        narrow(search.object.map { "object_id = \($0)" })
        narrow(search.objectType.map { "object_type = \($0)" })
        narrow(search.run.map { "run_id = \($0)" })
        narrow(search.actors.map { "(actor_id = ANY(\($0)) OR on_behalf_of::text = ANY(\($0)))" })
        narrow(search.behalf.map { "on_behalf_of = ANY(\($0))" })
        narrow(search.from.map { "at >= \($0)" })
        narrow(search.to.map { "at < \($0)" })
        narrow(before.map { "(at, id) < (\($0.0), \($0.1))" })
        return """
            SELECT \(columns) FROM audit_entry
            WHERE tenant_id = \(tenant) \(narrowed)
            ORDER BY at DESC, id DESC LIMIT \(limit)
            """
    }

    package static func one(tenant: TenantID, id: AuditEntryID) -> SQL {
        "SELECT \(columns) FROM audit_entry WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    /// The acts that a log has, each once: found by going from one to the next in their index, however long the log is.
    package static func actions(tenant: TenantID, limit: Int) -> SQL {
        """
        WITH RECURSIVE known AS (
            (SELECT action FROM audit_entry WHERE tenant_id = \(tenant) ORDER BY action LIMIT 1)
            UNION ALL
            SELECT (SELECT e.action FROM audit_entry e WHERE e.tenant_id = \(tenant) AND e.action > k.action
                ORDER BY e.action LIMIT 1)
            FROM known k WHERE k.action IS NOT NULL)
        SELECT action FROM known WHERE action IS NOT NULL LIMIT \(Int64(limit))
        """
    }

    /// The entry before or after one about the same object, if there is one.
    package static func beside(
        tenant: TenantID, type: String, object: String, at: Moment, id: AuditEntryID, isLater: Bool
    ) -> SQL {
        isLater
            ? """
            SELECT id FROM audit_entry WHERE tenant_id = \(tenant) AND object_type = \(type) AND object_id = \(object)
              AND (at, id) > (\(at), \(id)) ORDER BY at, id LIMIT 1
            """
            : """
            SELECT id FROM audit_entry WHERE tenant_id = \(tenant) AND object_type = \(type) AND object_id = \(object)
              AND (at, id) < (\(at), \(id)) ORDER BY at DESC, id DESC LIMIT 1
            """
    }

    /// One page of what policies decided, newest first, with the run each was about.
    package static func decisions(
        tenant: TenantID, policy: String?, before: (Moment, AuditEntryID)?, limit: Int
    ) -> SQL {
        let byPolicy: SQL = policy.map { "AND a.content -> 'receipt' ->> 'policy' = \($0)" } ?? ""
        let cursor: SQL = before.map { "AND (a.at, a.id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT a.id, a.at, a.action, a.run_id, a.content, r.subject, r.counterparty, r.amount_minor, r.currency
            FROM audit_entry a LEFT JOIN run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
            WHERE a.tenant_id = \(tenant) AND a.action IN ('policy.decided', 'match.decided') \(byPolicy) \(cursor)
            ORDER BY a.at DESC, a.id DESC LIMIT \(limit)
            """
    }

    package static func ofRun(tenant: TenantID, run: RunID, limit: Int) -> SQL {
        """
        SELECT \(columns) FROM audit_entry
        WHERE tenant_id = \(tenant) AND run_id = \(run) ORDER BY number LIMIT \(limit)
        """
    }
}

package enum OutboxQueries {
    package static func insert(_ rows: [OutboxRow]) -> SQL {
        """
        INSERT INTO outbox (tenant_id, lane, at, topic, run_id, facts)
        SELECT * FROM unnest(\(rows.map(\.tenant)), \(rows.map(\.lane)), \(rows.map(\.at)), \(rows.map(\.topic)),
            \(rows.map(\.run)),
            \(rows.map(\.facts)))
        """
    }

    /// What came after `after` and before the oldest transaction still running, so that no late commit is ever passed over.
    package static func after(tenant: TenantID, _ after: Int64, limit: Int) -> SQL {
        """
        SELECT id, at, topic, run_id, facts FROM outbox
        WHERE tenant_id = \(tenant) AND id > \(after) AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY id LIMIT \(limit)
        """
    }

    package static func latest(tenant: TenantID) -> SQL {
        """
        SELECT coalesce(max(id), 0) AS id FROM outbox
        WHERE tenant_id = \(tenant) AND xid < pg_snapshot_xmin(pg_current_snapshot())
        """
    }
}
