/// The operator's view of all tenants.
package struct FleetPage: ConsolePage {
    package static let template = "fleet"

    package struct MapGroup: Sendable {
        package let partner: String
        package let count: String
        package let tiles: [MapTile]

        package init(partner: String, count: String, tiles: [MapTile]) {
            self.partner = partner
            self.count = count
            self.tiles = tiles
        }
    }

    /// One tenant; only a deviation is marked.
    package struct MapTile: Sendable {
        package let letters: String
        package let name: String
        package let href: String
        package let status: Status?

        package init(letters: String, name: String, href: String, status: Status? = nil) {
            self.letters = letters
            self.name = name
            self.href = href
            self.status = status
        }
    }

    /// What must happen by when.
    package struct Deadline: Sendable {
        package let time: String
        package let title: String
        package let detail: String
        package let amount: String
        package let left: String
        package let href: String
        package let isUrgent: Bool
        package let isSealed: Bool

        package init(
            time: String, title: String, detail: String, amount: String, left: String, href: String, isUrgent: Bool = false,
            isSealed: Bool = false
        ) {
            self.time = time
            self.title = title
            self.detail = detail
            self.amount = amount
            self.left = left
            self.href = href
            self.isUrgent = isUrgent
            self.isSealed = isSealed
        }
    }

    package struct Group: Sendable {
        package let title: String
        package let count: String
        package let rows: [Row]
        /// `and 28 more` with its address, when rows were left out.
        package let more: String
        package let moreHref: String

        package init(title: String, count: String, rows: [Row], more: String = "", moreHref: String = "") {
            self.title = title
            self.count = count
            self.rows = rows
            self.more = more
            self.moreHref = moreHref
        }
    }

    package struct Row: Sendable {
        package let name: String
        package let href: String
        package let partner: String
        /// Nil is steady.
        package let status: Status?
        package let state: String
        package let runs: String
        /// Tasks that could start now.
        package let queue: String
        package let onPeople: String
        package let oldest: String
        /// Invoices posted today.
        package let posted: String
        /// `1 late`; empty for none.
        package let late: String
        /// `2 near`; empty for none.
        package let near: String
        package let links: [LinkTile]

        package init(
            name: String, href: String, partner: String, status: Status? = nil, state: String, runs: String,
            queue: String, onPeople: String, oldest: String, posted: String, late: String = "", near: String = "",
            links: [LinkTile]
        ) {
            self.name = name
            self.href = href
            self.partner = partner
            self.status = status
            self.state = state
            self.runs = runs
            self.queue = queue
            self.onPeople = onPeople
            self.oldest = oldest
            self.posted = posted
            self.late = late
            self.near = near
            self.links = links
        }
    }

    /// E, B, M or W: ERP, bank, mail, worker.
    package struct LinkTile: Sendable, Showing {
        package enum State: String, Sendable { case fine, slow, broken, unknown, none }

        package let letter: String
        package let name: String
        package let state: State

        package init(letter: String, name: String, state: State) {
            self.letter = letter
            self.name = name
            self.state = state
        }

        var shown: [(name: String, value: Any)] {
            let word =
                switch state {
                case .fine: "answers"
                case .slow: "is slow"
                case .broken: "does not answer"
                case .unknown: "has not been asked"
                case .none: "is not set up"
                }
            return [("stateClass", state.rawValue), ("spoken", "\(name) \(word)")]
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let figures: [Figure]
    package let map: [MapGroup]
    package let deadlines: [Deadline]
    package let groups: [Group]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, figures: [Figure], map: [MapGroup], deadlines: [Deadline], groups: [Group],
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.figures = figures
        self.map = map
        self.deadlines = deadlines
        self.groups = groups
        self.empty = empty
    }
}
