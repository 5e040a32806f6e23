/// What readers of a status page see; the words come in the page's own language.
package struct StatusPage: ConsolePage {
    package static let template = "status"

    package struct Component: Sendable {
        package let name: String
        package let detail: String
        package let status: StatusText
        /// `set by hand, until …`; empty where the rule speaks.
        package let note: String
        package let uptime: String
        package let line: StatusLine

        package init(name: String, detail: String, status: StatusText, note: String, uptime: String, line: StatusLine) {
            self.name = name
            self.detail = detail
            self.status = status
            self.note = note
            self.uptime = uptime
            self.line = line
        }
    }

    package struct Update: Sendable {
        package let phase: String
        package let time: Stamp
        package let edited: String
        package let text: String

        package init(phase: String, time: Stamp, edited: String, text: String) {
            self.phase = phase
            self.time = time
            self.edited = edited
            self.text = text
        }
    }

    package struct Notice: Sendable {
        /// Names it in the page's address; empty for none.
        package let anchor: String
        package let title: String
        package let status: StatusText
        /// Its impact or its times, and what it affects.
        package let meta: String
        package let updates: [Update]

        package init(anchor: String, title: String, status: StatusText, meta: String, updates: [Update]) {
            self.anchor = anchor
            self.title = title
            self.status = status
            self.meta = meta
            self.updates = updates
        }
    }

    package struct Section: Sendable {
        package let title: String
        package let notices: [Notice]
        /// Said where there is none.
        package let none: String

        package init(title: String, notices: [Notice], none: String = "") {
            self.title = title
            self.notices = notices
            self.none = none
        }
    }

    package let frame: Frame
    package let title: String
    package let intro: String
    package let summary: StatusText
    package let asOf: String
    package let componentsTitle: String
    package let components: [Component]
    package let sections: [Section]
    package let links: [Action]
    package let subscribe: StatusSubscribe?

    package init(
        frame: Frame, title: String, intro: String, summary: StatusText, asOf: String, componentsTitle: String,
        components: [Component], sections: [Section], links: [Action], subscribe: StatusSubscribe? = nil
    ) {
        self.frame = frame
        self.title = title
        self.intro = intro
        self.summary = summary
        self.asOf = asOf
        self.componentsTitle = componentsTitle
        self.components = components
        self.sections = sections
        self.links = links
        self.subscribe = subscribe
    }
}

/// A stroke for each day, oldest first, as high as the day was bad; the table beneath names the days that were not good.
package struct StatusLine: Sendable, Showing {
    package struct Day: Sendable {
        package let date: String
        /// 0 good, 1 planned work, 2 degraded, 3 partly down, 4 down; nil without data.
        package let rank: Int?
        package let word: String
        package let downMinutes: Int

        package init(date: String, rank: Int?, word: String, downMinutes: Int) {
            self.date = date
            self.rank = rank
            self.word = word
            self.downMinutes = downMinutes
        }
    }

    package struct Words: Sendable {
        /// For readers who see no drawing.
        package let label: String
        package let table: String
        package let day: String
        package let worst: String
        package let down: String

        package init(label: String, table: String, day: String, worst: String, down: String) {
            self.label = label
            self.table = table
            self.day = day
            self.worst = worst
            self.down = down
        }
    }

    package let days: [Day]
    package let words: Words

    package init(days: [Day], words: Words) {
        self.days = days
        self.words = words
    }

    var shown: [(name: String, value: Any)] {
        [("drawing", drawing), ("rows", days.filter { ($0.rank ?? 0) > 0 })]
    }

    private static let height = 28

    private var drawing: Markup {
        var out = Drawing()
        out.open(
            "svg",
            ["class": "gauge statusline", "height": "\(StatusLine.height)", "role": "img", "aria-label": words.label])
        for (index, day) in days.enumerated() {
            let from = index * 1000 / max(days.count, 1)
            let to = (index + 1) * 1000 / max(days.count, 1)
            let (css, height): (String, Int) =
                switch day.rank {
                case nil: ("count-none", 4)
                case 0?: ("count-good", 14)
                case 1?: ("count-quiet", 14)
                case 2?: ("count-warn", 18)
                case 3?: ("count-bad", 22)
                default: ("count-bad", StatusLine.height)
                }
            out.bar(
                css, x: Timeline.percent(from), y: StatusLine.height - height, width: Timeline.percent(max(to - from - 3, 2)),
                height: height)
        }
        out.close("svg")
        return out.markup
    }
}
