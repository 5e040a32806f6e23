package import Kernel
internal import Postgres
package import Records
package import Seals

/// The second factor: codes of an authenticator app, and recovery codes for when the telephone is gone.
extension SigningIn {
    /// Wrong codes in one waiting session before the password is asked for again.
    static let pendingTries: Int32 = 5
    /// Wrong codes in a row before codes of the app rest for `factorPauseSeconds`. Recovery codes work even then: at 120 bits
    /// nobody guesses one, so nobody can keep the rightful person out by guessing.
    static let factorFailuresMax: Int32 = 5
    static let factorPauseSeconds: Int64 = 300
    static let secretBytes = 20
    static let recoveryCodes = 10
    static let recoveryBytes = 15
    private static let issuer = "Countersign"

    static let wrongCode = Refusal(
        .unauthenticated, reason: "sign-in.code", "This code is not right, or was used before. Wait for the next one.")

    /// What an authenticator app is told, shown until a code confirms it.
    package struct Enrolment: Sendable {
        /// In base 32, for typing.
        package let secret: String
        /// For a QR code: `otpauth://totp/…`.
        package let address: String
    }

    package struct FactorState: Sendable {
        package let confirmedAt: Moment?
        package let isWaiting: Bool
        package let recoveryLeft: Int
    }

    // MARK: Signing in

    /// The second step of a sign-in: the token of a waiting session and a code give a whole session with another token.
    package func prove(pending text: String, code: String, from caller: Caller = Caller()) async throws -> Opened {
        let again = Refusal(
            .unauthenticated, reason: "sign-in.again", "This sign-in took too long or too many codes. Begin again.")
        guard let token = SecretToken(presented: text), let (tenant, session) = try await owner(of: token) else { throw again }
        let now = platform.clock.now
        let found = try await platform.store.withTenant(tenant) { tx -> PersonRow? in
            let row = try await tx.query(
                SessionQueries.tryPending(tenant: tenant, id: session, now: now, triesMax: SigningIn.pendingTries)
            ).first
            guard let id = try row?.get("person_id", as: PersonID.self) else { return nil }
            return try await tx.query(ScopeQueries.person(tenant: tenant, id: id)).first.map(PersonRow.init)
        }
        guard let person = found, person.state == "active" else { throw again }
        guard let kind = try await accept(code, of: person) else { throw SigningIn.wrongCode }
        return try await begin(tenant, person, caller, isKnown: false, by: "second step by \(kind)", ending: session)
    }

    /// Takes a code once: `code` of the app or `recovery code`; nil for a wrong one, which is counted.
    func accept(_ text: String, of person: PersonRow) async throws -> String? {
        let now = platform.clock.now
        let typed = String(text.uppercased().unicodeScalars.filter { $0 != " " && $0 != "-" }.prefix(64).map(Character.init))
        return try await platform.store.withTenant(person.tenant) { tx -> String? in
            if typed.utf8.count != OneTimeCode().digits {
                let hash = SHA256.hash(Array(typed.utf8))
                let rows = try await tx.query(
                    FactorQueries.useRecovery(tenant: person.tenant, person: person.id, hash: hash, now: now))
                let action = rows.isEmpty ? "factor.failed" : "recovery.used"
                try await tx.execute(AuditQueries.insert([entry(person.tenant, action, of: person)]))
                return rows.isEmpty ? nil : "recovery code"
            }
            guard let factor = try await factor(of: person.id, in: person.tenant, tx) else { return nil }
            if factor.failures >= SigningIn.factorFailuresMax, let at = factor.failedAt,
                now.seconds(since: at) < SigningIn.factorPauseSeconds
            {
                throw Refusal(
                    .tooMany, reason: "sign-in.code-paused",
                    "Too many wrong codes. Wait five minutes, or use a recovery code.",
                    facts: ["retryAfterSeconds": "\(SigningIn.factorPauseSeconds)"])
            }
            let secret = try platform.secrets.open(factor.sealed, at: place(person, factor.version))
            let seconds = now.microseconds / 1_000_000
            guard let step = OneTimeCode().step(of: typed, secret: secret, atSeconds: seconds, after: factor.lastStep),
                try await !tx.query(
                    FactorQueries.takeStep(tenant: person.tenant, person: person.id, version: factor.version, step: step)
                ).isEmpty
            else {
                try await tx.execute(
                    FactorQueries.noteFailure(tenant: person.tenant, person: person.id, version: factor.version, now: now))
                try await tx.execute(AuditQueries.insert([entry(person.tenant, "factor.failed", of: person)]))
                return nil
            }
            return "code"
        }
    }

