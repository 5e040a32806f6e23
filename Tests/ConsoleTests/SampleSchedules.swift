import Kernel

@testable import Console

extension Samples {
    static func schedules(_ brand: Brand) -> SchedulesPage {
        let now = Moment(seconds: 1_784_200_000)
        func mark(_ hours: Int64, _ tone: Tone, _ words: String) -> ScheduleLine.Mark {
            ScheduleLine.Mark(at: now.adding(seconds: hours * 3600), tone: tone, words: words)
        }
        func time(
            _ status: Status, _ outcome: String, _ local: String, _ number: String, _ href: String, _ why: String
        )
            -> SchedulesPage.Time
        {
            SchedulesPage.Time(
                status: status, outcome: outcome, local: local, number: number, href: href, why: why,
                settled: Stamp(iso: "2026-07-16T10:00:00Z", text: "16 Jul 12:00"))
        }
        let form = form("/schedules/daily-check/pause")
        return SchedulesPage(
            frame: frame("Schedules", brand, current: "Schedules", crumbs: [Crumb(label: "Schedules")]),
            head: PageHead(title: "Schedules", lead: "Workflows that begin by themselves."),
            schedules: [
                SchedulesPage.Schedule(
                    title: "Daily check", name: "daily-check 1.0", rule: "at 12:00 on business days of mill (Europe/Berlin)",
                    policies:
                        "A time is left out while a run is open; of times that were missed, one run stands for all of them.",
                    status: .running, words: "active",
                    line: ScheduleLine(
                        past: [mark(-48, .ok, "started"), mark(-24, .quiet, "skipped"), mark(0, .info, "started")],
                        next: [mark(24, .quiet, "next"), mark(48, .quiet, "next")], now: now, nowText: "16 Jul 12:00"),
                    next: ["2026-07-17 12:00 CEST +02:00", "2026-07-20 12:00 CEST +02:00"], zoneVersion: "Europe/Berlin 2026a",
                    times: [
                        time(.running, "started", "2026-07-16 12:00 CEST +02:00", "3", "/runs/1", ""),
                        time(.cancelled, "skipped", "2026-07-15 12:00 CEST +02:00", "2", "", "The run before had not ended."),
                    ], act: SchedulesPage.Act(form: form, label: "Pause")),
                SchedulesPage.Schedule(
                    title: "Month end", name: "month-end 2.1",
                    rule: "at 18:00 on the last business day of the month of mill (UTC)",
                    policies: "", status: .failed, words: "cannot be planned",
                    trouble: "The calendar mill is not published here.",
                    line: ScheduleLine(past: [], next: [], now: now, nowText: "16 Jul 12:00"), next: [], zoneVersion: "UTC",
                    times: []),
            ])
    }

    static func noSchedules(_ brand: Brand) -> SchedulesPage {
        SchedulesPage(
            frame: frame("Schedules", brand, current: "Schedules", crumbs: [Crumb(label: "Schedules")]),
            head: PageHead(title: "Schedules"), schedules: [], empty: EmptyState(why: "No workflow begins by itself here."))
    }
}
