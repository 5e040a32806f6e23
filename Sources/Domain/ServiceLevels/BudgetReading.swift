package import Kernel

/// An objective's error budget, read at an instant: what the period has spent, and how fast each pair of windows burns.
///
/// **Low traffic.** Where the long window of a pair has fewer decided cases than the objective's minimum, one bad case would be a
/// large share of few. There the pair judges slices of five minutes instead: a slice is bad when its own cases miss the
/// promise, one without cases is good, so quiet hours weigh as much as busy ones; and fewer than two bad cases fire nothing.
package struct BudgetReading: Sendable {
    package static let sliceSeconds: Int64 = 300
    /// One bad case is a case and no trend.
    package static let quietBadCasesMin: Int64 = 2
    /// The longest window; older minutes matter to the period alone.
    package static let lookbackSeconds: Int64 = 3 * 86_400

    /// One window up to now.
    package struct Window: Hashable, Sendable {
        package let name: String
        package let seconds: Int64
        package let counts: CaseCounts
        package let badSlices: Int64

        package var slices: Int64 { seconds / BudgetReading.sliceSeconds }

        /// Bad of all, in what the pair judges by; a window without cases has no bad ones and burns nothing.
        func parts(bySlices: Bool) -> (bad: Int64, all: Int64) {
            bySlices ? (badSlices, slices) : (counts.bad, counts.total)
        }
    }

    /// A pair of windows and what became of it.
    package struct Judged: Hashable, Sendable {
        package let pair: BurnRate.Pair
        package let long: Window
        package let short: Window
        package let isBySlices: Bool
        package let fires: Bool
        let budgetMillionths: Int64

        /// How many times faster than evenly the budget goes, in hundredths, rounded down: 1440 is 14.4.
        package var longBurn: Int64 { burn(long) }
        package var shortBurn: Int64 { burn(short) }

        private func burn(_ window: Window) -> Int64 {
            let (bad, all) = window.parts(bySlices: isBySlices)
            guard all > 0 else { return 0 }
            return Int64(
                clamping: Int128(bad) * Int128(ServiceShare.millionth) * 100 / (Int128(budgetMillionths) * Int128(all)))
        }

        package var json: JSONValue {
            [
                "pair": .string(pair.name), "response": .string(pair.response.rawValue),
                "factor": .string(pair.factor.description), "judgedBy": .string(isBySlices ? "slices" : "cases"),
                "fires": .bool(fires), "long": window(long, burn: longBurn), "short": window(short, burn: shortBurn),
            ]
        }

        private func window(_ window: Window, burn: Int64) -> JSONValue {
            [
                "window": .string(window.name), "good": JSONValue(window.counts.good), "bad": JSONValue(window.counts.bad),
                "badSlices": JSONValue(window.badSlices), "slices": JSONValue(window.slices),
                "burn": .string(ExactDecimal(mantissa: Int128(burn), scale: 2).description),
            ]
        }
    }

    package let share: ServiceShare
    package let period: Span
    package let asOf: Moment
    package let budget: ErrorBudget
    package let pairs: [Judged]

    /// Reads the minutes, which may come in any order and more than once per minute. What lies outside the period counts for
    /// the windows alone, and what lies after `asOf` for nothing.
    package init(share: ServiceShare, period: Span, minutes: [MinuteCount], asOf: Moment) {
        self.share = share
        self.period = period
        self.asOf = asOf
        // The running minute belongs to every window.
        let end = MinuteCount.minute(of: asOf) + 60
        var inPeriod = CaseCounts()
        var slices: [Int64: CaseCounts] = [:]
        var recent: [MinuteCount] = []
        for item in minutes where item.minute < end {
            if item.minute >= period.start, item.minute < period.end { inPeriod = inPeriod + item.counts }
            guard item.minute >= end - BudgetReading.lookbackSeconds else { continue }
            recent.append(item)
            slices[(end - 1 - item.minute) / BudgetReading.sliceSeconds, default: CaseCounts()] =
                slices[(end - 1 - item.minute) / BudgetReading.sliceSeconds, default: CaseCounts()] + item.counts
        }
        budget = ErrorBudget(share: share, counts: inPeriod)
        let badSlices = slices.filter { share.isMissed(by: $0.value) }.map(\.key)
        func window(_ name: String) -> Window {
            let seconds = BurnRate.seconds(ofWindow: name)
            return Window(
                name: name, seconds: seconds,
                counts: recent.reduce(CaseCounts()) { $1.minute >= end - seconds ? $0 + $1.counts : $0 },
                badSlices: Int64(badSlices.count { $0 < seconds / BudgetReading.sliceSeconds }))
        }
        pairs = BurnRate.pairs.map { pair in
            let (long, short) = (window(pair.long), window(pair.short))
            let isBySlices = long.counts.total < Int64(share.quietBelowCases)
            let isTrend = !isBySlices || long.counts.bad >= BudgetReading.quietBadCasesMin
            func isFast(_ window: Window) -> Bool {
                let (bad, all) = window.parts(bySlices: isBySlices)
                return BurnRate.isFaster(bad: bad, of: all, than: pair.factor, share: share)
            }
            return Judged(
                pair: pair, long: long, short: short, isBySlices: isBySlices, fires: isTrend && isFast(long) && isFast(short),
                budgetMillionths: share.budgetMillionths)
        }
    }

    /// What is to be told of now.
    package var alarms: Set<BudgetAlarm> {
        var found: Set<BudgetAlarm> = []
        for judged in pairs where judged.fires { found.insert(judged.pair.response == .page ? .fastBurn : .slowBurn) }
        if budget.isSpent, !budget.isQuiet { found.insert(.spent) }
        return found
    }

    /// The pair whose factor is the highest of those that fire with this response.
    package func firing(_ alarm: BudgetAlarm) -> Judged? {
        let response: BurnRate.Response? = alarm == .fastBurn ? .page : alarm == .slowBurn ? .ticket : nil
        return pairs.first { $0.fires && $0.pair.response == response }
    }

    /// When the budget of the period is used up if the next days are as the last three; nil when it is spent, when nothing was
    /// bad, or when the period ends before. Cases still to come are reckoned at the pace of those three days too.
    package var usedUpAt: Moment? {
        guard !budget.isSpent, let long = pairs.last?.long, long.counts.bad > 0 else { return nil }
        // At time t: bad + b·t/w > budget · (total + n·t/w), so t > w · (budget · total − bad) / (b − budget · n).
        let unit = Int128(ServiceShare.millionth)
        let left = Int128(share.budgetMillionths) * Int128(budget.counts.total) - Int128(budget.counts.bad) * unit
        let pace = Int128(long.counts.bad) * unit - Int128(share.budgetMillionths) * Int128(long.counts.total)
        guard pace > 0 else { return nil }
        let wait = Int128(long.seconds) * left / pace
        guard wait < Int128(period.end - asOf.seconds) else { return nil }
        return asOf.adding(seconds: Int64(wait))
    }

    package var json: JSONValue {
        .object([
            "objective": .string(share.share.description), "quietBelowCases": JSONValue(share.quietBelowCases),
            "period": ["from": .string(period.from.text(fraction: 0)), "to": .string(period.to.text(fraction: 0))],
            "budget": budget.json, "pairs": .array(pairs.map(\.json)),
            "alarms": .array(BudgetAlarm.allCases.filter { alarms.contains($0) }.map { .string($0.rawValue) }),
            "usedUpAt": usedUpAt.map { .string($0.text(fraction: 0)) } ?? .null,
        ])
    }
}

