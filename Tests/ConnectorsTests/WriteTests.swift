import Connectors
import Kernel
import Testing

@Suite("Writing a bill exactly once")
struct WriteTests {
    private func write(
        _ words: [ScriptedSystem.Word], isSearchOnly: Bool = false
    ) async throws -> (ConnectorOutcome, ScriptedSystem) {
        let system = ScriptedSystem(words)
        let outcome = try await Sample.engine(system).write(Sample.bill, isSearchOnly: isSearchOnly, idempotencyKey: "bill/4711")
        #expect(system.unsaid == 0, "every word was used")
        return (outcome, system)
    }

    private func creations(_ system: ScriptedSystem) -> Int { system.asked.filter { $0.method == "POST" }.count }

    private let output: JSONValue = [
        "externalId": "B-100001", "externalVersion": "1", "number": "R-2026-77",
        "comparedFields": ["supplier", "number", "entity", "issueDate", "dueDate", "currency", "net", "tax", "gross"],
        "fields": [
            "supplier": "V-100", "number": "R-2026-77", "entity": "DE01", "issueDate": "2026-07-14", "dueDate": "2026-08-13",
            "currency": "EUR", "net": "1000", "tax": "190", "gross": "1190",
        ],
        "fingerprint": "3ac6b697f39fbb4f85ce9251fce8a471cd2c19e8c4cf3eb48577378449d389c6",
    ]

