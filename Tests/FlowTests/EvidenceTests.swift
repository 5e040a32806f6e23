import Evidence
import Kernel
import Postgres
import Records
import Seals
import TestKit
import Testing

@testable import Flow

@Suite("evidence packs")
struct EvidenceTests {
    private struct Scene: Sendable {
        let stage: Stage
        let desk: EvidenceDesk
        let building: EvidenceBuilding
        let signing: SigningRing
        let ruth: Actor
        let scope: ScopeRow

        /// A pack about the last days until now, read to its end.
        func pull(_ name: String, days: Int64 = 30) async throws -> (row: EvidencePackRow, manifest: JSONValue) {
            let pack = try #require(EvidencePack.named(name))
            // What was written in this very instant is not of the period yet.
            stage.move(seconds: 1)
            let now = stage.now
            let asked = try await desk.ask(
                pack, from: pack.time == .period ? now.adding(seconds: -days * 86_400) : nil, to: now, as: ruth, scope: scope)
            while try await building.workDue() > 0 {}
            let row = try await desk.one(asked.id, scope.id)
            #expect(row.state == "ready", "\(name): \(row.problem)")
            return (row, try JSONValue(parsing: Array((row.manifest ?? "null").utf8), maxBytes: EvidenceManifest.bytesMax))
        }

        /// All lines of a list, checked against the manifest on the way.
        func lines(_ row: EvidencePackRow, _ manifest: JSONValue, _ name: String) async throws -> [JSONValue] {
            let list = try #require(EvidencePack.named("\(row.number)")?.list(name))
            var text = ""
            var seq: Int32 = 1
            while let piece = try await desk.piece(row, list, seq) {
                text += piece
                seq += 1
            }
            let promised = try #require(manifest["lists"]?.array?.first { $0["name"]?.string == name })
            let lines = try text.utf8.split(separator: 0x0A).map { try JSONValue(parsing: Array($0)) }
            var table = EvidenceLine.head(of: list)
            for line in lines { table += EvidenceLine.row(line, of: list) }
            #expect(promised["rows"]?.int == lines.count)
            #expect(promised["files"]?[0]?["sha256"]?.string == SHA256.hexText(text.utf8))
            #expect(promised["files"]?[1]?["sha256"]?.string == SHA256.hexText(table.utf8))
            #expect(promised["query"]?.string?.contains("$") == false, "parameters are shown by name")
            return lines
        }
    }

    private func story(pageRows: Int = 1000, _ body: @Sendable (Scene) async throws -> Void) async throws {
        try await TestDatabase.with(template: .flow) { database in
            let stage = Stage(store: database.store, laneCount: 1)
            try await stage.open()
            let (house, firm, waker) = (await stage.house, await stage.firm, EvidenceWaker())
            let signing = SigningRing(.ephemeral())
            var settings = EvidenceSettings()
            settings.pageRows = pageRows
            try await body(
                Scene(
                    stage: stage, desk: EvidenceDesk(platform: house.platform, waker: waker),
                    building: EvidenceBuilding(
                        platform: house.platform, scopes: house.scopes, signing: signing, waker: waker, settings: settings),
                    signing: signing, ruth: try firm.actor("ruth"), scope: firm.scope))
        }
    }

    private func approve(_ stage: Stage) async throws {
        _ = try await stage.receive(SampleDocument(gross: "2380.00", order: "PO-2380.00"))
        try await stage.workUntil("the approval is open") { try await !stage.requests("approval").isEmpty }
        let request = try #require(try await stage.requests("approval").first)
        try await stage.decide("approve", on: request, by: "jonas")
        try await stage.pump()
    }

    @Test("every pack is read, counted, hashed and signed, and one without a source says what is not kept")
    func every() async throws {
        try await story { scene in
            try await approve(scene.stage)
            for pack in EvidencePack.all {
                let (row, manifest) = try await scene.pull(pack.name)
                #expect(manifest["missing"]?.array?.compactMap(\.string) == pack.missing)
                #expect(manifest["lists"]?.array?.count == pack.lists.count)
                for list in pack.lists { _ = try await scene.lines(row, manifest, list.name) }
                let keys = scene.signing.keys.map { AuditLog.key($0, of: scene.scope.id) }
                let read = try EvidenceManifest.checked(
                    Array((row.manifest ?? "").utf8), note: row.note ?? "", keys: keys, hash: { SHA256.hash($0) },
                    AuditLog.isValid)
                #expect(read["askedBy"]?["name"]?.string == scene.ruth.name)
            }
            let entries = try await scene.stage.house.looking.audit(
                scene.scope.id, AuditQueries.Search(action: "evidence.generated"), limit: 50)
            #expect(entries.count == 14, "each reading is an entry of the log")
            #expect(entries.allSatisfy { $0.content["manifestSHA256"]?.string?.count == 64 })
        }
    }

    @Test("an approval is in its pack with who, role, limit and rules, and its run with the versions it was decided by")
    func approvals() async throws {
        try await story { scene in
            try await approve(scene.stage)
            let (row, manifest) = try await scene.pull("approvals")
            let signed = try await scene.lines(row, manifest, "signatures")
            let one = try #require(signed.first { $0["action"]?.string == "approval.signed" })
            #expect(one["name"]?.string?.contains("Jonas") == true && one["verdict"]?.string == "approve")
            #expect(one["role"]?.string == "approver" && one["dutyRules"]?.array?.isEmpty == false)
            #expect(one["amountMinorUnits"]?.string == "238000" && one["currency"]?.string == "EUR")
            let (inForce, itsManifest) = try await scene.pull("in-force")
            let runs = try await scene.lines(inForce, itsManifest, "transactions")
            #expect(runs.count == 1 && runs[0]["workflow"]?.string == "accounts-payable")
            #expect(runs[0]["run"] == one["run"])
        }
    }

