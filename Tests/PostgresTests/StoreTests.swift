import Kernel
import Logging
import TestBasics
import TestKit
import Testing

@testable import Postgres

extension TestTemplate {
    /// The roles, and one table of each scope, as the product's migrations make them.
    static let scopes = TestTemplate(name: "scopes") { dsn in
        let connection = try await PGConnection.connect(ConnectionSettings(dsn: dsn))
        for role in TransactionScope.Role.allCases {
            try await connection.script(
                """
                DO $$ BEGIN CREATE ROLE \(role.rawValue) NOLOGIN;
                EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
                GRANT \(role.rawValue) TO current_user;
                """)
        }
        try await connection.script(
            """
            CREATE TABLE secret (tenant_id uuid NOT NULL, id bigint NOT NULL, lane integer NOT NULL, PRIMARY KEY (tenant_id, id));
            ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
            ALTER TABLE secret FORCE ROW LEVEL SECURITY;
            CREATE POLICY by_tenant ON secret TO countersign_app
                USING (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
                WITH CHECK (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
            CREATE POLICY by_lane ON secret TO countersign_engine
                USING (lane = nullif(current_setting('app.lane', true), '')::integer)
                WITH CHECK (lane = nullif(current_setting('app.lane', true), '')::integer);
            CREATE TABLE ready (lane integer NOT NULL, tenant_id uuid NOT NULL, id bigint NOT NULL);
            GRANT SELECT, INSERT ON ready TO countersign_engine;
            GRANT USAGE ON SCHEMA public TO countersign_app, countersign_engine, countersign_report, countersign_gate;
            GRANT SELECT, INSERT ON secret TO countersign_app, countersign_engine;
            """)
        await connection.close()
    }
}

@Suite("the store")
struct StoreTests {
    private static let place: SQL = """
        SELECT coalesce(current_setting('app.tenant', true), ''), coalesce(current_setting('app.lane', true), ''), \
        current_user::text, session_user::text
        """

    private func database() async throws -> TestDatabase {
        try await TestDatabase.shared(by: "store", template: .scopes)
    }

    private func tenant(_ number: UInt64) -> TenantID {
        TenantID(high: 0x0190_0000_0000_7000 + number, low: 0x8000_0000_0000_0000)
    }

