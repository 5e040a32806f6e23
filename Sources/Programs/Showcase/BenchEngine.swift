internal import Curl
internal import Glibc
internal import Kernel

/// Measures how many durable transitions a second the engine makes of a library workflow, and holds that against what the same
/// database does when nothing but the rows is written.
///
/// A transition is a step that does something (no mere container) and that a run has left for good: its state, its history and
/// what it adds to audit and outbox are committed. An event, such as a worker's report, takes a run over several steps in one
/// transaction; an engine that commits step by step writes the state for each, and so does pgbench here.
///
/// The runs are those of real invoices: one invoice per tenant is carried through by hand, and its start is repeated under other
/// numbers by whoever would hand them in, so that the reading of documents is not measured. Everything after the start is the
/// production path: lanes, leases and reports over HTTP, worker processes, a ledger that is asked and written to.
struct BenchEngine: Sendable {
    /// Runs of a tenant that are kept open: enough for batches to fill, few enough for a steady flow.
    static let openRunsPerTenant = 150
    static let warmSeconds: Int64 = 5
    static let baselineSeconds = 10
    static let baselineClients = 8
    static let transitionsPerBatch = 200
    static let baselineRuns = 2000
    /// The design's bar, in thousandths of what pgbench does one transition at a time.
    static let ratioBar: Int64 = 1200
    /// A connection may do as much as its worker can, so that the ledgers' own limits are not what is measured.
    static let limits = (rate: "ratePerSecond: 1000", concurrency: "concurrency: 64")

    let installation: Installation
    let seconds: Int64
    let say: @Sendable (String) -> Void

