package import Kernel
internal import Postgres
package import Records
package import ServiceLevels
package import Tenancy

/// A signed version of a contract in one of its periods.
package struct GoverningContract: Sendable {
    package let row: AssetRow
    /// Name of its calendar.
    package let calendar: String
    package let period: ContractPeriod

    /// The one that governs runs of a workflow that begin now; nil in a gap. What names the workflow stands before what does not.
    package static func choose(from contracts: [GoverningContract], workflow: String?, at now: Moment) -> GoverningContract? {
        let scoped = contracts.enumerated().map { index, contract in
            ScopedContract(
                id: "\(index)", tenant: "", service: contract.period.workflow, priority: nil,
                effectiveFrom: contract.period.from, effectiveTo: contract.period.to)
        }
        let wanted = ScopedContract.Case(tenant: "", service: workflow, priority: nil, at: now)
        return ScopedContract.choose(from: scoped, for: wanted).flatMap { Int($0.id) }.map { contracts[$0] }
    }
}

extension AssetLibrary {
    /// What was signed and governs now or later.
    func governing(_ tenant: TenantID, at now: Moment) async throws -> [GoverningContract] {
        try await store.withTenant(tenant) { tx in
            try await tx.query(ContractQueries.governing(tenant: tenant, from: now)).map { row in
                let asset = try AssetRow(row)
                let workflow = try row.get("workflow", as: String.self)
                return GoverningContract(
                    row: asset, calendar: asset.content["calendar"]?.string ?? "",
                    period: ContractPeriod(
                        workflow: workflow.isEmpty ? nil : workflow, from: try row.get("starts", as: Moment.self),
                        to: try row.get("ends", as: Moment?.self)))
            }
        }
    }

    /// What was announced in one scope and clocks still are read with.
    func announced(_ scope: TenantID, at now: Moment) async throws -> [MaintenanceRow] {
        let since = now.adding(seconds: -Maintaining.keptDays * 86_400)
        return try await store.withTenant(scope) { tx in
            try await tx.query(MaintenanceQueries.all(tenant: scope, since: since)).map(MaintenanceRow.init)
        }
    }

    /// The contracts in force for a tenant and their calendars: that for all workflows first; empty in a gap, or where none can
    /// be read.
    package func promises(to tenant: TenantID, at now: Moment) async throws -> [(ContractDocument, ServiceCalendar)] {
        let current = try await current(for: tenant)
        let governing = current.contracts.filter { $0.period.covers(now) }
        return governing.sorted { ($0.period.workflow ?? "") < ($1.period.workflow ?? "") }.compactMap { contract in
            var problems: [AssetIssue] = []
            guard let document = ContractDocument.parse(contract.row.content, issues: &problems),
                let calendar = current.row("calendar", document.calendar).flatMap({ calendar($0) })
            else { return nil }
            return (document, calendar)
        }
    }

    /// The contract in force for every workflow without one of its own, and its calendar; nil when there is none.
    package func promise(to tenant: TenantID, at now: Moment) async throws -> (ContractDocument, ServiceCalendar)? {
        try await promises(to: tenant, at: now).first
    }
}

extension AssetLibrary {
    /// Reads published versions into memory; answers those that there are.
    func keep(_ ids: [AssetID], for tenant: TenantID) async throws -> [AssetID: AssetRow] {
        let found = try await rows(ids, for: tenant)
        remember(Array(found.values))
        return found
    }
}
