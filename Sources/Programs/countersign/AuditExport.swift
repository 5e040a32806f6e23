import Evidence
import Glibc
import Kernel
import Seals
import Showcase

/// A sealed log in a folder: written from the server's answers, verified from files alone.
enum AuditExport {
    static let entriesFile = "entries.ndjson"
    static let leavesFile = "leaves.txt"
    static let checkpointsFile = "checkpoints.txt"
    static let keysFile = "keys.txt"
    static let manifestFile = "manifest.json"
    private static let format = "countersign-audit-export/1"
    private static let pageEntries = 1000
    private static let fileBytesMax = 1 << 30

    struct Summary {
        var entries: Int64 = 0
        var checkpoints = 0
        var missing = 0
    }

    // MARK: Writing

    static func write(_ place: TenantAPI, to folder: String) async throws -> Summary {
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw Fault("making \(folder)", String(cString: strerror(errno)), isRetryable: false)
        }
        let state = try await place.get("audit/state")
        var summary = Summary()
        let entries = try OutputFile("\(folder)/\(entriesFile)")
        let leaves = try OutputFile("\(folder)/\(leavesFile)")
        var next: Int64 = 0
        while true {
            let page = try await place.get("audit/sealed", [("from", "\(next)"), ("limit", "\(pageEntries)")])
            let items = page["items"]?.array ?? []
            for item in items {
                guard let seq = item["seq"]?.int64, let leaf = item["leaf"]?.string, seq >= next else {
                    throw Fault("exporting the audit log", "the server's list is not in order", isRetryable: false)
                }
                while next < seq {
                    try entries.write(AuditVerifier.missingLine(next) + [0x0A])
                    try leaves.write(String(repeating: "0", count: 64) + "\n")
                    summary.missing += 1
                    next += 1
                }
                let line = item["entry"]?.string.map { Array($0.utf8) } ?? AuditVerifier.missingLine(seq)
                summary.missing += item["entry"]?.string == nil ? 1 : 0
                try entries.write(line + [0x0A])
                try leaves.write(leaf + "\n")
                next = seq + 1
            }
            guard page["next"] != nil, !items.isEmpty else { break }
        }
        summary.entries = next
        let notes = try await self.notes(place)
        summary.checkpoints = notes.count
        let checkpoints = try OutputFile("\(folder)/\(checkpointsFile)")
        for note in notes { try checkpoints.write(note + "\n") }
        let keys = try OutputFile("\(folder)/\(keysFile)")
        for key in state["keys"]?.array ?? [] { try keys.write((key.string ?? "") + "\n") }
        let files = try [entries, leaves, checkpoints, keys].map { try $0.finished() }
        try OutputFile("\(folder)/\(manifestFile)").write(
            JSONValue.object([
                "format": .string(format), "tenant": .string(place.slug), "origin": state["origin"],
                "exportedAt": .string(WallClock.system.now.text(fraction: 0)), "entries": JSONValue(next),
                "checkpoints": JSONValue(notes.count), "files": .array(files),
            ]).prettyText + "\n")
        return summary
    }

    /// All checkpoints, the smallest first.
    private static func notes(_ place: TenantAPI) async throws -> [String] {
        var out: [String] = []
        var below: Int64?
        repeat {
            let page = try await place.get(
                "audit/checkpoints", [("limit", "1000")] + (below.map { [("below", "\($0)")] } ?? []))
            out += (page["items"]?.array ?? []).compactMap { $0["note"]?.string }
            below = page["next"]?.int64
        } while below != nil
        return out.reversed()
    }

    // MARK: Verifying

    struct Verdict {
        var finding: AuditVerifier.Finding?
        var warnings: [String]
        let entries: UInt64
        let covered: UInt64
        let checkpoints: Int
        /// The bad entry as it stands there, when it can be read.
        var shown: String?
        /// Without a single good checkpoint nothing is proven.
        var isGood: Bool { finding == nil && checkpoints > 0 }

        var summary: String {
            // Behind a bad entry nothing was looked at.
            let rest = finding == nil ? entries - min(entries, covered) : 0
            let first = "\(entries) entries; \(checkpoints) checkpoints hold and cover \(covered) of them"
            return first + (rest > 0 ? "; \(rest) wait for the next checkpoint" : "")
                + (shown.map { "; entry \(finding?.seq ?? 0) reads: \($0)" } ?? "")
        }

        var json: JSONValue {
            .object([
                "good": .bool(isGood), "entries": JSONValue(Int64(entries)), "covered": JSONValue(Int64(covered)),
                "checkpoints": JSONValue(checkpoints), "warnings": .array(warnings.map(JSONValue.string)),
                "finding": finding.map { ["seq": JSONValue(Int64($0.seq)), "what": .string($0.what)] },
                "entry": shown.map(JSONValue.string),
            ])
        }
    }

    static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    static func keys(in file: String) throws -> [NoteKey] {
        let text = String(decoding: try FileBytes.read(file, maxBytes: 1_048_576), as: UTF8.self)
        return try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            do throws(NoteFlaw) {
                return try NoteKey(line, AuditProofs.hasher)
            } catch {
                throw Fault("reading \(file)", "`\(line.prefix(60))`: \(error)", isRetryable: false)
            }
        }
    }

    static func verify(_ folder: String, keys trusted: [NoteKey]?, sinks: [String]) throws -> Verdict {
        let keys = try trusted ?? keys(in: "\(folder)/\(keysFile)")
        var warnings = try manifestWarnings(folder)
        var verifier = AuditVerifier(keys: keys, AuditProofs.hasher, isValid: AuditProofs.isValid)
        verifier.add(notes: CheckpointFolder.split(try FileBytes.read("\(folder)/\(checkpointsFile)", maxBytes: fileBytesMax)))
        var noted = try LeafFile("\(folder)/\(leavesFile)")
        // Origins end with the tenant's id, and so do the names of the sink's files begin.
        let log = keys.first.flatMap { $0.name.split(separator: "/").last.map(String.init) } ?? ""
        for path in sinks {
            let sink = CheckpointFolder(path: path)
            let notes = try sink.notes(of: log)
            if notes.isEmpty { warnings.append("\(path) has no checkpoints of this log") }
            verifier.add(notes: notes)
            if access(sink.leavesFile(log), R_OK) == 0 { noted = try LeafFile(sink.leavesFile(log)) }
        }
        warnings += verifier.refusedNotes
        let lines = try LineFile("\(folder)/\(entriesFile)")
        while let line = try lines.next() { verifier.add(entry: line, noted: noted.leaf) }
        verifier.finish(noted: noted.leaf)
        var verdict = Verdict(
            finding: verifier.finding, warnings: warnings, entries: verifier.entryCount, covered: verifier.covered,
            checkpoints: verifier.checkpointsHeld, shown: nil)
        if verdict.finding == nil, verdict.checkpoints == 0 { verdict.warnings.append("no checkpoint vouches for this log") }
        if let finding = verdict.finding { verdict.shown = try line(finding.seq, of: "\(folder)/\(entriesFile)") }
        return verdict
    }

    private static func line(_ seq: UInt64, of file: String) throws -> String? {
        let lines = try LineFile(file)
        var at: UInt64 = 0
        while let line = try lines.next() {
            if at == seq { return String(decoding: line.prefix(300), as: UTF8.self) }
            at += 1
        }
        return nil
    }

    /// Files that are not those of the manifest; the log itself says then what is wrong.
    private static func manifestWarnings(_ folder: String) throws -> [String] {
        let manifest = try VectorFile.read("\(folder)/\(manifestFile)", maxBytes: 1_048_576)
        guard manifest["format"]?.string == format else { return ["\(manifestFile) is of no format that this program knows"] }
        var out: [String] = []
        for file in manifest["files"]?.array ?? [] {
            guard let name = file["name"]?.string, !name.contains("/") else { continue }
            let hash = SHA256Stream()
            let lines = try LineFile("\(folder)/\(name)")
            while let piece = try lines.piece() { hash.update(contentsOf: piece) }
            if hash.digest().hexText != file["sha256"]?.string { out.append("\(name) was changed after the export") }
        }
        return out
    }
}

