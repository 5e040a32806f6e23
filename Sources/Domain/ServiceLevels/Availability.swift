package import Kernel

/// A month's availability and the credit it earns: seconds of agreed time against seconds of outage inside it.
///
/// Fractions stay fractions: `(agreed - downtime) / agreed` is compared by cross-multiplication, so no rounding can turn a
/// missed month into a met one. A month without agreed time has missed nothing and earns nothing.
package struct Availability: Sendable {
    package struct Tier: Hashable, Sendable {
        /// The credit applies when the value is strictly under this.
        package let below: ExactDecimal
        package let creditPercent: ExactDecimal

        package init(below: ExactDecimal, creditPercent: ExactDecimal) {
            self.below = below
            self.creditPercent = creditPercent
        }
    }

    package struct Result: Hashable, Sendable {
        package let agreedSeconds: Int64
        package let downtimeSeconds: Int64
        package let isMet: Bool
        package let creditPercent: ExactDecimal
        /// Of the month's service time, what announced maintenance took out of the agreed time.
        package let excludedSeconds: Int64

        package init(
            agreedSeconds: Int64, downtimeSeconds: Int64, isMet: Bool, creditPercent: ExactDecimal, excludedSeconds: Int64 = 0
        ) {
            self.agreedSeconds = agreedSeconds
            self.downtimeSeconds = downtimeSeconds
            self.isMet = isMet
            self.creditPercent = creditPercent
            self.excludedSeconds = excludedSeconds
        }
    }

    package let calendar: ServiceCalendar
    /// The calendar month as absolute time, from its first local midnight to the next month's.
    package let period: Span
    /// From 0 to 1.
    package let target: ExactDecimal
    /// In the order of the contract; the last one that applies counts.
    package let tiers: [Tier]
    package let creditCapPercent: ExactDecimal?
    package let maintenanceNoticeSeconds: Int64
    /// Of excluded service time in the month; nil means no cap.
    package let maintenanceCapSeconds: Int64?

    package init(
        calendar: ServiceCalendar, period: Span, target: ExactDecimal, tiers: [Tier], creditCapPercent: ExactDecimal? = nil,
        maintenanceNoticeSeconds: Int64 = 0, maintenanceCapSeconds: Int64? = nil
    ) {
        self.calendar = calendar
        self.period = period
        self.target = target
        self.tiers = tiers
        self.creditCapPercent = creditCapPercent
        self.maintenanceNoticeSeconds = maintenanceNoticeSeconds
        self.maintenanceCapSeconds = maintenanceCapSeconds
    }

    /// The month `year-month` as a zone's clocks mark it: March in Berlin has 743 hours.
    package static func month(_ first: CivilDate, in zone: ZoneRules) -> Span {
        let days = CivilDate.days(in: first.month, of: first.year)
        let start = zone.instant(of: first, secondOfDay: 0)
        let end = zone.instant(of: first.adding(days: days), secondOfDay: 0)
        return Span(start: start.seconds, end: end.seconds)
    }

    /// Outages and maintenance may overlap each other and the edges of the month.
    package func result(outages: [Span], maintenance: [MaintenanceWindow]) -> Result {
        let service = Span.union(Array(ServiceIntervals(calendar: calendar, from: period.start, until: period.end)))
        let announced = maintenance.filter { $0.isAnnounced(noticeSeconds: maintenanceNoticeSeconds) }.map(\.span)
        var excluded = Span.intersection(service, Span.union(announced))
        if let cap = maintenanceCapSeconds { excluded = Availability.earliest(cap, of: excluded) }
        let agreed = Span.difference(service, excluded)
        let down = Span.intersection(agreed, Span.union(outages))
        let agreedSeconds = Span.seconds(agreed)
        let downtimeSeconds = Span.seconds(down)
        let up = agreedSeconds - downtimeSeconds
        var credit = ServiceCredits.percent(part: up, of: agreedSeconds, tiers)
        if let cap = creditCapPercent, credit > cap { credit = cap }
        return Result(
            agreedSeconds: agreedSeconds, downtimeSeconds: downtimeSeconds,
            isMet: !ServiceCredits.isUnder(up, of: agreedSeconds, target), creditPercent: credit,
            excludedSeconds: Span.seconds(excluded))
    }

    /// The first `seconds` of the spans.
    static func earliest(_ seconds: Int64, of spans: [Span]) -> [Span] {
        var left = seconds
        var out: [Span] = []
        for span in spans where left > 0 {
            let taken = min(left, span.length)
            out.append(Span(start: span.start, end: span.start + taken))
            left -= taken
        }
        return out
    }
}

