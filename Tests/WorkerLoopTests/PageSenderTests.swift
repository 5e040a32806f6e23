import Curl
import Kernel
import TestKit
import Testing

@testable import WorkerLoop

@Suite("pages that the platform worker sends")
struct PageSenderTests {
    private static let message = "Subject: [sev2] INC-1\r\n\r\nThe worker does not answer.\r\n.hidden dot\r\n"

    private func mail(
        _ server: ScriptedMailServer, to: String = "tomas@northgate.example", user: String? = nil, password: String? = nil,
        isEncrypted: Bool = false, isAllowed: Bool = true
    ) async -> JSONValue {
        let client = CurlClient()
        defer { client.stop() }
        return await PageSender(client: client).mail(
            [
                "server": .string(server.base), "from": "pager@northgate.example", "to": .string(to),
                "message": .string(Base64.encode(Array(Self.message.utf8))), "user": JSONValue(user),
                "encrypted": .bool(isEncrypted),
                "allow": isAllowed ? [.string("127.0.0.1:\(server.port)")] : [],
            ], password: password)
    }

    private static func polite(_ verb: String) -> String? {
        switch verb {
        case "EHLO": "250-mail.example\r\n250 AUTH PLAIN"
        case "AUTH": "235 welcome"
        case "MAIL", "RCPT", "RSET", "NOOP": "250 Ok"
        case "DATA": "354 go on"
        case ".": "250 2.0.0 queued as 4711"
        case "QUIT": "221 bye"
        default: "502 what"
        }
    }

    @Test("a mail is handed over whole, with its envelope and a signed-in name, and the server's last words come back")
    func accepted() async throws {
        let server = try ScriptedMailServer(Self.polite)
        defer { server.stop() }
        let answer = await mail(server, user: "pager", password: "a secret")
        #expect(answer["outcome"]?.string == "accepted")
        #expect(answer["answer"]?.string?.contains("queued as 4711") == true, "\(answer)")
        let heard = try #require(server.received.first)
        #expect(heard.commands.contains("MAIL FROM:<pager@northgate.example>"))
        #expect(heard.commands.contains("RCPT TO:<tomas@northgate.example>"))
        #expect(heard.commands.contains { $0.hasPrefix("AUTH PLAIN") })
        #expect(
            heard.message == "Subject: [sev2] INC-1\n\nThe worker does not answer.\n..hidden dot",
            "a dot at the margin is doubled")
        #expect(!answer.text.contains("a secret"))
    }

    @Test(
        "a bounce is final, a server that is busy is tried again, and one that hangs up is too",
        arguments: [
            ("RCPT", "550 no such mailbox", "refused"), ("RCPT", "450 mailbox busy", "unreached"),
            (".", "554 too much spam", "refused"), ("MAIL", "421 closing", "unreached"),
        ])
    func declined(verb: String, reply: String, outcome: String) async throws {
        let server = try ScriptedMailServer { $0 == verb ? reply : Self.polite($0) }
        defer { server.stop() }
        let answer = await mail(server)
        #expect(answer["outcome"]?.string == outcome, "\(answer)")
        #expect(answer["answer"]?.string?.contains(reply.prefix(3)) == true, "\(answer)")
    }

    @Test("a server that stalls costs its time and no more, whatever it stalls at", arguments: ["EHLO", "DATA", "."])
    func stalls(verb: String) async throws {
        let server = try ScriptedMailServer { $0 == verb ? nil : Self.polite($0) }
        defer { server.stop() }
        let answer = await mail(server)
        #expect(answer["outcome"]?.string == "unreached")
        #expect(answer["answer"]?.string?.hasPrefix("timed-out") == true, "\(answer)")
    }

    @Test("without an entry nothing goes out unencrypted, a demanded encryption is never given up, and no address makes commands")
    func guarded() async throws {
        let server = try ScriptedMailServer(Self.polite)
        defer { server.stop() }
        #expect(await mail(server, isAllowed: false)["outcome"]?.string == "refused")
        #expect(await mail(server, to: "a@b.example>\r\nRCPT TO:<c@d.example")["outcome"]?.string == "refused")
        #expect(server.received.isEmpty)
        let plain = await mail(server, isEncrypted: true)
        #expect(plain["outcome"]?.string != "accepted", "\(plain)")
        #expect(server.received.allSatisfy { !$0.commands.contains { $0.hasPrefix("MAIL") } })
    }

    @Test(
        "an event is taken, refused for good, or tried again by the status of its answer",
        arguments: [(202, "accepted"), (400, "refused"), (403, "refused"), (429, "unreached"), (503, "unreached")])
    func hooks(status: Int, outcome: String) async throws {
        let server = try ScriptedServer { _ in .json(["status": "x"], status: status) }
        defer { server.stop() }
        let client = CurlClient()
        defer { client.stop() }
        let answer = await PageSender(client: client).hook([
            "url": .string(server.base + "/v2/enqueue"), "body": ["event_action": "trigger"],
            "headers": [["Content-Type", "application/json"], ["webhook-id", "1"]],
            "allow": [.string("127.0.0.1:\(server.port)")],
        ])
        #expect(answer["outcome"]?.string == outcome)
        #expect(answer["answer"]?.string == "status \(status)")
        #expect(server.received.first?.headers["webhook-id"] == "1")
        #expect(server.received.first?.body == Array(#"{"event_action":"trigger"}"#.utf8))
    }
}
