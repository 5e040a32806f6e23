package import Kernel

/// What became of an incident, as the clocks of its promises have to know it.
package struct IncidentMark: Sendable, Hashable {
    package enum Kind: Sendable, Hashable {
        case opened, resolved, reopened
        case answered(isHuman: Bool)
        /// Another severity, or merged into another.
        case changed
        /// Taken out of another; with when that one was answered by a person meanwhile.
        case released(answeredAt: Moment?)
    }

    package let kind: Kind
    package let at: Moment
    package let severity: Severity
    package let isMerged: Bool

    package init(_ kind: Kind, at: Moment, severity: Severity, isMerged: Bool) {
        self.kind = kind
        self.at = at
        self.severity = severity
        self.isMerged = isMerged
    }

    /// What the lines of a change say. `isHuman` tells whether the one who made it is a person: a key writes lines as well, and
    /// no answer of a machine is one.
    ///
    /// Who mitigates has answered. An incident that takes another in says nothing here, whatever its lines say.
    package static func marks(of actions: [Incident.Action], _ incident: Incident, isHuman: Bool) -> [IncidentMark] {
        actions.compactMap { action in
            guard case .record(let entry) = action, let kind = kind(of: entry, incident, isHuman: isHuman) else { return nil }
            return IncidentMark(kind, at: entry.at, severity: incident.severity, isMerged: incident.merge != nil)
        }
    }

    private static func kind(of entry: TimelineEntry, _ incident: Incident, isHuman: Bool) -> Kind? {
        switch entry.kind {
        case .opened: .opened
        case .acknowledged, .noted, .mitigated: .answered(isHuman: isHuman && entry.actor.person != nil)
        case .severityChanged: .changed
        case .resolved: .resolved
        case .reopened: .reopened
        case .merged: incident.merge == nil ? nil : .changed
        case .unmerged: .released(answeredAt: nil)
        case .repeated, .acknowledgementLapsed, .assigned, .priorityChanged, .escalated, .escalationExhausted, .paged, .unpaged,
            .delivered, .undelivered, .runbook, .postmortem, .promise:
            nil
        }
    }

    /// The same, taken out of an incident that was answered then.
    package func answered(at moment: Moment?) -> IncidentMark {
        guard case .released = kind else { return self }
        return IncidentMark(.released(answeredAt: moment), at: at, severity: severity, isMerged: isMerged)
    }

    package var json: JSONValue {
        var answer: JSONValue?
        let word: String
        switch kind {
        case .opened: word = "opened"
        case .answered(let isHuman):
            word = "answered"
            answer = .bool(isHuman)
        case .resolved: word = "resolved"
        case .reopened: word = "reopened"
        case .changed: word = "changed"
        case .released(let moment):
            word = "released"
            answer = moment.map { .string($0.text(fraction: 6)) }
        }
        return .object([
            "kind": .string(word), "at": .string(at.text(fraction: 6)), "severity": .string(severity.rawValue),
            "merged": .bool(isMerged), "answer": answer,
        ])
    }

    /// Reads what `json` writes; nil for anything else.
    package init?(json: JSONValue) {
        guard let at = json["at"]?.moment, let severity = json["severity"]?.string.flatMap({ Severity(rawValue: $0) }),
            let isMerged = json["merged"]?.bool
        else { return nil }
        let kind: Kind
        switch json["kind"]?.string {
        case "opened": kind = .opened
        case "answered": kind = .answered(isHuman: json["answer"]?.bool ?? false)
        case "resolved": kind = .resolved
        case "reopened": kind = .reopened
        case "changed": kind = .changed
        case "released": kind = .released(answeredAt: json["answer"]?.moment)
        default: return nil
        }
        self.init(kind, at: at, severity: severity, isMerged: isMerged)
    }
}
