/// Incidents by phase, as grouped tables.
package struct IncidentsPage: ConsolePage {
    package static let template = "incidents"

    package struct Group: Sendable {
        package let title: String
        package let count: String
        package let rows: [Row]

        package init(title: String, count: String, rows: [Row]) {
            self.title = title
            self.count = count
            self.rows = rows
        }
    }

    package struct Row: Sendable {
        package let href: String
        /// `INC-2041`.
        package let number: String
        package let title: String
        package let tenant: String
        /// `P1`.
        package let priority: String
        package let status: Status
        package let state: String
        package let clock: String
        package let clockTone: Tone
        package let who: String
        package let opened: Stamp
        /// Nil when it may not be acknowledged here.
        package let acknowledge: FormTarget?

        package init(
            href: String, number: String, title: String, tenant: String, priority: String, status: Status, state: String,
            clock: String, clockTone: Tone = .quiet, who: String, opened: Stamp, acknowledge: FormTarget? = nil
        ) {
            self.href = href
            self.number = number
            self.title = title
            self.tenant = tenant
            self.priority = priority
            self.status = status
            self.state = state
            self.clock = clock
            self.clockTone = clockTone
            self.who = who
            self.opened = opened
            self.acknowledge = acknowledge
        }
    }

    /// Work that somebody has stopped.
    package struct Stop: Sendable {
        /// `Everything`, `The worker`, `erp`.
        package let title: String
        package let reason: String
        package let who: String
        package let since: Stamp
        /// Lets it go on, with the field `note`; nil for readers.
        package let release: FormTarget?

        package init(title: String, reason: String, who: String, since: Stamp, release: FormTarget?) {
            self.title = title
            self.reason = reason
            self.who = who
            self.since = since
            self.release = release
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// What does not go out now; the first thing that a reader has to know.
    package let stops: [Stop]
    /// Where the post-mortems are; empty where there is no such list.
    package let postmortems: String
    package let figures: [Figure]
    package let groups: [Group]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, stops: [Stop] = [], postmortems: String = "", figures: [Figure] = [], groups: [Group],
        empty: EmptyState? = nil
    ) {
        self.stops = stops
        self.postmortems = postmortems
        self.frame = frame
        self.head = head
        self.figures = figures
        self.groups = groups
        self.empty = empty
    }
}

/// One incident: the nearest deadline, the runbook, who was told, what happened.
package struct IncidentPage: ConsolePage {
    package static let template = "incident"

    package struct RunbookPanel: Sendable {
        package let name: String
        /// `version 5, owner Treasury Operations, reviewed 29 October`.
        package let meta: String
        /// The file's Markdown, through `Markdown.html(_:topLevel: 3)`.
        package let body: Markup
        /// Shown above an overdue runbook; never hides it.
        package let overdue: String
        /// Follows it step by step, or takes it up where a colleague is; nil for readers.
        package let follow: FormTarget?

        package init(name: String, meta: String, body: Markup, overdue: String = "", follow: FormTarget? = nil) {
            self.name = name
            self.meta = meta
            self.body = body
            self.overdue = overdue
            self.follow = follow
        }
    }

    package struct Page: Sendable {
        package let status: Status
        package let title: String
        package let detail: String

        package init(status: Status, title: String, detail: String) {
            self.status = status
            self.title = title
            self.detail = detail
        }
    }

    package struct Entry: Sendable {
        package let time: Stamp
        package let icon: Icon?
        package let status: Status?
        package let text: String
        package let detail: String

        package init(time: Stamp, icon: Icon? = nil, status: Status? = nil, text: String, detail: String = "") {
            self.time = time
            self.icon = icon
            self.status = status
            self.text = text
            self.detail = detail
        }
    }

    /// A change of the incident: a form with a choice, a sentence, or both.
    package struct Change: Sendable {
        package let form: FormTarget
        /// `mitigate`: for the ids of its fields.
        package let name: String
        package let choiceLabel: String
        package let choices: [FieldChoice]
        /// Empty when no sentence is asked for.
        package let noteLabel: String
        package let button: String

        package init(
            form: FormTarget, name: String, choiceLabel: String = "", choices: [FieldChoice] = [], noteLabel: String = "",
            button: String
        ) {
            self.form = form
            self.name = name
            self.choiceLabel = choiceLabel
            self.choices = choices
            self.noteLabel = noteLabel
            self.button = button
        }
    }

    /// One act on the incident: a form with an optional note, sent as `note`.
    package struct Act: Sendable {
        package let form: FormTarget
        /// `Acknowledge INC-2041`.
        package let label: String
        package let key: String
        package let isPrimary: Bool
        /// Why it cannot be done now; empty when it can.
        package let blocked: String

        package init(form: FormTarget, label: String, key: String = "", isPrimary: Bool = false, blocked: String = "") {
            self.form = form
            self.label = label
            self.key = key
            self.isPrimary = isPrimary
            self.blocked = blocked
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let facts: [Fact]
    package let runbook: RunbookPanel?
    package let pages: [Page]
    package let timeline: [Entry]
    package let acts: [Act]
    /// Adds a note to the timeline; nil for readers.
    package let note: FormTarget?
    /// Resolving asks for a sentence on what ended it; nil when it is resolved or not theirs.
    package let resolve: FormTarget?
    package let changes: [Change]
    /// Begins the post-mortem, or takes up the one that there is; nil for readers and while the incident is open.
    package let postmortem: FormTarget?

    package init(
        frame: Frame, head: PageHead, figures: [Figure], facts: [Fact] = [], runbook: RunbookPanel? = nil, pages: [Page] = [],
        timeline: [Entry], acts: [Act] = [], note: FormTarget? = nil, resolve: FormTarget? = nil,
        changes: [Change] = [], postmortem: FormTarget? = nil
    ) {
        self.postmortem = postmortem
        self.frame = frame
        self.head = head
        self.figures = figures
        self.facts = facts
        self.runbook = runbook
        self.pages = pages
        self.timeline = timeline
        self.acts = acts
        self.note = note
        self.resolve = resolve
        self.changes = changes
    }
}
