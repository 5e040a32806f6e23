import Kernel
import Postgres
import TestBasics
import TestKit
import Testing

@Suite("binds and decodes on a real server")
struct BindingTests {
    private func echo<Value: SQLBindable & SQLDecodable>(_ value: Value, cast: String? = nil) async throws -> Value {
        let database = try await TestDatabase.shared(by: "bindings")
        return try await database.store.direct.withConnection { connection in
            let sql: SQL = cast.map { "SELECT \(value)::\(unescaped: $0)" } ?? "SELECT \(value)"
            return try await connection.query(sql).only().get(0, as: Value.self)
        }
    }

    @Test("integers come back as they went", arguments: [0, 1, -1, Int.max, Int.min])
    func integers(value: Int) async throws {
        #expect(try await echo(value) == value)
        #expect(try await echo(Int64(value)) == Int64(value))
        let narrow = Int32(truncatingIfNeeded: value)
        #expect(try await echo(narrow) == narrow)
    }

    @Test(
        "text comes back byte for byte", arguments: ["", "a", "é", "e\u{301}", "\u{1F9FE} Rechnung", "a'b\"c\\d\n\t", "\u{7F}"])
    func text(value: String) async throws {
        let back = try await echo(value)
        #expect(Array(back.utf8) == Array(value.utf8))
    }

    @Test("booleans, bytes, ids, moments, dates, JSON and decimals come back as they went")
    func scalars() async throws {
        #expect(try await echo(true))
        #expect(try await !echo(false))
        #expect(try await echo([UInt8]()) == [])
        #expect(try await echo([0, 1, 255, 92] as [UInt8]) == [0, 1, 255, 92])
        let id = RunID(high: 0x0123_4567_89AB_7DEF, low: 0x8FED_CBA9_8765_4321)
        #expect(try await echo(id) == id)
        for microseconds in [0, -1, 1, 946_684_800_000_000, 1_784_000_000_123_456, -62_135_596_800_000_000] as [Int64] {
            let moment = Moment(microseconds: microseconds)
            #expect(try await echo(moment) == moment)
        }
        for text in ["0001-01-01", "1970-01-01", "2000-02-29", "9999-12-31"] {
            let date = try #require(CivilDate(text))
            #expect(try await echo(date) == date)
        }
        let json: JSONValue = ["amount": "12.30", "lines": [1, 2, nil], "deep": ["ok": true], "text": "é\u{1F9FE}\"\\"]
        #expect(try await echo(json) == json)
    }

    @Test(
        "decimals keep value and scale",
        arguments: [
            "0", "1", "-1", "0.1", "-0.0001", "10000", "9999.9999", "12345678901234567890.1234567890", "0.00000000000000000001",
            "100.00",
            "-340282366920938463463.374607431",
        ])
    func decimals(text: String) async throws {
        let value = try #require(ExactDecimal(text))
        let back = try await echo(value)
        #expect(back == value)
        #expect(back.description == text)
    }

