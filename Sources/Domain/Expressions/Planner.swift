import Kernel

/// Resolves the names of a tree in a scope.
struct Planner {
    private let scope: ExpressionScope
    private var locals: [String] = []
    private(set) var slotsUsed = 0
    /// Names, functions and arities that do not exist; the caller decides whether that forbids the expression.
    private(set) var failures: [ExpressionFailure] = []

    init(scope: ExpressionScope) { self.scope = scope }

    mutating func plan(_ syntax: Syntax) -> Plan {
        let at = syntax.offset
        switch syntax.kind {
        case .literal(let value): return .constant(value)
        case .identifier, .select: return path(syntax)
        case .optionalSelect(let operand, let field): return .optionalSelect(plan(operand), field, at)
        case .has(let operand, let field): return .has(plan(operand), field, at)
        case .list(let items): return .list(items.map { PlannedItem(value: plan($0.value), isOptional: $0.isOptional) }, at)
        case .map(let entries):
            return .map(
                entries.map { PlannedEntry(key: plan($0.key), value: plan($0.value), isOptional: $0.isOptional) }, at)
        case .conditional(let test, let yes, let no): return .conditional(plan(test), plan(yes), plan(no), at)
        case .and(let operands): return .and(operands.map { plan($0) }, at)
        case .or(let operands): return .or(operands.map { plan($0) }, at)
        case .call(let name, let target, let arguments): return call(name, target, arguments, at)
        case .fold(let fold): return plan(fold, at)
        case .bind(let name, let value, let body):
            let bound = plan(value)
            let slot = open(name)
            let inner = plan(body)
            locals.removeLast()
            return .bind(slot, bound, inner)
        case .optionalMap(let map):
            let target = plan(map.target)
            let slot = open(map.name)
            let body = plan(map.body)
            locals.removeLast()
            return .optionalMap(slot, target, body, isFlat: map.isFlat, at)
        }
    }

    private mutating func open(_ name: String) -> Int {
        locals.append(name)
        slotsUsed = max(slotsUsed, locals.count)
        return locals.count - 1
    }

    private mutating func fail(_ message: String, at offset: Int) -> Plan {
        let failure = ExpressionFailure(.binding, message, at: offset)
        failures.append(failure)
        return .failure(failure)
    }

    private mutating func plan(_ fold: Syntax.Fold, _ at: Int) -> Plan {
        let range = plan(fold.range)
        let first = open(fold.first)
        let second = fold.second.map { open($0) }
        let condition = fold.condition.map { plan($0) }
        let result = fold.result.map { plan($0) }
        locals.removeLast(second == nil ? 1 : 2)
        return .fold(
            PlannedFold(
                shape: fold.shape, range: range, firstSlot: first, secondSlot: second, condition: condition, result: result,
                offset: at))
    }

    private mutating func path(_ syntax: Syntax) -> Plan {
        guard let parts = syntax.path else {
            guard case .select(let operand, let field) = syntax.kind else {
                return fail("An expression without a meaning.", at: syntax.offset)
            }
            return .select(plan(operand), field, syntax.offset)
        }
        if !parts.isAbsolute, let slot = locals.lastIndex(of: parts.names[0]) {
            return select(parts.names.dropFirst(), from: .local(slot), syntax)
        }
        for length in stride(from: parts.names.count, to: 0, by: -1) {
            let name = parts.names[..<length].joined(separator: ".")
            for candidate in scope.candidates(name, isAbsolute: parts.isAbsolute) {
                if let slot = scope.slots[candidate] {
                    return select(parts.names.dropFirst(length), from: .root(slot, candidate, syntax.offset), syntax)
                }
                if CELType.ofTypeName[candidate] != nil {
                    return select(parts.names.dropFirst(length), from: .constant(.type(candidate)), syntax)
                }
            }
        }
        return fail("There is no '\(parts.names.joined(separator: "."))' here. \(scope.offer)", at: syntax.start)
    }

    private func select(_ fields: ArraySlice<String>, from root: Plan, _ syntax: Syntax) -> Plan {
        fields.reduce(root) { .select($0, $1, syntax.offset) }
    }

    private mutating func call(_ name: String, _ target: Syntax?, _ arguments: [Syntax], _ at: Int) -> Plan {
        if target == nil, let builtIn = operation(name, arguments, at) { return builtIn }
        if let target, name == "or" || name == "orValue", arguments.count == 1 {
            return .optionalOr(plan(target), plan(arguments[0]), givesValue: name == "orValue", at)
        }
        if let qualified = scope.function(name, on: target, hiding: locals) { return function(qualified, nil, arguments, at) }
        if target == nil, let known = scope.function(name, isAbsolute: false) { return function(known, nil, arguments, at) }
        return function(name, target, arguments, at)
    }

    private mutating func function(_ name: String, _ target: Syntax?, _ arguments: [Syntax], _ at: Int) -> Plan {
        let operands = (target.map { [$0] } ?? []) + arguments
        let plans = operands.map { plan($0) }
        if scope.functions.contains(where: { sameBytes($0.name, name) }) {
            return .failure(ExpressionFailure(.evaluation, "The function '\(name)' is declared and has no body.", at: at))
        }
        switch FunctionTable.standard.find(name, isMember: target != nil, argumentCount: arguments.count) {
        case .found(let body): return .call(PlannedCall(name: name, body: body), plans, at)
        case .unknown:
            let near = nearestName(to: name, among: FunctionTable.standard.names)
            return fail("There is no function '\(name)'.\(near.map { " Did you mean '\($0)'?" } ?? "")", at: at)
        case .wrongArity(let wanted):
            return fail("'\(name)' takes \(wanted) \(wanted == "1" ? "argument" : "arguments"), not \(arguments.count).", at: at)
        }
    }

    private mutating func operation(_ name: String, _ operands: [Syntax], _ at: Int) -> Plan? {
        switch (name, operands.count) {
        case ("!", 1): return .not(plan(operands[0]), at)
        case ("-", 1): return .negate(plan(operands[0]), at)
        case ("==", 2), ("!=", 2): return .equal(plan(operands[0]), plan(operands[1]), isNegated: name == "!=", at)
        case ("in", 2): return .member(plan(operands[0]), plan(operands[1]), at)
        case ("[?]", 2): return .optionalIndex(plan(operands[0]), plan(operands[1]), at)
        case ("[]", 2): return .index(plan(operands[0]), plan(operands[1]), at)
        case (_, 2):
            if let comparison = Comparison(rawValue: name) {
                return .compare(plan(operands[0]), plan(operands[1]), comparison, at)
            }
            if let arithmetic = Arithmetic(rawValue: name) {
                return .arithmetic(plan(operands[0]), plan(operands[1]), arithmetic, at)
            }
            return nil
        default: return nil
        }
    }
}
