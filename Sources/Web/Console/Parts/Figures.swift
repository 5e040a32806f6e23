/// One figure of a strip: label, figure, one line of context.
package struct Figure: Sendable {
    package let label: String
    package let value: String
    /// The unit or the rest, small beside the figure: `of 49`, `left`.
    package let unit: String
    package let context: String
    package let status: Status?
    /// The figure itself takes this colour; for what is late or lost.
    package let isAlarming: Bool
    /// The list behind the figure.
    package let href: String
    package let bar: ClockBar?

    package init(
        label: String, value: String, unit: String = "", context: String = "", status: Status? = nil,
        isAlarming: Bool = false, href: String = "", bar: ClockBar? = nil
    ) {
        self.label = label
        self.value = value
        self.unit = unit
        self.context = context
        self.status = status
        self.isAlarming = isAlarming
        self.href = href
        self.bar = bar
    }
}

/// The counted share of a clock's target: a bar, a tick at the warning, an end stroke at 100 %, an overhang when late.
package struct ClockBar: Sendable, Showing {
    /// Parts of a thousand of the target; above 1,000 the clock is late.
    package let countedPermille: Int
    /// Where the warning lies, in parts of a thousand.
    package let warningPermille: Int
    package let isPaused: Bool

    package init(countedPermille: Int, warningPermille: Int = 800, isPaused: Bool = false) {
        self.countedPermille = countedPermille
        self.warningPermille = warningPermille
        self.isPaused = isPaused
    }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    /// 64 units wide, of which 56 are the target.
    var drawing: Markup {
        let counted = min(max(countedPermille, 0), 1000) * 56 / 1000
        let late = countedPermille > 1000
        let tone = late ? "bad" : countedPermille >= warningPermille ? "warn" : "quiet"
        let fill = isPaused ? "held" : "count-" + tone
        let tick = min(max(warningPermille, 0), 1000) * 56 / 1000
        var out = #"<svg class="clockbar" width="64" height="10" viewBox="0 0 64 10" aria-hidden="true">"#
        out += #"<rect class="track" x="0" y="3" width="56" height="4"/>"#
        out += #"<rect class="\#(fill)" x="0" y="3" width="\#(late ? 56 : counted)" height="4"/>"#
        if late { out += #"<rect class="count-bad" x="56" y="3" width="8" height="4"/>"# }
        out += #"<path class="tick" d="M\#(tick) 2v6"/><path class="end" d="M56.5 0v10"/></svg>"#
        return Markup(written: out)
    }
}

/// The eight hops of an invoice as segments: done, current, to come.
package struct StepStrip: Sendable, Showing {
    package static let hops = ["intake", "extract", "decide", "match", "approve", "dispatch", "post", "close"]

    /// Index of the current segment; 8 means all are done.
    package let current: Int
    package let status: Status
    /// Beside the strip: `approve`, `closed`.
    package let label: String

    package init(current: Int, status: Status, label: String) {
        self.current = current
        self.status = status
        self.label = label
    }

    var shown: [(name: String, value: Any)] {
        let at = min(max(current, 0), StepStrip.hops.count)
        var out = #"<svg class="steps" width="78" height="10" viewBox="0 0 78 10" aria-hidden="true">"#
        for index in StepStrip.hops.indices {
            let x = index * 10
            if index == at {
                out += #"<rect class="now \#(status.tone.rawValue)" x="\#(x)" y="1" width="8" height="8" rx="1.5"/>"#
            } else {
                out += #"<rect class="\#(index < at ? "past" : "next")" x="\#(x)" y="3" width="8" height="4" rx="1"/>"#
            }
        }
        return [
            ("drawing", Markup(written: out + "</svg>")),
            ("spoken", at == StepStrip.hops.count ? "all steps done" : "step \(at + 1) of \(StepStrip.hops.count)"),
        ]
    }
}

/// Starts per two hours as stacked bars: finished, waiting on a person, failed.
package struct StartsChart: Sendable, Showing {
    package struct Bar: Sendable {
        /// When the two hours began: `Wed 11 14:00`.
        package let label: String
        package let finished: Int
        package let waiting: Int
        package let failed: Int

        package init(label: String, finished: Int, waiting: Int, failed: Int) {
            self.label = label
            self.finished = finished
            self.waiting = waiting
            self.failed = failed
        }
    }

    /// Most bars of the chart: seven days of two hours each.
    package static let barsMax = 84

    package let bars: [Bar]
    /// A label under the bar with that index: the start of each day.
    package let days: [DayMark]

    package init(bars: [Bar], days: [DayMark]) {
        self.bars = bars
        self.days = days
    }

    package struct DayMark: Sendable {
        package let index: Int
        package let label: String

        package init(index: Int, label: String) {
            self.index = index
            self.label = label
        }
    }

    var shown: [(name: String, value: Any)] {
        let shownBars = bars.prefix(StartsChart.barsMax)
        let top = max(shownBars.map { $0.finished + $0.waiting + $0.failed }.max() ?? 0, 1)
        let width = 1000 / max(shownBars.count, 1)
        var out = #"<svg class="starts" viewBox="0 0 1000 60" preserveAspectRatio="none" aria-hidden="true">"#
        for (index, bar) in shownBars.enumerated() {
            var y = 60
            for (tone, value) in [("past", bar.finished), ("person", bar.waiting), ("bad", bar.failed)] where value > 0 {
                let height = max(1, value * 58 / top)
                y -= height
                out +=
                    #"<rect class="\#(tone)" x="\#(index * width)" y="\#(y)" width="\#(max(width - 2, 1))" height="\#(height)"/>"#
            }
        }
        out += "</svg>"
        var axis = #"<svg class="axis" height="16" aria-hidden="true">"#
        for day in days where day.index < max(shownBars.count, 1) {
            axis += #"<text x="\#(day.index * width / 10)%" y="12">\#(Markup(text: day.label).html)</text>"#
        }
        return [("drawing", Markup(written: out)), ("axis", Markup(written: axis + "</svg>"))]
    }
}

/// A required signature, as on paper: solid with a name when signed, dashed while open, in the primary colour when it is yours.
package struct Signature: Sendable, Showing {
    package enum State: String, Sendable { case signed, open, yours }

    package let state: State
    /// The person, the role that is asked, or `Your signature`.
    package let name: String
    /// Role and time, receipt, what it asks for.
    package let lines: [String]

    package init(state: State, name: String, lines: [String]) {
        self.state = state
        self.name = name
        self.lines = lines
    }

    var shown: [(name: String, value: Any)] { [("stateClass", state.rawValue), ("isSigned", state == .signed)] }
}
