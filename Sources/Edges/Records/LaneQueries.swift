package import Kernel
package import Postgres

/// The lanes: who owns which, by a fencing epoch that only grows.
package enum LaneQueries {
    /// Makes sure that lanes 0 to `count - 1` have their row.
    package static func ensure(count: Int32) -> SQL {
        "INSERT INTO queue.lane (lane) SELECT generate_series(0, \(count) - 1) ON CONFLICT (lane) DO NOTHING"
    }

    package static func count() -> SQL { "SELECT count(*) AS n FROM queue.lane" }

    /// Takes up to `limit` lanes whose owner let its lease run out; the epoch rises with every change of hands.
    ///
    /// The update waits for transactions of the former owner that hold the row in share mode (`fence`), so an old owner's last
    /// batch is either committed before the new owner reads or fails its fence.
    package static func claim(owner: String, limit: Int, now: Moment, until: Moment) -> SQL {
        """
        UPDATE queue.lane SET owner = \(owner), epoch = epoch + 1, expires_at = \(until)
        WHERE lane IN (SELECT lane FROM queue.lane WHERE expires_at < \(now) ORDER BY lane LIMIT \(limit) FOR UPDATE SKIP LOCKED)
        RETURNING lane, epoch
        """
    }

    package static func renew(owner: String, now: Moment, until: Moment) -> SQL {
        "UPDATE queue.lane SET expires_at = \(until) WHERE owner = \(owner) AND expires_at >= \(now) RETURNING lane, epoch"
    }

    package static func release(owner: String) -> SQL {
        "UPDATE queue.lane SET owner = NULL, expires_at = '-infinity' WHERE owner = \(owner)"
    }

    /// Lanes that another server shall have. Like a claim it waits for batches that hold the rows.
    package static func giveUp(owner: String, lanes: [Int32]) -> SQL {
        "UPDATE queue.lane SET owner = NULL, expires_at = '-infinity' WHERE owner = \(owner) AND lane = ANY(\(lanes))"
    }

    /// This server runs lanes until it says so again.
    package static func announce(owner: String, until: Moment) -> SQL {
        """
        INSERT INTO queue.replica (owner, expires_at) VALUES (\(owner), \(until))
        ON CONFLICT (owner) DO UPDATE SET expires_at = excluded.expires_at
        """
    }

    /// Forgets servers that have not said so for too long.
    package static func forgetReplicas(now: Moment) -> SQL { "DELETE FROM queue.replica WHERE expires_at < \(now)" }

    package static func leave(owner: String) -> SQL { "DELETE FROM queue.replica WHERE owner = \(owner)" }

    /// How many servers run lanes.
    package static func replicas(now: Moment) -> SQL {
        "SELECT count(*) AS n FROM queue.replica WHERE expires_at >= \(now)"
    }

    /// One row when this owner still holds the lane at this epoch; held in share mode to the end of the transaction.
    package static func fence(lane: Int32, owner: String, epoch: Int64) -> SQL {
        "SELECT lane FROM queue.lane WHERE lane = \(lane) AND owner = \(owner) AND epoch = \(epoch) FOR SHARE"
    }

    /// What waits in each lane: commands, and the earliest timer.
    package static func pending() -> SQL {
        """
        SELECT l.lane, EXISTS (SELECT 1 FROM queue.command c WHERE c.lane = l.lane) AS has_commands,
               (SELECT t.due_at FROM queue.timer t WHERE t.lane = l.lane ORDER BY t.due_at LIMIT 1) AS next_timer
        FROM queue.lane l
        """
    }
}

/// An id whose kind another column tells.
package typealias AnyID = ID<Kernel.Subject>

/// Wake-ups of the future: for runs, tasks, leases and clocks.
package enum TimerQueries {
    package struct Due: Sendable {
        package let id: Int64
        package let dueAt: Moment
        package let tenant: TenantID
        package let subject: String
        package let subjectID: AnyID
        package let key: String
    }

    package struct New: Sendable {
        package let dueAt: Moment
        package let tenant: TenantID
        package let subject: String
        package let subjectID: AnyID
        package let key: String

        package init(dueAt: Moment, tenant: TenantID, subject: String, subjectID: AnyID, key: String) {
            self.dueAt = dueAt
            self.tenant = tenant
            self.subject = subject
            self.subjectID = subjectID
            self.key = key
        }
    }

    /// Takes the due timers of a lane out of the queue, earliest first.
    package static func takeDue(lane: Int32, now: Moment, limit: Int) -> SQL {
        """
        DELETE FROM queue.timer WHERE lane = \(lane) AND (due_at, id) IN (
            SELECT due_at, id FROM queue.timer WHERE lane = \(lane) AND due_at <= \(now) ORDER BY due_at, id LIMIT \(limit))
        RETURNING id, due_at, tenant_id, subject, subject_id, key
        """
    }

    package static func next(lane: Int32) -> SQL {
        "SELECT due_at FROM queue.timer WHERE lane = \(lane) ORDER BY due_at LIMIT 1"
    }

    package static func insert(lane: Int32, _ timers: [New]) -> SQL {
        """
        INSERT INTO queue.timer (lane, due_at, tenant_id, subject, subject_id, key)
        SELECT \(lane), * FROM unnest(\(timers.map(\.dueAt)), \(timers.map(\.tenant)), \(timers.map(\.subject)),
                                      \(timers.map(\.subjectID)), \(timers.map(\.key)))
        """
    }

    /// The timers that bring back commands kept for these runs.
    package static func parked(lane: Int32, subjects: [AnyID]) -> SQL {
        """
        SELECT subject_id, key FROM queue.timer
        WHERE lane = \(lane) AND subject_id = ANY(\(subjects)) AND key LIKE 'parked/%' ORDER BY id LIMIT 1000
        """
    }

    /// Each is found by its subject, however the table has grown since the statement was planned. Only the lane's owner writes
    /// its timers, so a row is still where this statement found it.
    package static func cancel(lane: Int32, subjects: [AnyID], keys: [String]) -> SQL {
        """
        DELETE FROM queue.timer WHERE ctid = ANY(ARRAY(
            SELECT t.ctid FROM unnest(\(subjects), \(keys)) AS gone(subject_id, key), LATERAL (
                SELECT ctid FROM queue.timer t
                WHERE t.subject_id = gone.subject_id AND t.key = gone.key AND t.lane = \(lane) OFFSET 0) AS t))
        """
    }
}

extension TimerQueries.Due {
    package init(_ row: Row) throws {
        id = try row.get("id", as: Int64.self)
        dueAt = try row.get("due_at", as: Moment.self)
        tenant = try row.get("tenant_id", as: TenantID.self)
        subject = try row.get("subject", as: String.self)
        subjectID = try row.get("subject_id", as: AnyID.self)
        key = try row.get("key", as: String.self)
    }
}
