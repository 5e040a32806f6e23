/// A YAML text by itself, outside a configuration folder, under the same strict rules.
package enum YAMLSource {
    /// The document, or what is wrong with the text and where; `firstLine` is that of the text within its file.
    package static func read(
        _ bytes: [UInt8], path: String, firstLine: Int = 1
    ) -> (document: AssetDocument?, issues: [LocatedIssue]) {
        YAMLReader.read(bytes, path: path, firstLine: firstLine)
    }

    /// The documents of a text that divides them by lines of `---`, each under the line at which it begins. Empty ones are left
    /// out; more than `max` are refused.
    package static func readAll(
        _ bytes: [UInt8], path: String, max: Int
    ) -> (documents: [AssetDocument], issues: [LocatedIssue]) {
        var documents: [AssetDocument] = []
        var issues: [LocatedIssue] = []
        var (line, from) = (1, 1)
        var piece: [UInt8] = []
        func take(_ piece: [UInt8], _ from: Int) {
            guard piece.contains(where: { $0 > 0x20 }) else { return }
            guard documents.count < max else {
                if issues.isEmpty {
                    issues.append(
                        LocatedIssue(
                            file: path, mark: Mark(line: from, column: 1), message: "There are more than \(max) documents.",
                            remedy: "Divide the file."))
                }
                return
            }
            let read = read(piece, path: path, firstLine: from)
            issues += read.issues
            if let document = read.document { documents.append(document) }
        }
        for row in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            if row.elementsEqual("---".utf8) {
                take(piece, from)
                (piece, from) = ([], line + 1)
            } else {
                piece += row + [UInt8(ascii: "\n")]
            }
            line += 1
        }
        take(piece, from)
        return (documents, issues)
    }
}
