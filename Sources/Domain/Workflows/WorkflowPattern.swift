package import Kernel
import Policies

/// A part of workflows that is written once and used by name and version, with values of its own at each place.
///
/// A pattern gives either one step or everything below the head of a workflow. It is put in before a definition is read, so
/// that what runs, is published and is pinned is always one whole text.
package struct WorkflowPattern: Sendable {
    package static let parametersMax = 30
    package static let choicesMax = 30

    enum Body: String { case step, workflow }

    package let name: String
    package let version: String
    let parameters: [PatternParameter]
    let body: Body
    let content: JSONObject

    /// How a workflow names it: `question@1.0`.
    package var key: String { "\(name)@\(version)" }

    /// Reads an asset; nil only when it is unusable. Every problem is collected, unknown and unused parameters included.
    package static func parse(_ json: JSONValue, issues: inout [AssetIssue]) -> WorkflowPattern? {
        guard let reader = AssetReader(json, at: "", "pattern", issues: &issues) else { return nil }
        reader.close(
            ["kind", "name", "version", "title", "description", "parameters", "step", "workflow"], issues: &issues)
        if reader.object["kind"]?.string != "pattern" {
            issues.append(AssetIssue("/kind", "A pattern says `kind: pattern`.", remedy: "Write `kind: pattern`."))
        }
        let name = reader.name("name", issues: &issues)
        let version = reader.text("version", issues: &issues)
        _ = reader.text("title", issues: &issues)
        _ = reader.optionalText("description", issues: &issues)
        let parameters = parameters(of: reader, issues: &issues)
        let bodies = [Body.step, .workflow].filter { reader.object[$0.rawValue] != nil }
        guard bodies.count == 1, let body = bodies.first else {
            issues.append(
                AssetIssue("", "A pattern gives one step or one workflow.", remedy: "Write `step` or `workflow`, not both."))
            return nil
        }
        guard
            let content = AssetReader(
                reader.object[body.rawValue] ?? .null, at: "/" + body.rawValue, body.rawValue, issues: &issues)
        else { return nil }
        if body == .workflow {
            for head in ["kind", "name", "version", "title", "description"] where content.object[head] != nil {
                issues.append(
                    AssetIssue(content.path(head), "Each workflow has its own `\(head)`.", remedy: "Remove it from the pattern."))
            }
        }
        guard let name, let version else { return nil }
        let pattern = WorkflowPattern(
            name: name, version: version, parameters: parameters, body: body, content: content.object)
        pattern.checkUses(issues: &issues)
        return pattern
    }

    private static func parameters(of reader: AssetReader, issues: inout [AssetIssue]) -> [PatternParameter] {
        guard let json = reader.object["parameters"],
            let list = AssetReader(json, at: "/parameters", "list of parameters", issues: &issues)
        else { return [] }
        if list.object.count > parametersMax {
            issues.append(AssetIssue(list.pointer, "A pattern has at most \(parametersMax) parameters.", remedy: "Split it."))
        }
        return list.object.members.prefix(parametersMax).compactMap { member in
            guard DefinitionParser.isVariable(member.key) else {
                issues.append(
                    AssetIssue(
                        list.path(member.key), "`\(member.key.prefix(60))` cannot be the name of a parameter.",
                        remedy: "Use letters, digits and underscores, with a letter first."))
                return nil
            }
            return PatternParameter.parse(member.key, member.value, at: list.path(member.key), issues: &issues)
        }
    }

    /// Parameters that are named and do not exist, and parameters that nothing names.
    private func checkUses(issues: inout [AssetIssue]) {
        var used: Set<String> = []
        func visit(_ value: JSONValue, _ pointer: String) {
            switch value {
            case .string(let text):
                for name in PatternText.names(in: text) {
                    used.insert(name)
                    guard let parameter = known(name, pointer) else { continue }
                    if !parameter.kind.isPartOfText {
                        issues.append(
                            AssetIssue(
                                pointer, "`\(name)` is of the kind `\(parameter.kind.rawValue)` and cannot stand inside a text.",
                                remedy: "Use it as a whole value, `{parameter: \(name)}`, or make it a name, integer or boolean.")
                        )
                    }
                }
            case .array(let items): for (index, item) in items.enumerated() { visit(item, "\(pointer)/\(index)") }
            case .object(let object):
                if let name = PatternText.parameter(named: object) {
                    used.insert(name)
                    _ = known(name, pointer)
                } else {
                    for (key, inner) in object { visit(inner, pointer + "/" + AssetIssue.token(key)) }
                }
            case .null, .bool, .number: break
            }
        }
        func known(_ name: String, _ pointer: String) -> PatternParameter? {
            if let found = parameters.first(where: { $0.name == name }) { return found }
            let near = AssetReader.nearest(to: name, among: parameters.map(\.name))
            issues.append(
                AssetIssue(
                    pointer, "The pattern has no parameter `\(name.prefix(60))`.",
                    remedy: near.map { "Did you mean `\($0)`?" } ?? "Write it under `parameters`."))
            return nil
        }
        visit(.object(content), "/" + body.rawValue)
        for parameter in parameters where !used.contains(parameter.name) {
            issues.append(
                AssetIssue(
                    "/parameters/\(parameter.name)", "Nothing uses the parameter `\(parameter.name)`.",
                    remedy: "Use it as `{parameter: \(parameter.name)}`, or remove it."))
        }
    }
}

