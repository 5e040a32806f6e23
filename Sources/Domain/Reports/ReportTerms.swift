package import Kernel
package import ServiceLevels

/// Every limit of this room, by name.
package enum ReportBounds {
    /// Missed clocks that a report lists one by one; the rest are counted and lie in the attached data.
    package static let breachesListedMax = 500
    package static let incidentsListedMax = 200
    /// Intervals of one explanation; longer ones are cut, and say so. The sums by reason are always whole.
    package static let traceIntervalsMax = 40
    package static let textScalarsMax = 2000
    package static let recommendationsMax = 20
    /// Differences that an amendment or a verification lists.
    package static let differencesMax = 200
    package static let trendMonths = 12
    package static let objectivesMax = 50
    /// Longer than any line that we write: a clock has at most some thousand events.
    package static let dataLineBytesMax = 4_194_304
    /// A document lists a bounded number of misses and incidents, so none comes near it.
    package static let documentBytesMax = 67_108_864
    /// Under so many cases a share says little, and the report says that; an objective with a budget names its own number.
    package static let fewCases: Int64 = 10
}

/// All that a month of one contract version is computed from besides its rows. Written at the head of the attached data, so that
/// the customer computes from the same.
package struct ReportTerms: Sendable {
    package struct Objective: Sendable, Hashable {
        package let name: String
        package let title: String
        /// Of its clocks; nil where runs are judged by whether anybody touched them.
        package let terms: ClockTerms?
        /// The share of cases that has to be met; nil for every one.
        package let share: ServiceShare?
        package let tiers: [Availability.Tier]
        /// Of announced maintenance at most so much of a month's service time is left out; nil for all of it.
        package let maintenanceCapSeconds: Int64?
        /// What of the announced maintenance its clocks leave out.
        package fileprivate(set) var maintenance: [MaintenanceWindow] = []

        /// As a decimal; one for every case.
        package var atLeast: ExactDecimal { share?.share ?? .one }

        package init(
            name: String, title: String, terms: ClockTerms?, share: ServiceShare?, tiers: [Availability.Tier],
            maintenanceCapSeconds: Int64? = nil
        ) {
            self.name = name
            self.title = title
            self.terms = terms
            self.share = share
            self.tiers = tiers
            self.maintenanceCapSeconds = maintenanceCapSeconds
        }
    }

    package let tenant: String
    package let contract: String
    package let version: String
    package let title: String
    /// `2026-10`.
    package let month: String
    package let zone: ZoneRules
    /// From the month's first local midnight to the next month's.
    package let period: Span
    package let objectives: [Objective]
    /// All that was announced; what an objective leaves out of it, it says itself.
    package let maintenance: [MaintenanceWindow]
    package let availability: AvailabilityPromise?
    /// The service time that availability is agreed in.
    package let calendar: ServiceCalendar
    package let credits: CreditPromise?
    /// Causes for which a missed clock may be left out.
    package let exclusions: [String]

    package init(
        tenant: String, contract: String, version: String, title: String, month: String, zone: ZoneRules,
        objectives: [Objective], maintenance: [MaintenanceWindow], availability: AvailabilityPromise?,
        calendar: ServiceCalendar, credits: CreditPromise?, exclusions: [String]
    ) throws(Refusal) {
        self.tenant = tenant
        self.contract = contract
        self.version = version
        self.title = title
        self.month = month
        self.zone = zone
        period = try ReportTerms.period(month, in: zone)
        self.objectives = objectives.map {
            var one = $0
            one.maintenance =
                $0.terms.map { [cap = $0.maintenanceCapSeconds] in
                    MaintenanceWindow.leftOut(of: maintenance, by: $0, capSeconds: cap, calendar: calendar)
                } ?? []
            return one
        }
        self.maintenance = maintenance
        self.availability = availability
        self.calendar = calendar
        self.credits = credits
        self.exclusions = exclusions
    }

    /// `2026-10` as absolute time in a zone.
    package static func period(_ month: String, in zone: ZoneRules) throws(Refusal) -> Span {
        guard month.utf8.count == 7, let first = CivilDate(month + "-01"), (2000..<9999).contains(first.year) else {
            throw Refusal(.invalid, reason: "report.month", "A month is written as 2026-10.", facts: ["field": "month"])
        }
        return Availability.month(first, in: zone)
    }

    /// The measure that has no clock.
    static let touchless = "touchless"

    package func objective(_ name: String) -> Objective? { objectives.first { sameBytes($0.name, name) } }
}

extension ReportTerms {
    package var json: JSONValue {
        .object([
            "kind": "report", "tenant": .string(tenant), "contract": .string(contract), "version": .string(version),
            "title": .string(title), "month": .string(month), "timezone": .string(zone.identifier),
            "zoneVersion": .string(zone.version), "from": .string(Moment(seconds: period.start).text(fraction: 0)),
            "to": .string(Moment(seconds: period.end).text(fraction: 0)),
            "objectives": .array(
                objectives.map { one in
                    .object([
                        "name": .string(one.name), "title": .string(one.title), "terms": one.terms?.json,
                        "measures": one.terms == nil ? .string(ReportTerms.touchless) : JSONValue?.none,
                        "atLeast": .string(one.atLeast.description),
                        "quietBelowCases": one.share.map { JSONValue($0.quietBelowCases) },
                        "credits": ReportTerms.json(one.tiers),
                        "maintenanceCapSeconds": one.maintenanceCapSeconds.map { JSONValue($0) },
                    ])
                }),
            "maintenance": .array(maintenance.map(\.json)), "calendar": calendar.json,
            "availability": availability.map { promise in
                .object([
                    "target": .string(promise.target.description), "credits": ReportTerms.json(promise.tiers),
                    "noticeSeconds": JSONValue(promise.noticeSeconds), "capSeconds": promise.capSeconds.map { JSONValue($0) },
                    "alerts": .array(promise.alerts.map(JSONValue.string)),
                ])
            },
            "credits": credits.map { promise in
                .object([
                    "feeMinor": promise.base.map { JSONValue($0.minorUnits) },
                    "currency": promise.base.map { .string($0.currency.code) },
                    "capPercent": promise.capPercent.map { .string($0.description) },
                    "combine": .string(promise.combining.rawValue),
                ])
            },
            "exclusions": .array(exclusions.map(JSONValue.string)),
        ])
    }

