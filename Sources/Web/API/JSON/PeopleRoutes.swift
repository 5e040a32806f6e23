internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// What is done for others: links, lost second factors, keys of machines.
struct PeopleRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] { [keys, link, explain] + SigningIn.Care.allCases.map(care) + machineKeys }

    private var link: Route {
        services.acting(
            .post, "people/{person}/link", .peopleManage,
            RouteDocumentation(
                "makeLink",
                "Makes a link by which a person sets a password, once, within a day. Hand it over yourself. Takes a fresh proof.",
                responseSchema: Shapes.object, responseStatus: 201)
        ) { [services] request, context in
            let person = try await services.person(try request.parameter("person"), in: context.scope)
            let token = try await services.signingIn.makeLink(
                for: person.id, in: context.scope.id, by: context.visitor.identity)
            return [
                "link": .string(token.text), "path": .string("/welcome?link=\(token.text)"),
                "endsInSeconds": JSONValue(SigningIn.linkSeconds),
            ]
        }
    }

    private var explain: Route {
        services.reading(
            "authz/explain", .peopleRead,
            RouteDocumentation(
                "explainAuthority",
                "Whether a person may do something here, which grant says so, or which condition is in the way.",
                parameters: [
                    .init("person", "Short name in the people file.", isRequired: true),
                    .init("action", "A permission, such as approvals.decide.", isRequired: true),
                    .init("entity", "Code of a legal entity, when the object belongs to one."),
                    .init("approval", "Id of an approval that waits; then duty separation and limits are asked too."),
                ], responseSchema: Shapes.object, problems: [400, 422])
        ) { [services] request, context in
            let approval = try request.query("approval").map { text throws in
                guard let id = TaskID(text) else { throw Refusal.notFound }
                return id
            }
            // What waits for a signature is a document's; who may not see it is not told about it.
            if approval != nil { try context.visitor.authority.require(.approvalsRead, in: context.node, at: context.now) }
            let person = try await services.person(request.query("person") ?? "", in: context.scope)
            return try await Explanation.make(
                services, person: person, permission: try Permission.named(request.query("action")),
                entity: request.query("entity"), approval: approval, context: context
            ).json
        }
    }

    private func care(_ deed: SigningIn.Care) -> Route {
        let words =
            switch deed {
            case .removeFactor: ("removeSecondFactor", "Takes a person's lost second factor away. Takes a fresh proof.")
            case .endSessions: ("endSessions", "Ends every session of a person. Takes a fresh proof.")
            case .unlink:
                (
                    "unlinkIdentity",
                    "Takes away the link of a person to an identity at the organisation's provider, and ends their sessions. "
                        + "Takes a fresh proof."
                )
            }
        return services.acting(
            .post, "people/{person}/\(deed.rawValue)", .peopleManage,
            RouteDocumentation(words.0, words.1, responseSchema: Shapes.object, problems: [409])
        ) { [services] request, context in
            let person = try await services.person(try request.parameter("person"), in: context.scope)
            try await services.signingIn.care(deed, for: person.id, in: context.scope.id, by: context.visitor.identity)
            return ["status": "done"]
        }
    }

    private var keys: Route {
        services.reading(
            "keys", .keysManage,
            RouteDocumentation(
                "listKeys", "Every API key of the tenant's people and machines; never their secrets.",
                responseSchema: Shapes.object)
        ) { [services] _, context in
            let names = try await services.looking.people(context.scope.id)
            let slugs = Dictionary(names.map { ($0.id, $0.slug) }, uniquingKeysWith: { first, _ in first })
            let now = services.clock.now
            return [
                "items": .array(
                    try await services.signingIn.keys(in: context.scope.id).map { row in
                        var members = Shapes.key(row, now).object ?? [:]
                        members["person"] = slugs[row.person].map(JSONValue.string)
                        return .object(members)
                    })
            ]
        }
    }

    private var machineKeys: [Route] {
        [
            services.acting(
                .post, "keys", .keysManage,
                RouteDocumentation(
                    "makeKey",
                    "Makes a key of a machine, a person without sign-in; its text is answered this once. Takes a fresh proof.",
                    requestSchema: Shapes.keyWish, responseSchema: Shapes.object, responseStatus: 201, problems: [400, 409, 422])
            ) { [services] request, context in
                let json = try request.strictJSON()
                let wish = try Shapes.wish(json, known: ["person"])
                guard let slug = json["person"]?.string else {
                    throw Refusal(
                        .invalid, reason: "request.member", "person is missing or no text.", facts: ["field": "person"])
                }
                let person = try await services.person(slug, in: context.scope)
                return Shapes.made(
                    try await services.signingIn.makeKey(
                        wish, for: person.id, in: context.scope.id, by: context.visitor.identity))
            },
            services.acting(
                .post, "keys/{id}/rotation", .keysManage,
                RouteDocumentation(
                    "rotateKey", "Makes the successor of a machine's key; the old one works on for a while. Takes a fresh proof.",
                    requestSchema: Shapes.overlap, responseSchema: Shapes.object, responseStatus: 201, problems: [400, 409])
            ) { [services] request, context in
                let machines = try await services.machines(of: context.scope)
                return Shapes.made(
                    try await services.signingIn.rotateKey(
                        try request.id(), in: context.scope.id, overlapHours: try Shapes.overlapHours(request),
                        by: context.visitor.identity
                    ) { machines.contains($0) })
            },
            services.acting(
                .delete, "keys/{id}", .keysManage,
                RouteDocumentation("revokeKey", "Ends any key of the tenant at once.", responseSchema: Shapes.object)
            ) { [services] request, context in
                try await services.signingIn.revokeKey(
                    try request.id(), in: context.scope.id, by: context.visitor.identity
                ) { _ in true }
                return ["status": "revoked"]
            },
        ]
    }
}

extension Permission {
    static func named(_ text: String?) throws(Refusal) -> Permission {
        guard let text, let permission = Permission(rawValue: text) else {
            let all = Permission.allCases.map(\.rawValue)
            let near = text.flatMap { nearestName(to: $0, among: all) }
            throw Refusal(
                .invalid, reason: "explain.action",
                "There is no permission \(text ?? "without a name")." + (near.map { " Did you mean \($0)?" } ?? ""),
                facts: ["field": "action"])
        }
        return permission
    }
}

extension Services {
    /// A person of a scope by the short name in its people file.
    func person(_ slug: String, in scope: ScopeRow) async throws -> PersonRow {
        guard let found = try await looking.people(scope.id).first(where: { sameBytes($0.slug, slug) }) else {
            throw Refusal.notFound
        }
        return found
    }

    /// Those of a scope who have no account of their own.
    func machines(of scope: ScopeRow) async throws -> Set<PersonID> { try await signingIn.machines(in: scope.id) }
}
