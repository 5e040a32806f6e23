package import Kernel
package import Postgres

/// A secret of an authenticator app as stored.
package struct FactorRow: Sendable {
    package let version: Int32
    package let sealed: [UInt8]
    package let confirmedAt: Moment?
    package let lastStep: Int64?
    package let failures: Int32
    package let failedAt: Moment?

    package init(_ row: Row) throws {
        version = try row.get("version", as: Int32.self)
        sealed = try row.get("sealed", as: [UInt8].self)
        confirmedAt = try row.get("confirmed_at", as: Moment?.self)
        lastStep = try row.get("last_step", as: Int64?.self)
        failures = try row.get("failures", as: Int32.self)
        failedAt = try row.get("failed_at", as: Moment?.self)
    }
}

/// Second factors, recovery codes and known devices of a person.
package enum FactorQueries {
    /// The factor in force and the one that waits to be confirmed, the newest first; locked, so that tries at one moment are
    /// counted one after another.
    package static func factors(tenant: TenantID, person: PersonID) -> SQL {
        """
        SELECT version, sealed, confirmed_at, last_step, failures, failed_at FROM second_factor
        WHERE tenant_id = \(tenant) AND person_id = \(person) ORDER BY version DESC LIMIT 10 FOR UPDATE
        """
    }

    package static func add(tenant: TenantID, person: PersonID, version: Int32, sealed: [UInt8], now: Moment) -> SQL {
        """
        INSERT INTO second_factor (tenant_id, person_id, version, sealed, made_at)
        VALUES (\(tenant), \(person), \(version), \(sealed), \(now))
        ON CONFLICT (tenant_id, person_id, version) DO NOTHING RETURNING version
        """
    }

    /// One row when this was the waiting one, which is in force from now on.
    package static func confirm(tenant: TenantID, person: PersonID, version: Int32, step: Int64, now: Moment) -> SQL {
        """
        UPDATE second_factor SET confirmed_at = \(now), last_step = \(step)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND version = \(version) AND confirmed_at IS NULL RETURNING version
        """
    }

    package static func remove(tenant: TenantID, person: PersonID, besides version: Int32) -> SQL {
        """
        DELETE FROM second_factor WHERE tenant_id = \(tenant) AND person_id = \(person) AND version <> \(version)
        RETURNING confirmed_at
        """
    }

    /// One row when no code of this step or a later one was taken before: of two requests with one code, one gets it.
    package static func takeStep(tenant: TenantID, person: PersonID, version: Int32, step: Int64) -> SQL {
        """
        UPDATE second_factor SET last_step = \(step), failures = 0, failed_at = NULL
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND version = \(version)
            AND (last_step IS NULL OR last_step < \(step)) RETURNING version
        """
    }

    package static func noteFailure(tenant: TenantID, person: PersonID, version: Int32, now: Moment) -> SQL {
        """
        UPDATE second_factor SET failures = failures + 1, failed_at = \(now)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND version = \(version)
        """
    }

    package static func dropRecovery(tenant: TenantID, person: PersonID) -> SQL {
        "DELETE FROM recovery_code WHERE tenant_id = \(tenant) AND person_id = \(person)"
    }

    package static func addRecovery(tenant: TenantID, person: PersonID, hashes: [[UInt8]], now: Moment) -> SQL {
        let rows = hashes.map { hash -> SQL in "(\(tenant), \(person), \(hash), \(now))" }
        return "INSERT INTO recovery_code (tenant_id, person_id, code_hash, made_at) VALUES \(SQL.joined(rows))"
    }

    /// One row when the code was good and is used up by this.
    package static func useRecovery(tenant: TenantID, person: PersonID, hash: [UInt8], now: Moment) -> SQL {
        """
        UPDATE recovery_code SET used_at = \(now)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND code_hash = \(hash) AND used_at IS NULL RETURNING code_hash
        """
    }

    package static func recoveryLeft(tenant: TenantID, person: PersonID) -> SQL {
        """
        SELECT count(*) AS n FROM recovery_code WHERE tenant_id = \(tenant) AND person_id = \(person) AND used_at IS NULL
        """
    }

    package static func isKnown(tenant: TenantID, person: PersonID, device: [UInt8], seenAfter: Moment) -> SQL {
        """
        SELECT 1 AS known FROM known_device
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND token_hash = \(device) AND seen_at > \(seenAfter)
        """
    }

    package static func know(tenant: TenantID, person: PersonID, device: [UInt8], now: Moment) -> SQL {
        """
        INSERT INTO known_device (tenant_id, person_id, token_hash, seen_at) VALUES (\(tenant), \(person), \(device), \(now))
        ON CONFLICT (tenant_id, person_id, token_hash) DO UPDATE SET seen_at = excluded.seen_at
        """
    }

    /// Keeps the `keep` devices that were seen last.
    package static func forgetDevices(tenant: TenantID, person: PersonID, keep: Int) -> SQL {
        """
        DELETE FROM known_device WHERE tenant_id = \(tenant) AND person_id = \(person) AND token_hash NOT IN (
            SELECT token_hash FROM known_device WHERE tenant_id = \(tenant) AND person_id = \(person)
            ORDER BY seen_at DESC, token_hash LIMIT \(keep))
        """
    }
}

/// One-time links by which a person sets a password.
package enum LinkQueries {
    package static func put(
        tenant: TenantID, id: SessionID, tokenHash: [UInt8], person: PersonID, by maker: PersonID?, now: Moment, expiresAt: Moment
    ) -> SQL {
        """
        INSERT INTO sign_in_link (tenant_id, id, token_hash, person_id, made_by, made_at, expires_at)
        VALUES (\(tenant), \(id), \(tokenHash), \(person), \(optional: maker), \(now), \(expiresAt))
        """
    }

    /// Links that were not used end: by a newer one, and by a password that was set otherwise.
    package static func void(tenant: TenantID, person: PersonID, now: Moment) -> SQL {
        """
        UPDATE sign_in_link SET expires_at = \(now)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND used_at IS NULL AND expires_at > \(now)
        """
    }

    /// As gate: whose link this is.
    package static func owner(tokenHash: [UInt8]) -> SQL {
        "SELECT tenant_id, id FROM sign_in_link WHERE token_hash = \(tokenHash) LIMIT 1"
    }

    package static func live(tenant: TenantID, id: SessionID, now: Moment) -> SQL {
        """
        SELECT l.person_id, l.made_by, a.email_folded FROM sign_in_link l
        JOIN person p ON p.tenant_id = l.tenant_id AND p.id = l.person_id
        JOIN account a ON a.tenant_id = l.tenant_id AND a.person_id = l.person_id
        WHERE l.tenant_id = \(tenant) AND l.id = \(id) AND l.used_at IS NULL AND l.expires_at > \(now) AND p.state = 'active'
        """
    }

    /// One row when it was good and is used up by this: of two who use it at once, one gets it.
    package static func use(tenant: TenantID, id: SessionID, now: Moment) -> SQL {
        """
        UPDATE sign_in_link SET used_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND used_at IS NULL AND expires_at > \(now) RETURNING person_id
        """
    }
}
