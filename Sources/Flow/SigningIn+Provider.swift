package import Kernel
internal import Logging
internal import Postgres
package import Records
package import Seals
package import Tenancy

/// Signing in with the tenant's own identity provider (OpenID Connect, code flow with PKCE).
///
/// The browser keeps one secret for the way there and back. State, nonce and code verifier hang on it, so nobody else's browser
/// can finish what this one began, and what the database holds of the visit opens nothing.
extension SigningIn {
    /// Time to find the telephone at the provider.
    package static let visitSeconds: Int64 = 600
    package static let nextBytesMax = 1000
    /// Visits that one address may begin, and come back from, within a pause.
    static let visitsMax = 60

    /// Where the browser goes, and what it has to keep for the way back.
    package struct Departure: Sendable {
        package let address: String
        package let keepsake: SecretToken
    }

    /// What the provider sent back by way of the browser.
    package struct Return: Sendable {
        package let code: String
        package let state: String
        package let issuer: String?
        package let error: String?
        package let keepsake: String

        package init(code: String, state: String, issuer: String?, error: String?, keepsake: String) {
            self.code = code
            self.state = state
            self.issuer = issuer
            self.error = error
            self.keepsake = keepsake
        }
    }

    /// What coming back opened.
    package enum Arrival: Sendable {
        case signedIn(Opened, next: String)
        /// The session goes on under another token.
        case proved(SecretToken, next: String)
    }

    /// What a person is told whatever went wrong; why is in the audit log.
    package static let visitFailed = Refusal(
        .forbidden, reason: "sign-in.provider",
        "Signing in with your organisation did not succeed. Try again; if it happens again, tell your administrator.")

    /// The tenants whose people sign in elsewhere, by mail domain.
    package func organisations() async throws -> [String: [String]] { try await providers?.domains() ?? [:] }

    package func identityTerms(_ tenant: TenantID) async throws -> IdentityTerms? { try await providers?.terms(tenant) }

    /// Where the provider sends people back to: one address a tenant, so that the answer for one is never another's.
    package func redirect(_ scope: ScopeRow) throws(Refusal) -> String {
        guard let site = platform.settings.publicAddress else {
            throw Refusal(
                .unavailable, reason: "provider.public-address",
                "The server does not know its own address; start it with --public-address.")
        }
        return "\(site.hasSuffix("/") ? String(site.dropLast()) : site)/t/\(scope.slug)/sign-in/back"
    }

    // MARK: There

    /// Sends a browser to the tenant's provider; `proving` asks the provider to ask the person anew.
    package func depart(
        to scope: ScopeRow, next: String, from caller: Caller, keepsake: String?, proving: Identity? = nil
    ) async throws -> Departure {
        guard let providers, let terms = try await providers.terms(scope.id) else { throw SigningIn.noProvider }
        try attempts.begin(SigningIn.visitNames(caller), now: platform.clock.now)
        let (redirect, metadata) = (try redirect(scope), try await providers.metadata(terms, scope.id))
        let kept = keepsake.flatMap { SecretToken(presented: $0) } ?? SecretToken(entropy: platform.entropy)
        let (state, now) = (SecretToken(entropy: platform.entropy), platform.clock.now)
        let visit = ProviderVisitRow(
            tenant: scope.id, id: platform.newID(), stateHash: state.hash, browserHash: kept.hash, issuer: terms.issuer,
            session: proving?.session, next: next.utf8.count <= SigningIn.nextBytesMax ? next : "/", madeAt: now,
            expiresAt: now.adding(seconds: SigningIn.visitSeconds))
        try await platform.store.withTenant(scope.id) { tx in
            _ = try await tx.pipeline([IdentityQueries.forget(tenant: scope.id, before: now), IdentityQueries.begin(visit)])
        }
        guard let challenge = CodeChallenge.challenge(of: SigningIn.verifier(kept, state.text)) else {
            preconditionFailure("a verifier of our own making has no challenge")
        }
        var fields = [
            ("response_type", "code"), ("client_id", terms.clientID), ("redirect_uri", redirect),
            ("scope", "openid email profile"), ("state", state.text), ("nonce", SigningIn.nonce(kept, state.text)),
            ("code_challenge", challenge), ("code_challenge_method", CodeChallenge.method),
        ]
        // With an age of 0 some providers ask without end; with any, they have to say when they asked.
        if proving != nil { fields += [("prompt", "login"), ("max_age", "\(IdentityClaims.skewSeconds)")] }
        let query = fields.map { "\($0.0)=\(SigningIn.escaped($0.1))" }.joined(separator: "&")
        let address = metadata.authorization + (metadata.authorization.contains("?") ? "&" : "?") + query
        return Departure(address: address, keepsake: kept)
    }

