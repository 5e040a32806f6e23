package import Kernel

/// One trouble from its first alert to its end: a pure state machine.
///
/// `triggered` until somebody takes it on, `acknowledged` while they work, `mitigated` when tenants no longer suffer, `resolved`
/// when it is over. The same trouble returning soon reopens it; a mitigation that does not hold, or an acknowledgement that
/// nobody follows up, puts it back to `triggered`, and people are told anew.
package struct Incident: Sendable, Hashable {
    package enum Phase: String, Sendable, Hashable, CaseIterable { case triggered, acknowledged, mitigated, resolved }

    package enum Event: Sendable, Hashable {
        /// The same trouble again; a resolved incident is reopened when the window permits (ask `taking(alertAt:)` first).
        case repeated(Alert)
        case acknowledged(by: IncidentActor)
        /// The timer of an acknowledgement; a late or outdated one is nothing.
        case acknowledgementLapsed
        case assigned(to: PersonID, by: IncidentActor)
        case noted(by: IncidentActor, text: String)
        case severityChanged(to: Severity, by: IncidentActor, reason: String)
        case prioritised(as: Priority, by: IncidentActor)
        /// Somebody was told because nobody had answered.
        case escalated(level: String)
        /// Nobody is left to tell.
        case escalationExhausted
        case mitigated(by: IncidentActor, text: String)
        case resolved(by: IncidentActor, reason: String)
        case reopened(by: IncidentActor, reason: String)
    }

    package enum Action: Sendable, Hashable {
        case record(TimelineEntry)
        /// Tell whoever answers for it now.
        case page(Page)
        /// From the first level on.
        case startEscalation
        case stopEscalation
        /// Send `acknowledgementLapsed` then; replaces an earlier one.
        case wake(at: Moment)
        case cancelWake
    }

    /// Why somebody is told.
    package enum Page: Sendable, Hashable {
        case opened(Urgency)
        case worsened(Urgency)
        case returned(Urgency)
        case lapsed(Urgency)
        case assigned(PersonID, Urgency)
        /// All levels have been told without an answer.
        case dutyManager
    }

    /// What an alert does to an incident of its fingerprint.
    package enum Taking: Sendable, Hashable { case repeats, reopens, opensNew }

    package static let noteBytesMax = 4_000
    package static let reasonBytesMax = 2_000
    /// Of an urgent incident, without a mitigation: then the acknowledgement no longer counts.
    package static let acknowledgementSeconds: Int64 = 1_800
    /// The first repetitions are recorded one by one, later ones each hundredth: the count is exact, the timeline stays readable.
    package static let repetitionsRecordedMax = 20
    package static let repetitionRecordedEvery = 100

    package internal(set) var phase: Phase
    package let alert: AlertName
    package let fingerprint: String
    package let title: String
    package internal(set) var severity: Severity
    package internal(set) var priority: Priority
    /// Alerts it has taken, the first included.
    package internal(set) var alertCount: Int
    package internal(set) var reopenCount: Int
    package internal(set) var assignee: PersonID?
    package internal(set) var acknowledgedBy: IncidentActor?
    package let openedAt: Moment
    package internal(set) var lastAlertAt: Moment
    /// The first acknowledgement by anybody; a lapse does not remove it.
    package internal(set) var acknowledgedAt: Moment?
    package internal(set) var mitigatedAt: Moment?
    package internal(set) var resolvedAt: Moment?
    package internal(set) var resolvedBy: IncidentActor?
    /// When the present acknowledgement lapses.
    package internal(set) var lapsesAt: Moment?
    /// Set while it is merged into another; it is at rest then, and counts as resolved.
    package internal(set) var merge: Merge?
    /// Those that are merged into this one.
    package internal(set) var absorbed: [Absorbed] = []
    /// No entry of the timeline precedes an earlier one, whatever the wall clock does.
    var lastChangeAt: Moment

    package var urgency: Urgency { severity.urgency }
    package var isOpen: Bool { phase != .resolved }

    /// The incident of a trouble that nobody has known of.
    package static func open(_ alert: Alert, at now: Moment) -> (incident: Incident, actions: [Action]) {
        let incident = Incident(alert, at: now)
        let entry = TimelineEntry(at: now, kind: .opened, actor: .system, text: alert.title)
        return (incident, [.record(entry), .page(.opened(alert.severity.urgency)), .startEscalation])
    }

    private init(_ alert: Alert, at now: Moment) {
        phase = .triggered
        self.alert = alert.name
        fingerprint = alert.fingerprint
        title = alert.title
        severity = alert.severity
        priority = alert.severity.usualPriority
        alertCount = 1
        reopenCount = 0
        openedAt = now
        lastAlertAt = now
        lastChangeAt = now
    }

    /// Whether an alert of this fingerprint belongs here: at most the window after the resolution, inclusive; 0 means never.
    package func taking(alertAt now: Moment) -> Taking {
        guard let resolvedAt else { return .repeats }
        let window = alert.definition.reopenWindowSeconds
        return window > 0 && now.seconds - resolvedAt.seconds <= window ? .reopens : .opensNew
    }

    /// Takes an event; a refusal leaves the incident as it was and is the answer to whoever asked.
    package mutating func handle(_ event: Event, at now: Moment) throws(Refusal) -> [Action] {
        let moment = max(now, lastChangeAt)
        var next = self
        let actions = try next.take(event, at: moment)
        if !actions.isEmpty { next.lastChangeAt = moment }
        self = next
        return actions
    }

    private mutating func take(_ event: Event, at now: Moment) throws(Refusal) -> [Action] {
        switch event {
        case .repeated(let alert): return try takeAlert(alert, at: now)
        case .acknowledged(let actor): return try acknowledge(by: actor, at: now)
        case .acknowledgementLapsed: return lapse(at: now)
        case .assigned(let person, let actor):
            try requireOpen()
            guard assignee != person else { return [] }
            assignee = person
            let entry = TimelineEntry(at: now, kind: .assigned, actor: actor, text: "Assigned to \(person.text).")
            return [.record(entry), .page(.assigned(person, urgency))]
        case .noted(let actor, let text):
            return [
                .record(TimelineEntry(at: now, kind: .noted, actor: actor, text: try written(text, max: Incident.noteBytesMax)))
            ]
        case .severityChanged(let severity, let actor, let reason):
            return try change(severity, by: actor, reason: reason, at: now)
        case .prioritised(let priority, let actor):
            try requireOpen()
            guard self.priority != priority else { return [] }
            self.priority = priority
            return [.record(TimelineEntry(at: now, kind: .priorityChanged, actor: actor, text: "Priority \(priority.rawValue)."))]
        case .escalated(let level):
            guard phase == .triggered else { return [] }
            return [
                .record(
                    TimelineEntry(
                        at: now, kind: .escalated, actor: .system, text: "Nobody had answered: \(cut(level, 200)) told."))
            ]
        case .escalationExhausted:
            guard phase == .triggered else { return [] }
            let entry = TimelineEntry(
                at: now, kind: .escalationExhausted, actor: .system, text: "Nobody is left to tell; the duty manager is called.")
            return [.record(entry), .page(.dutyManager)]
        case .mitigated(let actor, let text): return try mitigate(by: actor, text: text, at: now)
        case .resolved(let actor, let reason): return try resolve(by: actor, reason: reason, at: now)
        case .reopened(let actor, let reason): return try reopen(by: actor, reason: reason, at: now)
        }
    }
}
