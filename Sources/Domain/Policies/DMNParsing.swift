import Kernel

extension DMNModel {
    static let spaces = [
        "https://www.omg.org/spec/DMN/20230324/MODEL/", "https://www.omg.org/spec/DMN/20211108/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/", "http://www.omg.org/spec/DMN/20180521/MODEL/",
    ]

    /// Reads a model of DMN 1.2 to 1.5. Nil when there are problems; every one is listed with its place.
    package static func parse(_ root: XMLOutline, problems: inout [DMNProblem]) -> DMNModel? {
        var reader = DMNReader(root)
        let model = reader.model()
        problems += reader.problems
        return reader.problems.isEmpty ? model : nil
    }
}

/// One pass over a model. Everything wrong is collected, and reading goes on.
private struct DMNReader {
    static let problemsMax = 50
    static let nestingMax = 20

    private let root: XMLOutline
    private var names: [String] = []
    private var items: [String: DMNModel.Item] = [:]
    private(set) var problems: [DMNProblem] = []
    private var nesting = 0

    init(_ root: XMLOutline) { self.root = root }

    private mutating func report(_ place: XMLOutline, _ message: String, _ remedy: String) {
        if problems.count < DMNReader.problemsMax { problems.append(place.problem(message, remedy)) }
    }

    mutating func model() -> DMNModel {
        let empty = DMNModel(name: "", decisions: [], inputs: [], knowledge: [], items: [:])
        guard root.name == "definitions", DMNModel.spaces.contains(root.space) else {
            report(root, "This is no decision model of DMN.", "Export it as DMN 1.2 to 1.5; the root is `definitions`.")
            return empty
        }
        collectNames(root)
        names = Array(Set(names)).sorted()
        for place in root.children { check(place) }
        for place in root.all("itemDefinition") {
            if let name = place.attributes["name"] { items[name] = item(place) }
        }
        let inputs = root.all("inputData").map { place in
            DMNModel.InputData(name: name(of: place), id: place.attributes["id"] ?? "", type: variableType(place))
        }
        let knowledge = root.all("businessKnowledgeModel").compactMap { readKnowledge($0) }
        let decisions = root.all("decision").prefix(DMNModel.decisionsMax).compactMap { readDecision($0) }
        if decisions.isEmpty, problems.isEmpty { report(root, "The model holds no decision.", "Add one.") }
        let model = DMNModel(
            name: root.attributes["name"] ?? "", decisions: decisions, inputs: inputs, knowledge: knowledge, items: items)
        checkNeeds(model)
        return model
    }

    /// Every name that an expression may use, since FEEL's names hold blanks and signs.
    private mutating func collectNames(_ place: XMLOutline) {
        let naming = [
            "variable", "inputData", "decision", "businessKnowledgeModel", "itemComponent", "formalParameter", "parameter",
            "column",
            "output",
        ]
        if naming.contains(place.name), let name = place.attributes["name"], !name.isEmpty { names.append(name) }
        for child in place.children { collectNames(child) }
    }

    private mutating func check(_ place: XMLOutline) {
        let known = [
            "itemDefinition", "inputData", "decision", "businessKnowledgeModel", "knowledgeSource", "textAnnotation",
            "association",
            "elementCollection", "performanceIndicator", "organizationUnit", "extensionElements", "description", "group",
            "decisionService", "DMNDI",
        ]
        if place.name == "import" {
            report(place, "The model imports another one.", "Bring both into one file; nothing is fetched.")
        } else if !known.contains(place.name) {
            report(place, "`\(place.name.prefix(60))` is no part of a decision model.", "Remove it.")
        }
    }

    private mutating func name(of place: XMLOutline) -> String {
        if let name = place.first("variable")?.attributes["name"] ?? place.attributes["name"], !name.isEmpty { return name }
        report(place, "A \(place.name) has no name.", "Give it the attribute `name`.")
        return ""
    }

    private func type(_ text: String?) -> String {
        guard let text else { return "" }
        return text.hasPrefix("feel:") ? String(text.dropFirst(5)) : text
    }

