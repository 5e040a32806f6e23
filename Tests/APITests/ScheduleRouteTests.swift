import Kernel
import Postgres
import Records
import Seals
import Tenancy
import TestKit
import Testing
import WebKernel

@testable import API
@testable import Flow

@Suite("schedules on a page and from a program")
struct ScheduleRouteTests {
    private static func workflow(_ name: String) -> JSONValue {
        [
            "kind": "workflow", "name": .string(name), "version": "1", "title": "Look at the books", "outcomes": ["looked"],
            "outcome": "'looked'", "do": [["keep": ["set": ["a": "1"]]]], "schedule": ["every": "PT1H"],
        ]
    }

    /// An office whose tenant alpha looks at its books every hour.
    private static func open(_ database: TestDatabase) async throws -> Office {
        let office = try Office(store: database.store)
        let scope = Tenancy.Scope.tenant("alpha", partner: "harbour")
        let asset = Applying.Asset(scope: scope, kind: "workflow", name: "look", version: "1", content: workflow("look"))
        _ = try await office.services.applying.apply(try Office.configuration() + [asset], by: nil)
        try await database.store.withLane(0) { tx in
            _ = try await tx.execute("INSERT INTO queue.lane (lane) VALUES (0) ON CONFLICT (lane) DO NOTHING")
            _ = try await tx.execute("UPDATE queue.lane SET owner = 'office', epoch = 1 WHERE lane = 0")
        }
        try await office.pump()
        return office
    }

    private func post(_ office: Office, _ path: String, _ token: SecretToken, _ key: String) async -> Office.Answer {
        await office.call(
            .post, path, as: token, body: ["reason": "The books are closed."], headers: [(name: "Idempotency-Key", value: key)])
    }

    @Test("a program sees the next times, pages through those that came, pauses and resumes")
    func program() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try await ScheduleRouteTests.open(database)
            let path = "/api/v1/tenants/alpha/schedules"
            let early = try await office.session("ap-clerk", at: "alpha")
            let listed = await office.call(.get, "\(path)?ahead=3", as: early)
            let item = try #require(listed.json["items"]?.array?.first, "\(listed.text)")
            #expect(item["workflow"] == "look" && item["rule"] == "every hour" && item["state"] == "active")
            #expect(
                item["next"]?.array?.compactMap { $0["local"]?.string } == [
                    "2026-07-14 09:00 UTC +00:00", "2026-07-14 10:00 UTC +00:00", "2026-07-14 11:00 UTC +00:00",
                ])
            #expect(await office.call(.get, "\(path)?ahead=51", as: early).status == 400)
            for _ in 0..<3 {
                office.move(seconds: 3600)
                try await office.pump()
            }
            // Nobody stays signed in for so long without a request.
            let clerk = try await office.session("ap-clerk", at: "alpha")
            let first = await office.call(.get, "\(path)/look/times?limit=2", as: clerk)
            #expect(first.json["items"]?.array?.compactMap { $0["number"]?.int } == [3, 2], "\(first.text)")
            let cursor = try #require(first.json["next"]?.string)
            let second = await office.call(.get, "\(path)/look/times?limit=2&cursor=\(cursor)", as: clerk)
            #expect(second.json["items"]?.array?.compactMap { $0["number"]?.int } == [1])
            #expect(second.json["next"] == nil)
            let run = try #require(second.json["items"]?[0]?["run"]?.string)
            let shown = await office.call(.get, "/api/v1/tenants/alpha/runs/\(run)", as: clerk)
            #expect(shown.status == 200 && shown.text.contains("looked"), "\(shown.text)")
            #expect(await office.call(.get, "\(path)/other", as: clerk).status == 404)
            let neighbour = try await office.session("ap-clerk", at: "beta")
            let beta = await office.call(.get, "/api/v1/tenants/beta/schedules", as: neighbour)
            #expect(beta.json["items"]?.array?.isEmpty == true, "another tenant has none")

            let refused = await post(office, "\(path)/look/pause", clerk, "a")
            #expect(refused.status == 403 || refused.status == 404)
            let admin = try await office.session("controller", at: "alpha")
            #expect(await post(office, "\(path)/look/pause", admin, "b").status == 202)
            try await office.pump()
            let paused = await office.call(.get, "\(path)/look", as: clerk)
            #expect(paused.json["state"] == "paused" && paused.json["reason"] == "The books are closed.")
            #expect(await post(office, "\(path)/look/resume", admin, "c").status == 202)
            try await office.pump()
            #expect(await office.call(.get, "\(path)/look", as: clerk).json["state"] == "active")
        }
    }

    @Test("the page draws the times, and only who may manage runs sees the button")
    func page() async throws {
        try await TestDatabase.with(template: .office) { database in
            let office = try await ScheduleRouteTests.open(database)
            office.move(seconds: 3600)
            try await office.pump()
            func shown(_ role: String) async throws -> String {
                let token = try await office.session(role, at: "alpha")
                return await office.send(
                    .get, "/t/alpha/schedules", headers: [(name: "Cookie", value: "session=\(token.text)")]
                ).text
            }
            let clerk = try await shown("ap-clerk")
            #expect(clerk.contains("Look at the books") && clerk.contains("every hour"))
            #expect(clerk.contains("2026-07-14 10:00 UTC +00:00") && clerk.contains("<svg class=\"bars\""))
            #expect(!clerk.contains("/schedules/look/pause"))
            #expect(try await shown("controller").contains("/schedules/look/pause"))
        }
    }
}
