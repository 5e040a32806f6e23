import Curl
import Glibc
import Kernel
import Testing

@Suite("Requests through libcurl")
struct CurlTests {
    private func failure(_ client: CurlClient, _ request: HTTPRequest) async -> CurlFailure? {
        do throws(CurlFailure) {
            _ = try await client.perform(request)
            return nil
        } catch {
            return error
        }
    }

    private func loopback(_ server: ScriptedServer) -> EgressPolicy {
        EgressPolicy(entries: [EgressPolicy.Entry("127.0.0.1:\(server.port)")!])
    }

    @Test("an answer comes with its status, headers and body, and a redirect is an answer and not a journey")
    func answers() async throws {
        let server = try ScriptedServer { request in
            request.target == "/moved"
                ? .answer(status: 302, headers: ["Location": "http://127.0.0.1:1/elsewhere"], body: [])
                : .answer(
                    status: 201, headers: ["ETag": "W/\"1\"", "Content-Type": "application/json"],
                    body: Array("{\"ok\":true}".utf8))
        }
        defer { server.stop() }
        let client = CurlClient()
        let response = try await client.perform(
            HTTPRequest(
                .post, server.base + "/bills", headers: [HTTPHeader("Content-Type", "application/json")], body: Array("{}".utf8),
                egress: loopback(server)))
        #expect(response.status == 201)
        #expect(response.header("etag") == "W/\"1\"")
        #expect(String(decoding: response.body, as: UTF8.self) == "{\"ok\":true}")
        #expect(response.peer == "127.0.0.1")
        let moved = try await client.perform(HTTPRequest(.get, server.base + "/moved", egress: loopback(server)))
        #expect(moved.status == 302)
        #expect(server.received.map(\.target) == ["/bills", "/moved"])
        let first = try #require(server.received.first)
        #expect(first.method == "POST")
        #expect(first.headers["user-agent"] == "countersign/1")
        #expect(first.headers["accept-encoding"] == "gzip")
        #expect(first.headers["expect"] == nil)
        #expect(first.body == Array("{}".utf8))
    }

    @Test("a failure before sending is told apart from one after it, which decides between trying again and doubt")
    func beforeAndAfterSending() async throws {
        let client = CurlClient()
        let silent = try ScriptedServer { _ in .silence }
        defer { silent.stop() }
        let late = try #require(
            await failure(
                client, HTTPRequest(.post, silent.base + "/", body: [1], totalTimeoutMilliseconds: 150, egress: loopback(silent)))
        )
        #expect(late.kind == .timedOut)
        #expect(late.mayHaveBeenSent)
        #expect(silent.received.count == 1)

        let rude = try ScriptedServer { _ in .hangUp }
        let lost = try #require(await failure(client, HTTPRequest(.post, rude.base + "/", body: [1], egress: loopback(rude))))
        #expect(lost.kind == .brokenAnswer)
        #expect(lost.mayHaveBeenSent)
        rude.stop()
        let refused = try #require(await failure(client, HTTPRequest(.post, rude.base + "/", body: [1], egress: loopback(rude))))
        #expect(refused.kind == .connectFailed)
        #expect(!refused.mayHaveBeenSent)