    private func variableType(_ place: XMLOutline) -> String { type(place.first("variable")?.attributes["typeRef"]) }

    private mutating func item(_ place: XMLOutline) -> DMNModel.Item {
        nesting += 1
        defer { nesting -= 1 }
        let allowed = place.first("allowedValues").flatMap { tests(in: $0) }
        var components: [(name: String, item: DMNModel.Item)] = []
        if nesting <= DMNReader.nestingMax {
            for child in place.all("itemComponent") { components.append((child.attributes["name"] ?? "", item(child))) }
        }
        return DMNModel.Item(
            type: type(place.first("typeRef")?.word), isCollection: place.attributes["isCollection"] == "true", allowed: allowed,
            values: allowed.flatMap(DMNReader.listed), components: components)
    }

    /// The values of `"a", "b"` in their order; nil when the tests say more than that.
    private static func listed(_ tests: FEELUnaryTests) -> [FEELValue]? {
        guard !tests.isNegated, !tests.tests.isEmpty else { return nil }
        var values: [FEELValue] = []
        for test in tests.tests {
            switch test.form {
            case .value(.literal(let value)): values.append(value)
            case .value(.negated(.literal(.number(let number)))): values.append(.number(number.negated))
            default: return nil
            }
        }
        return values
    }

    private mutating func readDecision(_ place: XMLOutline) -> DMNModel.Decision? {
        let name = name(of: place)
        let needs = place.all("informationRequirement").compactMap { need in
            need.first("requiredDecision") ?? need.first("requiredInput")
        }
        let knowledge = place.all("knowledgeRequirement").compactMap { $0.first("requiredKnowledge") }
        guard let logic = logic(in: place) else { return nil }
        return DMNModel.Decision(
            name: name, id: place.attributes["id"] ?? "", type: variableType(place), logic: logic,
            needs: (needs + knowledge).map { reference($0) }, place: place)
    }

    private mutating func reference(_ place: XMLOutline) -> String {
        guard let href = place.attributes["href"], href.hasPrefix("#"), href.utf8.count > 1 else {
            report(place, "The requirement points outside of this file.", "Write `#` and the id of an element of this model.")
            return ""
        }
        return String(href.dropFirst())
    }

    private mutating func readKnowledge(_ place: XMLOutline) -> DMNModel.Knowledge? {
        let name = name(of: place)
        guard let function = place.first("encapsulatedLogic") else {
            report(place, "The knowledge model `\(name)` has no logic.", "Give it `encapsulatedLogic`.")
            return nil
        }
        if let kind = function.attributes["kind"], kind != "FEEL" {
            report(function, "Only functions in FEEL are taken, and not in \(kind.prefix(20)).", "Write it in FEEL.")
        }
        let parameters = function.all("formalParameter").map { ($0.attributes["name"] ?? "", type($0.attributes["typeRef"])) }
        guard let logic = logic(in: function) else { return nil }
        return DMNModel.Knowledge(
            name: name, id: place.attributes["id"] ?? "", type: variableType(place), parameters: parameters, logic: logic)
    }

    private mutating func checkNeeds(_ model: DMNModel) {
        let known = Set(model.inputs.map(\.id) + model.decisions.map(\.id) + model.knowledge.map(\.id))
        for decision in model.decisions {
            for need in decision.needs where !known.contains(need) && !need.isEmpty {
                report(
                    decision.place, "`\(decision.name)` needs `\(need.prefix(60))`, which does not exist.",
                    "Correct the reference.")
            }
        }
        var state: [String: Int] = [:]
        func isCircular(_ id: String) -> Bool {
            if state[id] == 1 { return true }
            if state[id] == 2 { return false }
            state[id] = 1
            let found = model.decision(id: id)?.needs.contains(where: isCircular) ?? false
            state[id] = 2
            return found
        }
        for decision in model.decisions where isCircular(decision.id) {
            report(decision.place, "`\(decision.name)` needs its own answer.", "Break the circle of requirements.")
            return
        }
    }

    // MARK: Boxed expressions

