package import Kernel

/// What a configuration document may look like: closed objects, typed members, named text rules, bounds.
///
/// One description serves three uses, so that they cannot drift apart: the check when a file is read, the typed value made from
/// it, and the published JSON Schema that editors use.
package indirect enum Shape: Sendable {
    case text(TextRule)
    /// One of a closed list of words.
    case choice([String])
    case integer(ClosedRange<Int>)
    case boolean
    /// Null, inside `either`: a member whose absence is said aloud.
    case nothing
    case list(of: Shape, count: ClosedRange<Int>)
    /// An object whose member names the author chooses, such as secrets by purpose.
    case table(keys: TextRule, values: Shape, count: ClosedRange<Int>)
    case object(ObjectShape)
    /// Several forms of one thing, told apart by their JSON type.
    case either([Shape])
    /// A description by name, for schemas of forms that contain themselves; judged by another parser.
    case reference(String)
    /// Judged by another parser; the sentence says what it is.
    case anything(String)
}

/// A closed object: members not listed here are issues.
package struct ObjectShape: Sendable {
    package struct Member: Sendable {
        package let name: String
        package let shape: Shape
        package let isRequired: Bool
        /// One sentence for the schema: meaning, unit, default.
        package let note: String
    }

    package let title: String
    package let note: String
    package let members: [Member]

    package init(_ title: String, _ note: String, _ members: [Member]) {
        self.title = title
        self.note = note
        self.members = members
    }
}

package func required(_ name: String, _ shape: Shape, _ note: String) -> ObjectShape.Member {
    ObjectShape.Member(name: name, shape: shape, isRequired: true, note: note)
}

package func optional(_ name: String, _ shape: Shape, _ note: String) -> ObjectShape.Member {
    ObjectShape.Member(name: name, shape: shape, isRequired: false, note: note)
}

extension ObjectShape {
    /// Checks a whole document and reports everything wrong with it; true when nothing was.
    package func check(_ json: JSONValue, issues: inout [AssetIssue]) -> Bool {
        let before = issues.count
        check(json, at: "", issues: &issues)
        return issues[before...].allSatisfy { $0.severity != .error }
    }

    func check(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) {
        guard case .object(let object) = json else {
            issues.append(
                AssetIssue(
                    pointer, "\(json.typeName) stands where \(title) is expected.", remedy: "Write its members as `name: value`.")
            )
            return
        }
        for (key, value) in object {
            let inner = pointer + "/" + AssetIssue.token(key)
            guard let member = members.first(where: { sameBytes($0.name, key) }) else {
                issues.append(unknownMember(key, at: inner, present: object))
                continue
            }
            member.shape.check(value, at: inner, issues: &issues)
        }
        for member in members where member.isRequired && object[member.name] == nil {
            issues.append(AssetIssue(pointer, "`\(member.name)` is missing.", remedy: "Add `\(member.name)`: \(member.note)"))
        }
    }

    private func unknownMember(_ key: String, at pointer: String, present: JSONObject) -> AssetIssue {
        let free = members.map(\.name).filter { present[$0] == nil }
        let remedy =
            if let near = nearestName(to: key, among: free) {
                "Did you mean `\(near)`?"
            } else {
                "Remove it; \(title) has " + members.map { "`\($0.name)`" }.joined(separator: ", ") + "."
            }
        return AssetIssue(pointer, "`\(key.prefix(60))` is not a member of \(title).", remedy: remedy)
    }
}

