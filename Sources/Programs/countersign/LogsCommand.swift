import ArgumentParser
import Kernel
import Showcase

/// `countersign logs`: what happened, as lines in the order of time.
struct LogsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Show what happened: one run's history, or the last minutes of everything you may see.",
        discussion: """
            Without a run it shows the histories of recent runs, the timelines of incidents and the audit log,
                as far as your roles
            reach, oldest first. Times are UTC. The server's own log is its standard output, as JSON lines.
            Exit codes: 0 shown; 1 there is no such run for you; 2 no answer.
            """)

    /// Runs whose histories are fetched when none is named.
    static let runsMax = 50

    @Argument(help: "A run's id or its invoice's number.")
    var run: String?

    @Option(help: "How far back, in minutes, when no run is named.")
    var minutes: Int64 = 15

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        if let run {
            let (place, json) = try await foundRun(run, choice)
            return Terminal.print(HistoryText.table(try await place.history(Cells.text(json, "id"))))
        }
        let since = WallClock.system.now.adding(seconds: -60 * minutes)
        var lines: [Line] = []
        let api = try choice.server.api()
        let me = try await api.get("/api/v1/me")
        for scope in me["scopes"]?.array ?? [] {
            guard let slug = scope["scope"]?.string, choice.tenant == nil || choice.tenant == slug else { continue }
            let held = Set((scope["permissions"]?.array ?? []).compactMap { $0.string })
            lines += try await self.lines(of: TenantAPI(api, slug), held, since: since)
        }
        guard !lines.isEmpty else { return Terminal.print("Nothing in the last \(minutes) minutes.") }
        let rows = lines.filter { $0.at >= since }.sorted { $0.at < $1.at }.map {
            [$0.at.text(fraction: 0), $0.scope, $0.subject, $0.text]
        }
        Terminal.print(Terminal.table(["AT", "TENANT", "ABOUT", "WHAT"], rows, width: Terminal.width))
    }

    private struct Line {
        let at: Moment
        let scope: String
        let subject: String
        let text: String
    }

    private func lines(of place: TenantAPI, _ held: Set<String>, since: Moment) async throws -> [Line] {
        var out: [Line] = []
        if held.contains("runs.read") {
            let runs = try await place.runs(limit: LogsCommand.runsMax)
            for run in runs where (run.json["updatedAt"]?.moment ?? since) >= since {
                for line in try await place.history(run.id) {
                    guard let at = line.at else { continue }
                    out.append(Line(at: at, scope: place.slug, subject: run.subject, text: line.summary))
                }
            }
        }
        if held.contains("incidents.read") {
            for incident in try await place.incidents(all: true).prefix(LogsCommand.runsMax) {
                for line in try await place.get("incidents/\(incident.id)")["timeline"]?.array ?? [] {
                    guard let at = line["at"]?.moment else { continue }
                    out.append(
                        Line(at: at, scope: place.slug, subject: "incident \(incident.number)", text: Cells.text(line, "text")))
                }
            }
        }
        if held.contains("audit.read") {
            for entry in try await place.items("audit", limit: 200) {
                guard let at = entry["at"]?.moment else { continue }
                out.append(
                    Line(at: at, scope: place.slug, subject: Cells.text(entry, "object/type"), text: Cells.text(entry, "action")))
            }
        }
        return out
    }
}
