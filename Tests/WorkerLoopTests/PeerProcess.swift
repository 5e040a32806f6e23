import Glibc
import Kernel

/// A peer of `Tests/Peers` that runs while a suite needs it: a real ERP, or one of another shape.
///
/// Without its Python packages there is no peer, and the tests that need it are skipped and counted.
final class PeerProcess: Sendable {
    /// The line with which the peer says that it is ready.
    let ready: JSONValue
    private let pid: pid_t

    /// One Tryton for all suites of this process; started at the first use, which takes a minute or two when nothing is cached.
    static let tryton = PeerProcess.start(
        "tryton.py", needs: "trytond.modules.account_invoice", variable: "COUNTERSIGN_TRYTON_READY",
        ["--tenant", "brightwater-foods", "--tenant", "kestrel-labs", "--fresh"])

    static func database(_ peer: PeerProcess?, _ tenant: String) -> JSONValue { peer?.ready["databases"]?[tenant] ?? .null }

    private init(ready: JSONValue, pid: pid_t) {
        self.ready = ready
        self.pid = pid
        if pid > 0 { PeerProcess.running.withLock { $0.append(pid) } }
    }

    private static let running = Locked<[pid_t]>([])

    /// `variable` may name a file with the ready line of a peer that runs already.
    private static func start(_ program: String, needs module: String, variable: String, _ arguments: [String]) -> PeerProcess? {
        if let file = getenv(variable), let bytes = try? FileBytes.read(String(cString: file), maxBytes: 100_000),
            let ready = try? JSONValue(parsing: bytes.prefix { $0 != UInt8(ascii: "\n") })
        {
            return PeerProcess(ready: ready, pid: 0)  // a file that cannot be read counts as none
        }
        let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let python = access("\(root)/.venv/bin/python", X_OK) == 0 ? "\(root)/.venv/bin/python" : "python3"
        guard system("'\(python)' -c 'import \(module)' 2>/dev/null") == 0 else {
            print("skipped 1: the packages of \(program) are not installed (Tests/Peers/requirements.txt)")
            return nil
        }
        let state = "\(root)/.build/peers/\(program.prefix { $0 != "." })-\(getpid() % 2)"
        let words = arguments.joined(separator: " ")
        let line = "echo $$; exec '\(python)' '\(root)/Tests/Peers/\(program)' serve --state '\(state)' \(words) 2>'\(state).log'"
        guard system("mkdir -p '\(root)/.build/peers'") == 0, let pipe = popen(line, "r") else { return nil }
        var lines: [String] = []
        var current: [UInt8] = []
        while lines.count < 2 {
            let byte = fgetc(pipe)
            guard byte != EOF else { break }
            if byte == 0x0A {
                lines.append(String(decoding: current, as: UTF8.self))
                current = []
            } else {
                current.append(UInt8(truncatingIfNeeded: byte))
            }
        }
        guard lines.count == 2, let pid = pid_t(lines[0]), let ready = try? JSONValue(parsing: lines[1]) else {
            print("skipped 1: \(program) did not start; \(state).log says why")
            return nil
        }
        // It ends with the tests, its database with it.
        atexit { PeerProcess.running.withLock { for pid in $0 { kill(pid, SIGTERM) } } }
        return PeerProcess(ready: ready, pid: pid)
    }
}
