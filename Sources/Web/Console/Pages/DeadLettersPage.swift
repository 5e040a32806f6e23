/// Work that was given up: by cause, and each with its attempts and the last answer.
package struct DeadLettersPage: ConsolePage {
    package static let template = "deadletters"

    /// Dead letters of one cause. `again` asks for a preview of trying all of them again.
    package struct Cause: Sendable {
        package let code: String
        package let what: String
        package let href: String
        package let count: String
        package let oldest: Stamp
        package let kind: String
        package let connection: String
        package let again: FormTarget?

        package init(
            code: String, what: String, href: String, count: String, oldest: Stamp, kind: String, connection: String,
            again: FormTarget? = nil
        ) {
            self.code = code
            self.what = what
            self.href = href
            self.count = count
            self.oldest = oldest
            self.kind = kind
            self.connection = connection
            self.again = again
        }
    }

    package struct Row: Sendable {
        package let id: String
        package let title: String
        package let subject: String
        /// Empty where the reader may not see the run.
        package let href: String
        package let code: String
        package let attempts: String
        /// In the words of the other side; empty for those who may not see what documents say.
        package let answer: String
        package let since: Stamp
        package let retry: FormTarget?
        /// Field `reason`.
        package let discard: FormTarget?

        package init(
            id: String, title: String, subject: String, href: String, code: String, attempts: String, answer: String,
            since: Stamp, retry: FormTarget? = nil, discard: FormTarget? = nil
        ) {
            self.id = id
            self.title = title
            self.subject = subject
            self.href = href
            self.code = code
            self.attempts = attempts
            self.answer = answer
            self.since = since
            self.retry = retry
            self.discard = discard
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let causes: [Cause]
    package let rows: [Row]
    package let summary: String
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, causes: [Cause], rows: [Row], summary: String = "", pager: Pager? = nil,
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.causes = causes
        self.rows = rows
        self.summary = summary
        self.pager = pager
        self.empty = empty
    }
}
