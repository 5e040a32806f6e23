import ArgumentParser
import Kernel
import Showcase

/// `countersign maintenance`: what is worked on, and when people were told.
struct MaintenanceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance", abstract: "See announced maintenance, announce it, move it, and cancel it.",
        discussion: """
            countersign maintenance list --tenant meridian
            countersign maintenance announce "Database" --tenant operator --start 2026-12-05T21:00:00Z --end 2026-12-05T23:00:00Z
            countersign maintenance cancel ID --tenant operator --reason "Not needed"
            What is announced in a partner's scope or in `operator` holds for all of theirs.
            """,
        subcommands: [List.self, Announce.self, Change.self, Cancel.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Announced maintenance, the latest first.",
            discussion: "Exit codes: 0 listed; 1 you may not see it; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "service.read") {
                rows += (try await place.get("maintenance")["items"]?.array ?? []).map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["SCOPE", "TITLE", "STATE", "START", "END", "ANNOUNCED", "ID"],
                    rows.map { row in
                        [
                            row.scope, Cells.text(row.json, "title"), Cells.text(row.json, "state"),
                            Cells.time(row.json, "start"), Cells.time(row.json, "end"), Cells.time(row.json, "announcedAt"),
                            Cells.text(row.json, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct Place: ParsableArguments {
        @Option(name: [.customShort("t"), .customLong("tenant")], help: "A tenant, a partner or `operator`, by its short name.")
        var scope: String

        @OptionGroup var server: ServerOptions

        func post(_ path: String, _ body: JSONValue) async throws {
            let answer = try await TenantAPI(try server.api(), scope).post(path, body)
            Terminal.print(
                "\(Cells.text(answer, "id")) \(Cells.text(answer, "state")): \(Cells.text(answer, "title")), "
                    + "\(Cells.time(answer, "start")) to \(Cells.time(answer, "end"))")
        }
    }

    struct Announce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Announce maintenance; how early decides whether it is counted.",
            discussion: "Exit codes: 0 announced; 1 refused; 2 no answer.")

        @Argument(help: "What is worked on, in one line.")
        var title: String

        @Option(help: "When it begins, such as 2026-12-05T21:00:00Z.")
        var start: String

        @Option(help: "When it ends.")
        var end: String

        @OptionGroup var place: Place

        func run() async throws {
            try await place.post("maintenance", ["title": .string(title), "start": .string(start), "end": .string(end)])
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move or rename maintenance before it begins; what goes beyond it is announced now.",
            discussion: "Exit codes: 0 changed; 1 refused; 2 no answer.")

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "Another title.")
        var title: String?

        @Option(help: "Another beginning.")
        var start: String?

        @Option(help: "Another end.")
        var end: String?

        @OptionGroup var place: Place

        func run() async throws {
            var body: JSONObject = [:]
            for (name, value) in [("title", title), ("start", start), ("end", end)] {
                if let value { body[name] = .string(value) }
            }
            try await place.post("maintenance/\(ServerAPI.escaped(id))/change", .object(body))
        }
    }

    struct Cancel: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take maintenance back before it begins, or end it where it has begun.",
            discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "Why; people are told.")
        var reason: String

        @OptionGroup var place: Place

        func run() async throws {
            try await place.post("maintenance/\(ServerAPI.escaped(id))/cancel", ["reason": .string(reason)])
        }
    }
}
