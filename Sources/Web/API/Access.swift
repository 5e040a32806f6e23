package import Flow
package import Kernel
internal import Policies
package import Records
internal import Seals
package import Tenancy
package import WebKernel

/// A signed-in person on a request, with what they may do.
package struct Visitor: Sendable {
    package let identity: SigningIn.Identity
    package let authority: Authority
    /// The highest amount of one document that the person may approve; nil for no own limit.
    package let approvalLimit: Money?
    /// Nil when the person came with an API key.
    package let sessionToken: String?

    package var name: String { identity.person.name }
    package var tenant: TenantID { identity.tenant }
}

/// A request inside one tenant (or the operator's or a partner's own scope), by somebody who may do what the route demands.
package struct TenantContext: Sendable {
    package let visitor: Visitor
    package let scope: ScopeRow
    /// The place in the hierarchy, for permission checks.
    package let node: Scope
    package let now: Moment

    /// The person as Flow knows an actor; roles are those held in this scope now.
    package var actor: Actor {
        Actor(
            tenant: scope.id, person: visitor.identity.person.id, natural: visitor.identity.person.natural, name: visitor.name,
            roles: visitor.authority.roleNames(in: node, at: now), approvalLimit: visitor.approvalLimit,
            isMachine: visitor.identity.key?.isMachine ?? false)
    }

    package func may(_ permission: Permission) -> Bool { visitor.authority.permits(permission, in: node, at: now) }
}

