internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Incidents: the board, one incident with its timeline, and what an engineer does with it.
struct IncidentRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static func schema(_ member: String) -> JSONValue {
        let text: JSONValue = ["type": "string", "maxLength": 2000]
        return [
            "type": "object", "required": [.string(member)], "additionalProperties": false,
            "properties": .object(JSONObject([(key: member, value: text)])),
        ]
    }

    var all: [Route] {
        let looking = services.looking
        return [
            services.reading(
                "incidents", .incidentsRead,
                RouteDocumentation(
                    "listIncidents", "Incidents, newest first.",
                    parameters: PageRequest.parameters + [
                        .init("state", "`open` (default) or `all`.", schema: ["enum": ["open", "all"]])
                    ],
                    responseSchema: IncidentRoutes.object, problems: [400])
            ) { request, context in
                let page = try PageRequest(request)
                let rows = try await looking.incidents(
                    context.scope.id, openOnly: request.query("state") != "all", before: try page.position(IncidentID.self),
                    limit: page.limit)
                return page.answer(rows.map(Views.incident), last: rows.last.map { ($0.openedAt, $0.id) })
            },
            services.reading(
                "incidents/{id}", .incidentsRead,
                RouteDocumentation("getIncident", "One incident with its timeline.", responseSchema: IncidentRoutes.object)
            ) { request, context in
                let row = try await looking.incident(context.scope.id, try request.id())
                let lines = try await looking.incidentEntries(context.scope.id, row.id)
                var body = Views.incident(row).object ?? [:]
                body["timeline"] = .array(
                    lines.map {
                        [
                            "at": JSONValue($0.at), "kind": .string($0.kind), "person": JSONValue($0.person),
                            "text": .string($0.text),
                        ]
                    })
                return .object(body)
            },
        ] + acts
    }

    private var acts: [Route] {
        let alerting = services.alerting
        return [
            services.writing(
                "incidents/{id}/acknowledge", .incidentsManage,
                RouteDocumentation(
                    "acknowledgeIncident", "Takes the incident on; stops escalation.", responseSchema: IncidentRoutes.object,
                    problems: [400, 409, 422])
            ) { request, _, context in
                (200, Views.incident(try await alerting.acknowledge(try request.id(), as: context.actor, scope: context.scope)))
            },
            services.writing(
                "incidents/{id}/resolve", .incidentsManage,
                RouteDocumentation(
                    "resolveIncident", "Ends the incident with the reason.", requestSchema: schema("reason"),
                    responseSchema: IncidentRoutes.object,
                    problems: [400, 409, 422])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["reason"])
                return (
                    200,
                    Views.incident(
                        try await alerting.resolve(
                            try request.id(), reason: try fields.text("reason"), as: context.actor, scope: context.scope))
                )
            },
            services.writing(
                "incidents/{id}/notes", .incidentsManage,
                RouteDocumentation(
                    "noteOnIncident", "Adds a note to the timeline.", requestSchema: schema("text"),
                    responseSchema: IncidentRoutes.object, problems: [400, 409, 422])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["text"])
                return (
                    200,
                    Views.incident(
                        try await alerting.note(
                            try request.id(), text: try fields.text("text"), as: context.actor, scope: context.scope))
                )
            },
        ]
    }

    private func schema(_ member: String) -> JSONValue { IncidentRoutes.schema(member) }
}
