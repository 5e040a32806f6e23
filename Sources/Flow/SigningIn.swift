package import Kernel
internal import Postgres
package import Records
package import Seals
internal import Tenancy

/// Local accounts, sessions and API keys.
package struct SigningIn: Sendable {
    /// Idle and absolute bounds of a session unless the server is started with others (OWASP session management, low end of the
    /// low-risk range; approvers work in bursts).
    package static let idleSeconds: Int64 = 900
    package static let absoluteSeconds: Int64 = 8 * 3600
    /// A session that waits for its second factor lives no longer than it takes to find the telephone.
    package static let pendingSeconds: Int64 = 300
    /// Attempts on one account before it pauses, for strangers and for each browser that the account knows.
    package static let failuresMax = 8
    /// Attempts from one address, whatever the accounts: a whole office may sit behind one.
    package static let addressMax = 60
    package static let deviceSeconds: Int64 = 180 * 86_400
    static let devicesMax = 20

    /// A person behind a valid session or key.
    package struct Identity: Sendable {
        package let tenant: TenantID
        package let person: PersonRow
        /// Nil for an API key.
        package let session: SessionID?
        /// When the person last proved to be there; nil for an API key.
        package let provedAt: Moment?
        /// Nil for a session.
        package let key: KeyRow?
    }

    /// Where an attempt comes from, as far as it tells.
    package struct Caller: Sendable {
        static let agentMax = 200

        package let address: String
        package let agent: String
        /// What the browser kept from an earlier sign-in; nil for a stranger, and for programs.
        package let device: String?
        /// Whether the caller can keep a mark of this device.
        package let keepsDevice: Bool

        /// Whatever does not print, and what is longer than a line, is cut off: it is shown to people.
        package init(address: String = "", agent: String = "", device: String? = nil, keepsDevice: Bool = false) {
            self.address = String(
                address.unicodeScalars.filter { (0x21...0x7E).contains($0.value) }.prefix(64).map(Character.init))
            self.agent = String(
                agent.unicodeScalars.filter { (0x20...0x7E).contains($0.value) }.prefix(Caller.agentMax).map(Character.init))
            self.device = device
            self.keepsDevice = keepsDevice
        }

        var place: SessionPlace { SessionPlace(agent: agent, address: address) }
    }

    /// What a right password or a right code opened.
    package struct Opened: Sendable {
        package let identity: Identity
        package let token: SecretToken
        /// The second factor is still to come; until then the token opens nothing else.
        package let isPending: Bool
        /// A mark for the browser to keep; nil when it has one that is good, or keeps none.
        package let device: SecretToken?
    }

    let platform: Platform
    let hasher: PasswordHasher
    let attempts = AttemptLedger()
    /// The tenants' own identity providers; nil where nobody comes in by one.
    package let providers: IdentityProviders?

    package init(platform: Platform, hasher: PasswordHasher, providers: IdentityProviders? = nil) {
        self.platform = platform
        self.hasher = hasher
        self.providers = providers
    }

    /// How long a session lasts here, however busy it is.
    package var sessionSeconds: Int64 { platform.settings.sessionSeconds }

    static let wrong = Refusal(
        .unauthenticated, reason: "sign-in.wrong", "The e-mail address or the password is not right.")

    /// Told only to those who belong there: whoever knows a password or holds a key or a session.
    package static let suspended = Refusal(
        .forbidden, reason: "tenant.suspended",
        "This tenant is suspended, so nobody of it is let in. Nothing is lost; ask whoever runs the service for you.")

    /// Opens a session. Unknown address and wrong password take the same way and the same time: a hash is verified in both, and
    /// attempts are counted in both.
    package func signIn(email: String, password: String, from caller: Caller = Caller()) async throws -> Opened {
        guard email.utf8.count <= 254, (1...PasswordHasher.passwordBytesMax).contains(password.utf8.count) else {
            throw SigningIn.wrong
        }
        let folded = SigningIn.fold(email)
        let owners = try await platform.store.withGate { tx in
            try await tx.query(SignInQueries.accounts(emailFolded: folded)).map { row in
                (try row.get("tenant_id", as: TenantID.self), try row.get("person_id", as: PersonID.self))
            }
        }
        let account = try await accountName(folded, owners, caller)
        var names = [(name: account.name, max: SigningIn.failuresMax)]
        if !account.isKnown, !caller.address.isEmpty {
            names.append((name: "address \(caller.address)", max: SigningIn.addressMax))
        }
        return try await counted(names) {
            for (tenant, person) in owners {
                guard let opened = try await open(tenant, person, password, caller, isKnown: account.isKnown) else { continue }
                attempts.giveBack(names)
                attempts.clear(account.name)
                return opened
            }
            if owners.isEmpty { _ = try await hasher.verify(password, against: nil) }
            throw SigningIn.wrong
        }
    }

    /// Counts an attempt under these names; one that the hasher was too busy for is given back.
    func counted<Made>(_ names: [(name: String, max: Int)], _ attempt: () async throws -> Made) async throws -> Made {
        try attempts.begin(names, now: platform.clock.now)
        do {
            return try await attempt()
        } catch let refusal as Refusal where refusal.code == .tooMany || refusal.code == .unavailable {
            attempts.giveBack(names)
            throw refusal
        }
    }

    /// Under which name attempts on this account count; a browser that the account knows has a name of its own.
    private func accountName(
        _ folded: String, _ owners: [(TenantID, PersonID)], _ caller: Caller
    ) async throws -> (name: String, isKnown: Bool) {
        let base = SHA256.hexText(Array(folded.utf8))
        guard let device = caller.device.flatMap({ SecretToken(presented: $0) }) else { return (base, false) }
        let since = platform.clock.now.adding(seconds: -SigningIn.deviceSeconds)
        for (tenant, person) in owners {
            let isKnown = try await platform.store.withTenant(tenant) { tx in
                try await !tx.query(
                    FactorQueries.isKnown(tenant: tenant, person: person, device: device.hash, seenAfter: since)
                ).isEmpty
            }
            if isKnown { return ("\(base) \(device.hash.hexText)", true) }
        }
        return (base, false)
    }

    private func open(
        _ tenant: TenantID, _ id: PersonID, _ password: String, _ caller: Caller, isKnown: Bool
    ) async throws -> Opened? {
        let now = platform.clock.now
        let found = try await platform.store.withTenant(tenant) { tx -> (String?, PersonRow?, Bool)? in
            guard let row = try await tx.query(SignInQueries.account(tenant: tenant, person: id)).first else { return nil }
            let person = try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init)
            let factor = try await self.factor(of: id, in: tenant, tx)
            return (try row.get("password_hash", as: String?.self), person, factor != nil)
        }
        guard let (stored, person, hasFactor) = found, let person, person.state == "active" else {
            _ = try await hasher.verify(password, against: nil)
            return nil
        }
        guard case .matches(let isOutdated) = try await hasher.verify(password, against: stored) else {
            try await platform.store.withTenant(tenant) { tx in
                try await tx.execute(SignInQueries.noteFailure(tenant: tenant, person: id, at: now))
                try await tx.execute(AuditQueries.insert([entry(tenant, "sign-in.failed", of: person)]))
            }
            return nil
        }
        try await requirePasswords(tenant)
        if isOutdated, let stored { try await renew(password, stored, person: id, tenant: tenant) }
        guard hasFactor else { return try await begin(tenant, person, caller, isKnown: isKnown, by: "password") }
        return try await wait(for: person, in: tenant, caller)
    }

    /// Asked after the password was right, so that a stranger learns nothing by it.
    func requirePasswords(_ tenant: TenantID) async throws {
        guard let terms = try await identityTerms(tenant), !terms.allowsPasswords else { return }
        throw Refusal(
            .forbidden, reason: "sign-in.organisation",
            "Your organisation does not let passwords in here. Sign in with \(terms.name).")
    }

    /// A session that waits for the person's second factor and opens nothing until then.
    func wait(for person: PersonRow, in tenant: TenantID, _ caller: Caller) async throws -> Opened {
        let now = platform.clock.now
        let (token, session) = (SecretToken(entropy: platform.entropy), platform.newID(SessionID.self))
        try await platform.store.withTenant(tenant) { tx in
            try await tx.execute(
                SessionQueries.open(
                    tenant: tenant, id: session, tokenHash: token.hash, person: person.id, place: caller.place, now: now,
                    expiresAt: now.adding(seconds: SigningIn.pendingSeconds), isPending: true))
        }
        let identity = Identity(tenant: tenant, person: person, session: session, provedAt: nil, key: nil)
        return Opened(identity: identity, token: token, isPending: true, device: nil)
    }

    /// The password is at hand, so it is stored at today's cost. While the hasher is busy that can wait for the next time.
    private func renew(_ password: String, _ stored: String, person: PersonID, tenant: TenantID) async throws {
        guard let hash = try? await hasher.hash(password) else { return }  // the old hash stays good
        try await platform.store.withTenant(tenant) { tx in
            try await tx.execute(SignInQueries.renewHash(tenant: tenant, person: person, from: stored, to: hash))
        }
    }

    /// Opens a whole session; `by` says in the audit log what was proved.
    func begin(
        _ tenant: TenantID, _ person: PersonRow, _ caller: Caller, isKnown: Bool, by proof: String,
        ending pending: SessionID? = nil
    ) async throws -> Opened {
        let now = platform.clock.now
        let (token, session) = (SecretToken(entropy: platform.entropy), platform.newID(SessionID.self))
        let device = caller.keepsDevice && !isKnown ? SecretToken(entropy: platform.entropy) : nil
        let kept = device ?? (isKnown ? caller.device.flatMap { SecretToken(presented: $0) } : nil)
        try await platform.store.withTenant(tenant) { tx in
            let state = try await tx.query(TenantLifeQueries.state(tenant: tenant)).first?.get("state", as: String.self)
            guard state == "active" else { throw SigningIn.suspended }
            if let pending { try await tx.execute(SignInQueries.endSession(tenant: tenant, id: pending, now: now)) }
            try await tx.execute(SignInQueries.clearFailures(tenant: tenant, person: person.id))
            try await tx.execute(
                SessionQueries.open(
                    tenant: tenant, id: session, tokenHash: token.hash, person: person.id, place: caller.place, now: now,
                    expiresAt: now.adding(seconds: platform.settings.sessionSeconds), isPending: false))
            if let kept {
                try await tx.execute(FactorQueries.know(tenant: tenant, person: person.id, device: kept.hash, now: now))
                try await tx.execute(
                    FactorQueries.forgetDevices(tenant: tenant, person: person.id, keep: SigningIn.devicesMax))
            }
            try await tx.execute(
                AuditQueries.insert([
                    entry(
                        tenant, "sign-in.opened", of: person,
                        ["session": JSONValue(session), "proof": .string(proof), "address": .string(caller.address)])
                ]))
        }
        let identity = Identity(tenant: tenant, person: person, session: session, provedAt: now, key: nil)
        return Opened(identity: identity, token: token, isPending: false, device: device)
    }

    /// Whose session this is; nil when it is none, has ended, waits for its second factor, or was idle too long.
    package func identity(sessionToken: String) async throws -> Identity? {
        guard let token = SecretToken(presented: sessionToken), let (tenant, session) = try await owner(of: token) else {
            return nil
        }
        let now = platform.clock.now
        let idle = now.adding(seconds: -platform.settings.sessionIdleSeconds)
        return try await platform.store.withTenant(tenant) { tx -> Identity? in
            guard
                let row = try await tx.query(SignInQueries.session(tenant: tenant, id: session, now: now, idleBefore: idle)).first
            else { return nil }
            let id = try row.get("person_id", as: PersonID.self)
            guard let person = try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init) else {
                return nil
            }
            // Once a minute is enough for an idle bound of minutes, and keeps reading pages from writing.
            if now.seconds(since: try row.get("seen_at", as: Moment.self)) >= 60 {
                try await tx.execute(SignInQueries.touchSession(tenant: tenant, id: session, now: now))
            }
            return Identity(
                tenant: tenant, person: person, session: session, provedAt: try row.get("proved_at", as: Moment?.self), key: nil)
        }
    }

    func owner(of token: SecretToken) async throws -> (TenantID, SessionID)? {
        try await platform.store.withGate { tx in
            try await tx.query(SignInQueries.sessionOwner(tokenHash: token.hash)).first.map { row in
                (try row.get("tenant_id", as: TenantID.self), try row.get("id", as: SessionID.self))
            }
        }
    }

    package func signOut(_ identity: Identity) async throws {
        guard let session = identity.session else { return }
        let now = platform.clock.now
        try await platform.store.withTenant(identity.tenant) { tx in
            try await tx.execute(SignInQueries.endSession(tenant: identity.tenant, id: session, now: now))
            try await tx.execute(AuditQueries.insert([entry(identity.tenant, "sign-in.closed", of: identity.person)]))
        }
    }

    /// An entry about a person; by themselves unless somebody else did it.
    func entry(
        _ tenant: TenantID, _ action: String, of person: PersonRow, by actor: PersonID? = nil, _ content: JSONObject = [:]
    ) -> AuditRow {
        AuditRow(
            tenant: tenant, id: platform.newID(), lane: 0, at: platform.clock.now, actorKind: "person",
            actor: (actor ?? person.id).text, action: action, objectType: "person", objectID: person.id.text, run: nil,
            content: .object(content))
    }

    /// Case does not distinguish mail addresses; ASCII only, as the people file demands.
    package static func fold(_ email: String) -> String {
        String(decoding: email.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}
