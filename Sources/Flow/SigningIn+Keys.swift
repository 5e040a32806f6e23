package import Kernel
internal import Postgres
package import Records
package import Seals
internal import Tenancy

/// API keys: they act as a person, with that person's rights and never more, perhaps in fewer roles and tenants.
extension SigningIn {
    package static let keyDays: ClosedRange<Int64> = 1...365
    /// Keys of one person that are in force at once.
    package static let keysMax = 20
    package static let keyNameMax = 80
    /// How long a key that is replaced still works, so that nothing has to be changed everywhere at one moment.
    package static let overlapHours: ClosedRange<Int64> = 0...168
    package static let overlapHoursUsual: Int64 = 24
    /// The last use is kept to the hour: a key is used all day, and reading must not write each time.
    static let useSeconds: Int64 = 3600

    /// What somebody asks for in a new key.
    package struct KeyWish: Sendable {
        package let name: String
        package let days: Int64
        /// Names of roles it is limited to; empty for all that its person holds.
        package let roles: [String]
        /// Short names of tenants it is limited to; empty for all.
        package let tenants: [String]

        package init(name: String, days: Int64, roles: [String] = [], tenants: [String] = []) {
            self.name = name
            self.days = days
            self.roles = roles
            self.tenants = tenants
        }
    }

    /// The text is shown this once and kept by nobody.
    package struct MadeKey: Sendable {
        package let id: SessionID
        package let text: APIKeyText
        package let expiresAt: Moment
    }

    /// Whose key this is; nil for a wrong form, an unknown, revoked or ended one, and one of another environment.
    package func identity(apiKey text: String) async throws -> Identity? {
        guard let key = APIKeyText(text), key.environment == platform.settings.environment else { return nil }
        let now = platform.clock.now
        let owner = try await platform.store.withGate { tx in
            try await tx.query(SignInQueries.keyOwner(keyID: key.keyID)).first.map { try $0.get("tenant_id", as: TenantID.self) }
        }
        guard let tenant = owner else { return nil }
        return try await platform.store.withTenant(tenant) { tx -> Identity? in
            let live = KeyQueries.live(tenant: tenant, keyID: key.keyID, environment: key.environment, now: now)
            guard let row = try await tx.query(live).first, key.matches(try row.get("secret_hash", as: [UInt8].self)) else {
                return nil
            }
            let known = try KeyRow(row)
            if known.usedAt.map({ now.seconds(since: $0) >= SigningIn.useSeconds }) ?? true {
                try await tx.execute(KeyQueries.touch(tenant: tenant, id: known.id, now: now))
            }
            return try await tx.query(ScopeQueries.person(tenant: tenant, id: known.person)).first.map(PersonRow.init).map {
                Identity(tenant: tenant, person: $0, session: nil, provedAt: nil, key: known)
            }
        }
    }

