internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The operator's view of all tenants: counts only, no payload.
struct FleetPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            Route(.get, "/operator", access: .permission(Permission.fleetRead.rawValue)) { request in
                let kit = try await PageKit.operatorPage(services, request, .fleetRead)
                return .html(console.html(try await fleet(request, kit)))
            },
            Route(.get, "/operator/platform", access: .permission(Permission.workersRead.rawValue)) { request in
                let kit = try await PageKit.operatorPage(services, request, .workersRead)
                return .html(console.html(try await platform(request, kit)))
            },
            Route(.get, "/operator/incidents", access: .permission(Permission.incidentsRead.rawValue)) { request in
                let kit = try await PageKit.operatorPage(services, request, .incidentsRead)
                return .html(console.html(try await incidents(request, kit)))
            },
        ]
    }

    private struct Tenant {
        let row: ScopeRow
        let partner: String
        let counts: TenantSummaryRow?
        let worker: Looking.WorkerStatus?

        var status: Status? {
            guard row.state == "active" else { return .paused }
            guard let counts else { return nil }
            if counts.incidentsOpen > 0, counts.worstSeverity.map({ $0 <= "sev2" }) ?? false { return .failed }
            if counts.clocksBreached > 0 { return .breached }
            if counts.deadTasks > 0 || counts.clocksAtRisk > 0 || counts.incidentsOpen > 0 { return .watch }
            return nil
        }
    }

    private func tenants(_ kit: PageKit) async throws -> [Tenant] {
        let scopes = try await services.access.visibleScopes(kit.context.visitor)
        let summaries = Dictionary(
            try await kit.looking.summaries().map { ($0.tenant, $0) }, uniquingKeysWith: { first, _ in first })
        let workers = Dictionary(try await kit.looking.workers().map { ($0.tenant, $0) }, uniquingKeysWith: { first, _ in first })
        let names = Dictionary(try await services.scopes.all().map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
        return scopes.filter { $0.kind == "tenant" }.map { row in
            Tenant(row: row, partner: row.parent.flatMap { names[$0] } ?? "", counts: summaries[row.id], worker: workers[row.id])
        }
    }

    private func fleet(_ request: WebRequest, _ kit: PageKit) async throws -> FleetPage {
        let tenants = try await tenants(kit)
        func sum(_ value: (TenantSummaryRow) -> Int32) -> Int { tenants.reduce(0) { $0 + Int($1.counts.map(value) ?? 0) } }
        let urgent = tenants.filter { $0.status == .failed || $0.status == .breached }
        let watch = tenants.filter { $0.status == .watch || $0.status == .paused }
        let healthy = tenants.filter { $0.status == nil }
        let groups = [("Needs someone now", urgent), ("Watch", watch), ("Healthy", healthy)].compactMap {
            title, list -> FleetPage.Group? in
            list.isEmpty
                ? nil : FleetPage.Group(title: title, count: kit.money.count(list.count), rows: list.map { row($0, kit) })
        }
        let running = tenants.filter { $0.worker?.state == "running" }.count
        let incidents = sum(\.incidentsOpen)
        return FleetPage(
            frame: try await kit.frame("Fleet", section: "Fleet", crumbs: [Crumb(label: "Fleet")], request: request),
            head: PageHead(title: "Fleet"),
            figures: [
                Figure(
                    label: "In motion", value: kit.money.count(sum(\.runsOpen)), unit: "runs",
                    context: "of \(CountText.text(tenants.count, "tenant"))"),
                Figure(
                    label: "Waiting on people", value: kit.money.count(sum(\.waitingOnPeople)),
                    context: CountText.text(sum(\.exceptionsOpen), "exception") + " besides"),
                Figure(
                    label: "Service levels", value: kit.money.count(sum(\.clocksBreached)), unit: "late",
                    context: "\(sum(\.clocksAtRisk)) near their end", status: sum(\.clocksBreached) > 0 ? .breached : .done),
                Figure(
                    label: "Incidents", value: kit.money.count(incidents), unit: "open", context: "over all tenants",
                    status: incidents > 0 ? .failed : .done, href: "/operator/incidents"),
                Figure(label: "Posted and read back", value: kit.money.count(sum(\.postedToday)), context: "today"),
                Figure(
                    label: "Workers", value: kit.money.count(running), unit: "of \(tenants.count)",
                    context: "others start on demand",
                    href: kit.may(.workersRead) ? "/operator/platform" : ""),
            ],
            map: Dictionary(grouping: tenants, by: \.partner).sorted { $0.key < $1.key }.map { partner, list in
                FleetPage.MapGroup(
                    partner: partner, count: kit.money.count(list.count),
                    tiles: list.map {
                        .init(
                            letters: PageWords.letters($0.row.name), name: $0.row.name, href: "/t/\($0.row.slug)",
                            status: $0.status)
                    })
            }, deadlines: [], groups: groups,
            empty: tenants.isEmpty ? EmptyState(why: "No tenants yet. Publish a folder with `countersign apply`.") : nil)
    }

    private func row(_ tenant: Tenant, _ kit: PageKit) -> FleetPage.Row {
        let counts = tenant.counts
        func count(_ value: Int32?) -> String { kit.money.count(Int(value ?? 0)) }
        let worker: FleetPage.LinkTile.State =
            switch tenant.worker?.state {
            case "running": .fine
            case "restarting", Looking.WorkerStatus.lost: .broken
            case nil: .unknown
            default: .unknown
            }
        let words =
            switch tenant.status {
            case .paused: "suspended"
            case .failed: "incident open"
            case .breached: "target missed"
            case .watch:
                counts.map { $0.deadTasks > 0 ? CountText.text(Int($0.deadTasks), "dead letter") : "near its target" } ?? "watch"
            default: "steady"
            }
        return FleetPage.Row(
            name: tenant.row.name, href: "/t/\(tenant.row.slug)", partner: tenant.partner, status: tenant.status, state: words,
            runs: count(counts?.runsOpen),
            queue: count(counts?.tasksReady), onPeople: count(counts?.waitingOnPeople),
            oldest: counts?.oldestReadyAt.map { DurationText.text(kit.now.seconds(since: $0)) } ?? "none",
            posted: count(counts?.postedToday),
            late: (counts?.clocksBreached ?? 0) > 0 ? "\(count(counts?.clocksBreached)) late" : "",
            near: (counts?.clocksAtRisk ?? 0) > 0 ? "\(count(counts?.clocksAtRisk)) near" : "",
            links: [
                .init(letter: "E", name: "ERP", state: (counts?.deadTasks ?? 0) > 0 ? .slow : .fine),
                .init(letter: "W", name: "Worker", state: worker),
            ])
    }

    private func platform(_ request: WebRequest, _ kit: PageKit) async throws -> PlatformPage {
        let tenants = try await tenants(kit)
        var connections: [PlatformPage.Connection] = []
        for tenant in tenants {
            let known = try await services.watch.all(tenant.row.id)
            connections += try await services.assets.current(for: tenant.row.id).all("connection").map {
                PlatformDrawing.connection($0, known[$0.name], tenant: tenant.row.name, kit: kit)
            }
        }
        // The platform's own first, then of the tenants what is missed, with the jobs.
        var beats = try await services.heartbeats.all(kit.tenant).map { PlatformDrawing.beat($0, kit: kit) }
        for tenant in tenants {
            let rows = try await services.heartbeats.all(tenant.row.id).filter { $0.missedAt != nil || $0.kind == "job" }
            beats += rows.map { PlatformDrawing.beat($0, tenant: tenant.row.name, kit: kit) }
        }
        let workers = tenants.compactMap { tenant in
            tenant.worker.map { PlatformDrawing.worker($0, name: tenant.row.name, href: "/t/\(tenant.row.slug)", kit: kit) }
        }
        return PlatformPage(
            frame: try await kit.frame(
                "Workers", section: "Workers", crumbs: [Crumb(label: "Workers and connections")], request: request),
            head: PageHead(title: "Workers and connections"), workers: workers, connections: connections, beats: beats,
            isAllTenants: true,
            workersEmpty: workers.isEmpty ? EmptyState(why: "No worker has been needed yet.") : nil)
    }

    /// Incidents of all tenants: titles carry invoice numbers, so without a grant there the alert's name stands in.
    private func incidents(_ request: WebRequest, _ kit: PageKit) async throws -> IncidentsPage {
        var rows: [IncidentsPage.Row] = []
        for tenant in try await tenants(kit) {
            let node = try await services.access.node(of: tenant.row)
            guard kit.context.visitor.authority.permits(.incidentsRead, in: node, at: kit.now) else { continue }
            for incident in try await kit.looking.incidents(tenant.row.id, openOnly: true, limit: 50) {
                rows.append(
                    IncidentsPage.Row(
                        href: "/t/\(tenant.row.slug)/incidents/\(incident.id)", number: IncidentPages.number(incident),
                        title: incident.title, tenant: tenant.row.name,
                        priority: incident.severity.uppercased(), status: IncidentPages.status(incident), state: incident.state,
                        clock: DurationText.text(kit.now.seconds(since: incident.openedAt)),
                        who: incident.acknowledgedBy == nil ? "nobody yet" : "an engineer",
                        opened: kit.time.dayAndTime(incident.openedAt)))
            }
        }
        return IncidentsPage(
            frame: try await kit.frame("Incidents", section: "Incidents", crumbs: [Crumb(label: "Incidents")], request: request),
            head: PageHead(title: "Incidents"),
            groups: rows.isEmpty ? [] : [.init(title: "Open", count: kit.money.count(rows.count), rows: rows)],
            empty: rows.isEmpty ? EmptyState(why: "Quiet over all tenants.") : nil)
    }
}
