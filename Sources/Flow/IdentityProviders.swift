package import Kernel
internal import Postgres
internal import Records
internal import Seals
package import Tenancy

/// One question to a tenant's identity provider, asked by the tenant's worker.
package struct ProviderQuestion: Sendable {
    package let verb: String
    package let input: JSONValue
    package let secrets: [String: String]
}

/// The identity providers of tenants: what they say of themselves, their keys, and what they give for a code.
///
/// Both documents are kept for an hour. A key that is not known is looked for once more, at most once a minute however many
/// tokens name one, so neither a stranger nor a provider in confusion makes us ask without end.
package actor IdentityProviders {
    static let keptSeconds: Int64 = 3600
    /// After a failure nobody is asked for so long, so that a provider that is down is not kept down.
    static let failureSeconds: Int64 = 15
    /// Between two looks for a key that is not known.
    static let keysPauseSeconds: Int64 = 60
    static let documentsMax = 2000
    /// Which domains have a provider is looked up anew after this.
    static let directorySeconds: Int64 = 60

    private struct Place: Hashable {
        let tenant: TenantID
        let address: String
    }

    private struct Kept {
        let result: Result<JSONValue, Refusal>
        let at: Moment
    }

    private let platform: Platform
    private let assets: AssetLibrary
    private let scopes: ScopeDirectory
    private let ask: @Sendable (ProviderQuestion, TenantID) async throws -> Asking.Answer
    private var kept: [Place: Kept] = [:]
    private var directory: (domains: [String: [String]], at: Moment)?
    private var underWay: [Place: Task<Kept, any Error>] = [:]

    /// `ask` reaches the tenant's worker; tests answer themselves.
    package init(
        platform: Platform, assets: AssetLibrary, scopes: ScopeDirectory,
        ask: @escaping @Sendable (ProviderQuestion, TenantID) async throws -> Asking.Answer
    ) {
        self.platform = platform
        self.assets = assets
        self.scopes = scopes
        self.ask = ask
    }

    /// The tenant's terms in force; nil when its people sign in here.
    package nonisolated func terms(_ tenant: TenantID) async throws -> IdentityTerms? {
        try await assets.current(for: tenant).tenant?.identity
    }

    /// The short names of the tenants whose people sign in elsewhere, by mail domain.
    package func domains() async throws -> [String: [String]] {
        let now = platform.clock.now
        if let known = directory, now.seconds(since: known.at) < IdentityProviders.directorySeconds { return known.domains }
        var domains: [String: [String]] = [:]
        for scope in try await scopes.all() where scope.kind == "tenant" {
            guard let terms = try await terms(scope.id) else { continue }
            for domain in terms.domains { domains[domain, default: []].append(scope.slug) }
        }
        directory = (domains, now)
        return domains
    }

    package func metadata(_ terms: IdentityTerms, _ tenant: TenantID) async throws -> ProviderMetadata {
        try ProviderMetadata(json: try await document(terms.discoveryAddress, terms, tenant, notBefore: nil), terms: terms)
    }

    /// The same where it is known already; never asks anybody.
    func knownMetadata(_ terms: IdentityTerms, _ tenant: TenantID) throws -> ProviderMetadata? {
        guard let known = kept[Place(tenant: tenant, address: terms.discoveryAddress)] else { return nil }
        return try ProviderMetadata(json: try known.result.get(), terms: terms)
    }

    /// The token's claims, once its signature fits a key that the provider publishes.
    func claims(
        of token: SignedToken, _ metadata: ProviderMetadata, _ terms: IdentityTerms, _ tenant: TenantID
    ) async throws -> JSONObject {
        let known = try JSONWebKeySet(json: try await document(metadata.keys, terms, tenant, notBefore: nil))
        if let key = known.key(named: token.keyID, for: token.algorithm) { return try token.claims(verifiedBy: key) }
        // Its keys may have been changed since they were read.
        let since = platform.clock.now.adding(seconds: -IdentityProviders.keysPauseSeconds)
        let fresh = try JSONWebKeySet(json: try await document(metadata.keys, terms, tenant, notBefore: since))
        guard let key = fresh.key(named: token.keyID, for: token.algorithm) else {
            throw Refusal.idToken("key", "The provider publishes no one key by which the token can be signed.")
        }
        return try token.claims(verifiedBy: key)
    }

    /// The keys that it publishes and that we can use.
    func keys(_ metadata: ProviderMetadata, _ terms: IdentityTerms, _ tenant: TenantID) async throws -> JSONWebKeySet {
        try JSONWebKeySet(json: try await document(metadata.keys, terms, tenant, notBefore: nil))
    }

    /// Forgets what a tenant's provider said, so that a test of it asks anew; not more often than a look for an unknown key.
    func refresh(_ tenant: TenantID) {
        let since = platform.clock.now.adding(seconds: -IdentityProviders.failureSeconds)
        kept = kept.filter { $0.key.tenant != tenant || $0.value.at > since }
    }

    /// What a code stands for: `id_token` and, for its hash, `access_token`. Nothing of it is kept.
    nonisolated func redeem(
        _ code: String, verifier: String, redirect: String, _ metadata: ProviderMetadata, _ terms: IdentityTerms,
        _ tenant: TenantID
    ) async throws -> (idToken: String, accessToken: String?) {
        let secret = try await secret(terms, tenant)
        let question = ProviderQuestion(
            verb: "provider.redeem",
            input: [
                "url": .string(metadata.token), "client": .string(terms.clientID),
                "secretInBody": .bool(metadata.isSecretInBody), "allow": .array(terms.allow.map(JSONValue.string)),
                "fields": [
                    "grant_type": "authorization_code", "code": .string(code), "redirect_uri": .string(redirect),
                    "code_verifier": .string(verifier),
                ],
            ], secrets: ["secret": secret])
        let (status, body) = try await answered(question, tenant)
        guard status == 200 else {
            // The words are of a closed list (RFC 6749 5.2); anything longer or stranger is not repeated.
            let word = body["error"]?.string.flatMap(SigningIn.errorWord) ?? "status \(status)"
            throw Refusal.provider("code", "The provider gave nothing for the code: \(word).")
        }
        guard let token = body["id_token"]?.string else {
            throw Refusal.provider("no-token", "The provider's answer has no identity token.")
        }
        return (token, body["access_token"]?.string)
    }

    /// The client's secret, opened for this moment only.
    nonisolated func secret(_ terms: IdentityTerms, _ tenant: TenantID) async throws -> String {
        let rows = try await platform.store.withTenant(tenant) { tx in try await tx.query(SecretQueries.all(tenant: tenant)) }
        guard let secret = try platform.secrets.opened(rows, of: tenant)[terms.secret] else {
            throw Refusal.provider("secret", "The secret \(terms.secret) is not set for this tenant.")
        }
        return secret
    }

    // MARK: Documents

    /// A document as it is kept; read anew when it is older than an hour, or was read before `notBefore`. Those who ask at one
    /// moment share one question.
    private func document(
        _ address: String, _ terms: IdentityTerms, _ tenant: TenantID, notBefore: Moment?
    ) async throws -> JSONValue {
        let place = Place(tenant: tenant, address: address)
        let now = platform.clock.now
        if let known = kept[place], isGood(known, now, notBefore) { return try known.result.get() }
        let reading: Task<Kept, any Error>
        if let running = underWay[place] {
            reading = running
        } else {
            reading = Task { try await self.read(address, terms, tenant) }
            underWay[place] = reading
        }
        do {
            let fresh = try await reading.value
            underWay[place] = nil
            if kept.count >= IdentityProviders.documentsMax, kept[place] == nil { kept = [:] }
            kept[place] = fresh
            return try fresh.result.get()
        } catch {
            underWay[place] = nil
            throw error
        }
    }

    private func isGood(_ known: Kept, _ now: Moment, _ notBefore: Moment?) -> Bool {
        if let notBefore, known.at < notBefore { return false }
        let age = now.seconds(since: known.at)
        return switch known.result {
        case .success: age < IdentityProviders.keptSeconds
        case .failure: age < IdentityProviders.failureSeconds
        }
    }

    /// A failure is kept too, for a while; what is not the provider's doing is thrown.
    private nonisolated func read(_ address: String, _ terms: IdentityTerms, _ tenant: TenantID) async throws -> Kept {
        let question = ProviderQuestion(
            verb: "provider.get",
            input: ["url": .string(address), "allow": .array(terms.allow.map(JSONValue.string))], secrets: [:])
        do {
            let (status, body) = try await answered(question, tenant)
            guard status == 200 else { throw Refusal.provider("status", "\(address) answers with status \(status).") }
            return Kept(result: .success(body), at: platform.clock.now)
        } catch let refusal as Refusal where refusal.reason.hasPrefix("provider.") {
            return Kept(result: .failure(refusal), at: platform.clock.now)
        }
    }

    /// Status and JSON of an answer; refuses what is neither.
    private nonisolated func answered(
        _ question: ProviderQuestion, _ tenant: TenantID
    ) async throws -> (status: Int, body: JSONValue) {
        let output: JSONValue
        switch try await ask(question, tenant) {
        case .output(let value): output = value
        case .failed(let code, let message): throw Refusal.provider("unreached", "\(message) (\(code))")
        }
        let url = question.input["url"]?.string ?? ""
        guard output["outcome"]?.string == "answered", let status = output["status"]?.int else {
            throw Refusal.provider("unreached", "\(url) was not reached: \(output["detail"]?.string ?? "no reason was given").")
        }
        let bytes = output["body"]?.string.flatMap { Base64.decode($0) } ?? []
        // Where and why it does not read says nothing to whoever has to mend it.
        guard let body = try? JSONValue(parsing: bytes), body.object != nil else {
            throw Refusal.provider("body", "\(url) answers with status \(status) and no JSON object.")
        }
        return (status, body)
    }
}
