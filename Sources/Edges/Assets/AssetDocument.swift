package import Kernel
internal import Workflows

/// A place in a file, both counted from 1; columns count Unicode scalars.
package struct Mark: Hashable, Sendable, Comparable {
    package let line: Int
    package let column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    package static let start = Mark(line: 1, column: 1)

    package static func < (lhs: Mark, rhs: Mark) -> Bool { (lhs.line, lhs.column) < (rhs.line, rhs.column) }
}

/// One configuration file as read: its JSON value, and where each part of it stands in the file.
package struct AssetDocument: Sendable {
    /// Relative to the folder that was checked, with `/`.
    package let path: String
    package let json: JSONValue
    /// By RFC 6901 pointer: where the value begins, and where its name does when it has one.
    private let places: [String: (value: Mark, name: Mark?, isScalar: Bool)]
    /// Added to every line, for documents that begin inside a file, such as the front matter of a runbook.
    private let firstLine: Int
    /// Where a workflow's parts stand that patterns gave.
    private var sources: PatternSources?

    init(path: String, json: JSONValue, places: [String: (value: Mark, name: Mark?, isScalar: Bool)], firstLine: Int = 1) {
        self.path = path
        self.json = json
        self.places = places
        self.firstLine = firstLine
    }

    /// Where the value of `pointer` stands; for what does not exist (a missing member), the nearest part around it.
    ///
    /// A scalar is found at its own place, a list or object at its name.
    package func mark(for pointer: String) -> Mark { ownMark(for: sources?.origin(of: pointer).pointer ?? pointer) }

    private func ownMark(for pointer: String) -> Mark {
        var at = pointer[...]
        while true {
            if let place = places[String(at)] { return shifted(place.isScalar ? place.value : place.name ?? place.value) }
            guard let slash = at.lastIndex(of: "/") else { return shifted(.start) }
            at = at[..<slash]
        }
    }

    /// Where the name of the member at `pointer` stands, for issues about the name itself.
    package func nameMark(for pointer: String) -> Mark? {
        places[sources?.origin(of: pointer).pointer ?? pointer]?.name.map(shifted)
    }

    private func shifted(_ mark: Mark) -> Mark { Mark(line: mark.line + firstLine - 1, column: mark.column) }

    /// Puts an issue of a parser into this file.
    package func located(_ issue: AssetIssue) -> LocatedIssue {
        // "`colour` is not a member" is about the name and not about the value that follows it.
        let name = issue.pointer.split(separator: "/").last.map { $0.replacing("~1", with: "/").replacing("~0", with: "~") } ?? ""
        let speaksOfNames = ["member", "not known", "stands here"].contains { issue.message.contains($0) }
        let isAboutName = speaksOfNames && (issue.message.contains("`\(name)`") || issue.message.contains("\"\(name)\""))
        let mark = isAboutName ? nameMark(for: issue.pointer) ?? mark(for: issue.pointer) : mark(for: issue.pointer)
        let message = issue.message + (sources?.spoken(sources?.origin(of: issue.pointer).patterns ?? []) ?? "")
        return LocatedIssue(file: path, mark: mark, message: message, remedy: issue.remedy, severity: issue.severity)
    }

    /// The same file with what its patterns give; issues about that are told where a pattern is used, and where it is written.
    func expanded(_ sources: PatternSources) -> AssetDocument {
        var whole = AssetDocument(path: path, json: sources.expansion.json, places: places, firstLine: firstLine)
        whole.sources = sources
        return whole
    }
}

/// One thing wrong in a configuration folder, as `countersign check` prints it.
package struct LocatedIssue: Hashable, Sendable, CustomStringConvertible {
    package let file: String
    package let line: Int
    package let column: Int
    package let message: String
    package let remedy: String
    package let severity: AssetIssue.Severity

    package init(file: String, mark: Mark = .start, message: String, remedy: String, severity: AssetIssue.Severity = .error) {
        self.file = file
        line = mark.line
        column = mark.column
        self.message = message
        self.remedy = remedy
        self.severity = severity
    }

    /// `file:line:column: message — remedy`, the form that editors and continuous integration make links of.
    package var description: String {
        "\(file):\(line):\(column): \(severity == .warning ? "warning: " : "")\(message) — \(remedy)"
    }

    package var json: JSONValue {
        .object([
            "file": .string(file), "line": JSONValue(line), "column": JSONValue(column), "severity": .string(severity.rawValue),
            "message": .string(message), "remedy": .string(remedy),
        ])
    }

    /// By file, then place.
    package static func isInReadingOrder(_ lhs: LocatedIssue, _ rhs: LocatedIssue) -> Bool {
        (lhs.file, lhs.line, lhs.column, lhs.message) < (rhs.file, rhs.line, rhs.column, rhs.message)
    }
}
