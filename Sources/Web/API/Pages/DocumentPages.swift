internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Documents and the upload form; workers and connections; the live feed of pages.
struct DocumentPages: Sendable {
    static let pageSize = 50

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/documents", .runsRead) { request, kit in .html(console.html(try await documents(request, kit))) },
            upload,
            services.page("/platform", .workersRead) { request, kit in .html(console.html(try await platform(request, kit))) },
            events,
        ]
    }

    private func documents(_ request: WebRequest, _ kit: PageKit) async throws -> DocumentsPage {
        let page = try PageRequest(request)
        let rows = try await kit.looking.documents(
            kit.tenant, before: try page.position(DocumentID.self), limit: DocumentPages.pageSize)
        let older =
            rows.count == DocumentPages.pageSize
            ? rows.last.map { "\(kit.base)/documents?cursor=\($0.receivedAt.microseconds)_\($0.id)" } : nil
        return DocumentsPage(
            frame: try await kit.frame(
                "Documents", section: "Documents", crumbs: [Crumb(label: "Documents")], topics: "documents", request: request),
            head: PageHead(title: "Documents"),
            upload: kit.may(.documentsSubmit)
                ? .init(form: kit.form("/documents"), accept: ".xml", hint: "UBL or CII invoices as XML, at most 25 MB each.")
                : nil,
            rows: rows.map { row(_: $0, kit) },
            pager: Pager(range: CountText.text(rows.count, "document") + " on this page", older: older ?? ""),
            empty: rows.isEmpty ? EmptyState(why: "Nothing has arrived yet.") : nil)
    }

    private func row(_ row: DocumentRow, _ kit: PageKit) -> DocumentsPage.Row {
        let status: Status = row.state == "canonical" ? .done : row.state == "unreadable" ? .failed : .running
        return DocumentsPage.Row(
            status: status,
            state: row.state == "canonical" ? "read" : row.state == "unreadable" ? "could not be read" : "being read",
            fileName: row.fileName,
            href: "/api/v1/tenants/\(kit.context.scope.slug)/documents/\(row.id)/content",
            size: "\(kit.money.count(Int(row.sizeBytes))) bytes", channel: row.channel,
            reading: row.reason ?? row.kind ?? "not yet", run: row.run.map { "\(kit.base)/runs/\($0)" } ?? "",
            runLabel: row.run == nil ? "" : "open the run",
            received: kit.time.dayAndTime(row.receivedAt))
    }

    private var upload: Route {
        Route(
            .post, "/t/{tenant}/documents", access: .permission(Permission.documentsSubmit.rawValue),
            bodyBytesMax: Intake.documentBytesMax + 65_536
        ) { request in
            let kit = try await PageKit.tenant(services, request, .documentsSubmit)
            let form = try UploadedForm(request)
            try services.access.checkForm(token: form.fields["csrf"], kit.context.visitor)
            guard !form.files.isEmpty else { throw Refusal(.unprocessable, reason: "document.missing", "Choose a file first.") }
            var isNew = false
            for file in form.files {
                let receipt = try await services.intake.receive(
                    file.bytes, fileName: file.fileName, channel: .upload, scope: kit.context.scope,
                    recordedBy: kit.context.visitor.identity.person.id, trace: nil)
                isNew = isNew || receipt.isNew
            }
            return .seeOther("\(kit.base)/documents?done=\(isNew ? "stored" : "known")")
        }
    }

    // MARK: Workers and connections

    private func platform(_ request: WebRequest, _ kit: PageKit) async throws -> PlatformPage {
        let worker = try await kit.looking.worker(kit.tenant)
        let connections = try await services.assets.current(for: kit.tenant).all("connection")
        let known = try await services.watch.all(kit.tenant)
        return PlatformPage(
            frame: try await kit.frame(
                "Connections", section: "Connections", crumbs: [Crumb(label: "Connections")], request: request),
            head: PageHead(title: "Worker and connections"),
            workers: worker.map { [PlatformDrawing.worker($0, name: "", href: "", kit: kit)] } ?? [],
            connections: connections.map { PlatformDrawing.connection($0, known[$0.name], kit: kit) },
            beats: try await services.heartbeats.all(kit.tenant).map { PlatformDrawing.beat($0, kit: kit) }, isAllTenants: false,
            workersEmpty: worker == nil
                ? EmptyState(why: "The worker has not been needed yet; it starts with the first work.") : nil,
            connectionsEmpty: connections.isEmpty ? EmptyState(why: "No connection is published for this tenant.") : nil)
    }

    // MARK: Live

    /// The page's live feed: `change` with the topics of pages that should look again, resumable, with a beat every 15 s.
    private var events: Route {
        Route(.get, "/t/{tenant}/events", access: .permission(Permission.serviceRead.rawValue)) { request in
            let kit = try await PageKit.tenant(services, request, .serviceRead)
            let tenant = kit.tenant
            let start: Int64
            if let last = request.headers["last-event-id"].flatMap({ Int64($0) }) {
                start = last
            } else {
                start = try await services.looking.feedPosition(tenant)
            }
            return WebResponse(
                status: 200,
                headers: WebHeaders([
                    (name: "Content-Type", value: "text/event-stream"), (name: "Cache-Control", value: "no-store"),
                ]),
                body: .stream { writer in
                    var position = start
                    var sinceBeat = 0
                    try await writer.write("retry: 2000\n: open\n\n")
                    while !Task.isCancelled {
                        let items = try await services.looking.feed(tenant, after: position)
                        let topics = Set(items.flatMap { DocumentPages.topics(of: $0.topic) }).sorted()
                        if let last = items.last {
                            position = last.id
                            try await writer.write("id: \(position)\nevent: change\ndata: \(topics.joined(separator: " "))\n\n")
                        }
                        sinceBeat += 1
                        if sinceBeat >= 15 {
                            sinceBeat = 0
                            try await writer.write("event: beat\ndata: \(services.clock.now)\n\n")
                        }
                        try await Task.sleep(for: .seconds(1))
                    }
                })
        }
    }

    static func topics(of topic: String) -> [String] {
        switch topic.split(separator: ".").first {
        case "run": ["runs"]
        case "request": ["inbox", "exceptions", "runs"]
        case "exception": ["exceptions"]
        case "incident": ["incidents"]
        case "sla": ["service", "runs"]
        case "document": ["documents"]
        default: []
        }
    }
}

