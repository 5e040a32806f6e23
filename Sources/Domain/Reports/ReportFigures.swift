package import Incidents
package import Kernel
package import ServiceLevels

/// What a person wrote about one missed clock.
package struct Justification: Sendable, Equatable {
    /// Why clocks are missed; the last is for what no word fits. Only those that the contract lists may excuse.
    package static let causes = [
        "customer", "third-party", "force-majeure", "staffing", "system", "configuration", "data", "other",
    ]

    package let cause: String
    package let text: String
    /// Left out of the share, as the contract permits for this cause.
    package let isExcluded: Bool

    package init(cause: String, text: String, isExcluded: Bool) {
        self.cause = cause
        self.text = text
        self.isExcluded = isExcluded
    }

    package var json: JSONValue { ["cause": .string(cause), "text": .string(text), "excluded": .bool(isExcluded)] }

    package init?(json: JSONValue) {
        guard let cause = json["cause"]?.string, let text = json["text"]?.string else { return nil }
        self.init(cause: cause, text: text, isExcluded: json["excluded"]?.bool ?? false)
    }
}

/// The figures of a month: every number on the report that is no text of a person.
///
/// Shares stay whole numbers of whole numbers, nothing is rounded, and no cases give null. A justified exclusion takes its case
/// out of both sides, so no exclusion can raise a share above one.
package struct ReportFigures: Sendable, Equatable {
    package struct Objective: Sendable, Equatable {
        package let name: String
        package let title: String
        /// 0 where nothing is timed.
        package let targetSeconds: Int64
        /// Nil for every case.
        package let share: ServiceShare?
        package let met: Int64
        /// Missed and not excluded.
        package let missed: Int64
        package let excluded: Int64
        package let cancelled: Int64
        package let openAtEnd: Int64
        package let creditPercent: ExactDecimal

        /// The cases that count.
        package var counts: CaseCounts { CaseCounts(good: met, bad: missed) }
        package var n: Int64 { counts.total }
        /// Nil without a case.
        package var isKept: Bool? { n == 0 ? nil : !ServiceShare.isMissed(share, by: counts) }
        package var atLeast: ExactDecimal { share?.share ?? .one }
        /// So few cases that the share says little.
        package var isQuiet: Bool { n > 0 && n < share.map { Int64($0.quietBelowCases) } ?? ReportBounds.fewCases }
    }

    package let objectives: [Objective]
    package let availability: Availability.Result?
    package let incidents: Int
    package let bySeverity: [String: Int]
    package let response: ResponseFigures
    package let credits: ServiceCredits.Due?

    package init(
        _ terms: ReportTerms, _ tally: MonthTally, _ incidents: IncidentTally, justified: [String: Justification]
    ) throws(Refusal) {
        var excluded: [String: Int64] = [:]
        for breach in tally.breaches where justified[breach.key]?.isExcluded == true {
            excluded[breach.objective, default: 0] += 1
        }
        objectives = terms.objectives.map { one in
            let count = tally.counts[one.name] ?? MonthTally.Count()
            let left = min(excluded[one.name] ?? 0, count.breached)
            return Objective(
                name: one.name, title: one.title, targetSeconds: one.terms?.targetSeconds ?? 0, share: one.share, met: count.met,
                missed: count.breached - left, excluded: left, cancelled: count.cancelled, openAtEnd: count.open,
                creditPercent: ServiceCredits.percent(part: count.met, of: count.met + count.breached - left, one.tiers))
        }
        availability = terms.availability.map { promise in
            Availability(
                calendar: terms.calendar, period: terms.period, target: promise.target, tiers: promise.tiers,
                maintenanceNoticeSeconds: promise.noticeSeconds, maintenanceCapSeconds: promise.capSeconds
            ).result(outages: incidents.outages, maintenance: terms.maintenance)
        }
        self.incidents = incidents.opened.count
        bySeverity = Dictionary(incidents.opened.map { ($0.severity, 1) }, uniquingKeysWith: +)
        response = ResponseFigures(
            incidents.opened.map {
                ResponseFigures.Case(openedAt: $0.openedAt, acknowledgedAt: $0.acknowledgedAt, resolvedAt: $0.resolvedAt)
            })
        let earned = objectives.map(\.creditPercent) + (availability.map { [$0.creditPercent] } ?? [])
        if let promise = terms.credits {
            credits = try ServiceCredits.due(earned, under: promise)
        } else {
            credits = nil
        }
    }

    package var json: JSONValue {
        .object([
            "objectives": .array(objectives.map(\.json)),
            "availability": availability.map { result in
                [
                    "agreedSeconds": JSONValue(result.agreedSeconds), "downtimeSeconds": JSONValue(result.downtimeSeconds),
                    "excludedSeconds": JSONValue(result.excludedSeconds), "met": .bool(result.isMet),
                    "creditPercent": .string(result.creditPercent.normalized.description),
                ]
            },
            "incidents": [
                "n": JSONValue(incidents),
                "bySeverity": .object(
                    JSONObject(bySeverity.sorted { $0.key < $1.key }.map { (key: $0.key, value: JSONValue($0.value)) })),
                "response": response.json,
            ],
            "credits": credits.map { due in
                .object([
                    "earnedPercent": .string(due.earnedPercent.description), "percent": .string(due.percent.description),
                    "isCapped": .bool(due.isCapped), "amount": due.amount.map { .string($0.decimalText) },
                    "currency": due.amount.map { .string($0.currency.code) },
                ])
            },
        ])
    }
}

extension ReportFigures.Objective {
    package var json: JSONValue {
        .object([
            "name": .string(name), "title": .string(title), "targetSeconds": JSONValue(targetSeconds),
            "atLeast": .string(atLeast.description), "n": JSONValue(n), "met": JSONValue(met), "missed": JSONValue(missed),
            "excluded": JSONValue(excluded), "cancelled": JSONValue(cancelled), "openAtEnd": JSONValue(openAtEnd),
            "kept": isKept.map { .bool($0) } ?? .null, "creditPercent": .string(creditPercent.normalized.description),
        ])
    }
}
