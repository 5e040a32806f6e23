import ArgumentParser
import Assets
import Kernel
import Reader
import Showcase

/// `countersign policy`: policies as files.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Bring policies in from decision models, and see what a new version would have changed.",
        subcommands: [Import.self, Impact.self])

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

    struct Impact: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Replay recorded decisions with a new version of a policy, and say what would have changed.",
            discussion: """
                The file is checked as `check` does and sent to the server, which asks it about what was decided before.
                Nothing is published or changed. Decisions that need what was not recorded are counted apart.
                Exit codes: 0 replayed; 1 the policy has problems, or the server refuses; 2 no answer.
                """)

        @Argument(help: "The policy's YAML file.")
        var file: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant whose decisions are replayed.")
        var tenant: String

        @Option(help: "Only decisions since this instant, such as 2026-01-31T00:00:00Z.")
        var since: String?

        @Option(help: "Decisions looked at, the newest first.")
        var limit: Int?

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOption

        func run() async throws {
            let read = PolicyFile.read(try InputFile.bytes(file, maxBytes: AssetBounds.fileBytesMax), path: file)
            for issue in read.issues { Terminal.complain(issue.description) }
            let bad = read.issues.count { $0.severity == .error }
            guard bad == 0, let content = read.content else {
                throw BadAnswer("\(bad) \(bad == 1 ? "problem" : "problems"); nothing was replayed.")
            }
            var body: JSONObject = ["policy": content]
            if let since { body["since"] = .string(since) }
            if let limit { body["limit"] = JSONValue(limit) }
            let report = try await TenantAPI(try server.api(), tenant).post("policies/impact", .object(body))
            Terminal.print(output.form == .json ? report.prettyText : Impact.text(report))
        }

        /// Counts first, then what changed into what, what is at stake, and examples.
        private static func text(_ report: JSONValue) -> String {
            func count(_ name: String) -> Int { report[name]?.int ?? 0 }
            func each(_ name: String, _ line: (JSONValue) -> String) -> [String] { (report[name]?.array ?? []).map(line) }
            var lines = [
                "\(report["policy"]?.string ?? "") \(report["version"]?.string ?? "") over \(count("decisions")) decisions"
            ]
            if report["isComplete"]?.bool == false { lines[0] += ", the newest; there are more" }
            lines += each("meaning") { "  • \($0.string ?? "")" }
            lines.append(
                "\(count("unchanged")) as before, \(count("changed")) otherwise, \(count("refused")) refused, "
                    + "\(count("untold")) cannot be told")
            lines += each("kinds") { "  \($0["count"]?.int ?? 0) × \($0["from"]?.string ?? "") → \($0["to"]?.string ?? "")" }
            lines += each("atStake") {
                "  at stake: \($0["amount"]?.string ?? "") \($0["currency"]?.string ?? "") in \($0["count"]?.int ?? 0)"
            }
            lines += each("untoldReasons") { "  cannot be told: \($0["reason"]?.string ?? ""), \($0["count"]?.int ?? 0) times" }
            let rows = report["examples"]?.array ?? []
            if !rows.isEmpty {
                lines.append("")
                lines.append(
                    Terminal.table(
                        ["NUMBER", "COUNTERPARTY", "AMOUNT", "DECIDED", "WOULD BE", "RUN"],
                        rows.map { row in
                            ["subject", "counterparty", "amount", "from", "to", "run"].map { Cells.text(row, $0) }
                        }, width: Terminal.width))
            }
            return lines.joined(separator: "\n")
        }
    }
}
