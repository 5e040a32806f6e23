internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Events for whoever in a tenant waits for them.
struct EventRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [send, list] }

    private var send: Route {
        services.writing(
            "events", .runsManage,
            RouteDocumentation(
                "sendEvent",
                "Hands the tenant an event in the JSON form of CloudEvents: every run that waits for it takes it, and it is kept "
                    + "for runs that will. The answer says `taken`, `kept`, or `known` when it came before.",
                requestSchema: [
                    "type": "object", "required": ["specversion", "id", "source", "type"],
                    "properties": [
                        "specversion": ["const": "1.0"], "id": ["type": "string"], "source": ["type": "string"],
                        "type": ["type": "string"], "expirytime": ["type": "string", "format": "date-time"], "data": [:],
                    ],
                ],
                responseSchema: EventRoutes.object, problems: [400, 409, 413, 422, 429])
        ) { [services] request, body, context in
            try Views.answer(
                try await services.approving.send(
                    event: body, key: try Services.idempotencyKey(request), as: context.actor, scope: context.scope))
        }
    }

    private var list: Route {
        services.reading(
            "events/received", .runsRead,
            RouteDocumentation(
                "listReceivedEvents",
                "Events of runs and from outside, newest first; those that may still be taken unless asked.",
                parameters: PageRequest.parameters + [
                    .init("state", "`all` for those that were taken or have expired, too.", schema: ["enum": ["kept", "all"]]),
                    .init("type", "Only events of this type."),
                ], responseSchema: EventRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let state = request.query("state") ?? "kept"
            guard ["kept", "all"].contains(state) else {
                throw Refusal(.invalid, reason: "events.state", "state is kept or all.", facts: ["field": "state"])
            }
            let rows = try await services.looking.events(
                context.scope.id, onlyKept: state == "kept", type: request.query("type"), before: try page.position(EventID.self),
                limit: page.limit)
            let now = services.clock.now
            return page.answer(rows.map { EventRoutes.view($0, at: now) }, last: rows.last.map { ($0.receivedAt, $0.id) })
        }
    }

    static func view(_ row: ReceivedEventRow, at now: Moment) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "type": .string(row.type), "source": .string(row.source), "eventId": .string(row.eventID),
            "state": .string(row.standing(at: now)), "taken": JSONValue(Int(row.taken)), "run": row.run.map { JSONValue($0) },
            "consumedBy": row.consumedBy.map { JSONValue($0) }, "receivedAt": JSONValue(row.receivedAt),
            "expiresAt": JSONValue(row.expiresAt), "content": row.content,
        ])
    }

    /// What the steps of a run wait for; nil when for no event.
    static func waits(of run: RunRow, _ looking: Looking) async throws -> JSONValue? {
        let rows = try await looking.subscriptions(run.tenant, run: run.id)
        return rows.isEmpty ? nil : .array(rows.map { view($0) })
    }

    static func view(_ row: SubscriptionRow) -> JSONValue {
        [
            "step": .string(row.step), "type": .string(row.type), "keys": .array(row.keys.map(JSONValue.string)),
            "consume": .string(row.takes), "since": JSONValue(row.since), "looksFrom": JSONValue(row.looksFrom),
        ]
    }
}
