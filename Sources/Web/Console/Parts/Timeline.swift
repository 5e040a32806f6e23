package import Kernel

/// What a run did and when: one row per step, attempts nested under their step.
package struct Timeline: Sendable {
    /// Most rows of one timeline; the rest is in the events.
    package static let rowsMax = 200

    package let rows: [TimelineRow]
    package let ticks: [TimelineTick]
    package let closed: [TimelineShade]
    /// Parts of a thousand of the axis; nil when now lies outside.
    package let now: Int?
    package let zoneName: String

    var axis: Markup {
        var out = Drawing()
        out.open("svg", ["class": "axis", "height": "18", "aria-hidden": "true"])
        for tick in ticks {
            out.bar("tick", x: Timeline.percent(tick.at), y: 2, width: "1", height: 16)
            out.text(tick.label, x: Timeline.percent(tick.at), y: 12, shift: 5)
        }
        out.close("svg")
        return out.markup
    }

    static func percent(_ permille: Int) -> String {
        permille % 10 == 0 ? "\(permille / 10)%" : "\(permille / 10).\(permille % 10)%"
    }
}

package struct TimelineTick: Sendable {
    package let at: Int
    package let label: String

    package init(at: Int, label: String) {
        self.at = at
        self.label = label
    }
}

/// A stretch outside service time, in parts of a thousand.
package struct TimelineShade: Sendable {
    package let from: Int
    package let to: Int

    package init(from: Int, to: Int) {
        self.from = from
        self.to = to
    }
}

/// One row as drawn; made by `Timeline.init(steps:…)`.
package struct TimelineRow: Sendable {
    package let id: String
    package let isNested: Bool
    package let isCurrent: Bool
    package let status: Status
    package let title: String
    package let note: String
    /// When it began and how long it took, for readers without the drawing.
    package let spoken: String
    package let drawing: Markup
}

/// One step or attempt with its instants.
package struct TimelineStep: Sendable {
    /// The row's fragment id, which the diagram's nodes link to.
    package let id: String
    package let title: String
    package let note: String
    package let status: Status
    /// 0 for a step, 1 for an attempt or a signature under it.
    package let level: Int
    package let start: Moment?
    /// Nil while it goes on.
    package let end: Moment?
    /// The wait before the next attempt ends here; drawn as a dotted line.
    package let backoffUntil: Moment?
    /// A coming escalation, drawn as a dashed tick.
    package let deadline: Moment?
    package let deadlineLabel: String
    package let isCurrent: Bool

    package init(
        id: String, title: String, note: String = "", status: Status, level: Int = 0, start: Moment? = nil,
        end: Moment? = nil, backoffUntil: Moment? = nil, deadline: Moment? = nil, deadlineLabel: String = "",
        isCurrent: Bool = false
    ) {
        self.id = id
        self.title = title
        self.note = note
        self.status = status
        self.level = level
        self.start = start
        self.end = end
        self.backoffUntil = backoffUntil
        self.deadline = deadline
        self.deadlineLabel = deadlineLabel
        self.isCurrent = isCurrent
    }
}

extension Timeline {
    /// Lays steps on an axis from the first start to a little after the last instant known, at most `rowsMax` of them.
    package init(steps: [TimelineStep], closed: [Range<Moment>] = [], time: TimeText) {
        let known = Array(steps.prefix(Timeline.rowsMax))
        let starts = known.compactMap(\.start)
        let first = starts.min() ?? time.now
        let isOpen = known.contains { $0.start != nil && $0.end == nil }
        let ends = known.compactMap(\.end) + known.compactMap(\.deadline) + starts + (isOpen ? [time.now] : [])
        let last = max(ends.max() ?? first, first.adding(seconds: 1))
        let hasLabel = known.contains { !$0.deadlineLabel.isEmpty }
        let scale = TimelineScale(first: first, last: last, roomShare: hasLabel ? 5 : 20)
        ticks = scale.ticks(time)
        let shades = closed.compactMap { scale.shade($0) }
        let nowAt = time.now >= first && time.now <= scale.end ? scale.permille(time.now) : nil
        self.closed = shades
        now = nowAt
        zoneName = time.zoneName
        rows = known.map { step in
            TimelineRow(
                id: step.id, isNested: step.level > 0, isCurrent: step.isCurrent, status: step.status, title: step.title,
                note: step.note, spoken: Timeline.spoken(step, time),
                drawing: Timeline.bars(step, scale: scale, closed: shades, now: nowAt, present: time.now))
        }
    }

