import ArgumentParser
import Curl
import Glibc
import Incidents
import Kernel
import Logging
import Postgres
import Telemetry

/// The watchdog's program.
@main
struct CountersignWatchdog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "countersign-watchdog", abstract: "Calls people when the control plane itself is ill.",
        discussion: """
            Looks at each server's readiness and, with DATABASE_URL, at the age of the newest sign of life in the database. It
            keeps nothing: trouble that stands when it starts is told of again.

            Exit codes: 0 ended by a signal, or all is well with --once; 1 refused, or with --once something is ill; 64 wrong
            usage.
            """)

    @Option(help: "The file that says what is looked at and who is called.")
    var config: String

    @Option(help: "Least important log line: debug, info, notice, warning, error.")
    var log = "info"

    @Flag(help: "Look once, say what was found, call nobody.")
    var once = false

    func run() async throws {
        let logger = JSONLogHandler.logger(
            "countersign-watchdog", level: Logger.Level(rawValue: log) ?? .info, clock: .system)
        let settings: WatchSettings
        do {
            settings = try WatchSettings(file: config)
        } catch {
            complain("\((error as? Refusal)?.message ?? "\(error)")")
            throw ExitCode.failure
        }
        let dsn = getenv("DATABASE_URL").map { String(cString: $0) } ?? ""
        guard settings.beatSecondsMax == nil || !dsn.isEmpty else {
            complain("The file asks for the database, and DATABASE_URL is not set.")
            throw ExitCode.failure
        }
        let limits = ConnectionPool.Limits(connectionsMax: 4)
        let store =
            settings.beatSecondsMax == nil
            ? nil : Store(Store.Settings(directDSN: dsn, pooledDSN: nil, direct: limits, pooled: limits), logger: logger)
        let client = CurlClient()
        let calling = Calling(settings: settings, client: client, logger: logger)
        let watch = Watch(settings: settings, client: client, store: store, calling: calling, logger: logger)
        if once {
            let findings = await watch.look()
            for finding in findings { print("\(finding.subject): \(finding.trouble ?? "well")") }
            if findings.contains(where: { $0.trouble != nil }) { throw ExitCode.failure }
            return
        }
        logger.notice("watching", metadata: ["servers": "\(settings.servers.count)", "channels": "\(settings.channels.count)"])
        await watch.run()
    }

    private func complain(_ text: String) {
        let bytes = Array("countersign-watchdog: \(text)\n".utf8)
        _ = write(2, bytes, bytes.count)
    }
}
