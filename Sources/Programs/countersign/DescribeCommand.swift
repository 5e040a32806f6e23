import ArgumentParser
import Kernel
import Showcase

/// `countersign describe`: one thing with everything about it.
struct DescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Show one run, approval, exception or incident with its history.",
        discussion: """
            A run is also found by its invoice's number. Times are UTC.
            Exit codes: 0 shown; 1 there is no such thing for you; 2 no answer.
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable { case run, approval, exception, incident }

    @Argument(help: "What it is: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: Kind

    @Argument(help: "Its id, or for a run the invoice's number.")
    var id: String

    @OptionGroup var choice: ScopeChoice
    @OptionGroup var output: ListOutput

    func run() async throws {
        switch kind {
        case .run: try await describeRun()
        case .approval: try await describe("approvals", permission: "approvals.read")
        case .exception: try await describe("exceptions", permission: "exceptions.read")
        case .incident: try await describe("incidents", permission: "incidents.read")
        }
    }

    private func describe(_ list: String, permission: String) async throws {
        let (_, json) = try await choice.find("\(list)/\(ServerAPI.escaped(id))", permission: permission)
        output.print(json) {
            var text = Sheet.members(of: json)
            let lines = (json["timeline"]?.array ?? []).map {
                [Cells.time($0, "at"), Cells.text($0, "kind"), Cells.text($0, "text")]
            }
            if !lines.isEmpty { text += "\n\n" + Terminal.table(["AT", "KIND", "WHAT"], lines, width: Terminal.width) }
            return text
        }
    }

    private func describeRun() async throws {
        let (place, json) = try await foundRun(id, choice)
        let history = try await place.history(Cells.text(json, "id"))
        var whole = json.object ?? [:]
        whole["history"] = .array(history.map(\.json))
        output.print(.object(whole)) {
            var text = Sheet.members(of: json)
            for (name, listing) in [("requests", Listing.approvals), ("tasks", .tasks), ("clocks", .clocks)] {
                let rows = (json[name]?.array ?? []).map { (scope: "", json: $0) }
                if !rows.isEmpty { text += "\n\n\(Terminal.styled(name, .bold))\n" + listing.table(rows, showsScope: false) }
            }
            let inside = (json["children"]?.array ?? []).map {
                [Cells.text($0, "run"), Cells.text($0, "workflow"), Cells.text($0, "step")]
            }
            if !inside.isEmpty {
                text += "\n\n\(Terminal.styled("runs inside", .bold))\n"
                text += Terminal.table(["RUN", "WORKFLOW", "STEP"], inside, width: Terminal.width)
            }
            let waits = (json["waitsFor"]?.array ?? []).map { wait in
                let keys = (wait["keys"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
                return [Cells.text(wait, "type"), keys, Cells.text(wait, "step"), Cells.time(wait, "since")]
            }
            if !waits.isEmpty {
                text += "\n\n\(Terminal.styled("waits for events", .bold))\n"
                text += Terminal.table(["TYPE", "WITH", "STEP", "SINCE"], waits, width: Terminal.width)
            }
            return text + "\n\n" + HistoryText.table(history)
        }
    }
}

/// A run by its id or its invoice's number.
func foundRun(_ name: String, _ choice: ScopeChoice) async throws -> (place: TenantAPI, json: JSONValue) {
    if RunID(name) != nil { return try await choice.find("runs/\(name)", permission: "runs.read") }
    for place in try await choice.scopes(permission: "runs.read") {
        if let run = try await place.runs(containing: name, limit: 200).first(where: { sameBytes($0.subject, name) }) {
            return (place, try await place.run(run.id))
        }
    }
    throw BadAnswer("No run you may see has the number \(name).")
}

/// An object as lines `name: value`; lists and large members are left to `-o json`.
enum Sheet {
    static let nestedMax = 2

    static func members(of json: JSONValue) -> String {
        var lines: [(String, String)] = []
        collect(json, "", 0, &lines)
        let width = lines.map(\.0.count).max() ?? 0
        return lines.map { $0.0 + String(repeating: " ", count: width - $0.0.count + 2) + $0.1 }.joined(separator: "\n")
    }

    private static func collect(_ json: JSONValue, _ prefix: String, _ depth: Int, _ lines: inout [(String, String)]) {
        for member in json.object ?? [:] {
            let name = prefix + member.key
            switch member.value {
            case .null, .array: continue
            case .object:
                let amount = Cells.amount(member.value)
                if !amount.isEmpty {
                    lines.append((name, amount))
                } else if depth < nestedMax {
                    collect(member.value, name + ".", depth + 1, &lines)
                }
            case .string(let text): lines.append((name, text))
            case let other: lines.append((name, other.text))
            }
        }
    }
}

/// The lines of a run's history.
enum HistoryText {
    static func table(_ lines: [HistoryLine]) -> String {
        Terminal.table(
            ["AT", "WHAT", "STEP", "SUMMARY"], lines.map { [Cells.time($0.json, "at"), $0.type, $0.step, $0.summary] },
            width: Terminal.width)
    }
}
