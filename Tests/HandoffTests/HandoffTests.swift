import Handoff
import Kernel
import Testing

@Suite("The contract with a worker")
struct HandoffTests {
    private let now = Moment(microseconds: 1_793_000_000_123_456)
    private let task = TaskID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)

    private func lease(
        run: RunID? = RunID(high: 1, low: 2), traceparent: String? = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    )
        -> WorkLease
    {
        WorkLease(
            token: "lease-token", task: task, run: run, attempt: 2, kind: .erpWrite, phase: .search, idempotencyKey: "bill/4711",
            input: ["object": "bill", "key": ["number": "R-1"]], connection: ["name": "erp", "mapping": [:], "config": [:]],
            secrets: ["token": "s3cret", "user": "ap-bot"], expiresAt: now, traceparent: traceparent)
    }

    @Test("a lease says the same after it went over the wire")
    func leaseRoundTrip() throws {
        for original in [lease(), lease(run: nil, traceparent: nil)] {
            let text = LeaseAnswer(leases: [original], asks: [], drain: false).json.text
            let answer = try LeaseAnswer(json: try JSONValue(parsing: text))
            #expect(answer.json.text == text)
            let again = try #require(answer.leases.first)
            #expect(again.expiresAt == now, "microseconds survive")
            #expect(again.connection == original.connection)
            #expect(again.secrets == original.secrets)
            #expect(again.phase == .search)
        }
    }

    @Test("a connection is written once for all leases that go through it, and never taken for another")
    func sharedConnections() throws {
        func through(_ connection: JSONValue, _ secret: String) -> WorkLease {
            WorkLease(
                token: "t", task: task, run: nil, attempt: 1, kind: .erpRead, phase: .full, idempotencyKey: "k", input: [:],
                connection: connection, secrets: ["token": secret], expiresAt: now, traceparent: nil)
        }
        let erp: JSONValue = ["name": "erp", "version": "1", "mapping": ["steps": ["a"]]]
        let other: JSONValue = ["name": "bank", "version": "1", "mapping": ["steps": ["b"]]]
        let later: JSONValue = ["name": "erp", "version": "2", "mapping": ["steps": ["c"]]]
        let bare: JSONValue = ["name": "erp", "mapping": ["steps": ["d"]]]
        let given = [(erp, "x"), (other, "x"), (erp, "x"), (erp, "y"), (later, "x"), (bare, "x"), (.null, "x"), (bare, "x")]
        let answer = LeaseAnswer(leases: given.map { through($0.0, $0.1) }, asks: [], drain: false)
        #expect(answer.json["connections"]?.array?.count == 6)
        let again = try LeaseAnswer(json: try JSONValue(parsing: answer.json.text))
        #expect(again.leases.map(\.connection) == given.map(\.0))
        #expect(again.leases.map { $0.secrets["token"] } == given.map(\.1))
    }

    @Test(
        "every outcome of an attempt says the same after it went over the wire",
        arguments: [
            WorkOutcome.completed(output: ["externalId": "B-1"]), .found(output: ["externalId": "B-1"]), .absent,
            .refused(code: "SupplierBlocked", message: "The supplier is blocked."),
            .failed(code: "rate-limit", message: "Slow down.", retryAfterSeconds: 3),
            .failed(code: "connect-failed", message: "refused", retryAfterSeconds: nil), .inDoubt(message: "the answer was lost"),
            .mismatch(differences: [["field": "gross", "asked": "1.00", "found": "2.00"]]),
        ])
    func outcomeRoundTrip(outcome: WorkOutcome) throws {
        let report = WorkReport(
            token: "t", outcome: outcome,
            telemetry: [HopTelemetry(name: "erp.write", startedAt: now, durationMicroseconds: 1500, facts: ["status": "201"])])
        let again = try ReportRequest(json: try JSONValue(parsing: ReportRequest(reports: [report], answers: []).json.text))
        #expect(again.reports.map(\.outcome) == [outcome])
        #expect(again.reports.first?.telemetry.first?.startedAt == now)
    }

    @Test("requests and answers of all four paths say the same after they went over the wire")
    func messagesRoundTrip() throws {
        let hello = WorkerHello(pid: 4242, level: "L2", kinds: WorkKind.allCases)
        #expect(try WorkerHello(json: try JSONValue(parsing: hello.json.text)) == hello)
        let welcome = WorkerWelcome(heartbeatSeconds: 3, leaseWaitSeconds: 20)
        #expect(try WorkerWelcome(json: welcome.json) == welcome)
        let asked = LeaseRequest(capacity: 0, kinds: [], waitMilliseconds: 20_000)
        #expect(try LeaseRequest(json: asked.json) == asked)
        let ask = WorkAsk(id: "a1", verb: "connection.test", input: .null, connection: ["name": "erp"], secrets: ["token": "x"])
        let answer = LeaseAnswer(leases: [lease()], asks: [ask], drain: true)
        #expect(try LeaseAnswer(json: try JSONValue(parsing: answer.json.text)).json.text == answer.json.text)
        let verdicts = ReportAnswer(verdicts: [.init(token: "t", verdict: .pending)])
        #expect(try ReportAnswer(json: verdicts.json) == verdicts)
        let beat = Heartbeat(leases: ["t"], residentBytes: 12_000_000, openTransfers: 3, cpuMicroseconds: 55)
        #expect(try Heartbeat(json: beat.json) == beat)
        let beaten = HeartbeatAnswer(extended: [.init(token: "t", expiresAt: now)], lost: ["u"], drain: false)
        #expect(try HeartbeatAnswer(json: beaten.json) == beaten)
        for result in [AskAnswer.Result.output(["ok": true]), .error(code: "auth", message: "401")] {
            let answer = AskAnswer(id: "a1", result: result)
            #expect(try AskAnswer(json: answer.json) == answer)
        }
        let bootstrap = WorkerBootstrap(
            socket: "/run/cs/handoff.sock", session: "s", tenant: TenantID(high: 3, low: 4), slug: "acme",
            reader: "/usr/bin/true",
            capacity: 8, platform: false, requiredLevel: "L0", level: "L2")
        #expect(try WorkerBootstrap(json: bootstrap.json) == bootstrap)
    }

    @Test("a message with a member nobody knows, a wrong type or a number out of range is refused with its place")
    func strictness() throws {
        func pointer(_ work: () throws -> Void) -> String? {
            do {
                try work()
            } catch let refusal as Refusal {
                return refusal.facts["pointer"]
            } catch {}
            return nil
        }
        #expect(
            pointer { _ = try LeaseRequest(json: ["capacity": 1, "kinds": [], "waitMilliseconds": 0, "extra": 1]) } == "/extra")
        #expect(pointer { _ = try LeaseRequest(json: ["capacity": "1", "kinds": [], "waitMilliseconds": 0]) } == "/capacity")
        #expect(pointer { _ = try LeaseRequest(json: ["capacity": 257, "kinds": [], "waitMilliseconds": 0]) } == "/capacity")
        #expect(pointer { _ = try LeaseRequest(json: ["capacity": 1, "kinds": ["shell"], "waitMilliseconds": 0]) } == "/kinds/0")
        #expect(
            pointer { _ = try LeaseRequest(json: ["capacity": 1, "kinds": [], "waitMilliseconds": 20_001]) }
                == "/waitMilliseconds")
        #expect(pointer { _ = try WorkOutcome(json: ["outcome": "paid"]) } == "/outcome")
        #expect(pointer { _ = try WorkOutcome(json: ["outcome": "absent", "output": 1]) } == "/output")
        #expect(pointer { _ = try AskAnswer(json: ["id": "a"]) } == "/")
        #expect(pointer { _ = try AskAnswer(json: ["id": "a", "output": 1, "error": ["code": "c", "message": "m"]]) } == "/")
        let empty: JSONValue = ["connections": [], "asks": [], "drain": false]
        #expect(pointer { _ = try LeaseAnswer(json: empty) } == "/leases")
        func answer(_ lease: JSONValue) -> JSONValue { ["connections": [], "leases": [lease], "asks": [], "drain": false] }
        #expect(pointer { _ = try LeaseAnswer(json: answer([])) } == ["", "leases", "0"].joined(separator: "/"))
        #expect(
            pointer { _ = try LeaseAnswer(json: answer(["connection": 0])) }
                == ["", "leases", "0", "connection"].joined(separator: "/"))
    }

    @Test("the outcome's words are those that the engine reads")
    func outcomeWords() {
        #expect(WorkOutcome.inDoubt(message: "m").json["outcome"]?.string == "inDoubt")
        #expect(WorkOutcome.failed(code: "c", message: "m", retryAfterSeconds: 7).json["retryAfterSeconds"]?.int == 7)
        #expect(WorkOutcome.failed(code: "c", message: "m", retryAfterSeconds: nil).json["retryAfterSeconds"] == nil)
    }
}
