import Kernel
import TestBasics
import Testing

@testable import Workflows

@Suite("A rollout says how a new version comes into use")
struct RolloutTests {
    static func json(_ more: JSONObject = [:]) -> JSONValue {
        var json: JSONObject = ["kind": "rollout", "name": "small", "candidate": "2", "stage": "pilot", "share": 20]
        for member in more { json[member.key] = member.value }
        return .object(json)
    }

    static func rollout(_ more: JSONObject = [:]) throws -> Rollout {
        var issues: [AssetIssue] = []
        let rollout = Rollout.parse(json(more), issues: &issues)
        #expect(issues.isEmpty, "\(issues)")
        return try #require(rollout)
    }

    private func problem(_ more: JSONObject) -> String? {
        var issues: [AssetIssue] = []
        _ = Rollout.parse(RolloutTests.json(more), issues: &issues)
        return issues.first?.pointer
    }

    @Test("what is wrong is told with its place")
    func located() {
        #expect(problem(["stage": "pilto"]) == "/stage")
        #expect(problem(["stage": "rolled-back"]) == "/stage")
        #expect(problem(["share": 0]) == "/share")
        #expect(problem(["when": "case.gross <"]) == "/when")
        #expect(problem(["when": "case.gross + 1"]) == nil || problem(["when": "'a' + 'b'"]) == "/when")
        #expect(problem(["promote": "perhaps"]) == "/promote")
        #expect(problem(["promote": "automatic"]) == "")
        #expect(problem(["bars": [["metric": "touchles", "atLeast": 1]]]) == "/bars/0/metric")
        #expect(problem(["bars": [["metric": "faults"]]]) == "/bars/0")
        #expect(problem(["bars": [["metric": "faults", "atMost": 101]]]) == "/bars/0/atMost")
        #expect(problem(["bars": [["metric": "agreement", "atLeast": 90, "hard": true]]]) == "/bars/0/hard")
        #expect(problem(["shar": 3]) == "/shar")
    }

    @Test("a share takes about so many of a hundred runs, and the same run always goes the same way")
    func share() throws {
        var random = Seeded("the share of a pilot")
        for share in [1, 20, 50, 99, 100] {
            let rollout = try RolloutTests.rollout(["share": JSONValue(share)])
            let runs = (0..<4000).map { _ in RunID(high: random.next(), low: random.next()) }
            let taken = runs.filter { rollout.takes($0, about: .null) }
            #expect(abs(taken.count - share * 40) < 160, "\(share) %: \(taken.count) of 4000")
            #expect(runs.filter { rollout.takes($0, about: .null) } == taken)
        }
    }

    @Test("whoever is in a small share is in every larger one as well")
    func nested() throws {
        var random = Seeded("shares that grow")
        let (small, large) = (try RolloutTests.rollout(["share": 10]), try RolloutTests.rollout(["share": 35]))
        for _ in 0..<2000 {
            let run = RunID(high: random.next(), low: random.next())
            if small.takes(run, about: .null) { #expect(large.takes(run, about: .null)) }
        }
    }

    @Test("a condition lets through what it holds for, and nothing that it cannot be asked about")
    func condition() throws {
        let rollout = try RolloutTests.rollout(["share": 100, "when": "case.currency == 'EUR'"])
        let run = RunID(high: 1, low: 2)
        #expect(rollout.takes(run, about: ["currency": "EUR"]))
        #expect(!rollout.takes(run, about: ["currency": "USD"]))
        #expect(!rollout.takes(run, about: .null))
    }
}

@Suite("A verdict on a rollout follows from its figures alone")
struct RolloutVerdictTests {
    private static let hard: JSONValue = ["metric": "faults", "atMost": 2, "hard": true]
    private static let soft: JSONValue = ["metric": "touchless", "atLeast": -5, "against": "live"]

    private func verdict(
        _ candidate: RolloutFigures, _ live: RolloutFigures, automatic: Bool = false, held: Bool = false,
        stage: Rollout.Stage = .pilot
    ) throws -> RolloutVerdict.Kind {
        let rollout = try RolloutTests.rollout([
            "minimum": 20, "promote": automatic ? "automatic" : "propose",
            "bars": [RolloutVerdictTests.hard, RolloutVerdictTests.soft],
        ])
        return RolloutVerdict(of: rollout, in: stage, candidate: candidate, live: live, isHeld: held).kind
    }

