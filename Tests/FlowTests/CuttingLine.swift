import Glibc
import Kernel
import Postgres

/// Stands between the product and PostgreSQL on a socket of its own, counts the COMMITs that pass, and cuts the line at a chosen
/// one: just before the server gets it, or just after the server has carried it out and before anybody hears of it.
final class CuttingLine: Sendable {
    enum Cut: Sendable, CaseIterable { case before, after }

    private struct State: Sendable {
        var commits = 0
        var cut: Cut?
        var at = 0
        var isClosed = false
    }

    private let state = Locked(State())
    private let folder: String
    private let path: String
    private let listener: Int32
    private let upstream: String
    /// Leads to the same database by way of this line.
    let dsn: String

    /// `connection` tells where the server's own socket is.
    init(to dsn: String, by connection: PGConnection) async throws {
        let place = try await connection.query("SELECT current_setting('unix_socket_directories'), current_setting('port')")
            .only()
        let port = try place.get(1, as: String.self)
        let first = try place.get(0, as: String.self).split(separator: ",").first.map(String.init) ?? ""
        upstream = "\(first)/.s.PGSQL.\(port)"
        var template = Array("/tmp/countersign-line-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault("making a folder", isRetryable: false) }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The last of a kind wins.
        self.dsn = "\(dsn) host='\(folder)' port=\(port)"
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        path = "\(folder)/.s.PGSQL.\(port)"
        guard CuttingLine.address(path, { bind(listener, $0, $1) }) == 0, listen(listener, 64) == 0 else {
            throw Fault("listening on \(path)", isRetryable: false)
        }
        CuttingLine.thread { [self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                CuttingLine.thread { self.serve(client) }
            }
        }
    }

    /// Starts counting anew; with `cut` the line is cut at the COMMIT of that number, once.
    func plan(_ cut: Cut? = nil, at number: Int = 0) {
        state.withLock {
            $0.commits = 0
            $0.cut = cut
            $0.at = number
        }
    }

    var commits: Int { state.withLock { $0.commits } }
    /// The planned cut has happened.
    var hasCut: Bool { state.withLock { $0.cut == nil } }

    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
        unlink(path)
        rmdir(folder)
    }

    // MARK: One connection

    private func serve(_ client: Int32) {
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard CuttingLine.address(upstream, { connect(server, $0, $1) }) == 0 else { return CuttingLine.end(client, server) }
        var reader = CommitReader()
        var isCutAfter = false
        var answers: [UInt8] = []
        var watched = [
            pollfd(fd: client, events: Int16(POLLIN), revents: 0), pollfd(fd: server, events: Int16(POLLIN), revents: 0),
        ]
        while poll(&watched, 2, -1) > 0 {
            if watched[0].revents != 0 {
                guard let bytes = CuttingLine.read(client) else { break }
                let found = reader.take(bytes)
                let (cut, isForward) = note(found)
                if !isForward { break }
                isCutAfter = isCutAfter || cut == .after
                guard CuttingLine.write(server, bytes) else { break }
            }
            if watched[1].revents != 0 {
                guard let bytes = CuttingLine.read(server) else { break }
                if isCutAfter {
                    answers += bytes
                    if CuttingLine.holdsCommit(answers) { break }
                } else {
                    guard CuttingLine.write(client, bytes) else { break }
                }
            }
        }
        CuttingLine.end(client, server)
    }

    private func note(_ commits: Int) -> (cut: Cut?, isForward: Bool) {
        state.withLock { state -> (cut: Cut?, isForward: Bool) in
            guard commits > 0 else { return (cut: nil, isForward: true) }
            state.commits += commits
            guard let cut = state.cut, state.commits >= state.at else { return (cut: nil, isForward: true) }
            state.cut = nil
            return (cut: cut, isForward: cut == .after)
        }
    }

    /// The server's word that it has committed.
    private static func holdsCommit(_ bytes: [UInt8]) -> Bool {
        let word = Array("COMMIT\0".utf8)
        guard bytes.count >= word.count else { return false }
        return (0...(bytes.count - word.count)).contains {
            bytes[$0] == word[0] && bytes[$0..<$0 + word.count].elementsEqual(word)
        }
    }

    // MARK: Sockets

    private static func read(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private static func end(_ descriptors: Int32...) {
        for descriptor in descriptors { Glibc.close(descriptor) }
    }

    private static func address(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8CString)
        guard bytes.count <= MemoryLayout.size(ofValue: address.sun_path) else { return -1 }
        withUnsafeMutableBytes(of: &address.sun_path) { target in bytes.withUnsafeBytes { target.copyMemory(from: $0) } }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
        }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Work(body)).toOpaque()
        var handle = pthread_t()
        let result = pthread_create(
            &handle, nil,
            { raw in
                if let raw { Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().body() }
                return nil
            }, box)
        precondition(result == 0, "no thread: \(result)")
        pthread_detach(handle)
    }

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

/// Finds COMMITs in what a client sends: PostgreSQL's protocol 3.0, plain and prepared statements.
struct CommitReader {
    private var buffer: [UInt8] = []
    private var isStarted = false
    private var commitStatements: Set<[UInt8]> = []

    /// How many COMMITs the bytes complete.
    mutating func take(_ bytes: [UInt8]) -> Int {
        buffer += bytes
        var commits = 0
        var at = 0
        while true {
            let header = isStarted ? 5 : 4
            guard buffer.count - at >= header else { break }
            let length = buffer[(at + header - 4)..<(at + header)].reduce(0) { $0 << 8 | Int($1) }
            let end = at + header - 4 + length
            guard buffer.count >= end else { break }
            if isStarted { commits += message(buffer[at], buffer[(at + header)..<end]) ? 1 : 0 }
            isStarted = true
            at = end
        }
        buffer.removeFirst(at)
        return commits
    }

    private mutating func message(_ kind: UInt8, _ body: ArraySlice<UInt8>) -> Bool {
        let parts = body.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
        switch kind {
        case UInt8(ascii: "Q"): return parts[0].starts(with: "COMMIT".utf8)
        case UInt8(ascii: "P") where parts.count > 1:
            if parts[1].starts(with: "COMMIT".utf8) {
                commitStatements.insert(parts[0])
            } else {
                commitStatements.remove(parts[0])
            }
            return false
        case UInt8(ascii: "B") where parts.count > 1: return commitStatements.contains(parts[1])
        default: return false
        }
    }
}
