internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Runbooks that are followed: what is published, starting one, and its steps one after the other.
struct RunbookRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let text: JSONValue = ["type": "string", "maxLength": 2000]

    var all: [Route] {
        [published, one, drill, start, list, single, DrillExport.list(services), DrillExport.route(services)] + steps
    }

    private var published: Route {
        services.reading(
            "runbooks", .incidentsRead,
            RouteDocumentation(
                "listRunbooks", "Every published runbook, with its last drill here and when the next one is due.",
                responseSchema: RunbookRoutes.object)
        ) { [services] _, context in
            let today = CivilDate(utc: context.now)
            let found = try await services.guiding.published(for: context.scope)
            return ["items": .array(found.map { RunbookViews.published($0, on: today) })]
        }
    }

    private var one: Route {
        services.reading(
            "runbooks/{alert}", .incidentsRead,
            RouteDocumentation(
                "getRunbook", "One runbook with its steps, their verbs, parameters and permissions.",
                responseSchema: RunbookRoutes.object)
        ) { [services] request, context in
            let alert = try request.parameter("alert")
            let (runbook, version) = try await services.guiding.runbook(of: alert, for: context.scope.id)
            return RunbookViews.runbook(runbook, version: version)
        }
    }

    private var drill: Route {
        services.writing(
            "runbooks/{alert}/drills", .incidentsManage,
            RouteDocumentation(
                "startDrill", "Begins to follow a runbook as a drill: every step is shown, and none is done.",
                responseSchema: RunbookRoutes.object, responseStatus: 201, problems: [400, 404, 409, 422])
        ) { [services] request, _, context in
            (
                201,
                RunbookViews.execution(
                    try await services.guiding.drill(try request.parameter("alert"), as: context.asker),
                    mayReadRuns: context.may(.runsRead))
            )
        }
    }

    private var start: Route {
        services.writing(
            "incidents/{id}/runbook", .incidentsManage,
            RouteDocumentation(
                "startRunbook", "Begins to follow the runbook of an incident, or takes up what a colleague has begun.",
                responseSchema: RunbookRoutes.object, responseStatus: 201, problems: [400, 404, 409, 422])
        ) { [services] request, _, context in
            (
                201,
                RunbookViews.execution(
                    try await services.guiding.start(try request.id(), as: context.asker), mayReadRuns: context.may(.runsRead))
            )
        }
    }

    private var list: Route {
        services.reading(
            "runbook-executions", .incidentsRead,
            RouteDocumentation(
                "listRunbookExecutions", "Runbooks that are or were followed, newest first.",
                parameters: PageRequest.parameters + [
                    .init("incident", "Only those of this incident.", schema: ["type": "string"])
                ], responseSchema: RunbookRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let incident: IncidentID? = try BulkRoutes.identifier(request.query("incident"), "incident")
            let found = try await services.guiding.list(
                context.scope.id, incident: incident, before: try page.position(RunbookExecutionID.self), limit: page.limit)
            return page.answer(
                found.map { RunbookViews.execution($0, mayReadRuns: context.may(.runsRead)) },
                last: found.last.map { ($0.row.startedAt, $0.row.id) })
        }
    }

    private var single: Route {
        services.reading(
            "runbook-executions/{id}", .incidentsRead,
            RouteDocumentation(
                "getRunbookExecution", "One execution: each step, what was shown for it and what became of it.",
                responseSchema: RunbookRoutes.object)
        ) { [services] request, context in
            RunbookViews.execution(
                try await services.guiding.find(try request.id(), in: context.scope.id),
                mayReadRuns: context.may(.runsRead))
        }
    }

    // MARK: Steps

    private static func schema(_ members: [(key: String, value: JSONValue)], required: [String] = []) -> JSONValue {
        [
            "type": "object", "required": .array(required.map(JSONValue.string)), "additionalProperties": false,
            "properties": .object(JSONObject(members)),
        ]
    }

    /// Looking and confirming ask for what the verb asks for: a step about a tenant's runs is done by somebody of the tenant.
    private var steps: [Route] {
        let guiding = services.guiding
        let path = "runbook-executions/{id}"
        return [
            services.writing(
                "\(path)/steps/{step}/preview", .incidentsRead,
                RouteDocumentation(
                    "previewRunbookStep",
                    "Shows what a step would do, with the hash to confirm it by. A check is done by this. Nothing is changed.",
                    requestSchema: RunbookRoutes.schema([
                        (
                            key: "parameters",
                            value: ["type": "object", "additionalProperties": RunbookRoutes.text, "maxProperties": 20]
                        ), (key: "undo", value: ["type": "boolean"]),
                    ]),
                    responseSchema: RunbookRoutes.object, problems: [400, 403, 404, 409, 422, 503])
            ) { request, body, context in
                _ = try BodyFields(body, known: ["parameters", "undo"])
                let followed = try await guiding.show(
                    try request.id(), step: try request.step(), saying: try RunbookRoutes.parameters(body["parameters"]),
                    isUndo: body["undo"]?.bool ?? false, as: context.asker)
                return (200, RunbookViews.execution(followed, mayReadRuns: context.may(.runsRead)))
            },
            services.writing(
                "\(path)/steps/{step}/confirm", .incidentsRead,
                RouteDocumentation(
                    "confirmRunbookStep", "Does exactly what was shown. `secret` is stored where the step says and never read.",
                    requestSchema: RunbookRoutes.schema(
                        [(key: "hash", value: RunbookRoutes.text), (key: "secret", value: ["type": "string"])],
                        required: ["hash"]),
                    responseSchema: RunbookRoutes.object, problems: [400, 403, 404, 409, 410, 422])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["hash", "secret"])
                let followed = try await guiding.confirm(
                    try request.id(), step: try request.step(), hash: try fields.text("hash"),
                    secret: try fields.textIfAny("secret"), as: context.asker)
                return (200, RunbookViews.execution(followed, mayReadRuns: context.may(.runsRead)))
            },
        ] + endings
    }

    private var endings: [Route] {
        let guiding = services.guiding
        let path = "runbook-executions/{id}"
        return [
            services.writing(
                "\(path)/steps/{step}/settle", .incidentsManage,
                RouteDocumentation(
                    "settleRunbookStep",
                    "Says that a step is done by hand, skipped or failed with the reason, or to be done again.",
                    requestSchema: RunbookRoutes.schema(
                        [
                            (key: "as", value: ["enum": ["done", "skipped", "failed", "again"]]),
                            (key: "reason", value: RunbookRoutes.text),
                        ], required: ["as"]),
                    responseSchema: RunbookRoutes.object, problems: [400, 404, 409, 422])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["as", "reason"])
                let settling = try RunbookRoutes.settling(
                    try fields.text("as"), reason: try fields.textIfAny("reason") ?? "")
                let followed = try await guiding.settle(
                    try request.id(), step: try request.step(), settling, as: context.asker)
                return (200, RunbookViews.execution(followed, mayReadRuns: context.may(.runsRead)))
            },
            services.writing(
                "\(path)/abandon", .incidentsManage,
                RouteDocumentation(
                    "abandonRunbook", "Gives an execution up, with the reason; what was done stays done.",
                    requestSchema: RunbookRoutes.schema([(key: "reason", value: RunbookRoutes.text)], required: ["reason"]),
                    responseSchema: RunbookRoutes.object, problems: [400, 404, 409, 422])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["reason"])
                let followed = try await guiding.abandon(
                    try request.id(), reason: try fields.text("reason"), as: context.asker)
                return (200, RunbookViews.execution(followed, mayReadRuns: context.may(.runsRead)))
            },
        ]
    }

    private static func parameters(_ json: JSONValue?) throws(Refusal) -> [String: String] {
        var out: [String: String] = [:]
        for member in json?.object ?? [:] {
            guard let value = member.value.string else {
                throw Refusal(
                    .invalid, reason: "request.member", "parameters holds texts.", facts: ["field": "parameters/\(member.key)"])
            }
            out[member.key] = value
        }
        return out
    }

    static func settling(_ word: String, reason: String) throws(Refusal) -> Guiding.Settling {
        switch word {
        case "done": return .done
        case "skipped": return .skipped(reason: reason)
        case "failed": return .failed(reason: reason)
        case "again": return .again
        default:
            throw Refusal(
                .invalid, reason: "request.member", "as is done, skipped, failed or again.", facts: ["field": "as"])
        }
    }
}

