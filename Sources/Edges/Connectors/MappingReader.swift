import Expressions
import Kernel

/// Reads one object of a mapping file: closed, so that a misspelt member is an issue with the nearest name as its remedy.
struct MappingReader {
    let object: JSONObject
    let pointer: String
    let what: String

    init?(_ json: JSONValue?, at pointer: String, _ what: String, _ known: [String], issues: inout [AssetIssue]) {
        guard let object = json?.object else {
            issues.append(AssetIssue(pointer, "\(what) has to be an object.", remedy: "Write it as `name: value` lines."))
            return nil
        }
        self.object = object
        self.pointer = pointer
        self.what = what
        for key in object.keys where !known.contains(where: { sameBytes($0, key) }) {
            let near = MappingReader.nearest(to: key, among: known)
            issues.append(
                AssetIssue(
                    path(key), "\(what) has no member `\(key.prefix(60))`.",
                    remedy: near.map { "Did you mean `\($0)`?" } ?? "Remove it; known are: \(known.joined(separator: ", "))."))
        }
    }

    func path(_ name: String) -> String { pointer + "/" + AssetIssue.token(name) }

    func text(_ name: String, issues: inout [AssetIssue]) -> String? {
        guard let value = object[name] else {
            issues.append(AssetIssue(pointer, "\(what) lacks `\(name)`.", remedy: "Add `\(name)`."))
            return nil
        }
        return checked(value, name, issues: &issues)
    }

    func optionalText(_ name: String, issues: inout [AssetIssue]) -> String? {
        object[name].flatMap { checked($0, name, issues: &issues) }
    }

    private func checked(_ value: JSONValue, _ name: String, issues: inout [AssetIssue]) -> String? {
        guard let text = value.string, !text.isEmpty, text.utf8.count <= 2_000 else {
            issues.append(AssetIssue(path(name), "`\(name)` has to be a text of 1 to 2000 bytes.", remedy: "Put it in quotes."))
            return nil
        }
        return text
    }

    func texts(_ name: String, upTo most: Int, issues: inout [AssetIssue]) -> [String] {
        guard let value = object[name] else { return [] }
        let items = value.array ?? []
        let texts = items.compactMap(\.string)
        guard value.array != nil, texts.count == items.count, items.count <= most else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a list of at most \(most) texts.",
                    remedy: "Write one text a line, after `- `."))
            return []
        }
        return texts
    }

    func int(_ name: String, in range: ClosedRange<Int>, otherwise: Int, issues: inout [AssetIssue]) -> Int {
        guard let value = object[name] else { return otherwise }
        guard let number = value.int, range.contains(number) else {
            issues.append(
                AssetIssue(
                    path(name), "`\(name)` has to be a whole number from \(range.lowerBound) to \(range.upperBound).",
                    remedy: "Write such a number."))
            return otherwise
        }
        return number
    }

    func choice<Word: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Word.Type, otherwise: Word?, issues: inout [AssetIssue]
    ) -> Word? where Word.RawValue == String {
        guard let value = object[name] else {
            if otherwise == nil { issues.append(AssetIssue(pointer, "\(what) lacks `\(name)`.", remedy: "Add `\(name)`.")) }
            return otherwise
        }
        if let word = value.string.flatMap({ Word(rawValue: $0) }) { return word }
        let known = Word.allCases.map(\.rawValue)
        let near = value.string.flatMap { MappingReader.nearest(to: $0, among: known) }
        issues.append(
            AssetIssue(
                path(name), "`\(name)` has to be one of \(known.joined(separator: ", ")).",
                remedy: near.map { "Did you mean `\($0)`?" } ?? "Choose one of them."))
        return nil
    }

    func valuePath(_ name: String, issues: inout [AssetIssue]) -> ValuePath? {
        optionalText(name, issues: &issues).flatMap { MappingReader.valuePath($0, at: path(name), issues: &issues) }
    }

    static func valuePath(_ text: String, at pointer: String, issues: inout [AssetIssue]) -> ValuePath? {
        switch ValuePath.parse(text) {
        case .success(let path): return path
        case .failure(let problem):
            issues.append(AssetIssue(pointer, problem.message, remedy: "Write a path such as `$.lines[0].sku` or `$key.number`."))
            return nil
        }
    }

    /// The known name at the least edit distance, when that is close enough to be a slip.
    static func nearest(to text: String, among names: [String]) -> String? {
        let scored = names.map {
            (name: $0, distance: distance(Array(text.lowercased().utf8.prefix(100)), Array($0.lowercased().utf8)))
        }
        guard let best = scored.min(by: { $0.distance < $1.distance }), best.distance <= max(1, text.utf8.count / 3) else {
            return nil
        }
        return best.name
    }

    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}

extension MappingNode {
    private static let operators = ["take", "each", "first", "cel", "literal"]

