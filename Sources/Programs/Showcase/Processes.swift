internal import Glibc
package import Kernel

/// The programs of one demonstration or test: where they are, which run, and that none is left behind.
///
/// What runs is kept in a file, so that the next start ends what a killed predecessor could not.
package final class Processes: Sendable {
    /// A server ends its workers, answers what is asked, and stops its database.
    static let graceSeconds: Int64 = 40
    /// Looks, ten milliseconds apart, for the end of what a killed predecessor left; as long as the grace above.
    static let leftoverLooks = 4000
    /// Lines of a log that an error message repeats.
    static let logTailLines = 5

    /// Logs and the list of processes lie here.
    package let folder: String
    private let programs: String
    /// What every program finds in its environment besides ours.
    private let variables: [String: String]
    private let running = Locked<[ChildProcess]>([])

    package init(folder: String, programs: String = Processes.programFolder, variables: [String: String] = [:]) throws {
        self.folder = folder
        self.variables = variables
        self.programs = programs
        try Folder.make(folder + "/logs")
        endLeftovers()
    }

    /// Where the running program lies; the others lie beside it.
    package static var programFolder: String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return "." }
        let path = String(decoding: buffer[0..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return Folder.parent(of: path)
    }

    /// The absolute path of a program; a refusal that says what to do when it was not built.
    package func program(_ name: String) throws(Refusal) -> String {
        let path = "\(programs)/\(name)"
        guard access(path, X_OK) == 0 else {
            throw Refusal(
                .unavailable, reason: "program.missing", "The program \(name) is not in \(programs).",
                facts: ["remedy": "Build all programs, for instance with `make build`."])
        }
        return path
    }

    private func path(of program: String) throws(Refusal) -> String {
        program.hasPrefix("/") ? program : try self.program(program)
    }

    /// The process of this name that was started last and has not been forgotten.
    func running(named name: String) -> ChildProcess? { running.withLock { $0.last { $0.name == name } } }

    /// Starts a program that keeps running, one of ours or another by its absolute path; its output goes to `logs/<name>.log`.
    package func start(
        _ program: String, _ arguments: [String], name: String? = nil, variables: [String: String] = [:]
    ) throws -> ChildProcess {
        let name = name ?? program
        let variables = self.variables.merging(variables) { _, own in own }
        let child = try ChildProcess.start(try path(of: program), arguments, name: name, log: log(name), variables: variables)
        running.withLock { $0.append(child) }
        writeList()
        return child
    }

    /// Runs one of our programs, or another by its absolute path, to its end and answers what it wrote; a fault with its last
    /// lines when it failed. `variables` are for this program alone.
    @discardableResult
    package func run(
        _ program: String, _ arguments: [String], input: String = "", variables: [String: String] = [:]
    ) async throws -> String {
        let path = try path(of: program)
        let program = program.split(separator: "/").last.map(String.init) ?? program
        let output = "\(folder)/logs/.\(program)-\(Entropy.system.bytes(6).hexText)"
        // What it wrote may be a key, so it does not stay.
        defer { unlink(output) }
        let child = try ChildProcess.start(
            path, arguments, name: program, log: output,
            input: Array((input.isEmpty ? "" : input + "\n").utf8),
            variables: self.variables.merging(variables) { _, own in own })
        running.withLock { $0.append(child) }
        let ending = await withTaskCancellationHandler {
            await child.waitForEnd()
        } onCancel: {
            child.signal(SIGTERM)
        }
        running.withLock { list in list.removeAll { $0 === child } }
        let text = String(decoding: Folder.head(output, maxBytes: 4_194_304) ?? [], as: UTF8.self)
        try Task.checkCancellation()
        guard ending == .exited(0) else {
            let words = "\(program) \(arguments.first ?? "")"
            throw Fault("running \(words)", "\(ending): \(Processes.tail(text))", isRetryable: false)
        }
        return text
    }

    package func log(_ name: String) -> String { "\(folder)/logs/\(name).log" }

    /// The last lines of a program's log, for a message.
    package func logTail(_ name: String) -> String {
        guard let bytes = Folder.end(of: log(name), maxBytes: 8192) else { return "" }
        return Processes.tail(String(decoding: bytes, as: UTF8.self))
    }

    private static func tail(_ text: String) -> String {
        text.split(separator: "\n").suffix(logTailLines).joined(separator: " | ")
    }

    /// Ends everything in the reverse order of starting.
    package func endAll() async {
        while let child = running.withLock({ $0.popLast() }) {
            await child.end(graceSeconds: Processes.graceSeconds)
        }
        unlink(list)
    }

    package func end(_ child: ChildProcess) async {
        await child.end(graceSeconds: Processes.graceSeconds)
        forget(child)
    }

    /// Takes a process that has ended off the list.
    package func forget(_ child: ChildProcess) {
        running.withLock { list in list.removeAll { $0 === child } }
        writeList()
    }

    // MARK: The list

    private var list: String { folder + "/processes" }

    private func writeList() {
        let lines = running.withLock { $0 }.compactMap { child in
            ProcessTable.startTime(of: child.pid).map { "\(child.pid) \($0) \(child.name)\n" }
        }
        // The list is for the next start after a crash; without it that start meets occupied ports and says so.
        try? Folder.write(Array(lines.joined().utf8), to: list)
    }

    private func endLeftovers() {
        guard let bytes = Folder.head(list) else { return }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let pid = Int32(words[0]), let start = ProcessTable.startTime(of: pid), start == words[1]
            else { continue }
            kill(pid, SIGTERM)
            var looks = 0
            while ProcessTable.startTime(of: pid) == start, !ProcessTable.isEnded(pid), looks < Processes.leftoverLooks {
                looks += 1
                usleep(10_000)
            }
            if looks == Processes.leftoverLooks { kill(pid, SIGKILL) }
        }
        unlink(list)
    }
}

/// What the kernel tells of running processes.
package enum ProcessTable {
    /// Distinguishes a process from a later one of the same number.
    static func startTime(of pid: Int32) -> String? { fields(pid).flatMap { $0.count > 19 ? $0[19] : nil } }

    static func isEnded(_ pid: Int32) -> Bool { fields(pid)?.first == "Z" }

    /// The processes whose parent is `pid` and whose program has this name, the oldest first.
    package static func children(of pid: Int32, named program: String) -> [Int32] {
        all().filter { child in
            guard let fields = fields(child), fields.count > 1, fields[1] == "\(pid)" else { return false }
            return name(of: child) == program
        }.sorted()
    }

    /// The last part of the path that a process executes; nil when it is gone or not ours to see.
    package static func name(of pid: Int32) -> String? {
        guard let bytes = Folder.head("/proc/\(pid)/cmdline") else { return nil }
        let first = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return first.split(separator: "/").last.map(String.init)
    }

    /// The words of the command line; none when the process is gone.
    package static func arguments(of pid: Int32) -> [String] {
        (Folder.head("/proc/\(pid)/cmdline") ?? []).split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Bytes of memory that the process holds; nil when it is gone.
    package static func residentBytes(of pid: Int32) -> Int? {
        guard let bytes = Folder.head("/proc/\(pid)/status") else { return nil }
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix("VmRSS:") {
            return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
        }
        return nil
    }

    private static func all() -> [Int32] {
        // Without /proc there are no processes to see.
        ((try? FileBytes.names(in: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// The fields of `/proc/<pid>/stat` after the name: state, parent, …; the start time is the twentieth.
    private static func fields(_ pid: Int32) -> [String]? {
        guard let bytes = Folder.head("/proc/\(pid)/stat"), let close = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        return String(decoding: bytes[(close + 1)...], as: UTF8.self).split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
