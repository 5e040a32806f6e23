internal import Flow
package import Kernel
internal import Records
internal import Tenancy
package import WebKernel

/// All routes of the product in one table.
package struct RouteBook: Sendable {
    package let routes: [Route]

    package init(_ services: Services, handoff: HandoffRoutes?) {
        var routes: [Route] = []
        routes += OpenRoutes(services).all
        routes += SessionRoutes(services).all
        routes += AccountRoutes(services).all
        routes += PeopleRoutes(services).all
        routes += RunRoutes(services).all
        routes += RequestRoutes(services).all
        routes += BulkRoutes(services).all
        routes += EventRoutes(services).all
        routes += PaymentRoutes(services).all
        routes += DocumentRoutes(services).all
        routes += ServiceRoutes(services).all
        routes += BudgetRoutes(services).all
        routes += ContractRoutes(services).all
        routes += MaintenanceRoutes(services).all
        routes += HeartbeatRoutes(services).all
        routes += ReportRoutes(services).all
        routes += CreditRoutes(services).all
        routes += DelegationRoutes(services).all
        routes += IncidentRoutes(services).all
        routes += PostmortemRoutes(services).all
        routes += RunbookRoutes(services).all
        routes += StopRoutes(services).all
        routes += OnCallRoutes(services).all
        routes += InboundRoutes(services).all
        routes += OperationRoutes(services).all
        routes += AuditRoutes(services).all
        routes += EvidenceRoutes(services).all
        routes += RetentionRoutes(services).all
        routes += ConfigurationRoutes(services).all
        routes += BrandRoutes(services).all
        routes += StatusRoutes(services).all
        routes += StatusSubscriberRoutes(services).all
        routes += WebhookRoutes(services).all
        routes += IdentityRoutes(services).all
        routes += OnboardingRoutes(services).all
        routes += TenantLifeRoutes(services).all
        routes += RolloutRoutes(services).all
        routes += ScheduleRoutes(services).all
        routes += DecisionRoutes(services).all
        routes += GuardrailRoutes(services).all
        routes += PageRoutes(services).all
        if let handoff { routes += handoff.all }
        let document = OpenAPIDocument.json(of: routes)
        routes.append(
            Route(
                .get, "/api/v1/openapi.json", access: .open,
                documentation: RouteDocumentation("openapi", "This document.", responseSchema: ["type": "object"])
            ) { _ in
                .json(document)
            })
        self.routes = routes
    }

    package var table: RouteTable { RouteTable(routes) }

    /// What anybody may ask, signed in or not; a route that is open and not named here stops the server from starting.
    static let openToAll: Set<String> = [
        "GET /api/v1/openapi.json", "GET /assets/{name}", "GET /brand/{name}", "GET /brand-files/{name}", "GET /healthz",
        "GET /metrics", "GET /readyz",
        // They send people to their organisation's identity provider and take them back; only what it signs opens anything.
        "GET /sign-in/organisation", "POST /sign-in/organisation", "GET /t/{tenant}/sign-in", "GET /t/{tenant}/sign-in/with",
        "GET /t/{tenant}/sign-in/back",
        "GET /sign-in", "POST /sign-in", "GET /sign-in/code", "POST /sign-in/code", "GET /welcome", "POST /welcome",
        // They show a version to whoever has a link that was sealed for it, and nothing else.
        "GET /brand-preview/{token}/{page}", "GET /brand-preview/{token}/style.css",
        // Their address is the secret, and their owner says who may open it.
        "GET /status/{address}", "GET /status/{address}/feed.json", "GET /status/{address}/status.json",
        "POST /status/{address}/subscribers",
        // Their token was sent to the address that it is about.
        "GET /status-mail/{token}", "POST /status-mail/{token}",
        // They know their caller by a key of their own.
        "GET /api/v1/beats/{receiver}/{job}/{secret}", "POST /api/v1/beats/{receiver}/{job}/{secret}",
        "POST /api/v1/inbound/{receiver}/v2/enqueue", "POST /api/v1/inbound/{receiver}/alertmanager",
        "POST /api/v1/sessions", "POST /api/v1/sessions/second-factor", "POST /api/v1/sessions/link",
    ]

    /// Refuses a table in which a route does not say, in a permission that exists, who may call it. Asked before the server
    /// listens.
    package static func check(_ routes: [Route]) throws(Refusal) {
        for route in routes {
            let name = "\(route.method.rawValue) \(route.pattern)"
            let problem: String?
            switch route.access {
            case .permission(let permission):
                problem = Permission(rawValue: permission) == nil ? "asks for \(permission), which is no permission" : nil
            case .open: problem = openToAll.contains(name) ? nil : "is open to everybody and not among those that are meant to be"
            case .worker: problem = "is for workers and belongs on their socket"
            case .signedIn:
                // A tenant's start page only leads on to the first page that the person may see.
                problem =
                    route.pattern.contains("{tenant}") && route.pattern != "/t/{tenant}"
                    ? "enters a tenant without a permission" : nil
            }
            if let problem { throw Refusal(.invalid, reason: "route.access", "\(name) \(problem).") }
        }
    }
}

extension Services {
    /// A reading route inside a tenant: `/api/v1/tenants/{tenant}/…`.
    func reading(
        _ pattern: String, _ permission: Permission, _ documentation: RouteDocumentation,
        _ handle: @escaping @Sendable (WebRequest, TenantContext) async throws -> JSONValue
    ) -> Route {
        let access = access
        return Route(
            .get, "/api/v1/tenants/{tenant}/\(pattern)", access: .permission(permission.rawValue), documentation: documentation
        ) { request in
            let context = try await access.enter(request, slug: try request.parameter("tenant"), permission: permission)
            return .json(try await handle(request, context))
        }
    }

