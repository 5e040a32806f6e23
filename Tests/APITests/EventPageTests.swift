import Kernel
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("events that programs send a tenant, and pages that show them")
struct EventPageTests {
    private static let workflow: JSONValue = [
        "kind": "workflow", "name": "hear", "version": "1", "title": "Hear", "outcomes": ["heard"], "outcome": "'heard'",
        "do": [
            [
                "hear": [
                    "listen": [
                        "to": [
                            "one": [
                                "with": ["type": "bank.paid"],
                                "correlate": ["invoice": ["from": "event.data.invoice", "expect": "'R-1'"]],
                            ]
                        ]
                    ]
                ]
            ]
        ],
    ]

    private static let event: JSONValue = [
        "specversion": "1.0", "id": "4711", "source": "bank<de>", "type": "bank.paid", "data": ["invoice": "R-1"],
    ]

    /// An office in which a run of each tenant waits for the same event.
    private static func open(_ database: TestDatabase) async throws -> (Office, alpha: RunID, beta: RunID) {
        let office = try Office(store: database.store)
        var bundle = try Office.configuration().map { asset -> Applying.Asset in
            guard asset.kind == "tenant", var content = asset.content.object else { return asset }
            content["workflows"] = ["invoice": "hear"]
            return Applying.Asset(
                scope: asset.scope, kind: "tenant", name: asset.name, version: "2", content: .object(content))
        }
        bundle.append(Applying.Asset(scope: .operator, kind: "workflow", name: "hear", version: "1", content: workflow))
        _ = try await office.services.applying.apply(bundle, by: nil)
        var runs: [RunID] = []
        for slug in ["alpha", "beta"] {
            try await office.fill(slug)
            let id = try await office.scope(slug).id
            runs.append(try #require(try await office.services.looking.runs(id, limit: 10).first { $0.workflow == "hear" }).id)
        }
        return (office, runs[0], runs[1])
    }

    private static func post(
        _ event: JSONValue, _ office: Office, as token: SecretToken, key: String = "\(Entropy.system.next())",
        to slug: String = "alpha"
    ) async throws -> Office.Answer {
        let answer = await office.call(
            .post, "/api/v1/tenants/\(slug)/events", as: token, body: event,
            headers: [(name: "Idempotency-Key", value: key)])
        try await office.pump()
        return answer
    }

    @Test("an event ends the waiting in its own tenant alone, and is shown there with the run that took it")
    func taken() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, alpha, beta) = try await EventPageTests.open(database)
            let token = try await office.session("controller", at: "alpha")
            let cookie = [(name: "Cookie", value: "session=\(token.text)")]
            let waiting = await office.call(.get, "/api/v1/tenants/alpha/runs/\(alpha)", as: token)
            #expect(waiting.json["waitsFor"]?[0]?["type"] == "bank.paid")
            #expect(waiting.json["waitsFor"]?[0]?["keys"] == ["event.data.invoice is R-1"])
            let page = await office.send(.get, "/t/alpha/runs/\(alpha)", headers: cookie)
            #expect(page.text.contains("Waits for events") && page.text.contains("event.data.invoice is R-1"))

            let sent = try await EventPageTests.post(EventPageTests.event, office, as: token)
            #expect(sent.status == 202, "\(sent.text)")
            let looking = office.services.looking
            #expect(try await looking.run(try await office.scope("alpha").id, alpha).outcome == "heard")
            #expect(try await looking.run(try await office.scope("beta").id, beta).phase == "waiting")

            let listed = await office.call(.get, "/api/v1/tenants/alpha/events/received", as: token)
            let row = try #require(listed.json["items"]?[0])
            #expect(row["eventId"] == "4711" && row["taken"] == 1 && row["state"] == "kept")
            let shown = await office.send(.get, "/t/alpha/received-events", headers: cookie)
            #expect(shown.status == 200 && shown.text.contains("bank&lt;de&gt;") && shown.text.contains("by 1 run"))
            let other = await office.call(
                .get, "/api/v1/tenants/beta/events/received?state=all", as: try await office.session("controller", at: "beta"))
            #expect(other.json["items"] == [])
            let gone = await office.call(.get, "/api/v1/tenants/alpha/runs/\(alpha)", as: token)
            #expect(gone.json["waitsFor"] == nil)
        }
    }

    @Test("what is no event, comes without a key, or from somebody who may not is refused")
    func refused() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, alpha, _) = try await EventPageTests.open(database)
            let token = try await office.session("controller", at: "alpha")
            let wrong = try await EventPageTests.post(["specversion": "1.0", "id": "1"], office, as: token)
            #expect(wrong.status == 400 && wrong.text.contains("event.form"))
            let keyless = await office.call(.post, "/api/v1/tenants/alpha/events", as: token, body: EventPageTests.event)
            #expect(keyless.status == 400)
            let approver = try await office.session("approver", at: "alpha")
            #expect(try await EventPageTests.post(EventPageTests.event, office, as: approver).status == 403)
            #expect(try await EventPageTests.post(EventPageTests.event, office, as: token, to: "beta").status == 404)
            for query in ["state=some", "limit=0", "cursor=x"] {
                #expect(
                    await office.call(.get, "/api/v1/tenants/alpha/events/received?\(query)", as: token).status == 400, "\(query)"
                )
            }
            #expect(try await office.services.looking.run(try await office.scope("alpha").id, alpha).phase == "waiting")
        }
    }

    @Test("the list goes on page by page with its cursor")
    func pages() async throws {
        try await TestDatabase.with(template: .office) { database in
            let (office, _, _) = try await EventPageTests.open(database)
            let token = try await office.session("controller", at: "alpha")
            for number in 1...3 {
                let event: JSONValue = ["specversion": "1.0", "id": .string("\(number)"), "source": "/s", "type": "t"]
                _ = try await EventPageTests.post(event, office, as: token)
                office.move(seconds: 1)
            }
            var seen: [String] = []
            var cursor = ""
            repeat {
                let page = await office.call(
                    .get, "/api/v1/tenants/alpha/events/received?limit=1&type=t\(cursor)", as: token
                ).json
                seen += (page["items"]?.array ?? []).compactMap { $0["eventId"]?.string }
                cursor = page["next"]?.string.map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty && seen.count < 10
            #expect(seen == ["3", "2", "1"])
        }
    }
}
