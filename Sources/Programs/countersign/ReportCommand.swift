import ArgumentParser
import Kernel
import Reports
import Seals
import Showcase

/// `countersign sla report`: monthly service-level reports, and their verification without a server.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Draft, sign, send and check monthly service-level reports.",
        discussion: """
            countersign sla report draft 2026-10 --tenant meridian
            countersign sla report show ID --tenant meridian
            countersign sla report sign-off ID --tenant meridian --hash SHA256
            countersign sla report fetch ID --tenant meridian --form document > report.json
            countersign sla report fetch ID --tenant meridian --form data > report.ndjson
            countersign sla report verify report.json report.ndjson
            """,
        subcommands: [
            List.self, Show.self, Draft.self, Justify.self, Submit.self, Return.self, SignOff.self, Send.self, Archive.self,
            Amend.self, Fetch.self, Verify.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reports, the newest month first.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var choice: ScopeChoice
        @OptionGroup var output: ListOutput

        func run() async throws {
            var rows: [JSONValue] = []
            for place in try await choice.scopes(permission: "service.read") {
                rows += try await place.get("sla-reports")["items"]?.array ?? []
            }
            output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["ID", "NUMBER", "REVISION", "MONTH", "CONTRACT", "STATE", "MISSED"],
                    rows.map { row in
                        ["id", "number", "revision", "month", "contract", "state", "standing/missed"].map { Cells.text(row, $0) }
                    }, width: Terminal.width)
            }
        }
    }

    /// One tenant and one report.
    struct Target: ParsableArguments {
        @Argument(help: "The report's id.")
        var id: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }

        var path: String { "sla-reports/\(id)" }

        func act(_ name: String, _ body: JSONValue = [:]) async throws {
            let answer = try await api().post("\(path)/\(name)", body)
            Terminal.print("\(Cells.text(answer, "id")): \(Cells.text(answer, "state"))")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One report: state, figures, missed clocks, and the hash to sign.",
            discussion: "Exit codes: 0 shown; 1 not there; 2 no answer.")

        @OptionGroup var target: Target
        @OptionGroup var output: ListOutput

        func run() async throws {
            let json = try await target.api().get(target.path)
            output.print(json) { ReportText.whole(json) }
        }
    }

    struct Draft: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Draft the reports of a month that is over.",
            discussion: "Exit codes: 0 begun; 1 refused; 2 no answer.")

        @Argument(help: "The month, such as 2026-10.")
        var month: String

        @Option(name: [.customShort("t"), .customLong("tenant")], help: "The tenant, by its short name.")
        var tenant: String

        @OptionGroup var server: ServerOptions

        func run() async throws {
            let answer = try await TenantAPI(try server.api(), tenant).post("sla-reports", ["month": .string(month)])
            for row in answer["items"]?.array ?? [] {
                Terminal.print("\(Cells.text(row, "id")): SR-\(Cells.text(row, "number")), \(Cells.text(row, "state"))")
            }
        }
    }

    struct Justify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say why a clock was missed; with --excluded leave it out, where the contract permits the cause.",
            discussion: "Exit codes: 0 kept; 1 refused; 2 no answer.")

        @OptionGroup var target: Target
        @Option(help: "The missed clock, by its key from `show`.") var miss: String
        @Option(help: ArgumentHelp("The cause: \(Justification.causes.joined(separator: ", ")).")) var cause: String
        @Option(help: "What happened, for the customer.") var text: String
        @Flag(help: "Leave it out of the share.") var excluded = false

        func run() async throws {
            let one: JSONValue = ["cause": .string(cause), "text": .string(text), "excluded": .bool(excluded)]
            let answer = try await target.api().put(target.path, ["justified": .object(JSONObject([(key: miss, value: one)]))])
            Terminal.print("\(Cells.text(answer, "id")): \(Cells.text(answer, "state"))")
        }
    }

    private static func act(_ abstract: String) -> CommandConfiguration {
        CommandConfiguration(abstract: abstract, discussion: "Exit codes: 0 done; 1 refused; 2 no answer.")
    }

    struct Submit: AsyncParsableCommand {
        static let configuration = ReportCommand.act("Freeze the document and ask for its review.")
        @OptionGroup var target: Target

        func run() async throws { try await target.act("submit") }
    }

    struct Return: AsyncParsableCommand {
        static let configuration = ReportCommand.act("Give a report in review back to its authors.")
        @OptionGroup var target: Target
        @Option(help: "Why; kept in the audit log.") var reason: String

        func run() async throws { try await target.act("return", ["reason": .string(reason)]) }
    }

    struct SignOff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sign-off", abstract: "Sign the document with this hash off; who wrote on it cannot.",
            discussion: "Exit codes: 0 signed; 1 refused; 2 no answer.")
        @OptionGroup var target: Target
        @Option(help: "The hash of the document that you have read, from `show`.") var hash: String

        func run() async throws { try await target.act("sign-off", ["hash": .string(hash)]) }
    }

    struct Send: AsyncParsableCommand {
        static let configuration = ReportCommand.act("Send a signed report to the contract's recipients.")
        @OptionGroup var target: Target

        func run() async throws { try await target.act("send") }
    }

    struct Archive: AsyncParsableCommand {
        static let configuration = ReportCommand.act("Put a report that was sent into the archive.")
        @OptionGroup var target: Target

        func run() async throws { try await target.act("archive") }
    }

    struct Amend: AsyncParsableCommand {
        static let configuration = ReportCommand.act("Draft a revision beside a signed report; the original stays.")
        @OptionGroup var target: Target
        @Option(help: "Why; shown on the revision.") var reason: String

        func run() async throws { try await target.act("amend", ["reason": .string(reason)]) }
    }

    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write one form of a report to standard output: its document for checking, its data, figures or pages.",
            discussion: "Exit codes: 0 written; 1 not there; 2 no answer.")

        @OptionGroup var target: Target
        @Option(help: "document, data, csv, html or pdf.") var form = "document"

        func validate() throws {
            guard ["document", "data", "csv", "html", "pdf"].contains(form) else {
                throw ValidationError("--form is document, data, csv, html or pdf.")
            }
        }

        func run() async throws {
            let api = try target.api()
            guard form == "data" else { return Terminal.write(try await api.file("\(target.path)/\(form)")) }
            var piece = 1
            while true {
                do {
                    Terminal.write(try await api.file("\(target.path)/data", [("piece", "\(piece)")]))
                } catch let problem as ServerProblem where problem.status == 404 && piece > 1 {
                    return
                }
                piece += 1
            }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Compute every figure of a report again from its attached data, without a server.",
            discussion: """
                Takes the document (`fetch --form document`) and the data (`fetch --form data`), in any order. The server used
                the same code; zone data of another version can differ, and then that is said.
                Exit codes: 0 every figure is right; 1 something differs; 2 a file cannot be read.
                """)

        @Argument(help: "The document and the data.")
        var files: [String]

        func validate() throws {
            guard files.count == 2 else { throw ValidationError("Give two files: the document and the data.") }
        }

        func run() throws {
            let (found, clocks) = try ReportCheck.differences(files)
            for one in found {
                Terminal.complain("\(one.place): the report says \(one.reported.text), the data give \(one.computed.text)")
            }
            guard found.isEmpty else { throw BadAnswer() }
            Terminal.print("Every figure is right: \(clocks) clocks computed again.")
        }
    }
}

