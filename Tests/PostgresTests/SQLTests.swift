import Kernel
import Testing

@testable import Postgres

@Suite("statements")
struct SQLTests {
    @Test("an interpolated value is bound and never becomes part of the text")
    func interpolationBinds() {
        let name = "x'; DROP TABLE invoice; --"
        let sql: SQL = "SELECT \(name), \(7)"
        #expect(sql.text == "SELECT $1, $2")
        #expect(sql.bindCount == 2)
    }

    @Test("a literal without interpolation has no binds")
    func literal() {
        let sql: SQL = "SELECT 1"
        #expect(sql.text == "SELECT 1")
        #expect(sql.bindCount == 0)
    }

    @Test("a spliced statement brings its binds along and they are renumbered")
    func splicing() {
        let limits: SQL = "lane = \(Int32(3)) AND due_at <= \(Moment(seconds: 1))"
        let sql: SQL = "SELECT id FROM t WHERE kind = \("a") AND \(limits) LIMIT \(10)"
        #expect(sql.text == "SELECT id FROM t WHERE kind = $1 AND lane = $2 AND due_at <= $3 LIMIT $4")
        #expect(sql.binds.map(\.type) == [.text, .int4, .timestamptz, .int8])
    }

    @Test("joining and adding keep the order of binds")
    func joining() {
        let sets: [SQL] = ["a = \(1)", "b = \(2)"]
        let sql = "UPDATE t SET " + SQL.joined(sets) + " WHERE c = \(3)"
        #expect(sql.text == "UPDATE t SET a = $1, b = $2 WHERE c = $3")
        #expect(sql.bytes.count == 24)
    }

    @Test("pasting needs its label")
    func pasting() {
        let sql: SQL = "SELECT * FROM t ORDER BY \(unescaped: "id DESC")"
        #expect(sql.text == "SELECT * FROM t ORDER BY id DESC")
    }

    @Test("an identifier is quoted whatever it contains")
    func identifiers() {
        #expect(SQL.identifier("plain").text == "\"plain\"")
        #expect(SQL.identifier("a\"b").text == "\"a\"\"b\"")
        #expect(SQL.identifier("a\0b").text == "\"ab\"")
    }

    @Test("nil keeps its type as a NULL")
    func nulls() {
        let none: String? = nil
        let id: TenantID? = nil
        let sql: SQL = "SELECT \(none), \(id)"
        #expect(sql.binds.map(\.type) == [.text, .uuid])
        #expect(sql.binds.allSatisfy { $0.range == nil })
    }
}

@Suite("server versions")
struct ServerVersionTests {
    @Test(
        "a server that leaks past row security is refused, with the minor update to install",
        arguments: [
            (15, 13, false), (15, 14, true), (15, 20, true), (16, 9, false), (16, 10, true), (17, 5, false), (17, 6, true),
            (18, 0, true), (14, 22, false),
        ])
    func versions(major: Int, minor: Int, isPermitted: Bool) {
        let version = ServerVersion(major: major, minor: minor)
        if isPermitted {
            #expect(throws: Never.self) { try version.permit() }
        } else {
            #expect(throws: Refusal.self) { try version.permit() }
        }
    }

    @Test("a version is read from the program's own words")
    func programOutput() {
        #expect(
            ServerVersion(programOutput: "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)")
                == ServerVersion(major: 15, minor: 20))
        #expect(ServerVersion(programOutput: "postgres (PostgreSQL) 18beta1") == nil)
        #expect(ServerVersion(programOutput: "nonsense") == nil)
        #expect(ServerVersion(number: 150_020) == ServerVersion(major: 15, minor: 20))
    }
}

@Suite("failures")
struct PostgresFailureTests {
    @Test("a failure's text never shows the values of rows")
    func redaction() {
        let duplicate = PostgresFailure(
            .statement, sqlState: "23505", "duplicate key value violates unique constraint \"iban_key\"",
            detail: "Key (iban)=(DE89370400440532013000) already exists.", constraint: "iban_key")
        #expect(!duplicate.description.contains("DE89"))
        let syntax = PostgresFailure(
            .statement, sqlState: "22P02", "invalid input syntax for type uuid: \"DE89370400440532013000\"")
        #expect(syntax.description == "22P02 invalid input syntax for type uuid")
    }

    @Test(
        "what may pass is retryable, what the schema refuses is not",
        arguments: [
            ("40001", true), ("40P01", true), ("57P01", true), ("08006", true), ("53300", true), ("23505", false),
            ("42501", false),
        ])
    func retrying(state: String, isRetryable: Bool) {
        #expect(PostgresFailure(.statement, sqlState: state, "x").isRetryable == isRetryable)
    }

    @Test("a commit of unknown outcome is not to be repeated blindly")
    func commitUnknown() {
        let failure = PostgresFailure(.commitUnknown, "gone")
        #expect(!failure.isRetryable)
        #expect(failure.isWorldFailure)
    }
}