/// What a place of use gives to a pattern.
struct PatternParameter: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case text, name, integer, boolean, choice, expression, list, object, value

        /// Kinds whose letters can mean nothing else wherever they are put into a text.
        var isPartOfText: Bool { self == .name || self == .integer || self == .boolean }
        /// What `min` and `max` count; nil where they say nothing.
        var bounds: ClosedRange<Int>? {
            switch self {
            case .text, .expression: 0...AssetReader.textScalarsMax
            case .integer: Int(Int32.min)...Int(Int32.max)
            case .list: 0...RunBounds.stepsMax
            case .name, .boolean, .choice, .object, .value: nil
            }
        }
    }

    let name: String
    let kind: Kind
    let range: ClosedRange<Int>
    let choices: [String]
    /// Nil when every place of use has to give a value.
    let fallback: JSONValue?

    static func parse(
        _ name: String, _ json: JSONValue, at pointer: String, issues: inout [AssetIssue]
    ) -> PatternParameter? {
        guard let reader = AssetReader(json, at: pointer, "parameter", issues: &issues) else { return nil }
        reader.close(["type", "title", "default", "min", "max", "values"], issues: &issues)
        _ = reader.optionalText("title", issues: &issues)
        guard let kind = reader.choice("type", Kind.self, otherwise: nil, issues: &issues) else { return nil }
        let bounds = kind.bounds ?? 0...0
        if kind.bounds == nil {
            for member in ["min", "max"] where reader.object[member] != nil {
                issues.append(
                    AssetIssue(
                        reader.path(member), "A parameter of the kind `\(kind.rawValue)` has no `\(member)`.",
                        remedy: "Remove it."))
            }
        }
        let least = kind.bounds == nil ? 0 : reader.int("min", in: bounds, otherwise: bounds.lowerBound, issues: &issues) ?? 0
        let most = kind.bounds == nil ? 0 : reader.int("max", in: bounds, otherwise: bounds.upperBound, issues: &issues) ?? 0
        if least > most {
            issues.append(AssetIssue(reader.path("min"), "`min` is above `max`.", remedy: "Exchange them."))
        }
        let choices = reader.texts("values", upTo: WorkflowPattern.choicesMax, issues: &issues)
        if (kind == .choice) != !choices.isEmpty {
            issues.append(
                AssetIssue(
                    reader.path("values"), "`values` belongs to parameters of the kind `choice`, which need it.",
                    remedy: kind == .choice ? "List the values that may be chosen." : "Write `type: choice`, or remove `values`.")
            )
        }
        let parameter = PatternParameter(
            name: name, kind: kind, range: least...max(least, most), choices: choices, fallback: reader.object["default"])
        if let fallback = parameter.fallback, let problem = parameter.problem(with: fallback) {
            issues.append(AssetIssue(reader.path("default"), problem, remedy: "Give a default that the parameter takes."))
        }
        if let fallback = parameter.fallback, holdsReference(fallback) {
            issues.append(
                AssetIssue(reader.path("default"), "A default is a plain value and names no parameter.", remedy: "Write it out."))
        }
        return parameter
    }

    private static func holdsReference(_ value: JSONValue) -> Bool {
        switch value {
        case .null, .bool, .number: false
        case .string(let text): !PatternText.names(in: text).isEmpty
        case .array(let items): items.contains(where: holdsReference)
        case .object(let object):
            PatternText.parameter(named: object) != nil || object.members.contains { holdsReference($0.value) }
        }
    }

    /// Why a value is not one of this parameter; nil when it is.
    func problem(with value: JSONValue) -> String? {
        func counted(_ count: Int, _ unit: String) -> String? {
            range.contains(count)
                ? nil : "`\(name)` has \(count) \(unit); it takes \(range.lowerBound) to \(range.upperBound)."
        }
        switch (kind, value) {
        case (.text, .string(let text)): return counted(text.unicodeScalars.count, "characters")
        case (.expression, .string(let text)): return counted(text.unicodeScalars.count, "characters")
        case (.expression, .bool), (.expression, .number): return nil
        case (.name, .string(let text)):
            return AssetReader.isName(text)
                ? nil : "`\(name)` has to be a name: lower-case letters, digits and hyphens, with a letter first."
        case (.integer, .number(let number)):
            guard let whole = JSONValue.number(number).int, range.contains(whole) else {
                return "`\(name)` has to be a whole number from \(range.lowerBound) to \(range.upperBound)."
            }
            return nil
        case (.boolean, .bool), (.object, .object), (.value, _): return nil
        case (.choice, .string(let text)):
            return choices.contains(text) ? nil : "`\(name)` has to be one of: \(choices.joined(separator: ", "))."
        case (.list, .array(let items)): return counted(items.count, "items")
        default: return "`\(name)` has to be \(spokenKind)."
        }
    }

    private var spokenKind: String {
        switch kind {
        case .text: "a text"
        case .name: "a name"
        case .integer: "a whole number"
        case .boolean: "true or false"
        case .choice: "one of: \(choices.joined(separator: ", "))"
        case .expression: "an expression, written as a text"
        case .list: "a list"
        case .object: "an object"
        case .value: "a value"
        }
    }
}

/// How a pattern names its parameters: `{parameter: name}` is the whole value, `$[name]` a part of a text.
enum PatternText {
    static func parameter(named object: JSONObject) -> String? {
        guard object.count == 1, let member = object.members.first, member.key == "parameter" else { return nil }
        return member.value.string
    }

    static func names(in text: String) -> [String] {
        pieces(of: text).compactMap { if case .name(let name) = $0 { name } else { nil } }
    }

    enum Piece { case words(String), name(String) }

    static func pieces(of text: String) -> [Piece] {
        var out: [Piece] = []
        var rest = text[...]
        while let open = rest.firstRange(of: "$["), let close = rest[open.upperBound...].firstIndex(of: "]") {
            if open.lowerBound > rest.startIndex { out.append(.words(String(rest[..<open.lowerBound]))) }
            out.append(.name(String(rest[open.upperBound..<close])))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { out.append(.words(String(rest))) }
        return out
    }
}
