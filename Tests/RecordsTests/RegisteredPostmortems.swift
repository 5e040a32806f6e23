import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    /// The statements about post-mortems, and about what incidents are exported and linked by.
    static let postmortems: [RegisteredStatement] = {
        let row = one.postmortemRow
        let day = CivilDate(utc: now)
        return [
            app("PostmortemQueries.insert", PostmortemQueries.insert(row)),
            app("PostmortemQueries.tell", PostmortemQueries.tell(tenant: one.id, id: row.id, incidents: [one.incident])),
            app("PostmortemQueries.find", PostmortemQueries.find(tenant: one.id, id: row.id)),
            app("PostmortemQueries.lock", PostmortemQueries.lock(tenant: one.id, id: row.id)),
            app("PostmortemQueries.update", PostmortemQueries.update(row)),
            app("PostmortemQueries.of", PostmortemQueries.of(incident: one.incident, tenant: one.id)),
            app("PostmortemQueries.incidents", PostmortemQueries.incidents(of: row.id, tenant: one.id)),
            app("PostmortemQueries.page", PostmortemQueries.page(tenant: one.id, before: nil, limit: 5)),
            app("PostmortemQueries.page", PostmortemQueries.page(tenant: one.id, before: (now, row.id), limit: 5)),
            app("PostmortemQueries.due", PostmortemQueries.due(tenant: one.id, by: day, limit: 5)),
            app(
                "PostmortemQueries.untold",
                PostmortemQueries.untold(tenant: one.id, since: now, severities: ["sev1"], limit: 5)),
            app(
                "PostmortemQueries.remind",
                PostmortemQueries.remind(tenant: one.id, incident: one.incident, action: 1, now: now, again: now)),
            app("IncidentQueries.runs", IncidentQueries.runs(tenant: one.id, incident: one.incident, limit: 5)),
            app("IncidentQueries.export", IncidentQueries.export(tenant: one.id, after: nil, limit: 5)),
            app("IncidentQueries.export", IncidentQueries.export(tenant: one.id, after: (now, one.incident), limit: 5)),
            engine(
                "IncidentQueries.link",
                IncidentQueries.link(lane: 1, tenant: one.id, incident: one.incident, run: one.run, at: now, max: 5)),
        ]
    }()
}
