internal import Kernel

/// Whether an Ed25519 signature is good: public key of 32 bytes, signature of 64, message. Given, for this room has no
/// cryptography.
package typealias SignatureCheck = @Sendable (_ publicKey: [UInt8], _ signature: [UInt8], _ message: [UInt8]) -> Bool

/// A text does not have the form it claims.
package struct NoteFlaw: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String

    package init(_ message: String) { self.message = message }

    package var description: String { message }
}

/// The public key of a log in the notation of signed notes: `name+key id+base64(1, key)`. Ed25519 only.
package struct NoteKey: Sendable, Hashable, CustomStringConvertible {
    /// The signature type Ed25519.
    private static let ed25519: UInt8 = 1
    private static let keyBytes = 32

    package let name: String
    /// The first four bytes of SHA-256 over name, line feed, type and key: it finds the key and proves nothing.
    package let id: [UInt8]
    package let publicKey: [UInt8]

    /// `publicKey` has 32 bytes; the name is as `isName` demands.
    package init(name: String, publicKey: [UInt8], _ hasher: MerkleHasher) {
        precondition(publicKey.count == NoteKey.keyBytes && NoteKey.isName(name), "no key of a note: \(name)")
        self.name = name
        self.publicKey = publicKey
        id = Array(hasher.plain(Array(name.utf8) + [0x0A, NoteKey.ed25519] + publicKey).prefix(4))
    }

    /// Reads the notation; the id has to be that of the key.
    package init(_ text: some StringProtocol, _ hasher: MerkleHasher) throws(NoteFlaw) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, NoteKey.isName(String(parts[0])) else {
            throw NoteFlaw("A public key is written as name+id+key.")
        }
        guard parts[1].utf8.count == 8, let id = VectorFile.hexBytes(parts[1]) else {
            throw NoteFlaw("The id of a public key is eight hexadecimal digits.")
        }
        guard let bytes = Base64.decode(parts[2]), bytes.first == NoteKey.ed25519, bytes.count == NoteKey.keyBytes + 1 else {
            throw NoteFlaw("The public key is no base64 of an Ed25519 key.")
        }
        self.init(name: String(parts[0]), publicKey: Array(bytes.dropFirst()), hasher)
        guard self.id == id else { throw NoteFlaw("The id \(parts[1]) is not that of the name and key beside it.") }
    }

    package var description: String { "\(name)+\(id.hexText)+\(Base64.encode([NoteKey.ed25519] + publicKey))" }

    /// A name is not empty and has neither white space nor a plus sign nor control characters.
    package static func isName(_ text: String) -> Bool {
        !text.isEmpty
            && text.unicodeScalars.allSatisfy { $0 != "+" && !$0.properties.isWhitespace && $0.value >= 0x20 && $0.value != 0x7F }
    }
}

