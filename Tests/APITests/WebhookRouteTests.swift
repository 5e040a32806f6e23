import Flow
import Foundation
import Kernel
import Postgres
import Records
import Seals
import Tenancy
import Testing
import WebKernel

@testable import API

@Suite("webhooks from afar")
struct WebhookRouteTests {
    private static let path = "/api/v1/tenants/alpha/webhooks"
    private static let body: JSONValue = [
        "name": "Ledger", "url": "https://ledger.alpha.example/in?key=77", "events": ["run.finished", "run.started"],
    ]

    private func key() -> [(name: String, value: String)] {
        [(name: "Idempotency-Key", value: "k-\(UInt64.random(in: 0 ... .max))")]
    }

    @Test(
        "a webhook is set up, changed, renewed, paused, resumed and removed; its secret and its query are answered nowhere else")
    func life() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            func act(_ method: WebMethod, _ path: String, _ body: JSONValue = [:]) async -> Office.Answer {
                await desk.office.call(method, Self.path + path, as: admin, body: body, headers: key())
            }
            let made = await act(.post, "", Self.body)
            #expect(made.status == 201, "\(made.text)")
            let (id, secret) = (try #require(made.json["id"]?.string), try #require(made.json["secret"]?.string))
            #expect(secret.hasPrefix("whsec_") && made.json["events"] == ["run.started", "run.finished"])
            let changed = await act(.put, "/\(id)", ["name": "Books"])
            #expect(changed.json["name"]?.string == "Books" && changed.json["url"]?.string == "https://ledger.alpha.example/in")
            let renewed = await act(.post, "/\(id)/rotate")
            let next = try #require(renewed.json["secret"]?.string, "\(renewed.text)")
            #expect(next != secret && renewed.json["overlapsUntil"]?.string != nil)
            #expect(await act(.post, "/\(id)/rotate").code == "webhook.rotating")
            #expect(await act(.post, "/\(id)/pause").json["state"]?.string == "paused")
            #expect(await act(.post, "/\(id)/test").code == "webhook.state")
            #expect(await act(.post, "/\(id)/resume").json["state"]?.string == "active")
            let tested = try #require(await act(.post, "/\(id)/test").json["message"]?.string)
            let log = await desk.office.call(.get, Self.path + "/\(id)/deliveries", as: admin)
            #expect(log.json["items"]?[0]?["id"]?.string == tested && log.json["items"]?[0]?["state"]?.string == "queued")
            #expect(await act(.post, "/\(id)/deliveries/\(tested)/replay").code == "webhook.queued")
            let range = "from=2026-01-01T00:00:00Z&to=2099-01-01T00:00:00Z"
            #expect(await act(.get, "/\(id)/replay?\(range)").code == "webhook.range", "the log is not kept for so long")
            #expect(await act(.get, "/\(id)/replay?from=yesterday&to=now").code == "webhook.time")
            #expect(await act(.post, "/\(id)/replay", ["from": "x", "to": "y"]).code == "webhook.time")
            let listed = await desk.office.call(.get, Self.path, as: admin)
            let shown = await desk.office.call(.get, Self.path + "/\(id)", as: admin)
            let page = await desk.office.call(.get, "/t/alpha/webhooks/\(id)", as: admin)
            let pages = await desk.office.call(.get, "/t/alpha/webhooks", as: admin)
            for answer in [listed, shown, page, pages] {
                #expect(answer.status == 200, "\(answer.text.prefix(300))")
                #expect(answer.text.contains("Books"))
                for word in [secret, next, "key=77"] { #expect(!answer.text.contains(word)) }
            }
            let kept = try await desk.office.store.withTenant(try await desk.office.scope("alpha").id) { tx in
                try await tx.query(
                    "SELECT count(*) AS n FROM idempotency WHERE answer::text LIKE \("%whsec_%")"
                ).only().get("n", as: Int64.self)
            }
            #expect(kept == 0, "no answer with a secret is kept")
            #expect(await act(.post, "/\(id)/remove").json["state"]?.string == "removed")
            #expect(await desk.office.call(.get, Self.path + "/\(id)", as: admin).status == 404)
        }
    }

