import ArgumentParser
import Kernel
import Showcase

/// `countersign rollout`: versions of workflows that come into use step by step.
struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout", abstract: "See how a version of a workflow does that is tried, and promote it or roll it back.",
        discussion: """
            countersign rollout list --tenant meridian
            countersign rollout show accounts-payable --tenant meridian --differences
            countersign rollout promote accounts-payable --tenant meridian --reason "Two weeks without a difference."
            countersign rollout rollback accounts-payable --tenant meridian --reason "It asks the wrong people."
            """,
        subcommands: [List.self, Show.self, Promote.self, Rollback.self, Hold.self, Release.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Rollouts, with where each stands.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [JSONValue] = []
            for place in try await choice.scopes(permission: "configuration.read") {
                rows += try await place.get("rollouts")["items"]?.array ?? []
            }
            output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["WORKFLOW", "LIVE", "TRIED", "STAGE", "RUNS", "VERDICT"],
                    rows.map { row in
                        ["name", "live", "candidate", "stage", "figures/candidate/ended", "verdict"].map { Cells.text(row, $0) }
                    }, width: Terminal.width)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One rollout: figures of both versions, bars, verdict, and with --differences what its shadows found.",
            discussion: "Exit codes: 0 shown; 1 not there; 2 no answer.")

        @OptionGroup var target: WorkflowTarget
        @OptionGroup var output: ListOutput

        @Flag(help: "The newest comparisons that found something else; you need to be allowed to see runs.")
        var differences = false

        func run() async throws {
            let json = try await target.api().get(target.path(below: "rollouts"))
            guard differences else { return output.print(json) { RolloutText.whole(json) } }
            let found = try await target.api().get("\(target.path(below: "rollouts"))/comparisons", [("verdict", "different")])
            output.print(.object(["rollout": json, "comparisons": found])) {
                RolloutText.whole(json) + "\n\n" + RolloutText.differences(found)
            }
        }
    }

    struct Promote: AsyncParsableCommand {
        static let configuration = RolloutCommand.act("Enter the next stage: shadow, pilot, live.")
        @OptionGroup var target: WorkflowTarget
        @Option(help: "Why; kept with the rollout.") var reason: String

        func run() async throws { try await RolloutCommand.turn("promote", target, reason) }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = RolloutCommand.act("Let new runs go by the version that was live before.")
        @OptionGroup var target: WorkflowTarget
        @Option(help: "Why; kept with the rollout.") var reason: String

        func run() async throws { try await RolloutCommand.turn("rollback", target, reason) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = RolloutCommand.act("Keep the stage, whatever the verdict; a broken hard bar still rolls back.")
        @OptionGroup var target: WorkflowTarget
        @Option(help: "Why; kept with the rollout.") var reason: String

        func run() async throws { try await RolloutCommand.turn("hold", target, reason) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = RolloutCommand.act("Let verdicts count again.")
        @OptionGroup var target: WorkflowTarget
        @Option(help: "Why; kept with the rollout.") var reason: String

        func run() async throws { try await RolloutCommand.turn("release", target, reason) }
    }

    private static func act(_ abstract: String) -> CommandConfiguration {
        CommandConfiguration(abstract: abstract, discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")
    }

    /// The stage goes along, so that nobody turns what has changed since they looked.
    private static func turn(_ act: String, _ target: WorkflowTarget, _ reason: String) async throws {
        let api = try target.api()
        let stage = try await api.get(target.path(below: "rollouts"))["stage"] ?? .null
        let answer = try await api.post("\(target.path(below: "rollouts"))/\(act)", ["stage": stage, "reason": .string(reason)])
        Terminal.print("\(target.name): \(answer["stage"]?.string ?? "under way")")
    }
}

enum RolloutText {
    static func whole(_ json: JSONValue) -> String {
        func text(_ path: String) -> String { Cells.text(json, path) }
        var lines = [
            "\(text("name")) \(text("candidate")), tried beside \(text("live")): \(text("stage"))"
                + (json["isHeld"]?.bool == true ? ", held" : "")
        ]
        lines.append("Verdict: \(text("verdict"))")
        lines += (json["because"]?.array ?? []).compactMap(\.string).map { "  \($0)" }
        if let obstacle = json["obstacle"]?.string { lines.append("No run can go by it: \(obstacle)") }
        let rows = ["ended", "touchless", "exceptions", "faults", "late", "cycleSecondsMedian", "same", "different", "unknown"]
        lines.append(
            Terminal.table(
                ["", "TRIED", "LIVE"], rows.map { [$0, text("figures/candidate/\($0)"), text("figures/live/\($0)")] },
                width: Terminal.width))
        for bar in json["bars"]?.array ?? [] {
            lines.append(
                "\(Cells.text(bar, "standing")): \(Cells.text(bar, "words"))\(bar["hard"]?.bool == true ? ", hard" : "")")
        }
        return lines.joined(separator: "\n")
    }

    static func differences(_ json: JSONValue) -> String {
        let stakes = (json["stakes"]?.array ?? []).map { stake in ["kind", "count", "amount"].map { Cells.text(stake, $0) } }
        let rows = (json["items"]?.array ?? []).flatMap { item in
            (item["report"]?["differences"]?.array ?? []).map { one in
                [
                    Cells.text(item, "run"), Cells.text(item, "subject"), Cells.text(one, "kind"), Cells.text(one, "name"),
                    one["live"]?.text ?? "", one["candidate"]?.text ?? "",
                ]
            }
        }
        return Terminal.table(["KIND", "COMPARISONS", "AT STAKE"], stakes, width: Terminal.width) + "\n\n"
            + Terminal.table(["RUN", "SUBJECT", "KIND", "NAME", "LIVE", "TRIED"], rows, width: Terminal.width)
    }
}
