import Flow
import Kernel
import Records
import Seals
import Testing
import WebKernel

@testable import API

@Suite("maintenance from afar")
struct MaintenanceRouteTests {
    private static let path = "/api/v1/tenants/alpha/maintenance"

    private func post(
        _ desk: Desk, _ path: String, as token: SecretToken, _ body: JSONValue, key: String
    ) async -> Office.Answer {
        await desk.office.call(.post, path, as: token, body: body, headers: [(name: "Idempotency-Key", value: key)])
    }

    @Test("whoever is on call announces, moves and cancels; the tenant sees it, and changes nothing")
    func maintenance() async throws {
        try await Desk.with("approver") { desk in
            let engineer = try await desk.office.session("on-call", at: "operator")
            let ruth = try await desk.office.session("controller", at: "alpha")
            let stranger = try await desk.office.session("controller", at: "beta")
            let now = desk.office.platform.clock.now
            func window(_ start: Int64, _ end: Int64) -> JSONValue {
                [
                    "title": "Database <i>", "start": JSONValue(now.adding(seconds: start)),
                    "end": JSONValue(now.adding(seconds: end)),
                ]
            }
            #expect(await post(desk, Self.path, as: ruth, window(3600, 7200), key: "a").status == 403)
            #expect(await post(desk, Self.path, as: engineer, window(-60, 60), key: "b").code == "maintenance.past")
            let bad: JSONValue = ["title": "x", "start": "soon", "end": "later"]
            #expect(await post(desk, Self.path, as: engineer, bad, key: "c").code == "request.instant")
            let made = await post(desk, Self.path, as: engineer, window(3600, 7200), key: "d")
            #expect(made.status == 201 && made.json["state"] == "announced", "\(made.text)")
            let again = await post(desk, Self.path, as: engineer, window(3600, 7200), key: "d")
            #expect(again.json["id"] == made.json["id"], "sent twice is announced once")
            let id = try #require(made.json["id"]?.string)
            let listed = await desk.office.call(.get, Self.path, as: ruth)
            #expect(listed.json["items"]?.array?.compactMap { $0["id"]?.string } == [id])
            #expect(await desk.office.call(.get, Self.path, as: stranger).status == 404)
            let page = await desk.office.call(.get, "/t/alpha/service/maintenance", as: ruth)
            #expect(page.text.contains("Database &lt;i&gt;") && !page.text.contains("Cancel the maintenance"), "\(page.status)")
            let own = await desk.office.call(.get, "/t/alpha/service/maintenance", as: engineer)
            #expect(own.text.contains("Cancel the maintenance") && own.text.contains("Announce maintenance"))
            let cancelled = await post(
                desk, "\(Self.path)/\(id)/cancel", as: engineer, ["reason": "Not needed"], key: "e")
            #expect(cancelled.json["state"] == "cancelled", "\(cancelled.text)")
        }
    }

    @Test("what the operator announces to all stands in every tenant's list, and only there can it be cancelled")
    func above() async throws {
        try await Desk.with("approver") { desk in
            let engineer = try await desk.office.session("on-call", at: "operator")
            let ruth = try await desk.office.session("controller", at: "beta")
            let now = desk.office.platform.clock.now
            let body: JSONValue = [
                "title": "Everything", "start": JSONValue(now.adding(seconds: 60)), "end": JSONValue(now.adding(seconds: 120)),
            ]
            let made = await post(desk, "/api/v1/tenants/operator/maintenance", as: engineer, body, key: "a")
            let id = try #require(made.json["id"]?.string, "\(made.text)")
            let seen = await desk.office.call(.get, "/api/v1/tenants/beta/maintenance", as: ruth)
            #expect(seen.json["items"]?.array?.first?["announcedHere"] == false, "\(seen.text)")
            let elsewhere = await post(
                desk, "\(Self.path)/\(id)/cancel", as: engineer, ["reason": "x"], key: "b")
            #expect(elsewhere.status == 404)
        }
    }
}