extension Availability {
    private static let members = [
        "kind", "id", "expect", "working", "calendar", "calendarRevisions", "period", "target", "tiers", "creditCapPercent",
        "outages",
        "maintenance", "maintenanceNoticeSeconds", "maintenanceCapSeconds",
    ]

    static func explain(_ document: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> JSONValue? {
        guard let fields = DocumentFields(document, at: pointer, known: members, issues: &issues) else { return nil }
        let before = issues.count
        let calendar = fields.required("calendar", "a calendar", issues: &issues).flatMap {
            ServiceCalendar.read(
                $0, at: fields.child("calendar"), revisions: fields.value("calendarRevisions"),
                revisionsAt: fields.child("calendarRevisions"), issues: &issues)
        }
        let period = fields.required("period", "a month and its timezone", issues: &issues).flatMap {
            readPeriod($0, at: fields.child("period"), issues: &issues)
        }
        let target = fields.decimal("target", issues: &issues)
        if let target, target > .one {
            issues.append(AssetIssue(fields.child("target"), "A target is at most 1.", remedy: "Write 99.9 % as \"0.999\"."))
        }
        let tiers = fields.items("tiers", max: ServiceBounds.tiersMax, issues: &issues).compactMap { item, at in
            readTier(item, at: at, issues: &issues)
        }
        let cap = fields.decimal("creditCapPercent", isRequired: false, issues: &issues)
        let outages = fields.items("outages", max: ServiceBounds.outagesMax, issues: &issues).compactMap { item, at in
            readOutage(item, at: at, issues: &issues)
        }
        let maintenance = fields.items("maintenance", max: ServiceBounds.maintenanceMax, issues: &issues).compactMap { item, at in
            MaintenanceWindow.parse(item, at: at, issues: &issues)
        }
        let seconds = 0...ServiceBounds.targetSecondsMax
        let notice = fields.whole("maintenanceNoticeSeconds", in: seconds, isRequired: false, issues: &issues)
        let maintenanceCap = fields.whole("maintenanceCapSeconds", in: seconds, isRequired: false, issues: &issues)
        guard issues.count == before, let calendar, let period, let target else { return nil }
        let result = Availability(
            calendar: calendar, period: period, target: target, tiers: tiers, creditCapPercent: cap,
            maintenanceNoticeSeconds: notice ?? 0, maintenanceCapSeconds: maintenanceCap
        ).result(outages: outages, maintenance: maintenance)
        return .object([
            "agreedSeconds": JSONValue(result.agreedSeconds), "downtimeSeconds": JSONValue(result.downtimeSeconds),
            "met": .bool(result.isMet),
            "creditPercent": .number(JSONNumber(unchecked: result.creditPercent.normalized.description)),
        ])
    }

    static func readTier(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Tier? {
        guard let inner = DocumentFields(json, at: pointer, known: ["below", "creditPercent"], issues: &issues) else {
            return nil
        }
        let below = inner.decimal("below", issues: &issues)
        guard let credit = inner.decimal("creditPercent", issues: &issues), let below else { return nil }
        return Tier(below: below, creditPercent: credit)
    }

    private static func readPeriod(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Span? {
        guard let fields = DocumentFields(json, at: pointer, known: ["month", "timezone"], issues: &issues) else { return nil }
        let month = fields.text("month", issues: &issues)
        let zone = fields.text("timezone", issues: &issues).flatMap {
            readZone($0, at: fields.child("timezone"), issues: &issues)
        }
        guard let month, let zone else { return nil }
        // A month in year 9999 would end in a year that dates do not have.
        guard let first = CivilDate(month + "-01"), first.year < 9999 else {
            issues.append(AssetIssue(fields.child("month"), "\(shown(month)) is not a month.", remedy: "Write YYYY-MM."))
            return nil
        }
        return Availability.month(first, in: zone)
    }

    private static func readOutage(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Span? {
        guard let fields = DocumentFields(json, at: pointer, known: ["start", "end"], issues: &issues) else { return nil }
        let start = fields.moment("start", issues: &issues)
        guard let end = fields.moment("end", issues: &issues), let start else { return nil }
        guard start <= end else {
            issues.append(AssetIssue(fields.child("end"), "The end lies before the start.", remedy: "Exchange them."))
            return nil
        }
        return Span(start: start.seconds, end: end.seconds)
    }
}
