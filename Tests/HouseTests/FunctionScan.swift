/// Finds functions and how many lines they take, from the line of the word `func` to the line of the closing brace.
enum FunctionScan {
    struct Function {
        let name: String
        let firstLine: Int
        let lines: Int
    }

    private struct Token {
        let text: String
        let line: Int
    }

    /// Words that begin another declaration: a `func` that meets one before its brace is a requirement without a body.
    private static let declarations: Set<String> = [
        "func", "init", "deinit", "subscript", "var", "let", "static", "case", "struct", "class", "enum", "protocol", "extension",
        "associatedtype", "mutating", "package", "private", "internal", "fileprivate",
    ]

    static func functions(in text: SwiftText) -> [Function] {
        let tokens = tokens(of: text.code)
        var found: [Function] = []
        for index in tokens.indices {
            guard let name = name(at: index, in: tokens), let start = bodyStart(after: index, in: tokens) else { continue }
            let end = bodyEnd(from: start, in: tokens)
            found.append(Function(name: name, firstLine: tokens[index].line, lines: tokens[end].line - tokens[index].line + 1))
        }
        return found
    }

    /// C functions of the usual layout: a name in the first column begins one, a brace in the first column ends it.
    static func cFunctions(in lines: [String]) -> [Function] {
        var found: [Function] = []
        var start: (name: String, line: Int)?
        for (index, line) in lines.enumerated() {
            if line == "}", let open = start {
                found.append(Function(name: open.name, firstLine: open.line, lines: index - open.line + 1))
                start = nil
            } else if let first = line.utf8.first, first.isNamePart, let brace = line.firstIndex(of: "(") {
                let name = line[..<brace].split(whereSeparator: { $0 == " " || $0 == "*" }).last.map(String.init) ?? ""
                start = line.hasSuffix(";") ? nil : (name, index)
            }
        }
        return found
    }

    private static func tokens(of code: [String]) -> [Token] {
        var tokens: [Token] = []
        for (row, line) in code.enumerated() {
            var word: [UInt8] = []
            for byte in Array(line.utf8) + [UInt8(ascii: " ")] {
                if byte.isNamePart {
                    word.append(byte)
                } else {
                    if !word.isEmpty { tokens.append(Token(text: String(decoding: word, as: UTF8.self), line: row)) }
                    word.removeAll(keepingCapacity: true)
                    if byte != UInt8(ascii: " ") {
                        tokens.append(Token(text: String(decoding: [byte], as: UTF8.self), line: row))
                    }
                }
            }
        }
        return tokens
    }

    private static func name(at index: Int, in tokens: [Token]) -> String? {
        guard index == 0 || tokens[index - 1].text != "." else { return nil }  // `self.init(…)` and `Thing.init` are uses
        switch tokens[index].text {
        case "func": return index + 1 < tokens.count ? tokens[index + 1].text : nil
        case "init", "deinit", "subscript": return tokens[index].text
        case "var":
            // A computed property opens its brace on its own line without assigning anything before it.
            let line = tokens[index...].prefix { $0.line == tokens[index].line }
            let before = line.prefix { $0.text != "{" }
            let isComputed = before.count < line.count && !before.contains { $0.text == "=" }
            return isComputed && index + 1 < tokens.count ? tokens[index + 1].text : nil
        default: return nil
        }
    }

    private static func bodyStart(after index: Int, in tokens: [Token]) -> Int? {
        var depth = 0
        let hasName = tokens[index].text == "func" || tokens[index].text == "var"
        for at in tokens.index(index, offsetBy: hasName ? 2 : 1)..<max(tokens.count, index + 2) where at < tokens.count {
            switch tokens[at].text {
            case "(", "[": depth += 1
            case ")", "]": depth -= 1
            case "{" where depth == 0: return at
            case "}" where depth == 0: return nil
            case let word where depth == 0 && declarations.contains(word): return nil
            default: break
            }
            if depth < 0 { return nil }
        }
        return nil
    }

    private static func bodyEnd(from start: Int, in tokens: [Token]) -> Int {
        var depth = 0
        for at in start..<tokens.count {
            if tokens[at].text == "{" { depth += 1 }
            if tokens[at].text == "}" {
                depth -= 1
                if depth == 0 { return at }
            }
        }
        return tokens.count - 1
    }
}
