import ArgumentParser
import Kernel
import Showcase

/// `countersign identity`: a tenant's own identity provider.
struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity", abstract: "How a tenant's people sign in with their own identity provider.",
        subcommands: [Show.self, Test.self])

    /// Where, and how it is shown.
    struct Place: ParsableArguments {
        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What is configured, and the address to register with the provider.",
            discussion: "Exit codes: 0 shown; 1 there is none, or you may not see it; 2 no answer.")

        @OptionGroup var place: Place
        @OptionGroup var output: OutputOption

        func run() async throws {
            let answer = try await place.api().get("identity")
            if output.form == .json { return Terminal.print(answer.prettyText) }
            let texts = ["name", "issuer", "clientId", "secret", "redirect", "door", "linkedPeople"]
                .map { "\($0): \(Cells.text(answer, $0))" }
            let lists = ["domains", "trustedMethods", "algorithms"].map { name in
                "\(name): " + (answer[name]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            }
            let passwords = "passwords: " + (answer["passwords"]?.bool == false ? "open no account" : "open accounts too")
            Terminal.print((texts + lists + [passwords]).joined(separator: "\n"))
        }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Have the tenant's worker try the provider, and say what is wrong and how to mend it.",
            discussion: """
                Reads what the provider says of itself and its keys, as a sign-in would. Nobody is signed in.
                Exit codes: 0 people can sign in; 1 something is wrong; 2 no answer from the server or the worker.
                """)

        @OptionGroup var place: Place
        @OptionGroup var output: OutputOption

        func run() async throws {
            let answer = try await place.api().post("identity/test", [:])
            let isGood = answer["good"]?.bool == true
            if output.form == .json {
                Terminal.print(answer.prettyText)
            } else {
                // Lines and no table: what has to be mended is a sentence, and none of it may be cut off.
                let lines = (answer["findings"]?.array ?? []).map {
                    "\(Cells.text($0, "verdict")): \(Cells.text($0, "what")): \(Cells.text($0, "detail"))"
                }
                let verdict = isGood ? "People can sign in." : "Nobody can sign in this way until it is mended."
                Terminal.print((lines + [verdict]).joined(separator: "\n"))
            }
            if !isGood { throw BadAnswer() }
        }
    }
}