    /// The factor in force.
    func factor(of person: PersonID, in tenant: TenantID, _ tx: Transaction) async throws -> FactorRow? {
        try await tx.query(FactorQueries.factors(tenant: tenant, person: person)).map(FactorRow.init)
            .first { $0.confirmedAt != nil }
    }

    private func place(_ person: PersonRow, _ version: Int32) -> SecretPlace {
        SecretPlace(
            tenant: person.tenant, table: "second_factor", column: "sealed", row: person.id.text, version: Int(version))
    }

    // MARK: A fresh proof

    /// Throws unless the person proved to be there a moment ago. A key proves nothing of the kind.
    package func requireFreshProof(_ identity: Identity) throws(Refusal) {
        guard identity.key == nil else {
            throw Refusal(
                .forbidden, reason: "proof.key", "This takes a person at a screen; an API key cannot do it.")
        }
        guard let at = identity.provedAt, platform.clock.now.seconds(since: at) <= platform.settings.proofSeconds else {
            throw Refusal(
                .forbidden, reason: "proof.needed",
                "Prove that it is you: this asks for a proof of the last \(platform.settings.proofSeconds / 60) minutes.")
        }
    }

    /// Proves anew that the person is there: by a code where there is a second factor, else by the password. The session goes on
    /// under another token; the old one opens nothing any more.
    package func proveAnew(_ identity: Identity, password: String?, code: String?) async throws -> SecretToken {
        guard let session = identity.session else {
            throw Refusal(.forbidden, reason: "proof.key", "This takes a person at a screen; an API key cannot do it.")
        }
        let (tenant, person) = (identity.tenant, identity.person)
        let kind: String
        if try await factorState(of: person).confirmedAt != nil {
            guard let accepted = try await accept(code ?? "", of: person) else { throw SigningIn.wrongCode }
            kind = accepted
        } else {
            try await requirePasswords(tenant)
            try await check(password ?? "", of: person)
            kind = "password"
        }
        return try await proved(person, session, by: kind)
    }

    /// The session goes on under another token.
    func proved(_ person: PersonRow, _ session: SessionID, by kind: String) async throws -> SecretToken {
        let (token, now, tenant) = (SecretToken(entropy: platform.entropy), platform.clock.now, person.tenant)
        let isGiven = try await platform.store.withTenant(tenant) { tx in
            let rows = try await tx.query(SessionQueries.prove(tenant: tenant, id: session, tokenHash: token.hash, now: now))
            try await tx.execute(
                AuditQueries.insert([
                    entry(tenant, "sign-in.proved", of: person, ["session": JSONValue(session), "proof": .string(kind)])
                ]))
            return rows.count == 1
        }
        guard isGiven else { throw Refusal(.unauthenticated, reason: "sign-in.needed", "Sign in first.") }
        return token
    }

    /// Verifies the person's own password; wrong ones are counted, so that a stolen session is no place to guess in.
    func check(_ password: String, of person: PersonRow) async throws {
        let wrong = Refusal(.forbidden, reason: "password.wrong", "This is not your present password.")
        guard (1...PasswordHasher.passwordBytesMax).contains(password.utf8.count) else { throw wrong }
        let name = "own \(person.id)"
        try await counted([(name: name, max: SigningIn.failuresMax)]) {
            let stored = try await platform.store.withTenant(person.tenant) { tx in
                try await tx.query(SignInQueries.account(tenant: person.tenant, person: person.id)).first?
                    .get("password_hash", as: String?.self)
            }
            guard case .matches = try await hasher.verify(password, against: stored ?? nil) else { throw wrong }
            attempts.clear(name)
        }
    }

