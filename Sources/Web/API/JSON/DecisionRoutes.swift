internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// What policies decided, and what a new version of one would have decided instead.
struct DecisionRoutes: Sendable {
    static let policyBytesMax = 1_048_576

    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [list, impact] }

    private var list: Route {
        services.reading(
            "decisions", .runsRead,
            RouteDocumentation(
                "listDecisions", "Receipts of what policies decided, newest first.",
                parameters: PageRequest.parameters + [.init("policy", "Only decisions of the policy of this name.")],
                responseSchema: DecisionRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.looking.decisions(
                context.scope.id, policy: request.query("policy"), before: try page.position(AuditEntryID.self), limit: page.limit
            )
            return page.answer(rows.map(DecisionRoutes.view), last: rows.last.map { ($0.at, $0.id) })
        }
    }

    private static func view(_ row: Looking.ListedDecision) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "at": JSONValue(row.at), "action": .string(row.action), "run": row.run.map { JSONValue($0) },
            "step": .string(row.step), "subject": .string(row.subject), "counterparty": .string(row.counterparty),
            "receipt": row.receipt,
        ])
    }

    /// A question that needs a body: it changes nothing, so it takes no idempotency key.
    private var impact: Route {
        Route(
            .post, "/api/v1/tenants/{tenant}/policies/impact", access: .permission(Permission.runsRead.rawValue),
            documentation: RouteDocumentation(
                "replayPolicy",
                "Replays recorded decisions with a version of a policy that need not be published. Changes nothing.",
                requestSchema: [
                    "type": "object", "required": ["policy"], "additionalProperties": false,
                    "properties": [
                        "policy": ["type": "object"], "since": ["type": "string"],
                        "limit": ["type": "integer", "minimum": 1, "maximum": JSONValue(Looking.replayMax)],
                    ],
                ], responseSchema: DecisionRoutes.object, problems: [400, 413, 422]), bodyBytesMax: DecisionRoutes.policyBytesMax
        ) { [services] request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .runsRead)
            let body = try request.strictJSON(maxBytes: DecisionRoutes.policyBytesMax)
            let known = ["policy", "since", "limit"]
            guard case .object(let members) = body, let policy = members["policy"], members.keys.allSatisfy(known.contains) else {
                throw Refusal(
                    .invalid, reason: "policy.body", "Send the policy as `policy`, with `since` and `limit` if you like.",
                    facts: ["field": "policy"])
            }
            var since: Moment?
            if let text = members["since"] {
                since = text.moment
                guard since != nil else {
                    throw Refusal(.invalid, reason: "policy.since", "`since` is an instant.", facts: ["field": "since"])
                }
            }
            var limit = Looking.replayMax
            if let number = members["limit"] {
                guard let given = number.int, (1...Looking.replayMax).contains(given) else {
                    throw Refusal(
                        .invalid, reason: "policy.limit", "`limit` is a number from 1 to \(Looking.replayMax).",
                        facts: ["field": "limit"])
                }
                limit = given
            }
            return .json(try await services.looking.impact(of: policy, tenant: context.scope.id, since: since, limit: limit))
        }
    }
}
