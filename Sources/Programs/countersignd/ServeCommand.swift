import ArgumentParser
import Flow
import Glibc
import Kernel
import Logging
import Postgres
import ServiceLifecycle
import Supervision
import UnixSignals

/// Runs the server until it is asked to stop.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "serve", abstract: "Runs the server until SIGTERM or SIGINT.")

    @OptionGroup var options: DataOptions

    @Option(help: "What this process does beside answering: nothing more (web), or run lanes and workers (workers, all).")
    var role = ServerRole.all

    @Option(help: "Address of the API and the console.")
    var host = "127.0.0.1"

    @Option(help: "Port of the API and the console; 0 takes any free one.")
    var port = 7400

    @Option(help: "File that receives the port once the server listens.")
    var portFile: String?

    @Option(help: "Folder whose files are taken in, one subfolder a tenant.")
    var dropFolder: String?

    @Option(help: "Folder for signed checkpoints of the audit logs, best on another machine's disk; may be given more than once.")
    var auditFolder: [String] = []

    @Option(help: "First user id for tenants' workers, when the server may change users; 0 shares the server's own.")
    var workerUid: UInt32 = 61_000

    @Option(help: "Seconds without work after which a worker ends.")
    var workerIdleSeconds: Int64 = 300

    @Option(help: "Database connections this process may open; by default as many as its lanes and everything else need.")
    var databaseConnections: Int?

    @Flag(help: "The server is reached through TLS, so cookies are marked for it.")
    var secureCookies = false

    @Option(help: "Address of a proxy in front of this server, whose X-Forwarded-For is believed; may be given more than once.")
    var proxy: [String] = []

    @Option(
        help: "Address under which people reach the console, such as https://console.example.com; links in mails begin with it.")
    var publicAddress: String?

    @OptionGroup var sessions: SessionOptions

    /// With a given database the data directory does not last, and checkpoints stay in the database until a folder is named.
    private func auditFolders(_ paths: DataPaths, _ logger: Logger) -> [String] {
        if !auditFolder.isEmpty { return auditFolder }
        guard environment("DATABASE_URL") != nil else { return [paths.auditFolder] }
        logger.warning("checkpoints of the audit logs do not leave the database; name a folder with --audit-folder")
        return []
    }

    func run() async throws {
        let logger = options.logger("countersignd")
        do {
            let paths = options.paths
            let address = try PublicAddress.settled(publicAddress, host: host, port: port)
            let events = ClusterEvents()
            let flow = FlowSettings(replica: "server")
            if let databaseConnections { try flow.check(connections: databaseConnections) }
            let database = try await Database.open(
                paths, logger: logger, endsWithUs: false, connections: databaseConnections ?? flow.connectionsMin
            ) { events.note($0) }
            let applied = try await Migrations.run(database.store)
            if !applied.isEmpty { logger.info("schema migrated", metadata: ["applied": "\(applied.joined(separator: ", "))"]) }
            let settings = ServerSettings(
                role: role, paths: paths, auditFolders: auditFolders(paths, logger), host: host, port: port, portFile: portFile,
                dropFolder: dropFolder,
                workerUID: geteuid() == 0 && workerUid != 0 ? workerUid : nil,
                workerIdleSeconds: workerIdleSeconds, isSecure: secureCookies, proxies: Set(proxy), publicAddress: address,
                sessions: sessions.bounds)
            let server = try Assembly(database: database, settings: settings, events: events, logger: logger)
            let ended = await server.supervisor.endOrphans()
            if ended > 0 { logger.notice("workers of an earlier life ended", metadata: ["count": "\(ended)"]) }
            var quiet = Logger(label: "services", factory: { _ in SwiftLogNoOpLogHandler() })
            quiet.logLevel = .critical
            let group = ServiceGroup(
                configuration: ServiceGroupConfiguration(
                    services: server.services.map {
                        .init(
                            service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
                            failureTerminationBehavior: .gracefullyShutdownGroup)
                    }, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
            try await group.run()
            logger.info("stopped")
        } catch {
            throw complain(error)
        }
    }
}

/// Which parts of the server run in this process; the parts of several processes meet in the database.
enum ServerRole: String, ExpressibleByArgument, CaseIterable, Sendable {
    case web, workers, all

    var runsWork: Bool { self != .web }
}

/// What the command line decided.
struct ServerSettings: Sendable {
    let role: ServerRole
    let paths: DataPaths
    let auditFolders: [String]
    let host: String
    let port: Int
    let portFile: String?
    let dropFolder: String?
    let workerUID: UInt32?
    let workerIdleSeconds: Int64
    let isSecure: Bool
    let proxies: Set<String>
    let publicAddress: String?
    let sessions: SessionBounds
}

/// Where people reach the console.
enum PublicAddress {
    /// The address as it was given; on this machine alone, unless one was given, the port that is listened on.
    static func settled(_ given: String?, host: String, port: Int) throws -> String? {
        guard let given else { return host == "127.0.0.1" && port != 0 ? "http://127.0.0.1:\(port)" : nil }
        let rest = ["https://", "http://"].first { given.hasPrefix($0) }.map { given.dropFirst($0.count) }
        let isUsual = rest.map { rest in
            (1...253).contains(rest.utf8.count)
                && rest.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || ".-:[]".contains($0)) }
        }
        guard isUsual == true else {
            throw ValidationError("--public-address is a scheme and a host alone, such as https://console.example.com.")
        }
        return given
    }
}

/// How long a session lasts, and a proof in it; in seconds.
struct SessionBounds: Sendable {
    let idle: Int64
    let absolute: Int64
    let proof: Int64
}

/// How long people stay signed in.
struct SessionOptions: ParsableArguments {
    @Option(help: "Minutes without a request after which a session ends, 1 to 120.")
    var sessionIdleMinutes = SigningIn.idleSeconds / 60

    @Option(help: "Hours after which a session ends however busy it was, 1 to 24.")
    var sessionHours = SigningIn.absoluteSeconds / 3600

    @Option(help: "Minutes for which a proof that the person is there stays fresh, 1 to 30.")
    var proofMinutes: Int64 = 5

    var bounds: SessionBounds {
        SessionBounds(idle: sessionIdleMinutes * 60, absolute: sessionHours * 3600, proof: proofMinutes * 60)
    }

    func validate() throws {
        guard (1...120).contains(sessionIdleMinutes), (1...24).contains(sessionHours), (1...30).contains(proofMinutes) else {
            throw ValidationError(
                "Sessions: idle for 1 to 120 minutes, 1 to 24 hours in all, and a proof fresh for 1 to 30 minutes.")
        }
    }
}

/// A part of the server as a service: runs until asked to stop, and is then cancelled.
struct Part: Service {
    let name: String
    let body: @Sendable () async throws -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await body() }
        } catch is CancellationError {
            // Being cancelled is how a part is asked to stop.
        }
    }
}

/// A part that knows itself how to stop gracefully: a listening server finishes what it answers.
struct GracefulPart: Service {
    let body: @Sendable () async throws -> Void

    func run() async throws { try await body() }
}

/// What the private database lived through, for the watchdog.
final class ClusterEvents: Sendable {
    private let deaths = Locked(0)

    func note(_ event: ClusterEvent) {
        if case .died = event { deaths.withLock { $0 += 1 } }
    }

    /// Deaths since the last question.
    func take() -> Int {
        deaths.withLock { count in
            defer { count = 0 }
            return count
        }
    }
}
