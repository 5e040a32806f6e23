import ArgumentParser
import Kernel
import Showcase

/// The kinds of things that `get` lists: where they are, who may see them, and their columns.
enum Listing: String, ExpressibleByArgument, CaseIterable {
    case runs, approvals, exceptions, incidents, tasks, workers, tenants, documents, clocks, payments, decisions, guardrails

    var permission: String {
        switch self {
        case .runs, .tasks, .documents, .payments, .decisions, .guardrails: "runs.read"
        case .approvals: "approvals.read"
        case .exceptions: "exceptions.read"
        case .incidents: "incidents.read"
        case .workers: "workers.read"
        case .tenants, .clocks: "service.read"
        }
    }

    /// One column: its heading, and what stands in it.
    struct Column {
        let heading: String
        let cell: (JSONValue) -> String

        init(_ heading: String, _ cell: @escaping (JSONValue) -> String) {
            self.heading = heading
            self.cell = cell
        }

        /// A member as it is, at a path such as `object/number`.
        init(_ heading: String, at path: String) { self.init(heading) { Cells.text($0, path) } }
    }

    var columns: [Column] {
        switch self {
        case .runs:
            [
                Column("NUMBER", at: "subject"), Column("COUNTERPARTY", at: "counterparty"),
                Column("AMOUNT") { Cells.amount($0["amount"]) },
                Column("PHASE") { $0["outcome"]?.string ?? Cells.text($0, "phase") }, Column("STEP", at: "step"),
                Column("WAITS FOR", at: "waitingOn"), Column("STARTED") { Cells.time($0, "startedAt") }, Column("ID", at: "id"),
            ]
        case .approvals:
            [
                Column("NUMBER", at: "object/number"), Column("SUPPLIER", at: "object/supplier"),
                Column("GROSS") { Cells.amount($0["object"]?["gross"]) }, Column("SIGNED") { Cells.signed($0) },
                Column("OPENED") { Cells.time($0, "openedAt") }, Column("ID", at: "id"),
            ]
        case .exceptions:
            [
                Column("CODE", at: "code"), Column("TITLE", at: "title"), Column("NUMBER", at: "object/number"),
                Column("WAYS OUT") { ($0["resolutions"]?.array ?? []).compactMap { $0["name"]?.string }.joined(separator: ", ") },
                Column("OPENED") { Cells.time($0, "openedAt") }, Column("ID", at: "id"),
            ]
        case .incidents:
            [
                Column("NO", at: "number"), Column("SEVERITY", at: "severity"), Column("STATE", at: "state"),
                Column("ALERT", at: "alert"),
                Column("TITLE", at: "title"), Column("COUNT", at: "occurrences"), Column("OPENED") { Cells.time($0, "openedAt") },
                Column("ID", at: "id"),
            ]
        case .tasks:
            [
                Column("KIND", at: "kind"), Column("TITLE", at: "title"), Column("CONNECTION", at: "connection"),
                Column("ATTEMPTS", at: "attempts"),
                Column("LAST ERROR", at: "lastError"), Column("GIVEN UP") { Cells.time($0, "updatedAt") }, Column("ID", at: "id"),
            ]
        case .workers:
            [
                Column("STATE", at: "state"), Column("PID", at: "pid"), Column("LEVEL", at: "level"),
                Column("RESIDENT") { $0["residentBytes"]?.int64.map { "\($0 / 1_048_576) MiB" } ?? "" },
                Column("RESTARTS", at: "restarts"),
                Column("SEEN") { Cells.time($0, "seenAt") }, Column("DETAIL", at: "detail"),
            ]
        case .tenants:
            [
                Column("NAME", at: "name"), Column("STATE", at: "state"), Column("RUNS", at: "summary/runsOpen"),
                Column("PEOPLE", at: "summary/waitingOnPeople"), Column("EXCEPTIONS", at: "summary/exceptionsOpen"),
                Column("INCIDENTS", at: "summary/incidentsOpen"), Column("READY", at: "summary/tasksReady"),
                Column("DEAD", at: "summary/deadTasks"),
                Column("POSTED TODAY", at: "summary/postedToday"), Column("SLUG", at: "slug"),
            ]
        case .documents:
            [
                Column("FILE", at: "fileName"), Column("STATE", at: "state"), Column("KIND", at: "kind"),
                Column("REASON", at: "reason"),
                Column("CHANNEL", at: "channel"), Column("RECEIVED") { Cells.time($0, "receivedAt") }, Column("ID", at: "id"),
            ]
        case .payments: Listing.paymentColumns
        case .decisions: Listing.decisionColumns
        case .guardrails: Listing.guardrailColumns
        case .clocks:
            [
                Column("OBJECTIVE", at: "objective"), Column("NUMBER", at: "subject"), Column("STATE", at: "state"),
                Column("OUTCOME", at: "outcome"),
                Column("ELAPSED") { Cells.duration($0["elapsedSeconds"]) },
                Column("TARGET") { Cells.duration($0["targetSeconds"]) },
                Column("DUE") { Cells.time($0, "dueAt") }, Column("ID", at: "id"),
            ]
        }
    }