    static func parse(_ json: JSONValue, at pointer: String, depth: Int = 0, issues: inout [AssetIssue]) -> MappingNode? {
        guard depth <= depthMax else {
            issues.append(AssetIssue(pointer, "The mapping is nested deeper than \(depthMax).", remedy: "Flatten it."))
            return nil
        }
        switch json {
        case .null, .bool, .number: return .literal(json)
        case .string(let text):
            guard text.hasPrefix("$") else { return .literal(json) }
            return MappingReader.valuePath(text, at: pointer, issues: &issues).map(MappingNode.path)
        case .array(let items):
            var nodes: [MappingNode] = []
            for (index, item) in items.prefix(membersMax).enumerated() {
                if let node = parse(item, at: "\(pointer)/\(index)", depth: depth + 1, issues: &issues) { nodes.append(node) }
            }
            return .list(nodes)
        case .object(let object):
            let used = operators.filter { object[$0] != nil }
            if used.count > 1 {
                issues.append(
                    AssetIssue(
                        pointer, "`\(used.joined(separator: "` and `"))` stand in one object.", remedy: "Keep one of them."))
                return nil
            }
            if let name = used.first { return operation(name, json, at: pointer, depth: depth, issues: &issues) }
            var members: [(name: String, node: MappingNode)] = []
            for member in object.members.prefix(membersMax) {
                let inner = pointer + "/" + AssetIssue.token(member.key)
                if let node = parse(member.value, at: inner, depth: depth + 1, issues: &issues) {
                    members.append((name: member.key, node: node))
                }
            }
            return .object(members)
        }
    }

    private static func operation(
        _ name: String, _ json: JSONValue, at pointer: String, depth: Int, issues: inout [AssetIssue]
    ) -> MappingNode? {
        switch name {
        case "literal":
            guard let reader = MappingReader(json, at: pointer, "A literal", ["literal"], issues: &issues) else { return nil }
            return reader.object["literal"].map(MappingNode.literal)
        case "cel":
            guard let reader = MappingReader(json, at: pointer, "An expression", ["cel"], issues: &issues),
                let source = reader.text("cel", issues: &issues)
            else { return nil }
            let names = ValuePath.roots.map { $0.isEmpty ? "this" : $0 }.sorted()
            return CompiledExpression.compile(source, in: ExpressionScope(names), pointer: reader.path("cel"), issues: &issues)
                .map(MappingNode.expression)
        case "first":
            guard let reader = MappingReader(json, at: pointer, "A choice", ["first"], issues: &issues) else { return nil }
            guard let items = reader.object["first"]?.array, !items.isEmpty, items.count <= 16 else {
                issues.append(
                    AssetIssue(
                        reader.path("first"), "`first` has to be a list of 1 to 16 entries.",
                        remedy: "List the places to look, best first."))
                return nil
            }
            var nodes: [MappingNode] = []
            for (index, item) in items.enumerated() {
                if let node = parse(item, at: "\(reader.path("first"))/\(index)", depth: depth + 1, issues: &issues) {
                    nodes.append(node)
                }
            }
            return .first(nodes)
        case "each":
            guard let reader = MappingReader(json, at: pointer, "A repetition", ["each", "map", "max"], issues: &issues),
                let path = reader.valuePath("each", issues: &issues)
            else { return nil }
            guard let inner = reader.object["map"] else {
                issues.append(AssetIssue(pointer, "A repetition lacks `map`.", remedy: "Add `map` with what each entry becomes."))
                return nil
            }
            let most = reader.int("max", in: 1...eachMaxStandard, otherwise: eachMaxStandard, issues: &issues)
            return parse(inner, at: reader.path("map"), depth: depth + 1, issues: &issues).map { .each(path, max: most, of: $0) }
        default: return take(json, at: pointer, issues: &issues)
        }
    }

    private static func take(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) -> MappingNode? {
        let known = ["take", "as", "currency", "unit", "words", "otherwise", "missing", "bytesMax"]
        guard let reader = MappingReader(json, at: pointer, "A value", known, issues: &issues),
            let path = reader.valuePath("take", issues: &issues),
            let form = reader.choice("as", ScalarForm.self, otherwise: .text, issues: &issues),
            let absence = reader.choice("missing", Absence.self, otherwise: .omit, issues: &issues)
        else { return nil }
        let currency = reader.valuePath("currency", issues: &issues)
        let unit = reader.valuePath("unit", issues: &issues)
        if currency != nil, form != .amount {
            issues.append(
                AssetIssue(
                    reader.path("currency"), "Only an amount has a currency.", remedy: "Write `as: amount`, or remove `currency`."
                ))
        }
        if (unit != nil) != (form == .quantity) {
            issues.append(
                AssetIssue(
                    pointer, "A quantity and a unit belong together.", remedy: "Write `as: quantity` with `unit`, or neither."))
        }
        var words: [String: JSONValue] = [:]
        if let table = reader.object["words"] {
            guard let object = table.object, !object.isEmpty, object.count <= membersMax else {
                issues.append(
                    AssetIssue(reader.path("words"), "`words` has to be a table of words.", remedy: "Write `theirs: ours` lines.")
                )
                return nil
            }
            for member in object { words[member.key] = member.value }
        }
        let bytesMax =
            reader.object["bytesMax"] == nil
            ? nil : reader.int("bytesMax", in: 1...ScalarForm.textBytesMax, otherwise: 1, issues: &issues)
        return .take(
            Take(
                path: path, form: form, currency: currency, unit: unit, words: words, otherwise: reader.object["otherwise"],
                absence: absence, bytesMax: bytesMax))
    }
}
