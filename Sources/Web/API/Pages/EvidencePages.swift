internal import Console
internal import Evidence
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The auditor's page of evidence: the packs, asking for one, and what was asked for; for tenants and for the operator itself.
struct EvidencePages: Sendable {
    private static let pageSize = 20
    private static let path = "/evidence"

    let services: Services
    let console: PageRenderer

    var all: [Route] { routes("/t/{tenant}") + routes("/operator") }

    private func routes(_ base: String) -> [Route] {
        let access = RouteAccess.permission(Permission.evidencePull.rawValue)
        return [
            Route(.get, base + EvidencePages.path, access: access) { request in
                .html(console.html(try await page(request, try await kit(base, request))))
            },
            Route(.post, base + EvidencePages.path, access: access, bodyBytesMax: 16_384) { request in
                try await ask(request, try await kit(base, request))
            },
            Route(.get, base + EvidencePages.path + "/{id}/files/{name}", access: access) { request in
                let kit = try await kit(base, request)
                return try await EvidenceAccess.file(
                    try request.parameter("name"), of: try request.id(), kit.context, services)
            },
        ]
    }

    private func kit(_ base: String, _ request: WebRequest) async throws -> PageKit {
        base == "/operator"
            ? try await PageKit.operatorPage(services, request, .evidencePull)
            : try await PageKit.tenant(services, request, .evidencePull)
    }

    private func ask(_ request: WebRequest, _ kit: PageKit) async throws -> WebResponse {
        let form = try request.form()
        try services.access.checkForm(form, kit.context.visitor)
        do {
            let pack = try EvidenceAccess.pack(form["act"] ?? "")
            try EvidenceAccess.check(pack, kit.context)
            let to = try EvidenceAccess.instant(form["to"], "to") ?? kit.now
            _ = try await services.evidence.ask(
                pack, from: try EvidenceAccess.instant(form["from"], "from"), to: to, as: kit.context.actor,
                scope: kit.context.scope)
            return .seeOther("\(kit.base)\(EvidencePages.path)?done=evidence-asked")
        } catch let refusal as Refusal where refusal.code != .notFound {
            return .html(
                console.html(try await page(request, kit, refusal: refusal.message)), status: Problem.status(of: refusal))
        }
    }

    private func page(_ request: WebRequest, _ kit: PageKit, refusal: String = "") async throws -> EvidencePacksPage {
        let cursor = try PageRequest(request)
        let rows = try await services.evidence.page(
            kit.tenant, before: try cursor.position(EvidencePackID.self), limit: EvidencePages.pageSize)
        let older =
            rows.count == EvidencePages.pageSize
            ? rows.last.map { "\(kit.base)\(EvidencePages.path)?cursor=\($0.askedAt.microseconds)_\($0.id)" } : nil
        return EvidencePacksPage(
            frame: try await kit.frame(
                "Evidence", section: "Evidence", crumbs: [Crumb(label: "Evidence")], request: request),
            head: PageHead(
                title: "Evidence",
                lead:
                    "Complete lists for auditors, each with the question it answers, the statement that was run, and a signature."
            ),
            refusal: refusal, packs: EvidencePack.all.map { pack($0, kit) }, asked: rows.map { asked($0, kit) },
            pager: older.map { Pager(range: CountText.text(rows.count, "pack") + " on this page", older: $0) },
            empty: rows.isEmpty ? EmptyState(why: "No pack was asked for yet.") : nil)
    }

    private func pack(_ pack: EvidencePack, _ kit: PageKit) -> EvidencePacksPage.Pack {
        let lacking = EvidenceAccess.lacking(pack, kit.context)
        return EvidencePacksPage.Pack(
            title: "\(pack.number). \(pack.title)", question: pack.question, lists: pack.lists.map(\.title),
            missing: pack.missing,
            sheet: lacking == nil ? sheet(pack, kit) : nil,
            barred: lacking.map { "To ask for it one has to be allowed to: \($0.title.lowercased())." } ?? "")
    }

    private func sheet(_ pack: EvidencePack, _ kit: PageKit) -> StatusDeskPage.Sheet {
        func line(_ name: String, _ label: String, _ value: Moment) -> StatusDeskPage.Control {
            StatusDeskPage.Control(
                .line, id: "\(pack.name)-\(name)", name: name, label: label, value: value.text(fraction: 0),
                help: "A time such as 2026-07-14T08:30:00Z.")
        }
        let from = kit.now.adding(seconds: -30 * 86_400)
        return StatusDeskPage.Sheet(
            label: "Ask for pack \(pack.number)", form: kit.form(EvidencePages.path),
            controls: pack.time == .instant
                ? [line("to", "At", kit.now)] : [line("from", "From", from), line("to", "Until", kit.now)],
            acts: [
                FieldChoice(value: pack.name, label: pack.lists.isEmpty ? "Sign that there is none" : "Read and sign the lists")
            ])
    }

    private func asked(_ row: EvidencePackRow, _ kit: PageKit) -> EvidencePacksPage.Asked {
        let pack = EvidencePack.named("\(row.number)")
        let time =
            pack?.time == .instant
            ? "as of \(kit.time.stamp(row.to).text)"
            : "from \(kit.time.stamp(row.from).text) until \(kit.time.stamp(row.to).text)"
        let rows = CountText.text(Int(row.rowsSeen), "row")
        let (status, state): (Status, String) =
            switch row.state {
            case "ready": (.sealed, pack?.lists.isEmpty == true ? "signed: nothing is kept of it" : "\(rows), signed")
            case "failed": (.failed, "not read: \(row.problem)")
            default: (.running, row.rowsSeen > 0 ? "\(rows) so far" : "being read")
            }
        let mayTake = pack.map { EvidenceAccess.lacking($0, kit.context) == nil } ?? false
        var note = "\(time), asked for by \(row.askedName)"
        if row.emptiedAt != nil { note += "; the rows are gone by now, the signed manifest stays" }
        return EvidencePacksPage.Asked(
            title: "\(row.number). \(pack?.title ?? "")", status: status, state: state, time: kit.time.stamp(row.askedAt),
            note: note,
            files: mayTake
                ? EvidenceAccess.files(row).map {
                    EvidencePacksPage.File(label: $0, href: "\(kit.base)\(EvidencePages.path)/\(row.id)/files/\($0)")
                } : [],
            hash: row.manifestHash.map(\.hexText) ?? "")
    }
}
