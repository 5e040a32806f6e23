import ArgumentParser
import Kernel
import Showcase

/// `countersign hold`: what must not be removed, whatever its time.
struct HoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Put what happened under legal hold, list holds, and release them.",
        discussion: """
            A hold keeps the history of one run, or of everything of a tenant, past the time after which it would be removed.
            Placing and releasing ask for a reason, and both are in the audit log.
            """,
        subcommands: [Place.self, List.self, Release.self])

    struct Place: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Place a hold; its id is printed.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "The run's id; without it everything of the tenant is held.")
        var run: String?

        @Option(help: "Why; at most 500 characters.")
        var reason: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            var body: JSONObject = ["reason": .string(reason)]
            if let run { body["run"] = .string(run) }
            let hold = try await TenantAPI(try server.api(), tenant).post("holds", .object(body))
            Terminal.print(hold["id"]?.string ?? "")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List holds, the newest first.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Flag(help: "Released ones too.")
        var all = false

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: OutputOption

        func run() async throws {
            let holds = try await TenantAPI(try server.api(), tenant).items("holds", [("state", all ? "all" : "open")])
            guard output.form == .text else { return Terminal.print(JSONValue.array(holds).prettyText) }
            let rows = holds.map { hold in
                [
                    hold["id"]?.string ?? "", hold["run"]?.string ?? "everything", hold["state"]?.string ?? "",
                    hold["placedAt"]?.string ?? "", hold["placedBy"]?.string ?? "", hold["reason"]?.string ?? "",
                ]
            }
            Terminal.print(Terminal.table(["ID", "KEEPS", "STATE", "PLACED", "BY", "REASON"], rows, width: 200))
        }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Release a hold.")

        @Argument(help: "The hold's id, as `hold list` shows it.")
        var id: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "Why; at most 500 characters.")
        var reason: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let place = TenantAPI(try server.api(), tenant)
            _ = try await place.post("holds/\(ServerAPI.escaped(id))/release", ["reason": .string(reason)])
            Terminal.print("The hold is released.")
        }
    }
}

/// `countersign retention`: how long history is kept, and why each of its months is still there.
struct RetentionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention", abstract: "Show how long history is kept, and why each month of it is still there.",
        discussion: "Give the operator's short name to see all tenants. Exit codes: 0 shown; 1 refused; 2 no answer.")

    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, or the operator, by its short name.")
    var tenant: String

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOption

    func run() async throws {
        let json = try await TenantAPI(try server.api(), tenant).get("retention")
        guard output.form == .text else { return Terminal.print(json.prettyText) }
        for row in json["tenants"]?.array ?? [] {
            Terminal.print(
                "\(row["tenant"]?.string ?? ""): history for \(row["historyMonths"]?.int ?? 0) months after a run's end")
        }
        let rows = (json["months"]?.array ?? []).map { month -> [String] in
            let kept = (month["kept"]?.array ?? []).map { reason in
                [reason["tenant"]?.string, reason["text"]?.string].compactMap(\.self).joined(separator: " ")
            }
            let others = month["keptForOthers"]?.bool == true ? ["is kept for others"] : []
            return [
                month["month"]?.string ?? "", month["lines"]?.int.map { "\($0)" } ?? "",
                month["due"]?.bool == true ? "goes with the next look" : (kept + others).joined(separator: "; "),
            ]
        }
        Terminal.print(Terminal.table(["MONTH", "LINES", "STAYS BECAUSE IT"], rows, width: 160))
    }
}
