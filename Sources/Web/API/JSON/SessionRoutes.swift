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

    /// `isPending`: the second factor is still to come, and the token opens nothing until then.
    private func answer(_ opened: SigningIn.Opened) -> JSONValue {
        let seconds = opened.isPending ? SigningIn.pendingSeconds : services.signingIn.sessionSeconds
        return [
            "token": .string(opened.token.text), "expiresInSeconds": JSONValue(seconds), "isPending": .bool(opened.isPending),
            "name": .string(opened.identity.person.name),
        ]
    }

    var all: [Route] { entering + present }

    /// What nobody has to be signed in for besides giving a password.
    private var steps: [Route] {
        [
            Route(
                .post, "/api/v1/sessions/second-factor", access: .open,
                documentation: RouteDocumentation(
                    "giveSecondFactor",
                    "Finishes a sign-in that waits for its second factor: by a code of the app, or a recovery code.",
                    requestSchema: Shapes.body(["token": "text", "code": "text"]), responseSchema: SessionRoutes.object,
                    responseStatus: 201, problems: [400]), bodyBytesMax: 16_384
            ) { [services] request in
                let fields = try BodyFields(try request.strictJSON(), known: ["token", "code"])
                let opened = try await services.signingIn.prove(
                    pending: try fields.text("token"), code: try fields.text("code"), from: Access.caller(request))
                return .json(answer(opened), status: 201)
            },
            Route(
                .post, "/api/v1/sessions/link", access: .open,
                documentation: RouteDocumentation(
                    "useLink", "Sets a password by a one-time link. It opens no session.",
                    requestSchema: Shapes.body(["link": "text", "password": "text"]), responseSchema: SessionRoutes.object,
                    problems: [400, 422]), bodyBytesMax: 16_384
            ) { [services] request in
                let fields = try BodyFields(try request.strictJSON(), known: ["link", "password"])
                try await services.signingIn.useLink(try fields.text("link"), password: try fields.text("password"))
                return .json(["status": "set"])
            },
        ]
    }

    private var entering: [Route] {
        [
            Route(
                .post, "/api/v1/sessions", access: .open,
                documentation: RouteDocumentation(
                    "signIn", "Opens a session; its token is sent as a bearer.",
                    requestSchema: Shapes.body(["email": "text", "password": "text"]), responseSchema: SessionRoutes.object,
                    responseStatus: 201, problems: [400]), bodyBytesMax: 16_384
            ) { [services] request in
                let fields = try BodyFields(try request.strictJSON(), known: ["email", "password"])
                let opened = try await services.signingIn.signIn(
                    email: try fields.text("email"), password: try fields.text("password"), from: Access.caller(request))
                return .json(answer(opened), status: 201)
            }
        ] + steps
    }

    private var present: [Route] {
        [
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
