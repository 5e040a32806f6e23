import ArgumentParser
import Assets
import Kernel
import Workflows

/// `countersign workflow`: what can be done with one definition without a server.
struct WorkflowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workflow", abstract: "Draw a workflow, write it for other programs, or show it without its patterns.",
        subcommands: [DiagramCommand.self, ExportCommand.self, ResolveCommand.self])

    /// `countersign workflow diagram`.
    struct DiagramCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "diagram", abstract: "Draw a workflow as SVG.",
            discussion: "Exit codes: 0 drawn; 1 the workflow has problems; 2 the file cannot be read.")

        @Argument(help: "The workflow's YAML; - for standard input.")
        var file: String

        @Option(help: "The file to write; standard output unless given.")
        var out: String?

        func run() throws {
            let (definition, _) = try WorkflowCommand.read(file)
            try WorkflowCommand.write(WorkflowDrawing(definition).svg, to: out)
        }
    }

    /// `countersign workflow export`.
    struct ExportCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write a workflow as plain Serverless Workflow 1.0, in JSON, with CEL expressions.",
            discussion: """
                What plain Serverless Workflow cannot say is a problem with its place, and nothing is written.
                Exit codes: 0 written; 1 the workflow says more, or has problems; 2 the file cannot be read.
                """)

        @Argument(help: "The workflow's YAML; - for standard input.")
        var file: String

        @Option(help: "The file to write; standard output unless given.")
        var out: String?

        func run() throws {
            let (_, document) = try WorkflowCommand.read(file)
            var issues: [AssetIssue] = []
            let plain = PlainExport.plain(document.json, issues: &issues)
            guard let plain, issues.isEmpty else { throw WorkflowCommand.problems(issues, document) }
            try WorkflowCommand.write(plain.prettyText, to: out)
        }
    }

    /// `countersign workflow resolve`.
    struct ResolveCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "resolve", abstract: "Write a workflow as it runs, in JSON, with what its patterns give.",
            discussion: """
                That is the text that is checked, published and pinned. What is wrong with it is told where the pattern is used
                and where it is written. Exit codes: 0 written; 1 the workflow has problems; 2 the file cannot be read.
                """)

        @Argument(help: "The workflow's YAML; - for standard input.")
        var file: String

        @Option(help: "The folder of patterns; that of the configuration around the file unless given.")
        var patterns: String?

        @Option(help: "The file to write; standard output unless given.")
        var out: String?

        func run() throws {
            let (_, document) = try WorkflowCommand.read(file, patterns: patterns)
            try WorkflowCommand.write(document.json.prettyText, to: out)
        }
    }

    static func read(_ file: String, patterns: String? = nil) throws -> (WorkflowDefinition, AssetDocument) {
        let bytes = try InputFile.bytes(file, maxBytes: 4_194_304)
        let read = try WorkflowFile.read(
            bytes, path: file == "-" ? "standard input" : file,
            library: patterns ?? (file == "-" ? nil : WorkflowFile.library(of: file)))
        guard let document = read.document else {
            for issue in read.issues { Terminal.print(issue.description) }
            throw BadAnswer()
        }
        var issues: [AssetIssue] = []
        guard let definition = WorkflowDefinition.parse(document.json, issues: &issues),
            issues.allSatisfy({ $0.severity != .error })
        else { throw problems(issues, document) }
        return (definition, document)
    }

    fileprivate static func problems(_ issues: [AssetIssue], _ document: AssetDocument) -> BadAnswer {
        for issue in issues { Terminal.print(document.located(issue).description) }
        return BadAnswer()
    }

    fileprivate static func write(_ text: String, to file: String?) throws {
        guard let file else { return Terminal.print(text) }
        try InputFile.write(file, Array((text + "\n").utf8))
        Terminal.print(file)
    }
}