/// The offline check of two files.
enum ReportCheck {
    static func differences(_ files: [String]) throws -> (found: [ReportDifference], clocks: Int64) {
        let isFirst = try LineFile(files[0]).piece().map { $0.starts(with: Array("{\"document\"".utf8)) } ?? false
        let (documentFile, dataFile) = isFirst ? (files[0], files[1]) : (files[1], files[0])
        let file = try InputFile.json(documentFile)
        guard let document = file["document"], let hash = file["hash"]?.string else {
            throw ValidationError("\(documentFile) is no document of a report; fetch it with --form document.")
        }
        var found: [ReportDifference] = []
        let computed = try ObjectHash.hexText(of: document)
        if computed != hash {
            found.append(ReportDifference(place: "/hash", reported: .string(hash), computed: .string(computed)))
        }
        var check = try ReportVerification(document: document) { SHA256.hash($0) }
        let lines = try LineFile(dataFile)
        while let line = try lines.next() { try check.take(Array(line)) }
        found += try check.differences()
        if !found.isEmpty, let here = check.zoneVersion, let there = document["zoneVersion"]?.string, here != there {
            Terminal.complain("The report was made with zone data \(there); this machine has \(here), which may be the reason.")
        }
        return (found, check.clocks)
    }
}

enum ReportText {
    static func whole(_ json: JSONValue) -> String {
        func text(_ path: String) -> String { Cells.text(json, path) }
        var lines = [
            "SR-\(text("number")) revision \(text("revision")), \(text("month")), \(text("contract")) \(text("version")): "
                + text("state")
        ]
        guard let document = json["document"], !document.isNull else {
            return lines[0] + "\n\(text("clocksSeen")) of \(text("clocksTotal")) clocks are read."
        }
        lines.append("Hash \(text("documentHash"))")
        if json["isAmended"]?.bool == true { lines.append("A later revision stands in its place.") }
        lines.append(
            Terminal.table(
                ["COMMITMENT", "CASES", "MET", "MISSED", "EXCLUDED", "OPEN", "KEPT"],
                (document["figures"]?["objectives"]?.array ?? []).map { one in
                    ["title", "n", "met", "missed", "excluded", "openAtEnd", "kept"].map { Cells.text(one, $0) }
                }, width: Terminal.width))
        let misses = document["breaches"]?.array ?? []
        if !misses.isEmpty {
            lines.append(
                Terminal.table(
                    ["MISSED", "COMMITMENT", "CAUSE", "WHY"],
                    misses.map { one in
                        ["key", "objective", "justification/cause", "justification/text"].map { Cells.text(one, $0) }
                    }, width: Terminal.width))
        }
        if let credits = document["figures"]?["credits"], !credits.isNull {
            lines.append("Credit: \(Cells.text(credits, "percent")) % \(Cells.text(credits, "amount"))")
        }
        return lines.joined(separator: "\n")
    }
}
