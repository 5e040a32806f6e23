internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// How long what happened is kept, and what is kept longer because somebody forbids its removal.
struct RetentionRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let reason: JSONValue = ["type": "string", "minLength": 1, "maxLength": 500]

    var all: [Route] { [retention, holds, place, release] }

    private var retention: Route {
        services.reading(
            "retention", .auditRead,
            RouteDocumentation(
                "getRetention",
                "How long history is kept, and why each of its months is still there; for the operator, of all tenants.",
                responseSchema: RetentionRoutes.object)
        ) { [services] _, context in
            let plan = try await services.keeping.plan()
            return plan.json(seeing: context.scope.kind == "operator" ? nil : [context.scope.id])
        }
    }

    private var holds: Route {
        services.reading(
            "holds", .auditRead,
            RouteDocumentation(
                "listHolds", "Legal holds, newest first.",
                parameters: PageRequest.parameters + [
                    .init("state", "`open` (default) or `all`.", schema: ["enum": ["open", "all"]])
                ],
                responseSchema: RetentionRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.holding.holds(
                in: context.scope.id, openOnly: request.query("state") != "all", before: try page.position(HoldID.self),
                limit: page.limit)
            let names = Dictionary(
                try await services.looking.people(context.scope.id).map { ($0.id, $0.name) },
                uniquingKeysWith: { first, _ in first })
            return page.answer(rows.map { RetentionRoutes.view($0, names) }, last: rows.last.map { ($0.placedAt, $0.id) })
        }
    }

    private var place: Route {
        services.writing(
            "holds", .holdsManage,
            RouteDocumentation(
                "placeHold", "Forbids the removal of one run's history, or of everything of the tenant when no run is named.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["run": ["type": "string", "format": "uuid"], "reason": RetentionRoutes.reason],
                ],
                responseSchema: RetentionRoutes.object, responseStatus: 201, problems: [400, 409, 422])
        ) { [services] _, body, context in
            let fields = try BodyFields(body, known: ["run", "reason"])
            let run = try fields.textIfAny("run").map { text throws(Refusal) in
                guard let id = RunID(text) else { throw Refusal.notFound }
                return id
            }
            let hold = try await services.holding.place(
                on: run, reason: try fields.text("reason"), as: context.actor, scope: context.scope)
            return (201, RetentionRoutes.view(hold, [context.visitor.identity.person.id: context.visitor.name]))
        }
    }

    private var release: Route {
        services.writing(
            "holds/{id}/release", .holdsManage,
            RouteDocumentation(
                "releaseHold", "Ends a hold; what it kept goes its way again.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": ["reason": RetentionRoutes.reason],
                ],
                responseSchema: RetentionRoutes.object, problems: [400, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["reason"])
            let hold = try await services.holding.release(
                try request.id(), reason: try fields.text("reason"), as: context.actor, scope: context.scope)
            return (200, RetentionRoutes.view(hold, [context.visitor.identity.person.id: context.visitor.name]))
        }
    }

    private static func view(_ hold: HoldRow, _ names: [PersonID: String]) -> JSONValue {
        func person(_ id: PersonID?) -> JSONValue? { id.map { .string(names[$0] ?? $0.text) } }
        return .object([
            "id": JSONValue(hold.id), "run": hold.run.map { JSONValue($0) }, "covers": hold.run == nil ? "everything" : "run",
            "state": hold.releasedAt == nil ? "open" : "released", "reason": .string(hold.reason),
            "placedBy": person(hold.placedBy), "placedAt": JSONValue(hold.placedAt), "releasedBy": person(hold.releasedBy),
            "releasedAt": hold.releasedAt.map { JSONValue($0) }, "releaseReason": hold.releaseReason.map(JSONValue.string),
        ])
    }
}