    @Test("a bill is searched, written, read back and compared")
    func straight() async throws {
        let (outcome, system) = try await write([
            .json(Sample.none), .json(try Sample.posted(), status: 201), .json(try Sample.posted()),
        ])
        #expect(outcome == .completed(output: output))
        #expect(
            system.lines == [
                "GET /api/v1/bills?supplierNumber=V-100&invoiceNumber=R-2026-77&entity=DE01&%24top=50", "POST /api/v1/bills",
                "GET /api/v1/bills/B-100001",
            ])
        let body = try JSONValue(parsing: try #require(system.asked[1].body))
        #expect(body["grossAmount"] == .number(JSONNumber(unchecked: "1190.00")), "the digits of the document, as a number")
        #expect(body["lines"]?[0]?["quantity"] == .number(JSONNumber(unchecked: "10")))
        #expect(body["kind"] == "invoice")
        #expect(body["taxAmount"]?.isNull == false)
        #expect(system.asked.allSatisfy { $0.headers.contains { $0.name == "Authorization" && $0.value == "Bearer s3cret" } })
        #expect(
            system.asked.allSatisfy { $0.deadline == Sample.now.adding(seconds: 55) },
            "every transfer ends five seconds before the lease")
    }

    @Test("a bill that is there already is not written again")
    func alreadyThere() async throws {
        let (outcome, system) = try await write([.json(Sample.list(try Sample.posted()))])
        #expect(outcome == .completed(output: output))
        #expect(creations(system) == 0)
    }

    @Test("another bill under the same number is a matter for a person")
    func differentBill() async throws {
        let (outcome, system) = try await write([.json(Sample.list(try Sample.posted(gross: "1200.00")))])
        #expect(outcome == .mismatch(differences: [["field": "gross", "asked": "1190.00", "found": "1200.00"]]))
        #expect(creations(system) == 0)
    }

    @Test("two bills under the same key are a matter for a person")
    func doubled() async throws {
        let (outcome, _) = try await write([.json(Sample.list(try Sample.posted(), try Sample.posted()))])
        #expect(outcome == .mismatch(differences: [["field": "entries", "asked": 1, "found": 2]]))
    }

    @Test("what a loose search brings besides is not taken for ours")
    func looseSearch() async throws {
        let (outcome, system) = try await write([
            .json(Sample.list(try Sample.posted(number: "R-2026-7"), try Sample.posted(number: "r-2026-77"))),
            .json(try Sample.posted(), status: 201), .json(try Sample.posted()),
        ])
        #expect(outcome == .completed(output: output))
        #expect(creations(system) == 1)
    }

    @Test("a lost answer is followed by a search: found is done, not found is in doubt and never absent")
    func lostAnswer() async throws {
        let (found, one) = try await write([.json(Sample.none), .lost, .json(Sample.list(try Sample.posted()))])
        #expect(found == .completed(output: output))
        #expect(creations(one) == 1)
        let (missing, two) = try await write([.json(Sample.none), .lost, .json(Sample.none)])
        guard case .inDoubt = missing else { return #expect(Bool(false), "\(missing)") }
        #expect(creations(two) == 1, "nothing is sent a second time")
        let (silent, _) = try await write([.json(Sample.none), .lost, .lost])
        guard case .inDoubt = silent else { return #expect(Bool(false), "\(silent)") }
    }

    @Test(
        "an answer that cannot be trusted after a creation ends in a search too",
        arguments: [
            ScriptedSystem.Word.html, .text("{\"id\":", status: 201), .text("", type: "", status: 302),
            .text("oops", type: "text/plain", status: 500),
            .json(["error": ["code": "Odd", "message": "?"]]), .json(["no": "id"], status: 201),
            .text("<html>404</html>", type: "text/html", status: 404),
            .text("{\"id\":\"B-1\",\"id\":\"B-2\"}", status: 201),
            .text("<h1>Forbidden by gateway</h1>", type: "text/html", status: 400),
            .failure(ExchangeFailure(code: "bad-encoding", message: "broken gzip", mayHaveBeenSent: true)),
        ])
    func untrustedAnswers(word: ScriptedSystem.Word) async throws {
        let (outcome, system) = try await write([.json(Sample.none), word, .json(Sample.none)])
        guard case .inDoubt = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(creations(system) == 1)
        let (found, _) = try await write([.json(Sample.none), word, .json(Sample.list(try Sample.posted()))])
        #expect(found == .completed(output: output))
    }

    @Test("a bill that was written and cannot be read back is searched for")
    func readBackFails() async throws {
        let (outcome, system) = try await write([
            .json(Sample.none), .json(try Sample.posted(), status: 201), .html, .json(Sample.list(try Sample.posted())),
        ])
        #expect(outcome == .completed(output: output))
        #expect(creations(system) == 1)
    }

    @Test("a bill that reads back differently is a matter for a person")
    func readBackDiffers() async throws {
        let (outcome, _) = try await write([
            .json(Sample.none), .json(try Sample.posted(), status: 201), .json(try Sample.posted(gross: "1190.01")),
        ])
        #expect(outcome == .mismatch(differences: [["field": "gross", "asked": "1190.00", "found": "1190.01"]]))
    }

    @Test("a refusal of the ERP's business is final and keeps its words")
    func refused() async throws {
        let (outcome, _) = try await write([
            .json(Sample.none),
            .json(["error": ["code": "SupplierBlocked", "message": "The supplier\nis blocked."]], status: 422),
        ])
        #expect(outcome == .refused(code: "SupplierBlocked", message: "The supplier is blocked."))
    }

    @Test("answers that certainly had no effect are failures to repeat, with the pause the system asks for")
    func withoutEffect() async throws {
        let (busy, _) = try await write([
            .json(Sample.none),
            .json(
                ["error": ["code": "TooManyRequests", "message": "Slow down."]], status: 429,
                headers: [(name: "retry-after", value: "7")]),
        ])
        #expect(busy == .failed(code: "rate-limit", message: "Slow down.", retryAfterSeconds: 7))
        let (down, _) = try await write([
            .json(Sample.none), .json(["error": ["code": "Unavailable", "message": "Maintenance."]], status: 503),
        ])
        #expect(down == .failed(code: "Unavailable", message: "Maintenance.", retryAfterSeconds: nil))
        let (victim, _) = try await write([
            .json(Sample.none), .json(["error": ["code": "Internal", "message": "Deadlock victim."]]),
        ])
        #expect(victim == .failed(code: "Internal", message: "Deadlock victim.", retryAfterSeconds: nil))
        let (unreachable, _) = try await write([.json(Sample.none), .refusedConnection])
        #expect(unreachable == .failed(code: "connect-failed", message: "refused", retryAfterSeconds: nil))
        // The same status without the words the mapping knows may come from a gateway behind which the ERP was busy writing.
        let (gateway, _) = try await write([
            .json(Sample.none), .text("503", type: "text/plain", status: 503), .json(Sample.none),
        ])
        guard case .inDoubt = gateway else { return #expect(Bool(false), "\(gateway)") }
    }

    @Test("without a search that succeeded nothing is written")
    func searchFails() async throws {
        for word in [
            ScriptedSystem.Word.html, .lost, .refusedConnection, .json(["other": []]),
            .text("no", type: "text/html", status: 404),
            .json(["error": ["code": "NotFound", "message": "?"]], status: 404),
        ] {
            let (outcome, system) = try await write([word])
            guard case .failed = outcome else { return #expect(Bool(false), "\(outcome)") }
            #expect(creations(system) == 0)
        }
    }

    @Test("an attempt that only searches answers found, absent or mismatch, and writes nothing")
    func searchOnly() async throws {
        #expect(try await write([.json(Sample.none)], isSearchOnly: true).0 == .absent)
        #expect(try await write([.json(Sample.list(try Sample.posted()))], isSearchOnly: true).0 == .found(output: output))
        let (other, _) = try await write([.json(Sample.list(try Sample.posted(gross: "1.00")))], isSearchOnly: true)
        guard case .mismatch = other else { return #expect(Bool(false), "\(other)") }
    }

    @Test("a number too long for the ERP is refused before anything is written, and never cut")
    func tooLong() async throws {
        let system = ScriptedSystem([.json(Sample.none)])
        var input = try #require(Sample.bill.object)
        input["key"] = ["supplier": "V-100", "number": .string(String(repeating: "9", count: 36)), "entity": "DE01"]
        let outcome = try await Sample.engine(system).write(.object(input), isSearchOnly: false, idempotencyKey: "k")
        guard case .refused(let code, _) = outcome else { return #expect(Bool(false), "\(outcome)") }
        #expect(code == "limit")
        #expect(creations(system) == 0)
    }

    @Test("a rejected login stops all further calls on the connection until the circuit closes again")
    func rejectedLogin() async throws {
        let settings = try ConnectionSettings(json: try Sample.connection())
        let state = ConnectionState(pace: ConnectionPace(limits: settings.limits, clock: WallClock { Sample.now }))
        let system = ScriptedSystem([.json(["error": ["code": "Unauthorized", "message": "The token is wrong."]], status: 401)])
        let first = try await Sample.engine(system, state: state).write(Sample.bill, isSearchOnly: false, idempotencyKey: "k")
        #expect(first == .failed(code: "auth", message: "The token is wrong.", retryAfterSeconds: nil))
        let second = try await Sample.engine(system, state: state).write(Sample.bill, isSearchOnly: false, idempotencyKey: "k")
        guard case .failed("circuit-open", _, let seconds) = second else { return #expect(Bool(false), "\(second)") }
        #expect(seconds == 6)
        #expect(system.asked.count == 1)
    }

    @Test("without the secret nothing is sent")
    func missingSecret() async throws {
        let system = ScriptedSystem([])
        let outcome = try await Sample.engine(system, secrets: [:]).write(Sample.bill, isSearchOnly: false, idempotencyKey: "k")
        #expect(
            outcome == .failed(code: "secret-missing", message: "The connection's secret is not set.", retryAfterSeconds: nil))
        #expect(system.asked.isEmpty)
    }

    @Test("whatever the other side says, at most one creation is sent, and a sent one is never called failed or absent")
    func anyOrder() async throws {
        let seed = UInt64(Sample.now.seconds)
        print("seed \(seed)")
        var state = seed
        func roll(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let words: [ScriptedSystem.Word] = [
            .json(Sample.none), .json(Sample.list(try Sample.posted())), .json(try Sample.posted(), status: 201), .html, .lost,
            .refusedConnection,
            .json(["error": ["code": "SupplierBlocked", "message": "no"]], status: 422),
            .json(["error": ["code": "Unavailable", "message": "m"]], status: 503),
            .text("x", type: "text/plain", status: 500), .json(Sample.list(try Sample.posted(gross: "3.00"))),
            .text("[", status: 200),
        ]
        for _ in 0..<500 {
            let system = ScriptedSystem((0..<6).map { _ in words[roll(words.count)] })
            let outcome = try await Sample.engine(system).write(Sample.bill, isSearchOnly: false, idempotencyKey: "k")
            #expect(creations(system) <= 1)
            guard let at = system.asked.firstIndex(where: { $0.method == "POST" }) else { continue }
            #expect(at > 0, "a search came first")
            if outcome == .absent { Issue.record("absent after a creation") }
            if case .failed(let code, _, _) = outcome {
                #expect(["connect-failed", "Unavailable"].contains(code), "\(code) after a creation")
            }
        }
    }
}