    // MARK: Having one

    package func factorState(of person: PersonRow) async throws -> FactorState {
        try await platform.store.withTenant(person.tenant) { tx in
            let rows = try await tx.query(FactorQueries.factors(tenant: person.tenant, person: person.id)).map(FactorRow.init)
            let left = try await tx.query(FactorQueries.recoveryLeft(tenant: person.tenant, person: person.id)).only()
            return FactorState(
                confirmedAt: rows.first { $0.confirmedAt != nil }?.confirmedAt,
                isWaiting: rows.first.map { $0.confirmedAt == nil } ?? false,
                recoveryLeft: Int(try left.get("n", as: Int64.self)))
        }
    }

    /// Makes a secret that waits for its first code. One in force stays so until then; replacing one takes a fresh proof.
    package func enrol(_ identity: Identity) async throws -> Enrolment {
        try requireFreshProof(identity)
        let person = identity.person
        let secret = platform.entropy.bytes(SigningIn.secretBytes)
        let now = platform.clock.now
        try await platform.store.withTenant(person.tenant) { tx in
            let rows = try await tx.query(FactorQueries.factors(tenant: person.tenant, person: person.id)).map(FactorRow.init)
            let version = (rows.first?.version ?? 0) + 1
            // Of those that waited before, nothing is kept: only the newest can be confirmed.
            if let inForce = rows.first(where: { $0.confirmedAt != nil }) {
                try await tx.execute(FactorQueries.remove(tenant: person.tenant, person: person.id, besides: inForce.version))
            } else {
                try await tx.execute(FactorQueries.remove(tenant: person.tenant, person: person.id, besides: version))
            }
            let sealed = platform.secrets.seal(secret, at: place(person, version))
            let added = try await tx.query(
                FactorQueries.add(tenant: person.tenant, person: person.id, version: version, sealed: sealed, now: now))
            guard added.count == 1 else {
                throw Refusal(.conflict, reason: "factor.race", "Another window is setting up a second factor at this moment.")
            }
        }
        return SigningIn.enrolment(secret, person)
    }

    /// The secret that waits, shown again until it is confirmed; nil when none waits.
    package func waitingEnrolment(_ identity: Identity) async throws -> Enrolment? {
        let person = identity.person
        let waiting = try await platform.store.withTenant(person.tenant) { tx in
            try await tx.query(FactorQueries.factors(tenant: person.tenant, person: person.id)).map(FactorRow.init).first
        }
        guard let waiting, waiting.confirmedAt == nil else { return nil }
        return SigningIn.enrolment(try platform.secrets.open(waiting.sealed, at: place(person, waiting.version)), person)
    }

    private static func enrolment(_ secret: [UInt8], _ person: PersonRow) -> Enrolment {
        let text = Base32.text(secret)
        // An e-mail address of the people file has no sign that a label would have to escape but the `+`.
        let label = person.email.map { $0 == "+" ? "%2B" : $0 == "@" ? "%40" : String($0) }.joined()
        return Enrolment(secret: text, address: "otpauth://totp/\(issuer):\(label)?secret=\(text)&issuer=\(issuer)")
    }

