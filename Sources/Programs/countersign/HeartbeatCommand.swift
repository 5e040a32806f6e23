import ArgumentParser
import Kernel
import ServiceLevels
import Showcase

/// `countersign heartbeat`: promised signs of life.
struct HeartbeatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "heartbeat", abstract: "See who shows signs of life, and let jobs outside report.",
        discussion: """
            countersign heartbeat list --tenant operator
            countersign heartbeat make "Nightly backup" --tenant operator --every 24h --grace 2h
            countersign heartbeat rotate ID --tenant operator
            """,
        subcommands: [List.self, Make.self, Rotate.self, End.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Promised signs of life with their age, missed ones first; of parts and lanes in the scope `operator`.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "workers.read") {
                rows += (try await place.get("heartbeats")["items"]?.array ?? []).map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["SCOPE", "KIND", "WHO", "STATE", "LAST", "EVERY", "GRACE", "ID"],
                    rows.map { row in
                        [
                            row.scope, Cells.text(row.json, "kind"), Cells.text(row.json, "subject"),
                            Cells.text(row.json, "state"), age(row.json), length(row.json, "everySeconds"),
                            length(row.json, "graceSeconds"), Cells.text(row.json, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }

        private func age(_ row: JSONValue) -> String {
            row["beatenAt"]?.isNull ?? true ? "never" : length(row, "ageSeconds") + " ago"
        }

        private func length(_ row: JSONValue, _ name: String) -> String {
            ServiceDuration.wallText(row[name]?.int64 ?? 0)
        }
    }

    /// A scope; jobs may be the operator's own.
    struct Place: ParsableArguments {
        @Option(name: [.customShort("t"), .customLong("tenant")], help: "`operator`, or a tenant by its short name.")
        var scope: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), scope) }
    }

    struct Make: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Promise a job's reports, and print the path that it has to call by GET or POST.",
            discussion: "The secret in the path is shown this once. Exit codes: 0 made; 1 refused; 2 no answer.")

        @Argument(help: "What the job is called in incidents.")
        var name: String

        @Option(help: "How often it reports, such as 15m or 24h.")
        var every: String

        @Option(help: "How much later a report may come, such as 10m.")
        var grace = "0"

        @OptionGroup var place: Place

        func validate() throws {
            guard ServiceDuration.seconds(of: every) != nil, grace == "0" || ServiceDuration.seconds(of: grace) != nil else {
                throw ValidationError("--every and --grace are durations such as 15m or 24h.")
            }
        }

        func run() async throws {
            let answer = try await place.api().post(
                "heartbeats",
                [
                    "name": .string(name), "everySeconds": JSONValue(ServiceDuration.seconds(of: every) ?? 0),
                    "graceSeconds": JSONValue(ServiceDuration.seconds(of: grace) ?? 0),
                ])
            Terminal.print(answer["path"]?.string ?? "")
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a job a new address; the old one is refused from now on.",
            discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @Argument(help: "The heartbeat's id.")
        var id: String

        @OptionGroup var place: Place

        func run() async throws {
            let answer = try await place.api().post("heartbeats/\(ServerAPI.escaped(id))/rotate", [:])
            Terminal.print(answer["path"]?.string ?? "")
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a job's promise back.", discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @Argument(help: "The heartbeat's id.")
        var id: String

        @OptionGroup var place: Place

        func run() async throws {
            let answer = try await place.api().post("heartbeats/\(ServerAPI.escaped(id))/end", [:])
            Terminal.print("\(answer["subject"]?.string ?? id) promises nothing any longer.")
        }
    }
}
