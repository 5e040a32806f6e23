import Kernel

/// How unkind the sandbox is: shares in per mille, drawn from a seeded generator so that a run can be repeated.
struct FaultPlan: Sendable {
    /// A write may commit this long after its client has gone.
    static let lateCommitSecondsMax = 20

    var latencyMilliseconds = 0
    var tooManyPerMille = 0
    var unavailablePerMille = 0
    var htmlPerMille = 0
    var errorInside200PerMille = 0
    var wrongGzipPerMille = 0
    /// The write is committed, its answer never comes.
    var lostAnswerPerMille = 0
    /// The client gets no answer, and the write is committed up to `lateCommitSeconds` later.
    var lateCommitPerMille = 0
    var lateCommitSeconds = FaultPlan.lateCommitSecondsMax
    /// Everything answers 503.
    var isDown = false

    init() {}

    init(json: JSONValue) throws(Refusal) {
        func share(_ name: String) throws(Refusal) -> Int {
            guard let value = json[name] else { return 0 }
            guard let number = value.int, (0...1000).contains(number) else {
                throw Refusal(.invalid, reason: "faults.\(name)", "\(name) is a whole number from 0 to 1000.")
            }
            return number
        }
        latencyMilliseconds = json["latencyMilliseconds"]?.int ?? 0
        tooManyPerMille = try share("tooManyPerMille")
        unavailablePerMille = try share("unavailablePerMille")
        htmlPerMille = try share("htmlPerMille")
        errorInside200PerMille = try share("errorInside200PerMille")
        wrongGzipPerMille = try share("wrongGzipPerMille")
        lostAnswerPerMille = try share("lostAnswerPerMille")
        lateCommitPerMille = try share("lateCommitPerMille")
        lateCommitSeconds = min(json["lateCommitSeconds"]?.int ?? FaultPlan.lateCommitSecondsMax, FaultPlan.lateCommitSecondsMax)
        isDown = json["isDown"]?.bool ?? false
    }

    var json: JSONValue {
        [
            "latencyMilliseconds": JSONValue(latencyMilliseconds), "tooManyPerMille": JSONValue(tooManyPerMille),
            "unavailablePerMille": JSONValue(unavailablePerMille), "htmlPerMille": JSONValue(htmlPerMille),
            "errorInside200PerMille": JSONValue(errorInside200PerMille), "wrongGzipPerMille": JSONValue(wrongGzipPerMille),
            "lostAnswerPerMille": JSONValue(lostAnswerPerMille), "lateCommitPerMille": JSONValue(lateCommitPerMille),
            "lateCommitSeconds": JSONValue(lateCommitSeconds), "isDown": .bool(isDown),
        ]
    }
}

/// What happens to one request.
enum Mishap: Sendable {
    case none, tooMany, unavailable, html, errorInside200, wrongGzip, lostAnswer, lateCommit(seconds: Int)
}

/// Draws mishaps; SplitMix64, so that the same seed gives the same day.
actor FaultDice {
    private var state: UInt64
    private(set) var plan = FaultPlan()

    init(seed: UInt64) { state = seed }

    func set(_ plan: FaultPlan) { self.plan = plan }

    func draw(isWrite: Bool) -> Mishap {
        if plan.isDown { return .unavailable }
        var roll = Int(next() % 1000)
        func hit(_ share: Int) -> Bool {
            defer { roll -= share }
            return roll < share
        }
        if hit(plan.tooManyPerMille) { return .tooMany }
        if roll >= 0, hit(plan.unavailablePerMille) { return .unavailable }
        if roll >= 0, hit(plan.htmlPerMille) { return .html }
        if roll >= 0, hit(plan.errorInside200PerMille) { return .errorInside200 }
        if roll >= 0, hit(plan.wrongGzipPerMille) { return .wrongGzip }
        if isWrite, roll >= 0, hit(plan.lostAnswerPerMille) { return .lostAnswer }
        if isWrite, roll >= 0, hit(plan.lateCommitPerMille) {
            return .lateCommit(seconds: Int(next() % UInt64(max(1, plan.lateCommitSeconds))) + 1)
        }
        return .none
    }

    private func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
