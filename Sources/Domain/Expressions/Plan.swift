/// The tree with every name resolved: variables are slots, functions are bodies, a name that does not exist is a failure.
indirect enum Plan: Sendable {
    case constant(CELValue)
    /// A variable given by the caller, by its place in the scope.
    case root(Int, String, Int)
    /// A loop or bound variable.
    case local(Int)
    case select(Plan, String, Int)
    /// Fields one after the other from a variable given by the caller, as one step.
    case path(PlannedPath)
    case optionalSelect(Plan, String, Int)
    case has(Plan, String, Int)
    case index(Plan, Plan, Int)
    case optionalIndex(Plan, Plan, Int)
    case list([PlannedItem], Int)
    case map([PlannedEntry], Int)
    case conditional(Plan, Plan, Plan, Int)
    case and([Plan], Int)
    case or([Plan], Int)
    case not(Plan, Int)
    case negate(Plan, Int)
    case equal(Plan, Plan, isNegated: Bool, Int)
    case compare(Plan, Plan, Comparison, Int)
    case arithmetic(Plan, Plan, Arithmetic, Int)
    case member(Plan, Plan, Int)
    case call(PlannedCall, [Plan], Int)
    case fold(PlannedFold)
    /// A function of `matches` whose pattern is known when it is planned.
    case matches(Plan, LinearPattern, Int)
    case bind(Int, Plan, Plan)
    case optionalMap(Int, Plan, Plan, isFlat: Bool, Int)
    /// `x.or(y)`, or `x.orValue(y)`: the second is evaluated only when the first is empty.
    case optionalOr(Plan, Plan, givesValue: Bool, Int)
    case failure(ExpressionFailure)
}

enum Comparison: String, Sendable {
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
}

enum Arithmetic: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case remainder = "%"
}

struct PlannedCall: Sendable {
    let name: String
    let body: FunctionBody
}

struct PlannedPath: Sendable {
    let slot: Int
    let name: String
    let fields: [String]
    let offset: Int
}

struct PlannedItem: Sendable {
    let value: Plan
    let isOptional: Bool
}

struct PlannedEntry: Sendable {
    let key: Plan
    let value: Plan
    let isOptional: Bool
}

struct PlannedFold: Sendable {
    let shape: Syntax.Fold.Shape
    let range: Plan
    let firstSlot: Int
    let secondSlot: Int?
    let condition: Plan?
    let result: Plan?
    let offset: Int
}

/// Why a function gives no value; the evaluator adds the place.
struct NoValue: Error {
    let message: String

    init(_ message: String) { self.message = message }

    static func overload(_ function: String, _ arguments: [CELValue]) -> NoValue {
        NoValue("no such overload: \(function)(\(arguments.map(\.typeName).joined(separator: ", ")))")
    }
}

/// Takes the values of the arguments, the target first.
typealias FunctionBody = @Sendable (_ arguments: [CELValue], _ call: inout CallContext) throws(NoValue) -> CELValue

/// What a function may use besides its arguments.
struct CallContext: Sendable {
    /// Cost of the call, added to the evaluation's when it returns.
    var cost: UInt64 = 0
    let zones: ZoneSource?
    /// What is left to be spent: what costs more is refused before it is done.
    let budget: UInt64

    /// A text is read once.
    mutating func traverse(_ bytes: Int) { cost = ExpressionCost.sum(cost, ExpressionCost.traversing(bytes)) }

    /// A text is read once for every few characters of what is looked for in it.
    mutating func search(_ bytes: Int, for part: Int) throws(NoValue) {
        let turns = max(1, ExpressionCost.traversing(part))
        try spend(ExpressionCost.product(ExpressionCost.traversing(bytes), turns))
    }

    mutating func spend(_ units: UInt64) throws(NoValue) {
        cost = ExpressionCost.sum(cost, units)
        guard cost <= budget else { throw NoValue("the call costs too much") }
    }
}
