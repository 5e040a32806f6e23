import Expressions
import Kernel
import Policies

/// A JSON value of the definition in which texts may hold expressions: `${ … }` alone gives the value, among text it is spelled
/// out.
indirect enum Template: Sendable {
    case literal(JSONValue)
    case expression(CompiledExpression)
    case text([Segment])
    case array([Template])
    case object([(key: String, value: Template)])

    enum Piece {
        case plain(String)
        case source(String)
    }

    enum Segment: Sendable {
        case plain(String)
        case expression(CompiledExpression)
    }

    static func parse(_ json: JSONValue, in scope: ExpressionScope, at pointer: String, issues: inout [AssetIssue]) -> Template {
        switch json {
        case .null, .bool, .number: return .literal(json)
        case .array(let items):
            return .array(items.enumerated().map { parse($0.element, in: scope, at: "\(pointer)/\($0.offset)", issues: &issues) })
        case .object(let object):
            return .object(
                object.members.map { member in
                    let at = "\(pointer)/\(AssetIssue.token(member.key))"
                    return (key: member.key, value: parse(member.value, in: scope, at: at, issues: &issues))
                })
        case .string(let text): return parse(text, in: scope, at: pointer, issues: &issues)
        }
    }

    private static func parse(
        _ text: String, in scope: ExpressionScope, at pointer: String, issues: inout [AssetIssue]
    ) -> Template {
        guard let pieces = pieces(of: text) else {
            issues.append(AssetIssue(pointer, "An expression `${` is not closed.", remedy: "End it with `}`."))
            return .literal(.string(text))
        }
        var segments: [Segment] = []
        for piece in pieces {
            switch piece {
            case .plain(let text): segments.append(.plain(text))
            case .source(let source):
                guard let compiled = CompiledExpression.compile(source, in: scope, pointer: pointer, issues: &issues) else {
                    return .literal(.null)
                }
                segments.append(.expression(compiled))
            }
        }
        if segments.count == 1, case .expression(let only) = segments[0] { return .expression(only) }
        guard segments.contains(where: { if case .expression = $0 { true } else { false } }) else {
            return .literal(.string(text))
        }
        return .text(segments)
    }

    /// A text cut into what is spelled out and what is an expression; nil when an expression is not closed.
    static func pieces(of text: String) -> [Piece]? {
        var pieces: [Piece] = []
        var plain = ""
        var rest = Substring(text)
        while let opening = rest.firstRange(ofText: "${") {
            plain += rest[..<opening.lowerBound]
            let body = rest[opening.upperBound...]
            guard let end = closing(of: body) else { return nil }
            if !plain.isEmpty { pieces.append(.plain(plain)) }
            plain = ""
            pieces.append(.source(String(body[..<end])))
            rest = body[body.index(after: end)...]
        }
        plain += rest
        if !plain.isEmpty { pieces.append(.plain(plain)) }
        return pieces
    }

    /// The brace that ends an expression: braces of maps nest, and those in quotes do not count.
    private static func closing(of body: Substring) -> Substring.Index? {
        var depth = 0
        var quote: Character?
        var isEscaped = false
        for index in body.indices {
            let character = body[index]
            if let open = quote {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\" {
                    isEscaped = true
                } else if character == open {
                    quote = nil
                }
                continue
            }
            switch character {
            case "\"", "'": quote = character
            case "{": depth += 1
            case "}":
                if depth == 0 { return index }
                depth -= 1
            default: break
            }
        }
        return nil
    }

    func value(_ bindings: [String: CELValue]) throws(ExpressionFailure) -> JSONValue {
        switch self {
        case .literal(let value): return value
        case .expression(let expression): return try expression.value(bindings).json()
        case .text(let segments):
            var out = ""
            for segment in segments {
                switch segment {
                case .plain(let text): out += text
                case .expression(let expression): out += try Template.spelled(expression.value(bindings).json())
                }
            }
            return .string(out)
        case .array(let items):
            var out: [JSONValue] = []
            for item in items { out.append(try item.value(bindings)) }
            return .array(out)
        case .object(let members):
            var out: [(key: String, value: JSONValue)] = []
            for member in members { out.append((key: member.key, value: try member.value.value(bindings))) }
            return .object(JSONObject(out))
        }
    }

    private static func spelled(_ value: JSONValue) -> String {
        switch value {
        case .null: ""
        case .string(let text): text
        case .bool, .number, .array, .object: value.text
        }
    }
}

extension Substring {
    fileprivate func firstRange(ofText mark: String) -> Range<Index>? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(mark) { return at..<index(at, offsetBy: mark.count) }
            at = index(after: at)
        }
        return nil
    }
}
