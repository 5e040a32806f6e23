import ArgumentParser
import Finance
import Glibc
import Kernel
import Reader

/// `countersign document`: what the product makes of a document.
struct DocumentCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "document", abstract: "Look at documents the way the product does.", subcommands: [Inspect.self])

    struct Inspect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the canonical reading of documents and the findings.",
            discussion: """
                Documents are opened by countersign-reader, a process without network and with limits; `--reader` or
                COUNTERSIGN_READER names it when it does not lie beside this program.
                With -o json one file gives an object and several give an array.
                Exit codes: 0 every document was read without fatal findings; 1 some were not; 2 a file or the reader is missing.
                """)

        @Argument(help: ArgumentHelp("The documents; - for standard input.", valueName: "file"))
        var files: [String]

        @Option(help: "The program that opens documents.")
        var reader: String?

        @OptionGroup var output: OutputOption

        func validate() throws {
            if files.isEmpty { throw ValidationError("Name at least one file.") }
        }

        func run() throws {
            let child = try DocumentReader.child(reader)
            defer { child.close() }
            var answers: [JSONValue] = []
            var isGood = true
            for file in files {
                let bytes = try InputFile.bytes(file, maxBytes: ReaderLimits.standard.documentBytesMax)
                let reading = try child.openBlocking(bytes)
                isGood = isGood && reading.rejection == nil && !reading.findings.contains { $0.severity == .fatal }
                switch output.form {
                case .text: Terminal.print(DocumentReport.text(for: reading, name: file))
                case .json:
                    var members: JSONObject = ["file": .string(file)]
                    for (key, value) in reading.json.object ?? [:] { members[key] = value }
                    answers.append(.object(members))
                }
            }
            if output.form == .json { Terminal.print((answers.count == 1 ? answers[0] : .array(answers)).prettyText) }
            if !isGood { throw BadAnswer() }
        }
    }
}

/// Finds and starts the program that opens documents.
enum DocumentReader {
    /// `given`, else COUNTERSIGN_READER, else `countersign-reader` beside this program.
    static func child(_ given: String?) throws -> ReaderChild {
        let program = given ?? Terminal.environment("COUNTERSIGN_READER") ?? beside("countersign-reader")
        guard access(program, X_OK) == 0 else {
            throw Refusal(
                .unavailable, reason: "reader.missing",
                "The reader \(program) cannot be run: \(String(cString: strerror(errno))).",
                facts: ["remedy": "Build it, or name it with --reader."])
        }
        return ReaderChild(program: program)
    }

    /// A path in the folder of the running program, however it was started.
    private static func beside(_ name: String) -> String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        let own = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let slash = own.lastIndex(of: "/") else { return name }
        return own[...slash] + name
    }

    /// Runs a published collection of e-invoices through the reader.
    static func conformance(_ folder: String) throws -> ConformanceTally {
        let child = try child(nil)
        defer { child.close() }
        return try EInvoiceConformance.run(directory: folder, reader: child)
    }
}
