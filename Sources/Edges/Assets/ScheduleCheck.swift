internal import Kernel
internal import ServiceLevels
internal import Tenancy
internal import Workflows

/// Schedules against the calendars they name: one whose calendar is not there, or has no day for it, would never begin anything.
struct ScheduleCheck {
    private static let businessPlace = "/schedule/days/business"

    private let tree: ConfigurationTree

    init(_ tree: ConfigurationTree) { self.tree = tree }

    func issues() -> [LocatedIssue] {
        tree.assets.filter { $0.kind == .workflow || $0.kind == .candidate }.flatMap(check)
    }

    private func check(_ asset: Asset) -> [LocatedIssue] {
        var ignored: [AssetIssue] = []
        // Cheap to ask first: few workflows have one.
        guard asset.document.json["schedule"]?["days"]?["business"] != nil, asset.reading != nil,
            let schedule = WorkflowDefinition.parse(asset.document.json, issues: &ignored)?.schedule,
            let name = schedule.timetable.calendar
        else { return [] }
        guard let found = tree.visible(.calendar, name, from: asset.scope) else {
            let near = nearestName(to: name, among: tree.visibleNames(.calendar, from: asset.scope))
            return issue(
                asset, ScheduleCheck.businessPlace, "There is no calendar `\(name)` for \(asset.scope).",
                near.map { "Did you mean `\($0)`?" } ?? "Write operator/calendars/\(name).yaml.")
        }
        guard let calendar = ServiceCalendar.parse(found.document.json, issues: &ignored) else { return [] }
        let begins = ScheduleCheck.starts(calendar).contains { start in
            schedule.timetable.next(after: start, isBusinessDay: calendar.isBusinessDay) != nil
        }
        guard !begins else { return [] }
        let place = asset.document.json["schedule"]?["days"]?["nth"] == nil ? ScheduleCheck.businessPlace : "/schedule/days/nth"
        return issue(
            asset, place, "The calendar `\(name)` has no such day in two years, so no run would ever begin.",
            "Choose another day, or another calendar.")
    }

    /// Where a calendar begins to say something: its first and last date, and each revision.
    private static func starts(_ calendar: ServiceCalendar) -> [Moment] {
        let dates = (Array(calendar.overrides.keys) + calendar.revisions.flatMap { $0.overrides.keys }).sorted()
        let named = [dates.first, dates.last].compactMap(\.self).map {
            calendar.zone.instant(of: $0.adding(days: 1 - $0.day), secondOfDay: 0).adding(seconds: -1)
        }
        return [Moment(seconds: 0)] + named + calendar.revisions.map(\.publishedAt)
    }

    private func issue(_ asset: Asset, _ pointer: String, _ message: String, _ remedy: String) -> [LocatedIssue] {
        [asset.document.located(AssetIssue(pointer, message, remedy: remedy))]
    }
}
