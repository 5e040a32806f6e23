/// The webhooks of a tenant: where its events are sent.
package struct WebhooksPage: ConsolePage {
    package static let template = "webhooks"

    package struct Row: Sendable {
        package let name: String
        package let href: String
        /// Without its query.
        package let address: String
        package let status: Status
        package let state: String
        /// `5 of 16 events`.
        package let events: String
        /// `took something 3 min ago`; what is wrong where something is.
        package let note: String

        package init(
            name: String, href: String, address: String, status: Status, state: String, events: String, note: String
        ) {
            self.name = name
            self.href = href
            self.address = address
            self.status = status
            self.state = state
            self.events = events
            self.note = note
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let refusal: String
    package let secrets: ShownOnce?
    package let rows: [Row]
    package let sheets: [StatusDeskPage.Sheet]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, refusal: String = "", secrets: ShownOnce? = nil, rows: [Row],
        sheets: [StatusDeskPage.Sheet] = [], empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.secrets = secrets
        self.rows = rows
        self.sheets = sheets
        self.empty = empty
    }
}

/// One webhook with its log.
package struct WebhookPage: ConsolePage {
    package static let template = "webhook"

    package struct Attempt: Sendable {
        package let time: Stamp
        /// `500 after 120 ms`.
        package let outcome: String
        package let answer: String

        package init(time: Stamp, outcome: String, answer: String) {
            self.time = time
            self.outcome = outcome
            self.answer = answer
        }
    }

    package struct Delivery: Sendable {
        package let type: String
        package let subject: String
        package let id: String
        package let status: Status
        package let state: String
        package let time: Stamp
        /// `3 attempts, next at 14:05`.
        package let note: String
        package let log: [Attempt]
        package let again: FormTarget?

        package init(
            type: String, subject: String, id: String, status: Status, state: String, time: Stamp, note: String, log: [Attempt],
            again: FormTarget?
        ) {
            self.type = type
            self.subject = subject
            self.id = id
            self.status = status
            self.state = state
            self.time = time
            self.note = note
            self.log = log
            self.again = again
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let refusal: String
    package let secrets: ShownOnce?
    package let facts: [Fact]
    package let sheets: [StatusDeskPage.Sheet]
    package let tabs: [Tab]
    package let rows: [Delivery]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, refusal: String = "", secrets: ShownOnce? = nil, facts: [Fact],
        sheets: [StatusDeskPage.Sheet] = [], tabs: [Tab], rows: [Delivery], pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.secrets = secrets
        self.facts = facts
        self.sheets = sheets
        self.tabs = tabs
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }
}
