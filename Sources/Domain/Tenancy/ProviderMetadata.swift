package import Kernel

/// What an identity provider says of itself (OpenID Connect Discovery 3), as far as we go by it.
package struct ProviderMetadata: Sendable, Equatable {
    package static let addressBytesMax = 1_000

    package let issuer: String
    /// Where people are sent.
    package let authorization: String
    /// Where the worker redeems codes.
    package let token: String
    /// Where its public keys are.
    package let keys: String
    /// Where people may sign out of it; nil when it says nothing.
    package let endSession: String?
    /// Nil when it says nothing of it.
    package let takesChallenge: Bool?
    /// It always names itself in its answer (RFC 9207), so an answer that does not is not its own.
    package let namesItself: Bool
    /// How it lets a client prove itself; HTTP Basic unless it says otherwise.
    package let isSecretInBody: Bool
    package let algorithms: [String]

    /// Refuses what cannot be gone by. The issuer must be the configured one byte by byte: a document of another issuer would put
    /// its keys in this one's place.
    package init(json: JSONValue, terms: IdentityTerms) throws(Refusal) {
        guard let issuer = json["issuer"]?.string, sameBytes(issuer, terms.issuer) else {
            throw .provider("issuer", "The provider calls itself something else than the configured issuer \(terms.issuer).")
        }
        self.issuer = issuer
        authorization = try ProviderMetadata.address(json, "authorization_endpoint", terms)
        token = try ProviderMetadata.address(json, "token_endpoint", terms)
        keys = try ProviderMetadata.address(json, "jwks_uri", terms)
        // Its absence or a wrong form only means that nobody is led there.
        endSession = try? ProviderMetadata.address(json, "end_session_endpoint", terms)
        if let types = json["response_types_supported"]?.array, !types.contains(.string("code")) {
            throw .provider("code-flow", "The provider does not offer the code flow.")
        }
        takesChallenge = json["code_challenge_methods_supported"]?.array.map { $0.contains(.string("S256")) }
        guard takesChallenge != false else {
            throw .provider("challenge", "The provider does not take code challenges by S256.")
        }
        namesItself = json["authorization_response_iss_parameter_supported"]?.bool ?? false
        let ways = json["token_endpoint_auth_methods_supported"]?.array?.compactMap(\.string) ?? ["client_secret_basic"]
        guard ways.contains("client_secret_basic") || ways.contains("client_secret_post") else {
            throw .provider("client", "The provider takes no client secret (client_secret_basic or client_secret_post).")
        }
        isSecretInBody = !ways.contains("client_secret_basic")
        let offered = json["id_token_signing_alg_values_supported"]?.array?.compactMap(\.string) ?? ["RS256"]
        algorithms = terms.algorithms.filter { name in offered.contains { sameBytes($0, name) } }
        guard !algorithms.isEmpty else {
            throw .provider(
                "algorithms", "The provider signs by none of \(terms.algorithms.joined(separator: ", ")).")
        }
    }

    /// https, or the scheme of a plain issuer that the configuration allows; no user, no fragment, nothing that does not print.
    private static func address(_ json: JSONValue, _ member: String, _ terms: IdentityTerms) throws(Refusal) -> String {
        let text = json[member]?.string ?? ""
        let isPlainAllowed = terms.issuer.hasPrefix("http://")
        let scheme = text.hasPrefix("https://") ? "https://" : isPlainAllowed && text.hasPrefix("http://") ? "http://" : nil
        guard let scheme, text.utf8.count <= addressBytesMax, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !text.contains("#"), !text.contains("\\"), !text.contains("\""), !text.contains("<"), !text.contains(">")
        else { throw .provider("address", "The provider's \(member) is no address that can be used.") }
        let place = text.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
        guard TextRule.isPlace(place[...], portRequired: false) else {
            throw .provider("address", "The provider's \(member) is no address that can be used.")
        }
        return text
    }
}

extension Refusal {
    /// What is wrong with a provider or its answer; for administrators.
    package static func provider(_ reason: String, _ message: String) -> Refusal {
        Refusal(.unprocessable, reason: "provider.\(reason)", message)
    }
}
