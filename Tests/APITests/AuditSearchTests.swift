import Flow
import Kernel
import Postgres
import Records
import Testing
import WebKernel

@testable import API

@Suite("searching the audit log")
struct AuditSearchTests {
    private static let path = "/api/v1/tenants/alpha/audit"

    private func write(
        _ office: Office, _ rows: [(action: String, object: String, behalf: PersonID?)], by actor: PersonID
    ) async throws {
        let scope = try await office.scope("alpha")
        let entries = rows.enumerated().map { index, row in
            AuditRow(
                tenant: scope.id, id: office.platform.newID(), lane: scope.lane,
                at: office.platform.clock.now.adding(seconds: Int64(index)), actorKind: "person", actor: actor.text,
                action: row.action, objectType: "thing", objectID: row.object, run: nil,
                content: ["role": "approver", "signedAt": "2026-07-14T08:30:00Z", "nested": ["objectHash": "x"]],
                onBehalfOf: row.behalf)
        }
        try await office.store.withTenant(scope.id) { tx in try await tx.execute(AuditQueries.insert(entries)) }
    }

    @Test("who did what on whose behalf, to what and when is found by each of them, and by a part of the act's words")
    func found() async throws {
        try await Desk.with("approver") { desk in
            let office = desk.office
            let controller = try await office.session("controller", at: "alpha")
            let people = try await office.services.looking.people(try await office.scope("alpha").id)
            let approver = try #require(people.first { $0.slug == "approver" })
            let clerk = try #require(people.first { $0.slug == "ap-clerk" })
            try await write(
                office,
                [("thing.signed", "a", clerk.id), ("thing.signed", "b", nil), ("thing.put-away", "a", nil)], by: approver.id)
            func acts(_ query: String) async throws -> [String] {
                let answer = await office.call(.get, "\(Self.path)?type=thing&\(query)", as: controller)
                #expect(answer.status == 200, "\(answer.text)")
                return (answer.json["items"]?.array ?? []).map {
                    "\($0["action"]?.string ?? "") \($0["object"]?["id"]?.string ?? "")"
                }
            }
            #expect(try await acts("text=put-away") == ["thing.put-away a"])
            #expect(try await acts("text=SIGNED").count == 2)
            #expect(try await acts("behalf=\(clerk.slug)") == ["thing.signed a"])
            #expect(try await acts("behalf=nobody").isEmpty)
            #expect(try await acts("object=a").count == 2)
            #expect(try await acts("who=\(approver.slug)&text=signed&object=b") == ["thing.signed b"])
            #expect(try await acts("text=no-such-act").isEmpty)
            #expect(await office.call(.get, "\(Self.path)?from=yesterday", as: controller).code == "audit.instant")
            #expect(await office.call(.get, "\(Self.path)?run=1", as: controller).code == "audit.run")

            let entry = try #require(
                await office.call(.get, "\(Self.path)?type=thing&object=a&text=signed", as: controller).json["items"]?[0]?["id"]?
                    .string)
            let shown = await office.call(.get, "\(Self.path)/entries/\(entry)", as: controller)
            let later = try #require(shown.json["later"]?.string, "\(shown.text)")
            #expect(shown.json["earlier"] == .null)
            let page = await office.call(.get, "/t/alpha/audit/entries/\(entry)", as: controller)
            #expect(page.status == 200, "\(page.text.prefix(400))")
            #expect(
                page.text.contains("Thing signed") && page.text.contains(clerk.name) && page.text.contains("Nested, object hash"))
            #expect(page.text.contains("/t/alpha/audit/entries/\(later)"))
            let list = await office.call(.get, "/t/alpha/audit?act=signed&behalf=\(clerk.slug)", as: controller)
            #expect(list.text.contains("/t/alpha/audit/entries/\(entry)") && !list.text.contains("Thing put away"))
            let stranger = try await office.session("controller", at: "beta")
            #expect(await office.call(.get, "/t/beta/audit/entries/\(entry)", as: stranger).status == 404)
            #expect(await office.call(.get, "/api/v1/tenants/beta/audit/entries/\(entry)", as: stranger).status == 404)

            let proofs = await office.call(.get, "\(Self.path)/proofs?type=thing", as: controller)
            #expect(proofs.json["items"]?.array?.count == 3)
            #expect(proofs.json["items"]?[0]?["without"]?.string == "audit.unsealed", "nothing is sealed here yet")
        }
    }
}
