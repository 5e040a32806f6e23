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

/// One kind of request of a mapping.
struct RequestShape: Sendable {
    let method: String
    let path: RequestTemplate
    let query: [(name: String, value: RequestTemplate)]
    /// JSON body; nil sends none.
    let body: MappingNode?

    /// Path and query, ready to follow the base URL.
    func target(in scope: MappingScope, adding extra: [(name: String, value: String)] = []) throws(MappingFailure) -> String {
        var pairs: [String] = []
        for item in query {
            pairs.append(RequestTemplate.percentEncoded(item.name) + "=" + (try item.value.encoded(in: scope, isPath: false)))
        }
        for item in extra {
            pairs.append(RequestTemplate.percentEncoded(item.name) + "=" + RequestTemplate.percentEncoded(item.value))
        }
        let path = try path.encoded(in: scope, isPath: true)
        return pairs.isEmpty ? path : path + "?" + pairs.joined(separator: "&")
    }

    static func parse(_ json: JSONValue?, at pointer: String, also: [String] = [], issues: inout [AssetIssue]) -> RequestShape? {
        enum Method: String, CaseIterable { case get = "GET", post = "POST", put = "PUT", patch = "PATCH" }
        let known = ["method", "path", "query", "body"] + also
        guard let reader = MappingReader(json, at: pointer, "A request", known, issues: &issues),
            let method = reader.choice("method", Method.self, otherwise: .get, issues: &issues),
            let path = reader.text("path", issues: &issues)
        else { return nil }
        if !path.hasPrefix("/") || path.hasPrefix("//") || path.contains("?") || path.contains("#") || path.contains("/../") {
            issues.append(
                AssetIssue(
                    reader.path("path"), "The path is not usable.", remedy: "Begin with one `/`; parameters belong into `query`.")
            )
            return nil
        }
        guard let template = RequestTemplate.parse(path, at: reader.path("path"), issues: &issues) else { return nil }
        var query: [(name: String, value: RequestTemplate)] = []
        if let table = reader.object["query"] {
            guard let object = table.object, object.count <= 32 else {
                issues.append(
                    AssetIssue(
                        reader.path("query"), "`query` has to be a table of at most 32 texts.",
                        remedy: "Write `name: \"{key.number}\"` lines."))
                return nil
            }
            for member in object {
                let inner = reader.path("query") + "/" + AssetIssue.token(member.key)
                guard let text = member.value.string else {
                    issues.append(AssetIssue(inner, "A parameter is a text.", remedy: "Put it in quotes."))
                    continue
                }
                if let value = RequestTemplate.parse(text, at: inner, issues: &issues) {
                    query.append((name: member.key, value: value))
                }
            }
        }
        let body = reader.object["body"].flatMap { MappingNode.parse($0, at: reader.path("body"), issues: &issues) }
        if method == .get, body != nil {
            issues.append(
                AssetIssue(reader.path("body"), "A GET has no body.", remedy: "Use POST, or move the values into `query`."))
        }
        return RequestShape(method: method.rawValue, path: template, query: query, body: body)
    }
}
