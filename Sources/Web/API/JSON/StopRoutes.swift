internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Work that is stopped: of a tenant, of its worker or of one connection. The verbs of runbooks do the same.
struct StopRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let reason: JSONValue = ["type": "string", "minLength": 1, "maxLength": 500]

    var all: [Route] { [list, place, release] }

    private var list: Route {
        services.reading(
            "work-stops", .incidentsRead,
            RouteDocumentation(
                "listWorkStops", "Work that is or was stopped, newest first.", parameters: PageRequest.parameters,
                responseSchema: StopRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.guiding.halting.page(
                context.scope.id, before: try page.position(WorkStopID.self), limit: page.limit)
            return page.answer(rows.map(StopRoutes.view), last: rows.last.map { ($0.placedAt, $0.id) })
        }
    }

    private var place: Route {
        services.writing(
            "work-stops", .incidentsRead,
            RouteDocumentation(
                "placeWorkStop",
                "Stops the work of the tenant (takes runs.manage), of its worker, or of one connection (take incidents.manage). "
                    + "What is stopped waits and loses nothing.",
                requestSchema: [
                    "type": "object", "required": ["kind", "reason"], "additionalProperties": false,
                    "properties": [
                        "kind": ["enum": .array(Halting.Kind.allCases.map { .string($0.rawValue) })],
                        "connection": ["type": "string", "maxLength": 200], "reason": StopRoutes.reason,
                    ],
                ],
                responseSchema: StopRoutes.object, responseStatus: 201, problems: [400, 403, 409, 422])
        ) { [services] _, body, context in
            let fields = try BodyFields(body, known: ["kind", "connection", "reason"])
            guard let kind = Halting.Kind(rawValue: try fields.text("kind")) else {
                throw Refusal(
                    .invalid, reason: "request.member", "kind is tenant, worker or connection.", facts: ["field": "kind"])
            }
            try StopRoutes.require(kind, context)
            let row = try await services.guiding.halting.place(
                kind, connection: try fields.textIfAny("connection"), reason: try fields.text("reason"), as: context.actor,
                scope: context.scope)
            return (201, StopRoutes.view(row))
        }
    }

    private var release: Route {
        services.writing(
            "work-stops/{id}/release", .incidentsRead,
            RouteDocumentation(
                "releaseWorkStop", "Lets stopped work go on; takes what stopping it takes.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["reason": StopRoutes.reason],
                ],
                responseSchema: StopRoutes.object, problems: [400, 403, 404, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["reason"])
            let found = try await services.guiding.halting.find(try request.id(), in: context.scope.id)
            if let kind = Halting.Kind(rawValue: found.kind) { try StopRoutes.require(kind, context) }
            let row = try await services.guiding.halting.release(
                found.id, reason: try fields.text("reason"), as: context.actor, scope: context.scope)
            return (200, StopRoutes.view(row))
        }
    }

    /// A tenant's whole work is its own to stop; a worker and a connection are the engineers'.
    static func require(_ kind: Halting.Kind, _ context: TenantContext) throws(Refusal) {
        guard Permission(rawValue: kind.permission).map({ context.may($0) }) ?? false else {
            throw Refusal(
                .forbidden, reason: "permission.missing",
                "Stopping work of kind \(kind.rawValue) needs the permission \(kind.permission), which you do not hold here.",
                facts: ["permission": kind.permission])
        }
    }

    static func view(_ row: WorkStopRow) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "kind": .string(row.kind), "connection": JSONValue(row.connection),
            "state": row.releasedAt == nil ? "open" : "released", "reason": .string(row.reason),
            "placedBy": JSONValue(row.placedBy), "placedAt": JSONValue(row.placedAt),
            "releasedBy": row.releasedBy.map { JSONValue($0) } ?? .null, "releasedAt": JSONValue(row.releasedAt),
            "releaseReason": JSONValue(row.releaseReason),
        ])
    }
}
