package import Expressions
package import Kernel
import Policies

/// How a new version of a workflow comes into use for those who see the file: first beside the live one without effects, then
/// for a share of the new runs, then for all of them.
package struct Rollout: Sendable {
    package enum Stage: String, Sendable, CaseIterable {
        /// Every run of the live version is followed by the candidate on paper.
        case shadow
        /// A share of the new runs goes by the candidate.
        case pilot
        /// All new runs go by the candidate.
        case live
        /// New runs go by the version that was live before.
        case rolledBack = "rolled-back"

        /// The stage that follows when all goes well; nil where nothing does.
        package var next: Stage? {
            switch self {
            case .shadow: .pilot
            case .pilot: .live
            case .live, .rolledBack: nil
            }
        }
    }

    package static let barsMax = 20
    package static let windowHoursMax = 24 * 90
    package static let minimumMax = 100_000

    /// The workflow's name, which is the file's.
    package let name: String
    package let title: String
    /// The version that is to come into use; a file in `candidates` holds it.
    package let candidate: String
    /// Where it begins.
    package let stage: Stage
    /// Percent of the new runs that a pilot takes, of those that `condition` lets through.
    package let share: Int
    /// Over `case`, what the run is about; nil lets all through.
    package let condition: CompiledExpression?
    /// Runs of the candidate (in the shadow: comparisons) before anything but a hard bar is judged.
    package let minimum: Int
    package let windowHours: Int
    /// The next stage is entered without a person; otherwise it is proposed.
    package let isAutomatic: Bool
    package let bars: [RolloutBar]

    private static let members = [
        "kind", "name", "title", "description", "candidate", "stage", "share", "when", "minimum", "windowHours", "promote",
        "bars",
    ]
    private static let scope = ExpressionScope(["case"])

    /// Nil when it cannot be used; what is wrong becomes issues.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> Rollout? {
        let before = issues.count
        guard let reader = AssetReader(json, at: "", "the rollout", issues: &issues) else { return nil }
        reader.close(members, issues: &issues)
        if json["kind"]?.string != "rollout" {
            issues.append(AssetIssue("/kind", "`kind` has to be `rollout`.", remedy: "Write `kind: rollout`."))
        }
        let name = reader.name("name", issues: &issues)
        let candidate = reader.text("candidate", issues: &issues)
        let stage = readStage(reader, issues: &issues)
        let condition = readCondition(reader, issues: &issues)
        let share = reader.int("share", in: 1...100, otherwise: condition == nil ? 10 : 100, issues: &issues)
        let minimum = reader.int("minimum", in: 1...minimumMax, otherwise: 30, issues: &issues)
        let hours = reader.int("windowHours", in: 1...windowHoursMax, otherwise: 168, issues: &issues)
        let promote = reader.optionalText("promote", issues: &issues) ?? "propose"
        if !["propose", "automatic"].contains(promote) {
            issues.append(
                AssetIssue(
                    "/promote", "`promote` is `propose` or `automatic`, not `\(promote)`.",
                    remedy: "Write `propose` where a person shall confirm."))
        }
        var bars: [RolloutBar] = []
        for (value, pointer) in reader.list("bars", upTo: barsMax, isRequired: false, issues: &issues) {
            if let bar = RolloutBar.parse(value, at: pointer, issues: &issues) { bars.append(bar) }
        }
        if promote == "automatic", !bars.contains(where: { !$0.isHard }) {
            issues.append(
                AssetIssue(
                    json["bars"] == nil ? "" : "/bars", "Without a bar to clear nothing can be promoted by itself.",
                    remedy: "Add a bar that is not hard, or write `promote: propose`."))
        }
        guard issues[before...].allSatisfy({ $0.severity != .error }), let name, let candidate, let stage, let share, let minimum,
            let hours
        else { return nil }
        return Rollout(
            name: name, title: json["title"]?.string ?? name, candidate: candidate, stage: stage, share: share,
            condition: condition, minimum: minimum, windowHours: hours, isAutomatic: promote == "automatic", bars: bars)
    }

    private static func readStage(_ reader: AssetReader, issues: inout [AssetIssue]) -> Stage? {
        guard let text = reader.text("stage", issues: &issues) else { return nil }
        if let stage = Stage(rawValue: text), stage != .rolledBack { return stage }
        let near = AssetReader.nearest(to: text, among: ["shadow", "pilot", "live"])
        issues.append(
            AssetIssue(
                "/stage", "There is no stage `\(text.prefix(60))`.",
                remedy: near.map { "Did you mean `\($0)`?" } ?? "A rollout begins in `shadow`, `pilot` or `live`."))
        return nil
    }

    private static func readCondition(_ reader: AssetReader, issues: inout [AssetIssue]) -> CompiledExpression? {
        guard let text = reader.optionalText("when", issues: &issues) else { return nil }
        return CompiledExpression.compile(text, in: scope, wanted: .bool, pointer: "/when", issues: &issues)
    }

    /// Whether a new run of a pilot goes by the candidate. A case that the condition cannot be asked about does not.
    ///
    /// The same run always gets the same answer, and another rollout takes another sample.
    package func takes(_ run: RunID, about subject: JSONValue) -> Bool {
        guard isInShare(run) else { return false }
        guard let condition else { return true }
        do throws(ExpressionFailure) {
            return try condition.value(["case": CELValue(subject)]).json() == .bool(true)
        } catch {
            return false
        }
    }

    private func isInShare(_ run: RunID) -> Bool {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in "\(name)@\(candidate)/\(run)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        // Neighbouring ids differ in few bits; the last steps spread them over all.
        hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
        return (hash ^ (hash >> 33)) % 100 < UInt64(share)
    }
}

