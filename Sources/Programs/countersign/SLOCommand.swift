import ArgumentParser
import Assets
import Kernel
import ServiceLevels
import Showcase

/// `countersign slo`: error budgets of a tenant's objectives, and documents in the form of OpenSLO.
struct SLOCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slo", abstract: "See error budgets and how fast they burn; exchange them as OpenSLO documents.",
        discussion: """
            countersign slo list
            countersign slo show approval-cycle --tenant meridian
            countersign slo explain approval-cycle --tenant meridian | countersign sla explain -
            countersign slo export --tenant meridian > meridian.openslo.yaml
            countersign slo import theirs.yaml
            """,
        subcommands: [List.self, Show.self, Explain.self, Export.self, Import.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Objectives with an error budget, and what this month has used of it.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "service.read") {
                rows += (try await place.get("slos")["items"]?.array ?? []).map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["TENANT", "OBJECTIVE", "AT LEAST", "CASES", "BAD", "SPENT", "LEFT", "ALARMS"],
                    rows.map { row in
                        [
                            row.scope, Cells.text(row.json, "name"), Cells.text(row.json, "objective"),
                            Cells.text(row.json, "budget/n"), Cells.text(row.json, "budget/bad"), SLOText.spent(row.json),
                            Cells.text(row.json, "budget/casesLeft"), SLOText.alarms(row.json),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    /// One objective of one tenant.
    struct Target: ParsableArguments {
        @Argument(help: "The objective's name, such as approval-cycle.")
        var name: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func get(_ path: String = "") async throws -> JSONValue {
            try await TenantAPI(try server.api(), tenant).get("slos/\(ServerAPI.escaped(name))\(path)")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One objective: its budget, when it is used up, and each pair of windows with the factor that fires it.",
            discussion: "Exit codes: 0 shown; 1 not there; 2 no answer.")

        @OptionGroup var target: Target
        @OptionGroup var output: OutputOption

        func run() async throws {
            let json = try await target.get()
            guard output.form == .text else { return Terminal.print(json.prettyText) }
            Terminal.print(SLOText.whole(json))
        }
    }

    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the document from which `countersign sla explain` computes the same figures without the server.",
            discussion: "Exit codes: 0 printed; 1 not there; 2 no answer.")

        @OptionGroup var target: Target

        func run() async throws { Terminal.print((try await target.get("/explain")["document"] ?? .null).prettyText) }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a tenant's objectives as documents of OpenSLO v1.",
            discussion: """
                Each pair of windows becomes two alert policies, since the format has no condition on two windows at once.
                Exit codes: 0 written; 1 you may not see them; 2 no answer.
                """)

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let items = try await TenantAPI(try server.api(), tenant).get("slos")["items"]?.array ?? []
            let objectives = items.compactMap { item -> PortableObjective? in
                guard let name = item["name"]?.string, let share = item["objective"]?.string.flatMap({ ExactDecimal($0) }),
                    let read = ServiceShare(share, quietBelowCases: item["quietBelowCases"]?.int ?? 0)
                else { return nil }
                return PortableObjective(
                    name: name, title: item["title"]?.string ?? name, targetSeconds: item["targetSeconds"]?.int64 ?? 1,
                    share: read, measures: item["measures"]?.string.flatMap { ContractMeasure(rawValue: $0) } ?? .runClock,
                    severities: item["severities"]?.array?.compactMap(\.string))
            }
            let documents = OpenSLO.documents(
                service: tenant, timeZone: items.first?["timezone"]?.string ?? "UTC", objectives)
            Terminal.print(documents.map { BlockYAML.text($0) }.joined(separator: "---\n"))
        }
    }

    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Turn documents of OpenSLO v1 into the lines of a contract, without a server.",
            discussion: """
                Prints the lines of `objectives:`. Whatever has no counterpart here is told with its place, and then nothing is
                printed: a promise that means something else than what was read would be worse than none.
                Exit codes: 0 printed; 1 something has no counterpart; 2 the file cannot be read.
                """)

        @Argument(help: "The file; - for standard input.")
        var file: String

        func run() throws {
            let name = file == "-" ? "standard input" : file
            let bytes = try InputFile.bytes(file, maxBytes: AssetBounds.fileBytesMax)
            let read = YAMLSource.readAll(bytes, path: name, max: OpenSLO.documentsMax)
            var found = read.issues
            var objectives: [PortableObjective] = []
            for document in read.documents {
                var issues: [AssetIssue] = []
                if let objective = OpenSLO.read(document.json, issues: &issues) { objectives.append(objective) }
                found += issues.map {
                    LocatedIssue(file: name, mark: document.mark(for: $0.pointer), message: $0.message, remedy: $0.remedy)
                }
            }
            for (index, objective) in objectives.enumerated()
            where objectives[..<index].contains(where: { $0.name == objective.name }) {
                found.append(
                    LocatedIssue(
                        file: name, message: "Two objectives are about the clock \(objective.name).",
                        remedy: "A contract has one; keep the one that was signed."))
            }
            guard found.isEmpty else {
                for issue in found { Terminal.complain(issue.description) }
                throw BadAnswer()
            }
            guard !objectives.isEmpty else { throw BadAnswer("\(name) has no document of the kind SLO.") }
            Terminal.print((["objectives:"] + objectives.map(\.contractLines)).joined(separator: "\n"))
        }
    }
}

