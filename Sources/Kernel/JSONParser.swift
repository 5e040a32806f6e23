/// Why and where a text is no JSON of our strict profile.
package struct JSONParseFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// Bytes before the fault, counted from 0.
    package let offset: Int
    /// Counted from 1; lines end with a line feed.
    package let line: Int
    /// Counted from 1, in code points of that line.
    package let column: Int
    package let message: String

    package init(offset: Int, line: Int, column: Int, message: String) {
        self.offset = offset
        self.line = line
        self.column = column
        self.message = message
    }

    package var description: String { "line \(line), column \(column): \(message)" }
}

extension JSONValue {
    /// Documents that carry meaning are smaller; larger ones are refused unread.
    package static let bytesMax = 16_777_216
    /// Nesting of arrays and objects; the outermost is 1.
    package static let depthMax = 64

    /// Reads the strict profile of RFC 8259: UTF-8 without byte order mark, no duplicate keys (compared by code points after
    /// unescaping), no unpaired surrogates, bounded depth, numbers kept as written.
    ///
    /// Strict because two readers that resolve a duplicate key differently are two opinions on who may approve.
    package init(
        parsing bytes: some Collection<UInt8>, maxBytes: Int = JSONValue.bytesMax, maxDepth: Int = JSONValue.depthMax
    ) throws(JSONParseFailure) {
        precondition(maxDepth >= 1 && maxDepth <= 512, "the reader is recursive: at most 512 levels")
        guard bytes.count <= maxBytes else {
            throw JSONParseFailure(offset: 0, line: 1, column: 1, message: "the document is larger than \(maxBytes) bytes")
        }
        let direct: Result<JSONValue, JSONParseFailure>? = bytes.withContiguousStorageIfAvailable {
            JSONReader.read($0, maxDepth)
        }
        let result = direct ?? Array(bytes).withUnsafeBufferPointer { JSONReader.read($0, maxDepth) }
        self = try result.get()
    }

    package init(parsing text: String) throws(JSONParseFailure) {
        try self.init(parsing: text.utf8)
    }
}

