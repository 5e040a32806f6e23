/// Reads the tokens of an expression into a tree: recursive descent over the grammar of the CEL definition, bounded in depth
/// and nodes.
struct ExpressionParser {
    private let pieces: [Lexer.Piece]
    private var at = 0
    private var depth = 0
    private var nodes = 0

    static func parse(_ source: String) throws(ExpressionFailure) -> Syntax {
        var parser = ExpressionParser(pieces: try Lexer.pieces(of: source))
        let tree = try parser.expression()
        guard parser.token == .end else { throw parser.unexpected("an operator or the end") }
        return tree
    }

    private init(pieces: [Lexer.Piece]) { self.pieces = pieces }

    private var token: Lexer.Token { pieces[at].token }
    private var offset: Int { pieces[at].offset }

    private func unexpected(_ wanted: String) -> ExpressionFailure {
        let found =
            switch token {
            case .end: "the end"
            case .symbol(let text), .identifier(let text), .quotedName(let text): "'\(text)'"
            case .int, .uint, .double: "a number"
            case .string, .bytes: "a text"
            }
        return ExpressionFailure(.syntax, "Expected \(wanted), found \(found).", at: offset)
    }

    private mutating func take(_ symbol: String) -> Bool {
        guard token == .symbol(symbol) else { return false }
        at += 1
        return true
    }

    private func isNext(_ symbol: String) -> Bool { at + 1 < pieces.count && pieces[at + 1].token == .symbol(symbol) }

    private mutating func expect(_ symbol: String) throws(ExpressionFailure) {
        guard take(symbol) else { throw unexpected("'\(symbol)'") }
    }

    private mutating func node(_ kind: Syntax.Kind, at offset: Int) throws(ExpressionFailure) -> Syntax {
        nodes += 1
        let made = Syntax(kind, at: offset)
        guard nodes <= ExpressionBounds.nodesMax, made.depth <= ExpressionBounds.depthMax else {
            throw ExpressionFailure(.syntax, "The expression is too large or too deeply nested.", at: offset)
        }
        return made
    }

    private mutating func expression() throws(ExpressionFailure) -> Syntax {
        depth += 1
        defer { depth -= 1 }
        guard depth <= ExpressionBounds.depthMax else {
            throw ExpressionFailure(.syntax, "The expression is too deeply nested.", at: offset)
        }
        let test = try disjunction()
        let start = offset
        guard take("?") else { return test }
        let yes = try disjunction()
        try expect(":")
        let no = try expression()
        return try node(.conditional(test, yes, no), at: start)
    }

    private mutating func disjunction() throws(ExpressionFailure) -> Syntax {
        let start = offset
        var operands = [try conjunction()]
        while take("||") { operands.append(try conjunction()) }
        return operands.count == 1 ? operands[0] : try node(.or(operands), at: start)
    }

    private mutating func conjunction() throws(ExpressionFailure) -> Syntax {
        let start = offset
        var operands = [try binary(level: 0)]
        while take("&&") { operands.append(try binary(level: 0)) }
        return operands.count == 1 ? operands[0] : try node(.and(operands), at: start)
    }

    /// Relations, sums and products, from loose to tight; all bind to the left.
    private static let levels: [Set<String>] = [["<", "<=", ">", ">=", "==", "!="], ["+", "-"], ["*", "/", "%"]]

    private mutating func binary(level: Int) throws(ExpressionFailure) -> Syntax {
        guard level < ExpressionParser.levels.count else { return try unary() }
        var left = try binary(level: level + 1)
        while true {
            let start = offset
            let name: String
            if case .symbol(let symbol) = token, ExpressionParser.levels[level].contains(symbol) {
                name = symbol
            } else if level == 0, token == .identifier("in") {
                name = "in"
            } else {
                return left
            }
            at += 1
            let right = try binary(level: level + 1)
            left = try node(.call(name, target: nil, [left, right]), at: start)
        }
    }

    private mutating func unary() throws(ExpressionFailure) -> Syntax {
        let start = offset
        for (symbol, function) in [("!", "!"), ("-", "-")] where token == .symbol(symbol) {
            var count = 0
            while token == .symbol(symbol), symbol == "!" || !negativeNumberFollows() {
                at += 1
                count += 1
            }
            guard count <= ExpressionBounds.depthMax else { throw unexpected("fewer signs") }
            var operand = try member()
            for _ in 0..<count { operand = try node(.call(function, target: nil, [operand]), at: start) }
            return operand
        }
        return try member()
    }

    /// `-` directly before a number belongs to the number, so that the least integer can be written.
    private func negativeNumberFollows() -> Bool {
        guard token == .symbol("-"), at + 1 < pieces.count else { return false }
        switch pieces[at + 1].token {
        case .int, .double: return true
        case .identifier, .quotedName, .uint, .string, .bytes, .symbol, .end: return false
        }
    }

    private mutating func member() throws(ExpressionFailure) -> Syntax {
        var operand = try primary()
        while true {
            let start = offset
            if take(".") {
                let isOptional = take("?")
                let place = offset
                let name: String
                switch token {
                case .identifier(let text) where !ExpressionParser.keywords.contains(text): name = text
                case .quotedName(let text): name = text
                default: throw unexpected("a field name")
                }
                at += 1
                if isOptional {
                    operand = try node(.optionalSelect(operand, name), at: place)
                } else if token == .symbol("("), pieces[at - 1].token == .identifier(name) {
                    let arguments = try callArguments()
                    operand = try call(name, on: operand, arguments, at: place)
                } else {
                    operand = try node(.select(operand, name), at: place)
                }
            } else if take("[") {
                let name = take("?") ? "[?]" : "[]"
                let index = try expression()
                try expect("]")
                operand = try node(.call(name, target: nil, [operand, index]), at: start)
            } else if token == .symbol("{"), let name = ExpressionParser.typeName(operand) {
                throw ExpressionFailure(.syntax, "There is no message type '\(name)' to be made.", at: start)
            } else {
                return operand
            }
        }
    }

