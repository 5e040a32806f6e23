internal import Kernel
internal import Postgres
internal import Records
internal import ServiceLevels

/// A calendar as it was published once.
struct CalendarVersion: Sendable {
    /// Of all calendars of one scope, the newest.
    static let versionsMax = 200

    let row: AssetRow
    let calendar: ServiceCalendar
}

extension TenantAssets {
    /// The calendar that a clock is pinned to, with what was published in its place since (R12): each version governs from its
    /// publication on. With `until` only what was published by then.
    func revised(_ pinned: ServiceCalendar, asset: AssetID?, until: Moment? = nil) -> ServiceCalendar {
        guard let at = calendars.firstIndex(where: { $0.row.id == asset }) else { return pinned }
        let own = calendars[at].row
        return calendars[(at + 1)...].filter { later in
            later.row.tenant == own.tenant && later.row.name == own.name
                && until.map { later.row.publishedAt <= $0 } ?? true
        }.reduce(pinned) { $0.followed(by: $1.calendar, publishedAt: $1.row.publishedAt) }
    }
}

extension AssetLibrary {
    /// Every version of the calendars of one scope that can be read.
    func published(in scope: TenantID) async throws -> [CalendarVersion] {
        let rows = try await store.withTenant(scope) { tx in
            try await tx.query(
                AssetQueries.history(tenant: scope, kind: "calendar", limit: CalendarVersion.versionsMax)
            ).map(AssetRow.init)
        }
        return rows.compactMap { row in calendar(row).map { CalendarVersion(row: row, calendar: $0) } }
    }
}

extension LaneBatch {
    /// The calendar that the clocks of a run count by: the pinned one with what was published in its place since.
    func calendar(of context: RunContext, in tenant: TenantID) -> ServiceCalendar? {
        context.calendar.map { assets[tenant]?.revised($0, asset: context.pinned.calendar?.asset) ?? $0 }
    }
}
