internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Credits of signed reports: lists, and what people do with them.
struct CreditRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] { [list, open, approve, apply, waive] }

    private var list: Route {
        services.reading(
            "credit-notes", .serviceRead,
            RouteDocumentation(
                "listCredits", "Credits of the tenant's signed reports, the newest first.",
                parameters: [
                    .init("limit", "Items on the page.", schema: ["type": "integer", "minimum": 1, "maximum": 200]),
                    .init("cursor", "`next` of the page before."),
                ], responseSchema: CreditRoutes.object, problems: [400])
        ) { [services] request, context in
            let limit = request.query("limit").map { Int($0) ?? 0 } ?? PageRequest.limitDefault
            guard (1...PageRequest.limitMax).contains(limit) else {
                throw Refusal(
                    .invalid, reason: "page.limit", "limit is a whole number from 1 to \(PageRequest.limitMax).",
                    facts: ["field": "limit"])
            }
            let cursor = request.query("cursor")
            let before = cursor.flatMap { Int64($0) }
            guard (cursor == nil) == (before == nil) else {
                throw Refusal(
                    .invalid, reason: "page.cursor", "This cursor was not made by this list.", facts: ["field": "cursor"])
            }
            let rows = try await services.reports.credits.page(context.scope.id, before: before, limit: limit)
            var body: JSONObject = ["items": .array(rows.map(CreditRoutes.view))]
            if rows.count == limit, let last = rows.last { body["next"] = .string("\(last.number)") }
            return .object(body)
        }
    }

    private var open: Route {
        Route(
            .get, "/api/v1/credit-notes", access: .signedIn,
            documentation: RouteDocumentation(
                "listOpenCredits",
                "Credits that are still to be given, over the tenants that you look after, the oldest first; at most "
                    + "\(Crediting.openMax).", responseSchema: CreditRoutes.object)
        ) { [services] request in
            let visitor = try await services.access.visitor(request)
            return .json([
                "items": .array(
                    try await OpenCredits.rows(visitor, services).map { one in
                        [
                            "tenant": .string(one.scope.slug), "name": .string(one.scope.name),
                            "id": JSONValue(one.row.id), "number": JSONValue(one.row.number),
                            "report": JSONValue(one.row.report), "contract": .string(one.row.contract),
                            "month": .string(one.row.month), "percent": .string(one.row.percent.normalized.description),
                            "amount": CreditRoutes.amount(one.row.amountMinor, one.row.currency),
                            "currency": one.row.currency.map(JSONValue.string) ?? .null, "state": .string(one.row.phase),
                            "proposedAt": JSONValue(one.row.proposedAt),
                        ]
                    })
            ])
        }
    }

    private func writing(
        _ name: String, _ permission: Permission, _ id: String, _ words: String, field: String?,
        _ act: @escaping @Sendable (BodyFields) throws -> Crediting.Act
    ) -> Route {
        let fields = field.map { [$0] } ?? []
        return services.writing(
            "credit-notes/{id}/\(name)", permission,
            RouteDocumentation(
                id, words,
                requestSchema: [
                    "type": "object", "required": .array(fields.map(JSONValue.string)), "additionalProperties": false,
                    "properties": .object(
                        JSONObject(
                            fields.map {
                                (
                                    key: $0,
                                    value: ["type": "string", "minLength": 1, "maxLength": JSONValue(Crediting.textScalarsMax)]
                                )
                            })),
                ], responseSchema: CreditRoutes.object, problems: [400, 403, 404, 409, 422])
        ) { [services] request, body, context in
            let row = try await services.reports.credits.act(
                try act(try BodyFields(body, known: fields)), on: try request.id(), as: context.actor, scope: context.scope)
            return (200, CreditRoutes.view(row))
        }
    }

    private var approve: Route {
        writing(
            "approve", .creditsApprove, "approveCredit",
            "Approves a proposed credit. Who wrote on its report or signed it cannot.", field: nil
        ) { _ in .approve }
    }

    private var apply: Route {
        writing(
            "apply", .creditsApprove, "applyCredit", "Says on which bill an approved credit stands.", field: "reference"
        ) { .apply(reference: try $0.text("reference")) }
    }

    private var waive: Route {
        writing("waive", .reportsSign, "waiveCredit", "Gives a credit up, for the customer.", field: "reason") {
            .waive(reason: try $0.text("reason"))
        }
    }

    // MARK: Forms

    /// As a plain decimal: `96.04`.
    static func amount(_ minor: Int64?, _ code: String?) -> JSONValue {
        guard let minor, let currency = code.flatMap({ Currency($0) }) else { return .null }
        return .string(ExactDecimal(mantissa: Int128(minor), scale: currency.minorDigits).description)
    }

    static func view(_ row: CreditNoteRow) -> JSONValue {
        [
            "id": JSONValue(row.id), "number": JSONValue(row.number), "report": JSONValue(row.report),
            "contract": .string(row.contract), "month": .string(row.month),
            "percent": .string(row.percent.normalized.description), "amount": amount(row.amountMinor, row.currency),
            "currency": row.currency.map(JSONValue.string) ?? .null, "state": .string(row.phase),
            "proposedAt": JSONValue(row.proposedAt), "approvedName": row.approvedName.map(JSONValue.string) ?? .null,
            "approvedAt": JSONValue(row.approvedAt), "settledName": row.settledName.map(JSONValue.string) ?? .null,
            "settledAt": JSONValue(row.settledAt), "reference": row.reference.map(JSONValue.string) ?? .null,
            "reason": row.reason.map(JSONValue.string) ?? .null,
        ]
    }
}

/// Credits that are still to be given, over the tenants that somebody looks after.
enum OpenCredits {
    struct Row: Sendable {
        let scope: ScopeRow
        let row: OpenCreditRow
    }

    /// Whoever may not see a tenant's service levels does not see the tenant.
    static func rows(_ visitor: Visitor, _ services: Services) async throws -> [Row] {
        var seen: [TenantID: ScopeRow] = [:]
        for scope in try await services.access.visibleScopes(visitor) where scope.kind == "tenant" {
            let node = try await services.access.node(of: scope)
            if visitor.authority.permits(.serviceRead, in: node, at: services.clock.now) { seen[scope.id] = scope }
        }
        return try await services.reports.credits.open().compactMap { row in
            seen[row.tenant].map { Row(scope: $0, row: row) }
        }
    }
}
