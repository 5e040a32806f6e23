import Kernel

/// Checked arithmetic: no coercion between types, overflow is an error.
enum Operators {
    static func negate(_ value: CELValue) throws(NoValue) -> CELValue {
        switch value {
        case .int(let number):
            guard number != .min else { throw NoValue("integer overflow") }
            return .int(-number)
        case .double(let number): return .double(-number)
        case .decimal(let number): return .decimal(number.negated)
        case .money(let money):
            return .money(try exact { () throws(Refusal) in try Money(minorUnits: -money.minorUnits, currency: money.currency) })
        case .duration(let span):
            guard let negated = CELDuration(totalNanos: -span.totalNanos) else { throw NoValue("duration out of range") }
            return .duration(negated)
        default: throw NoValue.overload("-", [value])
        }
    }

    static func apply(
        _ operation: Arithmetic, _ left: CELValue, _ right: CELValue, _ cost: inout UInt64
    ) throws(NoValue) -> CELValue {
        switch (left, right) {
        case (.int(let first), .int(let second)): return .int(try integers(operation, first, second))
        case (.uint(let first), .uint(let second)): return .uint(try integers(operation, first, second))
        case (.double(let first), .double(let second)): return try doubles(operation, first, second)
        case (.decimal(let first), .decimal(let second)): return try decimals(operation, first, second)
        case (.money(let first), .money(let second)): return try amounts(operation, first, second)
        case (.decimal(let first), .int(let second)): return try decimals(operation, first, ExactDecimal(second))
        case (.int(let first), .decimal(let second)): return try decimals(operation, ExactDecimal(first), second)
        case (.money(let money), .int(let factor)) where operation == .multiply,
            (.int(let factor), .money(let money)) where operation == .multiply:
            return try scaled(money, by: ExactDecimal(factor))
        case (.money(let money), .decimal(let factor)) where operation == .multiply,
            (.decimal(let factor), .money(let money)) where operation == .multiply:
            return try scaled(money, by: factor)
        case (.decimal, .double), (.double, .decimal), (.money, .double), (.double, .money):
            throw NoValue("a double cannot meet a decimal; write decimal(\"…\")")
        case (.string(let first), .string(let second)) where operation == .add:
            let bytes = first.utf8.count + second.utf8.count
            cost += UInt64(bytes) / 10
            guard bytes <= ExpressionBounds.stringBytesMax else { throw NoValue("the text grows too long") }
            return .string(first + second)
        case (.bytes(let first), .bytes(let second)) where operation == .add:
            cost += UInt64(first.count + second.count) / 10
            guard first.count + second.count <= ExpressionBounds.stringBytesMax else { throw NoValue("the bytes grow too long") }
            return .bytes(first + second)
        case (.list(let first), .list(let second)) where operation == .add:
            cost += UInt64(first.count + second.count)
            guard first.count + second.count <= ExpressionBounds.listItemsMax else { throw NoValue("the list grows too long") }
            return .list(Array(first) + Array(second))
        default: return try times(operation, left, right)
        }
    }

    private static func scaled(_ money: Money, by factor: ExactDecimal) throws(NoValue) -> CELValue {
        .money(try exact { () throws(Refusal) in try ExactDecimal(money).multiplied(by: factor).money(money.currency) })
    }

    private static func integers<Number: FixedWidthInteger>(
        _ operation: Arithmetic, _ left: Number, _ right: Number
    ) throws(NoValue) -> Number {
        let result: (partialValue: Number, overflow: Bool)
        switch operation {
        case .add: result = left.addingReportingOverflow(right)
        case .subtract: result = left.subtractingReportingOverflow(right)
        case .multiply: result = left.multipliedReportingOverflow(by: right)
        case .divide:
            guard right != 0 else { throw NoValue("divide by zero") }
            result = left.dividedReportingOverflow(by: right)
        case .remainder:
            guard right != 0 else { throw NoValue("modulus by zero") }
            result = left.remainderReportingOverflow(dividingBy: right)
        }
        guard !result.overflow else { throw NoValue("integer overflow") }
        return result.partialValue
    }

    private static func doubles(_ operation: Arithmetic, _ left: Double, _ right: Double) throws(NoValue) -> CELValue {
        switch operation {
        case .add: return .double(left + right)
        case .subtract: return .double(left - right)
        case .multiply: return .double(left * right)
        case .divide: return .double(left / right)
        case .remainder: throw NoValue.overload("%", [.double(left), .double(right)])
        }
    }

    private static func decimals(_ operation: Arithmetic, _ left: ExactDecimal, _ right: ExactDecimal) throws(NoValue) -> CELValue
    {
        switch operation {
        case .add: return .decimal(try exact { () throws(Refusal) in try left.adding(right) })
        case .subtract: return .decimal(try exact { () throws(Refusal) in try left.subtracting(right) })
        case .multiply: return .decimal(try exact { () throws(Refusal) in try left.multiplied(by: right) })
        case .divide, .remainder: throw NoValue("decimals are divided by div(x, y, scale, rounding)")
        }
    }

    private static func amounts(_ operation: Arithmetic, _ left: Money, _ right: Money) throws(NoValue) -> CELValue {
        guard left.currency == right.currency else {
            throw NoValue("an amount in \(left.currency) meets one in \(right.currency)")
        }
        switch operation {
        case .add: return .money(try exact { () throws(Refusal) in try Money.sum([left, right], currency: left.currency) })
        case .subtract:
            return .money(
                try exact { () throws(Refusal) in
                    try Money(minorUnits: left.minorUnits - right.minorUnits, currency: left.currency)
                })
        case .multiply, .divide, .remainder: throw NoValue.overload(operation.rawValue, [.money(left), .money(right)])
        }
    }

    private static func times(_ operation: Arithmetic, _ left: CELValue, _ right: CELValue) throws(NoValue) -> CELValue {
        switch (left, operation, right) {
        case (.timestamp(let instant), .add, .duration(let span)), (.duration(let span), .add, .timestamp(let instant)):
            return .timestamp(try instant.adding(span.totalNanos))
        case (.timestamp(let instant), .subtract, .duration(let span)): return .timestamp(try instant.adding(-span.totalNanos))
        case (.timestamp(let first), .subtract, .timestamp(let second)):
            return .duration(try duration(first.totalNanos - second.totalNanos))
        case (.duration(let first), .add, .duration(let second)):
            return .duration(try duration(first.totalNanos + second.totalNanos))
        case (.duration(let first), .subtract, .duration(let second)):
            return .duration(try duration(first.totalNanos - second.totalNanos))
        default: throw NoValue.overload(operation.rawValue, [left, right])
        }
    }

    private static func duration(_ nanos: Int128) throws(NoValue) -> CELDuration {
        guard let span = CELDuration(totalNanos: nanos) else { throw NoValue("duration out of range") }
        return span
    }

    static func exact<Value>(_ body: () throws(Refusal) -> Value) throws(NoValue) -> Value {
        do throws(Refusal) { return try body() } catch { throw NoValue(error.message) }
    }
}
