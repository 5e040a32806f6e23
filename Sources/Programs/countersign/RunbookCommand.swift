import ArgumentParser
import Glibc
import Kernel
import Showcase

/// `countersign runbook`: following a runbook from the command line.
struct RunbookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runbook", abstract: "Follow a runbook: look at each step, confirm what was shown, and see what was done.",
        discussion: """
            countersign runbook list --tenant meridian
            countersign runbook start INCIDENT
            countersign runbook do EXECUTION
            countersign runbook do EXECUTION --confirm HASH
            Nothing is done before it is confirmed, and only what was shown is done. A drill (start ALERT --drill) shows
            everything and does nothing. Exit codes: 0 done; 1 refused, with the reason; 2 no answer.
            """,
        subcommands: [List.self, Show.self, Start.self, Do.self, Status.self, Drills.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Runbooks with their drills, those that are due first; or with --followed those that are or were followed.")

        @Flag(help: "The runbooks that are or were followed, newest first.")
        var followed = false

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [JSONValue] = []
            for place in try await choice.scopes(permission: "incidents.read") {
                let found =
                    try await followed
                    ? place.items("runbook-executions", limit: 200) : place.get("runbooks")["items"]?.array ?? []
                rows += found.map { row in
                    var object = row.object ?? [:]
                    object["tenant"] = .string(place.slug)
                    return .object(object)
                }
            }
            if !followed { rows = rows.filter { $0["isDrillDue"] == true } + rows.filter { $0["isDrillDue"] != true } }
            let (heads, members) =
                followed
                ? (
                    ["TENANT", "ID", "ALERT", "DRILL", "STATE", "STEP"], ["tenant", "id", "alert", "isDrill", "state", "current"]
                )
                : (
                    ["TENANT", "ALERT", "TITLE", "OWNER", "DRILLED", "DAYS AGO", "DUE", "NOW"],
                    ["tenant", "alert", "title", "owner", "drilled", "drillAgeDays", "drillDue", "isDrillDue"]
                )
            output.print(["items": .array(rows)]) {
                Terminal.table(heads, rows.map { row in members.map { Cells.text(row, $0) } }, width: Terminal.width)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the steps of an alert's runbook, their verbs and what they take.")

        @Argument(help: "The alert, such as dead-letter.")
        var alert: String

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            let (_, json) = try await choice.find("runbooks/\(ServerAPI.escaped(alert))", permission: "incidents.read")
            output.print(json) {
                var lines = [
                    "\(Cells.text(json, "title")), version \(Cells.text(json, "version")): \(Cells.text(json, "summary"))"
                ]
                for step in json["steps"]?.array ?? [] {
                    lines.append("\(Cells.text(step, "step")). \(Cells.text(step, "title"))  [\(Cells.text(step, "verb"))]")
                    lines += RunbookText.given(step)
                    lines.append("   \(Cells.text(step, "text"))")
                }
                return lines.joined(separator: "\n")
            }
        }
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin to follow an incident's runbook, take up what a colleague has begun, or begin a drill.")

        @Argument(help: "The incident's id; with --drill the alert.")
        var subject: String

        @Flag(help: "A drill: everything is shown, nothing is done. Name one tenant.")
        var drill = false

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func validate() throws {
            if drill, choice.tenant == nil { throw ValidationError("A drill is done in one tenant; name it by --tenant.") }
        }

        func run() async throws {
            let subject = ServerAPI.escaped(subject)
            let json: JSONValue
            if drill {
                let place = try await choice.scopes(permission: "incidents.manage")[0]
                json = try await place.post("runbooks/\(subject)/drills", [:])
            } else {
                let (place, _) = try await choice.find("incidents/\(subject)", permission: "incidents.manage")
                json = try await place.post("incidents/\(subject)/runbook", [:])
            }
            output.print(json) { RunbookText.whole(json) }
        }
    }

    struct Do: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "do", abstract: "Do the next step: look at it, confirm what was shown, or say what became of it.",
            discussion: "Without --confirm, --done, --skip, --fail or --again the step is looked at and nothing is changed.")

        @Argument(help: "The execution's id.")
        var id: String

        @Option(help: "The number of the step; the next one unless given.")
        var step: Int?

        @Option(name: .customLong("set"), help: "NAME=VALUE, what the verb shall be given. May be given several times.")
        var values: [String] = []

        @Option(help: "Do what was shown, by its hash.")
        var confirm: String?

        @Option(help: "With --confirm: a file with the secret that the step asks for, - for the standard input.")
        var secretFrom: String?

        @Flag(help: "It is done by hand, or was seen.")
        var done = false

        @Option(help: "Skip it, and why.")
        var skip: String?

        @Option(help: "It did not work, and why.")
        var fail: String?

        @Flag(help: "A step that was skipped, failed or taken back is to be done after all.")
        var again = false

        @Flag(help: "Look at taking a step back; confirm that by its hash.")
        var undo = false

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func validate() throws {
            let acts = [confirm != nil, done, skip != nil, fail != nil, again, undo].count { $0 }
            if acts > 1 { throw ValidationError("Say one thing: --confirm, --done, --skip, --fail, --again or --undo.") }
            if (undo || again) && step == nil { throw ValidationError("Name the step by --step.") }
            if secretFrom != nil && confirm == nil { throw ValidationError("A secret is handed in with --confirm.") }
        }

        func run() async throws {
            let path = "runbook-executions/\(ServerAPI.escaped(id))"
            let (place, before) = try await choice.find(path, permission: "incidents.manage")
            guard let number = step ?? before["current"]?.int else { throw BadAnswer("No step is left.") }
            let json = try await place.post("\(path)/steps/\(number)/\(try verb)", try body())
            output.print(json) { RunbookText.whole(json, looking: number) }
        }

        private var verb: String {
            get throws { confirm != nil ? "confirm" : done || skip != nil || fail != nil || again ? "settle" : "preview" }
        }

        private func body() throws -> JSONValue {
            if let confirm {
                let secret = try secretFrom.map { path in
                    let bytes = try FileBytes.read(path == "-" ? "/dev/stdin" : path, maxBytes: 4097)
                    // The line's end is none of the secret.
                    return String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self)
                }
                return .object(["hash": .string(confirm), "secret": secret.map(JSONValue.string)])
            }
            if done { return ["as": "done"] }
            if again { return ["as": "again"] }
            if let skip { return ["as": "skipped", "reason": .string(skip)] }
            if let fail { return ["as": "failed", "reason": .string(fail)] }
            var given: [(key: String, value: JSONValue)] = []
            for value in values {
                let parts = value.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, !given.contains(where: { $0.key == parts[0] }) else {
                    throw BadAnswer("--set takes NAME=VALUE, each name once; \(value) is none.")
                }
                given.append((key: parts[0], value: .string(parts[1])))
            }
            return ["parameters": .object(JSONObject(given)), "undo": .bool(undo)]
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show an execution: what was done and by whom, and what is next.")

        @Argument(help: "The execution's id.")
        var id: String

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            let (_, json) = try await choice.find(
                "runbook-executions/\(ServerAPI.escaped(id))", permission: "incidents.read")
            output.print(json) { RunbookText.whole(json) }
        }
    }
}

