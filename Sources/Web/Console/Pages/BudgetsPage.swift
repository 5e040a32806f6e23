/// The error budgets of a tenant's objectives: what the month has used, day by day, and how fast each pair of windows burns.
package struct BudgetsPage: ConsolePage {
    package static let template = "budgets"

    /// A pair of windows with the factor above which it fires.
    package struct Pair: Sendable {
        /// `1h/5m@14.4`.
        package let name: String
        /// `page` or `ticket`.
        package let response: String
        package let factor: String
        package let long: String
        package let short: String
        /// `cases` or `slices of 5 minutes`.
        package let judgedBy: String
        package let status: Status
        package let standing: String

        package init(
            name: String, response: String, factor: String, long: String, short: String, judgedBy: String, status: Status,
            standing: String
        ) {
            self.name = name
            self.response = response
            self.factor = factor
            self.long = long
            self.short = short
            self.judgedBy = judgedBy
            self.status = status
            self.standing = standing
        }
    }

    package struct Budget: Sendable {
        package let title: String
        /// `98 % within 20 h`.
        package let promise: String
        package let status: Status
        /// `Spent`, `Burning`, `Within budget`, `No case yet`.
        package let standing: String
        package let facts: [Fact]
        package let chart: BudgetChart
        package let burn: BurnScale
        package let pairs: [Pair]

        package init(
            title: String, promise: String, status: Status, standing: String, facts: [Fact], chart: BudgetChart, burn: BurnScale,
            pairs: [Pair]
        ) {
            self.title = title
            self.promise = promise
            self.status = status
            self.standing = standing
            self.facts = facts
            self.chart = chart
            self.burn = burn
            self.pairs = pairs
        }
    }

    package let frame: Frame
    package let head: PageHead
    package let tabs: [Tab]
    package let budgets: [Budget]
    package let empty: EmptyState?

    package init(frame: Frame, head: PageHead, tabs: [Tab] = [], budgets: [Budget], empty: EmptyState? = nil) {
        self.frame = frame
        self.head = head
        self.tabs = tabs
        self.budgets = budgets
        self.empty = empty
    }
}

/// The spent part of a budget at the end of each day so far, beside a line at all of it; the table beneath says the same.
package struct BudgetChart: Sendable, Showing {
    package struct Day: Sendable {
        /// `3 Nov`.
        package let label: String
        package let good: Int
        package let bad: Int
        /// Of the budget of the cases up to then, in thousandths.
        package let spentPermille: Int

        package init(label: String, good: Int, bad: Int, spentPermille: Int) {
            self.label = label
            self.good = good
            self.bad = bad
            self.spentPermille = spentPermille
        }
    }

    /// Days of the longest month.
    package static let daysMax = 31
    /// What lies above is drawn at the top.
    static let topPermille = 1500

    package let days: [Day]
    /// Days of the whole period.
    package let length: Int

    package init(days: [Day], length: Int) {
        self.days = Array(days.prefix(BudgetChart.daysMax))
        self.length = min(max(length, 1), BudgetChart.daysMax)
    }

    var shown: [(name: String, value: Any)] {
        [
            ("drawing", drawing),
            (
                "rows",
                days.map { ChartRow(label: $0.label, good: $0.good, bad: $0.bad, spent: BudgetChart.percent($0.spentPermille)) }
            ),
        ]
    }

    private struct ChartRow {
        let label: String
        let good: Int
        let bad: Int
        let spent: String
    }

    /// `41.7 %`.
    package static func percent(_ permille: Int) -> String { "\(permille / 10).\(permille % 10) %" }

    private static let height = 96
    private static let floor = 80

    private var drawing: Markup {
        let last = days.last.map { BudgetChart.percent($0.spentPermille) } ?? "nothing"
        var out = Drawing()
        out.open(
            "svg",
            [
                "class": "gauge", "height": "\(BudgetChart.height)", "role": "img",
                "aria-label": "Spent part of the budget by day; \(last) by now",
            ])
        let limit = BudgetChart.floor - BudgetChart.floor * 1000 / BudgetChart.topPermille
        for (index, day) in days.enumerated() {
            let from = index * 1000 / length
            let to = (index + 1) * 1000 / length
            let part = min(max(day.spentPermille, 0), BudgetChart.topPermille) * BudgetChart.floor / BudgetChart.topPermille
            let css = day.spentPermille > 1000 ? "count-bad" : day.spentPermille >= 500 ? "count-warn" : "count-quiet"
            out.bar(
                css, x: Timeline.percent(from), y: BudgetChart.floor - max(part, 1),
                width: Timeline.percent(max(to - from - 4, 2)),
                height: max(part, 1))
            if index % 7 == 0 { out.text(day.label, x: Timeline.percent(from), y: BudgetChart.floor + 14, css: "wall") }
        }
        out.bar("duestroke", x: "0", y: limit, width: "100%", height: 1)
        out.text("all of the budget", x: "100%", y: limit - 4, css: "due", anchor: "end")
        out.close("svg")
        return out.markup
    }
}

/// How fast each pair of windows burns beside the factor that fires it: a bar for each window, a stroke at the factor.
package struct BurnScale: Sendable, Showing {
    package struct Row: Sendable {
        package let name: String
        /// In hundredths: 1440 is 14.4 times faster than evenly.
        package let long: Int
        package let short: Int
        package let factor: Int

        package init(name: String, long: Int, short: Int, factor: Int) {
            self.name = name
            self.long = long
            self.short = short
            self.factor = factor
        }
    }

    package let rows: [Row]

    package init(rows: [Row]) { self.rows = rows }

    var shown: [(name: String, value: Any)] { [("drawing", drawing)] }

    private static let rowHeight = 40
    /// The factor lies in the middle; twice of it and more fills the row.
    private static let factorPermille = 400

    private var drawing: Markup {
        var out = Drawing()
        out.open(
            "svg",
            [
                "class": "gauge", "height": String(rows.count * BurnScale.rowHeight), "role": "img",
                "aria-label": "How fast each pair of windows burns beside its factor; the table says the same",
            ])
        for (index, row) in rows.enumerated() {
            let top = index * BurnScale.rowHeight
            out.text(row.name, x: "0", y: top + 11, css: "word")
            for (place, value) in [row.long, row.short].enumerated() {
                let part = min(max(value, 0) * BurnScale.factorPermille / max(row.factor, 1), 2 * BurnScale.factorPermille)
                out.bar(
                    value > row.factor ? "count-bad" : "count-quiet", x: "0", y: top + 16 + place * 9,
                    width: Timeline.percent(max(part, 2)), height: 7)
            }
            out.bar("duestroke", x: Timeline.percent(BurnScale.factorPermille), y: top + 14, width: "2", height: 20)
        }
        out.close("svg")
        return out.markup
    }
}
