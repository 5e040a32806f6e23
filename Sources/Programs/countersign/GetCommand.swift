import ArgumentParser
import Glibc
import Kernel
import Showcase

/// `countersign get`: lists.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract:
            "List runs, approvals, exceptions, incidents, tasks, workers, tenants, documents, clocks, payments or guardrails.",
        discussion: """
            Approvals, exceptions, incidents and payments are the open ones unless --all is given. Tasks are those that were \
            given up; how many are ready or given up in each tenant stands above them. Times are UTC.
            Exit codes: 0 listed; 1 you may not see it; 2 no answer.
            """)

    static let watchMilliseconds = 2000

    @Argument(help: "What to list: \(Listing.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind: Listing

    @OptionGroup var choice: ScopeChoice
    @OptionGroup var output: ListOutput

    @Flag(help: "Closed ones too.")
    var all = false

    @Flag(name: [.customShort("w"), .long], help: "List again every two seconds until Ctrl-C.")
    var watch = false

    @Option(help: "At most so many of each tenant.")
    var limit = 100

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit is 1 to 1000.") }
    }

    func run() async throws {
        repeat {
            let text = try await list()
            if watch, isatty(STDOUT_FILENO) == 1 { Terminal.clear() }
            Terminal.print(text)
            if watch { try await Task.sleep(for: .milliseconds(GetCommand.watchMilliseconds)) }
        } while watch
    }

    private func list() async throws -> String {
        if kind == .tenants { return written(try await tenants(), showsScope: false) }
        if kind == .tasks { return try await tasks() }
        let scopes = try await choice.scopes(permission: kind.permission)
        var rows: [(scope: String, json: JSONValue)] = []
        for place in scopes { rows += try await items(place).map { (place.slug, $0) } }
        return written(rows, showsScope: scopes.count > 1)
    }

    private func items(_ place: TenantAPI) async throws -> [JSONValue] {
        guard kind != .workers else { return try await place.workers() }
        let hasState = [.approvals, .exceptions, .incidents, .payments].contains(kind)
        return try await place.items(kind.rawValue, hasState && all ? [("state", "all")] : [], limit: limit)
    }

    private func tenants() async throws -> [(scope: String, json: JSONValue)] {
        (try await choice.server.api().get("/api/v1/tenants")["items"]?.array ?? []).compactMap { row in
            guard let slug = row["slug"]?.string, choice.tenant == nil || choice.tenant == slug else { return nil }
            return (slug, row)
        }
    }

    /// The counts first, which many may see; then the tasks themselves where the caller may see documents.
    private func tasks() async throws -> String {
        let counts = try await tenants().map { row in
            let age =
                row.json["summary"]?["oldestReadyAt"]?.moment.map { "\(max(0, WallClock.system.now.seconds(since: $0)))s" } ?? "-"
            return [row.scope, Cells.text(row.json, "summary/tasksReady"), age, Cells.text(row.json, "summary/deadTasks")]
        }
        var rows: [(scope: String, json: JSONValue)] = []
        var closed: [String] = []
        for place in try await tenants().map({ TenantAPI(try choice.server.api(), $0.scope) }) {
            do {
                rows += try await place.deadTasks().map { (place.slug, $0) }
            } catch let problem as ServerProblem where problem.status == 403 {
                closed.append(place.slug)
            }
        }
        guard output.form == .table else { return written(rows, showsScope: true) }
        var text = Terminal.table(["TENANT", "READY", "OLDEST", "GIVEN UP"], counts, width: Terminal.width)
        if !rows.isEmpty { text += "\n\n" + kind.table(rows, showsScope: true) }
        if !closed.isEmpty { text += "\n\nThe tasks themselves are not shown to you in: \(closed.joined(separator: ", "))" }
        return text
    }

    private func written(_ rows: [(scope: String, json: JSONValue)], showsScope: Bool) -> String {
        let items = rows.map { row -> JSONValue in
            var members: JSONObject = ["scope": .string(row.scope)]
            for member in row.json.object ?? [:] { members[member.key] = member.value }
            return .object(members)
        }
        switch output.form {
        case .table: return kind.table(rows, showsScope: showsScope)
        case .json: return JSONValue.object(["items": .array(items)]).prettyText
        case .yaml: return YAMLText.write(.object(["items": .array(items)]))
        }
    }
}
