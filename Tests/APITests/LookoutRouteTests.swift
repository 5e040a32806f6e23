import Kernel
import Postgres
import Records
import Seals
import Tenancy
import Testing
import WebKernel

@testable import API

@Suite("signs of life and error budgets from afar")
struct LookoutRouteTests {
    private static let path = "/api/v1/tenants/alpha/heartbeats"

    private func make(_ desk: Desk, _ token: SecretToken, _ body: JSONValue) async -> Office.Answer {
        await desk.office.call(.post, Self.path, as: token, body: body)
    }

    @Test("a job is made, reports by GET and POST, gets a new address, and is ended; its secret is answered once")
    func job() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let made = await make(desk, admin, ["name": "Backup", "everySeconds": 3600, "graceSeconds": 60])
            #expect(made.status == 201, "\(made.text)")
            let (id, path) = (try #require(made.json["id"]?.string), try #require(made.json["path"]?.string))
            let secret = try #require(path.split(separator: "/").last.map(String.init))
            #expect(made.json["state"]?.string == "awaited")
            for method in [WebMethod.get, .post] {
                let answer = await desk.office.call(method, path)
                #expect(answer.status == 200 && answer.json["status"]?.string == "ok", "\(answer.text)")
            }
            let listed = await desk.call(.get, Self.path, admin.text)
            let row = try #require(listed.json["items"]?.array?.first { $0["id"]?.string == id })
            #expect(row["state"]?.string == "alive" && row["ageSeconds"]?.int == 0)
            #expect(!listed.text.contains(secret))
            // The secret lies nowhere in the database, not even where answers of repeated requests are kept.
            let kept = try await desk.office.store.withTenant(try await desk.office.scope("alpha").id) { tx in
                try await tx.query("SELECT count(*) AS n FROM idempotency WHERE answer::text LIKE \("%" + secret + "%")").only()
                    .get("n", as: Int64.self)
            }
            #expect(kept == 0)
            let rotated = await desk.office.call(.post, "\(Self.path)/\(id)/rotate", as: admin)
            let renewed = try #require(rotated.json["path"]?.string, "\(rotated.text)")
            #expect(await desk.office.call(.get, path).status == 404)
            #expect(await desk.office.call(.get, renewed).status == 200)
            let ended = await desk.office.call(
                .post, "\(Self.path)/\(id)/end", as: admin, body: [:], headers: [(name: "Idempotency-Key", value: "k-1")])
            #expect(ended.json["state"]?.string == "ended", "\(ended.text)")
            #expect(await desk.office.call(.get, renewed).status == 404)
        }
    }

    @Test("who may not, another tenant's people, and bad promises are refused")
    func refused() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let clerk = try await desk.office.session("ap-clerk", at: "alpha")
            let stranger = try await desk.office.session("tenant-admin", at: "beta")
            let body: JSONValue = ["name": "Backup", "everySeconds": 3600]
            #expect(await make(desk, clerk, body).status == 403)
            #expect(await make(desk, stranger, body).status == 404)
            #expect(await make(desk, admin, ["name": "Backup", "everySeconds": 5]).code == "heartbeat.every")
            #expect(await make(desk, admin, ["name": "Backup", "everySeconds": "1h"]).code == "heartbeat.every")
            #expect(
                await make(desk, admin, ["name": "B", "everySeconds": 60, "graceSeconds": "x"]).code == "heartbeat.grace")
            #expect(await make(desk, admin, ["name": "B", "everySeconds": 60, "grase": 1]).code == "request.unknown")
            let made = await make(desk, admin, body)
            #expect(await make(desk, admin, body).code == "heartbeat.name")
            let path = try #require(made.json["path"]?.string)
            // Another tenant's name before the same id and secret.
            let foreign = path.split(separator: "/").map { $0 == "alpha" ? "beta" : String($0) }.joined(separator: "/")
            #expect(await desk.office.call(.get, "/" + foreign).status == 404)
            #expect(await desk.office.call(.get, "/api/v1/beats/alpha/no-id/no-secret").status == 404)
        }
    }

    @Test("a tenant without shares has no budgets, and the pages say so")
    func pages() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/slos", admin.text).json["items"]?.array?.isEmpty == true)
            #expect(await desk.call(.get, "/api/v1/tenants/alpha/slos/posting", admin.text).status == 404)
            let page = await desk.call(.get, "/t/alpha/service/budgets", admin.text)
            #expect(page.status == 200 && page.text.contains("No objective of the contract in force"), "\(page.status)")
            _ = await make(desk, admin, ["name": "Nightly <b>", "everySeconds": 3600])
            let platform = await desk.call(.get, "/t/alpha/platform", admin.text)
            #expect(platform.text.contains("Nightly &lt;b&gt;") && platform.text.contains("awaited"), "\(platform.status)")
        }
    }
}
