import TestBasics

/// Changes a text the way mistakes and malice do: it knows tokens, brackets, numbers, lines and Unicode, and not the language.
///
/// The same dice and the same samples give the same texts.
struct Mutator {
    /// No mutated text is longer.
    static let bytesMax = 65_536
    /// Brackets put around a part, one in the other; far more than any parser allows.
    static let nestingMax = 5000
    private static let changesMax = 4

    private static let numbers = [
        "0", "-0", "-1", "007", "9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e308", "1e-999", "1E+400",
        "0.1", "-0.00", ".5", "5.", "1_000", "1,000.00", "0x1F", "NaN", "Infinity", "99999999999999999999999999999999999999",
        "0.00000000000000000000000000000000000001", "١٢٣", "½", "1e",
    ]
    /// Letters that look like others, marks without a letter, turned writing, what no text holds.
    private static let tricks = [
        "\u{0430}", "\u{0301}", "\u{200B}", "\u{200D}", "\u{202E}", "\u{2066}", "\u{FEFF}", "\u{0}", "\u{85}", "\u{2028}",
        "\u{A0}",
        "\u{1F4B6}", "\u{1F1E9}\u{1F1EA}", "ﬁ", "İ", "ß", "\u{FFFD}", "\u{E000}", "\u{10FFFF}", "\u{7F}", "\t", "\r\n",
    ]
    private static let words = [
        "null", "true", "false", "in", "then", "do", "if", "for", "kind", "name", "input", "context", "__proto__", "~", "<<",
        "*a",
        "&a", "!!binary", "!!float", "%s", "${", "}", "'", "\"", "\\u0000", "\\", "#", "---", "...", "|", ">", "- ", ": ",
        "<!DOCTYPE a>",
        "&lt;", "&a;", "<![CDATA[", "]]>", "<!--", "xmlns", "/*", "//", "..", "&&", "||", "==", "?:", "@",
    ]
    private static let brackets: [(String, String)] = [
        ("(", ")"), ("[", "]"), ("{", "}"), ("<a>", "</a>"), ("[[", "]]"), ("{\"a\":", "}"), ("\"", "\""), ("!", ""), ("-", ""),
        ("not(", ")"),
    ]

    /// A text made of one sample, now and then with parts of another.
    static func text(from samples: [[UInt8]], by dice: inout Seeded) -> [UInt8] {
        var bytes = dice.pick(samples) ?? []
        for _ in 0..<dice.int(1...changesMax) {
            bytes = changed(bytes, samples, &dice)
            if bytes.count > bytesMax { bytes.removeLast(bytes.count - bytesMax) }
        }
        return bytes
    }

    private static func changed(_ bytes: [UInt8], _ samples: [[UInt8]], _ dice: inout Seeded) -> [UInt8] {
        guard !bytes.isEmpty else { return Array((dice.pick(words) ?? "").utf8) }
        switch dice.int(0...11) {
        case 0: return tokens(bytes, &dice) { _, _ in [] }
        case 1: return tokens(bytes, &dice) { token, _ in token + token }
        case 2: return tokens(bytes, &dice) { _, dice in Array((dice.pick(numbers) ?? "").utf8) }
        case 3: return tokens(bytes, &dice) { _, dice in Array((dice.pick(words) ?? "").utf8) }
        case 4: return tokens(bytes, &dice) { token, dice in spiced(token, &dice) }
        case 5: return tokens(bytes, &dice) { token, dice in nested(token, &dice) }
        case 6: return tokens(bytes, &dice) { _, dice in part(of: dice.pick(samples) ?? [], &dice) }
        case 7: return Array(bytes.prefix(dice.int(0...bytes.count)))
        case 8: return repeated(bytes, &dice)
        case 9, 10: return lines(bytes, &dice)
        default: return raw(bytes, &dice)
        }
    }

    // MARK: Tokens

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "_"), 0x80...0xFF:
            true
        default: false
        }
    }

    /// The token around a place: a word, or one sign.
    private static func token(at place: Int, of bytes: [UInt8]) -> Range<Int> {
        guard isWord(bytes[place]) else { return place..<place + 1 }
        var (start, end) = (place, place + 1)
        while start > 0, isWord(bytes[start - 1]) { start -= 1 }
        while end < bytes.count, isWord(bytes[end]) { end += 1 }
        return start..<end
    }

    private static func tokens(
        _ bytes: [UInt8], _ dice: inout Seeded, _ change: ([UInt8], inout Seeded) -> [UInt8]
    ) -> [UInt8] {
        let place = token(at: dice.int(0...bytes.count - 1), of: bytes)
        var out = bytes
        out.replaceSubrange(place, with: change(Array(bytes[place]), &dice))
        return out
    }

    private static func spiced(_ token: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        let at = dice.int(0...token.count)
        return Array(token[..<at]) + Array((dice.pick(tricks) ?? "").utf8) + Array(token[at...])
    }

    private static func nested(_ token: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        let (open, close) = dice.pick(brackets) ?? ("(", ")")
        let depth = dice.pick([1, 2, 12, 40, 100, 300, nestingMax]) ?? 1
        let isClosed = !dice.isLucky(oneIn: 4)
        return Array(String(repeating: open, count: depth).utf8) + token
            + (isClosed ? Array(String(repeating: close, count: depth).utf8) : [])
    }

    private static func part(of bytes: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        guard !bytes.isEmpty else { return [] }
        let start = dice.int(0...bytes.count - 1)
        return Array(bytes[start..<min(bytes.count, start + dice.int(1...80))])
    }

    private static func repeated(_ bytes: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        let start = dice.int(0...bytes.count - 1)
        let end = min(bytes.count, start + dice.int(1...60))
        let times = dice.pick([2, 3, 10, 100, 1000]) ?? 2
        let copies = Array(repeating: bytes[start..<end], count: times).flatMap(\.self)
        return Array(bytes[..<end]) + copies + Array(bytes[end...])
    }

    // MARK: Lines and bytes

    private static func lines(_ bytes: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
        let at = dice.int(0...lines.count - 1)
        switch dice.int(0...4) {
        case 0: lines.remove(at: at)
        case 1: lines.insert(lines[at], at: dice.int(0...lines.count))
        case 2: lines[at] = Array(repeating: 32, count: dice.int(1...6)) + lines[at]
        case 3: lines[at] = Array(lines[at].drop { $0 == 32 })
        default: lines.swapAt(at, dice.int(0...lines.count - 1))
        }
        return Array(lines.joined(separator: [10]))
    }

    private static func raw(_ bytes: [UInt8], _ dice: inout Seeded) -> [UInt8] {
        var out = bytes
        let at = dice.int(0...bytes.count - 1)
        switch dice.int(0...3) {
        case 0: out[at] = UInt8(dice.int(0...255))
        case 1: out[at] ^= 1 << UInt8(dice.int(0...7))
        case 2: out.insert(UInt8(dice.int(0...255)), at: at)
        default: out.remove(at: at)
        }
        return out
    }
}
