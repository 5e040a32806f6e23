/// One thing wrong in a configuration document: where (RFC 6901 pointer into it), what, and how to put it right.
///
/// Parsers of assets collect these instead of stopping at the first; the room `Assets` adds file, line and column.
package struct AssetIssue: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Severity: String, Sendable { case error, warning }

    /// RFC 6901, empty for the whole document: `/do/3/approve/with/role`.
    package let pointer: String
    package let message: String
    package let remedy: String
    package let severity: Severity

    package init(_ pointer: String, _ message: String, remedy: String, severity: Severity = .error) {
        self.pointer = pointer
        self.message = message
        self.remedy = remedy
        self.severity = severity
    }

    package var description: String { "\(pointer.isEmpty ? "/" : pointer): \(message) \(remedy)" }

    /// Escapes one reference token (RFC 6901 §3).
    package static func token(_ key: String) -> String {
        var out = ""
        for scalar in key.unicodeScalars {
            switch scalar {
            case "~": out += "~0"
            case "/": out += "~1"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
