internal import Flow
internal import Incidents
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Post-mortems: written, reviewed by another, published, and their actions followed up.
struct PostmortemRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]
    private static let text: JSONValue = ["type": "string", "maxLength": 20_000]

    private static func schema(_ members: [String], optional: [String] = []) -> JSONValue {
        [
            "type": "object", "required": .array(members.map(JSONValue.string)), "additionalProperties": false,
            "properties": .object(JSONObject((members + optional).map { (key: $0, value: text) })),
        ]
    }

    var all: [Route] { [list, single, document, draft] + writing + settling + reviewing }

    private var list: Route {
        services.reading(
            "postmortems", .incidentsRead,
            RouteDocumentation(
                "listPostmortems", "Post-mortems, newest first.", parameters: PageRequest.parameters,
                responseSchema: PostmortemRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let found = try await services.postmortems.list(
                context.scope.id, before: try page.position(PostmortemID.self), limit: page.limit)
            return page.answer(
                found.map { PostmortemRoutes.view($0, on: CivilDate(utc: context.now), isWhole: false) },
                last: found.last.map { ($0.row.draftedAt, $0.row.id) })
        }
    }

    private var single: Route {
        services.reading(
            "postmortems/{id}", .incidentsRead,
            RouteDocumentation(
                "getPostmortem", "One post-mortem with its facts, sections and actions.",
                responseSchema: PostmortemRoutes.object)
        ) { [services] request, context in
            let found = try await services.postmortems.find(try request.id(), in: context.scope.id)
            return PostmortemRoutes.view(found, on: CivilDate(utc: context.now), isWhole: true)
        }
    }

    private var document: Route {
        Route(
            .get, "/api/v1/tenants/{tenant}/postmortems/{id}/document",
            access: .permission(Permission.incidentsRead.rawValue),
            documentation: RouteDocumentation(
                "getPostmortemDocument", "The post-mortem as Markdown.",
                responseSchema: ["type": "string", "contentMediaType": "text/markdown"])
        ) { [services] request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .incidentsRead)
            return try await PostmortemRoutes.document(services, try request.id(), context)
        }
    }

    /// Always an attachment: what people wrote never runs in a browser under our name.
    static func document(_ services: Services, _ id: PostmortemID, _ context: TenantContext) async throws -> WebResponse {
        let found = try await services.postmortems.find(id, in: context.scope.id)
        let names = try await services.postmortems.names(for: context.scope.id)
        let text = found.state.markdown { names[$0] ?? "somebody who has left" }
        return WebResponse.text(text, type: "text/markdown; charset=utf-8")
            .header("Content-Disposition", "attachment; filename=\"postmortem-\(id).md\"")
            .header("Content-Security-Policy", "default-src 'none'; sandbox")
    }

    private var draft: Route {
        services.writing(
            "postmortems", .incidentsManage,
            RouteDocumentation(
                "draftPostmortem", "Begins a post-mortem of incidents that are over, with what the facts say by themselves.",
                requestSchema: [
                    "type": "object", "required": ["incidents"], "additionalProperties": false,
                    "properties": [
                        "incidents": [
                            "type": "array", "minItems": 1, "maxItems": JSONValue(Postmortem.incidentsMax),
                            "items": ["type": "string"],
                        ]
                    ],
                ], responseSchema: PostmortemRoutes.object, problems: [400, 404, 409, 422])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: ["incidents"])
            var ids: [IncidentID] = []
            for item in body["incidents"]?.array ?? [] {
                guard let id = item.string.flatMap({ IncidentID($0) }) else {
                    throw Refusal(
                        .invalid, reason: "request.member", "incidents holds ids of incidents.", facts: ["field": "incidents"])
                }
                ids.append(id)
            }
            let found = try await services.postmortems.draft(ids, as: context.actor, scope: context.scope)
            return (201, PostmortemRoutes.view(found, on: CivilDate(utc: context.now), isWhole: true))
        }
    }

    private func change(
        _ path: String, _ operation: String, _ summary: String, _ members: [String], optional: [String] = [],
        _ read: @escaping @Sendable (BodyFields, WebRequest, TenantContext) async throws -> Postmortems.Change
    ) -> Route {
        services.writing(
            "postmortems/{id}/\(path)", .incidentsManage,
            RouteDocumentation(
                operation, summary, requestSchema: PostmortemRoutes.schema(members, optional: optional),
                responseSchema: PostmortemRoutes.object, problems: [400, 403, 404, 409, 413, 422])
        ) { [services] request, body, context in
            let wanted = try await read(try BodyFields(body, known: members + optional), request, context)
            let found = try await services.postmortems.change(
                try request.id(), wanted, as: context.actor, scope: context.scope)
            return (200, PostmortemRoutes.view(found, on: CivilDate(utc: context.now), isWhole: true))
        }
    }

    private var writing: [Route] {
        [
            change("sections", "writePostmortemSection", "Writes one section of a draft.", ["section", "text"]) { fields, _, _ in
                .write(try PostmortemRoutes.section(try fields.text("section")), text: try fields.text("text"))
            },
            change("facts", "takePostmortemFacts", "Looks the facts of a draft up again.", []) { _, _, _ in .look },
            change(
                "actions", "addPostmortemAction", "Adds something that somebody promises to do until a day.",
                ["title", "owner", "due"]
            ) { [services] fields, _, context in
                .promise(
                    title: try fields.text("title"),
                    owner: try await services.onCalling.engineer(try fields.text("owner"), for: context.scope.id).id,
                    due: try PostmortemRoutes.day(try fields.text("due")))
            },
        ]
    }

    private var settling: [Route] {
        [
            change(
                "actions/{step}/settle", "settlePostmortemAction", "Says that an action is done, or why it is dropped.",
                ["as", "note"]
            ) { fields, request, _ in
                .settle(
                    action: try request.step(), as: try PostmortemRoutes.ending(try fields.text("as")),
                    note: try fields.text("note"))
            },
            change(
                "actions/{step}/move", "movePostmortemAction", "Gives an open action another day or owner, with the reason.",
                ["owner", "due", "reason"]
            ) { [services] fields, request, context in
                .move(
                    action: try request.step(),
                    owner: try await services.onCalling.engineer(try fields.text("owner"), for: context.scope.id).id,
                    due: try PostmortemRoutes.day(try fields.text("due")), reason: try fields.text("reason"))
            },
        ]
    }

    private var reviewing: [Route] {
        [
            change("submit", "submitPostmortem", "Hands the draft to somebody who has written none of it.", []) { _, _, _ in
                .submit
            },
            change("return", "returnPostmortem", "Makes it a draft again, with the reason.", ["reason"]) { fields, _, _ in
                .giveBack(reason: try fields.text("reason"))
            },
            change("publish", "publishPostmortem", "Reviewed by a second person, published and locked.", []) { _, _, _ in
                .publish
            },
        ]
    }

    // MARK: Forms

    static func section(_ text: String) throws(Refusal) -> Postmortem.Section {
        guard let section = Postmortem.Section(rawValue: text) else {
            throw Refusal(
                .invalid, reason: "request.member",
                "section is one of \(Postmortem.Section.allCases.map(\.rawValue).joined(separator: ", ")).",
                facts: ["field": "section"])
        }
        return section
    }

    static func day(_ text: String) throws(Refusal) -> CivilDate {
        guard let day = CivilDate(text) else {
            throw Refusal(
                .invalid, reason: "request.member", "due is a date, such as 2026-12-24.", facts: ["field": "due"])
        }
        return day
    }

    static func ending(_ text: String) throws(Refusal) -> Postmortem.Action.State {
        guard let state = Postmortem.Action.State(rawValue: text), state != .open else {
            throw Refusal(.invalid, reason: "request.member", "as is done or dropped.", facts: ["field": "as"])
        }
        return state
    }

    static func view(_ found: Postmortems.Told, on today: CivilDate, isWhole: Bool) -> JSONValue {
        let (row, state) = (found.row, found.state)
        var object: JSONObject = [
            "id": JSONValue(row.id), "state": .string(row.state), "incidents": .array(found.incidents.map { JSONValue($0) }),
            "numbers": .array((state.facts["incidents"]?.array ?? []).compactMap { $0["number"] }),
            "draftedBy": JSONValue(row.draftedBy), "draftedAt": JSONValue(row.draftedAt),
            "publishedAt": JSONValue(row.publishedAt), "openActions": JSONValue(state.actions.count { $0.state == .open }),
            "overdueActions": JSONValue(state.actions.count { $0.isOverdue(on: today) }),
        ]
        guard isWhole else { return .object(object) }
        object["missing"] = .array(state.missing.map { .string($0.rawValue) })
        object["returnedBecause"] = state.returnedBecause.isEmpty ? .null : .string(state.returnedBecause)
        object["publishedBy"] = JSONValue(state.publishedBy)
        object["hash"] = state.hash.isEmpty ? .null : .string(state.hash)
        object["sections"] = state.locked["sections"]
        object["actions"] = .array(state.actions.map(\.json))
        object["facts"] = state.facts
        return .object(object)
    }
}
