package import Kernel
internal import Postgres
package import Records
package import Seals
internal import Tenancy

/// Passwords, the links that set them, and a person's sessions.
extension SigningIn {
    package static let linkSeconds: Int64 = 24 * 3600

    private static let notFound = Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")

    // MARK: Passwords

    /// Sets a password; who may do so is the caller's to check. Ends every session of the person, and every link.
    package func setPassword(_ password: String, of person: PersonID, in tenant: TenantID) async throws {
        let found = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ScopeQueries.person(tenant: tenant, id: person)).first.map(PersonRow.init)
        }
        guard let found else { throw SigningIn.notFound }
        try PasswordRule.check(password, email: found.email)
        try await store(try await hasher.hash(password), of: found, keeping: nil, by: "operator")
    }

    /// Changes one's own password; the present one is asked for even in a session. Every other session ends.
    package func changePassword(_ identity: Identity, from old: String, to new: String) async throws {
        guard identity.key == nil else {
            throw Refusal(.forbidden, reason: "proof.key", "This takes a person at a screen; an API key cannot do it.")
        }
        try PasswordRule.check(new, email: identity.person.email)
        guard !sameBytes(old, new) else {
            throw Refusal(
                .unprocessable, reason: "password.same", "The new password is the present one.", facts: ["field": "password"])
        }
        try await check(old, of: identity.person)
        try await store(try await hasher.hash(new), of: identity.person, keeping: identity.session, by: "person")
    }

    private func store(
        _ hash: String, of person: PersonRow, keeping session: SessionID?, by setter: String, through link: SessionID? = nil
    ) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(person.tenant) { tx in
            if let link {
                // Of two who use one link at once, one gets here.
                guard try await !tx.query(LinkQueries.use(tenant: person.tenant, id: link, now: now)).isEmpty else {
                    throw SigningIn.deadLink
                }
            }
            let rows = try await tx.query(SignInQueries.setPassword(tenant: person.tenant, person: person.id, hash: hash))
            guard rows.count == 1 else { throw SigningIn.notFound }
            try await tx.execute(LinkQueries.void(tenant: person.tenant, person: person.id, now: now))
            try await tx.execute(FactorQueries.forgetDevices(tenant: person.tenant, person: person.id, keep: 0))
            let ended = try await tx.query(
                SessionQueries.endOthers(tenant: person.tenant, person: person.id, besides: session, now: now))
            try await tx.execute(
                AuditQueries.insert([
                    entry(
                        person.tenant, "password.set", of: person,
                        ["by": .string(setter), "sessionsEnded": JSONValue(ended.count)])
                ]))
        }
    }

    // MARK: Links

    static let deadLink = Refusal(
        .notFound, reason: "link.dead", "This link was used before, has ended, or was never one. Ask for a new one.")

    /// Makes a link by which the person sets a password, once, within a day; earlier ones end. It opens nothing by itself, and a
    /// second factor stays asked for. Nil for `maker` is the operator at the server's own command line.
    package func makeLink(for person: PersonID, in tenant: TenantID, by maker: Identity?) async throws -> SecretToken {
        if let maker {
            try requireFreshProof(maker)
            try SigningIn.requireHome(maker, tenant)
            guard maker.person.id != person else {
                throw Refusal(.forbidden, reason: "link.own", "Change your own password with the present one.")
            }
        }
        let (token, id, now) = (SecretToken(entropy: platform.entropy), platform.newID(SessionID.self), platform.clock.now)
        try await platform.store.withTenant(tenant) { tx in
            guard let found = try await tx.query(ScopeQueries.person(tenant: tenant, id: person)).first.map(PersonRow.init),
                found.state == "active",
                try await !tx.query(SignInQueries.account(tenant: tenant, person: person)).isEmpty
            else {
                throw Refusal(.notFound, reason: "person.account", "There is nobody by that name who signs in with a password.")
            }
            try await tx.execute(LinkQueries.void(tenant: tenant, person: person, now: now))
            try await tx.execute(
                LinkQueries.put(
                    tenant: tenant, id: id, tokenHash: token.hash, person: person, by: maker?.person.id, now: now,
                    expiresAt: now.adding(seconds: SigningIn.linkSeconds)))
            try await tx.execute(
                AuditQueries.insert([entry(tenant, "link.made", of: found, by: maker?.person.id, ["link": JSONValue(id)])]))
        }
        return token
    }

    /// Sets a password by a link. The password is looked at first, so that one which is refused does not cost the link.
    package func useLink(_ text: String, password: String) async throws {
        guard let token = SecretToken(presented: text) else { throw SigningIn.deadLink }
        let owner = try await platform.store.withGate { tx in
            try await tx.query(LinkQueries.owner(tokenHash: token.hash)).first.map { row in
                (try row.get("tenant_id", as: TenantID.self), try row.get("id", as: SessionID.self))
            }
        }
        guard let (tenant, link) = owner else { throw SigningIn.deadLink }
        let now = platform.clock.now
        let found = try await platform.store.withTenant(tenant) { tx -> PersonRow? in
            let row = try await tx.query(LinkQueries.live(tenant: tenant, id: link, now: now)).first
            guard let id = try row?.get("person_id", as: PersonID.self) else { return nil }
            return try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init)
        }
        guard let person = found else { throw SigningIn.deadLink }
        try PasswordRule.check(password, email: person.email)
        try await store(try await hasher.hash(password), of: person, keeping: nil, by: "link", through: link)
    }

    // MARK: Sessions

    package func sessions(of person: PersonRow) async throws -> [SessionRow] {
        let now = platform.clock.now
        let idle = now.adding(seconds: -platform.settings.sessionIdleSeconds)
        return try await platform.store.withTenant(person.tenant) { tx in
            try await tx.query(SessionQueries.live(tenant: person.tenant, person: person.id, now: now, idleBefore: idle))
                .map(SessionRow.init)
        }
    }

    /// Ends one of one's own sessions.
    package func endSession(_ id: SessionID, of identity: Identity) async throws {
        let (person, now) = (identity.person, platform.clock.now)
        try await platform.store.withTenant(person.tenant) { tx in
            let rows = try await tx.query(SessionQueries.end(tenant: person.tenant, id: id, of: person.id, now: now))
            guard rows.count == 1 else { throw SigningIn.notFound }
            try await tx.execute(
                AuditQueries.insert([entry(person.tenant, "sign-in.ended", of: person, ["session": JSONValue(id)])]))
        }
    }

    /// Ends every session of this person but the one at hand; with a key at hand, all of them.
    package func endOtherSessions(_ identity: Identity) async throws -> Int {
        try await endSessions(of: identity.person, besides: identity.session, by: nil)
    }

    private func endSessions(of person: PersonRow, besides kept: SessionID?, by actor: PersonID?) async throws -> Int {
        let now = platform.clock.now
        return try await platform.store.withTenant(person.tenant) { tx in
            let rows = try await tx.query(
                SessionQueries.endOthers(tenant: person.tenant, person: person.id, besides: kept, now: now))
            try await tx.execute(
                AuditQueries.insert([
                    entry(person.tenant, "sign-in.ended", of: person, by: actor, ["count": JSONValue(rows.count)])
                ]))
            return rows.count
        }
    }

    // MARK: For somebody else

    /// Whoever can come in as one of a tenant's people, or let a program in as one, would see what the tenant's documents say: so
    /// the operator and partners do not do this from above. The first of a tenant's people is let in at the server's own command
    /// line.
    static func requireHome(_ actor: Identity, _ tenant: TenantID) throws(Refusal) {
        guard actor.tenant == tenant else {
            throw Refusal(
                .forbidden, reason: "care.elsewhere",
                "Only somebody of the same organisation does this: it opens what only they may see.")
        }
    }

    /// What those who look after people may do for one of them. Each takes a fresh proof and is never about oneself.
    package enum Care: String, Sendable, CaseIterable {
        /// The telephone is gone, and the recovery codes with it.
        case removeFactor = "remove-factor"
        case endSessions = "end-sessions"
        /// The identity at the organisation's provider is another one from now on.
        case unlink = "unlink-identity"
    }

    package func care(_ care: Care, for person: PersonID, in tenant: TenantID, by carer: Identity) async throws {
        try requireFreshProof(carer)
        let found = try await platform.store.withTenant(tenant) { tx in
            try await tx.query(ScopeQueries.person(tenant: tenant, id: person)).first.map(PersonRow.init)
        }
        guard let found else { throw SigningIn.notFound }
        guard found.natural != carer.person.natural else {
            throw Refusal(.forbidden, reason: "care.own", "Somebody else has to do this for you.")
        }
        switch care {
        case .removeFactor:
            try SigningIn.requireHome(carer, tenant)
            try await removeFactor(of: found, by: carer.person.id)
        case .endSessions: _ = try await endSessions(of: found, besides: nil, by: carer.person.id)
        case .unlink:
            try SigningIn.requireHome(carer, tenant)
            try await unlink(found, by: carer.person.id)
        }
    }
}
