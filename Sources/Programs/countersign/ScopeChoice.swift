import ArgumentParser
import Kernel
import Showcase

/// Which tenants a command looks at: the one given, or every scope in which the caller may do what the command needs.
struct ScopeChoice: ParsableArguments {
    @OptionGroup var server: ServerOptions

    @Option(
        name: [.customShort("t"), .customLong("tenant")],
        help: "One tenant, by its short name; every one you may see unless given.")
    var tenant: String?

    /// Empty is never an answer: a caller with no such permission anywhere is told so.
    func scopes(permission: String) async throws -> [TenantAPI] {
        let api = try server.api()
        if let tenant { return [TenantAPI(api, tenant)] }
        let me = try await api.get("/api/v1/me")
        let held = (me["scopes"]?.array ?? []).filter { scope in
            (scope["permissions"]?.array ?? []).contains { $0.string == permission }
        }
        guard !held.isEmpty else { throw BadAnswer("This needs the permission \(permission), which you hold nowhere.") }
        return held.compactMap { $0["scope"]?.string }.map { TenantAPI(api, $0) }
    }

    /// The object behind an id, wherever it is; ids are unique over all tenants.
    func find(_ path: String, permission: String) async throws -> (place: TenantAPI, json: JSONValue) {
        var last: ServerProblem?
        for place in try await scopes(permission: permission) {
            do {
                return (place, try await place.get(path))
            } catch let problem as ServerProblem where problem.status == 404 {
                last = problem
            }
        }
        throw last ?? BadAnswer("There is nothing here by that name.")
    }
}

/// How lists are written.
enum ListForm: String, ExpressibleByArgument, CaseIterable { case table, json, yaml }

struct ListOutput: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "How to write the answer: table, json or yaml.")
    var form: ListForm = .table

    /// `table` is only made when it is wanted.
    func print(_ json: JSONValue, table: () -> String) {
        switch form {
        case .table: Terminal.print(table())
        case .json: Terminal.print(json.prettyText)
        case .yaml: Terminal.print(YAMLText.write(json))
        }
    }
}

/// JSON as YAML in block style. What could be read as something else stands in quotes, as JSON has it.
enum YAMLText {
    static func write(_ json: JSONValue) -> String { block(json, indent: 0, isInList: false).joined(separator: "\n") }

    private static func block(_ json: JSONValue, indent: Int, isInList: Bool) -> [String] {
        let space = String(repeating: " ", count: indent)
        switch json {
        case .object(let members) where !members.isEmpty:
            var lines: [String] = []
            for member in members {
                let lead = (isInList && lines.isEmpty ? "" : space) + scalar(.string(member.key)) + ":"
                lines += nested(member.value, lead: lead, indent: indent + 2)
            }
            return lines
        case .array(let items) where !items.isEmpty:
            return items.flatMap { item -> [String] in
                var lines = block(item, indent: indent + 2, isInList: true)
                lines[0] = space + "- " + lines[0]
                return lines
            }
        default: return [scalar(json)]
        }
    }

    private static func nested(_ value: JSONValue, lead: String, indent: Int) -> [String] {
        switch value {
        case .object(let members) where !members.isEmpty: [lead] + block(value, indent: indent, isInList: false)
        case .array(let items) where !items.isEmpty: [lead] + block(value, indent: indent, isInList: false)
        default: [lead + " " + scalar(value)]
        }
    }

    private static func scalar(_ json: JSONValue) -> String {
        guard case .string(let text) = json else { return json.text }
        return isPlain(text) ? text : json.text
    }

    /// Words of letters that YAML gives no other meaning.
    private static func isPlain(_ text: String) -> Bool {
        let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        guard let first = text.utf8.first, (97...122).contains(first) || (65...90).contains(first), text.utf8.last != 0x20 else {
            return false
        }
        return !special.contains(text.lowercased())
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 97...122, 65...90, 48...57, 0x20, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"):
                    true
                default: false
                }
            }
    }
}
