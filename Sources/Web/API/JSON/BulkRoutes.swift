internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Operations: one act on many runs or dead letters, shown first and confirmed by its hash.
struct BulkRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    /// The same routes twice: those who may only try dead work again need not be able to manage runs.
    private struct Door: Sendable {
        let path: String
        let permission: Permission
        let kinds: [Operating.Kind]
        /// Distinguishes the names of the operations in the published document.
        let suffix: String
    }

    private static let doors = [
        Door(
            path: "operations", permission: .runsManage, kinds: [.pause, .resume, .cancel, .migrate, .discard],
            suffix: "Operation"),
        Door(path: "retries", permission: .tasksRetry, kinds: [.retry], suffix: "Retry"),
    ]

    var all: [Route] {
        BulkRoutes.doors.flatMap { door in
            [preview(door), list(door), single(door), items(door), confirm(door), withdraw(door)]
        } + [versions]
    }

    /// The kinds that this person may see or do here.
    static func kinds(_ context: TenantContext) -> [Operating.Kind] {
        doors.filter { context.may($0.permission) }.flatMap(\.kinds)
    }

    // MARK: Asking

    private func preview(_ door: Door) -> Route {
        services.writing(
            door.path, door.permission,
            RouteDocumentation(
                "preview\(door.suffix)",
                "Shows what would be done to a selection, and why not to some of it. Nothing is done before it is confirmed.",
                requestSchema: [
                    "type": "object", "required": ["kind", "select"], "additionalProperties": false,
                    "properties": [
                        "kind": ["enum": .array(door.kinds.map { .string($0.rawValue) })],
                        "select": door.kinds == [.retry] ? BulkRoutes.letterSchema : BulkRoutes.runSchema,
                        "reason": ["type": "string"], "version": ["type": "string"],
                        "mapping": ["type": "object", "additionalProperties": ["type": "string"]],
                    ],
                ],
                responseSchema: BulkRoutes.object, responseStatus: 201, problems: [400, 404, 409, 413, 422])
        ) { [services] _, body, context in
            let row = try await services.operating.preview(
                try BulkRoutes.request(body, of: door.kinds), as: context.actor, scope: context.scope)
            return (201, try await view(row, context))
        }
    }

    private static let ids: JSONValue = [
        "type": "array", "items": ["type": "string"], "maxItems": JSONValue(Operating.itemsMax),
    ]
    private static let runSchema: JSONValue = [
        "type": "object", "additionalProperties": false,
        "properties": [
            "ids": ids, "phase": ["type": "string"], "workflow": ["type": "string"], "version": ["type": "string"],
            "q": ["type": "string"], "kind": ["type": "string"], "connection": ["type": "string"], "code": ["type": "string"],
            "run": ["type": "string"],
        ],
    ]
    private static let letterSchema: JSONValue = [
        "type": "object", "additionalProperties": false,
        "properties": [
            "ids": ids, "kind": ["type": "string"], "connection": ["type": "string"], "code": ["type": "string"],
            "run": ["type": "string"],
        ],
    ]

    static func request(_ body: JSONValue, of kinds: [Operating.Kind]) throws(Refusal) -> Operating.Request {
        let fields = try BodyFields(body, known: ["kind", "select", "reason", "version", "mapping"])
        let name = try fields.text("kind")
        guard let kind = Operating.Kind(rawValue: name), kinds.contains(kind) else {
            throw Refusal(
                .invalid, reason: "operation.kind",
                "There is no operation \(name) here; there are \(kinds.map(\.rawValue).joined(separator: ", ")).",
                facts: ["field": "kind"])
        }
        var request = Operating.Request(kind: kind)
        request.reason = try fields.textIfAny("reason")
        request.version = try fields.textIfAny("version")
        for member in body["mapping"]?.object ?? [:] {
            guard let goal = member.value.string else {
                throw Refusal(
                    .invalid, reason: "migration.mapping", "The mapping names a step for each step.",
                    facts: ["field": "mapping/\(member.key)"])
            }
            request.mapping[member.key] = goal
        }
        let select = body["select"] ?? [:]
        if kind.isAboutRuns {
            request.runs = try runFilter(select)
        } else {
            request.letters = try letterFilter(select)
        }
        return request
    }

    private static func runFilter(_ json: JSONValue) throws(Refusal) -> OperationQueries.RunFilter {
        let fields = try BodyFields(json, known: ["ids", "phase", "workflow", "version", "q"])
        var filter = OperationQueries.RunFilter()
        filter.phases = try RunRoutes.phases(try fields.textIfAny("phase"))
        filter.workflow = try fields.textIfAny("workflow")
        filter.version = try fields.textIfAny("version")
        filter.search = try fields.textIfAny("q")
        filter.ids = try identifiers(json["ids"])
        return filter
    }

    private static func letterFilter(_ json: JSONValue) throws(Refusal) -> TaskQueries.DeadFilter {
        let fields = try BodyFields(json, known: ["ids", "kind", "connection", "code", "run"])
        return TaskQueries.DeadFilter(
            kind: try fields.textIfAny("kind"), connection: try fields.textIfAny("connection"),
            code: try fields.textIfAny("code"), run: try identifier(fields.textIfAny("run"), "run"),
            ids: try identifiers(json["ids"]))
    }

    static func identifier<S>(_ text: String?, _ field: String) throws(Refusal) -> ID<S>? {
        guard let text else { return nil }
        guard let id = ID<S>(text) else {
            throw Refusal(.invalid, reason: "request.id", "\(text.prefix(60)) is no id.", facts: ["field": "select/\(field)"])
        }
        return id
    }

    private static func identifiers<S>(_ json: JSONValue?) throws(Refusal) -> [ID<S>]? {
        guard let json, !json.isNull else { return nil }
        guard let items = json.array, items.count <= Operating.itemsMax else {
            throw Refusal(
                .tooLarge, reason: "operation.size", "ids is a list of at most \(Operating.itemsMax).",
                facts: ["field": "select/ids"])
        }
        var out: [ID<S>] = []
        for item in items {
            guard let id: ID<S> = try identifier(item.string ?? "?", "ids") else { continue }
            out.append(id)
        }
        return out
    }

    // MARK: Looking

    private func list(_ door: Door) -> Route {
        services.reading(
            door.path, door.permission,
            RouteDocumentation(
                door.path == "retries" ? "listRetries" : "list\(door.suffix)s", "Operations, newest first.",
                parameters: PageRequest.parameters,
                responseSchema: BulkRoutes.object, problems: [400])
        ) { [services] request, context in
            let page = try PageRequest(request)
            let rows = try await services.operating.page(
                context.scope.id, kinds: door.kinds, before: try page.position(OperationID.self), limit: page.limit)
            let progress = try await services.operating.progress(context.scope.id, of: rows.map(\.id))
            let names = try await names(context)
            return page.answer(
                rows.map {
                    Views.operation($0, progress[$0.id], names: names, seesPayload: context.may(.runsRead), at: context.now)
                },
                last: rows.last.map { ($0.madeAt, $0.id) })
        }
    }

    private func names(_ context: TenantContext) async throws -> [PersonID: String] {
        Dictionary(
            try await services.looking.people(context.scope.id).map { ($0.id, $0.name) },
            uniquingKeysWith: { first, _ in first })
    }

    /// The operation of the path, if it came through this door; another one is not found.
    private func operation(_ request: WebRequest, _ door: Door, _ context: TenantContext) async throws -> OperationRow {
        let row = try await services.operating.find(try request.id(), scope: context.scope)
        guard door.kinds.contains(where: { $0.rawValue == row.kind }) else { throw Refusal.notFound }
        return row
    }

    private func view(_ row: OperationRow, _ context: TenantContext) async throws -> JSONValue {
        let progress = try await services.operating.progress(context.scope.id, of: [row.id])
        return Views.operation(
            row, progress[row.id], names: try await names(context), seesPayload: context.may(.runsRead), at: context.now)
    }

    private func single(_ door: Door) -> Route {
        services.reading(
            "\(door.path)/{id}", door.permission,
            RouteDocumentation(
                "get\(door.suffix)", "One operation: what was shown, and how far it is.", responseSchema: BulkRoutes.object)
        ) { request, context in try await view(try await operation(request, door, context), context) }
    }

    private func items(_ door: Door) -> Route {
        services.reading(
            "\(door.path)/{id}/items", door.permission,
            RouteDocumentation(
                "list\(door.suffix)Items", "What became of each item, in order.",
                parameters: [
                    .init("state", "Only these.", schema: ["enum": ["waiting", "done", "refused", "left"]]),
                    .init("after", "Only items after this number.", schema: ["type": "integer"]),
                ], responseSchema: BulkRoutes.object, problems: [400])
        ) { [services] request, context in
            let row = try await operation(request, door, context)
            let state = request.query("state")
            guard state.map({ ["waiting", "done", "refused", "left"].contains($0) }) ?? true else {
                throw Refusal(.invalid, reason: "operation.state", "There is no such state.", facts: ["field": "state"])
            }
            guard let after = Int32(request.query("after") ?? "-1") else {
                throw Refusal(.invalid, reason: "operation.after", "after is a whole number.", facts: ["field": "after"])
            }
            let items = try await services.operating.items(
                context.scope.id, row.id, state: state, after: after, limit: Looking.pageMax)
            return .object([
                "items": .array(items.map { Views.item($0, of: row, seesPayload: context.may(.runsRead)) }),
                "next": items.count == Looking.pageMax ? items.last.map { JSONValue(Int($0.ordinal)) } : nil,
            ])
        }
    }

    private var versions: Route {
        services.reading(
            "versions", .runsRead,
            RouteDocumentation(
                "listOpenVersions", "How many unfinished runs go by which version of which workflow.",
                responseSchema: BulkRoutes.object)
        ) { [services] _, context in
            [
                "items": .array(
                    try await services.looking.openVersions(context.scope.id).map { one in
                        [
                            "workflow": .string(one.workflow), "version": .string(one.version), "runs": JSONValue(one.count),
                            "oldest": JSONValue(one.oldest),
                        ]
                    })
            ]
        }
    }

    // MARK: Settling

    private func confirm(_ door: Door) -> Route {
        services.writing(
            "\(door.path)/{id}/confirm", door.permission,
            RouteDocumentation(
                "confirm\(door.suffix)", "Does what was shown; the hash says what that was.",
                requestSchema: [
                    "type": "object", "required": ["hash"], "properties": ["hash": ["type": "string"]],
                    "additionalProperties": false,
                ],
                responseSchema: BulkRoutes.object, problems: [400, 403, 404, 409, 412])
        ) { [services] request, body, context in
            let fields = try BodyFields(body, known: ["hash"])
            let row = try await operation(request, door, context)
            let after = try await services.operating.confirm(
                row.id, hash: try fields.text("hash"), as: context.actor, scope: context.scope)
            return (202, try await view(after, context))
        }
    }

    private func withdraw(_ door: Door) -> Route {
        services.writing(
            "\(door.path)/{id}/withdraw", door.permission,
            RouteDocumentation(
                "withdraw\(door.suffix)", "Puts a preview away that nobody has confirmed.", responseSchema: BulkRoutes.object,
                problems: [400, 404, 409])
        ) { [services] request, body, context in
            _ = try BodyFields(body, known: [])
            let row = try await operation(request, door, context)
            return (
                200,
                try await view(try await services.operating.withdraw(row.id, as: context.actor, scope: context.scope), context)
            )
        }
    }
}

