/// VAT identification numbers: the form of each country and, where it is public, the check digit.
///
/// A valid form says that nobody mistyped it, not that the number was ever issued: that is for the register to say.
package enum TaxNumber {
    package enum Verdict: Sendable, Equatable {
        case valid
        /// The country has no rule here; the number looks plausible.
        case unchecked
        case wrongForm
        case wrongCheckDigit
    }

    /// Upper case, without blanks, points, hyphens and slashes.
    package static func normalized(_ text: String) -> String {
        let drop: Set<UInt8> = [UInt8(ascii: " "), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "/")]
        return String(decoding: text.uppercased().utf8.filter { !drop.contains($0) }, as: UTF8.self)
    }

    /// Checks a number with its country prefix; never traps.
    package static func check(_ text: String) -> Verdict {
        let bytes = Array(normalized(text).utf8)
        guard bytes.count >= 4, bytes.count <= 16, bytes[0..<2].allSatisfy(isCapital),
            bytes.allSatisfy({ isDigit($0) || isCapital($0) })
        else { return .wrongForm }
        let country = String(decoding: bytes[0..<2], as: UTF8.self)
        let body = Array(bytes[2...])
        switch country {
        case "DE": return verdict(digits(body, count: 9), germany)
        case "AT":
            return body.first == UInt8(ascii: "U") ? verdict(digits(Array(body.dropFirst()), count: 8), austria) : .wrongForm
        case "BE": return verdict(digits(body, count: 10), belgium)
        case "IT": return verdict(digits(body, count: 11), luhn)
        case "PL": return verdict(digits(body, count: 10), poland)
        case "FR": return france(body)
        case "NL": return netherlands(body, whole: bytes)
        case "ES": return spain(body)
        case "GB", "XI": return britain(body)
        default: return .unchecked
        }
    }

    private static func verdict(_ digits: [Int]?, _ rule: ([Int]) -> Bool) -> Verdict {
        guard let digits else { return .wrongForm }
        return rule(digits) ? .valid : .wrongCheckDigit
    }

    static func digits(_ bytes: some Collection<UInt8>, count: Int) -> [Int]? {
        guard bytes.count == count, bytes.allSatisfy(isDigit) else { return nil }
        return bytes.map { Int($0 - UInt8(ascii: "0")) }
    }

    static func number(_ digits: some Sequence<Int>) -> Int { digits.reduce(0) { $0 * 10 + $1 } }

    static func weighted(_ digits: [Int], _ weights: [Int]) -> Int { zip(digits, weights).reduce(0) { $0 + $1.0 * $1.1 } }

    /// ISO 7064 MOD 11,10.
    static func germany(_ digits: [Int]) -> Bool {
        guard digits[0] != 0 else { return false }
        var product = 10
        for digit in digits.dropLast() {
            let sum = (digit + product) % 10
            product = (sum == 0 ? 10 : sum) * 2 % 11
        }
        return (11 - product) % 10 == digits[8]
    }

    static func austria(_ digits: [Int]) -> Bool {
        let sum = (0..<7).reduce(0) { total, index in
            let value = index % 2 == 0 ? digits[index] : digits[index] * 2
            return total + value / 10 + value % 10
        }
        return (96 - sum) % 10 == digits[7]
    }

    static func belgium(_ digits: [Int]) -> Bool { digits[0] <= 1 && 97 - number(digits[0..<8]) % 97 == number(digits[8...]) }

    /// The check digit of payment cards; Italy's VAT number and France's SIREN use it.
    static func luhn(_ digits: [Int]) -> Bool {
        let sum = digits.reversed().enumerated().reduce(0) { total, item in
            let value = item.offset % 2 == 0 ? item.element : item.element * 2
            return total + (value > 9 ? value - 9 : value)
        }
        return sum % 10 == 0 && digits.contains { $0 != 0 }
    }

    static func poland(_ digits: [Int]) -> Bool { weighted(digits, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == digits[9] }

    /// Two key characters and a SIREN. Numeric keys follow from the SIREN; keys with letters are checked for form only.
    private static func france(_ body: [UInt8]) -> Verdict {
        guard body.count == 11, let siren = digits(body[2...], count: 9) else { return .wrongForm }
        guard let key = digits(body[0..<2], count: 2) else {
            let letters = body[0..<2].allSatisfy { $0 != UInt8(ascii: "I") && $0 != UInt8(ascii: "O") }
            return letters ? .valid : .wrongForm
        }
        return (12 + 3 * (number(siren) % 97)) % 97 == number(key) ? .valid : .wrongCheckDigit
    }

    /// Nine digits, `B`, two digits: the old numbers carry the eleven test, those of sole traders since 2020 MOD 97-10.
    private static func netherlands(_ body: [UInt8], whole: [UInt8]) -> Verdict {
        guard body.count == 12, body[9] == UInt8(ascii: "B"), let front = digits(body[0..<9], count: 9),
            digits(body[10...], count: 2) != nil
        else { return .wrongForm }
        let eleven = weighted(front, [9, 8, 7, 6, 5, 4, 3, 2]) % 11
        return eleven == front[8] || BankAccountNumber.remainder97(whole[...]) == 1 ? .valid : .wrongCheckDigit
    }

    /// Persons (NIF, NIE) end in a letter out of 23; companies begin with a letter and end in a digit or a letter.
    private static func spain(_ body: [UInt8]) -> Verdict {
        guard body.count == 9 else { return .wrongForm }
        let first = body[0]
        let last = body[8]
        let letters = Array("TRWAGMYFPDXBNJZSQVHLCKE".utf8)
        if isDigit(first) || (first >= UInt8(ascii: "X") && first <= UInt8(ascii: "Z")) {
            let lead = isDigit(first) ? Int(first - UInt8(ascii: "0")) : Int(first - UInt8(ascii: "X"))
            guard let middle = digits(body[1..<8], count: 7), isCapital(last) else { return .wrongForm }
            return letters[(lead * 10_000_000 + number(middle)) % 23] == last ? .valid : .wrongCheckDigit
        }
        guard "ABCDEFGHJKLMNPQRSUVW".utf8.contains(first), let middle = digits(body[1..<8], count: 7) else { return .wrongForm }
        if "KLM".utf8.contains(first) {
            return letters[number(middle) % 23] == last || companyLetter(middle) == last ? .valid : .wrongCheckDigit
        }
        let digit = UInt8(ascii: "0") + UInt8(companyCheck(middle))
        return last == digit || last == companyLetter(middle) ? .valid : .wrongCheckDigit
    }

    private static func companyCheck(_ middle: [Int]) -> Int {
        let sum = middle.enumerated().reduce(0) { total, item in
            let value = item.offset % 2 == 0 ? item.element * 2 : item.element
            return total + value / 10 + value % 10
        }
        return (10 - sum % 10) % 10
    }

    private static func companyLetter(_ middle: [Int]) -> UInt8 { Array("JABCDEFGHI".utf8)[companyCheck(middle)] }

    /// Nine digits, twelve for branches, `GD` and `HA` for government bodies.
    private static func britain(_ body: [UInt8]) -> Verdict {
        if body.count == 5, let value = digits(body[2...], count: 3).map({ number($0) }) {
            switch String(decoding: body[0..<2], as: UTF8.self) {
            case "GD": return value < 500 ? .valid : .wrongForm
            case "HA": return value >= 500 ? .valid : .wrongForm
            default: return .wrongForm
            }
        }
        guard body.count == 9 || body.count == 12, let all = digits(body, count: body.count) else { return .wrongForm }
        let sum = weighted(all, [8, 7, 6, 5, 4, 3, 2]) + number(all[7..<9])
        return sum % 97 == 0 || (sum + 55) % 97 == 0 ? .valid : .wrongCheckDigit
    }
}
