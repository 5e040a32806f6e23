package import Kernel

/// The names an expression may use, in the order in which their values are given.
package struct ExpressionScope: Sendable {
    package let names: [String]
    let slots: [String: Int]
    /// Namespace in which names are looked up first; empty for none.
    package let container: String
    let zones: ZoneSource?

    package init(_ names: [String], container: String = "", zones: ZoneSource? = nil) {
        self.names = names
        self.container = container
        self.zones = zones
        var slots: [String: Int] = [:]
        for (slot, name) in names.enumerated() { slots[name] = slot }
        self.slots = slots
    }

    var offer: String {
        names.isEmpty ? "No names are known here." : "Known are: \(names.joined(separator: ", "))."
    }
}

/// An expression ready to be evaluated any number of times.
package struct CompiledExpression: Sendable {
    package let source: String
    private let scope: ExpressionScope
    private let plan: Plan
    private let slots: Int

    /// Compiles strictly: a name, function or arity that does not exist is a failure.
    package init(_ source: String, in scope: ExpressionScope) throws(ExpressionFailure) {
        let lenient = try CompiledExpression.lenient(source, in: scope)
        if let first = lenient.failures.first { throw first }
        self = lenient.expression
    }

    /// Compiles what can be parsed; what does not exist fails when it is evaluated, as the language defines it for unchecked use.
    init(unchecked source: String, in scope: ExpressionScope) throws(ExpressionFailure) {
        self = try CompiledExpression.lenient(source, in: scope).expression
    }

    private struct Lenient {
        let expression: CompiledExpression
        let failures: [ExpressionFailure]
    }

    private init(source: String, scope: ExpressionScope, plan: Plan, slots: Int) {
        self.source = source
        self.scope = scope
        self.plan = plan
        self.slots = slots
    }

    private static func lenient(_ source: String, in scope: ExpressionScope) throws(ExpressionFailure) -> Lenient {
        let tree = try ExpressionParser.parse(source)
        var planner = Planner(scope: scope)
        let plan = planner.plan(tree)
        let made = CompiledExpression(source: source, scope: scope, plan: plan, slots: planner.slotsUsed)
        return Lenient(expression: made, failures: planner.failures)
    }

    /// Compiles for a publish-time check: what is wrong becomes an issue at `pointer`.
    package static func compile(
        _ source: String, in scope: ExpressionScope, pointer: String, issues: inout [AssetIssue]
    ) -> CompiledExpression? {
        do throws(ExpressionFailure) {
            return try CompiledExpression(source, in: scope)
        } catch {
            issues.append(
                AssetIssue(
                    pointer, "The expression is wrong at character \(error.offset + 1): \(error.message)", remedy: remedy(error)))
            return nil
        }
    }

    private static func remedy(_ failure: ExpressionFailure) -> String {
        switch failure.kind {
        case .syntax: "Write it in CEL, for example: context.total > decimal(\"100.00\")."
        case .binding: "Use one of the names and functions that exist here."
        case .evaluation, .cost: "Simplify the expression."
        }
    }

    /// Evaluates with values by name; a name of the scope without a value fails when it is read.
    package func value(
        _ bindings: [String: CELValue], costMax: UInt64 = ExpressionBounds.costMaxStandard
    ) throws(ExpressionFailure) -> CELValue {
        var evaluator = Evaluator(roots: scope.names.map { bindings[$0] }, slots: slots, costMax: costMax, zones: scope.zones)
        return try evaluator.evaluate(plan)
    }

    /// Evaluates over values in the order of the scope's names, and says what it cost.
    package func measured(
        _ values: [CELValue?], costMax: UInt64 = ExpressionBounds.costMaxStandard
    ) throws(ExpressionFailure) -> (value: CELValue, cost: UInt64) {
        precondition(values.count == scope.names.count, "values for \(values.count) of \(scope.names.count) names")
        var evaluator = Evaluator(roots: values, slots: slots, costMax: costMax, zones: scope.zones)
        let value = try evaluator.evaluate(plan)
        return (value, evaluator.cost)
    }

    /// JSON in, JSON out.
    package func json(_ bindings: [String: JSONValue]) throws(ExpressionFailure) -> JSONValue {
        try value(bindings.mapValues { CELValue($0) }).json()
    }

    /// A condition; anything but a bool is a failure.
    package func holds(_ bindings: [String: JSONValue]) throws(ExpressionFailure) -> Bool {
        let answer = try value(bindings.mapValues { CELValue($0) })
        guard case .bool(let flag) = answer else {
            throw ExpressionFailure(.evaluation, "A condition has to give true or false, not \(answer.typeName).", at: 0)
        }
        return flag
    }
}
