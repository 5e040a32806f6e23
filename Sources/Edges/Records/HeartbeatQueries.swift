package import Kernel
package import Postgres

extension Subject {
    package enum Heartbeat {}
}

/// A promise of signs of life.
package typealias HeartbeatID = ID<Subject.Heartbeat>

/// A promise to show signs of life, and when that was done last.
package struct HeartbeatRow: Sendable {
    package let tenant: TenantID
    package let id: HeartbeatID
    /// `part`, `lane`, `worker`, `connection` or `job`.
    package let kind: String
    package let subject: String
    package let everySeconds: Int32
    package let graceSeconds: Int32
    package let since: Moment
    package let beatenAt: Moment?
    package let missedAt: Moment?
    package let endedAt: Moment?

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: HeartbeatID.self)
        kind = try row.get("kind", as: String.self)
        subject = try row.get("subject", as: String.self)
        everySeconds = try row.get("every_seconds", as: Int32.self)
        graceSeconds = try row.get("grace_seconds", as: Int32.self)
        since = try row.get("since", as: Moment.self)
        beatenAt = try row.get("beaten_at", as: Moment?.self)
        missedAt = try row.get("missed_at", as: Moment?.self)
        endedAt = try row.get("ended_at", as: Moment?.self)
    }
}

/// A sign of life as it is written down, with the promise that it keeps.
package struct NewBeat: Hashable, Sendable {
    package let kind: String
    package let subject: String
    package let everySeconds: Int32
    package let graceSeconds: Int32
    package let at: Moment

    package init(kind: String, subject: String, everySeconds: Int32, graceSeconds: Int32, at: Moment) {
        self.kind = kind
        self.subject = subject
        self.everySeconds = everySeconds
        self.graceSeconds = graceSeconds
        self.at = at
    }
}