    private static var decisionColumns: [Column] {
        [
            Column("POLICY", at: "receipt/policy"), Column("VERSION", at: "receipt/version"),
            Column("RULES") {
                ($0["receipt"]?["rules"]?.array ?? []).compactMap { $0["id"]?.string }.joined(separator: ", ")
            },
            Column("NUMBER", at: "subject"), Column("DECIDED") { Cells.time($0, "at") },
            Column("HASH") { String(Cells.text($0, "receipt/hash").prefix(12)) }, Column("RUN", at: "run"),
        ]
    }

    private static var guardrailColumns: [Column] {
        [
            Column("LEVEL", at: "scope"), Column("RULE", at: "rule"), Column("BINDS", at: "sentence"),
            Column("BOUND IN 30 DAYS", at: "bound"), Column("WENT THROUGH", at: "through"), Column("POLICY", at: "policy"),
            Column("VERSION", at: "version"),
        ]
    }

    private static var paymentColumns: [Column] {
        [
            Column("NUMBER", at: "number"), Column("SUPPLIER", at: "supplier"),
            Column("AMOUNT") { Cells.amount($0["amount"]) }, Column("DUE", at: "dueDate"), Column("STATE", at: "state"),
            Column("POSTED BY RUN", at: "postedRun"), Column("RELEASE", at: "run"),
        ]
    }

    /// Rows under headings; the tenant stands in front where there are several.
    func table(_ rows: [(scope: String, json: JSONValue)], showsScope: Bool) -> String {
        guard !rows.isEmpty else { return "None." }
        let columns = columns
        return Terminal.table(
            (showsScope ? ["TENANT"] : []) + columns.map(\.heading),
            rows.map { row in (showsScope ? [row.scope] : []) + columns.map { $0.cell(row.json) } }, width: Terminal.width)
    }
}

/// Values as tables show them.
enum Cells {
    static func text(_ json: JSONValue, _ path: String) -> String {
        var at: JSONValue? = json
        for name in path.split(separator: "/") { at = at?[String(name)] }
        switch at {
        case .string(let text)?: return text
        case nil, .null?: return ""
        case let other?: return other.text
        }
    }

    static func amount(_ json: JSONValue?) -> String {
        guard let amount = json?["amount"]?.string, let currency = json?["currency"]?.string else { return "" }
        return "\(amount) \(currency)"
    }

    /// To the second, in UTC, as the server says it.
    static func time(_ json: JSONValue, _ name: String) -> String { json[name]?.moment.map { $0.text(fraction: 0) } ?? "" }

    static func duration(_ json: JSONValue?) -> String {
        guard let seconds = json?.int64 else { return "" }
        if seconds < 60 { return "\(seconds)s" }
        return seconds < 3600 ? "\(seconds / 60)m \(seconds % 60)s" : "\(seconds / 3600)h \(seconds % 3600 / 60)m"
    }

    static func signed(_ json: JSONValue) -> String {
        let needed = (json["rounds"]?.array ?? []).reduce(0) { $0 + ($1["quorum"]?.int ?? 1) }
        return "\(json["signatures"]?.array?.count ?? 0) of \(needed)"
    }
}
