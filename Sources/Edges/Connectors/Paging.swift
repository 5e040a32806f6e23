import Kernel

/// How a list goes on after its first page. Every kind is bounded; a longer list is a failure and never a short answer.
enum Paging: Sendable {
    static let pagesMax = 200
    static let itemsMax = 10_000

    case none(itemsMax: Int)
    /// A link in the answer, absolute or from the root; it has to stay on the same server.
    case nextLink(ValuePath, Bounds)
    /// A page number, counted from `first`.
    case page(parameter: String, sizeParameter: String?, size: Int, first: Int, Bounds)
    case offset(parameter: String, sizeParameter: String?, size: Int, Bounds)

    struct Bounds: Sendable {
        let pages: Int
        let items: Int
    }

    var bounds: Bounds {
        switch self {
        case .none(let items): Bounds(pages: 1, items: items)
        case .nextLink(_, let bounds), .page(_, _, _, _, let bounds), .offset(_, _, _, let bounds): bounds
        }
    }

    private enum Kind: String, CaseIterable {
        case none
        case nextLink = "next-link"
        case page, offset
    }

    static func parse(_ json: JSONValue?, at pointer: String, issues: inout [AssetIssue]) -> Paging? {
        guard let json else { return Paging.none(itemsMax: itemsMax) }
        let known = ["kind", "next", "parameter", "sizeParameter", "size", "first", "pagesMax", "itemsMax"]
        guard let reader = MappingReader(json, at: pointer, "Paging", known, issues: &issues),
            let kind = reader.choice("kind", Kind.self, otherwise: nil, issues: &issues)
        else { return nil }
        let bounds = Bounds(
            pages: reader.int("pagesMax", in: 1...pagesMax, otherwise: 20, issues: &issues),
            items: reader.int("itemsMax", in: 1...itemsMax, otherwise: 1_000, issues: &issues))
        let size = reader.int("size", in: 1...1_000, otherwise: 100, issues: &issues)
        let sizeParameter = reader.optionalText("sizeParameter", issues: &issues)
        switch kind {
        case .none: return Paging.none(itemsMax: bounds.items)
        case .nextLink:
            guard let text = reader.text("next", issues: &issues),
                let path = MappingReader.valuePath(text, at: reader.path("next"), issues: &issues)
            else { return nil }
            return .nextLink(path, bounds)
        case .page:
            guard let parameter = reader.text("parameter", issues: &issues) else { return nil }
            let first = reader.int("first", in: 0...1, otherwise: 1, issues: &issues)
            return .page(parameter: parameter, sizeParameter: sizeParameter, size: size, first: first, bounds)
        case .offset:
            guard let parameter = reader.text("parameter", issues: &issues) else { return nil }
            return .offset(parameter: parameter, sizeParameter: sizeParameter, size: size, bounds)
        }
    }
}

/// A list being read page by page: says which request comes next, until it has all items or gives up.
struct PagedSearch: Sendable {
    enum Next: Sendable, Equatable {
        /// Path and query after the base URL's origin or base, as `isFromRoot` says.
        case request(target: String, isFromRoot: Bool)
        case done([JSONValue])
        case broken(String)
    }

    private let shape: RequestShape
    private let paging: Paging
    private let items: ValuePath?
    private let scope: MappingScope
    private let origin: String
    private var collected: [JSONValue] = []
    private var pages = 0
    private var followed: Set<String> = []

    /// `items` nil: the answer is one object.
    init(shape: RequestShape, paging: Paging, items: ValuePath?, scope: MappingScope, origin: String) {
        self.shape = shape
        self.paging = paging
        self.items = items
        self.scope = scope
        self.origin = origin
    }

    func first() throws(MappingFailure) -> Next {
        .request(target: try shape.target(in: scope, adding: parameters(page: 0)), isFromRoot: false)
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
            return .broken("the answer has no list at \(items)")
        }
        collected += list
        guard collected.count <= paging.bounds.items else {
            return .broken("the list is longer than \(paging.bounds.items) entries")
        }
        do throws(MappingFailure) {
            guard let next = try next(after: list.count, in: page) else { return .done(collected) }
            guard pages < paging.bounds.pages else { return .broken("the list goes on after \(paging.bounds.pages) pages") }
            return next
        } catch {
            return .broken(error.message)
        }
    }

    private func parameters(page: Int) -> [(name: String, value: String)] {
        let pair: (String, Int, String?, Int)
        switch paging {
        case .none, .nextLink: return []
        case .page(let parameter, let sizeParameter, let size, let first, _):
            pair = (parameter, first + page, sizeParameter, size)
        case .offset(let parameter, let sizeParameter, let size, _): pair = (parameter, page * size, sizeParameter, size)
        }
        return [(name: pair.0, value: String(pair.1))] + (pair.2.map { [(name: $0, value: String(pair.3))] } ?? [])
    }

    private mutating func next(after count: Int, in page: MappingScope) throws(MappingFailure) -> Next? {
        switch paging {
        case .none: return nil
        case .nextLink(let path, _):
            guard let value = path.value(in: page) else { return nil }
            guard let link = value.string, let target = sameServerTarget(of: link) else {
                return .broken("the link to the next page leads elsewhere")
            }
            guard followed.insert(target).inserted else { return .broken("the link to the next page leads back") }
            return .request(target: target, isFromRoot: true)
        case .page(_, _, let size, _, _), .offset(_, _, let size, _):
            guard count == size else { return nil }
            return .request(target: try shape.target(in: scope, adding: parameters(page: pages)), isFromRoot: false)
        }
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
