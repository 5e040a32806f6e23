package import Kernel

/// A signed token in its compact form (RFC 7515), read strictly. What it says is nothing until its signature was verified with a
/// key that the provider published; keys and addresses of keys in its own header are never looked at.
package struct SignedToken: Sendable {
    /// Providers that list groups reach some kilobytes.
    package static let bytesMax = 16_384

    package let algorithm: TokenAlgorithm
    package let keyID: String?
    private let signed: [UInt8]
    private let signature: [UInt8]
    private let payload: [UInt8]

    /// Refuses (`id-token.…`) what is not exactly such a token by one of the algorithms that are allowed.
    package init(_ text: String, allowed: [TokenAlgorithm]) throws(Refusal) {
        guard text.utf8.count <= SignedToken.bytesMax else {
            throw .idToken("size", "The token is larger than \(SignedToken.bytesMax) bytes.")
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64.decode(parts[0], .url), let payload = Base64.decode(parts[1], .url),
            let signature = Base64.decode(parts[2], .url)
        else { throw .idToken("form", "The token is no signed token of three parts.") }
        let names = try SignedToken.object(header, "header")
        guard let name = names["alg"]?.string, let algorithm = TokenAlgorithm(rawValue: name), allowed.contains(algorithm) else {
            let written = names["alg"]?.string.map { String($0.prefix(20)) } ?? "none"
            throw .idToken(
                "algorithm", "The token is signed by \(written); \(allowed.map(\.rawValue).joined(separator: ", ")) is allowed.")
        }
        guard names["crit"] == nil else { throw .idToken("critical", "The token demands what we do not know (`crit`).") }
        if let type = names["typ"] {
            // An access token must not pass for an identity token.
            guard type.string?.uppercased() == "JWT" else { throw .idToken("type", "The token says that it is of another type.") }
        }
        if let id = names["kid"] {
            guard let text = id.string, (1...JSONWebKey.nameBytesMax).contains(text.utf8.count) else {
                throw .idToken("key", "The name of the token's key cannot be read.")
            }
            keyID = text
        } else {
            keyID = nil
        }
        self.algorithm = algorithm
        self.signature = signature
        self.payload = payload
        signed = Array("\(parts[0]).\(parts[1])".utf8)
    }

    /// What it says, once its signature is valid by this key.
    package func claims(verifiedBy key: JSONWebKey) throws(Refusal) -> JSONObject {
        guard key.isValid(signature, over: signed, by: algorithm) else {
            throw .idToken("signature", "The token's signature is not of the provider's key.")
        }
        return try SignedToken.object(payload, "claims")
    }

    /// The strict profile: a name that stands twice is refused, since two readers would see two tokens.
    private static func object(_ bytes: [UInt8], _ what: String) throws(Refusal) -> JSONObject {
        let value: JSONValue
        do throws(JSONParseFailure) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw .idToken("form", "The token's \(what) cannot be read: \(error.message).")
        }
        guard let object = value.object else { throw .idToken("form", "The token's \(what) is no object.") }
        return object
    }
}

extension Refusal {
    /// What is wrong with an identity token; for administrators, never for whoever brought it.
    package static func idToken(_ reason: String, _ message: String) -> Refusal {
        Refusal(.forbidden, reason: "id-token.\(reason)", message)
    }
}
