import ArgumentParser
import Evidence
import Glibc
import Kernel
import Showcase

/// `countersign audit`: the audit log and its proofs.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Search the audit log, export it, prove entries, verify offline.",
        discussion: "Times are UTC. Without a subcommand entries are listed.",
        subcommands: [AuditListCommand.self, AuditExportCommand.self, AuditProveCommand.self, AuditVerifyCommand.self],
        defaultSubcommand: AuditListCommand.self)
}

/// `countersign audit list`.
struct AuditListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List audit entries, newest first.",
        discussion: "Exit codes: 0 listed; 1 you may not see it; 2 no answer.")

    @OptionGroup var choice: ScopeChoice
    @OptionGroup var output: ListOutput

    @Option(help: "Only this action, such as approval.signed.")
    var action: String?

    @Option(help: "Only entries about this object's id.")
    var object: String?

    @Option(help: "Only what this person did, or others on their behalf: an id, or a part of a name.")
    var who: String?

    @Option(help: "Only what was done on behalf of this person: an id, or a part of a name.")
    var behalf: String?

    @Option(help: "Only acts whose name or words have this in them, such as signed.")
    var text: String?

    @Option(help: "Only what belongs to this run.")
    var run: String?

    @Option(help: "Only entries at or after this instant, such as 2026-07-14T08:30:00Z.")
    var from: String?

    @Option(help: "Only entries before this instant.")
    var to: String?

    @Option(help: "At most so many of each tenant.")
    var limit = 100

    @Option(
        name: [.customShort("f"), .long],
        help: "Write what is found into this file, a line for each entry with its proof; `audit verify` checks it.")
    var file: String?

    func run() async throws {
        let wanted = [
            ("action", action), ("object", object), ("who", who), ("behalf", behalf), ("text", text), ("run", run),
            ("from", from),
            ("to", to),
        ]
        let query = wanted.compactMap { name, value in value.map { (name, $0) } }
        if let file { return try await write(query, to: file) }
        var rows: [(String, JSONValue)] = []
        for place in try await choice.scopes(permission: "audit.read") {
            rows += try await place.items("audit", query, limit: limit).map { (place.slug, $0) }
        }
        output.print(.object(["items": .array(rows.map(\.1))])) {
            Terminal.table(
                ["AT", "TENANT", "SEALED AS", "ACTION", "OBJECT", "BY", "FOR"],
                rows.map { scope, entry in
                    [
                        Cells.time(entry, "at"), scope, Cells.text(entry, "seal/seq"), Cells.text(entry, "action"),
                        "\(Cells.text(entry, "object/type")) \(Cells.text(entry, "object/id"))",
                        "\(Cells.text(entry, "actor/kind")) \(Cells.text(entry, "actor/id"))", Cells.text(entry, "onBehalfOf"),
                    ]
                }, width: Terminal.width)
        }
    }
}

extension AuditListCommand {
    fileprivate func write(_ query: [(String, String)], to file: String) async throws {
        let output = try OutputFile(file)
        var (proven, without) = (0, 0)
        for place in try await choice.scopes(permission: "audit.read") {
            for item in try await place.items("audit/proofs", query, limit: limit) {
                if item["proof"] == nil { without += 1 } else { proven += 1 }
                try output.write(item.text + "\n")
            }
        }
        _ = try output.finished()
        Terminal.print("\(proven) entries with their proofs are in \(file)")
        if without > 0 { Terminal.complain("\(without) entries have no proof yet: no checkpoint covers them.") }
    }
}

/// `countersign audit export`: a folder that can be verified without us.
struct AuditExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write one tenant's sealed log, its checkpoints and public keys into a folder.",
        discussion: """
            The folder holds entries.ndjson (the exact bytes that were sealed, a line each), leaves.txt, checkpoints.txt, keys.txt
            and manifest.json. Verify it with `countersign audit verify FOLDER`, on any machine.
            Exit codes: 0 written; 1 you may not see it; 2 no answer, or the folder cannot be written.
            """)

    @Argument(help: "The folder; made if it is not there. Files of an earlier export in it are replaced.")
    var folder: String

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        let places = try await choice.scopes(permission: "audit.read")
        guard places.count == 1, let place = places.first else {
            throw ValidationError("A log belongs to one tenant; choose it with --tenant.")
        }
        let summary = try await AuditExport.write(place, to: folder)
        Terminal.print("\(summary.entries) entries and \(summary.checkpoints) checkpoints of \(place.slug) are in \(folder)")
        if summary.missing > 0 {
            Terminal.complain("\(summary.missing) sealed entries are gone; the export has a mark in the place of each.")
        }
    }
}

/// `countersign audit prove`: one entry's proof in a file of its own.
struct AuditProveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prove", abstract: "Fetch the proof that an entry is in the sealed log, check it, and write it to a file.",
        discussion: "Exit codes: 0 proven; 1 there is no such sealed entry for you, or the proof is bad; 2 no answer.")

    @Argument(help: "The entry's id.")
    var entry: String

    @Option(name: [.customShort("f"), .long], help: "The file for the proof; shown on the screen unless given.")
    var file: String?

    @OptionGroup var choice: ScopeChoice

    func run() async throws {
        let (place, json) = try await choice.find("audit/entries/\(entry)/proof", permission: "audit.read")
        let checkpoint = try ProofBundle(json).check(keys: nil)
        if let file {
            try OutputFile(file).write(json.prettyText + "\n")
        } else {
            Terminal.print(json["proof"]?.string ?? "")
        }
        Terminal.complain(
            "Entry \(json["index"]?.int ?? 0) of \(place.slug) is proven under the checkpoint of \(checkpoint.size) entries.")
    }
}

