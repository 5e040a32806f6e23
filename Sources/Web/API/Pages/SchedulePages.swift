internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// The schedules of a tenant: their next times, what became of the last ones, and the buttons of whoever may stop them.
struct SchedulePages: Sendable {
    /// Times that came, and times ahead, of each schedule.
    static let pastMax = 12
    static let nextMax = 5

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [services.page("/schedules", .runsRead) { request, kit in .html(console.html(try await page(request, kit))) }]
            + Scheduling.Act.allCases.map { act in
                services.posted("/schedules/{workflow}/\(act.rawValue)", .runsManage) { [services] request, form, kit in
                    let answer = try await services.scheduling.turn(
                        try request.parameter("workflow"), act, reason: try form.required("reason", label: "The reason"),
                        key: try form.required("idempotency_key", label: "The form's key"), as: kit.context.actor,
                        scope: kit.context.scope)
                    if case .refused(let refusal) = answer { throw refusal }
                    return "\(kit.base)/schedules?done=\(answer == .pending ? "pending" : "schedule-turned")"
                }
            }
    }

    private func page(_ request: WebRequest, _ kit: PageKit) async throws -> SchedulesPage {
        var schedules: [SchedulesPage.Schedule] = []
        for shown in try await services.scheduling.all(kit.context.scope, next: SchedulePages.nextMax) {
            schedules.append(try await section(shown, kit))
        }
        return SchedulesPage(
            frame: try await kit.frame(
                "Schedules", section: "Schedules", crumbs: [Crumb(label: "Schedules")], topics: "runs", request: request),
            head: PageHead(
                title: "Schedules", lead: "Workflows that begin by themselves: when next, and what became of the last times."),
            schedules: schedules,
            empty: schedules.isEmpty
                ? EmptyState(why: "No workflow begins by itself here. Write a `schedule` into its definition.") : nil)
    }

    private func section(_ shown: Scheduling.Shown, _ kit: PageKit) async throws -> SchedulesPage.Schedule {
        let row = shown.row
        let past = try await services.scheduling.times(row.id, kit.context.scope, limit: SchedulePages.pastMax)
        let isRetired = row.state == ScheduleRow.retired
        let act: Scheduling.Act = row.state == ScheduleRow.paused ? .resume : .pause
        return SchedulesPage.Schedule(
            title: shown.title, name: "\(row.workflow) \(row.version)", rule: shown.schedule?.timetable.words ?? "",
            policies: shown.schedule.map { "\($0.overlapWords); of times that were missed, \($0.catchUpWords)." } ?? "",
            status: isRetired ? .cancelled : row.state == ScheduleRow.paused ? .paused : row.trouble.isEmpty ? .running : .failed,
            words: row.state == ScheduleRow.paused ? "paused: \(row.reason)" : row.state, trouble: row.trouble,
            line: ScheduleLine(
                past: past.reversed().map { mark($0, shown, kit) },
                next: shown.next.map { ScheduleLine.Mark(at: $0, tone: .quiet, words: "next \(shown.spoken($0))") },
                now: kit.now, nowText: kit.time.dayAndTime(kit.now).text),
            next: shown.next.map(shown.spoken), zoneVersion: row.zoneVersion,
            times: past.map { time($0, shown, kit) },
            act: isRetired || !kit.may(.runsManage)
                ? nil
                : SchedulesPage.Act(
                    form: kit.form("/schedules/\(row.workflow)/\(act.rawValue)"), label: act == .pause ? "Pause" : "Resume"))
    }

    private func mark(_ row: ScheduleTimeRow, _ shown: Scheduling.Shown, _ kit: PageKit) -> ScheduleLine.Mark {
        ScheduleLine.Mark(
            at: row.nominal, tone: SchedulePages.status(row).tone, words: "\(row.outcome) \(shown.spoken(row.nominal))")
    }

    private func time(_ row: ScheduleTimeRow, _ shown: Scheduling.Shown, _ kit: PageKit) -> SchedulesPage.Time {
        let several = row.count == 1 ? "" : "\(kit.money.count(Int(row.count))) times since \(shown.spoken(row.firstNominal)). "
        let wait = row.outcome == ScheduleTimeRow.waiting ? "It begins when the run before it has ended." : row.reason
        return SchedulesPage.Time(
            status: SchedulePages.status(row), outcome: row.outcome, local: shown.spoken(row.nominal), number: "\(row.number)",
            href: row.outcome == ScheduleTimeRow.started ? row.run.map { "\(kit.base)/runs/\($0)" } ?? "" : "",
            why: several + wait, settled: kit.time.dayAndTime(row.settledAt))
    }

    private static func status(_ row: ScheduleTimeRow) -> Status {
        switch row.outcome {
        case ScheduleTimeRow.started: row.endedAt == nil ? .running : .done
        case ScheduleTimeRow.waiting: .notStarted
        case ScheduleTimeRow.skipped: .cancelled
        case ScheduleTimeRow.missed: .watch
        default: .failed
        }
    }
}
