internal import Glibc
internal import Kernel
internal import Postgres

/// The PostgreSQL of this test run: a private cluster without fsync, or the server that `COUNTERSIGN_TEST_PG` names.
package struct TestCluster: Sendable {
    /// The login role of tests, as unprivileged as the product's own.
    package static let login = "countersign_test"
    private static let directoryPrefix = "countersign-test-"

    let admin: @Sendable (_ database: String) -> String
    let dsn: @Sendable (_ database: String) -> String

    private static let start = Task { try await TestCluster.make() }

    /// Started when first asked for, in about two seconds.
    package static func shared() async throws -> TestCluster { try await start.value }

    private static func make() async throws -> TestCluster {
        let cluster: TestCluster
        if let given = getenv("COUNTERSIGN_TEST_PG") {
            let text = String(cString: given)
            cluster = TestCluster(
                admin: { "\(text) dbname='\($0)'" }, dsn: { "\(text) user='\(login)' dbname='\($0)'" })
        } else {
            cluster = try await makePrivate()
        }
        try await cluster.prepareLogin()
        return cluster
    }

    private static func makePrivate() async throws -> TestCluster {
        removeLeftovers()
        let directory = "/tmp/\(directoryPrefix)\(getpid())"
        let settings = ClusterSettings(
            directory: directory, isDurable: false, endsWithUs: true, sharedBuffersMegabytes: 64, connectionsMax: 200)
        let server = try PrivateCluster(settings)
        try await server.start()
        runningServer.withLock { $0 = RunningServer(cluster: server, directory: directory) }
        if let pid = await server.pid { serverPid.withLock { $0 = pid } }
        atexit { endServer() }
        return TestCluster(
            admin: { server.dsn(database: $0, user: PrivateCluster.superuser) }, dsn: { server.dsn(database: $0, user: login) })
    }

    /// What runs that were killed left in /tmp; their servers died with them.
    private static func removeLeftovers() {
        // An unreadable /tmp has nothing to remove.
        for name in (try? FileBytes.names(in: "/tmp")) ?? [] where name.hasPrefix(directoryPrefix) {
            guard let pid = pid_t(name.dropFirst(directoryPrefix.count)), kill(pid, 0) != 0, errno == ESRCH else { continue }
            // A directory that will not go now goes with the next run.
            try? PrivateCluster.erase("/tmp/" + name)
        }
    }

    private func prepareLogin() async throws {
        let connection = try await PGConnection.connect(ConnectionSettings(dsn: admin("postgres")))
        let exists = try await !connection.query("SELECT 1 FROM pg_roles WHERE rolname = \(TestCluster.login)").isEmpty
        if !exists {
            try await connection.execute(
                "CREATE ROLE \(SQL.identifier(TestCluster.login)) LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS")
        }
        await connection.close()
    }
}

private struct RunningServer: Sendable {
    let cluster: PrivateCluster
    let directory: String
}

private let runningServer = Locked<RunningServer?>(nil)
private let serverPid = Locked<Int32>(0)

/// At exit: the server is our child, and its immediate shutdown takes moments.
private func endServer() {
    let pid = serverPid.withLock { $0 }
    guard pid > 0, let directory = runningServer.withLock({ $0?.directory }) else { return }
    kill(pid, SIGQUIT)
    waitpid(pid, nil, 0)
    // What stays is removed by the next run.
    try? PrivateCluster.erase(directory)
}
