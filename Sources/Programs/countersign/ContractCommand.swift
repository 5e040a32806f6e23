import ArgumentParser
import Assets
import Kernel
import Seals
import Showcase
import Tenancy

/// `countersign contract`: what was promised from when on, who signed it, and the acts of both sides.
struct ContractCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "contract", abstract: "See contracts, hand them in, sign them, turn them down, and end them.",
        discussion: """
            countersign contract list
            countersign contract show managed-ap@3 --tenant meridian
            countersign contract submit managed-ap@3 --tenant meridian
            countersign contract sign managed-ap@3 --tenant meridian --hash HASH
            countersign contract hash tenants/meridian/contracts/managed-ap.yaml
            """,
        subcommands: [
            List.self, Show.self, Diff.self, Submit.self, Sign.self, Reject.self, End.self, Hash.self,
        ], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Versions of contracts, the newest first, and the workflows whose runs none governs.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [(scope: String, json: JSONValue)] = []
            var gaps: [String] = []
            for place in try await choice.scopes(permission: "service.read") {
                let answer = try await place.get("contracts")
                rows += (answer["items"]?.array ?? []).map { (place.slug, $0) }
                gaps += (answer["gaps"]?.array ?? []).map { gap in
                    "\(place.slug): no signed contract governs runs of \(Cells.text(gap, "workflow")) from "
                        + "\(Cells.time(gap, "from")) on"
                }
            }
            output.print(["items": .array(rows.map(\.json))]) {
                let table = Terminal.table(
                    ["TENANT", "CONTRACT", "VERSION", "STANDING", "AWAITS", "GOVERNS", "SIGNED BY"],
                    rows.map { row in
                        [
                            row.scope, Cells.text(row.json, "name"), Cells.text(row.json, "version"),
                            Cells.text(row.json, "standing"), ContractText.words(row.json["awaits"]),
                            ContractText.periods(row.json), ContractText.signers(row.json),
                        ]
                    }, width: Terminal.width)
                return ([table] + gaps).joined(separator: "\n")
            }
        }
    }

    /// One version of a contract of one tenant.
    struct Target: ParsableArguments {
        @Argument(help: "The contract and its version, such as managed-ap@3.")
        var version: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func place() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }

        func id() async throws -> String {
            let found = (try await place().get("contracts")["items"]?.array ?? []).first {
                "\(Cells.text($0, "name"))@\(Cells.text($0, "version"))" == version || Cells.text($0, "id") == version
            }
            guard let id = found?["id"]?.string else {
                throw BadAnswer("There is no version \(version) at \(tenant); `countersign contract list` names them all.")
            }
            return id
        }

        func get() async throws -> JSONValue { try await place().get("contracts/\(ServerAPI.escaped(try await id()))") }

        func post(_ act: String, _ body: JSONValue) async throws {
            let answer = try await place().post("contracts/\(ServerAPI.escaped(try await id()))/\(act)", body)
            Terminal.print(ContractText.standing(answer))
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One version: standing, signatures, periods, and its text.",
            discussion: """
                The seals of signatures are checked here, by the key that each names.
                Exit codes: 0 shown; 1 refused, or a seal is not good; 2 no answer.
                """)

        @OptionGroup var target: Target
        @OptionGroup var output: ListOutput

        func run() async throws {
            let json = try await target.get()
            var isGood = true
            output.print(json) {
                var lines = [ContractText.standing(json), "hash \(Cells.text(json, "hash"))"]
                for signature in json["signatures"]?.array ?? [] {
                    let proof = ContractText.proof(of: signature)
                    isGood = isGood && proof.isGood
                    lines.append(
                        "\(Cells.text(signature, "side")): \(Cells.text(signature, "name")), \(Cells.time(signature, "at")), "
                            + proof.words)
                }
                return (lines + [ContractText.periods(json), "", YAMLText.write(json["content"] ?? .null)]).joined(
                    separator: "\n")
            }
            guard isGood else { throw ExitCode(1) }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What differs from the version before.", discussion: "Exit codes: 0 shown; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        func run() async throws {
            let json = try await target.get()
            guard let before = json["comparedWith"]?.string else { return Terminal.print("It is the first version.") }
            Terminal.print("Compared with version \(before):")
            for change in json["changes"]?.array ?? [] { Terminal.print("  \(change.string ?? "")") }
        }
    }

    struct Submit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hand a draft in for review; both sides may sign it then.",
            discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        func run() async throws { try await target.post("submit", [:]) }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign for your side the text whose hash you have read.",
            discussion:
                "It takes a session with a fresh proof; an API key signs nothing. Exit codes: 0 done; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        @Option(help: "The hash of the text, as `contract show` and `contract hash` print it.")
        var hash: String

        func run() async throws { try await target.post("sign", ["hash": .string(hash)]) }
    }

    struct Reject: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Turn a version in review down; another text is another version.",
            discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        @Option(help: "Why; kept in the audit log.")
        var reason: String

        func run() async throws { try await target.post("reject", ["reason": .string(reason)]) }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask for a version's end, or agree to the end that the other side has asked for.",
            discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")

        @OptionGroup var target: Target

        @Option(help: "The instant from which on it no longer governs, such as 2026-12-31T23:00:00Z.")
        var at: String

        @Option(help: "Why; kept in the audit log.")
        var reason: String

        func run() async throws { try await target.post("end", ["at": .string(at), "reason": .string(reason)]) }
    }

    struct Hash: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the hash of a contract file's text, over which both sides sign.",
            discussion: "Exit codes: 0 printed; 1 the file is no contract.")

        @Argument(help: "The file, such as tenants/meridian/contracts/managed-ap.yaml.")
        var file: String

        func run() throws {
            let bytes = try FileBytes.read(file, maxBytes: AssetBounds.fileBytesMax)
            let read = YAMLSource.read(bytes, path: file)
            guard let json = read.document?.json else {
                throw BadAnswer(read.issues.first?.description ?? "\(file) cannot be read.")
            }
            guard json["kind"]?.string == "contract" else { throw BadAnswer("\(file) is no contract.") }
            Terminal.print(try ObjectHash.hexText(of: ContractPaper.terms(of: json)))
        }
    }
}

