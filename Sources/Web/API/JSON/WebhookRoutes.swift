internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Webhooks of a tenant: where its events are sent, what was delivered, and sending again.
struct WebhookRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let nothing: JSONValue = ["type": "object", "additionalProperties": false]
    private static let texts: JSONValue = ["type": "array", "items": ["type": "string"]]

    var all: [Route] {
        [
            catalogue, list, show, add, change, rotate, pause, resume, remove, test, deliveries, preview, replayRange, replayOne,
        ]
    }

    // MARK: Reading

    private var catalogue: Route {
        services.reading(
            "webhook-events", .webhooksRead,
            RouteDocumentation(
                "listWebhookEvents", "What webhooks can be told of, each with a sample of what is sent.",
                responseSchema: WebhookRoutes.object)
        ) { _, _ in
            [
                "items": .array(
                    WebhookEventType.allCases.map { type in
                        [
                            "type": .string(type.rawValue), "title": .string(type.title), "cloudType": .string(type.cloudType),
                            "sample": WebhookEvent.sample(type).json,
                        ]
                    })
            ]
        }
    }

    private var list: Route {
        services.reading(
            "webhooks", .webhooksRead,
            RouteDocumentation("listWebhooks", "The webhooks of the tenant, by name.", responseSchema: WebhookRoutes.object)
        ) { [services] _, context in
            let rows = try await services.webhooks.all(context.scope.id)
            return ["items": .array(rows.map { WebhookRoutes.view($0, at: context.now) })]
        }
    }

    private var show: Route {
        services.reading(
            "webhooks/{id}", .webhooksRead,
            RouteDocumentation(
                "showWebhook", "One webhook; its secret is never shown again.", responseSchema: WebhookRoutes.object,
                problems: [404])
        ) { [services] request, context in
            WebhookRoutes.view(try await services.webhooks.one(try request.id(), context.scope.id), at: context.now)
        }
    }

    private var deliveries: Route {
        services.reading(
            "webhooks/{id}/deliveries", .webhooksRead,
            RouteDocumentation(
                "listWebhookDeliveries",
                "What was sent to a webhook, newest first, with every attempt; kept for \(WebhookDesk.keptDays) days.",
                parameters: PageRequest.parameters + [
                    .init(
                        "state", "Only those in this state.", schema: ["enum": .array(WebhookRoutes.states.map(JSONValue.string))]
                    )
                ], responseSchema: WebhookRoutes.object, problems: [400, 404])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let state = request.query("state")
            if let state, !WebhookRoutes.states.contains(state) {
                throw Refusal(
                    .invalid, reason: "webhook.state", "state is \(WebhookRoutes.states.joined(separator: ", ")).",
                    facts: ["field": "state"])
            }
            let rows = try await services.webhooks.deliveries(
                of: try request.id(), context.scope.id, state: state, before: try page.position(WebhookMessageID.self),
                limit: page.limit)
            return page.answer(
                rows.map { WebhookRoutes.view($0.message, $0.attempts) }, last: rows.last.map { ($0.message.at, $0.message.id) })
        }
    }

    static let states = ["queued", "held", "delivered", "failed"]

    // MARK: Setting up

    private var add: Route {
        services.acting(
            .post, "webhooks", .webhooksManage,
            RouteDocumentation(
                "addWebhook", "Sets up a webhook. The answer has its secret, which is shown this once.",
                requestSchema: [
                    "type": "object", "required": ["name", "url", "events"], "additionalProperties": false,
                    "properties": [
                        "name": ["type": "string", "minLength": 1, "maxLength": JSONValue(WebhookDraft.nameCharactersMax)],
                        "url": ["type": "string", "maxLength": JSONValue(WebhookDraft.urlBytesMax)],
                        "events": WebhookRoutes.texts,
                    ],
                ], responseSchema: WebhookRoutes.object, responseStatus: 201, problems: [400, 409, 422])
        ) { [services] request, context in
            let body = try request.strictJSON()
            let fields = try BodyFields(body, known: ["name", "url", "events"])
            let made = try await services.webhooks.add(
                name: try fields.text("name"), url: try fields.text("url"),
                events: try WebhookRoutes.texts(body, "events") ?? [], as: context.actor, scope: context.scope)
            return WebhookRoutes.made(made, at: context.now)
        }
    }

    private var change: Route {
        services.writing(
            method: .put, "webhooks/{id}", .webhooksManage,
            RouteDocumentation(
                "changeWebhook", "Changes the name, the address or the events of a webhook; what is left out stays.",
                requestSchema: [
                    "type": "object", "additionalProperties": false,
                    "properties": [
                        "name": ["type": "string"], "url": ["type": "string"], "events": WebhookRoutes.texts,
                    ],
                ], responseSchema: WebhookRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            let known = try await services.webhooks.one(try request.id(), context.scope.id)
            let fields = try BodyFields(body, known: ["name", "url", "events"])
            let row = try await services.webhooks.change(
                known.id, name: try fields.textIfAny("name"), url: try fields.textIfAny("url"),
                events: try WebhookRoutes.texts(body, "events"), as: context.actor, scope: context.scope)
            return (200, WebhookRoutes.view(row, at: context.now))
        }
    }

    private var rotate: Route {
        services.acting(
            .post, "webhooks/{id}/rotate", .webhooksManage,
            RouteDocumentation(
                "rotateWebhook",
                "A new secret, shown this once. For \(WebhookDesk.overlapSeconds / 3600) hours the one before signs as well.",
                responseSchema: WebhookRoutes.object, problems: [404, 409])
        ) { [services] request, context in
            let made = try await services.webhooks.rotate(try request.id(), as: context.actor, scope: context.scope)
            return WebhookRoutes.made(made, at: context.now)
        }
    }

    // MARK: Stopping

    private var pause: Route {
        simple("pause", "pauseWebhook", "Sends nothing until somebody resumes; what happens meanwhile is held.") {
            [services] id, context in
            WebhookRoutes.view(try await services.webhooks.pause(id, as: context.actor, scope: context.scope), at: context.now)
        }
    }

    private var resume: Route {
        simple("resume", "resumeWebhook", "Sends again, what was held first.") { [services] id, context in
            let (row, sent) = try await services.webhooks.resume(id, as: context.actor, scope: context.scope)
            var object = WebhookRoutes.view(row, at: context.now).object ?? [:]
            object["sent"] = JSONValue(sent)
            return .object(object)
        }
    }

    private var remove: Route {
        simple("remove", "removeWebhook", "Removes a webhook for good.") { [services] id, context in
            WebhookRoutes.view(try await services.webhooks.remove(id, as: context.actor, scope: context.scope), at: context.now)
        }
    }

    private var test: Route {
        simple("test", "testWebhook", "Sends a test event like any other, and answers its id.") { [services] id, context in
            ["message": JSONValue(try await services.webhooks.test(id, as: context.actor, scope: context.scope))]
        }
    }

    private func simple(
        _ verb: String, _ name: String, _ words: String,
        _ act: @escaping @Sendable (WebhookID, TenantContext) async throws -> JSONValue
    ) -> Route {
        services.writing(
            "webhooks/{id}/\(verb)", .webhooksManage,
            RouteDocumentation(
                name, words, requestSchema: WebhookRoutes.nothing, responseSchema: WebhookRoutes.object,
                problems: [400, 404, 409])
        ) { [services] request, body, context in
            let known = try await services.webhooks.one(try request.id(), context.scope.id)
            _ = try BodyFields(body, known: [])
            return (200, try await act(known.id, context))
        }
    }

    // MARK: Sending again

    private static let range: JSONValue = [
        "type": "object", "required": ["from", "to"], "additionalProperties": false,
        "properties": [
            "from": ["type": "string", "format": "date-time"], "to": ["type": "string", "format": "date-time"],
            "states": ["type": "array", "items": ["enum": ["held", "failed", "delivered"]]],
        ],
    ]

    private var preview: Route {
        services.reading(
            "webhooks/{id}/replay", .webhooksManage,
            RouteDocumentation(
                "previewWebhookReplay", "What a replay of a time would send, without sending anything.",
                parameters: [
                    .init("from", "The first instant.", isRequired: true, schema: ["type": "string", "format": "date-time"]),
                    .init("to", "The first instant after.", isRequired: true, schema: ["type": "string", "format": "date-time"]),
                    .init("states", "Of messages, with commas: held, failed, delivered; `failed` unless given."),
                ], responseSchema: WebhookRoutes.object, problems: [400, 404, 422])
        ) { [services] request, context in
            let known = try await services.webhooks.one(try request.id(), context.scope.id)
            let from = try WebhookRoutes.moment(request.query("from"), "from")
            let to = try WebhookRoutes.moment(request.query("to"), "to")
            let states = request.query("states")?.split(separator: ",").map(String.init) ?? ["failed"]
            let (counts, sent) = try await services.webhooks.preview(
                known.id, from: from, to: to, states: states, scope: context.scope)
            return [
                "counts": .object(JSONObject(WebhookRoutes.states.map { (key: $0, value: JSONValue(counts[$0] ?? 0)) })),
                "sent": JSONValue(sent),
            ]
        }
    }

    private var replayRange: Route {
        services.writing(
            "webhooks/{id}/replay", .webhooksManage,
            RouteDocumentation(
                "replayWebhook",
                "Sends the messages of a time again under their ids, at most \(WebhookDesk.replayMax); `failed` ones unless "
                    + "asked.",
                requestSchema: WebhookRoutes.range, responseSchema: WebhookRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            let known = try await services.webhooks.one(try request.id(), context.scope.id)
            let fields = try BodyFields(body, known: ["from", "to", "states"])
            let from = try WebhookRoutes.moment(try fields.text("from"), "from")
            let to = try WebhookRoutes.moment(try fields.text("to"), "to")
            let sent = try await services.webhooks.replay(
                known.id, .range(from: from, to: to, states: try WebhookRoutes.texts(body, "states") ?? ["failed"]),
                as: context.actor, scope: context.scope)
            return (200, ["sent": JSONValue(sent)])
        }
    }

    private var replayOne: Route {
        services.writing(
            "webhooks/{id}/deliveries/{message}/replay", .webhooksManage,
            RouteDocumentation(
                "replayWebhookMessage", "Sends one message again under its id.", requestSchema: WebhookRoutes.nothing,
                responseSchema: WebhookRoutes.object, problems: [400, 404, 409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            guard let message = WebhookMessageID(try request.parameter("message")) else {
                throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
            }
            let sent = try await services.webhooks.replay(
                try request.id(), .one(message), as: context.actor, scope: context.scope)
            return (200, ["sent": JSONValue(sent)])
        }
    }

    // MARK: Helpers

    private static func moment(_ text: String?, _ field: String) throws(Refusal) -> Moment {
        guard let moment = text.flatMap({ Moment($0) }) else {
            throw Refusal(
                .invalid, reason: "webhook.time", "\(field) is an instant such as 2026-11-01T00:00:00Z.", facts: ["field": field])
        }
        return moment
    }

    /// Nil when it is not given.
    private static func texts(_ body: JSONValue, _ name: String) throws(Refusal) -> [String]? {
        guard let value = body[name], value != .null else { return nil }
        guard let array = value.array, array.count <= 100 else {
            throw Refusal(.invalid, reason: "request.member", "\(name) is a list of texts.", facts: ["field": name])
        }
        let texts = array.compactMap(\.string)
        guard texts.count == array.count else {
            throw Refusal(.invalid, reason: "request.member", "\(name) is a list of texts.", facts: ["field": name])
        }
        return texts
    }

    private static func made(_ made: WebhookDesk.Made, at now: Moment) -> JSONValue {
        var object = view(made.row, at: now).object ?? [:]
        object["secret"] = .string(made.secret)
        return .object(object)
    }

    /// Without the query of the address, in which a receiver may keep a key.
    static func view(_ row: WebhookRow, at now: Moment) -> JSONValue {
        let overlap = row.previousUntil.flatMap { $0 > now ? $0 : nil }
        return .object([
            "id": JSONValue(row.id), "name": .string(row.name), "url": .string(String(row.url.prefix { $0 != "?" })),
            "events": .array(row.events.map(JSONValue.string)), "state": .string(row.state), "reason": .string(row.reason),
            "failures": JSONValue(Int64(row.failures)), "failingSince": JSONValue(row.failingSince),
            "deliveredAt": JSONValue(row.deliveredAt), "secretVersion": JSONValue(Int64(row.secretVersion)),
            "overlapsUntil": JSONValue(overlap), "madeAt": JSONValue(row.madeAt), "changedAt": JSONValue(row.changedAt),
        ])
    }

    static func view(_ row: WebhookMessageRow, _ attempts: [WebhookAttemptRow]) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "type": .string(row.type), "subject": .string(row.subject), "at": JSONValue(row.at),
            "state": .string(row.state), "attempts": JSONValue(Int64(row.attempts)), "nextAt": JSONValue(row.nextAt),
            "endedAt": JSONValue(row.endedAt), "data": row.data,
            "log": .array(
                attempts.map { attempt in
                    .object([
                        "attempt": JSONValue(Int64(attempt.attempt)), "at": JSONValue(attempt.at),
                        "outcome": .string(attempt.outcome), "status": attempt.status.map { JSONValue(Int64($0)) },
                        "milliseconds": JSONValue(Int64(attempt.milliseconds)), "answer": .string(attempt.answer),
                    ])
                }),
        ])
    }
}
