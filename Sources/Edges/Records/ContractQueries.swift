package import Kernel
package import Postgres

/// One version of a tenant's contract with how far it has come; its text is an asset.
package struct ContractRow: Sendable {
    package let tenant: TenantID
    package let asset: AssetID
    package let name: String
    package let version: String
    /// Empty for every workflow without a contract of its own.
    package let workflow: String
    package let hash: String
    package var phase: String
    package var signatures: JSONValue
    package var ending: JSONValue?
    package var rejection: String
    package let draftedAt: Moment
    package let draftedBy: PersonID?
    package var submittedAt: Moment?
    package var submittedBy: PersonID?
    package var revision: Int32

    package init(
        tenant: TenantID, asset: AssetID, name: String, version: String, workflow: String, hash: String, draftedAt: Moment,
        draftedBy: PersonID?
    ) {
        self.tenant = tenant
        self.asset = asset
        self.name = name
        self.version = version
        self.workflow = workflow
        self.hash = hash
        phase = "drafted"
        signatures = []
        rejection = ""
        self.draftedAt = draftedAt
        self.draftedBy = draftedBy
        revision = 1
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        asset = try row.get("asset_id", as: AssetID.self)
        name = try row.get("name", as: String.self)
        version = try row.get("version", as: String.self)
        workflow = try row.get("workflow", as: String.self)
        hash = try row.get("hash", as: String.self)
        phase = try row.get("phase", as: String.self)
        signatures = try row.get("signatures", as: JSONValue.self)
        ending = try row.get("ending", as: JSONValue?.self)
        rejection = try row.get("rejection", as: String.self)
        draftedAt = try row.get("drafted_at", as: Moment.self)
        draftedBy = try row.get("drafted_by", as: PersonID?.self)
        submittedAt = try row.get("submitted_at", as: Moment?.self)
        submittedBy = try row.get("submitted_by", as: PersonID?.self)
        revision = try row.get("revision", as: Int32.self)
    }
}

/// A stretch in which a version governs.
package struct ContractPeriodRow: Sendable, Equatable {
    package let asset: AssetID
    package let name: String
    package let version: String
    package let workflow: String
    package let from: Moment
    /// Exclusive; nil for open.
    package let to: Moment?

    package init(asset: AssetID, name: String, version: String, workflow: String, from: Moment, to: Moment?) {
        self.asset = asset
        self.name = name
        self.version = version
        self.workflow = workflow
        self.from = from
        self.to = to
    }

    package init(_ row: Row) throws {
        asset = try row.get("asset_id", as: AssetID.self)
        name = try row.get("name", as: String.self)
        version = try row.get("version", as: String.self)
        workflow = try row.get("workflow", as: String.self)
        from = try row.get("starts", as: Moment.self)
        to = try row.get("ends", as: Moment?.self)
    }
}

