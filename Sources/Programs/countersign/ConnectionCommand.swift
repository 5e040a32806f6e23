import ArgumentParser
import Kernel
import Showcase

/// `countersign connection`: looks after a tenant's connections.
struct ConnectionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connection", abstract: "Try out a tenant's connection to its ERP.",
        subcommands: [TestConnectionCommand.self])
}

/// `countersign connection test`: a dry run of a connection, by the tenant's own worker.
struct TestConnectionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "test",
        abstract: "Ask the tenant's worker to reach a connection and to compare the mapping with live objects. Writes nothing.",
        discussion: """
            Every place that the mapping reads is looked up in a few live objects:
            found, empty (there, and without a value), missing (no object has it), needed (has to have a value), wrong (of
            another form than is due).
            Exit codes: 0 all is as the mapping says; 1 something is needed, wrong or absent, or with --strict missing, or the
            system does not answer; 2 no answer from the server or the worker.
            """)

    @Argument(help: "The connection's name.")
    var name: String

    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
    var tenant: String

    @Flag(help: "Count members that no live object has as problems.")
    var strict = false

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOption

    func run() async throws {
        let place = TenantAPI(try server.api(), tenant)
        let report = ConnectionReport(try await place.post("connections/\(ServerAPI.escaped(name))/test", [:]))
        Terminal.print(output.form == .json ? report.json.prettyText : report.text(of: name))
        if !report.isGood(strict: strict) { throw BadAnswer() }
    }
}

/// What a test of a connection found.
struct ConnectionReport {
    let json: JSONValue

    init(_ json: JSONValue) { self.json = json }

    private var objects: [JSONValue] { json["objects"]?.array ?? [] }
    private var lookups: [JSONValue] { json["lookups"]?.array ?? [] }

    private static func fields(_ object: JSONValue) -> [JSONValue] { object["fields"]?.array ?? [] }

    func isGood(strict: Bool) -> Bool {
        guard json["reachable"]?.bool == true, json["good"]?.bool != false else { return false }
        guard strict else { return true }
        return !objects.flatMap(ConnectionReport.fields).contains { $0["result"]?.string == "missing" }
    }

    func text(of name: String) -> String {
        guard json["reachable"]?.bool == true else {
            return "\(name): not reached: \(json["message"]?.string ?? "no reason was given") (\(json["code"]?.string ?? ""))"
        }
        var rows: [[String]] = []
        for lookup in lookups {
            rows.append(["look-up", lookup["name"]?.string ?? "", "", word(lookup), lookup["detail"]?.string ?? ""])
        }
        for object in objects {
            let entries = object["entries"]?.int ?? 0
            rows.append([
                object["object"]?.string ?? "", "", entries == 0 ? "" : "\(entries) live", word(object),
                object["detail"]?.string ?? "",
            ])
            for field in ConnectionReport.fields(object) {
                rows.append([
                    "", field["field"]?.string ?? "", field["path"]?.string ?? "", word(field), field["detail"]?.string ?? "",
                ])
            }
        }
        let table = Terminal.table(["OBJECT", "FIELD", "PLACE", "RESULT", "DETAIL"], rows, width: 160)
        let verdict = json["good"]?.bool == false ? "differs from what the mapping says" : "as the mapping says"
        return table + "\n\(name): reached in \(json["milliseconds"]?.int ?? 0) ms, \(verdict)"
    }

    private func word(_ row: JSONValue) -> String { row["result"]?.string ?? "" }
}
