import Kernel

/// How a list goes on after its first page. Every kind is bounded; a longer list is a failure and never a short answer.
struct Paging: Sendable {
    static let pagesMax = 200
    static let itemsMax = 10_000
    static let cursorBytesMax = 2_048

    enum Kind: Sendable {
        case none
        /// A link in the answer, absolute or from the root; it has to stay on the same server.
        case nextLink(ValuePath)
        /// A page number, counted from `first`.
        case page(first: Int)
        case offset
        /// A word in the answer that the next request repeats; the list ends when it is missing.
        case cursor(ValuePath)
        /// `Range: records=0-99` and `Content-Range: records 0-99/250`.
        case range(unit: String)
    }

    let kind: Kind
    /// Query parameters; nil where the body or a header says it.
    let parameter: String?
    let sizeParameter: String?
    let size: Int
    let pages: Int
    let items: Int

    static let single = Paging(kind: .none, parameter: nil, sizeParameter: nil, size: 100, pages: 1, items: itemsMax)

    private enum Word: String, CaseIterable {
        case none
        case nextLink = "next-link"
        case page, offset, cursor, range
    }

    static func parse(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> Paging? {
        guard let json else { return single }
        let known = ["kind", "next", "parameter", "sizeParameter", "size", "first", "unit", "pagesMax", "itemsMax"]
        guard let reader = MappingReader(json, at: pointer, "Paging", known, issues: &issues),
            let word = reader.choice("kind", Word.self, otherwise: nil, issues: &issues),
            let kind = kind(word, reader, issues: &issues)
        else { return nil }
        return Paging(
            kind: kind, parameter: reader.optionalText("parameter", issues: &issues),
            sizeParameter: reader.optionalText("sizeParameter", issues: &issues),
            size: reader.int("size", in: 1...1_000, otherwise: 100, issues: &issues),
            pages: word == .none ? 1 : reader.int("pagesMax", in: 1...pagesMax, otherwise: 20, issues: &issues),
            items: reader.int("itemsMax", in: 1...itemsMax, otherwise: 1_000, issues: &issues))
    }

    private static func kind(_ word: Word, _ reader: MappingReader, issues: inout [AssetIssue]) -> Kind? {
        func next() -> ValuePath? {
            reader.text("next", issues: &issues).flatMap {
                MappingReader.valuePath($0, at: reader.path("next"), issues: &issues)
            }
        }
        switch word {
        case .none: return Kind.none
        case .nextLink: return next().map(Kind.nextLink)
        case .cursor: return next().map(Kind.cursor)
        case .page: return .page(first: reader.int("first", in: 0...1, otherwise: 1, issues: &issues))
        case .offset: return .offset
        case .range:
            let unit = reader.optionalText("unit", issues: &issues) ?? "items"
            guard unit.utf8.count <= 30, unit.utf8.allSatisfy(AuthProfile.isHeaderByte) else {
                issues.append(
                    AssetIssue(reader.path("unit"), "This is no unit of a range.", remedy: "Write a word such as `records`."))
                return nil
            }
            return .range(unit: unit)
        }
    }
}

/// A list being read page by page: says which request comes next, until it has all items or gives up.
struct PagedSearch: Sendable {
    enum Next: Sendable, Equatable {
        case request(PlannedRequest)
        case done([JSONValue])
        case broken(ConnectorOutcome)
    }

    private let shape: RequestShape
    private let paging: Paging
    private let items: ValuePath?
    private let scope: MappingScope
    private let origin: String
    private let purpose: ExchangeRequest.Purpose
    private var collected: [JSONValue] = []
    private var pages = 0
    private var followed: Set<String> = []

    /// `items` nil: the answer is one object.
    init(
        shape: RequestShape, paging: Paging, items: ValuePath?, scope: MappingScope, origin: String,
        purpose: ExchangeRequest.Purpose
    ) {
        self.shape = shape
        self.paging = paging
        self.items = items
        self.scope = scope
        self.origin = origin
        self.purpose = purpose
    }

    func first() throws(MappingFailure) -> Next { try request(cursor: nil) }

    /// A range that begins behind the last entry is how such a list says that it has ended.
    var endsBehindTheLast: [JSONValue]? {
        if case .range = paging.kind, pages > 0 { return collected }
        return nil
    }

