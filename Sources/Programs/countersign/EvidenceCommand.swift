import ArgumentParser
import Evidence
import Glibc
import Kernel
import Seals
import Showcase

/// `countersign evidence`: complete lists for auditors, and checking them without a server.
struct EvidenceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Ask for evidence packs, take them away, and verify them offline.",
        discussion: """
            countersign evidence packs --tenant meridian
            countersign evidence generate approvals --from 2026-10-01T00:00:00Z --tenant meridian -f FOLDER
            countersign evidence verify FOLDER --keys KEYS
            """,
        subcommands: [Packs.self, List.self, Generate.self, Show.self, Fetch.self, Verify.self], defaultSubcommand: List.self)

    /// One scope.
    struct Place: ParsableArguments {
        @Option(
            name: [.customShort("t"), .customLong("tenant")], help: "One tenant, by its short name; `operator` for the operator.")
        var tenant: String

        @OptionGroup var server: ServerOptions
        @OptionGroup var output: ListOutput

        func api() throws -> TenantAPI { TenantAPI(try server.api(), tenant) }
    }

    struct Packs: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The packs that there are, what each answers, and what of it nobody keeps.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var place: Place

        func run() async throws {
            let answer = try await place.api().get("evidence-packs")
            place.output.print(answer) {
                Terminal.table(
                    ["NO", "PACK", "ABOUT", "QUESTION", "LISTS", "NOT KEPT", "MAY ASK"],
                    (answer["items"]?.array ?? []).map { pack in
                        [
                            Cells.text(pack, "number"), Cells.text(pack, "name"), Cells.text(pack, "time"),
                            Cells.text(pack, "question"),
                            (pack["lists"]?.array ?? []).map { Cells.text($0, "name") }.joined(separator: ", "),
                            "\(pack["missing"]?.array?.count ?? 0)", pack["mayAsk"]?.bool == true ? "yes" : "no",
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Packs that were asked for, newest first, and by whom.",
            discussion: "Exit codes: 0 listed; 1 you may not see them; 2 no answer.")

        @OptionGroup var place: Place

        @Option(help: "At most so many.")
        var limit = 50

        func run() async throws {
            let rows = try await place.api().items("evidence", limit: limit)
            place.output.print(["items": .array(rows)]) {
                Terminal.table(
                    ["ASKED AT", "PACK", "STATE", "ROWS", "FROM", "TO", "BY", "ID"],
                    rows.map { row in
                        [
                            Cells.time(row, "askedAt"), Cells.text(row, "pack"), Cells.text(row, "state"),
                            Cells.text(row, "rows"),
                            Cells.time(row, "from"), Cells.time(row, "to"), Cells.text(row, "askedName"), Cells.text(row, "id"),
                        ]
                    }, width: Terminal.width)
            }
        }
    }

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ask for a pack, wait until it is read, and with -f take it away.",
            discussion: "Exit codes: 0 read; 1 refused, or it could not be read; 2 no answer.")

        @Argument(help: "The pack's number or name.")
        var pack: String

        @Option(help: "The begin of the period; left out for a pack about an instant.")
        var from: String?

        @Option(help: "The end of the period, or the instant; now unless given.")
        var to: String?

        @Option(name: [.customShort("f"), .long], help: "A folder for the files.")
        var folder: String?

        @OptionGroup var place: Place

        func run() async throws {
            let api = try place.api()
            var body: JSONObject = ["pack": .string(pack)]
            if let from { body["from"] = .string(from) }
            if let to { body["to"] = .string(to) }
            let asked = try await api.post("evidence", .object(body))
            let id = Cells.text(asked, "id")
            var row = asked
            while row["state"]?.string == "building" {
                try await Task.sleep(for: .milliseconds(500))
                row = try await api.get("evidence/\(id)")
            }
            guard row["state"]?.string == "ready" else {
                throw BadAnswer("Pack \(id) was not read: \(Cells.text(row, "problem"))")
            }
            if let folder { try await EvidenceFolder.write(row, api, to: folder) }
            let answer = row
            place.output.print(answer) { EvidenceFolder.summary(answer) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "One pack: its lists with their rows and hashes, and the statements that were run.",
            discussion: "Exit codes: 0 shown; 1 you may not see it, or it is not there; 2 no answer.")

        @Argument(help: "The id of what was asked for.")
        var id: String

        @OptionGroup var place: Place

        func run() async throws {
            let row = try await place.api().get("evidence/\(ServerAPI.escaped(id))")
            place.output.print(row) { EvidenceFolder.summary(row) }
        }
    }

    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a pack away: its lists as NDJSON and CSV, the manifest, its signature and the public keys.",
            discussion: "Exit codes: 0 written; 1 you may not see it, or it is not there; 2 no answer.")

        @Argument(help: "The id of what was asked for.")
        var id: String

        @Argument(help: "The folder; made if it is not there.")
        var folder: String

        @OptionGroup var place: Place

        func run() async throws {
            let api = try place.api()
            let row = try await api.get("evidence/\(ServerAPI.escaped(id))")
            try await EvidenceFolder.write(row, api, to: folder)
            place.output.print(row) { EvidenceFolder.summary(row) }
        }
    }

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify a pack from its files alone, without any server.",
            discussion: """
                The signature is checked with the public keys of the tenant's audit log: give --keys with those that you got when
                the log began. Then each list is hashed and counted, and each table is made again from its lines.
                Exit codes: 0 all is as it was signed; 1 something is not, and it is named; 2 files cannot be read.
                """)

        @Argument(help: "The folder with manifest.json, manifest.note and the lists.")
        var folder: String

        @Option(help: "A file of public keys, a line each. Without it, those beside the pack are believed.")
        var keys: String?

        @OptionGroup var output: OutputOption

        func run() throws {
            if keys == nil { Terminal.complain("The public keys are those beside the pack; give --keys to rely on your own.") }
            let known = try AuditExport.keys(in: keys ?? "\(folder)/\(AuditExport.keysFile)")
            let verdict = try EvidenceFolder.verify(folder, keys: known)
            switch output.form {
            case .json: Terminal.print(verdict.json.prettyText)
            case .text:
                for finding in verdict.findings { Terminal.print("\(Terminal.styled("bad", .red)) \(finding)") }
                for sentence in verdict.missing { Terminal.print("not kept: \(sentence)") }
                Terminal.print(verdict.summary)
            }
            if !verdict.findings.isEmpty { throw BadAnswer() }
        }
    }
}