/// An execution in words.
enum RunbookText {
    /// What a step is given, a line each.
    static func given(_ step: JSONValue) -> [String] {
        (step["parameters"]?.array ?? []).map { parameter in
            let value = parameter["value"]?.string ?? parameter["fact"]?.string.map { "{\($0)}" } ?? ""
            let must = parameter["isRequired"]?.bool == true ? ", has to be given" : ""
            return "   \(Cells.text(parameter, "name"))=\(value)\(value.isEmpty ? must : "")"
        }
    }

    static func whole(_ json: JSONValue, looking: Int? = nil) -> String {
        let drill = json["isDrill"]?.bool == true ? "drill " : ""
        var lines = ["\(drill)\(Cells.text(json, "id")): \(Cells.text(json, "title")), \(Cells.text(json, "state"))"]
        for step in json["steps"]?.array ?? [] {
            let ended = step["ended"].map { ended in
                let reason = Cells.text(ended, "reason")
                return "  \(Cells.text(ended, "at")) by \(Cells.text(ended, "by"))" + (reason.isEmpty ? "" : ", \(reason)")
            }
            lines.append(
                "  \(Cells.text(step, "step")). \(Cells.text(step, "title")): \(Cells.text(step, "state"))\(ended ?? "")")
            let isShown = step["step"]?.int == looking || step["step"] == json["current"]
            if isShown { lines += details(step, of: json) }
        }
        return lines.joined(separator: "\n")
    }

    private static func details(_ step: JSONValue, of json: JSONValue) -> [String] {
        let command = "countersign runbook do \(Cells.text(json, "id"))"
        var lines = ["     \(Cells.text(step, "text"))"]
        guard let preview = step["preview"] else {
            let isGuidance = step["verb"] == "guidance"
            if step["state"] == "open" {
                if !isGuidance { lines += given(step).map { "  \($0)" } }
                lines.append(
                    isGuidance
                        ? "     When it is done:  \(command) --done" : "     To look at \(Cells.text(step, "verb")):  \(command)")
            }
            return lines
        }
        lines.append("     \(Cells.text(preview, "shown/effect"))")
        for count in preview["shown"]?["counts"]?.array ?? [] {
            lines.append("     \(Cells.text(count, "count")) \(Cells.text(count, "what"))")
        }
        for example in preview["shown"]?["examples"]?.array ?? [] { lines.append("       \(example.string ?? "")") }
        let isUndo = preview["isUndo"]?.bool == true
        guard step["state"] == "shown" || isUndo else { return lines }
        if json["isDrill"]?.bool == true || step["verb"] == "test-connection" {
            lines.append("     When it is seen:  \(command) --done")
        } else {
            if preview["needsSecondPerson"]?.bool == true { lines.append("     Someone else has to confirm this.") }
            let place = isUndo ? " --step \(Cells.text(step, "step"))" : ""
            lines.append(
                "     To do it, before \(Cells.text(preview, "expiresAt")):  \(command)\(place)"
                    + " --confirm \(Cells.text(preview, "hash"))")
        }
        return lines
    }
}
