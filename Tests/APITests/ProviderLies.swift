import Kernel
import Seals

@testable import Flow

extension PretendProvider {
    typealias Bend = @Sendable (inout Plan) -> Void
    typealias Lie = (what: String, reason: String, bend: Bend)

    /// What a hostile or broken provider may send, and the reason that stands in the audit log.
    static let lies: [Lie] = [
        ("another issuer", "id-token.issuer", { $0.claims["iss"] = "https://login.beta.example/tenant" }),
        ("an issuer with a slash more", "id-token.issuer", { $0.claims["iss"] = .string(PretendProvider.issuer + "/") }),
        ("no issuer", "id-token.issuer", { $0.claims["iss"] = nil }),
        ("another audience", "id-token.audience", { $0.claims["aud"] = "countersign-beta" }),
        ("no audience", "id-token.audience", { $0.claims["aud"] = nil }),
        ("an empty list of audiences", "id-token.audience", { $0.claims["aud"] = [] }),
        ("an audience that is no text", "id-token.audience", { $0.claims["aud"] = [.string(PretendProvider.client), 7] }),
        ("audiences without a party", "id-token.party", { $0.claims["aud"] = [.string(PretendProvider.client), "other"] }),
        ("another party", "id-token.party", { $0.claims["azp"] = "other" }),
        ("another nonce", "id-token.nonce", { $0.claims["nonce"] = "another" }),
        ("no nonce", "id-token.nonce", { $0.claims["nonce"] = nil }),
        ("an end that is past", "id-token.expired", { bend in bend.shift("exp", by: -3661) }),
        ("a beginning to come", "id-token.future", { bend in bend.shift("iat", by: 61) }),
        ("an old token that is still good", "id-token.stale", { bend in bend.shift("iat", by: -661) }),
        ("a time before which it is not good", "id-token.future", { $0.claims["nbf"] = .number(JSONNumber(4_000_000_000)) }),
        ("no end", "id-token.times", { $0.claims["exp"] = nil }),
        ("an end in words", "id-token.times", { $0.claims["exp"] = "tomorrow" }),
        ("an end in powers of ten", "id-token.times", { $0.claims["exp"] = .number(JSONNumber(unchecked: "1e300")) }),
        ("no subject", "id-token.subject", { $0.claims["sub"] = "" }),
        ("a subject without end", "id-token.subject", { $0.claims["sub"] = .string(String(repeating: "s", count: 256)) }),
        ("the hash of another access token", "id-token.access-token", { $0.claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }),
        (
            "a hash for SHA-256", "id-token.access-token",
            { plan in
                plan.claims["at_hash"] = .string(Base64.encode(TokenAlgorithm.es256.halfHash(of: plan.accessToken), .url))
            }
        ),
        ("an address that nobody made sure of", "provider.email", { $0.claims["email_verified"] = false }),
        ("a word that only looks like yes", "provider.email", { $0.claims["email_verified"] = "true" }),
        ("an address of elsewhere", "provider.domain", { $0.claims["email"] = "approver@evil.example" }),
        ("an address of a sub-domain", "provider.domain", { $0.claims["email"] = "approver@mail.alpha.example" }),
        ("an address with two signs", "provider.domain", { $0.claims["email"] = "approver@alpha.example@evil.example" }),
        ("somebody who is not named", "provider.unknown", { $0.claims["email"] = "stranger@alpha.example" }),
        ("an answer of another provider", "provider.mixed-up", { $0.answer[2].value = "https://login.beta.example" }),
        ("an answer of nobody", "provider.mixed-up", { $0.answer.remove(at: 2) }),
        ("an error", "provider.error", { $0.answer[0] = ("error", "access_denied") }),
        ("an error that is a page", "provider.error", { $0.answer[0] = ("error", "%3Cscript%3E") }),
        ("no code", "provider.no-code", { $0.answer.remove(at: 0) }),
        ("a code that it never gave", "provider.code", { $0.answer[0].value = "code-77" }),
        ("no identity token", "provider.no-token", { $0.body = ["access_token": "a"] }),
        ("a redirect for the code", "provider.code", { plan in (plan.status, plan.body) = (302, [:]) }),
        ("a token of five parts", "id-token.form", { $0.token = { $0 + ".a.b" } }),
        ("a padded signature", "id-token.form", { $0.token = { $0 + "==" } }),
        ("no token at all", "id-token.form", { $0.token = { _ in "" } }),
        ("a token without end", "id-token.size", { $0.token = { $0 + String(repeating: "A", count: 17_000) } }),
        ("a claim that stands twice", "id-token.form", { $0.text = #"{"sub":"a","sub":"b"}"# }),
        ("claims that are a list", "id-token.form", { $0.text = "[]" }),
        ("a demand that we do not know", "id-token.critical", { $0.header["crit"] = ["b64"] }),
        ("an access token as an identity", "id-token.type", { $0.header["typ"] = "at+jwt" }),
        ("a key name that is a number", "id-token.key", { $0.header["kid"] = 1 }),
        ("a key that is not published", "id-token.key", { $0.header["kid"] = "k9" }),
        ("RS256 with a key of another kind", "id-token.key", { $0.header["alg"] = "RS256" }),
        ("RS512", "id-token.algorithm", { $0.header["alg"] = "RS512" }),
        ("no algorithm", "id-token.algorithm", { $0.header["alg"] = nil }),
        ("a signature of nobody", "id-token.signature", { $0.signs = { _ in Array(repeating: 0, count: 64) } }),
    ]
}

extension PretendProvider.Plan {
    /// Moves a time of the claims.
    mutating func shift(_ name: String, by seconds: Int64) {
        claims[name] = claims[name]?.text.isEmpty == false ? JSONValue((Int64(claims[name]?.text ?? "") ?? 0) + seconds) : nil
    }
}
