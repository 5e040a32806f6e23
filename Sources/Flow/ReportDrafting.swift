internal import Kernel
internal import Logging
internal import Postgres
package import Records
internal import ServiceLevels
internal import Telemetry

/// Drafts the report of a month when the month is over, for every tenant, without being asked.
///
/// A report is about what had happened when its month ended, so it needs no hurry: it waits until every clock whose target was
/// used up in the month has been judged by its lane, at most `settleSecondsMax`. What a server that was down has left out is
/// made up for. Several servers may look at once: the number of a report is given under a lock, and a month has one.
package final class ReportDrafting: Sendable {
    package static let pauseSeconds: Int64 = 300
    /// After the end of a month its last cases are being written down.
    package static let quietSeconds: Int64 = 3600
    /// Then a report is drafted with clocks that no lane has judged; it reads them as their events say.
    package static let settleSecondsMax: Int64 = 86_400
    /// Months that are looked back at; a report of an older one is drafted by hand.
    package static let catchUpMonthsMax = 3
    /// No clock on earth is further ahead of UTC.
    static let aheadSeconds: Int64 = 14 * 3600
    /// By then a month is over everywhere.
    static let overEverywhereSeconds: Int64 = 2 * 86_400

    private struct Key: Hashable {
        let tenant: TenantID
        let month: String
    }

    private let platform: Platform
    private let scopes: ScopeDirectory
    private let desk: ReportDesk
    /// Months that have all their reports, or need none; so that they are not asked about again and again.
    private let done = Locked<Set<Key>>([])

    package init(platform: Platform, scopes: ScopeDirectory, desk: ReportDesk) {
        self.platform = platform
        self.scopes = scopes
        self.desk = desk
    }

    /// Runs until cancelled.
    package func run() async {
        await platform.rounds(.reports, every: .seconds(ReportDrafting.pauseSeconds), failure: "months were not looked at") {
            try await look()
            return false
        }
    }

    /// All tenants once; one whose contract cannot be read keeps no other from its report. Answers how many were begun.
    @discardableResult
    package func look() async throws -> Int {
        var begun = 0
        for scope in try await scopes.all() where scope.kind == "tenant" { begun += try await look(at: scope) }
        return begun
    }

    /// One tenant.
    @discardableResult
    package func look(at scope: ScopeRow) async throws -> Int {
        let months = ReportDrafting.months(before: platform.clock.now)
        done.withLock { $0 = $0.filter { $0.tenant != scope.id || months.contains($0.month) } }
        var begun = 0
        for month in months where !done.withLock({ $0.contains(Key(tenant: scope.id, month: month)) }) {
            do {
                begun += try await look(at: scope, month)
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                platform.metrics.counter(
                    "countersign_report_drafts_failed_total", "Months of a tenant whose report could not be drafted."
                ).add(1)
                platform.logger.warning(
                    "a month's report was not drafted",
                    metadata: ["tenant": "\(scope.slug)", "month": "\(month)", "error": "\(error)"])
            }
        }
        return begun
    }

    private func look(at scope: ScopeRow, _ month: String) async throws -> Int {
        let now = platform.clock.now
        let key = Key(tenant: scope.id, month: month)
        let plans: [ReportDesk.Plan]
        do {
            plans = try await desk.plans(month, scope: scope)
        } catch let refusal as Refusal where refusal.reason == "report.contract" {
            // One that was published in time is known when the month is over everywhere.
            if try ReportDesk.end(of: month) + ReportDrafting.overEverywhereSeconds < now.seconds {
                _ = done.withLock { $0.insert(key) }
            }
            return 0
        }
        var (ready, isWaiting): ([ReportDesk.Plan], Bool) = ([], false)
        for plan in plans {
            switch try await standing(plan, of: scope, at: now) {
            case .waiting: isWaiting = true
            case .ready: ready.append(plan)
            case .notBegun: break
            }
        }
        let rows = try await desk.begin(ready, month, by: nil, scope: scope)
        if !isWaiting { _ = done.withLock { $0.insert(key) } }
        for row in rows {
            platform.logger.info(
                "the report of a month was begun",
                metadata: ["tenant": "\(scope.slug)", "month": "\(month)", "report": "\(row.id)"])
        }
        return rows.count
    }

    private enum Standing { case waiting, ready, notBegun }

    private func standing(_ plan: ReportDesk.Plan, of scope: ScopeRow, at now: Moment) async throws -> Standing {
        let end = plan.period.end
        guard now.seconds >= end + ReportDrafting.quietSeconds else { return .waiting }
        let row = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(ReportQueries.readiness(tenant: scope.id, end: Moment(seconds: end))).only()
        }
        // Before its first clock a tenant was promised nothing that could be reported.
        guard try row.get("begun", as: Bool.self) else { return .notBegun }
        let isUndecided = try row.get("undecided", as: Bool.self)
        return isUndecided && now.seconds < end + ReportDrafting.settleSecondsMax ? .waiting : .ready
    }

    /// The months that may be over somewhere, the oldest first.
    static func months(before now: Moment) -> [String] {
        let today = CivilDate(utc: now.adding(seconds: aheadSeconds))
        let index = today.year * 12 + today.month - 1
        return (1...catchUpMonthsMax).reversed().map { back in
            let (year, month) = ((index - back) / 12, (index - back) % 12 + 1)
            return "\(year)-\(month < 10 ? "0" : "")\(month)"
        }
    }
}
