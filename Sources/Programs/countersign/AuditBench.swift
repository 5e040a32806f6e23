import Evidence
import Kernel
import Seals
import Showcase

/// The auditor's side of the sealed log: how fast an export is verified, and how large a proof is.
enum AuditBench {
    static let entries = 500_000
    private static let checkpointEvery = 10_000
    /// 200,000 entries a second.
    private static let verifyBarNanoseconds: Int64 = 5000

    static func run() throws -> [BenchResult] {
        guard let signer = SigningKey(seed: [UInt8](repeating: 9, count: 32)) else { return [] }
        let key = NoteKey(name: "countersign/audit/bench", publicKey: signer.publicKey.bytes, AuditProofs.hasher)
        var lines: [[UInt8]] = []
        var notes: [String] = []
        var tree = MerkleFrontier()
        for index in 0..<entries {
            let line = try entry(index).canonicalBytes()
            lines.append(line)
            tree.append(AuditProofs.hasher.leaf(line), AuditProofs.hasher)
            guard (index + 1) % checkpointEvery == 0 else { continue }
            let root = tree.root(AuditProofs.hasher)
            var note = SignedNote(text: Checkpoint(origin: key.name, size: tree.size, root: root).text)
            note.add(signer.signature(over: note.text.utf8), by: key)
            notes.append(note.description)
        }
        var verifier = AuditVerifier(keys: [key], AuditProofs.hasher, isValid: AuditProofs.isValid)
        let clock = ContinuousClock()
        let took = clock.measure {
            verifier.add(notes: notes)
            for line in lines { verifier.add(entry: line) { _ in nil } }
            verifier.finish { _ in nil }
        }
        guard verifier.finding == nil, verifier.covered == UInt64(entries) else {
            throw Fault("measuring the verifier", "a good log does not verify", isRetryable: false)
        }
        let nanoseconds = (took.components.seconds * 1_000_000_000 + took.components.attoseconds / 1_000_000_000) / Int64(entries)
        let rate = 1_000_000_000 / max(1, nanoseconds)
        let path = MerkleProof.inclusion(UInt64(entries / 3), in: UInt64(entries)) ?? []
        let proof = EntryProof(
            index: UInt64(entries / 3), hashes: path.map { _ in [UInt8](repeating: 1, count: MerkleHasher.byteCount) },
            note: try SignedNote(parsing: notes[0].utf8))
        let bytes = lines.reduce(0) { $0 + $1.count } / entries
        return [
            BenchResult(
                "audit verify", nanoseconds, "ns an entry", bar: verifyBarNanoseconds,
                note: "\(rate) entries/s over \(entries) entries of \(bytes) bytes and \(notes.count) checkpoints, one core"),
            BenchResult(
                "audit proof", Int64(proof.text.utf8.count), "bytes",
                note: "\(path.count) hashes and a checkpoint, in a log of \(entries)"),
        ]
    }

    private static func entry(_ index: Int) -> AuditEntry {
        let at = Moment(seconds: 1_780_000_000 + Int64(index))
        return AuditEntry(
            id: AuditEntryID(high: 1, low: UInt64(index)), tenant: TenantID(high: 3, low: 4), occurredAt: at, recordedAt: at,
            actor: AuditEntry.Actor(.person, id: "01900000-0000-7000-8000-000000000001"), action: "approval.signed",
            object: AuditEntry.AuditObject(type: "run", id: "01900000-0000-7000-8000-00000000\(index % 9000 + 1000)"),
            correlation: AuditEntry.Correlation(run: RunID(high: 5, low: UInt64(index))),
            facts: [
                "verdict": "approve", "amount": "1240.00", "currency": "EUR", "role": "approver", "round": JSONValue(index % 3),
            ])
    }
}
