internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// Runs: what is in progress, what happened, and stopping one.
struct RunRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    /// As rows have them; `held` is a run that waits for its configuration to be mended.
    static let phaseNames = ["pending", "running", "waiting", "held", "paused", "completed", "faulted", "cancelled"]

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        let looking = services.looking
        return [
            services.reading(
                "runs", .runsRead,
                RouteDocumentation(
                    "listRuns", "Runs, newest first.",
                    parameters: PageRequest.parameters + [
                        .init(
                            "phase", "Only runs in this phase.",
                            schema: ["enum": .array(RunRoutes.phaseNames.map(JSONValue.string))]),
                        .init("q", "Only runs whose number or counterparty contains this text."),
                    ], responseSchema: RunRoutes.object, problems: [400])
            ) { request, context in
                let page = try PageRequest(request)
                let phases = try Self.phases(request.query("phase"))
                let rows = try await looking.runs(
                    context.scope.id, phases: phases, search: request.query("q"), before: try page.position(RunID.self),
                    limit: page.limit)
                return page.answer(rows.map(Views.run), last: rows.last.map { ($0.startedAt, $0.id) })
            },
            services.reading(
                "runs/{id}", .runsRead,
                RouteDocumentation("getRun", "One run with its open work.", responseSchema: RunRoutes.object)
            ) { request, context in
                let run = try await looking.run(context.scope.id, try request.id())
                let tasks = try await looking.tasks(context.scope.id, run: run.id)
                var body = Views.run(run)
                body["tasks"] = .array(tasks.filter { $0.taskClass == "worker" }.map { Views.task($0) })
                body["requests"] = .array(tasks.filter { $0.taskClass == "person" }.map { Views.request($0, people: [:]) })
                body["clocks"] = .array(try await looking.clocks(context.scope.id, run: run.id).map { Views.clock($0) })
                body["pinned"] = run.pinned
                try await looking.nesting(of: run).add(to: &body)
                body["waitsFor"] = try await EventRoutes.waits(of: run, looking)
                return .object(body)
            },
            services.reading(
                "runs/{id}/history", .runsRead,
                RouteDocumentation(
                    "getRunHistory", "A run's history, oldest first.",
                    parameters: [.init("after", "Only lines after this number.", schema: ["type": "integer"])],
                    responseSchema: RunRoutes.object,
                    problems: [400])
            ) { request, context in
                let run = try await looking.run(context.scope.id, try request.id())
                guard let after = Int32(request.query("after") ?? "0") else {
                    throw Refusal(.invalid, reason: "history.after", "after is a whole number.", facts: ["field": "after"])
                }
                let rows = try await looking.history(context.scope.id, run: run.id, after: after, limit: 200)
                return .object([
                    "items": .array(rows.map(Views.history)),
                    "next": rows.count == 200 ? JSONValue(Int(rows.last?.seq ?? 0)) : nil,
                ])
            },
            services.reading(
                "runs/{id}/receipts", .runsRead,
                RouteDocumentation("getRunReceipts", "The run's audit entries.", responseSchema: RunRoutes.object)
            ) { request, context in
                let run = try await looking.run(context.scope.id, try request.id())
                return ["items": .array(try await looking.audit(context.scope.id, run: run.id).map(Views.entry))]
            },
            services.reading(
                "runs/{id}/data", .runsRead,
                RouteDocumentation(
                    "getRunData", "What the run knows: input, results and decisions.", responseSchema: RunRoutes.object)
            ) { request, context in
                try await looking.run(context.scope.id, try request.id()).state
            },
        ] + [cancel, retry] + SteeringRoutes(services).all
    }

    private var retry: Route {
        services.writing(
            "runs/{id}/retry", .tasksRetry,
            RouteDocumentation(
                "retryRun", "Looks at a held run again, with all that came for it meanwhile.", responseSchema: RunRoutes.object,
                problems: [400, 409, 422, 503])
        ) { [services] request, _, context in
            let run = try await services.looking.run(context.scope.id, try request.id())
            return try Views.answer(
                try await services.approving.retryRun(
                    run.id, key: try Services.idempotencyKey(request), as: context.actor, scope: context.scope))
        }
    }

    private var cancel: Route {
        let looking = services.looking
        return services.writing(
            "runs/{id}/cancel", .runsManage,
            RouteDocumentation(
                "cancelRun", "Stops a run; what is posted stays posted.",
                requestSchema: [
                    "type": "object", "required": ["reason"], "properties": ["reason": ["type": "string"]],
                    "additionalProperties": false,
                ],
                responseSchema: RunRoutes.object, problems: [400, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["reason"])
            let run = try await looking.run(context.scope.id, try request.id())
            let answer = try await services.approving.cancel(
                run.id, reason: try fields.text("reason"), key: try Services.idempotencyKey(request), as: context.actor,
                scope: context.scope)
            return try Views.answer(answer)
        }
    }

    static func phases(_ text: String?) throws(Refusal) -> [String] {
        guard let text else { return [] }
        guard phaseNames.contains(text) else {
            throw Refusal(.invalid, reason: "runs.phase", "There is no phase \(text).", facts: ["field": "phase"])
        }
        return [text]
    }
}
