import ArgumentParser
import Kernel
import Showcase

extension Bench.Subject: ExpressibleByArgument {}

/// `countersign bench`: how fast, how large.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure throughput, worker start and size, waiting of ready work, and pages.",
        discussion: """
            Everything runs on this machine, the database with its usual durability, which is printed. Use a release build.
            Exit codes: 0 measured and every bar met; 1 a bar was missed; 2 it could not run.
            """)

    @Argument(help: "What to measure: \(Bench.Subject.allCases.map(\.rawValue).joined(separator: ", ")); all unless given.")
    var subjects: [Bench.Subject] = []

    @Option(help: "Invoices for end-to-end.")
    var invoices = 300

    @Option(help: "Folder for its data, replaced at the start; by default a folder of its own among your data.")
    var data: String?

    @Option(help: "The configuration to apply; by default the example that comes with the product.")
    var tenants: String?

    @OptionGroup var output: OutputOption

    func validate() throws {
        guard (10...10_000).contains(invoices) else { throw ValidationError("--invoices is 10 to 10000.") }
    }

    func run() async throws {
        let isText = output.form == .text
        let bench = try Bench(
            folder: data ?? Places.data("countersign-bench"), tenants: try Places.tenants(tenants),
            subjects: subjects.isEmpty ? Bench.Subject.allCases : subjects, invoices: invoices
        ) { isText ? Terminal.print($0) : Terminal.complain($0) }
        let (settings, measured) = try await StopSignal.ending { try await bench.run() }
        var results = measured
        if subjects.isEmpty || subjects.contains(.audit) { results += try AuditBench.run() }
        if isText {
            Terminal.print("database: \(settings.joined(separator: " "))")
            let rows = results.map { result in
                [
                    result.name, result.shown, result.bar.map { "≤ \($0)" } ?? "", result.verdict.rawValue,
                    result.note,
                ]
            }
            Terminal.print(Terminal.table(["WHAT", "VALUE", "BAR", "VERDICT", "HOW"], rows, width: Terminal.width))
        } else {
            Terminal.print(
                JSONValue.object(["database": .array(settings.map(JSONValue.string)), "results": .array(results.map(\.json))])
                    .prettyText)
        }
        if results.contains(where: { $0.verdict == .missed }) { throw BadAnswer() }
    }
}
