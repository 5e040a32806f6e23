import ArgumentParser
import Assets
import Glibc
import Kernel
import ServiceLevels
import Showcase
import Workflows

/// `countersign schedule`: times at which workflows begin by themselves.
struct ScheduleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule", abstract: "See when workflows begin by themselves, and pause or resume a schedule.",
        discussion: """
            countersign schedule preview Tenants/operator/library/workflows/daily-check.yaml
            countersign schedule list --tenant meridian
            countersign schedule show daily-check --tenant meridian
            countersign schedule pause daily-check --tenant meridian --reason "The bank is closed for a week."
            """,
        subcommands: [List.self, Show.self, Preview.self, Pause.self, Resume.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Schedules, with the next time of each.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            for place in try await choice.scopes(permission: "runs.read") {
                rows += (try await place.get("schedules")["items"]?.array ?? []).map { (place.slug, $0) }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                Terminal.table(
                    ["TENANT", "WORKFLOW", "VERSION", "STATE", "RULE", "NEXT"],
                    rows.map { row in
                        [row.scope] + ["workflow", "version", "state", "rule"].map { Cells.text(row.json, $0) } + [
                            row.json["trouble"]?.string ?? row.json["next"]?.array?.first?["local"]?.string ?? ""
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One schedule: its next times, and what became of the last ones.",
            discussion: "Exit codes: 0 shown; 1 not there; 2 no answer.")

        @OptionGroup var target: WorkflowTarget
        @OptionGroup var output: ListOutput

        @Option(help: "At most so many times that came.")
        var limit = 20

        func validate() throws {
            guard (1...1000).contains(limit) else { throw ValidationError("--limit is 1 to 1000.") }
        }

        func run() async throws {
            let api = try target.api()
            let json = try await api.get(target.path(below: "schedules"))
            let times = try await api.items("\(target.path(below: "schedules"))/times", [], limit: limit)
            output.print(["schedule": json, "times": .array(times)]) { Show.text(json, times) }
        }

        private static func text(_ json: JSONValue, _ times: [JSONValue]) -> String {
            var lines = [
                "\(Cells.text(json, "workflow")) \(Cells.text(json, "version")): \(Cells.text(json, "rule")), "
                    + Cells.text(json, "state")
            ]
            for name in ["reason", "trouble"] { if let text = json[name]?.string { lines.append(text) } }
            lines.append("Overlap: \(Cells.text(json, "overlap")). Missed: \(Cells.text(json, "catchUp")).")
            lines += (json["next"]?.array ?? []).map { "next  \(Cells.text($0, "local"))" }
            let rows = times.map { time in
                ["local", "number", "outcome", "count", "run", "reason"].map { Cells.text(time, $0) }
            }
            return lines.joined(separator: "\n") + "\n\n"
                + Terminal.table(["TIME", "NUMBER", "OUTCOME", "TIMES", "RUN", "WHY"], rows, width: Terminal.width)
        }
    }

    struct Preview: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The next times of a workflow's file, with zone and offset; no server is asked.",
            discussion: """
                Business days are those of the calendar named, which is looked for beside the file and in `operator/calendars`
                above it. Exit codes: 0 shown; 1 the file has problems, or no schedule; 2 it cannot be read.
                """)

        @Argument(help: "The workflow's YAML; - for standard input.")
        var file: String

        @Option(help: "The calendar's file, where it is elsewhere.")
        var calendar: String?

        @Option(help: "Times after this instant, such as 2026-03-28T00:00:00Z; now unless given.")
        var after: String?

        @Option(help: "How many times.")
        var count = 10

        @OptionGroup var output: ListOutput

        func validate() throws {
            guard (1...1000).contains(count) else { throw ValidationError("--count is 1 to 1000.") }
            if let after, Moment(after) == nil {
                throw ValidationError("--after is no instant such as 2026-03-28T00:00:00Z.")
            }
        }

        func run() throws {
            let (definition, _) = try WorkflowCommand.read(file)
            guard let schedule = definition.schedule else {
                throw BadAnswer("\(definition.name) has no schedule with times.")
            }
            let timetable = schedule.timetable
            let days = try timetable.calendar.map { try read(calendar: $0) }
            let times = timetable.times(
                after: after.flatMap { Moment($0) } ?? WallClock.system.now, count: count,
                isBusinessDay: { days?.isBusinessDay($0) ?? false })
            let answer: JSONValue = [
                "workflow": .string(definition.name), "rule": .string(timetable.words),
                "zoneVersion": .string(timetable.zoneVersion),
                "next": .array(times.map { ["at": JSONValue($0), "local": .string(timetable.spoken($0))] }),
            ]
            output.print(answer) {
                (["\(definition.name): \(timetable.words); zone data \(timetable.zoneVersion)"]
                    + times.map { "\(timetable.spoken($0))  \($0.text(fraction: 0))" }).joined(separator: "\n")
            }
            if times.isEmpty { throw BadAnswer("The rule has no time in two years.") }
        }

        private func read(calendar name: String) throws -> ServiceCalendar {
            guard let path = calendar ?? Preview.find("\(name).yaml", from: file) else {
                throw Refusal(
                    .invalid, reason: "input.calendar", "The calendar \(name) is not found around \(file).",
                    facts: ["remedy": "Give its file with --calendar."])
            }
            let found = try WorkflowFile.read(try InputFile.bytes(path, maxBytes: 1_048_576), path: path, library: nil)
            var issues: [AssetIssue] = []
            guard let document = found.document, let days = ServiceCalendar.parse(document.json, issues: &issues) else {
                for issue in found.issues { Terminal.print(issue.description) }
                if let document = found.document { for issue in issues { Terminal.print(document.located(issue).description) } }
                throw BadAnswer()
            }
            return days
        }

        /// Levels of folders that are looked through upwards.
        private static let levelsMax = 5

        private static func find(_ name: String, from file: String) -> String? {
            var folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
            for _ in 0..<levelsMax {
                for place in ["\(folder)/\(name)", "\(folder)/calendars/\(name)", "\(folder)/operator/calendars/\(name)"]
                where access(place, R_OK) == 0 && place != file {
                    return place
                }
                folder += "/.."
            }
            return nil
        }
    }

    struct Pause: AsyncParsableCommand {
        static let configuration = ScheduleCommand.act(
            "Let no run begin by a schedule until it is resumed; times that come are left out for good.")
        @OptionGroup var target: WorkflowTarget
        @Option(help: "Why; kept in the audit log.") var reason: String

        func run() async throws { try await ScheduleCommand.turn("pause", target, reason) }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = ScheduleCommand.act("Let runs begin again, from the next time on.")
        @OptionGroup var target: WorkflowTarget
        @Option(help: "Why; kept in the audit log.") var reason: String

        func run() async throws { try await ScheduleCommand.turn("resume", target, reason) }
    }

    private static func act(_ abstract: String) -> CommandConfiguration {
        CommandConfiguration(abstract: abstract, discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")
    }

    private static func turn(_ act: String, _ target: WorkflowTarget, _ reason: String) async throws {
        let answer = try await target.api().post("\(target.path(below: "schedules"))/\(act)", ["reason": .string(reason)])
        let next = answer["next"]?.string.map { ", next \($0)" } ?? ""
        Terminal.print("\(target.name): \(answer["state"]?.string ?? "under way")\(next)")
    }
}
