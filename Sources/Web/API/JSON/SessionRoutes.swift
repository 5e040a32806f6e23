internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// Signing in and out through the API, and who one is.
struct SessionRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    private static let object: JSONValue = ["type": "object"]

    var all: [Route] {
        [
            Route(
                .post, "/api/v1/sessions", access: .open,
                documentation: RouteDocumentation(
                    "signIn", "Opens a session; its token is sent as a bearer.",
                    requestSchema: [
                        "type": "object", "required": ["email", "password"], "additionalProperties": false,
                        "properties": ["email": ["type": "string"], "password": ["type": "string"]],
                    ], responseSchema: SessionRoutes.object, responseStatus: 201, problems: [400]), bodyBytesMax: 16_384
            ) { [services] request in
                let fields = try BodyFields(try request.strictJSON(), known: ["email", "password"])
                let opened = try await services.signingIn.signIn(
                    email: try fields.text("email"), password: try fields.text("password"))
                return .json(
                    [
                        "token": .string(opened.token.text), "expiresInSeconds": JSONValue(SigningIn.absoluteSeconds),
                        "name": .string(opened.identity.person.name),
                    ],
                    status: 201)
            },
            Route(
                .delete, "/api/v1/sessions/current", access: .signedIn,
                documentation: RouteDocumentation("signOut", "Ends this session.", responseSchema: SessionRoutes.object)
            ) { [services] request in
                let visitor = try await services.access.visitor(request)
                try await services.signingIn.signOut(visitor.identity)
                return .json(["status": "ended"])
            },
            Route(
                .get, "/api/v1/me", access: .signedIn,
                documentation: RouteDocumentation(
                    "whoAmI", "The person behind the request, and where they may do what.", responseSchema: SessionRoutes.object)
            ) { [services] request in
                let visitor = try await services.access.visitor(request)
                var places: [JSONValue] = []
                for row in try await services.access.visibleScopes(visitor) {
                    let node = try await services.access.node(of: row)
                    let held = visitor.authority.permissions(in: node, at: services.clock.now).map(\.rawValue).sorted()
                    places.append([
                        "scope": .string(row.slug), "kind": .string(row.kind), "name": .string(row.name),
                        "roles": .array(
                            visitor.authority.roleNames(in: node, at: services.clock.now).sorted().map(JSONValue.string)),
                        "permissions": .array(held.map(JSONValue.string)),
                    ])
                }
                return .json([
                    "id": JSONValue(visitor.identity.person.id), "name": .string(visitor.name),
                    "email": .string(visitor.identity.person.email),
                    "scopes": .array(places),
                ])
            },
        ]
    }
}
