internal import Glibc
internal import Kernel
package import Postgres

/// What a suite's databases start from: a name, and what fills the template once per run.
package struct TestTemplate: Sendable {
    package let name: String
    let prepare: @Sendable (_ dsn: String) async throws -> Void

    /// `prepare` gets the connection string of the empty template as its owner, and closes what it opens.
    package init(name: String, prepare: @escaping @Sendable (_ dsn: String) async throws -> Void) {
        self.name = name
        self.prepare = prepare
    }

    package static let empty = TestTemplate(name: "empty") { _ in }
}

/// A database of its own on the run's cluster, cloned from a template.
package final class TestDatabase: Sendable {
    package let name: String
    /// As the unprivileged login role that owns the database.
    package let dsn: String
    /// As the cluster's superuser, whom row security does not bind: for looking behind the scenes.
    package let adminDSN: String
    package let store: Store

    private init(name: String, cluster: TestCluster) {
        self.name = name
        dsn = cluster.dsn(name)
        adminDSN = cluster.admin(name)
        store = Store(directDSN: dsn)
    }

    /// A fresh clone, for the caller to `drop`.
    package static func make(template: TestTemplate = .empty) async throws -> TestDatabase {
        let cluster = try await TestCluster.shared()
        return try await factory.make(template, on: cluster)
    }

    /// One clone for all tests of a suite, which then keep apart by tenant; it goes with the cluster at the end of the run.
    package static func shared(by suite: String, template: TestTemplate = .empty) async throws -> TestDatabase {
        let cluster = try await TestCluster.shared()
        return try await factory.shared(suite, template, on: cluster)
    }

    /// A clone for one test, dropped afterwards whatever happens.
    package static func with<Value: Sendable>(
        template: TestTemplate = .empty, _ body: (TestDatabase) async throws -> Value
    ) async throws -> Value {
        let database = try await make(template: template)
        do {
            let value = try await body(database)
            try await database.drop()
            return value
        } catch {
            // The test's own error is the one to see; what stays goes with the cluster.
            try? await database.drop()
            throw error
        }
    }

    package func drop() async throws {
        await store.close()
        let cluster = try await TestCluster.shared()
        try await withAdmin(cluster) { try await $0.execute("DROP DATABASE IF EXISTS \(SQL.identifier(self.name)) WITH (FORCE)") }
    }

    private static let factory = TestDatabaseFactory()

    fileprivate static func open(_ name: String, _ cluster: TestCluster) -> TestDatabase {
        TestDatabase(name: name, cluster: cluster)
    }
}

private actor TestDatabaseFactory {
    private var templates: [String: Task<String, any Error>] = [:]
    private var suites: [String: Task<TestDatabase, any Error>] = [:]
    private var lastNumber = 0

    func make(_ template: TestTemplate, on cluster: TestCluster) async throws -> TestDatabase {
        let source = try await prepared(template, on: cluster)
        lastNumber += 1
        let name = "cs_\(getpid())_\(lastNumber)"
        try await withAdmin(cluster) { connection in
            try await connection.execute(
                """
                CREATE DATABASE \(SQL.identifier(name)) OWNER \(SQL.identifier(TestCluster.login))
                TEMPLATE \(SQL.identifier(source)) STRATEGY file_copy
                """)
        }
        return TestDatabase.open(name, cluster)
    }

    func shared(_ suite: String, _ template: TestTemplate, on cluster: TestCluster) async throws -> TestDatabase {
        if let running = suites[suite] { return try await running.value }
        let task = Task { try await self.make(template, on: cluster) }
        suites[suite] = task
        return try await task.value
    }

    private func prepared(_ template: TestTemplate, on cluster: TestCluster) async throws -> String {
        if let running = templates[template.name] { return try await running.value }
        let task = Task {
            let name = "cs_\(getpid())_template_\(template.name)"
            try await withAdmin(cluster) { connection in
                try await connection.execute("DROP DATABASE IF EXISTS \(SQL.identifier(name)) WITH (FORCE)")
                try await connection.execute(
                    "CREATE DATABASE \(SQL.identifier(name)) OWNER \(SQL.identifier(TestCluster.login)) STRATEGY file_copy")
            }
            try await template.prepare(cluster.dsn(name))
            return name
        }
        templates[template.name] = task
        return try await task.value
    }
}

private func withAdmin(_ cluster: TestCluster, _ body: @Sendable (PGConnection) async throws -> Void) async throws {
    let connection = try await PGConnection.connect(ConnectionSettings(dsn: cluster.admin("postgres")))
    do {
        try await body(connection)
    } catch {
        await connection.close()
        throw error
    }
    await connection.close()
}
