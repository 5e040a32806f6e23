internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Reports
internal import Seals
internal import Tenancy
internal import WebKernel

/// Monthly service-level reports: the list, the document, its page, file and data, and what people do with it.
struct ReportRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        [list, show, deliveries, draft, edit, submit, giveBack, sign, send, archive, amend, portfolio]
            + ReportForm.allCases.map(file)
    }

    // MARK: Reading

    private var list: Route {
        services.reading(
            "sla-reports", .serviceRead,
            RouteDocumentation(
                "listReports", "Monthly reports of the tenant, the newest month first.",
                parameters: [
                    .init("limit", "Items on the page.", schema: ["type": "integer", "minimum": 1, "maximum": 200]),
                    .init("cursor", "`next` of the page before."),
                ], responseSchema: ReportRoutes.object, problems: [400])
        ) { [services] request, context in
            let limit = request.query("limit").map { Int($0) ?? 0 } ?? PageRequest.limitDefault
            guard (1...PageRequest.limitMax).contains(limit) else {
                throw Refusal(
                    .invalid, reason: "page.limit", "limit is a whole number from 1 to \(PageRequest.limitMax).",
                    facts: ["field": "limit"])
            }
            var before: (month: String, id: SLAReportID)?
            if let cursor = request.query("cursor") {
                let parts = cursor.split(separator: "_").map(String.init)
                guard parts.count == 2, let id = SLAReportID(parts[1]) else {
                    throw Refusal(
                        .invalid, reason: "page.cursor", "This cursor was not made by this list.", facts: ["field": "cursor"])
                }
                before = (parts[0], id)
            }
            let rows = try await services.reports.page(context.scope.id, before: before, limit: limit)
            var body: JSONObject = ["items": .array(rows.map { ReportRoutes.view($0) })]
            if rows.count == limit, let last = rows.last { body["next"] = .string("\(last.month)_\(last.id.text)") }
            return .object(body)
        }
    }

    private var show: Route {
        services.reading(
            "sla-reports/{id}", .serviceRead,
            RouteDocumentation(
                "getReport", "One report: its state, its document, and the hash of the document.",
                responseSchema: ReportRoutes.object, problems: [404])
        ) { [services] request, context in
            ReportRoutes.view(try await services.reports.shown(context.scope.id, try request.id()))
        }
    }

    private var deliveries: Route {
        services.reading(
            "sla-reports/{id}/deliveries", .serviceRead,
            RouteDocumentation(
                "listReportDeliveries", "To whom the report went, with every try and what was answered.",
                responseSchema: ReportRoutes.object, problems: [404])
        ) { [services] request, context in
            let shown = try await services.reports.shown(context.scope.id, try request.id())
            let rows = try await services.reports.deliveries(context.scope.id, shown.row.id)
            return [
                "items": .array(
                    rows.map { one in
                        [
                            "address": .string(one.delivery.address), "state": .string(one.delivery.state),
                            "decidedAt": JSONValue(one.delivery.decidedAt), "endedAt": JSONValue(one.delivery.endedAt),
                            "attempts": .array(
                                one.attempts.map {
                                    [
                                        "at": JSONValue($0.at), "outcome": .string($0.outcome), "answer": .string($0.answer),
                                        "milliseconds": JSONValue(Int64($0.milliseconds)),
                                    ]
                                }),
                        ]
                    })
            ]
        }
    }

    /// All tenants of a month whom the asker may see.
    private var portfolio: Route {
        Route(
            .get, "/api/v1/sla-reports", access: .signedIn,
            documentation: RouteDocumentation(
                "listPortfolio", "The reports of one month over the tenants that you look after.",
                parameters: [.init("month", "Such as 2026-10.", isRequired: true)], responseSchema: ReportRoutes.object,
                problems: [400])
        ) { [services] request in
            let visitor = try await services.access.visitor(request)
            let rows = try await Portfolio.rows(request.query("month") ?? "", visitor, services)
            return .json([
                "items": .array(
                    rows.map { row in
                        [
                            "tenant": .string(row.scope.slug), "name": .string(row.scope.name),
                            "reports": .array(row.reports.map { ReportRoutes.view($0) }),
                        ]
                    })
            ])
        }
    }

    private func file(_ form: ReportForm) -> Route {
        Route(
            .get, "/api/v1/tenants/{tenant}/sla-reports/{id}/\(form.rawValue)",
            access: .permission(Permission.serviceRead.rawValue),
            documentation: RouteDocumentation(
                "getReport\(form.operation)", form.summary,
                parameters: form == .data
                    ? [.init("piece", "One piece of the data, counted from 1; all of it unless given.")] : [],
                responseSchema: ["type": "string"], problems: [404, 409, 503])
        ) { [services] request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .serviceRead)
            return try await form.response(try request.id(), piece: request.query("piece"), context, services)
        }
    }

    // MARK: Acting

    private func writing(
        _ pattern: String, _ permission: Permission, _ id: String, _ words: String, fields: [String],
        _ act: @escaping @Sendable (SLAReportID, BodyFields, TenantContext) async throws -> SLAReportRow
    ) -> Route {
        services.writing(
            "sla-reports/{id}/\(pattern)", permission,
            RouteDocumentation(
                id, words,
                requestSchema: [
                    "type": "object", "required": .array(fields.map(JSONValue.string)), "additionalProperties": false,
                    "properties": .object(JSONObject(fields.map { (key: $0, value: ["type": "string"]) })),
                ], responseSchema: ReportRoutes.object, problems: [400, 403, 404, 409, 412, 422])
        ) { request, body, context in
            let row = try await act(try request.id(), try BodyFields(body, known: fields), context)
            return (200, ReportRoutes.view(row))
        }
    }

    private var draft: Route {
        services.writing(
            "sla-reports", .reportsPrepare,
            RouteDocumentation(
                "draftReports", "Drafts the reports of a month that is over, one of each contract version that it ran by.",
                requestSchema: [
                    "type": "object", "required": ["month"], "additionalProperties": false,
                    "properties": ["month": ["type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"]],
                ], responseSchema: ReportRoutes.object, responseStatus: 201, problems: [400, 403, 409, 422])
        ) { [services] _, body, context in
            let fields = try BodyFields(body, known: ["month"])
            let rows = try await services.reports.draft(
                try fields.text("month"), as: context.actor, scope: context.scope)
            return (201, ["items": .array(rows.map { ReportRoutes.view($0) })])
        }
    }

    private var edit: Route {
        let text: JSONValue = ["type": ["string", "null"], "maxLength": JSONValue(ReportBounds.textScalarsMax)]
        return services.writing(
            method: .put, "sla-reports/{id}", .reportsPrepare,
            RouteDocumentation(
                "editReport", "Changes what people write on a draft: the summary, the recommendations, why clocks were missed.",
                requestSchema: [
                    "type": "object", "additionalProperties": false,
                    "properties": [
                        "summary": text,
                        "recommendations": [
                            "type": ["array", "null"], "items": ["type": "string"],
                            "maxItems": JSONValue(ReportBounds.recommendationsMax),
                        ],
                        "justified": [
                            "type": "object",
                            "additionalProperties": [
                                "type": ["object", "null"], "required": ["cause", "text"], "additionalProperties": false,
                                "properties": [
                                    "cause": ["enum": .array(Justification.causes.map(JSONValue.string))],
                                    "text": ["type": "string"], "excluded": ["type": "boolean"],
                                ],
                            ],
                        ],
                    ],
                ], responseSchema: ReportRoutes.object, problems: [400, 403, 404, 409, 422])
        ) { [services] request, body, context in
            let row = try await services.reports.edit(
                try request.id(), try ReportRoutes.edit(body), as: context.actor, scope: context.scope)
            return (200, ReportRoutes.view(row))
        }
    }

    private static func edit(_ body: JSONValue) throws(Refusal) -> ReportDesk.Edit {
        _ = try BodyFields(body, known: ["summary", "recommendations", "justified"])
        func refuse(_ field: String) -> Refusal {
            Refusal(.invalid, reason: "request.member", "\(field) has not its form.", facts: ["field": field])
        }
        var edit = ReportDesk.Edit()
        if let summary = body["summary"] {
            guard summary.isNull || summary.string != nil else { throw refuse("summary") }
            edit.summary = .some(summary.string)
        }
        if let list = body["recommendations"] {
            let texts = list.array?.compactMap(\.string)
            guard list.isNull || (texts != nil && texts?.count == list.array?.count) else { throw refuse("recommendations") }
            edit.recommendations = .some(texts)
        }
        if let justified = body["justified"] {
            guard let object = justified.object else { throw refuse("justified") }
            for (key, value) in object {
                guard !value.isNull else {
                    edit.justified.updateValue(nil, forKey: key)
                    continue
                }
                guard let one = Justification(json: value), value["excluded"].map({ $0.bool != nil }) ?? true else {
                    throw refuse("justified")
                }
                edit.justified.updateValue(one, forKey: key)
            }
        }
        return edit
    }

    private var submit: Route {
        writing("submit", .reportsPrepare, "submitReport", "Freezes the document and asks for its review.", fields: []) {
            [services] id, _, context in
            try await services.reports.submit(id, as: context.actor, scope: context.scope)
        }
    }

    private var giveBack: Route {
        writing("return", .reportsSign, "returnReport", "Gives a report in review back to its authors.", fields: ["reason"]) {
            [services] id, fields, context in
            try await services.reports.giveBack(
                id, reason: try fields.text("reason"), as: context.actor, scope: context.scope)
        }
    }

    private var sign: Route {
        writing(
            "sign-off", .reportsSign, "signReport",
            "Signs the report off; the hash is of the document that was read. Who wrote on it cannot.", fields: ["hash"]
        ) { [services] id, fields, context in
            try await services.reports.sign(id, hash: try fields.text("hash"), as: context.actor, scope: context.scope)
        }
    }

    private var send: Route {
        writing("send", .reportsPrepare, "sendReport", "Sends a signed report to the contract's recipients.", fields: []) {
            [services] id, _, context in
            try await services.reports.send(id, as: context.actor, scope: context.scope)
        }
    }

    private var archive: Route {
        writing("archive", .reportsPrepare, "archiveReport", "Puts a report that was sent into the archive.", fields: []) {
            [services] id, _, context in
            try await services.reports.archive(id, as: context.actor, scope: context.scope)
        }
    }

    private var amend: Route {
        writing(
            "amend", .reportsPrepare, "amendReport",
            "Drafts a revision beside a signed report, read from the rows again; the original stays as it is.",
            fields: ["reason"]
        ) { [services] id, fields, context in
            try await services.reports.amend(
                id, reason: try fields.text("reason"), as: context.actor, scope: context.scope)
        }
    }

    // MARK: Forms

    static func view(_ row: ReportStanding) -> JSONValue {
        [
            "id": JSONValue(row.id), "number": JSONValue(row.number), "revision": JSONValue(Int64(row.revision)),
            "contract": .string(row.contract), "version": .string(row.contractVersion), "month": .string(row.month),
            "state": .string(row.phase), "standing": row.standing, "signedAt": JSONValue(row.signedAt),
            "sentAt": JSONValue(row.sentAt),
        ]
    }

    static func view(_ row: SLAReportRow) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "number": JSONValue(row.number), "revision": JSONValue(Int64(row.revision)),
            "contract": .string(row.contract), "version": .string(row.contractVersion), "month": .string(row.month),
            "language": .string(row.language), "state": .string(row.phase), "standing": row.standing,
            "clocksSeen": JSONValue(row.clocksSeen), "clocksTotal": JSONValue(row.clocksTotal),
            "reason": row.reason.map(JSONValue.string), "draftedBy": row.draftedBy.map { JSONValue($0) },
            "draftedAt": JSONValue(row.draftedAt), "builtAt": JSONValue(row.builtAt),
            "hash": row.documentHash.map { .string($0.hexText) }, "submittedAt": JSONValue(row.submittedAt),
            "signedBy": row.signedBy.map { JSONValue($0) }, "signedName": row.signedName.map(JSONValue.string),
            "signedAt": JSONValue(row.signedAt), "sentAt": JSONValue(row.sentAt), "archivedAt": JSONValue(row.archivedAt),
        ])
    }

    static func view(_ shown: ReportDesk.Shown) -> JSONValue {
        var object = view(shown.row).object ?? [:]
        object["isAmended"] = .bool(shown.isAmended)
        object["document"] = shown.document ?? .null
        object["documentHash"] = shown.hash.isEmpty ? .null : .string(shown.hash)
        return .object(object)
    }
}

/// The reports of a month over the tenants that somebody looks after.
enum Portfolio {
    struct Row: Sendable {
        let scope: ScopeRow
        let reports: [ReportStanding]
    }

    /// Tenants without a report stand in it too; whoever may not see a tenant's service levels does not see the tenant.
    static func rows(_ month: String, _ visitor: Visitor, _ services: Services) async throws -> [Row] {
        _ = try ReportTerms.period(month, in: try ZoneRules.load("UTC"))
        let all = Dictionary(grouping: try await services.reports.portfolio(month), by: \.tenant)
        var rows: [Row] = []
        for scope in try await services.access.visibleScopes(visitor) where scope.kind == "tenant" {
            let node = try await services.access.node(of: scope)
            guard visitor.authority.permits(.serviceRead, in: node, at: services.clock.now) else { continue }
            rows.append(Row(scope: scope, reports: all[scope.id] ?? []))
        }
        return rows
    }
}