    /// A writing route inside a tenant; wants an `Idempotency-Key` and keeps the answer under it.
    func writing(
        method: WebMethod = .post, _ pattern: String, _ permission: Permission, _ documentation: RouteDocumentation,
        _ handle: @escaping @Sendable (WebRequest, JSONValue, TenantContext) async throws -> (status: Int, body: JSONValue)
    ) -> Route {
        let (access, idempotency) = (access, idempotency)
        let full = "/api/v1/tenants/{tenant}/\(pattern)"
        return Route(method, full, access: .permission(permission.rawValue), documentation: documentation.keyed) { request in
            let context = try await access.enter(request, slug: try request.parameter("tenant"), permission: permission)
            let body = try request.body.isEmpty ? JSONValue.object([:]) : request.strictJSON()
            let key = try Services.idempotencyKey(request)
            let answer = try await idempotency.once(
                key: key, route: "\(method.rawValue) \(full)", tenant: context.scope.id,
                principal: context.visitor.identity.person.id,
                request: Array(request.path.utf8) + [0] + request.body
            ) {
                let (status, body) = try await handle(request, body, context)
                assert(documentation.tells(of: status), "\(full) answers \(status), and its documentation does not say so")
                return .init(status: status, body: body)
            }
            return .json(answer.body, status: answer.status)
        }
    }

    /// A writing route whose answer is a secret or nothing: no answer is kept, so it takes no idempotency key.
    func acting(
        _ method: WebMethod, _ pattern: String, _ permission: Permission, _ documentation: RouteDocumentation,
        _ handle: @escaping @Sendable (WebRequest, TenantContext) async throws -> JSONValue
    ) -> Route {
        let access = access
        return Route(
            method, "/api/v1/tenants/{tenant}/\(pattern)", access: .permission(permission.rawValue), documentation: documentation,
            bodyBytesMax: 16_384
        ) { request in
            let context = try await access.enter(request, slug: try request.parameter("tenant"), permission: permission)
            return .json(try await handle(request, context), status: documentation.responseStatus)
        }
    }

    static func idempotencyKey(_ request: WebRequest) throws(Refusal) -> String {
        guard let key = request.headers["idempotency-key"] else {
            throw Refusal(
                .invalid, reason: "idempotency.missing",
                "Send an Idempotency-Key: a new one for a new act, the same one for a repetition.")
        }
        return key
    }
}

/// Reading a posted JSON body: closed, so that a misspelt member is an error and not a surprise.
struct BodyFields {
    private let object: JSONObject

    init(_ json: JSONValue, known: [String]) throws(Refusal) {
        guard let object = json.object else { throw Refusal(.invalid, reason: "request.shape", "The body is a JSON object.") }
        for member in object where !known.contains(where: { sameBytes($0, member.key) }) {
            throw Refusal(
                .invalid, reason: "request.unknown",
                "The body has an unknown member \(member.key); "
                    + (known.isEmpty ? "it takes none." : "known are \(known.joined(separator: ", "))."),
                facts: ["field": member.key])
        }
        self.object = object
    }

    func text(_ name: String) throws(Refusal) -> String {
        guard let value = object[name]?.string, !value.isEmpty else {
            throw Refusal(.invalid, reason: "request.member", "\(name) is missing or no text.", facts: ["field": name])
        }
        return value
    }

    func textIfAny(_ name: String) throws(Refusal) -> String? {
        switch object[name] {
        case nil, .null?: return nil
        case .string(let value)?: return value
        default: throw Refusal(.invalid, reason: "request.member", "\(name) is no text.", facts: ["field": name])
        }
    }
}

/// One page of a list: `limit` and the opaque `cursor` of the page before.
struct PageRequest {
    static let limitDefault = 50
    static let limitMax = 200

    let limit: Int
    let cursor: (at: Moment, id: String)?

    init(_ request: WebRequest) throws(Refusal) {
        let wanted = request.query("limit")
        let limit = wanted.map { Int($0) ?? 0 } ?? PageRequest.limitDefault
        guard (1...PageRequest.limitMax).contains(limit) else {
            throw Refusal(
                .invalid, reason: "page.limit", "limit is a whole number from 1 to \(PageRequest.limitMax).",
                facts: ["field": "limit"])
        }
        self.limit = limit
        guard let text = request.query("cursor") else {
            cursor = nil
            return
        }
        let parts = text.split(separator: "_")
        guard parts.count == 2, let micros = Int64(parts[0]) else {
            throw Refusal(.invalid, reason: "page.cursor", "This cursor was not made by this list.", facts: ["field": "cursor"])
        }
        cursor = (Moment(microseconds: micros), String(parts[1]))
    }

    func position<S>(_ kind: ID<S>.Type = ID<S>.self) throws(Refusal) -> (Moment, ID<S>)? {
        guard let cursor else { return nil }
        guard let id = ID<S>(cursor.id) else {
            throw Refusal(.invalid, reason: "page.cursor", "This cursor was not made by this list.", facts: ["field": "cursor"])
        }
        return (cursor.at, id)
    }

    /// The list with the cursor of its next page, when it filled its limit.
    func answer<S>(_ items: [JSONValue], last: (Moment, ID<S>)?) -> JSONValue {
        var body: JSONObject = ["items": .array(items)]
        if items.count == limit, let last { body["next"] = .string("\(last.0.microseconds)_\(last.1.text)") }
        return .object(body)
    }

    static let parameters = [
        RouteDocumentation.Parameter("limit", "Items on the page.", schema: ["type": "integer", "minimum": 1, "maximum": 200]),
        RouteDocumentation.Parameter("cursor", "`next` of the page before."),
    ]
}