extension TenantContext {
    /// Whoever asks, as runbooks want to know them.
    var asker: Guiding.Asker {
        Guiding.Asker(actor, in: scope) { name in Permission(rawValue: name).map { may($0) } ?? false }
    }
}

extension WebRequest {
    /// The number of a step in the path.
    func step() throws(Refusal) -> Int {
        guard let number = Int(try parameter("step")) else { throw .notFound }
        return number
    }
}

/// Runbooks and executions as the API shows them.
enum RunbookViews {
    static func published(_ found: Guiding.Published, on today: CivilDate) -> JSONValue {
        [
            "alert": .string(found.runbook.alert.rawValue), "title": .string(found.runbook.title),
            "severity": .string(found.runbook.severity.rawValue), "owner": .string(found.runbook.owner),
            "version": .string(found.version), "expires": .string("\(found.runbook.expires)"),
            "drilledEvery": found.runbook.drilledEvery.map { JSONValue($0) } ?? .null, "drilled": .string("\(found.drilled)"),
            "drillAgeDays": JSONValue(found.ageDays(on: today)), "drillDue": .string("\(found.due)"),
            "isDrillDue": .bool(found.isDue(on: today)),
        ]
    }

    static func runbook(_ runbook: Runbook, version: String) -> JSONValue {
        [
            "alert": .string(runbook.alert.rawValue), "title": .string(runbook.title), "version": .string(version),
            "summary": .string(runbook.summary), "owner": .string(runbook.owner), "expires": .string("\(runbook.expires)"),
            "steps": .array(
                runbook.steps.map { step in
                    [
                        "step": JSONValue(step.number), "title": .string(step.title), "verb": .string(step.verb.rawValue),
                        "text": .string(step.text), "permission": .string(step.verb.permission),
                        "needsSecondPerson": .bool(step.needsSecond),
                        "parameters": .array(step.verb.parameters.map { parameter($0, value: step.arguments[$0.name]) }),
                    ]
                }),
        ]
    }

