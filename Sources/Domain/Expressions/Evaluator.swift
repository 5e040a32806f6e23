import Kernel

/// Walks a plan. One value per evaluation; nothing outlives it.
struct Evaluator {
    private let roots: [CELValue?]
    var locals: [CELValue]
    private let costMax: UInt64
    private(set) var cost: UInt64 = 0
    private let zones: ZoneSource?

    init(roots: [CELValue?], slots: Int, costMax: UInt64, zones: ZoneSource?) {
        self.roots = roots
        self.costMax = costMax
        self.zones = zones
        locals = Array(repeating: .null, count: slots)
    }

    mutating func charge(_ units: UInt64, at offset: Int) throws(ExpressionFailure) {
        cost = ExpressionCost.sum(cost, units)
        guard cost <= costMax else {
            throw ExpressionFailure(.cost, "The expression costs more than \(costMax) units.", at: offset)
        }
    }

    func failure(_ message: String, at offset: Int) -> ExpressionFailure {
        ExpressionFailure(.evaluation, message, at: offset)
    }

    mutating func evaluate(_ plan: Plan) throws(ExpressionFailure) -> CELValue {
        switch plan {
        case .constant(let value): return value
        case .root(let slot, let name, let at):
            try charge(1, at: at)
            guard let value = roots[slot] else { throw failure("'\(name)' has no value", at: at) }
            return value
        case .local(let slot):
            try charge(1, at: 0)
            return locals[slot]
        case .select(let operand, let field, let at): return try select(try evaluate(operand), field, at)
        case .path(let path): return try self.path(path)
        case .optionalSelect(let operand, let field, let at):
            let value = try evaluate(operand)
            if case .optional = value { return try select(value, field, at) }
            return try select(.optional(value), field, at)
        case .has(let operand, let field, let at): return try has(try evaluate(operand), field, at)
        case .index(let operand, let key, let at): return try index(try evaluate(operand), try evaluate(key), at)
        case .optionalIndex(let operand, let key, let at):
            let value = try evaluate(operand)
            if case .optional = value { return try index(value, try evaluate(key), at) }
            return try index(.optional(value), try evaluate(key), at)
        case .list(let items, let at): return try makeList(items, at)
        case .map(let entries, let at): return try makeMap(entries, at)
        case .conditional(let test, let yes, let no, let at):
            guard case .bool(let answer) = try evaluate(test) else {
                throw failure("no such overload: a condition has to be a bool", at: at)
            }
            return try evaluate(answer ? yes : no)
        case .and(let operands, let at): return try junction(operands, decisive: false, at)
        case .or(let operands, let at): return try junction(operands, decisive: true, at)
        case .not(let operand, let at):
            try charge(1, at: at)
            guard case .bool(let flag) = try evaluate(operand) else { throw failure("no such overload: !", at: at) }
            return .bool(!flag)
        case .negate(let operand, let at):
            try charge(1, at: at)
            let value = try evaluate(operand)
            return try located(at) { () throws(NoValue) in try Operators.negate(value) }
        case .equal(let left, let right, let isNegated, let at):
            let first = try evaluate(left)
            let second = try evaluate(right)
            var spent: UInt64 = 0
            let isEqual = try located(at) { () throws(NoValue) in try first.isEqual(to: second, &spent) }
            try charge(spent, at: at)
            return .bool(isEqual != isNegated)
        case .compare(let left, let right, let comparison, let at):
            return try compare(try evaluate(left), try evaluate(right), comparison, at)
        case .arithmetic(let left, let right, let operation, let at):
            let first = try evaluate(left)
            let second = try evaluate(right)
            var spent: UInt64 = 1
            let value = try located(at) { () throws(NoValue) in try Operators.apply(operation, first, second, &spent) }
            try charge(spent, at: at)
            return value
        case .member(let item, let range, let at): return try contains(try evaluate(range), try evaluate(item), at)
        case .call(let called, let operands, let at): return try call(called.body, operands, at)
        case .matches(let operand, let pattern, let at): return try matches(try evaluate(operand), pattern, at)
        case .fold(let fold): return try self.fold(fold)
        case .bind(let slot, let value, let body):
            locals[slot] = try evaluate(value)
            return try evaluate(body)
        case .optionalMap(let slot, let target, let body, let isFlat, let at):
            return try optionalMap(try evaluate(target), slot, body, isFlat: isFlat, at)
        case .optionalOr(let operand, let other, let givesValue, let at):
            return try optionalOr(try evaluate(operand), other, givesValue: givesValue, at)
        case .failure(let failure): throw failure
        }
    }

