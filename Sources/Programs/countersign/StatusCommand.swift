import ArgumentParser
import Curl
import Kernel
import Showcase

/// `countersign status`: what readers of a status page are told.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Run a status page: components, notices, and what readers are told.",
        discussion: """
            countersign status set-up -t solara --title "Solara" --audience anybody
            countersign status component add "Posting to the ERP" -t solara --source connection:erp
            countersign status post -t solara --title "Posting is late" --impact major --component "Posting to the ERP" \\
                --publish "Postings wait. None is lost."
            countersign status update ID -t solara --phase resolved --publish "It is over."

            The scope is a tenant, a partner or the operator. Exit codes: 0 done; 1 refused; 2 no answer.
            """,
        subcommands: [
            List.self, Show.self, SetUp.self, Component.self, Post.self, Update.self, Edit.self, Publish.self, Subscriber.self,
            Deliveries.self,
        ], defaultSubcommand: Show.self)

    struct Place: ParsableArguments {
        @Option(
            name: [.customShort("t"), .customLong("tenant")], help: "A tenant, a partner or the operator, by its short name.")
        var scope: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), scope) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The page, its address and its components.")

        @OptionGroup var place: Place
        @OptionGroup var output: OutputOption

        func run() async throws {
            let json = try await place.api().get("status-page")
            guard output.form == .text else { return Terminal.print(json.prettyText) }
            guard let page = json["page"], !page.isNull else {
                return Terminal.print("There is no status page here yet; `countersign status set-up` makes one.")
            }
            Terminal.print(
                "\(page["title"]?.string ?? ""), for \(page["audience"]?.string ?? ""): \(page["address"]?.string ?? "")")
            let rows = (json["components"]?.array ?? []).map { row in
                [
                    row["name"]?.string ?? "", row["state"]?.string ?? "no data", row["source"]?.string ?? "",
                    row["set"]?["by"]?.string.map { "\($0), until \(row["set"]?["until"]?.string ?? "taken back")" } ?? "",
                    row["id"]?.string ?? "",
                ]
            }
            Terminal.print(Terminal.table(["COMPONENT", "STATE", "FROM", "SET BY", "ID"], rows, width: 160))
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Notices, newest first, drafts among them.")

        @OptionGroup var place: Place
        @Flag(help: "Those that are over too.")
        var all = false
        @OptionGroup var output: OutputOption

        func run() async throws {
            let items = try await place.api().items("status-page/notices", [("state", all ? "all" : "open")])
            guard output.form == .text else { return Terminal.print(JSONValue.array(items).prettyText) }
            let rows = items.map { item -> [String] in
                let last = item["updates"]?.array?.last
                let isDraft = last?["publishedAt"]?.isNull ?? true
                return [
                    item["id"]?.string ?? "", item["kind"]?.string ?? "", item["impact"]?.string ?? "",
                    (last?["phase"]?.string ?? "") + (isDraft ? ", draft" : ""), item["title"]?.string ?? "",
                ]
            }
            Terminal.print(Terminal.table(["ID", "KIND", "IMPACT", "LATEST", "TITLE"], rows, width: 160))
        }
    }

    struct SetUp: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set-up", abstract: "Make a page or change it; its address is printed.")

        @OptionGroup var place: Place
        @Option(help: "Its title.")
        var title: String
        @Option(help: "off, anybody or signed-in.")
        var audience = "signed-in"
        @Option(help: "An introduction.")
        var intro = ""
        @Option(help: "en, de or fr.")
        var language = "en"
        @Flag(help: "Show maintenance that the contract announces.")
        var announced = false

        func run() async throws {
            let api = try place.api()
            let before = try await api.get("status-page")["page"]
            let body: JSONValue = [
                "revision": before?["revision"] ?? 0, "title": .string(title), "audience": .string(audience),
                "intro": .string(intro), "language": .string(language), "showsAnnounced": .bool(announced),
                // What publishes by itself is set up with words, in the console or through the API, and stays as it is here.
                "rule": before?["rule"] ?? .null,
            ]
            let page = try await api.server.send(.put, api.path("status-page"), body, key: Idempotency.newKey())["page"]
            Terminal.print(page?["address"]?.string ?? "")
        }
    }

    struct Component: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Add a component, say by hand what it is, or take it off the page.",
            subcommands: [Add.self, Set.self, Retire.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Add a component; its id is printed.")

            @Argument(help: "Its name, as readers know it.")
            var name: String
            @OptionGroup var place: Place
            @Option(help: "hand, platform, platform:PART, connection:NAME or workflow:NAME.")
            var source = "hand"
            @Option(help: "What it is, in a sentence.")
            var description = ""

            func run() async throws {
                let made = try await place.api().post(
                    "status-page/components",
                    ["name": .string(name), "source": .string(source), "description": .string(description)])
                Terminal.print(made["id"]?.string ?? "")
            }
        }

        struct Set: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Say by hand what a component is; without a state the rule speaks again.")

            @Argument(help: "Its id, as `status show` lists it.")
            var id: String
            @OptionGroup var place: Place
            @Option(help: "operational, degraded, partial-outage, major-outage or maintenance.")
            var state: String?
            @Option(help: "Until when, as 2026-07-14T08:30:00Z.")
            var until: String?

            func run() async throws {
                var body = JSONObject()
                if let state { body["state"] = .string(state) }
                if let until { body["until"] = .string(until) }
                _ = try await place.api().post("status-page/components/\(ServerAPI.escaped(id))/set", .object(body))
                Terminal.print(state.map { "It is shown as \($0)." } ?? "The rule speaks again.")
            }
        }

        struct Retire: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Take a component off the page.")

            @Argument(help: "Its id, as `status show` lists it.")
            var id: String
            @OptionGroup var place: Place

            func run() async throws {
                _ = try await place.api().post("status-page/components/\(ServerAPI.escaped(id))/retire", [:])
                Terminal.print("It is off the page.")
            }
        }
    }

    struct Post: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin a notice; a draft unless --publish. Its id is printed.",
            discussion: "Planned maintenance has --starts and --ends; everything else is a disruption.")

        @Argument(help: "What readers are told.")
        var text: String
        @OptionGroup var place: Place
        @Option(help: "Its title; the usual words of the page's language without one.")
        var title: String?
        @Option(help: "none, minor, major or critical.")
        var impact: String?
        @Option(help: "A component's name; as often as there are.")
        var component: [String] = []
        @Option(help: "The incident that it is about; readers do not see it.")
        var incident: String?
        @Option(help: "When planned maintenance starts, as 2026-07-14T08:30:00Z.")
        var starts: String?
        @Option(help: "When planned maintenance ends.")
        var ends: String?
        @Flag(help: "Publish it at once.")
        var publish = false

        func run() async throws {
            var body: JSONObject = [
                "kind": starts == nil && ends == nil ? "incident" : "maintenance", "text": .string(text),
                "components": .array(component.map(JSONValue.string)), "publish": .bool(publish),
            ]
            let rest = [
                ("title", title), ("impact", impact), ("incident", incident), ("startsAt", starts), ("endsAt", ends),
            ]
            for (name, value) in rest {
                if let value { body[name] = .string(value) }
            }
            let made = try await place.api().post("status-page/notices", .object(body))
            Terminal.print(made["id"]?.string ?? "")
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add an update to a notice; a draft unless --publish.")

        @Argument(help: "The notice's id, as `status list` shows it.")
        var id: String
        @Argument(help: "What readers are told.")
        var text: String
        @OptionGroup var place: Place
        @Option(help: "investigating, identified, monitoring, resolved; of maintenance scheduled, in-progress, completed.")
        var phase: String
        @Flag(help: "Publish it at once.")
        var publish = false

        func run() async throws {
            let told = try await place.api().post(
                "status-page/notices/\(ServerAPI.escaped(id))/updates",
                ["phase": .string(phase), "text": .string(text), "publish": .bool(publish)])
            Terminal.print("Update \(told["updates"]?.array?.last?["number"]?.int ?? 0) is \(publish ? "published" : "a draft").")
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say an update in other words; those before are kept.")

        @Argument(help: "The notice's id.")
        var id: String
        @Argument(help: "The update's number.")
        var number: Int
        @Argument(help: "The new words.")
        var text: String
        @OptionGroup var place: Place
        @Flag(help: "Tell subscribers again.")
        var notify = false

        func run() async throws {
            let api = try place.api()
            let path = api.path("status-page/notices/\(ServerAPI.escaped(id))/updates/\(number)")
            let body: JSONValue = ["text": .string(text), "notify": .bool(notify)]
            _ = try await api.server.send(.put, path, body, key: Idempotency.newKey())
            Terminal.print("Readers see the new words.")
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Publish a draft.")

        @Argument(help: "The notice's id.")
        var id: String
        @Argument(help: "The update's number.")
        var number: Int
        @OptionGroup var place: Place

        func run() async throws {
            _ = try await place.api().post("status-page/notices/\(ServerAPI.escaped(id))/updates/\(number)/publish", [:])
            Terminal.print("Readers see it now.")
        }
    }
}