/// What is watched while a candidate is tried.
package enum RolloutMetric: String, Sendable, CaseIterable {
    /// Percent of the ended runs that nobody had to touch.
    case touchless
    /// Percent of the ended runs with an exception.
    case exceptions
    /// Percent of the ended runs that faulted.
    case faults
    /// Median minutes from start to end.
    case cycleMinutes
    /// Percent of the ended runs with a clock that ran out.
    case lateClocks
    /// Percent of the comparisons that could be told and showed no difference; known in the shadow only.
    case agreement

    package var title: String {
        switch self {
        case .touchless: "Touchless"
        case .exceptions: "With an exception"
        case .faults: "Faulted"
        case .cycleMinutes: "Median minutes to the end"
        case .lateClocks: "Late"
        case .agreement: "Same as live"
        }
    }

    package var isShare: Bool { self != .cycleMinutes }
}

/// A promise about one metric.
package struct RolloutBar: Sendable, Equatable {
    package enum Limit: Sendable, Equatable {
        case atMost(Int)
        case atLeast(Int)
    }

    package let metric: RolloutMetric
    /// Percent, or minutes. Against live: points more or less than live; for minutes, percent of live's.
    package let limit: Limit
    package let isAgainstLive: Bool
    /// Broken, the candidate is out at once, whatever the number of runs.
    package let isHard: Bool

    package init(metric: RolloutMetric, limit: Limit, isAgainstLive: Bool = false, isHard: Bool = false) {
        self.metric = metric
        self.limit = limit
        self.isAgainstLive = isAgainstLive
        self.isHard = isHard
    }

    static func parse(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> RolloutBar? {
        let before = issues.count
        guard let reader = AssetReader(json, at: pointer, "a bar", issues: &issues) else { return nil }
        reader.close(["metric", "atMost", "atLeast", "against", "hard"], issues: &issues)
        let text = reader.text("metric", issues: &issues)
        let metric = text.flatMap { RolloutMetric(rawValue: $0) }
        if let text, metric == nil {
            let names = RolloutMetric.allCases.map(\.rawValue)
            issues.append(
                AssetIssue(
                    reader.path("metric"), "There is no metric `\(text.prefix(60))`.",
                    remedy: AssetReader.nearest(to: text, among: names).map { "Did you mean `\($0)`?" }
                        ?? "Use one of: \(names.joined(separator: ", "))."))
        }
        let against = reader.optionalText("against", issues: &issues)
        if let against, against != "live" {
            issues.append(AssetIssue(reader.path("against"), "A bar is measured against `live` only.", remedy: "Write `live`."))
        }
        let isHard = reader.bool("hard", otherwise: false, issues: &issues)
        let range = against == nil ? 0...(metric?.isShare ?? true ? 100 : 1_000_000) : -100...10_000
        guard (json["atMost"] == nil) != (json["atLeast"] == nil) else {
            issues.append(
                AssetIssue(pointer, "A bar has either `atMost` or `atLeast`.", remedy: "Keep the one that is meant."))
            return nil
        }
        let isMost = json["atMost"] != nil
        let value = reader.int(isMost ? "atMost" : "atLeast", in: range, otherwise: nil, issues: &issues)
        if metric == .agreement, against != nil {
            issues.append(
                AssetIssue(reader.path("against"), "Live always agrees with itself.", remedy: "Give a percentage by itself."))
        }
        if metric == .agreement, isHard {
            issues.append(
                AssetIssue(
                    reader.path("hard"), "What runs on paper only cannot be rolled back.", remedy: "Leave `hard` out."))
        }
        guard let metric, let value, issues[before...].allSatisfy({ $0.severity != .error }) else { return nil }
        return RolloutBar(
            metric: metric, limit: isMost ? .atMost(value) : .atLeast(value), isAgainstLive: against != nil, isHard: isHard)
    }

    /// As a sentence without its end.
    package var words: String {
        let unit = metric.isShare ? isAgainstLive ? " points" : " %" : isAgainstLive ? " % of live's" : " min"
        let than = isAgainstLive && metric.isShare ? " compared with live" : ""
        return switch limit {
        case .atMost(let value): "\(metric.title): at most \(value)\(unit)\(than)"
        case .atLeast(let value): "\(metric.title): at least \(value)\(unit)\(than)"
        }
    }
}
