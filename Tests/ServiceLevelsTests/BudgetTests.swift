import Kernel
import TestBasics
import Testing

@testable import ServiceLevels

@Suite("error budgets")
struct BudgetTests {
    private static let start: Int64 = 1_793_491_200  // 2026-11-01T00:00:00Z
    private static let month = Span(start: start, end: start + 30 * 86_400)

    private func share(_ text: String, quiet: Int = 0) throws -> ServiceShare {
        try #require(ExactDecimal(text).flatMap { ServiceShare($0, quietBelowCases: quiet) })
    }

    private func minute(_ second: Int64, good: Int64 = 0, bad: Int64 = 0) -> MinuteCount {
        MinuteCount(minute: MinuteCount.minute(of: Moment(seconds: second)), counts: CaseCounts(good: good, bad: bad))
    }

    private func fires(_ reading: BudgetReading) -> [String] { reading.pairs.filter(\.fires).map(\.pair.name) }

    @Test("a share lies between none and all and has at most six digits", arguments: ["0", "1", "1.2", "0.9999999", "-0.5"])
    func badShares(text: String) throws {
        #expect(ServiceShare(try #require(ExactDecimal(text))) == nil)
    }

    @Test("ninety-eight of a hundred spend all of a budget of two percent, and one more bad case spends more")
    func exactlySpent() throws {
        let share = try share("0.98")
        let all = ErrorBudget(share: share, counts: CaseCounts(good: 98, bad: 2))
        #expect(all.spentPermille == 1000 && !all.isSpent && all.casesLeft == 0)
        let more = ErrorBudget(share: share, counts: CaseCounts(good: 98, bad: 3))
        #expect(more.isSpent && more.casesLeft == -1)
        let third = ErrorBudget(share: share, counts: CaseCounts(good: 149, bad: 1))
        #expect(third.spentPermille == 333 && third.casesLeft == 2)
        #expect(ErrorBudget(share: share, counts: CaseCounts()).spentPermille == 0)
    }

    @Test("a pair fires when both windows are strictly faster than its factor, and not at the factor itself")
    func strictly() throws {
        // 14.4 times 1 % is 14.4 %: 144 of 1,000 are at the factor, 145 are above.
        let now = Self.start + 10 * 86_400
        for (bad, isFast) in [(Int64(144), false), (145, true)] {
            let reading = BudgetReading(
                share: try share("0.99"), period: Self.month, minutes: [minute(now - 60, good: 1000 - bad, bad: bad)],
                asOf: Moment(seconds: now))
            #expect(fires(reading).contains("1h/5m@14.4") == isFast)
            #expect(reading.pairs[0].longBurn == (isFast ? 1450 : 1440))
        }
    }

    @Test("a burn that is over no longer pages: the short window is quiet while the long one still burns")
    func shortWindowEnds() throws {
        let share = try share("0.99")
        let trouble = Self.start + 10 * 86_400
        let minutes = [minute(trouble, good: 50, bad: 50), minute(trouble + 600, good: 100)]
        func at(_ second: Int64) -> BudgetReading {
            BudgetReading(share: share, period: Self.month, minutes: minutes, asOf: Moment(seconds: second))
        }
        #expect(at(trouble + 30).alarms.contains(.fastBurn))
        #expect(!fires(at(trouble + 660)).contains("1h/5m@14.4"))
        // 25 % of 200 cases is 25 times one percent, so six hours and half an hour still burn above six.
        #expect(fires(at(trouble + 660)).contains("6h/30m@6"))
        #expect(!fires(at(trouble + 3600)).contains("6h/30m@6"))
        #expect(at(trouble + 4 * 86_400).alarms == [.spent])
    }

    @Test("with few cases slices of time are judged: one bad case is no trend, and quiet hours weigh as good ones")
    func quiet() throws {
        let share = try share("0.99", quiet: 30)
        let now = Self.start + 10 * 86_400
        func reading(_ minutes: [MinuteCount]) -> BudgetReading {
            BudgetReading(share: share, period: Self.month, minutes: minutes, asOf: Moment(seconds: now))
        }
        // By cases one of one would be a hundred times the budget.
        let single = reading([minute(now, bad: 1)])
        #expect(single.pairs.allSatisfy { $0.isBySlices && !$0.fires })
        #expect(single.alarms.isEmpty && single.budget.isSpent)
        // Two bad slices of twelve are 16.7 %, above 14.4 %; the running slice is bad as well.
        let two = reading([minute(now, bad: 1), minute(now - 400, bad: 1)])
        #expect(fires(two).first == "1h/5m@14.4")
        #expect(two.pairs[0].long.badSlices == 2 && two.pairs[0].long.slices == 12)
        // Two in one slice are one bad slice of twelve, 8.3 %.
        #expect(!fires(reading([minute(now, bad: 1), minute(now, bad: 1)])).contains("1h/5m@14.4"))
    }

