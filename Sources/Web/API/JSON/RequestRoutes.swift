internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// What people are asked: approvals and exceptions, and their answers; dead letters and their retry.
struct RequestRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    /// What is answered by one of the ways that it offers.
    static let answered = ["exception", "task"]

    private static let object: JSONValue = ["type": "object"]
    private static let decisionSchema: JSONValue = [
        "type": "object", "required": ["verdict", "objectHash"], "additionalProperties": false,
        "properties": [
            "verdict": ["enum": ["approve", "reject"]], "reason": ["type": "string"],
            "objectHash": [
                "type": "string", "description": "Hash of the object as it was shown; another version voids the decision.",
            ],
            "delegation": ["type": "string", "description": "The delegation under which a deputy decides."],
        ],
    ]
    private static let resolutionSchema: JSONValue = [
        "type": "object", "required": ["resolution", "objectHash"], "additionalProperties": false,
        "properties": [
            "resolution": ["type": "string"], "reason": ["type": "string"], "objectHash": ["type": "string"],
            "values": ["type": "object", "description": "What a task's form asks for, by the names of its fields."],
        ],
    ]

    var all: [Route] {
        approvals + exceptions + tasks
    }

    private func list(
        _ pattern: String, kinds: [String], _ permission: Permission, _ operation: String, _ summary: String
    ) -> Route {
        let looking = services.looking
        return services.reading(
            pattern, permission,
            RouteDocumentation(
                operation, summary,
                parameters: PageRequest.parameters + [
                    .init("state", "`open` (default) or `all`.", schema: ["enum": ["open", "all"]])
                ],
                responseSchema: RequestRoutes.object, problems: [400])
        ) { request, context in
            let page = try PageRequest(request)
            let rows = try await looking.requests(
                context.scope.id, kinds: kinds, openOnly: request.query("state") != "all", after: try page.position(TaskID.self),
                limit: page.limit)
            let people = try await names(context.scope.id)
            return page.answer(rows.map { Views.request($0, people: people) }, last: rows.last.map { ($0.createdAt, $0.id) })
        }
    }

    private func single(
        _ pattern: String, kinds: [String], _ permission: Permission, _ operation: String, _ summary: String
    ) -> Route {
        services.reading(
            "\(pattern)/{id}", permission, RouteDocumentation(operation, summary, responseSchema: RequestRoutes.object)
        ) { request, context in
            let row = try await personRequest(request, context, kinds: kinds)
            var body = Views.request(row, people: try await names(context.scope.id)).object ?? [:]
            if let id = row.run, row.kind == "approval" {
                let run = try await services.looking.run(context.scope.id, id)
                let deciders = try await services.looking.deciders(of: row, run: run)
                body["couldDecide"] = deciders.map { .array($0.next.map { .string($0.name) }) }
                body["lacksPeopleFor"] = deciders?.missing.map(JSONValue.string)
            }
            return .object(body)
        }
    }

    private func personRequest(_ request: WebRequest, _ context: TenantContext, kinds: [String]) async throws -> TaskRow {
        let row = try await services.looking.task(context.scope.id, try request.id())
        guard row.taskClass == "person", kinds.contains(row.kind) else { throw Refusal.notFound }
        return row
    }

    private func names(_ tenant: TenantID) async throws -> [PersonID: String] {
        Dictionary(try await services.looking.people(tenant).map { ($0.id, $0.name) }, uniquingKeysWith: { first, _ in first })
    }

    private var approvals: [Route] {
        let approving = services.approving
        return [
            list("approvals", kinds: ["approval"], .approvalsRead, "listApprovals", "What waits for a signature, oldest first."),
            single(
                "approvals", kinds: ["approval"], .approvalsRead, "getApproval",
                "One approval with the object that a signature binds to."),
            services.writing(
                "approvals/{id}/decision", .approvalsDecide,
                RouteDocumentation(
                    "decideApproval",
                    "Signs or rejects. Duty separation, role and quorum are enforced by the engine. With `delegation` a "
                        + "deputy decides with the right of whoever gave it.",
                    requestSchema: RequestRoutes.decisionSchema, responseSchema: RequestRoutes.object,
                    problems: [400, 409, 412, 422])
            ) { [services] request, body, context in
                let fields = try BodyFields(body, known: ["verdict", "reason", "objectHash", "delegation"])
                let row = try await personRequest(request, context, kinds: ["approval"])
                let actor = try await services.actor(context, deciding: row, under: try fields.textIfAny("delegation"))
                let verdict = try fields.text("verdict")
                guard verdict == "approve" || verdict == "reject" else {
                    throw Refusal(
                        .invalid, reason: "decision.verdict", "verdict is approve or reject.", facts: ["field": "verdict"])
                }
                try await services.requireProof(signing: row, verdict, context)
                let decision = Approving.Decision(
                    task: row.id, verdict: verdict, reason: try fields.textIfAny("reason"),
                    objectHash: try fields.text("objectHash"),
                    key: try Services.idempotencyKey(request))
                return try Views.answer(try await approving.decide(decision, as: actor, scope: context.scope))
            },
            claim("approvals/{id}/claim", kinds: ["approval"], .approvalsDecide, "claimApproval"),
            claim("exceptions/{id}/claim", kinds: RequestRoutes.answered, .exceptionsResolve, "claimException"),
            release("approvals/{id}/release", kinds: ["approval"], .approvalsDecide, "releaseApproval"),
            release("exceptions/{id}/release", kinds: RequestRoutes.answered, .exceptionsResolve, "releaseException"),
        ]
    }

    private func claim(_ pattern: String, kinds: [String], _ permission: Permission, _ operation: String) -> Route {
        services.writing(
            pattern, permission,
            RouteDocumentation(
                operation, "Claims a request, so that colleagues see it is being looked at.",
                responseSchema: RequestRoutes.object, problems: [400, 409, 422])
        ) { [services] request, _, context in
            let row = try await personRequest(request, context, kinds: kinds)
            try await services.approving.claim(row.id, as: context.actor, scope: context.scope)
            return (200, ["claimedBy": .string(context.visitor.name)])
        }
    }

    private func release(_ pattern: String, kinds: [String], _ permission: Permission, _ operation: String) -> Route {
        services.writing(
            pattern, permission,
            RouteDocumentation(operation, "Gives a claim back.", responseSchema: RequestRoutes.object, problems: [400, 409, 422])
        ) { [services] request, _, context in
            let row = try await personRequest(request, context, kinds: kinds)
            try await services.approving.release(row.id, as: context.actor, scope: context.scope)
            return (200, ["status": "released"])
        }
    }

    private var exceptions: [Route] {
        let approving = services.approving
        return [
            list(
                "exceptions", kinds: RequestRoutes.answered, .exceptionsRead, "listExceptions",
                "Typed holds and tasks that wait for somebody, oldest first."),
            single(
                "exceptions", kinds: RequestRoutes.answered, .exceptionsRead, "getException",
                "One exception or task with its resolutions, and the form that is filled in with them."),
            services.writing(
                "exceptions/{id}/resolution", .exceptionsResolve,
                RouteDocumentation(
                    "resolveException",
                    "Resolves an exception or task in one of the ways it offers; a task's form is in `values`.",
                    requestSchema: RequestRoutes.resolutionSchema,
                    responseSchema: RequestRoutes.object, problems: [400, 409, 412, 422])
            ) { request, body, context in
                let fields = try BodyFields(body, known: ["resolution", "reason", "objectHash", "values"])
                let row = try await personRequest(request, context, kinds: RequestRoutes.answered)
                let decision = Approving.Decision(
                    task: row.id, verdict: try fields.text("resolution"), reason: try fields.textIfAny("reason"),
                    objectHash: try fields.text("objectHash"), key: try Services.idempotencyKey(request), values: body["values"])
                return try Views.answer(try await approving.decide(decision, as: context.actor, scope: context.scope))
            },
        ]
    }

    private var tasks: [Route] {
        let (looking, approving) = (services.looking, services.approving)
        return [
            services.reading(
                "tasks", .serviceRead,
                RouteDocumentation(
                    "listDeadTasks",
                    "Dead letters: work whose attempts are used up, newest first. What the other side said, which may quote a "
                        + "document, only for those who may read runs.",
                    parameters: PageRequest.parameters + [
                        .init("kind", "Only work of this kind."), .init("connection", "Only work for this connection."),
                        .init("code", "Only work that ended with this code."), .init("run", "Only work of this run."),
                    ],
                    responseSchema: RequestRoutes.object, problems: [400])
            ) { request, context in
                let seesPayload = context.may(.runsRead)
                let page = try PageRequest(request)
                let rows = try await looking.deadTasks(
                    context.scope.id, try RequestRoutes.deadFilter(request), before: try page.position(TaskID.self),
                    limit: page.limit)
                return page.answer(
                    rows.map { Views.task($0, seesPayload: seesPayload) }, last: rows.last.map { ($0.createdAt, $0.id) })
            },
            services.writing(
                "tasks/{id}/retry", .tasksRetry,
                RouteDocumentation(
                    "retryTask", "Sends a dead letter again, its attempts counted anew.", responseSchema: RequestRoutes.object,
                    problems: [400, 409, 422])
            ) { request, _, context in
                let row = try await looking.task(context.scope.id, try request.id())
                guard row.taskClass == "worker" else { throw Refusal.notFound }
                return try Views.answer(
                    try await approving.retry(
                        row.id, key: try Services.idempotencyKey(request), as: context.actor, scope: context.scope))
            },
        ] + [discard] + taskDetails
    }

    private var discard: Route {
        let (looking, approving) = (services.looking, services.approving)
        return services.writing(
            "tasks/{id}/discard", .runsManage,
            RouteDocumentation(
                "discardTask", "Gives a dead letter up for good: its step fails, and the run goes on as its workflow says.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "properties": ["reason": ["type": "string"]],
                    "additionalProperties": false,
                ],
                responseSchema: RequestRoutes.object, problems: [400, 403, 409, 422])
        ) { request, body, context in
            let fields = try BodyFields(body, known: ["reason"])
            let row = try await looking.task(context.scope.id, try request.id())
            guard row.taskClass == "worker" else { throw Refusal.notFound }
            return try Views.answer(
                try await approving.discard(
                    row.id, reason: try fields.text("reason"), key: try Services.idempotencyKey(request), as: context.actor,
                    scope: context.scope))
        }
    }

    private var taskDetails: [Route] {
        let looking = services.looking
        return [
            services.reading(
                "tasks/counts", .serviceRead,
                RouteDocumentation(
                    "countDeadTasks", "Dead letters by kind, connection and cause.", responseSchema: RequestRoutes.object)
            ) { _, context in
                [
                    "items": .array(
                        try await looking.deadCounts(context.scope.id).map { one in
                            [
                                "kind": .string(one.kind), "connection": JSONValue(one.connection), "code": .string(one.code),
                                "count": JSONValue(one.count), "oldest": JSONValue(one.oldest),
                            ]
                        })
                ]
            },
            services.reading(
                "runs/{id}/tasks/{task}", .runsRead,
                RouteDocumentation(
                    "getRunTask", "One piece of a run's work with each attempt and its answer.",
                    responseSchema: RequestRoutes.object)
            ) { request, context in
                let run = try await looking.run(context.scope.id, try request.id())
                guard let task = TaskID(try request.parameter("task")) else { throw Refusal.notFound }
                let row = try await looking.task(context.scope.id, task)
                guard row.run == run.id, row.taskClass == "worker" else { throw Refusal.notFound }
                var body = Views.task(row).object ?? [:]
                body["attemptLog"] = .array(try await looking.attempts(context.scope.id, of: row).map(Views.history))
                return .object(body)
            },
        ]
    }

    /// Which dead letters a list asks for.
    static func deadFilter(_ request: WebRequest) throws(Refusal) -> TaskQueries.DeadFilter {
        func asked(_ name: String) -> String? { request.query(name).flatMap { $0.isEmpty ? nil : $0 } }
        return TaskQueries.DeadFilter(
            kind: asked("kind"), connection: asked("connection"), code: asked("code"),
            run: try BulkRoutes.identifier(asked("run"), "run"))
    }
}
