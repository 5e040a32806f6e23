import Testing

/// The limits of a comfortable read, and the list of places that still exceed them.
///
/// `exceptions.txt` holds one place a line: `rule path[:function] measured`. The list may only shrink: a place that grew fails, a
/// place that shrank fails until its line says so, a place that is within the limit or gone fails until its line is deleted.
@Suite("Files, functions and lines are short enough to read")
struct SizeTests {
    static let fileLinesMax = 500
    static let functionLinesMax = 70
    static let lineColumnsMax = 130

    @Test("no file has more than 500 lines")
    func filesAreShort() { check("file", against: SizeTests.fileLinesMax, measured: SizeTests.fileLines()) }

    @Test("no function has more than 70 lines")
    func functionsAreShort() { check("function", against: SizeTests.functionLinesMax, measured: SizeTests.functionLines()) }

    @Test("no line has more than 130 columns")
    func linesAreShort() { check("line", against: SizeTests.lineColumnsMax, measured: SizeTests.lineColumns()) }

    @Test("the list of exceptions can be read")
    func exceptionsAreReadable() {
        let wrong = SizeException.lines.filter {
            SizeException($0) == nil || !["file", "function", "line"].contains(SizeException($0)?.rule)
        }
        #expect(wrong.isEmpty, "exceptions.txt: \(list(wrong))")
    }

    private func check(_ rule: String, against limit: Int, measured: [(place: String, size: Int)]) {
        let exceptions = SizeException.all.filter { $0.rule == rule }
        var findings: [String] = []
        for (place, size) in measured where size > limit {
            let known = exceptions.first { $0.place == place }?.size
            if known == nil { findings.append("\(place): \(size), and the limit is \(limit)") }
            if let known, size > known { findings.append("\(place): grew from \(known) to \(size)") }
            if let known, size < known { findings.append("\(place): now \(size); lower its line in exceptions.txt") }
        }
        for exception in exceptions {
            let size = measured.first { $0.place == exception.place }?.size ?? 0
            if size <= limit { findings.append("\(exception.place): no longer an exception; delete its line in exceptions.txt") }
        }
        #expect(findings.isEmpty, "\(list(findings))")
    }

    /// Lines of each Swift, C and SQL-free text that we write: Swift and C below `Sources`, Swift below `Tests`.
    private static func fileLines() -> [(place: String, size: Int)] {
        (Tree.sources + Tree.tests).map { ($0.path, $0.text.lines.count) } + cFiles.map { ($0.path, $0.lines.count) }
    }

    /// The widest line of each file; columns are characters as a person counts them.
    private static func lineColumns() -> [(place: String, size: Int)] {
        (Tree.sources + Tree.tests).map { ($0.path, widest($0.text.lines)) } + cFiles.map { ($0.path, widest($0.lines)) }
    }

    private static func widest(_ lines: [String]) -> Int {
        // A line of fewer bytes cannot have more characters, and counting characters is the slow part.
        lines.reduce(0) { max($0, $1.utf8.count <= $0 ? 0 : $1.count) }
    }

    private static func functionLines() -> [(place: String, size: Int)] {
        var sizes: [String: Int] = [:]
        for file in Tree.sources {
            for function in FunctionScan.functions(in: file.text) {
                sizes["\(file.path):\(function.name)", default: 0] = max(
                    sizes["\(file.path):\(function.name)"] ?? 0, function.lines)
            }
        }
        for file in cFiles {
            for function in FunctionScan.cFunctions(in: file.lines) { sizes["\(file.path):\(function.name)"] = function.lines }
        }
        return sizes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    private static let cFiles: [(path: String, lines: [String])] = Tree.project.files
        .filter { $0.isBelow("Sources") && ($0.name.hasSuffix(".c") || $0.name.hasSuffix(".h")) }
        .map { ($0.path, $0.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)) }
}

/// One line of `exceptions.txt`.
struct SizeException: Sendable {
    let rule: String
    let place: String
    let size: Int

    init?(_ line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 3, let size = Int(words[2]) else { return nil }
        self.rule = words[0]
        self.place = words[1]
        self.size = size
    }

    /// The lines that say something; `#` begins a remark.
    static let lines: [String] = (Tree.project.file("Tests/HouseTests/exceptions.txt")?.text ?? "").split(separator: "\n")
        .map { String($0).trimmed }.filter { !$0.isEmpty && !$0.hasPrefix("#") }

    static let all: [SizeException] = lines.compactMap(SizeException.init)
}
