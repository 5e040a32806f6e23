import ArgumentParser
import Assets
import Glibc
import Kernel
import Seals

/// `countersign plan`: what applying a folder would change.
struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what applying a configuration folder would change, field by field.",
        discussion: """
            Compares with the server, or with a file that `apply --out` wrote. Weakened controls are marked with ▼.
            Exit codes: 0 the plan can be applied; 1 it would be refused, or the folder has problems; 2 no answer.
            """)

    @Argument(help: "The folder that holds operator, partners and tenants.")
    var folder = "Tenants"

    @Option(help: "Compare with this file of published documents instead of the server; - for standard input.")
    var against: String?

    @Option(help: "The folder of runbooks; by default `Runbooks` beside the folder, when it exists.")
    var runbooks: String?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOption

    func run() async throws {
        let bundle = try ConfigurationBundle(
            try ConfigurationFolder(folder, runbooks: runbooks, today: nil).soundTree(), sha256: { SHA256.hash($0) })
        let published: [PublishedAsset] =
            if let against {
                try PublishedAsset.list(try InputFile.json(against))
            } else {
                try await server.client().published()
            }
        let plan = ConfigurationPlan(bundle, against: published)
        Terminal.print(output.form == .json ? plan.json.prettyText : plan.text)
        if plan.isRefused { throw BadAnswer() }
    }
}

/// `countersign apply`: sends a folder to the server, or writes what would be sent.
struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Publish a configuration folder.",
        discussion: """
            Shows the plan, asks once, and sends the bundle under its hash; applying the same folder again changes nothing.
            Exit codes: 0 applied, or nothing to do; 1 refused, declined, or the folder has problems; 2 no answer.
            """)

    @Argument(help: "The folder that holds operator, partners and tenants.")
    var folder = "Tenants"

    @Option(help: "Write the bundle to this file instead of sending it.")
    var out: String?

    @Flag(help: "Do not ask.")
    var yes = false

    @Option(help: "The folder of runbooks; by default `Runbooks` beside the folder, when it exists.")
    var runbooks: String?

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOption

    func run() async throws {
        let sha256: ([UInt8]) -> [UInt8] = { SHA256.hash($0) }
        let bundle = try ConfigurationBundle(
            try ConfigurationFolder(folder, runbooks: runbooks, today: nil).soundTree(), sha256: sha256)
        let json = bundle.json
        let hash = try bundle.hash(sha256: sha256)
        if let out {
            try InputFile.write(out, Array((json.prettyText + "\n").utf8))
            return Terminal.print("\(out): \(bundle.entries.count) documents, hash \(hash)")
        }
        let client = try server.client()
        let plan = ConfigurationPlan(bundle, against: try await client.published())
        if output.form == .text || !yes { Terminal.print(plan.text) }
        if plan.isRefused { throw BadAnswer() }
        if plan.isEmpty { return }
        if !yes { try ApplyCommand.confirm(plan) }
        let answer = try await client.apply(json, bundleHash: hash)
        Terminal.print(output.form == .json ? answer.prettyText : "Applied under hash \(hash).")
    }

    /// A person has to type the word; a pipe has to say `--yes`.
    private static func confirm(_ plan: ConfigurationPlan) throws {
        guard isatty(STDIN_FILENO) == 1 else { throw BadAnswer("Nobody is there to confirm. Add --yes to apply without asking.") }
        let question = plan.weakened == 0 ? "Apply? Type yes: " : "Apply, weakening \(plan.weakened) controls? Type yes: "
        Terminal.print(question)
        guard readLine() == "yes" else { throw BadAnswer("Not applied.") }
    }
}
