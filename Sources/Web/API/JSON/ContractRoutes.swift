internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Contracts: what was promised to whom from when on, who signed it, and the acts of both sides.
struct ContractRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let reason: JSONValue = [
        "type": "string", "minLength": 1, "maxLength": JSONValue(ContractLife.reasonScalarsMax),
    ]

    var all: [Route] { [list, show, submit, sign, reject, end] }

    /// Whoever is at home in the tenant signs for it; everybody else for the operator or the partner.
    static func side(of context: TenantContext) -> ContractSide {
        context.visitor.tenant == context.scope.id ? .tenant : .provider
    }

    private var list: Route {
        services.reading(
            "contracts", .serviceRead,
            RouteDocumentation(
                "listContracts", "Versions of contracts, the newest first, and the workflows whose runs none governs.",
                responseSchema: ContractRoutes.object)
        ) { [services] _, context in
            let versions = try await services.contracting.all(context.scope.id)
            let gaps = try await services.contractWatch.gaps(of: context.scope.id)
            return [
                "items": .array(versions.map { ContractRoutes.view($0, now: context.now) }),
                "gaps": .array(gaps.map { ["workflow": .string($0.workflow), "from": JSONValue($0.from)] }),
            ]
        }
    }

    private var show: Route {
        services.reading(
            "contracts/{id}", .serviceRead,
            RouteDocumentation(
                "getContract", "One version: its text, its signatures, its periods, and what differs from the version before.",
                responseSchema: ContractRoutes.object)
        ) { [services] request, context in
            let found = try await services.contracting.find(try request.id(), in: context.scope.id)
            var view = ContractRoutes.view(found.version, now: context.now).object ?? [:]
            view["content"] = found.content
            if let earlier = found.earlier {
                view["comparedWith"] = .string(earlier.version.row.version)
                view["changes"] = .array(
                    JSONDifference.changes(from: earlier.content, to: found.content).map { .string($0.sentence) })
            }
            return .object(view)
        }
    }

    private var submit: Route {
        services.writing(
            "contracts/{id}/submit", .contractsManage,
            RouteDocumentation(
                "submitContract", "Hands a draft in for review; from then on both sides may sign it.",
                requestSchema: ["type": "object", "additionalProperties": false], responseSchema: ContractRoutes.object,
                problems: [409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            return try await services.contract(.submit, try request.id(), context)
        }
    }

    private var sign: Route {
        services.writing(
            "contracts/{id}/sign", .contractsSign,
            RouteDocumentation(
                "signContract", "Signs the text of that hash for one's own side. It takes a fresh proof and no machine.",
                requestSchema: [
                    "type": "object", "required": ["hash"], "additionalProperties": false,
                    "properties": ["hash": ["type": "string", "pattern": "^[0-9a-f]{64}$"]],
                ], responseSchema: ContractRoutes.object, problems: [400, 409, 412, 422])
        ) { [services] request, body, context in
            try services.signingIn.requireFreshProof(context.visitor.identity)
            let hash = try BodyFields(body, known: ["hash"]).text("hash")
            return try await services.contract(.sign(hash: hash), try request.id(), context)
        }
    }

    private var reject: Route {
        services.writing(
            "contracts/{id}/reject", .contractsSign,
            RouteDocumentation(
                "rejectContract", "Turns down a version in review, with a reason. Another text is another version.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["reason": ContractRoutes.reason],
                ], responseSchema: ContractRoutes.object, problems: [400, 409])
        ) { [services] request, body, context in
            let reason = try BodyFields(body, known: ["reason"]).text("reason")
            return try await services.contract(.reject(reason: reason), try request.id(), context)
        }
    }

    private var end: Route {
        services.writing(
            "contracts/{id}/end", .contractsSign,
            RouteDocumentation(
                "endContract", "Asks that a signed version end at an instant; the other side agrees by the same call.",
                requestSchema: [
                    "type": "object", "required": ["at", "reason"], "additionalProperties": false,
                    "properties": ["at": ["type": "string", "format": "date-time"], "reason": ContractRoutes.reason],
                ], responseSchema: ContractRoutes.object, problems: [400, 409])
        ) { [services] request, body, context in
            try services.signingIn.requireFreshProof(context.visitor.identity)
            let fields = try BodyFields(body, known: ["at", "reason"])
            let act = Contracting.Act.end(
                at: try ContractRoutes.instant(try fields.text("at")), reason: try fields.text("reason"))
            return try await services.contract(act, try request.id(), context)
        }
    }

    static func instant(_ text: String) throws(Refusal) -> Moment {
        guard let at = Moment(text) else {
            throw Refusal(
                .invalid, reason: "request.instant", "Write an instant with its offset, such as 2026-12-31T23:00:00Z.",
                facts: ["field": "at"])
        }
        return at
    }

    static func view(_ version: Contracting.Version, now: Moment) -> JSONValue {
        let row = version.row
        return .object([
            "id": JSONValue(row.asset), "name": .string(row.name), "version": .string(row.version),
            "workflow": row.workflow.isEmpty ? .null : .string(row.workflow), "hash": .string(row.hash),
            "standing": .string(version.standing(at: now).rawValue), "phase": .string(row.phase),
            "awaits": .array(version.life.awaited.map { .string($0.rawValue) }),
            "signatures": .array(
                version.life.signatures.map { signature in
                    var object = signature.json.object ?? [:]
                    object["natural"] = nil
                    if signature.seal != nil {
                        object["isSealGood"] = .bool(Contracting.isSealGood(signature, of: row))
                        object["statement"] = signature.statement(of: row.name, version: row.version, tenant: row.tenant)
                    }
                    return .object(object)
                }),
            "periods": .array(
                version.periods.map { ["from": JSONValue($0.from), "to": $0.to.map { JSONValue($0) } ?? .null] }),
            "endAsked": version.life.ending.map {
                ["at": JSONValue($0.at), "side": .string($0.side.rawValue), "by": .string($0.name), "reason": .string($0.reason)]
            },
            "rejection": row.rejection.isEmpty ? nil : .string(row.rejection), "draftedAt": JSONValue(row.draftedAt),
            "submittedAt": row.submittedAt.map { JSONValue($0) },
        ])
    }
}

extension Services {
    /// An act on a contract, answered with the version as it then stands.
    func contract(
        _ act: Contracting.Act, _ id: AssetID, _ context: TenantContext
    ) async throws -> (status: Int, body: JSONValue) {
        let version = try await contracting.act(
            act, on: id, side: ContractRoutes.side(of: context), as: context.actor, scope: context.scope)
        return (200, ContractRoutes.view(version, now: context.now))
    }
}