extension Shape {
    func check(_ json: JSONValue, at pointer: String, issues: inout [AssetIssue]) {
        switch self {
        case .text(let rule):
            guard let text = json.string else { return issues.append(wrongType(json, pointer)) }
            if let problem = rule.problem(with: text) { issues.append(AssetIssue(pointer, problem, remedy: rule.remedy)) }
        case .choice(let words):
            guard let text = json.string else { return issues.append(wrongType(json, pointer)) }
            if !words.contains(where: { sameBytes($0, text) }) { issues.append(unknownWord(text, words, pointer)) }
        case .integer(let range):
            guard let value = json.int else { return issues.append(wrongType(json, pointer)) }
            if !range.contains(value) {
                issues.append(
                    AssetIssue(
                        pointer, "\(value) is out of range.",
                        remedy: "Give a whole number from \(range.lowerBound) to \(range.upperBound)."))
            }
        case .boolean:
            if json.bool == nil { issues.append(wrongType(json, pointer)) }
        case .nothing:
            if !json.isNull { issues.append(wrongType(json, pointer)) }
        case .list(let element, let count):
            guard let items = json.array else { return issues.append(wrongType(json, pointer)) }
            checkCount(items.count, count, "entries", pointer, &issues)
            for (index, item) in items.prefix(count.upperBound).enumerated() {
                element.check(item, at: "\(pointer)/\(index)", issues: &issues)
            }
        case .table(let keys, let values, let count):
            guard let object = json.object else { return issues.append(wrongType(json, pointer)) }
            checkCount(object.count, count, "members", pointer, &issues)
            for (key, value) in object.members.prefix(count.upperBound) {
                let inner = pointer + "/" + AssetIssue.token(key)
                if let problem = keys.problem(with: key) { issues.append(AssetIssue(inner, problem, remedy: keys.remedy)) }
                values.check(value, at: inner, issues: &issues)
            }
        case .object(let shape):
            shape.check(json, at: pointer, issues: &issues)
        case .either(let forms):
            guard let form = forms.first(where: { $0.takes(json) }) else { return issues.append(wrongType(json, pointer)) }
            form.check(json, at: pointer, issues: &issues)
        case .anything, .reference:
            break
        }
    }

    /// Whether the JSON type fits, which is how `either` chooses.
    private func takes(_ json: JSONValue) -> Bool {
        switch self {
        case .text, .choice: json.string != nil
        case .integer: json.int != nil
        case .boolean: json.bool != nil
        case .nothing: json.isNull
        case .list: json.array != nil
        case .table, .object: json.object != nil
        case .either(let forms): forms.contains { $0.takes(json) }
        case .anything, .reference: true
        }
    }

    /// What is expected, in words: "a whole number".
    private var expectation: String {
        switch self {
        case .text(let rule): rule.name
        case .choice(let words): "one of " + words.map { "`\($0)`" }.joined(separator: ", ")
        case .integer: "a whole number"
        case .boolean: "true or false"
        case .nothing: "null"
        case .list: "a list"
        case .table: "an object"
        case .object(let shape): shape.title
        case .either(let forms): forms.map(\.expectation).joined(separator: " or ")
        case .anything, .reference: "a value"
        }
    }

    private func wrongType(_ json: JSONValue, _ pointer: String) -> AssetIssue {
        let remedy =
            switch (self, json) {
            case (_, .null): "Write a value or leave the member out."
            case (.text(let rule), .number), (.text(let rule), .bool): "Put it in quotes. \(rule.remedy)"
            case (.text(let rule), _): rule.remedy
            case (.list, _): "Write a list, one entry a line, each after `- `."
            case (.boolean, .string): "Write true or false, without quotes."
            case (.integer, .string), (.integer, .number): "Write a whole number, without quotes."
            default: "Write \(expectation)."
            }
        return AssetIssue(pointer, "\(json.typeName) stands where \(expectation) is expected.", remedy: remedy)
    }

    private func unknownWord(_ text: String, _ words: [String], _ pointer: String) -> AssetIssue {
        let remedy =
            if let near = nearestName(to: text, among: words) {
                "Did you mean `\(near)`?"
            } else {
                "Use one of " + words.map { "`\($0)`" }.joined(separator: ", ") + "."
            }
        return AssetIssue(pointer, "`\(text.prefix(60))` is not known here.", remedy: remedy)
    }

    private func checkCount(
        _ count: Int, _ range: ClosedRange<Int>, _ what: String, _ pointer: String, _ issues: inout [AssetIssue]
    ) {
        guard !range.contains(count) else { return }
        issues.append(
            AssetIssue(pointer, "There are \(count) \(what).", remedy: "Give \(range.lowerBound) to \(range.upperBound)."))
    }
}

extension JSONValue {
    /// The kind of value in words, for messages: "a number".
    package var typeName: String {
        switch self {
        case .null: "Nothing"
        case .bool: "True or false"
        case .number: "A number"
        case .string: "A text"
        case .array: "A list"
        case .object: "An object"
        }
    }
}
