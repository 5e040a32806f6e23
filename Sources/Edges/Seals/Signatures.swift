import COpenSSL
package import Kernel

/// Ed25519 (RFC 8032): what signs checkpoints and packs for people who do not trust our database.
package struct SigningKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let seed: SymmetricKey
    package let publicKey: VerifyingKey

    /// Nil unless the seed has 32 bytes.
    package init?(seed bytes: some Collection<UInt8>) {
        guard let seed = SymmetricKey(bytes) else { return nil }
        self.init(seed)
    }

    package init(entropy: Entropy) { self.init(SymmetricKey(entropy: entropy)) }

    init(_ seed: SymmetricKey) {
        self.seed = seed
        let bytes = filled(VerifyingKey.byteCount) { out in
            let isGood = seed.withBytes { cs_ed25519_public_key($0.baseAddress, out.baseAddress) }
            precondition(isGood == 1, "libcrypto knows no Ed25519")
        }
        publicKey = VerifyingKey(checked: bytes)
    }

    /// 64 bytes.
    package func signature(over message: some Collection<UInt8>) -> [UInt8] {
        withBytes(message) { message in
            filled(VerifyingKey.signatureBytes) { out in
                let isGood = seed.withBytes {
                    cs_ed25519_sign($0.baseAddress, message.baseAddress, message.count, out.baseAddress)
                }
                precondition(isGood == 1, "libcrypto signs nothing")
            }
        }
    }

    package var description: String { "a signing key (not shown)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// The keys that sign for an installation, the newest first. The two newest sign everything, so that whoever knows the one before
/// a rotation can follow to the one after it.
package struct SigningRing: Sendable {
    package static let signersMax = 2

    package let keys: [SigningKey]

    package init(_ ring: KeyRing) { keys = ring.versions.reversed().compactMap { ring.key($0) }.map { SigningKey($0) } }

    /// Keys of the same versions, made from the installation's root keys: for servers without a file of their own, which then all
    /// sign with the same ones.
    package init(derivedFrom ring: KeyRing) {
        keys = ring.versions.reversed().compactMap { ring.key($0)?.derived(for: "audit checkpoints") }.map { SigningKey($0) }
    }

    package var signers: [SigningKey] { Array(keys.prefix(SigningRing.signersMax)) }
}

package struct VerifyingKey: Sendable, Hashable {
    package static let byteCount = 32
    package static let signatureBytes = 64

    package let bytes: [UInt8]

    /// Nil unless there are 32 bytes; whether they are a point of the curve shows at the first verification.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == VerifyingKey.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    fileprivate init(checked bytes: [UInt8]) { self.bytes = bytes }

    package func isValid(_ signature: some Collection<UInt8>, over message: some Collection<UInt8>) -> Bool {
        guard signature.count == VerifyingKey.signatureBytes else { return false }
        return withBytes(signature) { signature in
            withBytes(message) { message in
                cs_ed25519_verify(bytes, message.baseAddress, message.count, signature.baseAddress) == 1
            }
        }
    }
}
