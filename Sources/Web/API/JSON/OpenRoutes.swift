internal import Flow
internal import Kernel
internal import Telemetry
internal import WebKernel

/// What needs nobody: liveness, readiness, metrics.
struct OpenRoutes: Sendable {
    let services: Services

    init(_ services: Services) { self.services = services }

    var all: [Route] {
        [
            Route(
                .get, "/healthz", access: .open,
                documentation: RouteDocumentation("health", "The process runs.", responseSchema: ["type": "object"])
            ) { _ in
                .json(["status": "ok"])
            },
            Route(
                .get, "/readyz", access: .open,
                documentation: RouteDocumentation(
                    "readiness", "The database answers and lanes are held.", responseSchema: ["type": "object"], problems: [503])
            ) { [services] _ in
                guard await services.isReady() else {
                    throw Refusal(.unavailable, reason: "not-ready", "The server is not ready yet.")
                }
                return .json(["status": "ready"])
            },
            Route(
                .get, "/metrics", access: .open,
                documentation: RouteDocumentation("metrics", "Prometheus exposition.", responseSchema: ["type": "string"])
            ) { [services] _ in
                .text(services.metrics.exposition(), type: "text/plain; version=0.0.4; charset=utf-8")
            },
        ]
    }
}
