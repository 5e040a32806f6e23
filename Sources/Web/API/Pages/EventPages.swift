internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Events in the console: what came, from whom, and whether somebody may still take it.
struct EventPages: Sendable {
    static let pageSize = 50

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [services.page("/received-events", .runsRead) { request, kit in .html(console.html(try await list(request, kit))) }]
    }

    private func list(_ request: WebRequest, _ kit: PageKit) async throws -> EventsPage {
        let page = try PageRequest(request)
        let isAll = request.query("state") == "all"
        let rows = try await kit.looking.events(
            kit.tenant, onlyKept: !isAll, before: try page.position(EventID.self), limit: EventPages.pageSize)
        let path = "\(kit.base)/received-events"
        let older =
            rows.count == EventPages.pageSize
            ? rows.last.map { "\(path)?cursor=\($0.receivedAt.microseconds)_\($0.id)" + (isAll ? "&state=all" : "") } : nil
        return EventsPage(
            frame: try await kit.frame(
                "Events", section: "Events", crumbs: [Crumb(label: "Events")], topics: "runs", request: request),
            head: PageHead(
                title: "Events",
                lead: "What runs and other systems told this tenant. An event is kept until its time is over, so that a run that "
                    + "begins to wait later finds it."),
            tabs: [
                Tab(label: "Kept", count: "", href: path, isCurrent: !isAll),
                Tab(label: "All", count: "", href: path + "?state=all", isCurrent: isAll),
            ],
            rows: rows.map { row($0, kit) },
            pager: older.map { Pager(range: CountText.text(rows.count, "event") + " on this page", older: $0) },
            empty: rows.isEmpty
                ? EmptyState(why: isAll ? "No event has come yet." : "No event waits to be taken.") : nil)
    }

    private func row(_ event: ReceivedEventRow, _ kit: PageKit) -> EventsPage.Row {
        let standing = event.standing(at: kit.now)
        let taken = event.taken == 0 ? "by nobody yet" : "by " + CountText.text(Int(event.taken), "run")
        return EventsPage.Row(
            status: standing == "kept" ? .running : event.taken > 0 ? .done : .breached, state: standing, type: event.type,
            source: event.source, id: event.eventID,
            href: event.run.map { "\(kit.base)/runs/\($0)" } ?? "", taken: taken,
            received: kit.time.dayAndTime(event.receivedAt), until: kit.time.dayAndTime(event.expiresAt))
    }

    static func wait(_ row: SubscriptionRow, _ kit: PageKit) -> RunPage.Wait {
        RunPage.Wait(
            type: row.type, step: row.step, keys: row.keys.joined(separator: ", "),
            note: row.takes == "one" ? "for this run alone" : "", since: kit.time.dayAndTime(row.since))
    }
}
