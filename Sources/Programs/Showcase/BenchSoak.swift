internal import Kernel

/// Holds half the full load for a long time and looks at what must not grow: the server's memory, the tables and indexes of what
/// comes and goes, and their dead rows.
struct BenchSoak: Sendable {
    /// Thousandths of the first figure.
    static let growthBar: Int64 = 1100
    /// The first figures are taken when caches are full and vacuum has come round.
    static let settledMinutes: Int64 = 5
    static let sampleSeconds: Int64 = 5
    /// Samples of which the median is a figure: two minutes, in which vacuum comes by at least once.
    static let samplesPerFigure = 24
    static let fullLoadSeconds: Int64 = 20

    let installation: Installation
    let minutes: Int64
    let say: @Sendable (String) -> Void

    private struct Sample {
        let resident: Int64
        let table: Int64
        let index: Int64
        let dead: Int64
    }

    /// Every sample tenant has carried one invoice through before.
    func measure() async throws -> [BenchResult] {
        let meter = EngineMeter(installation)
        try await meter.sql(BenchEngineScripts.prepare)
        try await meter.sql(BenchEngineScripts.pace)
        say("measuring the full load for \(BenchSoak.fullLoadSeconds) s")
        let (first, last) = try await meter.window(
            seconds: BenchSoak.fullLoadSeconds, feeding: "CALL bench.feed(\(BenchEngine.openRunsPerTenant), %);")
        try await meter.drain()
        let half = last.per(last.finished - first.finished, since: first) / 2
        let rate = ExactDecimal(mantissa: Int128(half), scale: 3)
        say("half of it, \(rate) runs a second, for \(minutes) minutes")
        let begun = WallClock.system.now
        async let fed = meter.sql("CALL bench.pace(\(rate), \(minutes * 60));")
        let early = try await samples(around: begun.adding(seconds: BenchSoak.settledMinutes * 60), meter)
        let late = try await samples(around: begun.adding(seconds: minutes * 60), meter)
        _ = try await fed
        try await meter.drain()
        return [BenchResult("runs a second", half, BenchResult.perThousandSeconds, note: "half of the full load, \(minutes) min")]
            + grown("server resident", "bytes", early.map(\.resident), late.map(\.resident))
            + grown("hot tables", "bytes", early.map(\.table), late.map(\.table))
            + grown("hot indexes", "bytes", early.map(\.index), late.map(\.index))
            + grown("dead rows", "rows", early.map(\.dead), late.map(\.dead))
    }

    /// The two minutes that end at a moment.
    private func samples(around end: Moment, _ meter: EngineMeter) async throws -> [Sample] {
        let start = end.adding(seconds: -BenchSoak.sampleSeconds * Int64(BenchSoak.samplesPerFigure))
        let pause = max(0, start.milliseconds(since: WallClock.system.now))
        try await Task.sleep(for: .milliseconds(pause))
        var out: [Sample] = []
        while out.count < BenchSoak.samplesPerFigure {
            let fields = try await meter.sql(BenchEngineScripts.hot).split(separator: "|").compactMap { Int64($0) }
            guard fields.count == 3, let pid = installation.serverPid else {
                throw Fault("watching a long load", "no figures came", isRetryable: false)
            }
            let resident = Int64(ProcessTable.residentBytes(of: pid) ?? 0)
            out.append(Sample(resident: resident, table: fields[0], index: fields[1], dead: fields[2]))
            try await Task.sleep(for: .seconds(BenchSoak.sampleSeconds))
        }
        return out
    }

    private func grown(_ name: String, _ unit: String, _ early: [Int64], _ late: [Int64]) -> [BenchResult] {
        let (first, last) = (Percentile.of(early, permille: 500), Percentile.of(late, permille: 500))
        return [
            BenchResult("\(name), minute \(BenchSoak.settledMinutes)", first, unit, note: "median of two minutes"),
            BenchResult("\(name), minute \(minutes)", last, unit, note: "the same"),
            BenchResult(
                "\(name), late by early", last * 1000 / max(1, first), BenchResult.thousandths, bar: BenchSoak.growthBar),
        ]
    }
}
