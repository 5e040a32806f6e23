internal import Kernel
internal import Tenancy

/// A runbook as a file: front matter in YAML between two lines of `---`, then Markdown.
enum RunbookFile {
    /// What bundles carry of a runbook: `{alert, matter, body}`.
    static func read(_ bytes: [UInt8], path: String, today: CivilDate?) -> (asset: Asset?, issues: [LocatedIssue]) {
        if let problem = SourceText.problem(in: bytes, of: path) { return (nil, [problem]) }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let fence = Array("---".utf8)
        guard lines.first.map({ Array($0) }) == fence, let end = lines.dropFirst().firstIndex(where: { Array($0) == fence }) else {
            return (
                nil,
                [
                    LocatedIssue(
                        file: path, message: "The file does not begin with front matter.",
                        remedy: "Begin with a line `---`, the members alert, title, severity, owner and so on, and another line `---`.")
                ]
            )
        }
        let head = Array(lines[1..<end].joined(separator: [UInt8(ascii: "\n")]))
        let read = YAMLReader.read(head + [UInt8(ascii: "\n")], path: path, firstLine: 2)
        guard let document = read.document else { return (nil, read.issues) }
        let body = String(decoding: Array(lines[(end + 1)...].joined(separator: [UInt8(ascii: "\n")])), as: UTF8.self)
        let name = path.split(separator: "/").last.map { String($0.dropLast(".md".count)) } ?? ""
        let content: JSONValue = ["alert": .string(name), "matter": document.json, "body": .string(body)]
        let asset = Asset(
            kind: .runbook, scope: .operator, name: name, document: AssetDocument(path: path, json: content, places: [:]),
            reading: AssetReading(.judged))
        return (asset, [])
    }
}
