import Kernel
import Records
import Seals
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("what people are told before they decide")
struct LimitPageTests {
    @Test("somebody whose limit does not reach is told so in the list and on the page, with who could sign")
    func told() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try Office(store: database.store)
            _ = try await office.services.applying.apply(try Office.withLedgerAndLimits(), by: nil)
            try await office.fill("alpha", buyer: "Brightwater Foods GmbH")
            let scope = try await office.scope("alpha")
            let row = try #require(
                try await office.services.looking.requests(scope.id, kinds: ["approval"], limit: 10).first)

            func page(_ path: String, as token: SecretToken) async -> String {
                await office.send(.get, path, headers: [(name: "Cookie", value: "session=\(token.text)")]).text
            }
            let limited = try await office.session("approver", at: "alpha")
            #expect(await page("/t/alpha/inbox", as: limited).contains("beyond your approval limit"))
            let sheet = await page("/t/alpha/inbox/\(row.id)", as: limited)
            #expect(sheet.contains("Your approval limit is EUR 1000.00, and this is EUR 4800.00."))
            #expect(sheet.contains("Nora Colleague could."))
            let free = try await office.session("colleague", at: "alpha")
            #expect(await !page("/t/alpha/inbox", as: free).contains("beyond your approval limit"))
            #expect(await !page("/t/alpha/inbox/\(row.id)", as: free).contains("Your approval limit is"))

            let answer = await office.call(.get, "/api/v1/tenants/alpha/approvals/\(row.id)", as: limited)
            #expect(answer.json["couldDecide"]?.array == ["Nora Colleague"])
            let decided = await office.call(
                .post, "/api/v1/tenants/alpha/approvals/\(row.id)/decision", as: limited,
                body: ["verdict": "approve", "objectHash": .string(row.objectHash ?? "")],
                headers: [(name: "Idempotency-Key", value: "k-1")])
            #expect(decided.status == 202, "the office applies its lane itself")
            try await office.pump()
            #expect(try await office.services.looking.task(scope.id, row.id).progress["signatures"]?.array?.isEmpty == true)
        }
    }
}
