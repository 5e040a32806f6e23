import ArgumentParser
import Kernel
import Showcase

/// `countersign webhook`: where a tenant's events are sent.
struct WebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook", abstract: "Send a tenant's events to its own systems, signed, and see what was delivered.",
        discussion: """
            countersign webhook add Ledger https://ledger.example/in --event run.finished --tenant meridian
            countersign webhook test ID --tenant meridian
            countersign webhook deliveries ID --tenant meridian --state failed
            countersign webhook replay ID --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z --tenant meridian --preview
            """,
        subcommands: [
            List.self, Show.self, Events.self, Add.self, Change.self, Rotate.self, Pause.self, Resume.self, Remove.self,
            Test.self, Deliveries.self, Replay.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The webhooks of a tenant, or of all that you may see.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "webhooks.read") {
                rows += (try await place.get("webhooks")["items"]?.array ?? []).map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["TENANT", "NAME", "STATE", "FAILURES", "LAST TAKEN", "ADDRESS", "ID"],
                    rows.map { row in
                        [
                            row.scope, Cells.text(row.json, "name"), Cells.text(row.json, "state"),
                            Cells.text(row.json, "failures"), Cells.time(row.json, "deliveredAt"), Cells.text(row.json, "url"),
                            Cells.text(row.json, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    /// One tenant.
    struct Place: ParsableArguments {
        @Option(name: [.customShort("t"), .customLong("tenant")], help: "One tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }
    }

    /// One webhook of a tenant.
    struct One: ParsableArguments {
        @Argument(help: "The webhook's id.")
        var id: String

        @OptionGroup var place: Place
        @OptionGroup var output: ListOutput

        func path(_ rest: String = "") -> String { "webhooks/\(ServerAPI.escaped(id))" + (rest.isEmpty ? "" : "/\(rest)") }

        func act(_ verb: String, _ words: (JSONValue) -> String) async throws {
            let answer = try await place.api().post(path(verb), [:])
            output.print(answer) { words(answer) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One webhook; its secret is never shown again.",
            discussion: "Exit codes: 0 shown; 1 you may not see it, or it is not there; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws {
            let row = try await one.place.api().get(one.path())
            one.output.print(row) {
                ["name", "state", "reason", "url", "failures", "failingSince", "deliveredAt", "secretVersion", "overlapsUntil"]
                    .map { "\($0): \(Cells.text(row, $0))" }.joined(separator: "\n")
                    + "\nevents: " + (row["events"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            }
        }
    }

    struct Events: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What webhooks can be told of.", discussion: "Exit codes: 0 listed; 1 you may not see it; 2 no answer.")

        @OptionGroup var place: Place
        @OptionGroup var output: ListOutput

        func run() async throws {
            let answer = try await place.api().get("webhook-events")
            output.print(answer) {
                Terminal.table(
                    ["EVENT", "WHAT HAPPENED", "SAMPLE OF ITS DATA"],
                    (answer["items"]?.array ?? []).map {
                        [Cells.text($0, "type"), Cells.text($0, "title"), $0["sample"]?["data"]?.text ?? ""]
                    }, width: Terminal.width)
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Set a webhook up, and print its secret, which is shown this once.",
            discussion: "Exit codes: 0 set up; 1 refused; 2 no answer.")

        @Argument(help: "What it is called.")
        var name: String

        @Argument(help: "Where events are sent, beginning with https://.")
        var url: String

        @Option(name: [.customLong("event")], help: "An event that it wants; may be given several times.")
        var events: [String]

        @OptionGroup var place: Place
        @OptionGroup var output: ListOutput

        func run() async throws {
            let answer = try await place.api().post(
                "webhooks",
                ["name": .string(name), "url": .string(url), "events": .array(events.map(JSONValue.string))])
            output.print(answer) { "\(Cells.text(answer, "id"))\n\(Cells.text(answer, "secret"))" }
        }
    }

    struct Change: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Change the name, the address or the events; what is not given stays.",
            discussion: "Exit codes: 0 changed; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        @Option(help: "A new name.")
        var name: String?

        @Option(help: "A new address.")
        var url: String?

        @Option(name: [.customLong("event")], help: "The events that it wants from now on; may be given several times.")
        var events: [String] = []

        func run() async throws {
            var body: JSONObject = [:]
            if let name { body["name"] = .string(name) }
            if let url { body["url"] = .string(url) }
            if !events.isEmpty { body["events"] = .array(events.map(JSONValue.string)) }
            let answer = try await one.place.api().put(one.path(), .object(body))
            one.output.print(answer) { "\(Cells.text(answer, "name")) is changed." }
        }
    }

    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "A new secret, shown this once; for a day the one before signs as well.",
            discussion: "Exit codes: 0 renewed; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws {
            try await one.act("rotate") {
                "\(Cells.text($0, "secret"))\nThe secret before signs as well until \(Cells.time($0, "overlapsUntil"))."
            }
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send nothing until it is resumed; what happens meanwhile is held.",
            discussion: "Exit codes: 0 paused; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws { try await one.act("pause") { "\(Cells.text($0, "name")) is paused." } }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send again, what was held first.", discussion: "Exit codes: 0 resumed; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws {
            try await one.act("resume") {
                "\(Cells.text($0, "name")) is active; \(Cells.text($0, "sent")) held messages go first."
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Remove it for good.", discussion: "Exit codes: 0 removed; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws { try await one.act("remove") { "\(Cells.text($0, "name")) is removed." } }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a test event like any other.", discussion: "Exit codes: 0 on its way; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        func run() async throws { try await one.act("test") { "On its way as \(Cells.text($0, "message"))." } }
    }

    struct Deliveries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What was sent, newest first, with the last answer.",
            discussion: "Exit codes: 0 listed; 1 you may not see it; 2 no answer.")

        @OptionGroup var one: One

        @Option(help: "Only those that are queued, held, delivered or failed.")
        var state: String?

        @Option(help: "At most so many.")
        var limit = 50

        func validate() throws {
            guard (1...1000).contains(limit) else { throw ValidationError("--limit is 1 to 1000.") }
        }

        func run() async throws {
            let rows = try await one.place.api().items(
                one.path("deliveries"), state.map { [("state", $0)] } ?? [], limit: limit)
            one.output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["HAPPENED", "EVENT", "ABOUT", "STATE", "ATTEMPTS", "LAST ANSWER", "ID"],
                    rows.map { row in
                        let last = row["log"]?.array?.last
                        let answer = last.map { "\($0["status"]?.text ?? Cells.text($0, "outcome")) \(Cells.text($0, "answer"))" }
                        return [
                            Cells.time(row, "at"), Cells.text(row, "type"), Cells.text(row, "subject"), Cells.text(row, "state"),
                            Cells.text(row, "attempts"), answer ?? "", Cells.text(row, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct Replay: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send one message, or those of a time, again under their ids.",
            discussion: "Exit codes: 0 on their way, or shown; 1 refused; 2 no answer.")

        @OptionGroup var one: One

        @Option(help: "One message, by its id.")
        var message: String?

        @Option(help: "The first instant, such as 2026-11-01T00:00:00Z.")
        var from: String?

        @Option(help: "The first instant after.")
        var to: String?

        @Option(name: [.customLong("state")], help: "held, failed or delivered; may be given several times; failed unless given.")
        var states: [String] = []

        @Flag(help: "Say how many that would be, and send nothing.")
        var preview = false

        func validate() throws {
            guard (message == nil) == (from != nil && to != nil), message == nil || !preview else {
                throw ValidationError("Name --message, or --from and --to.")
            }
        }

        func run() async throws {
            let api = try one.place.api()
            if let message {
                let answer = try await api.post(one.path("deliveries/\(ServerAPI.escaped(message))/replay"), [:])
                return one.output.print(answer) { "\(Cells.text(answer, "sent")) on its way." }
            }
            let states = states.isEmpty ? ["failed"] : states
            let range = [("from", from ?? ""), ("to", to ?? "")]
            if preview {
                let answer = try await api.get(one.path("replay"), range + [("states", states.joined(separator: ","))])
                return one.output.print(answer) {
                    "\(Cells.text(answer, "sent")) would be sent; in that time: \(answer["counts"]?.text ?? "")"
                }
            }
            var body = JSONObject(range.map { (key: $0.0, value: JSONValue.string($0.1)) })
            body["states"] = .array(states.map(JSONValue.string))
            let answer = try await api.post(one.path("replay"), .object(body))
            one.output.print(answer) { "\(Cells.text(answer, "sent")) on their way." }
        }
    }
}
