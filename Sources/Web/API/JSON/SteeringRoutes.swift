internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel
internal import Workflows

/// What people do with one run: pausing it, letting a step be, going back; and events that come for it.
struct SteeringRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        [
            steering("pause", "pauseRun", "Pauses a run: it takes no step, and what comes meanwhile is kept.", ["reason"]) {
                fields, actor throws(Refusal) in
                .paused(by: actor.person, reason: try fields.text("reason"))
            },
            steering("resume", "resumeRun", "Lets a paused run go on, with all that came meanwhile.", []) { _, actor in
                .resumed(by: actor.person)
            },
            steering(
                "skip", "skipStep", "Lets a step be that waits for a machine or a time; never a decision or a write.",
                ["step", "reason"]
            ) { fields, actor throws(Refusal) in
                .skipped(step: try fields.text("step"), by: actor.person, reason: try fields.text("reason"))
            },
            steering(
                "rewind", "rewindRun", "Goes back to a step the run has been through; people are asked anew.",
                ["step", "reason"]
            ) { fields, actor throws(Refusal) in
                .rewound(step: try fields.text("step"), by: actor.person, reason: try fields.text("reason"))
            },
            retryStep, extend, event,
        ]
    }

    private func steering(
        _ verb: String, _ id: String, _ summary: String, _ members: [String],
        event: @escaping @Sendable (BodyFields, Actor) throws(Refusal) -> RunEvent
    ) -> Route {
        services.writing(
            "runs/{id}/\(verb)", .runsManage,
            RouteDocumentation(
                id, summary,
                requestSchema: [
                    "type": "object", "required": .array(members.map(JSONValue.string)),
                    "properties": .object(JSONObject(members.map { (key: $0, value: ["type": "string"]) })),
                    "additionalProperties": false,
                ],
                responseSchema: SteeringRoutes.object, problems: [400, 403, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: members)
            let run = try await services.looking.run(context.scope.id, try request.id())
            return try Views.answer(
                try await services.approving.steer(
                    run.id, try event(fields, context.actor), key: try Services.idempotencyKey(request), as: context.actor,
                    scope: context.scope))
        }
    }

    private var retryStep: Route {
        services.writing(
            "runs/{id}/retry-step", .tasksRetry,
            RouteDocumentation(
                "retryStep",
                "Tries a step again now: work that was given up is sent again, a pause before the next attempt ends.",
                requestSchema: [
                    "type": "object", "required": ["step"], "properties": ["step": ["type": "string"]],
                    "additionalProperties": false,
                ],
                responseSchema: SteeringRoutes.object, problems: [400, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["step"])
            let run = try await services.looking.run(context.scope.id, try request.id())
            return try Views.answer(
                try await services.approving.retryStep(
                    try fields.text("step"), of: run, key: try Services.idempotencyKey(request), as: context.actor,
                    scope: context.scope))
        }
    }

    private var extend: Route {
        services.writing(
            "runs/{id}/extend", .runsManage,
            RouteDocumentation(
                "extendDeadlines",
                "Gives people so many hours more: what is to come of the deadlines of a step, or of all open requests.",
                requestSchema: [
                    "type": "object", "required": ["hours", "reason"], "additionalProperties": false,
                    "properties": [
                        "hours": ["type": "integer", "minimum": 1, "maximum": 720], "reason": ["type": "string"],
                        "step": ["type": "string"],
                    ],
                ],
                responseSchema: SteeringRoutes.object, problems: [400, 403, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["hours", "reason", "step"])
            guard let hours = body["hours"]?.int, (1...Int(RunBounds.extensionSecondsMax / 3600)).contains(hours) else {
                throw Refusal(
                    .invalid, reason: "request.member", "hours is a whole number from 1 to 720.", facts: ["field": "hours"])
            }
            let run = try await services.looking.run(context.scope.id, try request.id())
            return try Views.answer(
                try await services.approving.steer(
                    run.id,
                    .deadlinesExtended(
                        step: try fields.textIfAny("step") ?? "", seconds: Int64(hours) * 3600, by: context.actor.person,
                        reason: try fields.text("reason")),
                    key: try Services.idempotencyKey(request), as: context.actor, scope: context.scope))
        }
    }

    private var event: Route {
        services.writing(
            "runs/{id}/events", .runsManage,
            RouteDocumentation(
                "sendRunEvent", "Hands a run an event in the JSON form of CloudEvents; the answer says whether a step took it.",
                requestSchema: [
                    "type": "object", "required": ["specversion", "id", "source", "type"],
                    "properties": [
                        "specversion": ["const": "1.0"], "id": ["type": "string"], "source": ["type": "string"],
                        "type": ["type": "string"], "data": [:],
                    ],
                ],
                responseSchema: SteeringRoutes.object, problems: [400, 409, 422])
        ) { [services] request, body, context in
            for member in ["id", "source", "type"] where body[member]?.string?.isEmpty ?? true {
                throw Refusal(
                    .invalid, reason: "event.form", "An event has a text `\(member)`.", facts: ["field": member])
            }
            guard body["specversion"]?.string == "1.0" else {
                throw Refusal(
                    .invalid, reason: "event.form", "The event is of no known version; write `1.0`.",
                    facts: ["field": "specversion"])
            }
            let run = try await services.looking.run(context.scope.id, try request.id())
            return try Views.answer(
                try await services.approving.steer(
                    run.id, .eventArrived(body), key: try Services.idempotencyKey(request), as: context.actor,
                    scope: context.scope))
        }
    }
}
