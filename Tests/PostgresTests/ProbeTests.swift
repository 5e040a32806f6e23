import Kernel
import Postgres
import TestKit
import Testing

@Suite struct ProbeTests {

    @Test func all() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \(amount)::text, \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex'), \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without0() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT \(date)::text, \(amount)::text, \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex'), \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without1() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(amount)::text, \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex'), \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without2() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex'), \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without3() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \(amount)::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex'), \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without4() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \(amount)::text, \([1, 2, 3])::text, encode(\([1, 171] as [UInt8]), 'hex'), \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without5() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \(amount)::text, \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, \(["k": [1]] as JSONValue)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func without6() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \(amount)::text, \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex')").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }

    @Test func first3() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        let row = try await database.store.direct.withConnection {
            _ = (moment, date, amount)
            return try await $0.query("SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY'), \(date)::text, \(amount)::text").only()
        }
        let text: String = try row[0]
        #expect(text != "")
    }
}
