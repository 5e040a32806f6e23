internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import ServiceLevels
internal import Tenancy
internal import WebKernel

/// Service levels, incidents with their runbooks, documents, workers: what a tenant sees besides its runs.
struct ServicePages: Sendable {
    static let listMax = 100

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [services.page("/service", .serviceRead) { request, kit in .html(console.html(try await service(request, kit))) }]
    }

    private func service(_ request: WebRequest, _ kit: PageKit) async throws -> ServicePage {
        let since = kit.now.adding(seconds: -31 * 86_400)
        let attained = try await kit.looking.attainment(kit.tenant, since: since)
        let listed = try await kit.looking.clocks(kit.tenant, limit: ServicePages.listMax)
        let seesPayload = kit.may(.runsRead)
        func subject(_ item: Looking.ListedClock) -> String {
            if let incident = item.incident { return "INC-\(incident.number), \(incident.title)" }
            guard let run = item.clock.run else { return "setting up" }
            guard seesPayload, let subject = item.subject else { return "run \(PageWords.short(run.text))" }
            return "\(subject), \(item.counterparty ?? "")"
        }
        let running = listed.filter { $0.clock.stoppedAt == nil }.sorted {
            ($0.clock.dueAt ?? kit.now) < ($1.clock.dueAt ?? kit.now)
        }
        let wanted = request.query("clock").flatMap { ClockID($0) }
        let shown = listed.first { $0.clock.id == wanted } ?? listed.first { $0.clock.outcome == "breached" } ?? listed.first
        var gauges: [ClockGauge] = []
        if let shown,
            let explained = try await ClockExplanation.make(shown.clock, looking: kit.looking, tenant: kit.tenant, now: kit.now)
        {
            gauges.append(
                GaugeDrawing.gauge(
                    explained.reading, clock: shown.clock, title: "\(title(shown.clock.objective)): \(subject(shown))", kit: kit))
        }
        let missed = attained.reduce(0) { $0 + $1.breached }
        let total = attained.reduce(0) { $0 + $1.n }
        return ServicePage(
            frame: try await kit.frame(
                "Service levels", section: "Service levels", crumbs: [Crumb(label: "Service levels")], topics: "service",
                request: request),
            head: PageHead(title: "Service levels", lead: "The last 31 days. Figures of open months may still change."),
            tabs: BudgetPages.tabs(kit, current: "Clocks"),
            figures: [
                Figure(label: "Clocks", value: kit.money.count(total), context: "started since \(kit.time.stamp(since).text)"),
                Figure(
                    label: "Missed", value: kit.money.count(missed), context: "targets passed",
                    status: missed > 0 ? .breached : nil, isAlarming: missed > 0),
                Figure(label: "Running", value: kit.money.count(running.count), context: "clocks that run now"),
            ],
            objectives: attained.map { row in
                let judged = row.met + row.breached
                return ServicePage.Objective(
                    name: title(row.objective), within: DurationText.text(row.targetSeconds), atLeast: "every case",
                    cases: kit.money.count(row.n),
                    met: kit.money.count(row.met), missed: kit.money.count(row.breached), hasMissed: row.breached > 0,
                    excluded: "0",
                    result: judged == 0 ? "none" : "\(row.met * 1000 / judged / 10).\(row.met * 1000 / judged % 10) %",
                    status: row.breached > 0 ? .breached : judged == 0 ? .notStarted : .done,
                    outcome: row.breached > 0 ? "Missed" : judged == 0 ? "no case yet" : "Met")
            }, gauges: gauges,
            running: running.prefix(50).map { item in
                let left = RunPages.left(item.clock, kit)
                return ServicePage.Running(
                    objective: title(item.clock.objective), subject: subject(item),
                    href: item.clock.run.flatMap { seesPayload ? "\(kit.base)/runs/\($0)" : nil }
                        ?? "\(kit.base)/service?clock=\(item.clock.id)",
                    bar: RunPages.bar(item.clock) ?? ClockBar(countedPermille: 0),
                    counted: DurationText.text(item.clock.elapsedSeconds), left: left.text, leftTone: left.tone,
                    due: item.clock.dueAt.map { kit.time.dayAndTime($0) } ?? Stamp(iso: "", text: "paused"),
                    state: StatusText(
                        status: item.clock.outcome == "breached" ? .breached : item.clock.state == "paused" ? .paused : .running,
                        text: item.clock.state))
            }, contract: contract(listed.first?.clock),
            empty: listed.isEmpty ? EmptyState(why: "No clock has started yet. The first invoice starts one.") : nil)
    }

    private func title(_ objective: String) -> String { SLAObjective.Name(rawValue: objective)?.title ?? objective }

    private func contract(_ clock: ClockRow?) -> [Fact] {
        guard let clock else { return [] }
        return [
            Fact(label: "Contract version", value: clock.contractVersion),
            Fact(label: "Time zone data", value: clock.zoneVersion),
        ]
    }
}

/// A reading of a clock as its gauge: intervals in real order, with the reason for each.
enum GaugeDrawing {
    static func gauge(_ reading: ClockReading, clock: ClockRow, title: String, kit: PageKit) -> ClockGauge {
        var counted: Int64 = 0
        var segments: [ClockGauge.Segment] = []
        for interval in reading.trace {
            let seconds = interval.to.seconds - interval.from.seconds
            let from = kit.time.dayAndTime(interval.from).text
            let to = kit.time.dayAndTime(interval.to).text
            guard interval.isCounted else {
                let kind: ClockGauge.Kind = interval.reason.text.contains("pause") ? .paused : .closed
                segments.append(
                    .init(
                        kind: kind, from: from, to: to, seconds: seconds,
                        label: "\(kind == .paused ? "paused" : "closed") \(DurationText.text(seconds))",
                        rule: interval.reason.text))
                continue
            }
            let within = max(0, min(seconds, reading.targetSeconds - counted))
            if within > 0 {
                segments.append(
                    .init(
                        kind: .counted, from: from, to: to, seconds: within, label: DurationText.text(within),
                        rule: interval.reason.text))
            }
            if seconds > within {
                segments.append(
                    .init(
                        kind: .over, from: from, to: to, seconds: seconds - within,
                        label: "over \(DurationText.text(seconds - within))", rule: interval.reason.text))
            }
            counted += seconds
        }
        let due = reading.dueAt ?? reading.breachedAt
        return ClockGauge(
            title: title, segments: segments, due: due.map { "due \(kit.time.stamp($0).text)" } ?? "paused",
            end: kit.time.stamp(clock.stoppedAt ?? kit.now).text,
            facts: [
                Fact(label: "Counted", value: DurationText.text(reading.elapsedSeconds)),
                Fact(label: "Target", value: DurationText.text(reading.targetSeconds)),
                Fact(label: "Outcome", value: reading.outcome.rawValue),
            ], isRunning: clock.stoppedAt == nil)
    }
}
