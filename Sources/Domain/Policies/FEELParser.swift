import Kernel

/// Reads FEEL. Names may hold blanks and signs, so the reader is told which names there are and takes the longest that fits.
struct FEELParser {
    static let scalarsMax = 10_000
    static let depthMax = 60
    /// Operators, members and filters of one expression, since each nests the expression one level deeper to the left.
    static let operationsMax = 500

    static let keywords: Set<String> = [
        "and", "or", "if", "then", "else", "for", "in", "return", "some", "every", "satisfies", "between", "true", "false",
        "null",
        "instance", "of", "function", "external",
    ]

    let text: [Unicode.Scalar]
    /// The longest first.
    var names: [[Unicode.Scalar]]
    var at = 0
    private var depth = 0
    private var operations = 0

    private init(_ source: String, names: [String]) throws(FEELProblem) {
        text = Array(source.unicodeScalars)
        self.names = names.map { Array($0.unicodeScalars) }.sorted { $0.count > $1.count }
        guard text.count <= FEELParser.scalarsMax else {
            throw FEELProblem(offset: 0, message: "An expression may have at most \(FEELParser.scalarsMax) characters")
        }
    }

    static func expression(_ source: String, names: [String]) throws(FEELProblem) -> FEELExpression {
        var parser = try FEELParser(source, names: names + FEELFunctions.names)
        let out = try parser.expression()
        try parser.end()
        return out
    }

    static func unaryTests(_ source: String, names: [String]) throws(FEELProblem) -> FEELUnaryTests {
        var parser = try FEELParser(source, names: names + FEELFunctions.names)
        parser.skip()
        if parser.isAtMinusAlone {
            return FEELUnaryTests(tests: [], isNegated: false)
        }
        var isNegated = false
        let start = parser.at
        if parser.takeWord("not") {
            parser.skip()
            if parser.take("("), parser.closesAtEnd() { isNegated = true } else { parser.at = start }
        }
        let tests = try parser.tests()
        if isNegated { try parser.expect(")") }
        try parser.end()
        return FEELUnaryTests(tests: tests, isNegated: isNegated)
    }

    private var isAtMinusAlone: Bool {
        text[at...].first == "-" && text[(at + 1)...].allSatisfy { $0.properties.isWhitespace }
    }

    /// Whether the parenthesis just opened is closed by the last sign of the text; `not(a) and b` is no negated cell.
    private func closesAtEnd() -> Bool {
        var open = 1
        var isQuoted = false
        for place in at..<text.count {
            if text[place] == "\"", place == 0 || text[place - 1] != "\\" { isQuoted.toggle() }
            guard !isQuoted else { continue }
            if text[place] == "(" { open += 1 }
            if text[place] == ")" { open -= 1 }
            if open == 0 { return text[(place + 1)...].allSatisfy { $0.properties.isWhitespace } }
        }
        return false
    }

    private mutating func tests() throws(FEELProblem) -> [FEELTest] {
        var out = [try test()]
        while take(",") { out.append(try test()) }
        return out
    }

    private mutating func test() throws(FEELProblem) -> FEELTest {
        skip()
        for sign in [FEELExpression.Operator.lessOrEqual, .greaterOrEqual, .unequal, .less, .greater, .equal]
        where take(sign.rawValue) {
            return FEELTest(form: .compare(sign, try additive()))
        }
        return FEELTest(form: .value(try expression()))
    }

    // MARK: Expressions, from the loosest binding to the tightest

