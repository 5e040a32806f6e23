import Kernel

/// How one object is found, read, and perhaps written.
struct ObjectMapping: Sendable {
    /// One way to ask, by which keys.
    struct Finder: Sendable {
        let keys: Set<String>
        let request: RequestShape
        let paging: Paging
        /// Where the answer's list is; nil when the answer is the object itself.
        let items: ValuePath?
        /// Entries for which this differs are not ours: servers search loosely.
        let matching: [Comparison]
    }

    struct Write: Sendable {
        let create: RequestShape
        /// Header that takes the idempotency key, where the system has one.
        let idempotencyHeader: String?
        /// Made from the creation's answer (`$`, `$headers`); `$created` in the request that reads back.
        let created: MappingNode
        let readBack: RequestShape?
        let compare: [Comparison]
        let output: MappingNode
    }

    /// What was asked against what was found, read in one form.
    struct Comparison: Sendable {
        let field: String
        let asked: ValuePath
        let found: ValuePath
        let form: ScalarForm
    }

    /// Receipts come as a list; everything else as one object.
    let isList: Bool
    let finders: [Finder]
    let map: MappingNode?
    let write: Write?

    /// The finder that uses the most of the keys given and needs none that is missing.
    func finder(for keys: Set<String>) -> Finder? {
        finders.filter { $0.keys.isSubset(of: keys) }.max { $0.keys.count < $1.keys.count }
    }

    static func parse(_ json: JSONValue, named name: String, at pointer: String, issues: inout [AssetIssue]) -> ObjectMapping? {
        guard let reader = MappingReader(json, at: pointer, "The object \(name)", ["find", "map", "write"], issues: &issues)
        else { return nil }
        var finders: [Finder] = []
        let list = reader.object["find"]?.array ?? []
        if list.isEmpty || list.count > ConnectorMapping.findersMax {
            issues.append(
                AssetIssue(
                    reader.path("find"), "`find` has to be a list of 1 to \(ConnectorMapping.findersMax) requests.",
                    remedy: "Say by which keys the object is found."))
        }
        for (index, entry) in list.prefix(ConnectorMapping.findersMax).enumerated() {
            if let finder = finder(entry, at: "\(reader.path("find"))/\(index)", issues: &issues) { finders.append(finder) }
        }
        let map = reader.object["map"].flatMap { MappingNode.parse($0, at: reader.path("map"), issues: &issues) }
        if reader.object["map"] == nil {
            issues.append(
                AssetIssue(pointer, "The object \(name) lacks `map`.", remedy: "Add `map` with the canonical object's members."))
        }
        let write = reader.object["write"].flatMap { parseWrite($0, at: reader.path("write"), issues: &issues) }
        if name != "bill", reader.object["write"] != nil {
            issues.append(AssetIssue(reader.path("write"), "Only bills are written.", remedy: "Remove `write`."))
        }
        return ObjectMapping(isList: name == "receipts", finders: finders, map: map, write: write)
    }

