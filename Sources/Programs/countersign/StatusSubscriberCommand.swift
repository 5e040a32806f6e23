import ArgumentParser
import Curl
import Kernel
import Showcase

extension StatusCommand {
    struct Subscriber: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who is told what the page says, by mail or by webhook.",
            discussion: "An address is asked before it is told anything, and is never shown whole.",
            subcommands: [List.self, Add.self, Remove.self, Test.self, Renew.self], defaultSubcommand: List.self)

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Subscribers, newest first, addresses masked.")

            @OptionGroup var place: Place
            @OptionGroup var output: OutputOption

            func run() async throws {
                let items = try await place.api().items("status-page/subscribers", [])
                guard output.form == .text else { return Terminal.print(JSONValue.array(items).prettyText) }
                let rows = items.map { row in
                    [
                        row["id"]?.string ?? "", row["channel"]?.string ?? "", row["address"]?.string ?? "",
                        [row["state"]?.string ?? "", row["why"]?.string ?? ""].filter { !$0.isEmpty }.joined(separator: ": "),
                        row["madeAt"]?.string ?? "",
                    ]
                }
                Terminal.print(Terminal.table(["ID", "CHANNEL", "ADDRESS", "STATE", "SINCE"], rows, width: 160))
            }
        }

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Enter an address; its id is printed, and a webhook's secret this once.")

            @Argument(help: "A mail address, or the https address of a webhook.")
            var address: String
            @OptionGroup var place: Place
            @Option(help: "Only about this component, by its id; as often as there are.")
            var component: [String] = []

            func run() async throws {
                let api = try place.api()
                let body: JSONValue = [
                    "channel": .string(address.contains("://") ? "webhook" : "mail"), "address": .string(address),
                    "components": .array(component.map(JSONValue.string)),
                ]
                let made = try await api.server.send(.post, api.path("status-page/subscribers"), body)
                Terminal.print(made["id"]?.string ?? "")
                if let secret = made["secret"]?.string { Terminal.print(secret) }
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Tell a subscriber nothing more.")

            @Argument(help: "Its id, as `status subscriber list` shows it.")
            var id: String
            @OptionGroup var place: Place

            func run() async throws {
                _ = try await place.api().post("status-page/subscribers/\(ServerAPI.escaped(id))/remove", [:])
                Terminal.print("It is told nothing more.")
            }
        }

        struct Test: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Send a test to a subscriber.")

            @Argument(help: "Its id.")
            var id: String
            @OptionGroup var place: Place

            func run() async throws {
                _ = try await place.api().post("status-page/subscribers/\(ServerAPI.escaped(id))/test", [:])
                Terminal.print("A test is on its way; `countersign status deliveries` says what becomes of it.")
            }
        }

        struct Renew: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "A new secret for a webhook, printed this once; the one before signs beside it for a day.")

            @Argument(help: "Its id.")
            var id: String
            @OptionGroup var place: Place

            func run() async throws {
                let api = try place.api()
                let path = api.path("status-page/subscribers/\(ServerAPI.escaped(id))/secret")
                let made = try await api.server.send(.post, path, [:])
                Terminal.print(made["secret"]?.string ?? "")
            }
        }
    }

    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "What subscribers were sent, and what came of it.")

        @OptionGroup var place: Place
        @OptionGroup var output: OutputOption

        func run() async throws {
            let items = try await place.api().items("status-page/deliveries", [])
            guard output.form == .text else { return Terminal.print(JSONValue.array(items).prettyText) }
            let rows = items.map { row in
                let attempts = row["attempts"]?.array ?? []
                return [
                    row["madeAt"]?.string ?? "", row["kind"]?.string ?? "", row["state"]?.string ?? "", "\(attempts.count)",
                    attempts.last.map { "\($0["outcome"]?.string ?? "") \($0["code"]?.string ?? "")" } ?? "",
                    row["subscriber"]?.string ?? "",
                ]
            }
            Terminal.print(Terminal.table(["MADE", "KIND", "STATE", "TRIES", "LAST", "SUBSCRIBER"], rows, width: 160))
        }
    }
}
