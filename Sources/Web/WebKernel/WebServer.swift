internal import HTTPTypes
internal import Hummingbird
package import Kernel
package import Logging
internal import NIOCore

/// Where a server listens.
package enum WebAddress: Sendable {
    case tcp(host: String, port: Int)
    /// A unix socket; the file is made by the server, its directory decides who may connect.
    case unix(path: String)
}

/// What a server tells its surroundings about each request; labels are bounded (the route's pattern, never the path).
package struct WebObservation: Sendable {
    package let method: String
    package let pattern: String
    package let status: Int
    package let microseconds: Int64
}

/// One listening server: the route table, the hooks around it, and a bounded body.
package struct WebServer: Sendable {
    package let table: RouteTable
    package let address: WebAddress
    package var logger: Logger
    package var clock: WallClock
    package var entropy: Entropy
    /// Called once the port is bound, with the port (zero for a unix socket).
    package var onListening: @Sendable (Int) async -> Void = { _ in }
    package var observe: @Sendable (WebObservation) -> Void = { _ in }
    /// Runs before the route's handler; sees the route's declared access and may refuse or answer itself.
    package var admit: @Sendable (WebRequest, Route) async throws -> WebResponse? = { _, _ in nil }
    /// Turns a refusal into an answer; pages show it as a page.
    package var refuse: @Sendable (Refusal, WebRequest, Route?) async -> WebResponse = { refusal, request, _ in
        Problem.response(refusal, request: request.id)
    }
    package var fail: @Sendable (any Error, WebRequest) async -> WebResponse = { _, request in
        Problem.internalError(request: request.id)
    }
    /// Addresses of proxies in front of this server. Only from these is the last entry of `X-Forwarded-For` believed.
    package var proxies: Set<String> = []
    /// Headers that every answer carries unless it set its own.
    package var standardHeaders: [(name: String, value: String)] = []

    package init(table: RouteTable, address: WebAddress, logger: Logger, clock: WallClock = .system, entropy: Entropy = .system) {
        self.table = table
        self.address = address
        self.logger = logger
        self.clock = clock
        self.entropy = entropy
    }

    /// Serves until the surrounding task is cancelled or the service group asks to stop.
    package func run() async throws {
        let responder = CallbackResponder<PeerContext> { request, context in
            await respond(to: request, from: context.peer)
        }
        let bound: BindAddress =
            switch address {
            case .tcp(let host, let port): .hostname(host, port: port)
            case .unix(let path): .unixDomainSocket(path: path)
            }
        let listening = onListening
        let application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(address: bound, serverName: nil),
            onServerRunning: { channel in await listening(channel.localAddress?.port ?? 0) },
            logger: quiet(logger))
        try await application.run()
    }

    /// Hummingbird's own lines below warning say nothing that our access log does not.
    private func quiet(_ logger: Logger) -> Logger {
        var copy = logger
        copy.logLevel = .warning
        return copy
    }

    private func respond(to request: Request, from peer: String) async -> Response {
        let started = clock.now
        let method = WebMethod(rawValue: request.method == .head ? "GET" : request.method.rawValue)
        let (path, query) = WebServer.split(request.uri.string)
        var fields: [(name: String, value: String)] = request.headers.map { (name: $0.name.rawName, value: $0.value) }
        if let authority = request.head.authority { fields.append((name: "host", value: authority)) }
        let match = table.match(method, path)
        var parameters: [String: String] = [:]
        var route: Route?
        if case .found(let found, let values) = match {
            route = found
            parameters = values
        }
        func made(_ body: [UInt8]) -> WebRequest {
            WebRequest(
                method: method ?? .get, path: path, query: query, headers: WebHeaders(fields), body: body, parameters: parameters,
                id: requestID(), receivedAt: started, client: WebServer.client(peer, fields, proxies: proxies))
        }
        var webRequest = made([])
        var answer: WebResponse
        do {
            guard path.utf8.count <= 2048, query.count <= 100 else {
                throw Refusal(.tooLarge, reason: "request.uri", "The address is too long.")
            }
            switch match {
            case .found(let route, _):
                webRequest = made(try await body(of: request, max: route.bodyBytesMax))
                answer = try await admitted(webRequest, route)
            case .wrongMethod(let allowed):
                answer = await refuse(
                    Refusal(.invalid, reason: "request.method", "This address does not take \(request.method.rawValue)."),
                    webRequest, nil)
                answer.status = 405
                answer.headers.set("Allow", allowed.map(\.rawValue).joined(separator: ", "))
            case .none:
                throw Refusal.notFound
            }
        } catch let refusal as Refusal {
            answer = await refuse(refusal, webRequest, route)
        } catch is CancellationError {
            answer = await refuse(Refusal(.unavailable, reason: "stopping", "The server is stopping."), webRequest, route)
        } catch {
            logger.error(
                "request failed",
                metadata: ["request": "\(webRequest.id)", "route": "\(route?.pattern ?? path)", "error": "\(error)"])
            answer = await fail(error, webRequest)
        }
        let elapsed = clock.now.microseconds - started.microseconds
        observe(
            WebObservation(
                method: request.method.rawValue, pattern: route?.pattern ?? "unmatched", status: answer.status,
                microseconds: elapsed))
        return finish(answer, request: webRequest)
    }

    /// Who asks: the peer itself, or whom a known proxy names as the peer that it saw.
    static func client(_ peer: String, _ fields: [(name: String, value: String)], proxies: Set<String>) -> String {
        guard proxies.contains(peer) else { return peer }
        let named = fields.last { $0.name.lowercased() == "x-forwarded-for" }?.value.split(separator: ",").last.map {
            trimmed($0)
        }
        return named ?? peer
    }

    private func admitted(_ request: WebRequest, _ route: Route) async throws -> WebResponse {
        if let early = try await admit(request, route) { return early }
        return try await route.handle(request)
    }

    private func requestID() -> String { String(entropy.next(), radix: 36) }

    private func body(of request: Request, max: Int) async throws -> [UInt8] {
        if let length = request.headers[.contentLength].flatMap(Int.init), length > max { throw WebServer.tooLarge(max) }
        var out: [UInt8] = []
        for try await buffer in request.body {
            guard out.count + buffer.readableBytes <= max else { throw WebServer.tooLarge(max) }
            out.append(contentsOf: buffer.readableBytesView)
        }
        return out
    }

    private static func tooLarge(_ max: Int) -> Refusal {
        Refusal(.tooLarge, reason: "request.body", "The body may have at most \(max) bytes.")
    }

    /// The path as it stands and the query decoded; broken escapes stay as they are.
    static func split(_ uri: String) -> (path: String, query: [(name: String, value: String)]) {
        let halves = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = String(halves.first ?? "/")
        guard halves.count == 2 else { return (path, []) }
        let pairs = halves[1].split(separator: "&").map { part -> (name: String, value: String) in
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = percentDecoded(sides[0].utf8, plusIsSpace: true) ?? String(sides[0])
            let value = sides.count == 2 ? percentDecoded(sides[1].utf8, plusIsSpace: true) ?? String(sides[1]) : ""
            return (name: name, value: value)
        }
        return (path, pairs)
    }

    private func finish(_ answer: WebResponse, request: WebRequest) -> Response {
        var fields = HTTPFields()
        for field in answer.headers.fields {
            if let name = HTTPField.Name(field.name) { fields.append(HTTPField(name: name, value: field.value)) }
        }
        for field in standardHeaders where answer.headers[field.name] == nil {
            if let name = HTTPField.Name(field.name) { fields.append(HTTPField(name: name, value: field.value)) }
        }
        if let name = HTTPField.Name("Request-Id") { fields.append(HTTPField(name: name, value: request.id)) }
        let body: ResponseBody =
            switch answer.body {
            case .bytes(let bytes): ResponseBody(byteBuffer: ByteBuffer(bytes: bytes))
            case .stream(let produce):
                ResponseBody { writer in
                    let (pieces, continuation) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
                    let producer = Task {
                        do {
                            try await produce(WebBodyWriter { continuation.yield(ByteBuffer(bytes: $0)) })
                            continuation.finish()
                        } catch { continuation.finish(throwing: error) }
                    }
                    defer { producer.cancel() }
                    for try await piece in pieces { try await writer.write(piece) }
                    try await writer.finish(nil)
                }
            }
        return Response(status: HTTPResponse.Status(code: answer.status), headers: fields, body: body)
    }
}

/// What the server keeps of a connection: the address at its other end.
private struct PeerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Empty for a unix socket.
    let peer: String

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress?.ipAddress ?? ""
    }
}
