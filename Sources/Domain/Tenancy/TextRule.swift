internal import Kernel

/// A named kind of text: the pattern that editors get, the check that binds, and what to write instead.
///
/// The check is code and not the pattern, so that no regular expression runs over what a tenant wrote; tests hold them together.
package struct TextRule: Sendable {
    /// In words, for "… stands where … is expected": `a colour`.
    package let name: String
    /// ECMA 262 regular expression for JSON Schema; editors only.
    package let pattern: String
    package let length: ClosedRange<Int>
    package let remedy: String
    private let accepts: @Sendable (String) -> Bool

    package init(
        _ name: String, pattern: String, length: ClosedRange<Int>, remedy: String, accepts: @escaping @Sendable (String) -> Bool
    ) {
        self.name = name
        self.pattern = pattern
        self.length = length
        self.remedy = remedy
        self.accepts = accepts
    }

    /// Nil when the text is good, else what is wrong with it. Length counts Unicode scalars.
    package func problem(with text: String) -> String? {
        let count = text.unicodeScalars.count
        if count < length.lowerBound { return count == 0 ? "The text is empty." : "The text is too short (\(count) characters)." }
        if count > length.upperBound { return "The text is too long (\(count) characters, at most \(length.upperBound))." }
        return accepts(text) ? nil : "\"\(text.prefix(60))\" is not \(name)."
    }
}

extension TextRule {
    /// The short name of a person, tenant, role or asset: in addresses, file names and references.
    package static let slug = TextRule(
        "a short name", pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$", length: 2...40,
        remedy: "Use lower-case letters a to z, digits and single hyphens, a letter first, such as `brightwater-foods`."
    ) { text in
        let bytes = Array(text.utf8)
        guard bytes.first?.isLowerLetter == true else { return false }
        return bytes.indices.allSatisfy { index in
            bytes[index].isLowerLetter || bytes[index].isDigit
                || (bytes[index] == UInt8(ascii: "-") && index > 0 && index < bytes.count - 1
                    && bytes[index - 1] != UInt8(ascii: "-"))
        }
    }

    /// One line for people.
    package static let line = TextRule(
        "a line of text", pattern: "^[^\\u0000-\\u001f\\u007f]+$", length: 1...200,
        remedy: "Write one line of at most 200 characters."
    ) { $0.unicodeScalars.allSatisfy(\.isPrintable) }

    /// A few sentences for people; line breaks are fine.
    package static let prose = TextRule(
        "a text", pattern: "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]+$", length: 1...2000,
        remedy: "Write at most 2,000 characters."
    ) { $0.unicodeScalars.allSatisfy { $0.isPrintable || $0 == "\n" } }

    package static let email = TextRule(
        "an e-mail address", pattern: "^[a-z0-9._+-]+@[a-z0-9-]+(\\.[a-z0-9-]+)+$", length: 6...120,
        remedy: "Write it in lower case, such as `maya.lund@brightwater.example`."
    ) { text in
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else { return false }
        let labels = parts[1].split(separator: ".", omittingEmptySubsequences: false)
        return parts[0].utf8.allSatisfy { $0.isLowerLetter || $0.isDigit || [0x2E, 0x5F, 0x2B, 0x2D].contains($0) }
            && labels.count >= 2
            && labels.allSatisfy {
                !$0.isEmpty && $0.utf8.allSatisfy { $0.isLowerLetter || $0.isDigit || $0 == UInt8(ascii: "-") }
            }
    }

    package static let color = TextRule(
        "a colour", pattern: "^#[0-9a-f]{6}$", length: 1...7,
        remedy: "Write `#` and six hexadecimal digits in lower case, in quotes, such as \"#1d4e63\"."
    ) { text in
        let bytes = Array(text.utf8)
        return bytes.count == 7 && bytes[0] == UInt8(ascii: "#")
            && bytes[1...].allSatisfy { $0.isDigit || (0x61...0x66).contains($0) }
    }

    /// Two capitals or digits on the tile that stands for a tenant or brand.
    package static let mark = TextRule(
        "a two-letter mark", pattern: "^[A-Z][A-Z0-9]$", length: 1...2, remedy: "Write two capital letters, such as `HP`."
    ) { text in
        let bytes = Array(text.utf8)
        return bytes.count == 2 && bytes[0].isUpperLetter && (bytes[1].isUpperLetter || bytes[1].isDigit)
    }

    /// A zone of the installed IANA database; the pattern tells its form, the check asks the database.
    package static let timeZone = TextRule(
        "a time zone", pattern: "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", length: 1...64,
        remedy: "Use an IANA name, such as `Europe/Berlin`."
    ) { text in
        // Whatever makes the zone unreadable, the answer to the author is the same: this name cannot be used.
        (try? ZoneRules.load(text)) != nil
    }

    package static let locale = TextRule(
        "a language tag", pattern: "^[a-z]{2}(-[A-Z]{2})?$", length: 1...5, remedy: "Use a tag such as `de-DE` or `en`."
    ) { text in
        let bytes = Array(text.utf8)
        guard bytes.count == 2 || bytes.count == 5 else { return false }
        return bytes[..<2].allSatisfy(\.isLowerLetter)
            && (bytes.count == 2 || (bytes[2] == UInt8(ascii: "-") && bytes[3...].allSatisfy(\.isUpperLetter)))
    }

