internal import Console
internal import Flow
internal import Records
package import Kernel
internal import Tenancy
package import WebKernel

/// Refusals and faults as people see them: a page for a page, a problem document for the API.
package struct PageErrors: Sendable {
    private let services: Services

    package init(services: Services) { self.services = services }

    private func isAPI(_ request: WebRequest) -> Bool {
        request.path.hasPrefix("/api/") || request.path.hasPrefix("/handoff/")
            || ["/healthz", "/readyz", "/metrics"].contains(request.path)
    }

    package func response(_ refusal: Refusal, _ request: WebRequest, _ route: Route?) async -> WebResponse {
        if isAPI(request) { return Problem.response(refusal, request: request.id) }
        if refusal.code == .unauthenticated, request.method == .get {
            return .seeOther("/sign-in?next=\(percentEncoded(SignInPages.path(request.path)))")
        }
        if AccountPages.wantsProof(refusal) {
            return .seeOther("/account/proof?next=\(percentEncoded(SignInPages.path(request.pageBefore)))")
        }
        let status = Problem.status(of: refusal)
        if let page = await suspended(refusal, request) { return .html(services.console.html(page), status: status) }
        guard let frame = await frame(request, title: Problem.title(of: status)) else {
            return .html(
                services.console.html(ErrorPage.notFound(stylesheet: BrandBook(ResolvedBrand([])).stylesheet)),
                status: status == 403 ? 404 : status)
        }
        let page: ErrorPage =
            switch refusal.code {
            case .notFound: .notFound(in: frame)
            case .forbidden: .forbidden(in: frame, rule: refusal.message, wayOut: "Go to the start page", href: "/")
            default:
                ErrorPage(
                    frame: frame, status: "\(status)", title: Problem.title(of: status), text: refusal.message, wayOut: "Go back",
                    wayOutHref: SignInPages.path(request.path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }),
                    reference: request.id)
            }
        return .html(services.console.html(page), status: status)
    }

    /// To those who belong to a suspended tenant its own brand says so; to others it is as if nothing had happened.
    private func suspended(_ refusal: Refusal, _ request: WebRequest) async -> ErrorPage? {
        guard refusal.reason == SigningIn.suspended.reason, let slug = refusal.facts["tenant"],
            let (scope, book) = await brand(of: slug)
        else { return nil }
        let frame = Frame(
            title: "Suspended", brand: book.mark(home: "/"),
            appearance: request.cookie("cs_theme").flatMap(Frame.Appearance.init(rawValue:)) ?? .system, isBare: true)
        return ErrorPage(
            frame: frame, status: "Suspended", title: "\(scope.name) is suspended", text: refusal.message,
            wayOut: "Sign in as somebody else", wayOutHref: "/sign-in")
    }

    /// Nil where it cannot be read; the person is then told in plain words.
    private func brand(of slug: String) async -> (ScopeRow, BrandBook)? {
        do {
            guard let scope = try await services.scopes.scope(slug: slug) else { return nil }
            return (scope, try await BrandBook.brand(of: scope, services: services))
        } catch {
            return nil
        }
    }

    package func response(_ error: any Error, _ request: WebRequest) async -> WebResponse {
        if isAPI(request) { return Problem.internalError(request: request.id) }
        guard let frame = await frame(request, title: "Error") else { return Problem.internalError(request: request.id) }
        return .html(services.console.html(ErrorPage.broken(in: frame, reference: request.id)), status: 500)
    }

    /// The frame of the person's own scope; nil when nobody is signed in, so that no brand tells whose host this is.
    private func frame(_ request: WebRequest, title: String) async -> Frame? {
        do {
            let context = try await services.access.enterOwn(request.asGet, permission: nil)
            return try await PageKit.errorFrame(services, context, title: title)
        } catch {
            return nil
        }
    }
}

extension WebRequest {
    /// The path of the page whose form this is, as the browser says; the request's own path where it says nothing.
    var pageBefore: String {
        if method == .get { return path }
        guard let referer = headers["referer"], let host = headers["host"] else { return "/" }
        for start in ["http://\(host)", "https://\(host)"] where referer.hasPrefix(start + "/") {
            return String(referer.dropFirst(start.count).prefix { $0 != "?" && $0 != "#" })
        }
        return "/"
    }

    /// The same caller asking to look: an error page after a refused form must not be refused for the form's sake.
    var asGet: WebRequest {
        WebRequest(
            method: .get, path: path, query: query, headers: headers, body: [], parameters: parameters, id: id,
            receivedAt: receivedAt, client: client)
    }
}
