/// One post-mortem: what happened, what people make of it, what they promise, and whose turn it is.
package struct PostmortemPage: ConsolePage {
    package static let template = "postmortem"

    package struct Part: Sendable {
        /// `cause`; for the id of its field.
        package let name: String
        package let title: String
        /// As written, for the field; and as it is read.
        package let text: String
        package let body: Markup
        /// It has to be written and is not.
        package let isMissing: Bool
        /// Nil for readers, and once it is locked.
        package let form: FormTarget?

        package init(name: String, title: String, text: String, body: Markup, isMissing: Bool, form: FormTarget?) {
            self.name = name
            self.title = title
            self.text = text
            self.body = body
            self.isMissing = isMissing
            self.form = form
        }
    }

    package struct Action: Sendable {
        package let number: String
        package let title: String
        package let owner: String
        package let due: String
        package let status: Status
        package let state: String
        package let note: String
        /// Settles it; nil for readers and when it is settled.
        package let form: FormTarget?

        package init(
            number: String, title: String, owner: String, due: String, status: Status, state: String, note: String = "",
            form: FormTarget? = nil
        ) {
            self.number = number
            self.title = title
            self.owner = owner
            self.due = due
            self.status = status
            self.state = state
            self.note = note
            self.form = form
        }
    }

    /// Adds an action.
    package struct Promise: Sendable {
        package let form: FormTarget
        package let people: [FieldChoice]

        package init(form: FormTarget, people: [FieldChoice]) {
            self.form = form
            self.people = people
        }
    }

    /// A button of its own, with why it cannot be pressed now.
    package struct Act: Sendable {
        package let form: FormTarget
        package let label: String
        package let isPrimary: Bool
        package let blocked: String
        /// Asked for in a field `reason`; empty where none is.
        package let reasonLabel: String

        package init(form: FormTarget, label: String, isPrimary: Bool = false, blocked: String = "", reasonLabel: String = "") {
            self.form = form
            self.label = label
            self.isPrimary = isPrimary
            self.blocked = blocked
            self.reasonLabel = reasonLabel
        }
    }

    package struct Line: Sendable {
        package let time: Stamp
        package let text: String
        package let detail: String

        package init(time: Stamp, text: String, detail: String) {
            self.time = time
            self.text = text
            self.detail = detail
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Why it came back from its review; empty otherwise.
    package let returned: String
    package let incidents: [Fact]
    package let document: String
    package let parts: [Part]
    package let actions: [Action]
    package let promise: Promise?
    package let acts: [Act]
    package let timeline: [Line]

    package init(
        frame: Frame, head: PageHead, returned: String = "", incidents: [Fact], document: String, parts: [Part],
        actions: [Action], promise: Promise?, acts: [Act], timeline: [Line]
    ) {
        self.frame = frame
        self.head = head
        self.returned = returned
        self.incidents = incidents
        self.document = document
        self.parts = parts
        self.actions = actions
        self.promise = promise
        self.acts = acts
        self.timeline = timeline
    }
}

/// All post-mortems of a scope with what is still to be done.
package struct PostmortemsPage: ConsolePage {
    package static let template = "postmortems"

    package struct Row: Sendable {
        package let href: String
        package let numbers: String
        package let status: Status
        package let state: String
        package let open: String
        package let overdue: String
        package let who: String
        package let at: Stamp

        package init(
            href: String, numbers: String, status: Status, state: String, open: String, overdue: String, who: String, at: Stamp
        ) {
            self.href = href
            self.numbers = numbers
            self.status = status
            self.state = state
            self.open = open
            self.overdue = overdue
            self.who = who
            self.at = at
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let rows: [Row]
    package let empty: EmptyState?

    package init(frame: Frame, head: PageHead, figures: [Figure] = [], rows: [Row], empty: EmptyState? = nil) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.rows = rows
        self.empty = empty
    }
}