/// `countersign audit verify`: offline, with nothing but files.
struct AuditVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify an exported log, or one proof, without any server.",
        discussion: """
            Give --keys with the public keys as you got them when the log began, and --sink with the folder that the server
            writes checkpoints to, or a copy of it: then the export and the database need not be trusted in anything.
            Exit codes: 0 all is as it was sealed; 1 something is not, and the first bad entry is named; 2 files cannot be read.
            """)

    @Argument(help: "The folder of an export, or a file of one proof or many.")
    var path: String

    @Option(help: "A file of public keys, a line each. Without it, the keys beside the log are believed.")
    var keys: String?

    @Option(help: "A folder of checkpoints from outside the database; may be given more than once.")
    var sink: [String] = []

    @OptionGroup var output: OutputOption

    func run() throws {
        let trusted = try keys.map { try AuditExport.keys(in: $0) }
        if trusted == nil { Terminal.complain("The public keys are those beside the log; give --keys to rely on your own.") }
        guard AuditExport.isFolder(path) else { return try verifyProofs(trusted) }
        let verdict = try AuditExport.verify(path, keys: trusted, sinks: sink)
        switch output.form {
        case .json: Terminal.print(verdict.json.prettyText)
        case .text:
            for warning in verdict.warnings { Terminal.print("\(Terminal.styled("warning", .yellow)) \(warning)") }
            if let finding = verdict.finding { Terminal.print("\(Terminal.styled("bad", .red)) \(finding)") }
            Terminal.print(verdict.summary)
        }
        if !verdict.isGood { throw BadAnswer() }
    }

    /// One proof, or a line for each.
    private func verifyProofs(_ trusted: [NoteKey]?) throws {
        let lines = try LineFile(path)
        // A proof of its own is written over several lines, so its first is no object.
        guard let first = try lines.next(), let json = try? JSONValue(parsing: first), json.object != nil else {
            return try verifyProof(trusted)
        }
        var (next, number, proven, bad): (JSONValue?, Int, Int, [String]) = (json, 1, 0, [])
        while let item = next {
            if item["proof"] != nil || item["without"] == nil {
                do {
                    _ = try ProofBundle(item).check(keys: trusted)
                    proven += 1
                } catch let answer as BadAnswer {
                    bad.append("line \(number): \(answer.text ?? "it is no proof")")
                }
            }
            guard let line = try lines.next() else { break }
            number += 1
            guard let json = try? JSONValue(parsing: line) else {  // it is told as what it is
                bad.append("line \(number) is no JSON")
                break
            }
            next = json
        }
        switch output.form {
        case .json:
            Terminal.print(
                JSONValue.object([
                    "good": .bool(bad.isEmpty), "lines": JSONValue(number), "proven": JSONValue(proven),
                    "findings": .array(bad.map(JSONValue.string)),
                ]).prettyText)
        case .text:
            for finding in bad { Terminal.print("\(Terminal.styled("bad", .red)) \(finding)") }
            Terminal.print("\(proven) of \(number) entries are proven")
        }
        if !bad.isEmpty { throw BadAnswer() }
    }

    private func verifyProof(_ trusted: [NoteKey]?) throws {
        let bytes = try FileBytes.read(path, maxBytes: 4_194_304)
        let json: JSONValue
        do throws(JSONParseFailure) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw Fault("reading \(path)", "\(error)", isRetryable: false)
        }
        let checkpoint = try ProofBundle(json).check(keys: trusted)
        switch output.form {
        case .json: Terminal.print(JSONValue.object(["good": true, "size": JSONValue(Int64(checkpoint.size))]).prettyText)
        case .text:
            Terminal.print("The entry is proven under the checkpoint of \(checkpoint.size) entries of \(checkpoint.origin).")
        }
    }
}

/// A proof with the bytes that it proves.
struct ProofBundle {
    private let proof: String
    private let entry: String
    private let keys: [String]

    init(_ json: JSONValue) throws {
        guard let proof = json["proof"]?.string, let entry = json["entry"]?.string else {
            throw BadAnswer("This is no proof of an audit entry: it lacks `proof` or `entry`.")
        }
        self.proof = proof
        self.entry = entry
        keys = (json["keys"]?.array ?? []).compactMap(\.string)
    }

    /// With the keys given, or those beside the proof.
    func check(keys trusted: [NoteKey]?) throws -> Checkpoint {
        do {
            let known = try trusted ?? keys.map { try NoteKey($0, AuditProofs.hasher) }
            return try EntryProof(parsing: proof).checked(
                entry: entry.utf8, keys: known, AuditProofs.hasher, AuditProofs.isValid)
        } catch let flaw as NoteFlaw {
            throw BadAnswer("The proof is bad: \(flaw)")
        }
    }
}
