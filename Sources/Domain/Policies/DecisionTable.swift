import Expressions
import Kernel

/// A decision table in the shape of DMN: inputs are expressions over `input`, cells are restricted tests, so coverage is
/// decidable.
package struct DecisionTable: Sendable {
    package static let inputsMax = 12
    package static let outputsMax = 12
    package static let rulesMax = 500

    package enum HitPolicy: String, Sendable, CaseIterable {
        /// At most one rule applies; proven at publish time.
        case unique = "UNIQUE"
        /// Several may apply when they say the same.
        case any = "ANY"
        /// The rule whose first output comes first in that output's `values`.
        case priority = "PRIORITY"
        case first = "FIRST"
        /// The outcomes of all rules that apply, or one figure over them.
        case collect = "COLLECT"
        case ruleOrder = "RULE ORDER"
        case outputOrder = "OUTPUT ORDER"
    }

    package enum Aggregate: String, Sendable, CaseIterable { case list, sum, min, max, count }

    struct Input: Sendable {
        let name: String
        let type: ColumnType
        let expression: CompiledExpression
        /// All words a string column can hold; nil when it is open.
        let values: [String]?
    }

    struct Output: Sendable {
        let name: String
        /// In order of priority; nil when it is open.
        let values: [JSONValue]?
    }

    struct Rule: Sendable {
        let id: String
        let label: String
        let cells: [CellTest]
        let outcome: JSONObject
    }

    package let hitPolicy: HitPolicy
    package let aggregate: Aggregate
    let inputs: [Input]
    let outputs: [Output]
    let rules: [Rule]
    /// The outcome when no rule applies.
    let otherwise: JSONObject?

    /// Evaluates the inputs and applies the hit policy.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        var values: [CellValue] = []
        var used: JSONObject = [:]
        for column in inputs {
            let value = try evaluate(column, input)
            used[column.name] = value
            guard let cell = CellValue(value, column.type) else {
                throw Refusal(
                    .invalid, reason: "policy.input",
                    "The input '\(column.name)' gave \(value.text), which is no \(column.type.rawValue).")
            }
            if case .word(let word) = cell, let known = column.values, !known.contains(word) {
                throw Refusal(.invalid, reason: "policy.input", "The input '\(column.name)' knows no '\(word)'.")
            }
            values.append(cell)
        }
        let hits = rules.filter { rule in zip(rule.cells, values).allSatisfy { $0.takes($1) } }
        return try answer(hits, used: .object(used))
    }

    private func evaluate(_ column: Input, _ input: JSONValue) throws(Refusal) -> JSONValue {
        do throws(ExpressionFailure) {
            return try column.expression.json(["input": input])
        } catch {
            throw Refusal(.invalid, reason: "policy.input", "The input '\(column.name)' has no value: \(error.message).")
        }
    }

    private func answer(_ hits: [Rule], used: JSONValue) throws(Refusal) -> PolicyAnswer {
        guard let first = hits.first else {
            if hitPolicy == .collect || hitPolicy == .ruleOrder || hitPolicy == .outputOrder, otherwise == nil {
                return PolicyAnswer(outcome: try collected([]), rulesFired: [], inputsUsed: used)
            }
            guard let otherwise else { throw Refusal(.unprocessable, reason: "policy.gap", "No rule of the table applies.") }
            let rule = PolicyDecision.Rule(id: "otherwise", label: "No rule applies")
            return PolicyAnswer(outcome: .object(otherwise), rulesFired: [rule], inputsUsed: used)
        }
        switch hitPolicy {
        case .unique:
            guard hits.count == 1 else { throw conflict(hits) }
            return single(first, used)
        case .any:
            guard hits.allSatisfy({ $0.outcome == first.outcome }) else { throw conflict(hits) }
            return PolicyAnswer(outcome: .object(first.outcome), rulesFired: hits.map(DecisionTable.fired), inputsUsed: used)
        case .first: return single(first, used)
        case .priority: return single(ranked(hits)[0], used)
        case .collect:
            return PolicyAnswer(outcome: try collected(hits), rulesFired: hits.map(DecisionTable.fired), inputsUsed: used)
        case .ruleOrder:
            return PolicyAnswer(
                outcome: .array(hits.map { .object($0.outcome) }), rulesFired: hits.map(DecisionTable.fired), inputsUsed: used)
        case .outputOrder:
            let order = ranked(hits)
            return PolicyAnswer(
                outcome: .array(order.map { .object($0.outcome) }), rulesFired: order.map(DecisionTable.fired), inputsUsed: used)
        }
    }

    private static func fired(_ rule: Rule) -> PolicyDecision.Rule { PolicyDecision.Rule(id: rule.id, label: rule.label) }

    private func single(_ rule: Rule, _ used: JSONValue) -> PolicyAnswer {
        PolicyAnswer(outcome: .object(rule.outcome), rulesFired: [DecisionTable.fired(rule)], inputsUsed: used)
    }

    private func conflict(_ hits: [Rule]) -> Refusal {
        Refusal(
            .conflict, reason: "policy.conflict",
            "The rules \(hits.map(\.id).joined(separator: ", ")) apply and contradict each other.")
    }

    /// By the place of each output in its list of values, the first output first; rules that tie keep their order.
    private func ranked(_ hits: [Rule]) -> [Rule] {
        func rank(_ rule: Rule) -> [Int] {
            outputs.map { output in
                guard let values = output.values, let value = rule.outcome[output.name] else { return 0 }
                return values.firstIndex(of: value) ?? values.count
            }
        }
        return hits.enumerated().sorted { left, right in
            let (first, second) = (rank(left.element), rank(right.element))
            return first == second ? left.offset < right.offset : first.lexicographicallyPrecedes(second)
        }.map(\.element)
    }

    private func collected(_ hits: [Rule]) throws(Refusal) -> JSONValue {
        let outcomes = hits.map { JSONValue.object($0.outcome) }
        switch aggregate {
        case .list: return .array(outcomes)
        case .count: return JSONValue(hits.count)
        case .sum, .min, .max:
            let name = outputs[0].name
            var figures: [ExactDecimal] = []
            for hit in hits {
                guard let value = hit.outcome[name], case .ordered(let number)? = CellValue(value, .decimal) else {
                    throw Refusal(.invalid, reason: "policy.input", "The output '\(name)' of rule '\(hit.id)' is no decimal.")
                }
                figures.append(number)
            }
            if aggregate == .min { return figures.min().map { .string($0.description) } ?? .null }
            if aggregate == .max { return figures.max().map { .string($0.description) } ?? .null }
            var total = ExactDecimal.zero
            for figure in figures { total = try total.adding(figure) }
            return .string(total.description)
        }
    }
}
