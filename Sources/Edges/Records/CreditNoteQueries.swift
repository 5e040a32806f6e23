package import Kernel
package import Postgres

extension Subject {
    package enum CreditNote {}
}

package typealias CreditNoteID = ID<Subject.CreditNote>

/// A credit of a signed report.
package struct CreditNoteRow: Sendable {
    package let tenant: TenantID
    package let id: CreditNoteID
    package let number: Int64
    package let report: SLAReportID
    package let contractAsset: AssetID
    package let contract: String
    package let month: String
    package let percent: ExactDecimal
    package let amountMinor: Int64?
    package let currency: String?
    package var phase: String
    package let involved: [PersonID]
    package let proposedAt: Moment
    package var approvedBy: PersonID?
    package var approvedName: String?
    package var approvedAt: Moment?
    package var settledBy: PersonID?
    package var settledName: String?
    package var settledAt: Moment?
    package var reference: String?
    package var reason: String?

    package init(
        tenant: TenantID, id: CreditNoteID, number: Int64, report: SLAReportID, contractAsset: AssetID, contract: String,
        month: String, percent: ExactDecimal, amount: Money?, involved: [PersonID], proposedAt: Moment
    ) {
        self.tenant = tenant
        self.id = id
        self.number = number
        self.report = report
        self.contractAsset = contractAsset
        self.contract = contract
        self.month = month
        self.percent = percent
        amountMinor = amount?.minorUnits
        currency = amount?.currency.code
        phase = "proposed"
        self.involved = involved
        self.proposedAt = proposedAt
    }

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: CreditNoteID.self)
        number = try row.get("number", as: Int64.self)
        report = try row.get("report_id", as: SLAReportID.self)
        contractAsset = try row.get("contract_asset", as: AssetID.self)
        contract = try row.get("contract", as: String.self)
        month = try row.get("month", as: String.self)
        percent = try row.get("percent", as: ExactDecimal.self)
        amountMinor = try row.get("amount_minor", as: Int64?.self)
        currency = try row.get("currency", as: String?.self)
        phase = try row.get("phase", as: String.self)
        involved = try row.get("involved", as: [PersonID].self)
        proposedAt = try row.get("proposed_at", as: Moment.self)
        approvedBy = try row.get("approved_by", as: PersonID?.self)
        approvedName = try row.get("approved_name", as: String?.self)
        approvedAt = try row.get("approved_at", as: Moment?.self)
        settledBy = try row.get("settled_by", as: PersonID?.self)
        settledName = try row.get("settled_name", as: String?.self)
        settledAt = try row.get("settled_at", as: Moment?.self)
        reference = try row.get("reference", as: String?.self)
        reason = try row.get("reason", as: String?.self)
    }
}

/// A credit that is still to be given, as lists over tenants see it.
package struct OpenCreditRow: Sendable {
    package let tenant: TenantID
    package let id: CreditNoteID
    package let number: Int64
    package let report: SLAReportID
    package let contract: String
    package let month: String
    package let percent: ExactDecimal
    package let amountMinor: Int64?
    package let currency: String?
    package let phase: String
    package let proposedAt: Moment

    package init(_ row: Row) throws {
        tenant = try row.get("tenant_id", as: TenantID.self)
        id = try row.get("id", as: CreditNoteID.self)
        number = try row.get("number", as: Int64.self)
        report = try row.get("report_id", as: SLAReportID.self)
        contract = try row.get("contract", as: String.self)
        month = try row.get("month", as: String.self)
        percent = try row.get("percent", as: ExactDecimal.self)
        amountMinor = try row.get("amount_minor", as: Int64?.self)
        currency = try row.get("currency", as: String?.self)
        phase = try row.get("phase", as: String.self)
        proposedAt = try row.get("proposed_at", as: Moment.self)
    }
}

/// Credits of signed reports.
package enum CreditNoteQueries {
    package static func lastNumber(tenant: TenantID) -> SQL {
        "SELECT coalesce(max(number), 0) AS number FROM credit_note WHERE tenant_id = \(tenant)"
    }

    package static func insert(_ row: CreditNoteRow) -> SQL {
        """
        INSERT INTO credit_note (tenant_id, id, number, report_id, contract_asset, contract, month, percent, amount_minor,
                                 currency, phase, involved, proposed_at)
        VALUES (\(row.tenant), \(row.id), \(row.number), \(row.report), \(row.contractAsset), \(row.contract), \(row.month),
                \(row.percent), \(optional: row.amountMinor), \(optional: row.currency), \(row.phase), \(row.involved),
                \(row.proposedAt))
        """
    }

    package static func lock(tenant: TenantID, id: CreditNoteID) -> SQL {
        "SELECT * FROM credit_note WHERE tenant_id = \(tenant) AND id = \(id) FOR UPDATE"
    }

    /// Of one contract version and month, over all revisions of its report, in their order. Held, so that what a signature
    /// counts as decided cannot be decided differently beside it.
    package static func lockMonth(tenant: TenantID, contract: AssetID, month: String) -> SQL {
        """
        SELECT * FROM credit_note WHERE tenant_id = \(tenant) AND contract_asset = \(contract) AND month = \(month)
        ORDER BY number LIMIT 100 FOR UPDATE
        """
    }

    package static func ofMonth(tenant: TenantID, contract: AssetID, month: String) -> SQL {
        """
        SELECT * FROM credit_note WHERE tenant_id = \(tenant) AND contract_asset = \(contract) AND month = \(month)
        ORDER BY number LIMIT 100
        """
    }

    /// The newest first; a page ends before the number `before`.
    package static func page(tenant: TenantID, before number: Int64?, limit: Int) -> SQL {
        let older: SQL = number.map { "AND number < \($0)" } ?? ""
        return "SELECT * FROM credit_note WHERE tenant_id = \(tenant) \(older) ORDER BY number DESC LIMIT \(limit)"
    }

    /// What is still to be given over all tenants, the oldest first; asked as report.
    package static func open(limit: Int) -> SQL {
        """
        SELECT tenant_id, id, number, report_id, contract, month, percent, amount_minor, currency, phase, proposed_at
        FROM credit_note WHERE phase IN ('proposed', 'approved') ORDER BY proposed_at, tenant_id, id LIMIT \(limit)
        """
    }

    /// Stores what a step has changed; the caller holds the row.
    package static func update(_ row: CreditNoteRow) -> SQL {
        """
        UPDATE credit_note SET phase = \(row.phase), approved_by = \(optional: row.approvedBy),
            approved_name = \(optional: row.approvedName), approved_at = \(optional: row.approvedAt),
            settled_by = \(optional: row.settledBy), settled_name = \(optional: row.settledName),
            settled_at = \(optional: row.settledAt), reference = \(optional: row.reference), reason = \(optional: row.reason)
        WHERE tenant_id = \(row.tenant) AND id = \(row.id)
        """
    }
}
