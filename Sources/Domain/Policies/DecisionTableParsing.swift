import Expressions
import Kernel

extension DecisionTable {
    static func parse(_ reader: AssetReader, issues: inout [AssetIssue]) -> DecisionTable? {
        reader.close(
            Policy.commonMembers + FEELNames.members + [
                "hitPolicy", "aggregate", "inputs", "outputs", "rules", "otherwise", "monotone",
            ], issues: &issues)
        let letter = reader.object["hitPolicy"]?.string.flatMap { HitPolicy.letters[$0] }
        let hitPolicy =
            letter?.policy ?? reader.choice("hitPolicy", HitPolicy.self, otherwise: .unique, issues: &issues) ?? .unique
        let aggregate =
            reader.choice("aggregate", Aggregate.self, otherwise: letter?.aggregate ?? .list, issues: &issues) ?? .list
        if aggregate != .list, hitPolicy != .collect {
            issues.append(AssetIssue(reader.path("aggregate"), "Only COLLECT takes an aggregate.", remedy: "Remove `aggregate`."))
        }
        let names = FEELNames.parse(reader, issues: &issues)
        let inputs = reader.list("inputs", upTo: inputsMax, isRequired: true, issues: &issues).compactMap { item in
            parseInput(item.value, item.pointer, names, issues: &issues)
        }
        let outputs = reader.list("outputs", upTo: outputsMax, isRequired: true, issues: &issues).compactMap { item in
            parseOutput(item.value, item.pointer, issues: &issues)
        }
        for list in ["inputs", "outputs"] where reader.object[list]?.array?.isEmpty == true {
            issues.append(
                AssetIssue(
                    reader.path(list), "A decision table needs at least one column under `\(list)`.", remedy: "Add a column."))
        }
        guard !inputs.isEmpty, !outputs.isEmpty else { return nil }
        if hitPolicy == .priority || hitPolicy == .outputOrder, outputs.allSatisfy({ $0.values == nil }) {
            issues.append(
                AssetIssue(
                    reader.path("outputs"), "\(hitPolicy.rawValue) needs to know which outcome comes first.",
                    remedy: "Give an output its `values`, the most important first."))
        }
        if aggregate != .list, aggregate != .count, outputs.count > 1 {
            issues.append(
                AssetIssue(
                    reader.path("outputs"), "A figure is made of one output.", remedy: "Remove the others, or `aggregate`."))
        }
        var rules: [Rule] = []
        let before = issues.count
        for item in reader.list("rules", upTo: rulesMax, isRequired: true, issues: &issues) {
            guard let rule = parseRule(item.value, item.pointer, inputs, outputs, issues: &issues) else { continue }
            if rules.contains(where: { $0.id == rule.id }) {
                issues.append(
                    AssetIssue(
                        item.pointer + "/id", "The rule `\(rule.id)` is written twice.", remedy: "Give each rule its own id."))
            }
            rules.append(rule)
        }
        var otherwise: JSONObject?
        if let value = reader.object["otherwise"] {
            otherwise = parseOutcome(value, reader.path("otherwise"), outputs, issues: &issues)
        }
        let table = DecisionTable(
            hitPolicy: hitPolicy, aggregate: aggregate, names: names, inputs: inputs, outputs: outputs, rules: rules,
            otherwise: otherwise, monotone: Monotone.parse(reader, inputs, outputs, hitPolicy, issues: &issues))
        if issues[before...].allSatisfy({ $0.severity != .error }) {
            TableCoverage(table).check(reader.path("rules"), issues: &issues)
        }
        return table
    }

    private static func parseInput(
        _ json: JSONValue, _ pointer: String, _ names: FEELNames, issues: inout [AssetIssue]
    ) -> Input? {
        guard let reader = AssetReader(json, at: pointer, "input", issues: &issues) else { return nil }
        reader.close(["name", "type", "expression", "feel", "values", "personal"], issues: &issues)
        let name = reader.text("name", issues: &issues)
        let written = reader.choice("type", ColumnType.self, otherwise: nil, issues: &issues)
        let type = written?.plain
        let values = reader.object["values"] == nil ? nil : reader.texts("values", upTo: 200, issues: &issues)
        if values != nil, let type, type != .string {
            issues.append(AssetIssue(reader.path("values"), "Only a string input has `values`.", remedy: "Remove `values`."))
        }
        if written == .enum, values?.isEmpty ?? true {
            issues.append(AssetIssue(reader.path("type"), "An enum lists what it can be.", remedy: "Add `values`."))
        }
        let isPersonal = reader.bool("personal", otherwise: false, issues: &issues)
        guard let source = parseSource(reader, names, issues: &issues), let name, let type else { return nil }
        return Input(name: name, type: type, source: source, values: values, isPersonal: isPersonal)
    }

