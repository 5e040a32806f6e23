/// A runbook while it is followed: one column, the step that is next large, and one primary button.
package struct RunbookPage: ConsolePage {
    package static let template = "runbook"

    /// What a step wants to know; sent as `p-<name>`, a secret as `secret`.
    package struct Field: Sendable {
        package let name: String
        package let label: String
        package let value: String
        package let isRequired: Bool
        package let isLong: Bool

        package init(name: String, label: String, value: String, isRequired: Bool = false, isLong: Bool = false) {
            self.name = name
            self.label = label
            self.value = value
            self.isRequired = isRequired
            self.isLong = isLong
        }
    }

    /// What was shown for the step.
    package struct Shown: Sendable {
        package let effect: String
        /// `12 runs touched`.
        package let counts: [String]
        package let examples: [String]
        package let facts: [Fact]

        package init(effect: String, counts: [String], examples: [String], facts: [Fact]) {
            self.effect = effect
            self.counts = counts
            self.examples = examples
            self.facts = facts
        }
    }

    /// The primary act, with the fields and the hash that it sends.
    package struct Act: Sendable {
        package let form: FormTarget
        package let label: String
        package let fields: [Field]
        /// Empty where nothing is confirmed.
        package let hash: String
        /// Sent as `as`; empty where the act says it by its address.
        package let word: String
        package let asksSecret: Bool
        /// The one primary button of the page.
        package let isMain: Bool
        /// Why this reader may not; empty when they may.
        package let blocked: String

        package init(
            form: FormTarget, label: String, fields: [Field] = [], hash: String = "", word: String = "",
            asksSecret: Bool = false, isMain: Bool = true, blocked: String = ""
        ) {
            self.form = form
            self.label = label
            self.fields = fields
            self.hash = hash
            self.word = word
            self.asksSecret = asksSecret
            self.isMain = isMain
            self.blocked = blocked
        }
    }

    package struct Step: Sendable {
        /// `Step 3 of 7`.
        package let place: String
        package let title: String
        /// The verb, or empty for guidance.
        package let verb: String
        /// The runbook's words, through `Markdown.html`.
        package let text: Markup
        package let shown: Shown?
        /// `Someone else has to confirm it` and the like; empty for none.
        package let note: String
        package let act: Act
        /// Looking again at what was shown; nil when nothing was.
        package let again: Act?
        /// Skips or fails it with the field `reason`.
        package let settle: FormTarget?

        package init(
            place: String, title: String, verb: String, text: Markup, shown: Shown?, note: String, act: Act, again: Act?,
            settle: FormTarget?
        ) {
            self.place = place
            self.title = title
            self.verb = verb
            self.text = text
            self.shown = shown
            self.note = note
            self.act = act
            self.again = again
            self.settle = settle
        }
    }

    /// A step that is behind or ahead.
    package struct Line: Sendable {
        package let number: String
        package let title: String
        package let status: Status
        package let state: String
        /// Who, when and why.
        package let detail: String
        /// The operation that carries it out.
        package let operation: String
        /// Looking at how it is taken back; nil where it cannot be.
        package let undo: FormTarget?
        /// Doing it after all, by `as` again.
        package let again: FormTarget?

        package init(
            number: String, title: String, status: Status, state: String, detail: String = "", operation: String = "",
            undo: FormTarget? = nil, again: FormTarget? = nil
        ) {
            self.number = number
            self.title = title
            self.status = status
            self.state = state
            self.detail = detail
            self.operation = operation
            self.undo = undo
            self.again = again
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Above everything on a drill; empty otherwise.
    package let drill: String
    package let incident: String
    /// Taking back an earlier step, shown and waiting for its confirmation.
    package let takingBack: Step?
    package let current: Step?
    /// What to say when no step is left; empty before.
    package let over: String
    package let ahead: [Line]
    package let behind: [Line]
    package let abandon: FormTarget?

    package init(
        frame: Frame, head: PageHead, drill: String = "", incident: String = "", takingBack: Step? = nil, current: Step?,
        over: String = "", ahead: [Line], behind: [Line], abandon: FormTarget? = nil
    ) {
        self.frame = frame
        self.head = head
        self.drill = drill
        self.incident = incident
        self.takingBack = takingBack
        self.current = current
        self.over = over
        self.ahead = ahead
        self.behind = behind
        self.abandon = abandon
    }
}

/// Every runbook with its drills, and the executions of late.
package struct RunbooksPage: ConsolePage {
    package static let template = "runbooks"

    package struct Row: Sendable {
        package let title: String
        package let alert: String
        package let severity: String
        package let owner: String
        package let drilled: String
        package let due: String
        package let status: Status
        package let isDue: Bool
        /// Begins a drill; nil for readers.
        package let drill: FormTarget?

        package init(
            title: String, alert: String, severity: String, owner: String, drilled: String, due: String, status: Status,
            isDue: Bool, drill: FormTarget?
        ) {
            self.title = title
            self.alert = alert
            self.severity = severity
            self.owner = owner
            self.drilled = drilled
            self.due = due
            self.status = status
            self.isDue = isDue
            self.drill = drill
        }
    }

    package struct Followed: Sendable {
        package let status: Status
        package let state: String
        package let title: String
        package let href: String
        package let progress: String
        package let who: String
        package let at: Stamp

        package init(
            status: Status, state: String, title: String, href: String, progress: String, who: String, at: Stamp
        ) {
            self.status = status
            self.state = state
            self.title = title
            self.href = href
            self.progress = progress
            self.who = who
            self.at = at
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let rows: [Row]
    package let followed: [Followed]
    package let drills: [Followed]
    /// Where they are had as a table; empty where there are none.
    package let drillsExport: String
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, figures: [Figure] = [], rows: [Row], followed: [Followed], drills: [Followed] = [],
        drillsExport: String = "", empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.rows = rows
        self.followed = followed
        self.drills = drills
        self.drillsExport = drillsExport
        self.empty = empty
    }
}
