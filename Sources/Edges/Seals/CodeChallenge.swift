package import Kernel

/// Proof Key for Code Exchange (RFC 7636): whoever redeems a code shows that they asked for it. Method S256 only; `plain` proves
/// nothing to somebody who saw the request.
package enum CodeChallenge {
    package static let method = "S256"
    package static let verifierCharacters = 43...128
    private static let verifierRandomBytes = 32

    package static func makeVerifier(entropy: Entropy = .system) -> String {
        Base64.encode(entropy.bytes(verifierRandomBytes), .url)
    }

    /// Nil for a verifier of the wrong length or alphabet.
    package static func challenge(of verifier: String) -> String? {
        guard verifierCharacters.contains(verifier.utf8.count), verifier.utf8.allSatisfy(isUnreserved) else { return nil }
        return Base64.encode(SHA256.hash(verifier.utf8), .url)
    }

    package static func isValid(verifier: String, challenge: String, method: String) -> Bool {
        guard sameBytes(method, CodeChallenge.method), let wanted = CodeChallenge.challenge(of: verifier) else { return false }
        return constantTimeEqual(Array(wanted.utf8), Array(challenge.utf8))
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }
}
