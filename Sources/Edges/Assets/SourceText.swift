internal import Kernel

/// What makes a file unreadable before any grammar: size, encoding, control characters, tabs in the indentation, and separators
/// (U+0085, U+2028, U+2029) at which YAML begins a line and editors do not, so that every place after them would be told wrongly.
enum SourceText {
    /// The first such problem; nil for clean UTF-8.
    static func problem(in bytes: [UInt8], of path: String, firstLine: Int = 1) -> LocatedIssue? {
        func issue(_ line: Int, _ column: Int, _ message: String, _ remedy: String) -> LocatedIssue {
            LocatedIssue(file: path, mark: Mark(line: line + firstLine - 1, column: column), message: message, remedy: remedy)
        }
        if bytes.count > AssetBounds.fileBytesMax {
            return issue(1, 1, "The file has \(bytes.count) bytes.", "Keep it under \(AssetBounds.fileBytesMax).")
        }
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
            return issue(1, 1, "The file begins with a byte order mark.", "Save it as UTF-8 without one.")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) || bytes.prefix(4).contains(0) {
            return issue(1, 1, "The file is not UTF-8; it looks like UTF-16.", "Save it as UTF-8 without a byte order mark.")
        }
        var (line, column, isIndentation) = (1, 1, true)
        var at = 0
        while at < bytes.count {
            let byte = bytes[at]
            let length = sequenceLength(bytes, at)
            if length == 0 {
                return issue(line, column, "Byte 0x\([byte].hexText) is not UTF-8 here.", "Save the file as UTF-8.")
            }
            switch byte {
            case UInt8(ascii: "\n"): (line, column, isIndentation) = (line + 1, 0, true)
            case UInt8(ascii: "\t"):
                if isIndentation { return issue(line, column, "A tab stands in the indentation.", "Indent with spaces.") }
            case UInt8(ascii: " "), UInt8(ascii: "\r"): break
            case 0..<0x20, 0x7F:
                return issue(line, column, "Control character 0x\([byte].hexText) stands here.", "Remove it.")
            case 0xC2 where bytes[at + 1] == 0x85, 0xE2 where bytes[at + 1] == 0x80 && (bytes[at + 2] & 0xFE) == 0xA8:
                return issue(
                    line, column, "A line separator that editors do not show stands here.",
                    "Remove it, or break the line in the usual way.")
            default: isIndentation = false
            }
            at += length
            column += 1
        }
        return nil
    }

    /// Bytes of the well-formed UTF-8 sequence at `at` (Unicode table 3-7); 0 when there is none.
    private static func sequenceLength(_ bytes: [UInt8], _ at: Int) -> Int {
        let first = bytes[at]
        let (length, second): (Int, ClosedRange<UInt8>) =
            switch first {
            case 0...0x7F: (1, 0...0)
            case 0xC2...0xDF: (2, 0x80...0xBF)
            case 0xE0: (3, 0xA0...0xBF)
            case 0xED: (3, 0x80...0x9F)
            case 0xE1...0xEF: (3, 0x80...0xBF)
            case 0xF0: (4, 0x90...0xBF)
            case 0xF1...0xF3: (4, 0x80...0xBF)
            case 0xF4: (4, 0x80...0x8F)
            default: (0, 0...0)
            }
        guard length > 1 else { return length }
        guard at + length <= bytes.count, second.contains(bytes[at + 1]) else { return 0 }
        return bytes[(at + 2)..<(at + length)].allSatisfy { (0x80...0xBF).contains($0) } ? length : 0
    }
}

/// What a scalar without quotes means, or why it cannot be told.
///
/// Readers of YAML 1.1 and 1.2 differ over `no`, `010`, `1_000` or `12:30`; a file that configures money must not.
enum PlainScalar {
    case value(JSONValue)
    case ambiguous(String)

    init(_ text: String) {
        switch text {
        case "", "null": self = .value(.null)
        case "true": self = .value(.bool(true))
        case "false": self = .value(.bool(false))
        default:
            let bytes = Array(text.utf8)
            if PlainScalar.isNumber(bytes) {
                self = .value(.number(JSONNumber(unchecked: text)))
            } else if PlainScalar.words.contains(text.lowercased()) {
                self = .ambiguous("is a truth value or nothing to some readers and text to others")
            } else if PlainScalar.looksNumeric(bytes) {
                self = .ambiguous("is a number to some readers and text to others")
            } else {
                self = .value(.string(text))
            }
        }
    }

    private static let words: Set<String> = [
        "yes", "no", "on", "off", "y", "n", "true", "false", "null", "~", ".inf", "-.inf", "+.inf", ".nan",
    ]

    /// The grammar of RFC 8259.
    private static func isNumber(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        if rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        let whole = rest.prefix(while: isDigit)
        guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return false }
        rest = rest.dropFirst(whole.count)
        if rest.first == UInt8(ascii: ".") {
            let fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { return false }
            rest = rest.dropFirst(1 + fraction.count)
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
            let exponent = rest.prefix(while: isDigit)
            guard !exponent.isEmpty else { return false }
            rest = rest.dropFirst(exponent.count)
        }
        return rest.isEmpty
    }

    /// Signs, leading zeros, other bases, underscores, base 60: only digits and what numbers of some YAML have between them.
    private static func looksNumeric(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest.removeFirst() }
        if rest.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "x")]) {
            return rest.count > 2
                && rest.dropFirst(2).allSatisfy { isDigit($0) || (0x61...0x66).contains($0 | 0x20) || $0 == 0x5F }
        }
        if rest.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "o")]) || rest.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "b")])
        {
            return rest.count > 2 && rest.dropFirst(2).allSatisfy { isDigit($0) || $0 == 0x5F }
        }
        guard let first = rest.first, isDigit(first) || (first == UInt8(ascii: ".") && rest.count > 1) else { return false }
        return rest.allSatisfy { isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ":") }
            && rest.filter { $0 == UInt8(ascii: ".") }.count <= 1
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
