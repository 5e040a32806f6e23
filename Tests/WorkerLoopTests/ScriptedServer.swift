import Glibc
import Kernel
import TestKit

/// One request as the scripted server received it.
struct ReceivedRequest: Sendable {
    let method: String
    let target: String
    /// Names in lower case.
    let headers: [String: String]
    let body: [UInt8]
    /// Counts the server's connections, so that a test sees which requests shared one.
    let connection: Int
}

/// What the scripted server does with a request.
enum Reaction: Sendable {
    case answer(status: Int, headers: [String: String], body: [UInt8])
    /// These bytes, whatever they are, and then the end of the connection.
    case raw([UInt8])
    /// The connection ends without a word.
    case hangUp
    /// No word, and the connection stays open until the server ends.
    case silence

    static func json(_ value: JSONValue, status: Int = 200) -> Reaction {
        .answer(status: status, headers: ["Content-Type": "application/json"], body: value.bytes)
    }
}

/// A server of plain sockets and threads for tests: what it says is said exactly so, which a real HTTP library would not do.
final class ScriptedServer: Sendable {
    private static let backlog: Int32 = 64

    let port: Int
    let socketPath: String?
    private let listener: Int32
    private let requests = Locked<[ReceivedRequest]>([])
    private let connections = Locked<[Int32]>([])
    private let isStopped = Locked(false)
    private let script: @Sendable (ReceivedRequest) -> Reaction

    var received: [ReceivedRequest] { requests.withLock { $0 } }
    var base: String { "http://127.0.0.1:\(port)" }

    /// Listens on a free port of 127.0.0.1, or on a unix socket.
    init(socketPath: String? = nil, script: @escaping @Sendable (ReceivedRequest) -> Reaction) throws {
        self.script = script
        self.socketPath = socketPath
        if let socketPath {
            let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(socketPath.utf8) + [0]) }
            unlink(socketPath)
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            guard bound == 0 else { throw Fault("bind \(socketPath)", String(cString: strerror(errno)), isRetryable: false) }
            listen(listener, ScriptedServer.backlog)
            self.listener = listener
            port = 0
        } else {
            (listener, port) = try Loopback.listen(backlog: ScriptedServer.backlog)
        }
        Loopback.thread { self.acceptAll() }
    }

    /// Ends the listener and every connection. The threads that read them close them: a number that is closed here would be given
    /// to the next socket of another test while they still use it.
    func stop() {
        let wasStopped = isStopped.withLock { stopped in
            defer { stopped = true }
            return stopped
        }
        guard !wasStopped else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        connections.withLock { for connection in $0 { shutdown(connection, Int32(SHUT_RDWR)) } }
        if let socketPath { unlink(socketPath) }
    }

    private func acceptAll() {
        var count = 0
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else {
                close(listener)
                return
            }
            count += 1
            let number = count
            connections.withLock { $0.append(connection) }
            Loopback.thread { self.serve(connection, number) }
        }
    }

    private func serve(_ connection: Int32, _ number: Int) {
        var pending: [UInt8] = []
        while let request = read(connection, number, &pending) {
            requests.withLock { $0.append(request) }
            switch script(request) {
            case .answer(let status, let headers, let body):
                var head = "HTTP/1.1 \(status) X\r\n"
                for (name, value) in headers { head += "\(name): \(value)\r\n" }
                head += "Content-Length: \(body.count)\r\n\r\n"
                send(connection, Array(head.utf8) + body)
            case .raw(let bytes):
                send(connection, bytes)
                shutdown(connection, Int32(SHUT_RDWR))
            case .hangUp: shutdown(connection, Int32(SHUT_RDWR))
            case .silence: continue
            }
        }
        connections.withLock {
            $0.removeAll { $0 == connection }
            close(connection)
        }
    }

    private func send(_ connection: Int32, _ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private func read(_ connection: Int32, _ number: Int, _ pending: inout [UInt8]) -> ReceivedRequest? {
        let blank = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            headEnd = pending.indices.first { pending[$0...].starts(with: blank) }
            if headEnd == nil, !receive(connection, &pending) { return nil }
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: pending[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while pending.count < headEnd + 4 + length {
            guard receive(connection, &pending) else { return nil }
        }
        let body = Array(pending[(headEnd + 4)..<(headEnd + 4 + length)])
        pending.removeFirst(headEnd + 4 + length)
        return ReceivedRequest(
            method: String(words[0]), target: String(words[1]), headers: headers, body: body, connection: number)
    }

    private func receive(_ connection: Int32, _ pending: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(connection, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        pending += chunk[..<count]
        return true
    }
}
