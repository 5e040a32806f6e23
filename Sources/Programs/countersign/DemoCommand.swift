import ArgumentParser
import Glibc
import Kernel
import Showcase

extension SampleERP: ExpressibleByArgument {
    static let choices = allCases.map(\.rawValue).joined(separator: ", ")
}

/// `countersign demo`: the product at work, in front of a visitor.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Start everything on this machine and let invoices arrive, until Ctrl-C.",
        discussion: """
            Exit codes: 0 with --for: every promised scenario was seen, else: ended when asked; 1 with --for: some were not seen;
            2 it could not start.
            """)

    @Option(help: "Folder for its data, kept between runs; by default a folder of its own among your data.")
    var data: String?

    @Option(help: "Port of the console.")
    var port = 7400

    @Option(name: .customLong("for"), help: "End after so many seconds, with a summary.")
    var seconds: Int64?

    @Flag(help: "Without pauses, and with a shorter posting target: all scenarios in about a minute.")
    var fast = false

    @Option(help: "The configuration to apply; by default the example that comes with the product.")
    var tenants: String?

    @Option(help: "The tenants' ERP: \(SampleERP.choices).")
    var erp = SampleERP.sandbox

    func run() async throws {
        let plan = DemoPlan(
            folder: data ?? Places.data("countersign-demo" + (fast ? "-fast" : "") + (erp == .sandbox ? "" : "-\(erp.rawValue)")),
            tenants: try Places.tenants(tenants),
            port: port,
            seconds: seconds, isFast: fast, erp: erp)
        let demo = try Demo(plan) { Terminal.print($0) }
        let isComplete = try await StopSignal.ending { try await demo.run() }
        if seconds != nil, !isComplete { throw BadAnswer() }
    }
}

/// Where things lie when nobody says.
enum Places {
    /// Root's data lies where the database's own user can reach it.
    static func data(_ name: String) -> String {
        if geteuid() == 0 { return "/var/lib/\(name)" }
        if let base = Terminal.environment("XDG_DATA_HOME"), base.hasPrefix("/") { return "\(base)/\(name)" }
        return "\(Terminal.environment("HOME") ?? ".")/.local/share/\(name)"
    }

    /// The configuration to apply, with `Runbooks` beside it: `given`, else the folder `Tenants` nearest above the program, else
    /// where packages put it, else `Tenants` here. So it does not matter where a program of a checkout is started.
    static func tenants(_ given: String?) throws -> String {
        var candidates = given.map { [Folder.absolute($0)] } ?? []
        if given == nil {
            var at = Processes.programFolder
            while at != "/", at != "." {
                candidates.append(at + "/Tenants")
                at = Folder.parent(of: at)
            }
            candidates += ["/usr/share/countersign/Tenants", Folder.absolute("Tenants")]
        }
        guard let found = candidates.first(where: { Folder.exists("\($0)/operator/operator.yaml") }) else {
            let places = given == nil ? "above the program, in /usr/share/countersign or here" : "in \(candidates[0])"
            throw Refusal(
                .notFound, reason: "demo.tenants", "No configuration was found \(places): operator/operator.yaml is missing.",
                facts: ["remedy": "Name the folder with --tenants."])
        }
        let runbooks = Folder.parent(of: found) + "/Runbooks"
        guard Folder.exists(runbooks) else {
            throw Refusal(
                .notFound, reason: "demo.runbooks", "The folder Runbooks is missing beside \(found).",
                facts: ["remedy": "Put the runbooks there, since every alert of a configuration names one."])
        }
        return found
    }
}
