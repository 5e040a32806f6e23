import Flow
import Glibc
import Kernel
import Logging
import Records
import Telemetry

/// Sends spans to the operator's collector, through the platform worker: the server itself calls nobody.
///
/// `OTEL_EXPORTER_OTLP_ENDPOINT` names the collector (`http://host:4318`); `COUNTERSIGN_OTLP_ALLOW` the egress entry for it
/// when it lies on a private address. Without an endpoint spans are dropped.
struct TelemetryExport: Sendable {
    static let batchMax = 512
    static let pauseSeconds = 2

    let platform: Platform
    let asking: Asking
    let scopes: ScopeDirectory
    /// Nil: nobody collects.
    let endpoint: CollectorEndpoint?

    /// - Throws: a refusal when the environment names an endpoint that is none.
    init(platform: Platform, asking: Asking, scopes: ScopeDirectory) throws(Refusal) {
        self.platform = platform
        self.asking = asking
        self.scopes = scopes
        if let text = environment("OTEL_EXPORTER_OTLP_ENDPOINT") {
            endpoint = try CollectorEndpoint(text)
        } else {
            endpoint = nil
        }
    }

    /// Who sends: the program, and this life of it.
    private static let resource = [
        "service.name": "countersignd", "service.instance.id": Entropy.system.bytes(8).hexText, "process.pid": "\(getpid())",
    ]

    func run() async {
        let dropped = platform.metrics.gauge(
            "countersign_spans_dropped", "Spans that the buffer could not hold or the collector did not take.")
        var refused = 0.0
        while !Task.isCancelled {
            // Cancellation ends the loop by its condition.
            try? await Task.sleep(for: .seconds(TelemetryExport.pauseSeconds))
            let spans = platform.spans.drain(limit: TelemetryExport.batchMax)
            dropped.set(Double(platform.spans.droppedTotal) + refused)
            guard !spans.isEmpty, let endpoint else { continue }
            do {
                guard let scope = try await scopes.all().first(where: { $0.kind == "operator" }) else { continue }
                let payload = TracePayload.json(spans, resource: TelemetryExport.resource)
                let allow = environment("COUNTERSIGN_OTLP_ALLOW").map { [$0] } ?? []
                if case .failed(_, let message) = try await asking.exportTelemetry(
                    payload, endpoint: endpoint.text, allow: allow, tenant: scope.id)
                {
                    refused += Double(spans.count)
                    platform.logger.warning("spans not taken", metadata: ["count": "\(spans.count)", "reason": "\(message)"])
                }
            } catch {
                refused += Double(spans.count)
                platform.logger.debug("spans not sent", metadata: ["count": "\(spans.count)", "error": "\(error)"])
            }
        }
    }
}
