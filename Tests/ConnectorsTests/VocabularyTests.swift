import Connectors
import Kernel
import Testing

@Suite("What a mapping can say")
struct VocabularyTests {
    private func made(_ node: JSONValue, _ data: JSONValue, _ more: JSONObject = [:]) async throws -> JSONValue? {
        guard case .completed(let output) = try await Vocabulary.value(of: node, in: data, more: more) else { return "failed" }
        return output["supplier"]?["value"]
    }

    @Test("values are joined, encoded, quoted, summed exactly and wrapped in types")
    func nodes() async throws {
        let data: JSONValue = [
            "a": "x", "q": "O'Brien", "n": nil, "when": "2026-07-14T08:09:10Z",
            "list": [["v": "0.10"], ["v": "0.20"], ["v": nil], ["v": "400.0"]], "day": ["year": 2026, "month": 7, "day": 4],
        ]
        #expect(try await made(["join": ["$.a", "-", "$.a"]], data) == "x-x")
        #expect(try await made(["join": ["$.a", "$.n"]], data) == nil, "nothing when a part is missing")
        #expect(try await made(["base64": ["join": ["$.a", "?>"]]], data) == "eD8+")
        #expect(try await made(["base64url": [["$.a", "=", 1]], "padded": true], data) == "W1sieCIsIj0iLDFdXQ==")
        #expect(try await made(["base64url": [["$.a", "=", 1]]], data) == "W1sieCIsIj0iLDFdXQ")
        #expect(try await made(["quote": "$.q"], data) == "'O''Brien'")
        #expect(try await made(["sum": "$.list", "of": ["take": "$.v", "as": "decimal"]], data) == "400.3")
        #expect(try await made(["take": "$.day", "as": "date"], data) == "2026-07-04")
        #expect(try await made(["object": ["take": "$.a", "from": "me"]], data) == ["take": "x", "from": "me"])
        let types: JSONObject = [
            "types": [
                "day": ["year": ["take": "$", "as": "year"], "month": ["take": "$", "as": "month"]],
                "time": ["h": ["take": "$", "as": "hour"], "s": ["take": "$", "as": "second"]],
            ]
        ]
        #expect(try await made(["take": "$.when", "as": "date", "type": "day"], data, types) == ["year": 2026, "month": 7])
        #expect(try await made(["take": "$.when", "as": "instant", "type": "time"], data, types) == ["h": 8, "s": 10])
    }

    @Test("JSON's null is no value wherever it stands")
    func null() async throws {
        let data: JSONValue = ["n": nil, "b": "B"]
        #expect(try await made(["first": ["$.n", "$.b"]], data) == "B")
        #expect(try await made(["x": "$.n", "y": "$.b"], data) == ["y": "B"])
        #expect(try await made(["x": ["take": "$.n", "missing": "drop"]], data) == nil)
        guard case .failed("protocol", _, _) = try await Vocabulary.value(of: ["take": "$.n", "missing": "fail"], in: data) else {
            return #expect(Bool(false))
        }
    }

