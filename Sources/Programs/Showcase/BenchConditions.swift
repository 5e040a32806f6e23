internal import Glibc
internal import Kernel

/// Measures the engine's pace under what ruins others: a transaction that holds old rows alive, one tenant's backlog, a second
/// server beside the first. Each is held against the same load without it, measured before and after in the same run.
struct BenchConditions: Sendable {
    /// Loss and slowing that are taken, in thousandths of the quiet figure.
    static let lossBar: Int64 = 100
    static let neighbourBar: Int64 = 1200
    static let backlog = 100_000
    static let noisy = SampleTenant.solara
    /// Longer than a server holds a lane without a word.
    static let lanesSeconds: Int64 = 60

    let installation: Installation
    let seconds: Int64
    let say: @Sendable (String) -> Void

    /// What one stretch of time was like.
    private struct Stretch {
        let transitions: Int64
        let neighbours: Int64
    }

    private static let feed = "CALL bench.feed(\(BenchEngine.openRunsPerTenant), %);"

    /// Every sample tenant has carried one invoice through before.
    func measure() async throws -> [BenchResult] {
        let meter = EngineMeter(installation)
        try await meter.sql(BenchEngineScripts.prepare)
        let before = try await stretch("nothing besides", meter)
        let held = try await heldSnapshot(meter)
        let between = try await stretch("nothing besides, again", meter)
        let crowded = try await backlog(meter)
        let (replicas, lanes) = try await twoServers()
        let quiet = (before.transitions + between.transitions) / 2
        let neighbours = (before.neighbours + between.neighbours) / 2
        func ratio(_ value: Int64, _ base: Int64) -> Int64 { value * 1000 / max(1, base) }
        let rate = BenchResult.perThousandSeconds
        return [
            BenchResult(
                "transitions, quiet", quiet, rate,
                note: "\(BenchEngine.openRunsPerTenant) open runs of each of \(SampleTenant.all.count) tenants, "
                    + "mean of two stretches of \(seconds) s"),
            BenchResult("transitions beside a held snapshot", held.transitions, rate, note: "REPEATABLE READ, open throughout"),
            BenchResult(
                "loss by a held snapshot", 1000 - ratio(held.transitions, quiet), BenchResult.thousandths,
                bar: BenchConditions.lossBar, note: "of the quiet rate"),
            BenchResult(
                "p99 of the neighbours, quiet", neighbours / 1000, "ms",
                note: "report to answer, all tenants but \(BenchConditions.noisy.slug)"),
            BenchResult(
                "p99 of the neighbours, backlog", crowded.neighbours / 1000, "ms",
                note: "while \(BenchConditions.noisy.slug) has \(BenchConditions.backlog) starts waiting"),
            BenchResult(
                "neighbours' p99, by quiet", ratio(crowded.neighbours, neighbours), BenchResult.thousandths,
                bar: BenchConditions.neighbourBar, note: "backlog by quiet"),
            BenchResult("transitions by two servers", replicas.transitions, rate, note: "lanes of each: \(lanes)"),
            BenchResult(
                "two servers to one", ratio(replicas.transitions, quiet), BenchResult.thousandths,
                note: "both on this machine, so this is what sharing costs"),
        ]
    }

    private func stretch(_ name: String, _ meter: EngineMeter) async throws -> Stretch {
        say("measuring with \(name) for \(seconds) s")
        let (first, last) = try await meter.window(seconds: seconds, feeding: BenchConditions.feed)
        let waits = try await meter.waits(from: first, to: last, without: BenchConditions.noisy.slug)
        try await meter.drain()
        return Stretch(
            transitions: last.per(last.transitions - first.transitions, since: first), neighbours: waits.p99)
    }

    /// A reader that began before everything else, and still reads.
    private func heldSnapshot(_ meter: EngineMeter) async throws -> Stretch {
        let holdSeconds = EngineMeter.warmSeconds + seconds + EngineMeter.warmSeconds
        async let held = meter.sql(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM run; SELECT pg_sleep(\(holdSeconds)); COMMIT;")
        let measured = try await stretch("a snapshot held", meter)
        _ = try await held
        return measured
    }

    private func backlog(_ meter: EngineMeter) async throws -> Stretch {
        say("handing in \(BenchConditions.backlog) starts of \(BenchConditions.noisy.name)")
        try await meter.sql(BenchEngineScripts.backlog(BenchConditions.backlog, slug: BenchConditions.noisy.slug))
        say("measuring with that backlog for \(seconds) s")
        let (first, last) = try await meter.window(seconds: seconds, feeding: BenchConditions.feed)
        let waits = try await meter.waits(from: first, to: last, without: BenchConditions.noisy.slug)
        try await meter.sql(BenchEngineScripts.clearBacklog)
        try await meter.drain()
        return Stretch(
            transitions: last.per(last.transitions - first.transitions, since: first), neighbours: waits.p99)
    }

    private func twoServers() async throws -> (Stretch, lanes: String) {
        say("starting a second server")
        let replica = try await installation.startReplica()
        do {
            let meter = EngineMeter(installation, besides: [replica.address])
            let lanes = try await Patience.wait(seconds: BenchConditions.lanesSeconds, for: "equal shares of the lanes") {
                () -> String? in
                let counts = try await meter.sql(BenchEngineScripts.lanes).split(separator: "|").compactMap { Int64($0) }
                guard counts.count == 2, let most = counts.max(), let least = counts.min(), most - least <= 1 else { return nil }
                return counts.map { "\($0)" }.joined(separator: " and ")
            }
            let measured = try await stretch("two servers", meter)
            await replica.stop(installation)
            return (measured, lanes)
        } catch {
            await replica.stop(installation)
            throw error
        }
    }
}

/// Many tenants at once: the same work spread over two hundred, each with its worker process.
struct BenchTenants: Sendable {
    static let tenants = 200
    static let openRunsEach = 3
    /// Workers start one after another.
    static let startSeconds: Int64 = 60

    let installation: Installation
    let seconds: Int64
    let say: @Sendable (String) -> Void

    func measure() async throws -> [BenchResult] {
        let meter = EngineMeter(installation)
        try await meter.sql(BenchEngineScripts.prepare)
        let models = try await meter.sql(BenchEngineScripts.spread(model: BenchFleet.model))
        say("\(models) tenants; their workers start")
        _ = try await meter.window(
            seconds: BenchTenants.startSeconds, feeding: "CALL bench.feed(\(BenchTenants.openRunsEach), %);")
        say("measuring for \(seconds) s")
        let (first, last) = try await meter.window(
            seconds: seconds, feeding: "CALL bench.feed(\(BenchTenants.openRunsEach), %);")
        let waits = try await meter.waits(from: first, to: last)
        let workers = ProcessTable.children(of: installation.serverPid ?? 0, named: "countersign-worker")
        let served = try await meter.sql(BenchEngineScripts.served(from: first.at, to: last.at))
        let resident = installation.serverPid.flatMap { ProcessTable.residentBytes(of: $0) } ?? 0
        let load = "\(BenchTenants.openRunsEach) open runs of each of \(models) tenants"
        return [
            BenchResult(
                "transitions, many tenants", last.per(last.transitions - first.transitions, since: first),
                BenchResult.perThousandSeconds, note: load),
            BenchResult("report to answer, p99", waits.p99 / 1000, "ms", note: "the same"),
            BenchResult("tenants served", Int64(served) ?? 0, "tenants", note: "that had a run finished in \(seconds) s"),
            BenchResult("worker processes", Int64(workers.count), "processes", note: "alive at the end"),
            BenchResult("server resident", Int64(resident), "bytes", note: "with that many tenants"),
        ]
    }
}
