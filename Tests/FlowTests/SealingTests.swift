import Evidence
import Glibc
import Kernel
import Postgres
import Records
import Seals
import TestBasics
import TestKit
import Testing

@testable import Flow

/// A sealed log of one tenant, with a sink of its own, for a story to tamper with.
private struct Archive: Sendable {
    let stage: Stage
    let firm: Firm
    let lane: Int32
    let signing: SigningRing
    let sink: CheckpointFolder
    /// Entries of one sealing transaction.
    var tenantBatchMax = 300

    init(_ stage: Stage) async throws {
        self.stage = stage
        firm = await stage.firm
        lane = await stage.lane
        signing = SigningRing(.ephemeral())
        var template = Array("/tmp/countersign-sink-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault("making a folder", isRetryable: false) }
        sink = CheckpointFolder(path: String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }

    func sealing(_ house: House? = nil) async -> Sealing {
        let house = if let house { house } else { await stage.house }
        var settings = SealingSettings()
        settings.checkpointSeconds = 10
        settings.watchSeconds = 0
        settings.batchMax = 700
        settings.tenantBatchMax = tenantBatchMax
        return Sealing(
            platform: house.platform, scopes: house.scopes, alerting: house.alerting, signing: signing, sinks: [sink],
            settings: settings)
    }

    /// Writes entries the way a business transaction does.
    func write(_ count: Int, about object: String = "thing", content: JSONValue = ["n": 1]) async throws {
        let (now, tenant, lane) = (stage.now, firm.id, lane)
        let rows = (0..<count).map { index in
            AuditRow(
                tenant: tenant, id: AuditEntryID(at: now, entropy: .system), lane: lane, at: now, actorKind: "person",
                actor: firm.people["maya"]?.id.text ?? "", action: "note.written", objectType: "note",
                objectID: "\(object)-\(index)", run: nil, content: content)
        }
        try await stage.store.withTenant(tenant) { tx in try await tx.execute(AuditQueries.insert(rows)) }
    }

    /// Lets the sealer look until everything is sealed, and then for a checkpoint over all of it. Entries wait for the oldest
    /// transaction of the whole cluster, and other stories have theirs.
    func settle(_ sealing: Sealing? = nil) async throws {
        let sealing = if let sealing { sealing } else { await self.sealing() }
        let isSealed = try await eventually {
            _ = try await sealing.look(lane: lane)
            let counts = try await counts()
            return counts.entries <= counts.seals
        }
        #expect(isSealed, "the sealer comes to rest")
        stage.move(seconds: 11)
        _ = try await sealing.look(lane: lane)
    }

    /// Entries in the database, seals, and what the sink has.
    func counts() async throws -> (entries: Int64, seals: Int64, sink: Int64) {
        let tenant = firm.id
        let row = try await stage.store.withTenant(tenant) { tx in
            try await tx.query(
                """
                SELECT (SELECT count(*) FROM audit_entry WHERE tenant_id = \(tenant)) AS entries,
                    (SELECT count(DISTINCT entry_id) FROM audit_seal WHERE tenant_id = \(tenant)) AS seals
                """
            ).only()
        }
        return (
            try row.get("entries", as: Int64.self), try row.get("seals", as: Int64.self), try sink.leafCount(of: tenant.text)
        )
    }

    /// What an auditor finds with an export of today, the sink and public keys.
    func verify(withSinkLeaves: Bool = true) async throws -> AuditVerifier {
        let proving = AuditProving(platform: await stage.house.platform)
        let keys = await sealing().publicKeys(firm.id)
        var verifier = AuditVerifier(keys: keys, AuditLog.hasher, isValid: AuditLog.isValid)
        verifier.add(notes: try sink.notes(of: firm.id.text))
        verifier.add(notes: try await proving.checkpoints(firm.id, limit: 1000).map(\.note))
        #expect(verifier.refusedNotes.isEmpty)
        var noted: [[UInt8]] = []
        if withSinkLeaves {
            let text = try FileBytes.read(sink.leavesFile(firm.id.text), maxBytes: 1 << 24)
            noted = text.split(separator: 0x0A).compactMap { VectorFile.hexBytes(String(decoding: $0, as: UTF8.self)) }
        }
        func leaf(_ seq: UInt64) -> [UInt8]? { seq < noted.count ? noted[Int(seq)] : nil }
        var next: Int64 = 0
        while true {
            let rows = try await proving.sealed(firm.id, from: next, limit: 500)
            guard let last = rows.last else { break }
            for line in AuditProving.lines(rows, from: next) { verifier.add(entry: line, noted: leaf) }
            next = last.seq + 1
        }
        verifier.finish(noted: leaf)
        return verifier
    }

    /// As somebody who owns the database and stops at nothing.
    func tamper(_ database: TestDatabase, _ sql: SQL, keeping first: String = "") async throws {
        let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
        if !first.isEmpty { try await admin.script(first) }
        let changed = try await admin.query(sql).affected
        await admin.close()
        #expect(changed > 0, "the tampering changed something")
    }
}

@Suite("the sealed audit log")
struct SealingTests {
    private func withArchive(_ body: (Archive, TestDatabase) async throws -> Void) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store)
            try await stage.open()
            let archive = try await Archive(stage)
            try await body(archive, database)
        }
    }

    @Test("every entry is sealed once, proven, and promised outside the database")
    func sealed() async throws {
        try await withArchive { archive, _ in
            let stage = archive.stage
            try await archive.write(700)
            try await archive.settle()
            try await archive.write(5)
            try await archive.settle()
            let counts = try await archive.counts()
            #expect(counts.entries == counts.seals)
            #expect(counts.sink == counts.seals)
            #expect(counts.entries > 705, "what was applied is in the log too")

            let verifier = try await archive.verify()
            #expect(verifier.finding == nil)
            #expect(verifier.covered == UInt64(counts.entries))
            #expect(verifier.checkpointsHeld >= 2)

            let proving = AuditProving(platform: await stage.house.platform)
            let keys = await archive.sealing().publicKeys(archive.firm.id)
            let page = try await stage.house.looking.audit(archive.firm.id, limit: 50)
            for entry in page {
                let proven = try await proving.inclusion(entry.id, of: archive.firm.id)
                let read = try EntryProof(parsing: proven.proof.text)
                let checkpoint = try read.checked(
                    entry: proven.entry, keys: keys, AuditLog.hasher, AuditLog.isValid)
                #expect(checkpoint.size <= UInt64(counts.entries))
                var other = proven.entry
                other[other.count / 2] ^= 1
                #expect(throws: NoteFlaw.self) {
                    try read.checked(entry: other, keys: keys, AuditLog.hasher, AuditLog.isValid)
                }
            }
            let checkpoints = try await proving.checkpoints(archive.firm.id, limit: 10)
            let (newer, older) = (try #require(checkpoints.first), try #require(checkpoints.last))
            let path = try await proving.consistency(older.size, newer.size, of: archive.firm.id)
            #expect(
                MerkleProof.extends(
                    older: UInt64(older.size), newer: UInt64(newer.size), proof: path, olderRoot: older.root,
                    newerRoot: newer.root, AuditLog.hasher))
            #expect(try await stage.incidents().isEmpty)
        }
    }

    @Test("an entry whose facts have no canonical form is sealed by their hash and stops nobody")
    func uncanonical() async throws {
        try await withArchive { archive, _ in
            try await archive.write(1, content: ["n": .number(JSONNumber(unchecked: "1e999"))])
            try await archive.write(1, about: "after", content: ["text": .string(String(repeating: "x", count: 70_000))])
            try await archive.settle()
            let counts = try await archive.counts()
            #expect(counts.entries == counts.seals)
            #expect(try await archive.verify().finding == nil)
        }
    }

    @Test("a transaction that ends late is sealed after those that ended before it, and nothing is passed over")
    func lateCommit() async throws {
        try await withArchive { archive, database in
            try await archive.settle()
            let slow = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            try await slow.script("BEGIN; SELECT pg_current_xact_id()")
            try await archive.write(3)
            _ = try await archive.sealing().look(lane: archive.lane)
            var counts = try await archive.counts()
            #expect(counts.entries == counts.seals + 3, "behind a running transaction nothing is settled")
            try await slow.script("COMMIT")
            await slow.close()
            try await archive.settle()
            counts = try await archive.counts()
            #expect(counts.entries == counts.seals)
        }
    }

    @Test("after a restore into another cluster the log goes on where it was, with every entry once")
    func restored() async throws {
        try await withArchive { archive, database in
            try await archive.write(400)
            try await archive.settle()
            // What a dump and a restore leave: other numbers of transactions, another cluster.
            try await archive.write(3, about: "late")
            try await archive.tamper(database, "UPDATE audit_head SET cluster = 'another', xid = '9000000000'::xid8")
            try await archive.settle()
            try await archive.write(2, about: "new")
            try await archive.settle()
            let counts = try await archive.counts()
            #expect(counts.entries == counts.seals)
            #expect(try await archive.verify().finding == nil)
        }
    }

    enum Tampering: String, CaseIterable, Sendable {
        case change, changeWithSeal, delete, deleteWithSeal, reorder, truncate, truncateEverything
    }

    /// What somebody with all rights does from entry 301 on, and a word of the sentence in which it is found.
    private func attack(_ tampering: Tampering, _ archive: Archive, _ database: TestDatabase) async throws -> String {
        let tenant = archive.firm.id
        let victim: SQL = "(SELECT entry_id FROM audit_seal WHERE tenant_id = \(tenant) AND seq = 301)"
        switch tampering {
        case .change:
            try await archive.tamper(
                database, "UPDATE audit_entry SET content = '{\"n\": 2}' WHERE tenant_id = \(tenant) AND id = \(victim)")
            return "content"
        case .changeWithSeal:
            try await archive.tamper(
                database, "UPDATE audit_entry SET actor_id = 'nobody' WHERE tenant_id = \(tenant) AND id = \(victim)")
            let proving = AuditProving(platform: await archive.stage.house.platform)
            let row = try #require(try await proving.sealed(tenant, from: 301, limit: 1).first?.row)
            try await archive.tamper(
                database, "UPDATE audit_seal SET leaf = \(AuditLog.leaf(row)) WHERE tenant_id = \(tenant) AND seq = 301")
            return "content"
        case .delete:
            try await archive.tamper(database, "DELETE FROM audit_entry WHERE tenant_id = \(tenant) AND id = \(victim)")
            return "gone"
        case .deleteWithSeal:
            try await archive.tamper(database, "DELETE FROM audit_entry WHERE tenant_id = \(tenant) AND id = \(victim)")
            try await archive.tamper(database, "DELETE FROM audit_seal WHERE tenant_id = \(tenant) AND seq = 301")
            return "gone"
        case .reorder:
            try await archive.tamper(
                database,
                """
                WITH taken AS (DELETE FROM audit_seal WHERE tenant_id = \(tenant) AND seq IN (301, 305) RETURNING *)
                SELECT count(*) FROM taken
                """, keeping: "CREATE TABLE taken AS SELECT * FROM audit_seal WHERE seq IN (301, 305)")
            try await archive.tamper(
                database,
                """
                INSERT INTO audit_seal SELECT tenant_id, 606 - seq, entry_id, leaf, sealed_at FROM taken
                WHERE tenant_id = \(tenant)
                """)
            return "order"
        case .truncate:
            try await archive.tamper(
                database,
                """
                DELETE FROM audit_entry e USING audit_seal s WHERE e.tenant_id = \(tenant) AND s.tenant_id = e.tenant_id
                  AND s.entry_id = e.id AND s.seq >= 301
                """)
            return "gone"
        case .truncateEverything:
            try await truncateEverything(archive, database)
            return "ends here"
        }
    }

    /// Cuts the log, its seals, hashes and checkpoints, and leaves a head that fits the rest: inside the database nothing shows.
    private func truncateEverything(_ archive: Archive, _ database: TestDatabase) async throws {
        let tenant = archive.firm.id
        let proving = AuditProving(platform: await archive.stage.house.platform)
        var tree = MerkleFrontier()
        for row in try await proving.sealed(tenant, from: 0, limit: 301) { tree.append(row.leaf, AuditLog.hasher) }
        for sql: SQL in [
            """
            DELETE FROM audit_entry e USING audit_seal s WHERE e.tenant_id = \(tenant) AND s.tenant_id = e.tenant_id
              AND s.entry_id = e.id AND s.seq >= 301
            """,
            "DELETE FROM audit_seal WHERE tenant_id = \(tenant) AND seq >= 301",
            "DELETE FROM audit_subtree WHERE tenant_id = \(tenant) AND index >= 1",
            "DELETE FROM audit_checkpoint WHERE tenant_id = \(tenant)",
            "UPDATE audit_head SET size = 301, frontier = \(tree.bytes), watched = 0 WHERE tenant_id = \(tenant)",
        ] {
            try await archive.tamper(database, sql)
        }
    }

    @Test("whatever the database's owner does to the log, its first bad entry is named", arguments: Tampering.allCases)
    func tampering(_ tampering: Tampering) async throws {
        try await withArchive { archive, database in
            let stage = archive.stage
            try await archive.write(700)
            try await archive.settle()
            #expect(try await archive.verify().finding == nil)
            let word = try await attack(tampering, archive, database)

            let finding = try #require(try await archive.verify().finding)
            #expect(finding.seq == 301)
            #expect(finding.what.contains(word), "\(finding)")

            // The server finds it too, once it looks there or the log grows.
            try await archive.write(3, about: "later")
            try await archive.settle()
            try await archive.settle()
            try await stage.pump()
            let incidents = try await stage.incidents()
            #expect(incidents.contains { $0.alert == "audit-seal-mismatch" }, "\(incidents.map(\.title))")
        }
    }

    @Test("a verifier who has the checkpoints alone still names where the log is first wrong")
    func withoutLeaves() async throws {
        try await withArchive { archive, database in
            for _ in 0..<5 {
                try await archive.write(100)
                try await archive.settle()
            }
            _ = try await attack(.change, archive, database)
            let verifier = try await archive.verify(withSinkLeaves: false)
            let finding = try #require(verifier.finding)
            #expect(finding.seq == verifier.covered)
            #expect((202...301).contains(finding.seq), "\(finding)")
        }
    }

    @Test("a clock that goes back and entries that wait too long are told")
    func alarms() async throws {
        try await withArchive { archive, _ in
            let stage = archive.stage
            let sealing = await archive.sealing()
            try await archive.write(1)
            try await archive.settle(sealing)
            try await archive.write(1, about: "late")
            stage.move(seconds: 90)
            try await archive.settle(sealing)
            try await stage.pump()
            #expect(try await stage.incidents().map(\.alert).contains("audit-seal-lag"))
            stage.time.withLock { $0 = $0.adding(seconds: -600) }
            try await archive.write(1, about: "early")
            try await archive.settle(sealing)
            try await stage.pump()
            #expect(try await stage.incidents().map(\.alert).contains("audit-seal-clock"))
        }
    }

    @Test("a server that ends at any transaction of the sealer loses nothing and seals nothing twice")
    func crashPoints() async throws {
        try await TestDatabase.with(template: .flow) { database in
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            let line = try await CuttingLine(to: database.dsn, by: admin)
            await admin.close()
            let through = Store(Store.Settings(directDSN: line.dsn, direct: ConnectionPool.Limits(connectionsMax: 4)))
            let stage = Stage(store: database.store, through: through)
            try await stage.open()
            var archive = try await Archive(stage)
            archive.tenantBatchMax = 5
            line.plan()
            try await archive.write(12)
            try await archive.settle()
            let commits = line.commits
            #expect(commits >= 5)
            var cuts = 0
            for commit in 1...commits {
                for cut in CuttingLine.Cut.allCases {
                    try await archive.write(12, about: "\(commit) \(cut)")
                    line.plan(cut, at: commit)
                    do {
                        try await archive.settle()
                    } catch is Fault {
                        cuts += 1
                        try await stage.restart()
                    }
                    line.plan()
                    try await archive.settle()
                    let counts = try await archive.counts()
                    #expect(counts.entries == counts.seals && counts.seals == counts.sink, "\(cut) commit \(commit): \(counts)")
                    let verifier = try await archive.verify()
                    #expect(verifier.finding == nil && verifier.covered == UInt64(counts.entries), "\(cut) commit \(commit)")
                }
            }
            // Entries become final when all transactions before them are, other tests' included, so the last ones vary.
            #expect(cuts >= commits, "\(cuts) cuts of \(commits) transactions")
            #expect(try await stage.incidents().isEmpty)
            print("sealing crash points: \(commits) transactions, \(cuts) cuts")
            await through.close()
            line.close()
        }
    }
}
