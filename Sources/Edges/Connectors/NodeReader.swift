import Expressions
import Kernel

extension MappingNode {
    private static let operators = [
        "take", "each", "first", "cel", "literal", "join", "base64", "base64url", "from", "object", "sum", "quote",
    ]

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
            return members(object, at: pointer, depth, issues: &issues)
        }
    }

    private static func members(
        _ object: JSONObject, at pointer: String, _ depth: Int, issues: inout [AssetIssue]
    ) -> MappingNode {
        var members: [(name: String, node: MappingNode)] = []
        for member in object.members.prefix(membersMax) {
            let inner = pointer + "/" + AssetIssue.token(member.key)
            if let node = parse(member.value, at: inner, depth: depth + 1, issues: &issues) {
                members.append((name: member.key, node: node))
            }
        }
        return .object(members)
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
        case "first": return some("first", "A choice", json, at: pointer, depth, issues: &issues).map(MappingNode.first)
        case "join": return some("join", "A joined text", json, at: pointer, depth, issues: &issues).map(MappingNode.join)
        case "quote":
            guard let reader = MappingReader(json, at: pointer, "A quoted text", ["quote"], issues: &issues),
                let inner = reader.object["quote"],
                let node = parse(inner, at: reader.path("quote"), depth: depth + 1, issues: &issues)
            else { return nil }
            return .quote(node)
        case "base64", "base64url":
            guard let reader = MappingReader(json, at: pointer, "An encoding", [name, "padded"], issues: &issues),
                let inner = reader.object[name],
                let node = parse(inner, at: reader.path(name), depth: depth + 1, issues: &issues)
            else { return nil }
            let padded = reader.object["padded"]
            if let padded, padded.bool == nil {
                issues.append(AssetIssue(reader.path("padded"), "`padded` is true or false.", remedy: "Write `padded: true`."))
            }
            return .encoded(name == "base64" ? .standard : .url, isPadded: padded?.bool ?? false, node)
        case "object":
            // For other sides that have a member called like one of our operators.
            guard let reader = MappingReader(json, at: pointer, "An object", ["object"], issues: &issues),
                let inner = MappingReader(
                    reader.object["object"], at: reader.path("object"), "An object", reader.object["object"]?.object?.keys ?? [],
                    issues: &issues)
            else { return nil }
            return members(inner.object, at: inner.pointer, depth, issues: &issues)
        case "sum":
            guard let reader = MappingReader(json, at: pointer, "A sum", ["sum", "of"], issues: &issues),
                let path = reader.valuePath("sum", issues: &issues), let inner = reader.object["of"],
                let node = parse(inner, at: reader.path("of"), depth: depth + 1, issues: &issues)
            else {
                if json["of"] == nil { issues.append(AssetIssue(pointer, "A sum lacks `of`.", remedy: "Say what is added up.")) }
                return nil
            }
            return .sum(path, of: node)
        case "each": return each(json, at: pointer, depth, issues: &issues)
        case "from": return from(json, at: pointer, depth, issues: &issues)
        default: return take(json, at: pointer, depth, issues: &issues)
        }
    }

    /// A list of 1 to 16 nodes under `name`.
    private static func some(
        _ name: String, _ what: String, _ json: JSONValue, at pointer: String, _ depth: Int, issues: inout [AssetIssue]
    ) -> [MappingNode]? {
        guard let reader = MappingReader(json, at: pointer, what, [name], issues: &issues) else { return nil }
        guard let items = reader.object[name]?.array, !items.isEmpty, items.count <= 16 else {
            issues.append(
                AssetIssue(
                    reader.path(name), "`\(name)` has to be a list of 1 to 16 entries.",
                    remedy: name == "first" ? "List the places to look, best first." : "List the parts in their order."))
            return nil
        }
        var nodes: [MappingNode] = []
        for (index, item) in items.enumerated() {
            if let node = parse(item, at: "\(reader.path(name))/\(index)", depth: depth + 1, issues: &issues) {
                nodes.append(node)
            }
        }
        return nodes
    }

    private static func each(_ json: JSONValue, at pointer: String, _ depth: Int, issues: inout [AssetIssue]) -> MappingNode? {
        guard let reader = MappingReader(json, at: pointer, "A repetition", ["each", "map", "max"], issues: &issues),
            let path = reader.valuePath("each", issues: &issues)
        else { return nil }
        guard let inner = reader.object["map"] else {
            issues.append(AssetIssue(pointer, "A repetition lacks `map`.", remedy: "Add `map` with what each entry becomes."))
            return nil
        }
        let most = reader.int("max", in: 1...eachMaxStandard, otherwise: eachMaxStandard, issues: &issues)
        return parse(inner, at: reader.path("map"), depth: depth + 1, issues: &issues).map { .each(path, max: most, of: $0) }
    }

    private static func from(_ json: JSONValue, at pointer: String, _ depth: Int, issues: inout [AssetIssue]) -> MappingNode? {
        guard
            let reader = MappingReader(
                json, at: pointer, "A value of a look-up", ["from", "at", "member", "missing", "unknown"], issues: &issues),
            let lookup = reader.text("from", issues: &issues),
            let absence = reader.choice("missing", Absence.self, otherwise: .omit, issues: &issues),
            let unknown = reader.choice("unknown", Absence.self, otherwise: .fail, issues: &issues)
        else { return nil }
        guard let key = reader.object["at"] else {
            issues.append(AssetIssue(pointer, "A value of a look-up lacks `at`.", remedy: "Add `at` with the key to look under."))
            return nil
        }
        return parse(key, at: reader.path("at"), depth: depth + 1, issues: &issues).map {
            .from(
                Found(
                    lookup: lookup, key: $0, member: reader.optionalText("member", issues: &issues), absence: absence,
                    unknown: unknown))
        }
    }

    private static let takeMembers = [
        "take", "as", "currency", "unit", "words", "otherwise", "missing", "bytesMax", "decimalsMax", "wholeDigitsMax", "times",
        "type",
    ]

    private static func take(_ json: JSONValue, at pointer: String, _ depth: Int, issues: inout [AssetIssue]) -> MappingNode? {
        guard let reader = MappingReader(json, at: pointer, "A value", takeMembers, issues: &issues),
            let source = source(reader, depth, issues: &issues),
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
        return .take(
            Take(
                source: source, form: form, currency: currency, unit: unit, words: words, otherwise: reader.object["otherwise"],
                absence: absence, bytesMax: bound("bytesMax", reader, ScalarForm.textBytesMax, issues: &issues),
                decimalsMax: bound("decimalsMax", reader, ScalarForm.amountDecimalsMax, from: 0, issues: &issues),
                wholeDigitsMax: bound("wholeDigitsMax", reader, ScalarForm.amountWholeDigitsMax, issues: &issues),
                times: times(reader, issues: &issues), type: reader.optionalText("type", issues: &issues)))
    }

    private static func source(_ reader: MappingReader, _ depth: Int, issues: inout [AssetIssue]) -> Take.Source? {
        if let inner = reader.object["take"], inner.string == nil {
            return parse(inner, at: reader.path("take"), depth: depth + 1, issues: &issues).map(Take.Source.node)
        }
        return reader.valuePath("take", issues: &issues).map(Take.Source.path)
    }

    private static func bound(
        _ name: String, _ reader: MappingReader, _ most: Int, from least: Int = 1, issues: inout [AssetIssue]
    ) -> Int? {
        reader.object[name] == nil ? nil : reader.int(name, in: least...most, otherwise: least, issues: &issues)
    }

    private static func times(_ reader: MappingReader, issues: inout [AssetIssue]) -> ExactDecimal? {
        guard let text = reader.optionalText("times", issues: &issues) else { return nil }
        guard let factor = ExactDecimal(text) else {
            issues.append(
                AssetIssue(
                    reader.path("times"), "`times` has to be an exact number.", remedy: "Write it in quotes, such as \"0.01\"."))
            return nil
        }
        return factor
    }
}
