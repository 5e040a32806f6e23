internal import CLinux
internal import Glibc
package import Kernel
package import Logging

/// Where a private cluster lies and how it behaves.
package struct ClusterSettings: Sendable {
    /// Holds the data, the socket and the log; made when missing.
    package var directory: String
    /// Elsewhere when the directory's path is too long for a socket.
    package var socketDirectory: String?
    /// As whom the server runs when we are root; otherwise it runs as ourselves.
    package var userName: String
    /// False gives up safety for speed: for tests only.
    package var isDurable: Bool
    /// True ends the server with our process however that ends; false leaves it to be adopted.
    package var endsWithUs: Bool
    package var sharedBuffersMegabytes: Int
    package var connectionsMax: Int
    /// Where to look for the server's programs; nil is where distributions put them.
    package var binaryDirectories: [String]?
    /// Crash recovery may take its time.
    package var startLimitMilliseconds: Int
    package var stopLimitMilliseconds: Int

    package init(
        directory: String, socketDirectory: String? = nil, userName: String = "postgres", isDurable: Bool = true,
        endsWithUs: Bool = false, sharedBuffersMegabytes: Int = 128, connectionsMax: Int = 100,
        binaryDirectories: [String]? = nil,
        startLimitMilliseconds: Int = 300_000, stopLimitMilliseconds: Int = 60_000
    ) {
        self.directory = directory
        self.socketDirectory = socketDirectory
        self.userName = userName
        self.isDurable = isDurable
        self.endsWithUs = endsWithUs
        self.sharedBuffersMegabytes = sharedBuffersMegabytes
        self.connectionsMax = connectionsMax
        self.binaryDirectories = binaryDirectories
        self.startLimitMilliseconds = startLimitMilliseconds
        self.stopLimitMilliseconds = stopLimitMilliseconds
    }
}

/// What became of a cluster.
package enum ClusterEvent: Sendable, Equatable {
    case initialized(version: String)
    case started(pid: Int32)
    /// A server of this data directory was still running, left by a predecessor of ours that was killed.
    case adopted(pid: Int32)
    /// The named file was left by a server that is gone.
    case removedStaleFile(pid: Int32)
    case died(reason: String)
    case restartFailed(reason: String)
    case stopped
}