    @Test("a number finer or larger than the other side takes is refused with place, value and limit; zeros at the end may go")
    func limits() async throws {
        let node: JSONValue = ["take": "$.v", "as": "number", "decimalsMax": 4, "wholeDigitsMax": 3]
        #expect(try await made(node, ["v": "1.2345000"]) == .number(JSONNumber(unchecked: "1.2345")))
        #expect(try await made(node, ["v": "10"]) == .number(JSONNumber(unchecked: "10")))
        for (value, words) in [("1.23456", ["1.23456", "5 decimals", "takes 4"]), ("1000.5", ["4 digits", "takes 3"])] {
            guard case .failed(_, let message, _) = try await Vocabulary.value(of: node, in: ["v": .string(value)]) else {
                return #expect(Bool(false), "\(value)")
            }
            for word in words { #expect(message.contains(word), "\(message)") }
        }
        #expect(try await made(["take": "$.v", "as": "shortest", "times": "0.01"], ["v": "19.00"]) == "0.19")
    }

    private func listing(_ paging: JSONValue, _ request: JSONObject = ["path": "/rows"]) -> JSONValue {
        var find: JSONObject = ["keys": ["orderNumber"], "items": "$.rows", "paging": paging]
        for member in request { find[member.key] = member.value }
        return Vocabulary.mapping([
            "auth": ["kind": "none"], "answers": [:],
            "objects": ["receipts": ["find": [.object(find)], "map": ["n": "$.n"]]],
        ])
    }

    private func pages(_ mapping: JSONValue, _ words: [ScriptedSystem.Word]) async throws -> (ConnectorOutcome, ScriptedSystem) {
        let system = ScriptedSystem(words)
        let engine = try Sample.engine(system, connection: Vocabulary.connection(mapping), secrets: [:])
        return (await engine.read(["object": "receipts", "key": ["orderNumber": "O"]]), system)
    }

    private func rows(_ numbers: Int..., next: String? = nil) -> JSONValue {
        .object([
            "rows": .array(numbers.map { ["n": JSONValue($0)] }), "next": next.map { .string($0) },
        ])
    }

    @Test("lists go on by cursor until there is none, and a cursor that leads back is refused")
    func cursor() async throws {
        let paging: JSONValue = ["kind": "cursor", "next": "$.next", "parameter": "after"]
        let (outcome, system) = try await pages(
            listing(paging), [.json(rows(1, 2, next: "c/1")), .json(rows(3, next: "c2")), .json(rows())])
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(output["receipts"]?.array?.count == 3)
        #expect(system.lines == ["GET /db/rows", "GET /db/rows?after=c%2F1", "GET /db/rows?after=c2"])
        let (circle, _) = try await pages(listing(paging), [.json(rows(1, next: "c")), .json(rows(2, next: "c"))])
        guard case .failed("protocol", _, _) = circle else { return #expect(Bool(false)) }
    }

    @Test("lists go on by range until the total, a short page, or the end of the range")
    func range() async throws {
        let paging: JSONValue = ["kind": "range", "unit": "records", "size": 2]
        func headers(_ text: String) -> [(name: String, value: String)] { [(name: "content-range", value: text)] }
        let (total, system) = try await pages(
            listing(paging),
            [
                .json(rows(1, 2), status: 206, headers: headers("records 0-1/4")),
                .json(rows(3, 4), status: 206, headers: headers("records 2-3/4")),
            ])
        guard case .completed(let output) = total else { return #expect(Bool(false), "\(total)") }
        #expect(output["receipts"]?.array?.count == 4)
        #expect(system.asked.map { $0.headers.first { $0.name == "Range" }?.value } == ["records=0-1", "records=2-3"])
        let (past, _) = try await pages(
            listing(paging),
            [.json(rows(1, 2), headers: headers("records 0-1/*")), .text("<h1>416</h1>", type: "text/html", status: 416)])
        guard case .completed(let behind) = past else { return #expect(Bool(false), "\(past)") }
        #expect(behind["receipts"]?.array?.count == 2)
    }

    @Test("a search by POST says in its body which page it wants")
    func bodyPaging() async throws {
        let mapping = listing(
            ["kind": "offset", "size": 2],
            [
                "path": "/rpc", "method": "POST",
                "body": ["object": ["from": 0, "skip": "$paging.offset", "count": "$paging.size"]],
            ])
        let (outcome, system) = try await pages(mapping, [.json(rows(1, 2)), .json(rows(3))])
        guard case .completed(let output) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(output["receipts"]?.array?.count == 3)
        #expect(system.asked.last?.body == Array("{\"from\":0,\"skip\":2,\"count\":2}".utf8))
    }

    private func lookups(_ lookup: JSONObject, map: JSONValue) -> JSONValue {
        var base: JSONObject = ["title": "tax", "path": "/taxes", "items": "$.rows", "value": "$.id"]
        for member in lookup { base[member.key] = member.value }
        var objects: JSONObject = [:]
        objects["supplier"] = ["find": [["keys": ["number"], "needs": ["taxes"], "path": "/one"]], "map": ["tax": map]]
        return Vocabulary.mapping([
            "auth": ["kind": "none"], "answers": [:], "lookups": ["taxes": .object(base)], "objects": .object(objects),
        ])
    }

    private let taxes: JSONValue = [
        "rows": [["rate": "0.190", "id": 1], ["rate": "0.07", "id": 2], ["rate": "0.07", "id": 3]]
    ]

    private func tax(_ mapping: JSONValue, _ words: [ScriptedSystem.Word]) async throws -> ConnectorOutcome {
        let engine = try Sample.engine(ScriptedSystem(words), connection: Vocabulary.connection(mapping), secrets: [:])
        return await engine.read(["object": "supplier", "key": ["number": "A"]])
    }

    @Test("what is looked up by key is found, missing or there several times, and never guessed")
    func lookupTables() async throws {
        let by: JSONObject = ["by": ["take": "$.rate", "as": "shortest"]]
        func at(_ rate: String) -> JSONValue { ["from": "taxes", "at": ["take": ["literal": .string(rate)], "as": "shortest"]] }
        guard case .completed(let good) = try await tax(lookups(by, map: at("0.19")), [.json(taxes), .json([:])]) else {
            return #expect(Bool(false))
        }
        #expect(good["supplier"]?["tax"] == 1)
        for (rate, word) in [("0.2", "has no tax 0.2"), ("0.07", "several of tax 0.07")] {
            guard case .failed(_, let message, _) = try await tax(lookups(by, map: at(rate)), [.json(taxes), .json([:])]) else {
                return #expect(Bool(false), "\(rate)")
            }
            #expect(message.contains(word), "\(message)")
        }
        let many = by.merging(["many": true])
        guard case .completed(let both) = try await tax(lookups(many, map: at("0.07")), [.json(taxes), .json([:])]) else {
            return #expect(Bool(false))
        }
        #expect(both["supplier"]?["tax"] == [2, 3])
        guard case .refused("unknown", let message) = try await tax(lookups([:], map: "$found.taxes"), [.json(["rows": []])])
        else {
            return #expect(Bool(false))
        }
        #expect(message.contains("tax") && message.contains("has none"))
        guard case .refused("unknown", _) = try await tax(lookups([:], map: "$found.taxes"), [.json(taxes)]) else {
            return #expect(Bool(false), "three are not one")
        }
    }

    @Test("what was looked up is believed as long as the mapping says, by all tasks of the connection, and no longer")
    func memory() async throws {
        let mapping = lookups(["by": "$.rate", "keepSeconds": 60], map: ["from": "taxes", "at": ["literal": "0.190"]])
        let now = Locked(Sample.now)
        let clock = WallClock { now.withLock { $0 } }
        let settings = try ConnectionSettings(json: Vocabulary.connection(mapping))
        let state = ConnectionState(pace: ConnectionPace(limits: settings.limits, clock: clock))
        let system = ScriptedSystem([.json(taxes), .json([:]), .json([:]), .json(taxes), .json([:])])
        for second in [0, 59, 61] {
            now.withLock { $0 = Sample.now.adding(seconds: Int64(second)) }
            let engine = ConnectorEngine(
                settings: settings, secrets: [:], exchange: system, state: state, digests: Sample.digests, clock: clock,
                leaseExpiresAt: { clock.now.adding(seconds: 60) })
            _ = await engine.read(["object": "supplier", "key": ["number": "A"]])
        }
        #expect(system.asked.map(\.purpose) == [.lookup, .read, .read, .lookup, .read])
    }

    @Test("answers that say 200 are read by their members: null is a result, a missing one is none")
    func present() async throws {
        let search: JSONValue = ["object": "bill", "key": ["number": "R-1"]]
        for (answer, expected) in [
            (["result": []] as JSONValue, "completed"), (["id": 1], "protocol"), (["error": ["'no.such'", ""]], "protocol"),
            (["error": ["Refused", ["The period is closed.", "", nil]]], "ERP_REFUSED"),
        ] {
            let system = ScriptedSystem([.json(["result": "t"]), .json(answer)])
            let engine = try Sample.engine(
                system, connection: Vocabulary.connection(Vocabulary.mapping()), secrets: Vocabulary.secrets)
            switch await engine.read(search) {
            case .completed: #expect(expected == "completed")
            case .failed(let code, _, _): #expect(code == expected)
            case .refused(let code, let message): #expect(code == expected && message == "The period is closed.")
            case let other: #expect(Bool(false), "\(other)")
            }
        }
    }

    @Test("a system that is busy with somebody else is asked again a few times, with longer pauses, and is not called down")
    func contention() async throws {
        let busy = ScriptedSystem.Word.text("<h1>503</h1>", type: "text/html", status: 503)
        let pauses = Locked<[UInt64]>([])
        let settings = try ConnectionSettings(json: Vocabulary.connection(Vocabulary.mapping()))
        let state = ConnectionState(pace: ConnectionPace(limits: settings.limits, clock: WallClock { Sample.now }))
        func read(_ words: [ScriptedSystem.Word]) async throws -> (ConnectorOutcome, ScriptedSystem) {
            let system = ScriptedSystem(words)
            let engine = try Sample.engine(
                system, connection: Vocabulary.connection(Vocabulary.mapping()), secrets: Vocabulary.secrets, state: state,
                pause: { milliseconds in pauses.withLock { $0.append(milliseconds) } })
            return (await engine.read(["object": "bill", "key": ["number": "R-1"]]), system)
        }
        let (done, _) = try await read([.json(["result": "t"]), busy, busy, .json(["result": []])])
        guard case .completed = done else { return #expect(Bool(false), "\(done)") }
        #expect(pauses.withLock { $0.count == 2 && (150...300).contains($0[0]) && (300...600).contains($0[1]) })
        let (failed, system) = try await read([busy, busy, busy, busy, busy])
        guard case .failed("contention", _, _) = failed else { return #expect(Bool(false), "\(failed)") }
        #expect(system.asked.count == 4)
        #expect(await state.pace.condition.circuit == .closed)
    }

    @Test("a day's budget is spent by all tasks together, warns at four fifths, refuses until midnight, and begins anew")
    func budget() async throws {
        let now = Locked(Moment(seconds: 1_793_000_000 - 1_793_000_000 % 86_400 + 86_000))
        let clock = WallClock { now.withLock { $0 } }
        let mapping = listing(["kind": "none"])
        let settings = try ConnectionSettings(json: Vocabulary.connection(mapping, limits: ["perDay": 5]))
        let state = ConnectionState(pace: ConnectionPace(limits: settings.limits, clock: clock))
        let system = ScriptedSystem(Array(repeating: .json(rows(1)), count: 9))
        func read() async -> ConnectorOutcome {
            await ConnectorEngine(
                settings: settings, secrets: [:], exchange: system, state: state, digests: Sample.digests, clock: clock,
                leaseExpiresAt: { clock.now.adding(seconds: 60) }
            ).read(["object": "receipts", "key": ["orderNumber": "O"]])
        }
        for sent in 1...5 {
            guard case .completed = await read() else { return #expect(Bool(false)) }
            #expect(await state.pace.condition.isBudgetShort == (sent >= 4))
        }
        guard case .failed("budget", let message, let pause) = await read() else { return #expect(Bool(false)) }
        #expect(pause == 400 && message.contains("5 requests a day"))
        #expect(await state.pace.condition.circuit == .closed)
        now.withLock { $0 = $0.adding(seconds: 400) }
        guard case .completed = await read() else { return #expect(Bool(false)) }
        #expect(await state.pace.condition.spentToday == 1)
        await state.pace.adoptSpent(5, on: try #require(CivilDate(clock.now.description.prefix(10))))
        guard case .failed("budget", _, _) = await read() else { return #expect(Bool(false), "what other workers spent counts") }
    }

    @Test("what was approved is compared with what is there now, field by field")
    func drift() async throws {
        let row: JSONValue = ["id": 1, "number": "R-1", "amount": "10.00", "state": "posted", "version": 3]
        func read(_ row: JSONValue, approved: JSONValue) async throws -> JSONValue {
            let system = ScriptedSystem([.json(["result": "t"]), .json(["result": [row]])])
            let engine = try Sample.engine(
                system, connection: Vocabulary.connection(Vocabulary.mapping()), secrets: Vocabulary.secrets)
            guard
                case .completed(let output) = await engine.read([
                    "object": "bill", "key": ["number": "R-1"], "approved": approved,
                ])
            else { return .null }
            return output
        }
        let first = try await read(row, approved: [:])
        let approved: JSONValue = ["fingerprint": first["fingerprint"] ?? .null, "fields": first["fields"] ?? .null]
        let spelt: JSONValue = ["id": 1, "number": "R-1", "amount": "10.0", "state": "paid", "version": 4]
        #expect(try await read(spelt, approved: approved)["unchanged"] == true, "an equal number is equal, and states may move")
        let other: JSONValue = ["id": 1, "number": "R-1", "amount": "10.01", "state": "posted", "version": 4]
        let changed = try await read(other, approved: approved)
        #expect(changed["unchanged"] == false)
        #expect(changed["differences"] == [["field": "amount", "asked": "10", "found": "10.01"]])
        #expect(try await read(row, approved: [:])["unchanged"] == false, "nothing approved is nothing unchanged")
    }
}

extension JSONObject {
    fileprivate func merging(_ more: JSONObject) -> JSONObject {
        var out = self
        for member in more { out[member.key] = member.value }
        return out
    }
}
