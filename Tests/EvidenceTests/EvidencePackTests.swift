import Evidence
import Kernel
import Seals
import Testing

@Suite("Evidence packs")
struct EvidencePackTests {
    private let hasher = MerkleHasher { SHA256.hash($0) }
    private let isValid: SignatureCheck = { key, signature, message in
        VerifyingKey(key)?.isValid(signature, over: message) ?? false
    }
    private let list = EvidenceList("people", "People", [EvidenceColumn("name"), EvidenceColumn("count", .integer)])

    @Test("there are fourteen packs, each answers a question, and one without a source says so instead of being empty")
    func catalogue() {
        #expect(EvidencePack.all.map(\.number) == Array(1...14))
        #expect(Set(EvidencePack.all.map(\.name)).count == 14)
        for pack in EvidencePack.all {
            #expect(pack.question.hasSuffix("?"))
            #expect(!pack.lists.isEmpty || !pack.missing.isEmpty, "\(pack.name)")
            #expect(!pack.needs.isEmpty)
            #expect(pack.missing.allSatisfy { $0.hasSuffix(".") })
            #expect(Set(pack.lists.map(\.name)).count == pack.lists.count)
            for list in pack.lists { #expect(Set(list.columns.map(\.name)).count == list.columns.count) }
            #expect(EvidencePack.named(pack.name) == pack && EvidencePack.named("\(pack.number)") == pack)
        }
        #expect(EvidencePack.named("15") == nil)
    }

    @Test(
        "a cell that a spreadsheet would run as a formula is a text; numbers stay numbers",
        arguments: [
            ("=1+1", "'=1+1"), ("+49 30", "'+49 30"), ("@SUM(A1)", "'@SUM(A1)"), ("-5", "-5"),
            ("-cmd|' /C'!A0", "'-cmd|' /C'!A0"),
            ("\t=1", "'\t=1"), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("=A1,\"x\"", "\"'=A1,\"\"x\"\"\""),
            ("plain", "plain"), ("\n=1", "\"'\n=1\""),
        ])
    func formulas(text: String, cell: String) { #expect(EvidenceLine.cell(.string(text)) == cell) }

    @Test("a table has the columns of its list, and what is absent is an empty cell")
    func table() throws {
        #expect(EvidenceLine.head(of: list) == "name,count\r\n")
        let line = try EvidenceLine.bytes([.string("Ada"), .null], of: list)
        #expect(String(decoding: line, as: UTF8.self) == #"{"count":null,"name":"Ada"}"#)
        #expect(EvidenceLine.row(try JSONValue(parsing: line), of: list) == "Ada,\r\n")
    }

    private func signed(_ tenant: TenantID) throws -> (bytes: [UInt8], note: String, key: NoteKey, signer: SigningKey) {
        let pack = try #require(EvidencePack.named("people"))
        let at = Moment(seconds: 1_790_000_000)
        let json = EvidenceManifest.json(
            EvidenceManifest.Frame(
                id: "01990000-0000-7000-8000-000000000001", pack: pack, tenant: tenant, slug: "alpha", name: "Alpha", from: at,
                to: at, askedBy: "x", askedName: "Henrik", askedAt: at, readAt: at),
            lists: [EvidenceListFacts(list, query: "SELECT 1")])
        let bytes = try json.canonicalBytes()
        let signer = try #require(SigningKey(seed: [UInt8](repeating: 3, count: 32)))
        let key = NoteKey(name: "countersign/audit/\(tenant.text)", publicKey: signer.publicKey.bytes, hasher)
        let text = EvidenceManifest.noteText(
            tenant: tenant, id: "01990000-0000-7000-8000-000000000001", hash: SHA256.hash(bytes))
        var note = SignedNote(text: text)
        note.add(signer.signature(over: text.utf8), by: key)
        return (bytes, note.description, key, signer)
    }

    @Test("a manifest is believed when a known key signed exactly its bytes, and in no other case")
    func manifest() throws {
        let tenant = TenantID(high: 1, low: 2)
        let (bytes, note, key, signer) = try signed(tenant)
        func check(_ bytes: [UInt8], _ note: String, _ keys: [NoteKey]) throws(NoteFlaw) -> JSONValue {
            try EvidenceManifest.checked(bytes, note: note, keys: keys, hash: { SHA256.hash($0) }, isValid)
        }
        #expect(try check(bytes, note, [key])["pack"]?["number"]?.int == 1)
        for at in [10, bytes.count / 2, bytes.count - 3] {
            var other = bytes
            other[at] ^= 1
            #expect(throws: NoteFlaw.self) { try check(other, note, [key]) }
        }
        let foreign = try #require(SigningKey(seed: [UInt8](repeating: 4, count: 32)))
        let stranger = NoteKey(name: key.name, publicKey: foreign.publicKey.bytes, hasher)
        #expect(throws: NoteFlaw.self) { try check(bytes, note, [stranger]) }
        #expect(throws: NoteFlaw.self) { try check(bytes, note, []) }
        // The key of another tenant's log signs nothing of this one.
        let other = NoteKey(name: "countersign/audit/\(TenantID(high: 9, low: 9).text)", publicKey: key.publicKey, hasher)
        let text = EvidenceManifest.noteText(
            tenant: tenant, id: "01990000-0000-7000-8000-000000000001", hash: SHA256.hash(bytes))
        var moved = SignedNote(text: text)
        moved.add(signer.signature(over: text.utf8), by: other)
        #expect(throws: NoteFlaw.self) { try check(bytes, moved.description, [other]) }
        // A note of evidence is no checkpoint of a log.
        #expect(throws: NoteFlaw.self) { try Checkpoint(try SignedNote(parsing: note.utf8).text, hasher) }
    }
}
