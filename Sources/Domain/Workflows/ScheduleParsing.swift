import Expressions
package import Kernel
import Policies

/// Times at which runs begin by themselves: the members of `schedule` beside `on`.
extension DefinitionParser {
    static let scheduleMembers = ["every", "at", "days", "zone", "overlap", "catchUp", "input"]
    private static let weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    private static let lastWord = "last"

    /// What begins runs: an event, a time, or both.
    mutating func parseBeginnings(_ reader: AssetReader, secondPerson: Set<String>) -> (EventBeginning?, Schedule?) {
        guard let json = reader.object["schedule"],
            let schedule = AssetReader(json, at: reader.path("schedule"), "schedule", issues: &issues)
        else { return (nil, nil) }
        schedule.close(["on"] + DefinitionParser.scheduleMembers, issues: &issues)
        let isTimed = DefinitionParser.scheduleMembers.contains { schedule.object[$0] != nil }
        if schedule.object["on"] == nil, !isTimed {
            issues.append(
                AssetIssue(
                    schedule.pointer, "Nothing says when a run begins.",
                    remedy: "Add `on` for an event, `every` for a pace, or `at` for times of the day."))
        }
        return (
            schedule.object["on"] == nil ? nil : parseBeginning(schedule),
            isTimed ? timedSchedule(schedule, secondPerson: secondPerson) : nil
        )
    }

    private mutating func timedSchedule(_ reader: AssetReader, secondPerson: Set<String>) -> Schedule? {
        let rule = scheduleRule(reader)
        let overlap = bounded(
            "overlap", of: reader, Overlap.self, otherwise: .skip,
            most: [.queue: (10, ScheduleBounds.waitingMax), .allow: (5, ScheduleBounds.openRunsMax)])
        let catchUp = bounded(
            "catchUp", of: reader, CatchUp.self, otherwise: .last, most: [.all: (10, ScheduleBounds.catchUpMax)])
        if overlap.policy == .cancelRunning, secondPerson.contains("cancel") {
            issues.append(
                AssetIssue(
                    reader.path("overlap"), "A schedule cannot end runs of this workflow: that takes two people here.",
                    remedy: "Choose `skip` or `queue`, or take `cancel` out of `secondPerson`."))
        }
        if catchUp.policy == .all, overlap.policy == .skip || overlap.policy == .cancelRunning {
            issues.append(
                AssetIssue(
                    reader.path("catchUp"),
                    "Times that are made up for come at once, and `overlap` would leave out all but one of them.",
                    remedy: "Write `overlap: queue` or `allow`, or `catchUp: last`."))
        }
        let input = reader.object["input"].map {
            Template.parse($0, in: ExpressionScope(["schedule"]), at: reader.path("input"), issues: &issues)
        }
        guard let rule else { return nil }
        let members = reader.object.members.filter { $0.key != "on" }
        return Schedule(
            timetable: Timetable(rule), overlap: overlap.policy, overlapMax: overlap.most, catchUp: catchUp.policy,
            catchUpMax: catchUp.most, input: input, json: .object(JSONObject(members)))
    }

    /// A policy as one word, or with how many it may concern.
    private mutating func bounded<Policy: RawRepresentable & CaseIterable & Hashable>(
        _ member: String, of reader: AssetReader, _ type: Policy.Type, otherwise: Policy, most: [Policy: (usual: Int, bound: Int)]
    ) -> (policy: Policy, most: Int) where Policy.RawValue == String {
        guard case .object? = reader.object[member] else {
            let policy = reader.choice(member, type, otherwise: otherwise, issues: &issues) ?? otherwise
            return (policy, most[policy]?.usual ?? 1)
        }
        guard
            let inner = AssetReader(reader.object[member] ?? .null, at: reader.path(member), "policy", issues: &issues)
        else { return (otherwise, 1) }
        inner.close(["policy", "most"], issues: &issues)
        guard let policy = inner.choice("policy", type, otherwise: nil, issues: &issues) else { return (otherwise, 1) }
        guard let bounds = most[policy] else {
            if inner.object["most"] != nil {
                issues.append(
                    AssetIssue(
                        inner.path("most"), "`\(policy.rawValue)` concerns one at a time.", remedy: "Remove `most`."))
            }
            return (policy, 1)
        }
        return (policy, inner.int("most", in: 1...bounds.bound, otherwise: bounds.usual, issues: &issues) ?? bounds.usual)
    }

    private mutating func scheduleRule(_ reader: AssetReader) -> Timetable.Rule? {
        guard reader.object["every"] != nil else { return localRule(reader) }
        for member in ["at", "days", "zone"] where reader.object[member] != nil {
            issues.append(
                AssetIssue(
                    reader.path(member), "`every` counts minutes of UTC, whatever clocks show.",
                    remedy: "Remove `\(member)`, or write `at` with times instead of `every`."))
        }
        guard let pace = milliseconds(reader.object["every"] ?? .null, at: reader.path("every")) else { return nil }
        let minutes = pace / 60_000
        guard pace % 60_000 == 0, (1...Int64(ScheduleBounds.everyMinutesMax)).contains(minutes) else {
            issues.append(
                AssetIssue(
                    reader.path("every"),
                    "A pace is of whole minutes, from 1 to \(ScheduleBounds.everyMinutesMax), which is a week.",
                    remedy: "Write for example `every: {minutes: 15}`."))
            return nil
        }
        return .every(minutes: Int(minutes))
    }

