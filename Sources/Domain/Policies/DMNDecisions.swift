import Kernel

/// Answers the decisions of a model for one set of inputs, each at most once.
struct DMNDecisions {
    private let model: DMNModel
    private var scope = FEELContext()
    private var answered: [String: FEELValue] = [:]

    init(_ model: DMNModel, inputs: FEELContext) {
        self.model = model
        for input in model.inputs {
            scope[input.name] = model.conformed(inputs[input.name] ?? .null, to: input.type)
        }
    }

    /// The answer of a decision; null where FEEL has no other. The budget counts for each decision.
    mutating func answer(_ decision: DMNModel.Decision) throws(FEELOverrun) -> FEELValue {
        if let known = answered[decision.id] { return known }
        var own = FEELContext()
        for need in decision.needs {
            if let input = model.inputs.first(where: { $0.id == need }) { own[input.name] = scope[input.name] }
            if let other = model.decision(id: need) { own[other.name] = try answer(other) }
        }
        var evaluator = FEELEvaluator(own, functions: model.functions)
        let value = model.conformed(try evaluator.value(decision.logic), to: decision.type)
        answered[decision.id] = value
        return value
    }
}

extension DMNModel {
    /// The knowledge models as functions.
    var functions: [String: FEELEvaluator.Callable] {
        Dictionary(
            knowledge.map { known in
                let callable = FEELEvaluator.Callable(parameters: known.parameters.map(\.name)) {
                    (evaluator: inout FEELEvaluator, values: [FEELValue]) throws(FEELOverrun) -> FEELValue in
                    var scope = FEELContext()
                    for (parameter, value) in zip(known.parameters, values) {
                        scope[parameter.name] = conformed(value, to: parameter.type)
                    }
                    evaluator.scope = scope
                    return conformed(try evaluator.value(known.logic), to: known.type)
                }
                return (known.name, callable)
            }, uniquingKeysWith: { first, _ in first })
    }

    private static let kinds = [
        "string", "number", "boolean", "date", "time", "dateTime", "date and time", "days and time duration",
        "dayTimeDuration", "years and months duration", "yearMonthDuration",
    ]

    /// The value as a type takes it: a list of one item and that item stand for each other, and what does not fit is null.
    func conformed(_ value: FEELValue, to type: String) -> FEELValue {
        if let item = items[type] { return conformed(value, to: item) }
        guard DMNModel.kinds.contains(type), value != .null else { return value }
        if case .list(let only) = value { return only.count == 1 ? conformed(only[0], to: type) : .null }
        return DMNModel.fits(value, type) ? value : .null
    }

    private func conformed(_ value: FEELValue, to item: Item) -> FEELValue {
        guard value != .null else { return .null }
        if item.isCollection {
            let items = if case .list(let items) = value { items } else { [value] }
            let single = Item(
                type: item.type, isCollection: false, allowed: item.allowed, values: item.values, components: item.components)
            return .list(items.map { conformed($0, to: single) })
        }
        if case .list(let only) = value { return only.count == 1 ? conformed(only[0], to: item) : .null }
        if !item.components.isEmpty {
            guard case .context(var context) = value else { return .null }
            for component in item.components {
                if let member = context[component.name] {
                    context.replace(component.name, with: conformed(member, to: component.item))
                }
            }
            return .context(context)
        }
        let plain = item.type.isEmpty ? value : conformed(value, to: item.type)
        guard let allowed = item.allowed, plain != .null else { return plain }
        var evaluator = FEELEvaluator(FEELContext())
        // A test that runs out of its budget admits nothing.
        return (try? evaluator.holds(allowed, for: plain)) == true ? plain : .null
    }

    private static func fits(_ value: FEELValue, _ type: String) -> Bool {
        switch (value, type) {
        case (.string, "string"), (.number, "number"), (.boolean, "boolean"), (.date, "date"), (.time, "time"),
            (.dateTime, "dateTime"), (.dateTime, "date and time"), (.microseconds, "days and time duration"),
            (.microseconds, "dayTimeDuration"), (.months, "years and months duration"), (.months, "yearMonthDuration"):
            true
        default: false
        }
    }
}

extension FEELContext {
    /// Puts a value in the place of another of the same name.
    mutating func replace(_ name: String, with value: FEELValue) {
        self = FEELContext(entries.map { sameBytes($0.name, name) ? (name: $0.name, value: value) : $0 })
    }
}

