package import Kernel
internal import Postgres
package import Records
package import Seals

/// Local accounts, sessions and API keys.
package struct SigningIn: Sendable {
    /// Idle and absolute bounds of a session (OWASP session management, low end of the low-risk range; approvers work in bursts).
    package static let idleSeconds: Int64 = 900
    package static let absoluteSeconds: Int64 = 8 * 3600
    /// After this many failures in a row an account answers "too many" for `pauseSeconds`, whatever the password.
    static let failuresMax: Int32 = 8
    static let pauseSeconds: Int64 = 60

    /// A person behind a valid session or key.
    package struct Identity: Sendable {
        package let tenant: TenantID
        package let person: PersonRow
        /// Nil for an API key.
        package let session: SessionID?
    }

    private let platform: Platform
    private let hasher: PasswordHasher

    package init(platform: Platform, hasher: PasswordHasher) {
        self.platform = platform
        self.hasher = hasher
    }

    private static let wrong = Refusal(
        .unauthenticated, reason: "sign-in.wrong", "The e-mail address or the password is not right.")

    /// Opens a session. Unknown address and wrong password take the same way and the same time: a hash is verified in both.
    package func signIn(email: String, password: String) async throws -> (identity: Identity, token: SecretToken) {
        guard email.utf8.count <= 254, password.utf8.count <= 1024 else { throw SigningIn.wrong }
        let folded = SigningIn.fold(email)
        let owners = try await platform.store.withGate { tx in
            try await tx.query(SignInQueries.accounts(emailFolded: folded)).map { row in
                (try row.get("tenant_id", as: TenantID.self), try row.get("person_id", as: PersonID.self))
            }
        }
        guard !owners.isEmpty else {
            _ = try await hasher.verify(password, against: nil)
            throw SigningIn.wrong
        }
        for (tenant, person) in owners {
            if let opened = try await open(tenant: tenant, person: person, password: password) { return opened }
        }
        throw SigningIn.wrong
    }

    private func open(
        tenant: TenantID, person id: PersonID, password: String
    ) async throws -> (identity: Identity, token: SecretToken)? {
        let now = platform.clock.now
        let found = try await platform.store.withTenant(tenant) { tx -> (String?, Int32, Moment?, PersonRow?)? in
            guard let row = try await tx.query(SignInQueries.account(tenant: tenant, person: id)).first else { return nil }
            let person = try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init)
            return (
                try row.get("password_hash", as: String?.self), try row.get("failures", as: Int32.self),
                try row.get("failed_at", as: Moment?.self),
                person
            )
        }
        guard let (stored, failures, failedAt, person) = found, let person, person.state == "active" else {
            _ = try await hasher.verify(password, against: nil)
            return nil
        }
        if failures >= SigningIn.failuresMax, let failedAt, now.seconds(since: failedAt) < SigningIn.pauseSeconds {
            throw Refusal(
                .tooMany, reason: "sign-in.paused", "Too many attempts. Try again in a minute.",
                facts: ["retryAfterSeconds": "\(SigningIn.pauseSeconds)"])
        }
        let verdict = try await hasher.verify(password, against: stored)
        guard case .matches = verdict else {
            try await platform.store.withTenant(tenant) { tx in
                try await tx.execute(SignInQueries.noteFailure(tenant: tenant, person: id, at: now))
                try await tx.execute(AuditQueries.insert([entry(tenant, "sign-in.failed", person: id, now: now)]))
            }
            return nil
        }
        let token = SecretToken(entropy: platform.entropy)
        let session: SessionID = platform.newID()
        try await platform.store.withTenant(tenant) { tx in
            try await tx.execute(SignInQueries.clearFailures(tenant: tenant, person: id))
            try await tx.execute(
                SignInQueries.openSession(
                    tenant: tenant, id: session, tokenHash: token.hash, person: id, now: now,
                    expiresAt: now.adding(seconds: SigningIn.absoluteSeconds)))
            try await tx.execute(AuditQueries.insert([entry(tenant, "sign-in.opened", person: id, now: now)]))
        }
        return (Identity(tenant: tenant, person: person, session: session), token)
    }

    /// Whose session this is; nil when it is none, has ended, or was idle too long.
    package func identity(sessionToken: String) async throws -> Identity? {
        guard let token = SecretToken(presented: sessionToken) else { return nil }
        let now = platform.clock.now
        let owner = try await platform.store.withGate { tx in
            try await tx.query(SignInQueries.sessionOwner(tokenHash: token.hash)).first.map { row in
                (try row.get("tenant_id", as: TenantID.self), try row.get("id", as: SessionID.self))
            }
        }
        guard let (tenant, session) = owner else { return nil }
        return try await platform.store.withTenant(tenant) { tx -> Identity? in
            let idle = now.adding(seconds: -SigningIn.idleSeconds)
            guard
                let row = try await tx.query(SignInQueries.session(tenant: tenant, id: session, now: now, idleBefore: idle)).first
            else { return nil }
            let id = try row.get("person_id", as: PersonID.self)
            guard let person = try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init) else {
                return nil
            }
            // Once a minute is enough for an idle bound of fifteen, and keeps reading pages from writing.
            if now.seconds(since: try row.get("seen_at", as: Moment.self)) >= 60 {
                try await tx.execute(SignInQueries.touchSession(tenant: tenant, id: session, now: now))
            }
            return Identity(tenant: tenant, person: person, session: session)
        }
    }

    package func identity(apiKey text: String) async throws -> Identity? {
        guard let key = APIKeyText(text) else { return nil }
        let now = platform.clock.now
        let owner = try await platform.store.withGate { tx in
            try await tx.query(SignInQueries.keyOwner(keyID: key.keyID)).first.map { try $0.get("tenant_id", as: TenantID.self) }
        }
        guard let tenant = owner else { return nil }
        return try await platform.store.withTenant(tenant) { tx -> Identity? in
            guard let row = try await tx.query(SignInQueries.key(tenant: tenant, keyID: key.keyID, now: now)).first,
                key.matches(try row.get("secret_hash", as: [UInt8].self))
            else { return nil }
            let id = try row.get("person_id", as: PersonID.self)
            return try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init).map {
                Identity(tenant: tenant, person: $0, session: nil)
            }
        }
    }

    package func signOut(_ identity: Identity) async throws {
        guard let session = identity.session else { return }
        let now = platform.clock.now
        try await platform.store.withTenant(identity.tenant) { tx in
            try await tx.execute(SignInQueries.endSession(tenant: identity.tenant, id: session, now: now))
            try await tx.execute(
                AuditQueries.insert([entry(identity.tenant, "sign-in.closed", person: identity.person.id, now: now)]))
        }
    }

    /// Sets a password; who may do so is the caller's to check.
    package func setPassword(_ password: String, of person: PersonID, in tenant: TenantID) async throws {
        guard password.unicodeScalars.count >= 12 else {
            throw Refusal(
                .unprocessable, reason: "password.short", "A password needs at least 12 characters.", facts: ["field": "password"]
            )
        }
        let hash = try await hasher.hash(password)
        let now = platform.clock.now
        let isSet = try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.query(SignInQueries.setPassword(tenant: tenant, person: person, hash: hash))
            try await tx.execute(AuditQueries.insert([entry(tenant, "password.set", person: person, now: now)]))
            return rows.count == 1
        }
        guard isSet else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
    }

    /// Makes an API key that acts as `person`; its text is shown once and kept by nobody.
    package func makeKey(name: String, for person: PersonID, in tenant: TenantID, days: Int64) async throws -> APIKeyText {
        let key = APIKeyText(environment: "prod", entropy: platform.entropy)
        let now = platform.clock.now
        let id: SessionID = platform.newID()
        try await platform.store.withTenant(tenant) { tx in
            try await tx.execute(
                SignInQueries.putKey(
                    tenant: tenant, id: id, keyID: key.keyID, secretHash: key.secretHash, person: person, name: name, now: now,
                    expiresAt: now.adding(seconds: days * 86_400)))
            try await tx.execute(AuditQueries.insert([entry(tenant, "key.created", person: person, now: now)]))
        }
        return key
    }

    private func entry(_ tenant: TenantID, _ action: String, person: PersonID, now: Moment) -> AuditRow {
        AuditRow(
            tenant: tenant, id: platform.newID(), lane: 0, at: now, actorKind: "person", actor: person.text, action: action,
            objectType: "person",
            objectID: person.text, run: nil, content: [:])
    }

    /// Case does not distinguish mail addresses; ASCII only, as the people file demands.
    package static func fold(_ email: String) -> String {
        String(decoding: email.utf8.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
    }
}
