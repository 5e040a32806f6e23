import Kernel

/// Exact decimals and money: the additions of this product to the language.
enum ExactFunctions {
    static func add(to table: inout FunctionTable) {
        table.add("decimal", .global, 1) { arguments, _ throws(NoValue) in .decimal(try decimal(arguments[0])) }
        table.add("money", .global, 1...2) { arguments, _ throws(NoValue) in try money(arguments) }
        table.add("amount", .member, 0) { arguments, _ throws(NoValue) in
            guard case .money(let money) = arguments[0] else { throw NoValue.overload("amount", arguments) }
            return .decimal(ExactDecimal(money))
        }
        table.add("currency", .member, 0) { arguments, _ throws(NoValue) in
            guard case .money(let money) = arguments[0] else { throw NoValue.overload("currency", arguments) }
            return .string(money.currency.code)
        }
        table.add("div", .global, 4) { arguments, _ throws(NoValue) in
            let (scale, rounding) = try rule(arguments[2], arguments[3])
            let left = try decimal(arguments[0])
            let right = try decimal(arguments[1])
            return .decimal(
                try Operators.exact { () throws(Refusal) in try left.divided(by: right, scale: scale, rounding: rounding) })
        }
        table.add("round", .global, 3) { arguments, _ throws(NoValue) in
            let (scale, rounding) = try rule(arguments[1], arguments[2])
            return .decimal(try decimal(arguments[0]).rounded(scale: scale, rounding))
        }
        table.add("abs", .global, 1) { arguments, _ throws(NoValue) in
            switch arguments[0] {
            case .decimal(let number): return .decimal(number.magnitude)
            case .money(let money): return money.minorUnits < 0 ? try Operators.negate(arguments[0]) : arguments[0]
            case .int(let number): return number < 0 ? try Operators.negate(arguments[0]) : arguments[0]
            default: throw NoValue.overload("abs", arguments)
            }
        }
    }

    /// Whole numbers and texts become decimals; a double never does.
    private static func decimal(_ value: CELValue) throws(NoValue) -> ExactDecimal {
        switch value {
        case .decimal(let number): return number
        case .int(let number): return ExactDecimal(number)
        case .uint(let number): return ExactDecimal(mantissa: Int128(number), scale: 0)
        case .string(let text):
            guard let number = ExactDecimal(text) else { throw NoValue("a text that is no decimal number") }
            return number
        case .double: throw NoValue("a double cannot become a decimal; write decimal(\"…\")")
        default: throw NoValue.overload("decimal", [value])
        }
    }

    /// `money("12.30", "EUR")`, or `money({"amount": "12.30", "currency": "EUR"})`.
    private static func money(_ arguments: [CELValue]) throws(NoValue) -> CELValue {
        if arguments.count == 1 {
            guard case .map(let map) = arguments[0], let amount = map[member: "amount"], let currency = map[member: "currency"]
            else {
                if case .money = arguments[0] { return arguments[0] }
                throw NoValue("money() takes an amount and a currency")
            }
            return try money([amount, currency])
        }
        guard case .string(let code) = arguments[1] else { throw NoValue.overload("money", arguments) }
        guard let currency = Currency(code) else { throw NoValue("'\(code)' is no currency of ISO 4217") }
        let amount = try decimal(arguments[0])
        return .money(try Operators.exact { () throws(Refusal) in try amount.money(currency) })
    }

    private static func rule(_ scale: CELValue, _ name: CELValue) throws(NoValue) -> (Int, ExactDecimal.Rounding) {
        guard case .int(let digits) = scale, digits >= 0, digits <= 18 else { throw NoValue("a scale has to be from 0 to 18") }
        guard case .string(let text) = name, let rounding = roundings[text] else {
            throw NoValue("a rounding is one of \(roundings.keys.sorted().joined(separator: ", "))")
        }
        return (Int(digits), rounding)
    }

    private static let roundings: [String: ExactDecimal.Rounding] = [
        "half-up": .halfUp, "half-even": .halfEven, "half-toward-positive": .halfTowardPositive, "down": .down, "up": .up,
        "floor": .floor, "ceiling": .ceiling,
    ]
}
