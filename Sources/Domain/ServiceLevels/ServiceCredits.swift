package import Kernel

/// What a contract promises about the time in which the service is there.
package struct AvailabilityPromise: Hashable, Sendable {
    /// From 0 to 1.
    package let target: ExactDecimal
    package let tiers: [Availability.Tier]
    /// Maintenance announced at least so long before is no agreed time.
    package let noticeSeconds: Int64
    /// Of excluded service time in a month; nil for no cap.
    package let capSeconds: Int64?
    /// The alerts whose incidents are outages, from their opening to their resolution.
    package let alerts: [String]

    package init(
        target: ExactDecimal, tiers: [Availability.Tier], noticeSeconds: Int64, capSeconds: Int64?, alerts: [String]
    ) {
        self.target = target
        self.tiers = tiers
        self.noticeSeconds = noticeSeconds
        self.capSeconds = capSeconds
        self.alerts = alerts
    }
}

/// How credits of one month become one amount.
package struct CreditPromise: Hashable, Sendable {
    package enum Combining: String, Sendable, CaseIterable {
        /// One event must not earn two credits, so the largest stands for all.
        case highest
        /// Credits of different promises are added up.
        case sum
    }

    /// The fee of a month; nil leaves the credit a percentage.
    package let base: Money?
    /// Nil for no cap.
    package let capPercent: ExactDecimal?
    package let combining: Combining

    package init(base: Money?, capPercent: ExactDecimal?, combining: Combining) {
        self.base = base
        self.capPercent = capPercent
        self.combining = combining
    }
}

/// Credits, exactly: fractions are compared by cross-multiplication, and the one rounding is named.
package enum ServiceCredits {
    /// What is due for a month.
    package struct Due: Hashable, Sendable {
        /// Before the cap.
        package let earnedPercent: ExactDecimal
        package let percent: ExactDecimal
        package let isCapped: Bool
        /// Nil where the contract names no fee.
        package let amount: Money?

        package init(earnedPercent: ExactDecimal, percent: ExactDecimal, isCapped: Bool, amount: Money?) {
            self.earnedPercent = earnedPercent
            self.percent = percent
            self.isCapped = isCapped
            self.amount = amount
        }
    }

    /// Whether `part / whole` is strictly under `bound`. The bound has at most 20 digits and counts stay under 2^40, so the
    /// products lie far inside 128 bits.
    package static func isUnder(_ part: Int64, of whole: Int64, _ bound: ExactDecimal) -> Bool {
        var power: Int128 = 1
        for _ in 0..<bound.scale { power *= 10 }
        let left: Int128 = Int128(part) * power
        let right: Int128 = Int128(whole) * bound.mantissa
        return left < right
    }

    /// The credit of the last tier whose bound lies strictly over `part / whole`; nothing of nothing earns nothing.
    package static func percent(part: Int64, of whole: Int64, _ tiers: [Availability.Tier]) -> ExactDecimal {
        var credit = ExactDecimal.zero
        for tier in tiers where isUnder(part, of: whole, tier.below) { credit = tier.creditPercent }
        return credit
    }

    /// What the credits of a month's promises come to. The amount is rounded to the currency's minor unit, halves away from
    /// zero: the customer never loses the half.
    package static func due(_ earned: [ExactDecimal], under promise: CreditPromise) throws(Refusal) -> Due {
        var total = ExactDecimal.zero
        for one in earned {
            switch promise.combining {
            case .highest: total = max(total, one)
            case .sum: total = try total.adding(one)
            }
        }
        let percent = promise.capPercent.map { min($0, total) } ?? total
        var amount: Money?
        if let base = promise.base {
            let exact = try ExactDecimal(base).multiplied(by: percent).multiplied(by: ExactDecimal(mantissa: 1, scale: 2))
            amount = try exact.rounded(scale: base.currency.minorDigits, .halfUp).money(base.currency)
        }
        return Due(earnedPercent: total.normalized, percent: percent.normalized, isCapped: percent < total, amount: amount)
    }
}
