import ArgumentParser
import Kernel
import Showcase

/// `countersign tenant`: suspend a tenant and resume it.
struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant", abstract: "Suspend a tenant and resume it.",
        discussion: """
            Of a suspended tenant nobody is let in and nothing is done for it; what is its own stays, and the clocks of its
            contracts go on. To stop its work only, with its people inside, see `countersign work-stop`.

            countersign tenant suspend meridian --reason "Asked for by their board on 4 November."
            countersign tenant resume meridian --reason "Agreed with their controller."
            """,
        subcommands: [Show.self, Suspend.self, Resume.self])

    struct One: ParsableArguments {
        @Argument(help: "The tenant's short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }

        func show(_ row: JSONValue) {
            output.print(row) {
                let since = Cells.time(row, "since")
                return "\(tenant) is \(Cells.text(row, "state"))"
                    + (since.isEmpty ? "." : " since \(since): \(Cells.text(row, "reason"))")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Whether it is active or suspended, since when and why.",
            discussion: "Exit codes: 0 shown; 1 you may not see it; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws { one.show(try await one.api().get("life")) }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let nobody of it in, and do nothing for it.",
            discussion: "Exit codes: 0 suspended; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        @Option(help: "Why, for the audit log.")
        var reason: String

        func run() async throws { one.show(try await one.api().post("life/suspend", ["reason": .string(reason)])) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let all go on where it was.", discussion: "Exit codes: 0 resumed; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        @Option(help: "Why, for the audit log.")
        var reason: String

        func run() async throws { one.show(try await one.api().post("life/resume", ["reason": .string(reason)])) }
    }
}
