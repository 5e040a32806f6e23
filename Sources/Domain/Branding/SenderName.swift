internal import Kernel

/// The name that mails of a brand come from: a name and nothing that could be taken for an address, a header or somebody else.
package enum SenderName {
    package static let scalarsMax = 60

    package struct Flaw: Error, Hashable, Sendable {
        package let message: String
        package let remedy: String
    }

    /// Nil for a good name. `others` are names that it must not be taken for: the operator's and other partners'.
    package static func flaw(_ name: String, others: [String] = []) -> Flaw? {
        let scalars = Array(name.unicodeScalars)
        guard (2...scalarsMax).contains(scalars.count), name == trimmed(name) else {
            return Flaw(
                message: "A sender's name has 2 to \(scalarsMax) characters and no blanks around it.",
                remedy: "Shorten or fill it.")
        }
        if scalars.contains(where: { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }) {
            return Flaw(
                message: "The name holds a line break or another control character, which could begin a header of its own.",
                remedy: "Write it on one line.")
        }
        if let bad = scalars.first(where: { !isUsual($0) }) {
            return Flaw(
                message: "The name holds `\(bad)` (U+\(String(bad.value, radix: 16, uppercase: true))).",
                remedy: "Use letters, digits, blanks and & . , ' ’ - + / ( ) only.")
        }
        let scripts = Set(scalars.compactMap(script))
        if scripts.count > 1 {
            return Flaw(
                message: "The name mixes letters of \(scripts.sorted().joined(separator: " and ")), which look alike.",
                remedy: "Write it in one script.")
        }
        let own = skeleton(name)
        if let other = others.first(where: { skeleton($0) == own }) {
            return Flaw(message: "The name reads like \(other), which is somebody else.", remedy: "Use your own name.")
        }
        return nil
    }

    private static func isUsual(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.properties.generalCategory == .nonspacingMark
            || " 0123456789&.,'’-+/()".unicodeScalars.contains(scalar)
    }

    private static func script(_ scalar: Unicode.Scalar) -> String? {
        guard scalar.properties.isAlphabetic else { return nil }
        switch scalar.value {
        case 0x41...0x24F, 0x1E00...0x1EFF: return "Latin"
        case 0x370...0x3FF, 0x1F00...0x1FFF: return "Greek"
        case 0x400...0x52F: return "Cyrillic"
        default: return "another script"
        }
    }

    /// What is left of a name for comparing: small letters and digits without their accents, look-alikes as one.
    static func skeleton(_ name: String) -> String {
        var out = ""
        for scalar in name.lowercased().unicodeScalars {
            if let plain = alike[scalar] {
                out += plain
            } else if scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
                out.unicodeScalars.append(scalar)
            }
        }
        return out
    }

    private static let alike: [Unicode.Scalar: String] = {
        var out: [Unicode.Scalar: String] = [
            "0": "o", "1": "l", "i": "l", "ı": "l", "5": "s", "3": "e", "ß": "ss", "æ": "ae", "œ": "oe",
        ]
        let groups: [(String, String)] = [
            ("àáâãäåāăąаα", "a"), ("çćĉčсϲ", "c"), ("ďđ", "d"), ("èéêëēĕėęěеє", "e"), ("ĝğġģ", "g"), ("ĥħһ", "h"),
            ("ìíîïĩīĭįіι", "l"), ("ĵј", "j"), ("ķкκ", "k"), ("ĺļľłӏ", "l"), ("ñńņňη", "n"), ("òóôõöøōŏőоο", "o"), ("рρ", "p"),
            ("ŕŗř", "r"), ("śŝşšѕ", "s"), ("ţťŧтτ", "t"), ("ùúûüũūŭůűųυ", "u"), ("ŵ", "w"), ("хχ", "x"), ("ýÿŷу", "y"),
            ("źżž", "z"),
            ("вβ", "b"), ("мμ", "m"), ("нν", "n"),
        ]
        for (letters, plain) in groups { for scalar in letters.unicodeScalars { out[scalar] = plain } }
        return out
    }()
}
