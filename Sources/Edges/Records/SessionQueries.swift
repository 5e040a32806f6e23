package import Kernel
package import Postgres

/// A session as its person sees it.
package struct SessionRow: Sendable {
    package let id: SessionID
    package let agent: String
    package let address: String
    package let createdAt: Moment
    package let seenAt: Moment
    package let expiresAt: Moment

    package init(_ row: Row) throws {
        id = try row.get("id", as: SessionID.self)
        agent = try row.get("agent", as: String.self)
        address = try row.get("address", as: String.self)
        createdAt = try row.get("created_at", as: Moment.self)
        seenAt = try row.get("seen_at", as: Moment.self)
        expiresAt = try row.get("expires_at", as: Moment.self)
    }
}

/// Where a session was opened: what the browser calls itself, and the address it came from.
package struct SessionPlace: Sendable {
    package let agent: String
    package let address: String

    package init(agent: String, address: String) {
        self.agent = agent
        self.address = address
    }
}

/// Sessions of a person, and proofs given in them.
package enum SessionQueries {
    package static func open(
        tenant: TenantID, id: SessionID, tokenHash: [UInt8], person: PersonID, place: SessionPlace, now: Moment,
        expiresAt: Moment, isPending: Bool
    ) -> SQL {
        let proved: Moment? = isPending ? nil : now
        return """
            INSERT INTO session (tenant_id, id, token_hash, person_id, created_at, seen_at, expires_at, agent, address,
                is_pending, proved_at)
            VALUES (\(tenant), \(id), \(tokenHash), \(person), \(now), \(now), \(expiresAt), \(place.agent), \(place.address),
                \(isPending), \(optional: proved))
            """
    }

    /// One row while the session waits for a second factor and has tries left; each call takes one.
    package static func tryPending(tenant: TenantID, id: SessionID, now: Moment, triesMax: Int32) -> SQL {
        """
        UPDATE session SET tries = tries + 1
        WHERE tenant_id = \(tenant) AND id = \(id) AND is_pending AND ended_at IS NULL AND expires_at > \(now)
            AND tries < \(triesMax) RETURNING person_id
        """
    }

    /// Those that still open something, the last used first.
    package static func live(tenant: TenantID, person: PersonID, now: Moment, idleBefore: Moment) -> SQL {
        """
        SELECT id, agent, address, created_at, seen_at, expires_at FROM session
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND ended_at IS NULL AND NOT is_pending
            AND expires_at > \(now) AND seen_at > \(idleBefore)
        ORDER BY seen_at DESC, id LIMIT 100
        """
    }

    /// One row when it was this person's and was open.
    package static func end(tenant: TenantID, id: SessionID, of person: PersonID, now: Moment) -> SQL {
        """
        UPDATE session SET ended_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND person_id = \(person) AND ended_at IS NULL RETURNING id
        """
    }

    /// Ends a person's sessions but one; one row for each.
    package static func endOthers(tenant: TenantID, person: PersonID, besides kept: SessionID?, now: Moment) -> SQL {
        """
        UPDATE session SET ended_at = \(now)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND ended_at IS NULL AND id IS DISTINCT FROM \(optional: kept)
        RETURNING id
        """
    }

    /// A fresh proof gives the session a new token; one row while it is open.
    package static func prove(tenant: TenantID, id: SessionID, tokenHash: [UInt8], now: Moment) -> SQL {
        """
        UPDATE session SET token_hash = \(tokenHash), proved_at = \(now), seen_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND ended_at IS NULL AND NOT is_pending RETURNING id
        """
    }
}
