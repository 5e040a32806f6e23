/// Who is told what a status page says, and what became of it; addresses are masked.
package struct StatusSubscribersPage: ConsolePage {
    package static let template = "statussubscribers"

    package struct Row: Sendable {
        package let address: String
        package let channel: String
        package let status: StatusText
        package let about: String
        package let since: Stamp
        package let sheets: [StatusDeskPage.Sheet]

        package init(
            address: String, channel: String, status: StatusText, about: String, since: Stamp, sheets: [StatusDeskPage.Sheet]
        ) {
            self.address = address
            self.channel = channel
            self.status = status
            self.about = about
            self.since = since
            self.sheets = sheets
        }
    }

    package struct Delivery: Sendable {
        package let to: String
        package let kind: String
        package let status: StatusText
        package let tries: String
        package let at: Stamp

        package init(to: String, kind: String, status: StatusText, tries: String, at: Stamp) {
            self.to = to
            self.kind = kind
            self.status = status
            self.tries = tries
            self.at = at
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Of a webhook, shown once; empty for none.
    package let secret: String
    package let sheets: [StatusDeskPage.Sheet]
    package let rows: [Row]
    /// The next page of subscribers; empty on the last.
    package let next: String
    package let deliveries: [Delivery]
    /// Older deliveries; empty on the last page.
    package let older: String
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, secret: String = "", sheets: [StatusDeskPage.Sheet], rows: [Row], next: String = "",
        deliveries: [Delivery], older: String = "", empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.secret = secret
        self.sheets = sheets
        self.rows = rows
        self.next = next
        self.deliveries = deliveries
        self.older = older
        self.empty = empty
    }
}
