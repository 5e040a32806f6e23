package import Kernel

/// What a tenant's own systems can be told of, and what each event says.
///
/// Closed on purpose: an event tells ids, states and codes, and never who somebody is, what a document says or an amount of
/// money. Whoever wants more asks the API with a key that may see it.
package enum WebhookEventType: String, CaseIterable, Sendable, Hashable {
    case runStarted = "run.started"
    case runFinished = "run.finished"
    case runFaulted = "run.faulted"
    case taskOpened = "task.opened"
    case taskSigned = "task.signed"
    case taskClosed = "task.closed"
    case exceptionOpened = "exception.opened"
    case exceptionResolved = "exception.resolved"
    case paymentReleased = "payment.released"
    case slaWarned = "sla.warned"
    case slaBreached = "sla.breached"
    case incidentOpened = "incident.opened"
    case incidentAcknowledged = "incident.acknowledged"
    case incidentResolved = "incident.resolved"
    case reportSent = "report.sent"
    /// Another endpoint of the tenant was turned off, because it failed for too long or said that it is gone.
    case webhookDisabled = "webhook.disabled"
    /// Sent because somebody asked for a test; nobody subscribes to it.
    case test = "webhook.test"

    /// What an endpoint can ask for.
    package static let offered: [WebhookEventType] = allCases.filter { $0 != .test }

    /// In words, for pages.
    package var title: String {
        switch self {
        case .runStarted: "A run has started"
        case .runFinished: "A run has come to its end"
        case .runFaulted: "A run ended in an error"
        case .taskOpened: "Something waits for a person"
        case .taskSigned: "A person has signed, and others still have to"
        case .taskClosed: "Nothing waits for people any longer"
        case .exceptionOpened: "A case needs a decision"
        case .exceptionResolved: "A case was decided"
        case .paymentReleased: "A payment was released"
        case .slaWarned: "A target is at risk"
        case .slaBreached: "A target was missed"
        case .incidentOpened: "An incident was opened"
        case .incidentAcknowledged: "Somebody has taken an incident on"
        case .incidentResolved: "An incident is over"
        case .reportSent: "A monthly report was sent"
        case .webhookDisabled: "Another webhook was turned off"
        case .test: "A test"
        }
    }

    /// The member that names what the event is about: its `subject` is `<noun>/<id>`.
    package var subjectMember: String {
        switch self {
        case .runStarted, .runFinished, .runFaulted: "run"
        case .taskOpened, .taskSigned, .taskClosed, .exceptionOpened, .exceptionResolved: "task"
        case .paymentReleased: "invoice"
        case .slaWarned, .slaBreached: "clock"
        case .incidentOpened, .incidentAcknowledged, .incidentResolved: "incident"
        case .reportSent: "report"
        case .webhookDisabled, .test: "webhook"
        }
    }

    /// Every member of `data`, besides the run; nothing else of what happened ever leaves.
    package var members: [String] {
        switch self {
        case .runStarted: ["run", "workflow"]
        case .runFinished, .runFaulted: ["run", "outcome"]
        case .taskOpened: ["task", "kind"]
        case .taskSigned: ["task", "count", "of"]
        case .taskClosed: ["task", "outcome"]
        case .exceptionOpened: ["task", "code"]
        case .exceptionResolved: ["task", "outcome"]
        case .paymentReleased: ["invoice"]
        case .slaWarned, .slaBreached: ["clock", "objective"]
        case .incidentOpened: ["incident", "alert", "severity"]
        case .incidentAcknowledged, .incidentResolved: ["incident", "state"]
        case .reportSent: ["report", "month"]
        case .webhookDisabled: ["webhook", "reason"]
        case .test: ["webhook"]
        }
    }

    /// What a line of the outbox means to tenants' systems; nil for what stays inside.
    package init?(topic: String, facts: JSONValue) {
        switch topic {
        case "request.opened": self = facts["kind"]?.string == "exception" ? .exceptionOpened : .taskOpened
        case "request.signed": self = .taskSigned
        case "request.closed": self = facts["kind"]?.string == "exception" ? .exceptionResolved : .taskClosed
        case "run.finished": self = facts["outcome"]?.string == "faulted" ? .runFaulted : .runFinished
        default:
            guard let type = WebhookEventType(rawValue: topic), type != .test else { return nil }
            self = type
        }
    }

    /// The event as it is kept and sent: of the facts only what this type tells, and only plain values.
    package func data(facts: JSONValue, run: String?) -> JSONValue {
        var data: JSONObject = [:]
        if let run { data["run"] = .string(run) }
        for name in members {
            switch facts[name] {
            case .string(let text)?: data[name] = .string(String(text.prefix(WebhookEvent.textCharactersMax)))
            case .number?, .bool?: data[name] = facts[name]
            default: continue
            }
        }
        return .object(data)
    }

    /// `run/0199…`; the type alone where the facts name nothing.
    package func subject(of data: JSONValue) -> String {
        data[subjectMember]?.string.map { "\(subjectMember)/\($0)" } ?? subjectMember
    }

    /// The version stands in the type, so that a receiver knows what it reads: `countersign.run.finished.v1`.
    package var cloudType: String { "countersign.\(rawValue).v1" }
}

