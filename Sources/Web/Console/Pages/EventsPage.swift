/// Events that came to the tenant, newest first.
package struct EventsPage: ConsolePage {
    package static let template = "events"

    package struct Row: Sendable {
        package let status: Status
        /// `kept`, `consumed` or `expired`.
        package let state: String
        package let type: String
        package let source: String
        package let id: String
        /// The run that sent it; empty for one from outside.
        package let href: String
        package let taken: String
        package let received: Stamp
        package let until: Stamp

        package init(
            status: Status, state: String, type: String, source: String, id: String, href: String = "", taken: String,
            received: Stamp, until: Stamp
        ) {
            self.status = status
            self.state = state
            self.type = type
            self.source = source
            self.id = id
            self.href = href
            self.taken = taken
            self.received = received
            self.until = until
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab], rows: [Row], pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }
}
