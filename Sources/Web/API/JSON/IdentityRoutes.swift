internal import Flow
internal import Kernel
internal import Records
internal import Tenancy
internal import WebKernel

/// A tenant's own identity provider as administrators see it: what is configured, and whether it can be used.
struct IdentityRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] { [show, test] }

    private var show: Route {
        services.reading(
            "identity", .peopleRead,
            RouteDocumentation(
                "showIdentityProvider",
                "The identity provider with which the tenant's people sign in, and the address to register with it. The secret's "
                    + "name is shown and never its value.", responseSchema: Shapes.object, problems: [404, 503])
        ) { [services] _, context in
            guard let terms = try await services.signingIn.identityTerms(context.scope.id) else {
                throw Refusal(
                    .notFound, reason: "identity.none",
                    "This tenant has no `identity` section in tenant.yaml; its people sign in here.")
            }
            let linked = try await services.signingIn.linked(context.scope.id)
            func texts(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
            return [
                "name": .string(terms.name), "issuer": .string(terms.issuer), "clientId": .string(terms.clientID),
                "secret": .string(terms.secret), "domains": texts(terms.domains), "passwords": .bool(terms.allowsPasswords),
                "trustedMethods": texts(terms.trustedMethods), "trustsAddresses": .bool(terms.trustsAddresses),
                "algorithms": texts(terms.algorithms),
                "redirect": .string(try services.signingIn.redirect(context.scope)),
                "door": .string("/t/\(context.scope.slug)/sign-in"), "linkedPeople": JSONValue(linked.count),
            ]
        }
    }

    private var test: Route {
        services.writing(
            "identity/test", .connectionsTest,
            RouteDocumentation(
                "testIdentityProvider",
                "Has the tenant's worker reach the identity provider, as far as a sign-in goes without a person, and says what "
                    + "is wrong and how to mend it.", requestSchema: Shapes.body([:]), responseSchema: Shapes.object,
                problems: [400, 404, 503])
        ) { [services] _, body, context in
            _ = try BodyFields(body, known: [])
            let findings = try await services.signingIn.testProvider(context.scope)
            return (
                200,
                [
                    "good": .bool(!findings.contains { $0.verdict == .wrong }),
                    "findings": .array(
                        findings.map {
                            [
                                "what": .string($0.what), "verdict": .string($0.verdict.rawValue), "detail": .string($0.detail),
                            ]
                        }),
                ]
            )
        }
    }
}
