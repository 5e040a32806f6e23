/// The hashes of RFC 6962, on a SHA-256 that is given: this room has no cryptography.
package struct MerkleHasher: Sendable {
    package static let byteCount = 32

    private let sha256: @Sendable ([UInt8]) -> [UInt8]

    package init(sha256: @escaping @Sendable ([UInt8]) -> [UInt8]) { self.sha256 = sha256 }

    /// Of bytes as they are: key ids of notes are made of it.
    package func plain(_ bytes: [UInt8]) -> [UInt8] { sha256(bytes) }

    /// Leaves and nodes begin with different bytes, so that no node can be shown as an entry.
    package func leaf(_ entry: some Collection<UInt8>) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(entry.count + 1)
        input.append(0)
        input.append(contentsOf: entry)
        return sha256(input)
    }

    package func node(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var input: [UInt8] = []
        input.reserveCapacity(2 * MerkleHasher.byteCount + 1)
        input.append(1)
        input.append(contentsOf: left)
        input.append(contentsOf: right)
        return sha256(input)
    }

    /// The root of a tree without leaves.
    package var empty: [UInt8] { sha256([]) }
}

/// The right edge of a growing tree: the roots of the full subtrees that cover it, the largest first. It is all that is needed
/// to append and to name the root; 63 hashes at most.
package struct MerkleFrontier: Sendable, Equatable {
    /// Most leaves of one tree; a checkpoint's size is written as a signed 64-bit number.
    package static let sizeMax: UInt64 = 1 << 62

    package private(set) var size: UInt64
    package private(set) var hashes: [[UInt8]]

    package init() {
        size = 0
        hashes = []
    }

    /// Nil unless there is one hash of 32 bytes for each bit that is set in `size`.
    package init?(size: UInt64, hashes: [[UInt8]]) {
        guard size <= MerkleFrontier.sizeMax, hashes.count == size.nonzeroBitCount,
            hashes.allSatisfy({ $0.count == MerkleHasher.byteCount })
        else { return nil }
        self.size = size
        self.hashes = hashes
    }

    /// Nil as above; the hashes one after the other, as the store keeps them.
    package init?(size: UInt64, bytes: [UInt8]) {
        guard bytes.count % MerkleHasher.byteCount == 0 else { return nil }
        let starts = stride(from: 0, to: bytes.count, by: MerkleHasher.byteCount)
        self.init(size: size, hashes: starts.map { Array(bytes[$0..<$0 + MerkleHasher.byteCount]) })
    }

    package var bytes: [UInt8] { hashes.flatMap(\.self) }

    /// Appends one leaf. `completed` hears of each full subtree that it closes: its height (1 is a pair of leaves), its index
    /// among those of that height, and its hash.
    package mutating func append(
        _ leaf: [UInt8], _ hasher: MerkleHasher,
        completed: (_ height: Int, _ index: UInt64, _ hash: [UInt8]) -> Void = { _, _, _ in }
    ) {
        precondition(size < MerkleFrontier.sizeMax, "a tree of \(size) leaves is full")
        var hash = leaf
        var rest = size
        var height = 0
        while rest & 1 == 1 {
            hash = hasher.node(hashes.removeLast(), hash)
            rest >>= 1
            height += 1
            completed(height, rest, hash)
        }
        hashes.append(hash)
        size += 1
    }

    package func root(_ hasher: MerkleHasher) -> [UInt8] {
        guard var root = hashes.last else { return hasher.empty }
        for hash in hashes.dropLast().reversed() { root = hasher.node(hash, root) }
        return root
    }
}

