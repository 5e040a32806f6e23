import Flow
import Kernel
import Logging
import Records
import Supervision
import Telemetry

/// Looks at the server itself: work that waits too long, workers that do not come up, a database that died; and keeps the
/// gauges that a person sees first.
struct Watchdog: Sendable {
    static let queueAgeSeconds: Int64 = 120
    static let failuresMax = 4
    static let pauseSeconds = 2

    let platform: Platform
    let scopes: ScopeDirectory
    let looking: Looking
    let alerting: Alerting
    let staff: Staff
    let timekeeper: Timekeeper
    let events: ClusterEvents

    func run() async {
        while !Task.isCancelled {
            do {
                try await staff.refreshLanes()
                try await staff.followStops()
                for tenant in try await timekeeper.tenantsWithReadyWork() { staff.want(tenant) }
                try await look()
                platform.beats.note(.watch, at: platform.clock.now)
            } catch is CancellationError {
                return
            } catch {
                platform.logger.warning("the watchdog could not look", metadata: ["error": "\(error)"])
            }
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .seconds(Watchdog.pauseSeconds))
        }
    }

    private func look() async throws {
        let now = platform.clock.now
        let rows = try await scopes.all()
        let summaries = try await looking.summaries()
        let oldest = summaries.compactMap(\.oldestReadyAt).min()
        platform.metrics.gauge("countersign_queue_age_seconds", "Age of the oldest ready task.").set(
            oldest.map { Double(max(0, now.seconds(since: $0))) } ?? 0)
        platform.metrics.gauge("countersign_runs_open", "Runs in progress.").set(
            Double(summaries.reduce(0) { $0 + Int($1.runsOpen) }))
        platform.metrics.gauge("countersign_tasks_ready", "Tasks that wait for a worker.").set(
            Double(summaries.reduce(0) { $0 + Int($1.tasksReady) }))
        platform.metrics.gauge("countersign_incidents_open", "Open incidents.").set(
            Double(summaries.reduce(0) { $0 + Int($1.incidentsOpen) }))
        // One alert a trouble and ten minutes; the incident counts the rest.
        let window = now.seconds / 600
        for summary in summaries {
            guard let age = summary.oldestReadyAt.map({ now.seconds(since: $0) }), age > Watchdog.queueAgeSeconds,
                let scope = rows.first(where: { $0.id == summary.tenant })
            else { continue }
            try await alerting.raise("queue-age", facts: ["age": "\(age) s"], scope: scope, key: "\(scope.slug)/\(window)")
        }
        for status in staff.supervisor.statuses() {
            let store = platform.store
            staff.replaceIfAsked(status, asked: try await Staff.keep(status, store: store, now: now))
            guard case .backingOff = status.phase, status.restarts >= Watchdog.failuresMax,
                let scope = rows.first(where: { $0.id == status.charge.tenant })
            else { continue }
            try await alerting.raise(
                "worker-missing", facts: ["detail": status.detail], scope: scope, key: "\(scope.slug)/\(window)")
        }
        if events.take() > 0, let scope = rows.first(where: { $0.kind == "operator" }) {
            try await alerting.raise("database-restarted", facts: [:], scope: scope, key: "\(now.microseconds)")
        }
    }
}
