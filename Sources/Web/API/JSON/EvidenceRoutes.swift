internal import Evidence
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Evidence packs: which there are, asking for one, what was asked for, and the files.
struct EvidenceRoutes: Sendable {
    private static let object: JSONValue = ["type": "object"]

    let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] { [catalogue, list, ask, show, file] }

    private var catalogue: Route {
        services.reading(
            "evidence-packs", .evidencePull,
            RouteDocumentation(
                "listEvidencePacks",
                "The packs that there are: which question each answers, its lists with their columns, and what is missing of it.",
                responseSchema: EvidenceRoutes.object)
        ) { _, context in
            [
                "items": .array(
                    EvidencePack.all.map { pack in
                        var object = pack.json.object ?? [:]
                        object["mayAsk"] = .bool(EvidenceAccess.lacking(pack, context) == nil)
                        return .object(object)
                    })
            ]
        }
    }

    private var list: Route {
        services.reading(
            "evidence", .evidencePull,
            RouteDocumentation(
                "listEvidence", "Packs that were asked for, newest first, with who asked.", parameters: PageRequest.parameters,
                responseSchema: EvidenceRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.evidence.page(
                context.scope.id, before: try page.position(EvidencePackID.self), limit: page.limit)
            return page.answer(rows.map { EvidenceRoutes.view($0) }, last: rows.last.map { ($0.askedAt, $0.id) })
        }
    }

    private var ask: Route {
        services.writing(
            "evidence", .evidencePull,
            RouteDocumentation(
                "askEvidence",
                "Asks for a pack about a period, or about an instant (`to`, without `from`). It is read in the background; each "
                    + "pack needs the permissions that it names besides.",
                requestSchema: [
                    "type": "object", "required": ["pack"], "additionalProperties": false,
                    "properties": [
                        "pack": ["type": "string", "description": "Its number or its name."],
                        "from": ["type": "string", "format": "date-time"], "to": ["type": "string", "format": "date-time"],
                    ],
                ], responseSchema: EvidenceRoutes.object, responseStatus: 202, problems: [400, 422, 429])
        ) { [services] _, body, context in
            let fields = try BodyFields(body, known: ["pack", "from", "to"])
            let pack = try EvidenceAccess.pack(try fields.text("pack"))
            try EvidenceAccess.check(pack, context)
            let row = try await services.evidence.ask(
                pack, from: try EvidenceAccess.instant(try fields.textIfAny("from"), "from"),
                to: try EvidenceAccess.instant(try fields.textIfAny("to"), "to") ?? context.now, as: context.actor,
                scope: context.scope)
            return (202, EvidenceRoutes.view(row))
        }
    }

    private var show: Route {
        services.reading(
            "evidence/{id}", .evidencePull,
            RouteDocumentation(
                "showEvidence", "One pack with its manifest, once it is read, and how far the reading is until then.",
                responseSchema: EvidenceRoutes.object, problems: [404])
        ) { [services] request, context in
            let row = try await services.evidence.one(try request.id(), context.scope.id)
            var object = EvidenceRoutes.view(row).object ?? [:]
            if let manifest = row.manifest {
                object["manifest"] = try JSONValue(parsing: Array(manifest.utf8), maxBytes: EvidenceManifest.bytesMax)
                object["note"] = .string(row.note ?? "")
                object["files"] = .array(EvidenceAccess.files(row).map(JSONValue.string))
                object["keys"] = .array(services.auditKeys(context.scope.id).map { .string($0.description) })
            }
            return .object(object)
        }
    }

    private var file: Route {
        let services = services
        return Route(
            .get, "/api/v1/tenants/{tenant}/evidence/{id}/files/{name}",
            access: .permission(Permission.evidencePull.rawValue),
            documentation: RouteDocumentation(
                "getEvidenceFile",
                "A file of a pack: `manifest.json`, its signature `manifest.note`, or a list as `.ndjson` or `.csv`.",
                parameters: [.init("piece", "One piece of a list's lines, counted from 1; all of them unless given.")],
                responseSchema: ["type": "string"], responseTypes: ["application/x-ndjson", "text/csv", "application/json"],
                problems: [404, 409])
        ) { request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .evidencePull)
            return try await EvidenceAccess.file(
                try request.parameter("name"), of: try request.id(), piece: request.query("piece"), context, services)
        }
    }

    static func view(_ row: EvidencePackRow) -> JSONValue {
        let pack = EvidencePack.named("\(row.number)")
        return .object(
            [
                "id": JSONValue(row.id), "number": JSONValue(Int64(row.number)), "pack": .string(pack?.name ?? ""),
                "title": .string(pack?.title ?? ""), "state": .string(row.state),
                "from": pack?.time == .period ? EvidenceManifest.instant(row.from) : JSONValue?.none,
                "to": EvidenceManifest.instant(row.to), "askedBy": JSONValue(row.askedBy), "askedName": .string(row.askedName),
                "askedAt": JSONValue(row.askedAt), "rows": JSONValue(row.rowsSeen),
                "builtAt": row.builtAt.map { JSONValue($0) }, "manifestSHA256": row.manifestHash.map { .string($0.hexText) },
                "problem": row.problem.isEmpty ? JSONValue?.none : .string(row.problem),
                "emptiedAt": row.emptiedAt.map { JSONValue($0) },
            ] as KeyValuePairs<String, JSONValue?>)
    }
}