    @Test("the order of minutes, and their pieces, change nothing", arguments: 0..<20)
    func shuffled(seed: Int) throws {
        var dice = Seeded(seed: UInt64(seed) &+ 71)
        let now = Self.start + 12 * 86_400
        let minutes = (0..<200).map { _ in
            minute(
                now - Int64.random(in: 0..<(12 * 86_400), using: &dice), good: Int64.random(in: 0..<9, using: &dice),
                bad: Int64.random(in: 0..<2, using: &dice))
        }
        let pieces = minutes.flatMap { item in
            [
                MinuteCount(minute: item.minute, counts: CaseCounts(good: item.counts.good)),
                MinuteCount(minute: item.minute, counts: CaseCounts(bad: item.counts.bad)),
            ]
        }.shuffled(using: &dice)
        let share = try share("0.9", quiet: Int.random(in: 0..<60, using: &dice))
        let first = BudgetReading(share: share, period: Self.month, minutes: minutes, asOf: Moment(seconds: now))
        let second = BudgetReading(share: share, period: Self.month, minutes: pieces, asOf: Moment(seconds: now))
        #expect(first.json == second.json, "seed \(seed)")
        let total = minutes.reduce(CaseCounts()) { $0 + $1.counts }
        #expect(first.budget.counts == total, "seed \(seed)")
    }