/// A file that is being written, hashed on the way.
final class OutputFile {
    private static let bufferBytes = 262_144

    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var bytes = 0
    private let hash = SHA256Stream()

    init(_ path: String) throws(Fault) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Fault("making \(path)", String(cString: strerror(errno)), isRetryable: false) }
    }

    deinit {
        // What is left is written; whoever needs to know of a failure calls `finished`.
        try? flush()
        close(descriptor)
    }

    func write(_ text: String) throws(Fault) { try write(Array(text.utf8)) }

    func write(_ more: [UInt8]) throws(Fault) {
        buffer += more
        if buffer.count >= OutputFile.bufferBytes { try flush() }
    }

    private func flush() throws(Fault) {
        var rest = buffer[...]
        hash.update(contentsOf: buffer)
        bytes += buffer.count
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Fault("writing \(path)", String(cString: strerror(errno)), isRetryable: false) }
            rest = rest.dropFirst(count)
        }
        buffer = []
    }

    /// Its name, size and hash, for the manifest.
    func finished() throws(Fault) -> JSONValue {
        try flush()
        guard fsync(descriptor) == 0 else { throw Fault("keeping \(path)", String(cString: strerror(errno)), isRetryable: false) }
        return [
            "name": .string(String(path.split(separator: "/").last ?? "")), "bytes": JSONValue(bytes),
            "sha256": .string(hash.digest().hexText),
        ]
    }
}

