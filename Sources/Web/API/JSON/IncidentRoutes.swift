internal import Flow
internal import Incidents
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
                "incidents/figures", .incidentsRead,
                RouteDocumentation(
                    "getIncidentFigures",
                    "How fast the incidents of the last 90 days were acknowledged and resolved: median, p90, n, and n left out.",
                    responseSchema: IncidentRoutes.object)
            ) { _, context in
                var body = try await looking.responseFigures(context.scope.id, at: context.now).json.object ?? [:]
                body["days"] = JSONValue(Looking.figuresDays)
                return .object(body)
            },
            services.reading(
                "incidents/{id}", .incidentsRead,
                RouteDocumentation(
                    "getIncident", "One incident with its timeline and every attempt to page.",
                    responseSchema: IncidentRoutes.object)
            ) { [services] request, context in
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
                body["runs"] = .array(try await looking.runs(of: row.id, context.scope.id).map { JSONValue($0) })
                body["absorbed"] = .array(
                    (row.machine["absorbed"]?.array ?? []).map {
                        [
                            "incident": $0["incident"] ?? .null, "number": $0["number"] ?? .null,
                            "alertsSince": $0["alerts"] ?? .null, "cameWith": $0["via"] ?? .null,
                        ]
                    })
                body["postmortem"] = JSONValue(
                    try await services.postmortems.of(row.id, in: context.scope.id)?.row.id.text)
                body["clocks"] = .array(
                    try await looking.clocks(context.scope.id, incident: row.id).map { Views.clock($0, incident: row.number) })
                let pages = try await services.onCalling.pages(of: row.id, tenant: context.scope.id)
                body["pages"] = .array(pages.map { OnCallRoutes.page($0.page, $0.attempts) })
                return .object(body)
            },
        ] + [IncidentExport.route(services)] + acts + changes + merges
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

    /// A verb of the path, its members, and what it does.
    private func change(
        _ verb: String, _ id: String, _ summary: String, _ members: [String],
        _ read: @escaping @Sendable (BodyFields, TenantContext) async throws -> Alerting.Change
    ) -> Route {
        services.writing(
            "incidents/{id}/\(verb)", .incidentsManage,
            RouteDocumentation(
                id, summary,
                requestSchema: [
                    "type": "object", "required": .array(members.map(JSONValue.string)), "additionalProperties": false,
                    "properties": .object(JSONObject(members.map { (key: $0, value: ["type": "string"]) })),
                ],
                responseSchema: IncidentRoutes.object, problems: [400, 409, 422])
        ) { [services] request, body, context in
            let wanted = try await read(try BodyFields(body, known: members), context)
            return (
                200,
                Views.incident(
                    try await services.alerting.change(try request.id(), wanted, as: context.actor, scope: context.scope))
            )
        }
    }

    private var changes: [Route] {
        [
            change("mitigate", "mitigateIncident", "Says that tenants no longer suffer; stops escalation.", ["text"]) {
                fields, _ in
                .mitigated(text: try fields.text("text"))
            },
            change("reopen", "reopenIncident", "Opens a resolved incident again; people are told anew.", ["reason"]) {
                fields, _ in
                .reopened(reason: try fields.text("reason"))
            },
            change(
                "severity", "changeSeverity", "Raises or lowers the severity, with the reason; raising it tells people.",
                ["severity", "reason"]
            ) { fields, _ in
                .severity(try IncidentRoutes.severity(try fields.text("severity")), reason: try fields.text("reason"))
            },
            change("priority", "changePriority", "Sets the order of work apart from the severity.", ["priority"]) { fields, _ in
                guard let priority = Priority(rawValue: try fields.text("priority")) else {
                    throw Refusal(
                        .invalid, reason: "request.member", "priority is p1, p2, p3 or p4.", facts: ["field": "priority"])
                }
                return .priority(priority)
            },
            change(
                "assign", "assignIncident", "Gives the incident to one of the operator's people, who is told.", ["person"]
            ) { [services] fields, context in
                .assigned(try await services.onCalling.engineer(try fields.text("person"), for: context.scope.id).id)
            },
        ]
    }

    private var merges: [Route] {
        let alerting = services.alerting
        let text: JSONValue = ["type": "string", "maxLength": 2000]
        return [
            services.writing(
                "incidents/{id}/merge", .incidentsManage,
                RouteDocumentation(
                    "mergeIncident",
                    "Merges an open incident into another: it comes to rest, and its later alerts go to the survivor. The answer "
                        + "is the merged one.",
                    requestSchema: [
                        "type": "object", "required": ["into", "reason"], "additionalProperties": false,
                        "properties": ["into": ["type": "string", "format": "uuid"], "reason": text],
                    ],
                    responseSchema: IncidentRoutes.object, problems: [400, 404, 409, 422, 503])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["into", "reason"])
                guard let survivor = IncidentID(try fields.text("into")) else { throw Refusal.notFound }
                let both = try await alerting.merge(
                    try request.id(), into: survivor, reason: try fields.text("reason"), as: context.actor,
                    scope: context.scope)
                return (200, Views.incident(both.merged))
            },
            services.writing(
                "incidents/{id}/unmerge", .incidentsManage,
                RouteDocumentation(
                    "unmergeIncident", "Takes a merged incident out again, with the alerts that came for it meanwhile.",
                    requestSchema: IncidentRoutes.schema("reason"), responseSchema: IncidentRoutes.object,
                    problems: [400, 404, 409, 422, 503])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["reason"])
                let both = try await alerting.unmerge(
                    try request.id(), reason: try fields.text("reason"), as: context.actor, scope: context.scope)
                return (200, Views.incident(both.merged))
            },
        ]
    }

    static func severity(_ text: String) throws(Refusal) -> Severity {
        guard let severity = Severity(rawValue: text) else {
            throw Refusal(
                .invalid, reason: "request.member", "severity is sev1, sev2, sev3 or sev4.", facts: ["field": "severity"])
        }
        return severity
    }

    private func schema(_ member: String) -> JSONValue { IncidentRoutes.schema(member) }
}
