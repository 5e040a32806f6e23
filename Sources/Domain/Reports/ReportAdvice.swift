internal import Incidents
package import Kernel
internal import ServiceLevels

/// A recommendation that follows from the figures by a rule: a code and its facts, worded by whoever shows it.
package struct ReportAdvice: Sendable, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// Too few cases met their target.
        case objectiveMissed = "objective-missed"
        /// Kept, but half of what may be missed is used up.
        case objectiveClose = "objective-close"
        /// Too few cases for the share to say much.
        case fewCases = "few-cases"
        case availabilityMissed = "availability-missed"
        /// Incidents that nobody answered by the end of the month.
        case unanswered
        /// One cause stands behind several missed clocks.
        case repeatedCause = "repeated-cause"
        /// Missed clocks without a justification.
        case unexplained
        case allKept = "all-kept"
    }

    /// Missed clocks of one cause from which on it is worth a word.
    static let repeatedMin = 3

    package let code: Code
    package let subject: String
    package let count: Int64
    package let of: Int64

    package var json: JSONValue {
        [
            "code": .string(code.rawValue), "subject": .string(subject), "count": JSONValue(count), "of": JSONValue(of),
        ]
    }

    package init(_ code: Code, subject: String = "", count: Int64 = 0, of: Int64 = 0) {
        self.code = code
        self.subject = subject
        self.count = count
        self.of = of
    }

    package init?(json: JSONValue) {
        guard let code = json["code"]?.string.flatMap({ Code(rawValue: $0) }) else { return nil }
        self.init(
            code, subject: json["subject"]?.string ?? "", count: json["count"]?.int64 ?? 0, of: json["of"]?.int64 ?? 0)
    }

    /// In the order in which they are read: what was missed, what was close, what is weak, then the praise.
    package static func of(
        _ figures: ReportFigures, breaches: [ListedBreach], justified: [String: Justification]
    ) -> [ReportAdvice] {
        var advice: [ReportAdvice] = []
        for one in figures.objectives where one.isKept == false {
            advice.append(ReportAdvice(.objectiveMissed, subject: one.title, count: one.met, of: one.n))
        }
        if let availability = figures.availability, !availability.isMet {
            advice.append(
                ReportAdvice(.availabilityMissed, count: availability.downtimeSeconds, of: availability.agreedSeconds))
        }
        for one in figures.objectives where one.isKept == true && one.missed > 0 {
            // Half of the allowance: met / n under the middle between the bound and all of them.
            if let sum = try? one.atLeast.adding(.one),  // two shares: their sum is in range
                ServiceCredits.isUnder(one.met * 2, of: one.n, sum)
            {
                advice.append(ReportAdvice(.objectiveClose, subject: one.title, count: one.met, of: one.n))
            }
        }
        for one in figures.objectives where one.isQuiet {
            advice.append(ReportAdvice(.fewCases, subject: one.title, count: one.n))
        }
        if figures.response.toAcknowledge.excluded > 0 {
            advice.append(
                ReportAdvice(
                    .unanswered, count: Int64(figures.response.toAcknowledge.excluded), of: Int64(figures.incidents)))
        }
        let causes = Dictionary(grouping: breaches.compactMap { justified[$0.key]?.cause }, by: { $0 })
        for (cause, all) in causes.sorted(by: { ($1.value.count, $0.key) < ($0.value.count, $1.key) })
        where all.count >= repeatedMin && cause != "other" {
            advice.append(ReportAdvice(.repeatedCause, subject: cause, count: Int64(all.count)))
        }
        let unexplained = breaches.count { justified[$0.key] == nil }
        if unexplained > 0 { advice.append(ReportAdvice(.unexplained, count: Int64(unexplained))) }
        let isAllKept = figures.objectives.contains { $0.n > 0 } && !figures.objectives.contains { $0.missed > 0 }
        if isAllKept, figures.availability?.isMet != false { advice.append(ReportAdvice(.allKept)) }
        return advice
    }
}
