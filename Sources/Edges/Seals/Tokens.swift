package import Kernel

/// CRC-32 (ISO 3309, as in zip and gzip): it finds typing errors and proves nothing.
package enum CRC32 {
    package static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        var value: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            let index = Int(UInt8(truncatingIfNeeded: value) ^ byte)
            value = table[index] ^ (value >> 8)
        }
        return ~value
    }

    private static let table: [UInt32] = (0..<256).map { start in
        var value = UInt32(start)
        for _ in 0..<8 { value = value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
        return value
    }
}

/// Digits, capitals, small letters: what survives a double click, a URL and a shell.
package enum Base62 {
    private static let digits = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// The number in `count` digits, zeros in front; digits that do not fit are cut off at the front.
    package static func text(_ number: UInt64, count: Int) -> String {
        var out = [UInt8](repeating: digits[0], count: count)
        var rest = number
        for index in out.indices.reversed() {
            out[index] = digits[Int(rest % 62)]
            rest /= 62
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Nil for anything but digits of this alphabet, or more than 64 bits.
    package static func number(_ text: some StringProtocol) -> UInt64? {
        guard !text.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in text.utf8 {
            guard let digit = digit(byte) else { return nil }
            let (scaled, over) = value.multipliedReportingOverflow(by: 62)
            let (next, carry) = scaled.addingReportingOverflow(digit)
            guard !over, !carry else { return nil }
            value = next
        }
        return value
    }

    /// `count` digits drawn evenly; each carries 5.95 bits.
    package static func random(count: Int, entropy: Entropy) -> String {
        var out: [UInt8] = []
        while out.count < count {
            // 248 is the largest multiple of 62 in a byte; what lies above would favour the first digits.
            for byte in entropy.bytes(count) where byte < 248 && out.count < count { out.append(digits[Int(byte % 62)]) }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt64(byte - UInt8(ascii: "A")) + 10
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt64(byte - UInt8(ascii: "a")) + 36
        default: nil
        }
    }
}

/// An unguessable token: shown or sent once, stored as its hash only.
package struct SecretToken: Sendable, CustomStringConvertible, CustomReflectable {
    /// 32 random bytes, base64url: 43 characters.
    package static let randomBytes = 32
    private static let textBytesMax = 512

    package let text: String

    package init(entropy: Entropy = .system) {
        text = Base64.encode(entropy.bytes(SecretToken.randomBytes), .url)
    }

    /// One that came in; nil when it is empty or longer than any of ours.
    package init?(presented text: String) {
        guard (1...SecretToken.textBytesMax).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    /// What is stored and looked up. Plain SHA-256: a token of 256 random bits needs no slow hash.
    package var hash: [UInt8] { SHA256.hash(text.utf8) }

    package var description: String { "a token (not shown)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The text of an API key: `cs_<environment>_<key id>_<secret><checksum>`.
///
/// The prefix lets scanners of repositories find a leaked one, the checksum turns a typing error away before the database is
/// asked. The id is public, the secret is 30 base62 digits (178 bits) and stored as its SHA-256.
package struct APIKeyText: Sendable, CustomStringConvertible, CustomReflectable {
    package static let idDigits = 12
    package static let secretDigits = 30
    private static let checksumDigits = 6

    package let environment: String
    package let keyID: String
    package let text: String
    private let secret: String

    /// `environment` is of small letters, such as `prod`.
    package init(environment: String, entropy: Entropy = .system) {
        precondition(APIKeyText.isEnvironment(environment), "an environment called \(environment)")
        let id = Base62.random(count: APIKeyText.idDigits, entropy: entropy)
        self.init(environment: environment, keyID: id, secret: Base62.random(count: APIKeyText.secretDigits, entropy: entropy))
    }

    /// Nil for a wrong form or checksum; whether there is such a key is another question.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard text.utf8.count <= 96, parts.count == 4, parts[0] == "cs", APIKeyText.isEnvironment(String(parts[1])),
            parts[2].utf8.count == APIKeyText.idDigits,
            parts[3].utf8.count == APIKeyText.secretDigits + APIKeyText.checksumDigits
        else { return nil }
        self.init(
            environment: String(parts[1]), keyID: String(parts[2]), secret: String(parts[3].prefix(APIKeyText.secretDigits)))
        guard sameBytes(self.text, String(text)) else { return nil }
    }

    private init(environment: String, keyID: String, secret: String) {
        self.environment = environment
        self.keyID = keyID
        self.secret = secret
        let body = "cs_\(environment)_\(keyID)_\(secret)"
        text = body + Base62.text(UInt64(CRC32.of(body.utf8)), count: APIKeyText.checksumDigits)
    }

    /// What is stored.
    package var secretHash: [UInt8] { SHA256.hash(secret.utf8) }

    package func matches(_ storedHash: [UInt8]) -> Bool { constantTimeEqual(secretHash, storedHash) }

    package var description: String { "cs_\(environment)_\(keyID)_…" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    private static func isEnvironment(_ text: String) -> Bool {
        (1...16).contains(text.utf8.count) && text.utf8.allSatisfy { $0 >= UInt8(ascii: "a") && $0 <= UInt8(ascii: "z") }
    }
}

/// Base32 (RFC 4648) without padding: what authenticator apps take a secret in, and what people can copy from paper.
package enum Base32 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

    package static func text(_ bytes: some Collection<UInt8>) -> String {
        var out: [UInt8] = []
        var held: UInt32 = 0
        var count = 0
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            count += 8
            while count >= 5 {
                count -= 5
                out.append(digits[Int(held >> UInt32(count) & 31)])
            }
            held &= 1 << UInt32(count) - 1
        }
        if count > 0 { out.append(digits[Int(held << UInt32(5 - count) & 31)]) }
        return String(decoding: out, as: UTF8.self)
    }
}