/// Finds out who asks and whether they may; the only door to handlers that need somebody.
package struct Access: Sendable {
    package static let sessionCookie = "__Host-session"
    /// On plain HTTP a browser refuses a `__Host-` cookie, so a loopback installation without TLS uses this one.
    package static let plainCookie = "session"
    package static let deviceCookie = "__Host-device"
    package static let plainDeviceCookie = "device"

    private let signingIn: SigningIn
    private let scopes: ScopeDirectory
    private let assets: AssetLibrary
    private let clock: WallClock
    /// Keys the form tokens; made at start, so forms shown before a restart have to be loaded again.
    private let formKey: [UInt8]

    package init(signingIn: SigningIn, scopes: ScopeDirectory, assets: AssetLibrary, clock: WallClock, formKey: [UInt8]) {
        self.signingIn = signingIn
        self.scopes = scopes
        self.assets = assets
        self.clock = clock
        self.formKey = formKey
    }

    package static let signInFirst = Refusal(.unauthenticated, reason: "sign-in.needed", "Sign in first.")

    /// The person behind the request's session cookie, session bearer or API key; a refusal when there is none.
    package func visitor(_ request: WebRequest) async throws -> Visitor {
        if let header = request.headers["authorization"] {
            guard header.hasPrefix("Bearer ") else { throw Access.signInFirst }
            let text = String(header.dropFirst(7))
            let found =
                text.hasPrefix("cs_")
                ? try await signingIn.identity(apiKey: text) : try await signingIn.identity(sessionToken: text)
            guard let found else { throw Access.signInFirst }
            return try await visitor(found, token: nil)
        }
        guard let cookie = request.cookie(Access.sessionCookie) ?? request.cookie(Access.plainCookie),
            let found = try await signingIn.identity(sessionToken: cookie)
        else { throw Access.signInFirst }
        if !request.method.isSafe { try Access.checkOrigin(request) }
        return try await visitor(found, token: cookie)
    }

    /// Whoever asks, as a session or a throttle knows them: address, browser, and the mark of a device that was here before.
    static func caller(_ request: WebRequest, keepsDevice: Bool = false) -> SigningIn.Caller {
        SigningIn.Caller(
            address: request.client, agent: request.headers["user-agent"] ?? "",
            device: request.cookie(deviceCookie) ?? request.cookie(plainDeviceCookie), keepsDevice: keepsDevice)
    }

    private func visitor(_ identity: SigningIn.Identity, token: String?) async throws -> Visitor {
        if try await scopes.isSuspended(identity.tenant) {
            let scope = try await scopes.scope(identity.tenant)
            throw Refusal(
                SigningIn.suspended.code, reason: SigningIn.suspended.reason, SigningIn.suspended.message,
                facts: ["tenant": scope.slug])
        }
        return Visitor(
            identity: identity, authority: try await authority(of: identity.person, by: identity.key),
            approvalLimit: try ApprovalLimit.read(identity.person.roles["approvalLimit"] ?? .null), sessionToken: token)
    }

    /// What a person holds now. A key may be limited to fewer roles and tenants, and never has more than its person.
    func authority(of person: PersonRow, by key: KeyRow? = nil) async throws -> Authority {
        let grants = try (person.roles["grants"]?.array ?? []).map { json throws in try Grant(json: json) }
        let only = Set(key?.roles ?? [])
        return Authority(
            person: person.id, grants: only.isEmpty ? grants : grants.filter { only.contains($0.role) },
            roles: try await roles(for: person.tenant), onlyAt: Set(key?.tenants ?? []))
    }

    private func roles(for tenant: TenantID) async throws -> [Role] {
        guard let row = try await assets.current(for: tenant).all("operator").first else { return [] }
        var issues: [AssetIssue] = []
        return OperatorDocument.parse(row.content, issues: &issues)?.roles ?? []
    }

    /// The tenant named in the path, entered with a permission.
    ///
    /// Somebody with no grant there learns nothing: it answers as for a name that does not exist. Somebody who belongs there but
    /// lacks this permission is told so.
    package func enter(_ request: WebRequest, slug: String, permission: Permission) async throws -> TenantContext {
        let visitor = try await visitor(request)
        guard let row = try await scopes.scope(slug: slug) else { throw Refusal.notFound }
        let node = try await node(of: row)
        let now = clock.now
        guard visitor.authority.reaches(node) else { throw Refusal.notFound }
        try visitor.authority.require(permission, in: node, at: now)
        return TenantContext(visitor: visitor, scope: row, node: node, now: now)
    }

    /// The visitor's own scope, for pages of the operator and of partners.
    package func enterOwn(_ request: WebRequest, permission: Permission?) async throws -> TenantContext {
        let visitor = try await visitor(request)
        let row = try await scopes.scope(visitor.tenant)
        let node = try await node(of: row)
        let now = clock.now
        if let permission { try visitor.authority.require(permission, in: node, at: now) }
        return TenantContext(visitor: visitor, scope: row, node: node, now: now)
    }

    package func node(of row: ScopeRow) async throws -> Scope {
        switch row.kind {
        case "operator": return .operator
        case "partner": return .partner(row.slug)
        default:
            guard let parent = row.parent else { return .operator }
            return .tenant(row.slug, partner: try await scopes.scope(parent).slug)
        }
    }

    /// The scopes in which this person holds any grant, tenants first by name.
    package func visibleScopes(_ visitor: Visitor) async throws -> [ScopeRow] {
        var out: [ScopeRow] = []
        for row in try await scopes.all() {
            let node = try await node(of: row)
            if visitor.authority.reaches(node) { out.append(row) }
        }
        return out.sorted { ($0.kind == "tenant" ? 0 : 1, $0.name) < ($1.kind == "tenant" ? 0 : 1, $1.name) }
    }

    // MARK: Forms

    /// A browser says where a request was made; a form of another site is refused whatever it carries.
    static func checkOrigin(_ request: WebRequest) throws(Refusal) {
        let refusal = Refusal(.forbidden, reason: "request.origin", "This form was not sent from this site.")
        if let site = request.headers["sec-fetch-site"] {
            guard site == "same-origin" || site == "none" else { throw refusal }
            return
        }
        guard let origin = request.headers["origin"] else { return }
        guard let host = request.headers["host"], origin == "http://\(host)" || origin == "https://\(host)" else { throw refusal }
    }

    /// The token that a form of this session carries.
    package func formToken(_ visitor: Visitor) -> String {
        HMAC.sha256(key: formKey, Array((visitor.sessionToken ?? "").utf8)).hexText
    }

    package func checkForm(_ form: FormFields, _ visitor: Visitor) throws(Refusal) { try checkForm(token: form["csrf"], visitor) }

    func checkForm(token: String?, _ visitor: Visitor) throws(Refusal) {
        guard let token, constantTimeEqual(Array(token.utf8), Array(formToken(visitor).utf8)) else {
            throw Refusal(.forbidden, reason: "form.token", "This form is from another session. Load the page again.")
        }
    }
}
