package import Kernel

/// When service is owed: weekly windows of wall time in one IANA zone, date overrides, and revisions dated by their publication.
///
/// A revision governs only instants at or after its publication (R12), so no edit moves what has already been counted.
package struct ServiceCalendar: Sendable {
    /// Monday is 1 and Sunday is 7, as ISO 8601 counts.
    package static let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    /// What one publication replaces: the whole week, single dates, or both.
    package struct Revision: Hashable, Sendable {
        package let publishedAt: Moment
        /// By weekday 1…7; nil keeps the week as it was.
        package let week: [Int: [ServiceWindow]]?
        /// Replaces these dates only; an empty list is a full holiday.
        package let overrides: [CivilDate: [ServiceWindow]]

        package init(publishedAt: Moment, week: [Int: [ServiceWindow]]?, overrides: [CivilDate: [ServiceWindow]]) {
            self.publishedAt = publishedAt
            self.week = week
            self.overrides = overrides
        }
    }

    package let zone: ZoneRules
    package let week: [Int: [ServiceWindow]]
    package let overrides: [CivilDate: [ServiceWindow]]
    /// In order of publication.
    package let revisions: [Revision]
    /// The calendar in force from each instant on, ascending; the first from the beginning of time.
    let patterns: [(from: Int64, pattern: ServicePattern)]

    package init(
        zone: ZoneRules, week: [Int: [ServiceWindow]], overrides: [CivilDate: [ServiceWindow]] = [:], revisions: [Revision] = []
    ) {
        self.zone = zone
        self.week = week
        self.overrides = overrides
        // Equal instants keep the order as written: the later entry was published on top of the earlier one.
        let ordered = revisions.enumerated().sorted { ($0.element.publishedAt, $0.offset) < ($1.element.publishedAt, $1.offset) }
        self.revisions = ordered.map(\.element)
        var patterns = [(from: Int64.min, pattern: ServicePattern(week: week, overrides: overrides))]
        var (currentWeek, currentOverrides) = (week, overrides)
        for revision in self.revisions {
            currentWeek = revision.week ?? currentWeek
            currentOverrides.merge(revision.overrides) { _, new in new }
            let next = (
                from: revision.publishedAt.seconds, pattern: ServicePattern(week: currentWeek, overrides: currentOverrides)
            )
            if patterns[patterns.count - 1].from == next.from {
                patterns[patterns.count - 1] = next
            } else {
                patterns.append(next)
            }
        }
        self.patterns = patterns
    }

    /// Every second of every day; in UTC no change of clocks ever touches it.
    package static func always(in zone: ZoneRules) -> ServiceCalendar {
        let whole = [ServiceWindow(from: 0, to: ServiceWindow.dayEnd)]
        return ServiceCalendar(zone: zone, week: Dictionary(uniqueKeysWithValues: (1...7).map { ($0, whole) }))
    }

    /// The seconds of service in `[from, to)`; 0 when `to` is not after `from`.
    package func serviceSeconds(from: Moment, to: Moment) -> Int64 {
        var intervals = ServiceIntervals(calendar: self, from: from.seconds, until: to.seconds)
        var total: Int64 = 0
        while let span = intervals.next() { total += span.length }
        return total
    }

    /// The instant at which `seconds` of service have passed since `start`, the earliest such; nil when the calendar does not
    /// offer them within `ServiceBounds.horizonSeconds`. For deadlines that count service time.
    package func instant(afterServiceSeconds seconds: Int64, from start: Moment) -> Moment? {
        guard seconds > 0 else { return start }
        let from = start.seconds
        var intervals = ServiceIntervals(calendar: self, from: from, until: from + ServiceBounds.horizonSeconds)
        var counted: Int64 = 0
        while let span = intervals.next() {
            if counted + span.length >= seconds { return Moment(seconds: span.start + seconds - counted) }
            counted += span.length
        }
        return nil
    }

    /// Whether service is owed at that instant.
    package func isOpen(at moment: Moment) -> Bool {
        var intervals = ServiceIntervals(calendar: self, from: moment.seconds, until: moment.seconds + 1)
        return intervals.next() != nil
    }
}

