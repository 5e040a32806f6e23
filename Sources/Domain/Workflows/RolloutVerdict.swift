package import Kernel

/// What was counted for one side of a rollout in its window.
package struct RolloutFigures: Sendable, Equatable {
    /// Runs that have ended, however they did.
    package var ended = 0
    package var touchless = 0
    package var exceptions = 0
    package var faults = 0
    package var late = 0
    /// Nil while no run has ended.
    package var cycleSecondsMedian: Int64?
    /// Comparisons of the shadow by what they found.
    package var same = 0
    package var different = 0
    package var unknown = 0

    package init() {}

    package init(
        ended: Int, touchless: Int = 0, exceptions: Int = 0, faults: Int = 0, late: Int = 0, cycleSecondsMedian: Int64? = nil,
        same: Int = 0, different: Int = 0, unknown: Int = 0
    ) {
        self.ended = ended
        self.touchless = touchless
        self.exceptions = exceptions
        self.faults = faults
        self.late = late
        self.cycleSecondsMedian = cycleSecondsMedian
        self.same = same
        self.different = different
        self.unknown = unknown
    }

    /// The metric as an exact fraction; nil where nothing has been counted.
    package func value(_ metric: RolloutMetric) -> (part: Int64, of: Int64)? {
        func share(_ part: Int, _ of: Int) -> (part: Int64, of: Int64)? { of == 0 ? nil : (Int64(part) * 100, Int64(of)) }
        return switch metric {
        case .touchless: share(touchless, ended)
        case .exceptions: share(exceptions, ended)
        case .faults: share(faults, ended)
        case .lateClocks: share(late, ended)
        case .cycleMinutes: cycleSecondsMedian.map { ($0, 60) }
        case .agreement: share(same, same + different)
        }
    }

    package var json: JSONValue {
        .object([
            "ended": JSONValue(ended), "touchless": JSONValue(touchless), "exceptions": JSONValue(exceptions),
            "faults": JSONValue(faults), "late": JSONValue(late),
            "cycleSecondsMedian": cycleSecondsMedian.map { JSONValue($0) } ?? .null, "same": JSONValue(same),
            "different": JSONValue(different), "unknown": JSONValue(unknown),
        ])
    }
}

/// What the figures say about a rollout; a pure function of them.
package struct RolloutVerdict: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Nothing to do yet, or a bar is not cleared.
        case hold
        /// All bars are cleared; a person confirms the next stage.
        case propose
        /// All bars are cleared and the rollout lets that be enough.
        case promote
        /// A hard bar is broken.
        case rollBack = "roll-back"
    }

    /// How one bar stands.
    package enum Standing: String, Sendable {
        case cleared, missed
        /// There are no figures for it.
        case untold
    }

    package let kind: Kind
    /// Bars that were missed or could not be told, in words; for a roll-back the hard ones broken.
    package let reasons: [String]

    /// The verdict on a candidate in `stage`. A person's hold keeps everything but a roll-back from happening.
    package init(
        of rollout: Rollout, in stage: Rollout.Stage, candidate: RolloutFigures, live: RolloutFigures, isHeld: Bool
    ) {
        guard let next = stage.next else {
            kind = .hold
            reasons = []
            return
        }
        let broken = rollout.bars.filter {
            $0.isHard && RolloutVerdict.standing(of: $0, candidate: candidate, live: live) == .missed
        }
        guard broken.isEmpty else {
            kind = .rollBack
            reasons = broken.map(\.words)
            return
        }
        let counted = stage == .shadow ? candidate.same + candidate.different : candidate.ended
        guard counted >= rollout.minimum else {
            kind = .hold
            reasons = ["\(counted) of \(rollout.minimum) \(stage == .shadow ? "comparisons" : "runs") counted"]
            return
        }
        let asked = rollout.bars.filter { ($0.metric == .agreement) == (stage == .shadow) }
        let unmet = asked.filter { RolloutVerdict.standing(of: $0, candidate: candidate, live: live) != .cleared }
        guard unmet.isEmpty, !isHeld else {
            kind = .hold
            reasons = unmet.map(\.words) + (isHeld ? ["held by a person"] : [])
            return
        }
        // Where no bar was asked there is nothing that a machine could promote on.
        kind = rollout.isAutomatic && !asked.isEmpty ? .promote : .propose
        reasons = ["\(counted) counted, every bar for \(next.rawValue) is cleared"]
    }

    /// Exact: fractions are compared by cross-multiplication.
    package static func standing(of bar: RolloutBar, candidate: RolloutFigures, live: RolloutFigures) -> Standing {
        guard let mine = candidate.value(bar.metric) else { return .untold }
        let limit: Int64 =
            switch bar.limit {
            case .atMost(let value), .atLeast(let value): Int64(value)
            }
        // mine.part / mine.of against wantedPart / wantedOf
        var wantedPart = Int128(limit)
        var wantedOf: Int128 = 1
        if bar.isAgainstLive {
            guard let theirs = live.value(bar.metric) else { return .untold }
            if bar.metric.isShare {
                wantedPart = Int128(theirs.part) + Int128(limit) * Int128(theirs.of)
                wantedOf = Int128(theirs.of)
            } else {
                wantedPart = Int128(theirs.part) * Int128(limit)
                wantedOf = Int128(theirs.of) * 100
            }
        }
        let left = Int128(mine.part) * wantedOf
        let right = wantedPart * Int128(mine.of)
        return switch bar.limit {
        case .atMost: left <= right ? .cleared : .missed
        case .atLeast: left >= right ? .cleared : .missed
        }
    }
}
