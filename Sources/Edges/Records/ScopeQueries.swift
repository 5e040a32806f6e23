package import Kernel
package import Postgres

/// The operator, a partner or a tenant.
package struct ScopeRow: Sendable {
    package let id: TenantID
    package let kind: String
    package let slug: String
    package let name: String
    package let parent: TenantID?
    package let lane: Int32
    package let locale: String
    package let timeZone: String
    package let state: String

    package init(
        id: TenantID, kind: String, slug: String, name: String, parent: TenantID?, lane: Int32, locale: String, timeZone: String,
        state: String
    ) {
        self.id = id
        self.kind = kind
        self.slug = slug
        self.name = name
        self.parent = parent
        self.lane = lane
        self.locale = locale
        self.timeZone = timeZone
        self.state = state
    }

    package init(_ row: Row) throws {
        id = try row.get("tenant_id", as: TenantID.self)
        kind = try row.get("kind", as: String.self)
        slug = try row.get("slug", as: String.self)
        name = try row.get("name", as: String.self)
        parent = try row.get("parent_id", as: TenantID?.self)
        lane = try row.get("lane", as: Int32.self)
        locale = try row.get("locale", as: String.self)
        timeZone = try row.get("time_zone", as: String.self)
        state = try row.get("state", as: String.self)
    }
}

package struct PersonRow: Sendable {
    package let tenant: TenantID
    package let id: PersonID
    package let slug: String
    package let name: String
    package let email: String
    package let natural: PersonID
    /// What `people.yaml` says: role names with their limits.
    package let roles: JSONValue
    package let state: String

    package init(
        tenant: TenantID, id: PersonID, slug: String, name: String, email: String, natural: PersonID, roles: JSONValue,
        state: String
    ) {
        self.tenant = tenant
        self.id = id
        self.slug = slug
        self.name = name
        self.email = email
        self.natural = natural
        self.roles = roles
        self.state = state
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: PersonID.self)
        slug = try row.get("slug", as: String.self)
        name = try row.get("name", as: String.self)
        email = try row.get("email", as: String.self)
        natural = try row.get("natural_id", as: PersonID.self)
        roles = try row.get("roles", as: JSONValue.self)
        state = try row.get("state", as: String.self)
    }
}

package enum ScopeQueries {
    private static let columns: SQL = "s.tenant_id, s.kind, s.slug, s.name, s.parent_id, s.lane, s.locale, s.time_zone, s.state"

    package static func put(_ scope: ScopeRow, at: Moment) -> SQL {
        """
        INSERT INTO scope (tenant_id, kind, slug, name, parent_id, lane, locale, time_zone, state, created_at)
        VALUES (\(scope.id), \(scope.kind), \(scope.slug), \(scope.name), \(optional: scope.parent), \(scope.lane),
            \(scope.locale),
                \(scope.timeZone), \(scope.state), \(at))
        ON CONFLICT (tenant_id) DO UPDATE SET name = excluded.name, locale = excluded.locale, time_zone = excluded.time_zone
        """
    }

    /// The directory; read as gate or report, which see nothing but it.
    package static func all(limit: Int = 5000) -> SQL {
        "SELECT \(columns) FROM scope s ORDER BY s.kind, s.slug LIMIT \(limit)"
    }

    package static func putPerson(_ person: PersonRow, at: Moment) -> SQL {
        """
        INSERT INTO person (tenant_id, id, slug, name, email, natural_id, roles, state, created_at)
        VALUES (\(person.tenant), \(person.id), \(person.slug), \(person.name), \(person.email), \(person.natural),
            \(person.roles),
                \(person.state), \(at))
        ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name, email = excluded.email, roles = excluded.roles,
            natural_id = excluded.natural_id, state = excluded.state
        """
    }

    package static func people(tenant: TenantID) -> SQL {
        """
        SELECT tenant_id, id, slug, name, email, natural_id, roles, state FROM person
        WHERE tenant_id = \(tenant) ORDER BY name LIMIT 2000
        """
    }

    /// Those who are not named lose their state and every role; one row (`id`) for each who was active.
    package static func disablePeople(tenant: TenantID, besides ids: [PersonID]) -> SQL {
        """
        UPDATE person SET state = 'disabled', roles = '{"grants": []}'::jsonb
        WHERE tenant_id = \(tenant) AND state = 'active' AND NOT (id = ANY(\(ids))) RETURNING id
        """
    }

    package static func person(tenant: TenantID, id: PersonID) -> SQL {
        """
        SELECT tenant_id, id, slug, name, email, natural_id, roles, state FROM person
        WHERE tenant_id = \(tenant) AND id = \(id)
        """
    }
}