        let unknown = try #require(
            await failure(client, HTTPRequest(.get, "https://no-such-host.invalid/", connectTimeoutMilliseconds: 3_000)))
        #expect(unknown.kind == .nameNotResolved || unknown.kind == .timedOut)
        #expect(!unknown.mayHaveBeenSent)
    }

    @Test("after its deadline a request is not sent at all")
    func deadline() async throws {
        let server = try ScriptedServer { _ in .json([:]) }
        defer { server.stop() }
        let client = CurlClient()
        let past = try #require(
            await failure(
                client,
                HTTPRequest(
                    .post, server.base + "/", body: [1], deadline: WallClock.system.now.adding(seconds: -1),
                    egress: loopback(server))))
        #expect(past.kind == .timedOut)
        #expect(!past.mayHaveBeenSent)
        #expect(server.received.isEmpty)
    }

    @Test("a write whose kept connection dies is not sent a second time behind our back")
    func noSilentRepetition() async throws {
        let server = try ScriptedServer { request in request.method == "GET" ? .json([:]) : .hangUp }
        defer { server.stop() }
        let client = CurlClient()
        _ = try await client.perform(HTTPRequest(.get, server.base + "/warm", egress: loopback(server)))
        let lost = try #require(
            await failure(client, HTTPRequest(.post, server.base + "/bills", body: [1], egress: loopback(server))))
        #expect(lost.mayHaveBeenSent)
        #expect(server.received.filter { $0.method == "POST" }.count == 1)
    }

    @Test("reads share a connection, writes do not")
    func connections() async throws {
        let server = try ScriptedServer { _ in .json([:]) }
        defer { server.stop() }
        let client = CurlClient()
        for method in [HTTPMethod.get, .get, .post, .post] {
            _ = try await client.perform(
                HTTPRequest(method, server.base + "/", body: method == .post ? [1] : nil, egress: loopback(server)))
        }
        let used = server.received.map(\.connection)
        #expect(used[0] == used[1])
        #expect(Set(used[2...]).count == 2)
        #expect(used[2] != used[0])
    }

    @Test("an answer larger than its bound is cut off, packed or not")
    func bounds() async throws {
        // 100,000 zero bytes, packed by gzip.
        let bomb = try #require(
            Base64.decode(
                "H4sIAAAAAAAC/+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                    + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIBXA32VEdSghgEA"
            ))
        let server = try ScriptedServer { request in
            switch request.target {
            case "/packed": .answer(status: 200, headers: ["Content-Encoding": "gzip"], body: bomb)
            case "/told": .answer(status: 200, headers: [:], body: [UInt8](repeating: 65, count: 50_000))
            default: .raw(Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + [UInt8](repeating: 65, count: 50_000))
            }
        }
        defer { server.stop() }
        let client = CurlClient()
        let whole = try await client.perform(
            HTTPRequest(.get, server.base + "/packed", maxBodyBytes: 200_000, egress: loopback(server)))
        #expect(whole.body.count == 100_000)
        for path in ["/packed", "/told", "/untold"] {
            let failure = try #require(
                await failure(client, HTTPRequest(.get, server.base + path, maxBodyBytes: 20_000, egress: loopback(server))),
                "\(path)")
            #expect(failure.kind == .tooLarge, "\(path)")
            #expect(failure.mayHaveBeenSent)
        }
    }

    @Test("an answer that claims gzip and is not has a name of its own, and so has one that is not HTTP")
    func wrongEncoding() async throws {
        let server = try ScriptedServer { request in
            request.target == "/gzip"
                ? .answer(
                    status: 200, headers: ["Content-Encoding": "gzip", "Content-Type": "application/json"],
                    body: Array("{\"plain\":1}".utf8))
                : .raw(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8))
        }
        defer { server.stop() }
        let client = CurlClient()
        #expect(await failure(client, HTTPRequest(.get, server.base + "/gzip", egress: loopback(server)))?.kind == .badEncoding)
        #expect(await failure(client, HTTPRequest(.get, server.base + "/ssh", egress: loopback(server)))?.kind == .brokenAnswer)
    }

    @Test("the server's unix socket is dialled without an egress entry, and nothing else is")
    func unixSocket() async throws {
        let path = "/tmp/countersign-curl-\(getpid()).sock"
        let server = try ScriptedServer(socketPath: path) { request in .json(["target": .string(request.target)]) }
        defer { server.stop() }
        let client = CurlClient()
        let response = try await client.perform(HTTPRequest(.get, "http://server/handoff", unixSocketPath: path))
        #expect(try JSONValue(parsing: response.body)["target"] == "/handoff")
        let gone = try #require(await failure(client, HTTPRequest(.get, "http://server/", unixSocketPath: path + ".missing")))
        #expect(gone.kind == .connectFailed)
        #expect(!gone.mayHaveBeenSent)
    }

    @Test("a cancelled task ends its transfer, and a stopped client ends them all")
    func cancelling() async throws {
        let server = try ScriptedServer { _ in .silence }
        defer { server.stop() }
        let client = CurlClient()
        let policy = loopback(server)
        let url = server.base + "/"
        let waiting = Task { await failure(client, HTTPRequest(.get, url, egress: policy)) }
        while server.received.isEmpty { await Task.yield() }
        waiting.cancel()
        #expect(await waiting.value?.kind == .cancelled)
        let other = Task { await failure(client, HTTPRequest(.get, url, egress: policy)) }
        while server.received.count < 2 { await Task.yield() }
        client.stop()
        let ended = await other.value
        #expect(ended?.kind == .clientStopped)
        #expect(ended?.mayHaveBeenSent == true)
        #expect(await failure(client, HTTPRequest(.get, url, egress: policy))?.kind == .clientStopped)
        #expect(client.openTransfers == 0)
    }

    @Test("a hundred transfers at once all come back")
    func many() async throws {
        let server = try ScriptedServer { request in .json(["target": .string(request.target)]) }
        defer { server.stop() }
        let client = CurlClient()
        let policy = loopback(server)
        let base = server.base
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let response = try await client.perform(HTTPRequest(.get, "\(base)/\(number)", egress: policy))
                    return try JSONValue(parsing: response.body)["target"]?.string ?? ""
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(answers.count == 100)
    }

    @Test("headers that could start another header are refused before anything is dialled")
    func headerInjection() async throws {
        let client = CurlClient()
        for header in [
            HTTPHeader("X-A", "b\r\nX-Evil: 1"), HTTPHeader("X-A\r\nX-B", "c"), HTTPHeader("", "x"), HTTPHeader("A B", "x"),
        ] {
            let failure = await failure(client, HTTPRequest(.get, "https://example.com/", headers: [header]))
            #expect(failure?.kind == .invalidRequest)
        }
    }
}

@Suite("Which addresses may be dialled")
struct EgressTests {
    private func url(_ text: String) throws -> OutboundURL { try OutboundURL(text) }

