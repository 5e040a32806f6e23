package import Kernel
internal import Logging
internal import Postgres
internal import Records

/// Keeps the counts of tenants fresh for pages that span tenants: written in each tenant's own transaction, soon after it
/// changed.
package final class Reporting: Sendable {
    private let platform: Platform
    private let scopes: ScopeDirectory
    private let dirty = Locked<Set<TenantID>>([])

    package init(platform: Platform, scopes: ScopeDirectory) {
        self.platform = platform
        self.scopes = scopes
    }

    package func noteChange(_ tenants: Set<TenantID>) {
        dirty.withLock { $0.formUnion(tenants) }
    }

    /// Seconds between two counts of everything, in case a change was not heard of.
    private static let fullSeconds: Int64 = 30
    private static let pauseMilliseconds: ClosedRange<Int64> = 1000...10_000
    /// Of the time, in hundredths: what counting may take of a database that has other things to do.
    private static let share: Int64 = 4

    /// Refreshes what changed, once a second while that is cheap; counts of a large installation under load come every few
    /// seconds.
    package func run() async throws {
        var fullAt = Moment(microseconds: 0)
        while !Task.isCancelled {
            let begun = platform.clock.now
            do {
                if begun.seconds(since: fullAt) >= Reporting.fullSeconds {
                    noteChange(Set(try await scopes.all().filter { $0.kind == "tenant" }.map(\.id)))
                    fullAt = begun
                }
                let due = dirty.withLock { set -> Set<TenantID> in
                    defer { set = [] }
                    return set
                }
                for tenant in due { try await refresh(tenant) }
                platform.beats.note(.counts, at: platform.clock.now)
            } catch is CancellationError {
                return
            } catch {
                platform.logger.warning("counts not refreshed", metadata: ["error": "\(error)"])
            }
            let taken = max(0, platform.clock.now.milliseconds(since: begun))
            let pause = taken * (100 - Reporting.share) / Reporting.share
            let bounds = Reporting.pauseMilliseconds
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(min(max(pause, bounds.lowerBound), bounds.upperBound)))
        }
    }

    package func refresh(_ tenant: TenantID) async throws {
        let now = platform.clock.now
        let scope = try await scopes.scope(tenant)
        guard scope.kind == "tenant" else { return }
        let zone = try ZoneRules.load(scope.timeZone)
        let dayStart = zone.instant(of: zone.localTime(at: now).date, secondOfDay: 0)
        try await platform.store.withTenant(tenant) { tx in
            _ = try await tx.execute(OverviewQueries.refresh(tenant: tenant, dayStart: dayStart, now: now))
        }
    }
}