package enum SignInQueries {
    package static func putAccount(tenant: TenantID, person: PersonID, emailFolded: String) -> SQL {
        """
        INSERT INTO account (tenant_id, person_id, email_folded) VALUES (\(tenant), \(person), \(emailFolded))
        ON CONFLICT (tenant_id, person_id) DO UPDATE SET email_folded = excluded.email_folded
        """
    }

    /// One row for each of these people who had an account.
    package static func dropAccounts(tenant: TenantID, people: [PersonID]) -> SQL {
        "DELETE FROM account WHERE tenant_id = \(tenant) AND person_id = ANY(\(people)) RETURNING person_id"
    }

    package static func setPassword(tenant: TenantID, person: PersonID, hash: String) -> SQL {
        """
        UPDATE account SET password_hash = \(hash), failures = 0
        WHERE tenant_id = \(tenant) AND person_id = \(person) RETURNING person_id
        """
    }

    /// As gate: which accounts answer to this address, at most ten.
    package static func accounts(emailFolded: String) -> SQL {
        "SELECT tenant_id, person_id FROM account WHERE email_folded = \(emailFolded) ORDER BY tenant_id LIMIT 10"
    }

    package static func account(tenant: TenantID, person: PersonID) -> SQL {
        "SELECT password_hash, failures, failed_at FROM account WHERE tenant_id = \(tenant) AND person_id = \(person)"
    }

    package static func noteFailure(tenant: TenantID, person: PersonID, at: Moment) -> SQL {
        "UPDATE account SET failures = failures + 1, failed_at = \(at) WHERE tenant_id = \(tenant) AND person_id = \(person)"
    }

    package static func clearFailures(tenant: TenantID, person: PersonID) -> SQL {
        "UPDATE account SET failures = 0, failed_at = NULL WHERE tenant_id = \(tenant) AND person_id = \(person)"
    }

    /// As gate: whose session this token is.
    package static func sessionOwner(tokenHash: [UInt8]) -> SQL {
        "SELECT tenant_id, id FROM session WHERE token_hash = \(tokenHash) LIMIT 1"
    }

    /// Stores the same password at today's cost, unless another was set meanwhile.
    package static func renewHash(tenant: TenantID, person: PersonID, from stored: String, to hash: String) -> SQL {
        """
        UPDATE account SET password_hash = \(hash)
        WHERE tenant_id = \(tenant) AND person_id = \(person) AND password_hash = \(stored)
        """
    }

    /// The session's person while it lives: not ended, not past its end, not idle for longer than `idleAfter`.
    package static func session(tenant: TenantID, id: SessionID, now: Moment, idleBefore: Moment) -> SQL {
        """
        SELECT s.person_id, s.seen_at, s.proved_at FROM session s
        JOIN person p ON p.tenant_id = s.tenant_id AND p.id = s.person_id
        WHERE s.tenant_id = \(tenant) AND s.id = \(id) AND s.ended_at IS NULL AND s.expires_at > \(now)
            AND s.seen_at > \(idleBefore) AND NOT s.is_pending
          AND p.state = 'active'
        """
    }

    package static func touchSession(tenant: TenantID, id: SessionID, now: Moment) -> SQL {
        "UPDATE session SET seen_at = \(now) WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    package static func endSession(tenant: TenantID, id: SessionID, now: Moment) -> SQL {
        "UPDATE session SET ended_at = \(now) WHERE tenant_id = \(tenant) AND id = \(id) AND ended_at IS NULL"
    }

    /// Ends every session of these people: one that only slept would be good again if they were ever named anew.
    package static func endSessions(tenant: TenantID, people: [PersonID], now: Moment) -> SQL {
        "UPDATE session SET ended_at = \(now) WHERE tenant_id = \(tenant) AND person_id = ANY(\(people)) AND ended_at IS NULL"
    }

    package static func revokeKeys(tenant: TenantID, people: [PersonID], now: Moment) -> SQL {
        "UPDATE api_key SET revoked_at = \(now) WHERE tenant_id = \(tenant) AND person_id = ANY(\(people)) AND revoked_at IS NULL"
    }

    /// As gate: in whose scope this key lies.
    package static func keyOwner(keyID: String) -> SQL {
        "SELECT tenant_id, id FROM api_key WHERE key_id = \(keyID) LIMIT 1"
    }
}
