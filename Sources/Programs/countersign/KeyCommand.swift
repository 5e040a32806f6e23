import ArgumentParser
import Curl
import Kernel
import Showcase

/// `countersign key`: API keys of oneself and of machines.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "List, make, rotate and revoke API keys.",
        discussion: """
            A key acts as its person, with what that person may do at the moment of the call and never more. Without --tenant
            the commands are about your own keys; with --tenant they are about the keys of a tenant's machines, the people
            whose entry says `login: false`. Making and rotating ask for a proof of the last minutes: `countersign prove`.
            """,
        subcommands: [ListKeysCommand.self, MakeKeyCommand.self, RotateKeyCommand.self, RevokeKeyCommand.self])
}

/// Whose keys.
struct KeyPlace: ParsableArguments {
    @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant whose machines' keys are meant; else your own.")
    var tenant: String?

    @OptionGroup var server: ServerOptions

    func path(_ rest: String = "") -> String {
        (tenant.map { "/api/v1/tenants/\(ServerAPI.escaped($0))/keys" } ?? "/api/v1/me/keys") + rest
    }

    func show(_ made: JSONValue) {
        Terminal.print(made["key"]?.string ?? "")
        Terminal.complain(
            "It ends on \(made["endsAt"]?.string ?? "") and is not shown again. Its id is \(made["id"]?.string ?? "").")
    }
}

struct ListKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List keys, the newest first.")

    @OptionGroup var place: KeyPlace
    @OptionGroup var output: OutputOption

    func run() async throws {
        let json = try await place.server.api().get(place.path())
        guard output.form == .text else { return Terminal.print(json.prettyText) }
        let rows = (json["items"]?.array ?? []).map { key -> [String] in
            let limits = (key["roles"]?.array ?? []) + (key["tenants"]?.array ?? [])
            return [
                key["id"]?.string ?? "", key["name"]?.string ?? "", key["begins"]?.string ?? "", key["person"]?.string ?? "",
                limits.compactMap(\.string).joined(separator: ","), key["state"]?.string ?? "", key["endsAt"]?.string ?? "",
                key["lastUsedAt"]?.string ?? "never",
            ]
        }
        Terminal.print(
            Terminal.table(["ID", "NAME", "BEGINS", "PERSON", "LIMITED TO", "STATE", "ENDS", "LAST USED"], rows, width: 200))
    }
}

struct MakeKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "make", abstract: "Make a key; its text is printed this once, alone on standard output.")

    @Argument(help: "What the key is for.")
    var name: String

    @Option(help: "Days until it ends, at most 365.")
    var days: Int64 = 90

    @Option(help: "A role it is limited to; may be given more than once.")
    var role: [String] = []

    @Option(help: "A tenant it is limited to; may be given more than once.")
    var only: [String] = []

    @Option(help: "With --tenant: the machine it is for, by its short name.")
    var machine: String?

    @OptionGroup var place: KeyPlace

    func run() async throws {
        guard (place.tenant == nil) == (machine == nil) else {
            throw Refusal(.invalid, reason: "key.machine", "Give --tenant and --machine together, or neither for a key of yours.")
        }
        var body: JSONObject = [
            "name": .string(name), "days": JSONValue(days), "roles": .array(role.map(JSONValue.string)),
            "tenants": .array(only.map(JSONValue.string)),
        ]
        if let machine { body["person"] = .string(machine) }
        place.show(try await place.server.api().send(.post, place.path(), .object(body), key: nil))
    }
}

struct RotateKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Make a key's successor, with the same limits; the old key works on for a while.")

    @Argument(help: "The old key's id, as `key list` shows it.")
    var id: String

    @Option(help: "Hours for which the old key works on, 0 to 168.")
    var overlapHours: Int64 = 24

    @OptionGroup var place: KeyPlace

    func run() async throws {
        let path = place.path("/\(ServerAPI.escaped(id))/rotation")
        place.show(try await place.server.api().send(.post, path, ["overlapHours": JSONValue(overlapHours)], key: nil))
    }
}

struct RevokeKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "revoke", abstract: "End a key at once.")

    @Argument(help: "The key's id, as `key list` shows it.")
    var id: String

    @OptionGroup var place: KeyPlace

    func run() async throws {
        _ = try await place.server.api().send(.delete, place.path("/\(ServerAPI.escaped(id))"), [:], key: nil)
        Terminal.print("The key is revoked.")
    }
}
