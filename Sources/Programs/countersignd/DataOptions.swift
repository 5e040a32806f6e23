import ArgumentParser
import Glibc
import Kernel
import Logging
import Postgres
import Seals
import Telemetry

/// Where the data lies; shared by all commands.
struct DataOptions: ParsableArguments {
    @Option(help: "Directory of the private database, the keys and the sockets.")
    var data = "/var/lib/countersign"

    @Option(help: "Least important log line: debug, info, notice, warning, error.")
    var log = "info"

    func logger(_ label: String) -> Logger {
        JSONLogHandler.logger(label, level: Logger.Level(rawValue: log) ?? .info, clock: .system)
    }

    var paths: DataPaths { DataPaths(root: data.hasPrefix("/") ? data : currentDirectory() + "/" + data) }

    private func currentDirectory() -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        guard getcwd(&buffer, buffer.count) != nil else { return "." }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The files of an installation.
struct DataPaths: Sendable {
    let root: String

    var cluster: String { root + "/postgres" }
    var keys: String { root + "/keys" }
    /// What signs checkpoints of audit logs.
    var auditKeys: String { root + "/audit-keys" }
    /// Checkpoints of audit logs, where no other folder is given and the data directory lasts.
    var auditFolder: String { root + "/audit" }

    /// The keys that sign checkpoints: those of the file, which is made where the data directory lasts; a server that keeps
    /// nothing (it works with a given database) and has no such file derives them from the key ring, as every other one does.
    func signing() throws -> SigningRing {
        if access(auditKeys, F_OK) == 0 || environment("DATABASE_URL") == nil {
            return SigningRing(try KeyRing.loadOrCreate(auditKeys))
        }
        return SigningRing(derivedFrom: try KeyRing.loadOrCreate(keys))
    }
    /// Workers of other users connect here, so the directory may be passed through and the socket carries its own authority.
    var sockets: String { root + "/run" }
    var handoff: String { sockets + "/handoff.sock" }
    var workers: String { root + "/workers" }

    func make() throws(Refusal) {
        // The root can be passed through (the database and the workers have users of their own); what is inside says who enters.
        for (path, mode) in [(root, mode_t(0o711)), (sockets, mode_t(0o711))] {
            guard mkdir(path, mode) == 0 || errno == EEXIST else {
                throw Refusal(
                    .unavailable, reason: "data.directory",
                    "The directory \(path) cannot be made: \(String(cString: strerror(errno))). "
                        + "Name another with --data, or make it first."
                )
            }
            guard chmod(path, mode) == 0 || errno == EPERM else {
                throw Refusal(
                    .unavailable, reason: "data.directory",
                    "The directory \(path) cannot be opened up: \(String(cString: strerror(errno))).")
            }
        }
    }
}

/// The database this program works with: its own cluster, or one that is given.
struct Database: Sendable {
    static let name = "countersign"
    static let login = "countersign"

    let store: Store
    let cluster: PrivateCluster?

    /// Starts (or adopts) the private cluster unless the environment names a database; opens the store and checks the server.
    static func open(
        _ paths: DataPaths, logger: Logger, endsWithUs: Bool, connections: Int = 16,
        report: @escaping @Sendable (ClusterEvent) -> Void = { _ in }
    ) async throws -> Database {
        func store(_ direct: String, pooled: String? = nil) -> Store {
            let limits = ConnectionPool.Limits(connectionsMax: connections)
            return Store(Store.Settings(directDSN: direct, pooledDSN: pooled, direct: limits, pooled: limits), logger: logger)
        }
        if let direct = environment("DATABASE_URL") {
            try paths.make()
            let store = store(direct, pooled: environment("DATABASE_POOL_URL"))
            _ = try await store.check()
            return Database(store: store, cluster: nil)
        }
        try paths.make()
        var settings = ClusterSettings(directory: paths.cluster)
        settings.endsWithUs = endsWithUs
        let cluster = try PrivateCluster(settings, logger: logger, report: report)
        try await cluster.start()
        try await cluster.prepareDatabase(Database.name, login: Database.login)
        let store = store(cluster.dsn(database: Database.name, user: Database.login))
        _ = try await store.check()
        return Database(store: store, cluster: cluster)
    }

    func close() async {
        await store.close()
        await cluster?.stop()
    }
}

func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
}

/// Ends the program with a sentence for the person at the terminal.
func complain(_ error: any Error) -> ExitCode {
    let text: String
    switch error {
    case let refusal as Refusal: text = refusal.message
    case let fault as Fault: text = fault.description + (fault.cause.map { " (\($0))" } ?? "")
    default: text = "\(error)"
    }
    let bytes = Array("countersignd: \(text)\n".utf8)
    _ = write(2, bytes, bytes.count)
    return ExitCode.failure
}
