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

        /// Whether a decision is one outcome and not a list of them.
        var isSingle: Bool {
            switch self {
            case .unique, .any, .priority, .first: true
            case .collect, .ruleOrder, .outputOrder: false
            }
        }

        /// The letters that DMN prints in the corner of a table, with what they make of the outcomes.
        static let letters: [String: (policy: HitPolicy, aggregate: Aggregate)] = [
            "U": (.unique, .list), "A": (.any, .list), "P": (.priority, .list), "F": (.first, .list), "R": (.ruleOrder, .list),
            "O": (.outputOrder, .list), "C": (.collect, .list), "C+": (.collect, .sum), "C<": (.collect, .min),
            "C>": (.collect, .max), "C#": (.collect, .count),
        ]
    }

    package enum Aggregate: String, Sendable, CaseIterable { case list, sum, min, max, count }

    struct Input: Sendable {
        let name: String
        let type: ColumnType
        let source: Source
        /// All words a string column can hold; nil when it is open.
        let values: [String]?
        /// A receipt keeps the fingerprint of the value instead of the value.
        let isPersonal: Bool
    }

    /// What a column reads.
    enum Source: Sendable {
        /// CEL over `input`.
        case expression(CompiledExpression)
        /// FEEL over the members that `given` names, and the terms.
        case feel(FEELExpression, text: String)

        var text: String {
            switch self {
            case .expression(let expression): expression.source
            case .feel(_, let text): text
            }
        }
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
    let names: FEELNames
    let inputs: [Input]
    let outputs: [Output]
    let rules: [Rule]
    /// The outcome when no rule applies.
    let otherwise: JSONObject?
    let monotone: [Monotone]

    /// Evaluates the inputs and applies the hit policy.
    func decide(_ input: JSONValue) throws(Refusal) -> PolicyAnswer {
        var used: JSONObject = [:]
        var scope: FEELContext?
        for column in inputs { used[column.name] = try evaluate(column, input, &scope) }
        return try decide(used: used)
    }

    /// Applies the rules to the values of the columns, by name.
    func decide(used: JSONObject) throws(Refusal) -> PolicyAnswer {
        var values: [CellValue] = []
        for column in inputs {
            let value = used[column.name] ?? .null
            guard let cell = CellValue(value, column.type) else {
                throw Refusal(
                    .invalid, reason: "policy.input",
                    "The input '\(column.name)' gave \(column.isPersonal ? "a value" : value.text), "
                        + "which is no \(column.type.rawValue).")
            }
            if case .word(let word) = cell, let known = column.values, !known.contains(where: { sameBytes($0, word) }) {
                throw Refusal(
                    .invalid, reason: "policy.input",
                    "The input '\(column.name)' knows no '\(column.isPersonal ? "such value" : word)'.")
            }
            values.append(cell)
        }
        let hits = rules.filter { rule in zip(rule.cells, values).allSatisfy { $0.takes($1) } }
        var answer = try answer(hits, used: .object(used))
        answer.personal = inputs.filter(\.isPersonal).map(\.name)
        return answer
    }

    /// The value of one column. `scope` is made once for all columns in FEEL.
    func evaluate(_ column: Input, _ input: JSONValue, _ scope: inout FEELContext?) throws(Refusal) -> JSONValue {
        switch column.source {
        case .expression(let expression):
            do throws(ExpressionFailure) {
                return try expression.json(["input": input])
            } catch {
                throw Refusal(
                    .invalid, reason: "policy.input", "The input '\(column.name)' has no value: \(error.message).")
            }
        case .feel(let expression, _):
            let known: FEELContext
            if let scope { known = scope } else { known = try names.scope(input) }
            scope = known
            return try names.value(expression, known).json
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
    func ranked(_ hits: [Rule]) -> [Rule] {
        return hits.enumerated().sorted { left, right in
            let (first, second) = (ranks(of: left.element), ranks(of: right.element))
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