    private static let keywords: Set<String> = ["in", "true", "false", "null"]
    private static let reserved: Set<String> = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package", "namespace",
        "return",
        "var", "void", "while",
    ]

    private static func typeName(_ operand: Syntax) -> String? {
        switch operand.kind {
        case .identifier(let name, _): name
        case .select(let inner, let name): typeName(inner).map { $0 + "." + name }
        default: nil
        }
    }

    private mutating func callArguments() throws(ExpressionFailure) -> [Syntax] {
        try expect("(")
        var out: [Syntax] = []
        if take(")") { return out }
        repeat { out.append(try expression()) } while take(",")
        try expect(")")
        return out
    }

    private mutating func primary() throws(ExpressionFailure) -> Syntax {
        let start = offset
        let isNegative = negativeNumberFollows()
        if isNegative { at += 1 }
        switch token {
        case .int(let magnitude):
            at += 1
            guard let value = isNegative ? Int64(exactly: -Int128(magnitude)) : Int64(exactly: magnitude) else {
                throw ExpressionFailure(.syntax, "A whole number that does not fit 64 bits.", at: start)
            }
            return try node(.literal(.int(value)), at: start)
        case .uint(let value):
            at += 1
            return try node(.literal(.uint(value)), at: start)
        case .double(let value):
            at += 1
            return try node(.literal(.double(isNegative ? -value : value)), at: start)
        case .string(let value):
            at += 1
            return try node(.literal(.string(value)), at: start)
        case .bytes(let value):
            at += 1
            return try node(.literal(.bytes(value)), at: start)
        case .identifier(let name): return try named(name, isAbsolute: false, at: start)
        case .symbol("."):
            at += 1
            guard case .identifier(let name) = token else { throw unexpected("a name") }
            return try named(name, isAbsolute: true, at: start)
        case .symbol("("):
            at += 1
            let inner = try expression()
            try expect(")")
            return inner
        case .symbol("["): return try listLiteral(at: start)
        case .symbol("{"): return try mapLiteral(at: start)
        case .quotedName, .symbol, .end: throw unexpected("a value")
        }
    }

    private mutating func named(_ name: String, isAbsolute: Bool, at start: Int) throws(ExpressionFailure) -> Syntax {
        if !isAbsolute {
            switch name {
            case "true", "false":
                at += 1
                return try node(.literal(.bool(name == "true")), at: start)
            case "null":
                at += 1
                return try node(.literal(.null), at: start)
            default: break
            }
        }
        guard !ExpressionParser.reserved.contains(name), !ExpressionParser.keywords.contains(name) else {
            throw ExpressionFailure(.syntax, "'\(name)' is a reserved word.", at: start)
        }
        at += 1
        guard token == .symbol("(") else { return try node(.identifier(name, isAbsolute: isAbsolute), at: start) }
        let arguments = try callArguments()
        if name == "has", arguments.count == 1 {
            switch arguments[0].kind {
            case .select(let operand, let field): return try node(.has(operand, field), at: arguments[0].offset)
            default: throw ExpressionFailure(.syntax, "has() asks for a field, as in has(a.b).", at: start)
            }
        }
        return try node(.call(name, target: nil, arguments), at: start)
    }

    private mutating func listLiteral(at start: Int) throws(ExpressionFailure) -> Syntax {
        try expect("[")
        var items: [Syntax.Item] = []
        // `[,]` is a list too.
        if token == .symbol(","), isNext("]") { at += 1 }
        while token != .symbol("]") {
            let isOptional = take("?")
            items.append(Syntax.Item(value: try expression(), isOptional: isOptional))
            guard take(",") else { break }
        }
        try expect("]")
        return try node(.list(items), at: start)
    }

    private mutating func mapLiteral(at start: Int) throws(ExpressionFailure) -> Syntax {
        try expect("{")
        var entries: [Syntax.Entry] = []
        if token == .symbol(","), isNext("}") { at += 1 }
        while token != .symbol("}") {
            let isOptional = take("?")
            let key = try expression()
            try expect(":")
            entries.append(Syntax.Entry(key: key, value: try expression(), isOptional: isOptional))
            guard take(",") else { break }
        }
        try expect("}")
        return try node(.map(entries), at: start)
    }

    private mutating func call(
        _ name: String, on target: Syntax, _ arguments: [Syntax], at start: Int
    ) throws(ExpressionFailure) -> Syntax {
        if name == "bind", arguments.count == 3, case .identifier("cel", _) = target.kind {
            return try node(.bind(try variable(arguments[0]), arguments[1], arguments[2]), at: start)
        }
        if name == "optMap" || name == "optFlatMap", arguments.count == 2 {
            let map = Syntax.OptionalMap(
                target: target, name: try variable(arguments[0]), body: arguments[1], isFlat: name == "optFlatMap")
            return try node(.optionalMap(map), at: start)
        }
        guard
            let fold = try Macro.expand(
                name, on: target, arguments, variable: { syntax throws(ExpressionFailure) in try variable(syntax) })
        else { return try node(.call(name, target: target, arguments), at: start) }
        return try node(.fold(fold), at: start)
    }

    private func variable(_ syntax: Syntax) throws(ExpressionFailure) -> String {
        guard case .identifier(let name, isAbsolute: false) = syntax.kind else {
            throw ExpressionFailure(.syntax, "A loop variable has to be a simple name.", at: syntax.offset)
        }
        return name
    }
}