    /// Makes a key that acts as `person`.
    ///
    /// For oneself, or for a machine: somebody who has no account of their own. A key for another human being would be a second
    /// pair of hands, so there is none. Nil for `maker` is the operator at the server's own command line.
    package func makeKey(
        _ wish: KeyWish, for person: PersonID, in tenant: TenantID, by maker: Identity?
    ) async throws -> MadeKey {
        if let maker {
            try requireFreshProof(maker)
            try SigningIn.requireHome(maker, tenant)
        }
        guard SigningIn.keyDays.contains(wish.days) else {
            throw Refusal(
                .invalid, reason: "key.days",
                "A key lives \(SigningIn.keyDays.lowerBound) to \(SigningIn.keyDays.upperBound) days.", facts: ["field": "days"])
        }
        guard (1...SigningIn.keyNameMax).contains(wish.name.unicodeScalars.count), TextRule.line.problem(with: wish.name) == nil
        else {
            throw Refusal(
                .invalid, reason: "key.name",
                "Say in a line of at most \(SigningIn.keyNameMax) characters what the key is for.", facts: ["field": "name"])
        }
        let now = platform.clock.now
        return try await platform.store.withTenant(tenant) { tx in
            _ = try await tx.query(KeyQueries.lockPerson(tenant: tenant, person: person))
            let found = try await tx.query(ScopeQueries.person(tenant: tenant, id: person)).first.map(PersonRow.init)
            guard let found, found.state == "active" else {
                throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.")
            }
            if let maker, maker.person.id != person,
                try await !tx.query(SignInQueries.account(tenant: tenant, person: person)).isEmpty
            {
                throw Refusal(
                    .forbidden, reason: "key.of-another",
                    "\(found.name) signs in with a password and makes keys of their own. Keys for others are for machines: "
                        + "people whose entry says `login: false`.")
            }
            try SigningIn.check(wish, of: found)
            let keys = try await tx.query(KeyQueries.ofPerson(tenant: tenant, person: person)).map(KeyRow.init)
            guard keys.count(where: { $0.isLive(at: now) }) < SigningIn.keysMax else {
                throw Refusal(
                    .conflict, reason: "key.many",
                    "\(found.name) has \(SigningIn.keysMax) keys in force. Revoke one that is not used any more.")
            }
            let new = new(wish, found, maker: maker?.person.id, replaces: nil)
            return try await put(new, found, until: now.adding(seconds: wish.days * 86_400), "key.created", maker, tx)
        }
    }

    /// A limit that names what the person does not hold would be a key that opens nothing, or one day more than was meant.
    private static func check(_ wish: KeyWish, of person: PersonRow) throws {
        let grants = try (person.roles["grants"]?.array ?? []).map { json throws in try Grant(json: json) }
        let held = Set(grants.map(\.role))
        if let role = wish.roles.first(where: { !held.contains($0) }) {
            throw Refusal(
                .unprocessable, reason: "key.role", "\(person.name) does not hold the role \(role).", facts: ["field": "roles"])
        }
        for tenant in wish.tenants
        where TextRule.slug.problem(with: tenant) != nil || !grants.contains(where: { $0.mayReach(tenant) }) {
            throw Refusal(
                .unprocessable, reason: "key.tenant", "\(person.name) holds nothing at \(tenant).", facts: ["field": "tenants"])
        }
    }

    /// Makes the key's successor, with the same limits and as long a life; the old one works on for `overlapHours`.
    package func rotateKey(
        _ id: SessionID, in tenant: TenantID, overlapHours: Int64, by maker: Identity, isAllowed: @Sendable (PersonID) -> Bool
    ) async throws -> MadeKey {
        try requireFreshProof(maker)
        try SigningIn.requireHome(maker, tenant)
        guard SigningIn.overlapHours.contains(overlapHours) else {
            throw Refusal(
                .invalid, reason: "key.overlap",
                "The old key may work on for \(SigningIn.overlapHours.lowerBound) to \(SigningIn.overlapHours.upperBound) hours.",
                facts: ["field": "overlapHours"])
        }
        let now = platform.clock.now
        return try await platform.store.withTenant(tenant) { tx in
            guard let old = try await tx.query(KeyQueries.find(tenant: tenant, id: id)).first.map(KeyRow.init),
                isAllowed(old.person), old.isLive(at: now),
                let person = try await tx.query(ScopeQueries.person(tenant: tenant, id: old.person)).first.map(PersonRow.init)
            else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
            let keys = try await tx.query(KeyQueries.ofPerson(tenant: tenant, person: old.person)).map(KeyRow.init)
            guard !keys.contains(where: { $0.replaces == old.id && $0.isLive(at: now) }) else {
                throw Refusal(
                    .conflict, reason: "key.rotating",
                    "This key was replaced a short while ago and both work still. Revoke one of them first.")
            }
            let life = old.expiresAt.seconds(since: old.createdAt)
            try await tx.execute(
                KeyQueries.shorten(tenant: tenant, id: id, until: now.adding(seconds: overlapHours * 3600)))
            let wish = KeyWish(name: old.name, days: 1, roles: old.roles, tenants: old.tenants)
            let new = new(wish, person, maker: old.maker == nil ? nil : maker.person.id, replaces: old.id)
            return try await put(new, person, until: now.adding(seconds: life), "key.rotated", maker, tx)
        }
    }

