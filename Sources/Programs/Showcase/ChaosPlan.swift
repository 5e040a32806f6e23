package import Kernel

/// How hard the product is treated.
package struct ChaosPlan: Sendable {
    /// Processes killed without a word, as many of each kind.
    package var kills: Int
    package var invoices: Int
    /// Decides what is killed when, and which faults the ledgers have.
    package var seed: UInt64
    package var folder: String
    package var tenants: String
    package var erp: SampleERP
    /// The whole has to be over by then.
    package var boundSeconds: Int64

    package init(
        kills: Int, invoices: Int, seed: UInt64, folder: String, tenants: String, erp: SampleERP = .sandbox,
        boundSeconds: Int64 = 2400
    ) {
        self.kills = kills
        self.invoices = invoices
        self.seed = seed
        self.folder = folder
        self.tenants = tenants
        self.erp = erp
        self.boundSeconds = boundSeconds
    }

    /// Between two kills: long enough for work to get under way again, short enough to hit it.
    static let pauseMilliseconds: ClosedRange<Int64> = 2_000...7_000

    /// Everything at once that the sandbox can do; late commits stay below the connections' `settleSeconds` of 25.
    static func faults(_ erp: SampleERP) -> JSONValue { erp == .tryton ? trytonFaults : sandboxFaults }

    /// What a proxy and a network do to Tryton; its own answers are its own.
    private static let trytonFaults: JSONValue = [
        "latencyMilliseconds": 5, "tooManyPerMille": 20, "unavailablePerMille": 20, "htmlPerMille": 10, "wrongGzipPerMille": 10,
        "lostAnswerPerMille": 40, "lateCommitPerMille": 20, "lateCommitSeconds": 10,
    ]

    private static let sandboxFaults: JSONValue = [
        "latencyMilliseconds": 20, "tooManyPerMille": 40, "unavailablePerMille": 40, "htmlPerMille": 15,
        "errorInside200PerMille": 20,
        "wrongGzipPerMille": 20, "lostAnswerPerMille": 60, "lateCommitPerMille": 40, "lateCommitSeconds": 20,
    ]
}

/// What is killed.
package enum ChaosTarget: String, Sendable, CaseIterable {
    case worker, server, database
    /// Only one that keeps its books by itself can be killed with nothing forgotten: Tryton, with its own database.
    case erp

    static func all(with erp: SampleERP) -> [ChaosTarget] { erp == .tryton ? allCases : allCases.filter { $0 != .erp } }
}

/// The books at the end.
package struct ChaosTally: Sendable {
    package var seed: UInt64 = 0
    package var kills: [ChaosTarget: Int] = [:]
    /// Documents that were sent, and those the server took.
    package var submitted = 0
    package var accepted = 0
    /// Runs that ended as posted.
    package var posted = 0
    /// Accepted and not posted.
    package var lost: [String] = []
    /// Bills in the three ledgers, in truth.
    package var bills = 0
    package var distinct = 0
    package var doubled: [String] = []
    /// Bills that belong to no accepted invoice.
    package var strangers: [String] = []
    /// Dead letters and exceptions that a person sent on, as the runbooks say.
    package var helped = 0
    package var seconds: Int64 = 0

    /// Everything that was accepted was posted, once, and nothing else.
    package var isGood: Bool {
        accepted == submitted && accepted == posted && posted == bills && bills == distinct && doubled.isEmpty && lost.isEmpty
            && strangers.isEmpty
    }

    package var json: JSONValue {
        .object([
            "isGood": .bool(isGood), "seed": .string("\(seed)"),
            "kills": .object(JSONObject(ChaosTarget.allCases.map { (key: $0.rawValue, value: JSONValue(kills[$0] ?? 0)) })),
            "submitted": JSONValue(submitted), "accepted": JSONValue(accepted), "posted": JSONValue(posted),
            "lost": JSONValue(lost.count),
            "bills": JSONValue(bills), "distinct": JSONValue(distinct), "duplicates": JSONValue(doubled.count),
            "strangers": JSONValue(strangers.count), "helped": JSONValue(helped), "seconds": JSONValue(seconds),
        ])
    }

    package var text: String {
        var lines = ["seed \(seed), \(seconds) s"]
        lines.append(
            "kills: "
                + ChaosTarget.allCases.filter { kills[$0] != nil }.map { "\(kills[$0] ?? 0) \($0.rawValue)" }.joined(
                    separator: ", "))
        lines.append("submitted \(submitted), accepted \(accepted), posted \(posted), lost \(lost.count)")
        lines.append(
            "bills in the ledgers \(bills), distinct \(distinct), duplicates \(doubled.count), unexpected \(strangers.count)")
        lines.append("sent on by a person: \(helped)")
        for number in lost.prefix(20) { lines.append("lost: \(number)") }
        for number in doubled.prefix(20) { lines.append("twice: \(number)") }
        lines.append(isGood ? "accepted = posted, 0 duplicates" : "the books do not agree")
        return lines.joined(separator: "\n")
    }
}
