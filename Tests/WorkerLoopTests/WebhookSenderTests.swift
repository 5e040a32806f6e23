import Curl
import Kernel
import TestKit
import Testing

@testable import WorkerLoop

@Suite("events that a tenant's worker sends")
struct WebhookSenderTests {
    private static let body = Array(#"{"specversion":"1.0","id":"e1"}"#.utf8)

    /// Sends one event to a path of the server, or to an address of its own.
    private func send(
        _ server: ScriptedServer, url: String? = nil, allow: [String]? = nil, milliseconds: Int = WebhookSender.totalMilliseconds
    ) async -> JSONValue {
        let client = CurlClient()
        defer { client.stop() }
        let allow = allow ?? ["127.0.0.1:\(server.port)"]
        return await WebhookSender(client: client, totalMilliseconds: milliseconds).send([
            "url": .string(url ?? server.base + "/in?key=1"), "body": .string(Base64.encode(Self.body)),
            "headers": [
                ["content-type", "application/cloudevents+json"], ["webhook-id", "e1"], ["webhook-signature", "v1,abc"],
            ],
            "allow": .array(allow.map(JSONValue.string)),
        ])
    }

    private func server(_ reaction: Reaction) throws -> ScriptedServer { try ScriptedServer { _ in reaction } }

    @Test("an event arrives byte for byte with its headers, and what is answered comes back on one line")
    func delivered() async throws {
        let server = try server(.answer(status: 202, headers: [:], body: Array("thank\u{7}s\nall".utf8)))
        defer { server.stop() }
        let answer = await send(server)
        #expect(answer["outcome"]?.string == "delivered" && answer["status"]?.int == 202)
        #expect(answer["answer"]?.string == "thank s all")
        let got = try #require(server.received.first)
        #expect(got.method == "POST" && got.target == "/in?key=1" && got.body == Self.body)
        #expect(got.headers["webhook-id"] == "e1" && got.headers["webhook-signature"] == "v1,abc")
        #expect(got.headers["content-type"] == "application/cloudevents+json")
    }

    @Test(
        "what is answered decides: gone, a pause in seconds, or any other failure",
        arguments: [
            (410, "gone"), (500, "failed"), (404, "failed"), (429, "failed"),
        ])
    func answered(_ status: Int, _ outcome: String) async throws {
        let server = try server(.answer(status: status, headers: ["Retry-After": "120"], body: []))
        defer { server.stop() }
        let answer = await send(server)
        #expect(answer["outcome"]?.string == outcome && answer["retryAfterSeconds"]?.int == 120)
    }

    @Test("a pause that is a date or absurd is not taken as it is")
    func pauses() async throws {
        for (text, seconds) in [("Wed, 21 Oct 2026 07:28:00 GMT", nil), ("999999999", 86_400), ("-5", nil)] as [(String, Int?)] {
            let server = try server(.answer(status: 503, headers: ["Retry-After": text], body: []))
            defer { server.stop() }
            #expect(await send(server)["retryAfterSeconds"]?.int == seconds, "\(text)")
        }
    }

    @Test("a redirect is a failure and is not followed, to the metadata service least of all")
    func redirected() async throws {
        let place = "http://169.254.169.254/latest/meta-data"
        let server = try server(.answer(status: 302, headers: ["Location": place], body: []))
        defer { server.stop() }
        let answer = await send(server)
        #expect(answer["outcome"]?.string == "failed" && answer["status"]?.int == 302, "\(answer)")
        #expect(server.received.count == 1)
    }

    @Test("no entry opens the metadata service, and without an entry an inner address is not dialled")
    func denied() async throws {
        let server = try server(.answer(status: 200, headers: [:], body: []))
        defer { server.stop() }
        let metadata = await send(server, url: "http://169.254.169.254/latest", allow: ["169.254.169.254:80"])
        #expect(metadata["outcome"]?.string == "refused", "\(metadata)")
        #expect(await send(server, allow: [])["outcome"]?.string == "refused")
        #expect(await send(server, url: "https://127.0.0.1/in", allow: [])["outcome"]?.string == "refused")
        #expect(await send(server, url: "https://localhost/in", allow: [])["outcome"]?.string == "refused")
        #expect(await send(server, url: "ftp://example.com/in", allow: [])["outcome"]?.string == "refused")
        #expect(server.received.isEmpty)
    }

    @Test("a receiver that never answers, hangs up, speaks no TLS, or sends far too much is given up within its bounds")
    func hostile() async throws {
        let silent = try server(.silence)
        defer { silent.stop() }
        let late = await send(silent, milliseconds: 300)
        #expect(late["outcome"]?.string == "unreached" && late["status"] == nil, "\(late)")
        let rude = try server(.hangUp)
        defer { rude.stop() }
        #expect(await send(rude)["outcome"]?.string == "unreached")
        let plain = await send(rude, url: "https://127.0.0.1:\(rude.port)/in")
        #expect(plain["outcome"]?.string == "unreached", "\(plain)")
        let flood = Array("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n".utf8) + [UInt8](repeating: 0x61, count: 200_000)
        let wide = try server(.raw(flood))
        defer { wide.stop() }
        let answer = await send(wide)
        #expect(answer["outcome"]?.string == "unreached" && answer.text.utf8.count < 1000, "\(answer)")
        let long = try server(.answer(status: 500, headers: [:], body: [UInt8](repeating: 0xC3, count: 20_000)))
        defer { long.stop() }
        let cut = await send(long)["answer"]?.string ?? ""
        #expect(!cut.isEmpty && cut.utf8.count <= WebhookSender.shownBytesMax + 2)
    }
}
