package import Kernel
internal import ServiceLevels

/// What people wrote on a report.
package struct ReportTexts: Sendable, Equatable {
    /// Nil for the sentence that follows from the figures.
    package var summary: String?
    /// Nil for those that follow from the figures.
    package var recommendations: [String]?
    /// By the key of the missed clock.
    package var justified: [String: Justification]

    package init(summary: String? = nil, recommendations: [String]? = nil, justified: [String: Justification] = [:]) {
        self.summary = summary
        self.recommendations = recommendations
        self.justified = justified
    }

    package var json: JSONValue {
        .object([
            "summary": summary.map(JSONValue.string),
            "recommendations": recommendations.map { .array($0.map(JSONValue.string)) },
            "justified": .object(
                JSONObject(justified.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.json) })),
        ])
    }

    package init(json: JSONValue) {
        summary = json["summary"]?.string
        recommendations = json["recommendations"]?.array?.compactMap(\.string)
        justified = [:]
        for (key, value) in json["justified"]?.object ?? [:] { justified[key] = Justification(json: value) }
    }

    /// Refuses what is too long, blank, about another clock, or excluded for a cause that the contract does not list.
    package func check(breaches: [ListedBreach], exclusions: [String]) throws(Refusal) {
        func bounded(_ text: String, _ field: String) throws(Refusal) {
            guard text.unicodeScalars.count <= ReportBounds.textScalarsMax, text.contains(where: { !$0.isWhitespace }) else {
                throw Refusal(
                    .invalid, reason: "report.text", "Write 1 to \(ReportBounds.textScalarsMax) characters.",
                    facts: ["field": field])
            }
        }
        if let summary { try bounded(summary, "summary") }
        if let recommendations {
            guard recommendations.count <= ReportBounds.recommendationsMax else {
                throw Refusal(
                    .invalid, reason: "report.recommendations",
                    "At most \(ReportBounds.recommendationsMax) recommendations are read by anybody.",
                    facts: ["field": "recommendations"])
            }
            for text in recommendations { try bounded(text, "recommendations") }
        }
        let known = Set(breaches.map(\.key))
        for (key, one) in justified {
            guard known.contains(key) else {
                throw Refusal(
                    .invalid, reason: "report.breach", "No missed clock \(key.prefix(80)) is listed on this report.",
                    facts: ["field": "justified"])
            }
            guard Justification.causes.contains(one.cause) else {
                throw Refusal(
                    .invalid, reason: "report.cause", "A cause is one of \(Justification.causes.joined(separator: ", ")).",
                    facts: ["field": "cause"])
            }
            try bounded(one.text, "text")
            if one.isExcluded, !exclusions.contains(one.cause) {
                let listed = exclusions.isEmpty ? "none" : exclusions.joined(separator: ", ")
                throw Refusal(
                    .unprocessable, reason: "report.exclusion",
                    "The contract lets no clock be left out for \(one.cause); it lists \(listed).", facts: ["field": "excluded"])
            }
        }
    }
}

/// What stands on a report besides its figures.
package struct ReportFacts: Sendable, Equatable {
    package let number: Int64
    package let revision: Int32
    package let tenant: String
    package let tenantName: String
    package let language: String
    package let builtAt: Moment
    package let dataHash: String
    package let dataLines: Int64
    /// Figures of earlier months as their reports have them, the oldest first.
    package let trend: [JSONValue]
    /// Why this revision stands in the place of an earlier one, and what has changed; null for a first one.
    package let amends: JSONValue

    package init(
        number: Int64, revision: Int32, tenant: String, tenantName: String, language: String, builtAt: Moment,
        dataHash: String, dataLines: Int64, trend: [JSONValue], amends: JSONValue
    ) {
        self.number = number
        self.revision = revision
        self.tenant = tenant
        self.tenantName = tenantName
        self.language = language
        self.builtAt = builtAt
        self.dataHash = dataHash
        self.dataLines = dataLines
        self.trend = trend
        self.amends = amends
    }
}

