/// Runs of one tenant, most urgent first.
package struct RunsPage: ConsolePage {
    package static let template = "runs"

    /// One filter in force; removing it is a link.
    package struct Chip: Sendable {
        package let field: String
        package let comparison: String
        package let value: String
        package let remove: String

        package init(field: String, comparison: String, value: String, remove: String) {
            self.field = field
            self.comparison = comparison
            self.value = value
            self.remove = remove
        }
    }

    package struct Row: Sendable {
        package let id: String
        package let href: String
        package let status: Status
        package let state: String
        /// The subject's number: `INV 2026-10391`.
        package let number: String
        package let party: String
        package let steps: StepStrip
        package let amount: String
        package let clock: ClockBar?
        package let left: String
        package let leftTone: Tone
        /// Initials when a person or group is waited for; empty otherwise.
        package let initials: String
        package let waitingOn: String
        package let waitingTone: Tone
        package let started: Stamp

        package init(
            id: String, href: String, status: Status, state: String, number: String, party: String, steps: StepStrip,
            amount: String, clock: ClockBar? = nil, left: String, leftTone: Tone = .quiet, initials: String = "",
            waitingOn: String, waitingTone: Tone = .quiet, started: Stamp
        ) {
            self.id = id
            self.href = href
            self.status = status
            self.state = state
            self.number = number
            self.party = party
            self.steps = steps
            self.amount = amount
            self.clock = clock
            self.left = left
            self.leftTone = leftTone
            self.initials = initials
            self.waitingOn = waitingOn
            self.waitingTone = waitingTone
            self.started = started
        }
    }

    /// A choice of the filter form.
    package struct Choice: Sendable {
        package let value: String
        package let label: String
        package let isChosen: Bool

        package init(value: String, label: String, isChosen: Bool = false) {
            self.value = value
            self.label = label
            self.isChosen = isChosen
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    package let chips: [Chip]
    /// Where the filter form goes by GET, with `q`, `state` and `amount`.
    package let filterAction: String
    package let query: String
    package let states: [Choice]
    package let amountAtLeast: String
    /// `96 runs, EUR 2,914,077.41`.
    package let summary: String
    package let starts: StartsChart?
    package let rows: [Row]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab], chips: [Chip] = [], filterAction: String, query: String = "",
        states: [Choice] = [], amountAtLeast: String = "", summary: String, starts: StartsChart? = nil, rows: [Row],
        pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.chips = chips
        self.filterAction = filterAction
        self.query = query
        self.states = states
        self.amountAtLeast = amountAtLeast
        self.summary = summary
        self.starts = starts
        self.rows = rows
        self.pager = pager
        self.empty = empty
    }
}
