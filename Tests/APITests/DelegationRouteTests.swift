import Kernel
import Records
import Seals
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("deputies on a page and from a program")
struct DelegationRouteTests {
    private func post(
        _ office: Office, _ path: String, _ token: SecretToken, _ body: JSONValue = [:]
    ) async -> Office.Answer {
        await office.call(
            .post, "/api/v1/tenants/alpha/\(path)", as: token, body: body,
            headers: [(name: "Idempotency-Key", value: SHA256.hexText("\(path) \(body.text)".utf8))])
    }

    @Test("whose own limit does not reach signs for a colleague whose limit does, and the page says for whom")
    func standsIn() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            _ = try await office.services.applying.apply(try Office.withLedgerAndLimits(), by: nil)
            try await office.fill("alpha", buyer: "Brightwater Foods GmbH")
            let scope = try await office.scope("alpha")
            let row = try #require(
                try await office.services.looking.requests(scope.id, kinds: ["approval"], limit: 10).first)
            let giver = try await office.session("colleague", at: "alpha")
            let deputy = try await office.session("approver", at: "alpha")
            func page(_ path: String, as token: SecretToken) async -> String {
                await office.send(.get, path, headers: [(name: "Cookie", value: "session=\(token.text)")]).text
            }
            let end = office.services.clock.now.adding(seconds: 86_400)
            let made = await post(
                office, "delegations", giver, ["to": "approver", "endsAt": JSONValue(end), "reason": "Conference"])
            #expect(made.status == 201 && made.json["state"] == "active", "\(made.text)")
            let id = try #require(made.json["id"]?.string)
            let own = await page("/t/alpha/inbox/\(row.id)", as: deputy)
            #expect(own.contains("Your approval limit is EUR 1000.00") && own.contains("For Nora Colleague"), "\(own)")
            let sheet = await page("/t/alpha/inbox/\(row.id)?for=\(id)", as: deputy)
            #expect(sheet.contains("for Nora Colleague") && !sheet.contains("Your approval limit is"), "\(sheet)")
            #expect(sheet.contains("name=\"delegation\" value=\"\(id)\""))
            let decision: JSONValue = [
                "verdict": "approve", "objectHash": .string(row.objectHash ?? ""), "delegation": .string(id),
            ]
            let stranger = try await office.session("controller", at: "alpha")
            #expect(await post(office, "approvals/\(row.id)/decision", stranger, decision).status == 403)
            #expect(await post(office, "approvals/\(row.id)/decision", deputy, decision).status == 202)
            try await office.pump()
            let signatures = try await office.services.looking.task(scope.id, row.id).progress["signatures"]?.array ?? []
            #expect(signatures.count == 1 && signatures.first?["onBehalfOf"] != nil)
            let list = await page("/t/alpha/delegations", as: giver)
            #expect(list.contains("for Nora Colleague") && list.contains("Take it back"), "\(list)")
            #expect(await post(office, "delegations/\(id)/revoke", deputy).json["state"] == "revoked")
            #expect(await post(office, "delegations/\(id)/revoke", giver).status == 409)
            let listed = await office.call(.get, "/api/v1/tenants/alpha/delegations", as: giver)
            #expect(
                listed.json["items"]?[0]?["from"]?["id"] == "colleague" && listed.json["items"]?[0]?["reason"] == "Conference")
        }
    }

    @Test("what cannot be given is refused with its place, and so is a form that is no form")
    func refused() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            _ = try await office.services.applying.apply(try Office.withLedgerAndLimits(), by: nil)
            let giver = try await office.session("approver", at: "alpha")
            let now = office.services.clock.now
            func wish(_ members: [String: JSONValue]) -> JSONValue {
                let usual: [String: JSONValue] = [
                    "to": "colleague", "endsAt": JSONValue(now.adding(seconds: 3600)), "reason": "Away",
                ]
                let all = usual.merging(members) { $1 }
                return .object(JSONObject(all.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) }))
            }
            for (body, status, code, field) in [
                (wish(["to": "nobody"]), 422, "delegation.person", "to"),
                (wish(["to": "approver"]), 422, "delegation.self", "to"),
                (wish(["from": "colleague"]), 403, "delegation.others", "from"),
                (wish(["endsAt": JSONValue(now.adding(seconds: 91 * 86_400))]), 422, "delegation.time", "endsAt"),
                (wish(["endsAt": "tomorrow"]), 400, "request.member", "endsAt"),
                (wish(["reason": "  "]), 400, "delegation.reason", "reason"),
                (wish(["maxAmount": ["amount": "1000.01", "currency": "EUR"]]), 422, "delegation.limit", "maxAmount"),
                (wish(["maxAmount": ["amount": "5", "currency": "EURO"]]), 400, "request.member", "maxAmount"),
                (wish(["workflows": ["a", "a"]]), 400, "delegation.workflows", "workflows"),
            ] as [(JSONValue, Int, String, String)] {
                let answer = await post(office, "delegations", giver, body)
                #expect(answer.status == status && answer.code == code, "\(body.text): \(answer.text)")
                #expect(answer.json["field"]?.string == field, "\(answer.text)")
            }
            #expect(await post(office, "delegations", giver, wish(["more": 1])).status == 400)
            let empty = await office.call(.get, "/api/v1/tenants/alpha/delegations", as: giver)
            #expect(empty.json["items"]?.array?.isEmpty == true)
        }
    }
}
