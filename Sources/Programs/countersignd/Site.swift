import API
import Flow
import Glibc
import Kernel
import Logging
import Telemetry
import WebKernel

/// The two listening servers: people and programs on TCP, workers on a unix socket.
struct Site: Sendable {
    let book: RouteBook
    let services: Services
    let handoff: HandoffRoutes
    let platform: Platform
    let settings: ServerSettings
    let logger: Logger

    static let headers: [(name: String, value: String)] = [
        (
            name: "Content-Security-Policy",
            value:
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        (name: "X-Content-Type-Options", value: "nosniff"), (name: "Referrer-Policy", value: "same-origin"),
        (name: "Cross-Origin-Opener-Policy", value: "same-origin"), (name: "Cache-Control", value: "no-store"),
    ]

    func run() async throws {
        var server = WebServer(table: book.table, address: .tcp(host: settings.host, port: settings.port), logger: logger)
        server.standardHeaders = Site.headers
        server.proxies = settings.proxies
        let limiter = RateLimiter(clock: platform.clock)
        server.admit = { request, route in
            // Addresses of status pages are guessed at no faster than anything else.
            guard route.access != .open || route.method != .get || route.pattern.hasPrefix("/status/") else { return nil }
            try limiter.admit(request)
            return nil
        }
        let (services, metrics) = (services, platform.metrics)
        let seconds = metrics.histogram(
            "countersign_http_request_seconds", "Time to answer, by route.", labels: ["route"],
            buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5])
        let count = metrics.counter(
            "countersign_http_requests_total", "Requests, by route and status.", labels: ["route", "status"])
        server.observe = { observation in
            seconds.observe(Double(observation.microseconds) / 1_000_000, observation.pattern)
            count.add(1, observation.pattern, "\(observation.status)")
        }
        server.refuse = { refusal, request, route in
            // Who is told to wait and goes on at once would have the machine to itself by being refused.
            if refusal.code == .tooMany { await limiter.hold() }
            return await PageErrors(services: services).response(refusal, request, route)
        }
        server.fail = { error, request in await PageErrors(services: services).response(error, request) }
        let (logger, portFile, host) = (logger, settings.portFile, settings.host)
        server.onListening = { port in
            logger.notice("listening", metadata: ["address": "http://\(host):\(port)"])
            if let portFile { Site.write("\(port)\n", to: portFile) }
        }
        try await server.run()
    }

    func runHandoff() async throws {
        let path = settings.paths.handoff
        // Left by a server that was killed; nobody else has this name in our own directory.
        unlink(path)
        var server = WebServer(table: RouteTable(handoff.all), address: .unix(path: path), logger: logger)
        // Workers run as users of their own; what lets them in is their session token.
        server.onListening = { _ in chmod(path, 0o666) }
        try await server.run()
    }

    static func write(_ text: String, to path: String) {
        let temporary = path + ".new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { return }
        let bytes = Array(text.utf8)
        let count = Glibc.write(file, bytes, bytes.count)
        close(file)
        if count == bytes.count { rename(temporary, path) }
    }
}
