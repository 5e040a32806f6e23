import ArgumentParser
import Assets
import Kernel
import Reader

/// `countersign policy`: policies as files.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Bring policies in from decision models, and see what a new version would have changed.",
        subcommands: [Import.self])

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make policies of the decisions of a DMN file.",
            discussion: """
                DMN 1.2 to 1.5: decision tables of all hit policies and literal expressions of compliance level 2. The XML is
                opened by countersign-reader, without network, DOCTYPE or entities. What a policy cannot say is told with its
                place in the file.
                Exit codes: 0 written; 1 the model has problems; 2 the file or the reader is missing.
                """)

        @Argument(help: "The DMN file; - for standard input.")
        var file: String

        @Option(help: "Only this decision of the model.")
        var decision: String?

        @Option(help: "Write each policy into this folder as `name.yaml`; on the screen unless given.")
        var out: String?

        @Option(help: "The program that opens documents.")
        var reader: String?

        func run() throws {
            let child = try DocumentReader.child(reader)
            defer { child.close() }
            let bytes = try InputFile.bytes(file, maxBytes: DMNFile.fileBytesMax)
            let made = try DMNFile.policies(bytes, path: file, decision: decision) { (bytes: [UInt8]) throws(Fault) in
                try child.outlineBlocking(bytes)
            }
            for issue in made.issues { Terminal.complain(issue.description) }
            let bad = made.issues.count { $0.severity == .error }
            guard bad == 0 else { throw BadAnswer("\(bad) \(bad == 1 ? "problem" : "problems"); nothing was written.") }
            if let out { try InputFile.makeFolder(out) }
            for policy in made.policies {
                let text = YAMLText.write(policy.content)
                if let out {
                    try InputFile.write("\(out)/\(policy.name).yaml", Array((text + "\n").utf8))
                    Terminal.print("\(out)/\(policy.name).yaml")
                } else {
                    Terminal.print(made.policies.count > 1 ? "---\n\(text)" : text)
                }
            }
        }
    }
}
