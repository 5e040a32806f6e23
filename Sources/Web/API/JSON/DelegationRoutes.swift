internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Deputies: who decides for whom, and until when.
struct DelegationRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let instant: JSONValue = ["type": "string", "format": "date-time"]

    var all: [Route] { [list, make, revoke] }

    private var list: Route {
        services.reading(
            "delegations", .approvalsRead,
            RouteDocumentation(
                "listDelegations", "Who decides for whom, and who did, the newest first.", parameters: PageRequest.parameters,
                responseSchema: DelegationRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.looking.delegating.page(
                context.scope.id, before: try page.position(), limit: page.limit)
            let people = try await services.looking.people(context.scope.id)
            let names = Dictionary(people.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
            var items: [JSONValue] = []
            for row in rows { items.append(try DelegationRoutes.view(row, names, at: context.now)) }
            return page.answer(items, last: rows.last.map { ($0.madeAt, $0.id) })
        }
    }

    private var make: Route {
        services.writing(
            "delegations", .approvalsRead,
            RouteDocumentation(
                "makeDelegation",
                "Gives one's decisions about approvals to a deputy, for at most 90 days. Whoever looks after people may do so "
                    + "for somebody else.",
                requestSchema: [
                    "type": "object", "required": ["to", "endsAt", "reason"], "additionalProperties": false,
                    "properties": [
                        "from": ["type": "string", "description": "Short name of the giver; oneself unless given."],
                        "to": ["type": "string", "description": "Short name of the deputy."],
                        "startsAt": DelegationRoutes.instant, "endsAt": DelegationRoutes.instant,
                        "workflows": [
                            "type": "array", "items": ["type": "string"], "maxItems": JSONValue(Delegation.workflowsMax),
                            "description": "Every workflow unless given.",
                        ],
                        "maxAmount": [
                            "type": "object", "required": ["amount", "currency"], "additionalProperties": false,
                            "properties": ["amount": ["type": "string"], "currency": ["type": "string"]],
                        ],
                        "reason": ["type": "string", "minLength": 1, "maxLength": JSONValue(Delegation.reasonScalarsMax)],
                    ],
                ], responseSchema: DelegationRoutes.object, responseStatus: 201, problems: [400, 403, 422])
        ) { [services] _, body, context in
            let row = try await services.looking.delegating.make(
                try DelegationRoutes.wish(body), as: context.actor, mayForOthers: context.may(.peopleManage),
                scope: context.scope)
            return (201, try await DelegationRoutes.shown(row, context, services))
        }
    }

    private var revoke: Route {
        services.writing(
            "delegations/{id}/revoke", .approvalsRead,
            RouteDocumentation(
                "revokeDelegation", "Takes a delegation back at once; what was signed stays signed.",
                responseSchema: DelegationRoutes.object, problems: [403, 404, 409])
        ) { [services] request, _, context in
            let row = try await services.looking.delegating.revoke(
                try request.id(), as: context.actor, mayForOthers: context.may(.peopleManage), scope: context.scope)
            return (200, try await DelegationRoutes.shown(row, context, services))
        }
    }

    // MARK: Forms

    private static func wish(_ body: JSONValue) throws(Refusal) -> Delegating.Wish {
        let fields = try BodyFields(body, known: ["from", "to", "startsAt", "endsAt", "workflows", "maxAmount", "reason"])
        var workflows: [String] = []
        if let given = body["workflows"] {
            guard let list = given.array, list.allSatisfy({ $0.string != nil }) else {
                throw Refusal(
                    .invalid, reason: "request.member", "workflows is a list of names.", facts: ["field": "workflows"])
            }
            workflows = list.compactMap(\.string)
        }
        var cap: Money?
        if let given = body["maxAmount"] {
            guard let amount = given["amount"]?.string, let currency = given["currency"]?.string else {
                throw Refusal(
                    .invalid, reason: "request.member", "maxAmount has an amount and a currency, both texts.",
                    facts: ["field": "maxAmount"])
            }
            cap = try money(amount, currency)
        }
        return Delegating.Wish(
            giver: try fields.textIfAny("from"), deputy: try fields.text("to"),
            startsAt: try fields.textIfAny("startsAt").map { text throws(Refusal) in try moment(text, "startsAt") },
            endsAt: try moment(try fields.text("endsAt"), "endsAt"), workflows: workflows, cap: cap,
            reason: try fields.text("reason"))
    }

    static func money(_ amount: String, _ code: String) throws(Refusal) -> Money {
        guard let currency = Currency(code) else {
            throw Refusal(
                .invalid, reason: "request.member", "\(code) is no currency of ISO 4217.", facts: ["field": "maxAmount"])
        }
        return try Amount(amount, currency: currency).money()
    }

    static func moment(_ text: String, _ field: String) throws(Refusal) -> Moment {
        guard let moment = Moment(text) else {
            throw Refusal(
                .invalid, reason: "request.member", "\(field) is an instant with its offset, such as 2026-12-05T21:00:00Z.",
                facts: ["field": field])
        }
        return moment
    }

    private static func shown(
        _ row: DelegationRow, _ context: TenantContext, _ services: Services
    ) async throws -> JSONValue {
        let people = try await services.looking.people(context.scope.id)
        return try view(row, Dictionary(people.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }), at: context.now)
    }

    private static func view(
        _ row: DelegationRow, _ people: [PersonID: PersonRow], at now: Moment
    ) throws(Refusal) -> JSONValue {
        func person(_ id: PersonID) -> JSONValue {
            ["id": .string(people[id]?.slug ?? ""), "name": .string(people[id]?.name ?? "")]
        }
        return .object([
            "id": JSONValue(row.id), "from": person(row.giver), "to": person(row.deputy),
            "startsAt": JSONValue(row.startsAt), "endsAt": JSONValue(row.endsAt),
            "workflows": .array(row.workflows.map(JSONValue.string)),
            "maxAmount": try row.terms().cap.map {
                ["amount": .string($0.decimalText), "currency": .string($0.currency.code)]
            }, "reason": .string(row.reason), "state": .string(try row.terms().state(at: now).rawValue),
            "madeBy": person(row.madeBy), "madeAt": JSONValue(row.madeAt), "revokedAt": JSONValue(row.revokedAt),
        ])
    }
}
