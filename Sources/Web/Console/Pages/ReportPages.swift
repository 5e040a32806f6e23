/// The monthly reports of a tenant, or those of one month over all tenants that somebody looks after.
package struct ReportsPage: ConsolePage {
    package static let template = "reports"

    package struct Row: Sendable {
        package let status: Status
        package let state: String
        /// The month, or the tenant in a list over tenants.
        package let title: String
        package let href: String
        package let second: String
        package let commitments: String
        package let hasMissed: Bool
        package let missed: String
        package let credit: String

        package init(
            status: Status, state: String, title: String, href: String, second: String, commitments: String,
            hasMissed: Bool, missed: String, credit: String
        ) {
            self.status = status
            self.state = state
            self.title = title
            self.href = href
            self.second = second
            self.commitments = commitments
            self.hasMissed = hasMissed
            self.missed = missed
            self.credit = credit
        }
    }

    /// Drafting a month's reports.
    package struct Draft: Sendable {
        package let form: FormTarget
        /// The last month that is over: `2026-10`.
        package let month: String

        package init(form: FormTarget, month: String) {
            self.form = form
            self.month = month
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    /// Head of the first column.
    package let column: String
    package let rows: [Row]
    package let draft: Draft?
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab] = [], column: String, rows: [Row], draft: Draft? = nil,
        pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.column = column
        self.rows = rows
        self.draft = draft
        self.pager = pager
        self.empty = empty
    }
}

/// One monthly report with what may be done with it now.
package struct ReportPage: ConsolePage {
    package static let template = "report"

    package struct Objective: Sendable {
        package let name: String
        package let within: String
        package let atLeast: String
        package let cases: String
        package let met: String
        package let missed: String
        package let excluded: String
        package let share: String
        package let status: Status
        package let outcome: String

        package init(
            name: String, within: String, atLeast: String, cases: String, met: String, missed: String, excluded: String,
            share: String, status: Status, outcome: String
        ) {
            self.name = name
            self.within = within
            self.atLeast = atLeast
            self.cases = cases
            self.met = met
            self.missed = missed
            self.excluded = excluded
            self.share = share
            self.status = status
            self.outcome = outcome
        }
    }

    package struct Choice: Sendable {
        package let value: String
        package let label: String
        package let isChosen: Bool

        package init(value: String, label: String, isChosen: Bool) {
            self.value = value
            self.label = label
            self.isChosen = isChosen
        }
    }

    /// A missed clock; with a form while its justification may be written.
    package struct Miss: Sendable {
        package let key: String
        package let title: String
        package let href: String
        package let words: String
        package let why: String
        package let justification: String
        package let isExcluded: Bool
        package let form: FormTarget?
        package let causes: [Choice]
        package let text: String
        package let mayExclude: Bool

        package init(
            key: String, title: String, href: String, words: String, why: String, justification: String, isExcluded: Bool,
            form: FormTarget? = nil, causes: [Choice] = [], text: String = "", mayExclude: Bool = false
        ) {
            self.key = key
            self.title = title
            self.href = href
            self.words = words
            self.why = why
            self.justification = justification
            self.isExcluded = isExcluded
            self.form = form
            self.causes = causes
            self.text = text
            self.mayExclude = mayExclude
        }
    }

    /// One act that the state permits and the person may do.
    package struct Act: Sendable {
        package let form: FormTarget
        package let label: String
        package let isPrimary: Bool
        /// What it needs besides the button: `reason`, or nothing.
        package let asksReason: Bool
        /// Hash of the document that is on the screen; empty where none is bound.
        package let hash: String

        package init(form: FormTarget, label: String, isPrimary: Bool = false, asksReason: Bool = false, hash: String = "") {
            self.form = form
            self.label = label
            self.isPrimary = isPrimary
            self.asksReason = asksReason
            self.hash = hash
        }
    }

    /// The words of the whole report, while they may be written.
    package struct Texts: Sendable {
        package let form: FormTarget
        package let summary: String
        package let recommendations: String

        package init(form: FormTarget, summary: String, recommendations: String) {
            self.form = form
            self.summary = summary
            self.recommendations = recommendations
        }
    }

    package struct Delivery: Sendable {
        package let status: Status
        package let state: String
        package let address: String
        package let answer: String
        package let at: Stamp

        package init(status: Status, state: String, address: String, answer: String, at: Stamp) {
            self.status = status
            self.state = state
            self.address = address
            self.answer = answer
            self.at = at
        }
    }

    package let frame: Frame
    package let head: PageHead
    /// Why figures are still to come, or that a later revision exists; empty for neither.
    package let note: String
    package let summary: String
    package let objectives: [Objective]
    package let misses: [Miss]
    /// Nil where all missed clocks stand here.
    package let pager: Pager?
    package let recommendations: [String]
    package let facts: [Fact]
    package let texts: Texts?
    package let acts: [Act]
    /// Of its month, over all revisions.
    package let credits: [ReportCredit]
    package let deliveries: [Delivery]
    package let signature: String

    package init(
        frame: Frame, head: PageHead, note: String = "", summary: String, objectives: [Objective], misses: [Miss],
        pager: Pager? = nil, recommendations: [String], facts: [Fact], texts: Texts? = nil, acts: [Act],
        credits: [ReportCredit] = [], deliveries: [Delivery] = [], signature: String = ""
    ) {
        self.frame = frame
        self.head = head
        self.note = note
        self.summary = summary
        self.objectives = objectives
        self.misses = misses
        self.pager = pager
        self.recommendations = recommendations
        self.facts = facts
        self.texts = texts
        self.acts = acts
        self.credits = credits
        self.deliveries = deliveries
        self.signature = signature
    }
}
