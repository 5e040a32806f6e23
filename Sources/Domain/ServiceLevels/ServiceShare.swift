package import Kernel

/// How many decided cases of an objective were good, and how many were bad. Open ones count nowhere until they are decided.
package struct CaseCounts: Hashable, Sendable {
    package var good: Int64
    package var bad: Int64

    package init(good: Int64 = 0, bad: Int64 = 0) {
        self.good = good
        self.bad = bad
    }

    package var total: Int64 { good + bad }

    package static func + (lhs: CaseCounts, rhs: CaseCounts) -> CaseCounts {
        CaseCounts(good: lhs.good + rhs.good, bad: lhs.bad + rhs.bad)
    }
}

/// What a cycle of a clock came to, and when: the one rule for the lanes that count cases as they are decided, and for the
/// reports that read them later. A missed target is a case at the instant of its breach, a met one at its stop.
package struct DecidedCase: Hashable, Sendable {
    package let isMet: Bool
    package let at: Moment

    /// Nil while nothing is decided, and for what was cancelled before it was.
    package init?(_ outcome: ClockReading.Outcome, breachedAt: Moment?, stoppedAt: Moment?) {
        switch outcome {
        case .open: return nil
        case .met:
            guard let stoppedAt else { return nil }
            (isMet, at) = (true, stoppedAt)
        case .breached:
            guard let breachedAt else { return nil }
            (isMet, at) = (false, breachedAt)
        }
    }
}

/// The cases of an objective that were decided within one minute.
package struct MinuteCount: Hashable, Sendable {
    /// The minute's first second.
    package let minute: Int64
    package let counts: CaseCounts

    package init(minute: Int64, counts: CaseCounts) {
        self.minute = minute
        self.counts = counts
    }

    /// The minute in which an instant lies.
    package static func minute(of moment: Moment) -> Int64 { moment.seconds.floorDivided(by: 60) * 60 }
}

/// Which share of an objective's cases has to be good: the promise beside the target of each single case. What is missing to all
/// of them is the error budget.
package struct ServiceShare: Hashable, Sendable {
    /// Kept in millionths, so that every comparison is one of whole numbers.
    package static let millionth: Int64 = 1_000_000
    /// A window with fewer decided cases is judged by slices of time unless the contract names another number.
    package static let quietBelowCasesDefault = 30
    package static let quietBelowCasesMax = 100_000

    /// From 1 to 999,999: 980,000 is 98 %.
    package let millionths: Int64
    package let quietBelowCases: Int

    /// Nil unless the share lies strictly between 0 and 1 and has at most six digits after its point.
    package init?(_ share: ExactDecimal, quietBelowCases: Int = quietBelowCasesDefault) {
        let plain = share.normalized
        guard plain > .zero, plain < .one, plain.scale <= 6 else { return nil }
        var millionths = Int64(plain.mantissa)
        for _ in plain.scale..<6 { millionths *= 10 }
        self.millionths = millionths
        self.quietBelowCases = quietBelowCases
    }

    /// Such as `0.98`.
    package var share: ExactDecimal { ExactDecimal(mantissa: Int128(millionths), scale: 6).normalized }
    /// What is left to go wrong, in millionths.
    package var budgetMillionths: Int64 { ServiceShare.millionth - millionths }
    /// Such as `98 %`.
    package var text: String { "\(ExactDecimal(mantissa: Int128(millionths), scale: 4).normalized) %" }

    /// Whether these cases are fewer good ones than promised. Exact; no case at all misses nothing.
    package func isMissed(by counts: CaseCounts) -> Bool {
        Int128(counts.bad) * Int128(ServiceShare.millionth) > Int128(budgetMillionths) * Int128(counts.total)
    }

    /// The same for a promise without a share, which is of every case.
    package static func isMissed(_ share: ServiceShare?, by counts: CaseCounts) -> Bool {
        share?.isMissed(by: counts) ?? (counts.bad > 0)
    }
}

/// The error budget of a period: how many of its cases may be bad, and how many were.
///
/// All figures are of the cases decided so far; a period without cases has spent nothing.
package struct ErrorBudget: Hashable, Sendable {
    package let share: ServiceShare
    package let counts: CaseCounts

    package init(share: ServiceShare, counts: CaseCounts) {
        self.share = share
        self.counts = counts
    }

    /// Spent part of the budget in thousandths, rounded down; above 1000 the promise is missed by what has been decided so far.
    package var spentPermille: Int64 {
        guard counts.total > 0 else { return 0 }
        let spent =
            Int128(counts.bad) * Int128(ServiceShare.millionth) * 1000 / (Int128(share.budgetMillionths) * Int128(counts.total))
        return Int64(clamping: spent)
    }

    /// More cases were bad than may be. Exact, unlike the thousandths.
    package var isSpent: Bool { share.isMissed(by: counts) }

    /// Few cases decide little: the figure is shown and nobody is told.
    package var isQuiet: Bool { counts.total < Int64(share.quietBelowCases) }

    /// How many further cases may be bad while all others stay as they are, negative when too many were: the whole part of the
    /// allowed bad cases less those there are.
    package var casesLeft: Int64 {
        let allowed = Int128(share.budgetMillionths) * Int128(counts.total) / Int128(ServiceShare.millionth)
        return Int64(clamping: allowed) - counts.bad
    }

    package var json: JSONValue {
        [
            "good": JSONValue(counts.good), "bad": JSONValue(counts.bad), "n": JSONValue(counts.total),
            "spentPermille": JSONValue(spentPermille), "casesLeft": JSONValue(casesLeft), "isSpent": .bool(isSpent),
            "isQuiet": .bool(isQuiet),
        ]
    }
}
