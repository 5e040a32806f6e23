package import Kernel

/// Makes policies of the decisions of a model. What a policy cannot say is a problem with its place, never left out in silence.
package enum DMNImport {
    package static let version = "1.0"

    /// One policy asset for each decision, or for the one named: its name and its content.
    package static func policies(
        of model: DMNModel, decision wanted: String? = nil, problems: inout [DMNProblem]
    ) -> [(name: String, content: JSONValue)] {
        var out: [(name: String, content: JSONValue)] = []
        for decision in model.decisions where wanted == nil || wanted == decision.name {
            var writer = PolicyWriter(model: model, decision: decision)
            let content = writer.policy()
            problems += writer.problems
            if let content, writer.problems.isEmpty { out.append((name: writer.name, content: content)) }
        }
        if let wanted, model.decision(named: wanted) == nil {
            problems.append(
                DMNProblem(
                    line: 1, column: 1, "The model has no decision `\(wanted.prefix(60))`.",
                    remedy: "Use one of: \(model.decisionNames.prefix(20).joined(separator: ", "))."))
        }
        return out
    }

    /// A name as assets have it: `Approval Status` is `approval-status`.
    static func slug(_ text: String) -> String {
        var out = ""
        for scalar in text.lowercased().unicodeScalars {
            if scalar.isASCII, scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) {
                out.unicodeScalars.append(scalar)
            } else if !out.isEmpty, !out.hasSuffix("-") {
                out += "-"
            }
        }
        while out.hasSuffix("-") { out.removeLast() }
        if out.isEmpty || !("a"..."z").contains(out.first ?? "0") { out = "decision-" + out }
        while out.hasSuffix("-") { out.removeLast() }
        return String(out.prefix(60))
    }
}

private struct PolicyWriter {
    let model: DMNModel
    let decision: DMNModel.Decision
    private(set) var problems: [DMNProblem] = []
    private var given: [JSONValue] = []
    private var terms: [JSONValue] = []
    private var known: Set<String> = []

    var name: String { DMNImport.slug(decision.name) }

    init(model: DMNModel, decision: DMNModel.Decision) {
        self.model = model
        self.decision = decision
    }

    private mutating func report(_ place: XMLOutline, _ message: String, _ remedy: String) {
        problems.append(place.problem(message, remedy))
    }

    mutating func policy() -> JSONValue? {
        for need in decision.needs { require(need) }
        switch decision.logic {
        case .table(let table): return self.table(table)
        case .literal, .invocation:
            guard let source = source(of: decision.logic, at: decision.place) else { return nil }
            return asset("formula", [(key: "feel", value: .string(source))])
        case .context, .list, .relation:
            report(
                decision.place, "`\(decision.name)` is a boxed context, list or relation, which no policy can be.",
                "Write it as a decision table or a literal expression.")
            return nil
        }
    }

