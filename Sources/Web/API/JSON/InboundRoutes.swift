internal import Flow
internal import Incidents
internal import Kernel
internal import WebKernel

/// Alerts of other systems, in the forms in which those send them; the sender's key opens one tenant and nothing else.
struct InboundRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        [
            Route(
                .post, "/api/v1/inbound/{receiver}/v2/enqueue", access: .open,
                documentation: RouteDocumentation(
                    "takeEvent", "Takes a trigger or resolve in the form of PagerDuty's Events API v2.",
                    requestSchema: [
                        "type": "object", "required": ["routing_key", "event_action"],
                        "properties": [
                            "routing_key": ["type": "string", "minLength": 32, "maxLength": 32],
                            "event_action": ["enum": ["trigger", "resolve"]],
                            "dedup_key": ["type": "string", "maxLength": 255], "payload": InboundRoutes.object,
                        ],
                    ], responseSchema: InboundRoutes.object, responseStatus: 202, problems: [400]),
                bodyBytesMax: InboundAlert.messageBytesMax
            ) { [services] request in
                let key = try await services.inbound.event(
                    try request.strictJSON(), tenant: try request.parameter("receiver"))
                return .json(
                    ["status": "success", "message": "Event processed", "dedup_key": .string(key)], status: 202)
            },
            Route(
                .post, "/api/v1/inbound/{receiver}/alertmanager", access: .open,
                documentation: RouteDocumentation(
                    "takeAlertmanagerMessage", "Takes a message of an Alertmanager (version 4); the bearer is the inbound key.",
                    requestSchema: InboundRoutes.object, responseSchema: InboundRoutes.object, responseStatus: 202,
                    problems: [400]), bodyBytesMax: InboundAlert.messageBytesMax
            ) { [services] request in
                let header = request.headers["authorization"] ?? ""
                let bearer = header.hasPrefix("Bearer ") ? String(header.dropFirst(7)) : ""
                let receiver = try request.parameter("receiver")
                try services.inbound.requirePace(bearer: bearer, tenant: receiver)
                let count = try await services.inbound.message(try request.strictJSON(), bearer: bearer, tenant: receiver)
                return .json(["status": "success", "alerts": JSONValue(count)], status: 202)
            },
        ]
    }
}
