/// International bank account numbers (ISO 13616): length by country and the check digits of ISO 7064 MOD 97-10.
package enum BankAccountNumber {
    package enum Verdict: Sendable, Equatable {
        case valid
        /// Does not begin like an IBAN of a country we know; a domestic number, perhaps.
        case notAnIBAN
        case wrongLength(expected: Int, actual: Int)
        case wrongCheckDigits
    }

    /// Upper case, without the blanks and hyphens people write.
    package static func normalized(_ text: String) -> String {
        String(decoding: text.uppercased().utf8.filter { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "-") }, as: UTF8.self)
    }

    /// Checks any text; never traps.
    package static func check(_ text: String) -> Verdict {
        let bytes = Array(normalized(text).utf8)
        guard bytes.count >= 5, bytes.count <= 34, let country = Country(String(decoding: bytes[0..<2], as: UTF8.self)),
            bytes[2...3].allSatisfy(isDigit), bytes.allSatisfy({ isDigit($0) || isCapital($0) }),
            let expected = lengths[country.code]
        else { return .notAnIBAN }
        guard bytes.count == expected else { return .wrongLength(expected: expected, actual: bytes.count) }
        return remainder97(bytes[4...] + bytes[..<4]) == 1 ? .valid : .wrongCheckDigits
    }

    /// The IBAN of a domestic number; nil when country or characters do not fit. For numbers we make ourselves, such as samples.
    package static func make(country: String, domestic: String) -> String? {
        let body = Array(domestic.utf8)
        guard let length = lengths[country], body.count == length - 4, body.allSatisfy({ isDigit($0) || isCapital($0) }) else {
            return nil
        }
        let digits = 98 - remainder97((body + Array(country.utf8) + [UInt8(ascii: "0"), UInt8(ascii: "0")])[...])
        return country + (digits < 10 ? "0" : "") + String(digits) + domestic
    }

    /// ISO 7064: letters count as 10 to 35.
    static func remainder97(_ bytes: ArraySlice<UInt8>) -> Int {
        var rest = 0
        for byte in bytes {
            rest =
                isDigit(byte)
                ? (rest * 10 + Int(byte - UInt8(ascii: "0"))) % 97 : (rest * 100 + Int(byte - UInt8(ascii: "A")) + 10) % 97
        }
        return rest
    }

    /// Lengths of the IBAN registry of SWIFT.
    static let lengths: [String: Int] = [
        "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29, "BY": 28,
        "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18,
        "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22,
        "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
        "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18,
        "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31,
        "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29,
        "VA": 22, "VG": 24, "XK": 20, "YE": 30,
    ]
}

func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
func isCapital(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") }
