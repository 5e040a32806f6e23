internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// Running the house: tenants and their counts, workers, connections, people, and the live feed.
struct OperationRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        let looking = services.looking
        return [
            tenants,
            services.reading(
                "summary", .serviceRead,
                RouteDocumentation("getSummary", "The tenant's counts.", responseSchema: OperationRoutes.object)
            ) { _, context in
                Views.summary(try await looking.summary(context.scope.id))
            },
            services.reading(
                "workers", .workersRead,
                RouteDocumentation("listWorkers", "The tenant's worker process.", responseSchema: OperationRoutes.object)
            ) { _, context in
                [
                    "items": .array(
                        try await looking.worker(context.scope.id).map { [Views.worker($0, name: context.scope.slug)] } ?? [])
                ]
            },
            services.reading(
                "connections", .connectionsRead,
                RouteDocumentation(
                    "listConnections", "The tenant's connections, without secrets.", responseSchema: OperationRoutes.object)
            ) { [services] _, context in
                let rows = try await services.assets.current(for: context.scope.id).all("connection")
                return [
                    "items": .array(
                        rows.map {
                            [
                                "name": .string($0.name), "version": .string($0.version),
                                "connector": $0.content["connector"] ?? .null,
                                "baseUrl": $0.content["baseUrl"] ?? $0.content["baseURL"] ?? .null,
                            ]
                        })
                ]
            },
            services.writing(
                "connections/{name}/test", .connectionsTest,
                RouteDocumentation(
                    "testConnection", "Asks the tenant's worker to reach the connection and read one page. Writes nothing.",
                    responseSchema: OperationRoutes.object, problems: [400, 409, 422, 503])
            ) { [services] request, _, context in
                let name = try request.parameter("name")
                guard try await services.assets.current(for: context.scope.id).row("connection", name) != nil else {
                    throw Refusal.notFound
                }
                switch try await services.asking.testConnection(name, tenant: context.scope.id) {
                case .output(let output):
                    if output["reached"]?.bool ?? true {
                        try await services.onboardings.noteTest(of: name, by: context.actor.person, in: context.scope.id)
                    }
                    return (200, output)
                case .failed(let code, let message):
                    return (200, ["reached": false, "code": .string(code), "message": .string(message)])
                }
            },
        ] + records
    }

    private var records: [Route] {
        let looking = services.looking
        return [
            services.reading(
                "people", .peopleRead,
                RouteDocumentation("listPeople", "The tenant's people and their roles.", responseSchema: OperationRoutes.object)
            ) { _, context in
                let rows = try await looking.people(context.scope.id)
                return [
                    "items": .array(
                        rows.map { row in
                            [
                                "id": JSONValue(row.id), "name": .string(row.name), "email": .string(row.email),
                                "state": .string(row.state),
                                "roles": .array((row.roles["grants"]?.array ?? []).compactMap { $0["role"] }),
                            ]
                        })
                ]
            },
            events,
        ]
    }

    private var tenants: Route {
        Route(
            .get, "/api/v1/tenants", access: .signedIn,
            documentation: RouteDocumentation(
                "listTenants", "The tenants you belong to or look after, with their counts.",
                responseSchema: OperationRoutes.object)
        ) { [services] request in
            let visitor = try await services.access.visitor(request)
            let rows = try await services.access.visibleScopes(visitor).filter { $0.kind == "tenant" }
            var items: [JSONValue] = []
            for row in rows {
                let node = try await services.access.node(of: row)
                let seesCounts = visitor.authority.permits(.serviceRead, in: node, at: services.clock.now)
                items.append([
                    "slug": .string(row.slug), "name": .string(row.name), "state": .string(row.state),
                    "summary": seesCounts ? Views.summary(try await services.looking.summary(row.id)) : .null,
                ])
            }
            return .json(["items": .array(items)])
        }
    }

    /// Server-sent events: what changed, by id, resumable with `Last-Event-ID`; a comment every 15 s keeps the line open.
    private var events: Route {
        Route(
            .get, "/api/v1/tenants/{tenant}/events", access: .permission(Permission.serviceRead.rawValue),
            documentation: RouteDocumentation(
                "streamEvents", "Live feed as server-sent events, each with an id, a name and JSON data.",
                responseSchema: ["type": "object"],
                responseTypes: ["text/event-stream"])
        ) { [services] request in
            let context = try await services.access.enter(
                request, slug: try request.parameter("tenant"), permission: .serviceRead)
            let tenant = context.scope.id
            let start: Int64
            if let last = request.headers["last-event-id"], let position = Int64(last) {
                start = position
            } else {
                start = try await services.looking.feedPosition(tenant)
            }
            return WebResponse(
                status: 200,
                headers: WebHeaders([
                    (name: "Content-Type", value: "text/event-stream"), (name: "Cache-Control", value: "no-store"),
                    (name: "X-Accel-Buffering", value: "no"),
                ]),
                body: .stream { writer in
                    var position = start
                    var sinceBeat: Int64 = 0
                    try await writer.write("retry: 2000\n: open\n\n")
                    while !Task.isCancelled {
                        let items = try await services.looking.feed(tenant, after: position)
                        for item in items {
                            position = item.id
                            let data: JSONValue = .object([
                                "topic": .string(item.topic), "at": JSONValue(item.at), "run": item.run.map { JSONValue($0) },
                            ])
                            try await writer.write("id: \(item.id)\nevent: change\ndata: \(data.text)\n\n")
                        }
                        if items.isEmpty {
                            sinceBeat += 1
                            if sinceBeat >= 15 {
                                sinceBeat = 0
                                try await writer.write(": beat\n\n")
                            }
                            try await Task.sleep(for: .seconds(1))
                        }
                    }
                })
        }
    }
}
