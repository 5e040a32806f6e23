import COpenSSL

/// The hash functions of codes and derived keys. SHA-1 is here because authenticator apps know nothing else.
package enum DigestKind: String, Sendable, CaseIterable {
    case sha1 = "SHA1"
    case sha256 = "SHA256"
    case sha512 = "SHA512"

    package var byteCount: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha512: 64
        }
    }
}

extension HMAC {
    /// HMAC with any of our digests; `sha256` is the one for everything that is new.
    package static func code(_ digest: DigestKind, key: some Collection<UInt8>, _ bytes: some Collection<UInt8>) -> [UInt8] {
        withBytes(key) { key in
            withBytes(bytes) { input in
                filled(digest.byteCount) { out in
                    let isGood = cs_hmac(
                        digest.byteCount, key.baseAddress, key.count, input.baseAddress, input.count, out.baseAddress)
                    precondition(isGood == 1, "libcrypto computes no HMAC")
                }
            }
        }
    }
}

extension HKDF {
    /// The two steps of RFC 5869 with any of our digests. The caller promises 1 to 255 times the digest's bytes.
    package static func derive(
        _ digest: DigestKind, key: some Collection<UInt8>, salt: some Collection<UInt8>, info: some Collection<UInt8>, count: Int
    ) -> [UInt8] {
        precondition(count > 0 && count <= 255 * digest.byteCount, "\(count) bytes of HKDF")
        return withBytes(key) { key in
            withBytes(salt) { salt in
                withBytes(info) { info in
                    filled(count) { out in
                        let isGood = cs_hkdf(
                            digest.byteCount, key.baseAddress, key.count, salt.baseAddress, salt.count, info.baseAddress,
                            info.count, out.baseAddress, out.count)
                        precondition(isGood == 1, "libcrypto computes no HKDF")
                    }
                }
            }
        }
    }

    /// The first step alone. Without a salt it is as many zeros as the digest is long.
    package static func extracted(
        _ digest: DigestKind, key: some Collection<UInt8>, salt: some Collection<UInt8>
    ) -> [UInt8] {
        let salt = salt.isEmpty ? [UInt8](repeating: 0, count: digest.byteCount) : Array(salt)
        return HMAC.code(digest, key: salt, key)
    }
}

/// PBKDF2 (RFC 8018): for passwords that other systems hashed. Ours are hashed by scrypt.
package enum PBKDF2 {
    package static let iterationsMax = 10_000_000

    /// Nil when the library cannot; the caller promises 1 to `iterationsMax` rounds.
    package static func derive(
        _ digest: DigestKind, _ password: some Collection<UInt8>, salt: some Collection<UInt8>, iterations: Int, count: Int
    ) -> [UInt8]? {
        precondition((1...iterationsMax).contains(iterations) && count > 0, "\(iterations) rounds for \(count) bytes")
        var isGood: Int32 = 0
        let key = withBytes(password) { password in
            withBytes(salt) { salt in
                filled(count) { out in
                    isGood = password.withMemoryRebound(to: CChar.self) { password in
                        cs_pbkdf2(
                            digest.byteCount, password.baseAddress, password.count, salt.baseAddress, salt.count,
                            UInt32(iterations), out.baseAddress, out.count)
                    }
                }
            }
        }
        return isGood == 1 ? key : nil
    }
}

/// Codes of an authenticator: HOTP (RFC 4226) and TOTP (RFC 6238).
package struct OneTimeCode: Sendable {
    package static let digitsRange = 6...8
    /// A server takes the step before and the one after; more would help nobody but a guesser.
    package static let windowStepsMax = 1

    package let digest: DigestKind
    package let digits: Int
    package let stepSeconds: Int64

    /// Six digits each half minute by SHA-1 is what authenticator apps do.
    package init(digest: DigestKind = .sha1, digits: Int = 6, stepSeconds: Int64 = 30) {
        precondition(OneTimeCode.digitsRange.contains(digits) && stepSeconds > 0, "a code of \(digits) digits")
        self.digest = digest
        self.digits = digits
        self.stepSeconds = stepSeconds
    }

    package func code(secret: some Collection<UInt8>, counter: UInt64) -> String {
        let moving = (0..<8).map { UInt8(truncatingIfNeeded: counter >> UInt64(56 - 8 * $0)) }
        let hash = HMAC.code(digest, key: secret, moving)
        let offset = Int(hash[hash.count - 1] & 15)
        var value = UInt32(hash[offset] & 0x7F)
        for byte in hash[offset + 1...offset + 3] { value = value << 8 | UInt32(byte) }
        var modulus: UInt32 = 1
        for _ in 0..<digits { modulus *= 10 }
        let text = String(value % modulus)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }

    /// The code of the step in which `seconds` since 1970 lies; the caller promises no time before 1970.
    package func code(secret: some Collection<UInt8>, atSeconds seconds: Int64) -> String {
        code(secret: secret, counter: UInt64(seconds / stepSeconds))
    }

    /// The step whose code this is, within `windowSteps` of now; nil for a wrong code, and for a step at or before `lastStep`, so
    /// that a code works once. All candidates are compared, whichever fits.
    package func step(
        of code: String, secret: some Collection<UInt8>, atSeconds seconds: Int64, windowSteps: Int = windowStepsMax,
        after lastStep: Int64? = nil
    ) -> Int64? {
        let current = seconds / stepSeconds
        var found: Int64?
        for offset in -Int64(windowSteps)...Int64(windowSteps) {
            let step = current + offset
            guard step >= 0 else { continue }
            let isSame = constantTimeEqual(Array(self.code(secret: secret, counter: UInt64(step)).utf8), Array(code.utf8))
            if isSame, step > lastStep ?? -1, found == nil { found = step }
        }
        return found
    }
}
