package import Kernel

/// Who did something: a person, or the product by itself.
package enum IncidentActor: Sendable, Hashable {
    case person(PersonID)
    case system

    package var person: PersonID? {
        switch self {
        case .person(let id): id
        case .system: nil
        }
    }
}

/// One line of an incident's timeline; written once and never changed.
package struct TimelineEntry: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        case opened, repeated, acknowledged
        case acknowledgementLapsed = "acknowledgement-lapsed"
        case assigned, noted
        case severityChanged = "severity-changed"
        case priorityChanged = "priority-changed"
        case escalated
        case escalationExhausted = "escalation-exhausted"
        case mitigated, resolved, reopened
        /// It is one trouble with another, or is not after all.
        case merged, unmerged
        /// Somebody was told, or nobody could be.
        case paged, unpaged
        /// A page has arrived, or was given up.
        case delivered, undelivered
        /// A step of the runbook was shown, done, skipped or taken back.
        case runbook
        /// What became of its post-mortem.
        case postmortem
        /// A target of its contract comes near or was passed.
        case promise
    }

    package let at: Moment
    package let kind: Kind
    package let actor: IncidentActor
    /// A sentence, or what the person wrote.
    package let text: String

    package init(at: Moment, kind: Kind, actor: IncidentActor, text: String) {
        self.at = at
        self.kind = kind
        self.actor = actor
        self.text = text
    }

    package var json: JSONValue {
        var object: JSONObject = ["at": .string(at.text(fraction: 6)), "kind": .string(kind.rawValue)]
        if let person = actor.person { object["person"] = .string(person.text) }
        object["text"] = .string(text)
        return .object(object)
    }

    /// Reads what `json` writes; refuses anything else with `incident.entry`.
    package init(json: JSONValue) throws(Refusal) {
        guard let object = json.object, let at = object["at"]?.moment,
            let kind = object["kind"]?.string.flatMap({ Kind(rawValue: $0) }),
            let text = object["text"]?.string, let actor = IncidentActor(json: object["person"])
        else { throw Refusal(.invalid, reason: "incident.entry", "This is no line of an incident's timeline.") }
        self.init(at: at, kind: kind, actor: actor, text: text)
    }
}

extension IncidentActor {
    /// Absent or null is the system; a text has to be a person's id.
    init?(json: JSONValue?) {
        switch json {
        case nil, .null: self = .system
        case .string(let text):
            guard let person = PersonID(text) else { return nil }
            self = .person(person)
        case .bool, .number, .array, .object: return nil
        }
    }
}
