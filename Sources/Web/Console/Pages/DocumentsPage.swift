/// What came in, and the place to hand something in.
///
/// The upload is a plain multipart form with `document` (one or more files), `csrf` and `idempotency_key`.
package struct DocumentsPage: ConsolePage {
    package static let template = "documents"

    package struct Upload: Sendable {
        package let form: FormTarget
        /// Kinds for the file dialog: `.xml,.pdf`.
        package let accept: String
        /// `UBL or CII invoices as XML, at most 25 MB each.`
        package let hint: String
        package let entities: [RunsPage.Choice]

        package init(form: FormTarget, accept: String, hint: String, entities: [RunsPage.Choice] = []) {
            self.form = form
            self.accept = accept
            self.hint = hint
            self.entities = entities
        }
    }

    package struct Row: Sendable {
        package let status: Status
        package let state: String
        package let fileName: String
        package let href: String
        package let size: String
        package let channel: String
        /// What it was read as, or why it could not be read.
        package let reading: String
        package let run: String
        package let runLabel: String
        package let received: Stamp

        package init(
            status: Status, state: String, fileName: String, href: String, size: String, channel: String, reading: String,
            run: String = "", runLabel: String = "", received: Stamp
        ) {
            self.status = status
            self.state = state
            self.fileName = fileName
            self.href = href
            self.size = size
            self.channel = channel
            self.reading = reading
            self.run = run
            self.runLabel = runLabel
            self.received = received
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Nil for people who may not hand in documents.
    package let upload: Upload?
    package let tabs: [Tab]
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, upload: Upload? = nil, tabs: [Tab] = [], rows: [Row], pager: Pager? = nil,
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.upload = upload
        self.tabs = tabs
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }
}