    @Test("the server reads what we bind: its own text agrees")
    func serverText() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let moment = try #require(Moment("2026-07-14T08:30:00.250Z"))
        let date = try #require(CivilDate("2024-02-29"))
        let amount = try #require(ExactDecimal("-1234567.8900"))
        // Built outside the closure, which is then sent no 128-bit number: capturing one crashes async closures of Swift 6.3.
        let sql: SQL = """
            SELECT to_char(\(moment) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS'), \(date)::text, \(amount)::text,
                   \([1, 2, 3])::text, \(["a", nil, "c,d"])::text, encode(\([1, 171] as [UInt8]), 'hex'),
                   \(["k": [1]] as JSONValue)::text
            """
        let row = try await database.store.direct.withConnection { try await $0.query(sql).only() }
        let (first, second, third, fourth, fifth, sixth, seventh) = try row.decode(
            String.self, String.self, String.self, String.self, String.self, String.self, String.self)
        #expect(first == "2026-07-14T08:30:00.250")
        #expect(second == "2024-02-29")
        #expect(third == "-1234567.8900")
        #expect(fourth == "{1,2,3}")
        #expect(fifth == "{a,NULL,\"c,d\"}")
        #expect(sixth == "01ab")
        #expect(seventh == "{\"k\": [1]}")
    }

    @Test("NULL comes back as nil for every type")
    func nulls() async throws {
        #expect(try await echo(nil as Int?) == nil)
        #expect(try await echo(nil as Int32?) == nil)
        #expect(try await echo(nil as Bool?) == nil)
        #expect(try await echo(nil as String?) == nil)
        #expect(try await echo(nil as [UInt8]?) == nil)
        #expect(try await echo(nil as Moment?) == nil)
        #expect(try await echo(nil as CivilDate?) == nil)
        #expect(try await echo(nil as TaskID?) == nil)
        #expect(try await echo(nil as JSONValue?) == nil)
        #expect(try await echo(nil as ExactDecimal?) == nil)
        #expect(try await echo(nil as [Int64]?) == nil)
        #expect(try await echo(JSONValue.null) == .null)
        #expect(try await echo("" as String?) == "")
    }

    @Test("arrays come back as they went: empty, filled and with NULL elements")
    func arrays() async throws {
        let id = TaskID(high: 1, low: 2)
        let moment = Moment(microseconds: 1_784_000_000_000_001)
        #expect(try await echo([Int64]()) == [])
        #expect(try await echo([Int64.min, 0, Int64.max]) == [Int64.min, 0, Int64.max])
        #expect(try await echo([Int32]()) == [])
        #expect(try await echo([Int32(1), -1]) == [1, -1])
        #expect(try await echo([String]()) == [])
        #expect(try await echo(["", "a", "NULL", "{}\"\\,"]) == ["", "a", "NULL", "{}\"\\,"])
        #expect(try await echo([TaskID]()) == [])
        #expect(try await echo([id, id]) == [id, id])
        #expect(try await echo([Bool]()) == [])
        #expect(try await echo([true, false]) == [true, false])
        #expect(try await echo([moment]) == [moment])
        #expect(try await echo([[UInt8]]()) == [])
        #expect(try await echo([[], [1, 2], [255]] as [[UInt8]]) == [[], [1, 2], [255]])
        #expect(try await echo([["a": 1], nil, [1, 2]] as [JSONValue]) == [["a": 1], nil, [1, 2]])
        #expect(try await echo(["a", nil, ""] as [String?]) == ["a", nil, ""])
        #expect(try await echo([nil, id] as [TaskID?]) == [nil, id])
        #expect(try await echo([moment, nil] as [Moment?]) == [moment, nil])
        #expect(try await echo([nil, 5] as [Int64?]) == [nil, 5])
        #expect(try await echo([nil, [7]] as [[UInt8]?]) == [nil, [7]])
        #expect(try await echo([nil, nil] as [Int32?]) == [nil, nil])
    }

    @Test("unnest turns one array per column into rows")
    func unnest() async throws {
        let database = try await TestDatabase.shared(by: "bindings")
        let ids = (0..<100).map { TaskID(high: UInt64($0), low: 7) }
        let names: [String?] = (0..<100).map { $0 % 3 == 0 ? nil : "n\($0)" }
        let rows = try await database.store.direct.withConnection {
            try await $0.query("SELECT * FROM unnest(\(ids), \(names)) AS batch(id, name)")
        }
        #expect(rows.count == 100)
        #expect(try rows.map { try $0["id"] as TaskID } == ids)
        #expect(try rows.map { try $0["name"] as String? } == names)
    }

    @Test("random values of every type survive the way to the server and back")
    func property() async throws {
        var random = Seeded("random values survive the way to the server and back")
        for _ in 0..<60 {
            let text = String(
                String.UnicodeScalarView(
                    (0..<Int.random(in: 0...40, using: &random)).map { _ in
                        Unicode.Scalar(UInt32.random(in: 1...0xD7FF, using: &random)) ?? "x"
                    }))
            #expect(Array(try await echo(text).utf8) == Array(text.utf8))
            let bytes = (0..<Int.random(in: 0...64, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            #expect(try await echo(bytes) == bytes)
            let moment = Moment(microseconds: Int64.random(in: -62_135_596_800_000_000...253_402_300_799_999_999, using: &random))
            #expect(try await echo(moment) == moment)
            let mantissa = Int128(Int64.random(in: Int64.min...Int64.max, using: &random)) * 1_000_003
            let decimal = ExactDecimal(mantissa: mantissa, scale: Int.random(in: 0...38, using: &random))
            let back = try await echo(decimal)
            #expect(back == decimal && back.scale == decimal.scale)
            let numbers: [Int64?] = (0..<Int.random(in: 0...9, using: &random)).map { _ in
                Bool.random(using: &random) ? nil : Int64.random(in: Int64.min...Int64.max, using: &random)
            }
            #expect(try await echo(numbers) == numbers)
        }
    }
}

@Suite("rows")
struct RowTests {
    private enum Phase: String { case waiting, done }

    private func one(_ sql: SQL) async throws -> Row {
        let database = try await TestDatabase.shared(by: "bindings")
        return try await database.store.direct.withConnection { try await $0.query(sql).only() }
    }

    @Test("columns are read by name and by position, and enumerations by their raw value")
    func reading() async throws {
        let row = try await one("SELECT 7 AS number, 'done' AS phase, NULL::text AS gone, 'x'::name AS name")
        let number: Int = try row["number"]
        #expect(number == 7)
        #expect(try row.get(0, as: Int32.self) == 7)
        #expect(try row.get("phase", as: Phase.self) == .done)
        #expect(try row.get("gone", as: Phase?.self) == nil)
        #expect(try row.get("name", as: String.self) == "x")
    }

    @Test("a wrong type, an unknown column and an unexpected NULL are errors that name the column")
    func failures() async throws {
        let row = try await one("SELECT 7::bigint AS number, NULL::uuid AS id, 'other' AS phase")
        #expect(throws: RowFailure.self) { try row.get("number", as: String.self) }
        #expect(throws: RowFailure.self) { try row.get("number", as: Int32.self) }
        #expect(throws: RowFailure.self) { try row.get("id", as: RunID.self) }
        #expect(throws: RowFailure.self) { try row.get("phase", as: Phase.self) }
        let missing = #expect(throws: RowFailure.self) { try row.get("nmber", as: Int.self) }
        #expect(missing?.description.contains("nmber") ?? false)
        #expect(throws: RowFailure.self) { try row.decode(Int.self) }
        #expect(throws: RowFailure.self) { try row.get(9, as: Int.self) }
    }

    @Test("infinite moments and NaN are refused rather than invented")
    func infinities() async throws {
        let row = try await one("SELECT 'infinity'::timestamptz AS at, '-infinity'::date AS day, 'NaN'::numeric AS rate")
        #expect(throws: RowFailure.self) { try row.get("at", as: Moment.self) }
        #expect(throws: RowFailure.self) { try row.get("day", as: CivilDate.self) }
        #expect(throws: RowFailure.self) { try row.get("rate", as: ExactDecimal.self) }
    }
}
