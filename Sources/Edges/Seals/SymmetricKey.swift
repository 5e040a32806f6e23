import COpenSSL
package import Kernel

/// A 256-bit key. Its bytes are wiped when the last user lets go, and it never prints them.
package final class SymmetricKey: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
    package static let byteCount = 32

    // Written once in the initializers and only read afterwards, hence Sendable.
    private let memory: UnsafeMutableBufferPointer<UInt8>

    /// Nil unless there are exactly 32 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == SymmetricKey.byteCount else { return nil }
        memory = .allocate(capacity: SymmetricKey.byteCount)
        _ = memory.initialize(from: bytes)
    }

    package init(entropy: Entropy) {
        memory = .allocate(capacity: SymmetricKey.byteCount)
        _ = memory.initialize(from: entropy.bytes(SymmetricKey.byteCount))
    }

    deinit {
        cs_wipe(memory.baseAddress, memory.count)
        memory.deallocate()
    }

    func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result { body(UnsafeBufferPointer(memory)) }

    /// A key of its own for `purpose`, by HKDF.
    package func derived(for purpose: String) -> SymmetricKey {
        var bytes = withBytes { HKDF.sha256(key: $0, info: purpose.utf8, count: SymmetricKey.byteCount) }
        defer { bytes.withUnsafeMutableBytes { cs_wipe($0.baseAddress, $0.count) } }
        guard let key = SymmetricKey(bytes) else { preconditionFailure("HKDF gave \(bytes.count) bytes") }
        return key
    }

    package var description: String { "a key (not shown)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// AES-256-GCM with a random 96-bit nonce in front: nonce, cipher text, 128-bit tag.
///
/// Random nonces are safe for 2^32 messages under one key; `SecretBox` gives nearly every message a key of its own.
package enum AESGCM {
    package static let nonceBytes = 12
    package static let tagBytes = 16
    package static let overheadBytes = nonceBytes + tagBytes

    package static func seal(
        _ plain: some Collection<UInt8>, key: SymmetricKey, associated: some Collection<UInt8>, entropy: Entropy = .system
    ) -> [UInt8] {
        let nonce = entropy.bytes(nonceBytes)
        return withBytes(plain) { plain in
            withBytes(associated) { associated in
                filled(plain.count + overheadBytes) { out in
                    _ = out[..<nonceBytes].update(fromContentsOf: nonce)
                    let isGood = key.withBytes { key in
                        cs_aes256gcm_seal(
                            key.baseAddress, out.baseAddress, associated.baseAddress, associated.count, plain.baseAddress,
                            plain.count,
                            out.baseAddress! + nonceBytes, out.baseAddress! + nonceBytes + plain.count)
                    }
                    precondition(isGood == 1, "libcrypto seals nothing")
                }
            }
        }
    }

    /// Nil when the key, the associated data or any bit of the message is not that which was sealed.
    package static func open(
        _ sealed: some Collection<UInt8>, key: SymmetricKey, associated: some Collection<UInt8>
    ) -> [UInt8]? {
        guard sealed.count >= overheadBytes else { return nil }
        return withBytes(sealed) { sealed in
            withBytes(associated) { associated in
                let count = sealed.count - overheadBytes
                var isGood: Int32 = 0
                let start = sealed.baseAddress!
                let plain = filled(count) { out in
                    isGood = key.withBytes { key in
                        cs_aes256gcm_open(
                            key.baseAddress, start, associated.baseAddress, associated.count, start + nonceBytes, count,
                            start + nonceBytes + count, out.baseAddress)
                    }
                }
                return isGood == 1 ? plain : nil
            }
        }
    }
}
