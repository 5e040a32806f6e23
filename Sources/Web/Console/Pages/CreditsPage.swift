/// Credits of signed reports: those of a tenant, or what is still to be given over all tenants that somebody looks after.
package struct CreditsPage: ConsolePage {
    package static let template = "credits"

    package struct Row: Sendable {
        package let status: Status
        package let state: String
        /// The month, or the tenant in a list over tenants.
        package let title: String
        /// The report that it is of, where it is approved, billed or waived.
        package let href: String
        package let second: String
        package let credit: String
        package let since: Stamp

        package init(
            status: Status, state: String, title: String, href: String, second: String, credit: String, since: Stamp
        ) {
            self.status = status
            self.state = state
            self.title = title
            self.href = href
            self.second = second
            self.credit = credit
            self.since = since
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Head of the second column.
    package let column: String
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, column: String, rows: [Row], pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.column = column
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }
}

/// A credit on the page of its report, with what may be done with it now.
package struct ReportCredit: Sendable {
    package let status: Status
    package let state: String
    /// `CN-3`.
    package let number: String
    package let credit: String
    /// Who did what with it so far.
    package let story: String
    package let approve: FormTarget?
    package let apply: FormTarget?
    package let waive: FormTarget?

    package init(
        status: Status, state: String, number: String, credit: String, story: String, approve: FormTarget? = nil,
        apply: FormTarget? = nil, waive: FormTarget? = nil
    ) {
        self.status = status
        self.state = state
        self.number = number
        self.credit = credit
        self.story = story
        self.approve = approve
        self.apply = apply
        self.waive = waive
    }
}
