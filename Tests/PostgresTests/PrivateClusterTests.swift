import Glibc
import Kernel
import Logging
import TestKit
import Testing

@testable import Postgres

/// What a cluster reported, in order.
private final class Events: Sendable {
    private let seen = Locked<[ClusterEvent]>([])
    var all: [ClusterEvent] { seen.withLock { $0 } }
    func add(_ event: ClusterEvent) { seen.withLock { $0.append(event) } }

    func has(_ match: (ClusterEvent) -> Bool) -> Bool { all.contains(where: match) }
    var restarts: Int { all.filter { if case .started = $0 { true } else { false } }.count }
}

/// One cluster directory, removed at the end whatever happened.
private func withClusterDirectory(isDurable: Bool = false, _ body: (ClusterSettings) async throws -> Void) async throws {
    let directory = "/tmp/countersign-\(getpid())-\(Entropy.system.next() % 1_000_000)"
    // A cluster that dies with the test process: a crashed test leaves no server behind.
    let settings = ClusterSettings(
        directory: directory, isDurable: isDurable, endsWithUs: true, sharedBuffersMegabytes: 16, connectionsMax: 20,
        stopLimitMilliseconds: 30_000)
    do {
        try await body(settings)
    } catch {
        // The test's own error is the one to see.
        try? PrivateCluster.erase(directory)
        throw error
    }
    try PrivateCluster.erase(directory)
}

private func makeCluster(_ settings: ClusterSettings, _ events: Events) throws -> PrivateCluster {
    try PrivateCluster(settings, logger: .quiet) { events.add($0) }
}

private func count(_ cluster: PrivateCluster) async throws -> Int {
    let settings = ConnectionSettings(dsn: cluster.dsn(database: "books", user: "keeper"))
    let connection = try await PGConnection.connect(settings)
    let value = try await connection.query("SELECT count(*) FROM posting").only().get(0, as: Int.self)
    await connection.close()
    return value
}

private func post(_ cluster: PrivateCluster, create: Bool = false) async throws {
    let settings = ConnectionSettings(dsn: cluster.dsn(database: "books", user: "keeper"))
    let connection = try await PGConnection.connect(settings)
    if create { try await connection.script("CREATE TABLE posting (at timestamptz NOT NULL)") }
    try await connection.execute("INSERT INTO posting VALUES (now())")
    await connection.close()
}

@Suite("the private cluster", .serialized)
struct PrivateClusterTests {
    @Test("it is made once, keeps its rows over a stop, and lets nobody else in")
    func lifeCycle() async throws {
        try await withClusterDirectory { settings in
            let events = Events()
            let cluster = try makeCluster(settings, events)
            try await cluster.start()
            try await cluster.prepareDatabase("books", login: "keeper")
            try await cluster.prepareDatabase("books", login: "keeper")
            try await post(cluster, create: true)
            var info = stat()
            #expect(stat(settings.directory + "/run", &info) == 0 && info.st_mode & 0o777 == 0o700)
            #expect(stat(settings.directory + "/data", &info) == 0 && info.st_mode & 0o777 == 0o700)
            await cluster.stop()
            #expect(access(settings.directory + "/data/postmaster.pid", F_OK) != 0)
            try await cluster.start()
            #expect(try await count(cluster) == 1)
            await cluster.stop()
            #expect(events.all.filter { if case .initialized = $0 { true } else { false } }.count == 1)
        }
    }

    @Test("the login it prepares is no superuser and does not bypass row security")
    func login() async throws {
        try await withClusterDirectory { settings in
            let cluster = try makeCluster(settings, Events())
            try await cluster.start()
            try await cluster.prepareDatabase("books", login: "keeper")
            let connection = try await PGConnection.connect(
                ConnectionSettings(dsn: cluster.dsn(database: "books", user: "keeper")))
            let row = try await connection.query(
                "SELECT rolsuper, rolbypassrls, rolcreatedb FROM pg_roles WHERE rolname = current_user"
            ).only()
            let (isSuper, bypasses, createsDatabases) = try row.decode(Bool.self, Bool.self, Bool.self)
            #expect(!isSuper && !bypasses && !createsDatabases)
            await connection.close()
            await cluster.stop()
        }
    }

    @Test("a postmaster killed with -9 is noticed, recovered and running again, with every committed row")
    func killedPostmaster() async throws {
        try await withClusterDirectory(isDurable: true) { settings in
            let events = Events()
            let cluster = try makeCluster(settings, events)
            try await cluster.start()
            try await cluster.prepareDatabase("books", login: "keeper")
            try await post(cluster, create: true)
            let service = Task { await cluster.run() }
            for round in 1...2 {
                let pid = try #require(await cluster.pid)
                kill(pid, SIGKILL)
                let isBack = try await eventually(withinMilliseconds: 60_000) { events.restarts == round + 1 }
                #expect(isBack)
                #expect(try await count(cluster) == round)
                try await post(cluster)
            }
            service.cancel()
            await service.value
            #expect(events.has { $0 == .died(reason: "signal 9") })
            #expect(events.all.last == .stopped)
        }
    }

