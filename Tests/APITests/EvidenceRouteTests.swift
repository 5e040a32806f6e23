import Evidence
import Flow
import Kernel
import Records
import Seals
import Tenancy
import Testing
import WebKernel

@testable import API

@Suite("evidence from afar")
struct EvidenceRouteTests {
    private static let path = "/api/v1/tenants/alpha/evidence"

    private func key() -> [(name: String, value: String)] {
        [(name: "Idempotency-Key", value: "k-\(UInt64.random(in: 0 ... .max))")]
    }

    private func build(_ office: Office) async throws {
        let building = EvidenceBuilding(
            platform: office.platform, scopes: office.services.scopes, signing: office.signing, waker: EvidenceWaker())
        while try await building.workDue() > 0 {}
    }

    @Test("every permission that a pack needs is one that exists")
    func needs() {
        for pack in EvidencePack.all {
            for need in pack.needs { #expect(Permission(rawValue: need) != nil, "\(pack.name): \(need)") }
        }
    }

    @Test("a controller asks for a pack, sees who asked, and takes its files away with a signature that holds")
    func taken() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let controller = try await office.session("controller", at: "alpha")
            let packs = await office.call(.get, "/api/v1/tenants/alpha/evidence-packs", as: controller)
            #expect(packs.json["items"]?.array?.count == 14, "\(packs.text.prefix(300))")
            let asked = await office.call(.post, Self.path, as: controller, body: ["pack": "people"], headers: key())
            #expect(asked.status == 202, "\(asked.text)")
            let id = try #require(asked.json["id"]?.string)
            #expect(
                await office.call(.get, Self.path + "/\(id)/files/manifest.json", as: controller).code == "evidence.building")
            try await build(office)
            let shown = await office.call(.get, Self.path + "/\(id)", as: controller)
            #expect(shown.json["state"]?.string == "ready", "\(shown.text)")
            let manifest = await office.call(.get, Self.path + "/\(id)/files/manifest.json", as: controller)
            let note = await office.call(.get, Self.path + "/\(id)/files/manifest.note", as: controller)
            let keys = office.services.auditKeys(try await office.scope("alpha").id)
            let read = try EvidenceManifest.checked(
                Array(manifest.text.utf8), note: note.text, keys: keys, hash: { SHA256.hash($0) }, AuditLog.isValid)
            let piece = await office.call(.get, Self.path + "/\(id)/files/people.ndjson?piece=1", as: controller)
            #expect(read["lists"]?[0]?["files"]?[0]?["sha256"]?.string == SHA256.hexText(piece.text.utf8))
            #expect(await office.call(.get, Self.path + "/\(id)/files/people.ndjson?piece=2", as: controller).status == 404)
            for name in ["people.txt", "signatures.csv", "..", "manifest"] {
                #expect(await office.call(.get, Self.path + "/\(id)/files/\(name)", as: controller).status == 404, "\(name)")
            }
            let page = await office.call(.get, "/t/alpha/evidence", as: controller)
            #expect(page.status == 200 && page.text.contains("people.ndjson") && page.text.contains("Who could do what"))
            #expect(page.text.contains("Not kept here."))
        }
    }

    @Test("rows that say what documents said are for people of the tenant alone, and others learn neither them nor the pack")
    func walled() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let (controller, auditor) = (
                try await office.session("controller", at: "alpha"), try await office.session("auditor", at: "operator")
            )
            let clerk = try await office.session("ap-clerk", at: "alpha")
            #expect(await office.call(.get, Self.path, as: clerk).status == 403)
            #expect(await office.call(.get, "/t/alpha/evidence", as: clerk).status == 403)
            let asked = await office.call(
                .post, Self.path, as: controller, body: ["pack": "approvals", "from": "2026-01-01T00:00:00Z"], headers: key())
            #expect(asked.status == 202, "\(asked.text)")
            let id = try #require(asked.json["id"]?.string)
            try await build(office)
            // The operator's auditor sees that it was asked for, and not what it says.
            #expect(await office.call(.get, Self.path, as: auditor).json["items"]?.array?.count == 1)
            #expect(await office.call(.get, Self.path + "/\(id)/files/signatures.ndjson", as: auditor).status == 403)
            let refused = await office.call(
                .post, Self.path, as: auditor, body: ["pack": "approvals", "from": "2026-01-01T00:00:00Z"], headers: key())
            #expect(refused.status == 403, "\(refused.text)")
            let allowed = await office.call(.post, Self.path, as: auditor, body: ["pack": "1"], headers: key())
            #expect(allowed.status == 202, "\(allowed.text)")
            let stranger = try await office.session("controller", at: "beta")
            #expect(await office.call(.get, Self.path + "/\(id)", as: stranger).status == 404)
            #expect(await office.call(.get, "/api/v1/tenants/beta/evidence/\(id)", as: stranger).status == 404)
            #expect(await office.call(.get, "/operator/evidence", as: auditor).status == 200)
            for (body, code) in [
                (["pack": "15"], "evidence.pack"), (["pack": "people", "from": "2026-01-01T00:00:00Z"], "evidence.time"),
                (["pack": "people", "to": "soon"], "evidence.time"), (["pack": "people", "until": "x"], "request.unknown"),
            ] as [(JSONValue, String)] {
                #expect(await office.call(.post, Self.path, as: controller, body: body, headers: key()).code == code)
            }
        }
    }
}
