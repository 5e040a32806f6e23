import Glibc
import Kernel

/// A collector of spans on a free port of 127.0.0.1, as OTLP over HTTP in JSON has it: takes everything, or falls silent.
final class SpanCollector: Sendable {
    struct Span: Sendable {
        let trace: String
        let id: String
        let parent: String?
        let name: String
        let attributes: [String: String]
        let resource: [String: String]
    }

    private struct State {
        var bodies: [JSONValue] = []
        var isSilent = false
        var waiting: [Int32] = []
    }

    /// Larger than any batch.
    private static let requestBytesMax = 8_388_608

    let port: Int
    private let listener: Int32
    private let state = Locked(State())

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound, listen(listener, 16) == 0 else {
            throw Fault("starting a collector", String(cString: strerror(errno)), isRetryable: false)
        }
        _ = fcntl(listener, F_SETFD, FD_CLOEXEC)
        port = Int(UInt16(bigEndian: address.sin_port))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<SpanCollector>.fromOpaque(argument).takeRetainedValue().serve() }
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        guard code == 0 else { throw Fault("starting a collector", String(cString: strerror(code)), isRetryable: false) }
        pthread_detach(thread)
    }

    /// Everything that was sent, as it came.
    var text: String { state.withLock { $0.bodies }.map(\.text).joined(separator: "\n") }

    var spans: [Span] {
        state.withLock { $0.bodies }.flatMap { body in
            (body["resourceSpans"]?.array ?? []).flatMap { group in
                let resource = SpanCollector.attributes(group["resource"])
                return (group["scopeSpans"]?.array ?? []).flatMap { $0["spans"]?.array ?? [] }.map { span in
                    Span(
                        trace: span["traceId"]?.string ?? "", id: span["spanId"]?.string ?? "",
                        parent: span["parentSpanId"]?.string,
                        name: span["name"]?.string ?? "", attributes: SpanCollector.attributes(span), resource: resource)
                }
            }
        }
    }

    private static func attributes(_ value: JSONValue?) -> [String: String] {
        let pairs = (value?["attributes"]?.array ?? []).map {
            ($0["key"]?.string ?? "", $0["value"]?["stringValue"]?.string ?? "")
        }
        return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
    }

    /// A silent collector takes the connection and never answers; when it speaks again, those who waited are sent away.
    func setSilent(_ isSilent: Bool) {
        let left = state.withLock { state -> [Int32] in
            state.isSilent = isSilent
            guard !isSilent else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for connection in left { close(connection) }
    }

    func stop() {
        setSilent(false)
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            let isSilent = state.withLock { state -> Bool in
                if state.isSilent { state.waiting.append(connection) }
                return state.isSilent
            }
            guard !isSilent else { continue }
            answer(connection)
            close(connection)
        }
    }

    /// One request and its answer; then the connection ends, so that the next one is seen anew.
    private func answer(_ connection: Int32) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var whole: Int?
        while whole.map({ bytes.count < $0 }) ?? true, bytes.count < SpanCollector.requestBytesMax {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { return }
            bytes += chunk[..<count]
            whole = whole ?? SpanCollector.length(of: bytes)
        }
        let body = bytes.drop { $0 != UInt8(ascii: "{") }
        // What is no JSON is answered as a real collector would.
        let json = try? JSONValue(parsing: Array(body))
        if let json { state.withLock { $0.bodies.append(json) } }
        let head = "HTTP/1.1 \(json == nil ? 400 : 200) X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
        let reply = head + "Connection: close\r\n\r\n{}"
        _ = write(connection, Array(reply.utf8), reply.utf8.count)
    }

    /// The length of head and body together, once the head is there.
    private static func length(of bytes: [UInt8]) -> Int? {
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: "") else { return nil }
        let head = lines[..<end].reduce(0) { $0 + $1.utf8.count + 2 } + 2
        let field = lines[..<end].first { $0.lowercased().hasPrefix("content-length:") }
        return field.flatMap { Int($0.drop { !$0.isNumber }) }.map { head + $0 }
    }
}