    private static func json(_ tiers: [Availability.Tier]) -> JSONValue {
        .array(
            tiers.map {
                ["below": .string($0.below.description), "creditPercent": .string($0.creditPercent.description)]
            })
    }

    /// Reads the head of attached data. A refusal names the member that is wrong.
    package init(json: JSONValue) throws(Refusal) {
        func text(_ name: String) throws(Refusal) -> String {
            guard let value = json[name]?.string else { throw ReportTerms.broken(name) }
            return value
        }
        let zone = try ZoneRules.load(try text("timezone"))
        var issues: [AssetIssue] = []
        let calendar = json["calendar"].flatMap { ServiceCalendar.parse($0, issues: &issues) }
        guard let calendar, issues.isEmpty else { throw ReportTerms.broken("calendar") }
        guard let listed = json["objectives"]?.array, listed.count <= ReportBounds.objectivesMax else {
            throw ReportTerms.broken("objectives")
        }
        var objectives: [Objective] = []
        for one in listed {
            guard let name = one["name"]?.string, let title = one["title"]?.string,
                let atLeast = one["atLeast"]?.string.flatMap({ ExactDecimal($0) })
            else { throw ReportTerms.broken("objectives") }
            let quiet = one["quietBelowCases"]?.int ?? ServiceShare.quietBelowCasesDefault
            let share = ServiceShare(atLeast, quietBelowCases: quiet)
            guard share != nil || atLeast.normalized == .one else { throw ReportTerms.broken("atLeast") }
            var terms: ClockTerms?
            if one["measures"]?.string != ReportTerms.touchless {
                guard let written = one["terms"] else { throw ReportTerms.broken("objectives") }
                terms = try ClockTerms(json: written)
            }
            objectives.append(
                Objective(
                    name: name, title: title, terms: terms, share: share,
                    tiers: try ReportTerms.tiers(one["credits"]), maintenanceCapSeconds: one["maintenanceCapSeconds"]?.int64))
        }
        var maintenance: [MaintenanceWindow] = []
        for one in json["maintenance"]?.array ?? [] {
            guard let window = MaintenanceWindow.parse(one, at: "/maintenance", issues: &issues) else {
                throw ReportTerms.broken("maintenance")
            }
            maintenance.append(window)
        }
        try self.init(
            tenant: try text("tenant"), contract: try text("contract"), version: try text("version"), title: try text("title"),
            month: try text("month"), zone: zone, objectives: objectives, maintenance: maintenance,
            availability: try ReportTerms.availability(json["availability"]), calendar: calendar,
            credits: try ReportTerms.credits(json["credits"]),
            exclusions: (json["exclusions"]?.array ?? []).compactMap(\.string))
    }

    private static func availability(_ json: JSONValue?) throws(Refusal) -> AvailabilityPromise? {
        guard let json, !json.isNull else { return nil }
        guard let target = json["target"]?.string.flatMap({ ExactDecimal($0) }), let notice = json["noticeSeconds"]?.int64,
            let alerts = json["alerts"]?.array
        else { throw broken("availability") }
        return AvailabilityPromise(
            target: target, tiers: try tiers(json["credits"]), noticeSeconds: notice, capSeconds: json["capSeconds"]?.int64,
            alerts: alerts.compactMap(\.string))
    }

    private static func credits(_ json: JSONValue?) throws(Refusal) -> CreditPromise? {
        guard let json, !json.isNull else { return nil }
        guard let combining = json["combine"]?.string.flatMap({ CreditPromise.Combining(rawValue: $0) }) else {
            throw broken("credits")
        }
        var base: Money?
        if let minor = json["feeMinor"]?.int64 {
            guard let currency = json["currency"]?.string.flatMap({ Currency($0) }) else { throw broken("credits") }
            base = try Money(minorUnits: minor, currency: currency)
        }
        return CreditPromise(
            base: base, capPercent: json["capPercent"]?.string.flatMap { ExactDecimal($0) }, combining: combining)
    }

    private static func tiers(_ json: JSONValue?) throws(Refusal) -> [Availability.Tier] {
        var tiers: [Availability.Tier] = []
        for one in json?.array ?? [] {
            guard let below = one["below"]?.string.flatMap({ ExactDecimal($0) }),
                let credit = one["creditPercent"]?.string.flatMap({ ExactDecimal($0) })
            else { throw broken("credits") }
            tiers.append(Availability.Tier(below: below, creditPercent: credit))
        }
        return tiers
    }

    private static func broken(_ member: String) -> Refusal {
        Refusal(
            .invalid, reason: "report.terms", "The head of the data has no usable \(member). Fetch the data of the report again.",
            facts: ["field": member])
    }
}