    private static func spoken(_ step: TimelineStep, _ time: TimeText) -> String {
        guard let start = step.start else { return "not started" }
        let began = time.stamp(start, seconds: true).text
        guard let end = step.end else { return "since \(began)" }
        return "\(began), \(DurationText.milliseconds(end.milliseconds(since: start)))"
    }

    private static func bars(
        _ step: TimelineStep, scale: TimelineScale, closed: [TimelineShade], now: Int?, present: Moment
    ) -> Markup {
        var out = Drawing()
        out.open("svg", ["class": "bars", "height": "28", "aria-hidden": "true"])
        for shade in closed {
            out.shade("hatch", x: percent(shade.from), y: 0, width: percent(shade.to - shade.from), height: 28)
        }
        if let start = step.start {
            let from = scale.permille(start)
            let to = scale.permille(step.end ?? max(present, start))
            let isShort = to - from < 5
            let tone = step.level == 0 && step.status == .done ? "past" : step.status.tone.rawValue
            out.bar(
                "bar \(tone)", x: percent(from), y: isShort ? 9 : 10, width: isShort ? "3" : percent(to - from),
                height: isShort ? 10 : 9, rounded: "1")
            if let until = step.backoffUntil {
                out.line("wait", from: percent(to), to: percent(scale.permille(until)), y1: "14.5", y2: "14.5")
            }
        }
        if let deadline = step.deadline {
            let at = scale.permille(deadline)
            let isRight = at > 860
            out.line("coming", from: percent(at), to: percent(at), y1: "6", y2: "23")
            out.text(step.deadlineLabel, x: percent(at), y: 18, shift: isRight ? -5 : 5, anchor: isRight ? "end" : "")
        }
        if let now { out.line("nowline", from: percent(now), to: percent(now), y1: "0", y2: "28") }
        out.close("svg")
        return out.markup
    }
}

/// Instants to parts of a thousand.
struct TimelineScale {
    let first: Moment
    let end: Moment

    /// Leaves one part in `roomShare` of the span free at the right, for labels.
    init(first: Moment, last: Moment, roomShare: Int64) {
        self.first = first
        end = Moment(microseconds: last.microseconds + max((last.microseconds - first.microseconds) / roomShare, 1))
    }

    func permille(_ moment: Moment) -> Int {
        let span = end.microseconds - first.microseconds
        let offset = min(max(moment.microseconds - first.microseconds, 0), span)
        return Int(Int128(offset) * 1000 / Int128(span))
    }

    func shade(_ range: Range<Moment>) -> TimelineShade? {
        let (from, to) = (permille(range.lowerBound), permille(range.upperBound))
        return to > from ? TimelineShade(from: from, to: to) : nil
    }

    private static let steps: [Int64] = [
        1, 5, 10, 30, 60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
    ]

    /// At most six labels, on round local times.
    func ticks(_ time: TimeText) -> [TimelineTick] {
        let span = end.seconds(since: first)
        let step = TimelineScale.steps.first { span / $0 <= 6 } ?? max(span / 6, 1)
        let offset = Int64(time.zone.offsetSeconds(at: first))
        var at = Moment(seconds: ((first.seconds + offset).floorDivided(by: step) + 1) * step - offset)
        var ticks: [TimelineTick] = []
        while at < end, ticks.count < 12 {
            let label = step >= 86_400 ? time.day(time.zone.localTime(at: at).date) : time.clock(at, seconds: step < 60)
            if permille(at) < 950 { ticks.append(TimelineTick(at: permille(at), label: label)) }
            at = at.adding(seconds: step)
        }
        return ticks
    }
}

extension Timeline: Showing {
    var shown: [(name: String, value: Any)] { [("axis", axis), ("hasClosed", !closed.isEmpty)] }
}
