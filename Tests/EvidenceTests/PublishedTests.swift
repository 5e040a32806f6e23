import Evidence
import Kernel
import Seals
import TestBasics
import Testing

@Suite("Published cases of trees, notes and events")
struct PublishedTests {
    private let hasher = MerkleHasher { SHA256.hash($0) }

    private var evidence: EvidenceConformance {
        EvidenceConformance(hasher) { key, signature, message in
            VerifyingKey(key)?.isValid(signature, over: message) ?? false
        }
    }

    @Test("every published case of trees and notes gives the published answer")
    func trees() throws {
        guard let folder = Checkout.published("vectors/merkle"), let notes = Checkout.published("vectors/signed-note") else {
            return
        }
        let tally = try evidence.trees(directory: folder)
        #expect(tally.failed == 0, "\(tally.failures)")
        let noted = try evidence.notes(directory: notes)
        #expect(noted.failed == 0, "\(noted.failures)")
    }

    @Test("every published case of events on HTTP gives the published answer")
    func events() throws {
        guard let folder = Checkout.published("vectors/cloudevents") else { return }
        let tally = try CloudEventConformance.run(directory: folder)
        #expect(tally.failed == 0, "\(tally.failures)")
    }

    @Test("every proof in a random tree holds, and none holds after a change")
    func properties() throws {
        var dice = Seeded("proofs of random trees")
        for _ in 0..<60 {
            let size = dice.int(1...300)
            let leaves = (0..<size).map { _ in hasher.leaf((0..<dice.int(0...40)).map { _ in UInt8(dice.int(0...255)) }) }
            var frontier = MerkleFrontier()
            var roots = [frontier.root(hasher)]
            for leaf in leaves {
                frontier.append(leaf, hasher)
                roots.append(frontier.root(hasher))
            }
            #expect(roots[size] == naive(leaves[...]))
            #expect(MerkleFrontier(size: UInt64(size), bytes: frontier.bytes) == frontier)

            let index = dice.int(0...size - 1)
            let spans = try #require(MerkleProof.inclusion(UInt64(index), in: UInt64(size)))
            let proof = spans.map { hash($0, leaves) }
            func holds(_ leaf: [UInt8], _ index: Int, _ size: Int, _ proof: [[UInt8]], _ root: [UInt8]) -> Bool {
                MerkleProof.includes(
                    leaf: leaf, at: UInt64(index), in: UInt64(size), proof: proof, root: root, hasher)
            }
            #expect(holds(leaves[index], index, size, proof, roots[size]))
            #expect(!holds(flipped(leaves[index], &dice), index, size, proof, roots[size]))
            #expect(!holds(leaves[index], index, size, proof, flipped(roots[size], &dice)))
            #expect(!holds(leaves[index], index, size, proof + [leaves[index]], roots[size]))
            #expect(!holds(leaves[index], size, size, proof, roots[size]))
            if !proof.isEmpty {
                var bent = proof
                let at = dice.int(0...proof.count - 1)
                bent[at] = flipped(bent[at], &dice)
                #expect(!holds(leaves[index], index, size, bent, roots[size]))
                #expect(!holds(leaves[index], index, size, Array(proof.dropLast()), roots[size]))
            }

            let older = dice.int(1...size)
            let path = try #require(MerkleProof.consistency(UInt64(older), UInt64(size))).map { hash($0, leaves) }
            func grows(_ proof: [[UInt8]], _ from: [UInt8], _ to: [UInt8]) -> Bool {
                MerkleProof.extends(
                    older: UInt64(older), newer: UInt64(size), proof: proof, olderRoot: from, newerRoot: to, hasher)
            }
            #expect(grows(path, roots[older], roots[size]))
            #expect(!grows(path, flipped(roots[older], &dice), roots[size]))
            #expect(!grows(path, roots[older], flipped(roots[size], &dice)))
            if !path.isEmpty {
                var bent = path
                let at = dice.int(0...path.count - 1)
                bent[at] = flipped(bent[at], &dice)
                #expect(!grows(bent, roots[older], roots[size]))
            }
        }
    }

    /// The root as the specification words it: halves at the largest power of two.
    private func naive(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        guard let only = leaves.first else { return hasher.empty }
        guard leaves.count > 1 else { return only }
        var half = 1
        while half * 2 < leaves.count { half *= 2 }
        return hasher.node(naive(leaves.prefix(half)), naive(leaves.dropFirst(half)))
    }

    /// A span's hash, put together of its full subtrees as a store would.
    private func hash(_ span: MerkleProof.Span, _ leaves: [[UInt8]]) -> [UInt8] {
        let parts = span.subtrees.map { height, index in
            naive(leaves[Int(index) << height..<(Int(index) + 1) << height])
        }
        return MerkleProof.joined(parts, hasher)
    }

    private func flipped(_ hash: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        var out = hash
        out[dice.int(0...out.count - 1)] ^= UInt8(1 << dice.int(0...7))
        return out
    }

    @Test("a note that was signed is read back and verified, and no other text is under its signature")
    func signing() throws {
        let signer = try #require(SigningKey(seed: [UInt8](repeating: 7, count: 32)))
        let key = NoteKey(name: "log.example/one", publicKey: signer.publicKey.bytes, hasher)
        #expect(try NoteKey(key.description, hasher) == key)
        let checkpoint = Checkpoint(origin: "log.example/one", size: 3, root: hasher.leaf([1]), extensions: ["at 2026"])
        var note = SignedNote(text: checkpoint.text)
        note.add(signer.signature(over: note.text.utf8), by: key)
        let read = try SignedNote(parsing: note.description.utf8)
        #expect(read == note)
        #expect(try read.verified(by: [key]) { VerifyingKey($0)?.isValid($1, over: $2) ?? false } == [key])
        #expect(try Checkpoint(read.text, hasher) == checkpoint)
        let other = note.description.replacing("\n3\n", with: "\n4\n")
        #expect(throws: NoteFlaw.self) {
            try SignedNote(parsing: other.utf8).verified(by: [key]) { VerifyingKey($0)?.isValid($1, over: $2) ?? false }
        }
    }
}
