import ArgumentParser
import Assets
import Evidence
import Expressions
import Kernel
import Reader
import Seals
import ServiceLevels
import Tenancy
import Workflows

/// `countersign conformance`: our code against published test data.
struct ConformanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "conformance",
        abstract: "Run published test data and count what passes.",
        discussion: """
            Failing cases are printed with the reason, then one line: N passed, M failed, K skipped.
            Exit codes: 0 nothing failed; 1 something failed; 2 the data cannot be read.
            """)

    enum Subject: String, ExpressibleByArgument, CaseIterable {
        case json, jcs, sla, cel, dmn, sw, einvoice, merkle, notes, webhooks, crypto, cloudevents, unicode
    }

    @Argument(help: "What to test: \(Subject.allCases.map(\.rawValue).joined(separator: ", ")).")
    var subject: Subject

    @Argument(help: "The folder with the test data.")
    var folder: String

    @Flag(help: "Print the skipped cases with their reasons too.")
    var skips = false

    @Option(help: "Lines of the generated number sequence (jcs).")
    var lines = 100_000

    @Flag(help: "Run the slow cases too, which need a gibibyte of memory (crypto).")
    var slow = false

    @OptionGroup var output: OutputOption

    func run() throws {
        let tally = try count()
        switch output.form {
        case .json: Terminal.print(ConformanceCommand.json(tally).prettyText)
        case .text:
            for failure in tally.failures { Terminal.print("\(Terminal.styled("failed", .red)) \(failure.id): \(failure.why)") }
            if skips { for skip in tally.skips { Terminal.print("\(Terminal.styled("skipped", .dim)) \(skip.id): \(skip.why)") } }
            Terminal.print(tally.summary)
        }
        if tally.failed > 0 { throw BadAnswer() }
    }

    private func count() throws -> ConformanceTally {
        switch subject {
        case .json: try JSONConformance.run(directory: folder)
        case .jcs: try JCSConformance.run(directory: folder, linesMax: lines) { SHA256Stream() }
        case .sla: try SLAConformance.run(directory: folder)
        case .cel: try CELConformance.run(directory: folder) { name throws(Refusal) in try ZoneRules.load(name) }
        case .einvoice: try DocumentReader.conformance(folder)
        case .dmn: try decisions()
        case .sw: try PlainConformance.run(directory: folder, yaml: ConformanceCommand.yaml)
        case .merkle: try AuditProofs.conformance.trees(directory: folder)
        case .notes: try AuditProofs.conformance.notes(directory: folder)
        case .webhooks: try SealsConformance.webhooks(directory: folder)
        case .crypto: try SealsConformance.crypto(directory: folder, isSlowRun: slow)
        case .cloudevents: try CloudEventConformance.run(directory: folder)
        case .unicode: try UnicodeConformance.run(directory: folder)
        }
    }

    /// The XML of models and cases is opened by the reader process.
    private func decisions() throws -> ConformanceTally {
        let child = try DocumentReader.child(nil)
        defer { child.close() }
        return try DMNFile.conformance(folder) { (bytes: [UInt8]) throws(Fault) in try child.outlineBlocking(bytes) }
    }

    private static func yaml(_ text: String) -> Result<JSONValue, AssetIssue> {
        let read = YAMLSource.read(Array(text.utf8), path: "definition")
        if let document = read.document { return .success(document.json) }
        let problem = read.issues.first
        return .failure(AssetIssue("", problem?.message ?? "The YAML cannot be read.", remedy: problem?.remedy ?? ""))
    }

    private static func json(_ tally: ConformanceTally) -> JSONValue {
        func list(_ entries: [(id: String, why: String)]) -> JSONValue {
            .array(entries.map { ["id": .string($0.id), "why": .string($0.why)] })
        }
        return .object([
            "passed": JSONValue(tally.passed), "failed": JSONValue(tally.failed), "skipped": JSONValue(tally.skipped),
            "failures": list(tally.failures), "skips": list(tally.skips),
        ])
    }
}