extension ServiceCalendar {
    /// Reads a calendar asset: `{timezone, week, overrides?, revisions?}`, beside the `kind`, `name`, `version`, `title` and
    /// `description` that every asset may carry. Nil when unusable; every problem becomes an issue.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> ServiceCalendar? {
        let known = ["timezone", "week", "overrides", "revisions", "kind", "name", "version", "title", "description"]
        guard let fields = DocumentFields(json, at: "", known: known, issues: &issues) else { return nil }
        return read(fields, revisions: fields.value("revisions"), revisionsAt: "/revisions", issues: &issues)
    }

    /// Reads the `calendar` of an explain document, with the revisions that stand beside it.
    static func read(
        _ json: JSONValue, at pointer: String, revisions: JSONValue?, revisionsAt: String, issues: inout [AssetIssue]
    )
        -> ServiceCalendar?
    {
        guard let fields = DocumentFields(json, at: pointer, known: ["timezone", "week", "overrides"], issues: &issues) else {
            return nil
        }
        return read(fields, revisions: revisions, revisionsAt: revisionsAt, issues: &issues)
    }

    private static func read(
        _ fields: DocumentFields, revisions: JSONValue?, revisionsAt: String, issues: inout [AssetIssue]
    )
        -> ServiceCalendar?
    {
        let before = issues.count
        let zone = fields.text("timezone", issues: &issues).flatMap {
            readZone($0, at: fields.child("timezone"), issues: &issues)
        }
        let week = fields.value("week").map { readWeek($0, at: fields.child("week"), issues: &issues) } ?? [:]
        let overrides = fields.value("overrides").map { readOverrides($0, at: fields.child("overrides"), issues: &issues) } ?? [:]
        let changes = revisions.map { readRevisions($0, at: revisionsAt, issues: &issues) } ?? []
        guard issues.count == before, let zone else { return nil }
        let windows = [week.values.contains { !$0.isEmpty }, overrides.values.contains { !$0.isEmpty }]
        let later = changes.contains { change in
            change.overrides.values.contains { !$0.isEmpty } || change.week?.values.contains { !$0.isEmpty } == true
        }
        guard windows.contains(true) || later else {
            issues.append(
                AssetIssue(
                    fields.child("week"), "This calendar never opens, so nothing could ever be due.",
                    remedy: "Give at least one window, such as \"mon\": [[\"09:00\", \"17:00\"]]."))
            return nil
        }
        return ServiceCalendar(zone: zone, week: week, overrides: overrides, revisions: changes)
    }

    private static func readWeek(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> [Int: [ServiceWindow]] {
        guard let fields = DocumentFields(json, at: pointer, known: weekdays, issues: &issues) else { return [:] }
        var week: [Int: [ServiceWindow]] = [:]
        for (index, day) in weekdays.enumerated() {
            guard let windows = fields.value(day) else { continue }
            week[index + 1] = ServiceWindow.parseList(windows, at: fields.child(day), issues: &issues)
        }
        return week
    }

    private static func readOverrides(
        _ json: JSONValue, at pointer: String, issues: inout [AssetIssue]
    ) -> [CivilDate: [ServiceWindow]] {
        guard let object = json.object, object.count <= ServiceBounds.overridesMax else {
            issues.append(
                AssetIssue(
                    pointer, "An object of dates is expected here.",
                    remedy: "Write {\"2026-12-25\": []}, at most \(ServiceBounds.overridesMax) dates."))
            return [:]
        }
        var overrides: [CivilDate: [ServiceWindow]] = [:]
        for (key, windows) in object {
            let at = pointer + "/" + AssetIssue.token(key)
            guard let date = CivilDate(key) else {
                issues.append(AssetIssue(at, "\(shown(key)) is not a date.", remedy: "Write YYYY-MM-DD."))
                continue
            }
            overrides[date] = ServiceWindow.parseList(windows, at: at, issues: &issues)
        }
        return overrides
    }

    private static func readRevisions(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> [Revision] {
        readItems(json, at: pointer, max: ServiceBounds.calendarRevisionsMax, issues: &issues).compactMap { item, at in
            guard let fields = DocumentFields(item, at: at, known: ["publishedAt", "week", "overrides"], issues: &issues),
                let publishedAt = fields.moment("publishedAt", issues: &issues)
            else { return nil }
            return Revision(
                publishedAt: publishedAt,
                week: fields.value("week").map { readWeek($0, at: fields.child("week"), issues: &issues) },
                overrides: fields.value("overrides").map { readOverrides($0, at: fields.child("overrides"), issues: &issues) }
                    ?? [:])
        }
    }

    /// The calendar as `parse` reads it, dates in order.
    package var json: JSONValue {
        var object: JSONObject = ["timezone": .string(zone.identifier), "week": ServiceCalendar.weekJSON(week)]
        if !overrides.isEmpty { object["overrides"] = ServiceCalendar.overridesJSON(overrides) }
        if !revisions.isEmpty { object["revisions"] = .array(revisions.map(\.json)) }
        return .object(object)
    }

    fileprivate static func weekJSON(_ week: [Int: [ServiceWindow]]) -> JSONValue {
        .object(
            JSONObject((1...7).compactMap { day in week[day].map { (key: weekdays[day - 1], value: .array($0.map(\.json))) } }))
    }

    fileprivate static func overridesJSON(_ overrides: [CivilDate: [ServiceWindow]]) -> JSONValue {
        .object(
            JSONObject(
                overrides.sorted { $0.key < $1.key }.map { (key: $0.key.description, value: .array($0.value.map(\.json))) }))
    }
}

extension ServiceCalendar.Revision {
    package var json: JSONValue {
        var object: JSONObject = ["publishedAt": .string(publishedAt.text(fraction: 0))]
        if let week { object["week"] = ServiceCalendar.weekJSON(week) }
        if !overrides.isEmpty { object["overrides"] = ServiceCalendar.overridesJSON(overrides) }
        return .object(object)
    }
}

func readZone(_ identifier: String, at pointer: String, issues: inout [AssetIssue]) -> ZoneRules? {
    do throws(Refusal) {
        return try ZoneRules.load(identifier)
    } catch {
        issues.append(AssetIssue(pointer, error.message, remedy: "Use an IANA name such as Europe/Paris."))
        return nil
    }
}