    private static let forms = [
        "literalExpression", "decisionTable", "context", "invocation", "list", "relation", "functionDefinition", "conditional",
        "filter", "for", "some", "every",
    ]

    private mutating func logic(in place: XMLOutline) -> DMNModel.Logic? {
        guard let inner = place.children.first(where: { DMNReader.forms.contains($0.name) }) else {
            report(place, "There is no expression here.", "Give it a decision table or a literal expression.")
            return nil
        }
        return logic(inner)
    }

    private mutating func logic(_ place: XMLOutline) -> DMNModel.Logic? {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= DMNReader.nestingMax else {
            report(place, "Expressions are nested deeper than \(DMNReader.nestingMax).", "Split the decision.")
            return nil
        }
        switch place.name {
        case "literalExpression":
            guard let (expression, source) = literal(place) else { return nil }
            return .literal(expression, source: source)
        case "decisionTable": return table(place).map(DMNModel.Logic.table)
        case "context": return .context(place.all("contextEntry").compactMap { entry($0) })
        case "invocation": return invocation(place)
        case "list":
            return .list(place.children.filter { DMNReader.forms.contains($0.name) }.compactMap { logic($0) })
        case "relation":
            let rows = place.all("row").map { row in
                row.children.filter { DMNReader.forms.contains($0.name) }.compactMap { logic($0) }
            }
            return .relation(columns: place.all("column").map { $0.attributes["name"] ?? "" }, rows: rows)
        default:
            report(place, "A boxed `\(place.name)` goes beyond level 2 of DMN.", "Write it as a literal expression or a table.")
            return nil
        }
    }

    private mutating func entry(_ place: XMLOutline) -> (name: String?, type: String, logic: DMNModel.Logic)? {
        guard let logic = logic(in: place) else { return nil }
        return (place.first("variable")?.attributes["name"], variableType(place), logic)
    }

    private mutating func invocation(_ place: XMLOutline) -> DMNModel.Logic? {
        guard let called = place.first("literalExpression")?.first("text")?.word, !called.isEmpty else {
            report(place, "The invocation names no function.", "Name a knowledge model in a literal expression.")
            return nil
        }
        var bindings: [(name: String, logic: DMNModel.Logic)] = []
        for binding in place.all("binding") {
            guard let logic = logic(in: binding) else { return nil }
            bindings.append((binding.first("parameter")?.attributes["name"] ?? "", logic))
        }
        return .invocation(called, bindings)
    }

    private mutating func literal(_ place: XMLOutline) -> (FEELExpression, String)? {
        if let language = place.attributes["expressionLanguage"], !language.contains("FEEL") {
            report(place, "Only FEEL is taken, and not \(language.prefix(60)).", "Write the expression in FEEL.")
            return nil
        }
        guard let text = place.first("text") else {
            report(place, "The expression has no text.", "Write it as `text`.")
            return nil
        }
        do throws(FEELProblem) {
            return (try FEELParser.expression(text.text, names: names), text.word)
        } catch {
            reportFEEL(text, error)
            return nil
        }
    }

    private mutating func reportFEEL(_ place: XMLOutline, _ problem: FEELProblem) {
        report(
            place, "`\(place.text.prefix(60))` cannot be read: \(problem.message), at character \(problem.offset + 1).",
            "Correct the expression.")
    }

    /// The tests in `text`; nil with a problem when they cannot be read.
    private mutating func tests(in place: XMLOutline) -> FEELUnaryTests? {
        guard let text = place.first("text"), !text.word.isEmpty else { return nil }
        do throws(FEELProblem) {
            return try FEELParser.unaryTests(text.text, names: names)
        } catch {
            reportFEEL(text, error)
            return nil
        }
    }

    // MARK: Tables