/// A text that others sign (C2SP signed-note): the text, an empty line, a line per signature.
package struct SignedNote: Sendable, Equatable {
    package static let bytesMax = 1_048_576
    /// Verifiers have to take at least 16; what nobody knows is ignored, so a bound keeps it cheap.
    package static let signaturesMax = 100

    package struct Signature: Sendable, Equatable {
        package let name: String
        package let keyID: [UInt8]
        package let bytes: [UInt8]
    }

    /// Ends with a line feed, which is signed with it.
    package let text: String
    package private(set) var signatures: [Signature]

    package init(text: String) {
        precondition(text.hasSuffix("\n"), "a note ends with a line feed")
        self.text = text
        signatures = []
    }

    package init(parsing bytes: some Collection<UInt8>) throws(NoteFlaw) {
        guard bytes.count <= SignedNote.bytesMax else { throw NoteFlaw("A note of \(bytes.count) bytes is too long.") }
        let bytes = Array(bytes)
        guard let whole = String(validating: bytes, as: UTF8.self) else { throw NoteFlaw("A note is UTF-8.") }
        guard bytes.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }) else { throw NoteFlaw("A note has no control characters.") }
        guard bytes.last == 0x0A else { throw NoteFlaw("A note ends with a line feed.") }
        guard bytes.count >= 4, let split = (1..<bytes.count - 1).last(where: { bytes[$0] == 0x0A && bytes[$0 - 1] == 0x0A })
        else {
            throw NoteFlaw("A note has an empty line before its signatures.")
        }
        _ = whole
        text = String(decoding: bytes[..<split], as: UTF8.self)
        signatures = []
        for line in bytes[(split + 1)...].dropLast().split(separator: 0x0A, omittingEmptySubsequences: false) {
            guard signatures.count < SignedNote.signaturesMax else {
                throw NoteFlaw("A note has at most \(SignedNote.signaturesMax) signatures.")
            }
            signatures.append(try SignedNote.signature(line))
        }
    }

    private static func signature(_ line: ArraySlice<UInt8>) throws(NoteFlaw) -> Signature {
        let dash = Array("\u{2014} ".utf8)
        let words = line.dropFirst(dash.count).split(separator: 0x20, omittingEmptySubsequences: false)
        guard line.starts(with: dash), words.count == 2 else { throw NoteFlaw("A signature is a dash, a name and a signature.") }
        let name = String(decoding: words[0], as: UTF8.self)
        guard NoteKey.isName(name) else { throw NoteFlaw("`\(name.prefix(80))` is no name of a signer.") }
        guard let bytes = Base64.decode(String(decoding: words[1], as: UTF8.self)), bytes.count > 4 else {
            throw NoteFlaw("The signature of \(name.prefix(80)) is no base64 of a key id and a signature.")
        }
        return Signature(name: name, keyID: Array(bytes.prefix(4)), bytes: Array(bytes.dropFirst(4)))
    }

    package mutating func add(_ signature: [UInt8], by key: NoteKey) {
        signatures.append(Signature(name: key.name, keyID: key.id, bytes: signature))
    }

    package var description: String {
        var out = text + "\n"
        for signature in signatures { out += "\u{2014} \(signature.name) \(Base64.encode(signature.keyID + signature.bytes))\n" }
        return out
    }

    /// The known keys that signed it, in the order of the signatures. Unknown signatures are passed over; a bad one by a known
    /// key makes the note worthless, and so does the lack of any good one.
    package func verified(by keys: [NoteKey], _ isValid: SignatureCheck) throws(NoteFlaw) -> [NoteKey] {
        let message = Array(text.utf8)
        var out: [NoteKey] = []
        for signature in signatures {
            let candidates = keys.filter { sameBytes($0.name, signature.name) && $0.id == signature.keyID }
            guard candidates.count <= 1 else { throw NoteFlaw("Two keys of \(signature.name) have one id.") }
            guard let key = candidates.first, !out.contains(key) else { continue }
            guard isValid(key.publicKey, signature.bytes, message) else {
                throw NoteFlaw("The signature of \(key.name) with key \(key.id.hexText) does not fit the text.")
            }
            out.append(key)
        }
        guard !out.isEmpty else { throw NoteFlaw("No known key signed it.") }
        return out
    }
}

/// What a log promises at a size (C2SP tlog-checkpoint): origin, number of entries, root hash.
package struct Checkpoint: Sendable, Equatable {
    package let origin: String
    package let size: UInt64
    package let root: [UInt8]
    /// Further lines, none of them empty.
    package let extensions: [String]

    package init(origin: String, size: UInt64, root: [UInt8], extensions: [String] = []) {
        self.origin = origin
        self.size = size
        self.root = root
        self.extensions = extensions
    }

    package init(_ text: String, _ hasher: MerkleHasher) throws(NoteFlaw) {
        let bytes = Array(text.utf8)
        guard bytes.last == 0x0A else { throw NoteFlaw("A checkpoint ends with a line feed.") }
        let lines = bytes.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        guard lines.count >= 3, !lines.contains(where: \.isEmpty) else {
            throw NoteFlaw("A checkpoint has lines for origin, size and root, and none that is empty.")
        }
        guard let size = Checkpoint.number(lines[1]) else { throw NoteFlaw("`\(lines[1].prefix(40))` is no size.") }
        guard let root = Base64.decode(lines[2]), root.count == MerkleHasher.byteCount else {
            throw NoteFlaw("The root is no base64 of 32 bytes.")
        }
        guard size > 0 || root == hasher.empty else { throw NoteFlaw("The root is not that of an empty log.") }
        self.init(origin: lines[0], size: size, root: root, extensions: Array(lines.dropFirst(3)))
    }

    package var text: String {
        ([origin, String(size), Base64.encode(root)] + extensions).map { $0 + "\n" }.joined()
    }

    /// A decimal of ASCII digits without zeros in front, at most 2^63 - 1.
    static func number(_ text: String) -> UInt64? {
        let digits = text.utf8
        guard (1...19).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            digits.count == 1 || digits.first != 0x30
        else { return nil }
        return Int64(text).map { UInt64($0) }
    }
}

