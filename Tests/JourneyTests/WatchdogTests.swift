import Curl
import Glibc
import Kernel
import Showcase
import TestBasics
import TestKit
import Testing

/// The real watchdog beside a real server with its private database, which are killed.
@Suite("the watchdog calls when the control plane is gone", .serialized)
struct WatchdogTests {
    private static let patienceSeconds = 90

    /// What the mail server was told, waited for.
    private func heard(_ mail: ScriptedMailServer, _ what: String, _ words: String...) async throws -> String {
        @Sendable func found() -> String? {
            mail.received.map(\.message).first { text in words.allSatisfy { text.contains($0) } }
        }
        if try await eventually(withinMilliseconds: Self.patienceSeconds * 1000, { found() != nil }), let mail = found() {
            return mail
        }
        let subjects = mail.received.flatMap { $0.message.split(separator: "\n").filter { $0.hasPrefix("Subject") } }
        throw Fault("waiting for \(what)", "mails so far: \(subjects)", isRetryable: false)
    }

    @Test("database and server are killed: a mail for each arrives, and the all-clear after both are back")
    func killed() async throws {
        let folder = "/tmp/countersign-watchdog-\(getpid())"
        try OwnFolder.claim(folder, flavour: "journeys", replaces: true)
        defer { Folder.remove(folder) }
        let mail = try ScriptedMailServer { verb in
            switch verb {
            case "DATA": "354 go on"
            case "QUIT": "221 bye"
            default: "250 ok"
            }
        }
        defer { mail.stop() }
        let installation = try Installation(
            Installation.Settings(folder: folder, tenants: Checkout.root + "/Tenants"))
        try await installation.start([])
        let config: JSONValue = [
            "site": "North", "servers": [.string(installation.address)], "database": ["beatSecondsMax": 60],
            "everySeconds": 1, "failuresMin": 2, "repeatSeconds": 3600,
            "channels": [
                [
                    "kind": "mail", "server": .string(mail.base), "from": "watch@north.example", "to": "duty@north.example",
                    "encrypted": false,
                ]
            ],
        ]
        try Folder.write(config.bytes, to: folder + "/watchdog.json")
        let watchdog = try installation.processes.start(
            "countersign-watchdog", ["--config", folder + "/watchdog.json"],
            variables: ["DATABASE_URL": "host='\(installation.dataFolder)/postgres/run' user='countersign' dbname='countersign'"])
        do {
            let server = try #require(installation.serverPid)
            let database = try #require(installation.databasePid)
            kill(server, SIGKILL)
            kill(database, SIGKILL)
            let gone = try await heard(
                mail, "the page about the server", "Subject: [North] server \(installation.address) is ill")
            #expect(gone.contains("To: <duty@north.example>"))
            _ = try await heard(mail, "the page about the database", "Subject: [North] the database is ill")
            #expect(watchdog.ending == nil)
            try await installation.startServer()
            _ = try await heard(mail, "the server's all-clear", "Subject: [North] server \(installation.address) is well again")
            _ = try await heard(mail, "the database's all-clear", "Subject: [North] the database is well again")
            // Each was said once.
            let subjects = mail.received.flatMap { $0.message.split(separator: "\n").filter { $0.hasPrefix("Subject") } }
            #expect(Set(subjects).count == subjects.count, "\(subjects)")
        } catch {
            await installation.stop()
            throw error
        }
        await installation.stop()
    }
}