    private static func finder(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Finder? {
        let also = ["keys", "paging", "items", "matching"]
        guard
            let reader = MappingReader(
                json, at: pointer, "A finder", ["method", "path", "query", "body"] + also, issues: &issues)
        else { return nil }
        let keys = reader.texts("keys", upTo: 8, issues: &issues)
        if keys.isEmpty {
            issues.append(AssetIssue(pointer, "A finder lacks `keys`.", remedy: "List the keys it needs, such as [number]."))
        }
        guard let request = RequestShape.parse(json, at: pointer, also: also, issues: &issues),
            let paging = Paging.parse(reader.object["paging"], at: reader.path("paging"), issues: &issues)
        else { return nil }
        return Finder(
            keys: Set(keys), request: request, paging: paging, items: reader.valuePath("items", issues: &issues),
            matching: comparisons(reader, "matching", issues: &issues))
    }

    private static func parseWrite(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Write? {
        let known = ["create", "idempotencyHeader", "created", "readBack", "compare", "output"]
        guard let reader = MappingReader(json, at: pointer, "The write", known, issues: &issues) else { return nil }
        let create = RequestShape.parse(reader.object["create"], at: reader.path("create"), issues: &issues)
        if let create, create.method == "GET" || create.body == nil {
            issues.append(
                AssetIssue(reader.path("create"), "A creation sends a body.", remedy: "Write `method: POST` and `body`."))
        }
        let created = node(reader, "created", issues: &issues)
        let output = node(reader, "output", issues: &issues)
        let compare = comparisons(reader, "compare", issues: &issues)
        if compare.isEmpty {
            issues.append(
                AssetIssue(
                    pointer, "The write compares nothing.",
                    remedy: "Add `compare` with the fields that have to be equal, the total among them."))
        }
        let readBack = reader.object["readBack"].flatMap { RequestShape.parse($0, at: reader.path("readBack"), issues: &issues) }
        let header = reader.optionalText("idempotencyHeader", issues: &issues)
        guard let create, let created, let output else { return nil }
        return Write(
            create: create, idempotencyHeader: header, created: created, readBack: readBack, compare: compare, output: output)
    }

    private static func node(_ reader: MappingReader, _ name: String, issues: inout [AssetIssue]) -> MappingNode? {
        guard let value = reader.object[name] else {
            issues.append(AssetIssue(reader.pointer, "\(reader.what) lacks `\(name)`.", remedy: "Add `\(name)`."))
            return nil
        }
        return MappingNode.parse(value, at: reader.path(name), issues: &issues)
    }

    private static func comparisons(_ reader: MappingReader, _ name: String, issues: inout [AssetIssue]) -> [Comparison] {
        guard let list = reader.object[name] else { return [] }
        guard let entries = list.array, entries.count <= 64 else {
            issues.append(
                AssetIssue(
                    reader.path(name), "`\(name)` has to be a list of at most 64 comparisons.", remedy: "Write each after `- `."))
            return []
        }
        var out: [Comparison] = []
        for (index, entry) in entries.enumerated() {
            let here = "\(reader.path(name))/\(index)"
            guard let inner = MappingReader(entry, at: here, "A comparison", ["field", "asked", "found", "as"], issues: &issues),
                let field = inner.text("field", issues: &issues), inner.text("asked", issues: &issues) != nil,
                inner.text("found", issues: &issues) != nil, let asked = inner.valuePath("asked", issues: &issues),
                let found = inner.valuePath("found", issues: &issues),
                let form = inner.choice("as", ScalarForm.self, otherwise: .text, issues: &issues)
            else { continue }
            out.append(Comparison(field: field, asked: asked, found: found, form: form))
        }
        return out
    }
}

extension ObjectMapping.Comparison {
    /// Nil when both agree; else the difference as a member of a mismatch.
    func difference(in scope: MappingScope) -> JSONValue? {
        let left = read(asked, scope)
        let right = read(found, scope)
        if let left, let right, agrees(left, right) { return nil }
        if left == nil, right == nil { return nil }
        return ["field": .string(field), "asked": left ?? .null, "found": right ?? .null]
    }

    /// An unreadable value counts as different from everything: it shows as written.
    private func read(_ path: ValuePath, _ scope: MappingScope) -> JSONValue? {
        guard let raw = path.value(in: scope) else { return nil }
        switch form.read(raw) {
        case .success(let value): return value
        case .failure: return .array([raw])
        }
    }

    private func agrees(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch form {
        case .amount, .decimal, .quantity, .number:
            guard let left = ObjectMapping.Comparison.number(left), let right = ObjectMapping.Comparison.number(right) else {
                return false
            }
            return left == right
        case .text, .integer, .date, .instant, .flag:
            guard let left = left.string, let right = right.string else { return left == right }
            return sameBytes(left, right)
        }
    }

    private static func number(_ value: JSONValue) -> ExactDecimal? {
        switch value {
        case .string(let text): ExactDecimal(text)
        case .number(let number): ExactDecimal(number.text)
        case .null, .bool, .array, .object: nil
        }
    }
}
