import ArgumentParser
import Kernel
import Showcase

/// `countersign delegation`: who decides for whom, and until when.
struct DelegationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delegation", abstract: "See deputies, name one, and take a delegation back.",
        discussion: """
            countersign delegation list --tenant meridian
            countersign delegation make --tenant meridian --to petra-vogel --until 2026-12-12T00:00:00Z --reason "Away"
            countersign approve ID --tenant meridian --delegation DELEGATION
            A deputy signs with the giver's roles and limit as they are at that moment, for at most 90 days.
            """,
        subcommands: [List.self, Make.self, Revoke.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delegations, the newest first.", discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func run() async throws {
            let api = TenantAPI(try server.api(), tenant)
            var (items, cursor): ([JSONValue], String?) = ([], nil)
            repeat {
                let page = try await api.get("delegations?limit=200" + (cursor.map { "&cursor=\($0)" } ?? ""))
                items += page["items"]?.array ?? []
                cursor = page["next"]?.string
            } while cursor != nil
            output.print(["items": .array(items)]) {
                Terminal.table(
                    ["DEPUTY", "FOR", "STATE", "FROM", "UNTIL", "WORKFLOWS", "UP TO", "ID"],
                    items.map { row in
                        let workflows = (row["workflows"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
                        return [
                            Cells.text(row, "to/name"), Cells.text(row, "from/name"), Cells.text(row, "state"),
                            Cells.time(row, "startsAt"), Cells.time(row, "endsAt"), workflows.isEmpty ? "all" : workflows,
                            [Cells.text(row, "maxAmount/currency"), Cells.text(row, "maxAmount/amount")].filter { !$0.isEmpty }
                                .joined(separator: " "), Cells.text(row, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct Make: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give your decisions about approvals to a deputy for a time.",
            discussion: "Exit codes: 0 made; 1 refused; 2 no answer.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "Short name of the deputy.") var to: String
        @Option(help: "Short name of the giver, for whoever looks after people.") var from: String?
        @Option(help: "First instant; now unless given.") var starting: String?
        @Option(help: "First instant after it, at most 90 days later.") var until: String
        @Option(help: "A workflow; may be repeated, every one unless given.") var workflow: [String] = []
        @Option(help: "Highest amount of one document, such as 5000.00.") var maxAmount: String?
        @Option(help: "Its currency.") var currency: String?
        @Option(help: "Why; kept with the delegation.") var reason: String

        @OptionGroup var server: ServerOptions

        func validate() throws {
            if (maxAmount == nil) != (currency == nil) { throw ValidationError("Give --max-amount and --currency together.") }
        }

        func run() async throws {
            var body: JSONObject = ["to": .string(to), "endsAt": .string(until), "reason": .string(reason)]
            if let from { body["from"] = .string(from) }
            if let starting { body["startsAt"] = .string(starting) }
            if !workflow.isEmpty { body["workflows"] = .array(workflow.map(JSONValue.string)) }
            if let maxAmount, let currency {
                body["maxAmount"] = ["amount": .string(maxAmount), "currency": .string(currency)]
            }
            let answer = try await TenantAPI(try server.api(), tenant).post("delegations", .object(body))
            Terminal.print(
                "\(Cells.text(answer, "to/name")) decides for \(Cells.text(answer, "from/name")) until "
                    + "\(Cells.time(answer, "endsAt")): \(Cells.text(answer, "id"))")
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a delegation back at once; what was signed stays signed.",
            discussion: "Exit codes: 0 taken back; 1 refused; 2 no answer.")

        @Argument(help: "The delegation's id, as the list shows it.")
        var id: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let answer = try await TenantAPI(try server.api(), tenant).post("delegations/\(ServerAPI.escaped(id))/revoke", [:])
            Terminal.print("\(Cells.text(answer, "to/name")) no longer decides for \(Cells.text(answer, "from/name")).")
        }
    }
}
