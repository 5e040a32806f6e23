import Kernel

/// The `math` extension: extremes, rounding of doubles, bits.
enum MathFunctions {
    static func add(to table: inout FunctionTable) {
        addExtremes(to: &table)
        addRounding(to: &table)
        addBits(to: &table)
    }

    private static func addExtremes(to table: inout FunctionTable) {
        for (name, wanted) in [("math.greatest", CELValue.Order.after), ("math.least", .before)] {
            table.add(name, .global, 1...64) { arguments, call throws(NoValue) in
                var candidates = arguments
                if arguments.count == 1, case .list(let list) = arguments[0] { candidates = Array(list) }
                guard var best = candidates.first else { throw NoValue("\(name)() needs at least one number") }
                guard best.isNumber else { throw NoValue.overload(name, arguments) }
                for candidate in candidates.dropFirst() {
                    guard candidate.isNumber, let order = try candidate.order(against: best, &call.cost) else {
                        throw NoValue.overload(name, arguments)
                    }
                    if order == wanted { best = candidate }
                }
                return best
            }
        }
    }

    private static func addRounding(to table: inout FunctionTable) {
        let rules: [(String, FloatingPointRoundingRule)] = [
            ("math.ceil", .up), ("math.floor", .down), ("math.round", .toNearestOrAwayFromZero), ("math.trunc", .towardZero),
        ]
        for (name, rule) in rules {
            table.add(name, .global, 1) { arguments, _ throws(NoValue) in
                guard case .double(let number) = arguments[0] else { throw NoValue.overload(name, arguments) }
                return .double(number.rounded(rule))
            }
        }
        let claims: [(String, @Sendable (Double) -> Bool)] = [
            ("math.isInf", { $0.isInfinite }), ("math.isNaN", { $0.isNaN }), ("math.isFinite", { $0.isFinite }),
        ]
        for (name, claim) in claims {
            table.add(name, .global, 1) { arguments, _ throws(NoValue) in
                guard case .double(let number) = arguments[0] else { throw NoValue.overload(name, arguments) }
                return .bool(claim(number))
            }
        }
        table.add("math.abs", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .int(let number): return number < 0 ? try Operators.negate(arguments[0]) : arguments[0]
            case .uint: return arguments[0]
            case .double(let number): return .double(number.magnitude)
            case .decimal(let number): return .decimal(number.magnitude)
            default: throw NoValue.overload("math.abs", arguments)
            }
        }
        table.add("math.sign", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .int(let number): return .int(number.signum())
            case .uint(let number): return .uint(number == 0 ? 0 : 1)
            case .double(let number): return .double(number.isNaN ? number : number == 0 ? 0 : number < 0 ? -1 : 1)
            default: throw NoValue.overload("math.sign", arguments)
            }
        }
        table.add("math.sqrt", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .int(let number): return .double(Double(number).squareRoot())
            case .uint(let number): return .double(Double(number).squareRoot())
            case .double(let number): return .double(number.squareRoot())
            default: throw NoValue.overload("math.sqrt", arguments)
            }
        }
    }

    private static func addBits(to table: inout FunctionTable) {
        let operations: [(String, @Sendable (UInt64, UInt64) -> UInt64)] = [
            ("math.bitOr", { $0 | $1 }), ("math.bitAnd", { $0 & $1 }), ("math.bitXor", { $0 ^ $1 }),
        ]
        for (name, operation) in operations {
            table.add(name, .global, 2) { arguments, _ throws(NoValue) in
                switch (arguments[0], arguments[1]) {
                case (.int(let left), .int(let right)):
                    return .int(Int64(bitPattern: operation(UInt64(bitPattern: left), UInt64(bitPattern: right))))
                case (.uint(let left), .uint(let right)): return .uint(operation(left, right))
                default: throw NoValue.overload(name, arguments)
                }
            }
        }
        table.add("math.bitNot", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .int(let number): return .int(~number)
            case .uint(let number): return .uint(~number)
            default: throw NoValue.overload("math.bitNot", arguments)
            }
        }
        for (name, isLeft) in [("math.bitShiftLeft", true), ("math.bitShiftRight", false)] {
            table.add(name, .global, 2) { arguments, _ throws(NoValue) in
                guard case .int(let places) = arguments[1] else { throw NoValue.overload(name, arguments) }
                guard places >= 0 else { throw NoValue("\(name)() with a negative shift") }
                switch arguments[0] {
                case .int(let number):
                    // Shifts work on the bits, without the sign, and leave nothing after 64 places.
                    let bits = UInt64(bitPattern: number)
                    return .int(Int64(bitPattern: places > 63 ? 0 : isLeft ? bits << UInt64(places) : bits >> UInt64(places)))
                case .uint(let number):
                    return .uint(places > 63 ? 0 : isLeft ? number << UInt64(places) : number >> UInt64(places))
                default: throw NoValue.overload(name, arguments)
                }
            }
        }
    }
}

extension CELValue {
    var isNumber: Bool {
        switch self {
        case .int, .uint, .double, .decimal: true
        case .null, .bool, .string, .bytes, .list, .map, .type, .timestamp, .duration, .money, .optional: false
        }
    }
}
