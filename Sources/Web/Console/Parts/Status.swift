/// The state of a thing as shape, then colour, then word.
package enum Status: String, CaseIterable, Sendable, Showing {
    case done, running
    case needsPerson = "needs-person"
    case retrying, watch, failed
    case inDoubt = "in-doubt"
    case breached, paused
    case notStarted = "not-started"
    case cancelled, sealed

    package var tone: Tone {
        switch self {
        case .done, .sealed: .ok
        case .running: .info
        case .needsPerson: .person
        case .retrying, .watch, .inDoubt: .warn
        case .failed, .breached: .bad
        case .paused, .notStarted, .cancelled: .quiet
        }
    }

    /// The usual word, for readers who cannot see the shape.
    package var word: String {
        switch self {
        case .done: "done"
        case .running: "running"
        case .needsPerson: "needs a person"
        case .retrying: "retrying"
        case .watch: "watch"
        case .failed: "failed"
        case .inDoubt: "in doubt"
        case .breached: "breached"
        case .paused: "paused"
        case .notStarted: "not started"
        case .cancelled: "cancelled"
        case .sealed: "sealed"
        }
    }

    var shown: [(name: String, value: Any)] {
        [("glyph", "s-" + rawValue), ("tone", tone.rawValue), ("word", word)]
    }
}

/// A meaning that has a colour; always beside a shape or a word.
package enum Tone: String, CaseIterable, Sendable, Showing {
    case ok, warn, bad, info, person, quiet

    var shown: [(name: String, value: Any)] { [("tone", rawValue), ("noticeIcon", noticeGlyph)] }

    private var noticeGlyph: String {
        switch self {
        case .ok: "s-done"
        case .warn: "s-watch"
        case .bad: "s-failed"
        case .person: "s-needs-person"
        case .info, .quiet: "s-running"
        }
    }
}

/// A glyph with its words.
package struct StatusText: Sendable {
    package let status: Status
    package let text: String
    /// The text takes the status colour too.
    package let isLoud: Bool

    package init(status: Status, text: String, isLoud: Bool = false) {
        self.status = status
        self.text = text
        self.isLoud = isLoud
    }
}

/// The icons of the sprite, by the id of their drawing.
package enum Icon: String, CaseIterable, Sendable, Showing {
    case search, fleet, tenant, run, inbox, incident, clock, rota, report, policy, plan, audit, brand, people, plug, gear, sign,
        diff
    case evidence, bank, book, bell, phone, mail, eye, lock, link, copy, download, print, spark, plus, minus, tilde, check, cross
    case chevronDown = "chevron-down"
    case chevronUp = "chevron-up"
    case chevronLeft = "chevron-left"
    case chevronRight = "chevron-right"
    case updown, sort, menu, dots, sun, moon

    var shown: [(name: String, value: Any)] { [("drawing", rawValue)] }
}
