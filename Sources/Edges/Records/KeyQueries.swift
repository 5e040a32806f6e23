package import Kernel
package import Postgres

/// An API key without its secret.
package struct KeyRow: Sendable {
    package let id: SessionID
    package let keyID: String
    package let person: PersonID
    package let name: String
    package let environment: String
    /// Names of the roles it is limited to; empty for all of its person's.
    package let roles: [String]
    /// Short names of the tenants it is limited to; empty for all.
    package let tenants: [String]
    package let createdAt: Moment
    package let expiresAt: Moment
    package let revokedAt: Moment?
    package let usedAt: Moment?
    package let replaces: SessionID?
    /// Who made it; nil for the operator at the server's own command line.
    package let maker: PersonID?
    /// Its holder cannot sign in, so whoever uses it is no person who does.
    package let hasNoAccount: Bool

    package init(_ row: Row) throws {
        id = try row.get("id", as: SessionID.self)
        keyID = try row.get("key_id", as: String.self)
        person = try row.get("person_id", as: PersonID.self)
        name = try row.get("name", as: String.self)
        environment = try row.get("environment", as: String.self)
        roles = try row.get("roles", as: [String].self)
        tenants = try row.get("tenants", as: [String].self)
        createdAt = try row.get("created_at", as: Moment.self)
        expiresAt = try row.get("expires_at", as: Moment.self)
        revokedAt = try row.get("revoked_at", as: Moment?.self)
        usedAt = try row.get("used_at", as: Moment?.self)
        replaces = try row.get("replaces", as: SessionID?.self)
        maker = try row.get("made_by", as: PersonID?.self)
        hasNoAccount = try row.get("has_no_account", as: Bool.self)
    }
}

/// What a new key is to be.
package struct NewKey: Sendable {
    package let id: SessionID
    package let keyID: String
    package let secretHash: [UInt8]
    package let person: PersonID
    package let name: String
    package let environment: String
    package let roles: [String]
    package let tenants: [String]
    package let maker: PersonID?
    package let replaces: SessionID?

    package init(
        id: SessionID, keyID: String, secretHash: [UInt8], person: PersonID, name: String, environment: String, roles: [String],
        tenants: [String], maker: PersonID?, replaces: SessionID?
    ) {
        self.id = id
        self.keyID = keyID
        self.secretHash = secretHash
        self.person = person
        self.name = name
        self.environment = environment
        self.roles = roles
        self.tenants = tenants
        self.maker = maker
        self.replaces = replaces
    }
}

package enum KeyQueries {
    private static let columns: SQL =
        """
        k.id, k.key_id, k.person_id, k.name, k.environment, k.roles, k.tenants, k.created_at, k.expires_at, k.revoked_at,
            k.used_at, k.replaces, k.made_by,
            NOT EXISTS (SELECT FROM account a WHERE a.tenant_id = k.tenant_id AND a.person_id = k.person_id) AS has_no_account
        """

    package static func put(tenant: TenantID, _ key: NewKey, now: Moment, expiresAt: Moment) -> SQL {
        """
        INSERT INTO api_key (tenant_id, id, key_id, secret_hash, person_id, name, created_at, expires_at, environment, roles,
            tenants, made_by, replaces)
        VALUES (\(tenant), \(key.id), \(key.keyID), \(key.secretHash), \(key.person), \(key.name), \(now), \(expiresAt),
            \(key.environment), \(key.roles), \(key.tenants), \(optional: key.maker), \(optional: key.replaces))
        """
    }

    /// The key with its secret's hash while it opens something.
    package static func live(tenant: TenantID, keyID: String, environment: String, now: Moment) -> SQL {
        """
        SELECT \(columns), k.secret_hash FROM api_key k
        JOIN person p ON p.tenant_id = k.tenant_id AND p.id = k.person_id
        WHERE k.tenant_id = \(tenant) AND k.key_id = \(keyID) AND k.environment = \(environment) AND k.revoked_at IS NULL
            AND k.expires_at > \(now) AND p.state = 'active'
        """
    }

    package static func touch(tenant: TenantID, id: SessionID, now: Moment) -> SQL {
        "UPDATE api_key SET used_at = \(now) WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    /// A person's keys, the newest first; those that ended long ago fall off the end.
    package static func ofPerson(tenant: TenantID, person: PersonID) -> SQL {
        """
        SELECT \(columns) FROM api_key k WHERE k.tenant_id = \(tenant) AND k.person_id = \(person)
        ORDER BY k.created_at DESC, k.id LIMIT 200
        """
    }

    /// Every key of a scope, for those who look after it.
    package static func all(tenant: TenantID) -> SQL {
        "SELECT \(columns) FROM api_key k WHERE k.tenant_id = \(tenant) ORDER BY k.created_at DESC, k.id LIMIT 1000"
    }

    package static func find(tenant: TenantID, id: SessionID) -> SQL {
        "SELECT \(columns) FROM api_key k WHERE k.tenant_id = \(tenant) AND k.id = \(id) FOR UPDATE"
    }

    /// One row when it was in force.
    package static func revoke(tenant: TenantID, id: SessionID, now: Moment) -> SQL {
        """
        UPDATE api_key SET revoked_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND revoked_at IS NULL AND expires_at > \(now) RETURNING key_id
        """
    }

    /// A key that is being replaced ends at `until`, or earlier where it would have.
    package static func shorten(tenant: TenantID, id: SessionID, until: Moment) -> SQL {
        "UPDATE api_key SET expires_at = least(expires_at, \(until)) WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    package static func machines(tenant: TenantID) -> SQL {
        """
        SELECT p.id FROM person p WHERE p.tenant_id = \(tenant) AND p.state = 'active' AND NOT EXISTS (
            SELECT 1 FROM account a WHERE a.tenant_id = p.tenant_id AND a.person_id = p.id)
        ORDER BY p.slug LIMIT 2000
        """
    }

    /// Who makes a key holds this until the end, so that two at once cannot pass the bound on a person's keys.
    package static func lockPerson(tenant: TenantID, person: PersonID) -> SQL {
        "SELECT id, state FROM person WHERE tenant_id = \(tenant) AND id = \(person) FOR UPDATE"
    }
}
