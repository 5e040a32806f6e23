import Glibc
import Kernel

/// `"%s owes %.2f".format([name, sum])`: the clauses s d f e b x X o, and %% for a percent sign.
enum FormatFunctions {
    /// Digits after the point that a clause may ask for.
    static let precisionMax = 100
    private static let precisionStandard = 6

    static func add(to table: inout FunctionTable) {
        table.add("format", .member, 1) { arguments, call throws(NoValue) in
            guard case .string(let pattern) = arguments[0], case .list(let values) = arguments[1] else {
                throw NoValue.overload("format", arguments)
            }
            call.traverse(pattern.utf8.count)
            let text = try format(Array(pattern.utf8), values)
            call.traverse(text.utf8.count)
            return .string(text)
        }
    }

    private static func format(_ pattern: [UInt8], _ values: CELList) throws(NoValue) -> String {
        var out: [UInt8] = []
        var at = 0
        var used = 0
        while at < pattern.count {
            let byte = pattern[at]
            at += 1
            guard byte == UInt8(ascii: "%") else {
                out.append(byte)
                continue
            }
            if at < pattern.count, pattern[at] == UInt8(ascii: "%") {
                out.append(byte)
                at += 1
                continue
            }
            let precision = try precision(pattern, &at)
            guard at < pattern.count else { throw NoValue("format: the text ends inside a clause") }
            let clause = pattern[at]
            at += 1
            guard values.indices.contains(used) else { throw NoValue("format: index \(used) out of range") }
            out.append(contentsOf: try text(values[used], clause, precision).utf8)
            used += 1
            guard out.count <= ExpressionBounds.stringBytesMax else { throw NoValue("the text grows too long") }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// `.3`; nil when the clause names none.
    private static func precision(_ pattern: [UInt8], _ at: inout Int) throws(NoValue) -> Int? {
        guard at < pattern.count, pattern[at] == UInt8(ascii: ".") else { return nil }
        at += 1
        let digits = pattern[at...].prefix { isDigit($0) }
        at += digits.count
        guard let value = Int(String(decoding: digits, as: UTF8.self)), value <= precisionMax else {
            throw NoValue("format: a precision is a number from 0 to \(precisionMax)")
        }
        return value
    }

    private static func text(_ value: CELValue, _ clause: UInt8, _ precision: Int?) throws(NoValue) -> String {
        switch clause {
        case UInt8(ascii: "s"):
            var out = ""
            try append(value, to: &out)
            return out
        case UInt8(ascii: "d"): return try whole(value)
        case UInt8(ascii: "f"): return try fixed(value, precision ?? precisionStandard)
        case UInt8(ascii: "e"): return try scientific(value, precision ?? precisionStandard)
        case UInt8(ascii: "b"): return try binary(value)
        case UInt8(ascii: "x"): return try hexadecimal(value, isUpper: false)
        case UInt8(ascii: "X"): return try hexadecimal(value, isUpper: true)
        case UInt8(ascii: "o"): return try octal(value)
        default:
            throw NoValue("format: unrecognized formatting clause \"\(String(decoding: [clause], as: UTF8.self))\"")
        }
    }

    private static func unfit(_ clause: String, _ value: CELValue) -> NoValue {
        NoValue("format: \(clause), was given \(value.typeName)")
    }

    /// Spells out a value; what is nested is bounded as it grows, since one long text may stand in a list many times.
    private static func append(_ value: CELValue, to out: inout String) throws(NoValue) {
        switch value {
        case .null: out += "null"
        case .bool(let flag): out += flag ? "true" : "false"
        case .int(let number): out += String(number)
        case .uint(let number): out += String(number)
        case .double(let number): out += ECMAScriptNumber.text(of: number) ?? infinite(number)
        case .string(let text): out += text
        case .bytes(let bytes): out += String(decoding: bytes, as: UTF8.self)
        case .type(let name): out += name
        case .timestamp(let instant): out += instant.text
        case .duration(let span): out += span.text
        case .decimal(let number): out += number.description
        case .money(let money): out += money.description
        case .list(let list):
            out += "["
            for (position, item) in list.enumerated() {
                if position > 0 { out += ", " }
                try append(item, to: &out)
            }
            out += "]"
        case .map(let map):
            var entries: [(key: String, value: CELValue)] = []
            for item in map.items {
                var key = ""
                try append(item.key, to: &key)
                entries.append((key: key, value: item.value))
            }
            entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            out += "{"
            for (position, entry) in entries.enumerated() {
                out += position > 0 ? ", \(entry.key): " : "\(entry.key): "
                try append(entry.value, to: &out)
            }
            out += "}"
        case .optional: throw unfit("string clause cannot be used on optionals", value)
        }
        guard out.utf8.count <= ExpressionBounds.stringBytesMax else { throw NoValue("the text grows too long") }
    }

    private static func infinite(_ number: Double) -> String { number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity" }

    private static func whole(_ value: CELValue) throws(NoValue) -> String {
        switch value {
        case .int(let number): return String(number)
        case .uint(let number): return String(number)
        case .double(let number) where !number.isFinite: return infinite(number)
        case .decimal(let number):
            guard let whole = number.wholeNumber else { throw unfit("decimal clause can only be used on integers", value) }
            return String(whole)
        default: throw unfit("decimal clause can only be used on integers", value)
        }
    }

    private static func fixed(_ value: CELValue, _ precision: Int) throws(NoValue) -> String {
        switch value {
        case .double(let number): return printed("%.*f", precision, number)
        case .int(let number): return padded(ExactDecimal(number), precision)
        case .uint(let number): return padded(ExactDecimal(mantissa: Int128(number), scale: 0), precision)
        case .decimal(let number): return padded(number, precision)
        default: throw unfit("fixed-point clause can only be used on doubles", value)
        }
    }

    /// An exact number with that many digits after the point; never by way of a double.
    private static func padded(_ number: ExactDecimal, _ precision: Int) -> String {
        let rounded = number.scale > precision ? number.rounded(scale: precision, .halfEven) : number
        let missing = precision - rounded.scale
        guard missing > 0 else { return rounded.description }
        return rounded.description + (rounded.scale == 0 ? "." : "") + String(repeating: "0", count: missing)
    }

    private static func scientific(_ value: CELValue, _ precision: Int) throws(NoValue) -> String {
        switch value {
        case .double(let number): return printed("%.*e", precision, number)
        case .int(let number): return printed("%.*e", precision, Double(number))
        case .uint(let number): return printed("%.*e", precision, Double(number))
        default: throw unfit("scientific clause can only be used on doubles", value)
        }
    }

    /// Exactly rounded, half to even, as the C library prints it.
    private static func printed(_ format: String, _ precision: Int, _ number: Double) -> String {
        guard number.isFinite else { return infinite(number) }
        var buffer = [CChar](repeating: 0, count: 512)
        let count = withVaList([Int32(precision), number]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix(max(0, Int(count))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func binary(_ value: CELValue) throws(NoValue) -> String {
        switch value {
        case .int(let number): return String(number, radix: 2)
        case .uint(let number): return String(number, radix: 2)
        case .bool(let flag): return flag ? "1" : "0"
        default: throw unfit("only integers and bools can be formatted as binary", value)
        }
    }

    private static func octal(_ value: CELValue) throws(NoValue) -> String {
        switch value {
        case .int(let number): return String(number, radix: 8)
        case .uint(let number): return String(number, radix: 8)
        default: throw unfit("octal clause can only be used on integers", value)
        }
    }

    private static func hexadecimal(_ value: CELValue, isUpper: Bool) throws(NoValue) -> String {
        func digits(_ bytes: [UInt8]) -> String {
            bytes.map { byte in
                let text = String(byte, radix: 16, uppercase: isUpper)
                return text.utf8.count == 1 ? "0" + text : text
            }.joined()
        }
        switch value {
        case .int(let number): return String(number, radix: 16, uppercase: isUpper)
        case .uint(let number): return String(number, radix: 16, uppercase: isUpper)
        case .string(let text): return digits(Array(text.utf8))
        case .bytes(let bytes): return digits(bytes)
        default: throw unfit("only integers, byte buffers, and strings can be formatted as hex", value)
        }
    }
}
