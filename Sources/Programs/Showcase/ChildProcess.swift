internal import Glibc
package import Kernel

/// A program that we started: its number, its end, and nothing of it left behind.
///
/// It gets a session of its own, so that Ctrl-C at the terminal reaches us alone and we end things in order.
package final class ChildProcess: Sendable {
    /// How it ended.
    package enum Ending: Sendable, Equatable, CustomStringConvertible {
        case exited(Int32)
        case killed(signal: Int32)

        package var description: String {
            switch self {
            case .exited(let code): "exit code \(code)"
            case .killed(let signal): "signal \(signal)"
            }
        }
    }

    private struct State {
        var ending: Ending?
        var waiting: [CheckedContinuation<Ending, Never>] = []
    }

    package let name: String
    package let pid: Int32
    private let state = Locked(State())

    private init(name: String, pid: Int32) {
        self.name = name
        self.pid = pid
    }

    /// Nil while it runs.
    package var ending: Ending? { state.withLock { $0.ending } }

    /// Starts `program` (an absolute path). Its output is added to the file `log`; `input` is all it can read; `variables` come
    /// before those of this process.
    package static func start(
        _ program: String, _ arguments: [String], name: String, log: String, input: [UInt8] = [],
        variables: [String: String] = [:]
    ) throws(Fault) -> ChildProcess {
        let file = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw fault(name, "opening \(log): \(lastError())") }
        defer { close(file) }
        let source = input.isEmpty ? open("/dev/null", O_RDONLY | O_CLOEXEC) : try ChildProcess.file(holding: input, beside: log)
        guard source >= 0 else { throw fault(name, lastError()) }
        defer { close(source) }
        var pid: pid_t = 0
        let code = spawn(program, arguments, environment(with: variables), input: source, output: file, pid: &pid)
        guard code == 0 else { throw fault(name, "\(program): \(String(cString: strerror(code)))") }
        let child = ChildProcess(name: name, pid: pid)
        child.reapInBackground()
        return child
    }

    /// A nameless file that is read from its start; unlike a pipe it cannot be held open by a child started at the same moment.
    private static func file(holding bytes: [UInt8], beside path: String) throws(Fault) -> Int32 {
        let name = "\(path).\(Entropy.system.bytes(6).hexText)"
        let file = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { return file }
        unlink(name)
        guard write(file, bytes, bytes.count) == bytes.count, lseek(file, 0, SEEK_SET) == 0 else {
            close(file)
            throw fault(name, lastError())
        }
        return file
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ environment: [String], input: Int32, output: Int32, pid: inout pid_t
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        let startsSession: Int32 = 0x80  // POSIX_SPAWN_SETSID, which the importer does not see
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | startsSession))
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) } + [nil]
        defer { for word in words + variables { free(word) } }
        return posix_spawn(&pid, program, &actions, &attributes, &words, &variables)
    }

    /// Ours, without a database (what we start keeps its own), and with `variables` in place of what we have by their names.
    private static func environment(with variables: [String: String]) -> [String] {
        var out = variables.map { "\($0.key)=\($0.value)" }
        var at = environ
        while let entry = at.pointee {
            let text = String(cString: entry)
            let name = String(text.prefix { $0 != "=" })
            if !name.hasPrefix("DATABASE_"), variables[name] == nil { out.append(text) }
            at += 1
        }
        return out
    }

    // MARK: The end

    /// Sends a signal, unless the process has ended; its number is not reused before we have seen its end.
    package func signal(_ number: Int32) {
        state.withLock { state in
            if state.ending == nil { kill(pid, number) }
        }
    }

    package func kill9() { signal(SIGKILL) }

    package func waitForEnd() async -> Ending {
        await withCheckedContinuation { continuation in
            let ending = state.withLock { state -> Ending? in
                if state.ending == nil { state.waiting.append(continuation) }
                return state.ending
            }
            if let ending { continuation.resume(returning: ending) }
        }
    }

    /// Asks it to end, and after `graceSeconds` ends it.
    package func end(graceSeconds: Int64) async {
        signal(SIGTERM)
        let alarm = Task {
            // Cut short when the process ended by itself.
            try? await Task.sleep(for: .seconds(graceSeconds))
            if !Task.isCancelled { kill9() }
        }
        _ = await waitForEnd()
        alarm.cancel()
    }

    /// A thread that does nothing but wait, since a process tells its end to nobody else.
    private func reapInBackground() {
        var thread = pthread_t()
        let retained = Unmanaged.passRetained(self).toOpaque()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<ChildProcess>.fromOpaque(argument).takeRetainedValue().reap() }
                return nil
            }, retained)
        precondition(code == 0, "no thread to wait for \(name): \(code)")
        pthread_detach(thread)
    }

    private func reap() {
        var info = siginfo_t()
        // The end is seen first and the number given back inside the lock, so that no signal of ours meets a stranger.
        while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        let waiting = state.withLock { state -> (Ending, [CheckedContinuation<Ending, Never>]) in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let low = status & 0x7F
            let ending = low == 0 ? Ending.exited((status >> 8) & 0xFF) : .killed(signal: low)
            state.ending = ending
            defer { state.waiting = [] }
            return (ending, state.waiting)
        }
        for continuation in waiting.1 { continuation.resume(returning: waiting.0) }
    }

    private static func fault(_ name: String, _ detail: String) -> Fault { Fault("starting \(name)", detail, isRetryable: false) }
    private static func lastError() -> String { String(cString: strerror(errno)) }
}
