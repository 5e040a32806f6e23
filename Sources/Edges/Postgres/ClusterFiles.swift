internal import CLinux
internal import Glibc
internal import Kernel

/// Where a private cluster lies: `data`, the socket directory, the log, and the lock that keeps a second server away.
struct ClusterFiles: Sendable {
    /// `sun_path` holds 108 bytes with its final NUL.
    static let socketPathBytesMax = 107
    static let port = 5432
    private static let ownNames: Set<String> = ["data", "data.new", "run", "log", "lock"]
    private static let pidFileBytesMax = 4096
    private static let logTailBytes = 4096

    let directory: String
    let socketDirectory: String

    var data: String { directory + "/data" }
    var newData: String { directory + "/data.new" }
    var log: String { directory + "/log" }
    var startLog: String { log + "/start.log" }
    var lock: String { directory + "/lock" }
    var pidFile: String { data + "/postmaster.pid" }
    var socketLock: String { socket + ".lock" }
    private var socket: String { socketDirectory + "/.s.PGSQL.\(ClusterFiles.port)" }

    init(directory: String, socketDirectory: String?) throws(Refusal) {
        self.directory = directory
        self.socketDirectory = socketDirectory ?? directory + "/run"
        for path in [self.directory, self.socketDirectory] {
            // PostgreSQL reads the socket directories as a list, and connection strings have quotes of their own.
            guard path.hasPrefix("/"), path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !#","'\"#.utf8.contains($0) }) else {
                throw Refusal(
                    .invalid, reason: "postgres.path",
                    "The database directory \(path) must be absolute, without blanks, commas, quotes and non-ASCII letters."
                )
            }
        }
        guard socket.utf8.count <= ClusterFiles.socketPathBytesMax else {
            throw Refusal(
                .invalid, reason: "postgres.socket-path",
                "The database socket \(socket) is \(socket.utf8.count) bytes long and the system takes "
                    + "\(ClusterFiles.socketPathBytesMax). Choose a shorter directory.")
        }
    }

    /// Makes the directories, owned by the user the server runs as and closed to everybody else.
    func make(for identity: ProcessIdentity?, userName: String) throws {
        try makeParents()
        for path in [directory, socketDirectory, log] {
            if mkdir(path, 0o700) != 0, errno != EEXIST { throw ClusterFiles.rights(path, String(cString: strerror(errno))) }
        }
        if let identity {
            try checkIsOurs(identity)
            for path in [directory, socketDirectory, log] {
                guard lchown(path, identity.user, identity.group) == 0 else {
                    throw ClusterFiles.rights(path, String(cString: strerror(errno)))
                }
            }
            try checkTraversal(identity, userName: userName)
        }
        for path in [directory, socketDirectory, log] {
            guard chmod(path, 0o700) == 0 else { throw ClusterFiles.rights(path, String(cString: strerror(errno))) }
        }
    }

    private func makeParents() throws(Refusal) {
        var path = ""
        for part in directory.split(separator: "/").dropLast() {
            path += "/" + part
            if mkdir(path, 0o755) != 0, errno != EEXIST { throw ClusterFiles.rights(path, String(cString: strerror(errno))) }
        }
    }

    /// Before a directory changes hands: it must be empty, or hold nothing but a cluster of ours.
    private func checkIsOurs(_ identity: ProcessIdentity) throws {
        var info = stat()
        guard lstat(directory, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            throw ClusterFiles.rights(directory, "not a directory")
        }
        guard info.st_uid != identity.user else { return }
        let strangers = try FileBytes.names(in: directory).filter { !ClusterFiles.ownNames.contains($0) }
        guard strangers.isEmpty else {
            throw Refusal(
                .conflict, reason: "postgres.directory",
                "The database directory \(directory) holds other things (\(strangers[0])). Choose an empty one.")
        }
    }

    var holdsOnlyACluster: Bool {
        // What cannot be listed is not known to be ours.
        guard let names = try? FileBytes.names(in: directory) else { return false }
        return names.allSatisfy { ClusterFiles.ownNames.contains($0) }
    }

    private func checkTraversal(_ identity: ProcessIdentity, userName: String) throws(Refusal) {
        var path = ""
        for part in directory.split(separator: "/").dropLast() {
            path += "/" + part
            var info = stat()
            guard stat(path, &info) == 0 else { throw ClusterFiles.rights(path, String(cString: strerror(errno))) }
            let mode = info.st_mode
            let mayEnter =
                info.st_uid == identity.user
                ? mode & S_IXUSR != 0 : (info.st_gid == identity.group ? mode & S_IXGRP != 0 : mode & S_IXOTH != 0)
            guard mayEnter else {
                throw Refusal(
                    .forbidden, reason: "postgres.rights",
                    "The user \(userName), as whom the database runs, may not enter \(path). Choose another directory or allow "
                        + "others to pass (chmod o+x \(path)).", facts: ["path": path])
            }
        }
    }

    static func rights(_ path: String, _ why: String) -> Refusal {
        Refusal(
            .forbidden, reason: "postgres.rights", "The database directory cannot be used: \(path): \(why).",
            facts: ["path": path])
    }

    /// The major version that made the data directory; nil when there is none.
    func dataMajor() throws -> Int? {
        guard access(data, F_OK) == 0 else { return nil }
        let text = String(decoding: try FileBytes.read(data + "/PG_VERSION", maxBytes: 64), as: UTF8.self).trimmed
        guard let major = Int(text) else { throw ClusterFiles.rights(data, "PG_VERSION reads \"\(text)\"") }
        return major
    }

    /// Takes the lock for this process's life; the descriptor, or a refusal when another holds it.
    func takeLock() throws(Refusal) -> Int32 {
        let descriptor = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw ClusterFiles.rights(lock, String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Refusal(
                .conflict, reason: "postgres.in-use", "Another server of ours runs the database in \(directory).",
                facts: ["path": directory])
        }
        return descriptor
    }

    /// The end of what the server printed before its own log took over.
    func startLogTail() -> String {
        // Only for a message about another failure; without the log the message is merely shorter.
        let bytes = (try? FileBytes.read(startLog, maxBytes: 16_777_216)) ?? []
        return String(decoding: bytes.suffix(ClusterFiles.logTailBytes), as: UTF8.self).trimmed
    }

    /// What the postmaster wrote about itself; nil when there is no such file or it is not yet whole.
    func readPidFile() -> PostmasterFile? { read(pidFile) }

    private func read(_ path: String) -> PostmasterFile? {
        // A file that vanishes while it is read says the same as no file.
        guard let bytes = try? FileBytes.read(path, maxBytes: ClusterFiles.pidFileBytesMax) else { return nil }
        return PostmasterFile(String(decoding: bytes, as: UTF8.self))
    }

    /// Removes what a server that is gone left to keep others out, and names its process; nil when nothing was left. The caller
    /// has made sure that no process of this data directory lives.
    func removeStale() throws(Refusal) -> Int32? {
        var pid: Int32?
        if let file = read(socketLock), file.dataDirectory == data {
            pid = file.pid
            try remove(socketLock)
        }
        if access(pidFile, F_OK) == 0 {
            pid = readPidFile()?.pid ?? pid ?? 0
            try remove(pidFile)
        }
        return pid
    }

    private func remove(_ path: String) throws(Refusal) {
        guard unlink(path) == 0 || errno == ENOENT else { throw ClusterFiles.rights(path, String(cString: strerror(errno))) }
    }
}