    /// The first code of the waiting secret puts it in force and gives recovery codes, which are shown this once.
    package func confirm(_ identity: Identity, code: String) async throws -> [String] {
        try requireFreshProof(identity)
        let (person, now) = (identity.person, platform.clock.now)
        let typed = String(code.filter { $0 != " " })
        let codes = newRecoveryCodes()
        try await platform.store.withTenant(person.tenant) { tx in
            let rows = try await tx.query(FactorQueries.factors(tenant: person.tenant, person: person.id)).map(FactorRow.init)
            guard let waiting = rows.first, waiting.confirmedAt == nil else {
                throw Refusal(.conflict, reason: "factor.none-waiting", "No second factor waits to be confirmed. Begin again.")
            }
            let secret = try platform.secrets.open(waiting.sealed, at: place(person, waiting.version))
            guard let step = OneTimeCode().step(of: typed, secret: secret, atSeconds: now.microseconds / 1_000_000) else {
                throw Refusal(
                    .unprocessable, reason: "factor.code",
                    "This code does not belong to the secret shown here. See that the clock of your device is right.",
                    facts: ["field": "code"])
            }
            let confirmed = try await tx.query(
                FactorQueries.confirm(
                    tenant: person.tenant, person: person.id, version: waiting.version, step: step, now: now))
            guard confirmed.count == 1 else {
                throw Refusal(.conflict, reason: "factor.race", "Another window has just confirmed this second factor.")
            }
            try await tx.execute(FactorQueries.remove(tenant: person.tenant, person: person.id, besides: waiting.version))
            try await put(codes, person, tx)
            // Whoever was signed in without it has to come back with it.
            try await tx.execute(
                SessionQueries.endOthers(tenant: person.tenant, person: person.id, besides: identity.session, now: now))
            try await tx.execute(AuditQueries.insert([entry(person.tenant, "factor.added", of: person)]))
        }
        return codes
    }

    /// New recovery codes; the old ones open nothing any more.
    package func renewRecovery(_ identity: Identity) async throws -> [String] {
        try requireFreshProof(identity)
        let person = identity.person
        guard try await factorState(of: person).confirmedAt != nil else {
            throw Refusal(.conflict, reason: "factor.none", "There is no second factor that could be recovered from.")
        }
        let codes = newRecoveryCodes()
        try await platform.store.withTenant(person.tenant) { tx in
            try await put(codes, person, tx)
            try await tx.execute(AuditQueries.insert([entry(person.tenant, "recovery.renewed", of: person)]))
        }
        return codes
    }

    /// Takes one's own second factor away.
    package func removeFactor(_ identity: Identity) async throws {
        try requireFreshProof(identity)
        try await removeFactor(of: identity.person, by: nil)
    }

    /// Takes a person's second factor away; by somebody else when `actor` is given. Ends their sessions.
    func removeFactor(of person: PersonRow, by actor: PersonID?) async throws {
        let now = platform.clock.now
        try await platform.store.withTenant(person.tenant) { tx in
            let gone = try await tx.query(FactorQueries.remove(tenant: person.tenant, person: person.id, besides: 0))
            guard !gone.isEmpty else {
                throw Refusal(.conflict, reason: "factor.none", "There is no second factor to take away.")
            }
            try await tx.execute(FactorQueries.dropRecovery(tenant: person.tenant, person: person.id))
            if actor != nil {
                try await tx.execute(
                    SessionQueries.endOthers(tenant: person.tenant, person: person.id, besides: nil, now: now))
            }
            try await tx.execute(AuditQueries.insert([entry(person.tenant, "factor.removed", of: person, by: actor)]))
        }
    }

    /// Six groups of four: 120 bits each, so a plain hash keeps them.
    private func newRecoveryCodes() -> [String] {
        (0..<SigningIn.recoveryCodes).map { _ in
            let text = Array(Base32.text(platform.entropy.bytes(SigningIn.recoveryBytes)))
            return stride(from: 0, to: text.count, by: 4).map { String(text[$0..<min($0 + 4, text.count)]) }
                .joined(separator: "-")
        }
    }

    private func put(_ codes: [String], _ person: PersonRow, _ tx: Transaction) async throws {
        try await tx.execute(FactorQueries.dropRecovery(tenant: person.tenant, person: person.id))
        let hashes = codes.map { SHA256.hash(Array($0.utf8.filter { $0 != UInt8(ascii: "-") })) }
        try await tx.execute(
            FactorQueries.addRecovery(
                tenant: person.tenant, person: person.id, hashes: hashes, now: platform.clock.now))
    }
}
