import Glibc
import Kernel
import Postgres
import Records
import TestKit
import Testing

@testable import Flow

/// The program itself with `serve --role`: several processes on one database, each with its own part of the work.
@Suite("roles of a process")
struct RoleTests {
    @Test(
        "a web process answers and takes in, and moves nothing; a worker process finishes what it took", .timeLimit(.minutes(4)))
    func webAndWorkers() async throws {
        let programs = Program.folder
        guard access(programs + "/countersignd", X_OK) == 0 else { return print("skipped 1: countersignd is not built") }
        try await TestDatabase.with(template: .empty) { database in
            let folder = try Program.makeFolder()
            defer { Program.removeFolder(folder) }
            let drop = folder + "/drop"
            try #require(mkdir(drop, 0o755) == 0 && mkdir(drop + "/kestrel-labs", 0o755) == 0)
            func program(_ name: String, _ words: [String]) throws -> Program {
                try Program.start(
                    programs + "/countersignd", words + ["--data", "\(folder)/\(name)"], log: "\(folder)/\(name).log",
                    environment: ["DATABASE_URL=\(database.dsn)"])
            }
            let set = try program("apply", ["apply", Program.project + "/Tenants", "--runbooks", Program.project + "/Runbooks"])
            try #require(await set.wait() == 0, "\(Program.text(folder + "/apply.log"))")
            let tenant = try #require(
                try await ScopeDirectory(store: database.store, clock: .system).scope(slug: "kestrel-labs")?.id)
            // A row of a worker that another life of a server saw last, of a tenant that has no work now.
            let quiet = try #require(
                try await ScopeDirectory(store: database.store, clock: .system).scope(slug: "brightwater-foods")?.id)
            try await database.store.withTenant(quiet) { tx in
                try await tx.execute(
                    OverviewQueries.putWorker(
                        tenant: quiet, state: "restarting", pid: 1, level: nil, residentBytes: 1, restarts: 7, startedAt: nil,
                        seenAt: WallClock.system.now, detail: "ended with 71"))
            }

            let web = try program(
                "web", ["serve", "--role", "web", "--port", "0", "--port-file", folder + "/port", "--drop-folder", drop])
            defer { web.kill() }
            let isUp = try await eventually { Program.status(of: "/healthz", portFile: folder + "/port") == 200 }
            try #require(isUp, "\(Program.text(folder + "/web.log"))")
            try #require(Program.write("no invoice at all", to: drop + "/kestrel-labs/.new"))
            try #require(rename(drop + "/kestrel-labs/.new", drop + "/kestrel-labs/letter.xml") == 0)
            @Sendable func documents() async throws -> [DocumentRow] {
                try await database.store.withTenant(tenant) { tx in
                    try await tx.query(DocumentQueries.page(tenant: tenant, before: nil, limit: 10)).map(DocumentRow.init)
                }
            }
            let isTaken = try await eventually { try await documents().count == 1 }
            try #require(isTaken, "\(Program.text(folder + "/web.log"))")
            // Its command is stored, no lane has an owner, and nothing has moved: there is nobody who could move it.
            let waiting = try await database.store.withLane(0) { tx in
                try await tx.query(
                    """
                    SELECT (SELECT count(*) FROM queue.command) AS commands,
                           (SELECT count(*) FROM queue.lane WHERE owner IS NOT NULL) AS owned
                    """
                ).only()
            }
            #expect(try waiting.get("commands", as: Int64.self) == 1)
            #expect(try waiting.get("owned", as: Int64.self) == 0)
            #expect(try await documents().first?.state == "received")

            let workers = try program("workers", ["serve", "--role", "workers", "--port", "0", "--worker-idle-seconds", "5"])
            defer { workers.kill() }
            let isRead = try await eventually { try await documents().first?.state == "unreadable" }
            #expect(isRead, "\(Program.text(folder + "/workers.log"))")
            let earlier = try await database.store.withTenant(quiet) { tx in
                try await tx.query(OverviewQueries.worker(tenant: quiet)).only()
            }
            #expect(try earlier.get("state", as: String.self) == "stopped")
            #expect(try earlier.get("detail", as: String.self) == "", "what an earlier life saw is forgotten")
            #expect(Program.status(of: "/healthz", portFile: folder + "/port") == 200)

