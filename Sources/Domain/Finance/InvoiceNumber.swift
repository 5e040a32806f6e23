/// Invoice numbers as they are compared: people and programs write the same number in many ways.
package enum InvoiceNumber {
    /// Compatibility forms become plain letters and digits, letters become capitals, everything but A–Z and 0–9 goes, then
    /// leading zeros. `re-00 123/a` and `RE00123A` are the same number; an empty answer means that nothing was left.
    ///
    /// A letter with a mark, however it is encoded, goes as a whole: that is what composing it first (NFKC) would do.
    package static func normalized(_ text: String) -> String {
        var out: [UInt8] = []
        for character in text {
            guard character.unicodeScalars.count == 1, let scalar = character.unicodeScalars.first else { continue }
            for folded in fold(scalar).uppercased().utf8 where isDigit(folded) || isCapital(folded) { out.append(folded) }
        }
        let kept = out.drop { $0 == UInt8(ascii: "0") }
        return String(decoding: kept.isEmpty ? out[...] : kept, as: UTF8.self)
    }

    /// What follows when a copy mark at the end is taken off: `RE4711A`, `RE4711-1` and `RE4711 COPY` give `RE4711`.
    package static func withoutSuffix(_ text: String) -> String {
        let whole = normalized(text)
        for suffix in ["COPY", "KOPIE", "DUPLICATE", "DUPLIKAT", "DUP"]
        where whole.hasSuffix(suffix) && whole.count > suffix.count {
            return String(whole.dropLast(suffix.count))
        }
        let bytes = Array(text.utf8)
        if let last = bytes.last, isDigit(last), bytes.count > 2, "-/_ ".utf8.contains(bytes[bytes.count - 2]) {
            return normalized(String(decoding: bytes.dropLast(2), as: UTF8.self))
        }
        let upper = Array(whole.utf8)
        if let last = upper.last, isCapital(last), upper.count > 2, isDigit(upper[upper.count - 2]) {
            return String(whole.dropLast())
        }
        return whole
    }

    /// One insertion, deletion, replacement or exchange of neighbours turns one into the other.
    package static func differByOneSlip(_ lhs: String, _ rhs: String) -> Bool {
        let a = Array(lhs.utf8)
        let b = Array(rhs.utf8)
        guard abs(a.count - b.count) <= 1, a != b else { return false }
        var front = 0
        while front < min(a.count, b.count), a[front] == b[front] { front += 1 }
        var back = 0
        while back < min(a.count, b.count) - front, a[a.count - 1 - back] == b[b.count - 1 - back] { back += 1 }
        let left = a[front..<(a.count - back)]
        let right = b[front..<(b.count - back)]
        if left.count <= 1 && right.count <= 1 { return true }
        return left.count == 2 && right.count == 2 && left.first == right.last && left.last == right.first
    }

    /// The compatibility forms that occur in copied text: full width, circled and superscript digits, ligatures, formulas.
    private static func fold(_ scalar: Unicode.Scalar) -> String {
        let value = scalar.value
        switch value {
        case 0xFF01...0xFF5E: return plain(value - 0xFF01 + 0x21)
        case 0x2070, 0x2074...0x2079: return plain(value - 0x2070 + 0x30)
        case 0xB9: return "1"
        case 0xB2, 0xB3: return plain(value - 0xB0 + 0x30)
        case 0x2080...0x2089: return plain(value - 0x2080 + 0x30)
        case 0x2460...0x2468: return plain(value - 0x2460 + 0x31)
        case 0x24B6...0x24CF: return plain(value - 0x24B6 + 0x41)
        case 0x24D0...0x24E9: return plain(value - 0x24D0 + 0x61)
        case 0x1D400...0x1D6A3:
            return plain((value - 0x1D400) % 52 < 26 ? (value - 0x1D400) % 52 + 0x41 : (value - 0x1D400) % 52 - 26 + 0x61)
        case 0x1D7CE...0x1D7FF: return plain((value - 0x1D7CE) % 10 + 0x30)
        case 0xFB00: return "ff"
        case 0xFB01: return "fi"
        case 0xFB02: return "fl"
        case 0x2116: return "No"
        default: return String(scalar)
        }
    }

    private static func plain(_ value: UInt32) -> String { Unicode.Scalar(value).map { String($0) } ?? "" }
}