    /// Ends a key at once. Takes no fresh proof: who finds a key in the wrong place has to be quick.
    package func revokeKey(
        _ id: SessionID, in tenant: TenantID, by actor: Identity, isAllowed: @Sendable (PersonID) -> Bool
    ) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(tenant) { tx in
            guard let key = try await tx.query(KeyQueries.find(tenant: tenant, id: id)).first.map(KeyRow.init),
                isAllowed(key.person),
                let person = try await tx.query(ScopeQueries.person(tenant: tenant, id: key.person)).first.map(PersonRow.init),
                try await !tx.query(KeyQueries.revoke(tenant: tenant, id: id, now: now)).isEmpty
            else { throw Refusal(.notFound, reason: "not-found", "There is nothing here by that name.") }
            try await tx.execute(
                AuditQueries.insert([
                    entry(tenant, "key.revoked", of: person, by: actor.person.id, SigningIn.facts(of: key.keyID, key.name))
                ]))
        }
    }

    package func keys(of person: PersonRow) async throws -> [KeyRow] {
        try await platform.store.withTenant(person.tenant) { tx in
            try await tx.query(KeyQueries.ofPerson(tenant: person.tenant, person: person.id)).map(KeyRow.init)
        }
    }

    /// Every key of a scope.
    package func keys(in tenant: TenantID) async throws -> [KeyRow] {
        try await platform.store.withTenant(tenant) { tx in
            try await tx.query(KeyQueries.all(tenant: tenant)).map(KeyRow.init)
        }
    }

    /// Active people of a scope who have no account of their own: only they get keys from others.
    package func machines(in tenant: TenantID) async throws -> Set<PersonID> {
        try await platform.store.withTenant(tenant) { tx in
            Set(try await tx.query(KeyQueries.machines(tenant: tenant)).map { try $0.get("id", as: PersonID.self) })
        }
    }

    private func new(_ wish: KeyWish, _ person: PersonRow, maker: PersonID?, replaces: SessionID?) -> (NewKey, APIKeyText) {
        let text = APIKeyText(environment: platform.settings.environment, entropy: platform.entropy)
        let key = NewKey(
            id: platform.newID(), keyID: text.keyID, secretHash: text.secretHash, person: person.id, name: wish.name,
            environment: text.environment, roles: wish.roles, tenants: wish.tenants, maker: maker, replaces: replaces)
        return (key, text)
    }

    private func put(
        _ new: (key: NewKey, text: APIKeyText), _ person: PersonRow, until: Moment, _ action: String, _ maker: Identity?,
        _ tx: Transaction
    ) async throws -> MadeKey {
        let (key, text) = new
        try await tx.execute(KeyQueries.put(tenant: person.tenant, key, now: platform.clock.now, expiresAt: until))
        try await tx.execute(
            AuditQueries.insert([
                entry(
                    person.tenant, action, of: person, by: maker?.person.id, SigningIn.facts(of: text.keyID, key.name))
            ]))
        return MadeKey(id: key.id, text: text, expiresAt: until)
    }

    private static func facts(of keyID: String, _ name: String) -> JSONObject {
        ["key": .string(keyID), "name": .string(name)]
    }
}

extension KeyRow {
    /// Whether it opens anything at that moment.
    package func isLive(at now: Moment) -> Bool { revokedAt == nil && now < expiresAt }

    /// Whether somebody else made it: then a machine acts, for no human being makes a key for another.
    package var isMachine: Bool { hasNoAccount || (maker.map { $0 != person } ?? false) }
}

extension Grant {
    /// Whether it may say anything about the tenant of that short name.
    fileprivate func mayReach(_ slug: String) -> Bool {
        if case .tenant(let own, _) = scope { sameBytes(own, slug) } else { true }
    }
}
