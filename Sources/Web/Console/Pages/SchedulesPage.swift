package import Kernel

/// Workflows that begin by themselves: the next times of each, and what became of the last ones.
package struct SchedulesPage: ConsolePage {
    package static let template = "schedules"

    /// A time that came.
    package struct Time: Sendable {
        package let status: Status
        /// `started`, `waiting`, `skipped`, `missed` or `refused`.
        package let outcome: String
        package let local: String
        package let number: String
        /// Its run; empty where none began.
        package let href: String
        /// Why none began.
        package let why: String
        package let settled: Stamp

        package init(
            status: Status, outcome: String, local: String, number: String, href: String = "", why: String, settled: Stamp
        ) {
            self.status = status
            self.outcome = outcome
            self.local = local
            self.number = number
            self.href = href
            self.why = why
            self.settled = settled
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

    package struct Schedule: Sendable {
        package let title: String
        package let name: String
        package let rule: String
        package let policies: String
        package let status: Status
        package let words: String
        package let trouble: String
        package let line: ScheduleLine
        package let next: [String]
        package let zoneVersion: String
        package let times: [Time]
        package let act: Act?

        package init(
            title: String, name: String, rule: String, policies: String, status: Status, words: String, trouble: String = "",
            line: ScheduleLine, next: [String], zoneVersion: String, times: [Time], act: Act? = nil
        ) {
            self.title = title
            self.name = name
            self.rule = rule
            self.policies = policies
            self.status = status
            self.words = words
            self.trouble = trouble
            self.line = line
            self.next = next
            self.zoneVersion = zoneVersion
            self.times = times
            self.act = act
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let schedules: [Schedule]
    package let empty: EmptyState?

    package init(frame: Frame, head: PageHead, schedules: [Schedule], empty: EmptyState? = nil) {
        self.frame = frame
        self.head = head
        self.schedules = schedules
        self.empty = empty
    }
}

/// The times of a schedule on one line, before and after now, in proportion to the time between them.
package struct ScheduleLine: Sendable, Showing {
    package struct Mark: Sendable {
        package let at: Moment
        package let tone: Tone
        package let words: String

        package init(at: Moment, tone: Tone, words: String) {
            self.at = at
            self.tone = tone
            self.words = words
        }
    }

    package let past: [Mark]
    package let next: [Mark]
    package let now: Moment
    package let nowText: String

    package init(past: [Mark], next: [Mark], now: Moment, nowText: String) {
        self.past = past
        self.next = next
        self.now = now
        self.nowText = nowText
    }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    private static let height = 44

    private var drawing: Markup {
        let marks = past + next
        let from = min(marks.map(\.at).min() ?? now, now)
        let until = max(marks.map(\.at).max() ?? now, now)
        let span = max(1, until.milliseconds(since: from))
        // The marks at both ends have room beside them.
        func place(_ moment: Moment) -> String { Timeline.percent(10 + Int(moment.milliseconds(since: from) * 970 / span)) }
        var out = Drawing()
        out.open(
            "svg",
            [
                "class": "bars", "height": String(ScheduleLine.height), "role": "img",
                "aria-label": marks.map(\.words).joined(separator: "; "),
            ])
        out.bar("track", x: "0", y: 20, width: "100%", height: 2)
        for mark in past { out.bar(mark.tone.rawValue, x: place(mark.at), y: 13, width: "6", height: 16, rounded: "2") }
        for mark in next { out.line("coming", from: place(mark.at), to: place(mark.at), y1: "11", y2: "31") }
        out.line("nowline", from: place(now), to: place(now), y1: "2", y2: "34")
        let isLate = now.milliseconds(since: from) * 2 > span
        out.text(
            "now, \(nowText)", x: place(now), y: 42, shift: isLate ? -4 : 4, anchor: isLate ? "end" : "start")
        out.close("svg")
        return out.markup
    }
}
