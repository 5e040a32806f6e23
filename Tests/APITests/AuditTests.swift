import Evidence
import Kernel
import Postgres
import Records
import Seals
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("the audit log over HTTP")
struct AuditTests {
    /// Until every entry of the tenant has its seal: entries wait for transactions of the whole cluster.
    private func seal(_ office: Office, _ slug: String, as token: SecretToken) async throws {
        let lane = try await office.scope(slug).lane
        let isSealed = try await eventually {
            _ = try await office.sealing.look(lane: lane)
            let page = await office.call(.get, "/api/v1/tenants/\(slug)/audit?limit=200", as: token)
            let items = page.json["items"]?.array ?? []
            return !items.isEmpty && items.allSatisfy { $0["seal"]?["seq"]?.int != nil }
        }
        #expect(isSealed)
        office.move(seconds: 61)
        _ = try await office.sealing.look(lane: lane)
    }

    @Test("who did what is found by name, and every entry found is proven by what the API gives out alone")
    func searchAndProve() async throws {
        try await Office.withBoth { office, _ in
            let controller = try await office.session("controller", at: "alpha")
            try await seal(office, "alpha", as: controller)
            let base = "/api/v1/tenants/alpha/audit"
            let all = await office.call(.get, base + "?limit=200", as: controller).json["items"]?.array ?? []
            let people = try await office.services.looking.people(try await office.scope("alpha").id)
            let clerk = try #require(people.first { $0.slug == "ap-clerk" })
            let deputy = try #require(people.first { $0.slug == "approver" })
            // A deputy's act is found under both names.
            let row = AuditRow(
                tenant: clerk.tenant, id: AuditEntryID(at: office.services.clock.now, entropy: .system), lane: 0,
                at: office.services.clock.now,
                actorKind: "person", actor: deputy.id.text, action: "note.written", objectType: "note", objectID: "n-1",
                run: nil, content: [:], onBehalfOf: clerk.id)
            try await office.store.withTenant(clerk.tenant) { tx in try await tx.execute(AuditQueries.insert([row])) }
            for who in ["ap-clerk", clerk.id.text, "approver", deputy.id.text] {
                let found = await office.call(.get, base + "?limit=200&who=\(who)", as: controller)
                let ids = (found.json["items"]?.array ?? []).compactMap { $0["id"]?.string }
                #expect(ids.contains(row.id.text) && ids.count <= all.count, "\(who): \(found.text.prefix(200))")
            }
            let ledger = await office.call(.get, "/t/alpha/audit?actor=ap-clerk", as: controller)
            #expect(ledger.text.contains("\(deputy.name) for \(clerk.name)"))
            #expect(ledger.text.contains("not sealed yet"))
            #expect(await office.call(.get, base + "?who=nobody-at-all", as: controller).json["items"] == [])
            let page = await office.call(.get, "/t/alpha/audit?actor=nobody-at-all", as: controller)
            #expect(page.text.contains("No entry matches."), "the filter of the page narrows")

            let state = await office.call(.get, base + "/state", as: controller).json
            #expect(state["size"]?.int == state["checkpoint"]?["size"]?.int)
            let keys = try (state["keys"]?.array ?? []).map { try NoteKey($0.string ?? "", AuditLog.hasher) }
            for entry in all.prefix(10) {
                let id = entry["id"]?.string ?? ""
                let bundle = await office.call(.get, base + "/entries/\(id)/proof", as: controller).json
                let checkpoint = try EntryProof(parsing: bundle["proof"]?.string ?? "").checked(
                    entry: (bundle["entry"]?.string ?? "").utf8, keys: keys, AuditLog.hasher, AuditLog.isValid)
                #expect(Int(checkpoint.size) == state["size"]?.int)
                let file = await office.call(.get, "/t/alpha/audit/entries/\(id)/proof", as: controller)
                #expect(file.json == bundle, "the page hands out the same")
            }
            #expect(await office.call(.get, base + "/consistency?from=1&to=2", as: controller).status == 200)
            #expect(await office.call(.get, base + "/consistency?from=2&to=1", as: controller).code == "audit.sizes")
            #expect(await office.call(.get, base + "/sealed?limit=0", as: controller).code == "audit.number")
            #expect(await office.call(.get, base + "?from=yesterday", as: controller).code == "audit.instant")
            let notes = await office.call(.get, "/t/alpha/audit/checkpoints", as: controller)
            #expect(notes.text.contains(AuditLog.origin(try await office.scope("alpha").id)))
        }
    }

    @Test("the export's pages are the log in its order, and the verifier takes them")
    func sealedPages() async throws {
        try await Office.withBoth { office, _ in
            let controller = try await office.session("controller", at: "alpha")
            try await seal(office, "alpha", as: controller)
            let base = "/api/v1/tenants/alpha/audit"
            let state = await office.call(.get, base + "/state", as: controller).json
            let keys = try (state["keys"]?.array ?? []).map { try NoteKey($0.string ?? "", AuditLog.hasher) }
            var verifier = AuditVerifier(keys: keys, AuditLog.hasher, isValid: AuditLog.isValid)
            let notes = await office.call(.get, base + "/checkpoints", as: controller).json["items"]?.array ?? []
            verifier.add(notes: notes.compactMap { $0["note"]?.string })
            var next: Int? = 0
            while let from = next {
                let page = await office.call(.get, base + "/sealed?from=\(from)&limit=7", as: controller).json
                for item in page["items"]?.array ?? [] {
                    verifier.add(entry: (item["entry"]?.string ?? "").utf8) { _ in nil }
                }
                next = page["next"]?.int
            }
            verifier.finish { _ in nil }
            #expect(verifier.finding == nil)
            #expect(Int(verifier.covered) == state["size"]?.int)
        }
    }
}