    @Test("who may not, another tenant's people, and what cannot be a webhook are refused with the place of the trouble")
    func refused() async throws {
        try await Desk.with("approver") { desk in
            let admin = try await desk.office.session("tenant-admin", at: "alpha")
            let clerk = try await desk.office.session("ap-clerk", at: "alpha")
            let stranger = try await desk.office.session("tenant-admin", at: "beta")
            func add(_ who: SecretToken, _ change: (inout JSONObject) -> Void = { _ in }) async -> Office.Answer {
                var body = Self.body.object ?? [:]
                change(&body)
                return await desk.office.call(.post, Self.path, as: who, body: .object(body))
            }
            #expect(await add(clerk).status == 403)
            #expect(await desk.office.call(.get, Self.path, as: clerk).status == 403)
            #expect(await desk.office.call(.get, "/t/alpha/webhooks", as: clerk).status == 403)
            #expect(await add(stranger).status == 404)
            #expect(await add(admin) { $0["url"] = "https://169.254.169.254/latest" }.code == "webhook.url")
            #expect(await add(admin) { $0["url"] = "http://ledger.example/in" }.code == "webhook.url")
            #expect(await add(admin) { $0["events"] = ["run.exploded"] }.code == "webhook.events")
            #expect(await add(admin) { $0["events"] = [] }.code == "webhook.events")
            #expect(await add(admin) { $0["events"] = "run.started" }.code == "request.member")
            #expect(await add(admin) { $0["headers"] = ["x-key": "1"] }.code == "request.unknown")
            let made = await add(admin)
            #expect(await add(admin).code == "webhook.name")
            let id = try #require(made.json["id"]?.string)
            for path in ["/\(id)", "/\(id)/deliveries", "/\(id)/replay"] {
                let foreign = "/api/v1/tenants/beta/webhooks" + path
                #expect(await desk.office.call(.get, foreign, as: stranger).status == 404, "\(path)")
            }
            for verb in ["rotate", "pause", "resume", "remove", "test", "replay"] {
                let foreign = "/api/v1/tenants/beta/webhooks/\(id)/\(verb)"
                let answer = await desk.office.call(.post, foreign, as: stranger, body: [:], headers: key())
                #expect(answer.status == 404, "\(verb)")
            }
            for number in 2...WebhookDraft.endpointsMax { _ = await add(admin) { $0["name"] = .string("Ledger \(number)") } }
            #expect(await add(admin) { $0["name"] = "One more" }.code == "webhook.many")
        }
    }

    // MARK: The documented lines

    private static func document(_ from: String = #filePath) throws -> String {
        let parts = from.split(separator: "/").dropLast(3)
        return try String(contentsOfFile: "/" + parts.joined(separator: "/") + "/docs/operating/webhooks.md", encoding: .utf8)
    }

    private static func block(_ language: String, in text: String) throws -> String {
        let begin = try #require(text.range(of: "```\(language)\n"))
        let end = try #require(text.range(of: "\n```", range: begin.upperBound..<text.endIndex))
        return String(text[begin.upperBound..<end.lowerBound])
    }

    private func run(_ program: String, _ script: String, _ variables: [String: String], in folder: URL) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program, "-c", script]
        process.environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        process.currentDirectoryURL = folder
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("the documented lines for a shell and for Python tell a genuine message from a forged one, also during a renewal")
    func documented() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("webhook-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }  // a folder that is left is the system's to clear
        let body = WebhookEvent.sample(.runFinished).json.bytes
        try Data(body).write(to: folder.appendingPathComponent("body"))
        let (old, new) = (WebhookKey(entropy: .system), WebhookKey(entropy: .system))
        let headers = try WebhookSignature.headers(
            id: "01990b6e", timestamp: WallClock.system.now.seconds, body: body, keys: [new, old])
        func value(_ name: String) -> String { headers.first { $0.name == name }?.value ?? "" }
        let text = try Self.document()
        let (shell, python) = (try Self.block("sh", in: text), try Self.block("python", in: text))
        for (secret, id, verdict) in [
            (new.shownText, "01990b6e", "genuine"), (old.shownText, "01990b6e", "genuine"), (new.shownText, "01990b6f", "forged"),
            (WebhookKey(entropy: .system).shownText, "01990b6e", "forged"),
        ] {
            let variables = [
                "SECRET": secret, "ID": id, "TIMESTAMP": value("webhook-timestamp"), "SIGNATURES": value("webhook-signature"),
            ]
            #expect(try run("sh", shell, variables, in: folder) == verdict)
            let call = """
                \(python)
                import os
                given = {"webhook-id": os.environ["ID"], "webhook-timestamp": os.environ["TIMESTAMP"],
                         "webhook-signature": os.environ["SIGNATURES"]}
                print("genuine" if is_genuine(os.environ["SECRET"], given, open("body", "rb").read()) else "forged")
                """
            #expect(try run("python3", call, variables, in: folder) == verdict)
        }
    }

    @Test("the document names every event with all its members")
    func complete() throws {
        let text = try Self.document()
        for type in WebhookEventType.allCases {
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("| `\(type.rawValue)` |") }, "\(type)")
            let named = Set(
                line.split(separator: "|").last.map { $0.split(separator: ",") }?.map { $0.filter { $0.isLetter } } ?? [])
            #expect(named.subtracting(["run"]) == Set(type.members).subtracting(["run"]), "\(type.rawValue)")
        }
    }
}