    private func asset(_ kind: String, _ body: [(key: String, value: JSONValue)]) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [
            ("kind", .string(kind)), ("name", .string(name)), ("version", .string(DMNImport.version)),
            ("title", .string(decision.name)),
            ("description", .string("Taken from the decision `\(decision.name)` of the model `\(model.name)`.")),
        ]
        if !given.isEmpty { members.append(("given", .array(given))) }
        if !terms.isEmpty { members.append(("terms", .array(terms))) }
        return .object(JSONObject(members + body))
    }

    /// Input data is given; a literal decision becomes a term; any other decision is asked for as an input of its own.
    private mutating func require(_ id: String) {
        guard known.insert(id).inserted else { return }
        if let input = model.inputs.first(where: { $0.id == id }) {
            given.append(["name": .string(input.name), "type": .string(kind(of: input.type))])
        }
        guard let other = model.decision(id: id) else { return }
        switch other.logic {
        case .literal, .invocation:
            for need in other.needs { require(need) }
            if let source = source(of: other.logic, at: other.place) {
                terms.append(["name": .string(other.name), "feel": .string(source)])
            }
        case .table, .context, .list, .relation:
            given.append(["name": .string(other.name), "type": .string(kind(of: other.type))])
        }
    }

    private func kind(of type: String) -> String {
        if let item = model.items[type] { return item.components.isEmpty && !item.isCollection ? kind(of: item.type) : "any" }
        return switch type {
        case "number": "decimal"
        case "string": "string"
        case "boolean": "bool"
        case "date": "date"
        default: "any"
        }
    }

    /// FEEL that needs nothing but names. A call of a knowledge model becomes a context with its parameters.
    private mutating func source(of logic: DMNModel.Logic, at place: XMLOutline) -> String? {
        switch logic {
        case .literal(let expression, let source):
            if let called = expression.calls.first(where: { call in model.knowledge.contains { $0.name == call } }) {
                report(
                    place, "The expression calls the knowledge model `\(called)`.",
                    "Call it as a boxed invocation, or write its expression here.")
                return nil
            }
            return source
        case .invocation(let name, let bindings):
            guard let knowledge = model.knowledge.first(where: { $0.name == name }),
                case .literal(let body, let text) = knowledge.logic,
                body.calls.allSatisfy({ call in !model.knowledge.contains { $0.name == call } })
            else {
                report(place, "`\(name)` is no knowledge model with a literal expression.", "Write it as one.")
                return nil
            }
            var entries: [String] = []
            for binding in bindings {
                guard let value = source(of: binding.logic, at: place) else { return nil }
                entries.append("\(binding.name): (\(value))")
            }
            return "{\(entries.joined(separator: ", ")), result: (\(text))}.result"
        case .table, .context, .list, .relation:
            report(place, "A boxed expression stands where a literal one has to.", "Write it as a literal expression.")
            return nil
        }
    }

    // MARK: Tables

    private mutating func table(_ table: DMNTable) -> JSONValue? {
        var columns: [(name: String, type: ColumnType)] = []
        var inputs: [JSONValue] = []
        for (number, input) in table.inputs.enumerated() {
            var label = input.label.isEmpty ? input.source : input.label
            if columns.contains(where: { $0.name == label }) { label += " \(number + 1)" }
            let type = columnType(input, table, number)
            columns.append((name: label, type: type))
            var members: [(key: String, value: JSONValue)] = [
                ("name", .string(label)), ("type", .string(type.rawValue)), ("feel", .string(input.source)),
            ]
            if type == .string, let values = input.values { members.append(("values", .array(values.map(\.json)))) }
            inputs.append(.object(JSONObject(members)))
        }
        var outputs: [JSONValue] = []
        for number in table.outputs.indices {
            var members: JSONObject = ["name": .string(outputName(table, number))]
            if let values = table.outputs[number].values { members["values"] = .array(values.map(\.json)) }
            outputs.append(.object(members))
        }
        var rules: [JSONValue] = []
        for (number, rule) in table.rules.enumerated() { rules.append(written(rule, number, columns, table)) }
        var body: [(key: String, value: JSONValue)] = [("hitPolicy", .string(table.hitPolicy.rawValue))]
        if table.aggregate != .list { body.append(("aggregate", .string(table.aggregate.rawValue))) }
        body += [("inputs", .array(inputs)), ("outputs", .array(outputs)), ("rules", .array(rules))]
        if let otherwise = fallback(table) { body.append(("otherwise", otherwise)) }
        return asset("decision-table", body)
    }

    private func outputName(_ table: DMNTable, _ number: Int) -> String {
        table.outputs[number].name.isEmpty ? decision.name : table.outputs[number].name
    }

    private mutating func fallback(_ table: DMNTable) -> JSONValue? {
        guard table.outputs.contains(where: { $0.fallback != nil }) else { return nil }
        var members: JSONObject = [:]
        for (number, output) in table.outputs.enumerated() {
            members[outputName(table, number)] = output.fallback.flatMap { constant($0, table.place) } ?? .null
        }
        return .object(members)
    }

    /// As written, or as the cells show.
    private func columnType(_ input: DMNTable.Input, _ table: DMNTable, _ number: Int) -> ColumnType {
        switch kind(of: input.type) {
        case "decimal": return .decimal
        case "string": return .string
        case "bool": return .bool
        case "date": return .date
        default: break
        }
        for rule in table.rules {
            for test in rule.cells[number].tests.tests {
                switch test.form {
                case .compare(_, let value), .value(let value):
                    if case .literal(.string) = value { return .string }
                    if case .literal(.boolean) = value { return .bool }
                    if case .call("date", _, _) = value { return .date }
                }
            }
        }
        return .decimal
    }

    private mutating func written(
        _ rule: DMNTable.Rule, _ number: Int, _ columns: [(name: String, type: ColumnType)], _ table: DMNTable
    ) -> JSONValue {
        var when: JSONObject = [:]
        var words: [String] = []
        for (cell, column) in zip(rule.cells, columns) where !cell.tests.tests.isEmpty {
            guard let text = CellWriter(type: column.type).text(cell.tests) else {
                report(
                    cell.place, "The cell `\(cell.source.prefix(60))` is no plain test of a \(column.type.rawValue).",
                    "Write values, comparisons and intervals of constants.")
                continue
            }
            when[column.name] = .string(text)
            words.append("\(column.name) \(text)")
        }
        var then: JSONObject = [:]
        for (place, answer) in rule.outputs.enumerated() {
            then[outputName(table, place)] = constant(answer.expression, answer.place) ?? .null
        }
        let said = words.isEmpty ? "Always" : words.joined(separator: ", ")
        return [
            "id": .string("rule-\(number + 1)"), "label": .string(String((rule.label.isEmpty ? said : rule.label).prefix(500))),
            "when": .object(when), "then": .object(then),
        ]
    }

    /// A constant as JSON; numbers are exact decimal text.
    private mutating func constant(_ expression: FEELExpression, _ place: XMLOutline) -> JSONValue? {
        guard expression.freeNames.isEmpty, !expression.mentionsSubject, expression.calls.allSatisfy({ $0 == "date" }) else {
            report(place, "The answer is computed.", "Write a constant, and compute from it in a formula.")
            return nil
        }
        var evaluator = FEELEvaluator(FEELContext())
        do throws(FEELOverrun) {
            return try evaluator.value(expression).json
        } catch {
            report(place, "The answer takes too long to compute.", "Write a constant.")
            return nil
        }
    }
}