/// The PostgreSQL that a server without `DATABASE_URL` keeps for itself: made, started, watched, adopted and stopped here.
///
/// It runs as an unprivileged user in a session of its own, listens on a unix socket inside a directory only that user can
/// enter, and outlives us when we are killed, to be adopted by the next start. What the operator can mend (package missing,
/// rights, path, version) is a `Refusal` that says how; what the world did is a `Fault`.
package actor PrivateCluster {
    /// The superuser of the cluster; used for set-up only.
    package static let superuser = "postgres"

    private static let initLimitMilliseconds = 120_000
    private static let adoptLimitMilliseconds = 30_000
    private static let orphanLimitMilliseconds = 10_000
    private static let lookPauseMilliseconds = 20
    private static let firstPauseMilliseconds = 500
    private static let longestPauseMilliseconds = 30_000
    /// A server that has lived this long starts its next pauses from the first one.
    private static let steadyNanoseconds: UInt64 = 60_000_000_000

    private let settings: ClusterSettings
    private let files: ClusterFiles
    private let reactor: Reactor
    private let logger: Logger
    private let report: @Sendable (ClusterEvent) -> Void

    private var server: InstalledServer?
    private var identity: ProcessIdentity?
    private var lock: Int32 = -1
    private var postmaster: WatchedProcess?
    private var isStopping = false

    package init(
        _ settings: ClusterSettings, reactor: Reactor = .shared, logger: Logger = Logger(label: "postgres.cluster"),
        report: @escaping @Sendable (ClusterEvent) -> Void = { _ in }
    ) throws(Refusal) {
        self.settings = settings
        files = try ClusterFiles(directory: settings.directory, socketDirectory: settings.socketDirectory)
        self.reactor = reactor
        self.logger = logger
        self.report = report
    }

    /// The connection string of a database in the cluster.
    package nonisolated func dsn(database: String, user: String) -> String {
        "host='\(files.socketDirectory)' port=\(ClusterFiles.port) user='\(user)' dbname='\(database)'"
    }

    /// The number of the server's first process; nil while it does not run.
    package var pid: Int32? { postmaster?.pid }

    // MARK: Starting

    /// Brings the server up: makes the cluster when there is none, adopts what still runs, recovers what crashed. Returns when
    /// it answers queries.
    package func start() async throws {
        try takePlace()
        do {
            try await establish()
        } catch {
            releaseLock()
            throw error
        }
    }

    /// Apart from `start`, and not inlined: the optimizer of Swift 6.3 crashes on typed throws inlined into an async function.
    @inline(never)
    private func takePlace() throws {
        precondition(postmaster == nil, "the cluster runs already")
        isStopping = false
        identity = try chooseIdentity()
        try files.make(for: identity, userName: settings.userName)
        if lock < 0 { lock = try files.takeLock() }
    }

    private func establish() async throws {
        let directories = settings.binaryDirectories ?? InstalledServer.usualDirectories()
        let major = try files.dataMajor()
        server = try await InstalledServer.find(in: directories, major: major, reactor: reactor)
        if major == nil { try await initialize() }
        try await bringUp()
    }

    private func chooseIdentity() throws(Refusal) -> ProcessIdentity? {
        guard geteuid() == 0 else { return nil }
        var user: uid_t = 0
        var group: gid_t = 0
        guard cs_user_by_name(settings.userName, &user, &group) == 0, user != 0 else {
            throw Refusal(
                .unavailable, reason: "postgres.user",
                "PostgreSQL refuses to run as root, and there is no unprivileged user \(settings.userName). The server "
                    + "package makes it: `apt-get install postgresql-15`. Or start Countersign as an unprivileged user.")
        }
        return ProcessIdentity(user: user, group: group)
    }

    /// Makes the data directory beside its place and moves it there when whole, so that a crash in between leaves no half.
    private func initialize() async throws {
        guard let server else { return }
        guard cs_remove_tree(files.newData) == 0 else {
            throw ClusterFiles.rights(files.newData, String(cString: strerror(errno)))
        }
        var arguments = [
            "-D", files.newData, "-U", PrivateCluster.superuser, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8",
            "--lc-messages=C",
            "--data-checksums", "--no-instructions",
        ]
        if !settings.isDurable { arguments.append("--no-sync") }
        let run = try await ToolRun.run(
            server.binaries + "/initdb", arguments, as: identity, limitMilliseconds: PrivateCluster.initLimitMilliseconds,
            reactor: reactor)
        guard run.status.code == 0 else {
            throw Fault("making the database cluster", "\(run.status): \(run.output)", isRetryable: false)
        }
        try appendConfiguration()
        guard rename(files.newData, files.data) == 0 else {
            throw Fault("moving the new cluster into place", String(cString: strerror(errno)), isRetryable: false)
        }
        syncDirectory()
        logger.info("database cluster made", metadata: ["version": "\(server.version)"])
        report(.initialized(version: server.version.description))
    }

    private func appendConfiguration() throws(Fault) {
        let text = ClusterConfiguration.fileText(settings)
        let descriptor = open(files.newData + "/postgresql.conf", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            throw Fault("configuring the cluster", String(cString: strerror(errno)), isRetryable: false)
        }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard written == bytes.count, !settings.isDurable || fsync(descriptor) == 0 else {
            throw Fault("configuring the cluster", String(cString: strerror(errno)), isRetryable: false)
        }
    }

    private func syncDirectory() {
        let descriptor = open(files.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private func releaseLock() {
        guard lock >= 0 else { return }
        close(lock)
        lock = -1
    }

    private func bringUp() async throws {
        if try await adopt() { return }
        try await endOrphans()
        try await launch()
    }

    // MARK: Adopting

    /// Takes over a server of this data directory that still runs and answers. False when there is none (any more).
    private func adopt() async throws -> Bool {
        guard let file = files.readPidFile() else { return false }
        guard let process = WatchedProcess(pid: file.pid, reactor: reactor), ServerProcesses.isServer(file.pid, of: files.data)
        else { return false }
        if file.status != "stopping", file.socketDirectory == files.socketDirectory {
            do {
                try await waitUntilReady(process, limitMilliseconds: PrivateCluster.adoptLimitMilliseconds)
                postmaster = process
                logger.notice("adopted the running database server", metadata: ["pid": "\(process.pid)"])
                report(.adopted(pid: process.pid))
                return true
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.warning("the running database server does not answer", metadata: ["failure": "\(error)"])
            }
        }
        await end(process)
        return false
    }

    /// Server processes whose postmaster is gone still write to shared memory: they must be gone before a new one starts, and
    /// before the file that guards against exactly this may be removed.
    private func endOrphans() async throws {
        for pid in ServerProcesses.all(of: files.data) {
            guard let orphan = WatchedProcess(pid: pid, reactor: reactor) else { continue }
            // They notice the postmaster's death by themselves; SIGQUIT and SIGKILL are for those that do not.
            if await orphan.ended(within: PrivateCluster.orphanLimitMilliseconds / 2) { continue }
            orphan.signal(SIGQUIT)
            if await orphan.ended(within: PrivateCluster.orphanLimitMilliseconds / 2) { continue }
            orphan.signal(SIGKILL)
            guard await orphan.ended(within: PrivateCluster.orphanLimitMilliseconds) else {
                throw Fault("ending a left-over database process", "pid \(pid) does not end", isRetryable: true)
            }
        }
        guard let pid = try files.removeStale() else { return }
        logger.notice("removed the file of a database server that is gone", metadata: ["pid": "\(pid)"])
        report(.removedStaleFile(pid: pid))
    }

    // MARK: Launching

    private func launch() async throws {
        guard let server else { return }
        let output = open(files.startLog, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard output >= 0 else { throw ClusterFiles.rights(files.startLog, String(cString: strerror(errno))) }
        defer { close(output) }
        let process = try await Launch(
            path: server.binaries + "/postgres", arguments: ClusterConfiguration.arguments(settings, files), identity: identity,
            output: output, startsSession: true, deathSignal: settings.endsWithUs ? SIGQUIT : 0
        ).start(on: reactor)
        do {
            try await waitUntilReady(process, limitMilliseconds: settings.startLimitMilliseconds)
        } catch {
            await end(process)
            throw error
        }
        postmaster = process
        logger.info("database server started", metadata: ["pid": "\(process.pid)", "version": "\(server.version)"])
        report(.started(pid: process.pid))
    }

    /// Waits for the server's own word in its file, then for the answer to a query that shows it serves our data.
    private func waitUntilReady(_ process: WatchedProcess, limitMilliseconds: Int) async throws {
        let deadline = monotonicNanoseconds() + UInt64(limitMilliseconds) * 1_000_000
        while true {
            let file = files.readPidFile()
            if let file, file.pid == process.pid, file.status == "ready" { break }
            if await process.ended(within: PrivateCluster.lookPauseMilliseconds) {
                let status = process.reap().map { "\($0)" } ?? "ended"
                throw Fault("starting the database server", "\(status): \(files.startLogTail())", isRetryable: true)
            }
            try Task.checkCancellation()
            guard monotonicNanoseconds() < deadline else {
                throw Fault("starting the database server", "not ready within \(limitMilliseconds) ms", isRetryable: true)
            }
        }
        let settings = ConnectionSettings(dsn: dsn(database: "postgres", user: PrivateCluster.superuser))
        let connection = try await PGConnection.connect(settings, reactor: reactor)
        let directory: String
        do {
            directory = try await connection.query("SELECT current_setting('data_directory')").only()[0]
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
        guard directory == files.data else {
            throw Fault("starting the database server", "the socket belongs to \(directory)", isRetryable: false)
        }
    }

    // MARK: Watching

    /// Keeps the server running until the task is cancelled, then stops it. A server that dies is started again, with growing
    /// pauses while that fails. Call after `start`.
    package func run() async {
        var pause = PrivateCluster.firstPauseMilliseconds
        var since = monotonicNanoseconds()
        while !Task.isCancelled {
            if let process = postmaster {
                guard await process.ended() else {
                    // Cancelled, or no descriptor for the watch: the pause keeps the latter from spinning; losing it is harmless.
                    try? await Task.sleep(for: .milliseconds(PrivateCluster.firstPauseMilliseconds))
                    continue
                }
                guard !isStopping else { break }
                postmaster = nil
                let reason = process.reap().map { "\($0)" } ?? "ended"
                logger.error("the database server died", metadata: ["reason": "\(reason)"])
                report(.died(reason: reason))
                if monotonicNanoseconds() - since > PrivateCluster.steadyNanoseconds {
                    pause = PrivateCluster.firstPauseMilliseconds
                }
            }
            do {
                try await bringUp()
                guard !isStopping else { break }
                since = monotonicNanoseconds()
            } catch is CancellationError {
                break
            } catch {
                logger.error("the database server does not start", metadata: ["failure": "\(error)"])
                report(.restartFailed(reason: "\(error)"))
                // Cancelled while pausing: the loop's condition ends it.
                try? await Task.sleep(for: .milliseconds(pause))
                pause = min(pause * 2, PrivateCluster.longestPauseMilliseconds)
            }
        }
        await stop()
    }

    /// Ends the server cleanly: open transactions are rolled back, everything is on disk. Harmless when it does not run.
    package func stop() async {
        isStopping = true
        if let process = postmaster {
            postmaster = nil
            await end(process)
            logger.info("database server stopped")
            report(.stopped)
        }
        releaseLock()
    }

    /// Forgets the running server as a killed process would: it runs on, to be adopted. For tests of exactly that.
    func abandon() {
        isStopping = true
        postmaster = nil
        releaseLock()
    }

    /// Fast shutdown, then immediate, then by force; in a task of its own, so that a cancelled caller still waits for the end.
    private func end(_ process: WatchedProcess) async {
        let limit = settings.stopLimitMilliseconds
        let data = files.data
        let reactor = reactor
        await Task {
            for number in [SIGINT, SIGQUIT, SIGKILL] {
                process.signal(number)
                if await process.ended(within: limit) { break }
            }
            // Its log writer ends a moment later, when the last writer has closed the pipe.
            for pid in ServerProcesses.all(of: data) {
                _ = await WatchedProcess(pid: pid, reactor: reactor)?.ended(within: PrivateCluster.orphanLimitMilliseconds)
            }
        }.value
        _ = process.reap()
    }

    /// Deletes a stopped cluster with everything in it. Refuses a directory that holds anything but a cluster of ours, and one
    /// whose server runs.
    package static func erase(_ directory: String) throws(Refusal) {
        let files = try ClusterFiles(directory: directory, socketDirectory: nil)
        guard access(directory, F_OK) == 0 else { return }
        guard files.holdsOnlyACluster, ServerProcesses.all(of: files.data).isEmpty else {
            throw Refusal(
                .conflict, reason: "postgres.directory", "\(directory) holds other things than a stopped database, so it stays.")
        }
        guard cs_remove_tree(directory) == 0 else { throw ClusterFiles.rights(directory, String(cString: strerror(errno))) }
    }

    // MARK: Databases

    /// Makes the login role (no superuser, no bypass of row security, may make roles for the migrations) and its database,
    /// unless they exist.
    package func prepareDatabase(_ database: String, login: String) async throws {
        let settings = ConnectionSettings(dsn: dsn(database: "postgres", user: PrivateCluster.superuser))
        let connection = try await PGConnection.connect(settings, reactor: reactor)
        do {
            if try await connection.query("SELECT 1 FROM pg_roles WHERE rolname = \(login)").isEmpty {
                try await connection.execute(
                    "CREATE ROLE \(SQL.identifier(login)) LOGIN CREATEROLE NOSUPERUSER NOCREATEDB NOBYPASSRLS NOREPLICATION")
            }
            if try await connection.query("SELECT 1 FROM pg_database WHERE datname = \(database)").isEmpty {
                try await connection.execute("CREATE DATABASE \(SQL.identifier(database)) OWNER \(SQL.identifier(login))")
            }
        } catch {
            await connection.close()
            throw error
        }
        await connection.close()
    }
}