    @Test(
        "private, local and special addresses are denied, public ones are not",
        arguments: [
            ("127.0.0.1", false), ("10.1.2.3", false), ("100.63.255.254", true), ("100.64.0.1", false),
            ("169.254.169.254", false),
            ("168.63.129.16", false), ("172.15.255.255", true), ("172.16.0.1", false), ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("192.0.2.1", false), ("198.18.0.1", false), ("198.20.0.1", true), ("203.0.113.9", false), ("224.0.0.1", false),
            ("255.255.255.255", false), ("0.0.0.0", false), ("8.8.8.8", true), ("::1", false), ("::", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", true), ("64:ff9b::808:808", false), ("64:ff9c::1", true), ("fe80::1", false), ("fec0::1", false),
            ("fd00::1", false),
            ("2001:db8::1", false), ("2002:808:808::1", false), ("2001::1", false), ("ff02::1", false), ("2606:4700::1111", true),
            ("3fff::1", false), ("5f00::1", false), ("100::1", false),
        ])
    func denyList(address: String, isAllowed: Bool) throws {
        let target = try #require(NetworkAddress(address))
        #expect(EgressPolicy().permits(target, for: try url("https://erp.example/")) == isAllowed, "\(address)")
    }

    @Test("an entry opens one host and port into one range, and metadata services stay closed whatever it says")
    func entries() throws {
        let policy = EgressPolicy(entries: [
            EgressPolicy.Entry("erp.example:8069/10.20.0.0/16")!, EgressPolicy.Entry("meta.example:80/0.0.0.0/0")!,
            EgressPolicy.Entry("127.0.0.1:7411")!, EgressPolicy.Entry("[fd00::5]:8443")!,
        ])
        let erp = try url("http://erp.example:8069/api")
        #expect(policy.objection(to: erp) == nil)
        #expect(policy.permits(NetworkAddress("10.20.3.4")!, for: erp))
        #expect(!policy.permits(NetworkAddress("10.21.0.1")!, for: erp))
        #expect(!policy.permits(NetworkAddress("8.8.8.8")!, for: erp), "plain http goes only where the entry says")
        #expect(
            policy.permits(NetworkAddress("8.8.8.8")!, for: try url("https://erp.example:8069/")),
            "an encrypted one may be public as well")
        #expect(!policy.permits(NetworkAddress("10.20.3.4")!, for: try url("https://other.example/")))
        #expect(!policy.permits(NetworkAddress("169.254.169.254")!, for: try url("http://meta.example/")))
        #expect(policy.permits(NetworkAddress("fd00::5")!, for: try url("https://[fd00::5]:8443/")))
        #expect(policy.objection(to: try url("http://erp.example/")) != nil, "another port of the same host")
        #expect(policy.objection(to: try url("https://erp.example:22/")) != nil)
        #expect(EgressPolicy().objection(to: try url("https://erp.example:8443/")) == nil)
        for text in [
            "", "host", "host:0", "host:70000", "host:80", "host:80/10.0.0.0", "ho st:80/10.0.0.0/8", "host:80/10.0.0.0/33",
            "u@h:80/::/0",
        ] {
            #expect(EgressPolicy.Entry(text) == nil, "\(text)")
        }
    }

    @Test("odd spellings of an address are read as libcurl dials them, and are denied like the plain one")
    func spellings() throws {
        for text in ["http://127.1/", "http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/"] {
            #expect(try url(text).host == "127.0.0.1", "\(text)")
        }
        for text in [
            "ftp://example.com/", "file:///etc/passwd", "http://user:pw@example.com/", "https://example.com/#top",
            "https://exa mple.com/",
            "http://127.0.0.1%00.a.example/", "gopher://x/", "https://", "relative/path", "https://example.com/\r\nX: y",
        ] {
            #expect(throws: CurlFailure.self, "\(text)") { try OutboundURL(text) }
        }
    }

    @Test("a denied address fails the transfer before anything is sent, also for a name that resolves to it")
    func guarded() async throws {
        let server = try ScriptedServer { _ in .json([:]) }
        defer { server.stop() }
        let client = CurlClient()
        // The name is allowed, but not into loopback.
        let policy = EgressPolicy(entries: [EgressPolicy.Entry("localhost:\(server.port)/10.0.0.0/8")!])
        do throws(CurlFailure) {
            _ = try await client.perform(HTTPRequest(.get, "http://localhost:\(server.port)/", egress: policy))
            Issue.record("the transfer went through")
        } catch {
            #expect(error.kind == .addressDenied)
            #expect(!error.mayHaveBeenSent)
        }
        #expect(server.received.isEmpty)
        // A connection opened under a wider policy does not serve a narrower one.
        let open = EgressPolicy(entries: [
            EgressPolicy.Entry("localhost:\(server.port)/127.0.0.0/8")!, EgressPolicy.Entry("localhost:\(server.port)/::1/128")!,
        ])
        _ = try await client.perform(HTTPRequest(.get, "http://localhost:\(server.port)/", egress: open))
        await #expect(throws: CurlFailure.self) {
            _ = try await client.perform(HTTPRequest(.get, "http://localhost:\(server.port)/", egress: policy))
        }
        #expect(server.received.count == 1)
    }
}
