internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Who has subscribed to a status page, and what became of each word sent to them. Addresses are masked everywhere.
struct StatusSubscriberRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] { [list, add, remove, test, renew, deliveries] }

    private var list: Route {
        services.reading(
            "status-page/subscribers", .statusRead,
            RouteDocumentation(
                "listStatusSubscribers", "Subscribers, newest first, addresses masked, with how many there are.",
                parameters: PageRequest.parameters, responseSchema: StatusRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.status.subscribers.subscribers(
                of: context.scope.id, before: try page.position(StatusSubscriberID.self), limit: page.limit)
            let counts = try await services.status.subscribers.counts(of: context.scope.id)
            var answer =
                page.answer(
                    rows.map(StatusSubscriberRoutes.view), last: rows.last.map { ($0.row.madeAt, $0.row.id) }
                ).object ?? [:]
            answer["counts"] = [
                "asked": JSONValue(counts.asked), "active": JSONValue(counts.active), "stopped": JSONValue(counts.stopped),
            ]
            return .object(answer)
        }
    }

    private var add: Route {
        services.acting(
            .post, "status-page/subscribers", .statusManage,
            RouteDocumentation(
                "addStatusSubscriber",
                "Enters an address, which is asked before it is told anything. `secret` signs what a webhook is sent and is "
                    + "shown only here; it is null for mail.",
                requestSchema: StatusRoutes.schema(
                    [
                        "channel": ["type": "string", "enum": ["mail", "webhook"]], "address": StatusRoutes.text,
                        "components": ["type": "array", "items": StatusRoutes.text],
                    ], required: ["channel", "address"]),
                responseSchema: StatusRoutes.object, responseStatus: 201, problems: [400, 409, 422, 429])
        ) { [services] request, context in
            let body = try request.strictJSON()
            let fields = try BodyFields(body, known: ["channel", "address", "components"])
            let target = try StatusSubscribers.Target(channel: try fields.text("channel"), typed: try fields.text("address"))
            let (shown, secret) = try await services.status.subscribers.add(
                target, components: try StatusSubscriberRoutes.components(body), as: context.actor, scope: context.scope)
            var answer = StatusSubscriberRoutes.view(shown).object ?? [:]
            answer["secret"] = secret.isEmpty ? .null : .string(secret)
            return .object(answer)
        }
    }

    private static func components(_ body: JSONValue) throws(Refusal) -> [StatusComponentID] {
        var out: [StatusComponentID] = []
        for item in body["components"]?.array ?? [] {
            guard let id = item.string.flatMap({ StatusComponentID($0) }) else {
                throw Refusal(
                    .invalid, reason: "request.member", "components is a list of ids of components.",
                    facts: ["field": "components"])
            }
            out.append(id)
        }
        return out
    }

    private var remove: Route {
        services.writing(
            "status-page/subscribers/{id}/remove", .statusManage,
            RouteDocumentation(
                "removeStatusSubscriber", "Tells this subscriber nothing more; the address is erased after 30 days.",
                responseSchema: StatusRoutes.object, problems: [404, 409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let shown = try await services.status.subscribers.remove(
                try request.id(), as: context.actor, scope: context.scope)
            return (200, StatusSubscriberRoutes.view(shown))
        }
    }

    private var test: Route {
        services.writing(
            "status-page/subscribers/{id}/test", .statusManage,
            RouteDocumentation(
                "testStatusSubscriber", "Sends a test to one subscriber who has confirmed.",
                responseSchema: StatusRoutes.object, problems: [404, 409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let shown = try await services.status.subscribers.test(try request.id(), as: context.actor, scope: context.scope)
            return (200, StatusSubscriberRoutes.view(shown))
        }
    }

    private var renew: Route {
        services.acting(
            .post, "status-page/subscribers/{id}/secret", .statusManage,
            RouteDocumentation(
                "renewStatusSubscriberSecret",
                "A new secret for a webhook, shown only here; the one before signs beside it for a day.",
                responseSchema: StatusRoutes.object, problems: [404, 409])
        ) { [services] request, context in
            let secret = try await services.status.subscribers.renewSecret(
                of: try request.id(), as: context.actor, scope: context.scope)
            return ["secret": .string(secret)]
        }
    }

    private var deliveries: Route {
        services.reading(
            "status-page/deliveries", .statusRead,
            RouteDocumentation(
                "listStatusDeliveries", "What subscribers were sent, newest first, with the outcome of each try.",
                parameters: PageRequest.parameters, responseSchema: StatusRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.status.subscribers.deliveries(
                of: context.scope.id, before: try page.position(StatusDeliveryID.self), limit: page.limit)
            return page.answer(
                rows.map(StatusSubscriberRoutes.view), last: rows.last.map { ($0.row.madeAt, $0.row.id) })
        }
    }

    // MARK: Forms

    static func view(_ shown: StatusSubscribers.Shown) -> JSONValue {
        let row = shown.row
        return .object([
            "id": JSONValue(row.id), "channel": .string(row.channel), "address": .string(shown.address),
            "components": .array(row.components.map { JSONValue($0) }), "state": .string(row.state), "why": .string(row.why),
            "madeAt": JSONValue(row.madeAt), "confirmedAt": JSONValue(row.confirmedAt), "endedAt": JSONValue(row.endedAt),
            "failures": JSONValue(Int(row.failures)),
        ])
    }

    static func view(_ sent: StatusSubscribers.Sent) -> JSONValue {
        let row = sent.row
        return .object([
            "id": JSONValue(row.id), "subscriber": JSONValue(row.subscriber), "kind": .string(row.kind),
            "notice": JSONValue(row.notice), "update": row.number.map { JSONValue(Int($0)) } ?? .null,
            "state": .string(row.state), "madeAt": JSONValue(row.madeAt), "endedAt": JSONValue(row.endedAt),
            "attempts": .array(
                sent.attempts.map { attempt in
                    .object([
                        "at": JSONValue(attempt.at), "outcome": .string(attempt.outcome), "code": .string(attempt.code),
                        "milliseconds": JSONValue(Int(attempt.milliseconds)),
                    ])
                }),
        ])
    }
}
