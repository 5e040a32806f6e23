import ArgumentParser
import Kernel
import ServiceLevels

/// `countersign sla`: service levels from their documents, monthly reports, and corrections of clocks.
struct SLACommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sla", abstract: "Recompute service levels from their documents, correct clocks, and report months.",
        subcommands: [
            Explain.self, ReportCommand.self, CreditCommand.self, SLACorrect.self, SLAConfirm.self, SLACorrections.self,
        ])

    struct Explain: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Compute a clock, an availability, a burn rate, a contract choice, a rota, an escalation or a deduplication.",
            discussion: """
                Reads one explain document or an array of them and prints the answer as JSON. Every figure in a report can be
                recomputed so; the server uses the same code.
                Exit codes: 0 answered; 1 the document has problems; 2 it cannot be read.
                """)

        @Argument(help: "The explain document; - for standard input.")
        var file: String

        @Flag(help: "Add the intervals behind a clock, counted and skipped, with their reasons.")
        var trace = false

        func run() throws {
            let document = try InputFile.json(file)
            var issues: [AssetIssue] = []
            let answer = SLAExplain.explain(document, trace: trace, issues: &issues)
            guard let answer, issues.isEmpty else {
                let name = file == "-" ? "standard input" : file
                for issue in issues { Terminal.complain("\(name)#\(issue.pointer): \(issue.message) — \(issue.remedy)") }
                throw BadAnswer()
            }
            Terminal.print(answer.prettyText)
        }
    }
}
