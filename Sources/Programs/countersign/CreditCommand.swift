import ArgumentParser
import Kernel
import Showcase

/// `countersign sla credit`: what missed commitments have earned, from the signature of the report to the bill.
struct CreditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credit", abstract: "See credits of signed reports, approve them, put them on bills, and waive them.",
        discussion: """
            countersign sla credit list
            countersign sla credit list --tenant meridian
            countersign sla credit approve ID --tenant meridian
            countersign sla credit apply ID --tenant meridian --reference INV-2026-1108
            countersign sla credit waive ID --tenant meridian --reason "Settled by an extra training day"
            """,
        subcommands: [List.self, Approve.self, Apply.self, Waive.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "All credits of one tenant, the newest first; or what is still to be given, over all that you look after.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String?

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func run() async throws {
            let api = try server.api()
            let items: [JSONValue]
            if let tenant {
                items = try await every(TenantAPI(api, tenant))
            } else {
                items = try await api.get("/api/v1/credit-notes")["items"]?.array ?? []
            }
            output.print(["items": .array(items)]) {
                Terminal.table(
                    ["TENANT", "NUMBER", "MONTH", "CREDIT", "AMOUNT", "STATE", "ID"],
                    items.map { row in
                        [
                            tenant ?? Cells.text(row, "tenant"), "CN-\(Cells.text(row, "number"))", Cells.text(row, "month"),
                            "\(Cells.text(row, "percent")) %",
                            [Cells.text(row, "currency"), Cells.text(row, "amount")].filter { !$0.isEmpty }
                                .joined(separator: " "), Cells.text(row, "state"), Cells.text(row, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }

        private func every(_ api: TenantAPI) async throws -> [JSONValue] {
            var (items, cursor): ([JSONValue], String?) = ([], nil)
            repeat {
                let page = try await api.get("credit-notes?limit=200" + (cursor.map { "&cursor=\($0)" } ?? ""))
                items += page["items"]?.array ?? []
                cursor = page["next"]?.string
            } while cursor != nil
            return items
        }
    }

    /// One tenant and one credit.
    struct Target: ParsableArguments {
        @Argument(help: "The credit's id, as the list shows it.")
        var id: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func act(_ name: String, _ body: JSONValue = [:]) async throws {
            let answer = try await TenantAPI(try server.api(), tenant).post(
                "credit-notes/\(ServerAPI.escaped(id))/\(name)", body)
            Terminal.print("CN-\(Cells.text(answer, "number")): \(Cells.text(answer, "state"))")
        }
    }

    struct Approve: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Approve a proposed credit; whoever wrote on its report or signed it cannot.",
            discussion: "Exit codes: 0 approved; 1 refused; 2 no answer.")
        @OptionGroup var target: Target

        func run() async throws { try await target.act("approve") }
    }

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say on which bill an approved credit stands.", discussion: "Exit codes: 0 kept; 1 refused; 2 no answer.")
        @OptionGroup var target: Target
        @Option(help: "The number of the bill.") var reference: String

        func run() async throws { try await target.act("apply", ["reference": .string(reference)]) }
    }

    struct Waive: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a credit up, as the customer.", discussion: "Exit codes: 0 waived; 1 refused; 2 no answer.")
        @OptionGroup var target: Target
        @Option(help: "Why; kept with the credit.") var reason: String

        func run() async throws { try await target.act("waive", ["reason": .string(reason)]) }
    }
}