    @Test("a broken hard bar rolls back from the first run, even when a person holds the rollout")
    func hardBar() throws {
        let broken = RolloutFigures(ended: 1, faults: 1)
        #expect(try verdict(broken, RolloutFigures()) == .rollBack)
        #expect(try verdict(broken, RolloutFigures(), held: true) == .rollBack)
        #expect(try verdict(RolloutFigures(ended: 50, touchless: 50, faults: 1), RolloutFigures(ended: 9)) == .propose)
        #expect(try verdict(RolloutFigures(ended: 49, touchless: 49, faults: 1), RolloutFigures(ended: 9)) == .rollBack)
    }

    @Test("too few runs, a missed bar, missing figures of live, and a person's hold keep the stage")
    func holds() throws {
        let live = RolloutFigures(ended: 100, touchless: 60)
        #expect(try verdict(RolloutFigures(ended: 19, touchless: 19), live) == .hold)
        #expect(try verdict(RolloutFigures(ended: 20, touchless: 10), live) == .hold)
        #expect(try verdict(RolloutFigures(ended: 20, touchless: 11), live) == .propose)
        #expect(try verdict(RolloutFigures(ended: 20, touchless: 20), RolloutFigures()) == .hold)
        #expect(try verdict(RolloutFigures(ended: 20, touchless: 20), live, held: true) == .hold)
    }

    @Test("only a rollout that says so is promoted without a person")
    func promotes() throws {
        let live = RolloutFigures(ended: 100, touchless: 60)
        #expect(try verdict(RolloutFigures(ended: 20, touchless: 20), live, automatic: true) == .promote)
        #expect(try verdict(RolloutFigures(ended: 20, touchless: 20), live) == .propose)
    }

    @Test("the shadow is judged by its comparisons; those that could not be told do not count")
    func shadow() throws {
        let rollout = try RolloutTests.rollout([
            "stage": "shadow", "minimum": 10, "promote": "automatic", "bars": [["metric": "agreement", "atLeast": 90]],
        ])
        func kind(_ same: Int, _ different: Int, _ unknown: Int) -> RolloutVerdict.Kind {
            let figures = RolloutFigures(ended: 0, same: same, different: different, unknown: unknown)
            return RolloutVerdict(of: rollout, in: .shadow, candidate: figures, live: RolloutFigures(), isHeld: false).kind
        }
        #expect(kind(9, 1, 0) == .promote)
        #expect(kind(8, 2, 0) == .hold)
        #expect(kind(5, 0, 100) == .hold)
    }

    @Test("more faults never make a verdict kinder, and what is over is never judged")
    func monotone() throws {
        var random = Seeded("verdicts and faults")
        func rank(_ kind: RolloutVerdict.Kind) -> Int { kind == .rollBack ? 0 : kind == .hold ? 1 : 2 }
        for _ in 0..<3000 {
            let ended = random.int(1...400)
            var figures = RolloutFigures(
                ended: ended, touchless: random.int(0...ended), faults: random.int(0...ended / 20),
                cycleSecondsMedian: Int64(random.int(0...100_000)))
            let live = RolloutFigures(ended: random.int(0...400), touchless: 0)
            let automatic = random.isLucky(oneIn: 2)
            let before = try verdict(figures, live, automatic: automatic)
            figures.faults += 1
            #expect(rank(try verdict(figures, live, automatic: automatic)) <= rank(before))
            for stage in [Rollout.Stage.live, .rolledBack] {
                #expect(try verdict(figures, live, automatic: automatic, stage: stage) == .hold)
            }
        }
    }

    @Test("bars against live are compared exactly")
    func exact() {
        let third = RolloutFigures(ended: 3, touchless: 1)
        let same = RolloutFigures(ended: 300, touchless: 100)
        let bar = RolloutBar(metric: .touchless, limit: .atLeast(0), isAgainstLive: true)
        #expect(RolloutVerdict.standing(of: bar, candidate: third, live: same) == .cleared)
        let less = RolloutFigures(ended: 300, touchless: 99)
        #expect(RolloutVerdict.standing(of: bar, candidate: less, live: third) == .missed)
        let time = RolloutBar(metric: .cycleMinutes, limit: .atMost(120), isAgainstLive: true)
        let slow = RolloutFigures(ended: 1, cycleSecondsMedian: 121)
        let quick = RolloutFigures(ended: 1, cycleSecondsMedian: 100)
        #expect(RolloutVerdict.standing(of: time, candidate: slow, live: quick) == .missed)
        #expect(
            RolloutVerdict.standing(of: time, candidate: RolloutFigures(ended: 1, cycleSecondsMedian: 120), live: quick)
                == .cleared)
    }
}