/// Writes unary tests in the grammar of our cells; nil for what that grammar cannot say.
private struct CellWriter {
    let type: ColumnType

    func text(_ tests: FEELUnaryTests) -> String? {
        if type == .bool {
            guard tests.tests.count == 1, case .value(.literal(.boolean(let flag))) = tests.tests[0].form else { return nil }
            return flag != tests.isNegated ? "true" : "false"
        }
        var parts: [String] = []
        for test in tests.tests {
            guard let part = part(test) else { return nil }
            parts.append(part)
        }
        let list = parts.joined(separator: ", ")
        return tests.isNegated ? "not(\(list))" : list
    }

    private func part(_ test: FEELTest) -> String? {
        switch test.form {
        case .compare(let sign, let value):
            guard type != .string, let text = value.cellText(type) else { return nil }
            switch sign {
            case .less, .lessOrEqual, .greater, .greaterOrEqual: return "\(sign.rawValue) \(text)"
            case .equal: return text
            default: return nil
            }
        case .value(.range(let low, let high, let isLowClosed, let isHighClosed)):
            guard type != .string, let from = low.cellText(type), let to = high.cellText(type) else { return nil }
            return (isLowClosed ? "[" : "(") + "\(from)..\(to)" + (isHighClosed ? "]" : ")")
        case .value(let value): return value.cellText(type)
        }
    }
}

extension FEELExpression {
    /// A constant as a cell of that type has it.
    fileprivate func cellText(_ type: ColumnType) -> String? {
        switch (self, type) {
        case (.literal(.string(let text)), .string): return text.contains("\"") ? nil : "\"\(text)\""
        case (.literal(.number(let number)), .decimal):
            return ExactDecimal(number.description) == nil ? nil : number.description
        case (.negated(.literal(.number(let number))), .decimal):
            return ExactDecimal(number.negated.description) == nil ? nil : number.negated.description
        case (.literal(.date(let date)), .date): return date.description
        case (.call("date", let arguments, _), .date):
            guard arguments.count == 1, case .literal(.string(let text)) = arguments[0] else { return nil }
            return CivilDate(text)?.description
        default: return nil
        }
    }

    /// Names of the functions it calls.
    var calls: Set<String> {
        switch self {
        case .literal, .subject, .name: []
        case .negated(let inner), .path(let inner, _): inner.calls
        case .binary(_, let left, let right), .filter(let left, let right): left.calls.union(right.calls)
        case .between(let value, let low, let high): value.calls.union(low.calls).union(high.calls)
        case .isIn(let value, let tests):
            tests.reduce(value.calls) { found, test in
                switch test.form {
                case .compare(_, let inner), .value(let inner): found.union(inner.calls)
                }
            }
        case .choice(let test, let then, let otherwise): test.calls.union(then.calls).union(otherwise.calls)
        case .call(let name, let arguments, _): arguments.reduce([name]) { $0.union($1.calls) }
        case .list(let items): items.reduce([]) { $0.union($1.calls) }
        case .context(let entries): entries.reduce([]) { $0.union($1.value.calls) }
        case .range(let low, let high, _, _): low.calls.union(high.calls)
        case .loop(_, let sources, let body): sources.reduce(body.calls) { $0.union($1.source.calls) }
        }
    }
}
