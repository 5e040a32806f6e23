extension JSONValue {
    /// The form of RFC 8785: members sorted by UTF-16 code units, numbers as ECMAScript prints them, no spaces.
    ///
    /// What is hashed and signed is this. A number that no finite double holds is refused, and so is nesting deeper than the
    /// strict profile permits; the failure's place is that in the output, since the value carries none.
    package func canonicalBytes() throws(JSONParseFailure) -> [UInt8] {
        var out: [UInt8] = []
        try CanonicalJSON.append(self, to: &out, depth: 0)
        return out
    }
}

enum CanonicalJSON {
    static func append(_ value: JSONValue, to out: inout [UInt8], depth: Int) throws(JSONParseFailure) {
        switch value {
        case .null, .bool, .string: JSONWriting.append(value, to: &out)
        case .number(let number): try append(number, to: &out)
        case .array(let items):
            try check(depth: depth + 1, out)
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                try append(item, to: &out, depth: depth + 1)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            try check(depth: depth + 1, out)
            out.append(UInt8(ascii: "{"))
            for (index, member) in object.members.sorted(by: { precedes($0.key, $1.key) }).enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                JSONWriting.append(string: member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                try append(member.value, to: &out, depth: depth + 1)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    private static func check(depth: Int, _ out: [UInt8]) throws(JSONParseFailure) {
        guard depth > JSONValue.depthMax else { return }
        throw JSONParseFailure(
            offset: out.count, line: 1, column: out.count + 1,
            message: "more than \(JSONValue.depthMax) levels of arrays and objects")
    }

    private static func append(_ number: JSONNumber, to out: inout [UInt8]) throws(JSONParseFailure) {
        let text = number.text
        // Up to 15 digits every integer is a double that prints as itself; "-0" is the one exception.
        if text.utf8.count <= 15, let integer = Int64(text) {
            out.append(contentsOf: String(integer).utf8)
            return
        }
        guard let double = Double(text), let printed = ECMAScriptNumber.text(of: double) else {
            throw JSONParseFailure(
                offset: out.count, line: 1, column: out.count + 1, message: "the number \(text.prefix(40)) is beyond every double"
            )
        }
        out.append(contentsOf: printed.utf8)
    }

    /// Order by UTF-16 code units, read from UTF-8: the two differ only where one side is beyond the basic plane (lead byte
    /// from F0) and the other between U+E000 and U+FFFF (lead byte EE or EF), since surrogates sort below those.
    static func precedes(_ lhs: String, _ rhs: String) -> Bool {
        var left = lhs.utf8.makeIterator()
        var right = rhs.utf8.makeIterator()
        while true {
            guard let b = right.next() else { return false }
            guard let a = left.next() else { return true }
            if a == b { continue }
            if a >= 0xEE, b >= 0xEE, (a >= 0xF0) != (b >= 0xF0) { return a >= 0xF0 }
            return a < b
        }
    }
}

/// How ECMAScript prints a double (ECMA-262 `Number::toString`), which RFC 8785 takes for numbers.
package enum ECMAScriptNumber {
    /// Nil for NaN and the infinities.
    ///
    /// Swift's `description` already gives the shortest digits that read back as the same double; only the layout differs.
    package static func text(of double: Double) -> String? {
        guard double.isFinite else { return nil }
        guard double != 0 else { return "0" }
        var digits: [UInt8] = []
        var exponent = 0
        var isNegative = false
        var afterPoint = false
        var written = double.description.utf8.makeIterator()
        while let byte = written.next() {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): afterPoint = true
            case UInt8(ascii: "e"):
                var sign = 1
                var value = 0
                while let byte = written.next() {
                    if byte == UInt8(ascii: "-") { sign = -1 }
                    if byte >= UInt8(ascii: "0") { value = value * 10 + Int(byte - UInt8(ascii: "0")) }
                }
                exponent += sign * value
            default:
                digits.append(byte)
                if afterPoint { exponent -= 1 }
            }
        }
        let leading = digits.prefix { $0 == UInt8(ascii: "0") }.count
        digits.removeFirst(leading)
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            exponent += 1
        }
        return (isNegative ? "-" : "") + layOut(digits, exponent: exponent)
    }

    /// `digits × 10^exponent`, by the five cases of the standard; `point` is its n, the place of the decimal point.
    private static func layOut(_ digits: [UInt8], exponent: Int) -> String {
        let count = digits.count
        let point = count + exponent
        let text = String(decoding: digits, as: UTF8.self)
        if count <= point && point <= 21 { return text + String(repeating: "0", count: point - count) }
        if 0 < point && point <= 21 {
            return String(decoding: digits[..<point], as: UTF8.self) + "." + String(decoding: digits[point...], as: UTF8.self)
        }
        if -6 < point && point <= 0 { return "0." + String(repeating: "0", count: -point) + text }
        let power = point - 1
        let tail = "e" + (power < 0 ? "-" : "+") + String(power.magnitude)
        if count == 1 { return text + tail }
        return String(decoding: digits[..<1], as: UTF8.self) + "." + String(decoding: digits[1...], as: UTF8.self) + tail
    }
}
