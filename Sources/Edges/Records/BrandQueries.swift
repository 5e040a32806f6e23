package import Kernel
package import Postgres

/// One version of a scope's brand.
package struct BrandVersionRow: Sendable {
    package let tenant: TenantID
    package let number: Int32
    package var state: String
    package var content: JSONValue
    package var revision: Int32
    /// Nil where a folder was applied.
    package let madeBy: PersonID?
    package let madeByNatural: PersonID?
    package let madeAt: Moment
    package var changedAt: Moment
    package var askedBy: PersonID?
    package var askedByNatural: PersonID?
    package var publishedAt: Moment?
    package var publishedBy: PersonID?
    package let restores: Int32?

    package init(
        tenant: TenantID, number: Int32, state: String, content: JSONValue, madeBy: PersonID?, madeByNatural: PersonID?,
        madeAt: Moment, restores: Int32? = nil
    ) {
        self.tenant = tenant
        self.number = number
        self.state = state
        self.content = content
        revision = 1
        self.madeBy = madeBy
        self.madeByNatural = madeByNatural
        self.madeAt = madeAt
        changedAt = madeAt
        self.restores = restores
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        number = try row.get("number", as: Int32.self)
        state = try row.get("state", as: String.self)
        content = try row.get("content", as: JSONValue.self)
        revision = try row.get("revision", as: Int32.self)
        madeBy = try row.get("made_by", as: PersonID?.self)
        madeByNatural = try row.get("made_by_natural", as: PersonID?.self)
        madeAt = try row.get("made_at", as: Moment.self)
        changedAt = try row.get("changed_at", as: Moment.self)
        askedBy = try row.get("asked_by", as: PersonID?.self)
        askedByNatural = try row.get("asked_by_natural", as: PersonID?.self)
        publishedAt = try row.get("published_at", as: Moment?.self)
        publishedBy = try row.get("published_by", as: PersonID?.self)
        restores = try row.get("restores", as: Int32?.self)
    }

    package var isOpen: Bool { state == "draft" || state == "validated" }
}

/// A picture of a brand as it is served.
package struct BrandFileRow: Sendable {
    package let tenant: TenantID
    package let name: String
    package let width: Int32
    package let height: Int32
    package let bytes: [UInt8]
    package let storedAt: Moment
    package let storedBy: PersonID?

    package init(
        tenant: TenantID, name: String, width: Int32, height: Int32, bytes: [UInt8], storedAt: Moment, storedBy: PersonID?
    ) {
        self.tenant = tenant
        self.name = name
        self.width = width
        self.height = height
        self.bytes = bytes
        self.storedAt = storedAt
        self.storedBy = storedBy
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        name = try row.get("name", as: String.self)
        width = try row.get("width", as: Int32.self)
        height = try row.get("height", as: Int32.self)
        bytes = try row.get("bytes", as: [UInt8].self)
        storedAt = try row.get("stored_at", as: Moment.self)
        storedBy = try row.get("stored_by", as: PersonID?.self)
    }
}

package enum BrandQueries {
    private static let columns: SQL = """
        b.tenant_id, b.number, b.state, b.content, b.revision, b.made_by, b.made_by_natural, b.made_at, b.changed_at, b.asked_by,
        b.asked_by_natural, b.published_at, b.published_by, b.restores
        """

    /// Newest first.
    package static func versions(tenant: TenantID, limit: Int) -> SQL {
        "SELECT \(columns) FROM brand_version b WHERE b.tenant_id = \(tenant) ORDER BY b.number DESC LIMIT \(limit)"
    }

    /// The open one and the one in force, and the highest number besides; locked, so that two people cannot both publish.
    package static func lock(tenant: TenantID) -> SQL {
        """
        SELECT \(columns) FROM brand_version b
        WHERE b.tenant_id = \(tenant) AND (b.state IN ('draft', 'validated', 'published')
            OR b.number = (SELECT max(m.number) FROM brand_version m WHERE m.tenant_id = \(tenant)))
        ORDER BY b.number DESC FOR UPDATE
        """
    }

    package static func version(tenant: TenantID, number: Int32) -> SQL {
        "SELECT \(columns) FROM brand_version b WHERE b.tenant_id = \(tenant) AND b.number = \(number)"
    }

    /// One row (`number`) when nobody else made a version of that number.
    package static func insert(_ row: BrandVersionRow) -> SQL {
        """
        INSERT INTO brand_version (tenant_id, number, state, content, revision, made_by, made_by_natural, made_at, changed_at,
                                   published_at, published_by, restores)
        VALUES (\(row.tenant), \(row.number), \(row.state), \(row.content), \(row.revision), \(optional: row.madeBy),
                \(optional: row.madeByNatural), \(row.madeAt), \(row.changedAt), \(optional: row.publishedAt),
                \(optional: row.publishedBy), \(optional: row.restores))
        ON CONFLICT DO NOTHING RETURNING number
        """
    }

    /// One row (`number`) when the version still was of the revision before.
    package static func update(_ row: BrandVersionRow, from revision: Int32) -> SQL {
        """
        UPDATE brand_version SET state = \(row.state), content = \(row.content), revision = \(row.revision),
            changed_at = \(row.changedAt), asked_by = \(optional: row.askedBy),
            asked_by_natural = \(optional: row.askedByNatural),
            published_at = \(optional: row.publishedAt), published_by = \(optional: row.publishedBy)
        WHERE tenant_id = \(row.tenant) AND number = \(row.number) AND revision = \(revision)
          AND state IN ('draft', 'validated')
        RETURNING number
        """
    }

    package static func supersede(tenant: TenantID, at: Moment) -> SQL {
        """
        UPDATE brand_version SET state = 'superseded', changed_at = \(at)
        WHERE tenant_id = \(tenant) AND state = 'published'
        """
    }

    package static func store(_ file: BrandFileRow) -> SQL {
        """
        INSERT INTO brand_file (tenant_id, name, width, height, bytes, stored_at, stored_by)
        VALUES (\(file.tenant), \(file.name), \(file.width), \(file.height), \(file.bytes), \(file.storedAt),
                \(optional: file.storedBy))
        ON CONFLICT (tenant_id, name) DO NOTHING
        """
    }

    package static func file(tenant: TenantID, name: String) -> SQL {
        """
        SELECT f.tenant_id, f.name, f.width, f.height, f.bytes, f.stored_at, f.stored_by FROM brand_file f
        WHERE f.tenant_id = \(tenant) AND f.name = \(name)
        """
    }

    /// Which of the names are stored (`name`).
    package static func stored(tenant: TenantID, names: [String]) -> SQL {
        "SELECT f.name FROM brand_file f WHERE f.tenant_id = \(tenant) AND f.name = ANY(\(names))"
    }

    /// How many pictures a scope has stored since `since` (`n`).
    package static func storedSince(tenant: TenantID, since: Moment) -> SQL {
        "SELECT count(*) AS n FROM brand_file f WHERE f.tenant_id = \(tenant) AND f.stored_at >= \(since)"
    }

    /// A scope that has the picture (`tenant_id`); asked before anybody is known.
    package static func owner(name: String) -> SQL {
        "SELECT f.tenant_id FROM brand_file f WHERE f.name = \(name) ORDER BY f.tenant_id LIMIT 1"
    }
}
