internal import Console
internal import Flow
internal import Kernel
internal import Logging
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// Signing in with an organisation's own identity provider: its door here, the way there, and the way back.
///
/// People go there by a link and not by a form: pages forbid forms to lead to other hosts.
struct ProviderPages: Sendable {
    let services: Services
    let console: PageRenderer
    let door: SignInPages

    var all: [Route] { [ask, find, ownDoor, there, proveThere, back] }

    private var keepsakeCookie: String { services.isSecure ? "__Host-provider" : "provider" }

    /// The tenant with its terms; one that has no provider is as unknown as one that does not exist.
    private func place(_ request: WebRequest) async throws -> (scope: ScopeRow, terms: IdentityTerms) {
        guard let scope = try await services.scopes.scope(slug: try request.parameter("tenant")), scope.kind == "tenant",
            let terms = try await services.signingIn.identityTerms(scope.id)
        else { throw Refusal.notFound }
        return (scope, terms)
    }

    // MARK: Finding the door

    private var ask: Route {
        Route(.get, "/sign-in/organisation", access: .open) { request in
            .html(console.html(try await question(request, next: request.query("next"))))
        }
    }

    private func question(
        _ request: WebRequest, email: String = "", next: String?, refusal: String = ""
    ) async throws -> OrganisationPage {
        OrganisationPage(
            frame: try await door.bareFrame("Sign in", request: request),
            form: FormTarget(action: "/sign-in/organisation", key: services.newKey()), email: email,
            next: SignInPages.path(next), refusal: refusal)
    }

    private var find: Route {
        Route(.post, "/sign-in/organisation", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let form = try request.form()
            let email = String((form["email"] ?? "").prefix(254))
            let domain = SigningIn.fold(String(email.split(separator: "@").last ?? ""))
            // An answer says that an organisation signs in elsewhere, which its mail domain tells the world anyway.
            let slugs = try await services.signingIn.organisations()[domain] ?? []
            guard slugs.count == 1, let slug = slugs.first else {
                let text =
                    slugs.isEmpty
                    ? "No organisation with this kind of address signs in here by a system of its own."
                    : "Several houses share this kind of address. Use the sign-in address that your administrator gave you."
                return .html(
                    console.html(try await question(request, email: email, next: form["next"], refusal: text)), status: 422)
            }
            return .seeOther("/t/\(slug)/sign-in?next=\(percentEncoded(SignInPages.path(form["next"])))")
        }
    }

    /// The sign-in page of one organisation, in its brand.
    private var ownDoor: Route {
        Route(.get, "/t/{tenant}/sign-in", access: .open) { request in
            let (scope, terms) = try await place(request)
            return .html(
                console.html(try await doorPage(scope, terms, request, next: SignInPages.path(request.query("next")))))
        }
    }

    private func doorPage(
        _ scope: ScopeRow, _ terms: IdentityTerms, _ request: WebRequest, next: String, refusal: String = ""
    ) async throws -> SignInPage {
        let book = try await BrandBook.brand(of: scope, services: services)
        let frame = Frame(
            title: "Sign in", brand: book.mark(home: "/t/\(scope.slug)/sign-in"),
            appearance: request.cookie("cs_theme").flatMap(Frame.Appearance.init(rawValue:)) ?? .system, isBare: true)
        return SignInPage(
            frame: frame, form: FormTarget(action: "/sign-in", key: services.newKey()), next: next, refusal: refusal,
            organisation: "/t/\(scope.slug)/sign-in/with?next=\(percentEncoded(next))", organisationName: terms.name,
            asksPassword: terms.allowsPasswords, marksFields: false)
    }

    // MARK: There

    private var there: Route {
        Route(.get, "/t/{tenant}/sign-in/with", access: .open) { request in
            let (scope, terms) = try await place(request)
            let next = SignInPages.path(request.query("next"))
            do {
                return leaving(
                    try await services.signingIn.depart(
                        to: scope, next: next, from: Access.caller(request), keepsake: request.cookie(keepsakeCookie)))
            } catch let refusal as Refusal where refusal.code != .notFound {
                return try await failed(refusal, scope, terms, request, next: next)
            }
        }
    }

