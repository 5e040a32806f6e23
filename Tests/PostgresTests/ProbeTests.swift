import Kernel
import Postgres
import TestKit
import Testing

@Suite struct ProbeTests {

    @Test func x0() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        
        let row = try await database.store.direct.withConnection { connection in
            _ = (moment, date, amount)
            return try await connection.query("SELECT 'a'").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x1() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        
        let row = try await database.store.direct.withConnection { connection in
            _ = (moment, date)
            return try await connection.query("SELECT 'a'").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x2() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        
        let row = try await database.store.direct.withConnection { connection in
            _ = (date, amount)
            return try await connection.query("SELECT 'a'").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x3() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        
        let row = try await database.store.direct.withConnection { connection in
            _ = (moment, amount)
            return try await connection.query("SELECT 'a'").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x4() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        
        
        let row = try await database.store.direct.withConnection { connection in
            
            return try await connection.query("SELECT \(1)::text, \(2)::text, \(3)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x5() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let connection = try await PGConnection.connect(ConnectionSettings(dsn: database.dsn))
        let row = try await withTaskExecutorPreference(Reactor.shared) {
            _ = (moment, date, amount)
            return try await connection.query("SELECT \(1)::text, \(2)::text, \(3)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x6() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let connection = try await PGConnection.connect(ConnectionSettings(dsn: database.dsn))
        let row = try await withTaskExecutorPreference(Reactor.shared) {
            _ = (amount)
            return try await connection.query("SELECT \(amount)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func x7() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        
        let row = try await database.store.direct.withConnection { connection in
            _ = (date, amount)
            return try await connection.query("SELECT \(date)::text,\(amount)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }
}