/// One event on its way to one endpoint, in the JSON form of CloudEvents 1.0.
package struct WebhookEvent: Sendable, Equatable {
    static let textCharactersMax = 200
    package static let contentType = "application/cloudevents+json"

    package let id: String
    /// Grows with every event about one subject, so that a receiver sees which of two is the later.
    package let sequence: Int64
    package let type: WebhookEventType
    package let source: String
    package let subject: String
    package let at: Moment
    package let data: JSONValue

    package init(
        id: String, sequence: Int64, type: WebhookEventType, source: String, subject: String, at: Moment, data: JSONValue
    ) {
        self.id = id
        self.sequence = sequence
        self.type = type
        self.source = source
        self.subject = subject
        self.at = at
        self.data = data
    }

    /// Always the same bytes for one event, at the first attempt and at the last.
    package var json: JSONValue {
        [
            "specversion": "1.0", "id": .string(id), "source": .string(source), "type": .string(type.cloudType),
            "subject": .string(subject), "time": .string(at.text(fraction: 3)), "datacontenttype": "application/json",
            "sequence": .string(WebhookEvent.padded(sequence)), "data": data,
        ]
    }

    /// As wide as the largest number, so that texts are in the order of their numbers.
    private static func padded(_ number: Int64) -> String {
        let digits = String(max(0, number))
        return String(repeating: "0", count: 19 - digits.utf8.count) + digits
    }

    /// What a receiver gets of each type, with ids made up; pages and documents show it.
    package static func sample(_ type: WebhookEventType) -> WebhookEvent {
        let id = "01990b6e-2c40-7d11-8a52-6f1de0a90001"
        var facts: JSONObject = [:]
        for name in type.members { facts[name] = samples[name] ?? .string(id) }
        if type == .runFaulted { facts["outcome"] = "faulted" }
        if type == .incidentAcknowledged { facts["state"] = "acknowledged" }
        let hasRun = [.taskOpened, .taskSigned, .taskClosed, .slaWarned, .slaBreached, .paymentReleased].contains(type)
        let data = type.data(facts: .object(facts), run: hasRun ? "01990b6e-2c40-7d11-8a52-6f1de0a90002" : nil)
        return WebhookEvent(
            id: "01990b6e-2c41-7a03-9d10-2b7c5e110001", sequence: 1_795_000_000_000_000_000, type: type,
            source: WebhookEvent.source(tenant: "brightwater-foods"), subject: type.subject(of: data),
            at: Moment(seconds: 1_795_000_000), data: data)
    }

    /// Says whose events these are; not an address.
    package static func source(tenant slug: String) -> String { "urn:countersign:tenant:\(slug)" }

    private static let samples: [String: JSONValue] = [
        "workflow": "invoice-to-pay", "outcome": "approve", "kind": "approval", "count": 1, "of": 2,
        "code": "SUPPLIER_UNKNOWN", "objective": "approval", "alert": "sla-breach", "severity": "sev2", "state": "resolved",
        "month": "2026-10", "reason": "failing",
    ]
}