    @Test("people are those of the date asked about, and who came, changed or left is found between the versions")
    func people() async throws {
        try await story { scene in
            let (row, manifest) = try await scene.pull("people")
            let people = try await scene.lines(row, manifest, "people")
            let known = try await scene.stage.house.looking.people(scope(scene)).filter { $0.state == "active" }
            #expect(Set(people.compactMap { $0["person"]?.string }) == Set(known.map(\.slug)))
            #expect(people.allSatisfy { $0["roles"]?.array?.isEmpty == false && $0["inForceSince"]?.string != nil })
            let (moved, itsManifest) = try await scene.pull("movers")
            let changes = try await scene.lines(moved, itsManifest, "changes")
            #expect(changes.filter { $0["change"]?.string == "joined" }.count == people.count)
            // Before anybody was named, nobody was.
            let pack = try #require(EvidencePack.named("people"))
            let early = try await scene.desk.ask(
                pack, from: nil, to: scene.stage.now.adding(seconds: -400 * 86_400), as: scene.ruth, scope: scene.scope)
            while try await scene.building.workDue() > 0 {}
            #expect(try await scene.desk.one(early.id, scene.scope.id).rowsSeen == 0)
        }
    }

    private func scope(_ scene: Scene) -> TenantID { scene.scope.id }

    @Test("pages leave nothing out and nothing twice, however small they are")
    func pages() async throws {
        try await story(pageRows: 3) { scene in
            let (tenant, now) = (scene.scope.id, scene.stage.now)
            let rows = (0..<40).map { index in
                AuditRow(
                    tenant: tenant, id: AuditEntryID(at: now, entropy: .system), lane: 0, at: now, actorKind: "person",
                    actor: scene.ruth.person.text, action: "secret.set", objectType: "secret", objectID: "many-\(index)",
                    run: nil,
                    content: ["n": JSONValue(index)])
            }
            try await scene.stage.store.withTenant(tenant) { tx in try await tx.execute(AuditQueries.insert(rows)) }
            let (row, manifest) = try await scene.pull("keys")
            let renewals = try await scene.lines(row, manifest, "renewals").filter {
                $0["object"]?.string?.hasPrefix("many-") == true
            }
            #expect(renewals.count == 40)
            #expect(Set(renewals.compactMap { $0["object"]?.string }).count == 40)
        }
    }

    @Test("what lies in the future, has no beginning or is too long is refused with the field")
    func refused() async throws {
        try await story { scene in
            let (now, period) = (scene.stage.now, try #require(EvidencePack.named("approvals")))
            let instant = try #require(EvidencePack.named("people"))
            func ask(_ pack: EvidencePack, _ from: Moment?, _ to: Moment) async throws {
                _ = try await scene.desk.ask(pack, from: from, to: to, as: scene.ruth, scope: scene.scope)
            }
            await #expect(throws: Refusal.self) { try await ask(period, now, now.adding(seconds: 60)) }
            await #expect(throws: Refusal.self) { try await ask(period, nil, now) }
            await #expect(throws: Refusal.self) { try await ask(period, now, now) }
            await #expect(throws: Refusal.self) { try await ask(period, now.adding(seconds: -500 * 86_400), now) }
            await #expect(throws: Refusal.self) { try await ask(instant, now.adding(seconds: -60), now) }
            for _ in 0..<EvidenceBounds.buildingMax { try await ask(instant, nil, now) }
            await #expect(throws: Refusal.self) { try await ask(instant, nil, now) }
        }
    }

    @Test("a reader that dies leaves no half of a list: the next try begins anew, and the one before cannot end it")
    func dies() async throws {
        try await story { scene in
            let (tenant, pack) = (scene.scope.id, try #require(EvidencePack.named("people")))
            let asked = try await scene.desk.ask(pack, from: nil, to: scene.stage.now, as: scene.ruth, scope: scene.scope)
            // The first reader has written a piece and is gone.
            try await scene.stage.store.withTenant(tenant) { tx in
                _ = try await tx.execute(EvidenceQueries.begin(tenant: tenant, id: asked.id))
                _ = try await tx.execute(
                    EvidenceQueries.putPiece(
                        tenant: tenant, id: asked.id, attempt: 1, list: "people", seq: 1, content: "{\"half\":true}\n"))
            }
            while try await scene.building.workDue() > 0 {}
            let row = try await scene.desk.one(asked.id, tenant)
            #expect(row.state == "ready" && row.attempt == 2)
            let list = pack.lists[0]
            #expect(try await scene.desk.piece(row, list, 1)?.contains("half") == false)
            var late = row
            (late.attempt, late.state) = (1, "ready")
            let stale = late
            let ended = try await scene.stage.store.withTenant(tenant) { tx in try await tx.query(EvidenceQueries.finish(stale)) }
            #expect(ended.isEmpty)
        }
    }

    @Test("after their time the rows go in bounded batches, and the signed manifest stays")
    func forgotten() async throws {
        try await story { scene in
            let (row, manifest) = try await scene.pull("people")
            #expect(try await !scene.lines(row, manifest, "people").isEmpty)
            try await scene.building.prune()
            #expect(try await scene.desk.one(row.id, scene.scope.id).emptiedAt == nil)
            scene.stage.move(seconds: (EvidenceBounds.keptDays + 1) * 86_400)
            try await scene.building.prune()
            let later = try await scene.desk.one(row.id, scene.scope.id)
            #expect(later.emptiedAt != nil && later.manifest == row.manifest)
            let list = try #require(EvidencePack.named("people")?.lists.first)
            #expect(try await scene.desk.piece(later, list, 1) == nil)
            #expect(throws: Refusal.self) { try EvidenceDesk.checkKept(later) }
        }
    }
}