    package static let currency = TextRule(
        "a currency", pattern: "^[A-Z]{3}$", length: 1...3, remedy: "Use an ISO 4217 code, such as `EUR`."
    ) { Currency($0) != nil }

    package static let country = TextRule(
        "a country", pattern: "^[A-Z]{2}$", length: 1...2, remedy: "Use an ISO 3166-1 code of two capitals, such as `DE`."
    ) { $0.utf8.count == 2 && $0.utf8.allSatisfy(\.isUpperLetter) }

    /// Form only; check digits are a document's business.
    package static let vatID = TextRule(
        "a VAT number", pattern: "^[A-Z]{2}[A-Z0-9]{2,13}$", length: 4...15,
        remedy: "Write the country prefix and the number without blanks, such as `DE123456788`."
    ) { text in
        let bytes = Array(text.utf8)
        return bytes.prefix(2).allSatisfy(\.isUpperLetter) && bytes.allSatisfy { $0.isUpperLetter || $0.isDigit }
    }

    /// The code of a legal entity inside a tenant: `DE01`.
    package static let entityCode = TextRule(
        "an entity code", pattern: "^[A-Z][A-Z0-9]{1,7}$", length: 2...8, remedy: "Use capitals and digits, such as `DE01`."
    ) { text in
        let bytes = Array(text.utf8)
        return bytes.first?.isUpperLetter == true && bytes.allSatisfy { $0.isUpperLetter || $0.isDigit }
    }

    /// An amount as a document writes it; always quoted, so that no reader turns it into a binary fraction.
    package static let amount = TextRule(
        "an amount", pattern: "^(0|[1-9][0-9]{0,14})(\\.[0-9]{1,4})?$", length: 1...20,
        remedy: "Write digits with a point, in quotes, such as \"5000.00\"."
    ) { text in
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first, parts.count <= 2, (1...15).contains(whole.utf8.count), whole.utf8.allSatisfy(\.isDigit)
        else {
            return false
        }
        guard whole == "0" || whole.utf8.first != UInt8(ascii: "0") else { return false }
        return parts.count == 1 || ((1...4).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy(\.isDigit))
    }

    /// A share of all, strictly between none and every one; quoted, so that no reader turns it into a binary fraction.
    package static let share = TextRule(
        "a share", pattern: "^0\\.[0-9]{1,6}$", length: 3...8,
        remedy: "Write 98 % as \"0.98\", in quotes and with at most six digits after the point."
    ) { text in
        let bytes = Array(text.utf8)
        return bytes.count >= 3 && bytes[0] == UInt8(ascii: "0") && bytes[1] == UInt8(ascii: ".")
            && bytes[2...].allSatisfy(\.isDigit) && bytes[2...].contains { $0 != UInt8(ascii: "0") }
    }

    package static let date = TextRule(
        "a date", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", length: 1...10,
        remedy: "Write year, month and day, such as 2026-03-01."
    ) { CivilDate($0) != nil }

    package static let instant = TextRule(
        "an instant", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$",
        length: 1...40, remedy: "Write date, time and offset, such as 2026-01-01T00:00:00Z."
    ) { Moment($0) != nil }

    /// A wall time; 24:00 is not one, since a hand-over at midnight is 00:00 of the next day.
    package static let wallTime = TextRule(
        "a time of day", pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$", length: 1...5,
        remedy: "Write hours and minutes in quotes, such as \"08:30\"."
    ) { text in
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return false }
        guard let hour = Int(String(decoding: bytes[..<2], as: UTF8.self)),
            let minute = Int(String(decoding: bytes[3...], as: UTF8.self))
        else { return false }
        return bytes[0].isDigit && bytes[3].isDigit && hour < 24 && minute < 60
    }

    /// The version an author gives to a published asset.
    package static let version = TextRule(
        "a version", pattern: "^[0-9]+(\\.[0-9]+){0,2}$", length: 1...20,
        remedy: "Write digits with points, in quotes, such as \"1.2\"."
    ) { text in
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count <= 3 && parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(\.isDigit) }
    }

    /// What a member of a table is called in camel case: `token`, `clientSecret`.
    package static let memberName = TextRule(
        "a member name", pattern: "^[a-z][A-Za-z0-9]*$", length: 1...40,
        remedy: "Begin with a lower-case letter; use letters and digits."
    ) { text in
        text.utf8.first?.isLowerLetter == true && text.utf8.allSatisfy { $0.isLowerLetter || $0.isUpperLetter || $0.isDigit }
    }
}

extension Unicode.Scalar {
    /// No control characters, no direction overrides, no line separators: what one line on a page may hold.
    var isPrintable: Bool {
        switch value {
        case 0..<0x20, 0x7F...0x9F, 0x200B...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: false
        default: true
        }
    }
}

extension UInt8 {
    var isDigit: Bool { (0x30...0x39).contains(self) }
    var isLowerLetter: Bool { (0x61...0x7A).contains(self) }
    var isUpperLetter: Bool { (0x41...0x5A).contains(self) }
}
