import ArgumentParser
import Kernel
import Showcase

/// `countersign operation`: one act on many runs or dead letters.
struct OperationCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operation", abstract: "Do one thing to many runs or dead letters: look first, then confirm what was shown.",
        discussion: """
            countersign operation preview migrate --tenant meridian --workflow accounts-payable --version 1.1 --to 1.2 \\
              --reason "New matrix."
            countersign operation show ID --items
            countersign operation confirm ID --hash HASH
            Nothing is done before it is confirmed, and only what was shown is done. What a workflow wants two people for has to
            be confirmed by another person than who asked.
            """,
        subcommands: [Preview.self, Show.self, Confirm.self, Withdraw.self, List.self])

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case pause, resume, cancel, migrate, retry, discard

        /// Trying again is for those who may do nothing else.
        var path: String { self == .retry ? "retries" : "operations" }
        var permission: String { self == .retry ? "tasks.retry" : "runs.manage" }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what would be done to which runs or dead letters, and why not to some.",
            discussion: "Exit codes: 0 shown; 1 refused, or nothing matches; 2 no answer.")

        @Argument(help: "\(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
        var kind: Kind

        @Option(help: "One tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        @Option(help: "Only these; ids of runs, or of dead letters for retry and discard. May be given several times.")
        var id: [String] = []

        @Option(help: "Only runs in this phase.")
        var phase: String?

        @Option(help: "Only runs of this workflow.")
        var workflow: String?

        @Option(help: "Only runs that go by this version.")
        var version: String?

        @Option(name: .customLong("containing"), help: "Only runs whose number or counterparty contains this.")
        var text: String?

        @Option(help: "Only dead letters for this connection.")
        var connection: String?

        @Option(help: "Only dead letters that ended with this code.")
        var code: String?

        @Option(help: "Of a migration: the version to go over to.")
        var to: String?

        @Option(name: .customLong("map"), help: "Of a migration: OLD=NEW, a step that was renamed. May be given several times.")
        var mapping: [String] = []

        @Option(help: "Why; kept with each run.")
        var reason: String?

        func validate() throws {
            if kind == .migrate, to == nil { throw ValidationError("Say which version they go over to with --to.") }
            if kind != .migrate, to != nil || !mapping.isEmpty { throw ValidationError("--to and --map are for migrate.") }
            if ![.resume, .retry].contains(kind), reason == nil {
                throw ValidationError("Say why with --reason; it is kept with each of them.")
            }
            for pair in mapping where pair.split(separator: "=").count != 2 {
                throw ValidationError("--map is OLD=NEW, two paths of steps.")
            }
        }

        private var body: JSONValue {
            let isAboutRuns = kind != .retry && kind != .discard
            let select: JSONValue = .object([
                "ids": id.isEmpty ? nil : .array(id.map(JSONValue.string)),
                "phase": isAboutRuns ? phase.map(JSONValue.string) : nil,
                "workflow": isAboutRuns ? workflow.map(JSONValue.string) : nil,
                "version": isAboutRuns ? version.map(JSONValue.string) : nil, "q": isAboutRuns ? text.map(JSONValue.string) : nil,
                "connection": isAboutRuns ? nil : connection.map(JSONValue.string),
                "code": isAboutRuns ? nil : code.map(JSONValue.string),
            ])
            var steps: JSONObject = [:]
            for pair in mapping {
                let parts = pair.split(separator: "=").map(String.init)
                steps[parts[0]] = .string(parts[1])
            }
            return .object([
                "kind": .string(kind.rawValue), "select": select, "reason": reason.map(JSONValue.string),
                "version": to.map(JSONValue.string), "mapping": steps.isEmpty ? nil : .object(steps),
            ])
        }

        func run() async throws {
            let place = TenantAPI(try server.api(), tenant)
            let made = try await place.post(kind.path, body)
            output.print(made) { OperationText.whole(made) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One operation: what was shown, how far it is, and with --items what became of each.",
            discussion: "Exit codes: 0 shown; 1 not there; 2 no answer.")

        @Argument(help: "The operation's id.")
        var id: String

        @Flag(help: "Each item with its result.")
        var items = false

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            let (place, path, json) = try await choice.operation(id)
            guard items else { return output.print(json) { OperationText.whole(json) } }
            var rows: [JSONValue] = []
            var after: Int?
            repeat {
                let page = try await place.get("\(path)/items", after.map { [("after", "\($0)")] } ?? [])
                rows += page["items"]?.array ?? []
                after = page["next"]?.int
            } while after != nil
            output.print(.object(["operation": json, "items": .array(rows)])) {
                OperationText.whole(json) + "\n\n"
                    + Terminal.table(["", "STATE", "RUN", "SUBJECT", "WHAT"], rows.map(OperationText.row), width: Terminal.width)
            }
        }
    }

    struct Confirm: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Do what was shown.",
            discussion:
                "Exit codes: 0 it is under way; 1 refused: another hash, too old, or a second person is needed; 2 no answer.")

        @Argument(help: "The operation's id.")
        var id: String

        @Option(help: "The hash that the preview shows.")
        var hash: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws {
            let (place, path, _) = try await choice.operation(id)
            Terminal.print(OperationText.whole(try await place.post("\(path)/confirm", ["hash": .string(hash)])))
        }
    }

    struct Withdraw: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Put a preview away.", discussion: "Exit codes: 0 put away; 1 it was settled before; 2 no answer.")

        @Argument(help: "The operation's id.")
        var id: String

        @OptionGroup var choice: ScopeChoice

        func run() async throws {
            let (place, path, _) = try await choice.operation(id)
            _ = try await place.post("\(path)/withdraw", [:])
            Terminal.print("The preview is put away.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Operations, newest first.", discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        @Flag(help: "Those that try dead letters again.")
        var retries = false

        func run() async throws {
            let kind: Kind = retries ? .retry : .pause
            var rows: [JSONValue] = []
            for place in try await choice.scopes(permission: kind.permission) {
                rows += try await place.items(kind.path, limit: 200)
            }
            output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["ID", "KIND", "STATE", "DONE", "REFUSED", "LEFT", "BY"],
                    rows.map { row in
                        ["id", "kind", "state", "progress/done", "progress/refused", "progress/left", "madeBy"].map {
                            Cells.text(row, $0)
                        }
                    }, width: Terminal.width)
            }
        }
    }
}

