/// Deputies of a tenant: who decides for whom, and until when.
package struct DelegationsPage: ConsolePage {
    package static let template = "delegations"

    package struct Row: Sendable {
        package let status: Status
        package let state: String
        /// `Jonas Weber for Ruth Adler`.
        package let title: String
        /// Workflows, highest amount and reason.
        package let second: String
        package let from: Stamp
        package let until: Stamp
        package let revoke: FormTarget?

        package init(
            status: Status, state: String, title: String, second: String, from: Stamp, until: Stamp, revoke: FormTarget? = nil
        ) {
            self.status = status
            self.state = state
            self.title = title
            self.second = second
            self.from = from
            self.until = until
            self.revoke = revoke
        }
    }

    /// A choice of a list.
    package struct Choice: Sendable {
        package let value: String
        package let label: String

        package init(value: String, label: String) {
            self.value = value
            self.label = label
        }
    }

    /// Naming a deputy.
    package struct Make: Sendable {
        package let form: FormTarget
        /// Whose decisions can be given away; only the reader's own when empty.
        package let givers: [Choice]
        package let deputies: [Choice]
        /// `2026-12-05`, as first and last day.
        package let today: String
        package let latest: String
        package let currencies: [Choice]

        package init(
            form: FormTarget, givers: [Choice], deputies: [Choice], today: String, latest: String, currencies: [Choice]
        ) {
            self.form = form
            self.givers = givers
            self.deputies = deputies
            self.today = today
            self.latest = latest
            self.currencies = currencies
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let rows: [Row]
    package let make: Make?
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, rows: [Row], make: Make? = nil, pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.rows = rows
        self.make = make
        self.pager = pager
        self.empty = empty
    }
}
