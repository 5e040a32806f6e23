import ArgumentParser
import Kernel
import Showcase

/// `countersign chaos`: does the product keep its promise when everything dies?
struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Kill workers, server and database at random moments while invoices are posted, and count.",
        discussion: """
            The ledgers answer 429, 503, HTML and nonsense, lose answers, and commit writes up to twenty seconds after their
            clients have gone. The same seed kills and fails in the same order. With --erp tryton the ERP is killed and restarted
            too.
            Exit codes: 0 everything accepted was posted once; 1 not; 2 it could not run.
            """)

    @Option(help: "Processes to kill, as many of each kind.")
    var kills = 60

    @Option(help: "Invoices to hand in.")
    var invoices = 300

    @Option(help: "Seed of all chance; a fresh one unless given.")
    var seed: UInt64?

    @Option(help: "Folder for its data, replaced at the start; by default a folder of its own among your data.")
    var data: String?

    @Option(help: "The configuration to apply; by default the example that comes with the product.")
    var tenants: String?

    @Option(help: "The tenants' ERP: \(SampleERP.choices).")
    var erp = SampleERP.sandbox

    @OptionGroup var output: OutputOption

    func validate() throws {
        guard (0...1000).contains(kills), (1...10_000).contains(invoices) else {
            throw ValidationError("--kills is 0 to 1000, --invoices 1 to 10000.")
        }
    }

    func run() async throws {
        let plan = ChaosPlan(
            kills: kills, invoices: invoices, seed: seed ?? Entropy.system.next() % 1_000_000_000,
            folder: data ?? Places.data("countersign-chaos"), tenants: try Places.tenants(tenants),
            erp: erp)
        let isText = output.form == .text
        let chaos = try Chaos(plan) { isText ? Terminal.print($0) : Terminal.complain($0) }
        let tally = try await StopSignal.ending { try await chaos.run() }
        Terminal.print(isText ? tally.text : tally.json.prettyText)
        if !tally.isGood { throw BadAnswer() }
    }
}
