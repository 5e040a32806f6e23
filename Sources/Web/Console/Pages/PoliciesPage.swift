/// The policies in force, and for one of them: how often its rules decided, and what its present version makes of decisions that
/// earlier versions took.
package struct PoliciesPage: ConsolePage, Showing {
    package static let template = "policies"

    package struct Row: Sendable {
        package let title: String
        package let name: String
        package let href: String
        package let kind: String
        package let version: String
        package let since: Stamp
        package let isShown: Bool

        package init(title: String, name: String, href: String, kind: String, version: String, since: Stamp, isShown: Bool) {
            self.title = title
            self.name = name
            self.href = href
            self.kind = kind
            self.version = version
            self.since = since
            self.isShown = isShown
        }
    }

    /// What became of what, and how often.
    package struct Change: Sendable {
        package let from: String
        package let to: String
        package let count: String

        package init(from: String, to: String, count: String) {
            self.from = from
            self.to = to
            self.count = count
        }
    }

    package struct Example: Sendable {
        package let subject: String
        package let href: String
        package let counterparty: String
        package let amount: String
        package let from: String
        package let to: String

        package init(subject: String, href: String, counterparty: String, amount: String, from: String, to: String) {
            self.subject = subject
            self.href = href
            self.counterparty = counterparty
            self.amount = amount
            self.from = from
            self.to = to
        }
    }

    /// A rule of guardrails, with what it bound.
    package struct Guardrail: Sendable {
        package let label: String
        package let sentence: String
        package let level: String
        package let bound: String
        package let through: String

        package init(label: String, sentence: String, level: String, bound: String, through: String) {
            self.label = label
            self.sentence = sentence
            self.level = level
            self.bound = bound
            self.through = through
        }
    }

    /// An act that guardrails bound.
    package struct BoundAct: Sendable {
        package let subject: String
        package let href: String
        package let counterparty: String
        package let act: String
        package let amount: String
        package let rules: String
        package let state: String
        package let at: Stamp

        package init(
            subject: String, href: String, counterparty: String, act: String, amount: String, rules: String, state: String,
            at: Stamp
        ) {
            self.subject = subject
            self.href = href
            self.counterparty = counterparty
            self.act = act
            self.amount = amount
            self.rules = rules
            self.state = state
            self.at = at
        }
    }

    /// One policy in full.
    package struct Shown: Sendable {
        package let title: String
        package let scale: ReplayScale
        package let figures: [Figure]
        /// What the present version means against the one before, in sentences.
        package let meaning: [String]
        package let changes: [Change]
        package let examples: [Example]
        /// Why some decisions cannot be told.
        package let untold: [String]
        package let note: String
        /// Of guardrails: the rules of all levels, and what they bound lately.
        package let guardrails: [Guardrail]
        package let acts: [BoundAct]

        package init(
            title: String, scale: ReplayScale, figures: [Figure], meaning: [String], changes: [Change], examples: [Example],
            untold: [String], note: String, guardrails: [Guardrail] = [], acts: [BoundAct] = []
        ) {
            self.guardrails = guardrails
            self.acts = acts
            self.title = title
            self.scale = scale
            self.figures = figures
            self.meaning = meaning
            self.changes = changes
            self.examples = examples
            self.untold = untold
            self.note = note
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let rows: [Row]
    package let policy: Shown?
    package let empty: EmptyState?

    package init(frame: Frame, head: PageHead, rows: [Row], policy: Shown? = nil, empty: EmptyState? = nil) {
        self.frame = frame
        self.head = head
        self.rows = rows
        self.policy = policy
        self.empty = empty
    }

    var shown: [(name: String, value: Any)] {
        [
            ("hasChanges", !(policy?.changes.isEmpty ?? true)), ("hasExamples", !(policy?.examples.isEmpty ?? true)),
            ("hasGuardrails", !(policy?.guardrails.isEmpty ?? true)), ("hasActs", !(policy?.acts.isEmpty ?? true)),
        ]
    }
}

/// A replay as one bar: as before, otherwise, refused, and hatched what cannot be told.
package struct ReplayScale: Sendable, Showing {
    package let unchanged: Int
    package let changed: Int
    package let refused: Int
    package let untold: Int

    package init(unchanged: Int, changed: Int, refused: Int, untold: Int) {
        self.unchanged = unchanged
        self.changed = changed
        self.refused = refused
        self.untold = untold
    }

    private var parts: [(css: String, word: String, count: Int)] {
        [
            ("count-quiet", "as before", unchanged), ("count-warn", "otherwise", changed), ("count-bad", "refused", refused),
            ("closed", "cannot be told", untold),
        ]
    }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    /// A thousand parts wide; what is there at all is at least a sliver. A part that is wide enough says its count below.
    private var drawing: Markup {
        let total = max(parts.reduce(0) { $0 + $1.count }, 1)
        let spoken = parts.map { "\($0.count) \($0.word)" }.joined(separator: ", ")
        var out = Drawing()
        out.open("svg", ["class": "gauge", "height": "44", "role": "img", "aria-label": spoken])
        var at = 0
        for part in parts where part.count > 0 {
            let from = at * 1000 / total
            at += part.count
            let to = at * 1000 / total
            let (x, width) = (Timeline.percent(from), Timeline.percent(max(to - from, 3)))
            out.bar(part.css, x: x, y: 6, width: width, height: 18)
            if part.css == "closed" { out.shade("hatch", x: x, y: 6, width: width, height: 18) }
            if to - from >= 120 {
                out.text("\(part.count) \(part.word)", x: Timeline.percent((from + to) / 2), y: 38, css: "len")
            }
        }
        out.close("svg")
        return out.markup
    }
}
