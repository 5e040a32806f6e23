/// How bad it is for the tenants, 1 the worst. In doubt the worse one is taken.
package enum Severity: String, Sendable, Hashable, CaseIterable, Comparable {
    case sev1, sev2, sev3, sev4

    private var rank: Int {
        switch self {
        case .sev1: 1
        case .sev2: 2
        case .sev3: 3
        case .sev4: 4
        }
    }

    /// Less severe is less, so the greatest is the worst.
    package static func < (lhs: Severity, rhs: Severity) -> Bool { lhs.rank > rhs.rank }

    /// Whether somebody is woken for it.
    package var urgency: Urgency { self >= .sev2 ? .high : .low }

    var usualPriority: Priority {
        switch self {
        case .sev1: .p1
        case .sev2: .p2
        case .sev3: .p3
        case .sev4: .p4
        }
    }
}

/// How to tell people: high escalates and wakes, low waits for the working day. Apart from severity, which is about tenants.
package enum Urgency: String, Sendable, Hashable, CaseIterable { case high, low }

/// In which order to work; a person may set it apart from severity.
package enum Priority: String, Sendable, Hashable, CaseIterable { case p1, p2, p3, p4 }
