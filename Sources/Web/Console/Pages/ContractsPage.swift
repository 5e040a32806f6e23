/// The contracts of a tenant: what governs when, which versions wait for whom, and the holes.
package struct ContractsPage: ConsolePage {
    package static let template = "contracts"

    package struct Version: Sendable {
        /// `Managed accounts payable`.
        package let title: String
        /// `managed-ap 3`.
        package let name: String
        package let href: String
        package let status: Status
        /// `in force`, `waits for the tenant's signature`.
        package let standing: String
        /// When it governs, in words.
        package let governs: String
        package let signed: String

        package init(
            title: String, name: String, href: String, status: Status, standing: String, governs: String, signed: String
        ) {
            self.title = title
            self.name = name
            self.href = href
            self.status = status
            self.standing = standing
            self.governs = governs
            self.signed = signed
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    /// A sentence for each hole, now or soon.
    package let gaps: [String]
    package let line: ContractLine?
    package let versions: [Version]
    package let empty: EmptyState?

    package init(
        frame: Frame, head: PageHead, tabs: [Tab] = [], gaps: [String] = [], line: ContractLine?, versions: [Version],
        empty: EmptyState? = nil
    ) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.gaps = gaps
        self.line = line
        self.versions = versions
        self.empty = empty
    }
}

/// Which version governs when, as bars over an axis of time with a stroke at now; the table beneath says the same.
package struct ContractLine: Sendable, Showing {
    /// The newest periods; older ones are in the table.
    package static let barsMax = 12

    package struct Bar: Sendable {
        /// `managed-ap 3`.
        package let name: String
        /// In parts of a thousand of the axis.
        package let from: Int
        package let to: Int
        package let isInForce: Bool
        /// `1 Jan 2026 to 30 Jun 2026`.
        package let words: String

        package init(name: String, from: Int, to: Int, isInForce: Bool, words: String) {
            self.name = name
            self.from = from
            self.to = to
            self.isInForce = isInForce
            self.words = words
        }
    }

    package let bars: [Bar]
    package let ticks: [TimelineTick]
    /// In parts of a thousand of the axis.
    package let now: Int

    package init(bars: [Bar], ticks: [TimelineTick], now: Int) {
        self.bars = Array(bars.suffix(ContractLine.barsMax))
        self.ticks = ticks
        self.now = now
    }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    private static let rowHeight = 30

    private var drawing: Markup {
        let height = 20 + bars.count * ContractLine.rowHeight
        let label = bars.map { "\($0.name), \($0.words)" }.joined(separator: "; ")
        var out = Drawing()
        out.open(
            "svg", ["class": "gauge", "height": String(height), "role": "img", "aria-label": "What governs when: \(label)"])
        for tick in ticks {
            out.bar("tick", x: Timeline.percent(tick.at), y: 2, width: "1", height: height - 2)
            out.text(tick.label, x: Timeline.percent(tick.at), y: 12, css: "wall", shift: 5)
        }
        for (index, bar) in bars.enumerated() {
            let top = 20 + index * ContractLine.rowHeight
            out.bar(
                bar.isInForce ? "count-quiet" : "held", x: Timeline.percent(bar.from), y: top,
                width: Timeline.percent(max(bar.to - bar.from, 4)), height: 9)
            out.text("\(bar.name): \(bar.words)", x: "0", y: top + 22, css: "word")
        }
        out.bar("duestroke", x: Timeline.percent(now), y: 14, width: "2", height: height - 14)
        out.close("svg")
        return out.markup
    }
}

/// One version of a contract: its promises in words, who signed what, what changed, and the buttons of whoever may act.
package struct ContractPage: ConsolePage {
    package static let template = "contract"

    package struct Promise: Sendable {
        package let title: String
        /// One sentence each.
        package let words: [String]

        package init(title: String, words: [String]) {
            self.title = title
            self.words = words
        }
    }

    package struct Signature: Sendable {
        package let side: String
        package let status: Status
        /// `Ruth Adler, 3 Nov 14:02`, or that it is awaited.
        package let words: String
        /// How it can be checked, in a sentence.
        package let proof: String

        package init(side: String, status: Status, words: String, proof: String) {
            self.side = side
            self.status = status
            self.words = words
            self.proof = proof
        }
    }

    package struct Act: Sendable {
        package let form: FormTarget
        package let label: String
        /// Said above the button.
        package let words: String
        /// Sent along, so that what was shown is what is signed; empty for none.
        package let hash: String
        package let asksReason: Bool
        /// The instant is asked for; filled with this.
        package let end: String

        package init(
            form: FormTarget, label: String, words: String, hash: String = "", asksReason: Bool = false, end: String = ""
        ) {
            self.form = form
            self.label = label
            self.words = words
            self.hash = hash
            self.asksReason = asksReason
            self.end = end
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let status: Status
    package let standing: String
    package let facts: [Fact]
    package let promises: [Promise]
    package let calendar: [String]
    package let signatures: [Signature]
    /// Sentences; empty for a first version.
    package let changes: [String]
    package let changesHead: String
    package let acts: [Act]

    package init(
        frame: Frame, head: PageHead, status: Status, standing: String, facts: [Fact], promises: [Promise], calendar: [String],
        signatures: [Signature], changes: [String], changesHead: String, acts: [Act]
    ) {
        self.frame = frame
        self.head = head
        self.status = status
        self.standing = standing
        self.facts = facts
        self.promises = promises
        self.calendar = calendar
        self.signatures = signatures
        self.changes = changes
        self.changesHead = changesHead
        self.acts = acts
    }
}
