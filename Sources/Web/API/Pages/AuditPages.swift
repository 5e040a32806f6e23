internal import Console
internal import Evidence
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The auditor's pages: the log with its seals, proofs and checkpoints to take away.
struct AuditPages: Sendable {
    private static let listMax = 100
    private static let checkpointsMax = 1000
    /// Entries that are taken away at once, a minute's work at most.
    private static let exportMax = 5000

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/audit", .auditRead) { request, kit in .html(console.html(try await audit(request, kit))) },
            services.page("/audit/checkpoints", .auditRead) { _, kit in try await checkpoints(kit) },
            services.page("/audit/proofs", .auditRead) { request, kit in try await proofs(request, kit) },
            services.page("/audit/entries/{id}", .auditRead) { request, kit in
                .html(console.html(try await AuditEntryPages(services: services, kit: kit).page(try request.id(), request)))
            },
            services.page("/audit/entries/{id}/proof", .auditRead) { request, kit in try await proof(request, kit) },
        ]
    }

    private func audit(_ request: WebRequest, _ kit: PageKit) async throws -> AuditPage {
        let page = try PageRequest(request)
        let rows = try await AuditSearch(page: request).page(
            services, kit.tenant, before: try page.position(AuditEntryID.self), limit: AuditPages.listMax)
        let fields = AuditSearch.pageFields.map { ($0, request.query($0) ?? "") }
        func field(_ name: String) -> String { request.query(name) ?? "" }
        let places = try await services.proving.places(kit.tenant, rows.map(\.id))
        let state = try await services.proving.state(kit.tenant)
        let checkpoints = try await services.proving.checkpoints(kit.tenant, limit: AuditPages.checkpointsMax)
        let ends = Dictionary(checkpoints.map { ($0.size - 1, $0) }, uniquingKeysWith: { first, _ in first })
        let covered = checkpoints.first?.size ?? 0
        let names = try await kit.names()
        return AuditPage(
            frame: try await kit.frame("Audit", section: "Audit", crumbs: [Crumb(label: "Audit")], request: request),
            head: PageHead(title: "Audit", meta: summary(state, kit)),
            filterAction: "\(kit.base)/audit", actor: field("actor"), act: field("act"), object: field("object"),
            behalf: field("behalf"), from: field("from"), to: field("to"),
            export: rows.isEmpty ? "" : AuditPages.address("\(kit.base)/audit/proofs", fields),
            rows: rows.map { entry in
                let place = places[entry.id]
                let isProven = place.map { $0.seq < covered } ?? false
                return AuditPage.Row(
                    entry: place.map { kit.money.count(Int($0.seq)) } ?? "new", time: kit.time.stamp(entry.at, seconds: true),
                    actor: PageWords.actor(entry, names), act: EventWords.act(entry.action),
                    object: PageWords.object(entry, names),
                    href: kit.may(.runsRead) ? entry.run.map { "\(kit.base)/runs/\($0)" } ?? "" : "",
                    hash: place.map { AuditPages.short($0.leaf) } ?? "not sealed yet",
                    proof: isProven ? "\(kit.base)/audit/entries/\(entry.id)/proof" : "",
                    checkpoint: place.flatMap { ends[$0.seq] }.map { words($0, kit) } ?? "",
                    page: "\(kit.base)/audit/entries/\(entry.id)")
            }, pager: pager(rows, kit, fields),
            empty: rows.isEmpty ? EmptyState(why: "No entry matches.") : nil)
    }

    private func summary(_ state: AuditProving.State?, _ kit: PageKit) -> String {
        guard let state, state.size > 0 else { return "Nothing is sealed yet; entries are sealed within seconds." }
        let sealed = "\(kit.money.count(Int(state.size))) entries are sealed."
        guard let last = state.checkpoint else { return sealed + " The first checkpoint comes within a minute." }
        return "\(sealed) \(words(last, kit)) is the last one."
    }

    private func words(_ row: CheckpointRow, _ kit: PageKit) -> String {
        "Checkpoint of \(kit.money.count(Int(row.size))) entries, \(kit.time.stamp(row.at).text)"
    }

    /// The first four bytes: enough to compare by eye.
    private static func short(_ leaf: [UInt8]) -> String {
        "\(Array(leaf.prefix(2)).hexText) \(Array(leaf.dropFirst(2).prefix(2)).hexText)"
    }

    private func pager(_ rows: [Looking.ListedEntry], _ kit: PageKit, _ filters: [(String, String)]) -> Pager {
        var older = ""
        if rows.count == AuditPages.listMax, let last = rows.last {
            older = AuditPages.address(
                "\(kit.base)/audit", [("cursor", "\(last.at.microseconds)_\(last.id)")] + filters)
        }
        return Pager(range: CountText.text(rows.count, "entry", "entries"), older: older)
    }

    private static func address(_ path: String, _ fields: [(String, String)]) -> String {
        let wanted = fields.filter { !$0.1.isEmpty }
        return wanted.isEmpty ? path : path + "?" + wanted.map { "\($0.0)=\(percentEncoded($0.1))" }.joined(separator: "&")
    }

    /// What a search finds, a line for each entry with its proof, as far as `exportMax`; a narrower search finds the rest.
    private func proofs(_ request: WebRequest, _ kit: PageKit) async throws -> WebResponse {
        let (search, tenant) = (try AuditSearch(page: request), kit.tenant)
        var response = AuditPages.file("audit.proofs.ndjson", "")
        response.body = .stream { [services] writer in
            var (before, written) = ((Moment, AuditEntryID)?.none, 0)
            repeat {
                let rows = try await search.page(services, tenant, before: before, limit: AuditPages.listMax)
                for row in rows {
                    let line = try await AuditSearch.proven(row, tenant, services)
                    try await writer.write(line.text + "\n")
                }
                written += rows.count
                before = rows.count == AuditPages.listMax ? rows.last.map { ($0.at, $0.id) } : nil
            } while before != nil && written < AuditPages.exportMax
        }
        return response
    }

    /// All checkpoints as signed notes, one behind the other, as the folder outside the database has them.
    private func checkpoints(_ kit: PageKit) async throws -> WebResponse {
        let rows = try await services.proving.checkpoints(kit.tenant, limit: AuditPages.checkpointsMax)
        return AuditPages.file("checkpoints.txt", rows.reversed().map { $0.note + "\n" }.joined())
    }

    private func proof(_ request: WebRequest, _ kit: PageKit) async throws -> WebResponse {
        let entry: AuditEntryID = try request.id()
        let proven = try await services.proving.inclusion(entry, of: kit.tenant)
        let bundle = AuditRoutes.bundle(proven, keys: services.auditKeys(kit.tenant))
        return AuditPages.file("audit-\(entry.text).proof.json", bundle.prettyText + "\n")
    }

    private static func file(_ name: String, _ text: String) -> WebResponse {
        WebResponse(
            status: 200,
            headers: WebHeaders([
                (name: "Content-Type", value: "application/octet-stream"),
                (name: "Content-Disposition", value: "attachment; filename=\"\(name)\""),
                (name: "Content-Security-Policy", value: "default-src 'none'; sandbox"),
            ]), body: .bytes(Array(text.utf8)))
    }
}
