import Flow
import Kernel
import Records
import Seals
import Testing
import WebKernel

@testable import API

@Suite("status pages from afar")
struct StatusRouteTests {
    private static let path = "/api/v1/tenants/alpha/status-page"

    private func send(
        _ desk: Desk, _ method: WebMethod = .post, _ path: String, _ token: SecretToken, _ body: JSONValue
    ) async -> Office.Answer {
        let key = "k-\(Entropy.system.next())"
        return await desk.office.call(method, path, as: token, body: body, headers: [(name: "Idempotency-Key", value: key)])
    }

    /// A tenant's page with one component; answers its administrator and the page's address.
    private func story(
        audience: String = "anybody", _ body: @Sendable (Desk, SecretToken, String) async throws -> Void
    ) async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let made = await send(
                desk, .put, Self.path, admin,
                ["revision": 0, "audience": .string(audience), "title": "Alpha & <friends>", "rule": .null])
            #expect(made.status == 200, "\(made.text)")
            let address = try #require(made.json["page"]?["address"]?.string)
            let added = await send(desk, .post, "\(Self.path)/components", admin, ["name": "Posting <b>"])
            #expect(added.status == 201, "\(added.text)")
            try await body(desk, admin, address)
        }
    }

    private func open(
        _ desk: Desk, _ path: String, as token: SecretToken? = nil, headers: [(name: String, value: String)] = []
    ) async -> Office.Answer {
        await desk.office.call(.get, path, as: token, headers: headers)
    }

    @Test("what is published is read by anybody who has the address, in words that cannot break out, and drafts by nobody")
    func published() async throws {
        try await story { desk, admin, address in
            let posted = await send(
                desk, .post, "\(Self.path)/notices", admin,
                [
                    "title": "Late <script>", "text": "<img src=x onerror=alert(1)>\nSorry.", "components": ["posting <b>"],
                    "impact": "major", "publish": true,
                ])
            #expect(posted.status == 201, "\(posted.text)")
            let draft = await send(desk, .post, "\(Self.path)/notices", admin, ["title": "Secret plan", "text": "Not yet."])
            #expect(draft.json["publishedAt"]?.isNull == true)
            let page = await open(desk, address)
            #expect(page.status == 200)
            #expect(page.text.contains("Alpha &amp; &lt;friends&gt;") && page.text.contains("Late &lt;script&gt;"))
            #expect(
                page.text.contains("&lt;img src=x") && !page.text.contains("<img src=x") && !page.text.contains("Secret plan"))
            #expect(page.text.contains("Partial outage") && page.headers["Referrer-Policy"] == "no-referrer")
            let json = await open(desk, "\(address)/status.json")
            #expect(json.json["components"]?[0]?["state"] == "partial-outage")
            #expect(json.json["components"]?[0]?["uptime"]?.isNull == true, "nothing was measured yet")
            #expect(json.json["incidents"]?.array?.count == 1)
            let feed = await open(desk, "\(address)/feed.json")
            #expect(feed.json["items"]?[0]?["content_text"]?.string == "<img src=x onerror=alert(1)>\nSorry.")
            #expect(!feed.text.contains("Not yet"))
            let tag = try #require(page.headers["ETag"])
            let again = await open(desk, address, headers: [(name: "If-None-Match", value: tag)])
            #expect(again.status == 304 && again.bytes.isEmpty)
        }
    }

    @Test("a page that is off, one for people who are signed in, and one that never was answer strangers alike")
    func alike() async throws {
        let nobody = "/status/" + String(repeating: "x", count: 32)
        try await story(audience: "signed-in") { desk, admin, address in
            let missing = await open(desk, nobody)
            let stranger = try await desk.office.session("tenant-admin", at: "beta")
            for answer in [await open(desk, address), await open(desk, address, as: stranger)] {
                #expect(answer.status == 404 && answer.bytes == missing.bytes)
            }
            for own in [admin, try await desk.office.session("approver", at: "alpha")] {
                let read = await open(desk, address, as: own)
                #expect(read.status == 200 && read.headers["Cache-Control"] == "private, no-store")
            }
            let off = await send(
                desk, .put, Self.path, admin, ["revision": 1, "audience": "off", "title": "Alpha"])
            #expect(off.status == 200, "\(off.text)")
            for path in [address, "\(address)/feed.json", "\(address)/status.json"] {
                #expect(await open(desk, path, as: admin).bytes == missing.bytes, "\(path)")
            }
        }
    }

    @Test("a tenant's people read their partner's page, and the partner's page says nothing of them")
    func partner() async throws {
        try await Desk.with("approver") { desk in
            let owner = try await desk.office.session("partner-admin", at: "harbour")
            let path = "/api/v1/tenants/harbour/status-page"
            let made = await send(
                desk, .put, path, owner, ["revision": 0, "audience": "signed-in", "title": "Harbour", "language": "de"])
            let address = try #require(made.json["page"]?["address"]?.string, "\(made.text)")
            let refused = await send(desk, .post, "\(path)/components", owner, ["name": "x", "source": "connection:erp"])
            #expect(refused.code == "status.source", "\(refused.text)")
            let reader = try await desk.office.session("approver", at: "beta")
            let page = await open(desk, address, as: reader)
            #expect(page.status == 200 && page.text.contains("Aktuelle Störungen") && page.text.contains("lang=\"de\""))
            #expect(await open(desk, address).status == 404)
        }
    }

    @Test("who may not publish is refused, and what cannot be is refused with what is wrong")
    func refused() async throws {
        try await story { desk, admin, _ in
            let approver = try await desk.office.session("approver", at: "alpha")
            let foreign = try await desk.office.session("tenant-admin", at: "beta")
            #expect(await send(desk, .post, "\(Self.path)/notices", approver, ["text": "x"]).status == 403)
            #expect(await send(desk, .post, "\(Self.path)/notices", foreign, ["text": "x"]).status == 404)
            #expect(await open(desk, Self.path, as: foreign).status == 404)
            let wrong: [(JSONValue, String)] = [
                (["text": .string(String(repeating: "x", count: 4001))], "status.text"),
                (["text": "x", "title": "a\r\nBcc: y"], "status.title"),
                (["text": "x", "components": ["no"]], "status.components"),
                (["text": "x", "kind": "maintenance"], "status.startsAt"), (["text": "x", "phase": "completed"], "status.phase"),
                (["text": "x", "startsAt": "2026-07-14T08:30:00Z"], "status.startsAt"),
                (["text": "x", "phase": "odd"], "request.member"),
                (["text": "x", "extra": 1], "request.unknown"),
            ]
            for (body, reason) in wrong {
                let answer = await send(desk, .post, "\(Self.path)/notices", admin, body)
                #expect(answer.code == reason, "\(body.text): \(answer.text)")
            }
        }
    }

    @Test("the desk shows the page, its components and every wording")
    func desk() async throws {
        try await story { desk, admin, _ in
            let posted = await send(desk, .post, "\(Self.path)/notices", admin, ["text": "Frist.", "publish": true])
            let id = try #require(posted.json["id"]?.string)
            let edited = await send(desk, .put, "\(Self.path)/notices/\(id)/updates/1", admin, ["text": "First."])
            #expect(edited.json["updates"]?[0]?["before"]?[0]?["text"] == "Frist.", "\(edited.text)")
            let page = await open(desk, "/status-desk/alpha", as: admin)
            #expect(page.status == 200, "\(page.text.prefix(500))")
            #expect(page.text.contains("Posting &lt;b&gt;") && page.text.contains("Frist.") && page.text.contains("First."))
            let list = await open(desk, "\(Self.path)/notices", as: admin)
            #expect(list.json["items"]?.array?.count == 1)
        }
    }
}