/// Boxed expressions.
extension FEELEvaluator {
    mutating func value(_ logic: DMNModel.Logic) throws(FEELOverrun) -> FEELValue {
        switch logic {
        case .literal(let expression, _): return try value(expression)
        case .table(let table): return try value(table)
        case .context(let entries):
            let outer = scope
            defer { scope = outer }
            var out = FEELContext()
            for entry in entries {
                let made = try value(entry.logic)
                // The entry without a name is the result of them all.
                guard let name = entry.name else { return made }
                out[name] = made
                scope[name] = made
            }
            return .context(out)
        case .invocation(let name, let bindings):
            guard let function = functions[name] else { return .null }
            var values: [FEELValue] = []
            for binding in bindings { values.append(try value(binding.logic)) }
            guard let ordered = FEELEvaluator.ordered(values, bindings.map(\.name), function.parameters) else { return .null }
            return try apply(function, ordered)
        case .list(let items):
            var out: [FEELValue] = []
            for item in items { out.append(try value(item)) }
            return .list(out)
        case .relation(let columns, let rows):
            var out: [FEELValue] = []
            for row in rows {
                var context = FEELContext()
                for (column, cell) in zip(columns, row) { context[column] = try value(cell) }
                out.append(.context(context))
            }
            return .list(out)
        }
    }

    private mutating func value(_ table: DMNTable) throws(FEELOverrun) -> FEELValue {
        var given: [FEELValue] = []
        for input in table.inputs {
            let value = try value(input.expression)
            if let allowed = input.allowed, value != .null, try !holds(allowed, for: value) { return .null }
            given.append(value)
        }
        var hits: [[FEELValue]] = []
        for rule in table.rules {
            var applies = true
            for (cell, value) in zip(rule.cells, given) where applies { applies = try holds(cell.tests, for: value) }
            guard applies else { continue }
            var answer: [FEELValue] = []
            for output in rule.outputs { answer.append(try value(output.expression)) }
            hits.append(answer)
            if table.hitPolicy == .first { break }
        }
        guard !hits.isEmpty else { return try fallback(table) }
        return table.answer(hits)
    }

    private mutating func fallback(_ table: DMNTable) throws(FEELOverrun) -> FEELValue {
        guard table.outputs.contains(where: { $0.fallback != nil }) else {
            let isList = [.collect, .ruleOrder, .outputOrder].contains(table.hitPolicy) && table.aggregate == .list
            return isList ? .list([]) : .null
        }
        var answer: [FEELValue] = []
        for output in table.outputs {
            guard let fallback = output.fallback else {
                answer.append(.null)
                continue
            }
            answer.append(try value(fallback))
        }
        return table.shaped(answer)
    }
}

extension DMNTable {
    /// One output is its value, several are a context by name.
    func shaped(_ answer: [FEELValue]) -> FEELValue {
        if answer.count == 1 { return answer[0] }
        return .context(FEELContext(zip(outputs, answer).map { (name: $0.name, value: $1) }))
    }

    /// What the hit policy makes of the rules that apply, of which there is at least one.
    func answer(_ hits: [[FEELValue]]) -> FEELValue {
        switch hitPolicy {
        case .unique: return hits.count == 1 ? shaped(hits[0]) : .null
        case .any: return hits.allSatisfy { $0 == hits[0] } ? shaped(hits[0]) : .null
        case .first: return shaped(hits[0])
        case .priority: return shaped(ranked(hits)[0])
        case .ruleOrder: return .list(hits.map(shaped))
        case .outputOrder: return .list(ranked(hits).map(shaped))
        case .collect:
            guard aggregate != .list else { return .list(hits.map(shaped)) }
            return FEELFunctions.figure(aggregate.rawValue, hits.map { $0[0] })
        }
    }

    private func ranked(_ hits: [[FEELValue]]) -> [[FEELValue]] {
        func rank(_ answer: [FEELValue]) -> [Int] {
            zip(outputs, answer).map { output, value in
                guard let values = output.values else { return 0 }
                return values.firstIndex(of: value) ?? values.count
            }
        }
        return hits.enumerated().sorted { left, right in
            let (first, second) = (rank(left.element), rank(right.element))
            return first == second ? left.offset < right.offset : first.lexicographicallyPrecedes(second)
        }.map(\.element)
    }
}
