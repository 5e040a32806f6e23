import Kernel

/// What was asked against what was found, read in one form.
struct Comparison: Sendable {
    /// Comparisons of one list, and differences told of one object.
    static let countMax = 64
    static let differencesMax = 20

    let field: String
    let asked: MappingNode
    let found: MappingNode
    let form: ScalarForm

    /// Nothing when both agree; else the differences as members of a mismatch, those of lists and objects with their places.
    func differences(in scope: MappingScope) -> [JSONValue] {
        var out: [JSONValue] = []
        compare(read(asked, scope), read(found, scope), field, &out)
        return out
    }

    /// What the other side holds, in the form of the comparison.
    func found(in scope: MappingScope) -> JSONValue? { read(found, scope).map(Comparison.settled) }

    /// An unreadable value counts as different from everything: it shows as written.
    private func read(_ node: MappingNode, _ scope: MappingScope) -> JSONValue? {
        let raw: JSONValue?
        do throws(MappingFailure) {
            raw = try node.value(in: scope)
        } catch {
            return .array([.string("cannot be read: \(error.message)")])
        }
        guard let raw, raw.array == nil, !(raw.object != nil && form == .text) else { return raw }
        switch form.read(raw) {
        case .success(let value): return value
        case .failure: return .array([raw])
        }
    }

    private func compare(_ left: JSONValue?, _ right: JSONValue?, _ place: String, _ out: inout [JSONValue]) {
        guard out.count < Comparison.differencesMax else { return }
        switch (left, right) {
        case (nil, nil): return
        case (.array(let one)?, .array(let other)?):
            if one.count != other.count {
                out.append(Comparison.difference(place + "/count", JSONValue(one.count), JSONValue(other.count)))
                return
            }
            for index in one.indices { compare(one[index], other[index], "\(place)/\(index)", &out) }
        case (.object(let one)?, .object(let other)?):
            for key in one.keys + other.keys.filter({ one[$0] == nil }) { compare(one[key], other[key], "\(place)/\(key)", &out) }
        case (let one?, let other?) where agrees(one, other): return
        default: out.append(Comparison.difference(place, left, right))
        }
    }

    private static func difference(_ field: String, _ asked: JSONValue?, _ found: JSONValue?) -> JSONValue {
        ["field": .string(field), "asked": asked ?? .null, "found": found ?? .null]
    }

    private func agrees(_ left: JSONValue, _ right: JSONValue) -> Bool {
        switch form {
        case .amount, .decimal, .quantity, .number, .shortest:
            guard let left = MappingNode.Take.number(left), let right = MappingNode.Take.number(right) else { return false }
            return left == right
        case .text, .integer, .date, .instant, .flag, .year, .month, .day, .hour, .minute, .second, .microsecond:
            guard let left = left.string, let right = right.string else { return left == right }
            return sameBytes(left, right)
        }
    }

    /// Equal numbers as equal texts, so that 10 and 10.00 have one fingerprint.
    private static func settled(_ value: JSONValue) -> JSONValue {
        switch value {
        case .number(let number): ExactDecimal(number.text).map { .string(String(describing: $0.normalized)) } ?? value
        case .string(let text): ExactDecimal(text).map { .string(String(describing: $0.normalized)) } ?? value
        case .array(let items): .array(items.map(settled))
        case .object(let object): .object(JSONObject(object.map { (key: $0.key, value: settled($0.value)) }))
        case .null, .bool: value
        }
    }

    static func list(_ reader: MappingReader, _ name: String, issues: inout [AssetIssue]) -> [Comparison] {
        guard let list = reader.object[name] else { return [] }
        guard let entries = list.array, entries.count <= countMax else {
            issues.append(
                AssetIssue(
                    reader.path(name), "`\(name)` has to be a list of at most \(countMax) comparisons.",
                    remedy: "Write each after `- `."))
            return []
        }
        var out: [Comparison] = []
        for (index, entry) in entries.enumerated() {
            let here = "\(reader.path(name))/\(index)"
            guard let inner = MappingReader(entry, at: here, "A comparison", ["field", "asked", "found", "as"], issues: &issues),
                let field = inner.text("field", issues: &issues), let asked = side("asked", inner, issues: &issues),
                let found = side("found", inner, issues: &issues),
                let form = inner.choice("as", ScalarForm.self, otherwise: .text, issues: &issues)
            else { continue }
            out.append(Comparison(field: field, asked: asked, found: found, form: form))
        }
        return out
    }

    /// A plain text here is a path that lacks its `$`, and comparing with it would never be what was meant.
    private static func side(_ name: String, _ reader: MappingReader, issues: inout [AssetIssue]) -> MappingNode? {
        if reader.object[name]?.string != nil { return reader.valuePath(name, issues: &issues).map(MappingNode.path) }
        return reader.node(name, issues: &issues)
    }
}

extension [Comparison] {
    func differences(in scope: MappingScope) -> [JSONValue] {
        Array<JSONValue>(flatMap { $0.differences(in: scope) }.prefix(Comparison.differencesMax))
    }

    /// The fields as the other side has them, by name.
    func fields(in scope: MappingScope) -> JSONValue {
        var out: JSONObject = [:]
        for comparison in self { out[comparison.field] = comparison.found(in: scope) ?? .null }
        return .object(out)
    }
}
