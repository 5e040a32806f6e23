package import Kernel

/// What a reader of a status page is told of one component.
package enum StatusState: String, Sendable, Hashable, CaseIterable {
    case operational, degraded
    case partialOutage = "partial-outage"
    case majorOutage = "major-outage"
    case maintenance

    /// How bad it is; planned work stands between working and ill.
    package var rank: Int {
        switch self {
        case .operational: 0
        case .maintenance: 1
        case .degraded: 2
        case .partialOutage: 3
        case .majorOutage: 4
        }
    }

    /// Whether a second of it counts as up; nil where it does not count at all.
    package var isUp: Bool? {
        switch self {
        case .operational, .degraded: true
        case .partialOutage, .majorOutage: false
        case .maintenance: nil
        }
    }

    /// The worst of several; nil of none.
    package static func worst(_ states: some Sequence<StatusState>) -> StatusState? { states.max { $0.rank < $1.rank } }
}

/// How much a notice says that readers feel of it.
package enum StatusImpact: String, Sendable, Hashable, CaseIterable {
    case none, minor, major, critical

    /// What its components are while it lasts.
    package var state: StatusState {
        switch self {
        case .none: .operational
        case .minor: .degraded
        case .major: .partialOutage
        case .critical: .majorOutage
        }
    }
}

/// Whether a notice is about a disruption or about planned work.
package enum StatusKind: String, Sendable, Hashable, CaseIterable {
    case incident, maintenance

    package var phases: [StatusPhase] {
        switch self {
        case .incident: [.investigating, .identified, .monitoring, .resolved]
        case .maintenance: [.scheduled, .inProgress, .completed]
        }
    }
}

/// Where things stand, as an update says it.
package enum StatusPhase: String, Sendable, Hashable, CaseIterable {
    case investigating, identified, monitoring, resolved, scheduled
    case inProgress = "in-progress"
    case completed

    package var isLast: Bool { self == .resolved || self == .completed }
}

/// What the state of a component is taken from.
package struct StatusSource: Sendable, Hashable {
    package enum Kind: String, Sendable, Hashable, CaseIterable { case hand, connection, workflow, platform }

    package let kind: Kind
    /// A connection's or a workflow's name. Of the platform a part's name, or empty for all of them.
    package let subject: String

    package init(_ kind: Kind, _ subject: String = "") {
        self.kind = kind
        self.subject = subject
    }

    /// `connection:erp`; `hand` where there is no subject.
    package var text: String { subject.isEmpty ? kind.rawValue : "\(kind.rawValue):\(subject)" }

    /// Reads `hand`, `platform`, `platform:sealer`, `connection:erp` or `workflow:accounts-payable`.
    package init(text: String) throws(Refusal) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let kind = parts.first.flatMap(Kind.init(rawValue:)) else {
            throw StatusBounds.refusal(
                "source", "The source is hand, platform, platform:PART, connection:NAME or workflow:NAME.")
        }
        let subject = parts.count > 1 ? parts[1] : ""
        let wants = kind == .connection || kind == .workflow
        guard wants ? !subject.isEmpty : kind == .platform || parts.count == 1,
            subject.utf8.count <= StatusBounds.subjectBytesMax, subject.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw StatusBounds.refusal(
                "source", "\(kind.rawValue) \(wants ? "needs a name behind the colon." : "has no such part.")")
        }
        self.init(kind, subject)
    }
}

/// What the machine knows of one component when it looks.
package struct StatusEvidence: Sendable, Hashable {
    package struct Trouble: Sendable, Hashable {
        package let severity: Severity
        /// Somebody has said that the tenant no longer suffers.
        package let isMitigated: Bool

        package init(_ severity: Severity, isMitigated: Bool = false) {
            self.severity = severity
            self.isMitigated = isMitigated
        }
    }

    /// Promised signs of life of its subject, and how many of them are missed.
    package var beats = 0
    package var missed = 0
    /// Open incidents about its subject.
    package var troubles: [Trouble] = []

    package init() {}
}

/// What somebody says instead of what the machine finds.
package struct StatusOverride: Sendable, Hashable {
    package let state: StatusState
    /// Nil until it is taken back.
    package let until: Moment?

    package init(_ state: StatusState, until: Moment? = nil) {
        self.state = state
        self.until = until
    }
}

