package import Evidence
package import Kernel
internal import Postgres
package import Records

/// Proofs out of the sealed log: where an entry is, that a log only grew, and what is wrong with it if anything is.
package struct AuditProving: Sendable {
    /// Most sealed entries or checkpoints of one page.
    package static let pageMax = 1000
    /// Leaves of one kept subtree.
    static let blockLeaves: Int64 = 256

    private let platform: Platform

    package init(platform: Platform) { self.platform = platform }

    package enum Reader: Sendable { case member, sealer }

    private func read<Value: Sendable>(
        _ tenant: TenantID, _ role: Reader, _ body: @Sendable (Transaction) async throws -> Value
    ) async throws -> Value {
        let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
        return switch role {
        case .member: try await platform.store.withTenant(tenant, options: options, body)
        case .sealer: try await platform.store.withSealer(tenant: tenant, options: options, body)
        }
    }

    // MARK: Reading

    package struct State: Sendable {
        package let size: Int64
        package let sealedAt: Moment?
        package let checkpoint: CheckpointRow?
    }

    /// How far the tenant's log is sealed; nil before its first entry is.
    package func state(_ tenant: TenantID) async throws -> State? {
        try await read(tenant, .member) { tx in
            guard let head = try await tx.query(ProofQueries.head(tenant: tenant)).map(SealHeadRow.init).first else { return nil }
            let last = try await tx.query(ProofQueries.checkpoints(tenant: tenant, below: .max, limit: 1)).map(CheckpointRow.init)
            return State(size: head.size, sealedAt: head.sealedAt, checkpoint: last.first)
        }
    }

    /// Where entries are in the log; those that wait to be sealed are absent.
    package func places(_ tenant: TenantID, _ entries: [AuditEntryID]) async throws -> [AuditEntryID: (seq: Int64, leaf: [UInt8])]
    {
        try await read(tenant, .member) { tx in
            var out: [AuditEntryID: (seq: Int64, leaf: [UInt8])] = [:]
            for row in try await tx.query(ProofQueries.places(tenant: tenant, entries: entries)) {
                out[try row.get("entry_id", as: AuditEntryID.self)] = (
                    try row.get("seq", as: Int64.self), try row.get("leaf", as: [UInt8].self)
                )
            }
            return out
        }
    }

    /// One page of the sealed log from `seq` on.
    package func sealed(_ tenant: TenantID, from seq: Int64, limit: Int) async throws -> [SealRow] {
        try await read(tenant, .member) { tx in
            try await tx.query(ProofQueries.seals(tenant: tenant, from: seq, limit: min(limit, AuditProving.pageMax)))
                .map(SealRow.init)
        }
    }

    /// Sealed entries as an export writes them from `seq` on, a line each without its line feed; what is gone leaves its mark.
    package static func lines(_ rows: [SealRow], from seq: Int64) -> [[UInt8]] {
        var out: [[UInt8]] = []
        var next = seq
        for row in rows where row.seq >= next {
            while next < row.seq {
                out.append(AuditVerifier.missingLine(next))
                next += 1
            }
            out.append(row.row.map(AuditEntry.sealedBytes) ?? AuditVerifier.missingLine(next))
            next += 1
        }
        return out
    }

    package func checkpoints(_ tenant: TenantID, below size: Int64 = .max, limit: Int) async throws -> [CheckpointRow] {
        try await read(tenant, .member) { tx in
            try await tx.query(ProofQueries.checkpoints(tenant: tenant, below: size, limit: min(limit, AuditProving.pageMax)))
                .map(CheckpointRow.init)
        }
    }

    // MARK: Proofs

    package struct Proven: Sendable {
        package let proof: EntryProof
        /// The bytes that were sealed.
        package let entry: [UInt8]
    }

    /// That an entry is in the log, under the first checkpoint that covers it. An entry that is not there is not found; one that
    /// waits for its seal or its checkpoint is refused (`audit.unsealed`), and so is one that is not what was sealed.
    package func inclusion(_ entry: AuditEntryID, of tenant: TenantID) async throws -> Proven {
        try await read(tenant, .member) { tx in
            guard let seal = try await tx.query(ProofQueries.seal(tenant: tenant, of: entry)).map(SealRow.init).first,
                let checkpoint = try await tx.query(ProofQueries.checkpoint(tenant: tenant, from: seal.seq + 1))
                    .map(CheckpointRow.init).first
            else {
                throw Refusal(
                    .notFound, reason: "audit.unsealed",
                    "There is no sealed entry of this id. Entries are sealed within seconds, and proven once a checkpoint covers "
                        + "them, within a minute or so.")
            }
            guard let row = seal.row, AuditLog.leaf(row) == seal.leaf else {
                throw Refusal(
                    .conflict, reason: "audit.mismatch",
                    "Entry \(seal.seq) is not the one that was sealed. Export the log and verify it.")
            }
            guard let spans = MerkleProof.inclusion(UInt64(seal.seq), in: UInt64(checkpoint.size)) else {
                preconditionFailure("a checkpoint of \(checkpoint.size) does not cover \(seal.seq)")
            }
            let hashes = try await hashes(of: spans, tenant: tenant, tx)
            let proof = EntryProof(
                index: UInt64(seal.seq), hashes: hashes, note: try SignedNote(parsing: checkpoint.note.utf8))
            return Proven(proof: proof, entry: AuditEntry.sealedBytes(row))
        }
    }

    /// That the log of `older` entries is the beginning of that of `newer`. Sizes outside the log are refused.
    package func consistency(_ older: Int64, _ newer: Int64, of tenant: TenantID) async throws -> [[UInt8]] {
        try await read(tenant, .member) { tx in
            let size = try await tx.query(ProofQueries.head(tenant: tenant)).map(SealHeadRow.init).first?.size ?? 0
            guard older > 0, older <= newer, newer <= size,
                let spans = MerkleProof.consistency(UInt64(older), UInt64(newer))
            else {
                throw Refusal(
                    .invalid, reason: "audit.sizes", "Sizes are from 1 to \(size), and the older one is not the larger.")
            }
            return try await hashes(of: spans, tenant: tenant, tx)
        }
    }

    private func hashes(of spans: [MerkleProof.Span], tenant: TenantID, _ tx: Transaction) async throws -> [[UInt8]] {
        let subtrees = spans.map(\.subtrees)
        let rows = try await tx.pipeline(subtrees.flatMap { $0.map { AuditProving.query(tenant, $0.height, $0.index) } })
        var at = 0
        return try subtrees.map { parts in
            try MerkleProof.joined(
                parts.map { part in
                    defer { at += 1 }
                    let base = part.height / 8 * 8
                    let found = try rows[at].map { try $0.get("leaf", as: [UInt8].self) }
                    guard found.count == 1 << (part.height - base) else {
                        throw Fault("proving an audit entry", "hashes of the log are missing", isRetryable: false)
                    }
                    return AuditProving.root(found)
                }, AuditLog.hasher)
        }
    }

    /// The hashes that a full subtree is made of, at the next lower height that is kept.
    private static func query(_ tenant: TenantID, _ height: Int, _ index: UInt64) -> SQL {
        let base = height / 8 * 8
        let start = Int64(index) << Int64(height - base)
        let end = start + 1 << Int64(height - base)
        return base == 0
            ? ProofQueries.leaves(tenant: tenant, from: start, to: end)
            : ProofQueries.subtrees(tenant: tenant, height: Int32(base), from: start, to: end)
    }

    /// The root over a power of two of hashes.
    private static func root(_ hashes: [[UInt8]]) -> [UInt8] {
        var level = hashes
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { AuditLog.hasher.node(level[$0], level[$0 + 1]) }
        }
        return level[0]
    }

    // MARK: What is wrong

    package struct Flaw: Sendable, Equatable {
        package let seq: Int64
        package let what: String
    }

    /// Goes through at most `limit` sealed entries from `start` (whole blocks) and names what is not as it was sealed; `next` is
    /// where to go on, 0 at the end of the log.
    func faults(of head: SealHeadRow, from start: Int64, limit: Int, role: Reader) async throws -> (faults: [Flaw], next: Int64) {
        let begin = start / AuditProving.blockLeaves * AuditProving.blockLeaves
        let end = min(head.size, begin + Int64(limit))
        let tenant = head.tenant
        let (rows, blocks) = try await read(tenant, role) { tx in
            let found = try await tx.pipeline([
                ProofQueries.seals(tenant: tenant, from: begin, limit: Int(end - begin)),
                ProofQueries.subtrees(
                    tenant: tenant, height: 8, from: begin / AuditProving.blockLeaves, to: end / AuditProving.blockLeaves),
            ])
            return (try found[0].map(SealRow.init), try found[1].map { try $0.get("leaf", as: [UInt8].self) })
        }
        var out: [Flaw] = []
        for (offset, row) in rows.enumerated() where out.isEmpty {
            let seq = begin + Int64(offset)
            if row.seq != seq {
                out.append(Flaw(seq: seq, what: "its seal is gone"))
            } else if let entry = row.row {
                if AuditLog.leaf(entry) != row.leaf { out.append(Flaw(seq: seq, what: "it is not the entry that was sealed")) }
            } else {
                out.append(Flaw(seq: seq, what: "the entry is gone"))
            }
        }
        if out.isEmpty, rows.count < Int(end - begin) {
            out.append(Flaw(seq: begin + Int64(rows.count), what: "its seal is gone"))
        }
        let whole = rows.count / Int(AuditProving.blockLeaves)
        if out.isEmpty, blocks.count < whole {
            out.append(Flaw(seq: begin, what: "hashes above it are gone"))
        }
        for block in 0..<(out.isEmpty ? whole : 0) {
            let first = block * Int(AuditProving.blockLeaves)
            let leaves = rows[first..<first + Int(AuditProving.blockLeaves)].map(\.leaf)
            guard AuditProving.root(leaves) != blocks[block] else { continue }
            out.append(Flaw(seq: begin + Int64(first), what: "the leaves from it on are not those of the tree"))
            break
        }
        return (out, end >= head.size ? 0 : end)
    }
}
