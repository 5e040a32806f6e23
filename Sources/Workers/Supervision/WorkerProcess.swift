internal import CLinux
internal import Glibc
internal import Handoff
package import Kernel

/// Where the programs are and how workers are shut in.
package struct WorkerSettings: Sendable {
    /// Absolute paths of `countersign-launch`, `countersign-worker`, `countersign-reader`.
    package let launcher: String
    package let worker: String
    package let reader: String
    package let socket: String
    /// First user id for tenants' workers; nil runs them as the server's own user (`shared-uid`).
    package let firstUID: UInt32?
    /// Directories that a worker may read besides the system's libraries: where the programs and the Swift runtime lie.
    package let readable: [String]
    package let capacity: Int

    package init(
        launcher: String, worker: String, reader: String, socket: String, firstUID: UInt32?, readable: [String],
        capacity: Int = 16
    ) {
        self.launcher = launcher
        self.worker = worker
        self.reader = reader
        self.socket = socket
        self.firstUID = firstUID
        self.readable = readable
        self.capacity = capacity
    }
}

/// Whose worker it is, and what it may reach.
package struct WorkerCharge: Sendable, Equatable {
    package let tenant: TenantID
    package let slug: String
    /// Place in the uid range, stable for the tenant.
    package let ordinal: UInt32
    package let isPlatform: Bool
    package let requiredLevel: String
    /// TCP ports of the tenant's connections; 53 for names is always allowed.
    package let ports: [UInt16]

    package init(tenant: TenantID, slug: String, ordinal: UInt32, isPlatform: Bool, requiredLevel: String, ports: [UInt16]) {
        self.tenant = tenant
        self.slug = slug
        self.ordinal = ordinal
        self.isPlatform = isPlatform
        self.requiredLevel = requiredLevel
        self.ports = ports
    }
}

/// One spawned worker: its number, the lifeline that tells it we are alive, and the level that the launcher achieved.
struct WorkerProcess: Sendable {
    /// What every worker may read; most systems have some of these. `/proc` is whole because libdispatch watches its pool through
    /// `/proc/<thread>/stat` and traps without it; Landlock's own ptrace rule still keeps other processes'
    /// memory and environment shut.
    static let systemPaths = [
        "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache", "/etc/ssl", "/etc/resolv.conf", "/etc/hosts",
        "/etc/nsswitch.conf",
        "/etc/localtime", "/usr/share/zoneinfo", "/usr/share/ca-certificates", "/dev/urandom", "/proc",
        "/sys/devices/system/cpu",
    ]
    /// Address space of a worker: it maps about 30 MB, a document of 25 MB passes through it several times.
    static let addressSpaceBytes = 805_306_368

    /// A worker writes nothing but its log, which may be a file.
    static let logBytesMax = 4_294_967_296

    let pid: Int32
    let lifeline: Int32
    let level: String
    let isOwnUser: Bool

    static func spawn(
        _ charge: WorkerCharge, session: String, settings: WorkerSettings, log: Int32
    ) throws(Fault) -> WorkerProcess {
        var bootstrap: (Int32, Int32) = (-1, -1)
        var lifeline: (Int32, Int32) = (-1, -1)
        var report: (Int32, Int32) = (-1, -1)
        bootstrap = try pipePair()
        lifeline = try pipePair()
        report = try pipePair()
        defer { for end in [bootstrap.0, bootstrap.1, lifeline.0, report.0, report.1] { close(end) } }
        let words = command(charge, settings: settings)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        arguments.append(nil)
        var pid: pid_t = 0
        let descriptors: [Int32] = [bootstrap.0, log, log, lifeline.0, report.1]
        let error = cs_spawn_worker(&arguments, descriptors, &pid)
        guard error == 0 else {
            close(lifeline.1)
            throw Fault("start worker", String(cString: strerror(error)), isRetryable: true)
        }
        close(report.1)
        report.1 = -1
        let line = readLine(report.0)
        guard line.hasPrefix("level ") else {
            close(lifeline.1)
            kill(pid, SIGKILL)
            throw Fault("start worker", line.isEmpty ? "the launcher ended without a word" : line, isRetryable: true)
        }
        let parts = line.split(separator: " ").map(String.init)
        let level = parts.count > 1 ? parts[1] : "L0"
        let hello = WorkerBootstrap(
            socket: settings.socket, session: session, tenant: charge.tenant, slug: charge.slug, reader: settings.reader,
            capacity: settings.capacity, platform: charge.isPlatform, requiredLevel: charge.requiredLevel, level: level)
        let bytes = hello.json.bytes + [UInt8(ascii: "\n")]
        _ = write(bootstrap.1, bytes, bytes.count)
        return WorkerProcess(pid: pid, lifeline: lifeline.1, level: level, isOwnUser: line.hasSuffix("own"))
    }

    private static func command(_ charge: WorkerCharge, settings: WorkerSettings) -> [String] {
        var words = [settings.launcher, "--report-fd", "4"]
        if let first = settings.firstUID {
            words += ["--uid", "\(first + charge.ordinal)", "--gid", "\(first + charge.ordinal)"]
        }
        words += ["--as", "\(addressSpaceBytes)", "--nofile", "256", "--fsize", "\(logBytesMax)"]
        // The count is per user, so it is only a bound of this worker when the user is its own.
        if settings.firstUID != nil { words += ["--nproc", "64"] }
        for path in systemPaths + settings.readable { words += ["--landlock-ro", path] }
        words += ["--landlock-rw", "/dev/null"]
        for port in Set(charge.ports + [53]).sorted() { words += ["--tcp-connect", "\(port)"] }
        return words + ["--", settings.worker]
    }

    private static func pipePair() throws(Fault) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard cs_pipe(&ends) == 0 else { throw Fault("make a pipe", String(cString: strerror(errno)), isRetryable: true) }
        return (ends[0], ends[1])
    }

    /// One short line; the launcher writes it before it executes, and closes the pipe by executing.
    private static func readLine(_ descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 512)
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: filled), $0.count - filled) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            filled += count
            if bytes[0..<filled].contains(UInt8(ascii: "\n")) { break }
        }
        return String(decoding: bytes[0..<filled].prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}
