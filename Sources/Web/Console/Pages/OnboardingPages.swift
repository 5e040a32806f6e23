/// The steps of an onboarding as a row of blocks: what is done is full, what was skipped pale, and the next one stands out.
package struct OnboardingTrack: Sendable, Showing {
    package enum Block: Sendable { case done, skipped, next, open }

    package let blocks: [Block]
    /// `7 of 10 steps are settled; next: the contract is signed`.
    package let spoken: String

    package init(blocks: [Block], spoken: String) {
        self.blocks = blocks
        self.spoken = spoken
    }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    private var drawing: Markup {
        let width = 1000 / max(blocks.count, 1)
        var out = Drawing()
        out.open("svg", ["class": "steps whole", "height": "14", "role": "img", "aria-label": spoken])
        for (index, block) in blocks.enumerated() {
            let css =
                switch block {
                case .done: "past"
                case .skipped: "held"
                case .next: "now person"
                case .open: "next"
                }
            let isNext = block == .next
            out.bar(
                css, x: Timeline.percent(index * width), y: isNext ? 1 : 3, width: Timeline.percent(width * 9 / 10),
                height: isNext ? 12 : 8, rounded: "1.5")
        }
        out.close("svg")
        return out.markup
    }
}

/// How far one tenant has come, with what is missing; and whether it is suspended.
package struct OnboardingPage: ConsolePage {
    package static let template = "onboarding"

    package struct Step: Sendable {
        package let title: String
        package let status: Status
        /// `done`, `skipped`, `next`, `open`.
        package let state: String
        package let time: Stamp?
        /// Who and why; what is missing while it is open.
        package let note: String
        /// Empty once it is settled.
        package let command: String
        package let href: String
        package let sheets: [StatusDeskPage.Sheet]

        package init(
            title: String, status: Status, state: String, time: Stamp? = nil, note: String = "", command: String = "",
            href: String = "", sheets: [StatusDeskPage.Sheet] = []
        ) {
            self.title = title
            self.status = status
            self.state = state
            self.time = time
            self.note = note
            self.command = command
            self.href = href
            self.sheets = sheets
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let refusal: String
    /// Why the tenant is suspended; empty while it is active.
    package let blocked: String
    package let facts: [Fact]
    package let track: OnboardingTrack
    package let steps: [Step]
    /// Suspending and resuming, for whoever may.
    package let sheets: [StatusDeskPage.Sheet]

    package init(
        frame: Frame, head: PageHead, refusal: String = "", blocked: String = "", facts: [Fact], track: OnboardingTrack,
        steps: [Step], sheets: [StatusDeskPage.Sheet] = []
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.blocked = blocked
        self.facts = facts
        self.track = track
        self.steps = steps
        self.sheets = sheets
    }
}

/// All onboardings that one may see, and the tenants that are to come.
package struct OnboardingsPage: ConsolePage {
    package static let template = "onboardings"

    package struct Row: Sendable {
        package let name: String
        package let href: String
        package let partner: String
        package let status: Status
        /// `7 of 10`, `completed`.
        package let state: String
        package let track: OnboardingTrack
        /// What is missing next; how long it took once it is completed.
        package let note: String
        package let since: Stamp

        package init(
            name: String, href: String, partner: String, status: Status, state: String, track: OnboardingTrack, note: String,
            since: Stamp
        ) {
            self.name = name
            self.href = href
            self.partner = partner
            self.status = status
            self.state = state
            self.track = track
            self.note = note
            self.since = since
        }
    }

    /// A tenant that is registered and not applied.
    package struct Registration: Sendable {
        package let name: String
        /// `ostwerk, sold by Halden Price`.
        package let note: String
        package let since: Stamp
        package let sheets: [StatusDeskPage.Sheet]

        package init(name: String, note: String, since: Stamp, sheets: [StatusDeskPage.Sheet]) {
            self.name = name
            self.note = note
            self.since = since
            self.sheets = sheets
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let refusal: String
    package let rows: [Row]
    package let registrations: [Registration]
    package let sheets: [StatusDeskPage.Sheet]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, refusal: String = "", rows: [Row], registrations: [Registration] = [],
        sheets: [StatusDeskPage.Sheet] = [], empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.refusal = refusal
        self.rows = rows
        self.registrations = registrations
        self.sheets = sheets
        self.empty = empty
    }
}