    private mutating func optionalMap(
        _ target: CELValue, _ slot: Int, _ body: Plan, isFlat: Bool, _ at: Int
    ) throws(ExpressionFailure) -> CELValue {
        guard case .optional(let found) = target else {
            throw failure("no such overload: optMap() is asked of an optional", at: at)
        }
        guard let found else { return .optional(nil) }
        locals[slot] = found
        let value = try evaluate(body)
        guard isFlat else { return .optional(value) }
        guard case .optional = value else { throw failure("optFlatMap() needs an optional as its result", at: at) }
        return value
    }

    private mutating func optionalOr(
        _ operand: CELValue, _ other: Plan, givesValue: Bool, _ at: Int
    ) throws(ExpressionFailure) -> CELValue {
        try charge(ExpressionCost.step, at: at)
        guard case .optional(let found) = operand else {
            throw failure("no such overload: or() and orValue() are asked of an optional", at: at)
        }
        guard let found else { return try evaluate(other) }
        return givesValue ? found : .optional(found)
    }

    private func located<Value>(_ at: Int, _ body: () throws(NoValue) -> Value) throws(ExpressionFailure) -> Value {
        do throws(NoValue) { return try body() } catch { throw failure(error.message, at: at) }
    }

    /// From a JSON object straight to the member, without lifting what lies between.
    private mutating func path(_ path: PlannedPath) throws(ExpressionFailure) -> CELValue {
        try charge(UInt64(path.fields.count) + 1, at: path.offset)
        guard let root = roots[path.slot] else { throw failure("'\(path.name)' has no value", at: path.offset) }
        guard case .map(let map) = root, var object = map.object else {
            var value = root
            for field in path.fields { value = try selected(value, field, path.offset) }
            return value
        }
        let last = path.fields.count - 1
        for position in 0..<last {
            guard let value = object[path.fields[position]] else {
                throw failure("no such key: '\(path.fields[position])'", at: path.offset)
            }
            guard case .object(let inner) = value else {
                var lifted = CELValue(value)
                for field in path.fields[(position + 1)...] { lifted = try selected(lifted, field, path.offset) }
                return lifted
            }
            object = inner
        }
        guard let value = object[path.fields[last]] else {
            throw failure("no such key: '\(path.fields[last])'", at: path.offset)
        }
        return CELValue(value)
    }

    private mutating func select(_ operand: CELValue, _ field: String, _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(1, at: at)
        return try selected(operand, field, at)
    }

    /// A field of a map; of an optional, an optional that is empty when there is no such field.
    private func selected(_ operand: CELValue, _ field: String, _ at: Int) throws(ExpressionFailure) -> CELValue {
        switch operand {
        case .map(let map):
            guard let value = map[member: field] else { throw failure("no such key: '\(field)'", at: at) }
            return value
        case .optional(nil): return operand
        case .optional(.some(.map(let map))): return .optional(map[member: field])
        case .optional(.some(let inner)):
            throw failure("no such key: a value of type \(inner.typeName) has no field '\(field)'", at: at)
        default: throw failure("a value of type \(operand.typeName) has no field '\(field)'", at: at)
        }
    }

    private mutating func has(_ operand: CELValue, _ field: String, _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(1, at: at)
        switch operand {
        case .map(let map), .optional(.some(.map(let map))): return .bool(map[member: field] != nil)
        case .optional(nil): return .bool(false)
        default: throw failure("has() asks a map for a field, not a value of type \(operand.typeName)", at: at)
        }
    }

    private mutating func index(_ operand: CELValue, _ key: CELValue, _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(1, at: at)
        switch operand {
        case .map(let map):
            guard let value = map[key] else { throw failure("no such key", at: at) }
            return value
        case .list(let list):
            guard let position = Evaluator.position(key), list.indices.contains(position) else {
                throw failure("invalid index into a list of \(list.count)", at: at)
            }
            return list[position]
        case .optional(nil): return operand
        case .optional(.some(.map(let map))): return .optional(map[key])
        case .optional(.some(.list(let list))):
            guard let position = Evaluator.position(key) else {
                throw failure("no such overload: list[\(key.typeName)]", at: at)
            }
            return .optional(list.indices.contains(position) ? list[position] : nil)
        default: throw failure("no such overload: \(operand.typeName)[\(key.typeName)]", at: at)
        }
    }

