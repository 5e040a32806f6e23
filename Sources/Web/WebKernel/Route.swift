package import Kernel

/// Who may call a route. Every route states it; there is no default.
package enum RouteAccess: Sendable, Hashable {
    /// Anybody, signed in or not: the sign-in page, health, static files.
    case open
    /// Any signed-in person, for what is theirs alone: signing out, preferences.
    case signedIn
    /// A person holding this permission in the scope of the request (the raw name of a `Tenancy.Permission`).
    case permission(String)
    /// A worker's session token (the handoff socket only).
    case worker
}

/// How a route is shown to integrators; the OpenAPI document is made of these.
package struct RouteDocumentation: Sendable {
    package struct Parameter: Sendable {
        package let name: String
        package let place: String
        package let description: String
        package let isRequired: Bool
        package let schema: JSONValue

        package init(
            _ name: String, in place: String = "query", _ description: String, isRequired: Bool = false,
            schema: JSONValue = ["type": "string"]
        ) {
            self.name = name
            self.place = place
            self.description = description
            self.isRequired = isRequired
            self.schema = schema
        }
    }

    package let operation: String
    package let summary: String
    package let parameters: [Parameter]
    package let requestSchema: JSONValue?
    package let requestType: String
    package let responseSchema: JSONValue?
    package let responseStatus: Int
    /// Other statuses of good answers.
    package let otherStatuses: [Int]
    /// Empty for the usual one: JSON, or for a schema of text or bytes what those have.
    package let responseTypes: [String]
    /// Codes of problems that this route may answer besides 401, 403, 404, 429 and 500.
    package private(set) var problems: [Int]
    /// It wants an `Idempotency-Key`.
    package private(set) var takesKey = false

    /// The same of a route that wants an `Idempotency-Key`: one in use is a conflict, one of another request is refused.
    package var keyed: RouteDocumentation {
        var out = self
        out.takesKey = true
        out.problems += [409, 422].filter { !problems.contains($0) }
        return out
    }

    /// Whether a good answer may have that status; 202 where a command waits for its lane.
    package func tells(of status: Int) -> Bool { ([responseStatus, 202] + otherStatuses).contains(status) }

    package init(
        _ operation: String, _ summary: String, parameters: [Parameter] = [], requestSchema: JSONValue? = nil,
        requestType: String = "application/json", responseSchema: JSONValue? = nil, responseStatus: Int = 200,
        otherStatuses: [Int] = [], responseTypes: [String] = [], problems: [Int] = []
    ) {
        self.operation = operation
        self.summary = summary
        self.parameters = parameters
        self.requestSchema = requestSchema
        self.requestType = requestType
        self.responseSchema = responseSchema
        self.responseStatus = responseStatus
        self.otherStatuses = otherStatuses
        self.responseTypes = responseTypes
        self.problems = problems
    }
}

/// One thing that the server answers.
package struct Route: Sendable {
    package let method: WebMethod
    /// `/api/v1/runs/{id}`; literal segments win over parameters.
    package let pattern: String
    package let access: RouteAccess
    /// Nil for pages and static files.
    package let documentation: RouteDocumentation?
    package let bodyBytesMax: Int
    package let handle: @Sendable (WebRequest) async throws -> WebResponse

    package init(
        _ method: WebMethod, _ pattern: String, access: RouteAccess, documentation: RouteDocumentation? = nil,
        bodyBytesMax: Int = 1_048_576,
        handle: @escaping @Sendable (WebRequest) async throws -> WebResponse
    ) {
        self.method = method
        self.pattern = pattern
        self.access = access
        self.documentation = documentation
        self.bodyBytesMax = bodyBytesMax
        self.handle = handle
    }
}

/// The routes by segment; a lookup walks the path once.
package struct RouteTable: Sendable {
    private final class Node: Sendable {
        let literals: [String: Node]
        let parameter: (name: String, node: Node)?
        let routes: [WebMethod: Route]

        init(_ entries: [(segments: ArraySlice<String>, route: Route)]) {
            var routes: [WebMethod: Route] = [:]
            var grouped: [String: [(segments: ArraySlice<String>, route: Route)]] = [:]
            for entry in entries {
                guard let head = entry.segments.first else {
                    precondition(
                        routes[entry.route.method] == nil, "two routes for \(entry.route.method.rawValue) \(entry.route.pattern)")
                    routes[entry.route.method] = entry.route
                    continue
                }
                grouped[head, default: []].append((segments: entry.segments.dropFirst(), route: entry.route))
            }
            var literals: [String: Node] = [:]
            var parameter: (name: String, node: Node)?
            for (head, rest) in grouped {
                if head.hasPrefix("{") {
                    precondition(parameter == nil, "two parameter names at one place: \(head)")
                    parameter = (name: String(head.dropFirst().dropLast()), node: Node(rest))
                } else {
                    literals[head] = Node(rest)
                }
            }
            self.literals = literals
            self.parameter = parameter
            self.routes = routes
        }
    }

    package enum Match: Sendable {
        case found(Route, parameters: [String: String])
        case wrongMethod(allowed: [WebMethod])
        case none
    }

    package let routes: [Route]
    private let root: Node

    package init(_ routes: [Route]) {
        self.routes = routes
        root = Node(routes.map { (segments: $0.pattern.split(separator: "/").map(String.init)[...], route: $0) })
    }

    package func match(_ method: WebMethod?, _ path: String) -> Match {
        var node = root
        var parameters: [String: String] = [:]
        for segment in path.split(separator: "/") {
            if let next = node.literals[String(segment)] {
                node = next
            } else if let (name, next) = node.parameter, let value = percentDecoded(segment.utf8, plusIsSpace: false) {
                parameters[name] = value
                node = next
            } else {
                return .none
            }
        }
        guard !node.routes.isEmpty else { return .none }
        guard let method, let route = node.routes[method] else {
            return .wrongMethod(allowed: node.routes.keys.sorted { $0.rawValue < $1.rawValue })
        }
        return .found(route, parameters: parameters)
    }
}