            // Both end when they are asked to, with polls of workers open.
            workers.signal(SIGTERM)
            web.signal(SIGTERM)
            #expect(await workers.wait() == 0, "\(Program.text(folder + "/workers.log"))")
            #expect(await web.wait() == 0, "\(Program.text(folder + "/web.log"))")
        }
    }
}

/// A program of this build as a child process.
private final class Program: Sendable {
    private let pid: pid_t
    private let status = Locked<Int32?>(nil)

    private init(pid: pid_t) { self.pid = pid }

    static let project = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// Where the test bundle lies, and the programs beside it.
    static var folder: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    }

    static func makeFolder() throws -> String {
        var template = Array("/tmp/countersign-roles-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Fault("making a folder", isRetryable: false) }
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(path, 0o755)
        return path
    }

    static func removeFolder(_ path: String) {
        var words: [UnsafeMutablePointer<CChar>?] = []
        for word in ["rm", "-rf", path] { words.append(strdup(word)) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        var status: Int32 = 0
        if posix_spawn(&pid, "/bin/rm", nil, nil, &words, environ) == 0 { waitpid(pid, &status, 0) }
    }

    static func start(_ path: String, _ arguments: [String], log: String, environment: [String]) throws -> Program {
        var words: [UnsafeMutablePointer<CChar>?] = []
        for word in [path] + arguments { words.append(strdup(word)) }
        words.append(nil)
        var variables: [UnsafeMutablePointer<CChar>?] = []
        for variable in environment + ["PATH=/usr/bin:/bin"] { variables.append(strdup(variable)) }
        variables.append(nil)
        defer { for text in words + variables { free(text) } }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var pid: pid_t = 0
        let code = posix_spawn(&pid, path, &actions, nil, &words, &variables)
        guard code == 0 else { throw Fault("starting \(path)", String(cString: strerror(code)), isRetryable: false) }
        return Program(pid: pid)
    }

    func signal(_ number: Int32) { if status.withLock({ $0 }) == nil { Glibc.kill(pid, number) } }

    /// Ends it in any case; a program that has ended is left alone.
    func kill() {
        guard status.withLock({ $0 }) == nil else { return }
        Glibc.kill(pid, SIGKILL)
        var code: Int32 = 0
        waitpid(pid, &code, 0)
        status.withLock { $0 = code }
    }

    /// The exit status; nil when it does not end within the patience of `eventually`.
    func wait() async -> Int32? {
        _ = try? await eventually { self.hasEnded() }  // a nil answer says that it never came
        return status.withLock { $0 }
    }

    private func hasEnded() -> Bool {
        status.withLock { status in
            guard status == nil else { return true }
            var code: Int32 = 0
            guard waitpid(pid, &code, WNOHANG) == pid else { return false }
            status = code
            return true
        }
    }

    static func text(_ path: String) -> String {
        (try? String(decoding: FileBytes.read(path, maxBytes: 1_000_000).suffix(4000), as: UTF8.self)) ?? "no log"
    }

    static func write(_ text: String, to path: String) -> Bool {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { return false }
        defer { close(file) }
        let bytes = Array(text.utf8)
        return Glibc.write(file, bytes, bytes.count) == bytes.count
    }

    /// Asks once over plain HTTP; nil when nobody answers yet.
    static func status(of path: String, portFile: String) -> Int? {
        guard let text = try? FileBytes.read(portFile, maxBytes: 20),
            let port = UInt16(String(decoding: text, as: UTF8.self).split(separator: "\n").first ?? "")
        else { return nil }
        let line = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard line >= 0 else { return nil }
        defer { close(line) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(line, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".utf8)
        guard isConnected, Glibc.send(line, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return nil }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = recv(line, &buffer, buffer.count, 0)
        guard count > 12 else { return nil }
        return String(decoding: buffer[0..<count], as: UTF8.self).split(separator: " ").dropFirst().first.flatMap { Int($0) }
    }
}
