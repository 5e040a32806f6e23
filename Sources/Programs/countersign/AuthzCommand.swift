import ArgumentParser
import Curl
import Kernel
import Showcase

/// `countersign authz`: who may do what.
struct AuthzCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "authz", abstract: "Explain who may do what, and why or why not.", subcommands: [ExplainCommand.self])
}

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Explain whether a person may do something to something.",
        discussion: """
            RESOURCE is a tenant (`kestrel-labs`), one of its legal entities (`kestrel-labs/entity/DE01`), or an approval that
            waits (`kestrel-labs/approval/ID`): then duty separation, the approval limit and the rounds are asked too, by the
            engine that would take the signature.
            Exit codes: 0 allowed; 1 not allowed; 2 no answer.
            """)

    @Argument(help: "The person's short name in the people file.")
    var person: String

    @Argument(help: "A permission, such as approvals.decide.")
    var action: String

    @Argument(help: "What it is about.")
    var resource: String

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOption

    func run() async throws {
        let parts = resource.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 1 || (parts.count == 3 && ["entity", "approval"].contains(parts[1])), !parts.contains("") else {
            throw Refusal(
                .invalid, reason: "explain.resource", "\(resource) names nothing that can be explained.",
                facts: ["remedy": "Write TENANT, TENANT/entity/CODE or TENANT/approval/ID."])
        }
        var query = [("person", person), ("action", action)]
        if parts.count == 3 { query.append((parts[1], parts[2])) }
        let json = try await TenantAPI(try server.api(), parts[0]).get("authz/explain", query)
        let isAllowed = json["allowed"]?.bool == true
        if output.form == .json {
            Terminal.print(json.prettyText)
        } else {
            let rule = json["rule"]?.string.map { " (rule \($0))" } ?? ""
            Terminal.print((isAllowed ? "Yes. " : "No. ") + (json["explanation"]?.string ?? "") + rule)
            for grant in json["grants"]?.array ?? [] {
                Terminal.print("  \(grant["standing"]?.string ?? ""): \(grant["explanation"]?.string ?? "")")
            }
        }
        if !isAllowed { throw BadAnswer() }
    }
}

/// `countersign session`: one's own open sessions.
struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "List and end your sessions.",
        subcommands: [ListSessionsCommand.self, EndSessionCommand.self])
}

struct ListSessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List your open sessions, the last used first.")

    @OptionGroup var server: ServerOptions
    @OptionGroup var output: OutputOption

    func run() async throws {
        let json = try await server.api().get("/api/v1/me/sessions")
        guard output.form == .text else { return Terminal.print(json.prettyText) }
        let rows = (json["items"]?.array ?? []).map { row -> [String] in
            [
                row["id"]?.string ?? "", row["isThisOne"]?.bool == true ? "this one" : "", row["agent"]?.string ?? "",
                row["address"]?.string ?? "", row["openedAt"]?.string ?? "", row["lastSeenAt"]?.string ?? "",
            ]
        }
        Terminal.print(Terminal.table(["ID", "", "WHERE", "ADDRESS", "OPENED", "LAST USED"], rows, width: 200))
    }
}

struct EndSessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end", abstract: "End one of your sessions, or all but this one.")

    @Argument(help: "The session's id, as `session list` shows it; all others without one.")
    var id: String?

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let path = "/api/v1/me/sessions" + (id.map { "/\(ServerAPI.escaped($0))" } ?? "")
        let answer = try await server.api().send(.delete, path, [:], key: nil)
        Terminal.print(answer["ended"]?.int.map { "\($0) sessions ended." } ?? "The session is ended.")
    }
}

/// `countersign person`: what is done for others.
struct PersonCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "person", abstract: "Let people in and out: links, lost second factors, sessions.",
        discussion: """
            Each asks for a proof of the last minutes (`countersign prove`), stands in the audit log, and is never about oneself.
            Exit codes: 0 done; 1 refused; 2 no answer.
            """)

    enum Deed: String, ExpressibleByArgument, CaseIterable {
        case link
        case removeFactor = "remove-factor"
        case endSessions = "end-sessions"
    }

    @Argument(help: "What to do.")
    var deed: Deed

    @Argument(help: "The person's short name in the people file.")
    var person: String

    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
    var tenant: String

    @OptionGroup var server: ServerOptions

    func run() async throws {
        let api = try server.api()
        let path =
            "/api/v1/tenants/\(ServerAPI.escaped(tenant))/people/\(ServerAPI.escaped(person))/\(deed.rawValue)"
        let answer = try await api.send(.post, path, [:], key: nil)
        guard deed == .link else { return Terminal.print("Done.") }
        Terminal.print(api.address + (answer["path"]?.string ?? ""))
        Terminal.complain("It sets a password once, within a day. Hand it over yourself.")
    }
}
