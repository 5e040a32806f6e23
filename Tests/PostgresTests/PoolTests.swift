import Kernel
import Logging
import TestKit
import Testing

@testable import Postgres

extension Logger {
    /// Drops everything: the tests provoke on purpose what would otherwise be cried out.
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

@Suite("the pool")
struct PoolTests {
    private func pool(_ limits: ConnectionPool.Limits) async throws -> (ConnectionPool, TestDatabase) {
        let database = try await TestDatabase.shared(by: "pool")
        return (ConnectionPool(ConnectionSettings(dsn: database.dsn), limits: limits, logger: .quiet), database)
    }

    @Test("sixty-four tasks share four connections and each gets its own answers")
    func sharing() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 4, waitMilliseconds: 60_000))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    for round in 0..<5 {
                        let sum = try await pool.withTransaction(.login) { tx in
                            let rows = try await tx.pipeline(["SELECT \(number)", "SELECT \(round)"])
                            return try rows[0].only().get(0, as: Int.self) * 10 + rows[1].only().get(0, as: Int.self)
                        }
                        #expect(sum == number * 10 + round)
                    }
                }
            }
            try await group.waitForAll()
        }
        let statistics = await pool.statistics
        #expect(statistics.open <= 4)
        #expect(statistics.idle == statistics.open)
        #expect(statistics.discarded == 0)
        await pool.close()
    }

    @Test("whoever waits too long is told so, and whoever is one too many is turned away at once")
    func waiting() async throws {
        let (impatient, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1, waitMilliseconds: 30))
        let (narrow, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1, waitMilliseconds: 60_000, waitersMax: 0))
        for pool in [impatient, narrow] {
            try await pool.withConnection { _ in
                let failure = await #expect(throws: PostgresFailure.self) { try await pool.withConnection { _ in } }
                #expect(failure?.kind == .timedOut)
            }
            try await pool.withConnection { _ in }
            await pool.close()
        }
    }

    @Test("a borrower that is cancelled while it waits lets the others through")
    func cancelledWaiter() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1, waitMilliseconds: 60_000))
        try await pool.withConnection { _ in
            let task = Task { try await pool.withConnection { _ in } }
            let isWaiting = try await eventually { await pool.statistics.waiting == 1 }
            #expect(isWaiting)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await pool.statistics.waiting == 0)
        }
        try await pool.withConnection { _ in }
        await pool.close()
    }

    @Test("a transaction whose body throws leaves nothing, one that returns keeps everything")
    func commitAndRollback() async throws {
        struct Change: Error {}
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 2))
        try await pool.withConnection { try await $0.script("CREATE TABLE IF NOT EXISTS ledger (id bigint PRIMARY KEY)") }
        await #expect(throws: Change.self) {
            try await pool.withTransaction(.login) { tx in
                try await tx.execute("INSERT INTO ledger VALUES (\(1))")
                throw Change()
            }
        }
        try await pool.withTransaction(.login) { tx in try await tx.execute("INSERT INTO ledger VALUES (\(2))") }
        let ids = try await pool.withTransaction(.login) { try await $0.query("SELECT id FROM ledger").column(as: Int.self) }
        #expect(ids == [2])
        await pool.close()
    }

    @Test("a commit that only pretends is found out")
    func swallowedFailure() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1))
        let failure = await #expect(throws: PostgresFailure.self) {
            try await pool.withTransaction(.login) { tx in
                do { _ = try await tx.query("SELECT 1 / 0") } catch {}
            }
        }
        #expect(failure?.kind == .rolledBack)
        let again = try await pool.withTransaction(.login) { try await $0.query("SELECT 1").count }
        #expect(again == 1)
        #expect(await pool.statistics.discarded == 0)
        await pool.close()
    }

    @Test("a deferred constraint that fails at COMMIT fails the transaction and keeps the connection")
    func deferredConstraint() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1))
        try await pool.withConnection {
            try await $0.script("CREATE TABLE IF NOT EXISTS late (id bigint UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        }
        let failure = await #expect(throws: PostgresFailure.self) {
            try await pool.withTransaction(.login) { tx in try await tx.execute("INSERT INTO late VALUES (\(1)), (\(1))") }
        }
        #expect(failure?.isUniqueViolation == true)
        #expect(await pool.statistics.discarded == 0)
        await pool.close()
    }

    @Test("a transaction used after its end sends nothing")
    func afterTheEnd() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1))
        let escaped = try await pool.withTransaction(.login) { tx in
            _ = try await tx.query("SELECT 1")
            return tx
        }
        let failure = await #expect(throws: PostgresFailure.self) { try await escaped.query("SELECT 1") }
        #expect(failure?.kind == .misuse)
        await pool.close()
    }

    @Test("a body that ends its transaction itself is stopped there, and its connection is not lent again")
    func ownCommit() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1))
        await #expect(throws: PostgresFailure.self) {
            try await pool.withTransaction(.login) { tx in
                _ = try await tx.query("SELECT 1")
                do { _ = try await tx.query("COMMIT") } catch {}
                _ = try await tx.query("SELECT 'outside every scope'")
            }
        }
        #expect(await pool.statistics.discarded == 1)
        await pool.close()
    }

    @Test("a script runs inside its transaction, goes with it, and may not end it")
    func scripts() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1))
        try await pool.withTransaction(.login) {
            try await $0.script("CREATE TABLE scripted (id bigint); INSERT INTO scripted VALUES (1)")
        }
        await #expect(throws: PostgresFailure.self) {
            try await pool.withTransaction(.login) { try await $0.script("INSERT INTO scripted VALUES (2); SELECT 1 / 0") }
        }
        await #expect(throws: PostgresFailure.self) {
            try await pool.withTransaction(.login) { tx in
                do { try await tx.script("INSERT INTO scripted VALUES (3); COMMIT; SELECT 1") } catch {}
                try await tx.execute("INSERT INTO scripted VALUES (4)")
            }
        }
        let ids = try await pool.withTransaction(.login) {
            try await $0.query("SELECT id FROM scripted ORDER BY id").column(as: Int.self)
        }
        #expect(ids == [1, 3])
        await pool.close()
    }

    @Test("an empty transaction costs the server nothing")
    func empty() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits(connectionsMax: 1))
        try await pool.withTransaction(TransactionScope(role: .app, tenant: TenantID(high: 1, low: 1))) { _ in }
        #expect(await pool.statistics.discarded == 0)
        await pool.close()
    }

    @Test("a killed backend is replaced without the next borrower noticing")
    func reconnecting() async throws {
        let (pool, database) = try await pool(ConnectionPool.Limits(connectionsMax: 1, waitMilliseconds: 60_000))
        let pid = try await pool.withConnection { try await $0.query("SELECT pg_backend_pid()").only().get(0, as: Int32.self) }
        try await terminate(pid, on: database)
        let isNoticed = try await eventually {
            // The reactor hears of the end by itself; until then the connection still looks alive.
            let next = try? await pool.withConnection {
                try await $0.query("SELECT pg_backend_pid()").only().get(0, as: Int32.self)
            }
            return next != nil && next != pid
        }
        #expect(isNoticed)
        await pool.close()
    }

    @Test("a cancelled transaction rolls back, and its connection is replaced")
    func cancelledTransaction() async throws {
        let (pool, database) = try await pool(ConnectionPool.Limits(connectionsMax: 1, waitMilliseconds: 60_000))
        let (pids, sender) = AsyncStream.makeStream(of: Int32.self)
        let task = Task {
            try await pool.withTransaction(.login) { tx in
                sender.yield(try await tx.query("SELECT pg_backend_pid()").only().get(0, as: Int32.self))
                _ = try await tx.query("SELECT pg_sleep(600)")
            }
        }
        var pid: Int32 = 0
        for await one in pids {
            pid = one
            break
        }
        let busy = pid
        let isRunning = try await eventually { try await isBusy(busy, on: database) }
        #expect(isRunning)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        let next = try await pool.withTransaction(.login) {
            try await $0.query("SELECT pg_backend_pid()").only().get(0, as: Int32.self)
        }
        #expect(next != pid)
        await pool.close()
    }

    @Test("a pool that is closed lends nothing")
    func closed() async throws {
        let (pool, _) = try await pool(ConnectionPool.Limits())
        await pool.close()
        await #expect(throws: PostgresFailure.self) { try await pool.withConnection { _ in } }
    }
}
