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

    let services: Services
    let console: PageRenderer

    var all: [Route] {
        [
            services.page("/audit", .auditRead) { request, kit in .html(console.html(try await audit(request, kit))) },
            services.page("/audit/checkpoints", .auditRead) { _, kit in try await checkpoints(kit) },
            services.page("/audit/entries/{id}/proof", .auditRead) { request, kit in try await proof(request, kit) },
        ]
    }

    private func audit(_ request: WebRequest, _ kit: PageKit) async throws -> AuditPage {
        let page = try PageRequest(request)
        let (who, act, object) = (request.query("actor") ?? "", request.query("act") ?? "", request.query("object") ?? "")
        let rows = try await kit.looking.audit(
            kit.tenant, AuditQueries.Search(action: act.isEmpty ? nil : act, object: object.isEmpty ? nil : object), who: who,
            before: try page.position(AuditEntryID.self), limit: AuditPages.listMax)
        let places = try await services.proving.places(kit.tenant, rows.map(\.id))
        let state = try await services.proving.state(kit.tenant)
        let checkpoints = try await services.proving.checkpoints(kit.tenant, limit: AuditPages.checkpointsMax)
        let ends = Dictionary(checkpoints.map { ($0.size - 1, $0) }, uniquingKeysWith: { first, _ in first })
        let covered = checkpoints.first?.size ?? 0
        let names = try await kit.names()
        return AuditPage(
            frame: try await kit.frame("Audit", section: "Audit", crumbs: [Crumb(label: "Audit")], request: request),
            head: PageHead(title: "Audit", meta: summary(state, kit)),
            filterAction: "\(kit.base)/audit", actor: who, act: act, object: object,
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
                    checkpoint: place.flatMap { ends[$0.seq] }.map { words($0, kit) } ?? "")
            }, pager: pager(rows, kit, [("actor", who), ("act", act), ("object", object)]),
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
            older = "\(kit.base)/audit?cursor=\(last.at.microseconds)_\(last.id)"
            for (name, value) in filters where !value.isEmpty { older += "&\(name)=\(percentEncoded(value))" }
        }
        return Pager(range: CountText.text(rows.count, "entry", "entries"), older: older)
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