    /// `expression` in CEL, or `feel`.
    private static func parseSource(_ reader: AssetReader, _ names: FEELNames, issues: inout [AssetIssue]) -> Source? {
        if reader.object["feel"] != nil {
            if reader.object["expression"] != nil {
                issues.append(
                    AssetIssue(reader.path("feel"), "The column reads two things.", remedy: "Keep `expression` or `feel`."))
            }
            return names.expression("feel", reader, issues: &issues).map { .feel($0.0, text: $0.1) }
        }
        guard let source = reader.text("expression", issues: &issues) else { return nil }
        return CompiledExpression.compile(
            source, in: ExpressionScope(["input"]), pointer: reader.path("expression"), issues: &issues
        ).map(Source.expression)
    }

    private static func parseOutput(_ json: JSONValue, _ pointer: String, issues: inout [AssetIssue]) -> Output? {
        guard let reader = AssetReader(json, at: pointer, "output", issues: &issues) else { return nil }
        reader.close(["name", "values"], issues: &issues)
        let values: [JSONValue]? =
            reader.object["values"] == nil
            ? nil : reader.list("values", upTo: 200, isRequired: true, issues: &issues).map(\.value)
        guard let name = reader.text("name", issues: &issues) else { return nil }
        return Output(name: name, values: values)
    }

    private static func parseRule(
        _ json: JSONValue, _ pointer: String, _ inputs: [Input], _ outputs: [Output], issues: inout [AssetIssue]
    ) -> Rule? {
        guard let reader = AssetReader(json, at: pointer, "rule", issues: &issues) else { return nil }
        reader.close(["id", "label", "when", "then"], issues: &issues)
        let id = reader.name("id", issues: &issues)
        let label = reader.text("label", issues: &issues)
        guard let condition = reader.object["when"], let outcome = reader.object["then"] else {
            reader.missing(reader.object["when"] == nil ? "when" : "then", issues: &issues)
            return nil
        }
        guard let when = AssetReader(condition, at: reader.path("when"), "condition", issues: &issues) else { return nil }
        when.close(inputs.map(\.name), issues: &issues)
        var cells: [CellTest] = []
        for input in inputs {
            guard let cell = when.object[input.name] else {
                cells.append(.any)
                continue
            }
            do throws(CellProblem) {
                let test = try CellTest.parse(cell, input.type)
                if case .words(let words, _) = test, let known = input.values {
                    for word in words where !known.contains(word) {
                        issues.append(
                            AssetIssue(
                                when.path(input.name), "The input `\(input.name)` never is `\(word)`.",
                                remedy: "Use one of: \(known.joined(separator: ", "))."))
                    }
                }
                cells.append(test)
            } catch {
                issues.append(
                    AssetIssue(
                        when.path(input.name), error.message,
                        remedy: "Write -, a value, a comparison such as >= 100, or [0..100]."))
            }
        }
        let then = parseOutcome(outcome, reader.path("then"), outputs, issues: &issues)
        guard let id, let label, let then, cells.count == inputs.count else { return nil }
        return Rule(id: id, label: label, cells: cells, outcome: then)
    }

    private static func parseOutcome(
        _ json: JSONValue, _ pointer: String, _ outputs: [Output], issues: inout [AssetIssue]
    ) -> JSONObject? {
        guard let reader = AssetReader(json, at: pointer, "outcome", issues: &issues) else { return nil }
        reader.close(outputs.map(\.name), issues: &issues)
        for output in outputs {
            guard let value = reader.object[output.name] else {
                reader.missing(output.name, issues: &issues)
                continue
            }
            if let values = output.values, !values.contains(value) {
                issues.append(
                    AssetIssue(
                        reader.path(output.name), "The output `\(output.name)` never is \(value.text).",
                        remedy: "Use one of: \(values.map(\.text).joined(separator: ", "))."))
            }
        }
        return reader.object
    }
}
