package import Kernel

/// An expression ready to be evaluated any number of times.
package struct CompiledExpression: Sendable {
    package let source: String
    /// What it gives, as far as that can be known before it is evaluated.
    package let type: CELType
    /// What an evaluation costs at most by the sizes that the types promise, or that are assumed.
    package let estimate: UInt64
    private let scope: ExpressionScope
    private let plan: Plan
    private let slots: Int

    /// How much is proven before an expression is taken.
    enum Checking { case none, types, everything }

    /// Compiles strictly: what does not exist, types that do not go together, constants that cannot be read, and what may
    /// cost too much are failures.
    package init(
        _ source: String, in scope: ExpressionScope, estimateMax: UInt64 = ExpressionBounds.estimateMaxStandard
    ) throws(ExpressionFailure) {
        try self.init(source, in: scope, checking: .everything)
        guard estimate <= estimateMax else {
            throw ExpressionFailure(
                .cost, "It may cost up to \(estimate) units, and at most \(estimateMax) are granted.", at: 0)
        }
    }

    /// With `none`, what does not exist fails when it is evaluated, as the language defines it for unchecked use.
    init(
        _ source: String, in scope: ExpressionScope, checking: Checking, isOptimised: Bool = true
    ) throws(ExpressionFailure) {
        let tree = try ExpressionParser.parse(source)
        var checked: CELType = .dyn
        if checking != .none {
            var checker = Checker(scope: scope)
            checked = checker.deduce(tree)
            if let first = checker.failures.first { throw first }
        }
        var planner = Planner(scope: scope)
        let plain = planner.plan(tree)
        if checking != .none, let first = planner.failures.first { throw first }
        var optimiser = Optimiser()
        let short = optimiser.shortened(plain)
        if checking == .everything, let first = optimiser.failures.first { throw first }
        self.source = source
        self.scope = scope
        type = checked
        plan = isOptimised ? short : plain
        slots = planner.slotsUsed
        estimate = checking == .everything ? CostEstimator(scope: scope, slots: slots).estimate(plan) : 0
    }

    /// The type of an expression that is only checked.
    static func deducedType(_ source: String, in scope: ExpressionScope) throws(ExpressionFailure) -> CELType {
        var checker = Checker(scope: scope)
        let type = checker.deduce(try ExpressionParser.parse(source))
        if let first = checker.failures.first { throw first }
        return type
    }

    /// Compiles for a publish-time check: what is wrong becomes an issue at `pointer`.
    ///
    /// `wanted` is what the place takes, such as `bool` for a condition; nil when it takes anything.
    package static func compile(
        _ source: String, in scope: ExpressionScope, wanted: CELType? = nil, pointer: String, issues: inout [AssetIssue]
    ) -> CompiledExpression? {
        do throws(ExpressionFailure) {
            let compiled = try CompiledExpression(source, in: scope)
            try expect(wanted, compiled.type)
            return compiled
        } catch {
            issues.append(error.issue(in: source, at: pointer))
            return nil
        }
    }

    /// Checks the types of an expression that is compiled elsewhere; what is wrong becomes an issue at `pointer`.
    package static func check(
        _ source: String, in scope: ExpressionScope, wanted: CELType? = nil, pointer: String, issues: inout [AssetIssue]
    ) -> CELType {
        do throws(ExpressionFailure) {
            let type = try deducedType(source, in: scope)
            try expect(wanted, type)
            return type
        } catch {
            issues.append(error.issue(in: source, at: pointer))
            return .dyn
        }
    }

    /// Whether a value of `type` can stand where `wanted` is asked.
    package static func fits(_ wanted: CELType, _ type: CELType) -> Bool {
        var bindings = TypeBindings()
        return bindings.fits(wanted, type)
    }

    private static func expect(_ wanted: CELType?, _ type: CELType) throws(ExpressionFailure) {
        guard let wanted, !fits(wanted, type) else { return }
        throw ExpressionFailure(.type, "It gives \(type.description), and \(wanted.description) is expected here.", at: 0)
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

    /// Evaluates over values in the order of the scope's names; nil for a name without a value.
    package func value(
        at values: [CELValue?], costMax: UInt64 = ExpressionBounds.costMaxStandard
    ) throws(ExpressionFailure) -> CELValue {
        precondition(values.count == scope.names.count, "values for \(values.count) of \(scope.names.count) names")
        var evaluator = Evaluator(roots: values, slots: slots, costMax: costMax, zones: scope.zones)
        return try evaluator.evaluate(plan)
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
