import Kernel
import Logging
import Telemetry
import Testing

@Suite("metrics")
struct MetricsTests {
    @Test("the page is in the text format 0.0.4, names and labels in order, values escaped")
    func exposition() {
        let registry = MetricsRegistry()
        let posts = registry.counter("erp_posts_total", "Bills sent\nto an ERP \\ bank.", labels: ["outcome", "erp"])
        posts.add(1, "posted", "sand\"box\\\n")
        posts.add(2.5, "dead", "odoo")
        registry.gauge("queue_age_seconds", "Age of the oldest task.").set(-1.5)
        let delays = registry.histogram("start_seconds", "Ready to leased.", labels: ["lane"], buckets: [0.01, 0.5])
        delays.observe(0.01, "1")
        delays.observe(0.02, "1")
        delays.observe(7, "1")
        #expect(
            registry.exposition() == #"""
                # HELP erp_posts_total Bills sent\nto an ERP \\ bank.
                # TYPE erp_posts_total counter
                erp_posts_total{outcome="dead",erp="odoo"} 2.5
                erp_posts_total{outcome="posted",erp="sand\"box\\\n"} 1
                # HELP queue_age_seconds Age of the oldest task.
                # TYPE queue_age_seconds gauge
                queue_age_seconds -1.5
                # HELP start_seconds Ready to leased.
                # TYPE start_seconds histogram
                start_seconds_bucket{lane="1",le="0.01"} 1
                start_seconds_bucket{lane="1",le="0.5"} 2
                start_seconds_bucket{lane="1",le="+Inf"} 3
                start_seconds_sum{lane="1"} 7.03
                start_seconds_count{lane="1"} 3

                """#)
    }

    @Test("one name is one metric, and a metric without labels reads 0 before anything happened")
    func identity() {
        let registry = MetricsRegistry()
        registry.counter("runs_total", "Runs.").add()
        registry.counter("runs_total", "Runs.").add(2)
        #expect(registry.counter("runs_total", "Runs.").value() == 3)
        _ = registry.counter("breaches_total", "Breaches.")
        #expect(registry.exposition().contains("\nbreaches_total 0\n") || registry.exposition().contains("breaches_total 0\n"))
        registry.gauge("infinite", "Infinite.").set(.infinity)
        #expect(registry.exposition().contains("infinite +Inf\n"))
    }

    @Test("label sets past the bound are counted together, and the refusal is counted too")
    func bound() {
        let registry = MetricsRegistry()
        let requests = registry.counter("requests_total", "Requests.", labels: ["route"], seriesMax: 3)
        for index in 0..<10 { requests.add(1, "/route/\(index)") }
        requests.add(1, "/route/0")
        #expect(requests.value("/route/0") == 2)
        #expect(requests.value(MetricsRegistry.overflowLabel) == 7)
        let page = registry.exposition()
        #expect(page.contains("metrics_label_sets_refused_total{metric=\"requests_total\"} 7\n"))
        #expect(page.split(separator: "\n").filter { $0.hasPrefix("requests_total{") }.count == 4)
    }

    @Test("many writers lose no count, and gauges can be looked up when the page is asked for")
    func concurrency() async {
        let registry = MetricsRegistry()
        let counter = registry.counter("steps_total", "Steps.", labels: ["lane"])
        let times = registry.histogram("step_seconds", "Steps.")
        await withTaskGroup(of: Void.self) { group in
            for lane in 0..<8 {
                group.addTask {
                    for _ in 0..<500 {
                        counter.add(1, "\(lane % 2)")
                        times.observe(0.003)
                    }
                }
            }
        }
        #expect(counter.value("0") == 2000)
        #expect(times.count() == 4000)
        let depth = registry.gauge("queue_depth", "Depth.")
        registry.beforeExposition { depth.set(42) }
        #expect(registry.exposition().contains("queue_depth 42\n"))
    }
}

@Suite("log lines")
struct LogTests {
    private let clock = WallClock { Moment(microseconds: 1_784_017_800_123_456) }

    private func lines(_ body: (Logger) -> Void) throws -> [JSONValue] {
        let written = Locked<[[UInt8]]>([])
        body(JSONLogHandler.logger("flow", level: .debug, clock: clock) { line in written.withLock { $0.append(line) } })
        return try written.withLock { $0 }.map { line in
            #expect(line.last == 0x0A && line.filter { $0 == 0x0A }.count == 1)
            return try JSONValue(parsing: line)
        }
    }

    @Test("a line is one JSON object with the document's way first")
    func shape() throws {
        let line = try lines { logger in
            var logger = logger
            logger[metadataKey: "tenant"] = "kestrel-labs"
            logger.info(
                "run \"started\"\n",
                metadata: ["hop": "start", "zone": "b", "bytes": .stringConvertible(12), "run": "r-1", "level": "odd"])
        }[0]
        #expect(
            line.text
                == #"{"time":"2026-07-14T08:30:00.123Z","level":"info","message":"run \"started\"\n","logger":"flow","#
                + #""tenant":"kestrel-labs","run":"r-1","hop":"start","bytes":12,"level_":"odd","zone":"b"}"#
        )
    }

    @Test("what is redacted by type stays out of every form of a line")
    func redaction() throws {
        let secret = Redacted("DE89370400440532013000")
        let line = try lines { logger in
            logger.warning(
                "account \(secret)", metadata: ["iban": .stringConvertible(secret), "list": .array([.stringConvertible(secret)])])
        }[0]
        var dumped = ""
        dump(secret, to: &dumped)
        #expect(!(line.text + dumped + "\(String(reflecting: secret))").contains("DE8937"))
        #expect(line["iban"] == "[redacted]")
        #expect(secret.revealed == "DE89370400440532013000")
    }

    @Test("an error is logged with its causes, outermost first")
    func causes() throws {
        let inner = Fault("connecting to the ERP", "refused", isRetryable: true)
        let line = try lines { $0.error("posting failed", error: Fault("posting a bill", isRetryable: true, cause: inner)) }[0]
        #expect(line["error"] == ["posting a bill", "connecting to the ERP: refused"])
    }

    @Test("long texts, many fields and deep nesting are cut")
    func bounds() throws {
        let many = Dictionary(uniqueKeysWithValues: (0..<60).map { ("f\($0)", Logger.MetadataValue.string("x")) })
        let found = try lines { logger in
            logger.info("\(String(repeating: "é", count: 9000))", metadata: many)
            logger.info("deep", metadata: ["a": ["b": ["c": ["d": ["e": "f"]]]]])
            logger.trace("below the level")
        }
        #expect(found.count == 2)
        #expect((found[0]["message"]?.string?.utf8.count ?? 0) <= JSONLogHandler.textBytesMax + 3)
        #expect(found[0]["fieldsLeftOut"] == 20)
        #expect(found[1]["a"] == ["b": ["c": ["d": "…"]]])
    }
}

@Suite("traces")
struct TraceTests {
    private let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test("a traceparent is read and printed unchanged")
    func roundTrip() throws {
        let context = try #require(TraceContext(traceparent: parent))
        #expect(context.traceparent == parent)
        #expect(context.traceIDText == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(context.isSampled)
        let child = context.child()
        #expect(child.traceIDText == context.traceIDText && child.spanID != context.spanID)
        #expect(TraceContext(traceparent: "01" + parent.dropFirst(2) + "-more") == context)
        let fresh = TraceContext(entropy: Entropy { 0 })
        #expect(TraceContext(traceparent: fresh.traceparent) == fresh)
    }

    @Test(
        "a malformed traceparent begins a new trace instead of a wrong one",
        arguments: [
            "", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-011",
        ])
    func malformed(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test("the export has the shape of OTLP in JSON")
    func payload() throws {
        let context = try #require(TraceContext(traceparent: parent))
        let start = Moment(microseconds: 1_784_017_800_123_456)
        let root = Span(
            context: context, parentSpanID: nil, name: "intake", startedAt: start, endedAt: start.adding(milliseconds: 5),
            attributes: ["hop": "intake", "channel": "upload"])
        let child = Span(
            trace: context, name: "POST /bills", startedAt: start, endedAt: start.adding(seconds: -1), kind: .client,
            outcome: .failed("503"), entropy: Entropy { 0xAB })
        let payload = TracePayload.json([root, child], resource: ["service.name": "countersignd"])
        let wanted = """
            {"resourceSpans":[
            {"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"countersignd"}}]},
            "scopeSpans":[{"scope":{"name":"countersign"},"spans":[
            {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"intake","kind":1,
             "startTimeUnixNano":"1784017800123456000","endTimeUnixNano":"1784017800128456000",
             "attributes":[{"key":"channel","value":{"stringValue":"upload"}},
                           {"key":"hop","value":{"stringValue":"intake"}}],
             "status":{}},
            {"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00000000000000ab",
             "parentSpanId":"00f067aa0ba902b7","name":"POST /bills","kind":3,
             "startTimeUnixNano":"1784017800123456000","endTimeUnixNano":"1784017800123456000",
             "attributes":[],"status":{"code":2,"message":"503"}}]}]}]}
            """
        #expect(payload == (try JSONValue(parsing: wanted)))
        #expect(TracePayload.bytes([], resource: [:]) == TracePayload.json([], resource: [:]).bytes)
    }

    @Test("spans beyond the buffer are dropped and counted, the oldest are sent first")
    func drops() throws {
        let context = try #require(TraceContext(traceparent: parent))
        let buffer = SpanBuffer(capacity: 3)
        for index in 0..<5 {
            buffer.add(Span(trace: context, name: "\(index)", startedAt: Moment(seconds: 1), endedAt: Moment(seconds: 1)))
        }
        #expect(buffer.droppedTotal == 2)
        #expect(buffer.drain(limit: 2).map(\.name) == ["0", "1"])
        #expect(buffer.count == 1)
        buffer.add(Span(trace: context, name: "5", startedAt: Moment(seconds: 1), endedAt: Moment(seconds: 1)))
        #expect(buffer.drain().map(\.name) == ["2", "5"])
        #expect(buffer.drain().isEmpty)
        #expect(buffer.droppedTotal == 2)
    }
}

@Suite("the collector's address")
struct CollectorEndpointTests {
    @Test(
        "an address of a collector is kept as it was written",
        arguments: [
            "http://127.0.0.1:4318", "https://otel.example", "https://otel.example:443/otlp", "http://[::1]:4318",
            "http://collector:4318/",
        ])
    func taken(text: String) throws {
        #expect(try CollectorEndpoint(text).text == (text.hasSuffix("/") ? String(text.dropLast()) : text))
    }

    @Test(
        "what is no address is refused, and the refusal does not repeat it",
        arguments: [
            "", "collector:4318", "ftp://collector:21", "http://", "http:///v1/traces", "http://collector:0",
            "http://collector:70000",
            "http://collector:43x8", "http://me:word@collector:4318", "http://collector:4318?token=word", "http://coll ector",
            "http://collector:4318#word", "http://büro.example",
        ])
    func refused(text: String) throws {
        let refusal = try #require(throws: Refusal.self) { try CollectorEndpoint(text) }
        #expect(refusal.reason == "telemetry.endpoint")
        #expect(!refusal.message.contains("word") && refusal.facts["remedy"]?.isEmpty == false)
    }
}
