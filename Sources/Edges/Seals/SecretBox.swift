package import Kernel

/// Where a sealed value lives. It is authenticated with the value, so a ciphertext moved to another tenant, row or version
/// does not open.
package struct SecretPlace: Sendable, Hashable {
    package let tenant: TenantID
    package let table: String
    package let column: String
    package let row: String
    /// Of the value, counted by the caller: an older value cannot be put back in place of a newer.
    package let version: Int

    /// Table and column are names in our schema and carry no `|`.
    package init(tenant: TenantID, table: String, column: String, row: String, version: Int) {
        precondition(!table.utf8.contains(UInt8(ascii: "|")) && !column.utf8.contains(UInt8(ascii: "|")), "a name with |")
        self.tenant = tenant
        self.table = table
        self.column = column
        self.row = row
        self.version = version
    }

    /// `tenant|table|column|row|version`. Only the row may hold a `|`, and it stands between fixed parts, so no two places
    /// read alike.
    var associated: [UInt8] { Array("\(tenant)|\(table)|\(column)|\(row)|\(version)".utf8) }
}

/// Seals secrets and documents at rest: every value under a key of its own, that key under the tenant's, that one derived
/// from a root key of the ring.
///
/// Layout: format 1, root key version (4 bytes, big-endian), the value's key sealed (60 bytes), the value sealed. Rotation
/// rewraps the 60 bytes and never touches the value.
package struct SecretBox: Sendable {
    private static let format: UInt8 = 1
    private static let headerBytes = 5
    private static let wrappedBytes = SymmetricKey.byteCount + AESGCM.overheadBytes
    /// How much longer a sealed value is.
    package static let overheadBytes = headerBytes + wrappedBytes + AESGCM.overheadBytes

    private let ring: KeyRing
    private let entropy: Entropy

    package init(ring: KeyRing, entropy: Entropy = .system) {
        self.ring = ring
        self.entropy = entropy
    }

    package func seal(_ plain: some Collection<UInt8>, at place: SecretPlace) -> [UInt8] {
        let own = SymmetricKey(entropy: entropy)
        return header(ring.currentVersion) + wrapped(own, at: place)
            + AESGCM.seal(plain, key: own, associated: place.associated, entropy: entropy)
    }

    /// A fault when the value was not sealed for this place, was altered, or the ring lacks its root key. The fault says
    /// which of the last and the others it was, and nothing of the content.
    package func open(_ sealed: [UInt8], at place: SecretPlace) throws(Fault) -> [UInt8] {
        let own = try unwrapped(sealed, at: place)
        let body = sealed[(SecretBox.headerBytes + SecretBox.wrappedBytes)...]
        guard let plain = AESGCM.open(body, key: own, associated: place.associated) else { throw SecretBox.closed(place) }
        return plain
    }

    /// The value with its key under the current root key; nil when it is there already.
    package func rewrapped(_ sealed: [UInt8], at place: SecretPlace) throws(Fault) -> [UInt8]? {
        guard SecretBox.keyVersion(of: sealed) != ring.currentVersion else { return nil }
        let own = try unwrapped(sealed, at: place)
        return header(ring.currentVersion) + wrapped(own, at: place) + sealed[(SecretBox.headerBytes + SecretBox.wrappedBytes)...]
    }

    /// The root key version a value is under, for counting what a rotation has left; nil for what is no sealed value.
    package static func keyVersion(of sealed: [UInt8]) -> UInt32? {
        guard sealed.count >= overheadBytes, sealed[0] == format else { return nil }
        return sealed[1..<headerBytes].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Sixteen hexadecimal digits that tell whether two secrets of one tenant are the same, and nothing else of them; stable
    /// only under one root key version.
    package func fingerprint(of plain: some Collection<UInt8>, tenant: TenantID) -> String {
        let key = ring.current.derived(for: "countersign fingerprint|\(tenant)")
        return key.withBytes { HMAC.sha256(key: $0, plain) }.prefix(8).hexText
    }

    /// The fingerprint under every root key that still opens, so that what was stored under an older one is found.
    package func fingerprints(of plain: some Collection<UInt8>, tenant: TenantID) -> [String] {
        ring.versions.reversed().compactMap(ring.key).map { root in
            let key = root.derived(for: "countersign fingerprint|\(tenant)")
            return key.withBytes { HMAC.sha256(key: $0, plain) }.prefix(8).hexText
        }
    }

    private func header(_ version: UInt32) -> [UInt8] {
        [SecretBox.format] + withUnsafeBytes(of: version.bigEndian, Array.init)
    }

    private func tenantKey(_ root: SymmetricKey, _ tenant: TenantID) -> SymmetricKey {
        root.derived(for: "countersign tenant key|\(tenant)")
    }

    private func wrapped(_ own: SymmetricKey, at place: SecretPlace) -> [UInt8] {
        let tenant = tenantKey(ring.current, place.tenant)
        return own.withBytes { AESGCM.seal($0, key: tenant, associated: keyAssociated(place), entropy: entropy) }
    }

    private func unwrapped(_ sealed: [UInt8], at place: SecretPlace) throws(Fault) -> SymmetricKey {
        guard let version = SecretBox.keyVersion(of: sealed) else { throw SecretBox.closed(place) }
        guard let root = ring.key(version) else {
            throw Fault(
                "opening a sealed \(place.table).\(place.column)", "root key \(version) is not in the key ring",
                isRetryable: false)
        }
        let wrapping = sealed[SecretBox.headerBytes..<SecretBox.headerBytes + SecretBox.wrappedBytes]
        guard let bytes = AESGCM.open(wrapping, key: tenantKey(root, place.tenant), associated: keyAssociated(place)),
            let own = SymmetricKey(bytes)
        else { throw SecretBox.closed(place) }
        return own
    }

    /// Apart from the value's, so that neither can stand in for the other.
    private func keyAssociated(_ place: SecretPlace) -> [UInt8] { Array("key|".utf8) + place.associated }

    private static func closed(_ place: SecretPlace) -> Fault {
        Fault(
            "opening a sealed \(place.table).\(place.column)", "it was not sealed for this place, or was altered",
            isRetryable: false)
    }
}
