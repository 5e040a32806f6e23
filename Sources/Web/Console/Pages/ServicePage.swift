/// What was promised, how it went, and why each missed clock ran over.
package struct ServicePage: ConsolePage {
    package static let template = "service"

    package struct Objective: Sendable {
        package let name: String
        /// `7 h`, `15 min`.
        package let within: String
        package let atLeast: String
        package let cases: String
        package let met: String
        package let missed: String
        package let hasMissed: Bool
        package let excluded: String
        package let result: String
        package let status: Status
        /// `Met`, `Missed`, `no case yet`.
        package let outcome: String

        package init(
            name: String, within: String, atLeast: String, cases: String, met: String, missed: String,
            hasMissed: Bool = false, excluded: String, result: String, status: Status, outcome: String
        ) {
            self.name = name
            self.within = within
            self.atLeast = atLeast
            self.cases = cases
            self.met = met
            self.missed = missed
            self.hasMissed = hasMissed
            self.excluded = excluded
            self.result = result
            self.status = status
            self.outcome = outcome
        }
    }

    /// A clock that runs now, nearest end first.
    package struct Running: Sendable {
        package let objective: String
        package let subject: String
        package let href: String
        package let bar: ClockBar
        package let counted: String
        package let left: String
        package let leftTone: Tone
        package let due: Stamp
        package let state: StatusText

        package init(
            objective: String, subject: String, href: String, bar: ClockBar, counted: String, left: String,
            leftTone: Tone = .quiet, due: Stamp, state: StatusText
        ) {
            self.objective = objective
            self.subject = subject
            self.href = href
            self.bar = bar
            self.counted = counted
            self.left = left
            self.leftTone = leftTone
            self.due = due
            self.state = state
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    package let figures: [Figure]
    package let objectives: [Objective]
    package let gauges: [ClockGauge]
    package let running: [Running]
    package let contract: [Fact]
    package let pager: Pager?
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab] = [], figures: [Figure], objectives: [Objective], gauges: [ClockGauge] = [],
        running: [Running], contract: [Fact], pager: Pager? = nil, empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.figures = figures
        self.objectives = objectives
        self.gauges = gauges
        self.running = running
        self.contract = contract
        self.pager = pager
        self.empty = empty
    }
}