/// One pass over the bytes. Recursion is bounded by `depthMax`.
private struct JSONReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let depthMax: Int
    private var at = 0
    private var depth = 0

    static func read(_ bytes: UnsafeBufferPointer<UInt8>, _ depthMax: Int) -> Result<JSONValue, JSONParseFailure> {
        var reader = JSONReader(bytes: bytes, depthMax: depthMax)
        do throws(JSONParseFailure) { return .success(try reader.document()) } catch { return .failure(error) }
    }

    private init(bytes: UnsafeBufferPointer<UInt8>, depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    private mutating func document() throws(JSONParseFailure) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw failure("a byte order mark is not taken") }
        skipSpace()
        let value = try value()
        skipSpace()
        guard at == bytes.count else { throw failure("the document ends before this") }
        return value
    }

    private mutating func value() throws(JSONParseFailure) -> JSONValue {
        guard at < bytes.count else { throw failure("the document ends where a value should stand") }
        switch bytes[at] {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: throw failure("a value should stand here")
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONParseFailure) -> JSONValue {
        let count = word.utf8CodeUnitCount
        let isWord = word.withUTF8Buffer { expected in
            at + count <= bytes.count && bytes[at..<at + count].elementsEqual(expected)
        }
        guard isWord else { throw failure("only true, false and null are words") }
        at += count
        return value
    }

    private mutating func array() throws(JSONParseFailure) -> [JSONValue] {
        try enter()
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) {
            depth -= 1
            return items
        }
        while true {
            skipSpace()
            items.append(try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw failure("a comma or ] should stand here") }
            depth -= 1
            return items
        }
    }

    private mutating func object() throws(JSONParseFailure) -> JSONObject {
        try enter()
        var members: [(key: String, value: JSONValue)] = []
        var names = MemberNames()
        skipSpace()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return JSONObject()
        }
        while true {
            skipSpace()
            guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw failure("a member's name should stand here") }
            let start = at
            let key = try string()
            guard names.insert(key, after: members) else {
                throw failure("the name \(JSONValue.string(key).text) stands here twice", at: start)
            }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("a colon should stand here") }
            skipSpace()
            members.append((key: key, value: try value()))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw failure("a comma or } should stand here") }
            depth -= 1
            return JSONObject(members)
        }
    }

    private mutating func number() throws(JSONParseFailure) -> JSONNumber {
        let start = at
        _ = take(UInt8(ascii: "-"))
        if take(UInt8(ascii: "0")) {
            if at < bytes.count, isDigit(bytes[at]) { throw failure("a number does not start with 0") }
        } else {
            try digits()
        }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try digits()
        }
        return JSONNumber(unchecked: String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<at]), as: UTF8.self))
    }

    private mutating func digits() throws(JSONParseFailure) {
        let start = at
        while at < bytes.count, isDigit(bytes[at]) { at += 1 }
        guard at > start else { throw failure("a digit should stand here") }
    }

    private mutating func string() throws(JSONParseFailure) -> String {
        at += 1
        let start = at
        var isPlain = true
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                let text = try text(of: UnsafeBufferPointer(rebasing: bytes[start..<at]), isASCII: isPlain, from: start)
                at += 1
                return text
            }
            if byte == UInt8(ascii: "\\") { return try escapedString(from: start) }
            guard byte >= 0x20 else { throw failure("a control character must be escaped") }
            if byte >= 0x80 { isPlain = false }
            at += 1
        }
        throw failure("a string does not end")
    }

    /// The rare case: unescapes into a buffer. Both halves of a pair are read here, so a lone one is seen here.
    private mutating func escapedString(from start: Int) throws(JSONParseFailure) -> String {
        var out = Array(bytes[start..<at])
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                guard let text = String(validating: out, as: UTF8.self) else {
                    throw failure("the string is not UTF-8", at: start)
                }
                at += 1
                return text
            }
            guard byte >= 0x20 else { throw failure("a control character must be escaped") }
            at += 1
            if byte == UInt8(ascii: "\\") { try unescape(into: &out) } else { out.append(byte) }
        }
        throw failure("a string does not end")
    }

    private mutating func unescape(into out: inout [UInt8]) throws(JSONParseFailure) {
        guard at < bytes.count else { throw failure("a string does not end") }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
        case UInt8(ascii: "b"): out.append(0x08)
        case UInt8(ascii: "f"): out.append(0x0C)
        case UInt8(ascii: "n"): out.append(0x0A)
        case UInt8(ascii: "r"): out.append(0x0D)
        case UInt8(ascii: "t"): out.append(0x09)
        case UInt8(ascii: "u"):
            let first = try hexUnit()
            var scalar = UInt32(first)
            if first >= 0xD800 && first <= 0xDFFF {
                guard first < 0xDC00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u")
                else {
                    throw failure("half of a surrogate pair", at: at - 6)
                }
                at += 2
                let second = try hexUnit()
                guard second >= 0xDC00 && second <= 0xDFFF else { throw failure("half of a surrogate pair", at: at - 12) }
                let high = UInt32(first - 0xD800) << 10
                scalar = 0x10000 + high + UInt32(second - 0xDC00)
            }
            if let scalar = Unicode.Scalar(scalar) { out.append(contentsOf: Array(String(Character(scalar)).utf8)) }
        default: throw failure("no such escape", at: at - 2)
        }
    }

    private mutating func hexUnit() throws(JSONParseFailure) -> UInt16 {
        guard at + 4 <= bytes.count else { throw failure("four hexadecimal digits should stand here") }
        var unit: UInt16 = 0
        for byte in bytes[at..<at + 4] {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw failure("four hexadecimal digits should stand here")
            }
            unit = unit << 4 | UInt16(digit)
        }
        at += 4
        return unit
    }

    private func text(of buffer: UnsafeBufferPointer<UInt8>, isASCII: Bool, from start: Int) throws(JSONParseFailure) -> String {
        if isASCII { return String(decoding: buffer, as: UTF8.self) }
        guard let text = String(validating: buffer, as: UTF8.self) else { throw failure("the string is not UTF-8", at: start) }
        return text
    }

    private mutating func enter() throws(JSONParseFailure) {
        guard depth < depthMax else { throw failure("more than \(depthMax) levels of arrays and objects") }
        depth += 1
        at += 1
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func skipSpace() {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x0A, 0x0D, 0x09: at += 1
            default: return
            }
        }
    }

    private func failure(_ message: String, at offset: Int? = nil) -> JSONParseFailure {
        let offset = min(offset ?? at, bytes.count)
        var line = 1
        var column = 1
        for byte in bytes[..<offset] {
            if byte == 0x0A {
                line += 1
                column = 1
            } else if byte & 0xC0 != 0x80 {
                column += 1
            }
        }
        return JSONParseFailure(offset: offset, line: line, column: column, message: message)
    }
}

private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }

/// The names seen in one object: compared one by one while few, by a set once many, so that a hostile object stays linear.
private struct MemberNames {
    private static let fewMax = 16
    private var many: Set<ByteText> = []

    /// False when `key` is already there.
    mutating func insert(_ key: String, after members: [(key: String, value: JSONValue)]) -> Bool {
        if members.count < MemberNames.fewMax { return !members.contains { sameBytes($0.key, key) } }
        if members.count == MemberNames.fewMax { many = Set(members.map { ByteText(text: $0.key) }) }
        return many.insert(ByteText(text: key)).inserted
    }
}

/// Text whose identity is its bytes, unlike `String`'s, which folds canonical equivalents.
struct ByteText: Hashable {
    let text: String

    static func == (lhs: ByteText, rhs: ByteText) -> Bool { sameBytes(lhs.text, rhs.text) }

    func hash(into hasher: inout Hasher) {
        var copy = text
        copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
