import Kernel
import TestKit
import Testing

@testable import Postgres

/// A connection of a test's own to a shared empty database.
func withOwnConnection<Value: Sendable>(
    keepsSession: Bool = true, _ body: (PGConnection, TestDatabase) async throws -> Value
) async throws -> Value {
    let database = try await TestDatabase.shared(by: "connections")
    let settings = ConnectionSettings(dsn: database.dsn, keepsSession: keepsSession)
    let connection = try await PGConnection.connect(settings)
    do {
        let value = try await body(connection, database)
        await connection.close()
        return value
    } catch {
        await connection.close()
        throw error
    }
}

@Suite("connections")
struct ConnectionTests {
    @Test("a pipeline answers every statement in order")
    func pipeline() async throws {
        try await withOwnConnection { connection, _ in
            let rows = try await connection.pipeline((0..<50).map { "SELECT \($0)" })
            #expect(try rows.map { try $0.only().get(0, as: Int.self) } == Array(0..<50))
        }
    }

    @Test("a failure in a pipeline names its statement, undoes the whole and leaves the connection usable")
    func pipelineFailure() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script("CREATE TEMP TABLE posting (id bigint PRIMARY KEY)")
            let failure = await #expect(throws: PostgresFailure.self) {
                try await connection.pipeline([
                    "INSERT INTO posting VALUES (\(1))", "INSERT INTO posting VALUES (\(2))", "INSERT INTO posting VALUES (\(1))",
                    "INSERT INTO posting VALUES (\(3))",
                ])
            }
            #expect(failure?.statementIndex == 2)
            #expect(failure?.isUniqueViolation == true)
            #expect(failure?.constraint == "posting_pkey")
            #expect(try await connection.query("SELECT count(*) FROM posting").only().get(0, as: Int.self) == 0)
            #expect(await connection.isReusable)
        }
    }

    @Test("statements of many tasks on one connection do not mix their answers")
    func interleaving() async throws {
        try await withOwnConnection { connection, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<64 {
                    group.addTask {
                        if number % 9 == 0 {
                            let failure = await #expect(throws: PostgresFailure.self) {
                                try await connection.query("SELECT 1 / \(number - number)")
                            }
                            return failure?.sqlState == "22012"
                        }
                        return try await connection.query("SELECT \(number)").only().get(0, as: Int.self) == number
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("a statement is prepared once per text and types of its binds")
    func preparing() async throws {
        try await withOwnConnection { connection, _ in
            for number in 0..<5 { _ = try await connection.query("SELECT \(number) + 1") }
            for _ in 0..<5 { _ = try await connection.query("SELECT \(Int32(1)) + 1") }
            #expect(await connection.prepared.count == 2)
            let server = try await connection.query("SELECT count(*) FROM pg_prepared_statements").only().get(0, as: Int.self)
            #expect(server == 3)
        }
    }

    @Test("behind a pooler nothing is prepared and everything still works")
    func unnamed() async throws {
        try await withOwnConnection(keepsSession: false) { connection, _ in
            for number in 0..<3 { #expect(try await connection.query("SELECT \(number)").only().get(0, as: Int.self) == number) }
            _ = try await connection.pipeline(["SELECT \("a")", "SELECT \("b")"])
            #expect(await connection.prepared.isEmpty)
            let server = try await connection.query("SELECT count(*) FROM pg_prepared_statements").only().get(0, as: Int.self)
            #expect(server == 0)
        }
    }

    @Test("prepared statements stay within their bound")
    func preparedBound() async throws {
        try await withOwnConnection { connection, _ in
            let statements: [SQL] = (0..<PGConnection.preparedStatementsMax + 40).map { "SELECT \(unescaped: "\($0)")" }
            let rows = try await connection.pipeline(statements)
            #expect(try rows.map { try $0.only().get(0, as: Int32.self) } == (0..<Int32(statements.count)).map { $0 })
            #expect(await connection.prepared.count == PGConnection.preparedStatementsMax)
            await connection.trimPrepared()
            #expect(await connection.prepared.isEmpty)
            #expect(try await connection.query(statements[0]).count == 1)
        }
    }

    @Test("a changed table does not leave a stale plan behind")
    func changedPlan() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script("CREATE TEMP TABLE plan (a bigint); INSERT INTO plan VALUES (1)")
            _ = try await connection.query("SELECT * FROM plan")
            try await connection.script("ALTER TABLE plan ADD b text")
            await #expect(throws: PostgresFailure.self) { try await connection.query("SELECT * FROM plan") }
            #expect(try await connection.query("SELECT * FROM plan").columnNames == ["a", "b"])
        }
    }

    @Test("a cancelled task cancels its statement on the server")
    func cancellation() async throws {
        let (pid, database) = try await withOwnConnection { connection, database in
            let pid: Int32 = try await connection.query("SELECT pg_backend_pid()").only()[0]
            let task = Task { try await connection.query("SELECT pg_sleep(600)") }
            let isRunning = try await eventually { try await isBusy(pid, on: database) }
            #expect(isRunning)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await !connection.isReusable)
            return (pid, database)
        }
        let isOver = try await eventually { try await !isBusy(pid, on: database) }
        #expect(isOver)
    }

    @Test("a task that is cancelled already sends nothing")
    func cancelledBefore() async throws {
        try await withOwnConnection { connection, _ in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await connection.query("SELECT 1")
            }
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(await connection.isReusable)
        }
    }

    @Test("a statement over its time limit is ended by the server")
    func statementTimeout() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script("SET statement_timeout = 20")
            let failure = await #expect(throws: PostgresFailure.self) { try await connection.query("SELECT pg_sleep(600)") }
            #expect(failure?.sqlState == "57014")
            #expect(failure?.isRetryable == true)
        }
    }

    @Test("copied rows arrive as they were, with NULLs, tabs, newlines and backslashes")
    func copy() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script(
                "CREATE TEMP TABLE line (id uuid, note text, at timestamptz, data jsonb, raw bytea, tags text[])")
            let id = TaskID(high: 5, low: 6)
            let moment = Moment(microseconds: 1_784_000_000_123_456)
            let notes: [String?] = ["a\tb\nc\\d\re", nil, "", "\\N", "é\u{1F9FE}"]
            var text: [UInt8] = []
            for note in notes {
                CopyText.row(
                    [id, note, moment, ["k": "a\tb\\"] as JSONValue, [0, 9, 92] as [UInt8], ["x,\"y\\", nil] as [String?]],
                    into: &text)
            }
            #expect(try await connection.copyIn("COPY line FROM STDIN", text, in: nil) == 5)
            let rows = try await connection.query("SELECT * FROM line")
            #expect(try rows.map { try $0["note"] as String? } == notes)
            for row in rows {
                #expect(try row["id"] as TaskID == id)
                #expect(try row["at"] as Moment == moment)
                #expect(try row["data"] as JSONValue == ["k": "a\tb\\"])
                #expect(try row["raw"] as [UInt8] == [0, 9, 92])
                #expect(try row["tags"] as [String?] == ["x,\"y\\", nil])
            }
        }
    }

    @Test("a large copy flows although the socket takes it in pieces")
    func largeCopy() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script("CREATE TEMP TABLE many (id bigint, note text)")
            let note = String(repeating: "x", count: 200)
            var text: [UInt8] = []
            for number in 0..<50_000 { CopyText.row([number, note], into: &text) }
            #expect(try await connection.copyIn("COPY many FROM STDIN", text, in: nil) == 50_000)
            #expect(
                try await connection.query("SELECT sum(id) FROM many").only().get(0, as: ExactDecimal.self)
                    == ExactDecimal(1_249_975_000))
        }
    }

    @Test("a bad row fails the copy and leaves the connection usable")
    func badCopy() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script("CREATE TEMP TABLE few (id bigint)")
            let failure = await #expect(throws: PostgresFailure.self) {
                try await connection.copyIn("COPY few FROM STDIN", Array("1\nnonsense\n".utf8), in: nil)
            }
            #expect(failure?.sqlState == "22P02")
            #expect(try await connection.query("SELECT count(*) FROM few").only().get(0, as: Int.self) == 0)
        }
    }

    @Test("a large answer and a large statement pass")
    func large() async throws {
        try await withOwnConnection { connection, _ in
            let text = String(repeating: "invoice ", count: 1_000_000)
            #expect(try await connection.query("SELECT \(text)").only().get(0, as: String.self).utf8.count == 8_000_000)
            let rows = try await connection.query("SELECT n, n::text FROM generate_series(1, 100000) AS n")
            #expect(rows.count == 100_000)
            #expect(try rows[99_999].get(1, as: String.self) == "100000")
        }
    }

    @Test("a killed backend fails what runs and what comes after, as a loss to be retried")
    func killed() async throws {
        try await withOwnConnection { connection, database in
            let pid: Int32 = try await connection.query("SELECT pg_backend_pid()").only()[0]
            let task = Task { try await connection.query("SELECT pg_sleep(600)") }
            let isRunning = try await eventually { try await isBusy(pid, on: database) }
            #expect(isRunning)
            try await terminate(pid, on: database)
            let failure = await #expect(throws: PostgresFailure.self) { try await task.value }
            #expect(failure?.isRetryable == true)
            let isGone = try await eventually { await !connection.isOpen }
            #expect(isGone)
            let later = await #expect(throws: PostgresFailure.self) { try await connection.query("SELECT 1") }
            #expect(later?.kind == .connectionLost)
        }
    }

    @Test("COPY through a plain query is a mistake that ends the connection rather than hanging it")
    func strayCopy() async throws {
        try await withOwnConnection { connection, _ in
            try await connection.script("CREATE TEMP TABLE stray (id bigint)")
            await #expect(throws: PostgresFailure.self) { try await connection.query("COPY stray FROM STDIN") }
            await #expect(throws: PostgresFailure.self) { try await connection.query("SELECT 1") }
        }
    }

    @Test("a statement with a NUL in its text is not sent, for it would be cut short")
    func embeddedNul() async throws {
        try await withOwnConnection { connection, _ in
            let failure = await #expect(throws: PostgresFailure.self) {
                try await connection.query(SQL(unescaped: "SELECT 1\0 WHERE false"))
            }
            #expect(failure?.kind == .misuse)
        }
    }

    @Test("a wrong password or database is told at once, an absent server may be retried")
    func connecting() async throws {
        let database = try await TestDatabase.shared(by: "connections")
        let unknown = ConnectionSettings(dsn: database.dsn + " dbname='no_such_database'")
        let failure = await #expect(throws: PostgresFailure.self) { try await PGConnection.connect(unknown) }
        #expect(failure?.kind == .connect)
        #expect(failure?.isRetryable == false)
        let absent = ConnectionSettings(dsn: "host=/nonexistent-socket-directory user=nobody dbname=none")
        let second = await #expect(throws: PostgresFailure.self) { try await PGConnection.connect(absent) }
        #expect(second?.isRetryable == true)
        await #expect(throws: PostgresFailure.self) { try await PGConnection.connect(ConnectionSettings(dsn: "not a dsn")) }
    }
}

/// Whether the backend runs a statement right now, seen from outside.
func isBusy(_ pid: Int32, on database: TestDatabase) async throws -> Bool {
    let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
    let rows = try await admin.query(
        "SELECT 1 FROM pg_stat_activity WHERE pid = \(pid) AND state = 'active' AND query LIKE '%pg_sleep%'")
    await admin.close()
    return !rows.isEmpty
}

func terminate(_ pid: Int32, on database: TestDatabase) async throws {
    let admin = try await PGConnection.connect(ConnectionSettings(dsn: database.adminDSN))
    _ = try await admin.query("SELECT pg_terminate_backend(\(pid))")
    await admin.close()
}
