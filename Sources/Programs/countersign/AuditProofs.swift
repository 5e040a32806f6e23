import Evidence
import Seals

/// Trees and notes with the cryptography that this program links.
enum AuditProofs {
    static let hasher = MerkleHasher { SHA256.hash($0) }

    static let isValid: SignatureCheck = { key, signature, message in
        VerifyingKey(key)?.isValid(signature, over: message) ?? false
    }

    static var conformance: EvidenceConformance { EvidenceConformance(hasher, isValid: isValid) }
}
