package import Expressions
package import Kernel

/// Checks the expressions of a workflow against the data that they will really see: what the run is started with, what its steps
/// keep, what it knows of itself, and what the policies that it asks want to know.
///
/// The parser proves that every expression can be evaluated over *some* data; here a misspelt member, or a text where a number is
/// due, is found although the data comes later. Names that only steps around give, such as the items of a loop, may be anything.
package struct DataTypes {
    private let input: CELType
    /// The content of the policies that can be seen from here, by name.
    private let policy: (String) -> JSONValue?
    /// What the steps keep in the context, as far as it is known.
    private var context: [(name: String, type: CELType)] = []
    private var issues: [AssetIssue] = []

    /// Everything that cannot be right. `input` is what the run is started with; `dyn` when that is not known.
    package static func issues(
        in json: JSONValue, input: CELType = .dyn, policy: @escaping (String) -> JSONValue? = { _ in nil }
    ) -> [AssetIssue] {
        // Plain Serverless Workflow has other names for its data.
        guard json["document"] == nil else { return [] }
        var types = DataTypes(input: input, policy: policy)
        // The first walk finds what the steps keep, the second checks with that knowledge.
        types.collect(json)
        var second = DataTypes(input: input, policy: policy)
        second.context = types.context
        second.walk(json, at: "")
        return second.issues
    }

    private init(input: CELType, policy: @escaping (String) -> JSONValue?) {
        self.input = input
        self.policy = policy
    }

    // MARK: what the steps keep

    private mutating func collect(_ json: JSONValue) {
        names(json)
        let known = context.map(\.name)
        context = known.map { (name: $0, type: .dyn) }
        var found: [(name: String, type: CELType)] = []
        gather(json, at: "", &found)
        var types: [String: CELType] = [:]
        for entry in found { types[entry.name] = types[entry.name].map { $0 == entry.type ? $0 : .dyn } ?? entry.type }
        context = known.map { (name: $0, type: types[$0] ?? .dyn) }
        issues = []
    }

    /// All names under `set` and `export`, and those of caught errors.
    private mutating func names(_ json: JSONValue) {
        for item in json.array ?? [] { names(item) }
        for member in json.object?.members ?? [] {
            var found: [String] = []
            switch member.key {
            case "set", "export": found = member.value.object?.keys ?? []
            case "catch": found = [member.value["as"]?.string ?? "error"]
            default: break
            }
            for name in found where !context.contains(where: { $0.name == name }) { context.append((name: name, type: .dyn)) }
            names(member.value)
        }
    }

    private mutating func gather(_ json: JSONValue, at pointer: String, _ found: inout [(name: String, type: CELType)]) {
        for item in json.array ?? [] { gather(item, at: pointer, &found) }
        guard let object = json.object else { return }
        for member in object["set"]?.object?.members ?? [] {
            found.append((name: member.key, type: type(of: member.value, at: pointer)))
        }
        let output = self.output(of: json)
        for member in object["export"]?.object?.members ?? [] {
            found.append((name: member.key, type: expression(member.value, wanted: nil, output: output, at: pointer)))
        }
        for member in object.members { gather(member.value, at: pointer, &found) }
    }

    // MARK: the walk

    private mutating func walk(_ json: JSONValue, at pointer: String) {
        for (index, item) in (json.array ?? []).enumerated() { walk(item, at: "\(pointer)/\(index)") }
        for member in json.object?.members ?? [] {
            let here = "\(pointer)/\(AssetIssue.token(member.key))"
            switch member.key {
            case "if", "when": _ = expression(member.value, wanted: .bool, output: nil, at: here)
            case "outcome" where pointer.isEmpty: _ = expression(member.value, wanted: .string, output: nil, at: here)
            case "export":
                for item in member.value.object?.members ?? [] {
                    let place = "\(here)/\(AssetIssue.token(item.key))"
                    _ = expression(item.value, wanted: nil, output: output(of: json), at: place)
                }
            case "output" where !pointer.isEmpty:
                if let transform = member.value["as"] {
                    _ = expression(transform, wanted: nil, output: raw(json), at: here + "/as")
                }
            case "title", "description": break
            case "set", "with", "raise", "output", "chain": values(member.value, at: here)
            default: walk(member.value, at: here)
            }
        }
        check(callOf: json, at: pointer)
    }

    /// Every text in `${ … }`, however deep.
    private mutating func values(_ json: JSONValue, at pointer: String) {
        for (index, item) in (json.array ?? []).enumerated() { values(item, at: "\(pointer)/\(index)") }
        for member in json.object?.members ?? [] { values(member.value, at: "\(pointer)/\(AssetIssue.token(member.key))") }
        if json.string != nil { _ = type(of: json, at: pointer) }
    }

    /// What a step gives before it is transformed.
    private func raw(_ step: JSONValue) -> CELType { step["call"]?.string == "match" ? CanonicalTypes.match : .dyn }

    private mutating func output(of step: JSONValue) -> CELType {
        guard let transform = step["output"]?["as"] else { return raw(step) }
        let before = issues
        let type = expression(transform, wanted: nil, output: raw(step), at: "")
        issues = before
        return type
    }

    private mutating func check(callOf step: JSONValue, at pointer: String) {
        guard step["call"]?.string == "policy.decide", let with = step["with"], let name = with["policy"]?.string,
            let given = with["input"]?.object, let content = policy(name), content["given"] == nil
        else { return }
        let before = issues
        let fields = given.members.map { RecordType.Field($0.key, type(of: $0.value, at: pointer)) }
        issues = before
        let scope = ExpressionScope([("input", .record(RecordType("what the call gives the policy", fields)))])
        for column in content["inputs"]?.array ?? [] {
            guard let source = column["expression"]?.string else { continue }
            var found: [AssetIssue] = []
            let type = CompiledExpression.check(source, in: scope, pointer: pointer + "/with/input", issues: &found)
            let isRight = column["type"]?.string != "bool" || CompiledExpression.fits(.bool, type)
            if !isRight {
                found.append(
                    AssetIssue(
                        pointer + "/with/input", "It gives \(type.description), and a bool is expected.",
                        remedy: "Give the policy what it asks."))
            }
            issues += found.map { issue in
                let column = column["name"]?.string ?? ""
                return AssetIssue(
                    issue.pointer, "The policy `\(name)` cannot read its input `\(column)` (\(source)). \(issue.message)",
                    remedy: issue.remedy)
            }
        }
    }

    // MARK: expressions

    private func scope(_ output: CELType?) -> ExpressionScope {
        let kept = RecordType("context", context.map { RecordType.Field($0.name, $0.type, isRequired: false) })
        var names: [(String, CELType)] = [("input", input), ("context", .record(kept)), ("run", CanonicalTypes.run)]
        if let output { names.append(("output", output)) }
        return ExpressionScope(names, isOpen: true)
    }

    private mutating func expression(_ json: JSONValue, wanted: CELType?, output: CELType?, at pointer: String) -> CELType {
        switch json {
        case .bool: return .bool
        case .number: return .dyn
        case .string(var text):
            if text.hasPrefix("${"), text.hasSuffix("}") { text = String(text.dropFirst(2).dropLast()) }
            return CompiledExpression.check(text, in: scope(output), wanted: wanted, pointer: pointer, issues: &issues)
        case .null, .array, .object: return .dyn
        }
    }

    /// The type of a value of the definition in which texts may hold expressions.
    private mutating func type(of json: JSONValue, at pointer: String) -> CELType {
        switch json {
        case .null: return .dyn
        case .bool: return .bool
        case .number(let number): return number.int64 == nil ? .dyn : .int
        case .array: return .list(.dyn)
        case .object(let object):
            return .record(RecordType("value", object.members.map { RecordType.Field($0.key, type(of: $0.value, at: pointer)) }))
        case .string(let text):
            guard let pieces = Template.pieces(of: text) else { return .string }
            var types: [CELType] = []
            for piece in pieces {
                guard case .source(let source) = piece else {
                    types.append(.string)
                    continue
                }
                types.append(CompiledExpression.check(source, in: scope(nil), pointer: pointer, issues: &issues))
            }
            return types.count == 1 ? types[0] : .string
        }
    }
}
