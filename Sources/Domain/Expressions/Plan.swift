/// The tree with every name resolved: variables are slots, functions are bodies, a name that does not exist is a failure.
indirect enum Plan: Sendable {
    case constant(CELValue)
    /// A variable given by the caller, by its place in the scope.
    case root(Int, String, Int)
    /// A loop or bound variable.
    case local(Int)
    case select(Plan, String, Int)
    case has(Plan, String, Int)
    case index(Plan, Plan, Int)
    case list([Plan], Int)
    case map([(key: Plan, value: Plan)], Int)
    case conditional(Plan, Plan, Plan, Int)
    case and([Plan], Int)
    case or([Plan], Int)
    case not(Plan, Int)
    case negate(Plan, Int)
    case equal(Plan, Plan, isNegated: Bool, Int)
    case compare(Plan, Plan, Comparison, Int)
    case arithmetic(Plan, Plan, Arithmetic, Int)
    case member(Plan, Plan, Int)
    case call(FunctionBody, [Plan], Int)
    case fold(PlannedFold)
    case bind(Int, Plan, Plan)
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

    /// String traversal costs a tenth of a unit per character.
    mutating func traverse(_ bytes: Int) { cost += UInt64(bytes) / 10 + 1 }
}