    static let noProvider = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    private static func visitNames(_ caller: Caller) -> [(name: String, max: Int)] {
        [(name: "provider \(caller.address)", max: visitsMax)]
    }

    private static func verifier(_ keepsake: SecretToken, _ state: String) -> String {
        Base64.encode(HMAC.sha256(key: Array(keepsake.text.utf8), Array("verifier \(state)".utf8)), .url)
    }

    private static func nonce(_ keepsake: SecretToken, _ state: String) -> String {
        Base64.encode(HMAC.sha256(key: Array(keepsake.text.utf8), Array("nonce \(state)".utf8)), .url)
    }

    private static func escaped(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// An error's name as RFC 6749 has them; nil for whatever else somebody put there.
    static func errorWord(_ text: String) -> String? {
        guard (1...40).contains(text.utf8.count), text.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == 0x5F }) else {
            return nil
        }
        return text
    }

    // MARK: And back

    /// Finishes a visit. Whatever is wrong, the person is told the same (`visitFailed`), and the reason goes to the audit log
    /// once it is sure that this browser was sent; before that, only to the log.
    package func arrive(at scope: ScopeRow, _ back: Return, from caller: Caller, session: Identity?) async throws -> Arrival {
        guard let providers, let terms = try await providers.terms(scope.id) else { throw SigningIn.noProvider }
        let now = platform.clock.now
        guard let state = SecretToken(presented: back.state), let kept = SecretToken(presented: back.keepsake),
            let visit = try await platform.store.withTenant(
                scope.id,
                { tx in
                    try await tx.query(
                        IdentityQueries.comeBack(
                            tenant: scope.id, stateHash: state.hash, browserHash: kept.hash, now: now)
                    ).first.map(ProviderVisitRow.init)
                })
        else {
            platform.logger.notice(
                "a sign-in came back that this browser did not begin, or a second time",
                metadata: ["tenant_id": "\(scope.id)", "hop": "sign-in"])
            throw SigningIn.visitFailed
        }
        do {
            let claims = try await claims(back, visit, kept, state, providers, terms, scope)
            attempts.giveBack(SigningIn.visitNames(caller))
            if let proved = visit.session { return try await prove(claims, proved, session, visit, scope) }
            let person = try await person(claims, terms, scope)
            return .signedIn(try await enter(person, claims, terms, scope, caller), next: visit.next)
        } catch let refusal as Refusal where refusal.code != .tooMany {
            try await refuse(refusal, scope, terms, caller)
            throw SigningIn.visitFailed
        }
    }

    private func refuse(_ refusal: Refusal, _ scope: ScopeRow, _ terms: IdentityTerms, _ caller: Caller) async throws {
        platform.logger.notice(
            "a sign-in with an identity provider was refused",
            metadata: ["tenant_id": "\(scope.id)", "hop": "sign-in", "reason": "\(refusal.reason)"])
        let row = AuditRow(
            tenant: scope.id, id: platform.newID(), lane: 0, at: platform.clock.now, actorKind: "system",
            actor: "identity-provider", action: "sign-in.refused", objectType: "scope", objectID: scope.id.text, run: nil,
            content: [
                "reason": .string(refusal.reason), "detail": .string(refusal.message), "issuer": .string(terms.issuer),
                "address": .string(caller.address),
            ])
        try await platform.store.withTenant(scope.id) { tx in try await tx.execute(AuditQueries.insert([row])) }
    }

    private func claims(
        _ back: Return, _ visit: ProviderVisitRow, _ kept: SecretToken, _ state: SecretToken, _ providers: IdentityProviders,
        _ terms: IdentityTerms, _ scope: ScopeRow
    ) async throws -> IdentityClaims {
        guard sameBytes(visit.issuer, terms.issuer) else {
            throw Refusal.provider("changed", "The identity provider was changed while somebody was on the way to it.")
        }
        let metadata = try await providers.metadata(terms, scope.id)
        if let issuer = back.issuer {
            guard sameBytes(issuer, terms.issuer) else {
                throw Refusal.provider("mixed-up", "The answer is of another provider (iss).")
            }
        } else if metadata.namesItself {
            throw Refusal.provider("mixed-up", "The answer does not say which provider it is of (iss).")
        }
        if let error = back.error {
            throw Refusal.provider(
                "error", "The provider refused: \(SigningIn.errorWord(error) ?? "by a word that it should not use").")
        }
        guard (1...4096).contains(back.code.utf8.count) else {
            throw Refusal.provider("no-code", "The provider's answer has no code.")
        }
        let tokens = try await providers.redeem(
            back.code, verifier: SigningIn.verifier(kept, state.text), redirect: try redirect(scope), metadata, terms, scope.id)
        let token = try SignedToken(tokens.idToken, allowed: terms.algorithms.compactMap(TokenAlgorithm.init(rawValue:)))
        let claims = try await providers.claims(of: token, metadata, terms, scope.id)
        let hash = tokens.accessToken.map { Base64.encode(token.algorithm.halfHash(of: $0), .url) }
        return try IdentityClaims(
            claims,
            for: .init(
                issuer: terms.issuer, clientID: terms.clientID, nonce: SigningIn.nonce(kept, state.text), accessTokenHash: hash,
                authenticatedSince: visit.session == nil ? nil : visit.madeAt.seconds), now: platform.clock.now.seconds)
    }

    /// Who this is here: by the link, or on the first time by an address that the provider made sure of. Nobody is made.
    private func person(_ claims: IdentityClaims, _ terms: IdentityTerms, _ scope: ScopeRow) async throws -> PersonRow {
        let now = platform.clock.now
        return try await platform.store.withTenant(scope.id) { tx in
            let known = try await tx.query(
                IdentityQueries.person(tenant: scope.id, issuer: terms.issuer, subject: claims.subject)
            ).first?.get("person_id", as: PersonID.self)
            let id = if let known { known } else { try await match(claims, terms, scope, tx) }
            guard let person = try await tx.query(ScopeQueries.person(tenant: scope.id, id: id)).first.map(PersonRow.init),
                person.state == "active", try await !tx.query(SignInQueries.account(tenant: scope.id, person: id)).isEmpty
            else {
                throw Refusal.provider("person", "The person of this identity is not named any more, or named without sign-in.")
            }
            guard known == nil else {
                try await tx.execute(
                    IdentityQueries.touch(tenant: scope.id, issuer: terms.issuer, subject: claims.subject, now: now))
                return person
            }
            let linked = try await tx.query(
                IdentityQueries.link(
                    tenant: scope.id, issuer: terms.issuer, subject: claims.subject, person: id, now: now))
            guard linked.count == 1 else {
                throw Refusal.provider(
                    "linked-otherwise",
                    "A person of the same address is linked to another identity of this provider. Take that link away first.")
            }
            try await tx.execute(
                AuditQueries.insert([entry(scope.id, "identity.linked", of: person, ["issuer": .string(terms.issuer)])]))
            return person
        }
    }

    private func match(
        _ claims: IdentityClaims, _ terms: IdentityTerms, _ scope: ScopeRow, _ tx: Transaction
    ) async throws -> PersonID {
        let given = claims.verifiedEmail ?? (terms.trustsAddresses ? claims.unspokenEmail : nil)
        guard let email = given, email.utf8.count <= 254 else {
            throw Refusal.provider("email", "The provider did not make sure of the person's mail address (email_verified).")
        }
        guard terms.covers(email) else {
            throw Refusal.provider("domain", "The person's mail address is of a domain that the configuration does not name.")
        }
        let accounts = try await tx.query(
            IdentityQueries.accounts(tenant: scope.id, emailFolded: SigningIn.fold(email)))
        guard accounts.count == 1, let row = accounts.first else {
            throw Refusal.provider("unknown", "Nobody of this mail address is named in the people file.")
        }
        return try row.get("person_id", as: PersonID.self)
    }

    /// A whole session, or one that waits for our own second factor where the person has one and the provider's is not trusted.
    private func enter(
        _ person: PersonRow, _ claims: IdentityClaims, _ terms: IdentityTerms, _ scope: ScopeRow, _ caller: Caller
    ) async throws -> Opened {
        let isTrusted = claims.methods.contains { method in terms.trustedMethods.contains { sameBytes($0, method) } }
        let hasFactor = try await platform.store.withTenant(scope.id) { tx in
            try await factor(of: person.id, in: scope.id, tx) != nil
        }
        try await platform.store.withTenant(scope.id) { tx in
            try await tx.execute(
                AuditQueries.insert([
                    entry(
                        scope.id, "sign-in.vouched", of: person,
                        [
                            "issuer": .string(terms.issuer), "acr": .string(claims.context ?? ""),
                            "amr": .array(claims.methods.map(JSONValue.string)), "trusted": .bool(isTrusted),
                        ])
                ]))
        }
        guard hasFactor, !isTrusted else {
            return try await begin(scope.id, person, caller, isKnown: false, by: "identity provider")
        }
        return try await wait(for: person, in: scope.id, caller)
    }

    /// A fresh proof by the provider: the same person, asked anew after this session asked for it.
    private func prove(
        _ claims: IdentityClaims, _ session: SessionID, _ present: Identity?, _ visit: ProviderVisitRow, _ scope: ScopeRow
    ) async throws -> Arrival {
        guard let present, present.session == session, present.tenant == scope.id else {
            throw Refusal.provider("session", "The session that was to be proved has ended, or is of another browser.")
        }
        let person = try await platform.store.withTenant(scope.id) { tx in
            try await tx.query(
                IdentityQueries.person(tenant: scope.id, issuer: visit.issuer, subject: claims.subject)
            ).first?.get("person_id", as: PersonID.self)
        }
        guard person == present.person.id else {
            throw Refusal.provider("somebody-else", "Somebody else proved themselves than whose session it is.")
        }
        return .proved(try await proved(present.person, session, by: "identity provider"), next: visit.next)
    }
}

