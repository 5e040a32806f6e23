import Kernel
import Postgres

@testable import Records

extension RegisteredStatement {
    /// The statements about work that is stopped, and about incidents that are one trouble.
    static let stops: [RegisteredStatement] = {
        let row = one.workStopRow
        return [
            app("WorkStopQueries.place", WorkStopQueries.place(row)),
            app(
                "WorkStopQueries.release",
                WorkStopQueries.release(tenant: one.id, id: row.id, by: one.person, at: now, reason: "r")),
            app("WorkStopQueries.find", WorkStopQueries.find(tenant: one.id, id: row.id)),
            app("WorkStopQueries.open", WorkStopQueries.open(tenant: one.id)),
            app("WorkStopQueries.page", WorkStopQueries.page(tenant: one.id, before: nil, limit: 5)),
            app("WorkStopQueries.page", WorkStopQueries.page(tenant: one.id, before: (now, row.id), limit: 5)),
            app("WorkStopQueries.touched", WorkStopQueries.touched(tenant: one.id, connection: nil)),
            app("WorkStopQueries.touched", WorkStopQueries.touched(tenant: one.id, connection: "erp")),
            report("WorkStopQueries.sentHome", WorkStopQueries.sentHome()),
            engine("IncidentQueries.lock", IncidentQueries.lock(tenant: one.id, id: one.incident)),
            app("IncidentQueries.lockNow", IncidentQueries.lockNow(tenant: one.id, id: one.incident)),
            app(
                "IncidentQueries.standing", IncidentQueries.standing(tenant: one.id, fingerprint: "f", besides: one.incident)),
            engine(
                "IncidentQueries.link",
                IncidentQueries.link(
                    lane: 1, tenant: one.id, incident: one.incident, run: one.run, via: one.incident, at: now, max: 5)),
            app(
                "IncidentQueries.lend",
                IncidentQueries.lend(tenant: one.id, from: one.incident, to: one.incident, max: 5)),
            app(
                "IncidentQueries.giveBack",
                IncidentQueries.giveBack(tenant: one.id, to: one.incident, from: one.incident, max: 5)),
            app(
                "IncidentQueries.takeBack",
                IncidentQueries.takeBack(tenant: one.id, of: one.incident, from: one.incident)),
        ]
    }()
}