/// Workers and connections as rows.
enum PlatformDrawing {
    static func worker(_ row: Looking.WorkerStatus, name: String, href: String, kit: PageKit) -> PlatformPage.Worker {
        let status: Status =
            switch row.state {
            case "running": .done
            case "starting", "draining": .running
            case "restarting": .retrying
            case Looking.WorkerStatus.lost: .failed
            default: .notStarted
            }
        let isolation = [row.level ?? "", row.detail].filter { !$0.isEmpty }.joined(separator: ", ")
        return PlatformPage.Worker(
            tenant: name, href: href, status: status, state: row.state, process: row.pid.map { kit.money.count(Int($0)) } ?? "",
            isolation: isolation.isEmpty ? "not started" : isolation,
            isIsolationWeak: row.level == "L0" || row.detail == "shared user", leased: "",
            resident: row.residentBytes.map { "\($0 / 1_048_576) MB" } ?? "none",
            heartbeat: kit.time.stamp(row.seenAt, seconds: true).text,
            restarts: kit.money.count(Int(row.restarts)))
    }

    static func beat(_ row: HeartbeatRow, tenant: String = "", kit: PageKit) -> PlatformPage.Beat {
        let last = row.beatenAt ?? row.since
        let promise = "every \(DurationText.text(Int64(row.everySeconds)))"
        return PlatformPage.Beat(
            tenant: tenant, kind: row.kind, subject: row.subject,
            status: row.missedAt != nil ? .failed : row.beatenAt == nil ? .notStarted : .done,
            state: row.missedAt != nil ? "missed" : row.beatenAt == nil ? "awaited" : "alive",
            age: row.beatenAt == nil ? "never yet" : "\(DurationText.text(max(0, kit.now.seconds(since: last)))) ago",
            promise: row.graceSeconds > 0 ? promise + ", \(DurationText.text(Int64(row.graceSeconds))) of grace" : promise)
    }

    /// A connection as its worker told of it last.
    static func connection(
        _ row: AssetRow, _ known: ConnectionStatusRow?, tenant: String = "", kit: PageKit
    ) -> PlatformPage.Connection {
        let rate = row.content["limits"]?["ratePerSecond"]?.int.map { "\($0) a second" } ?? "by its mapping"
        return PlatformPage.Connection(
            tenant: tenant, name: row.content["title"]?.string ?? row.name,
            kind: "\(row.name), \(row.content["connector"]?.string ?? "")",
            status: status(known), state: state(known, kit: kit),
            heard: known.map { kit.time.stamp($0.seenAt, seconds: true).text } ?? "not used yet",
            budget: budget(known, kit: kit), isBudgetShort: isBudgetShort(known), limit: rate)
    }

    private static func status(_ known: ConnectionStatusRow?) -> Status {
        switch known?.circuit {
        case "closed": .done
        case "probing": .retrying
        case "open": .failed
        default: .notStarted
        }
    }

    private static func state(_ known: ConnectionStatusRow?, kit: PageKit) -> String {
        guard let known else { return "set up, not used yet" }
        let code = known.code.map { ", \($0)" } ?? ""
        switch known.circuit {
        case "open":
            return "held back\(code)" + (known.retryAt.map { ", tried again \(kit.time.stamp($0, seconds: true).text)" } ?? "")
        case "probing": return "being tried\(code)"
        default: return "answers"
        }
    }

    /// Requests of the day; what was spent yesterday is over.
    private static func budget(_ known: ConnectionStatusRow?, kit: PageKit) -> String {
        guard let known else { return "none spent" }
        let spent = known.spentDay == CivilDate(utc: kit.now) ? Int(known.spent) : 0
        return known.perDay == 0
            ? kit.money.count(spent) : "\(kit.money.count(spent)) of \(kit.money.count(Int(known.perDay)))"
    }

    private static func isBudgetShort(_ known: ConnectionStatusRow?) -> Bool {
        known.map { $0.perDay > 0 && Int64($0.spent) * 5 >= Int64($0.perDay) * 4 } ?? false
    }
}
