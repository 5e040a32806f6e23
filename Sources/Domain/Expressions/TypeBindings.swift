/// What the parameters of function types stand for, found while one expression is checked.
///
/// The rules are those of the language's reference checker: a parameter takes the most general of the types that it meets, `dyn`
/// fits everything, and no parameter may stand for a type that contains it.
struct TypeBindings: Sendable {
    private var found: [String: CELType] = [:]
    private var fresh = 0

    mutating func freshParameter() -> CELType {
        fresh += 1
        return .parameter("_\(fresh)")
    }

    /// Replaces the parameters of a declaration by new ones.
    mutating func instantiated(_ types: [CELType]) -> [CELType] {
        var names: [String: CELType] = [:]
        return types.map { instantiated($0, &names) }
    }

    private mutating func instantiated(_ type: CELType, _ names: inout [String: CELType]) -> CELType {
        switch type {
        case .parameter(let name):
            if let known = names[name] { return known }
            let made = freshParameter()
            names[name] = made
            return made
        case .list(let item): return .list(instantiated(item, &names))
        case .map(let key, let value): return .map(instantiated(key, &names), instantiated(value, &names))
        case .type(let inner): return .type(instantiated(inner, &names))
        case .abstract(let name, let parameters): return .abstract(name, parameters.map { instantiated($0, &names) })
        case .function(let parameters, let result):
            return .function(parameters.map { instantiated($0, &names) }, result: instantiated(result, &names))
        default: return type
        }
    }

    /// The type with every known parameter replaced; those that are not known become `dyn` when asked.
    func resolved(_ type: CELType, unknownAsDyn: Bool = false) -> CELType {
        switch type {
        case .parameter(let name):
            if let known = found[name] { return resolved(known, unknownAsDyn: unknownAsDyn) }
            return unknownAsDyn ? .dyn : type
        case .list(let item): return .list(resolved(item, unknownAsDyn: unknownAsDyn))
        case .map(let key, let value):
            return .map(resolved(key, unknownAsDyn: unknownAsDyn), resolved(value, unknownAsDyn: unknownAsDyn))
        case .type(let inner): return .type(resolved(inner, unknownAsDyn: unknownAsDyn))
        case .abstract(let name, let parameters):
            return .abstract(name, parameters.map { resolved($0, unknownAsDyn: unknownAsDyn) })
        case .function(let parameters, let result):
            return .function(
                parameters.map { resolved($0, unknownAsDyn: unknownAsDyn) }, result: resolved(result, unknownAsDyn: unknownAsDyn))
        default: return type
        }
    }

    /// True when a value of `other` can stand where `wanted` is asked; what was learnt about parameters is kept only then.
    mutating func fits(_ wanted: CELType, _ other: CELType) -> Bool { fits([wanted], [other]) }

    mutating func fits(_ wanted: [CELType], _ others: [CELType]) -> Bool {
        guard wanted.count == others.count else { return false }
        var attempt = self
        for (left, right) in zip(wanted, others) {
            guard attempt.assign(left, right) else { return false }
        }
        self = attempt
        return true
    }

    /// One type for two: the more general when one takes the other, else `dyn`.
    mutating func joined(_ left: CELType?, _ right: CELType) -> CELType {
        guard let left else { return right }
        return fits(left, right) ? TypeBindings.general(left, right) : .dyn
    }

    private mutating func assign(_ left: CELType, _ right: CELType) -> Bool {
        if case .parameter(let name) = right {
            let answer = substitute(left, for: name)
            if answer.isValid { return true }
            if answer.isKnown { return false }
        }
        if case .parameter(let name) = left { return substitute(right, for: name).isValid }
        if left.isDynOrError || right.isDynOrError { return true }
        if left == .null { return right.takesNull }
        if right == .null { return left.takesNull }
        switch (left, right) {
        case (.type, .type): return true
        case (.list(let first), .list(let second)): return assign(first, second)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            return assign(key, otherKey) && assign(value, otherValue)
        case (.abstract(let name, let first), .abstract(let otherName, let second)):
            return name == otherName && first.count == second.count && zip(first, second).allSatisfy { assign($0, $1) }
        // An object is a map from text to anything, wherever a map is asked.
        case (.record(let first), .record(let second)): return first == second
        case (.map(let key, let value), .record), (.record, .map(let key, let value)):
            return assign(key, .string) && assign(value, .dyn)
        default: return left == right
        }
    }

    /// Whether `name` can stand for `type`, and whether it stood for something before.
    private mutating func substitute(_ type: CELType, for name: String) -> (isValid: Bool, isKnown: Bool) {
        if type == .parameter(name) { return (true, true) }
        if let known = found[name] {
            if known == type { return (true, true) }
            guard assign(type, known) else { return (false, true) }
            let wider = TypeBindings.general(type, known)
            if !contains(name, in: wider) { found[name] = wider }
            return (true, true)
        }
        guard !contains(name, in: type) else { return (false, false) }
        found[name] = type
        return (true, false)
    }

    private func contains(_ name: String, in type: CELType) -> Bool {
        switch type {
        case .parameter(let other): other == name || (found[other].map { contains(name, in: $0) } ?? false)
        case .list(let item), .type(let item): contains(name, in: item)
        case .map(let key, let value): contains(name, in: key) || contains(name, in: value)
        case .abstract(_, let parameters): parameters.contains { contains(name, in: $0) }
        case .function(let parameters, let result): (parameters + [result]).contains { contains(name, in: $0) }
        default: false
        }
    }

    private static func general(_ left: CELType, _ right: CELType) -> CELType {
        if left == .null, right.takesNull { return right }
        if right == .null, left.takesNull { return left }
        return isAsGeneral(left, right) ? left : right
    }

    private static func isAsGeneral(_ left: CELType, _ right: CELType) -> Bool {
        if left == .dyn { return true }
        if case .parameter = left { return true }
        if right == .dyn { return false }
        if case .parameter = right { return false }
        switch (left, right) {
        case (.list(let first), .list(let second)): return isAsGeneral(first, second)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            return isAsGeneral(key, otherKey) && isAsGeneral(value, otherValue)
        case (.abstract(let name, let first), .abstract(let otherName, let second)):
            return name == otherName && first.count == second.count && zip(first, second).allSatisfy { isAsGeneral($0, $1) }
        case (.type, .type): return true
        case (.map, .record): return true
        default: return left == right
        }
    }
}
