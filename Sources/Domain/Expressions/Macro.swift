/// The comprehension macros, by name and number of arguments.
enum Macro {
    static func expand(
        _ name: String, on range: Syntax, _ arguments: [Syntax], variable: (Syntax) throws(ExpressionFailure) -> String
    ) throws(ExpressionFailure) -> Syntax.Fold? {
        let shape: Syntax.Fold.Shape
        switch name {
        case "all": shape = .all
        case "exists": shape = .exists
        case "exists_one", "existsOne": shape = .existsOne
        case "map" where arguments.count == 2:
            return Syntax.Fold(
                shape: .list, range: range, first: try variable(arguments[0]), second: nil, condition: nil, result: arguments[1])
        case "map" where arguments.count == 3:
            return Syntax.Fold(
                shape: .list, range: range, first: try variable(arguments[0]), second: nil, condition: arguments[1],
                result: arguments[2])
        case "filter" where arguments.count == 2:
            return Syntax.Fold(
                shape: .list, range: range, first: try variable(arguments[0]), second: nil, condition: arguments[1], result: nil)
        case "transformList", "transformMap", "transformMapEntry":
            guard arguments.count == 3 || arguments.count == 4 else { return nil }
            shape = name == "transformList" ? .list : (name == "transformMap" ? .map : .mapEntries)
            return Syntax.Fold(
                shape: shape, range: range, first: try variable(arguments[0]), second: try distinct(arguments, variable),
                condition: arguments.count == 4 ? arguments[2] : nil, result: arguments[arguments.count - 1])
        default: return nil
        }
        switch arguments.count {
        case 2:
            return Syntax.Fold(
                shape: shape, range: range, first: try variable(arguments[0]), second: nil, condition: arguments[1], result: nil)
        case 3:
            return Syntax.Fold(
                shape: shape, range: range, first: try variable(arguments[0]), second: try distinct(arguments, variable),
                condition: arguments[2], result: nil)
        default: return nil
        }
    }

    private static func distinct(
        _ arguments: [Syntax], _ variable: (Syntax) throws(ExpressionFailure) -> String
    ) throws(ExpressionFailure) -> String {
        let second = try variable(arguments[1])
        guard try variable(arguments[0]) != second else {
            throw ExpressionFailure(.syntax, "The two loop variables need different names.", at: arguments[1].offset)
        }
        return second
    }
}