/// The one rule by which a component has a state; docs/operating/status-pages.md says the same in words.
package enum StatusRule {
    /// What the machine finds by itself; nil where it knows nothing.
    ///
    /// All signs of life missed is a major outage, some a partial one. An open incident of sev1 is a major outage, of sev2 a
    /// partial one, of sev3 degraded, and sev4 is not felt; one that is mitigated is degraded at most. The worst counts. A
    /// connection or a part without any sign of life and without an incident is not known; a workflow without an incident works.
    package static func found(_ source: StatusSource, _ evidence: StatusEvidence) -> StatusState? {
        var states: [StatusState] = []
        switch source.kind {
        case .hand: return .operational
        case .workflow: states.append(.operational)
        case .connection, .platform:
            if evidence.beats > 0 {
                states.append(
                    evidence.missed == 0 ? .operational : evidence.missed == evidence.beats ? .majorOutage : .partialOutage)
            }
        }
        for trouble in evidence.troubles {
            let state: StatusState =
                switch trouble.severity {
                case .sev1: .majorOutage
                case .sev2: .partialOutage
                case .sev3: .degraded
                case .sev4: .operational
                }
            states.append(trouble.isMitigated && state.rank > StatusState.degraded.rank ? .degraded : state)
        }
        return StatusState.worst(states)
    }

    /// What readers are told: planned work that runs, then what somebody has set, then the worst of what the machine finds and
    /// what published disruptions say.
    package static func state(
        found: StatusState?, set override: StatusOverride?, disruptions: [StatusImpact], isUnderMaintenance: Bool, at now: Moment
    ) -> StatusState? {
        if isUnderMaintenance { return .maintenance }
        if let override, override.until.map({ now < $0 }) ?? true { return override.state }
        return StatusState.worst([found].compactMap(\.self) + disruptions.map(\.state))
    }
}

/// The bounds of a page, and what its texts may hold.
package enum StatusBounds {
    package static let titleScalarsMax = 150
    package static let introScalarsMax = 1000
    package static let textScalarsMax = 4000
    package static let nameScalarsMax = 80
    package static let descriptionScalarsMax = 200
    package static let subjectBytesMax = 200
    package static let componentsMax = 50
    /// Notices that are not over, drafts among them.
    package static let openMax = 50
    package static let updatesMax = 200
    package static let wordingsMax = 50
    /// The longest planned work, and the farthest ahead that it is told of.
    package static let maintenanceSecondsMax: Int64 = 14 * 86_400
    package static let aheadSecondsMax: Int64 = 366 * 86_400
    /// The longest that a state set by hand holds by itself.
    package static let setSecondsMax: Int64 = 31 * 86_400
    package static let historyDays = 90

    static func refusal(_ field: String, _ message: String) -> Refusal {
        Refusal(.unprocessable, reason: "status.\(field)", message, facts: ["field": field])
    }

    /// A text of a person, cut at both ends; refuses what is empty, too long, or would break out of a line or turn its direction.
    package static func checked(
        _ text: String, _ field: String, max: Int, mayBreak: Bool = false, mayBeEmpty: Bool = false
    ) throws(Refusal) -> String {
        let lines = mayBreak ? String(text.unicodeScalars.filter { $0 != "\r" }.map(Character.init)) : text
        var scalars = Substring(lines).unicodeScalars
        while let first = scalars.first, first.properties.isWhitespace { scalars.removeFirst() }
        while let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        guard scalars.count <= max, mayBeEmpty || !scalars.isEmpty else {
            throw refusal(field, "\(field) has \(mayBeEmpty ? "at most" : "1 to") \(max) characters; this has \(scalars.count).")
        }
        if let bad = scalars.first(where: { !isAllowed($0, mayBreak: mayBreak) }) {
            throw refusal(
                field, "\(field) holds the control character U+\(String(bad.value, radix: 16, uppercase: true)). Leave it out.")
        }
        return String(scalars)
    }

    private static func isAllowed(_ scalar: Unicode.Scalar, mayBreak: Bool) -> Bool {
        if scalar == "\n" { return mayBreak }
        switch scalar.value {
        case 0..<0x20, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: return false
        default: return true
        }
    }
}