/// Who may have which pack, and its files.
enum EvidenceAccess {
    static let manifest = "manifest.json"
    static let note = "manifest.note"

    static func pack(_ text: String) throws(Refusal) -> EvidencePack {
        guard let pack = EvidencePack.named(text) else {
            throw Refusal(
                .unprocessable, reason: "evidence.pack",
                "There is no such pack; they have numbers from 1 to \(EvidencePack.all.count).",
                facts: ["field": "pack"])
        }
        return pack
    }

    static func instant(_ text: String?, _ name: String) throws(Refusal) -> Moment? {
        guard let text, !text.isEmpty else { return nil }
        guard let moment = Moment(text) else {
            throw Refusal(
                .unprocessable, reason: "evidence.time", "\(name) is an instant such as 2026-07-14T08:30:00Z.",
                facts: ["field": name])
        }
        return moment
    }

    /// The first permission that the person lacks for the rows of a pack.
    static func lacking(_ pack: EvidencePack, _ context: TenantContext) -> Permission? {
        pack.needs.lazy.compactMap { Permission(rawValue: $0) }.first { !context.may($0) }
    }

    static func check(_ pack: EvidencePack, _ context: TenantContext) throws {
        if let permission = lacking(pack, context) {
            try context.visitor.authority.require(permission, in: context.node, at: context.now)
        }
    }

    static func files(_ row: EvidencePackRow) -> [String] {
        guard row.state == "ready", let pack = EvidencePack.named("\(row.number)") else { return [] }
        let lists = row.emptiedAt == nil ? pack.lists : []
        return [manifest, note] + lists.flatMap { ["\($0.name).ndjson", "\($0.name).csv"] }
    }

    static func file(
        _ name: String, of id: EvidencePackID, piece: String? = nil, _ context: TenantContext, _ services: Services
    ) async throws -> WebResponse {
        let row = try await services.evidence.one(id, context.scope.id)
        guard let pack = EvidencePack.named("\(row.number)") else { throw Refusal.notFound }
        try check(pack, context)
        try EvidenceDesk.checkReady(row)
        let parts = name.split(separator: ".")
        let type: String
        let body: WebResponse.Body
        switch name {
        case manifest: (type, body) = ("application/json", .bytes(Array((row.manifest ?? "").utf8)))
        case note: (type, body) = ("text/plain; charset=utf-8", .bytes(Array((row.note ?? "").utf8)))
        default:
            guard parts.count == 2, let list = pack.list(String(parts[0])), ["ndjson", "csv"].contains(parts[1]) else {
                throw Refusal.notFound
            }
            try EvidenceDesk.checkKept(row)
            let isTable = parts[1] == "csv"
            if let piece {
                guard !isTable, let seq = Int32(piece), let content = try await services.evidence.piece(row, list, seq) else {
                    throw Refusal.notFound
                }
                return .text(content, type: "application/x-ndjson")
            }
            type = isTable ? "text/csv; charset=utf-8; header=present" : "application/x-ndjson"
            body = .stream { writer in
                if isTable { try await writer.write(EvidenceLine.head(of: list)) }
                var seq: Int32 = 1
                while let piece = try await services.evidence.piece(row, list, seq) {
                    try await writer.write(isTable ? try table(piece, list) : piece)
                    seq += 1
                }
            }
        }
        return WebResponse(
            status: 200,
            headers: WebHeaders([
                (name: "Content-Type", value: type), (name: "Cache-Control", value: "no-store"),
                (name: "Content-Disposition", value: "attachment; filename=\"\(name)\""),
                (name: "Content-Security-Policy", value: "default-src 'none'; sandbox"),
            ]), body: body)
    }

    private static func table(_ piece: String, _ list: EvidenceList) throws -> String {
        var out = ""
        for line in piece.utf8.split(separator: 0x0A) {
            out += EvidenceLine.row(try JSONValue(parsing: Array(line), maxBytes: EvidenceBounds.lineBytesMax), of: list)
        }
        return out
    }
}
