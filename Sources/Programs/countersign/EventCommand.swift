import ArgumentParser
import Kernel
import Showcase

/// `countersign event`: events for whoever in a tenant waits for them.
struct EventCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event", abstract: "Send a tenant an event, or list what came.",
        discussion: """
            countersign event send --tenant meridian --type bank.paid --source /bank --id 4711 --data '{"invoice": "R-1"}'
            countersign event list --tenant meridian --all
            Every run that waits for the event takes it, and it is kept for runs that will. An event of the same source and id
            is taken for the same event.
            """,
        subcommands: [Send.self, List.self])

    struct Send: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send an event.", discussion: "Exit codes: 0 taken, kept, or known already; 1 refused; 2 no answer.")

        @Option(help: "One tenant, by its short name.")
        var tenant: String

        @Option(help: "What happened, such as bank.paid.")
        var type: String

        @Option(help: "Who says so, such as /bank.")
        var source: String

        @Option(help: "Which event of that source this is; sent again, it counts once.")
        var id: String

        @Option(help: "What is told, in JSON.")
        var data: String?

        @Option(help: "Until when it is of use, such as 2026-12-31T12:00:00Z; a day unless given.")
        var expires: String?

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func validate() throws {
            if let data, (try? JSONValue(parsing: data)) == nil {  // the parser's own message would name a place in a shell word
                throw ValidationError("--data is no JSON.")
            }
            if let expires, Moment(expires) == nil {
                throw ValidationError("--expires is no instant such as 2026-12-31T12:00:00Z.")
            }
        }

        func run() async throws {
            let place = TenantAPI(try server.api(), tenant)
            let answer = try await place.post(
                "events",
                .object([
                    "specversion": "1.0", "id": .string(id), "source": .string(source), "type": .string(type),
                    "expirytime": expires.map(JSONValue.string), "data": try data.map { try JSONValue(parsing: $0) },
                ]))
            output.print(answer) {
                switch answer["status"]?.string {
                case "taken": "Taken by \(answer["runs"]?.array?.count ?? 0) runs."
                case "known": "It came before; nothing was done."
                default: "Nobody waits for it. It is kept until \(answer["expiresAt"]?.string ?? "its time is over")."
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the events that may still be taken, newest first.",
            discussion: "Exit codes: 0 listed; 1 you may not see it; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        @Flag(help: "Those that were taken or have expired, too.")
        var all = false

        @Option(help: "Only events of this type.")
        var type: String?

        @Option(help: "At most so many of each tenant.")
        var limit = 100

        func validate() throws {
            guard (1...1000).contains(limit) else { throw ValidationError("--limit is 1 to 1000.") }
        }

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "runs.read") {
                let query = (all ? [("state", "all")] : []) + (type.map { [("type", $0)] } ?? [])
                rows += try await place.items("events/received", query, limit: limit).map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["TENANT", "STATE", "TYPE", "SOURCE", "ID", "TAKEN", "CAME", "UNTIL"],
                    rows.map { row in
                        [
                            row.scope, Cells.text(row.json, "state"), Cells.text(row.json, "type"),
                            Cells.text(row.json, "source"), Cells.text(row.json, "eventId"), Cells.text(row.json, "taken"),
                            Cells.time(row.json, "receivedAt"), Cells.time(row.json, "expiresAt"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }
}
