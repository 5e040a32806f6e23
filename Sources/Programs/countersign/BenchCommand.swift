import ArgumentParser
import Kernel
import Showcase

extension Bench.Subject: ExpressibleByArgument {}

/// `countersign bench`: how fast, how large.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract:
            "Measure throughput, worker start and size, waiting of ready work, the engine, pages, sign-in, and expressions.",
        discussion: """
            Everything runs on this machine, the database with its usual durability, which is printed. Use a release build.
            Exit codes: 0 measured and every bar met; 1 a bar was missed; 2 it could not run.
            """)

    @Argument(
        help: ArgumentHelp(
            "What to measure: \(Bench.Subject.allCases.map(\.rawValue).joined(separator: ", ")); all but conditions, tenants, "
                + "soak, alerts and sla unless given."))
    var subjects: [Bench.Subject] = []

    @Option(help: "Invoices for end-to-end.")
    var invoices = 300

    @Option(help: "Seconds for which the engine is watched.")
    var seconds: Int64 = 30

    @Option(help: "Minutes for which half load is held (soak).")
    var minutes: Int64 = 30

    @Option(help: "Runs of the month that is reported (sla); each has two clocks.")
    var runs = 1_000_000

    @Option(help: "Folder for its data, replaced at the start; by default a folder of its own among your data.")
    var data: String?

    @Option(help: "The configuration to apply; by default the example that comes with the product.")
    var tenants: String?

    @Option(help: "The Python interpreter that has cel-python, to compare with (cel).")
    var python = "/usr/bin/python3"

    @OptionGroup var output: OutputOption

    func validate() throws {
        guard (10...10_000).contains(invoices) else { throw ValidationError("--invoices is 10 to 10000.") }
        guard (10...1440).contains(minutes) else { throw ValidationError("--minutes is 10 to 1440.") }
        guard (100...5_000_000).contains(runs) else { throw ValidationError("--runs is 100 to 5000000.") }
        guard (5...3600).contains(seconds) else { throw ValidationError("--seconds is 5 to 3600.") }
    }

    func run() async throws {
        let isText = output.form == .text
        let say: @Sendable (String) -> Void = { isText ? Terminal.print($0) : Terminal.complain($0) }
        let wanted = subjects.isEmpty ? Bench.usual : subjects
        let folder = data ?? Places.data("countersign-bench")
        var report = Bench.Report()
        let installed = wanted.filter { $0 != .cel }
        if !installed.isEmpty {
            let bench = try Bench(
                folder: folder, tenants: try Places.tenants(tenants), subjects: installed, invoices: invoices, seconds: seconds,
                minutes: minutes, runs: runs, say: say)
            report = try await StopSignal.ending { try await bench.run() }
        }
        if wanted.contains(.cel) {
            let bench = try BenchExpressions(folder: folder + "-cel", python: python, say: say)
            report.results += try await StopSignal.ending { try await bench.run() }
        }
        if wanted.contains(.sla) { report.results += try SLABench.run() }
        if wanted.contains(.audit) { report.results += try AuditBench.run() }
        if isText {
            if !report.settings.isEmpty { Terminal.print("database: \(report.settings.joined(separator: " "))") }
            let rows = report.results.map { result in
                [
                    result.name, result.shown, result.shownBar, result.verdict.rawValue,
                    result.note,
                ]
            }
            Terminal.print(Terminal.table(["WHAT", "VALUE", "BAR", "VERDICT", "HOW"], rows, width: Terminal.width))
        } else {
            var answer: JSONObject = [
                "database": .array(report.settings.map(JSONValue.string)), "results": .array(report.results.map(\.json)),
            ]
            for member in report.figures { answer[member.key] = member.value }
            Terminal.print(JSONValue.object(answer).prettyText)
        }
        if report.results.contains(where: { $0.verdict == .missed }) { throw BadAnswer() }
    }
}
