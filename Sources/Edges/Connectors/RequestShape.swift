import Kernel

/// One kind of request of a mapping.
struct RequestShape: Sendable {
    /// UTF-8 bytes of a computed parameter or header; filters are longer than keys.
    static let computedBytesMax = 4_096
    static let members = ["method", "path", "query", "headers", "body", "dialect"]

    /// A parameter: a text with places to fill, or something computed, such as a filter in base64url.
    enum Parameter: Sendable {
        case template(RequestTemplate)
        case node(MappingNode)
    }

    let method: String
    let path: RequestTemplate
    let query: [(name: String, value: Parameter)]
    let headers: [(name: String, node: MappingNode)]
    /// JSON body; nil sends none.
    let body: MappingNode?
    /// In which of the mapping's dialects it is spoken; nil for the standard one.
    let dialect: String?
    /// Names of the data it speaks of: `key`, `input`, `found`.
    let roots: Set<String>
    /// The request as written, for asking what it names.
    let text: String

    /// Path and query, ready to follow the base URL. A computed parameter without a value is left out.
    func target(in scope: MappingScope, adding extra: [(name: String, value: String)] = []) throws(MappingFailure) -> String {
        var pairs: [String] = []
        for item in query {
            let name = RequestTemplate.percentEncoded(item.name)
            switch item.value {
            case .template(let template): pairs.append(name + "=" + (try template.encoded(in: scope, isPath: false)))
            case .node(let node):
                guard let value = try node.value(in: scope) else { continue }
                // A list is the same parameter several times.
                for single in value.array ?? [value] {
                    pairs.append(name + "=" + RequestTemplate.percentEncoded(try RequestShape.computed(single, item.name)))
                }
            }
        }
        for item in extra {
            pairs.append(RequestTemplate.percentEncoded(item.name) + "=" + RequestTemplate.percentEncoded(item.value))
        }
        let path = try path.encoded(in: scope, isPath: true)
        return pairs.isEmpty ? path : path + "?" + pairs.joined(separator: "&")
    }

    func headers(in scope: MappingScope) throws(MappingFailure) -> [String: String] {
        try RequestShape.headers(headers, in: scope)
    }

    /// The request, ready for the connection to send.
    func planned(
        _ purpose: ExchangeRequest.Purpose, in scope: MappingScope, adding extra: [(name: String, value: String)] = []
    ) throws(MappingFailure) -> PlannedRequest {
        PlannedRequest(
            purpose, method: method, target: try target(in: scope, adding: extra), headers: try headers(in: scope),
            body: try body?.value(in: scope), dialect: dialect)
    }

    static func headers(
        _ headers: [(name: String, node: MappingNode)], in scope: MappingScope
    ) throws(MappingFailure) -> [String: String] {
        var out: [String: String] = [:]
        for header in headers {
            guard let value = try header.node.value(in: scope) else { continue }
            let text = try computed(value, header.name)
            guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else {
                throw MappingFailure(
                    place: header.name, message: "the header \(header.name) would hold characters that no header may")
            }
            out[header.name] = text
        }
        return out
    }

    private static func computed(_ value: JSONValue, _ name: String) throws(MappingFailure) -> String {
        let text = try MappingNode.text(value, name, name)
        guard text.utf8.count <= computedBytesMax else {
            throw MappingFailure(
                place: name, message: "the value of \(name) is longer than \(computedBytesMax) bytes", code: MappingFailure.limit)
        }
        return text
    }

    static func parse(_ json: JSONValue?, at pointer: String, also: [String] = [], issues: inout [AssetIssue]) -> RequestShape? {
        enum Method: String, CaseIterable { case get = "GET", post = "POST", put = "PUT", patch = "PATCH" }
        guard let reader = MappingReader(json, at: pointer, "A request", members + also, issues: &issues),
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
        let body = reader.object["body"].flatMap { MappingNode.parse($0, at: reader.path("body"), issues: &issues) }
        if method == .get, body != nil {
            issues.append(
                AssetIssue(reader.path("body"), "A GET has no body.", remedy: "Use POST, or move the values into `query`."))
        }
        return RequestShape(
            method: method.rawValue, path: template, query: query(reader, issues: &issues),
            headers: headerNodes(reader, "headers", issues: &issues), body: body,
            dialect: reader.optionalText("dialect", issues: &issues), roots: roots(of: text(of: reader.object)),
            text: text(of: reader.object))
    }

    private static func text(of request: JSONObject) -> String {
        ["path", "query", "headers", "body"].map { request[$0]?.text ?? "" }.joined(separator: " ")
    }

    private static func roots(of text: String) -> Set<String> {
        ValuePath.roots.filter { !$0.isEmpty && speaks(text, of: $0) }
    }

    /// Whether the request names a part of the data, such as `found.company`.
    func speaks(of name: String) -> Bool { RequestShape.speaks(text, of: name) }

    private static func speaks(_ text: String, of name: String) -> Bool {
        ["$\(name).", "{\(name).", "$\(name)\""].contains { text.contains($0) }
            || text.contains("\"cel\"") && text.contains("\(name).")
    }

    private static func query(_ reader: MappingReader, issues: inout [AssetIssue]) -> [(name: String, value: Parameter)] {
        guard let table = reader.object["query"] else { return [] }
        guard let object = table.object, object.count <= 32 else {
            issues.append(
                AssetIssue(
                    reader.path("query"), "`query` has to be a table of at most 32 parameters.",
                    remedy: "Write `name: \"{key.number}\"` lines."))
            return []
        }
        var query: [(name: String, value: Parameter)] = []
        for member in object {
            let inner = reader.path("query") + "/" + AssetIssue.token(member.key)
            switch member.value {
            case .string(let text):
                if text.contains("'{") {
                    issues.append(
                        AssetIssue(
                            inner, "A value filled in between quotes could end them.",
                            remedy: "Write `{ join: [\"number eq \", { quote: $key.number }] }`."))
                }
                if let value = RequestTemplate.parse(text, at: inner, issues: &issues) {
                    query.append((name: member.key, value: .template(value)))
                }
            case .object, .array:
                if let node = MappingNode.parse(member.value, at: inner, issues: &issues) {
                    query.append((name: member.key, value: .node(node)))
                }
            case .null, .bool, .number:
                issues.append(AssetIssue(inner, "A parameter is a text.", remedy: "Put it in quotes."))
            }
        }
        return query
    }

    /// A table of headers; what the connection itself sends cannot be overridden.
    static func headerNodes(
        _ reader: MappingReader, _ name: String, issues: inout [AssetIssue]
    ) -> [(name: String, node: MappingNode)] {
        guard let table = reader.object[name] else { return [] }
        guard let object = table.object, object.count <= 16 else {
            issues.append(
                AssetIssue(
                    reader.path(name), "`\(name)` has to be a table of at most 16 headers.", remedy: "Write `Name: value` lines.")
            )
            return []
        }
        var out: [(name: String, node: MappingNode)] = []
        for member in object {
            let inner = reader.path(name) + "/" + AssetIssue.token(member.key)
            let isName = !member.key.isEmpty && member.key.utf8.allSatisfy(AuthProfile.isHeaderByte)
            if !isName
                || ["content-type", "content-length", "host", "accept", "transfer-encoding"].contains(member.key.lowercased())
            {
                issues.append(
                    AssetIssue(
                        inner, "This header cannot be set.",
                        remedy: "Use letters, digits and hyphens, and no name of HTTP itself."))
                continue
            }
            if let node = MappingNode.parse(member.value, at: inner, issues: &issues) {
                out.append((name: member.key, node: node))
            }
        }
        return out
    }
}
