internal import Glibc
package import Kernel
internal import Workflows

/// The patterns of a library, each with its file, and the workflows they make whole.
struct PatternShelf {
    private var patterns: [WorkflowPattern] = []
    private var files: [String: AssetDocument] = [:]
    /// A pattern that cannot be read is told where it stands; that its users miss it is no second problem.
    private var hasUnusable = false

    mutating func noteUnusable() { hasUnusable = true }

    /// Puts the pattern of a file on the shelf.
    mutating func add(_ document: AssetDocument) {
        var issues: [AssetIssue] = []
        guard let pattern = WorkflowPattern.parse(document.json, issues: &issues) else { return noteUnusable() }
        patterns.append(pattern)
        files[pattern.key] = document
    }

    /// The workflow with what its patterns give; nil, with the reasons, when a pattern cannot be used as it is written there.
    func resolved(_ document: AssetDocument) -> (document: AssetDocument?, issues: [LocatedIssue]) {
        let (expansion, problems) = PatternExpansion.expand(document.json, among: patterns)
        let sources = PatternSources(expansion: expansion, files: files)
        guard problems.isEmpty else {
            if hasUnusable { return (nil, []) }
            return (
                nil,
                problems.map { problem in
                    let issue = problem.issue
                    return LocatedIssue(
                        file: document.path, mark: document.mark(for: issue.pointer),
                        message: issue.message + sources.spoken(problem.patterns), remedy: issue.remedy)
                }
            )
        }
        return (expansion.isChanged ? document.expanded(sources) : document, [])
    }
}

/// Where the parts of a workflow were written that patterns gave.
struct PatternSources: Sendable {
    let expansion: PatternExpansion
    let files: [String: AssetDocument]

    func origin(of pointer: String) -> PatternExpansion.Origin { expansion.origin(of: pointer) }

    /// `, in the pattern `question@1.0` (library/patterns/question.yaml:14:9)`; empty for what the workflow says itself.
    func spoken(_ places: [PatternExpansion.Origin.Place]) -> String {
        guard !places.isEmpty else { return "" }
        let parts = places.map { place in
            let file = files[place.pattern]
            let mark = file?.mark(for: place.pointer) ?? .start
            return "`\(place.pattern)` (\(file?.path ?? place.pattern):\(mark.line):\(mark.column))"
        }
        return " In the pattern \(parts.joined(separator: ", which is used by "))."
    }
}

/// A workflow's file by itself, made whole with the patterns of the library it belongs to.
package enum WorkflowFile {
    /// The folder of patterns that a workflow's file sees: that of its own library, or of the configuration around it.
    package static func library(of file: String) -> String? {
        var folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        for _ in 0..<levelsMax {
            for place in ["\(folder)/patterns", "\(folder)/library/patterns", "\(folder)/operator/library/patterns"] {
                var info = stat()
                if stat(place, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { return place }
            }
            folder += "/.."
        }
        return nil
    }

    /// Levels of folders that are looked through upwards.
    private static let levelsMax = 5

    /// Reads a workflow and puts in what its patterns give; `library` is a folder of patterns, nil for none.
    package static func read(
        _ bytes: [UInt8], path: String, library: String?
    ) throws(Fault) -> (document: AssetDocument?, issues: [LocatedIssue]) {
        let read = YAMLReader.read(bytes, path: path)
        guard let document = read.document else { return (nil, read.issues) }
        var shelf = PatternShelf()
        var issues: [LocatedIssue] = []
        if let library {
            for name in try FileBytes.names(in: library, maxNames: AssetBounds.filesPerFolderMax) where name.hasSuffix(".yaml") {
                let place = "\(library)/\(name)"
                let found = YAMLReader.read(try FileBytes.read(place, maxBytes: AssetBounds.fileBytesMax), path: place)
                issues += found.issues
                guard let pattern = found.document else {
                    shelf.noteUnusable()
                    continue
                }
                var problems: [AssetIssue] = []
                _ = WorkflowPattern.parse(pattern.json, issues: &problems)
                issues += problems.map(pattern.located)
                shelf.add(pattern)
            }
        }
        let whole = shelf.resolved(document)
        issues += whole.issues
        return (issues.contains { $0.severity == .error } ? nil : whole.document, issues)
    }
}