/// Which subtrees a proof is made of, and whether a proof holds (RFC 6962, section 2.1; RFC 9162 words the checks).
package enum MerkleProof {
    /// Most hashes of a proof: a tree of 2^62 leaves is 62 high, and a consistency proof may hold one more.
    package static let hashesMax = 64

    /// The leaves from `start` up to `end`, whose subtree hash belongs into a proof.
    package struct Span: Sendable, Equatable {
        package let start: UInt64
        package let end: UInt64

        package init(start: UInt64, end: UInt64) {
            self.start = start
            self.end = end
        }

        /// The full subtrees it consists of, from the left: height and index. More than one only at the right edge of a tree.
        package var subtrees: [(height: Int, index: UInt64)] {
            var out: [(height: Int, index: UInt64)] = []
            var at = start
            while at < end {
                let rest = end - at
                let aligned = at == 0 ? 63 : at.trailingZeroBitCount
                let height = min(aligned, 63 - rest.leadingZeroBitCount)
                out.append((height, at >> UInt64(height)))
                at += 1 << UInt64(height)
            }
            return out
        }
    }

    /// What proves that leaf `index` is in the tree of `size` leaves; nil when there is no such leaf.
    package static func inclusion(_ index: UInt64, in size: UInt64) -> [Span]? {
        guard index < size, size <= MerkleFrontier.sizeMax else { return nil }
        var out: [Span] = []
        var (start, end) = (UInt64(0), size)
        while end - start > 1 {
            let middle = start + split(end - start)
            if index < middle {
                out.append(Span(start: middle, end: end))
                end = middle
            } else {
                out.append(Span(start: start, end: middle))
                start = middle
            }
        }
        return out.reversed()
    }

    /// What proves that the tree of `older` leaves is the beginning of that of `newer`; nil unless 0 < older <= newer.
    package static func consistency(_ older: UInt64, _ newer: UInt64) -> [Span]? {
        guard older > 0, older <= newer, newer <= MerkleFrontier.sizeMax else { return nil }
        var out: [Span] = []
        var (start, end) = (UInt64(0), newer)
        var isWhole = true
        while older != end {
            let middle = start + split(end - start)
            if older <= middle {
                out.append(Span(start: middle, end: end))
                end = middle
            } else {
                out.append(Span(start: start, end: middle))
                start = middle
                isWhole = false
            }
        }
        if !isWhole { out.append(Span(start: start, end: end)) }
        return out.reversed()
    }

    /// The hash of a span whose full subtrees are given from the left.
    package static func joined(_ subtrees: [[UInt8]], _ hasher: MerkleHasher) -> [UInt8] {
        guard var hash = subtrees.last else { return hasher.empty }
        for left in subtrees.dropLast().reversed() { hash = hasher.node(left, hash) }
        return hash
    }

    package static func includes(
        leaf: [UInt8], at index: UInt64, in size: UInt64, proof: [[UInt8]], root: [UInt8], _ hasher: MerkleHasher
    ) -> Bool {
        guard index < size, areHashes(proof + [leaf, root]) else { return false }
        var (node, last) = (index, size - 1)
        var hash = leaf
        for sibling in proof {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                hash = hasher.node(sibling, hash)
                while node & 1 == 0, node != 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                hash = hasher.node(hash, sibling)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 && hash == root
    }

    /// An empty tree is the beginning of every tree, so a proof from size 0 proves nothing and is refused.
    package static func extends(
        older: UInt64, newer: UInt64, proof: [[UInt8]], olderRoot: [UInt8], newerRoot: [UInt8], _ hasher: MerkleHasher
    ) -> Bool {
        guard older > 0, older <= newer else { return false }
        if older == newer { return proof.isEmpty && olderRoot == newerRoot }
        guard !proof.isEmpty, areHashes(proof + [olderRoot, newerRoot]) else { return false }
        var path = proof[...]
        if older.nonzeroBitCount == 1 { path = [olderRoot] + proof }
        var (node, last) = (older - 1, newer - 1)
        while node & 1 == 1 { (node, last) = (node >> 1, last >> 1) }
        guard let first = path.popFirst() else { return false }
        var (from, to) = (first, first)
        for sibling in path {
            guard last > 0 else { return false }
            if node & 1 == 1 || node == last {
                from = hasher.node(sibling, from)
                to = hasher.node(sibling, to)
                while node & 1 == 0, node != 0 { (node, last) = (node >> 1, last >> 1) }
            } else {
                to = hasher.node(to, sibling)
            }
            (node, last) = (node >> 1, last >> 1)
        }
        return last == 0 && from == olderRoot && to == newerRoot
    }

    /// The largest power of two below `count`, which is at least 2.
    private static func split(_ count: UInt64) -> UInt64 { 1 << UInt64(63 - (count - 1).leadingZeroBitCount) }

    private static func areHashes(_ hashes: [[UInt8]]) -> Bool {
        hashes.count <= hashesMax + 2 && hashes.allSatisfy { $0.count == MerkleHasher.byteCount }
    }
}
