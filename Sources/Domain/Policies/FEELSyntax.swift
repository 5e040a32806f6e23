import Kernel

/// Why and where a FEEL text cannot be read.
struct FEELProblem: Error, Equatable {
    /// Unicode scalars before the fault.
    let offset: Int
    let message: String
}

/// An expression of FEEL as read.
indirect enum FEELExpression: Sendable {
    enum Operator: String, Sendable {
        case add = "+", subtract = "-", multiply = "*", divide = "/", power = "**"
        case equal = "=", unequal = "!=", less = "<", lessOrEqual = "<=", greater = ">", greaterOrEqual = ">="
        case and, or
    }

    case literal(FEELValue)
    case name(String)
    /// `?`, the value that a unary test is about.
    case subject
    case negated(FEELExpression)
    case binary(Operator, FEELExpression, FEELExpression)
    case between(FEELExpression, low: FEELExpression, high: FEELExpression)
    case isIn(FEELExpression, [FEELTest])
    case choice(FEELExpression, then: FEELExpression, otherwise: FEELExpression)
    case path(FEELExpression, String)
    case filter(FEELExpression, FEELExpression)
    case call(String, [FEELExpression], names: [String]?)
    case list([FEELExpression])
    case context([(name: String, value: FEELExpression)])
    case range(low: FEELExpression, high: FEELExpression, isLowClosed: Bool, isHighClosed: Bool)
    /// `for x in xs return …`, `some x in xs satisfies …`, `every x in xs satisfies …`.
    case loop(Loop, [(name: String, source: FEELExpression)], FEELExpression)

    enum Loop: String, Sendable { case `for`, some, every }

    /// Whether `?` occurs in it, so that as a cell it is a condition and not a value.
    var mentionsSubject: Bool {
        switch self {
        case .subject: true
        case .literal, .name: false
        case .negated(let inner), .path(let inner, _): inner.mentionsSubject
        case .binary(_, let left, let right), .filter(let left, let right): left.mentionsSubject || right.mentionsSubject
        case .between(let value, let low, let high): [value, low, high].contains(where: \.mentionsSubject)
        case .isIn(let value, _): value.mentionsSubject
        case .choice(let test, let then, let otherwise): [test, then, otherwise].contains(where: \.mentionsSubject)
        case .call(_, let arguments, _), .list(let arguments): arguments.contains(where: \.mentionsSubject)
        case .context(let entries): entries.contains { $0.value.mentionsSubject }
        case .range(let low, let high, _, _): low.mentionsSubject || high.mentionsSubject
        case .loop(_, let sources, let body): sources.contains { $0.source.mentionsSubject } || body.mentionsSubject
        }
    }
}

/// One test of a cell.
struct FEELTest: Sendable {
    enum Form: Sendable {
        case compare(FEELExpression.Operator, FEELExpression)
        case value(FEELExpression)
    }

    let form: Form
}

/// A whole cell: `-`, a list of tests, or `not(…)` around one.
struct FEELUnaryTests: Sendable {
    /// Empty for `-`.
    let tests: [FEELTest]
    let isNegated: Bool
}
