import ArgumentParser
import Kernel
import Showcase

/// `countersign work-stop`: work that goes out of the house, stopped and let go on.
struct WorkStopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "work-stop", abstract: "Stop a tenant's work, its worker or one connection, and let it go on.",
        discussion: """
            countersign work-stop place --tenant NAME --kind connection --connection erp --reason "Their upgrade went wrong."
            countersign work-stop list --tenant NAME
            countersign work-stop release ID --tenant NAME --reason "They are back."
            What is stopped waits in its place and loses nothing; people go on deciding, and clocks of contracts go on.
            Exit codes: 0 done; 1 refused, with the reason; 2 no answer.
            """,
        subcommands: [Place.self, List.self, Release.self])

    enum Kind: String, ExpressibleByArgument, CaseIterable { case tenant, worker, connection }

    struct Place: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Stop work; the stop's id is printed.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "tenant: nothing begins; worker: it finishes and ends; connection: nothing is sent to it.")
        var kind: Kind

        @Option(help: "The connection, by its name; only for that kind.")
        var connection: String?

        @Option(help: "Why; at most 500 characters.")
        var reason: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            var body: JSONObject = ["kind": .string(kind.rawValue), "reason": .string(reason)]
            if let connection { body["connection"] = .string(connection) }
            let stop = try await TenantAPI(try server.api(), tenant).post("work-stops", .object(body))
            Terminal.print(stop["id"]?.string ?? "")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List what is stopped now, the newest first.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Flag(help: "What was let go on too.")
        var all = false

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOption

        func run() async throws {
            let stops = try await TenantAPI(try server.api(), tenant).items("work-stops", [])
                .filter { all || $0["state"] == "open" }
            guard output.form == .text else { return Terminal.print(JSONValue.array(stops).prettyText) }
            let rows = stops.map { stop in
                [
                    stop["id"]?.string ?? "", stop["connection"]?.string ?? stop["kind"]?.string ?? "",
                    stop["state"]?.string ?? "", stop["placedAt"]?.string ?? "", stop["reason"]?.string ?? "",
                ]
            }
            Terminal.print(Terminal.table(["ID", "STOPPED", "STATE", "SINCE", "REASON"], rows, width: 200))
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let stopped work go on.")

        @Argument(help: "The stop's id, as `work-stop list` shows it.")
        var id: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "Why; at most 500 characters.")
        var reason: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let place = TenantAPI(try server.api(), tenant)
            _ = try await place.post("work-stops/\(ServerAPI.escaped(id))/release", ["reason": .string(reason)])
            Terminal.print("It goes on.")
        }
    }
}
