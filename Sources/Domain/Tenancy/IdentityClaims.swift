package import Kernel

/// Who somebody is, as an identity token says whose signature was verified: the claims of it that were checked.
package struct IdentityClaims: Sendable, Equatable {
    /// How far the provider's clock and ours may differ.
    package static let skewSeconds: Int64 = 60
    /// A token is used where it was asked for, within the time that a sign-in may take; an older one came from somewhere else.
    package static let ageSecondsMax: Int64 = 600
    static let subjectBytesMax = 255
    static let methodsMax = 16

    /// Never given to somebody else by its issuer; with it, it is who somebody is.
    package let subject: String
    /// Nil unless the provider says that it made sure of it.
    package let verifiedEmail: String?
    /// The address where the provider does not say whether it made sure of it; nil where it says no.
    package let unspokenEmail: String?
    package let context: String?
    package let methods: [String]
    package let authenticatedAt: Int64?

    /// What the token has to be for.
    package struct Expectation: Sendable {
        package let issuer: String
        package let clientID: String
        package let nonce: String
        /// The left half of the access token's hash in base64url; nil when none came with it.
        package let accessTokenHash: String?
        /// The person has to have proved themselves to the provider at or after this; nil when any time will do.
        package let authenticatedSince: Int64?

        package init(
            issuer: String, clientID: String, nonce: String, accessTokenHash: String?, authenticatedSince: Int64? = nil
        ) {
            self.issuer = issuer
            self.clientID = clientID
            self.nonce = nonce
            self.accessTokenHash = accessTokenHash
            self.authenticatedSince = authenticatedSince
        }
    }

    /// Checks the claims as OpenID Connect Core 3.1.3.7 asks, more strictly where it leaves a choice; `now` in seconds.
    package init(_ claims: JSONObject, for expected: Expectation, now: Int64) throws(Refusal) {
        guard let issuer = claims["iss"]?.string, sameBytes(issuer, expected.issuer) else {
            throw .claim("issuer", "The token is of another issuer.")
        }
        try IdentityClaims.checkAudience(claims, expected.clientID)
        try IdentityClaims.checkTimes(claims, now: now)
        guard let nonce = claims["nonce"]?.string, sameBytes(nonce, expected.nonce) else {
            throw .claim("nonce", "The token was not made for this sign-in (its nonce is another).")
        }
        if let written = claims["at_hash"] {
            guard let text = written.string, let hash = expected.accessTokenHash, sameBytes(text, hash) else {
                throw .claim("access-token", "The access token is not the one that the token was made with (at_hash).")
            }
        }
        guard let subject = claims["sub"]?.string, (1...IdentityClaims.subjectBytesMax).contains(subject.utf8.count),
            subject.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { throw .claim("subject", "The token names nobody (sub has 1 to 255 signs of ASCII).") }
        self.subject = subject
        authenticatedAt = try IdentityClaims.seconds(claims, "auth_time")
        if let since = expected.authenticatedSince {
            guard let at = authenticatedAt, at >= since - IdentityClaims.skewSeconds else {
                throw .claim("proof", "The provider did not ask the person anew (auth_time).")
            }
        }
        // Only the truth value: a text or a number that looks like one is an opinion.
        verifiedEmail = claims["email_verified"] == .bool(true) ? claims["email"]?.string : nil
        unspokenEmail = claims["email_verified"] == nil ? claims["email"]?.string : nil
        context = claims["acr"]?.string.map { String($0.prefix(200)) }
        methods = (claims["amr"]?.array ?? []).prefix(IdentityClaims.methodsMax).compactMap { method in
            method.string.flatMap { $0.utf8.count <= 60 ? $0 : nil }
        }
    }

    /// We have to be meant. Where others are meant too, the token says for whom it was made, and that has to be us.
    private static func checkAudience(_ claims: JSONObject, _ client: String) throws(Refusal) {
        let audiences: [String]
        switch claims["aud"] {
        case .string(let one): audiences = [one]
        case .array(let several):
            audiences = several.compactMap(\.string)
            guard audiences.count == several.count, audiences.count <= 20 else {
                throw .claim("audience", "For whom the token is cannot be read (aud).")
            }
        default: throw .claim("audience", "The token does not say for whom it is (aud).")
        }
        guard audiences.contains(where: { sameBytes($0, client) }) else {
            throw .claim("audience", "The token is for somebody else (aud).")
        }
        let party = claims["azp"]
        if audiences.count > 1 || party != nil {
            guard let text = party?.string, sameBytes(text, client) else {
                throw .claim("party", "The token was made for somebody else (azp).")
            }
        }
    }

    private static func checkTimes(_ claims: JSONObject, now: Int64) throws(Refusal) {
        guard let expires = try seconds(claims, "exp"), let issued = try seconds(claims, "iat") else {
            throw .claim("times", "The token does not say when it was made and when it ends (iat, exp).")
        }
        guard expires > now - skewSeconds else { throw .claim("expired", "The token has ended (exp).") }
        guard issued <= now + skewSeconds else { throw .claim("future", "The token was made in the future (iat).") }
        guard issued >= now - ageSecondsMax - skewSeconds else {
            throw .claim("stale", "The token was made more than \(ageSecondsMax / 60) minutes ago (iat).")
        }
        guard expires > issued else { throw .claim("times", "The token ends before it begins.") }
        if let from = try seconds(claims, "nbf"), from > now + skewSeconds {
            throw .claim("future", "The token is not good yet (nbf).")
        }
    }

    /// A time in seconds; some providers write a fraction, which is cut off. Nil when it is not given.
    private static func seconds(_ claims: JSONObject, _ name: String) throws(Refusal) -> Int64? {
        guard let value = claims[name] else { return nil }
        guard case .number(let number) = value else { throw .claim("times", "\(name) is no time.") }
        let parts = number.text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        // 10^12 seconds are the year 33658; beyond it an addition could overflow.
        guard let whole = Int64(parts[0]), (0...1_000_000_000_000).contains(whole),
            parts.count == 1 || parts[1].utf8.allSatisfy(\.isDigit)
        else { throw .claim("times", "\(name) is no time.") }
        return whole
    }
}

extension Refusal {
    fileprivate static func claim(_ reason: String, _ message: String) -> Refusal {
        Refusal(.forbidden, reason: "id-token.\(reason)", message)
    }
}
