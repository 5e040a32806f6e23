internal import Console
internal import Flow
internal import Kernel
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// Error budgets of a tenant's objectives.
struct BudgetPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/service/budgets", .serviceRead) { request, kit in
                .html(console.html(try await budgets(request, kit)))
            }
        ]
    }

    /// Clocks, budgets and the contract are looks at one promise.
    static func tabs(_ kit: PageKit, current: String) -> [Tab] {
        [
            ("Clocks", "/service"), ("Error budgets", "/service/budgets"), ("Contracts", "/service/contracts"),
            ("Maintenance", "/service/maintenance"),
        ].map { label, path in
            Tab(label: label, href: kit.base + path, isCurrent: label == current)
        }
    }

    private func budgets(_ request: WebRequest, _ kit: PageKit) async throws -> BudgetsPage {
        let found = try await services.budgeting.budgets(of: kit.tenant)
        return BudgetsPage(
            frame: try await kit.frame(
                "Error budgets", section: "Service levels",
                crumbs: [Crumb(label: "Service levels", href: "\(kit.base)/service"), Crumb(label: "Error budgets")],
                topics: "service", request: request),
            head: PageHead(
                title: "Error budgets",
                lead: "Which share of this month's cases may still miss its target. Only decided cases count."),
            tabs: BudgetPages.tabs(kit, current: "Error budgets"), budgets: found.map { budget($0, kit) },
            empty: found.isEmpty
                ? EmptyState(why: "No objective of the contract in force allows a share of its cases to miss the target.") : nil)
    }

    private func budget(_ item: ObjectiveBudget, _ kit: PageKit) -> BudgetsPage.Budget {
        let reading = item.reading
        let budget = reading.budget
        let (status, standing): (Status, String) =
            if budget.counts.total == 0 {
                (.notStarted, "No case yet")
            } else if reading.alarms.contains(.fastBurn) {
                (.failed, "Burning fast")
            } else if budget.isSpent {
                budget.isQuiet ? (.watch, "Spent, by few cases") : (.breached, "Spent")
            } else if reading.alarms.contains(.slowBurn) {
                (.watch, "Will not last")
            } else {
                (.done, "Within budget")
            }
        return BudgetsPage.Budget(
            title: item.objective.title,
            promise: "\(item.share.text) of the cases "
                + (item.objective.measures.hasClock
                    ? "within \(DurationText.text(Int64(item.objective.targetSeconds))), " : "untouched by anybody, ")
                + "by the month in \(item.zone); contract version \(item.contract.version).",
            status: status, standing: standing,
            facts: [
                Fact(label: "Decided cases", value: kit.money.count(Int(budget.counts.total))),
                Fact(label: "Missed", value: kit.money.count(Int(budget.counts.bad))),
                Fact(label: "Spent of the budget", value: BudgetChart.percent(Int(budget.spentPermille))),
                Fact(label: "May still miss", value: kit.money.count(Int(max(0, budget.casesLeft)))),
                Fact(
                    label: "Used up at this pace",
                    value: reading.usedUpAt.map { kit.time.stamp($0).text } ?? (budget.isSpent ? "it is" : "not this month")),
            ], chart: chart(item, kit),
            burn: BurnScale(
                rows: reading.pairs.map {
                    BurnScale.Row(
                        name: $0.pair.name, long: Int($0.longBurn), short: Int($0.shortBurn),
                        factor: Int($0.pair.factor.mantissa * 100 / ($0.pair.factor.scale == 0 ? 1 : 10)))
                }), pairs: reading.pairs.map { pair($0, share: item.share) })
    }

    private func chart(_ item: ObjectiveBudget, _ kit: PageKit) -> BudgetChart {
        let period = item.reading.period
        let today = Int((kit.now.seconds - period.start).floorDivided(by: 86_400))
        let length = Int((period.end - period.start + 86_399) / 86_400)
        var sofar = CaseCounts()
        let days = (0...max(0, min(today, length - 1))).map { day in
            let from = period.start + Int64(day) * 86_400
            let counts = item.minutes.reduce(CaseCounts()) {
                $1.minute >= from && $1.minute < from + 86_400 && $1.minute < period.end ? $0 + $1.counts : $0
            }
            sofar = sofar + counts
            return BudgetChart.Day(
                label: kit.time.day(item.firstDay.adding(days: day)), good: Int(counts.good), bad: Int(counts.bad),
                spentPermille: Int(min(99_999, ErrorBudget(share: item.share, counts: sofar).spentPermille)))
        }
        return BudgetChart(days: days, length: length)
    }

    private func pair(_ judged: BudgetReading.Judged, share: ServiceShare) -> BudgetsPage.Pair {
        func burn(_ window: BudgetReading.Window, _ value: Int64) -> String {
            let parts =
                judged.isBySlices ? "\(window.badSlices) of \(window.slices)" : "\(window.counts.bad) of \(window.counts.total)"
            return "\(ExactDecimal(mantissa: Int128(value), scale: 2)) (\(parts))"
        }
        return BudgetsPage.Pair(
            name: judged.pair.name, response: judged.pair.response.rawValue, factor: judged.pair.factor.description,
            long: burn(judged.long, judged.longBurn), short: burn(judged.short, judged.shortBurn),
            judgedBy: judged.isBySlices
                ? "slices of 5 minutes, for fewer than \(CountText.text(share.quietBelowCases, "case"))" : "cases",
            status: judged.fires ? (judged.pair.response == .page ? .failed : .watch) : .done,
            standing: judged.fires ? "fires" : "quiet")
    }
}
