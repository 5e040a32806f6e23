package import Kernel
package import Postgres

extension Subject {
    package enum Delegation {}
}

package typealias DelegationID = ID<Subject.Delegation>

/// Decisions that were given to a deputy.
package struct DelegationRow: Sendable {
    package let tenant: TenantID
    package let id: DelegationID
    package let giver: PersonID
    package let deputy: PersonID
    package let startsAt: Moment
    package let endsAt: Moment
    package let workflows: [String]
    package let capMinor: Int64?
    package let capCurrency: String?
    package let reason: String
    package let madeBy: PersonID
    package let madeAt: Moment
    package var revokedBy: PersonID?
    package var revokedAt: Moment?

    package init(
        tenant: TenantID, id: DelegationID, giver: PersonID, deputy: PersonID, startsAt: Moment, endsAt: Moment,
        workflows: [String], cap: Money?, reason: String, madeBy: PersonID, madeAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.giver = giver
        self.deputy = deputy
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.workflows = workflows
        capMinor = cap?.minorUnits
        capCurrency = cap?.currency.code
        self.reason = reason
        self.madeBy = madeBy
        self.madeAt = madeAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: DelegationID.self)
        giver = try row.get("giver", as: PersonID.self)
        deputy = try row.get("deputy", as: PersonID.self)
        startsAt = try row.get("starts_at", as: Moment.self)
        endsAt = try row.get("ends_at", as: Moment.self)
        workflows = try row.get("workflows", as: [String].self)
        capMinor = try row.get("cap_minor", as: Int64?.self)
        capCurrency = try row.get("cap_currency", as: String?.self)
        reason = try row.get("reason", as: String.self)
        madeBy = try row.get("made_by", as: PersonID.self)
        madeAt = try row.get("made_at", as: Moment.self)
        revokedBy = try row.get("revoked_by", as: PersonID?.self)
        revokedAt = try row.get("revoked_at", as: Moment?.self)
    }
}

/// Who decides for whom.
package enum DelegationQueries {
    private static let lockClass: Int32 = 4721

    /// Made one after the other in a tenant, so that no two close a circle beside each other.
    package static func making(tenant: TenantID) -> SQL {
        "SELECT pg_advisory_xact_lock(\(lockClass), hashtext(\(tenant.text)))"
    }

    package static func insert(_ row: DelegationRow) -> SQL {
        """
        INSERT INTO delegation (tenant_id, id, giver, deputy, starts_at, ends_at, workflows, cap_minor, cap_currency, reason,
                                made_by, made_at)
        VALUES (\(row.tenant), \(row.id), \(row.giver), \(row.deputy), \(row.startsAt), \(row.endsAt), \(row.workflows),
                \(optional: row.capMinor), \(optional: row.capCurrency), \(row.reason), \(row.madeBy), \(row.madeAt))
        """
    }

    package static func find(tenant: TenantID, id: DelegationID) -> SQL {
        "SELECT * FROM delegation WHERE tenant_id = \(tenant) AND id = \(id)"
    }

    package static func lock(tenant: TenantID, id: DelegationID) -> SQL {
        "SELECT * FROM delegation WHERE tenant_id = \(tenant) AND id = \(id) FOR UPDATE"
    }

    /// Given to or by any of these people and not over.
    package static func open(tenant: TenantID, people: [PersonID], now: Moment) -> SQL {
        """
        SELECT * FROM delegation WHERE tenant_id = \(tenant) AND ends_at > \(now) AND revoked_at IS NULL
          AND (giver = ANY(\(people)) OR deputy = ANY(\(people)))
        ORDER BY starts_at, id LIMIT 200
        """
    }

    /// The newest first; a page ends before `before`.
    package static func page(tenant: TenantID, before: (Moment, DelegationID)?, limit: Int) -> SQL {
        let older: SQL = before.map { "AND (made_at, id) < (\($0.0), \($0.1))" } ?? ""
        return """
            SELECT * FROM delegation WHERE tenant_id = \(tenant) \(older) ORDER BY made_at DESC, id DESC LIMIT \(limit)
            """
    }

    package static func revoke(tenant: TenantID, id: DelegationID, by person: PersonID, at now: Moment) -> SQL {
        """
        UPDATE delegation SET revoked_by = \(person), revoked_at = \(now)
        WHERE tenant_id = \(tenant) AND id = \(id) AND revoked_at IS NULL
        """
    }
}
