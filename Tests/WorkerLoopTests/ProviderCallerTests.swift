import Curl
import Kernel
import TestKit
import Testing

@testable import WorkerLoop

@Suite("questions to an identity provider")
struct ProviderCallerTests {
    private func ask(
        _ server: ScriptedServer, _ act: (ProviderCaller, JSONObject) async -> JSONValue, url: String? = nil
    ) async -> JSONValue {
        let client = CurlClient()
        defer { client.stop() }
        return await act(
            ProviderCaller(client: client),
            ["url": .string(url ?? server.base + "/token"), "allow": [.string("127.0.0.1:\(server.port)")]])
    }

    private func redeem(
        _ server: ScriptedServer, inBody: Bool, secret: String? = "s:cret/+ä", url: String? = nil
    ) async -> JSONValue {
        await ask(
            server,
            { caller, input in
                var input = input
                input["client"] = "counter sign"
                input["secretInBody"] = .bool(inBody)
                input["fields"] = ["grant_type": "authorization_code", "code": "a b&c=d"]
                return await caller.redeem(.object(input), secret: secret)
            }, url: url)
    }

    private func server(_ reaction: Reaction) throws -> ScriptedServer { try ScriptedServer { _ in reaction } }

    @Test("a code is redeemed by a form, and the client proves itself in the header, each part escaped as in a form")
    func header() async throws {
        let server = try server(.answer(status: 200, headers: [:], body: Array(#"{"id_token":"t"}"#.utf8)))
        defer { server.stop() }
        let answer = await redeem(server, inBody: false)
        #expect(answer["outcome"]?.string == "answered" && answer["status"]?.int == 200)
        #expect(answer["body"]?.string.flatMap { Base64.decode($0) } == Array(#"{"id_token":"t"}"#.utf8))
        let got = try #require(server.received.first)
        #expect(got.method == "POST" && got.headers["content-type"] == "application/x-www-form-urlencoded")
        let basic = "Basic " + Base64.encode(Array("counter%20sign:s%3Acret%2F%2B%C3%A4".utf8))
        #expect(got.headers["authorization"] == basic)
        #expect(String(decoding: got.body, as: UTF8.self) == "grant_type=authorization_code&code=a%20b%26c%3Dd")
    }

    @Test("where the provider wants it so, the client proves itself in the form")
    func form() async throws {
        let server = try server(.answer(status: 400, headers: [:], body: Array(#"{"error":"invalid_grant"}"#.utf8)))
        defer { server.stop() }
        #expect(await redeem(server, inBody: true)["status"]?.int == 400)
        let got = try #require(server.received.first)
        #expect(got.headers["authorization"] == nil)
        let end = "&client_id=counter%20sign&client_secret=s%3Acret%2F%2B%C3%A4"
        #expect(String(decoding: got.body, as: UTF8.self).hasSuffix(end))
    }

    @Test("a secret follows no redirect, goes to no place that is not allowed, and never leaves without being one")
    func contained() async throws {
        let server = try server(.answer(status: 307, headers: ["Location": "http://169.254.169.254/"], body: []))
        defer { server.stop() }
        let redirected = await redeem(server, inBody: false)
        #expect(redirected["status"]?.int == 307 && server.received.count == 1)
        for url in ["http://169.254.169.254/token", "http://10.0.0.1/token", "https://localhost:1/token", "file:///etc/passwd"] {
            let answer = await redeem(server, inBody: false, url: url)
            #expect(answer["outcome"]?.string != "answered", "\(url)")
            #expect(!answer.text.contains("cret"), "\(url)")
        }
        for secret in [nil, ""] { #expect(await redeem(server, inBody: false, secret: secret)["outcome"] == "refused") }
        #expect(server.received.count == 1)
    }

    @Test("a document is fetched whole up to a bound, and nothing beyond it")
    func bounded() async throws {
        let large = Array(repeating: UInt8(ascii: " "), count: ProviderCaller.answerBytesMax + 1)
        for (bytes, outcome) in [(large.dropLast(), "answered"), (large[...], "unreached")] {
            let server = try server(.answer(status: 200, headers: [:], body: Array(bytes)))
            defer { server.stop() }
            let answer = await ask(server, { await $0.get(.object($1)) })
            #expect(answer["outcome"]?.string == outcome)
        }
    }
}
