import Glibc
import Kernel
import TestKit

/// A system of a tenant that is told of events, on a free port of 127.0.0.1: it answers each as it is told to, and then takes
/// everything.
final class EventReceiver: Sendable {
    struct Got: Sendable {
        let path: String
        let headers: [(name: String, value: String)]
        let body: [UInt8]

        var id: String { headers.first { $0.name == "webhook-id" }?.value ?? "" }
    }

    private static let requestBytesMax = 1_048_576

    let port: Int
    private let listener: Int32
    private let received = Locked<[Got]>([])
    private let next = Locked<[String: [Int]]>([:])
    private let silent = Locked<[Int32]>([])

    init() throws {
        (listener, port) = try Loopback.listen(backlog: 16)
        Loopback.thread { self.serve() }
    }

    var got: [Got] { received.withLock { $0 } }

    /// What a path answers next; 0 is no word at all.
    func say(_ path: String, _ statuses: Int...) { next.withLock { $0[path, default: []] += statuses } }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for connection in silent.withLock({ $0 }) { close(connection) }
    }

    private func serve() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            Loopback.thread { self.answer(connection) }
        }
    }

    /// One request and its answer; then the connection ends.
    private func answer(_ connection: Int32) {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < EventReceiver.requestBytesMax {
            let count = read(connection, &chunk, chunk.count)
            guard count > 0 else { break }
            bytes += chunk[..<count]
            guard let got = EventReceiver.request(bytes) else { continue }
            received.withLock { $0.append(got) }
            let status = next.withLock { next -> Int in
                guard next[got.path]?.isEmpty == false else { return 200 }
                return next[got.path, default: []].removeFirst()
            }
            guard status != 0 else { return silent.withLock { $0.append(connection) } }
            let reply = "HTTP/1.1 \(status) X\r\nContent-Length: 6\r\nConnection: close\r\n\r\nthanks"
            _ = write(connection, Array(reply.utf8), reply.utf8.count)
            break
        }
        close(connection)
    }

    /// Nil until the whole of it is there.
    private static func request(_ bytes: [UInt8]) -> Got? {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        guard let end = lines.firstIndex(of: ""), let first = lines.first else { return nil }
        let headers = lines[1..<end].map { line -> (name: String, value: String) in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (parts[0].lowercased(), parts.count > 1 ? String(parts[1].drop { $0 == " " }) : "")
        }
        let head = lines[..<end].reduce(0) { $0 + $1.utf8.count + 2 } + 2
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        guard bytes.count >= head + length else { return nil }
        let parts = first.split(separator: " ")
        return Got(path: parts.count > 1 ? String(parts[1]) : "", headers: headers, body: Array(bytes[head..<(head + length)]))
    }
}
