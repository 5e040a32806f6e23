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

    var all: [Route] { [signIn, enter, codeForm, giveCode, welcome, choose, signOut, start, tenantStart, file, brand] }

    func bareFrame(_ title: String, request: WebRequest) async throws -> Frame {
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
                next: SignInPages.path(request.query("next")),
                organisation: try await organisationPath(SignInPages.path(request.query("next"))))
            return .html(console.html(page))
        }
    }

    /// Where people of other houses go; empty while no tenant has an identity provider of its own.
    private func organisationPath(_ next: String) async throws -> String {
        try await services.signingIn.organisations().isEmpty ? "" : "/sign-in/organisation?next=\(percentEncoded(next))"
    }

    private var enter: Route {
        Route(.post, "/sign-in", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let form = try request.form()
            let email = form["email"] ?? ""
            do {
                let opened = try await services.signingIn.signIn(
                    email: email, password: form["password"] ?? "", from: Access.caller(request, keepsDevice: true))
                return entered(opened, next: SignInPages.path(form["next"]))
            } catch let refusal as Refusal {
                let page = SignInPage(
                    frame: try await bareFrame("Sign in", request: request),
                    form: FormTarget(action: "/sign-in", key: services.newKey()),
                    email: email, next: SignInPages.path(form["next"]), refusal: refusal.message,
                    organisation: try await organisationPath(SignInPages.path(form["next"])))
                return .html(console.html(page), status: Problem.status(of: refusal.code))
            }
        }
    }

    /// Into the console, or on to the second step. The waiting session has a cookie of its own, since it opens nothing.
    func entered(_ opened: SigningIn.Opened, next: String) -> WebResponse {
        guard !opened.isPending else {
            return WebResponse.seeOther("/sign-in/code?next=\(percentEncoded(next))").header(
                "Set-Cookie", services.cookie(pendingCookie, opened.token.text, SigningIn.pendingSeconds))
        }
        var response = services.keeping(WebResponse.seeOther(next), session: opened.token)
        if let device = opened.device {
            let name = services.isSecure ? Access.deviceCookie : Access.plainDeviceCookie
            response.headers.add("Set-Cookie", services.cookie(name, device.text, SigningIn.deviceSeconds))
        }
        return response
    }

    private var pendingCookie: String { services.isSecure ? "__Host-pending" : "pending" }

    private var codeForm: Route {
        Route(.get, "/sign-in/code", access: .open) { request in
            guard request.cookie(pendingCookie) != nil else { return .seeOther("/sign-in") }
            let page = ProofPage(
                frame: try await bareFrame("Sign in", request: request),
                form: FormTarget(action: "/sign-in/code", key: services.newKey()), question: .code,
                next: SignInPages.path(request.query("next")))
            return .html(console.html(page))
        }
    }

    private var giveCode: Route {
        Route(.post, "/sign-in/code", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let form = try request.form()
            do {
                let opened = try await services.signingIn.prove(
                    pending: request.cookie(pendingCookie) ?? "", code: form["code"] ?? "",
                    from: Access.caller(request, keepsDevice: true))
                var response = entered(opened, next: SignInPages.path(form["next"]))
                response.headers.add("Set-Cookie", services.cookie(pendingCookie, "", 0))
                return response
            } catch let refusal as Refusal {
                let frame = try await bareFrame("Sign in", request: request)
                let status = Problem.status(of: refusal)
                let next = SignInPages.path(form["next"])
                guard refusal.reason != "sign-in.again" else {
                    let page = SignInPage(
                        frame: frame, form: FormTarget(action: "/sign-in", key: services.newKey()), next: next,
                        refusal: refusal.message)
                    return .html(console.html(page), status: status)
                }
                let page = ProofPage(
                    frame: frame, form: FormTarget(action: "/sign-in/code", key: services.newKey()), question: .code,
                    next: next, refusal: refusal.message)
                return .html(console.html(page), status: status)
            }
        }
    }

    /// Shows the form whatever the link: only using it says whether it is good.
    private func welcomePage(_ request: WebRequest, link: String, refusal: String = "") async throws -> ProofPage {
        ProofPage(
            frame: try await bareFrame("Choose a password", request: request),
            form: FormTarget(action: "/welcome", key: services.newKey()), question: .newPassword, link: link, refusal: refusal)
    }

    private var welcome: Route {
        Route(.get, "/welcome", access: .open) { request in
            guard let link = request.query("link"), link.utf8.count <= 100 else { throw Refusal.notFound }
            return .html(console.html(try await welcomePage(request, link: link)))
        }
    }

    private var choose: Route {
        Route(.post, "/welcome", access: .open, bodyBytesMax: 16_384) { request in
            try Access.checkOrigin(request)
            let form = try request.form()
            do {
                try await services.signingIn.useLink(form["link"] ?? "", password: form["password"] ?? "")
                return .seeOther("/sign-in")
            } catch let refusal as Refusal {
                let page = try await welcomePage(request, link: form["link"] ?? "", refusal: refusal.message)
                return .html(console.html(page), status: Problem.status(of: refusal))
            }
        }
    }

    private var signOut: Route {
        Route(.post, "/sign-out", access: .signedIn, bodyBytesMax: 16_384) { request in
            let visitor = try await services.access.visitor(request)
            try services.access.checkForm(try request.form(), visitor)
            try await services.signingIn.signOut(visitor.identity)
            let exit = await services.signingIn.providerExit(visitor.tenant)
            let page = SignedOutPage(
                frame: try await bareFrame("Signed out", request: request), signIn: "/sign-in", provider: exit?.address ?? "",
                providerName: exit?.name ?? "")
            let name = services.isSecure ? Access.sessionCookie : Access.plainCookie
            return WebResponse.html(console.html(page)).header("Set-Cookie", services.cookie(name, "", 0))
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