/// A file read in pieces, or line by line; a line has at most `lineBytesMax` bytes.
final class LineFile {
    static let lineBytesMax = 1_048_576
    private static let pieceBytes = 1_048_576

    private let path: String
    private let descriptor: Int32
    private var held: [UInt8] = []
    private var at = 0
    private var isAtEnd = false

    init(_ path: String) throws(Fault) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Fault("opening \(path)", String(cString: strerror(errno)), isRetryable: false) }
    }

    deinit { close(descriptor) }

    func piece() throws(Fault) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: LineFile.pieceBytes)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw Fault("reading \(path)", String(cString: strerror(errno)), isRetryable: false) }
        return count == 0 ? nil : Array(bytes[..<count])
    }

    /// Without its line feed; nil at the end.
    func next() throws(Fault) -> ArraySlice<UInt8>? {
        while true {
            if let end = held[at...].firstIndex(of: 0x0A) {
                defer { at = end + 1 }
                return held[at..<end]
            }
            guard !isAtEnd else {
                guard at < held.count else { return nil }
                defer { at = held.count }
                return held[at...]
            }
            guard held.count - at <= LineFile.lineBytesMax else {
                throw Fault("reading \(path)", "a line is longer than \(LineFile.lineBytesMax) bytes", isRetryable: false)
            }
            held.removeFirst(at)
            at = 0
            if let more = try piece() { held += more } else { isAtEnd = true }
        }
    }
}

/// Leaves noted in lines of one length, by their place.
final class LeafFile {
    private let descriptor: Int32

    init(_ path: String) throws(Fault) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Fault("opening \(path)", String(cString: strerror(errno)), isRetryable: false) }
    }

    deinit { close(descriptor) }

    /// Nil where none was noted.
    func leaf(_ seq: UInt64) -> [UInt8]? {
        var line = [UInt8](repeating: 0, count: CheckpointFolder.lineBytes)
        guard seq < UInt64(Int64.max) / 65, pread(descriptor, &line, line.count, off_t(seq) * off_t(line.count)) == line.count
        else { return nil }
        return VectorFile.hexBytes(String(decoding: line.dropLast(), as: UTF8.self))
    }
}