    private mutating func table(_ place: XMLOutline) -> DMNTable? {
        let written = place.attributes["hitPolicy"] ?? "UNIQUE"
        guard let hitPolicy = DecisionTable.HitPolicy(rawValue: written) else {
            report(place, "`\(written.prefix(40))` is no hit policy.", "Use one of the seven of DMN.")
            return nil
        }
        let aggregates: [String: DecisionTable.Aggregate] = ["SUM": .sum, "MIN": .min, "MAX": .max, "COUNT": .count]
        var aggregate = DecisionTable.Aggregate.list
        if let name = place.attributes["aggregation"] {
            guard hitPolicy == .collect, let known = aggregates[name] else {
                report(place, "The aggregation `\(name.prefix(40))` does not fit.", "Use SUM, MIN, MAX or COUNT, with COLLECT.")
                return nil
            }
            aggregate = known
        }
        let inputs = place.all("input").compactMap { input($0) }
        let outputs = place.all("output").map { output($0, of: place) }
        guard !outputs.isEmpty, inputs.count == place.all("input").count else {
            if outputs.isEmpty { report(place, "The table has no output.", "Add an output column.") }
            return nil
        }
        if aggregate != .list, outputs.count > 1 {
            report(place, "An aggregation needs a table with one output.", "Remove the aggregation, or the other outputs.")
        }
        let rules = place.all("rule").prefix(DecisionTable.rulesMax).enumerated().compactMap { number, rule in
            self.rule(rule, number: number, inputs: inputs.count, outputs: outputs.count)
        }
        return DMNTable(
            hitPolicy: hitPolicy, aggregate: aggregate, inputs: inputs, outputs: outputs, rules: rules, place: place)
    }

    private mutating func input(_ place: XMLOutline) -> DMNTable.Input? {
        guard let asked = place.first("inputExpression") else {
            report(place, "The input column asks nothing.", "Give it an `inputExpression`.")
            return nil
        }
        guard let (expression, source) = literal(asked) else { return nil }
        var allowed = place.first("inputValues").flatMap { tests(in: $0) }
        let type = type(asked.attributes["typeRef"])
        if allowed == nil { allowed = items[type]?.allowed }
        return DMNTable.Input(
            label: place.attributes["label"] ?? source, expression: expression, source: source, type: type, allowed: allowed,
            values: allowed.flatMap(DMNReader.listed), place: asked)
    }

    private mutating func output(_ place: XMLOutline, of table: XMLOutline) -> DMNTable.Output {
        let name = place.attributes["name"] ?? ""
        let type = type(place.attributes["typeRef"] ?? (table.all("output").count == 1 ? table.attributes["typeRef"] : nil))
        var values = place.first("outputValues").flatMap { tests(in: $0) }.flatMap(DMNReader.listed)
        if values == nil { values = items[type]?.values }
        let whole = items[self.type(table.attributes["typeRef"])]
        if values == nil { values = whole?.components.first { $0.name == name }?.item.values }
        var fallback: FEELExpression?
        if let written = place.first("defaultOutputEntry") { fallback = literal(written)?.0 }
        return DMNTable.Output(name: name, type: type, values: values, fallback: fallback)
    }

    private mutating func rule(_ place: XMLOutline, number: Int, inputs: Int, outputs: Int) -> DMNTable.Rule? {
        let cells = place.all("inputEntry")
        let answers = place.all("outputEntry")
        guard cells.count == inputs, answers.count == outputs else {
            report(
                place, "Rule \(number + 1) has \(cells.count) conditions and \(answers.count) answers.",
                "Give it \(inputs) and \(outputs), one a column.")
            return nil
        }
        var read: [(tests: FEELUnaryTests, source: String, place: XMLOutline)] = []
        for cell in cells {
            let text = cell.first("text")?.word ?? ""
            if text.isEmpty {
                read.append((FEELUnaryTests(tests: [], isNegated: false), "-", cell))
            } else {
                guard let tests = tests(in: cell) else { return nil }
                read.append((tests, text, cell))
            }
        }
        var made: [(expression: FEELExpression, source: String, place: XMLOutline)] = []
        for answer in answers {
            guard let (expression, source) = literal(answer) else { return nil }
            made.append((expression, source, answer))
        }
        let note = place.first("description")?.word ?? place.all("annotationEntry").first?.first("text")?.word ?? ""
        return DMNTable.Rule(id: place.attributes["id"] ?? "", label: note, cells: read, outputs: made)
    }
}