    /// Lifts the paces that sample connections keep to.
    static func withoutPaces(_ path: String, _ text: String) -> String {
        guard path.contains("/connections/") else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            let indent = line.prefix { $0 == " " }
            if line.contains("ratePerSecond:") { return indent + limits.rate }
            if line.contains("concurrency:") { return indent + limits.concurrency }
            return String(line)
        }.joined(separator: "\n")
    }

    /// What was measured; rates in thousandths of a second's worth, ratios in thousandths.
    struct Figures: Sendable {
        var transitions: Int64 = 0
        var events: Int64 = 0
        var runs: Int64 = 0
        var baseline: Int64 = 0
        var ceiling: Int64 = 0
        var rowsPerTransition: Int64 = 0
        var walBytesPerTransition: Int64 = 0
        var p50: Int64 = 0
        var p99: Int64 = 0
        /// What pgbench writes for one transition.
        var same = ""

        var ratio: Int64 { transitions * 1000 / max(1, baseline) }
        var ratioToCeiling: Int64 { transitions * 1000 / max(1, ceiling) }

        var json: JSONObject {
            func thousandths(_ value: Int64) -> JSONValue {
                .number(JSONNumber(unchecked: ExactDecimal(mantissa: Int128(value), scale: 3).description))
            }
            return [
                "transitionsPerSecond": thousandths(transitions), "ratioToPgbench": thousandths(ratio),
                "ratioToCeiling": thousandths(ratioToCeiling), "runsPerSecond": thousandths(runs),
                "eventsPerSecond": thousandths(events),
                "p50Milliseconds": thousandths(p50), "p99Milliseconds": thousandths(p99),
                "rowsPerTransition": thousandths(rowsPerTransition), "walBytesPerTransition": JSONValue(walBytesPerTransition),
                "pgbenchTransitionsPerSecond": thousandths(baseline), "ceilingTransitionsPerSecond": thousandths(ceiling),
            ]
        }

        var results: [BenchResult] {
            let load =
                "\(BenchEngine.openRunsPerTenant) open runs of each of \(SampleTenant.all.count) tenants, worker processes, "
                + "sandbox ledgers"
            let clients = "\(BenchEngine.baselineClients) clients"
            return [
                BenchResult("engine transitions", transitions, BenchResult.perThousandSeconds, note: load),
                BenchResult(
                    "engine events", events, BenchResult.perThousandSeconds,
                    note: "reports, starts, timers, each with its transitions in one transaction"),
                BenchResult("engine runs", runs, BenchResult.perThousandSeconds, note: "finished, each with a posted bill"),
                BenchResult(
                    "command to answer, p50", p50 / 1000, "ms",
                    note: "from the command's insertion to the batch that applied it"),
                BenchResult("command to answer, p99", p99 / 1000, "ms", note: "the same"),
                BenchResult(
                    "rows a transition", rowsPerTransition, BenchResult.thousandths,
                    note: "inserted, changed or deleted, of all tables"),
                BenchResult("write-ahead log", walBytesPerTransition, "bytes", note: "a transition"),
                BenchResult(
                    "pgbench, one a transaction", baseline, BenchResult.perThousandSeconds,
                    note: "\(clients), the rows that a transition writes on average: \(same)"),
                BenchResult(
                    "pgbench, in batches", ceiling, BenchResult.perThousandSeconds,
                    note: "\(clients), the same rows, \(BenchEngine.transitionsPerBatch) transitions a transaction"),
                BenchResult(
                    "engine to pgbench", ratio, BenchResult.thousandths, atLeast: BenchEngine.ratioBar,
                    note: "transitions a second by those of one a transaction"),
                BenchResult("engine to ceiling", ratioToCeiling, BenchResult.thousandths, note: "by those in batches"),
            ]
        }
    }

    // MARK: The measurement

    /// Every sample tenant has carried one invoice through before.
    func measure() async throws -> Figures {
        let meter = EngineMeter(installation)
        _ = try await meter.sql(BenchEngineScripts.prepare)
        say("measuring transitions for \(seconds) s")
        let (first, last) = try await meter.window(
            seconds: seconds, feeding: "CALL bench.feed(\(BenchEngine.openRunsPerTenant), %);")
        var figures = Figures()
        let transitions = last.transitions - first.transitions
        guard transitions > 0 else { throw Fault("measuring transitions", "the engine made none", isRetryable: false) }
        figures.transitions = last.per(transitions, since: first)
        figures.events = last.per(last.events - first.events, since: first)
        figures.runs = last.per(last.finished - first.finished, since: first)
        figures.rowsPerTransition = (last.rows - first.rows) * 1000 / transitions
        figures.walBytesPerTransition = (last.walBytes - first.walBytes) / transitions
        (figures.p50, figures.p99) = try await meter.waits(from: first, to: last)
        say("waiting until the open runs have ended")
        // What is left over would be measured as the database's own slowness.
        try await meter.drain()
        say("measuring the database alone, twice \(BenchEngine.baselineSeconds) s")
        _ = try await meter.sql(BenchEngineScripts.baselineTables(runs: BenchEngine.baselineRuns))
        func mean(_ rows: Int64) -> ExactDecimal { ExactDecimal(mantissa: Int128(rows * 1000 / transitions), scale: 3) }
        let scripts = BenchEngineScripts(
            runs: BenchEngine.baselineRuns, history: mean(last.history - first.history), audit: mean(last.audit - first.audit),
            outbox: mean(last.outbox - first.outbox))
        figures.same = scripts.words
        figures.baseline = try await pgbench(scripts.oneByOne)
        let batch = BenchEngine.transitionsPerBatch
        figures.ceiling = try await pgbench(scripts.batches(of: batch)) * Int64(batch)
        return figures
    }

    /// Transactions a thousand seconds, by a script.
    private func pgbench(_ script: String) async throws -> Int64 {
        let path = "\(installation.settings.folder)/pgbench.sql"
        try Folder.write(Array(script.utf8), to: path)
        let out = try await installation.processes.run(
            try installation.databaseProgram("pgbench"),
            [
                "--no-vacuum", "--protocol", "prepared", "--client", "\(BenchEngine.baselineClients)", "--jobs", "2", "--time",
                "\(BenchEngine.baselineSeconds)", "--file", path, "--host", installation.databaseSocket, "--username", "postgres",
                "countersign",
            ])
        let rate = out.split(separator: "\n").first { $0.hasPrefix("tps = ") }?.split(separator: " ")
        guard let rate, rate.count > 2, let tps = ExactDecimal(rate[2]),
            let thousandths = ExactDecimal(mantissa: tps.rounded(scale: 3, .halfUp).mantissa, scale: 0).wholeNumber
        else {
            throw Fault("running pgbench", "it tells no rate", isRetryable: false)
        }
        return thousandths
    }
}
