/// One clock in real order: counted solid, closed hatched, paused striped, over target red; the table beneath says the same.
package struct ClockGauge: Sendable, Showing {
    /// Most intervals drawn; the table lists the rest too.
    package static let segmentsMax = 24
    /// Most intervals in the table.
    package static let rowsMax = 200

    package enum Kind: String, Sendable {
        case counted, closed, paused, over

        var word: String {
            switch self {
            case .counted: "counted"
            case .closed: "outside service time"
            case .paused: "paused"
            case .over: "over target"
            }
        }
    }

    package struct Segment: Sendable, Showing {
        package let kind: Kind
        /// Wall time at which it begins: `Tue 6 Oct 15:10`.
        package let from: String
        package let to: String
        /// Real seconds from begin to end.
        package let seconds: Int64
        /// `2 h 50 m`, `closed`, `paused, supplier 2 h 30 m`.
        package let label: String
        /// The rule that counted or skipped it: `calendar DE-HH, revision 4`.
        package let rule: String

        package init(kind: Kind, from: String, to: String, seconds: Int64, label: String, rule: String = "") {
            self.kind = kind
            self.from = from
            self.to = to
            self.seconds = seconds
            self.label = label
            self.rule = rule
        }

        var shown: [(name: String, value: Any)] { [("kindWord", kind.word), ("length", DurationText.text(seconds))] }
    }

    /// `Why INV 2026-09713 ran over`.
    package let title: String
    /// `1 of 3`.
    package let position: String
    package let segments: [Segment]
    /// `due 16:10`; drawn where counted time reaches the target, which is the end of the last counted segment before an `over` one,
    /// or the right end when the clock still runs.
    package let due: String
    /// Wall time of the end or of now.
    package let end: String
    package let facts: [Fact]
    package let isRunning: Bool

    package init(
        title: String, position: String = "", segments: [Segment], due: String, end: String, facts: [Fact] = [],
        isRunning: Bool = false
    ) {
        self.title = title
        self.position = position
        self.segments = segments
        self.due = due
        self.end = end
        self.facts = facts
        self.isRunning = isRunning
    }

    var shown: [(name: String, value: Any)] {
        [("drawing", drawing), ("rows", Array(segments.prefix(ClockGauge.rowsMax))), ("isCut", segments.count > ClockGauge.segmentsMax)]
    }

    /// Percent coordinates, so that the bar takes any width and letters keep their size.
    private var drawing: Markup {
        let drawn = Array(segments.suffix(ClockGauge.segmentsMax))
        let counted = drawn.filter { $0.kind != .closed }.map(\.seconds).reduce(0, +)
        let ceiling = max(counted / 10, 1)
        let weights = drawn.map { $0.kind == .closed ? min($0.seconds, ceiling) : $0.seconds }
        let total = max(weights.reduce(0, +), 1)
        var out = #"<svg class="gauge" height="74" role="img" aria-label="\#(Markup.escaped(spoken))">"#
        var at: Int64 = 0
        var dueAt: Int?
        for (segment, weight) in zip(drawn, weights) {
            let from = Int(Int128(at) * 1000 / Int128(total))
            let to = Int(Int128(at + weight) * 1000 / Int128(total))
            let x = Timeline.percent(from)
            let width = Timeline.percent(max(to - from, 2))
            if segment.kind == .over, dueAt == nil { dueAt = from }
            out += #"<rect class="\#(segment.kind.rawValue)" x="\#(x)" y="28" width="\#(width)" height="18"/>"#
            if segment.kind == .closed { out += #"<rect fill="url(#hatch)" x="\#(x)" y="28" width="\#(width)" height="18"/>"# }
            if segment.kind == .paused { out += #"<rect fill="url(#stripe)" x="\#(x)" y="28" width="\#(width)" height="18"/>"# }
            let share = to - from
            let small = share < 160 ? " opt" : ""
            if share >= 60, segment.kind != .over {
                out += #"<rect class="tick" x="\#(x)" y="20" width="1" height="8"/>"#
                out += #"<text class="wall\#(small)" x="\#(x)" dx="4" y="24">\#(Markup.escaped(segment.from))</text>"#
            }
            if share >= 50 {
                let middle = Timeline.percent((from + to) / 2)
                out += #"<text class="len \#(segment.kind.rawValue)\#(small)" x="\#(middle)" y="60">\#(Markup.escaped(segment.label))</text>"#
            }
            at += weight
        }
        let dueX = Timeline.percent(dueAt ?? 1000)
        let anchor = (dueAt ?? 1000) > 120 ? "end" : "start"
        out += #"<rect class="duestroke" x="\#(dueX)" y="12" width="2" height="40" transform="translate(-1)"/>"#
        out += #"<text class="due" x="\#(dueX)" dx="\#(anchor == "end" ? -5 : 5)" y="10" text-anchor="\#(anchor)">\#(Markup.escaped(due))</text>"#
        if dueAt != nil { out += #"<text class="late" x="100%" y="24" text-anchor="end">\#(Markup.escaped(end))</text>"# }
        return Markup(written: out + "</svg>")
    }

    private var spoken: String { "\(title): \(segments.count) intervals, \(due), \(isRunning ? "now" : "ended") \(end)" }
}