extension SigningIn {
    /// Where somebody signs out of the provider as well; nil when it offers that nowhere, or nobody asked it lately, since
    /// leaving waits for nobody.
    package func providerExit(_ tenant: TenantID) async -> (name: String, address: String)? {
        do {
            guard let providers, let terms = try await providers.terms(tenant),
                let address = try await providers.knownMetadata(terms, tenant)?.endSession
            else { return nil }
            let mark = address.contains("?") ? "&" : "?"
            return (terms.name, "\(address)\(mark)client_id=\(SigningIn.escaped(terms.clientID))")
        } catch {
            // Whoever signs out is signed out here; the provider's door is a courtesy.
            return nil
        }
    }
}

/// What becomes of links, and what administrators are told of the provider.
extension SigningIn {
    /// Who of a tenant's people is linked to an identity.
    package func linked(_ tenant: TenantID) async throws -> Set<PersonID> {
        Set(
            try await platform.store.withTenant(tenant) { tx in
                try await tx.query(IdentityQueries.linked(tenant: tenant)).map { try $0.get("person_id", as: PersonID.self) }
            })
    }

    /// The next sign-in links anew, by a verified address. Ends the person's sessions: they may be of the identity that goes.
    func unlink(_ person: PersonRow, by actor: PersonID) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(person.tenant) { tx in
            let gone = try await tx.query(IdentityQueries.unlink(tenant: person.tenant, person: person.id))
            guard !gone.isEmpty else {
                throw Refusal(.conflict, reason: "identity.none", "This person is not linked to an identity.")
            }
            try await tx.execute(SessionQueries.endOthers(tenant: person.tenant, person: person.id, besides: nil, now: now))
            try await tx.execute(AuditQueries.insert([entry(person.tenant, "identity.unlinked", of: person, by: actor)]))
        }
    }

    /// One thing that has to be so for people to come in by their provider.
    package struct Finding: Sendable, Equatable {
        package enum Verdict: String, Sendable { case good, look, wrong }

        package let what: String
        package let verdict: Verdict
        package let detail: String
    }

    /// Tries the provider as a sign-in would, as far as that goes without a person; stops at the first thing that is wrong.
    package func testProvider(_ scope: ScopeRow) async throws -> [Finding] {
        guard let providers, let terms = try await providers.terms(scope.id) else {
            throw Refusal(
                .notFound, reason: "identity.none",
                "This tenant has no `identity` section in tenant.yaml; its people sign in here.")
        }
        var found: [Finding] = []
        var stage = "address of this server"
        do {
            found.append(Finding(what: stage, verdict: .good, detail: "register \(try redirect(scope)) with the provider"))
            stage = "secret"
            _ = try await providers.secret(terms, scope.id)
            found.append(Finding(what: stage, verdict: .good, detail: "\(terms.secret) is set"))
            stage = "what the provider says of itself"
            await providers.refresh(scope.id)
            let metadata = try await providers.metadata(terms, scope.id)
            found.append(Finding(what: stage, verdict: .good, detail: terms.discoveryAddress))
            found.append(
                metadata.takesChallenge == nil
                    ? Finding(
                        what: "code challenge", verdict: .look,
                        detail: "the provider does not say that it checks them; every sign-in sends one")
                    : Finding(what: "code challenge", verdict: .good, detail: "by S256"))
            found.append(
                Finding(
                    what: "name in the answer", verdict: metadata.namesItself ? .good : .look,
                    detail: metadata.namesItself
                        ? "the provider names itself, which is checked"
                        : "the provider does not name itself; the address above is for it alone"))
            found.append(
                Finding(what: "signatures", verdict: .good, detail: metadata.algorithms.joined(separator: ", ")))
            stage = "keys"
            let keys = try await providers.keys(metadata, terms, scope.id)
            let fitting = keys.keys.count { key in
                metadata.algorithms.compactMap(TokenAlgorithm.init(rawValue:)).contains { key.fits($0) }
            }
            found.append(
                Finding(
                    what: stage, verdict: fitting > 0 ? .good : .wrong,
                    detail: fitting > 0
                        ? "\(fitting) of the published keys can be used"
                        : "\(metadata.keys) has no key for these signatures; have the provider sign by one of them"))
        } catch let refusal as Refusal {
            found.append(Finding(what: stage, verdict: .wrong, detail: refusal.message + SigningIn.remedy(refusal, terms)))
        }
        return found
    }

    /// How it is mended, as far as that is known from here.
    private static func remedy(_ refusal: Refusal, _ terms: IdentityTerms) -> String {
        switch refusal.reason {
        case "provider.secret": " Store it: countersignd secret --tenant … --name \(terms.secret)."
        case "provider.issuer": " Write the issuer as its discovery document does, slash for slash."
        case "provider.unreached":
            " See that the address is right; if it lies inside your network, name it under `allow` in the section. A worker that "
                + "was started before this section was applied dials no other port than 443 and 8443 yet."
        case "provider.status", "provider.body": " See that the issuer is right: this address is made from it."
        case "provider.algorithms": " Have it sign by RS256, PS256, ES256 or EdDSA for this client."
        default: ""
        }
    }
}
