import Kernel

/// Walks a plan. One value per evaluation; nothing outlives it.
struct Evaluator {
    private let roots: [CELValue?]
    private var locals: [CELValue]
    private let costMax: UInt64
    private(set) var cost: UInt64 = 0
    private let zones: ZoneSource?

    init(roots: [CELValue?], slots: Int, costMax: UInt64, zones: ZoneSource?) {
        self.roots = roots
        self.costMax = costMax
        self.zones = zones
        locals = Array(repeating: .null, count: slots)
    }

    private mutating func charge(_ units: UInt64, at offset: Int) throws(ExpressionFailure) {
        cost += units
        guard cost <= costMax else {
            throw ExpressionFailure(.cost, "The expression costs more than \(costMax) units.", at: offset)
        }
    }

    private func failure(_ message: String, at offset: Int) -> ExpressionFailure {
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
        case .has(let operand, let field, let at):
            try charge(1, at: at)
            guard case .map(let map) = try evaluate(operand) else { throw failure("has() asks a map for a field", at: at) }
            return .bool(map[member: field] != nil)
        case .index(let operand, let key, let at): return try index(try evaluate(operand), try evaluate(key), at)
        case .list(let items, let at):
            try charge(10, at: at)
            var out: [CELValue] = []
            out.reserveCapacity(items.count)
            for item in items { out.append(try evaluate(item)) }
            return .list(out)
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
        case .call(let body, let operands, let at): return try call(body, operands, at)
        case .fold(let fold): return try self.fold(fold)
        case .bind(let slot, let value, let body):
            locals[slot] = try evaluate(value)
            return try evaluate(body)
        case .failure(let failure): throw failure
        }
    }

    private func located<Value>(_ at: Int, _ body: () throws(NoValue) -> Value) throws(ExpressionFailure) -> Value {
        do throws(NoValue) { return try body() } catch { throw failure(error.message, at: at) }
    }

    private mutating func select(_ operand: CELValue, _ field: String, _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(1, at: at)
        guard case .map(let map) = operand else {
            throw failure("a value of type \(operand.typeName) has no field '\(field)'", at: at)
        }
        guard let value = map[member: field] else { throw failure("no such key: '\(field)'", at: at) }
        return value
    }

    private mutating func index(_ operand: CELValue, _ key: CELValue, _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(1, at: at)
        switch operand {
        case .map(let map):
            guard let value = map[key] else { throw failure("no such key", at: at) }
            return value
        case .list(let list):
            let position: Int?
            switch key {
            case .int(let number): position = Int(exactly: number)
            case .uint(let number): position = Int(exactly: number)
            case .double(let number): position = Int(exactly: number)
            default: position = nil
            }
            guard let position, list.indices.contains(position) else {
                throw failure("invalid index into a list of \(list.count)", at: at)
            }
            return list[position]
        default: throw failure("no such overload: \(operand.typeName)[\(key.typeName)]", at: at)
        }
    }

    private mutating func makeMap(_ entries: [(key: Plan, value: Plan)], _ at: Int) throws(ExpressionFailure) -> CELValue {
        try charge(30, at: at)
        var out: [(key: CELValue, value: CELValue)] = []
        out.reserveCapacity(entries.count)
        for entry in entries { out.append((key: try evaluate(entry.key), value: try evaluate(entry.value))) }
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

    private mutating func call(_ body: FunctionBody, _ operands: [Plan], _ at: Int) throws(ExpressionFailure) -> CELValue {
        var arguments: [CELValue] = []
        arguments.reserveCapacity(operands.count)
        for operand in operands { arguments.append(try evaluate(operand)) }
        var context = CallContext(zones: zones)
        try charge(1, at: at)
        let value = try located(at) { () throws(NoValue) in try body(arguments, &context) }
        try charge(context.cost, at: at)
        return value
    }

    private func turns(
        of range: CELValue, isPaired: Bool, _ at: Int
    ) throws(ExpressionFailure) -> [(first: CELValue, second: CELValue)] {
        switch range {
        case .list(let list):
            guard isPaired else { return list.map { (first: $0, second: .null) } }
            return list.enumerated().map { (first: .int(Int64($0.offset)), second: $0.element) }
        case .map(let map): return map.items.map { (first: $0.key, second: $0.value) }
        default: throw failure("no such overload: a loop over \(range.typeName)", at: at)
        }
    }

    private mutating func fold(_ fold: PlannedFold) throws(ExpressionFailure) -> CELValue {
        let turns = try turns(of: try evaluate(fold.range), isPaired: fold.secondSlot != nil, fold.offset)
        switch fold.shape {
        case .all: return try quantify(fold, turns, decisive: false)
        case .exists: return try quantify(fold, turns, decisive: true)
        case .existsOne:
            var count = 0
            for turn in turns where try holds(fold, turn) { count += 1 }
            return .bool(count == 1)
        case .list:
            var out: [CELValue] = []
            for turn in turns where try holds(fold, turn) {
                guard let result = fold.result else {
                    out.append(turn.first)
                    continue
                }
                out.append(try evaluate(result))
            }
            return .list(out)
        case .map, .mapEntries: return try makeMap(fold, turns)
        }
    }

    private mutating func makeMap(
        _ fold: PlannedFold, _ turns: [(first: CELValue, second: CELValue)]
    ) throws(ExpressionFailure) -> CELValue {
        var out: [(key: CELValue, value: CELValue)] = []
        for turn in turns where try holds(fold, turn) {
            guard let result = fold.result else { continue }
            let value = try evaluate(result)
            if fold.shape == .map {
                out.append((key: turn.first, value: value))
                continue
            }
            guard case .map(let entries) = value else {
                throw failure("transformMapEntry needs a map as its result, not \(value.typeName)", at: fold.offset)
            }
            out.append(contentsOf: entries.items)
        }
        guard let map = CELMap(out) else { throw failure("a map key of an unsupported type, or made twice", at: fold.offset) }
        return .map(map)
    }

    /// Sets the loop variables and answers the condition; true without one.
    private mutating func holds(
        _ fold: PlannedFold, _ turn: (first: CELValue, second: CELValue)
    ) throws(ExpressionFailure) -> Bool {
        try charge(1, at: fold.offset)
        locals[fold.firstSlot] = turn.first
        if let second = fold.secondSlot { locals[second] = turn.second }
        guard let condition = fold.condition else { return true }
        guard case .bool(let flag) = try evaluate(condition) else {
            throw failure("no such overload: a condition has to be a bool", at: fold.offset)
        }
        return flag
    }

    private mutating func quantify(
        _ fold: PlannedFold, _ turns: [(first: CELValue, second: CELValue)], decisive: Bool
    ) throws(ExpressionFailure) -> CELValue {
        var first: ExpressionFailure?
        for turn in turns {
            do throws(ExpressionFailure) {
                if try holds(fold, turn) == decisive { return .bool(decisive) }
            } catch {
                guard error.kind != .cost else { throw error }
                first = first ?? error
            }
        }
        if let first { throw first }
        return .bool(!decisive)
    }
}