    private static func parameter(_ parameter: Runbook.Parameter, value: String?) -> JSONValue {
        [
            "name": .string(parameter.name), "form": .string(parameter.form.rawValue),
            "isRequired": .bool(parameter.isRequired), "fact": JSONValue(parameter.fact), "value": JSONValue(value),
        ]
    }

    /// What runs are called is shown to those who may see runs.
    static func execution(_ followed: Guiding.Followed, mayReadRuns: Bool) -> JSONValue {
        let (row, state) = (followed.row, followed.state)
        return [
            "id": JSONValue(row.id), "incident": JSONValue(row.incident?.text), "alert": .string(row.alert),
            "title": .string(state.title), "version": .string(state.version), "isDrill": .bool(state.isDrill),
            "state": .string(state.phase.rawValue), "startedBy": JSONValue(row.startedBy),
            "startedAt": JSONValue(row.startedAt), "endedAt": JSONValue(row.endedAt),
            "current": state.current.map { JSONValue($0.number) } ?? .null,
            "steps": .array(state.steps.map { step($0, mayReadRuns: mayReadRuns) }),
        ]
    }

    private static func step(_ step: RunbookExecution.Step, mayReadRuns: Bool) -> JSONValue {
        var object: JSONObject = [
            "step": JSONValue(step.number), "title": .string(step.title), "verb": .string(step.verb.rawValue),
            "text": .string(step.text), "state": .string(step.state.rawValue),
            "permission": .string(step.verb.permission), "needsSecondPerson": .bool(step.needsSecond),
            "isUndoable": .bool(step.isCompensable),
            "parameters": .array(step.verb.parameters.map { parameter($0, value: step.parameters[$0.name]) }),
        ]
        if let preview = step.preview {
            object["preview"] = [
                "hash": .string(preview.hash), "shown": preview.content(mayReadRuns: mayReadRuns),
                "isUndo": .bool(preview.isUndo),
                "parameters": .object(
                    JSONObject(preview.parameters.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) })),
                "needsSecondPerson": .bool(preview.needsSecond), "operation": JSONValue(preview.operation),
                "by": JSONValue(preview.by.id), "expiresAt": JSONValue(preview.expiresAt),
            ]
        }
        if let ending = step.ending {
            object["ended"] = [
                "at": JSONValue(ending.at), "by": JSONValue(ending.by.id), "reason": .string(ending.reason),
                "operation": JSONValue(ending.operation),
            ]
        }
        return .object(object)
    }
}