extension Views {
    static func operation(
        _ row: OperationRow, _ progress: Operating.Progress?, names: [PersonID: String], seesPayload: Bool, at now: Moment
    ) -> JSONValue {
        var preview = row.preview.object ?? [:]
        if !seesPayload {
            preview["examples"] = nil
            preview["amounts"] = nil
        }
        return .object([
            "id": JSONValue(row.id), "kind": .string(row.kind), "state": .string(state(row, progress, at: now)),
            "hash": .string(row.hash),
            "needsSecondPerson": .bool(row.needsSecond), "parameters": row.parameters, "select": row.selection,
            "preview": .object(preview), "progress": progress.map(Views.progress),
            "madeBy": .string(names[row.madeBy] ?? "an engineer"), "madeAt": JSONValue(row.madeAt),
            "expiresAt": row.state == "previewed" ? JSONValue(row.expiresAt) : nil,
            "settledBy": row.settledBy.map { .string(names[$0] ?? "an engineer") },
            "settledAt": row.settledAt.map { JSONValue($0) },
        ])
    }

    /// `previewed`, `expired`, `withdrawn`, `running` or `finished`.
    static func state(_ row: OperationRow, _ progress: Operating.Progress?, at now: Moment) -> String {
        guard row.state == "confirmed" else { return row.state == "previewed" && now >= row.expiresAt ? "expired" : row.state }
        return (progress?.waiting ?? 0) > 0 ? "running" : "finished"
    }

    private static func progress(_ progress: Operating.Progress) -> JSONValue {
        [
            "total": JSONValue(progress.total), "left": JSONValue(progress.left), "waiting": JSONValue(progress.waiting),
            "done": JSONValue(progress.done), "refused": JSONValue(progress.refused),
        ]
    }

    static func item(_ item: OperationItemRow, of row: OperationRow, seesPayload: Bool) -> JSONValue {
        let refused = item.answer?["refused"]
        let state =
            item.obstacle != nil
            ? "left" : refused != nil ? "refused" : item.answer != nil ? "done" : row.state == "confirmed" ? "waiting" : "shown"
        return .object([
            "number": JSONValue(Int(item.ordinal)), "run": item.run.map { JSONValue($0) },
            "task": item.task.map { JSONValue($0) }, "subject": seesPayload ? .string(item.subject) : nil,
            "risk": .string(item.risk), "state": .string(state), "obstacle": item.obstacle,
            "refused": refused.map { ["reason": $0["reason"] ?? .null, "message": $0["message"] ?? .null] },
            "answer": refused == nil ? item.answer : nil,
        ])
    }
}