/// What can be wrong with a budget, each with an alert and a runbook of its own.
package enum BudgetAlarm: String, Sendable, CaseIterable {
    /// At this pace the budget of thirty days is gone within hours or days: somebody is paged.
    case fastBurn = "slo-fast-burn"
    /// At this pace it does not last for the period: the contract is at risk.
    case slowBurn = "slo-slow-burn"
    /// More cases of the period were bad than may be.
    case spent = "slo-budget-spent"
}

extension Span {
    fileprivate var from: Moment { Moment(seconds: start) }
    fileprivate var to: Moment { Moment(seconds: end) }
}

extension BurnRate {
    /// The seconds of one of the windows: `5m`, `6h`, `3d`.
    package static func seconds(ofWindow name: String) -> Int64 {
        let count = Int64(name.dropLast()) ?? 0
        return switch name.last {
        case "m": count * 60
        case "h": count * 3600
        case "d": count * 86_400
        default: 0
        }
    }

    /// Whether `bad` of `all` burn the budget strictly faster than the factor; none at all burn nothing.
    static func isFaster(bad: Int64, of all: Int64, than factor: ExactDecimal, share: ServiceShare) -> Bool {
        var scale: Int128 = 1
        for _ in 0..<factor.scale { scale *= 10 }
        return Int128(bad) * Int128(ServiceShare.millionth) * scale
            > factor.mantissa * Int128(share.budgetMillionths) * Int128(all)
    }
}

