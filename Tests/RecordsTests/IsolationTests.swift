import Kernel
import Postgres
import TestKit
import Testing

@testable import Records

@Suite("two tenants in one database")
struct IsolationTests {
    private static let one = SampleTenant(number: 1, lane: 1)
    private static let two = SampleTenant(number: 2, lane: 2)

    private func withBoth(_ body: (TestDatabase) async throws -> Void) async throws {
        try await TestDatabase.with(template: .migrated) { database in
            try await Self.one.fill(database.store)
            try await Self.two.fill(database.store)
            try await body(database)
        }
    }

    private func tables(_ database: TestDatabase, having column: String = "tenant_id") async throws -> [String] {
        let connection = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
        let names = try await connection.query(
            """
            SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = \(column)
            WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND c.relname <> 'schema_migration' ORDER BY 1
            """
        ).column(as: String.self)
        await connection.close()
        return names
    }

    /// Tenants whose rows a statement answers with.
    private func owners(_ store: Store, as tenant: TenantID?, _ sql: SQL) async throws -> Set<TenantID> {
        guard let tenant else {
            // The role without a tenant, as a forgotten SET LOCAL would leave it.
            return try await store.direct.withTransaction(TransactionScope(role: .app)) {
                Set(try await $0.query(sql).column(as: TenantID.self))
            }
        }
        return try await store.withTenant(tenant) { Set(try await $0.query(sql).column(as: TenantID.self)) }
    }

    @Test("rows of one tenant are invisible to the other in every table, even to a statement without a predicate")
    func invisible() async throws {
        try await withBoth { database in
            for table in try await tables(database) {
                let sql: SQL = "SELECT tenant_id FROM \(SQL.identifier(table))"
                #expect(try await owners(database.store, as: Self.one.id, sql) == [Self.one.id], "\(table)")
                #expect(try await owners(database.store, as: Self.two.id, sql) == [Self.two.id], "\(table)")
            }
        }
    }

    @Test("without a tenant there are no rows")
    func nothingWithoutATenant() async throws {
        try await withBoth { database in
            for table in try await tables(database) {
                let sql: SQL = "SELECT tenant_id FROM \(SQL.identifier(table))"
                #expect(try await owners(database.store, as: nil, sql).isEmpty, "\(table)")
            }
        }
    }

    @Test("rows of one tenant cannot be written, changed or deleted by the other")
    func unwritable() async throws {
        try await withBoth { database in
            for table in try await tables(database) {
                let name = SQL.identifier(table)
                for sql: SQL in [
                    "INSERT INTO \(name) (tenant_id) VALUES (\(Self.two.id))",
                    "UPDATE \(name) SET tenant_id = tenant_id WHERE tenant_id = \(Self.two.id)",
                    "DELETE FROM \(name) WHERE tenant_id = \(Self.two.id)",
                    "UPDATE \(name) SET tenant_id = \(Self.two.id) WHERE tenant_id = \(Self.one.id)",
                ] {
                    do {
                        let written = try await database.store.withTenant(Self.one.id) { try await $0.execute(sql) }
                        #expect(written == 0, "\(sql.text)")
                    } catch let failure as PostgresFailure {
                        #expect(failure.isInsufficientPrivilege, "\(sql.text): \(failure)")
                    }
                }
            }
        }
    }

