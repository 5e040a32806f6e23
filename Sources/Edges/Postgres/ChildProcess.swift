internal import CLinux
internal import Glibc
internal import Kernel

/// A process by its descriptor: no reuse of its number can misdirect a signal or a wait.
final class WatchedProcess: @unchecked Sendable {
    let pid: pid_t
    private let descriptor: Int32
    private let reactor: Reactor

    /// Nil when no such process lives.
    init?(pid: pid_t, reactor: Reactor) {
        let descriptor = cs_pidfd_open(pid)
        guard descriptor >= 0 else { return nil }
        self.pid = pid
        self.descriptor = descriptor
        self.reactor = reactor
    }

    deinit { close(descriptor) }

    func signal(_ number: Int32) {
        // A process that has ended meanwhile needs no signal.
        _ = cs_pidfd_signal(descriptor, number)
    }

    /// Waits for the end; false when the limit passed, or the waiting task was cancelled, first.
    func ended(within milliseconds: Int? = nil) async -> Bool {
        let wait = Wait(reactor: reactor)
        let descriptor = descriptor
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                reactor.submit { wait.begin(descriptor, milliseconds: milliseconds, continuation) }
            }
        } onCancel: {
            reactor.submit { wait.finish(false) }
        }
    }

    /// The exit status of a child of ours that has ended, which frees its number; nil for another's.
    func reap() -> ExitStatus? {
        var status: Int32 = 0
        return cs_reap_child(pid, &status) == 1 ? ExitStatus(code: cs_exit_code(status), signal: cs_exit_signal(status)) : nil
    }

    /// One wait; touched on the reactor alone. The descriptor is duplicated, since epoll takes one only once.
    private final class Wait: @unchecked Sendable {
        private let reactor: Reactor
        private var continuation: CheckedContinuation<Bool, Never>?
        private var watch: (token: UInt64, descriptor: Int32)?
        private var timer: UInt64?
        private var wasCancelled = false

        init(reactor: Reactor) { self.reactor = reactor }

        func begin(_ descriptor: Int32, milliseconds: Int?, _ continuation: CheckedContinuation<Bool, Never>) {
            guard !wasCancelled else { return continuation.resume(returning: false) }
            self.continuation = continuation
            let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
            do {
                watch = (try reactor.watch(own, events: cs_event_readable) { _ in self.finish(true) }, own)
            } catch {
                close(own)
                return finish(false)
            }
            if let milliseconds { timer = reactor.after(milliseconds: milliseconds) { self.finish(false) } }
        }

        func finish(_ hasEnded: Bool) {
            if let watch {
                reactor.stopWatching(watch.token, descriptor: watch.descriptor)
                close(watch.descriptor)
            }
            if let timer { reactor.cancelTimer(timer) }
            watch = nil
            timer = nil
            wasCancelled = true
            continuation?.resume(returning: hasEnded)
            continuation = nil
        }
    }
}

struct ExitStatus: Sendable, Equatable, CustomStringConvertible {
    /// -1 when a signal ended the process.
    let code: Int32
    let signal: Int32

    var description: String { signal == 0 ? "exit code \(code)" : "signal \(signal)" }
}

/// The user and group a program runs as.
struct ProcessIdentity: Sendable, Equatable {
    let user: uid_t
    let group: gid_t
}

/// A program to start with a clean environment and no inherited descriptor but the output.
struct Launch: Sendable {
    var path: String
    var arguments: [String]
    /// Nil keeps ours.
    var identity: ProcessIdentity?
    /// Where standard output and error go; -1 is nowhere.
    var output: Int32 = -1
    var startsSession = false
    /// Sent to the program when our process dies in any way; 0 lets it live on.
    var deathSignal: Int32 = 0

    private static let environment = ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"]

    /// Starts on the reactor's thread: the death signal is tied to the thread that forks, and that one never ends.
    func start(on reactor: Reactor) async throws(Fault) -> WatchedProcess {
        let result: Result<WatchedProcess, Fault> = await withCheckedContinuation { continuation in
            reactor.submit { continuation.resume(returning: self.startHere(reactor)) }
        }
        return try result.get()
    }

    private func startHere(_ reactor: Reactor) -> Result<WatchedProcess, Fault> {
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = Launch.environment.map { strdup($0) } + [nil]
        defer { for text in words + variables { free(text) } }
        var child: pid_t = 0
        var stage: UnsafePointer<CChar>?
        let code = words.withUnsafeBufferPointer { words in
            variables.withUnsafeBufferPointer { variables in
                path.withCString { path in
                    var request = cs_spawn_request()
                    request.path = path
                    request.arguments = words.baseAddress
                    request.environment = variables.baseAddress
                    request.input = -1
                    request.output = output
                    request.error = output
                    if let identity {
                        request.changes_identity = 1
                        request.user = identity.user
                        request.group = identity.group
                    }
                    request.starts_session = startsSession ? 1 : 0
                    request.death_signal = deathSignal
                    return cs_spawn(&request, &child, &stage)
                }
            }
        }
        guard code == 0 else {
            let what = stage.map { String(cString: $0) } ?? "start"
            return .failure(Fault("starting \(path)", "\(what): \(String(cString: strerror(code)))", isRetryable: code == EAGAIN))
        }
        guard let process = WatchedProcess(pid: child, reactor: reactor) else {
            return .failure(Fault("watching \(path)", String(cString: strerror(errno)), isRetryable: true))
        }
        return .success(process)
    }
}

/// A short program run to its end, with what it printed.
struct ToolRun: Sendable {
    /// What is kept of the output: its end, where the errors are.
    static let outputBytesMax = 16_384

    let status: ExitStatus
    let output: String

    static func run(
        _ path: String, _ arguments: [String], as identity: ProcessIdentity?, limitMilliseconds: Int, reactor: Reactor
    ) async throws(Fault) -> ToolRun {
        let memory = cs_memory_file("output")
        guard memory >= 0 else { throw Fault("capturing output", String(cString: strerror(errno)), isRetryable: true) }
        defer { close(memory) }
        let process = try await Launch(path: path, arguments: arguments, identity: identity, output: memory).start(on: reactor)
        if await !process.ended(within: limitMilliseconds) {
            process.signal(SIGKILL)
            // Shielded from a cancelled task, whose own wait answers at once: a killed process ends within moments.
            _ = await Task { await process.ended(within: 5000) }.value
            _ = process.reap()
            throw Fault("running \(path)", "no end within \(limitMilliseconds) ms", isRetryable: false)
        }
        let status = process.reap() ?? ExitStatus(code: -1, signal: 0)
        return ToolRun(status: status, output: tail(of: memory))
    }

    private static func tail(of descriptor: Int32) -> String {
        let size = lseek(descriptor, 0, SEEK_END)
        let start = max(0, Int(size) - outputBytesMax)
        var bytes = [UInt8](repeating: 0, count: Int(size) - start)
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, off_t(start)) }
        return String(decoding: bytes.prefix(max(0, got)), as: UTF8.self).trimmed
    }
}