extension BudgetReading {
    static let minutesMax = 200_000

    /// The document from which anybody can compute the reading again.
    package static func document(share: ServiceShare, period: Span, minutes: [MinuteCount], asOf: Moment) -> JSONValue {
        .object([
            "kind": "errorBudget", "objective": .string(share.share.description),
            "quietBelowCases": JSONValue(share.quietBelowCases),
            "period": ["from": .string(period.from.text(fraction: 0)), "to": .string(period.to.text(fraction: 0))],
            "minutes": .array(
                minutes.map {
                    [
                        "at": .string(Moment(seconds: $0.minute).text(fraction: 0)), "good": JSONValue($0.counts.good),
                        "bad": JSONValue($0.counts.bad),
                    ]
                }), "asOf": .string(asOf.text(fraction: 0)),
        ])
    }

    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        let members = ["kind", "id", "expect", "working", "objective", "quietBelowCases", "period", "minutes", "asOf"]
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let objective = fields.decimal("objective", issues: &issues)
        let quiet = fields.whole(
            "quietBelowCases", in: 0...Int64(ServiceShare.quietBelowCasesMax), isRequired: false, issues: &issues)
        let share = objective.flatMap {
            ServiceShare($0, quietBelowCases: quiet.map { Int($0) } ?? ServiceShare.quietBelowCasesDefault)
        }
        if objective != nil, share == nil {
            issues.append(
                AssetIssue(
                    fields.child("objective"), "A share lies between 0 and 1 and has at most six digits after its point.",
                    remedy: "Write 98 % as \"0.98\"."))
        }
        let period = fields.required("period", "from and to", issues: &issues).flatMap {
            readSpan($0, at: fields.child("period"), issues: &issues)
        }
        let minutes = fields.items("minutes", max: minutesMax, isRequired: true, issues: &issues).compactMap { item, at in
            readMinute(item, at: at, issues: &issues)
        }
        let asOf = fields.moment("asOf", issues: &issues)
        guard issues.count == before, let share, let period, let asOf else { return nil }
        return BudgetReading(share: share, period: period, minutes: minutes, asOf: asOf).json
    }

    private static func readSpan(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Span? {
        guard let fields = DocumentFields(json, at: pointer, known: ["from", "to"], issues: &issues) else { return nil }
        let from = fields.moment("from", issues: &issues)
        guard let to = fields.moment("to", issues: &issues), let from else { return nil }
        guard from < to else {
            issues.append(AssetIssue(fields.child("to"), "The period ends before it begins.", remedy: "Exchange from and to."))
            return nil
        }
        return Span(start: from.seconds, end: to.seconds)
    }

    private static func readMinute(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> MinuteCount? {
        guard let fields = DocumentFields(json, at: pointer, known: ["at", "good", "bad"], issues: &issues) else { return nil }
        let cases = 0...Int64(1_000_000_000)
        let at = fields.moment("at", issues: &issues)
        let good = fields.whole("good", in: cases, issues: &issues)
        guard let bad = fields.whole("bad", in: cases, issues: &issues), let at, let good else { return nil }
        return MinuteCount(minute: MinuteCount.minute(of: at), counts: CaseCounts(good: good, bad: bad))
    }
}