/// `postmaster.pid`: one fact per line.
struct PostmasterFile: Sendable, Equatable {
    let pid: pid_t
    let dataDirectory: String
    let socketDirectory: String
    /// `starting`, `ready`, `standby` or `stopping`; empty while not yet written.
    let status: String

    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).trimmed }
        guard lines.count >= 2, let pid = pid_t(lines[0]), pid > 1 else { return nil }
        self.pid = pid
        dataDirectory = lines[1]
        socketDirectory = lines.count > 4 ? lines[4] : ""
        status = lines.count > 7 ? lines[7] : ""
    }
}

/// Looks into /proc for servers of one data directory: each of a cluster's processes runs inside it.
enum ServerProcesses {
    static func isServer(_ pid: pid_t, of data: String) -> Bool {
        guard let program = link("/proc/\(pid)/exe"), let directory = link("/proc/\(pid)/cwd"), let real = realPath(data) else {
            return false
        }
        let name = program.hasSuffix(" (deleted)") ? String(program.dropLast(" (deleted)".utf8.count)) : program
        return name.hasSuffix("/postgres") && directory == real
    }

    static func all(of data: String) -> [pid_t] {
        // Without /proc there is nothing to find; the server's own interlock then speaks.
        let names = (try? FileBytes.names(in: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { isServer($0, of: data) }
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = buffer.withUnsafeMutableBytes { raw in
            raw.baseAddress.map { readlink(path, $0.assumingMemoryBound(to: CChar.self), raw.count) } ?? 0
        }
        return count > 0 ? String(decoding: buffer.prefix(count), as: UTF8.self) : nil
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
