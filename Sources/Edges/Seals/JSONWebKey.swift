import COpenSSL
package import Kernel

/// How an identity provider may sign: asymmetric, over SHA-256 or Ed25519. There is no `none` and no HMAC, so a provider's public
/// key can never be taken for a shared secret.
package enum TokenAlgorithm: String, Sendable, CaseIterable {
    case rs256 = "RS256"
    case ps256 = "PS256"
    case es256 = "ES256"
    case edDSA = "EdDSA"

    /// The left half of the hash that `at_hash` holds: SHA-256 for those that hash with it, SHA-512 inside Ed25519.
    package func halfHash(of text: String) -> [UInt8] {
        switch self {
        case .rs256, .ps256, .es256: Array(SHA256.hash(text.utf8).prefix(16))
        case .edDSA: Array(SHA512.hash(text.utf8).prefix(32))
        }
    }
}

/// SHA-512, for the hashes of tokens that Ed25519 signs.
package enum SHA512 {
    package static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
        withBytes(bytes) { input in
            filled(64) { out in
                let isGood = cs_sha512(input.baseAddress, input.count, out.baseAddress)
                precondition(isGood == 1, "libcrypto computes no SHA-512")
            }
        }
    }
}

/// One public key of a provider (RFC 7517), as far as signatures of identity tokens need it.
package struct JSONWebKey: Sendable, Equatable {
    private enum Material: Sendable, Equatable {
        case rsa(modulus: [UInt8], exponent: [UInt8])
        /// 4, x, y.
        case p256([UInt8])
        case ed25519([UInt8])
    }

    /// Below 2048 bits a signature can be forged with money; above 8192 verifying one is a burden.
    static let rsaBits = 2048...8192
    static let nameBytesMax = 256

    package let id: String?
    /// The one algorithm it is for, where the provider says so.
    private let algorithm: TokenAlgorithm?
    private let material: Material

    /// Nil for a key that is not for us: of another kind, for encryption, for an algorithm that we do not take, or too weak.
    package init?(json: JSONValue) {
        if let use = json["use"], use.string != "sig" { return nil }
        if let deeds = json["key_ops"], deeds.array?.contains(.string("verify")) != true { return nil }
        if let named = json["alg"] {
            guard let known = named.string.flatMap(TokenAlgorithm.init(rawValue:)) else { return nil }
            algorithm = known
        } else {
            algorithm = nil
        }
        if let id = json["kid"] {
            guard let text = id.string, (1...JSONWebKey.nameBytesMax).contains(text.utf8.count) else { return nil }
            self.id = text
        } else {
            id = nil
        }
        func bytes(_ name: String) -> [UInt8]? { json[name]?.string.flatMap { Base64.decode($0, .url) } }
        switch json["kty"]?.string {
        case "RSA":
            guard let written = bytes("n"), let exponent = bytes("e"), (1...8).contains(exponent.count) else { return nil }
            let modulus = Array(written.drop { $0 == 0 })
            guard let first = modulus.first, let last = exponent.last, last & 1 == 1, exponent != [1],
                JSONWebKey.rsaBits.contains(modulus.count * 8 - first.leadingZeroBitCount)
            else { return nil }
            material = .rsa(modulus: modulus, exponent: exponent)
        case "EC":
            guard json["crv"]?.string == "P-256", let x = bytes("x"), let y = bytes("y"), x.count == 32, y.count == 32 else {
                return nil
            }
            material = .p256([4] + x + y)
        case "OKP":
            guard json["crv"]?.string == "Ed25519", let x = bytes("x"), x.count == VerifyingKey.byteCount else { return nil }
            material = .ed25519(x)
        default: return nil
        }
    }

    /// Whether a signature by that algorithm can be of this key.
    package func fits(_ wanted: TokenAlgorithm) -> Bool {
        guard algorithm == nil || algorithm == wanted else { return false }
        return switch (material, wanted) {
        case (.rsa, .rs256), (.rsa, .ps256), (.p256, .es256), (.ed25519, .edDSA): true
        case (.rsa, _), (.p256, _), (.ed25519, _): false
        }
    }

    func isValid(_ signature: [UInt8], over message: [UInt8], by wanted: TokenAlgorithm) -> Bool {
        guard fits(wanted) else { return false }
        switch material {
        case .rsa(let modulus, let exponent):
            guard signature.count == modulus.count else { return false }
            return cs_rsa_verify(
                modulus, modulus.count, exponent, exponent.count, wanted == .ps256 ? 1 : 0, message, message.count, signature,
                signature.count) == 1
        case .p256(let point):
            return signature.count == 64 && cs_p256_verify(point, message, message.count, signature) == 1
        case .ed25519(let bytes):
            return VerifyingKey(bytes)?.isValid(signature, over: message) ?? false
        }
    }
}

/// The keys that a provider publishes. Those that are not for us are left out, as the standard asks.
package struct JSONWebKeySet: Sendable, Equatable {
    package static let keysMax = 64

    package let keys: [JSONWebKey]

    /// Refuses what is no set of keys at all.
    package init(json: JSONValue) throws(Refusal) {
        guard let listed = json["keys"]?.array, listed.count <= JSONWebKeySet.keysMax else {
            throw Refusal(
                .unprocessable, reason: "provider.keys",
                "The provider's keys are no list of at most \(JSONWebKeySet.keysMax) keys.")
        }
        keys = listed.compactMap { JSONWebKey(json: $0) }
    }

    /// The key of that name for that algorithm. A token without a name fits only where there is one such key.
    package func key(named id: String?, for algorithm: TokenAlgorithm) -> JSONWebKey? {
        let fitting = keys.filter { key in
            guard key.fits(algorithm) else { return false }
            guard let id else { return true }
            return key.id.map { sameBytes($0, id) } ?? false
        }
        // Two keys of one name are a question that only the signer could answer.
        return fitting.count == 1 ? fitting[0] : nil
    }
}