/// The whole report as one document: what is shown, hashed, signed and checked.
package enum ReportDocument {
    package static func json(
        _ facts: ReportFacts, _ terms: ReportTerms, _ tally: MonthTally, _ incidents: IncidentTally, _ texts: ReportTexts
    ) throws(Refusal) -> JSONValue {
        let figures = try ReportFigures(terms, tally, incidents, justified: texts.justified)
        let advice = ReportAdvice.of(figures, breaches: tally.breaches, justified: texts.justified)
        let missed = tally.missedClocks(terms)
        return .object([
            "kind": "slaReport", "number": JSONValue(facts.number), "revision": JSONValue(Int64(facts.revision)),
            "amends": facts.amends, "tenant": .string(facts.tenant), "tenantName": .string(facts.tenantName),
            "language": .string(facts.language), "contract": .string(terms.contract), "version": .string(terms.version),
            "title": .string(terms.title), "month": .string(terms.month), "timezone": .string(terms.zone.identifier),
            "zoneVersion": .string(terms.zone.version),
            "from": .string(Moment(seconds: terms.period.start).text(fraction: 0)),
            "to": .string(Moment(seconds: terms.period.end).text(fraction: 0)),
            "builtAt": .string(facts.builtAt.text(fraction: 0)), "dataHash": .string(facts.dataHash),
            "dataLines": JSONValue(facts.dataLines), "figures": figures.json,
            "breaches": .array(
                tally.breaches.map { breach in
                    var one = breach.json.object ?? [:]
                    one["justification"] = texts.justified[breach.key]?.json ?? .null
                    return .object(one)
                }),
            "breachesTotal": JSONValue(missed),
            "incidents": .array(incidents.opened.prefix(ReportBounds.incidentsListedMax).map(\.json)),
            "trend": .array(facts.trend), "summary": texts.summary.map(JSONValue.string) ?? .null,
            "recommendations": texts.recommendations.map { .array($0.map(JSONValue.string)) } ?? .null,
            "advice": .array(advice.map(\.json)),
        ])
    }

    /// The line of one month in the trend of later reports.
    package static func trendLine(_ document: JSONValue) -> JSONValue {
        [
            "month": document["month"] ?? .null,
            "objectives": .array(
                (document["figures"]?["objectives"]?.array ?? []).map {
                    [
                        "name": $0["name"] ?? .null, "title": $0["title"] ?? .null, "met": $0["met"] ?? .null,
                        "n": $0["n"] ?? .null,
                    ]
                }),
        ]
    }

    /// What differs between two sets of figures: where, what it was, what it is. At most `ReportBounds.differencesMax`.
    package static func differences(from earlier: JSONValue, to later: JSONValue) -> [ReportDifference] {
        var found: [ReportDifference] = []
        compare(earlier, later, at: "", &found)
        return Array(found.prefix(ReportBounds.differencesMax))
    }

    private static func compare(_ old: JSONValue, _ new: JSONValue, at pointer: String, _ found: inout [ReportDifference]) {
        switch (old, new) {
        case (.object(let left), .object(let right)):
            for key in left.keys + right.keys.filter({ left[$0] == nil }) {
                compare(left[key] ?? .null, right[key] ?? .null, at: pointer + "/" + AssetIssue.token(key), &found)
            }
        case (.array(let left), .array(let right)):
            for index in 0..<max(left.count, right.count) {
                let one = index < left.count ? left[index] : .null
                let other = index < right.count ? right[index] : .null
                // What has a name is named, so that a difference can be read without counting.
                let name = (one["name"] ?? other["name"])?.string ?? "\(index)"
                compare(one, other, at: pointer + "/" + AssetIssue.token(name), &found)
            }
        case (_, _) where old != new: found.append(ReportDifference(place: pointer, reported: old, computed: new))
        default: break
        }
    }
}

/// One figure that is not what it should be.
package struct ReportDifference: Sendable, Equatable {
    /// Pointer into the figures, such as `/objectives/posting/met`.
    package let place: String
    package let reported: JSONValue
    package let computed: JSONValue

    package init(place: String, reported: JSONValue, computed: JSONValue) {
        self.place = place
        self.reported = reported
        self.computed = computed
    }

    package var json: JSONValue { ["place": .string(place), "was": reported, "is": computed] }
}