/// Versions of contracts, and when they govern.
package enum ContractQueries {
    /// A tenant's contracts and their versions; more are none that people wrote.
    package static let versionsMax = 500
    /// The constraint that keeps two versions from governing at once.
    package static let oneAtATime = "contract_period_one"

    private static let columns: SQL = """
        v.tenant_id, v.asset_id, v.name, v.version, v.workflow, v.hash, v.phase, v.signatures, v.ending, v.rejection,
        v.drafted_at, v.drafted_by, v.submitted_at, v.submitted_by, v.revision
        """
    private static let periodColumns: SQL =
        "p.asset_id, p.name, p.version, p.workflow, lower(p.force) AS starts, upper(p.force) AS ends"

    /// The newest first.
    package static func all(tenant: TenantID) -> SQL {
        """
        SELECT \(columns) FROM contract_version v WHERE v.tenant_id = \(tenant)
        ORDER BY v.drafted_at DESC, v.name, v.version LIMIT \(Int64(versionsMax))
        """
    }

    /// One version, held until the transaction ends.
    package static func lock(tenant: TenantID, asset: AssetID) -> SQL {
        "SELECT \(columns) FROM contract_version v WHERE v.tenant_id = \(tenant) AND v.asset_id = \(asset) FOR UPDATE"
    }

    package static func insert(_ row: ContractRow) -> SQL {
        """
        INSERT INTO contract_version (tenant_id, asset_id, name, version, workflow, hash, phase, signatures, rejection,
            drafted_at, drafted_by, revision)
        VALUES (\(row.tenant), \(row.asset), \(row.name), \(row.version), \(row.workflow), \(row.hash), \(row.phase),
            \(row.signatures), \(row.rejection), \(row.draftedAt), \(optional: row.draftedBy), \(row.revision))
        ON CONFLICT DO NOTHING
        """
    }

    /// One row (`revision`) when the version still was of the revision before.
    package static func update(_ row: ContractRow, from revision: Int32) -> SQL {
        """
        UPDATE contract_version SET phase = \(row.phase), signatures = \(row.signatures), ending = \(optional: row.ending),
            rejection = \(row.rejection), submitted_at = \(optional: row.submittedAt),
            submitted_by = \(optional: row.submittedBy), revision = \(row.revision)
        WHERE tenant_id = \(row.tenant) AND asset_id = \(row.asset) AND revision = \(revision) RETURNING revision
        """
    }

    /// Every period of the tenant, the earliest first.
    package static func periods(tenant: TenantID) -> SQL {
        """
        SELECT \(periodColumns) FROM contract_period p WHERE p.tenant_id = \(tenant)
        ORDER BY lower(p.force), p.workflow LIMIT \(Int64(versionsMax))
        """
    }

    /// The texts that govern now or later, with their periods.
    package static func governing(tenant: TenantID, from: Moment) -> SQL {
        """
        SELECT a.tenant_id, a.id, a.kind, a.name, a.version, a.content_hash, a.content, a.published_at, p.asset_id, p.workflow,
            lower(p.force) AS starts, upper(p.force) AS ends
        FROM contract_period p JOIN asset a ON a.tenant_id = p.tenant_id AND a.id = p.asset_id
        WHERE p.tenant_id = \(tenant) AND p.force && tstzrange(\(from), NULL)
        ORDER BY lower(p.force), p.workflow LIMIT \(Int64(versionsMax))
        """
    }

    /// Periods of other contracts that share an instant with this one.
    package static func sharing(_ period: ContractPeriodRow, tenant: TenantID) -> SQL {
        """
        SELECT \(periodColumns) FROM contract_period p
        WHERE p.tenant_id = \(tenant) AND p.workflow = \(period.workflow) AND p.name <> \(period.name)
          AND p.force && tstzrange(\(period.from), \(optional: period.to)) ORDER BY lower(p.force) LIMIT 1
        """
    }

    package static func begin(_ period: ContractPeriodRow, tenant: TenantID) -> SQL {
        """
        INSERT INTO contract_period (tenant_id, asset_id, name, version, workflow, force)
        VALUES (\(tenant), \(period.asset), \(period.name), \(period.version), \(period.workflow),
            tstzrange(\(period.from), \(optional: period.to)))
        """
    }

    /// No version of the contract governs from `at` on.
    package static func cut(tenant: TenantID, name: String, at: Moment) -> [SQL] {
        [
            "DELETE FROM contract_period p WHERE p.tenant_id = \(tenant) AND p.name = \(name) AND lower(p.force) >= \(at)",
            """
            UPDATE contract_period p SET force = p.force * tstzrange(NULL, \(at))
            WHERE p.tenant_id = \(tenant) AND p.name = \(name) AND lower(p.force) < \(at) AND p.force @> \(at)
            """,
        ]
    }

    /// The workflows of which runs began lately (`workflow`).
    package static func workflowsInUse(tenant: TenantID, since: Moment) -> SQL {
        """
        SELECT DISTINCT r.workflow FROM run r WHERE r.tenant_id = \(tenant) AND r.started_at >= \(since)
        ORDER BY r.workflow LIMIT 200
        """
    }

    /// One row when the gap was not known, or was told of before `tellBefore`; whoever gets it tells.
    package static func raiseGap(tenant: TenantID, workflow: String, now: Moment, tellBefore: Moment) -> SQL {
        """
        INSERT INTO contract_gap AS g (tenant_id, workflow, since, told_at) VALUES (\(tenant), \(workflow), \(now), \(now))
        ON CONFLICT (tenant_id, workflow) DO UPDATE SET told_at = excluded.told_at WHERE g.told_at < \(tellBefore)
        RETURNING since
        """
    }

    /// One row (`workflow`) for each gap that is over; whoever gets it says so.
    package static func clearGaps(tenant: TenantID, besides workflows: [String]) -> SQL {
        """
        DELETE FROM contract_gap g WHERE g.tenant_id = \(tenant) AND NOT (g.workflow = ANY(\(workflows))) RETURNING g.workflow
        """
    }
}
