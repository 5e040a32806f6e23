internal import Curl
internal import Kernel

/// Reads how far the engine has come: counters of its servers, rows of its database.
struct EngineMeter: Sendable {
    /// Before what is measured: batches, caches and statistics have to settle.
    static let warmSeconds: Int64 = 5

    /// What stands in the database and on the servers' counters at one moment.
    struct Reading: Sendable {
        let at: Moment
        let transitions: Int64
        let events: Int64
        let finished: Int64
        let rows: Int64
        let walBytes: Int64
        let history: Int64
        let audit: Int64
        let outbox: Int64

        /// In a thousand seconds.
        func per(_ value: Int64, since earlier: Reading) -> Int64 {
            value * 1_000_000 / max(1, at.milliseconds(since: earlier.at))
        }
    }

    let installation: Installation
    /// Servers whose counters are added up.
    let addresses: [String]

    init(_ installation: Installation, besides replicas: [String] = []) {
        self.installation = installation
        addresses = [installation.address] + replicas
    }

    /// What was read before and after `seconds` during which a procedure hands in runs; `%` stands for how long it does.
    func window(seconds: Int64, feeding procedure: String) async throws -> (first: Reading, last: Reading) {
        async let fed = sql(replacing("%", with: "\(EngineMeter.warmSeconds + seconds)", in: procedure))
        try await Task.sleep(for: .seconds(EngineMeter.warmSeconds))
        let first = try await reading()
        try await Task.sleep(for: .seconds(seconds))
        let last = try await reading()
        _ = try await fed
        return (first, last)
    }

    func reading() async throws -> Reading {
        let transitions = try await counter("countersign_transitions_total")
        let events = try await counter("countersign_run_events_total")
        let fields = try await sql(BenchEngineScripts.reading).split(separator: "|").compactMap { Int64($0) }
        guard fields.count == 6 else { throw Fault("reading the database's counters", "no figures came", isRetryable: false) }
        return Reading(
            at: WallClock.system.now, transitions: transitions, events: events, finished: fields[0], rows: fields[1],
            walBytes: fields[2], history: fields[3], audit: fields[4], outbox: fields[5])
    }

    private func counter(_ name: String) async throws -> Int64 {
        var sum: Int64 = 0
        for address in addresses {
            let answer = try await ServerAPI(address).exchange(.get, "/metrics", headers: [], body: nil)
            let lines = String(decoding: answer.body, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix(name) }
            sum += lines.compactMap { line in line.split(separator: " ").last.flatMap { ExactDecimal($0)?.wholeNumber } }.reduce(
                0, +)
        }
        return sum
    }

    /// Microseconds from a report's insertion to the batch that applied it: the median and the 99th percentile; of all tenants,
    /// or without one.
    func waits(from first: Reading, to last: Reading, without slug: String? = nil) async throws -> (p50: Int64, p99: Int64) {
        let fields = try await sql(BenchEngineScripts.waits(from: first.at, to: last.at, without: slug))
            .split(separator: "|").compactMap { Int64($0) }
        return (fields.first ?? 0, fields.last ?? 0)
    }

    /// Until no run is open and no command waits.
    func drain() async throws {
        _ = try await Patience.wait(seconds: Bench.endSeconds, for: "the end of all runs") { () -> Bool? in
            try await sql(BenchEngineScripts.unfinished) == "0" ? true : nil
        }
    }

    @discardableResult
    func sql(_ script: String) async throws -> String { try await installation.sql(script) }
}

extension Installation {
    /// A script as the database's owner; the last line of its output.
    @discardableResult
    func sql(_ script: String) async throws -> String {
        let out = try await processes.run(
            try databaseProgram("psql"),
            [
                "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1", "--host",
                databaseSocket, "--username", "postgres", "--dbname", "countersign", "--file", "-",
            ], input: script)
        return out.split(separator: "\n").last.map(String.init) ?? ""
    }
}
