/// What was posted and how far its payment is; asking for it, one by one or by due date.
package struct PaymentsPage: ConsolePage {
    package static let template = "payments"

    /// Asks for everything that is due by a day: fields `due_by`, `csrf`, `idempotency_key`.
    package struct Bulk: Sendable {
        package let form: FormTarget
        /// The day that stands in the field, as `2026-08-31`.
        package let dueBy: String

        package init(form: FormTarget, dueBy: String) {
            self.form = form
            self.dueBy = dueBy
        }
    }

    package struct Row: Sendable {
        package let status: Status
        package let state: String
        package let number: String
        package let party: String
        /// The run that posted it.
        package let href: String
        package let amount: String
        package let due: String
        package let dueTone: Tone
        /// The run that releases it; empty while nobody has asked.
        package let run: String
        /// Asks for this payment; nil when it is asked for, released, or the reader may not.
        package let ask: FormTarget?

        package init(
            status: Status, state: String, number: String, party: String, href: String, amount: String, due: String,
            dueTone: Tone = .quiet, run: String = "", ask: FormTarget? = nil
        ) {
            self.status = status
            self.state = state
            self.number = number
            self.party = party
            self.href = href
            self.amount = amount
            self.due = due
            self.dueTone = dueTone
            self.run = run
            self.ask = ask
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    /// Nil for people who may not ask for payments.
    package let bulk: Bulk?
    package let rows: [Row]
    package let summary: String
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab] = [], bulk: Bulk? = nil, rows: [Row], summary: String = "",
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.bulk = bulk
        self.rows = rows
        self.summary = summary
        self.empty = empty
    }
}
