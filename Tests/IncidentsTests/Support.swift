import Incidents
import Kernel
import Testing

enum Sample {
    static let tenant = TenantID(high: 1, low: 1)
    static let other = TenantID(high: 1, low: 2)
    static let run = RunID(high: 3, low: 1)
    static let tomas = IncidentActor.person(PersonID(high: 2, low: 1))
    static let saskia = IncidentActor.person(PersonID(high: 2, low: 2))
    static let start = Moment(seconds: 1_790_000_000)

    static func breach(_ subject: String = "R-2041", severity: Severity? = nil) -> Alert {
        Alert(
            .slaBreach, tenant: tenant, severity: severity, facts: ["objective": "approval-cycle", "subject": subject], run: run)
    }
}

/// An incident with a clock that moves by hand, and everything it has asked for.
struct Story {
    var incident: Incident
    var now = Sample.start
    var actions: [Incident.Action]

    init(_ alert: Alert = Sample.breach()) { (incident, actions) = Incident.open(alert, at: Sample.start) }

    @discardableResult
    mutating func happens(_ event: Incident.Event, after seconds: Int64 = 60) throws -> [Incident.Action] {
        now = now.adding(seconds: seconds)
        let new = try incident.handle(event, at: now)
        actions += new
        return new
    }

    var timeline: [TimelineEntry] {
        actions.compactMap { if case .record(let entry) = $0 { entry } else { nil } }
    }
    var kinds: [TimelineEntry.Kind] { timeline.map(\.kind) }
}
