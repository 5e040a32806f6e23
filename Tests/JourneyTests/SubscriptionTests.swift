import Curl
import Glibc
import Kernel
import Showcase
import TestBasics
import TestKit
import Testing

/// The real product with a mail server that writes down what it is given: a reader asks by the form, confirms by the mail, and is
/// told once though the server is killed.
@Suite("a reader subscribes to a status page", .serialized)
struct SubscriptionTests {
    private static let reader = "reader@readers.example"

    /// Mails to the reader so far, with what each holds unpacked.
    private func mails(_ server: ScriptedMailServer) -> [(head: String, text: String)] {
        server.received.map(\.message).filter { $0.contains("To: <\(Self.reader)>") }.map { message in
            var blocks: [[Substring]] = [[]]
            for line in message.split(separator: "\n", omittingEmptySubsequences: false) {
                if line.isEmpty { blocks.append([]) } else { blocks[blocks.count - 1].append(line) }
            }
            // The headers, those of the first part, and the text of it up to the next part.
            let packed = blocks.count > 2 ? blocks[2].prefix { !$0.hasPrefix("--") }.joined() : ""
            let text = Base64.decode(packed).map { String(decoding: $0, as: UTF8.self) } ?? ""
            return (blocks[0].joined(separator: "\n"), text)
        }
    }

    private func waiting(
        _ server: ScriptedMailServer, _ count: Int, for what: String
    ) async throws -> [(head: String, text: String)] {
        try await Patience.wait(seconds: Stage.patienceSeconds, for: what) {
            let all = mails(server)
            return all.count >= count ? all : nil
        }
    }

    /// The link of a mail as a path on the server.
    private func link(_ text: String) throws -> String {
        let place = try #require(text.firstRange(of: "/status-mail/"))
        return "/status-mail/"
            + text[place.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" }
    }

    private func form(_ api: ServerAPI, _ path: String, _ text: String) async throws -> (status: Int, text: String) {
        let answer = try await api.exchange(
            .post, path, headers: [HTTPHeader("Content-Type", "application/x-www-form-urlencoded")], body: Array(text.utf8))
        return (answer.status, String(decoding: answer.body, as: UTF8.self))
    }

    @Test("the mail to confirm, one mail an update though the server dies in between, and none after the link that ends it")
    func whole() async throws {
        let folder = "/tmp/countersign-subscriptions-\(getpid())"
        try OwnFolder.claim(folder, flavour: "journeys", replaces: true)
        defer { Folder.remove(folder) }
        let server = try ScriptedMailServer { verb in
            switch verb {
            case "DATA": "354 go on"
            case "QUIT": "221 bye"
            default: "250 ok"
            }
        }
        defer { server.stop() }
        let mail = """

            mail:
              server: smtp://127.0.0.1:\(server.port)
              from: status@northgate.example
              tls: none
              allow: ["127.0.0.1:\(server.port)/127.0.0.0/8"]

            """
        // A server whose port is chosen for it knows no address to put into mails.
        let (taken, port) = try Loopback.listen(backlog: 1)
        close(taken)
        let installation = try Installation(
            Installation.Settings(folder: folder, tenants: Checkout.root + "/Tenants", port: port) { path, text in
                path == "operator/on-call/platform.yaml" ? text + mail : text
            })
        let tenant = SampleTenant.brightwater
        try await installation.start([])
        do {
            try await installation.setPasswords([tenant.admin])
            let admin = try await installation.tenant(tenant, as: tenant.admin)
            let made = try await admin.put(
                "status-page", ["revision": 0, "audience": "anybody", "title": "Brightwater", "language": "de"])
            let address = try #require(made["page"]?["address"]?.string)
            let reader = ServerAPI(installation.address)
            let asked = try await form(reader, "\(address)/subscribers", "channel=mail&address=Reader%40readers.example")
            #expect(asked.status == 200 && asked.text.contains("Fast fertig"))
            let confirm = try #require(try await waiting(server, 1, for: "the question").first)
            let question = try link(confirm.text)
            let shown = try await reader.exchange(.get, question, headers: [], body: nil)
            #expect(shown.status == 200 && String(decoding: shown.body, as: UTF8.self).contains("Möchten Sie diese Meldungen?"))
            #expect(try await form(reader, question, "").text.contains("Sie werden benachrichtigt"))
            #expect(try await form(reader, question, "").status == 404, "a link confirms once")

            let notice: JSONValue = ["title": "Buchungen warten", "text": "Keine geht verloren.", "publish": true]
            _ = try await admin.post("status-page/notices", notice)
            await installation.killServer()
            try await installation.startServer()
            let told = try await waiting(server, 2, for: "the update after the kill")[1]
            #expect(
                told.text.contains("Keine geht verloren.")
                    && told.head.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"))
            let back = try await installation.tenant(tenant, as: tenant.admin)
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the proof of it") { () -> Bool? in
                let sent = try await back.items("status-page/deliveries")
                return sent.allSatisfy { $0["state"] == "delivered" } ? true : nil
            }
            #expect(try await form(reader, try link(told.head), "List-Unsubscribe=One-Click").status == 200)
            _ = try await back.post("status-page/notices", notice)
            let other = try await form(reader, "\(address)/subscribers", "channel=mail&address=other%40readers.example")
            #expect(other.status == 200)
            // Once the question to another has arrived, everything before it has been gone through.
            _ = try await Patience.wait(seconds: Stage.patienceSeconds, for: "the other question") { () -> Bool? in
                server.received.contains { $0.message.contains("To: <other@readers.example>") } ? true : nil
            }
            #expect(mails(server).count == 2, "\(mails(server).map(\.head))")
            let log = try await back.items("audit").map(\.text).joined()
            #expect(!log.contains("readers.example"))
        } catch {
            await installation.stop()
            throw error
        }
        await installation.stop()
    }
}
