/// The packs that an auditor asks for, and those that were asked for before.
package struct EvidencePacksPage: ConsolePage {
    package static let template = "evidencepacks"

    package struct Pack: Sendable {
        /// `7. Versions in force per transaction`.
        package let title: String
        package let question: String
        /// A sentence for each list; empty for none.
        package let lists: [String]
        /// What nobody keeps, a sentence each.
        package let missing: [String]
        /// The form that asks for it; none for somebody who may not.
        package let sheet: StatusDeskPage.Sheet?
        /// What one would have to be allowed.
        package let barred: String

        package init(
            title: String, question: String, lists: [String], missing: [String], sheet: StatusDeskPage.Sheet?, barred: String = ""
        ) {
            self.title = title
            self.question = question
            self.lists = lists
            self.missing = missing
            self.sheet = sheet
            self.barred = barred
        }
    }

    package struct File: Sendable {
        package let label: String
        package let href: String

        package init(label: String, href: String) {
            self.label = label
            self.href = href
        }
    }

    package struct Asked: Sendable {
        package let title: String
        package let status: Status
        package let state: String
        package let time: Stamp
        /// `asked for by Henrik Moss, about 1 to 31 October`.
        package let note: String
        package let files: [File]
        /// The hash of the signed manifest; empty until there is one.
        package let hash: String

        package init(
            title: String, status: Status, state: String, time: Stamp, note: String, files: [File], hash: String = ""
        ) {
            self.title = title
            self.status = status
            self.state = state
            self.time = time
            self.note = note
            self.files = files
            self.hash = hash
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let refusal: String
    package let packs: [Pack]
    package let asked: [Asked]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, refusal: String = "", packs: [Pack], asked: [Asked], pager: Pager? = nil,
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.packs = packs
        self.asked = asked
        self.pager = pager
        self.empty = empty
    }
}
