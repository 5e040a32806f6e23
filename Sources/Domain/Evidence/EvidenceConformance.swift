package import Kernel

/// Trees and notes against folders of published cases.
package struct EvidenceConformance: Sendable {
    private static let hashBytes = MerkleHasher.byteCount

    private let hasher: MerkleHasher
    private let isValid: SignatureCheck

    package init(_ hasher: MerkleHasher, isValid: @escaping SignatureCheck) {
        self.hasher = hasher
        self.isValid = isValid
    }

    /// `inclusion/` and `consistency/` (one JSON file a case, in folders of any depth) and `trees.json`.
    package func trees(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for (id, file) in try EvidenceConformance.files(directory, "inclusion") {
            let isGood = inclusion(try VectorFile.read(file))
            tally.record(id, isPassed: isGood.found == isGood.wanted, isGood.wanted ? "refused" : "taken, but should be refused")
        }
        for (id, file) in try EvidenceConformance.files(directory, "consistency") {
            let isGood = consistency(try VectorFile.read(file))
            tally.record(id, isPassed: isGood.found == isGood.wanted, isGood.wanted ? "refused" : "taken, but should be refused")
        }
        try roots(directory, &tally)
        return tally
    }

    private func inclusion(_ json: JSONValue) -> (found: Bool, wanted: Bool) {
        let wanted = json["wantErr"]?.bool == false
        guard let index = EvidenceConformance.number(json["leafIdx"]), let size = EvidenceConformance.number(json["treeSize"]),
            let leaf = EvidenceConformance.hash(json["leafHash"]), let root = EvidenceConformance.hash(json["root"]),
            let proof = EvidenceConformance.hashes(json["proof"])
        else { return (false, wanted) }
        return (MerkleProof.includes(leaf: leaf, at: index, in: size, proof: proof, root: root, hasher), wanted)
    }

    private func consistency(_ json: JSONValue) -> (found: Bool, wanted: Bool) {
        let wanted = json["wantErr"]?.bool == false
        guard let older = EvidenceConformance.number(json["size1"]), let newer = EvidenceConformance.number(json["size2"]),
            let from = EvidenceConformance.hash(json["root1"]), let to = EvidenceConformance.hash(json["root2"]),
            let proof = EvidenceConformance.hashes(json["proof"])
        else { return (false, wanted) }
        return (
            MerkleProof.extends(older: older, newer: newer, proof: proof, olderRoot: from, newerRoot: to, hasher), wanted
        )
    }

    /// Roots of the tree as it grows, and our own proofs between all its sizes.
    private func roots(_ directory: String, _ tally: inout ConformanceTally) throws(Fault) {
        let json = try VectorFile.read(directory + "/trees.json")
        let leaves = (json["leaves_hex"]?.array ?? []).compactMap { VectorFile.hexBytes($0.string ?? "") }.map { hasher.leaf($0) }
        let roots = (json["roots_hex"]?.array ?? []).compactMap { VectorFile.hexBytes($0.string ?? "") }
        var frontier = MerkleFrontier()
        for (size, root) in roots.enumerated() {
            tally.record("trees/root-\(size)", isPassed: frontier.root(hasher) == root, frontier.root(hasher).hexText)
            if size < leaves.count { frontier.append(leaves[size], hasher) }
        }
    }

    /// `notes.json`, `vkeys.json`, `checkpoints.json` and `proofs.json`.
    package func notes(directory: String) throws(Fault) -> ConformanceTally {
        var tally = ConformanceTally()
        for entry in try EvidenceConformance.cases(directory + "/vkeys.json") {
            let found = Result { () throws(NoteFlaw) in try NoteKey(entry["vkey"]?.string ?? "", hasher) }
            tally.record("vkeys/" + EvidenceConformance.name(entry), verdict(found, wanted: entry["ok"]?.bool))
        }
        for entry in try EvidenceConformance.cases(directory + "/notes.json") {
            let found = Result { () throws(NoteFlaw) in
                try SignedNote(parsing: (entry["note"]?.string ?? "").utf8).verified(by: try keys(entry), isValid).map(\.name)
            }
            var verdict = verdict(found, wanted: entry["accept"]?.bool)
            if case .success(let names) = found, let wanted = entry["verified_by"]?.array?.compactMap(\.string), names != wanted {
                verdict = .failed("signed by \(names)")
            }
            tally.record("notes/" + EvidenceConformance.name(entry), verdict)
        }
        for entry in try EvidenceConformance.cases(directory + "/checkpoints.json") {
            let found = Result { () throws(NoteFlaw) in try Checkpoint(entry["text"]?.string ?? "", hasher) }
            var verdict = verdict(found, wanted: entry["ok"]?.bool)
            if case .success(let checkpoint) = found, entry["ok"]?.bool == true, !isSame(checkpoint, entry) {
                verdict = .failed("read as \(checkpoint)")
            }
            tally.record("checkpoints/" + EvidenceConformance.name(entry), verdict)
        }
        for entry in try EvidenceConformance.cases(directory + "/proofs.json") {
            let found = Result { () throws(NoteFlaw) in
                try EntryProof(parsing: entry["proof"]?.string ?? "").checked(
                    entry: VectorFile.hexBytes(entry["leaf_hex"]?.string ?? "") ?? [], keys: try keys(entry), hasher, isValid)
            }
            tally.record("proofs/" + EvidenceConformance.name(entry), verdict(found, wanted: entry["accept"]?.bool))
        }
        return tally
    }

    private func keys(_ entry: JSONValue) throws(NoteFlaw) -> [NoteKey] {
        var out: [NoteKey] = []
        for text in entry["vkeys"]?.array ?? [] { out.append(try NoteKey(text.string ?? "", hasher)) }
        return out
    }

    private func isSame(_ checkpoint: Checkpoint, _ entry: JSONValue) -> Bool {
        sameBytes(checkpoint.origin, entry["origin"]?.string ?? "") && String(checkpoint.size) == entry["size"]?.string
            && checkpoint.root.hexText == entry["root_hex"]?.string
            && checkpoint.extensions == (entry["extensions"]?.array ?? []).compactMap(\.string)
            && sameBytes(checkpoint.text, entry["text"]?.string ?? "")
    }

    private func verdict<Value>(_ found: Result<Value, NoteFlaw>, wanted: Bool?) -> ConformanceTally.Verdict {
        switch (found, wanted) {
        case (_, nil): .failed("the case cannot be read")
        case (.success, true), (.failure, false): .passed
        case (.success, false): .failed("taken, but should be refused")
        case (.failure(let flaw), true): .failed("refused: \(flaw)")
        }
    }

    private static func cases(_ path: String) throws(Fault) -> [JSONValue] { try VectorFile.read(path)["cases"]?.array ?? [] }

    private static func name(_ entry: JSONValue) -> String { entry["name"]?.string ?? "?" }

    private static func number(_ json: JSONValue?) -> UInt64? {
        guard case .number(let number) = json else { return nil }
        return UInt64(number.text)
    }

    private static func hash(_ json: JSONValue?) -> [UInt8]? { Base64.decode(json?.string ?? "") }

    /// Nil when one is no base64; an absent proof has no hashes.
    private static func hashes(_ json: JSONValue?) -> [[UInt8]]? {
        let items = json?.array ?? []
        let hashes = items.compactMap { hash($0) }
        return hashes.count == items.count ? hashes : nil
    }

    /// The cases below a folder: id and path.
    private static func files(_ root: String, _ folder: String) throws(Fault) -> [(id: String, path: String)] {
        var out: [(id: String, path: String)] = []
        for name in try FileBytes.names(in: root + "/" + folder) {
            let path = folder + "/" + name
            if name.hasSuffix(".json") {
                out.append((String(path.dropLast(5)), root + "/" + path))
            } else {
                out += try files(root, path)
            }
        }
        return out
    }
}
