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
    /// `due 16:10`; drawn where counted time reaches the target: before the first `over` interval, or at the right end while none
    /// is over.
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
        [
            ("drawing", drawing), ("rows", Array(segments.prefix(ClockGauge.rowsMax))),
            ("isCut", segments.count > ClockGauge.segmentsMax),
        ]
    }

    private var drawing: Markup {
        let drawn = Array(segments.suffix(ClockGauge.segmentsMax))
        let counted = drawn.filter { $0.kind != .closed }.map(\.seconds).reduce(0, +)
        let ceiling = max(counted / 10, 1)
        let weights = drawn.map { $0.kind == .closed ? min($0.seconds, ceiling) : $0.seconds }
        let total = max(weights.reduce(0, +), 1)
        var out = Drawing()
        out.open("svg", ["class": "gauge", "height": "74", "role": "img", "aria-label": spoken])
        var at: Int64 = 0
        var dueAt: Int?
        for (segment, weight) in zip(drawn, weights) {
            let from = Int(Int128(at) * 1000 / Int128(total))
            let to = Int(Int128(at + weight) * 1000 / Int128(total))
            if segment.kind == .over, dueAt == nil { dueAt = from }
            // The time of the end stands at the right, on the line of the times at which intervals begin.
            let hasRoom = from < 820 || !drawn.contains { $0.kind == .over }
            draw(segment, from: from, to: to, isTimed: hasRoom, in: &out)
            at += weight
        }
        let dueX = Timeline.percent(dueAt ?? 1000)
        let isRight = (dueAt ?? 1000) > 120
        out.bar("duestroke", x: dueX, y: 12, width: "2", height: 40)
        out.text(due, x: dueX, y: 10, css: "due", shift: isRight ? -5 : 5, anchor: isRight ? "end" : "start")
        if dueAt != nil { out.text(end, x: "100%", y: 24, css: "late", anchor: "end") }
        out.close("svg")
        return out.markup
    }

    /// One interval: fill, wall time above, length below; short ones keep their words for the table.
    private func draw(_ segment: Segment, from: Int, to: Int, isTimed: Bool, in out: inout Drawing) {
        let x = Timeline.percent(from)
        let width = Timeline.percent(max(to - from, 2))
        let kind = segment.kind.rawValue
        out.bar(kind, x: x, y: 28, width: width, height: 18)
        if segment.kind == .closed { out.shade("hatch", x: x, y: 28, width: width, height: 18) }
        if segment.kind == .paused { out.shade("stripe", x: x, y: 28, width: width, height: 18) }
        let small = to - from < 160 ? " opt" : ""
        if to - from >= 60, segment.kind != .over, isTimed {
            out.bar("tick", x: x, y: 20, width: "1", height: 8)
            out.text(segment.from, x: x, y: 24, css: "wall\(small)", shift: 4)
        }
        if to - from >= 50 {
            out.text(segment.label, x: Timeline.percent((from + to) / 2), y: 60, css: "len \(kind)\(small)")
        }
    }

    private var spoken: String { "\(title): \(segments.count) intervals, \(due), \(isRunning ? "now" : "ended") \(end)" }
}