    private static func position(_ key: CELValue) -> Int? {
        switch key {
        case .int(let number): Int(exactly: number)
        case .uint(let number): Int(exactly: number)
        case .double(let number): Int(exactly: number)
        default: nil
        }
    }

    private mutating func makeList(_ items: [PlannedItem], _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(ExpressionCost.list, at: at)
        var out: [CELValue] = []
        out.reserveCapacity(items.count)
        for item in items {
            let value = try evaluate(item.value)
            guard item.isOptional else {
                out.append(value)
                continue
            }
            guard case .optional(let found) = value else {
                throw failure("an item behind '?' has to be an optional, not \(value.typeName)", at: at)
            }
            if let found { out.append(found) }
        }
        return .list(out)
    }

    private mutating func makeMap(_ entries: [PlannedEntry], _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(ExpressionCost.map, at: at)
        var out: [(key: CELValue, value: CELValue)] = []
        out.reserveCapacity(entries.count)
        for entry in entries {
            let key = try evaluate(entry.key)
            let value = try evaluate(entry.value)
            guard entry.isOptional else {
                out.append((key: key, value: value))
                continue
            }
            guard case .optional(let found) = value else {
                throw failure("an entry behind '?' has to be an optional, not \(value.typeName)", at: at)
            }
            if let found { out.append((key: key, value: found)) }
        }
        guard let map = CELMap(out) else { throw failure("a map key of an unsupported type, or written twice", at: at) }
        return .map(map)
    }

    /// `&&` and `||` are commutative over errors: a deciding operand hides the errors of the others.
    private mutating func junction(_ operands: [Plan], decisive: Bool, _ at: Int) throws(ExpressionFailure) -> CELValue {
        var first: ExpressionFailure?
        for operand in operands {
            do throws(ExpressionFailure) {
                guard case .bool(let flag) = try evaluate(operand) else {
                    first = first ?? failure("no such overload: a condition has to be a bool", at: at)
                    continue
                }
                if flag == decisive { return .bool(decisive) }
            } catch {
                guard error.kind != .cost else { throw error }
                first = first ?? error
            }
        }
        if let first { throw first }
        return .bool(!decisive)
    }

    private mutating func compare(
        _ left: CELValue, _ right: CELValue, _ comparison: Comparison, _ at: Int
    ) throws(ExpressionFailure) -> CELValue {
        var spent: UInt64 = 0
        let found = try located(at) { () throws(NoValue) in try left.order(against: right, &spent) }
        try charge(spent, at: at)
        guard let order = found else {
            throw failure("no such overload: \(left.typeName) \(comparison.rawValue) \(right.typeName)", at: at)
        }
        switch comparison {
        case .less: return .bool(order == .before)
        case .lessOrEqual: return .bool(order == .before || order == .same)
        case .greater: return .bool(order == .after)
        case .greaterOrEqual: return .bool(order == .after || order == .same)
        }
    }

    private mutating func contains(_ range: CELValue, _ item: CELValue, _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(1, at: at)
        switch range {
        case .map(let map): return .bool(map[item] != nil)
        case .list(let list):
            for element in list {
                var spent: UInt64 = 0
                let isEqual = try located(at) { () throws(NoValue) in try item.isEqual(to: element, &spent) }
                try charge(spent, at: at)
                if isEqual { return .bool(true) }
            }
            return .bool(false)
        default: throw failure("no such overload: in \(range.typeName)", at: at)
        }
    }

    private mutating func matches(_ operand: CELValue, _ pattern: LinearPattern, _ at: Int) throws(ExpressionFailure) -> CELValue
    {
        guard case .string(let text) = operand else { throw failure("no such overload: matches(\(operand.typeName))", at: at) }
        try charge(1 + pattern.cost(of: text), at: at)
        return .bool(pattern.matches(text))
    }

    private mutating func call(_ body: FunctionBody, _ operands: [Plan], _ at: Int) throws(ExpressionFailure) -> CELValue {
        var arguments: [CELValue] = []
        arguments.reserveCapacity(operands.count)
        for operand in operands { arguments.append(try evaluate(operand)) }
        try charge(ExpressionCost.step, at: at)
        var context = CallContext(zones: zones, budget: costMax - cost)
        let value: CELValue
        do throws(NoValue) { value = try body(arguments, &context) } catch {
            // What was spent counts whether or not there is a value: no operator hides that the limit was reached.
            try charge(context.cost, at: at)
            throw failure(error.message, at: at)
        }
        try charge(context.cost, at: at)
        return value
    }
}
