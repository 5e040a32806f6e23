internal import Curl
internal import Glibc
internal import Kernel

/// What authorization costs, and what many sign-ins at once cost.
///
/// One route of the console's own API is asked with a session, and an open one beside it, in turn and in one run, so that what
/// the machine does meanwhile hits both alike. Then two hundred people sign in at one moment with a wrong password: most are told
/// to come back before anything is hashed, and the server's memory must not follow their number.
struct BenchAuth: Sendable {
    static let rounds = 10
    static let requestsEachRound = 200
    static let atOnce = 8
    static let logins = 200
    /// Two hashes of 32 MiB run at once, and as much again for what their callers hold.
    static let growthBarKiB: Int64 = 128 * 1024

    private let installation: Installation

    init(_ installation: Installation) { self.installation = installation }

    func run() async throws -> [BenchResult] {
        let server = ServerAPI(installation.address)
        var callers: [ServerAPI] = []
        // A session for each caller: the server bounds what one of them may ask in a second.
        for _ in 0..<BenchAuth.atOnce {
            let opened = try await server.signIn(email: SampleTenant.operatorAdmin, password: Installation.password)
            callers.append(server.with(token: opened.token))
        }
        return try await ratio(callers) + logins(server)
    }

    private func ratio(_ callers: [ServerAPI]) async throws -> [BenchResult] {
        func ask(_ path: String, _ count: Int) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (lane, api) in callers.enumerated() {
                    group.addTask {
                        for _ in stride(from: lane, to: count, by: callers.count) {
                            let response = try await api.exchange(.get, path, headers: [], body: nil)
                            guard response.status == 200 else {
                                throw Fault("measuring \(path)", "status \(response.status)", isRetryable: false)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        var (open, guarded): (Int64, Int64) = (0, 0)
        // Both paths once, so that caches are as they are in use.
        try await ask("/healthz", 20)
        try await ask("/api/v1/me", 20)
        for _ in 0..<BenchAuth.rounds {
            open += try await timed { try await ask("/healthz", BenchAuth.requestsEachRound) }
            guarded += try await timed { try await ask("/api/v1/me", BenchAuth.requestsEachRound) }
        }
        let count = Int64(BenchAuth.rounds * BenchAuth.requestsEachRound)
        func rate(_ microseconds: Int64) -> Int64 { count * 1_000_000 / max(1, microseconds) }
        return [
            BenchResult(
                "auth requests, open", rate(open), "per s", note: "/healthz, \(count) requests, \(BenchAuth.atOnce) at once"),
            BenchResult(
                "auth requests, authorized", rate(guarded), "per s",
                note: "/api/v1/me with a session: gate, session, person, grants and roles; \(count) requests in the same run"),
            BenchResult(
                "auth cost", guarded * 1000 / max(1, open), BenchResult.thousandths,
                note: "time of an authorized request over that of an open one"),
        ]
    }

    private func logins(_ nobody: ServerAPI) async throws -> [BenchResult] {
        guard let pid = installation.serverPid else { throw Fault("measuring sign-ins", "no server runs", isRetryable: false) }
        let before = try BenchAuth.residentKiB(pid)
        let highest = Locked(before)
        let watching = Task {
            while !Task.isCancelled {
                if let now = try? BenchAuth.residentKiB(pid) { highest.withLock { $0 = max($0, now) } }  // it may have ended
                // Cancellation ends the loop by its condition.
                try? await Task.sleep(for: .milliseconds(5))
            }
        }
        let clock = ContinuousClock()
        let started = clock.now
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<BenchAuth.logins {
                group.addTask {
                    let body: JSONValue = ["email": .string("nobody-\(number)@bench.example"), "password": "not a password"]
                    return try await nobody.exchange(
                        .post, "/api/v1/sessions", headers: [HTTPHeader("Content-Type", "application/json")], body: body.bytes
                    ).status
                }
            }
            var counts: [Int: Int] = [:]
            for try await status in group { counts[status, default: 0] += 1 }
            return counts
        }
        let milliseconds = (clock.now - started) / .milliseconds(1)
        watching.cancel()
        await watching.value
        guard statuses.keys.allSatisfy({ [401, 429].contains($0) }) else {
            throw Fault("measuring sign-ins", "statuses \(statuses)", isRetryable: false)
        }
        let grown = max(0, highest.withLock { $0 } - before)
        return [
            BenchResult(
                "auth memory, \(BenchAuth.logins) sign-ins", grown, "KiB", bar: BenchAuth.growthBarKiB,
                note: "above \(before) KiB at rest; \(statuses[401] ?? 0) hashed and \(statuses[429] ?? 0) told to come back, in "
                    + "\(Int64(milliseconds)) ms")
        ]
    }

    private func timed(_ body: () async throws -> Void) async throws -> Int64 {
        let start = WallClock.system.now
        try await body()
        return WallClock.system.now.microseconds - start.microseconds
    }

    /// Of the process itself; its workers are others.
    private static func residentKiB(_ pid: Int32) throws -> Int64 {
        guard let line = Folder.text("/proc/\(pid)/status")?.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let number = line.split(whereSeparator: { !$0.isNumber }).first, let kib = Int64(number)
        else { throw Fault("reading the memory of process \(pid)", isRetryable: false) }
        return kib
    }
}
