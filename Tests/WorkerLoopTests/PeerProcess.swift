import Foundation
import Kernel
import TestBasics

/// A peer of `Tests/Peers` that runs while a suite needs it: a real ERP, or one of another shape.
///
/// Without its Python packages there is no peer, and the tests that need it are skipped and counted.
final class PeerProcess: Sendable {
    /// The line with which the peer says that it is ready.
    let ready: JSONValue

    /// One Tryton for all suites of this process; started at the first use, which takes a minute or two when nothing is cached.
    static var tryton: PeerProcess? { get async { await trytonStart.value } }

    static var odata: PeerProcess? { get async { await odataStart.value } }

    private static let trytonStart = Task {
        await onThread {
            start(
                "tryton.py", needs: "trytond.modules.account_invoice", variable: "COUNTERSIGN_TRYTON_READY",
                ["--tenant", "brightwater-foods", "--tenant", "kestrel-labs", "--fresh"])
        }
    }

    private static let odataStart = Task {
        await onThread {
            start(
                "odata.py", needs: "odata_query, flask, waitress", variable: "COUNTERSIGN_ODATA_READY",
                ["--tenant", "brightwater-foods", "--fresh"])
        }
    }

    /// Reading a pipe blocks, and the other tests need the threads of the pool.
    private static func onThread(_ body: @escaping @Sendable () -> PeerProcess?) async -> PeerProcess? {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    static func database(_ peer: PeerProcess?, _ tenant: String) -> JSONValue { peer?.ready["databases"]?[tenant] ?? .null }

    private init(ready: JSONValue) { self.ready = ready }

    /// `variable` may name a file with the ready line of a peer that runs already.
    private static func start(_ program: String, needs module: String, variable: String, _ arguments: [String]) -> PeerProcess? {
        // A file that cannot be read counts as none.
        if let file = getenv(variable), let bytes = try? FileBytes.read(String(cString: file), maxBytes: 100_000),
            let ready = try? JSONValue(parsing: bytes.prefix { $0 != UInt8(ascii: "\n") })
        {
            return PeerProcess(ready: ready)
        }
        let root = Checkout.root
        let python = access("\(root)/.venv/bin/python", X_OK) == 0 ? "\(root)/.venv/bin/python" : "python3"
        guard system("'\(python)' -c 'import \(module)' 2>/dev/null") == 0 else {
            print("skipped 1: the packages of \(program) are not installed (Tests/Peers/requirements.txt)")
            return nil
        }
        // Not the state of the journeys, which may run beside this.
        let state = Checkout.peerState("workers-\(program.prefix { $0 != "." })")
        let words = arguments.joined(separator: " ")
        // It ends with this process, and its database with it; a child of the tests inherits blocked signals, hence -9.
        let serve = "'\(python)' '\(root)/Tests/Peers/\(program)' serve --state '\(state)' \(words) 2>'\(state).log'"
        // A runner that waits for the end of our output leaves this process a zombie meanwhile, which counts as ended; and the
        // shell keeps none of that output open.
        let isAlive = "grep -q '^State:[[:space:]]*[^Z]' /proc/\(getpid())/status"
        let watch = "(while \(isAlive); do sleep 1; done; kill -9 $peer) >/dev/null 2>&1 &"
        let line = "exec 2>/dev/null; \(serve) & peer=$!; \(watch) wait $peer"
        guard system("mkdir -p '\(state)'") == 0, let pipe = popen(line, "r") else { return nil }
        var said: [UInt8] = []
        while case let byte = fgetc(pipe), byte != EOF, byte != 0x0A { said.append(UInt8(truncatingIfNeeded: byte)) }
        // What is no JSON is no ready line, and the peer's log says what happened.
        guard let ready = try? JSONValue(parsing: said) else {
            print("skipped 1: \(program) did not start; \(state).log says why")
            return nil
        }
        return PeerProcess(ready: ready)
    }
}