package enum HeartbeatQueries {
    private static let columns: SQL = """
        h.tenant_id, h.id, h.kind, h.subject, h.every_seconds, h.grace_seconds, h.since, h.beaten_at, h.missed_at, h.ended_at
        """

    /// Keeps beats; who beats for the first time promises from then on. A beat never goes back.
    package static func beat(tenant: TenantID, ids: [HeartbeatID], _ beats: [NewBeat]) -> SQL {
        """
        INSERT INTO heartbeat AS h (tenant_id, id, kind, subject, every_seconds, grace_seconds, since, beaten_at)
        SELECT \(tenant), n.id, n.kind, n.subject, n.every_seconds, n.grace_seconds, n.at, n.at
        FROM unnest(\(ids), \(beats.map(\.kind)), \(beats.map(\.subject)), \(beats.map(\.everySeconds)),
            \(beats.map(\.graceSeconds)), \(beats.map(\.at))) AS n(id, kind, subject, every_seconds, grace_seconds, at)
        ON CONFLICT (tenant_id, kind, subject) WHERE ended_at IS NULL
            DO UPDATE SET every_seconds = excluded.every_seconds, grace_seconds = excluded.grace_seconds,
                beaten_at = greatest(h.beaten_at, excluded.beaten_at)
        """
    }

    /// Forgets promises of a kind whose subjects are not among those named: they were taken back and not missed. Rows of what was
    /// missed are answered, so that somebody says it is over.
    package static func withdraw(tenant: TenantID, kind: String, besides subjects: [String]) -> SQL {
        """
        DELETE FROM heartbeat h WHERE h.tenant_id = \(tenant) AND h.kind = \(kind) AND NOT h.subject = ANY(\(subjects))
        RETURNING \(columns)
        """
    }

    /// A beat of a job, with its token (`token_hash`) to be compared before anything is written.
    package static func job(tenant: TenantID, id: HeartbeatID) -> SQL {
        """
        SELECT \(columns), h.token_hash FROM heartbeat h
        WHERE h.tenant_id = \(tenant) AND h.id = \(id) AND h.kind = 'job' AND h.ended_at IS NULL
        """
    }

    package static func ping(tenant: TenantID, id: HeartbeatID, at now: Moment) -> SQL {
        """
        UPDATE heartbeat SET beaten_at = greatest(beaten_at, \(now))
        WHERE tenant_id = \(tenant) AND id = \(id) AND kind = 'job' AND ended_at IS NULL RETURNING id
        """
    }

    /// What has become silent, or is so still and was told of before `tellBefore`. Each row is marked, so that one of several
    /// servers tells.
    ///
    /// Nobody is judged for a time in which nobody listened. What the platform writes of itself is judged from `judgedFrom` on,
    /// the server's start. A job outside went on meanwhile, so a start gives it no more time: only where its report was due
    /// within `deaf`, in which no server was there to hear it, the next one is waited for.
    package static func takeMissed(
        tenant: TenantID, now: Moment, judgedFrom: Moment, deaf: (from: Moment, to: Moment), tellBefore: Moment
    ) -> SQL {
        """
        UPDATE heartbeat h SET missed_at = coalesce(h.missed_at, \(now)), told_at = \(now)
        WHERE h.tenant_id = \(tenant) AND h.ended_at IS NULL AND (h.told_at IS NULL OR h.told_at < \(tellBefore))
          AND CASE WHEN h.kind = 'job' THEN
              coalesce(h.beaten_at, h.since) + make_interval(secs => h.grace_seconds + h.every_seconds * CASE
                  WHEN coalesce(h.beaten_at, h.since) + make_interval(secs => h.every_seconds)
                      BETWEEN \(deaf.from) - make_interval(secs => h.grace_seconds) AND \(deaf.to) THEN 2 ELSE 1 END)
              ELSE greatest(coalesce(h.beaten_at, h.since), \(judgedFrom))
                  + make_interval(secs => h.every_seconds + h.grace_seconds) END < \(now)
        RETURNING \(columns)
        """
    }

    /// What was missed and has been heard of again since.
    package static func takeReturned(tenant: TenantID) -> SQL {
        """
        UPDATE heartbeat h SET missed_at = NULL, told_at = NULL
        WHERE h.tenant_id = \(tenant) AND h.missed_at IS NOT NULL AND h.beaten_at > h.missed_at RETURNING \(columns)
        """
    }

    package static func all(tenant: TenantID) -> SQL {
        """
        SELECT \(columns) FROM heartbeat h WHERE h.tenant_id = \(tenant) AND h.ended_at IS NULL
        ORDER BY h.kind, h.subject LIMIT 2000
        """
    }

    /// As report: of all tenants.
    package static func everybody() -> SQL {
        "SELECT \(columns) FROM heartbeat h WHERE h.ended_at IS NULL ORDER BY h.tenant_id, h.kind, h.subject LIMIT 20000"
    }

    /// As report: the newest beat of the server's own parts (`beaten_at`), from which others judge whether it lives.
    package static func platformBeat() -> SQL { "SELECT max(beaten_at) AS beaten_at FROM heartbeat WHERE kind = 'part'" }

    package static func countJobs(tenant: TenantID) -> SQL {
        "SELECT count(*) AS n FROM heartbeat WHERE tenant_id = \(tenant) AND kind = 'job' AND ended_at IS NULL"
    }

    /// One row, or none when a job of that name is there already.
    package static func makeJob(
        tenant: TenantID, id: HeartbeatID, name: String, everySeconds: Int32, graceSeconds: Int32, tokenHash: [UInt8],
        by person: PersonID, now: Moment
    ) -> SQL {
        """
        INSERT INTO heartbeat AS h (tenant_id, id, kind, subject, every_seconds, grace_seconds, since, token_hash, made_by)
        VALUES (\(tenant), \(id), 'job', \(name), \(everySeconds), \(graceSeconds), \(now), \(tokenHash), \(person))
        ON CONFLICT (tenant_id, kind, subject) WHERE ended_at IS NULL DO NOTHING RETURNING \(columns)
        """
    }

    package static func rotateJob(tenant: TenantID, id: HeartbeatID, tokenHash: [UInt8]) -> SQL {
        """
        UPDATE heartbeat h SET token_hash = \(tokenHash)
        WHERE h.tenant_id = \(tenant) AND h.id = \(id) AND h.kind = 'job' AND h.ended_at IS NULL RETURNING \(columns)
        """
    }

    package static func endJob(tenant: TenantID, id: HeartbeatID, now: Moment) -> SQL {
        """
        UPDATE heartbeat h SET ended_at = \(now)
        WHERE h.tenant_id = \(tenant) AND h.id = \(id) AND h.kind = 'job' AND h.ended_at IS NULL RETURNING \(columns)
        """
    }

    /// The lanes that have an owner now.
    package static func ownedLanes(now: Moment) -> SQL {
        "SELECT lane, expires_at >= \(now) AS is_owned FROM queue.lane ORDER BY lane"
    }
}