/// Contracts in words.
enum ContractText {
    static func words(_ json: JSONValue?) -> String { (json?.array ?? []).compactMap(\.string).joined(separator: ", ") }

    static func signers(_ json: JSONValue) -> String {
        (json["signatures"]?.array ?? []).map { Cells.text($0, "name") }.joined(separator: ", ")
    }

    static func periods(_ json: JSONValue) -> String {
        (json["periods"]?.array ?? []).map { period in
            let end = Cells.time(period, "to")
            return "\(Cells.time(period, "from")) to \(end.isEmpty ? "open" : end)"
        }.joined(separator: "; ")
    }

    static func standing(_ json: JSONValue) -> String {
        let awaits = words(json["awaits"])
        return "\(Cells.text(json, "name")) \(Cells.text(json, "version")): \(Cells.text(json, "standing"))"
            + (awaits.isEmpty ? "" : ", waits for \(awaits)")
    }

    /// Computed here from what the server said, and not believed.
    static func proof(of signature: JSONValue) -> (words: String, isGood: Bool) {
        guard let text = signature["signature"]?.string else { return ("signed on paper", true) }
        guard let bytes = Base64.decode(text), let statement = signature["statement"],
            let key = signature["key"]?.string.flatMap({ Base64.decode($0) }).flatMap({ VerifyingKey($0) }),
            // What has no canonical form was never signed.
            let said = try? statement.canonicalBytes(),
            key.isValid(bytes, over: Array(ContractSignature.purpose.utf8) + said)
        else { return ("SEAL NOT GOOD", false) }
        return ("seal good", true)
    }
}
