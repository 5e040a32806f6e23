internal import Kernel

/// The wording of a monthly report in one language; a report says nothing that does not stand here, in its figures, or in what
/// a person wrote on it.
package struct ReportWords: Sendable {
    /// BCP 47, for `lang`.
    package let language: String
    let months: [String]
    let monthsShort: [String]
    let title: String
    let report: String
    let revision: String
    let amends: String
    let summary: String
    let commitments: String
    let commitmentHeads: [String]
    let missed: String
    let noMissed: String
    let missedHeads: [String]
    let moreMissed: String
    let excluded: String
    let unexplained: String
    let trace: String
    let traceCut: String
    let availability: String
    let availabilityHeads: [String]
    let noAvailability: String
    let incidents: String
    let incidentHeads: [String]
    let noIncidents: String
    let notEnded: String
    let credits: String
    let noCredits: String
    let creditLine: String
    let creditCapped: String
    let creditNoFee: String
    let trend: String
    let noTrend: String
    let recommendations: String
    let signature: String
    let unsigned: String
    let signedBy: String
    let data: String
    let dataText: String
    let verify: String
    let kept: String
    let notKept: String
    let noCase: String
    let of: String
    /// In the place of a time, where runs must not be touched.
    let untouched: String
    let hours: String
    let minutes: String
    let seconds: String
    let days: String
    let page: String
    let over: String
    let due: String
    let cause: String
    let causes: [String: String]
    let reasons: [String: String]
    let advice: [String: String]
    let autoSummary: String
    let autoMissedOne: String
    let autoMissedMany: String
    let mailSubject: String
    let mailText: String
    let mailWithFile: String
    let mailWithoutFile: String
    let changes: String

    /// The words of a language; English for one that reports are not written in.
    package static func of(_ language: String) -> ReportWords {
        switch language {
        case "de": .german
        case "fr": .french
        default: .english
        }
    }

    /// `October 2026` of `2026-10`.
    package func month(_ month: String) -> String {
        guard let date = CivilDate(month + "-01") else { return month }
        return "\(months[date.month - 1]) \(date.year)"
    }

    /// `Oct 26`, for the axis of the trend.
    func shortMonth(_ month: String) -> String {
        guard let date = CivilDate(month + "-01") else { return month }
        return monthsShort[date.month - 1]
    }

    /// `5 Oct 2026, 16:50` in the report's zone.
    func moment(_ moment: Moment, _ zone: ZoneRules) -> String {
        let local = zone.localTime(at: moment)
        let (hour, minute) = (local.secondOfDay / 3600, local.secondOfDay / 60 % 60)
        let day = language == "de" ? "\(local.date.day)." : "\(local.date.day)"
        return "\(day) \(monthsShort[local.date.month - 1]) \(local.date.year), "
            + "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
    }

    /// What a promise names: a time, or that nobody touches the run.
    func target(_ seconds: Int64) -> String { seconds == 0 ? untouched : span(seconds) }

    /// The two largest units that say something; the rest is never rounded up.
    func span(_ value: Int64) -> String {
        let parts = [
            (value / 3600, hours), (value / 60 % 60, minutes), (value % 60, seconds),
        ].filter { $0.0 > 0 }
        guard !parts.isEmpty else { return "0 \(seconds)" }
        return parts.prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }

    /// `97.2 %`, cut and never rounded up, so that only all of them are 100 %.
    func share(_ part: Int64, of whole: Int64) -> String {
        guard whole > 0 else { return "–" }
        let permille = part * 1000 / whole
        return MoneyText(locale: language).grouped("\(permille / 10).\(permille % 10)") + "\u{00A0}%"
    }

    /// `0.995` as `99.5 %`.
    func percent(ofShare text: String) -> String {
        // A share has few digits; were it none, its text says more than nothing.
        guard let share = ExactDecimal(text), let hundred = try? share.multiplied(by: ExactDecimal(100)) else { return text }
        return percent(hundred.normalized.description)
    }

    func percent(_ text: String) -> String { MoneyText(locale: language).grouped(text) + "\u{00A0}%" }

    func count(_ value: Int64) -> String { MoneyText(locale: language).count(Int(value)) }

    func fill(_ text: String, _ values: [String: String]) -> String {
        var out = ""
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            out += rest[..<open]
            out += values[String(rest[rest.index(after: open)..<close])] ?? ""
            rest = rest[rest.index(after: close)...]
        }
        return out + rest
    }

    func reason(_ text: String) -> String {
        if let known = reasons[text] { return known }
        guard text.hasPrefix("paused: ") else { return text }
        let named = text.dropFirst("paused: ".count).map { $0 == "_" ? " " : String($0) }.joined()
        return "\(reasons["paused"] ?? "paused"): \(named)"
    }
}
