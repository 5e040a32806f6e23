internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Signs of life: who promised them and when they came last; jobs outside with addresses of their own.
struct HeartbeatRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [list, make, rotate, end] + pings }

    private var list: Route {
        services.reading(
            "heartbeats", .workersRead,
            RouteDocumentation(
                "listHeartbeats", "Promised signs of life, missed ones first; of the operator those of parts and lanes.",
                responseSchema: HeartbeatRoutes.object)
        ) { [services] _, context in
            let rows = try await services.heartbeats.all(context.scope.id)
            return ["items": .array(rows.map { HeartbeatRoutes.view($0, now: context.now) })]
        }
    }

    private var make: Route {
        services.acting(
            .post, "heartbeats", .heartbeatsManage,
            RouteDocumentation(
                "makeHeartbeat", "Promises a job's reports and answers the path that it has to call; its secret is shown once.",
                requestSchema: [
                    "type": "object", "required": ["name", "everySeconds"], "additionalProperties": false,
                    "properties": [
                        "name": ["type": "string", "minLength": 1, "maxLength": JSONValue(Jobs.nameCharactersMax)],
                        "everySeconds": [
                            "type": "integer", "minimum": JSONValue(Jobs.everySeconds.lowerBound),
                            "maximum": JSONValue(Jobs.everySeconds.upperBound),
                        ],
                        "graceSeconds": [
                            "type": "integer", "minimum": 0, "maximum": JSONValue(Jobs.graceSeconds.upperBound),
                        ],
                    ],
                ], responseSchema: HeartbeatRoutes.object, responseStatus: 201, problems: [400, 409])
        ) { [services] request, context in
            let body = try request.strictJSON()
            let fields = try BodyFields(body, known: ["name", "everySeconds", "graceSeconds"])
            let made = try await services.jobs.make(
                name: try fields.text("name"), everySeconds: body["everySeconds"]?.int ?? 0,
                graceSeconds: body["graceSeconds"].map { $0.int ?? -1 } ?? 0, as: context.actor, scope: context.scope)
            return HeartbeatRoutes.made(made, now: context.now)
        }
    }

    private var rotate: Route {
        services.acting(
            .post, "heartbeats/{id}/rotate", .heartbeatsManage,
            RouteDocumentation(
                "rotateHeartbeat", "Gives a job a new address; the old one is refused from now on.",
                responseSchema: HeartbeatRoutes.object)
        ) { [services] request, context in
            let made = try await services.jobs.rotate(try request.id(), as: context.actor, scope: context.scope)
            return HeartbeatRoutes.made(made, now: context.now)
        }
    }

    private var end: Route {
        services.writing(
            "heartbeats/{id}/end", .heartbeatsManage,
            RouteDocumentation(
                "endHeartbeat", "Takes a job's promise back; its address is refused from now on.",
                requestSchema: HeartbeatRoutes.nothing, responseSchema: HeartbeatRoutes.object, problems: [400])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let row = try await services.jobs.end(try request.id(), as: context.actor, scope: context.scope)
            return (200, HeartbeatRoutes.view(row, now: context.now))
        }
    }

    /// Jobs know themselves by the secret in their address; either method, since not everything can send a POST.
    private var pings: [Route] {
        [WebMethod.get, .post].map { method in
            Route(
                method, "/api/v1/beats/{receiver}/{job}/{secret}", access: .open,
                documentation: RouteDocumentation(
                    method == .get ? "pingHeartbeat" : "reportHeartbeat", "A job reports that it has run.",
                    responseSchema: HeartbeatRoutes.object, problems: [404])
            ) { [services] request in
                try await services.jobs.ping(
                    scope: try request.parameter("receiver"), id: HeartbeatID(try request.parameter("job")),
                    token: try request.parameter("secret"))
                return .json(["status": "ok"])
            }
        }
    }

    private static let nothing: JSONValue = ["type": "object", "additionalProperties": false]

    private static func made(_ made: Jobs.Made, now: Moment) -> JSONValue {
        var object = view(made.row, now: now).object ?? [:]
        object["path"] = .string(made.path)
        return .object(object)
    }

    static func view(_ row: HeartbeatRow, now: Moment) -> JSONValue {
        let last = row.beatenAt ?? row.since
        return .object([
            "id": JSONValue(row.id), "kind": .string(row.kind), "subject": .string(row.subject),
            "everySeconds": JSONValue(Int64(row.everySeconds)), "graceSeconds": JSONValue(Int64(row.graceSeconds)),
            "state": row.endedAt != nil ? "ended" : row.missedAt != nil ? "missed" : row.beatenAt == nil ? "awaited" : "alive",
            "beatenAt": row.beatenAt.map { JSONValue($0) } ?? .null, "ageSeconds": JSONValue(max(0, now.seconds(since: last))),
            "missedAt": row.missedAt.map { JSONValue($0) } ?? .null, "since": JSONValue(row.since),
        ])
    }
}