/// Budgets as text.
enum SLOText {
    static func spent(_ json: JSONValue) -> String {
        let permille = json["budget"]?["spentPermille"]?.int ?? 0
        return "\(permille / 10).\(permille % 10) %"
    }

    static func alarms(_ json: JSONValue) -> String {
        let names = (json["alarms"]?.array ?? []).compactMap(\.string)
        return names.isEmpty ? "-" : names.joined(separator: ", ")
    }

    static func whole(_ json: JSONValue) -> String {
        let bad = Cells.text(json, "budget/bad")
        var lines = [
            "\(Cells.text(json, "title")): \(Cells.text(json, "objective")) of the cases "
                + (json["measures"]?.string == ContractMeasure.touchless.rawValue
                    ? "untouched" : "within " + ServiceDuration.text(json["targetSeconds"]?.int64 ?? 0))
                + ", contract version \(Cells.text(json, "contractVersion"))",
            "From \(Cells.text(json, "period/from")) to \(Cells.text(json, "period/to")): \(bad) of "
                + "\(Cells.text(json, "budget/n")) decided cases missed, \(spent(json)) of the budget.",
            "May still miss: \(Cells.text(json, "budget/casesLeft")). Used up at this pace: "
                + (json["usedUpAt"]?.string ?? "not this month") + ".",
            "Alarms: \(alarms(json))", "",
        ]
        let rows = (json["pairs"]?.array ?? []).map { pair -> [String] in
            let isSlices = pair["judgedBy"]?.string == "slices"
            func burn(_ side: String) -> String {
                let parts =
                    isSlices
                    ? "\(Cells.text(pair, "\(side)/badSlices")) of \(Cells.text(pair, "\(side)/slices"))"
                    : "\(Cells.text(pair, "\(side)/bad")) of "
                        + "\((pair[side]?["bad"]?.int ?? 0) + (pair[side]?["good"]?.int ?? 0))"
                return "\(Cells.text(pair, "\(side)/burn")) (\(parts))"
            }
            return [
                Cells.text(pair, "pair"), Cells.text(pair, "response"), burn("long"), burn("short"), Cells.text(pair, "judgedBy"),
                pair["fires"]?.bool == true ? "fires" : "quiet",
            ]
        }
        lines.append(Terminal.table(["PAIR", "ANSWER", "LONG", "SHORT", "JUDGED BY", "NOW"], rows, width: Terminal.width))
        return lines.joined(separator: "\n")
    }
}

/// JSON as YAML in blocks, as people read such documents. Texts are quoted as JSON quotes them, which YAML reads alike.
enum BlockYAML {
    static func text(_ json: JSONValue) -> String { lines(json).joined(separator: "\n") + "\n" }

    private static func lines(_ json: JSONValue) -> [String] {
        switch json {
        case .object(let object) where !object.isEmpty:
            object.members.flatMap { member -> [String] in
                let inner = lines(member.value)
                guard isBlock(member.value) else { return ["\(member.key): \(inner.joined())"] }
                return ["\(member.key):"] + inner.map { "  " + $0 }
            }
        case .array(let items) where !items.isEmpty:
            items.flatMap { item -> [String] in
                let inner = lines(item)
                return inner.enumerated().map { ($0.offset == 0 ? "- " : "  ") + $0.element }
            }
        case .object: ["{}"]
        case .array: ["[]"]
        case .null, .bool, .number, .string: [json.text]
        }
    }

    private static func isBlock(_ json: JSONValue) -> Bool {
        switch json {
        case .object(let object): !object.isEmpty
        case .array(let items): !items.isEmpty
        case .null, .bool, .number, .string: false
        }
    }
}
