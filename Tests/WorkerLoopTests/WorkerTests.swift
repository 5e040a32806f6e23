import Curl
import Finance
import Glibc
import Handoff
import Kernel
import Testing

@testable import WorkerLoop

@Suite("A worker's day", .timeLimit(.minutes(1)))
struct WorkerTests {
    private func outcome(_ control: PretendControl, _ token: String) -> WorkOutcome? {
        control.state.withLock { state in state.reports.last { $0.token == token }?.outcome }
    }

    @Test("a document is fetched with its lease, opened and reported, and the worker ends when it is drained")
    func documents() async throws {
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = ["good", "bad", "cut", "missing", "readerless"].map { token in
                .sample(token, .documentRead, input: ["bytes": token == "cut" ? 99 : 3, "fileName": "a.xml"])
            }
            state.documents = [
                "good": Array("<a>".utf8), "bad": Array("!ab".utf8), "cut": Array("abc".utf8), "readerless": Array("?ab".utf8),
            ]
        }
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { $0.reports.count == 5 }
        control.drain()
        #expect(await ending == .drained)
        #expect(
            outcome(control, "good")
                == .refused(code: "DOC_INVALID", message: "The document is no invoice that can be read (ubl-Invoice)."))
        #expect(
            outcome(control, "bad") == .refused(code: "DOC_UNREADABLE", message: "The tag is not closed. (line 3, column 14)"))
        guard case .failed("document-cut", _, _) = outcome(control, "cut") else { return #expect(Bool(false)) }
        guard case .failed("document-missing", _, _) = outcome(control, "missing") else { return #expect(Bool(false)) }
        guard case .failed("reader", _, _) = outcome(control, "readerless") else { return #expect(Bool(false)) }
    }

    @Test("an ERP is read on the run's trace, and nothing secret is in the log")
    func erpRead() async throws {
        let erp = try ScriptedServer { request in
            request.headers["authorization"] == "Bearer s3cret"
                ? .json(["value": [["number": "V-1", "name": "Nord", "country": "DE"]]])
                : .json(["error": ["code": "Unauthorized"]], status: 401)
        }
        defer { erp.stop() }
        let control = try PretendControl()
        defer { control.server.stop() }
        let trace = "0af7651916cd43dd8448eb211c80319c"
        control.state.withLock { state in
            state.leases = [
                .sample(
                    "lease-token", .erpRead, input: ["object": "supplier", "key": ["number": "V-1"]],
                    connection: ErpSample.connection(erp.port),
                    secrets: ["token": "s3cret"], traceparent: "00-\(trace)-b7ad6b7169203331-01")
            ]
        }
        let log = Locked<[String]>([])
        let worker = control.worker(log: log)
        async let ending = worker.run()
        await control.wait { !$0.reports.isEmpty }
        control.drain()
        #expect(await ending == .drained)
        guard case .completed(let output)? = outcome(control, "lease-token") else { return #expect(Bool(false)) }
        #expect(output["supplier"]?["legalName"] == "Nord")
        let sent = try #require(erp.received.first?.headers["traceparent"])
        #expect(sent.hasPrefix("00-\(trace)-") && !sent.contains("b7ad6b7169203331"), "the same trace, a span of its own")
        let hop = try #require(control.state.withLock { $0.reports.first?.telemetry.first })
        #expect(hop.name == "erp.read")
        #expect(hop.facts["status"] == "200")
        #expect(sent.contains(hop.facts["traceparent"] ?? "-"))
        let lines = log.withLock { $0.joined() }
        #expect(lines.contains("task ended"))
        for secret in ["s3cret", "session-secret", "lease-token"] { #expect(!lines.contains(secret), "\(secret)") }
        #expect(!hop.json.text.contains("s3cret"))
    }

    /// Lets a worker do what is there, and ends it after its first report.
    private func workOff(_ control: PretendControl) async {
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { !$0.reports.isEmpty }
        control.drain()
        _ = await ending
    }

    @Test("a loopback address without an allow entry is not dialled")
    func egress() async throws {
        let erp = try ScriptedServer { _ in .json(["value": []]) }
        defer { erp.stop() }
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = [
                .sample(
                    "t", .erpRead, input: ["object": "supplier", "key": ["number": "V-1"]],
                    connection: ErpSample.connection(erp.port, allow: []),
                    secrets: ["token": "x"])
            ]
        }
        await workOff(control)
        guard case .failed("address-denied", _, _)? = outcome(control, "t") else { return #expect(Bool(false)) }
        #expect(erp.received.isEmpty)
    }

    @Test("a write whose lease is about to end is not sent")
    func shortLease() async throws {
        let erp = try ScriptedServer { _ in .json(["value": []]) }
        defer { erp.stop() }
        let control = try PretendControl(heartbeatSeconds: 60)
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = [
                .sample(
                    "t", .erpWrite, input: ErpSample.bill, connection: ErpSample.connection(erp.port), secrets: ["token": "x"],
                    seconds: 4)
            ]
        }
        await workOff(control)
        guard case .failed("timed-out", _, _)? = outcome(control, "t") else { return #expect(Bool(false)) }
        #expect(erp.received.isEmpty)
    }

    @Test("a bill reaches the ERP once although the answer to its creation is lost")
    func lostAnswer() async throws {
        let posted = Locked<[JSONValue]>([])
        let erp = try ScriptedServer { request in
            if request.method == "POST", let body = try? JSONValue(parsing: request.body), var bill = body.object {
                bill["id"] = "B-1"
                bill["version"] = 1
                let row = JSONValue.object(bill)
                posted.withLock { $0.append(row) }
                return .hangUp
            }
            return .json(["value": .array(posted.withLock { $0 })])
        }
        defer { erp.stop() }
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = [
                .sample(
                    "t", .erpWrite, input: ErpSample.bill, connection: ErpSample.connection(erp.port), secrets: ["token": "x"])
            ]
        }
        await workOff(control)
        guard case .completed(let output)? = outcome(control, "t") else {
            return #expect(Bool(false), "\(outcome(control, "t") as Any)")
        }
        #expect(output["externalId"] == "B-1")
        #expect(posted.withLock { $0.count } == 1)
    }

    @Test("a report is repeated with the same token until there is a verdict")
    func repeatedReports() async throws {
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = [.sample("t", .notify, input: ["channel": "console", "subject": "Hello"])]
            state.mishaps[HandoffTerms.reportPath] = [.hangUp, .json(["title": "busy"], status: 503), .raw([])]
        }
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { !$0.reports.isEmpty }
        control.drain()
        #expect(await ending == .drained)
        #expect(control.state.withLock { $0.reports.map(\.token) } == ["t"])
        #expect(control.server.received.filter { $0.target == HandoffTerms.reportPath }.count >= 4)
    }

    @Test("a report that the server can never take does not hold up the others")
    func poisonedReport() async throws {
        let control = try PretendControl()
        defer { control.server.stop() }
        let refusal = Reaction.json(["title": "unprocessable"], status: 422)
        control.state.withLock { state in
            state.leases = (0..<3).map { .sample("t\($0)", .notify, input: ["channel": "console"]) }
            state.mishaps[HandoffTerms.reportPath] = [refusal, refusal]
        }
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { $0.reports.count >= 2 }
        control.drain()
        #expect(await ending == .drained)
        #expect(control.state.withLock { $0.reports.count } >= 2)
    }

    @Test("a worker asks for no more than its hands can hold, and leases again as soon as one is free")
    func capacity() async throws {
        // The ERP answers once the gate's writing end is closed.
        var gate: [Int32] = [-1, -1]
        #expect(pipe(&gate) == 0)
        let closed = gate[0]
        let erp = try ScriptedServer { _ in
            var byte: UInt8 = 0
            _ = read(closed, &byte, 1)
            return .json(["value": []])
        }
        defer { erp.stop() }
        let control = try PretendControl(capacity: 2)
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = (0..<5).map {
                .sample(
                    "t\($0)", .erpRead, input: ["object": "supplier", "key": ["number": "V"]],
                    connection: ErpSample.connection(erp.port),
                    secrets: ["token": "x"])
            }
        }
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { $0.capacities.count >= 2 }
        #expect(control.state.withLock { $0.capacities.prefix(2) } == [2, 0])
        #expect(control.state.withLock { $0.leases.count } == 3)
        close(gate[1])
        await control.wait { $0.reports.count == 5 }
        control.drain()
        #expect(await ending == .drained)
        #expect(control.state.withLock { $0.capacities.allSatisfy { $0 <= 2 } })
    }

    @Test("when the server is gone the worker gives up at once, whatever is under way")
    func serverGone() async throws {
        let erp = try ScriptedServer { _ in .silence }
        defer { erp.stop() }
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.leases = [
                .sample(
                    "t", .erpRead, input: ["object": "supplier", "key": ["number": "V"]],
                    connection: ErpSample.connection(erp.port),
                    secrets: ["token": "x"])
            ]
        }
        let worker = control.worker()
        async let ending = worker.run()
        while erp.received.isEmpty { await Task.yield() }
        await worker.serverGone()
        #expect(await ending == .serverGone)
        #expect(control.state.withLock { $0.reports.isEmpty })
    }

    @Test("a worker whose session is not known ends")
    func disowned() async throws {
        let control = try PretendControl()
        defer { control.server.stop() }
        let unknown = Reaction.json(["title": "unknown"], status: 401)
        control.state.withLock { $0.mishaps[HandoffTerms.leasePath] = [unknown] }
        #expect(await control.worker().run() == .disowned)
        control.state.withLock { $0.mishaps[HandoffTerms.helloPath] = [unknown] }
        #expect(await control.worker().run() == .disowned)
    }

    @Test("the work of a lost lease is dropped without a report")
    func lostLease() async throws {
        let erp = try ScriptedServer { _ in .silence }
        defer { erp.stop() }
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.lost = ["t"]
            state.leases = [
                .sample(
                    "t", .erpRead, input: ["object": "supplier", "key": ["number": "V"]],
                    connection: ErpSample.connection(erp.port),
                    secrets: ["token": "x"])
            ]
        }
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { $0.beats.contains { $0.leases == ["t"] } }
        await control.wait { $0.beats.last?.leases == [] }
        control.drain()
        #expect(await ending == .drained)
        #expect(control.state.withLock { $0.reports.isEmpty })
        #expect(control.state.withLock { ($0.beats.first?.residentBytes ?? 0) > 1_000_000 })
    }

    @Test("asks are answered at once, also those this worker does not know")
    func asks() async throws {
        let erp = try ScriptedServer { _ in .json(["value": []]) }
        defer { erp.stop() }
        let control = try PretendControl()
        defer { control.server.stop() }
        control.state.withLock { state in
            state.asks = [
                WorkAsk(
                    id: "a", verb: "connection.test", input: .null, connection: ErpSample.connection(erp.port),
                    secrets: ["token": "x"]),
                WorkAsk(id: "b", verb: "shell.run", input: .null, connection: .null, secrets: [:]),
                WorkAsk(id: "c", verb: "connection.test", input: .null, connection: ["name": "erp"], secrets: [:]),
                WorkAsk(
                    id: "d", verb: "telemetry.export",
                    input: [
                        "endpoint": .string(erp.base), "payload": ["resourceSpans": []],
                        "allow": [.string("127.0.0.1:\(erp.port)")],
                    ],
                    connection: .null, secrets: [:]),
            ]
        }
        let worker = control.worker()
        async let ending = worker.run()
        await control.wait { $0.answers.count == 4 }
        control.drain()
        #expect(await ending == .drained)
        let answers = control.state.withLock { state in Dictionary(uniqueKeysWithValues: state.answers.map { ($0.id, $0.result) })
        }
        guard case .output(let reached)? = answers["a"] else { return #expect(Bool(false)) }
        #expect(reached["reachable"] == true)
        guard case .error("ask.unknown", _)? = answers["b"], case .error("connection.unusable", _)? = answers["c"] else {
            return #expect(Bool(false))
        }
        #expect(answers["d"] == .output(["status": 200]))
        #expect(erp.received.contains { $0.target == "/v1/traces" && $0.method == "POST" })
    }

    @Test("a worker is born with one line and nothing else", arguments: [true, false])
    func bootstrap(isWhole: Bool) throws {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let control = try PretendControl()
        defer { control.server.stop() }
        let line = Array((control.bootstrap.json.text + "\n").utf8)
        let sent = isWhole ? line : Array(line.prefix(40))
        #expect(write(ends[1], sent, sent.count) == sent.count)
        close(ends[1])
        if isWhole {
            #expect(try WorkerProgram.readBootstrap(ends[0]) == control.bootstrap)
        } else {
            #expect(throws: Refusal.self) { try WorkerProgram.readBootstrap(ends[0]) }
        }
    }
}