    /// Takes a page's document.
    mutating func take(_ document: JSONValue, headers: JSONValue) -> Next {
        pages += 1
        var page = scope.focused(on: document)
        page["page"] = document
        page["headers"] = headers
        guard let items else { return .done([document]) }
        guard let list = items.value(in: page)?.array else {
            // An absent list is an answer of another shape; an empty one is a list.
            return unreadable("the answer has no list at \(items)")
        }
        collected += list
        guard collected.count <= paging.items else { return unreadable("the list is longer than \(paging.items) entries") }
        do throws(MappingFailure) {
            guard let next = try next(after: list.count, in: page) else { return .done(collected) }
            if case .request = next, pages >= paging.pages { return unreadable("the list goes on after \(paging.pages) pages") }
            return next
        } catch {
            return unreadable(error.message)
        }
    }

    private func unreadable(_ message: String) -> Next {
        .broken(.failed(code: "protocol", message: "The list cannot be read: \(message).", retryAfterSeconds: nil))
    }

    /// The next page's request; a body and headers may use `$paging`.
    private func request(cursor: String?) throws(MappingFailure) -> Next {
        var scope = scope
        var number = pages
        if case .page(let first) = paging.kind { number += first }
        let offset = pages * paging.size
        scope["paging"] = [
            "number": JSONValue(number), "offset": JSONValue(offset), "size": JSONValue(paging.size),
            "cursor": cursor.map(JSONValue.string) ?? .null,
        ]
        var extra: [(name: String, value: String)] = []
        let value: String? =
            switch paging.kind {
            case .none, .nextLink, .range: nil
            case .page: String(number)
            case .offset: String(offset)
            case .cursor: cursor
            }
        if let parameter = paging.parameter, let value { extra.append((name: parameter, value: value)) }
        if let name = paging.sizeParameter { extra.append((name: name, value: String(paging.size))) }
        var planned = try shape.planned(purpose, in: scope, adding: extra)
        if case .range(let unit) = paging.kind {
            planned.headers["Range"] = "\(unit)=\(offset)-\(offset + paging.size - 1)"
        }
        return .request(planned)
    }

    private mutating func next(after count: Int, in page: MappingScope) throws(MappingFailure) -> Next? {
        switch paging.kind {
        case .none: return nil
        case .nextLink(let path):
            guard let value = path.value(in: page) else { return nil }
            guard let link = value.string, let target = sameServerTarget(of: link) else {
                return unreadable("the link to the next page leads elsewhere")
            }
            guard followed.insert(target).inserted else { return unreadable("the link to the next page leads back") }
            return .request(
                PlannedRequest(
                    purpose, method: "GET", target: target, isFromRoot: true, headers: try shape.headers(in: scope),
                    dialect: shape.dialect))
        case .cursor(let path):
            guard let value = path.value(in: page), value != .string("") else { return nil }
            let cursor = try MappingNode.text(value, "\(path)", "the cursor")
            guard cursor.utf8.count <= Paging.cursorBytesMax else { return unreadable("the cursor is too long") }
            guard followed.insert(cursor).inserted else { return unreadable("the cursor leads back") }
            return try request(cursor: cursor)
        case .page, .offset: return count == paging.size ? try request(cursor: nil) : nil
        case .range:
            guard count == paging.size else { return nil }
            if let total = PagedSearch.total(page["headers"]?["content-range"]?.string), collected.count >= total { return nil }
            return try request(cursor: nil)
        }
    }

    /// The 250 of `records 0-99/250`; nil where the total is not known.
    private static func total(_ header: String?) -> Int? {
        guard let header, let slash = header.lastIndex(of: "/") else { return nil }
        return Int(header[header.index(after: slash)...])
    }

    /// The link as path and query when it stays on the connection's own server; the token must not travel elsewhere.
    private func sameServerTarget(of link: String) -> String? {
        guard link.utf8.count <= 4_096,
            link.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#") })
        else { return nil }
        var target = Substring(link)
        if target.hasPrefix(origin) { target = target.dropFirst(origin.count) }
        guard target.hasPrefix("/"), !target.hasPrefix("//"), !target.contains("/../"), !target.contains("/./") else {
            return nil
        }
        return String(target)
    }
}
