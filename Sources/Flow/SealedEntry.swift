package import Evidence
package import Kernel
package import Records
package import Seals

extension AuditEntry {
    /// The envelope of a stored entry. `recordedAt` is the moment of the transaction's decision, as it is stored.
    package init(_ row: AuditEntryRow) {
        self.init(
            id: row.id, tenant: row.tenant, occurredAt: row.at, recordedAt: row.at,
            // The table's own check knows the same words.
            actor: Actor(ActorKind(rawValue: row.actorKind) ?? .system, id: row.actor), onBehalfOf: row.onBehalfOf,
            action: row.action, object: AuditObject(type: row.objectType, id: row.objectID),
            correlation: Correlation(run: row.run), facts: row.content)
    }

    /// What is hashed of a stored entry. Never fails: facts without canonical form, or too long for an envelope, are replaced by
    /// the hash of their text, so that no entry can stop the sealing of those behind it.
    package static func sealedBytes(_ row: AuditEntryRow) -> [UInt8] {
        // The refusal is answered by the other form.
        if let bytes = try? AuditEntry(row).canonicalBytes() { return bytes }
        let entry = AuditEntry(row)
        let bare = AuditEntry(
            id: entry.id, tenant: entry.tenant, occurredAt: entry.occurredAt, recordedAt: entry.recordedAt, actor: entry.actor,
            onBehalfOf: entry.onBehalfOf, action: entry.action, object: entry.object, correlation: entry.correlation,
            facts: ["factsSHA256": .string(SHA256.hexText(row.content.text.utf8))])
        // Ids, instants and hashes are left; only an absurd action or object could still be too long, and then its hash stands.
        return (try? bare.canonicalBytes()) ?? Array(SHA256.hexText(bare.json.bytes).utf8)
    }
}

/// The names and hashes of sealed logs.
package enum AuditLog {
    package static let hasher = MerkleHasher { SHA256.hash($0) }

    package static let isValid: SignatureCheck = { key, signature, message in
        VerifyingKey(key)?.isValid(signature, over: message) ?? false
    }

    /// The origin of a tenant's log and the name of the keys that sign it.
    package static func origin(_ tenant: TenantID) -> String { "countersign/audit/\(tenant.text)" }

    package static func leaf(_ row: AuditEntryRow) -> [UInt8] { hasher.leaf(AuditEntry.sealedBytes(row)) }

    package static func key(_ key: SigningKey, of tenant: TenantID) -> NoteKey {
        NoteKey(name: origin(tenant), publicKey: key.publicKey.bytes, hasher)
    }
}
