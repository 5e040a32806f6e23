import Flow
import Kernel
import Records
import Seals
import Testing
import WebKernel

@testable import API

@Suite("subscribing to a status page from afar")
struct StatusSubscriberRouteTests {
    private static let path = "/api/v1/tenants/alpha/status-page"
    private static let form = (name: "Content-Type", value: "application/x-www-form-urlencoded")

    private func send(
        _ desk: Desk, _ method: WebMethod = .post, _ path: String, _ token: SecretToken, _ body: JSONValue
    ) async -> Office.Answer {
        let key = "k-\(Entropy.system.next())"
        return await desk.office.call(method, path, as: token, body: body, headers: [(name: "Idempotency-Key", value: key)])
    }

    private func post(
        _ desk: Desk, _ path: String, _ form: String, as token: SecretToken? = nil,
        headers: [(name: String, value: String)] = []
    ) async -> Office.Answer {
        let own = token.map { [(name: "Authorization", value: "Bearer \($0.text)")] } ?? []
        return await desk.office.send(.post, path, headers: [Self.form] + own + headers, body: Array(form.utf8))
    }

    private func story(
        audience: String = "anybody", language: String = "en",
        _ body: @Sendable (Desk, SecretToken, String) async throws -> Void
    ) async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let made = await send(
                desk, .put, Self.path, admin,
                ["revision": 0, "audience": .string(audience), "title": "Alpha", "language": .string(language)])
            #expect(made.status == 200, "\(made.text)")
            try await body(desk, admin, try #require(made.json["page"]?["address"]?.string))
        }
    }

    @Test(
        "a known address, an unknown one and one that was asked too often are answered alike, and the desk sees no address whole")
    func alike() async throws {
        try await story { desk, admin, address in
            let page = await desk.office.call(.get, address)
            #expect(page.text.contains("action=\"\(address)/subscribers\""), "the page has the form")
            var answers: [Office.Answer] = []
            for typed in ["maya%40reader.example", "new%40reader.example"] + Array(repeating: "maya%40reader.example", count: 4) {
                answers.append(await post(desk, "\(address)/subscribers", "channel=mail&address=\(typed)"))
            }
            #expect(answers.allSatisfy { $0.status == 200 && $0.bytes == answers[0].bytes }, "\(answers.map(\.status))")
            #expect(answers[0].headers["Cache-Control"] == "no-store")
            let list = await desk.office.call(.get, "\(Self.path)/subscribers", as: admin)
            #expect(list.json["counts"]?["asked"]?.int == 2 && !list.text.contains("maya@"))
            let sent = await desk.office.call(.get, "\(Self.path)/deliveries", as: admin)
            #expect(sent.json["items"]?.array?.count == 4, "three to one address and one to the other")
            let log = await desk.office.call(.get, "/api/v1/tenants/alpha/audit", as: admin)
            #expect(!log.text.contains("reader.example"))
        }
    }

    @Test("forms of other sites, hostile addresses and guessed links are turned away, in the page's language")
    func turnedAway() async throws {
        try await story(language: "de") { desk, _, address in
            let foreign = await post(
                desk, "\(address)/subscribers", "channel=mail&address=m%40reader.example",
                headers: [(name: "Sec-Fetch-Site", value: "cross-site")])
            #expect(foreign.status == 403)
            for typed in ["m%40reader.example%0d%0aBcc%3a%20x%40y.example", String(repeating: "m", count: 10_000), ""] {
                let answer = await post(desk, "\(address)/subscribers", "channel=mail&address=\(typed)")
                #expect(answer.status == 422 && answer.text.contains("Bitte prüfen Sie sie"), "\(answer.status)")
            }
            for typed in ["https%3A%2F%2F127.0.0.1%2Fx", "http%3A%2F%2Freader.example%2F"] {
                #expect(await post(desk, "\(address)/subscribers", "channel=webhook&address=\(typed)").status == 422)
            }
            let nobody = "/status/" + String(repeating: "x", count: 32)
            #expect(await post(desk, "\(nobody)/subscribers", "channel=mail&address=m%40reader.example").status == 404)
            let guess = "/status-mail/" + String(repeating: "A", count: 43)
            #expect(await desk.office.call(.get, guess).status == 404)
            #expect(await post(desk, guess, "List-Unsubscribe=One-Click").status == 404)
        }
    }

    @Test("on a page for people who are signed in strangers find nothing, and people are asked at their own address")
    func signedIn() async throws {
        try await story(audience: "signed-in") { desk, admin, address in
            let stranger = await post(desk, "\(address)/subscribers", "channel=mail&address=m%40reader.example")
            #expect(stranger.status == 404)
            let asked = await post(desk, "\(address)/subscribers", "channel=mail&address=m%40reader.example", as: admin)
            #expect(asked.status == 200)
            let list = await desk.office.call(.get, "\(Self.path)/subscribers", as: admin)
            #expect(list.json["items"]?.array?.count == 1 && !list.text.contains("reader.example"))
            let hook = await post(
                desk, "\(address)/subscribers", "channel=webhook&address=https%3A%2F%2Freader.example%2F", as: admin)
            #expect(hook.status == 403)
        }
    }

    @Test("the owner enters a webhook, is shown its secret once, and removes it; a reader's role does neither")
    func owner() async throws {
        try await story { desk, admin, _ in
            let body: JSONValue = ["channel": "webhook", "address": "https://hooks.reader.example/x"]
            let made = await send(desk, .post, "\(Self.path)/subscribers", admin, body)
            #expect(made.status == 201 && made.json["secret"]?.string?.hasPrefix("whsec_") == true, "\(made.text)")
            let id = made.json["id"]?.string ?? ""
            let list = await desk.office.call(.get, "\(Self.path)/subscribers", as: admin)
            #expect(list.json["items"]?[0]?["address"] == "https://hooks.reader.example/…" && !list.text.contains("whsec_"))
            for act in ["test", "secret"] {
                let early = await send(desk, .post, "\(Self.path)/subscribers/\(id)/\(act)", admin, [:])
                #expect(early.status == 409, "it has not confirmed: \(early.text)")
            }
            let approver = try await desk.office.session("approver", at: "alpha")
            #expect(await send(desk, .post, "\(Self.path)/subscribers", approver, body).status == 403)
            #expect(await send(desk, .post, "\(Self.path)/subscribers/\(id)/remove", approver, [:]).status == 403)
            let removed = await send(desk, .post, "\(Self.path)/subscribers/\(id)/remove", admin, [:])
            #expect(removed.json["state"] == "stopped" && removed.json["why"] == "removed")
            #expect(await send(desk, .post, "\(Self.path)/subscribers/\(id)/remove", admin, [:]).status == 409)
        }
    }
}
