import Kernel

/// A text with places to fill: `/api/v1/bills/{created.id}`, `{key.number}`. What is filled in is percent-encoded, so a value can
/// neither leave its segment nor add a parameter.
struct RequestTemplate: Sendable, Equatable {
    /// UTF-8 bytes of one value filled in; business keys are short.
    static let valueBytesMax = 256

    enum Part: Sendable, Hashable {
        case text(String)
        case value(ValuePath)
    }

    let parts: [Part]

    static func parse(_ text: String, at pointer: String, issues: inout [AssetIssue]) -> RequestTemplate? {
        var parts: [Part] = []
        var rest = Substring(text)
        while let open = rest.firstIndex(of: "{") {
            if open > rest.startIndex { parts.append(.text(String(rest[..<open]))) }
            guard let close = rest[open...].firstIndex(of: "}") else {
                issues.append(AssetIssue(pointer, "`{` has no `}`.", remedy: "Write places to fill as `{key.number}`."))
                return nil
            }
            guard let path = MappingReader.valuePath("$" + rest[rest.index(after: open)..<close], at: pointer, issues: &issues)
            else { return nil }
            parts.append(.value(path))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { parts.append(.text(String(rest))) }
        return RequestTemplate(parts: parts)
    }

    /// The text as it goes into a URL.
    func encoded(in scope: MappingScope, isPath: Bool) throws(MappingFailure) -> String {
        var out = ""
        for part in parts {
            switch part {
            case .text(let text): out += text
            case .value(let path):
                // What is no text cannot stand in an address; the guard says so.
                guard let value = try? ScalarForm.text.read(path.value(in: scope) ?? .null).get().string, !value.isEmpty else {
                    // What the form says of a missing value adds nothing to its place.
                    throw MappingFailure(place: "\(path)", message: "\(path) has no value for the request")
                }
                guard value.utf8.count <= RequestTemplate.valueBytesMax else {
                    throw MappingFailure(
                        place: "\(path)", message: "the value of \(path) is longer than \(RequestTemplate.valueBytesMax) bytes")
                }
                guard !isPath || (value != "." && value != "..") else {
                    throw MappingFailure(place: "\(path)", message: "the value of \(path) cannot stand in a path")
                }
                out += RequestTemplate.percentEncoded(value)
            }
        }
        return out
    }

    /// Everything but RFC 3986's unreserved characters.
    static func percentEncoded(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                out.append(byte)
            default:
                out.append(UInt8(ascii: "%"))
                for digit in [hexDigit(byte >> 4), hexDigit(byte & 0xF)] {
                    out.append(digit >= UInt8(ascii: "a") ? digit - 32 : digit)
                }
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