/// A proof that stands alone (C2SP tlog-proof): where an entry is, the hashes up to the root, and the signed checkpoint.
package struct EntryProof: Sendable {
    private static let header = "c2sp.org/tlog-proof@v1"

    /// What the log wants to say beside it; not covered by the proof.
    package let extra: [UInt8]?
    package let index: UInt64
    package let hashes: [[UInt8]]
    package let note: SignedNote

    package init(index: UInt64, hashes: [[UInt8]], note: SignedNote, extra: [UInt8]? = nil) {
        self.extra = extra
        self.index = index
        self.hashes = hashes
        self.note = note
    }

    package init(parsing text: String) throws(NoteFlaw) {
        let bytes = Array(text.utf8)
        guard let gap = bytes.indices.dropFirst().first(where: { bytes[$0] == 0x0A && bytes[$0 - 1] == 0x0A }) else {
            throw NoteFlaw("A proof has an empty line before its checkpoint.")
        }
        var lines = bytes[..<(gap - 1)].split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }[...]
        guard let first = lines.popFirst(), sameBytes(first, EntryProof.header) else {
            throw NoteFlaw("A proof begins with \(EntryProof.header).")
        }
        var extra: [UInt8]?
        if let line = lines.first, line.hasPrefix("extra ") {
            guard let bytes = Base64.decode(line.dropFirst(6)) else { throw NoteFlaw("What follows `extra` is no base64.") }
            extra = bytes
            lines.removeFirst()
        }
        guard let line = lines.popFirst(), line.hasPrefix("index "), let index = Checkpoint.number(String(line.dropFirst(6)))
        else {
            throw NoteFlaw("A proof names the index of its entry.")
        }
        guard lines.count <= MerkleProof.hashesMax else { throw NoteFlaw("A proof of \(lines.count) hashes is too long.") }
        var hashes: [[UInt8]] = []
        for line in lines {
            guard let hash = Base64.decode(line), hash.count == MerkleHasher.byteCount else {
                throw NoteFlaw("`\(line.prefix(60))` is no base64 of 32 bytes.")
            }
            hashes.append(hash)
        }
        self.init(index: index, hashes: hashes, note: try SignedNote(parsing: bytes[(gap + 1)...]), extra: extra)
    }

    package var text: String {
        var out = EntryProof.header + "\n"
        if let extra { out += "extra \(Base64.encode(extra))\n" }
        out += "index \(index)\n"
        for hash in hashes { out += Base64.encode(hash) + "\n" }
        return out + "\n" + note.description
    }

    /// The checkpoint under which `entry` stands; a flaw when signature, place or hashes do not fit.
    package func checked(
        entry: some Collection<UInt8>, keys: [NoteKey], _ hasher: MerkleHasher, _ isValid: SignatureCheck
    ) throws(NoteFlaw) -> Checkpoint {
        _ = try note.verified(by: keys, isValid)
        let checkpoint = try Checkpoint(note.text, hasher)
        guard
            MerkleProof.includes(
                leaf: hasher.leaf(entry), at: index, in: checkpoint.size, proof: hashes, root: checkpoint.root, hasher)
        else {
            throw NoteFlaw("The entry is not the one at index \(index) under the checkpoint of \(checkpoint.size) entries.")
        }
        return checkpoint
    }
}
