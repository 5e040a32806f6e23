package import Kernel
package import Records
package import ServiceLevels
internal import Tenancy

/// What a stored clock counts by: the pinned terms, the calendar as it was published since, and what was announced.
package struct ClockRules: Sendable {
    package let terms: ClockTerms
    package let calendar: ServiceCalendar
    package let maintenance: [MaintenanceWindow]

    package init(terms: ClockTerms, calendar: ServiceCalendar, maintenance: [MaintenanceWindow]) {
        self.terms = terms
        self.calendar = calendar
        self.maintenance = maintenance
    }
}

extension Looking {
    /// Of a clock of a run or of anything else; nil where the contract that it is pinned to cannot be read.
    package func rules(of clock: ClockRow, tenant: TenantID) async throws -> ClockRules? {
        let current = try await assets.current(for: tenant)
        let contract: ContractDocument
        let calendar: ServiceCalendar
        if let run = clock.run {
            guard let context = try await context(of: try await self.run(tenant, run)), let promised = context.contract,
                let counted = context.calendar
            else { return nil }
            contract = promised
            calendar = current.revised(counted, asset: context.pinned.calendar?.asset)
        } else {
            let rows = try await assets.rows([clock.contractAsset, clock.calendarAsset], for: tenant)
            guard let promised = rows[clock.contractAsset].flatMap({ assets.contract($0) }),
                let counted = rows[clock.calendarAsset].flatMap({ assets.calendar($0) })
            else { return nil }
            contract = promised
            calendar = current.revised(counted, asset: clock.calendarAsset)
        }
        guard let objective = contract.objectives.first(where: { $0.name == clock.objective }) else { return nil }
        return ClockRules(
            terms: Measuring.terms(of: objective), calendar: calendar,
            maintenance: Measuring.maintenance(of: contract, objective: objective, calendar: calendar, in: current))
    }
}
