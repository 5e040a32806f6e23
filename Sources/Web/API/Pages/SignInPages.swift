internal import Console
internal import Flow
internal import Kernel
internal import Records
internal import Seals
internal import Tenancy
internal import WebKernel

/// Signing in and out, static files, and where one starts.
struct SignInPages: Sendable {
    let services: Services
    let console: PageRenderer

    var all: [Route] { [signIn, enter, signOut, start, tenantStart, file, brand] }

    private func bareFrame(_ title: String, request: WebRequest) async throws -> Frame {
        let house = try await services.scopes.all().first { $0.kind == "operator" }
        let book: BrandBook
        if let house {
            book = try await BrandBook.brand(of: house, services: services)
        } else {
            book = BrandBook(ResolvedBrand([]))
        }
        return Frame(
            title: title, brand: book.mark(home: "/"),
            appearance: request.cookie("cs_theme").flatMap(Frame.Appearance.init(rawValue:)) ?? .system,
            isBare: true)
    }

    private var signIn: Route {
        Route(.get, "/sign-in", access: .open) { request in
            let page = SignInPage(
                frame: try await bareFrame("Sign in", request: request),
                form: FormTarget(action: "/sign-in", key: services.newKey()),
                next: SignInPages.path(request.query("next")))
            return .html(console.html(page))
        }
    }

    private var enter: Route {
        Route(.post, "/sign-in", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let form = try request.form()
            let email = form["email"] ?? ""
            do {
                let opened = try await services.signingIn.signIn(email: email, password: form["password"] ?? "")
                let name = services.isSecure ? Access.sessionCookie : Access.plainCookie
                let cookie =
                    "\(name)=\(opened.token.text); Path=/; HttpOnly; SameSite=Lax; Max-Age=\(SigningIn.absoluteSeconds)"
                    + (services.isSecure ? "; Secure" : "")
                return WebResponse.seeOther(SignInPages.path(form["next"])).header("Set-Cookie", cookie)
            } catch let refusal as Refusal {
                let page = SignInPage(
                    frame: try await bareFrame("Sign in", request: request),
                    form: FormTarget(action: "/sign-in", key: services.newKey()),
                    email: email, next: SignInPages.path(form["next"]), refusal: refusal.message)
                return .html(console.html(page), status: Problem.status(of: refusal.code))
            }
        }
    }

    private var signOut: Route {
        Route(.post, "/sign-out", access: .signedIn, bodyBytesMax: 16_384) { request in
            let visitor = try await services.access.visitor(request)
            try services.access.checkForm(try request.form(), visitor)
            try await services.signingIn.signOut(visitor.identity)
            let page = SignedOutPage(frame: try await bareFrame("Signed out", request: request), signIn: "/sign-in")
            let name = services.isSecure ? Access.sessionCookie : Access.plainCookie
            return WebResponse.html(console.html(page)).header(
                "Set-Cookie", "\(name)=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0" + (services.isSecure ? "; Secure" : ""))
        }
    }

    /// Everybody starts where their work is.
    private var start: Route {
        Route(.get, "/", access: .signedIn) { request in
            let visitor = try await services.access.visitor(request)
            let own = try await services.scopes.scope(visitor.tenant)
            if own.kind == "tenant" { return .seeOther("/t/\(own.slug)") }
            let node = try await services.access.node(of: own)
            if visitor.authority.permits(.fleetRead, in: node, at: services.clock.now) { return .seeOther("/operator") }
            guard let first = try await services.access.visibleScopes(visitor).first(where: { $0.kind == "tenant" }) else {
                throw Refusal.notFound
            }
            return .seeOther("/t/\(first.slug)")
        }
    }

    private var tenantStart: Route {
        Route(.get, "/t/{tenant}", access: .signedIn) { request in
            let slug = try request.parameter("tenant")
            let visitor = try await services.access.visitor(request)
            guard let row = try await services.scopes.scope(slug: slug), row.kind == "tenant" else { throw Refusal.notFound }
            let node = try await services.access.node(of: row)
            let choices: [(Permission, String)] = [
                (.approvalsDecide, "inbox"), (.exceptionsResolve, "exceptions"), (.runsRead, "runs"),
                (.incidentsRead, "incidents"),
                (.serviceRead, "service"),
            ]
            for (permission, section) in choices where visitor.authority.permits(permission, in: node, at: services.clock.now) {
                return .seeOther("/t/\(slug)/\(section)")
            }
            throw Refusal.notFound
        }
    }

    private var file: Route {
        Route(.get, "/assets/{name}", access: .open) { request in
            guard let file = console.assets.file(named: try request.parameter("name")) else { throw Refusal.notFound }
            return WebResponse(
                status: 200,
                headers: WebHeaders([
                    (name: "Content-Type", value: file.contentType), (name: "Cache-Control", value: file.cacheControl),
                ]),
                body: .bytes(file.bytes))
        }
    }

    private var brand: Route {
        Route(.get, "/brand/{name}", access: .open) { request in
            let name = try request.parameter("name")
            guard name.hasSuffix(".css"), let css = BrandBook.known.withLock({ $0[String(name.dropLast(4))] }) else {
                throw Refusal.notFound
            }
            return WebResponse.text(css, type: "text/css; charset=utf-8").header(
                "Cache-Control", "public, max-age=31536000, immutable")
        }
    }

    /// A path of this server, or the start; never an address elsewhere.
    static func path(_ text: String?) -> String {
        guard let text, text.hasPrefix("/"), !text.hasPrefix("//"), !text.contains("\\"), !text.contains("\r"),
            !text.contains("\n")
        else { return "/" }
        return text
    }
}
