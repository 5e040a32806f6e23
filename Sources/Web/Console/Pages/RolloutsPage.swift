/// Versions of workflows that are tried: where each stands, both versions side by side, what shadows found, and what may be done.
package struct RolloutsPage: ConsolePage {
    package static let template = "rollouts"

    package struct Bar: Sendable {
        package let status: Status
        package let words: String
        /// `cleared`, `missed`, `not told yet`.
        package let standing: String

        package init(status: Status, words: String, standing: String) {
            self.status = status
            self.words = words
            self.standing = standing
        }
    }

    /// In how many comparisons something of a kind differs.
    package struct Kind: Sendable {
        package let name: String
        package let count: String
        package let stake: String

        package init(name: String, count: String, stake: String) {
            self.name = name
            self.count = count
            self.stake = stake
        }
    }

    package struct Difference: Sendable {
        package let subject: String
        package let href: String
        package let kind: String
        package let live: String
        package let candidate: String

        package init(subject: String, href: String, kind: String, live: String, candidate: String) {
            self.subject = subject
            self.href = href
            self.kind = kind
            self.live = live
            self.candidate = candidate
        }
    }

    /// A form of one button that wants a reason.
    package struct Act: Sendable {
        package let form: FormTarget
        package let label: String

        package init(form: FormTarget, label: String) {
            self.form = form
            self.label = label
        }
    }

    package struct Rollout: Sendable {
        package let name: String
        package let title: String
        /// `pilot, 20 % of the new runs`.
        package let words: String
        package let status: Status
        package let stage: String
        package let verdict: String
        package let reasons: [String]
        package let scale: VersionScale
        package let comparisons: ReplayScale?
        package let bars: [Bar]
        package let kinds: [Kind]
        package let differences: [Difference]
        package let acts: [Act]
        package let obstacle: String

        package init(
            name: String, title: String, words: String, status: Status, stage: String, verdict: String, reasons: [String],
            scale: VersionScale, comparisons: ReplayScale?, bars: [Bar], kinds: [Kind], differences: [Difference], acts: [Act],
            obstacle: String
        ) {
            self.name = name
            self.title = title
            self.words = words
            self.status = status
            self.stage = stage
            self.verdict = verdict
            self.reasons = reasons
            self.scale = scale
            self.comparisons = comparisons
            self.bars = bars
            self.kinds = kinds
            self.differences = differences
            self.acts = acts
            self.obstacle = obstacle
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let rollouts: [Rollout]
    package let empty: EmptyState?

    package init(frame: Frame, head: PageHead, rollouts: [Rollout], empty: EmptyState? = nil) {
        self.frame = frame
        self.head = head
        self.rollouts = rollouts
        self.empty = empty
    }
}

/// Two versions side by side: for each metric one bar above the other, and the figures in words.
package struct VersionScale: Sendable, Showing {
    package struct Metric: Sendable {
        package let title: String
        /// Parts of a thousand of the longer of the two, or of all runs.
        package let candidatePermille: Int
        package let livePermille: Int
        package let candidate: String
        package let live: String

        package init(title: String, candidatePermille: Int, livePermille: Int, candidate: String, live: String) {
            self.title = title
            self.candidatePermille = candidatePermille
            self.livePermille = livePermille
            self.candidate = candidate
            self.live = live
        }
    }

    package let metrics: [Metric]

    package init(metrics: [Metric]) { self.metrics = metrics }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    private static let rowHeight = 56

    private var drawing: Markup {
        let spoken = metrics.map { "\($0.title): tried \($0.candidate), live \($0.live)" }.joined(separator: "; ")
        var out = Drawing()
        out.open(
            "svg",
            [
                "class": "gauge", "height": String(metrics.count * VersionScale.rowHeight), "role": "img", "aria-label": spoken,
            ])
        for (index, metric) in metrics.enumerated() {
            let top = index * VersionScale.rowHeight
            out.text(metric.title, x: "0", y: top + 12, css: "word")
            for (place, side) in [
                ("count-warn", metric.candidatePermille, "tried \(metric.candidate)"),
                ("count-quiet", metric.livePermille, "live \(metric.live)"),
            ].enumerated() {
                let y = top + 18 + place * 16
                let part = min(max(side.1, 0), 1000) * 7 / 10
                out.bar(side.0, x: "0", y: y, width: Timeline.percent(max(part, 2)), height: 12)
                out.text(side.2, x: Timeline.percent(part), y: y + 11, css: "word", shift: 6, anchor: "start")
            }
        }
        out.close("svg")
        return out.markup
    }
}