    /// The same for a session that is to be proved anew.
    private var proveThere: Route {
        Route(.get, "/account/proof/elsewhere", access: .signedIn) { request in
            let me = try await services.access.visitor(request).identity
            guard me.session != nil, let terms = try await services.signingIn.identityTerms(me.tenant) else {
                throw Refusal.notFound
            }
            let (scope, next) = (try await services.scopes.scope(me.tenant), SignInPages.path(request.query("next")))
            do {
                return leaving(
                    try await services.signingIn.depart(
                        to: scope, next: next, from: Access.caller(request), keepsake: request.cookie(keepsakeCookie),
                        proving: me))
            } catch let refusal as Refusal where refusal.code != .notFound {
                return try await failed(refusal, scope, terms, request, next: next)
            }
        }
    }

    /// The one redirect that leaves this host: to the address that the configured issuer gives for this, checked as it was read.
    private func leaving(_ departure: SigningIn.Departure) -> WebResponse {
        WebResponse(
            status: 303,
            headers: WebHeaders([
                (name: "Location", value: departure.address), (name: "Referrer-Policy", value: "no-referrer"),
                (
                    name: "Set-Cookie",
                    value: services.cookie(keepsakeCookie, departure.keepsake.text, SigningIn.visitSeconds)
                ),
            ]))
    }

    // MARK: And back

    private var back: Route {
        Route(.get, "/t/{tenant}/sign-in/back", access: .open) { request in
            let (scope, terms) = try await place(request)
            // Named twice, one of them may be for another reader.
            let names = request.query.map(\.name)
            guard Set(names).count == names.count else {
                return try await failed(SigningIn.visitFailed, scope, terms, request, next: "/")
            }
            let answer = SigningIn.Return(
                code: request.query("code") ?? "", state: request.query("state") ?? "", issuer: request.query("iss"),
                error: request.query("error"), keepsake: request.cookie(keepsakeCookie) ?? "")
            do {
                let arrival = try await services.signingIn.arrive(
                    at: scope, answer, from: Access.caller(request, keepsDevice: true), session: await present(request))
                var response =
                    switch arrival {
                    case .signedIn(let opened, let next): door.entered(opened, next: SignInPages.path(next))
                    case .proved(let token, let next):
                        services.keeping(WebResponse.seeOther(SignInPages.path(next)), session: token)
                    }
                response.headers.add("Set-Cookie", services.cookie(keepsakeCookie, "", 0))
                // The code stands in this address.
                return response.header("Referrer-Policy", "no-referrer").header("Cache-Control", "no-store")
            } catch let refusal as Refusal where refusal.code != .notFound {
                return try await failed(refusal, scope, terms, request, next: "/")
            }
        }
    }

    /// Who is signed in in this browser; nil for nobody.
    private func present(_ request: WebRequest) async -> SigningIn.Identity? {
        // A session that has ended is nobody's, which is all that is asked here.
        try? await services.access.visitor(request).identity
    }

    /// The organisation's door again, with a calm word. What an administrator needs is in the log under the request's id.
    private func failed(
        _ refusal: Refusal, _ scope: ScopeRow, _ terms: IdentityTerms, _ request: WebRequest, next: String
    ) async throws -> WebResponse {
        var text = refusal.message
        if refusal.reason != SigningIn.visitFailed.reason, refusal.code != .tooMany {
            services.logger.warning(
                "people cannot be sent to their identity provider",
                metadata: [
                    "tenant_id": "\(scope.id)", "hop": "sign-in", "reason": "\(refusal.reason)", "error": "\(refusal.message)",
                    "request": "\(request.id)",
                ])
            text = "\(terms.name) cannot be reached from here at the moment. Try again, or tell your administrator."
        }
        let page = try await doorPage(scope, terms, request, next: next, refusal: text)
        let status =
            switch refusal.code {
            case .tooMany: 429
            case .forbidden: 403
            default: 503
            }
        return WebResponse.html(console.html(page), status: status)
            .header("Cache-Control", "no-store").header("Referrer-Policy", "no-referrer")
    }
}
