internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Status pages as their owners run them: how a page is set up, its components, and what its readers are told.
struct StatusRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    static let object: JSONValue = ["type": "object"]
    static let text: JSONValue = ["type": "string"]
    private static let instant: JSONValue = ["type": "string", "format": "date-time"]

    var all: [Route] {
        [show, save, renew, add, change, set, retire, list, one, templates, post, update, edit, publish]
    }

    static func schema(_ members: JSONObject, required: [String]) -> JSONValue {
        [
            "type": "object", "additionalProperties": false, "properties": .object(members),
            "required": .array(required.map(JSONValue.string)),
        ]
    }

    private static func choice(_ values: [String]) -> JSONValue {
        ["type": "string", "enum": .array(values.map(JSONValue.string))]
    }

    // MARK: The page

    private var show: Route {
        services.reading(
            "status-page", .statusRead,
            RouteDocumentation(
                "getStatusPage",
                "The status page of a tenant, a partner or the operator as its owner sees it; `page` is null "
                    + "where there is none.", responseSchema: StatusRoutes.object)
        ) { [services] _, context in try await StatusRoutes.view(services, context.scope) }
    }

    private var save: Route {
        services.writing(
            method: .put, "status-page", .statusManage,
            RouteDocumentation(
                "putStatusPage",
                "Sets the page up or changes it. `revision` is that of the page seen, 0 where there was none. `rule` publishes "
                    + "incidents from a severity on in your own words; null publishes nothing without a person.",
                requestSchema: StatusRoutes.schema(
                    [
                        "revision": ["type": "integer", "minimum": 0],
                        "audience": StatusRoutes.choice(StatusDesk.Audience.allCases.map(\.rawValue)),
                        "title": StatusRoutes.text, "intro": StatusRoutes.text,
                        "language": StatusRoutes.choice(StatusLanguage.allCases.map(\.rawValue)),
                        "showsAnnounced": ["type": "boolean"], "rule": ["type": ["object", "null"]],
                    ], required: ["revision", "audience", "title"]),
                responseSchema: StatusRoutes.object, problems: [400, 409, 422])
        ) { [services] _, body, context in
            let fields = try BodyFields(
                body, known: ["revision", "audience", "title", "intro", "language", "showsAnnounced", "rule"])
            // A bare nil beside a JSON value would be a JSON null.
            let rule = body["rule"].flatMap { $0.isNull ? JSONValue?.none : $0 }
            let settings = StatusDesk.Settings(
                audience: try StatusRoutes.read(fields.text("audience"), "audience"), title: try fields.text("title"),
                intro: try fields.textIfAny("intro") ?? "",
                language: try StatusRoutes.read(fields.textIfAny("language") ?? "en", "language"),
                rule: try rule.map { json throws(Refusal) in try StatusPublishingRule(json: json) },
                showsAnnounced: body["showsAnnounced"]?.bool ?? false)
            _ = try await services.status.desk.save(
                settings, revision: try StatusRoutes.revision(body), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, try await StatusRoutes.view(services, context.scope))
        }
    }

    private var renew: Route {
        services.writing(
            "status-page/address", .statusManage,
            RouteDocumentation(
                "renewStatusAddress", "A new address; under the old one there is nothing from now on.",
                requestSchema: StatusRoutes.schema(["revision": ["type": "integer", "minimum": 1]], required: ["revision"]),
                responseSchema: StatusRoutes.object, problems: [400, 409])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: ["revision"])
            _ = try await services.status.desk.renewAddress(
                revision: try StatusRoutes.revision(body), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, try await StatusRoutes.view(services, context.scope))
        }
    }

    // MARK: Components

    private static let componentSchema: JSONObject = [
        "name": text, "description": text, "position": ["type": "integer", "minimum": 0, "maximum": 1000],
        "source": ["type": "string", "description": "hand, platform, platform:PART, connection:NAME or workflow:NAME."],
    ]

    private static func component(_ body: JSONValue) throws(Refusal) -> StatusDesk.ComponentEdit {
        let fields = try BodyFields(body, known: ["name", "description", "source", "position"])
        guard let position = (body["position"] ?? 0).int.flatMap({ Int32(exactly: $0) }), (0...1000).contains(position) else {
            throw Refusal(
                .invalid, reason: "request.member", "position is a whole number from 0 to 1000.", facts: ["field": "position"])
        }
        return StatusDesk.ComponentEdit(
            name: try fields.text("name"), description: try fields.textIfAny("description") ?? "",
            source: try StatusSource(text: try fields.textIfAny("source") ?? "hand"), position: position)
    }

    private var add: Route {
        services.writing(
            "status-page/components", .statusManage,
            RouteDocumentation(
                "addStatusComponent", "A component that readers see, and what its state is taken from.",
                requestSchema: StatusRoutes.schema(StatusRoutes.componentSchema, required: ["name"]),
                responseSchema: StatusRoutes.object, responseStatus: 201, problems: [400, 409, 422])
        ) { [services] _, body, context in
            let row = try await services.status.desk.add(
                try StatusRoutes.component(body), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (201, StatusRoutes.view(row, nil))
        }
    }

    private var change: Route {
        services.writing(
            method: .put, "status-page/components/{id}", .statusManage,
            RouteDocumentation(
                "changeStatusComponent", "Another name, order or source of a component.",
                requestSchema: StatusRoutes.schema(StatusRoutes.componentSchema, required: ["name"]),
                responseSchema: StatusRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            let row = try await services.status.desk.change(
                try request.id(), try StatusRoutes.component(body), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, StatusRoutes.view(row, nil))
        }
    }

    private var set: Route {
        services.writing(
            "status-page/components/{id}/set", .statusPublish,
            RouteDocumentation(
                "setStatusComponent", "Says by hand what a component is, and until when; without a state the rule speaks again.",
                requestSchema: StatusRoutes.schema(
                    [
                        "state": StatusRoutes.choice(StatusState.allCases.map(\.rawValue)), "until": StatusRoutes.instant,
                    ], required: []),
                responseSchema: StatusRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["state", "until"])
            let state: StatusState? = try fields.textIfAny("state").map { word throws(Refusal) in
                try StatusRoutes.read(word, "state")
            }
            let until = try StatusRoutes.moment(fields, "until")
            guard state != nil || until == nil else {
                throw Refusal(.invalid, reason: "request.member", "until goes with a state.", facts: ["field": "until"])
            }
            let row = try await services.status.desk.set(
                try request.id(), state.map { StatusOverride($0, until: until) }, as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, StatusRoutes.view(row, nil))
        }
    }

    private var retire: Route {
        services.writing(
            "status-page/components/{id}/retire", .statusManage,
            RouteDocumentation(
                "retireStatusComponent", "Takes a component off the page.", responseSchema: StatusRoutes.object,
                problems: [404, 409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let row = try await services.status.desk.retire(try request.id(), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, StatusRoutes.view(row, nil))
        }
    }

    // MARK: Notices

    private var list: Route {
        services.reading(
            "status-page/notices", .statusRead,
            RouteDocumentation(
                "listStatusNotices", "Notices, newest first, drafts among them.",
                parameters: PageRequest.parameters + [
                    .init("state", "`open` (default) or `all`.", schema: ["enum": ["open", "all"]])
                ], responseSchema: StatusRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.status.desk.notices(
                of: context.scope.id, openOnly: request.query("state") != "all",
                before: try page.position(StatusNoticeID.self), limit: page.limit)
            return page.answer(rows.map(StatusRoutes.view), last: rows.last.map { ($0.notice.madeAt, $0.notice.id) })
        }
    }

    private var one: Route {
        services.reading(
            "status-page/notices/{id}", .statusRead,
            RouteDocumentation(
                "getStatusNotice", "A notice with every wording that its updates ever had.",
                responseSchema: StatusRoutes.object, problems: [404])
        ) { [services] request, context in
            StatusRoutes.view(try await services.status.desk.notice(try request.id(), of: context.scope.id))
        }
    }

    private var templates: Route {
        services.reading(
            "status-page/templates", .statusRead,
            RouteDocumentation(
                "getStatusTemplates", "What an update of each phase may begin with, by language.",
                responseSchema: StatusRoutes.object)
        ) { _, _ in
            var languages = JSONObject()
            for language in StatusLanguage.allCases {
                let words = StatusWords(language)
                var phases = JSONObject()
                for phase in StatusPhase.allCases { phases[phase.rawValue] = .string(words.template(phase)) }
                languages[language.rawValue] = .object(phases)
            }
            return .object(languages)
        }
    }

    private var post: Route {
        services.writing(
            "status-page/notices", .statusPublish,
            RouteDocumentation(
                "postStatusNotice",
                "Begins a notice of a disruption or of planned maintenance with its first update; a draft unless `publish`.",
                requestSchema: StatusRoutes.schema(
                    [
                        "kind": StatusRoutes.choice(StatusKind.allCases.map(\.rawValue)), "title": StatusRoutes.text,
                        "impact": StatusRoutes.choice(StatusImpact.allCases.map(\.rawValue)),
                        "phase": StatusRoutes.choice(StatusPhase.allCases.map(\.rawValue)), "text": StatusRoutes.text,
                        "components": ["type": "array", "items": StatusRoutes.text], "startsAt": StatusRoutes.instant,
                        "endsAt": StatusRoutes.instant, "incident": ["type": "string", "format": "uuid"],
                        "publish": ["type": "boolean"],
                    ], required: ["text"]),
                responseSchema: StatusRoutes.object, responseStatus: 201, problems: [400, 404, 409, 422])
        ) { [services] _, body, context in
            let told = try await services.status.desk.post(
                try StatusRoutes.draft(body), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (201, StatusRoutes.view(told))
        }
    }

    private static func draft(_ body: JSONValue) throws(Refusal) -> StatusDesk.Draft {
        let fields = try BodyFields(
            body,
            known: [
                "kind", "title", "impact", "phase", "text", "components", "startsAt", "endsAt", "incident", "publish",
            ])
        let kind: StatusKind = try read(fields.textIfAny("kind") ?? "incident", "kind")
        var components: [String] = []
        for item in body["components"]?.array ?? [] {
            guard let name = item.string else {
                throw Refusal(
                    .invalid, reason: "request.member", "components is a list of names.", facts: ["field": "components"])
            }
            components.append(name)
        }
        return StatusDesk.Draft(
            kind: kind, title: try fields.textIfAny("title") ?? "",
            impact: try read(fields.textIfAny("impact") ?? (kind == .incident ? "minor" : "none"), "impact"),
            phase: try fields.textIfAny("phase").map { word throws(Refusal) in try read(word, "phase") },
            text: try fields.text("text"), components: components, startsAt: try moment(fields, "startsAt"),
            endsAt: try moment(fields, "endsAt"),
            incident: try fields.textIfAny("incident").map { text throws(Refusal) in
                guard let id = IncidentID(text) else { throw Refusal.notFound }
                return id
            }, isPublished: body["publish"]?.bool ?? false)
    }

    private var update: Route {
        services.writing(
            "status-page/notices/{id}/updates", .statusPublish,
            RouteDocumentation(
                "updateStatusNotice", "Another update of a notice; a draft unless `publish`.",
                requestSchema: StatusRoutes.schema(
                    [
                        "phase": StatusRoutes.choice(StatusPhase.allCases.map(\.rawValue)), "text": StatusRoutes.text,
                        "publish": ["type": "boolean"],
                    ], required: ["phase", "text"]),
                responseSchema: StatusRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["phase", "text", "publish"])
            let told = try await services.status.desk.update(
                try request.id(), phase: try StatusRoutes.read(fields.text("phase"), "phase"), text: try fields.text("text"),
                isPublished: body["publish"]?.bool ?? false, as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, StatusRoutes.view(told))
        }
    }

    private var edit: Route {
        services.writing(
            method: .put, "status-page/notices/{id}/updates/{number}", .statusPublish,
            RouteDocumentation(
                "editStatusUpdate",
                "Says an update in other words; those before are kept. Subscribers are told of it only with `notify`.",
                requestSchema: StatusRoutes.schema(
                    ["text": StatusRoutes.text, "notify": ["type": "boolean"]], required: ["text"]),
                responseSchema: StatusRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["text", "notify"])
            let told = try await services.status.desk.edit(
                try request.id(), update: try StatusRoutes.number(request), text: try fields.text("text"),
                tellsSubscribers: body["notify"]?.bool ?? false, as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, StatusRoutes.view(told))
        }
    }

    private var publish: Route {
        services.writing(
            "status-page/notices/{id}/updates/{number}/publish", .statusPublish,
            RouteDocumentation(
                "publishStatusUpdate", "Publishes a draft.", responseSchema: StatusRoutes.object, problems: [404, 409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let told = try await services.status.desk.publish(
                try request.id(), update: try StatusRoutes.number(request), as: context.actor, scope: context.scope)
            services.status.board.forget(context.scope.id)
            return (200, StatusRoutes.view(told))
        }
    }

    // MARK: Reading bodies

    static func read<Value: RawRepresentable & CaseIterable>(
        _ word: String, _ field: String
    ) throws(Refusal) -> Value where Value.RawValue == String {
        guard let value = Value(rawValue: word) else {
            throw Refusal(
                .invalid, reason: "request.member",
                "\(field) is one of \(Value.allCases.map(\.rawValue).joined(separator: ", ")).", facts: ["field": field])
        }
        return value
    }

    private static func revision(_ body: JSONValue) throws(Refusal) -> Int32 {
        guard let value = body["revision"]?.int.flatMap({ Int32(exactly: $0) }), value >= 0 else {
            throw Refusal(
                .invalid, reason: "request.member", "revision is missing or no whole number.", facts: ["field": "revision"])
        }
        return value
    }

    private static func number(_ request: WebRequest) throws(Refusal) -> Int32 {
        guard let number = Int32(try request.parameter("number")) else { throw Refusal.notFound }
        return number
    }

    private static func moment(_ fields: BodyFields, _ name: String) throws(Refusal) -> Moment? {
        guard let text = try fields.textIfAny(name) else { return nil }
        guard let moment = Moment(text) else {
            throw Refusal(
                .invalid, reason: "request.member", "\(name) is an instant such as 2026-07-14T08:30:00Z.",
                facts: ["field": name])
        }
        return moment
    }
}

extension StatusRoutes {
    // MARK: Forms

    static func view(_ services: Services, _ scope: ScopeRow) async throws -> JSONValue {
        guard let page = try await services.status.desk.page(of: scope.id) else { return ["page": .null] }
        let components = try await services.status.desk.components(of: scope.id)
        let states = try await services.status.sight.states(of: scope.id)
        return .object([
            "page": .object([
                "audience": .string(page.audience), "address": .string("/status/\(page.address)"), "title": .string(page.title),
                "intro": .string(page.intro), "language": .string(page.language), "rule": page.rule ?? .null,
                "showsAnnounced": .bool(page.showsAnnounced), "revision": JSONValue(Int(page.revision)),
                "changedAt": JSONValue(page.changedAt),
            ]),
            "components": .array(components.map { view($0, states[$0.id]) }),
        ])
    }

    static func view(_ row: StatusComponentRow, _ state: StatusState?) -> JSONValue {
        .object([
            "id": JSONValue(row.id), "name": .string(row.name), "description": .string(row.description),
            "source": .string(row.bound.text), "position": JSONValue(Int(row.position)), "state": JSONValue(state?.rawValue),
            "set": row.setState.map { state in
                .object([
                    "state": .string(state), "until": JSONValue(row.setUntil), "by": JSONValue(row.setByName),
                    "at": JSONValue(row.setAt),
                ])
            } ?? .null,
            "retiredAt": JSONValue(row.retiredAt),
        ])
    }

    static func view(_ told: StatusDesk.Told) -> JSONValue {
        let row = told.notice
        return .object([
            "id": JSONValue(row.id), "kind": .string(row.kind), "title": .string(row.title), "impact": .string(row.impact),
            "components": .array(row.components.map { JSONValue($0) }), "incident": JSONValue(row.incident),
            "startsAt": JSONValue(row.startsAt), "endsAt": JSONValue(row.endsAt), "madeAt": JSONValue(row.madeAt),
            "byRule": .bool(row.madeBy == nil), "publishedAt": JSONValue(row.publishedAt),
            "resolvedAt": JSONValue(row.resolvedAt),
            "updates": .array(
                told.latest.map { update in
                    let before = told.updates.filter { $0.number == update.number && $0.wording < update.wording }
                    return .object([
                        "number": JSONValue(Int(update.number)), "phase": .string(update.phase), "text": .string(update.text),
                        "publishedAt": JSONValue(update.publishedAt), "madeAt": JSONValue(update.madeAt),
                        "before": .array(
                            before.map { .object(["text": .string($0.text), "at": JSONValue($0.wordedAt)]) }),
                    ])
                }),
        ])
    }
}