/// A connection to a scripted ERP, with the library's mapping.
enum ErpSample {
    private static let mapping: JSONValue = {
        let parts = #filePath.split(separator: "/").map(String.init)
        let folder = "/" + parts.dropLast(2).joined(separator: "/") + "/Fixtures/library"
        // Without the file every test that needs it fails, with the connection's own words.
        return (try? JSONValue(parsing: try FileBytes.read("\(folder)/erp-sandbox.json", maxBytes: 1_000_000))) ?? .null
    }()

    static func connection(_ port: Int, allow: [String]? = nil) -> JSONValue {
        let entries = allow ?? ["127.0.0.1:\(port)"]
        return [
            "name": "erp", "mapping": mapping,
            "config": [
                "kind": "connection", "name": "erp", "baseUrl": .string("http://127.0.0.1:\(port)"), "settleSeconds": 25,
                "secrets": ["token": "erp-token"], "allow": .array(entries.map(JSONValue.string)),
            ],
        ]
    }

    static let bill: JSONValue = [
        "object": "bill", "key": ["supplier": "V-1", "number": "R-1", "entity": "DE01"],
        "bill": [
            "supplier": "V-1", "entity": "DE01",
            "invoice": [
                "kind": "invoice", "number": "R-1", "issueDate": "2026-07-14", "currency": "EUR",
                "totals": [
                    "taxExclusive": ["amount": "10.00", "currency": "EUR"], "tax": ["amount": "1.90", "currency": "EUR"],
                    "taxInclusive": ["amount": "11.90", "currency": "EUR"],
                ],
                "lines": [],
            ],
        ],
    ]
}
