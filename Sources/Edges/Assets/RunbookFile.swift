internal import Incidents
internal import Kernel
internal import Tenancy

/// A runbook as a file: front matter in YAML between two lines of `---`, then Markdown.
enum RunbookFile {
    /// What bundles carry of a runbook: `{alert, matter, body}`.
    static func read(_ bytes: [UInt8], path: String, today: CivilDate?) -> (asset: Asset?, issues: [LocatedIssue]) {
        if let problem = SourceText.problem(in: bytes, of: path) { return (nil, [problem]) }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let fence = Array("---".utf8)
        guard lines.first.map({ Array($0) }) == fence, let end = lines.dropFirst().firstIndex(where: { Array($0) == fence })
        else {
            return (
                nil,
                [
                    LocatedIssue(
                        file: path, message: "The file does not begin with front matter.",
                        remedy:
                            "Begin with a line `---`, the members alert, title, severity and so on, and another `---`."
                    )
                ]
            )
        }
        let head = Array(lines[1..<end].joined(separator: [UInt8(ascii: "\n")]))
        let read = YAMLReader.read(head + [UInt8(ascii: "\n")], path: path, firstLine: 2)
        guard let document = read.document else { return (nil, read.issues) }
        let body = String(decoding: Array(lines[(end + 1)...].joined(separator: [UInt8(ascii: "\n")])), as: UTF8.self)
        let fileName = path.split(separator: "/").last.map(String.init) ?? path
        var problems: [RunbookIssue] = []
        let runbook = Runbook.parse(fileName: fileName, matter: document.json, body: body, asOf: today, issues: &problems)
        let issues = problems.prefix(AssetBounds.issuesPerFileMax).map { locate($0, in: document, bodyLine: end + 2) }
        let name = String(fileName.dropLast(".md".count))
        let content: JSONValue = ["alert": .string(name), "matter": document.json, "body": .string(body)]
        let asset = Asset(
            kind: .runbook, scope: .operator, name: name, document: AssetDocument(path: path, json: content, places: [:]),
            reading: runbook == nil ? nil : AssetReading(.judged))
        return (asset, Array(issues))
    }

    /// `bodyLine` is the line of the file on which the body begins.
    private static func locate(_ issue: RunbookIssue, in document: AssetDocument, bodyLine: Int) -> LocatedIssue {
        let mark: Mark =
            switch issue.place {
            case .file: .start
            case .matter(let pointer): document.nameMark(for: pointer) ?? document.mark(for: pointer)
            case .body(let line): Mark(line: bodyLine + line - 1, column: 1)
            }
        return LocatedIssue(file: document.path, mark: mark, message: issue.message, remedy: issue.remedy)
    }

    /// Alerts that nobody would know how to answer.
    static func missing(in folder: String, names: [String]) -> [LocatedIssue] {
        AlertName.allCases.filter { !names.contains($0.rawValue) }.map { alert in
            LocatedIssue(
                file: "\(folder)/\(alert.runbookFile)", message: "The alert `\(alert.rawValue)` has no runbook.",
                remedy: "Write one; every alert that wakes somebody has a tested runbook.")
        }
    }
}
