extension JSONValue {
    /// Compact, members in their order; the same value always gives the same text.
    package var text: String { String(decoding: bytes, as: UTF8.self) }

    /// With two spaces of indentation and a line feed after each member and item.
    package var prettyText: String {
        var out: [UInt8] = []
        JSONWriting.append(pretty: self, to: &out, level: 0)
        return String(decoding: out, as: UTF8.self)
    }

    /// The UTF-8 of `text`.
    package var bytes: [UInt8] {
        var out: [UInt8] = []
        append(to: &out)
        return out
    }

    /// Appends the UTF-8 of `text`, without a text or an array of its own in between.
    package func append(to bytes: inout [UInt8]) { JSONWriting.append(self, to: &bytes) }
}

enum JSONWriting {
    static func append(_ value: JSONValue, to out: inout [UInt8]) {
        switch value {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let number): out.append(contentsOf: number.text.utf8)
        case .string(let text): append(string: text, to: &out)
        case .array(let items):
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                append(item, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let object):
            out.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                append(string: member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                append(member.value, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }

    static func append(pretty value: JSONValue, to out: inout [UInt8], level: Int) {
        switch value {
        case .array(let items) where !items.isEmpty:
            out.append(UInt8(ascii: "["))
            for (index, item) in items.enumerated() {
                newLine(level + 1, after: index, &out)
                append(pretty: item, to: &out, level: level + 1)
            }
            newLine(level, after: 0, &out)
            out.append(UInt8(ascii: "]"))
        case .object(let object) where !object.isEmpty:
            out.append(UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                newLine(level + 1, after: index, &out)
                append(string: member.key, to: &out)
                out.append(contentsOf: ": ".utf8)
                append(pretty: member.value, to: &out, level: level + 1)
            }
            newLine(level, after: 0, &out)
            out.append(UInt8(ascii: "}"))
        default: append(value, to: &out)
        }
    }

    private static func newLine(_ level: Int, after index: Int, _ out: inout [UInt8]) {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        out.append(0x0A)
        out.append(contentsOf: repeatElement(0x20, count: level * 2))
    }

    /// Escapes what RFC 8259 demands and nothing else, in the form that RFC 8785 fixes, so that both writers share it.
    static func append(string text: String, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\""))
        var copy = text
        copy.withUTF8 { bytes in
            var clean = 0
            for index in bytes.indices {
                let byte = bytes[index]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[clean..<index]))
                clean = index + 1
                append(escaped: byte, to: &out)
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[clean...]))
        }
        out.append(UInt8(ascii: "\""))
    }

    private static func append(escaped byte: UInt8, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: out.append(UInt8(ascii: "b"))
        case 0x09: out.append(UInt8(ascii: "t"))
        case 0x0A: out.append(UInt8(ascii: "n"))
        case 0x0C: out.append(UInt8(ascii: "f"))
        case 0x0D: out.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(byte)
        default:
            out.append(contentsOf: "u00".utf8)
            out.append(hexDigit(byte >> 4))
            out.append(hexDigit(byte & 0xF))
        }
    }
}
