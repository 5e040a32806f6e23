internal import Glibc
internal import Kernel

/// A mail server that says what it is told to say, by plain sockets and a thread for each connection.
package final class ScriptedMailServer: Sendable {
    /// What it has heard on one connection.
    package struct Heard: Sendable {
        package var commands: [String] = []
        package var message = ""
    }

    package let port: Int
    private let listener: Int32
    private let heard = Locked<[Heard]>([])
    private let connections = Locked<[Int32]>([])
    /// The reply to a command, by its first word; nil is silence.
    private let reply: @Sendable (String) -> String?

    package var received: [Heard] { heard.withLock { $0 } }
    package var base: String { "smtp://127.0.0.1:\(port)" }

    package init(_ reply: @escaping @Sendable (String) -> String?) throws {
        self.reply = reply
        (listener, port) = try Loopback.listen(backlog: 8)
        Loopback.thread { self.acceptAll() }
    }

    package func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        for connection in connections.withLock({ $0 }) { shutdown(connection, Int32(SHUT_RDWR)) }
    }

    private func acceptAll() {
        while true {
            let connection = accept(listener, nil, nil)
            guard connection >= 0 else { return }
            connections.withLock { $0.append(connection) }
            let index = heard.withLock { heard -> Int in
                heard.append(Heard())
                return heard.count - 1
            }
            // A sender may keep a connection for its next mail and send that by another, so each has a thread.
            Loopback.thread {
                self.serve(connection, index)
                self.connections.withLock { $0.removeAll { $0 == connection } }
                close(connection)
            }
        }
    }

    private func serve(_ connection: Int32, _ index: Int) {
        var pending: [UInt8] = []
        guard say("220 mail.example ready", connection) else { return }
        while let line = line(connection, &pending) {
            heard.withLock { $0[index].commands.append(line) }
            let verb = line.prefix { $0 != " " && $0 != ":" }.uppercased()
            guard let answer = reply(verb) else { continue }
            guard say(answer, connection) else { return }
            if verb == "DATA", answer.hasPrefix("354") {
                var text: [String] = []
                while let line = self.line(connection, &pending), line != "." { text.append(line) }
                heard.withLock { $0[index].message = text.joined(separator: "\n") }
                guard let end = reply("."), say(end, connection) else { continue }
            }
            if verb == "QUIT" { return }
        }
    }

    private func say(_ text: String, _ connection: Int32) -> Bool {
        let bytes = Array((text + "\r\n").utf8)
        return bytes.withUnsafeBytes { send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) } == bytes.count
    }

    private func line(_ connection: Int32, _ pending: inout [UInt8]) -> String? {
        while true {
            if let end = pending.firstIndex(of: 10) {
                let line = String(decoding: pending[..<end].filter { $0 != 13 }, as: UTF8.self)
                pending.removeFirst(end + 1)
                return line
            }
            var chunk = [UInt8](repeating: 0, count: 65_536)
            let count = recv(connection, &chunk, chunk.count, 0)
            guard count > 0 else { return nil }
            pending += chunk[..<count]
        }
    }
}