    @Test("the windows agree with what the published burn rates say of the same ratios", arguments: 0..<20)
    func agrees(seed: Int) throws {
        var dice = Seeded(seed: UInt64(seed) &+ 5)
        let now = Self.start + 10 * 86_400
        let minutes = (0..<60).map { _ in
            minute(
                now - Int64.random(in: 0..<(3 * 86_400), using: &dice), good: 8 * Int64.random(in: 0..<4, using: &dice),
                bad: Int64.random(in: 0..<3, using: &dice))
        }
        let share = try share("0.99")
        let reading = BudgetReading(share: share, period: Self.month, minutes: minutes, asOf: Moment(seconds: now))
        var ratios: [String: ExactDecimal] = [:]
        for window in reading.pairs.flatMap({ [$0.long, $0.short] }) where window.counts.total > 0 {
            // Ten digits are far finer than any difference between these small numbers and the factors.
            ratios[window.name] = ExactDecimal(
                mantissa: Int128(window.counts.bad) * 10_000_000_000 / Int128(window.counts.total), scale: 10)
        }
        let expected = try BurnRate.firing(objective: try #require(ExactDecimal("0.99")), errorRatio: ratios).map(\.name)
        #expect(fires(reading) == expected, "seed \(seed)")
    }

    @Test("the instant at which the budget is used up is reckoned from the last three days")
    func usedUp() throws {
        // Ten days of 100 cases each with none bad, then three days in which 10 of 100 a day are: 30 of 1,300 are bad, of 65
        // that may. Each day adds 5 more than the budget grows, so the other 35 last for 7 days.
        let share = try share("0.95")
        let now = Self.start + 13 * 86_400 - 60
        let minutes = (0..<13).map { day in
            minute(Self.start + Int64(day) * 86_400 + 3600, good: day < 10 ? 100 : 90, bad: day < 10 ? 0 : 10)
        }
        let reading = BudgetReading(share: share, period: Self.month, minutes: minutes, asOf: Moment(seconds: now))
        #expect(reading.budget.casesLeft == 35)
        #expect(reading.usedUpAt == Moment(seconds: now + 7 * 86_400))
    }

    @Test("the explain document gives the reading again, and says where it is wrong")
    func explained() throws {
        let share = try share("0.98", quiet: 10)
        let now = Moment(seconds: Self.start + 86_400)
        let minutes = [minute(now.seconds - 120, good: 40, bad: 3), minute(Self.start + 60, good: 7)]
        let document = BudgetReading.document(share: share, period: Self.month, minutes: minutes, asOf: now)
        let reading = BudgetReading(share: share, period: Self.month, minutes: minutes, asOf: now)
        #expect(try SLAExplain.explain(document) == reading.json)
        var broken = try #require(document.object)
        broken["objective"] = "1"
        broken["minutes"] = [["at": "yesterday", "good": 1, "bad": 0]]
        var issues: [AssetIssue] = []
        #expect(SLAExplain.explain(.object(broken), issues: &issues) == nil)
        #expect(issues.map(\.pointer) == ["/objective", "/minutes/0/at"])
    }
}

@Suite("documents of OpenSLO")
struct OpenSLOTests {
    private func objective() throws -> PortableObjective {
        PortableObjective(
            name: "approval-cycle", title: "Approval cycle", targetSeconds: 72_000,
            share: try #require(ExactDecimal("0.98").flatMap { ServiceShare($0, quietBelowCases: 12) }))
    }

    @Test("what goes out comes back as the same objective")
    func roundTrip() throws {
        let objective = try objective()
        let documents = OpenSLO.documents(service: "meridian", timeZone: "Europe/Berlin", [objective])
        #expect(documents.compactMap { $0["kind"]?.string } == ["Service", "SLO"] + Array(repeating: "AlertPolicy", count: 8))
        var issues: [AssetIssue] = []
        let read = documents.compactMap { OpenSLO.read($0, issues: &issues) }
        #expect(issues.isEmpty, "\(issues)")
        #expect(read == [objective])
        #expect(objective.contractLines.contains("target: 20h\n"))
        #expect(objective.contractLines.contains("atLeast: \"0.98\", quietBelowCases: 12"))
    }

    @Test(
        "what has no counterpart is told at its place and never left out",
        arguments: [
            ("spec/budgetingMethod", "Timeslices", "spec/budgetingMethod"),
            ("spec/timeWindow/0/duration", "28d", "spec/timeWindow/0"),
            (
                "spec/indicator/spec/ratioMetric/good/metricSource/type", "prometheus",
                "spec/indicator/spec/ratioMetric/good/metricSource"
            ),
            (
                "spec/indicator/spec/ratioMetric/total/metricSource/spec/clock", "uptime",
                "spec/indicator/spec/ratioMetric/total/metricSource/spec/clock"
            ),
            ("spec/objectives/0/target", "1.5", "spec/objectives/0/target"),
            ("kind", "DataSource", "kind"),
            ("apiVersion", "openslo/v1alpha", "apiVersion"),
        ])
    func noCounterpart(pointer: String, value: String, at place: String) throws {
        let slo = OpenSLO.documents(service: "meridian", timeZone: "UTC", [try objective()])[1]
        var issues: [AssetIssue] = []
        let changed = set(pointer.split(separator: "/").map(String.init)[...], to: .string(value), in: slo)
        #expect(OpenSLO.read(changed, issues: &issues) == nil)
        #expect(issues.map(\.pointer) == ["/" + place])
        #expect(issues.allSatisfy { !$0.remedy.isEmpty })
    }

    @Test("an alert on a burn rate that no budget has is refused")
    func foreignPolicy() throws {
        let policy = OpenSLO.documents(service: "meridian", timeZone: "UTC", [try objective()])[2]
        var issues: [AssetIssue] = []
        _ = OpenSLO.read(policy, issues: &issues)
        #expect(issues.isEmpty)
        let path = ["spec", "conditions", "0", "spec", "condition", "lookbackWindow"]
        _ = OpenSLO.read(set(path[...], to: "2d", in: policy), issues: &issues)
        #expect(issues.map(\.pointer) == ["/spec" + "/conditions"])
    }

    private func set(_ path: ArraySlice<String>, to value: JSONValue, in json: JSONValue) -> JSONValue {
        guard let key = path.first else { return value }
        switch json {
        case .object(var object):
            object[key] = set(path.dropFirst(), to: value, in: object[key] ?? .null)
            return .object(object)
        case .array(var items):
            guard let index = Int(key), items.indices.contains(index) else { return json }
            items[index] = set(path.dropFirst(), to: value, in: items[index])
            return .array(items)
        default: return value
        }
    }
}