    @Test("each scope runs under its role, and on the rows of its tenant or lane")
    func scopes() async throws {
        let store = try await database().store
        let tenant = tenant(1)
        func answer(_ rows: Rows) throws -> [String] {
            let (tenant, lane, user, _) = try rows.only().decode(String.self, String.self, String.self, String.self)
            return [tenant, lane, user]
        }
        #expect(
            try answer(await store.withTenant(tenant) { try await $0.query(Self.place) }) == [tenant.text, "", "countersign_app"])
        #expect(try answer(await store.withLane(3) { try await $0.query(Self.place) }) == ["", "3", "countersign_engine"])
        #expect(try answer(await store.withGate { try await $0.query(Self.place) }) == ["", "", "countersign_gate"])
        #expect(try answer(await store.withReport { try await $0.query(Self.place) }) == ["", "", "countersign_report"])
        #expect(try answer(await store.withSealer { try await $0.query(Self.place) }) == ["", "", "countersign_sealer"])
        #expect(try answer(await store.withOwner { try await $0.query(Self.place) }) == ["", "", "countersign_owner"])
    }

    @Test("a tenant sees its own rows and cannot write another's")
    func isolation() async throws {
        let store = try await database().store
        let (one, two) = (tenant(11), tenant(12))
        try await store.withTenant(one) { tx in try await tx.execute("INSERT INTO secret VALUES (\(one), \(1), \(0))") }
        let seen = try await store.withTenant(two) { tx in
            try await tx.query("SELECT * FROM secret WHERE tenant_id = \(one)").count
        }
        #expect(seen == 0)
        let failure = await #expect(throws: PostgresFailure.self) {
            try await store.withTenant(two) { tx in try await tx.execute("INSERT INTO secret VALUES (\(one), \(2), \(0))") }
        }
        #expect(failure?.isInsufficientPrivilege == true)
    }

    @Test("reports cannot write")
    func readOnly() async throws {
        let store = try await database().store
        let failure = await #expect(throws: PostgresFailure.self) {
            try await store.withReport { tx in try await tx.execute("CREATE TEMP TABLE nothing (id bigint)") }
        }
        #expect(failure?.sqlState == "25006")
    }

    @Test("rows are copied into a queue under the engine's role; a table with row security refuses COPY")
    func copying() async throws {
        let store = try await database().store
        let own = tenant(21)
        let count = try await store.withLane(7) { tx in
            try await tx.copyIn("COPY ready (lane, tenant_id, id) FROM STDIN", rows: (0..<100).map { [Int32(7), own, $0] })
        }
        #expect(count == 100)
        let failure = await #expect(throws: PostgresFailure.self) {
            try await store.withTenant(own) { tx in
                try await tx.copyIn("COPY secret (tenant_id, id, lane) FROM STDIN", rows: [[own, 1, Int32(7)]])
            }
        }
        #expect(failure?.sqlState == "0A000")
    }

    @Test("many rows go into a tenant's table by unnest")
    func unnesting() async throws {
        let store = try await database().store
        let own = tenant(22)
        let numbers = Array(1...1000)
        let count = try await store.withTenant(own) { tx in
            try await tx.execute("INSERT INTO secret (tenant_id, id, lane) SELECT \(own), n, 0 FROM unnest(\(numbers)) AS n")
        }
        #expect(count == 1000)
    }

    @Test("what the world does is a fault with its cause, what the schema refuses is not")
    func faults() async throws {
        let database = try await database()
        let fault = await #expect(throws: Fault.self) {
            try await database.store.withTenant(tenant(31)) { tx in
                let pid: Int32 = try await tx.query("SELECT pg_backend_pid()").only()[0]
                try await terminate(pid, on: database)
                _ = try await tx.query("SELECT pg_sleep(600)")
            }
        }
        #expect(fault?.isRetryable == true)
        #expect(fault?.cause is PostgresFailure)
        let count = try await database.store.withTenant(tenant(31)) { tx in try await tx.query("SELECT 1").count }
        #expect(count == 1)
        await #expect(throws: PostgresFailure.self) {
            try await database.store.withTenant(tenant(31)) { tx in _ = try await tx.query("SELECT nonsense") }
        }
    }

    @Test("an opening that the server refuses runs nothing of the body")
    func refusedOpening() async throws {
        // A negative limit is refused by the server after BEGIN.
        let database = try await TestDatabase.shared(by: "store-bare")
        let pool = database.store.direct
        try await pool.withConnection { try await $0.script("CREATE TABLE mark (id bigint)") }
        let failure = await #expect(throws: PostgresFailure.self) {
            try await pool.withTransaction(
                TransactionScope(role: nil), options: TransactionOptions(statementTimeoutMilliseconds: -5)
            ) { tx in
                do { try await tx.execute("INSERT INTO mark VALUES (\(1))") } catch {}
                try await tx.execute("INSERT INTO mark VALUES (\(2))")
            }
        }
        #expect(failure?.statementIndex == nil)
        let count = try await pool.withConnection { try await $0.query("SELECT * FROM mark").count }
        #expect(count == 0)
    }

    @Test("no order of tenants, lanes, failures and cancellations leaks a scope to the next borrower")
    func noLeak() async throws {
        var random = Seeded("no order of tenants leaks a scope")
        let database = try await database()
        let limits = ConnectionPool.Limits(connectionsMax: 3, waitMilliseconds: 60_000)
        let store = Store(Store.Settings(directDSN: database.dsn, direct: limits), logger: .quiet)
        let plans = (0..<40).map { _ in
            (0..<8).map { _ in (kind: Int.random(in: 0..<8, using: &random), tenant: UInt64.random(in: 0..<5, using: &random)) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for plan in plans {
                group.addTask {
                    for step in plan {
                        let own = tenant(100 + step.tenant)
                        do {
                            try await Self.play(step.kind, own, store)
                        } catch is CancellationError {
                        } catch is PostgresFailure {
                        }
                        // Whoever comes next on a bare connection must find no scope at all.
                        let found = try await store.direct.withConnection { try await $0.query(Self.place).only() }
                        let (tenant, lane, user, login) = try found.decode(String.self, String.self, String.self, String.self)
                        #expect(tenant == "" && lane == "" && user == login)
                    }
                }
            }
            try await group.waitForAll()
        }
        await store.close()
    }

    /// One borrower's behaviour, good or bad.
    private static func play(_ kind: Int, _ own: TenantID, _ store: Store) async throws {
        switch kind {
        case 0, 1:
            let rows = try await store.withTenant(own) { tx in try await tx.query(place) }
            let (tenant, _, _, _) = try rows.only().decode(String.self, String.self, String.self, String.self)
            #expect(tenant == own.text)
        case 2:
            let rows = try await store.withLane(9) { tx in try await tx.query(place) }
            let (tenant, lane, _, _) = try rows.only().decode(String.self, String.self, String.self, String.self)
            #expect(tenant == "" && lane == "9")
        case 3:
            try await store.withTenant(own) { tx in
                _ = try await tx.query("SELECT 1")
                throw PostgresFailure(.misuse, "the body changed its mind")
            }
        case 4:
            try await store.withTenant(own) { tx in _ = try await tx.query("SELECT 1 / 0") }
        case 5:
            // The worst a body can do: a scope on the session instead of the transaction.
            try await store.withTenant(own) { tx in
                try await tx.execute("SET app.tenant = '\(unescaped: own.text)'")
            }
        case 6:
            try await store.direct.withConnection { try await $0.script("SET app.lane = '4'") }
        default:
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await store.withTenant(own) { tx in _ = try await tx.query("SELECT 1") }
            }
            try await task.value
        }
    }
}