extension ScopeChoice {
    /// An operation wherever it is, with its address there.
    fileprivate func operation(_ id: String) async throws -> (place: TenantAPI, path: String, json: JSONValue) {
        var last: (any Error)?
        for kind in [OperationCommand.Kind.pause, .retry] {
            let path = "\(kind.path)/\(ServerAPI.escaped(id))"
            do {
                let (place, json) = try await find(path, permission: kind.permission)
                return (place, path, json)
            } catch let problem as ServerProblem where problem.status == 404 {
                last = problem
            } catch let answer as BadAnswer {
                last = last ?? answer
            }
        }
        throw last ?? BadAnswer("There is nothing here by that name.")
    }
}

/// An operation in words.
enum OperationText {
    static func whole(_ json: JSONValue) -> String {
        func text(_ path: String) -> String { Cells.text(json, path) }
        var lines = ["\(text("kind")) \(text("id")): \(text("state"))"]
        lines.append(
            "  \(text("preview/possible")) of \(text("preview/total")) would be done, \(text("preview/left")) left alone")
        for risk in json["preview"]?["risks"]?.array ?? [] {
            lines.append("  \(Cells.text(risk, "count")) of risk \(Cells.text(risk, "risk"))")
        }
        for sum in json["preview"]?["amounts"]?.array ?? [] {
            lines.append("  \(Cells.text(sum, "currency")) \(Cells.text(sum, "amount")) in \(Cells.text(sum, "count"))")
        }
        for obstacle in json["preview"]?["obstacles"]?.array ?? [] {
            lines.append("  \(Cells.text(obstacle, "count")) left for \(Cells.text(obstacle, "reason"))")
        }
        for example in json["preview"]?["examples"]?.array ?? [] {
            let what = example["effect"]?.string ?? example["obstacle"]?["message"]?.string.map { "left alone: \($0)" } ?? ""
            lines.append("    \(Cells.text(example, "subject")): \(what)")
        }
        switch json["state"]?.string {
        case "previewed" where json["preview"]?["possible"] == 0: lines.append("There is nothing to confirm.")
        case "previewed":
            if json["needsSecondPerson"]?.bool == true { lines.append("  Someone else has to confirm this.") }
            lines.append(
                "To do it, before \(text("expiresAt")):\n  countersign operation confirm \(text("id")) --hash \(text("hash"))")
        case "running", "finished":
            lines.append(
                "  \(text("progress/done")) done, \(text("progress/refused")) refused, \(text("progress/waiting")) waiting, "
                    + "confirmed by \(text("settledBy"))")
        default: break
        }
        return lines.joined(separator: "\n")
    }

    static func row(_ item: JSONValue) -> [String] {
        let what =
            item["obstacle"]?["message"]?.string ?? item["refused"]?["message"]?.string ?? Cells.text(item, "answer/status")
        return [
            Cells.text(item, "number"), Cells.text(item, "state"), Cells.text(item, "run"), Cells.text(item, "subject"), what,
        ]
    }
}