    @Test("a server left running by a killed predecessor is adopted, not started twice")
    func adoption() async throws {
        try await withClusterDirectory(isDurable: true) { settings in
            let first = try makeCluster(settings, Events())
            try await first.start()
            try await first.prepareDatabase("books", login: "keeper")
            try await post(first, create: true)
            let pid = try #require(await first.pid)
            // What the kernel does for a killed process: the lock is free, the server runs on.
            await first.abandon()
            let events = Events()
            let second = try makeCluster(settings, events)
            try await second.start()
            #expect(events.all == [.adopted(pid: pid)])
            #expect(try await count(second) == 1)
            // An adopted server is watched like our own.
            let service = Task { await second.run() }
            kill(pid, SIGKILL)
            let isBack = try await eventually(withinMilliseconds: 60_000) { events.restarts == 1 }
            #expect(isBack)
            #expect(try await count(second) == 1)
            service.cancel()
            await service.value
        }
    }

    @Test("a postmaster file that names another process is stale and removed")
    func staleFile() async throws {
        try await withClusterDirectory { settings in
            let events = Events()
            let cluster = try makeCluster(settings, events)
            try await cluster.start()
            let pid = try #require(await cluster.pid)
            let path = settings.directory + "/data/postmaster.pid"
            let text = String(decoding: try FileBytes.read(path, maxBytes: 4096), as: UTF8.self)
            kill(pid, SIGKILL)
            let process = WatchedProcess(pid: pid, reactor: .shared)
            _ = await process?.ended(within: 20_000)
            await cluster.abandon()
            // The number now belongs to a living process that is no server: ours.
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst()
            let stale = ["\(getpid())"] + lines.map(String.init)
            let descriptor = open(path, O_WRONLY | O_TRUNC)
            let bytes = Array(stale.joined(separator: "\n").utf8)
            #expect(write(descriptor, bytes, bytes.count) == bytes.count)
            close(descriptor)
            let next = try makeCluster(settings, events)
            try await next.start()
            #expect(events.has { $0 == .removedStaleFile(pid: getpid()) })
            await next.stop()
        }
    }

    @Test("two servers of ours do not share a directory")
    func locking() async throws {
        try await withClusterDirectory { settings in
            let first = try makeCluster(settings, Events())
            try await first.start()
            let second = try makeCluster(settings, Events())
            let refusal = await #expect(throws: Refusal.self) { try await second.start() }
            #expect(refusal?.reason == "postgres.in-use")
            await first.stop()
        }
    }

    @Test("a half-made cluster of a killed predecessor is made anew")
    func halfMade() async throws {
        try await withClusterDirectory { settings in
            mkdir(settings.directory, 0o700)
            mkdir(settings.directory + "/data.new", 0o700)
            close(open(settings.directory + "/data.new/PG_VERSION", O_CREAT | O_WRONLY, 0o600))
            let events = Events()
            let cluster = try makeCluster(settings, events)
            try await cluster.start()
            await cluster.stop()
            #expect(events.all.count == 3)
        }
    }

    @Test("a data directory of a version that is not installed is refused with what to install")
    func otherMajor() async throws {
        try await withClusterDirectory { settings in
            mkdir(settings.directory, 0o755)
            mkdir(settings.directory + "/data", 0o755)
            let descriptor = open(settings.directory + "/data/PG_VERSION", O_CREAT | O_WRONLY, 0o644)
            #expect(write(descriptor, "9\n", 2) == 2)
            close(descriptor)
            let cluster = try makeCluster(settings, Events())
            let refusal = await #expect(throws: Refusal.self) { try await cluster.start() }
            #expect(refusal?.reason == "postgres.major")
            #expect(refusal?.message.contains("postgresql-9") == true)
        }
    }

    @Test("a machine without the server package is told what to install")
    func missingPackage() async throws {
        try await withClusterDirectory { settings in
            var bare = settings
            bare.binaryDirectories = ["/nonexistent"]
            let cluster = try makeCluster(bare, Events())
            let refusal = await #expect(throws: Refusal.self) { try await cluster.start() }
            #expect(refusal?.reason == "postgres.missing")
            #expect(refusal?.message.contains("apt-get install postgresql-15") == true)
        }
    }

    @Test("a directory that holds other things is left alone")
    func strangers() async throws {
        try await withClusterDirectory { settings in
            mkdir(settings.directory, 0o755)
            let path = settings.directory + "/invoice.xml"
            close(open(path, O_CREAT | O_WRONLY, 0o644))
            if geteuid() == 0 {
                let cluster = try makeCluster(settings, Events())
                let refusal = await #expect(throws: Refusal.self) { try await cluster.start() }
                #expect(refusal?.reason == "postgres.directory")
            }
            #expect(throws: Refusal.self) { try PrivateCluster.erase(settings.directory) }
            unlink(path)
            rmdir(settings.directory + "/run")
            rmdir(settings.directory + "/log")
        }
    }

    @Test("a path the database's user may not pass, one too long for a socket and one with quotes are refused")
    func paths() async throws {
        #expect(throws: Refusal.self) {
            try PrivateCluster(ClusterSettings(directory: "/tmp/" + String(repeating: "x", count: 90)))
        }
        #expect(throws: Refusal.self) { try PrivateCluster(ClusterSettings(directory: "/tmp/countersign's")) }
        #expect(throws: Refusal.self) { try PrivateCluster(ClusterSettings(directory: "relative")) }
        guard geteuid() == 0 else { return }
        let closed = "/tmp/countersign-closed-\(getpid())"
        mkdir(closed, 0o700)
        let cluster = try makeCluster(ClusterSettings(directory: closed + "/pg"), Events())
        let refusal = await #expect(throws: Refusal.self) { try await cluster.start() }
        #expect(refusal?.reason == "postgres.rights")
        #expect(refusal?.message.contains(closed) == true)
        for name in ["pg/run", "pg/log", "pg", ""] { rmdir("\(closed)/\(name)") }
    }
}
