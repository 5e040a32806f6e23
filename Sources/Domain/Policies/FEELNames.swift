import Kernel

/// The names that the FEEL of one policy may use: members of its input with their types, and terms computed from these in order.
struct FEELNames: Sendable {
    static let givenMax = 200
    static let termsMax = 50
    static let members = ["given", "terms"]

    enum Kind: String, Sendable, CaseIterable { case decimal, string, bool, date, any }

    struct Given: Sendable, Equatable {
        let name: String
        let kind: Kind
    }

    let given: [Given]
    let terms: [(name: String, expression: FEELExpression, text: String)]

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> FEELNames {
        var given: [Given] = []
        for item in reader.list("given", upTo: givenMax, isRequired: false, issues: &issues) {
            guard let one = AssetReader(item.value, at: item.pointer, "name", issues: &issues) else { continue }
            one.close(["name", "type"], issues: &issues)
            let kind = one.choice("type", Kind.self, otherwise: .any, issues: &issues)
            guard let name = one.text("name", issues: &issues), let kind else { continue }
            if given.contains(where: { sameBytes($0.name, name) }) {
                issues.append(AssetIssue(one.path("name"), "`\(name)` is given twice.", remedy: "Keep one."))
            }
            given.append(Given(name: name, kind: kind))
        }
        var names = FEELNames(given: given, terms: [])
        for item in reader.list("terms", upTo: termsMax, isRequired: false, issues: &issues) {
            guard let one = AssetReader(item.value, at: item.pointer, "term", issues: &issues) else { continue }
            one.close(["name", "feel"], issues: &issues)
            guard let name = one.text("name", issues: &issues), let (made, text) = names.expression("feel", one, issues: &issues)
            else { continue }
            names = FEELNames(given: given, terms: names.terms + [(name: name, expression: made, text: text)])
        }
        return names
    }

    /// Reads the FEEL of a member; what it names has to be given, or be a term before it.
    func expression(
        _ member: String, _ reader: AssetReader, issues: inout [AssetIssue]
    ) -> (FEELExpression, String)? {
        guard let text = reader.text(member, issues: &issues) else { return nil }
        let known = given.map(\.name) + terms.map(\.name)
        do throws(FEELProblem) {
            let expression = try FEELParser.expression(text, names: known)
            for name in expression.freeNames.sorted() where !known.contains(where: { sameBytes($0, name) }) {
                let near = AssetReader.nearest(to: name, among: known).map { "Did you mean `\($0)`?" }
                issues.append(
                    AssetIssue(
                        reader.path(member), "`\(name)` is not given.",
                        remedy: near ?? "Add it to `given`, the members of the input that FEEL may use."))
            }
            return (expression, text)
        } catch {
            issues.append(
                AssetIssue(
                    reader.path(member), "The FEEL cannot be read: \(error.message), at character \(error.offset + 1).",
                    remedy: "Correct the expression."))
            return nil
        }
    }

    /// The given members as values of FEEL, with the terms.
    func scope(_ input: JSONValue) throws(Refusal) -> FEELContext {
        var scope = FEELContext()
        for one in given {
            guard let value = one.kind.value(input[one.name] ?? .null) else {
                throw Refusal(.invalid, reason: "policy.input", "The input '\(one.name)' is no \(one.kind.rawValue).")
            }
            scope[one.name] = value
        }
        for term in terms { scope[term.name] = try value(term.expression, scope) }
        return scope
    }

    func value(_ expression: FEELExpression, _ scope: FEELContext) throws(Refusal) -> FEELValue {
        var evaluator = FEELEvaluator(scope)
        do throws(FEELOverrun) {
            return try evaluator.value(expression)
        } catch {
            throw Refusal(
                .unprocessable, reason: "policy.budget",
                "An expression of the policy takes more than \(FEELEvaluator.stepsMax) steps.")
        }
    }
}

extension FEELNames.Kind {
    /// Nil when the value is of another kind; null is of every kind.
    func value(_ json: JSONValue) -> FEELValue? {
        if json == .null { return .null }
        switch self {
        case .any: return FEELValue(json)
        case .bool: return json.bool.map(FEELValue.boolean)
        case .string: return json.string.map(FEELValue.string)
        case .date: return json.string.flatMap { CivilDate($0) }.map(FEELValue.date)
        case .decimal:
            let text = if case .number(let number) = json { number.text } else { json.string ?? "" }
            return FEELNumber(text).map(FEELValue.number)
        }
    }
}

extension FEELExpression {
    /// Names that stand for something outside of the expression.
    var freeNames: Set<String> {
        switch self {
        case .literal, .subject: return []
        case .name(let name): return [name]
        case .negated(let inner), .path(let inner, _): return inner.freeNames
        case .binary(_, let left, let right): return left.freeNames.union(right.freeNames)
        // A filter sees the members of its items, which only their data tells.
        case .filter(let base, _): return base.freeNames
        case .between(let value, let low, let high): return value.freeNames.union(low.freeNames).union(high.freeNames)
        case .isIn(let value, let tests): return tests.reduce(value.freeNames) { $0.union($1.freeNames) }
        case .choice(let test, let then, let otherwise):
            return test.freeNames.union(then.freeNames).union(otherwise.freeNames)
        case .call(_, let arguments, _), .list(let arguments): return arguments.reduce([]) { $0.union($1.freeNames) }
        case .context(let entries):
            var own: Set<String> = []
            var out: Set<String> = []
            for entry in entries {
                out.formUnion(entry.value.freeNames.subtracting(own))
                own.insert(entry.name)
            }
            return out
        case .range(let low, let high, _, _): return low.freeNames.union(high.freeNames)
        case .loop(_, let sources, let body):
            var own: Set<String> = []
            var out: Set<String> = []
            for one in sources {
                out.formUnion(one.source.freeNames.subtracting(own))
                own.insert(one.name)
            }
            return out.union(body.freeNames.subtracting(own))
        }
    }
}

extension FEELTest {
    var freeNames: Set<String> {
        switch form {
        case .compare(_, let inner), .value(let inner): inner.freeNames
        }
    }
}

/// A policy that is one expression of FEEL, for what a decision model computes instead of looking up.
package struct FormulaPolicy: Sendable {
    let names: FEELNames
    let expression: FEELExpression
    let text: String

    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> FormulaPolicy? {
        reader.close(Policy.commonMembers + FEELNames.members + ["feel"], issues: &issues)
        let names = FEELNames.parse(reader, issues: &issues)
        guard let (expression, text) = names.expression("feel", reader, issues: &issues) else { return nil }
        return FormulaPolicy(names: names, expression: expression, text: text)
    }

    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        let value = try names.value(expression, try names.scope(input))
        var used: JSONObject = [:]
        for one in names.given { used[one.name] = input[one.name] ?? .null }
        return PolicyAnswer(
            outcome: value.json, rulesFired: [PolicyDecision.Rule(id: "formula", label: text)], inputsUsed: .object(used))
    }
}
