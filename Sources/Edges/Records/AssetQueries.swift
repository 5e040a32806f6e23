package import Kernel
package import Postgres

/// One published version of a configuration asset; never changed, only followed by another.
package struct AssetRow: Sendable {
    package let tenant: TenantID
    package let id: AssetID
    package let kind: String
    package let name: String
    package let version: String
    package let contentHash: [UInt8]
    package let content: JSONValue
    package let publishedAt: Moment

    package init(
        tenant: TenantID, id: AssetID, kind: String, name: String, version: String, contentHash: [UInt8], content: JSONValue,
        publishedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.kind = kind
        self.name = name
        self.version = version
        self.contentHash = contentHash
        self.content = content
        self.publishedAt = publishedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: AssetID.self)
        kind = try row.get("kind", as: String.self)
        name = try row.get("name", as: String.self)
        version = try row.get("version", as: String.self)
        contentHash = try row.get("content_hash", as: [UInt8].self)
        content = try row.get("content", as: JSONValue.self)
        publishedAt = try row.get("published_at", as: Moment.self)
    }
}

package enum AssetQueries {
    private static let columns: SQL = "a.tenant_id, a.id, a.kind, a.name, a.version, a.content_hash, a.content, a.published_at"

    /// One row (`id`) when the version is new to this scope.
    package static func publish(_ asset: AssetRow, by person: PersonID?) -> SQL {
        """
        INSERT INTO asset (tenant_id, id, kind, name, version, content_hash, content, published_at, published_by)
        VALUES (\(asset.tenant), \(asset.id), \(asset.kind), \(asset.name), \(asset.version), \(asset.contentHash),
            \(asset.content),
                \(asset.publishedAt), \(optional: person))
        ON CONFLICT (tenant_id, kind, name, version) DO NOTHING RETURNING id
        """
    }

    package static func version(tenant: TenantID, kind: String, name: String, version: String) -> SQL {
        """
        SELECT \(columns) FROM asset a
        WHERE a.tenant_id = \(tenant) AND a.kind = \(kind) AND a.name = \(name) AND a.version = \(version)
        """
    }

    package static func makeCurrent(tenant: TenantID, kind: String, name: String, asset: AssetID, at: Moment) -> SQL {
        """
        INSERT INTO asset_current (tenant_id, kind, name, asset_id, changed_at)
        VALUES (\(tenant), \(kind), \(name), \(asset), \(at))
        ON CONFLICT (tenant_id, kind, name) DO UPDATE SET asset_id = excluded.asset_id, changed_at = excluded.changed_at,
            retired_at = NULL
            WHERE asset_current.asset_id <> excluded.asset_id OR asset_current.retired_at IS NOT NULL
        RETURNING asset_id
        """
    }

    /// Retires what is current in the scope and not among these; its versions stay. One row (`kind`, `name`, `version`) each.
    /// Nothing of the kinds in `sparing` is touched.
    package static func retire(tenant: TenantID, besides kinds: [String], names: [String], sparing: [String], at: Moment) -> SQL {
        """
        UPDATE asset_current c SET retired_at = \(at), changed_at = \(at) FROM asset a
        WHERE c.tenant_id = \(tenant) AND c.retired_at IS NULL AND NOT (c.kind = ANY(\(sparing)))
          AND a.tenant_id = c.tenant_id AND a.id = c.asset_id
          AND NOT EXISTS (SELECT 1 FROM unnest(\(kinds), \(names)) AS kept(kind, name)
                          WHERE kept.kind = c.kind AND kept.name = c.name)
        RETURNING c.kind, c.name, a.version
        """
    }

    /// Every current asset of one scope; a scope has at most some hundreds.
    package static func current(tenant: TenantID) -> SQL {
        """
        SELECT \(columns) FROM asset_current c JOIN asset a ON a.tenant_id = c.tenant_id AND a.id = c.asset_id
        WHERE c.tenant_id = \(tenant) AND c.retired_at IS NULL ORDER BY a.kind, a.name LIMIT 2000
        """
    }

    /// Every version of a kind in one scope, in the order of their publication; the newest `limit` of them.
    package static func history(tenant: TenantID, kind: String, limit: Int) -> SQL {
        """
        SELECT * FROM (
            SELECT \(columns) FROM asset a WHERE a.tenant_id = \(tenant) AND a.kind = \(kind)
            ORDER BY a.published_at DESC, a.id DESC LIMIT \(Int64(limit))) AS a ORDER BY a.published_at, a.id
        """
    }

    package static func load(tenant: TenantID, ids: [AssetID]) -> SQL {
        "SELECT \(columns) FROM asset a WHERE a.tenant_id = \(tenant) AND a.id = ANY(\(ids))"
    }
}

package enum SecretQueries {
    /// One row (`name`) when no newer version stands there already.
    package static func put(
        tenant: TenantID, name: String, version: Int32, sealed: [UInt8], fingerprint: String, at: Moment
    ) -> SQL {
        """
        INSERT INTO connection_secret (tenant_id, name, version, sealed, fingerprint, set_at)
        VALUES (\(tenant), \(name), \(version), \(sealed), \(fingerprint), \(at))
        ON CONFLICT (tenant_id, name) DO UPDATE SET version = excluded.version, sealed = excluded.sealed,
            fingerprint = excluded.fingerprint, set_at = excluded.set_at
        WHERE connection_secret.version < excluded.version RETURNING name
        """
    }

    package static func version(tenant: TenantID, name: String) -> SQL {
        "SELECT version FROM connection_secret WHERE tenant_id = \(tenant) AND name = \(name) FOR UPDATE"
    }

    package static func all(tenant: TenantID) -> SQL {
        """
        SELECT name, version, sealed, fingerprint, set_at FROM connection_secret WHERE tenant_id = \(tenant)
        ORDER BY name LIMIT 500
        """
    }
}
