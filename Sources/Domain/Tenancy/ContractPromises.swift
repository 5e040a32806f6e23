internal import Kernel
internal import ServiceLevels

/// How the monthly report of a contract is made, and who gets it.
package struct ReportPromise: Hashable, Sendable {
    package static let recipientsMax = 20
    /// The languages that reports are written in.
    package static let languages = ["de", "en", "fr"]
    /// Why a missed clock may be left out, where the contract says so.
    package static let exclusionsKnown = ["customer", "third-party", "force-majeure"]

    /// Zone of the calendar month; the tenant's unless given.
    package let timeZone: String?
    /// Of `languages`; the tenant's unless given.
    package let language: String?
    /// Addresses that get the report when it is sent.
    package let recipients: [String]
    /// Of `exclusionsKnown`; none unless the contract lists them.
    package let exclusions: [String]

    package init(timeZone: String? = nil, language: String? = nil, recipients: [String] = [], exclusions: [String] = []) {
        self.timeZone = timeZone
        self.language = language
        self.recipients = recipients
        self.exclusions = exclusions
    }
}

/// The parts of a contract that its monthly report is computed from: their shapes and their reading.
enum ContractPromises {
    static let alertsMax = 20

    static let tiers = Shape.list(of: .object(tier), count: 1...ContractDocument.tiersMax)

    private static let tier = ObjectShape(
        "a credit tier", "What is given back under a bound.",
        [
            required("below", .text(.fraction), "the tier applies to a share strictly under this."),
            required("creditPercent", .text(.amount), "percent of the month's fee."),
        ])

    static let availability = ObjectShape(
        "the availability promise", "How much of the service time of a month the service is there.",
        [
            required("target", .text(.fraction), "share of the agreed time, such as \"0.995\"."),
            required(
                "alerts", .list(of: .text(.slug), count: 1...alertsMax),
                "names of the alerts whose incidents are outages, from opening to resolution."),
            optional(
                "noticeSeconds", .integer(0...31_536_000), "notice after which maintenance is no agreed time; 0 unless given."),
            optional("capSeconds", .integer(0...2_678_400), "most maintenance of a month that is left out; no cap unless given."),
            optional("credits", tiers, "what a month earns back whose share is under a bound."),
        ])

    static let credits = ObjectShape(
        "the credit rule", "How the credits of a month become one amount.",
        [
            optional("fee", .text(.amount), "the fee of a month that percentages are taken of."),
            optional("currency", .text(.currency), "currency of the fee; needed with it."),
            optional("capPercent", .text(.amount), "most percent of the fee in one month; no cap unless given."),
            optional(
                "combine", .choice(CreditPromise.Combining.allCases.map(\.rawValue)),
                "whether credits of several promises are added up; `highest` unless given, so that one event earns one credit."),
        ])

    static let reporting = ObjectShape(
        "the report rule", "How the monthly report is made.",
        [
            optional("timezone", .text(.timeZone), "zone in which months begin, of budgets too; the calendar's unless given."),
            optional("language", .choice(ReportPromise.languages), "language of the report; the tenant's unless given."),
            optional(
                "recipients", .list(of: .text(.email), count: 1...ReportPromise.recipientsMax),
                "addresses that get the report when it is sent."),
            optional(
                "exclusions", .list(of: .choice(ReportPromise.exclusionsKnown), count: 1...ReportPromise.exclusionsKnown.count),
                "causes for which a missed clock may be left out, with a reason."),
        ])

    static func tiers(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> [Availability.Tier] {
        let tiers = (json?.array ?? []).compactMap { entry -> Availability.Tier? in
            guard let below = entry["below"]?.string.flatMap({ ExactDecimal($0) }),
                let credit = entry["creditPercent"]?.string.flatMap({ ExactDecimal($0) })
            else { return nil }
            return Availability.Tier(below: below, creditPercent: credit)
        }
        for (index, pair) in zip(tiers, tiers.dropFirst()).enumerated() {
            if pair.1.below >= pair.0.below || pair.1.creditPercent <= pair.0.creditPercent {
                issues.append(
                    AssetIssue(
                        "\(pointer)/\(index + 1)", "A later tier has to have a lower bound and a higher credit.",
                        remedy: "Sort the tiers from the highest bound to the lowest."))
            }
        }
        if let over = tiers.firstIndex(where: { $0.creditPercent > ExactDecimal(100) }) {
            issues.append(
                AssetIssue(
                    "\(pointer)/\(over)/creditPercent", "More than the whole fee is given back.", remedy: "Give at most \"100\".")
            )
        }
        return tiers
    }

    static func availability(_ json: JSONValue?, issues: inout [AssetIssue]) -> AvailabilityPromise? {
        guard let json, let target = json["target"]?.string.flatMap({ ExactDecimal($0) }) else { return nil }
        return AvailabilityPromise(
            target: target, tiers: tiers(json["credits"], at: "/availability/credits", issues: &issues),
            noticeSeconds: json["noticeSeconds"]?.int64 ?? 0, capSeconds: json["capSeconds"]?.int64,
            alerts: Fields(json).texts("alerts"))
    }

    static func credits(_ json: JSONValue?, issues: inout [AssetIssue]) -> CreditPromise? {
        guard let json else { return nil }
        let fee = json["fee"]?.string.flatMap { ExactDecimal($0) }
        let currency = json["currency"]?.string.flatMap { Currency($0) }
        if (fee == nil) != (currency == nil) {
            issues.append(
                AssetIssue("/credits", "A fee and its currency belong together.", remedy: "Give both of them, or neither."))
        }
        var base: Money?
        if let fee, let currency {
            do throws(Refusal) {
                base = try fee.money(currency)
            } catch {
                issues.append(
                    AssetIssue("/credits/fee", error.message, remedy: "Write it with the digits that the currency has."))
            }
        }
        return CreditPromise(
            base: base, capPercent: json["capPercent"]?.string.flatMap { ExactDecimal($0) },
            combining: json["combine"]?.string.flatMap { CreditPromise.Combining(rawValue: $0) } ?? .highest)
    }

    static func reporting(_ json: JSONValue?, issues: inout [AssetIssue]) -> ReportPromise {
        guard let json else { return ReportPromise() }
        let fields = Fields(json)
        let recipients = fields.texts("recipients")
        if Set(recipients.map { $0.lowercased() }).count < recipients.count {
            issues.append(
                AssetIssue("/reporting/recipients", "An address stands here twice.", remedy: "Name each address once."))
        }
        return ReportPromise(
            timeZone: fields.textIfAny("timezone"), language: fields.textIfAny("language"), recipients: recipients,
            exclusions: fields.texts("exclusions"))
    }
}

extension TextRule {
    /// From none to all as an exact decimal: `0.995`. Unlike a share of cases it may be the whole.
    package static let fraction = TextRule(
        "a fraction", pattern: "^(0(\\.[0-9]{1,6})?|1(\\.0{1,6})?)$", length: 1...8,
        remedy: "Write a decimal from 0 to 1 in quotes, such as \"0.995\"."
    ) { text in
        guard text.utf8.count <= 8, let value = ExactDecimal(text), text.utf8.first?.isDigit == true else { return false }
        return !value.isNegative && value <= .one && value.scale <= 6
    }
}
