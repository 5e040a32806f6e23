import Connectors
import Curl
import Handoff
import Kernel

/// The connector engine's requests through libcurl, each told of as one hop of telemetry.
struct CurlExchange: HTTPExchange {
    private let client: CurlClient
    private let trace: TraceParent?
    private let entropy: Entropy
    private let hops: Locked<[HopTelemetry]>

    init(client: CurlClient, trace: TraceParent?, entropy: Entropy, hops: Locked<[HopTelemetry]>) {
        self.client = client
        self.trace = trace
        self.entropy = entropy
        self.hops = hops
    }

    func exchange(_ request: ExchangeRequest) async throws(ExchangeFailure) -> ExchangeAnswer {
        guard let method = HTTPMethod(rawValue: request.method) else {
            throw ExchangeFailure(code: "invalid-request", message: "no method \(request.method)", mayHaveBeenSent: false)
        }
        let entries = request.allow.map(EgressPolicy.Entry.init)
        guard !entries.contains(where: { $0 == nil }), entries.count <= EgressPolicy.entriesMax else {
            throw ExchangeFailure(code: "invalid-request", message: "an egress entry cannot be read", mayHaveBeenSent: false)
        }
        let span = trace?.child(entropy)
        var headers = request.headers.map { HTTPHeader($0.name, $0.value) }
        if let span { headers.append(HTTPHeader("traceparent", span.text)) }
        let started = WallClock.system.now
        var facts = ["method": request.method, "purpose": request.purpose.rawValue, "host": CurlExchange.host(of: request.url)]
        if let span, let trace { facts.merge(trace.facts(of: span)) { first, _ in first } }
        do throws(CurlFailure) {
            let response = try await client.perform(
                HTTPRequest(
                    method, request.url, headers: headers, body: request.body,
                    connectTimeoutMilliseconds: request.connectTimeoutMilliseconds,
                    totalTimeoutMilliseconds: request.totalTimeoutMilliseconds, deadline: request.deadline,
                    maxBodyBytes: request.answerBytesMax, egress: EgressPolicy(entries: entries.compactMap(\.self)),
                    // A search by POST does no harm twice; a bill would be a second one.
                    isRepeatable: method.isSafe || request.purpose.isRepeatable))
            facts["status"] = String(response.status)
            facts["bytes"] = String(response.body.count)
            note(request, started, facts)
            return ExchangeAnswer(
                status: response.status, headers: response.headers.map { (name: $0.name, value: $0.value) }, body: response.body)
        } catch {
            facts["error"] = error.kind.rawValue
            facts["sent"] = error.mayHaveBeenSent ? "maybe" : "no"
            note(request, started, facts)
            throw ExchangeFailure(code: error.kind.rawValue, message: error.detail, mayHaveBeenSent: error.mayHaveBeenSent)
        }
    }

    private func note(_ request: ExchangeRequest, _ started: Moment, _ facts: [String: String]) {
        let hop = HopTelemetry(
            name: "erp.\(request.purpose.rawValue)", startedAt: started,
            durationMicroseconds: WallClock.system.now.microseconds - started.microseconds, facts: facts)
        hops.withLock { if $0.count < WorkReport.telemetryMax { $0.append(hop) } }
    }

    private static func host(of url: String) -> String {
        // The engine made the URL; one that libcurl cannot read fails in the transfer, with its own words.
        (try? OutboundURL(url)).map { "\($0.host):\($0.port)" } ?? ""
    }
}

/// W3C trace context, as far as a worker needs it: the run's trace goes on in every request it makes.
struct TraceParent: Sendable, Equatable {
    let traceText: String
    let spanText: String

    /// `00-<32 hex>-<16 hex>-<2 hex>`; anything else is no context.
    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "00", parts[1].utf8.count == 32, parts[2].utf8.count == 16, parts[3].utf8.count == 2,
            parts.allSatisfy({ $0.utf8.allSatisfy(TraceParent.isHex) }), parts[1].contains(where: { $0 != "0" })
        else { return nil }
        traceText = String(parts[1])
        spanText = String(parts[2])
    }

    private init(trace: String, span: String) {
        traceText = trace
        spanText = span
    }

    func child(_ entropy: Entropy) -> TraceParent { TraceParent(trace: traceText, span: entropy.bytes(8).hexText) }

    /// How a hop tells of its span: what was sent along, so that our span and the other side's record are of one trace.
    func facts(of span: TraceParent) -> [String: String] { ["traceparent": span.text, "parent": text] }

    var text: String { "00-\(traceText)-\(spanText)-01" }

    private static func isHex(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "f")
    }
}
