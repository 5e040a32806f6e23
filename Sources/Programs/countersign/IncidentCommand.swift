import ArgumentParser
import Kernel
import Showcase

/// `countersign incident`: what an engineer changes of an incident besides taking it on and ending it.
struct IncidentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "incident",
        abstract: "Change an incident, or see how fast incidents are answered and ended.",
        discussion: """
            countersign incident mitigate ID --reason "The old address answers again."
            countersign incident severity ID --as sev1 --reason "Three more tenants."
            countersign incident assign ID --as saskia-brandt
            countersign incident merge ID --into OTHER --reason "One ERP behind both."
            Exit codes: 0 changed; 1 refused, with the reason; 2 no answer.
            """,
        subcommands: [
            Mitigate.self, Reopen.self, SeverityChange.self, PriorityChange.self, Assign.self, Merge.self, Unmerge.self,
            Note.self,
            Figures.self,
            Export.self,
        ])

    /// Sends one change to wherever the incident is.
    private static func change(_ id: String, _ verb: String, _ body: JSONValue, _ choice: ScopeChoice) async throws {
        let (place, _) = try await choice.find("incidents/\(ServerAPI.escaped(id))", permission: "incidents.manage")
        let incident = IncidentView(try await place.post("incidents/\(ServerAPI.escaped(id))/\(verb)", body))
        let state = incident.json["mergedInto"]?.string.map { "merged into \($0)" } ?? incident.state
        Terminal.print("INC-\(incident.number) is \(state), \(incident.severity): \(incident.title)")
    }

    struct Mitigate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Say that tenants no longer suffer; the escalation stops.")

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "Why they no longer suffer.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "mitigate", ["text": .string(reason)], choice) }
    }

    struct Reopen: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Open a resolved incident again; people are told anew.")

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "Why it is not over.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "reopen", ["reason": .string(reason)], choice) }
    }

    struct SeverityChange: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "severity", abstract: "Raise or lower the severity; raising it tells people.")

        @Argument(help: "Its id.")
        var id: String

        @Option(name: .customLong("as"), help: "sev1, sev2, sev3 or sev4.")
        var severity: String

        @Option(help: "Why.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws {
            try await change(id, "severity", ["severity": .string(severity), "reason": .string(reason)], choice)
        }
    }

    struct PriorityChange: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "priority", abstract: "Set the order of work apart from the severity.")

        @Argument(help: "Its id.")
        var id: String

        @Option(name: .customLong("as"), help: "p1, p2, p3 or p4.")
        var priority: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "priority", ["priority": .string(priority)], choice) }
    }

    struct Assign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give an incident to one of the operator's people, who is told.")

        @Argument(help: "Its id.")
        var id: String

        @Option(name: .customLong("as"), help: "The person, by short name.")
        var person: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "assign", ["person": .string(person)], choice) }
    }

    struct Merge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Merge an incident into another that is the same trouble; its later alerts go there.",
            discussion: """
                Both are open and of one tenant. The merged one comes to rest and its pages stop; the times to acknowledge and to
                resolve count once, from the earliest opening of both. Exit codes: 0 merged; 1 refused; 2 no answer.
                """)

        @Argument(help: "The id of the one that comes to rest.")
        var id: String

        @Option(help: "The id of the one that goes on.")
        var into: String

        @Option(help: "Why they are one trouble.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "merge", ["into": .string(into), "reason": .string(reason)], choice) }
    }

    struct Unmerge: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a merged incident out again, with the alerts that came for it meanwhile.")

        @Argument(help: "The id of the merged one.")
        var id: String

        @Option(help: "Why it is a trouble of its own.")
        var reason: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "unmerge", ["reason": .string(reason)], choice) }
    }

    struct Note: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a line to the timeline.")

        @Argument(help: "Its id.")
        var id: String

        @Option(help: "The line.")
        var text: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws { try await change(id, "notes", ["text": .string(text)], choice) }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write every incident of one tenant to the standard output, oldest first, as NDJSON or CSV.",
            discussion: """
                The line on the standard error is the cursor to go on from another day (--after).
                Exit codes: 0 written; 1 you may not see them; 2 no answer.
                """)

        enum Form: String, ExpressibleByArgument, CaseIterable { case ndjson, csv }

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @Option(help: "ndjson or csv.")
        var format = Form.ndjson

        @Option(help: "The cursor of an earlier export: only what was opened after it.")
        var after: String?

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let place = TenantAPI(try server.api(), tenant)
            var cursor = after
            var isFirst = true
            while true {
                let page = try await place.exported(
                    "incidents/export", [("format", format.rawValue)] + (cursor.map { [("cursor", $0)] } ?? []))
                var text = Substring(page.text)
                // The headings of a table stand once.
                if format == .csv, !isFirst { text = text.drop { !$0.isNewline }.dropFirst() }
                Terminal.put(String(text))
                isFirst = false
                guard let next = page.next else { break }
                cursor = next
            }
            if let cursor { Terminal.complain("cursor \(cursor)") }
        }
    }

    struct Figures: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how fast the incidents of the last 90 days were acknowledged and resolved.",
            discussion: """
                The median, the time within which nine of ten were, how many are counted and how many are left out because
                they have not come so far. There is no mean. Exit codes: 0 shown; 1 you may not see it; 2 no answer.
                """)

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: OutputOption

        func run() async throws {
            var rows: [[String]] = []
            var answers: JSONObject = [:]
            for place in try await choice.scopes(permission: "incidents.read") {
                let json = try await place.get("incidents/figures")
                answers[place.slug] = json
                for name in ["acknowledge", "resolve"] {
                    func text(_ member: String) -> String { json[name]?[member]?.int.map { "\($0)" } ?? "-" }
                    rows.append([place.slug, name, text("medianSeconds"), text("p90Seconds"), text("n"), text("excluded")])
                }
            }
            if output.form == .json { return Terminal.print(JSONValue.object(answers).prettyText) }
            Terminal.print(
                Terminal.table(["TENANT", "TO", "MEDIAN S", "P90 S", "N", "LEFT OUT"], rows, width: Terminal.width))
        }
    }
}
