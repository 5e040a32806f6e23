internal import Kernel

/// Checks an exported log against signed checkpoints, with nothing but public keys: entries are hashed in their order, and at
/// each checkpoint the root has to be the promised one. Where it is not, the leaves that were noted besides name the first
/// bad entry.
package struct AuditVerifier: Sendable {
    /// Most checkpoints that are looked at.
    package static let checkpointsMax = 1_000_000
    private static let missingPrefix = Array("{\"missing\":".utf8)

    /// The line that an export has in the place of an entry that is gone.
    package static func missingLine(_ seq: Int64) -> [UInt8] { missingPrefix + Array("\(seq)}".utf8) }

    /// What is wrong, at which place. `seq` counts from 0.
    package struct Finding: Sendable, Equatable, CustomStringConvertible {
        package let seq: UInt64
        package let what: String

        package var description: String { "entry \(seq): \(what)" }
    }

    private struct Promise: Sendable {
        let size: UInt64
        let root: [UInt8]
    }

    package private(set) var finding: Finding?
    /// Notes that are no good checkpoints of this log, with the reason.
    package private(set) var refusedNotes: [String] = []
    /// Entries that the last good checkpoint covers.
    package private(set) var covered: UInt64 = 0
    package private(set) var checkpointsHeld = 0
    package var entryCount: UInt64 { frontier.size }

    private let keys: [NoteKey]
    private let hasher: MerkleHasher
    private let isValid: SignatureCheck
    private var promises: [Promise] = []
    private var next = 0
    private var frontier = MerkleFrontier()
    /// Leaves since the last good checkpoint, and which of them are marks of missing entries.
    private var recent: [[UInt8]] = []
    private var missing: Set<UInt64> = []

    /// `keys` are those the auditor trusts; their name is the log's origin.
    package init(keys: [NoteKey], _ hasher: MerkleHasher, isValid: @escaping SignatureCheck) {
        self.keys = keys
        self.hasher = hasher
        self.isValid = isValid
    }

    /// Takes checkpoints from wherever they were kept; all of them before the first entry.
    package mutating func add(notes: [String]) {
        var roots: [UInt64: [UInt8]] = [:]
        for promise in promises { roots[promise.size] = promise.root }
        for (index, text) in notes.prefix(AuditVerifier.checkpointsMax).enumerated() {
            do throws(NoteFlaw) {
                let note = try SignedNote(parsing: text.utf8)
                let signers = try note.verified(by: keys, isValid)
                let checkpoint = try Checkpoint(note.text, hasher)
                guard signers.contains(where: { sameBytes($0.name, checkpoint.origin) }) else {
                    throw NoteFlaw("Its origin is \(checkpoint.origin), which did not sign it.")
                }
                if let known = roots[checkpoint.size], known != checkpoint.root {
                    finding = Finding(
                        seq: checkpoint.size, what: "two checkpoints of \(checkpoint.size) entries promise different logs")
                }
                roots[checkpoint.size] = checkpoint.root
            } catch {
                refusedNotes.append("checkpoint \(index + 1): \(error)")
            }
        }
        promises = roots.map { Promise(size: $0.key, root: $0.value) }.sorted { $0.size < $1.size }
        while next < promises.count, promises[next].size == 0 { next += 1 }
    }

    /// The size that the largest good checkpoint promises.
    package var promised: UInt64 { promises.last?.size ?? 0 }

    /// Takes the next entry, a line of the export. After the first finding nothing more is looked at.
    ///
    /// `noted` gives the leaf of a place as it was noted when it was sealed, from as far outside the database as there is; it is
    /// asked only when a root does not fit.
    package mutating func add(entry line: some Collection<UInt8>, noted: (UInt64) -> [UInt8]?) {
        guard finding == nil else { return }
        if line.starts(with: AuditVerifier.missingPrefix) { missing.insert(frontier.size) }
        let leaf = hasher.leaf(line)
        recent.append(leaf)
        frontier.append(leaf, hasher)
        guard next < promises.count, promises[next].size == frontier.size else { return }
        let promise = promises[next]
        guard frontier.root(hasher) == promise.root else {
            finding = diagnose(upTo: promise, noted: noted)
            return
        }
        next += 1
        checkpointsHeld += 1
        covered = frontier.size
        recent = []
        missing = []
    }

    /// To be called after the last entry: a log that ends before its checkpoints do was cut, and what no checkpoint covers yet is
    /// held to the leaves that were noted.
    package mutating func finish(noted: (UInt64) -> [UInt8]?) {
        guard finding == nil else { return }
        if next < promises.count {
            let promise = promises[next]
            finding =
                firstDifference(noted: noted, upTo: frontier.size)
                ?? Finding(
                    seq: frontier.size,
                    what: "the log ends here; checkpoints promise \(promise.size) entries, and \(promised) in the end")
        } else {
            finding = firstDifference(noted: noted, upTo: frontier.size)
        }
    }

    private func diagnose(upTo promise: Promise, noted: (UInt64) -> [UInt8]?) -> Finding {
        // The notes themselves are believed only if they fit the promise.
        var tree = MerkleFrontier()
        var isNoted = true
        for seq in 0..<promise.size {
            guard let leaf = noted(seq) else {
                isNoted = false
                break
            }
            tree.append(leaf, hasher)
        }
        if isNoted, tree.root(hasher) == promise.root, let found = firstDifference(noted: noted, upTo: promise.size) {
            return found
        }
        if let gone = missing.min() { return Finding(seq: gone, what: "the entry is gone") }
        let isOne = covered + 1 == promise.size
        return Finding(seq: covered, what: (isOne ? "it" : "it or one up to \(promise.size - 1)") + " is not what was sealed")
    }

    private func firstDifference(noted: (UInt64) -> [UInt8]?, upTo end: UInt64) -> Finding? {
        for (offset, leaf) in recent.enumerated() {
            let seq = covered + UInt64(offset)
            guard seq < end, let wanted = noted(seq), wanted != leaf else { continue }
            if missing.contains(seq) { return Finding(seq: seq, what: "the entry is gone") }
            for other in covered..<end where other != seq {
                if noted(other) == leaf {
                    let what = "here stands what was sealed as entry \(other): entries are gone or in another order"
                    return Finding(seq: seq, what: what)
                }
            }
            return Finding(seq: seq, what: "its content is not what was sealed")
        }
        if let gone = missing.min() { return Finding(seq: gone, what: "the entry is gone") }
        return nil
    }
}
