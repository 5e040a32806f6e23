import Kernel

@testable import Console

extension Samples {
    static func budgets(_ brand: Brand) -> BudgetsPage {
        func pair(_ name: String, _ response: String, _ factor: String, fires: Bool) -> BudgetsPage.Pair {
            BudgetsPage.Pair(
                name: name, response: response, factor: factor, long: fires ? "16.20 (9 of 28)" : "0.40 (1 of 130)",
                short: fires ? "25.00 (1 of 2)" : "0.00 (0 of 4)", judgedBy: "cases", status: fires ? .failed : .done,
                standing: fires ? "fires" : "quiet")
        }
        let days = (0..<18).map { day in
            BudgetChart.Day(
                label: "\(day + 1) Oct", good: 40 + day % 5, bad: day % 6 == 5 ? 3 : 0, spentPermille: day * 70)
        }
        return BudgetsPage(
            frame: frame(
                "Error budgets", brand, current: "Service levels",
                crumbs: [Crumb(label: "Service levels", href: "/service"), Crumb(label: "Error budgets")]),
            head: PageHead(title: "Error budgets", lead: "Which share of this month's cases may still miss its target."),
            tabs: [
                Tab(label: "Clocks", href: "/service"), Tab(label: "Error budgets", href: "/service/budgets", isCurrent: true),
            ],
            budgets: [
                BudgetsPage.Budget(
                    title: "Approval cycle", promise: "98 % of the cases within 20 h, by the month in Europe/Berlin.",
                    status: .failed, standing: "Burning fast",
                    facts: [
                        Fact(label: "Decided cases", value: "760"), Fact(label: "Missed", value: "18"),
                        Fact(label: "Spent of the budget", value: "119.0 %"), Fact(label: "May still miss", value: "0"),
                        Fact(label: "Used up at this pace", value: "it is"),
                    ], chart: BudgetChart(days: days, length: 31),
                    burn: BurnScale(rows: [
                        .init(name: "1h/5m@14.4", long: 1620, short: 2500, factor: 1440),
                        .init(name: "6h/30m@6", long: 40, short: 0, factor: 600),
                        .init(name: "1d/2h@3", long: 40, short: 0, factor: 300),
                        .init(name: "3d/6h@1", long: 40, short: 0, factor: 100),
                    ]),
                    pairs: [
                        pair("1h/5m@14.4", "page", "14.4", fires: true), pair("6h/30m@6", "page", "6", fires: false),
                        pair("1d/2h@3", "ticket", "3", fires: false), pair("3d/6h@1", "ticket", "1", fires: false),
                    ])
            ])
    }

    static func noBudgets(_ brand: Brand) -> BudgetsPage {
        BudgetsPage(
            frame: frame("Error budgets", brand, current: "Service levels", crumbs: [Crumb(label: "Error budgets")]),
            head: PageHead(title: "Error budgets"), budgets: [],
            empty: EmptyState(why: "No objective of the contract in force allows a share of its cases to miss the target."))
    }
}