    private mutating func expression() throws(FEELProblem) -> FEELExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= FEELParser.depthMax else { throw problem("The expression is nested deeper than \(FEELParser.depthMax)") }
        skip()
        if takeWord("if") {
            let test = try expression()
            try expectWord("then")
            let then = try expression()
            try expectWord("else")
            return .choice(test, then: then, otherwise: try expression())
        }
        for (kind, word) in [(FEELExpression.Loop.for, "return"), (.some, "satisfies"), (.every, "satisfies")]
        where takeWord(kind.rawValue) {
            return try loop(kind, until: word)
        }
        return try disjunction()
    }

    private mutating func loop(_ kind: FEELExpression.Loop, until word: String) throws(FEELProblem) -> FEELExpression {
        let outer = names
        defer { names = outer }
        var sources: [(name: String, source: FEELExpression)] = []
        repeat {
            skip()
            guard let name = identifier() else { throw problem("A name has to stand here") }
            try expectWord("in")
            var source = try expression()
            if take("..") { source = .range(low: source, high: try expression(), isLowClosed: true, isHighClosed: true) }
            sources.append((name: name, source: source))
            know(name)
        } while take(",")
        try expectWord(word)
        return .loop(kind, sources, try expression())
    }

    private mutating func disjunction() throws(FEELProblem) -> FEELExpression {
        var left = try conjunction()
        while takeWord("or") {
            try count()
            left = .binary(.or, left, try conjunction())
        }
        return left
    }

    private mutating func conjunction() throws(FEELProblem) -> FEELExpression {
        var left = try comparison()
        while takeWord("and") {
            try count()
            left = .binary(.and, left, try comparison())
        }
        return left
    }

    private mutating func comparison() throws(FEELProblem) -> FEELExpression {
        let left = try additive()
        skip()
        if takeWord("between") {
            let low = try additive()
            try expectWord("and")
            return .between(left, low: low, high: try additive())
        }
        if takeWord("in") {
            if take("(") { return .isIn(left, try listed()) }
            return .isIn(left, [try test()])
        }
        for sign in [FEELExpression.Operator.lessOrEqual, .greaterOrEqual, .unequal, .less, .greater, .equal]
        where take(sign.rawValue) {
            return .binary(sign, left, try additive())
        }
        return left
    }

    /// `in (1, 2)` lists tests; `in (1..2)` is a range that begins with the same sign.
    private mutating func listed() throws(FEELProblem) -> [FEELTest] {
        let first = try test()
        if case .value(let low) = first.form, take("..") {
            let high = try additive()
            let isClosed = take("]")
            if !isClosed { try expect(")") }
            return [FEELTest(form: .value(.range(low: low, high: high, isLowClosed: false, isHighClosed: isClosed)))]
        }
        var out = [first]
        while take(",") { out.append(try test()) }
        try expect(")")
        return out
    }

    private mutating func additive() throws(FEELProblem) -> FEELExpression {
        var left = try multiplicative()
        while true {
            if take("+") {
                try count()
                left = .binary(.add, left, try multiplicative())
            } else if take("-") {
                try count()
                left = .binary(.subtract, left, try multiplicative())
            } else {
                return left
            }
        }
    }

    private mutating func multiplicative() throws(FEELProblem) -> FEELExpression {
        var left = try power()
        while true {
            skip()
            if peek("**") { return left }
            if take("*") {
                try count()
                left = .binary(.multiply, left, try power())
            } else if take("/") {
                try count()
                left = .binary(.divide, left, try power())
            } else {
                return left
            }
        }
    }

    private mutating func power() throws(FEELProblem) -> FEELExpression {
        var left = try signed()
        while take("**") {
            try count()
            left = .binary(.power, left, try signed())
        }
        return left
    }

    /// The minus binds more tightly than the power: `-2 ** 2` is 4.
    private mutating func signed() throws(FEELProblem) -> FEELExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= FEELParser.depthMax else { throw problem("The expression is nested deeper than \(FEELParser.depthMax)") }
        if take("-") { return .negated(try signed()) }
        return try postfix()
    }

    private mutating func postfix() throws(FEELProblem) -> FEELExpression {
        var base = try primary()
        while true {
            skip()
            if peek("..") { return base }
            if take(".") {
                try count()
                guard let name = name() else { throw problem("The name of a member has to stand here") }
                base = .path(base, name)
            } else if peek("["), isFilterable(base) {
                try count()
                _ = take("[")
                let outer = names
                know("item")
                let condition = try expression()
                names = outer
                try expect("]")
                base = .filter(base, condition)
            } else {
                return base
            }
        }
    }

    private mutating func count() throws(FEELProblem) {
        operations += 1
        guard operations <= FEELParser.operationsMax else {
            throw problem("The expression has more than \(FEELParser.operationsMax) operations")
        }
    }

    private mutating func know(_ name: String) {
        let scalars = Array(name.unicodeScalars)
        names.insert(scalars, at: names.firstIndex { $0.count <= scalars.count } ?? names.count)
    }

    private func isFilterable(_ expression: FEELExpression) -> Bool {
        if case .literal = expression { false } else { true }
    }

    private mutating func primary() throws(FEELProblem) -> FEELExpression {
        skip()
        guard at < text.count else { throw problem("The expression ends where a value has to stand") }
        let scalar = text[at]
        if scalar == "\"" { return .literal(.string(try string())) }
        if scalar == "@" {
            at += 1
            let written = try string()
            return .literal(FEELFunctions.temporal(written) ?? .null)
        }
        if ("0"..."9").contains(scalar) || scalar == "." && at + 1 < text.count && ("0"..."9").contains(text[at + 1]) {
            return .literal(.number(try number()))
        }
        if scalar == "?" {
            at += 1
            return .subject
        }
        if scalar == "{" { return try context() }
        if scalar == "[" || scalar == "]" || scalar == "(" { return try bracketed(scalar) }
        for (word, value) in [("true", FEELValue.boolean(true)), ("false", .boolean(false)), ("null", .null)] where takeWord(word)
        {
            return .literal(value)
        }
        guard let name = name() else { throw problem("A value has to stand here, and not `\(String(scalar))`") }
        skip()
        return peek("(") ? try call(name) : .name(name)
    }

    /// `(e)`, a list, or a range with any of its brackets.
    private mutating func bracketed(_ opening: Unicode.Scalar) throws(FEELProblem) -> FEELExpression {
        at += 1
        skip()
        if opening == "[", take("]") { return .list([]) }
        let first = try expression()
        if take("..") {
            let high = try expression()
            let isClosed = take("]")
            if !isClosed, !take(")"), !take("[") { throw problem("The range is not closed") }
            return .range(low: first, high: high, isLowClosed: opening == "[", isHighClosed: isClosed)
        }
        switch opening {
        case "(":
            try expect(")")
            return first
        case "[":
            var items = [first]
            while take(",") { items.append(try expression()) }
            try expect("]")
            return .list(items)
        default: throw problem("A range is written as ]low..high]")
        }
    }

    private mutating func context() throws(FEELProblem) -> FEELExpression {
        let outer = names
        defer { names = outer }
        at += 1
        var entries: [(name: String, value: FEELExpression)] = []
        if take("}") { return .context([]) }
        repeat {
            skip()
            let key: String
            if at < text.count, text[at] == "\"" {
                key = try string()
            } else {
                let start = at
                while at < text.count, text[at] != ":", text[at] != "}", text[at] != "," { at += 1 }
                var scalars = String.UnicodeScalarView()
                scalars.append(contentsOf: text[start..<at])
                key = String(scalars).trimmed
            }
            guard !key.isEmpty else { throw problem("The name of an entry has to stand here") }
            try expect(":")
            entries.append((name: key, value: try expression()))
            know(key)
        } while take(",")
        try expect("}")
        return .context(entries)
    }

    private mutating func call(_ name: String) throws(FEELProblem) -> FEELExpression {
        try expect("(")
        if take(")") { return .call(name, [], names: nil) }
        var arguments: [FEELExpression] = []
        var labels: [String] = []
        repeat {
            if let label = label() { labels.append(label) }
            arguments.append(try expression())
        } while take(",")
        try expect(")")
        guard labels.isEmpty || labels.count == arguments.count else {
            throw problem("Either all arguments of `\(name)` are named, or none")
        }
        return .call(name, arguments, names: labels.isEmpty ? nil : labels)
    }

    /// `name :` in front of an argument.
    private mutating func label() -> String? {
        skip()
        let start = at
        var scalars = String.UnicodeScalarView()
        while at < text.count, FEELParser.isPart(text[at]) || text[at] == " " {
            scalars.append(text[at])
            at += 1
        }
        let name = String(scalars).trimmed
        if !name.isEmpty, at < text.count, text[at] == ":" {
            at += 1
            return name
        }
        at = start
        return nil
    }
}
