import Kernel

extension CELValue {
    /// CEL's equality: numbers by value across types, everything else by type and content. NaN equals nothing.
    ///
    /// A double never equals or differs from a decimal: the comparison is an error.
    func isEqual(to other: CELValue, _ cost: inout UInt64) throws(NoValue) -> Bool {
        cost += 1
        switch (self, other) {
        case (.null, .null): return true
        case (.bool(let left), .bool(let right)): return left == right
        case (.string(let left), .string(let right)):
            cost += UInt64(min(left.utf8.count, right.utf8.count)) / 10
            return left.utf8.count == right.utf8.count && sameBytes(left, right)
        case (.bytes(let left), .bytes(let right)):
            cost += UInt64(min(left.count, right.count)) / 10
            return left == right
        case (.type(let left), .type(let right)): return left == right
        case (.timestamp(let left), .timestamp(let right)): return left == right
        case (.duration(let left), .duration(let right)): return left == right
        case (.money(let left), .money(let right)): return left == right
        case (.list(let left), .list(let right)): return try CELValue.areEqual(left, right, &cost)
        case (.map(let left), .map(let right)): return try CELValue.areEqual(left, right, &cost)
        case (.optional(let left), .optional(let right)):
            guard let left, let right else { return left == nil && right == nil }
            return try left.isEqual(to: right, &cost)
        case (.int, _), (.uint, _), (.double, _), (.decimal, _):
            guard let order = try numericOrder(against: other) else { return false }
            return order == .same
        default: return false
        }
    }

    private static func areEqual(_ left: CELList, _ right: CELList, _ cost: inout UInt64) throws(NoValue) -> Bool {
        guard left.count == right.count else { return false }
        for position in left.indices {
            guard try left[position].isEqual(to: right[position], &cost) else { return false }
        }
        return true
    }

    private static func areEqual(_ left: CELMap, _ right: CELMap, _ cost: inout UInt64) throws(NoValue) -> Bool {
        guard left.count == right.count else { return false }
        for item in left.items {
            guard let value = right[item.key], try item.value.isEqual(to: value, &cost) else { return false }
        }
        return true
    }

    enum Order: Sendable { case before, same, after, unordered }

    /// Nil when the types have no order between them.
    func order(against other: CELValue, _ cost: inout UInt64) throws(NoValue) -> Order? {
        cost += 1
        switch (self, other) {
        case (.bool(let left), .bool(let right)): return left == right ? .same : (right ? .before : .after)
        case (.string(let left), .string(let right)):
            cost += UInt64(min(left.utf8.count, right.utf8.count)) / 10
            if sameBytes(left, right) { return .same }
            return left.utf8.lexicographicallyPrecedes(right.utf8) ? .before : .after
        case (.bytes(let left), .bytes(let right)):
            cost += UInt64(min(left.count, right.count)) / 10
            return left == right ? .same : (left.lexicographicallyPrecedes(right) ? .before : .after)
        case (.timestamp(let left), .timestamp(let right)): return CELValue.order(left, right)
        case (.duration(let left), .duration(let right)): return CELValue.order(left, right)
        case (.money(let left), .money(let right)):
            guard left.currency == right.currency else {
                throw NoValue("an amount in \(left.currency) cannot be compared with one in \(right.currency)")
            }
            return CELValue.order(left.minorUnits, right.minorUnits)
        case (.int, _), (.uint, _), (.double, _), (.decimal, _): return try numericOrder(against: other)
        default: return nil
        }
    }

    private static func order<Value: Comparable>(_ left: Value, _ right: Value) -> Order {
        left == right ? .same : (left < right ? .before : .after)
    }

    /// Exact order of two numbers of any types; nil when `other` is no number.
    private func numericOrder(against other: CELValue) throws(NoValue) -> Order? {
        switch (self, other) {
        case (.int(let left), .int(let right)): return CELValue.order(left, right)
        case (.uint(let left), .uint(let right)): return CELValue.order(left, right)
        case (.int(let left), .uint(let right)): return left < 0 ? .before : CELValue.order(UInt64(left), right)
        case (.uint(let left), .int(let right)): return right < 0 ? .after : CELValue.order(left, UInt64(right))
        case (.double(let left), .double(let right)):
            return left.isNaN || right.isNaN ? .unordered : CELValue.order(left, right)
        case (.double(let left), .int(let right)): return CELValue.order(left, whole: Double(right))
        case (.double(let left), .uint(let right)): return CELValue.order(left, whole: Double(right))
        case (.int(let left), .double(let right)): return CELValue.order(right, whole: Double(left)).reversed
        case (.uint(let left), .double(let right)): return CELValue.order(right, whole: Double(left)).reversed
        case (.decimal(let left), .decimal(let right)): return CELValue.order(left, right)
        case (.decimal(let left), .int(let right)): return CELValue.order(left, ExactDecimal(right))
        case (.int(let left), .decimal(let right)): return CELValue.order(ExactDecimal(left), right)
        case (.decimal(let left), .uint(let right)): return CELValue.order(left, ExactDecimal(mantissa: Int128(right), scale: 0))
        case (.uint(let left), .decimal(let right)): return CELValue.order(ExactDecimal(mantissa: Int128(left), scale: 0), right)
        case (.decimal, .double), (.double, .decimal):
            throw NoValue("a double cannot meet a decimal; write decimal(\"…\")")
        default: return nil
        }
    }

    /// A double against a whole number, in doubles: near 2^63 this loses digits, as the conformance cases want it.
    private static func order(_ left: Double, whole right: Double) -> Order {
        left.isNaN ? .unordered : order(left, right)
    }
}

extension CELValue.Order {
    var reversed: CELValue.Order {
        switch self {
        case .before: .after
        case .after: .before
        case .same: .same
        case .unordered: .unordered
        }
    }
}
