internal import Evidence
internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// The audit log: search, what is sealed, checkpoints, public keys and proofs.
struct AuditRoutes: Sendable {
    private static let object: JSONValue = ["type": "object"]
    private static let integer: JSONValue = ["type": "integer", "minimum": 0]

    let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] { [search, export, one, state, sealed, checkpoints, proof, consistency] }

    private var search: Route {
        services.reading(
            "audit", .auditRead,
            RouteDocumentation(
                "listAudit", "Audit entries, newest first, each with its place in the sealed log.",
                parameters: PageRequest.parameters + AuditSearch.parameters, responseSchema: AuditRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await AuditSearch(request).page(
                services, context.scope.id, before: try page.position(AuditEntryID.self), limit: page.limit)
            let places = try await services.proving.places(context.scope.id, rows.map(\.id))
            return page.answer(rows.map { Views.entry($0, place: places[$0.id]) }, last: rows.last.map { ($0.at, $0.id) })
        }
    }

    private var export: Route {
        services.reading(
            "audit/proofs", .auditRead,
            RouteDocumentation(
                "proveAudit",
                "What a search finds, newest first, each entry with the proof that it is in the sealed log; one that no "
                    + "checkpoint covers yet has none.",
                parameters: PageRequest.parameters + AuditSearch.parameters, responseSchema: AuditRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await AuditSearch(request).page(
                services, context.scope.id, before: try page.position(AuditEntryID.self), limit: page.limit)
            var items: [JSONValue] = []
            for row in rows { items.append(try await AuditSearch.proven(row, context.scope.id, services)) }
            return page.answer(items, last: rows.last.map { ($0.at, $0.id) })
        }
    }

    private var one: Route {
        services.reading(
            "audit/entries/{id}", .auditRead,
            RouteDocumentation(
                "showAuditEntry",
                "One entry with its place in the sealed log, and those before and after it about the same object.",
                responseSchema: AuditRoutes.object, problems: [404])
        ) { [services] request, context in
            let (entry, earlier, later) = try await services.looking.auditEntry(try request.id(), context.scope.id)
            let places = try await services.proving.places(context.scope.id, [entry.id])
            var body = Views.entry(entry, place: places[entry.id]).object ?? [:]
            body["earlier"] = JSONValue(earlier?.text)
            body["later"] = JSONValue(later?.text)
            return .object(body)
        }
    }

    private var state: Route {
        services.reading(
            "audit/state", .auditRead,
            RouteDocumentation(
                "getAuditState", "How far the log is sealed, its last checkpoint, and the public keys that sign it.",
                responseSchema: AuditRoutes.object)
        ) { [services] _, context in
            let tenant = context.scope.id
            let state = try await services.proving.state(tenant)
            return .object([
                "origin": .string(AuditLog.origin(tenant)), "size": JSONValue(state?.size ?? 0),
                "sealedAt": state?.sealedAt.map { JSONValue($0) }, "checkpoint": state?.checkpoint.map(AuditRoutes.view),
                "keys": .array(services.auditKeys(tenant).map { .string($0.description) }),
            ])
        }
    }

    private var sealed: Route {
        services.reading(
            "audit/sealed", .auditRead,
            RouteDocumentation(
                "listSealedAudit", "The sealed log in its order: the exact bytes of each entry, and the leaf noted for it.",
                parameters: [
                    .init("from", "The first place, from 0.", schema: AuditRoutes.integer),
                    .init("limit", "Entries on the page.", schema: ["type": "integer", "minimum": 1, "maximum": 1000]),
                ],
                responseSchema: AuditRoutes.object, problems: [400])
        ) { [services] request, context in
            let start = try AuditRoutes.number(request, "from", in: 0...Int64.max / 2) ?? 0
            let limit = try AuditRoutes.number(request, "limit", in: 1...Int64(AuditProving.pageMax)) ?? 500
            let rows = try await services.proving.sealed(context.scope.id, from: start, limit: Int(limit))
            let items = rows.map { row in
                JSONValue.object([
                    "seq": JSONValue(row.seq), "id": JSONValue(row.entry), "leaf": .string(row.leaf.hexText),
                    "entry": row.row.map { .string(String(decoding: AuditEntry.sealedBytes($0), as: UTF8.self)) },
                ])
            }
            return .object([
                "items": .array(items), "next": rows.count == Int(limit) ? rows.last.map { JSONValue($0.seq + 1) } : nil,
            ])
        }
    }

    private var checkpoints: Route {
        services.reading(
            "audit/checkpoints", .auditRead,
            RouteDocumentation(
                "listAuditCheckpoints", "Signed checkpoints, the largest first.",
                parameters: [
                    .init("below", "Only those of fewer entries.", schema: AuditRoutes.integer),
                    .init("limit", "Checkpoints on the page.", schema: ["type": "integer", "minimum": 1, "maximum": 1000]),
                ],
                responseSchema: AuditRoutes.object, problems: [400])
        ) { [services] request, context in
            let below = try AuditRoutes.number(request, "below", in: 0...Int64.max) ?? Int64.max
            let limit = try AuditRoutes.number(request, "limit", in: 1...Int64(AuditProving.pageMax)) ?? 100
            let rows = try await services.proving.checkpoints(context.scope.id, below: below, limit: Int(limit))
            return .object([
                "items": .array(rows.map(AuditRoutes.view)),
                "next": rows.count == Int(limit) ? rows.last.map { JSONValue($0.size) } : nil,
            ])
        }
    }

    private var proof: Route {
        services.reading(
            "audit/entries/{id}/proof", .auditRead,
            RouteDocumentation(
                "proveAuditEntry", "A proof that stands alone (C2SP tlog-proof) and the exact bytes it proves.",
                responseSchema: AuditRoutes.object, problems: [409])
        ) { [services] request, context in
            let proven = try await services.proving.inclusion(try request.id(), of: context.scope.id)
            return AuditRoutes.bundle(proven, keys: services.auditKeys(context.scope.id))
        }
    }

    private var consistency: Route {
        services.reading(
            "audit/consistency", .auditRead,
            RouteDocumentation(
                "proveAuditGrowth", "That the log of one size is the beginning of that of another (RFC 6962).",
                parameters: [
                    .init("from", "The older size.", isRequired: true, schema: AuditRoutes.integer),
                    .init("to", "The newer size.", isRequired: true, schema: AuditRoutes.integer),
                ],
                responseSchema: AuditRoutes.object, problems: [400])
        ) { [services] request, context in
            let older = try AuditRoutes.number(request, "from", in: 1...Int64.max / 2) ?? 0
            let newer = try AuditRoutes.number(request, "to", in: 1...Int64.max / 2) ?? 0
            let hashes = try await services.proving.consistency(older, newer, of: context.scope.id)
            return [
                "from": JSONValue(older), "to": JSONValue(newer), "hashes": .array(hashes.map { .string(Base64.encode($0)) }),
            ]
        }
    }

    /// A proof with all that checking it takes; the keys are for convenience, an auditor has their own.
    static func bundle(_ proven: AuditProving.Proven, keys: [NoteKey]) -> JSONValue {
        [
            "index": JSONValue(Int64(proven.proof.index)), "proof": .string(proven.proof.text),
            "entry": .string(String(decoding: proven.entry, as: UTF8.self)),
            "keys": .array(keys.map { .string($0.description) }),
        ]
    }

    private static func view(_ row: CheckpointRow) -> JSONValue {
        .object([
            "size": JSONValue(row.size), "root": .string(Base64.encode(row.root)), "at": JSONValue(row.at),
            "note": .string(row.note), "publishedAt": row.publishedAt.map { JSONValue($0) },
        ])
    }

    private static func number(_ request: WebRequest, _ name: String, in range: ClosedRange<Int64>) throws(Refusal) -> Int64? {
        guard let text = request.query(name) else { return nil }
        guard let number = Int64(text), range.contains(number) else {
            throw Refusal(
                .invalid, reason: "audit.number", "\(name) is a whole number from \(range.lowerBound) to \(range.upperBound).",
                facts: ["field": name])
        }
        return number
    }
}