    private mutating func localRule(_ reader: AssetReader) -> Timetable.Rule? {
        let minutes = timesOfDay(reader)
        let days = scheduleDays(reader)
        guard let name = reader.text("zone", issues: &issues) else { return nil }
        do throws(Refusal) {
            let zone = try ZoneRules.load(name)
            guard let minutes, let days else { return nil }
            return .at(minutes: minutes, days, zone: zone)
        } catch {
            issues.append(AssetIssue(reader.path("zone"), error.message, remedy: "Use an IANA name such as Europe/Paris."))
            return nil
        }
    }

    private mutating func timesOfDay(_ reader: AssetReader) -> [Int]? {
        let items = reader.list("at", upTo: ScheduleBounds.timesOfDayMax, isRequired: true, issues: &issues)
        if items.isEmpty, reader.object["at"]?.array != nil {
            issues.append(AssetIssue(reader.path("at"), "There is no time in it.", remedy: "Write `at: [\"07:30\"]`."))
        }
        var minutes: [Int] = []
        for item in items {
            guard let minute = DefinitionParser.minuteOfDay(item.value) else {
                issues.append(
                    AssetIssue(
                        item.pointer, "This is no time of the day.",
                        remedy: "Write hours and minutes in quotes, such as \"07:30\"; the last is \"23:59\"."))
                return nil
            }
            guard !minutes.contains(minute) else {
                issues.append(AssetIssue(item.pointer, "The time stands there twice.", remedy: "Remove one of them."))
                continue
            }
            minutes.append(minute)
        }
        return minutes.isEmpty ? nil : minutes.sorted()
    }

    private static func minuteOfDay(_ json: JSONValue) -> Int? {
        guard let text = json.string, text.utf8.count == 5 else { return nil }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.allSatisfy(\.isNumber) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else { return nil }
        return hour * 60 + minute
    }

    private mutating func scheduleDays(_ reader: AssetReader) -> Timetable.Days? {
        let pointer = reader.path("days")
        switch reader.object["days"] {
        case nil: return .week(Set(1...7))
        case .array(let items)?:
            var days: Set<Int> = []
            for (place, item) in items.enumerated() {
                guard let day = item.string.flatMap({ DefinitionParser.weekdays.firstIndex(of: $0) }) else {
                    issues.append(
                        AssetIssue(
                            "\(pointer)/\(place)", "This is no day of the week.",
                            remedy: "Write some of \(DefinitionParser.weekdays.joined(separator: ", "))."))
                    return nil
                }
                days.insert(day + 1)
            }
            if days.isEmpty {
                issues.append(
                    AssetIssue(pointer, "No day is named, so no run would ever begin.", remedy: "Name a day, or remove `days`."))
                return nil
            }
            return .week(days)
        case .some(let json):
            guard let inner = AssetReader(json, at: pointer, "choice of days", issues: &issues) else { return nil }
            inner.close(["ofMonth", "business", "nth"], issues: &issues)
            if inner.object["business"] != nil { return businessDays(inner) }
            guard inner.object["ofMonth"] != nil else {
                issues.append(
                    AssetIssue(
                        pointer, "It does not say which days.",
                        remedy: "Write a list of days of the week, `ofMonth: [1, last]`, or `business: CALENDAR`."))
                return nil
            }
            if inner.object["nth"] != nil {
                issues.append(
                    AssetIssue(inner.path("nth"), "`nth` counts business days.", remedy: "Remove it, or write `business`."))
            }
            return places("ofMonth", of: inner, upTo: ScheduleBounds.monthDaysMax).map { .month($0.places, last: $0.last) }
        }
    }

    private mutating func businessDays(_ reader: AssetReader) -> Timetable.Days? {
        if reader.object["ofMonth"] != nil {
            issues.append(
                AssetIssue(
                    reader.path("ofMonth"), "Days of the month and business days are two rules.", remedy: "Keep one of them."))
        }
        guard let calendar = reader.name("business", issues: &issues) else { return nil }
        guard reader.object["nth"] != nil else { return .business(calendar: calendar, places: [], last: false) }
        return places("nth", of: reader, upTo: ScheduleBounds.businessDayMax).map {
            .business(calendar: calendar, places: $0.places, last: $0.last)
        }
    }

    /// `[1, 15, last]`.
    private mutating func places(_ member: String, of reader: AssetReader, upTo most: Int) -> (places: Set<Int>, last: Bool)? {
        let items = reader.list(member, upTo: most + 1, isRequired: true, issues: &issues)
        var found: (places: Set<Int>, last: Bool) = ([], false)
        for item in items {
            if item.value.string == DefinitionParser.lastWord {
                found.last = true
            } else if let place = item.value.int, (1...most).contains(place) {
                found.places.insert(place)
            } else {
                issues.append(
                    AssetIssue(
                        item.pointer, "This is no day of a month.", remedy: "Write a number from 1 to \(most), or `last`."))
                return nil
            }
        }
        guard !found.places.isEmpty || found.last else {
            if reader.object[member]?.array != nil {
                issues.append(
                    AssetIssue(
                        reader.path(member), "No day is named, so no run would ever begin.", remedy: "Name a day, or `last`."))
            }
            return nil
        }
        return found
    }
}

extension Schedule {
    /// Reads what `json` gave before; nil when it cannot be read here, for instance where a zone is not known any more.
    package static func read(_ json: JSONValue) -> Schedule? {
        var parser = DefinitionParser()
        guard let reader = AssetReader(["schedule": json], at: "", "workflow", issues: &parser.issues) else { return nil }
        let schedule = parser.parseBeginnings(reader, secondPerson: []).1
        return parser.issues.contains { $0.severity == .error } ? nil : schedule
    }
}
