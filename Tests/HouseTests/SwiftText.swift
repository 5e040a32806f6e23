import Glibc

/// A Swift file split into what the compiler reads, what a person reads in comments, and what stands in string literals.
///
/// The three parts have the lines and columns of the file; what belongs to another part is blank. So a rule about calls is not
/// tripped by a sentence that mentions the call, and a finding can name its line. Code inside `\( … )` counts as code.
struct SwiftText {
    let lines: [String]
    let code: [String]
    let comments: [String]
    let strings: [String]

    init(_ text: String) {
        var scan = SwiftScan(bytes: Array(text.utf8))
        scan.run()
        lines = SwiftText.split(scan.bytes)
        code = SwiftText.split(scan.code)
        comments = SwiftText.split(scan.comments)
        strings = SwiftText.split(scan.strings)
    }

    private static func split(_ bytes: [UInt8]) -> [String] {
        var rows = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        if rows.last?.isEmpty == true { rows.removeLast() }
        return rows
    }
}

/// One pass over the bytes; a stack remembers the literals and interpolations that are open.
private struct SwiftScan {
    let bytes: [UInt8]
    var code: [UInt8]
    var comments: [UInt8]
    var strings: [UInt8]
    private var at = 0
    private var open: [Frame] = []

    private enum Frame {
        /// A literal with its number of `#` and whether it has three quotes.
        case literal(hashes: Int, isMultiline: Bool)
        /// Code inside a literal, with the parentheses that are open in it.
        case interpolation(depth: Int)
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
        let blank = bytes.map { $0 == UInt8(ascii: "\n") ? $0 : UInt8(ascii: " ") }
        code = blank
        comments = blank
        strings = blank
    }

    mutating func run() {
        while at < bytes.count {
            if case .literal(let hashes, let isMultiline)? = open.last {
                insideLiteral(hashes: hashes, isMultiline: isMultiline)
            } else {
                insideCode()
            }
        }
    }

    private func byte(_ index: Int) -> UInt8 { index < bytes.count ? bytes[index] : 0 }

    private func isText(_ text: StaticString, at index: Int) -> Bool {
        text.withUTF8Buffer { wanted in
            index + wanted.count <= bytes.count && wanted.indices.allSatisfy { bytes[index + $0] == wanted[$0] }
        }
    }

    private mutating func insideCode() {
        if isText("//", at: at) { return lineComment() }
        if isText("/*", at: at) { return blockComment() }
        var quote = at
        while byte(quote) == UInt8(ascii: "#") { quote += 1 }
        if byte(quote) == UInt8(ascii: "\"") {
            let isMultiline = isText("\"\"\"", at: quote)
            open.append(.literal(hashes: quote - at, isMultiline: isMultiline))
            at = quote + (isMultiline ? 3 : 1)
            return
        }
        if case .interpolation(let depth)? = open.last {
            if bytes[at] == UInt8(ascii: "(") { open[open.count - 1] = .interpolation(depth: depth + 1) }
            if bytes[at] == UInt8(ascii: ")") {
                if depth == 1 {
                    open.removeLast()
                    at += 1
                    return
                }
                open[open.count - 1] = .interpolation(depth: depth - 1)
            }
        }
        code[at] = bytes[at]
        at += 1
    }

    private mutating func lineComment() {
        while at < bytes.count, bytes[at] != UInt8(ascii: "\n") {
            comments[at] = bytes[at]
            at += 1
        }
    }

    private mutating func blockComment() {
        var depth = 0
        while at < bytes.count {
            if isText("/*", at: at) || isText("*/", at: at) {
                depth += isText("/*", at: at) ? 1 : -1
                comments[at] = bytes[at]
                comments[at + 1] = bytes[at + 1]
                at += 2
                if depth == 0 { return }
            } else {
                comments[at] = bytes[at]
                at += 1
            }
        }
    }

    private mutating func insideLiteral(hashes: Int, isMultiline: Bool) {
        let quotes = isMultiline ? 3 : 1
        if byte(at) == UInt8(ascii: "\\"), (0..<hashes).allSatisfy({ byte(at + 1 + $0) == UInt8(ascii: "#") }) {
            if byte(at + 1 + hashes) == UInt8(ascii: "(") {
                open.append(.interpolation(depth: 1))
                at += 2 + hashes
            } else {
                at += min(2 + hashes, bytes.count - at)
            }
            return
        }
        let closes = isMultiline ? isText("\"\"\"", at: at) : byte(at) == UInt8(ascii: "\"")
        if closes, (0..<hashes).allSatisfy({ byte(at + quotes + $0) == UInt8(ascii: "#") }) {
            open.removeLast()
            at += quotes + hashes
            return
        }
        if !isMultiline, byte(at) == UInt8(ascii: "\n") {  // a broken literal must not swallow the rest of the file
            open.removeLast()
        }
        strings[at] = bytes[at]
        at += 1
    }
}

extension String {
    /// Whether the text has `word` with no letter, digit or underscore directly before or after it.
    ///
    /// Only the ends of `word` that are letters themselves ask for such a boundary, so `try!` may be followed by anything.
    func mentions(_ word: String) -> Bool {
        guard holds(word) else { return false }
        let text = Array(utf8)
        let wanted = Array(word.utf8)
        guard let first = wanted.first, let last = wanted.last, text.count >= wanted.count else { return false }
        for start in 0...(text.count - wanted.count)
        where text[start] == first && text[start..<(start + wanted.count)].elementsEqual(wanted) {
            let end = start + wanted.count
            let clearBefore = !first.isNamePart || start == 0 || !text[start - 1].isNamePart
            let clearAfter = !last.isNamePart || end == text.count || !text[end].isNamePart
            if clearBefore && clearAfter { return true }
        }
        return false
    }

    /// Whether the bytes of `word` occur at all; the C library answers for the many lines where they do not.
    private func holds(_ word: String) -> Bool { withCString { text in word.withCString { strstr(text, $0) != nil } } }

    /// The part of a list written as `"a", "b"`: the texts between double quotes, in order.
    var quotedTexts: [String] {
        split(separator: "\"", omittingEmptySubsequences: false).enumerated().compactMap {
            $0.offset % 2 == 1 ? String($0.element) : nil
        }
    }

    var trimmed: String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}

extension UInt8 {
    /// A letter, a digit, an underscore, or part of a character beyond ASCII.
    var isNamePart: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "_"), 0x80...: true
        default: false
        }
    }
}
