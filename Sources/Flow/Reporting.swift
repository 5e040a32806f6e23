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

    /// Refreshes what changed, once a second; a tenant in constant change costs one count a second and no more.
    package func run() async throws {
        var sinceFull = 0
        while !Task.isCancelled {
            sinceFull += 1
            do {
                if sinceFull >= 30 || sinceFull == 1 {
                    noteChange(Set(try await scopes.all().filter { $0.kind == "tenant" }.map(\.id)))
                    sinceFull = 1
                }
                let due = dirty.withLock { set -> Set<TenantID> in
                    defer { set = [] }
                    return set
                }
                for tenant in due { try await refresh(tenant) }
            } catch is CancellationError {
                return
            } catch {
                platform.logger.warning("counts not refreshed", metadata: ["error": "\(error)"])
            }
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .milliseconds(1000))
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
