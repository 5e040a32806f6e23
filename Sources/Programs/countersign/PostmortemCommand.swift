import ArgumentParser
import Kernel
import Showcase

/// `countersign postmortem`: what is written after trouble, and what was promised in it.
struct PostmortemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "postmortem", abstract: "Write, review and publish post-mortems, and follow their actions up.",
        discussion: """
            countersign postmortem draft INCIDENT
            countersign postmortem write ID --section cause --text-from cause.md
            countersign postmortem action add ID --title "Alert earlier." --owner saskia-brandt --due 2026-12-24
            countersign postmortem submit ID
            countersign postmortem publish ID
            Whoever has written part of it cannot publish it. Exit codes: 0 done; 1 refused, with the reason; 2 no answer.
            """,
        subcommands: [
            List.self, Show.self, Draft.self, Write.self, Facts.self, Submit.self, Return.self, Publish.self, ActionCommand.self,
        ])

    /// Sends one change to wherever the post-mortem is, and says where it stands.
    fileprivate static func change(_ id: String, _ verb: String, _ body: JSONValue, _ choice: ScopeChoice) async throws {
        let path = "postmortems/\(ServerAPI.escaped(id))"
        let (place, _) = try await choice.find(path, permission: "incidents.manage")
        Terminal.print(line(try await place.post("\(path)/\(verb)", body)))
    }

    fileprivate static func line(_ json: JSONValue) -> String {
        let numbers = (json["numbers"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
        var text = "The post-mortem \(Cells.text(json, "id")) of \(numbers) is \(Cells.text(json, "state"))"
        let missing = (json["missing"]?.array ?? []).compactMap(\.string)
        if !missing.isEmpty { text += "; still to be written: \(missing.joined(separator: ", "))" }
        return text + "; open actions: \(Cells.text(json, "openActions"))."
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Post-mortems, newest first, with what is still to be done.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "incidents.read") {
                rows += try await place.items("postmortems").map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["TENANT", "INCIDENTS", "STATE", "OPEN", "OVERDUE", "ID"],
                    rows.map { row in
                        [row.scope, (row.json["numbers"]?.array ?? []).compactMap(\.string).joined(separator: " ")]
                            + ["state", "openActions", "overdueActions", "id"].map { Cells.text(row.json, $0) }
                    }, width: Terminal.width)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show one as Markdown, or with -o json or yaml with everything that is kept of it.")

        @Argument(help: "Its id.")
        var id: String

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            let path = "postmortems/\(ServerAPI.escaped(id))"
            let (place, json) = try await choice.find(path, permission: "incidents.read")
            let text = String(decoding: try await place.server.bytes(place.path("\(path)/document")), as: UTF8.self)
            output.print(json) { text }
        }
    }

    struct Draft: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin one for incidents of one tenant that are over, with what the facts say by themselves.")

        @Argument(help: "The ids of the incidents, at most 10.")
        var incidents: [String]

        @OptionGroup var choice: ScopeChoice

        func validate() throws {
            if incidents.isEmpty { throw ValidationError("Name at least one incident.") }
        }

        func run() async throws {
            let (place, _) = try await choice.find("incidents/\(ServerAPI.escaped(incidents[0]))", permission: "incidents.manage")
            let json = try await place.post("postmortems", ["incidents": .array(incidents.map(JSONValue.string))])
            Terminal.print(line(json))
        }
    }

    struct Write: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write one section of a draft; what stood in it is replaced.",
            discussion: "Sections: summary, impact, detection, response, cause, went-well, went-badly, lessons.")

        static let bytesMax = 65_536

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "The section.")
        var section: String

        @Option(help: "The text.")
        var text: String?

        @Option(help: "A file with the text, - for the standard input.")
        var textFrom: String?

        @OptionGroup var choice: ScopeChoice

        func validate() throws {
            if (text == nil) == (textFrom == nil) { throw ValidationError("Give --text or --text-from.") }
        }

        func run() async throws {
            var words = text ?? ""
            if let textFrom {
                words = String(decoding: try InputFile.bytes(textFrom, maxBytes: Write.bytesMax), as: UTF8.self)
            }
            try await change(id, "sections", ["section": .string(section), "text": .string(words)], choice)
        }
    }

    struct Facts: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Look the facts of a draft up again.")

        @Argument(help: "Its id.")
        var id: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "facts", [:], choice) }
    }

    struct Submit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hand the draft to somebody who has written none of it.")

        @Argument(help: "Its id.")
        var id: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "submit", [:], choice) }
    }

    struct Return: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make it a draft again, with the reason.")

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "What is missing.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "return", ["reason": .string(reason)], choice) }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say that you have reviewed it; it is published and locked.")

        @Argument(help: "Its id.")
        var id: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "publish", [:], choice) }
    }
}

/// `countersign postmortem action`: what somebody has promised to do until a day.
struct ActionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "action", abstract: "Add an action to a draft, settle one, or give it another day or owner.",
        subcommands: [Add.self, Settle.self, Move.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add an action to a draft.")

        @Argument(help: "The post-mortem's id.")
        var id: String

        @Option(help: "What will be done.")
        var title: String

        @Option(help: "By whom, by short name.")
        var owner: String

        @Option(help: "Until when, YYYY-MM-DD.")
        var due: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws {
            try await PostmortemCommand.change(
                id, "actions", ["title": .string(title), "owner": .string(owner), "due": .string(due)], choice)
        }
    }

    struct Settle: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say that an action is done, or why it is dropped.")

        @Argument(help: "The post-mortem's id.")
        var id: String

        @Argument(help: "The action's number.")
        var number: Int

        @Option(name: .customLong("as"), help: "done or dropped.")
        var ending: String

        @Option(help: "What was done, or why it is dropped.")
        var note: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws {
            try await PostmortemCommand.change(
                id, "actions/\(number)/settle", ["as": .string(ending), "note": .string(note)], choice)
        }
    }

    struct Move: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Give an open action another day or owner, with the reason.")

        @Argument(help: "The post-mortem's id.")
        var id: String

        @Argument(help: "The action's number.")
        var number: Int

        @Option(help: "By whom, by short name.")
        var owner: String

        @Option(help: "Until when, YYYY-MM-DD.")
        var due: String

        @Option(help: "Why.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws {
            try await PostmortemCommand.change(
                id, "actions/\(number)/move",
                ["owner": .string(owner), "due": .string(due), "reason": .string(reason)], choice)
        }
    }
}