/// A pack in a folder: written from the server's answers, verified from files alone.
enum EvidenceFolder {
    private static let manifestFile = "manifest.json"
    private static let noteFile = "manifest.note"

    static func summary(_ row: JSONValue) -> String {
        var lines = [
            "\(Cells.text(row, "number")). \(Cells.text(row, "title")): \(Cells.text(row, "state")), "
                + "\(Cells.text(row, "rows")) rows"
        ]
        for list in row["manifest"]?["lists"]?.array ?? [] {
            lines.append("  \(Cells.text(list, "name")): \(Cells.text(list, "rows")) rows")
            for file in list["files"]?.array ?? [] {
                lines.append("    \(Cells.text(file, "name")) \(Cells.text(file, "sha256"))")
            }
        }
        for sentence in row["manifest"]?["missing"]?.array ?? [] { lines.append("  not kept: \(sentence.string ?? "")") }
        if let hash = row["manifestSHA256"]?.string { lines.append("  manifest \(hash)") }
        lines.append("  id \(Cells.text(row, "id"))")
        return lines.joined(separator: "\n")
    }

    // MARK: Writing

    static func write(_ row: JSONValue, _ api: TenantAPI, to folder: String) async throws {
        guard row["state"]?.string == "ready", let manifest = row["manifest"] else {
            throw BadAnswer("The pack is \(Cells.text(row, "state")); there is nothing to take yet.")
        }
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw Fault("making \(folder)", String(cString: strerror(errno)), isRetryable: false)
        }
        let path = "evidence/\(Cells.text(row, "id"))/files"
        for name in [manifestFile, noteFile] {
            let file = try OutputFile("\(folder)/\(name)")
            try file.write(try await api.file("\(path)/\(name)"))
            _ = try file.finished()
        }
        let keys = try OutputFile("\(folder)/\(AuditExport.keysFile)")
        for key in row["keys"]?.array ?? [] { try keys.write((key.string ?? "") + "\n") }
        _ = try keys.finished()
        if row["emptiedAt"] != nil { return Terminal.complain("The rows are gone by now; the signed manifest is still there.") }
        for json in manifest["lists"]?.array ?? [] {
            let list = try self.list(json)
            let (lines, table) = (try OutputFile("\(folder)/\(list.name).ndjson"), try OutputFile("\(folder)/\(list.name).csv"))
            try table.write(EvidenceLine.head(of: list))
            var piece = 1
            while let bytes = try await self.piece(piece, "\(path)/\(list.name).ndjson", api) {
                try lines.write(bytes)
                for line in bytes.split(separator: 0x0A) {
                    try table.write(EvidenceLine.row(try parsed(Array(line), list.name), of: list))
                }
                piece += 1
            }
            _ = (try lines.finished(), try table.finished())
        }
    }

    /// Nil behind the last piece.
    private static func piece(_ number: Int, _ path: String, _ api: TenantAPI) async throws -> [UInt8]? {
        do {
            return try await api.file(path, [("piece", "\(number)")])
        } catch let problem as ServerProblem where problem.status == 404 {
            return nil
        }
    }

    private static func parsed(_ line: [UInt8], _ name: String) throws -> JSONValue {
        do throws(JSONParseFailure) {
            return try JSONValue(parsing: line, maxBytes: EvidenceBounds.lineBytesMax)
        } catch {
            throw BadAnswer("A line of \(name).ndjson is no JSON: \(error)")
        }
    }

    /// A list as its manifest describes it; its name goes into file names, so only plain ones are taken.
    private static func list(_ json: JSONValue) throws -> EvidenceList {
        guard let name = json["name"]?.string, !name.isEmpty,
            name.utf8.allSatisfy({ (0x61...0x7A).contains($0) || $0 == 0x2D })
        else { throw BadAnswer("The manifest names a list that can have no file.") }
        let columns = (json["columns"]?.array ?? []).map {
            EvidenceColumn($0["name"]?.string ?? "", EvidenceColumn.Kind(rawValue: $0["type"]?.string ?? "") ?? .text)
        }
        return EvidenceList(name, json["title"]?.string ?? "", columns)
    }

    // MARK: Verifying

    struct Verdict {
        var findings: [String] = []
        var missing: [String] = []
        var title = ""
        var rows: Int64 = 0
        var lists = 0

        var summary: String {
            findings.isEmpty
                ? "\(title): \(rows) rows in \(lists) lists are as they were signed"
                : "\(title): \(findings.count) things are not as signed"
        }

        var json: JSONValue {
            [
                "good": .bool(findings.isEmpty), "title": .string(title), "rows": JSONValue(rows), "lists": JSONValue(lists),
                "findings": .array(findings.map(JSONValue.string)), "missing": .array(missing.map(JSONValue.string)),
            ]
        }
    }

    static func verify(_ folder: String, keys: [NoteKey]) throws -> Verdict {
        var verdict = Verdict()
        let bytes = try FileBytes.read("\(folder)/\(manifestFile)", maxBytes: EvidenceManifest.bytesMax)
        let note = String(
            decoding: try FileBytes.read("\(folder)/\(noteFile)", maxBytes: SignedNote.bytesMax), as: UTF8.self)
        let manifest: JSONValue
        do throws(NoteFlaw) {
            manifest = try EvidenceManifest.checked(
                bytes, note: note, keys: keys, hash: { SHA256.hash($0) }, AuditProofs.isValid)
        } catch {
            throw BadAnswer("The manifest is bad: \(error)")
        }
        verdict.title = "\(manifest["pack"]?["number"]?.int ?? 0). \(manifest["pack"]?["title"]?.string ?? "")"
        verdict.missing = (manifest["missing"]?.array ?? []).compactMap(\.string)
        for json in manifest["lists"]?.array ?? [] {
            verdict.lists += 1
            try check(json, in: folder, &verdict)
        }
        return verdict
    }

    /// Hashes and counts a list, and makes its table again.
    private static func check(_ json: JSONValue, in folder: String, _ verdict: inout Verdict) throws {
        let list = try list(json)
        let promised = Dictionary(
            (json["files"]?.array ?? []).map { ($0["name"]?.string ?? "", $0["sha256"]?.string ?? "") },
            uniquingKeysWith: { first, _ in first })
        let (lines, table) = (SHA256Stream(), SHA256Stream())
        table.update(contentsOf: EvidenceLine.head(of: list).utf8)
        let file = try LineFile("\(folder)/\(list.name).ndjson")
        var rows: Int64 = 0
        var isSound = true
        while let line = try file.next() {
            rows += 1
            lines.update(contentsOf: line)
            lines.update(contentsOf: [0x0A])
            if let json = try? JSONValue(parsing: line, maxBytes: EvidenceBounds.lineBytesMax) {  // the hash tells of it
                table.update(contentsOf: EvidenceLine.row(json, of: list).utf8)
            } else {
                isSound = false
            }
        }
        verdict.rows += rows
        if !isSound || lines.digest().hexText != promised["\(list.name).ndjson"] {
            verdict.findings.append("\(list.name).ndjson is not the list that was signed")
        }
        if rows != json["rows"]?.int64 {
            verdict.findings.append("\(list.name).ndjson has \(rows) rows, and \(json["rows"]?.int64 ?? 0) were signed")
        }
        if isSound, table.digest().hexText != promised["\(list.name).csv"] {
            verdict.findings.append("the table of \(list.name) that was signed says something else than its lines")
        }
        // The table may have been left behind; one that is there is the one that was signed.
        let path = "\(folder)/\(list.name).csv"
        guard access(path, R_OK) == 0 else { return }
        let (whole, content) = (SHA256Stream(), try LineFile(path))
        while let piece = try content.piece() { whole.update(contentsOf: piece) }
        if whole.digest().hexText != promised["\(list.name).csv"] {
            verdict.findings.append("\(list.name).csv is not the table that was signed")
        }
    }
}
