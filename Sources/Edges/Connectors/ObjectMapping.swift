import Kernel

/// How one object is found, read, and perhaps written.
struct ObjectMapping: Sendable {
    /// One way to ask, by which keys.
    struct Finder: Sendable {
        let keys: Set<String>
        let needs: [String]
        let request: RequestShape
        let paging: Paging
        /// Where the answer's list is; nil when the answer is the object itself.
        let items: ValuePath?
        /// Entries for which this differs are not ours: servers search loosely.
        let matching: [Comparison]
    }

    /// What was changed lately: for systems that tell nobody.
    struct Changes: Sendable {
        static let overlapSecondsMax = 3_600

        let finder: Finder
        /// When an entry was changed, or made when it never was.
        let changedAt: MappingNode
        /// Asked again from this long before, since clocks differ and transactions end late.
        let overlapSeconds: Int
    }

    /// Receipts come as a list; everything else as one object.
    let isList: Bool
    let finders: [Finder]
    let map: MappingNode?
    let write: WriteMapping?
    let changes: Changes?
    /// A harmless request that brings a few live objects, for trying out a connection.
    let sample: Finder?

    /// The finder that uses the most of the keys given and needs none that is missing.
    func finder(for keys: Set<String>) -> Finder? {
        finders.filter { $0.keys.isSubset(of: keys) }.max { $0.keys.count < $1.keys.count }
    }

    static func parse(_ json: JSONValue, named name: String, at pointer: String, issues: inout [AssetIssue]) -> ObjectMapping? {
        guard
            let reader = MappingReader(
                json, at: pointer, "The object \(name)", ["find", "map", "write", "changes", "sample"], issues: &issues)
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
        let write = reader.object["write"].flatMap { WriteMapping.parse($0, at: reader.path("write"), issues: &issues) }
        if name != "bill", reader.object["write"] != nil {
            issues.append(AssetIssue(reader.path("write"), "Only bills are written.", remedy: "Remove `write`."))
        }
        let sample = reader.object["sample"].flatMap {
            finder($0, at: reader.path("sample"), also: [], needsKeys: false, issues: &issues)
        }
        return ObjectMapping(
            isList: name == "receipts", finders: finders, map: map, write: write,
            changes: reader.object["changes"].flatMap { changes($0, at: reader.path("changes"), issues: &issues) },
            sample: sample)
    }

    private static func changes(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> Changes? {
        let also = ["changedAt", "overlapSeconds"]
        guard let finder = finder(json, at: pointer, also: also, needsKeys: false, issues: &issues),
            let object = json.object
        else { return nil }
        var ignored: [AssetIssue] = []
        guard
            let reader = MappingReader(
                .object(object), at: pointer, "The reading of changes", object.keys, issues: &ignored),
            let changedAt = reader.node("changedAt", issues: &issues)
        else { return nil }
        return Changes(
            finder: finder, changedAt: changedAt,
            overlapSeconds: reader.int("overlapSeconds", in: 0...Changes.overlapSecondsMax, otherwise: 60, issues: &issues))
    }

    private static func finder(
        _ json: JSONValue, at pointer: String, also: [String] = ["keys"], needsKeys: Bool = true, issues: inout [AssetIssue]
    ) -> Finder? {
        let also = also + ["needs", "paging", "items", "matching"]
        guard let reader = MappingReader(json, at: pointer, "A finder", RequestShape.members + also, issues: &issues) else {
            return nil
        }
        let keys = needsKeys ? reader.texts("keys", upTo: 8, issues: &issues) : []
        if keys.isEmpty, needsKeys {
            issues.append(AssetIssue(pointer, "A finder lacks `keys`.", remedy: "List the keys it needs, such as [number]."))
        }
        // What the reader found misspelt has been told; the request is read from the same members.
        guard let request = RequestShape.parse(json, at: pointer, also: reader.object.keys, issues: &issues),
            let paging = Paging.parse(reader.object["paging"], at: reader.path("paging"), issues: &issues)
        else { return nil }
        switch paging.kind {
        case .page, .offset, .cursor:
            guard paging.parameter == nil, !json.text.contains("$paging."), !json.text.contains("{paging.") else { break }
            issues.append(
                AssetIssue(
                    reader.path("paging"), "Nothing in the request says which page is asked for.",
                    remedy: "Add `parameter`, or use `$paging.offset`, `$paging.number` or `$paging.cursor` in the request."))
        case .none, .nextLink, .range: break
        }
        return Finder(
            keys: Set(keys), needs: reader.texts("needs", upTo: 16, issues: &issues), request: request, paging: paging,
            items: reader.valuePath("items", issues: &issues), matching: Comparison.list(reader, "matching", issues: &issues))
    }
}
