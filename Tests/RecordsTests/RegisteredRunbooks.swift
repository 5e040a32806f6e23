import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    /// The statements about runbooks that are followed.
    static let runbooks: [RegisteredStatement] = {
        let one = SampleTenant(number: 1, lane: 1)
        let now = SampleTenant.now
        let id = RunbookExecutionID(high: 1, low: 7)
        let row = RunbookExecutionRow(
            tenant: one.id, id: id, incident: nil, alert: "queue-age", isDrill: true, state: "running", machine: [:],
            startedBy: one.person, startedAt: now)
        return [
            ("insert", RunbookQueries.insert(row)), ("find", RunbookQueries.find(tenant: one.id, id: id)),
            ("lock", RunbookQueries.lock(tenant: one.id, id: id)), ("update", RunbookQueries.update(row)),
            ("executions", RunbookQueries.executions(of: IncidentID(high: 1, low: 1), tenant: one.id, limit: 5)),
            ("page", RunbookQueries.page(tenant: one.id, before: nil, limit: 5)),
            ("page", RunbookQueries.page(tenant: one.id, before: (now, id), limit: 5)),
            ("drills", RunbookQueries.drills(tenant: one.id, after: nil, limit: 5)),
            ("drills", RunbookQueries.drills(tenant: one.id, after: (now, id), limit: 5)),
            ("newestDrills", RunbookQueries.newestDrills(tenant: one.id, limit: 5)),
            ("lastDrills", RunbookQueries.lastDrills(tenant: one.id)),
        ].map { RegisteredStatement(name: "RunbookQueries.\($0.0)", sender: .app, sql: $0.1) }
    }()
}