    @Test("rows of one tenant cannot be referred to by the other")
    func unreferenceable() async throws {
        try await withBoth { database in
            let (one, two) = (Self.one, Self.two)
            let foreign: [(String, SQL)] = [
                (
                    "an account of a stranger",
                    SignInQueries.putAccount(tenant: one.id, person: two.person, emailFolded: "x@y.example")
                ),
                (
                    "a current version of a stranger",
                    AssetQueries.makeCurrent(
                        tenant: one.id, kind: "policy", name: "other", asset: two.asset, at: SampleTenant.now)
                ),
                (
                    "a chunk of a stranger",
                    DocumentQueries.insertChunk(tenant: one.id, document: two.document, ordinal: 9, bytes: [1])
                ),
                (
                    "a document recorded by a stranger",
                    """
                    INSERT INTO document (tenant_id, id, sha256, file_name, size_bytes, channel, received_at, recorded_by, state)
                    VALUES (\(one.id), \(two.document), \([UInt8(77)]), 'r', 1, 'api', now(), \(two.person), 'received')
                    """
                ),
                (
                    "a line in a stranger's incident",
                    IncidentQueries.append(
                        lane: 1, tenant: one.id, incident: two.incident, at: SampleTenant.now, kind: "note", person: nil,
                        text: "t")
                ),
            ]
            for (what, sql) in foreign {
                let failure = await #expect(throws: PostgresFailure.self, "\(what)") {
                    try await database.store.withTenant(one.id) { _ = try await $0.execute(sql) }
                }
                #expect(failure?.isForeignKeyViolation == true, "\(what): \(String(describing: failure))")
            }
        }
    }

    @Test("the engine of one lane sees nothing of another, and nothing without a lane")
    func lanes() async throws {
        try await withBoth { database in
            for table in try await tables(database, having: "lane") where table != "scope" && table != "audit_head" {
                let name = SQL.identifier(table)
                let seen = try await database.store.withLane(1) {
                    Set(try await $0.query("SELECT tenant_id FROM \(name)").column(as: TenantID.self))
                }
                #expect(seen == [Self.one.id], "\(table)")
                let none = try await database.store.direct.withTransaction(TransactionScope(role: .engine)) {
                    try await $0.query("SELECT tenant_id FROM \(name)").count
                }
                #expect(none == 0, "\(table)")
            }
        }
    }

    @Test("the gate and the report read only what they were given")
    func narrowRoles() async throws {
        try await withBoth { database in
            for sql: SQL in [
                "SELECT 1 FROM invoice", "SELECT 1 FROM run", "SELECT password_hash FROM account",
                "SELECT secret_hash FROM api_key",
                "SELECT person_id FROM session", "SELECT 1 FROM person",
                "INSERT INTO scope (tenant_id) VALUES (gen_random_uuid())",
            ] {
                let failure = await #expect(throws: PostgresFailure.self, "\(sql.text)") {
                    try await database.store.withGate { _ = try await $0.query(sql) }
                }
                #expect(failure?.isInsufficientPrivilege == true, "\(sql.text)")
            }
            let failure = await #expect(throws: PostgresFailure.self) {
                try await database.store.withReport { _ = try await $0.query("SELECT 1 FROM invoice") }
            }
            #expect(failure?.isInsufficientPrivilege == true)
        }
    }

    /// The check itself has to be able to fail, or its green says nothing: one tenant lists runs with and without the predicate,
    /// with and without row security.
    @Test("either the predicate or the policy keeps runs apart, and without both the check turns red")
    func theCheckCanFail() async throws {
        let whole = RunQueries.page(tenant: Self.one.id, phases: [], search: nil, before: nil, limit: 10)
        let bare: SQL = "SELECT * FROM run r ORDER BY r.started_at DESC, r.id DESC LIMIT 10"
        try await withBoth { database in
            func owners(_ sql: SQL) async throws -> Set<TenantID> {
                try await database.store.withTenant(Self.one.id) { tx in
                    Set(try await tx.query(sql).map { try RunSummary($0).tenant })
                }
            }
            #expect(try await owners(whole) == [Self.one.id])
            #expect(try await owners(bare) == [Self.one.id])
            let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
            try await admin.script("DROP POLICY tenant ON run; ALTER TABLE run DISABLE ROW LEVEL SECURITY")
            #expect(try await owners(whole) == [Self.one.id])
            #expect(try await owners(bare) == [Self.one.id, Self.two.id], "without predicate and policy the foreign run is seen")
            let violations = try await CatalogGuard(connection: admin).violations()
            #expect(violations.contains { $0.contains("row security") && $0.contains("run") })
            await admin.close()
        }
    }
}
